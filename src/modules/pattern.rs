//! Python's regular expressions, as `re.compile` takes them from bytes and from text.

use fancy_regex::{Regex, RegexBuilder};

use crate::template::regex::{Captures, translated};

/// How many steps backwards a match may take before it is given up.
const BACKTRACK: usize = 1_000_000;
/// Where bytes that are no ASCII stand in texts that are matched byte by byte: characters without case and class.
const HIGH: u32 = 0xF700;
/// What `\w` is among bytes.
const WORD: &str = "a-zA-Z0-9_";

/// A pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    /// Whether `^` and `$` are about lines.
    pub multi_line: bool,
}

impl Pattern {
    /// `re.compile(pattern.encode())`: a character is a byte, and `\w`, `\d` and `\s` are ASCII's. Only for what
    /// [`byte_text`] makes.
    ///
    /// # Errors
    /// It is not a regular expression.
    pub fn on_bytes(pattern: &str) -> Result<Self, String> {
        Self::new(pattern, &byte_text(pattern.as_bytes()), "", ascii_classes)
    }

    /// `re.compile(pattern, flags)`, flags as in `(?ms)`.
    ///
    /// # Errors
    /// It is not a regular expression.
    pub fn on_text(pattern: &str, flags: &str) -> Result<Self, String> {
        Self::new(pattern, pattern, flags, |pattern| pattern)
    }

    fn new(shown: &str, pattern: &str, flags: &str, classes: fn(String) -> String) -> Result<Self, String> {
        let (own, rest) = global_flags(pattern);
        let flags: String = "imsx".chars().filter(|flag| own.contains(*flag) || flags.contains(*flag)).collect();
        let multi_line = flags.contains('m');
        let body = classes(translated(rest, multi_line));
        let whole = if flags.is_empty() { body } else { format!("(?{flags}){body}") };
        match RegexBuilder::new(&whole).backtrack_limit(BACKTRACK).build() {
            Ok(regex) => Ok(Self { regex, multi_line }),
            Err(error) => Err(format!("`{shown}` is not a regular expression: {}", error.to_string().lines().next().unwrap_or_default())),
        }
    }

    /// The first place where it matches.
    ///
    /// # Errors
    /// It takes too long.
    pub fn search<'t>(&self, text: &'t str) -> Result<Option<Captures<'t>>, String> {
        self.search_from(text, 0)
    }

    /// Whether it matches anywhere.
    ///
    /// # Errors
    /// It takes too long.
    pub fn matches(&self, text: &str) -> Result<bool, String> {
        Ok(self.search(text)?.is_some())
    }

    /// Whether it matches at the beginning: `re.match`.
    ///
    /// # Errors
    /// It takes too long.
    pub fn matches_at_start(&self, text: &str) -> Result<bool, String> {
        Ok(self.search(text)?.and_then(|found| found.get(0).map(|whole| whole.start() == 0)).unwrap_or(false))
    }

    fn search_from<'t>(&self, text: &'t str, from: usize) -> Result<Option<Captures<'t>>, String> {
        self.regex.captures_from_pos(text, from).map_err(|_| format!("`{}` takes too long on this text", self.regex.as_str()))
    }

    /// The number of a group, by its number or name.
    fn group(&self, name: &str) -> Result<usize, String> {
        let found = match name.parse::<usize>() {
            Ok(number) => Some(number).filter(|number| *number < self.regex.captures_len()),
            Err(_) => self.regex.capture_names().position(|group| group == Some(name)),
        };
        found.ok_or_else(|| format!("invalid group reference {name}"))
    }

    /// `re.subn`: the text with all matches replaced, and how many there were. As in Python, it may match nothing right
    /// behind a match.
    ///
    /// # Errors
    /// It takes too long, or the replacement names what is not there.
    pub fn replace_all(&self, text: &str, replacement: &str) -> Result<(String, usize), String> {
        // Python looks at a replacement even where nothing matches
        let replacement = Template::new(replacement, self)?;
        let (mut out, mut end, mut from, mut count) = (String::new(), 0, 0, 0);
        while from <= text.len() {
            let Some(captures) = self.search_from(text, from)? else { break };
            let Some(whole) = captures.get(0) else { break };
            out.push_str(text.get(end..whole.start()).unwrap_or_default());
            replacement.expand(&captures, &mut out);
            count += 1;
            end = whole.end();
            let next = text.get(end..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            from = if whole.start() == end { end + next } else { end };
        }
        out.push_str(text.get(end..).unwrap_or_default());
        Ok((out, count))
    }
}

/// What stands for a match, as `re` reads it: `\1`, `\g<1>` and `\g<name>` are groups.
#[derive(Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    Group(usize),
}

