//! All tasks of a playbook, in their order, and what may keep a host from each.

use std::sync::Arc;

use super::super::{Block, Item, Play, Playbook, Task};
use crate::modules::boolean;
use crate::yaml::Node;

/// A task, and how a host comes to it.
#[derive(Clone)]
pub(super) struct Seen<'a> {
    /// Its play.
    pub(super) play: &'a Arc<Play>,
    /// The task.
    pub(super) task: &'a Arc<Task>,
    /// Whether there are runs in which no host comes to it, or in which it does not matter that it fails: a condition, a loop,
    /// a `rescue`, a tag.
    pub(super) guarded: bool,
    /// The same without its own conditions and its own loop: those are looked at before anything else.
    pub(super) sheltered: bool,
    /// Whether its failing is provided for: it ignores errors, says itself what a failure is, or stands in a block with a
    /// `rescue`. A mistake there may be what the playbook is about.
    pub(super) tolerated: bool,
    /// Whether it is a handler.
    pub(super) handler: bool,
    /// Whether its file is read when a host comes to what includes it, and not before.
    pub(super) included: bool,
}

/// All of them; handlers last in each play.
pub(super) fn tasks(playbook: &Playbook) -> Vec<Seen<'_>> {
    let mut seen = Vec::new();
    for play in &playbook.plays {
        for items in [&play.pre_tasks, &play.role_tasks, &play.tasks, &play.post_tasks] {
            items.iter().for_each(|item| add(play, item, Way::default(), &mut seen));
        }
        for handler in &play.handlers {
            seen.push(Seen {
                play,
                task: &handler.task,
                guarded: true,
                sheltered: true,
                tolerated: is_tolerated(&handler.task),
                handler: true,
                included: false,
            });
        }
    }
    for included in &playbook.included {
        let mut tasks = Vec::new();
        included.items.iter().for_each(|item| flat(item, false, &mut tasks));
        let handlers = included.handlers.iter().map(|handler| (&handler.task, false, true));
        for (task, rescued, handler) in tasks.into_iter().map(|(task, rescued)| (task, rescued, false)).chain(handlers) {
            // the outermost level is the play's
            let of_play = |play: &&Arc<Play>| task.levels.first().is_some_and(|level| Arc::ptr_eq(level, &play.common));
            if let Some(play) = playbook.plays.iter().find(of_play) {
                seen.push(Seen {
                    play,
                    task,
                    guarded: true,
                    sheltered: true,
                    tolerated: rescued || is_tolerated(task),
                    handler,
                    included: true,
                });
            }
        }
    }
    seen
}

fn flat<'a>(item: &'a Item, rescued: bool, tasks: &mut Vec<(&'a Arc<Task>, bool)>) {
    match item {
        Item::Task(task) => tasks.push((task, rescued)),
        Item::Block(block) => {
            let Block { block, rescue, always, .. } = &**block;
            block.iter().for_each(|item| flat(item, rescued || !rescue.is_empty(), tasks));
            rescue.iter().chain(always).for_each(|item| flat(item, rescued, tasks));
        }
    }
}

/// What stands around a task.
#[derive(Default, Clone, Copy)]
struct Way {
    sheltered: bool,
    rescued: bool,
}

fn add<'a>(play: &'a Arc<Play>, item: &'a Item, way: Way, seen: &mut Vec<Seen<'a>>) {
    match item {
        Item::Task(task) => {
            let sheltered = way.sheltered || is_sheltered(task);
            let guarded = sheltered || task.repeat.is_some() || task.levels.iter().any(|level| !level.when.is_empty());
            seen.push(Seen {
                play,
                task,
                guarded,
                sheltered,
                tolerated: way.rescued || is_tolerated(task),
                handler: false,
                included: false,
            });
        }
        Item::Block(block) => {
            let Block { block, rescue, always, .. } = &**block;
            let tried = Way { sheltered: way.sheltered || !rescue.is_empty(), rescued: way.rescued || !rescue.is_empty() };
            block.iter().for_each(|item| add(play, item, tried, seen));
            rescue.iter().for_each(|item| add(play, item, Way { sheltered: true, ..way }, seen));
            always.iter().for_each(|item| add(play, item, way, seen));
        }
    }
}

fn ignores_errors(task: &Task) -> bool {
    task.keyword("ignore_errors").is_some_and(|value| boolean(value) != Some(false))
}

fn is_sheltered(task: &Task) -> bool {
    let never = |tag: &Node| tag.as_str().is_some_and(|tag| tag.split(',').any(|tag| tag.trim() == "never"));
    ignores_errors(task) || task.levels.iter().any(|level| level.tags.iter().any(never))
}

fn is_tolerated(task: &Task) -> bool {
    ignores_errors(task) || !task.failed_when.is_empty()
}

impl Seen<'_> {
    /// The value of an option, by one of its names.
    pub(super) fn option(&self, names: &[&str]) -> Option<&Node> {
        self.task.action.options.iter().find(|(key, _)| key.as_str().is_some_and(|key| names.contains(&key))).map(|(_, value)| value)
    }

    /// The module's name without its collection.
    pub(super) fn module(&self) -> &str {
        let name = &self.task.action.name;
        match name.rsplit_once('.') {
            Some(("ansible.builtin" | "ansible.legacy", short)) => short,
            _ => name,
        }
    }
}
