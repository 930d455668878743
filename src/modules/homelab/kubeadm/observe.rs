//! All that is seen at one moment: of each machine, of the API, of etcd.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::apart;
use super::wanted::{Called, Crew};
use crate::cluster::kubeadm_config::{ETCD_DATA, endpoint};
use crate::cluster::live::{self, Told};
use crate::cluster::membership::{self, Evidence, Reach, Role, Wanted};
use crate::cluster::settings::Settings;
use crate::modules::{PlayFacts, PlayHost};
use crate::node::facts::{Hostname, Interfaces, Routes};
use crate::plan::{FactKey, Facts, Stop};

/// What is still to be read, by host.
pub(super) type Needs = BTreeMap<String, BTreeSet<FactKey>>;

/// What was seen, and what is wanted of these machines.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    pub(super) wanted: Wanted,
    pub(super) evidence: Evidence,
    /// What each machine that is reached says of itself.
    pub(super) called: BTreeMap<String, Called>,
    /// What each of them tells of the settings that the cluster has.
    pub(super) told: BTreeMap<String, Told>,
}

/// All of it, by the run that calls itself so.
///
/// # Errors
/// What has to be read first.
pub(super) fn observe(settings: &Settings, crew: &Crew, hosts: &PlayFacts<'_>, run: &str) -> Result<Observed, Needs> {
    let mut needs: Needs = BTreeMap::new();
    let mut machines = BTreeMap::new();
    let mut called = BTreeMap::new();
    let (mut heard, mut told) = (BTreeMap::new(), BTreeMap::new());
    let endpoint = endpoint(settings);
    for (host, role) in crew.nodes(settings) {
        let facts = match hosts.of(&host.name) {
            Ok(facts) => facts,
            Err(why) => {
                let why = host.apart.as_ref().map_or(why, apart);
                machines.insert(host.name.clone(), Reach::Unreachable(why.to_owned()));
                continue;
            }
        };
        let mut needed = |stop: Stop| match stop {
            Stop::Need(keys) => needs.entry(host.name.clone()).or_default().extend(keys),
            Stop::Unknown(_) => {}
        };
        let name = calls(facts, host).map_err(&mut needed).ok();
        let address = name.as_ref().map(|name| name.address.clone()).or_else(|| host.address.map(|address| address.to_string()));
        match membership::examine(facts, ETCD_DATA, &endpoint, address.as_deref().unwrap_or_default()) {
            Ok(machine) => drop(machines.insert(host.name.clone(), Reach::Reached(Box::new(machine)))),
            Err(stop) => needed(stop),
        }
        if role == Role::ControlPlane {
            match membership::hear(facts) {
                Ok(said) => drop(heard.insert(host.name.clone(), said)),
                Err(stop) => needed(stop),
            }
        }
        match live::told(facts, role) {
            Ok(said) => drop(told.insert(host.name.clone(), said)),
            Err(stop) => needed(stop),
        }
        if let Some(name) = name {
            called.insert(host.name.clone(), name);
        }
    }
    if !needs.is_empty() {
        return Err(needs);
    }
    let api = membership::api(&endpoint, &machines, &heard, Some(run));
    let etcd = membership::etcd(&machines, &heard, api.authority());
    Ok(Observed { wanted: crew.wanted(settings, &called), evidence: Evidence { machines, api, etcd }, called, told })
}

/// The machine's name, and where the other nodes reach it: the inventory's address if the machine has it, or else the one that it goes
/// out from by its default route.
///
/// # Errors
/// What has to be read first, or could not be.
pub fn calls(facts: &Facts<'_>, host: &PlayHost) -> Result<Called, Stop> {
    let (name, interfaces, routes) = facts.get((Hostname, Interfaces, Routes))?;
    let name = name.unwrap_or_else(|| host.name.clone()).to_ascii_lowercase();
    let with = |address: IpAddr| interfaces.iter().flatten().find(|one| one.addresses.iter().any(|one| one.address == address));
    let usable = |address: &IpAddr| !address.is_loopback() && !address.is_unspecified();
    let out = || {
        let routes = routes.iter().flatten().filter(|route| route.to == "default");
        let route = routes.min_by_key(|route| route.metric.unwrap_or(0))?;
        if let Some(source) = route.source.as_deref().and_then(|source| source.parse().ok()) {
            return Some(source);
        }
        let device = route.device.as_deref()?;
        let interface = interfaces.iter().flatten().find(|one| one.name == device)?;
        interface.addresses.iter().find(|one| one.scope == "global" && !one.secondary).map(|one| one.address)
    };
    let address = host.address.filter(usable).filter(|address| with(*address).is_some()).or_else(out).or(host.address);
    let interface = address.and_then(with).map(|interface| interface.name.clone());
    Ok(Called { name, address: address.map(|address| address.to_string()).unwrap_or_default(), interface })
}
