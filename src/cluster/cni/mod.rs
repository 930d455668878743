//! What connects pods across nodes: which ones there are, what tells of each, and the objects of those that are put up here.

pub mod cilium;
pub mod flannel;

use super::settings::CniName;

/// What one leaves in a cluster and on its nodes.
#[derive(Debug, Clone, Copy)]
struct Traces {
    /// What it is called.
    name: &'static str,
    /// Names of its DaemonSets.
    daemon_sets: &'static [&'static str],
    /// Its configuration in /etc/cni/net.d.
    configuration: &'static str,
}

const KNOWN: &[Traces] = &[
    Traces { name: "flannel", daemon_sets: &["kube-flannel-ds", "kube-flannel-ds-amd64"], configuration: "10-flannel.conflist" },
    Traces { name: "cilium", daemon_sets: &["cilium"], configuration: "05-cilium.conflist" },
    Traces { name: "calico", daemon_sets: &["calico-node"], configuration: "10-calico.conflist" },
    Traces { name: "canal", daemon_sets: &["canal"], configuration: "10-canal.conflist" },
    Traces { name: "weave", daemon_sets: &["weave-net"], configuration: "10-weave.conflist" },
    Traces { name: "kube-router", daemon_sets: &["kube-router"], configuration: "10-kuberouter.conflist" },
    Traces { name: "antrea", daemon_sets: &["antrea-agent"], configuration: "10-antrea.conflist" },
    Traces { name: "kindnet", daemon_sets: &["kindnet"], configuration: "10-kindnet.conflist" },
    Traces { name: "kube-ovn", daemon_sets: &["kube-ovn-cni"], configuration: "01-kube-ovn.conflist" },
];

/// Configurations of programs that run containers beside Kubernetes; they come after those of networks.
const BESIDE: &[&str] = &["87-podman", "nerdctl-", "100-crio-", "200-loopback", "99-loopback"];

/// The word of a setting.
pub fn word(name: CniName) -> &'static str {
    match name {
        CniName::Cilium => "cilium",
        CniName::Flannel => "flannel",
        CniName::Manifest => "manifest",
        CniName::None => "none",
    }
}

/// Another one than `ours` of which the cluster has a DaemonSet: its name, and which. `ours` is a setting's word or that of a known
/// one; of a manifest's DaemonSets the caller has taken its own away.
pub fn other_in_cluster<'a>(ours: &str, mut daemon_sets: impl Iterator<Item = &'a str>) -> Option<(&'static str, &'a str)> {
    daemon_sets.find_map(|full| {
        let short = full.rsplit('/').next().unwrap_or(full);
        let known = KNOWN.iter().find(|known| known.daemon_sets.contains(&short))?;
        (known.name != ours).then_some((known.name, full))
    })
}

/// A configuration in /etc/cni/net.d that is not that of `ours`.
pub fn other_on_node<'a>(ours: &str, mut files: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let is_own = |file: &str| KNOWN.iter().any(|known| known.name == ours && known.configuration == file);
    // what containerd reads there
    let counts = |file: &str| [".conflist", ".conf", ".json"].iter().any(|end| file.ends_with(end));
    files.find(|file| counts(file) && !is_own(file) && !BESIDE.iter().any(|begin| file.starts_with(begin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_network_is_known_by_what_it_leaves() {
        let in_cluster = |ours, all: &[&'static str]| other_in_cluster(ours, all.iter().copied());
        assert_eq!(in_cluster("flannel", &["kube-system/kube-proxy", "kube-flannel/kube-flannel-ds"]), None);
        assert_eq!(in_cluster("flannel", &["kube-system/kube-proxy", "kube-system/cilium"]), Some(("cilium", "kube-system/cilium")));
        assert_eq!(in_cluster("manifest", &["calico-system/calico-node"]), Some(("calico", "calico-system/calico-node")));
        let on_node = |ours, all: &[&'static str]| other_on_node(ours, all.iter().copied());
        assert_eq!(on_node("flannel", &["10-flannel.conflist", "87-podman-bridge.conflist", "x.cilium_bak"]), None);
        assert_eq!(on_node("flannel", &["05-cilium.conflist"]), Some("05-cilium.conflist"));
        assert_eq!(on_node("manifest", &["mine.conf"]), Some("mine.conf"));
    }
}
