//! How machines are looked at, one turn after the other: what is on each; who is what time, and which ports are free; whether they reach
//! each other; that nothing of ours listens any more. All by facts, each turn one message there and back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::evidence::{Evidence, Reached};
use super::examine::{Subject, examine, known};
use super::reach::wanted;
use crate::cluster::known::Known;
use crate::cluster::settings::{Role, Settings};
use crate::node::facts::{Clock, ClockReading, ClosePorts, OpenPorts, Opened, Reach, ReachPorts};
use crate::plan::{FactKey, Facts, Stop};

/// How long our listeners wait at most, in seconds: for the slowest of the others to have tried.
const SECONDS: u32 = 60;

/// A machine that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name in the inventory.
    pub name: String,
    /// What it becomes.
    pub role: Role,
    /// Where it is reached, if that is written as an address.
    pub address: Option<IpAddr>,
}

/// What is next.
#[derive(Debug)]
pub enum Next {
    /// These have to be read, by host.
    Read(BTreeMap<String, BTreeSet<FactKey>>),
    /// All that was seen, of the hosts that answered.
    Done(Vec<Evidence>),
}

/// Where it has come to.
#[derive(Debug)]
enum Stage {
    /// What is on each machine.
    Examining,
    /// Clocks, and listeners of ours. When it was asked, in milliseconds since 1970.
    Opening(Option<i64>),
    /// From each to the others.
    Trying,
    /// Our listeners end.
    Closing,
}

/// A way to another machine that is tried.
struct Way {
    to: String,
    address: IpAddr,
    port: u16,
    protocol: &'static str,
}

/// Looking at machines.
#[derive(Debug)]
pub struct Looking {
    settings: Settings,
    hosts: Vec<Host>,
    /// Whether no control plane is left out: else the cluster may be up without us seeing it.
    is_whole: bool,
    token: String,
    stage: Stage,
    seen: BTreeMap<String, Evidence>,
    opened: BTreeMap<String, Known<Vec<Opened>>>,
}

impl Looking {
    /// At these machines. `control_planes` is how many of them the inventory has in all, `token` some letters and digits that no other run
    /// has.
    pub fn new(settings: Settings, hosts: Vec<Host>, control_planes: usize, token: String) -> Self {
        let here = hosts.iter().filter(|host| host.role == Role::ControlPlane).count();
        let (seen, opened) = Default::default();
        Self { settings, hosts, is_whole: here >= control_planes, token, stage: Stage::Examining, seen, opened }
    }

