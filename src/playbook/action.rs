//! What a task does: the module and its options, in all the forms that Ansible knows (parsing/mod_args.py).

use super::common::removed_include;
use super::keywords::{self, On, described};
use super::loader::Loader;
use super::split::{self, Pairs};
use super::tree::Action;
use crate::diagnostics::{Diagnostic, Place, similar};
use crate::modules::{FREE_FORM, Found, find};
use crate::yaml::{Map, Node, Style, Value};

/// Modules that take a command: of their text only few words are options.
const COMMANDS: [&str; 6] = ["command", "raw", "script", "shell", "win_command", "win_shell"];
/// Others that take a text.
const TEXTS: [&str; 8] = ["include_vars", "include_tasks", "include_role", "import_tasks", "import_role", "group_by", "set_fact", "meta"];

/// What was found in a task.
pub(super) struct Parsed {
    pub(super) action: Action,
    /// Whether it runs here: `local_action`.
    pub(super) is_local: bool,
    /// The key that names the module; none behind `action` and `local_action`.
    pub(super) key: Option<String>,
}

/// A module's name without the collection of Ansible's own modules.
pub(super) fn short(name: &str) -> &str {
    name.strip_prefix("ansible.builtin.").or_else(|| name.strip_prefix("ansible.legacy.")).unwrap_or(name)
}

