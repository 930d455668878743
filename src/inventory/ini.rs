//! Inventories in Ansible's INI form: sections, hosts with their variables, `:vars` and `:children`.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::data::{GroupId, Inventory, UNGROUPED};
use super::host_line::{self, HostLine};
use super::set;
use super::{address, literal};
use super::{similar, suggestion};
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source, how_many_compared};
use crate::template::words::{self, Word, WordError};
use crate::yaml::Node;

/// What the lines of a section are.
#[derive(Clone, Copy)]
enum Section {
    Hosts(GroupId),
    Vars(GroupId),
    Children(GroupId),
    /// Its header is wrong, which has been said; its lines are not looked at.
    Unread,
}

/// A group that was named before it was declared.
struct Pending {
    /// The groups it belongs in, and where that is said; none if only its variables stand there.
    parents: Vec<(GroupId, Place)>,
    place: Place,
}

/// Reads one source.
pub(super) struct Reader<'a> {
    source: &'a Source,
    inventory: &'a mut Inventory,
    problems: &'a mut Diagnostics,
    /// Whether the file was encrypted.
    secret: bool,
    pending: HashMap<String, Pending>,
    /// Their names in the order in which they came.
    pending_order: Vec<String>,
}

/// Adds what a source says to the inventory.
pub(super) fn read(source: &Source, inventory: &mut Inventory, problems: &mut Diagnostics) {
    let secret = source.hidden;
    Reader { source, inventory, problems, secret, pending: HashMap::new(), pending_order: Vec::new() }.read();
}

/// Whether a line begins a section: what Ansible takes for one.
pub(super) fn header(line: &str) -> Option<(&str, Option<&str>)> {
    let (inside, rest) = line.strip_prefix('[')?.split_once(']')?;
    let rest = rest.trim_start();
    let (name, kind) = inside.split_once(':').map_or((inside, None), |(name, kind)| (name, Some(kind)));
    let good = !name.is_empty() && !name.contains(char::is_whitespace);
    let kind_is_good = kind.is_none_or(|kind| !kind.is_empty() && kind.chars().all(|c| c.is_alphanumeric() || c == '_'));
    (good && kind_is_good && (rest.is_empty() || rest.starts_with('#'))).then_some((name, kind))
}

