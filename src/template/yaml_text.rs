//! Values as YAML, byte for byte as PyYAML's C emitter writes them.

mod block;

use std::sync::OnceLock;

use crate::yaml::python_float;

use super::compare;
use super::fault::{Outcome, fail};
use super::run::Run;
use super::value::V;

/// How it is written.
pub(super) struct Settings {
    pub indent: usize,
    pub width: usize,
    pub sort: bool,
    /// Whether lists and mappings are written in one line; `None`: those that hold nothing but scalars.
    pub flow: Option<bool>,
    pub start: bool,
    pub end: bool,
    /// How scalars are written where that can be: `|`, `>`, `'` or `"`.
    pub style: Option<char>,
    /// With all tags, one thing in each line.
    pub canonical: bool,
}

/// The text of a value that was forced.
pub(super) fn dump(run: &Run, value: &V, settings: &Settings) -> Outcome<String> {
    let mut emitter =
        Emitter { run, settings, out: String::new(), column: 0, indent: None, whitespace: true, indention: true, flow: 0, key: false };
    if settings.start {
        emitter.indicator("---", true, false, false);
        if settings.canonical || value.is_map() && run.len(value)? > 0 || value.is_list() && run.len(value)? > 0 {
            emitter.line();
        }
    }
    emitter.node(value, Place::Root)?;
    if !emitter.out.ends_with('\n') {
        emitter.break_line();
    }
    if settings.end {
        emitter.out.push_str("...\n");
    }
    Ok(emitter.out)
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Root,
    Sequence,
    Mapping,
}

struct Emitter<'e> {
    run: &'e Run<'e>,
    settings: &'e Settings,
    out: String,
    column: usize,
    indent: Option<usize>,
    /// Whether the last thing was a blank.
    whitespace: bool,
    /// Whether only indention and indicators stand in this line.
    indention: bool,
    flow: usize,
    /// Whether a key is being written.
    key: bool,
}