impl Loader<'_> {
    /// The module of a task and its options. `None`: it has been said what is wrong.
    pub(super) fn action(&mut self, task: &Node, map: &Map, on: On) -> Option<Parsed> {
        let is_keyword = |name: &str| name.starts_with("with_") || keywords::find(name).is_some_and(|keyword| keyword.may_stand(on));
        let others: Vec<&(Node, Node)> = map.iter().filter(|(key, _)| key.as_str().is_some_and(|name| !is_keyword(name))).collect();
        let old: Vec<&(Node, Node)> = map.iter().filter(|(key, _)| matches!(key.as_str(), Some("action" | "local_action"))).collect();
        match (old.as_slice(), others.as_slice()) {
            ([(key, value)], _) => {
                // a module beside it, or a keyword that nobody knows
                let module = others.iter().find(|(key, _)| is_module(key)).map(|(key, _)| key);
                if let Some(module) = module {
                    self.two(key, module);
                }
                let action = self.old_style(value, map)?;
                self.reserved(&action);
                Some(Parsed {
                    action,
                    is_local: key.as_str() == Some("local_action"),
                    key: module.and_then(Node::as_str).map(str::to_owned),
                })
            }
            ([(first, _), (second, _), ..], _) => {
                let error = Diagnostic::error("`action` and `local_action` exclude each other").at(second.place.clone());
                self.problems.push(error.also(first.place.clone(), "the first").hint("keep one of them"));
                None
            }
            ([], []) => {
                self.nothing(task, map);
                None
            }
            ([], _) => {
                let (key, value) = self.module_of(&others)?;
                let name = key.as_str()?;
                if short(name) == "include" {
                    self.problems.push(removed_include(key));
                    return None;
                }
                let action = self.new_style(key, name, value, map)?;
                self.reserved(&action);
                Some(Parsed { action, is_local: false, key: Some(name.to_owned()) })
            }
        }
    }

    /// Ansible keeps options of such names for itself, also where any name is taken.
    fn reserved(&mut self, action: &Action) {
        for (key, _) in &action.options {
            if let Some(name) = key.as_str().filter(|name| name.starts_with("_ansible_")) {
                let message = format!("`{name}` is a reserved name: what begins with `_ansible_` is Ansible's own");
                self.error(&key.place, message, "give it another name");
            }
        }
    }

    /// Which of several keys that are no keywords is the module.
    fn module_of<'t>(&mut self, others: &[&'t (Node, Node)]) -> Option<&'t (Node, Node)> {
        let modules: Vec<&&(Node, Node)> = others.iter().filter(|(key, _)| is_module(key)).collect();
        if let [first, second, ..] = modules.as_slice() {
            self.two(&first.0, &second.0);
            return None;
        }
        if let Some(module) = modules.first() {
            return Some(module);
        }
        // nobody knows any of them: what is like a keyword is none
        let is_like_keyword = |name: &str| {
            let names = keywords::names(On::Task).chain(["with_items", "with_dict"]);
            name != "user" && (keywords::find(name).is_some() || similar(name, names).is_some())
        };
        let module = others.iter().find(|(key, _)| key.as_str().is_some_and(|name| !is_like_keyword(name)));
        if module.is_none() {
            for (key, _) in others {
                self.unknown_keyword(key, key.as_str().unwrap_or_default(), On::Task);
            }
        }
        module.copied()
    }

    fn two(&mut self, first: &Node, second: &Node) {
        let (one, two) = (first.as_str().unwrap_or_default(), second.as_str().unwrap_or_default());
        let error = Diagnostic::error(format!("this task has two modules, `{one}` and `{two}`")).at(second.place.clone());
        let hint = format!("make two tasks of it: write `- ` before `{two}`, or indent it if it is an option of `{one}`");
        self.problems.push(error.also(first.place.clone(), "the first").hint(hint));
    }

    /// A task in which no key is a module's name.
    fn nothing(&mut self, task: &Node, map: &Map) {
        let place = map.first().map_or(&task.place, |(key, _)| &key.place);
        let error = Diagnostic::error("this task does nothing: it names no module").at(place.clone());
        self.problems.push(error.hint("write the module's name as a key, and its options under it, e.g. `ansible.builtin.file:`"));
    }

    fn new_style(&mut self, key: &Node, name: &str, value: &Node, map: &Map) -> Option<Action> {
        let mut action = Action { name: name.to_owned(), place: key.place.clone(), options: Map::new(), whole: None };
        self.extra(map, &mut action)?;
        match &value.value {
            Value::Map(options) => over(&mut action.options, options.clone()),
            Value::Str(_) => self.text(value, &mut action)?,
            Value::Vault(_) => over(&mut action.options, vec![raw(value.clone())]),
            Value::Null => {}
            other => {
                let message = format!("the options of `{name}` are a mapping, and this is {}", described(value));
                let hint = match other {
                    Value::List(_) => "write each as `option: value`, without `- `; a task for each of several things takes `loop`",
                    _ => "write each as `option: value` on a line of its own; put a text in quotes",
                };
                self.error(&value.place, message, hint);
                return None;
            }
        }
        Some(action)
    }

    /// `action: copy src=a dest=b`, or a mapping with `module`.
    fn old_style(&mut self, value: &Node, map: &Map) -> Option<Action> {
        let (text, mut options) = match &value.value {
            Value::Map(given) => match given.iter().find(|(key, _)| key.as_str() == Some("module")) {
                Some((_, module)) => {
                    let others = given.iter().filter(|(key, _)| key.as_str() != Some("module")).cloned().collect::<Map>();
                    (module, others)
                }
                None => {
                    self.error(&value.place, "this names no module", "write `module: NAME` in it, or the module's name as the task's key");
                    return None;
                }
            },
            _ => (value, Map::new()),
        };
        let Some(line) = text.as_str().filter(|line| !line.trim().is_empty()) else {
            let message = format!("a module's name is a text, and this is {}", described(text));
            self.error(&value.place, message, "write `action: MODULE option=value`, or better `MODULE:` with its options under it");
            return None;
        };
        let words = split::words(line).map_err(|_| self.unbalanced(text)).ok()?;
        let (name, rest) = words.split_first()?;
        let mut action = Action { name: name.trim().to_owned(), place: text.place.clone(), options: Map::new(), whole: None };
        self.extra(map, &mut action)?;
        // `args` in it, as a mapping or as `k=v`
        if let Some(at) = options.iter().position(|(key, _)| key.as_str() == Some("args")) {
            let (_, inner) = options.remove(at);
            match &inner.value {
                Value::Map(inner) => over(&mut options, inner.clone()),
                Value::Str(_) => {
                    let mut other = Action { options: Map::new(), ..action.clone() };
                    self.text(&inner, &mut other)?;
                    over(&mut options, other.options);
                }
                _ => self.error(&inner.place, "`args` is a mapping", "write `option: value` under it"),
            }
        }
        over(&mut action.options, options);
        let rest = Node { value: Value::from(rest.join(" ")), ..text.clone() };
        self.text(&rest, &mut action)?;
        Some(action)
    }

    /// `args`, over which the module's own options lie.
    fn extra(&mut self, map: &Map, action: &mut Action) -> Option<()> {
        let Some((key, args)) = map.iter().find(|(key, _)| key.as_str() == Some("args")) else { return Some(()) };
        match &args.value {
            Value::Map(options) => over(&mut action.options, options.clone()),
            Value::Str(text) if is_whole(text) && args.is_template() => action.whole = Some(args.clone()),
            Value::Null => self.warning(&key.place, "`args` is empty and has no effect", "write `option: value` under it, or take it out"),
            _ => {
                let message = format!("`args` is a mapping, and this is {}", described(args));
                self.error(&args.place, message, "write `option: value` under it, one a line");
                return None;
            }
        }
        Some(())
    }

    /// `k=v` words and a free-form text.
    fn text(&mut self, value: &Node, action: &mut Action) -> Option<()> {
        let text = value.as_str()?;
        let name = short(&action.name);
        let is_command =
            COMMANDS.contains(&name) || matches!(action.name.as_str(), "ansible.windows.win_command" | "ansible.windows.win_shell");
        let Ok(Pairs { options, rest }) = split::pairs(text, is_command) else {
            self.unbalanced(value);
            return None;
        };
        let takes_text = is_command || TEXTS.contains(&name);
        if let (true, Some(rest), false) = (options.is_empty(), &rest, takes_text)
            && is_whole(rest)
            && value.is_template()
        {
            if let Some(args) = action.whole.replace(value.clone()) {
                let message = "the options and `args` are both one template";
                self.error(&args.place, message, "write the options one by one under the module's name");
            }
            return Some(());
        }
        let mut cursor = 0;
        let mut found: Map = Vec::new();
        for (option, written, word) in options {
            let place = part(value, text, &word, &mut cursor);
            // what was written with `=` is a text, whatever it looks like
            let made = |text: String| Node { value: Value::from(text), place: place.clone(), style: Style::Quoted, ..value.clone() };
            // `set_fact: "{{ name }}=…"` may choose the variable by a template
            found.push((Node { literal: name != "set_fact", ..made(option) }, made(written)));
        }
        found.extend(rest.map(|rest| raw(Node { value: Value::from(rest), ..value.clone() })));
        over(&mut action.options, found);
        Some(())
    }

    fn unbalanced(&mut self, value: &Node) {
        let hint = "close the quote or the braces, or write the options as `option: value` under the module's name";
        self.error(&value.place, "a quote or a template in this text does not end", hint);
    }
}

