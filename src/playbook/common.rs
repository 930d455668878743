//! Keywords that plays, blocks, roles and tasks have in common.

use super::keywords::{self, Keyword, On, described};
use super::loader::Loader;
use super::tree::Common;
use crate::diagnostics::{Diagnostic, Level, suggestion};
use crate::yaml::{Map, Node, Value};

/// What Ansible takes for something else than a name (JINJA_KEYWORDS).
const NO_NAMES: [&str; 9] = ["true", "false", "none", "True", "False", "None", "not", "and", "or"];

impl Loader<'_> {
    /// Looks at the keywords of a mapping: whether each may stand there, and has a value of its kind. `skip`: keys that are
    /// none.
    pub(super) fn keywords(&mut self, map: &Map, on: On, skip: &dyn Fn(&str) -> bool) {
        for (key, value) in map {
            let Some(name) = key.as_str() else {
                let message = format!("a keyword is a text, and this is {}", described(key));
                self.error(&key.place, message, "put it in quotes, or correct the line");
                continue;
            };
            if skip(name) {
                continue;
            }
            match keywords::find(name).filter(|keyword| keyword.may_stand(on)) {
                Some(keyword) => self.value(key, value, keyword),
                None => self.unknown_keyword(key, name, on),
            }
        }
    }

    fn value(&mut self, key: &Node, value: &Node, keyword: &Keyword) {
        let name = keyword.name;
        // looked at where it is read
        if keyword.shape == keywords::Shape::Other {
            return;
        }
        let of_block = matches!(name, "block" | "rescue" | "always");
        if value.is_null() && of_block {
            self.error(&key.place, format!("`{name}` is empty"), "write tasks under it, each behind `- `, or take it out");
        } else if value.is_null() && keyword.shape == keywords::Shape::Tasks {
            // a play may be written before its tasks
        } else if value.is_null() {
            self.warning(&key.place, format!("`{name}` is empty and has no effect"), "give it a value, or take it out");
        } else if let Some(wrong) = keyword.wrong(value) {
            let hint = match keyword.shape {
                keywords::Shape::Tasks => format!("write `{name}:`, and under it one task after another, each behind `- `"),
                _ => format!("correct the value of `{name}`"),
            };
            self.error(&value.place, format!("`{name}` {wrong}"), hint);
        }
    }

    /// A key that may not stand there.
    pub(super) fn unknown_keyword(&mut self, key: &Node, name: &str, on: On) {
        let (words, at) = (on.words(), key.place.clone());
        let error = |message: String| Diagnostic::error(message).at(at.clone());
        let problem = match keywords::home(name) {
            _ if name == "include" => removed_include(key),
            Some(_) if on == On::Include && keywords::find(name).is_some_and(|keyword| keyword.may_stand(On::Task)) => {
                let hint = "it would count for the include alone; for what is included write it under `apply:`, or in a block around it";
                error(format!("`{name}` has no effect on {words}")).hint(hint)
            }
            Some(home) => moved(key, name, home, on),
            None => {
                let error = error(format!("`{name}` is no keyword of {words}"));
                match suggestion(name, keywords::names(on)) {
                    Some(label) => error.label(label),
                    None if on == On::Play => error.hint("tasks stand under `tasks:`, variables under `vars:`"),
                    None if on == On::Block => error.hint("the tasks of a block stand under `block:`, variables under `vars:`"),
                    None => error.hint("take it out, or correct it; options of a module stand indented under the module's name"),
                }
            }
        };
        self.problems.push(problem);
    }

    /// The common keywords of a mapping. Those that may not stand there are left out.
    pub(super) fn common(&mut self, map: &Map, on: On) -> Common {
        let mut common = Common::default();
        for (key, value) in map {
            let Some(keyword) = key.as_str().and_then(keywords::find).filter(|keyword| keyword.may_stand(on)) else { continue };
            match keyword.name {
                "when" => common.when = self.conditions(key, value),
                "tags" => common.tags = self.tags(key, value),
                "vars" => common.vars = self.vars(value),
                "environment" => common.environment = self.mappings(keyword.name, value, true),
                "module_defaults" => {
                    common.module_defaults = self.mappings(keyword.name, value, false);
                    common.groups = self.groups(&common.module_defaults);
                }
                // `user` of a play is its `remote_user`
                "user" => self.inherited(&mut common, "remote_user", value),
                name if INHERITED.contains(&name) => self.inherited(&mut common, name, value),
                _ => {}
            }
        }
        common
    }

    fn inherited(&mut self, common: &mut Common, name: &str, value: &Node) {
        if !value.is_null() && common.others.insert(name.to_owned(), value.clone()).is_some() {
            let hint = "take `user` out: it is the old name of `remote_user`";
            self.error(&value.place, "`user` and `remote_user` are the same, and both are given", hint);
        }
    }

    /// One condition or several.
    pub(super) fn conditions(&mut self, key: &Node, value: &Node) -> Vec<Node> {
        let name = key.as_str().unwrap_or_default();
        let conditions = match &value.value {
            Value::List(list) => list.clone(),
            // Ansible makes every task fail with it
            Value::Null if matches!(name, "changed_when" | "failed_when") => {
                self.error(&key.place, format!("`{name}` is empty"), "give it a condition, e.g. `false`, or take it out");
                Vec::new()
            }
            Value::Null => {
                self.warning(&key.place, format!("`{name}` is empty and has no effect"), "give it a condition, or take it out");
                Vec::new()
            }
            _ => vec![value.clone()],
        };
        for condition in &conditions {
            match &condition.value {
                Value::Str(text) if text.trim().is_empty() => {
                    self.error(&condition.place, format!("this condition of `{name}` is empty"), "write an expression, or take it out");
                }
                Value::Str(text) if in_braces(text) && !condition.literal => {
                    let warning = Diagnostic::warning("an expression is a template already").at(condition.place.clone());
                    self.problems.push(warning.hint("write it without `{{ }}`"));
                }
                Value::Str(_) | Value::Bool(_) | Value::Vault(_) => {}
                Value::Map(_) | Value::List(_) => {
                    let message = format!("a condition of `{name}` is an expression, and this is {}", condition.value.kind());
                    self.error(&condition.place, message, "put the whole expression in quotes if a `: ` or a bracket belongs to it");
                }
                _ => {
                    let message = format!("a condition of `{name}` is an expression, and this is {}", described(condition));
                    self.error(&condition.place, message, "write an expression that is true or false");
                }
            }
        }
        conditions
    }

    fn tags(&mut self, key: &Node, value: &Node) -> Vec<Node> {
        match &value.value {
            Value::Str(text) => {
                let tag = |text: &str| Node { value: Value::from(text.trim()), ..value.clone() };
                text.split(',').map(tag).filter(|tag| tag.as_str() != Some("")).collect()
            }
            Value::List(list) => {
                // lists in it are opened
                let tags: Vec<Node> = list.iter().flat_map(|tag| tag.as_list().unwrap_or(std::slice::from_ref(tag))).cloned().collect();
                for tag in tags.iter().filter(|tag| !matches!(tag.value, Value::Str(_) | Value::Int(_) | Value::Vault(_))) {
                    let message = format!("a tag is a text, and this is {}", described(tag));
                    self.error(&tag.place, message, "put it in quotes if a text is meant");
                }
                tags
            }
            _ => {
                let place = if value.is_null() { &key.place } else { &value.place };
                let message = format!("`tags` is a text or a list of texts, and this is {}", described(value));
                self.error(place, message, "write `tags: [one, two]`");
                Vec::new()
            }
        }
    }

    /// `vars`: names and values.
    pub(super) fn vars(&mut self, value: &Node) -> Map {
        match &value.value {
            Value::Map(map) => {
                for (name, _) in map {
                    self.variable_name(name, "a variable");
                }
                map.clone()
            }
            Value::Null => Map::new(),
            Value::List(_) => {
                let hint = "write `name: value` under `vars:`, without `- `";
                self.error(&value.place, "`vars` is a mapping, and this is a list", hint);
                Map::new()
            }
            _ => {
                let message = format!("`vars` is a mapping, and this is {}", described(value));
                self.error(&value.place, message, "write `name: value` under `vars:`, one a line");
                Map::new()
            }
        }
    }

    /// Whether something can be the name of a variable; it is said if not.
    pub(super) fn variable_name(&mut self, node: &Node, what: &str) -> bool {
        let good = node.as_str().is_some_and(is_variable_name);
        if !good {
            let shown = if node.as_str().is_some() { format!("`{}`", node.as_str().unwrap_or_default()) } else { described(node) };
            let hint = "a name has letters, digits and `_`, does not begin with a digit, and is no word like `true`";
            self.error(&node.place, format!("{shown} cannot be the name of {what}"), hint);
        }
        good
    }

    /// One mapping or several, or templates that give one.
    fn mappings(&mut self, name: &str, value: &Node, templates: bool) -> Vec<Node> {
        let items = match &value.value {
            Value::Null => return Vec::new(),
            Value::List(list) => list.clone(),
            _ => vec![value.clone()],
        };
        for item in &items {
            let good = matches!(item.value, Value::Map(_)) || (templates && (item.is_template() || matches!(item.value, Value::Vault(_))));
            if !good {
                let message = format!("`{name}` is a mapping or a list of mappings, and this is {}", described(item));
                let hint = if templates {
                    "write `NAME: value` under it, one a line"
                } else {
                    "write the module's name under it, and its options under that; templates may stand only in the options"
                };
                // Ansible goes on without an environment that is none
                let level = if templates { Level::Warning } else { Level::Error };
                self.problems.push(Diagnostic { level, ..Diagnostic::error(message).at(item.place.clone()).hint(hint) });
            }
        }
        items
    }
}

