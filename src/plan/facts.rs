//! A plan's view of what is known: it asks, and its asking is recorded.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::{Fact, FactKey, Reading, Scope, Stop, Store};

/// The facts of one host, as one plan reads them.
///
/// What was read is remembered ([`Facts::recorded`]): it is what the plan relies on, and is asked for again before its
/// steps run.
#[derive(Debug)]
pub struct Facts<'a> {
    store: &'a Store,
    scope: Scope,
    reads: RefCell<BTreeSet<FactKey>>,
}

impl<'a> Facts<'a> {
    /// A view with those eyes on what is known.
    pub fn new(store: &'a Store, scope: Scope) -> Self {
        Self { store, scope, reads: RefCell::default() }
    }

    /// The answer to a fact, or to several at once (a tuple or a `Vec`): `None` where the machine says that there is none.
    ///
    /// # Errors
    /// [`Stop::Need`] with all that has not been read yet; else [`Stop::Unknown`] with all that could not be read.
    pub fn get<A: Ask>(&self, ask: A) -> Result<A::Answer, Stop> {
        let mut missing = Missing::default();
        match (ask.answer(self, &mut missing), missing) {
            (Some(answer), missing) if missing.is_empty() => Ok(answer),
            (_, missing) if !missing.need.is_empty() => Err(Stop::Need(missing.need)),
            (_, missing) => Err(Stop::Unknown(missing.unknown)),
        }
    }

    /// What is known of a fact, with *unknown* as an answer of its own.
    ///
    /// # Errors
    /// [`Stop::Need`] if it has not been read yet.
    pub fn reading<F: Fact>(&self, fact: &F) -> Result<Reading, Stop> {
        let key = self.key(fact);
        self.reads.borrow_mut().insert(key.clone());
        self.store.get(&key).map(|o| o.reading.clone()).ok_or_else(|| Stop::Need(BTreeSet::from([key])))
    }

    /// A view on the same with other eyes.
    pub fn with_eyes(&self, scope: Scope) -> Facts<'a> {
        Self::new(self.store, scope)
    }

    /// With which eyes this view reads.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// All that was read, in order, but for what moves by itself: the preconditions of the plan.
    pub fn recorded(&self) -> Vec<FactKey> {
        self.reads.borrow().iter().filter(|key| !key.query.moves).cloned().collect()
    }

    fn key(&self, fact: &impl Fact) -> FactKey {
        FactKey { scope: self.scope.clone(), query: fact.query() }
    }
}

/// What stood in the way of an answer.
#[derive(Debug, Default)]
pub struct Missing {
    need: BTreeSet<FactKey>,
    unknown: BTreeMap<FactKey, String>,
}

impl Missing {
    fn is_empty(&self) -> bool {
        self.need.is_empty() && self.unknown.is_empty()
    }
}

/// What can be asked for in one call of [`Facts::get`].
pub trait Ask {
    /// What comes back.
    type Answer;

    /// The answer, or `None` with what was missing noted down.
    fn answer(&self, facts: &Facts<'_>, missing: &mut Missing) -> Option<Self::Answer>;
}

impl<F: Fact> Ask for F {
    type Answer = Option<F::Value>;

    fn answer(&self, facts: &Facts<'_>, missing: &mut Missing) -> Option<Self::Answer> {
        match facts.reading(self) {
            Err(Stop::Need(need)) => {
                missing.need.extend(need);
                None
            }
            Err(Stop::Unknown(unknown)) => {
                missing.unknown.extend(unknown);
                None
            }
            Ok(Reading::Absent) => Some(None),
            Ok(Reading::Present(value)) => match serde_json::from_value(value) {
                Ok(value) => Some(Some(value)),
                // a prediction that names some fields only
                Err(error) => {
                    missing.unknown.insert(facts.key(self), format!("only partly known: {error}"));
                    None
                }
            },
            Ok(Reading::Unknown { why, .. }) => {
                missing.unknown.insert(facts.key(self), why);
                None
            }
        }
    }
}

/// Several facts of one kind.
impl<F: Fact> Ask for Vec<F> {
    type Answer = Vec<Option<F::Value>>;

    fn answer(&self, facts: &Facts<'_>, missing: &mut Missing) -> Option<Self::Answer> {
        // every one is asked before the first missing one ends it: one round trip for all
        let answers: Vec<_> = self.iter().map(|fact| fact.answer(facts, missing)).collect();
        answers.into_iter().collect()
    }
}

macro_rules! ask_for_tuples {
    ($($name:ident)+) => {
        impl<$($name: Ask),+> Ask for ($($name,)+) {
            type Answer = ($($name::Answer,)+);

            #[allow(non_snake_case)]
            fn answer(&self, facts: &Facts<'_>, missing: &mut Missing) -> Option<Self::Answer> {
                let ($($name,)+) = self;
                $(let $name = $name.answer(facts, missing);)+
                Some(($($name?,)+))
            }
        }
    };
}
ask_for_tuples!(A B);
ask_for_tuples!(A B C);
ask_for_tuples!(A B C D);
ask_for_tuples!(A B C D E);
ask_for_tuples!(A B C D E G);

#[cfg(test)]
mod tests {
    use super::super::{Query, Touch};
    use super::*;

    struct Number(&'static str);
    impl Fact for Number {
        type Value = u32;
        fn query(&self) -> Query {
            Query::new("number", [self.0], vec![Touch::Packages])
        }
    }

    fn store(known: &[(&'static str, Reading)]) -> Store {
        let mut store = Store::default();
        for (name, reading) in known {
            let key = FactKey { scope: Scope::new("h", "root"), query: Number(name).query() };
            store.insert(key, reading.clone().into());
        }
        store
    }

    #[test]
    fn all_that_is_missing_is_needed_at_once() {
        let store = store(&[("b", Reading::Absent)]);
        let facts = Facts::new(&store, Scope::new("h", "root"));
        let Err(Stop::Need(need)) = facts.get((Number("a"), Number("b"), vec![Number("c"), Number("d")])) else { panic!("not a need") };
        assert_eq!(need.iter().map(|key| key.query.to_string()).collect::<Vec<_>>(), ["number(a)", "number(c)", "number(d)"]);
        assert_eq!(facts.recorded().len(), 4);
    }

    #[test]
    fn a_failed_probe_is_never_an_answer() {
        let store = store(&[("a", Reading::unknown("no such program")), ("b", Reading::Present(7.into()))]);
        let facts = Facts::new(&store, Scope::new("h", "root"));
        assert_eq!(facts.get(Number("b")).unwrap(), Some(7));
        let Err(Stop::Unknown(why)) = facts.get((Number("a"), Number("b"))) else { panic!("not unknown") };
        assert_eq!(why.into_values().collect::<Vec<_>>(), ["no such program"]);
    }

    #[test]
    fn another_user_sees_with_other_eyes() {
        let store = store(&[("a", Reading::Present(1.into()))]);
        assert!(Facts::new(&store, Scope::new("h", "pat")).get(Number("a")).is_err());
        assert!(Facts::new(&store, Scope::new("i", "root")).get(Number("a")).is_err());
    }
}
