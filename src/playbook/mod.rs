//! Playbooks: files in Ansible's language to a typed tree with places.
//!
//! [`load`] reads a playbook and all that it imports before anything runs; what is included when its turn comes is read by
//! [`load_tasks`], [`load_handlers`] and [`load_role`].

mod action;
mod check;
mod common;
mod context;
mod file;
mod groups;
mod keywords;
mod loader;
mod magic;
mod play;
mod role;
mod role_files;
mod search;
mod shipped;
mod split;
mod task;
mod tasks;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tree;
mod vars;

pub use check::{Known, check, reads_cluster};
pub use common::is_variable_name;
pub use context::Context;
pub use loader::{Request, load, load_handlers, load_role, load_tasks};
pub use magic::MAGIC;
pub use role::RoleFrom;
pub use search::Search;
pub use shipped::{SHIPPED, Shipped, unpack};
pub use tree::{
    Action, Block, Common, Dependent, Handler, Included, Item, Level, Loop, LoopControl, Play, Playbook, Role, Serial, Task, VarsPrompt,
};
pub use vars::{find_vars, load_vars};
