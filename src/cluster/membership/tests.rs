//! The page; and single decisions, each from evidence that a person could write down.

use std::path::Path;

use super::*;

const CA: &str = "sha256:ours";

/// With `HOMELABCTL_WRITE_DOCS=1` the page is written anew instead: `make docs`.
#[test]
fn docs_cluster_states_is_what_the_code_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cluster-states.md");
    if std::env::var_os("HOMELABCTL_WRITE_DOCS").is_some() {
        return std::fs::write(file, page()).unwrap();
    }
    let there = std::fs::read_to_string(file).unwrap_or_default();
    assert!(there == page(), "docs/cluster-states.md is not what the code says: `make docs` writes it");
}

fn wanted() -> Wanted {
    let host = |(index, name): (usize, &str)| Host {
        name: name.to_owned(),
        node: name.to_owned(),
        role: if name.starts_with('m') { Role::ControlPlane } else { Role::Worker },
        address: format!("10.0.0.{}", index + 1),
        marks: Marks::default(),
    };
    let hosts = ["m1", "m2", "m3", "w1", "w2"].into_iter().enumerate().map(host).collect();
    Wanted { endpoint: "10.0.0.100:6443".into(), kube_vip: false, parts: InitPart::ALL.into_iter().collect(), hosts }
}

/// Five machines with nothing on them.
fn bare() -> Evidence {
    let machine = |host: Host| {
        let id = format!("id-{}", host.name);
        (host.name, Reach::Reached(Box::new(Machine::blank(&id))))
    };
    let machines = wanted().hosts.into_iter().map(machine).collect();
    Evidence { machines, api: Api::Silent("refused".into()), etcd: Etcd::Unknown("refused".into()) }
}

/// All five make up a cluster.
fn whole() -> Evidence {
    let mut evidence = bare();
    let (mut nodes, mut members) = (Vec::new(), Vec::new());
    for (index, host) in wanted().hosts.into_iter().enumerate() {
        let is_control_plane = host.role == Role::ControlPlane;
        let there = |is: bool| Seen::certain(is);
        let machine = machine(&mut evidence, &host.name);
        machine.ca = Seen::Present(CA.into());
        let server = "https://10.0.0.100:6443".to_owned();
        machine.kubelet_conf = Seen::Present(KubeletConf { ca: CA.into(), server, node: Seen::Present(host.node.clone()) });
        machine.kubelet_config = Seen::Present(());
        machine.kubelet = Seen::Present(());
        machine.super_admin_conf = there(host.name == "m1");
        machine.etcd_data = there(is_control_plane);
        machine.readyz = there(is_control_plane);
        machine.endpoint = Seen::Present(());
        if is_control_plane {
            machine.manifests = Seen::Present(Manifests { etcd: true, control_plane: true, kube_vip: None });
            machine.ports = Seen::Present(PORTS.into_iter().collect());
            members.push(member(index as u64 + 1, &host, false));
        }
        let mut marks = Marks::default();
        if is_control_plane {
            marks.labels.insert(CONTROL_PLANE.into(), String::new());
        }
        let machine_id = format!("id-{}", host.name);
        nodes.push(NodeObject { name: host.node, uid: format!("uid-{}", host.name), machine_id, ready: Ready::Yes, marks });
    }
    evidence.api = Api::Answers(Box::new(Objects {
        ca: CA.into(),
        nodes: Seen::Present(nodes),
        csrs: Seen::Present(Vec::new()),
        parts: InitPart::ALL.into_iter().map(|part| (part, Seen::Present(()))).collect(),
        disabled: std::collections::BTreeSet::new(),
        lease: Seen::Absent,
        tokens: Seen::Present(Vec::new()),
        certificates: Seen::Absent,
    }));
    evidence.etcd = Etcd::Answers(Members { ca: CA.into(), members, leader: Seen::Present(1) });
    evidence
}

fn member(id: u64, host: &Host, learner: bool) -> Member {
    Member { id, name: host.node.clone(), peer: host.peer_url(), learner, healthy: Seen::Present(()) }
}

