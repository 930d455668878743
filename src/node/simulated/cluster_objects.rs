//! Objects of a simulated cluster, as one of its control planes knows them: by their manifests, as these were applied.

use std::collections::BTreeSet;

use super::world::{Stop, World};
use crate::node::facts::{NetworkNode, NetworkState, ObjectsState, OtherObject};
use crate::node::steps::{ApplyObjects, CheckNetwork, WaitForObjects};
use crate::plan::Reading;

/// What is looked at of a cluster.
#[derive(Debug, Clone, Default)]
pub struct SimulatedCluster {
    /// Manifests whose objects are there as they have them.
    applied: BTreeSet<String>,
    /// Those of whose pods not all are ready.
    unready: BTreeSet<String>,
    /// What is there, and otherwise than any manifest has it.
    otherwise: bool,
    daemon_sets: Vec<String>,
    network: NetworkState,
}

impl World {
    /// A DaemonSet is there, `namespace/name`, before anything happens.
    pub fn add_daemon_set(&mut self, name: &str) {
        self.cluster.daemon_sets.push(name.into());
    }

    /// Objects are there otherwise than a manifest has them, before anything happens.
    pub fn set_other_objects(&mut self) {
        self.cluster.otherwise = true;
    }

    /// The objects of a manifest are there, their pods ready or not, before anything happens.
    pub fn set_applied(&mut self, manifest: &str, is_ready: bool) {
        self.cluster.applied.insert(manifest.into());
        if !is_ready {
            self.cluster.unready.insert(manifest.into());
        }
    }

    /// A node is there, before anything happens.
    pub fn add_node(&mut self, name: &str, ready: &str) {
        self.cluster.network.nodes.push(NetworkNode { name: name.into(), uid: format!("uid-{name}"), ready: ready.into() });
    }

    /// What was noted of a check of the network, before anything happens.
    pub fn set_network_checked(&mut self, note: &str) {
        self.cluster.network.checked = Some(note.into());
    }

    fn no_control_plane(&self) -> Option<Reading> {
        let is_one = self.content("/etc/kubernetes/admin.conf").is_some();
        (!is_one).then(|| Reading::unknown("there is no /etc/kubernetes/admin.conf: it is no control plane"))
    }

    pub(super) fn manifest_objects_fact(&self, manifest: &str) -> Reading {
        self.no_control_plane().unwrap_or_else(|| {
            let mut state = ObjectsState::default();
            if !self.cluster.applied.contains(manifest) {
                if self.cluster.otherwise {
                    state.other.push(OtherObject { name: "ConfigMap a/b".into(), fields: vec!["data.c".into()] });
                } else {
                    state.missing.push("Namespace a".into());
                }
            } else if self.cluster.unready.contains(manifest) {
                state.unready.push("DaemonSet a/b: 0 of 1 pods ready, 1 up to date".into());
            }
            Reading::present(&state)
        })
    }

    pub(super) fn daemon_sets_fact(&self) -> Reading {
        self.no_control_plane().unwrap_or_else(|| Reading::present(&self.cluster.daemon_sets))
    }

    pub(super) fn cluster_network_fact(&self) -> Reading {
        self.no_control_plane().unwrap_or_else(|| Reading::present(&self.cluster.network))
    }

    pub(super) fn apply_objects(&mut self, step: &ApplyObjects) -> Result<(), Stop> {
        if self.tick()? {
            self.cluster.unready.insert(step.manifest.clone());
            self.cluster.applied.insert(step.manifest.clone());
        }
        Ok(())
    }

    pub(super) fn wait_for_objects(&mut self, step: &WaitForObjects) -> Result<(), Stop> {
        if self.tick()? {
            self.cluster.unready.remove(&step.manifest);
        }
        Ok(())
    }

    pub(super) fn check_network(&mut self, step: &CheckNetwork) -> Result<(), Stop> {
        if step.image.contains("missing") {
            return Err(String::from("the pods are not ready: ErrImagePull").into());
        }
        if self.tick()? {
            self.cluster.network.checked = Some(step.note.clone());
        }
        Ok(())
    }
}
