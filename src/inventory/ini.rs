//! Inventories in Ansible's INI form: sections, hosts with their variables, `:vars` and `:children`.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::data::{GroupId, Inventory, UNGROUPED};
use super::set;
use super::suggestion;
use super::words::{self, Word, WordError};
use super::{address, literal};
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};
use crate::yaml::Node;

/// Of so many names it is said what they may have been meant to be.
const SUGGESTED: usize = 50;

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
                section = self.section(name, kind, span);
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

    fn section(&mut self, name: &str, kind: Option<&str>, span: Range<usize>) -> Section {
        let place = self.source.at(span.start..span.start + name.len() + 1 + kind.map_or(0, |kind| kind.len() + 1) + 1);
        if let Some(kind) = kind.filter(|kind| !matches!(*kind, "hosts" | "vars" | "children")) {
            let error = Diagnostic::error(format!("unknown kind of section `:{kind}`")).at(place);
            self.problems.push(match suggestion(kind, ["vars", "children"]) {
                Some(label) => error.label(label),
                None => error.hint("known are `[group]`, `[group:vars]` and `[group:children]`"),
            });
            return Section::Unread;
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
        let error = Diagnostic::error("this is no section").at(self.source.at(span));
        self.problems.push(if !line.contains(']') {
            error.hint("its bracket is not closed: a section is written `[group]`")
        } else if line.contains(char::is_whitespace) {
            error.hint("no spaces stand in a section: `[group]`, `[group:vars]`, `[group:children]`")
        } else {
            error.hint("a section is written `[group]`, `[group:vars]` or `[group:children]`")
        });
        Section::Unread
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
        let order = std::mem::take(&mut self.pending_order);
        let names: Vec<Arc<str>> = self.inventory.groups().map(|group| Arc::clone(&group.name)).collect();
        for (count, name) in order.into_iter().enumerate() {
            let Some(pending) = self.pending.remove(&name) else { continue };
            let known = names.iter().map(|known| &**known).filter(|known| *known != name);
            let hosts = self.inventory.host(&name).is_some();
            let (what, place) = match pending.parents.last() {
                None => ("sets variables of", pending.place),
                Some(_) => ("names", pending.place),
            };
            let error = Diagnostic::error(format!("this {what} the group `{name}`, which is nowhere declared")).at(place);
            // nobody reads that many, and each is compared with all that are known
            self.problems.push(match suggestion(&name, known.take(if count < SUGGESTED { usize::MAX } else { 0 })) {
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
            let error = Diagnostic::error(format!("`{line}` is no name of a group")).at(self.source.at(span));
            self.problems.push(error.hint("one group a line stands in `:children`, and nothing behind it"));
            return;
        }
        match self.inventory.group_ids.get(name) {
            Some(&child) => self.inventory.add_child(parent, child, Some(place)),
            None => self.wait(name, Some((parent, place.clone())), place),
        }
    }

    fn variable(&mut self, line: &str, begin: usize, group: GroupId) {
        let Some((name, value)) = line.split_once('=') else {
            let error = Diagnostic::error(format!("`{line}` sets no variable")).at(self.source.at(begin..begin + line.len()));
            self.problems.push(error.label("write `name=value`").hint("hosts stand in a section `[group]`, without `:vars`"));
            return;
        };
        let value_start = begin + name.len() + 1 + (value.len() - value.trim_start().len());
        let (name, value) = (name.trim_end(), value.trim());
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
        let words = match words::split(line) {
            Ok(split) => {
                self.warn_of_comment(&split, line, begin);
                split.words
            }
            Err(WordError { at, why }) => {
                let error = Diagnostic::error(why).at(self.source.at(begin + at..begin + at + 1));
                self.problems.push(error.hint("a quote in a value is written in quotes of the other kind"));
                return;
            }
        };
        let mut words = words.into_iter();
        let Some(first) = words.next().filter(|_| !set::is_full(self.inventory)) else { return };
        let place = |span: &Range<usize>| self.source.at(begin + span.start..begin + span.end);
        let mut variables = Vec::new();
        for word in words {
            match word.text.split_once('=') {
                Some((name, value)) => {
                    let node = self.value(value, &place(&value_span(&word, name, line)));
                    let name_place = place(&name_span(&word, name, line));
                    variables.push((name.to_owned(), name_place, node));
                }
                None => {
                    let error = Diagnostic::error(format!("`{}` sets no variable", word.text)).at(place(&word.span));
                    self.problems.push(error.label("write `name=value`").hint("one host a line; a value with spaces stands in quotes"));
                }
            }
        }
        let first_place = place(&first.span);
        match address::expand(&first.text) {
            Err(bad) => {
                // inside of quotes nothing can be found by counting
                let plain = line.get(first.span.clone()) == Some(first.text.as_str());
                let span = if plain { first.span.start + bad.span.start..first.span.start + bad.span.end } else { first.span };
                let error = Diagnostic::error(bad.why).at(place(&span));
                self.problems.push(Diagnostic { hint: bad.hint, ..error });
            }
            Ok((names, port)) => {
                let values = variables.iter().map(|(_, _, node)| node);
                if !set::has_room(self.inventory, names.len(), values, &first_place, self.problems) {
                    return;
                }
                let file = Arc::clone(&self.source.name);
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
    fn lines_end_where_pythons_do() {
        insta::assert_snapshot!(tree("\u{feff}m1\r\nm2\u{85}m3\rm4\u{c}\t m5 x=1\u{2028}"));
    }
}
