//! Hosts, groups and their variables.
//!
//! Hosts come from `-i host1,host2,` or from a plain list in Ansible's INI form: `[group]` sections, a host a line with
//! `key=value` variables behind it. What belongs to a whole inventory (`:children`, `:vars`, ranges, YAML, directories,
//! programs) is an error that names it, never silently skipped.

mod address;
mod glob;
mod host;
mod ini;
mod list;
mod pattern;
mod read;
mod resolve;
mod variables;
pub(crate) mod words;

pub use crate::diagnostics::{similar, suggestion};
pub use glob::Glob;
pub use host::{Group, Host, Inventory, Variable};
pub use pattern::Pattern;
pub use read::{Given, read};
pub(crate) use resolve::at_home;
pub use resolve::{Become, Connect, Defaults, ResolvedHost, resolve};
pub use variables::{Known, is_secret, known, names as variable_names};
