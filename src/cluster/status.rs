//! What a person wants to see of a cluster: what each machine says of itself, put beside what the API and etcd say.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::certificate::Certificate;
use super::kubeadm_config::ETCD_DATA;
use super::live::{self, Told, Verdict};
use super::membership::{self, Api, Etcd, Evidence, Heard, Machine, Memory, Next, Reach, Role, Seen, Wanted};
use super::settings::Settings;
use crate::cluster::membership::reading::{Asking, map};
use crate::node::facts::{
    ClusterAnswer, ClusterContents, ClusterNode, Content, EtcdMember, FileContent, Hostname, Kubeconfig, KubeconfigState, RunningKubeProxy,
    RunningProxy,
};
use crate::plan::{Facts, Stop};

/// Larger files are no certificates; in bytes.
const MOST: u64 = 64 << 10;
/// Where kubeadm has its certificates.
const PKI: &str = "/etc/kubernetes/pki";
/// Those that it makes on each control plane; the authorities last.
const CERTIFICATES: [&str; 10] = [
    "apiserver.crt",
    "apiserver-kubelet-client.crt",
    "apiserver-etcd-client.crt",
    "front-proxy-client.crt",
    "etcd/server.crt",
    "etcd/peer.crt",
    "etcd/healthcheck-client.crt",
    "ca.crt",
    "etcd/ca.crt",
    "front-proxy-ca.crt",
];
/// Kubeconfigs of a control plane, each with a certificate in it.
const KUBECONFIGS: [&str; 4] = ["admin.conf", "super-admin.conf", "controller-manager.conf", "scheduler.conf"];

/// What one machine says.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// What its Node would be called: its host name.
    pub node: Seen<String>,
    /// What is on it.
    pub machine: Machine,
    /// How its kube-proxy leads packets.
    pub proxy: Seen<RunningProxy>,
    /// Its certificates by their files, those that are there or may be.
    pub certificates: Vec<(String, Seen<Certificate>)>,
    /// What a control plane hears of the API and of etcd.
    pub heard: Option<Heard>,
    /// What it tells of the settings that the cluster has.
    pub told: Told,
}

/// What the machine of these facts says, all asked at once.
///
/// # Errors
/// [`Stop::Need`] for what has to be read first.
pub fn look(facts: &Facts<'_>, role: Role, endpoint: &str, address: &str) -> Result<Look, Stop> {
    let mut asking = Asking::new(facts);
    let node = map(asking.seen::<_, String>(&Hostname), |name| Ok(name.to_ascii_lowercase()));
    let proxy = asking.seen(&RunningKubeProxy);
    let mut certificates = vec![("kubelet.conf".to_owned(), of_kubeconfig(asking.seen(&Kubeconfig::new("/etc/kubernetes/kubelet.conf"))))];
    if role == Role::ControlPlane {
        for name in KUBECONFIGS {
            certificates.push((name.to_owned(), of_kubeconfig(asking.seen(&Kubeconfig::new(format!("/etc/kubernetes/{name}"))))));
        }
        for name in CERTIFICATES {
            let read = |content: FileContent| Certificate::from_pem(&String::from_utf8_lossy(&content.bytes()));
            certificates.push((name.to_owned(), map(asking.seen(&Content::new(format!("{PKI}/{name}"), MOST)), read)));
        }
    }
    certificates.retain(|(_, certificate)| !certificate.is_absent());
    let machine = asking.also(membership::examine(facts, ETCD_DATA, endpoint, address));
    let told = asking.also(live::told(facts, role));
    let heard = if role == Role::ControlPlane { Some(asking.also(membership::hear(facts))) } else { None };
    let (machine, heard) = match (machine, heard) {
        (Some(machine), None) => (Some(machine), None),
        (Some(machine), Some(Some(heard))) => (Some(machine), Some(heard)),
        _ => (None, None),
    };
    let look = machine.zip(told).map(|(machine, told)| Look { node, machine, proxy, certificates, heard, told });
    asking.end(look)?.ok_or_else(|| Stop::Unknown(BTreeMap::new()))
}

