//! Simulated clusters with troubles at random moments, and runs on them until nothing changes.
//!
//! A failure names its seed; `HOMELABCTL_SEED=<seed> cargo test --lib membership::runs` does it again, and nothing else.

mod controller;
mod etcd;
mod figures;
mod kubeadm;
mod mutants;
mod observe;
mod rules;
mod story;
mod truth;
mod world;

use self::controller::{Ended, Run};
use self::etcd::{Cluster, Node};
use self::observe::{Confusion, wanted};
use self::story::{Story, Trouble};
use self::world::{Files, OTHERS, World};
use crate::cluster::membership::{Action, CONTROL_PLANE, Credentials, InitPart, Marks, Refused, Why};
use crate::node::simulated::Random;

/// How many in a build that is not optimised.
const RUNS: u64 = 3000;
/// How often a run follows the last trouble until two runs say the same.
const MOST: usize = 8;
/// The authority of a cluster that is there from the beginning.
const CA: u32 = 1;
/// The Node of a control plane that the inventory does not name.
const OUTSIDER: &str = "outsider";

/// What came of one cluster.
struct Told {
    kind: &'static str,
    troubles: Vec<Trouble>,
    actions: Vec<String>,
    /// What stayed refused, and why it may.
    refused: Vec<(&'static str, &'static str)>,
    runs: usize,
}

/// A world as a seed draws it.
struct Case {
    kind: &'static str,
    world: World,
    control_planes: usize,
    story: Story,
}

fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let control_planes = [1, 3, 3, 3, 5][random.below(5)];
    let workers = random.below(4);
    let name = |index: usize| if index < control_planes { format!("cp{index}") } else { format!("w{index}") };
    let nodes: Vec<String> = (0..control_planes + workers).map(name).collect();
    let mut world = World::new(Random::new(random.number()), &nodes);
    world.kube_vip = random.once_in(2);
    world.cni = !random.once_in(3);
    let mut kind = "nothing yet";
    if random.once_in(2) {
        kind = "a whole cluster";
        let joined = if random.once_in(3) { 1 + random.below(nodes.len()) } else { nodes.len() };
        if joined < nodes.len() {
            kind = "a cluster of some of them";
        }
        live(&mut world, joined, control_planes);
        if joined >= control_planes && world.random.once_in(5) {
            outsider(&mut world, CA);
        }
    }
    if random.once_in(12) {
        kind = "one is another cluster's";
        let at = world.hosts[random.below(nodes.len())];
        if world.machines[at].files == Files::default() {
            foreign(&mut world, at);
        }
    } else if random.once_in(25) && workers > 0 && kind != "nothing yet" {
        kind = "one is in the wrong group";
        wrong_group(&mut world, control_planes, control_planes + random.below(workers));
    }
    if kind == "nothing yet" && random.once_in(15) {
        kind = "certificates were laid out by hand";
        for host in 0..control_planes {
            let ca = [None, Some(50), Some(50), Some(51)][random.below(3) + random.below(2)];
            world.machines[world.hosts[host]].files.ca = ca;
        }
    }
    if kind == "a whole cluster" && random.once_in(15) {
        kind = "etcd's data is elsewhere on one";
        let at = world.hosts[random.below(control_planes)];
        world.machines[at].data_elsewhere = true;
    }
    // drawn apart, so that each other cluster stays the one that its seed has always drawn
    let mut more = Random::new(seed ^ 0x5eed_0fa1);
    if more.once_in(20) && nodes.len() > 1 {
        kind = same_node(&mut world, &mut more).unwrap_or(kind);
    } else if more.once_in(20) && kind != "nothing yet" {
        kind = left_out(&mut world, &mut more).unwrap_or(kind);
    }
    let (count, within) = (1 + random.below(4), if kind == "a whole cluster" { 40 } else { 160 });
    let story = Story::draw(&mut random, count, within, nodes.len());
    Case { kind, world, control_planes, story }
}

