//! What one decision is put together from: what was seen, what this run has tried and waited for already, what comes of it.

use std::collections::{BTreeMap, BTreeSet};

use super::action::{Act, Action, Kind};
use super::evidence::Evidence;
use super::refused::{For, Refused, Waits, Why, of_all, of_host};
use super::state::State;
use super::wanted::{Host, Wanted};

/// How often a run tries the same on the same host.
pub const TRIES: u8 = 2;

/// What one run has tried and waited for. It is forgotten with the run: the next one looks at the machines and the API only.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    tried: BTreeMap<(String, Kind), u8>,
    waited: BTreeSet<(String, For)>,
}

impl Memory {
    /// That was done, whatever came of it.
    pub fn tried(&mut self, action: &Action) {
        let count = self.tried.entry((action.host.clone(), action.act.kind())).or_default();
        *count = count.saturating_add(1);
    }

    /// That was decided, and not done after all.
    pub fn not_tried(&mut self, action: &Action) {
        if let Some(count) = self.tried.get_mut(&(action.host.clone(), action.act.kind())) {
            *count = count.saturating_sub(1);
        }
    }

    /// How often such a thing was tried on that host: 1 for the first time.
    pub fn attempt(&self, action: &Action) -> u8 {
        self.tried.get(&(action.host.clone(), action.act.kind())).copied().unwrap_or(0)
    }

    /// That was waited for as long as [`For::at_most`] says, and did not come.
    pub fn waited_out(&mut self, waits: &Waits) {
        self.waited.insert((waits.host.clone(), waits.what));
    }

    pub(super) fn times(&self, host: &Host, kind: Kind) -> u8 {
        self.tried.get(&(host.name.clone(), kind)).copied().unwrap_or(0)
    }

    pub(super) fn has_waited(&self, host: &Host, what: For) -> bool {
        self.waited.contains(&(host.name.clone(), what))
    }
}

/// What is next: actions that are carried out side by side, then all is looked at anew. Where there are none, what is waited for; where
/// there is nothing of that either, the run is over, and is as it should be if nothing is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Next {
    /// What each host is, in the inventory's order.
    pub states: Vec<(String, State)>,
    /// What is done, side by side.
    pub actions: Vec<Action>,
    /// What is waited for.
    pub waits: Vec<Waits>,
    /// What is not done, and why.
    pub refused: Vec<Refused>,
    /// Hosts of which some was not judged, so that nobody may say of them that all is as it should be; and why.
    pub unjudged: BTreeMap<String, String>,
}

impl Next {
    /// Whether all is as it should be.
    pub fn is_done(&self) -> bool {
        self.actions.is_empty() && self.waits.is_empty() && self.refused.is_empty() && self.unjudged.is_empty()
    }
}

/// A decision that is being made.
pub(super) struct Deciding<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) evidence: &'a Evidence,
    pub(super) memory: &'a Memory,
    pub(super) next: Next,
}

/// The command that shows all that was seen.
pub(super) const STATUS: &str = "to see all that was seen:  homelabctl cluster status";
/// The command that goes on.
pub(super) const AGAIN: &str = "then again:  homelabctl provision";

impl Deciding<'_> {
    /// That is done on that host, unless it was tried often enough.
    pub(super) fn act(&mut self, host: &Host, act: Act) {
        let action = Action { host: host.name.clone(), act };
        let kind = action.act.kind();
        if self.memory.times(host, kind) < TRIES {
            self.next.actions.push(action);
            return;
        }
        let text = format!("{} was tried {TRIES} times in this run and has not helped: {action}", host.name);
        self.refuse(host, Why::TriedTwice(kind), text, format!("what it said:  homelabctl cluster status {}\n{AGAIN}", host.name));
    }

    /// That is waited for; once that was long enough, it is refused with that text and that hint.
    pub(super) fn wait(&mut self, host: &Host, what: For, which: &str, why: Why, hint: &str) {
        if self.memory.has_waited(host, what) {
            let minutes = what.at_most().as_secs() / 60;
            let text = format!("{}: {which}; {minutes} min of waiting {} have not changed that", host.name, what.word());
            self.refuse(host, why, text, format!("{STATUS}\n{hint}"));
        } else {
            self.next.waits.push(Waits { host: host.name.clone(), what, which: which.to_owned(), of_all: false });
        }
    }

    /// All wait for that, which is told with one of them; of what is not judged before, nothing is said.
    pub(super) fn all_wait(&mut self, host: &Host, what: For, which: &str, why: Why, hint: &str) {
        let before = self.next.waits.len();
        self.wait(host, what, which, why, hint);
        self.next.waits.iter_mut().skip(before).for_each(|waits| waits.of_all = true);
        self.judges_none(which);
    }

    /// Nothing more was judged of any host.
    pub(super) fn judges_none(&mut self, why: &str) {
        for host in &self.wanted.hosts {
            self.next.unjudged.entry(host.name.clone()).or_insert_with(|| why.to_owned());
        }
    }

    pub(super) fn refuse(&mut self, host: &Host, why: Why, text: String, hint: String) {
        self.next.refused.push(of_host(&host.name, why, text, hint));
    }

    pub(super) fn refuse_all(&mut self, why: Why, text: String, hint: String) {
        self.next.refused.push(of_all(why, text, hint));
    }

    /// Whether something is done on that host already.
    pub(super) fn is_busy(&self, host: &Host) -> bool {
        self.next.actions.iter().any(|action| action.host == host.name)
    }
}
