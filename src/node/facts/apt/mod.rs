//! What apt(8) knows: what its lists offer, how old they are, what it would do.

mod lists;
mod names;
mod policy;
mod simulation;

pub use lists::AptLists;
pub(super) use lists::KIND as LISTS;
pub use names::AptNames;
pub(super) use names::KIND as NAMES;
pub(super) use policy::KIND as POLICY;
pub use policy::{AptPolicy, Offer};
pub(super) use simulation::KIND as SIMULATION;
pub use simulation::{AptSimulation, Prospect, Simulated};

use crate::plan::Touch;

/// What the answers of apt stand on: its lists, its settings, and what is installed.
fn grounds() -> Vec<Touch> {
    [vec![Touch::Packages], ["/etc/apt", "/var/lib/apt", "/var/cache/apt"].map(|path| Touch::Files(path.into())).to_vec()].concat()
}