/// The first of the machines make up a cluster.
fn live(world: &mut World, joined: usize, control_planes: usize) {
    let ca = CA;
    let mut cluster = Cluster::new(ca, world.machines[world.hosts[0]].address);
    cluster.parts = InitPart::ALL.into_iter().collect();
    cluster.members.clear();
    for index in 0..joined {
        let at = world.hosts[index];
        let (is_first, is_control_plane) = (index == 0, index < control_planes);
        let uid = world.fresh();
        let machine = &mut world.machines[at];
        let id = u64::try_from(index).unwrap() + 100;
        machine.files = Files {
            ca: Some(ca),
            kubelet_conf: Some((ca, machine.node.clone())),
            certificate: true,
            kubelet_config: true,
            admin: is_control_plane,
            super_admin: is_first,
            etcd: is_control_plane.then_some(!is_first),
            control_plane: is_control_plane,
            kube_vip: (is_control_plane && world.kube_vip).then_some(Credentials::Admin),
            data: is_control_plane.then_some((world.clusters.len(), id)),
            ..Files::default()
        };
        (machine.kubelet, machine.has_registered) = (true, true);
        let mut marks = Marks::default();
        if is_control_plane {
            marks.labels.insert(CONTROL_PLANE.to_owned(), String::new());
            let name = machine.node.clone();
            cluster.members.push(etcd::Member { id, name, address: machine.address, learner: false, since: 0, is_synced: true });
        }
        cluster.nodes.insert(machine.node.clone(), Node { uid, machine: machine.id, heard: 0, is_ready: true, marks });
    }
    world.clusters.push(cluster);
}

/// A control plane of the same cluster that the inventory does not name.
fn outsider(world: &mut World, ca: u32) {
    let at = world.blank(OUTSIDER, None);
    let cluster = world.clusters.len() - 1;
    let machine = &mut world.machines[at];
    let id = 200;
    machine.files = Files {
        ca: Some(ca),
        kubelet_conf: Some((ca, OUTSIDER.to_owned())),
        certificate: true,
        kubelet_config: true,
        admin: true,
        etcd: Some(true),
        control_plane: true,
        kube_vip: world.kube_vip.then_some(Credentials::Admin),
        data: Some((cluster, id)),
        ..Files::default()
    };
    machine.kubelet = true;
    let (name, address) = (machine.node.clone(), machine.address);
    world.clusters[cluster].members.push(etcd::Member { id, name, address, learner: false, since: 0, is_synced: true });
}

/// That machine is a control plane of another cluster, or a worker of one.
fn foreign(world: &mut World, at: usize) {
    let is_control_plane = world.machines[at].node.starts_with("cp") && world.random.once_in(2);
    let mut cluster = Cluster::new(OTHERS, world.machines[at].address);
    cluster.is_ours = false;
    cluster.members[0].name.clone_from(&world.machines[at].node);
    let machine = &mut world.machines[at];
    machine.files = Files {
        ca: Some(OTHERS),
        kubelet_conf: Some((OTHERS, machine.node.clone())),
        certificate: true,
        kubelet_config: true,
        etcd: is_control_plane.then_some(false),
        control_plane: is_control_plane,
        super_admin: is_control_plane && world.random.once_in(2),
        data: is_control_plane.then_some((world.clusters.len(), 1)),
        ..Files::default()
    };
    (machine.kubelet, machine.is_foreign) = (true, true);
    world.clusters.push(cluster);
}

/// A worker of the inventory that has a control plane's manifests.
fn wrong_group(world: &mut World, control_planes: usize, host: usize) {
    let machine = &mut world.machines[world.hosts[host]];
    let old = std::mem::replace(&mut machine.node, format!("x{host}"));
    if let Some((_, node)) = machine.files.kubelet_conf.as_mut() {
        node.clone_from(&machine.node);
    }
    machine.files.control_plane = true;
    if let Some(cluster) = world.clusters.first_mut()
        && let Some(node) = cluster.nodes.remove(&old)
    {
        cluster.nodes.insert(machine.node.clone(), node);
    }
    debug_assert!(host >= control_planes);
}

/// A machine without anything on it calls itself as another one of the inventory does.
fn same_node(world: &mut World, random: &mut Random) -> Option<&'static str> {
    let count = world.hosts.len();
    let (at, other) = (world.hosts[random.below(count)], world.hosts[random.below(count)]);
    if at == other || world.machines[at].files != Files::default() || world.machines[other].is_foreign {
        return None;
    }
    world.machines[at].node = world.machines[other].node.clone();
    Some("two hosts are one Node")
}

/// Whoever made the cluster left something out that `kubeadm init` makes last.
fn left_out(world: &mut World, random: &mut Random) -> Option<&'static str> {
    let cluster = world.clusters.iter_mut().find(|cluster| cluster.is_ours)?;
    let parts: &[InitPart] = [&[InitPart::CoreDns][..], &[InitPart::KubeProxy], &[InitPart::CoreDns, InitPart::KubeProxy]][random.below(3)];
    for part in parts {
        cluster.parts.remove(part);
        cluster.left_out.insert(*part);
    }
    Some("something was left out on purpose")
}

