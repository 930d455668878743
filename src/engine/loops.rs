//! What a task goes through: `loop` and `with_…`.

use std::path::PathBuf;
use std::sync::Arc;

use super::magic::made;
use crate::diagnostics::Diagnostic;
use crate::playbook::Loop;
use crate::template::{Engine, Scope};
use crate::yaml::{Node, Style, Value, python_str};

/// The items of a loop.
///
/// # Errors
/// What cannot be rendered, or is no list.
pub(super) fn items(
    repeat: &Loop,
    engine: &Engine,
    scope: &Arc<dyn Scope>,
    find: &dyn Fn(&str) -> Option<PathBuf>,
) -> Result<Vec<Node>, Box<Diagnostic>> {
    let error = |message: String| Box::new(Diagnostic::error(message).at(repeat.values.place.clone()));
    let render = |node: &Node| engine.render(node, Arc::clone(scope));
    if repeat.kind == "first_found" {
        return first_found(&render(&repeat.values)?, repeat, find).map(|found| found.into_iter().collect());
    }
    // a bare name was a variable once, and still is in `with_items: things`
    let values = match &repeat.values.value {
        Value::Str(text) if repeat.kind != "loop" && !repeat.values.is_template() && is_name(text) => {
            let defined = scope.get(text).is_some();
            if defined { engine.expression(&repeat.values, Arc::clone(scope))? } else { repeat.values.clone() }
        }
        _ => render(&repeat.values)?,
    };
    let listed = |what: &str| {
        let found = python_str(&values);
        let found = if values.secret || found.len() > 60 { kind(&values.value).to_owned() } else { format!("`{found}`") };
        error(format!("`{what}` goes through a list, and this is {found}")).hint_boxed("put what it goes through into a list: `[…]`")
    };
    let list = match &values.value {
        Value::List(list) => Some(list.clone()),
        _ => None,
    };
    Ok(match repeat.kind.as_str() {
        "loop" => list.ok_or_else(|| listed("loop"))?,
        "items" => flat(&values, 1),
        "list" => list.ok_or_else(|| listed("with_list"))?,
        "flattened" => flat(&values, usize::MAX),
        "dict" => {
            let Value::Map(map) = &values.value else { return Err(error("`with_dict` goes through a mapping".to_owned())) };
            map.iter().map(|(key, value)| map_of([("key", key.clone()), ("value", value.clone())])).collect()
        }
        "together" => {
            let lists = lists(&values);
            let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
            (0..longest)
                .map(|at| list_of(lists.iter().map(|list| list.get(at).cloned().unwrap_or_else(|| made(Value::Null))).collect()))
                .collect()
        }
        "nested" | "cartesian" => {
            let mut rows: Vec<Vec<Node>> = vec![Vec::new()];
            for list in lists(&values) {
                rows = rows.iter().flat_map(|row| list.iter().map(move |item| [row.clone(), vec![item.clone()]].concat())).collect();
            }
            rows.into_iter().map(list_of).collect()
        }
        "indexed_items" => {
            let number = |at: usize| made(Value::Int(i64::try_from(at).unwrap_or(i64::MAX)));
            flat(&values, 1).into_iter().enumerate().map(|(at, item)| list_of(vec![number(at), item])).collect()
        }
        "sequence" => sequence(&values).map_err(error)?,
        "subelements" => subelements(&values).map_err(error)?,
        "lines"
        | "pipe"
        | "random_choice"
        | "fileglob"
        | "filetree"
        | "file"
        | "template"
        | "env"
        | "vars"
        | "inventory_hostnames"
        | "url"
        | "ini" => {
            let looked_up = lookup(&repeat.kind, &values, engine, scope)?;
            flat(&looked_up, 1)
        }
        other => {
            return Err(error(format!("there is no lookup `{other}` here, so no `with_{other}`")).hint_boxed("write the list with `loop:`"));
        }
    })
}

