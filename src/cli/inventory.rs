//! The inventory of a run: from arguments and ansible.cfg to hosts with variables that are known to be readable.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::ansible_cfg::{HashBehaviour, Settings};
use super::args::{LimitArgs, SourceArgs, Unresolved};
use super::environment::Environment;
use super::terminal::Terminal;
use super::vault;
use crate::diagnostics::{Diagnostic, Diagnostics, may_be_a_password, names_a_secret};
use crate::inventory::{self, Given, Host, HostScope, Inventory, Pattern, Request, Variable, is_secret};
use crate::report::{SHORTEST, Secrets};
use crate::template::{Engine, Hide, Surroundings};
use crate::yaml::{Keys, Node, Value, load_all, plain};

/// How long an inventory program may take, unless the variable says otherwise.
const SCRIPT_LIMIT: u64 = 30;
const SCRIPT_VARIABLE: &str = "HOMELABCTL_SCRIPT_TIMEOUT";
/// Where hosts are looked for if nothing says it: in the project, and where Ansible looks.
const USUAL: [&str; 2] = ["inventory", "/etc/ansible/hosts"];

/// What was read.
pub(super) struct Loaded {
    pub(super) inventory: Arc<Inventory>,
    pub(super) engine: Arc<Engine>,
    /// Opens what is encrypted.
    pub(super) keys: Arc<Keys>,
    /// How it was read.
    sources: Arc<Sources>,
    /// Whether somebody said where the playbook stands.
    pub(super) playbook_dir_chosen: bool,
}

/// Where an inventory comes from, to be read again while a run goes on.
pub(super) struct Sources {
    given: Vec<Given>,
    playbook_dir: PathBuf,
    extra: Vec<String>,
    keys: Arc<Keys>,
    script_limit: Duration,
    merges: bool,
    passwords_failed: bool,
    home: PathBuf,
}

impl Sources {
    fn read(&self) -> (Inventory, Diagnostics) {
        inventory::read(&Request {
            given: &self.given,
            playbook_dir: Some(&self.playbook_dir),
            extra: &self.extra,
            keys: &self.keys,
            script_limit: self.script_limit,
            merges: self.merges,
            passwords_failed: self.passwords_failed,
            home: &self.home,
        })
    }

    /// The inventory as it is now; what must not be shown is registered in `secrets`.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub(super) fn again(&self, secrets: &Secrets) -> Result<Inventory, Diagnostics> {
        let (inventory, mut problems) = self.read();
        hide(&inventory, secrets, &mut problems);
        if problems.has_errors() { Err(problems) } else { Ok(inventory) }
    }
}

impl Loaded {
    /// Where it comes from.
    pub(super) fn sources(&self) -> Arc<Sources> {
        Arc::clone(&self.sources)
    }

    /// A value with its templates rendered; as it is if one of them cannot be, e.g. because a play sets what it names.
    pub(super) fn rendered(&self, host: &Host, value: &Node) -> Node {
        let mut templates = false;
        value.each(&mut |node| templates |= node.is_template());
        if !templates {
            return value.clone();
        }
        let scope = Arc::new(HostScope::new(Arc::clone(&self.inventory), &host.name));
        self.engine.render(value, scope).unwrap_or_else(|_| value.clone())
    }
}

/// Reads the inventory. What is wrong is added to `problems`; what must not be shown, also beside a mistake, is registered in
/// `secrets`.
///
/// # Errors
/// Ctrl-C at the question for a vault password.
pub(super) fn load_inventory(
    args: &SourceArgs,
    settings: &Settings,
    environment: &Environment,
    terminal: &Terminal,
    secrets: &Secrets,
    problems: &mut Diagnostics,
) -> Result<Loaded, Unresolved> {
    let mut of_passwords = Diagnostics::new();
    let keys = Arc::new(vault::keys(args, settings, environment, terminal, secrets, &mut of_passwords)?);
    let passwords_failed = of_passwords.has_errors();
    problems.extend(of_passwords);
    let given = sources(args, settings, environment);
    let working_dir = PathBuf::from(".");
    let set = settings.playbook_dir.as_ref().map(|setting| setting.value.as_path());
    let chosen = args.playbook_dir.as_deref().or(set);
    let playbook_dir = chosen.unwrap_or(&working_dir);
    let sources = Arc::new(Sources {
        given,
        playbook_dir: playbook_dir.to_owned(),
        extra: args.extra_vars.clone(),
        keys: Arc::clone(&keys),
        script_limit: script_limit(environment, problems),
        merges: settings.hash_behaviour.as_ref().is_some_and(|setting| setting.value == HashBehaviour::Merge),
        passwords_failed,
        home: environment.home.clone(),
    });
    let (mut inventory, mut found) = sources.read();
    let engine = Arc::new(engine(environment, playbook_dir, &keys, secrets));
    hide(&inventory, secrets, problems);
    // a range's hosts share what stands in one line
    let mut checked = HashSet::new();
    for Variable { value, .. } in inventory.all_variables() {
        if checked.insert((value.place.source.text.as_ptr(), value.place.span.start)) {
            engine.check(value, &mut found);
        }
    }
    if found.has_errors() {
        inventory.mark_incomplete();
    }
    problems.extend(found);
    Ok(Loaded { inventory: Arc::new(inventory), engine, keys, sources, playbook_dir_chosen: chosen.is_some() })
}

