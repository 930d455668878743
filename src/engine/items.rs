//! Tasks and blocks in their order, on all hosts of a batch; handlers.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};

use futures_util::{StreamExt as _, stream};
use serde_json::Value as Json;

use super::ahead::Sight;
use super::host::{Host, Machines};
use super::magic::made;
use super::play::Engine;
use super::scope::PlayVars;
use super::status::{Done, Status};
use super::tags;
use super::task::{Stuck, shown};
use crate::modules;
use crate::playbook::{Block, Handler, Item, Task};
use crate::yaml::{Node, Value, python_str};

/// So often handlers may notify others.
const FLUSHES: usize = 100;

/// Where in a play something stands.
#[derive(Clone)]
pub(super) struct Position {
    pub(super) play: Arc<PlayVars>,
    /// What includes around it gave.
    pub(super) params: Vec<Arc<BTreeMap<String, Node>>>,
    /// How many includes are around it.
    pub(super) depth: usize,
    /// Whether handlers are run: what they include stands among handlers.
    pub(super) handlers: bool,
}

pub(super) type Hosts<M> = Vec<Arc<Host<M>>>;
type Work<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What a person calls a task.
pub(super) fn title(task: &Task, name: Option<&Node>) -> String {
    match name.or(task.name.as_ref()) {
        Some(name) if !shown(name).is_empty() => shown(name),
        _ => task.action.name.clone(),
    }
}

/// Whether a task gives variables that those after it may name.
fn gives(task: &Task) -> bool {
    let short = task.action.name.rsplit('.').next();
    task.register.is_some() || matches!(short, Some("set_fact" | "include_vars" | "add_host" | "group_by" | "set_stats"))
}

/// What `throttle` says; none if it is nothing.
fn throttle_of(text: &str) -> Result<Option<usize>, String> {
    match text.trim().parse::<i64>() {
        Ok(limit) => Ok(usize::try_from(limit).ok().filter(|limit| *limit > 0)),
        Err(_) if text.is_empty() || text == super::magic::OMIT => Ok(None),
        Err(_) => Err(no_throttle(&format!("`{text}` is no whole number"))),
    }
}

fn no_throttle(why: &str) -> String {
    format!("Failed to convert the throttle value to an integer: {why}")
}

