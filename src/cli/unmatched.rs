//! Names of tasks and tags on the command line that no task has: a run that does nothing is seldom meant.

use std::path::PathBuf;
use std::sync::Arc;

use super::commands::provision::TaskArgs;
use super::inventory::Loaded;
use super::listed::{split, tags_of};
use crate::diagnostics::{Diagnostic, similar};
use crate::engine::is_called;
use crate::playbook::{Item, Playbook, Task};

/// What Ansible's `--tags` gives a meaning of its own.
const SPECIAL: [&str; 5] = ["all", "always", "never", "tagged", "untagged"];

/// An error about `--start-at-task`, which finds no task that is included while the run goes on (as in Ansible); warnings
/// about `--tags` and `--skip-tags`, unless something included may have them.
pub(super) fn unmatched(playbooks: &[(PathBuf, Playbook)], loaded: &Loaded, args: &TaskArgs) -> Vec<Diagnostic> {
    let mut tasks: Vec<Arc<Task>> = Vec::new();
    let (mut given, mut problems) = (Vec::new(), Vec::new());
    for play in playbooks.iter().flat_map(|(_, playbook)| &playbook.plays) {
        given.extend(split(&play.common.tags));
        for items in [&play.pre_tasks, &play.role_tasks, &play.tasks, &play.post_tasks] {
            all(items, &mut tasks);
        }
    }
    if let Some(start) = &args.start_at_task
        && !tasks.iter().any(|task| is_called(task, start))
    {
        let names: Vec<String> = tasks.iter().filter_map(|task| task.name.as_ref()?.as_str().map(str::to_owned)).collect();
        let hint = match similar(start, names.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "`--list-tasks` shows the names of all tasks; those of files that are included meanwhile are not found".to_owned(),
        };
        problems.push(Diagnostic::error(format!("`--start-at-task`: there is no task `{start}`")).hint(hint));
    }
    let includes = |task: &Arc<Task>| matches!(task.action.name.rsplit('.').next(), Some("include_tasks" | "include_role"));
    if !tasks.iter().any(includes) {
        given.extend(tasks.iter().flat_map(|task| tags_of(task, loaded)));
        for (option, tags) in [("--tags", &args.tags), ("--skip-tags", &args.skip_tags)] {
            for tag in tags.iter().filter(|tag| !SPECIAL.contains(&tag.as_str()) && !given.contains(tag)) {
                let hint = match similar(tag, given.iter().map(String::as_str)) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => "`--list-tags` shows all tags".to_owned(),
                };
                problems.push(Diagnostic::warning(format!("`{option}`: nothing has the tag `{tag}`")).hint(hint));
            }
        }
    }
    problems
}

fn all(items: &[Item], tasks: &mut Vec<Arc<Task>>) {
    for item in items {
        match item {
            Item::Task(task) => tasks.push(Arc::clone(task)),
            Item::Block(block) => [&block.block, &block.rescue, &block.always].into_iter().for_each(|items| all(items, tasks)),
        }
    }
}
