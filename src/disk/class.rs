//! What a disk or a partition is.

use std::fmt;

use serde::Serialize;

use super::size::gigabytes;

/// What a disk or a partition is, and the one thing that may come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A disk with no table, no signature, no user, and zeros wherever data would show.
    Blank,
    /// A partition table without partitions, and zeros beside it.
    EmptyTable,
    /// A partition that holds nothing.
    BlankPartition,
    /// Our partition that was never finished, and who is in it.
    New(Fresh),
    /// Our finished disk, not mounted.
    OursUnmounted {
        /// The type of its filesystem.
        filesystem: String,
        /// Its UUID.
        uuid: String,
    },
    /// Our finished disk, mounted there.
    OursMounted {
        /// Where, each place once.
        at: Vec<String>,
        /// The type of its filesystem.
        filesystem: String,
        /// Its UUID.
        uuid: String,
    },
    /// Our final label without the filesystem that belongs there: never formatted.
    OursDamaged(String),
    /// A filesystem that somebody else made and Longhorn has filled: mounted, never formatted.
    HasLonghornData {
        /// The device with the filesystem.
        path: String,
        /// The type of its filesystem.
        filesystem: String,
        /// Its UUID.
        uuid: String,
        /// Where it is mounted.
        at: Vec<String>,
    },
    /// An LVM physical volume that is in no group.
    NewPhysicalVolume,
    /// A physical volume of a group without logical volumes.
    NewVolumeGroup(String),
    /// It holds something of somebody else's.
    Foreign(String),
    /// Bytes that are no zeros, of no known format.
    UnknownData {
        /// Where the first of them is, in bytes.
        at: u64,
    },
    /// A wipe of it was begun, and is not done.
    HalfWiped {
        /// As far as it came, in bytes.
        done: u64,
    },
    /// The system lies on it.
    System(Vec<String>),
    /// Somebody uses it.
    Busy(String),
    /// No such disk.
    Missing,
    /// Several disks answer to that name.
    Ambiguous(Vec<String>),
    /// It, or what it holds, cannot be read.
    Unreadable(String),
}

/// What is in a partition of ours that was never finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fresh {
    /// No whole filesystem: it is formatted.
    Unformatted,
    /// A whole one with the UUID that belongs there: it is given its final label, and never formatted.
    Formatted,
}

impl Class {
    /// Whether anything on it may be written over.
    pub fn may_be_formatted(&self) -> bool {
        matches!(self, Self::Blank | Self::EmptyTable | Self::BlankPartition | Self::New(Fresh::Unformatted))
    }

    /// Whether it is refused for what it holds, and not for who uses it.
    pub(super) fn is_for_wiping(&self) -> bool {
        match self {
            Self::OursDamaged(_) | Self::Foreign(_) | Self::UnknownData { .. } | Self::HalfWiped { .. } => true,
            Self::NewPhysicalVolume | Self::NewVolumeGroup(_) | Self::Unreadable(_) => true,
            Self::Blank | Self::EmptyTable | Self::BlankPartition | Self::New(_) => false,
            Self::OursUnmounted { .. } | Self::OursMounted { .. } | Self::HasLonghornData { .. } => false,
            Self::System(_) | Self::Busy(_) | Self::Missing | Self::Ambiguous(_) => false,
        }
    }

    /// The most that a run of playbooks does to it, in words.
    pub fn may_become(&self) -> &'static str {
        match self {
            Self::Blank | Self::EmptyTable | Self::BlankPartition | Self::New(Fresh::Unformatted) => "format and mount",
            Self::New(Fresh::Formatted) => "name and mount",
            Self::OursUnmounted { .. } => "mount",
            Self::OursMounted { .. } => "nothing",
            Self::HasLonghornData { at, .. } if at.is_empty() => "mount",
            Self::HasLonghornData { .. } => "nothing",
            Self::NewPhysicalVolume => "make a volume group",
            Self::NewVolumeGroup(_) => "make volumes",
            Self::System(_) => "never touched",
            Self::OursDamaged(_) | Self::Foreign(_) | Self::UnknownData { .. } | Self::HalfWiped { .. } | Self::Busy(_) => "refuse",
            Self::Missing | Self::Ambiguous(_) | Self::Unreadable(_) => "refuse",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => write!(f, "blank"),
            Self::EmptyTable => write!(f, "a partition table without partitions"),
            Self::BlankPartition => write!(f, "a blank partition"),
            Self::New(Fresh::Unformatted) => write!(f, "ours, not yet formatted"),
            Self::New(Fresh::Formatted) => write!(f, "ours, formatted, not yet named"),
            Self::OursUnmounted { .. } => write!(f, "ours, not mounted"),
            Self::OursMounted { at, .. } => write!(f, "ours, mounted on {}", at.join(", ")),
            Self::OursDamaged(what) => write!(f, "ours, damaged: {what}"),
            Self::HasLonghornData { at, .. } if at.is_empty() => write!(f, "Longhorn data, not mounted"),
            Self::HasLonghornData { at, .. } => write!(f, "Longhorn data, mounted on {}", at.join(", ")),
            Self::NewPhysicalVolume => write!(f, "an LVM physical volume in no group"),
            Self::NewVolumeGroup(group) => write!(f, "LVM: group {group}, without volumes"),
            Self::Foreign(what) => write!(f, "{what}"),
            Self::UnknownData { at } => write!(f, "unknown data (the first at byte {at})"),
            Self::HalfWiped { done } => write!(f, "a wipe that was begun ({} of it are zeros)", gigabytes(*done)),
            Self::System(places) => write!(f, "system ({})", places.join(", ")),
            Self::Busy(who) => write!(f, "in use: {who}"),
            Self::Missing => write!(f, "missing"),
            Self::Ambiguous(which) => write!(f, "several disks: {}", which.join(", ")),
            Self::Unreadable(why) => write!(f, "unknown: {why}"),
        }
    }
}