/// What was given, or else what ansible.cfg says, or else where hosts usually are.
fn sources(args: &SourceArgs, settings: &Settings, environment: &Environment) -> Vec<Given> {
    if !args.inventory.is_empty() {
        return args.inventory.iter().cloned().map(Given::Argument).collect();
    }
    if let Some(setting) = &settings.inventory {
        // as a person would call them
        let here = |path: &String| {
            let inside = Path::new(path).strip_prefix(&environment.working_dir).ok().filter(|path| !path.as_os_str().is_empty());
            inside.map_or_else(|| path.clone(), |path| path.display().to_string())
        };
        return setting.value.iter().map(|path| Given::Setting(here(path), setting.place.clone())).collect();
    }
    USUAL.into_iter().find(|path| Path::new(path).exists()).map(|path| Given::Argument(path.to_owned())).into_iter().collect()
}

fn script_limit(environment: &Environment, problems: &mut Diagnostics) -> Duration {
    let seconds = match environment.variables.get(std::ffi::OsStr::new(SCRIPT_VARIABLE)) {
        None => SCRIPT_LIMIT,
        Some(value) => {
            value.to_str().and_then(|value| value.parse().ok()).filter(|seconds| (1..=86_400).contains(seconds)).unwrap_or_else(|| {
                let place = crate::diagnostics::Source::new(SCRIPT_VARIABLE, value.to_string_lossy().as_ref()).whole();
                let error = Diagnostic::error(format!("`{SCRIPT_VARIABLE}` is a number of seconds from 1 to 86400")).at(place);
                problems.push(error.hint(format!("correct the variable or take it away: `unset {SCRIPT_VARIABLE}`")));
                SCRIPT_LIMIT
            })
        }
    };
    Duration::from_secs(seconds)
}

fn engine(environment: &Environment, dir: &Path, keys: &Arc<Keys>, secrets: &Secrets) -> Engine {
    let text = |text: &std::ffi::OsStr| text.to_str().map(str::to_owned);
    let env: BTreeMap<String, String> =
        environment.variables.iter().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect();
    let keys = Arc::clone(keys);
    Engine::new(Surroundings {
        env,
        dir: dir.to_owned(),
        home: environment.home.clone(),
        decrypt: Arc::new(move |text: &str| keys.open_text(text).map_err(|error| (error.to_string(), error.advice().to_owned()))),
        from_yaml: Some(from_yaml),
        programs: true,
    })
    .hiding(hiding(secrets.clone()))
}

/// What templates see and must not be shown is hidden from then on: what was encrypted, and what is called a password.
fn hiding(secrets: Secrets) -> Hide {
    Arc::new(move |label: &str, text: &str, secret: bool| {
        let name = label.rsplit('.').next().unwrap_or_default();
        if secret || (names_a_secret(name) && may_be_a_password(text)) {
            // one that is too short was told where it stands
            let _ = secrets.register_all([text]);
        }
    })
}

/// For the filter of that name.
fn from_yaml(text: &str) -> Result<Vec<Value>, String> {
    let first = |errors: Diagnostics| errors.0.into_iter().next().map_or_else(String::new, |error| error.message);
    let source = crate::diagnostics::Source::new("from_yaml", text);
    load_all(&source).map(|(documents, _)| documents.into_iter().map(|node| node.value).collect()).map_err(first)
}