    /// What is next, by what is known by now. A host without facts was not reached, and is left out. `now` is in milliseconds since 1970.
    pub fn next<'f>(&mut self, facts: &dyn Fn(&str) -> Option<&'f Facts<'f>>, now: i64) -> Next {
        loop {
            let need = match &self.stage {
                Stage::Examining => self.examine(facts),
                Stage::Opening(_) => self.open(facts, now),
                Stage::Trying => self.reach(facts),
                Stage::Closing => self.close(facts),
            };
            if !need.is_empty() {
                return Next::Read(need);
            }
            self.stage = match self.stage {
                Stage::Examining => Stage::Opening(None),
                Stage::Opening(_) => Stage::Trying,
                Stage::Trying => Stage::Closing,
                Stage::Closing => {
                    let seen = &mut self.seen;
                    return Next::Done(self.hosts.iter().filter_map(|host| seen.remove(&host.name)).collect());
                }
            };
        }
    }

    fn examine<'f>(&mut self, facts: &dyn Fn(&str) -> Option<&'f Facts<'f>>) -> BTreeMap<String, BTreeSet<FactKey>> {
        let mut need = BTreeMap::new();
        for host in &self.hosts {
            let Some(facts) = facts(&host.name) else { continue };
            let of = Subject { name: &host.name, role: host.role, address: host.address, asks_for_virtual_address: self.is_whole };
            match examine(facts, &self.settings, &of) {
                Ok(evidence) => drop(self.seen.insert(host.name.clone(), evidence)),
                Err(Stop::Need(missing)) => drop(need.insert(host.name.clone(), missing)),
                // never: what could not be read is in the evidence
                Err(Stop::Unknown(_)) => {}
            }
        }
        need
    }

    /// The ports of a node that others have to reach.
    fn ports(&self, to: &Evidence) -> Vec<(u16, String)> {
        let others = self.seen.values().filter(|from| from.name != to.name);
        let ports: BTreeSet<(u16, &str)> = others.flat_map(|from| wanted(&self.settings, from.role, to.role)).collect();
        ports.into_iter().map(|(port, protocol)| (port, protocol.to_owned())).collect()
    }

    fn opening(&self, node: &Evidence) -> Option<OpenPorts> {
        let ports = self.ports(node);
        let address = *node.network.address.is().filter(|_| !ports.is_empty())?;
        Some(OpenPorts { token: self.token.clone(), seconds: SECONDS, address, ports })
    }

    fn open<'f>(&mut self, facts: &dyn Fn(&str) -> Option<&'f Facts<'f>>, now: i64) -> BTreeMap<String, BTreeSet<FactKey>> {
        let (mut all, mut clocks, mut opened) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for node in self.seen.values() {
            let Some(facts) = facts(&node.name) else { continue };
            let mut need = BTreeSet::new();
            clocks.insert(node.name.clone(), known::<_, ClockReading>(facts, &Clock, &mut need));
            if let Some(open) = self.opening(node) {
                opened.insert(node.name.clone(), known(facts, &open, &mut need));
            }
            if !need.is_empty() {
                all.insert(node.name.clone(), need);
            }
        }
        if !all.is_empty() {
            self.stage = Stage::Opening(Some(now));
            return all;
        }
        self.opened = opened;
        // who asks knows when it asked: the answer was given between that and now
        let asked = if let Stage::Opening(Some(asked)) = self.stage { asked } else { now };
        let (middle, give_or_take) = (i64::midpoint(asked, now), now.abs_diff(asked).div_ceil(2));
        for (name, clock) in clocks {
            let Some(node) = self.seen.get_mut(&name) else { continue };
            let coarse = clock.is().map_or(0, |clock| u64::from(clock.resolution_nanoseconds) / 1_000_000);
            node.clock.ahead = clock.map(|clock| clock.unix_nanoseconds / 1_000_000 - middle);
            node.clock.give_or_take = give_or_take + coarse;
        }
        all
    }

    /// What a node tries of the others, and of which it is: where a listener waits, ours or by TCP somebody's.
    fn ways(&self, from: &Evidence) -> Vec<Way> {
        let mut ways = Vec::new();
        for to in self.seen.values().filter(|to| to.name != from.name) {
            let Some(address) = to.network.address.is() else { continue };
            for (port, protocol) in wanted(&self.settings, from.role, to.role) {
                let waits = match self.state(to, port, protocol) {
                    Known::Is(Opened::Ours) => true,
                    Known::Is(Opened::Taken) => protocol == "tcp",
                    _ => false,
                };
                if waits {
                    ways.push(Way { to: to.name.clone(), address: *address, port, protocol });
                }
            }
        }
        ways
    }

    /// What became of a port of that node.
    fn state(&self, to: &Evidence, port: u16, protocol: &str) -> Known<Opened> {
        let at = self.ports(to).iter().position(|(one, kind)| *one == port && kind == protocol);
        match (self.opened.get(&to.name), at) {
            (Some(Known::Is(opened)), Some(at)) => opened.get(at).cloned().map_or(Known::Not, Known::Is),
            (Some(Known::Unknown(why)), _) => Known::Unknown(why.clone()),
            _ => Known::Not,
        }
    }

    fn reach<'f>(&mut self, facts: &dyn Fn(&str) -> Option<&'f Facts<'f>>) -> BTreeMap<String, BTreeSet<FactKey>> {
        let (mut all, mut reached) = (BTreeMap::new(), BTreeMap::new());
        for node in self.seen.values() {
            let Some(facts) = facts(&node.name) else { continue };
            let ways = self.ways(node);
            if ways.is_empty() {
                continue;
            }
            let to = ways.iter().map(|way| (way.address, way.port, way.protocol.to_owned())).collect();
            let mut need = BTreeSet::new();
            let came: Known<Vec<Reach>> = known(facts, &ReachPorts { token: self.token.clone(), to }, &mut need);
            if need.is_empty() {
                reached.insert(node.name.clone(), (ways, came));
            } else {
                all.insert(node.name.clone(), need);
            }
        }
        if all.is_empty() {
            let results: Vec<(String, Vec<Reached>)> =
                self.seen.values().map(|node| (node.name.clone(), self.judged(node, reached.remove(&node.name)))).collect();
            for (name, reached) in results {
                if let Some(node) = self.seen.get_mut(&name) {
                    node.network.reached = reached;
                }
            }
        }
        all
    }

    fn judged(&self, from: &Evidence, came: Option<(Vec<Way>, Known<Vec<Reach>>)>) -> Vec<Reached> {
        let mut all = Vec::new();
        for to in self.seen.values().filter(|to| to.name != from.name) {
            for (port, protocol) in wanted(&self.settings, from.role, to.role) {
                let state = self.state(to, port, protocol);
                let tried = came.as_ref().and_then(|(ways, came)| {
                    let at = ways.iter().position(|way| way.to == to.name && way.port == port && way.protocol == protocol)?;
                    Some(came.clone().and_then(|came| came.get(at).cloned().map_or(Known::Not, Known::Is)))
                });
                let done = match (state, tried) {
                    (Known::Is(Opened::Failed(why)) | Known::Unknown(why), _) => Known::Unknown(format!("on {}: {why}", to.name)),
                    (_, Some(Known::Is(Reach::Done))) => Known::Is(true),
                    // whoever has it may listen elsewhere on that machine
                    (Known::Is(Opened::Taken), Some(Known::Is(Reach::Refused))) => Known::Not,
                    (_, Some(Known::Is(_))) => Known::Is(false),
                    (_, Some(Known::Unknown(why))) => Known::Unknown(why),
                    (_, Some(Known::Not) | None) => Known::Not,
                };
                all.push(Reached { to: to.name.clone(), port, protocol, done });
            }
        }
        all
    }

    /// Where it fails, they end by themselves.
    fn close<'f>(&mut self, facts: &dyn Fn(&str) -> Option<&'f Facts<'f>>) -> BTreeMap<String, BTreeSet<FactKey>> {
        let mut all = BTreeMap::new();
        for name in self.opened.keys() {
            let Some(facts) = facts(name) else { continue };
            let mut need = BTreeSet::new();
            let _: Known<bool> = known(facts, &ClosePorts { token: self.token.clone() }, &mut need);
            if !need.is_empty() {
                all.insert(name.clone(), need);
            }
        }
        all
    }
}
