//! Scalars that YAML 1.1 takes for something else than most people mean.

use std::ops::Range;

use super::value::Value;
use crate::diagnostics::{Diagnostic, Diagnostics, Source};

/// So many of a kind are shown with their lines; the others are counted.
const SHOWN: usize = 3;

/// Those of a document.
#[derive(Default)]
pub(super) struct Surprises {
    truths: Vec<Range<usize>>,
    octals: Vec<Range<usize>>,
    sexagesimals: Vec<Range<usize>>,
    keys: Vec<Range<usize>>,
}

impl Surprises {
    /// A scalar without quotes, and what it became.
    pub(super) fn see(&mut self, text: &str, value: &Value, bytes: &Range<usize>, is_key: bool) {
        let digits = text.trim_start_matches(['-', '+']);
        let list = match value {
            Value::Bool(_) if is_key => &mut self.keys,
            // `yes` and `no` are what Ansible's users write all day; a country is written `NO`
            Value::Bool(_) if matches!(text, "NO" | "ON" | "OFF" | "YES") => &mut self.truths,
            Value::Int(_) if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) => &mut self.octals,
            Value::Int(_) | Value::Float(_) | Value::BigInt(_) if text.contains(':') => &mut self.sexagesimals,
            _ => return,
        };
        list.push(bytes.clone());
    }

    /// What to say about them.
    pub(super) fn warnings(self, source: &Source) -> Diagnostics {
        let mut warnings = Diagnostics::new();
        let mut say = |places: Vec<Range<usize>>, what: &dyn Fn(&str) -> (String, &'static str)| {
            let more = places.len().saturating_sub(SHOWN);
            for (index, bytes) in places.iter().take(SHOWN).enumerate() {
                let (message, hint) = what(source.text.get(bytes.clone()).unwrap_or_default());
                let last = index + 1 == SHOWN && more > 0;
                let hint = if last { format!("{hint} (and {more} more like it)") } else { hint.to_owned() };
                warnings.push(Diagnostic::warning(message).at(source.at(bytes.clone())).hint(hint));
            }
        };
        let truth = |text: &str| if matches!(text, "NO" | "OFF") { "false" } else { "true" };
        say(self.truths, &|text| {
            (format!("`{text}` without quotes is {}", truth(text)), "put it in quotes if a text is meant, or write it in small letters")
        });
        say(self.octals, &|text| {
            let number = match super::scalar::resolve(text) {
                Ok(Value::Int(number)) => number,
                _ => 0,
            };
            (format!("`{text}` without quotes is octal: the number {number}"), "put it in quotes, also for a file's mode")
        });
        say(self.sexagesimals, &|text| {
            let number = match super::scalar::resolve(text) {
                Ok(value) => super::to_json::plain(&value),
                Err(_) => String::new(),
            };
            (format!("`{text}` without quotes counts in sixties: the number {number}"), "put it in quotes")
        });
        say(self.keys, &|text| (format!("the key `{text}` without quotes is true or false, not a text"), "put it in quotes"));
        warnings
    }
}
