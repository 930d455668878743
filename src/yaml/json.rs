//! Documents that are JSON: Ansible reads every file as JSON first, where numbers and quotes mean JSON's.

use super::merge;
use super::scalar::whole;
use super::value::{Map, Node, Style, Value};
use crate::diagnostics::{Diagnostic, Diagnostics, Source};

/// Deeper nesting is nobody's document.
const DEEPEST: usize = 128;

/// The document's value, or `None` if it is no JSON, or one that a person has to hear about (a key that
/// stands twice), which is then told as for YAML.
pub(super) fn load(source: &Source) -> Option<Node> {
    let mut problems = Diagnostics::new();
    let node = read(source, &mut problems)?;
    problems.0.is_empty().then_some(node)
}

/// A JSON document from elsewhere than a file, e.g. what an inventory program prints.
///
/// # Errors
/// It is no JSON, or a key stands twice.
pub fn load_json(source: &Source) -> Result<Node, Diagnostics> {
    let mut problems = Diagnostics::new();
    if let Some(node) = read(source, &mut problems) {
        return problems.or(node).map(|(node, _)| node);
    }
    let Err(error) = serde_json::from_str::<serde_json::Value>(&source.text) else {
        return Err(Diagnostic::error(format!("more than {DEEPEST} lists and objects stand in each other")).at(source.line(1)).into());
    };
    let line = source.line(error.line()).span;
    let at = (line.start + error.column().saturating_sub(1)).min(line.end);
    let message = error.to_string();
    let why = message.split(" at line ").next().unwrap_or_default().replace("EOF while parsing", "it ends in the middle of");
    Err(Diagnostic::error(format!("this is no JSON: {why}")).at(source.at(at..(at + 1).min(line.end.max(at)))).into())
}

fn read(source: &Source, problems: &mut Diagnostics) -> Option<Node> {
    let mut reader = Reader { source, text: &source.text, at: 0, depth: 0, problems };
    // a look at the first character keeps most YAML from being looked at twice
    if !matches!(reader.peek()?, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b'N' | b'I') {
        return None;
    }
    let node = reader.value()?;
    reader.peek().is_none().then_some(node)
}

/// Reads JSON as Python's `json.loads` does; `None` from any part means that it is no JSON.
struct Reader<'a> {
    source: &'a Source,
    text: &'a str,
    at: usize,
    depth: usize,
    problems: &'a mut Diagnostics,
}

impl Reader<'_> {
    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Whether the next byte was this one.
    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Option<Node> {
        let first = self.peek()?;
        let start = self.at;
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let (value, style) = match first {
            b'{' => (self.object()?, Style::Collection),
            b'[' => (self.array()?, Style::Collection),
            b'"' => (Value::Str(self.string()?.into()), Style::Quoted),
            _ => (self.literal()?, Style::Plain),
        };
        self.depth -= 1;
        Some(trusted(Node::new(value, self.source.at(start..self.at)).style(style)))
    }

    fn object(&mut self) -> Option<Value> {
        self.skip(b'{');
        let mut pairs: Map = Vec::new();
        if self.skip(b'}') {
            return Some(Value::Map(pairs));
        }
        loop {
            self.peek()?;
            let start = self.at;
            let key = Node::new(self.string()?, self.source.at(start..self.at)).style(Style::Quoted);
            if !self.skip(b':') {
                return None;
            }
            pairs.push((key, self.value()?));
            if !self.skip(b',') {
                return self.skip(b'}').then(|| Value::Map(merge::unique(pairs, self.problems)));
            }
        }
    }

    fn array(&mut self) -> Option<Value> {
        self.skip(b'[');
        let mut list = Vec::new();
        if self.skip(b']') {
            return Some(Value::List(list));
        }
        loop {
            list.push(self.value()?);
            if !self.skip(b',') {
                return self.skip(b']').then_some(Value::List(list));
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let rest = self.text.get(self.at..).filter(|rest| rest.starts_with('"'))?;
        let mut end = 1;
        while let Some(at) = rest.as_bytes().get(end..)?.iter().position(|b| matches!(b, b'"' | b'\\')) {
            end += at + 1;
            match rest.as_bytes().get(end - 1)? {
                b'"' => {
                    let text = serde_json::from_str(rest.get(..end)?).ok()?;
                    self.at += end;
                    return Some(text);
                }
                _ => end += 1,
            }
        }
        None
    }

    fn literal(&mut self) -> Option<Value> {
        let rest = self.text.get(self.at..)?;
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'))).unwrap_or(rest.len());
        let word = rest.get(..end)?;
        self.at += end;
        let value = match word {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "NaN" => Value::Float(f64::NAN),
            "Infinity" => Value::Float(f64::INFINITY),
            "-Infinity" => Value::Float(f64::NEG_INFINITY),
            number if !is_number(number) => return None,
            number if number.contains(['.', 'e', 'E']) => Value::Float(number.parse().ok()?),
            number => whole(number.trim_start_matches('-'), 10, number.starts_with('-'))?,
        };
        Some(value)
    }
}

/// JSON's grammar of a number: no sign but a minus, no zeros in front, digits around the point.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (before, after) = mantissa.split_once('.').map_or((mantissa, None), |(before, after)| (before, Some(after)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits(before)
        && (before == "0" || !before.starts_with('0'))
        && after.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}

/// What Ansible writes for a text that is no template, and for an encrypted one.
fn trusted(node: Node) -> Node {
    let text_of = |key: &str| node.get(key).and_then(Node::as_str).map(std::sync::Arc::<str>::from);
    if let Some(text) = text_of("__ansible_vault") {
        return Node { value: Value::Vault(text), ..node };
    }
    match text_of("__ansible_unsafe") {
        Some(text) => Node { value: Value::Str(text), literal: true, ..node },
        None => node,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::shown;
    use super::*;

    #[test]
    fn json_is_read_as_json() {
        assert_eq!(
            shown("{\"a\": [1, -2, 1.5, 1e3, true, null, \"x\\\"\\u00e4\\ud83d\\ude00\"], \"b\": {}, \"c\": []}"),
            "{a: [1, -2, 1.5, 1000.0, true, null, \"x\\\"ä😀\"], b: {}, c: []}"
        );
        assert_eq!(
            shown("{\"a\": {\"__ansible_unsafe\": \"{{ x }}\"}, \"b\": {\"__ansible_vault\": \"x\"}}"),
            "{a: literal \"{{ x }}\", b: vault}"
        );
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let errors = |text: &str| load_json(&Source::new("output of hosts.sh", text)).unwrap_err().to_string();
        insta::assert_snapshot!([errors("{\"a\": 1,\n \"a\": 2}"), errors("{\"a\": x}"), errors("[1,]"), errors("")].join("\n\n"));
    }
}
