//! Lists of tasks: blocks, and what is imported, in their places.

use std::sync::Arc;

use super::action::short;
use super::common::list;
use super::context::Context;
use super::file::{Document, beside, parent};
use super::keywords::{On, described};
use super::loader::{Ahead, Loader, is_open};
use super::search::Search;
use super::tree::{Block, Common, Handler, Item, Task};
use crate::diagnostics::Diagnostic;
use crate::modules::FREE_FORM;
use crate::yaml::{Map, Node, Value};

/// Whether it is `meta: flush_handlers`.
fn flushes(task: &Task) -> bool {
    let word = task.action.options.iter().find(|(key, _)| key.as_str() == Some(FREE_FORM)).map(|(_, word)| word);
    word.and_then(Node::as_str).is_some_and(|word| word.trim() == "flush_handlers")
}

impl Loader<'_> {
    /// The tasks of a list.
    pub(super) fn items(&mut self, list: &Node, context: &Context, items: &mut Vec<Item>) {
        let Some(list) = list.as_list() else { return };
        for node in list {
            match &node.value {
                Value::Map(map) => self.item(node, map, context, items),
                Value::Null => self.warning(&node.place, "nothing stands behind this `-`", "take it out, or write a task"),
                _ => {
                    let hint = "write the module's name as a key, and its options under it";
                    self.error(&node.place, format!("a task is a mapping, and this is {}", described(node)), hint);
                }
            }
        }
    }

    fn item(&mut self, node: &Node, map: &Map, context: &Context, items: &mut Vec<Item>) {
        if !self.fits(&node.place, context) {
            return;
        }
        let has = |name: &str| map.iter().any(|(key, _)| key.as_str() == Some(name));
        if has("hosts") && ["tasks", "roles", "pre_tasks", "post_tasks"].into_iter().any(has) {
            let place = map.first().map_or(&node.place, |(key, _)| &key.place);
            let hint = "plays stand in a playbook of their own, which another takes in by `import_playbook`";
            self.error(place, "this is a play, and tasks stand here", hint);
            return;
        }
        if ["block", "rescue", "always"].into_iter().any(has) {
            return self.block(node, map, context, items);
        }
        if let Some((key, _)) = map.iter().find(|(key, _)| key.as_str().is_some_and(|name| short(name) == "import_playbook")) {
            let hint = "`import_playbook` stands at the left edge of a playbook, beside the plays; tasks are taken in by `import_tasks`";
            self.error(&key.place, "a playbook cannot be imported among tasks", hint);
            return;
        }
        let Some(task) = self.task(node, map, context) else { return };
        match short(&task.action.name) {
            "import_tasks" => self.import_tasks(&task, map, context, items),
            name @ ("import_role" | "include_role") if context.handlers => {
                let hint = "a role's handlers come with the role: list it under `roles`";
                self.error(&task.action.place, format!("`{name}` cannot be a handler"), hint);
            }
            "meta" if context.handlers && flushes(&task) => {
                self.error(&task.action.place, "`flush_handlers` cannot be a handler", "put it among the tasks");
            }
            "import_role" => self.import_role(&task, map, context, items),
            name => {
                if matches!(name, "include_tasks" | "include_role") {
                    self.included_later(&task, context);
                }
                items.push(Item::Task(Arc::new(task)));
            }
        }
    }

    fn block(&mut self, node: &Node, map: &Map, context: &Context, items: &mut Vec<Item>) {
        self.keywords(map, On::Block, &|_| false);
        let inner = context.with(self.common(map, On::Block));
        let get = |name: &str| map.iter().find(|(key, _)| key.as_str() == Some(name));
        let mut part = |name: &str| {
            let mut items = Vec::new();
            if let Some((_, list)) = get(name) {
                self.items(list, &inner, &mut items);
            }
            items
        };
        let (block, rescue, always) = (part("block"), part("rescue"), part("always"));
        if get("block").is_none_or(|(_, list)| list.is_null() || list.as_list().is_some_and(<[Node]>::is_empty)) {
            let full = |name: &str| get(name).filter(|(_, list)| list.as_list().is_some_and(|list| !list.is_empty()));
            if let Some((key, _)) = full("rescue").or_else(|| full("always")) {
                let name = key.as_str().unwrap_or_default();
                self.error(&key.place, format!("`{name}` stands without a `block`"), "write `block:` beside it, with what is tried");
            }
            return;
        }
        if context.handlers {
            let inside = get("block").and_then(|(_, list)| list.as_list()).into_iter().flatten();
            for node in inside.filter(|node| node.get("block").is_some()) {
                self.error(&node.place, "a block cannot stand in a block among handlers", "write its tasks without `block:`");
            }
            if let Some((key, _)) = get("rescue").or_else(|| get("always")) {
                let name = key.as_str().unwrap_or_default();
                self.warning(&key.place, format!("`{name}` has no effect among handlers"), "take it out");
            }
            items.extend(block);
            return;
        }
        let name = get("name").map(|(_, name)| name.clone());
        let block = Block { name, place: node.place.clone(), block, rescue, always, levels: inner.levels };
        items.push(Item::Block(Arc::new(block)));
    }

    /// The handlers of a list.
    pub(super) fn handler_list(&mut self, list: &Node, context: &Context, handlers: &mut Vec<Handler>) {
        let mut items = Vec::new();
        let context = Context { handlers: true, ..context.clone() };
        self.items(list, &context, &mut items);
        handlers.extend(items.into_iter().filter_map(|item| match item {
            Item::Task(task) => Some(handler(task)),
            // there are none: blocks of handlers were opened
            Item::Block(_) => None,
        }));
    }

    /// What an include or import of tasks names.
    fn named(&mut self, task: &Task) -> Option<Node> {
        let name = &task.action.name;
        for (key, value) in &task.action.options {
            match key.as_str() {
                Some(FREE_FORM | "file") => {}
                Some("apply") if short(name) == "include_tasks" => {
                    self.apply(value);
                }
                Some("apply") => {
                    let hint = "what stands at an import goes to all its tasks: write the keywords beside it";
                    self.error(&key.place, format!("`{name}` has no `apply`"), hint);
                }
                _ => {
                    let shown = key.as_str().unwrap_or_default();
                    let hint = "it has `file`; variables stand under `vars:` beside it";
                    self.error(&key.place, format!("`{shown}` is no option of `{name}`"), hint);
                }
            }
        }
        let get = |name: &str| task.action.options.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value);
        let file = get(FREE_FORM).or_else(|| get("file")).filter(|file| !file.is_null()).cloned();
        if file.is_none() && task.action.whole.is_none() {
            self.error(&task.action.place, format!("`{name}` names no file"), format!("write `{name}: FILE`"));
        }
        file
    }

    fn import_tasks(&mut self, task: &Task, map: &Map, context: &Context, items: &mut Vec<Item>) {
        self.without_effect(task, map, "tasks");
        let Some(name) = self.named(task) else { return };
        let inner = Context { levels: task.levels.clone(), depth: context.depth + 1, ..context.clone() };
        let Some(file) = self.rendered(&name, &inner, "the file of `import_tasks`") else { return };
        let search = self.find_tasks(&file, context, false);
        let Some(path) = search.found.clone() else { return self.not_found(&name, &file, &search) };
        self.tasks_of(&path, &name, &inner, items);
    }

    /// `apply`: the keywords of a block around what is included.
    pub(super) fn apply(&mut self, value: &Node) -> Common {
        match &value.value {
            Value::Map(map) => {
                self.keywords(map, On::Block, &|_| false);
                self.common(map, On::Block)
            }
            Value::Null => Common::default(),
            _ => {
                let message = format!("`apply` is a mapping, and this is {}", described(value));
                self.error(&value.place, message, "write keywords of a block under it, e.g. `tags: [one]`");
                Common::default()
            }
        }
    }

    /// What has no meaning at an import.
    pub(super) fn without_effect(&mut self, task: &Task, map: &Map, what: &str) {
        if let Some(repeat) = &task.repeat {
            let hint = format!("write `include_{what}`, which is read when its turn comes");
            self.error(&repeat.place, format!("`{}` cannot have a loop: it is read before the play begins", task.action.name), hint);
        }
        for (key, _) in map {
            if let Some(name @ ("register" | "changed_when" | "failed_when" | "until" | "retries" | "delay" | "async" | "poll")) =
                key.as_str()
            {
                self.warning(
                    &key.place,
                    format!("`{name}` has no effect at `{}`", task.action.name),
                    "write it at the tasks that are imported",
                );
            }
        }
    }

    /// The tasks of a file that was found.
    pub(super) fn tasks_of(&mut self, path: &std::path::Path, name: &Node, context: &Context, items: &mut Vec<Item>) {
        if is_open(context, path) {
            let through: Vec<String> = context.chain.iter().map(|file| format!("`{}`", self.shown(file))).collect();
            let hint =
                format!("take one of the imports out, or use `include_tasks` with a condition; it goes through {}", through.join(", "));
            self.error(&name.place, format!("`{}` imports itself", self.shown(path)), hint);
            return;
        }
        if !self.fits(&name.place, context) {
            return;
        }
        let node = match self.document(path, Some(&name.place)) {
            Document::Bad => return,
            Document::Empty => {
                self.warning(&name.place, format!("`{}` is empty", self.shown(path)), "write tasks into it, or take this out");
                return;
            }
            Document::Node(node) => node,
        };
        if !self.is_task_list(&node) {
            return;
        }
        let mut inner = context.clone();
        inner.chain.push(path.to_owned());
        let dir = parent(path);
        if inner.dirs.first() != Some(&dir) {
            inner.dirs.insert(0, dir);
        }
        self.items(&node, &inner, items);
    }

    /// Whether a file's document is a list of tasks; it is said if not.
    pub(super) fn is_task_list(&mut self, node: &Node) -> bool {
        let source = &node.place.source;
        let first = node.place.source.line(node.place.line_column().0);
        match &node.value {
            Value::List(list) => {
                let play = list.iter().filter_map(Node::as_map).find_map(|map| {
                    let has = |name: &str| map.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(key, _)| key);
                    has("hosts").filter(|_| ["tasks", "roles"].into_iter().any(|name| has(name).is_some()))
                });
                if let Some(key) = play {
                    let message = format!("`{}` is a playbook, and a list of tasks is needed", source.name);
                    self.error(
                        &key.place,
                        message,
                        "take it in by `import_playbook` at the left edge of a playbook, or move its tasks into a file of their own",
                    );
                }
                play.is_none()
            }
            Value::Map(map) if map.iter().any(|(key, _)| matches!(key.as_str(), Some("tasks" | "handlers"))) => {
                let hint = "the file holds the tasks themselves: take the line `tasks:` out, and move the tasks to the left";
                self.error(&first, format!("`{}` is a mapping, and a list of tasks is needed", source.name), hint);
                false
            }
            _ => {
                let message = format!("`{}` is {}, and a list of tasks is needed", source.name, described(node));
                self.error(&first, message, "write one task after another, each behind `- `");
                false
            }
        }
    }

    /// Looks at an include whose name is plain, later.
    fn included_later(&mut self, task: &Task, context: &Context) {
        let at_role = short(&task.action.name) == "include_role";
        let (name, from) = if at_role {
            match self.role_named(task) {
                Some((name, from)) => (Some(name), Some(from)),
                None => (None, None),
            }
        } else {
            (self.named(task), None)
        };
        let Some(name) = name.filter(|name| name.as_str().is_some() && !name.is_template() && task.action.whole.is_none()) else { return };
        let files = from.iter().flat_map(|from| [&from.tasks, &from.vars, &from.defaults, &from.handlers]);
        if files.flatten().any(Node::is_template) {
            return;
        }
        let params = task.levels.last().map(|own| own.vars.clone()).unwrap_or_default();
        let context = Context { levels: task.levels.clone(), params, ..context.clone() };
        self.ahead.push(Ahead { name, from, context });
    }

    /// What `include_tasks` brings in.
    pub(super) fn include(&mut self, name: &Node, context: &Context, items: &mut Vec<Item>) {
        let Some(file) = self.rendered(name, context, "the file of `include_tasks`") else { return };
        let search = self.find_tasks(&file, context, true);
        match search.found.clone() {
            Some(path) => self.tasks_of(&path, name, context, items),
            None => self.not_found(name, &file, &search),
        }
    }

    pub(super) fn not_found(&mut self, name: &Node, file: &str, search: &Search) {
        let problem = Diagnostic::error(format!("there is no file `{file}`"));
        let near = search.looked.iter().find_map(|path| beside(path));
        let problem = match near {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem,
        };
        self.missing(problem.at(name.place.clone()).hint(self.looked(search)));
    }
}

/// A task as a handler.
pub(super) fn handler(task: Arc<Task>) -> Handler {
    let listen = list(task.levels.last().and_then(|own| own.others.get("listen")));
    Handler { task, listen }
}