impl Emitter<'_> {
    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn break_line(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    /// Goes to the column at which the next thing stands.
    fn line(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || self.column == indent && !self.whitespace {
            self.break_line();
        }
        while self.column < indent {
            self.put(' ');
        }
        (self.whitespace, self.indention) = (true, true);
    }

    fn indicator(&mut self, text: &str, blank_before: bool, whitespace: bool, indention: bool) {
        if blank_before && !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.whitespace = whitespace;
        self.indention = self.indention && indention;
    }

    /// Increases the indention; gives back what it was.
    fn deeper(&mut self, flow: bool, indentless: bool) -> Option<usize> {
        let before = self.indent;
        self.indent = match before {
            None => Some(if flow { self.settings.indent } else { 0 }),
            Some(indent) if indentless => Some(indent),
            Some(indent) => Some(indent + self.settings.indent),
        };
        before
    }

    fn node(&mut self, value: &V, place: Place) -> Outcome<()> {
        let _level = self.run.deeper()?;
        self.run.bytes(64)?;
        if value.is_map() {
            self.mapping(value)
        } else if value.is_list() {
            self.sequence(value, place)
        } else {
            let before = self.deeper(true, false);
            let (text, implicit) = scalar(value)?;
            self.tag(tag_of(value));
            self.scalar(&text, implicit, matches!(value, V::Str(_)))?;
            self.indent = before;
            Ok(())
        }
    }

    fn in_line(&self, mut items: impl Iterator<Item = V>) -> bool {
        self.flow > 0
            || self.settings.canonical
            || self.settings.flow.unwrap_or_else(|| self.settings.style.is_none() && !items.any(|item| item.is_map() || item.is_list()))
    }

    fn sequence(&mut self, value: &V, place: Place) -> Outcome<()> {
        let items = self.run.items(value)?;
        self.tag("seq");
        if items.is_empty() || self.in_line(items.iter().cloned()) {
            self.indicator("[", true, true, false);
            let before = self.deeper(true, false);
            self.flow += 1;
            for (at, item) in items.iter().enumerate() {
                self.next_in_line(at);
                self.node(item, Place::Sequence)?;
            }
            self.flow -= 1;
            self.indent = before;
            self.last_in_line(items.len());
            self.indicator("]", false, false, false);
            return Ok(());
        }
        let before = self.deeper(false, place == Place::Mapping && !self.indention);
        for item in &items {
            self.line();
            self.indicator("-", true, false, true);
            self.node(item, Place::Sequence)?;
        }
        self.indent = before;
        Ok(())
    }

    fn next_in_line(&mut self, at: usize) {
        if at > 0 {
            self.indicator(",", false, false, false);
        }
        if self.settings.canonical || self.column > self.settings.width {
            self.line();
        }
    }

    fn last_in_line(&mut self, length: usize) {
        if self.settings.canonical && length > 0 {
            self.indicator(",", false, false, false);
            self.line();
        }
    }

    /// The tag of what comes next, where tags are written.
    fn tag(&mut self, name: &str) {
        if self.settings.canonical {
            self.indicator(&format!("!!{name}"), true, false, false);
        }
    }

    fn mapping(&mut self, value: &V) -> Outcome<()> {
        let mut pairs = self.run.pairs(value)?;
        if self.settings.sort {
            let mut keyed: Vec<(V, V)> = pairs.clone();
            // keys that cannot be put in order stay as they are, as in PyYAML
            if compare::sort(self.run, &mut keyed, false).is_ok() {
                pairs = keyed;
            }
        }
        self.tag("map");
        let flow = pairs.is_empty() || self.in_line(pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()]));
        if flow {
            self.indicator("{", true, true, false);
        }
        let before = self.deeper(flow, false);
        self.flow += usize::from(flow);
        for (at, (key, value)) in pairs.iter().enumerate() {
            if flow {
                self.next_in_line(at)
            } else {
                self.line()
            }
            let (text, _) = if key.is_list() || key.is_map() { (String::new(), true) } else { scalar(key)? };
            let simple = !self.settings.canonical && !key.is_list() && !key.is_map() && text.len() <= 128 && !text.contains('\n');
            if simple {
                self.key = true;
                self.node(key, Place::Mapping)?;
                self.key = false;
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, !flow);
                self.node(key, Place::Mapping)?;
                if !flow || self.settings.canonical || self.column > self.settings.width {
                    self.line();
                }
                self.indicator(":", true, false, !flow);
            }
            self.node(value, Place::Mapping)?;
        }
        self.flow -= usize::from(flow);
        self.indent = before;
        if flow {
            self.last_in_line(pairs.len());
            self.indicator("}", false, false, false);
        }
        Ok(())
    }

    /// `implicit`: whether it is what it is without quotes; `is_text`: whether it is so between quotes.
    fn scalar(&mut self, text: &str, implicit: bool, is_text: bool) -> Outcome<()> {
        self.run.bytes(text.len())?;
        let seen = Analysis::of(text);
        let style = if self.settings.canonical || self.key && seen.multiline { Some('"') } else { self.settings.style };
        if let Some(style) = style {
            if !is_text && !self.settings.canonical {
                self.indicator("!", true, false, false);
            }
            match style {
                '|' if seen.block && self.flow == 0 && !self.key => self.literal(text),
                '>' if seen.block && self.flow == 0 && !self.key => self.folded(text),
                '\'' if seen.single => self.single(text),
                _ => self.double(text),
            }
            return Ok(());
        }
        let plain = if self.flow > 0 { seen.flow_plain } else { seen.block_plain };
        let empty_key = text.is_empty() && (self.flow > 0 || self.key);
        if plain && implicit && !empty_key {
            self.plain(text);
        } else if seen.single {
            self.single(text);
        } else {
            self.double(text);
        }
        Ok(())
    }

    fn wraps(&self, before_blank: bool) -> bool {
        !self.key && !before_blank && self.column > self.settings.width
    }

    fn plain(&mut self, text: &str) {
        if !self.whitespace && (!text.is_empty() || self.flow > 0) {
            self.put(' ');
        }
        let (mut blank, mut chars) = (false, text.chars().peekable());
        while let Some(c) = chars.next() {
            if c == ' ' && self.wraps(blank) && chars.peek() != Some(&' ') {
                self.line();
            } else {
                self.put(c);
            }
            if c != ' ' {
                self.indention = false;
            }
            blank = c == ' ';
        }
        (self.whitespace, self.indention) = (false, false);
    }

    fn single(&mut self, text: &str) {
        self.indicator("'", true, false, false);
        let (mut blank, mut broken, length) = (false, false, text.chars().count());
        let mut chars = text.chars().enumerate().peekable();
        while let Some((at, c)) = chars.next() {
            if c == ' ' {
                let inside = at > 0 && at + 1 < length && chars.peek().is_none_or(|(_, next)| *next != ' ');
                if self.wraps(blank) && inside {
                    self.line()
                } else {
                    self.put(c)
                }
                blank = true;
            } else if c == '\n' {
                if !broken {
                    self.break_line();
                }
                self.break_line();
                self.indention = true;
                broken = true;
            } else {
                if broken {
                    self.line();
                }
                if c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                self.indention = false;
                (blank, broken) = (false, false);
            }
        }
        if broken {
            self.line();
        }
        self.indicator("'", false, false, false);
    }

    fn double(&mut self, text: &str) {
        self.indicator("\"", true, false, false);
        let (mut blank, length) = (false, text.chars().count());
        let mut chars = text.chars().enumerate().peekable();
        while let Some((at, c)) = chars.next() {
            if c == ' ' {
                if self.wraps(blank) && at > 0 && at + 1 < length {
                    self.line();
                    if chars.peek().is_some_and(|(_, next)| *next == ' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                blank = true;
                continue;
            }
            blank = false;
            match escape(c) {
                Some(text) => text.chars().for_each(|c| self.put(c)),
                None => self.put(c),
            }
        }
        self.indicator("\"", false, false, false);
    }
}

/// The text of a scalar, and whether it would be read back as what it is without quotes.
fn scalar(value: &V) -> Outcome<(String, bool)> {
    Ok(match value {
        V::None => ("null".to_owned(), true),
        V::Bool(truth) => (truth.to_string(), true),
        V::Int(number) => (number.to_string(), true),
        V::Float(number) if number.is_nan() => (".nan".to_owned(), true),
        V::Float(number) if number.is_infinite() => (if *number > 0.0 { ".inf" } else { "-.inf" }.to_owned(), true),
        V::Float(number) => {
            let text = python_float(*number);
            (if text.contains('.') { text } else { text.replacen('e', ".0e", 1) }, true)
        }
        V::Str(text) => (text.to_string(), !means_something_else(text)),
        V::Time(text) => (text.replacen('T', " ", 1), true),
        other => return fail(format!("{} cannot be written as YAML", other.kind())),
    })
}

/// The tag of a scalar.
fn tag_of(value: &V) -> &'static str {
    match value {
        V::None => "null",
        V::Bool(_) => "bool",
        V::Int(_) => "int",
        V::Float(_) => "float",
        V::Time(_) => "timestamp",
        _ => "str",
    }
}

