//! Inventories in YAML (and JSON files): groups with `hosts`, `vars` and `children`.

use std::sync::Arc;

use super::data::{GroupId, Inventory};
use super::set;
use super::{address, similar};
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};
use crate::yaml::{Map, Node, Value};

const PARTS: [&str; 3] = ["hosts", "vars", "children"];

/// Adds what a document says to the inventory.
pub(super) fn read(source: &Source, document: &Node, inventory: &mut Inventory, problems: &mut Diagnostics) {
    let mut reader = Reader { file: Arc::clone(&source.name), inventory, problems };
    for (name, group) in document.as_map().into_iter().flatten() {
        reader.group(name, group);
    }
}

/// Why a document is no inventory; `None` if it may be one.
pub(super) fn not_an_inventory(document: &Node) -> Option<Diagnostic> {
    if let Some(plugin) = document.get("plugin") {
        let name = plugin.as_str().unwrap_or("?");
        let error = Diagnostic::error(format!("this configures the inventory plugin `{name}`, and plugins are not run here"));
        let hint = "write what it finds into a file: `ansible-inventory -i THIS --list --yaml > inventory/NAME.yml`";
        return Some(error.at(plugin.place.clone()).hint(hint));
    }
    let first_line = |place: &Place| place.source.line(place.line_column().0);
    if let Some(meta) = document.get("_meta") {
        let what = "this is what an inventory program prints, and a file is written otherwise";
        let hint = "write it as `ansible-inventory -i SOURCE --list --yaml` does, or let a program print it";
        return Some(Diagnostic::error(what).at(first_line(&meta.place)).hint(hint));
    }
    if document.as_map().is_some() {
        return None;
    }
    let play = |item: &Node| ["tasks", "roles", "import_playbook", "gather_facts"].iter().any(|key| item.get(key).is_some());
    if matches!(&document.value, Value::List(items) if items.iter().any(play)) {
        let error = Diagnostic::error("this is a playbook, and an inventory is expected").at(first_line(&document.place));
        return Some(error.hint("behind `-i` stands the file that names the hosts"));
    }
    let error = Diagnostic::error(format!("an inventory is a mapping of groups, and this is {}", document.value.kind()));
    Some(error.at(document.place.first_line()).hint("write `all:`, below it `hosts:`, and below that each host with a colon"))
}

struct Reader<'a> {
    file: Arc<str>,
    inventory: &'a mut Inventory,
    problems: &'a mut Diagnostics,
}

