//! `ansible.builtin.known_hosts`

mod lines;
#[cfg(test)]
pub(super) mod tests;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::attributes::{Owned, Wanted, path_info};
use super::halt::{Halt, settled};
use super::outcome::{Ended, planned};
use super::paths::path;
use super::whole_file::WholeFile;
use super::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::apply::Carried;
use crate::node::{Change, Plan};
use crate::plan::{Facts, Stop};
use lines::{Entry, hashed};

/// Keys by which a user knows hosts.
#[derive(Debug)]
pub struct KnownHosts;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("name", Kind::Str)
            .aliases(&["host"])
            .required()
            .about("The host, as SSH looks it up: a name, an address, or `[name]:port`"),
        Opt::new("key", Kind::Str)
            .about("The whole line, which begins with the host; `state: absent` without one removes all lines of the host"),
        Opt::new("path", Kind::Path).default("~/.ssh/known_hosts").about("The file"),
        Opt::new("hash_host", Kind::Bool).default("false").about("Whether the name is hidden behind a hash"),
        Opt::new("state", Kind::Str).default("present").choices(&["absent", "present"]).about("Whether the key is to be there"),
    ],
    about: "Adds or removes the key of a host in `known_hosts`",
    notes: &[
        "The machine needs no `ssh-keygen`. The salt of a hash is made of the key and the file, so that a dry run tells the same line.",
        "Where a host has only lines with `@cert-authority` or `@revoked`, to remove it changes nothing; Ansible says each time that it \
         changed something.",
        "A last line without an end gets one before a key is added; Ansible writes the key into that line.",
    ],
    example: "- name: Know the repository's server\n  known_hosts:\n    name: git.example.org\n    key: \"git.example.org {{ lookup('file', 'keys/git.pub') }}\"\n    path: /etc/ssh/ssh_known_hosts\n",
    ..Spec::new("ansible.builtin", "known_hosts")
};

impl Module for KnownHosts {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, _carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        // Ansible's modules tell of every file that is their `path`; its `state` is what is told in the end
        match path(task.args.str("path").unwrap_or_default(), task, facts) {
            Ok(path) => path_info(&path, facts),
            Err(Ended::Stop(stop)) => Err(stop),
            Err(Ended::Fail(_)) => Ok(Map::new()),
        }
    }
}

/// What is there of a host.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// This line is the one.
    Same(usize),
    /// This line has another key of the same kind.
    Differs(usize),
    /// Only keys of other kinds, or no key is named.
    Others,
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let host = args.str("name").unwrap_or_default().to_lowercase();
    let present = args.str("state") != Some("absent");
    let given = args.str("key").filter(|key| !key.is_empty());
    let path = path(args.str("path").unwrap_or_default(), task, facts)?;
    if given.is_none() && present {
        return Err(Halt::fail("No key specified when adding a host"));
    }
    let file = WholeFile::look(facts, &path)?;
    let before = file.text();
    let key = given.map(|key| if args.is("hash_host") { hash(&host, key, &before) } else { key.to_owned() });
    let key = key.map(|key| if key.ends_with('\n') { key } else { format!("{key}\n") });
    if let Some(key) = &key {
        check(&host, key)?;
    }
    let lines: Vec<&str> = before.split_inclusive('\n').collect();
    let found = find(&host, key.as_deref(), &lines);
    let mut change: Change = Plan::change([]);
    let after = match (&found, present) {
        (Found::Nothing | Found::Others, true) => Some(with(&lines, None, key.as_deref())),
        (Found::Differs(at), true) => Some(with(&lines, Some(*at), key.as_deref())),
        (Found::Same(_), true) | (Found::Nothing, false) => None,
        (Found::Same(at) | Found::Differs(at), false) => Some(with(&lines, Some(*at), None)),
        (Found::Others, false) if key.is_some() => None,
        (Found::Others, false) => without(&host, &lines, &file, &mut change),
    };
    // as Ansible: always, but not of the lines that `ssh-keygen -R` would take
    let shown = after.as_deref().filter(|_| present || found != Found::Others).unwrap_or(&before);
    let header = if file.stat.is_some() { path.as_str() } else { "/dev/null" };
    let diff = serde_json::json!({ "before_header": header, "after_header": path, "before": before, "after": shown });
    if let Some(after) = after {
        file.put(facts, after.into_bytes(), &Wanted::default(), &mut change)?;
    }
    let mut decision = planned(change);
    for option in SPEC.options {
        decision = decision.with(option.name, args.get(option.name).cloned().unwrap_or(Value::Null));
    }
    Ok(decision.with("path", path).with("diff", diff))
}

