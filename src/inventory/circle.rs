//! Groups that are in themselves.

use super::data::{ALL, GroupId, Inventory};
use crate::diagnostics::{Diagnostic, Diagnostics};

/// So many groups of a circle are named.
const SHOWN: usize = 20;

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
        problems.push(Diagnostic { place, ..error });
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
                    Some(State::Open) => {
                        found = true;
                        let from = way.iter().position(|(group, _)| group == child).unwrap_or(0);
                        let circle = way.get(from..).unwrap_or_default().iter().map(|(group, _)| *group).chain([*child]);
                        let mut names: Vec<&str> = circle.map(|group| &*inventory.group_at(group).name).collect();
                        if names.len() > SHOWN {
                            names.splice(SHOWN / 2..names.len() - SHOWN / 2, ["…"]);
                        }
                        let text = format!("the group `{}` is in itself: {}", inventory.group_at(*child).name, names.join(" → "));
                        let error = Diagnostic::error(text).hint("take one of them out of the other's `children`");
                        problems.push(match place {
                            Some(place) => error.at(place.clone()),
                            None => error,
                        });
                    }
                    Some(State::Done) | None => {}
                },
            }
        }
    }
    found
}
