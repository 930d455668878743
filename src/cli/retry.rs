//! `--limit @retry`: the hosts that failed or were not reached in the last run.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::environment::Environment;
use crate::diagnostics::{Diagnostic, Diagnostics, reason};
use crate::engine::HostEnd;

/// The word.
const WORD: &str = "@retry";

/// The file: a host on each line, as in Ansible's `.retry` files.
fn file(environment: &Environment) -> PathBuf {
    environment.state_dir.join("homelabctl").join("retry")
}

/// What `--limit` means. That there is nothing to retry is added to `problems`.
pub(super) fn limit(given: Option<&String>, environment: &Environment, problems: &mut Diagnostics) -> Option<String> {
    let text = given?;
    if !text.split([',', ':']).any(|part| part == WORD) {
        return Some(text.clone());
    }
    let file = file(environment);
    match fs::read_to_string(&file) {
        Ok(hosts) if !hosts.trim().is_empty() => Some(text.replace(WORD, &hosts.split_whitespace().collect::<Vec<_>>().join(","))),
        Ok(_) => nothing(problems),
        Err(error) if error.kind() == io::ErrorKind::NotFound => nothing(problems),
        Err(error) => {
            let message = format!("cannot read which hosts failed: `{}`: {}", environment.shorten(&file), reason(&error));
            problems.push(Diagnostic::error(message).hint("name them: `--limit HOST,HOST`"));
            None
        }
    }
}

fn nothing(problems: &mut Diagnostics) -> Option<String> {
    problems.push(Diagnostic::error("there is nothing to retry: no host failed in the last run").hint("leave out `--limit @retry`"));
    None
}

/// Takes note of the hosts that failed.
///
/// # Errors
/// The file cannot be written.
pub(super) fn note(ends: &[HostEnd], environment: &Environment) -> io::Result<()> {
    let mut hosts: Vec<&str> = ends.iter().filter(|end| !end.outcome.is_good()).map(|end| &*end.host).collect();
    hosts.sort_unstable();
    let file = file(environment);
    if hosts.is_empty() {
        return match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let parent = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let temporary = parent.join(format!("retry.{}", std::process::id()));
    let mut new = fs::File::create(&temporary)?;
    hosts.iter().try_for_each(|host| writeln!(new, "{host}"))?;
    fs::rename(&temporary, &file)
}
