//! What a value in an INI inventory is: a Python literal, or else a text (`ast.literal_eval`, which Ansible uses there).

use std::collections::HashMap;
use std::sync::Arc;

use crate::diagnostics::Place;
use crate::yaml::{Node, Style, Value, identity, python_float, whole};

/// Deeper nesting is left a text.
const DEEPEST: usize = 60;

/// The value that a text stands for.
pub(super) fn read(text: &str, place: &Place) -> Node {
    let node = |value| Node::new(value, place.clone()).style(Style::Plain);
    // nearly all values are words, and none of these begins a literal
    let first = text.trim_start_matches([' ', '\t']).chars().next();
    let may_be = first.is_some_and(|c| c.is_ascii_digit() || "'\"[({-+.".contains(c) || "TFNbBrRuUs".contains(c));
    let literal = if may_be { Parser::new(text, place).document() } else { None };
    literal.unwrap_or_else(|| node(Value::from(text)))
}

/// What stands between values: a value of several kinds, of which only some can be stored.
enum Literal {
    Node(Node),
    Bytes(String),
    /// A number with an imaginary part, as Python prints it.
    Complex(String),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    place: &'a Place,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, place: &'a Place) -> Self {
        Self { text, at: 0, place, depth: 0 }
    }

    fn node(&self, value: impl Into<Value>) -> Node {
        Node::new(value, self.place.clone()).style(Style::Plain)
    }

    fn document(mut self) -> Option<Node> {
        if self.text.contains('\0') {
            return None;
        }
        // a tuple needs no brackets
        let list = self.items(None)?;
        self.space();
        (self.at == self.text.len()).then_some(list)
    }

    /// Values with commas between, up to a bracket that is not taken; one value without a comma is itself.
    fn items(&mut self, close: Option<char>) -> Option<Node> {
        let mut list = Vec::new();
        let mut comma = false;
        loop {
            self.space();
            if self.peek() == close {
                break;
            }
            list.push(self.value()?);
            self.space();
            if !self.skip(',') {
                break;
            }
            comma = true;
        }
        match (list.len(), comma) {
            (1, false) => list.pop(),
            (0, true) => None,
            (0, false) if close.is_none() => None,
            _ => Some(self.node(Value::List(list))),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += if found { c.len_utf8() } else { 0 };
        found
    }

    /// Spaces, and a comment, which reaches to the end.
    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\u{c}']).len();
        if self.peek() == Some('#') {
            self.at = self.text.len();
        }
    }

    fn value(&mut self) -> Option<Node> {
        match self.literal()? {
            Literal::Node(node) => Some(node),
            // Ansible decodes bytes, and does not trust them with a template
            Literal::Bytes(text) => Some(Node { literal: true, ..self.node(Value::from(text)) }),
            Literal::Complex(text) => Some(self.node(Value::from(text))),
        }
    }

    fn literal(&mut self) -> Option<Literal> {
        self.space();
        self.depth += 1;
        let found = if self.depth > DEEPEST { None } else { self.literal_inside() };
        self.depth -= 1;
        let found = found?;
        self.space();
        // `1+2j` is the only sum that is a literal
        match (&found, self.peek()) {
            (Literal::Node(Node { value: Value::Int(_) | Value::Float(_), .. }), Some('+' | '-')) => self.complex(&found),
            _ => Some(found),
        }
    }

    fn literal_inside(&mut self) -> Option<Literal> {
        let first = self.peek()?;
        match first {
            '[' => {
                let list = self.bracketed(']')?;
                Some(Literal::Node(self.node(Value::List(list))))
            }
            '(' => {
                self.skip('(');
                let inside = self.items(Some(')'))?;
                self.skip(')').then_some(Literal::Node(inside))
            }
            '{' => self.braces().map(Literal::Node),
            '-' | '+' => {
                self.skip(first);
                self.space();
                self.number(first == '-')
            }
            '.' | '0'..='9' => self.number(false),
            _ if self.string_begins() => self.strings(),
            _ => self.word().map(Literal::Node),
        }
    }

    fn bracketed(&mut self, close: char) -> Option<Vec<Node>> {
        self.at += 1;
        let mut list = Vec::new();
        loop {
            self.space();
            if self.skip(close) {
                return Some(list);
            }
            list.push(self.value()?);
            self.space();
            if !self.skip(',') {
                return self.skip(close).then_some(list);
            }
        }
    }

    /// A dictionary or a set.
    fn braces(&mut self) -> Option<Node> {
        self.skip('{');
        let (mut pairs, mut members): (Vec<(Node, Node)>, Vec<Node>) = (Vec::new(), Vec::new());
        let mut known: HashMap<String, usize> = HashMap::new();
        loop {
            self.space();
            if self.skip('}') {
                break;
            }
            let key = self.value()?;
            if matches!(key.value, Value::List(_) | Value::Map(_)) {
                return None;
            }
            self.space();
            let name = identity(&key);
            let pair = self.skip(':');
            if pair && !members.is_empty() || !pair && !pairs.is_empty() {
                return None;
            }
            if pair {
                let value = self.value()?;
                // of two equal keys the later counts, in the place of the first
                match known.get(&name).and_then(|&at| pairs.get_mut(at)) {
                    Some(known) => known.1 = value,
                    None => {
                        known.insert(name, pairs.len());
                        pairs.push((key, value));
                    }
                }
            } else if known.insert(name, usize::MAX).is_none() {
                members.push(key);
            }
            self.space();
            if !self.skip(',') {
                if self.skip('}') {
                    break;
                }
                return None;
            }
        }
        Some(self.node(if members.is_empty() { Value::Map(pairs) } else { Value::List(members) }))
    }

    fn word(&mut self) -> Option<Node> {
        let end = self.rest().find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(self.rest().len());
        let word = self.rest().get(..end)?;
        let value = match word {
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "None" => Value::Null,
            "set" if self.rest().get(end..)?.starts_with("()") => {
                self.at += 2;
                Value::List(Vec::new())
            }
            _ => return None,
        };
        self.at += end;
        Some(self.node(value))
    }

    fn number(&mut self, negative: bool) -> Option<Literal> {
        let rest = self.rest();
        let sign = |text: String| if negative { format!("-{text}") } else { text };
        let radix = |prefix: &str| match prefix {
            "0x" | "0X" => Some(16),
            "0o" | "0O" => Some(8),
            "0b" | "0B" => Some(2),
            _ => None,
        };
        if let Some(radix) = rest.get(..2).and_then(radix) {
            let digits = self.digits(2, |c| c.is_digit(radix), true)?;
            return self
                .end_number(2 + digits.0)
                .then(|| whole(&digits.1, radix, negative).map(|value| Literal::Node(self.node(value))))?;
        }
        let (length, before) = self.digits(0, |c| c.is_ascii_digit(), false).unwrap_or((0, String::new()));
        let mut end = length;
        let mut text = before.clone();
        if rest.get(end..)?.starts_with('.') {
            let (length, after) = self.digits(end + 1, |c| c.is_ascii_digit(), false).unwrap_or((0, String::new()));
            if before.is_empty() && after.is_empty() {
                return if rest.starts_with("...") && !negative { self.ellipsis() } else { None };
            }
            end += 1 + length;
            text = format!("{}.{}", if before.is_empty() { "0" } else { &before }, if after.is_empty() { "0" } else { &after });
        }
        let tail = rest.get(end..)?;
        if tail.starts_with(['e', 'E']) {
            let signed = usize::from(tail.get(1..)?.starts_with(['-', '+']));
            if let Some((length, exponent)) = self.digits(end + 1 + signed, |c| c.is_ascii_digit(), false) {
                text = format!("{text}e{}{exponent}", tail.get(1..=signed)?);
                end += 1 + signed + length;
            }
        }
        if rest.get(end..)?.starts_with(['j', 'J']) {
            self.at += end + 1;
            let number = imaginary(text.parse().ok()?);
            return Some(Literal::Complex(if negative { format!("(-0-{number})") } else { number }));
        }
        if !self.end_number(end) {
            return None;
        }
        if text.contains(['.', 'e']) {
            return Some(Literal::Node(self.node(Value::Float(sign(text).parse().ok()?))));
        }
        // zeros in front are allowed before nothing but zeros
        if before.len() > 1 && before.starts_with('0') && before.bytes().any(|b| b != b'0') {
            return None;
        }
        whole(&before, 10, negative).map(|value| Literal::Node(self.node(value)))
    }

    /// Digits from `skip` bytes on, with single underscores between; how long they are, and themselves.
    fn digits(&self, skip: usize, is_digit: impl Fn(char) -> bool, may_begin_with_underscore: bool) -> Option<(usize, String)> {
        let rest = self.rest().get(skip..)?;
        let end = rest.find(|c: char| !(is_digit(c) || c == '_')).unwrap_or(rest.len());
        let text = rest.get(..end)?;
        let good = !text.contains("__") && !text.ends_with('_') && (may_begin_with_underscore || !text.starts_with('_'));
        let digits = text.replace('_', "");
        (good && !digits.is_empty()).then_some((end, digits))
    }

    /// Takes a number of that length; whether it ends there.
    fn end_number(&mut self, length: usize) -> bool {
        self.at += length;
        !self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.')
    }

    fn ellipsis(&mut self) -> Option<Literal> {
        self.at += 3;
        Some(Literal::Node(self.node("...")))
    }

    fn complex(&mut self, real: &Literal) -> Option<Literal> {
        let negative = self.peek() == Some('-');
        self.at += 1;
        self.space();
        let Some(Literal::Complex(imaginary)) = self.number(false) else { return None };
        let Literal::Node(Node { value: real, .. }) = real else { return None };
        let real = match real {
            Value::Int(number) => number.to_string(),
            Value::Float(number) => python_float(*number).trim_end_matches(".0").to_owned(),
            _ => return None,
        };
        Some(Literal::Complex(format!("({real}{}{imaginary})", if negative { '-' } else { '+' })))
    }

    fn string_begins(&self) -> bool {
        let prefix: String = self.rest().chars().take_while(char::is_ascii_alphabetic).take(3).collect();
        let known = matches!(prefix.to_ascii_lowercase().as_str(), "" | "r" | "u" | "b" | "br" | "rb");
        known && self.rest().get(prefix.len()..).is_some_and(|rest| rest.starts_with(['\'', '"']))
    }

    /// Strings that stand side by side are one.
    fn strings(&mut self) -> Option<Literal> {
        let (mut text, mut bytes) = (String::new(), None);
        while self.string_begins() {
            let (part, is_bytes) = self.string()?;
            if bytes.is_some_and(|bytes| bytes != is_bytes) {
                return None;
            }
            bytes = Some(is_bytes);
            text.push_str(&part);
            self.space();
        }
        let value = Value::Str(Arc::from(text.as_str()));
        Some(if bytes == Some(true) { Literal::Bytes(decoded(&text)?) } else { Literal::Node(self.node(value).style(Style::Quoted)) })
    }

    fn string(&mut self) -> Option<(String, bool)> {
        let prefix: String = self.rest().chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
        self.at += prefix.len();
        let (raw, bytes) = (prefix.contains('r'), prefix.contains('b'));
        let quote = self.peek()?;
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let close = if self.rest().starts_with(&triple) { triple } else { quote.to_string() };
        self.at += close.len();
        let mut text = String::new();
        loop {
            if self.rest().starts_with(&close) {
                self.at += close.len();
                return Some((text, bytes));
            }
            let c = self.peek()?;
            self.at += c.len_utf8();
            if bytes && !c.is_ascii() {
                return None;
            }
            if c != '\\' {
                text.push(c);
                continue;
            }
            if raw {
                text.push('\\');
                let next = self.peek()?;
                self.at += next.len_utf8();
                text.push(next);
            } else {
                self.escape(&mut text, bytes)?;
            }
        }
    }

    fn escape(&mut self, text: &mut String, bytes: bool) -> Option<()> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        let simple = match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' | '\'' | '"' => c,
            '0'..='7' => {
                self.at -= 1;
                let digits: String = self.rest().chars().take(3).take_while(|c| ('0'..='7').contains(c)).collect();
                self.at += digits.len();
                char::from_u32(u32::from_str_radix(&digits, 8).ok()?)?
            }
            'x' => self.hexadecimal(2)?,
            'u' if !bytes => self.hexadecimal(4)?,
            'U' if !bytes => self.hexadecimal(8)?,
            // the name of a character: too rare to carry the table
            'N' if !bytes => return None,
            other => {
                text.push('\\');
                other
            }
        };
        text.push(simple);
        Some(())
    }

    fn hexadecimal(&mut self, count: usize) -> Option<char> {
        let digits = self.rest().get(..count).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.at += count;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    }
}

