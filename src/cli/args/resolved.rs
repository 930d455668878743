//! What the arguments mean: which hosts, how to get to each, with which passwords.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::ConnectionArgs;
use super::connection::ConnectionKind;
use super::extra;
use crate::cli::environment::Environment;
use crate::cli::prompt;
use crate::cli::terminal::Terminal;
use crate::diagnostics::{Diagnostic, Diagnostics, Source};
use crate::inventory::{self, Connect, Defaults, Given, Host, Inventory, Pattern, ResolvedHost, Variable, at_home};
use crate::report::{Registered, SHORTEST, Secrets};

/// The hosts of a run, and what the command line says about all of them.
#[derive(Debug)]
pub struct Chosen {
    /// In the inventory's order.
    hosts: Vec<Host>,
    defaults: Defaults,
    /// How many at the same time.
    pub forks: usize,
}

/// Why a run does not begin.
#[derive(Debug, thiserror::Error)]
pub enum Unresolved {
    /// The arguments or a file are wrong.
    #[error(transparent)]
    Wrong(#[from] Diagnostics),
    /// Ctrl-C at a question.
    #[error("interrupted")]
    Interrupted,
}

/// Finds out which hosts are meant. What is wrong is added to `problems`; passwords that were found, also those beside a
/// mistake, are registered in `secrets`.
pub fn choose(args: &ConnectionArgs, pattern: &str, environment: &Environment, secrets: &Secrets, problems: &mut Diagnostics) -> Chosen {
    let home = &environment.home;
    let extra = extra::read(&args.hosts.extra_vars, home, secrets, problems);
    let defaults = defaults(args, home, extra);
    let pattern = Pattern::new("PATTERN", pattern);
    let inventory = read_inventory(args, &pattern, secrets, problems);
    let hosts = select(args, &pattern, &inventory, problems).into_iter().cloned().collect();
    let stdin = [&args.login.connection_password_file, &args.become_user.become_password_file];
    if stdin.iter().all(|file| file.as_deref() == Some(Path::new("-"))) {
        problems.push(Diagnostic::error("both passwords cannot come from stdin").hint("write one of them into a file"));
    }
    Chosen { hosts, defaults, forks: usize::from(args.hosts.forks) }
}

impl Chosen {
    /// How to get to each of them. What is wrong is added to `problems`.
    pub fn resolve(&self, problems: &mut Diagnostics) -> Vec<ResolvedHost> {
        let mut resolved = Vec::new();
        for host in &self.hosts {
            match inventory::resolve(host, &self.defaults) {
                Ok(host) => resolved.push(host),
                Err(errors) => problems.extend(errors),
            }
        }
        resolved
    }

