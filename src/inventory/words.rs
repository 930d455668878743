//! A line cut into words, as Python's `shlex.split(line, comments=True)` cuts it: this is what Ansible does.

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

/// A quote that is not closed, and where it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unclosed(pub(crate) usize);

/// Cuts a line into words.
pub(crate) fn split(line: &str) -> Result<Words, Unclosed> {
    let mut found = Words::default();
    let mut word: Option<Word> = None;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '#' => {
                found.cut_by_comment = word.as_ref().map(|_| at);
                break;
            }
            c if c.is_whitespace() => found.words.extend(word.take()),
            c => {
                let word = word.get_or_insert_with(|| Word { text: String::new(), span: at..at });
                match c {
                    '\\' => word.text.extend(chars.next().map(|(_, escaped)| escaped)),
                    '\'' | '"' => loop {
                        match chars.next() {
                            None => return Err(Unclosed(at)),
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
        assert_eq!(split("a='x"), Err(Unclosed(2)));
    }

    #[test]
    fn a_comment_cuts_even_in_a_word() {
        let words = split("m1 p=a#b c=d").unwrap();
        assert_eq!(words.cut_by_comment, Some(6));
        assert_eq!(words.words[1], Word { text: "p=a".into(), span: 3..6 });
        assert_eq!(split("m1 p='a#b'").unwrap().cut_by_comment, None);
    }
}
