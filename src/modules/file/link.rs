//! `state: link` and `state: hard`.

use super::directory::parent;
use super::{Wish, fail_at};
use crate::modules::Decision;
use crate::modules::attributes::{Owned, born, look, maker};
use crate::modules::outcome::{Ended, planned};
use crate::modules::paths::{above, join};
use crate::node::Change;
use crate::node::facts::{Directory, FileKind, FileStat, HardLinks, Mode, RealPath, Stat};
use crate::node::steps::{HardLink, Remove, RemoveWhat, SymbolicLink};
use crate::plan::{Difference, Expect, Facts, Plan};

/// `state: link` (ensure_symlink of modules/file.py).
pub(super) fn symbolic(wish: &Wish<'_>, is: Option<&FileStat>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let path = wish.path.as_str();
    let kind = is.map(|is| is.kind);
    let mut source = wish.source.clone();
    if source.is_none() && wish.follow && kind.is_some() && look(facts, path)?.is_some() {
        // the present target is the source
        source = Some(is.and_then(|is| is.target.clone()).ok_or("src is required for creating new symlinks")?);
    }
    let base = if kind == Some(FileKind::Directory) { path } else { above(path) };
    let leads = source.as_ref().map(|source| if source.starts_with('/') { source.clone() } else { join(base, source) });
    if let (Some(leads), false) = (&leads, wish.force)
        && facts.get(Stat::followed(leads))?.is_none()
    {
        let message = format!("src file does not exist, use 'force=yes' if you really want to create the link: {leads}");
        return Ok(fail_at(path, message).with("src", source.unwrap_or_default()));
    }
    let mut change: Change = Plan::change([]);
    match kind {
        Some(FileKind::Directory) if !wish.force => {
            return Ok(fail_at(path, format!("refusing to convert from directory to symlink for {path}")));
        }
        Some(FileKind::Directory) if facts.get(Directory::new(path))?.is_some_and(|entries| !entries.is_empty()) => {
            return Ok(fail_at(path, format!("the directory {path} is not empty, refusing to convert it")));
        }
        Some(FileKind::Directory) => change.steps.push(Remove { path: path.into(), what: RemoveWhat::EmptyDirectory }.into()),
        Some(FileKind::Link) | None => {}
        Some(_) if !wish.force => return Ok(fail_at(path, format!("refusing to convert from file to symlink for {path}"))),
        Some(_) => {}
    }
    let old = is.and_then(|is| is.target.as_deref());
    let differs = match (&source, kind) {
        (None, Some(FileKind::Link)) => false,
        (None, _) => return Ok(fail_at(path, "src is required for creating new symlinks")),
        (Some(source), _) => old != Some(source.as_str()),
    };
    if let (Some(source), true) = (&source, differs) {
        if let Some(leads) = &leads
            && (leads == path || facts.get(RealPath::new(leads))?.is_some_and(|real| real == path))
        {
            return Ok(fail_at(path, format!("the link {path} would lead to itself")));
        }
        let (login, _) = maker(facts)?;
        let will = Owned { mode: 0o777, ..born(&login, Mode(0), 0o777, &parent(path, facts)?, FileKind::Link) };
        change.steps.push(SymbolicLink { path: path.into(), target: source.clone(), replace_file: wish.force }.into());
        let before = is.map(|is| is.target.as_ref().map_or_else(|| word(is.kind).to_owned(), |target| format!("link to {target}")));
        change.diff.push(Difference { what: path.into(), before, after: Some(format!("link to {source}")) });
        let will = if wish.follow { will } else { wish.wanted.on(will, FileKind::Link) };
        let promise = crate::modules::attributes::promise(path, FileKind::Link, will).and("target", source.as_str());
        change.expect.push(promise);
        if !wish.follow {
            let new = super::directory::stat_of(FileKind::Link, born(&login, Mode(0), 0o777, &parent(path, facts)?, FileKind::Link));
            let mut owner: Change = Plan::change([]);
            if wish.wanted.reach(path, &new, &mut owner) {
                change.steps.extend(owner.steps);
            }
        }
    } else if let (Some(is), false) = (is, wish.follow) {
        wish.wanted.reach(path, is, &mut change);
    }
    if wish.follow && wish.gives_attributes {
        let leads = leads.unwrap_or_else(|| path.to_owned());
        // what leads nowhere has no attributes; Ansible warns
        if let (Some(stat), Some(real)) = facts.get((Stat::followed(&leads), RealPath::new(&leads)))? {
            wish.wanted.reach(&real, &stat, &mut change);
            wish.times.reach(&real, facts, &mut change)?;
        }
    }
    Ok(planned(change).with("dest", path).with("src", source))
}

