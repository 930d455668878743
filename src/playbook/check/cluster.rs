//! Whether a playbook works by the settings of the cluster.

use super::names::found;
use super::walk;
use crate::modules::Found;
use crate::playbook::Playbook;

/// Whether any of its tasks has a module that does.
pub fn reads_cluster(playbook: &Playbook) -> bool {
    walk::tasks(playbook).iter().any(|seen| match found(seen) {
        Found::Module(module) => module.reads_cluster(),
        Found::Play(module) => module.reads_cluster(),
        Found::Action(_) | Found::NotHere | Found::Unknown => false,
    })
}
