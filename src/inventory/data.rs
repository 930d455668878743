//! What an inventory holds: hosts, groups, how they belong together, and what is set on each.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::vars_files::VarsDirectory;
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};
use crate::yaml::{Node, Value};

/// All hosts and groups of a run.
///
/// `all` and `ungrouped` are always there. Groups stand in the order in which they were named first, hosts in the order in
/// which Ansible lists them: by groups, breadth first ([`Inventory::hosts_of`]).
#[derive(Debug, Clone)]
pub struct Inventory {
    pub(super) hosts: Vec<Host>,
    pub(super) groups: Vec<Group>,
    pub(super) host_ids: HashMap<Arc<str>, HostId>,
    pub(super) group_ids: HashMap<Arc<str>, GroupId>,
    names: HashSet<Arc<str>>,
    localhost: HashMap<&'static str, HostId>,
    /// group_vars and host_vars beside the sources, in the sources' order.
    pub(super) beside_sources: Vec<Arc<VarsDirectory>>,
    /// Where the playbook stands.
    pub(super) playbook_dir: Option<PathBuf>,
    /// The same beside the playbook.
    pub(super) beside_playbook: Option<Arc<VarsDirectory>>,
    /// Variables of the command line, which come before all others.
    pub(super) extra: Vec<Variable>,
    /// Whether mappings are merged (`hash_behaviour = merge`) instead of replaced.
    pub(super) merges: bool,
    /// How much ranges have written: see [`super::set::has_room`].
    pub(super) by_ranges: usize,
    /// Whether something could not be read, so that what is not there may be nobody's mistake.
    pub(super) incomplete: bool,
}

/// A host's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostId(pub(super) usize);

/// A group's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub(super) usize);

/// The names that mean this machine.
const LOCALHOST: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The group of all hosts.
pub const ALL: GroupId = GroupId(0);
/// The group of those that are in no other.
pub const UNGROUPED: GroupId = GroupId(1);

/// One host.
#[derive(Clone)]
pub struct Host {
    /// Its name in the inventory.
    pub name: Arc<str>,
    /// Where it was named first.
    pub place: Place,
    /// The source it was named in first, as the person typed it; none for a list of the command line.
    pub file: Option<Arc<str>>,
    /// What is set on it in the inventory's sources; of two with the same name the later counts.
    pub variables: Vec<Variable>,
    /// The groups that name it.
    pub(super) groups: Vec<GroupId>,
}

/// One group.
#[derive(Clone)]
pub struct Group {
    /// Its name.
    pub name: Arc<str>,
    /// Where it was named first; none for `all` and `ungrouped` until a source names them.
    pub place: Option<Place>,
    /// What is set on it in the inventory's sources; of two with the same name the later counts.
    pub variables: Vec<Variable>,
    /// The hosts that it names itself.
    pub(super) hosts: Vec<HostId>,
    /// The groups in it, and where that is said.
    pub(super) children: Vec<(GroupId, Option<Place>)>,
    pub(super) parents: Vec<GroupId>,
    /// Of two groups of the same depth the one with the higher priority counts: `ansible_group_priority`.
    pub priority: i64,
    /// The longest way from `all`.
    pub(super) depth: usize,
}

/// A variable that is set somewhere.
#[derive(Clone)]
pub struct Variable {
    /// Its name.
    pub name: Arc<str>,
    /// Where the name stands.
    pub place: Place,
    /// Its value, unrendered.
    pub value: Node,
}

impl Default for Inventory {
    fn default() -> Self {
        let mut inventory = Self {
            hosts: Vec::new(),
            groups: Vec::new(),
            host_ids: HashMap::new(),
            group_ids: HashMap::new(),
            names: HashSet::new(),
            localhost: HashMap::new(),
            beside_sources: Vec::new(),
            playbook_dir: None,
            beside_playbook: None,
            extra: Vec::new(),
            merges: false,
            by_ranges: 0,
            incomplete: false,
        };
        let all = inventory.add_group("all", None);
        let ungrouped = inventory.add_group("ungrouped", None);
        inventory.add_child(all, ungrouped, None);
        inventory
    }
}

impl Inventory {
    /// Whether mappings of several levels lie over each other (`hash_behaviour = merge`).
    pub fn merges(&self) -> bool {
        self.merges
    }

    /// Something could not be read or understood: from now on a template that cannot be rendered is no mistake of its own.
    pub fn mark_incomplete(&mut self) {
        self.incomplete = true;
    }

    /// Whether it is so.
    pub fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// What the command line sets, in its order.
    pub fn extra_vars(&self) -> &[Variable] {
        &self.extra
    }

    /// How many hosts are named.
    pub fn len(&self) -> usize {
        self.host_ids.len()
    }

    /// Whether no host is named.
    pub fn is_empty(&self) -> bool {
        self.host_ids.is_empty()
    }

