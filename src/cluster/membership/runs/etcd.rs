//! etcd's members by etcd's rules, and what the API keeps in it.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{Ca, Nodes, World};
use crate::cluster::membership::{InitPart, Marks};

/// A cluster: an etcd, and the objects in it.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) ca: Ca,
    /// Whether it is one that the inventory's machines make up.
    pub(super) is_ours: bool,
    pub(super) members: Vec<Member>,
    pub(super) nodes: Nodes,
    /// By Node: machine, token, whether it is approved, since when.
    pub(super) csrs: BTreeMap<String, Request>,
    pub(super) parts: BTreeSet<InitPart>,
    /// What whoever made it left out on purpose.
    pub(super) left_out: BTreeSet<InitPart>,
    /// Tokens with the moment at which each ends.
    pub(super) tokens: BTreeMap<u32, u32>,
    /// The key of kubeadm-certs, and the moment at which it ends.
    pub(super) certificates: Option<(u32, u32)>,
    /// Who else changes it, and until when.
    pub(super) lease: Option<(u32, u32)>,
    /// The member that leads.
    pub(super) leader: Option<u64>,
    next_member: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) address: u32,
    pub(super) learner: bool,
    pub(super) since: u32,
    /// Whether it has what the leader has, as far as the leader knows.
    pub(super) is_synced: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) machine: u32,
    pub(super) is_approved: bool,
    pub(super) since: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) uid: u32,
    pub(super) machine: u32,
    pub(super) heard: u32,
    pub(super) is_ready: bool,
    pub(super) marks: Marks,
}

/// How long a kubelet may be silent before its Node is not ready.
const SILENCE: u32 = 6;

impl Cluster {
    pub(super) fn new(ca: Ca, address: u32) -> Self {
        let first = Member { id: 1, name: String::new(), address, learner: false, since: 0, is_synced: true };
        Self {
            ca,
            is_ours: true,
            members: vec![first],
            nodes: Nodes::new(),
            csrs: BTreeMap::new(),
            parts: BTreeSet::new(),
            left_out: BTreeSet::new(),
            tokens: BTreeMap::new(),
            certificates: None,
            lease: None,
            leader: None,
            next_member: 2,
        }
    }

    /// A kubelet asks for its certificate; whether it has it.
    pub(super) fn request(&mut self, node: &str, machine: u32, token: u32, time: u32) -> bool {
        if self.tokens.get(&token).is_none_or(|end| *end <= time) {
            return false;
        }
        let fresh = Request { machine, is_approved: false, since: time };
        let request = self.csrs.entry(node.to_owned()).or_insert_with(|| fresh.clone());
        if request.machine != machine {
            *request = fresh;
        }
        request.is_approved
    }

    /// A kubelet registers its Node, over one of that name.
    pub(super) fn register(&mut self, node: &str, machine: u32, uid: u32, time: u32) {
        let fresh = Node { uid, machine, heard: time, is_ready: true, marks: Marks::default() };
        self.nodes.entry(node.to_owned()).or_insert(fresh).machine = machine;
    }

    pub(super) fn heard(&mut self, node: &str, machine: u32, time: u32) {
        if let Some(node) = self.nodes.get_mut(node).filter(|node| node.machine == machine) {
            node.heard = time;
            node.is_ready = true;
        }
    }

    pub(super) fn controllers(&mut self, time: u32, approves: bool) {
        for node in self.nodes.values_mut() {
            node.is_ready &= node.heard + SILENCE > time;
        }
        for request in self.csrs.values_mut() {
            request.is_approved |= approves && request.since + 2 <= time;
        }
        self.tokens.retain(|_, end| *end > time);
        self.certificates = self.certificates.filter(|(_, end)| *end > time);
        self.lease = self.lease.filter(|(_, end)| *end > time);
    }

    fn voters(&self) -> Vec<&Member> {
        self.members.iter().filter(|member| !member.learner).collect()
    }

    /// How many voters but that one have told their names.
    fn started(&self, but: Option<u64>) -> usize {
        self.voters().iter().filter(|member| Some(member.id) != but && !member.name.is_empty()).count()
    }
}

/// etcd refuses, because.
pub(super) type Answer<T> = Result<T, &'static str>;

