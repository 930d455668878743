//! A host's line in an INI inventory, word for word: what sets a variable, and what people write instead.

use std::ops::Range;

use super::known::is_secret;
use crate::template::words::Word;

/// The words of a line.
pub(super) struct HostLine {
    pub(super) first: Word,
    /// `name=value`
    pub(super) pairs: Vec<Word>,
    pub(super) mistakes: Vec<Mistake>,
}

/// What is wrong, and where in the line.
pub(super) struct Mistake {
    pub(super) what: String,
    pub(super) span: Range<usize>,
    pub(super) label: Option<String>,
    pub(super) hint: Option<String>,
    pub(super) warning: bool,
    /// The line names no host at all.
    pub(super) of_name: bool,
}

impl Mistake {
    fn new(what: impl Into<String>, span: Range<usize>) -> Self {
        Self { what: what.into(), span, label: None, hint: None, warning: false, of_name: false }
    }

    fn label(self, label: String) -> Self {
        Self { label: Some(label), ..self }
    }

    fn hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }
}

const NO_SPACES: &str = "no spaces stand around the `=`, and a value with spaces stands in quotes";
const QUOTES: &str = "one host a line; a value with spaces stands in quotes";

/// Sorts the words. There is at least one.
pub(super) fn read(line: &str, words: Vec<Word>) -> HostLine {
    let mut rest = words.into_iter().peekable();
    let first = rest.next().unwrap_or(Word { text: String::new(), span: 0..0 });
    let mut read = HostLine { first, pairs: Vec::new(), mistakes: Vec::new() };
    if let Some(end) = template_end(&read.first, &mut rest, line) {
        let what = Mistake::new("a template cannot name a host", read.first.span.start..end);
        read.mistakes.push(Mistake { of_name: true, ..what.hint("write the name itself, and the template as its `ansible_host`") });
        return read;
    }
    if rest.peek().is_some_and(|word| word.text == "=") {
        let what = Mistake::new(format!("`{}` is a variable, and a host is expected here", read.first.text), read.first.span.clone());
        let hint = "variables of a group stand in a section `[group:vars]`, those of a host behind its name";
        read.mistakes.push(Mistake { of_name: true, ..what.hint(hint) });
        return read;
    }
    let mut stray: Vec<Word> = Vec::new();
    while let Some(word) = rest.next() {
        let bare = |word: &Word| !word.text.contains('=');
        if let Some(end) = template_end(&word, &mut rest, line) {
            let (name, span) = (word.text.split('=').next().unwrap_or_default(), word.span.start..end);
            let written = line.get(word.span.start + name.len() + 1..end).unwrap_or_default();
            let quote = if written.contains('\'') { '"' } else { '\'' };
            let what = Mistake::new("a template with spaces in it stands in quotes", span);
            read.mistakes.push(if bare(&word) { what } else { what.label(format!("write `{name}={quote}{written}{quote}`")) });
        } else if word.text == "=" || bare(&word) && rest.peek().is_some_and(|next| next.text.starts_with('=')) {
            // `name = value`, `name =value`
            let equals = if word.text == "=" { None } else { rest.next() };
            let glued = equals.as_ref().is_some_and(|equals| equals.text != "=");
            let value = if glued { equals } else { rest.next_if(|next| bare(next)) };
            let name = if word.text == "=" { stray.pop().unwrap_or(word) } else { word };
            read.mistakes.push(spaced(&name, value.as_ref()));
        } else if word.text.ends_with('=')
            && line.get(word.span.clone()).is_some_and(|raw| raw.ends_with('='))
            && rest.peek().is_some_and(bare)
        {
            let value = rest.next();
            read.mistakes.push(spaced(&word, value.as_ref()));
        } else if !bare(&word) {
            let cut = rest.peek().is_some() && line.get(word.span.clone()).is_some_and(|raw| raw.ends_with(','));
            if cut {
                let what = Mistake::new("this comma belongs to the value", word.span.end - 1..word.span.end);
                read.mistakes.push(Mistake { warning: true, ..what.hint("variables stand behind each other without commas") });
            }
            read.pairs.push(word);
        } else if word.text.len() > 1 && word.text.ends_with(':') && rest.peek().is_some_and(bare) {
            let value = rest.next();
            let name = word.text.trim_end_matches(':').to_owned();
            let span = word.span.start..value.as_ref().map_or(word.span.end, |value| value.span.end);
            read.mistakes.push(Mistake::new("a variable is set by `=`, not by `:`", span).label(write(&name, value.as_ref())));
        } else {
            stray.push(word);
        }
    }
    read.mistakes.extend(strays(&read.first, &stray));
    read
}

fn spaced(name: &Word, value: Option<&Word>) -> Mistake {
    let span = name.span.start..value.map_or(name.span.end, |value| value.span.end);
    Mistake::new("spaces stand around this `=`", span).label(write(name.text.trim_end_matches('='), value)).hint(NO_SPACES)
}

/// What to write; no password is repeated.
fn write(name: &str, value: Option<&Word>) -> String {
    let value = value.map_or("", |value| value.text.trim_start_matches('='));
    if value.is_empty() || is_secret(name) { format!("write `{name}=VALUE`") } else { format!("write `{name}={value}`") }
}

/// Words that set nothing: one mistake, even if there are several.
fn strays(first: &Word, words: &[Word]) -> Option<Mistake> {
    let (begin, end) = (words.first()?, words.last()?);
    let span = begin.span.start..end.span.end;
    let what = if words.len() == 1 { format!("`{}` sets no variable", begin.text) } else { "these words set no variables".to_owned() };
    let is_address = first.text.parse::<std::net::IpAddr>().is_ok();
    Some(if is_address {
        Mistake::new(what, span).label(format!("write `{} ansible_host={}`", begin.text, first.text)).hint("a host's name comes first")
    } else {
        Mistake::new(what, span).label("write `name=value`".to_owned()).hint(QUOTES)
    })
}

/// Where a template that begins in this word, without quotes around it, ends in a later one.
fn template_end(word: &Word, rest: &mut std::iter::Peekable<std::vec::IntoIter<Word>>, line: &str) -> Option<usize> {
    let raw = line.get(word.span.clone())?;
    if !raw.contains("{{") || raw.contains(['\'', '"']) || raw.contains("}}") {
        return None;
    }
    rest.peek()?;
    while let Some(next) = rest.next() {
        if next.text.contains("}}") {
            return Some(next.span.end);
        }
        if rest.peek().is_none() {
            return Some(next.span.end);
        }
    }
    None
}
