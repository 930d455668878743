//! Answers of a simulated machine that are not the truth, as real machines give them.

use super::world::World;
use crate::plan::{Query, Reading};

/// What is wrong with answers from a moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misread {
    /// One question of the next script has no answer: a read that fails once, a tool that is killed.
    ProbeFails,
    /// For so many micro-actions lsblk(8) shows the disks as they are now, whatever becomes of them: udev lags behind.
    Stale(u64),
}

/// What is wrong with answers at present.
#[derive(Debug, Clone, Default)]
pub(super) struct Misreading {
    will: Option<(u64, Misread)>,
    fails: bool,
    /// Until which micro-action, and what is said.
    stale: Option<(u64, Reading)>,
}

impl World {
    /// That begins after so many micro-actions from now.
    pub fn will_misread(&mut self, after: u64, misread: Misread) {
        self.misreading.will = Some((after, misread));
    }

    /// Whether all answers are true again, and stay so.
    pub fn tells_the_truth(&self) -> bool {
        let Misreading { will, fails, stale } = &self.misreading;
        will.is_none() && !fails && stale.is_none()
    }

    pub(super) fn maybe_misread(&mut self) {
        if self.misreading.stale.as_ref().is_some_and(|(until, _)| *until <= self.micro_actions) {
            self.misreading.stale = None;
        }
        match self.misreading.will.take() {
            Some((0, Misread::ProbeFails)) => self.misreading.fails = true,
            Some((0, Misread::Stale(long))) => self.misreading.stale = Some((self.micro_actions + long, self.block_devices())),
            Some((after, misread)) => self.misreading.will = Some((after - 1, misread)),
            None => {}
        }
    }

    /// What one script answers to all these.
    pub(super) fn answers(&mut self, queries: &[&Query]) -> Vec<Reading> {
        let fails = (self.misreading.fails && !queries.is_empty()).then(|| self.random.below(queries.len()));
        if fails.is_some() {
            self.misreading.fails = false;
        }
        let answer = |(n, query): (usize, &&Query)| match &self.misreading.stale {
            _ if fails == Some(n) => Reading::unknown("Input/output error"),
            Some((_, said)) if query.kind == "block_devices" => said.clone(),
            _ => self.answer(query),
        };
        queries.iter().enumerate().map(answer).collect()
    }
}
