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
    let value = engine.expression(condition, Arc::clone(scope))?;
    Ok(match &value.value {
        // a variable that holds a condition: an old habit
        Value::Str(text) => match text.trim().to_ascii_lowercase().as_str() {
            "" | "false" | "no" | "off" | "n" | "0" => false,
            "true" | "yes" | "on" | "y" | "1" => true,
            _ => {
                let mut inner = value.clone();
                inner.literal = false;
                if condition.as_str().is_some_and(|text| text.trim().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')) {
                    truth(&engine.expression(&inner, Arc::clone(scope))?.value)
                } else {
                    true
                }
            }
        },
        value => truth(value),
    })
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
