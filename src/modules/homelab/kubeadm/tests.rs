//! A course, told what the machines say: what it wants done, in which order, and that no secret of it is an argument.

mod apart;
mod joins;

use std::collections::BTreeMap;
use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde_json::{Value, json};

use super::HomelabKubeadm;
use crate::cluster::kube_vip;
use crate::cluster::kubeadm_config;
use crate::cluster::membership::Credentials;
use crate::cluster::settings::testing::{GOOD, settings};
use crate::diagnostics::{Diagnostics, Source};
use crate::modules::{Apart, Args, Came, Course, Doing, Failed, How, PlayFacts, PlayHost, PlayModule as _, PlayTask, Turn, node};
use crate::node::apply::Output;
use crate::node::steps::{HoldLease, Kubeadm, LeaseDoes, MATERIAL, Step};
use crate::plan::{Facts, Observation, Query, Reading, Scope, Store};
use crate::yaml;

const TOKEN: &str = "abcdef.0123456789abcdef";

/// What a machine answers.
#[derive(Clone, Default)]
struct Machine {
    address: String,
    joined: bool,
    /// Its kubelet has no certificate.
    bootstraps: bool,
    /// What could not be asked.
    broken: Option<&'static str>,
    /// What it calls itself, if not as the inventory does.
    calls: Option<&'static str>,
}

/// Machines, and the cluster that they are.
struct World {
    machines: BTreeMap<String, Machine>,
    ca: String,
    nodes: Vec<Value>,
    tokens: Vec<String>,
    /// The configuration that the cluster was made with.
    stored: Value,
    lease: Value,
    /// A part that `kubeadm init` leaves.
    part: &'static str,
    /// One that is missing.
    hidden: &'static str,
}

fn pem(name: &str) -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

impl World {
    fn new(names: &[&str]) -> Self {
        let one =
            |(at, name): (usize, &&str)| ((*name).to_owned(), Machine { address: format!("192.168.2.{}", at + 11), ..Machine::default() });
        let machines = names.iter().enumerate().map(one).collect();
        Self {
            machines,
            ca: pem("kubernetes"),
            nodes: Vec::new(),
            tokens: Vec::new(),
            stored: json!({}),
            part: "ConfigMap/kubeadm-config",
            hidden: "",
            lease: Value::Null,
        }
    }

