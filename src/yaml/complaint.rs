//! What is wrong with a document, in words for the person who wrote it.

use std::ops::Range;

use super::value::{Node, Value};
use crate::diagnostics::{Diagnostic, Place, Source, suggestion};

/// So many lines with the same mistake are shown.
const SHOWN: usize = 9;
/// What stands behind `!vault`.
pub(super) const VAULT: &str = "behind `!vault |` stand the lines that `ansible-vault encrypt_string` prints";

/// A text that may be long, for a message.
pub(super) fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// The parser gave up at `at`, for the reason that it calls `info`. What people do wrong again and again is recognised by
/// the line itself.
/// `context` is where the thing begins that it was reading.
pub(super) fn syntax(source: &Source, at: usize, context: usize, info: &str) -> Diagnostic {
    let line = line_of(source, at);
    let before = line_of(source, line.start.saturating_sub(1));
    [line.clone(), before.clone()]
        .into_iter()
        .find_map(|line| habit(source, line))
        .or_else(|| by_reason(source, at, context, info))
        .unwrap_or_else(|| {
            let end = if at < line.end { one(source, at).end } else { at };
            Diagnostic::error(format!("this is no YAML: {info}")).at(source.at(at..end))
        })
}

/// The character at a byte; nothing at the end.
fn one(source: &Source, at: usize) -> Range<usize> {
    let length = source.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    at..at + length
}

/// The parser gave up behind `read`, without a reason: so it does at a tag with a comma right behind it.
pub(super) fn given_up(source: &Source, read: usize) -> Diagnostic {
    let rest = source.text.get(read..).unwrap_or_default();
    let tag = rest.match_indices('!').find_map(|(at, _)| {
        let end = rest.get(at..)?.find(|c: char| c.is_whitespace() || c == ',')?;
        rest.get(at + end..)?.starts_with(',').then_some(read + at..read + at + end)
    });
    match tag {
        Some(span) => Diagnostic::error("a tag stands here without a value").at(source.at(span)).hint("write the value behind it, or `''`"),
        None => Diagnostic::error("this cannot be read as YAML").at(source.at(one(source, read))).hint("put texts in quotes"),
    }
}

/// The line that a byte stands in, without its end.
fn line_of(source: &Source, at: usize) -> Range<usize> {
    source.lines(&(at..at))
}

/// Mistakes that a line shows by itself.
fn habit(source: &Source, line: Range<usize>) -> Option<Diagnostic> {
    let text = source.text.get(line.clone())?;
    let indent = text.len() - text.trim_start().len();
    if let Some(tab) = text.get(..indent)?.find('\t') {
        let error = Diagnostic::error("a tab cannot indent a line in YAML").at(source.at(line.start + tab..line.start + tab + 1));
        return Some(error.hint("use spaces"));
    }
    let value = value_start(text)?;
    let rest = text.get(value..)?;
    let span = line.start + value..line.start + text.trim_end().len();
    if rest.starts_with("{{") || rest.starts_with("{%") {
        // in a flow mapping what follows the template is not part of it
        let flow = text.get(..value)?.contains(['{', '[']) && !text.get(..value)?.contains(['"', '\'']);
        let end = rest.rfind(if rest.starts_with("{{") { "}}" } else { "%}" }).filter(|_| flow);
        let end = end
            .map(|end| if rest.get(end..)?.starts_with("}}}") { rest.find("}}") } else { Some(end) })
            .map_or(rest.trim_end().len(), |end| end.unwrap_or(0) + 2);
        let written = rest.get(..end)?;
        let quote = if written.contains('"') { '\'' } else { '"' };
        let error = Diagnostic::error("a value that begins with a template must stand in quotes");
        let error = error.at(source.at(span.start..span.start + end));
        return Some(error.label(format!("write `{quote}{}{quote}`", short(written))));
    }
    if text.trim_start().starts_with("//") || text.trim_start().starts_with("/*") {
        let error = Diagnostic::error("this begins no comment in YAML or JSON").at(source.at(line.start + indent..line.start + indent + 2));
        return Some(error.hint("a comment begins with `#`"));
    }
    match rest.chars().next() {
        // a line that begins with it is something else
        Some('%') if value == 0 => None,
        Some(c @ ('@' | '`' | '%')) => {
            let error = Diagnostic::error(format!("a value cannot begin with `{c}`")).at(source.at(span));
            Some(error.hint("put the value in quotes"))
        }
        Some('*') if !rest.get(1..).is_some_and(|name| name.starts_with(|c: char| c.is_alphanumeric())) => {
            let error = Diagnostic::error("a `*` begins the name of an alias").at(source.at(span));
            Some(error.hint("put the value in quotes if a text is meant"))
        }
        _ => None,
    }
}

