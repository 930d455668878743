//! Which disks are not emptied, and what to run first.

use super::super::class::Class;
use super::super::classify::{layers_above, system};
use super::Groups;
use crate::node::facts::{BlockDevice, Contents, GroupState, Layer, Openness, Uses};
use crate::plan::Refusal;

/// Smaller ones have no room for the mark.
const SMALLEST: u64 = 1 << 20;

/// What was seen of a disk.
pub(super) struct Seen<'a> {
    pub(super) host: &'a str,
    pub(super) name: &'a str,
    pub(super) disk: &'a BlockDevice,
    pub(super) contents: &'a Contents,
    pub(super) uses: &'a Uses,
    pub(super) open: Openness,
    pub(super) groups: &'a Groups,
}

/// A refusal: what was seen, and what to run.
pub(super) fn refusal(host: &str, name: &str, why: &str, first: Option<String>) -> Refusal {
    let explain = format!("to see all that was found:  homelabctl disk explain {host} {name}");
    let hint = match first {
        Some(first) => format!("{explain}\nfirst, on {host}:  {first}"),
        None => explain,
    };
    Refusal { why: format!("disk {name} on {host} {why}; nothing was written to it"), hint: Some(hint) }
}

impl Seen<'_> {
    /// What is typed back: the serial number, or the World Wide Name of a disk without one.
    ///
    /// # Errors
    /// Why it must not be emptied, and what goes on.
    pub fn may_be_wiped(&self) -> Result<&str, Refusal> {
        let refuse = |why: &str, first: Option<String>| Err(refusal(self.host, self.name, why, first));
        // never the system's, whatever else is seen
        if let Some(Class::System(places)) = system(self.uses) {
            return refuse(&format!("is the system's ({} on it), and is never wiped", places.join(", ")), None);
        }
        if self.contents.device.path != self.disk.path {
            let (link, device) = (&self.contents.device.path, &self.disk.path);
            return refuse(&format!("is not known for certain: its name leads to {link}, and lsblk shows it as {device}"), None);
        }
        if !self.contents.is_disk() {
            return refuse("is a partition", None);
        }
        if let Some((why, first)) = self.user() {
            return refuse(&why, Some(first));
        }
        if self.uses.read_only {
            return refuse("is read-only", Some(format!("blockdev --setrw {}, if nothing in its hardware says so", self.disk.path)));
        }
        if self.disk.size < SMALLEST {
            return refuse("is too small to be one", None);
        }
        if let Some((why, first)) = self.part_of_more() {
            return refuse(&why, Some(first));
        }
        let serial = self.disk.serial.as_deref().or(self.disk.wwn.as_deref());
        match serial.map(str::trim).filter(|serial| !serial.is_empty()) {
            Some(serial) => Ok(serial),
            None => {
                let first = format!("give the virtual disk a serial number, or zero it yourself: blkdiscard --zeroout {}", self.disk.path);
                refuse("says neither a serial number nor a World Wide Name by which it can be told from others", Some(first))
            }
        }
    }

    /// Who uses it, and how that ends.
    fn user(&self) -> Option<(String, String)> {
        if let Some(swap) = self.uses.swaps.first() {
            return Some((format!("is in use: {swap} is swap"), format!("swapoff {swap}, and take its line out of /etc/fstab")));
        }
        // what is mounted on a layer is what uses the layer
        if let Some(mount) = self.uses.mounts.first() {
            let (kind, target) = (&mount.kind, &mount.target);
            let first = if mount.elsewhere {
                format!("stop what has {target} mounted in a namespace of its own (findmnt --all, lsns --type mnt)")
            } else {
                format!("umount {target}, and take its line out of /etc/fstab")
            };
            return Some((format!("is in use: {kind} mounted on {target}"), first));
        }
        if let Some(layer) = layers_above(self.contents, self.uses).last() {
            return Some((format!("is in use: {} stands on it", layer.name), take_down(layer)));
        }
        (self.open == Openness::Taken).then(|| {
            let first = "find out who has it: a ZFS pool (zpool export), a btrfs of several disks (umount), a virtual machine, a program";
            ("is in use: somebody has it open for himself alone".to_owned(), first.to_owned())
        })
    }

    /// What else would lose something: a group of several disks, a cache of another disk.
    fn part_of_more(&self) -> Option<(String, String)> {
        let caches = |kind: &str| kind == "bcache";
        let holdings = std::iter::once(&self.contents.device).chain(self.contents.partitions.iter().map(|partition| &partition.holding));
        let mut kinds = holdings.flat_map(|holding| holding.kind.iter().chain(holding.signatures.iter().map(|found| &found.kind)));
        if kinds.any(|kind| caches(kind)) {
            let first = format!("see with bcache-super-show whether it caches another disk, then wipefs --all {}", self.disk.path);
            return Some(("is part of a bcache: what is written to another disk may be here alone".to_owned(), first));
        }
        self.groups.iter().find_map(|(path, group)| match group {
            Err(why) => {
                let first = format!("pvs {path} and vgck; if LVM has no more use for it, pvremove --force --force {path}");
                Some((format!("holds an LVM physical volume that LVM does not read: {why}"), first))
            }
            Ok(None) => None,
            Ok(Some(group)) => self.group(path, group),
        })
    }

    fn group(&self, path: &str, group: &GroupState) -> Option<(String, String)> {
        let GroupState { name, physical, missing, caches } = group;
        let here = self.groups.iter().filter(|(_, other)| matches!(other, Ok(Some(other)) if other.name == *name)).count();
        if !caches.is_empty() {
            let first = format!("lvconvert --splitcache {name}/VOLUME, or vgremove {name} if nothing of it is wanted");
            return Some((format!("is part of the LVM group {name:?}, which has caches ({})", caches.join(", ")), first));
        }
        if *missing > 0 {
            let first = format!("vgreduce --removemissing {name}, or pvremove --force --force {path} if nothing of it is wanted");
            return Some((format!("is part of the LVM group {name:?}, of which {missing} of {physical} disks are missing"), first));
        }
        let elsewhere = usize::try_from(*physical).unwrap_or(usize::MAX).saturating_sub(here);
        (elsewhere > 0).then(|| {
            let first = format!("pvmove {path} and vgreduce {name} {path}, or vgremove {name} if nothing of it is wanted");
            (format!("is part of the LVM group {name:?}, which lies on {physical} physical volumes"), first)
        })
    }
}

/// How a layer is taken down.
fn take_down(layer: &Layer) -> String {
    let name = &layer.name;
    match layer.mapping.as_deref().and_then(|mapping| mapping.split('-').next()) {
        Some("LVM") => format!("lvs --options +devices shows its group, and vgchange --activate n GROUP gives it up ({name})"),
        Some("CRYPT") => format!("cryptsetup close /dev/{name}"),
        Some("mpath") => format!("multipath -f /dev/{name}, and leave the disk out in /etc/multipath.conf"),
        _ if name.starts_with("md") => format!("mdadm --stop /dev/{name}"),
        _ if name.starts_with("bcache") => format!("echo 1 >/sys/block/{name}/bcache/stop"),
        _ if name.starts_with("dm-") => format!("dmsetup remove /dev/{name}"),
        _ if name.starts_with("loop") => format!("losetup --detach /dev/{name}"),
        _ => format!("take {name} down (lsblk shows what stands on what)"),
    }
}
