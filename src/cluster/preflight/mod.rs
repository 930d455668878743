//! Whether machines can become a cluster: everything that would stop kubeadm, the kubelet or the network, found before anything is
//! changed, on each machine and across all of them.
//!
//! [`evidence`] is what was seen, [`findings`] a pure function of it. What could not be looked at is a finding of its own, and never
//! one that something is wrong. [`Looking`] is how it is looked at, by facts.

mod across;
mod clock;
pub mod evidence;
mod examine;
mod finding;
mod identity;
mod images;
mod kubernetes;
mod looking;
#[cfg(test)]
mod looking_tests;
mod machine;
mod modules;
mod network;
mod packages;
mod ports;
mod reach;
mod routes;
mod settings;
mod storage;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod versions;

use evidence::Evidence;
pub use finding::{Finding, Severity};
pub use looking::{Host, Looking, Next};
pub use routes::overlaps;

use super::known::Known;
use super::settings::Settings;
use finding::Findings;

/// All that was found, errors first, then by what was looked at.
///
/// `nodes` are all nodes of the cluster that were reached; what is compared across nodes is compared across these.
pub fn findings(settings: &Settings, nodes: &[Evidence]) -> Vec<Finding> {
    let mut found = Findings::new(settings);
    for node in nodes {
        machine::check(settings, node, &mut found);
        identity::check(node, &mut found);
        ports::check(node, &mut found);
        kubernetes::check(settings, node, &mut found);
        modules::check(settings, node, &mut found);
        network::check(settings, node, nodes, &mut found);
        packages::check(node, &mut found);
        storage::check(node, &mut found);
        images::check(node, &mut found);
    }
    across::check(nodes, &mut found);
    versions::check(nodes, &mut found);
    clock::check(nodes, &mut found);
    reach::check(settings, nodes, &mut found);
    routes::check(settings, nodes, &mut found);
    settings::check(settings, nodes, &mut found);
    found.done()
}

/// The value, if it is known and there. That it could not be read is told.
fn seen<'a, T>(known: &'a Known<T>, check: &'static str, node: &Evidence, what: &str, found: &mut Findings) -> Option<&'a T> {
    if let Some(why) = known.why_unknown() {
        found.unknown(check, node, what, why);
    }
    known.is()
}
