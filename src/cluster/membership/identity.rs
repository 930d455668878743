//! Which cluster is ours: told by the control planes that hold its data, and by what stands behind the endpoint.

use std::collections::BTreeMap;

use super::evidence::{Api, Evidence};
use super::refused::{Refused, Why, of_all};
use super::wanted::Wanted;

/// Which cluster is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The one of this authority.
    Ours(String),
    /// No control plane that was reached has etcd data under an authority, and no API answers that one of them belongs to.
    None,
    /// There are two, and nobody can tell which is meant.
    Two(Box<Refused>),
}

/// Which cluster is ours, by all that was seen.
pub fn identity(wanted: &Wanted, evidence: &Evidence) -> Identity {
    let mut with_data: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut held: Vec<&str> = Vec::new();
    for host in wanted.control_planes() {
        let Some(machine) = evidence.machine(host) else { continue };
        held.extend(machine.ca.present().map(String::as_str));
        held.extend(machine.kubelet_conf.present().map(|conf| conf.ca.as_str()));
        if let (Some(ca), true) = (machine.ca.present(), machine.etcd_data.is_present()) {
            with_data.entry(ca).or_default().push(&host.name);
        }
    }
    match &evidence.api {
        Api::Answers(objects) if held.contains(&objects.ca.as_str()) => Identity::Ours(objects.ca.clone()),
        Api::Answers(objects) => Identity::Two(Box::new(of_all(
            Why::TwoClusters,
            format!(
                "{} is answered by a cluster of the authority {}, and no control plane of the inventory that was reached belongs to it{}",
                wanted.endpoint,
                objects.ca,
                told(&with_data)
            ),
            "if another cluster has this address, give this one another endpoint; if a control plane was not reached, reach it".to_owned(),
        ))),
        Api::Silent(_) | Api::Unknown(_) => match with_data.keys().copied().collect::<Vec<_>>().as_slice() {
            [] => Identity::None,
            [ca] => Identity::Ours((*ca).to_owned()),
            _ => Identity::Two(Box::new(of_all(
                Why::TwoClusters,
                format!(
                    "the control planes hold the data of different clusters{}, and no API answers to tell which is meant",
                    told(&with_data)
                ),
                "on the machine that is not this cluster's, once its data may go: kubeadm reset".to_owned(),
            ))),
        },
    }
}

fn told(with_data: &BTreeMap<&str, Vec<&str>>) -> String {
    let each: Vec<String> = with_data.iter().map(|(ca, hosts)| format!("{} {ca}", hosts.join(", "))).collect();
    if each.is_empty() { String::new() } else { format!(" ({})", each.join("; ")) }
}
