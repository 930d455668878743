//! What the next tasks will want to know, as far as their words are known now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::ahead::Sight;
use super::host::{Host, Machines};
use super::include::Wish;
use super::items::Position;
use super::magic::{OMIT, made};
use super::manner::whose;
use super::options::set_option;
use super::outside::{self, Here};
use super::play::Engine;
use super::scope::{View, Wanted};
use super::task::{conditions, shown, text, without_omitted};
use super::{condition, core, loops, tags};
use crate::diagnostics::Diagnostics;
use crate::modules::{self, Act, Args, Found, Module, Spec};
use crate::plan::{FactKey, Facts, Plan, Scope as Eyes, Stop, Store};
use crate::playbook::{Included, Item, Task};
use crate::template::Scope;
use crate::yaml::{Node, Value, python_str};

/// So many tasks are looked at behind one that changed something: what they need may be other by the time it is their turn.
const SOME: usize = 64;
/// How deep includes are followed.
const DEEPEST: usize = 20;

/// A task that another host does.
pub(super) struct Delegated {
    pub(super) at: Position,
    pub(super) task: Arc<Task>,
}

/// A walk over the tasks of one host.
pub(super) struct Walk<'w, M> {
    store: &'w Store,
    /// Whose tasks these are.
    host: &'w Arc<Host<M>>,
    /// Where they are done.
    machine: &'w Arc<str>,
    /// Who logs in there, and as whom tasks are usually done.
    user: &'w (String, Option<String>),
    /// Whether it is the first of the hosts, which does what is done once.
    first: bool,
    /// Whether it goes on though the next task needs nothing.
    far: bool,
    /// Whether it goes on behind what acts, to see which facts are named there: they are of the play's beginning.
    begins: bool,
    /// Whether what is looked at stands beyond something that acts: only names of facts are of interest.
    beyond: bool,
    /// So many tasks are still looked at.
    left: usize,
    /// What `set_fact` is going to set.
    foreseen: BTreeMap<String, Node>,
    /// What has to be read.
    pub(super) need: BTreeSet<FactKey>,
    /// Facts by Ansible's names.
    pub(super) names: BTreeSet<String>,
    /// Those of other hosts.
    pub(super) others: BTreeMap<String, BTreeSet<String>>,
    pub(super) delegated: Vec<(String, Delegated)>,
    pub(super) sight: Sight,
}

impl<'w, M> Walk<'w, M> {
    pub(super) fn new(
        store: &'w Store,
        host: &'w Arc<Host<M>>,
        machine: &'w Arc<str>,
        user: &'w (String, Option<String>),
        first: bool,
        (far, begins, all): (bool, bool, bool),
    ) -> Self {
        Self {
            store,
            host,
            machine,
            user,
            first,
            far,
            begins,
            beyond: false,
            left: if all { usize::MAX } else { SOME },
            foreseen: BTreeMap::new(),
            need: BTreeSet::new(),
            names: BTreeSet::new(),
            others: BTreeMap::new(),
            delegated: Vec::new(),
            sight: Sight::Clear,
        }
    }

    /// Takes the facts that were named and are not known yet; whether there are any.
    fn miss(&mut self, wanted: &Mutex<Wanted>) -> bool {
        let wanted = std::mem::take(&mut wanted.lock().unwrap_or_else(PoisonError::into_inner).facts);
        let any = !wanted.is_empty();
        for (host, names) in wanted {
            if host == *self.host.name { self.names.extend(names) } else { self.others.entry(host).or_default().extend(names) }
        }
        any
    }

    fn with_foreseen(&self, top: BTreeMap<String, Node>) -> Arc<BTreeMap<String, Node>> {
        Arc::new(self.foreseen.clone().into_iter().chain(top).collect())
    }

    fn misty(&mut self) {
        self.sight = self.sight.max(Sight::Misty);
    }

    fn needs_nothing(&self) -> bool {
        self.need.is_empty() && self.names.is_empty() && self.others.is_empty() && self.delegated.is_empty()
    }
}

impl<M: Machines> Engine<M> {
    /// Looks at these, one after the other. Whether it goes on behind them.
    pub(super) fn walk(&self, at: &Position, items: &[Item], walk: &mut Walk<'_, M::Machine>) -> bool {
        for item in items {
            let goes_on = match item {
                Item::Task(task) => {
                    self.foresee(at, task, walk);
                    if !walk.far && walk.needs_nothing() && !walk.beyond {
                        walk.sight = Sight::Near;
                        return false;
                    }
                    walk.far = true;
                    walk.left = walk.left.saturating_sub(1);
                    if walk.left == 0 {
                        walk.sight = Sight::Near;
                    }
                    walk.left > 0 && (!walk.beyond || walk.begins)
                }
                Item::Block(block) => self.walk(at, &block.block, walk) && self.walk(at, &block.always, walk),
            };
            if !goes_on {
                return false;
            }
        }
        true
    }

