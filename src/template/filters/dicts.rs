//! Filters for mappings.

use super::super::compare;
use super::super::fault::{Fault, Names, Outcome, fail, fail_hint};
use super::super::repr;
use super::super::run::Run;
use super::super::spec::{Given, Spec, spec};
use super::super::value::{Dict, V};
use super::lists::flat;
use super::select::folded;

pub(super) const TABLE: &[Spec] = &[
    spec("dictsort", &["case_sensitive", "by", "reverse"], dictsort),
    spec("items", &[], items),
    spec("combine", &["*", "**"], combine),
    spec("dict2items", &["key_name", "value_name"], dict2items),
    spec("items2dict", &["key_name", "value_name"], items2dict),
    spec("subelements", &["subelements", "skip_missing"], subelements),
    spec("extract", &["container", "morekeys"], extract),
    spec("rekey_on_member", &["key", "duplicates"], rekey),
];

fn pair(key: V, value: V) -> V {
    V::tuple(vec![key, value])
}

fn dictsort(given: &Given) -> Outcome<V> {
    let by_value = match given.text_or(1, "key")?.as_str() {
        "key" => false,
        "value" => true,
        _ => return fail("`dictsort` sorts by key or by value"),
    };
    let mut sorted = Vec::new();
    for (key, value) in given.own_pairs()? {
        let by = if by_value { value.clone() } else { key.clone() };
        sorted.push((folded(by, given.flag(0, false)), pair(key, value)));
    }
    compare::sort(given.run, &mut sorted, given.flag(2, false))?;
    Ok(V::list(sorted.into_iter().map(|(_, pair)| pair).collect()))
}

fn items(given: &Given) -> Outcome<V> {
    Ok(V::list(given.own_pairs()?.into_iter().map(|(key, value)| pair(key, value)).collect()))
}

fn combine(given: &Given) -> Outcome<V> {
    let (mut recursive, mut lists) = (false, "replace".to_owned());
    for (name, value) in &given.extra {
        match name.as_str() {
            "recursive" => recursive = value.truth(),
            "list_merge" => lists = repr::text(given.run, value)?,
            other => {
                let label = super::super::fault::meant(other, ["recursive", "list_merge"]);
                return Err(Box::new(Fault::new("'recursive' and 'list_merge' are the only valid keyword arguments").label(label)));
            }
        }
    }
    if !["replace", "keep", "append", "prepend", "append_rp", "prepend_rp"].contains(&lists.as_str()) {
        return fail("`list_merge` is one of replace, keep, append, prepend, append_rp, prepend_rp");
    }
    let terms = V::list([std::slice::from_ref(given.value), &given.rest].concat());
    let mut dicts = Vec::new();
    flat(given, &terms, Some(1), true, &mut dicts)?;
    let mut dicts = dicts.into_iter();
    let Some(mut merged) = dicts.next() else { return Ok(V::dict(Dict::new())) };
    for dict in dicts {
        merged = merge(given.run, &merged, &dict, recursive, &lists)?;
    }
    Ok(merged)
}

fn merge(run: &Run, low: &V, high: &V, recursive: bool, lists: &str) -> Outcome<V> {
    let _level = run.deeper()?;
    if !low.is_map() || !high.is_map() {
        let (low, high) = (low.python_type(), high.python_type());
        return fail(format!("failed to combine variables, expected dicts but got a '{low}' and a '{high}'"));
    }
    let mut merged = (*run.dict(low)?).clone();
    for (key, new) in run.pairs(high)? {
        let value = match merged.get(&key) {
            Some(old) if recursive && old.is_map() && new.is_map() => merge(run, &old.clone(), &new, recursive, lists)?,
            Some(old) if lists != "replace" && old.is_list() && new.is_list() => {
                let (old, new) = (run.items(old)?, run.items(&new)?);
                let kept = |old: &[V]| -> Outcome<Vec<V>> {
                    let mut kept = Vec::new();
                    for item in old {
                        if !compare::contains(run, &V::list(new.clone()), item)? {
                            kept.push(item.clone());
                        }
                    }
                    Ok(kept)
                };
                V::list(match lists {
                    "append" => [old, new].concat(),
                    "prepend" => [new, old].concat(),
                    "append_rp" => [kept(&old)?, new].concat(),
                    "prepend_rp" => {
                        let kept = kept(&old)?;
                        [new, kept].concat()
                    }
                    _ => old,
                })
            }
            _ => new,
        };
        merged.insert(key, value);
    }
    Ok(V::dict(merged))
}

