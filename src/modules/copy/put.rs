//! One file with a content, at its place: what `copy`, `template` and `assemble` have in common (modules/copy.py).

use sha2::{Digest as _, Sha256 as Hasher};

use crate::modules::attributes::{Owned, Wanted, born, heir, maker, promise};
use crate::modules::file::parent;
use crate::modules::outcome::{Ended, both};
use crate::modules::paths::base;
use crate::modules::validation::Validation;
use crate::modules::{LocalFile, Task};
use crate::node::Change;
use crate::node::facts::{Content, Digest, FileContent, FileKind, FileStat, RealPath, Sha256, Stat};
use crate::node::steps::{Backup, Source, WriteFile};
use crate::plan::{Difference, Expect, Facts, Reading, Stop};

/// How much of a content is shown when it changes, as in Ansible (max_diff_size).
const SHOWN: u64 = 104_448;

/// A content.
#[derive(Debug, Clone)]
pub(crate) enum New {
    /// It comes from here.
    Bytes(Vec<u8>),
    /// It is a large file here.
    Local(LocalFile),
    /// It is on the machine: its path, digest, and what it is.
    Remote(String, Sha256, FileStat),
}

impl New {
    pub(crate) fn digest(&self) -> Sha256 {
        match self {
            Self::Bytes(bytes) => Sha256(Hasher::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()),
            Self::Local(file) => Sha256(file.sha256.clone()),
            Self::Remote(_, digest, _) => digest.clone(),
        }
    }

    /// What Ansible calls its checksum; of what is on the machine nothing.
    pub(crate) fn sha1(&self) -> String {
        match self {
            Self::Bytes(bytes) => super::sha1_of(bytes),
            Self::Local(file) => file.sha1.clone(),
            Self::Remote(..) => String::new(),
        }
    }

    fn size(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Local(file) => Some(file.size),
            Self::Remote(_, _, stat) => stat.size,
        }
    }

    fn source(&self) -> Source {
        match self {
            Self::Bytes(bytes) => Source::Bytes(bytes.clone()),
            Self::Local(file) => Source::Local { path: file.path.clone(), size: file.size, sha256: file.sha256.clone() },
            Self::Remote(path, digest, _) => Source::Copied { path: path.clone(), sha256: digest.0.clone() },
        }
    }
}

/// How it is put there.
#[derive(Debug, Clone, Default)]
pub(crate) struct How {
    pub(crate) wanted: Wanted,
    /// Whether a link at the place is followed, and not replaced.
    pub(crate) follow: bool,
    /// Whether what is there already is left alone.
    pub(crate) only_new: bool,
    pub(crate) backup: bool,
    pub(crate) validate: Option<Validation>,
    /// Whether the directory is made by the same change.
    pub(crate) new_parent: Option<FileStat>,
}

impl How {
    /// As the options of `copy` say.
    pub(crate) fn read(task: &Task<'_>, facts: &Facts<'_>, wanted: Wanted, new_parent: Option<FileStat>) -> Result<Self, Ended> {
        let args = task.args;
        Ok(Self {
            wanted,
            follow: args.is("follow"),
            only_new: !args.bool("force").unwrap_or(true),
            backup: args.is("backup"),
            validate: Validation::read(task, facts)?,
            new_parent,
        })
    }
}

/// What was found, and where the file is in the end.
#[derive(Debug)]
pub(crate) struct Put {
    pub(crate) path: String,
    /// Whether something is there already that is left alone.
    pub(crate) left: bool,
    /// Whether the content is another.
    pub(crate) replaced: bool,
}

/// What is at a place, and its digest if it is a file; both in one round trip.
///
/// # Errors
/// What has to be read first.
pub(crate) fn seen(path: &str, facts: &Facts<'_>) -> Result<(Option<FileStat>, Option<Sha256>), Stop> {
    let (stat, digest) = both(facts.get(Stat::new(path)), facts.reading(&Digest::new(path)))?;
    let digest = match digest {
        Reading::Present(value) => serde_json::from_value(value).ok(),
        // a directory has none; a file whose content cannot be read is not taken for another
        Reading::Unknown { .. } if stat.as_ref().is_some_and(|stat| stat.kind == FileKind::File) => facts.get(Digest::new(path))?,
        _ => None,
    };
    Ok((stat, digest))
}