/// Whether the line is the host's.
fn check(host: &str, key: &str) -> Result<(), Halt> {
    let comma = host.find(',').filter(|at| host.get(..*at).is_some_and(|before| before.chars().any(|c| !c.is_whitespace())));
    if comma.is_some() {
        let why = "Comma separated list of names is not supported. Please pass a single name to lookup in the known_hosts file.";
        return Err(Halt::fail(why));
    }
    if key.lines().filter_map(Entry::parse).any(|entry| entry.is_of(host)) {
        return Ok(());
    }
    Err(Halt::fail("Host parameter does not match hashed host field in supplied key"))
}

/// The line with its host hidden. The salt is kept beside the hash in any case; what it is made of tells nobody more.
fn hash(host: &str, key: &str, file: &str) -> String {
    let salt = Sha256::digest(format!("{host}\0{key}\0{file}"));
    let salt = salt.get(..20).unwrap_or_default();
    let mut words: Vec<String> = key.split_whitespace().map(str::to_owned).collect();
    let at = usize::from(words.first().is_some_and(|word| word.starts_with('@')));
    if let Some(name) = words.get_mut(at) {
        *name = hashed(host, salt);
    }
    words.join(" ")
}

fn find(host: &str, key: Option<&str>, lines: &[&str]) -> Found {
    let of_host = lines.iter().enumerate().filter_map(|(at, line)| Some((at, Entry::parse(line)?))).filter(|(_, entry)| entry.is_of(host));
    let mut of_host = of_host.peekable();
    if of_host.peek().is_none() {
        return Found::Nothing;
    }
    let Some(mut new) = key.and_then(|key| key.lines().find_map(Entry::parse)) else { return Found::Others };
    for (at, entry) in of_host {
        if entry.marker == new.marker && new.is_hashed() && entry.is_hashed() {
            // the hash that is there is as good
            new.hosts.clone_from(&entry.hosts);
        }
        if entry == new {
            return Found::Same(at);
        }
        if entry.marker.is_none() && entry.kind == new.kind {
            return Found::Differs(at);
        }
    }
    Found::Others
}

/// Without that line, and with the key behind the others.
fn with(lines: &[&str], without: Option<usize>, key: Option<&str>) -> String {
    let mut text: String = lines.iter().enumerate().filter(|(at, _)| Some(*at) != without).map(|(_, line)| *line).collect();
    if let Some(key) = key {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(key);
    }
    text
}

/// Without all lines of a host but authorities and what is revoked. The old file is kept beside it, as `ssh-keygen -R` does.
fn without(host: &str, lines: &[&str], file: &WholeFile, change: &mut Change) -> Option<String> {
    let goes = |line: &&&str| Entry::parse(line).is_some_and(|entry| entry.marker.is_none() && entry.is_of(host));
    if !lines.iter().any(|line| goes(&line)) {
        return None;
    }
    if let (Some(stat), Some(content)) = (&file.stat, &file.content) {
        let old = WholeFile { path: format!("{}.old", file.path), content: None, stat: None };
        old.write(content.clone(), Owned::from(stat), change);
    }
    Some(lines.iter().filter(|line| !goes(line)).copied().collect())
}
