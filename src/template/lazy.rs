//! Lists and mappings whose templates are rendered when somebody looks at them: `a: {x: 1, y: "{{ a.x }}"}` is no circle.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::yaml::{Node, Value};

use super::engine::Scope;
use super::fault::Outcome;
use super::run::Run;
use super::value::{Key, V};

/// A list or a mapping of the variables, not rendered.
pub(super) struct Lazy {
    map: bool,
    /// Whether it is `hostvars`: this machine is in it even if the inventory does not name it.
    hosts: bool,
    /// Where its templates' variables come from, and whose they are.
    scope: Arc<dyn Scope>,
    owner: String,
    children: Vec<Child>,
    index: HashMap<Key, usize>,
}

struct Child {
    key: V,
    label: String,
    from: From,
    /// The value once it was needed, and whether it is secret.
    value: OnceCell<(V, bool)>,
}

/// What a value is made of.
enum From {
    Node(Node),
    /// All variables of the host of that name.
    Host(String),
}

impl Lazy {
    fn empty(run: &Run, map: bool) -> Self {
        Self { map, hosts: false, scope: run.scope(), owner: run.owner(), children: Vec::new(), index: HashMap::new() }
    }

    /// `hostvars`: each host's variables, looked up when somebody asks.
    pub fn hosts(run: &Run, hosts: Vec<String>) -> Outcome<Self> {
        let mut lazy = Self::empty(run, true);
        lazy.hosts = true;
        for host in hosts {
            lazy.add(V::from(host.clone()), format!("hostvars.{host}"), From::Host(host));
        }
        run.spend(lazy.children.len() as u64)?;
        Ok(lazy)
    }

    /// All variables that a scope has, as the run sees it now.
    pub fn variables(run: &Run, label: &str) -> Outcome<Self> {
        let mut lazy = Self::empty(run, true);
        // a host's variables do not hold all hosts again
        for name in lazy.scope.names().into_iter().filter(|name| name != "groups") {
            if let Some(node) = lazy.scope.get(&name) {
                lazy.add(V::from(name.clone()), format!("{label}.{name}"), From::Node(node));
            }
        }
        run.spend(lazy.children.len() as u64 * 4)?;
        Ok(lazy)
    }

    fn add(&mut self, key: V, label: String, from: From) {
        if let Some(hash) = Key::of(&key) {
            self.index.insert(hash, self.children.len());
        }
        self.children.push(Child { key, label, from, value: OnceCell::new() });
    }

    /// The items of a node that is a list or a mapping; `label` is how a person would write the way to it.
    pub fn new(run: &Run, node: &Node, label: &str) -> Outcome<Self> {
        let mut lazy = Self::empty(run, false);
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
                    lazy.add(key, label, From::Node(node.clone()));
                }
            }
            Value::List(list) => {
                for (at, node) in list.iter().enumerate() {
                    let label = format!("{label}[{at}]");
                    let from = From::Node(node.clone());
                    lazy.children.push(Child { key: V::Int(at as i128), label, from, value: OnceCell::new() });
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
        let make = || match &child.from {
            From::Node(node) => run.within(&self.scope, &self.owner, || run.node_value(node, &child.label)),
            From::Host(host) => match self.scope.host(host) {
                Some(scope) => run.within(&scope, host, || Ok(V::Lazy(Rc::new(Self::variables(run, &child.label)?)))),
                None => Ok(V::None),
            },
        };
        let (value, secret) = run.watched(make);
        let value = value?;
        Ok(Some(child.value.get_or_init(|| (value, secret)).0.clone()))
    }

    /// The value at a key.
    pub fn get(&self, run: &Run, key: &V) -> Outcome<Option<V>> {
        match Key::of(key).and_then(|hash| self.index.get(&hash)) {
            Some(index) => self.at(run, *index),
            None => match key.as_str().filter(|_| self.hosts).and_then(|host| Some((host, self.scope.host(host)?))) {
                Some((host, scope)) => {
                    run.within(&scope, host, || Ok(Some(V::Lazy(Rc::new(Self::variables(run, &format!("hostvars.{host}"))?)))))
                }
                None => Ok(None),
            },
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
