//! Inventory programs: `--list` prints groups as JSON, and `_meta` or `--host NAME` the variables of hosts.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::data::{HostId, Inventory};
use super::program::{Program, ProgramError, Said};
use super::{file, set};
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};
use crate::yaml::{Map, Node, Value, load_json, plain};

/// More output is nobody's inventory.
const MOST: usize = 64 << 20;
/// So much of what a program says on its standard error is shown.
const SHOWN: usize = 600;

/// Runs a program and adds what it says to the inventory.
pub(super) fn read(path: &Path, name: &str, limit: Duration, inventory: &mut Inventory, problems: &mut Diagnostics) {
    let script = Script { path, name, limit };
    let result = script.ask(&["--list"]).and_then(|source| {
        let document = script.json(&source)?;
        Reader { script: &script, inventory, problems, hosts: Vec::new(), seen: HashSet::new(), file: name.into() }.document(&document)
    });
    if let Err(errors) = result {
        problems.extend(errors);
    }
}

struct Script<'a> {
    path: &'a Path,
    /// As the person typed it.
    name: &'a str,
    limit: Duration,
}

impl Script<'_> {
    /// What it prints.
    fn ask(&self, arguments: &[&str]) -> Result<Source, Diagnostics> {
        let call = format!("{} {}", self.name, arguments.join(" "));
        let program = Program { path: self.path, arguments, limit: self.limit, most: MOST, interactive: false };
        let failed = |why: String, hint: String| -> Diagnostics {
            // there is no line to show; the first is where a person would begin to look
            let place = file::text(self.path, self.name).ok().map(|source| source.line(1));
            let error = Diagnostic::error(format!("the inventory program `{call}` failed: {why}")).hint(hint);
            Diagnostic { place, ..error }.into()
        };
        let Said { stdout, stderr } = program.run().map_err(|error| match error {
            ProgramError::Failed { ref stderr, .. } => failed(error.to_string(), said(stderr)),
            ProgramError::NotStarted(ref cause) => {
                let first = file::text(self.path, self.name).map(|source| source.text.split('\n').next().unwrap_or_default().to_owned());
                let first = first.unwrap_or_default();
                let runner = first.strip_prefix("#!").unwrap_or_default().split_whitespace().next().unwrap_or_default();
                let (why, hint) = if first.ends_with('\r') {
                    ("its lines end as on Windows".to_owned(), format!("correct them: `sed -i 's/\\r$//' {}`", self.name))
                } else if cause.kind() == std::io::ErrorKind::NotFound && !runner.is_empty() {
                    (format!("`{runner}`, which runs it, is not there"), "correct its first line, or install what it names".to_owned())
                } else {
                    let hint = "its first line names the program that runs it; if it is no program: chmod -x";
                    (error.to_string(), hint.to_owned())
                };
                failed(why, hint)
            }
            ProgramError::Late(_) => failed(
                error.to_string(),
                "run it by hand to see what it waits for; HOMELABCTL_SCRIPT_TIMEOUT sets the limit in seconds".to_owned(),
            ),
            ProgramError::TooMuch(_) => failed(error.to_string(), "run it by hand to see what it prints".to_owned()),
        })?;
        let text = String::from_utf8(stdout).map_err(|_| {
            let hint = "let it print UTF-8, or write other letters as `\\u00e9`; in Python: PYTHONIOENCODING=utf-8";
            failed("what it prints is no UTF-8 text".into(), hint.to_owned())
        })?;
        if text.trim().is_empty() && !arguments.contains(&"--host") {
            return Err(failed("it printed nothing".into(), said(&stderr)));
        }
        Ok(Source::new(format!("output of {call}"), text))
    }

    fn json(&self, source: &Source) -> Result<Node, Diagnostics> {
        load_json(source).map_err(|errors| {
            let hint = format!("nothing but JSON may stand on its standard output; see it with `{} --list`", self.run_as());
            let with_hint = |error: Diagnostic| if error.hint.is_none() { error.hint(hint.as_str()) } else { error };
            Diagnostics(errors.0.into_iter().map(with_hint).collect())
        })
    }

    /// As a shell runs it.
    fn run_as(&self) -> String {
        if self.name.contains('/') { self.name.to_owned() } else { format!("./{}", self.name) }
    }
}

/// What a program said about its failure.
fn said(stderr: &[u8]) -> String {
    let text = without_escapes(&String::from_utf8_lossy(stderr));
    let text = text.trim();
    if text.is_empty() {
        return "it says nothing about why; run it by hand".to_owned();
    }
    // the end of it is where the reason stands
    let start = text.char_indices().rev().nth(SHOWN).map_or(0, |(at, _)| at);
    let shown: String = text.get(start..).unwrap_or(text).chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    format!("it says: {}", shown.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
}

/// Without colours and the like: `ESC [ … letter`.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let end = part.find(|c: char| ('@'..='~').contains(&c)).map_or(part.len(), |at| at + 1);
        text + part.get(end..).unwrap_or_default()
    })
}

struct Reader<'a> {
    script: &'a Script<'a>,
    inventory: &'a mut Inventory,
    problems: &'a mut Diagnostics,
    /// Those it names, whose variables are looked for.
    hosts: Vec<HostId>,
    seen: HashSet<HostId>,
    file: Arc<str>,
}

