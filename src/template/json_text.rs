//! Values as JSON, as Python's `json.dumps` writes them, and JSON as values.

use std::fmt::Write as _;

use crate::yaml::python_float;

use super::compare;
use super::fault::{Outcome, fail};
use super::run::Run;
use super::value::{Dict, V};

/// How it is written.
pub(super) struct Settings {
    /// Several lines, with that many blanks for each level.
    pub indent: Option<usize>,
    pub sort: bool,
    /// Whether only ASCII is written.
    pub ascii: bool,
    pub comma: String,
    pub colon: String,
}

/// The text of a value.
pub(super) fn dump(run: &Run, value: &V, settings: &Settings) -> Outcome<String> {
    let mut out = String::new();
    write(run, value, settings, 0, &mut out)?;
    Ok(out)
}

fn write(run: &Run, value: &V, settings: &Settings, depth: usize, out: &mut String) -> Outcome<()> {
    let _level = run.deeper()?;
    run.bytes(32)?;
    let line = |depth: usize, out: &mut String| {
        if let Some(indent) = settings.indent {
            out.push('\n');
            out.push_str(&" ".repeat(indent * depth));
        }
    };
    match value {
        V::Undefined(fault) => return Err(Box::new((**fault).clone())),
        V::Macro(_) | V::Namespace(_) => return fail(format!("{} cannot be written as JSON", value.kind())),
        _ if value.is_map() => {
            let mut pairs = run.pairs(value)?;
            if settings.sort {
                compare::sort(run, &mut pairs, false)?;
            }
            if pairs.is_empty() {
                out.push_str("{}");
                return Ok(());
            }
            out.push('{');
            for (at, (key, value)) in pairs.iter().enumerate() {
                if at > 0 {
                    out.push_str(&settings.comma);
                }
                line(depth + 1, out);
                match key {
                    V::Str(text) => quoted(text, settings.ascii, out),
                    V::None | V::Bool(_) | V::Int(_) | V::Float(_) => {
                        out.push('"');
                        write(run, key, settings, 0, out)?;
                        out.push('"');
                    }
                    other => return fail(format!("{} cannot be a key in JSON", other.kind())),
                }
                out.push_str(&settings.colon);
                write(run, value, settings, depth + 1, out)?;
            }
            line(depth, out);
            out.push('}');
        }
        _ if value.is_list() => {
            let items = run.items(value)?;
            if items.is_empty() {
                out.push_str("[]");
                return Ok(());
            }
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(&settings.comma);
                }
                line(depth + 1, out);
                write(run, item, settings, depth + 1, out)?;
            }
            line(depth, out);
            out.push(']');
        }
        V::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        V::Int(number) => {
            let _ = write!(out, "{number}");
        }
        V::Float(number) if number.is_nan() => out.push_str("NaN"),
        V::Float(number) if number.is_infinite() => out.push_str(if *number > 0.0 { "Infinity" } else { "-Infinity" }),
        V::Float(number) => out.push_str(&python_float(*number)),
        V::Str(text) | V::Time(text) => {
            run.bytes(text.len())?;
            quoted(text, settings.ascii, out);
        }
        _ => out.push_str("null"),
    }
    Ok(())
}

fn quoted(text: &str, ascii: bool, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            c if ascii || c < ' ' => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The value of a JSON text.
pub(super) fn read(run: &Run, text: &str) -> Outcome<V> {
    run.bytes(text.len())?;
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => from(run, &value),
        Err(error) => fail(format!("the text is not JSON: line {}, column {} of it cannot be read", error.line(), error.column())),
    }
}

/// The value of what JSON holds.
pub(super) fn from(run: &Run, value: &serde_json::Value) -> Outcome<V> {
    let _level = run.deeper()?;
    Ok(match value {
        serde_json::Value::Null => V::None,
        serde_json::Value::Bool(truth) => V::Bool(*truth),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => V::Int(i128::from(number)),
            (_, Some(number)) => V::Int(i128::from(number)),
            _ => V::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => V::from(text.as_str()),
        serde_json::Value::Array(items) => {
            run.spend(items.len() as u64)?;
            V::list(items.iter().map(|item| from(run, item)).collect::<Outcome<_>>()?)
        }
        serde_json::Value::Object(map) => {
            run.spend(map.len() as u64)?;
            let mut dict = Dict::new();
            for (key, value) in map {
                dict.set(key, from(run, value)?);
            }
            V::dict(dict)
        }
    })
}
