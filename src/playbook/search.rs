//! Where the files are looked for that a task includes (path_dwim_relative of parsing/dataloader.py, and those who call it).

use std::path::{Path, PathBuf};

use super::context::Context;
use super::loader::Loader;

/// What was found, and where was looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The file.
    pub found: Option<PathBuf>,
    /// All places, in the order in which they count.
    pub looked: Vec<PathBuf>,
}

impl Search {
    /// The first of these that is there.
    pub(super) fn among(candidates: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut looked: Vec<PathBuf> = Vec::new();
        for candidate in candidates {
            if !looked.contains(&candidate) {
                looked.push(candidate);
            }
        }
        Self { found: looked.iter().find(|path| path.exists()).cloned(), looked }
    }
}

impl Loader<'_> {
    /// A file of tasks or handlers. `at_run_time`: for `include_tasks`, which looks into the role's own directory first.
    pub(super) fn find_tasks(&self, name: &str, context: &Context, at_run_time: bool) -> Search {
        if name.starts_with(['/', '~']) {
            return Search::among([self.absolute(Path::new(""), name)]);
        }
        let kind = if context.handlers { "handlers" } else { "tasks" };
        let mut bases: Vec<PathBuf> = Vec::new();
        let role = context.role.as_ref().map(|role| role.path.as_path());
        let own = role.map(|role| role.join(kind));
        bases.extend(own.clone().filter(|_| at_run_time));
        for dir in &context.dirs {
            bases.extend(role.map(|_| dir.join(kind)));
            bases.push(dir.clone());
        }
        bases.extend(own);
        if let Some(role) = role {
            bases.extend([role.join("tasks"), role.to_owned(), context.playbook_dir.join(kind)]);
        }
        bases.push(context.playbook_dir.clone());
        Search::among(bases.iter().map(|base| self.absolute(base, name)))
    }

    /// Where was looked, for a hint.
    pub(super) fn looked(&self, search: &Search) -> String {
        let places: Vec<String> = search.looked.iter().map(|path| format!("`{}`", self.shown(path))).collect();
        format!("looked for {}", places.join(", "))
    }
}
