//! What machines tell of the settings that their cluster has: by the API, and by files that kubeadm and this program write.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{KubeVip, Stored};
use crate::cluster::known::Known;
use crate::cluster::kubeadm_config::{ETCD_DATA, endpoint};
use crate::cluster::membership::reading::{Asking, map};
use crate::cluster::membership::{Role, Seen, is_at};
use crate::cluster::settings::{CniName, Settings};
use crate::node::facts::{ClusterAnswer, ClusterContents, ClusterObjects, ClusterObjectsState, Content, FileContent, RunLease};
use crate::plan::{Facts, Stop};
use crate::yaml::objects;

/// Larger files are none of kubeadm's; in bytes.
const MOST: u64 = 256 << 10;
/// etcd's static pod.
const ETCD: &str = "/etc/kubernetes/manifests/etcd.yaml";
/// Arguments of the kubelet, as kubeadm wrote them when the machine joined.
const FLAGS: &str = "/var/lib/kubelet/kubeadm-flags.env";

/// What one machine tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// What its API says. Absent: it has no admin.conf to ask with, or is no control plane.
    pub objects: Seen<ClusterObjectsState>,
    /// How kube-vip runs there.
    pub kube_vip: Seen<KubeVip>,
    /// Where its etcd has its data.
    pub etcd_data: Seen<String>,
    /// Arguments of its kubelet.
    pub kubelet: Seen<BTreeMap<String, String>>,
}

/// What the machine of these facts tells, all asked at once.
///
/// # Errors
/// [`Stop::Need`] for what has to be read first.
pub fn told(facts: &Facts<'_>, role: Role) -> Result<Told, Stop> {
    let mut asking = Asking::new(facts);
    let kubelet = map(asking.seen(&Content::new(FLAGS, MOST)), |content: FileContent| arguments(&text(&content)));
    let mut told = Told { objects: Seen::Absent, kube_vip: Seen::Absent, etcd_data: Seen::Absent, kubelet };
    if role == Role::ControlPlane {
        told.objects = asking.seen(&ClusterObjects::new());
        told.kube_vip = map(asking.seen(&Content::new(crate::cluster::kube_vip::PATH, MOST)), |content| kube_vip(&text(&content)));
        told.etcd_data = etcd_data(&mut asking);
    }
    asking.end(told)
}

/// Where etcd has its data, by its manifest; absent if there is none.
pub(in crate::cluster) fn etcd_data(asking: &mut Asking<'_, '_>) -> Seen<String> {
    map(asking.seen(&Content::new(ETCD, MOST)), |content: FileContent| data_directory(&text(&content)))
}

fn text(content: &FileContent) -> String {
    String::from_utf8_lossy(&content.bytes()).into_owned()
}

