//! Disks: what one is, judged by all that was seen of it, and what may be done to it.
//!
//! [`classify`] is a pure function from [`Evidence`] to a [`Class`]; each class leads to one plan or to a refusal. Only what is
//! empty, or was born by this program and never finished, is ever written to.

mod class;
mod classify;
mod evidence;
mod naming;

pub use class::{Class, Fresh};
pub use classify::classify;
pub use evidence::{Evidence, LvmState, Wanted};
pub use naming::{FINAL_LABEL, NEW_LABEL, filesystem_uuid, partition_uuid};
