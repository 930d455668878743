//! A Kubernetes object as the lines that kustomize wrote, found and changed by their place.
//!
//! kustomize writes in one form: block style, two columns a level, keys sorted, a sequence in the column of its key. So the
//! structure can be read off the columns, and a change leaves every other line as it was.

use super::scalar::scalar;

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    lines: Vec<String>,
}

/// A step from a mapping or a sequence to what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// What stands under a key.
    Key(&'static str),
    /// An item of a sequence.
    Item(usize),
}

/// Lines of a mapping or a sequence: from, to (exclusive), and the column in which its keys or dashes stand.
#[derive(Debug, Clone, Copy)]
struct Part {
    from: usize,
    to: usize,
    column: usize,
}

/// A key with what stands under it, or an item: from, to (exclusive).
#[derive(Debug, Clone, Copy)]
struct Entry {
    from: usize,
    to: usize,
}

/// The documents of a base file.
pub(super) fn documents(text: &str) -> Vec<Document> {
    let mut all = vec![Document { lines: Vec::new() }];
    for line in text.lines() {
        match all.last_mut() {
            Some(_) if line == "---" => all.push(Document { lines: Vec::new() }),
            Some(last) => last.lines.push(line.to_owned()),
            None => {}
        }
    }
    all.retain(|one| !one.lines.is_empty());
    all
}

/// What stands in a line from a column on, if the line reaches there by spaces alone. On the first line of an item's mapping a dash
/// stands in the place of a space.
fn from_column(line: &str, column: usize, first: bool) -> Option<&str> {
    let (before, rest) = line.split_at_checked(column)?;
    let blank = |c: char| c == ' ' || (first && c == '-');
    (before.chars().all(blank) && !rest.is_empty() && !rest.starts_with(' ')).then_some(rest)
}

/// Key and value of a line's text: `key: value`, `key:`.
fn key_value(text: &str) -> Option<(&str, &str)> {
    if text.starts_with("- ") || text == "-" {
        return None;
    }
    let (key, rest) = text.split_once(':')?;
    if rest.is_empty() { Some((key, "")) } else { rest.strip_prefix(' ').map(|value| (key, value)) }
}

impl Document {
    /// The lines, each with its end.
    pub(super) fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// A scalar as it is written; none if it is not there, or is no scalar on one line.
    pub(super) fn get(&self, path: &[Step]) -> Option<&str> {
        let (last, above) = path.split_last()?;
        let part = self.part(above)?;
        let entry = self.entry(part, *last)?;
        let text = from_column(self.line(entry.from), part.column, entry.from == part.from)?;
        let value = match last {
            Step::Key(_) => key_value(text)?.1,
            Step::Item(_) => text.strip_prefix("- ")?,
        };
        (entry.to == entry.from + 1 && !value.is_empty()).then_some(value)
    }

    /// How many items a sequence has; none if there is no sequence.
    pub(super) fn count(&self, path: &[Step]) -> Option<usize> {
        let part = self.part(path)?;
        let items = (part.from..part.to).filter(|at| self.is_item(*at, part)).count();
        (items > 0).then_some(items)
    }

    /// Whether a key stands in the mapping.
    pub(super) fn has(&self, path: &[Step], key: &'static str) -> bool {
        self.part(path).is_some_and(|part| self.entry(part, Step::Key(key)).is_some())
    }

    /// Sets a key of a mapping to a string; the key keeps its place, or gets the one that the order of keys gives it.
    #[must_use]
    pub(super) fn set(&mut self, path: &[Step], key: &'static str, value: &str) -> bool {
        let Some(part) = self.part(path) else { return false };
        let value = scalar(value, part.column + key.len() + 2, part.column + 2);
        let entry = self.entry(part, Step::Key(key));
        let dashed =
            entry.is_some_and(|entry| entry.from == part.from) && part.column > 0 && self.line(part.from).trim_start().starts_with("- ");
        let lead = if dashed { format!("{}- ", " ".repeat(part.column - 2)) } else { " ".repeat(part.column) };
        self.put(part, key, entry, format!("{lead}{key}: {value}").lines().map(str::to_owned).collect())
    }

