//! What a machine is called.

use super::evidence::Evidence;
use super::finding::Findings;
use super::seen;

pub(super) fn check(node: &Evidence, found: &mut Findings) {
    if let Some(name) = seen(&node.identity.hostname, "Hostname", node, "the host name", found).filter(|name| !is_node_name(name)) {
        let todo = "give it one of small letters, digits, hyphens and dots: ansible.builtin.hostname";
        let seen = format!("the machine is called `{name}`");
        found.error("Hostname", &[node], seen, "a Node is called as its machine, and Kubernetes takes no such name (RFC 1123)", todo);
    }
    if seen(&node.identity.cloud_init_renames, "Hostname", node, "cloud-init's settings", found) == Some(&true) {
        let why = "after a boot the machine may have another name than its Node, and the kubelet does not find it";
        let todo = "write `preserve_hostname: true` into /etc/cloud/cloud.cfg.d/99-hostname.cfg";
        found.warning("Hostname", &[node], "cloud-init sets the host name at each boot", why, todo);
    }
}

/// RFC 1123: labels with dots between them.
fn is_node_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}
