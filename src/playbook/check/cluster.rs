//! Whether a playbook works by the settings of the cluster.

use super::names::found;
use super::walk;
use crate::modules::Found;
use crate::playbook::Playbook;

/// Whether any of its tasks has a module that does.
pub fn reads_cluster(playbook: &Playbook) -> bool {
    walk::tasks(playbook).iter().any(|seen| matches!(found(seen), Found::Module(module) if module.reads_cluster()))
}
