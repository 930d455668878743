//! Modules: one file each, named as in Ansible. A module has an argument table, a pure plan, and a result.

pub mod actions;
mod ansible_words;
mod apt;
mod apt_key;
mod apt_repository;
mod args;
pub mod assemble;
mod async_status;
pub mod attributes;
mod authorized_key;
#[cfg(test)]
mod bench;
mod blockinfile;
mod command;
pub mod copy;
mod deb822_repository;
mod device_name;
mod dpkg_selections;
mod edited_file;
mod expand;
mod fetch;
mod fetched;
pub mod file;
mod filesystem;
pub mod find;
mod get_url;
mod group;
mod guarded;
mod halt;
mod homelab;
mod hostname;
mod http;
mod known_hosts;
mod lineinfile;
mod modprobe;
mod module;
mod mount;
pub mod names;
pub mod outcome;
mod package;
mod package_facts;
mod package_hold;
pub mod page;
mod parted;
mod paths;
mod pattern;
mod ping;
mod play_module;
#[cfg(test)]
mod proof;
mod ran;
mod raw;
mod reading_commands;
mod reboot;
mod registry;
mod remote_file;
mod replace;
mod script;
mod service;
mod service_facts;
pub mod setup;
mod shell;
mod slurp;
mod spec;
pub mod stat;
mod sysctl;
mod systemd;
mod tempfile;
pub mod template;
mod timezone;
#[cfg(test)]
mod tried;
mod unarchive;
mod unforeseen;
mod uri;
mod user;
mod validation;
mod wait_for;
mod whole_file;

pub use ansible_words::ansible_words;
pub use args::{ArgError, Args, boolean, json, node};
pub use async_status::job_file;
pub use expand::{expand, expand_one};
pub use homelab::kubeadm;
#[cfg(test)]
pub(crate) use homelab::longhorn_disk::states as longhorn_states;
pub use module::{Act, Decision, Formatting, LocalEntry, LocalFile, LocalWrite, Module, Outside, Task, TemplateText, Wrong};
pub use page::{contents, page};
pub use play_module::{Apart, Came, Course, Doing, Failed, How, PlayFacts, PlayHost, PlayModule, PlayTask, Turn};
pub use reboot::{Rebooting, Reconnecting};
pub use registry::{Found, find, module_names};
/// In a job's file: what this program needs to know to tell its result.
pub const JOB: &str = "homelabctl";

pub use spec::{FREE_FORM, Kind, Opt, RequiredIf, Spec};
pub use unforeseen::may_touch;
