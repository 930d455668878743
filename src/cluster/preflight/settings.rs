//! Whether the settings are those that a cluster was made with that lives already, as far as they cannot be changed.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::finding::Findings;
use crate::cluster::live::{Told, verdict};
use crate::cluster::settings::Settings;

const WHY: &str = "it was made with that, and what runs in it has it; a run would stop half-way, with machines changed already";

pub(super) fn check(settings: &Settings, nodes: &[Evidence], found: &mut Findings) {
    let told: BTreeMap<String, Told> = nodes.iter().filter_map(|node| Some((node.name.clone(), node.told.is()?.clone()))).collect();
    // what is only shown, or could not be read, is told by homelab.kubeadm
    if let Some(refusal) = verdict(settings, &told).refusal() {
        let all: Vec<&Evidence> = nodes.iter().collect();
        found.error("ClusterSettings", &all, refusal.why, WHY, &refusal.hint.unwrap_or_default().replace('\n', "\n    "));
    }
}