/// Adds to a change what puts a content at a path.
///
/// # Errors
/// What has to be read first; Ansible's `msg`.
pub(crate) fn put(path: &str, new: &New, how: &How, facts: &Facts<'_>, change: &mut Change) -> Result<Put, Ended> {
    let (mut stat, mut digest) = seen(path, facts)?;
    let mut path = path.to_owned();
    let is_link = |stat: &Option<FileStat>| stat.as_ref().is_some_and(|stat| stat.kind == FileKind::Link);
    let mut leads_somewhere = false;
    if is_link(&stat) {
        let followed = facts.get(Stat::followed(&path))?;
        leads_somewhere = followed.is_some();
        if how.only_new && (leads_somewhere || !how.follow) {
            return Ok(Put { path, left: true, replaced: false });
        }
        if how.follow && leads_somewhere {
            path = facts.get(RealPath::new(&path))?.unwrap_or(path);
            (stat, digest) = seen(&path, facts)?;
        }
    } else if how.only_new && stat.is_some() {
        return Ok(Put { path, left: true, replaced: false });
    }
    match &stat {
        Some(stat) if stat.kind == FileKind::Directory => return Err(format!("{path} is a directory").into()),
        Some(stat) if !matches!(stat.kind, FileKind::File | FileKind::Link) => {
            return Err(format!("{path} is neither a file nor a link").into());
        }
        Some(stat) if stat.kind == FileKind::File && digest.as_ref() == Some(&new.digest()) => {
            how.wanted.reach(&path, stat, change);
            return Ok(Put { path, left: false, replaced: false });
        }
        _ => {}
    }
    let there = stat.filter(|stat| stat.kind == FileKind::File);
    let is = had(&path, there.as_ref(), new, how, facts)?;
    let will = how.wanted.on(is, FileKind::File);
    let (owner, group) = (will.uid.to_string(), will.gid.to_string());
    if let Some(validation) = &how.validate {
        let suffix = base(&path).trim_start_matches('.').rsplit_once('.').map_or_else(String::new, |(_, suffix)| format!(".{suffix}"));
        change.steps.push(validation.step(suffix, new.source(), will).into());
    }
    if how.backup && (there.is_some() || leads_somewhere) {
        change.steps.push(Backup { path: path.clone() }.into());
    }
    change.steps.push(WriteFile { path: path.clone(), source: new.source(), owner, group, mode: will.mode }.into());
    change.diff.push(Difference {
        what: path.clone(),
        before: there.as_ref().map(|there| shown_remote(&path, there.size, facts)).transpose()?,
        after: Some(match new {
            New::Bytes(bytes) => shown(bytes),
            New::Local(file) => format!("({} bytes)\n", file.size),
            New::Remote(path, _, stat) => shown_remote(path, stat.size, facts)?,
        }),
    });
    if let Some(there) = &there {
        how.wanted.differs(&path, Owned::from(there), will, change);
    }
    let promised = promise(&path, FileKind::File, will);
    change.expect.push(match new.size() {
        Some(size) => promised.and("size", size),
        None => promised.moves("size"),
    });
    change.expect.push(Expect::is(&Digest::new(&path), &new.digest()));
    Ok(Put { path, left: false, replaced: true })
}

/// Owner, group and mode before the options are looked at: those of what is there, else a new file's. A file that was on
/// the machine brings its mode along where another is replaced (`keep_dest_attrs` of `atomic_move`).
fn had(path: &str, there: Option<&FileStat>, new: &New, how: &How, facts: &Facts<'_>) -> Result<Owned, Ended> {
    match (there, new) {
        (Some(there), New::Bytes(_) | New::Local(_)) => Ok(heir(there, facts)?),
        (Some(_), New::Remote(_, _, source)) => {
            let (login, _) = maker(facts)?;
            Ok(Owned { uid: login.uid, gid: login.gid, mode: source.mode.0 })
        }
        (None, _) => {
            let parent = match &how.new_parent {
                Some(parent) => parent.clone(),
                None => parent(path, facts)?,
            };
            let (login, umask) = maker(facts)?;
            Ok(born(&login, umask, 0o666, &parent, FileKind::File))
        }
    }
}

/// A content as it is shown.
pub(crate) fn shown(bytes: &[u8]) -> String {
    if bytes.len() as u64 > SHOWN {
        return format!("({} bytes)\n", bytes.len());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => text.to_owned(),
        _ => format!("({} bytes, no text)\n", bytes.len()),
    }
}

fn shown_remote(path: &str, size: Option<u64>, facts: &Facts<'_>) -> Result<String, Stop> {
    let size = size.unwrap_or(0);
    if size > SHOWN {
        return Ok(format!("({size} bytes)\n"));
    }
    Ok(match facts.reading(&Content::new(path, SHOWN))? {
        Reading::Present(content) => {
            serde_json::from_value(content).map_or_else(|_| String::new(), |content: FileContent| shown(&content.bytes()))
        }
        _ => format!("({size} bytes)\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_not_shown() {
        assert_eq!(
            (shown(b"a\n").as_str(), shown(&[0, 1]).as_str(), shown(&[255]).as_str()),
            ("a\n", "(2 bytes, no text)\n", "(1 bytes, no text)\n")
        );
        assert_eq!(shown(&vec![b'x'; 104_449]), "(104449 bytes)\n");
    }
}