    /// Looks at one task.
    pub(super) fn foresee(&self, at: &Position, task: &Arc<Task>, walk: &mut Walk<'_, M::Machine>) {
        let left = task.role.as_ref().is_some_and(|role| walk.host.state().roles_left.contains(&role.identity));
        let view = View { ahead: true, ..self.view(at, task, &walk.host.name, Arc::new(walk.foreseen.clone())) };
        if left || !self.may_run(task, &view) {
            return;
        }
        let engine = self.template();
        let (scope, wanted) = self.scope(&view);
        let verdict = condition::first_false(conditions(task), &engine, &scope);
        let missed = walk.miss(&wanted);
        match verdict {
            Ok(Some(_)) if !missed => return,
            // it may speak of the item
            Err(_) if task.repeat.is_some() && !missed => {}
            // it may depend on what a task before it gives
            Err(_) if !missed => {
                walk.misty();
                return self.note_names(task, &view, walk);
            }
            Ok(None) if !missed => {}
            // looked at again once they are known
            _ => return self.note_names(task, &view, walk),
        }
        let found = modules::find(&task.action.name);
        let short = task.action.name.rsplit('.').next().unwrap_or_default();
        if self.flag_now(task, "run_once", &scope) == Some(true) && !walk.first {
            return;
        }
        let tops = match self.tops(task, &scope) {
            Ok(tops) => tops,
            Err(()) => {
                if !walk.miss(&wanted) {
                    walk.misty();
                }
                return self.note_names(task, &view, walk);
            }
        };
        let module = match found {
            Found::Module(module) => module,
            Found::Action(_) => return self.foresee_action(at, task, walk, &view, short, tops),
            // it may act on any host
            Found::Play(_) => return walk.beyond = true,
            _ => return,
        };
        if let Some(node) = &task.delegate_to {
            let Ok(name) = engine.render(node, Arc::clone(&scope)).map(|name| python_str(&name)) else {
                return walk.misty();
            };
            if name != OMIT && !name.is_empty() && name != **walk.machine {
                let task = Arc::clone(task);
                walk.beyond |= module.is_opaque();
                if !walk.beyond {
                    walk.delegated.push((name, Delegated { at: at.clone(), task }));
                }
                return;
            }
        }
        for top in tops {
            let view = View { top: walk.with_foreseen(top), ..view.clone() };
            self.foresee_module(at, task, walk, &view, module);
        }
    }

    /// One call of a module.
    fn foresee_module(&self, at: &Position, task: &Arc<Task>, walk: &mut Walk<'_, M::Machine>, view: &View, module: &'static dyn Module) {
        let engine = self.template();
        let (scope, wanted) = self.scope(view);
        if task.repeat.is_some() {
            match condition::first_false(conditions(task), &engine, &scope) {
                Ok(None) => {}
                Ok(Some(_)) => return,
                Err(_) => {
                    walk.miss(&wanted);
                    return walk.misty();
                }
            }
        }
        let Some(args) = self.args_now(task, module.spec(), &scope) else {
            if !walk.miss(&wanted) {
                walk.misty();
            }
            return;
        };
        let whom = task.keyword("become_user").and_then(|node| engine.render(node, Arc::clone(&scope)).ok());
        let whom = whom.and_then(|node| node.as_str().map(str::to_owned));
        let user = whose(self.flag_now(task, "become", &scope), whom, walk.user.1.as_deref(), &walk.user.0);
        let here = Here {
            search: outside::search(task, &at.play.play.dir),
            engine: &engine,
            keys: &self.core.setting.keys,
            digests: &self.core.digests,
            scope,
        };
        let run = self.machines.run();
        let call = modules::Task {
            args: &args,
            check: self.core.options.check,
            diff: false,
            environment: &[],
            user: &user,
            wanted: self.is_read(task),
            outside: &here,
            run: &run,
        };
        let facts = Facts::new(walk.store, Eyes::new(walk.machine, &user));
        // as if nothing had to be changed, which is most often so
        let registered = || match module.result(&call, &facts, None) {
            Err(Stop::Need(keys)) if self.is_read(task) => keys,
            _ => BTreeSet::new(),
        };
        let mut need = match module.plan(&call, &facts) {
            Err(Stop::Need(keys)) if module.is_opaque() => keys,
            Err(Stop::Need(keys)) => keys.into_iter().chain(registered()).collect(),
            Err(Stop::Unknown(_)) => BTreeSet::new(),
            Ok(decision) if matches!(decision.act, Act::Plan(Plan::Unchanged)) => registered(),
            Ok(decision) => {
                // what it does may change everything that comes after
                walk.beyond |= match decision.act {
                    Act::Plan(Plan::Change(_)) => module.is_opaque(),
                    Act::Reboot(_) | Act::Reconnect(_) => true,
                    Act::Plan(_) | Act::Skip(_) | Act::Fail(_) | Act::Pending(..) => false,
                };
                BTreeSet::new()
            }
        };
        walk.miss(&wanted);
        // what is not known yet may act
        let acts = module.is_opaque() && !need.is_empty();
        if !walk.beyond {
            walk.need.append(&mut need);
        }
        walk.beyond |= acts;
    }

