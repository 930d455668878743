//! What was asked of a machine or of the cluster, as three values: a question that failed is no answer.

use std::fmt;

/// What is known of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// It is there, and this is it.
    Is(T),
    /// There is no such thing.
    Not,
    /// Nobody knows, because.
    Unknown(String),
}

impl<T> Known<T> {
    /// What it is, if that is known and there.
    pub fn is(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Not | Self::Unknown(_) => None,
        }
    }

    /// Why it is not known, if it is not.
    pub fn why_unknown(&self) -> Option<&str> {
        match self {
            Self::Unknown(why) => Some(why),
            Self::Is(_) | Self::Not => None,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(value) => value.fmt(f),
            Self::Not => f.write_str("none"),
            Self::Unknown(why) => write!(f, "unknown: {why}"),
        }
    }
}