    /// Adds a key that is not there yet to a mapping, with the lines that stand under it, indented from the key's column on.
    #[must_use]
    pub(super) fn add(&mut self, path: &[Step], key: &'static str, under: &[String]) -> bool {
        let Some(part) = self.part(path).filter(|part| self.entry(*part, Step::Key(key)).is_none()) else { return false };
        let indent = " ".repeat(part.column);
        let mut lines = vec![format!("{indent}{key}:")];
        lines.extend(under.iter().map(|line| format!("{indent}{line}")));
        self.put(part, key, None, lines)
    }

    /// Replaces an item, a string, of a sequence.
    #[must_use]
    pub(super) fn replace(&mut self, path: &[Step], index: usize, value: &str) -> bool {
        let Some(part) = self.part(path) else { return false };
        let Some(entry) = self.entry(part, Step::Item(index)) else { return false };
        self.splice(entry.from, entry.to, self.item(part, value))
    }

    /// Adds an item, a string, to the end of a sequence.
    #[must_use]
    pub(super) fn push(&mut self, path: &[Step], value: &str) -> bool {
        let Some(part) = self.part(path) else { return false };
        self.splice(part.to, part.to, self.item(part, value))
    }

    fn item(&self, part: Part, value: &str) -> Vec<String> {
        // the first item of a sequence of sequences would have two dashes on its line; nothing of Flux has that
        let lead = self.line(part.from).get(..part.column).unwrap_or_default().replace('-', " ");
        let value = scalar(value, part.column + 2, part.column + 2);
        format!("{lead}- {value}").lines().map(str::to_owned).collect()
    }

    fn put(&mut self, part: Part, key: &str, entry: Option<Entry>, lines: Vec<String>) -> bool {
        match entry {
            Some(entry) => self.splice(entry.from, entry.to, lines),
            None => {
                let after = |at: &usize| self.key(*at, part).is_some_and(|other| other > key);
                let Some(at) = (part.from..part.to).find(after).or(Some(part.to)) else { return false };
                // the first key of an item shares its line with the dash
                (at != part.from || part.column == 0 || self.line(at).starts_with(&" ".repeat(part.column))) && self.splice(at, at, lines)
            }
        }
    }

    fn splice(&mut self, from: usize, to: usize, lines: Vec<String>) -> bool {
        self.lines.splice(from..to, lines);
        true
    }

    fn line(&self, at: usize) -> &str {
        self.lines.get(at).map_or("", String::as_str)
    }

    /// The key of a mapping that stands in a line.
    fn key(&self, at: usize, part: Part) -> Option<&str> {
        key_value(from_column(self.line(at), part.column, at == part.from)?).map(|(key, _)| key)
    }

    fn is_item(&self, at: usize, part: Part) -> bool {
        from_column(self.line(at), part.column, at == part.from).is_some_and(|text| text.starts_with("- "))
    }

    /// The entry of a key or the item of that number.
    fn entry(&self, part: Part, step: Step) -> Option<Entry> {
        let begins = |at: &usize| match step {
            Step::Key(_) => self.key(*at, part).is_some(),
            Step::Item(_) => self.is_item(*at, part),
        };
        let mut starts = (part.from..part.to).filter(begins);
        let from = match step {
            Step::Key(key) => starts.find(|at| self.key(*at, part) == Some(key)),
            Step::Item(index) => starts.nth(index),
        }?;
        Some(Entry { from, to: starts.next().unwrap_or(part.to) })
    }

