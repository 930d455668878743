//! One file for each command: its arguments, whose doc comments are its help, and what it does.

mod asking;
pub mod bootstrap;
pub mod check;
pub mod cluster;
pub mod completions;
pub mod disk;
pub mod doc;
pub mod exec;
mod exec_guard;
mod fact_summary;
pub mod facts;
pub mod inventory;
pub mod man;
pub mod ping;
pub mod playbooks;
pub mod preflight;
pub mod provision;
pub mod schema;
