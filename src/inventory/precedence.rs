//! Which value of a variable counts: Ansible's order of precedence, as far as an inventory goes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::data::{ALL, Group, GroupId, Host, Inventory, Variable};
use super::vars_files::VarsDirectory;
use crate::diagnostics::Place;
use crate::yaml::{Node, Style, Value};

/// All variables of a host, by name: those that count.
pub type Variables<'a> = BTreeMap<&'a str, Cow<'a, Node>>;

/// One place that sets a variable.
#[derive(Debug, Clone)]
pub struct Setting<'a> {
    /// Which level of precedence it belongs to.
    pub level: Level<'a>,
    /// The variable.
    pub variable: &'a Variable,
}

/// The levels of precedence, the least first; within one of groups, parents come before their children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level<'a> {
    /// A group, in a source of the inventory.
    Group(&'a str),
    /// A group, in `group_vars` beside a source.
    GroupVars(&'a str),
    /// A group, in `group_vars` beside the playbook.
    PlaybookGroupVars(&'a str),
    /// The host, in a source.
    Host,
    /// The host, in `host_vars` beside a source.
    HostVars,
    /// The host, in `host_vars` beside the playbook.
    PlaybookHostVars,
    /// The command line.
    Extra,
}

impl fmt::Display for Level<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(f, "group {name}"),
            Self::GroupVars(name) => write!(f, "group_vars of {name}"),
            Self::PlaybookGroupVars(name) => write!(f, "group_vars of {name} beside the playbook"),
            Self::Host => f.write_str("the host"),
            Self::HostVars => f.write_str("its host_vars"),
            Self::PlaybookHostVars => f.write_str("its host_vars beside the playbook"),
            Self::Extra => f.write_str("--extra-vars"),
        }
    }
}

impl Inventory {
    /// Every place that sets a variable of a host, the least first: of two for the same name the later counts.
    pub fn settings<'a>(&'a self, host: &'a Host) -> impl Iterator<Item = Setting<'a>> {
        let all = self.group_at(ALL);
        let groups: Vec<&'a Group> = self.groups_of(host).into_iter().map(|id| self.group_at(id)).collect();
        let mut layers: Vec<(Level<'a>, &'a [Variable])> = vec![(Level::Group(&all.name), &all.variables)];
        layers.extend(groups.iter().map(|group| (Level::Group(&group.name), group.variables.as_slice())));
        let playbook = self.beside_playbook.as_deref();
        let of = |directory: &'a VarsDirectory, group: &Group| directory.groups.get(&group.name).map(Vec::as_slice);
        for groups in [&[all][..], &groups] {
            for directory in &self.beside_sources {
                let found = groups.iter().filter_map(|group| Some((Level::GroupVars(&group.name), of(directory, group)?)));
                layers.extend(found);
            }
            if let Some(directory) = playbook {
                let found = groups.iter().filter_map(|group| Some((Level::PlaybookGroupVars(&group.name), of(directory, group)?)));
                layers.extend(found);
            }
        }
        layers.push((Level::Host, &host.variables));
        let files = self.beside_sources.iter().filter_map(|directory| directory.hosts.get(&host.name));
        layers.extend(files.map(|variables| (Level::HostVars, variables.as_slice())));
        let beside = playbook.and_then(|directory| directory.hosts.get(&host.name));
        layers.extend(beside.map(|variables| (Level::PlaybookHostVars, variables.as_slice())));
        layers.push((Level::Extra, &self.extra));
        layers.into_iter().flat_map(|(level, variables)| variables.iter().map(move |variable| Setting { level, variable }))
    }

    /// What counts for a host.
    pub fn variables<'a>(&'a self, host: &'a Host) -> Variables<'a> {
        let mut found: Variables<'a> = BTreeMap::new();
        for Setting { variable, .. } in self.settings(host) {
            let value = match found.remove(&*variable.name) {
                Some(before) if self.merges => merged(&before, &variable.value),
                _ => Cow::Borrowed(&variable.value),
            };
            found.insert(&variable.name, value);
        }
        found
    }

    /// What counts for a group alone, as `ansible-inventory --graph --vars` shows it.
    pub fn group_variables<'a>(&'a self, group: &'a Group, playbook: bool) -> Variables<'a> {
        let mut found: Variables<'a> = BTreeMap::new();
        let playbook = self.beside_playbook.iter().filter(|_| playbook);
        let beside = self.beside_sources.iter().chain(playbook).filter_map(|directory| directory.groups.get(&group.name));
        for variable in group.variables.iter().chain(beside.flatten()) {
            found.insert(&variable.name, Cow::Borrowed(&variable.value));
        }
        found
    }

