//! A value as a text of YAML, in the form in which kubectl writes it: blocks, and lists as deep as what holds them.

use serde_json::Value;

/// The text, with a line's end.
pub(super) fn write(value: &Value) -> String {
    let mut text = String::new();
    block(&mut text, value, 0);
    text
}

/// `value` on lines of its own.
fn block(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (n, (key, value)) in map.iter().enumerate() {
                if n > 0 || !text.ends_with("- ") {
                    indent(text, depth);
                }
                text.push_str(&scalar(&Value::from(key.as_str())));
                text.push(':');
                behind(text, value, depth);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (n, value) in list.iter().enumerate() {
                if n > 0 || !text.ends_with("- ") {
                    indent(text, depth);
                }
                text.push_str("- ");
                block(text, value, depth + 1);
            }
        }
        other => {
            text.push_str(&scalar(other));
            text.push('\n');
        }
    }
}

/// `value` behind its key.
fn behind(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            block(text, value, depth + 1);
        }
        Value::Array(list) if !list.is_empty() => {
            text.push('\n');
            block(text, value, depth);
        }
        other => {
            text.push(' ');
            text.push_str(&scalar(other));
            text.push('\n');
        }
    }
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}

/// On one line. A text stands without quotes only where nothing else could be meant.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(plain) if is_plain(plain) => plain.clone(),
        // strings of JSON are strings of YAML
        other => other.to_string(),
    }
}

fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    begins
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-@+=:".contains(c))
        && !text.ends_with(':')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::cluster::settings::read::free;
    use crate::diagnostics::Source;

    fn read(text: &str) -> Value {
        free(&crate::yaml::load(&Source::new("x", text)).unwrap().0.unwrap())
    }

    #[test]
    fn it_looks_as_kubectl_writes_it() {
        let value = json!({"a": [{"name": "lab", "b": {"c": "https://k:6443", "d": []}}, ["x", "yes"]], "e": {}, "f": null, "g": "1.30"});
        let text = "a:\n- name: lab\n  b:\n    c: https://k:6443\n    d: []\n- - x\n  - \"yes\"\ne: {}\nf: null\ng: \"1.30\"\n";
        assert_eq!((write(&value).as_str(), read(text)), (text, value));
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = prop_oneof!["[a-zA-Z0-9:/.~#' \"\\\\\n\t{}\\[\\],&*!|>%@`-]{0,8}", any::<String>()];
        let text =
            text.prop_filter("no character that YAML has not", |text| !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
        let leaf = prop_oneof![
            text.prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null)
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z1-9-]{1,6}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_it_was(values in prop::collection::btree_map("[a-z-]{1,6}", value(), 1..4)) {
            let value = Value::Object(values.into_iter().collect());
            prop_assert_eq!(read(&write(&value)), value);
        }
    }
}
