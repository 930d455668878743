//! Strings as go-yaml 2 writes them in block style, which kustomize and the Flux CLI use.
//!
//! A string stands plain where that is read as the same string; in double quotes where it would be read as something else (a number, a
//! truth value of YAML 1.1, a date); in single quotes where its letters would be taken for syntax. Long lines are broken at spaces.

/// Lines are broken at the first single space after this column.
const WIDTH: usize = 80;

/// A string as it stands after a key or a dash, from `column` on; what goes over to further lines is indented by `indent`.
///
/// The string has to be [`writable`].
pub(super) fn scalar(text: &str, column: usize, indent: usize) -> String {
    if !is_string(text) {
        return format!("\"{text}\"");
    }
    if may_be_plain(text) { folded(text, column, indent) } else { format!("'{}'", folded(&text.replace('\'', "''"), column + 1, indent)) }
}

/// Whether a string is one that is written here: on one line, without anything that has to be escaped.
pub(super) fn writable(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{85}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
}

/// Breaks at spaces that have no other beside them.
fn folded(text: &str, mut column: usize, indent: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut after_space = false;
    for (at, &letter) in letters.iter().enumerate() {
        let inside = at > 0 && at + 1 < letters.len();
        if letter == ' ' && !after_space && column > WIDTH && inside && letters.get(at + 1) != Some(&' ') {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else {
            out.push(letter);
            column += 1;
        }
        after_space = letter == ' ';
    }
    out
}

/// Whether it is a string for YAML when it stands plain: nothing else is written so.
pub(super) fn is_string(text: &str) -> bool {
    const WORDS: &[&str] = &["y", "yes", "true", "on", "n", "no", "false", "off", "null"];
    const OTHERS: &[&str] = &["", "~", "<<", ".nan", ".NaN", ".NAN"];
    let cased = |word: &str| {
        let mut capital = word.to_owned();
        if let Some(first) = capital.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        text == word || text == capital || text == word.to_ascii_uppercase()
    };
    let infinite = matches!(text.strip_prefix(['+', '-']).unwrap_or(text), ".inf" | ".Inf" | ".INF");
    !(OTHERS.contains(&text)
        || WORDS.iter().any(|word| cased(word))
        || infinite
        || is_number(text)
        || is_sexagesimal(text)
        || is_date(text))
}

/// Integers as Go reads them, with underscores anywhere, and decimal floats.
fn is_number(text: &str) -> bool {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return false;
    }
    let plain = text.replace('_', "");
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let lower = unsigned.to_ascii_lowercase();
    let digits =
        |text: &str, radix: u32| !text.is_empty() && text.chars().all(|c| c.is_digit(radix)) && u64::from_str_radix(text, radix).is_ok();
    if let Some((prefix, rest)) = lower.split_at_checked(2)
        && let Some((_, radix)) = [("0x", 16), ("0b", 2), ("0o", 8)].iter().find(|(word, _)| *word == prefix)
    {
        return digits(rest, *radix);
    }
    let (mantissa, exponent) = lower.split_once('e').map_or((&*lower, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let all_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !digits.is_empty() && all_digits(digits)
        })
}

/// `1:30`, which other readers take for a number.
fn is_sexagesimal(text: &str) -> bool {
    let mut parts = text.strip_prefix(['+', '-']).unwrap_or(text).split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let Some((last, between)) = rest.split_last() else { return false };
    let sixty = |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    let (whole, fraction) = last.split_once('.').unwrap_or((last, ""));
    first.starts_with(|c: char| c.is_ascii_digit())
        && first.chars().all(|c| c.is_ascii_digit() || c == '_')
        && between.iter().all(|part| sixty(part))
        && sixty(whole)
        && fraction.chars().all(|c| c.is_ascii_digit() || c == '_')
}