    /// Every variable that is set anywhere, each once, whichever host it belongs to.
    pub fn all_variables(&self) -> impl Iterator<Item = &Variable> {
        let directories = || self.beside_sources.iter().chain(&self.beside_playbook);
        let groups = self.groups.iter().flat_map(|group| &group.variables);
        let hosts = self.hosts.iter().flat_map(|host| &host.variables);
        let mut known: Vec<*const VarsDirectory> = Vec::new();
        let files: Vec<&Arc<VarsDirectory>> = directories()
            .filter(|directory| {
                let new = !known.contains(&Arc::as_ptr(directory));
                known.push(Arc::as_ptr(directory));
                new
            })
            .collect();
        let files = files.into_iter().flat_map(|directory| directory.groups.values().chain(directory.hosts.values()).flatten());
        groups.chain(hosts).chain(files).chain(&self.extra)
    }

    /// The names of a host's groups, sorted, as `group_names` has them.
    pub fn group_names(&self, host: &Host) -> Vec<&str> {
        let mut names: Vec<&str> = self.groups_of(host).into_iter().map(|id: GroupId| &*self.group_at(id).name).collect();
        names.sort_unstable();
        names
    }
}

/// `hash_behaviour = merge`: mappings of the same name are put together, all the way down.
fn merged<'a>(before: &Node, after: &'a Node) -> Cow<'a, Node> {
    let (Value::Map(old), Value::Map(new)) = (&before.value, &after.value) else { return Cow::Borrowed(after) };
    let mut pairs = old.clone();
    for (key, value) in new {
        match pairs.iter_mut().find(|(known, _)| known.value == key.value) {
            Some((_, known)) => *known = merged(known, value).into_owned(),
            None => pairs.push((key.clone(), value.clone())),
        }
    }
    Cow::Owned(Node {
        value: Value::Map(pairs),
        place: after.place.clone(),
        style: Style::Made,
        secret: after.secret,
        literal: after.literal,
    })
}

/// A place in the words of a person: `file:line`.
pub fn where_it_stands(place: &Place) -> String {
    format!("{}:{}", place.source.name, place.line_column().0)
}

#[cfg(test)]
mod tests {
    use super::super::read::{Given, Request, read};
    use super::super::testing::inventory;
    use crate::yaml::{Keys, one_line};
    use std::path::Path;
    use std::time::Duration;

    #[test]
    fn parents_before_children_and_priority_before_names() {
        let inventory = inventory(
            "m1\n[b]\nm1\n[a]\nm1\n[p:children]\na\nb\n[all:vars]\nx=all\n[p:vars]\nx=p\ny=p\n[a:vars]\nx=a\n[b:vars]\nx=b\n[a:vars]\nansible_group_priority=2\n",
        );
        let variables = inventory.variables(inventory.host("m1").unwrap());
        let shown: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={}", one_line(value))).collect();
        assert_eq!(shown, ["x=\"a\"", "y=\"p\""]);
    }

    #[test]
    fn every_level_in_its_order() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("i/hosts", "[g]\nm1 x=host\n[all:vars]\nx=all\n[g:vars]\nx=g\n");
        for (base, which) in [("i", "inventory"), ("p", "playbook")] {
            for name in ["group_vars/all.yml", "group_vars/g/a.yml", "host_vars/m1"] {
                write(&format!("{base}/{name}"), &format!("x: {which} {name}\nh: {{{which}: 1}}\n"));
            }
        }
        let given = [Given::Argument(directory.path().join("i").display().to_string())];
        let (keys, playbook) = (Keys::default(), directory.path().join("p"));
        let request = Request {
            given: &given,
            playbook_dir: Some(&playbook),
            extra: &["x=extra".into()],
            keys: &keys,
            script_limit: Duration::from_secs(9),
            merges: true,
            passwords_failed: false,
            home: Path::new("/"),
        };
        let (inventory, problems) = read(&request);
        assert!(!problems.has_errors(), "{problems}");
        let host = inventory.host("m1").unwrap();
        let settings: Vec<String> = inventory
            .settings(host)
            .filter(|setting| &*setting.variable.name == "x")
            .map(|setting| format!("{}: {}", setting.level, one_line(&setting.variable.value)))
            .collect();
        insta::assert_snapshot!(settings.join("\n"));
        assert_eq!(one_line(&inventory.variables(host)["h"]), "{\"inventory\": 1, \"playbook\": 1}");
    }
}