/// Where the value of a line begins: behind `- ` and the first `key: `.
fn value_start(text: &str) -> Option<usize> {
    let mut at = text.len() - text.trim_start().len();
    while text.get(at..)?.starts_with("- ") {
        at += 2;
        at += text.get(at..)?.len() - text.get(at..)?.trim_start().len();
    }
    let rest = text.get(at..)?;
    let after_key = rest.find(": ").map_or(0, |colon| colon + 2);
    let value = rest.get(after_key..)?;
    Some(at + after_key + (value.len() - value.trim_start().len()))
}

fn by_reason(source: &Source, at: usize, context: usize, info: &str) -> Option<Diagnostic> {
    let text: &str = &source.text;
    let line = line_of(source, at);
    let error = |message: &str| Diagnostic::error(message).at(source.at(if at < line.end { one(source, at) } else { at..at }));
    let contains = |part: &str| info.contains(part);
    let begins_with = |at: usize, quotes: &[char]| text.get(at..).is_some_and(|rest| rest.starts_with(quotes));
    let in_flow = contains("parsing a flow");
    let open = open_bracket(source, at).filter(|_| contains("mapping values") || contains("could not find expected ':'"));
    let what = |at: usize| if begins_with(at, &['[']) { "list" } else { "mapping" };
    let close = |at: usize| if begins_with(at, &['[']) { ']' } else { '}' };
    let open = open.or_else(|| last_open_bracket(text).filter(|_| contains("node content") && at >= text.trim_end().len()));
    Some(if contains("mapping values are not allowed") && open.is_none() && line_above(source, &line).is_some() {
        return line_above(source, &line);
    } else if in_text_without_indent(source, &line) {
        error("the lines of a text stand further in than their key").hint("indent each of them by two spaces more than the key")
    } else if begins_with(at, &['}', ']']) && !in_flow {
        error("this bracket closes nothing").hint("take it out, or write the one that opens it")
    } else if contains("hexdecimal") {
        error("this is no escape that YAML knows").hint("in single quotes a backslash is just a backslash")
    } else if contains("quoted scalar") && contains("found unexpected") {
        let quote = if begins_with(context, &['\'', '"']) { context } else { at };
        Diagnostic::error("this quote is not closed").at(source.at(one(source, quote))).hint(if begins_with(quote, &['"']) {
            "close it where the value ends; a quote within it is written `\\\"`"
        } else {
            "close it where the value ends; a quote within it is written twice: `''`"
        })
    } else if in_flow && begins_with(context, &['[', '{']) && !contains("node content") {
        let error = Diagnostic::error(format!("this {} is not closed", what(context))).at(source.at(one(source, context)));
        if at < text.trim_end().len() {
            error.also(source.at(one(source, at)), "a comma or the closing bracket is missing before here")
        } else {
            error.hint(format!("write `{}` where it ends", close(context)))
        }
    } else if let Some((bracket, what)) = open {
        let error = Diagnostic::error(format!("this {what} is not closed")).at(source.at(bracket..bracket + 1));
        error.hint(format!("write `{}` where it ends", close(bracket)))
    } else if contains("did not find expected key") && text.get(line.start..at).is_some_and(|front| front.trim_end().ends_with(['\'', '"']))
    {
        let single = text.get(line.start..at).is_some_and(|front| front.trim_end().ends_with('\''));
        let letter = text.get(at..).and_then(|rest| rest.chars().next()).is_some_and(char::is_alphanumeric);
        error("the value goes on after its closing quote").hint(if single && letter {
            "a quote within single quotes is written twice: `'don''t'`"
        } else {
            "put the whole value in quotes, in single ones if it has double ones in it"
        })
    } else if contains("mapping values are not allowed") {
        error("a `:` stands here in the middle of a value").hint("put the value in quotes, or begin a new line if a key is meant")
    } else if contains("unknown escape character") {
        error("this is no escape that YAML knows").hint("in single quotes a backslash is just a backslash")
    } else if contains("tab character") || contains("cannot start any token") && begins_with(at, &['\t']) {
        error("a tab cannot stand here").hint("use spaces")
    } else if contains("could not find expected ':'") {
        let span = line_of(source, context);
        let line = text.get(span.clone()).unwrap_or_default();
        let key = line.trim_start_matches([' ', '\t']);
        let start = span.start + line.len() - key.len();
        Diagnostic::error("a `:` is missing behind this key").at(source.at(start..start + key.trim_end().len()))
    } else if contains("did not find expected key") || contains("did not find expected '-' indicator") {
        error("this line does not belong to what stands above it")
            .hint("lines of one list or mapping begin in the same column; look at the spaces before it")
    } else if contains("block sequence entries are not allowed") {
        error("a list cannot begin here").hint("write `-` on a line of its own, below the key")
    } else if contains("did not find expected <document") || contains("did not find expected node content") {
        error("something else was expected here").hint("look at the line before it: a quote, a bracket or a `:` may be missing")
    } else if contains("directive") || contains("incompatible YAML document") {
        error("a line that begins with `%` is for the YAML reader, which knows no such word or version").hint("take the line out")
    } else {
        return None;
    })
}

