//! Settings against a cluster that lives, and the lease of a run: on a real kube-apiserver, with what the real kubeadm stores there.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use homelabctl::cluster::kubeadm_config::{Machine, Secret, init};
use homelabctl::cluster::live::{Outcome, Told, Verdict, told, verdict};
use homelabctl::cluster::membership::{Api, Heard, Marks, Objects, Role, Seen, api};
use homelabctl::cluster::settings::Settings;
use homelabctl::diagnostics::{Diagnostics, Source};
use homelabctl::node::record::Records;
use homelabctl::node::script::{Script, quote};
use homelabctl::node::steps::{ApplyObjects, HoldLease, LeaseDoes, MarkNode, Step, UnderLease};
use homelabctl::plan::{Facts, Scope, Stop, Store};
use homelabctl::yaml;
use serde_json::{Value, json};

use crate::step_script::{failure, script_of};
use crate::testbed::Bed;
use crate::testbed::kubernetes::{ApiServer, Etcd, program};

/// A control plane with its kubeconfig, kubectl and a kubelet's arguments. Its /etc/kubernetes, /var/lib/kubelet and /run are its own.
struct Node<'a, 'bed> {
    api: &'a ApiServer<'bed>,
}

impl Node<'_, '_> {
    fn script(&self, script: &str) -> Output {
        let kubectl = program("kubectl").unwrap();
        let inner = format!(
            "mount -t tmpfs none /run && mkdir -p /run/etc /run/var /run/w1 /run/w2 &&
            mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/w1 none /etc &&
            mount -t overlay -o lowerdir=/var/lib,upperdir=/run/var,workdir=/run/w2 none /var/lib &&
            mkdir -p /etc/kubernetes /var/lib/kubelet &&
            echo 'KUBELET_KUBEADM_ARGS=\"--node-ip=10.0.0.1 --v=2\"' >/var/lib/kubelet/kubeadm-flags.env &&
            sed 's|server: .*|server: {}|; s|\"server\": *\"[^\"]*\"|\"server\": \"{}\"|' {} >/etc/kubernetes/admin.conf &&
            k=n1 s={} && ( eval \"$s\" ) </dev/null",
            self.server(),
            self.server(),
            self.conf().display(),
            quote(script).unwrap(),
        );
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", kubectl.parent().map(Path::display).unwrap());
        Command::new("unshare").args(["--mount", "dash", "-c", &inner]).env("PATH", path).output().unwrap()
    }

    /// A name, since no settings take this machine's own address for an endpoint.
    fn server(&self) -> String {
        self.api.url().replace("127.0.0.1", "localhost")
    }

    /// As kubeadm writes one, each field in its line.
    fn conf(&self) -> std::path::PathBuf {
        let path = self.api.file("kubeadm-admin.conf");
        let user: Value = serde_json::from_str(&self.api.kubeconfig("kubernetes-admin", &["system:masters"]).unwrap()).unwrap();
        let of = |part: &str, kind: &str, key: &str| user[part][0][kind][key].as_str().unwrap().to_owned();
        let text = format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: x\n  name: kubernetes\ncontexts:\n\
             - context:\n    cluster: kubernetes\n    user: u\n  name: c\ncurrent-context: c\nkind: Config\nusers:\n- name: u\n  user:\n    \
             client-certificate-data: {}\n    client-key-data: {}\n",
            of("clusters", "cluster", "certificate-authority-data"),
            of("users", "user", "client-certificate-data"),
            of("users", "user", "client-key-data"),
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    /// What it tells, and in how many messages.
    fn told(&self) -> (BTreeMap<String, Told>, usize) {
        let (scope, mut store) = (Scope::new("m1", "root"), Store::default());
        for messages in 0..5 {
            match told(&Facts::new(&store, scope.clone()), Role::ControlPlane) {
                Ok(told) => return (BTreeMap::from([("m1".to_owned(), told)]), messages),
                Err(Stop::Need(need)) => {
                    let mut script = Script::new();
                    let need: Vec<_> = need.into_iter().collect();
                    let probes = script.probe(&need.iter().map(|key| key.query.clone()).collect::<Vec<_>>());
                    let output = self.script(&script.finish());
                    for (query, observation) in probes.observe(&Records::parse("n1", &output.stdout, &output.stderr)) {
                        let key = need.iter().find(|key| key.query == query).unwrap();
                        store.insert(key.clone(), observation);
                    }
                }
                Err(Stop::Unknown(why)) => panic!("{why:?}"),
            }
        }
        panic!("it never has enough")
    }

    /// What the run of that name sees in the API.
    fn seen(&self, run: &str) -> Objects {
        let (told, _) = self.told();
        let heard = Heard { objects: told["m1"].objects.clone(), members: Seen::Absent };
        let endpoint = self.server().trim_start_matches("https://").to_owned();
        match api(&endpoint, &BTreeMap::new(), &BTreeMap::from([("m1".to_owned(), heard)]), Some(run)) {
            Api::Answers(objects) => *objects,
            other => panic!("{other:?}"),
        }
    }

    /// What the step said, if it failed.
    fn does(&self, step: impl Into<Step>) -> Result<(), String> {
        failure(&self.script(&script_of(step)))
    }

    fn settings(&self, over: &str) -> Settings {
        let port = self.server().rsplit_once(':').unwrap().1.to_owned();
        let lines = ["name: lab".to_owned(), format!("endpoint: {{host: localhost, port: {port}, served_by: external}}")];
        let is_given = |line: &&String| over.lines().any(|other| other.split(':').next() == line.split(':').next());
        let text: String = lines.iter().filter(|line| !is_given(line)).map(|line| format!("{line}\n")).chain([over.to_owned()]).collect();
        let mut problems = Diagnostics::new();
        let node = yaml::load(&Source::new("cluster", text)).unwrap().0.unwrap();
        Settings::read(&node, "2026-10-01", &mut problems).unwrap_or_else(|| panic!("{problems}"))
    }

    fn verdict(&self, over: &str) -> Verdict {
        verdict(&self.settings(over), &self.told().0)
    }
}

/// A cluster that the real kubeadm has stored these settings in.
fn kubeadm(node: &Node<'_, '_>, settings: &Settings) {
    let machine = Machine { name: "m1".into(), address: [10, 77, 0, 1].into(), taints: None };
    let config = init(settings, &machine, &Secret::new("abcdef.0123456789abcdef"), &Secret::new("1".repeat(64)));
    let file = node.api.file("kubeadm.yaml");
    std::fs::write(&file, config.text()).unwrap();
    for phase in [&["upload-config", "kubeadm"][..], &["upload-config", "kubelet"], &["addon", "kube-proxy"]] {
        let output = Command::new(program("kubeadm").unwrap())
            .args(["init", "phase"])
            .args(phase)
            .arg("--config")
            .arg(&file)
            .arg("--kubeconfig")
            .arg(node.api.file("admin.conf"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{phase:?}: {output:?}");
    }
}

const MADE: &str = "kubelet: {maxPods: 200, shutdownGracePeriod: 1m30s, evictionHard: {memory.available: 5%}}\n\
    network: {pods: 10.200.0.0/16, services: 10.96.0.0/16, domain: k.lan}\nkube_proxy: {scheduler: wlc}\n\
    certificate_names: [kube.lan, 192.168.2.9]\nextra_arguments: {api_server: {v: 2}, etcd: {quota-backend-bytes: 8589934592}, kubelet: {v: 2}}\n\
    feature_gates: {KubeletInUserNamespace: false}";

#[test]
fn what_kubeadm_stored_is_no_difference_and_what_was_changed_is_refused_or_shown() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let etcd = Etcd::start(&bed, 1).unwrap();
    let api = ApiServer::start(&bed, &etcd).unwrap();
    let node = Node { api: &api };
    kubeadm(&node, &node.settings(MADE));
    let (_, messages) = node.told();
    assert_eq!(messages, 1, "all is asked at once");

    let same = node.verdict(MADE);
    assert_eq!((same.by.as_deref(), &same.differences[..], same.refusal()), (Some("m1"), &[][..], None), "{same:?}");

    // fixed
    for (over, found) in [
        (MADE.replace("10.200.0.0/16", "10.201.0.0/16"), "`network.pods` is 10.200.0.0/16 in the cluster, by m1"),
        (format!("{MADE}\nname: other"), "`name` is lab in the cluster"),
        (format!("{MADE}\nversion: v1.34.1"), "`version` is v1.34.2 in the cluster"),
        (format!("{MADE}\nendpoint: {{host: new.example.net, served_by: external}}"), "`endpoint.host` is localhost in the cluster"),
    ] {
        let refusal = node.verdict(&over).refusal().unwrap();
        assert!(refusal.why.contains(found) && refusal.why.ends_with("nothing was changed"), "{refusal:?}");
        assert!(refusal.hint.unwrap().contains("then again:  homelabctl provision"));
    }

    // shown, and carried out by others
    let over = MADE.replace("[kube.lan, 192.168.2.9]", "[kube.lan]").replace("kubelet: {v: 2}", "kubelet: {v: 4}");
    let drift = node.verdict(&over.replace("scheduler: wlc", "scheduler: rr"));
    assert_eq!(drift.refusal(), None);
    let outcomes: Vec<_> = drift.differences.iter().map(|one| (one.setting.as_str(), matches!(one.outcome, Outcome::Drift(_)))).collect();
    assert_eq!(outcomes, [("kube_proxy.scheduler", false), ("certificate_names", true), ("extra_arguments.kubelet", true)], "{drift:?}");
    let warnings = drift.warnings();
    assert!(warnings.len() == 2 && warnings[0].contains(r#"["192.168.2.9","kube.lan"] → ["kube.lan"]"#), "{warnings:?}");

    // what a person has broken is unknown, and nothing follows from it
    let map = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";
    let (_, said) = api.ask("GET", map, None).unwrap();
    let mut object: Value = serde_json::from_str(&said).unwrap();
    object["data"]["ClusterConfiguration"] = "a: [".into();
    assert_eq!(api.ask("PUT", map, Some(&object)).unwrap().0, 200);
    let broken = node.verdict(&MADE.replace("10.200.0.0/16", "10.201.0.0/16"));
    assert_eq!(broken.refusal(), None);
    assert!(broken.warnings()[0].contains("not compared with the cluster: name, version"), "{broken:?}");
}

fn lease(holder: &str, does: LeaseDoes) -> HoldLease {
    HoldLease { holder: holder.into(), seconds: 180, does }
}

#[test]
fn of_two_runs_one_has_the_lease_and_only_it_changes_the_cluster() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let etcd = Etcd::start(&bed, 1).unwrap();
    let api = ApiServer::start(&bed, &etcd).unwrap();
    let node = Node { api: &api };
    let (pat, sam) = ("pat on t480 (run 5eed)", "sam on x1 (run beef)");
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    let version = || {
        let (_, said) = api.ask("GET", &format!("{leases}/homelabctl"), None).unwrap();
        let lease: Value = serde_json::from_str(&said).unwrap();
        lease["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
    };

    assert!(node.seen(pat).lease.is_absent());
    node.does(lease(pat, LeaseDoes::Make)).unwrap();
    assert!(node.seen(pat).lease.is_absent(), "it is its own");
    let Seen::Present(held) = node.seen(sam).lease else { panic!("nobody holds it") };
    assert!(held.starts_with(&format!("{pat}, since 20")), "{held}");
    // who saw none, or an old one, comes too late
    assert!(node.does(lease(sam, LeaseDoes::Make)).unwrap_err().contains("already exists"));
    let old = version();
    node.does(lease(pat, LeaseDoes::Renew)).unwrap();
    assert!(node.does(lease(sam, LeaseDoes::Take(old))).is_err() && node.does(lease(sam, LeaseDoes::Renew)).is_err());
    assert!(node.does(lease(sam, LeaseDoes::GiveBack)).is_err() && node.seen(sam).lease.is_present());

    // given back, it is the next one's; and one that is not renewed is anybody's
    node.does(lease(pat, LeaseDoes::GiveBack)).unwrap();
    assert!(node.seen(sam).lease.is_absent());
    node.does(lease(sam, LeaseDoes::Take(version()))).unwrap();
    assert!(node.seen(pat).lease.is_present());
    let (_, said) = api.ask("GET", &format!("{leases}/homelabctl"), None).unwrap();
    let mut object: Value = serde_json::from_str(&said).unwrap();
    object["spec"]["renewTime"] = "2020-01-01T00:00:00.000000Z".into();
    assert_eq!(api.ask("PUT", &format!("{leases}/homelabctl"), Some(&object)).unwrap().0, 200);
    assert!(node.seen(pat).lease.is_absent());
    node.does(lease(pat, LeaseDoes::Take(version()))).unwrap();
    assert!(node.does(lease(sam, LeaseDoes::Renew)).is_err(), "it has been taken over");

    // a label that the settings want, and the Node lacks
    let (status, said) = api.ask("POST", "/api/v1/nodes", Some(&json!({"metadata": {"name": "w1", "labels": {"a": "b"}}}))).unwrap();
    assert_eq!(status, 201, "{said}");
    let wanted =
        Marks { labels: BTreeMap::from([("rack".into(), "a".into())]), taints: ["k=v:NoSchedule".to_owned()].into(), ..Marks::default() };
    let lacks = || {
        let nodes = node.seen(pat).nodes.present().unwrap().clone();
        wanted.missing_from(&nodes[0].marks)
    };
    let Marks { labels, annotations, taints, no_taints } = lacks();
    assert_eq!((labels.len(), taints.len()), (1, 1));
    node.does(MarkNode { name: "w1".into(), labels, annotations, taints, no_taints }).unwrap();
    assert!(lacks().is_empty());

    // what changes the cluster by itself waits for it, and gives it back, whatever came of it
    let apply = |holder: &str, kind: &str| {
        let manifest = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "namespace": "default"}, "data": {"a": "b"}});
        let lease = UnderLease { holder: holder.into(), seconds: 180, patience: 1 };
        node.does(ApplyObjects { manifest: manifest.to_string(), title: "it".into(), lease })
    };
    let refused = apply(sam, "ConfigMap").unwrap_err();
    assert!(refused.contains(&format!("{pat} changes the cluster, since 20")), "{refused}");
    assert_eq!(api.ask("GET", "/api/v1/namespaces/default/configmaps/a", None).unwrap().0, 404);
    node.does(lease(pat, LeaseDoes::GiveBack)).unwrap();
    apply(sam, "ConfigMap").unwrap();
    assert_eq!(api.ask("GET", "/api/v1/namespaces/default/configmaps/a", None).unwrap().0, 200);
    assert!(node.seen(pat).lease.is_absent(), "it was given back");
    assert!(apply(pat, "Secret").is_err(), "its data is not in base64");
    assert!(node.seen(sam).lease.is_absent(), "and again");
}
