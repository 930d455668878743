//! Plays in their order: which hosts, in which batches, what they share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use futures_util::{StreamExt as _, stream};
use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;

use super::call;
use super::core::{Core, locked};
use super::gather::Gathering;
use super::host::{Host, Machines, NotReached, Place, State, seat_key};
use super::items::{Position, title};
use super::magic;
use super::person::Person;
use super::scope::{Known, PlayVars, View};
use super::task::shown;
use super::via::Via;
use crate::diagnostics::Diagnostics;
use crate::inventory::Inventory;
use crate::modules;
use crate::playbook::{Included, Item, Play, Playbook, Role, VarsPrompt};
use crate::report::{Event, Outcome, Problem, TaskOutcome};
use crate::template::Engine as Template;
use crate::yaml::{Keys, Node, Value, python_str};

/// What the person asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Nothing is changed.
    pub check: bool,
    /// Contents are shown as they were and will be.
    pub diff: bool,
    /// How many hosts at the same time.
    pub forks: usize,
    /// `--tags`
    pub tags: Vec<String>,
    /// `--skip-tags`
    pub skip_tags: Vec<String>,
    /// Handlers run on hosts that failed.
    pub force_handlers: bool,
    /// A name to which no handler answers is told, and nothing else.
    pub handlers_may_miss: bool,
    /// Each task is asked about before it is done.
    pub step: bool,
    /// What holds nothing may be formatted without a question.
    pub yes: bool,
    /// The first task to run, by its name.
    pub start_at_task: Option<String>,
    /// Whether results are told whole: somebody reads them.
    pub results: bool,
    /// `gathering` of ansible.cfg
    pub gathering: Gathering,
}

/// Finds the hosts of a pattern.
pub type Select = Box<dyn Fn(&Inventory, &str) -> Result<Vec<Arc<str>>, Diagnostics> + Send + Sync>;
/// Reads the inventory again.
pub type Reread = Box<dyn Fn() -> Result<Inventory, Diagnostics> + Send + Sync>;
/// Asks a person for a variable.
pub type Ask = Box<dyn Fn(&VarsPrompt) -> Option<String> + Send + Sync>;

/// Where a run takes place.
pub struct Setting {
    /// The hosts.
    pub inventory: Arc<Inventory>,
    /// What was given with `-i`.
    pub inventory_sources: Vec<String>,
    /// `--limit`
    pub limit: Option<String>,
    /// Opens encrypted values and files.
    pub keys: Arc<Keys>,
    /// Renders templates.
    pub template: Arc<Template>,
    /// The ansible.cfg that was read.
    pub config_file: Option<PathBuf>,
    /// Where roles are looked for.
    pub roles: Vec<PathBuf>,
    /// Where collections are looked for.
    pub collections: Vec<PathBuf>,
    /// The working directory.
    pub dir: PathBuf,
    /// The hosts of a pattern, in its order, within `--limit`.
    pub select: Select,
    /// Reads the inventory again, for `meta: refresh_inventory`.
    pub reread: Reread,
    /// Asks the person for a variable; `None`: there is nobody to ask.
    pub ask: Ask,
    /// The person at the terminal, for what comes up while the run goes on.
    pub person: Person,
    /// Hears everything.
    pub tell: Box<dyn Fn(Event) + Send + Sync>,
}

/// How a run ended on a host.
#[derive(Debug, Clone)]
pub struct HostEnd {
    /// The host.
    pub host: Arc<str>,
    /// How.
    pub outcome: Outcome,
    /// Why it did not end well.
    pub problem: Option<Problem>,
    /// Tasks, by how they ended.
    pub tasks: BTreeMap<TaskOutcome, usize>,
    /// Messages there and back.
    pub round_trips: u32,
}

/// The places of hosts, by the machine and the way to it.
type Seats<M> = BTreeMap<(Arc<str>, Via), Place<M>>;

/// Which include, and the name that it had there.
pub(super) type IncludeAt = (usize, String);

