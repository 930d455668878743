//! Lists and mappings whose templates are rendered when somebody looks at them: `a: {x: 1, y: "{{ a.x }}"}` is no circle.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::yaml::{Node, Value};

use super::fault::Outcome;
use super::run::Run;
use super::value::{Key, V};

/// A list or a mapping of the variables, not rendered.
pub(super) struct Lazy {
    map: bool,
    children: Vec<Child>,
    index: HashMap<Key, usize>,
}

struct Child {
    key: V,
    label: String,
    node: Node,
    /// The value once it was needed, and whether it is secret.
    value: OnceCell<(V, bool)>,
}

impl Lazy {
    /// The items of a node that is a list or a mapping; `label` is how a person would write the way to it.
    pub fn new(run: &Run, node: &Node, label: &str) -> Outcome<Self> {
        let mut lazy = Self { map: false, children: Vec::new(), index: HashMap::new() };
        match &node.value {
            Value::Map(map) => {
                lazy.map = true;
                for (key, node) in map {
                    let key = run.node_value(key, "")?;
                    let label = match &key {
                        V::Str(name) if label.is_empty() => name.to_string(),
                        V::Str(name) => format!("{label}.{name}"),
                        _ => format!("{label}[…]"),
                    };
                    if let Some(hash) = Key::of(&key) {
                        lazy.index.insert(hash, lazy.children.len());
                    }
                    lazy.children.push(Child { key, label, node: node.clone(), value: OnceCell::new() });
                }
            }
            Value::List(list) => {
                for (at, node) in list.iter().enumerate() {
                    let label = format!("{label}[{at}]");
                    lazy.children.push(Child { key: V::Int(at as i128), label, node: node.clone(), value: OnceCell::new() });
                }
            }
            _ => {}
        }
        run.spend(lazy.children.len() as u64 * 4)?;
        Ok(lazy)
    }

    /// Takes the values out that were needed.
    pub fn take(&mut self) -> Vec<V> {
        std::mem::take(&mut self.children).into_iter().filter_map(|child| child.value.into_inner()).map(|(value, _)| value).collect()
    }

    /// Whether it has keys.
    pub fn is_map(&self) -> bool {
        self.map
    }

    /// How many items.
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// The item at an index.
    pub fn at(&self, run: &Run, index: usize) -> Outcome<Option<V>> {
        let Some(child) = self.children.get(index) else { return Ok(None) };
        if let Some((value, secret)) = child.value.get() {
            run.touch(*secret);
            return Ok(Some(value.clone()));
        }
        let (value, secret) = run.watched(|| run.node_value(&child.node, &child.label));
        let value = value?;
        Ok(Some(child.value.get_or_init(|| (value, secret)).0.clone()))
    }

    /// The value at a key.
    pub fn get(&self, run: &Run, key: &V) -> Outcome<Option<V>> {
        match Key::of(key).and_then(|hash| self.index.get(&hash)) {
            Some(index) => self.at(run, *index),
            None => Ok(None),
        }
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &V> {
        self.children.iter().map(|child| &child.key)
    }

    /// The values.
    pub fn values(&self, run: &Run) -> Outcome<Vec<V>> {
        (0..self.len()).filter_map(|at| self.at(run, at).transpose()).collect()
    }
}
