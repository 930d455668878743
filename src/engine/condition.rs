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

fn holds(condition: &Node, engine: &Engine, scope: &Arc<dyn Scope>) -> Result<bool, Box<Diagnostic>> {
    if condition.is_null() {
        return Ok(true);
    }
    if let Some(text) = condition.as_str().filter(|_| condition.literal) {
        return word(text).ok_or_else(|| untrusted(condition));
    }
    let value = engine.expression(condition, Arc::clone(scope))?;
    let Value::Str(text) = &value.value else { return Ok(truth(&value.value)) };
    if let Some(truth) = word(text) {
        return Ok(truth);
    }
    // a variable that holds a condition: an old habit. What a machine said is never one
    match behind(condition, scope).filter(|inner| !inner.literal && inner.as_str() != condition.as_str()) {
        Some(inner) => Ok(truth(&engine.expression(&inner, Arc::clone(scope))?.value)),
        None if condition.as_str().is_some_and(|text| text.trim_start().starts_with("{{")) => Err(untrusted(condition)),
        None => Ok(true),
    }
}

/// What a text says that is no expression.
fn word(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "false" | "no" | "off" | "n" | "0" => Some(false),
        "true" | "yes" | "on" | "y" | "1" => Some(true),
        _ => None,
    }
}

fn untrusted(condition: &Node) -> Box<Diagnostic> {
    let error = Diagnostic::error("this is an untrusted template or expression: only what the playbook itself says is evaluated");
    Box::new(error.at(condition.place.clone()))
}

/// The variable's own value, not rendered, where a text is no more than `name` or `{{ name }}`.
fn behind(text: &Node, scope: &Arc<dyn Scope>) -> Option<Node> {
    let text = text.as_str()?.trim();
    let name = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map_or(text, str::trim);
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_name { scope.get(name) } else { None }
}

/// What stands behind `{{ name }}`, as it is written there: conditions that a variable holds are conditions only if the
/// playbook says so, and once they are rendered nobody knows that.
pub(super) fn written(node: &Node, scope: &Arc<dyn Scope>) -> Node {
    /// So many variables may stand for one another.
    const MOST: usize = 10;
    let mut node = node.clone();
    for _ in 0..MOST {
        match behind(&node, scope).filter(|_| node.is_template()) {
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