    fn reading(&self, host: &str, query: &Query) -> Reading {
        let machine = &self.machines[host];
        let master = host.starts_with('m');
        let file = query.args.first().map_or("", String::as_str);
        let is_there = |there: bool| {
            if there {
                Reading::Present(json!({"kind": "file", "mode": "0600", "uid": 0, "gid": 0, "owner": "root", "group": "root"}))
            } else {
                Reading::Absent
            }
        };
        if machine.broken.is_some_and(|kind| kind == query.kind) {
            return Reading::unknown("Input/output error");
        }
        match query.kind.as_str() {
            "hostname" => Reading::present(&machine.calls.unwrap_or(host)),
            "machine_id" => Reading::present(&format!("id-{host}")),
            "interfaces" => Reading::Present(json!([{"name": "eth0", "mac": null, "mtu": null, "state": "UP", "hardware": null,
                "promiscuous": false, "made_of": null, "speed": null, "addresses": [{"address": machine.address, "prefix": 24,
                "scope": "global", "broadcast": null, "secondary": false}]}])),
            "routes" => Reading::Present(json!([])),
            "ports" if !(machine.joined && master) => Reading::Present(json!([])),
            "ports" => Reading::Present(
                [6443, 2379].iter().map(|port| json!({"port": port, "protocol": "tcp", "address": "0.0.0.0", "programs": ["x"]})).collect(),
            ),
            _ if !machine.joined && query.kind != "endpoint" => Reading::Absent,
            "endpoint" if self.machines.values().any(|machine| machine.joined) => Reading::Present(json!(null)),
            "endpoint" => Reading::Absent,
            "content" if master && file.ends_with("ca.crt") => Reading::Present(json!({"text": self.ca})),
            "directory" if master && file.ends_with("manifests") => Reading::Present(json!(
                ["etcd.yaml", "kube-apiserver.yaml", "kube-vip.yaml"].map(|name| json!({"name": name, "kind": "file"}))
            )),
            "kubeconfig" if machine.bootstraps => Reading::Absent,
            "kubeconfig" => Reading::Present(json!({"server": "https://kube-api.example.net:6443", "authority": self.ca,
                "certificate": pem(&format!("system:node:{host}"))})),
            "content" if file.ends_with("kube-vip.yaml") && master => {
                Reading::Present(json!({"text": kube_vip::manifest(&settings(""), Credentials::Admin, None).unwrap()}))
            }
            "stat" if file.ends_with("config.yaml") => is_there(true),
            "stat" if file.ends_with("member") || file.ends_with("super-admin.conf") => is_there(master),
            "unit" => Reading::Present(json!({"name": "kubelet.service", "load_state": "loaded", "active_state": "active",
                "sub_state": "running", "unit_file_state": "enabled", "fragment_path": null, "drop_in_paths": null,
                "need_daemon_reload": false, "description": "kubelet"})),
            "readyz" if master => Reading::present(&true),
            "cluster_objects" if master => Reading::Present(json!({"authority": self.ca, "server": "https://kube-api.example.net:6443",
                "answer": {"answers": {"version": "v1.34.2", "asked_at": 0, "admin_has_no_rights": false, "nodes": {"Ok": self.nodes},
                    "requests": {"Ok": []}, "found": self.found(["ClusterRoleBinding/kubeadm:cluster-admins", self.part,
                        "ConfigMap/kubelet-config", "ClusterRoleBinding/kubeadm:kubelet-bootstrap",
                        "ClusterRoleBinding/kubeadm:node-autoapprove-bootstrap",
                        "ClusterRoleBinding/kubeadm:node-autoapprove-certificate-rotation", "ClusterRoleBinding/kubeadm:get-nodes",
                        "cluster-info/kubeconfig", "Role/kubeadm:bootstrap-signer-clusterinfo",
                        "RoleBinding/kubeadm:bootstrap-signer-clusterinfo", "Deployment/coredns", "DaemonSet/kube-proxy",
                        if self.tokens.is_empty() { "" } else { "Secret/kubeadm-certs" }]),
                    "not_asked": null, "not_asked_public": null, "stored": self.stored, "lease": self.lease,
                    "tokens": {"Ok": self.tokens.iter().map(|id| json!({"id": id, "description": "homelabctl: to join with"})).collect::<Vec<_>>()}}}})),
            "etcd_members" if master => Reading::Present(json!(
                self.machines
                    .iter()
                    .filter(|(name, machine)| name.starts_with('m') && machine.joined)
                    .enumerate()
                    .map(|(id, (name, machine))| {
                        json!({"id": id + 1, "name": name, "peers": [format!("https://{}:2380", machine.address)],
                        "clients": [format!("https://{}:2379", machine.address)], "is_learner": false, "answers": true, "leader": 1,
                        "version": "3.6.5", "size": 1})
                    })
                    .collect::<Vec<_>>()
            )),
            _ => Reading::Absent,
        }
    }