impl Reader<'_> {
    fn read(mut self) {
        let text = Arc::clone(&self.source.text);
        let mut section = Section::Hosts(UNGROUPED);
        for span in lines(&text) {
            let line = text.get(span.clone()).unwrap_or_default();
            if line.starts_with(['#', ';']) {
                continue;
            }
            if let Some((name, kind)) = header(line) {
                let length = name.len() + kind.map_or(0, |kind| kind.len() + 1) + 2;
                section = self.section(name, kind, self.source.at(span.start..span.start + length));
            } else if let Some((name, kind, rest)) = header_and_more(line) {
                let error = Diagnostic::error("something stands behind this section").at(self.source.at(span.end - rest.len()..span.end));
                self.problems.push(error.hint("a section stands alone on its line; what belongs to it begins on the next"));
                section = self.section(name, kind, self.source.at(span));
            } else if line.starts_with('[') && (line.ends_with(']') || !line.contains(']')) {
                section = self.bad_header(line, span);
            } else {
                match section {
                    Section::Hosts(group) => self.host(line, span.start, group),
                    Section::Vars(group) => self.variable(line, span.start, group),
                    Section::Children(group) => self.child(line, span, group),
                    Section::Unread => {}
                }
            }
        }
        self.undeclared();
    }

    fn section(&mut self, name: &str, mut kind: Option<&str>, place: Place) -> Section {
        if let Some(unknown) = kind.filter(|kind| !KINDS.contains(kind)) {
            let error = Diagnostic::error(format!("unknown kind of section `:{unknown}`")).at(place.clone());
            kind = meant_kind(unknown);
            let Some(meant) = kind else {
                self.problems.push(error.hint("known are `[group]`, `[group:vars]` and `[group:children]`"));
                return Section::Unread;
            };
            // what stands below it is looked at all the same
            self.problems.push(error.label(format!("did you mean `[{name}:{meant}]`?")));
        }
        set::check_group_name(name, &place, self.problems);
        let vars = kind == Some("vars");
        if vars && self.inventory.group(name).is_none() && !self.pending.contains_key(name) {
            self.wait(name, None, place.clone());
        }
        let group = self.inventory.add_group(name, (!vars).then(|| place.clone()));
        if !vars {
            self.declared(name);
        }
        match kind {
            Some("vars") => Section::Vars(group),
            Some("children") => Section::Children(group),
            _ => Section::Hosts(group),
        }
    }

    fn bad_header(&mut self, line: &str, span: Range<usize>) -> Section {
        let place = self.source.at(span);
        let error = Diagnostic::error("this is no section").at(place.clone());
        let inside = line.trim_start_matches('[').trim_end_matches(']').trim();
        let (name, kind) = inside.split_once(':').map_or((inside, None), |(name, kind)| (name.trim_end(), Some(kind.trim())));
        let odd = |c: char| c.is_control() || matches!(c, '[' | ']' | '#' | '=' | ',');
        if name.is_empty() || inside.contains(odd) || kind.is_some_and(|kind| meant_kind(kind).is_none()) {
            self.problems.push(error.hint("a section is written `[group]`, `[group:vars]` or `[group:children]`"));
            return Section::Unread;
        }
        let name = name.split_whitespace().collect::<Vec<_>>().join("_");
        let kind = kind.and_then(meant_kind);
        let written = kind.map_or_else(|| format!("[{name}]"), |kind| format!("[{name}:{kind}]"));
        let why = if line.contains(']') { "no spaces stand in a section" } else { "its bracket is not closed" };
        self.problems.push(error.label(format!("write `{written}`")).hint(why));
        self.section(&name, kind, place)
    }

    /// Remembers a group that has to be declared yet.
    fn wait(&mut self, name: &str, parent: Option<(GroupId, Place)>, place: Place) {
        match self.pending.get_mut(name) {
            Some(pending) => pending.parents.extend(parent),
            None => {
                self.pending_order.push(name.to_owned());
                self.pending.insert(name.to_owned(), Pending { parents: Vec::from_iter(parent), place });
            }
        }
    }

    /// A group is declared: it goes where it was named before.
    fn declared(&mut self, name: &str) {
        let Some(Pending { parents, .. }) = self.pending.remove(name) else { return };
        let Some(&child) = self.inventory.group_ids.get(name) else { return };
        for (parent, place) in parents {
            self.inventory.add_child(parent, child, Some(place));
            let parent = Arc::clone(&self.inventory.group_at(parent).name);
            if self.pending.get(&*parent).is_some_and(|pending| !pending.parents.is_empty()) {
                self.declared(&parent);
            }
        }
    }

    /// What is left of the groups that have to be declared.
    fn undeclared(&mut self) {
        let (order, mut pending) = (std::mem::take(&mut self.pending_order), std::mem::take(&mut self.pending));
        let names: Vec<Arc<str>> = self.inventory.groups().map(|group| Arc::clone(&group.name)).collect();
        let undeclared = order.into_iter().filter_map(|name| Some((pending.remove(&name)?, name)));
        for (index, (pending, name)) in undeclared.enumerate() {
            // each is compared with all that are known
            let compared = if index < how_many_compared(names.len()) { names.as_slice() } else { &[] };
            let known = compared.iter().map(|known| &**known).filter(|known| *known != name);
            let hosts = self.inventory.host(&name).is_some();
            let (what, place) = match pending.parents.last() {
                None => ("sets variables of", pending.place),
                Some(_) => ("names", pending.place),
            };
            let error = Diagnostic::error(format!("this {what} the group `{name}`, which is nowhere declared")).at(place);
            self.problems.push(match suggestion(&name, known) {
                Some(label) => error.label(label),
                None if hosts => error.hint(format!("`{name}` is a host; only groups stand in `:children`")),
                None => error.hint(format!("declare it with a line `[{name}]`, even if no host stands below it")),
            });
        }
    }

    fn child(&mut self, line: &str, span: Range<usize>, parent: GroupId) {
        let name = line.split(|c: char| c == '#' || c.is_whitespace()).next().unwrap_or_default();
        let rest = line.get(name.len()..).unwrap_or_default().trim_start();
        let place = self.source.at(span.start..span.start + name.len());
        if name.is_empty() || name.contains([':', ']']) || !(rest.is_empty() || rest.starts_with('#')) {
            let error = Diagnostic::error("this is no name of a group").at(self.source.at(span));
            self.problems
                .push(error.hint("one group a line stands in `:children`, and nothing behind it; hosts stand in a section `[group]`"));
            return;
        }
        match self.inventory.group_ids.get(name) {
            Some(&child) => self.inventory.add_child(parent, child, Some(place)),
            None => self.wait(name, Some((parent, place.clone())), place),
        }
    }

    fn variable(&mut self, line: &str, begin: usize, group: GroupId) {
        let Some((name, value)) = line.split_once('=') else {
            let error = Diagnostic::error("this sets no variable").at(self.source.at(begin..begin + line.len()));
            self.problems.push(error.label("write `name=value`").hint("hosts stand in a section `[group]`, without `:vars`"));
            return;
        };
        let value_start = begin + name.len() + 1 + (value.len() - value.trim_start().len());
        let (name, value) = (name.trim_end(), value.trim());
        // Ansible takes any name; this one would be a host that is lost
        let is_host = |(host, variable): (&str, &str)| variable.trim().starts_with("ansible_") || self.inventory.host(host).is_some();
        if name.split_once(char::is_whitespace).is_some_and(is_host) {
            let place = self.source.at(begin..begin + name.len());
            let error = Diagnostic::error("this is a host with a variable, and variables of a group are expected here").at(place);
            self.problems.push(error.hint("hosts stand in a section `[group]`, without `:vars`"));
            return;
        }
        let (name_place, place) = (self.source.at(begin..begin + name.len()), self.source.at(value_start..value_start + value.len()));
        let node = self.value(value, &place);
        set::on_group(self.inventory, group, name, name_place, node, self.problems);
    }

    fn value(&self, text: &str, place: &Place) -> Node {
        let mut node = literal::read(text, place);
        if self.secret {
            node.each_mut(&mut |node| node.secret = true);
        }
        node
    }

    fn host(&mut self, line: &str, begin: usize, group: GroupId) {
        if line.starts_with("//") || line.starts_with("/*") {
            let error = Diagnostic::error("this begins no comment in INI").at(self.source.at(begin..begin + 2));
            self.problems.push(error.hint("a comment begins with `#`"));
            return;
        }
        let words = match words::split(line) {
            Ok(split) => {
                self.warn_of_comment(&split, line, begin);
                split.words
            }
            Err(WordError { at, why }) => {
                let error = Diagnostic::error(why).at(self.source.at(begin + at..begin + at + 1));
                let opens = line.get(..at).is_some_and(|before| before.ends_with('='));
                self.problems.push(error.hint(if opens {
                    "close it where the value ends"
                } else {
                    "a value with a quote in it stands in quotes of the other kind: `note=\"it's\"`"
                }));
                return;
            }
        };
        if set::is_full(self.inventory) {
            return;
        }
        let place = |span: &Range<usize>| self.source.at(begin + span.start..begin + span.end);
        let HostLine { first, pairs, mistakes } = host_line::read(line, words);
        let first_place = place(&first.span);
        let names = address::expand(&first.text);
        // a line that begins with what is no host is told once
        let told = names.is_err() && !first.text.contains('[');
        for mistake in mistakes.into_iter().filter(|mistake| !told || mistake.of_name) {
            let diagnostic = if mistake.warning { Diagnostic::warning(mistake.what) } else { Diagnostic::error(mistake.what) };
            self.problems.push(Diagnostic { label: mistake.label, hint: mistake.hint, ..diagnostic.at(place(&mistake.span)) });
            if mistake.of_name {
                return;
            }
        }
        match names {
            Err(bad) => {
                // inside of quotes nothing can be found by counting
                let plain = line.get(first.span.clone()) == Some(first.text.as_str());
                let span = if plain { first.span.start + bad.span.start..first.span.start + bad.span.end } else { first.span };
                let error = Diagnostic::error(bad.why).at(place(&span));
                self.problems.push(Diagnostic { hint: bad.hint, ..error });
            }
            Ok((names, port)) => {
                let file = Arc::clone(&self.source.name);
                let variable = |word: &Word| {
                    let (name, value) = word.text.split_once('=')?;
                    let node = self.value(value, &place(&value_span(word, name, line)));
                    let name_place = place(&name_span(word, name, line));
                    Some((name.to_owned(), name_place, node))
                };
                let variables: Vec<_> = pairs.iter().filter_map(variable).collect();
                let values = variables.iter().map(|(_, _, node)| node);
                if !set::has_room(self.inventory, names.len(), values, &first_place, self.problems) {
                    return;
                }
                for name in names {
                    let host = self.inventory.add_host(&name, Some(group), port, &first_place, Some(&file));
                    for (name, name_place, node) in &variables {
                        set::on_host(self.inventory, host, name, name_place.clone(), node.clone(), self.problems);
                    }
                }
            }
        }
    }

    fn warn_of_comment(&mut self, split: &words::Words, line: &str, begin: usize) {
        if let Some(cut) = split.cut_by_comment {
            let warning = Diagnostic::warning("everything from here on is a comment");
            let warning = warning.at(self.source.at(begin + cut..begin + line.len()));
            self.problems.push(warning.hint("if it belongs to the value, put the value in quotes"));
        }
    }
}