/// Without a majority a question is answered by a time-out.
pub(super) const NO_ANSWER: &str = "no answer";
pub(super) const NOT_FOUND: &str = "etcdserver: member not found";
pub(super) const NOT_A_LEARNER: &str = "etcdserver: can only promote a learner member";
pub(super) const KNOWN_ADDRESS: &str = "etcdserver: Peer URLs already exists";
const UNHEALTHY: &str = "etcdserver: unhealthy cluster";
const NOT_IN_SYNC: &str = "etcdserver: can only promote a learner member which is in sync with leader";
const NOT_STARTED: &str = "etcdserver: re-configuration failed due to not enough started members";
const TOO_MANY_LEARNERS: &str = "etcdserver: too many learner members in cluster";

/// etcd's rules, in its order, as a voter that runs judges by them; `rules` holds them against what real ones answered.
impl World {
    /// `MemberAdd` of a learner: all voters connected, an address that no member has, no other learner.
    pub(super) fn add_learner(&mut self, cluster: usize, address: u32) -> Answer<()> {
        if self.clusters[cluster].voters().iter().any(|member| self.alive(cluster, member.id).is_none()) {
            return Err(UNHEALTHY);
        }
        if self.clusters[cluster].members.iter().any(|member| member.address == address) {
            return Err(KNOWN_ADDRESS);
        }
        if self.clusters[cluster].members.iter().any(|member| member.learner) {
            return Err(TOO_MANY_LEARNERS);
        }
        let (time, kept) = (self.time, &mut self.clusters[cluster]);
        let id = kept.next_member;
        kept.next_member += 1;
        kept.members.push(Member { id, name: String::new(), address, learner: true, since: time, is_synced: false });
        Ok(())
    }

    /// `MemberPromote`: in sync as the leader knows it, whether it runs or not; and of those that then vote a majority was started.
    pub(super) fn promote(&mut self, cluster: usize, address: u32) -> Answer<()> {
        if !self.has_quorum(cluster) {
            return Err(NO_ANSWER);
        }
        let kept = &self.clusters[cluster];
        let Some(at) = kept.members.iter().position(|member| member.address == address) else { return Err(NOT_FOUND) };
        if !kept.members[at].is_synced {
            return Err(NOT_IN_SYNC);
        }
        // it counts among them already
        let (voters, started) = (kept.voters().len() + 1, kept.started(None) + 1);
        if started < voters / 2 + 1 {
            return Err(NOT_STARTED);
        }
        if !kept.members[at].learner {
            return Err(NOT_A_LEARNER);
        }
        self.clusters[cluster].members[at].learner = false;
        Ok(())
    }

    /// `MemberRemove`: of a voter, a majority of the others was started; and of one that runs, a majority of those that stay runs.
    pub(super) fn remove_member(&mut self, cluster: usize, id: u64) -> Answer<()> {
        let kept = &self.clusters[cluster];
        let at = kept.members.iter().position(|member| member.id == id);
        if !at.is_some_and(|at| kept.members[at].learner) {
            let others = kept.voters().iter().filter(|member| member.id != id).count();
            if kept.started(Some(id)) < others / 2 + 1 {
                return Err(NOT_STARTED);
            }
            let active = kept.voters().iter().filter(|member| self.alive(cluster, member.id).is_some()).count();
            if at.is_some() && self.alive(cluster, id).is_some() && active - 1 < 1 + others / 2 {
                return Err(UNHEALTHY);
            }
        }
        if !self.has_quorum(cluster) {
            return Err(NO_ANSWER);
        }
        self.clusters[cluster].members.remove(at.ok_or(NOT_FOUND)?);
        Ok(())
    }

    /// A leader that does not lead any more is followed by another one, as soon as a majority runs.
    pub(super) fn elect(&mut self, cluster: usize) {
        let runs = |member: &Member| !member.learner && self.alive(cluster, member.id).is_some();
        let running: Vec<u64> = self.clusters[cluster].members.iter().filter(|member| runs(member)).map(|member| member.id).collect();
        if !self.has_quorum(cluster) {
            self.clusters[cluster].leader = None;
        } else if self.clusters[cluster].leader.is_none_or(|leader| !running.contains(&leader))
            && let Some(leader) = running.first()
        {
            self.elected(cluster, *leader);
        }
    }

    /// A new leader knows of none how far it is, until it hears from it.
    pub(super) fn elected(&mut self, cluster: usize, leader: u64) {
        self.clusters[cluster].leader = Some(leader);
        self.falls_behind(cluster);
    }

    /// Who is down is not in sync any more: another one leads, or more than a tenth of all was written since.
    pub(super) fn falls_behind(&mut self, cluster: usize) {
        for at in 0..self.clusters[cluster].members.len() {
            let is_alive = self.alive(cluster, self.clusters[cluster].members[at].id).is_some();
            self.clusters[cluster].members[at].is_synced &= is_alive;
        }
    }
}
