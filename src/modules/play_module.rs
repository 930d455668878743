//! A module that is called once a play for all its hosts together: what one machine alone cannot decide.
//!
//! It is a loop of three: what is known of every host, a pure decision of what is next, its carrying out. Whoever carries it out
//! does all reading and acting; a [`Course`] only decides.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Args, Spec, Wrong};
use crate::diagnostics::Place;
use crate::node::Change;
use crate::node::apply::Output;
use crate::plan::{Difference, FactKey, Facts, Refusal};

/// A module of a whole play.
pub trait PlayModule: Sync {
    /// Its name and arguments.
    fn spec(&self) -> &'static Spec;

    /// What is wrong with arguments whatever the hosts are. Those that are templates yet are not among them.
    fn wrong(&self, _args: &Args) -> Vec<Wrong> {
        Vec::new()
    }

    /// As [`super::Module::reads_cluster`].
    fn reads_cluster(&self) -> bool {
        false
    }

    /// Begins.
    ///
    /// # Errors
    /// Why it cannot.
    fn begin(&self, task: &PlayTask<'_>) -> Result<Box<dyn Course>, Refusal>;
}

/// One call of such a module.
pub struct PlayTask<'a> {
    /// Its arguments, as the first host has them.
    pub args: &'a Args,
    /// Whether nothing is to be changed.
    pub check: bool,
    /// The arguments of each host that takes part.
    pub own: &'a BTreeMap<String, Args>,
    /// All hosts of the inventory, in its order.
    pub hosts: &'a [PlayHost],
    /// Where the task stands.
    pub place: &'a Place,
    /// The run, in words that no other run has.
    pub run: &'a str,
}

/// A host of the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayHost {
    /// Its name.
    pub name: String,
    /// All groups that it is in, directly or not.
    pub groups: Vec<String>,
    /// Where it is reached, if that is written as an address.
    pub address: Option<IpAddr>,
    /// Why it takes no part, if it does not: nothing is changed on it, but it may be looked at unless that is
    /// [`Apart::Unreached`].
    pub apart: Option<Apart>,
}

/// Why a host takes no part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Apart {
    /// It is not among the play's hosts, or was left out by `--limit` or the task's condition.
    LeftOut,
    /// It failed before, or was not reached.
    Unreached(String),
}

/// A call under way. Between two of its methods nothing happens but what it asked for.
pub trait Course: Send {
    /// The hosts that it has to know of, reached before its first turn if they can be.
    fn hosts(&self) -> Vec<String>;

    /// What is next, of what is known of the hosts.
    fn next(&mut self, hosts: &PlayFacts<'_>) -> Turn;

    /// What came of something that was done.
    fn came(&mut self, doing: &Doing, came: Result<Vec<Output>, Failed>);

    /// What it wanted done last was not begun: a person was asked first, and said yes. What is so by now decides anew.
    fn put_off(&mut self) {}

    /// The run is interrupted: what is still to be done, so that others need not wait for it.
    fn cut(&mut self) -> Option<Doing> {
        None
    }
}

/// What is known of all hosts.
pub struct PlayFacts<'a> {
    /// By their names.
    pub hosts: BTreeMap<&'a str, Result<Facts<'a>, &'a str>>,
    /// How long the course has run, by the clock of whoever carries it out.
    pub elapsed: Duration,
}

impl<'a> PlayFacts<'a> {
    /// What is known of one; else why it is not reached.
    ///
    /// # Errors
    /// Why it is not reached.
    pub fn of(&self, host: &str) -> Result<&Facts<'a>, &str> {
        match self.hosts.get(host) {
            Some(Ok(facts)) => Ok(facts),
            Some(Err(why)) => Err(why),
            None => Err("the run knows no such host"),
        }
    }
}

/// What a course wants next.
#[derive(Debug)]
pub enum Turn {
    /// To know these, by host.
    Read(BTreeMap<String, BTreeSet<FactKey>>),
    /// All that was read may be other by now.
    Forget,
    /// That these are done, side by side; then all that was read, of every host, may be other.
    Act(Vec<Doing>),
    /// That some time passes, while hosts are told to do that; then all that was read may be other.
    Wait(Duration, Vec<(String, String)>),
    /// Nothing more: what came of each host that takes part.
    Done(BTreeMap<String, Came>),
}

/// Something that is done on a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Doing {
    /// On which machine.
    pub host: String,
    /// What.
    pub change: Change,
    /// For which host: what a person is told of it is told there.
    pub about: String,
    /// What it is, in a person's words.
    pub what: String,
    /// Whether it cannot be taken back, so that a person is asked first.
    pub irreversible: bool,
}

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// What was said.
    pub why: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether some of it may have been done, and nobody knows.
    pub is_unknown: bool,
    /// Whether a person, or nobody to ask, said no.
    pub is_refused: bool,
}

/// What came of a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Came {
    /// How it ended.
    pub how: How,
    /// What was changed, or would be.
    pub changes: Vec<Difference>,
    /// What is registered.
    pub result: Map<String, Value>,
}

/// How a host ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// It is as it should be; changed, if there are changes.
    Good,
    /// In check mode: only a real run says what comes of it, because.
    Pending(String),
    /// Something must not be done.
    Refused(Refusal),
    /// It did not work.
    Failed(Refusal),
    /// It was not reached.
    Unreachable(String),
    /// What became of it nobody knows.
    Unknown(String),
    /// It was none of the module's business.
    Skipped(String),
}

impl Failed {
    /// It did not work.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), hint: None, is_unknown: false, is_refused: false }
    }
}

impl Came {
    /// Ended so, with nothing changed.
    pub fn new(how: How) -> Self {
        Self { how, changes: Vec::new(), result: Map::new() }
    }
}
