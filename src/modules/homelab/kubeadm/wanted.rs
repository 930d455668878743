//! What is wanted, of the settings and the inventory: who becomes what, and what its Node bears.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::kubeadm_config::endpoint;
use crate::cluster::membership::{CONTROL_PLANE, Host, InitPart, Marks, Role, Wanted};
use crate::cluster::settings::{self, ServedBy, Settings, taint};
use crate::modules::PlayHost;

/// What a worker's Node is called by; a kubelet may not say so itself.
const WORKER: &str = "node-role.kubernetes.io/worker";
/// What kubeadm says of a control plane's Node beside its role.
const NOT_BALANCED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// Labels and annotations.
pub(super) type Own = (BTreeMap<String, String>, BTreeMap<String, String>);

/// The inventory's hosts, and what the play says of their Nodes.
#[derive(Debug)]
pub(super) struct Crew {
    pub(super) hosts: Vec<PlayHost>,
    pub(super) own: BTreeMap<String, Own>,
}

/// What a machine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// Its host name.
    pub name: String,
    /// Where the other nodes reach it, an IP address.
    pub address: String,
    /// The network interface that has this address.
    pub interface: Option<String>,
}

impl Crew {
    /// What a host becomes, if it is a node.
    pub(super) fn role(&self, settings: &Settings, host: &PlayHost) -> Option<Role> {
        Some(match settings.role(host.groups.iter().map(String::as_str))? {
            settings::Role::ControlPlane => Role::ControlPlane,
            settings::Role::Worker => Role::Worker,
        })
    }

    /// The nodes of the inventory.
    pub(super) fn nodes<'a>(&'a self, settings: &'a Settings) -> impl Iterator<Item = (&'a PlayHost, Role)> {
        self.hosts.iter().filter_map(|host| Some((host, self.role(settings, host)?)))
    }

    /// All that is wanted. A machine that is not reached is called as the inventory has it.
    pub(super) fn wanted(&self, settings: &Settings, called: &BTreeMap<String, Called>) -> Wanted {
        let hosts = self.nodes(settings).map(|(host, role)| {
            let address = || host.address.map(|address| address.to_string()).unwrap_or_default();
            let usual = || Called { name: host.name.clone(), address: address(), interface: None };
            let Called { name: node, address, .. } = called.get(&host.name).cloned().unwrap_or_else(usual);
            Host { name: host.name.clone(), node, role, address, marks: self.marks(settings, host, role) }
        });
        Wanted {
            endpoint: endpoint(settings),
            kube_vip: settings.endpoint.served_by == ServedBy::KubeVip,
            parts: InitPart::ALL.into(),
            hosts: hosts.collect(),
        }
    }

    fn marks(&self, settings: &Settings, host: &PlayHost, role: Role) -> Marks {
        let mut marks = Marks::default();
        match role {
            Role::Worker => drop(marks.labels.insert(WORKER.to_owned(), String::new())),
            Role::ControlPlane => {
                marks.labels.insert(CONTROL_PLANE.to_owned(), String::new());
                marks.labels.insert(NOT_BALANCED.to_owned(), String::new());
            }
        }
        for name in names(host) {
            marks.labels.extend(settings.labels.get(name).into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        }
        if let Some((labels, annotations)) = self.own.get(&host.name) {
            marks.labels.extend(labels.clone());
            marks.annotations.extend(annotations.clone());
        }
        let kubeadms = format!("{CONTROL_PLANE}:NoSchedule");
        match (taints(settings, host), role) {
            (Some(taints), _) => {
                marks.taints = taints.into_iter().collect();
                marks.no_taints = BTreeSet::from([kubeadms]).difference(&marks.taints).cloned().collect();
            }
            (None, Role::ControlPlane) => drop(marks.taints.insert(kubeadms)),
            (None, Role::Worker) => {}
        }
        marks
    }
}

/// The taints of a host in one spelling, if the settings say anything of it: its own, or else all of its groups'.
pub(super) fn taints(settings: &Settings, host: &PlayHost) -> Option<Vec<String>> {
    let spelt = |text: &String| match taint(text) {
        Some((key, "", effect)) => format!("{key}:{effect}"),
        Some((key, value, effect)) => format!("{key}={value}:{effect}"),
        None => text.clone(),
    };
    if let Some(own) = settings.taints.get(&host.name) {
        return Some(own.iter().map(spelt).collect());
    }
    let of_groups: Vec<_> = names(host).filter_map(|name| settings.taints.get(name)).collect();
    (!of_groups.is_empty()).then(|| of_groups.into_iter().flatten().map(spelt).collect())
}

/// By what names the settings may mean a host; the narrowest last.
fn names(host: &PlayHost) -> impl Iterator<Item = &str> {
    let groups = host.groups.iter().map(String::as_str).filter(|name| *name != "all");
    std::iter::once("all").chain(groups).chain([host.name.as_str()])
}
