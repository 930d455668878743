//! What an inventory holds.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::diagnostics::Place;

/// All hosts and groups of a run, in the order in which they were first named.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The hosts.
    pub hosts: Vec<Host>,
    /// The groups that were named; `all` and `ungrouped` are there without being named.
    pub groups: Vec<Group>,
}

/// One host.
#[derive(Clone)]
pub struct Host {
    /// Its name in the inventory.
    pub name: Arc<str>,
    /// Where it was named first.
    pub place: Place,
    /// Its variables; of two with the same name the later one counts.
    pub variables: BTreeMap<String, Variable>,
}

/// The value of a variable.
#[derive(Clone)]
pub struct Variable {
    /// As text, without the quotes around it.
    pub value: String,
    /// Where it stands.
    pub place: Place,
}

/// It may be a password, so it is never printed by accident.
impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.place.line_column();
        write!(f, "Variable({}:{line}:{column})", self.place.source.name)
    }
}

/// Without its place, whose text holds the passwords of others too.
impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("name", &self.name).field("variables", &self.variables).finish_non_exhaustive()
    }
}

/// One group.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: Arc<str>,
    /// The names of its hosts.
    pub hosts: Vec<Arc<str>>,
}

impl Inventory {
    /// The host of that name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| *host.name == *name)
    }

    /// The group of that name, if it was named.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| *group.name == *name)
    }

    /// Adds a host to a group, and variables to a host; both are made if they are new. Naming a host again adds to it,
    /// as in Ansible.
    pub fn add(&mut self, group: Option<&str>, name: &str, place: Place, variables: BTreeMap<String, Variable>) {
        let known = self.hosts.iter_mut().find(|host| *host.name == *name);
        let name = match known {
            Some(host) => {
                host.variables.extend(variables);
                Arc::clone(&host.name)
            }
            None => {
                let name: Arc<str> = name.into();
                self.hosts.push(Host { name: Arc::clone(&name), place, variables });
                name
            }
        };
        if let Some(group) = group.filter(|group| !matches!(*group, "all" | "ungrouped")) {
            let group = self.add_group(group);
            if !group.hosts.contains(&name) {
                group.hosts.push(name);
            }
        }
    }

    /// The group of that name, made if it is new.
    pub fn add_group(&mut self, name: &str) -> &mut Group {
        let at = self.groups.iter().position(|group| *group.name == *name).unwrap_or(self.groups.len());
        if at == self.groups.len() {
            self.groups.push(Group { name: name.into(), hosts: Vec::new() });
        }
        #[expect(clippy::indexing_slicing, reason = "it was found there or has just been pushed there")]
        &mut self.groups[at]
    }
}
