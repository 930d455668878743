//! The ways one character of a secret can be written.
//!
//! A secret is looked for as a sequence of [`Unit`]s, and each unit may stand in any of its forms, whatever form its
//! neighbours have. So `p'ä` is found as `p'\''ä`, `p\u0027\u00e4`, `p%27%C3%A4`, `p\'\303\244` and every mixture.

/// One place in a secret's sequence.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Unit {
    /// A character of the secret itself.
    Char(char),
    /// A digit of its base64 form (0–63), in either alphabet, perhaps after a line break. Only the bits in `mask` are
    /// the secret's; at its edges the others are its neighbours'.
    Base64 { digit: u8, mask: u8 },
    /// A digit of its hexadecimal form (0–15), perhaps after a separator.
    Hex(u8),
}

/// How many backslashes in a row are taken for one escape: three levels of quoting make seven.
const MAX_BACKSLASHES: usize = 8;
/// How far a continuation line of base64 or hexadecimal may be indented.
const MAX_INDENT: usize = 16;
/// What one unit takes at most, in bytes: each of four UTF-8 bytes as backslashes, `0` and three octal digits.
pub(super) const LONGEST_FORM: usize = 4 * (MAX_BACKSLASHES + 4);

/// Where a unit's forms end in a text.
#[derive(Default)]
pub(super) struct Ends {
    /// Past the last byte of each form that was found, each once.
    pub(super) at: Vec<usize>,
    /// Whether the text ended in the middle of a form.
    pub(super) more: bool,
}

impl Ends {
    fn add(&mut self, end: usize) {
        if !self.at.contains(&end) {
            self.at.push(end);
        }
    }

    /// Follows `form` from `at`; returns its end if it stands there.
    fn follow(&mut self, text: &[u8], at: usize, form: &[u8]) -> Option<usize> {
        let rest = text.get(at..).unwrap_or_default();
        let there = rest.get(..form.len()).unwrap_or(rest);
        // the digits of an escape are written in either case; the forms that are case-sensitive come as `literal`
        if !form.get(..there.len()).is_some_and(|form| form.eq_ignore_ascii_case(there)) {
            return None;
        }
        if there.len() < form.len() {
            self.more = true;
            return None;
        }
        Some(at + form.len())
    }

    fn literal(&mut self, text: &[u8], at: usize, form: &[u8]) {
        let rest = text.get(at..).unwrap_or_default();
        if rest.starts_with(form) {
            self.add(at + form.len());
        } else if form.starts_with(rest) {
            self.more = true;
        }
    }
}

impl Unit {
    /// Finds all forms of this unit that begin at `at`. `inside` says that it is not the first of its sequence.
    pub(super) fn ends(self, text: &[u8], at: usize, inside: bool, ends: &mut Ends) {
        match self {
            Self::Char(c) => char_ends(c, text, at, ends),
            Self::Base64 { digit, mask } => {
                for start in if inside { after_break(text, at, false, ends) } else { vec![at] } {
                    match text.get(start) {
                        None => ends.more = true,
                        Some(&byte) if base64_digit(byte).is_some_and(|there| there & mask == digit & mask) => ends.add(start + 1),
                        // the two letters that JSON and URLs escape
                        Some(b'\\' | b'%') => {
                            for (c, _) in [('+', 62), ('/', 63)].into_iter().filter(|(_, value)| value & mask == digit & mask) {
                                char_ends(c, text, start, ends);
                            }
                        }
                        Some(_) => {}
                    }
                }
            }
            Self::Hex(digit) => {
                for start in if inside { after_break(text, at, true, ends) } else { vec![at] } {
                    match text.get(start) {
                        None => ends.more = true,
                        Some(&byte) if char::from(byte).to_digit(16) == Some(u32::from(digit)) => ends.add(start + 1),
                        Some(_) => {}
                    }
                }
            }
        }
    }

    /// The same for all of several places.
    pub(super) fn all_ends(self, text: &[u8], starts: &[usize], inside: bool) -> Ends {
        let mut ends = Ends::default();
        starts.iter().for_each(|&start| self.ends(text, start, inside, &mut ends));
        ends
    }

    /// Whether a form of this unit can begin with that byte.
    pub(super) fn can_begin_with(self, byte: u8, inside: bool) -> bool {
        let ends = self.all_ends(&[byte], &[0], inside);
        ends.more || !ends.at.is_empty()
    }
}

