//! Who belongs to the cluster, and what brings a host there: a pure function from what was seen to what is done next.
//!
//! [`next`] is called again and again with fresh [`Evidence`], until it has no more [`Action`] and nothing to wait for. It holds no state
//! but [`Memory`], which is forgotten with the run: what a run that was cut off has left is told from the machines, the API and etcd.
//! A thing that could not be read is unknown, and unknown changes nothing; each danger that stops an action is a [`Guard`].

mod action;
mod classify;
mod decide;
mod evidence;
mod examine;
mod examine_cluster;
mod finish;
mod gate;
mod guard;
mod hosts;
mod identity;
mod init;
mod next;
mod page;
pub(super) mod reading;
#[cfg(test)]
mod recorded;
mod refused;
#[cfg(test)]
mod runs;
mod same_node;
mod seen;
mod state;
#[cfg(test)]
mod tests;
mod wanted;

pub use action::{Act, Action, Kind};
pub use classify::{CONTROL_PLANE, classify};
pub use decide::{Memory, Next, TRIES};
pub use evidence::{
    Api, Credentials, Csr, Etcd, Evidence, KubeletConf, Machine, Manifests, Member, Members, NodeObject, Objects, Reach, Ready,
};
pub use examine::examine;
pub(in crate::cluster) use examine_cluster::is_at;
pub use examine_cluster::{Heard, OUR_TOKEN, api, etcd, hear};
pub use gate::majority;
pub use guard::Guard;
pub use identity::{Identity, identity};
pub use init::PORTS;
pub use next::next;
pub use page::page;
pub use refused::{For, Refused, Waits, Why};
pub use seen::Seen;
pub use state::{About, State};
pub use wanted::{Host, InitPart, Marks, Role, Wanted};
