//! The settings of the cluster, the variable `cluster` of the inventory, looked at before anything is contacted.

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::inventory::Loaded;
use crate::cluster::preflight;
use crate::cluster::settings::{InventoryHost, Role, Settings, is_settings};
use crate::diagnostics::{Diagnostic, Diagnostics, Level, Place};
use crate::inventory::{Host, HostScope};
use crate::yaml::{Node, plain};

const VARIABLE: &str = "cluster";

/// What a run wants of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Tasks work by them.
    Read,
    /// It is a playbook of this program's, which leads to a cluster.
    OnTheWay,
    /// Playbooks of a person's own, in whose inventory `cluster` may mean something else: what looks like settings is warned about.
    Perhaps,
}

/// A variable `cluster`, and the hosts that have it.
struct Found<'a> {
    value: Cow<'a, Node>,
    hosts: Vec<&'a Host>,
}

/// Adds what is wrong with them to `problems`.
pub(super) fn check(loaded: &Loaded, wanted: Wanted, problems: &mut Diagnostics) {
    let mut told = Diagnostics::new();
    look(loaded, wanted, &mut told);
    if wanted == Wanted::Perhaps {
        told.0.iter_mut().for_each(|problem| problem.level = Level::Warning);
    }
    problems.extend(told);
}

/// The settings of the inventory's one cluster; all that is wrong with them is added to `problems`, also that there are none.
pub(super) fn settings(loaded: &Loaded, problems: &mut Diagnostics) -> Option<Settings> {
    check(loaded, Wanted::Read, problems);
    let today = today();
    let mut told = Diagnostics::new();
    let read = |found: &Found| Settings::read(&rendered(loaded, found, &mut told)?, &today, &mut told);
    let settings = found(loaded).iter().find_map(read);
    if settings.is_none() && !problems.has_errors() {
        let error = Diagnostic::error("the inventory has no variable `cluster`, which describes the cluster");
        problems.push(error.hint("write it into `group_vars/all.yml`; `docs/cluster-settings.md` has all that may stand in it"));
    }
    settings.filter(|_| !problems.has_errors())
}

/// The same, with all hosts that become nodes by them.
pub(super) fn nodes(loaded: &Loaded, problems: &mut Diagnostics) -> Option<(Settings, Vec<preflight::Host>)> {
    let settings = settings(loaded, problems)?;
    let role = |host: &InventoryHost| settings.role(host.groups.iter().copied());
    let node = |host: &InventoryHost, role: Role| preflight::Host { name: host.name.to_owned(), role, address: host.address };
    let nodes = inventory_hosts(loaded).iter().filter_map(|host| Some(node(host, role(host)?))).collect();
    Some((settings, nodes))
}

fn today() -> String {
    Timestamp::now().to_zoned(TimeZone::UTC).date().to_string()
}

fn look(loaded: &Loaded, wanted: Wanted, problems: &mut Diagnostics) {
    let found = found(loaded);
    let today = today();
    let hosts = inventory_hosts(loaded);
    let mut nodes: Vec<(&Found, Vec<&str>)> = Vec::new();
    for found in &found {
        let Some(cluster) = rendered(loaded, found, problems) else { continue };
        if wanted != Wanted::Read && !is_settings(&cluster) {
            continue;
        }
        let Some(settings) = Settings::read(&cluster, &today, problems) else { continue };
        settings.check_hosts(&cluster, &hosts, problems);
        let dir = found.hosts.iter().find_map(|host| host.file.as_deref()).and_then(|file| Path::new(file).parent());
        let dir = dir.unwrap_or(Path::new(""));
        settings.check_files(&cluster, &|file| dir.join(file).is_file(), problems);
        let is_node =
            |host: &&&Host| hosts.iter().any(|one| *one.name == *host.name && settings.role(one.groups.iter().copied()).is_some());
        if nodes.is_empty() {
            without(loaded, &settings, &cluster.place, &hosts, problems);
        }
        nodes.push((found, found.hosts.iter().filter(is_node).map(|host| &*host.name).collect()));
    }
    nodes.retain(|(_, names)| !names.is_empty());
    if let [(first, one), others @ ..] = nodes.as_slice() {
        for (found, other) in others {
            let (Some(one), Some(other)) = (one.first(), other.first()) else { continue };
            let error = Diagnostic::error(format!("{one} and {other} have different settings of their cluster"));
            let error = error.at(found.value.place.first_line()).label(format!("those of {other}"));
            let error = error.also(first.value.place.first_line(), format!("those of {one}"));
            problems.push(error.hint(
                "all nodes share one `cluster`: write it into `group_vars/all.yml`; its labels and taints name the hosts that they are of",
            ));
        }
    }
}