impl Template {
    /// Reads a replacement for matches of a pattern.
    ///
    /// # Errors
    /// An escape that is none, or a group that the pattern does not have.
    pub fn new(template: &str, pattern: &Pattern) -> Result<Self, String> {
        let (mut parts, mut text, mut chars) = (Vec::new(), String::new(), template.chars().peekable());
        while let Some(c) = chars.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            let group = match chars.next() {
                Some('g') => {
                    let name: String =
                        chars.next_if_eq(&'<').map(|_| chars.by_ref().take_while(|c| *c != '>').collect()).unwrap_or_default();
                    pattern.group(&name)?
                }
                Some(first @ '0'..='9') => {
                    let mut digits = first.to_string();
                    digits.extend(chars.next_if(char::is_ascii_digit));
                    let octal = |digits: &str| digits.bytes().all(|digit| digit < b'8');
                    if octal(&digits) && (first == '0' || digits.len() == 2) {
                        digits.extend(chars.next_if(|c| octal(&c.to_string())).filter(|_| digits.len() == 2));
                    }
                    match u32::from_str_radix(&digits, 8).ok().filter(|_| first == '0' || digits.len() == 3) {
                        Some(number) => {
                            let number = u8::try_from(number).map_err(|_| format!("\\{digits} is no character"))?;
                            text.push(char::from(number));
                            continue;
                        }
                        None => pattern.group(&digits)?,
                    }
                }
                Some(escaped) => {
                    match escaped {
                        'a' => text.push('\u{7}'),
                        'b' => text.push('\u{8}'),
                        'f' => text.push('\u{c}'),
                        'n' => text.push('\n'),
                        'r' => text.push('\r'),
                        't' => text.push('\t'),
                        'v' => text.push('\u{b}'),
                        '\\' => text.push('\\'),
                        letter if letter.is_ascii_alphabetic() => return Err(format!("bad escape \\{letter}")),
                        other => text.extend(['\\', other]),
                    }
                    continue;
                }
                None => return Err("a backslash ends the replacement".into()),
            };
            parts.extend([Part::Text(std::mem::take(&mut text)), Part::Group(group)]);
        }
        parts.push(Part::Text(text));
        Ok(Self(parts))
    }

    /// Writes it for a match; a group that took no part is empty.
    pub fn expand(&self, captures: &Captures<'_>, out: &mut String) {
        for part in &self.0 {
            out.push_str(match part {
                Part::Text(text) => text,
                Part::Group(group) => captures.get(*group).map_or("", |group| group.as_str()),
            });
        }
    }
}

/// `(?im)` at the beginning, where alone Python takes it, and the rest.
fn global_flags(pattern: &str) -> (String, &str) {
    let (mut flags, mut rest) = (String::new(), pattern);
    while let Some((group, after)) = rest.strip_prefix("(?").and_then(|inside| inside.split_once(')')) {
        if group.is_empty() || !group.chars().all(|flag| "aiLmsux".contains(flag)) {
            break;
        }
        flags.push_str(group);
        rest = after;
    }
    (flags, rest)
}

/// Bytes as a text of as many characters.
pub(super) fn byte_text(bytes: &[u8]) -> String {
    let character = |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { char::from_u32(HIGH + u32::from(*byte)).unwrap_or('?') };
    bytes.iter().map(character).collect()
}

/// The bytes of such a text.
pub(super) fn text_bytes(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(if c.is_ascii() { u32::from(c) } else { u32::from(c).wrapping_sub(HIGH) }).unwrap_or(b'?')).collect()
}

