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

    /// The same, made into something else where it is there.
    pub fn map<U>(self, further: impl FnOnce(T) -> U) -> Known<U> {
        self.and_then(|value| Known::Is(further(value)))
    }

    /// The same, read further where it is there.
    pub fn and_then<U>(self, further: impl FnOnce(T) -> Known<U>) -> Known<U> {
        match self {
            Self::Is(value) => further(value),
            Self::Not => Known::Not,
            Self::Unknown(why) => Known::Unknown(why),
        }
    }

    /// Only if there is such a thing, or nobody knows.
    #[must_use]
    pub fn filter(self, is_wanted: impl FnOnce(&T) -> bool) -> Self {
        match self {
            Self::Is(value) if !is_wanted(&value) => Self::Not,
            other => other,
        }
    }

    /// Whether there is such a thing.
    pub fn is_there(self) -> Known<bool> {
        match self {
            Self::Is(_) => Known::Is(true),
            Self::Not => Known::Is(false),
            Self::Unknown(why) => Known::Unknown(why),
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
