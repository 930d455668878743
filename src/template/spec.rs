//! What a filter, a test or a function takes, and what it was given.

use super::call::Args;
use super::fault::{Fault, Outcome, fail};
use super::repr;
use super::run::Run;
use super::value::V;

/// A filter, a test or a function.
pub(super) struct Spec {
    pub name: &'static str,
    /// The names of what it takes, in order. `*` takes any number more, `**` any names.
    pub params: &'static [&'static str],
    pub run: fn(&Given) -> Outcome<V>,
    /// Whether it is made for what is not defined.
    pub lenient: bool,
}

/// A line of a table.
pub(super) const fn spec(name: &'static str, params: &'static [&'static str], run: fn(&Given) -> Outcome<V>) -> Spec {
    Spec { name, params, run, lenient: false }
}

/// A line of a table, for something that takes undefined values.
pub(super) const fn lenient(name: &'static str, params: &'static [&'static str], run: fn(&Given) -> Outcome<V>) -> Spec {
    Spec { name, params, run, lenient: true }
}

/// The name without the collection in which Ansible keeps it.
pub(super) fn short(name: &str) -> &str {
    ["ansible.builtin.", "ansible.legacy.", "ansible.utils.", "ansible.netcommon."]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name)
}

/// A name that no table has.
pub(super) fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Fault {
    Fault::new(format!("unknown {what} `{}`", super::fault::shown(name))).label(super::fault::meant(short(name), known))
}

/// What a filter, a test or a function was given.
pub(super) struct Given<'g> {
    pub run: &'g Run<'g>,
    pub name: &'g str,
    /// What stands before the `|` or `is`.
    pub value: &'g V,
    values: Vec<Option<V>>,
    /// What `*` took.
    pub rest: Vec<V>,
    /// What `**` took.
    pub extra: Vec<(String, V)>,
}

impl<'g> Given<'g> {
    /// Brings what was given to the names that are taken.
    pub fn bind(run: &'g Run<'g>, spec: &'g Spec, name: &'g str, value: &'g V, args: Args) -> Outcome<Self> {
        let names = || spec.params.iter().filter(|name| !name.starts_with('*'));
        let mut given = Self { run, name, value, values: vec![None; names().count()], rest: Vec::new(), extra: Vec::new() };
        for (at, value) in args.positional.into_iter().enumerate() {
            if let Some(slot) = given.values.get_mut(at) {
                *slot = Some(value);
            } else if spec.params.contains(&"*") {
                given.rest.push(value);
            } else {
                return match given.values.len() {
                    0 => fail(format!("`{name}` takes no values in brackets")),
                    most => fail(format!("`{name}` takes at most {most} value{}", if most == 1 { "" } else { "s" })),
                };
            }
        }
        for (key, value) in args.named {
            if let Some(slot) = names().position(|param| *param == key).and_then(|at| given.values.get_mut(at)) {
                *slot = Some(value);
            } else if spec.params.contains(&"**") {
                given.extra.push((key, value));
            } else {
                let label = super::fault::meant(&key, names().copied());
                return Err(Box::new(Fault::new(format!("`{name}` takes no `{key}`")).label(label)));
            }
        }
        Ok(given)
    }

    /// A value, if it was given.
    pub fn arg(&self, at: usize) -> Option<&V> {
        self.values.get(at).and_then(Option::as_ref)
    }

    /// A value that has to be given.
    pub fn need(&self, at: usize, what: &str) -> Outcome<&V> {
        self.arg(at).map_or_else(|| fail(format!("`{}` needs {what}", self.name)), Ok)
    }

    /// A text, if one was given and is not `None`.
    pub fn text(&self, at: usize) -> Outcome<Option<String>> {
        match self.arg(at) {
            None | Some(V::None) => Ok(None),
            Some(value) => repr::text(self.run, value).map(Some),
        }
    }

    /// A text, or the usual one.
    pub fn text_or(&self, at: usize, usual: &str) -> Outcome<String> {
        Ok(self.text(at)?.unwrap_or_else(|| usual.to_owned()))
    }

    /// Yes or no.
    pub fn flag(&self, at: usize, usual: bool) -> bool {
        self.arg(at).map_or(usual, V::truth)
    }

    /// A whole number, if one was given.
    pub fn int(&self, at: usize) -> Outcome<Option<i128>> {
        match self.arg(at) {
            None | Some(V::None) => Ok(None),
            Some(value) => match value.as_int() {
                Some(number) => Ok(Some(number)),
                None => fail(format!("`{}` needs a whole number, not {}", self.name, value.kind())),
            },
        }
    }

    /// A whole number from zero on, or the usual one.
    pub fn size(&self, at: usize, usual: usize) -> Outcome<usize> {
        Ok(self.int(at)?.map_or(usual, |number| usize::try_from(number.max(0)).unwrap_or(usize::MAX)))
    }

    /// The value as `str()` makes it.
    pub fn own_text(&self) -> Outcome<String> {
        repr::text(self.run, self.value)
    }

    /// The value, which has to be a text.
    pub fn own_str(&self) -> Outcome<&str> {
        self.value.as_str().map_or_else(|| fail(format!("`{}` needs a text, not {}", self.name, self.value.kind())), Ok)
    }

    /// The items of the value.
    pub fn own_items(&self) -> Outcome<Vec<V>> {
        self.items(self.value)
    }

    /// The items of a value, with this filter's name in the problem.
    pub fn items(&self, value: &V) -> Outcome<Vec<V>> {
        match value {
            V::None | V::Bool(_) | V::Int(_) | V::Float(_) | V::Time(_) | V::Macro(_) => {
                fail(format!("`{}` needs a list, not {}", self.name, value.kind()))
            }
            value => self.run.items(value),
        }
    }

    /// Keys and values of the value.
    pub fn own_pairs(&self) -> Outcome<Vec<(V, V)>> {
        if self.value.is_map() {
            self.run.pairs(self.value)
        } else {
            fail(format!("`{}` needs a mapping, not {}", self.name, self.value.kind()))
        }
    }
}
