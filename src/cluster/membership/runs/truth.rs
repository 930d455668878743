//! What must hold, judged by the world itself and not by what was seen of it.

use super::world::{OTHERS, World};
use crate::cluster::membership::{Act, Action, Host, InitPart, Kind, Refused, Role, Wanted, Why};

/// Actions that were just decided: each is judged by the world as it is at this moment.
pub(super) fn judge(world: &mut World, wanted: &Wanted, actions: &[Action]) {
    let mut wrong = Vec::new();
    let host_of = |action: &Action| wanted.hosts.iter().position(|host| host.name == action.host).unwrap();
    let changes = |action: &&Action| {
        let is_quiet = matches!(action.act.kind(), Kind::StartKubelet | Kind::Mark | Kind::RemoveMaterial | Kind::Revoke);
        wanted.hosts[host_of(action)].role == Role::ControlPlane && !is_quiet
    };
    if actions.iter().filter(changes).count() > 1 {
        wrong.push("two control planes are acted on at once".to_owned());
    }
    let is_held = world.clusters.iter().any(|cluster| cluster.lease.is_some_and(|(holder, _)| holder >= 10_000));
    for action in actions {
        let (index, kind) = (host_of(action), action.act.kind());
        let at = world.hosts[index];
        let machine = &world.machines[at];
        if machine.unit.is_some() && kind != Kind::StartKubelet {
            wrong.push("a kubeadm is still running there".to_owned());
        }
        if machine.is_foreign && kind != Kind::StartKubelet {
            wrong.push("the machine is another cluster's".to_owned());
        }
        if is_held && kind != Kind::StartKubelet && kind != Kind::RemoveMaterial {
            wrong.push("another run changes the cluster".to_owned());
        }
        let is_same = |other: &&Host| other.node == wanted.hosts[index].node;
        if kind != Kind::Revoke && wanted.hosts.iter().filter(is_same).count() > 1 {
            wrong.push("another host of the inventory is the same Node".to_owned());
        }
        let is_control_planes = machine.files.data.is_some() || machine.files.control_plane;
        if wanted.hosts[index].role == Role::Worker && is_control_planes && matches!(kind, Kind::Join | Kind::Reset | Kind::DeleteNode) {
            wrong.push("the worker has a control plane's files".to_owned());
        }
        let found = match &action.act {
            Act::Init { .. } => init(world, wanted, index),
            Act::Join(Role::ControlPlane) => join_control_plane(world),
            Act::DeleteNode { uid } => delete_node(world, at, uid),
            Act::RemoveMember { id, .. } => remove_member(world, *id),
            Act::Reset { .. } => reset(world, at),
            Act::FinishInit(parts) => finish_init(world, parts),
            _ => Vec::new(),
        };
        wrong.extend(found.into_iter().map(|what| format!("{action}: {what}")));
    }
    if !wrong.is_empty() {
        let told = world.told();
        world.wrong.extend(wrong.into_iter().map(|what| format!("{what} (decided {actions:?})\n{told}")));
    }
}

/// The rule of init, by the truth.
fn init(world: &World, wanted: &Wanted, on: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut authorities = std::collections::BTreeSet::new();
    for (index, host) in wanted.hosts.iter().enumerate() {
        let machine = &world.machines[world.hosts[index]];
        let files = &machine.files;
        if host.role == Role::Worker {
            if machine.is_up && machine.ssh && files.kubelet_conf.as_ref().is_some_and(|(ca, _)| *ca != OTHERS) {
                wrong.push(format!("{} belongs to a cluster at the endpoint", host.name));
            }
            continue;
        }
        authorities.extend(files.ca);
        if !machine.is_up || !machine.ssh {
            wrong.push(format!("{} was not reached", host.name));
        }
        if files.data.is_some() {
            wrong.push(format!("{} has etcd data", host.name));
        }
        if (files.control_plane || files.etcd.is_some()) && (index != on || !files.super_admin) {
            wrong.push(format!("{} has manifests", host.name));
        }
        if !world.listens(world.hosts[index]).is_empty() {
            wrong.push(format!("somebody listens on {}", host.name));
        }
    }
    if authorities.len() > 1 {
        wrong.push("there are two authorities".to_owned());
    }
    if world.usurper || world.endpoint().is_some() {
        wrong.push("an API stands behind the endpoint".to_owned());
    }
    wrong
}

