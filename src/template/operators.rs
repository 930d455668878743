//! Python's operators.

use minijinja::machinery::ast::BinOpKind;

use super::fault::{Outcome, fail, fail_hint};
use super::percent;
use super::repr;
use super::run::Run;
use super::value::V;

/// `-value`
pub(super) fn negated(value: &V) -> Outcome<V> {
    match value {
        V::Float(number) => Ok(V::Float(-number)),
        _ => match value.as_int().and_then(i128::checked_neg) {
            Some(number) => Ok(V::Int(number)),
            None => fail(format!("{} has no negative", value.kind())),
        },
    }
}

/// `left op right`
pub(super) fn binary(run: &Run, op: BinOpKind, left: &V, right: &V) -> Outcome<V> {
    match op {
        BinOpKind::Concat => {
            let (left, right) = (repr::text(run, left)?, repr::text(run, right)?);
            run.bytes(left.len() + right.len())?;
            Ok(V::from(left + &right))
        }
        BinOpKind::Add => add(run, left, right),
        BinOpKind::Mul => multiply(run, left, right),
        BinOpKind::Rem if left.as_str().is_some() => percent::format(run, left.as_str().unwrap_or(""), right),
        _ => numbers(op, left, right),
    }
}

fn add(run: &Run, left: &V, right: &V) -> Outcome<V> {
    match (left, right) {
        (V::Str(a), V::Str(b)) => {
            run.bytes(a.len() + b.len())?;
            Ok(V::from([&**a, &**b].concat()))
        }
        (V::Tuple(a), V::Tuple(b)) => {
            run.spend((a.len() + b.len()) as u64)?;
            Ok(V::tuple([&***a, &***b].concat()))
        }
        _ if left.is_list() && right.is_list() && left.python_type() == "list" && right.python_type() == "list" => {
            let mut items = run.items(left)?;
            items.extend(run.items(right)?);
            Ok(V::list(items))
        }
        (V::Str(_), _) | (_, V::Str(_)) => {
            fail_hint(format!("`+` cannot join {} and {}", left.kind(), right.kind()), "`~` makes a text of both and joins them")
        }
        _ if left.is_map() && right.is_map() => fail_hint("`+` cannot join mappings", "write `a | combine(b)`"),
        _ => numbers(BinOpKind::Add, left, right),
    }
}

fn multiply(run: &Run, left: &V, right: &V) -> Outcome<V> {
    let times = |number: i128| usize::try_from(number.max(0)).unwrap_or(usize::MAX);
    match (left, right) {
        (V::Str(text), V::Int(number)) | (V::Int(number), V::Str(text)) => {
            run.bytes(text.len().saturating_mul(times(*number)))?;
            Ok(V::from(text.repeat(times(*number))))
        }
        (list, V::Int(number)) | (V::Int(number), list) if list.is_list() && !matches!(list, V::Range(_)) => {
            let items = run.items(list)?;
            run.spend((items.len() as u64).saturating_mul(times(*number) as u64))?;
            let items: Vec<V> = if items.is_empty() { items } else { std::iter::repeat_n(items, times(*number)).flatten().collect() };
            Ok(if matches!(list, V::Tuple(_)) { V::tuple(items) } else { V::list(items) })
        }
        _ => numbers(BinOpKind::Mul, left, right),
    }
}

fn sign(op: BinOpKind) -> &'static str {
    match op {
        BinOpKind::Add => "+",
        BinOpKind::Sub => "-",
        BinOpKind::Mul => "*",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        BinOpKind::Rem => "%",
        _ => "**",
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn numbers(op: BinOpKind, left: &V, right: &V) -> Outcome<V> {
    let (Some(a), Some(b)) = (left.as_float(), right.as_float()) else {
        return fail(format!("`{}` cannot be used with {} and {}", sign(op), left.kind(), right.kind()));
    };
    if b == 0.0 && matches!(op, BinOpKind::Div | BinOpKind::FloorDiv | BinOpKind::Rem)
        || a == 0.0 && b < 0.0 && matches!(op, BinOpKind::Pow)
    {
        return fail("a number is divided by zero");
    }
    if let (Some(a), Some(b)) = (left.as_int(), right.as_int()) {
        let result = match op {
            BinOpKind::Add => a.checked_add(b),
            BinOpKind::Sub => a.checked_sub(b),
            BinOpKind::Mul => a.checked_mul(b),
            BinOpKind::Div => return Ok(V::Float(a as f64 / b as f64)),
            BinOpKind::FloorDiv => a.checked_div_euclid(b).map(|_| floor_div(a, b)),
            BinOpKind::Rem => a.checked_rem(b).map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }),
            BinOpKind::Pow if b < 0 => return Ok(V::Float((a as f64).powf(b as f64))),
            _ => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        };
        return result.map_or_else(|| fail("the number becomes too large"), |number| Ok(V::Int(number)));
    }
    Ok(V::Float(match op {
        BinOpKind::Add => a + b,
        BinOpKind::Sub => a - b,
        BinOpKind::Mul => a * b,
        BinOpKind::Div => a / b,
        BinOpKind::FloorDiv => (a / b).floor(),
        BinOpKind::Rem => a - b * (a / b).floor(),
        _ => {
            let power = a.powf(b);
            if power.is_nan() || power.is_infinite() && a.is_finite() && b.is_finite() {
                return fail("the number becomes too large");
            }
            power
        }
    }))
}

fn floor_div(a: i128, b: i128) -> i128 {
    let quotient = a / b;
    if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }
}

/// `value[start:stop:step]`
pub(super) fn slice(run: &Run, value: &V, start: Option<i128>, stop: Option<i128>, step: i128) -> Outcome<V> {
    if step == 0 {
        return fail("a slice cannot go in steps of zero");
    }
    if !value.is_list() && value.as_str().is_none() {
        return fail(format!("{} cannot be sliced", value.kind()));
    }
    let items = run.items(value)?;
    let length = items.len() as i128;
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let bound = |bound: Option<i128>, otherwise: i128| match bound {
        None => otherwise,
        Some(at) if at < 0 => at.saturating_add(length).max(low),
        Some(at) => at.min(high),
    };
    let (start, stop) = if step > 0 { (bound(start, 0), bound(stop, length)) } else { (bound(start, high), bound(stop, -1)) };
    let (mut at, mut taken) = (start, Vec::new());
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        if let Some(item) = usize::try_from(at).ok().and_then(|at| items.get(at)) {
            taken.push(item.clone());
        }
        at = at.saturating_add(step);
    }
    Ok(match value {
        V::Str(_) => V::from(taken.iter().filter_map(V::as_str).collect::<String>()),
        V::Tuple(_) => V::tuple(taken),
        _ => V::list(taken),
    })
}
