//! Lists as sets. Python gives them in no order; here they keep the order in which the items came.

use std::collections::HashSet;

use super::super::compare;
use super::super::fault::Outcome;
use super::super::run::Run;
use super::super::spec::{Given, Spec, spec};
use super::super::value::{Key, V};

pub(super) const TABLE: &[Spec] = &[
    spec("difference", &["b"], difference),
    spec("intersect", &["b"], intersect),
    spec("union", &["b"], union),
    spec("symmetric_difference", &["b"], symmetric_difference),
];

/// Items of which none is there twice.
#[derive(Default)]
pub(in super::super) struct Set {
    items: Vec<V>,
    hashed: HashSet<Key>,
    odd: Vec<V>,
}

impl Set {
    /// The items of a list, each once.
    pub fn of(run: &Run, items: Vec<V>) -> Outcome<Self> {
        let mut set = Self::default();
        for item in items {
            set.add(run, item)?;
        }
        Ok(set)
    }

    /// Adds it; whether it is new.
    pub fn add(&mut self, run: &Run, item: V) -> Outcome<bool> {
        if let V::Undefined(fault) = &item {
            return Err(Box::new((**fault).clone()));
        }
        if self.has(run, &item)? {
            return Ok(false);
        }
        match Key::of(&item) {
            Some(key) => {
                self.hashed.insert(key);
            }
            None => self.odd.push(item.clone()),
        }
        self.items.push(item);
        Ok(true)
    }

    /// Whether it is in.
    pub fn has(&self, run: &Run, item: &V) -> Outcome<bool> {
        run.spend(1)?;
        match Key::of(item) {
            Some(key) => Ok(self.hashed.contains(&key)),
            None => {
                for other in &self.odd {
                    if compare::equal(run, other, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    /// Whether all of its items are in another.
    pub fn within(&self, run: &Run, other: &Self) -> Outcome<bool> {
        for item in &self.items {
            if !other.has(run, item)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn only(&self, run: &Run, other: &Self, wanted: bool) -> Outcome<Vec<V>> {
        let mut kept = Vec::new();
        for item in &self.items {
            if other.has(run, item)? == wanted {
                kept.push(item.clone());
            }
        }
        Ok(kept)
    }
}

fn both(given: &Given) -> Outcome<(Set, Set)> {
    let other = given.need(0, "another list")?;
    Ok((Set::of(given.run, given.own_items()?)?, Set::of(given.run, given.items(other)?)?))
}

fn difference(given: &Given) -> Outcome<V> {
    let (a, b) = both(given)?;
    a.only(given.run, &b, false).map(V::list)
}

fn intersect(given: &Given) -> Outcome<V> {
    let (a, b) = both(given)?;
    a.only(given.run, &b, true).map(V::list)
}

fn union(given: &Given) -> Outcome<V> {
    let (a, b) = both(given)?;
    let more = b.only(given.run, &a, false)?;
    Ok(V::list([a.items, more].concat()))
}

fn symmetric_difference(given: &Given) -> Outcome<V> {
    let (a, b) = both(given)?;
    Ok(V::list([a.only(given.run, &b, false)?, b.only(given.run, &a, false)?].concat()))
}
