//! What is known about how to connect to a host, from its variables and the command line together.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::data::{Host, Inventory};
use super::known::{Known, known, names};
use super::precedence::Variables;
use super::scope::HostScope;
use super::ssh_args::{self, SshArguments};
use super::suggestion;
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};
use crate::template::Engine;
use crate::yaml::{MASKED, Node, Value, plain};

/// A host and how to connect to it, before ~/.ssh/config has its say.
#[derive(Debug, Clone)]
pub struct ResolvedHost {
    /// Its name in the inventory.
    pub name: Arc<str>,
    /// How.
    pub connect: Connect,
    /// As whom to work there.
    pub become_user: Option<Become>,
    /// What sudo is told if a task becomes another user.
    pub become_password: Option<SecretString>,
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
        /// Whether the key of a host that is not known yet is recorded without a question; one that has changed never is.
        accept_new: bool,
        /// What `ssh` would be given besides: `ansible_ssh_common_args` and its sisters.
        arguments: Box<SshArguments>,
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

/// What the command line and ansible.cfg say for all hosts. A host's variables come before it, as in Ansible.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// `--user`
    pub user: Option<String>,
    /// `remote_port`
    pub port: Option<u16>,
    /// `--private-key`
    pub private_key: Option<PathBuf>,
    /// Asked for by `--ask-pass`, or from `--connection-password-file`.
    pub password: Option<SecretString>,
    /// `--connection local`
    pub local: bool,
    /// `--timeout`
    pub timeout: Option<Duration>,
    /// `host_key_checking = False`
    pub accept_new: bool,
    /// `ssh_args`, `ssh_common_args`, `ssh_extra_args`
    pub ssh_args: [Option<Node>; 3],
    /// `--become`
    pub becomes: bool,
    /// `--become-user`
    pub become_user: Option<String>,
    /// Asked for by `--ask-become-pass`, or from `--become-password-file`.
    pub become_password: Option<SecretString>,
    /// For `~` in the name of a key.
    pub home: PathBuf,
}

/// Works out how to connect to a host.
///
/// # Errors
/// Every variable whose value makes no sense.
pub fn resolve(inventory: &Arc<Inventory>, host: &Host, defaults: &Defaults, engine: &Engine) -> Result<ResolvedHost, Diagnostics> {
    let variables = inventory.variables(host);
    let mut look = Look { host, inventory, variables, engine, scope: None, problems: Diagnostics::new() };
    look.refuse_what_is_not_read();
    let kinds = ["ssh", "local", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "ansible.builtin.local"];
    let local = look.choice(&["ansible_connection"], &kinds).map_or(defaults.local, |kind| kind.ends_with("local"));
    let connect = if local { Connect::Local } else { look.ssh(defaults) };
    let (become_user, become_password) = look.becomes(defaults);
    let resolved = ResolvedHost { name: Arc::clone(&host.name), connect, become_user, become_password };
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
    inventory: &'a Arc<Inventory>,
    variables: Variables<'a>,
    engine: &'a Engine,
    /// Made when a template needs it.
    scope: Option<Arc<HostScope>>,
    problems: Diagnostics,
}

