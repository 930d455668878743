//! What is read when its turn comes: `include_tasks`, `include_role`.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::condition;
use super::host::{Host, Machines};
use super::items::{Hosts, Position};
use super::play::Engine;
use super::status::{Done, Status};
use super::task::{Stuck, conditions, object, shown, without_omitted};
use crate::diagnostics::{Diagnostics, Level as Severity};
use crate::modules;
use crate::playbook::{Context, Included, RoleFrom, Task};
use crate::report::Event;
use crate::yaml::Node;

/// How deep includes may stand in each other.
const DEEPEST: usize = 50;

/// What one host includes.
#[derive(Clone, PartialEq)]
pub(super) struct Wish {
    pub(super) options: Vec<(Node, Node)>,
    /// The loop's variables, but for what `all` holds.
    pub(super) top: BTreeMap<String, Node>,
    /// `ansible_loop.allitems`: one list for all items of a host.
    pub(super) all: Option<Arc<Vec<Node>>>,
}

impl Wish {
    /// What is included for an item with these variables.
    fn of(options: Vec<(Node, Node)>, mut top: BTreeMap<String, Node>, items: &Arc<Vec<Node>>) -> Self {
        let all = super::loops::take_all(&mut top).then(|| Arc::clone(items));
        Self { options, top, all }
    }

    /// Where what is included stands.
    pub(super) fn position(&self, at: &Position, task: &Task, role: bool) -> Position {
        let mut params = at.params.clone();
        let own = task.levels.last().into_iter().flat_map(|level| &level.vars);
        params.push(Arc::new(own.filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value.clone()))).collect()));
        if !self.top.is_empty() {
            let mut top = self.top.clone();
            self.all.iter().for_each(|all| super::loops::put_all(&mut top, all));
            params.push(Arc::new(top));
        }
        Position { play: Arc::clone(&at.play), params, depth: at.depth + 1, handlers: at.handlers && !role }
    }
}

impl<M: Machines> Engine<M> {
    /// Reads and does what these hosts include; hosts that include the same go together.
    pub(super) async fn include(&self, at: &Position, task: &Arc<Task>, hosts: &[Arc<Host<M::Machine>>], role: bool) {
        let mut groups: Vec<(Wish, Hosts<M::Machine>)> = Vec::new();
        let view = hosts.first().map(|first| self.view(at, task, &first.name, Arc::default()));
        let once = match view {
            Some(view) => matches!(self.flag(&view, task, "run_once").await, Ok(Some(true))),
            None => false,
        };
        for host in hosts.iter().take(if once { 1 } else { usize::MAX }) {
            match self.wishes(at, task, host).await {
                Ok(wishes) => {
                    for wish in wishes {
                        match groups
                            .iter_mut()
                            .find(|(known, members)| *known == wish && !members.iter().any(|member| member.name == host.name))
                        {
                            Some((_, members)) => members.push(Arc::clone(host)),
                            None => groups.push((wish, vec![Arc::clone(host)])),
                        }
                    }
                }
                Err(stuck) => self.finish_include(at, task, host, stuck.done(), true).await,
            }
        }
        for (wish, members) in groups {
            let members: Vec<Arc<Host<M::Machine>>> = members.into_iter().filter(|host| host.is_active()).collect();
            if members.is_empty() || self.cancelled.is_cancelled() {
                continue;
            }
            if at.depth >= DEEPEST {
                self.all_fail(at, task, &members, "includes stand in each other without end").await;
                continue;
            }
            let (included, problems) = self.read_included(at, task, &wish, role);
            if let Some(error) = problems.0.iter().find(|problem| problem.level == Severity::Error) {
                let (message, hint) = (error.message.clone(), error.hint.clone());
                let place =
                    error.place.as_ref().map(|place| format!(" ({})", crate::inventory::where_it_stands(place))).unwrap_or_default();
                for host in &members {
                    let done = Done { hint: hint.clone(), ..Done::failed(format!("{message}{place}")) };
                    self.finish_include(at, task, host, done, false).await;
                }
                continue;
            }
            problems.0.iter().for_each(|warning| (self.core.setting.tell)(Event::from(warning)));
            for host in &members {
                let done = Done::new(Status::Ok).with("include", included.items.len()).with("include_args", object(&wish.options));
                self.finish_include(at, task, host, done, true).await;
            }
            {
                let mut handlers = at.play.handlers.lock().unwrap_or_else(PoisonError::into_inner);
                let known: Vec<_> = handlers.iter().map(|handler| handler.task.place.clone()).collect();
                handlers.extend(included.handlers.iter().filter(|handler| !known.contains(&handler.task.place)).cloned());
            }
            let public = wish.options.iter().any(|(key, value)| key.as_str() == Some("public") && modules::boolean(value) == Some(true));
            if role && public {
                at.play.roles.lock().unwrap_or_else(PoisonError::into_inner).extend(included.roles.iter().cloned());
            }
            self.items(&wish.position(at, task, role), &included.items, members).await;
        }
    }

