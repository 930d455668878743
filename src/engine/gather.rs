//! Facts by Ansible's names, read when a play names them.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::task::shown;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::plan::{Facts, Stop};
use crate::yaml::Node;

/// Whether there is such a fact, without `ansible_` before its name.
pub(super) fn knows(name: &str) -> bool {
    crate::modules::setup::knows(name)
}

/// Which facts of a host are read when they are named.
#[derive(Debug, Clone, Default)]
pub(super) struct Gathers {
    /// What makes them: `gather_subset` of all plays that gathered so far. None: none are.
    pub(super) collectors: BTreeSet<&'static str>,
    /// `become` and `become_user` of the play: as whom they are read.
    pub(super) becomes: (Option<bool>, Option<String>),
    /// `fact_path` of the play: where the machine's local facts are.
    pub(super) fact_path: Option<String>,
}

/// These facts, or all with `all` among them; those that could not be read are not there.
pub(super) fn read(names: &BTreeSet<String>, gathers: &Gathers, facts: &Facts<'_>) -> Result<Map<String, Json>, Stop> {
    let names = (!names.contains("all")).then_some(names);
    crate::modules::setup::facts_for(names, &gathers.collectors, gathers.fact_path.as_deref(), facts)
}

/// When a play gathers facts: ansible-core's `DEFAULT_GATHERING`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Gathering {
    /// Unless it says `gather_facts: false`.
    #[default]
    Implicit,
    /// Only if it says `gather_facts: true`.
    Explicit,
    /// As implicit, and from hosts alone that no play gathered from before.
    Smart,
}

impl Gathering {
    /// Whether facts are gathered from a host, by what the play says and whether that was done before.
    pub(super) fn gathers(self, asked: Option<bool>, was_done: bool) -> bool {
        match self {
            Self::Implicit => asked.unwrap_or(true),
            Self::Explicit => asked.unwrap_or(false),
            Self::Smart => asked.unwrap_or(true) && !was_done,
        }
    }
}

/// What `gather_subset` of a play names.
///
/// # Errors
/// A name that means nothing.
pub(super) fn collectors(subset: Option<&Node>) -> Result<BTreeSet<&'static str>, Diagnostics> {
    let Some(subset) = subset.filter(|subset| !subset.is_null()) else { return Ok(every()) };
    let names: Vec<String> = subset.as_list().map_or_else(|| vec![shown(subset)], |list| list.iter().map(shown).collect());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    crate::modules::setup::collectors(&names).map_err(|why| Diagnostics(vec![Diagnostic::error(why).at(subset.place.clone())]))
}

fn every() -> BTreeSet<&'static str> {
    crate::modules::setup::collectors(&["all"]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gathers_and_when() {
        let of = |gathering: Gathering| {
            [None, Some(true), Some(false)].map(|asked| (gathering.gathers(asked, false), gathering.gathers(asked, true)))
        };
        assert_eq!(of(Gathering::Implicit), [(true, true), (true, true), (false, false)]);
        assert_eq!(of(Gathering::Explicit), [(false, false), (true, true), (false, false)]);
        assert_eq!(of(Gathering::Smart), [(true, false), (true, false), (false, false)]);
    }
}
