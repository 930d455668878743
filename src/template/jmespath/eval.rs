//! What its expressions give.

use serde_json::{Map, Value as Json};

use super::{Expr, Told, functions};

pub(super) fn of(expr: &Expr, value: &Json) -> Told<Json> {
    Ok(match expr {
        Expr::Current => value.clone(),
        Expr::Field(name) => value.get(name).cloned().unwrap_or(Json::Null),
        Expr::Index(index) => match value {
            Json::Array(list) => at(list.len(), *index).and_then(|at| list.get(at)).cloned().unwrap_or(Json::Null),
            _ => Json::Null,
        },
        Expr::Slice(bounds) => slice(value, *bounds)?,
        Expr::Literal(literal) => literal.clone(),
        Expr::Sub(left, right) | Expr::Pipe(left, right) => of(right, &of(left, value)?)?,
        Expr::Each(left, right) => match of(left, value)? {
            Json::Array(list) => each(right, list.iter())?,
            _ => Json::Null,
        },
        Expr::EachValue(left, right) => match of(left, value)? {
            Json::Object(map) => each(right, map.values())?,
            _ => Json::Null,
        },
        Expr::Filter(left, right, condition) => match of(left, value)? {
            Json::Array(list) => {
                let mut kept = Vec::new();
                for item in list {
                    if is_true(&of(condition, &item)?) {
                        kept.push(item);
                    }
                }
                each(right, kept.iter())?
            }
            _ => Json::Null,
        },
        Expr::Flatten(inner) => match of(inner, value)? {
            Json::Array(list) => Json::Array(
                list.into_iter()
                    .flat_map(|item| match item {
                        Json::Array(inner) => inner,
                        other => vec![other],
                    })
                    .collect(),
            ),
            _ => Json::Null,
        },
        Expr::Or(left, right) => {
            let found = of(left, value)?;
            if is_true(&found) { found } else { of(right, value)? }
        }
        Expr::And(left, right) => {
            let found = of(left, value)?;
            if is_true(&found) { of(right, value)? } else { found }
        }
        Expr::Not(inner) => Json::Bool(!is_true(&of(inner, value)?)),
        Expr::Compare(operator, left, right) => compared(operator, &of(left, value)?, &of(right, value)?),
        Expr::List(items) if value.is_null() && !items.is_empty() && items.iter().all(|item| !matches!(item, Expr::Literal(_))) => {
            Json::Null
        }
        Expr::List(items) => Json::Array(items.iter().map(|item| of(item, value)).collect::<Told<_>>()?),
        Expr::Map(_) if value.is_null() => Json::Null,
        Expr::Map(entries) => {
            let mut map = Map::new();
            for (name, item) in entries {
                map.insert(name.clone(), of(item, value)?);
            }
            Json::Object(map)
        }
        Expr::Call(name, args) => functions::call(name, args, value)?,
        Expr::Reference(_) => return Err("`&` stands before what a function is given".to_owned()),
    })
}

/// The right side of each; what is nothing is left out.
fn each<'v>(right: &Expr, items: impl Iterator<Item = &'v Json>) -> Told<Json> {
    let mut found = Vec::new();
    for item in items {
        match of(right, item)? {
            Json::Null => {}
            other => found.push(other),
        }
    }
    Ok(Json::Array(found))
}

fn at(length: usize, index: i64) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { length + index } else { index }).ok()
}

fn slice(value: &Json, [start, stop, step]: [Option<i64>; 3]) -> Told<Json> {
    let Json::Array(list) = value else { return Ok(Json::Null) };
    let (length, step) = (i64::try_from(list.len()).unwrap_or(i64::MAX), step.unwrap_or(1));
    if step == 0 {
        return Err("a slice cannot go in steps of zero".to_owned());
    }
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let bound = |given: Option<i64>, usual: i64| match given {
        None => usual,
        Some(number) => (if number < 0 { number + length } else { number }).clamp(low, high),
    };
    let (start, stop) = if step > 0 { (bound(start, 0), bound(stop, length)) } else { (bound(start, length - 1), bound(stop, -1)) };
    let (mut found, mut index) = (Vec::new(), start);
    while if step > 0 { index < stop } else { index > stop } {
        found.extend(usize::try_from(index).ok().and_then(|at| list.get(at)).cloned());
        index += step;
    }
    Ok(Json::Array(found))
}

/// False are nothing, `false`, and what is empty.
pub(super) fn is_true(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::String(text) => !text.is_empty(),
        Json::Array(list) => !list.is_empty(),
        Json::Object(map) => !map.is_empty(),
        _ => true,
    }
}

/// Numbers are equal whatever their kind.
pub(super) fn equal(left: &Json, right: &Json) -> bool {
    match (left.as_f64(), right.as_f64()) {
        #[expect(clippy::float_cmp, reason = "as Python compares them")]
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

fn compared(operator: &str, left: &Json, right: &Json) -> Json {
    match operator {
        "==" => return Json::Bool(equal(left, right)),
        "!=" => return Json::Bool(!equal(left, right)),
        _ => {}
    }
    let order = match (left.as_f64(), right.as_f64(), left.as_str(), right.as_str()) {
        (Some(left), Some(right), _, _) => left.partial_cmp(&right),
        (_, _, Some(left), Some(right)) => Some(left.cmp(right)),
        _ => None,
    };
    let Some(order) = order else { return Json::Null };
    Json::Bool(match operator {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    })
}