fn join_control_plane(world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(cluster) = world.endpoint() else { return wrong };
    for member in &world.clusters[cluster].members {
        match world.alive(cluster, member.id) {
            _ if member.learner => wrong.push("there is a learner already".to_owned()),
            None => wrong.push(format!("the voter {:x} is down", member.id)),
            Some(at) if world.serves(at).is_none() => wrong.push(format!("the API server on machine {at} is not ready")),
            Some(_) => {}
        }
    }
    wrong
}

fn delete_node(world: &World, at: usize, uid: &str) -> Vec<String> {
    let name = &world.machines[at].node;
    let living = (0..world.clusters.len()).filter(|cluster| world.clusters[*cluster].is_ours && world.has_quorum(*cluster));
    let nodes = living.filter_map(|cluster| world.clusters[cluster].nodes.get(name)).filter(|node| node.uid.to_string() == uid);
    nodes
        .filter_map(|node| match node {
            node if node.is_ready => Some("the Node is ready".to_owned()),
            node if node.machine == world.machines[at].id => Some("the Node is this machine's".to_owned()),
            _ => None,
        })
        .collect()
}

fn remove_member(world: &World, id: u64) -> Vec<String> {
    // each cluster counts its members from 1 here, so it is the one that the run speaks to whose voter that is
    let Some(cluster) = world.endpoint() else { return Vec::new() };
    let kept = &world.clusters[cluster];
    let is_voter = kept.is_ours && kept.members.iter().any(|member| member.id == id && !member.learner);
    match (0..world.machines.len()).find(|at| world.machines[*at].files.data == Some((cluster, id))) {
        Some(at) if is_voter => vec![format!("machine {at} has the data of that voter")],
        _ => Vec::new(),
    }
}

fn finish_init(world: &World, parts: &[InitPart]) -> Vec<String> {
    let left_out = world.endpoint().map(|cluster| &world.clusters[cluster].left_out);
    let added = parts.iter().filter(|part| left_out.is_some_and(|left_out| left_out.contains(part)));
    added.map(|part| format!("{part:?} was left out on purpose")).collect()
}

fn reset(world: &World, at: usize) -> Vec<String> {
    let machine = &world.machines[at];
    let is_own = |node: &super::etcd::Node| node.machine == machine.id && node.is_ready;
    let living = world.endpoint().and_then(|cluster| world.clusters[cluster].nodes.get(&machine.node));
    if machine.files.data.is_none() && machine.files.kubelet_conf.is_some() && machine.kubelet && living.is_some_and(is_own) {
        return vec!["its Node is ready".to_owned()];
    }
    let speaks = |other: &usize| *other != at && world.serves(*other).is_some() && world.hosts.contains(other);
    if let Some(cluster) = world.endpoint().filter(|cluster| Some(world.clusters[*cluster].ca) == machine.files.ca)
        && machine.files.admin
        && !(0..world.machines.len()).any(|other| speaks(&other))
    {
        return vec![format!("nobody else in the inventory speaks for cluster {cluster}")];
    }
    let Some((cluster, id)) = world.machines[at].files.data else { return Vec::new() };
    let is_voter = world.clusters[cluster].members.iter().any(|member| member.id == id && !member.learner);
    if is_voter { vec!["its data is a voter's".to_owned()] } else { Vec::new() }
}

/// A member is removed now: a voter whose data is anywhere, or a learner that somebody is bringing in, must stay.
pub(super) fn removes(world: &mut World, cluster: usize, id: u64) {
    let Some(member) = world.clusters[cluster].members.iter().find(|member| member.id == id) else { return };
    let (learner, address) = (member.learner, member.address);
    if !learner && world.holds_data(cluster, id) {
        world.wrong.push(format!("the voter {id:x} is removed, and its data is there"));
    }
    let joins = |machine: &super::world::Machine| machine.address == address && machine.is_up && machine.unit.is_some();
    if learner && world.machines.iter().any(joins) {
        world.wrong.push(format!("the learner {id:x} is removed while it joins"));
    }
}