/// Nodes that have no settings at all.
fn without(loaded: &Loaded, settings: &Settings, place: &Place, hosts: &[InventoryHost], problems: &mut Diagnostics) {
    let has = |name: &str| loaded.inventory.host(name).is_some_and(|host| variable(loaded, host, VARIABLE).is_some());
    let nodes = hosts.iter().filter(|host| settings.role(host.groups.iter().copied()).is_some() && !has(host.name));
    let nodes: Vec<&str> = nodes.map(|host| host.name).collect();
    if !nodes.is_empty() {
        let message = format!("`cluster` is not set for {}, and the groups make nodes of them", nodes.join(", "));
        problems
            .push(Diagnostic::error(message).at(place.first_line()).hint("write it into `group_vars/all.yml`, where all hosts have it"));
    }
}

/// The value that counts for a host, as it stands there.
fn variable<'a>(loaded: &'a Loaded, host: &'a Host, name: &str) -> Option<Cow<'a, Node>> {
    if loaded.inventory.merges() {
        return loaded.inventory.variables(host).remove(name);
    }
    loaded
        .inventory
        .settings(host)
        .filter(|setting| &*setting.variable.name == name)
        .last()
        .map(|setting| Cow::Borrowed(&setting.variable.value))
}

/// Each value of the variable once.
fn found(loaded: &Loaded) -> Vec<Found<'_>> {
    let mut found: Vec<Found> = Vec::new();
    // most inventories have none, and some have twenty thousand hosts
    if !loaded.inventory.all_variables().any(|variable| &*variable.name == VARIABLE) {
        return found;
    }
    for host in loaded.inventory.all_hosts() {
        let Some(value) = variable(loaded, host, VARIABLE) else { continue };
        match found.iter_mut().find(|found| found.value.place == value.place) {
            Some(found) => found.hosts.push(host),
            None => found.push(Found { value, hosts: vec![host] }),
        }
    }
    found
}

/// With its templates rendered, as the first of its hosts has them.
fn rendered(loaded: &Loaded, found: &Found, problems: &mut Diagnostics) -> Option<Node> {
    let mut templates = false;
    found.value.each(&mut |node| templates |= node.is_template());
    let host = found.hosts.first()?;
    if !templates {
        return Some(found.value.clone().into_owned());
    }
    let scope = Arc::new(HostScope::new(Arc::clone(&loaded.inventory), &host.name));
    match loaded.engine.render(&found.value, scope) {
        Ok(node) => Some(node),
        Err(problem) if is_settings(&found.value) => {
            let hint = "`cluster` is read before any host is reached: only variables of the inventory can be named in it";
            problems.push(problem.hint(hint));
            None
        }
        Err(_) => None,
    }
}

/// What the inventory knows of its hosts.
fn inventory_hosts(loaded: &Loaded) -> Vec<InventoryHost<'_>> {
    let hosts = loaded.inventory.all_hosts().into_iter();
    hosts
        .map(|host| InventoryHost { name: &host.name, groups: loaded.inventory.group_names(host), address: address_of(loaded, host) })
        .collect()
}

/// Where a host is, if that is written as an address.
pub(super) fn address_of(loaded: &Loaded, host: &Host) -> Option<IpAddr> {
    let written = || {
        let value = loaded.rendered(host, &*variable(loaded, host, "ansible_host")?);
        plain(&value.value).parse().ok()
    };
    written().or_else(|| host.name.parse().ok())
}