/// Runs playbooks.
pub struct Engine<M: Machines> {
    pub(super) core: Arc<Core>,
    pub(super) machines: M,
    hosts: Mutex<BTreeMap<String, Arc<Host<M::Machine>>>>,
    seats: Mutex<Seats<M::Machine>>,
    pub(super) cancelled: CancellationToken,
    /// What includes that were looked at ahead read, by the task and its words; nothing where it cannot be read.
    pub(super) included: Mutex<BTreeMap<IncludeAt, Option<Arc<Included>>>>,
}

impl<M: Send> Known for Host<M> {
    fn look(&self, see: &mut dyn FnMut(&State)) {
        see(&self.state());
    }
}

impl<M: Machines> Engine<M> {
    /// An engine for one run.
    pub fn new(machines: M, setting: Setting, options: Options, cancelled: CancellationToken) -> Self {
        let extra = setting.inventory.extra_variables();
        let core = Core {
            begun: Mutex::new(options.start_at_task.is_none()),
            asks: tokio::sync::Mutex::new(options.step),
            options,
            inventory: RwLock::new(Arc::clone(&setting.inventory)),
            setting,
            variables: Mutex::default(),
            extra,
            grown: Mutex::default(),
            known: RwLock::default(),
            tallies: Mutex::default(),
            warned: Mutex::default(),
            foreseen: Mutex::default(),
            digests: super::digests::Digests::default(),
            consent: super::consent::Consent::default(),
        };
        let seats = Mutex::default();
        Self { core: Arc::new(core), machines, hosts: Mutex::default(), seats, cancelled, included: Mutex::default() }
    }

    /// Where its machines come from.
    pub fn machines(&self) -> &M {
        &self.machines
    }

    pub(super) fn template(&self) -> Arc<Template> {
        Arc::clone(&self.core.setting.template)
    }

    /// All hosts that the run knows something of.
    pub(super) fn all_hosts(&self) -> Vec<Arc<Host<M::Machine>>> {
        locked(&self.hosts).values().map(Arc::clone).collect()
    }