/// Runs until all troubles are over and two runs in a row say the same and do nothing.
fn play(case: &mut Case, confusion: Option<Confusion>) -> (Vec<Action>, Vec<Refused>, usize) {
    let (mut actions, mut runs, mut quiet) = (Vec::new(), 0, 0);
    let mut last = Vec::new();
    let mut after = 0;
    case.story.tell(&mut case.world);
    while after < MOST {
        runs += 1;
        let is_over = case.story.is_over();
        after += usize::from(is_over);
        let number = u32::try_from(runs).unwrap();
        let mut run = Run { number, control_planes: case.control_planes, confusion, story: &mut case.story, did: Vec::new() };
        let ended = run.go(&mut case.world);
        let did = run.did;
        if !case.world.wrong.is_empty() {
            return (actions, last, runs);
        }
        let refused = match ended {
            Ended::Refused(refused) => Some(refused),
            Ended::Done => Some(Vec::new()),
            Ended::Killed | Ended::Declined => None,
        };
        let is_same = |refused: &Vec<Refused>| *refused == last;
        quiet = if is_over && did.is_empty() && refused.as_ref().is_some_and(is_same) { quiet + 1 } else { 0 };
        let pause = if did.is_empty() { 25 } else { 5 };
        actions.extend(did);
        last = refused.unwrap_or_default();
        if quiet > 0 {
            return (actions, last, runs);
        }
        // some time until somebody runs it again
        for _ in 0..pause {
            case.world.tick();
            case.story.tell(&mut case.world);
        }
    }
    case.world.wrong.push(format!("it is never quiet: {last:?}"));
    (actions, last, runs)
}

/// One cluster, from its seed to its end.
fn one(seed: u64) -> Told {
    let mut case = case(seed);
    let (actions, refused, runs) = play(&mut case, None);
    let told = |what: &str| {
        let did: Vec<String> = actions.iter().map(ToString::to_string).collect();
        format!("{what}\nafter {:?}, which was {}\nrefused {refused:#?}\ndone {did:#?}\n{}", case.story.told, case.kind, case.world.told())
    };
    assert!(case.world.wrong.is_empty(), "{}", told(&case.world.wrong[0]));
    let wanted = wanted(&case.world, case.control_planes);
    let mut excused = Vec::new();
    for each in &refused {
        let Some(excuse) = truth::excuse(&case.world, &wanted, each, &refused) else {
            panic!("{}", told(&format!("refused without a reason: {each:?}")))
        };
        let is_lost = excuse.contains("is gone") || excuse.contains("removed");
        let had_cause = case.story.told.iter().any(|trouble| trouble.destroys());
        assert!(!is_lost || had_cause, "{}", told(&format!("nobody but us took that away: {each:?}")));
        excused.push((each.why.word(), excuse));
    }
    // who is not refused is as it should be, whatever the others are
    if refused.iter().all(|each| each.host.is_some()) {
        for (index, host) in wanted.hosts.iter().enumerate() {
            let is_refused = refused.iter().any(|each| each.host.as_deref() == Some(&host.name));
            let is_dead = excused.iter().any(|(_, why)| why.starts_with("a majority"));
            // a cluster is not made on one of them, nor finished by it, nor is anything done before it is known what was left out
            let is_one = |each: &Refused| {
                let host = wanted.hosts.iter().find(|host| each.host.as_deref() == Some(&host.name));
                host.is_some_and(|host| wanted.control_planes().any(|other| other.node == host.node))
            };
            let waits = refused.iter().any(|each| each.why == Why::LeftOut || each.why == Why::SameNode && is_one(each));
            // two machines that call themselves the same take turns, and nobody can tell
            let is_excused = is_refused || is_dead || waits || truth::has_twin(&case.world, &wanted, host);
            if let Some(lacks) = truth::lacks(&case.world, &wanted, index).filter(|_| !is_excused) {
                panic!("{}", told(&lacks));
            }
        }
    }
    if refused.is_empty()
        && let Some(lacks) = truth::cluster_lacks(&case.world, &wanted)
    {
        panic!("{}", told(&lacks));
    }
    let kinds = actions.iter().map(|action| format!("{:?}", action.act.kind())).collect();
    Told { kind: case.kind, troubles: case.story.told, actions: kinds, refused: excused, runs }
}

/// One cluster, whatever comes of it: for those who look at what runs see.
pub(super) fn comes_by(seed: u64) {
    let mut case = case(seed);
    play(&mut case, None);
}

#[test]
fn they_converge_or_refuse_with_a_reason() {
    figures::many(RUNS, one);
}

#[test]
#[ignore = "takes minutes: `make simulate`"]
fn hundred_thousand() {
    let runs = std::env::var("HOMELABCTL_RUNS").ok().and_then(|runs| runs.parse().ok());
    figures::many(runs.unwrap_or(100_000), one);
}
