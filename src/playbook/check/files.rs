//! Files of this machine that tasks name: whether they are there, and what is wrong with templates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::{Play, Task};
use super::walk::Seen;
use super::{Known, where_it_is_reached};
use crate::diagnostics::{Diagnostic, Diagnostics, Level, Source, similar};
use crate::modules::{FREE_FORM, boolean};
use crate::yaml::Node;

/// A template file, and the task that uses it first.
pub(super) struct Template {
    /// The task, by its number.
    pub(super) task: usize,
    /// Its text.
    pub(super) text: Node,
}

/// What a task reads here.
struct Wanted<'a> {
    name: &'a Node,
    /// The directory of roles and playbooks in which such files stand.
    folder: &'static str,
}

/// Says which files are not there. The templates that are.
pub(super) fn check(tasks: &[Seen], known: &Known, problems: &mut Diagnostics) -> Vec<Template> {
    let mut templates: BTreeMap<PathBuf, Template> = BTreeMap::new();
    let mut written_here = false;
    for (number, seen) in tasks.iter().enumerate() {
        if let Some(wanted) = wanted(seen)
            && let Some(name) = wanted.name.as_str().filter(|name| is_literal(wanted.name, name))
        {
            let name = name.trim();
            match find(seen.play, seen.task, wanted.folder, name) {
                Ok(path) => {
                    if seen.module() == "template" && !templates.contains_key(&path) {
                        read(&path, number, seen, known, problems).into_iter().for_each(|text| {
                            templates.insert(path.clone(), text);
                        });
                    }
                }
                Err(searched) => problems.push(missing(&wanted, name, &searched, seen, written_here, known.request.dir)),
            }
        }
        written_here |= writes_here(seen);
    }
    templates.into_values().collect()
}

/// Whether a name says which file is meant.
pub(super) fn is_literal(node: &Node, name: &str) -> bool {
    !node.is_template() && !node.literal && !name.is_empty() && !name.starts_with('~') && !name.contains("://") && !name.contains('$')
}

fn wanted<'a>(seen: &Seen<'a>) -> Option<Wanted<'a>> {
    let option = |names: &[&str]| {
        seen.task.action.options.iter().find(|(key, _)| key.as_str().is_some_and(|key| names.contains(&key))).map(|(_, value)| value)
    };
    let remote = |default: bool| option(&["remote_src", "copy"]).map_or(default, |value| boolean(value) != Some(false));
    let (name, folder) = match seen.module() {
        "copy" if !remote(false) && option(&["content"]).is_none() => (option(&["src"])?, "files"),
        "unarchive" if option(&["copy"]).is_none() && !remote(false) => (option(&["src"])?, "files"),
        "template" => (option(&["src"])?, "templates"),
        "script" => (option(&["cmd", FREE_FORM])?, "files"),
        "include_vars" => (option(&["file", "dir", FREE_FORM])?, "vars"),
        _ => return None,
    };
    // a script has arguments behind its name
    (seen.module() != "script" || name.as_str().is_some_and(|name| !name.trim().contains([' ', '\'', '"', '\n'])))
        .then_some(Wanted { name, folder })
}

/// Where a file stands that a task names, as Ansible looks for it; else the directories that were searched.
pub(super) fn find(play: &Play, task: &Task, folder: &str, name: &str) -> Result<PathBuf, Vec<PathBuf>> {
    let path = Path::new(name);
    let mut searched: Vec<PathBuf> = Vec::new();
    let mut add = |directory: PathBuf| {
        if !searched.contains(&directory) {
            searched.push(directory);
        }
    };
    if path.is_absolute() {
        add(PathBuf::from("/"));
    } else {
        let role = task.role.as_ref().map(|role| role.path.clone());
        let own = role.iter().map(|role| role.join("tasks"));
        for base in role.iter().cloned().chain(own).chain(task.dirs.iter().cloned()).chain([play.dir.clone()]) {
            add(base.join(folder));
            add(base);
        }
    }
    let found = searched.iter().map(|directory| directory.join(path)).find(|path| path.exists());
    found.ok_or(searched)
}

