//! Values as Python prints them.

use super::value::{Node, Value, python_float};

/// `str(value)`: a text is itself, a text within a list or a mapping stands in quotes.
pub fn python_str(node: &Node) -> String {
    match node.as_str() {
        Some(_) if node.secret => super::MASKED.to_owned(),
        Some(text) => text.to_owned(),
        None => match &node.value {
            // Python's `str()` of a time has a space where its `isoformat()` has a T
            Value::Time(text) if !node.secret => text.replacen('T', " ", 1),
            Value::Vault(_) => super::MASKED.to_owned(),
            _ => repr(node),
        },
    }
}

/// `repr(value)`: a text stands in quotes.
pub fn python_repr(node: &Node) -> String {
    repr(node)
}

fn repr(node: &Node) -> String {
    match &node.value {
        Value::List(list) => format!("[{}]", list.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Map(map) => {
            let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{}: {}", repr(key), repr(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        _ if node.secret => quoted(super::MASKED),
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Int(number) => number.to_string(),
        Value::BigInt(digits) => digits.to_string(),
        Value::Float(number) => python_float(*number),
        Value::Str(text) | Value::Time(text) => quoted(text),
        Value::Vault(_) => quoted(super::MASKED),
    }
}

/// In single quotes, unless there are only single ones in it.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::node;
    use super::*;

    #[test]
    fn as_python_prints() {
        let text = "a: [1, 2.0, yes, ~, \"it's\", 'a\"b', \"a'\\\"\\n\\x01\", 1: x]\n".replace(", 1: x", "");
        assert_eq!(python_str(&node(&text)), r#"{'a': [1, 2.0, True, None, "it's", 'a"b', 'a\'"\n\x01']}"#);
        assert_eq!(python_str(&node("x")), "x");
    }
}
