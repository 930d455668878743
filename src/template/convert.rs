//! Between values of expressions and nodes.

use crate::diagnostics::Place;
use crate::yaml::{Node, Value};

use super::fault::{Outcome, fail, fail_hint};
use super::run::Run;
use super::value::{Dict, V};

/// A value as a node at a place.
pub(super) fn node(run: &Run, value: &V, place: &Place) -> Outcome<Node> {
    let _level = run.deeper()?;
    let value = match value {
        V::Undefined(fault) => return Err(Box::new((**fault).clone())),
        V::None => Value::Null,
        V::Bool(truth) => Value::Bool(*truth),
        V::Int(number) => match i64::try_from(*number) {
            Ok(number) => Value::Int(number),
            Err(_) => Value::BigInt(number.to_string().into()),
        },
        V::Float(number) => Value::Float(*number),
        V::Str(text) => Value::Str(text.clone()),
        V::Time(text) => Value::Time(text.clone()),
        V::Range(_) => return fail_hint("a `range` cannot be a value", "make a list of it: `| list`"),
        V::Macro(_) | V::Namespace(_) => return fail(format!("{} cannot be a value", value.kind())),
        _ if value.is_map() => {
            let pairs = run.pairs(value)?;
            Value::Map(pairs.iter().map(|(key, value)| Ok((node(run, key, place)?, node(run, value, place)?))).collect::<Outcome<_>>()?)
        }
        _ => Value::List(run.items(value)?.iter().map(|item| node(run, item, place)).collect::<Outcome<_>>()?),
    };
    Ok(Node::new(value, place.clone()))
}

/// A value that was read, not rendered (`from_yaml`): nothing in it is a template.
pub(super) fn read(run: &Run, value: &Value) -> Outcome<V> {
    let _level = run.deeper()?;
    Ok(match value {
        Value::Null => V::None,
        Value::Bool(truth) => V::Bool(*truth),
        Value::Int(number) => V::Int(i128::from(*number)),
        Value::BigInt(digits) => match digits.parse() {
            Ok(number) => V::Int(number),
            Err(_) => return fail("the number is too large"),
        },
        Value::Float(number) => V::Float(*number),
        Value::Str(text) => V::Str(text.clone()),
        Value::Time(text) => V::Time(text.clone()),
        Value::Vault(_) => return fail("an encrypted text cannot be read here"),
        Value::List(list) => {
            run.spend(list.len() as u64)?;
            V::list(list.iter().map(|item| read(run, &item.value)).collect::<Outcome<_>>()?)
        }
        Value::Map(map) => {
            run.spend(map.len() as u64)?;
            let mut dict = Dict::new();
            for (key, item) in map {
                dict.insert(read(run, &key.value)?, read(run, &item.value)?);
            }
            V::dict(dict)
        }
    })
}

/// A value in which nothing waits to be rendered any more.
pub(super) fn forced(run: &Run, value: &V) -> Outcome<V> {
    let _level = run.deeper()?;
    Ok(match value {
        V::Undefined(fault) => return Err(Box::new((**fault).clone())),
        V::Tuple(items) => V::tuple(items.iter().map(|item| forced(run, item)).collect::<Outcome<_>>()?),
        V::Range(_) => V::list(run.items(value)?),
        _ if value.is_map() => {
            let mut dict = Dict::new();
            for (key, value) in run.pairs(value)? {
                dict.insert(key, forced(run, &value)?);
            }
            V::dict(dict)
        }
        _ if value.is_list() => V::list(run.items(value)?.iter().map(|item| forced(run, item)).collect::<Outcome<_>>()?),
        value => value.clone(),
    })
}

/// A value with lists in the place of tuples: so a value is, once it is printed or kept.
pub(super) fn listed(run: &Run, value: &V) -> Outcome<V> {
    if !value.is_list() && !value.is_map() || matches!(value, V::Range(_)) {
        return Ok(value.clone());
    }
    let _level = run.deeper()?;
    if value.is_map() {
        let mut dict = Dict::new();
        for (key, value) in run.pairs(value)? {
            dict.insert(key, listed(run, &value)?);
        }
        return Ok(V::dict(dict));
    }
    Ok(V::list(run.items(value)?.iter().map(|item| listed(run, item)).collect::<Outcome<_>>()?))
}
