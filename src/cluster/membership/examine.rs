//! What is on a machine, by facts: asked for at once, and what could not be read stays unknown.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::evidence::{Credentials, KubeletConf, Machine, Manifests};
use super::init::PORTS;
use super::seen::Seen;
use crate::cluster::certificate::Certificate;
use crate::node::facts::{Content, Directory, Entry, FileContent, Kubeconfig, KubeconfigState, MachineId, Ports, Stat, Unit, UnitState};
use crate::plan::{Fact, FactKey, Facts, Reading, Stop};

/// Larger files are none that kubeadm writes; in bytes.
const MOST: u64 = 256 << 10;
/// What a kubelet's certificate is for.
const OF_NODE: &str = "system:node:";
/// kubeadm's static pods other than etcd.
const CONTROL_PLANE: [&str; 3] = ["kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml"];

/// What files and units cannot tell, and the caller knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Beside {
    /// Where etcd's data is: `/var/lib/etcd`, if the manifest or the stored configuration has no other place.
    pub etcd_data_dir: String,
    /// See [`Machine::unit`].
    pub unit: Seen<String>,
    /// See [`Machine::readyz`].
    pub readyz: Seen<()>,
    /// See [`Machine::endpoint`].
    pub endpoint: Seen<()>,
}

/// What is on the machine of these facts.
///
/// # Errors
/// [`Stop::Need`] for what has to be read first.
pub fn examine(facts: &Facts<'_>, beside: Beside) -> Result<Machine, Stop> {
    let mut asking = Asking { facts, need: BTreeSet::new() };
    let machine = asking.machine(beside);
    if asking.need.is_empty() { Ok(machine) } else { Err(Stop::Need(asking.need)) }
}

struct Asking<'a, 'b> {
    facts: &'a Facts<'b>,
    need: BTreeSet<FactKey>,
}

impl Asking<'_, '_> {
    fn machine(&mut self, beside: Beside) -> Machine {
        let Beside { etcd_data_dir, unit, readyz, endpoint } = beside;
        Machine {
            machine_id: self.seen(&MachineId),
            ca: self.authority(),
            kubelet_conf: map(self.seen(&Kubeconfig::new("/etc/kubernetes/kubelet.conf")), kubelet_conf),
            bootstrap_conf: self.is_there("/etc/kubernetes/bootstrap-kubelet.conf"),
            kubelet_config: self.is_there("/var/lib/kubelet/config.yaml"),
            super_admin_conf: self.is_there("/etc/kubernetes/super-admin.conf"),
            manifests: self.manifests(),
            etcd_data: self.is_there(&format!("{}/member", etcd_data_dir.trim_end_matches('/'))),
            kubelet: self.kubelet(),
            ports: map(self.seen(&Ports), |ports| {
                let tcp = ports.into_iter().filter(|port| port.protocol == "tcp" && PORTS.contains(&port.port));
                Ok(tcp.map(|port| port.port).collect())
            }),
            unit,
            material: match self.seen::<_, Vec<Entry>>(&Directory::new("/etc/kubernetes/homelabctl")) {
                Seen::Present(entries) => Seen::certain(!entries.is_empty()),
                Seen::Absent => Seen::Absent,
                Seen::Unknown(why) => Seen::Unknown(why),
            },
            readyz,
            endpoint,
        }
    }

    /// What is known of a fact; it is to be read first if nothing is.
    fn seen<F: Fact<Value = V>, V: DeserializeOwned>(&mut self, fact: &F) -> Seen<V> {
        match self.facts.reading(fact) {
            Ok(Reading::Present(value)) => match serde_json::from_value(value) {
                Ok(value) => Seen::Present(value),
                Err(error) => Seen::Unknown(format!("only partly known: {error}").into()),
            },
            Ok(Reading::Absent) => Seen::Absent,
            Ok(Reading::Unknown { why, .. }) => Seen::Unknown(why.into()),
            Err(Stop::Need(need)) => {
                self.need.extend(need);
                Seen::Unknown("not read yet".into())
            }
            Err(Stop::Unknown(unknown)) => Seen::Unknown(unknown.into_values().collect::<Vec<_>>().join("; ").into()),
        }
    }

    fn is_there(&mut self, path: &str) -> Seen<()> {
        map(self.seen(&Stat::new(path)), |_| Ok(()))
    }

    fn authority(&mut self) -> Seen<String> {
        map(self.seen(&Content::new("/etc/kubernetes/pki/ca.crt", MOST)), |content: FileContent| {
            Certificate::from_pem(&String::from_utf8_lossy(&content.bytes())).map(|certificate| certificate.key)
        })
    }

    fn manifests(&mut self) -> Seen<Manifests> {
        let names: BTreeSet<String> = match self.seen::<_, Vec<Entry>>(&Directory::new("/etc/kubernetes/manifests")) {
            Seen::Present(entries) => entries.into_iter().map(|entry| entry.name).collect(),
            Seen::Absent => return Seen::Absent,
            Seen::Unknown(why) => return Seen::Unknown(why),
        };
        let kube_vip = match names.contains("kube-vip.yaml") {
            false => None,
            true => match self.seen(&Content::new("/etc/kubernetes/manifests/kube-vip.yaml", MOST)) {
                Seen::Present(content) => Some(rights(&content)),
                Seen::Absent => None,
                Seen::Unknown(why) => return Seen::Unknown(why),
            },
        };
        let manifests = Manifests {
            etcd: names.contains("etcd.yaml"),
            control_plane: CONTROL_PLANE.iter().any(|name| names.contains(*name)),
            kube_vip,
        };
        if manifests == Manifests::default() { Seen::Absent } else { Seen::Present(manifests) }
    }

