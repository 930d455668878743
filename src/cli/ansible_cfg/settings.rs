//! The settings that count, each with its names and its type.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::environment::Environment;
use super::file::File;
use super::paths::{self, Unresolved};
use super::{HashBehaviour, Setting, Settings};
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};
use crate::engine::Gathering;
use crate::inventory::suggestion;

/// Under which names a setting is found; of several the last one that is set counts.
struct Names {
    variables: &'static [&'static str],
    keys: &'static [(&'static str, &'static str)],
}

/// A value as it was written.
struct Raw {
    text: String,
    place: Place,
    /// How a person knows it: the key, or the variable.
    name: &'static str,
    in_file: bool,
}

/// Looks for settings and takes them for what they are.
pub(super) struct Reader<'a> {
    file: Option<&'a File>,
    /// Where names of files in the file begin.
    directory: &'a Path,
    environment: &'a Environment,
    problems: &'a mut Diagnostics,
}

/// What is after the keys in the list below.
const fn names(variables: &'static [&'static str], keys: &'static [(&'static str, &'static str)]) -> Names {
    Names { variables, keys }
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        file: Option<&'a File>,
        directory: Option<&'a Path>,
        environment: &'a Environment,
        problems: &'a mut Diagnostics,
    ) -> Self {
        Self { file, directory: directory.unwrap_or(&environment.working_dir), environment, problems }
    }

    /// All of them.
    pub(super) fn settings(&mut self) -> Settings {
        Settings {
            file: None,
            home: self.path(&names(&["ANSIBLE_HOME"], &[("defaults", "home")])),
            inventory: self.inventory(&names(&["ANSIBLE_INVENTORY"], &[("defaults", "inventory")])),
            playbook_dir: self.path(&names(&["ANSIBLE_PLAYBOOK_DIR"], &[("defaults", "playbook_dir")])),
            roles_path: self.directories(&names(&["ANSIBLE_ROLES_PATH"], &[("defaults", "roles_path")])),
            collections_path: self.directories(&names(&["ANSIBLE_COLLECTIONS_PATH"], &[("defaults", "collections_path")])),
            remote_user: self.name(&names(&["ANSIBLE_REMOTE_USER"], &[("defaults", "remote_user")])),
            remote_port: self.small(&names(&["ANSIBLE_REMOTE_PORT"], &[("defaults", "remote_port")])),
            private_key_file: self.path(&names(&["ANSIBLE_PRIVATE_KEY_FILE"], &[("defaults", "private_key_file")])),
            forks: self.small(&names(&["ANSIBLE_FORKS"], &[("defaults", "forks")])),
            timeout: self
                .number(
                    &names(&["ANSIBLE_TIMEOUT", "ANSIBLE_SSH_TIMEOUT"], &[("defaults", "timeout"), ("ssh_connection", "timeout")]),
                    86_400,
                )
                .map(|setting| Setting { value: Duration::from_secs(setting.value), place: setting.place }),
            host_key_checking: self.truth(&names(
                &["ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"],
                &[("defaults", "host_key_checking"), ("ssh_connection", "host_key_checking")],
            )),
            vault_password_file: self.path(&names(&["ANSIBLE_VAULT_PASSWORD_FILE"], &[("defaults", "vault_password_file")])),
            vault_identity_list: self.list(&names(&["ANSIBLE_VAULT_IDENTITY_LIST"], &[("defaults", "vault_identity_list")])),
            vault_identity: self.name(&names(&["ANSIBLE_VAULT_IDENTITY"], &[("defaults", "vault_identity")])),
            ask_vault_pass: self.truth(&names(&["ANSIBLE_ASK_VAULT_PASS"], &[("defaults", "ask_vault_pass")])),
            ask_pass: self.truth(&names(&["ANSIBLE_ASK_PASS"], &[("defaults", "ask_pass")])),
            connection_password_file: self.path(&names(&["ANSIBLE_CONNECTION_PASSWORD_FILE"], &[("defaults", "connection_password_file")])),
            gathering: self.gathering(&names(&["ANSIBLE_GATHERING"], &[("defaults", "gathering")])),
            error_on_missing_handler: self
                .truth(&names(&["ANSIBLE_ERROR_ON_MISSING_HANDLER"], &[("defaults", "error_on_missing_handler")])),
            hash_behaviour: self.hash_behaviour(&names(&["ANSIBLE_HASH_BEHAVIOUR"], &[("defaults", "hash_behaviour")])),
            transport: self.name(&names(&["ANSIBLE_TRANSPORT"], &[("defaults", "transport")])),
            becomes: self.truth(&names(&["ANSIBLE_BECOME"], &[("privilege_escalation", "become")])),
            become_method: self.name(&names(&["ANSIBLE_BECOME_METHOD"], &[("privilege_escalation", "become_method")])),
            become_user: self.name(&names(&["ANSIBLE_BECOME_USER"], &[("privilege_escalation", "become_user")])),
            become_ask_pass: self.truth(&names(&["ANSIBLE_BECOME_ASK_PASS"], &[("privilege_escalation", "become_ask_pass")])),
            become_password_file: self.path(&names(&["ANSIBLE_BECOME_PASSWORD_FILE"], &[("defaults", "become_password_file")])),
            ssh_args: self.text(&names(&["ANSIBLE_SSH_ARGS"], &[("ssh_connection", "ssh_args")])),
            ssh_common_args: self.text(&names(&["ANSIBLE_SSH_COMMON_ARGS"], &[("ssh_connection", "ssh_common_args")])),
            ssh_extra_args: self.text(&names(&["ANSIBLE_SSH_EXTRA_ARGS"], &[("ssh_connection", "ssh_extra_args")])),
        }
    }

    fn find(&mut self, names: &Names) -> Option<Raw> {
        let variables = &self.environment.variables;
        let set = names.variables.iter().rev().find_map(|&name| Some((name, variables.get(OsStr::new(name))?)));
        if let Some((name, value)) = set {
            let text = value.to_string_lossy().into_owned();
            let place = Source::new(name, text.as_str()).whole();
            if value.to_str().is_none() {
                self.problems.push(Diagnostic::error(format!("`{name}` is no UTF-8 text")).at(place));
                return None;
            }
            return Some(Raw { text, place, name, in_file: false });
        }
        let file = self.file?;
        let (name, entry) = names.keys.iter().rev().find_map(|&(section, key)| Some((key, file.get(section, key)?)))?;
        Some(Raw { text: entry.value.clone(), place: entry.place.clone(), name, in_file: true })
    }

    fn text(&mut self, names: &Names) -> Option<Setting<String>> {
        let raw = self.find(names)?;
        let value = if raw.in_file { unquoted(&raw.text) } else { &raw.text };
        Some(Setting { value: value.to_owned(), place: raw.place })
    }

    /// A text that, empty, is as good as none.
    fn name(&mut self, names: &Names) -> Option<Setting<String>> {
        self.text(names).filter(|setting| !setting.value.is_empty())
    }

    fn number(&mut self, names: &Names, largest: u64) -> Option<Setting<u64>> {
        let raw = self.find(names)?;
        // an empty variable is the same as none at all
        if !raw.in_file && raw.text.is_empty() {
            return None;
        }
        // Ansible takes 5.0 too
        let digits = raw.text.trim().split_once('.').filter(|(_, zeros)| zeros.bytes().all(|zero| zero == b'0'));
        match digits.map_or(raw.text.trim(), |(digits, _)| digits).parse() {
            Ok(value) if (1..=largest).contains(&value) => Some(Setting { value, place: raw.place }),
            _ => {
                self.wrong(&raw, &format!("a number from 1 to {largest}"), None);
                None
            }
        }
    }

    fn small(&mut self, names: &Names) -> Option<Setting<u16>> {
        let setting = self.number(names, u16::MAX.into())?;
        Some(Setting { value: u16::try_from(setting.value).ok()?, place: setting.place })
    }

    fn truth(&mut self, names: &Names) -> Option<Setting<bool>> {
        let raw = self.find(names)?;
        let value = match truth(&raw.text) {
            Some(value) => value,
            None if raw.text.is_empty() => false,
            None => {
                // Ansible takes every other word for no
                self.wrong(&raw, "yes or no", suggestion(&raw.text, ["true", "false"]));
                return None;
            }
        };
        Some(Setting { value, place: raw.place })
    }

    fn hash_behaviour(&mut self, names: &Names) -> Option<Setting<HashBehaviour>> {
        let raw = self.find(names)?;
        let value = match if raw.in_file { unquoted(&raw.text) } else { &raw.text } {
            "replace" => HashBehaviour::Replace,
            "merge" => HashBehaviour::Merge,
            other => {
                self.wrong(&raw, "`replace` or `merge`", suggestion(other, ["replace", "merge"]));
                return None;
            }
        };
        Some(Setting { value, place: raw.place })
    }

    fn gathering(&mut self, names: &Names) -> Option<Setting<Gathering>> {
        let raw = self.find(names)?;
        let value = match if raw.in_file { unquoted(&raw.text) } else { &raw.text } {
            "implicit" => Gathering::Implicit,
            "explicit" => Gathering::Explicit,
            "smart" => Gathering::Smart,
            other => {
                self.wrong(&raw, "`implicit`, `explicit` or `smart`", suggestion(other, ["implicit", "explicit", "smart"]));
                return None;
            }
        };
        Some(Setting { value, place: raw.place })
    }

    fn list(&mut self, names: &Names) -> Option<Setting<Vec<String>>> {
        let raw = self.find(names)?;
        let parts = raw.text.split(',').map(str::trim).map(unquoted).filter(|part| !part.is_empty());
        let value: Vec<String> = parts.map(str::to_owned).collect();
        (!value.is_empty()).then_some(Setting { value, place: raw.place })
    }

    fn path(&mut self, names: &Names) -> Option<Setting<PathBuf>> {
        let raw = self.find(names).filter(|raw| !raw.text.is_empty())?;
        let value = self.resolve(&raw.text, &raw)?;
        Some(Setting { value, place: raw.place })
    }

    fn directories(&mut self, names: &Names) -> Option<Setting<Vec<PathBuf>>> {
        let raw = self.find(names).filter(|raw| !raw.text.is_empty())?;
        let value = raw.text.split(':').filter_map(|part| self.resolve(part, &raw)).collect();
        Some(Setting { value, place: raw.place })
    }

    fn inventory(&mut self, names: &Names) -> Option<Setting<Vec<String>>> {
        let raw = self.find(names).filter(|raw| !raw.text.is_empty())?;
        let parts: Vec<&str> = raw.text.split(',').map(str::trim).collect();
        if parts.len() > 1 && parts.iter().any(|part| part.is_empty()) {
            let base = self.base(&raw).to_owned();
            let warning = Diagnostic::warning(format!("the whole directory `{}` is an inventory", self.environment.shorten(&base)));
            let hint = "names of files stand here; hosts are named by `-i host1,host2,`";
            self.problems.push(warning.at(raw.place.clone()).label("a comma with nothing beside it means it").hint(hint));
        }
        let value = parts.into_iter().filter_map(|part| Some(self.resolve(part, &raw)?.to_string_lossy().into_owned())).collect();
        Some(Setting { value, place: raw.place })
    }

    fn base(&self, raw: &Raw) -> &Path {
        if raw.in_file { self.directory } else { &self.environment.working_dir }
    }

    fn resolve(&mut self, part: &str, raw: &Raw) -> Option<PathBuf> {
        let problem = match paths::resolve(part, self.base(raw), self.environment) {
            Ok(path) => return Some(path),
            Err(Unresolved::Home(user)) => {
                Diagnostic::error(format!("`{user}` is not looked up")).hint("write the whole path; `~` alone is your own home")
            }
            Err(Unresolved::Quotes) => {
                Diagnostic::error(format!("the quotes in `{}` would be a part of the path", raw.name)).hint("take them off")
            }
        };
        self.problems.push(problem.at(raw.place.clone()));
        None
    }

    fn wrong(&mut self, raw: &Raw, what: &str, label: Option<String>) {
        let shown = raw.text.split('\n').next().unwrap_or_default();
        let mut error = Diagnostic::error(format!("`{}` is {what}, not `{shown}`", raw.name)).at(raw.place.clone());
        error.label = label;
        error.hint = if raw.text.contains('\n') {
            Some("an indented line goes on with the value above it; begin each key in the first column".to_owned())
        } else if raw.in_file && raw.text.contains(" #") {
            Some("behind a value only `;` begins a comment".to_owned())
        } else if raw.in_file && unquoted(&raw.text) != raw.text {
            Some("take the quotes off".to_owned())
        } else if raw.in_file {
            Some(format!("write `{} = …` with {what}", raw.name))
        } else {
            Some(format!("correct the variable or take it away: `unset {}`", raw.name))
        };
        self.problems.push(error);
    }
}

/// Ansible's words for yes and no.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "y" | "yes" | "on" | "1" | "true" | "t" => Some(true),
        "n" | "no" | "off" | "0" | "false" | "f" => Some(false),
        _ => None,
    }
}

/// Without the quotes around it, if there are some.
pub(super) fn unquoted(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).filter(|inner| !inner.ends_with('\\'));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}
