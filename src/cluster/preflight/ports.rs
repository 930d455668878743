//! Ports that somebody else has, and files of somebody else's cluster.

use super::evidence::Evidence;
use super::finding::Findings;
use super::seen;
use crate::cluster::settings::Role;

/// A port, and who needs it.
type Port = (u16, &'static str);

const OF_ALL: [Port; 3] = [(10250, "the kubelet"), (10256, "kube-proxy"), (10249, "kube-proxy")];
const OF_CONTROL_PLANES: [Port; 5] =
    [(6443, "the API"), (10259, "kube-scheduler"), (10257, "kube-controller-manager"), (2379, "etcd"), (2380, "etcd")];

pub(super) fn check(node: &Evidence, found: &mut Findings) {
    let Some(listening) = seen(&node.network.listening, "Port", node, "who listens", found) else { return };
    if node.joined {
        return;
    }
    let of_control_planes = OF_CONTROL_PLANES.iter().filter(|_| node.role == Role::ControlPlane);
    for (port, whose) in OF_ALL.iter().chain(of_control_planes) {
        let Some(other) = listening.iter().find(|one| one.port == *port) else { continue };
        let who = if other.program.is_empty() { "somebody" } else { &other.program };
        let seen = format!("{who} listens on port {port}, and {whose} needs it");
        let todo = format!("see who it is with `ss -lntp sport = {port}`, and stop it");
        found.error(&format!("Port-{port}"), &[node], seen, "two cannot have it", &todo);
    }
}