    /// What the run knows of a host; made when it is first named.
    pub(super) fn host(&self, name: &str) -> Arc<Host<M::Machine>>
    where
        M::Machine: 'static,
    {
        let mut hosts = locked(&self.hosts);
        if let Some(host) = hosts.get(name) {
            return Arc::clone(host);
        }
        let host = Arc::new(Host::new(name.into(), self.seat(name, Via::new())));
        hosts.insert(name.to_owned(), Arc::clone(&host));
        let known: Arc<dyn Known> = host.clone();
        self.core.known.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), known);
        host
    }

    /// The place of a host that is reached so.
    pub(super) fn seat(&self, host: &str, via: Via) -> Place<M::Machine> {
        let key = seat_key(host, &via);
        locked(&self.seats).entry(key.clone()).or_insert_with(|| Place::new(key.0, via, self.core.options.check)).clone()
    }

    /// Everything that was read may be other by now, on every host; or will be, where something was only foretold.
    pub(super) async fn forget_all(&self, foretold: bool) {
        let hosts: Vec<_> = locked(&self.hosts).values().cloned().collect();
        for host in hosts {
            let name = host.machine_name();
            let mut seat = host.machine().await;
            if foretold {
                let eyes: BTreeSet<_> = [crate::plan::Scope::new(&name, "root")].into();
                eyes.iter().for_each(|eyes| seat.store.predict(eyes, "a delegated task", &[], &[crate::plan::Touch::Everything]));
            } else {
                seat.store.forget(&name, &[crate::plan::Touch::Everything]);
            }
        }
    }

    /// Reads facts by Ansible's names and keeps them.
    pub(super) async fn gather(&self, host: &str, names: BTreeSet<String>) -> Result<(), NotReached> {
        let host = self.host(host);
        let gathers = host.state().gathering.clone();
        let (becomes, whom) = gathers.becomes.clone();
        let found = {
            let mut seat = host.machine().await;
            let name = host.machine_name();
            let reached = call::reach(&mut seat, &self.machines, &name).await?;
            let user = super::manner::whose(becomes, whom, reached.become_user.as_deref(), &reached.user);
            let eyes = crate::plan::Scope::new(&name, &user);
            match call::ask(&mut seat, &self.machines, &eyes, |facts| super::gather::read(&names, &gathers, facts)).await {
                Ok((found, _)) => found,
                Err(call::Halt::Gone(gone)) => return Err(gone),
                Err(call::Halt::NoUser(why)) => return Err(NotReached { why, hint: None }),
                Err(call::Halt::Unknown(_)) => serde_json::Map::new(),
            }
        };
        self.learn(&host, &names, found);
        Ok(())
    }

    pub(super) fn learn(&self, host: &Host<M::Machine>, names: &BTreeSet<String>, found: serde_json::Map<String, Json>) {
        let place = magic::made(Value::Null).place;
        let mut state = host.state();
        state.looked_for.extend(names.iter().cloned());
        for (name, value) in found {
            state.facts.insert(name.strip_prefix("ansible_").unwrap_or(&name).to_owned(), modules::node(&value, &place));
        }
    }

    /// Runs the plays of playbooks, one after the other.
    pub async fn run(&self, playbooks: &[Playbook]) -> Vec<HostEnd> {
        let mut all: Vec<Arc<str>> = Vec::new();
        'plays: for play in playbooks.iter().flat_map(|playbook| &playbook.plays) {
            if self.cancelled.is_cancelled() {
                break;
            }
            match self.play(play, &mut all).await {
                Ok(true) => {}
                Ok(false) => break 'plays,
                Err(problems) => {
                    problems.0.iter().for_each(|problem| (self.core.setting.tell)(Event::from(problem)));
                    if problems.has_errors() {
                        break 'plays;
                    }
                }
            }
        }
        self.ends(all).await
    }

    /// Whether the next play runs.
    async fn play(&self, play: &Arc<Play>, all: &mut Vec<Arc<str>>) -> Result<bool, Diagnostics> {
        let prompts = self.prompts(play);
        let nobody = Arc::new(PlayVars {
            play: Arc::clone(play),
            prompts: prompts.clone(),
            batch: Vec::new(),
            all: Vec::new(),
            roles: Mutex::default(),
            handlers: Mutex::new(play.handlers.clone()),
        });
        let plain = |node: &Node| {
            let view = View { play: Some(Arc::clone(&nobody)), levels: vec![Arc::clone(&play.common)], ..View::default() };
            let (scope, _) = self.scope(&view);
            self.template().render(node, scope).map_err(|error| Diagnostics(vec![*error]))
        };
        let pattern = plain(&play.hosts)?;
        let pattern = match &pattern.value {
            Value::List(list) => list.iter().map(python_str).collect::<Vec<_>>().join(","),
            _ => shown(&pattern),
        };
        let mut hosts = (self.core.setting.select)(&self.core.inventory_now(), &pattern)?;
        // `ansible_play_hosts` and `ansible_play_hosts_all` do not follow `order`
        let targeted = hosts.clone();
        let order = play.order.as_ref().map(&plain).transpose()?.map(|order| shown(&order));
        match order.as_deref() {
            Some("sorted") => hosts.sort(),
            Some("reverse_sorted") => hosts.sort_by(|a, b| b.cmp(a)),
            Some("reverse_inventory") => hosts.reverse(),
            Some("shuffle") => hosts.sort_by_cached_key(|_| rand::random::<u64>()),
            _ => {}
        }
        for host in &hosts {
            if !all.contains(host) {
                all.push(Arc::clone(host));
            }
        }
        let asked = play.gather_facts.as_ref().map(&plain).transpose()?.map(|node| modules::boolean(&node).unwrap_or(true));
        // where no host gathers, nobody asks what the subset means
        let gathers = |name: &Arc<str>| self.core.options.gathering.gathers(asked, self.host(name).state().gathered);
        let collectors = match &play.gather_subset {
            subset if hosts.iter().any(gathers) => super::gather::collectors(subset.as_ref().map(&plain).transpose()?.as_ref())?,
            _ => BTreeSet::new(),
        };
        let fact_path = play.fact_path.as_ref().map(&plain).transpose()?.map(|path| shown(&path));
        let keyword = |name: &str| play.common.others.get(name).map(&plain).transpose();
        let whom = keyword("become_user")?.map(|whom| shown(&whom)).filter(|whom| !whom.is_empty());
        let becomes = (keyword("become")?.as_ref().and_then(modules::boolean), whom);
        for name in &hosts {
            let host = self.host(name);
            let mut state = host.state();
            let gathers = self.core.options.gathering.gathers(asked, state.gathered);
            if state.gathering.becomes != becomes {
                // who reads them is among what they tell
                state.gathering.becomes.clone_from(&becomes);
                for name in ["all", "env", "user_id", "user_uid", "user_gid", "user_gecos", "user_dir", "user_shell", "effective_user_id"] {
                    state.looked_for.remove(name);
                    state.facts.remove(name);
                }
            }
            if fact_path.is_some() && gathers && state.gathering.fact_path != fact_path {
                state.gathering.fact_path.clone_from(&fact_path);
                state.looked_for.remove("local");
                state.facts.remove("local");
            }
            state.ended = false;
            if gathers {
                (state.gathers, state.gathered) = (true, true);
                state.gathering.collectors.extend(&collectors);
                state.forget_gathered(&collectors);
            }
            state.notified.clear();
            state.roles_left.clear();
            state.files.clear();
        }
        let left: Vec<Arc<str>> = hosts.iter().filter(|name| self.host(name).is_active()).cloned().collect();
        if left.is_empty() && !hosts.is_empty() {
            return Ok(false);
        }
        let mut sizes = Vec::new();
        for size in &play.serial {
            let size = plain(&size.0)?;
            match &size.value {
                Value::List(list) => sizes.extend(list.iter().map(shown)),
                _ => sizes.push(shown(&size)),
            }
        }
        let free = match &play.strategy {
            Some(node) => matches!(shown(&plain(node)?).rsplit('.').next(), Some("free" | "host_pinned")),
            None => false,
        };
        // as in Ansible: what the play says comes before the command line
        let force = match &play.force_handlers {
            Some(node) => modules::boolean(&plain(node)?).unwrap_or(false),
            None => self.core.options.force_handlers,
        };
        for batch in batches(&left, &sizes) {
            let batch: Vec<Arc<str>> = batch.into_iter().filter(|name| self.host(name).is_active()).collect();
            if batch.is_empty() {
                continue;
            }
            let vars = PlayVars {
                play: Arc::clone(play),
                prompts: prompts.clone(),
                batch: batch.clone(),
                all: targeted.clone(),
                roles: Mutex::default(),
                handlers: Mutex::new(play.handlers.clone()),
            };
            let at = Position { play: Arc::new(vars), params: Vec::new(), depth: 0, handlers: false };
            let hosts: Vec<Arc<Host<M::Machine>>> = batch.iter().map(|name| self.host(name)).collect();
            for host in &hosts {
                let levels = vec![Arc::clone(&play.common)];
                let view = View { host: Arc::clone(&host.name), play: Some(Arc::clone(&at.play)), levels, ..View::default() };
                if let Err(stuck) = self.reach_by_play(&view, &play.common, host).await {
                    self.fails_before(host, stuck.done().why.unwrap_or_default());
                }
            }
            self.vars_files(&at, &hosts).await;
            if free {
                let at = &at;
                let alone: Vec<_> = hosts.iter().map(|host| self.sections(at, vec![Arc::clone(host)], force)).collect();
                stream::iter(alone).buffer_unordered(self.core.options.forks.max(1)).collect::<Vec<()>>().await;
            } else {
                self.sections(&at, hosts.clone(), force).await;
            }
            if hosts.iter().all(|host| {
                let state = host.state();
                state.failed || state.lost
            }) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn sections(&self, at: &Position, hosts: Vec<Arc<Host<M::Machine>>>, force: bool) {
        let play = Arc::clone(&at.play.play);
        let main: Vec<Item> = once_each(&play.role_tasks).into_iter().chain(&play.tasks).cloned().collect();
        for section in [&play.pre_tasks, &main, &play.post_tasks] {
            self.items(at, section, hosts.clone()).await;
            if self.cancelled.is_cancelled() {
                return;
            }
            self.flush(at, &hosts, force).await;
        }
        let waiting: Vec<&str> = hosts.iter().filter(|host| !host.state().notified.is_empty()).map(|host| &*host.name).collect();
        if !waiting.is_empty() {
            let handlers = locked(&at.play.handlers).clone();
            let names: BTreeSet<String> = hosts
                .iter()
                .flat_map(|host| host.state().notified.clone())
                .filter_map(|index| handlers.get(index).map(|handler| title(&handler.task, None)))
                .collect();
            let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
            self.core.warn(format!(
                "handlers that were notified did not run on {}: {}; `--force-handlers` runs them on hosts that failed too",
                waiting.join(" "),
                names.join(", ")
            ));
        }
    }

    fn prompts(&self, play: &Play) -> BTreeMap<String, Node> {
        let mut answers = BTreeMap::new();
        for prompt in &play.vars_prompt {
            if self.core.extra.contains_key(&prompt.name) {
                continue;
            }
            let answer =
                (self.core.setting.ask)(prompt).filter(|answer| !answer.is_empty()).map(|answer| magic::made(Value::from(answer.as_str())));
            if let Some(mut answer) = answer.or_else(|| prompt.default.clone()) {
                answer.secret |= prompt.private || prompt.encrypt.is_some();
                if let Some(kind) = &prompt.encrypt {
                    let (salt, size) = (prompt.salt.as_deref(), prompt.salt_size);
                    match self.template().hash_password(&python_str(&answer), kind, salt, size) {
                        Ok(hash) => answer.value = Value::from(hash.as_str()),
                        Err(why) => {
                            self.core.warn(format!("`{}` of `vars_prompt` cannot be hashed: {why}", prompt.name));
                            continue;
                        }
                    }
                }
                // as in Ansible what is typed may be a template, unless `unsafe` says that it is none
                answer.literal = prompt.is_unsafe || prompt.encrypt.is_some();
                answers.insert(prompt.name.clone(), answer);
            }
        }
        answers
    }

    /// A host that takes no part in a play, because.
    fn fails_before(&self, host: &Host<M::Machine>, why: String) {
        host.state().failed = true;
        let mut tallies = locked(&self.core.tallies);
        tallies.entry(Arc::clone(&host.name)).or_default().worst = Some((Outcome::Failed, Problem::new(why)));
    }

    /// `vars_files`, whose names may depend on the host.
    async fn vars_files(&self, at: &Position, hosts: &[Arc<Host<M::Machine>>]) {
        for host in hosts {
            let view = View {
                host: Arc::clone(&host.name),
                play: Some(Arc::clone(&at.play)),
                levels: vec![Arc::clone(&at.play.play.common)],
                ..View::default()
            };
            for entry in &at.play.play.vars_files {
                let names: Vec<Node> = entry.as_list().map_or_else(|| vec![entry.clone()], <[Node]>::to_vec);
                let mut tried = Vec::new();
                let mut read = false;
                for name in &names {
                    let Ok(name) = self.rendered(&view, name).await else { continue };
                    let name = shown(&name);
                    let found = self.with_request(|request| crate::playbook::find_vars(&name, &at.play.play.dir, request));
                    match found.found {
                        Some(path) => {
                            match self.with_request(|request| crate::playbook::load_vars(&path, request)) {
                                Ok((map, _)) => {
                                    let mut state = host.state();
                                    state.files.extend(map.into_iter().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value))));
                                    read = true;
                                }
                                Err(problems) => problems.0.iter().for_each(|problem| (self.core.setting.tell)(Event::from(problem))),
                            }
                            break;
                        }
                        None => tried.push(name),
                    }
                }
                // as in Ansible the play goes on, but not in silence
                if !read {
                    self.core.warn(format!("no file of `vars_files` is there: {}", tried.join(", ")));
                }
            }
        }
    }

    /// For what is read while the run goes on.
    pub(super) fn with_request<T>(&self, ask: impl FnOnce(&crate::playbook::Request<'_>) -> T) -> T {
        let setting = &self.core.setting;
        ask(&crate::playbook::Request {
            dir: &setting.dir,
            roles: &setting.roles,
            collections: &setting.collections,
            engine: &setting.template,
            vars: &self.core.extra,
            keys: &setting.keys,
            home: setting.template.home(),
        })
    }

    async fn ends(&self, all: Vec<Arc<str>>) -> Vec<HostEnd> {
        let mut ends = Vec::new();
        for name in all {
            let host = self.host(&name);
            let round_trips = host.machine().await.trips;
            let (failed, lost) = {
                let state = host.state();
                (state.failed, state.lost)
            };
            let mut tallies = locked(&self.core.tallies);
            let tally = tallies.remove(&name).unwrap_or_default();
            let changed = tally.tasks.get(&TaskOutcome::Changed).is_some_and(|count| *count > 0);
            let (outcome, problem) = match tally.worst {
                Some((outcome, problem)) if failed || lost => (outcome, Some(problem)),
                _ if failed || lost => (Outcome::Failed, Some(Problem::new("it was ended because another host failed"))),
                _ if changed => (Outcome::Changed, None),
                _ => (Outcome::Unchanged, None),
            };
            ends.push(HostEnd { host: name, outcome, problem, tasks: tally.tasks, round_trips });
        }
        ends
    }
}

