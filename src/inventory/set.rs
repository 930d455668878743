//! Setting a variable on a host or a group, with what can be said about it at once.

use std::sync::Arc;

use super::data::{GroupId, HostId, Inventory, Variable};
use crate::diagnostics::{Diagnostic, Diagnostics, Place};
use crate::yaml::{Node, Value};

/// The most that ranges may write into an inventory: each host counts, and each value on each of them.
const MOST_BY_RANGES: usize = 400_000;

/// Whether there is room for so many hosts with these values on each. Only what ranges repeat is counted: a few letters may
/// stand for any number.
pub(super) fn has_room<'n>(
    inventory: &mut Inventory,
    hosts: usize,
    values: impl IntoIterator<Item = &'n Node>,
    place: &Place,
    problems: &mut Diagnostics,
) -> bool {
    if hosts < 2 {
        return true;
    }
    let mut size = 1;
    for value in values {
        value.each(&mut |node| size += 1 + node.as_str().map_or(0, str::len) / 64);
    }
    let before = inventory.by_ranges;
    inventory.by_ranges = before.saturating_add(hosts.saturating_mul(size));
    if before <= MOST_BY_RANGES && inventory.by_ranges > MOST_BY_RANGES {
        let error = Diagnostic::error(format!("up to here ranges stand for more than {MOST_BY_RANGES} hosts and values"));
        problems.push(error.at(place.clone()).hint("set what many hosts have in common on their group"));
    }
    !is_full(inventory)
}

/// Whether ranges have written too much, which has been said: then no more of them are looked at.
pub(super) fn is_full(inventory: &Inventory) -> bool {
    inventory.by_ranges > MOST_BY_RANGES
}

/// Sets a variable on a host.
pub(super) fn on_host(inventory: &mut Inventory, host: HostId, name: &str, place: Place, value: Node, problems: &mut Diagnostics) {
    // as in Ansible: where a group has the host's name, it is the group that is meant
    let same = inventory.group_ids.get(&inventory.at(host).name).copied();
    if let Some(group) = same {
        return on_group(inventory, group, name, place, value, problems);
    }
    let name = named(inventory, name, &place, problems);
    inventory.at_mut(host).variables.push(Variable { name, place, value });
}

/// Sets a variable on a group; its priority is none.
pub(super) fn on_group(inventory: &mut Inventory, group: GroupId, name: &str, place: Place, value: Node, problems: &mut Diagnostics) {
    if name == "ansible_group_priority" {
        match priority(&value) {
            Some(priority) => inventory.group_at_mut(group).priority = priority,
            None => {
                let written = match &value.value {
                    Value::Str(text) if !text.is_empty() && !value.secret => format!("`{text}`"),
                    Value::Str(text) if text.is_empty() => "empty".to_owned(),
                    other => other.kind().to_owned(),
                };
                let error = Diagnostic::error(format!("`{name}` is a whole number, not {written}"));
                problems.push(error.at(value.place).hint("of two groups at the same depth the one with the larger number counts"));
            }
        }
        return;
    }
    let name = named(inventory, name, &place, problems);
    inventory.group_at_mut(group).variables.push(Variable { name, place, value });
}

/// The name, which is checked when it comes for the first time.
fn named(inventory: &mut Inventory, name: &str, place: &Place, problems: &mut Diagnostics) -> Arc<str> {
    let (name, new) = inventory.intern(name);
    // a name that is missing is told wherever it is
    if new || name.is_empty() {
        check_name(&name, place, problems);
    }
    name
}

/// As Python's `int()` reads it.
fn priority(value: &Node) -> Option<i64> {
    match &value.value {
        Value::Int(number) => Some(*number),
        Value::Bool(truth) => Some(i64::from(*truth)),
        #[expect(clippy::cast_possible_truncation, reason = "int() cuts the fraction off")]
        Value::Float(number) if number.is_finite() => Some(*number as i64),
        Value::Str(text) => text.trim().replace('_', "").parse().ok(),
        _ => None,
    }
}

/// A name that no expression can use is told, as Ansible does.
fn check_name(name: &str, place: &Place, problems: &mut Diagnostics) {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if name.is_empty() {
        let error = Diagnostic::error("the name of a variable is missing before `=`").at(place.clone());
        problems.push(error.hint("write `name=value`, or take it out"));
    } else if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let warning = Diagnostic::warning(format!("`{name}` is no name that an expression can use")).at(place.clone());
        problems.push(warning.hint("letters, digits and underscores make a variable's name, and no digit comes first"));
    }
}

/// A group may have any name, as in Ansible; one with the letters of patterns cannot be named on the command line.
pub(super) fn check_group_name(name: &str, place: &Place, problems: &mut Diagnostics) {
    if let Some(odd) = name.chars().find(|c| c.is_whitespace() || "!&,:[]{}'\"".contains(*c)) {
        let warning = Diagnostic::warning(format!("no pattern can name this group, because of the `{odd}` in it")).at(place.clone());
        problems.push(warning.hint("use letters, digits, dashes and underscores"));
    }
}
