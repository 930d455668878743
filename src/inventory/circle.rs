//! Groups that are in themselves.

use super::data::{ALL, GroupId, Inventory};
use crate::diagnostics::{Diagnostic, Diagnostics};

/// So many groups of a circle are shown with their lines.
const SHOWN: usize = 6;

/// Whether there are any; each is told at the place that closes it.
pub(super) fn find(inventory: &Inventory, problems: &mut Diagnostics) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut found = false;
    for parent in &inventory.group_at(ALL).parents {
        let parent = inventory.group_at(*parent);
        let place = parent.children.iter().find(|(child, _)| *child == ALL).and_then(|(_, place)| place.clone());
        let error = Diagnostic::error(format!("`all` is in `{}` here, and every group is in `all`", parent.name));
        problems.push(Diagnostic { place, ..error }.hint("take it out"));
        found = true;
    }
    let mut states = vec![State::New; inventory.groups.len()];
    for start in (0..inventory.groups.len()).map(GroupId) {
        if states.get(start.0) != Some(&State::New) {
            continue;
        }
        // the way from the start to here, each with how many of its children have been seen
        let mut way = vec![(start, 0)];
        while let Some((group, seen)) = way.last_mut() {
            let (group, child) = (*group, inventory.group_at(*group).children.get(*seen));
            *seen += 1;
            if let Some(state) = states.get_mut(group.0) {
                *state = if child.is_some() { State::Open } else { State::Done };
            }
            match child {
                None => {
                    way.pop();
                }
                Some((child, place)) => match states.get(child.0) {
                    Some(State::New) => way.push((*child, 0)),
                    // said above
                    Some(State::Open) if *child == ALL => found = true,
                    Some(State::Open) => {
                        found = true;
                        let from = way.iter().position(|(group, _)| group == child).unwrap_or(0);
                        let circle = way.get(from..).unwrap_or_default().iter().map(|(group, _)| *group).chain([*child]);
                        let circle: Vec<GroupId> = circle.collect();
                        let names: Vec<&str> = circle.iter().map(|group| &*inventory.group_at(*group).name).collect();
                        let text = format!("the group `{}` is in itself: {}", inventory.group_at(*child).name, names.join(" → "));
                        let mut error = Diagnostic { place: place.clone(), ..Diagnostic::error(text) };
                        // the other ends of the circle: any of them may be the wrong one
                        let pairs = circle.iter().zip(circle.iter().skip(1));
                        let others = pairs.clone().take(pairs.len().saturating_sub(1)).take(SHOWN);
                        for (parent, child) in others {
                            let (parent, name) = (inventory.group_at(*parent), &inventory.group_at(*child).name);
                            let place = parent.children.iter().find(|(id, _)| id == child).and_then(|(_, place)| place.clone());
                            error.also.extend(place.map(|place| (place, format!("`{name}` is in `{}`", parent.name))));
                        }
                        if !error.also.is_empty() {
                            error.label =
                                Some(format!("and `{}` in `{}`", inventory.group_at(*child).name, inventory.group_at(group).name));
                        }
                        let hint = if error.also.is_empty() { "take it out of its own children" } else { "take one of these lines out" };
                        problems.push(error.hint(hint));
                    }
                    Some(State::Done) | None => {}
                },
            }
        }
    }
    found
}