/// `state: hard` (ensure_hardlink of modules/file.py); the absolute path of `src`.
pub(super) fn hard(wish: &Wish<'_>, source: Option<String>, is: Option<&FileStat>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let path = wish.path.as_str();
    let fail = |message: &str| Ok(Decision::fail(message).with("dest", path).with("src", wish.source.clone()));
    let kind = is.map(|is| is.kind);
    let own = match kind {
        None | Some(FileKind::Link | FileKind::Directory) => None,
        Some(_) => facts.get(HardLinks::new(path))?,
    };
    let was_hard = own.is_some_and(|own| own.links > 1);
    let Some(source) = source else {
        if !was_hard {
            return fail("src is required for creating new hardlinks");
        }
        return Ok(attributes(wish, is, Plan::change([]), facts)?.with("dest", path));
    };
    let (Some(target), Some(file)) = facts.get((HardLinks::new(&source), Stat::followed(&source)))? else {
        return fail("src does not exist");
    };
    let differs = match kind {
        None => true,
        Some(FileKind::Link) => is.and_then(|is| is.target.as_deref()) != Some(source.as_str()),
        Some(FileKind::Directory) => return fail("Cannot link: different hard link exists at destination"),
        Some(_) => own.is_some_and(|own| (own.device, own.inode) != (target.device, target.inode)),
    };
    if differs && !wish.force && kind.is_some_and(|kind| kind != FileKind::Link) {
        return if was_hard {
            fail("Cannot link, different hard link exists at destination")
        } else {
            fail("Cannot link, file exists at destination")
        };
    }
    let mut change: Change = Plan::change([]);
    if !differs {
        return Ok(attributes(wish, is, change, facts)?.with("dest", path).with("src", wish.source.clone()));
    }
    parent(path, facts)?;
    // a link has a number of its own; what it leads to is meant
    let real = match facts.get(Stat::new(&source))? {
        Some(stat) if stat.kind == FileKind::Link => facts.get(RealPath::new(&source))?.unwrap_or_else(|| source.clone()),
        _ => source.clone(),
    };
    if file.kind == FileKind::Directory {
        return fail("Error while linking: a directory has one name only");
    }
    change.steps.push(HardLink { path: path.into(), target: real, replace_file: true }.into());
    change.diff.push(Difference {
        what: path.into(),
        before: kind.map(|kind| word(kind).to_owned()),
        after: Some(format!("another name of {source}")),
    });
    change.expect.push(Expect::field(&HardLinks::new(path), "inode", target.inode).and("device", target.device).moves("links"));
    Ok(attributes(wish, Some(&file), change, facts)?.with("dest", path).with("src", wish.source.clone()))
}

/// The attributes of what will be at the path.
fn attributes(wish: &Wish<'_>, stat: Option<&FileStat>, mut change: Change, facts: &Facts<'_>) -> Result<Decision, Ended> {
    if let Some(stat) = stat {
        wish.wanted.reach(&wish.path, stat, &mut change);
        wish.times.reach(&wish.path, facts, &mut change)?;
    }
    Ok(planned(change))
}

/// What Ansible calls a kind of file.
pub(super) fn word(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Directory => "directory",
        FileKind::Link => "link",
        _ => "file",
    }
}
