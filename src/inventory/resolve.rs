//! What is known about how to connect to a host, from its variables and the command line together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::host::{Host, Variable};
use super::suggestion;
use crate::diagnostics::{Diagnostic, Diagnostics};

/// A host and how to connect to it, before ~/.ssh/config has its say.
#[derive(Debug, Clone)]
pub struct ResolvedHost {
    /// Its name in the inventory.
    pub name: Arc<str>,
    /// How.
    pub connect: Connect,
    /// As whom to work there.
    pub become_user: Option<Become>,
}

/// How to get to a host.
#[derive(Debug, Clone)]
pub enum Connect {
    /// It is this machine.
    Local,
    /// By SSH, as `ssh -p PORT -i KEY USER@ADDRESS` would.
    Ssh {
        /// What the `ssh` program would be given: a name, an address, or a `Host` of ~/.ssh/config.
        address: String,
        /// The port, if something says it.
        port: Option<u16>,
        /// The user, if something says it.
        user: Option<String>,
        /// A key to try before others.
        private_key: Option<PathBuf>,
        /// For password and keyboard-interactive login.
        password: Option<SecretString>,
        /// For the connection to be there, login included.
        timeout: Option<Duration>,
    },
}

/// To become another user by sudo.
#[derive(Debug, Clone)]
pub struct Become {
    /// Whom.
    pub user: String,
    /// What sudo is told if it asks.
    pub password: Option<SecretString>,
}

/// What the command line says for all hosts. A host's variables come before it, as in Ansible.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// `--user`
    pub user: Option<String>,
    /// `--private-key`
    pub private_key: Option<PathBuf>,
    /// Asked for by `--ask-pass`, or from `--connection-password-file`.
    pub password: Option<SecretString>,
    /// `--connection local`
    pub local: bool,
    /// `--timeout`
    pub timeout: Option<Duration>,
    /// `--become`
    pub becomes: bool,
    /// `--become-user`
    pub become_user: Option<String>,
    /// Asked for by `--ask-become-pass`, or from `--become-password-file`.
    pub become_password: Option<SecretString>,
    /// Variables of `--extra-vars`: these come before everything else.
    pub extra: BTreeMap<String, Variable>,
    /// For `~` in the name of a key.
    pub home: PathBuf,
}

/// Works out how to connect to a host.
///
/// # Errors
/// Every variable whose value makes no sense.
pub fn resolve(host: &Host, defaults: &Defaults) -> Result<ResolvedHost, Diagnostics> {
    let mut look = Look { host, defaults, problems: Diagnostics::new() };
    let local = look.choice(
        &["ansible_connection"],
        &["ssh", "local", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "ansible.builtin.local"],
    );
    let local = local.map_or(defaults.local, |kind| kind.ends_with("local"));
    let port = look.number(&["ansible_ssh_port", "ansible_port"], 65_535).and_then(|port| u16::try_from(port).ok());
    let timeout = look.number(&["ansible_ssh_timeout"], 86_400).map(Duration::from_secs).or(defaults.timeout);
    let key = look.text(&["ansible_ssh_private_key_file", "ansible_private_key_file"]);
    let connect = if local {
        Connect::Local
    } else {
        Connect::Ssh {
            address: look.text(&["ansible_ssh_host", "ansible_host"]).unwrap_or_else(|| host.name.to_string()),
            port,
            user: look.text(&["ansible_ssh_user", "ansible_user"]).or_else(|| defaults.user.clone()),
            private_key: key.map(|key| at_home(&key, &defaults.home)).or_else(|| defaults.private_key.clone()),
            password: look.secret(&["ansible_ssh_password", "ansible_ssh_pass", "ansible_password"]).or_else(|| defaults.password.clone()),
            timeout,
        }
    };
    look.choice(&["ansible_become_method"], &["sudo", "ansible.builtin.sudo"]);
    let becomes = look.truth(&["ansible_become"]).unwrap_or(defaults.becomes);
    let user = look.text(&["ansible_become_user"]).or_else(|| defaults.become_user.clone());
    let password = look.secret(&["ansible_become_pass", "ansible_become_password"]).or_else(|| defaults.become_password.clone());
    let become_user = becomes.then(|| Become { user: user.unwrap_or_else(|| "root".to_owned()), password });
    let resolved = ResolvedHost { name: Arc::clone(&host.name), connect, become_user };
    look.problems.0.sort_by_key(|problem| problem.place.as_ref().map(|place| place.span.start));
    look.problems.or(resolved).map(|(resolved, _)| resolved)
}

/// `~` and `~/…` as the shell has them; other names as they are.
pub(crate) fn at_home(path: &str, home: &Path) -> PathBuf {
    match path.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    }
}

/// Looks for variables of a host under several names.
struct Look<'a> {
    host: &'a Host,
    defaults: &'a Defaults,
    problems: Diagnostics,
}

