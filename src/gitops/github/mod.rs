//! GitHub, as far as a cluster that is handed to Flux needs it: a repository, a branch, one commit, a deploy key.
//!
//! Every part can be done again: what is there already is found and left as it is, so a run that was cut off is taken up by the next.
//! Nothing of a repository that exists is changed, but for the files, the branch and the key that are ours.
//!
//! The requests go through octocrab; what its typed methods leave out (the headers that tell a rate limit from a missing right) is
//! read here, so its untyped ones are used, over a connection of ours.

pub mod branch;
mod client;
pub mod commit;
mod connection;
pub mod deploy_key;
pub mod host_keys;
mod refused;
pub mod release;
pub mod repository;
pub mod tree;

pub use client::{Client, Settings, SettingsError};
pub use refused::{Refused, Right, Why};
