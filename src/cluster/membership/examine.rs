//! What is on a machine, by facts: asked for at once, and what could not be read stays unknown.

use std::collections::BTreeSet;

use super::evidence::{Credentials, KubeletConf, Machine, Manifests};
use super::init::PORTS;
use super::reading::{Asking, map};
use super::seen::Seen;
use crate::cluster::certificate::Certificate;
use crate::cluster::live::etcd_data;
use crate::node::facts::{
    Content, Directory, Endpoint, Entry, FileContent, KubeadmUnit, Kubeconfig, KubeconfigState, MachineId, Ports, Readyz, Stat, Unit,
    UnitState,
};
use crate::node::steps::{INIT_MARK, MATERIAL, RESET_MARK};
use crate::plan::{Facts, Stop};

/// Larger files are none that kubeadm writes; in bytes.
const MOST: u64 = 256 << 10;
/// What a kubelet's certificate is for.
const OF_NODE: &str = "system:node:";
/// kubeadm's static pods other than etcd.
const CONTROL_PLANE: [&str; 3] = ["kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml"];

/// What is on the machine of these facts. etcd has its data in `etcd_data_dir` (`/var/lib/etcd`, if the manifest or the stored
/// configuration has no other place), the cluster its `endpoint` (`host:port`), the machine its `address` among the nodes.
///
/// # Errors
/// [`Stop::Need`] for what has to be read first.
pub fn examine(facts: &Facts<'_>, etcd_data_dir: &str, endpoint: &str, address: &str) -> Result<Machine, Stop> {
    let mut asking = Asking::new(facts);
    let machine = asking.machine(etcd_data_dir, endpoint, address);
    asking.end(machine)
}

impl Asking<'_, '_> {
    fn machine(&mut self, etcd_data_dir: &str, endpoint: &str, address: &str) -> Machine {
        Machine {
            machine_id: self.seen(&MachineId),
            ca: self.authority(),
            kubelet_conf: map(self.seen(&Kubeconfig::new("/etc/kubernetes/kubelet.conf")), kubelet_conf),
            bootstrap_conf: self.is_there("/etc/kubernetes/bootstrap-kubelet.conf"),
            kubelet_config: self.is_there("/var/lib/kubelet/config.yaml"),
            super_admin_conf: self.is_there("/etc/kubernetes/super-admin.conf"),
            manifests: self.manifests(),
            etcd_data: self.etcd_data(etcd_data_dir),
            reset: map(
                self.seen(&Content::new(format!("{}/member/{RESET_MARK}", etcd_data_dir.trim_end_matches('/')), MOST)),
                |content: FileContent| Ok(String::from_utf8_lossy(&content.bytes()).trim().to_owned()),
            ),
            init: self.is_there(INIT_MARK),
            kubelet: self.kubelet(),
            ports: map(self.seen(&Ports), |ports| {
                let tcp = ports.into_iter().filter(|port| port.protocol == "tcp" && PORTS.contains(&port.port));
                Ok(tcp.map(|port| port.port).collect())
            }),
            unit: self.seen(&KubeadmUnit),
            material: match self.seen::<_, Vec<Entry>>(&Directory::new(MATERIAL)) {
                Seen::Present(entries) => Seen::certain(!entries.is_empty()),
                Seen::Absent => Seen::Absent,
                Seen::Unknown(why) => Seen::Unknown(why),
            },
            readyz: match address.parse() {
                Ok(address) => match self.seen(&Readyz::new(address)) {
                    Seen::Present(is_ready) => Seen::certain(is_ready),
                    Seen::Absent => Seen::Absent,
                    Seen::Unknown(why) => Seen::Unknown(why),
                },
                Err(_) => Seen::Unknown(format!("{address:?} is no IP address").into()),
            },
            endpoint: match host_and_port(endpoint) {
                Some((host, port)) => map(self.seen(&Endpoint::new(host, port)), |_| Ok(())),
                None => Seen::Unknown(format!("{endpoint:?} is no host with a port").into()),
            },
        }
    }

    fn is_there(&mut self, path: &str) -> Seen<()> {
        map(self.seen(&Stat::new(path)), |_| Ok(()))
    }

    /// Where its manifest has it, or else in the usual place, which is asked for at once in any case.
    fn etcd_data(&mut self, usual: &str) -> Seen<()> {
        let in_place = |place: &str| format!("{}/member", place.trim_end_matches('/'));
        let (usual, place) = (in_place(usual), etcd_data(self));
        let there = self.is_there(&usual);
        match place {
            Seen::Present(place) if in_place(&place) != usual => self.is_there(&in_place(&place)),
            Seen::Present(_) | Seen::Absent => there,
            // what is seen in the usual place is there wherever else there may be some
            Seen::Unknown(why) => {
                if there.is_present() {
                    there
                } else {
                    Seen::Unknown(why)
                }
            }
        }
    }

    fn authority(&mut self) -> Seen<String> {
        map(self.seen(&Content::new("/etc/kubernetes/pki/ca.crt", MOST)), |content: FileContent| {
            Certificate::from_pem(&String::from_utf8_lossy(&content.bytes())).map(|certificate| certificate.key)
        })
    }

