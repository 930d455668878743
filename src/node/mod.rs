//! What can be asked of a machine and done to it: typed facts, the scripts that read them, and what they answer.

pub mod apply;
pub mod disk_naming;
pub mod errand;
pub mod etcd_snapshot;
pub mod facts;
pub mod hold;
pub mod host;
mod kubectl;
mod leave;
pub mod lock;
pub mod long_step;
pub mod machine;
pub mod openpgp;
pub mod personal_certificate;
pub mod record;
pub mod script;
pub mod simulated;
pub mod stage;
pub mod steps;
#[cfg(test)]
pub mod testing;
pub mod upload;
pub mod web;

/// A plan for a machine.
pub type Plan = crate::plan::Plan<steps::Step>;
/// A change to a machine.
pub type Change = crate::plan::Change<steps::Step>;

/// All that a change may move: what it says itself, and what its steps say.
pub fn touched(change: &Change) -> Vec<crate::plan::Touch> {
    change.steps.iter().flat_map(steps::Step::touches).chain(change.touches.iter().cloned()).collect()
}
