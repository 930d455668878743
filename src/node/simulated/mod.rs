//! A machine in memory.
//!
//! It answers the same queries as a real one and carries out the same typed steps; it never looks at what a change
//! promises. Each step is done in the micro-actions of its shell function, in their order, and before each of them a
//! fault may strike: the machine crashes and loses what was not synced, the connection is lost, the controller is
//! killed, or the step says that it did what it did not; answers may be wrong too. Time is virtual and all chance comes from a seed, so a run that
//! went wrong goes wrong again. That it behaves as real machines do is itself tested, by the same steps on both.

mod accounts;
mod answer;
mod answer_disks;
mod answer_files;
mod answer_packages;
mod carry_accounts;
mod carry_beside;
mod carry_disks;
mod carry_files;
mod carry_identity;
mod carry_out;
mod carry_temporary;
mod cluster_objects;
mod containerd;
mod disk_audit;
mod disk_changes;
mod disk_content;
mod disks;
mod everything;
mod fault;
mod files;
mod images;
mod kube_proxy;
#[cfg(test)]
mod many;
mod misread;
mod packages;
mod parted_disks;
mod random;
mod session;

mod wipe;
mod world;

pub use disk_audit::DiskWrite;
pub use disk_changes::DiskChange;
pub use disk_content::{Held, Slot};
pub use disks::SimulatedDisk;
pub use fault::{Fault, Strike};
#[cfg(test)]
pub(crate) use many::many;
pub use misread::Misread;
pub use packages::{Catalogue, Entry};
pub use parted_disks::{PartedContent, PartedDisk, PartedPartition};
pub use random::Random;
pub use session::Simulated;
pub use world::World;
