//! A file that is read, edited and written back whole: what lineinfile, blockinfile and replace have in common.

#[cfg(test)]
mod recorded;
#[cfg(test)]
pub(super) mod tests;

use serde_json::{Map, Value};
use sha2::Digest as _;

use super::attributes::{self, Attributes, NamesKnown, Owned, Wanted, born, maker};
use super::halt::Halt;
use super::outcome::{both, planned};
use super::paths;
use super::remote_file::{LONGEST, bytes_of};
use super::validation::Validation;
use super::{Act, Decision, Task};
use crate::node::apply::Carried;
use crate::node::facts::{Content, Digest, FileContent, FileKind, FileStat, RealPath, Sha256, Stat};
use crate::node::steps::{BACKUP_FILE, Backup, MakeDirectory, Source, WriteFile};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts};

/// What editing gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edited {
    /// The whole new content.
    pub content: Vec<u8>,
    /// Whether it is to be written.
    pub changed: bool,
    /// What was done, in Ansible's words; empty if nothing was.
    pub message: String,
    /// How many lines were found, where that is told.
    pub found: Option<usize>,
}

impl Edited {
    /// Nothing was done.
    pub fn same(content: &[u8]) -> Self {
        Self { content: content.to_vec(), changed: false, message: String::new(), found: None }
    }

    /// That was done, if it makes a difference.
    pub fn new(before: &[u8], content: Vec<u8>, message: &str) -> Self {
        let changed = before != content;
        Self { changed, message: if changed { message.to_owned() } else { String::new() }, content, found: None }
    }
}

/// A file as it is before it is edited.
#[derive(Debug)]
pub(super) struct EditedFile {
    /// The path that the task names.
    pub path: String,
    /// Its content; `None` where there is no file.
    pub content: Option<Vec<u8>>,
    /// Where the path leads.
    real: String,
    /// Whether it is a link in a circle, or through what is not there: nothing can be written behind it.
    nowhere: bool,
    /// What is at the path itself: maybe a link.
    itself: Option<FileStat>,
    /// What it leads to.
    stat: Option<FileStat>,
    attributes: Attributes,
    names: NamesKnown,
}

impl EditedFile {
    /// Looks at the file that `path` names, with all that is needed to write it back.
    pub fn look(task: &Task<'_>, facts: &Facts<'_>, word: &str) -> Result<Self, Halt> {
        let path = paths::path(task.args.str("path").unwrap_or_default(), task, facts)?;
        Self::look_at(task, facts, &path, word)
    }

    /// The same for an absolute path.
    pub fn look_at(task: &Task<'_>, facts: &Facts<'_>, path: &str, word: &str) -> Result<Self, Halt> {
        let path = path.to_owned();
        let attributes = Attributes::read(task.args).map_err(Halt::fail)?;
        let ask = (Stat::new(&path), attributes.ask());
        let (content, (itself, names)) = both(facts.reading(&Content::itself(&path, LONGEST)), facts.get(ask))?;
        let is_link = itself.as_ref().is_some_and(|stat| stat.kind == FileKind::Link);
        let (content, (stat, real)) = if is_link {
            let content = facts.reading(&Content::new(&path, LONGEST));
            both(content, facts.get((Stat::followed(&path), RealPath::new(&path))))?
        } else {
            (content, (itself.clone(), None))
        };
        if let Some(why) = attributes::selinux_is_asked_for(task.args, facts)? {
            return Err(Halt::fail(why));
        }
        let content = match (&stat, content) {
            (Some(stat), _) if stat.kind == FileKind::Directory => {
                return Err(Decision::fail(format!("{word} {path} is a directory !")).with("rc", 256).into());
            }
            (Some(stat), _) if stat.kind != FileKind::File => {
                return Err(Halt::fail(format!("{path} is not a regular file")));
            }
            (_, content) => bytes_of(facts, &path, content)?,
        };
        let nowhere = is_link && real.is_none();
        let real = real.unwrap_or_else(|| path.clone());
        Ok(Self { path, content, real, nowhere, itself, stat, attributes, names })
    }