impl Reader<'_> {
    /// A group and what is in it; `None` if it has no usable name.
    fn group(&mut self, name: &Node, group: &Node) -> Option<GroupId> {
        let text = self.name(name, "group")?;
        if !matches!(group.value, Value::Map(_) | Value::Null) {
            let warning = Diagnostic::warning(format!("`{text}` is skipped: a group is a mapping, and this is {}", group.value.kind()));
            self.problems.push(warning.at(name.place.clone()).hint("variables of all hosts stand in `all:`, below `vars:`"));
            return None;
        }
        set::check_group_name(&text, &name.place, self.problems);
        let id = self.inventory.add_group(&text, Some(name.place.clone()));
        for (key, part) in group.as_map().into_iter().flatten() {
            self.part(id, &text, key, part);
        }
        Some(id)
    }

    fn part(&mut self, id: GroupId, group: &str, key: &Node, part: &Node) {
        let known = key.as_str().filter(|key| PARTS.contains(key));
        let single;
        let map = match (&part.value, known) {
            (Value::Null, _) => return,
            (Value::Map(map), _) => map,
            // one name stands for itself
            (Value::Str(_), Some(_)) => {
                single = vec![(part.clone(), Node::new(Value::Null, part.place.clone()))];
                &single
            }
            (other, Some(known)) => {
                let error = Diagnostic::error(format!("`{known}` of the group `{group}` is a mapping, and this is {}", other.kind()));
                let what = if known == "vars" {
                    "write `name: value`, without dashes"
                } else {
                    "write each name with a colon behind it, without a dash"
                };
                self.problems.push(error.at(key.place.clone()).hint(what));
                return;
            }
            (_, None) => return self.unknown(id, group, key, part),
        };
        match known {
            Some("hosts") => self.hosts(id, map),
            Some("vars") => self.variables(id, map),
            Some("children") => self.children(id, map),
            _ => self.unknown(id, group, key, part),
        }
    }

    /// Ansible skips what it does not know. A typing mistake would lose hosts, so that is an error.
    fn unknown(&mut self, id: GroupId, group: &str, key: &Node, part: &Node) {
        let name = crate::yaml::plain(&key.value);
        let place = key.place.clone();
        if let Some(meant) = meant_part(&name) {
            let error = Diagnostic::error(format!("`{name}` is no part of a group")).at(place);
            self.problems.push(error.label(format!("did you mean `{meant}`?")));
            // what is wrong in it is told too
            let key = Node { value: Value::from(meant), ..key.clone() };
            return self.part(id, group, &key, part);
        }
        let warning = Diagnostic::warning(format!("`{name}` in the group `{group}` is skipped")).at(place);
        self.problems.push(warning.hint(if part.as_map().is_some() {
            "a group in a group stands below `children:`, a host below `hosts:`"
        } else {
            "a group's variables stand below `vars:`"
        }));
    }

    fn variables(&mut self, id: GroupId, map: &Map) {
        for (name, value) in map {
            if let Some(text) = self.variable_name(name) {
                set::on_group(self.inventory, id, &text, name.place.clone(), value.clone(), self.problems);
            }
        }
    }

    fn children(&mut self, id: GroupId, map: &Map) {
        for (name, child) in map {
            if let Some(child) = self.group(name, child) {
                self.inventory.add_child(id, child, Some(name.place.clone()));
            } else if let Some(text) = name.as_str() {
                // it was skipped, and Ansible still takes its name for a child
                if let Some(&child) = self.inventory.group_ids.get(text) {
                    self.inventory.add_child(id, child, Some(name.place.clone()));
                }
            }
        }
    }

    fn hosts(&mut self, id: GroupId, map: &Map) {
        for (name, variables) in map {
            let Some(text) = self.name(name, "host").filter(|_| !set::is_full(self.inventory)) else { continue };
            let variables = match &variables.value {
                Value::Map(map) => map.as_slice(),
                // what Python takes for false
                Value::Null | Value::Bool(false) | Value::Int(0) => &[],
                Value::Str(text) if text.is_empty() => &[],
                Value::List(list) if list.is_empty() => &[],
                other => {
                    let error = Diagnostic::error(format!("the variables of `{text}` are a mapping, and this is {}", other.kind()));
                    let error = error.at(variables.place.clone());
                    let written = if let Value::Str(text) = other { text.as_ref() } else { "" };
                    let pair = written.split_once(['=', ':']).filter(|(name, value)| {
                        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !value.contains([' ', '='])
                    });
                    self.problems.push(match pair {
                        Some((name, value)) if !super::is_secret(name) => error.label(format!("write `{name}: {value}`")),
                        _ if written.parse::<std::net::IpAddr>().is_ok() => {
                            error.hint(format!("write `{text}: {{ansible_host: {written}}}`"))
                        }
                        _ => error.hint("write `name: value` below the host"),
                    });
                    continue;
                }
            };
            if let Some(first) = text.split_whitespace().next().filter(|first| first.len() < text.len() && text.contains('=')) {
                let error = Diagnostic::error("this is a host as INI has it").at(name.place.clone());
                self.problems.push(error.hint(format!("in YAML write `{first}:`, and each variable as `name: value` below it")));
                continue;
            }
            match address::expand(&text) {
                Err(bad) => {
                    let error = Diagnostic::error(bad.why).at(inside(&name.place, &text, &bad.span));
                    self.problems.push(Diagnostic { hint: bad.hint, ..error });
                }
                Ok((names, port)) => {
                    let values = variables.iter().map(|(_, value)| value);
                    if !set::has_room(self.inventory, names.len(), values, &name.place, self.problems) {
                        continue;
                    }
                    for host in names {
                        let host = self.inventory.add_host(&host, Some(id), port, &name.place, Some(&self.file));
                        for (name, value) in variables {
                            if let Some(text) = self.variable_name(name) {
                                set::on_host(self.inventory, host, &text, name.place.clone(), value.clone(), self.problems);
                            }
                        }
                    }
                }
            }
        }
    }

    /// The name of a host or a group, which is a text.
    fn name(&mut self, name: &Node, what: &str) -> Option<String> {
        match &name.value {
            Value::Str(text) if !text.is_empty() => Some(text.to_string()),
            other => {
                let kind = if matches!(other, Value::Str(_)) { "empty" } else { other.kind() };
                let error = Diagnostic::error(format!("the name of a {what} is a text, and this is {kind}"));
                let written = name.place.source.text.get(name.place.span.clone()).unwrap_or_default();
                let hint = if written.trim_matches(['"', '\'']).is_empty() {
                    "write a name".to_owned()
                } else {
                    format!("put it in quotes: `\"{written}\"`")
                };
                self.problems.push(error.at(name.place.clone()).hint(hint));
                None
            }
        }
    }

    /// The name of a variable: Ansible takes any key, and writes it as JSON does.
    fn variable_name(&mut self, name: &Node) -> Option<String> {
        Some(crate::yaml::plain(&name.value))
    }
}

/// The part of a group that was meant.
fn meant_part(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    match lower.as_str() {
        "host" => Some("hosts"),
        "var" | "variables" => Some("vars"),
        "child" | "groups" => Some("children"),
        lower => similar(lower, PARTS),
    }
}

/// A part of a text within its place, if the place holds the text as it is.
fn inside(place: &Place, text: &str, span: &std::ops::Range<usize>) -> Place {
    let written = place.source.text.get(place.span.clone()).unwrap_or_default();
    match written.find(text) {
        Some(at) => place.source.at(place.span.start + at + span.start..place.span.start + at + span.end),
        None => place.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{yaml_problems, yaml_tree};

    #[test]
    fn groups_in_groups() {
        let text = "\
all:
  hosts:
    lone:
    l2: {a: 1, ansible_host: 10.0.0.1}
  vars:
    z: [1, {b: null}]
  children:
    masters:
      hosts:
        m[1:2]:2222:
      vars: {ansible_group_priority: 5, x: 1}
    workers:
      hosts: w1
    cluster:
      children:
        masters:
        workers: {}
other:
  hosts: {m1: {y: 2}}
";
        insta::assert_snapshot!(yaml_tree(text));
    }

    #[test]
    fn all_mistakes_at_once() {
        let text = "\
all:
  hosts: [m1, m2]
  vars: 5
  host: {m3: }
  chidlren: {x: }
  ansible_user: pat
  extra: {a: 1}
  children:
    NO:
      hosts:
        1:
        m[3:1]:
        'm4 ':
        m5: root
    prio:
      vars: {ansible_group_priority: high}
    'a b':
ansible_port: 22
";
        insta::assert_snapshot!(yaml_problems(text));
    }

    #[test]
    fn what_is_no_inventory() {
        for (name, text) in [("list", "- m1\n- m2\n"), ("plugin", "plugin: amazon.aws.aws_ec2\nregions: [x]\n"), ("scalar", "m1 m2\n")] {
            insta::assert_snapshot!(name, yaml_problems(text));
        }
    }
}
