//! A text and places in it.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// A text that was read: a file, or a part of the command line. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Source(Arc<Text>);

/// What a [`Source`] holds.
#[derive(PartialEq, Eq)]
pub struct Text {
    /// How a person knows it: a path as they typed it, or `-i`.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
    /// Whether the text must not be shown: it was decrypted, or belongs to nobody's eyes.
    pub hidden: bool,
}

impl Source {
    /// A source of that name with that text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self(Arc::new(Text { name: name.into(), text: text.into(), hidden: false }))
    }

    /// The same for a text of which no line may be shown under an error: line and column are told, the line is not.
    pub fn hidden(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self(Arc::new(Text { name: name.into(), text: text.into(), hidden: true }))
    }

    /// The place that `span` (in bytes) takes in this source.
    pub fn at(&self, span: Range<usize>) -> Place {
        Place { source: self.clone(), span }
    }

    /// The whole of it.
    pub fn whole(&self) -> Place {
        self.at(0..self.text.len())
    }

    /// From the beginning of the line in which a span begins to the end of that in which it ends, without the line end.
    pub fn lines(&self, span: &Range<usize>) -> Range<usize> {
        let text = self.text.as_bytes();
        let (first, last) = (span.start.min(text.len()), span.end.clamp(span.start.min(text.len()), text.len()));
        let start = text.get(..first).and_then(|before| memchr::memrchr(b'\n', before)).map_or(0, |at| at + 1);
        let end = text.get(last..).and_then(|after| memchr::memchr(b'\n', after)).map_or(text.len(), |at| last + at);
        start..end
    }

    /// The place of a whole line (counted from 1), without its line end.
    pub fn line(&self, number: usize) -> Place {
        let mut start = 0;
        for (index, line) in self.text.split_inclusive('\n').enumerate() {
            if index + 1 == number {
                return self.at(start..start + line.trim_end_matches(['\n', '\r']).len());
            }
            start += line.len();
        }
        self.at(self.text.len()..self.text.len())
    }
}

impl Deref for Source {
    type Target = Text;

    fn deref(&self) -> &Text {
        &self.0
    }
}

/// The name only: the text may hold passwords, and is long.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.name)
    }
}

/// A stretch of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where it stands.
    pub source: Source,
    /// First and past-the-last byte.
    pub span: Range<usize>,
}

impl Place {
    /// Line and column of the first character, both counted from 1; columns are characters.
    pub fn line_column(&self) -> (usize, usize) {
        let text = &self.source.text;
        let end = (0..=self.span.start.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let before = text.get(..end).unwrap_or("");
        let line = memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }

    /// What of it stands in its first line.
    #[must_use]
    pub fn first_line(&self) -> Place {
        let text = self.source.text.get(self.span.clone()).unwrap_or_default();
        self.source.at(self.span.start..self.span.start + text.lines().next().map_or(0, str::len))
    }

    /// The stretch on whole characters of the text, whatever the span says.
    pub(super) fn clamped(&self) -> Range<usize> {
        let text = &self.source.text;
        let start = (0..=self.span.start.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let end = (self.span.end.clamp(start, text.len())..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
        start..end
    }
}

/// `file:line:column`, as compilers write it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(f, "{}:{line}:{column}", self.source.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let source = Source::new("x", "aä\nbcd\n");
        assert_eq!(source.at(0..1).line_column(), (1, 1));
        assert_eq!(source.at(3..3).line_column(), (1, 3));
        assert_eq!(source.at(5..6).line_column(), (2, 2));
        assert_eq!(source.line(2).span, 4..7);
        assert_eq!(source.line(9).span, 8..8);
        assert_eq!(source.at(5..6).to_string(), "x:2:2");
    }

    #[test]
    fn lines_around_a_span_and_the_first_of_a_place() {
        let source = Source::new("x", "ab\ncd\nef");
        assert_eq!((source.lines(&(4..4)), source.lines(&(1..4)), source.lines(&(2..2))), (3..5, 0..5, 0..2));
        assert_eq!((source.lines(&(6..8)), source.lines(&(8..8)), source.lines(&(9..20))), (6..8, 6..8, 6..8));
        assert_eq!((source.at(1..8).first_line().span, source.at(3..4).first_line().span), (1..2, 3..4));
    }

    #[test]
    fn a_text_is_not_printed_by_accident() {
        assert_eq!(format!("{:?}", Source::new("x", "secret").whole()), "Place { source: Source(x), span: 0..6 }");
    }
}
