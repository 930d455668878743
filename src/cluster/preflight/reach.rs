//! Whether machines reach each other: a listener of ours waits on the far side, so that nobody's program is needed for the answer.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::finding::Findings;
use crate::cluster::known::Known;
use crate::cluster::settings::{CniName, Role, Settings};

/// A port that nodes need of each other.
struct Needed {
    port: u16,
    protocol: &'static str,
    /// What for.
    what: &'static str,
    from: Option<Role>,
    to: Option<Role>,
    only: Option<CniName>,
}

const fn needed(port: u16, protocol: &'static str, what: &'static str, from: Option<Role>, to: Option<Role>) -> Needed {
    Needed { port, protocol, what, from, to, only: None }
}

const CP: Option<Role> = Some(Role::ControlPlane);

const ALL: [Needed; 7] = [
    needed(6443, "tcp", "the API", None, CP),
    needed(2379, "tcp", "etcd", CP, CP),
    needed(2380, "tcp", "etcd's members", CP, CP),
    needed(10250, "tcp", "the kubelet: logs, exec, metrics", CP, None),
    Needed { only: Some(CniName::Cilium), ..needed(8472, "udp", "pods of other nodes (VXLAN)", None, None) },
    Needed { only: Some(CniName::Cilium), ..needed(4240, "tcp", "Cilium's health", None, None) },
    Needed { only: Some(CniName::Flannel), ..needed(8472, "udp", "pods of other nodes (VXLAN)", None, None) },
];

/// Port and protocol that one node has to reach another at, as far as their roles and the CNI need it.
pub fn wanted(settings: &Settings, from: Role, to: Role) -> Vec<(u16, &'static str)> {
    let is = |wanted: Option<Role>, role: Role| wanted.is_none_or(|wanted| wanted == role);
    let is_needed = |one: &&Needed| is(one.from, from) && is(one.to, to) && one.only.is_none_or(|cni| cni == settings.cni.name);
    ALL.iter().filter(is_needed).map(|one| (one.port, one.protocol)).collect()
}

pub(super) fn check(settings: &Settings, nodes: &[Evidence], found: &mut Findings) {
    for from in nodes {
        // by port: the nodes that were not reached
        let mut closed: BTreeMap<(u16, &str), Vec<&str>> = BTreeMap::new();
        let mut unread: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for to in nodes.iter().filter(|to| to.name != from.name) {
            for (port, protocol) in wanted(settings, from.role, to.role) {
                let is_it = |one: &&super::evidence::Reached| one.to == to.name && one.port == port && one.protocol == protocol;
                match from.network.reached.iter().find(is_it).map(|one| &one.done) {
                    Some(Known::Is(false)) => closed.entry((port, protocol)).or_default().push(&to.name),
                    Some(Known::Unknown(why)) => {
                        let names = unread.entry(why).or_default();
                        if !names.contains(&to.name.as_str()) {
                            names.push(&to.name);
                        }
                    }
                    // nobody tried, as where a listener of the cluster's own answers already
                    Some(Known::Is(true) | Known::Not) | None => {}
                }
            }
        }
        for (why, names) in unread {
            found.unknown("Reach", from, &format!("whether it reaches {}", names.join(", ")), why);
        }
        for ((port, protocol), names) in closed {
            let what = ALL.iter().find(|one| (one.port, one.protocol) == (port, protocol)).map_or("", |one| one.what);
            let seen = format!("{} is not reached at {port}/{protocol}", names.join(", "));
            let why = format!("it is needed for {what}");
            found.error(
                "Reach",
                &[from],
                seen,
                &why,
                &format!("let {port}/{protocol} through on {}, and on what lies between", names.join(", ")),
            );
        }
    }
}