    /// What is no module on a machine.
    fn foresee_action(
        &self,
        at: &Position,
        task: &Arc<Task>,
        walk: &mut Walk<'_, M::Machine>,
        view: &View,
        short: &str,
        tops: Vec<BTreeMap<String, Node>>,
    ) {
        match short {
            "include_tasks" | "include_role" => {
                for top in tops {
                    self.foresee_included(at, task, walk, view, top, short == "include_role");
                }
                return;
            }
            "meta" => {
                let word = task.action.options.iter().find(|(key, _)| key.as_str() == Some(modules::FREE_FORM));
                let word = word.map(|(_, word)| shown(word)).unwrap_or_default();
                walk.beyond |= match word.trim() {
                    "flush_handlers" => !walk.host.state().notified.is_empty(),
                    "noop" | "clear_host_errors" => false,
                    _ => true,
                };
                return;
            }
            // time goes by
            "pause" => walk.beyond = true,
            "set_fact" if task.repeat.is_none() && task.delegate_to.is_none() => {
                let engine = self.template();
                for (key, value) in &task.action.options {
                    let (scope, wanted) = self.scope(view);
                    match engine.render(value, scope) {
                        Ok(_) if key.as_str() == Some("cacheable") => {}
                        Ok(value) if !walk.miss(&wanted) => drop(walk.foreseen.insert(shown(key), value)),
                        _ => walk.misty(),
                    }
                }
            }
            "set_fact" | "add_host" | "group_by" | "include_vars" | "set_stats" => walk.misty(),
            _ => {}
        }
        self.note_names(task, view, walk);
    }

    /// What is included, if the name of its file is known.
    fn foresee_included(
        &self,
        at: &Position,
        task: &Arc<Task>,
        walk: &mut Walk<'_, M::Machine>,
        view: &View,
        top: BTreeMap<String, Node>,
        role: bool,
    ) {
        let engine = self.template();
        let view = View { top: walk.with_foreseen(top.clone()), ..view.clone() };
        let (scope, wanted) = self.scope(&view);
        let holds = condition::first_false(conditions(task), &engine, &scope);
        if matches!(holds, Ok(Some(_))) {
            return;
        }
        let mut options = Vec::new();
        for (key, value) in &task.action.options {
            let value = if key.as_str() == Some("apply") { Ok(value.clone()) } else { engine.render(value, Arc::clone(&scope)) };
            options.extend(value.ok().and_then(without_omitted).map(|value| (key.clone(), value)));
        }
        let known = holds.is_ok() && options.len() == task.action.options.len();
        if walk.miss(&wanted) || !known || at.depth >= DEEPEST {
            // nobody knows what stands in it
            walk.beyond = true;
            return walk.misty();
        }
        let wish = Wish { options, top, all: None };
        let Some(included) = self.included_now(at, task, &wish, role) else {
            walk.beyond = true;
            return;
        };
        self.walk(&wish.position(at, task, role), &included.items, walk);
    }

    /// What an include reads, kept for the next look.
    fn included_now(&self, at: &Position, task: &Arc<Task>, wish: &Wish, role: bool) -> Option<Arc<Included>> {
        let words: Vec<String> = wish.options.iter().map(|(key, value)| format!("{}={}", python_str(key), python_str(value))).collect();
        let key = (Arc::as_ptr(task) as usize, words.join("\n"));
        if let Some(known) = core::locked(&self.included).get(&key) {
            return known.clone();
        }
        let (included, problems) = self.read_included(at, task, wish, role);
        let included = (!problems.has_errors()).then(|| Arc::new(included));
        core::locked(&self.included).insert(key, included.clone());
        included
    }

