//! Values as text: Python's `str()` and `repr()`.

use std::fmt::Write as _;

use crate::yaml::python_float;

use super::fault::{Outcome, fail};
use super::render::joined;
use super::run::Run;
use super::value::V;

/// `str(value)`.
pub(super) fn text(run: &Run, value: &V) -> Outcome<String> {
    match value {
        V::Str(text) | V::Time(text) => Ok(text.to_string()),
        V::Undefined(fault) => Err(Box::new((**fault).clone())),
        V::Namespace(module) if !module.borrow().written.is_empty() => {
            let written = module.borrow().written.clone();
            text(run, &joined(run, written)?)
        }
        _ => {
            let mut out = String::new();
            repr(run, value, &mut out)?;
            Ok(out)
        }
    }
}

/// `repr(value)`.
pub(super) fn repr(run: &Run, value: &V, out: &mut String) -> Outcome<()> {
    let before = out.len();
    let _level = run.deeper()?;
    match value {
        V::Undefined(fault) => return Err(Box::new((**fault).clone())),
        V::None => out.push_str("None"),
        V::Bool(true) => out.push_str("True"),
        V::Bool(false) => out.push_str("False"),
        V::Int(number) => {
            let _ = write!(out, "{number}");
        }
        V::Float(number) => out.push_str(&python_float(*number)),
        V::Str(text) => quoted(text, out),
        V::Time(text) => time(text, out),
        V::Range(range) => {
            let _ = match range.step {
                1 => write!(out, "range({}, {})", range.start, range.stop),
                step => write!(out, "range({}, {}, {step})", range.start, range.stop),
            };
        }
        V::Tuple(items) => {
            out.push('(');
            separated(run, items, out)?;
            out.push_str(if items.len() == 1 { ",)" } else { ")" });
        }
        V::Macro(_) | V::Namespace(_) => return fail(format!("{} cannot be written as text", value.kind())),
        _ if value.is_map() => {
            out.push('{');
            for (at, (key, value)) in run.pairs(value)?.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                repr(run, key, out)?;
                out.push_str(": ");
                repr(run, value, out)?;
            }
            out.push('}');
        }
        _ => {
            out.push('[');
            separated(run, &run.items(value)?, out)?;
            out.push(']');
        }
    }
    run.bytes(out.len() - before)
}

fn separated(run: &Run, items: &[V], out: &mut String) -> Outcome<()> {
    for (at, item) in items.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        repr(run, item, out)?;
    }
    Ok(())
}

/// A text in Python's quotes.
fn quoted(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        let _ = match c {
            '\\' => write!(out, "\\\\"),
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            c if c == quote => write!(out, "\\{c}"),
            c if printable(c) => write!(out, "{c}"),
            c if u32::from(c) < 0x100 => write!(out, "\\x{:02x}", u32::from(c)),
            c if u32::from(c) < 0x1_0000 => write!(out, "\\u{:04x}", u32::from(c)),
            c => write!(out, "\\U{:08x}", u32::from(c)),
        };
    }
    out.push(quote);
}

/// Whether Python would write the character as it is; Unicode's unassigned characters aside.
fn printable(c: char) -> bool {
    match c {
        ' ' => true,
        c if c.is_control() || c.is_whitespace() => false,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => false,
        '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{fffb}' | '\u{f0000}'.. => false,
        _ => true,
    }
}

/// `datetime.date(2024, 1, 2)` and `datetime.datetime(2024, 1, 2, 3, 4)`.
fn time(text: &str, out: &mut String) {
    let digits = |part: &str| part.split(['-', ':', '.']).filter_map(|n| n.parse::<u32>().ok()).collect::<Vec<_>>();
    let (date, clock) = text.split_once(['T', ' ']).map_or((text, None), |(date, clock)| (date, Some(clock)));
    let mut numbers = digits(date);
    if let Some(clock) = clock {
        let clock = digits(clock.split(['+', 'Z']).next().unwrap_or(clock));
        let seconds = clock.iter().skip(2).any(|n| *n > 0);
        numbers.extend(clock.iter().take(if seconds { 4 } else { 2 }));
    }
    let _ = write!(out, "datetime.{}(", if clock.is_some() { "datetime" } else { "date" });
    for (at, number) in numbers.iter().enumerate() {
        let _ = write!(out, "{}{number}", if at > 0 { ", " } else { "" });
    }
    out.push(')');
}
