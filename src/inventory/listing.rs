//! An inventory as `ansible-inventory` prints it: `--list`, `--graph`, `--host`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use super::data::{ALL, Group, GroupId, Host, HostId, Inventory};
use super::precedence::Variables;
use crate::diagnostics::Source;
use crate::yaml::{Look, Node, Value, Writer, python_str};

/// What Ansible leaves out: variables that it makes itself.
const INTERNAL: [&str; 33] = [
    "ansible_async_path",
    "ansible_collection_name",
    "ansible_config_file",
    "ansible_dependent_role_names",
    "ansible_diff_mode",
    "ansible_facts",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_role_names",
    "ansible_playbook_python",
    "ansible_role_name",
    "ansible_role_names",
    "ansible_run_tags",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
    "group_names",
    "groups",
    "hostvars",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "play_hosts",
    "playbook_dir",
    "role_name",
    "role_names",
    "role_path",
    "role_uuid",
];

/// How `ansible-inventory` writes JSON; `indent` is its own, or `None` for one line.
pub fn ansible_look(indent: Option<usize>) -> Look {
    Look { indent, secrets: false, mark_literal: true, encrypted: true }
}

impl Inventory {
    /// `ansible-inventory --list` for these hosts: the groups with their hosts and children, and the hosts' variables.
    pub fn list_json(&self, hosts: &[&Host], look: Look) -> String {
        let wanted: HashSet<&str> = hosts.iter().map(|host| &*host.name).collect();
        let mut groups: BTreeMap<&str, &Group> = BTreeMap::new();
        self.reachable(ALL, &mut groups);
        let is_wanted = |id: &HostId| wanted.contains(&*self.at(*id).name);
        let mut writer = Writer::new(look);
        writer.map(|writer| {
            // sorted with the groups: an underscore comes before small letters, and after capitals
            let mut meta = Some(());
            for (name, group) in groups {
                if name > "_meta" && meta.take().is_some() {
                    self.meta(hosts, writer);
                }
                let own: Vec<&HostId> = group.hosts.iter().filter(|id| *name != *"all" && is_wanted(id)).collect();
                if own.is_empty() && group.children.is_empty() {
                    continue;
                }
                writer.key(name);
                writer.map(|writer| {
                    if !group.children.is_empty() {
                        writer.key("children");
                        writer.list(|writer| {
                            for (child, _) in &group.children {
                                writer.item();
                                writer.text(&self.group_at(*child).name);
                            }
                        });
                    }
                    if !own.is_empty() {
                        writer.key("hosts");
                        writer.list(|writer| {
                            for id in own {
                                writer.item();
                                writer.text(&self.at(*id).name);
                            }
                        });
                    }
                });
            }
            if meta.is_some() {
                self.meta(hosts, writer);
            }
        });
        writer.finish()
    }

    fn meta(&self, hosts: &[&Host], writer: &mut Writer) {
        let mut sorted = hosts.to_vec();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        writer.key("_meta");
        writer.map(|writer| {
            writer.key("hostvars");
            writer.map(|writer| {
                for host in sorted {
                    let variables = shown(self.variables(host));
                    if !variables.is_empty() {
                        writer.key(&host.name);
                        write(&variables, writer);
                    }
                }
            });
            writer.key("profile");
            writer.text("inventory_legacy");
        });
    }

    /// A group and all groups in it.
    fn reachable<'a>(&'a self, id: GroupId, found: &mut BTreeMap<&'a str, &'a Group>) {
        let mut left = vec![id];
        while let Some(id) = left.pop() {
            let group = self.group_at(id);
            if found.insert(&group.name, group).is_none() {
                left.extend(group.children.iter().map(|(child, _)| *child));
            }
        }
    }

    /// `ansible-inventory --host NAME`.
    pub fn host_json(&self, host: &Host, look: Look) -> String {
        let mut writer = Writer::new(look);
        write(&shown(self.variables(host)), &mut writer);
        writer.finish()
    }

    /// `ansible-inventory --graph`, from a group on; with `vars` also what is set on each group and what counts for each
    /// host. Variables of groups that stand beside the playbook are shown with them if `playbook` says so: Ansible shows them
    /// if somebody has said where the playbook is.
    pub fn graph(&self, group: &Group, vars: bool, playbook: bool) -> String {
        let mut drawing = Drawing::default();
        if let Some(&id) = self.group_ids.get(&group.name) {
            self.draw(id, 0, (vars, playbook), &mut drawing);
        }
        drawing.finish()
    }

    fn draw(&self, id: GroupId, depth: usize, (vars, playbook): (bool, bool), drawing: &mut Drawing) {
        let group = self.group_at(id);
        drawing.line(&format!("@{}:", group.name), depth);
        if drawing.is_full(depth) {
            return;
        }
        for (child, _) in &group.children {
            self.draw(*child, depth + 1, (vars, playbook), drawing);
        }
        let variables = |variables: Variables<'_>, depth: usize, drawing: &mut Drawing| {
            for (name, value) in shown(variables) {
                drawing.line(&format!("{{{name} = {}}}", python_str(&value)), depth);
            }
        };
        for host in group.hosts.iter().filter(|_| id != ALL).map(|id| self.at(*id)) {
            if drawing.is_full(depth) {
                return;
            }
            drawing.line(&host.name, depth + 1);
            if vars {
                variables(self.variables(host), depth + 2, drawing);
            }
        }
        if vars {
            let priority = Node::new(Value::Int(group.priority), Source::new("", "").whole());
            let mut own = self.group_variables(group, playbook);
            if group.priority != 1 {
                own.insert("ansible_group_priority", Cow::Owned(priority));
            }
            variables(own, depth + 1, drawing);
        }
    }
}

/// A graph is drawn up to this size: a group is drawn in each that it is in, and so it may double with every level.
const LARGEST_GRAPH: usize = 128 << 20;
/// Groups in each other deeper than this are not drawn.
const DEEPEST_GRAPH: usize = 200;

/// A graph in the making.
#[derive(Default)]
struct Drawing {
    text: String,
    cut: bool,
}

impl Drawing {
    fn line(&mut self, text: &str, depth: usize) {
        if self.cut {
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        if depth > 0 {
            self.text.extend(std::iter::repeat_n("  |", depth));
            self.text.push_str("--");
        }
        self.text.push_str(text);
    }

    /// Whether what stands deeper is left out.
    fn is_full(&mut self, depth: usize) -> bool {
        self.cut |= self.text.len() > LARGEST_GRAPH;
        self.cut || depth >= DEEPEST_GRAPH
    }

    fn finish(self) -> String {
        if self.cut { self.text + "\n(the rest is left out: the graph is too large)" } else { self.text }
    }
}

fn shown(mut variables: Variables<'_>) -> Variables<'_> {
    variables.retain(|name, _| !INTERNAL.contains(name));
    variables
}

fn write(variables: &Variables<'_>, writer: &mut Writer) {
    writer.map(|writer| {
        for (name, value) in variables {
            writer.key(name);
            writer.node(value);
        }
    });
}
