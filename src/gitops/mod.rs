//! Handing a cluster to Flux: so far, what is written into the repository.
//!
//! [`manifests`] renders, byte for byte, the files that the Flux CLI writes.

pub mod manifests;
