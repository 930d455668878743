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
    /// What is mounted, anywhere, and swap: all files stand on it.
    Mounts,
    /// What is mounted at this path. With the files there it is all that a mount moves.
    MountPoint(String),
    /// The list of all mounts, as a whole.
    MountTable,
    /// One block device, its partitions, what lies on them and what they are called under /dev. Only the kernel's names of
    /// disks and their partitions tell which device is meant; a link, what stands on others, and `/dev/` may be any.
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
            (Touch::BlockDevice(device), Touch::Files(path) | Touch::Entry(path) | Touch::Followed(path))
            | (Touch::Files(path) | Touch::Entry(path) | Touch::Followed(path), Touch::BlockDevice(device)) => {
                is_under(path, "/dev") && may_be_one_disk(device, path)
            }
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
            (Touch::BlockDevice(a), Touch::BlockDevice(b)) => may_be_one_disk(a, b),
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
            Touch::MountPoint(path) => write!(f, "what is mounted at {path}"),
            Touch::MountTable => f.write_str("the list of mounts"),
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

/// Drivers whose disks have names of their own: nothing that stands on another device is called so.
const DRIVERS: [&str; 7] = ["sd", "vd", "hd", "xvd", "nvme", "mmcblk", "ubd"];

/// Whether that path is the kernel's name of a disk or of a partition.
pub(super) fn is_kernels_name(path: &str) -> bool {
    path.strip_prefix("/dev/").is_some_and(|name| {
        DRIVERS.iter().any(|driver| name.strip_prefix(driver).is_some_and(|rest| !rest.is_empty()))
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Whether two names may lead to one disk or to parts of it.
fn may_be_one_disk(a: &str, b: &str) -> bool {
    if !is_kernels_name(a) || !is_kernels_name(b) {
        return true;
    }
    let (disk, part) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let Some(rest) = part.strip_prefix(disk) else { return false };
    // nvme0n1p2 is of nvme0n1, and nvme0n12 is not
    let number = if disk.ends_with(|c: char| c.is_ascii_digit()) { rest.strip_prefix('p').unwrap_or("p") } else { rest };
    rest.is_empty() || number.bytes().all(|byte| byte.is_ascii_digit())
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
        let one = |a: &str, b: &str| Touch::BlockDevice(a.into()).overlaps(&Touch::BlockDevice(b.into()));
        assert!(one("/dev/nvme0n1", "/dev/nvme0n1p2") && !one("/dev/nvme0n1", "/dev/nvme0n12") && !one("/dev/sda", "/dev/sdaa"));
        assert!(one("/dev/ubda", "/dev/ubda1") && !one("/dev/vda1", "/dev/vdb1"));
        // they may be, or stand on, any
        for any in ["/dev/", "/dev/dm-0", "/dev/mapper/vg-lv", "/dev/disk/by-id/x", "/dev/md0"] {
            assert!(one(any, "/dev/sda") && one("/dev/sda1", any), "{any}");
        }
    }

    #[test]
    fn what_a_device_is_called_moves_with_it() {
        let moves = |path: &str| Touch::BlockDevice("/dev/sda".into()).overlaps(&Touch::Entry(path.into()));
        assert!(moves("/dev/sda1") && moves("/dev/disk/by-id/x-part1") && !moves("/dev/sdb1") && !moves("/etc/fstab"));
    }

    #[test]
    fn a_mount_moves_what_is_at_its_place() {
        let touches = [Touch::MountPoint("/srv/a".into()), Touch::MountTable, Touch::Files("/srv/a".into())];
        let moves = |grounds: &[Touch]| grounds.iter().any(|ground| touches.iter().any(|touch| ground.overlaps(touch)));
        let file = |path: &str| moves(&[Touch::Entry(path.into()), Touch::Mounts]);
        assert!(file("/srv/a") && file("/srv/a/b") && !file("/srv") && !file("/srv/b"));
        assert!(moves(&[Touch::MountTable, Touch::Mounts]) && !moves(&[Touch::MountPoint("/srv".into()), Touch::Mounts]));
        // and one that is not known more closely moves all
        assert!([Touch::Mounts, Touch::MountPoint("/x".into())].iter().any(|ground| ground.overlaps(&Touch::Mounts)));
    }
}