fn machine<'a>(evidence: &'a mut Evidence, host: &str) -> &'a mut Machine {
    match evidence.machines.get_mut(host) {
        Some(Reach::Reached(machine)) => machine,
        _ => panic!("{host} was not reached"),
    }
}

fn objects(evidence: &mut Evidence) -> &mut Objects {
    match &mut evidence.api {
        Api::Answers(objects) => objects,
        other => panic!("{other:?}"),
    }
}

fn nodes(evidence: &mut Evidence) -> &mut Vec<NodeObject> {
    match &mut objects(evidence).nodes {
        Seen::Present(nodes) => nodes,
        other => panic!("{other:?}"),
    }
}

fn members(evidence: &mut Evidence) -> &mut Vec<Member> {
    match &mut evidence.etcd {
        Etcd::Answers(members) => &mut members.members,
        other @ Etcd::Unknown(_) => panic!("{other:?}"),
    }
}

/// Nothing of a cluster is on that host, in the API or in etcd.
fn absent(evidence: &mut Evidence, host: &str) {
    *machine(evidence, host) = Machine::blank(&format!("id-{host}"));
    nodes(evidence).retain(|node| node.name != host);
    members(evidence).retain(|member| member.name != host);
}

/// A wait of that host that came to nothing.
fn waited(host: &str, what: For) -> Waits {
    Waits { host: host.to_owned(), what, which: String::new(), of_all: false }
}

/// What is done, what is waited for, what is refused; in words.
fn told(evidence: &Evidence) -> Vec<String> {
    told_after(evidence, &Memory::default())
}

fn told_after(evidence: &Evidence, memory: &Memory) -> Vec<String> {
    let next = next(&wanted(), evidence, memory);
    let mut lines: Vec<String> = next.actions.iter().map(|action| format!("do: {action}")).collect();
    lines.extend(next.waits.iter().map(|waits| format!("wait: {} {} ({})", waits.host, waits.what.word(), waits.which)));
    lines.extend(next.refused.iter().map(|refused| format!("refuse: {}", refused.refusal.why)));
    assert!(next.refused.iter().all(|refused| refused.refusal.hint.is_some()), "each refusal names what goes on");
    lines
}

#[test]
fn a_whole_cluster_is_left_alone() {
    assert!(next(&wanted(), &whole(), &Memory::default()).is_done());
}

