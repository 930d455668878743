//! `remote_src`: what is copied is on the machine.

use super::{How, New, directories, put};
use crate::modules::attributes::{Attributes, Owned, Wanted, born, look, maker, no_flags, promise, with_flags};
use crate::modules::file::{make_directory, parent, stat_of};
use crate::modules::outcome::{Ended, all, both, planned};
use crate::modules::paths::{base, join, path};
use crate::modules::{Decision, Task};
use crate::node::Change;
use crate::node::facts::{Checksum, Digest, FileKind, FileStat, Sha256, Stat, Tree, TreeEntry};
use crate::node::steps::{MakeDirectory, SymbolicLink};
use crate::plan::{Difference, Facts, Plan};

pub(super) fn plan(task: &Task<'_>, facts: &Facts<'_>, source: &str) -> Result<Decision, Ended> {
    let args = task.args;
    let from = path(source, task, facts)?;
    let given = args.str("dest").unwrap_or_default();
    let dest = path(given, task, facts)?;
    let Some(stat) = look(facts, &from)? else { return Err(format!("Source {source} not found").into()) };
    let preserved = serde_json::Value::from(format!("{:04o}", stat.mode.0));
    let mode = args.get("mode").map(|mode| if mode == "preserve" { &preserved } else { mode });
    let attributes = Attributes::with_mode(args, mode)?;
    let wanted = attributes.resolve(facts.get(attributes.ask())?)?;
    match stat.kind {
        FileKind::File => a_file(task, facts, &from, &dest, given.ends_with('/'), &stat, wanted),
        FileKind::Directory => a_directory(task, facts, source, &from, &dest, &stat, &wanted),
        _ => Err(format!("Cannot copy invalid source '{source}': not a file").into()),
    }
}

fn a_file(
    task: &Task<'_>,
    facts: &Facts<'_>,
    from: &str,
    dest: &str,
    slash: bool,
    stat: &FileStat,
    wanted: Wanted,
) -> Result<Decision, Ended> {
    let args = task.args;
    let (digest, is) = both(facts.get(Digest::new(from)), super::put::seen(dest, facts))?;
    let digest = digest.ok_or_else(|| format!("Source {from} not found"))?;
    if let Some(wrong) = args.str("checksum") {
        let sha1 = facts.get(Checksum::new(from, "sha1"))?.map(|sum| sum.0).unwrap_or_default();
        if sha1 != wrong {
            let fail = Decision::fail("Copied file does not match the expected checksum. Transfer failed.");
            return Ok(fail.with("checksum", sha1).with("expected_checksum", wrong));
        }
    }
    let mut change: Change = Plan::change([]);
    let (mut place, mut new_parent) = (dest.to_owned(), None);
    let is_directory = match is.0 {
        Some(stat) if stat.kind == FileKind::Link => look(facts, dest)?.is_some_and(|stat| stat.kind == FileKind::Directory),
        stat => stat.is_some_and(|stat| stat.kind == FileKind::Directory),
    };
    if is_directory || slash {
        if !is_directory {
            new_parent = Some(make_directory(dest, &directories(args, &wanted)?, facts, &mut change)?);
        }
        place = join(dest, base(from));
    }
    let how = How::read(task, facts, wanted, new_parent)?;
    let put = put(&place, &New::Remote(from.to_owned(), digest, stat.clone()), &how, facts, &mut change)?;
    let decision = with_flags(planned(change), &put.path, args, facts)?.with("dest", put.path).with("src", from);
    Ok(if put.left { decision.with("msg", "file already exists") } else { decision })
}

