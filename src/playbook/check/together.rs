//! Modules that are called once for all hosts of a play: keywords that mean one host, or one item, have no place there.

use super::names::found;
use super::walk::Seen;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::modules::Found;
use crate::yaml::Node;

pub(super) fn check(tasks: &[Seen], problems: &mut Diagnostics) {
    for seen in tasks.iter().filter(|seen| matches!(found(seen), Found::Play(_))) {
        let task = &seen.task;
        let keywords = [
            (task.repeat.is_some(), "loop"),
            (!task.until.is_empty() || task.retries.as_ref().is_some_and(|retries| !retries.is_null()), "until"),
            (task.delegate_to.is_some(), "delegate_to"),
            (task.seconds.as_ref().is_some_and(|seconds| !seconds.is_null()), "async"),
            (is_free(seen.play.strategy.as_ref()), "strategy: free"),
        ];
        for (_, keyword) in keywords.into_iter().filter(|(is_there, _)| *is_there) {
            let name = &task.action.name;
            let error = Diagnostic::error(format!("`{keyword}` does not go with `{name}`")).at(task.action.place.clone());
            problems.push(error.label("it is called once, for all hosts of the play together").hint("take it away"));
        }
    }
}

fn is_free(strategy: Option<&Node>) -> bool {
    strategy.and_then(Node::as_str).is_some_and(|name| matches!(name.rsplit('.').next(), Some("free" | "host_pinned")))
}
