//! What a control plane hears of the API and of etcd, asked of the real ones: half-made clusters too, and those that are gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use homelabctl::cluster::membership::{Api, Etcd as EtcdSeen, Heard, InitPart, Machine, Objects, Reach, Ready, Seen, api, etcd};
use homelabctl::node::facts::{ClusterAnswer, ClusterObjects, ClusterObjectsState, EtcdMember, EtcdMembers, Readyz, etcd_leader};
use homelabctl::node::record::Records;
use homelabctl::node::script::{Script, quote};
use homelabctl::plan::{Fact, Reading};
use serde_json::{Value, json};

use crate::testbed::Bed;
use crate::testbed::kubernetes::{ApiServer, Etcd, program};

/// A control plane's files, and the programs that it has.
struct Node {
    dir: tempfile::TempDir,
    programs: Vec<PathBuf>,
}

impl Node {
    fn new(programs: &[&str]) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), programs: programs.iter().map(|name| program(name).unwrap()).collect() }
    }

    fn folder(&self) -> &str {
        self.dir.path().to_str().unwrap()
    }

    /// A kubeconfig as kubeadm writes one.
    fn write_kubeconfig(&self, name: &str, server: &str, api: &ApiServer<'_>, user: &str, groups: &[&str]) {
        let user: Value = serde_json::from_str(&api.kubeconfig(user, groups).unwrap()).unwrap();
        let of = |part: &str, kind: &str, key: &str| user[part][0][kind][key].as_str().unwrap().to_owned();
        let text = format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: {server}\n  name: kubernetes\ncontexts:\n\
             - context:\n    cluster: kubernetes\n    user: u\n  name: c\ncurrent-context: c\nkind: Config\nusers:\n- name: u\n  user:\n    \
             client-certificate-data: {}\n    client-key-data: {}\n",
            of("clusters", "cluster", "certificate-authority-data"),
            of("users", "user", "client-certificate-data"),
            of("users", "user", "client-key-data"),
        );
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// Reads a fact here, and what was printed for it; /run is its own.
    fn read<F: Fact>(&self, fact: &F) -> (Reading, String) {
        let mut script = Script::new();
        let probes = script.probe(&[fact.query()]);
        let folders: Vec<String> = self.programs.iter().map(|path| path.parent().unwrap().display().to_string()).collect();
        let inner = format!("mount -t tmpfs none /run && k=n1 s={} && ( eval \"$s\" ) </dev/null", quote(&script.finish()).unwrap());
        let output = Command::new("unshare")
            .args(["--mount", "dash", "-c", &inner])
            .env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", folders.join(":")))
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let records = Records::parse("n1", &output.stdout, &output.stderr);
        (probes.observe(&records).remove(0).1.reading, printed)
    }

    fn seen<F: Fact>(&self, fact: &F) -> Seen<F::Value> {
        match self.read(fact).0 {
            Reading::Present(value) => Seen::Present(serde_json::from_value(value).unwrap()),
            Reading::Absent => Seen::Absent,
            Reading::Unknown { why, .. } => Seen::Unknown(why.into()),
        }
    }
}

fn machine() -> BTreeMap<String, Reach> {
    let mut machine = Machine::blank("5eed");
    machine.ca = Seen::Present("sha256:ours".into());
    BTreeMap::from([("m1".to_owned(), Reach::Reached(Box::new(machine)))])
}

fn heard(objects: Seen<ClusterObjectsState>, members: Seen<Vec<EtcdMember>>) -> BTreeMap<String, Heard> {
    BTreeMap::from([("m1".to_owned(), Heard { objects, members })])
}

fn api_of(node: &Node, server: &ApiServer<'_>, own: Option<&str>) -> Api {
    let seen = node.seen(&ClusterObjects::at(node.folder(), server.url()));
    api(server.url().trim_start_matches("https://"), &machine(), &heard(seen, Seen::Absent), own)
}

fn objects(api: Api) -> Objects {
    match api {
        Api::Answers(objects) => *objects,
        other => panic!("{other:?}"),
    }
}

fn create(api: &ApiServer<'_>, path: &str, object: &Value) {
    let (status, said) = api.ask("POST", path, Some(object)).unwrap();
    assert!(status == 201, "{path}: {status} {said}");
}

fn kubeadm(node: &Node, words: &[&str]) {
    let output = Command::new(program("kubeadm").unwrap())
        .args(["init", "phase"])
        .args(words)
        .args(["--config", &format!("{}/kubeadm.yaml", node.folder()), "--kubeconfig", &format!("{}/super-admin.conf", node.folder())])
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
}

