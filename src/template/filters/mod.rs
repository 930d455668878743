//! Filters, by their names.

mod basic;
mod data;
mod dicts;
mod encode;
mod lists;
mod markup;
mod network;
mod numbers;
mod password;
mod paths;
mod patterns;
mod random;
mod select;
mod sets;
mod sizes;
mod text;
mod time;

pub(super) use password::{hashed, made_salt};
pub(super) use sets::Set;
pub(super) use time::{method as date_method, now};

use super::fault::Fault;
use super::spec::{self, Spec};

const TABLES: &[&[Spec]] = &[
    basic::TABLE,
    data::TABLE,
    dicts::TABLE,
    encode::TABLE,
    lists::TABLE,
    markup::TABLE,
    network::TABLE,
    numbers::TABLE,
    password::TABLE,
    paths::TABLE,
    patterns::TABLE,
    random::TABLE,
    select::TABLE,
    sets::TABLE,
    sizes::TABLE,
    text::TABLE,
    time::TABLE,
];

/// The filter of that name.
pub(super) fn find(name: &str) -> Option<&'static Spec> {
    let name = spec::short(name);
    let name = if name == "community.general.json_query" { "json_query" } else { name };
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

#[cfg(test)]
mod all {
    /// The filters of ansible-core 2.19.14 and of the Jinja2 that it runs with.
    const FILTERS: &str = "abs attr b64decode b64encode basename batch bool capitalize center checksum combinations combine comment \
        commonpath count d default dict2items dictsort difference dirname e escape expanduser expandvars extract \
        fileglob filesizeformat first flatten float forceescape format from_json from_yaml from_yaml_all groupby hash \
        human_readable human_to_bytes indent int intersect items items2dict join last length list log lower mandatory \
        map max md5 min normpath password_hash path_join permutations pow pprint product quote random realpath \
        regex_escape regex_findall regex_replace regex_search reject rejectattr rekey_on_member relpath replace \
        reverse root round safe select selectattr sha1 shuffle slice sort split splitext strftime string striptags \
        subelements sum symmetric_difference ternary title to_datetime to_json to_nice_json to_nice_yaml to_uuid \
        to_yaml tojson trim truncate type_debug union unique unvault upper urldecode urlencode urlize urlsplit vault \
        win_basename win_dirname win_splitdrive wordcount wordwrap xmlattr zip zip_longest";

    #[test]
    fn every_filter_of_ansible_and_jinja_is_there() {
        let missing: Vec<&str> = FILTERS.split_whitespace().filter(|name| super::find(name).is_none()).collect();
        assert_eq!(missing, [""; 0]);
    }
}
