//! Merge keys (`<<`), and keys that stand twice.

use std::collections::{HashMap, HashSet};

use super::complaint::short;
use super::to_json::{one_line, plain};
use super::value::{Map, Node, Style, Value};
use crate::diagnostics::{Diagnostic, Diagnostics};

/// Whether a key is a merge key: `<<` without quotes.
pub(super) fn is_key(key: &Node) -> bool {
    key.style == Style::Plain && key.as_str() == Some("<<")
}

/// Pairs that can be found by their key.
#[derive(Default)]
struct Keyed {
    pairs: Map,
    at: HashMap<String, usize>,
}

impl Keyed {
    /// The pair whose key is the same, if there is one; else the new pair is added.
    fn known(&mut self, pair: &(Node, Node)) -> Option<&mut (Node, Node)> {
        let name = identity(&pair.0);
        if let Some(&index) = self.at.get(&name) {
            return self.pairs.get_mut(index);
        }
        self.at.insert(name, self.pairs.len());
        self.pairs.push(pair.clone());
        None
    }
}

/// The same text for keys that Python takes for the same.
pub(crate) fn identity(key: &Node) -> String {
    match &key.value {
        Value::Str(text) => format!("s{text}"),
        Value::Bool(truth) => format!("n{}", u8::from(*truth)),
        // 1.0 is 1
        Value::Float(number) if number.fract() == 0.0 => format!("n{number:.0}"),
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) => format!("n{}", plain(&key.value)),
        other => format!("o{}", plain(other)),
    }
}

/// Puts the pairs of all merged mappings before the others; a pair of the mapping's own takes the value of a merged one,
/// in its place. Of two merged ones the later counts, as in PyYAML 6.0.4; before that it was the first, so it is told.
pub(super) fn flatten(pairs: Map, problems: &mut Diagnostics) -> Map {
    let (merges, own): (Map, Map) = pairs.into_iter().partition(|(key, _)| is_key(key));
    let mut merged = Keyed::default();
    for (key, value) in merges {
        match value.value {
            Value::Map(map) => map.into_iter().for_each(|pair| add(&mut merged, pair, problems)),
            Value::List(list) => {
                for item in list {
                    match item.value {
                        Value::Map(map) => map.into_iter().for_each(|pair| add(&mut merged, pair, problems)),
                        ref other => {
                            let error = Diagnostic::error(format!("`<<` merges mappings, not {}", other.kind()));
                            problems.push(error.at(item.place.clone()).hint("write `<<: [*first, *second]`, each the alias of a mapping"));
                        }
                    }
                }
            }
            ref other => {
                let error = Diagnostic::error(format!("`<<` merges a mapping or a list of mappings, not {}", other.kind()));
                problems.push(error.at(key.place.clone()).hint("write `<<: *anchor`"));
            }
        }
    }
    for pair in unique(own, problems) {
        if let Some(known) = merged.known(&pair) {
            *known = pair;
        }
    }
    merged.pairs
}

fn add(merged: &mut Keyed, pair: (Node, Node), problems: &mut Diagnostics) {
    if let Some(known) = merged.known(&pair) {
        // CPython has one object for each of these, and PyYAML 6.0.4 compares objects: then the first counts
        if pair.0.as_str().is_some_and(|name| name.chars().count() == 1 && name.chars().all(|c| u32::from(c) < 256)) {
            return;
        }
        if one_line(&known.1) != one_line(&pair.1) {
            let name = short(&plain(&pair.0.value));
            let warning = Diagnostic::warning(format!("`{name}` comes from two merged mappings, and the later counts"));
            let warning = warning.at(pair.0.place.clone()).label("this one").also(known.0.place.clone(), "not this one");
            problems.push(warning.hint("PyYAML before 6.0.4 takes the first; set it beside `<<` to be sure"));
        }
        known.1 = pair.1;
    }
}

/// Says which keys stand twice, and keeps the later values.
pub(super) fn unique(pairs: Map, problems: &mut Diagnostics) -> Map {
    // nearly always there is nothing to do, and no text to copy
    let mut texts = HashSet::with_capacity(pairs.len());
    if pairs.iter().all(|(key, _)| key.as_str().is_some_and(|text| texts.insert(text))) {
        drop(texts);
        return pairs;
    }
    let mut kept = Keyed::default();
    for pair in pairs {
        if let Some(known) = kept.known(&pair) {
            let written = |node: &Node| node.place.source.text.get(node.place.span.clone()).unwrap_or_default().to_owned();
            let alike = known.0.as_str().is_none() && written(&known.0) != written(&pair.0) && !known.0.place.source.hidden;
            let message = if alike {
                let (first, second) = (written(&known.0), written(&pair.0));
                format!("the keys `{}` and `{}` are the same to YAML, unless they stand in quotes", short(&first), short(&second))
            } else {
                format!("the key `{}` stands twice", short(&plain(&pair.0.value)))
            };
            let error = Diagnostic::error(message).at(pair.0.place.clone()).label("here again").also(known.0.place.clone(), "here first");
            problems.push(error.hint(if alike {
                "put both in quotes"
            } else {
                "Ansible would take the later one and forget the other; keep one of them"
            }));
            known.1 = pair.1;
        }
    }
    kept.pairs
}
