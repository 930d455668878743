//! Conditions: `when`, `changed_when`, `failed_when`, `until`.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::diagnostics::Diagnostic;
use crate::modules::json;
use crate::template::{Engine, Scope};
use crate::yaml::{Node, Value};

/// The first condition that does not hold, as it stands there; `None` if all hold.
///
/// # Errors
/// The first that cannot be evaluated.
pub(super) fn first_false<'a>(
    conditions: impl IntoIterator<Item = &'a Node>,
    engine: &Engine,
    scope: &Arc<dyn Scope>,
) -> Result<Option<Json>, Box<Diagnostic>> {
    for condition in conditions {
        if !holds(condition, engine, scope)? {
            return Ok(Some(json(condition)));
        }
    }
    Ok(None)
}

/// So many variables may stand for one another.
const MOST: usize = 10;

fn holds(condition: &Node, engine: &Engine, scope: &Arc<dyn Scope>) -> Result<bool, Box<Diagnostic>> {
    let mut condition = condition.clone();
    for _ in 0..MOST {
        if condition.is_null() {
            return Ok(true);
        }
        if let Some(text) = condition.as_str().filter(|_| condition.literal) {
            return word(text).ok_or_else(|| untrusted(&condition));
        }
        let value = engine.expression(&condition, Arc::clone(scope))?;
        let Value::Str(text) = &value.value else { return Ok(truth(&value.value)) };
        if let Some(truth) = word(text) {
            return Ok(truth);
        }
        // a variable that holds a condition: an old habit. What a machine said is never one
        let inner = behind(&condition, scope).filter(|inner| !inner.literal && inner.as_str().is_some());
        let Some(inner) = inner.filter(|inner| inner.as_str() != condition.as_str()) else { break };
        condition = inner;
    }
    let braces = condition.as_str().is_some_and(|text| text.trim_start().starts_with("{{"));
    Err(if braces { untrusted(&condition) } else { no_boolean(&condition) })
}

/// What a text says that is no expression.
fn word(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "false" | "no" | "off" | "n" | "0" => Some(false),
        "true" | "yes" | "on" | "y" | "1" => Some(true),
        _ => None,
    }
}

fn no_boolean(condition: &Node) -> Box<Diagnostic> {
    let error = Diagnostic::error(NO_BOOLEAN).hint("compare it (`== 'this'`), or make it true or false with `| bool`");
    Box::new(error.at(condition.place.clone()))
}

/// A condition that gives a text.
pub(super) const NO_BOOLEAN: &str = "a condition is true or false, and this one gives a text";

pub(super) fn untrusted(condition: &Node) -> Box<Diagnostic> {
    let error = Diagnostic::error("this is an untrusted template or expression: only what the playbook itself says is evaluated");
    Box::new(error.at(condition.place.clone()))
}

/// The variable's own value, not rendered, where a text is no more than `name`, `name.key` or the same in braces.
fn behind(text: &Node, scope: &Arc<dyn Scope>) -> Option<Node> {
    let text = text.as_str()?.trim();
    let path = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map_or(text, str::trim);
    let mut names = path.split('.');
    let first = names.next()?;
    // these hold what machines said, and to look at the whole of them is dear
    if !path.split('.').all(is_name) || (first != path && matches!(first, "ansible_facts" | "hostvars" | "vars")) {
        return None;
    }
    names.try_fold(scope.get(first)?, |node, name| node.get(name).cloned())
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && text.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

/// Whether a text names a value and does no more: `name`, `name.key`, `name['key']`, `name[0]`.
pub(super) fn is_path(text: &str) -> bool {
    let text = text.trim();
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let Some((first, mut rest)) = text.split_at_checked(end) else { return false };
    if !is_name(first) {
        return false;
    }
    while !rest.is_empty() {
        let after = if let Some(inner) = rest.strip_prefix('.') {
            let (name, after) = inner.split_at(inner.find(['.', '[']).unwrap_or(inner.len()));
            is_name(name).then_some(after)
        } else {
            rest.strip_prefix('[').and_then(|inner| inner.split_once(']')).filter(|(key, _)| is_key(key)).map(|(_, after)| after)
        };
        let Some(after) = after else { return false };
        rest = after;
    }
    true
}

/// A quoted text or a whole number.
fn is_key(key: &str) -> bool {
    let quoted = ['\'', '"'].iter().find_map(|quote| key.strip_prefix(*quote)?.strip_suffix(*quote));
    match quoted {
        Some(text) => !text.contains(['\'', '"', '\\']),
        None => !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// What stands behind `{{ name }}`, as it is written there: conditions that a variable holds are conditions only if the
/// playbook says so, and once they are rendered nobody knows that.
pub(super) fn written(node: &Node, scope: &Arc<dyn Scope>) -> Node {
    let mut node = node.clone();
    for _ in 0..MOST {
        match behind(&node, scope).filter(|inner| node.is_template() && !inner.is_null()) {
            Some(inner) => node = inner,
            None => break,
        }
    }
    node
}

/// What Python takes for true.
pub(super) fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Int(number) => *number != 0,
        Value::BigInt(_) | Value::Time(_) | Value::Vault(_) => true,
        Value::Float(number) => *number != 0.0,
        Value::Str(text) => !text.is_empty(),
        Value::List(list) => !list.is_empty(),
        Value::Map(map) => !map.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_path;

    #[test]
    fn a_path_names_a_value_and_does_no_more() {
        for path in ["a", "_a1.b", "a['b c'][0].d", "a[\"b\"]", " a "] {
            assert!(is_path(path), "{path}");
        }
        let others =
            ["", "1", "a.", "a..b", "a.0", "a()", "a[b]", "a['b'", "a['b' ~ c]", "a.b | c", "lookup('pipe', 'x')", "a['b'](c)", "a[-1]"];
        for other in others {
            assert!(!is_path(other), "{other}");
        }
    }
}
