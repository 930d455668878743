//! Modules that Ansible does not have.

pub mod cni;
pub mod containerd;
pub mod images;
pub mod iscsi_initiator;
pub mod kernel_module;
pub mod kube_proxy;
pub mod kube_proxy_mode;
pub mod kubeadm;
pub mod kubernetes_packages;
pub mod longhorn_disk;
pub mod multipath;
pub mod network_check;
pub mod preflight;
pub mod swap;
pub mod sysctl;
pub mod time_sync;

use super::edited_file::{Edited, EditedFile};
use super::halt::Halt;
use super::{Args, Task, Wrong};
use crate::node::Change;
use crate::node::steps::UnderLease;
use crate::plan::Facts;

/// What is wrong with `timeout`, a number of seconds that is at most `longest`.
fn wrong_timeout(args: &Args, longest: i64) -> Option<Wrong> {
    let is_bad = args.int("timeout").is_some_and(|seconds| !(1..=longest).contains(&seconds));
    is_bad.then(|| Wrong::new("timeout", format!("`timeout` is a number of seconds from 1 to {longest}"), ""))
}

/// How long a step waits for another run's lease, in seconds.
const LEASE_PATIENCE: u32 = 60;

/// The lease for a step of this run that changes the cluster, and may wait so many seconds for it: with what `homelab.kubeadm` has of it,
/// so that a run which was cut off keeps others off no longer.
fn under_lease(task: &Task<'_>, waits: u32) -> UnderLease {
    UnderLease { holder: task.run.to_owned(), seconds: kubeadm::LEASE_HOLDS.saturating_add(waits), patience: LEASE_PATIENCE }
}

/// Writes what `edited` makes of a file's text, if that is another.
fn write(
    task: &Task<'_>,
    facts: &Facts<'_>,
    file: EditedFile,
    change: &mut Change,
    edited: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Result<(), Halt> {
    let is = file.content.clone();
    let new = edited(is.as_deref().unwrap_or_default());
    if is.as_deref().unwrap_or_default() == new {
        return Ok(());
    }
    let edited = Edited { content: new, changed: true, message: String::new(), found: None };
    file.write_into(task, facts, edited, change)
}

/// One module by `name`, or several by `names`.
fn several<'a>(task: &'a Task<'_>, one: &str, all: &str) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for name in task.args.str(one).into_iter().chain(task.args.list(all).unwrap_or_default()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
