//! Python's regular expressions.

use fancy_regex::Regex;

use super::fault::{Outcome, fail};
use super::run::Run;

/// What the groups of a match hold.
pub(crate) type Captures<'t> = fancy_regex::Captures<'t, str>;

/// A pattern.
pub(super) struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Reads a pattern as Python writes it.
    pub fn new(run: &Run, pattern: &str, ignore_case: bool, multi_line: bool) -> Outcome<Self> {
        run.spend(200)?;
        run.bytes(pattern.len() * 16)?;
        let flags = match (ignore_case, multi_line) {
            (true, true) => "(?im)",
            (true, false) => "(?i)",
            (false, true) => "(?m)",
            _ => "",
        };
        let translated = format!("{flags}{}", translated(pattern, multi_line));
        // a pattern that calls itself grows without end
        let mut builder = fancy_regex::RegexBuilder::new(&translated);
        match builder.backtrack_limit(100_000).delegate_size_limit(4 << 20).max_prog_size(100_000).build() {
            Ok(regex) => Ok(Self { regex }),
            Err(_) => fail("the pattern is not a regular expression"),
        }
    }

    /// All places where it matches, at most so many, and what their groups hold. As in Python, it may match nothing right
    /// behind a match.
    pub fn all<'t>(&self, run: &Run, text: &'t str, most: usize) -> Outcome<Vec<Captures<'t>>> {
        run.bytes(text.len())?;
        let (mut found, mut from) = (Vec::new(), 0);
        while found.len() < most && from <= text.len() {
            // each may take as many steps as the limit allows
            run.spend(64)?;
            let captures = match self.regex.captures_from_pos(text, from) {
                Ok(Some(captures)) => captures,
                Ok(None) => break,
                Err(_) => return fail("the pattern takes too long on this text"),
            };
            let Some(whole) = captures.get(0) else { break };
            let next = text.get(whole.end()..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            from = if whole.start() == whole.end() { whole.end() + next } else { whole.end() };
            found.push(captures);
        }
        Ok(found)
    }

    /// The first place where it matches.
    pub fn first<'t>(&self, run: &Run, text: &'t str) -> Outcome<Option<Captures<'t>>> {
        Ok(self.all(run, text, 1)?.into_iter().next())
    }

    /// How many groups it has.
    pub fn groups(&self) -> usize {
        self.regex.captures_len() - 1
    }
}

/// Python's spelling as this library has it: `\Z` is `\z`, and `$` matches before a line end at the end as well.
pub(crate) fn translated(pattern: &str, multi_line: bool) -> String {
    let (mut out, mut chars, mut class) = (String::new(), pattern.chars().peekable(), false);
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('Z') if !class => out.push_str("\\z"),
                // elsewhere these are the ends of words
                Some(next @ ('<' | '>')) => out.push(next),
                Some(next) => {
                    out.push(c);
                    out.push(next);
                }
                None => out.push(c),
            },
            '[' if !class => {
                class = true;
                out.push(c);
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            // inside brackets Python knows no sets
            '[' | '&' | '~' if class => {
                out.push('\\');
                out.push(c);
            }
            ']' if class => {
                class = false;
                out.push(c);
            }
            '$' if !class && !multi_line => out.push_str("(?=\\n?\\z)"),
            _ => out.push(c),
        }
    }
    out
}

/// What stands for a match: `\1`, `\g<1>` and `\g<name>` are its groups.
pub(super) fn expanded(template: &str, captures: &Captures, out: &mut String) -> Outcome<()> {
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let group = match chars.next() {
            Some('g') if chars.peek() == Some(&'<') => {
                let name: String = chars.by_ref().skip(1).take_while(|c| *c != '>').collect();
                name
            }
            Some(digit @ '1'..='9') => {
                let mut number = digit.to_string();
                number.extend(chars.next_if(char::is_ascii_digit));
                number
            }
            Some('0') => {
                out.push('\0');
                continue;
            }
            Some('n') => {
                out.push('\n');
                continue;
            }
            Some('t') => {
                out.push('\t');
                continue;
            }
            Some('r') => {
                out.push('\r');
                continue;
            }
            Some('\\') | None => {
                out.push('\\');
                continue;
            }
            Some(letter) if letter.is_ascii_alphabetic() => {
                return fail("the replacement has a backslash before a letter that means nothing");
            }
            Some(other) => {
                out.push('\\');
                out.push(other);
                continue;
            }
        };
        match group_of(captures, &group) {
            Some(text) => out.push_str(text.unwrap_or("")),
            None => return fail("the replacement names a group that the pattern does not have"),
        }
    }
    Ok(())
}

/// The text of a group, by its number or name: nothing if there is no such group, nothing in it if it did not take part.
pub(super) fn group_of<'t>(captures: &Captures<'t>, name: &str) -> Option<Option<&'t str>> {
    match name.parse::<usize>() {
        Ok(number) if number < captures.len() => Some(captures.get(number).map(|group| group.as_str())),
        Ok(_) => None,
        Err(_) => captures.name(name).map(|group| Some(group.as_str())),
    }
}

/// `re.escape(text)`
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
