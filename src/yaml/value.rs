//! A value of the dialect, and where it stands.

use std::fmt;
use std::sync::Arc;

use crate::diagnostics::Place;

/// A value with its place: what YAML's representation graph calls a node.
#[derive(Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
    /// How it was written.
    pub style: Style,
    /// Whether it must not be shown: it was decrypted.
    pub secret: bool,
    /// Whether it is no template, whatever it looks like: `!unsafe`, or from where templates are not trusted.
    pub literal: bool,
}

/// What Python would hold for it.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// `None`
    Null,
    /// `True` and `False`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number that is too large for 64 bits: its decimal digits, perhaps with a sign.
    BigInt(Arc<str>),
    /// Any other number.
    Float(f64),
    /// A text.
    Str(Arc<str>),
    /// A date, or a date with a time, as Python's `isoformat()` writes it.
    Time(Arc<str>),
    /// The text of an encrypted value (`$ANSIBLE_VAULT;...`).
    Vault(Arc<str>),
    /// Several values in their order.
    List(Vec<Node>),
    /// Keys and values in their order; no key stands twice.
    Map(Map),
}

/// Keys and values in their order.
pub type Map = Vec<(Node, Node)>;

/// How a value was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In quotes, as a block of text, or as JSON: a text is meant.
    Quoted,
    /// A block of text behind `|` or `>`.
    Block,
    /// Several values.
    Collection,
    /// It was made by us.
    Made,
}

impl Node {
    /// A value at a place.
    pub fn new(value: impl Into<Value>, place: Place) -> Self {
        Self { value: value.into(), place, style: Style::Made, secret: false, literal: false }
    }

    /// The same value at the same place, written another way.
    #[must_use]
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The keys and values, if it is a mapping.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The values, if it is a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The value of that key, if it is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// Whether it is `None`.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// Whether it is a text that has to be rendered before it is used.
    pub fn is_template(&self) -> bool {
        !self.literal && self.as_str().is_some_and(looks_like_template)
    }

    /// Every value in it, itself first.
    pub fn each<'a>(&'a self, see: &mut impl FnMut(&'a Node)) {
        see(self);
        match &self.value {
            Value::List(list) => list.iter().for_each(|item| item.each(see)),
            Value::Map(map) => map.iter().for_each(|(key, value)| {
                see(key);
                value.each(see);
            }),
            _ => {}
        }
    }

    /// Every value in it, itself first, to be changed.
    pub fn each_mut(&mut self, change: &mut impl FnMut(&mut Node)) {
        change(self);
        match &mut self.value {
            Value::List(list) => list.iter_mut().for_each(|item| item.each_mut(change)),
            Value::Map(map) => map.iter_mut().for_each(|(_, value)| value.each_mut(change)),
            _ => {}
        }
    }
}

/// Whether Jinja would find anything in a text.
pub fn looks_like_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

impl Value {
    /// What a person calls it, for error texts: `a text`, `a list`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "empty",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::BigInt(_) | Self::Float(_) => "a number",
            Self::Str(_) => "a text",
            Self::Time(_) => "a date",
            Self::Vault(_) => "an encrypted text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// A number as Python's `repr()` writes it: the shortest digits that read back as the same number.
pub fn python_float(number: f64) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) || number == 0.0 {
        // `{:?}` has no exponent in this range, and always a decimal point
        let plain = format!("{number}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// Never the value itself: it may be a password.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({} at {})", self.value.kind(), self.place)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_python_writes_them() {
        for (number, text) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-0.0, "-0.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (123_456.789, "123456.789"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(python_float(number), text);
        }
    }
}
