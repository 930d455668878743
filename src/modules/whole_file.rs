//! A file that a module knows the whole content of: what is there, and how it becomes what it should be.

use sha2::Digest as _;

use super::attributes::{self, Owned, Wanted, born, heir, maker};
use super::halt::Halt;
use super::outcome::both;
use super::paths::above;
use super::remote_file::{LONGEST, bytes_of};
use crate::node::Change;
use crate::node::facts::{Content, Digest, FileContent, FileKind, FileStat, Sha256, Stat};
use crate::node::steps::{Remove, RemoveWhat, Source, WriteFile};
use crate::plan::{Difference, Expect, Facts};

/// A file as it is.
#[derive(Debug)]
pub(super) struct WholeFile {
    /// Where it is.
    pub path: String,
    /// What it holds, links followed; `None` where there is no file.
    pub content: Option<Vec<u8>>,
    /// What it is, links followed.
    pub stat: Option<FileStat>,
}

impl WholeFile {
    /// Looks at the file at an absolute path.
    pub fn look(facts: &Facts<'_>, path: &str) -> Result<Self, Halt> {
        let (content, itself) = both(facts.reading(&Content::itself(path, LONGEST)), facts.get(Stat::new(path)))?;
        let (content, stat) = match itself {
            Some(stat) if stat.kind == FileKind::Link => {
                both(facts.reading(&Content::new(path, LONGEST)), facts.get(Stat::followed(path)))?
            }
            stat => (content, stat),
        };
        let content = match &stat {
            None => None,
            Some(stat) if stat.kind == FileKind::File => bytes_of(facts, path, content)?,
            Some(_) => return Err(Halt::fail(format!("{path} is not a regular file"))),
        };
        Ok(Self { path: path.to_owned(), content, stat })
    }

    /// The content as text.
    pub fn text(&self) -> String {
        self.content.as_deref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    }

    /// Adds to a change what makes it this, with the attributes that are wanted: a new file is born as any of this login's, an
    /// old one keeps what it has. Whether there is anything to do.
    pub fn put(&self, facts: &Facts<'_>, content: Vec<u8>, wanted: &Wanted, change: &mut Change) -> Result<bool, Halt> {
        if let (Some(stat), true) = (&self.stat, self.content.as_ref() == Some(&content)) {
            return Ok(wanted.reach(&self.path, stat, change));
        }
        let new = match &self.stat {
            Some(stat) => heir(stat, facts)?,
            None => {
                let above = above(&self.path);
                let ((login, umask), directory) = both(maker(facts), attributes::look(facts, above))?;
                match directory {
                    Some(stat) if stat.kind == FileKind::Directory => born(&login, umask, 0o666, &stat, FileKind::File),
                    _ => return Err(Halt::fail(format!("Destination directory {above} does not exist"))),
                }
            }
        };
        self.write(content, wanted.on(new, FileKind::File), change);
        Ok(true)
    }

    /// Adds to a change what writes that, with that owner and mode.
    pub fn write(&self, content: Vec<u8>, will: Owned, change: &mut Change) {
        if self.content.as_ref() != Some(&content) {
            let shown = |content: &[u8]| String::from_utf8_lossy(content).into_owned();
            let before = self.content.as_deref().map(shown);
            change.diff.push(Difference { what: self.path.clone(), before, after: Some(shown(&content)) });
        }
        if let Some(stat) = &self.stat {
            Wanted::default().differs(&self.path, Owned::from(stat), will, change);
        }
        let digest = sha2::Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        change.expect.push(Expect::is(&Digest::new(&self.path), &Sha256(digest)));
        change.expect.push(Expect::is(&Content::itself(&self.path, LONGEST), &FileContent::from(content.clone())));
        change.expect.push(attributes::promise(&self.path, FileKind::File, will).and("size", content.len()));
        let (owner, group) = (will.uid.to_string(), will.gid.to_string());
        change.steps.push(WriteFile { path: self.path.clone(), source: Source::Bytes(content), owner, group, mode: will.mode }.into());
    }

    /// Adds to a change what takes it away.
    pub fn remove(&self, change: &mut Change) {
        change.diff.push(Difference { what: self.path.clone(), before: Some(self.text()), after: None });
        change.expect.push(Expect::absent(&Stat::new(&self.path)));
        change.expect.push(Expect::absent(&Content::itself(&self.path, LONGEST)));
        change.steps.push(Remove { path: self.path.clone(), what: RemoveWhat::File }.into());
    }
}