fn dict2items(given: &Given) -> Outcome<V> {
    let (key_name, value_name) = (given.text_or(0, "key")?, given.text_or(1, "value")?);
    if !given.value.is_map() {
        return fail(format!("dict2items requires a dictionary, got {} instead", given.value.kind()));
    }
    let mut items = Vec::new();
    for (key, value) in given.own_pairs()? {
        given.run.spend(4)?;
        let mut item = Dict::new();
        item.set(&key_name, key);
        item.set(&value_name, value);
        items.push(V::dict(item));
    }
    Ok(V::list(items))
}

fn items2dict(given: &Given) -> Outcome<V> {
    let (key_name, value_name) = (given.text_or(0, "key")?, given.text_or(1, "value")?);
    if !given.value.is_list() {
        return fail(format!("items2dict requires a list, got {} instead", given.value.kind()));
    }
    let mut dict = Dict::new();
    for item in given.own_items()? {
        if !item.is_map() {
            return fail(format!("items2dict requires a list of dictionaries, and one of its items is {}", item.kind()));
        }
        let (key, value) = (given.run.get(&item, &V::from(key_name.as_str()))?, given.run.get(&item, &V::from(value_name.as_str()))?);
        let (Some(key), Some(value)) = (key, value) else {
            return fail(format!("items2dict requires each dictionary in the list to contain the keys '{key_name}' and '{value_name}'"));
        };
        if !dict.insert(key, value) {
            return fail("a list or a mapping cannot be a key");
        }
    }
    Ok(V::dict(dict))
}

fn subelements(given: &Given) -> Outcome<V> {
    let path: Vec<V> = match given.need(0, "the name of a key")? {
        V::Str(path) => path.split('.').map(V::from).collect(),
        path if path.is_list() => given.items(path)?,
        _ => return fail("subelements must be a list or a string"),
    };
    let elements = match given.value {
        value if value.is_map() => given.own_pairs()?.into_iter().map(|(_, value)| value).collect(),
        value if value.is_list() => given.own_items()?,
        _ => return fail("obj must be a list of dicts or a nested dict"),
    };
    let mut found = Vec::new();
    for element in elements {
        let (mut values, mut missed) = (Some(element.clone()), &V::None);
        for key in &path {
            let Some(inner) = &values else { break };
            if !inner.is_map() {
                let key = repr::text(given.run, key)?;
                return fail(format!("the key {} should point to a dictionary, got {}", super::super::fault::shown(&key), inner.kind()));
            }
            missed = key;
            values = given.run.get(inner, key)?;
        }
        match values {
            Some(values) if values.is_list() => {
                for value in given.run.items(&values)? {
                    given.run.spend(2)?;
                    found.push(pair(element.clone(), value));
                }
            }
            None if given.flag(1, false) => {}
            None => {
                let key = repr::text(given.run, missed)?;
                let why = format!("could not find '{}' key in iterated item", super::super::fault::shown(&key));
                return fail_hint(why, "`skip_missing=True` leaves such items out");
            }
            Some(other) => {
                let key = repr::text(given.run, missed)?;
                return fail(format!("the key '{}' should point to a list, got {}", super::super::fault::shown(&key), other.kind()));
            }
        }
    }
    Ok(V::list(found))
}

fn extract(given: &Given) -> Outcome<V> {
    let mut keys = vec![given.value.clone()];
    match given.arg(1) {
        None | Some(V::None) => {}
        Some(more) if more.is_list() => keys.extend(given.items(more)?),
        Some(more) => keys.push(more.clone()),
    }
    let mut value = given.need(0, "a mapping or a list")?.clone();
    for key in keys {
        value = match given.run.get(&value, &key)? {
            Some(value) => value,
            None => {
                let mut fault = Fault::undefined(format!("{} has no such item", value.kind()));
                fault.wanted = key.as_str().map(|name| (name.to_owned(), Names::Keys(value.clone())));
                return Ok(V::Undefined(std::rc::Rc::new(fault)));
            }
        };
    }
    Ok(value)
}

fn rekey(given: &Given) -> Outcome<V> {
    let key = given.need(0, "the name of a key")?.clone();
    let overwrite = given.text_or(1, "error")? == "overwrite";
    let items = if given.value.is_map() { given.own_pairs()?.into_iter().map(|(_, value)| value).collect() } else { given.own_items()? };
    let mut dict = Dict::new();
    for item in items {
        let Some(name) = given.run.get(&item, &key)? else { return fail("an item has no such key") };
        if !overwrite && dict.get(&name).is_some() {
            return fail("two items have the same value at that key");
        }
        if !dict.insert(name, item) {
            return fail("a list or a mapping cannot be a key");
        }
    }
    Ok(V::dict(dict))
}