    fn found<const N: usize>(&self, all: [&'static str; N]) -> Vec<&'static str> {
        all.into_iter().filter(|name| *name != self.hidden).collect()
    }

    fn join(&mut self, host: &str) {
        self.machines.get_mut(host).unwrap().joined = true;
        self.nodes.push(json!({"name": host, "uid": format!("uid-{host}"), "machine_id": format!("id-{host}"),
            "kubelet_version": "v1.34.2", "labels": {}, "annotations": {}, "taints": [],
            "ready": {"status": "False", "reason": "KubeletNotReady", "message": "container runtime network not ready: cni"}}));
    }
}

/// A Node bears what it is to bear.
fn mark(node: &mut Value) {
    let is_master = node["name"].as_str().unwrap().starts_with('m');
    let worker = ["node-role.kubernetes.io/worker"];
    let master = ["node-role.kubernetes.io/control-plane", "node.kubernetes.io/exclude-from-external-load-balancers"];
    for label in if is_master { &master[..] } else { &worker } {
        node["labels"][label] = "".into();
    }
    if is_master {
        node["taints"] = json!(["node-role.kubernetes.io/control-plane:NoSchedule"]);
    }
}

/// A cluster that is finished, made with these settings.
fn made(names: &[&str], with: &str) -> World {
    let mut world = World::new(names);
    names.iter().for_each(|name| world.join(name));
    for node in &mut world.nodes {
        node["ready"]["status"] = "True".into();
        mark(node);
    }
    let made = settings(with);
    let as_text = |config: &kubeadm_config::ConfigFile, kind: &str| {
        config.text().split("---\n").find(|text| text.contains(&format!("\"kind\": \"{kind}\""))).unwrap().to_owned()
    };
    let config = kubeadm_config::stored(&made);
    world.stored = json!({"kubeadm-config/ClusterConfiguration": as_text(&config, "ClusterConfiguration"),
        "kubelet-config/kubelet": as_text(&config, "KubeletConfiguration"), "kube-proxy/config.conf": as_text(&config, "KubeProxyConfiguration")});
    world
}

/// A play over all of them, but for those that are left out.
fn course(names: &[&str], left_out: &[&str], check: bool) -> Box<dyn Course> {
    let text = format!("cluster: {{{}}}", GOOD.join(", "));
    let options = yaml::load(&Source::new("play.yml", text)).unwrap().0.unwrap();
    let mut problems = Diagnostics::new();
    let args = Args::read(HomelabKubeadm.spec(), options.as_map().unwrap(), &options.place, &mut problems);
    assert!(problems.0.is_empty(), "{problems}");
    let hosts: Vec<PlayHost> = names
        .iter()
        .enumerate()
        .map(|(at, name)| PlayHost {
            name: (*name).to_owned(),
            groups: vec![if name.starts_with('m') { "masters" } else { "workers" }.to_owned()],
            address: Some([192, 168, 2, u8::try_from(at + 11).unwrap()].into()),
            apart: left_out.contains(name).then_some(Apart::LeftOut),
        })
        .collect();
    let place = node(&json!(null), &options.place).place;
    HomelabKubeadm
        .begin(&PlayTask { args: &args, own: &BTreeMap::new(), check, hosts: &hosts, place: &place, run: "pat on t480 (run 5eed)" })
        .unwrap()
}

/// Answers all that is asked, until it wants something else.
fn turn(course: &mut dyn Course, world: &World, seconds: u64) -> Turn {
    counted(course, world, seconds).0
}

/// The same, and how often something was read.
fn counted(course: &mut dyn Course, world: &World, seconds: u64) -> (Turn, usize) {
    let mut reads = 0;
    let mut stores: BTreeMap<String, Store> = course.hosts().into_iter().map(|name| (name, Store::default())).collect();
    for _ in 0..10 {
        let of = |(name, store): (&'_ String, &'_ Store)| (name.clone(), store.clone());
        let held: BTreeMap<String, Store> = stores.iter().map(of).collect();
        let hosts = held.iter().map(|(name, store)| (name.as_str(), Ok(Facts::new(store, Scope::new(name, "root"))))).collect();
        match course.next(&PlayFacts { hosts, elapsed: Duration::from_secs(seconds) }) {
            Turn::Read(needs) => {
                reads += 1;
                for (host, keys) in needs {
                    for key in keys {
                        let reading = world.reading(&host, &key.query);
                        stores.get_mut(&host).unwrap().insert(key, Observation::from(reading));
                    }
                }
            }
            Turn::Forget => stores.values_mut().for_each(|store| *store = Store::default()),
            turn => return (turn, reads),
        }
    }
    panic!("it never has enough");
}

fn acts(turn: Turn) -> Vec<Doing> {
    match turn {
        Turn::Act(doings) => doings,
        turn => panic!("{turn:?}"),
    }
}

fn ended(turn: Turn) -> BTreeMap<String, Came> {
    match turn {
        Turn::Done(came) => came,
        turn => panic!("{turn:?}"),
    }
}

fn well(course: &mut dyn Course, doing: &Doing) {
    let said = if matches!(doing.change.steps.last(), Some(Step::MintJoin(_))) { TOKEN } else { "" };
    let output = Output { stdout: format!("{said}\n").into_bytes(), ..Output::default() };
    course.came(doing, Ok(vec![output]));
}

/// kubeadm's words and the configuration that it reads.
fn kubeadm(doing: &Doing) -> (&Kubeadm, String) {
    let step = doing.change.steps.iter().find_map(|step| if let Step::Kubeadm(kubeadm) = step { Some(kubeadm) } else { None }).unwrap();
    let put = |step: &Step| if let Step::PutMaterial(put) = step { Some(put.content.clone()) } else { None };
    let config = doing.change.steps.iter().find_map(put);
    assert!(!format!("{:?}", doing.change).contains(TOKEN));
    (step, config.unwrap())
}

#[test]
fn a_cluster_is_made_then_all_join_it_with_a_token_that_is_no_argument() {
    let names = ["m1", "m2", "w1", "w2"];
    let mut world = World::new(&names);
    let mut course = course(&names, &[], false);
    // kube-vip first, which brings up the endpoint that init waits for
    let first = acts(turn(&mut *course, &world, 0));
    assert_eq!(
        first.iter().map(|doing| doing.what.as_str()).collect::<Vec<_>>(),
        ["write kube-vip's manifest on m1, with super-admin.conf"]
    );
    well(&mut *course, &first[0]);
    let mut made = None;
    for _ in 0..2 {
        // the manifest is not seen in this world, so it is written again, and then no more
        match turn(&mut *course, &world, 0) {
            Turn::Act(doings) => made = Some(doings),
            Turn::Done(came) => {
                assert!(came.values().all(|came| matches!(&came.how, How::Refused(_) | How::Failed(_))), "{came:?}");
                break;
            }
            turn => panic!("{turn:?}"),
        }
    }
    assert!(made.is_some());

    world.join("m1");
    let mut course = self::course(&names, &[], false);
    let mut done = Vec::new();
    for round in 0..12 {
        let doings = match turn(&mut *course, &world, round) {
            Turn::Act(doings) => doings,
            // nobody sets what Nodes bear in this world
            Turn::Wait(..) | Turn::Done(_) => break,
            turn => panic!("{turn:?}"),
        };
        for doing in &doings {
            done.push(doing.what.clone());
            if doing.what.starts_with("join") {
                let (step, config) = kubeadm(doing);
                assert!(!step.words.join(" ").contains(TOKEN) && config.contains(TOKEN), "{step:?}");
                assert_eq!(step.material.as_deref(), Some(&*format!("{MATERIAL}/join.yaml")));
                assert!(config.contains("192.168.2.50:6443") || config.contains("kube-api.example.net:6443"), "{config}");
                world.join(&doing.about.clone());
            }
            well(&mut *course, doing);
        }
    }
    let joins: Vec<&String> = done.iter().filter(|what| what.starts_with("join")).collect();
    assert!(joins.contains(&&"join w1 as a worker".to_owned()) && joins.contains(&&"join w2 as a worker".to_owned()), "{done:?}");
    // no token stands in what a person is told
    assert!(!done.iter().any(|what| what.contains("0123456789abcdef")), "{done:?}");
}

/// What is done for an action whose words begin so, within a few rounds: kubeadm's phases, and whether the material goes with each.
fn phases(course: &mut dyn Course, world: &World, begins: &str) -> Vec<(String, bool)> {
    for round in 0..12 {
        for doing in acts(turn(course, world, round)) {
            if doing.what.starts_with(begins) {
                let kubeadms = doing.change.steps.iter().filter_map(|step| if let Step::Kubeadm(one) = step { Some(one) } else { None });
                return kubeadms.map(|one| (one.words.join(" "), one.material.is_some())).collect();
            }
            well(course, &doing);
        }
    }
    panic!("nothing begins with {begins}");
}

#[test]
fn a_finished_join_waits_for_the_kubelet_and_takes_its_token_away() {
    let mut world = World::new(&["m1", "m2"]);
    world.join("m1");
    let m2 = world.machines.get_mut("m2").unwrap();
    (m2.joined, m2.bootstraps) = (true, true);
    let done = phases(&mut *course(&["m1", "m2"], &[], false), &world, "finish the join of m2");
    let config = format!("--config {MATERIAL}/finish-join.yaml");
    // without the second kubeadm's own part the token would stay on the disk
    assert_eq!(
        done,
        [(format!("join phase kubelet-start {config}"), false), (format!("join phase kubelet-wait-bootstrap {config}"), true)]
    );
}

#[test]
fn a_finished_init_renews_the_kubelets_certificate() {
    let mut world = World::new(&["m1"]);
    world.join("m1");
    world.part = "";
    let done = phases(&mut *course(&["m1"], &[], false), &world, "finish making the cluster from m1");
    let config = format!("--config {MATERIAL}/finish-init.yaml");
    // kubelet-config is there, and stays as it is
    let wanted = ["upload-config kubeadm", "kubelet-finalize all"].map(|phase| (format!("init phase {phase} {config}"), false));
    assert_eq!(done, wanted);
}

#[test]
fn init_is_asked_for_and_a_no_ends_the_run() {
    let names = ["m1", "w1"];
    let world = World::new(&names);
    let mut course = course(&names, &[], false);
    let first = acts(turn(&mut *course, &world, 0));
    course.came(&first[0], Err(Failed { is_refused: true, ..Failed::new("it cannot be taken back, and there is nobody to ask") }));
    let came = ended(turn(&mut *course, &world, 1));
    assert!(came.values().all(|came| matches!(&came.how, How::Refused(refusal) if refusal.why.contains("nobody to ask"))), "{came:?}");
}

#[test]
fn nothing_is_done_in_check_mode_and_what_follows_is_said_to_be_unknown() {
    let names = ["m1", "w1"];
    let world = World::new(&names);
    let came = ended(turn(&mut *course(&names, &[], true), &world, 0));
    assert!(
        matches!((&came["m1"].how, came["m1"].changes.as_slice()), (How::Good, [change]) if change.after.as_deref().is_some_and(|after| after.starts_with("would write kube-vip"))),
        "{came:?}"
    );
    assert!(matches!(&came["w1"].how, How::Pending(why) if why.contains("depends on what a run does before")), "{came:?}");
}

#[test]
fn no_cluster_is_made_while_a_control_plane_cannot_be_asked() {
    let names = ["m1", "m2", "m3", "w1"];
    let mut world = World::new(&names);
    world.machines.get_mut("m2").unwrap().broken = Some("stat");
    let mut course = course(&names, &[], false);
    assert!(matches!(turn(&mut *course, &world, 0), Turn::Wait(_, waits) if waits[0].1.contains("/var/lib/etcd/member on m2")));
    let came = ended(turn(&mut *course, &world, 301));
    for (host, came) in &came {
        assert!(
            matches!(&came.how, How::Refused(refusal) if refusal.why.contains("it is not certain that there is none")),
            "{host}: {came:?}"
        );
    }
    // the same where one is left out of the run: it is looked at, and its word counts
    let mut world = World::new(&names);
    world.machines.get_mut("m3").unwrap().broken = Some("stat");
    let mut course = self::course(&names, &["m3"], false);
    assert!(matches!(turn(&mut *course, &world, 0), Turn::Wait(_, waits) if waits[0].1.contains("/var/lib/etcd/member on m3")));
}

#[test]
fn only_hosts_of_the_run_are_acted_on() {
    let names = ["m1", "w1", "w2"];
    let mut world = World::new(&names);
    world.join("m1");
    let mut course = course(&names, &["m1", "w2"], false);
    assert_eq!(course.hosts(), ["m1", "w1"]);
    let mut done = Vec::new();
    for _ in 0..4 {
        let Turn::Act(doings) = turn(&mut *course, &world, 0) else { break };
        for doing in &doings {
            done.push((doing.host.clone(), doing.about.clone(), doing.what.clone()));
            well(&mut *course, doing);
        }
    }
    let about: Vec<&str> = done.iter().map(|(_, about, _)| about.as_str()).collect();
    assert!(done.iter().any(|(host, _, what)| host == "w1" && what == "join w1 as a worker"), "{done:?}");
    // the token is minted on the control plane, which is spoken to and not changed
    assert!(
        about.iter().all(|about| ["m1", "w1"].contains(about))
            && done.iter().filter(|(host, ..)| host == "m1").all(|(_, _, what)| what.starts_with("mint") || what.contains("lease")),
        "{done:?}"
    );
}

const NAMES: [&str; 4] = ["m1", "m2", "m3", "w1"];

fn warnings(came: &BTreeMap<String, Came>) -> Vec<(&str, String)> {
    came.iter().flat_map(|(host, came)| came.result.get("warnings").map(|told| (host.as_str(), told.to_string()))).collect()
}

fn lease(doing: &Doing) -> Option<&HoldLease> {
    doing.change.steps.iter().find_map(|step| if let Step::HoldLease(lease) = step { Some(lease) } else { None })
}

#[test]
fn a_cluster_that_is_as_it_should_be_is_read_once_and_no_lease_is_taken() {
    let world = made(&NAMES, "");
    let (end, reads) = counted(&mut *course(&NAMES, &[], false), &world, 0);
    let came = ended(end);
    assert!(came.values().all(|came| came.how == How::Good && came.changes.is_empty()), "{came:?}");
    assert_eq!((reads, warnings(&came)), (1, Vec::new()), "one message to each machine, and nothing to tell");
}

#[test]
fn a_changed_fixed_setting_refuses_all_before_anything_is_done() {
    let mut world = made(&NAMES, "network: {pods: 10.20.0.0/16}");
    // there would be something to do
    world.machines.get_mut("w1").unwrap().joined = false;
    world.nodes.retain(|node| node["name"] != "w1");
    for check in [false, true] {
        let came = ended(turn(&mut *course(&NAMES, &[], check), &world, 0));
        for (host, came) in &came {
            let How::Refused(refusal) = &came.how else { panic!("{host}: {came:?}") };
            assert!(
                refusal.why.contains("`network.pods` is 10.20.0.0/16 in the cluster, by m1, and the settings say 10.244.0.0/16"),
                "{came:?}"
            );
            assert!(refusal.hint.as_ref().unwrap().contains("network: {pods: 10.20.0.0/16}"), "{came:?}");
        }
        assert_eq!(came.len(), NAMES.len());
    }
}

#[test]
fn drift_is_told_once_and_stops_nothing() {
    let mut world = made(&NAMES, "kubelet: {maxPods: 100}\ncertificate_names: [old.lan]");
    let came = ended(turn(&mut *course(&NAMES, &[], false), &world, 0));
    assert!(came.values().all(|came| came.how == How::Good), "{came:?}");
    let told = warnings(&came);
    assert!(matches!(&told[..], [("m1", told)] if told.contains("maxPods") && told.contains("old.lan")), "{told:?}");
    // what cannot be read is unknown, and no reason to change anything
    world.stored["kubeadm-config/ClusterConfiguration"] = "a: [".into();
    let came = ended(turn(&mut *course(&NAMES, &[], false), &world, 0));
    assert!(came.values().all(|came| came.how == How::Good && came.changes.is_empty()), "{came:?}");
    assert!(warnings(&came)[0].1.contains("not compared with the cluster: name, version"), "{came:?}");
}

#[test]
fn etcds_data_elsewhere_is_refused() {
    let mut world = made(&NAMES, "");
    let text = world.stored["kubeadm-config/ClusterConfiguration"].as_str().unwrap();
    let mut document: Value = serde_json::from_str(text).unwrap();
    document["etcd"] = json!({"local": {"dataDir": "/data/etcd"}});
    world.stored["kubeadm-config/ClusterConfiguration"] = document.to_string().into();
    let came = ended(turn(&mut *course(&NAMES, &[], false), &world, 0));
    assert!(came.values().all(|came| matches!(&came.how, How::Refused(refusal) if refusal.why.contains("/data/etcd"))), "{came:?}");
}

#[test]
fn the_lease_is_taken_before_the_first_change_and_given_back_after_the_last() {
    let mut world = made(&NAMES, "");
    for node in world.nodes.iter_mut().filter(|node| node["name"] == "w1") {
        node["labels"] = json!({});
    }
    // one that nobody renews any more
    world.lease = json!({"holderIdentity": "sam on x", "renewTime": "1969-12-31T00:00:00.000000Z", "leaseDurationSeconds": 180, "resourceVersion": "7"});
    let mut course = course(&NAMES, &[], false);
    // both on m1, so one after the other in one go: without the lease the other is not begun
    let mark = acts(turn(&mut *course, &world, 0));
    let [doing] = &mark[..] else { panic!("{mark:?}") };
    assert!(matches!(&doing.change.steps[..], [Step::HoldLease(lease), Step::MarkNode(_)] if lease.does == LeaseDoes::Take("7".into())));
    assert!(doing.what.starts_with("set labels") && doing.about == "w1", "{doing:?}");
    well(&mut *course, doing);
    world.lease =
        json!({"holderIdentity": "pat on t480 (run 5eed)", "renewTime": "2090-01-01T00:00:00.000000Z", "leaseDurationSeconds": 180});
    world.nodes.iter_mut().for_each(|node| node["labels"]["node-role.kubernetes.io/worker"] = "".into());
    let back = acts(turn(&mut *course, &world, 2));
    assert!(lease(&back[0]).is_some_and(|lease| lease.does == LeaseDoes::GiveBack), "{back:?}");
    well(&mut *course, &back[0]);
    let (end, reads) = counted(&mut *course, &world, 3);
    let came = ended(end);
    assert_eq!(reads, 0, "the end was known");
    assert!(came["m1"].changes.is_empty() && !came["w1"].changes.is_empty(), "who spoke for the cluster was not changed: {came:?}");
}

#[test]
fn a_run_that_is_interrupted_gives_the_lease_back() {
    let mut world = made(&NAMES, "");
    world.nodes.iter_mut().for_each(|node| node["labels"] = json!({}));
    let mut course = course(&NAMES, &[], false);
    let take = acts(turn(&mut *course, &world, 0));
    assert!(course.cut().is_none(), "it has none so far");
    well(&mut *course, &take[0]);
    let back = course.cut().unwrap();
    assert!(back.host == "m1" && lease(&back).is_some_and(|lease| lease.does == LeaseDoes::GiveBack), "{back:?}");
}

#[test]
fn another_run_that_holds_the_lease_is_waited_for_and_then_refused_with_who_and_since_when() {
    let mut world = made(&NAMES, "");
    world.nodes.iter_mut().for_each(|node| node["labels"] = json!({}));
    world.lease = json!({"holderIdentity": "sam on x", "acquireTime": "2026-11-26T12:00:00.000000Z",
        "renewTime": "2090-01-01T00:00:00.000000Z", "leaseDurationSeconds": 180});
    let mut course = course(&NAMES, &[], false);
    let waits = turn(&mut *course, &world, 0);
    assert!(matches!(&waits, Turn::Wait(_, waits) if waits[0].1.contains("sam on x, since 2026-11-26T12:00:00.000000Z")), "{waits:?}");
    let came = ended(turn(&mut *course, &world, 901));
    let How::Refused(refusal) = &came["m1"].how else { panic!("{came:?}") };
    assert!(
        refusal.why.contains("sam on x, since 2026-11-26T12:00") && refusal.hint.as_ref().unwrap().contains("delete lease homelabctl"),
        "{refusal:?}"
    );
}
