//! `ansible.posix.authorized_key`

mod keys;
#[cfg(test)]
pub(super) mod tests;

use serde_json::{Map, Value};

use super::attributes::{ModeChange, Owned, Wanted, look, maker, path_info, promise};
use super::fetched::{Fetched, fetched};
use super::halt::{Halt, settled};
use super::outcome::{Ended, planned};
use super::paths::{above, join, path};
use super::whole_file::WholeFile;
use super::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::apply::Carried;
use crate::node::facts::{Account, FileKind, RealPath, Stat, User};
use crate::node::steps::MakeDirectory;
use crate::node::{Change, Plan};
use crate::plan::{Difference, Facts, Stop};
use keys::{Key, Line};

/// Keys that a user may log in with.
#[derive(Debug)]
pub struct AuthorizedKey;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("user", Kind::Str).required().about("Who may log in with the keys"),
        Opt::new("key", Kind::Str)
            .required()
            .about("The public keys, a line each; or the address where they stand, which begins with `http` or `file`"),
        Opt::new("path", Kind::Path).about("The file; `~/.ssh/authorized_keys` of the user where nothing is said"),
        Opt::new("manage_dir", Kind::Bool)
            .default("true")
            .about("Whether the directory of the file is made, and given to the user with mode `0700`, when the file is written"),
        Opt::new("state", Kind::Str).default("present").choices(&["absent", "present"]).about("Whether the keys are to be there"),
        Opt::new("key_options", Kind::Str).about("What stands in front of each key, such as `no-pty`, instead of what it brings"),
        Opt::new("exclusive", Kind::Bool).default("false").about(
            "Whether all that is not in `key` is removed; in a loop over keys only the last would stay, so give all keys in one text",
        ),
        Opt::new("comment", Kind::Str).about("What stands behind each key, instead of what it brings"),
        Opt::new("validate_certs", Kind::Bool).default("true").about("Whether the certificate of the server with the keys is looked at"),
        Opt::new("follow", Kind::Bool).default("false").about("Whether a link is followed instead of being replaced by a file"),
    ],
    about: "Adds or removes public keys of a user in `authorized_keys`",
    notes: &[
        "Keys at an address are fetched by the machine's curl or wget; where it has neither, the task fails.",
        "A last line without an end gets one before a key is added; Ansible writes the key into that line.",
    ],
    example: "- name: Let the operators in\n  authorized_key:\n    user: pat\n    key: \"{{ lookup('file', 'keys/pat.pub') }}\"\n",
    ..Spec::new("ansible.posix", "authorized_key")
};

impl Module for AuthorizedKey {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, _carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        // Ansible's modules tell of every file that is their `path`; its `state` is what is told in the end
        match task.args.str("path").map(|text| path(text, task, facts)).transpose() {
            Ok(Some(path)) => path_info(&path, facts),
            Err(Ended::Stop(stop)) => Err(stop),
            Ok(None) | Err(Ended::Fail(_)) => Ok(Map::new()),
        }
    }

    fn looks_afresh(&self, task: &Task<'_>) -> bool {
        task.args.str("key").is_some_and(|key| key.starts_with("http"))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let user = args.str("user").unwrap_or_default();
    let named = args.str("path").map(|text| path(text, task, facts)).transpose()?;
    let account = account(user, named.as_deref(), facts)?;
    let Some(account) = account else {
        return Err(Halt::fail(format!("Failed to lookup user {user}: \"getpwnam(): name not found: '{user}'\"")));
    };
    let new = new_keys(task, facts)?;
    let path = named.clone().unwrap_or_else(|| own_file(&account.home));
    let real = if args.is("follow") { facts.get(RealPath::new(&path))?.unwrap_or_else(|| path.clone()) } else { path.clone() };
    let file = WholeFile::look(facts, &real)?;
    let lines = keys::read(&file.text());
    let present = args.str("state") != Some("absent");
    let will = if present { with_keys(lines.clone(), &new, args.is("exclusive")) } else { without_keys(&lines, &new) };
    let mut change: Change = Plan::change([]);
    if will != lines {
        directory(args.is("manage_dir"), above(&path), &account, facts, &mut change)?;
        let owned = Owned { uid: account.uid, gid: account.gid, mode: 0o600 };
        file.write(keys::write(&will).into_bytes(), owned, &mut change);
    }
    let mut decision = planned(change).with("keyfile", path.clone());
    for option in SPEC.options {
        decision = decision.with(option.name, args.get(option.name).cloned().unwrap_or(Value::Null));
    }
    Ok(match named {
        Some(named) => decision.with("path", named),
        None => decision,
    })
}

