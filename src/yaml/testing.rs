//! Values as text, for tests.

use super::load;
use super::to_json::{plain, quoted};
use super::value::{Node, Value};
use crate::diagnostics::Source;

fn source(text: &str) -> Source {
    Source::new("x.yml", text)
}

pub(crate) fn node(text: &str) -> Node {
    load(&source(text)).unwrap_or_else(|errors| panic!("{errors}")).0.unwrap()
}

pub(super) fn shown(text: &str) -> String {
    match load(&source(text)) {
        Ok((Some(node), _)) => show(&node),
        Ok((None, _)) => "nothing".into(),
        Err(errors) => errors.to_string(),
    }
}

pub(super) fn show(node: &Node) -> String {
    match &node.value {
        Value::Str(text) => format!("{}{}", if node.literal { "literal " } else { "" }, quoted(text)),
        Value::Vault(_) => "vault".into(),
        Value::List(list) => format!("[{}]", list.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Map(map) => {
            let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{}: {}", plain(&key.value), show(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => plain(other),
    }
}

pub(super) fn errors(text: &str) -> String {
    load(&source(text)).map(|(node, _)| node.map(|node| show(&node))).expect_err("it is wrong").to_string()
}

pub(super) fn warned(text: &str) -> String {
    load(&source(text)).unwrap_or_else(|errors| panic!("{errors}")).1.to_string()
}
