//! What is there of Kubernetes and its runtime.

use super::Asking;
use crate::cluster::known::Known;
use crate::cluster::preflight::evidence::{Cri, Kubernetes};
use crate::cluster::settings::KubernetesVersion;
use crate::cluster::skew;
use crate::node::facts::{
    Containerd, ContainerdSettings, Content, Cri as Runtime, CriState, Directory, Enablement, Entry, FileContent, FileStat, PackageState,
    Stat, UnitEnabled, UnitScope,
};

const AUTHORITY: &str = "/etc/kubernetes/pki/ca.crt";
const KUBELET: &str = "/etc/kubernetes/kubelet.conf";
const BOOTSTRAP: &str = "/etc/kubernetes/bootstrap-kubelet.conf";
/// Such a manifest has some four KiB.
const MOST: u64 = 1 << 18;
const API_SERVER: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
/// What kubeadm does not want to find (its checks `FileAvailable`).
const LEFTOVERS: [&str; 7] = [
    API_SERVER,
    "/etc/kubernetes/manifests/kube-controller-manager.yaml",
    "/etc/kubernetes/manifests/kube-scheduler.yaml",
    "/etc/kubernetes/manifests/etcd.yaml",
    KUBELET,
    BOOTSTRAP,
    AUTHORITY,
];

impl Asking<'_, '_> {
    /// Whether the machine is a node, or becomes one just now, and what else there is of a cluster: a kubelet's credentials and the
    /// authority that they are of. Whose cluster that is, is not judged here.
    pub(super) fn traces(&mut self) -> (bool, Known<Vec<String>>) {
        let there: Vec<(&str, Known<bool>)> = LEFTOVERS.map(|path| (path, self.known::<_, FileStat>(&Stat::new(path)).is_there())).into();
        let has = |wanted: &str| there.iter().any(|(path, known)| *path == wanted && *known == Known::Is(true));
        let joined = has(AUTHORITY) && (has(KUBELET) || has(BOOTSTRAP));
        let unknown = there.iter().find_map(|(_, known)| known.why_unknown());
        let found = match unknown {
            Some(why) => Known::Unknown(why.to_owned()),
            None => Known::Is(there.iter().filter(|(_, known)| *known == Known::Is(true)).map(|(path, _)| (*path).to_owned()).collect()),
        };
        (joined, found)
    }

    pub(super) fn kubernetes(&mut self, leftovers: Known<Vec<String>>) -> Kubernetes {
        let containerd = self.known(&Containerd).and_then(|settings: ContainerdSettings| match numbers(&settings.version) {
            Some(version) => Known::Is(version),
            None => Known::Unknown(format!("a version as {:?}", settings.version)),
        });
        let cri = self.known(&Runtime).and_then(cri);
        let (kubeadm, kubelet) = (self.package("kubeadm").and_then(minor), self.package("kubelet"));
        let enabled = self.known(&UnitEnabled::new("kubelet", UnitScope::System)).map(|state: Enablement| state.is_enabled());
        Kubernetes {
            leftovers,
            etcd_data: self.entries("/var/lib/etcd").map(|names| names.iter().any(|name| name != "lost+found")),
            cni_configs: self.entries("/etc/cni/net.d").map(|names| {
                names.into_iter().filter(|name| [".conf", ".conflist", ".json"].iter().any(|end| name.ends_with(end))).collect()
            }),
            // crictl alone finds no socket, and that is no fault of a runtime's
            cri: if containerd == Known::Not { Known::Not } else { cri },
            containerd,
            api_server: self.known(&Content::new(API_SERVER, MOST)).and_then(api_server),
            kubelet_enabled: if kubelet == Known::Not { Known::Not } else { enabled },
            kubeadm,
            kubelet: kubelet.and_then(minor),
        }
    }

    fn entries(&mut self, path: &str) -> Known<Vec<String>> {
        self.known(&Directory::new(path)).map(|entries: Vec<Entry>| entries.into_iter().map(|entry| entry.name).collect())
    }
}

fn api_server(manifest: FileContent) -> Known<KubernetesVersion> {
    let version = skew::of_manifest(&String::from_utf8_lossy(&manifest.bytes()));
    version.map_or_else(|| Known::Unknown(format!("the image in {API_SERVER} names no version")), Known::Is)
}

fn cri(state: CriState) -> Known<Cri> {
    match (state.answers, state.systemd_cgroups) {
        (false, _) => Known::Is(Cri { v1: false, systemd_cgroups: false }),
        (true, Some(systemd_cgroups)) => Known::Is(Cri { v1: true, systemd_cgroups }),
        (true, None) => Known::Unknown("it does not say whose cgroups it uses".into()),
    }
}

/// `1.6.20~ds1`
fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let mut next = || numbers.next().and_then(Result::ok);
    Some((next()?, next()?, next()?))
}

/// Minor and patch of `1.34.2-1.1`; of any other major version nothing is known here.
fn minor(package: PackageState) -> Known<(u32, u32)> {
    let version = package.version.unwrap_or_default();
    match numbers(&version) {
        Some((1, minor, patch)) => Known::Is((minor, patch)),
        _ => Known::Unknown(format!("a version as {version:?}")),
    }
}
