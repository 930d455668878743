//! Variables of a play that stand in files or are asked for.

use std::path::Path;

use super::context::Context;
use super::file::Document;
use super::keywords::{boolean, described};
use super::loader::{Loader, Request};
use super::role_files::merge;
use super::search::Search;
use super::tree::VarsPrompt;
use crate::diagnostics::{Diagnostic, Diagnostics, suggestion};
use crate::yaml::{Map, Node, Value, plain};

const OF_PROMPT: [&str; 9] = ["name", "prompt", "default", "private", "confirm", "encrypt", "salt_size", "salt", "unsafe"];

/// Where a file of `vars_files` is: in `vars` beside the playbook, or beside it.
pub fn find_vars(name: &str, playbook_dir: &Path, request: &Request<'_>) -> Search {
    Loader::new(request).find_vars(name, playbook_dir)
}

/// The variables of a file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_vars(path: &Path, request: &Request<'_>) -> Result<(Map, Diagnostics), Diagnostics> {
    let mut loader = Loader::new(request);
    let vars = loader.vars_of(path, None);
    loader.told().or(vars)
}

impl Loader<'_> {
    fn find_vars(&self, name: &str, dir: &Path) -> Search {
        let in_vars = (!name.starts_with("vars/") && !name.starts_with(['/', '~'])).then(|| self.absolute(&dir.join("vars"), name));
        Search::among(in_vars.into_iter().chain([self.absolute(dir, name)]))
    }

    /// The variables of a file: a mapping, or a list of mappings.
    fn vars_of(&mut self, path: &Path, from: Option<&Node>) -> Map {
        let mut all = Map::new();
        let Document::Node(node) = self.document(path, from.map(|from| &from.place)) else { return all };
        let items = node.as_list().unwrap_or(std::slice::from_ref(&node));
        for item in items {
            match &item.value {
                Value::Map(map) => merge(&mut all, map),
                _ => self.no_variables(item),
            }
        }
        all
    }

    /// Reads what `vars_files` names, as far as the names are known: what is wrong with it is told before the play begins.
    pub(super) fn vars_files(&mut self, entries: &[Node], context: &Context) {
        for entry in entries {
            let names = match &entry.value {
                Value::List(list) => list.as_slice(),
                _ => std::slice::from_ref(entry),
            };
            let (mut searches, mut has_template) = (Vec::new(), false);
            let mut found = None;
            for name in names {
                if !matches!(name.value, Value::Str(_) | Value::Vault(_)) {
                    let message = format!("a file of `vars_files` is a name, and this is {}", described(name));
                    self.error(&name.place, message, "write the file's name; of several in one list the first that is there is read");
                    has_template = true;
                    continue;
                }
                if name.is_template() || name.as_str().is_none() {
                    // its value may depend on the host
                    has_template = true;
                    continue;
                }
                let text = name.as_str().unwrap_or_default();
                let search = self.find_vars(text, &context.playbook_dir);
                if let Some(path) = search.found.clone() {
                    found = Some((path, name));
                    break;
                }
                searches.push((name, text, search));
            }
            match (found, searches.as_slice()) {
                (Some((path, name)), _) => {
                    let vars = self.vars_of(&path, Some(name));
                    if !has_template {
                        merge(&mut self.file_vars, &vars);
                    }
                }
                (None, [(name, text, search), ..]) if !has_template => {
                    // Ansible says nothing and goes on
                    let warning = Diagnostic::warning(format!("there is no file `{text}`, and the play goes on without it"));
                    self.problems.push(warning.at(name.place.clone()).hint(self.looked(search)));
                }
                _ => {}
            }
        }
    }

    /// `vars_prompt`.
    pub(super) fn vars_prompt(&mut self, value: &Node) -> Vec<VarsPrompt> {
        let mut prompts = Vec::new();
        for node in super::common::list(Some(value)) {
            let Some(map) = node.as_map() else {
                let message = format!("an entry of `vars_prompt` is a mapping, and this is {}", described(&node));
                self.error(&node.place, message, "write `- name: VARIABLE`, and under it `prompt:`");
                continue;
            };
            for (key, _) in map {
                let name = key.as_str().unwrap_or_default();
                if !OF_PROMPT.contains(&name) {
                    let error = Diagnostic::error(format!("`{name}` is no keyword of `vars_prompt`")).at(key.place.clone());
                    self.problems.push(match suggestion(name, OF_PROMPT) {
                        Some(label) => error.label(label),
                        None => error.hint(format!("it has {}", OF_PROMPT.join(", "))),
                    });
                }
            }
            let get = |name: &str| node.get(name).filter(|value| !value.is_null());
            let Some(name) = get("name") else {
                let place = map.first().map_or(&node.place, |(key, _)| &key.place);
                self.error(place, "this entry of `vars_prompt` names no variable", "write `name: VARIABLE`");
                continue;
            };
            if !self.variable_name(name, "a variable") {
                continue;
            }
            let name = name.as_str().unwrap_or_default().to_owned();
            let truth = |option: &str, otherwise: bool| get(option).and_then(boolean).unwrap_or(otherwise);
            prompts.push(VarsPrompt {
                prompt: get("prompt").map_or_else(|| format!("input for {name}"), |prompt| plain(&prompt.value)),
                name,
                default: get("default").cloned(),
                private: truth("private", true),
                confirm: truth("confirm", false),
                salt: get("salt").map(|salt| plain(&salt.value)),
                salt_size: get("salt_size").and_then(|size| plain(&size.value).trim().parse().ok()),
                encrypt: get("encrypt").map(|encrypt| plain(&encrypt.value)),
                is_unsafe: truth("unsafe", false),
                place: node.place.clone(),
            });
        }
        prompts
    }
}
