//! Facts as they are seen: all that is needed is asked for at once, and what could not be read stays unknown.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::seen::Seen;
use crate::plan::{Fact, FactKey, Facts, Reading, Stop};

/// Asks for facts and notes which have to be read first.
pub(in crate::cluster) struct Asking<'a, 'b> {
    facts: &'a Facts<'b>,
    need: BTreeSet<FactKey>,
}

impl<'a, 'b> Asking<'a, 'b> {
    pub(in crate::cluster) fn new(facts: &'a Facts<'b>) -> Self {
        Self { facts, need: BTreeSet::new() }
    }

    /// What is known of a fact; it is to be read first if nothing is.
    pub(in crate::cluster) fn seen<F: Fact<Value = V>, V: DeserializeOwned>(&mut self, fact: &F) -> Seen<V> {
        match self.facts.reading(fact) {
            Ok(Reading::Present(value)) => match serde_json::from_value(value) {
                Ok(value) => Seen::Present(value),
                Err(error) => Seen::Unknown(format!("only partly known: {error}").into()),
            },
            Ok(Reading::Absent) => Seen::Absent,
            Ok(Reading::Unknown { why, .. }) => Seen::Unknown(why.into()),
            Err(Stop::Need(need)) => {
                self.need.extend(need);
                Seen::Unknown("not read yet".into())
            }
            Err(Stop::Unknown(unknown)) => Seen::Unknown(unknown.into_values().collect::<Vec<_>>().join("; ").into()),
        }
    }

    /// What somebody else asked for with the same facts; none if that has to be read first, or cannot be.
    pub(in crate::cluster) fn also<T>(&mut self, asked: Result<T, Stop>) -> Option<T> {
        match asked {
            Ok(made) => Some(made),
            Err(Stop::Need(need)) => {
                self.need.extend(need);
                None
            }
            Err(Stop::Unknown(_)) => None,
        }
    }

    /// That, if all was known that it is made of.
    ///
    /// # Errors
    /// [`Stop::Need`] for what has to be read first.
    pub(in crate::cluster) fn end<T>(self, made: T) -> Result<T, Stop> {
        if self.need.is_empty() { Ok(made) } else { Err(Stop::Need(self.need)) }
    }
}

/// The same, read further; what cannot be is unknown.
pub(in crate::cluster) fn map<A, B>(seen: Seen<A>, further: impl FnOnce(A) -> Result<B, String>) -> Seen<B> {
    match seen {
        Seen::Present(value) => further(value).map_or_else(|why| Seen::Unknown(why.into()), Seen::Present),
        Seen::Absent => Seen::Absent,
        Seen::Unknown(why) => Seen::Unknown(why),
    }
}
