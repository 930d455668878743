//! Its functions.

use std::cmp::Ordering;

use serde_json::{Map, Value as Json};

use super::eval::{equal, of};
use super::{Expr, Told};

pub(super) fn call(name: &str, args: &[Expr], value: &Json) -> Told<Json> {
    // a reference is not evaluated before it is used
    let reference = |at: usize| match args.get(at) {
        Some(Expr::Reference(inner)) => Ok(&**inner),
        _ => Err(format!("`{name}` needs an expression behind `&`")),
    };
    let given = |at: usize| match args.get(at) {
        Some(Expr::Reference(_)) | None => Err(format!("`{name}` is given too little, or an expression instead of a value")),
        Some(arg) => of(arg, value),
    };
    let list = |at: usize| match given(at)? {
        Json::Array(list) => Ok(list),
        other => Err(format!("`{name}` needs a list, not {}", kind(&other))),
    };
    let text = |at: usize| match given(at)? {
        Json::String(text) => Ok(text),
        other => Err(format!("`{name}` needs a text, not {}", kind(&other))),
    };
    let number = |at: usize| {
        let found = given(at)?;
        found.as_f64().ok_or_else(|| format!("`{name}` needs a number, not {}", kind(&found)))
    };
    Ok(match name {
        "abs" => float(number(0)?.abs()),
        "ceil" => float(number(0)?.ceil()),
        "floor" => float(number(0)?.floor()),
        "avg" => {
            let numbers = numbers(name, &list(0)?)?;
            #[expect(clippy::cast_precision_loss, reason = "nobody has so many")]
            if numbers.is_empty() { Json::Null } else { Json::from(numbers.iter().sum::<f64>() / numbers.len() as f64) }
        }
        "sum" => Json::from(numbers(name, &list(0)?)?.iter().sum::<f64>()),
        "contains" => match given(0)? {
            Json::Array(items) => {
                let wanted = given(1)?;
                Json::Bool(items.iter().any(|item| equal(item, &wanted)))
            }
            Json::String(whole) => Json::Bool(given(1)?.as_str().is_some_and(|part| whole.contains(part))),
            other => return Err(format!("`contains` needs a list or a text, not {}", kind(&other))),
        },
        "starts_with" => Json::Bool(text(0)?.starts_with(&text(1)?)),
        "ends_with" => Json::Bool(text(0)?.ends_with(&text(1)?)),
        "join" => {
            let parts: Vec<String> = list(1)?
                .iter()
                .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| "`join` needs a list of texts".to_owned()))
                .collect::<Told<_>>()?;
            Json::from(parts.join(&text(0)?))
        }
        "keys" => Json::Array(map(name, given(0)?)?.into_iter().map(|(key, _)| Json::from(key)).collect()),
        "values" => Json::Array(map(name, given(0)?)?.into_iter().map(|(_, value)| value).collect()),
        "length" => match given(0)? {
            Json::String(text) => Json::from(text.chars().count()),
            Json::Array(list) => Json::from(list.len()),
            Json::Object(map) => Json::from(map.len()),
            other => return Err(format!("{} has no length", kind(&other))),
        },
        "map" => {
            let each = reference(0)?;
            Json::Array(list(1)?.iter().map(|item| of(each, item)).collect::<Told<_>>()?)
        }
        "max" => best(list(0)?, Ordering::Greater)?,
        "min" => best(list(0)?, Ordering::Less)?,
        "max_by" => by(list(0)?, reference(1)?)?.pop().unwrap_or(Json::Null),
        "min_by" => by(list(0)?, reference(1)?)?.into_iter().next().unwrap_or(Json::Null),
        "sort" => {
            let mut items = list(0)?;
            comparable(&items)?;
            items.sort_by(order);
            Json::Array(items)
        }
        "sort_by" => Json::Array(by(list(0)?, reference(1)?)?),
        "merge" => {
            let mut merged = Map::new();
            for at in 0..args.len() {
                merged.extend(map(name, given(at)?)?);
            }
            Json::Object(merged)
        }
        "not_null" => {
            for at in 0..args.len() {
                let found = given(at)?;
                if !found.is_null() {
                    return Ok(found);
                }
            }
            Json::Null
        }
        "reverse" => match given(0)? {
            Json::Array(mut list) => {
                list.reverse();
                Json::Array(list)
            }
            Json::String(text) => Json::from(text.chars().rev().collect::<String>()),
            other => return Err(format!("`reverse` needs a list or a text, not {}", kind(&other))),
        },
        "to_array" => match given(0)? {
            Json::Array(list) => Json::Array(list),
            other => Json::Array(vec![other]),
        },
        "to_string" => match given(0)? {
            Json::String(text) => Json::from(text),
            other => Json::from(other.to_string()),
        },
        "to_number" => match given(0)? {
            Json::Number(number) => Json::Number(number),
            Json::String(text) => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _) => Json::from(number),
                (_, Ok(number)) => Json::from(number),
                _ => Json::Null,
            },
            _ => Json::Null,
        },
        "type" => Json::from(kind(&given(0)?)),
        _ => return Err(format!("there is no function `{name}`")),
    })
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// A whole number where it is one.
fn float(number: f64) -> Json {
    #[expect(clippy::cast_possible_truncation, reason = "it is looked at before")]
    if number.fract() == 0.0 && number.abs() < 9e15 { Json::from(number as i64) } else { Json::from(number) }
}

fn numbers(name: &str, list: &[Json]) -> Told<Vec<f64>> {
    list.iter().map(|item| item.as_f64().ok_or_else(|| format!("`{name}` needs a list of numbers"))).collect()
}

fn map(name: &str, value: Json) -> Told<Map<String, Json>> {
    match value {
        Json::Object(map) => Ok(map),
        other => Err(format!("`{name}` needs a mapping, not {}", kind(&other))),
    }
}

fn order(left: &Json, right: &Json) -> Ordering {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.partial_cmp(&right).unwrap_or(Ordering::Equal),
        _ => left.as_str().cmp(&right.as_str()),
    }
}

fn comparable(items: &[Json]) -> Told<()> {
    let (all_numbers, all_texts) = (items.iter().all(Json::is_number), items.iter().all(Json::is_string));
    if all_numbers || all_texts { Ok(()) } else { Err("only numbers, or only texts, can be put in order".to_owned()) }
}

fn best(items: Vec<Json>, wanted: Ordering) -> Told<Json> {
    comparable(&items)?;
    Ok(items.into_iter().reduce(|best, item| if order(&item, &best) == wanted { item } else { best }).unwrap_or(Json::Null))
}

/// In the order of what an expression gives for each.
fn by(items: Vec<Json>, expr: &Expr) -> Told<Vec<Json>> {
    let keys: Vec<Json> = items.iter().map(|item| of(expr, item)).collect::<Told<_>>()?;
    comparable(&keys)?;
    let mut pairs: Vec<(Json, Json)> = keys.into_iter().zip(items).collect();
    pairs.sort_by(|(left, _), (right, _)| order(left, right));
    Ok(pairs.into_iter().map(|(_, item)| item).collect())
}