    /// Whether a task runs by its tags, as far as they are known.
    fn may_run(&self, task: &Task, view: &View) -> bool {
        let options = &self.core.options;
        if options.tags.is_empty() && options.skip_tags.is_empty() && task.levels.iter().all(|level| level.tags.is_empty()) {
            return true;
        }
        let (scope, _) = self.scope(view);
        let mut own: Vec<String> = Vec::new();
        for node in task.levels.iter().flat_map(|level| &level.tags) {
            let Ok(value) = self.template().render(node, Arc::clone(&scope)) else { continue };
            let texts = value.as_list().map_or_else(|| vec![shown(&value)], |list| list.iter().map(python_str).collect());
            own.extend(texts.iter().flat_map(|text| text.split(',')).map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()));
        }
        tags::runs(&own, &options.tags, &options.skip_tags)
    }

    fn flag_now(&self, task: &Task, name: &str, scope: &Arc<dyn Scope>) -> Option<bool> {
        task.keyword(name).and_then(|node| self.template().render(node, Arc::clone(scope)).ok()).and_then(|node| modules::boolean(&node))
    }

    /// The variables of each item of the loop, beside those that are foreseen; one without a loop.
    fn tops(&self, task: &Task, scope: &Arc<dyn Scope>) -> Result<Vec<BTreeMap<String, Node>>, ()> {
        let Some(repeat) = &task.repeat else { return Ok(vec![BTreeMap::new()]) };
        let engine = self.template();
        let items = loops::items(repeat, &engine, scope).map_err(drop)?;
        let (name, index) = loops::names(&task.loop_control, &engine, scope).map_err(drop)?;
        let top = |(at, item): (usize, Node)| {
            let number = index.iter().map(|name| (name.clone(), made(Value::Int(i64::try_from(at).unwrap_or(i64::MAX)))));
            let item = [(name.clone(), item), ("ansible_loop_var".to_owned(), text(&name))];
            item.into_iter().chain(number).collect()
        };
        Ok(items.into_iter().enumerate().map(top).collect())
    }

    /// A module's arguments, if all of them are known.
    fn args_now(&self, task: &Task, spec: &'static Spec, scope: &Arc<dyn Scope>) -> Option<Args> {
        let engine = self.template();
        let render = |node: &Node| engine.render(node, Arc::clone(scope)).ok();
        let mut options: Vec<(Node, Node)> = Vec::new();
        for node in task.module_defaults(spec.collection, spec.name) {
            let defaults = render(node)?;
            defaults.as_map().into_iter().flatten().for_each(|(key, value)| set_option(&mut options, key.clone(), value.clone(), spec));
        }
        if let Some(whole) = &task.action.whole {
            let whole = render(whole)?;
            whole.as_map().into_iter().flatten().for_each(|(key, value)| set_option(&mut options, key.clone(), value.clone(), spec));
        }
        for (key, value) in &task.action.options {
            set_option(&mut options, key.clone(), render(value)?, spec);
        }
        let options: Vec<_> = options.into_iter().filter_map(|(key, value)| Some((key, without_omitted(value)?))).collect();
        let mut problems = Diagnostics::new();
        let args = Args::read(spec, &options, &task.action.place, &mut problems);
        (!problems.has_errors()).then_some(args)
    }

    /// The facts by Ansible's names that a task names anywhere.
    fn note_names(&self, task: &Task, view: &View, walk: &mut Walk<'_, M::Machine>) {
        let engine = self.template();
        let mut look = |node: &Node, expression: bool| {
            let (scope, wanted) = self.scope(view);
            let _ = if expression { engine.expression(node, scope) } else { engine.render(node, scope) };
            walk.miss(&wanted);
        };
        conditions(task).chain(&task.changed_when).chain(&task.failed_when).chain(&task.until).for_each(|node| look(node, true));
        for (key, value) in &task.action.options {
            match (key.as_str(), value.as_list()) {
                (Some("that"), Some(list)) => list.iter().for_each(|node| look(node, true)),
                (Some("that" | "var"), None) => look(value, true),
                (_, Some(list)) => list.iter().for_each(|node| look(node, false)),
                _ => look(value, false),
            }
        }
    }
}