/// The line before is the mistake: a key without its colon, or one that has a value already.
fn line_above(source: &Source, line: &Range<usize>) -> Option<Diagnostic> {
    let text: &str = &source.text;
    let indent = |line: &Range<usize>| text.get(line.clone()).map_or(0, |line| line.len() - line.trim_start().len());
    let mut above = line_of(source, line.start.checked_sub(1)?);
    while text.get(above.clone())?.trim().is_empty() {
        above = line_of(source, above.start.checked_sub(1)?);
    }
    let written = text.get(above.clone())?.trim();
    if written.starts_with('#') || written.ends_with(':') || written.starts_with(['"', '\'']) {
        return None;
    }
    let place = source.at(above.start + indent(&above)..above.start + indent(&above) + written.len());
    let (bare, key) = (written.trim_start_matches("- "), written.split(": ").next().unwrap_or_default());
    if indent(line) == indent(&above) && !bare.contains(": ") {
        return Some(match bare.split_once(':') {
            Some((key, value)) if !key.contains(' ') => {
                let shown = if value.is_empty() { String::new() } else { format!(" {value}") };
                Diagnostic::error("a space is missing behind this `:`").at(place).label(format!("write `{}:{}`", short(key), short(&shown)))
            }
            _ => {
                Diagnostic::error("a `:` is missing behind this key").at(place).hint("a key is written `name:`, with a value `name: value`")
            }
        });
    }
    if indent(line) > indent(&above) && written.contains(": ") {
        let start = line.start + indent(line);
        let first = text.get(start..line.end)?.split(':').next()?.len();
        let error = Diagnostic::error("this line stands further in than the one above it, which has its value already");
        let above = source.at(place.span.start..place.span.start + key.len());
        return Some(error.at(source.at(start..start + first)).also(above, "this one").hint("begin both in the same column"));
    }
    None
}

/// Whether the line should belong to the text that `key: |` above it begins.
fn in_text_without_indent(source: &Source, line: &Range<usize>) -> bool {
    let above = line.start.checked_sub(1).map(|at| line_of(source, at)).and_then(|above| source.text.get(above));
    let begins = |end: &str| matches!(end, "|" | ">" | "|-" | ">-" | "|+" | ">+");
    above.is_some_and(|above| above.split_whitespace().last().is_some_and(begins) && above.contains(':'))
}

/// The other lines with the same mistake as one that a line shows by itself: the parser sees only the first. Texts in blocks
/// are not looked at.
pub(super) fn like(problem: &Diagnostic, source: &Source) -> Vec<Diagnostic> {
    let Some(place) = &problem.place else { return Vec::new() };
    let mut found = Vec::new();
    let mut block: Option<usize> = None;
    let mut at = line_of(source, place.span.start).end + 1;
    while at < source.text.len() && found.len() < SHOWN {
        let line = line_of(source, at);
        at = line.end + 1;
        let text = source.text.get(line.clone()).unwrap_or_default();
        let indent = text.len() - text.trim_start().len();
        if text.trim().is_empty() || text.trim_start().starts_with('#') || block.is_some_and(|key| indent > key) {
            continue;
        }
        block = text.split_whitespace().last().filter(|end| end.starts_with(['|', '>']) && end.len() < 4).map(|_| indent);
        if let Some(other) =
            habit(source, line).filter(|other| other.message == problem.message || same_kind(&other.message, &problem.message))
        {
            found.push(other);
        }
    }
    found
}

/// Values that begin with different letters of the same kind.
fn same_kind(one: &str, other: &str) -> bool {
    let begin = "a value cannot begin with";
    one.starts_with(begin) && other.starts_with(begin)
}

