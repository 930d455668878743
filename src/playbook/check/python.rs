//! What stands beside a playbook and is written in Python: modules of its own, filters, lookups. None of it can run here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::{Play, Playbook, Role};
use super::Known;
use super::files::shown;
use crate::diagnostics::{Diagnostic, Diagnostics};

/// Directories of plugins, and what is lost with them.
const DIRECTORIES: [(&str, &str); 10] = [
    ("library", "modules"),
    ("action_plugins", "modules"),
    ("filter_plugins", "filters"),
    ("test_plugins", "tests"),
    ("lookup_plugins", "lookups"),
    ("callback_plugins", "callbacks"),
    ("connection_plugins", "connections"),
    ("vars_plugins", "sources of variables"),
    ("strategy_plugins", "strategies"),
    ("module_utils", "parts of modules"),
];

/// Where modules of one's own may stand.
pub(super) struct Python {
    collections: Vec<PathBuf>,
    dir: PathBuf,
}

/// Looks for it beside plays and in roles. What is found is a warning for each directory.
pub(super) fn find(playbook: &Playbook, known: &Known, problems: &mut Diagnostics) -> Python {
    let mut beside = BTreeSet::new();
    for play in &playbook.plays {
        beside.insert(play.dir.clone());
        play.roles.iter().for_each(|role| of_role(role, &mut beside));
    }
    playbook.included.iter().flat_map(|included| &included.roles).for_each(|role| of_role(role, &mut beside));
    for (directory, (name, what)) in beside.iter().flat_map(|directory| DIRECTORIES.iter().map(move |found| (directory, found))) {
        let directory = directory.join(name);
        let found = programs(&directory);
        let Some(first) = found.first() else { continue };
        let files = match found.len() {
            1 => format!("`{first}`"),
            count => format!("`{first}` and {} more", count - 1),
        };
        let warning = Diagnostic::warning(format!("{what} in Python cannot run here: {files} in {}", shown(&directory, known.request.dir)));
        problems.push(warning.hint("a playbook that uses them is refused where it names them"));
    }
    Python { collections: known.request.collections.to_vec(), dir: known.request.dir.to_owned() }
}

fn of_role(role: &Role, beside: &mut BTreeSet<PathBuf>) {
    if beside.insert(role.path.clone()) {
        role.dependencies.iter().for_each(|role| of_role(role, beside));
    }
}

/// The names of the files in it that are plugins.
fn programs(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| !name.starts_with(['.', '_']) && !name.ends_with(".md") && !name.ends_with(".txt")).collect();
    names.sort();
    names
}

impl Python {
    /// The file in which a module of that name is written.
    pub(super) fn module(&self, play: &Play, role: Option<&Role>, name: &str) -> Option<String> {
        self.find(play, role, name).map(|path| shown(&path, &self.dir))
    }

    fn find(&self, play: &Play, role: Option<&Role>, name: &str) -> Option<PathBuf> {
        if let [namespace, collection, short] = name.split('.').collect::<Vec<_>>()[..] {
            let inside = |root: &PathBuf| {
                let root = if root.ends_with("ansible_collections") { root.clone() } else { root.join("ansible_collections") };
                file(&root.join(namespace).join(collection).join("plugins/modules"), short)
            };
            return self.collections.iter().chain(std::iter::once(&play.dir.join("collections"))).find_map(inside);
        }
        beside(play, role)
            .flat_map(|directory| [directory.join("library"), directory.join("action_plugins")])
            .find_map(|directory| file(&directory, name))
    }

    /// Whether a lookup of that name is written there.
    pub(super) fn has_lookup(&self, play: &Play, role: Option<&Role>, name: &str) -> bool {
        beside(play, role).any(|directory| file(&directory.join("lookup_plugins"), name).is_some())
    }
}

/// Where a play's plugins may stand.
fn beside<'a>(play: &'a Play, role: Option<&'a Role>) -> impl Iterator<Item = &'a PathBuf> {
    play.roles.iter().map(|role| &**role).chain(role).map(|role| &role.path).chain(std::iter::once(&play.dir))
}

fn file(directory: &Path, name: &str) -> Option<PathBuf> {
    ["", ".py", ".sh", ".ps1"].iter().map(|ending| directory.join(format!("{name}{ending}"))).find(|path| path.is_file())
}
