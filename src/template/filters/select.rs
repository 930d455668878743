//! Filters that look at each item: `map`, `select`, `groupby`.

use super::super::call::{self, Args};
use super::super::compare;
use super::super::fault::{Fault, Names, Outcome, fail};
use super::super::run::Run;
use super::super::spec::{Given, Spec, lenient, spec};
use super::super::value::V;

pub(super) const TABLE: &[Spec] = &[
    lenient("map", &["*", "**"], map),
    lenient("select", &["*", "**"], select),
    lenient("reject", &["*", "**"], reject),
    lenient("selectattr", &["*", "**"], selectattr),
    lenient("rejectattr", &["*", "**"], rejectattr),
    spec("groupby", &["attribute", "default", "case_sensitive"], groupby),
];

/// What `attribute='a.b.0'` means on an item.
pub(in super::super) fn attribute(run: &Run, item: &V, path: &V) -> Outcome<V> {
    let V::Str(path) = path else { return Ok(run.get(item, path)?.unwrap_or_else(|| missing(item, "item"))) };
    let mut value = item.clone();
    for part in path.split('.') {
        if let V::Undefined(_) = value {
            return Ok(value);
        }
        let key = match part.parse::<i128>() {
            Ok(number) if part.bytes().all(|b| b.is_ascii_digit()) => V::Int(number),
            _ => V::from(part),
        };
        let found = match run.get(&value, &key)? {
            None if matches!(key, V::Int(_)) => run.get(&value, &V::from(part))?,
            found => found,
        };
        value = found.unwrap_or_else(|| missing(&value, part));
    }
    Ok(value)
}

fn missing(item: &V, name: &str) -> V {
    let mut fault = Fault::undefined(format!("{} has no `{name}`", item.kind()));
    fault.wanted = Some((name.to_owned(), Names::Keys(item.clone())));
    V::Undefined(std::rc::Rc::new(fault))
}

/// Names of what `groupby` gives.
const GROUP: &[&str] = &["grouper", "list"];

fn map(given: &Given) -> Outcome<V> {
    if let V::Undefined(_) = given.value {
        return Ok(given.value.clone());
    }
    let items = given.own_items()?;
    let named = |name: &str| given.extra.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    if let (true, Some(path)) = (given.rest.is_empty(), named("attribute")) {
        let mut values = Vec::new();
        for item in &items {
            let value = attribute(given.run, item, path)?;
            values.push(match (&value, named("default")) {
                (V::Undefined(_), Some(default)) => default.clone(),
                _ => value,
            });
        }
        return Ok(V::list(values));
    }
    let Some((V::Str(filter), rest)) = given.rest.split_first() else { return fail("`map` needs the name of a filter, or `attribute=`") };
    let args = Args { positional: rest.to_vec(), named: given.extra.clone() };
    let mapped = items.iter().map(|item| {
        given.run.spend(2)?;
        call::filter(given.run, filter, item, args.clone())
    });
    Ok(V::list(mapped.collect::<Outcome<_>>()?))
}

fn kept(given: &Given, by_attribute: bool, keep: bool) -> Outcome<V> {
    if let V::Undefined(_) = given.value {
        return Ok(given.value.clone());
    }
    let (path, rest) = match given.rest.split_first() {
        Some((path, rest)) if by_attribute => (Some(path), rest),
        None if by_attribute => return fail(format!("`{}` needs the name of an attribute", given.name)),
        _ => (None, given.rest.as_slice()),
    };
    let mut kept = Vec::new();
    for item in given.own_items()? {
        given.run.spend(2)?;
        let value = match path {
            Some(path) => attribute(given.run, &item, path)?,
            None => item.clone(),
        };
        let answer = match rest.split_first() {
            None => match &value {
                V::Undefined(fault) => return Err(Box::new((**fault).clone())),
                value => value.truth(),
            },
            Some((V::Str(test), rest)) => {
                call::test(given.run, test, &value, Args { positional: rest.to_vec(), named: given.extra.clone() })?
            }
            Some(_) => return fail(format!("`{}` needs the name of a test", given.name)),
        };
        if answer == keep {
            kept.push(item);
        }
    }
    Ok(V::list(kept))
}

fn select(given: &Given) -> Outcome<V> {
    kept(given, false, true)
}

fn reject(given: &Given) -> Outcome<V> {
    kept(given, false, false)
}

fn selectattr(given: &Given) -> Outcome<V> {
    kept(given, true, true)
}

fn rejectattr(given: &Given) -> Outcome<V> {
    kept(given, true, false)
}

/// What texts are sorted and compared by where case does not matter.
pub(super) fn folded(value: V, case_sensitive: bool) -> V {
    match &value {
        V::Str(text) if !case_sensitive => V::from(text.to_lowercase()),
        _ => value,
    }
}

fn groupby(given: &Given) -> Outcome<V> {
    let path = given.need(0, "an attribute")?;
    let mut keyed = Vec::new();
    for item in given.own_items()? {
        let key = match (attribute(given.run, &item, path)?, given.arg(1)) {
            (V::Undefined(_), Some(default)) => default.clone(),
            (key, _) => key,
        };
        keyed.push((folded(key.clone(), given.flag(2, false)), V::tuple(vec![key, item])));
    }
    compare::sort(given.run, &mut keyed, false)?;
    let mut groups: Vec<(V, V, Vec<V>)> = Vec::new();
    for (key, pair) in keyed {
        let (shown, item) = (given.run.get(&pair, &V::Int(0))?, given.run.get(&pair, &V::Int(1))?);
        let (Some(shown), Some(item)) = (shown, item) else { continue };
        match groups.last_mut() {
            Some((last, _, items)) if compare::equal(given.run, last, &key)? => items.push(item),
            _ => groups.push((key, shown, vec![item])),
        }
    }
    Ok(V::list(groups.into_iter().map(|(_, shown, items)| V::named_tuple(GROUP, vec![shown, V::list(items)])).collect()))
}
