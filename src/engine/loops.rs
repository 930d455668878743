//! What a task goes through: `loop` and `with_…`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::magic::made;
use crate::diagnostics::Diagnostic;
use crate::playbook::{Loop, LoopControl};
use crate::template::{Engine, Over, Scope};
use crate::yaml::{Node, Style, Value, python_str};

/// The items of a loop.
///
/// # Errors
/// What cannot be rendered, or is no list.
pub(super) fn items(repeat: &Loop, engine: &Engine, scope: &Arc<dyn Scope>) -> Result<Vec<Node>, Box<Diagnostic>> {
    let error = |message: String| Box::new(Diagnostic::error(message).at(repeat.values.place.clone()));
    let render = |node: &Node| engine.render(node, Arc::clone(scope));
    if repeat.kind == "first_found" {
        // it is rendered where it is looked at: it passes over what is not there
        return lookup(&repeat.kind, &repeat.values, engine, scope);
    }
    // a bare name was a variable once, and still is in `with_items: things`
    let values = match &repeat.values.value {
        Value::Str(text) if repeat.kind != "loop" && !repeat.values.is_template() && is_name(text) => {
            let defined = scope.get(text).is_some();
            if defined { engine.expression(&repeat.values, Arc::clone(scope))? } else { repeat.values.clone() }
        }
        _ => render(&repeat.values)?,
    };
    match (repeat.kind.as_str(), &values.value) {
        ("loop" | "list", Value::List(list)) => Ok(list.clone()),
        ("list", _) => Ok(vec![values]),
        ("loop", _) => {
            let found = python_str(&values);
            let found = if values.secret || found.len() > 60 { self::kind(&values.value).to_owned() } else { format!("`{found}`") };
            Err(error(format!("`loop` goes through a list, and this is {found}")).hint_boxed("put what it goes through into a list: `[…]`"))
        }
        (kind, _) => lookup(kind, &values, engine, scope),
    }
}

/// What an item is called, and its number, if that has a name.
pub(super) type Names = (String, Option<String>);

/// `loop_var` and `index_var`.
///
/// # Errors
/// A name that cannot be rendered.
pub(super) fn names(control: &LoopControl, engine: &Engine, scope: &Arc<dyn Scope>) -> Result<Names, Box<Diagnostic>> {
    let name = |node: &Node| Ok::<_, Box<Diagnostic>>(python_str(&engine.render(node, Arc::clone(scope))?));
    let item = control.loop_var.as_ref().map(name).transpose()?;
    Ok((item.unwrap_or_else(|| "item".to_owned()), control.index_var.as_ref().map(name).transpose()?))
}

/// What `query(kind, …)` gives for these terms.
fn lookup(kind: &str, values: &Node, engine: &Engine, scope: &Arc<dyn Scope>) -> Result<Vec<Node>, Box<Diagnostic>> {
    /// No template has such a name.
    const TERMS: &str = "homelabctl_terms";
    let terms = match &values.value {
        Value::List(_) => values.clone(),
        _ => made(Value::List(vec![values.clone()])),
    };
    let kind = kind.replace(['\'', '\\'], "");
    let text = match kind.as_str() {
        "first_found" => {
            let folder = "homelabctl_folder | default('files', true)";
            format!("query('first_found', *{TERMS}, homelabctl_folder={folder})")
        }
        kind => format!("query('{kind}', *{TERMS})"),
    };
    let expression = Node { literal: false, ..Node::new(text.as_str(), values.place.clone()) };
    let over = Over::new([(TERMS.to_owned(), terms)].into(), Arc::clone(scope));
    let found = engine.expression(&expression, Arc::new(over))?;
    Ok(found.as_list().map(<[Node]>::to_vec).unwrap_or_default())
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

/// The variables that a loop gives to one of its items, which are called so.
pub(super) fn variables(names: &Names, control: &LoopControl, items: &[Node], index: usize) -> BTreeMap<String, Node> {
    let text = |text: &str| made(Value::from(text));
    let is = |word: &Option<Node>| word.as_ref().and_then(crate::modules::boolean);
    let (loop_var, index_var) = names.clone();
    let mut found = BTreeMap::from([("ansible_loop_var".to_owned(), text(&loop_var))]);
    found.extend(items.get(index).map(|item| (loop_var, item.clone())));
    if let Some(name) = index_var {
        found.insert("ansible_index_var".to_owned(), text(&name));
        found.insert(name, number(index));
    }
    if is(&control.extended).unwrap_or(false) {
        found.insert("ansible_loop".to_owned(), position(items, index, is(&control.extended_allitems).unwrap_or(true)));
    }
    found
}

fn number(number: usize) -> Node {
    made(Value::Int(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// `ansible_loop`.
fn position(items: &[Node], index: usize, all: bool) -> Node {
    let entry = |name: &str, value: Node| (made(Value::from(name)), value);
    let truth = |truth: bool| made(Value::Bool(truth));
    let length = items.len();
    let mut map: Vec<(Node, Node)> = all.then(|| entry(ALL, made(Value::List(items.to_vec())))).into_iter().collect();
    map.extend([
        entry("index", number(index + 1)),
        entry("index0", number(index)),
        entry("first", truth(index == 0)),
        entry("last", truth(index + 1 == length)),
        entry("length", number(length)),
        entry("revindex", number(length - index)),
        entry("revindex0", number(length - index - 1)),
    ]);
    map.extend(items.get(index + 1).map(|item| entry("nextitem", item.clone())));
    map.extend(index.checked_sub(1).and_then(|before| items.get(before)).map(|item| entry("previtem", item.clone())));
    made(Value::Map(map))
}

/// The name in `ansible_loop` of all items.
const ALL: &str = "allitems";

/// Takes all items out of `ansible_loop`: each item's variables hold them. Whether they were there.
pub(super) fn take_all(top: &mut BTreeMap<String, Node>) -> bool {
    let Some(Node { value: Value::Map(map), .. }) = top.get_mut("ansible_loop") else { return false };
    let before = map.len();
    map.retain(|(key, _)| key.as_str() != Some(ALL));
    map.len() < before
}

/// Puts them there again.
pub(super) fn put_all(top: &mut BTreeMap<String, Node>, items: &[Node]) {
    if let Some(Node { value: Value::Map(map), .. }) = top.get_mut("ansible_loop") {
        map.insert(0, (made(Value::from(ALL)), made(Value::List(items.to_vec()))));
    }
}