    /// Asks for the passwords that are wanted, once everything else is right.
    ///
    /// # Errors
    /// There is none, or the person pressed Ctrl-C.
    pub(in crate::cli) fn ask(
        &mut self,
        args: &ConnectionArgs,
        terminal: &Terminal,
        secrets: &Secrets,
        warnings: &mut Diagnostics,
    ) -> Result<(), Unresolved> {
        passwords(args, terminal, &mut self.defaults, secrets, warnings)
    }
}

/// Says which flags have no effect on any of these hosts.
pub fn without_effect(args: &ConnectionArgs, hosts: &[ResolvedHost], warnings: &mut Diagnostics) {
    let (login, become_user) = (&args.login, &args.become_user);
    let mut said = |given: bool, flag: &str, why: &str| {
        if given {
            warnings.push(Diagnostic::warning(format!("`{flag}` has no effect: {why}")));
        }
    };
    if hosts.iter().all(|host| host.become_user.is_none()) {
        let why = "without --become or ansible_become nobody else is become";
        said(become_user.become_user.is_some(), "--become-user", why);
        said(become_user.ask_become_pass, "--ask-become-pass", why);
        said(become_user.become_password_file.is_some(), "--become-password-file", why);
    }
    if hosts.iter().all(|host| matches!(host.connect, Connect::Local)) {
        let why = "this machine itself is not connected to";
        said(login.user.is_some(), "--user", why);
        said(login.private_key.is_some(), "--private-key", why);
        said(login.ask_pass, "--ask-pass", why);
        said(login.connection_password_file.is_some(), "--connection-password-file", why);
    }
}

fn defaults(args: &ConnectionArgs, home: &Path, extra: BTreeMap<String, Variable>) -> Defaults {
    Defaults {
        user: args.login.user.clone(),
        private_key: args.login.private_key.as_ref().map(|path| path.to_str().map_or_else(|| path.clone(), |path| at_home(path, home))),
        password: None,
        local: args.login.connection == Some(ConnectionKind::Local),
        timeout: args.login.timeout.map(|seconds| Duration::from_secs(seconds.into())),
        becomes: args.become_user.becomes,
        become_user: args.become_user.become_user.clone(),
        become_password: None,
        extra,
        home: home.to_owned(),
    }
}

fn read_inventory(args: &ConnectionArgs, pattern: &Pattern, secrets: &Secrets, problems: &mut Diagnostics) -> Inventory {
    let given: Vec<Given> = args.hosts.inventory.iter().cloned().map(Given::Argument).collect();
    let mut found = Vec::new();
    let read = inventory::read(&given, &mut found);
    for secret in &found {
        register(secrets, secret.expose_secret(), "a password in the inventory", problems);
    }
    let mut inventory = match read {
        Ok((inventory, warnings)) => {
            problems.extend(warnings);
            inventory
        }
        Err(errors) => {
            problems.extend(errors);
            Inventory::default()
        }
    };
    // this machine is there without being named, but never part of `all`
    if let Some(name) = pattern.names_localhost().filter(|name| inventory.host(name).is_none()) {
        let source = Source::new("PATTERN", name);
        let local = Variable { value: "local".to_owned(), place: source.at(0..name.len()) };
        inventory.add(None, name, source.at(0..name.len()), BTreeMap::from([("ansible_connection".to_owned(), local)]));
    }
    inventory
}

fn select<'a>(args: &ConnectionArgs, pattern: &Pattern, inventory: &'a Inventory, problems: &mut Diagnostics) -> Vec<&'a Host> {
    if inventory.hosts.is_empty() {
        // a file with mistakes has been reported; its hosts are not looked for
        if !problems.has_errors() {
            let error = Diagnostic::error("no hosts are known");
            problems.push(error.hint("name them with `-i host1,host2,` (mind the comma), or a file of them with `-i FILE`"));
        }
        return Vec::new();
    }
    let limit = args.hosts.limit.as_ref().map(|limit| Pattern::new("--limit", limit));
    let mut selected = Vec::new();
    match (pattern.select(inventory), limit.map(|limit| limit.select(inventory))) {
        (Ok(hosts), None) => selected = hosts,
        (Ok(hosts), Some(Ok(limited))) => {
            selected = hosts.into_iter().filter(|host| limited.iter().any(|other| other.name == host.name)).collect();
            if selected.is_empty() {
                problems.push(Diagnostic::error("no host matches both the pattern and --limit"));
            }
        }
        (hosts, limited) => {
            for errors in [hosts.err(), limited.and_then(Result::err)].into_iter().flatten() {
                problems.extend(errors);
            }
        }
    }
    selected
}

fn passwords(
    args: &ConnectionArgs,
    terminal: &Terminal,
    defaults: &mut Defaults,
    secrets: &Secrets,
    warnings: &mut Diagnostics,
) -> Result<(), Unresolved> {
    let (login, become_user) = (&args.login, &args.become_user);
    if let Some(path) = &login.connection_password_file {
        defaults.password = Some(from_file(path, &defaults.home)?);
    } else if login.ask_pass {
        defaults.password = Some(ask(terminal, "SSH password", "--ask-pass")?);
    }
    if let Some(path) = &become_user.become_password_file {
        defaults.become_password = Some(from_file(path, &defaults.home)?);
    } else if become_user.ask_become_pass {
        let question = if login.ask_pass { "BECOME password [the SSH password]" } else { "BECOME password" };
        let answer = ask(terminal, question, "--ask-become-pass")?;
        let same = answer.expose_secret().is_empty() && login.ask_pass;
        defaults.become_password = if same { defaults.password.clone() } else { Some(answer) };
    }
    for (password, what) in [(&defaults.password, "the SSH password"), (&defaults.become_password, "the BECOME password")] {
        if let Some(password) = password {
            register(secrets, password.expose_secret(), what, warnings);
        }
    }
    Ok(())
}

fn ask(terminal: &Terminal, question: &str, flag: &str) -> Result<SecretString, Unresolved> {
    prompt::ask(terminal, question).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => Unresolved::Interrupted,
        io::ErrorKind::UnexpectedEof => wrong(Diagnostic::error(format!("no password was given for {flag}"))),
        _ => wrong(Diagnostic::error(format!("cannot ask for the password of {flag}: {error}"))),
    })
}

fn from_file(path: &Path, home: &Path) -> Result<SecretString, Unresolved> {
    let real = path.to_str().map_or_else(|| path.to_owned(), |path| at_home(path, home));
    prompt::from_file(&real).map_err(|error| wrong(Diagnostic::error(format!("cannot read the password in `{}`: {error}", path.display()))))
}

fn wrong(diagnostic: Diagnostic) -> Unresolved {
    Unresolved::Wrong(diagnostic.into())
}

/// Registers a secret; one that cannot be hidden is said.
pub(super) fn register(secrets: &Secrets, secret: &str, what: &str, problems: &mut Diagnostics) {
    if secrets.register(secret) == Registered::TooShort {
        let message = format!("{what} has less than {SHORTEST} characters, so it is not hidden in the output");
        if !problems.0.iter().any(|problem| problem.message == message) {
            problems.push(Diagnostic::warning(message));
        }
    }
}