/// A directory and all that is in it (`copy_directory`). Links stay links, unless they lead to files and are to be
/// followed. Ansible reports a change for every link, every time; here a link that is there is there.
fn a_directory(
    task: &Task<'_>,
    facts: &Facts<'_>,
    source: &str,
    from: &str,
    dest: &str,
    stat: &FileStat,
    wanted: &Wanted,
) -> Result<Decision, Ended> {
    let args = task.args;
    let top = if source.ends_with('/') { dest.to_owned() } else { join(dest, base(from)) };
    no_flags(args, "a directory")?;
    if top == from || top.starts_with(&format!("{from}/")) {
        return Err(format!("{from} cannot be copied into itself").into());
    }
    if look(facts, dest)?.is_some_and(|stat| stat.kind != FileKind::Directory) {
        return Err(format!("{dest} is there and no directory").into());
    }
    let (entries, is) = facts.get((Tree::new(from), Stat::new(&top)))?;
    let entries = entries.unwrap_or_default();
    let is = match is {
        Some(stat) if stat.kind == FileKind::Link => {
            Some(facts.get(Stat::followed(&top))?.ok_or_else(|| format!("{top} is a link that leads nowhere"))?)
        }
        is => is,
    };
    let there = match &is {
        None => Vec::new(),
        Some(stat) if stat.kind == FileKind::Directory => facts.get(Tree::new(&top))?.unwrap_or_default(),
        Some(_) => return Err(format!("{top} is there and no directory").into()),
    };
    let mut change: Change = Plan::change([]);
    // owner and group are for all, the mode for the directory that is named
    let own = Wanted { mode: None, ..wanted.clone() };
    let (login, umask) = maker(facts)?;
    let mut made: Vec<(String, FileStat)> = Vec::new();
    if is.is_none() {
        if source.ends_with('/') {
            parent(&top, facts)?;
        } else if look(facts, dest)?.is_none() {
            let bare = Wanted::default();
            made.push((dest.to_owned(), make_directory(dest, &bare, facts, &mut change)?));
        }
        let will = own.on(Owned { uid: login.uid, gid: login.gid, mode: stat.mode.0 }, FileKind::Directory);
        let will = wanted.on(will, FileKind::Directory);
        made_directory(&top, will, &mut change);
        made.push((top.clone(), stat_of(FileKind::Directory, will)));
    } else if let Some(is) = &is {
        wanted.reach(&top, is, &mut change);
    }
    let found = |path: &str| there.iter().find(|entry| entry.path == path);
    let follow = args.is("local_follow");
    // a link stays one, unless a file is in its place: then its content is what counts
    let stays = args.bool("local_follow") == Some(false);
    let is_file = |path: &str| !stays && found(path).is_some_and(|old| old.kind == FileKind::File);
    let contents = contents(from, &top, &entries, &there, &|path| follow || is_file(path), facts)?;
    for entry in &entries {
        let (here, place) = (join(from, &entry.path), join(&top, &entry.path));
        let old = found(&entry.path);
        let is_new_parent = made.iter().find(|(path, _)| path == crate::modules::paths::above(&place)).map(|(_, stat)| stat.clone());
        match (entry.kind, old) {
            (FileKind::Directory, None) => {
                let will = own.on(Owned { uid: login.uid, gid: login.gid, mode: entry.mode.0 }, FileKind::Directory);
                made_directory(&place, will, &mut change);
                made.push((place, stat_of(FileKind::Directory, will)));
            }
            (FileKind::Directory, Some(old)) if old.kind == FileKind::Directory => {
                own.reach(&place, &of(old), &mut change);
            }
            (FileKind::Link, old) if !follow && !is_file(&entry.path) => {
                let target = facts.get(Stat::new(&here))?.and_then(|stat| stat.target).unwrap_or_default();
                let was = match old {
                    Some(old) if old.kind == FileKind::Link => facts.get(Stat::new(&place))?.and_then(|stat| stat.target),
                    _ => None,
                };
                if let (Some(was), Some(old)) = (&was, old)
                    && *was == target
                {
                    own.reach(&place, &of(old), &mut change);
                    continue;
                }
                if old.is_some_and(|old| old.kind != FileKind::Link) {
                    return Err(format!("{place} is there and no link").into());
                }
                let above = is_new_parent.map_or_else(|| look(facts, crate::modules::paths::above(&place)), |stat| Ok(Some(stat)))?;
                let above = above.ok_or_else(|| format!("{place} has no directory"))?;
                let will = Owned { mode: 0o777, ..born(&login, umask, 0o777, &above, FileKind::Link) };
                change.steps.push(SymbolicLink { path: place.clone(), target: target.clone(), replace_file: false }.into());
                change.diff.push(Difference { what: place.clone(), before: was, after: Some(format!("link to {target}")) });
                let mut owner: Change = Plan::change([]);
                own.reach(&place, &stat_of(FileKind::Link, will), &mut owner);
                change.steps.extend(owner.steps);
                let will = own.on(will, FileKind::Link);
                change.expect.push(promise(&place, FileKind::Link, will).and("target", target));
            }
            (FileKind::File | FileKind::Link, _) => {
                let Some((_, digest)) = contents.iter().find(|(path, _)| *path == entry.path) else {
                    return Err(format!("{here} is a link to no file: not followed").into());
                };
                // a copy brings its mode along
                let real = if entry.kind == FileKind::Link { look(facts, &here)? } else { None };
                let mode = real.map_or(entry.mode.0, |stat| stat.mode.0);
                let mode = Some(crate::modules::attributes::ModeChange::Exact(mode));
                let changed = Wanted { mode, ..own.clone() };
                let same = old.is_some_and(|old| old.kind == FileKind::File) && super::put::seen(&place, facts)?.1.as_ref() == Some(digest);
                let how = How { wanted: if same { own.clone() } else { changed }, new_parent: is_new_parent, ..How::default() };
                let source = FileStat { size: None, ..of(entry) };
                put(&place, &New::Remote(here, digest.clone(), source), &how, facts, &mut change)?;
            }
            (kind, _) => return Err(format!("{here} cannot be copied: it is a {kind:?}").into()),
        }
    }
    // what is there beside it gets owner and group too
    for old in there.iter().filter(|old| !entries.iter().any(|entry| entry.path == old.path)) {
        own.reach(&join(&top, &old.path), &of(old), &mut change);
    }
    Ok(planned(change).with("dest", top).with("src", source))
}

