//! Secrets that a run knows are kept out of everything it prints and writes.
//!
//! A registered secret is found as it is; in single quotes as a shell wants it (`'\''`), behind backslashes, as the
//! escapes of JSON, C and Python, URL-encoded (`%27`, `+` for a space); in base64 (each alignment, both alphabets, with
//! line breaks); in hexadecimal; and, in a [`Stream`], also where a chunk ends in its middle.
//!
//! A secret of less than [`SHORTEST`] characters is not looked for: it would stand in half of all words, and the gaps
//! would tell it. [`Secrets::register`] says so, and the person is told.

mod forms;
mod known;
mod pattern;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use known::Known;

/// What stands in the place of a secret.
pub const MASK: &str = "***";
/// Secrets of fewer characters are not hidden.
pub const SHORTEST: usize = 4;
/// A line of a secret of several lines is hidden by itself too, if it has at least this many characters.
const SHORTEST_LINE: usize = 8;

/// All secrets of a run. Clones are the same set.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Arc<Known>>>);

/// Whether a secret will be hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the person has to be told about a secret that is too short to be hidden"]
pub enum Registered {
    /// It will.
    Hidden,
    /// It will not: it is shorter than [`SHORTEST`].
    TooShort,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.known().len())
    }
}

impl Secrets {
    /// From now on this is hidden. Spaces and line ends around it do not belong to it; an empty one is nothing.
    pub fn register(&self, secret: &str) -> Registered {
        match self.register_all([secret]) {
            0 => Registered::Hidden,
            _ => Registered::TooShort,
        }
    }

    /// The same for many at once; gives the number of those that were too short to be hidden.
    #[must_use = "the person has to be told about secrets that are too short to be hidden"]
    pub fn register_all<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) -> usize {
        let known = self.known();
        let secrets: Vec<&str> = secrets.into_iter().map(str::trim).filter(|secret| !known.has(secret)).collect();
        drop(known);
        if secrets.is_empty() {
            return 0;
        }
        let mut guard = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // a stream that runs keeps those it began with; without one nothing is copied
        let known = Arc::make_mut(&mut guard);
        let mut too_short = 0;
        for whole in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            if whole.chars().count() < SHORTEST {
                too_short += 1;
                continue;
            }
            known.add(whole);
            // a key that is printed with indentation, or in part
            let lines = whole.lines().map(str::trim).filter(|line| line.chars().count() >= SHORTEST_LINE && !line.starts_with("-----"));
            lines.for_each(|line| known.add(line));
        }
        too_short
    }

    /// The text without the secrets.
    pub fn redact(&self, text: &str) -> String {
        // only whole characters are taken out, so what is left is text
        String::from_utf8_lossy(&self.redact_bytes(text.as_bytes())).into_owned()
    }

    /// The same for what need not be text.
    pub fn redact_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.stream();
        let mut kept = stream.push(bytes);
        kept.extend(stream.finish());
        kept
    }

    /// Takes the secrets out of every string of a JSON value, keys too.
    pub fn redact_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redact(&text)),
            Value::Array(values) => values.into_iter().map(|value| self.redact_value(value)).collect(),
            Value::Object(fields) => {
                Value::Object(fields.into_iter().map(|(key, value)| (self.redact(&key), self.redact_value(value))).collect())
            }
            // a secret of digits only
            Value::Number(number) if self.redact(&number.to_string()).contains(MASK) => Value::String(MASK.into()),
            other => other,
        }
    }

    /// Whether there is anything to hide.
    pub fn is_empty(&self) -> bool {
        self.known().len() == 0
    }

    /// A redactor for bytes that come in pieces.
    pub fn stream(&self) -> Stream {
        Stream { known: self.known(), held: Vec::new(), masked: 0, masking: false }
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes secrets out of a stream of bytes, also where one is spread over several pieces.
///
/// It holds back only what could still become a secret: never more than [`Stream::longest`] bytes, and nothing where
/// no secret can begin.
pub struct Stream {
    known: Arc<Known>,
    held: Vec<u8>,
    /// How many of the held bytes belong to a secret that was found.
    masked: usize,
    /// Whether the last byte that was let through or taken out was taken out.
    masking: bool,
}

impl Stream {
    /// Takes the next piece and gives what may be shown of all so far.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.known.len() == 0 {
            return bytes.to_vec();
        }
        self.held.extend_from_slice(bytes);
        self.advance(false)
    }

    /// Gives the rest; nothing comes after it.
    pub fn finish(&mut self) -> Vec<u8> {
        self.advance(true)
    }

    /// How many bytes it can hold back at most.
    pub fn longest(&self) -> usize {
        self.known.longest()
    }

    /// How many bytes it holds back now.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn advance(&mut self, at_end: bool) -> Vec<u8> {
        let mut shown = Vec::with_capacity(self.held.len());
        let mut at = 0;
        // every byte is looked at, those of a secret too: another one may begin in it
        while let Some(&byte) = self.held.get(at) {
            let found = self.known.find(&self.held, at);
            if found.more && !at_end {
                break;
            }
            self.masked = self.masked.max(found.end.unwrap_or(0));
            if at < self.masked {
                if !self.masking {
                    shown.extend_from_slice(MASK.as_bytes());
                }
                self.masking = true;
            } else {
                shown.push(byte);
                self.masking = false;
            }
            at += 1;
        }
        self.held.drain(..at);
        self.masked = self.masked.saturating_sub(at);
        shown
    }
}

#[cfg(test)]
mod tests;
