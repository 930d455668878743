//! Reading ahead: what all tasks in sight need to know of a machine is asked for in one script.
//!
//! It changes nothing and decides nothing: a task plans again when its turn comes, from the same answers if they still
//! stand. It never looks beyond something that acts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use futures_util::{StreamExt as _, stream};

use super::host::{Host, Machines};
use super::items::Position;
use super::manner::whose;
use super::outside::{self, Here};
use super::play::Engine;
use super::scope::View;
use super::task::{conditions, without_omitted};
use super::{call, condition, gather};
use crate::diagnostics::Diagnostics;
use crate::modules::{self, Act, Args, Found};
use crate::plan::{FactKey, Facts, Plan, Scope as Eyes, Stop};
use crate::playbook::{Item, Task};
use crate::yaml::Node;

/// So often what was read may lead to further questions.
const ROUNDS: usize = 8;

/// What a look at a task says.
enum Look {
    /// Go on with the next, whatever it needs.
    On(BTreeSet<FactKey>),
    /// Go on: all that it needs is known, and these are the facts.
    Known(Vec<FactKey>),
    /// Beyond it nothing can be foreseen.
    Stop(BTreeSet<FactKey>),
}

impl<M: Machines> Engine<M> {
    /// Reads what the next tasks need, on each of these hosts; `anew` where nobody looked at these tasks before.
    pub(super) async fn ahead(&self, at: &Position, items: &[Item], hosts: &[Arc<Host<M::Machine>>], anew: bool) {
        let mut tasks: Vec<Arc<Task>> = Vec::new();
        flatten(items, &mut tasks);
        let tasks = &tasks;
        let work: Vec<_> = hosts.iter().map(|host| self.ahead_on(at, tasks, host, anew)).collect();
        stream::iter(work).buffer_unordered(self.core.options.forks.max(1)).collect::<Vec<()>>().await;
    }

    async fn ahead_on(&self, at: &Position, tasks: &[Arc<Task>], host: &Arc<Host<M::Machine>>, anew: bool) {
        let mut seat = host.machine().await;
        if anew {
            seat.seen_by.clear();
        }
        let machine = host.machine_name();
        let (login, usual) = match call::reach(&mut seat, &self.machines, &machine).await {
            Ok(reached) => (reached.user.clone(), reached.become_user.clone()),
            // the task itself will say so
            Err(_) => return,
        };
        for _ in 0..ROUNDS {
            let mut need: BTreeSet<FactKey> = BTreeSet::new();
            let mut names: BTreeSet<String> = BTreeSet::new();
            for task in tasks {
                // nothing that it looked at has moved since
                let known = seat.seen_by.get(&Arc::as_ptr(task).addr());
                if known.is_some_and(|keys| keys.iter().all(|key| seat.store.get(key).is_some())) {
                    continue;
                }
                let facts = Facts::new(&seat.store, Eyes::new(&machine, &login));
                let look = self.look(at, task, host, &facts, (&login, usual.as_deref()), &mut names);
                match look {
                    Look::Known(keys) => drop(seat.seen_by.insert(Arc::as_ptr(task).addr(), keys)),
                    Look::On(keys) => need.extend(keys),
                    Look::Stop(keys) => {
                        need.extend(keys);
                        break;
                    }
                }
            }
            // facts by Ansible's names: asked for together with the rest
            if !names.is_empty() {
                let (becomes, whom) = host.state().gathers_as.clone();
                let eyes = Eyes::new(&machine, &whose(becomes, whom, usual.as_deref(), &login));
                let fact_path = host.state().fact_path.clone();
                match gather::read(&names, fact_path.as_deref(), &Facts::new(&seat.store, eyes)) {
                    Ok(found) => {
                        self.learn(host, &names, found);
                        continue;
                    }
                    Err(Stop::Need(keys)) => need.extend(keys),
                    Err(Stop::Unknown(_)) => {}
                }
            }
            // a user may be made by a task before the one that becomes it
            need.retain(|key| {
                seat.store.get(key).is_none() && [Some(login.as_str()), usual.as_deref(), Some("root")].contains(&Some(&*key.scope.user))
            });
            if need.is_empty() || call::read(&mut seat, &self.machines, &machine, need).await.is_err() {
                return;
            }
        }
    }

