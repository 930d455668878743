//! The controller's files, as far as templates look at them.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::fault::{Outcome, fail};
use super::run::Run;
use super::spec::Given;
use super::value::V;

/// How large a file may be that a template reads.
const SIZE: u64 = 16 << 20;

/// What a test asks about a path.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    File,
    Directory,
    Link,
    Exists,
    LinkExists,
}

/// A path as a template gives it.
pub(super) fn path(run: &Run, text: &str) -> PathBuf {
    match text.strip_prefix("~/") {
        Some(rest) => run.around.home.join(rest),
        None => run.around.dir.join(text),
    }
}

/// What is at a path.
pub(super) fn test(given: &Given, kind: Kind) -> Outcome<V> {
    given.run.spend(50)?;
    let path = given.run.around.dir.join(given.own_text()?);
    Ok(V::Bool(match kind {
        Kind::File => path.is_file(),
        Kind::Directory => path.is_dir(),
        Kind::Link => path.is_symlink(),
        Kind::Exists => path.exists(),
        Kind::LinkExists => path.symlink_metadata().is_ok(),
    }))
}

/// The text of a file.
pub(super) fn read(run: &Run, path: &Path) -> Outcome<String> {
    let shown = path.display();
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) => return fail(format!("{shown} cannot be read: {}", error.kind())),
    };
    let meta = file.metadata();
    if meta.as_ref().is_ok_and(|meta| !meta.is_file()) {
        return fail(format!("{shown} is not a file"));
    }
    let mut bytes = Vec::new();
    match file.take(SIZE + 1).read_to_end(&mut bytes) {
        Ok(length) if length as u64 > SIZE => return fail(format!("{shown} is larger than 16 MiB")),
        Ok(length) => run.bytes(length)?,
        Err(error) => return fail(format!("{shown} cannot be read: {}", error.kind())),
    }
    String::from_utf8(bytes).or_else(|_| fail(format!("{shown} is not text")))
}