    /// One that systemd starts again and again counts as started: to start it once more would not help.
    fn kubelet(&mut self) -> Seen<()> {
        match self.seen::<_, UnitState>(&Unit::new("kubelet")) {
            Seen::Present(unit) => Seen::certain(!matches!(unit.active_state.as_str(), "inactive" | "failed" | "deactivating")),
            Seen::Absent => Seen::Absent,
            Seen::Unknown(why) => Seen::Unknown(why),
        }
    }
}

/// Whose rights kube-vip's manifest takes from the machine.
fn rights(manifest: &FileContent) -> Credentials {
    let text = String::from_utf8_lossy(&manifest.bytes()).into_owned();
    if text.contains("super-admin.conf") { Credentials::SuperAdmin } else { Credentials::Admin }
}

fn kubelet_conf(conf: KubeconfigState) -> Result<KubeletConf, String> {
    let node = match conf.certificate.as_deref().map(Certificate::from_pem) {
        None => Seen::Unknown("its certificate was not read".into()),
        Some(Err(why)) => Seen::Unknown(why.into()),
        Some(Ok(certificate)) => match certificate.common_name.as_deref().and_then(|name| name.strip_prefix(OF_NODE)) {
            Some(node) => Seen::Present(node.to_owned()),
            None => Seen::Unknown(format!("its certificate is for {:?}", certificate.common_name.unwrap_or_default()).into()),
        },
    };
    Ok(KubeletConf { ca: Certificate::from_pem(&conf.authority)?.key, server: conf.server, node })
}

/// The same, read further; what cannot be is unknown.
fn map<A, B>(seen: Seen<A>, further: impl FnOnce(A) -> Result<B, String>) -> Seen<B> {
    match seen {
        Seen::Present(value) => further(value).map_or_else(|why| Seen::Unknown(why.into()), Seen::Present),
        Seen::Absent => Seen::Absent,
        Seen::Unknown(why) => Seen::Unknown(why),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
    use serde_json::json;

    use super::*;
    use crate::plan::{Observation, Query, Scope, Store};

    fn beside() -> Beside {
        let etcd_data_dir = "/var/lib/etcd".to_owned();
        Beside { etcd_data_dir, unit: Seen::Absent, readyz: Seen::Absent, endpoint: Seen::Absent }
    }

    fn pem(name: &str) -> String {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    /// Answers everything that is needed, until nothing is.
    fn examined(answer: impl Fn(&Query) -> Reading) -> Machine {
        let (scope, mut store) = (Scope::new("m1", "root"), Store::default());
        for _ in 0..3 {
            match examine(&Facts::new(&store, scope.clone()), beside()) {
                Ok(machine) => return machine,
                Err(Stop::Need(need)) => {
                    for key in need {
                        let reading = answer(&key.query);
                        store.insert(key, Observation::from(reading));
                    }
                }
                Err(Stop::Unknown(unknown)) => panic!("{unknown:?}"),
            }
        }
        panic!("it never has enough")
    }

    #[test]
    fn nothing_is_absent_and_what_fails_is_unknown() {
        let machine = examined(|query| match query.kind.as_str() {
            "ports" => Reading::present(&Vec::<u8>::new()),
            "machine_id" => Reading::present(&"5eed"),
            _ => Reading::Absent,
        });
        assert_eq!(machine, Machine::blank("5eed"));
        let machine = examined(|_| Reading::unknown("Input/output error"));
        for seen in [&machine.bootstrap_conf, &machine.etcd_data, &machine.kubelet, &machine.material, &machine.super_admin_conf] {
            assert_eq!(*seen, Seen::Unknown("Input/output error".into()));
        }
        assert!(matches!((machine.ca, machine.manifests, machine.ports), (Seen::Unknown(_), Seen::Unknown(_), Seen::Unknown(_))));
    }

    #[test]
    fn a_control_plane_is_seen_as_one() {
        let (ca, kubelet) = (pem("kubernetes"), pem("system:node:m1"));
        let key = Certificate::from_pem(&ca).unwrap().key;
        let entry = |name: &str| json!({"name": name, "kind": "file"});
        let with = |kubelet: Option<&str>| {
            examined(|query| match (query.kind.as_str(), query.args.first().map_or("", String::as_str)) {
                ("content", "/etc/kubernetes/pki/ca.crt") => Reading::Present(json!({"text": ca})),
                ("content", _) => Reading::Present(json!({"text": "path: /etc/kubernetes/super-admin.conf"})),
                ("directory", "/etc/kubernetes/manifests") => {
                    Reading::Present(json!([entry("etcd.yaml"), entry("kube-apiserver.yaml"), entry("kube-vip.yaml")]))
                }
                ("kubeconfig", _) => Reading::Present(json!({"server": "https://10.0.0.1:6443", "authority": ca, "certificate": kubelet})),
                _ => Reading::Absent,
            })
        };
        let machine = with(Some(&kubelet));
        let conf = KubeletConf { ca: key.clone(), server: "https://10.0.0.1:6443".into(), node: Seen::Present("m1".into()) };
        assert_eq!((machine.ca, machine.kubelet_conf), (Seen::Present(key), Seen::Present(conf)));
        let manifests = Manifests { etcd: true, control_plane: true, kube_vip: Some(Credentials::SuperAdmin) };
        assert_eq!(machine.manifests, Seen::Present(manifests));
        let node = |machine: Machine| machine.kubelet_conf.present().unwrap().node.clone();
        assert_eq!(node(with(None)), Seen::Unknown("its certificate was not read".into()));
        assert_eq!(node(with(Some(&ca))), Seen::Unknown("its certificate is for \"kubernetes\"".into()));
        // bytes that are nobody's certificate are unknown, too
        assert!(node(with(Some("ABC"))) == Seen::Unknown("it holds no certificate".into()));
    }
}