    fn look(
        &self,
        at: &Position,
        task: &Arc<Task>,
        host: &Arc<Host<M::Machine>>,
        facts: &Facts<'_>,
        (login, usual): (&str, Option<&str>),
        names: &mut BTreeSet<String>,
    ) -> Look {
        let nothing = || Look::On(BTreeSet::new());
        let view = View { ahead: true, ..self.view(at, task, &host.name, Arc::default()) };
        let engine = self.template();
        let (scope, wanted) = self.scope(&view);
        let verdict = condition::first_false(conditions(task), &engine, &scope);
        let mut missed = |view: &View| {
            let mut wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
            let own = wanted.facts.remove(&*view.host).unwrap_or_default();
            let any = !own.is_empty();
            names.extend(own);
            any
        };
        // what depends on a fact is looked at again when that is known
        if missed(&view) {
            return nothing();
        }
        match verdict {
            Ok(None) => {}
            Ok(Some(_)) => return nothing(),
            // it may depend on what a task before it registers
            Err(_) => return nothing(),
        }
        let module = match modules::find(&task.action.name) {
            Found::Module(module) => module,
            Found::Action(spec) if matches!(spec.name, "include_tasks" | "include_role" | "meta" | "pause" | "add_host" | "group_by") => {
                return Look::Stop(BTreeSet::new());
            }
            _ => return nothing(),
        };
        if task.delegate_to.is_some() || task.repeat.as_ref().is_some_and(|repeat| repeat.kind != "loop" && repeat.kind != "items") {
            return if module.is_opaque() { Look::Stop(BTreeSet::new()) } else { nothing() };
        }
        let flag = |name: &str| {
            task.keyword(name).and_then(|node| engine.render(node, Arc::clone(&scope)).ok()).and_then(|node| modules::boolean(&node))
        };
        let whom = task
            .keyword("become_user")
            .and_then(|node| engine.render(node, Arc::clone(&scope)).ok())
            .and_then(|node| node.as_str().map(str::to_owned));
        let user = whose(flag("become"), whom, usual, login);
        let items: Vec<Arc<BTreeMap<String, Node>>> = match &task.repeat {
            None => vec![Arc::default()],
            Some(repeat) => {
                let Ok(items) = super::loops::items(repeat, &engine, &scope) else { return nothing() };
                let name = task.loop_control.loop_var.as_ref().and_then(Node::as_str).unwrap_or("item").to_owned();
                items.into_iter().map(|item| Arc::new(BTreeMap::from([(name.clone(), item)]))).collect()
            }
        };
        if missed(&view) {
            return nothing();
        }
        let (mut need, mut known, mut is_known) = (BTreeSet::new(), Vec::new(), !module.is_opaque());
        for top in items {
            let view = View { top, ..view.clone() };
            let (scope, _) = self.scope(&view);
            let mut options = Vec::new();
            for (key, value) in &task.action.options {
                let Ok(value) = engine.render(value, Arc::clone(&scope)) else { return Look::On(need) };
                options.extend(without_omitted(value).map(|value| (key.clone(), value)));
            }
            if task.action.whole.is_some() {
                return Look::On(need);
            }
            let mut problems = Diagnostics::new();
            let args = Args::read(module.spec(), &options, &task.action.place, &mut problems);
            if problems.has_errors() {
                return Look::On(need);
            }
            let search = outside::search(task, &at.play.play.dir);
            let here = Here { search, engine: &engine, keys: &self.core.setting.keys, digests: &self.core.digests, scope };
            let call =
                modules::Task { args: &args, check: self.core.options.check, diff: false, environment: &[], user: &user, outside: &here };
            let mut eyes = facts.scope().clone();
            eyes.user = user.as_str().into();
            let facts = facts.with_eyes(eyes);
            let planned = module.plan(&call, &facts);
            known.extend(facts.recorded());
            is_known &= planned.is_ok();
            match planned {
                Err(Stop::Need(keys)) => {
                    need.extend(keys);
                    if module.is_opaque() {
                        return Look::Stop(need);
                    }
                }
                Err(Stop::Unknown(_)) => {}
                Ok(decision) => {
                    // what it does may change everything that comes after
                    if module.is_opaque() && matches!(decision.act, Act::Plan(Plan::Change(_))) {
                        return Look::Stop(need);
                    }
                }
            }
        }
        is_known &= !missed(&view);
        if is_known { Look::Known(known) } else { Look::On(need) }
    }
}

fn flatten(items: &[Item], tasks: &mut Vec<Arc<Task>>) {
    for item in items {
        match item {
            Item::Task(task) => tasks.push(Arc::clone(task)),
            Item::Block(block) => {
                flatten(&block.block, tasks);
                flatten(&block.always, tasks);
            }
        }
    }
}
