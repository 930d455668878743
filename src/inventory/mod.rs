//! Hosts, groups and their variables, read as Ansible reads them.
//!
//! Sources are INI, YAML, programs, lists of the command line, and directories of all these ([`read`]). What is set where,
//! and which of it counts, is [`Inventory::settings`]; which hosts are meant, [`Pattern`]; how to get to each, [`resolve`].

mod address;
#[cfg(test)]
mod bounds;
mod circle;
mod data;
mod encrypted;
mod extra;
mod file;
mod glob;
mod grow;
mod host_line;
mod ini;
mod known;
mod list;
mod listing;
mod literal;
mod missing;
mod mistaken;
mod pattern;
mod precedence;
mod program;
mod range;
mod read;
mod resolve;
mod scope;
mod script;
mod set;
mod ssh_args;
#[cfg(test)]
pub(crate) mod testing;
mod tree;
mod vars_files;

pub use crate::diagnostics::{similar, suggestion};
pub use data::{Group, GroupId, Host, HostId, Inventory, Variable};
pub use glob::Glob;
pub use known::{Known, is_secret, known, names as variable_names};
pub use listing::ansible_look;
pub use pattern::Pattern;
pub use precedence::{Level, Setting, Variables, where_it_stands};
pub use program::{Program, ProgramError, Said};
pub use read::{Given, Request, read};
pub(crate) use resolve::at_home;
pub use resolve::{Become, Connect, Defaults, ResolvedHost, resolve};
pub use scope::HostScope;
pub(crate) use scope::{made, path as absolute_path, short as short_name};
pub use ssh_args::{SshArguments, parse as parse_ssh_args};