/// Whether a key is a module's name beyond doubt.
fn is_module(key: &Node) -> bool {
    key.as_str().is_some_and(|name| name.split('.').count() >= 3 || !matches!(find(name), Found::Unknown))
}

/// Options with others over them.
fn over(options: &mut Map, others: Map) {
    for (name, value) in others {
        match options.iter_mut().find(|(other, _)| other.value == name.value) {
            Some(old) => *old = (name, value),
            None => options.push((name, value)),
        }
    }
}

fn raw(value: Node) -> (Node, Node) {
    (Node { literal: true, ..Node::new(FREE_FORM, value.place.clone()) }, value)
}

/// Whether a text begins and ends as a template does.
fn is_whole(text: &str) -> bool {
    let text = text.trim();
    ["{{", "{%", "{#"].iter().any(|begin| text.starts_with(begin)) && ["}}", "%}", "#}"].iter().any(|end| text.ends_with(end))
}

/// Where a word of a text stands, if the text stands in its file as it is.
fn part(value: &Node, text: &str, word: &str, cursor: &mut usize) -> Place {
    let word = word.trim_end();
    let Some(at) = text.get(*cursor..).and_then(|rest| rest.find(word)) else { return value.place.clone() };
    let start = *cursor + at;
    *cursor = start + word.len();
    let span = value.place.span.clone();
    let source = value.place.source.text.get(span.clone()).unwrap_or_default();
    match source.find(text).filter(|_| !source.contains('\n')) {
        Some(offset) => value.place.source.at(span.start + offset + start..span.start + offset + *cursor),
        None => value.place.clone(),
    }
}
