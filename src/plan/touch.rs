//! What a change may have moved beside what it meant to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part of a machine that a step may move, or that a fact stands on.
///
/// The same word serves both sides: a fact is stale once a step touches something that [`Touch::overlaps`] what the
/// fact stands on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touch {
    /// The file, directory or link at this path and all below it.
    Files(String),
    /// What is at this path itself, and nothing that is below it: a new directory is empty.
    Entry(String),
    /// What a path leads to, links followed: it may be anything. Where the path is known to hold no link it is what
    /// stands there ([`super::Store`] knows).
    Followed(String),
    /// Who may go through this directory: what is below stays as it is, and root sees it as before.
    Passage(String),
    /// All files but those at or below these paths.
    FilesOutside(Vec<String>),
    /// The package manager's database.
    Packages,
    /// Users and groups.
    Accounts,
    /// Units of the service manager: their files, whether they run, whether they start at boot.
    Units,
    /// Kernel modules that are loaded.
    Modules,
    /// Kernel parameters at run time.
    Sysctls,
    /// What is mounted where, and swap.
    Mounts,
    /// One block device, its partitions and what lies on them (the device's path).
    BlockDevice(String),
    /// Addresses, routes, the host name.
    Network,
    /// Listening sockets.
    Ports,
    /// The clock and its offset.
    Clock,
    /// Nothing is known about what was moved.
    Everything,
}

impl Touch {
    /// What installing, upgrading or removing a package may move: maintainer scripts run as root, but they leave people's
    /// homes and what is on block devices alone (Debian policy 6, 9.1.1).
    pub fn package_scripts() -> Vec<Touch> {
        vec![
            Touch::Packages,
            Touch::Accounts,
            Touch::Units,
            Touch::Modules,
            Touch::Sysctls,
            Touch::Ports,
            Touch::FilesOutside(vec!["/home".into(), "/root".into()]),
        ]
    }

    /// Whether what stands on `self` may have been moved by `other` (symmetric).
    pub fn overlaps(&self, other: &Touch) -> bool {
        match (self, other) {
            (Touch::Everything, _) | (_, Touch::Everything) => true,
            (Touch::Passage(a), other) | (other, Touch::Passage(a)) => match other {
                Touch::Passage(b) => is_under(a, b) || is_under(b, a),
                other => Touch::Files(a.clone()).overlaps(other),
            },
            (Touch::Followed(_), other) | (other, Touch::Followed(_)) => {
                matches!(other, Touch::Files(_) | Touch::Entry(_) | Touch::FilesOutside(_) | Touch::Followed(_))
            }
            (Touch::Files(a), Touch::Files(b)) => is_under(a, b) || is_under(b, a),
            (Touch::Entry(a), Touch::Entry(b)) => a == b,
            (Touch::Entry(entry), Touch::Files(path)) | (Touch::Files(path), Touch::Entry(entry)) => is_under(entry, path),
            (Touch::FilesOutside(out), Touch::Entry(path)) | (Touch::Entry(path), Touch::FilesOutside(out)) => {
                !out.iter().any(|prefix| is_under(path, prefix))
            }
            (Touch::FilesOutside(out), Touch::Files(path)) | (Touch::Files(path), Touch::FilesOutside(out)) => {
                !out.iter().any(|prefix| is_under(path, prefix))
            }
            (Touch::FilesOutside(_), Touch::FilesOutside(_)) => true,
            (Touch::BlockDevice(a), Touch::BlockDevice(b)) => a.starts_with(b.as_str()) || b.starts_with(a.as_str()),
            (a, b) => a == b,
        }
    }
}

impl fmt::Display for Touch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Touch::Files(path) => write!(f, "files at {path}"),
            Touch::Entry(path) => write!(f, "{path} itself"),
            Touch::Followed(path) => write!(f, "what {path} leads to"),
            Touch::Passage(path) => write!(f, "the way through {path}"),
            Touch::FilesOutside(out) => write!(f, "files outside {}", out.join(" and ")),
            Touch::Packages => f.write_str("the package database"),
            Touch::Accounts => f.write_str("users and groups"),
            Touch::Units => f.write_str("units"),
            Touch::Modules => f.write_str("kernel modules"),
            Touch::Sysctls => f.write_str("kernel parameters"),
            Touch::Mounts => f.write_str("mounts"),
            Touch::BlockDevice(device) => write!(f, "the block device {device}"),
            Touch::Network => f.write_str("the network"),
            Touch::Ports => f.write_str("listening ports"),
            Touch::Clock => f.write_str("the clock"),
            Touch::Everything => f.write_str("anything"),
        }
    }
}

/// Whether `path` is `prefix` or lies below it.
fn is_under(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path.trim_end_matches('/') == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_overlap_with_what_is_above_and_below_them_only() {
        let files = |p: &str| Touch::Files(p.into());
        assert!(files("/etc").overlaps(&files("/etc/ssh/sshd_config")));
        assert!(files("/etc/ssh/sshd_config").overlaps(&files("/etc/ssh/")));
        assert!(!files("/etc/ssh").overlaps(&files("/etc/sshd")));
        assert!(files("/").overlaps(&files("/srv")));
    }

    #[test]
    fn a_package_leaves_homes_alone() {
        let moved = Touch::package_scripts();
        let hit = |path: &str| moved.iter().any(|t| t.overlaps(&Touch::Files(path.into())));
        assert!(hit("/etc/passwd") && hit("/rooted") && !hit("/home/pat/x") && !hit("/root"));
        assert!(!moved.iter().any(|t| t.overlaps(&Touch::BlockDevice("/dev/sda".into()))));
    }

    #[test]
    fn a_partition_overlaps_with_its_disk() {
        let (disk, part) = (Touch::BlockDevice("/dev/sda".into()), Touch::BlockDevice("/dev/sda1".into()));
        assert!(disk.overlaps(&part) && part.overlaps(&disk));
        assert!(!disk.overlaps(&Touch::BlockDevice("/dev/sdb".into())));
    }
}
