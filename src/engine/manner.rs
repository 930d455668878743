//! How a task is done: in check mode, with which environment, as which user, with which options, for how long.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::background::Background;
use super::call;
use super::hide;
use super::host::{Host, Machines, NotReached};
use super::magic::OMIT;
use super::play::Engine;
use super::scope::View;
use super::task::{Stuck, number_of, shown, without_omitted};
use crate::diagnostics::Diagnostic;
use crate::modules::Spec;
use crate::playbook::Task;
use crate::yaml::{Node, Value, python_str};

/// So many seconds a `timeout` may have, as in Ansible.
const LONGEST: f64 = 100_000_000.0;

/// How one call of a module is made.
pub(super) struct Manner {
    pub(super) check: bool,
    pub(super) environment: Vec<(String, String)>,
    /// `timeout`, in seconds.
    pub(super) limit: Option<u64>,
    /// `async` and `poll`.
    pub(super) background: Option<Background>,
}

impl<M: Machines> Engine<M> {
    pub(super) async fn manner(&self, view: &View, task: &Task) -> Result<Manner, Stuck> {
        let check = self.flag(view, task, "check_mode").await?.unwrap_or(self.core.options.check);
        let mut environment: BTreeMap<String, String> = BTreeMap::new();
        for level in &task.levels {
            for node in &level.environment {
                let Some(value) = without_omitted(self.rendered(view, node).await?) else { continue };
                let mut add =
                    |map: &[(Node, Node)]| environment.extend(map.iter().map(|(key, value)| (python_str(key), python_str(value))));
                match &value.value {
                    Value::Map(map) => add(map),
                    Value::List(list) => list.iter().filter_map(Node::as_map).for_each(|map| add(map)),
                    Value::Null => {}
                    Value::Str(text) if text.is_empty() => {}
                    _ => return Err(Stuck::Wrong(Box::new(Diagnostic::error("`environment` is a mapping").at(node.place.clone())))),
                }
            }
        }
        environment.iter().for_each(|(name, value)| hide::named(&self.template(), name, value));
        let limit = match task.keyword("timeout") {
            Some(node) => {
                let seconds = number_of(&self.rendered(view, node).await?);
                if let Some(seconds) = seconds.filter(|seconds| !(0.0..=LONGEST).contains(seconds)) {
                    let error = Diagnostic::error(format!("`timeout` is a number of seconds from 0 to {LONGEST}, and this is {seconds}"));
                    let words = format!("Task failed: Timeout {seconds} is invalid, it must be between 0 and {LONGEST}.");
                    return Err(Stuck::Arguments(Box::new(error.at(node.place.clone())), Some(words)));
                }
                seconds.filter(|seconds| *seconds >= 1.0)
            }
            None => None,
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "nobody waits so long")]
        let limit = limit.map(|seconds| seconds as u64);
        let background = self.background_of(view, task).await?;
        Ok(Manner { check, environment: environment.into_iter().collect(), limit, background })
    }

    /// The task with its module's name, where a template gives it.
    pub(super) async fn named(&self, view: &View, task: &Arc<Task>) -> Result<Option<Arc<Task>>, Stuck> {
        if !task.action.name.contains("{{") {
            return Ok(None);
        }
        let name = Node { literal: false, ..Node::new(task.action.name.as_str(), task.action.place.clone()) };
        let mut named = (**task).clone();
        named.action.name = shown(&self.rendered(view, &name).await?);
        // these are read before hosts have their names for it
        let short = named.action.name.rsplit('.').next().unwrap_or_default();
        if short == "meta" || short.starts_with("include_") && short != "include_vars" || short.starts_with("import_") {
            let error = Diagnostic::error(format!("a template cannot choose `{}`", named.action.name));
            return Err(Stuck::Wrong(Box::new(error.at(task.action.place.clone()))));
        }
        Ok(Some(Arc::new(named)))
    }

    /// The options of a task with their defaults from `module_defaults`, rendered and without those that are omitted.
    pub(super) async fn options(&self, view: &View, task: &Task, spec: &Spec) -> Result<Vec<(Node, Node)>, Stuck> {
        let mut options: Vec<(Node, Node)> = Vec::new();
        let mut set = |key: Node, value: Node, spec: &Spec| {
            let canonical =
                |node: &Node| node.as_str().map(|name| spec.option(name).map_or(name.to_owned(), |option| option.name.to_owned()));
            options.retain(|(known, _)| canonical(known) != canonical(&key));
            options.push((key, value));
        };
        for node in task.module_defaults(spec.collection, spec.name) {
            let defaults = self.rendered(view, node).await?;
            defaults.as_map().into_iter().flatten().for_each(|(key, value)| set(key.clone(), value.clone(), spec));
        }
        let mut given: Vec<(Node, Node)> = Vec::new();
        if let Some(whole) = &task.action.whole {
            let value = self.rendered(view, whole).await?;
            given.extend(value.as_map().into_iter().flatten().cloned());
        }
        for (key, value) in &task.action.options {
            let value = self.rendered(view, value).await.map_err(|stuck| match stuck {
                Stuck::Wrong(error) => {
                    let module = format!("{}.{}", spec.collection, spec.name);
                    let words = super::words::of_option(&module, key.as_str().unwrap_or_default(), &error.message);
                    Stuck::Arguments(error, Some(words))
                }
                stuck => stuck,
            })?;
            // only names of variables may be templates
            let key = if spec.any_option && key.is_template() { self.rendered(view, key).await? } else { key.clone() };
            given.push((key, value));
        }
        for (key, value) in given {
            set(key, value, spec);
        }
        if spec.name == "package" {
            self.add_package_use(view, task, &mut options).await?;
        }
        let options: Vec<_> = options.into_iter().filter_map(|(key, value)| Some((key, without_omitted(value)?))).collect();
        hide::options(&self.template(), spec, &options);
        Ok(options)
    }

    /// What the variable `ansible_package_use` says of `package`, where the task says nothing of it.
    async fn add_package_use(&self, view: &View, task: &Task, options: &mut Vec<(Node, Node)>) -> Result<(), Stuck> {
        if options.iter().any(|(key, value)| key.as_str() == Some("use") && value.as_str() != Some("auto")) {
            return Ok(());
        }
        let place = &task.action.place;
        let variable = Node { literal: false, ..Node::new("{{ ansible_package_use | default('auto', true) }}", place.clone()) };
        let chosen = self.rendered(view, &variable).await?;
        if chosen.as_str() != Some("auto") {
            options.retain(|(key, _)| key.as_str() != Some("use"));
            options.push((Node::new("use", place.clone()), chosen));
        }
        Ok(())
    }

    /// The user whose shell does it.
    pub(super) async fn user(&self, view: &View, task: &Task, target: &Host<M::Machine>) -> Result<Result<String, NotReached>, Stuck> {
        // variables of the play and of the task come before the keywords; those of the inventory are known to who connects
        let set = |name: &str| task.levels.iter().rev().flat_map(|level| &level.vars).find(|(key, _)| key.as_str() == Some(name));
        let become_it = match set("ansible_become") {
            Some((_, node)) => crate::modules::boolean(&self.rendered(view, node).await?),
            None => self.flag(view, task, "become").await?,
        };
        let mut whom = None;
        for node in set("ansible_become_user").map(|(_, node)| node).into_iter().chain(task.inherited("become_user")) {
            let name = python_str(&self.rendered(view, node).await?);
            if name != OMIT {
                whom = Some(name).filter(|name| !name.is_empty());
                break;
            }
        }
        let mut seat = target.machine().await;
        let reached = match call::reach(&mut seat, &self.machines, &target.machine_name()).await {
            Ok(reached) => reached,
            Err(gone) => return Ok(Err(gone)),
        };
        Ok(Ok(whose(become_it, whom, reached.become_user.as_deref(), &reached.user)))
    }
}

/// The user that a task works as: by its `become` and `become_user`, by what the inventory or the command line says for the
/// host, or else as who one logs in.
pub(super) fn whose(becomes: Option<bool>, whom: Option<String>, usual: Option<&str>, login: &str) -> String {
    match (becomes, usual) {
        (Some(false), _) | (None, None) => login.to_owned(),
        (Some(true), other) => whom.or_else(|| other.map(str::to_owned)).unwrap_or_else(|| "root".to_owned()),
        (None, Some(user)) => user.to_owned(),
    }
}
