//! Functions that templates call by name.

use std::cell::RefCell;
use std::rc::Rc;

use super::fault::{Fault, Outcome, fail};
use super::lookups;
use super::spec::{self, Given, Spec, lenient, spec};
use super::value::{Dict, Range, V};

const TABLE: &[Spec] = &[
    spec("range", &["*"], range),
    spec("dict", &["*", "**"], dict),
    spec("namespace", &["*", "**"], namespace),
    lenient("lookup", &["*", "**"], |given| lookups::call(given, false)),
    lenient("query", &["*", "**"], |given| lookups::call(given, true)),
    lenient("q", &["*", "**"], |given| lookups::call(given, true)),
    spec("undef", &["hint"], undef),
    spec("now", &["utc", "fmt"], super::filters::now),
];

/// The function of that name.
pub(super) fn find(name: &str) -> Option<&'static Spec> {
    TABLE.iter().find(|spec| spec.name == name)
}

/// Whether it looks something up.
pub(super) fn is_lookup(name: &str) -> bool {
    matches!(name, "lookup" | "query" | "q")
}

/// Whether there is a function of that name.
pub(super) fn known(name: &str) -> bool {
    find(name).is_some()
}

/// The problem of a function that is not there.
pub(super) fn unknown(name: &str, variables: &[String]) -> Fault {
    let names = TABLE.iter().map(|spec| spec.name).chain(variables.iter().map(String::as_str));
    spec::unknown("function", name, names)
}

fn range(given: &Given) -> Outcome<V> {
    let mut numbers = Vec::new();
    for value in &given.rest {
        match value.as_int() {
            Some(number) => numbers.push(number),
            None => return fail(format!("`range` needs whole numbers, not {}", value.kind())),
        }
    }
    match *numbers.as_slice() {
        [stop] => Ok(V::Range(Range { start: 0, stop, step: 1 })),
        [start, stop] => Ok(V::Range(Range { start, stop, step: 1 })),
        [_, _, 0] => fail("`range` cannot go in steps of zero"),
        [start, stop, step] => Ok(V::Range(Range { start, stop, step })),
        _ => fail("`range` needs one to three numbers"),
    }
}

fn pairs(given: &Given) -> Outcome<Dict> {
    let mut dict = Dict::new();
    for value in &given.rest {
        if value.is_map() {
            for (key, value) in given.run.pairs(value)? {
                dict.insert(key, value);
            }
            continue;
        }
        for pair in given.items(value)? {
            match given.items(&pair)?.as_slice() {
                [key, value] if dict.insert(key.clone(), value.clone()) => {}
                _ => return fail(format!("`{}` needs mappings, or lists of pairs", given.name)),
            }
        }
    }
    for (name, value) in &given.extra {
        dict.set(name, value.clone());
    }
    given.run.spend(dict.len() as u64)?;
    Ok(dict)
}

fn dict(given: &Given) -> Outcome<V> {
    pairs(given).map(V::dict)
}

fn namespace(given: &Given) -> Outcome<V> {
    Ok(V::Namespace(Rc::new(RefCell::new(pairs(given)?))))
}

fn undef(given: &Given) -> Outcome<V> {
    let hint = given.text(0)?.filter(|hint| !hint.is_empty());
    Ok(V::Undefined(Rc::new(Fault::undefined(hint.unwrap_or_else(|| "mandatory variable has not been overridden".to_owned())))))
}
