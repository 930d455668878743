//! Versions of the control planes that are there, against each other: an upgrade that was cut off leaves several.

use super::evidence::Evidence;
use super::finding::Findings;
use super::seen;
use crate::cluster::settings::KubernetesVersion;

/// API servers may be one minor version apart while they are upgraded (Kubernetes' version skew policy).
const APART: u32 = 1;

pub(super) fn check(nodes: &[Evidence], found: &mut Findings) {
    let what = "the API server's version";
    let mut all: Vec<(KubernetesVersion, &Evidence)> = Vec::new();
    for node in nodes {
        all.extend(seen(&node.kubernetes.api_server, "KubernetesVersion", node, what, found).map(|version| (*version, node)));
    }
    all.sort_by_key(|(version, _)| *version);
    let (Some((oldest, _)), Some((newest, _))) = (all.first().copied(), all.last().copied()) else { return };
    if oldest != newest {
        let each: Vec<String> = all.iter().map(|(version, node)| format!("{} {version}", node.name)).collect();
        let nodes: Vec<&Evidence> = all.iter().map(|(_, node)| *node).collect();
        let seen = format!("the API servers are of different versions: {}", each.join(", "));
        let todo = format!("finish the upgrade: kubeadm upgrade node on each that is older than {newest}");
        if newest.minor - oldest.minor > APART {
            found.error("KubernetesVersion", &nodes, seen, "they may be one minor version apart at most", &todo);
        } else {
            found.warning("KubernetesVersion", &nodes, seen, "an upgrade was cut off; what one of them stores another may not know", &todo);
        }
    }
    for node in nodes.iter().filter(|node| node.joined) {
        // that it could not be read is told of the node itself
        let Some((minor, patch)) = node.kubernetes.kubelet.is().filter(|(minor, _)| *minor > oldest.minor) else { continue };
        let seen = format!("the kubelet is v1.{minor}.{patch}, and the oldest API server is {oldest}");
        let todo = "finish the upgrade of the control planes before that of kubelets";
        found.error("KubeletVersion", &[node], seen, "a kubelet is never newer than any API server", todo);
    }
}
