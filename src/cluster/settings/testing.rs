//! Settings, for tests.

use super::{InventoryHost, Settings};
use crate::diagnostics::{Diagnostics, Source};
use crate::yaml::{self, Node};

/// Settings with which nothing is wrong, each in its line.
pub(crate) const GOOD: [&str; 2] = ["name: wbyc-k8s", "endpoint: {host: kube-api.example.net, served_by: kube-vip, address: 192.168.2.50}"];

/// The good settings with others in their place.
pub(crate) fn merged(over: &str) -> Node {
    let is_given = |line: &&str| over.lines().any(|other| other.split(':').next() == line.split(':').next());
    let good = GOOD.iter().filter(|line| !is_given(line)).map(|line| format!("{line}\n"));
    let text: String = good.chain([over.to_owned()]).collect();
    yaml::load(&Source::new("group_vars/all.yml", text)).unwrap().0.unwrap()
}

/// The same, read.
pub(crate) fn settings(over: &str) -> Settings {
    let mut problems = Diagnostics::new();
    Settings::read(&merged(over), "2026-10-01", &mut problems).unwrap_or_else(|| panic!("{problems}"))
}

/// The hosts of the homelab: three masters, three workers.
pub(crate) fn hosts() -> Vec<InventoryHost<'static>> {
    let host = |name, group, last| InventoryHost { name, groups: vec![group, "nodes"], address: Some([192, 168, 2, last].into()) };
    let masters = [("m1", 11), ("m2", 12), ("m3", 13)].map(|(name, last)| host(name, "masters", last));
    masters.into_iter().chain([("w1", 21), ("w2", 22), ("w3", 23)].map(|(name, last)| host(name, "workers", last))).collect()
}