/// What stands behind the name in a section's header.
const KINDS: [&str; 3] = ["hosts", "vars", "children"];

/// The kind of section that was meant.
fn meant_kind(kind: &str) -> Option<&'static str> {
    let lower = kind.to_lowercase();
    match lower.as_str() {
        "var" | "variable" | "variables" => Some("vars"),
        "child" | "group" | "groups" => Some("children"),
        "host" => Some("hosts"),
        lower => similar(lower, KINDS),
    }
}

/// A header with something behind it that is no comment; a range as a host's whole name has no such kind.
fn header_and_more(line: &str) -> Option<(&str, Option<&str>, &str)> {
    let (inside, rest) = line.strip_prefix('[')?.split_once(']')?;
    let (name, kind) = inside.split_once(':').map_or((inside, None), |(name, kind)| (name, Some(kind)));
    let good = !name.is_empty() && !name.contains(char::is_whitespace) && kind.is_none_or(|kind| KINDS.contains(&kind));
    let more = rest.trim_start();
    (good && more.len() < rest.len() && !more.is_empty()).then_some((name, kind, more))
}

/// Where the name of `name=value` stands; the whole word if quotes or backslashes are in the name.
fn name_span(word: &Word, name: &str, line: &str) -> Range<usize> {
    let written = line.get(word.span.clone()).unwrap_or_default();
    let plain = written.strip_prefix(name).is_some_and(|rest| rest.starts_with('='));
    word.span.start..if plain { word.span.start + name.len() } else { word.span.end }
}