/// The cluster that the inventory's machines make up, if it has a majority or could have.
pub(super) fn living(world: &World) -> Option<usize> {
    (0..world.clusters.len()).rev().find(|cluster| {
        let kept = &world.clusters[*cluster];
        let voters: Vec<u64> = kept.members.iter().filter(|member| !member.learner).map(|member| member.id).collect();
        kept.is_ours && voters.iter().filter(|id| world.holds_data(*cluster, **id)).count() > voters.len() / 2
    })
}

/// What is not as it should be of a host that nothing was refused of, when all troubles are over.
pub(super) fn lacks(world: &World, wanted: &Wanted, index: usize) -> Option<String> {
    let (host, at) = (&wanted.hosts[index], world.hosts[index]);
    let (machine, files) = (&world.machines[at], &world.machines[at].files);
    let lacks = |what: &str| Some(format!("{}: {what}", host.name));
    let Some(cluster) = world.endpoint() else { return lacks("no API behind the endpoint") };
    let kept = &world.clusters[cluster];
    let Some(node) = kept.nodes.get(&host.node) else { return lacks("no Node") };
    if node.machine != machine.id
        || !node.is_ready
        || !files.certificate
        || files.kubelet_conf.as_ref().is_none_or(|(of, _)| *of != kept.ca)
    {
        return lacks("its Node is not its own, or not ready");
    }
    if !host.marks.missing_from(&node.marks).is_empty() {
        return lacks("its marks");
    }
    if files.material || files.bootstrap.is_some() {
        return lacks("join material was left");
    }
    if host.role == Role::ControlPlane && world.serves(at) != Some(cluster) {
        return lacks("its API server does not serve");
    }
    let is_voter = files.data.is_some_and(|(of, id)| of == cluster && kept.members.iter().any(|member| member.id == id && !member.learner));
    if (host.role == Role::ControlPlane) != is_voter {
        return lacks("its vote");
    }
    None
}

/// What is not as it should be of the cluster, when nothing was refused.
pub(super) fn cluster_lacks(world: &World, wanted: &Wanted) -> Option<String> {
    let Some(cluster) = world.endpoint() else { return Some("no API".to_owned()) };
    let kept = &world.clusters[cluster];
    if kept.parts.len() + kept.left_out.len() != InitPart::ALL.len() {
        return Some(format!("only {:?} of what init leaves", kept.parts));
    }
    if !kept.tokens.is_empty() || kept.certificates.is_some() {
        return Some("tokens or certificates are left".to_owned());
    }
    // those of machines that the inventory does not name are none of ours
    let named = |id: u64| world.hosts.iter().any(|at| world.machines[*at].files.data == Some((cluster, id)));
    let members = kept.members.iter().filter(|member| named(member.id) || !world.holds_data(cluster, member.id)).count();
    (members != wanted.control_planes().count()).then(|| format!("{members} members"))
}

/// Whether another machine than the inventory's was that host, and is still somewhere.
pub(super) fn has_twin(world: &World, wanted: &Wanted, host: &Host) -> bool {
    let now = wanted.hosts.iter().position(|other| other.name == host.name).map(|index| world.hosts[index]);
    (0..world.machines.len()).any(|at| Some(at) != now && world.machines[at].node == host.node)
}

