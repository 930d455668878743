//! Arguments that kubeadm or another setting gives already.

use super::agree::Check;

/// An argument, and why it is nobody's to set or what to write instead.
type Owned = (&'static str, &'static str);

/// By program, as the settings name it.
pub(super) const OWNED: [(&str, &[Owned]); 5] = [
    ("api_server", OF_API_SERVER),
    ("controller_manager", OF_CONTROLLER_MANAGER),
    ("scheduler", OF_SCHEDULER),
    ("etcd", OF_ETCD),
    ("kubelet", OF_KUBELET),
];

pub(super) fn check(check: &mut Check) {
    let arguments = &check.settings.extra_arguments;
    let given = [&arguments.api_server, &arguments.controller_manager, &arguments.scheduler, &arguments.etcd, &arguments.kubelet];
    for ((program, owned), given) in OWNED.into_iter().zip(given) {
        for argument in given.keys() {
            let path = ["extra_arguments", program, argument.as_str()];
            if argument.starts_with('-') {
                let hint = format!("write `{}`", argument.trim_start_matches('-'));
                check.error(&path, format!("`{argument}` of `extra_arguments.{program}` stands without its hyphens"), &hint);
            } else if let Some((_, instead)) = owned.iter().find(|(name, _)| name == argument) {
                let message = format!("`{argument}` of `extra_arguments.{program}` is not yours to set");
                check.error(&path, message, &format!("take it away: {instead}"));
            }
        }
    }
}

const OF_API_SERVER: &[Owned] = &[
    ("advertise-address", "it is the machine's"),
    ("secure-port", "it is 6443; `endpoint.port` is that of what stands before it"),
    ("service-cluster-ip-range", "write `network.services`"),
    ("etcd-servers", "kubeadm gives it"),
    ("client-ca-file", "kubeadm gives it"),
    ("authorization-mode", "it is Node,RBAC, and kubeadm's joins depend on it"),
    ("feature-gates", "write `feature_gates`"),
];
const OF_CONTROLLER_MANAGER: &[Owned] = &[
    ("cluster-cidr", "write `network.pods`"),
    ("allocate-node-cidrs", "kubeadm gives it"),
    ("node-cidr-mask-size", "it is a /24, or a /64: the room for nodes is reckoned with it"),
    ("service-cluster-ip-range", "write `network.services`"),
    ("cluster-name", "write `name`"),
    ("feature-gates", "write `feature_gates`"),
];
const OF_SCHEDULER: &[Owned] = &[("feature-gates", "write `feature_gates`"), ("kubeconfig", "kubeadm gives it")];
const OF_ETCD: &[Owned] = &[
    ("data-dir", "it is /var/lib/etcd"),
    ("initial-cluster", "kubeadm gives it, and another one makes a second cluster"),
    ("initial-cluster-state", "kubeadm gives it, and another one makes a second cluster"),
    ("initial-cluster-token", "another one makes a second cluster"),
    ("name", "it is the machine's"),
    ("force-new-cluster", "it makes a second cluster"),
];
const OF_KUBELET: &[Owned] = &[
    ("config", "kubeadm gives it"),
    ("kubeconfig", "kubeadm gives it"),
    ("bootstrap-kubeconfig", "kubeadm gives it"),
    ("hostname-override", "a node is called as its machine"),
    ("node-labels", "write `labels`"),
    ("register-with-taints", "write `taints`"),
    ("feature-gates", "write `feature_gates`"),
    ("cgroup-driver", "it is systemd, as containerd's"),
];
