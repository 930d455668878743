//! What all of a run shares: variables, the inventory as it is now, what came of each host so far.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde_json::Value as Json;

use super::consent::Consent;
use super::digests::Digests;
use super::items::{Position, title};
use super::magic;
use super::play::{Options, Setting};
use super::scope::{Known, View, World};
use super::status::{Done, Status};
use super::task::shown;
use crate::diagnostics::Diagnostics;
use crate::inventory::{Inventory, where_it_stands};
use crate::playbook::Task;
use crate::report::{Event, Outcome, Problem, Shown, TaskAnswer, TaskOutcome};
use crate::yaml::{Node, Value};

/// What came of a host so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) tasks: BTreeMap<TaskOutcome, usize>,
    pub(super) worst: Option<(Outcome, Problem)>,
}

/// Adds to an inventory what a run adds. Whether any of it is new.
type Growth = Box<dyn Fn(&mut Inventory) -> bool + Send + Sync>;

/// What all of a run shares and templates may see.
pub(super) struct Core {
    pub(super) options: Options,
    pub(super) setting: Setting,
    pub(super) inventory: RwLock<Arc<Inventory>>,
    pub(super) variables: Mutex<BTreeMap<String, Arc<BTreeMap<String, Node>>>>,
    pub(super) extra: BTreeMap<String, Node>,
    /// What the run added to the inventory.
    pub(super) grown: Mutex<Vec<Growth>>,
    pub(super) known: RwLock<BTreeMap<String, Arc<dyn Known>>>,
    pub(super) tallies: Mutex<BTreeMap<Arc<str>, Tally>>,
    pub(super) begun: Mutex<bool>,
    /// Whether each task is asked about; held while a question is open.
    pub(super) asks: tokio::sync::Mutex<bool>,
    pub(super) warned: Mutex<BTreeSet<String>>,
    /// In check mode: the files here that a real run would have written by now.
    pub(super) foreseen: super::local::Foreseen,
    pub(super) digests: Digests,
    /// Whether disks may be formatted.
    pub(super) consent: Consent,
}