/// Why that may rightly be refused when all troubles are over; nothing if it must not.
pub(super) fn excuse(world: &World, wanted: &Wanted, refused: &Refused, all: &[Refused]) -> Option<&'static str> {
    let index = refused.host.as_ref().and_then(|name| wanted.hosts.iter().position(|host| host.name == *name));
    let machine = index.map(|index| &world.machines[world.hosts[index]]);
    let is = |what: bool, why: &'static str| what.then_some(why);
    let living = living(world);
    let ours = living.map(|cluster| world.clusters[cluster].ca);
    let is_twin = |host: &Host| has_twin(world, wanted, host);
    // its learner keeps every other one from joining
    let is_of_twin = |other: &Refused| wanted.hosts.iter().any(|host| other.host.as_deref() == Some(&host.name) && is_twin(host));
    let any = |kinds: &[Why]| all.iter().any(|other| kinds.contains(&other.why));
    match refused.why {
        Why::Foreign => {
            let machine = machine?;
            let files = &machine.files;
            let has_others = files.ca.is_some() && files.ca != ours || files.kubelet_conf.as_ref().is_some_and(|(of, _)| Some(*of) != ours);
            if machine.is_foreign {
                return Some("the machine is another cluster's");
            }
            if has_others {
                return Some("the machine is of a cluster whose data is gone");
            }
            // a reset of ours that was cut off has to be finished
            is(files.data.is_some() && files.ca.is_none() && files.reset.is_none(), "its /etc/kubernetes was removed")
        }
        Why::SameNode => {
            let host = &wanted.hosts[index?];
            is(wanted.hosts.iter().filter(|other| other.node == host.node).count() > 1, "two hosts of the inventory are one Node")
        }
        Why::LeftOut => is(world.clusters.iter().any(|cluster| !cluster.left_out.is_empty()), "it was left out on purpose"),
        Why::WrongRole => is(machine?.node.starts_with("x"), "the inventory has it in the wrong group"),
        Why::Broken if is_twin(&wanted.hosts[index?]) => Some("the old machine lives on"),
        Why::Broken => is(machine?.files.ca.is_none(), "its /etc/kubernetes was removed"),
        Why::OnlySpeaker => {
            is(wanted.control_planes().count() == 1 || all.len() > 1, "the cluster's other control planes are not in the inventory")
        }
        Why::MemberElsewhere | Why::ApiSilent if machine.is_some_and(|machine| machine.data_elsewhere) => {
            Some("its etcd data is elsewhere")
        }
        Why::MemberElsewhere | Why::NodeIsReady => is(is_twin(&wanted.hosts[index?]), "the old machine lives on"),
        // of a member that has not started nobody knows whose it is but by its address, which is the old machine's
        Why::Gate if is_twin(&wanted.hosts[index?]) || all.iter().any(|other| other.why == Why::Gate && is_of_twin(other)) => {
            Some("the old machine was being joined")
        }
        Why::Gate => is(any(&[Why::Broken, Why::MemberElsewhere, Why::Foreign, Why::SameNode]), "a voter cannot be healed"),
        Why::ApiSilent | Why::EtcdSilent
            if living.is_none() && wanted.control_planes().enumerate().any(|(index, _)| world.machines[world.hosts[index]].is_foreign) =>
        {
            Some("a control plane is another cluster's")
        }
        Why::ApiSilent | Why::EtcdSilent if !world.hosts.iter().any(|at| world.machines[*at].files.ca == ours) => {
            Some("the cluster that lives is the old machines'")
        }
        Why::ApiSilent | Why::EtcdSilent => is(living.is_none() || !world.has_quorum(living?), "a majority of etcd's data is gone"),
        Why::Init | Why::TwoClusters => {
            let is_lost = living.is_none() && !world.clusters.iter().all(|cluster| !cluster.is_ours);
            let of_control_planes = || wanted.control_planes().enumerate().map(|(index, host)| (&world.machines[world.hosts[index]], host));
            if of_control_planes().any(|(machine, _)| {
                (machine.files.data.is_some() || machine.files.etcd.is_some() || machine.files.control_plane) && machine.files.ca.is_none()
            }) {
                return Some("the /etc/kubernetes of a control plane was removed");
            }
            let authorities: std::collections::BTreeSet<_> = of_control_planes().filter_map(|(machine, _)| machine.files.ca).collect();
            if authorities.len() > 1 {
                return Some("control planes have certificates of two authorities");
            }
            if world.endpoint().is_some_and(|cluster| world.clusters[cluster].members.iter().all(|member| member.name == super::OUTSIDER)) {
                return Some("the cluster's other control planes are not in the inventory");
            }
            if of_control_planes().any(|(_, host)| is_twin(host)) {
                return Some("the old machine lives on");
            }
            let has_foreign = of_control_planes().any(|(machine, _)| machine.is_foreign);
            if is_lost {
                return Some("all of the cluster's data is gone, or of no use");
            }
            is(has_foreign, "a control plane is another cluster's")
        }
        _ => None,
    }
}