/// The last bracket that is still open at the end of a text.
fn last_open_bracket(text: &str) -> Option<(usize, &'static str)> {
    let (mut open, mut quote) = (Vec::new(), None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(mark), c) if mark == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => open.push((at, "list")),
            (None, '{') => open.push((at, "mapping")),
            (None, ']' | '}') => {
                open.pop();
            }
            _ => {}
        }
    }
    open.last().copied()
}

/// The bracket that opens the list or mapping that is still open at `at`, if it stands in this line or in the one before.
fn open_bracket(source: &Source, at: usize) -> Option<(usize, &'static str)> {
    let line = line_of(source, at);
    let start = line.start.checked_sub(1).map_or(0, |before| line_of(source, before).start);
    let (mut open, mut comment) = (Vec::new(), false);
    for (index, c) in source.text.get(start..at)?.char_indices() {
        match c {
            '\n' => comment = false,
            '#' => comment = true,
            _ if comment => {}
            '[' => open.push((start + index, "list")),
            '{' => open.push((start + index, "mapping")),
            ']' | '}' => {
                open.pop();
            }
            _ => {}
        }
    }
    open.first().copied()
}

/// An alias whose anchor is not there, or has not ended yet.
pub(super) fn unknown_alias<'a>(place: Place, name: &str, inside: bool, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    if inside {
        return Diagnostic::error("this alias stands in what it stands for").at(place).hint("a value cannot hold itself");
    }
    let later = place.source.text.get(place.span.end..).and_then(|rest| {
        let at = rest.match_indices(&format!("&{name}")).map(|(at, _)| at).find(|at| {
            let behind = rest.get(at + 1 + name.len()..).and_then(|rest| rest.chars().next());
            behind.is_none_or(|c| c.is_whitespace() || matches!(c, ',' | ']' | '}'))
        })?;
        Some(place.source.at(place.span.end + at..place.span.end + at + 1 + name.len()))
    });
    let similar = suggestion(name, known);
    let error = Diagnostic::error("no anchor of that name stands before this alias").at(place);
    if let Some(later) = later {
        return error.also(later, "it stands here").hint("an anchor stands above the aliases that repeat it");
    }
    if let Some(label) = similar {
        return error.label(label.replacen('`', "`*", 1));
    }
    error.hint("`&name` names a value, `*name` repeats it; put it in quotes if a text is meant")
}

/// A character that YAML does not allow.
pub(super) fn control_character(source: &Source) -> Option<Diagnostic> {
    let wrong = |c: char| (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    let (at, c) = source.text.char_indices().find(|(_, c)| wrong(*c))?;
    let error = Diagnostic::error(format!("the character U+{:04X} cannot stand in YAML", u32::from(c)));
    Some(error.at(source.at(at..at + c.len_utf8())).hint(if c == '\0' {
        "is it a text file?".to_owned()
    } else {
        format!("write it as an escape in double quotes: `\\x{:02x}`", u32::from(c))
    }))
}

/// A tag that is none of Ansible's.
pub(super) fn unknown_tag(source: &Source, bytes: &Range<usize>, name: &str) -> Diagnostic {
    let error = Diagnostic::error(format!("the tag `{name}` is not known")).at(source.at(bytes.clone()));
    match name {
        "!!binary" => error.hint("write the value as text, and decode it with the filter b64decode where it is used"),
        "!!omap" | "!!pairs" => error.hint("write a plain mapping: its order is kept"),
        _ => error.hint("known are !vault, !unsafe and YAML's own, such as !!str; put the value in quotes if a text is meant"),
    }
}

/// A list or a mapping where a key should be.
pub(super) fn collection_as_key(source: &Source, key: &Node) -> Diagnostic {
    let text = source.text.get(key.place.span.start.saturating_sub(1)..).unwrap_or_default();
    if matches!(key.value, Value::Map(_)) && text.starts_with("{{") {
        let line = line_of(source, key.place.span.start);
        let end = source.text.get(line.clone()).map_or(line.end, |text| line.start + text.trim_end().len());
        let start = key.place.span.start.saturating_sub(1);
        let shown = source.text.get(start..end).unwrap_or_default();
        let error = Diagnostic::error("a value that begins with a template must stand in quotes").at(source.at(start..end));
        return error.label(format!("write `\"{}\"`", short(shown)));
    }
    Diagnostic::error(format!("{} cannot be a key", key.value.kind())).at(key.place.clone()).hint("a key is a text or a number")
}