fn of_kubeconfig(seen: Seen<KubeconfigState>) -> Seen<Certificate> {
    map(seen, |conf| Certificate::from_pem(&conf.certificate.ok_or("its certificate was not read")?))
}

/// A whole cluster, as it was seen at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// What stands behind the endpoint.
    pub api: Api,
    /// What the API says, in more words.
    pub contents: Option<ClusterContents>,
    /// Who votes in etcd.
    pub etcd: Etcd,
    /// The members as they were told, where they were.
    pub members: Vec<EtcdMember>,
    /// Each host of the inventory that is a node, in its order.
    pub hosts: Vec<HostStatus>,
    /// Nodes that the inventory does not name.
    pub unnamed: Vec<ClusterNode>,
    /// What a run would do next.
    pub next: Next,
    /// What the cluster has otherwise than the settings say.
    pub verdict: Verdict,
}

/// One host of the inventory.
#[derive(Debug, Clone, PartialEq)]
pub struct HostStatus {
    /// Its name in the inventory.
    pub name: String,
    /// What it is to be.
    pub role: Role,
    /// What it says; why it says nothing.
    pub look: Result<Look, String>,
    /// Its Node, if the API has one.
    pub node: Option<ClusterNode>,
}

impl Status {
    /// What was seen of those hosts, put together; `wanted` names all nodes of the inventory.
    pub fn of(settings: &Settings, wanted: &Wanted, hosts: Vec<(String, Role, Result<Look, String>)>) -> Self {
        let endpoint = wanted.endpoint.as_str();
        let mut machines = BTreeMap::new();
        let (mut heard, mut told) = (BTreeMap::new(), BTreeMap::new());
        for (name, _, look) in &hosts {
            match look {
                Ok(look) => {
                    told.insert(name.clone(), look.told.clone());
                    machines.insert(name.clone(), Reach::Reached(Box::new(look.machine.clone())));
                    heard.extend(look.heard.clone().map(|heard| (name.clone(), heard)));
                }
                Err(why) => _ = machines.insert(name.clone(), Reach::Unreachable(why.clone())),
            }
        }
        let api = membership::api(endpoint, &machines, &heard, None);
        let etcd = membership::etcd(&machines, &heard, api.authority());
        let contents = if matches!(api, Api::Answers(_)) { heard.values().find_map(answered).cloned() } else { None };
        let nodes = contents.as_ref().and_then(|contents| contents.nodes.as_ref().ok()).cloned().unwrap_or_default();
        let members = heard.values().find_map(|heard| heard.members.present()).cloned().unwrap_or_default();
        let hosts: Vec<HostStatus> = hosts
            .into_iter()
            .map(|(name, role, look)| {
                // a machine that is not reached is known by the inventory's name alone
                let called = look.as_ref().ok().and_then(|look| look.node.present()).cloned().unwrap_or_else(|| name.to_ascii_lowercase());
                let node = nodes.iter().find(|node| node.name == called).cloned();
                HostStatus { name, role, look, node }
            })
            .collect();
        let is_named = |node: &ClusterNode| {
            let is_seen = hosts.iter().any(|host| host.node.as_ref().is_some_and(|own| own.uid == node.uid));
            is_seen || wanted.hosts.iter().any(|host| host.node == node.name)
        };
        let unnamed = nodes.into_iter().filter(|node| !is_named(node)).collect();
        let evidence = Evidence { machines, api, etcd };
        let next = membership::next(wanted, &evidence, &Memory::default());
        let Evidence { api, etcd, .. } = evidence;
        Self { api, contents, etcd, members, hosts, unnamed, next, verdict: live::verdict(settings, &told) }
    }
}

/// What the API told it, if it told of its Nodes.
fn answered(heard: &Heard) -> Option<&ClusterContents> {
    match &heard.objects.present()?.answer {
        ClusterAnswer::Answers(contents) if contents.nodes.is_ok() => Some(contents),
        _ => None,
    }
}

