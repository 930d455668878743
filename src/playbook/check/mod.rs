//! What is wrong with a playbook, as far as it can be known before anything is contacted.
//!
//! Only what is certain is an error. What fails on a host that comes to it, and perhaps no host does, is a warning.

mod arguments;
mod cluster;
mod files;
mod handlers;
mod loops;
mod modes;
mod names;
mod plays;
mod python;
mod sources;
mod templates;
mod together;
mod variables;
mod walk;

use std::collections::BTreeSet;

pub use cluster::reads_cluster;

use super::{Playbook, Request};
use crate::diagnostics::{Diagnostic, Diagnostics, Level};

/// What the check needs to know beside the playbook.
pub struct Known<'a> {
    /// What the playbook was read with.
    pub request: &'a Request<'a>,
    /// The names of all variables that the inventory and extra vars give to any host.
    pub variables: &'a BTreeSet<String>,
    /// Whether a task may notify a handler that is not there.
    pub handlers_may_miss: bool,
}

/// Everything that is wrong with a playbook, in the order of its tasks, each problem once.
pub fn check(playbook: &Playbook, known: &Known<'_>) -> Diagnostics {
    let mut problems = Diagnostics::new();
    let python = python::find(playbook, known, &mut problems);
    plays::check(playbook, &mut problems);
    let seen = walk::tasks(playbook);
    names::check(&seen, &python, &mut problems);
    for task in &seen {
        let mut found = Diagnostics::new();
        arguments::check(task, &mut found);
        tolerated(task, found, &mut problems);
        arguments::defaults(task, &mut problems);
        loops::check(task, known, &python, &mut problems);
        plays::debugger(task, &mut problems);
    }
    modes::check(&seen, &mut problems);
    together::check(&seen, &mut problems);
    handlers::check(playbook, &seen, known.handlers_may_miss, &mut problems);
    templates::check(playbook, &seen, known.request.engine, &mut problems);
    let texts = files::check(&seen, known, &mut problems);
    variables::check(playbook, &seen, &texts, known, &mut problems);
    once(problems)
}

/// A role that is used twice has its mistakes once.
fn once(problems: Diagnostics) -> Diagnostics {
    let mut kept: Vec<Diagnostic> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for problem in problems.0 {
        let place = problem.place.as_ref().map(|place| (place.source.name.clone(), place.span.clone()));
        if seen.insert((problem.level == Level::Error, problem.message.clone(), place)) {
            kept.push(problem);
        }
    }
    Diagnostics(kept)
}

/// Mistakes of a task. Where it is provided for that the task fails, they are what a host is told that comes to it.
fn tolerated(task: &walk::Seen, found: Diagnostics, problems: &mut Diagnostics) {
    problems.0.extend(found.0.into_iter().map(|problem| if task.tolerated { at_run_time(problem) } else { problem }));
}

/// A mistake that a host meets which comes to it, and only then.
fn at_run_time(problem: Diagnostic) -> Diagnostic {
    match problem.level {
        Level::Warning => problem,
        Level::Error => {
            let hint = "the task fails where it is reached, and the playbook provides for that";
            let hint = match &problem.hint {
                Some(own) => format!("{own}; {hint}"),
                None => hint.to_owned(),
            };
            Diagnostic { level: Level::Warning, ..problem }.hint(hint)
        }
    }
}

/// What a mistake is that only a host meets which comes to it.
fn where_it_is_reached(guarded: bool, message: impl Into<String>) -> Diagnostic {
    Diagnostic { level: if guarded { Level::Warning } else { Level::Error }, ..Diagnostic::error(message) }
}
