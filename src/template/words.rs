//! A line cut into words, as Python's `shlex.split` cuts it: this is what Ansible does.

use std::ops::Range;

/// One word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Without quotes and backslashes.
    pub(crate) text: String,
    /// Where it stands in the line, in bytes.
    pub(crate) span: Range<usize>,
}

/// The words of a line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Words {
    pub(crate) words: Vec<Word>,
    /// Where a comment begins in the middle of a word: Ansible cuts the word there.
    pub(crate) cut_by_comment: Option<usize>,
}

/// What is wrong with a line, and where (a byte).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WordError {
    pub(crate) at: usize,
    pub(crate) why: &'static str,
}

/// Cuts a line into words, up to a comment: `shlex.split(line, comments=True)`.
pub(crate) fn split(line: &str) -> Result<Words, WordError> {
    cut(line, true)
}

/// Cuts a text in which a `#` is a character like others: `shlex.split(text)`.
pub(crate) fn split_all(text: &str) -> Result<Vec<Word>, WordError> {
    cut(text, false).map(|found| found.words)
}

fn cut(line: &str, comments: bool) -> Result<Words, WordError> {
    let mut found = Words::default();
    let mut word: Option<Word> = None;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '#' if comments => {
                found.cut_by_comment = word.as_ref().map(|_| at);
                break;
            }
            ' ' | '\t' | '\r' | '\n' => found.words.extend(word.take()),
            c => {
                let word = word.get_or_insert_with(|| Word { text: String::new(), span: at..at });
                match c {
                    '\\' => match chars.next() {
                        Some((_, escaped)) => word.text.push(escaped),
                        None => return Err(WordError { at, why: "nothing follows this backslash" }),
                    },
                    '\'' | '"' => loop {
                        match chars.next() {
                            None => return Err(WordError { at, why: "this quote is not closed" }),
                            Some((_, end)) if end == c => break,
                            // in double quotes a backslash is one, but before a quote or a backslash
                            Some((_, '\\')) if c == '"' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                                Some((_, escaped)) => word.text.push(escaped),
                                None => word.text.push('\\'),
                            },
                            Some((_, inside)) => word.text.push(inside),
                        }
                    },
                    c => word.text.push(c),
                }
                word.span.end = chars.peek().map_or(line.len(), |(next, _)| *next);
            }
        }
    }
    found.words.extend(word);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).unwrap().words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn as_shlex_cuts() {
        assert_eq!(texts("m1  a=1\tb='x y' # c"), ["m1", "a=1", "b=x y"]);
        assert_eq!(texts(r#"a="x \" \\ \n y" b=\# c='\'"#), ["a=x \" \\ \\n y", "b=#", "c=\\"]);
        assert_eq!(texts("''"), [""]);
        assert_eq!(texts("  # only"), Vec::<String>::new());
        assert_eq!(split("a='x").unwrap_err().at, 2);
        assert_eq!(split("a=x\\").unwrap_err().at, 3);
        assert_eq!(texts("a=\u{a0}b"), ["a=\u{a0}b"]);
    }

    #[test]
    fn a_comment_cuts_even_in_a_word() {
        let words = split("m1 p=a#b c=d").unwrap();
        assert_eq!(words.cut_by_comment, Some(6));
        assert_eq!(words.words[1], Word { text: "p=a".into(), span: 3..6 });
        assert_eq!(split("m1 p='a#b'").unwrap().cut_by_comment, None);
        let all: Vec<String> = split_all("m1 p=a#b\n# c").unwrap().into_iter().map(|word| word.text).collect();
        assert_eq!(all, ["m1", "p=a#b", "#", "c"]);
    }

    /// A word as it may be written: each of its characters plain, behind a backslash, or in one of the quotes.
    fn written() -> impl proptest::strategy::Strategy<Value = (String, String)> {
        use proptest::prelude::*;
        let piece = ("[^\\x00]{1,5}", 0..4_usize).prop_map(|(text, how)| {
            let written = match how {
                0 => text.chars().map(|c| format!("\\{c}")).collect(),
                1 => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
                2 if !text.contains('\'') => format!("'{text}'"),
                _ => text.chars().map(|c| if c.is_alphanumeric() || c == '=' { c.to_string() } else { format!("\\{c}") }).collect(),
            };
            (text, written)
        });
        proptest::collection::vec(piece, 1..4).prop_map(|pieces| pieces.into_iter().unzip())
    }

    proptest::proptest! {
        #[test]
        fn words_come_back_however_they_are_written(
            words in proptest::collection::vec(written(), 0..6),
            blank in "[ \t]{1,3}",
            comment in "(#.{0,9})?",
        ) {
            let line = format!("{}{blank}{comment}", words.iter().map(|(_, written)| written.as_str()).collect::<Vec<_>>().join(&blank));
            let found = split(&line).unwrap();
            assert_eq!(found.cut_by_comment, None);
            assert!(found.words.iter().map(|word| &word.text).eq(words.iter().map(|(text, _)| text)), "{line}");
            assert!(found.words.iter().map(|word| &line[word.span.clone()]).eq(words.iter().map(|(_, written)| written.as_str())), "{line}");
        }

        #[test]
        fn any_line_is_cut_or_refused_at_a_place(line in ".{0,60}") {
            match split(&line) {
                Ok(found) => {
                    let mut end = 0;
                    for word in found.words {
                        assert!(word.span.start >= end && line.get(word.span.clone()).is_some());
                        end = word.span.end;
                    }
                }
                Err(error) => assert!(line[error.at..].starts_with(['\'', '"', '\\'])),
            }
        }
    }
}
