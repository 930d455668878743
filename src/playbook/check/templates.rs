//! The grammar of every template, and the names of what it calls.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::{Common, Play, Playbook, Role, Task};
use super::walk::Seen;
use crate::diagnostics::Diagnostics;
use crate::template::Engine;
use crate::yaml::Node;

/// Checks values, each once: levels and roles are shared by many tasks.
struct Checker<'a> {
    engine: &'a Engine,
    levels: HashSet<*const Common>,
    roles: HashSet<*const Role>,
    problems: &'a mut Diagnostics,
}

pub(super) fn check(playbook: &Playbook, tasks: &[Seen], engine: &Engine, problems: &mut Diagnostics) {
    let mut checker = Checker { engine, levels: HashSet::new(), roles: HashSet::new(), problems };
    for play in &playbook.plays {
        checker.play(play);
        for seen in tasks.iter().filter(|seen| Arc::ptr_eq(seen.play, play)) {
            checker.seen(seen);
        }
    }
}

impl Checker<'_> {
    fn values<'n>(&mut self, nodes: impl IntoIterator<Item = &'n Node>) {
        nodes.into_iter().for_each(|node| self.engine.check(node, self.problems));
    }

    fn expressions(&mut self, nodes: &[Node]) {
        nodes.iter().for_each(|node| self.engine.check_expression(node, self.problems));
    }

    fn play(&mut self, play: &Play) {
        let Play { name, hosts, vars_files, gather_facts, strategy, order, max_fail_percentage, force_handlers, .. } = play;
        self.values(name.iter().chain([hosts]).chain(vars_files));
        self.values([gather_facts, strategy, order, max_fail_percentage, force_handlers].into_iter().flatten());
        self.values(play.serial.iter().map(|serial| &serial.0));
        self.values(play.vars_prompt.iter().filter_map(|prompt| prompt.default.as_ref()));
        self.level(&play.common);
        play.roles.iter().for_each(|role| self.role(role));
    }

    fn role(&mut self, role: &Arc<Role>) {
        if self.roles.insert(Arc::as_ptr(role)) {
            let Role { defaults, vars, params, dependencies, .. } = &**role;
            self.values(defaults.iter().chain(vars).chain(params).map(|(_, value)| value));
            dependencies.iter().for_each(|role| self.role(role));
        }
    }

    fn level(&mut self, level: &Arc<Common>) {
        if self.levels.insert(Arc::as_ptr(level)) {
            let Common { when, tags, vars, environment, module_defaults, others, .. } = &**level;
            self.expressions(when);
            self.values(tags.iter().chain(environment).chain(module_defaults).chain(others.values()));
            self.values(vars.iter().map(|(_, value)| value));
        }
    }

    /// A task; its own templates may be what is to fail.
    fn seen(&mut self, seen: &Seen) {
        let Self { engine, .. } = *self;
        let (outer, own) = seen.task.levels.split_at(seen.task.levels.len().saturating_sub(1));
        outer.iter().for_each(|level| self.level(level));
        let (levels, roles) = (std::mem::take(&mut self.levels), std::mem::take(&mut self.roles));
        let mut found = Diagnostics::new();
        let mut inner = Checker { engine, levels, roles, problems: &mut found };
        own.iter().for_each(|level| inner.level(level));
        inner.task(seen.task);
        let Checker { levels, roles, .. } = inner;
        (self.levels, self.roles) = (levels, roles);
        super::tolerated(seen, found, self.problems);
        // it says what a failure is, and is none itself
        self.expressions(&seen.task.failed_when);
    }

    fn task(&mut self, task: &Task) {
        task.role.iter().for_each(|role| self.role(role));
        self.values(&task.name);
        let condition = |key: &Node| is_expression(task, key);
        for (key, value) in &task.action.options {
            if condition(key) {
                self.expressions(value.as_list().unwrap_or(std::slice::from_ref(value)));
            } else {
                self.values([value]);
            }
        }
        self.values(&task.action.whole);
        self.values(task.repeat.iter().map(|repeat| &repeat.values));
        let control = &task.loop_control;
        self.values([&control.loop_var, &control.index_var, &control.label, &control.pause, &control.extended].into_iter().flatten());
        [&control.break_when, &task.changed_when, &task.until].into_iter().for_each(|nodes| self.expressions(nodes));
        self.values([&task.retries, &task.delay, &task.delegate_to, &task.delegate_facts, &task.seconds, &task.poll].into_iter().flatten());
        self.values(&task.notify);
    }
}

/// Whether the value of that option is a bare expression: `that` of `assert`, `var` of `debug`.
pub(super) fn is_expression(task: &Task, key: &Node) -> bool {
    let module = task.action.name.rsplit('.').next();
    matches!((module, key.as_str()), (Some("assert"), Some("that")) | (Some("debug"), Some("var")))
}