/// As `openssl req` writes it.
fn request(name: &str) -> String {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:nodes");
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    STANDARD.encode(params.serialize_request(&rcgen::KeyPair::generate().unwrap()).unwrap().pem().unwrap())
}

#[test]
fn what_kubeadm_leaves_in_a_cluster_is_seen_part_by_part() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let etcd = Etcd::start(&bed, 1).unwrap();
    let mut api = ApiServer::start(&bed, &etcd).unwrap();
    let node = Node::new(&["kubectl"]);
    let url = api.url();
    assert_eq!(node.seen(&ClusterObjects::at(node.folder(), &url)), Seen::Absent, "without admin.conf nobody can be asked");

    // admin.conf without its rights
    node.write_kubeconfig("admin.conf", &url, &api, "kubernetes-admin", &["kubeadm:cluster-admins"]);
    let seen = objects(api_of(&node, &api, None));
    assert_eq!(seen.parts[&InitPart::AdminBinding], Seen::Absent);
    assert!(matches!((&seen.nodes, &seen.lease, &seen.tokens), (Seen::Unknown(_), Seen::Unknown(_), Seen::Unknown(_))), "{seen:?}");
    assert!(matches!(seen.parts[&InitPart::CoreDns], Seen::Unknown(_)));

    // with super-admin.conf all is read, and nothing is there
    node.write_kubeconfig("super-admin.conf", &url, &api, "kubernetes-super-admin", &["system:masters"]);
    let seen = objects(api_of(&node, &api, None));
    assert!(seen.parts.values().all(Seen::is_absent), "{seen:?}");
    assert_eq!((&seen.nodes, &seen.csrs, &seen.tokens), (&Seen::Present(vec![]), &Seen::Present(vec![]), &Seen::Present(vec![])));
    assert!(seen.lease.is_absent() && seen.certificates.is_absent());

    // what the real kubeadm makes
    let config = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nbootstrapTokens:\n- {token: abcdef.0123456789abcdef, description: \
         homelabctl m2, ttl: 30m, usages: [signing, authentication], groups: ['system:bootstrappers:kubeadm:default-node-token']}\n\
         localAPIEndpoint: {advertiseAddress: 10.77.0.1}\nnodeRegistration: {name: m1, criSocket: 'unix:///run/none.sock'}\n---\n\
         apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.34.2\ncontrolPlaneEndpoint: ENDPOINT\n";
    let config = config.replace("ENDPOINT", url.trim_start_matches("https://"));
    fs::write(node.dir.path().join("kubeadm.yaml"), config).unwrap();
    let part = |part: InitPart| objects(api_of(&node, &api, None)).parts[&part].clone();
    create(
        &api,
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        &json!({
            "metadata": {"name": "kubeadm:cluster-admins"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "kubeadm:cluster-admins"}],
        }),
    );
    assert!(part(InitPart::AdminBinding).is_present() && part(InitPart::StoredConfig).is_absent());
    kubeadm(&node, &["upload-config", "kubeadm"]);
    assert!(part(InitPart::StoredConfig).is_present() && part(InitPart::KubeletConfig).is_absent(), "one of two");
    kubeadm(&node, &["upload-config", "kubelet"]);
    assert!(part(InitPart::KubeletConfig).is_present() && part(InitPart::ClusterInfo).is_absent());
    let (status, _) = api.ask("DELETE", "/api/v1/namespaces/kube-public/configmaps/cluster-info", None).unwrap();
    assert_eq!(status, 404);
    let output = Command::new(program("kubeadm").unwrap())
        .args(["init", "phase", "bootstrap-token", "--skip-token-print"])
        .args(["--config", &format!("{}/kubeadm.yaml", node.folder()), "--kubeconfig", &format!("{}/super-admin.conf", node.folder())])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(part(InitPart::ClusterInfo).is_present() && part(InitPart::KubeProxy).is_absent());
    kubeadm(&node, &["addon", "all"]);

    // Nodes, requests, a lease, the certificates' Secret
    let ready = |status: &str, message: &str| {
        json!({"nodeInfo": {"machineID": "5eed", "kubeletVersion": "v1.34.2"}, "conditions": [
            {"type": "MemoryPressure", "status": "False"},
            {"type": "Ready", "status": status, "reason": "KubeletNotReady", "message": message}]})
    };
    let cni = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:\t\"cni\" <not initialized>";
    for (name, status, message) in
        [("m1", "True", "kubelet is posting ready status"), ("m2", "False", cni), ("w1", "Unknown", "x"), ("w2", "False", "PLEG\nis old")]
    {
        let object = json!({"metadata": {"name": name, "labels": {"a/b": ""}}, "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}});
        create(&api, "/api/v1/nodes", &object);
        let patch = json!({"metadata": {"name": name, "labels": {"a/b": ""}}, "status": ready(status, message)});
        let (code, said) = api.ask("PUT", &format!("/api/v1/nodes/{name}/status"), Some(&patch)).unwrap();
        assert_eq!(code, 200, "{said}");
    }
    let csr = |name: &str, signer: &str, of: &str| json!({"metadata": {"name": name}, "spec": {"request": request(of), "signerName": signer, "usages": ["client auth"]}});
    for object in [
        csr("csr-w3", "kubernetes.io/kube-apiserver-client-kubelet", "system:node:w3"),
        csr("csr-pat", "kubernetes.io/kube-apiserver-client", "pat"),
    ] {
        create(&api, "/apis/certificates.k8s.io/v1/certificatesigningrequests", &object);
    }
    create(&api, "/api/v1/namespaces/kube-system/secrets", &json!({"metadata": {"name": "kubeadm-certs"}, "data": {"ca.key": "c2VjcmV0"}}));
    let lease = |renewed: &str| {
        json!({"metadata": {"name": "homelabctl"},
            "spec": {"holderIdentity": "pat on t480", "leaseDurationSeconds": 60, "renewTime": renewed}})
    };
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    create(&api, leases, &lease("2020-01-01T00:00:00.000000Z"));

    let (reading, printed) = node.read(&ClusterObjects::at(node.folder(), &url));
    for secret in ["0123456789abcdef", &STANDARD.encode("0123456789abcdef"), "c2VjcmV0"] {
        assert!(!printed.contains(secret), "a secret has left the machine");
    }
    let Reading::Present(value) = reading else { panic!("{reading:?}") };
    let state: ClusterObjectsState = serde_json::from_value(value).unwrap();
    let ClusterAnswer::Answers(contents) = &state.answer else { panic!("{:?}", state.answer) };
    assert!(contents.stored["kubeadm-config/ClusterConfiguration"].contains("controlPlaneEndpoint"), "{:?}", contents.stored);
    assert!(contents.stored["kubelet-config/kubelet"].contains("kind: KubeletConfiguration"));
    assert_eq!((contents.version.as_str(), contents.admin_has_no_rights), ("v1.34.2", false));
    let seen = objects(api_of(&node, &api, None));
    assert!(seen.parts.values().all(Seen::is_present), "{seen:?}");
    let nodes = seen.nodes.present().unwrap();
    let ready: Vec<_> = nodes.iter().map(|node| (node.name.as_str(), &node.ready)).collect();
    assert_eq!(ready, [("m1", &Ready::Yes), ("m2", &Ready::NoNetwork), ("w1", &Ready::Unheard), ("w2", &Ready::No("PLEG\nis old".into()))]);
    assert_eq!(nodes[0].machine_id, "5eed");
    assert!(nodes[0].marks.taints.contains("k:NoSchedule") && nodes[0].marks.labels["a/b"].is_empty(), "{nodes:?}");
    let csrs: Vec<_> = seen.csrs.present().unwrap().iter().map(|csr| (csr.name.as_str(), csr.node.as_str(), csr.pending)).collect();
    assert_eq!(csrs, [("csr-w3", "w3", true)]);
    assert_eq!((seen.tokens, seen.certificates), (Seen::Present(vec!["abcdef".to_owned()]), Seen::Present(())));
    assert!(seen.lease.is_absent(), "nobody renews it any more");
    assert_eq!(api.ask("DELETE", &format!("{leases}/homelabctl"), None).unwrap().0, 200);
    create(&api, leases, &lease("2090-01-01T00:00:00.000000Z"));
    assert_eq!(objects(api_of(&node, &api, None)).lease, Seen::Present("pat on t480".into()));
    assert!(objects(api_of(&node, &api, Some("pat on t480"))).lease.is_absent(), "its own");

    // the endpoint is down, and its own API server answers; then that is gone too
    node.write_kubeconfig("admin.conf", "https://127.0.0.1:9", &api, "kubernetes-admin", &["kubeadm:cluster-admins"]);
    let Seen::Present(state) = node.seen(&ClusterObjects::at(node.folder(), &url)) else { panic!("nothing was heard") };
    let ClusterAnswer::Answers(contents) = &state.answer else { panic!("{:?}", state.answer) };
    assert!(contents.endpoint_is_silent.as_ref().is_some_and(|why| why.contains("refused")) && contents.nodes.is_ok());
    assert!(matches!(api_of(&node, &api, None), Api::Unknown(why) if why.contains("its admin.conf is for https://127.0.0.1:9")));
    node.write_kubeconfig("admin.conf", &url, &api, "kubernetes-admin", &["kubeadm:cluster-admins"]);
    assert_eq!(node.seen(&Readyz::at(&url, node.folder())), Seen::Present(true));
    let other = Node::new(&["kubectl"]);
    let text = fs::read_to_string(node.dir.path().join("admin.conf")).unwrap();
    let (own, foreign) = (&api.authority().certificate, crate::testbed::kubernetes::Authority::new("kubernetes").unwrap().certificate);
    fs::write(other.dir.path().join("admin.conf"), text.replace(&STANDARD.encode(own), &STANDARD.encode(&foreign))).unwrap();
    assert!(matches!(api_of(&other, &api, None), Api::Unknown(why) if why.contains("x509")), "another cluster's is somebody");
    assert!(matches!(other.seen(&Readyz::at(&url, other.folder())), Seen::Unknown(why) if why.contains("x509")));
    drop(etcd);
    // it looks at etcd now and then
    let is_ready = |_| node.seen(&Readyz::at(&url, node.folder()));
    let not_ready = (0..100).map(is_ready).find(|seen| *seen != Seen::Present(true));
    assert_eq!(not_ready, Some(Seen::Absent), "an API server without etcd is not ready");
    api.kill();
    assert!(matches!(api_of(&node, &api, None), Api::Silent(why) if why.contains("was refused")));
    assert_eq!(node.seen(&Readyz::at(&url, node.folder())), Seen::Absent);
}

fn members(node: &Node, cluster: &Etcd<'_>) -> Seen<Vec<EtcdMember>> {
    node.seen(&EtcdMembers::at(cluster.client_urls().remove(0), node.folder()))
}

fn answering(members: &Seen<Vec<EtcdMember>>) -> Vec<(String, bool, Option<bool>)> {
    let of = |member: &EtcdMember| (member.name.clone(), member.is_learner, member.answers);
    let mut all: Vec<_> = members.present().unwrap_or_else(|| panic!("{members:?}")).iter().map(of).collect();
    all.sort();
    all
}

#[test]
fn members_of_etcd_that_do_not_answer_are_told_and_no_majority_is_unknown() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let mut cluster = Etcd::start(&bed, 3).unwrap();
    let node = Node::new(&["etcdctl"]);
    assert_eq!(members(&node, &cluster), Seen::Absent);
    // its client wants them where it is told of them, even where no TLS is spoken
    let authority = crate::testbed::kubernetes::Authority::new("etcd-ca").unwrap();
    let own = authority.sign("m1", &[], &["127.0.0.1"]).unwrap();
    for (name, text) in [("ca.crt", &authority.certificate), ("server.crt", &own.certificate), ("server.key", &own.key)] {
        fs::write(Path::new(node.folder()).join(name), text).unwrap();
    }
    let is = |name: &str, is_learner: bool, answers: bool| (name.to_owned(), is_learner, Some(answers));
    let all = members(&node, &cluster);
    assert_eq!(answering(&all), [is("m0", false, true), is("m1", false, true), is("m2", false, true)]);
    let leader = etcd_leader(all.present().unwrap()).unwrap();
    assert!(all.present().unwrap().iter().any(|member| member.id == leader && member.version.as_deref() == Some("3.6.5")));

    let learner = cluster.add_learner().unwrap();
    assert_eq!(answering(&members(&node, &cluster))[0], is("", true, false), "it has not started");
    cluster.resume(learner).unwrap();
    assert_eq!(answering(&members(&node, &cluster))[3], is("m3", true, true));
    cluster.kill(2);
    // the others may have to find a leader first
    cluster.ctl_in_time(&["put", "a", "1"]).unwrap();
    let three = members(&node, &cluster);
    assert_eq!(answering(&three), [is("m0", false, true), is("m1", false, true), is("m2", false, false), is("m3", true, true)]);
    match etcd(&machine(), &heard(Seen::Absent, three), None) {
        EtcdSeen::Answers(members) => assert_eq!((members.ca.as_str(), members.members.len()), ("sha256:ours", 4)),
        other => panic!("{other:?}"),
    }
    cluster.kill(1);
    let none = members(&node, &cluster);
    assert!(matches!(&none, Seen::Unknown(_)), "{none:?}");
    assert!(matches!(etcd(&machine(), &heard(Seen::Absent, none), None), EtcdSeen::Unknown(_)));
}