#[test]
fn the_eight_half_states_are_finished() {
    // certificates
    let mut evidence = bare();
    machine(&mut evidence, "m1").ca = Seen::Present(CA.into());
    assert_eq!(told(&evidence), ["do: finish making the cluster on m1 (kubeadm init, its files kept)"]);
    // manifests
    let written = whole();
    let Some(Reach::Reached(first)) = written.machines.get("m1") else { panic!() };
    let (conf, manifests) = (first.kubelet_conf.clone(), first.manifests.clone());
    let m1 = machine(&mut evidence, "m1");
    (m1.kubelet_conf, m1.manifests, m1.super_admin_conf) = (conf, manifests, Seen::Present(()));
    assert_eq!(told(&evidence), ["do: finish making the cluster on m1 (kubeadm init, its files kept)"]);
    // etcd up without the admin binding
    let mut evidence = whole();
    ["m2", "m3", "w1", "w2"].iter().for_each(|host| absent(&mut evidence, host));
    for part in [InitPart::AdminBinding, InitPart::StoredConfig] {
        objects(&mut evidence).parts.insert(part, Seen::Absent);
    }
    let finish = "do: finish making the cluster from m1: the rights of admin.conf, the stored configuration";
    assert_eq!(told(&evidence), [finish]);
    // kubelet.conf, and no Node yet
    let mut evidence = whole();
    nodes(&mut evidence).retain(|node| node.name != "w1");
    assert_eq!(told(&evidence), ["do: start w1's kubelet anew, so that it registers its Node"]);
    // a request that nobody has decided
    let w1 = machine(&mut evidence, "w1");
    (w1.kubelet_conf, w1.bootstrap_conf) = (Seen::Absent, Seen::Present(()));
    assert_eq!(told(&evidence), ["wait: w1 for its kubelet's certificate (its kubelet has no certificate yet)"]);
    objects(&mut evidence).csrs = Seen::Present(vec![Csr { name: "csr-1".into(), node: "w1".into(), pending: true }]);
    assert_eq!(told(&evidence), ["do: approve w1's certificate request csr-1"]);
    // as the real kubelet does it: its file is there before its certificate
    let conf = KubeletConf { ca: CA.into(), server: "https://10.0.0.100:6443".into(), node: Seen::Absent };
    machine(&mut evidence, "w1").kubelet_conf = Seen::Present(conf.clone());
    assert_eq!(told(&evidence), ["do: approve w1's certificate request csr-1"]);
    // the kubelet ended before it had one, and its token with it
    machine(&mut evidence, "w1").bootstrap_conf = Seen::Absent;
    machine(&mut evidence, "w1").kubelet = Seen::Absent;
    assert_eq!(told(&evidence), ["do: reset w1, which never came to be a part of the cluster"]);
    // a learner that was added, and one that has started
    for has_started in [false, true] {
        let mut evidence = whole();
        let m3 = wanted().hosts[2].clone();
        absent(&mut evidence, "m3");
        let mut learner = member(9, &m3, true);
        if !has_started {
            learner.name.clear();
            learner.healthy = Seen::Absent;
        }
        members(&mut evidence).push(learner);
        machine(&mut evidence, "m3").ca = Seen::Present(CA.into());
        machine(&mut evidence, "m3").etcd_data = Seen::certain(has_started);
        assert_eq!(told(&evidence), ["do: remove m3's etcd member 9, which has no vote, after a snapshot"]);
        // unless a kubeadm is still at it
        machine(&mut evidence, "m3").unit = Seen::Present("homelabctl-join".into());
        assert_eq!(told(&evidence), ["wait: m3 for the kubeadm of an earlier run (homelabctl-join is still running)"]);
        machine(&mut evidence, "m3").unit = Seen::Absent;
        objects(&mut evidence).lease = Seen::Present("pat@laptop".into());
        assert_eq!(told(&evidence), ["wait: m1 for another run to end (pat@laptop changes the cluster)"]);
    }
    // promoted without a Node
    let mut evidence = whole();
    nodes(&mut evidence).retain(|node| node.name != "m3");
    machine(&mut evidence, "m3").kubelet_conf = Seen::Absent;
    assert_eq!(told(&evidence), ["do: finish the join of m3"]);
}

#[test]
fn a_replaced_control_plane_loses_its_member_then_its_node_and_joins() {
    let mut evidence = whole();
    *machine(&mut evidence, "m3") = Machine::blank("id-new");
    nodes(&mut evidence)[2].ready = Ready::Unheard;
    // not while it answers
    assert!(told(&evidence)[0].starts_with("wait: m3 for the old machine to be seen as gone"), "{:?}", told(&evidence));
    members(&mut evidence)[2].healthy = Seen::Unknown("a time-out".into());
    assert!(told(&evidence)[0].starts_with("wait: m3 for the old machine to be seen as gone"), "{:?}", told(&evidence));
    members(&mut evidence)[2].healthy = Seen::Absent;
    assert_eq!(told(&evidence), ["do: remove m3's etcd member 3, whose data is gone, after a snapshot"]);
    // not without a majority beside it
    members(&mut evidence)[1].healthy = Seen::Absent;
    assert!(told(&evidence)[0].contains("only 1 of the other 2 voters answer"), "{:?}", told(&evidence));
    members(&mut evidence).remove(2);
    members(&mut evidence)[1].healthy = Seen::Present(());
    assert_eq!(told(&evidence), ["do: delete the Node of the machine that m3 was"]);
    nodes(&mut evidence)[2].ready = Ready::Yes;
    assert!(told(&evidence)[0].starts_with("wait: m3 for the old machine to be seen as gone"), "{:?}", told(&evidence));
    nodes(&mut evidence).remove(2);
    assert_eq!(told(&evidence), ["do: join m3 as a control plane"]);
    // not while a voter is down, or its API server is not ready
    members(&mut evidence)[0].healthy = Seen::Absent;
    machine(&mut evidence, "m2").readyz = Seen::Absent;
    let text = told(&evidence).concat();
    assert!(text.contains("etcd's member m1 does not answer; the API server on m2 is not ready"), "{text}");
}

