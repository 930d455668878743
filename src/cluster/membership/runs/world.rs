//! A world of machines and clusters: what is on each machine, what runs there, what etcd and the API hold.

use std::collections::{BTreeMap, BTreeSet};

use super::etcd::Cluster;
use super::kubeadm::Unit;
use crate::cluster::membership::{Credentials, InitPart};
use crate::node::simulated::Random;

/// An authority.
pub(super) type Ca = u32;

/// A machine, whichever host it is.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    /// Its machine-id.
    pub(super) id: u32,
    /// Its address.
    pub(super) address: u32,
    /// The Node that it calls itself, if it calls itself any.
    pub(super) node: String,
    pub(super) is_up: bool,
    /// Whether we reach it.
    pub(super) ssh: bool,
    /// Whether the other machines reach it.
    pub(super) net: bool,
    pub(super) files: Files,
    /// The kubelet's unit is active; it is enabled always.
    pub(super) kubelet: bool,
    /// Its static pods run: they go on when the kubelet is stopped.
    pub(super) pods: bool,
    /// Its kubelet has registered its Node since it was started.
    pub(super) has_registered: bool,
    pub(super) unit: Option<Unit>,
    /// How the last kubeadm ended.
    pub(super) ended: Option<Result<(), &'static str>>,
    /// etcd's data is not where it is looked for.
    pub(super) data_elsewhere: bool,
    /// Its API server crashes.
    pub(super) api_crashes: bool,
    /// Somebody else listens on 6443.
    pub(super) stranger: bool,
    /// Nobody is to touch its files: it was another's from the beginning.
    pub(super) is_foreign: bool,
}

/// What is on it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Files {
    pub(super) ca: Option<Ca>,
    /// kubelet.conf: authority and Node.
    pub(super) kubelet_conf: Option<(Ca, String)>,
    /// The certificate that it names.
    pub(super) certificate: bool,
    /// bootstrap-kubelet.conf: authority and token.
    pub(super) bootstrap: Option<(Ca, u32)>,
    pub(super) kubelet_config: bool,
    pub(super) admin: bool,
    pub(super) super_admin: bool,
    /// etcd's manifest, and whether it joins an existing cluster.
    pub(super) etcd: Option<bool>,
    pub(super) control_plane: bool,
    pub(super) kube_vip: Option<Credentials>,
    /// etcd's data: which cluster's, which member's.
    pub(super) data: Option<(usize, u64)>,
    /// Join material.
    pub(super) material: bool,
    /// The mark of a reset, in etcd's data: whose that is.
    pub(super) reset: Option<Ca>,
    /// The mark of an init.
    pub(super) init: bool,
}

/// What fails to be read, for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Blind {
    /// An item of that machine.
    Item(usize, u8),
    /// The API is silent to us.
    ApiSilent,
    /// The API gives us a TLS error.
    ApiTls,
    /// A list of the API.
    List(u8),
    /// Whether members answer.
    Health(usize),
}

/// The world.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) time: u32,
    pub(super) random: Random,
    pub(super) machines: Vec<Machine>,
    /// Which machine each host of the inventory is.
    pub(super) hosts: Vec<usize>,
    pub(super) clusters: Vec<Cluster>,
    pub(super) kube_vip: bool,
    /// Whether clusters have a CNI.
    pub(super) cni: bool,
    /// Another cluster has our endpoint.
    pub(super) usurper: bool,
    /// Nobody approves kubelets' requests.
    pub(super) no_approval: bool,
    pub(super) blind: BTreeSet<Blind>,
    /// What was done that must never be done.
    pub(super) wrong: Vec<String>,
    next_id: u32,
}

/// The authority of a cluster that is not ours.
pub(super) const OTHERS: Ca = 900;

impl World {
    pub(super) fn new(random: Random, nodes: &[String]) -> Self {
        let mut world = Self {
            time: 0,
            random,
            machines: Vec::new(),
            hosts: Vec::new(),
            clusters: Vec::new(),
            kube_vip: false,
            cni: true,
            usurper: false,
            no_approval: false,
            blind: BTreeSet::new(),
            wrong: Vec::new(),
            next_id: 1,
        };
        for node in nodes {
            let machine = world.blank(node, None);
            world.hosts.push(machine);
        }
        world
    }

    /// A new machine without anything on it, at that address or one of its own.
    pub(super) fn blank(&mut self, node: &str, address: Option<u32>) -> usize {
        let id = self.fresh();
        self.machines.push(Machine {
            id,
            address: address.unwrap_or(id),
            node: node.to_owned(),
            is_up: true,
            ssh: true,
            net: true,
            files: Files::default(),
            // enabled: where it was started, it starts again and again until it has a configuration
            kubelet: self.random.once_in(2),
            pods: false,
            has_registered: false,
            unit: None,
            ended: None,
            data_elsewhere: false,
            api_crashes: false,
            stranger: false,
            is_foreign: false,
        });
        self.machines.len() - 1
    }

