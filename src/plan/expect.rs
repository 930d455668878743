//! What must be true after a change, as predicates on facts.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Fact, Query, Reading};

/// One thing that a change promises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// About which fact.
    pub query: Query,
    /// What will be so.
    pub claim: Claim,
    /// Fields that nobody foretells if another field moves, or in any case: an owner's name where its number moves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<(String, Option<String>)>,
    /// Whether it is only foretold: what a service does once it was started is its own business.
    #[serde(default, skip_serializing_if = "is_false")]
    pub loose: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What is promised about a fact. Never the whole new state: a package's scripts make users and files nobody can foresee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// It is this.
    Is(Value),
    /// It is there and these fields of it are so.
    Fields(Vec<(String, Value)>),
}

impl Expect {
    /// `fact` is there.
    pub fn present(fact: &impl Fact) -> Self {
        Self { query: fact.query(), claim: Claim::Present, follows: Vec::new(), loose: false }
    }

    /// `fact` is not there.
    pub fn absent(fact: &impl Fact) -> Self {
        Self { query: fact.query(), claim: Claim::Absent, follows: Vec::new(), loose: false }
    }

    /// `fact` is exactly `value`.
    pub fn is<F: Fact>(fact: &F, value: &F::Value) -> Self {
        let claim = match Reading::present(value) {
            Reading::Present(value) => Claim::Is(value),
            _ => Claim::Present,
        };
        Self { query: fact.query(), claim, follows: Vec::new(), loose: false }
    }

    /// `fact` is there and its field `name` is `value`; further fields with [`Expect::and`].
    pub fn field(fact: &impl Fact, name: &str, value: impl Into<Value>) -> Self {
        Self { query: fact.query(), claim: Claim::Fields(vec![(name.into(), value.into())]), follows: Vec::new(), loose: false }
    }

    /// And its field `name` is `value`.
    #[must_use]
    pub fn and(mut self, name: &str, value: impl Into<Value>) -> Self {
        match &mut self.claim {
            Claim::Fields(fields) => fields.push((name.into(), value.into())),
            other => *other = Claim::Fields(vec![(name.into(), value.into())]),
        }
        self
    }

    /// And its field `name` follows its field `of`.
    #[must_use]
    pub fn follows(mut self, name: &str, of: &str) -> Self {
        self.follows.push((name.into(), Some(of.into())));
        self
    }

    /// And its field `name` moves, nobody knows where to.
    #[must_use]
    pub fn moves(mut self, name: &str) -> Self {
        self.follows.push((name.into(), None));
        self
    }

    /// It is foretold, and nobody insists on it.
    #[must_use]
    pub fn loosely(mut self) -> Self {
        self.loose = true;
        self
    }

    /// What the fact will be, as far as it is known, if it is `now` today.
    pub fn lay_over(&self, now: Option<&Reading>) -> Reading {
        let mut will = self.claim.lay_over(now);
        if let (Reading::Present(Value::Object(fields)), Some(Reading::Present(now))) = (&mut will, now) {
            let claimed =
                |name: &String| matches!(&self.claim, Claim::Fields(claimed) if claimed.iter().any(|(claimed, _)| claimed == name));
            for (name, of) in &self.follows {
                if of.as_ref().is_none_or(|of| fields.get(of) != now.get(of)) && !claimed(name) {
                    fields.remove(name);
                }
            }
        }
        will
    }

    /// Whether the promise was kept.
    ///
    /// # Errors
    /// What was promised and what was read instead.
    pub fn check(&self, reading: &Reading) -> Result<(), Box<Unmet>> {
        let kept = match (&self.claim, reading) {
            (Claim::Present, Reading::Present(_)) | (Claim::Absent, Reading::Absent) => true,
            (Claim::Is(wanted), Reading::Present(value)) => wanted == value,
            (Claim::Fields(fields), Reading::Present(value)) => fields.iter().all(|(name, wanted)| value.get(name) == Some(wanted)),
            _ => false,
        };
        if kept || self.loose { Ok(()) } else { Err(Box::new(Unmet { expect: self.clone(), reading: reading.clone() })) }
    }
}

impl Claim {
    /// With all that it does not name as it is.
    fn lay_over(&self, now: Option<&Reading>) -> Reading {
        match self {
            Claim::Absent => Reading::Absent,
            Claim::Is(value) => Reading::Present(value.clone()),
            Claim::Present => match now {
                Some(reading @ Reading::Present(_)) => reading.clone(),
                _ => Reading::Present(Value::Object(Map::new())),
            },
            Claim::Fields(fields) => {
                let mut object = match now {
                    Some(Reading::Present(Value::Object(object))) => object.clone(),
                    _ => Map::new(),
                };
                object.extend(fields.iter().cloned());
                Reading::Present(Value::Object(object))
            }
        }
    }
}

/// A promise that was not kept: the step did not do what it said.
#[derive(Debug, Clone, PartialEq)]
pub struct Unmet {
    /// What was promised.
    pub expect: Expect,
    /// What was read.
    pub reading: Reading,
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} should ", self.expect.query)?;
        match &self.expect.claim {
            Claim::Present => f.write_str("be there")?,
            Claim::Absent => f.write_str("be gone")?,
            Claim::Is(value) => write!(f, "be {value}")?,
            Claim::Fields(fields) => {
                let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
                write!(f, "have {}", fields.join(", "))?;
            }
        }
        match &self.reading {
            Reading::Present(value) => write!(f, ", but is {value}"),
            Reading::Absent => f.write_str(", but is absent"),
            Reading::Unknown { why, .. } => write!(f, ", but could not be read: {why}"),
        }
    }
}

impl std::error::Error for Unmet {}