/// `2026-11-27`. Times of day have colons or spaces, which nothing that is written here has after a date.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = &*parts else { return false };
    let number = |text: &str| (1..=2).contains(&text.len()).then(|| text.parse::<u8>().ok()).flatten().unwrap_or(0);
    let days = match number(month) {
        0 | 13.. => 0,
        4 | 6 | 9 | 11 => 30,
        2 => 29,
        _ => 31,
    };
    year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()) && (1..=days).contains(&number(day))
}

/// Whether none of its letters would be taken for syntax.
fn may_be_plain(text: &str) -> bool {
    let mut letters = text.chars().peekable();
    if text.starts_with("---") || text.starts_with("...") || text.starts_with(' ') || text.ends_with(' ') {
        return false;
    }
    let mut before = None;
    while let Some(letter) = letters.next() {
        let blank_after = letters.peek().is_none_or(|next| *next == ' ');
        let syntax = match (before, letter) {
            (None, '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`') => true,
            (None, '-' | '?') | (_, ':') => blank_after,
            (Some(' '), '#') => true,
            _ => false,
        };
        if syntax {
            return false;
        }
        before = Some(letter);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_where_that_is_the_same_string() {
        for same in [
            "main",
            "v2.9.4",
            "./clusters/x",
            "a:b",
            "a#b",
            "10gbe",
            "1.2.3",
            "ssh://git@github.com/o/r",
            "--a=",
            "0x",
            "0b2",
            "08x",
            "1e",
            "a ' \" b",
            "2026-11",
            "2026-13-01",
            "nope",
            "tRue",
            "1-2",
            "é",
        ] {
            assert_eq!(scalar(same, 0, 2), same);
        }
        for quoted in [
            "",
            "~",
            "null",
            "yes",
            "On",
            "y",
            "N",
            "TRUE",
            "1",
            "-1",
            "+1",
            "1_000",
            "0x1F",
            "0b11",
            "0o17",
            "017",
            "1e3",
            "1.",
            ".5",
            "1.5e-3",
            "1:30",
            "1:2:3.5",
            "2026-11-27",
            ".inf",
            "-.Inf",
            ".NaN",
            "<<",
        ] {
            assert_eq!(scalar(quoted, 0, 2), format!("\"{quoted}\""));
        }
        for (single, written) in [
            ("a: b", "'a: b'"),
            ("a #b", "'a #b'"),
            ("*x", "'*x'"),
            ("it's: ", "'it''s: '"),
            ("- a", "'- a'"),
            ("x:", "'x:'"),
            ("---", "'---'"),
        ] {
            assert_eq!(scalar(single, 0, 2), written);
        }
    }

    #[test]
    fn long_lines_break_at_single_spaces() {
        let text = "a".repeat(81);
        assert_eq!(scalar(&format!("{text} b"), 0, 4), format!("{text}\n    b"));
        assert_eq!(scalar(&format!("{text}  b c"), 0, 4), format!("{text}  b\n    c"));
        assert_eq!(scalar(&format!("{} b", "a".repeat(80)), 0, 4), format!("{} b", "a".repeat(80)));
        assert_eq!(scalar(&format!("{} b", "a".repeat(80)), 1, 4), format!("{}\n    b", "a".repeat(80)));
    }

    #[test]
    fn what_is_written_is_read_as_the_same_string() {
        use crate::diagnostics::Source;
        use proptest::prelude::*;
        // no digits, dots and signs at the beginning: Ansible's YAML knows fewer dates and more numbers than Go's
        let texts = "[a-zA-Z #'\"/_,{}*&!|>%@?~`]([-a-zA-Z0-9 :#'\"./_,{}*&!|>%@?+~=]|é){0,120}";
        proptest!(|(text in texts)| {
            let written = format!("key:\n  inner: {}\n", scalar(&text, 9, 4));
            let read = crate::yaml::load(&Source::new("x.yaml", written.as_str())).ok().and_then(|(node, _)| node);
            let inner = read.as_ref().and_then(|node| node.get("key")?.get("inner")?.as_str());
            prop_assert_eq!(inner, Some(text.as_str()), "{}", written);
        });
    }
}
