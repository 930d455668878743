//! Kubernetes' own programs among a bed's machines: they answer, and what the tests lean on is so.

use crate::testbed::Bed;
use crate::testbed::kubernetes::{ApiServer, Etcd, program};
use serde_json::{Value, json};
use std::fs;
use std::process::{Command, Output};

fn names(etcd: &Etcd) -> Vec<(String, bool)> {
    etcd.list().unwrap().into_iter().map(|member| (member.name, member.is_learner)).collect()
}

#[test]
fn an_api_server_over_etcd_answers_and_keeps_what_it_was_given() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let etcd = Etcd::start(&bed, 1).unwrap();
    let mut api = ApiServer::start(&bed, &etcd).unwrap();
    assert_eq!(api.ask("GET", "/readyz", None).unwrap(), (200, "ok".into()));
    let (status, version) = api.ask("GET", "/version", None).unwrap();
    assert_eq!((status, serde_json::from_str::<Value>(&version).unwrap()["gitVersion"].as_str()), (200, Some("v1.34.2")));

    let map = json!({"metadata": {"name": "kept"}, "data": {"key": "value"}});
    let maps = "/api/v1/namespaces/default/configmaps";
    assert_eq!(api.ask("POST", maps, Some(&map)).unwrap().0, 201);
    api.kill();
    assert!(api.ask("GET", "/readyz", None).is_err());
    api.resume().unwrap();
    let (status, answer) = api.ask("GET", &format!("{maps}/kept"), None).unwrap();
    assert_eq!((status, serde_json::from_str::<Value>(&answer).unwrap()["data"]["key"].as_str()), (200, Some("value")));

    // it was started anew over the same etcd, and that is where it was
    let stored = etcd.ctl(&["get", "--keys-only", "/registry/configmaps/default/kept"]).unwrap();
    assert_eq!(String::from_utf8_lossy(&stored.stdout).trim(), "/registry/configmaps/default/kept");

    // by its gate, requests are seen, and one of them is done without its answer
    let gate = api.gate().unwrap();
    let kubectl = |arguments: &[&str]| {
        let mut command = Command::new(program("kubectl").unwrap());
        command.env("KUBECONFIG", gate.kubeconfig()).env("HOME", bed.dir()).args(arguments).output().unwrap()
    };
    let read = kubectl(&["get", "--raw", &format!("{maps}/kept")]);
    assert!(String::from_utf8_lossy(&read.stdout).contains("value"), "{}", String::from_utf8_lossy(&read.stderr));
    assert_eq!(gate.log(), [format!("GET {maps}/kept")]);
    fs::write(bed.dir().join("map.json"), json!({"metadata": {"name": "done"}}).to_string()).unwrap();
    let (happened, heard) = std::sync::mpsc::channel();
    gate.at(2, move || happened.send(()).unwrap());
    kubectl(&["get", "--raw", maps]);
    assert!(heard.try_recv().is_err());
    let cut = kubectl(&["create", "--raw", maps, "-f", &bed.dir().join("map.json").display().to_string()]);
    heard.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
    assert!(!cut.status.success());
    assert_eq!(api.ask("GET", &format!("{maps}/done"), None).unwrap().0, 200);
    assert_eq!(gate.log(), [format!("GET {maps}"), format!("POST {maps}")]);
    assert!(kubectl(&["get", "nodes"]).status.success());
}

#[test]
fn members_of_etcd_are_killed_added_and_listed() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let mut etcd = Etcd::start(&bed, 3).unwrap();
    let voter = |name: &str| (name.to_owned(), false);
    assert_eq!(names(&etcd), [voter("m0"), voter("m1"), voter("m2")]);

    let learner = etcd.add_learner().unwrap();
    etcd.resume(learner).unwrap();
    assert_eq!(names(&etcd), [voter("m0"), voter("m1"), voter("m2"), ("m3".to_owned(), true)]);

    // two of three voters go on, when they have another leader if it was the leader; one and a learner, which has no vote, do not
    // (another key: what timed out may yet be taken over when a majority is there again)
    etcd.kill(2);
    assert!(etcd.ctl_in_time(&["put", "a", "1"]).unwrap().status.success());
    etcd.kill(1);
    assert!(!etcd.ctl(&["--command-timeout=5s", "put", "b", "2"]).unwrap().status.success());
    etcd.resume(1).unwrap();
    assert_eq!(String::from_utf8_lossy(&etcd.ctl_in_time(&["get", "a", "--print-value-only"]).unwrap().stdout).trim(), "1");
}

/// What kubeadm says of a configuration.
fn validated(text: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kubeadm.yaml");
    fs::write(&file, text).unwrap();
    Command::new(program("kubeadm").unwrap()).args(["config", "validate", "--config"]).arg(file).output().unwrap()
}

#[test]
fn kubeadm_judges_a_configuration() {
    let head = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.34.2\n";
    let good = validated(&format!("{head}networking:\n  podSubnet: 10.244.0.0/16\n"));
    assert!(good.status.success(), "{good:?}");
    let bad = validated(&format!("{head}networking:\n  podSubnets: 10.244.0.0/16\n"));
    assert!(!bad.status.success(), "{bad:?}");
    assert!(String::from_utf8_lossy(&bad.stderr).contains("unknown field \"networking.podSubnets\""), "{bad:?}");
}