/// Where the value of `name=value` stands, without the quotes around it; the whole word as for the name.
fn value_span(word: &Word, name: &str, line: &str) -> Range<usize> {
    let name_end = name_span(word, name, line).end;
    if name_end == word.span.end {
        return word.span.clone();
    }
    let start = name_end + 1;
    match line.get(start..word.span.end) {
        Some(text) if text.len() >= 2 && text.starts_with(['\'', '"']) && text.get(..1) == text.get(text.len() - 1..) => {
            start + 1..word.span.end - 1
        }
        _ => start..word.span.end,
    }
}

/// The lines of a text without the white space around them and without empty ones, cut where Python's `splitlines` cuts.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let ends = |c: char| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let mut start = 0;
    text.split(ends).filter_map(move |line| {
        let begin = start + (line.len() - line.trim_start().len());
        start += line.len();
        let end = begin + line.trim().len();
        // the separator may have more than one byte
        start += text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        (begin < end).then_some(begin..end)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{problems, tree};

    #[test]
    fn sections_children_and_variables() {
        let text = "\
lone
[masters]
m1 ansible_host=10.0.0.1 rack='a b' # a comment
m2:2222
[cluster:children]
masters
workers
[workers]
w[1:2] n=3
[cluster:vars]
port = 22
name=x=y # not a comment
[all:vars]
z=\"q\"
";
        insta::assert_snapshot!(tree(text));
    }

    #[test]
    fn all_mistakes_at_once() {
        let text = "\
m1 ansible_host
m2 x='open
m3 y=a#b
node[3:1].lan
pat@m4
a_var=5
web:
[group one]
ignored line
[open
[x:chidlren]
[nowhere:vars]
a=1
[c:children]
mastres
m1
two words
[masters]
[masters:vars]
no value
---
";
        insta::assert_snapshot!(problems(text));
    }

    #[test]
    fn circles_of_groups() {
        insta::assert_snapshot!(problems("[a:children]\nb\n[b:children]\nc\n[c:children]\na\n[d:children]\nd\n[e:children]\nall\n"));
    }

    #[test]
    fn of_a_long_circle_some_names_are_told() {
        let text: String = (0..99).map(|number| format!("[g{number}:children]\ng{}\n", (number + 1) % 99)).collect();
        let told = problems(&text);
        let circle = "the group `g0` is in itself: g0 → g1 → g2 → g3 → g4 → g5 → g6 → g7 → g8 → g9 → … → g98 → g0\n";
        assert!(told.contains(circle), "{told}");
    }

    #[test]
    fn what_was_meant_is_told_however_many_groups_are_declared_late() {
        let late: String = (0..1000).map(|number| format!("late{number:03}\n")).collect();
        let declared = late.replace("late", "[late").replace('\n', "]\n");
        let told = problems(&format!("[all_of_them:children]\n{late}mastres\n{declared}[masters]\n"));
        assert!(told.contains("did you mean `masters`?"), "{told}");
    }

    #[test]
    fn lines_end_where_pythons_do() {
        insta::assert_snapshot!(tree("\u{feff}m1\r\nm2\u{85}m3\rm4\u{c}\t m5 x=1\u{2028}"));
    }
}
