//! Which disk a person means.

use std::fmt;

use super::size::SizeRange;
use crate::node::facts::BlockDevice;

/// A way to say which disk is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskName {
    /// A name under /dev/disk/by-id, with or without that directory.
    ById(String),
    /// A World Wide Name, as lsblk shows it or as its link is called.
    Wwn(String),
    /// A serial number, as lsblk shows it.
    Serial(String),
    /// A kernel's name such as `/dev/sdb`, which may be another disk's after the next boot.
    Unstable(String),
    /// What it is like.
    Like(Selector),
}

/// What a disk is like: all that is given must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// Its size.
    pub size: Option<SizeRange>,
    /// Its model, to the letter.
    pub model: Option<String>,
    /// How it is attached, as lsblk says: `sata`, `nvme`, `usb`…
    pub transport: Option<String>,
    /// Whether it turns.
    pub rotational: Option<bool>,
}

/// Why a name leads to no disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotOne {
    /// There is no such disk.
    Missing,
    /// It is one of these: a name each.
    Ambiguous(Vec<String>),
    /// It is a partition of that disk.
    Partition(String),
    /// A selector that says nothing would fit every disk.
    Nothing,
}

impl DiskName {
    /// The one disk that is meant, among all block devices of a machine.
    ///
    /// # Errors
    /// [`NotOne`]; also where another disk has the same serial number, since udev's link leads to either of them.
    pub fn find<'d>(&self, devices: &'d [BlockDevice]) -> Result<&'d BlockDevice, NotOne> {
        if let Self::Like(selector) = self
            && *selector == Selector::default()
        {
            return Err(NotOne::Nothing);
        }
        let found: Vec<&BlockDevice> = disks(devices).filter(|disk| self.means(disk)).collect();
        let [disk] = found.as_slice() else {
            return Err(match devices.iter().find(|device| device.kind == "part" && self.means(device)) {
                Some(partition) if found.is_empty() && !matches!(self, Self::Like(_)) => NotOne::Partition(partition.path.clone()),
                _ if found.is_empty() => NotOne::Missing,
                _ => NotOne::Ambiguous(found.iter().map(|disk| stable_name(disk)).collect()),
            });
        };
        let twins: Vec<String> = disks(devices).filter(|other| are_twins(disk, other)).map(|twin| twin.path.clone()).collect();
        if twins.is_empty() { Ok(disk) } else { Err(NotOne::Ambiguous(std::iter::once(disk.path.clone()).chain(twins).collect())) }
    }

    fn means(&self, device: &BlockDevice) -> bool {
        match self {
            Self::ById(name) => {
                let name = name.strip_prefix("/dev/disk/by-id/").unwrap_or(name);
                device.by_id.iter().any(|known| known == name)
            }
            Self::Wwn(wwn) => {
                let wwn = wwn.strip_prefix("wwn-").unwrap_or(wwn);
                device.kind == "disk" && device.wwn.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(wwn))
            }
            Self::Serial(serial) => device.kind == "disk" && device.serial.as_deref() == Some(serial.trim()),
            Self::Unstable(path) => device.path == *path,
            Self::Like(selector) => selector.fits(device),
        }
    }
}

impl Selector {
    fn fits(&self, disk: &BlockDevice) -> bool {
        let same = |wanted: &Option<String>, is: &Option<String>| wanted.as_ref().is_none_or(|wanted| is.as_ref() == Some(wanted));
        // volumes of a network are no disks of this machine: Longhorn's own are among them once they are attached
        let is_a_volume = ["rbd", "nbd", "zd", "drbd"].iter().any(|kind| disk.name.starts_with(kind))
            || disk.transport.as_deref() == Some("iscsi") && self.transport.is_none();
        !is_a_volume
            && self.size.is_none_or(|range| range.contains(disk.size))
            && same(&self.model, &disk.model)
            && same(&self.transport, &disk.transport)
            && self.rotational.is_none_or(|wanted| disk.rotational == wanted)
    }
}

/// What is plugged in: no partitions, no layers, no memory, no drives without a medium.
pub fn disks(devices: &[BlockDevice]) -> impl Iterator<Item = &BlockDevice> {
    let in_memory = |disk: &BlockDevice| ["ram", "zram"].iter().any(|kind| disk.name.starts_with(kind));
    devices.iter().filter(move |device| device.kind == "disk" && device.size > 0 && !in_memory(device))
}

/// The name of a disk that stays: by-id, of the bus that attaches it rather than by its World Wide Name, which says least; else
/// the kernel's path.
pub fn stable_name(disk: &BlockDevice) -> String {
    let rank =
        |name: &&String| (["wwn-", "nvme-eui.", "nvme-nvme.", "lvm-", "dm-"].iter().any(|prefix| name.starts_with(prefix)), name.len());
    disk.by_id.iter().min_by_key(rank).unwrap_or(&disk.path).clone()
}

/// The path of a disk by the name that stays.
pub fn stable_path(disk: &BlockDevice) -> String {
    let name = stable_name(disk);
    if name.starts_with('/') { name } else { format!("/dev/disk/by-id/{name}") }
}

/// The disk that answers to that, whichever kind of name it is.
///
/// # Errors
/// [`NotOne`].
pub fn by_any_name<'d>(devices: &'d [BlockDevice], name: &str) -> Result<&'d BlockDevice, NotOne> {
    let kinds = [DiskName::ById, DiskName::Wwn, DiskName::Serial, DiskName::Unstable];
    let found = kinds.into_iter().map(|kind| kind(name.to_owned()).find(devices));
    found.into_iter().find(|found| *found != Err(NotOne::Missing)).unwrap_or(Err(NotOne::Missing))
}

/// Whether two disks cannot be told apart by what they say of themselves.
fn are_twins(one: &BlockDevice, other: &BlockDevice) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    one.path != other.path && (same(&one.serial, &other.serial) && one.model == other.model || same(&one.wwn, &other.wwn))
}

impl fmt::Display for DiskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ById(name) => write!(f, "{name}"),
            Self::Wwn(wwn) => write!(f, "wwn {wwn}"),
            Self::Serial(serial) => write!(f, "serial {serial}"),
            Self::Unstable(path) => write!(f, "{path}"),
            Self::Like(Selector { size, model, transport, rotational }) => {
                let size = size.map(|size| format!("size {size}"));
                let model = model.as_ref().map(|model| format!("model {model:?}"));
                let transport = transport.as_ref().map(|transport| format!("transport {transport}"));
                let rotational = rotational.map(|turns| if turns { "rotational".to_owned() } else { "not rotational".into() });
                write!(f, "{}", [size, model, transport, rotational].into_iter().flatten().collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl fmt::Display for NotOne {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "there is no such disk"),
            Self::Ambiguous(which) => write!(f, "several disks answer to that: {}", which.join(", ")),
            Self::Partition(path) => write!(f, "that is a partition, {path}, not a disk"),
            Self::Nothing => write!(f, "a selector that says nothing fits every disk"),
        }
    }
}

#[cfg(test)]
#[path = "name_tests.rs"]
mod tests;