/// Bytes, each as the character with its number, as the UTF-8 text that they are.
fn decoded(bytes: &str) -> Option<String> {
    String::from_utf8(bytes.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>()?).ok()
}

/// As Python prints it: `2j`, `1.5j`.
fn imaginary(number: f64) -> String {
    format!("{}j", python_float(number).trim_end_matches(".0"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Source;
    use crate::yaml::one_line;

    fn of(text: &str) -> String {
        one_line(&read(text, &Source::new("x", text).whole()))
    }

    #[test]
    fn as_python_reads_literals() {
        for (text, expected) in [
            ("1", "1"),
            ("-5", "-5"),
            ("+ 5", "5"),
            ("1_000", "1000"),
            ("1__0", "\"1__0\""),
            ("00", "0"),
            ("0644", "\"0644\""),
            ("0o17", "15"),
            ("0x_ff", "255"),
            ("0b101", "5"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("1e3", "1000.0"),
            ("1e", "\"1e\""),
            ("1.2.3", "\"1.2.3\""),
            ("10.0.0.1", "\"10.0.0.1\""),
            ("2024-01-02", "\"2024-01-02\""),
            ("1+2j", "\"(1+2j)\""),
            ("2j", "\"2j\""),
            ("1+2", "\"1+2\""),
            ("--5", "\"--5\""),
            ("True", "true"),
            ("true", "\"true\""),
            ("yes", "\"yes\""),
            ("None", "null"),
            ("Trueish", "\"Trueish\""),
            ("'a'", "\"a\""),
            ("\"a\" 'b'", "\"ab\""),
            ("'it''s'", "\"its\""),
            (r"'a\n\x41\u00e4\101\q'", r#""a\nAäA\\q""#),
            (r"r'a\n'", r#""a\\n""#),
            ("b'x'", "\"x\""),
            (r"b'\xc3\xa4'", "\"ä\""),
            (r"b'\xff'", r#""b'\\xff'""#),
            ("b'ä'", "\"b'ä'\""),
            ("f'x'", "\"f'x'\""),
            ("'''a'b'''", "\"a'b\""),
            ("'open", "\"'open\""),
            ("[1, 'a', [], None,]", "[1, \"a\", [], null]"),
            ("[a, b]", "\"[a, b]\""),
            ("(1, 2)", "[1, 2]"),
            ("(1)", "1"),
            ("(1,)", "[1]"),
            ("()", "[]"),
            ("1, 2", "[1, 2]"),
            ("{'a': 1, 'b': {'c': [2]}}", "{\"a\": 1, \"b\": {\"c\": [2]}}"),
            ("{1, 1}", "[1]"),
            ("{1: 'a', True: 'b', 2: 'c'}", "{\"1\": \"b\", \"2\": \"c\"}"),
            ("{1: 'a', True}", "\"{1: 'a', True}\""),
            ("{1, 2: 3}", "\"{1, 2: 3}\""),
            ("{[1]}", "\"{[1]}\""),
            ("{}", "{}"),
            ("{{ x }}", "\"{{ x }}\""),
            ("set()", "[]"),
            ("...", "\"...\""),
            ("5 # five", "5"),
            ("a # b", "\"a # b\""),
            ("", "\"\""),
            ("99999999999999999999", "99999999999999999999"),
            ("1 2", "\"1 2\""),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_a_text() {
        let deep = "[".repeat(10_000);
        assert_eq!(of(&deep), format!("\"{deep}\""));
    }

    fn value() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;
        let node = |value| Node::new(value, Source::new("x", "").whole());
        let single = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<f64>().prop_filter("printed as names", |number| number.is_finite()).prop_map(Value::Float),
            ".{0,12}".prop_map(Value::from),
            "[1-9][0-9]{25,40}".prop_map(|digits| Value::BigInt(digits.into())),
        ];
        single.prop_recursive(4, 40, 5, move |inner| {
            let key = prop_oneof![".{0,6}".prop_map(Value::from), any::<i64>().prop_map(Value::Int)];
            let pairs = proptest::collection::vec((key, inner.clone()), 0..5);
            prop_oneof![
                proptest::collection::vec(inner, 0..5).prop_map(move |list| Value::List(list.into_iter().map(node).collect())),
                pairs.prop_map(move |pairs| {
                    let mut seen = std::collections::HashSet::new();
                    let pairs = pairs.into_iter().map(|(key, value)| (node(key), node(value)));
                    Value::Map(pairs.filter(|(key, _)| seen.insert(identity(key))).collect())
                }),
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn what_python_prints_is_read_back(value in value()) {
            let place = Source::new("x", "").whole();
            let list = Node::new(Value::List(vec![Node::new(value, place.clone())]), place.clone());
            let printed = crate::yaml::python_str(&list);
            assert_eq!(one_line(&read(&printed, &place)), one_line(&list), "{printed}");
        }
    }
}
