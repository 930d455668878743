//! Lookups that make lists of lists and mappings.

use super::super::fault::{Outcome, fail, shown};
use super::super::value::{Dict, V};
use super::Asked;

pub(super) fn items(asked: &Asked) -> Outcome<Vec<V>> {
    asked.flat(1)
}

pub(super) fn list(asked: &Asked) -> Outcome<Vec<V>> {
    Ok(asked.terms.to_vec())
}

pub(super) fn flattened(asked: &Asked) -> Outcome<Vec<V>> {
    asked.flat(usize::MAX)
}

pub(super) fn dict(asked: &Asked) -> Outcome<Vec<V>> {
    let mut found = Vec::new();
    for term in asked.terms {
        // what is a list of mappings is meant as several
        let maps = if term.is_list() { asked.given.run.items(term)? } else { vec![term.clone()] };
        for map in maps {
            if !map.is_map() {
                return fail(format!("the 'dict' lookup plugin expects a dictionary, got {}", map.kind()));
            }
            for (key, value) in asked.given.run.pairs(&map)? {
                let mut item = Dict::new();
                item.set("key", key);
                item.set("value", value);
                found.push(V::dict(item));
            }
        }
    }
    Ok(found)
}

/// Each term as a list: what is none is one item.
fn rows(asked: &Asked) -> Outcome<Vec<Vec<V>>> {
    asked.terms.iter().map(|term| if term.is_list() { asked.given.run.items(term) } else { Ok(vec![term.clone()]) }).collect()
}

pub(super) fn nested(asked: &Asked) -> Outcome<Vec<V>> {
    let mut found: Vec<Vec<V>> = vec![Vec::new()];
    for list in rows(asked)? {
        asked.given.run.spend((found.len() as u64).saturating_mul(list.len() as u64 + 1))?;
        found = found.iter().flat_map(|row| list.iter().map(move |item| [row.clone(), vec![item.clone()]].concat())).collect();
    }
    if asked.terms.is_empty() {
        return fail("the lookup `nested` needs at least one list");
    }
    // what stands in lists of these becomes part of the row, as in Ansible
    let row = |row: Vec<V>| {
        let mut flat = Vec::new();
        row.iter().try_for_each(|item| asked.flatten(item, 1, &mut flat))?;
        Ok(V::list(flat))
    };
    found.into_iter().map(row).collect()
}

pub(super) fn together(asked: &Asked) -> Outcome<Vec<V>> {
    let lists = rows(asked)?;
    if lists.is_empty() {
        return fail("the lookup `together` needs at least one list");
    }
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    asked.given.run.spend(longest as u64 * lists.len() as u64)?;
    let row = |at: usize| V::list(lists.iter().map(|list| list.get(at).cloned().unwrap_or(V::None)).collect());
    Ok((0..longest).map(row).collect())
}

pub(super) fn indexed_items(asked: &Asked) -> Outcome<Vec<V>> {
    Ok(asked.flat(1)?.into_iter().enumerate().map(|(at, item)| V::list(vec![V::Int(at as i128), item])).collect())
}

pub(super) fn random_choice(asked: &Asked) -> Outcome<Vec<V>> {
    let most = asked.terms.len();
    if most == 0 {
        return Ok(Vec::new());
    }
    Ok(asked.terms.get(rand::random_range(0..most)).cloned().into_iter().collect())
}

/// `list, key, {skip_missing: true}`: each item of the list with each value below that key of it.
pub(super) fn subelements(asked: &Asked) -> Outcome<Vec<V>> {
    let run = asked.given.run;
    let terms = match asked.terms {
        [one] if one.is_list() => run.items(one)?,
        several => several.to_vec(),
    };
    const TERMS: &str = "subelements lookup expects a list of two or three items";
    let (list, key, flags) = match terms.as_slice() {
        [list, key] => (list, key, None),
        [list, key, flags] => (list, key, Some(flags)),
        _ => return fail(TERMS),
    };
    let key = match key.as_str() {
        Some(key) if list.is_map() || list.is_list() => key,
        _ => return fail(format!("{TERMS}, first a dict or a list, second a string pointing to the subkey")),
    };
    let skip = match flags {
        Some(flags) if flags.is_map() => run.get(flags, &V::from("skip_missing"))?.is_some_and(|skip| truth(&skip)),
        Some(_) => return fail(format!("{TERMS}, the optional third item must be a dict with `skip_missing`")),
        None => asked.flag("skip_missing", false),
    };
    let items: Vec<V> = match list.is_map() {
        // what a task registers that was skipped
        true if run.get(list, &V::from("skipped"))?.is_some_and(|skipped| skipped.truth()) => return Ok(Vec::new()),
        true => run.pairs(list)?.into_iter().map(|(_, value)| value).collect(),
        false => run.items(list)?,
    };
    let names: Vec<&str> = key.split('.').collect();
    let mut found = Vec::new();
    for item in items {
        if !item.is_map() {
            return fail(format!("subelements lookup expects a dictionary, got {}", item.kind()));
        }
        if run.get(&item, &V::from("skipped"))?.is_some_and(|skipped| skipped.truth()) {
            continue;
        }
        if let Some(values) = below(asked, &item, &names, skip)? {
            let without = without(asked, &item, &names)?;
            for value in run.items(&values)? {
                found.push(V::list(vec![without.clone(), value]));
            }
        }
    }
    Ok(found)
}

/// The list below these keys; none if it is not there and that may be.
fn below(asked: &Asked, item: &V, names: &[&str], skip: bool) -> Outcome<Option<V>> {
    let mut value = item.clone();
    for (at, name) in names.iter().enumerate() {
        let last = at + 1 == names.len();
        value = match asked.given.run.get(&value, &V::from(*name))? {
            Some(list) if last && list.is_list() => list,
            Some(map) if !last && map.is_map() => map,
            Some(other) if last => return fail(format!("the key {} should point to a list, got {}", shown(name), other.kind())),
            _ if skip => return Ok(None),
            Some(other) => return fail(format!("the key {} should point to a dictionary, got {}", shown(name), other.kind())),
            None => return fail(format!("could not find '{}' key in iterated item", shown(name))),
        };
    }
    Ok(Some(value))
}

fn truth(value: &V) -> bool {
    value.as_str().map_or_else(|| value.truth(), |text| matches!(text.to_lowercase().as_str(), "yes" | "true" | "on" | "1"))
}

/// The mapping without what stands below these keys.
fn without(asked: &Asked, item: &V, names: &[&str]) -> Outcome<V> {
    let Some((first, rest)) = names.split_first() else { return Ok(item.clone()) };
    let mut dict = Dict::new();
    for (key, value) in asked.given.run.pairs(item)? {
        if key.as_str() != Some(first) {
            dict.insert(key, value);
        } else if !rest.is_empty() {
            let inner = without(asked, &value, rest)?;
            dict.insert(key, inner);
        }
    }
    Ok(V::dict(dict))
}
