//! Directories: one that is there, one that is made with all above it, and all that is in one.

use std::collections::BTreeSet;

use crate::modules::attributes::{Owned, Wanted, born, look, maker, promise};
use crate::modules::outcome::{Ended, all};
use crate::modules::paths::{above, ancestry, join};
use crate::node::Change;
use crate::node::facts::{FileKind, FileStat, Mode, RealPath, Stat, Tree};
use crate::node::steps::MakeDirectory;
use crate::plan::{Difference, Facts};

use super::times::Times;

/// A stat of something that has those.
pub(crate) fn stat_of(kind: FileKind, owned: Owned) -> FileStat {
    let Owned { uid, gid, mode } = owned;
    FileStat { kind, mode: Mode(mode), uid, gid, owner: None, group: None, size: None, target: None, device: None }
}

/// Makes a directory and those above it that are missing. Each gets what is wanted, as in Ansible.
///
/// # Errors
/// What has to be read first; a way that is barred.
pub(crate) fn make(path: &str, wanted: &Wanted, facts: &Facts<'_>, change: &mut Change) -> Result<FileStat, Ended> {
    let parts = ancestry(path);
    let found = facts.get(parts.iter().map(|part| Stat::new(*part)).collect::<Vec<_>>())?;
    let links = parts.iter().zip(&found).filter(|(_, stat)| stat.as_ref().is_some_and(|stat| stat.kind == FileKind::Link));
    let followed = all(links.map(|(part, _)| facts.get(Stat::followed(*part)).map(|stat| (*part, stat))))?;
    let mut last = facts.get(Stat::new("/"))?.ok_or("there is no root directory")?;
    let mut maker_known = None;
    for (part, stat) in parts.into_iter().zip(found) {
        let stat = followed.iter().find(|(link, _)| *link == part).map_or(stat, |(_, stat)| stat.clone());
        last = match stat {
            Some(stat) if stat.kind == FileKind::Directory => stat,
            Some(_) => return Err(format!("There was an issue creating {part} as requested: it is there and no directory").into()),
            None if followed.iter().any(|(link, _)| *link == part) => {
                return Err(format!("There was an issue creating {part} as requested: it is a link that leads nowhere").into());
            }
            None => {
                let (login, umask) = match &maker_known {
                    Some(known) => known,
                    None => maker_known.insert(maker(facts)?),
                };
                let will = wanted.on(born(login, *umask, 0o777, &last, FileKind::Directory), FileKind::Directory);
                made(part, will, change);
                stat_of(FileKind::Directory, will)
            }
        };
    }
    Ok(last)
}

/// Adds one new directory to a change.
fn made(path: &str, will: Owned, change: &mut Change) {
    let (owner, group) = (will.uid.to_string(), will.gid.to_string());
    change.steps.push(MakeDirectory { path: path.into(), owner, group, mode: will.mode, parents: false }.into());
    change.expect.push(promise(path, FileKind::Directory, will));
    let after = format!("directory, mode {}, owner {}, group {}", Mode(will.mode), will.uid, will.gid);
    change.diff.push(Difference { what: path.into(), before: None, after: Some(after) });
}

/// Gives everything below a directory what is wanted (recursive_set_attributes of modules/file.py).
///
/// Where links lead is done too if they are followed: Ansible does so. A circle of links ends here instead of failing.
///
/// # Errors
/// What has to be read first.
pub(super) fn below(top: &str, follow: bool, wanted: &Wanted, times: &Times, facts: &Facts<'_>, change: &mut Change) -> Result<(), Ended> {
    let mut done = BTreeSet::from([top.to_owned()]);
    let mut seen = BTreeSet::new();
    let mut waiting = vec![top.to_owned()];
    while let Some(directory) = waiting.pop() {
        let entries = facts.get(Tree::new(&directory))?.unwrap_or_default();
        let path = |below: &str| join(&directory, below);
        let links: Vec<String> = entries.iter().filter(|entry| entry.kind == FileKind::Link).map(|entry| path(&entry.path)).collect();
        let targets = if follow { all(links.iter().map(|link| look(facts, link).map(|stat| (link.clone(), stat))))? } else { Vec::new() };
        for entry in &entries {
            let path = path(&entry.path);
            if seen.insert(path.clone()) {
                let stat = stat_of(entry.kind, Owned { uid: entry.uid, gid: entry.gid, mode: entry.mode.0 });
                wanted.reach(&path, &stat, change);
                // the times of a link are those of what it leads to
                if entry.kind != FileKind::Link {
                    times.reach(&path, facts, change)?;
                }
            }
        }
        for (link, stat) in targets {
            let Some(stat) = stat else { continue };
            let Some(real) = facts.get(RealPath::new(&link))? else { continue };
            if seen.insert(real.clone()) && !done.iter().any(|top| real.starts_with(&format!("{top}/")) || real == *top) {
                wanted.reach(&real, &stat, change);
                times.reach(&real, facts, change)?;
            }
            if stat.kind == FileKind::Directory && !done.iter().any(|top| real == *top || real.starts_with(&format!("{top}/"))) {
                done.insert(real.clone());
                waiting.push(real);
            }
        }
    }
    Ok(())
}

/// The directory that a new file comes into.
///
/// # Errors
/// What has to be read first; it is not there.
pub(crate) fn parent(path: &str, facts: &Facts<'_>) -> Result<FileStat, Ended> {
    let directory = above(path);
    match look(facts, directory)? {
        Some(stat) if stat.kind == FileKind::Directory => Ok(stat),
        Some(_) => Err(format!("Destination directory {directory} is not a directory").into()),
        None => Err(format!("Destination directory {directory} does not exist").into()),
    }
}