/// What `lookup(kind, …, wantlist=True)` gives for these terms.
fn lookup(kind: &str, values: &Node, engine: &Engine, scope: &Arc<dyn Scope>) -> Result<Node, Box<Diagnostic>> {
    struct Terms(Arc<dyn Scope>, Node);
    impl Scope for Terms {
        fn get(&self, name: &str) -> Option<Node> {
            if name == "homelabctl_terms" { Some(self.1.clone()) } else { self.0.get(name) }
        }
        fn names(&self) -> Vec<String> {
            self.0.names()
        }
        fn hosts(&self) -> Vec<String> {
            self.0.hosts()
        }
        fn host(&self, name: &str) -> Option<Arc<dyn Scope>> {
            self.0.host(name)
        }
    }
    let terms = list_of(flat(values, 1));
    let text = format!("query('{kind}', *homelabctl_terms)");
    let text = match terms.as_list() {
        Some(list) if list.len() == 1 => format!("query('{kind}', homelabctl_terms[0])"),
        _ => text,
    };
    let expression = Node { literal: false, ..Node::new(text.as_str(), values.place.clone()) };
    engine.expression(&expression, Arc::new(Terms(Arc::clone(scope), terms)))
}

fn first_found(values: &Node, repeat: &Loop, find: &dyn Fn(&str) -> Option<PathBuf>) -> Result<Option<Node>, Box<Diagnostic>> {
    let (mut names, mut skip) = (Vec::new(), false);
    let texts = |node: &Node| flat(node, usize::MAX).iter().map(python_str).collect::<Vec<_>>();
    for term in flat(values, 1) {
        match &term.value {
            Value::Map(_) => {
                let files = term.get("files").map(&texts).unwrap_or_default();
                let paths = term.get("paths").map(&texts).unwrap_or_default();
                skip |= term.get("skip").is_some_and(|skip| crate::modules::boolean(skip).unwrap_or(false));
                match paths.is_empty() {
                    true => names.extend(files),
                    false => names.extend(
                        paths.iter().flat_map(|path| files.iter().map(move |file| format!("{}/{file}", path.trim_end_matches('/')))),
                    ),
                }
            }
            _ => names.push(python_str(&term)),
        }
    }
    match names.iter().find_map(|name| find(name)) {
        Some(path) => Ok(Some(made(Value::from(path.display().to_string().as_str())))),
        None if skip => Ok(None),
        None => {
            let error = Diagnostic::error(format!("none of these files is there: {}", names.join(", "))).at(repeat.values.place.clone());
            Err(Box::new(error.hint("`skip: true` goes on without one")))
        }
    }
}

/// The items of a list with lists in it, so many levels deep; anything else is one item.
fn flat(node: &Node, levels: usize) -> Vec<Node> {
    let Value::List(list) = &node.value else { return vec![node.clone()] };
    let inner = |item: &Node| match &item.value {
        Value::List(_) if levels > 0 => flat(item, levels - 1),
        _ => vec![item.clone()],
    };
    list.iter().flat_map(inner).collect()
}

fn lists(node: &Node) -> Vec<Vec<Node>> {
    node.as_list().unwrap_or_default().iter().map(|item| flat(item, 0)).collect()
}

fn list_of(items: Vec<Node>) -> Node {
    made(Value::List(items))
}

fn map_of<const N: usize>(entries: [(&str, Node); N]) -> Node {
    made(Value::Map(entries.into_iter().map(|(name, value)| (made(Value::from(name)), value)).collect()))
}

