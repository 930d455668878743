//! How facts are asked for while Ansible's are made of them.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::node::facts::{Stat, Text, Texts};
use crate::plan::{Fact, FactKey, Facts, Stop};

/// Names and values, without `ansible_`.
pub(super) type Made = Vec<(String, Value)>;

/// Asks, and goes on where there is no answer yet: so all that is missing is known at once.
pub(super) struct Gather<'a> {
    facts: &'a Facts<'a>,
    need: RefCell<BTreeSet<FactKey>>,
    /// Where local facts are.
    pub(super) fact_path: &'a str,
}

impl<'a> Gather<'a> {
    pub(super) fn new(facts: &'a Facts<'a>, fact_path: &'a str) -> Self {
        Self { facts, need: RefCell::default(), fact_path }
    }

    /// The answer; `None` where there is no such thing, where it cannot be known, and where it is to be read first.
    pub(super) fn ask<F: Fact>(&self, fact: F) -> Option<F::Value> {
        match self.facts.get(fact) {
            Ok(value) => value,
            Err(Stop::Need(need)) => {
                self.need.borrow_mut().extend(need);
                None
            }
            Err(Stop::Unknown(_)) => None,
        }
    }

    /// The texts of small files, in their order; empty where they are to be read first.
    pub(super) fn texts(&self, paths: &[&str]) -> Vec<Text> {
        self.ask(Texts::new(paths.iter().copied())).unwrap_or_default()
    }

    /// The text of a small file.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        self.texts(&[path]).first().and_then(|text| text.is().map(str::to_owned))
    }

    /// Which of these paths lead to something; `None` where that is not known of one.
    pub(super) fn exist(&self, paths: &[&str]) -> Option<Vec<bool>> {
        match self.facts.get(paths.iter().map(|path| Stat::followed(*path)).collect::<Vec<_>>()) {
            Ok(stats) => Some(stats.iter().map(Option::is_some).collect()),
            Err(Stop::Need(need)) => {
                self.need.borrow_mut().extend(need);
                None
            }
            Err(Stop::Unknown(_)) => None,
        }
    }

    /// Whether something is there.
    pub(super) fn exists(&self, path: &str) -> Option<bool> {
        self.exist(&[path])?.first().copied()
    }

    /// All that is to be read first.
    pub(super) fn finish(self) -> Result<(), Stop> {
        let need = self.need.into_inner();
        if need.is_empty() { Ok(()) } else { Err(Stop::Need(need)) }
    }
}

/// What has a value, as names and values.
pub(super) fn known<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Made {
    pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
