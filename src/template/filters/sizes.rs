//! Sizes as people write them.

use super::super::fault::{Outcome, fail, fail_hint};
use super::super::spec::{Given, Spec, spec};
use super::super::value::V;

pub(super) const TABLE: &[Spec] =
    &[spec("human_readable", &["isbits", "unit"], human_readable), spec("human_to_bytes", &["default_unit", "isbits"], human_to_bytes)];

const UNITS: [(char, &str); 9] =
    [('Y', "yotta"), ('Z', "zetta"), ('E', "exa"), ('P', "peta"), ('T', "tera"), ('G', "giga"), ('M', "mega"), ('K', "kilo"), ('B', "")];

#[allow(clippy::cast_precision_loss)]
fn limit(at: usize) -> f64 {
    (1u128 << (10 * (UNITS.len() - 1 - at))) as f64
}

fn human_readable(given: &Given) -> Outcome<V> {
    let Some(size) = given.value.as_float() else { return fail(format!("`human_readable` needs a number, not {}", given.value.kind())) };
    let (bits, unit) = (given.flag(0, false), given.text(1)?);
    let fits = |(at, (letter, _)): &(usize, &(char, &str))| match &unit {
        Some(unit) => unit.to_uppercase() == letter.to_string(),
        None => size >= limit(*at),
    };
    let at = UNITS.iter().enumerate().find(fits).map_or(UNITS.len() - 1, |(at, _)| at);
    let name = match UNITS.get(at) {
        Some((letter, _)) if *letter != 'B' => format!("{letter}{}", if bits { 'b' } else { 'B' }),
        _ => if bits { "bits" } else { "Bytes" }.to_owned(),
    };
    Ok(V::from(format!("{:.2} {name}", size / limit(at))))
}

#[allow(clippy::cast_possible_truncation)]
fn human_to_bytes(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    let clean = text.trim_end();
    let end = clean.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(clean.len());
    let (number, unit) = clean.split_at(end);
    let Ok(number) = number.parse::<f64>() else { return fail_hint("this is not a size", "a size is a number and a unit: `10 GB`") };
    let unit = match unit.trim() {
        "" => given.text(0)?,
        unit => Some(unit.to_owned()),
    };
    let Some(unit) = unit.filter(|unit| !unit.is_empty()) else { return Ok(V::Int(number.round_ties_even() as i128)) };
    let letter = unit.chars().next().map_or(' ', |c| c.to_ascii_uppercase());
    let Some(at) = UNITS.iter().position(|(known, _)| *known == letter) else {
        return fail_hint("this size has an unknown unit", "units are B, K, M, G, T, P, E, Z and Y, with or without a B behind them");
    };
    let bits = given.flag(1, false);
    let (class, name) = if bits { ('b', "bit") } else { ('B', "byte") };
    let prefix = UNITS.get(at).map_or("", |(_, prefix)| prefix);
    let short = if letter == 'B' { class.to_string() } else { format!("{letter}{class}") };
    if unit.len() > 1 && unit != short && unit.to_lowercase() != format!("{prefix}{name}") {
        return fail_hint("this size has an unknown unit", format!("write `{short}`"));
    }
    Ok(V::Int((number * limit(at)).round_ties_even() as i128))
}
