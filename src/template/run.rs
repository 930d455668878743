//! One rendering: the variables it saw, the work it may still do, the secrets it touched.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::yaml::{Node, Value, plain};

use super::engine::{Hide, Scope, Surroundings};
use super::fault::{Fault, Outcome, fail, fail_hint};
use super::lazy::Lazy;
use super::render;
use super::value::{Dict, V};

/// How much one rendering may do: an expression, an item or 16 bytes of text cost one.
const WORK: u64 = 2_000_000;
/// How deep expressions, values and variables may be nested, all together: each level takes some of the stack.
const DEPTH: usize = 200;
/// How many variables may refer to one another in a row.
const CHAIN: usize = 40;

/// The state of one rendering.
pub(super) struct Run<'e> {
    /// What lookups may see.
    pub around: &'e Surroundings,
    hide: Option<&'e Hide>,
    scope: RefCell<Arc<dyn Scope>>,
    /// Whose variables these are, for circles that lead over `hostvars`; empty for the host that was asked for.
    owner: RefCell<String>,
    seen: RefCell<HashMap<String, Option<(V, bool)>>>,
    chain: RefCell<Vec<String>>,
    left: Cell<u64>,
    depth: Cell<usize>,
    secret: Cell<bool>,
}

/// Something one level deeper, until it is dropped.
pub(super) struct Level<'r>(&'r Cell<usize>);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl<'e> Run<'e> {
    /// A rendering that has done nothing yet.
    pub fn new(around: &'e Surroundings, hide: Option<&'e Hide>, scope: Arc<dyn Scope>) -> Self {
        Self {
            around,
            hide,
            scope: RefCell::new(scope),
            owner: RefCell::default(),
            seen: RefCell::default(),
            chain: RefCell::default(),
            left: Cell::new(WORK),
            depth: Cell::new(0),
            secret: Cell::new(false),
        }
    }

    /// Every name that a template may use.
    pub fn names(&self) -> Vec<String> {
        self.scope().names()
    }

    /// Where variables come from now.
    pub fn scope(&self) -> Arc<dyn Scope> {
        Arc::clone(&self.scope.borrow())
    }

    /// Whose they are.
    pub fn owner(&self) -> String {
        self.owner.borrow().clone()
    }

    /// Does something with the variables of another host.
    pub fn within<T>(&self, scope: &Arc<dyn Scope>, owner: &str, what: impl FnOnce() -> T) -> T {
        if Arc::ptr_eq(&self.scope.borrow(), scope) {
            return what();
        }
        let scope = self.scope.replace(Arc::clone(scope));
        let owner = self.owner.replace(owner.to_owned());
        let seen = self.seen.take();
        let result = what();
        self.scope.replace(scope);
        self.owner.replace(owner);
        self.seen.replace(seen);
        result
    }

