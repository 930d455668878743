//! One task on one host: conditions, the loop, delegation, arguments, repetition until something holds, what is registered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::background;
use super::call::{self, Call};
use super::host::{Host, Machines, NotReached};
use super::items::Position;
use super::magic::{OMIT, made};
use super::manner::Manner;
use super::outside::{self, Here};
use super::play::Engine;
use super::scope::{TaskScope, View, Wanted, World};
use super::status::{Done, Status};
use super::together::together;
use super::{condition, loops};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::modules::{self, Args, Found, Module, Spec, json};
use crate::plan::Scope as Eyes;
use crate::playbook::Task;
use crate::template::Scope;
use crate::yaml::{Node, Value, plain, python_str};

/// So often may facts that a template names lead to others.
const ROUNDS: usize = 30;

/// A template's answer that is not to be had.
#[derive(Debug)]
pub(super) enum Stuck {
    /// In check mode: it depends on what only a real run has.
    Pending(String),
    /// A machine whose facts it names is not reached.
    Gone(NotReached),
    /// It is wrong.
    Wrong(Box<Diagnostic>),
    /// Its module does not take these arguments; what Ansible says of them.
    Arguments(Box<Diagnostic>, Option<String>),
}

impl From<Box<Diagnostic>> for Stuck {
    fn from(error: Box<Diagnostic>) -> Self {
        Self::Wrong(error)
    }
}

impl Stuck {
    pub(super) fn done(self) -> Done {
        match self {
            Self::Pending(why) => Done::pending(why),
            Self::Gone(gone) => Done { why: Some(gone.why), hint: gone.hint, ..Done::new(Status::Unreachable) },
            Self::Arguments(error, words) => {
                let done = Self::Wrong(error).done();
                match words {
                    Some(words) => done.with("msg", words),
                    None => done,
                }
            }
            Self::Wrong(error) => {
                let words = super::words::of_template(&error.message);
                let place =
                    error.place.as_ref().map(crate::inventory::where_it_stands).map(|place| format!(" ({place})")).unwrap_or_default();
                let hint = error.hint.clone().or_else(|| error.label.clone());
                let done = Done { hint, ..Done::failed(format!("{}{place}", error.message)) };
                if words == error.message { done } else { done.with("msg", words) }
            }
        }
    }
}

impl<M: Machines> Engine<M> {
    /// What a host's task sees.
    pub(super) fn view(&self, at: &Position, task: &Task, host: &Arc<str>, top: Arc<BTreeMap<String, Node>>) -> View {
        View {
            host: Arc::clone(host),
            play: Some(Arc::clone(&at.play)),
            role: task.role.clone(),
            levels: task.levels.clone(),
            params: at.params.clone(),
            top,
            search: outside::search(task, &at.play.play.dir),
            folder: outside::folder(&task.action.name),
            ahead: false,
        }
    }

    /// A scope on it, and what it misses.
    pub(super) fn scope(&self, view: &View) -> (Arc<dyn Scope>, Arc<Mutex<Wanted>>) {
        let wanted = Arc::new(Mutex::new(Wanted::default()));
        let world: Arc<dyn World> = self.core.clone();
        (Arc::new(TaskScope { world, view: view.clone(), wanted: Arc::clone(&wanted) }), wanted)
    }

    /// Asks something of a scope, again after each reading of facts that it named.
    pub(super) async fn settle<T>(&self, view: &View, ask: impl Fn(&Arc<dyn Scope>) -> T) -> Result<T, Stuck> {
        for _ in 0..ROUNDS {
            let (scope, wanted) = self.scope(view);
            let answer = ask(&scope);
            let wanted = std::mem::take(&mut *wanted.lock().unwrap_or_else(PoisonError::into_inner));
            if wanted.facts.is_empty() {
                return match wanted.unknown.into_iter().next() {
                    Some(why) => Err(Stuck::Pending(why)),
                    None => Ok(answer),
                };
            }
            for (host, names) in wanted.facts {
                self.gather(&host, names).await.map_err(Stuck::Gone)?;
            }
        }
        Err(Stuck::Wrong(Box::new(Diagnostic::error("the facts that this names lead to further ones without end"))))
    }

