//! What is done to a cluster's objects, at a real kube-apiserver that is away for a while, as when kube-vip moves its address.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use homelabctl::node::script::quote;
use homelabctl::node::steps::{MarkNode, RevokeJoins, Step};
use serde_json::{Value, json};

use crate::step_script::script_of;
use crate::testbed::Bed;
use crate::testbed::kubernetes::{ApiServer, Etcd, program};

/// Carries a step out as a control plane's shell does, with that file as its admin.conf.
fn carried_out(step: impl Into<Step>, admin_conf: &Path) -> Output {
    let kubectl = program("kubectl").unwrap();
    let inner = format!(
        "mount -t tmpfs none /run && mount -t tmpfs none /etc && mkdir /etc/kubernetes && cp {} /etc/kubernetes/admin.conf && k=n1 s={} && \
         ( eval \"$s\" ) </dev/null",
        admin_conf.display(),
        quote(&script_of(step)).unwrap()
    );
    Command::new("unshare")
        .args(["--mount", "dash", "-c", &inner])
        .env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", kubectl.parent().unwrap().display()))
        .output()
        .unwrap()
}

#[test]
fn an_api_that_is_away_is_asked_again_and_one_that_answers_is_not() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let etcd = Etcd::start(&bed, 1).unwrap();
    let mut api = ApiServer::start(&bed, &etcd).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (admin, nobody) = (dir.path().join("admin.conf"), dir.path().join("nobody.conf"));
    fs::write(&admin, api.kubeconfig("kubernetes-admin", &["system:masters"]).unwrap()).unwrap();
    fs::write(&nobody, api.kubeconfig("nobody", &[]).unwrap()).unwrap();
    let namespace = json!({"metadata": {"name": "kube-system"}});
    let (status, said) = api.ask("POST", "/api/v1/namespaces", Some(&namespace)).unwrap();
    assert!(status == 201 || status == 409, "{said}");
    let secrets = "/api/v1/namespaces/kube-system/secrets";
    let token = json!({"metadata": {"name": "bootstrap-token-abcdef"}, "type": "bootstrap.kubernetes.io/token"});
    assert_eq!(api.ask("POST", secrets, Some(&token)).unwrap().0, 201);
    // as kubeadm uploads certificates: owned by a token that ends
    let (_, owner) = api.ask("POST", secrets, Some(&json!({"metadata": {"name": "bootstrap-token-uvwxyz"}}))).unwrap();
    let uid = serde_json::from_str::<Value>(&owner).unwrap()["metadata"]["uid"].clone();
    let owners = json!([{"apiVersion": "v1", "kind": "Secret", "name": "bootstrap-token-uvwxyz", "uid": uid}]);
    let certificates = json!({"metadata": {"name": "kubeadm-certs", "ownerReferences": owners}});
    assert_eq!(api.ask("POST", secrets, Some(&certificates)).unwrap().0, 201);
    assert_eq!(api.ask("POST", "/api/v1/nodes", Some(&json!({"metadata": {"name": "w1"}}))).unwrap().0, 201);
    let revoke = || RevokeJoins { tokens: vec!["abcdef".to_owned()] };

    let refused = carried_out(revoke(), &nobody);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.matches("Forbidden").count() == 1, "{refused:?}");

    api.kill();
    let conf = admin.clone();
    // it is where this thread is
    let waiting = thread::spawn(move || carried_out(revoke(), &conf));
    thread::sleep(Duration::from_secs(3));
    api.resume().unwrap();
    let revoked = waiting.join().unwrap();
    assert!(revoked.status.success(), "{revoked:?}");
    let (_, left) = api.ask("GET", secrets, None).unwrap();
    assert!(!left.contains("bootstrap-token") && !left.contains("kubeadm-certs"), "{left}");

    let mark = MarkNode {
        name: "w1".to_owned(),
        labels: [("a".to_owned(), "b".to_owned())].into(),
        annotations: Default::default(),
        taints: ["c=d:NoSchedule".to_owned()].into(),
        no_taints: Default::default(),
    };
    let marked = carried_out(mark, &admin);
    assert!(marked.status.success(), "{marked:?}");
    let (_, node) = api.ask("GET", "/api/v1/nodes/w1", None).unwrap();
    assert!(node.contains("\"a\":\"b\"") && node.contains("\"key\":\"c\""), "{node}");
}
