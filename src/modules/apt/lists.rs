//! The lists of what can be installed.

use super::command::patience;
use crate::modules::outcome::{both, planned};
use crate::modules::{Decision, Task};
use crate::node::apply::Output;
use crate::node::facts::{AptLists, Clock};
use crate::node::steps::{LISTS_RENEWED, Manager, RefreshLists};
use crate::plan::{Facts, Plan, Stop};

/// Whether they are to be renewed.
pub(super) fn are_old(task: &Task<'_>, facts: &Facts<'_>) -> Result<bool, Stop> {
    let valid = task.args.int("cache_valid_time").unwrap_or(0);
    if !task.args.is("update_cache") && valid == 0 {
        return Ok(false);
    }
    if valid == 0 {
        return Ok(true);
    }
    let (lists, clock) = both(facts.get(AptLists), facts.get(Clock))?;
    let now = clock.map_or(0, |clock| clock.unix_nanoseconds / 1_000_000_000);
    Ok(lists.unwrap_or(0).saturating_add(valid) < now)
}

/// They are.
pub(super) fn renewed(task: &Task<'_>) -> Decision {
    planned(Plan::change([renewal(task).into()]).differs("lists of packages", Some("perhaps old".into()), Some("new".into())))
}

pub(super) fn renewal(task: &Task<'_>) -> RefreshLists {
    let number = |name: &str| task.args.int(name).and_then(|number| u32::try_from(number).ok());
    RefreshLists {
        manager: Manager::Apt,
        tries: number("update_cache_retries").unwrap_or(5),
        longest_pause: number("update_cache_retry_max_delay").unwrap_or(12),
        patience: patience(task.args),
    }
}

/// How old they were, and are.
pub(super) fn times(output: &Output) -> Option<(i64, i64)> {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().rev().find_map(|line| line.strip_prefix(LISTS_RENEWED))?;
    let (before, after) = line.split_once(' ')?;
    Some((before.parse().ok()?, after.parse().ok()?))
}
