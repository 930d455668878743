//! Playbooks and plays.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::action::short;
use super::common::{list, removed_include};
use super::context::Context;
use super::file::{Document, parent};
use super::keywords::{self, On, described};
use super::loader::Loader;
use super::role::{Brought, Needs};
use super::role_files::merge;
use super::search::Search;
use super::tree::{Common, Play, Playbook, Serial};
use crate::diagnostics::Diagnostic;
use crate::yaml::{Map, Node, Value};

/// What an import gives to the plays that it brings in.
#[derive(Debug, Clone, Default)]
pub(super) struct Import {
    vars: Map,
    when: Vec<Node>,
    tags: Vec<Node>,
    /// The playbooks that are being read.
    open: Vec<PathBuf>,
}

impl Loader<'_> {
    /// The plays of a file. `from`: where it is imported.
    pub(super) fn playbook(&mut self, path: &Path, from: Option<&Node>, import: &Import, playbook: &mut Playbook) {
        let name = self.shown(path);
        let at = |problem: Diagnostic| match from {
            Some(from) => problem.at(from.place.clone()),
            None => problem,
        };
        let node = match self.document(path, from.map(|from| &from.place)) {
            Document::Bad => return,
            Document::Empty => {
                let error = Diagnostic::error(format!("the playbook `{name}` is empty"));
                return self.problems.push(at(error).hint("write a play into it: `- hosts: all`, and under it `tasks:`"));
            }
            Document::Node(node) => node,
        };
        let Some(plays) = self.plays(&node) else { return };
        let import = Import { open: import.open.iter().cloned().chain([path.to_owned()]).collect(), ..import.clone() };
        for node in plays {
            match &node.value {
                Value::Map(map) => self.entry(node, map, path, &import, playbook),
                Value::Null => self.error(&node.place, "nothing stands behind this `-`", "take it out, or write a play"),
                _ => {
                    let hint = "write `- hosts: all`, and under it `tasks:`";
                    self.error(&node.place, format!("a play is a mapping, and this is {}", described(node)), hint);
                }
            }
        }
    }

    /// The entries of a playbook, if it is one.
    fn plays<'n>(&mut self, node: &'n Node) -> Option<&'n [Node]> {
        let source = &node.place.source;
        let first = source.line(node.place.line_column().0);
        let has = |map: &Map, name: &str| map.iter().any(|(key, _)| key.as_str() == Some(name));
        match &node.value {
            Value::List(list) if list.is_empty() => {
                let error = Diagnostic::error(format!("the playbook `{}` is empty", source.name)).at(first);
                self.problems.push(error.hint("write a play into it: `- hosts: all`, and under it `tasks:`"));
                None
            }
            Value::List(list) => {
                let maps: Vec<&Map> = list.iter().filter_map(Node::as_map).collect();
                let is_play = |map: &&Map| map.iter().any(|(key, _)| key.as_str().is_some_and(is_of_play));
                let is_task = |map: &&Map| map.iter().any(|(key, _)| key.as_str().is_some_and(|name| keywords::find(name).is_none()));
                if !maps.is_empty() && maps.len() == list.len() && !maps.iter().any(is_play) && maps.iter().any(is_task) {
                    let message = format!("`{}` is a list of tasks, and a playbook is needed", source.name);
                    let hint = "tasks stand in a play: write `- hosts: all` and `  tasks:` above them, and move them to the right";
                    self.error(&first, message, hint);
                    return None;
                }
                Some(list)
            }
            Value::Map(map) if has(map, "hosts") => {
                let message = format!("`{}` is one mapping, and a playbook is a list of plays", source.name);
                self.error(&first, message, "write `- ` before `hosts`, and move the lines of the play two columns to the right");
                None
            }
            _ => {
                let message = format!("`{}` is {}, and a playbook is a list of plays", source.name, described(node));
                self.error(&first, message, "write `- hosts: all`, and under it `tasks:`");
                None
            }
        }
    }

    fn entry(&mut self, node: &Node, map: &Map, path: &Path, import: &Import, playbook: &mut Playbook) {
        let key = map.iter().find(|(key, _)| key.as_str().is_some_and(|name| short(name) == "import_playbook"));
        if let Some((key, value)) = key {
            return self.import(key, value, map, path, import, playbook);
        }
        if let Some((key, _)) = map.iter().find(|(key, _)| key.as_str() == Some("include")) {
            return self.problems.push(removed_include(key));
        }
        let has_hosts = map.iter().any(|(key, _)| key.as_str() == Some("hosts"));
        let module = map.iter().find(|(key, _)| key.as_str().is_some_and(|name| keywords::find(name).is_none()));
        if let (false, Some((key, _)), false) = (has_hosts, module, map.iter().any(|(key, _)| key.as_str().is_some_and(is_of_play))) {
            let hint = "tasks stand under `tasks:` of a play; `- ` at the left edge begins a play";
            return self.error(&key.place, "this is a task, and plays stand here", hint);
        }
        let play = self.play(node, map, path, import);
        playbook.plays.push(Arc::new(play));
    }

    fn import(&mut self, key: &Node, value: &Node, map: &Map, path: &Path, outer: &Import, playbook: &mut Playbook) {
        let name = key.as_str().unwrap_or_default();
        self.keywords(map, On::Playbook, &|other| other == name);
        for (key, _) in map {
            let keyword = key.as_str().and_then(keywords::find).filter(|keyword| keyword.may_stand(On::Playbook));
            let name = keyword.map_or("name", |keyword| keyword.name);
            if !matches!(name, "import_playbook" | "name" | "vars" | "when" | "tags") {
                let message = format!("`{name}` has no effect at `import_playbook`");
                self.warning(&key.place, message, "write it in the plays that are imported");
            }
        }
        let common = self.common(map, On::Playbook);
        let mut inner = outer.clone();
        inner.when.extend(common.when);
        inner.tags.extend(common.tags);
        inner.vars = common.vars;
        merge(&mut inner.vars, &outer.vars);
        let dir = parent(path);
        let level = Common { vars: inner.vars.clone(), ..Common::default() };
        let context = Context { playbook_dir: dir.clone(), ..Context::default() }.with(level);
        let Some(file) = self.rendered(value, &context, "the file of `import_playbook`") else { return };
        let search = self.find_playbook(&file, &dir, &context);
        let Some(found) = search.found.clone() else { return self.not_found(value, &file, &search) };
        if inner.open.contains(&found) {
            let through: Vec<String> = inner.open.iter().map(|file| format!("`{}`", self.shown(file))).collect();
            let hint = format!("take one of the imports out; it goes through {}", through.join(", "));
            return self.error(&value.place, format!("`{}` imports itself", self.shown(&found)), hint);
        }
        if self.fits(&value.place, &Context { depth: inner.open.len(), ..Context::default() }) {
            self.playbook(&found, Some(value), &inner, playbook);
        }
    }

    /// A playbook beside this one, or of a collection: `NAMESPACE.COLLECTION.PLAYBOOK`.
    fn find_playbook(&self, file: &str, dir: &Path, context: &Context) -> Search {
        let parts: Vec<&str> = file.split('.').collect();
        let mut candidates = Vec::new();
        if let [space, collection, rest @ ..] = parts.as_slice()
            && !matches!(rest, [] | ["yml" | "yaml"])
            && !file.contains('/')
        {
            let (name, ending) = match rest {
                [rest @ .., "yml" | "yaml"] if !rest.is_empty() => {
                    (rest.join("/"), format!(".{}", parts.last().copied().unwrap_or_default()))
                }
                rest => (rest.join("/"), String::new()),
            };
            for root in self.collections(context) {
                let base = root.join(space).join(collection).join("playbooks");
                let endings = if ending.is_empty() { vec![".yml", ".yaml", ".json", ""] } else { vec![ending.as_str()] };
                candidates.extend(endings.iter().map(|ending| base.join(format!("{name}{ending}"))));
            }
        }
        candidates.push(self.absolute(dir, file));
        Search::among(candidates)
    }

    fn play(&mut self, node: &Node, map: &Map, path: &Path, import: &Import) -> Play {
        let get = |name: &str| map.iter().find(|(key, _)| key.as_str() == Some(name));
        let value = |name: &str| get(name).map(|(_, value)| value).filter(|value| !value.is_null()).cloned();
        self.playbook_dir = parent(path);
        self.keywords(map, On::Play, &|_| false);
        let mut common = self.common(map, On::Play);
        common.when.clone_from(&import.when);
        common.tags.extend(import.tags.iter().cloned());
        merge(&mut common.vars, &import.vars);
        let hosts = self.hosts(node, map);
        let dir = parent(path);
        let vars_files = list(value("vars_files").as_ref());
        let common = Arc::new(common);
        let context =
            Context { levels: vec![Arc::clone(&common)], playbook_dir: dir.clone(), chain: vec![path.to_owned()], ..Context::default() };
        self.file_vars.clear();
        self.vars_files(&vars_files, &context);
        let vars_prompt = get("vars_prompt").map(|(_, value)| self.vars_prompt(value)).unwrap_or_default();
        let serial = list(value("serial").as_ref());
        for entry in serial.iter().filter(|entry| !is_batch(entry)) {
            let message = format!("`serial` is a number of hosts or a percentage, and this is {}", described(entry));
            self.error(&entry.place, message, "write e.g. `serial: 1`, `serial: 30%`, or a list of them");
        }
        let mut brought = Brought::default();
        let mut roles = Vec::new();
        if let Some((_, listed)) = get("roles").filter(|(_, listed)| !listed.is_null()) {
            match listed.as_list() {
                Some(entries) => {
                    for entry in entries {
                        roles.extend(self.role_entry(entry, Needs::default(), &context, &mut brought));
                    }
                }
                None => {
                    let message = format!("`roles` is a list of roles, and this is {}", described(listed));
                    self.error(&listed.place, message, "write one role after another, each behind `- `");
                }
            }
        }
        let mut handlers = brought.handlers;
        if let Some((_, list)) = get("handlers") {
            self.handler_list(list, &context, &mut handlers);
        }
        let mut part = |name: &str| {
            let mut items = Vec::new();
            if let Some((_, list)) = get(name) {
                self.items(list, &context, &mut items);
            }
            items
        };
        let (pre_tasks, tasks, post_tasks) = (part("pre_tasks"), part("tasks"), part("post_tasks"));
        handlers.append(&mut self.handlers);
        roles.append(&mut self.roles);
        Play {
            name: value("name"),
            hosts,
            place: node.place.clone(),
            dir,
            common,
            vars_files,
            vars_prompt,
            gather_facts: value("gather_facts"),
            gather_subset: value("gather_subset"),
            gather_timeout: value("gather_timeout"),
            fact_path: value("fact_path"),
            serial: serial.into_iter().map(Serial).collect(),
            strategy: value("strategy"),
            order: value("order"),
            max_fail_percentage: value("max_fail_percentage"),
            force_handlers: value("force_handlers"),
            pre_tasks,
            role_tasks: brought.items,
            tasks,
            post_tasks,
            handlers,
            roles,
        }
    }

    fn hosts(&mut self, node: &Node, map: &Map) -> Node {
        let Some((key, hosts)) = map.iter().find(|(key, _)| key.as_str() == Some("hosts")) else {
            let place = map.first().map_or(&node.place, |(key, _)| &key.place);
            self.error(place, "this play has no `hosts`", "write `hosts:` with a group or a host, e.g. `hosts: all`");
            return Node::new("", node.place.clone());
        };
        let text =
            |node: &Node| matches!(&node.value, Value::Str(text) if !text.trim().is_empty()) || matches!(node.value, Value::Vault(_));
        let wrong = match &hosts.value {
            Value::List(list) if list.is_empty() => Some((&hosts.place, "`hosts` is empty".to_owned())),
            Value::List(list) => list
                .iter()
                .find(|host| !text(host))
                .map(|host| (&host.place, format!("a host is a name or a pattern, and this is {}", described(host)))),
            Value::Null => Some((&key.place, "`hosts` is empty".to_owned())),
            Value::Str(text) if text.trim().is_empty() => Some((&hosts.place, "`hosts` is empty".to_owned())),
            _ if text(hosts) => None,
            _ => Some((&hosts.place, format!("`hosts` is a text or a list of texts, and this is {}", described(hosts)))),
        };
        if let Some((place, message)) = wrong {
            self.error(place, message, "write a group or a host, e.g. `hosts: all`; put a name that looks like a number in quotes");
        }
        hosts.clone()
    }
}

/// Whether only plays have that key.
fn is_of_play(name: &str) -> bool {
    short(name) == "import_playbook"
        || keywords::find(name).is_some_and(|keyword| keyword.may_stand(On::Play) && !keyword.may_stand(On::Task) && name != "user")
}

fn is_batch(node: &Node) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match &node.value {
        Value::Int(number) => *number >= 0,
        Value::Str(text) => node.is_template() || digits(text.trim().trim_end_matches('%').trim()),
        Value::Vault(_) => true,
        _ => false,
    }
}