impl Look<'_> {
    /// The first of these names that is set, the command line's before the host's own.
    fn find(&self, names: &[&'static str]) -> Option<(&'static str, Variable)> {
        let from = |variables: &BTreeMap<String, Variable>| {
            names.iter().find_map(|name| variables.get(*name).map(|variable| (*name, variable.clone())))
        };
        from(&self.defaults.extra).or_else(|| from(&self.host.variables))
    }

    fn text(&mut self, names: &[&'static str]) -> Option<String> {
        let (name, variable) = self.find(names)?;
        if variable.value.is_empty() {
            self.problems.push(Diagnostic::error(format!("`{name}` is empty")).at(variable.place));
            return None;
        }
        Some(variable.value)
    }

    fn secret(&mut self, names: &[&'static str]) -> Option<SecretString> {
        self.find(names).map(|(_, variable)| SecretString::from(variable.value))
    }

    fn number(&mut self, names: &[&'static str], largest: u64) -> Option<u64> {
        let (name, variable) = self.find(names)?;
        match variable.value.parse() {
            Ok(number) if (1..=largest).contains(&number) => Some(number),
            _ => {
                let error = Diagnostic::error(format!("`{name}` is a number from 1 to {largest}, not `{}`", variable.value));
                self.problems.push(error.at(variable.place));
                None
            }
        }
    }

    fn truth(&mut self, names: &[&'static str]) -> Option<bool> {
        let (name, variable) = self.find(names)?;
        // what Ansible's own conversion takes
        match variable.value.to_ascii_lowercase().as_str() {
            "yes" | "y" | "true" | "t" | "on" | "1" | "1.0" => Some(true),
            "no" | "n" | "false" | "f" | "off" | "0" | "0.0" => Some(false),
            _ => {
                let error = Diagnostic::error(format!("`{name}` is yes or no, not `{}`", variable.value));
                self.problems.push(error.at(variable.place));
                None
            }
        }
    }

    fn choice(&mut self, names: &[&'static str], choices: &[&'static str]) -> Option<&'static str> {
        let (name, variable) = self.find(names)?;
        let found = choices.iter().find(|choice| **choice == variable.value);
        if found.is_none() {
            let error = Diagnostic::error(format!("`{name}={}` is not known", variable.value)).at(variable.place);
            self.problems.push(match suggestion(&variable.value, choices.iter().copied()) {
                Some(label) => error.label(label),
                None => error.hint(format!("known are {}", choices.join(", "))),
            });
        }
        found.copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Given, Inventory, read};
    use super::*;
    use crate::diagnostics::Source;
    use secrecy::ExposeSecret as _;

    fn inventory(text: &str) -> Inventory {
        read(&[Given::Text(Source::new("hosts.ini", text))], &mut Vec::new()).unwrap().0
    }

    fn extra(name: &str, value: &str) -> BTreeMap<String, Variable> {
        let place = Source::new("-e", value).at(0..value.len());
        BTreeMap::from([(name.to_owned(), Variable { value: value.to_owned(), place })])
    }

    #[test]
    fn variables_come_before_flags_and_extra_variables_before_both() {
        let inventory = inventory(
            "m1\nm2 ansible_user=two ansible_ssh_user=deux ansible_port=22 ansible_private_key_file=~/k ansible_become=no ansible_password=pw2\n",
        );
        let mut defaults = Defaults {
            user: Some("flag".into()),
            password: Some("flagged".into()),
            becomes: true,
            home: "/home/pat".into(),
            ..Defaults::default()
        };
        let one = resolve(&inventory.hosts[0], &defaults).unwrap();
        let Connect::Ssh { address, port, user, private_key, password, .. } = one.connect else { panic!("not ssh") };
        assert_eq!((address.as_str(), port, user.as_deref(), private_key), ("m1", None, Some("flag"), None));
        assert_eq!(password.unwrap().expose_secret(), "flagged");
        assert_eq!(one.become_user.unwrap().user, "root");

        let two = resolve(&inventory.hosts[1], &defaults).unwrap();
        let Connect::Ssh { port, user, private_key, password, .. } = two.connect else { panic!("not ssh") };
        assert_eq!((port, user.as_deref(), private_key), (Some(22), Some("deux"), Some("/home/pat/k".into())));
        assert_eq!(password.unwrap().expose_secret(), "pw2");
        assert!(two.become_user.is_none());

        defaults.extra = extra("ansible_user", "extra");
        let Connect::Ssh { user, .. } = resolve(&inventory.hosts[1], &defaults).unwrap().connect else { panic!("not ssh") };
        assert_eq!(user.as_deref(), Some("extra"));
        defaults.extra = extra("ansible_connection", "local");
        assert!(matches!(resolve(&inventory.hosts[1], &defaults).unwrap().connect, Connect::Local));
    }

    #[test]
    fn values_that_make_no_sense() {
        let inventory = inventory(
            "m1 ansible_port=x ansible_become=maybe ansible_connection=lcoal ansible_become_method=doas ansible_user='' ansible_ssh_timeout=0\n",
        );
        insta::assert_snapshot!(resolve(&inventory.hosts[0], &Defaults::default()).unwrap_err());
    }
}