    async fn finish_include(&self, at: &Position, task: &Arc<Task>, host: &Arc<Host<M::Machine>>, done: Done, may_be_ignored: bool) {
        if let Some(name) = &task.register {
            self.register(host, name, &done, false);
        }
        self.conclude_as(at, task, host, &done, may_be_ignored).await;
    }

    async fn all_fail(&self, at: &Position, task: &Arc<Task>, hosts: &[Arc<Host<M::Machine>>], why: &str) {
        for host in hosts {
            self.conclude_as(at, task, host, &Done::failed(why), false).await;
        }
    }

    /// What a host includes: nothing, once, or once for each item.
    async fn wishes(&self, at: &Position, task: &Arc<Task>, host: &Arc<Host<M::Machine>>) -> Result<Vec<Wish>, Stuck> {
        let engine = self.template();
        let view = self.view(at, task, &host.name, Arc::default());
        let (items, names) = match &task.repeat {
            None => (Arc::default(), None),
            Some(repeat) => {
                let items = match self.settle(&view, |scope| super::loops::items(repeat, &engine, scope)).await? {
                    Ok(items) => items,
                    Err(error) => {
                        if let Ok(Ok(Some(_))) = self.settle(&view, |scope| condition::first_false(conditions(task), &engine, scope)).await
                        {
                            self.finish_include(at, task, host, Done::skipped(None), true).await;
                            return Ok(Vec::new());
                        }
                        return Err(Stuck::Wrong(error));
                    }
                };
                let names = self.settle(&view, |scope| super::loops::names(&task.loop_control, &engine, scope)).await??;
                (Arc::new(items), Some(names))
            }
        };
        let mut wishes = Vec::new();
        let mut skipped = None;
        for index in 0..names.as_ref().map_or(1, |_| items.len()) {
            let variables = |names| super::loops::variables(names, &task.loop_control, &items, index);
            let top = names.as_ref().map(variables).unwrap_or_default();
            let view = self.view(at, task, &host.name, Arc::new(top.clone()));
            if let Some(condition) = self.settle(&view, |scope| condition::first_false(conditions(task), &engine, scope)).await?? {
                skipped = Some(condition);
                continue;
            }
            let mut options = Vec::new();
            for (key, value) in &task.action.options {
                // its keywords are rendered by the tasks that get them
                let value = if key.as_str() == Some("apply") { value.clone() } else { self.rendered(&view, value).await? };
                options.extend(without_omitted(value).map(|value| (key.clone(), value)));
            }
            wishes.push(Wish::of(options, top, &items));
        }
        if wishes.is_empty() {
            self.finish_include(at, task, host, Done::skipped(skipped), true).await;
        }
        Ok(wishes)
    }

    pub(super) fn read_included(&self, at: &Position, task: &Task, wish: &Wish, role: bool) -> (Included, Diagnostics) {
        let option = |names: &[&str]| {
            wish.options.iter().find(|(key, _)| key.as_str().is_some_and(|key| names.contains(&key))).map(|(_, value)| value)
        };
        let mut context = Context::within(task, &at.play.play, Vec::new());
        let mut wrong = Diagnostics::new();
        if let Some(apply) = option(&["apply"]) {
            (context, wrong) = self.with_request(|request| context.apply(apply, request));
            // the warnings were told when the playbook was read
            wrong.0.retain(|problem| problem.level == Severity::Error);
        }
        let name = if role { option(&["name", "role"]) } else { option(&["file", modules::FREE_FORM]) };
        let Some(name) = name else {
            let what = if role { "`include_role` needs `name`" } else { "`include_tasks` needs the name of a file" };
            return (Included::default(), crate::diagnostics::Diagnostic::error(what).at(task.place.clone()).into());
        };
        let name = Node { value: crate::yaml::Value::from(shown(name).as_str()), ..name.clone() };
        let (included, problems) = self.with_request(|request| {
            if role {
                crate::playbook::load_role(&name, &RoleFrom::of(&wish.options), &context, request)
            } else {
                let load = if at.handlers { crate::playbook::load_handlers } else { crate::playbook::load_tasks };
                load(&name, &context, request)
            }
        });
        wrong.0.extend(problems.0);
        (included, wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::LoopControl;
    use crate::yaml::Value;

    #[test]
    fn the_items_of_a_loop_are_kept_once() {
        let truth = super::super::magic::made(Value::Bool(true));
        let items = Arc::new(vec![truth.clone(), truth.clone(), truth.clone()]);
        let names = ("item".to_owned(), None);
        let top = |extended: Option<Node>| {
            let control = LoopControl { extended, ..LoopControl::default() };
            super::super::loops::variables(&names, &control, &items, 1)
        };
        let wish = Wish::of(Vec::new(), top(Some(truth.clone())), &items);
        assert!(wish.all.as_ref().is_some_and(|all| Arc::ptr_eq(all, &items)));
        assert!(wish.top["ansible_loop"].get("allitems").is_none() && wish.top["ansible_loop"].get("index").is_some());
        let mut whole = wish.top.clone();
        super::super::loops::put_all(&mut whole, &items);
        assert_eq!(whole, top(Some(truth.clone())));
        assert!(Wish::of(Vec::new(), top(None), &items).all.is_none());
    }
}