/// `start=1 end=5 stride=2 format=host%02d`, or a mapping of the same.
fn sequence(values: &Node) -> Result<Vec<Node>, String> {
    let mut options: Vec<(String, String)> = Vec::new();
    match &values.value {
        Value::Map(map) => options.extend(map.iter().map(|(key, value)| (python_str(key), python_str(value)))),
        _ => {
            for word in python_str(values.as_list().and_then(<[Node]>::first).unwrap_or(values)).split_whitespace() {
                let Some((name, value)) = word.split_once('=') else {
                    return Err(format!("`{word}` is no word of `with_sequence`: write `start=1 end=5`"));
                };
                options.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    let number = |name: &str| -> Result<Option<i64>, String> {
        let Some((_, text)) = options.iter().find(|(option, _)| option == name) else { return Ok(None) };
        let parsed = match text.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        parsed.map(Some).map_err(|_| format!("`{name}` of `with_sequence` is a whole number, not `{text}`"))
    };
    let (start, count, stride) = (number("start")?.unwrap_or(1), number("count")?, number("stride")?.unwrap_or(1));
    let end = match (number("end")?, count) {
        (Some(end), None) => end,
        (None, Some(0)) => return Ok(Vec::new()),
        (None, Some(count)) => start + (count - 1) * stride,
        _ => return Err("`with_sequence` has either `end` or `count`".to_owned()),
    };
    if stride == 0 || (end - start).abs() / stride.abs() > 1_000_000 {
        return Err("`with_sequence` makes at most a million items, and its stride is not 0".to_owned());
    }
    let format = options.iter().find(|(option, _)| option == "format").map_or("%d", |(_, format)| format.as_str());
    let mut items = Vec::new();
    let mut at = start;
    while if stride > 0 { at <= end } else { at >= end } {
        items.push(made(Value::from(formatted(format, at)?.as_str())));
        at += stride;
    }
    Ok(items)
}

/// A number by a format like `host%02d`.
fn formatted(format: &str, number: i64) -> Result<String, String> {
    let Some((before, rest)) = format.split_once('%') else {
        return Err(format!("`{format}` has no place for the number, such as `%02d`"));
    };
    let at = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (spec, rest) = rest.split_at(at);
    let width: usize = spec.trim_start_matches('0').parse().unwrap_or(0);
    let digits = match rest.chars().next() {
        Some('d' | 'i' | 's') => number.to_string(),
        Some('x') => format!("{number:x}"),
        Some('X') => format!("{number:X}"),
        Some('o') => format!("{number:o}"),
        _ => return Err(format!("`{format}` is no format of a number")),
    };
    let padded = if spec.starts_with('0') { format!("{digits:0>width$}") } else { format!("{digits:>width$}") };
    Ok(format!("{before}{padded}{}", rest.get(1..).unwrap_or_default()))
}

/// `[list, key]`: each item of the list with each value below that key of it.
fn subelements(values: &Node) -> Result<Vec<Node>, String> {
    let terms = values.as_list().unwrap_or_default();
    let (Some(list), Some(key)) = (terms.first(), terms.get(1)) else {
        return Err("`with_subelements` takes a list and the name of a key".to_owned());
    };
    let skip = terms.get(2).and_then(|flags| flags.get("skip_missing")).is_some_and(|skip| crate::modules::boolean(skip).unwrap_or(false));
    let items: Vec<&Node> = match &list.value {
        Value::List(list) => list.iter().collect(),
        Value::Map(map) => map.iter().map(|(_, value)| value).collect(),
        _ => return Err("`with_subelements` goes through a list of mappings".to_owned()),
    };
    let key = python_str(key);
    let mut found = Vec::new();
    for item in items {
        let below = key.split('.').try_fold(item, |item, key| item.get(key));
        match below.map(|below| &below.value) {
            Some(Value::List(list)) => {
                let last = key.split('.').next_back().unwrap_or_default();
                let without = match &item.value {
                    Value::Map(map) => made(Value::Map(map.iter().filter(|(key, _)| key.as_str() != Some(last)).cloned().collect())),
                    _ => item.clone(),
                };
                found.extend(list.iter().map(|value| list_of(vec![without.clone(), value.clone()])));
            }
            None if skip => {}
            _ => return Err(format!("an item of `with_subelements` has no list `{key}`")),
        }
    }
    Ok(found)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'[' | b']' | b'\''))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Map(_) => "a mapping",
        Value::Str(_) => "a text",
        Value::Null => "nothing",
        _ => "a single value",
    }
}

/// What a person sees of an item.
pub(super) fn label(item: &Node) -> String {
    let style = Node { style: Style::Made, ..item.clone() };
    python_str(&style)
}

trait HintBoxed {
    fn hint_boxed(self, hint: &str) -> Self;
}

impl HintBoxed for Box<Diagnostic> {
    fn hint_boxed(self, hint: &str) -> Self {
        Box::new(self.hint(hint))
    }
}
