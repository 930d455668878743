//! What a play says of itself.

use super::super::Playbook;
use crate::diagnostics::{Diagnostic, Diagnostics, suggestion};

/// The strategies of ansible-core.
const STRATEGIES: [&str; 4] = ["linear", "free", "host_pinned", "debug"];

pub(super) fn check(playbook: &Playbook, problems: &mut Diagnostics) {
    for strategy in playbook.plays.iter().filter_map(|play| play.strategy.as_ref()) {
        let Some(name) = strategy.as_str().filter(|_| !strategy.is_template()) else { continue };
        let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
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
