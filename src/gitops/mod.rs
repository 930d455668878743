//! Handing a cluster to Flux.
//!
//! [`settings`] says what is wanted; [`manifests`] renders, byte for byte, the files that the Flux CLI writes; [`github`] commits them;
//! [`cluster`] is what is asked of the cluster's API, and why Flux does not become ready there; [`bootstrap`] looks, plans and does.

pub mod bootstrap;
pub mod cluster;
pub mod github;
pub mod manifests;
mod requests;
pub mod settings;

pub use requests::Requests;