fn own_file(home: &str) -> String {
    join(home, ".ssh/authorized_keys")
}

/// The user. Until that is known, the file in the home that it most probably has is asked for as well.
fn account(user: &str, path: Option<&str>, facts: &Facts<'_>) -> Result<Option<Account>, Stop> {
    match facts.get(User::new(user)) {
        Err(Stop::Need(mut need)) => {
            let home = if user == "root" { "/root".to_owned() } else { format!("/home/{user}") };
            let guess = path.map_or_else(|| own_file(&home), str::to_owned);
            if user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                && let Err(Halt::Stop(Stop::Need(more))) = WholeFile::look(facts, &guess)
            {
                need.extend(more);
            }
            Err(Stop::Need(need))
        }
        outcome => outcome,
    }
}

/// The keys that the task names.
fn new_keys(task: &Task<'_>, facts: &Facts<'_>) -> Result<Vec<Key>, Halt> {
    let args = task.args;
    let given = args.str("key").unwrap_or_default();
    let text = if given.starts_with("http") || given.starts_with("file") {
        match fetched(given.trim(), task, facts)? {
            Fetched::Is(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Fetched::Failed(_) if given.starts_with("http") => return Err(Halt::fail(format!("Error getting key from: {given}"))),
            Fetched::Failed(_) => {
                let path = given.trim_start_matches("file:").trim_start_matches("//");
                return Err(Halt::fail(format!("Path to a key file not found: {path}")));
            }
            Fetched::NoAddress => given.to_owned(),
        }
    } else {
        given.to_owned()
    };
    let mut new = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some(mut key) = Key::parse(line) else { return Err(Halt::fail(format!("invalid key specified: {line}"))) };
        if let Some(options) = args.str("key_options") {
            key.options = keys::options(options);
        }
        if let Some(comment) = args.str("comment") {
            comment.clone_into(&mut key.comment);
        }
        new.push(key);
    }
    Ok(new)
}

/// What differs goes to the end, as what is new.
fn with_keys(mut lines: Vec<Line>, new: &[Key], exclusive: bool) -> Vec<Line> {
    for key in new {
        if !lines.iter().filter_map(Line::key).any(|known| known.is_same(key)) {
            lines.retain(|line| line.key().is_none_or(|known| known.key != key.key));
            lines.push(Line::Key(key.clone()));
        }
    }
    if exclusive {
        lines.retain(|line| line.key().is_some_and(|known| new.iter().any(|key| key.key == known.key)));
    }
    lines
}

fn without_keys(lines: &[Line], new: &[Key]) -> Vec<Line> {
    lines.iter().filter(|line| line.key().is_none_or(|known| !new.iter().any(|key| key.key == known.key))).cloned().collect()
}

/// Makes the directory of the file where it is missing; with `manage` it is the user's alone.
fn directory(manage: bool, path: &str, account: &Account, facts: &Facts<'_>, change: &mut Change) -> Result<(), Halt> {
    let there = look(facts, path)?;
    if let Some(stat) = there {
        if stat.kind != FileKind::Directory {
            return Err(Halt::fail(format!("{path} is not a directory")));
        }
        if manage {
            let is_link = facts.get(Stat::new(path))?.is_some_and(|stat| stat.kind == FileKind::Link);
            let real = if is_link { facts.get(RealPath::new(path))?.unwrap_or_else(|| path.to_owned()) } else { path.to_owned() };
            let mode = ModeChange::parse(&"0700".into()).ok();
            Wanted { uid: Some(account.uid), gid: Some(account.gid), mode, umask: 0 }.reach(&real, &stat, change);
        }
        return Ok(());
    }
    let owned = if manage {
        if look(facts, above(path))?.is_none_or(|stat| stat.kind != FileKind::Directory) {
            return Err(Halt::fail(format!("Failed to create directory {path} : [Errno 2] No such file or directory: '{path}'")));
        }
        Owned { uid: account.uid, gid: account.gid, mode: 0o700 }
    } else {
        let (login, umask) = maker(facts)?;
        Owned { uid: login.uid, gid: login.gid, mode: 0o777 & !umask.0 }
    };
    let (owner, group) = (owned.uid.to_string(), owned.gid.to_string());
    change.steps.push(MakeDirectory { path: path.into(), owner, group, mode: owned.mode, parents: !manage }.into());
    change.diff.push(Difference { what: path.into(), before: None, after: Some("directory".into()) });
    change.expect.push(promise(path, FileKind::Directory, owned));
    Ok(())
}