#[test]
fn what_is_not_ours_or_not_reached_is_left_alone() {
    // another cluster's node
    let mut evidence = whole();
    absent(&mut evidence, "w2");
    let conf = KubeletConf { ca: "sha256:other".into(), server: "https://10.9.9.9:6443".into(), node: Seen::Present("w2".into()) };
    machine(&mut evidence, "w2").kubelet_conf = Seen::Present(conf);
    absent(&mut evidence, "w1");
    let lines = told(&evidence);
    assert_eq!(lines[0], "do: join w1 as a worker");
    assert!(lines[1].contains("its kubelet belongs to the cluster at https://10.9.9.9:6443"), "{lines:?}");
    // a control plane that is not reached keeps its member and its Node, and workers do not wait for it
    let mut evidence = whole();
    evidence.machines.insert("m3".into(), Reach::Unreachable("no route".into()));
    members(&mut evidence)[2].healthy = Seen::Absent;
    nodes(&mut evidence)[2].ready = Ready::Unheard;
    absent(&mut evidence, "w1");
    assert_eq!(
        told(&evidence),
        ["do: join w1 as a worker", "refuse: m3 was not reached (no route), so nothing is known of it and nothing of it is changed"]
    );
    // a Node that was deleted under a control plane: never reset
    let mut evidence = whole();
    nodes(&mut evidence).retain(|node| node.name != "m2");
    assert_eq!(told(&evidence), ["do: start m2's kubelet anew, so that it registers its Node"]);
    let mut memory = Memory::default();
    memory.tried(&Action { host: "m2".into(), act: Act::RestartKubelet });
    memory.waited_out(&waited("m2", For::Node));
    let lines = told_after(&evidence, &memory);
    assert!(lines.len() == 1 && lines[0].starts_with("refuse: m2: its kubelet runs, and its Node is missing"), "{lines:?}");
    // a machine that cannot be read
    let mut evidence = whole();
    machine(&mut evidence, "w1").kubelet_conf = Seen::Unknown("Input/output error".into());
    assert_eq!(told(&evidence), ["wait: w1 for a probe that failed (/etc/kubernetes/kubelet.conf: Input/output error)"]);
}

#[test]
fn no_cluster_is_made_unless_it_is_certain_that_there_is_none() {
    assert_eq!(told(&bare()), ["do: make the cluster on m1 (kubeadm init)"]);
    let against = |change: fn(&mut Evidence)| {
        let mut evidence = bare();
        change(&mut evidence);
        let mut memory = Memory::default();
        let waits = told_after(&evidence, &memory);
        memory.waited_out(&waited("m1", For::Api));
        let lines = told_after(&evidence, &memory);
        assert!(!waits.concat().contains("do: ") && !lines.concat().contains("do: "), "{lines:?}");
        lines.into_iter().find(|line| line.starts_with("refuse: no cluster is made")).unwrap()
    };
    let unreachable = |evidence: &mut Evidence| _ = evidence.machines.insert("m2".into(), Reach::Unreachable("no route".into()));
    assert!(against(unreachable).contains("m2 was not reached (no route)"));
    assert!(against(|evidence| _ = evidence.machines.remove("m2")).contains("m2 was not looked at"));
    assert!(against(|evidence| evidence.api = Api::Unknown("a TLS error".into())).contains("somebody stands behind 10.0.0.100:6443"));
    assert!(against(|evidence| machine(evidence, "m2").etcd_data = Seen::Present(())).contains("m2 has /var/lib/etcd/member"));
    assert!(
        against(|evidence| machine(evidence, "m2").etcd_data = Seen::Unknown("EIO".into())).contains("/var/lib/etcd/member on m2: EIO")
    );
    assert!(against(|evidence| machine(evidence, "m3").ports = Seen::Present([2379].into())).contains("somebody listens on 2379 of m3"));
    let manifests = Manifests { control_plane: true, ..Manifests::default() };
    let mut evidence = bare();
    machine(&mut evidence, "m3").manifests = Seen::Present(manifests);
    assert!(told(&evidence).concat().contains("m3 has kubeadm's manifests"), "{:?}", told(&evidence));
    // a worker that is not reached does not hold it up
    let mut evidence = bare();
    evidence.machines.insert("w2".into(), Reach::Unreachable("no route".into()));
    assert_eq!(told(&evidence)[0], "do: make the cluster on m1 (kubeadm init)");
}

