//! Whether the settings fit the inventory: who becomes what, and where its machines are.

use std::net::IpAddr;

use super::agree::Check;
use super::read::Broken;
use super::{ServedBy, Settings};
use crate::diagnostics::{Diagnostics, suggestion};
use crate::yaml::Node;

/// What is known of a host before it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryHost<'a> {
    /// Its name in the inventory.
    pub name: &'a str,
    /// All groups that it is in, directly or not.
    pub groups: Vec<&'a str>,
    /// Where it is reached, if that is written as an address.
    pub address: Option<IpAddr>,
}

/// What a host becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It runs the API and etcd.
    ControlPlane,
    /// It runs work.
    Worker,
}

impl Settings {
    /// What a host of those groups becomes; none if it is no node of the cluster.
    pub fn role<'a>(&self, groups: impl IntoIterator<Item = &'a str> + Clone) -> Option<Role> {
        let is_in = |names: &[String]| groups.clone().into_iter().any(|group| names.iter().any(|name| name == group));
        if is_in(&self.groups.control_planes) { Some(Role::ControlPlane) } else { is_in(&self.groups.workers).then_some(Role::Worker) }
    }

    /// Adds what does not fit these hosts to `problems`. They are all that the inventory has, not those of `--limit`.
    pub fn check_hosts(&self, cluster: &Node, hosts: &[InventoryHost], problems: &mut Diagnostics) {
        let broken = Broken::default();
        let mut check = Check { settings: self, cluster, broken: &broken, problems };
        let nodes: Vec<(&InventoryHost, Role)> =
            hosts.iter().filter_map(|host| Some((host, self.role(host.groups.iter().copied())?))).collect();
        let groups: Vec<&str> = hosts.iter().flat_map(|host| host.groups.iter().copied()).collect();
        check.named_groups(&groups);
        check.roles(&nodes);
        check.names(hosts, &groups);
        check.addresses(&nodes);
    }
}

impl Check<'_> {
    /// Groups that somebody wrote: the usual ones need not be there all.
    fn named_groups(&mut self, groups: &[&str]) {
        let settings = self.settings;
        for (name, list) in [("control_planes", &settings.groups.control_planes), ("workers", &settings.groups.workers)] {
            if !self.is_given("groups", name) {
                continue;
            }
            for (n, group) in list.iter().enumerate().filter(|(_, group)| !groups.contains(&group.as_str())) {
                let hint =
                    suggestion(group, groups.iter().copied()).unwrap_or_else(|| "`homelabctl inventory graph` shows the groups".into());
                self.error(&["groups", name, &n.to_string()], format!("the inventory has no group `{group}` with hosts in it"), &hint);
            }
        }
    }

    fn roles(&mut self, nodes: &[(&InventoryHost, Role)]) {
        let settings = self.settings;
        let control_planes = nodes.iter().filter(|(_, role)| *role == Role::ControlPlane).count();
        if control_planes == 0 {
            let names = settings.groups.control_planes.join("` or `");
            let hint = format!("put them into a group `{names}`, or name theirs in `groups.control_planes`");
            self.error(&["groups", "control_planes"], "no host of the inventory is a control plane", &hint);
        } else if control_planes % 2 == 0 {
            let message =
                format!("{control_planes} control planes bear the loss of {}, as {} do", (control_planes - 1) / 2, control_planes - 1);
            self.warning(&["groups", "control_planes"], message, "etcd goes on while more than half of them do: take an odd number");
        }
        for (host, _) in nodes.iter().filter(|(_, role)| *role == Role::ControlPlane) {
            let Some(group) = settings.groups.workers.iter().find(|name| host.groups.contains(&name.as_str())) else { continue };
            let message = format!("{} is a control plane, and in the group `{group}` of workers", host.name);
            let hint = format!("take it out of `{group}`; with `taints: {{{}: []}}` it takes work too", host.name);
            self.error(&["groups"], message, &hint);
        }
    }

    /// Labels and taints are of hosts or groups that are there.
    fn names(&mut self, hosts: &[InventoryHost], groups: &[&str]) {
        let settings = self.settings;
        let labels = settings.labels.keys().map(|name| ("labels", name));
        for (part, name) in labels.chain(settings.taints.keys().map(|name| ("taints", name))) {
            let known = || hosts.iter().map(|host| host.name).chain(groups.iter().copied()).chain(["all"]);
            if !known().any(|other| other == name) {
                let hint = suggestion(name, known()).unwrap_or_else(|| "`homelabctl inventory graph` shows both".into());
                self.error(&[part, name], format!("the inventory has neither a host nor a group `{name}`"), &hint);
            }
        }
    }

    fn addresses(&mut self, nodes: &[(&InventoryHost, Role)]) {
        let (settings, endpoint) = (self.settings, &self.settings.endpoint);
        let held = endpoint.address.or_else(|| endpoint.host.parse().ok());
        let at = ["endpoint", if endpoint.address.is_some() { "address" } else { "host" }];
        let several = nodes.iter().filter(|(_, role)| *role == Role::ControlPlane).count() > 1;
        for (host, _) in nodes {
            let Some(address) = host.address else { continue };
            match endpoint.served_by {
                ServedBy::KubeVip if held == Some(address) => {
                    let message = format!("{address} is {}'s own address, and kube-vip moves it between control planes", host.name);
                    self.error(&at, message, "write a free address of the nodes' network");
                }
                ServedBy::External if held == Some(address) && several => {
                    let message = format!("{address} is {}'s own address: without {} nobody reaches the API", host.name, host.name);
                    self.warning(&at, message, "let kube-vip serve a free address, or name what stands before the control planes");
                }
                _ => {}
            }
            let networks = [("pods", settings.network.pods), ("services", settings.network.services)];
            for (name, network) in networks.into_iter().filter(|(_, network)| network.contains(&address)) {
                let message = format!("{}'s address {address} lies in the network of the {name}, {network}", host.name);
                self.error(&["network", name], message, "take a network that nothing of yours is in");
            }
        }
        let pods = settings.network.pods;
        let bits = if pods.addr().is_ipv4() { 24_u8 } else { 64 }.saturating_sub(pods.prefix_len());
        if bits < 16 && nodes.len() > 1 << bits {
            let message = format!("{pods} has room for {} nodes, and the inventory has {}", 1 << bits, nodes.len());
            self.error(&["network", "pods"], message, "take a larger one: it cannot be changed later");
        }
    }

    /// Files of the machine that this program runs on.
    fn files(&mut self, is_there: &dyn Fn(&str) -> bool) {
        let settings = self.settings;
        let key = Some(&settings.packages.key).filter(|key| !key.contains("://"));
        let files = [(&["image_bundle"][..], settings.image_bundle.as_ref()), (&["cni", "manifest"], settings.cni.manifest.as_ref())];
        for (path, file) in files.into_iter().chain([(&["packages", "key"][..], key)]) {
            let Some(file) = file.filter(|file| !is_there(file)) else { continue };
            self.error(path, format!("there is no file `{file}`"), "a relative path counts from the directory of the inventory");
        }
    }
}

impl Settings {
    /// Adds the files that are named and not there to `problems`.
    pub fn check_files(&self, cluster: &Node, is_there: &dyn Fn(&str) -> bool, problems: &mut Diagnostics) {
        Check { settings: self, cluster, broken: &Broken::default(), problems }.files(is_there);
    }
}