    pub(super) async fn rendered(&self, view: &View, node: &Node) -> Result<Node, Stuck> {
        let engine = self.template();
        Ok(self.settle(view, |scope| engine.render(node, Arc::clone(scope))).await??)
    }

    /// A keyword that is true or false.
    pub(super) async fn flag(&self, view: &View, task: &Task, name: &str) -> Result<Option<bool>, Stuck> {
        for node in task.inherited(name) {
            let value = self.rendered(view, node).await?;
            if value.as_str() == Some(OMIT) {
                continue;
            }
            if value.is_null() {
                return Ok(None);
            }
            let wrong = || Stuck::Wrong(Box::new(Diagnostic::error(format!("`{name}` is true or false")).at(node.place.clone())));
            return modules::boolean(&value).ok_or_else(wrong).map(Some);
        }
        Ok(None)
    }

    /// Whether the task says that the run goes on although it ended so.
    pub(super) async fn is_ignored(&self, view: &View, task: &Task, status: Status) -> bool {
        let keyword = match status {
            Status::Failed | Status::Refused => "ignore_errors",
            Status::Unreachable => "ignore_unreachable",
            _ => return false,
        };
        matches!(self.flag(view, task, keyword).await, Ok(Some(true)))
    }

    /// Does a task on a host, its loop included; what it registers is noted down.
    pub(super) async fn do_task(&self, at: &Position, task: &Arc<Task>, host: &Arc<Host<M::Machine>>) -> Done {
        let done = self.whole(at, task, host).await;
        self.noted(at, task, host, done).await
    }

    /// Notes down what a task came to, also where it was not begun.
    pub(super) async fn noted(&self, at: &Position, task: &Arc<Task>, host: &Arc<Host<M::Machine>>, done: Done) -> Done {
        if done.is_pending() {
            self.unforeseen(task, host).await;
        }
        if let Some(name) = &task.register {
            let no_log = self.is_hidden(at, task, &host.name).await;
            self.register(host, name, &done, no_log);
        }
        done
    }

    pub(super) async fn is_hidden(&self, at: &Position, task: &Task, host: &Arc<str>) -> bool {
        self.is_hidden_there(&self.view(at, task, host, Arc::default()), task).await
    }

    /// The same, by what one item of its loop sees.
    pub(super) async fn is_hidden_there(&self, view: &View, task: &Task) -> bool {
        // where it cannot be known, nothing is shown
        !matches!(self.flag(view, task, "no_log").await, Ok(None | Some(false)))
    }

