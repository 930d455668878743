//! The controller's files, as far as templates look at them.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use super::fault::{Outcome, fail};
use super::repr;
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
    Mount,
    /// A file that ansible-vault encrypted.
    Vaulted,
}

/// A path as a template gives it.
pub(super) fn path(run: &Run, text: &str) -> PathBuf {
    match text.strip_prefix("~/") {
        Some(rest) => run.around.home.join(rest),
        None => run.around.dir.join(text),
    }
}

/// The variable that says where a task's files are looked for, the nearest first.
pub(super) const SEARCH: &str = "ansible_search_path";

/// The playbook's directory.
pub(super) fn base(run: &Run) -> Outcome<PathBuf> {
    match run.variable("playbook_dir")? {
        Some(V::Str(dir)) if !dir.is_empty() => Ok(PathBuf::from(&*dir)),
        _ => Ok(run.around.dir.clone()),
    }
}

/// A path, relative to the playbook's directory.
pub(super) fn relative(run: &Run, text: &str) -> Outcome<PathBuf> {
    Ok(match text.strip_prefix("~/") {
        Some(rest) => run.around.home.join(rest),
        None => base(run)?.join(text),
    })
}

/// Where a task's files are looked for.
pub(super) fn search(run: &Run) -> Outcome<Vec<PathBuf>> {
    let mut dirs: Vec<PathBuf> = match run.variable(SEARCH)? {
        Some(list) if list.is_list() => {
            let texts = run.items(&list)?;
            texts.iter().map(|dir| repr::text(run, dir).map(PathBuf::from)).collect::<Outcome<_>>()?
        }
        _ => Vec::new(),
    };
    let base = base(run)?;
    if !dirs.contains(&base) {
        dirs.push(base);
    }
    Ok(dirs)
}

/// The first file or directory of that name, in a folder of each place or in the place itself.
pub(super) fn find(run: &Run, folder: &str, name: &str) -> Outcome<Option<PathBuf>> {
    run.spend(50)?;
    if name.starts_with(['/', '~']) {
        return Ok(Some(path(run, name)).filter(|path| path.exists()));
    }
    let places = search(run)?;
    let mut candidates = places.iter().flat_map(|dir| [dir.join(folder).join(name), dir.join(name)]);
    Ok(candidates.find(|path| path.exists()))
}

/// A template that another names: never one above the places where templates are looked for.
pub(super) fn template(run: &Run, name: &str) -> Outcome<Option<PathBuf>> {
    if name.split('/').any(|part| part == "..") {
        return Ok(None);
    }
    let name = name.trim_start_matches('/');
    let places = search(run)?;
    let mut candidates = places.iter().flat_map(|dir| [dir.join("templates").join(name), dir.join(name)]);
    Ok(candidates.find(|path| path.is_file()))
}

/// The path without `.` and `..`, whatever is there.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
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
        Kind::Mount => is_mount(&path),
        Kind::Vaulted => path.is_file() && crate::yaml::is_encrypted(&read(given.run, &path)?),
    }))
}

/// Whether another file system begins there.
fn is_mount(path: &Path) -> bool {
    let Ok(own) = path.symlink_metadata() else { return false };
    match path.join("..").metadata() {
        Ok(above) if own.is_dir() => own.dev() != above.dev() || own.ino() == above.ino(),
        _ => false,
    }
}

/// Whether two paths lead to the same file.
pub(super) fn same(given: &Given) -> Outcome<V> {
    given.run.spend(100)?;
    let other = repr::text(given.run, given.need(0, "another path")?)?;
    let at = |path: &str| given.run.around.dir.join(path).metadata();
    Ok(V::Bool(match (at(&given.own_text()?), at(&other)) {
        (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
        _ => false,
    }))
}

/// The text of a file.
pub(super) fn read(run: &Run, path: &Path) -> Outcome<String> {
    let shown = path.strip_prefix(".").unwrap_or(path).display();
    String::from_utf8(read_whole(run, path)?).or_else(|_| fail(format!("`{shown}` is no UTF-8 text")))
}

/// The bytes of a file.
pub(super) fn read_whole(run: &Run, path: &Path) -> Outcome<Vec<u8>> {
    let shown = path.strip_prefix(".").unwrap_or(path).display();
    let bytes = match read_bytes(path, SIZE) {
        Ok(bytes) if bytes.len() as u64 > SIZE => return fail(format!("`{shown}` is larger than 16 MiB")),
        Ok(bytes) => bytes,
        Err(error) => return fail(format!("cannot read `{shown}`: {}", reason(&error))),
    };
    run.bytes(bytes.len())?;
    Ok(bytes)
}
