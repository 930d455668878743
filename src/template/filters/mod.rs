//! Filters, by their names.

mod basic;
mod data;
mod dicts;
mod encode;
mod lists;
mod network;
mod numbers;
mod password;
mod paths;
mod patterns;
mod select;
mod sets;
mod sizes;
mod text;

pub(super) use sets::Set;

use super::fault::Fault;
use super::spec::{self, Spec};

const TABLES: &[&[Spec]] = &[
    basic::TABLE,
    data::TABLE,
    dicts::TABLE,
    encode::TABLE,
    lists::TABLE,
    network::TABLE,
    numbers::TABLE,
    password::TABLE,
    paths::TABLE,
    patterns::TABLE,
    select::TABLE,
    sets::TABLE,
    sizes::TABLE,
    text::TABLE,
];

/// The filter of that name.
pub(super) fn find(name: &str) -> Option<&'static Spec> {
    let name = spec::short(name);
    TABLES.iter().flat_map(|table| table.iter()).find(|spec| spec.name == name)
}

/// Every filter's name.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLES.iter().flat_map(|table| table.iter()).map(|spec| spec.name)
}

/// The problem of a filter that is not there.
pub(super) fn unknown(name: &str) -> Fault {
    let hint = match spec::short(name) {
        "password_hash"
        | "to_datetime"
        | "strftime"
        | "random"
        | "shuffle"
        | "md5"
        | "json_query"
        | "community.general.json_query"
        | "vault"
        | "unvault" => Some("Ansible has this filter, homelabctl does not have it yet"),
        "attr" => Some("a value is read with `.name` or `['name']`"),
        "items2list" => Some("`dict2items` makes a list of a mapping"),
        _ => None,
    };
    let mut fault = spec::unknown("filter", name, TABLES.iter().flat_map(|table| table.iter()).map(|spec| spec.name));
    match hint {
        Some(hint) => {
            fault.label = None;
            fault.hint(hint)
        }
        None => fault,
    }
}
