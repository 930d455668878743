//! Groups that are in themselves.

use super::data::{ALL, GroupId, Inventory};
use crate::diagnostics::{Diagnostic, Diagnostics, Place};

/// So many groups of a circle are shown with their lines.
const SHOWN: usize = 6;
/// A circle of more groups is told by so many, and its last.
const MOST_NAMES: usize = 10;

/// Whether there are any; each is told at the place that closes it.
pub(super) fn find(inventory: &Inventory, problems: &mut Diagnostics) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        /// How far on the way.
        Open(usize),
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
            let at = way.len() - 1;
            if let Some(state) = states.get_mut(group.0) {
                *state = if child.is_some() { State::Open(at) } else { State::Done };
            }
            match child {
                None => {
                    way.pop();
                }
                Some((child, place)) => match states.get(child.0) {
                    Some(State::New) => way.push((*child, 0)),
                    // said above
                    Some(State::Open(_)) if *child == ALL => found = true,
                    Some(&State::Open(from)) => {
                        found = true;
                        let circle: Vec<GroupId> = way.get(from..).unwrap_or_default().iter().map(|(group, _)| *group).collect();
                        problems.push(told(inventory, &circle, group, *child, place));
                    }
                    Some(State::Done) | None => {}
                },
            }
        }
    }
    found
}

/// A circle that begins with `first`, and which `last` closes at this place.
fn told(inventory: &Inventory, circle: &[GroupId], last: GroupId, first: GroupId, place: &Option<Place>) -> Diagnostic {
    let name = |group: GroupId| &*inventory.group_at(group).name;
    let mut names: Vec<&str> = circle.iter().take(MOST_NAMES).map(|group| name(*group)).collect();
    if circle.len() > MOST_NAMES + 1 {
        names.push("…");
    }
    names.extend(circle.iter().skip(MOST_NAMES).last().map(|group| name(*group)));
    names.push(name(first));
    let text = format!("the group `{}` is in itself: {}", name(first), names.join(" → "));
    let mut error = Diagnostic { place: place.clone(), ..Diagnostic::error(text) };
    // the other ends of the circle: any of them may be the wrong one
    for (parent, child) in circle.iter().zip(circle.iter().skip(1)).take(SHOWN) {
        let place = inventory.group_at(*parent).children.iter().find(|(id, _)| id == child).and_then(|(_, place)| place.clone());
        error.also.extend(place.map(|place| (place, format!("`{}` is in `{}`", name(*child), name(*parent)))));
    }
    if error.also.is_empty() {
        return error.hint("take it out of its own children");
    }
    error.label = Some(format!("and `{}` in `{}`", name(first), name(last)));
    error.hint("take one of these lines out")
}
