//! One fact: what is asked, and the three things an answer can be.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Touch;

/// Something that can be read from a machine without changing it.
///
/// A fact is as narrow as the decision that rests on it (`mount_at(path)`, not all mounts), because it is asked for
/// again as a precondition before anything is changed.
pub trait Fact {
    /// What is read when it is there.
    type Value: Serialize + DeserializeOwned + PartialEq + fmt::Debug;

    /// The question, as data.
    fn query(&self) -> Query;
}

/// A question to a machine, as data: comparable, printable, and enough to build the probe from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Query {
    /// Which fact, e.g. `stat`.
    pub kind: String,
    /// Of what, e.g. `["/etc/hosts"]`.
    pub args: Vec<String>,
    /// What it stands on: once a change touches one of these, the answer is stale.
    pub stands_on: Vec<Touch>,
    /// Whether it moves by itself (time, load, free space): never a precondition.
    pub moves: bool,
    /// What people see in place of `args`, where those may hold secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
}

impl Query {
    /// A question of that kind about `args`.
    pub fn new(kind: &str, args: impl IntoIterator<Item = impl Into<String>>, stands_on: Vec<Touch>) -> Self {
        Self { kind: kind.into(), args: args.into_iter().map(Into::into).collect(), stands_on, moves: false, shown: None }
    }

    /// The same, for a fact that moves by itself.
    #[must_use]
    pub fn moving(mut self) -> Self {
        self.moves = true;
        self
    }

    /// The same, whose arguments people never see: they see this instead.
    #[must_use]
    pub fn shown_as(mut self, shown: impl Into<String>) -> Self {
        self.shown = Some(shown.into());
        self
    }

    /// Whether a change that touches `touches` may have made the answer stale.
    pub fn is_touched_by(&self, touches: &[Touch]) -> bool {
        touches.iter().any(|touch| self.stands_on.iter().any(|ground| ground.overlaps(touch)))
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shown {
            Some(shown) => write!(f, "{}({shown})", self.kind),
            None => write!(f, "{}({})", self.kind, self.args.join(", ")),
        }
    }
}

/// With which eyes a fact was read: an answer holds only for the same host, user and environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The host's name in the inventory.
    pub host: Arc<str>,
    /// The user whose shell read it.
    pub user: Arc<str>,
    /// Variables that were set for it, beyond the login's own.
    pub environment: Arc<Vec<(String, String)>>,
}

impl Scope {
    /// That user on that host, in the login's own environment.
    pub fn new(host: &str, user: &str) -> Self {
        Self { host: host.into(), user: user.into(), environment: Arc::new(Vec::new()) }
    }
}

/// A question and with which eyes it is answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FactKey {
    /// With which eyes.
    pub scope: Scope,
    /// What is asked.
    pub query: Query,
}

impl fmt::Display for FactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.query, self.scope.host)
    }
}

/// What is known about a fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// It is there, and this is it.
    Present(Value),
    /// The machine says that there is no such thing.
    Absent,
    /// It could not be read, or something that ran since may have moved it.
    Unknown {
        /// Why.
        why: String,
        /// What today's facts would give, where only a predicted change makes it unknown.
        #[serde(skip_serializing_if = "Option::is_none")]
        probably: Option<Box<Reading>>,
    },
}

impl Reading {
    /// A reading of something that is there.
    ///
    /// A value that cannot be written as JSON is unknown, with the reason.
    pub fn present(value: &impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => Self::Present(value),
            Err(error) => Self::unknown(error.to_string()),
        }
    }

    /// Unknown, because.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into(), probably: None }
    }
}

/// A reading with the text it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// What is known.
    pub reading: Reading,
    /// What the probe printed, to the byte: the script that applies a change compares it with what the probe prints
    /// then. `None` for what was predicted or simulated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Arc<str>>,
}

impl From<Reading> for Observation {
    fn from(reading: Reading) -> Self {
        Self { reading, raw: None }
    }
}
