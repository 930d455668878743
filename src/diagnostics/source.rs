//! A text and places in it.

use std::ops::Range;
use std::sync::Arc;

/// A text that was read: a file, or a part of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// How a person knows it: a path as they typed it, or `-i`.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
}

impl Source {
    /// A source of that name with that text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The place that `span` (in bytes) takes in this source.
    pub fn at(&self, span: Range<usize>) -> Place {
        Place { source: self.clone(), span }
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
        let end = (0..=self.span.start.min(self.source.text.len())).rev().find(|&at| self.source.text.is_char_boundary(at)).unwrap_or(0);
        let before = self.source.text.get(..end).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
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
    }
}
