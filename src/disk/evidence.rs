//! What was seen of a disk or a partition.

use serde::Serialize;

use crate::node::facts::{Begun, Contents, LvmState, Soundness, Uses, Zeros};

/// All that was seen of a disk, or of a partition that is looked at alone.
///
/// What is dear to read is there once it was asked for ([`Wanted`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What it holds.
    pub contents: Contents,
    /// Who uses it.
    pub uses: Uses,
    /// The mark of a wipe that was begun.
    pub begun: Option<Begun>,
    /// Whether it holds nothing but zeros.
    pub zeros: Option<Zeros>,
    /// The names in the root directory of the filesystem it holds; an empty list where there are none.
    pub files: Option<Vec<String>>,
    /// How the filesystem of a partition of ours is that is not finished.
    pub soundness: Option<Soundness>,
    /// What LVM says of it.
    pub lvm: Option<Lvm>,
}

/// What has to be read before it can be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Whether that device holds zeros, without so many bytes at its head and tail.
    Zeros {
        /// The device.
        path: String,
        /// Bytes of a table at its head.
        head: u64,
        /// Bytes of a table at its end.
        tail: u64,
    },
    /// The names in the root directory of the filesystem on that device.
    Files {
        /// The device.
        path: String,
        /// The type of the filesystem.
        kind: String,
        /// Where it is mounted.
        mounted: Option<String>,
    },
    /// How the filesystem on that device is.
    Soundness {
        /// The device.
        path: String,
        /// The type of the filesystem.
        kind: String,
    },
    /// What LVM says of that device.
    Lvm {
        /// The device.
        path: String,
    },
}

/// What LVM says of a physical volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lvm {
    /// Nothing: it is not installed.
    NotInstalled,
    /// What it knows.
    Says(LvmState),
}
