//! Comparing values as Python does.

use std::cmp::Ordering;

use minijinja::machinery::ast::CompareOpKind;

use super::fault::{Outcome, fail};
use super::run::Run;
use super::value::{Key, V};

/// Whether a comparison holds.
pub(super) fn holds(run: &Run, op: CompareOpKind, left: &V, right: &V) -> Outcome<bool> {
    Ok(match op {
        CompareOpKind::Eq => equal(run, left, right)?,
        CompareOpKind::Ne => !equal(run, left, right)?,
        CompareOpKind::Lt => order(run, left, right)?.is_some_and(Ordering::is_lt),
        CompareOpKind::Lte => order(run, left, right)?.is_some_and(Ordering::is_le),
        CompareOpKind::Gt => order(run, left, right)?.is_some_and(Ordering::is_gt),
        CompareOpKind::Gte => order(run, left, right)?.is_some_and(Ordering::is_ge),
        CompareOpKind::In => contains(run, right, left)?,
        CompareOpKind::NotIn => !contains(run, right, left)?,
    })
}

/// `left == right`
#[allow(clippy::float_cmp)]
pub(super) fn equal(run: &Run, left: &V, right: &V) -> Outcome<bool> {
    let _level = run.deeper()?;
    if let (V::Undefined(fault), _) | (_, V::Undefined(fault)) = (left, right) {
        return Err(Box::new((**fault).clone()));
    }
    Ok(match (left, right) {
        (V::None, V::None) => true,
        (V::Str(a), V::Str(b)) => {
            run.bytes(a.len().min(b.len()))?;
            a == b
        }
        (V::Time(a), V::Time(b)) => a == b,
        (V::Macro(a), V::Macro(b)) => a == b,
        (V::Range(a), V::Range(b)) => a.start == b.start && a.len() == b.len() && (a.step == b.step || a.len() < 2),
        _ => match (left.as_int(), right.as_int()) {
            (Some(a), Some(b)) => a == b,
            _ => match (left.as_float(), right.as_float()) {
                (Some(a), Some(b)) => a == b,
                _ => containers_equal(run, left, right)?,
            },
        },
    })
}

fn containers_equal(run: &Run, left: &V, right: &V) -> Outcome<bool> {
    if left.is_map() && right.is_map() {
        if run.len(left)? != run.len(right)? {
            return Ok(false);
        }
        for (key, value) in run.pairs(left)? {
            match run.get(right, &key)? {
                Some(other) if equal(run, &value, &other)? => {}
                _ => return Ok(false),
            }
        }
        return Ok(true);
    }
    let tuple = |value: &V| matches!(value, V::Tuple(_));
    let list = |value: &V| value.is_list() && !tuple(value) && !matches!(value, V::Range(_));
    if !(list(left) && list(right) || tuple(left) && tuple(right)) || run.len(left)? != run.len(right)? {
        return Ok(false);
    }
    for (a, b) in run.items(left)?.iter().zip(run.items(right)?) {
        if !equal(run, a, &b)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Which of two values comes first. `None` for what is not a number.
pub(super) fn order(run: &Run, left: &V, right: &V) -> Outcome<Option<Ordering>> {
    let _level = run.deeper()?;
    match (left, right) {
        (V::Undefined(fault), _) | (_, V::Undefined(fault)) => Err(Box::new((**fault).clone())),
        (V::Str(a), V::Str(b)) | (V::Time(a), V::Time(b)) => {
            run.bytes(a.len().min(b.len()))?;
            Ok(Some(a.cmp(b)))
        }
        _ => {
            if let (Some(a), Some(b)) = (left.as_int(), right.as_int()) {
                return Ok(Some(a.cmp(&b)));
            }
            if let (Some(a), Some(b)) = (left.as_float(), right.as_float()) {
                return Ok(a.partial_cmp(&b));
            }
            if left.is_list() && right.is_list() && left.python_type() == right.python_type() {
                let (left, right) = (run.items(left)?, run.items(right)?);
                for (a, b) in left.iter().zip(&right) {
                    if !equal(run, a, b)? {
                        return order(run, a, b);
                    }
                }
                return Ok(Some(left.len().cmp(&right.len())));
            }
            fail(format!("{} and {} cannot be put in order", left.kind(), right.kind()))
        }
    }
}

/// `item in container`
pub(super) fn contains(run: &Run, container: &V, item: &V) -> Outcome<bool> {
    if let V::Undefined(fault) = item {
        return Err(Box::new((**fault).clone()));
    }
    match container {
        V::Str(text) => match item {
            V::Str(part) => {
                run.bytes(text.len())?;
                Ok(text.contains(&**part))
            }
            _ => fail(format!("only a text can be in a text, not {}", item.kind())),
        },
        _ if container.is_map() => match Key::of(item) {
            Some(_) => Ok(run.get(container, item)?.is_some()),
            None => fail(format!("{} cannot be a key", item.kind())),
        },
        V::Range(range) => Ok(item.as_int().is_some_and(|number| {
            let inside =
                if range.step > 0 { (range.start..range.stop).contains(&number) } else { number <= range.start && number > range.stop };
            inside && number.checked_sub(range.start).and_then(|way| way.checked_rem(range.step)) == Some(0)
        })),
        _ => {
            for other in run.items(container)? {
                if !matches!(other, V::Undefined(_)) && equal(run, item, &other)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

/// Sorts, stable; the first comparison that cannot be made is the problem.
pub(super) fn sort<T>(run: &Run, items: &mut [(V, T)], reverse: bool) -> Outcome<()> {
    let mut problem = None;
    items.sort_by(|(a, _), (b, _)| {
        if problem.is_some() {
            return Ordering::Equal;
        }
        let (a, b) = if reverse { (b, a) } else { (a, b) };
        order(run, a, b)
            .unwrap_or_else(|fault| {
                problem = Some(fault);
                None
            })
            .unwrap_or(Ordering::Equal)
    });
    problem.map_or(Ok(()), Err)
}
