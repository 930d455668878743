//! A directory of this machine, with all that is in it.

use std::collections::BTreeMap;

use super::{How, New, directories, put};
use crate::modules::attributes::{Attributes, ModeChange, Wanted, look, no_flags, promise};
use crate::modules::file::make_directory;
use crate::modules::outcome::{Ended, all, both, planned};
use crate::modules::paths::{above, base, join, path};
use crate::modules::{Decision, LocalEntry, Task};
use crate::node::Change;
use crate::node::facts::{FileKind, FileStat, Stat};
use crate::node::steps::SymbolicLink;
use crate::plan::{Difference, Facts, Plan, Stop};

/// The directories that this change makes, with what they will be.
type Made = BTreeMap<String, FileStat>;

/// A task on a whole directory.
struct Whole<'a, 'f> {
    task: &'a Task<'a>,
    facts: &'a Facts<'f>,
    wanted: Wanted,
    directories: Wanted,
    made: Made,
    change: Change,
}

pub(super) fn plan(task: &Task<'_>, facts: &Facts<'_>, source: &str) -> Result<Decision, Ended> {
    let args = task.args;
    no_flags(args, "a directory")?;
    let follow = args.bool("local_follow").unwrap_or(true);
    let dest = path(args.str("dest").unwrap_or_default(), task, facts)?;
    // with a slash behind it, what is in the directory; else the directory itself
    let top = if source.ends_with('/') { dest.clone() } else { join(&dest, base(source.trim_end_matches('/'))) };
    let entries = task.outside.tree("files", source, follow)?;
    let preserve = args.get("mode").and_then(serde_json::Value::as_str) == Some("preserve");
    let attributes = Attributes::with_mode(args, args.get("mode").filter(|_| !preserve))?;
    let (names, ()) = both(facts.get(attributes.ask()), looked_at(&top, &entries, facts))?;
    let wanted = attributes.resolve(names)?;
    let directories = directories(args, &wanted)?;
    let mut whole = Whole { task, facts, wanted, directories, made: Made::new(), change: Plan::change([]) };
    // links below it are replaced, and followed only where there are no directories
    let has_directories = entries.iter().any(|entry| entry.content.is_none() && entry.link.is_none());
    let is_file = |entry: &&LocalEntry| entry.content.is_some();
    for entry in entries.iter().filter(is_file) {
        let mode = preserve.then_some(ModeChange::Exact(entry.mode & 0o7777));
        whole.file(&join(&top, &entry.path), entry, mode, !has_directories && args.is("follow"))?;
    }
    for entry in entries.iter().filter(|entry| entry.content.is_none() && entry.link.is_none()) {
        whole.directory(&join(&top, &entry.path))?;
    }
    for entry in &entries {
        if let Some(target) = &entry.link {
            whole.link(&join(&top, &entry.path), target)?;
        }
    }
    Ok(planned(whole.change).with("dest", format!("{}/", dest.trim_end_matches('/'))).with("src", task.outside.found("files", source)?))
}

/// Asks for all that will be looked at, at once.
fn looked_at(top: &str, entries: &[LocalEntry], facts: &Facts<'_>) -> Result<(), Stop> {
    all(entries.iter().map(|entry| {
        let path = join(top, &entry.path);
        match entry.content {
            Some(_) => super::put::seen(&path, facts).map(|_| ()),
            None => facts.get(Stat::new(&path)).map(|_| ()),
        }
    }))
    .map(|_| ())
}

impl Whole<'_, '_> {
    /// The directory that something comes into, made if it is missing.
    fn parent(&mut self, path: &str) -> Result<Option<FileStat>, Ended> {
        let directory = above(path);
        if let Some(made) = self.made.get(directory) {
            return Ok(Some(made.clone()));
        }
        if look(self.facts, directory)?.is_some() {
            return Ok(None);
        }
        self.make(directory).map(Some)
    }

    fn make(&mut self, directory: &str) -> Result<FileStat, Ended> {
        let mut change: Change = Plan::change([]);
        let stat = make_directory(directory, &self.directories, self.facts, &mut change)?;
        for ((step, promise), difference) in change.steps.into_iter().zip(change.expect).zip(change.diff) {
            if self.made.contains_key(&difference.what) {
                continue;
            }
            // they are all alike but for what they inherit, which the next look at one of them is right about
            self.made.insert(difference.what.clone(), stat.clone());
            self.change.steps.push(step);
            self.change.expect.push(promise);
            self.change.diff.push(difference);
        }
        Ok(stat)
    }

    fn file(&mut self, path: &str, entry: &LocalEntry, mode: Option<ModeChange>, follow: bool) -> Result<(), Ended> {
        let new_parent = self.parent(path)?;
        let wanted = Wanted { mode: mode.or_else(|| self.wanted.mode.clone()), ..self.wanted.clone() };
        let how = How { follow, ..How::read(self.task, self.facts, wanted, new_parent)? };
        let content = entry.content.clone().unwrap_or_default();
        put(path, &New::Bytes(content), &how, self.facts, &mut self.change)?;
        Ok(())
    }

    fn directory(&mut self, path: &str) -> Result<(), Ended> {
        if self.made.contains_key(path) {
            return Ok(());
        }
        match look(self.facts, path)? {
            None => self.make(path).map(|_| ()),
            Some(stat) if stat.kind == FileKind::Directory => {
                self.directories.reach(path, &stat, &mut self.change);
                Ok(())
            }
            Some(_) => Err(format!("{path} already exists and is no directory").into()),
        }
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), Ended> {
        let above = self.parent(path)?;
        let is = if above.is_some() { None } else { self.facts.get(Stat::new(path))? };
        match &is {
            Some(stat) if stat.target.as_deref() == Some(target) => return Ok(()),
            Some(stat) if stat.kind == FileKind::Directory => {
                return Err(format!("refusing to convert from directory to symlink for {path}").into());
            }
            _ => {}
        }
        let stat = match above {
            Some(above) => above,
            None => crate::modules::file::parent(path, self.facts)?,
        };
        let (login, umask) = crate::modules::attributes::maker(self.facts)?;
        let born = crate::modules::attributes::born(&login, umask, 0o777, &stat, FileKind::Link);
        let will = crate::modules::attributes::Owned { mode: 0o777, ..born };
        self.change.steps.push(SymbolicLink { path: path.into(), target: target.into(), replace_file: true }.into());
        self.change.expect.push(promise(path, FileKind::Link, will).and("target", target));
        let before = is.map(|is| is.target.map_or_else(|| "file".to_owned(), |target| format!("link to {target}")));
        self.change.diff.push(Difference { what: path.into(), before, after: Some(format!("link to {target}")) });
        Ok(())
    }
}
