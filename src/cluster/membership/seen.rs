//! The three things that a question about a machine or a cluster can be answered with.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::state::State;

/// What is known of one thing: it is there, it is not, or nobody can tell. A probe that failed is unknown, never absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen<T> {
    /// It is there, and this is it.
    Present(T),
    /// Whoever would know says that it is not there.
    Absent,
    /// It could not be read, because.
    Unknown(Cow<'static, str>),
}

impl<T> Seen<T> {
    /// Whether it is there for certain.
    pub fn is_present(&self) -> bool {
        matches!(self, Self::Present(_))
    }

    /// Whether it is missing for certain.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// What is there, if that is certain.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// What is there, or nothing if nothing is there for certain.
    ///
    /// # Errors
    /// The state of a host of which that is not known.
    pub(super) fn known(&self, what: &str) -> Result<Option<&T>, State> {
        match self {
            Self::Present(value) => Ok(Some(value)),
            Self::Absent => Ok(None),
            Self::Unknown(why) => Err(State::Unknown(format!("{what}: {why}"))),
        }
    }
}

impl Seen<()> {
    /// There or not, and certain.
    pub fn certain(is_there: bool) -> Self {
        if is_there { Self::Present(()) } else { Self::Absent }
    }
}
