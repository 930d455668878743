//! The cluster that is handed to Flux: what is asked of its API, and what the answers mean.
//!
//! Objects are plain JSON here: what a cluster holds may be newer than any type of ours, and a judgement over plain data is tested with
//! what a cluster really said.

pub mod api;
mod connect;
pub mod diagnosis;
pub(in crate::gitops) mod fields;
mod paths;
pub mod preflight;
mod refused;
pub mod stored_versions;
pub mod watch;

pub use connect::{ConnectError, Connected, connect};
pub use paths::{Kinds, path_of};
pub use refused::{ApiError, Why};