    async fn whole(&self, at: &Position, task: &Arc<Task>, host: &Arc<Host<M::Machine>>) -> Done {
        let Some(repeat) = &task.repeat else { return self.once(at, task, host, Arc::default()).await };
        let view = self.view(at, task, &host.name, Arc::default());
        let engine = self.template();
        let items = match self.settle(&view, |scope| loops::items(repeat, &engine, scope)).await {
            Ok(Ok(items)) => items,
            Ok(Err(error)) => {
                // what it goes through may be there only where the condition holds
                if let Ok(Ok(Some(condition))) = self.settle(&view, |scope| condition::first_false(conditions(task), &engine, scope)).await
                {
                    return Done::skipped(Some(condition));
                }
                return Stuck::Wrong(error).done();
            }
            Err(stuck) => return stuck.done(),
        };
        let control = &task.loop_control;
        let names = match self.settle(&view, |scope| loops::names(control, &engine, scope)).await {
            Ok(Ok(names)) => names,
            Ok(Err(error)) => return Stuck::Wrong(error).done(),
            Err(stuck) => return stuck.done(),
        };
        let (loop_var, index_var) = &names;
        let mut results: Vec<Done> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let mut top = loops::variables(&names, control, &items, index);
            // what the item before this one came to is known by its name
            match (&task.register, results.last()) {
                (Some(name), Some(last)) if last.is_pending() => {
                    host.state().unknown.insert(name.clone(), super::register::unknown(name, last));
                }
                (Some(name), Some(last)) => {
                    top.insert(name.clone(), modules::node(&Json::Object(last.registered()), &task.place));
                }
                _ => {}
            }
            let top = Arc::new(top);
            let mut done = self.once(at, task, host, Arc::clone(&top)).await;
            let stop = done.status == Status::Unknown;
            done.result.insert(loop_var.clone(), json(item));
            done.result.insert("ansible_loop_var".to_owned(), Json::from(loop_var.as_str()));
            if let Some(position) = top.get("ansible_loop") {
                done.result.insert("ansible_loop".to_owned(), json(position));
            }
            if let Some(name) = &index_var {
                done.result.insert(name.clone(), Json::from(index));
                done.result.insert("ansible_index_var".to_owned(), Json::from(name.as_str()));
            }
            let view = self.with_result(&self.view(at, task, &host.name, Arc::clone(&top)), task, &done);
            done.item = Some(self.label(&view, control.label.as_ref(), item, &mut done).await);
            if let Some(label) = done.item.clone().filter(|_| control.label.is_some()) {
                done.result.insert("_ansible_item_label".to_owned(), Json::from(label));
            }
            if !done.status.is_good() {
                done.ignored = self.is_ignored(&view, task, done.status).await;
            }
            results.push(done);
            if stop || self.cancelled.is_cancelled() {
                break;
            }
            if !control.break_when.is_empty() {
                let broke = self.settle(&view, |scope| condition::first_false(&control.break_when, &engine, scope)).await;
                if matches!(broke, Ok(Ok(None))) {
                    break;
                }
            }
            if let Some(pause) = control.pause.as_ref().filter(|_| index + 1 < items.len() && !self.core.options.check) {
                let seconds = python_str(pause).parse::<f64>().unwrap_or(0.0).clamp(0.0, 86_400.0);
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            }
        }
        together(results)
    }

    /// One item of a loop, or the task without one.
    async fn once(&self, at: &Position, task: &Arc<Task>, host: &Arc<Host<M::Machine>>, top: Arc<BTreeMap<String, Node>>) -> Done {
        match self.tried(at, task, host, top).await {
            Ok(done) => {
                if let (true, Some(why)) = (done.is_pending(), &done.why) {
                    self.unknown_facts(task, host, why);
                }
                done
            }
            Err(stuck) => {
                if let Stuck::Pending(why) = &stuck {
                    self.unknown_facts(task, host, why);
                }
                stuck.done()
            }
        }
    }

    async fn tried(
        &self,
        at: &Position,
        task: &Arc<Task>,
        host: &Arc<Host<M::Machine>>,
        top: Arc<BTreeMap<String, Node>>,
    ) -> Result<Done, Stuck> {
        let view = self.view(at, task, &host.name, Arc::clone(&top));
        let engine = self.template();
        if let Some(condition) = self.settle(&view, |scope| condition::first_false(conditions(task), &engine, scope)).await?? {
            return Ok(Done::skipped(Some(condition)));
        }
        let named = self.named(&view, task).await?;
        let (task, view) = match &named {
            Some(named) => (named, self.view(at, named, &host.name, top)),
            None => (task, view),
        };
        let manner = self.manner(&view, task).await?;
        let target = match &task.delegate_to {
            None => Arc::clone(host),
            Some(node) => {
                let name = python_str(&self.rendered(&view, node).await?);
                if name.is_empty() {
                    return Ok(Done::failed("`delegate_to` names no host"));
                }
                if name == OMIT { Arc::clone(host) } else { self.host(&name) }
            }
        };
        let target = self.reach_by_task(&view, task, target).await?;
        let view = if task.delegate_to.is_some() && target.name != host.name { self.delegated(view, &target.name) } else { view };
        let retries = match &task.retries {
            Some(node) if !task.until.is_empty() || !node.is_null() => {
                python_str(&self.rendered(&view, node).await?).parse::<usize>().unwrap_or(3)
            }
            _ if task.until.is_empty() => 0,
            _ => 3,
        };
        let delay = match &task.delay {
            Some(node) => python_str(&self.rendered(&view, node).await?).parse::<f64>().unwrap_or(5.0).clamp(0.0, 86_400.0),
            None => 5.0,
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut done = self.act(at, task, host, &target, &view, &manner).await?;
            if matches!(done.status, Status::Unreachable | Status::Unknown | Status::Pending | Status::Skipped) {
                return Ok(done);
            }
            if retries > 0 {
                done.result.insert("attempts".to_owned(), Json::from(attempt));
            }
            let view = self.with_result(&view, task, &done);
            match self.judge(&view, task, &mut done).await {
                Err(Stuck::Wrong(error)) => {
                    // what it came to is known all the same
                    let wrong = Stuck::Wrong(error).done();
                    done.hint = wrong.hint;
                    done.result.insert("msg".to_owned(), Json::from(wrong.why.clone().unwrap_or_default()));
                    let words = wrong.result.get("msg").cloned().unwrap_or_default();
                    done.result.insert("changed_when_result".to_owned(), words);
                    done.fails(wrong.why.unwrap_or_default());
                    return Ok(done);
                }
                judged => judged?,
            }
            if retries == 0 {
                return Ok(done);
            }
            let view = self.with_result(&view, task, &done);
            let holds = if task.until.is_empty() {
                done.status.is_good()
            } else {
                self.settle(&view, |scope| condition::first_false(&task.until, &engine, scope)).await??.is_none()
            };
            if holds {
                return Ok(done);
            }
            // in check mode nothing becomes otherwise by waiting
            if attempt > retries || manner.check || self.cancelled.is_cancelled() {
                if manner.check && done.status.is_good() {
                    return Ok(Done::pending("what it waits for may come in a real run"));
                }
                done.result.insert("attempts".to_owned(), Json::from(attempt.min(retries)));
                // with `failed_when` it is that condition that decides
                if done.status.is_good() && task.failed_when.is_empty() {
                    let until = task.until.iter().map(python_str).collect::<Vec<_>>().join(" and ");
                    done.fails(format!("after {retries} attempts it is still not so: {until}"));
                }
                return Ok(done);
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs_f64(delay)) => {}
                () = self.cancelled.cancelled() => {}
            }
            // what is waited for comes by itself
            let machine = target.machine_name();
            target.machine().await.store.forget(&machine, &[crate::plan::Touch::Everything]);
        }
    }

    /// The view of what stands after the call: the result by its name.
    fn with_result(&self, view: &View, task: &Task, done: &Done) -> View {
        let mut top = (*view.top).clone();
        if let Some(name) = &task.register {
            top.insert(name.clone(), modules::node(&Json::Object(done.registered()), &task.place));
        }
        View { top: Arc::new(top), ..view.clone() }
    }

    /// `changed_when` and `failed_when`.
    async fn judge(&self, view: &View, task: &Task, done: &mut Done) -> Result<(), Stuck> {
        let engine = self.template();
        if !task.failed_when.is_empty() {
            let failed = self.settle(view, |scope| condition::first_false(&task.failed_when, &engine, scope)).await??.is_none();
            done.result.insert("failed_when_result".to_owned(), Json::Bool(failed));
            if failed && done.status.is_good() {
                let why = done.why.take().unwrap_or_else(|| "`failed_when` says so".to_owned());
                done.fails(why);
            } else if !failed && done.status == Status::Failed {
                // a command that ran has changed something, whatever its status
                done.status = if done.has_changed() { Status::Changed } else { Status::Ok };
                done.why = None;
            }
        }
        if !task.changed_when.is_empty() && (done.status.is_good() || done.status == Status::Failed) {
            let changed = self.settle(view, |scope| condition::first_false(&task.changed_when, &engine, scope)).await??.is_none();
            if done.status == Status::Failed {
                done.result.insert("changed".to_owned(), Json::Bool(changed));
            } else {
                done.status = if changed { Status::Changed } else { Status::Ok };
            }
        }
        Ok(())
    }

    async fn act(
        &self,
        at: &Position,
        task: &Arc<Task>,
        host: &Arc<Host<M::Machine>>,
        target: &Arc<Host<M::Machine>>,
        view: &View,
        manner: &Manner,
    ) -> Result<Done, Stuck> {
        match modules::find(&task.action.name) {
            Found::Action(_) | Found::Module(_) if manner.background.is_some() && !background::is_for(&task.action.name) => {
                Ok(Done { hint: Some("take `async` out".into()), ..Done::failed(background::refusal(&task.action.name)) })
            }
            Found::Action(spec) => {
                let action = self.action(at, task, host, target, view, manner, spec);
                let Some(seconds) = manner.limit else { return action.await };
                let limit = Duration::from_secs(seconds);
                tokio::time::timeout(limit, action).await.unwrap_or_else(|_| Ok(timed_out(seconds)))
            }
            Found::Module(module) => {
                let began = tokio::time::Instant::now();
                let done = match &manner.background {
                    Some(background) if !manner.check => self.in_background(at, task, target, view, manner, module, background).await?,
                    _ => self.module(at, task, target, view, manner, module).await?,
                };
                // a change of ours is never cut in half: that it took too long is told when it is over
                let late = |seconds: &u64| began.elapsed() >= Duration::from_secs(*seconds);
                Ok(match manner.limit.filter(late) {
                    Some(seconds) if !matches!(done.status, Status::Unreachable | Status::Unknown) => timed_out(seconds),
                    _ => done,
                })
            }
            Found::Play(_) => {
                Ok(Done::failed(format!("`{}` is for all hosts of a play together, and has no part in this", task.action.name)))
            }
            Found::NotHere => Ok(Done::failed(format!("homelabctl has no module `{}`", task.action.name))),
            Found::Unknown => Ok(Done::failed(format!("there is no module `{}`", task.action.name))),
        }
    }

    pub(super) async fn module(
        &self,
        at: &Position,
        task: &Arc<Task>,
        target: &Arc<Host<M::Machine>>,
        view: &View,
        manner: &Manner,
        module: &'static dyn Module,
    ) -> Result<Done, Stuck> {
        let args = arguments(module.spec(), &self.options(view, task, module.spec()).await?, task)?;
        let user = match self.user(view, task, target).await? {
            Ok(user) => user,
            Err(gone) => return Ok(Stuck::Gone(gone).done()),
        };
        let engine = self.template();
        let shows = self.flag(view, task, "diff").await?.unwrap_or(self.core.options.diff);
        let run = self.machines.run();
        for _ in 0..ROUNDS {
            let (scope, wanted) = self.scope(view);
            let search = outside::search(task, &at.play.play.dir);
            let here = Here { search, engine: &engine, keys: &self.core.setting.keys, digests: &self.core.digests, scope };
            // modules hand the task's environment to their programs themselves
            let eyes = Eyes::new(&target.machine_name(), &user);
            let call = Call {
                module,
                task: modules::Task {
                    args: &args,
                    check: manner.check,
                    diff: shows,
                    environment: &manner.environment,
                    user: &user,
                    wanted: self.is_read(task),
                    outside: &here,
                    run: &run,
                },
                scope: eyes,
                name: &super::items::title(task, None),
                dir: &at.play.play.dir,
                dry: self.core.options.check,
                foreseen: &self.core.foreseen,
                limit: manner.limit,
                background: manner.background.as_ref(),
                word: self.word(&target.name),
            };
            let mut done = call::call(target, &self.machines, &call).await;
            if shows && done.status.is_good() && !module.is_opaque() && !done.result.contains_key("diff") {
                let diff = super::difference::registered(module.spec().name, args.str("path"), &done.changes);
                done.result.insert("diff".to_owned(), diff);
            }
            let wanted = std::mem::take(&mut *wanted.lock().unwrap_or_else(PoisonError::into_inner));
            if let Some(why) = wanted.unknown.into_iter().next() {
                return Err(Stuck::Pending(why));
            }
            // a template file named facts: nothing was changed, for it could not be rendered
            if wanted.facts.is_empty() || done.status.is_good() {
                return Ok(self.facts_of(target, done));
            }
            for (host, names) in wanted.facts {
                self.gather(&host, names).await.map_err(Stuck::Gone)?;
            }
        }
        Ok(Done::failed("the facts that this names lead to further ones without end"))
    }

    /// Whether somebody reads what a task registers.
    pub(super) fn is_read(&self, task: &Task) -> bool {
        task.register.is_some() || !task.until.is_empty() || self.core.options.results
    }

    /// What a module says about the machine's facts is noted down.
    fn facts_of(&self, target: &Host<M::Machine>, done: Done) -> Done {
        if let Some(Json::Object(facts)) = done.result.get("ansible_facts") {
            let mut state = target.state();
            for (name, value) in facts {
                let value = modules::node(value, &made(Value::Null).place);
                if !name.starts_with("ansible_") {
                    super::unknown_facts::keys(name).iter().for_each(|key| drop(state.unknown.remove(key)));
                    state.bare.insert(name.clone());
                }
                state.facts.insert(name.strip_prefix("ansible_").unwrap_or(name).to_owned(), value);
            }
        }
        done
    }
}