/// `\w`, `\d`, `\s` and `\b` as Python has them for bytes, and `\xNN` where [`byte_text`] puts it.
fn ascii_classes(pattern: String) -> String {
    let (mut out, mut chars, mut class) = (String::with_capacity(pattern.len()), pattern.chars().peekable(), false);
    while let Some(c) = chars.next() {
        if c != '\\' {
            class = match c {
                '[' => true,
                ']' => false,
                _ => class,
            };
            out.push(c);
            continue;
        }
        let Some(escaped) = chars.next() else {
            out.push(c);
            break;
        };
        match escaped {
            'w' | 'd' | 's' | 'W' | 'D' | 'S' => {
                let set = match escaped.to_ascii_lowercase() {
                    'w' => WORD,
                    'd' => "0-9",
                    _ => r" \t\n\r\x0b\x0c",
                };
                out.push_str(&match (escaped.is_ascii_uppercase(), class) {
                    (true, _) => format!("[^{set}]"),
                    (false, true) => set.to_owned(),
                    (false, false) => format!("[{set}]"),
                });
            }
            'b' if !class => out.push_str(&format!("(?:(?<=[{WORD}])(?![{WORD}])|(?<![{WORD}])(?=[{WORD}]))")),
            'B' if !class => out.push_str(&format!("(?:(?<=[{WORD}])(?=[{WORD}])|(?<![{WORD}])(?![{WORD}]))")),
            'x' => {
                let digits: String = chars.clone().take(2).collect();
                match u8::from_str_radix(&digits, 16) {
                    Ok(byte) if !byte.is_ascii() => {
                        out.push_str(&byte_text(&[byte]));
                        chars.nth(1);
                    }
                    _ => out.push_str("\\x"),
                }
            }
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(pattern: &str, text: &[u8]) -> Option<Vec<u8>> {
        let text = byte_text(text);
        Pattern::on_bytes(pattern).unwrap().search(&text).unwrap().map(|found| text_bytes(found.get(0).unwrap().as_str()))
    }

    #[test]
    fn patterns_as_playbooks_write_them() {
        for (pattern, text, part) in [
            (r"^#?PermitRootLogin", "#PermitRootLogin no\n", Some("#PermitRootLogin")),
            (r"^\s*foo=", "  foo=1\n", Some("  foo=")),
            (r"swap\s+sw", "a swap\tsw", Some("swap\tsw")),
            (r"^(?!#).*swap.*$", "/swap none\n", Some("/swap none")),
            (r"^(?!#).*swap.*$", "#/swap none\n", None),
            (r"foo$", "foo\n", Some("foo")),
            (r"foo$", "foo\nbar", None),
            (r"foo\Z", "foo\n", None),
            (r"^\[main\]$", "[main]\n", Some("[main]")),
            (r"\<b\>", "a<b>", Some("<b>")),
            (r"^\{\{ x", "{{ x }}", Some("{{ x")),
            (r"^{", "{", Some("{")),
            (r"a{2}b", "aab", Some("aab")),
            (r"^127\.0\.0\.1\s", "127.0.0.1 localhost", Some("127.0.0.1 ")),
            (r"\/etc\/x\-y\=\:\ \'\#", "/etc/x-y=: '#", Some("/etc/x-y=: '#")),
            (r"[[:alpha:]]x", "px", None),
            (r"(?i)FOO", "foo", Some("foo")),
            (r"(?P<a>.)(?P=a)\1", "xxx", Some("xxx")),
            (r"\bcat\b", "a cat.", Some("cat")),
            (r"a\Bb", "ab", Some("ab")),
            (r"[\w.-]+@[^\W_]", "x a.b-c@d", Some("a.b-c@d")),
        ] {
            assert_eq!(found(pattern, text.as_bytes()).as_deref(), part.map(str::as_bytes), "{pattern} in {text:?}");
        }
    }

    #[test]
    fn a_byte_is_a_character() {
        assert_eq!(found("ü", "aü".as_bytes()).unwrap(), "ü".as_bytes());
        assert_eq!(found("^a..b$", "aüb".as_bytes()).unwrap().len(), 4);
        assert_eq!(found(r"\w+", "aü".as_bytes()).unwrap(), b"a");
        assert_eq!(found("(?i)Ü", "ü".as_bytes()), None);
        assert_eq!(found(r"\xff.", &[1, 0xff, 0xfe]).unwrap(), [0xff, 0xfe]);
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        assert!(Pattern::on_bytes("(").unwrap_err().starts_with("`(` is not a regular expression: "));
        assert!(Pattern::on_text("[", "m").is_err());
    }

    #[test]
    fn flags_stand_at_the_beginning() {
        assert!(Pattern::on_bytes("(?m)^x").unwrap().multi_line);
        assert!(!Pattern::on_bytes("(?i)^x").unwrap().multi_line);
        assert_eq!(found("(?m)b$", b"ab\ncd").unwrap(), b"b");
        assert_eq!(global_flags("(?s)(?P<a>x)"), ("s".to_owned(), "(?P<a>x)"));
    }

    #[test]
    fn replacements_name_groups() {
        let replace = |pattern, text, with| Pattern::on_text(pattern, "m").unwrap().replace_all(text, with);
        assert_eq!(replace(r"^(\w+)=(?P<v>.*)$", "a=1\nb=2", r"\g<v>:\1\g<1>"), Ok(("1:aa\n2:bb".into(), 2)));
        assert_eq!(replace("x*", "abxd", "-"), Ok(("-a-b--d-".into(), 5)));
        assert_eq!(replace("(?P<a>x)|y", "xy", r"[\g<a>]"), Ok(("[x][]".into(), 2)));
        assert_eq!(replace("a", "a", r"\.\n\t\\\0\101\g<0>"), Ok(("\\.\n\t\\\0Aa".into(), 1)));
        for bad in [r"\1", r"\y", r"\g<x>", r"\g", r"\g<1>", "\\", r"\777"] {
            assert!(replace("a", "b", bad).is_err(), "{bad}");
        }
        let many = format!("{}b", "(a)".repeat(11));
        assert_eq!(replace(&many, &format!("{}b", "a".repeat(11)), r"\11\1x"), Ok(("aax".into(), 1)));
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(text_bytes(&byte_text(&bytes)), bytes);
        }

        #[test]
        fn no_pattern_makes_it_fall_over(pattern in r"[a-c.*+?()\[\]{}|^$\\wdsbBxZ1,<>-]{0,12}", text in "[abc\n ü]{0,12}") {
            if let Ok(pattern) = Pattern::on_bytes(&pattern) {
                let _ = pattern.search(&byte_text(text.as_bytes()));
            }
        }
    }
}
