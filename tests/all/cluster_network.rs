//! The objects of a network, put into a real API: what is missing, otherwise or not ready is seen, and nothing else.

use std::path::Path;
use std::process::{Command, Output};

use homelabctl::cluster::cni::flannel::Flannel;
use homelabctl::node::facts::{ClusterNetwork, DaemonSets, ManifestObjects, NetworkState, ObjectsState};
use homelabctl::node::record::Records;
use homelabctl::node::script::{Script, quote};
use homelabctl::node::steps::{ApplyObjects, Step, UnderLease, WaitForObjects};
use homelabctl::plan::{Fact, Reading};
use homelabctl::yaml::objects::list;
use serde_json::{Value, json};

use crate::step_script::{failure, script_of};
use crate::testbed::Bed;
use crate::testbed::kubernetes::{ApiServer, Etcd, program};

/// A control plane with nothing but its kubeconfig and kubectl. Its /etc/kubernetes and its /run are its own.
struct Node<'a, 'bed> {
    api: &'a ApiServer<'bed>,
}

impl Node<'_, '_> {
    fn script(&self, script: &str) -> Output {
        let kubectl = program("kubectl").unwrap();
        let inner = format!(
            "mount -t tmpfs none /run && mkdir /run/upper /run/work &&
            mount -t overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work none /etc &&
            mkdir -p /etc/kubernetes && cp {} /etc/kubernetes/admin.conf && k=n1 s={} && ( eval \"$s\" ) </dev/null",
            self.api.file("admin.conf").display(),
            quote(script).unwrap(),
        );
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", kubectl.parent().map(Path::display).unwrap());
        Command::new("unshare").args(["--mount", "dash", "-c", &inner]).env("PATH", path).output().unwrap()
    }

    fn reading<F: Fact>(&self, fact: &F) -> Reading {
        let mut script = Script::new();
        let probes = script.probe(&[fact.query()]);
        let output = self.script(&script.finish());
        probes.observe(&Records::parse("n1", &output.stdout, &output.stderr)).remove(0).1.reading
    }

    fn read<F: Fact>(&self, fact: &F) -> F::Value {
        match self.reading(fact) {
            Reading::Present(value) => serde_json::from_value(value).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// What the step said, if it failed.
    fn does(&self, step: impl Into<Step>) -> Result<(), String> {
        failure(&self.script(&script_of(step)))
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, said) = self.api.ask(method, path, Some(body)).unwrap();
        assert!((200..300).contains(&status), "{method} {path}: {status} {said}");
        serde_json::from_str(&said).unwrap()
    }

    fn changed(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let (_, said) = self.api.ask("GET", path, None).unwrap();
        let mut object: Value = serde_json::from_str(&said).unwrap();
        change(&mut object);
        self.ask("PUT", path, &object);
    }
}

fn lease() -> UnderLease {
    UnderLease { holder: "pat on t480 (run 5eed)".into(), seconds: 180, patience: 1 }
}

const DAEMON_SET: &str = "/apis/apps/v1/namespaces/kube-flannel/daemonsets/kube-flannel-ds";

#[test]
fn flannels_objects_are_put_up_compared_and_waited_for() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let etcd = Etcd::start(&bed, 1).unwrap();
    let mut api = ApiServer::start(&bed, &etcd).unwrap();
    let manifest = list(&Flannel::new("10.244.0.0/16".parse().unwrap()).objects());
    let is = ManifestObjects::new("flannel", &manifest);
    {
        let node = Node { api: &api };
        let none = node.read(&is);
        assert!(none.is_partial && none.other.is_empty(), "its namespace is not there: {none:?}");
        assert_eq!(node.read(&DaemonSets), Vec::<String>::new());
        node.does(ApplyObjects { manifest: manifest.clone(), title: "flannel".into(), lease: lease() }).unwrap();
        let made = node.read(&is);
        let unready = "DaemonSet kube-flannel/kube-flannel-ds: 0 of 0 pods ready, 0 up to date".to_owned();
        assert_eq!(made, ObjectsState { unready: vec![unready], ..ObjectsState::default() });
        assert_eq!(node.read(&DaemonSets), ["kube-flannel/kube-flannel-ds"]);
        let waits = WaitForObjects { manifest: manifest.clone(), title: "flannel".into(), timeout: 1 };
        assert!(node.does(waits.clone()).unwrap_err().contains("after 1 seconds: DaemonSet kube-flannel/kube-flannel-ds"));

        // what its controller tells of it, and a node that the network has made ready
        let status = |ready: u32| json!({"observedGeneration": 1, "currentNumberScheduled": 2, "numberMisscheduled": 0, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": ready, "numberAvailable": ready});
        node.changed(&format!("{DAEMON_SET}/status"), |set| set["status"] = status(2));
        assert_eq!(node.read(&is), ObjectsState::default());
        node.does(waits.clone()).unwrap();
        let of_node = |name: &str, ready: &str| {
            node.ask("POST", "/api/v1/nodes", &json!({"metadata": {"name": name}}));
            node.changed(&format!("/api/v1/nodes/{name}/status"), |node| {
                node["status"] = json!({"conditions": [{"type": "Ready", "status": ready}]})
            });
        };
        of_node("m1", "False");
        assert!(node.does(waits.clone()).unwrap_err().contains("m1 is not ready"));
        // the pod of one that tells nothing is not waited for
        of_node("w1", "Unknown");
        node.changed(&format!("{DAEMON_SET}/status"), |set| set["status"] = status(1));
        assert_eq!(node.read(&is), ObjectsState::default());
        node.changed(&format!("{DAEMON_SET}/status"), |set| set["status"] = status(0));
        assert_eq!(node.read(&is).unready, ["DaemonSet kube-flannel/kube-flannel-ds: 0 of 2 pods ready, 2 up to date"]);
        node.changed(&format!("{DAEMON_SET}/status"), |set| set["status"] = status(2));

        // the nodes, and what is noted of a check of the network
        let NetworkState { nodes, checked } = node.read(&ClusterNetwork);
        assert_eq!(
            nodes.iter().map(|node| (node.name.as_str(), node.ready.as_str())).collect::<Vec<_>>(),
            [("m1", "False"), ("w1", "Unknown")]
        );
        assert_eq!(checked, None);
        node.changed("/api/v1/namespaces/kube-system", |space| {
            space["metadata"]["annotations"] = json!({"homelabctl.dev/network-checked": "abc"})
        });
        assert_eq!(node.read(&ClusterNetwork).checked.as_deref(), Some("abc"));

        // somebody's own label stays, and is no difference; another network is one
        node.changed("/api/v1/namespaces/kube-flannel", |space| space["metadata"]["labels"]["mine"] = "yes".into());
        assert_eq!(node.read(&is), ObjectsState::default());
        let map = "/api/v1/namespaces/kube-flannel/configmaps/kube-flannel-cfg";
        node.changed(map, |map| map["data"]["net-conf.json"] = "{}".into());
        let other = node.read(&is).other;
        assert_eq!((other.len(), other[0].name.as_str()), (1, "ConfigMap kube-flannel/kube-flannel-cfg"));
        assert_eq!(other[0].fields, ["data.net-conf.json"]);
        node.does(ApplyObjects { manifest: manifest.clone(), title: "flannel".into(), lease: lease() }).unwrap();
        assert_eq!(node.read(&is), ObjectsState::default());

        // another backend is another manifest
        let other = Flannel { backend: "host-gw".into(), ..Flannel::new("10.244.0.0/16".parse().unwrap()) };
        assert_eq!(node.read(&ManifestObjects::new("it", list(&other.objects()))).other.len(), 1);
        // what the API takes for wrong is not known to be missing
        let wrong = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "default"}, "spec": {"ports": [{"port": 0}]}});
        let Reading::Unknown { why, .. } = node.reading(&ManifestObjects::new("it", wrong.to_string())) else { panic!() };
        assert!(why.contains("spec.ports[0].port"), "{why}");
        assert!(
            node.does(ApplyObjects { manifest: wrong.to_string(), title: "it".into(), lease: lease() })
                .unwrap_err()
                .contains("spec.ports[0].port")
        );
    }
    api.kill();
    let Reading::Unknown { why, .. } = (Node { api: &api }).reading(&is) else { panic!() };
    assert!(why.contains("refused"), "{why}");
}
