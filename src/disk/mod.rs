//! Disks: what one is, judged by all that was seen of it, and what may be done to it.
//!
//! [`classify`] is a pure function from [`Evidence`] to a [`Class`]; each class leads to one plan or to a refusal. Only what is
//! empty, or was born by this program and never finished, is ever written to, but by [`wipe`]. [`examine`] is the same over facts: it asks for
//! what the judgement wants.

mod class;
mod classify;
mod evidence;
mod examine;
pub mod guard;
pub mod longhorn;
mod name;
mod propose;
mod size;
#[cfg(test)]
mod testing;
pub mod wipe;

pub use crate::node::disk_naming::{FINAL_LABEL, NEW_LABEL, filesystem_uuid, partition_path, partition_uuid};
pub use class::{Class, Fresh};
pub use classify::{classify, empty_table, has_table_to_edit};
pub use evidence::{Evidence, Lvm, Wanted};
pub use examine::{Examined, examine, examine_each};
pub use name::{DiskName, NotOne, Selector, by_any_name, disks, stable_name, stable_path};
pub use propose::{Named, Proposal, propose};
pub use size::{BadSize, SizeRange, gigabytes};