/// What a task's rendered options are to its module.
pub(super) fn arguments(spec: &'static Spec, options: &[(Node, Node)], task: &Task) -> Result<Args, Stuck> {
    let mut problems = Diagnostics::new();
    let args = Args::read(spec, options, &task.action.place, &mut problems);
    match problems.0.into_iter().find(|problem| problem.level == crate::diagnostics::Level::Error) {
        Some(error) => Err(Stuck::Arguments(Box::new(error), modules::ansible_words(spec, options))),
        None => Ok(args),
    }
}

/// A task that took longer than its `timeout`.
fn timed_out(seconds: u64) -> Done {
    let told = serde_json::json!({ "frame": "", "period": seconds });
    Done::failed(format!("Timed out after {seconds} second(s).")).with("timedout", told)
}

/// A number, if that is what it is.
pub(super) fn number_of(node: &Node) -> Option<f64> {
    python_str(node).trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// All conditions of a task, those of what is around it first.
pub(super) fn conditions(task: &Task) -> impl Iterator<Item = &Node> {
    task.levels.iter().flat_map(|level| &level.when)
}

/// Without what is omitted; nothing if it is itself.
pub(super) fn without_omitted(mut node: Node) -> Option<Node> {
    match &mut node.value {
        Value::Str(text) if &**text == OMIT => return None,
        Value::List(list) => *list = std::mem::take(list).into_iter().filter_map(without_omitted).collect(),
        Value::Map(map) => *map = std::mem::take(map).into_iter().filter_map(|(key, value)| Some((key, without_omitted(value)?))).collect(),
        _ => {}
    }
    Some(node)
}

pub(super) fn text(text: &str) -> Node {
    made(Value::from(text))
}

/// A rendered value as text.
pub(super) fn shown(node: &Node) -> String {
    match &node.value {
        Value::List(_) | Value::Map(_) => python_str(node),
        value => plain(value),
    }
}

/// A mapping as JSON.
pub(super) fn object(map: &[(Node, Node)]) -> Map<String, Json> {
    map.iter().map(|(key, value)| (shown(key), json(value))).collect()
}
