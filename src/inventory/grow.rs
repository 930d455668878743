//! What a run adds to an inventory: `add_host`, `group_by`, hosts that tasks are delegated to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::data::{ALL, GroupId, Inventory, Variable};
use crate::diagnostics::{Diagnostics, Place};
use crate::yaml::Node;

impl Inventory {
    /// Adds a host to groups, both made if they are new, with variables. Whether anything is new.
    pub fn add_at_run_time(&mut self, name: &str, groups: &[String], variables: &BTreeMap<String, Node>, place: &Place) -> bool {
        let mut new = self.host(name).is_none();
        self.without_localhost();
        let id = self.add_host(name, None, None, place, None);
        for group in groups {
            let members = self.group(group).map(|group| group.hosts.contains(&id));
            new |= members != Some(true);
            let group = self.add_group(group, Some(place.clone()));
            self.put(id, group);
        }
        for (name, value) in variables {
            let known = self.at(id).variables.iter().rev().find(|variable| *variable.name == **name).map(|variable| &variable.value.value);
            if known != Some(&value.value) {
                new = true;
                let variable = Variable { name: name.as_str().into(), place: value.place.clone(), value: value.clone() };
                self.at_mut(id).variables.push(variable);
            }
        }
        self.reconcile(&mut Diagnostics::new());
        new
    }

    /// Puts a group into others, all made if they are new. Whether anything is new.
    pub fn put_group_at_run_time(&mut self, group: &str, parents: &[String], place: &Place) -> bool {
        let mut new = self.group(group).is_none();
        self.without_localhost();
        let child = self.add_group(group, Some(place.clone()));
        for parent in parents.iter().filter(|parent| *parent != "all") {
            let parent = self.add_group(parent, Some(place.clone()));
            new |= !self.group_at(parent).children.iter().any(|(known, _)| *known == child);
            self.add_child(parent, child, Some(place.clone()));
        }
        self.reconcile(&mut Diagnostics::new());
        new
    }

    /// The names of a group's hosts, as Ansible lists them.
    pub fn group_hosts(&self, group: &str) -> Vec<Arc<str>> {
        let id: Option<GroupId> = if group == "all" { Some(ALL) } else { self.group_ids.get(group).copied() };
        id.map(|id| self.hosts_of(id).into_iter().map(|id| Arc::clone(&self.at(id).name)).collect()).unwrap_or_default()
    }

    /// The variables of the command line.
    pub fn extra_variables(&self) -> BTreeMap<String, Node> {
        self.extra.iter().map(|variable| (variable.name.to_string(), variable.value.clone())).collect()
    }
}