fn pod(name: &str, text: &str) -> Result<Value, String> {
    objects::read(name, text)?.into_iter().next().ok_or_else(|| format!("{name} is empty"))
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// Its place on the machine: the volume that `--data-dir` lies in.
fn data_directory(manifest: &str) -> Result<String, String> {
    let pod = pod("etcd.yaml", manifest)?;
    let words =
        ["/spec/containers/0/command", "/spec/containers/0/args"].into_iter().flat_map(|part| list(&pod, part)).filter_map(Value::as_str);
    let inside = words.filter_map(|word| word.strip_prefix("--data-dir=")).last().ok_or("etcd.yaml has no --data-dir")?;
    let field = |value: &'_ Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let rest = |place: &str| inside.strip_prefix(place.trim_end_matches('/')).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let mounts =
        list(&pod, "/spec/containers/0/volumeMounts").filter_map(|mount| Some((field(mount, "/name")?, field(mount, "/mountPath")?)));
    let nearest = mounts.filter(|(_, place)| rest(place).is_some()).max_by_key(|(_, place)| place.len());
    let (volume, place) = nearest.ok_or("no volume of etcd.yaml has its --data-dir")?;
    let outside = list(&pod, "/spec/volumes").find(|one| field(one, "/name").as_deref() == Some(&volume));
    let outside = outside.and_then(|volume| field(volume, "/hostPath/path")).ok_or("etcd's data is in no directory of the machine")?;
    Ok(format!("{}{}", outside.trim_end_matches('/'), rest(&place).unwrap_or_default()))
}

fn kube_vip(manifest: &str) -> Result<KubeVip, String> {
    let pod = pod("kube-vip.yaml", manifest)?;
    let variable = |name: &str| list(&pod, "/spec/containers/0/env").find(|one| one.get("name").and_then(Value::as_str) == Some(name));
    let address = variable("address").or_else(|| variable("vip_address")).and_then(|one| one.get("value")?.as_str());
    let address = address.ok_or("kube-vip.yaml names no address")?;
    // of those that it may hold the first, without a mask
    let address = address.split([',', '/']).next().unwrap_or_default().to_owned();
    let image = pod.pointer("/spec/containers/0/image").and_then(Value::as_str).ok_or("kube-vip.yaml names no image")?;
    let image = image.split('@').next().unwrap_or_default();
    let tag = image.rsplit('/').next().and_then(|name| name.split_once(':')).map(|(_, tag)| tag);
    let version = tag.ok_or_else(|| format!("kube-vip's image {image} has no version"))?.trim_start_matches('v').to_owned();
    Ok(KubeVip { address, version })
}

/// `KUBELET_KUBEADM_ARGS="--a=b --c=d"`
fn arguments(text: &str) -> Result<BTreeMap<String, String>, String> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("KUBELET_KUBEADM_ARGS=")).ok_or("it has no KUBELET_KUBEADM_ARGS")?;
    if line.contains('\\') {
        return Err("KUBELET_KUBEADM_ARGS has a backslash in it".to_owned());
    }
    let words = line.trim_matches('"').split_ascii_whitespace();
    Ok(words
        .map(|word| word.trim_start_matches('-').split_once('=').unwrap_or((word.trim_start_matches('-'), "true")))
        .map(owned)
        .collect())
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The cluster by the best of what was told, and whose word that is: who was led to the endpoint comes first. None if nobody was
/// answered whole.
pub(super) fn speaks<'a>(
    endpoint: &str,
    told: &'a BTreeMap<String, Told>,
) -> Option<(&'a str, &'a ClusterObjectsState, &'a ClusterContents)> {
    let whole = told.iter().filter_map(|(host, told)| {
        let state = told.objects.present()?;
        match &state.answer {
            ClusterAnswer::Answers(contents) if contents.not_asked.is_none() => Some((host.as_str(), state, &**contents)),
            _ => None,
        }
    });
    // of several the first
    whole.min_by_key(|(_, state, _)| !is_at(&state.server, endpoint))
}

/// The lease of runs in the cluster, held or not, as the cluster has it.
pub fn lease<'a>(settings: &Settings, told: &'a BTreeMap<String, Told>) -> Option<&'a RunLease> {
    speaks(&endpoint(settings), told).and_then(|(_, _, contents)| contents.lease.as_ref())
}

impl Stored {
    /// What a cluster says of itself, and its machines of it.
    pub(super) fn of(contents: &ClusterContents, told: &BTreeMap<String, Told>) -> Self {
        let found = |name: &str| contents.found.contains(name);
        let document = |map: &str, key: &str| match contents.stored.get(&format!("{map}/{key}")) {
            Some(text) => Self::document(map, text).map_or_else(Known::Unknown, Known::Is),
            None if found(&format!("ConfigMap/{map}")) => Known::Unknown(format!("the ConfigMap {map} has no `{key}`")),
            None => Known::Unknown(format!("the cluster has no ConfigMap {map} so far")),
        };
        let nodes = contents.nodes.as_ref().map_or(&[][..], Vec::as_slice);
        // it comes last of all when a cluster is made, before anybody joins: where others have joined it was left out
        let without_proxy = !found("ConfigMap/kube-proxy") && !found("DaemonSet/kube-proxy") && nodes.len() > 1;
        let flannel = nodes.iter().any(|node| node.annotations.keys().any(|key| key.starts_with("flannel.alpha.coreos.com/")));
        Self {
            cluster: document("kubeadm-config", "ClusterConfiguration"),
            kubelet: document("kubelet-config", "kubelet"),
            kube_proxy: if without_proxy { Known::Not } else { document("kube-proxy", "config.conf") },
            kube_vip: kube_vips(told),
            cni: match (found("DaemonSet/cilium"), flannel) {
                (true, false) => Known::Is(CniName::Cilium),
                (false, true) => Known::Is(CniName::Flannel),
                (false, false) => Known::Not,
                (true, true) => Known::Unknown("there are traces of Cilium and of flannel".to_owned()),
            },
        }
    }