impl Reader<'_> {
    fn document(mut self, document: &Node) -> Result<(), Diagnostics> {
        let Value::Map(groups) = &document.value else {
            let error = Diagnostic::error(format!("an inventory program prints an object, not {}", document.value.kind()));
            return Err(error
                .at(document.place.source.line(1))
                .hint("print {\"group\": {\"hosts\": [\"m1\"]}, \"_meta\": {\"hostvars\": {}}}")
                .into());
        };
        let mut meta = None;
        for (name, group) in groups {
            let text = plain(&name.value);
            if text == "_meta" {
                meta = self.meta(group);
            } else {
                self.group(&text, &name.place, group);
            }
        }
        // looked for by each host
        let by_name = meta.map(|all| all.iter().filter_map(|(key, variables)| Some((key.as_str()?, variables))).collect::<HashMap<_, _>>());
        for host in std::mem::take(&mut self.hosts) {
            let name = Arc::clone(&self.inventory.at(host).name);
            match &by_name {
                Some(by_name) => {
                    if let Some(&variables) = by_name.get(&*name) {
                        self.variables(host, &name, variables);
                    }
                }
                None => {
                    let source = self.script.ask(&["--host", &name])?;
                    if !source.text.trim().is_empty() {
                        let variables = self.script.json(&source)?;
                        self.variables(host, &name, &variables);
                    }
                }
            }
        }
        Ok(())
    }

    /// `_meta.hostvars`, if it is there: then no host is asked for by itself.
    fn meta<'n>(&mut self, meta: &'n Node) -> Option<&'n Map> {
        if meta.as_map().is_none() {
            let error = Diagnostic::error(format!("`_meta` is an object, and this is {}", meta.value.kind()));
            self.problems.push(error.at(meta.place.clone()).hint("print \"_meta\": {\"hostvars\": {\"m1\": {\"name\": \"value\"}}}"));
            return Some(const { &Vec::new() });
        }
        if let Some(profile) = meta.get("profile").and_then(Node::as_str).filter(|profile| *profile != "inventory_legacy") {
            let error = Diagnostic::error(format!("the profile `{profile}` of an inventory program's output is not known"));
            self.problems.push(error.at(meta.place.clone()).hint("known is inventory_legacy"));
        }
        let hostvars = meta.get("hostvars")?;
        if hostvars.as_map().is_none() {
            let error = Diagnostic::error(format!("`_meta.hostvars` is an object, and this is {}", hostvars.value.kind()));
            self.problems.push(error.at(hostvars.place.clone()));
        }
        hostvars.as_map()
    }

    fn group(&mut self, name: &str, place: &Place, data: &Node) {
        if name.is_empty() {
            self.problems.push(Diagnostic::error("a group has no name").at(place.clone()));
            return;
        }
        set::check_group_name(name, place, self.problems);
        let id = self.inventory.add_group(name, Some(place.clone()));
        let own;
        let (hosts, vars, children) = match &data.value {
            // a plain list is its hosts
            Value::List(_) => (Some(data), None, None),
            Value::Map(_) if ["hosts", "vars", "children"].iter().any(|part| data.get(part).is_some()) => {
                (data.get("hosts"), data.get("vars"), data.get("children"))
            }
            Value::Map(_) => {
                // a host that is written as a group, as Ansible takes it; its values are no templates
                let mut values = data.clone();
                values.each_mut(&mut |node| node.literal = true);
                own = (Node::new(Value::List(vec![Node::new(name, place.clone())]), place.clone()), values);
                (Some(&own.0), Some(&own.1), None)
            }
            other => {
                let error = Diagnostic::error(format!("the group `{name}` is an object or a list of hosts, not {}", other.kind()));
                self.problems.push(error.at(data.place.clone()));
                return;
            }
        };
        for host in self.list(hosts, name, "hosts") {
            if let Some(text) = self.text(host, "host") {
                let added = self.inventory.add_host(&text, Some(id), None, &host.place, Some(&self.file));
                if self.seen.insert(added) {
                    self.hosts.push(added);
                }
            }
        }
        match vars.map(|vars| (&vars.value, vars)) {
            None => {}
            Some((Value::Map(map), _)) => {
                for (key, value) in map {
                    set::on_group(self.inventory, id, &plain(&key.value), key.place.clone(), value.clone(), self.problems);
                }
            }
            Some((other, vars)) => {
                let error = Diagnostic::error(format!("`vars` of the group `{name}` is an object, not {}", other.kind()));
                self.problems.push(error.at(vars.place.clone()));
            }
        }
        for child in self.list(children, name, "children") {
            if let Some(text) = self.text(child, "group") {
                let child_id = self.inventory.add_group(&text, Some(child.place.clone()));
                self.inventory.add_child(id, child_id, Some(child.place.clone()));
            }
        }
    }

    fn list<'n>(&mut self, node: Option<&'n Node>, group: &str, part: &str) -> &'n [Node] {
        let Some(node) = node else { return &[] };
        if let Value::List(list) = &node.value {
            return list;
        }
        let error = Diagnostic::error(format!("`{part}` of the group `{group}` is a list, not {}", node.value.kind()));
        self.problems.push(error.at(node.place.clone()));
        &[]
    }

    fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match node.as_str() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => {
                let kind = if matches!(node.value, Value::Str(_)) { "empty" } else { node.value.kind() };
                let error = Diagnostic::error(format!("the name of a {what} is a text, and this is {kind}"));
                self.problems.push(error.at(node.place.clone()));
                None
            }
        }
    }

    fn variables(&mut self, host: HostId, name: &str, variables: &Node) {
        let Value::Map(map) = &variables.value else {
            let error = Diagnostic::error(format!("the variables of `{name}` are an object, not {}", variables.value.kind()));
            self.problems.push(error.at(variables.place.clone()));
            return;
        };
        for (key, value) in map {
            set::on_host(self.inventory, host, &plain(&key.value), key.place.clone(), value.clone(), self.problems);
        }
    }
}