/// Whether YAML 1.1 reads a text without quotes as something that is no text.
fn means_something_else(text: &str) -> bool {
    static OTHERS: OnceLock<Option<fancy_regex::Regex>> = OnceLock::new();
    const PATTERN: &str = concat!(
        r"^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|~|null|Null|NULL||=|<<",
        r"|[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+",
        r"|[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?",
        r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        r"|\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$"
    );
    let first = text.chars().next();
    if text.len() > 100 || first.is_some_and(|c| !"yYnNtTfFoO~=<-+.0123456789".contains(c)) {
        return false;
    }
    let pattern = OTHERS.get_or_init(|| fancy_regex::Regex::new(PATTERN).ok());
    pattern.as_ref().is_none_or(|pattern| pattern.is_match(text).unwrap_or(true))
}

/// How a text may be written.
struct Analysis {
    multiline: bool,
    flow_plain: bool,
    block_plain: bool,
    single: bool,
    block: bool,
}

impl Analysis {
    fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self { multiline: false, flow_plain: false, block_plain: true, single: true, block: true };
        }
        let chars: Vec<char> = text.chars().collect();
        let blank = |at: usize| chars.get(at).is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'));
        let mut block = text.starts_with("---") || text.starts_with("...");
        let (mut flow, mut special, mut breaks, mut break_space, mut space_break, mut edge) = (block, false, false, false, false, false);
        let (mut last_space, mut last_break) = (false, false);
        for (at, &c) in chars.iter().enumerate() {
            let (first, last) = (at == 0, at + 1 == chars.len());
            match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' if first => {
                    (flow, block) = (true, true);
                }
                '?' | ':' if first => {
                    flow = true;
                    block |= blank(at + 1);
                }
                '-' if first && blank(at + 1) => (flow, block) = (true, true),
                ',' | '?' | '[' | ']' | '{' | '}' => flow = true,
                ':' => {
                    flow = true;
                    block |= blank(at + 1);
                }
                '#' if blank(at.wrapping_sub(1)) => (flow, block) = (true, true),
                _ => {}
            }
            let line_break = matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
            special |= escape(c).is_some() && !matches!(c, '"' | '\\' | '\n');
            breaks |= line_break;
            if c == ' ' {
                edge |= first || last;
                break_space |= last_break;
            } else if line_break {
                edge |= first || last;
                space_break |= last_space;
            }
            (last_space, last_break) = (c == ' ', line_break);
        }
        let plain = !edge && !break_space && !space_break && !special && !breaks;
        Self {
            multiline: breaks,
            flow_plain: plain && !flow,
            block_plain: plain && !block,
            single: !break_space && !space_break && !special,
            block: !space_break && !special && !text.ends_with(' '),
        }
    }
}

/// How a character is written between double quotes, if not as itself. libyaml takes none beyond 16 bits for printable.
fn escape(c: char) -> Option<String> {
    let code = u32::from(c);
    Some(match c {
        '\0' => "\\0".to_owned(),
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\r' => "\\r".to_owned(),
        '\u{1b}' => "\\e".to_owned(),
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\u{85}' => "\\N".to_owned(),
        '\u{2028}' => "\\L".to_owned(),
        '\u{2029}' => "\\P".to_owned(),
        ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' => return None,
        _ if code <= 0xff => format!("\\x{code:02X}"),
        _ if code <= 0xffff => format!("\\u{code:04X}"),
        _ => format!("\\U{code:08X}"),
    })
}