impl Look<'_> {
    fn refuse_what_is_not_read(&mut self) {
        for name in names() {
            let (Some(Known::NotRead(instead)), Some(value)) = (known(name), self.variables.get(name)) else { continue };
            self.problems.push(Diagnostic::error(format!("`{name}` is not read")).at(value.place.clone()).hint(instead));
        }
    }

    fn ssh(&mut self, defaults: &Defaults) -> Connect {
        let mut arguments = SshArguments::default();
        let [first, common, extra] = ["ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"];
        let [first_default, common_default, extra_default] = &defaults.ssh_args;
        self.arguments(first, first_default, &mut arguments);
        let (first_port, first_user) = (arguments.port.take(), arguments.user.take());
        let timeout = self.number(&["ansible_ssh_timeout", "ansible_timeout"], 86_400).map(Duration::from_secs).or(defaults.timeout);
        self.arguments(common, common_default, &mut arguments);
        self.arguments(extra, extra_default, &mut arguments);
        let port = self.number(&["ansible_ssh_port", "ansible_port"], 65_535).and_then(|port| u16::try_from(port).ok());
        let user = self.text(&["ansible_ssh_user", "ansible_user"]);
        let key = self.text(&["ansible_ssh_private_key_file", "ansible_private_key_file"]);
        let checked = self.truth(&["ansible_ssh_host_key_checking", "ansible_host_key_checking"]);
        let password = self.secret(&["ansible_ssh_password", "ansible_ssh_pass", "ansible_password"]);
        let address = self.text(&["ansible_ssh_host", "ansible_host"]).unwrap_or_else(|| self.host.name.to_string());
        // as on ssh's command line: what stands before the `@` is the user, if nothing else says one
        let (in_address, address) = match address.rsplit_once('@') {
            Some((user, address)) => (Some(user.to_owned()), address.to_owned()),
            None => (None, address),
        };
        Connect::Ssh {
            address,
            // ssh takes the first it is told, and ssh_args come first
            port: first_port.or(port).or(defaults.port).or(arguments.port.take()),
            user: first_user.or(user).or_else(|| defaults.user.clone()).or(arguments.user.take()).or(in_address),
            private_key: key.map(|key| at_home(&key, &defaults.home)).or_else(|| defaults.private_key.clone()),
            password: password.or_else(|| defaults.password.clone()),
            timeout,
            accept_new: checked.map_or(defaults.accept_new, |checked| !checked),
            arguments: Box::new(arguments),
        }
    }

    /// Adds what a variable says in ssh's own words.
    fn arguments(&mut self, name: &'static str, default: &Option<Node>, all: &mut SshArguments) {
        let Some((_, node)) = self.find(&[name]).or_else(|| default.clone().map(|node| (name, node))) else { return };
        let text = plain(&node.value);
        let place = source_of(&node, &text);
        // what a template made stands nowhere; the template does
        let rendered = place.source != node.place.source;
        match ssh_args::parse(&place) {
            Ok(mut arguments) => {
                if rendered {
                    arguments.places.fill(node.place.clone());
                }
                all.add(arguments);
            }
            Err(errors) if rendered => self.problems.0.extend(errors.0.into_iter().map(|error| {
                let also = error.place.clone().map(|place| (place, "this is what it makes".to_owned()));
                Diagnostic { also: also.into_iter().collect(), place: Some(node.place.clone()), ..error }
            })),
            Err(errors) => self.problems.extend(errors),
        }
    }

    fn becomes(&mut self, defaults: &Defaults) -> (Option<Become>, Option<SecretString>) {
        self.choice(&["ansible_become_method"], &["sudo", "ansible.builtin.sudo"]);
        if let Some((name, node)) = self.find(&["ansible_become_exe"]) {
            let program = plain(&node.value);
            if program.rsplit('/').next() != Some("sudo") {
                let error = Diagnostic::error(format!("`{name}` is {}, and only sudo is used", written(&node))).at(node.place);
                self.problems.push(error.hint("take it out; sudo is found by its name"));
            }
        }
        if let Some((name, node)) = self.find(&["ansible_become_flags"]) {
            let flags = plain(&node.value);
            let harmless =
                |flag: &str| matches!(flag, "-H" | "-S" | "-n" | "-HS" | "-HSn" | "--set-home" | "--stdin" | "--non-interactive" | "null");
            let secret = node.secret;
            if let Some(other) = flags.split_whitespace().find(|flag| !harmless(flag)) {
                let other = if secret { MASKED } else { other };
                let error = Diagnostic::error(format!("`{name}` has `{other}`, which is not used")).at(node.place);
                self.problems.push(error.hint("sudo is always called with -H -S; take the other flags out"));
            }
        }
        let becomes = self.truth(&["ansible_become"]).unwrap_or(defaults.becomes);
        let user = self.text(&["ansible_become_user"]).or_else(|| defaults.become_user.clone());
        let password = self.secret(&["ansible_become_pass", "ansible_become_password"]).or_else(|| defaults.become_password.clone());
        let becomes = becomes.then(|| Become { user: user.unwrap_or_else(|| "root".to_owned()), password: password.clone() });
        (becomes, password)
    }

    /// The first of these names that is set, rendered. An empty value in YAML (`ansible_user:`) is as good as none.
    fn find(&mut self, names: &[&'static str]) -> Option<(&'static str, Node)> {
        let set =
            |name: &&'static str| self.variables.get(*name).filter(|node| !node.is_null()).map(|node| (*name, node.clone().into_owned()));
        let (name, node) = names.iter().find_map(set)?;
        if !node.is_template() && !matches!(node.value, Value::Vault(_)) {
            return Some((name, node));
        }
        let scope = self.scope.get_or_insert_with(|| Arc::new(HostScope::new(Arc::clone(self.inventory), &self.host.name)));
        let scope: Arc<dyn crate::template::Scope> = Arc::clone(scope) as _;
        match self.engine.render(&node, scope) {
            Ok(rendered) => Some((name, Node { place: node.place, ..rendered })),
            // what it names may stand in what could not be read
            Err(_) if self.inventory.incomplete => None,
            Err(problem) => {
                let problem = Diagnostic { message: format!("`{name}` of `{}`: {}", self.host.name, problem.message), ..*problem };
                self.problems.push(problem);
                None
            }
        }
    }

    fn text(&mut self, names: &[&'static str]) -> Option<String> {
        let (name, node) = self.find(names)?;
        let problem = match &node.value {
            Value::Str(text) if text.is_empty() => "is empty".to_owned(),
            Value::Str(_) | Value::Int(_) | Value::BigInt(_) => return Some(plain(&node.value)),
            Value::Null => "is empty".to_owned(),
            other => format!("is a text, not {}", other.kind()),
        };
        let error = Diagnostic::error(format!("`{name}` {problem}")).at(node.place);
        self.problems.push(if problem == "is empty" { error.hint("write a value, or take it out") } else { error });
        None
    }

    fn secret(&mut self, names: &[&'static str]) -> Option<SecretString> {
        let (name, node) = self.find(names)?;
        match &node.value {
            Value::Null => None,
            Value::List(_) | Value::Map(_) => {
                let error = Diagnostic::error(format!("`{name}` is a text, not {}", node.value.kind()));
                self.problems.push(error.at(node.place));
                None
            }
            value => Some(SecretString::from(plain(value))),
        }
    }

    fn number(&mut self, names: &[&'static str], largest: u64) -> Option<u64> {
        let (name, node) = self.find(names)?;
        let text = plain(&node.value);
        match text.trim().parse() {
            Ok(number) if (1..=largest).contains(&number) => Some(number),
            _ => {
                let error = Diagnostic::error(format!("`{name}` is a number from 1 to {largest}, not {}", written(&node)));
                self.problems.push(error.at(node.place));
                None
            }
        }
    }

    fn truth(&mut self, names: &[&'static str]) -> Option<bool> {
        let (name, node) = self.find(names)?;
        let text = plain(&node.value);
        // what Ansible's own conversion takes
        match text.to_ascii_lowercase().as_str() {
            "yes" | "y" | "true" | "t" | "on" | "1" | "1.0" => Some(true),
            "no" | "n" | "false" | "f" | "off" | "0" | "0.0" => Some(false),
            _ => {
                let error = Diagnostic::error(format!("`{name}` is yes or no, not {}", written(&node)));
                self.problems.push(error.at(node.place));
                None
            }
        }
    }

    fn choice(&mut self, names: &[&'static str], choices: &[&'static str]) -> Option<&'static str> {
        let (name, node) = self.find(names)?;
        let text = plain(&node.value);
        let found = choices.iter().find(|choice| **choice == text);
        if found.is_none() {
            let error = Diagnostic::error(format!("`{name}` is {}, which is not known", written(&node))).at(node.place);
            // the other names mean the same
            let others = ["smart", "paramiko"];
            let known: Vec<&str> = choices.iter().copied().filter(|name| !name.contains(['.', '_']) && !others.contains(name)).collect();
            self.problems.push(match suggestion(&text, choices.iter().copied()) {
                Some(label) => error.label(label),
                None if known.len() == 1 => error.hint(format!("write `{}`, or take it out", known.concat())),
                None => error.hint(format!("known are {}", known.join(" and "))),
            });
        }
        found.copied()
    }
}

/// A value in a message: nothing that was encrypted is shown.
fn written(node: &Node) -> String {
    match &node.value {
        Value::List(_) | Value::Map(_) | Value::Null => node.value.kind().to_owned(),
        _ if node.secret => "what is encrypted here".to_owned(),
        value => format!("`{}`", plain(value)),
    }
}

/// A value's text as a source of its own, whose places are those of the file if the text stands there as it is.
fn source_of(node: &Node, text: &str) -> Place {
    let written = node.place.source.text.get(node.place.span.clone()).unwrap_or_default();
    match written.find(text).filter(|_| !text.is_empty()) {
        Some(at) => node.place.source.at(node.place.span.start + at..node.place.span.start + at + text.len()),
        None => Source::new(format!("{} (rendered)", node.place.source.name), text).whole(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::engine;
    use super::super::testing::inventory;
    use super::*;
    use secrecy::ExposeSecret as _;

    fn of(text: &str, host: &str, defaults: &Defaults) -> Result<ResolvedHost, Diagnostics> {
        let inventory = Arc::new(inventory(text));
        resolve(&inventory, inventory.host(host).unwrap(), defaults, &engine())
    }

    #[test]
    fn variables_come_before_flags() {
        let text = "m1\nm2 ansible_user=two ansible_ssh_user=deux ansible_port=22 ansible_private_key_file=~/k ansible_become=no ansible_password=pw2\n";
        let defaults = Defaults {
            user: Some("flag".into()),
            password: Some("flagged".into()),
            becomes: true,
            home: "/home/pat".into(),
            ..Defaults::default()
        };
        let one = of(text, "m1", &defaults).unwrap();
        let Connect::Ssh { address, port, user, private_key, password, .. } = one.connect else { panic!("not ssh") };
        assert_eq!((address.as_str(), port, user.as_deref(), private_key), ("m1", None, Some("flag"), None));
        assert_eq!(password.unwrap().expose_secret(), "flagged");
        assert_eq!(one.become_user.unwrap().user, "root");

        let two = of(text, "m2", &defaults).unwrap();
        let Connect::Ssh { port, user, private_key, password, .. } = two.connect else { panic!("not ssh") };
        assert_eq!((port, user.as_deref(), private_key), (Some(22), Some("deux"), Some("/home/pat/k".into())));
        assert_eq!(password.unwrap().expose_secret(), "pw2");
        assert!(two.become_user.is_none());
    }

    #[test]
    fn templates_and_arguments_for_ssh() {
        let text = "\
m1 ansible_host='{{ inventory_hostname }}.{{ domain }}' ansible_port='{{ base + 22 }}'
[all:vars]
domain=lan
base=2200
ansible_user={{ 'op' if 'ungrouped' in group_names else 'pat' }}
ansible_ssh_common_args='-o ProxyJump={{ jump }} -o ServerAliveInterval=5'
ansible_ssh_extra_args=-p 99 -l nobody
jump=j.{{ domain }}
ansible_host_key_checking=False
ansible_become_flags=-H -S
";
        let Connect::Ssh { address, port, user, arguments, accept_new, .. } = of(text, "m1", &Defaults::default()).unwrap().connect else {
            panic!("not ssh")
        };
        assert_eq!((address.as_str(), port, user.as_deref(), accept_new), ("m1.lan", Some(2222), Some("op"), true));
        assert_eq!(arguments.options, ["ProxyJump=j.lan", "ServerAliveInterval=5"]);
    }

    #[test]
    fn templates_of_other_hosts_are_rendered_with_their_variables() {
        let text = "\
bastion ansible_host={{inventory_hostname}}.{{domain}} domain=dmz
m1 ansible_ssh_common_args='-J {{ hostvars.bastion.ansible_host }}' domain={{hostvars.bastion.domain}}
m2 ansible_host={{hostvars.m3.ansible_host}}
m3 ansible_host={{hostvars.m2.ansible_host}}
";
        let Connect::Ssh { arguments, .. } = of(text, "m1", &Defaults::default()).unwrap().connect else { panic!("not ssh") };
        assert_eq!(arguments.options, ["ProxyJump=bastion.dmz"]);
        let error = of(text, "m2", &Defaults::default()).unwrap_err();
        assert!(error.to_string().contains("in a circle"), "{error}");
    }

    #[test]
    fn values_that_make_no_sense() {
        let text = "m1 ansible_port=x ansible_become=maybe ansible_connection=lcoal ansible_become_method=doas ansible_user='' \
                    ansible_ssh_timeout=0 ansible_become_exe=/usr/bin/doas ansible_become_flags='-H -E' \
                    ansible_ssh_common_args='-o ProxyJump=x -F y' ansible_ssh_private_key=x ansible_password='[1]' \
                    ansible_host='{{ nope }}' ansible_become_user='{{ x'\n";
        insta::assert_snapshot!(of(text, "m1", &Defaults::default()).unwrap_err());
    }
}
