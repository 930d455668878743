//! What the arguments mean: which hosts, how to get to each, with which passwords.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::connection::{ConnectionArgs, ConnectionKind};
use crate::cli::ansible_cfg::{self, Setting, Settings};
use crate::cli::environment::Environment;
use crate::cli::inventory::{Loaded, hide_texts, load_inventory, select};
use crate::cli::prompt;
use crate::cli::terminal::Terminal;
use crate::diagnostics::{Diagnostic, Diagnostics, Source, reason};
use crate::inventory::{self, Connect, Defaults, Pattern, ResolvedHost, at_home};
use crate::report::{Registered, SHORTEST, Secrets};
use crate::yaml::Node;

/// How many hosts at the same time, if nothing says it.
const FORKS: u16 = 100;

/// The hosts of a run, and what the command line says about all of them.
pub struct Chosen {
    loaded: Loaded,
    /// In the pattern's order.
    hosts: Vec<Arc<str>>,
    defaults: Defaults,
    passwords: Passwords,
    /// How many at the same time.
    pub forks: usize,
}

/// Where passwords come from, by flags or ansible.cfg.
#[derive(Debug, Default)]
struct Passwords {
    ask: bool,
    file: Option<PathBuf>,
    ask_become: bool,
    become_file: Option<PathBuf>,
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
///
/// # Errors
/// Ctrl-C at the question for a vault password.
pub(in crate::cli) fn choose(
    args: &ConnectionArgs,
    pattern: &str,
    environment: &Environment,
    terminal: &Terminal,
    secrets: &Secrets,
    problems: &mut Diagnostics,
) -> Result<Chosen, Unresolved> {
    let settings = ansible_cfg::read(environment, problems);
    let pattern = Pattern::new("PATTERN", pattern);
    let loaded = load_inventory(&args.source, &settings, environment, terminal, secrets, problems)?;
    let hosts = select(&loaded, &pattern, &args.limit, problems).into_iter().map(|host| Arc::clone(&host.name)).collect();
    Ok(of_loaded(loaded, hosts, args, &settings, environment, problems))
}

/// The same for an inventory that was read, and hosts of it.
pub(in crate::cli) fn of_loaded(
    loaded: Loaded,
    hosts: Vec<Arc<str>>,
    args: &ConnectionArgs,
    settings: &Settings,
    environment: &Environment,
    problems: &mut Diagnostics,
) -> Chosen {
    let defaults = defaults(args, settings, &environment.home, problems);
    let passwords = Passwords::new(args, settings);
    let stdin = [&passwords.file, &passwords.become_file];
    if stdin.iter().all(|file| file.as_deref() == Some(Path::new("-"))) {
        problems.push(Diagnostic::error("both passwords cannot come from stdin").hint("write one of them into a file"));
    }
    let forks = args.hosts.forks.or(settings.forks.as_ref().map(|setting| setting.value)).unwrap_or(FORKS);
    Chosen { loaded, hosts, defaults, passwords, forks: forks.into() }
}

impl Passwords {
    fn new(args: &ConnectionArgs, settings: &Settings) -> Self {
        let (login, become_user) = (&args.login, &args.become_user);
        let is_set = |setting: &Option<Setting<bool>>| setting.as_ref().is_some_and(|setting| setting.value);
        let path = |setting: &Option<Setting<PathBuf>>| setting.as_ref().map(|setting| setting.value.clone());
        let file = login.connection_password_file.clone();
        let become_file = become_user.become_password_file.clone();
        Self {
            ask: login.ask_pass || file.is_none() && is_set(&settings.ask_pass),
            file: file.or_else(|| path(&settings.connection_password_file).filter(|_| !login.ask_pass)),
            ask_become: become_user.ask_become_pass || become_file.is_none() && is_set(&settings.become_ask_pass),
            become_file: become_file.or_else(|| path(&settings.become_password_file).filter(|_| !become_user.ask_become_pass)),
        }
    }
}

impl Chosen {
    /// The inventory and what came with it.
    pub(in crate::cli) fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// How many hosts there are.
    pub(in crate::cli) fn count(&self) -> usize {
        self.hosts.len()
    }

