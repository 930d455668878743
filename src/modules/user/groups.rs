//! The groups that a task names.

use super::super::Args;
use super::super::halt::Halt;
use super::super::outcome::all;
use crate::node::facts::{Group, GroupEntry, GroupNumbered};
use crate::plan::{Facts, Stop};

/// The primary group's number and the further groups, as far as they are asked for. A number is a group's number first.
pub(super) fn known(args: &Args, facts: &Facts<'_>) -> Result<(Option<u32>, Option<Vec<GroupEntry>>), Halt> {
    let primary = args.str("group");
    let names = args.list("groups").map(|names| names.into_iter().map(str::trim).filter(|name| !name.is_empty()).collect::<Vec<_>>());
    let asked: Vec<&str> = primary.into_iter().chain(names.iter().flatten().copied()).collect();
    let mut found = all(asked.iter().map(|name| look(facts, name)))?
        .into_iter()
        .zip(&asked)
        .map(|(group, name)| group.ok_or_else(|| Halt::fail(format!("Group {name} does not exist"))));
    let gid = match primary {
        Some(_) => found.next().transpose()?.map(|group| group.gid),
        None => None,
    };
    let mut groups: Vec<GroupEntry> = Vec::new();
    for group in found {
        let group = group?;
        if groups.iter().all(|known| known.name != group.name) {
            groups.push(group);
        }
    }
    Ok((gid, names.map(|_| groups)))
}

fn look(facts: &Facts<'_>, name: &str) -> Result<Option<GroupEntry>, Stop> {
    match name.trim().parse() {
        Ok(gid) => facts.get(GroupNumbered::new(gid)),
        Err(_) => facts.get(Group::new(name)),
    }
}
