//! All sources, in their order, into one inventory.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::data::Inventory;
use super::file::{self, Closed};
use super::vars_files::{self, Loader};
use super::{encrypted, extra, ini, known, list, missing, mistaken, script, tree};
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source, reason};
use crate::yaml::{Keys, Node, Value, load};

/// What of a directory is no inventory, by the end of its name.
const IGNORED: [&str; 12] = [".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry"];
/// Directories in directories deeper than this are nobody's inventory.
const DEEPEST: usize = 16;

/// One thing to read hosts from.
#[derive(Debug, Clone)]
pub enum Given {
    /// What stands behind `-i`: a list if there is a comma in it and no such file, else a file or a directory.
    Argument(String),
    /// The same for a path that a setting names, and where it stands.
    Setting(String, Place),
    /// The text of a file.
    Text(Source),
}

/// Everything that an inventory is read from.
#[derive(Debug)]
pub struct Request<'a> {
    /// The sources; what a later one says counts.
    pub given: &'a [Given],
    /// Where the playbook stands: `group_vars` and `host_vars` there come after those beside the sources.
    pub playbook_dir: Option<&'a Path>,
    /// Each `--extra-vars`.
    pub extra: &'a [String],
    /// For what is encrypted.
    pub keys: &'a Keys,
    /// How long an inventory program may take.
    pub script_limit: Duration,
    /// Whether mappings are merged, not replaced (`hash_behaviour = merge`).
    pub merges: bool,
    /// Whether a password for `keys` was wanted and could not be had, which has been told.
    pub passwords_failed: bool,
    /// For `~` in the names of files.
    pub home: &'a Path,
}

/// Reads them all. With every mistake and every warning comes what could be read: passwords that stand in it must be known
/// to be kept out of what is shown; nothing else may be done with it if there is an error.
pub fn read(request: &Request<'_>) -> (Inventory, Diagnostics) {
    let mut reader =
        Reader { request, inventory: Inventory::default(), problems: Diagnostics::new(), closed: Closed::default(), typed: true };
    reader.inventory.merges = request.merges;
    let mut bases: Vec<PathBuf> = Vec::new();
    for given in request.given {
        match given {
            Given::Text(source) => reader.text(source.clone(), None),
            Given::Argument(text) if text.is_empty() => {}
            Given::Argument(text) if text.contains(',') && !Path::new(text).exists() => {
                list::read(&Source::new("-i", text.as_str()), &mut reader.inventory, &mut reader.problems);
            }
            Given::Argument(text) | Given::Setting(text, _) => {
                let path = Path::new(text);
                let known = reader.problems.0.len();
                reader.typed = matches!(given, Given::Argument(_));
                reader.path(path, text.trim_end_matches('/'), 0);
                if let (Given::Setting(_, place), Some(problem)) = (given, reader.problems.0.get_mut(known).filter(|_| !path.exists())) {
                    problem.place = Some(place.clone());
                }
                let base = if path.is_dir() { path.to_owned() } else { path.parent().unwrap_or(Path::new("")).to_owned() };
                bases.push(if base.as_os_str().is_empty() { PathBuf::from(".") } else { base });
            }
        }
    }
    let Reader { mut inventory, mut problems, mut closed, .. } = reader;
    inventory.reconcile(&mut problems);
    let mut loader = Loader { keys: request.keys, closed: &mut closed, problems: &mut problems, known: HashMap::new() };
    let beside: Vec<_> = bases.iter().map(|base| loader.beside(base, &inventory)).collect();
    let beside_playbook = request.playbook_dir.map(|dir| loader.beside(dir, &inventory));
    inventory.beside_sources = beside;
    inventory.playbook_dir = request.playbook_dir.map(Path::to_owned);
    inventory.beside_playbook = beside_playbook;
    inventory.extra = extra::read(request.extra, request.home, request.keys, &mut closed, &mut problems);
    closed.tell(request.passwords_failed, &mut problems);
    known::check(&inventory, &mut problems);
    encrypted::check(&inventory, request.keys, &mut problems);
    if request.passwords_failed || problems.has_errors() {
        inventory.mark_incomplete();
    }
    (inventory, problems)
}

struct Reader<'a> {
    request: &'a Request<'a>,
    inventory: Inventory,
    problems: Diagnostics,
    closed: Closed,
    /// Whether the person typed what is read, so that a host may be meant.
    typed: bool,
}