impl Certificate {
    /// How many whole days it still holds; fewer than none when it has ended.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        self.not_after.duration_since(now).as_secs().div_euclid(24 * 3600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::settings::testing::settings;

    fn wanted(endpoint: &str) -> Wanted {
        let parts = std::collections::BTreeSet::new();
        Wanted { endpoint: endpoint.into(), kube_vip: false, parts, hosts: Vec::new() }
    }

    fn node(name: &str) -> ClusterNode {
        ClusterNode {
            name: name.into(),
            uid: format!("uid-{name}"),
            machine_id: "5eed".into(),
            kubelet_version: "v1.34.2".into(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            taints: std::collections::BTreeSet::new(),
            ready: None,
        }
    }

    fn heard(nodes: Vec<ClusterNode>) -> Heard {
        let contents = ClusterContents {
            version: "v1.34.2".into(),
            endpoint_is_silent: None,
            asked_at: 0,
            admin_has_no_rights: false,
            nodes: Ok(nodes),
            requests: Ok(Vec::new()),
            found: std::collections::BTreeSet::new(),
            not_asked: None,
            not_asked_public: None,
            stored: BTreeMap::new(),
            lease: None,
            tokens: Ok(Vec::new()),
        };
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = rcgen::CertificateParams::new(vec!["k".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
        let server = "https://10.0.0.100:6443".to_owned();
        let answer = ClusterAnswer::Answers(Box::new(contents));
        let objects = Seen::Present(crate::node::facts::ClusterObjectsState { authority, server, answer });
        Heard { objects, members: Seen::Absent }
    }

    fn look_of(node: &str, heard: Option<Heard>) -> Look {
        let machine = Machine::blank("5eed");
        let told = Told { objects: Seen::Absent, kube_vip: Seen::Absent, etcd_data: Seen::Absent, kubelet: Seen::Absent };
        Look { node: Seen::Present(node.into()), machine, proxy: Seen::Absent, certificates: Vec::new(), heard, told }
    }

    #[test]
    fn nodes_are_put_to_their_hosts_and_others_are_told() {
        let heard = heard(vec![node("m1"), node("worker-one"), node("w9"), node("w2")]);
        let hosts = vec![
            ("m1".to_owned(), Role::ControlPlane, Ok(look_of("m1", Some(heard)))),
            ("w1".to_owned(), Role::Worker, Ok(look_of("worker-one", None))),
            ("W2".to_owned(), Role::Worker, Err("no route".to_owned())),
            ("w3".to_owned(), Role::Worker, Ok(look_of("w3", None))),
        ];
        let status = Status::of(&settings(""), &wanted("10.0.0.100:6443"), hosts);
        let of: Vec<Option<&str>> = status.hosts.iter().map(|host| host.node.as_ref().map(|node| node.name.as_str())).collect();
        assert_eq!(of, [Some("m1"), Some("worker-one"), Some("w2"), None]);
        assert_eq!(status.unnamed.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["w9"]);
        // an answer from elsewhere tells nothing of this cluster
        let hosts = vec![("m1".to_owned(), Role::ControlPlane, Ok(look_of("m1", Some(self::heard(vec![node("m1")])))))];
        let status = Status::of(&settings(""), &wanted("10.8.8.8:6443"), hosts);
        assert!(status.contents.is_none() && status.unnamed.is_empty() && status.hosts[0].node.is_none());
    }

    #[test]
    fn days_are_whole_and_may_be_over() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let certificate = Certificate { key: String::new(), common_name: None, not_after: at("2027-01-10T12:00:00Z") };
        assert_eq!(certificate.days_left(at("2027-01-01T11:00:00Z")), 9);
        assert_eq!(certificate.days_left(at("2027-01-10T11:00:00Z")), 0);
        assert_eq!(certificate.days_left(at("2027-01-10T13:00:00Z")), -1);
    }
}
