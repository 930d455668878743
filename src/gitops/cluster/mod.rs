//! The cluster that is handed to Flux: which one it is, what is asked of its API, and what the answers mean.
//!
//! Objects are plain JSON here: what a cluster holds may be newer than any type of ours, and a judgement over plain data is tested with
//! what a cluster really said.

pub mod api;
mod connect;
mod paths;
mod refused;

pub use connect::{ConnectError, Connected, connect};
pub use paths::{Kinds, path_of};
pub use refused::{ApiError, Why};
