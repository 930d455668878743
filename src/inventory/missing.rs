//! Paths that lead nowhere, or back to where they come from.

use std::io;
use std::path::Path;

use super::suggestion;
use super::vars_files::names;
use crate::diagnostics::{Diagnostic, reason};

/// An inventory that cannot be looked at. `named`: the person named it.
pub(super) fn told(path: &Path, name: &str, error: &io::Error, named: bool) -> Diagnostic {
    let problem = |why: String| Diagnostic::error(format!("cannot read the inventory `{name}`: {why}"));
    if let Ok(target) = std::fs::read_link(path) {
        if error.kind() == io::ErrorKind::NotFound {
            let problem = problem(format!("it is a link to `{}`, which is not there", target.display()));
            return problem.hint("restore what it leads to, or take the link away");
        }
        return problem(reason(error)).hint("take the link away");
    }
    if error.kind() != io::ErrorKind::NotFound {
        return problem(reason(error));
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.exists() {
        let problem = problem(format!("there is no directory `{}`", parent.display()));
        return match similar_in(parent.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new(".")), parent) {
            Some(hint) => problem.hint(hint),
            None => problem,
        };
    }
    let problem = problem(reason(error));
    match similar_in(parent, path) {
        Some(hint) => problem.hint(hint),
        None if named && !name.contains('/') => problem.hint(format!("for a host of that name write `-i {name},` with a comma")),
        None => problem,
    }
}

/// What in a directory has nearly the name that a path ends with.
fn similar_in(directory: &Path, path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let there = names(directory).ok()?;
    suggestion(wanted, there.iter().map(String::as_str))
}

/// A link to a directory in which it lies.
pub(super) fn loops(path: &Path, name: &str) -> Option<Diagnostic> {
    let target = path.is_symlink().then(|| path.canonicalize().ok()).flatten()?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).canonicalize().ok()?;
    parent.starts_with(&target).then(|| {
        Diagnostic::error(format!("cannot read `{name}`: it is a link to a directory in which it lies itself")).hint("take the link away")
    })
}
