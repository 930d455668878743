//! What is installed, and what else installs.

use super::evidence::Evidence;
use super::finding::Findings;
use super::seen;

pub(super) fn check(node: &Evidence, found: &mut Findings) {
    let packages = &node.packages;
    let not_held = seen(&packages.not_held, "PackageHolds", node, "the packages that are held", found).filter(|names| !names.is_empty());
    let unattended = seen(&packages.unattended, "UnattendedUpgrades", node, "unattended-upgrades", found) == Some(&true);
    match not_held {
        Some(names) if unattended => {
            let seen = format!("unattended-upgrades is on, and {} may be upgraded", names.join(", "));
            let why = "some night the kubelet is newer than the API, on one node after the other";
            found.planned("UnattendedUpgrades", &[node], seen, why, "base");
        }
        Some(names) => {
            let seen = format!("{} may be upgraded with everything else", names.join(", "));
            let why = "an upgrade of the cluster has an order, and a package manager does not know it";
            found.planned("PackageHolds", &[node], seen, why, "base");
        }
        None => {}
    }
    if let Some(who) = seen(&packages.lock, "DpkgLock", node, "dpkg's lock", found) {
        let why = "packages are not installed before it is done; homelabctl waits five minutes";
        found.warning("DpkgLock", &[node], format!("{who} holds dpkg's lock"), why, "wait for it, or see what it does with `ps`");
    }
    if let Some(reason) = seen(&packages.reboot, "PendingReboot", node, "whether a reboot is due", found) {
        let why = "what is tried now may be otherwise after it, and it is easier before the node has work";
        found.warning("PendingReboot", &[node], format!("a reboot is due: {reason}"), why, "reboot it");
    }
}