    /// What a path leads to, where that is a mapping or a sequence.
    fn part(&self, path: &[Step]) -> Option<Part> {
        let mut part = Part { from: 0, to: self.lines.len(), column: 0 };
        for step in path {
            let entry = self.entry(part, *step)?;
            part = match step {
                Step::Key(_) => {
                    let text = from_column(self.line(entry.from), part.column, entry.from == part.from)?;
                    // a value on the key's line is a scalar, or the sign of a block of text
                    if !key_value(text)?.1.is_empty() {
                        return None;
                    }
                    let from = entry.from + 1;
                    let line = self.lines.get(from).filter(|_| from < entry.to)?;
                    Part { from, to: entry.to, column: line.len() - line.trim_start_matches(' ').len() }
                }
                Step::Item(_) => Part { from: entry.from, to: entry.to, column: part.column + 2 },
            };
        }
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::Step::{Item, Key};
    use super::*;

    const TEXT: &str = "kind: A
metadata:
  labels:
    app: x
    control-plane: y
  name: a
spec:
  containers:
  - args:
    - --one
    - --two
    image: i:1
    name: m
  - image: j:1
    name: n
  text: |-
    name: no

    - neither
  zero: 1
---
kind: B
";

    fn first() -> Document {
        documents(TEXT).remove(0)
    }

    #[test]
    fn values_are_found_by_their_path() {
        let all = documents(TEXT);
        assert_eq!(all.len(), 2);
        assert_eq!(all.iter().map(Document::text).collect::<Vec<_>>().join("---\n"), TEXT);
        let one = &all[0];
        assert_eq!(one.get(&[Key("kind")]), Some("A"));
        assert_eq!(one.get(&[Key("metadata"), Key("name")]), Some("a"));
        assert_eq!(one.get(&[Key("metadata"), Key("labels"), Key("control-plane")]), Some("y"));
        let containers = [Key("spec"), Key("containers")];
        assert_eq!(one.count(&containers), Some(2));
        let inside = |steps: &[Step]| [&containers[..], steps].concat();
        assert_eq!(one.get(&inside(&[Item(0), Key("args"), Item(1)])), Some("--two"));
        assert_eq!(one.get(&inside(&[Item(0), Key("image")])), Some("i:1"));
        assert_eq!(one.get(&inside(&[Item(1), Key("image")])), Some("j:1"));
        assert_eq!(one.get(&inside(&[Item(2), Key("image")])), None);
        assert_eq!(one.get(&[Key("spec"), Key("name")]), None, "the text is no mapping");
        assert_eq!(one.get(&[Key("spec"), Key("text"), Key("name")]), None);
        assert_eq!(one.get(&[Key("spec"), Key("zero")]), Some("1"));
        assert_eq!((one.get(&[Key("spec")]), one.count(&[Key("metadata")])), (None, None));
    }

    #[test]
    fn changes_leave_all_other_lines() {
        let mut one = first();
        let containers = [Key("spec"), Key("containers")];
        let inside = |steps: &[Step]| [&containers[..], steps].concat();
        assert!(one.set(&[Key("metadata")], "namespace", "ns") && one.set(&[Key("metadata")], "name", "true"));
        assert!(one.set(&[Key("metadata"), Key("labels")], "before", "1"));
        assert!(one.set(&inside(&[Item(1)]), "image", "k:2") && one.set(&inside(&[Item(0)]), "image", "k:3"));
        assert!(one.replace(&inside(&[Item(0), Key("args")]), 0, "--three") && one.push(&inside(&[Item(0), Key("args")]), "--four"));
        assert!(one.add(&[Key("spec")], "many", &["- a: b".into(), "  c: d".into()]));
        assert!(!one.add(&[Key("spec")], "text", &[]) && !one.set(&[Key("nothing")], "a", "b"));
        assert!(!one.replace(&inside(&[Item(0), Key("args")]), 3, "--five") && !one.push(&inside(&[Item(1), Key("args")]), "--six"));
        let wanted = "kind: A
metadata:
  labels:
    app: x
    before: \"1\"
    control-plane: y
  name: \"true\"
  namespace: ns
spec:
  containers:
  - args:
    - --three
    - --two
    - --four
    image: k:3
    name: m
  - image: k:2
    name: n
  many:
  - a: b
    c: d
  text: |-
    name: no

    - neither
  zero: 1
";
        assert_eq!(one.text(), wanted);
    }

    #[test]
    fn hostile_texts_are_only_not_understood() {
        use proptest::prelude::*;
        let texts = proptest::collection::vec("( |- |a|b|:|: |\\||x){0,8}", 0..12);
        proptest!(|(lines in texts)| {
            for mut one in documents(&lines.join("\n")) {
                let (path, before) = ([Key("a"), Item(0), Key("b")], one.clone());
                let (get, count) = (one.get(&path).map(str::to_owned), one.count(&path));
                let changed = one.set(&path, "a", "1") | one.push(&path, "x") | one.replace(&path, 1, "y") | one.add(&path, "c", &[]);
                prop_assert!(changed || one == before);
                prop_assert!(get.is_none() || count.is_none());
            }
        });
    }
}
