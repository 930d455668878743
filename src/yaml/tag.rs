//! Tags: what a person says about the type of a value.

use saphyr_parser::Tag;

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
    /// `!vault`: encrypted.
    Vault,
}

const CORE: &str = "tag:yaml.org,2002:";

impl Kind {
    /// The kind, or the tag's name as it is written if it is none that Ansible knows.
    pub(super) fn of(tag: Option<&Tag>) -> Result<Self, String> {
        let Some(tag) = tag else { return Ok(Self::None) };
        let whole = format!("{}{}", tag.handle, tag.suffix);
        Ok(match whole.as_str() {
            "!unsafe" => Self::Unsafe,
            "!vault" | "!vault-encrypted" => Self::Vault,
            "!" => Self::Str,
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
            Self::None | Self::Str | Self::Unsafe => Ok(Value::from(text)),
            Self::Int => scalar::int(&text.trim().replace('_', "")).flatten().ok_or("it is no whole number"),
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
            Self::Vault => Ok(Value::Vault(text.into())),
            Self::List => Err("it is no list"),
            Self::Map | Self::Set => Err("it is no mapping"),
        }
    }

    /// What is wrong with this tag before a list or a mapping.
    pub(super) fn misplaced(self, list: bool) -> Option<&'static str> {
        match self {
            Self::None | Self::Unsafe => None,
            Self::List => (!list).then_some("this is a mapping, and its tag says it is a list"),
            Self::Map | Self::Set => list.then_some("this is a list, and its tag says it is a mapping"),
            Self::Vault => Some("only a text can be encrypted"),
            Self::Str | Self::Int | Self::Float | Self::Bool | Self::Null | Self::Time => {
                Some("its tag says it is a single value, and it holds several")
            }
        }
    }
}
