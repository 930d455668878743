//! `group_vars/` and `host_vars/`: files and directories named for a group or a host.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::data::{Inventory, Variable};
use super::file::{self, Closed};
use super::known::is_secret;
use super::missing;
use super::suggestion;
use crate::diagnostics::{Diagnostic, Diagnostics, Source, how_many_compared, reason};
use crate::yaml::{Keys, Value, load, plain};

/// The endings that a file of variables may have; the first that is there is read, and no other.
const ENDINGS: [&str; 4] = ["", ".yml", ".yaml", ".json"];
/// Directories in directories deeper than this are nobody's variables.
const DEEPEST: usize = 16;
/// So many files of groups that are not there yet are read.
const LATER_ONES: usize = 200;

/// All variables that stand beside an inventory or a playbook.
#[derive(Debug)]
pub struct VarsDirectory {
    /// By the group's name.
    pub(super) groups: HashMap<Arc<str>, Vec<Variable>>,
    /// By the host's name.
    pub(super) hosts: HashMap<Arc<str>, Vec<Variable>>,
}

/// Reads such directories, each once.
pub(super) struct Loader<'a> {
    pub(super) keys: &'a Keys,
    pub(super) closed: &'a mut Closed,
    pub(super) problems: &'a mut Diagnostics,
    /// By the real path of what they stand beside.
    pub(super) known: HashMap<PathBuf, Arc<VarsDirectory>>,
}

/// A directory's names, read once.
struct Listing {
    path: PathBuf,
    /// As the person would call it.
    name: String,
    entries: BTreeSet<String>,
}

impl Loader<'_> {
    /// What stands in `group_vars` and `host_vars` in `base`, for the groups and hosts that are known.
    pub(super) fn beside(&mut self, base: &Path, inventory: &Inventory) -> Arc<VarsDirectory> {
        let real = base.canonicalize().unwrap_or_else(|_| base.to_owned());
        if let Some(known) = self.known.get(&real) {
            return Arc::clone(known);
        }
        let groups = inventory.groups().map(|group| &group.name).collect::<Vec<_>>();
        let hosts = inventory.hosts.iter().map(|host| &host.name).collect::<Vec<_>>();
        let read =
            VarsDirectory { groups: self.all(base, "group_vars", "group", &groups), hosts: self.all(base, "host_vars", "host", &hosts) };
        let read = Arc::new(read);
        self.known.insert(real, Arc::clone(&read));
        read
    }

    fn all(&mut self, base: &Path, kind: &str, what: &str, names: &[&Arc<str>]) -> HashMap<Arc<str>, Vec<Variable>> {
        let mut found = HashMap::new();
        let Some(listing) = self.list(&base.join(kind), shown(base, kind)) else { return found };
        for name in names.iter().filter(|name| !name.contains('/')) {
            let mut variables = Vec::new();
            for (path, name) in self.files(&listing, name) {
                variables.extend(self.read(&path, &name));
            }
            if !variables.is_empty() {
                found.insert(Arc::clone(name), variables);
            }
        }
        self.strays(&listing, what, names);
        self.of_later_ones(&listing, names, &mut found);
        found
    }

    /// Files of groups and hosts that are not there yet: `group_by` and `add_host` may bring them. What is wrong with those is
    /// nobody's concern before.
    fn of_later_ones(&self, listing: &Listing, names: &[&Arc<str>], found: &mut HashMap<Arc<str>, Vec<Variable>>) {
        let known: HashSet<&str> = names.iter().map(|name| &***name).collect();
        let stems: BTreeSet<&str> = listing
            .entries
            .iter()
            .map(|entry| ENDINGS.iter().rev().find_map(|ending| entry.strip_suffix(ending)).unwrap_or(entry))
            .collect();
        for stem in stems.into_iter().filter(|stem| !stem.starts_with('.') && !known.contains(stem)).take(LATER_ONES) {
            let (mut closed, mut problems) = (Closed::default(), Diagnostics::new());
            let mut quiet = Loader { keys: self.keys, closed: &mut closed, problems: &mut problems, known: HashMap::new() };
            let variables: Vec<Variable> = quiet.files(listing, stem).iter().flat_map(|(path, name)| quiet.read(path, name)).collect();
            if !variables.is_empty() && !problems.has_errors() {
                found.insert(stem.into(), variables);
            }
        }
    }

    /// A directory's entries; `None` if there is none.
    fn list(&mut self, path: &Path, name: String) -> Option<Listing> {
        let metadata = std::fs::metadata(path).ok()?;
        if !metadata.is_dir() {
            let warning = Diagnostic::warning(format!("`{name}` is no directory, so nothing in it is read"));
            self.problems.push(warning.hint("variables stand in files in it, each named for a group or a host"));
            return None;
        }
        match names(path) {
            Ok(entries) => Some(Listing { path: path.to_owned(), name, entries: entries.into_iter().collect() }),
            Err(error) => {
                self.problems.push(Diagnostic::error(format!("cannot read `{name}`: {}", reason(&error))));
                None
            }
        }
    }

    /// The files of one group or host, in the order in which they count.
    fn files(&mut self, listing: &Listing, name: &str) -> Vec<(PathBuf, String)> {
        let candidates = ENDINGS.iter().map(|ending| format!("{name}{ending}")).filter(|entry| listing.entries.contains(entry));
        let mut there: Vec<(PathBuf, String)> =
            candidates.map(|entry| (listing.path.join(&entry), format!("{}/{entry}", listing.name))).collect();
        // a link that leads nowhere is not there
        there.retain(|(path, shown)| {
            if !path.exists() {
                let warning = Diagnostic::warning(format!("`{shown}` is not read: it is a link that leads nowhere"));
                self.problems.push(warning.hint("restore what it leads to, or take the link away"));
            }
            path.exists()
        });
        if there.is_empty() {
            return there;
        }
        let (path, shown) = there.remove(0);
        for (_, other) in there {
            let warning = Diagnostic::warning(format!("`{other}` is not read, because `{shown}` is there"));
            self.problems.push(warning.hint("Ansible reads the first it finds; move one into the other"));
        }
        if !path.is_dir() {
            return vec![(path, shown)];
        }
        let mut found = Vec::new();
        self.walk(&path, &shown, 0, &mut found);
        found
    }

    /// The files in a directory, by their names; directories in it too.
    fn walk(&mut self, path: &Path, shown: &str, depth: usize, found: &mut Vec<(PathBuf, String)>) {
        if let Some(problem) = missing::loops(path, shown) {
            self.problems.push(problem);
            return;
        }
        let entries = match names(path) {
            Ok(entries) if depth < DEEPEST => entries,
            Ok(_) => {
                self.problems.push(Diagnostic::error(format!("`{shown}` lies more than {DEEPEST} directories deep")));
                return;
            }
            Err(error) => {
                self.problems.push(Diagnostic::error(format!("cannot read `{shown}`: {}", reason(&error))));
                return;
            }
        };
        for entry in entries.into_iter().filter(|name| !name.starts_with('.') && !name.ends_with('~')) {
            let (path, shown) = (path.join(&entry), format!("{shown}/{entry}"));
            let ending = entry.rfind('.').and_then(|at| entry.get(at..)).unwrap_or_default();
            if path.is_dir() {
                if ending.is_empty() {
                    self.walk(&path, &shown, depth + 1, found);
                }
            } else if path.exists() && ENDINGS.contains(&ending) {
                found.push((path, shown));
            }
        }
    }

    fn read(&mut self, path: &Path, name: &str) -> Vec<Variable> {
        let source = match file::text(path, name) {
            Ok(source) => source,
            Err(problem) => {
                self.problems.push(*problem);
                return Vec::new();
            }
        };
        let Some(source) = file::opened(source, self.keys, self.closed, self.problems) else { return Vec::new() };
        variables(&source, "variables", self.problems)
    }

    /// Files that belong to nothing, if they are nearly named for something: the others may belong to another inventory.
    fn strays(&mut self, listing: &Listing, what: &str, names: &[&Arc<str>]) {
        let known: HashSet<&str> = names.iter().map(|name| &***name).collect();
        let stem = |entry: &'_ String| ENDINGS.iter().rev().find_map(|ending| entry.strip_suffix(ending)).unwrap_or(entry).to_owned();
        let strays = listing.entries.iter().map(|entry| (entry, stem(entry)));
        let strays = strays.filter(|(_, stem)| !stem.starts_with('.') && !known.contains(stem.as_str()));
        // each is compared with all names
        for (entry, stem) in strays.take(how_many_compared(names.len())) {
            if let Some(meant) = suggestion(&stem, names.iter().map(|name| &***name)) {
                let warning = Diagnostic::warning(format!("`{}/{entry}` is not read: there is no {what} `{stem}`", listing.name));
                self.problems.push(warning.hint(meant));
            }
        }
    }
}

