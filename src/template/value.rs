//! What an expression's value can be while a template is rendered: Python's types, as far as templates see them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::fault::Fault;
use super::lazy::Lazy;

/// A value. Cheap to clone.
#[derive(Clone)]
pub(super) enum V {
    /// Nothing has that name; the fault says what and why, for when it is used.
    Undefined(Rc<Fault>),
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(Arc<str>),
    /// A date as ISO text.
    Time(Arc<str>),
    List(Rc<Items>),
    Tuple(Rc<Items>),
    Dict(Rc<Dict>),
    /// `range()`: never spelled out before it is walked through.
    Range(Range),
    /// A list or a mapping with templates in it that were not rendered yet.
    Lazy(Rc<Lazy>),
    /// A macro of this template, by its number.
    Macro(usize),
    /// `namespace()`: the only thing a template may assign into.
    Namespace(Rc<RefCell<Dict>>),
}

/// The numbers of `range()`.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub start: i128,
    pub stop: i128,
    pub step: i128,
}

impl Range {
    /// How many numbers it has.
    pub fn len(&self) -> u128 {
        let (span, step) = if self.step > 0 {
            (self.stop.saturating_sub(self.start), self.step)
        } else {
            (self.start.saturating_sub(self.stop), self.step.saturating_neg())
        };
        if span <= 0 || step == 0 { 0 } else { ((span - 1) / step + 1).unsigned_abs() }
    }
}

impl V {
    /// A list.
    pub fn list(items: Vec<V>) -> Self {
        Self::List(Rc::new(Items { values: items, names: &[] }))
    }

    /// A tuple.
    pub fn tuple(items: Vec<V>) -> Self {
        Self::Tuple(Rc::new(Items { values: items, names: &[] }))
    }

    /// A tuple whose items have names as well.
    pub fn named_tuple(names: &'static [&'static str], items: Vec<V>) -> Self {
        Self::Tuple(Rc::new(Items { values: items, names }))
    }

    /// A mapping.
    pub fn dict(dict: Dict) -> Self {
        Self::Dict(Rc::new(dict))
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one; `True` is 1 as in Python.
    pub fn as_int(&self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bool(truth) => Some(i128::from(*truth)),
            _ => None,
        }
    }

    /// The number, if it is one.
    #[allow(clippy::cast_precision_loss)]
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            _ => self.as_int().map(|number| number as f64),
        }
    }

    /// What Python's `if` makes of it.
    pub fn truth(&self) -> bool {
        match self {
            Self::Undefined(_) | Self::None => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::List(items) | Self::Tuple(items) => !items.is_empty(),
            Self::Dict(dict) => !dict.entries.is_empty(),
            Self::Range(range) => range.len() > 0,
            Self::Lazy(lazy) => lazy.len() > 0,
            Self::Time(_) | Self::Macro(_) | Self::Namespace(_) => true,
        }
    }

    /// The empty text in the place of an `if` without `else` whose condition is false.
    pub fn filled(self) -> Self {
        match self {
            Self::Undefined(fault) if fault.blank => Self::from(""),
            value => value,
        }
    }

    /// What a person calls it, for error texts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Undefined(_) => "something undefined",
            Self::None => "nothing",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Str(_) => "a text",
            Self::Time(_) => "a date",
            Self::List(_) | Self::Tuple(_) | Self::Range(_) => "a list",
            Self::Dict(_) | Self::Namespace(_) => "a mapping",
            Self::Lazy(lazy) if lazy.is_map() => "a mapping",
            Self::Lazy(_) => "a list",
            Self::Macro(_) => "a macro",
        }
    }

    /// What Python calls it.
    pub fn python_type(&self) -> &'static str {
        match self {
            Self::Undefined(_) => "UndefinedMarker",
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Time(text) if text.contains(['T', ' ']) => "datetime",
            Self::Time(_) => "date",
            Self::Tuple(_) => "tuple",
            Self::Range(_) => "range",
            Self::List(_) => "list",
            Self::Lazy(lazy) if !lazy.is_map() => "list",
            Self::Dict(_) | Self::Lazy(_) => "dict",
            Self::Macro(_) => "Macro",
            Self::Namespace(_) => "Namespace",
        }
    }

    /// Whether it has items one after the other.
    pub fn is_list(&self) -> bool {
        match self {
            Self::List(_) | Self::Tuple(_) | Self::Range(_) => true,
            Self::Lazy(lazy) => !lazy.is_map(),
            _ => false,
        }
    }

    /// Whether it has keys.
    pub fn is_map(&self) -> bool {
        match self {
            Self::Dict(_) => true,
            Self::Lazy(lazy) => lazy.is_map(),
            _ => false,
        }
    }
}

