//! A host of a run: its machine, and what is known of both.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::gather::Gathers;
use super::via::{HERE, Via};
use crate::inventory::Inventory;
use crate::node::machine::Machine;
use crate::plan::Store;
use crate::yaml::Node;

/// Where machines come from.
pub trait Machines: Send + Sync {
    /// What one is.
    type Machine: Machine + 'static;

    /// Connects to a host; what `via` says lies over the host's own variables.
    ///
    /// # Errors
    /// Why it is not reached, and what to do about it.
    fn connect(&self, host: &str, via: &Via) -> impl Future<Output = Result<Reached<Self::Machine>, NotReached>> + Send;

    /// The inventory has grown: hosts may be asked for that were not there before.
    fn grown(&self, inventory: &Arc<Inventory>);

    /// Makes a machine this run's, before its first change.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn lock(&self, host: &str, via: &Via, machine: &mut Self::Machine) -> impl Future<Output = Result<(), NotReached>> + Send;

    /// This run, in words that no other run has: whose it is, from where, and which.
    fn run(&self) -> String;
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
    place: Mutex<Place<M>>,
    state: Arc<Mutex<State>>,
}

/// Where a host's tasks are done.
pub(super) struct Place<M> {
    /// What the machine is called: the host, or this machine itself.
    name: Arc<str>,
    /// One at a time goes to the machine: its tasks, and those that others delegate to it.
    seat: Arc<tokio::sync::Mutex<Seat<M>>>,
}

impl<M> Clone for Place<M> {
    fn clone(&self) -> Self {
        Self { name: Arc::clone(&self.name), seat: Arc::clone(&self.seat) }
    }
}

/// The machine and what was read from it.
#[derive(Debug)]
pub(super) struct Seat<M> {
    /// How it is reached, where that is not as the inventory says.
    pub(super) via: Via,
    pub(super) link: Link<M>,
    pub(super) store: Store,
    pub(super) locked: bool,
    /// Messages there and back.
    pub(super) trips: u32,
    /// In check mode: whether something would have been changed, or cannot be known.
    pub(super) predicted: bool,
    /// Whether changes are foretold and not made.
    pub(super) foretells: bool,
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
    /// Those among them that a module told without `ansible_`: they are variables by that name.
    pub(super) bare: BTreeSet<String>,
    /// Whether facts are read when they are named.
    pub(super) gathers: bool,
    /// Which, and how.
    pub(super) gathering: Gathers,
    /// Whether facts were gathered, by a play or a task: `gathering = smart` does it once.
    pub(super) gathered: bool,
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
    /// How often `meta: clear_host_errors` took back that it failed.
    pub(super) cleared: usize,
    /// Handlers that are to run, by their place in the play's list.
    pub(super) notified: BTreeSet<usize>,
    /// Roles that `meta: end_role` left, by their identity.
    pub(super) roles_left: BTreeSet<u64>,
}

impl State {
    /// A play that gathers facts by these reads those anew that it names.
    pub(super) fn forget_gathered(&mut self, collectors: &BTreeSet<&'static str>) {
        let is_again = |name: &str| collectors.contains(crate::modules::setup::collector_of(name));
        let all = self.looked_for.contains("all");
        let looked_for = &self.looked_for;
        self.facts.retain(|name, _| !(is_again(name) && (looked_for.contains(name) || (all && super::gather::knows(name)))));
        // a name that nothing was found for may have been left out by a narrower subset
        let facts = &self.facts;
        self.looked_for.retain(|name| facts.contains_key(name));
    }
}

/// The place of a host that is reached so; that of a host whose tasks run here is shared by all such hosts.
pub(super) fn seat_key(host: &str, via: &Via) -> (Arc<str>, Via) {
    let is_here = via.get("ansible_connection").is_some_and(|connection| connection == "local");
    (if is_here { HERE.into() } else { host.into() }, via.clone())
}

impl<M> Place<M> {
    pub(super) fn new(name: Arc<str>, via: Via, foretells: bool) -> Self {
        let seat = Seat { via, link: Link::Not, store: Store::default(), locked: false, trips: 0, predicted: false, foretells };
        Self { name, seat: Arc::new(tokio::sync::Mutex::new(seat)) }
    }
}

impl<M> Host<M> {
    pub(super) fn new(name: Arc<str>, place: Place<M>) -> Self {
        Self { name, place: Mutex::new(place), state: Arc::default() }
    }

    /// The same host, whose tasks are done elsewhere.
    pub(super) fn elsewhere(&self, place: Place<M>) -> Self {
        Self { name: Arc::clone(&self.name), place: Mutex::new(place), state: Arc::clone(&self.state) }
    }

    fn place(&self) -> Place<M> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on its tasks are done there.
    pub(super) fn take_seat(&self, place: Place<M>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// Whether they are done there already.
    pub(super) fn sits(&self, place: &Place<M>) -> bool {
        Arc::ptr_eq(&self.place().seat, &place.seat)
    }

    /// What the machine is called where its facts are kept.
    pub(super) fn machine_name(&self) -> Arc<str> {
        self.place().name
    }

    /// The machine, for as long as one needs it.
    pub(super) async fn machine(&self) -> OwnedMutexGuard<Seat<M>> {
        self.place().seat.lock_owned().await
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