    fn manifests(&mut self) -> Seen<Manifests> {
        // asked for with the directory, not after it
        let kube_vip = self.seen(&Content::new("/etc/kubernetes/manifests/kube-vip.yaml", MOST));
        let names: BTreeSet<String> = match self.seen::<_, Vec<Entry>>(&Directory::new("/etc/kubernetes/manifests")) {
            Seen::Present(entries) => entries.into_iter().map(|entry| entry.name).collect(),
            Seen::Absent => return Seen::Absent,
            Seen::Unknown(why) => return Seen::Unknown(why),
        };
        let kube_vip = match names.contains("kube-vip.yaml") {
            false => None,
            true => match kube_vip {
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
        None if conf.certificate_is_missing => Seen::Absent,
        None => Seen::Unknown("its certificate was not read".into()),
        Some(Err(why)) => Seen::Unknown(why.into()),
        Some(Ok(certificate)) => match certificate.common_name.as_deref().and_then(|name| name.strip_prefix(OF_NODE)) {
            Some(node) => Seen::Present(node.to_owned()),
            None => Seen::Unknown(format!("its certificate is for {:?}", certificate.common_name.unwrap_or_default()).into()),
        },
    };
    Ok(KubeletConf { ca: Certificate::from_pem(&conf.authority)?.key, server: conf.server, node })
}

/// The two halves of `host:port`; an IPv6 address stands in brackets.
fn host_and_port(endpoint: &str) -> Option<(&str, u16)> {
    let (host, port) = endpoint.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((host, port.parse().ok()?)).filter(|_| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
    use serde_json::json;

    use super::*;
    use crate::plan::{Observation, Query, Reading, Scope, Store};

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
            match examine(&Facts::new(&store, scope.clone()), "/var/lib/etcd", "[fd00::1]:6443", "10.0.0.1") {
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
        let seen = [&machine.bootstrap_conf, &machine.etcd_data, &machine.kubelet, &machine.material, &machine.super_admin_conf];
        for seen in seen.into_iter().chain([&machine.readyz, &machine.endpoint]) {
            assert_eq!(*seen, Seen::Unknown("Input/output error".into()));
        }
        assert!(matches!((machine.ca, machine.manifests, machine.ports), (Seen::Unknown(_), Seen::Unknown(_), Seen::Unknown(_))));
    }

    #[test]
    fn etcds_data_is_looked_for_where_its_manifest_has_it() {
        let etcd = "apiVersion: v1\nkind: Pod\nmetadata: {name: etcd}\nspec:\n  containers:\n  - command: [etcd, --data-dir=/data/etcd]\n    \
             volumeMounts: [{name: d, mountPath: /data/etcd}]\n  volumes: [{name: d, hostPath: {path: /data/etcd}}]\n";
        let with = |manifest: Reading, there: &str| {
            let there = format!("{there}/member");
            examined(|query| match (query.kind.as_str(), query.args.first().map_or("", String::as_str)) {
                ("content", "/etc/kubernetes/manifests/etcd.yaml") => manifest.clone(),
                ("stat", path) if path == there => {
                    Reading::Present(json!({"kind": "directory", "mode": "0700", "uid": 0, "gid": 0, "owner": "root", "group": "root"}))
                }
                _ => Reading::Absent,
            })
            .etcd_data
        };
        let is = || Reading::Present(json!({"text": etcd}));
        assert_eq!((with(is(), "/data/etcd"), with(is(), "/var/lib/etcd")), (Seen::Present(()), Seen::Absent));
        assert_eq!(with(Reading::Absent, "/var/lib/etcd"), Seen::Present(()));
        assert!(matches!(with(Reading::unknown("Input/output error"), "/data/etcd"), Seen::Unknown(_)));
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
                ("readyz", "https://10.0.0.1:6443") => Reading::present(&true),
                ("endpoint", "fd00::1") => Reading::present(&"fd00::1"),
                ("kubeadm_unit", _) => Reading::present(&"homelabctl-step-1.service"),
                ("kubeconfig", _) => Reading::Present(json!({"server": "https://10.0.0.1:6443", "authority": ca, "certificate": kubelet})),
                _ => Reading::Absent,
            })
        };
        let machine = with(Some(&kubelet));
        let conf = KubeletConf { ca: key.clone(), server: "https://10.0.0.1:6443".into(), node: Seen::Present("m1".into()) };
        assert_eq!((machine.ca, machine.kubelet_conf), (Seen::Present(key), Seen::Present(conf)));
        let manifests = Manifests { etcd: true, control_plane: true, kube_vip: Some(Credentials::SuperAdmin) };
        assert_eq!(machine.manifests, Seen::Present(manifests));
        assert_eq!((machine.readyz, machine.endpoint), (Seen::Present(()), Seen::Present(())));
        assert_eq!(machine.unit, Seen::Present("homelabctl-step-1.service".into()));
        let node = |machine: Machine| machine.kubelet_conf.present().unwrap().node.clone();
        assert_eq!(node(with(None)), Seen::Unknown("its certificate was not read".into()));
        // the kubelet names the file that its certificate will be in before it asks for it
        let early = KubeconfigState { server: String::new(), authority: ca.clone(), certificate: None, certificate_is_missing: true };
        assert_eq!(kubelet_conf(early).unwrap().node, Seen::Absent);
        assert_eq!(node(with(Some(&ca))), Seen::Unknown("its certificate is for \"kubernetes\"".into()));
        // bytes that are nobody's certificate are unknown, too
        assert!(node(with(Some("ABC"))) == Seen::Unknown("it holds no certificate".into()));
    }
}