/// Whether a task may leave a file on this machine.
fn writes_here(seen: &Seen) -> bool {
    let is_here = |node: &Node| node.as_str().is_some_and(|name| matches!(name, "localhost" | "127.0.0.1" | "local") || node.is_template());
    let here = seen.task.delegate_to.as_ref().is_some_and(is_here)
        || seen.task.keyword("connection").is_some_and(is_here)
        || is_here(&seen.play.hosts)
        || seen.play.hosts.as_list().is_some_and(|hosts| hosts.iter().any(is_here));
    let reads = [
        "debug",
        "set_fact",
        "assert",
        "fail",
        "meta",
        "stat",
        "pause",
        "wait_for",
        "setup",
        "gather_facts",
        "group_by",
        "add_host",
        "slurp",
    ];
    seen.module() == "fetch" || (here && !reads.contains(&seen.module()))
}

fn missing(wanted: &Wanted, name: &str, searched: &[PathBuf], seen: &Seen, written_here: bool, dir: &Path) -> Diagnostic {
    let problem = where_it_is_reached(seen.guarded || written_here, format!("there is no file `{name}`")).at(wanted.name.place.clone());
    let listed = searched.iter().map(|directory| format!("`{}`", shown(&directory.join(name), dir))).collect::<Vec<_>>().join(", ");
    let looked = if Path::new(name).is_absolute() { String::new() } else { format!("looked for {listed}") };
    let elsewhere = ["files", "templates", "vars", "tasks"]
        .iter()
        .filter(|folder| **folder != wanted.folder)
        .find_map(|folder| find(seen.play, seen.task, folder, name).ok());
    let problem = match (elsewhere, near(name, searched)) {
        (Some(path), _) => problem.label(format!("it is there as {}", shown(&path, dir))),
        (None, Some(near)) => problem.label(format!("did you mean `{near}`?")),
        (None, None) => problem,
    };
    let reached = match problem.level {
        Level::Error => None,
        Level::Warning if written_here => Some("an earlier task may write it; else a host that comes to it fails there"),
        Level::Warning => Some("a host that comes to it fails there"),
    };
    let hint =
        [Some(looked).filter(|looked| !looked.is_empty()), reached.map(str::to_owned)].into_iter().flatten().collect::<Vec<_>>().join("; ");
    if hint.is_empty() { problem } else { problem.hint(hint) }
}

/// A file with nearly that name where it was looked for.
fn near(name: &str, searched: &[PathBuf]) -> Option<String> {
    let path = Path::new(name);
    let (parent, file) = (path.parent().unwrap_or(Path::new("")), path.file_name()?.to_str()?);
    let entries = searched.iter().filter_map(|directory| std::fs::read_dir(directory.join(parent)).ok()).flatten().flatten();
    let names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).take(10_000).collect();
    // `x` for `x.j2` is the mistake that is made most
    let ending = names.iter().find(|other| other.strip_prefix(file).is_some_and(|rest| rest.starts_with('.')));
    let near = ending.map(String::as_str).or_else(|| similar(file, names.iter().map(String::as_str)))?;
    Some(parent.join(near).display().to_string())
}

/// As a person in `dir` would call it.
pub(super) fn shown(path: &Path, dir: &Path) -> String {
    let path = path.strip_prefix(dir).unwrap_or(path);
    if path.as_os_str().is_empty() { ".".to_owned() } else { path.display().to_string() }
}

/// A template, its grammar checked; `None` if its grammar is not the usual one.
fn read(path: &Path, task: usize, seen: &Seen, known: &Known, problems: &mut Diagnostics) -> Option<Template> {
    let own_grammar = |key: &str| key.ends_with("_start_string") || key.ends_with("_end_string");
    if seen.task.action.options.iter().any(|(key, _)| key.as_str().is_some_and(own_grammar)) {
        return None;
    }
    let (name, place) = (shown(path, known.request.dir), &seen.task.action.place);
    let problem = |what: String| where_it_is_reached(seen.guarded, what).at(place.clone());
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            problems.push(problem(format!("cannot read `{name}`: {}", crate::diagnostics::reason(&error))));
            return None;
        }
    };
    let Ok(text) = String::from_utf8(bytes) else {
        problems.push(problem(format!("the template `{name}` is no UTF-8 text")));
        return None;
    };
    let source = Source::new(name, text.as_str());
    let text = Node::new(text, source.whole());
    known.request.engine.check(&text, problems);
    Some(Template { task, text })
}
