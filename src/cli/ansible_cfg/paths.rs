//! Names of files as Ansible completes them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::super::environment::Environment;

/// Why a name cannot be completed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// `~name/…`: the home of somebody else.
    Home(String),
    /// Quotes around it, which Ansible takes for a part of the name.
    Quotes,
}

/// `{{CWD}}`, variables and `~` are filled in; what is not absolute begins at `base`; `.`, `..` and double slashes go.
pub(super) fn resolve(written: &str, base: &Path, environment: &Environment) -> Result<PathBuf, Unresolved> {
    if written.len() > 1 && ['"', '\''].iter().any(|&quote| written.starts_with(quote) && written.ends_with(quote)) {
        return Err(Unresolved::Quotes);
    }
    let text = written.replace("{{CWD}}", &environment.working_dir.to_string_lossy());
    let text = variables(&text, environment);
    let path = match text.strip_prefix('~') {
        None => base.join(&text),
        Some("") => environment.home.clone(),
        Some(rest) => match rest.strip_prefix('/') {
            Some(rest) => environment.home.join(rest.trim_start_matches('/')),
            None => return Err(Unresolved::Home(text.split('/').next().unwrap_or_default().to_owned())),
        },
    };
    Ok(normal(&path))
}

/// `$NAME` and `${NAME}`; one that is not set stays as it is.
fn variables(text: &str, environment: &Environment) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let (name, written) = match after.strip_prefix('{') {
            Some(braced) => match braced.split_once('}') {
                Some((name, _)) => (name, name.len() + 2),
                None => ("", 0),
            },
            None => {
                let length = after.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
                (after.get(..length).unwrap_or_default(), length)
            }
        };
        match environment.variables.get(OsStr::new(name)) {
            Some(value) => filled.push_str(&value.to_string_lossy()),
            None => {
                filled.push('$');
                filled.push_str(after.get(..written).unwrap_or_default());
            }
        }
        rest = after.get(written..).unwrap_or_default();
    }
    filled + rest
}

/// Without looking at the disk: `a/../b` is `b` even if `a` is a link.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}