/// Those of which the innermost counts.
const INHERITED: [&str; 23] = [
    "connection",
    "port",
    "remote_user",
    "no_log",
    "run_once",
    "ignore_errors",
    "ignore_unreachable",
    "check_mode",
    "diff",
    "any_errors_fatal",
    "throttle",
    "timeout",
    "debugger",
    "become",
    "become_method",
    "become_user",
    "become_flags",
    "become_exe",
    "collections",
    "delegate_to",
    "delegate_facts",
    "notify",
    "listen",
];

/// Whether something can be the name of a variable.
pub fn is_variable_name(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, b)| b.is_ascii_alphabetic() || b == b'_' || (at > 0 && b.is_ascii_digit()))
        && !text.is_empty()
        && !NO_NAMES.contains(&text)
}

/// One value or several, without those that are nothing.
pub(super) fn list(value: Option<&Node>) -> Vec<Node> {
    match value.map(|value| &value.value) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::List(list)) => list.clone(),
        Some(_) => value.into_iter().cloned().collect(),
    }
}

/// Whether a text is one `{{ … }}`.
fn in_braces(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("{{") && text.ends_with("}}") && text.matches("{{").count() == 1
}

fn moved(key: &Node, name: &str, home: On, on: On) -> Diagnostic {
    let error = Diagnostic::error(format!("`{name}` is a keyword of {}, not of {}", home.words(), on.words())).at(key.place.clone());
    error.hint(match (home, on) {
        (_, On::Playbook) => "write it in the plays that are imported".to_owned(),
        (On::Play, _) => "a play stands at the left edge of a playbook and has `hosts`; move the keyword there".to_owned(),
        (_, On::Play) if name == "when" => "a play has no condition: write `when` at its tasks, or choose the hosts by `hosts`".to_owned(),
        (_, On::Play) => format!("write it at {} under `tasks:`", home.words()),
        (On::Handler, _) => "only handlers listen; they stand under `handlers:`".to_owned(),
        (On::Task, On::Block) => "write it at each of the tasks in the block".to_owned(),
        _ => format!("take it out, or write it at {}", home.words()),
    })
}

/// What `include:` was.
pub(super) fn removed_include(key: &Node) -> Diagnostic {
    let error = Diagnostic::error("`include` was removed from Ansible").at(key.place.clone());
    error.hint("write `import_tasks` (read before the play begins), or `include_tasks` (read when its turn comes, with a loop or a condition); in a playbook `import_playbook`")
}