/// The tasks of roles without those of a role that has run before with the same parameters, unless it may run again.
fn once_each(items: &[Item]) -> Vec<&Item> {
    let mut seen: BTreeMap<u64, *const Role> = BTreeMap::new();
    let is_new = |item: &&Item| {
        let Some(role) = role_of(item).filter(|role| !role.allow_duplicates) else { return true };
        *seen.entry(role.identity).or_insert(Arc::as_ptr(role)) == Arc::as_ptr(role)
    };
    items.iter().filter(is_new).collect()
}

/// The role that an item belongs to.
fn role_of(item: &Item) -> Option<&Arc<Role>> {
    match item {
        Item::Task(task) => task.role.as_ref(),
        Item::Block(block) => [&block.block, &block.rescue, &block.always].into_iter().flatten().find_map(role_of),
    }
}

/// Hosts in batches of these sizes: numbers or percentages, the last again and again.
fn batches(hosts: &[Arc<str>], sizes: &[String]) -> Vec<Vec<Arc<str>>> {
    let size = |text: &str| -> usize {
        let count = match text.trim().strip_suffix('%') {
            Some(percent) => percent.parse::<usize>().map(|percent| (hosts.len() * percent / 100).max(1)),
            None => text.trim().parse::<usize>(),
        };
        count.unwrap_or(hosts.len())
    };
    let mut sizes: Vec<usize> = sizes.iter().map(|text| size(text)).collect();
    // none, or nothing: all at once; a share of less than one host is one
    if sizes.is_empty() || sizes == [0] {
        sizes = vec![hosts.len()];
    }
    let (mut left, mut found, mut at) = (hosts, Vec::new(), 0);
    while !left.is_empty() {
        let wanted = sizes.get(at).or(sizes.last()).copied().unwrap_or(left.len()).clamp(1, left.len());
        let (batch, rest) = left.split_at(wanted);
        found.push(batch.to_vec());
        left = rest;
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_as_ansible_makes_them() {
        let hosts: Vec<Arc<str>> = (0..10).map(|n| format!("m{n}").into()).collect();
        let sizes = |texts: &[&str]| {
            batches(&hosts, &texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[]), [10]);
        assert_eq!(sizes(&["3"]), [3, 3, 3, 1]);
        assert_eq!(sizes(&["1", "5"]), [1, 5, 4]);
        assert_eq!(sizes(&["30%"]), [3, 3, 3, 1]);
        assert_eq!(sizes(&["1%"]), [1; 10].as_slice());
        assert_eq!(sizes(&["0"]), [10]);
    }
}
