//! One task.

use super::action::short;
use super::common::list;
use super::context::Context;
use super::keywords::{On, described};
use super::loader::Loader;
use super::tree::{Loop, LoopControl, Task};
use crate::diagnostics::{Diagnostic, suggestion};
use crate::yaml::{Map, Node, Value};

/// The lookups that a task may loop over.
pub(super) const LOOKUPS: [&str; 22] = [
    "items",
    "dict",
    "list",
    "nested",
    "together",
    "sequence",
    "subelements",
    "fileglob",
    "filetree",
    "first_found",
    "indexed_items",
    "flattened",
    "cartesian",
    "lines",
    "file",
    "random_choice",
    "inventory_hostnames",
    "ini",
    "vars",
    "varnames",
    "env",
    "csvfile",
];

impl Loader<'_> {
    /// A task with what it inherits, and its own keywords. `None`: it has been said what is wrong.
    pub(super) fn task(&mut self, node: &Node, map: &Map, context: &Context) -> Option<Task> {
        let on = if context.handlers { On::Handler } else { On::Task };
        let parsed = self.action(node, map, on);
        let key = parsed.as_ref().and_then(|parsed| parsed.key.as_deref());
        let module = parsed.as_ref().map(|parsed| short(&parsed.action.name));
        let on = if matches!(module, Some("include_tasks" | "include_role")) { On::Include } else { on };
        let failed = parsed.is_none();
        // without a module it has been said what each other key is
        let skip = |name: &str| {
            Some(name) == key
                || name.starts_with("with_")
                || (failed && super::keywords::find(name).is_none_or(|keyword| !keyword.may_stand(on)))
        };
        self.keywords(map, on, &skip);
        let common = self.common(map, on);
        let get = |name: &str| map.iter().find(|(key, _)| key.as_str() == Some(name));
        let value = |name: &str| get(name).map(|(_, value)| value).filter(|value| !value.is_null()).cloned();
        let repeat = self.repeat(map);
        let loop_control = get("loop_control").map(|(key, value)| self.loop_control(key, value)).unwrap_or_default();
        let register = get("register").and_then(|(_, value)| self.register(value));
        let mut conditions = |name: &str| get(name).map(|(key, value)| self.conditions(key, value)).unwrap_or_default();
        let (changed_when, failed_when, until) = (conditions("changed_when"), conditions("failed_when"), conditions("until"));
        let parsed = parsed?;
        let inner = context.with(common);
        let here = || Node { literal: true, ..Node::new("localhost", parsed.action.place.clone()) };
        let delegate_to = if parsed.is_local { Some(here()) } else { inner.keyword("delegate_to").cloned() };
        Some(Task {
            name: value("name"),
            place: node.place.clone(),
            role: context.role.clone(),
            file: context.file(),
            dirs: context.dirs.clone(),
            repeat,
            loop_control,
            register,
            changed_when,
            failed_when,
            until,
            retries: value("retries"),
            delay: value("delay"),
            notify: list(inner.keyword("notify")),
            delegate_to,
            delegate_facts: inner.keyword("delegate_facts").cloned(),
            seconds: value("async"),
            poll: value("poll"),
            levels: inner.levels,
            action: parsed.action,
        })
    }

    /// `loop` or `with_…`.
    fn repeat(&mut self, map: &Map) -> Option<Loop> {
        let mut found: Option<(&Node, Loop)> = None;
        for (key, value) in map {
            let Some(name) = key.as_str() else { continue };
            let kind = match name.strip_prefix("with_") {
                Some(kind) => kind,
                None if name == "loop" => name,
                None => continue,
            };
            if value.is_null() {
                self.error(&key.place, format!("`{name}` is empty"), "write what the task goes through, or take it out");
                continue;
            }
            if name == "loop" && !matches!(value.value, Value::List(_) | Value::Vault(_)) && !value.is_template() {
                let message = format!("`loop` is a list, and this is {}", described(value));
                let hint = if matches!(value.value, Value::Map(_)) {
                    "for a mapping write `loop: \"{{ NAME | dict2items }}\"`"
                } else {
                    "write a list, or a template that gives one"
                };
                self.error(&value.place, message, hint);
            }
            // other collections may have other lookups, but nobody means a name that is nearly one of these
            if let Some(label) = suggestion(kind, LOOKUPS).filter(|_| name != "loop" && !LOOKUPS.contains(&kind) && !kind.contains('.')) {
                let error = Diagnostic::error(format!("there is no lookup `{kind}` for `{name}`")).at(key.place.clone());
                self.problems.push(error.label(label.replace('`', "`with_").replacen("`with_?", "`?", 1)));
            }
            if let Some((first, _)) = &found {
                let other = first.as_str().unwrap_or_default();
                let error = Diagnostic::error(format!("this task has two loops, `{other}` and `{name}`")).at(key.place.clone());
                self.problems.push(error.also(first.place.clone(), "the first").hint("take one of them out"));
                continue;
            }
            found = Some((key, Loop { kind: kind.to_owned(), place: key.place.clone(), values: value.clone() }));
        }
        found.map(|(_, found)| found)
    }

    fn register(&mut self, value: &Node) -> Option<String> {
        if value.is_null() || !self.variable_name(value, "what is registered") {
            return None;
        }
        value.as_str().map(str::to_owned)
    }

    fn loop_control(&mut self, key: &Node, value: &Node) -> LoopControl {
        let mut control = LoopControl::default();
        let Some(map) = value.as_map() else {
            let message = format!("`loop_control` is a mapping, and this is {}", described(value));
            let place = if value.is_null() { key } else { value }.place.clone();
            self.error(&place, message, "write e.g. `label: \"{{ item.name }}\"` under it");
            return control;
        };
        for (key, value) in map {
            let name = key.as_str().unwrap_or_default();
            let slot = match name {
                "loop_var" => &mut control.loop_var,
                "index_var" => &mut control.index_var,
                "label" => &mut control.label,
                "pause" => &mut control.pause,
                "extended" => &mut control.extended,
                "extended_allitems" => &mut control.extended_allitems,
                "break_when" => {
                    control.break_when = self.conditions(key, value);
                    continue;
                }
                _ => {
                    let names = ["loop_var", "index_var", "label", "pause", "extended", "extended_allitems", "break_when"];
                    let error = Diagnostic::error(format!("`{name}` is no keyword of `loop_control`")).at(key.place.clone());
                    self.problems.push(match suggestion(name, names) {
                        Some(label) => error.label(label),
                        None => error.hint(format!("it has {}", names.join(", "))),
                    });
                    continue;
                }
            };
            *slot = Some(value.clone()).filter(|value| !value.is_null());
            if matches!(name, "loop_var" | "index_var") && !value.is_template() {
                self.variable_name(value, "a loop's variable");
            }
        }
        control
    }
}
