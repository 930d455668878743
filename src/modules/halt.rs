//! How planning ends before its end: like [`super::outcome`], for tasks that fail with more than a message.

use super::Decision;
use super::outcome::{Ended, merged};
use crate::plan::{Plan, Refusal, Stop};

/// Something is not known, or all is decided.
#[derive(Debug)]
pub(super) enum Halt {
    /// A plan cannot be made yet.
    Stop(Stop),
    /// This is it.
    Decided(Box<Decision>),
}

impl Halt {
    /// The task fails with that `msg`.
    pub fn fail(message: impl Into<String>) -> Self {
        Decision::fail(message).into()
    }

    /// It could be done and must not be: what was seen and why that stops us, and how to go on.
    pub fn refuse(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Decision::from(Plan::Refuse(Refusal { why: why.into(), hint: Some(hint.into()) })).into()
    }
}

/// Both, with all that either needs; what is decided counts before what is not known yet.
pub(super) fn both<A, B>(first: Result<A, Halt>, second: Result<B, impl Into<Halt>>) -> Result<(A, B), Halt> {
    match (first, second.map_err(Into::into)) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(Halt::Stop(a)), Err(Halt::Stop(b))) => Err(merged(a, b).into()),
        (_, Err(decided @ Halt::Decided(_))) => Err(decided),
        (Err(halt), _) | (_, Err(halt)) => Err(halt),
    }
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<Ended> for Halt {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Stop(stop) => Self::Stop(stop),
            Ended::Fail(message) => Self::fail(message),
        }
    }
}

impl From<Decision> for Halt {
    fn from(decision: Decision) -> Self {
        Self::Decided(Box::new(decision))
    }
}

/// What [`super::Module::plan`] returns.
pub(super) fn settled(decided: Result<Decision, Halt>) -> Result<Decision, Stop> {
    match decided {
        Ok(decision) => Ok(decision),
        Err(Halt::Decided(decision)) => Ok(*decision),
        Err(Halt::Stop(stop)) => Err(stop),
    }
}