/// The guard, also after a panic elsewhere.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub(super) fn inventory_now(&self) -> Arc<Inventory> {
        Arc::clone(&self.inventory.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the inventory of this run.
    pub(super) fn change_inventory(&self, change: impl Fn(&mut Inventory) -> bool + Send + Sync + 'static) -> bool {
        let mut held = self.inventory.write().unwrap_or_else(PoisonError::into_inner);
        let new = change(Arc::make_mut(&mut held));
        if new {
            locked(&self.variables).clear();
            locked(&self.grown).push(Box::new(change));
        }
        new
    }

    /// Reads the inventory again; what the run added is added again.
    pub(super) fn refresh_inventory(&self) -> Result<(), Diagnostics> {
        let mut fresh = (self.setting.reread)()?;
        for change in locked(&self.grown).iter() {
            change(&mut fresh);
        }
        *self.inventory.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        locked(&self.variables).clear();
        Ok(())
    }

    pub(super) fn warn(&self, message: String) {
        if locked(&self.warned).insert(message.clone()) {
            (self.setting.tell)(Event::warning(message));
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        *locked(&self.begun)
    }

    pub(super) fn begin(&self) {
        *locked(&self.begun) = true;
    }

    /// A host whose failure was answered by a `rescue`.
    pub(super) fn rescued(&self, host: &Arc<str>) {
        locked(&self.tallies).entry(Arc::clone(host)).or_default().worst = None;
    }

    /// Tells how a task ended, and counts it.
    #[expect(clippy::too_many_arguments, reason = "all of it is told")]
    pub(super) fn tell_done(
        &self,
        at: &Position,
        task: &Task,
        name: Option<&str>,
        host: &Arc<str>,
        done: &Done,
        ignored: bool,
        no_log: bool,
    ) {
        let outcome = match done.status {
            Status::Skipped => TaskOutcome::Skipped,
            Status::Ok => TaskOutcome::Unchanged,
            Status::Changed => TaskOutcome::Changed,
            Status::Pending => TaskOutcome::Pending,
            Status::Refused => TaskOutcome::Refused,
            Status::Failed => TaskOutcome::Failed,
            Status::Unreachable => TaskOutcome::Unreachable,
            Status::Unknown => TaskOutcome::Unknown,
        };
        let hidden = "hidden, because the task says `no_log: true`";
        let problem = done.why.as_ref().map(|why| {
            let problem = Problem::new(if no_log { hidden.to_owned() } else { why.clone() });
            match &done.hint {
                Some(hint) if !no_log => hint.lines().fold(problem, Problem::hint),
                _ => problem,
            }
        });
        let parts: Vec<&Done> = if done.items.is_empty() { vec![done] } else { done.items.iter().collect() };
        if !no_log {
            let warnings = parts.iter().flat_map(|done| done.warnings());
            warnings.for_each(|warning| self.warn(format!("{}: {warning}", where_it_stands(&task.place))));
        }
        let changes = |done: &Done| {
            done.changes
                .iter()
                .map(|change| Shown { what: change.what.clone(), before: change.before.clone(), after: change.after.clone() })
                .collect::<Vec<_>>()
        };
        let answer = TaskAnswer {
            host: Arc::clone(host),
            play: at.play.play.name.as_ref().map_or_else(|| shown(&at.play.play.hosts), shown),
            role: task.role.as_ref().map(|role| role.name.clone()),
            task: name.map_or_else(|| title(task, None), str::to_owned),
            module: task.action.name.clone(),
            place: where_it_stands(&task.place),
            outcome,
            ignored,
            check: self.options.check,
            changes: if no_log { Vec::new() } else { parts.into_iter().flat_map(changes).collect() },
            problem: problem.clone(),
            result: if no_log { Some(done.censored(hidden)) } else { self.options.results.then(|| Json::Object(done.registered())) },
        };
        {
            let mut tallies = locked(&self.tallies);
            let tally = tallies.entry(Arc::clone(host)).or_default();
            *tally.tasks.entry(outcome).or_default() += 1;
            let bad = match done.status {
                Status::Refused => Some(Outcome::Refused),
                Status::Failed => Some(Outcome::Failed),
                Status::Unreachable => Some(Outcome::Unreachable),
                Status::Unknown => Some(Outcome::Unknown),
                _ => None,
            };
            if let Some(bad) = bad.filter(|_| !ignored) {
                let place = where_it_stands(&task.place);
                let mut problem = problem.unwrap_or_else(|| Problem::new("it failed"));
                problem.message = format!("{place} \"{}\": {}", answer.task, problem.message);
                tally.worst = Some((bad, problem));
            }
        }
        (self.setting.tell)(Event::TaskFinished(answer));
    }
}

impl World for Core {
    fn state(&self, host: &str) -> Option<Arc<dyn Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(host).cloned()
    }

    fn inventory(&self, host: &str) -> Option<Arc<BTreeMap<String, Node>>> {
        let mut known = locked(&self.variables);
        if let Some(found) = known.get(host) {
            return Some(Arc::clone(found));
        }
        let inventory = self.inventory_now();
        let entry = inventory.host(host)?;
        let variables = inventory.variables(entry).into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
        let variables = Arc::new(variables);
        known.insert(host.to_owned(), Arc::clone(&variables));
        Some(variables)
    }

    fn extra(&self) -> &BTreeMap<String, Node> {
        &self.extra
    }

    fn magic(&self, name: &str, view: &View) -> Option<Value> {
        if !magic::names().any(|magic| magic == name) {
            return None;
        }
        let active = |host: &str| {
            let mut active = true;
            if let Some(state) = self.state(host) {
                state.look(&mut |state| active = !(state.failed || state.lost));
            }
            active
        };
        magic::value(name, view, &self.inventory_now(), &self.options, &self.setting, &active)
    }

    fn entry(&self, name: &str, key: &str) -> Option<Node> {
        let inventory = self.inventory_now();
        (name == "groups" && inventory.group(key).is_some()).then(|| magic::group_hosts(&inventory, key))
    }

    fn merges(&self) -> bool {
        self.setting.inventory.merges()
    }

    fn matching(&self, pattern: &str) -> Vec<String> {
        let inventory = self.inventory_now();
        let hosts = crate::inventory::Pattern::new("pattern", pattern).of_play(&inventory);
        hosts.into_iter().map(|host| host.name.to_string()).collect()
    }

    fn hosts(&self) -> Vec<String> {
        self.inventory_now().all_hosts().into_iter().map(|host| host.name.to_string()).collect()
    }
}