/// Registers everything in it that must not be shown: what was encrypted, and what is called a password.
fn hide(inventory: &Inventory, secrets: &Secrets, problems: &mut Diagnostics) {
    let mut found: Vec<String> = Vec::new();
    let mut see = |node: &Node, all: bool| match &node.value {
        Value::Str(_) if !node.is_template() => found.push(plain(&node.value)),
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Time(_) if all => found.push(plain(&node.value)),
        _ => {}
    };
    for variable in inventory.all_variables() {
        let secret_name = is_secret(&variable.name);
        let connects = inventory::known(&variable.name).is_some();
        variable.value.each(&mut |node| {
            if node.secret || secret_name {
                see(node, node.secret || connects);
            }
        });
    }
    hide_texts(secrets, found.iter().map(String::as_str), "a password in the inventory", problems);
}

/// Registers several secrets; that some cannot be hidden is said once.
pub(super) fn hide_texts<'a>(secrets: &Secrets, texts: impl IntoIterator<Item = &'a str>, what: &str, problems: &mut Diagnostics) {
    if secrets.register_all(texts) > 0 {
        problems.push(Diagnostic::warning(format!("{what} has less than {SHORTEST} characters, so it is not hidden in the output")));
    }
}

/// The hosts of a play's pattern, within `--limit`; none is an answer too.
///
/// # Errors
/// What is wrong with the limit.
pub(super) fn within(inventory: &Inventory, pattern: &str, limit: Option<&str>) -> Result<Vec<Arc<str>>, Diagnostics> {
    let names = |hosts: Vec<&Host>| hosts.into_iter().map(|host| Arc::clone(&host.name)).collect::<Vec<_>>();
    // a name that nobody has was told before the run, and in the run it is nobody
    let hosts = names(Pattern::new("hosts", pattern).of_play(inventory));
    let Some(limit) = limit else { return Ok(hosts) };
    let allowed: HashSet<Arc<str>> = Pattern::new("--limit", limit).select(inventory).map(names)?.into_iter().collect();
    Ok(hosts.into_iter().filter(|host| allowed.contains(host)).collect())
}

/// There is an inventory without hosts, or none at all.
pub(super) fn no_hosts(loaded: &Loaded) -> Diagnostic {
    let what = if !loaded.sources.given.is_empty() { "the inventory holds no hosts" } else { "no hosts are known" };
    Diagnostic::error(what).hint("name them with `-i host1,host2,` (mind the comma), or a file of them with `-i FILE`")
}

/// The hosts that a pattern and `--limit` leave, in the pattern's order. What is wrong is added to `problems`.
pub(super) fn select<'a>(loaded: &'a Loaded, pattern: &Pattern, limit: &LimitArgs, problems: &mut Diagnostics) -> Vec<&'a Host> {
    let inventory = &loaded.inventory;
    let limit = limit.limit.as_ref().map(|limit| Pattern::new("--limit", limit));
    // what is wrong has been told: hosts may be missing for it, and of those that are there the variables are looked at
    if inventory.is_incomplete() {
        problems.extend(pattern.mistakes());
        problems.0.extend(limit.iter().flat_map(|limit| limit.mistakes().0));
        return pattern.select(inventory).unwrap_or_default();
    }
    if inventory.is_empty() && pattern.select(inventory).is_err() {
        problems.push(no_hosts(loaded));
        return Vec::new();
    }
    let (hosts, limited) = (pattern.select(inventory), limit.as_ref().map(|limit| limit.select(inventory)).transpose());
    match (hosts, limited) {
        (Ok(hosts), Ok(None)) => hosts,
        (Ok(hosts), Ok(Some(limited))) => {
            let allowed: HashSet<&str> = limited.iter().map(|host| &*host.name).collect();
            let left: Vec<&Host> = hosts.into_iter().filter(|host| allowed.contains(&*host.name)).collect();
            if left.is_empty() {
                let error = Diagnostic::error("no host matches both the pattern and --limit");
                let places = limit.map(|limit| limit.place()).into_iter().map(|place| (place, "and none of them matches this".to_owned()));
                let error = Diagnostic { also: places.collect(), ..error.at(pattern.place()).label("hosts match this") };
                problems.push(error.hint("`homelabctl inventory list` shows all hosts and their groups"));
            }
            left
        }
        (hosts, limited) => {
            for errors in [hosts.err(), limited.err()].into_iter().flatten() {
                problems.extend(errors);
            }
            Vec::new()
        }
    }
}