    /// Where the cluster's etcd has its data, if its configuration says so.
    pub(super) fn etcd_data(&self) -> Option<&str> {
        let place = self.cluster.is()?.pointer("/etcd/local/dataDir").and_then(Value::as_str)?;
        Some(place).filter(|place| !place.is_empty() && *place != ETCD_DATA)
    }
}

/// kube-vip as it runs on the control planes that are ones already.
fn kube_vips(told: &BTreeMap<String, Told>) -> Known<KubeVip> {
    let joined = || told.values().filter(|told| !told.objects.is_absent());
    if let Some(is) = joined().find_map(|told| told.kube_vip.present()) {
        return Known::Is(is.clone());
    }
    match joined().find_map(|told| if let Seen::Unknown(why) = &told.kube_vip { Some(why.to_string()) } else { None }) {
        Some(why) => Known::Unknown(why),
        None => Known::Not,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::membership::Credentials;
    use crate::cluster::settings::testing::settings;

    #[test]
    fn etcds_data_is_where_its_manifest_has_it() {
        let manifest = |inside: &str, mounted: &str, outside: &str| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: etcd}}\nspec:\n  containers:\n  - command:\n    - etcd\n    - --data-dir={inside}\n    \
                 volumeMounts:\n    - {{mountPath: {mounted}, name: etcd-data}}\n    - {{mountPath: /etc/kubernetes/pki/etcd, name: etcd-certs}}\n  \
                 volumes:\n  - hostPath: {{path: /etc/kubernetes/pki/etcd}}\n    name: etcd-certs\n  - hostPath: {{path: {outside}}}\n    name: etcd-data\n"
            )
        };
        let at = |inside: &str, mounted: &str, outside: &str| data_directory(&manifest(inside, mounted, outside));
        assert_eq!(at("/var/lib/etcd", "/var/lib/etcd", "/var/lib/etcd").unwrap(), ETCD_DATA);
        assert_eq!(at("/data/etcd", "/data/etcd", "/data/etcd/").unwrap(), "/data/etcd");
        assert_eq!(at("/var/lib/etcd/data", "/var/lib/etcd", "/mnt/etcd").unwrap(), "/mnt/etcd/data");
        assert!(at("/elsewhere", "/var/lib/etcd", "/var/lib/etcd").unwrap_err().contains("no volume"));
        assert!(data_directory("a: [").is_err() && data_directory("").is_err());
    }

    #[test]
    fn kube_vip_is_read_as_it_is_written() {
        let settings = settings("endpoint: {host: k.lan, served_by: kube-vip, address: 192.168.2.50, version: v0.9.2}");
        let text = crate::cluster::kube_vip::manifest(&settings, Credentials::Admin, None).unwrap();
        let is = KubeVip { address: "192.168.2.50".into(), version: "0.9.2".into() };
        assert_eq!(kube_vip(&text).unwrap(), is);
        let pinned = text.replace("kube-vip:v0.9.2", "kube-vip:v0.9.2@sha256:00").replace("ghcr.io", "mirror.lan:5000");
        assert_eq!(kube_vip(&pinned).unwrap(), is);
        assert!(kube_vip(&text.replace(":v0.9.2", "")).is_err());
    }

    #[test]
    fn arguments_of_the_kubelet_are_those_of_its_line() {
        let text = "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/containerd/containerd.sock --node-ip=10.0.0.1 --x\"\n";
        let all = arguments(text).unwrap();
        assert_eq!((all["node-ip"].as_str(), all["x"].as_str(), all.len()), ("10.0.0.1", "true", 3));
        assert!(arguments("").is_err() && arguments("KUBELET_KUBEADM_ARGS=\"--a=\\\"b\\\"\"").is_err());
    }
}
