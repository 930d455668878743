//! The process's surroundings, captured once: nothing else reads them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// Everything that the surroundings say.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The command line, the program's name first.
    pub arguments: Vec<OsString>,
    /// All variables.
    pub variables: BTreeMap<OsString, OsString>,
    /// Where the program was started.
    pub working_dir: PathBuf,
    /// The user's home: `$HOME`, or what /etc/passwd says.
    pub home: PathBuf,
    /// The user's name on this machine.
    pub user: String,
    /// The user's number.
    pub uid: u32,
    /// This machine's name.
    pub host_name: String,
    /// Where programs keep what should survive a restart: `$XDG_STATE_HOME`, or ~/.local/state.
    pub state_dir: PathBuf,
    /// Where programs keep what they can make again: `$XDG_CACHE_HOME`, or ~/.cache.
    pub cache_dir: PathBuf,
    /// Whether colour is unwanted: `NO_COLOR` is set and not empty (<https://no-color.org>), or the terminal is dumb.
    pub no_colour: bool,
    /// Whether the terminal can do no more than show text (`TERM=dumb`).
    pub dumb_terminal: bool,
    /// Whether stdout is a terminal.
    pub stdout_terminal: bool,
    /// Whether stderr is a terminal.
    pub stderr_terminal: bool,
    /// This process's number.
    pub pid: u32,
}

impl Environment {
    /// Reads them from the process.
    pub fn capture() -> Self {
        let variables: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        let uid = rustix::process::getuid().as_raw();
        // a name service other than the file (LDAP) leaves it to the variables
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let terminals = [std::io::stdout().is_terminal(), std::io::stderr().is_terminal()];
        // a directory that is gone has no files in it either
        let working_dir = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/nonexistent"));
        Self { working_dir, ..Self::from_parts(std::env::args_os().collect(), variables, uid, &passwd, terminals) }
    }

    fn from_parts(arguments: Vec<OsString>, variables: BTreeMap<OsString, OsString>, uid: u32, passwd: &str, terminals: [bool; 2]) -> Self {
        let get = |name: &str| variables.get(OsStr::new(name)).filter(|value| !value.is_empty()).cloned();
        let entry = Entry::find(passwd, uid);
        let home = get("HOME").map(PathBuf::from).or_else(|| entry.as_ref().map(|entry| entry.home.clone()));
        let home = home.unwrap_or_else(|| PathBuf::from("/"));
        let user = entry.map(|entry| entry.name).or_else(|| Some(get("USER").or_else(|| get("LOGNAME"))?.to_string_lossy().into_owned()));
        // the XDG specification: a path that is not absolute is ignored
        let absolute = |name: &str| get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let (state_dir, cache_dir) = (absolute("XDG_STATE_HOME"), absolute("XDG_CACHE_HOME"));
        let dumb_terminal = get("TERM").is_some_and(|term| term == "dumb");
        let [stdout_terminal, stderr_terminal] = terminals;
        Self {
            arguments,
            uid,
            working_dir: PathBuf::from("/"),
            host_name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            user: user.unwrap_or_else(|| uid.to_string()),
            state_dir: state_dir.unwrap_or_else(|| home.join(".local/state")),
            cache_dir: cache_dir.unwrap_or_else(|| home.join(".cache")),
            no_colour: get("NO_COLOR").is_some() || dumb_terminal,
            dumb_terminal,
            home,
            variables,
            stdout_terminal,
            stderr_terminal,
            pid: std::process::id(),
        }
    }

    /// A path as a person would write it: `~` for the home.
    pub fn shorten(&self, path: &Path) -> String {
        match path.strip_prefix(&self.home) {
            Ok(rest) if self.home.parent().is_some() => format!("~/{}", rest.display()),
            _ => path.display().to_string(),
        }
    }
}

/// A line of /etc/passwd, passwd(5).
struct Entry {
    name: String,
    home: PathBuf,
}

impl Entry {
    fn find(passwd: &str, uid: u32) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let number: u32 = fields.nth(1)?.parse().ok()?;
            let home = PathBuf::from(fields.nth(2)?);
            (number == uid).then_some(Self { name, home })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\npat:x:1000:1000:Pat,,,:/home/pat:/bin/zsh\n";

    fn with(variables: &[(&str, &str)], uid: u32) -> Environment {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Environment::from_parts(Vec::new(), variables, uid, PASSWD, [false; 2])
    }

    #[test]
    fn the_variables_come_first_and_empty_ones_are_none() {
        let environment = with(&[("HOME", "/h"), ("USER", "other"), ("XDG_STATE_HOME", "/s"), ("NO_COLOR", "")], 1000);
        assert_eq!((environment.home.as_path(), environment.user.as_str()), (Path::new("/h"), "pat"));
        assert_eq!(environment.state_dir, Path::new("/s"));
        assert!(!environment.no_colour && with(&[("NO_COLOR", "1")], 0).no_colour && with(&[("TERM", "dumb")], 0).no_colour);
    }

    #[test]
    fn what_is_missing_comes_from_the_file() {
        let environment = with(&[("XDG_STATE_HOME", "relative")], 1000);
        assert_eq!(environment.state_dir, Path::new("/home/pat/.local/state"));
        assert_eq!(environment.shorten(Path::new("/home/pat/a/b")), "~/a/b");
        assert_eq!(environment.shorten(Path::new("/etc/b")), "/etc/b");
        assert_eq!(with(&[("LOGNAME", "ldap")], 7).user, "ldap");
        assert_eq!(with(&[], 7).user, "7");
    }
}