    /// Takes note of work.
    pub fn spend(&self, work: u64) -> Outcome<()> {
        match self.left.get().checked_sub(work) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.left.set(0);
                fail_hint(
                    "this takes too long or becomes too large",
                    "a value is rendered in bounded time and memory; make its loops or its texts smaller",
                )
            }
        }
    }

    /// Takes note of that much text.
    pub fn bytes(&self, bytes: usize) -> Outcome<()> {
        self.spend(bytes as u64 / 16)
    }

    /// One level deeper.
    pub fn deeper(&self) -> Outcome<Level<'_>> {
        self.spend(1)?;
        if self.depth.get() >= DEPTH {
            return fail("this is nested too deeply");
        }
        self.depth.set(self.depth.get() + 1);
        Ok(Level(&self.depth))
    }

    /// Takes note of a secret that was seen.
    pub fn touch(&self, secret: bool) {
        if secret {
            self.secret.set(true);
        }
    }

    /// Does something, and tells whether it saw a secret.
    pub fn watched<T>(&self, what: impl FnOnce() -> T) -> (T, bool) {
        let before = self.secret.replace(false);
        let result = what();
        let secret = self.secret.get();
        self.secret.set(before || secret);
        (result, secret)
    }

    /// The rendered value of a variable, if there is one.
    pub fn variable(&self, name: &str) -> Outcome<Option<V>> {
        if let Some(seen) = self.seen.borrow().get(name) {
            return Ok(seen.as_ref().map(|(value, secret)| {
                self.touch(*secret);
                value.clone()
            }));
        }
        let scope = self.scope();
        let found = match scope.get(name) {
            None if name == "hostvars" => {
                let hosts = scope.hosts();
                if hosts.is_empty() && scope.host("localhost").is_none() {
                    None
                } else {
                    Some((V::Lazy(Rc::new(Lazy::hosts(self, hosts)?)), false))
                }
            }
            None if name == "vars" => Some((V::Lazy(Rc::new(Lazy::variables(self, name)?)), false)),
            Some(node) => {
                let (value, secret) = self.watched(|| self.node_value(&node, name));
                Some((value?, secret))
            }
            None => None,
        };
        let value = found.as_ref().map(|(value, _)| value.clone());
        self.seen.borrow_mut().insert(name.to_owned(), found);
        Ok(value)
    }

    /// Whether a variable grows with the inventory, so that one value of it is looked for by itself.
    pub fn has_entries(name: &str) -> bool {
        matches!(name, "groups" | "hostvars" | "ansible_facts" | "vars")
    }

    /// Tells the variables that one of them has no such key.
    pub fn missed(&self, name: &str, key: &str) {
        self.scope().missed(name, key);
    }

    /// One rendered value of such a variable, if it is to be had without the others.
    pub fn entry(&self, name: &str, key: &str) -> Outcome<Option<V>> {
        // no variable has such a name
        let label = format!("{name}['{key}']");
        if let Some(Some((value, secret))) = self.seen.borrow().get(&label) {
            self.touch(*secret);
            return Ok(Some(value.clone()));
        }
        let scope = self.scope();
        let (found, secret) = self.watched(|| match scope.entry(name, key) {
            Some(node) => self.node_value(&node, &label).map(Some),
            None if name == "hostvars" && scope.get(name).is_none() && scope.host(key).is_some() => {
                Lazy::hosts(self, vec![key.to_owned()])?.at(self, 0)
            }
            None => Ok(None),
        });
        let Some(value) = found? else { return Ok(None) };
        self.seen.borrow_mut().insert(label, Some((value.clone(), secret)));
        Ok(Some(value))
    }

    /// What a node of the variables is; `label` is how a person would write the way to it.
    pub fn node_value(&self, node: &Node, label: &str) -> Outcome<V> {
        let _level = self.deeper()?;
        self.touch(node.secret);
        let value = self.made(node, label)?;
        if let Some(hide) = self.hide {
            match &value {
                V::Str(text) | V::Time(text) => hide(label, text, node.secret),
                V::Int(number) if node.secret => hide(label, &number.to_string(), true),
                _ => {}
            }
        }
        Ok(value)
    }

    /// Tells of a value that stands for itself and must not be shown.
    pub fn tell(&self, node: &Node) {
        if let Some(hide) = self.hide.filter(|_| node.secret) {
            hide("", &plain(&node.value), true);
        }
    }

    fn made(&self, node: &Node, label: &str) -> Outcome<V> {
        Ok(match &node.value {
            Value::Null => V::None,
            Value::Bool(truth) => V::Bool(*truth),
            Value::Int(number) => V::Int(i128::from(*number)),
            Value::BigInt(digits) => match digits.parse() {
                Ok(number) => V::Int(number),
                Err(_) => return Err(Box::new(Fault::new("the number is too large").leave(|_| node.place.clone()))),
            },
            Value::Float(number) => V::Float(*number),
            Value::Time(text) => V::Time(text.clone()),
            Value::Str(text) if !node.is_template() => V::Str(text.clone()),
            Value::Str(text) => self.reference(label, || render::template(self, node, text))?,
            Value::Vault(_) => {
                let clear = self.decrypted(node)?;
                return self.node_value(&clear, label);
            }
            Value::List(_) | Value::Map(_) if waits(node) => V::Lazy(Rc::new(Lazy::new(self, node, label)?)),
            Value::List(list) => {
                self.spend(list.len() as u64)?;
                V::list(list.iter().map(|item| self.node_value(item, "")).collect::<Outcome<_>>()?)
            }
            Value::Map(map) => {
                self.spend(map.len() as u64 * 2)?;
                let mut dict = Dict::new();
                for (key, value) in map {
                    dict.insert(self.node_value(key, "")?, self.node_value(value, "")?);
                }
                V::dict(dict)
            }
        })
    }

    /// The text behind an encrypted one.
    pub fn decrypted(&self, node: &Node) -> Outcome<Node> {
        let Value::Vault(text) = &node.value else { return Ok(node.clone()) };
        match (self.around.decrypt)(text) {
            Ok(clear) => {
                self.touch(true);
                let clear = Node { value: clear.into(), secret: true, ..node.clone() };
                self.tell(&clear);
                Ok(clear)
            }
            // an encrypted text has many lines, and they tell nothing
            Err((why, hint)) => Err(Box::new(Fault::new(why).hint(hint).leave(|_| node.place.first_line()))),
        }
    }

    /// Renders something that others may refer to, unless it refers to itself. What fails because something is undefined
    /// is itself undefined.
    fn reference(&self, label: &str, what: impl FnOnce() -> Outcome<V>) -> Outcome<V> {
        if label.is_empty() {
            return what();
        }
        let label = match self.owner.borrow().as_str() {
            "" => label.to_owned(),
            owner => format!("{label} of {owner}"),
        };
        {
            let mut chain = self.chain.borrow_mut();
            if let Some(first) = chain.iter().position(|seen| *seen == label) {
                let circle = chain.iter().skip(first).map(String::as_str).chain([label.as_str()]).collect::<Vec<_>>().join(" -> ");
                return fail(format!("variables refer to one another in a circle: {circle}"));
            }
            if chain.len() >= CHAIN {
                return fail(format!("more than {CHAIN} variables refer to one another in a row"));
            }
            chain.push(label);
        }
        let result = what();
        self.chain.borrow_mut().pop();
        match result {
            Err(fault) if fault.undefined => Ok(V::Undefined(Rc::new(*fault))),
            result => result,
        }
    }

    /// The items of whatever Python's `for` takes.
    pub fn items(&self, value: &V) -> Outcome<Vec<V>> {
        let items = match value {
            V::Undefined(fault) => return Err(Box::new((**fault).clone())),
            V::List(items) | V::Tuple(items) => {
                self.spend(items.len() as u64)?;
                items.to_vec()
            }
            V::Dict(dict) => dict.entries().iter().map(|(key, _)| key.clone()).collect(),
            V::Lazy(lazy) if lazy.is_map() => lazy.keys().cloned().collect(),
            V::Lazy(lazy) => lazy.values(self)?,
            V::Str(text) => {
                self.spend(text.len() as u64)?;
                text.chars().map(|c| V::from(c.to_string())).collect()
            }
            V::Range(range) => {
                self.spend(u64::try_from(range.len()).unwrap_or(u64::MAX))?;
                (0..range.len()).map(|at| V::Int(range.start.wrapping_add(range.step.wrapping_mul(at.cast_signed())))).collect()
            }
            _ => return fail(format!("a list is needed here, and this is {}", value.kind())),
        };
        self.spend(items.len() as u64)?;
        Ok(items)
    }

    /// Keys and values of a mapping.
    pub fn pairs(&self, value: &V) -> Outcome<Vec<(V, V)>> {
        let pairs: Vec<_> = match value {
            V::Undefined(fault) => return Err(Box::new((**fault).clone())),
            V::Dict(dict) => dict.entries().to_vec(),
            V::Lazy(lazy) if lazy.is_map() => lazy.keys().cloned().zip(lazy.values(self)?).collect(),
            _ => return fail(format!("a mapping is needed here, and this is {}", value.kind())),
        };
        self.spend(pairs.len() as u64)?;
        Ok(pairs)
    }

    /// The mapping, rendered one level deep.
    pub fn dict(&self, value: &V) -> Outcome<Rc<Dict>> {
        if let V::Dict(dict) = value {
            return Ok(dict.clone());
        }
        let mut dict = Dict::new();
        for (key, value) in self.pairs(value)? {
            dict.insert(key, value);
        }
        Ok(Rc::new(dict))
    }

    /// The value at a key of a mapping or at an index of a list.
    pub fn get(&self, value: &V, key: &V) -> Outcome<Option<V>> {
        match (value, key) {
            (V::Dict(dict), key) => Ok(dict.get(key).cloned()),
            (V::Namespace(dict), key) => Ok(dict.borrow().get(key).cloned()),
            (V::Lazy(lazy), key) if lazy.is_map() => lazy.get(self, key),
            (V::Undefined(_), _) => Ok(None),
            (V::Tuple(items), V::Str(name)) => Ok(items.named(name).cloned()),
            (_, key) => {
                let Some(index) = key.as_int() else { return Ok(None) };
                let from_end = |len: usize| {
                    let len = i128::try_from(len).unwrap_or(i128::MAX);
                    usize::try_from(if index < 0 { len + index } else { index }).ok()
                };
                match value {
                    V::List(items) | V::Tuple(items) => Ok(from_end(items.len()).and_then(|at| items.get(at)).cloned()),
                    V::Lazy(lazy) => from_end(lazy.len()).map_or(Ok(None), |at| lazy.at(self, at)),
                    V::Str(text) => {
                        self.bytes(text.len())?;
                        let found = from_end(text.chars().count()).and_then(|at| text.chars().nth(at));
                        Ok(found.map(|c| V::from(c.to_string())))
                    }
                    V::Range(_) => {
                        let items = self.items(value)?;
                        Ok(from_end(items.len()).and_then(|at| items.get(at)).cloned())
                    }
                    _ => Ok(None),
                }
            }
        }
    }

    /// How many items, if it has some.
    pub fn len(&self, value: &V) -> Outcome<usize> {
        Ok(match value {
            V::List(items) | V::Tuple(items) => items.len(),
            V::Dict(dict) => dict.len(),
            V::Lazy(lazy) => lazy.len(),
            V::Str(text) => text.chars().count(),
            V::Range(range) => usize::try_from(range.len()).unwrap_or(usize::MAX),
            V::Undefined(fault) => return Err(Box::new((**fault).clone())),
            _ => return fail(format!("{} has no length", value.kind())),
        })
    }
}

/// Whether something in it has to be rendered, or must be known to have been seen.
fn waits(node: &Node) -> bool {
    let mut found = false;
    node.each(&mut |node| found = found || node.secret || node.is_template() || matches!(node.value, Value::Vault(_)));
    found
}
