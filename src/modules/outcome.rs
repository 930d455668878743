//! How planning ends early: something has to be read first, or the task cannot be done.

use std::collections::{BTreeMap, BTreeSet};

use super::Decision;
use crate::node::Change;
use crate::plan::{Plan, Stop};

/// Why there is no plan; `?` makes it from both.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// Something has to be read first, or cannot be known.
    Stop(Stop),
    /// The task fails; Ansible's `msg`.
    Fail(String),
}

impl From<Stop> for Ended {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<String> for Ended {
    fn from(message: String) -> Self {
        Self::Fail(message)
    }
}

impl From<&str> for Ended {
    fn from(message: &str) -> Self {
        Self::Fail(message.into())
    }
}

/// A module's answer from what its planning ended with.
///
/// # Errors
/// What has to be read first, or cannot be known.
pub fn decided(outcome: Result<Decision, Ended>) -> Result<Decision, Stop> {
    match outcome {
        Ok(decision) => Ok(decision),
        Err(Ended::Stop(stop)) => Err(stop),
        Err(Ended::Fail(message)) => Ok(Decision::fail(message)),
    }
}

/// The plan of a change that was collected: nothing to do, the change, or why a step of it must not be.
pub fn planned(change: Change) -> Decision {
    if change.steps.is_empty() {
        return Decision::unchanged();
    }
    match change.steps.iter().find_map(|step| step.call().err()) {
        Some(invalid) => Decision::from(Plan::refuse(invalid.to_string())),
        None => Decision::from(Plan::from(finished(change))),
    }
}

/// The change with all that its steps touch, each once.
fn finished(mut change: Change) -> Change {
    let steps: Vec<_> = change.steps.iter().flat_map(crate::node::steps::Step::touches).collect();
    change.touches.extend(steps);
    change.touches = std::mem::take(&mut change.touches).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    change
}

/// Two answers, or all that either of them needs.
///
/// # Errors
/// What has to be read first; else what cannot be known.
pub fn both<A, B>(first: Result<A, Stop>, second: Result<B, Stop>) -> Result<(A, B), Stop> {
    match (first, second) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err(merged(a, b)),
        (Err(stop), _) | (_, Err(stop)) => Err(stop),
    }
}

/// What stands in the way of either: what is missing before what is unknown.
pub(super) fn merged(first: Stop, second: Stop) -> Stop {
    match (first, second) {
        (Stop::Need(mut a), Stop::Need(b)) => {
            a.extend(b);
            Stop::Need(a)
        }
        (Stop::Need(need), Stop::Unknown(_)) | (Stop::Unknown(_), Stop::Need(need)) => Stop::Need(need),
        (Stop::Unknown(mut a), Stop::Unknown(b)) => {
            a.extend(b);
            Stop::Unknown(a)
        }
    }
}

/// All answers, or all that they need.
///
/// # Errors
/// As above.
pub fn all<A>(answers: impl IntoIterator<Item = Result<A, Stop>>) -> Result<Vec<A>, Stop> {
    let (mut found, mut need, mut unknown) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
    for answer in answers {
        match answer {
            Ok(answer) => found.push(answer),
            Err(Stop::Need(keys)) => need.extend(keys),
            Err(Stop::Unknown(keys)) => unknown.extend(keys),
        }
    }
    if !need.is_empty() {
        Err(Stop::Need(need))
    } else if !unknown.is_empty() {
        Err(Stop::Unknown(unknown))
    } else {
        Ok(found)
    }
}