impl Reader<'_> {
    /// A file, or all in a directory.
    fn path(&mut self, path: &Path, name: &str, depth: usize) {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.problems.push(missing::told(path, name, &error, self.typed && depth == 0));
                return;
            }
        };
        if metadata.is_dir() {
            self.directory(path, name, depth);
        } else if metadata.permissions().mode() & 0o111 != 0 && metadata.is_file() && is_program(path) {
            script::read(path, name, self.request.script_limit, &mut self.inventory, &mut self.problems);
        } else {
            self.file(path, name);
        }
    }

    fn directory(&mut self, path: &Path, name: &str, depth: usize) {
        if let Some(problem) = missing::loops(path, name) {
            self.problems.push(problem);
            return;
        }
        let names = match vars_files::names(path) {
            Ok(names) if depth < DEEPEST => names,
            Ok(_) => {
                self.problems.push(Diagnostic::error(format!("`{name}` lies more than {DEEPEST} directories deep")));
                return;
            }
            Err(error) => {
                self.problems.push(Diagnostic::error(format!("cannot read the inventory `{name}`: {}", reason(&error))));
                return;
            }
        };
        for entry in names.iter().filter(|name| !is_ignored(name)) {
            self.path(&path.join(entry), &vars_files::shown(Path::new(name), entry), depth + 1);
        }
    }

    fn file(&mut self, path: &Path, name: &str) {
        let source = match file::text(path, name) {
            Ok(source) => source,
            Err(problem) => {
                self.problems.push(*problem);
                return;
            }
        };
        let Some(source) = file::opened(source, self.request.keys, &mut self.closed, &mut self.problems) else { return };
        let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned());
        self.text(source, ending.as_deref());
    }

    /// A file's text, in whichever form it is; `ending` is that of its name.
    fn text(&mut self, source: Source, ending: Option<&str>) {
        let yaml = match ending {
            Some("yml" | "yaml" | "json") => true,
            None => false,
            Some("toml") => {
                let error = Diagnostic::error("an inventory in TOML needs the inventory plugin `toml`, and plugins are not run here");
                let hint = "write it as YAML: `ansible-inventory -i THIS --list --yaml > inventory/NAME.yml`";
                self.problems.push(error.at(source.line(1)).hint(hint));
                return;
            }
            Some(_) => return self.ini(&source),
        };
        let document = load(&source);
        let is_tree = match &document {
            Ok((Some(document), _)) => yaml && document.as_map().is_some() || looks_like_groups(document),
            Ok((None, _)) | Err(_) => false,
        };
        // what is no YAML may be INI, whatever its name says: Ansible tries one after the other
        if !is_tree && (begins_with_section(&source) || !yaml && !looks_like_yaml(&source) || reads_as_ini(&source)) {
            return self.ini(&source);
        }
        match document {
            Err(errors) => self.problems.extend(errors),
            Ok((document, warnings)) => {
                self.problems.extend(warnings);
                let Some(mut document) = document.filter(|document| !document.is_null()) else { return };
                file::mark_secret(&source, &mut document);
                match tree::not_an_inventory(&document) {
                    Some(problem) => self.problems.push(problem),
                    None => tree::read(&source, &document, &mut self.inventory, &mut self.problems),
                }
            }
        }
    }
    /// A text as INI. If it is something else altogether, that is said instead of what INI makes of each line.
    fn ini(&mut self, source: &Source) {
        let known = self.problems.0.len();
        ini::read(source, &mut self.inventory, &mut self.problems);
        let wrong = self.problems.0.iter().skip(known).any(|problem| problem.level == crate::diagnostics::Level::Error);
        if let Some(problem) = wrong.then(|| mistaken::told(source)).flatten() {
            self.problems.0.truncate(known);
            self.problems.push(problem);
        }
    }
}

/// Whether the first line that says something is a section of INI, which no YAML begins with.
fn begins_with_section(source: &Source) -> bool {
    let first = source.text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    first.is_some_and(|line| ini::header(line).is_some_and(|(_, kind)| kind.is_none_or(|kind| matches!(kind, "vars" | "children"))))
        && source.text.lines().any(|line| line.contains('=') || line.split_whitespace().count() == 1)
}

/// Whether a document without an ending can be nothing but groups.
fn looks_like_groups(document: &Node) -> bool {
    document.get("plugin").is_some()
        || document.as_map().is_some_and(|map| map.iter().all(|(_, group)| matches!(group.value, Value::Map(_) | Value::Null)))
}

/// Whether a text is INI without a mistake.
fn reads_as_ini(source: &Source) -> bool {
    let mut problems = Diagnostics::new();
    ini::read(source, &mut Inventory::default(), &mut problems);
    !problems.has_errors()
}

/// Whether the first line that says something is one of YAML.
pub(super) fn looks_like_yaml(source: &Source) -> bool {
    let first = source.text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.starts_with("---") || line.starts_with('{') || line.ends_with(':') || line.contains(": "))
}

/// Whether the kernel would run it: Ansible runs what it may run, and goes on with what the kernel refuses.
fn is_program(path: &Path) -> bool {
    use std::io::Read as _;
    let mut start = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read(&mut start)).unwrap_or(0);
    let start = start.get(..read).unwrap_or_default();
    start.starts_with(b"#!") || start == b"\x7fELF"
}

fn is_ignored(name: &str) -> bool {
    name.starts_with('.') || matches!(name, "host_vars" | "group_vars" | "vars_plugins") || IGNORED.iter().any(|end| name.ends_with(end))
}