    /// The named hosts, in the order in which they were named.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().take(self.len())
    }

    /// The host of that name; this machine's names mean this machine.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.host_ids.get(name).copied().or_else(|| self.localhost(name)).map(|id| self.at(id))
    }

    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.group_ids.get(name).map(|&id| self.group_at(id))
    }

    /// The groups, in the order in which they were named.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }

    /// All hosts, in Ansible's order.
    pub fn all_hosts(&self) -> Vec<&Host> {
        self.hosts_of(ALL).into_iter().map(|id| self.at(id)).collect()
    }

    /// The hosts of a group and of those in it: its own first, then its children's, breadth first; each once.
    pub fn hosts_of(&self, group: GroupId) -> Vec<HostId> {
        self.hosts_of_all([group])
    }

    /// The hosts of several groups, one group after the other; each once.
    pub(super) fn hosts_of_all(&self, groups: impl IntoIterator<Item = GroupId>) -> Vec<HostId> {
        let (mut taken, mut hosts) = (HashSet::new(), Vec::new());
        let mut seen = HashSet::new();
        for group in groups {
            // with a group that was seen everything in it was
            let mut left: VecDeque<GroupId> = Some(group).filter(|group| seen.insert(*group)).into_iter().collect();
            while let Some(group) = left.pop_front() {
                let group = self.group_at(group);
                hosts.extend(group.hosts.iter().filter(|host| taken.insert(**host)));
                left.extend(group.children.iter().map(|(child, _)| *child).filter(|child| seen.insert(*child)));
            }
        }
        hosts
    }

    /// The groups that a host belongs to, directly or not, without `all`: as Ansible lets them take precedence, the least
    /// first.
    pub fn groups_of(&self, host: &Host) -> Vec<GroupId> {
        let mut found: BTreeSet<GroupId> = BTreeSet::new();
        let mut left: Vec<GroupId> = host.groups.clone();
        while let Some(group) = left.pop() {
            if group != ALL && found.insert(group) {
                left.extend(&self.group_at(group).parents);
            }
        }
        let mut groups: Vec<GroupId> = found.into_iter().collect();
        groups.sort_by(|&a, &b| {
            let key = |id| {
                let group: &Group = self.group_at(id);
                (group.depth, group.priority, &group.name)
            };
            key(a).cmp(&key(b))
        });
        groups
    }

    #[expect(clippy::indexing_slicing, reason = "a number is only made when its host is added, and hosts are never removed")]
    pub(super) fn at(&self, id: HostId) -> &Host {
        &self.hosts[id.0]
    }

    #[expect(clippy::indexing_slicing, reason = "as for hosts")]
    pub(super) fn at_mut(&mut self, id: HostId) -> &mut Host {
        &mut self.hosts[id.0]
    }

    #[expect(clippy::indexing_slicing, reason = "as for hosts")]
    pub(super) fn group_at(&self, id: GroupId) -> &Group {
        &self.groups[id.0]
    }

    #[expect(clippy::indexing_slicing, reason = "as for hosts")]
    pub(super) fn group_at_mut(&mut self, id: GroupId) -> &mut Group {
        &mut self.groups[id.0]
    }

    /// The same text for the same name, so that twenty thousand hosts share it.
    /// And whether it comes for the first time.
    pub(super) fn intern(&mut self, name: &str) -> (Arc<str>, bool) {
        if let Some(known) = self.names.get(name) {
            return (Arc::clone(known), false);
        }
        let name: Arc<str> = name.into();
        self.names.insert(Arc::clone(&name));
        (name, true)
    }

    /// The group of that name, made if it is new.
    pub(super) fn add_group(&mut self, name: &str, place: Option<Place>) -> GroupId {
        if let Some(&id) = self.group_ids.get(name) {
            let group = self.group_at_mut(id);
            group.place = group.place.take().or(place);
            return id;
        }
        let (id, name): (_, Arc<str>) = (GroupId(self.groups.len()), name.into());
        self.group_ids.insert(Arc::clone(&name), id);
        let group = Group {
            name,
            place,
            variables: Vec::new(),
            hosts: Vec::new(),
            children: Vec::new(),
            parents: Vec::new(),
            priority: 1,
            depth: 0,
        };
        self.groups.push(group);
        id
    }

    /// The host of that name, made if it is new; then the port counts too, as in Ansible.
    pub(super) fn add_host(
        &mut self,
        name: &str,
        group: Option<GroupId>,
        port: Option<u16>,
        place: &Place,
        file: Option<&Arc<str>>,
    ) -> HostId {
        let id = match self.host_ids.get(name) {
            Some(&id) => id,
            None => {
                let (id, name): (_, Arc<str>) = (HostId(self.hosts.len()), name.into());
                self.host_ids.insert(Arc::clone(&name), id);
                let port = port.map(|port| Variable {
                    name: self.intern("ansible_port").0,
                    place: place.clone(),
                    value: Node::new(Value::Int(port.into()), place.clone()),
                });
                let variables = Vec::from_iter(port);
                self.hosts.push(Host { name, place: place.clone(), file: file.cloned(), variables, groups: Vec::new() });
                id
            }
        };
        if let Some(group) = group {
            self.join(id, group);
        }
        id
    }

    /// This machine, which is there without being named, and in no group: Ansible's implicit localhost, under each of its
    /// names. Not if the inventory has a host of one of these names: then the others mean that one.
    fn add_localhost(&mut self) {
        let named = LOCALHOST.iter().find_map(|name| self.host_ids.get(*name).copied());
        for name in LOCALHOST {
            if let Some(host) = named {
                self.localhost.insert(name, host);
                continue;
            }
            let place = Source::new("(this machine)", name).whole();
            let id = HostId(self.hosts.len());
            let variable =
                Variable { name: self.intern("ansible_connection").0, place: place.clone(), value: Node::new("local", place.clone()) };
            self.hosts.push(Host { name: name.into(), place, file: None, variables: vec![variable], groups: Vec::new() });
            self.localhost.insert(name, id);
        }
    }

    /// Before hosts are added to an inventory that was finished: this machine stands behind those that are named.
    pub(super) fn without_localhost(&mut self) {
        self.hosts.truncate(self.host_ids.len());
        self.localhost.clear();
    }

    /// Puts a host into a group.
    pub(super) fn put(&mut self, host: HostId, group: GroupId) {
        self.join(host, group);
    }

    /// The host that is meant by `localhost`, `127.0.0.1` or `::1`, if no host has that name.
    pub(super) fn localhost(&self, name: &str) -> Option<HostId> {
        self.localhost.get(name).copied()
    }

    fn join(&mut self, host: HostId, group: GroupId) {
        let (groups, hosts) = (&self.at(host).groups, &self.group_at(group).hosts);
        // both lists say it, and nearly always one is short
        let known = if groups.len() < hosts.len() { groups.contains(&group) } else { hosts.contains(&host) };
        if !known {
            self.at_mut(host).groups.push(group);
            self.group_at_mut(group).hosts.push(host);
        }
    }

    /// Puts a group into another. Circles are found at the end, by [`Inventory::reconcile`].
    pub(super) fn add_child(&mut self, parent: GroupId, child: GroupId, place: Option<Place>) {
        let (children, parents) = (&self.group_at(parent).children, &self.group_at(child).parents);
        // as above
        let known =
            if parents.len() < children.len() { parents.contains(&parent) } else { children.iter().any(|(known, _)| *known == child) };
        if !known {
            self.group_at_mut(parent).children.push((child, place));
            self.group_at_mut(child).parents.push(parent);
        }
    }

    /// What must hold once all sources are read: no group is in itself, every group is in `all`, and in `ungrouped` are those
    /// that are in no other.
    pub(super) fn reconcile(&mut self, problems: &mut Diagnostics) {
        if super::circle::find(self, problems) {
            return;
        }
        for id in (0..self.groups.len()).map(GroupId).filter(|id| *id != ALL) {
            if self.group_at(id).parents.is_empty() {
                self.add_child(ALL, id, None);
            }
        }
        for id in (0..self.len()).map(HostId) {
            let host = self.at_mut(id);
            let grouped = host.groups.iter().any(|group| !matches!(*group, ALL | UNGROUPED));
            if grouped && host.groups.contains(&UNGROUPED) {
                host.groups.retain(|group| *group != UNGROUPED);
            } else if !grouped {
                self.join(id, UNGROUPED);
            }
        }
        let hosts = &self.hosts;
        let ungrouped = |id: &HostId| hosts.get(id.0).is_some_and(|host| host.groups.contains(&UNGROUPED));
        if let Some(group) = self.groups.get_mut(UNGROUPED.0) {
            group.hosts.retain(ungrouped);
        }
        self.measure_depths();
        self.add_localhost();
        for group in &self.groups {
            if let Some(host) = self.host(&group.name) {
                let warning = Diagnostic::warning(format!("`{}` is both a group and a host", group.name)).at(host.place.clone());
                problems.push(warning.hint("as a pattern it means the group, and its variables are set on the group; rename one of them"));
            }
        }
    }

    /// The longest way from `all` to each group.
    fn measure_depths(&mut self) {
        let mut missing: Vec<usize> = self.groups.iter().map(|group| group.parents.len()).collect();
        let mut ready = vec![ALL];
        while let Some(id) = ready.pop() {
            let (depth, children) = (self.group_at(id).depth, self.group_at(id).children.clone());
            for (child, _) in children {
                let group = self.group_at_mut(child);
                group.depth = group.depth.max(depth + 1);
                if let Some(left) = missing.get_mut(child.0) {
                    *left -= 1;
                    if *left == 0 {
                        ready.push(child);
                    }
                }
            }
        }
    }
}

impl Host {
    /// The last value that a source of the inventory sets on the host itself.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().rev().find(|variable| *variable.name == *name)
    }
}

/// It may be a password, so the value is never printed by accident.
impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variable({} at {})", self.name, self.place)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("name", &self.name).field("variables", &self.variables).finish_non_exhaustive()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("name", &self.name).field("hosts", &self.hosts).finish_non_exhaustive()
    }
}