/// The value of a letter of base64, in either alphabet.
pub(super) fn base64_digit(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Where the next digit of an encoding may stand: here, or after a line break (also a written-out one) and indentation,
/// or, between hexadecimal digits, after one space, colon or dash.
fn after_break(text: &[u8], at: usize, separators: bool, ends: &mut Ends) -> Vec<usize> {
    let mut starts = vec![at];
    let mut next = at;
    match text.get(at) {
        Some(b' ' | b':' | b'-') if separators => starts.push(at + 1),
        Some(b'\r' | b'\n') => {
            while matches!(text.get(next), Some(b'\r' | b'\n')) && next < at + 2 {
                next += 1;
            }
        }
        Some(b'\\') => {
            next += backslashes(text, at, ends);
            match text.get(next) {
                Some(b'n') => next += 1,
                Some(_) => next = at,
                None => ends.more = true,
            }
        }
        _ => {}
    }
    if next > at {
        let spaces = text.get(next..).unwrap_or_default().iter().take(MAX_INDENT).take_while(|&&b| b == b' ' || b == b'\t').count();
        starts.push(next + spaces);
    }
    starts
}

/// How many backslashes stand at `at`, up to the maximum.
fn backslashes(text: &[u8], at: usize, ends: &mut Ends) -> usize {
    let run = text.get(at..).unwrap_or_default().iter().take(MAX_BACKSLASHES).take_while(|&&b| b == b'\\').count();
    if at + run >= text.len() {
        ends.more = true;
    }
    run
}

fn char_ends(c: char, text: &[u8], at: usize, ends: &mut Ends) {
    let mut buffer = [0; 4];
    let bytes = c.encode_utf8(&mut buffer).as_bytes();
    ends.literal(text, at, bytes);
    match text.get(at) {
        None => ends.more = true,
        Some(b'\\') => {
            for run in 1..=backslashes(text, at, ends) {
                escaped(c, bytes, text, at, run, ends);
            }
        }
        Some(b'%') => percent(bytes, text, at, ends),
        Some(b'+') if c == ' ' => ends.add(at + 1),
        Some(_) => {}
    }
    // doubled in single-quoted YAML, CSV, unit files and ssh_config
    if matches!(c, '\'' | '"' | '$' | '%') {
        ends.literal(text, at, &[bytes, bytes].concat());
    }
    if c == '\'' && text.get(at) == Some(&b'\'') {
        // the shell's way out of single quotes and back in: '\'' or '"'"', themselves perhaps escaped
        for run in 0..=backslashes(text, at + 1, ends) {
            ends.literal(text, at + 1 + run, b"''");
            for inner in 0..=MAX_BACKSLASHES {
                let form = [b"\"'".as_slice(), &b"\\".repeat(inner), b"\"'"].concat();
                ends.literal(text, at + 1 + run, &form);
            }
        }
    }
}

/// The forms that begin with `run` backslashes at `at`.
fn escaped(c: char, bytes: &[u8], text: &[u8], at: usize, run: usize, ends: &mut Ends) {
    let after = at + run;
    ends.literal(text, after, bytes);
    let letter = match c {
        '\n' => Some(b'n'),
        '\t' => Some(b't'),
        '\r' => Some(b'r'),
        '\u{8}' => Some(b'b'),
        '\u{c}' => Some(b'f'),
        '\u{b}' => Some(b'v'),
        '\u{7}' => Some(b'a'),
        '\u{1b}' => Some(b'e'),
        _ => None,
    };
    match (letter, text.get(after)) {
        (Some(letter), Some(there)) if letter == *there => ends.add(after + 1),
        _ => {}
    }
    let utf16: Vec<String> = c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("u{unit:04x}")).collect();
    let hex: Vec<String> = bytes.iter().map(|byte| format!("x{byte:02x}")).collect();
    let octal: Vec<String> = bytes.iter().map(|byte| format!("{byte:03o}")).collect();
    let octal0: Vec<String> = bytes.iter().map(|byte| format!("0{byte:03o}")).collect();
    let latin1 = vec![format!("x{:02x}", u32::from(c))];
    let braced = vec![format!("u{{{:x}}}", u32::from(c))];
    for form in [utf16, hex, octal, octal0, latin1, braced] {
        let mut end = Some(at);
        for part in form {
            let whole = ["\\".repeat(run), part].concat();
            end = end.and_then(|end| ends.follow(text, end, whole.as_bytes()));
        }
        if let Some(end) = end {
            ends.add(end);
        }
    }
}

/// `%27`, or `%2527` where it was encoded twice.
fn percent(bytes: &[u8], text: &[u8], at: usize, ends: &mut Ends) {
    for level in ["%", "%25", "%2525"] {
        let mut end = Some(at);
        for byte in bytes {
            end = end.and_then(|end| ends.follow(text, end, format!("{level}{byte:02x}").as_bytes()));
        }
        if let Some(end) = end {
            ends.add(end);
        }
    }
}
