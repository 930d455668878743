//! What stands in an object: texts, numbers, lists and conditions, by JSON pointers.

use serde_json::Value;

/// The text at a JSON pointer, or nothing.
pub(in crate::gitops) fn text<'a>(object: &'a Value, at: &str) -> &'a str {
    object.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a JSON pointer, or 0, as Kubernetes leaves it out.
pub(in crate::gitops) fn number(object: &Value, at: &str) -> i64 {
    object.pointer(at).and_then(Value::as_i64).unwrap_or_default()
}

/// What is in the array at a JSON pointer.
pub(in crate::gitops) fn each<'a>(object: &'a Value, at: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    object.pointer(at).and_then(Value::as_array).into_iter().flatten()
}

/// Whether the truth at a JSON pointer is told, and is true.
pub(in crate::gitops) fn is_true(object: &Value, at: &str) -> bool {
    object.pointer(at).and_then(Value::as_bool) == Some(true)
}

/// A condition: its status, its reason and its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gitops) struct Condition<'a> {
    pub(in crate::gitops) status: &'a str,
    pub(in crate::gitops) reason: &'a str,
    pub(in crate::gitops) message: &'a str,
}

/// The condition of a type.
pub(in crate::gitops) fn condition<'a>(object: &'a Value, kind: &str) -> Option<Condition<'a>> {
    let found = each(object, "/status/conditions").find(|condition| text(condition, "/type") == kind)?;
    Some(Condition { status: text(found, "/status"), reason: text(found, "/reason"), message: text(found, "/message") })
}

/// Whether the condition of a type is there, and holds.
pub(in crate::gitops) fn holds(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition.status == "True")
}
