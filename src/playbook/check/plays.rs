//! What a play says of itself.

use super::super::{Play, Playbook};
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

/// A subset of facts that means nothing: gathering them would fail.
fn subset(play: &Play, problems: &mut Diagnostics) {
    let Some(subset) = play.gather_subset.as_ref().filter(|subset| !subset.is_null()) else { return };
    let names = subset.as_list().unwrap_or(std::slice::from_ref(subset));
    let is_off = play.gather_facts.as_ref().is_some_and(|gathers| crate::modules::boolean(gathers) != Some(true));
    if is_off || names.iter().any(|name| name.is_template() || name.as_str().is_none()) {
        return;
    }
    for name in names {
        let Err(why) = crate::modules::setup::collectors(&[name.as_str().unwrap_or_default()]) else { continue };
        let text = why.split(" given to").next().unwrap_or_default().replace('\'', "`").replacen("Bad", "bad", 1);
        problems.push(
            Diagnostic::error(text)
                .at(name.place.clone())
                .hint("there are `all`, `min`, `network`, `hardware`, `virtual`, each with `!` before it for all but that"),
        );
    }
}

pub(super) fn check(playbook: &Playbook, problems: &mut Diagnostics) {
    playbook.plays.iter().for_each(|play| subset(play, problems));
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