#[test]
fn kube_vip_has_super_admin_conf_before_init_and_admin_conf_after() {
    let mut wanted = wanted();
    wanted.kube_vip = true;
    let what = |evidence: &Evidence| {
        let next = next(&wanted, evidence, &Memory::default());
        next.actions.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let mut evidence = bare();
    assert_eq!(what(&evidence), "write kube-vip's manifest on m1, with super-admin.conf");
    let manifests = Manifests { kube_vip: Some(Credentials::SuperAdmin), ..Manifests::default() };
    machine(&mut evidence, "m1").manifests = Seen::Present(manifests);
    assert_eq!(what(&evidence), "make the cluster on m1 (kubeadm init)");
    let mut evidence = whole();
    let with = |rights| Seen::Present(Manifests { etcd: true, control_plane: true, kube_vip: rights });
    machine(&mut evidence, "m1").manifests = with(Some(Credentials::SuperAdmin));
    assert_eq!(what(&evidence), "write kube-vip's manifest on m1, with admin.conf");
    machine(&mut evidence, "m1").manifests = with(Some(Credentials::Admin));
    // one at a time
    assert_eq!(what(&evidence), "write kube-vip's manifest on m2, with admin.conf");
}

#[test]
fn what_cannot_be_taken_back_says_so() {
    let cannot = [
        Act::Init { resumes: false },
        Act::RemoveMember { id: 1, learner: true },
        Act::DeleteNode { uid: String::new() },
        Act::Reset { with_data: true },
    ];
    assert!(cannot.iter().all(Act::is_irreversible));
    let can = [Act::Join(Role::Worker), Act::FinishJoin, Act::Reset { with_data: false }, Act::StartKubelet, Act::Mark(Marks::default())];
    assert!(!can.iter().any(Act::is_irreversible));
}

#[test]
fn join_material_is_removed_when_nobody_joins() {
    let mut evidence = whole();
    objects(&mut evidence).tokens = Seen::Present(vec!["abcdef".into()]);
    machine(&mut evidence, "w1").material = Seen::Present(());
    assert_eq!(told(&evidence), ["do: remove join material from w1", "do: revoke join tokens and certificates"]);
    // a kubeadm that was killed has left its kubelet's token, too; while the kubelet needs that, it stays
    machine(&mut evidence, "w1").material = Seen::Absent;
    machine(&mut evidence, "w1").bootstrap_conf = Seen::Present(());
    assert_eq!(told(&evidence)[0], "do: remove join material from w1");
    let conf = std::mem::replace(&mut machine(&mut evidence, "w1").kubelet_conf, Seen::Absent);
    assert!(!told(&evidence).concat().contains("remove join material"));
    machine(&mut evidence, "w1").kubelet_conf = conf;
    machine(&mut evidence, "w2").unit = Seen::Present("homelabctl-join".into());
    assert_eq!(told(&evidence)[0], "do: remove join material from w1");
    assert!(!told(&evidence).concat().contains("revoke"));
}

#[test]
fn marks_are_added_and_others_stay() {
    let mut wanted = wanted();
    let marks = &mut wanted.hosts[3].marks;
    marks.labels.insert("node.longhorn.io/create-default-disk".into(), "config".into());
    marks.annotations.insert("node.longhorn.io/default-disks-config".into(), "[]".into());
    marks.no_taints.insert("node-role.kubernetes.io/control-plane=:NoSchedule".into());
    let mut evidence = whole();
    nodes(&mut evidence)[3].marks.labels.insert("pat".into(), "mine".into());
    let next = next(&wanted, &evidence, &Memory::default());
    let [Action { host, act: Act::Mark(missing) }] = next.actions.as_slice() else { panic!("{next:?}") };
    assert_eq!((host.as_str(), missing.labels.len(), missing.annotations.len()), ("w1", 1, 1));
    assert!(missing.no_taints.is_empty(), "a taint that is not there is not removed");
}

#[test]
fn each_state_has_its_line_once() {
    let names: Vec<&str> = State::samples().iter().map(|state| state.about().name).collect();
    let unique: std::collections::BTreeSet<&&str> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
}

#[test]
fn two_hosts_of_one_node_are_refused_with_what_was_seen_and_the_others_go_on() {
    let mut wanted = wanted();
    wanted.hosts[4].node = "W1".into();
    let mut evidence = whole();
    absent(&mut evidence, "w2");
    absent(&mut evidence, "m3");
    machine(&mut evidence, "w2").material = Seen::Present(());
    let decided = next(&wanted, &evidence, &Memory::default());
    assert_eq!(decided.actions.iter().map(|action| action.host.as_str()).collect::<Vec<_>>(), ["m3"]);
    let refused = |next: &Next| next.refused.iter().map(|one| (one.host.clone().unwrap(), one.why)).collect::<Vec<_>>();
    assert_eq!(refused(&decided), [("w1".to_owned(), Why::SameNode), ("w2".to_owned(), Why::SameNode)]);
    let why = &decided.refused[0].refusal.why;
    assert!(why.contains("at 10.0.0.4, with the machine-id id-w1") && why.contains("at 10.0.0.5, with the machine-id id-w2"), "{why}");
    // of one that is not reached it is not known what it calls itself
    evidence.machines.insert("w1".into(), Reach::Unreachable("no route".into()));
    let decided = next(&wanted, &evidence, &Memory::default());
    assert_eq!(refused(&decided), [("w1".to_owned(), Why::Unreachable), ("w2".to_owned(), Why::SameNode)]);
    assert!(decided.refused[1].refusal.why.contains("w1 was not reached, and is taken to be called"), "{decided:?}");
    // no cluster is made on one of two
    wanted.hosts[1].node = "m1".into();
    let decided = next(&wanted, &bare(), &Memory::default());
    assert!(decided.actions.is_empty() && decided.refused.iter().all(|one| one.why == Why::SameNode), "{decided:?}");
}

#[test]
fn of_what_was_not_judged_nobody_says_that_it_is_well() {
    let mut evidence = whole();
    objects(&mut evidence).lease = Seen::Present("pat@laptop".into());
    let decided = next(&wanted(), &evidence, &Memory::default());
    assert!(decided.waits.iter().all(|waits| waits.of_all), "{decided:?}");
    assert_eq!((decided.unjudged.len(), decided.unjudged["w1"].as_str()), (5, "pat@laptop changes the cluster"));
    objects(&mut evidence).lease = Seen::Absent;
    objects(&mut evidence).parts.insert(InitPart::ClusterInfo, Seen::Unknown("time-out".into()));
    let decided = next(&wanted(), &evidence, &Memory::default());
    assert!(decided.waits[0].of_all && decided.unjudged["w2"].contains("time-out") && !decided.is_done(), "{decided:?}");
    // kube-vip's manifest is judged on one control plane after the other
    let wanted = Wanted { kube_vip: true, ..wanted() };
    let decided = next(&wanted, &whole(), &Memory::default());
    assert_eq!(decided.unjudged.keys().collect::<Vec<_>>(), ["m2", "m3"]);
}

#[test]
fn a_reset_that_was_cut_off_is_finished_only_where_its_mark_and_etcd_prove_it() {
    let mut evidence = whole();
    absent(&mut evidence, "m3");
    let m3 = machine(&mut evidence, "m3");
    (m3.etcd_data, m3.reset) = (Seen::Present(()), Seen::Present(CA.into()));
    let mut memory = Memory::default();
    assert!(told(&evidence)[0].starts_with("wait: m3 and looking once more before its data goes"), "{:?}", told(&evidence));
    memory.waited_out(&waited("m3", For::Expulsion));
    let finished = ["do: reset m3, with the etcd data of a member that is none any more"];
    assert_eq!(told_after(&evidence, &memory), finished);
    let against = |change: &dyn Fn(&mut Evidence), why: &str| {
        let mut evidence = evidence.clone();
        change(&mut evidence);
        let lines = told_after(&evidence, &memory).join("\n");
        assert!(!lines.contains("do: reset") && !lines.contains("do: join") && lines.contains(why), "{why}: {lines}");
        next(&wanted(), &evidence, &memory)
    };
    // without the mark it may be anybody's
    let nobodys = against(&|evidence| machine(evidence, "m3").reset = Seen::Absent, "it has etcd data, and no certificate");
    assert!(
        nobodys.refused[0].refusal.hint.as_ref().unwrap().contains("mv /var/lib/etcd/member /root/etcd-member-of-m3 && kubeadm reset"),
        "{nobodys:?}"
    );
    against(&|evidence| machine(evidence, "m3").reset = Seen::Present("sha256:other".into()), "of the authority sha256:other");
    against(&|evidence| machine(evidence, "m3").reset = Seen::Unknown("EIO".into()), "EIO");
    // a member of its address, of its name, or nobody who says which there are
    let m3 = wanted().hosts[2].clone();
    against(&|evidence| members(evidence).push(member(9, &m3, false)), "its manifests are gone");
    let elsewhere = Host { address: "10.0.0.33".into(), ..m3.clone() };
    against(&|evidence| members(evidence).push(member(9, &elsewhere, false)), "not at this machine's address");
    against(&|evidence| evidence.etcd = Etcd::Unknown("no majority".into()), "no majority");
    // somebody runs it, or reports as its Node
    against(&|evidence| machine(evidence, "m3").ports = Seen::Present([2379].into()), "listens on 2379");
    let node = whole().objects().unwrap().nodes.present().unwrap()[2].clone();
    against(&|evidence| nodes(evidence).push(node.clone()), "its Node still reports");
    let gone = NodeObject { ready: Ready::Unheard, ..node };
    nodes(&mut evidence).push(gone);
    assert_eq!(told_after(&evidence, &memory), finished);
}

#[test]
fn what_was_left_out_on_purpose_is_not_added() {
    let without = |hosts: &[&str], parts: &[InitPart]| {
        let mut evidence = whole();
        hosts.iter().for_each(|host| absent(&mut evidence, host));
        parts.iter().for_each(|part| _ = objects(&mut evidence).parts.insert(*part, Seen::Absent));
        evidence
    };
    let others = ["m2", "m3", "w1", "w2"];
    let addons = [InitPart::CoreDns, InitPart::KubeProxy];
    // others have joined: init came to its end long ago
    assert!(next(&wanted(), &without(&[], &addons), &Memory::default()).is_done());
    // kube-proxy comes after CoreDNS
    assert_eq!(
        told(&without(&others, &[InitPart::CoreDns])),
        ["do: join m2 as a control plane", "do: join w1 as a worker", "do: join w2 as a worker"]
    );
    let mut said = without(&others, &addons);
    objects(&mut said).disabled = addons.into();
    assert!(!told(&said).concat().contains("finish making"), "{:?}", told(&said));
    // cut off: something from before is missing too, or the mark of init is there
    let finish = |evidence: &Evidence| told(evidence) == ["do: finish making the cluster from m1: CoreDNS, kube-proxy"];
    let mut marked = without(&others, &addons);
    machine(&mut marked, "m1").init = Seen::Present(());
    assert!(finish(&marked), "{:?}", told(&marked));
    let earlier = without(&others, &[InitPart::ClusterInfo, InitPart::KubeProxy]);
    assert_eq!(told(&earlier), ["do: finish making the cluster from m1: cluster-info and the rules of tokens, kube-proxy"]);
    // somebody joined one to what the cut-off init has left
    let mut joined = without(&[], &addons);
    machine(&mut joined, "m1").init = Seen::Present(());
    assert!(finish(&joined), "{:?}", told(&joined));
    // what is missing says that the rest was not left out, and stays missing until the rest was read
    let mut partly = without(&others, &[InitPart::ClusterInfo, InitPart::CoreDns]);
    objects(&mut partly).parts.insert(InitPart::KubeProxy, Seen::Unknown("a time-out".into()));
    assert_eq!(told(&partly), ["wait: m1 for a probe that failed (kube-proxy: a time-out)"]);
    // nothing tells
    let perhaps = without(&others, &[InitPart::KubeProxy]);
    let refused = |evidence: &Evidence| {
        let mut decided = next(&wanted(), evidence, &Memory::default());
        assert!(decided.actions.is_empty() && decided.waits.is_empty() && decided.refused.len() == 1, "{decided:?}");
        let refused = decided.refused.remove(0);
        assert_eq!(refused.why, Why::LeftOut);
        (refused.refusal.why, refused.refusal.hint.unwrap())
    };
    let (why, hint) = refused(&perhaps);
    assert!(why.starts_with("m1: the cluster has no kube-proxy, and nothing tells whether") && !hint.contains("coredns"), "{why} {hint}");
    assert!(
        hint.contains("kubeadm init phase addon kube-proxy --config /dev/stdin") && hint.contains("`proxy: {disabled: true}`"),
        "{hint}"
    );
    let (why, hint) = refused(&without(&others, &addons));
    assert!(why.contains("no CoreDNS and no kube-proxy") && hint.contains("`dns: {disabled: true}`"), "{why} {hint}");
    // a mark on a machine that was reset since, or is another cluster's, tells nothing of this one
    let mut reset = perhaps.clone();
    (machine(&mut reset, "m2").init, machine(&mut reset, "m2").ca) = (Seen::Present(()), Seen::Absent);
    assert!(refused(&reset).0.contains("nothing tells"));
    // what was not read decides nothing
    let mut blind = perhaps;
    machine(&mut blind, "m1").init = Seen::Unknown("EIO".into());
    assert!(told(&blind)[0].contains("the mark of a kubeadm init on m1: EIO"), "{:?}", told(&blind));
    // a mark that nobody needs any more goes away
    let mut evidence = whole();
    machine(&mut evidence, "m1").init = Seen::Present(());
    assert_eq!(told(&evidence), ["do: remove join material from m1"]);
}

#[test]
fn a_learner_of_a_machine_that_the_inventory_does_not_lead_to_is_told_with_the_command_that_removes_it() {
    let mut evidence = whole();
    absent(&mut evidence, "m3");
    let old = Host { address: "10.0.0.33".into(), ..wanted().hosts[2].clone() };
    members(&mut evidence).push(Member { name: String::new(), healthy: Seen::Absent, ..member(0xbeef, &old, true) });
    let mut memory = Memory::default();
    memory.waited_out(&waited("m3", For::Health));
    let decided = next(&wanted(), &evidence, &memory);
    let hint = decided.refused[0].refusal.hint.clone().unwrap();
    assert!(hint.contains("if no machine at https://10.0.0.33:2380 is being joined"), "{hint}");
    let command = hint.lines().find_map(|line| line.split_once(":  crictl ")).unwrap().1;
    assert!(command.contains("--cacert /etc/kubernetes/pki/etcd/ca.crt") && command.ends_with("member remove beef"), "{command}");
}