impl From<&str> for V {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for V {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<bool> for V {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

/// What Python would hash: equal keys are equal values.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    None,
    Int(i128),
    /// The bits of a number that is not whole.
    Float(u64),
    Str(Arc<str>),
    Time(Arc<str>),
    Tuple(Vec<Key>),
}

impl Key {
    /// The key of a value, if Python could hash it.
    pub fn of(value: &V) -> Option<Self> {
        Self::within(value, 20)
    }

    /// The same, for tuples in no more than that many tuples.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::float_cmp)]
    fn within(value: &V, levels: usize) -> Option<Self> {
        Some(match value {
            V::None => Self::None,
            V::Bool(truth) => Self::Int(i128::from(*truth)),
            V::Int(number) => Self::Int(*number),
            V::Float(number) if number.fract() == 0.0 && number.abs() < 1e30 => Self::Int(*number as i128),
            V::Float(number) => Self::Float(number.to_bits()),
            V::Str(text) => Self::Str(text.clone()),
            V::Time(text) => Self::Time(text.clone()),
            V::Tuple(items) => {
                let levels = levels.checked_sub(1)?;
                Self::Tuple(items.iter().map(|item| Self::within(item, levels)).collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }
}

/// The items of a list.
pub(super) struct Items {
    values: Vec<V>,
    /// What the first of them are called, if they have names.
    names: &'static [&'static str],
}

impl Items {
    /// Its items alone.
    pub fn into_values(mut self) -> Vec<V> {
        std::mem::take(&mut self.values)
    }

    /// The item of that name.
    pub fn named(&self, name: &str) -> Option<&V> {
        self.values.get(self.names.iter().position(|known| *known == name)?)
    }
}

impl std::ops::Deref for Items {
    type Target = [V];

    fn deref(&self) -> &[V] {
        &self.values
    }
}

/// Values may hold one another to any depth, so they are dropped one after the other, not one inside the other.
fn drop_all(mut waiting: Vec<V>) {
    while let Some(value) = waiting.pop() {
        match value {
            V::List(items) | V::Tuple(items) => {
                waiting.extend(Rc::into_inner(items).map(|mut items| std::mem::take(&mut items.values)).unwrap_or_default())
            }
            V::Dict(dict) => waiting.extend(Rc::into_inner(dict).map(|mut dict| dict.take()).unwrap_or_default()),
            V::Namespace(names) => waiting.extend(Rc::into_inner(names).map(|names| names.into_inner().take()).unwrap_or_default()),
            V::Lazy(lazy) => waiting.extend(Rc::into_inner(lazy).map(|mut lazy| lazy.take()).unwrap_or_default()),
            _ => {}
        }
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        drop_all(std::mem::take(&mut self.values));
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        drop_all(self.take());
    }
}

impl Drop for Lazy {
    fn drop(&mut self) {
        drop_all(self.take());
    }
}

/// Keys and values in the order in which they came.
#[derive(Clone, Default)]
pub(super) struct Dict {
    entries: Vec<(V, V)>,
    index: HashMap<Key, usize>,
    /// What the file wrote whose names these are, if it was imported.
    pub written: Vec<V>,
}

impl Dict {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes everything out.
    fn take(&mut self) -> Vec<V> {
        let written = std::mem::take(&mut self.written);
        std::mem::take(&mut self.entries).into_iter().map(|(_, value)| value).chain(written).collect()
    }

    /// Puts a value at a key; the place of a key that was there stays. False if it cannot be a key.
    pub fn insert(&mut self, key: V, value: V) -> bool {
        let Some(hash) = Key::of(&key) else { return false };
        match self.index.get(&hash).and_then(|&at| self.entries.get_mut(at)) {
            Some(entry) => entry.1 = value,
            None => {
                self.index.insert(hash, self.entries.len());
                self.entries.push((key, value));
            }
        }
        true
    }

    /// Puts a value at a name.
    pub fn set(&mut self, key: &str, value: V) {
        self.insert(V::from(key), value);
    }

    /// The value at a key.
    pub fn get(&self, key: &V) -> Option<&V> {
        let at = *self.index.get(&Key::of(key)?)?;
        self.entries.get(at).map(|(_, value)| value)
    }

    /// The value at a name.
    pub fn get_str(&self, key: &str) -> Option<&V> {
        self.get(&V::from(key))
    }

    /// Keys and values in their order.
    pub fn entries(&self) -> &[(V, V)] {
        &self.entries
    }

    /// How many keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
}
