//! What is there of Kubernetes and its runtime.

use super::evidence::Evidence;
use super::finding::Findings;
use super::seen;
use crate::cluster::settings::{CniName, Role, Settings};

const CGROUPS: &str = "the kubelet uses systemd's, and with two managers pods are killed as if memory was short";

pub(super) fn check(settings: &Settings, node: &Evidence, found: &mut Findings) {
    let kubernetes = &node.kubernetes;
    if !node.joined {
        leftovers(settings, node, found);
    }
    runtime(node, found);
    let wanted = settings.version;
    if let Some((minor, patch)) = seen(&kubernetes.kubeadm, "KubernetesVersion", node, "kubeadm's version", found)
        && *minor != wanted.minor
        && !node.joined
    {
        let seen = format!("kubeadm is v1.{minor}.{patch}, and the cluster is to be {wanted}");
        let why = "a machine joins with the kubeadm that the cluster was made with";
        if *minor < wanted.minor {
            found.planned("KubernetesVersion", &[node], seen, why, "kubernetes");
        } else {
            found.error("KubernetesVersion", &[node], seen, why, "remove it, or set `version` to its version");
        }
    }
    if let Some((minor, patch)) = seen(&kubernetes.kubelet, "KubeletVersion", node, "the kubelet's version", found) {
        let seen = format!("the kubelet is v1.{minor}.{patch}, and the cluster is to be {wanted}");
        if *minor > wanted.minor {
            let todo = "install the cluster's version, or set `version` to the kubelet's";
            found.error("KubeletVersion", &[node], seen, "a kubelet is never newer than the API", todo);
        } else if *minor + 3 < wanted.minor {
            let why = "a kubelet is three minor versions behind at most";
            if node.joined {
                found.error("KubeletVersion", &[node], seen, why, "upgrade it, one minor version after the other");
            } else {
                found.planned("KubeletVersion", &[node], seen, why, "kubernetes");
            }
        }
    }
    if super::seen(&kubernetes.kubelet_enabled, "Service-Kubelet", node, "the kubelet's unit", found) == Some(&false) {
        let why = "after a boot the node does not come back";
        found.warning("Service-Kubelet", &[node], "the kubelet's unit is not enabled", why, "systemctl enable kubelet");
    }
}

/// Traces of an earlier attempt or of another cluster. They are looked at, never taken away by this program's preflight.
fn leftovers(settings: &Settings, node: &Evidence, found: &mut Findings) {
    for file in seen(&node.kubernetes.leftovers, "FileAvailable", node, "/etc/kubernetes", found).into_iter().flatten() {
        let check = format!("FileAvailable-{}", file.replace('/', "-"));
        let why = "the machine was in a cluster, or an earlier attempt was cut off";
        let todo =
            "homelabctl provision finishes what it began, and refuses what is another cluster's; nothing has to be taken away for it"
                .to_owned();
        found.warning(&check, &[node], format!("{file} is there"), why, &todo);
    }
    let is_control_plane = node.role == Role::ControlPlane;
    if seen(&node.kubernetes.etcd_data, "DirAvailable--var-lib-etcd", node, "/var/lib/etcd", found) == Some(&true) && is_control_plane {
        let why = "it may be the only copy of a cluster's data";
        // beside other traces it is a cluster's, and homelab.kubeadm knows what to make of it
        if node.kubernetes.leftovers.is().is_some_and(|files| !files.is_empty()) {
            let todo = "homelabctl provision finishes what it began, and refuses what is another cluster's";
            found.warning("DirAvailable--var-lib-etcd", &[node], "/var/lib/etcd holds data", why, todo);
        } else {
            let todo = "if nobody wants it, move it away: mv /var/lib/etcd /var/lib/etcd.old";
            found.error("DirAvailable--var-lib-etcd", &[node], "/var/lib/etcd holds data", why, todo);
        }
    }
    let ours = match settings.cni.name {
        CniName::Cilium => Some("cilium"),
        CniName::Flannel => Some("flannel"),
        CniName::Manifest | CniName::None => None,
    };
    let configs = seen(&node.kubernetes.cni_configs, "CniConfiguration", node, "/etc/cni/net.d", found).into_iter().flatten();
    let others: Vec<&str> = configs.map(String::as_str).filter(|file| ours.is_some_and(|ours| !file.contains(ours))).collect();
    if !others.is_empty() {
        let seen = format!("/etc/cni/net.d holds {}", others.join(", "));
        let why = "the runtime takes the first by name: pods would get addresses of another network";
        found.error("CniConfiguration", &[node], seen, why, "if nothing of yours needs them, take them away; `kubeadm reset` leaves them");
    }
}

fn runtime(node: &Evidence, found: &mut Findings) {
    let kubernetes = &node.kubernetes;
    if let Some(version) = seen(&kubernetes.containerd, "CRI", node, "containerd's version", found).filter(|version| **version < (1, 6, 0))
    {
        let (major, minor, patch) = version;
        let why = "the kubelet speaks version 1 of its interface only, which came with 1.6";
        found.error("CRI", &[node], format!("containerd is {major}.{minor}.{patch}"), why, "install a newer one");
    }
    let Some(cri) = seen(&kubernetes.cri, "CRI", node, "what containerd's CRI says", found) else { return };
    if !cri.v1 {
        let why = "packages of Docker's come with `disabled_plugins = [\"cri\"]`, and then the kubelet finds no runtime";
        found.planned("CRI", &[node], "containerd does not speak runtime.v1", why, "containerd");
    } else if !cri.systemd_cgroups && !node.joined {
        found.planned("CRI", &[node], "containerd does not use systemd's cgroups", CGROUPS, "containerd");
    } else if !cri.systemd_cgroups {
        let todo = "drain the node, then set SystemdCgroup = true and reboot it";
        found.error("CRI", &[node], "containerd does not use systemd's cgroups", CGROUPS, todo);
    }
}
