//! The files of a role, and where the role is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::context::Context;
use super::file::Document;
use super::keywords::{boolean, described};
use super::loader::Loader;
use super::role::Use;
use super::search::Search;
use crate::diagnostics::{Diagnostic, suggestion};
use crate::yaml::{Map, Node, Value};

/// A role that is there.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) collection: Option<String>,
}

/// What `meta/main.yml` says.
#[derive(Default)]
pub(super) struct Meta {
    pub(super) dependencies: Vec<Node>,
    pub(super) allow_duplicates: bool,
    pub(super) argument_specs: Option<Node>,
}

/// Directories in directories deeper than this are nobody's variables.
const DEEPEST: usize = 16;

impl Loader<'_> {
    /// Where a role is (role/definition.py).
    pub(super) fn find_role(&mut self, node: &Node, name: &str, used: &Use<'_>, context: &Context) -> Option<Found> {
        let listed = context.keyword("collections").map(|list| super::common::list(Some(list))).unwrap_or_default();
        let parts: Vec<&str> = name.split('.').collect();
        let mut candidates: Vec<(String, PathBuf)> = Vec::new();
        let roots = self.collections(context);
        let is_full = parts.len() >= 3 && parts.iter().all(|part| !part.is_empty() && !part.contains('/'));
        let own = used.collection.iter().map(String::as_str);
        let collections: Vec<(String, String)> = match parts.as_slice() {
            [space, collection, rest @ ..] if is_full => vec![(format!("{space}.{collection}"), rest.join("/"))],
            _ => own.chain(listed.iter().filter_map(Node::as_str)).map(|collection| (collection.to_owned(), name.to_owned())).collect(),
        };
        for (collection, short) in &collections {
            for root in &roots {
                candidates.push((collection.clone(), root.join(collection.replace('.', "/")).join("roles").join(short)));
            }
        }
        if let Some((collection, path)) = candidates.iter().find(|(_, path)| path.is_dir()) {
            let short = parts.last().copied().unwrap_or_default();
            let name = format!("{collection}.{}", if is_full { parts.get(2..).unwrap_or_default().join(".") } else { short.to_owned() });
            return Some(Found { name, path: path.clone(), collection: Some(collection.clone()) });
        }
        let mut bases = vec![context.playbook_dir.join("roles")];
        bases.extend(self.request.roles.iter().cloned());
        bases.extend(used.beside.clone());
        bases.push(context.playbook_dir.clone());
        let mut search: Search = Search::among(bases.iter().map(|base| self.absolute(base, name)));
        search.found = search.looked.iter().find(|path| path.is_dir()).cloned();
        if let Some(path) = search.found {
            return Some(Found { name: name.to_owned(), path, collection: None });
        }
        let path = self.absolute(Path::new(""), name);
        if path.is_dir() && path != self.request.dir {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            return Some(Found { name, path, collection: None });
        }
        search.looked = candidates.into_iter().map(|(_, path)| path).chain(search.looked).collect();
        let names: Vec<String> = bases
            .iter()
            .take(bases.len() - 1)
            .filter_map(|base| std::fs::read_dir(base).ok())
            .flat_map(|entries| entries.take(1000).filter_map(|entry| entry.ok()?.file_name().into_string().ok()))
            .collect();
        let error = Diagnostic::error(format!("there is no role `{name}`")).at(node.place.clone());
        let error = match suggestion(name, names.iter().map(String::as_str)) {
            Some(label) => error.label(label),
            None => error,
        };
        self.missing(error.hint(self.looked(&search)));
        None
    }

    /// The directories in which collections lie, each by its namespace.
    pub(super) fn collections(&self, context: &Context) -> Vec<PathBuf> {
        let beside = context.playbook_dir.join("collections");
        std::iter::once(&beside).chain(self.request.collections).map(|path| path.join("ansible_collections")).collect()
    }

    /// The files of a role of one kind: `main`, or what was asked for. `None`: it has been said what is wrong.
    pub(super) fn role_files(
        &mut self,
        role: &Path,
        kind: &str,
        from: Option<&Node>,
        directories: bool,
        context: &Context,
    ) -> Option<Vec<PathBuf>> {
        let base = role.join(kind);
        let Some(from) = from else {
            return Some(self.with_endings(&base, "main", &[".yml", ".yaml", ".json", ""], directories));
        };
        let name = self.rendered(from, context, "a role's file")?;
        let files = self.with_endings(&base, &name, &["", ".yml", ".yaml", ".json"], directories);
        if files.is_empty() {
            let names: Vec<String> = std::fs::read_dir(&base)
                .into_iter()
                .flat_map(|entries| entries.take(1000).filter_map(|entry| entry.ok()?.file_name().into_string().ok()))
                .collect();
            let stems = names.iter().map(|name| name.split('.').next().unwrap_or_default());
            let error = Diagnostic::error(format!("the role has no file `{kind}/{name}`")).at(from.place.clone());
            let error = match suggestion(&name, stems) {
                Some(label) => error.label(label),
                None => error,
            };
            self.missing(error.hint(format!("looked for it in `{}`", self.shown(&base))));
            return None;
        }
        let outside = files.iter().find(|file| !file.starts_with(&base));
        if let Some(outside) = outside {
            let message = format!("`{}` is no file of the role", self.shown(outside));
            self.error(&from.place, message, format!("name a file below `{}`", self.shown(&base)));
            return None;
        }
        Some(files)
    }

    /// The first that is there; of a directory all files in it.
    fn with_endings(&self, base: &Path, name: &str, endings: &[&str], directories: bool) -> Vec<PathBuf> {
        for ending in endings {
            let path = self.absolute(base, &format!("{name}{ending}"));
            if path.is_dir() {
                if directories {
                    let mut found = Vec::new();
                    walk(&path, 0, endings, &mut found);
                    return found;
                }
            } else if path.exists() {
                return vec![path];
            }
        }
        Vec::new()
    }

    /// The variables of a role; of two with the same name the later file's counts.
    pub(super) fn role_vars(&mut self, role: &Path, kind: &str, from: Option<&Node>, context: &Context) -> Map {
        let mut all = Map::new();
        for path in self.role_files(role, kind, from, true, context).unwrap_or_default() {
            let Document::Node(node) = self.document(&path, from.map(|from| &from.place)) else { continue };
            match &node.value {
                Value::Map(map) => merge(&mut all, map),
                _ => self.no_variables(&node),
            }
        }
        all
    }

    pub(super) fn no_variables(&mut self, node: &Node) {
        let first = node.place.source.line(node.place.line_column().0);
        let message = format!("variables are a mapping, and this is {}", described(node));
        self.error(&first, message, "write `name: value`, one a line");
    }

    /// `meta/main.yml`.
    pub(super) fn meta(&mut self, role: &Path) -> Meta {
        let mut meta = Meta::default();
        let Some(path) = self.with_endings(&role.join("meta"), "main", &[".yml", ".yaml", ".json", ""], false).into_iter().next() else {
            return meta;
        };
        let Document::Node(node) = self.document(&path, None) else { return meta };
        let Value::Map(map) = &node.value else {
            let first = node.place.source.line(1);
            let message = format!("a role's `meta` is a mapping, and this is {}", described(&node));
            self.error(&first, message, "write `dependencies:`, and under it one role after another, each behind `- `");
            return meta;
        };
        for (key, value) in map {
            match key.as_str().unwrap_or_default() {
                "dependencies" => match &value.value {
                    Value::List(list) => meta.dependencies.clone_from(list),
                    Value::Null => {}
                    _ => {
                        let message = format!("`dependencies` is a list of roles, and this is {}", described(value));
                        self.error(&value.place, message, "write one role after another, each behind `- `");
                    }
                },
                "allow_duplicates" => match boolean(value) {
                    Some(truth) => meta.allow_duplicates = truth,
                    None => {
                        let message = format!("`allow_duplicates` is true or false, and this is {}", described(value));
                        self.error(&value.place, message, "write `true` or `false`");
                    }
                },
                "argument_specs" => meta.argument_specs = Some(value.clone()).filter(|value| value.as_map().is_some()),
                "galaxy_info" | "collections" => {}
                name => {
                    let names = ["dependencies", "allow_duplicates", "argument_specs", "galaxy_info", "collections"];
                    if super::keywords::find(name).is_some_and(|keyword| keyword.may_stand(super::keywords::On::Role)) {
                        continue;
                    }
                    let error = Diagnostic::error(format!("`{name}` is no keyword of a role's `meta`")).at(key.place.clone());
                    self.problems.push(match suggestion(name, names) {
                        Some(label) => error.label(label),
                        None => error.hint(format!("it has {}", names.join(", "))),
                    });
                }
            }
        }
        meta
    }

    /// `meta/argument_specs.yml`.
    pub(super) fn argument_specs(&mut self, role: &Path) -> Option<Node> {
        let path = self.with_endings(&role.join("meta"), "argument_specs", &[".yml", ".yaml", ".json"], false).into_iter().next()?;
        let Document::Node(node) = self.document(&path, None) else { return None };
        let specs: &Arc<Node> = &node;
        specs.get("argument_specs").filter(|specs| specs.as_map().is_some()).cloned()
    }
}

/// The files in a directory, by their names; directories in it too.
fn walk(path: &Path, depth: usize, endings: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(path) else { return };
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    for name in names.into_iter().filter(|name| !name.starts_with('.') && !name.ends_with('~')) {
        let inner = path.join(&name);
        let ending = name.rfind('.').and_then(|at| name.get(at..)).unwrap_or_default();
        if inner.is_dir() {
            if ending.is_empty() && depth < DEEPEST {
                walk(&inner, depth + 1, endings, found);
            }
        } else if inner.is_file() && (ending.is_empty() || endings.contains(&ending)) {
            found.push(inner);
        }
    }
}

/// Variables with others over them.
pub(super) fn merge(all: &mut Map, others: &Map) {
    if all.is_empty() {
        all.clone_from(others);
        return;
    }
    for (name, value) in others {
        match all.iter_mut().find(|(other, _)| other.value == name.value) {
            Some(known) => *known = (name.clone(), value.clone()),
            None => all.push((name.clone(), value.clone())),
        }
    }
}
