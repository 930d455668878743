//! A host of a run: its machine, and what is known of both.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::inventory::Inventory;
use crate::node::machine::Machine;
use crate::plan::{FactKey, Store};
use crate::yaml::Node;

/// Where machines come from.
pub trait Machines: Send + Sync {
    /// What one is.
    type Machine: Machine + 'static;

    /// Connects to a host.
    ///
    /// # Errors
    /// Why it is not reached, and what to do about it.
    fn connect(&self, host: &str) -> impl Future<Output = Result<Reached<Self::Machine>, NotReached>> + Send;

    /// The inventory has grown: hosts may be asked for that were not there before.
    fn grown(&self, inventory: &Arc<Inventory>);

    /// Makes a machine this run's, before its first change.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn lock(&self, host: &str, machine: &mut Self::Machine) -> impl Future<Output = Result<(), NotReached>> + Send;
}

/// A machine that was reached.
#[derive(Debug)]
pub struct Reached<M> {
    /// The machine.
    pub machine: M,
    /// The user that one logs in as there.
    pub user: String,
    /// The user that tasks become by the inventory's or the command line's word, if any.
    pub become_user: Option<String>,
}

/// A machine that was not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NotReached {
    /// Why.
    pub why: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A host's machine, once somebody wants it.
#[derive(Debug)]
pub(super) enum Link<M> {
    /// Nobody did yet.
    Not,
    /// It is there.
    Up(Reached<M>),
    /// It is not.
    Down(NotReached),
}

/// What a run knows of a host.
pub(super) struct Host<M> {
    pub(super) name: Arc<str>,
    /// One at a time goes to the machine: its tasks, and those that others delegate to it.
    pub(super) machine: tokio::sync::Mutex<Seat<M>>,
    state: Mutex<State>,
}

/// The machine and what was read from it.
#[derive(Debug)]
pub(super) struct Seat<M> {
    pub(super) link: Link<M>,
    pub(super) store: Store,
    pub(super) locked: bool,
    /// Messages there and back.
    pub(super) trips: u32,
    /// In check mode: whether something would have been changed, or cannot be known.
    pub(super) predicted: bool,
    /// Tasks for which all has been read ahead, by their addresses, and what that was.
    pub(super) seen_by: BTreeMap<usize, Vec<FactKey>>,
}

/// A host's variables and where it stands.
#[derive(Debug, Default)]
pub(super) struct State {
    /// `set_fact` and `register`.
    pub(super) set: BTreeMap<String, Node>,
    /// `include_vars`.
    pub(super) included: BTreeMap<String, Node>,
    /// The play's `vars_files`, whose names may depend on the host.
    pub(super) files: BTreeMap<String, Node>,
    /// Facts by Ansible's names, without `ansible_`.
    pub(super) facts: BTreeMap<String, Node>,
    /// Whether facts are read when they are named.
    pub(super) gathers: bool,
    /// Fact names that were looked for; what is not among the facts is not there.
    pub(super) looked_for: BTreeSet<String>,
    /// In check mode: variables that only a real run has, and why.
    pub(super) unknown: BTreeMap<String, String>,
    /// In check mode: variables that a change registered which was only foreseen, and which; they lack what only a real run
    /// tells.
    pub(super) foreseen: BTreeMap<String, String>,
    /// Whether it failed: it does nothing any more.
    pub(super) failed: bool,
    /// Whether it is not reached, or not known.
    pub(super) lost: bool,
    /// Whether it was ended by `meta: end_host` and the like.
    pub(super) ended: bool,
    /// Handlers that are to run, by their place in the play's list.
    pub(super) notified: BTreeSet<usize>,
    /// Roles that `meta: end_role` left, by their identity.
    pub(super) roles_left: BTreeSet<u64>,
}

impl<M> Host<M> {
    pub(super) fn new(name: Arc<str>) -> Self {
        let seat = Seat { link: Link::Not, store: Store::default(), locked: false, trips: 0, predicted: false, seen_by: BTreeMap::new() };
        Self { name, machine: tokio::sync::Mutex::new(seat), state: Mutex::default() }
    }

    /// Its state; never held while something is awaited.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it takes part in the next task.
    pub(super) fn is_active(&self) -> bool {
        let state = self.state();
        !(state.failed || state.lost || state.ended)
    }
}
