//! What a play says of itself.

use super::super::Playbook;
use super::walk::Seen;
use crate::diagnostics::{Diagnostic, Diagnostics, suggestion};

/// The strategies of ansible-core.
const STRATEGIES: [&str; 4] = ["linear", "free", "host_pinned", "debug"];

/// A task that would stop in the debugger.
pub(super) fn debugger(seen: &Seen, problems: &mut Diagnostics) {
    let Some(debugger) = seen.task.keyword("debugger") else { return };
    if let Some(when @ ("always" | "on_failed" | "on_unreachable" | "on_skipped")) = debugger.as_str() {
        let error = Diagnostic::error(format!("`debugger: {when}` stops for a person, and there is no debugger here"));
        problems.push(error.at(debugger.place.clone()).hint("take it out, or write `debugger: never`; `--step` asks before each task"));
    }
}

pub(super) fn check(playbook: &Playbook, problems: &mut Diagnostics) {
    for strategy in playbook.plays.iter().filter_map(|play| play.strategy.as_ref()) {
        let Some(name) = strategy.as_str().filter(|_| !strategy.is_template()) else { continue };
        let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
        if short == "debug" {
            let error = Diagnostic::error("the strategy `debug` stops for a person, and there is no debugger here");
            problems.push(error.at(strategy.place.clone()).hint("take it out; `--step` asks before each task"));
            continue;
        }
        if STRATEGIES.contains(&short) {
            continue;
        }
        let error = Diagnostic::error(format!("there is no strategy `{name}`")).at(strategy.place.clone());
        problems.push(match suggestion(short, STRATEGIES) {
            Some(label) => error.label(label),
            None => error.hint(format!("there are {}; without one it is linear", STRATEGIES.join(", "))),
        });
    }
}
