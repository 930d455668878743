//! One line of ssh_config: where the keyword ends, and how the rest falls into arguments.
//!
//! The rules are OpenSSH's own, odd corners included: the keyword ends at a blank, a `"` or the first `=`
//! (strdelim), while the arguments know both kinds of quotes, backslashes and comments (argv_split).

use std::ops::Range;

/// A piece of a line after quotes were taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What it says.
    pub text: String,
    /// Where it stands in the line, quotes included, in bytes.
    pub span: Range<usize>,
}

/// A quote was opened and never closed; where it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unclosed(pub usize);

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Takes the next word off `line` from `*at` on, leaving `*at` behind it, or at `None` after the last word.
///
/// The word ends at a blank, at a quote (which makes the rest up to the next quote part of it), or at an `=`,
/// of which one is swallowed with the blanks around it. `None` after the end, or if the quote is not closed.
pub fn next_word(line: &str, at: &mut Option<usize>) -> Option<Word> {
    let start = (*at)?;
    let rest = line.get(start..)?;
    let Some(length) = rest.find(|c| BLANKS.contains(&c) || c == '"' || c == '=') else {
        *at = None;
        return Some(Word { text: rest.to_owned(), span: start..line.len() });
    };
    let (word, rest) = rest.split_at(length);
    let end = start + length;
    if let Some(quoted) = rest.strip_prefix('"') {
        let Some(close) = quoted.find('"') else {
            *at = None;
            return None;
        };
        let after = end + 1 + close + 1;
        *at = Some(skip_blanks(line, after));
        let text = format!("{word}{}", quoted.get(..close).unwrap_or_default());
        return Some(Word { text, span: start..after });
    }
    let after = skip_blanks(line, end + 1);
    let swallow = !rest.starts_with('=') && line.get(after..).is_some_and(|rest| rest.starts_with('='));
    *at = Some(if swallow { skip_blanks(line, after + 1) } else { after });
    Some(Word { text: word.to_owned(), span: start..end })
}

fn skip_blanks(line: &str, from: usize) -> usize {
    let rest = line.get(from..).unwrap_or_default();
    from.min(line.len()) + (rest.len() - rest.trim_start_matches(BLANKS).len())
}

/// The keyword of a line and where its arguments start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The keyword as written.
    pub keyword: Word,
    /// Byte at which the arguments start; the line's length if there are none.
    pub rest: usize,
}

/// Finds the keyword. `None` for an empty line and for a comment.
pub fn head(line: &str) -> Option<Head> {
    let mut at = Some(0);
    let mut keyword = next_word(line, &mut at)?;
    if keyword.text.is_empty() {
        keyword = next_word(line, &mut at)?;
    }
    if keyword.text.is_empty() || keyword.text.starts_with('#') {
        return None;
    }
    Some(Head { keyword, rest: at.map_or(line.len(), |at| skip_blanks(line, at)) })
}

/// Splits the arguments that start at byte `from`, up to a comment.
///
/// # Errors
/// Where a quote was opened that is not closed.
pub fn arguments(line: &str, from: usize) -> Result<Vec<Word>, Unclosed> {
    let mut words = Vec::new();
    let mut chars = line.char_indices().skip_while(|&(at, _)| at < from).peekable();
    while let Some(&(start, first)) = chars.peek() {
        if first == ' ' || first == '\t' {
            chars.next();
            continue;
        }
        if first == '#' {
            break;
        }
        let mut text = String::new();
        let mut quote: Option<(usize, char)> = None;
        let mut end = line.len();
        while let Some((at, c)) = chars.next() {
            match (c, quote) {
                ('\\', _) => {
                    let escaped = chars.next_if(|&(_, next)| matches!(next, '\'' | '"' | '\\') || (next == ' ' && quote.is_none()));
                    text.push(escaped.map_or('\\', |(_, c)| c));
                }
                (' ' | '\t', None) => {
                    end = at;
                    break;
                }
                ('"' | '\'', None) => quote = Some((at, c)),
                (_, Some((_, open))) if open == c => quote = None,
                _ => text.push(c),
            }
        }
        if let Some((at, _)) = quote {
            return Err(Unclosed(at));
        }
        words.push(Word { text, span: start..end });
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(line: &str) -> Vec<String> {
        let head = head(line).unwrap();
        let mut all = vec![head.keyword.text];
        all.extend(arguments(line, head.rest).unwrap().into_iter().map(|word| word.text));
        all
    }

    #[test]
    fn keywords_end_at_a_blank_or_one_equals_sign() {
        assert_eq!(texts("Port 22"), ["Port", "22"]);
        assert_eq!(texts("\tPort=22"), ["Port", "22"]);
        assert_eq!(texts("Port = 22"), ["Port", "22"]);
        assert_eq!(texts("SetEnv A=b"), ["SetEnv", "A=b"]);
        assert_eq!(texts("Port == 22"), ["Port", "=", "22"]);
        assert_eq!(head("  # Port 22"), None);
        assert_eq!(head(""), None);
        assert_eq!(head("Port").unwrap().rest, 4);
    }

    #[test]
    fn arguments_know_quotes_escapes_and_comments() {
        assert_eq!(texts(r#"K "a b" 'c "d' e\ f g#h # i"#), ["K", "a b", "c \"d", "e f", "g#h"]);
        assert_eq!(texts(r#"K "a\"b" \n "" x"y z""#), ["K", "a\"b", "\\n", "", "xy z"]);
        assert_eq!(arguments("K 'x", 2), Err(Unclosed(2)));
    }

    #[test]
    fn spans_hold_the_quotes() {
        let words = arguments(r#"K "a b" c"#, 2).unwrap();
        assert_eq!(words[0].span, 2..7);
        assert_eq!(words[1].span, 8..9);
    }

    proptest! {
        #[test]
        fn any_line_can_be_read(line in "\\PC{0,40}") {
            if let Some(head) = head(&line) {
                prop_assert!(line.is_char_boundary(head.rest));
                for word in arguments(&line, head.rest).unwrap_or_default() {
                    prop_assert!(line.get(word.span).is_some());
                }
            }
            let mut at = Some(0);
            let mut turns = 0;
            while next_word(&line, &mut at).is_some() && turns < 100 {
                turns += 1;
            }
            prop_assert!(turns < 100);
        }
    }
}
