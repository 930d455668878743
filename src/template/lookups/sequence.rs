//! `sequence`: numbers, written in a format.

use super::super::fault::{Outcome, fail};
use super::super::percent;
use super::super::value::V;
use super::Asked;

/// How many numbers it may have.
const MOST: i128 = 1_000_000;

struct Options {
    start: i128,
    end: Option<i128>,
    count: Option<i128>,
    stride: i128,
    format: String,
}

pub(super) fn sequence(asked: &Asked) -> Outcome<Vec<V>> {
    let mut found = Vec::new();
    let mut terms: Vec<V> = asked.terms.to_vec();
    if terms.is_empty() {
        terms.push(V::from(""));
    }
    for term in terms {
        let mut options = Options { start: 1, end: None, count: None, stride: 1, format: "%d".to_owned() };
        for (name, value) in &asked.given.extra {
            options.set(name, &asked.text(value)?)?;
        }
        if term.is_map() {
            for (key, value) in asked.given.run.pairs(&term)? {
                options.set(&asked.text(&key)?, &asked.text(&value)?)?;
            }
        } else {
            let text = asked.text(&term)?;
            if !options.short(text.trim())? {
                let (plain, pairs) = asked.words(&text)?;
                if !plain.is_empty() {
                    return fail(format!("`{plain}` is no option of `sequence`: write `start=1 end=5`"));
                }
                pairs.iter().try_for_each(|(name, value)| options.set(name, value))?;
            }
        }
        options.write(asked, &mut found)?;
    }
    Ok(found)
}

impl Options {
    fn set(&mut self, name: &str, text: &str) -> Outcome<()> {
        let number = || number(text).map_or_else(|| fail(format!("`{name}` of `sequence` is a whole number, not `{text}`")), Ok);
        match name {
            "start" => self.start = number()?,
            "end" => self.end = Some(number()?),
            "count" => self.count = Some(number()?),
            "stride" => self.stride = number()?,
            "format" => text.clone_into(&mut self.format),
            "wantlist" => {}
            _ => return fail(format!("`sequence` has no option `{name}`: it has start, end, count, stride and format")),
        }
        Ok(())
    }

    /// `5`, `1-5`, `2-10/2`, `4:host%02d`: whether the text is of that kind.
    fn short(&mut self, text: &str) -> Outcome<bool> {
        let (range, format) = text.split_once(':').map_or((text, None), |(range, format)| (range, Some(format)));
        let (range, stride) = range.split_once('/').map_or((range, None), |(range, stride)| (range, Some(stride)));
        let (start, end) = range.split_once('-').map_or((None, range), |(start, end)| (Some(start), end));
        let all = start.into_iter().chain([end]).chain(stride);
        if !all.clone().all(|part| number(part).is_some()) {
            return Ok(false);
        }
        if let Some(start) = start {
            self.set("start", start)?;
        }
        self.set("end", end)?;
        if let Some(stride) = stride {
            self.set("stride", stride)?;
        }
        if let Some(format) = format {
            self.set("format", format)?;
        }
        Ok(true)
    }

    fn write(&self, asked: &Asked, found: &mut Vec<V>) -> Outcome<()> {
        let end = match (self.end, self.count) {
            (None, None) => return fail("`sequence` needs `end` or `count`"),
            (Some(_), Some(_)) => return fail("`sequence` has either `end` or `count`"),
            (None, Some(0)) => return Ok(()),
            // as Ansible counts: backwards it goes further
            (None, Some(count)) => self.start.saturating_add(count.saturating_mul(self.stride)).saturating_sub(1),
            (Some(end), None) => end,
        };
        let stride = self.stride;
        if stride == 0 {
            return Ok(());
        }
        if stride > 0 && end < self.start {
            return fail("`sequence` counts backwards with a negative `stride`");
        }
        if stride < 0 && end > self.start {
            return fail("`sequence` counts forwards with a positive `stride`");
        }
        if end.abs_diff(self.start) / stride.unsigned_abs() > MOST.unsigned_abs() {
            return fail("`sequence` has at most a million numbers");
        }
        if self.format.matches('%').count() != 1 {
            return fail(format!("`{}` is no format of a number, such as `host%02d`", self.format));
        }
        let mut at = self.start;
        while if stride > 0 { at <= end } else { at >= end } {
            asked.given.run.spend(2)?;
            found.push(percent::format(asked.given.run, &self.format, &V::Int(at))?);
            at += stride;
        }
        Ok(())
    }
}

/// A whole number as Python writes one: `0x1f`, `0o17` and `017` too.
fn number(text: &str) -> Option<i128> {
    let text = text.trim();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let based = |prefix: &str, base: u32| digits.strip_prefix(prefix).and_then(|digits| i128::from_str_radix(digits, base).ok());
    based("0x", 16).or_else(|| based("0o", 8)).or_else(|| digits.parse().ok()).map(|number: i128| sign * number)
}
