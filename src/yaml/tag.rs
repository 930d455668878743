//! Tags: what a person says about the type of a value.

use super::scalar;
use super::value::Value;

/// What a tag asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// There is none.
    None,
    Str,
    Int,
    Float,
    Bool,
    Null,
    Time,
    List,
    Map,
    Set,
    /// `!unsafe`: whatever it looks like, it is no template.
    Unsafe,
    /// `!`: what it looks like, with or without quotes.
    Plain,
    /// `!vault`: encrypted.
    Vault,
}

const CORE: &str = "tag:yaml.org,2002:";

impl Kind {
    /// The kind, or the tag's name as it is written if it is none that Ansible knows.
    pub(super) fn of(tag: Option<&str>) -> Result<Self, String> {
        let Some(tag) = tag else { return Ok(Self::None) };
        Ok(match tag {
            "!unsafe" => Self::Unsafe,
            "!vault" | "!vault-encrypted" => Self::Vault,
            // PyYAML resolves what stands behind it as if there were no quotes
            "!" => Self::Plain,
            whole => match whole.strip_prefix(CORE) {
                Some("str" | "python/unicode") => Self::Str,
                Some("int") => Self::Int,
                Some("float") => Self::Float,
                Some("bool") => Self::Bool,
                Some("null") => Self::Null,
                Some("timestamp") => Self::Time,
                Some("seq") => Self::List,
                Some("map" | "python/dict") => Self::Map,
                Some("set") => Self::Set,
                Some(other) => return Err(format!("!!{other}")),
                None => return Err(whole.to_owned()),
            },
        })
    }

    /// What a scalar with this tag is.
    pub(super) fn scalar(self, text: &str) -> Result<Value, &'static str> {
        match self {
            Self::None | Self::Str => Ok(Value::from(text)),
            // PyYAML resolves these as if they were plain
            Self::Plain if text.is_empty() => Ok(Value::from("")),
            Self::Unsafe | Self::Plain => scalar::resolve(text),
            Self::Int => int(text).ok_or("it is no whole number"),
            Self::Float => match scalar::float(text) {
                Some(number) => Ok(Value::Float(number)),
                None => text.replace('_', "").parse().map(Value::Float).map_err(|_| "it is no number"),
            },
            Self::Bool => match text.to_ascii_lowercase().as_str() {
                "yes" | "true" | "on" => Ok(Value::Bool(true)),
                "no" | "false" | "off" => Ok(Value::Bool(false)),
                _ => Err("it is neither true nor false"),
            },
            Self::Null => Ok(Value::Null),
            Self::Time => super::timestamp::timestamp(text)?.ok_or("it is no date"),
            Self::Vault if text.trim().is_empty() => Err("nothing stands behind this `!vault`"),
            Self::Vault => match scalar::resolve(text)? {
                Value::Str(text) => Ok(Value::Vault(text)),
                _ => Err("what stands behind this `!vault` is not encrypted"),
            },
            Self::List => Err("it is no list"),
            Self::Map | Self::Set => Err("it is no mapping"),
        }
    }

    /// What is wrong with this tag before a list or a mapping.
    pub(super) fn misplaced(self, list: bool) -> Option<&'static str> {
        match self {
            Self::None | Self::Unsafe | Self::Plain => None,
            Self::List => (!list).then_some("this is a mapping, and its tag says it is a list"),
            Self::Map | Self::Set => list.then_some("this is a list, and its tag says it is a mapping"),
            Self::Vault => Some("only a text can be encrypted"),
            Self::Str | Self::Int | Self::Float | Self::Bool | Self::Null | Self::Time => {
                Some("its tag says it is a single value, and it holds several")
            }
        }
    }
}

/// `!!int`, as PyYAML hands it to Python's `int()`: that knows `0o17` too.
fn int(text: &str) -> Option<Value> {
    let plain = text.trim().replace('_', "");
    let octal = plain.trim_start_matches(['-', '+']).strip_prefix("0o").map(str::to_owned);
    match octal {
        Some(octal) => scalar::whole(&octal, 8, plain.starts_with('-')),
        None => scalar::int(&plain).flatten(),
    }
}
