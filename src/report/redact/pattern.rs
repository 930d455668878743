//! A secret as sequences to look for: itself, its base64 in three alignments, its hexadecimal.

use super::forms::{LONGEST_FORM, Unit};

/// A sequence of units that must stand one after the other.
#[derive(Clone)]
pub(super) struct Pattern(Vec<Unit>);

/// What was found at a place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Past the last byte of the longest match, if there is one.
    pub(super) end: Option<usize>,
    /// Whether the text ended where a (longer) match was still possible.
    pub(super) more: bool,
}

/// All sequences for one secret.
pub(super) fn patterns(secret: &str) -> Vec<Pattern> {
    let itself = secret.chars().map(Unit::Char).collect();
    // any number of bytes may stand in front of it: only their number modulo three matters
    let base64 = (0..3).map(|before| base64_units(secret.as_bytes(), before));
    let hex = secret.bytes().flat_map(|byte| [byte >> 4, byte & 15]).map(Unit::Hex).collect();
    std::iter::once(itself).chain(base64).chain([hex]).map(Pattern).collect()
}

/// The digits of six bits that hold at least one bit of the secret, when `before` bytes stand in front of it.
fn base64_units(secret: &[u8], before: usize) -> Vec<Unit> {
    let bit = |index: usize| {
        let byte = secret.get((index / 8).checked_sub(before)?)?;
        Some(byte >> (7 - index % 8) & 1)
    };
    let (first, last) = (before * 8, (before + secret.len()) * 8);
    let unit = |number: usize| {
        let mut unit = (0, 0);
        for index in number * 6..number * 6 + 6 {
            let bit = bit(index);
            unit = (unit.0 << 1 | bit.unwrap_or(0), unit.1 << 1 | u8::from(bit.is_some()));
        }
        Unit::Base64 { digit: unit.0, mask: unit.1 }
    };
    (first / 6..last.div_ceil(6)).map(unit).collect()
}

impl Found {
    /// What was found by looking for two at once.
    pub(super) fn add(&mut self, other: Self) {
        self.end = self.end.max(other.end);
        self.more |= other.more;
    }
}

impl Pattern {
    /// The unit at that place of the sequence.
    pub(super) fn unit(&self, index: usize) -> Option<Unit> {
        self.0.get(index).copied()
    }

    /// The longest text it can match, in bytes.
    pub(super) fn longest(&self) -> usize {
        self.0.len() * LONGEST_FORM
    }

    /// Looks for the units from `from` on, at `starts` of `text` and nowhere else.
    pub(super) fn find(&self, text: &[u8], starts: &[usize], from: usize) -> Found {
        let mut now = starts.to_vec();
        let mut more = false;
        for (index, unit) in self.0.iter().enumerate().skip(from) {
            let ends = unit.all_ends(text, &now, index > 0);
            more |= ends.more;
            now = ends.at;
            if now.is_empty() {
                break;
            }
        }
        Found { end: now.into_iter().max(), more }
    }
}
