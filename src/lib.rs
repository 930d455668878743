//! From a handful of bare machines with SSH to a highly available, GitOps-managed Kubernetes cluster.
//!
//! A library and a thin binary; data flows one way, and each folder may use only those below it:
//!
//! ```text
//! cli -> report, inventory, playbook -> template -> yaml -> diagnostics
//!        modules -> node -> plan, transport -> diagnostics
//!        gitops -> template -> yaml -> diagnostics
//! ```
//!
//! Nothing below `cli` prints, reads the environment or exits.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod cli;
pub mod cluster;
pub mod diagnostics;
pub mod disk;
pub mod engine;
pub mod gitops;
pub mod inventory;
pub mod modules;
pub mod node;
pub mod plan;
pub mod playbook;
pub mod report;
pub mod template;
pub mod transport;
pub mod yaml;