    /// The decision that writes what was edited and sets the attributes; `backup` is what the copy is called in the result.
    pub fn write(self, task: &Task<'_>, facts: &Facts<'_>, edited: Edited, backup: &str) -> Result<Decision, Halt> {
        if self.nowhere && edited.changed {
            return Err(Halt::fail(format!("the link {} leads nowhere", self.path)));
        }
        let wanted = self.attributes.resolve(self.names.clone()).map_err(Halt::fail)?;
        let mut change: Change = Plan::change([]);
        let (content, mut message) = (edited.content, edited.message);
        let is_link = self.itself.as_ref().is_some_and(|stat| stat.kind == FileKind::Link);
        let owned = match &self.stat {
            Some(stat) if is_link => Some((Owned::from(stat), Owned::from(stat))),
            Some(stat) => {
                let new = if edited.changed { attributes::heir(stat, facts)? } else { Owned::from(stat) };
                Some((Owned::from(stat), wanted.on(new, FileKind::File)))
            }
            None if edited.changed => Some(self.make(facts, &wanted, &mut change)?),
            None => None,
        };
        let mut attributes_changed = false;
        if let (true, Some((is, will))) = (edited.changed, owned) {
            self.check_and_copy(task, facts, &content, will, &mut change)?;
            let before = self.content.as_deref().map(shown);
            change = change.differs(&self.path, before, Some(shown(&content)));
            attributes_changed = is != will;
            if attributes_changed && self.stat.is_some() {
                wanted.differs(&self.path, is, will, &mut change);
            }
            self.put(content, will, &mut change);
        }
        if let Some(stat) = self.itself.as_ref().filter(|_| is_link || !edited.changed) {
            attributes_changed |= wanted.reach(&self.path, stat, &mut change);
        }
        // in check mode Ansible looks at no attributes of a file that is not there yet
        if attributes_changed && !(task.check && self.stat.is_none()) {
            let and = if edited.changed { " and " } else { "" };
            message.push_str(&format!("{and}ownership, perms or SE linux context changed"));
        }
        let decision = attributes::with_flags(planned(change), &self.real, task.args, facts)?.with("msg", message);
        Ok(if backup == "backup" { decision.with("backup", "") } else { decision })
    }

    /// The same as a part of a larger change.
    pub fn write_into(self, task: &Task<'_>, facts: &Facts<'_>, edited: Edited, change: &mut Change) -> Result<(), Halt> {
        match self.write(task, facts, edited, "")?.act {
            Act::Plan(Plan::Change(written)) => {
                change.diff.extend(written.diff);
                change.steps.extend(written.steps);
                change.expect.extend(written.expect);
                Ok(())
            }
            Act::Plan(Plan::Unchanged) => Ok(()),
            other => Err(Decision { act: other, ..Decision::unchanged() }.into()),
        }
    }

    /// What a new file has as it is made and in the end; the directories above it are made too.
    fn make(&self, facts: &Facts<'_>, wanted: &Wanted, change: &mut Change) -> Result<(Owned, Owned), Halt> {
        let above = paths::above(&self.real);
        let ((login, umask), directory) = both(maker(facts), attributes::look(facts, above))?;
        let made = match directory {
            Some(stat) if stat.kind == FileKind::Directory => born(&login, umask, 0o666, &stat, FileKind::File),
            Some(_) => return Err(Halt::fail(format!("{above} is not a directory"))),
            None => {
                let mode = 0o777 & !umask.0;
                let (owner, group) = (login.uid.to_string(), login.gid.to_string());
                change.steps.push(MakeDirectory { path: above.into(), owner, group, mode, parents: true }.into());
                let owned = Owned { uid: login.uid, gid: login.gid, mode };
                change.expect.push(attributes::promise(above, FileKind::Directory, owned));
                Owned { uid: login.uid, gid: login.gid, mode: 0o666 & !umask.0 }
            }
        };
        Ok((made, wanted.on(made, FileKind::File)))
    }

    /// `validate` and `backup`.
    fn check_and_copy(&self, task: &Task<'_>, facts: &Facts<'_>, content: &[u8], will: Owned, change: &mut Change) -> Result<(), Halt> {
        if let Some(validation) = Validation::read(task, facts)? {
            change.steps.push(validation.step(String::new(), Source::Bytes(content.to_vec()), will).into());
        }
        if task.args.is("backup") && self.stat.is_some() {
            change.steps.push(Backup { path: self.path.clone() }.into());
        }
        Ok(())
    }

    fn put(&self, content: Vec<u8>, will: Owned, change: &mut Change) {
        let digest = sha2::Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        let (size, known) = (content.len(), FileContent::from(content.clone()));
        let promise = |stat: &Stat| attributes::promise_of(stat, FileKind::File, will).and("size", size);
        for path in [&self.real, &self.path].into_iter().take(if self.path == self.real { 1 } else { 2 }) {
            change.expect.push(Expect::is(&Digest::new(path), &Sha256(String::clone(&digest))));
        }
        change.expect.push(promise(&Stat::new(&self.real)));
        change.expect.push(Expect::is(&Content::itself(&self.real, LONGEST), &known));
        if self.path != self.real {
            // the path is a link
            change.expect.push(promise(&Stat::followed(&self.path)));
            change.expect.push(Expect::is(&Content::new(&self.path, LONGEST), &known));
        }
        let (owner, group) = (will.uid.to_string(), will.gid.to_string());
        let write = WriteFile { path: self.real.clone(), source: Source::Bytes(content), owner, group, mode: will.mode };
        change.steps.push(write.into());
    }
}

/// `{name: the copy's path}`, if one was made.
pub(super) fn backup_result(name: &str, carried: Option<&Carried>) -> Map<String, Value> {
    let outputs = carried.map(|carried| carried.outputs.as_slice()).unwrap_or_default();
    let path = outputs.iter().find_map(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.strip_prefix(BACKUP_FILE).map(|path| path.trim_end_matches('\n').to_owned())
    });
    path.map(|path| (name.to_owned(), Value::from(path))).into_iter().collect()
}

fn shown(content: &[u8]) -> String {
    String::from_utf8_lossy(content).into_owned()
}
