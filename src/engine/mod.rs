//! Walks plays over their hosts: conditions, loops, blocks, handlers, batches, reading ahead.
//!
//! [`Engine::run`] takes plays in their order. Each task is done on all hosts of a batch before the next begins (`strategy:
//! linear`), unless a play says `free`. What a task needs to know of a machine is read for all tasks in sight at once
//! ([`ahead`]), so that a run in which nothing has to change costs one round trip.

mod action;
mod ahead;
mod arg_spec;
mod background;
mod call;
mod condition;
mod consent;
mod core;
mod difference;
mod digests;
mod errands;
mod foresee;
mod gather;
mod hide;
mod host;
mod include;
mod include_vars;
mod items;
mod label;
mod local;
mod loops;
mod magic;
mod manner;
mod options;
mod outside;
mod pause;
mod person;
mod play;
mod play_level;
mod predicted;
mod reboot;
mod register;
mod scope;
mod stage;
mod status;
mod tags;
mod task;
mod together;
mod unforeseen;
mod unknown_facts;
mod via;
mod words;

pub use gather::Gathering;
pub use host::{Machines, NotReached, Reached};
pub use person::{FormattedDisk, Person, Question, Reply};
pub use play::{Engine, HostEnd, Options, Setting};
pub use status::Status;
pub use tags::{is_called, runs};
pub use via::Via;

#[cfg(test)]
mod cuts;
#[cfg(test)]
mod disks;
#[cfg(test)]
mod foretold;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