impl<M: Machines> Engine<M> {
    /// Does these on those hosts, one after the other; hosts that fail take no further part.
    pub(super) fn items<'a>(&'a self, at: &'a Position, items: &'a [Item], hosts: Hosts<M::Machine>) -> Work<'a> {
        Box::pin(async move {
            let (mut look_ahead, mut sight) = (true, Sight::Near);
            for (index, item) in items.iter().enumerate() {
                let active: Hosts<M::Machine> = hosts.iter().filter(|host| host.is_active()).cloned().collect();
                if active.is_empty() || self.cancelled.is_cancelled() {
                    return;
                }
                if look_ahead {
                    sight = self.ahead(at, items.get(index..).unwrap_or_default(), &active, index == 0).await;
                }
                match item {
                    Item::Task(task) => {
                        let acted = self.task_on(at, task, &active).await;
                        look_ahead = acted || sight == Sight::Near || (sight == Sight::Misty && gives(task));
                    }
                    Item::Block(block) => {
                        self.block(at, block, active).await;
                        look_ahead = true;
                    }
                }
            }
        })
    }

    async fn block(&self, at: &Position, block: &Block, hosts: Hosts<M::Machine>) {
        self.items(at, &block.block, hosts.clone()).await;
        if !block.rescue.is_empty() {
            let failed: Hosts<M::Machine> = hosts
                .iter()
                .filter(|host| {
                    let state = host.state();
                    state.failed && !state.lost
                })
                .cloned()
                .collect();
            for host in &failed {
                host.state().failed = false;
            }
            self.items(at, &block.rescue, failed.clone()).await;
            for host in failed.iter().filter(|host| !host.state().failed) {
                self.core.rescued(&host.name);
            }
        }
        if !block.always.is_empty() {
            let here: Vec<(Arc<Host<M::Machine>>, bool)> = hosts
                .iter()
                .filter(|host| {
                    let state = host.state();
                    !state.lost && !state.ended
                })
                .map(|host| (Arc::clone(host), std::mem::take(&mut host.state().failed)))
                .collect();
            let cleared: Vec<usize> = here.iter().map(|(host, _)| host.state().cleared).collect();
            self.items(at, &block.always, here.iter().map(|(host, _)| Arc::clone(host)).collect()).await;
            for ((host, failed), cleared) in here.into_iter().zip(cleared) {
                let mut state = host.state();
                // `meta: clear_host_errors` took back what had failed before
                state.failed |= failed && state.cleared == cleared;
            }
        }
    }

    /// Does a task on all these hosts at the same time. Whether something may have changed anywhere.
    pub(super) async fn task_on(&self, at: &Position, task: &Arc<Task>, hosts: &[Arc<Host<M::Machine>>]) -> bool {
        let hosts: Hosts<M::Machine> = match &task.role {
            Some(role) => hosts.iter().filter(|host| !host.state().roles_left.contains(&role.identity)).cloned().collect(),
            None => hosts.to_vec(),
        };
        let hosts = hosts.as_slice();
        let Some(first) = hosts.first() else { return false };
        if !self.is_chosen(at, task, first).await {
            return false;
        }
        self.chosen(at, task, hosts).await
    }

    /// The same for a task that runs whatever its tags: handlers do.
    async fn chosen(&self, at: &Position, task: &Arc<Task>, hosts: &[Arc<Host<M::Machine>>]) -> bool {
        let Some(first) = hosts.first() else { return false };
        let short = task.action.name.rsplit('.').next().unwrap_or_default();
        match short {
            "include_tasks" | "include_role" => {
                self.include(at, task, hosts, short == "include_role").await;
                return true;
            }
            "meta" => {
                self.meta(at, task, hosts).await;
                return true;
            }
            _ => {}
        }
        if let modules::Found::Play(module) = modules::find(&task.action.name) {
            return self.play_module(at, task, hosts, module).await;
        }
        let view = self.view(at, task, &first.name, Arc::default());
        if !self.is_wanted(task).await {
            return false;
        }
        // as in Ansible: what is added is the same for all, and all wait together
        let once = matches!(short, "add_host" | "pause") || matches!(self.flag(&view, task, "run_once").await, Ok(Some(true)));
        let mut hosts_now: Vec<Arc<Host<M::Machine>>> = if once { vec![Arc::clone(first)] } else { hosts.to_vec() };
        let (limit, stuck) = self.throttle(at, task, &mut hosts_now).await;
        let forks = limit.unwrap_or(usize::MAX).min(self.core.options.forks).max(1);
        let work = hosts_now.iter().map(|host| async move {
            let _busy = self.core.consent.begin();
            (Arc::clone(host), self.do_task(at, task, host).await, true)
        });
        let results: Vec<_> = stream::iter(work.collect::<Vec<_>>()).buffer_unordered(forks).collect().await;
        let opaque = matches!(modules::find(&task.action.name), modules::Found::Module(module) if module.is_opaque());
        let mut acted = false;
        let mut any_failed = false;
        for (host, done, may_be_ignored) in stuck.into_iter().map(|(host, done)| (host, done, false)).chain(results) {
            acted |= !matches!(done.status, Status::Ok | Status::Skipped) || (opaque && done.status == Status::Ok);
            if once {
                let batch = at.play.batch.iter().filter(|name| **name != host.name).map(|name| self.host(name));
                self.share(task, &host, &batch.filter(|other| other.is_active()).collect::<Vec<_>>(), &done);
            }
            any_failed |= self.conclude_as(at, task, &host, &done, may_be_ignored).await;
        }
        let delegated = task.delegate_to.is_some() && acted;
        if delegated {
            // what acts in a dry run too was no forecast: what is so now can be read
            let acts = matches!(self.flag(&view, task, "check_mode").await, Ok(Some(false)));
            self.forget_all(self.core.options.check && !acts).await;
        }
        if any_failed {
            self.after_failure(at, task, &view, hosts, once).await;
        }
        acted
    }

    /// `throttle`, if it is more than nothing: that of the first host that knows it. Those before it do not do the task, and
    /// are taken out.
    async fn throttle(
        &self,
        at: &Position,
        task: &Arc<Task>,
        hosts: &mut Hosts<M::Machine>,
    ) -> (Option<usize>, Vec<(Arc<Host<M::Machine>>, Done)>) {
        let mut without = Vec::new();
        let Some(node) = task.keyword("throttle") else { return (None, without) };
        while let Some(host) = hosts.first().cloned() {
            let view = self.view(at, task, &host.name, Arc::default());
            let done = match self.rendered(&view, node).await.map(|value| throttle_of(&shown(&value))) {
                Ok(Ok(limit)) => return (limit, without),
                Ok(Err(why)) => Done::failed(why),
                Err(stuck @ (Stuck::Pending(_) | Stuck::Gone(_))) => stuck.done(),
                Err(stuck) => Done::failed(no_throttle(&stuck.done().why.unwrap_or_default())),
            };
            hosts.remove(0);
            without.push((Arc::clone(&host), self.noted(at, task, &host, done).await));
        }
        (None, without)
    }

    /// A result of `run_once` is every host's.
    fn share(&self, task: &Task, from: &Host<M::Machine>, others: &[Arc<Host<M::Machine>>], done: &Done) {
        let names: Vec<String> = if task.action.name.ends_with("set_fact") {
            done.result.get("ansible_facts").and_then(Json::as_object).map(|facts| facts.keys().cloned().collect()).unwrap_or_default()
        } else {
            Vec::new()
        };
        for name in names.iter().chain(&task.register) {
            let (value, unknown) = {
                let state = from.state();
                (state.set.get(name).cloned(), state.unknown.get(name).cloned())
            };
            for other in others {
                let mut state = other.state();
                value.iter().for_each(|value| drop(state.set.insert(name.clone(), value.clone())));
                unknown.iter().for_each(|why| drop(state.unknown.insert(name.clone(), why.clone())));
            }
        }
    }

    /// Whether a task runs, by its tags and by where the run begins.
    async fn is_chosen(&self, at: &Position, task: &Arc<Task>, host: &Host<M::Machine>) -> bool {
        let options = &self.core.options;
        let mut own: Vec<String> = Vec::new();
        let view = self.view(at, task, &host.name, Arc::default());
        for node in task.levels.iter().flat_map(|level| &level.tags) {
            let Ok(value) = self.rendered(&view, node).await else { continue };
            let texts: Vec<String> = match &value.value {
                Value::List(list) => list.iter().map(python_str).collect(),
                _ => vec![shown(&value)],
            };
            own.extend(texts.iter().flat_map(|text| text.split(',')).map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()));
        }
        if !tags::runs(&own, &options.tags, &options.skip_tags) {
            return false;
        }
        if let Some(start) = &options.start_at_task
            && !self.core.has_begun()
        {
            if !tags::is_called(task, start) {
                return false;
            }
            self.core.begin();
        }
        true
    }

    /// Tells how it ended, and what follows from it. Whether it failed.
    pub(super) async fn conclude(&self, at: &Position, task: &Arc<Task>, host: &Arc<Host<M::Machine>>, done: &Done) -> bool {
        self.conclude_as(at, task, host, done, true).await
    }

    /// The same; what was to be included and is not there stops the host, whatever the task says.
    pub(super) async fn conclude_as(
        &self,
        at: &Position,
        task: &Arc<Task>,
        host: &Arc<Host<M::Machine>>,
        done: &Done,
        may_be_ignored: bool,
    ) -> bool {
        let missed = if done.status == Status::Changed { self.notify(at, task, host, done).await } else { None };
        let without = missed.map(|name| {
            let mut done = done.clone();
            done.fails(format!("it changed something, and there is no handler `{name}` to answer"));
            done
        });
        let (done, may_be_ignored) = without.as_ref().map_or((done, may_be_ignored), |done| (done, false));
        let view = self.view(at, task, &host.name, Arc::default());
        let no_log = self.is_hidden(at, task, &host.name).await;
        let stands = may_be_ignored || done.status == Status::Unreachable;
        let ignored = stands && if done.items.is_empty() { self.is_ignored(&view, task, done.status).await } else { done.ignored };
        let name = match &task.name {
            Some(name) => self.rendered(&view, name).await.ok().map(|name| shown(&name)),
            None => None,
        };
        self.core.tell_done(at, task, name.as_deref(), &host.name, done, ignored, no_log);
        if done.status.is_good() || ignored {
            return false;
        }
        let mut state = host.state();
        match done.status {
            Status::Unreachable | Status::Unknown => state.lost = true,
            _ => {
                state.failed = true;
                let nowhere = made(Value::Null).place;
                let mut result = modules::node(&Json::Object(done.registered()), &nowhere);
                result.each_mut(&mut |node| node.secret |= no_log);
                state.set.insert("ansible_failed_result".to_owned(), result);
                let failed = serde_json::json!({ "name": name.clone().unwrap_or_default(), "action": task.action.name });
                state.set.insert("ansible_failed_task".to_owned(), modules::node(&failed, &nowhere));
            }
        }
        true
    }

    pub(super) async fn after_failure(
        &self,
        at: &Position,
        task: &Task,
        view: &super::scope::View,
        hosts: &[Arc<Host<M::Machine>>],
        once: bool,
    ) {
        let fatal = matches!(self.flag(view, task, "any_errors_fatal").await, Ok(Some(true)));
        let share = match &at.play.play.max_fail_percentage {
            Some(node) => self.rendered(view, node).await.ok().and_then(|node| shown(&node).trim_end_matches('%').parse::<f64>().ok()),
            None => None,
        };
        let batch: Vec<Arc<Host<M::Machine>>> = at.play.batch.iter().map(|name| self.host(name)).collect();
        let bad = batch
            .iter()
            .filter(|host| {
                let state = host.state();
                state.failed || state.lost
            })
            .count();
        #[expect(clippy::cast_precision_loss, reason = "nobody has so many hosts")]
        let too_many = share.is_some_and(|share| bad as f64 / batch.len().max(1) as f64 * 100.0 > share);
        // a `run_once` that failed has failed for all
        let all = if fatal || too_many {
            batch
        } else if once {
            hosts.to_vec()
        } else {
            Vec::new()
        };
        for host in all {
            host.state().failed = true;
        }
    }

    /// Notes down which handlers answer; in a loop the names may depend on the items that changed something. The name to
    /// which none answers.
    async fn notify(&self, at: &Position, task: &Arc<Task>, host: &Host<M::Machine>, done: &Done) -> Option<String> {
        let changed: Vec<&Done> = done.items.iter().filter(|item| item.status == Status::Changed).collect();
        let parts = if changed.is_empty() { vec![done] } else { changed };
        for part in parts {
            let loop_var = part.result.get("ansible_loop_var").and_then(Json::as_str).unwrap_or_default();
            let item = part.result.get(loop_var).map(|item| (loop_var.to_owned(), modules::node(item, &task.place)));
            let missed = self.notify_for(at, task, host, item.into_iter().collect()).await;
            if missed.is_some() {
                return missed;
            }
        }
        None
    }

    async fn notify_for(&self, at: &Position, task: &Arc<Task>, host: &Host<M::Machine>, top: BTreeMap<String, Node>) -> Option<String> {
        let view = self.view(at, task, &host.name, Arc::new(top));
        for node in &task.notify {
            let Ok(value) = self.rendered(&view, node).await else { continue };
            let names: Vec<String> = match &value.value {
                Value::List(list) => list.iter().map(python_str).collect(),
                _ => vec![shown(&value)],
            };
            for name in names {
                let found = self.handlers_of(at, &name, &host.name).await;
                if found.is_empty() && !self.core.options.handlers_may_miss {
                    return Some(name);
                }
                if found.is_empty() {
                    self.core.warn(format!("no handler is called `{name}`: nothing answers to `{}`", title(task, None)));
                }
                host.state().notified.extend(found);
            }
        }
        None
    }

    /// The handlers that answer to a name: the one of that name, and all that listen.
    async fn handlers_of(&self, at: &Position, name: &str, host: &Arc<str>) -> Vec<usize> {
        let handlers = self.handlers(at);
        let (mut found, mut named) = (Vec::new(), None);
        for (index, handler) in handlers.iter().enumerate() {
            let view = self.view(at, &handler.task, host, Arc::default());
            let own = match &handler.task.name {
                Some(node) => self.rendered(&view, node).await.ok().map(|node| shown(&node)),
                None => None,
            };
            let role = handler.task.role.as_ref().map(|role| role.name.as_str());
            // with its role's name before it, that of a collection's role with or without the collection
            let short = role.and_then(|role| role.rsplit('.').next());
            let is_called = |own: &str| own == name || [role, short].into_iter().flatten().any(|role| format!("{role} : {own}") == name);
            if own.as_deref().is_some_and(is_called) {
                // of the same name in one list the first answers, and a later list comes before an earlier one
                let list = |index: usize| handlers.get(index).map(|handler| handler.task.role.as_ref().map(|role| role.identity));
                if named.is_none_or(|known| list(known) != list(index)) {
                    named = Some(index);
                }
            }
            for topic in &handler.listen {
                // as in Ansible: topics are no templates
                let listens = match &topic.value {
                    Value::List(list) => list.iter().any(|topic| is_called(&python_str(topic))),
                    _ => is_called(&shown(topic)),
                };
                if listens {
                    found.push(index);
                }
            }
        }
        found.extend(named);
        found
    }

    fn handlers(&self, at: &Position) -> Vec<Handler> {
        at.play.handlers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs the handlers that were notified, in the order in which they are written.
    pub(super) fn flush<'a>(&'a self, at: &'a Position, hosts: &'a [Arc<Host<M::Machine>>], force: bool) -> Work<'a> {
        Box::pin(async move {
            for _ in 0..FLUSHES {
                let handlers = self.handlers(at);
                let mut any = false;
                for (index, handler) in handlers.iter().enumerate() {
                    let notified: Hosts<M::Machine> = hosts
                        .iter()
                        .filter(|host| {
                            let state = host.state();
                            state.notified.contains(&index) && !state.lost && !state.ended && (force || !state.failed)
                        })
                        .cloned()
                        .collect();
                    if notified.is_empty() {
                        continue;
                    }
                    any = true;
                    let failed: Vec<bool> = notified
                        .iter()
                        .map(|host| {
                            let mut state = host.state();
                            state.notified.remove(&index);
                            std::mem::take(&mut state.failed)
                        })
                        .collect();
                    self.chosen(&Position { handlers: true, ..at.clone() }, &handler.task, &notified).await;
                    for (host, failed) in notified.iter().zip(failed) {
                        host.state().failed |= failed;
                    }
                }
                if !any {
                    return;
                }
            }
        })
    }

    /// `meta`.
    async fn meta(&self, at: &Position, task: &Arc<Task>, hosts: &[Arc<Host<M::Machine>>]) {
        let word = task
            .action
            .options
            .iter()
            .find(|(key, _)| key.as_str() == Some(modules::FREE_FORM))
            .map(|(_, value)| shown(value))
            .unwrap_or_default();
        let engine = self.template();
        let mut those: Hosts<M::Machine> = Vec::new();
        for host in hosts {
            let view = self.view(at, task, &host.name, Arc::default());
            match self.settle(&view, |scope| super::condition::first_false(super::task::conditions(task), &engine, scope)).await {
                Ok(Ok(None)) => those.push(Arc::clone(host)),
                Ok(Ok(Some(_))) => {}
                Ok(Err(error)) => drop(self.conclude(at, task, host, &super::task::Stuck::Wrong(error).done()).await),
                Err(stuck) => drop(self.conclude(at, task, host, &stuck.done()).await),
            }
        }
        match word.trim() {
            "flush_handlers" => self.flush(at, &those, false).await,
            "end_host" => those.iter().for_each(|host| host.state().ended = true),
            "end_play" | "end_batch" if !those.is_empty() => {
                for name in if word.trim() == "end_play" { &at.play.all } else { &at.play.batch } {
                    self.host(name).state().ended = true;
                }
            }
            "refresh_inventory" => match self.core.refresh_inventory() {
                Ok(()) => self.machines.grown(&self.core.inventory_now()),
                Err(problems) => {
                    let why = problems.0.into_iter().next().map_or_else(String::new, |problem| problem.message);
                    for host in hosts {
                        let done = Done::failed(format!("the inventory cannot be read again: {why}"));
                        self.conclude(at, task, host, &done).await;
                    }
                }
            },
            "clear_host_errors" if !those.is_empty() => at.play.all.iter().for_each(|name| {
                let host = self.host(name);
                let mut state = host.state();
                // it takes part again in the next play
                state.ended |= state.failed || state.lost;
                (state.failed, state.lost) = (false, false);
                state.cleared += 1;
                drop(state);
                self.core.rescued(&host.name);
            }),
            "clear_facts" => those.iter().for_each(|host| {
                let mut state = host.state();
                state.facts.clear();
                state.bare.clear();
                state.looked_for.clear();
                // they come back with the next play that gathers them
                (state.gathers, state.gathered) = (false, false);
                state.gathering.collectors.clear();
            }),
            "end_role" => {
                if let Some(role) = &task.role {
                    those.iter().for_each(|host| {
                        host.state().roles_left.insert(role.identity);
                    });
                }
            }
            _ => {}
        }
    }
}