    /// How to get to one host, perhaps of an inventory that has grown since.
    pub(in crate::cli) fn resolve_one(&self, inventory: &Arc<inventory::Inventory>, host: &str) -> Result<ResolvedHost, Diagnostics> {
        match inventory.host(host) {
            Some(host) => inventory::resolve(inventory, host, &self.defaults, &self.loaded.engine),
            // as in Ansible: a task may be delegated to a machine by its address alone
            None => {
                let mut inventory = (**inventory).clone();
                inventory.add_at_run_time(host, &[], &BTreeMap::new(), &Source::new("delegate_to", host).whole());
                let inventory = Arc::new(inventory);
                match inventory.host(host) {
                    Some(host) => inventory::resolve(&inventory, host, &self.defaults, &self.loaded.engine),
                    None => Err(Diagnostic::error(format!("there is no host `{host}` in the inventory")).into()),
                }
            }
        }
    }

    /// How to get to each of them. What is wrong is added to `problems`; passwords that templates made are registered.
    pub fn resolve(&self, secrets: &Secrets, problems: &mut Diagnostics) -> Vec<ResolvedHost> {
        let (mut resolved, mut wrong) = (Vec::new(), Vec::new());
        let inventory = &self.loaded.inventory;
        for host in self.hosts.iter().filter_map(|name| inventory.host(name)) {
            match inventory::resolve(inventory, host, &self.defaults, &self.loaded.engine) {
                Ok(host) => resolved.push(host),
                Err(errors) => wrong.extend(errors.0.into_iter().map(|error| (Arc::clone(&host.name), error))),
            }
        }
        problems.0.extend(told_once(wrong));
        let passwords = resolved.iter().flat_map(|host| {
            let login = match &host.connect {
                Connect::Ssh { password, .. } => password.as_ref(),
                Connect::Local => None,
            };
            [login, host.become_user.as_ref().and_then(|become_user| become_user.password.as_ref())].into_iter().flatten()
        });
        hide_texts(secrets, passwords.map(|password| password.expose_secret()), "a password", problems);
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
        passwords(&self.passwords, args.login.ask_pass, terminal, &mut self.defaults, secrets, warnings)
    }
}

/// Many hosts share a variable: the same mistake is told once. And one vault password is for many values.
fn told_once(wrong: Vec<(Arc<str>, Diagnostic)>) -> Vec<Diagnostic> {
    // each with how often it came again
    let mut told: Vec<(Arc<str>, Diagnostic, usize)> = Vec::new();
    let mut known: HashMap<(String, Option<(usize, usize)>), usize> = HashMap::new();
    for (host, error) in wrong {
        let key = if of_vault_password(&error) {
            (error.message.rsplit(": ").next().unwrap_or_default().to_owned(), None)
        } else {
            let place = error.place.as_ref().map(|place| (place.source.text.as_ptr() as usize, place.span.start));
            (error.message.replacen(&format!("` of `{host}`: "), "`: ", 1), place)
        };
        match known.entry(key) {
            Entry::Occupied(at) => {
                if let Some((_, _, more)) = told.get_mut(*at.get()) {
                    *more += 1;
                }
            }
            Entry::Vacant(at) => {
                at.insert(told.len());
                told.push((host, error, 0));
            }
        }
    }
    let counted = |(host, error, more): (Arc<str>, Diagnostic, usize)| {
        let of_password = of_vault_password(&error);
        let message = match more {
            0 => error.message,
            1 if of_password => format!("{} (and one more)", error.message),
            more if of_password => format!("{} (and {more} more)", error.message),
            more => {
                let hosts = format!("` of `{host}` and {more} more {}: ", if more == 1 { "host" } else { "hosts" });
                error.message.replacen(&format!("` of `{host}`: "), &hosts, 1)
            }
        };
        Diagnostic { message, ..error }
    };
    told.into_iter().map(counted).collect()
}

fn of_vault_password(error: &Diagnostic) -> bool {
    error.message.contains("vault password")
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

fn defaults(args: &ConnectionArgs, settings: &Settings, home: &Path, problems: &mut Diagnostics) -> Defaults {
    let (login, become_user) = (&args.login, &args.become_user);
    let key = login.private_key.as_ref().map(|path| path.to_str().map_or_else(|| path.clone(), |path| at_home(path, home)));
    let text = |setting: &Option<Setting<String>>| setting.as_ref().map(|setting| setting.value.clone());
    let arguments =
        |setting: &Option<Setting<String>>| setting.as_ref().map(|setting| Node::new(setting.value.as_str(), setting.place.clone()));
    let local = match login.connection {
        Some(kind) => kind == ConnectionKind::Local,
        None => settings.transport.as_ref().is_some_and(|setting| {
            let known = ["ssh", "smart", "paramiko", "paramiko_ssh", "local", "ansible.builtin.ssh", "ansible.builtin.local"];
            if !known.contains(&setting.value.as_str()) {
                let error = Diagnostic::error(format!("the transport `{}` is not known", setting.value)).at(setting.place.clone());
                problems.push(error.hint("known are ssh and local"));
            }
            setting.value.ends_with("local")
        }),
    };
    if let Some(method) = settings.become_method.as_ref().filter(|method| !matches!(method.value.as_str(), "sudo" | "ansible.builtin.sudo"))
    {
        let error = Diagnostic::error(format!("the become method `{}` is not known", method.value)).at(method.place.clone());
        problems.push(error.hint("only sudo is used"));
    }
    Defaults {
        user: login.user.clone().or_else(|| text(&settings.remote_user)),
        port: settings.remote_port.as_ref().map(|setting| setting.value),
        private_key: key.or_else(|| settings.private_key_file.as_ref().map(|setting| setting.value.clone())),
        password: None,
        local,
        timeout: login
            .timeout
            .map(|seconds| std::time::Duration::from_secs(seconds.into()))
            .or(settings.timeout.as_ref().map(|setting| setting.value)),
        accept_new: settings.host_key_checking.as_ref().is_some_and(|setting| !setting.value),
        ssh_args: [&settings.ssh_args, &settings.ssh_common_args, &settings.ssh_extra_args].map(arguments),
        becomes: become_user.becomes || settings.becomes.as_ref().is_some_and(|setting| setting.value),
        become_user: become_user.become_user.clone().or_else(|| text(&settings.become_user)),
        become_password: None,
        home: home.to_owned(),
    }
}

fn passwords(
    wanted: &Passwords,
    asked_by_flag: bool,
    terminal: &Terminal,
    defaults: &mut Defaults,
    secrets: &Secrets,
    warnings: &mut Diagnostics,
) -> Result<(), Unresolved> {
    if let Some(path) = &wanted.file {
        defaults.password = Some(from_file(path, &defaults.home)?);
    } else if wanted.ask {
        defaults.password = Some(ask(terminal, "SSH password", "--ask-pass")?);
    }
    let asked = wanted.ask && (asked_by_flag || wanted.file.is_none());
    if let Some(path) = &wanted.become_file {
        defaults.become_password = Some(from_file(path, &defaults.home)?);
    } else if wanted.ask_become {
        let question = if asked { "BECOME password [the SSH password]" } else { "BECOME password" };
        let answer = ask(terminal, question, "--ask-become-pass")?;
        let same = answer.expose_secret().is_empty() && asked;
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
    prompt::from_file(&real)
        .map_err(|error| wrong(Diagnostic::error(format!("cannot read the password in `{}`: {}", path.display(), reason(&error)))))
}

fn wrong(diagnostic: Diagnostic) -> Unresolved {
    Unresolved::Wrong(diagnostic.into())
}

/// Registers a secret; one that cannot be hidden is said.
pub(in crate::cli) fn register(secrets: &Secrets, secret: &str, what: &str, problems: &mut Diagnostics) {
    if secrets.register(secret) == Registered::TooShort {
        let message = format!("{what} has less than {SHORTEST} characters, so it is not hidden in the output");
        if !problems.0.iter().any(|problem| problem.message == message) {
            problems.push(Diagnostic::warning(message));
        }
    }
}
