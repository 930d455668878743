//! The controller's files, as far as templates look at them.

use std::path::{Path, PathBuf};

use super::fault::{Outcome, fail};
use super::run::Run;
use super::spec::Given;
use super::value::V;
use crate::diagnostics::{read_bytes, reason};

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
    let shown = path.strip_prefix(".").unwrap_or(path).display();
    let bytes = match read_bytes(path, SIZE) {
        Ok(bytes) if bytes.len() as u64 > SIZE => return fail(format!("`{shown}` is larger than 16 MiB")),
        Ok(bytes) => bytes,
        Err(error) => return fail(format!("cannot read `{shown}`: {}", reason(&error))),
    };
    run.bytes(bytes.len())?;
    String::from_utf8(bytes).or_else(|_| fail(format!("`{shown}` is no UTF-8 text")))
}
