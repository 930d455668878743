use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::cluster::settings::testing::settings;

/// What kubeadm stores of these settings: theirs, and what it and the components' defaults write beside them.
fn stored(settings: &Settings) -> Stored {
    let document = |over: Value, mut document: Value| {
        for (name, value) in over.as_object().unwrap() {
            document[name] = value.clone();
        }
        document
    };
    let is_kube_vip = settings.endpoint.served_by == ServedBy::KubeVip;
    let address = settings.endpoint.address.map_or_else(|| settings.endpoint.host.clone(), |address| address.to_string());
    let defaults = json!({ "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "clusterDNS": ["10.96.0.10"],
        "authentication": { "anonymous": { "enabled": false } }, "healthzPort": 10248, "logging": { "flushFrequency": 0 }, "memorySwap": {},
        "rotateCertificates": true, "syncFrequency": "0s", "staticPodPath": "/etc/kubernetes/manifests", "containerRuntimeEndpoint": "" });
    Stored {
        cluster: Known::Is(document(
            as_json(&kubeadm_config::cluster(settings)),
            json!({ "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", "apiServer": {}, "controllerManager": {}, "scheduler": {},
                "certificatesDir": "/etc/kubernetes/pki", "dns": {}, "proxy": {}, "etcd": { "local": { "dataDir": "/var/lib/etcd" } } }),
        )),
        kubelet: Known::Is(document(as_json(&kubeadm_config::kubelet(settings)), defaults)),
        kube_proxy: Known::Is(document(
            as_json(&kubeadm_config::kube_proxy(settings)),
            json!({ "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "bindAddress": "0.0.0.0", "ipvs": { "scheduler": "", "strictARP": false } }),
        )),
        kube_vip: if is_kube_vip { Known::Is(KubeVip { address, version: settings.endpoint.version.clone() }) } else { Known::Not },
        cni: Known::Is(settings.cni.name),
    }
}

/// One setting, or several that stand together, and what may be written of it.
const CHOICES: [(&str, &[&str]); 13] = [
    ("name", &["name: one", "name: two"]),
    ("version", &["", "version: v1.34.1", "version: v1.33.5"]),
    ("endpoint.host", &["endpoint: {host: a.example.net, served_by: external}", "endpoint: {host: b.example.net, served_by: external}"]),
    ("network.pods", &["", "network: {pods: 10.200.0.0/16}"]),
    ("certificate_names", &["", "certificate_names: [k.lan]", "certificate_names: [k.lan, 192.168.2.9]"]),
    ("kubelet", &["", "kubelet: {maxPods: 200}", "kubelet: {maxPods: 250, syncFrequency: 60s, resolvConf: /etc/resolv.conf}"]),
    ("feature_gates", &["", "feature_gates: {A: true}", "feature_gates: {A: false, B: true}"]),
    (
        "extra_arguments.api_server",
        &["", "extra_arguments: {api_server: {v: 2}}", "extra_arguments: {api_server: {v: 3, profiling: false}}"],
    ),
    ("kube_proxy.mode", &["", "kube_proxy: {mode: iptables}", "kube_proxy: {mode: nftables}"]),
    ("cni.name", &["", "cni: {name: flannel}"]),
    ("labels", &["", "labels: {w1: {a: b}}"]),
    ("packages.url", &["", "packages: {url: https://mirror.lan/deb}"]),
    ("image_bundle", &["", "image_bundle: images.tar"]),
];

fn drawn() -> impl Strategy<Value = Vec<usize>> {
    CHOICES.iter().map(|(_, choices)| 0..choices.len()).collect::<Vec<_>>()
}

fn written(drawn: &[usize]) -> Settings {
    let lines: Vec<&str> = CHOICES.iter().zip(drawn).map(|((_, choices), n)| choices[*n]).filter(|line| !line.is_empty()).collect();
    settings(&lines.join("\n"))
}

proptest! {
    /// What differs is found, all of it and nothing else, and becomes what the settings' table says.
    #[test]
    fn what_differs_is_what_was_written_otherwise(wanted in drawn(), is in drawn()) {
        let found = differences(&written(&wanted), &stored(&written(&is)));
        let mut expected: BTreeSet<&str> = CHOICES.iter().zip(wanted.iter().zip(&is)).filter(|(_, (a, b))| a != b).map(|((name, _), _)| *name).collect();
        let elsewhere = |name: &&str| form::ELSEWHERE.iter().any(|(other, _)| other == name);
        expected.retain(|name| !elsewhere(name));
        // what is IPVS's differs too where the mode is to become that
        if wanted[8] == 0 && is[8] != 0 {
            expected.extend(["kube_proxy.strict_arp", "kube_proxy.scheduler"]);
        }
        prop_assert_eq!(found.iter().map(|one| one.setting.as_str()).collect::<BTreeSet<_>>(), expected);
        for one in &found {
            let becomes = match field(&one.setting).unwrap().live {
                Live::Reconciled => Outcome::Reconciled,
                Live::Fixed(why) => Outcome::Refused(why.to_owned()),
                Live::Drift(why) => Outcome::Drift(why),
                Live::Parts => panic!("{}", one.setting),
            };
            prop_assert_eq!(&one.outcome, &becomes);
        }
    }
}

#[test]
fn every_setting_is_compared_here_or_it_is_said_where() {
    let mut here: BTreeSet<String> = form::ORDER.iter().map(|&name| name.to_owned()).collect();
    here.extend(form::ELSEWHERE.iter().map(|(name, _)| (*name).to_owned()));
    let mut all = BTreeSet::new();
    let mut see = |name: String, field: &'static Field| match field.kind {
        Kind::Fields(table) => all.extend(table.iter().map(|part| format!("{name}.{}", part.name))),
        _ => drop(all.insert(name)),
    };
    crate::cluster::settings::leaves("", SETTINGS, &mut see);
    assert_eq!(all, here);
}

fn lines(wanted: &Settings, stored: &Stored) -> String {
    differences(wanted, stored).iter().map(|one| format!("{one}\n")).collect()
}

#[test]
fn what_a_person_is_told() {
    let is = settings("name: old\nkubelet: {maxPods: 200, syncFrequency: 1m}\nextra_arguments: {etcd: {quota-backend-bytes: 4}}");
    let wanted = settings(
        "endpoint: {host: other.example.net, served_by: external, port: 443}\nversion: v1.35.0\nkube_proxy: {strict_arp: false}\n\
         kubelet: {maxPods: 250, syncFrequency: 60s}\nfeature_gates: {A: true}\ncni: {name: flannel}",
    );
    insta::assert_snapshot!(lines(&wanted, &stored(&is)));
}

#[test]
fn what_could_not_be_read_is_unknown_and_what_is_missing_is_refused() {
    let settings = settings("");
    let unknown = || Known::Unknown("the API did not answer".to_owned());
    let nothing = Stored {
        cluster: unknown(),
        kubelet: unknown(),
        kube_proxy: unknown(),
        kube_vip: Known::Unknown("no pod".into()),
        cni: Known::Not,
    };
    let all = differences(&settings, &nothing);
    assert!(all.iter().all(|one| matches!(one.outcome, Outcome::Unknown(_))), "{all:?}");
    assert_eq!(all.len(), form::ORDER.len() - 1, "the CNI is not there yet, and that is no difference");
    let without_proxy = Stored { kube_proxy: Known::Not, ..stored(&settings) };
    insta::assert_snapshot!(lines(&settings, &without_proxy));
}

/// People edit these texts by hand, and older versions wrote them otherwise.
#[test]
fn the_same_thing_written_otherwise_is_no_difference() {
    let settings = settings(
        "endpoint: {host: kube.example.net, served_by: external}\nkube_proxy: {mode: iptables}\nkubelet: {syncFrequency: 90m}\n\
         extra_arguments: {api_server: {v: 2}}\nfeature_gates: {B: true, A: false}\ncertificate_names: [b, a]",
    );
    let cluster = "apiVersion: kubeadm.k8s.io/v1beta3\nclusterName: wbyc-k8s\nkubernetesVersion: v1.34.2\ncontrolPlaneEndpoint: KUBE.example.net:6443\n\
        networking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/12}\n\
        apiServer: {certSANs: [a, b, a], extraArgs: {v: '2', feature-gates: 'A=False, B=true'}}\n\
        controllerManager: {extraArgs: {feature-gates: 'B=true,A=false'}}\nscheduler: {extraArgs: {feature-gates: 'B=true,A=false'}}\n";
    let gates = "featureGates: {A: false, B: true}\n";
    let document = |text: String| Known::Is(Stored::document("config", &text).unwrap());
    let is = Stored {
        cluster: document(cluster.into()),
        kubelet: document(format!("cgroupDriver: systemd\nsyncFrequency: 1h30m0s\n{gates}")),
        kube_proxy: document(format!("mode: ''\nipvs: {{strictARP: false}}\n{gates}")),
        kube_vip: Known::Not,
        cni: Known::Is(CniName::Cilium),
    };
    assert_eq!(lines(&settings, &is), "");
}

#[test]
fn a_text_that_is_no_mapping_is_not_taken_for_an_empty_one() {
    for text in ["", "[a]", "a: [", "a: 1\na: 2"] {
        assert!(Stored::document("kube-proxy", text).unwrap_err().contains("kube-proxy"), "{text}");
    }
}

/// What kubeadm itself writes where nobody says anything, by `kubeadm config print init-defaults --component-configs ...`.
#[test]
fn what_kubeadm_and_the_components_write_by_themselves_is_no_difference() {
    let text = include_str!("../../../tests/records/kubeadm/init-defaults-v1.34.2.yaml");
    let document = |kind: &str| {
        let text = text.split("\n---\n").find(|text| text.contains(&format!("kind: {kind}\n"))).unwrap();
        Known::Is(Stored::document(kind, text).unwrap())
    };
    let is = Stored {
        cluster: document("ClusterConfiguration"),
        kubelet: document("KubeletConfiguration"),
        kube_proxy: document("KubeProxyConfiguration"),
        kube_vip: Known::Not,
        cni: Known::Not,
    };
    let settings = settings("endpoint: {host: kube.example.net, served_by: external}\nkube_proxy: {mode: iptables}");
    insta::assert_snapshot!(lines(&settings, &is));
}
