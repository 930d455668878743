//! What a task's own words say must not be shown.

use crate::diagnostics::{may_be_a_password, names_a_secret, passwords_in};
use crate::modules::Spec;
use crate::template::Engine;
use crate::yaml::{Node, Value, plain, python_str};

/// A longer text is not searched for passwords.
const LONGEST: usize = 256 * 1024;

/// The options of a task that are passwords by what they are called, and passwords in its texts.
pub(super) fn options(engine: &Engine, spec: &Spec, options: &[(Node, Node)]) {
    // what people are told is no configuration
    let speaks = matches!(spec.name, "debug" | "assert" | "fail" | "pause");
    for (key, value) in options {
        let name = python_str(key);
        let secret = spec.option(&name).is_some_and(|option| option.secret);
        if secret {
            all(engine, value);
        } else if !speaks {
            parts(engine, &name, value);
        }
    }
}

/// Every value in it.
pub(super) fn all(engine: &Engine, node: &Node) {
    node.each(&mut |node| {
        if !matches!(node.value, Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_)) {
            engine.hide(&plain(&node.value));
        }
    });
}

/// What was encrypted in it.
pub(super) fn encrypted(engine: &Engine, node: &Node) {
    node.each(&mut |node| {
        if node.secret && matches!(node.value, Value::Str(_) | Value::Int(_) | Value::Float(_)) {
            engine.hide(&plain(&node.value));
        }
    });
}

/// A value by the name that it has.
pub(super) fn named(engine: &Engine, name: &str, text: &str) {
    if (names_a_secret(name) || matches!(name.to_ascii_lowercase().as_str(), "authorization" | "cookie")) && may_be_a_password(text) {
        engine.hide(text);
        // `Bearer …`
        if let Some((_, word)) = text.rsplit_once(' ') {
            engine.hide(word);
        }
    }
}

/// The passwords that a text names, such as a line of `.env`.
pub(super) fn passwords(engine: &Engine, text: &str) {
    if text.len() > LONGEST {
        return;
    }
    for line in text.lines() {
        passwords_in(line, names_a_secret).into_iter().filter(|found| may_be_a_password(found)).for_each(|found| engine.hide(found));
        if let Some(password) = of_address(line) {
            engine.hide(password);
        }
    }
}

fn parts(engine: &Engine, name: &str, node: &Node) {
    match &node.value {
        Value::Map(map) => map.iter().for_each(|(key, value)| {
            parts(engine, &python_str(key), value);
        }),
        Value::List(list) => list.iter().for_each(|item| parts(engine, name, item)),
        Value::Str(text) => {
            named(engine, name, text);
            passwords(engine, text);
        }
        _ => {}
    }
}

/// The password in `https://name:password@host`.
fn of_address(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let (who, _) = rest.split(['/', ' ', '"', '\'']).next()?.rsplit_once('@')?;
    who.split_once(':').map(|(_, password)| password).filter(|password| may_be_a_password(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_password() {
        assert_eq!(of_address("get https://pat:hunter2@h:80/x@y"), Some("hunter2"));
        assert_eq!(of_address("https://h/x:y@z"), None);
    }
}