/// The variables of a document that is a mapping, or empty.
pub(super) fn variables(source: &Source, what: &str, problems: &mut Diagnostics) -> Vec<Variable> {
    let mut document = match load(source) {
        Ok((Some(document), warnings)) => {
            problems.extend(warnings);
            document
        }
        Ok((None, _)) => return Vec::new(),
        Err(errors) => {
            problems.extend(errors);
            return Vec::new();
        }
    };
    file::mark_secret(source, &mut document);
    match document.value {
        Value::Map(map) => {
            let variable = |(key, value): (crate::yaml::Node, _)| Variable { name: plain(&key.value).into(), place: key.place, value };
            map.into_iter().map(variable).collect()
        }
        // what Python takes for false
        Value::Null | Value::Bool(false) | Value::Int(0) => Vec::new(),
        Value::List(list) if list.is_empty() => Vec::new(),
        other => {
            let place = source.line(document.place.line_column().0);
            let (mut message, mut hint) =
                (format!("{what} are a mapping, and this is {}", other.kind()), "write `name: value`, one a line".to_owned());
            let text = source.text.trim_start();
            if let Some((name, value)) = pair(text.lines().next().unwrap_or_default()).filter(|_| matches!(other, Value::Str(_))) {
                let value = if is_secret(name) { "VALUE" } else { value };
                hint = format!("variables in files are YAML: write `{name}: {value}`");
            } else if text.starts_with("$ANSIBLE_VAULT") {
                message = "this is encrypted, and its lines are indented".to_owned();
                hint = format!("take the spaces before its lines away: `sed -i 's/^ *//' {}`", source.name);
            }
            problems.push(Diagnostic::error(message).at(place).hint(hint));
            Vec::new()
        }
    }
}

/// `name=value`, as INI has it.
fn pair(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    (!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')).then_some((name, value))
}

/// The names in a directory, sorted as Python sorts them; those that are no text are left out.
pub(super) fn names(path: &Path) -> std::io::Result<Vec<String>> {
    let entries: std::io::Result<Vec<OsString>> = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.file_name())).collect();
    let mut names: Vec<String> = entries?.into_iter().filter_map(|name| name.into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// A path as a person would write it: without `./`.
pub(super) fn shown(base: &Path, name: &str) -> String {
    let path = base.join(name);
    path.strip_prefix(".").unwrap_or(&path).display().to_string()
}
