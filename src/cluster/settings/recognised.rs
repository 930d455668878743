//! Whether a variable `cluster` is this program's: in other people's inventories the name may be a label of theirs.

use crate::yaml::{Node, plain};

/// Names that hardly stand in a mapping that means something else.
const OURS: [&str; 9] = [
    "endpoint",
    "cni",
    "kube_proxy",
    "feature_gates",
    "extra_arguments",
    "certificate_names",
    "registry_mirrors",
    "image_bundle",
    "ignore_preflight_errors",
];

/// Whether somebody who wrote this value wrote settings of a cluster, perhaps wrong ones.
pub fn is_settings(cluster: &Node) -> bool {
    cluster.as_map().is_some_and(|map| map.iter().any(|(key, _)| OURS.contains(&plain(&key.value).as_str())))
}
