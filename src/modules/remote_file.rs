//! A file's whole content, for modules that take it away.

use super::outcome::both;
use crate::node::facts::{Content, FileContent, FileKind, Stat};
use crate::plan::{Fact, FactKey, Facts, Reading, Stop};

/// How long a file may be, in bytes: it travels as text.
pub(super) const LONGEST: u64 = 32 << 20;

/// What is at a path; links are followed.
#[derive(Debug)]
pub(super) enum RemoteFile {
    Missing,
    Directory,
    /// A pipe, a socket or a device.
    Odd,
    /// The user may not read it, or not look into a directory on the way.
    Unreadable,
    File(Vec<u8>),
}

/// Reads it. A path that is no link costs facts that only its own changes make stale.
pub(super) fn remote_file(facts: &Facts<'_>, path: &str) -> Result<RemoteFile, Stop> {
    match looked(facts, path) {
        Err(Stop::Unknown(keys)) if keys.values().all(|why| why.ends_with("Permission denied")) => Ok(RemoteFile::Unreadable),
        outcome => outcome,
    }
}

fn looked(facts: &Facts<'_>, path: &str) -> Result<RemoteFile, Stop> {
    let (content, stat) = both(facts.reading(&Content::itself(path, LONGEST)), facts.get(Stat::new(path)))?;
    let (content, stat) = match stat {
        Some(stat) if stat.kind == FileKind::Link => both(facts.reading(&Content::new(path, LONGEST)), facts.get(Stat::followed(path)))?,
        stat => (content, stat),
    };
    Ok(match stat.map(|stat| stat.kind) {
        None => RemoteFile::Missing,
        Some(FileKind::Directory) => RemoteFile::Directory,
        Some(FileKind::File) => match bytes_of(facts, path, content)? {
            Some(bytes) => RemoteFile::File(bytes),
            None => RemoteFile::Missing,
        },
        Some(_) => RemoteFile::Odd,
    })
}

/// The bytes of a reading of [`Content`]; nothing where there is no file.
pub(super) fn bytes_of(facts: &Facts<'_>, path: &str, content: Reading) -> Result<Option<Vec<u8>>, Stop> {
    let unknown = |why: String| {
        let key = FactKey { scope: facts.scope().clone(), query: Content::new(path, LONGEST).query() };
        Stop::Unknown([(key, why)].into())
    };
    match content {
        Reading::Unknown { why, .. } => Err(unknown(why)),
        Reading::Absent => Ok(None),
        Reading::Present(value) => match serde_json::from_value::<FileContent>(value) {
            Ok(content) => Ok(Some(content.bytes())),
            Err(why) => Err(unknown(why.to_string())),
        },
    }
}
