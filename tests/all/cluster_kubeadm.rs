//! What kubeadm itself says of the configuration that is made for it.

use std::process::Command;

use homelabctl::cluster::kubeadm_config::{ConfigFile, Joining, Machine, Secret, init, join, stored};
use homelabctl::cluster::settings::Settings;
use homelabctl::diagnostics::{Diagnostics, Source};
use homelabctl::yaml;

use crate::testbed::kubernetes::program;

/// Each with much in it, and the least.
const SETTINGS: [&str; 3] = [
    "{name: least, endpoint: {host: 192.168.2.50, served_by: external}}",
    "{name: most, version: v1.34.1, endpoint: {host: kube.example.net, served_by: kube-vip, address: 192.168.2.50},
      network: {pods: 10.200.0.0/16, services: 10.201.0.0/16, domain: k.lan}, kube_proxy: {scheduler: wlc},
      kubelet: {maxPods: 200, shutdownGracePeriod: 1m30s, evictionHard: {memory.available: 5%}, serializeImagePulls: false},
      feature_gates: {KubeletInUserNamespace: false}, certificate_names: [kube.lan, '*.example.net', 192.168.2.9],
      extra_arguments: {api_server: {v: 2, profiling: false}, controller_manager: {v: 2}, scheduler: {v: 2}, kubelet: {v: 4},
        etcd: {quota-backend-bytes: 8589934592}}, ignore_preflight_errors: [SystemVerification]}",
    "{name: six, endpoint: {host: 'fd00::50', served_by: external}, network: {pods: 'fd00:10:244::/56', services: 'fd00:10:96::/112'},
      kube_proxy: {mode: nftables}}",
];

fn validate(file: &ConfigFile) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kubeadm.yaml");
    std::fs::write(&path, file.text()).unwrap();
    let kubeadm = program("kubeadm").unwrap();
    let output = Command::new(kubeadm).args(["config", "validate", "--config"]).arg(path).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn kubeadm_takes_what_is_made_for_it() {
    for text in SETTINGS {
        let mut problems = Diagnostics::new();
        let node = yaml::load(&Source::new("cluster", text)).unwrap().0.unwrap();
        let settings = Settings::read(&node, "2026-10-01", &mut problems).unwrap_or_else(|| panic!("{problems}"));
        let address = if settings.network.pods.addr().is_ipv4() { "192.168.2.11" } else { "fd00::11" };
        // a key that YAML would take for a number
        let (token, key) = (Secret::new("123456.1234567890123456"), Secret::new("1".repeat(64)));
        for taints in [None, Some(vec![]), Some(vec!["dedicated=gpu:NoSchedule".to_owned(), "slow:NoExecute".to_owned()])] {
            let machine = Machine { name: "m1".into(), address: address.parse().unwrap(), taints };
            let worker = Joining { token: token.clone(), ca_hash: format!("sha256:{}", "0".repeat(64)), certificate_key: None };
            let control_plane = Joining { certificate_key: Some(key.clone()), ..worker.clone() };
            let files = [
                init(&settings, &machine, &token, &key),
                join(&settings, &machine, &worker),
                join(&settings, &machine, &control_plane),
                stored(&settings),
            ];
            for file in files {
                let (is_good, said) = validate(&file);
                assert!(is_good && said.trim() == "ok", "{text}\n{said}\n{}", file.text());
            }
        }
    }
}
