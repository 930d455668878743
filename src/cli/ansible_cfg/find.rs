//! Which ansible.cfg counts: the first of four places where one can be read.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::super::environment::Environment;
use super::{keys, paths};
use crate::diagnostics::{Diagnostic, Diagnostics, Source, read_bytes, reason};

const VARIABLE: &str = "ANSIBLE_CONFIG";
/// A configuration is a page or two; what is longer is something else.
const LONGEST: u64 = 1 << 20;

/// The file that counts.
#[derive(Debug)]
pub(super) struct Found {
    /// Absolute.
    pub(super) path: PathBuf,
    pub(super) source: Source,
}

/// Finds the file and reads it. `system`: the one of the whole machine.
pub(super) fn find(environment: &Environment, system: &Path, problems: &mut Diagnostics) -> Option<Found> {
    let beside = environment.working_dir.join("ansible.cfg");
    let open_to_all = environment.working_dir.metadata().is_ok_and(|about| about.permissions().mode() & 0o002 != 0);
    let named = environment.variables.get(OsStr::new(VARIABLE)).map(|value| named(&value.to_string_lossy(), environment));
    let mut candidates: Vec<PathBuf> = named.iter().cloned().collect();
    if !open_to_all {
        candidates.push(beside.clone());
    }
    candidates.extend([environment.home.join(".ansible.cfg"), system.to_owned()]);
    let path = candidates.into_iter().find(|path| can_be_read(path, environment, problems));
    if named.is_some() && named != path {
        not_there(environment, path.as_deref(), problems);
    }
    if open_to_all && beside.exists() && (named.is_none() || named != path) {
        let shown = environment.shorten(&environment.working_dir);
        let why = "anybody on this machine may write into its directory, so anybody could have put it there";
        problems.push(
            Diagnostic::warning(format!("`{}` is not read: {why}", environment.shorten(&beside)))
                .hint(format!("take the permission away with `chmod o-w {shown}`, or name the file: `{VARIABLE}=./ansible.cfg`")),
        );
    }
    let path = path?;
    let name = path.strip_prefix(&environment.working_dir).map_or_else(|_| environment.shorten(&path), |path| path.display().to_string());
    match read(&path, &name) {
        Ok(source) => Some(Found { path, source }),
        Err(error) => {
            problems.push(*error);
            None
        }
    }
}

/// The file that the variable means.
fn named(value: &str, environment: &Environment) -> PathBuf {
    // what is wrong with it is found out by looking for it
    let path = paths::resolve(value, &environment.working_dir, environment).unwrap_or_else(|_| PathBuf::from(value));
    if path.is_dir() { path.join("ansible.cfg") } else { path }
}

fn not_there(environment: &Environment, instead: Option<&Path>, problems: &mut Diagnostics) {
    let value = environment.variables.get(OsStr::new(VARIABLE)).map(|value| value.to_string_lossy()).unwrap_or_default();
    let source = Source::new(VARIABLE, value.as_ref());
    let instead = match instead {
        Some(path) => format!("`{}` is read instead, as Ansible does", environment.shorten(path)),
        None => "no configuration is read, as in Ansible".to_owned(),
    };
    let warning = Diagnostic::warning(format!("there is no configuration `{value}` that can be read; {instead}"));
    problems.push(warning.at(source.whole()).hint(format!("correct the variable or take it away: `unset {VARIABLE}`")));
}

/// Ansible goes on to the next place without a word.
fn can_be_read(path: &Path, environment: &Environment, problems: &mut Diagnostics) -> bool {
    if !path.exists() {
        return false;
    }
    // asked without opening it, which a pipe would not bear twice
    let Err(error) = rustix::fs::access(path, rustix::fs::Access::READ_OK) else { return true };
    problems.push(
        Diagnostic::warning(format!("`{}` is not read: {}", environment.shorten(path), reason(&std::io::Error::from(error))))
            .hint("make it readable for you, or take it away"),
    );
    false
}

fn read(path: &Path, name: &str) -> Result<Source, Box<Diagnostic>> {
    if !path.extension().is_some_and(|ending| ending == "cfg" || ending == "ini") {
        let error = Diagnostic::error(format!("`{name}` is no name of a configuration"));
        return Err(Box::new(error.hint("Ansible takes names that end in .cfg or .ini; without a configuration, unset ANSIBLE_CONFIG")));
    }
    let cannot = |why: &str| Box::new(Diagnostic::error(format!("cannot read the configuration `{name}`: {why}")));
    let bytes = read_bytes(path, LONGEST)
        .map_err(|error| Box::new(cannot(&reason(&error)).hint("go on without it: take it away, or name another one in ANSIBLE_CONFIG")))?;
    if bytes.len() as u64 > LONGEST {
        return Err(Box::new(cannot("it has more than 1 MiB").hint("is it the right file?")));
    }
    // an excerpt under a message must not show what stands in a line with a password
    let source = |text: String| if has_passwords(&text) { Source::hidden(name, text) } else { Source::new(name, text) };
    String::from_utf8(bytes).map(source).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        // the text up to there shows the line
        let place = source(String::from_utf8_lossy(&bytes).into_owned()).at(good..good + 1);
        Box::new(cannot("it is no UTF-8 text").at(place).hint("save it as UTF-8; it may be a letter in a comment"))
    })
}

/// Whether a line begins like one with a password, be the rest of it right or wrong.
fn has_passwords(text: &str) -> bool {
    let word = |line: &str| line.trim_start().split(|c: char| c.is_whitespace() || c == '=' || c == ':').next().map(str::to_lowercase);
    text.lines().filter_map(word).any(|word| !word.starts_with(['#', ';', '[']) && keys::is_secret(&word))
}
