//! Filters for numbers.

use super::super::fault::{Outcome, fail};
use super::super::spec::{Given, Spec, spec};
use super::super::value::V;

pub(super) const TABLE: &[Spec] = &[
    spec("int", &["default", "base"], int),
    spec("float", &["default"], float),
    spec("abs", &[], abs),
    spec("round", &["precision", "method"], round),
    spec("pow", &["y"], pow),
    spec("root", &["base"], root),
    spec("log", &["base"], log),
];

fn own(given: &Given) -> Outcome<f64> {
    given.value.as_float().map_or_else(|| fail(format!("`{}` needs a number, not {}", given.name, given.value.kind())), Ok)
}

#[allow(clippy::cast_possible_truncation)]
fn int(given: &Given) -> Outcome<V> {
    let otherwise = given.arg(0).cloned().unwrap_or(V::Int(0));
    let whole = |number: f64| number.is_finite().then(|| V::Int(number.trunc() as i128));
    Ok(match given.value {
        V::Float(number) => whole(*number),
        V::Str(text) => {
            let base = u32::try_from(given.int(1)?.unwrap_or(10)).ok().filter(|base| (2..=36).contains(base)).unwrap_or(10);
            let clean = text.trim().replace('_', "");
            let (sign, digits) = match clean.strip_prefix('-') {
                Some(digits) => (-1, digits),
                None => (1, clean.strip_prefix('+').unwrap_or(&clean)),
            };
            let prefix = match base {
                16 => "0x",
                8 => "0o",
                2 => "0b",
                _ => "",
            };
            let digits = digits.to_lowercase();
            let digits = digits.strip_prefix(prefix).unwrap_or(&digits);
            match i128::from_str_radix(digits, base) {
                Ok(number) if !digits.starts_with(['-', '+']) => Some(V::Int(sign * number)),
                _ => parsed(text).and_then(whole),
            }
        }
        value => value.as_int().map(V::Int),
    }
    .unwrap_or(otherwise))
}

/// A text as Python's `float()` reads it.
fn parsed(text: &str) -> Option<f64> {
    let text = text.trim().replace('_', "");
    text.parse().ok()
}

fn float(given: &Given) -> Outcome<V> {
    let number = match given.value {
        V::Str(text) => parsed(text),
        value => value.as_float(),
    };
    Ok(number.map_or_else(|| given.arg(0).cloned().unwrap_or(V::Float(0.0)), V::Float))
}

fn abs(given: &Given) -> Outcome<V> {
    match given.value.as_int() {
        Some(number) => Ok(V::Int(number.saturating_abs())),
        None => own(given).map(|number| V::Float(number.abs())),
    }
}

#[allow(clippy::cast_possible_truncation)]
fn round(given: &Given) -> Outcome<V> {
    let (number, precision) = (own(given)?, given.int(0)?.unwrap_or(0));
    let precision = i32::try_from(precision.clamp(-300, 300)).unwrap_or(0);
    let factor = 10f64.powi(precision);
    Ok(match given.text_or(1, "common")?.as_str() {
        "common" => match (given.value.as_int(), usize::try_from(precision)) {
            (Some(number), Ok(_)) => V::Int(number),
            // decimal text rounds half to even on the exact number, as Python does
            (None, Ok(digits)) => V::Float(format!("{number:.digits$}").parse().unwrap_or(number)),
            (Some(_), Err(_)) => V::Int(((number * factor).round_ties_even() / factor) as i128),
            (None, Err(_)) => V::Float((number * factor).round_ties_even() / factor),
        },
        "ceil" => V::Float((number * factor).ceil() / factor),
        "floor" => V::Float((number * factor).floor() / factor),
        _ => return fail("`round` knows the methods common, ceil and floor"),
    })
}

fn pow(given: &Given) -> Outcome<V> {
    let Some(power) = given.need(0, "a number")?.as_float() else { return fail("`pow` needs a number") };
    Ok(V::Float(own(given)?.powf(power)))
}

fn root(given: &Given) -> Outcome<V> {
    let (number, base) = (own(given)?, given.arg(0).and_then(V::as_float).unwrap_or(2.0));
    Ok(V::Float(if (base - 2.0).abs() < f64::EPSILON { number.sqrt() } else { number.powf(1.0 / base) }))
}

fn log(given: &Given) -> Outcome<V> {
    let number = own(given)?;
    if number <= 0.0 {
        return fail("`log` needs a number above zero");
    }
    Ok(V::Float(match given.arg(0).and_then(V::as_float) {
        None => number.ln(),
        Some(base) if (base - 10.0).abs() < f64::EPSILON => number.log10(),
        Some(base) => number.ln() / base.ln(),
    }))
}
