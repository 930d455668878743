//! Values as Python's `json.dumps` and Ansible's inventory encoder write them.

use super::value::{Map, Node, Value, python_float};

/// What stands in the place of a value that must not be shown.
pub const MASKED: &str = "***";

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Spaces a level; `None` for one line.
    pub indent: Option<usize>,
    /// Whether decrypted values are written as they are.
    pub secrets: bool,
    /// Whether a text that is no template is marked, as Ansible marks it: `{"__ansible_unsafe": "..."}`.
    pub mark_literal: bool,
    /// Whether an encrypted text is written, as Ansible writes it: `{"__ansible_vault": "..."}`.
    pub encrypted: bool,
}

/// A key or a single value, as JSON would have it, a text without quotes.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::BigInt(digits) => digits.to_string(),
        Value::Float(number) => match python_float(*number).as_str() {
            "nan" => "NaN".into(),
            "inf" => "Infinity".into(),
            "-inf" => "-Infinity".into(),
            number => number.to_owned(),
        },
        Value::Str(text) | Value::Time(text) => text.to_string(),
        Value::Vault(_) => "an encrypted text".into(),
        Value::List(_) | Value::Map(_) => value.kind().into(),
    }
}

/// A text in JSON's quotes; only what must be escaped is.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_quoted(text, &mut out);
    out
}

fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || matches!(c, '"' | '\\')) {
        let (clean, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(clean);
        let mut chars = tail.chars();
        match chars.next() {
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some(c @ ('"' | '\\')) => {
                out.push('\\');
                out.push(c);
            }
            Some(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Writes one document, piece by piece; the keys of a mapping sorted, as Ansible has them.
#[derive(Debug)]
pub struct Writer {
    out: String,
    look: Look,
    level: usize,
    /// Whether something stands before in the collection that is open.
    begun: bool,
}

impl Writer {
    /// Nothing yet.
    pub fn new(look: Look) -> Self {
        Self { out: String::new(), look, level: 0, begun: false }
    }

    /// The document.
    pub fn finish(self) -> String {
        self.out
    }

    /// A mapping, whose pairs are written by `inside`, which sorts them.
    pub fn map(&mut self, inside: impl FnOnce(&mut Self)) {
        self.collection('{', '}', inside);
    }

    /// A list.
    pub fn list(&mut self, inside: impl FnOnce(&mut Self)) {
        self.collection('[', ']', inside);
    }

    fn collection(&mut self, open: char, close: char, inside: impl FnOnce(&mut Self)) {
        self.out.push(open);
        let before = std::mem::replace(&mut self.begun, false);
        self.level += 1;
        inside(self);
        self.level -= 1;
        let empty = !std::mem::replace(&mut self.begun, before);
        if !empty {
            self.line();
        }
        self.out.push(close);
    }

    /// The next pair's key.
    pub fn key(&mut self, key: &str) {
        self.item();
        push_quoted(key, &mut self.out);
        self.out.push_str(": ");
    }

    /// Where the next item of a list begins.
    pub fn item(&mut self) {
        if std::mem::replace(&mut self.begun, true) {
            self.out.push_str(if self.look.indent.is_some() { "," } else { ", " });
        }
        self.line();
    }

    fn line(&mut self) {
        if let Some(indent) = self.look.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', indent * self.level));
        }
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        push_quoted(text, &mut self.out);
    }

    /// Any value.
    pub fn node(&mut self, node: &Node) {
        match &node.value {
            Value::List(list) => self.list(|writer| {
                for item in list {
                    writer.item();
                    writer.node(item);
                }
            }),
            Value::Map(map) => self.sorted(map),
            _ if node.secret && !self.look.secrets => self.text(MASKED),
            Value::Vault(text) if self.look.encrypted => self.wrapped("__ansible_vault", text),
            Value::Vault(_) => self.text(MASKED),
            Value::Str(text) if node.literal && self.look.mark_literal => self.wrapped("__ansible_unsafe", text),
            Value::Str(text) | Value::Time(text) => self.text(text),
            other => self.out.push_str(&plain(other)),
        }
    }

    fn wrapped(&mut self, key: &str, text: &str) {
        self.map(|writer| {
            writer.key(key);
            writer.text(text);
        });
    }

    fn sorted(&mut self, map: &Map) {
        let mut pairs: Vec<(String, &Node)> = map.iter().map(|(key, value)| (plain(&key.value), value)).collect();
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.map(|writer| {
            for (key, value) in pairs {
                writer.key(&key);
                writer.node(value);
            }
        });
    }
}

/// A value on one line, for people.
pub fn one_line(node: &Node) -> String {
    let mut writer = Writer::new(Look { indent: None, secrets: false, mark_literal: false, encrypted: false });
    writer.node(node);
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::super::testing::node;
    use super::*;

    #[test]
    fn as_python_dumps_it() {
        let node = node("b: [1, 2.0, 'ä\\n\"', .inf, null]\na: {}\n2: []\ntrue: !unsafe '{{ x }}'\nc: \"\\x01\\t\\\\\"\n");
        let mut writer = Writer::new(Look { indent: Some(4), secrets: false, mark_literal: true, encrypted: true });
        writer.node(&node);
        insta::assert_snapshot!(writer.finish());
        assert_eq!(one_line(&node), r#"{"2": [], "a": {}, "b": [1, 2.0, "ä\\n\"", Infinity, null], "c": "\u0001\t\\", "true": "{{ x }}"}"#);
    }

    #[test]
    fn secrets_are_masked() {
        let mut node = node("a: [x, 1, {b: y}]\n");
        node.each_mut(&mut |node| node.secret = true);
        assert_eq!(one_line(&node), r#"{"a": ["***", "***", {"b": "***"}]}"#);
    }

    proptest::proptest! {
        #[test]
        fn scalars_are_the_same_once_they_were_json(text in "\\PC{0,12}|[-+0-9_.:eExob]{1,12}|[a-zA-Z~=<.]{1,6}") {
            let Ok(value) = super::super::scalar::resolve(&text) else { return Ok(()) };
            let source = crate::diagnostics::Source::new("x", "");
            let list = Node::new(Value::List(vec![Node::new(value, source.whole())]), source.whole());
            let written = one_line(&list);
            let again = super::super::load(&crate::diagnostics::Source::new("x", written.as_str())).unwrap().0.unwrap();
            assert_eq!(one_line(&again), written);
            match (&list.as_list().unwrap()[0].value, &again.as_list().unwrap()[0].value) {
                (Value::Float(one), Value::Float(other)) => assert!(one == other || one.is_nan() && other.is_nan()),
                (Value::Time(one), Value::Str(other)) => assert_eq!(one, other),
                (one, other) => assert!(one == other, "{written}"),
            }
        }

        #[test]
        fn texts_come_back_from_json_and_from_yaml(text in proptest::arbitrary::any::<String>()) {
            let written = quoted(&text);
            for document in [format!("[{written}]"), format!("- {written}\n")] {
                // the characters that YAML does not allow stand as they are in JSON
                if let Ok((Some(node), _)) = super::super::load(&crate::diagnostics::Source::new("x", document.as_str())) {
                    assert_eq!(node.as_list().unwrap()[0].as_str(), Some(text.as_str()), "{document}");
                } else {
                    assert!(document.starts_with('-') && text.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')), "{document}");
                }
            }
        }
    }
}
