//! Handing a cluster to Flux: so far, what is written into the repository, and GitHub, where the repository is.
//!
//! [`manifests`] renders, byte for byte, the files that the Flux CLI writes; [`github`] commits them; [`cluster`] is what is asked of the
//! cluster's API, and why Flux does not become ready there.

pub mod cluster;
pub mod github;
pub mod manifests;
mod requests;
pub mod settings;

pub use requests::Requests;
