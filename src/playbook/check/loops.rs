//! What a loop goes through.

use super::Known;
use super::walk::Seen;
use crate::diagnostics::{Diagnostic, Diagnostics};

/// Says that a text is no variable: before Ansible 2.2 one name alone was. What else a loop cannot go through is said where it
/// is read.
pub(super) fn check(seen: &Seen, known: &Known, problems: &mut Diagnostics) {
    let Some(repeat) = seen.task.repeat.as_ref().filter(|repeat| repeat.kind != "loop") else { return };
    let values = &repeat.values;
    let Some(text) = values.as_str().filter(|_| !values.is_template()) else { return };
    let mut of_levels = seen.task.levels.iter().flat_map(|level| &level.vars);
    if known.variables.contains(text) || of_levels.any(|(name, _)| name.as_str() == Some(text)) {
        let problem = Diagnostic::warning(format!("`{text}` is a text here, not the variable of that name"));
        problems.push(problem.at(values.place.clone()).hint(format!("write `\"{{{{ {text} }}}}\"`")));
    }
}
