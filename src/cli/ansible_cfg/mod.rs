//! ansible.cfg and the variables of the environment that win over it.
//!
//! The file is found and read as Ansible does it. What is in it and has no effect here is named, so that nobody has to
//! find out by what does not happen.

mod file;
mod find;
mod keys;
mod named;
mod paths;
mod settings;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::Environment;
use crate::diagnostics::{Diagnostics, Place, Source};
use crate::engine::Gathering;
use settings::Reader;

/// Where the administrator of a machine sets things for everybody.
const SYSTEM: &str = "/etc/ansible/ansible.cfg";

/// A value and where it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting<T> {
    pub(super) value: T,
    /// In the file; or the whole of a source that is named like the variable, `ANSIBLE_FORKS`.
    pub(super) place: Place,
}

/// What becomes of a dictionary that is set twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HashBehaviour {
    Replace,
    Merge,
}

/// What is set. Names of files are absolute; they need not exist.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// The file that was read, if there is one.
    pub(super) file: Option<Source>,
    pub(super) home: Option<Setting<PathBuf>>,
    pub(super) inventory: Option<Setting<Vec<String>>>,
    /// Where group_vars and host_vars are looked for beside those of the inventory.
    pub(super) playbook_dir: Option<Setting<PathBuf>>,
    pub(super) roles_path: Option<Setting<Vec<PathBuf>>>,
    pub(super) collections_path: Option<Setting<Vec<PathBuf>>>,
    pub(super) remote_user: Option<Setting<String>>,
    pub(super) remote_port: Option<Setting<u16>>,
    pub(super) private_key_file: Option<Setting<PathBuf>>,
    pub(super) forks: Option<Setting<u16>>,
    pub(super) timeout: Option<Setting<Duration>>,
    /// `false` stands for `StrictHostKeyChecking=accept-new` here.
    pub(super) host_key_checking: Option<Setting<bool>>,
    pub(super) vault_password_file: Option<Setting<PathBuf>>,
    /// Each as `label@source` or `source`; relative names in it mean the working directory, as in Ansible.
    pub(super) vault_identity_list: Option<Setting<Vec<String>>>,
    pub(super) vault_identity: Option<Setting<String>>,
    pub(super) ask_vault_pass: Option<Setting<bool>>,
    pub(super) ask_pass: Option<Setting<bool>>,
    pub(super) connection_password_file: Option<Setting<PathBuf>>,
    pub(super) error_on_missing_handler: Option<Setting<bool>>,
    pub(super) hash_behaviour: Option<Setting<HashBehaviour>>,
    /// When plays gather facts.
    pub(super) gathering: Option<Setting<Gathering>>,
    /// As `ansible_connection` has it, not looked at.
    pub(super) transport: Option<Setting<String>>,
    pub(super) becomes: Option<Setting<bool>>,
    /// As `ansible_become_method` has it, not looked at.
    pub(super) become_method: Option<Setting<String>>,
    pub(super) become_user: Option<Setting<String>>,
    pub(super) become_ask_pass: Option<Setting<bool>>,
    pub(super) become_password_file: Option<Setting<PathBuf>>,
    /// As `ansible_ssh_args` has it; an empty text is a value too. The two others alike.
    pub(super) ssh_args: Option<Setting<String>>,
    pub(super) ssh_common_args: Option<Setting<String>>,
    pub(super) ssh_extra_args: Option<Setting<String>>,
}

/// Reads what is set. What is wrong, and what has no effect, is added to `problems`.
pub(super) fn read(environment: &Environment, problems: &mut Diagnostics) -> Settings {
    read_with(environment, Path::new(SYSTEM), problems)
}

fn read_with(environment: &Environment, system: &Path, problems: &mut Diagnostics) -> Settings {
    let found = find::find(environment, system, problems);
    let mut all = Diagnostics::new();
    let file = found.as_ref().map(|found| file::parse(&found.source, &mut all));
    if let Some(file) = &file {
        named::file(file, &mut all);
    }
    named::variables(environment, &mut all);
    let directory = found.as_ref().and_then(|found| found.path.parent());
    let mut settings = Reader::new(file.as_ref(), directory, environment, &mut all).settings();
    settings.file = found.map(|found| found.source);
    // in the order of the file, then the variables
    all.0.sort_by_key(|problem| {
        let place = problem.place.as_ref();
        (place.map(|place| &place.source) != settings.file.as_ref(), place.map(|place| place.span.start))
    });
    problems.extend(all);
    settings
}

#[cfg(test)]
mod tests;
