//! Disks: room, and how fast they are.

use super::evidence::Evidence;
use super::finding::Findings;
use super::seen;
use crate::cluster::settings::Role;

/// MiB that have to be free, and that should be, by the directory; and what becomes of it when it is full.
const ROOM: [(&str, u64, u64, &str); 4] = [
    ("/var/lib/etcd", 1024, 8192, "etcd stops to take anything when it is full, and the API with it"),
    ("/var/lib/containerd", 4096, 15_360, "images fill it, and then the kubelet evicts pods"),
    ("/var/lib/kubelet", 1024, 10_240, "pods' own data fills it, and then the kubelet evicts them"),
    ("/var/log", 256, 2048, "logs fill it, and nobody sees any more what happened"),
];
/// Microseconds. etcd's own advice: 99 % of the syncs of its log in less than ten milliseconds.
const SYNC: u64 = 10_000;
/// From here on leaders are lost under load.
const TOO_SLOW: u64 = 100_000;

pub(super) fn check(node: &Evidence, found: &mut Findings) {
    let is_control_plane = node.role == Role::ControlPlane;
    for (directory, free) in &node.storage.free {
        let Some((_, least, enough, why)) = ROOM.iter().find(|(name, ..)| name == directory) else { continue };
        if directory == "/var/lib/etcd" && !is_control_plane {
            continue;
        }
        let Some(free) = seen(free, "DiskSpace", node, &format!("the free space of {directory}"), found) else { continue };
        let seen = format!("{free} MiB are free for {directory}");
        let todo = "make room, or give it a disk of its own";
        if free < least {
            found.error("DiskSpace", &[node], seen, why, todo);
        } else if free < enough {
            found.warning("DiskSpace", &[node], seen, why, todo);
        }
    }
    if !is_control_plane {
        return;
    }
    let Some(slowest) = seen(&node.storage.sync, "SyncLatency", node, "how fast /var/lib/etcd's disk syncs", found) else { return };
    let seen = format!("a sync of etcd's disk takes up to {}.{} ms", slowest / 1000, slowest % 1000 / 100);
    let todo = "put /var/lib/etcd onto an SSD";
    if *slowest > TOO_SLOW {
        found.error("SyncLatency", &[node], seen, "etcd's leader loses its place under load, and with it the API", todo);
    } else if *slowest > SYNC {
        found.warning("SyncLatency", &[node], seen, "etcd wants less than 10 ms; its leader may lose its place under load", todo);
    }
}