    pub(super) fn fresh(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// Whether its kubelet runs its static pods.
    pub(super) fn runs(&self, at: usize) -> bool {
        let machine = &self.machines[at];
        let files = &machine.files;
        machine.is_up && machine.kubelet && files.kubelet_config && (files.certificate || files.bootstrap.is_some())
    }

    /// Whether static pods run on it.
    fn has_pods(&self, at: usize) -> bool {
        self.machines[at].is_up && (self.machines[at].pods || self.runs(at))
    }

    /// Where that member runs and is reached by the others.
    pub(super) fn alive(&self, cluster: usize, member: u64) -> Option<usize> {
        (0..self.machines.len()).find(|at| {
            let machine = &self.machines[*at];
            machine.net && machine.files.data == Some((cluster, member)) && machine.files.etcd.is_some() && self.has_pods(*at)
        })
    }

    /// Whether a machine, up or not, holds that member's data.
    pub(super) fn holds_data(&self, cluster: usize, member: u64) -> bool {
        self.machines.iter().any(|machine| machine.files.data == Some((cluster, member)))
    }

    pub(super) fn has_quorum(&self, cluster: usize) -> bool {
        let voters: Vec<u64> = self.clusters[cluster].members.iter().filter(|member| !member.learner).map(|member| member.id).collect();
        voters.iter().filter(|id| self.alive(cluster, **id).is_some()).count() > voters.len() / 2
    }

    /// The cluster that the API server on that machine serves.
    pub(super) fn serves(&self, at: usize) -> Option<usize> {
        let files = &self.machines[at].files;
        let (cluster, id) = files.data.filter(|_| {
            files.control_plane && !self.machines[at].api_crashes && files.etcd.is_some() && self.has_pods(at) && self.machines[at].net
        })?;
        let is_voter = self.clusters[cluster].members.iter().any(|member| member.id == id && !member.learner);
        (is_voter && self.has_quorum(cluster)).then_some(cluster)
    }

    /// The cluster behind the endpoint, as machines see it.
    pub(super) fn endpoint(&self) -> Option<usize> {
        // where a machine that the inventory does not name serves another cluster at the same address, ours is meant
        let ours = self.hosts.iter().copied();
        ours.chain(0..self.machines.len()).filter(|at| !self.machines[*at].is_foreign).find_map(|at| {
            let cluster = self.serves(at)?;
            let files = &self.machines[at].files;
            let is_served = !self.kube_vip
                || match files.kube_vip {
                    Some(Credentials::SuperAdmin) => files.super_admin,
                    Some(Credentials::Admin) => files.admin && self.clusters[cluster].parts.contains(&InitPart::AdminBinding),
                    None => false,
                };
            is_served.then_some(cluster)
        })
    }

    /// Whether anything listens there: etcd and the API server run or try to.
    pub(super) fn listens(&self, at: usize) -> BTreeSet<u16> {
        let files = &self.machines[at].files;
        let mut ports = BTreeSet::new();
        if self.has_pods(at) && files.etcd.is_some() && files.data.is_some() {
            ports.insert(2379);
        }
        if self.machines[at].stranger || self.has_pods(at) && files.control_plane && files.data.is_some() {
            ports.insert(6443);
        }
        ports
    }

    /// A machine loses its power: what runs there ends.
    pub(super) fn power_off(&mut self, at: usize) {
        let machine = &mut self.machines[at];
        machine.is_up = false;
        (machine.pods, machine.has_registered) = (false, false);
        if machine.unit.take().is_some() {
            machine.ended = Some(Err("the machine lost its power"));
        }
    }

    /// It is up again, with its kubelet, which is enabled.
    pub(super) fn power_on(&mut self, at: usize) {
        let machine = &mut self.machines[at];
        machine.is_up = true;
        machine.kubelet = true;
    }

    /// One moment passes.
    pub(super) fn tick(&mut self) {
        self.time += 1;
        for at in 0..self.machines.len() {
            if self.machines[at].is_up {
                self.step_unit(at);
            }
        }
        for at in 0..self.machines.len() {
            self.etcd_process(at);
            self.machines[at].pods |= self.runs(at);
            self.kubelet(at);
        }
        for cluster in 0..self.clusters.len() {
            self.controllers(cluster);
        }
    }

    /// etcd on that machine starts for the first time.
    fn etcd_process(&mut self, at: usize) {
        let machine = &self.machines[at];
        // the kubelet takes a moment for it
        if !(self.time + machine.id).is_multiple_of(3) {
            return;
        }
        let Some(joins) = machine.files.etcd.filter(|_| machine.files.data.is_none() && machine.net && self.runs(at)) else { return };
        let (address, node, ca) = (machine.address, machine.node.clone(), machine.files.ca);
        let Some(ca) = ca else { return };
        if !joins {
            let cluster = self.born(ca, at);
            self.machines[at].files.data = Some((cluster, 1));
            self.clusters[cluster].members[0].name.clone_from(&node);
            return;
        }
        // it finds itself among the members by its address
        for cluster in 0..self.clusters.len() {
            if self.clusters[cluster].ca != ca || !self.has_quorum(cluster) {
                continue;
            }
            let time = self.time;
            if let Some(member) =
                self.clusters[cluster].members.iter_mut().find(|member| member.address == address && member.name.is_empty())
            {
                member.name.clone_from(&node);
                member.since = time;
                self.machines[at].files.data = Some((cluster, member.id));
                return;
            }
        }
    }

    /// A kubelet asks for its certificate, registers its Node, reports.
    fn kubelet(&mut self, at: usize) {
        if !self.runs(at) {
            return;
        }
        // it says where its certificate will be before it asks for one
        let machine = &mut self.machines[at];
        if let (Some((ca, _)), false) = (machine.files.bootstrap, machine.files.certificate) {
            // which takes it a moment
            if machine.files.kubelet_conf.is_none() && !self.random.once_in(4) {
                return;
            }
            machine.files.kubelet_conf = Some((ca, machine.node.clone()));
        }
        if !machine.net {
            return;
        }
        let machine = &self.machines[at];
        // a control plane's kubelet talks to its own API server
        let reached = if machine.files.control_plane { self.serves(at) } else { self.endpoint() };
        let Some(cluster) = reached else { return };
        let (node, id, time) = (machine.node.clone(), machine.id, self.time);
        if !machine.files.certificate {
            let Some((_, token)) = machine.files.bootstrap.filter(|(ca, _)| *ca == self.clusters[cluster].ca) else { return };
            if !self.random.once_in(3) {
                return;
            }
            let is_approved = self.clusters[cluster].request(&node, id, token, time);
            self.machines[at].files.certificate = is_approved;
            return;
        }
        if machine.files.kubelet_conf.as_ref().is_none_or(|(ca, _)| *ca != self.clusters[cluster].ca) {
            return;
        }
        if !machine.has_registered {
            let uid = self.fresh();
            self.clusters[cluster].register(&node, id, uid, time);
            self.machines[at].has_registered = true;
        }
        self.clusters[cluster].heard(&node, id, time);
    }

    fn controllers(&mut self, cluster: usize) {
        self.elect(cluster);
        if !self.has_quorum(cluster) {
            return;
        }
        let (time, approves) = (self.time, !self.no_approval);
        self.clusters[cluster].controllers(time, approves);
        for index in 0..self.clusters[cluster].members.len() {
            let member = &self.clusters[cluster].members[index];
            let is_synced = member.is_synced || time > member.since + 3 && self.alive(cluster, member.id).is_some();
            self.clusters[cluster].members[index].is_synced = is_synced;
        }
    }

    /// etcd makes a new cluster of one member.
    fn born(&mut self, ca: Ca, at: usize) -> usize {
        let lives = self.clusters.iter().enumerate().any(|(index, cluster)| {
            let is_held = |id: u64| self.hosts.iter().any(|at| self.machines[*at].files.data == Some((index, id)));
            cluster.is_ours && cluster.members.iter().any(|member| is_held(member.id))
        });
        // what an old machine does that is in the inventory no more, when its power comes back, nobody can keep it from
        if lives && self.hosts.contains(&at) {
            self.wrong.push(format!("a second cluster is born on machine {at}, and the first still has data"));
        }
        let address = self.machines[at].address;
        self.clusters.push(Cluster::new(ca, address));
        self.clusters.len() - 1
    }

    /// What of a member's or a machine's names there is, for messages.
    pub(super) fn told(&self) -> String {
        let machines: Vec<String> = self
            .machines
            .iter()
            .enumerate()
            .map(|(at, machine)| {
                let (up, ssh, net) = (machine.is_up, machine.ssh, machine.net);
                let unit = machine.unit.as_ref().map(|unit| format!("{:?} at {}", unit.program, unit.at));
                format!(
                    "  machine {at} id {} {} up {up} ssh {ssh} net {net} kubelet {} {:?} unit {unit:?} ended {:?}",
                    machine.id, machine.node, machine.kubelet, machine.files, machine.ended
                )
            })
            .collect();
        let clusters: Vec<String> = self.clusters.iter().map(|cluster| format!("  {cluster:?}")).collect();
        format!("at {} hosts {:?} blind {:?}\n{}\n{}", self.time, self.hosts, self.blind, machines.join("\n"), clusters.join("\n"))
    }
}

/// Nodes of a cluster, by their name.
pub(super) type Nodes = BTreeMap<String, super::etcd::Node>;