/// The digests of all files of the source, and what is in their places, asked at once.
fn contents(
    from: &str,
    top: &str,
    entries: &[TreeEntry],
    there: &[TreeEntry],
    follows: &dyn Fn(&str) -> bool,
    facts: &Facts<'_>,
) -> Result<Vec<(String, Sha256)>, Ended> {
    let is_file = |entry: &&TreeEntry| entry.kind == FileKind::File || entry.kind == FileKind::Link && follows(&entry.path);
    let digests = all(entries.iter().filter(is_file).map(|entry| {
        let place = join(top, &entry.path);
        let old = there.iter().any(|old| old.path == entry.path);
        let seen = if old { super::put::seen(&place, facts).map(|_| ()) } else { Ok(()) };
        both(facts.get(Digest::new(join(from, &entry.path))), seen).map(|(digest, ())| (entry.path.clone(), digest))
    }))?;
    Ok(digests.into_iter().filter_map(|(path, digest)| Some((path, digest?))).collect())
}

fn of(entry: &TreeEntry) -> FileStat {
    stat_of(entry.kind, Owned { uid: entry.uid, gid: entry.gid, mode: entry.mode.0 })
}

fn made_directory(path: &str, will: Owned, change: &mut Change) {
    let (owner, group) = (will.uid.to_string(), will.gid.to_string());
    change.steps.push(MakeDirectory { path: path.into(), owner, group, mode: will.mode, parents: false }.into());
    change.expect.push(promise(path, FileKind::Directory, will));
    change.diff.push(Difference { what: path.into(), before: None, after: Some("directory".into()) });
}
