//! What a module decided.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Expect, FactKey, Touch};

/// What is to be done to a machine, for steps of type `S`.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan<S> {
    /// All is as it should be.
    Unchanged,
    /// These steps make it so.
    Change(Change<S>),
    /// It could be done but must not be.
    Refuse(Refusal),
}

/// The result of planning; `?` on [`super::Facts::get`] ends a plan that does not know enough yet.
pub type Planned<S> = Result<Plan<S>, Stop>;

/// Why a plan could not be made yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// These facts have to be read first.
    Need(BTreeSet<FactKey>),
    /// These facts cannot be known, each with the reason. Unknown changes nothing.
    Unknown(BTreeMap<FactKey, String>),
}

/// A change to one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change<S> {
    /// What a person is shown.
    pub diff: Vec<Difference>,
    /// What is done, in this order.
    pub steps: Vec<S>,
    /// What must be true afterwards; read back in the same round trip.
    pub expect: Vec<Expect>,
    /// What else may have been moved.
    pub touches: Vec<Touch>,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What, e.g. `sysctl fs.inotify.max_user_watches`.
    pub what: String,
    /// As it is; `None` where it is absent.
    pub before: Option<String>,
    /// As it will be; `None` where it will be absent.
    pub after: Option<String>,
}

/// Why something must not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What was seen and why that stops us.
    pub why: String,
    /// The command that goes on, if there is one.
    pub hint: Option<String>,
}

impl<S> Plan<S> {
    /// A change by these steps; diff, expectations and touches are added to it.
    pub fn change(steps: impl IntoIterator<Item = S>) -> Change<S> {
        Change { diff: Vec::new(), steps: steps.into_iter().collect(), expect: Vec::new(), touches: Vec::new() }
    }

    /// A refusal.
    pub fn refuse(why: impl Into<String>) -> Self {
        Self::Refuse(Refusal { why: why.into(), hint: None })
    }
}

impl<S> Change<S> {
    /// Says what differs.
    #[must_use]
    pub fn differs(mut self, what: impl Into<String>, before: Option<String>, after: Option<String>) -> Self {
        self.diff.push(Difference { what: what.into(), before, after });
        self
    }

    /// Promises something.
    #[must_use]
    pub fn expect(mut self, expect: Expect) -> Self {
        self.expect.push(expect);
        self
    }

    /// Says what else may be moved.
    #[must_use]
    pub fn touches(mut self, touches: impl IntoIterator<Item = Touch>) -> Self {
        self.touches.extend(touches);
        self
    }
}

impl<S> From<Change<S>> for Plan<S> {
    fn from(change: Change<S>) -> Self {
        Self::Change(change)
    }
}
