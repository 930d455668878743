//! One problem, and several of them.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level as Drawn, Renderer, Snippet};

use super::Place;

/// Whether a problem stops the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It does.
    Error,
    /// It does not, but the person should know.
    Warning,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub level: Level,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// Where it stands, if it stands in a text.
    pub place: Option<Place>,
    /// What to write under the place, e.g. "did you mean `path`?".
    pub label: Option<String>,
    /// What to do, on a line of its own.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub fn error(message: impl Into<String>) -> Self {
        Self { level: Level::Error, message: message.into(), place: None, label: None, hint: None }
    }

    /// A warning.
    pub fn warning(message: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(message) }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Says what to write under the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The drawing a person sees: the message, the line it stands in, the hint.
    pub fn render(&self, colour: bool) -> String {
        let level = match self.level {
            Level::Error => Drawn::ERROR,
            Level::Warning => Drawn::WARNING,
        };
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let title = level.primary_title(self.message.as_str());
        let mut group = match &self.place {
            None => Group::with_title(title),
            Some(place) => {
                let text: &str = &place.source.text;
                let start = (0..=place.span.start.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
                let end =
                    (place.span.end.clamp(start, text.len())..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
                let mark = AnnotationKind::Primary.span(start..end).label(self.label.as_deref());
                let snippet = Snippet::source(text).path(place.source.name.as_ref()).annotation(mark);
                title.element(snippet)
            }
        };
        if let Some(hint) = &self.hint {
            group = group.element(Drawn::HELP.with_name("hint").message(hint.as_str()));
        }
        renderer.render(&[group])
    }
}

/// All the problems that were found, in the order of their places. The error of everything that reads files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Diagnostics) {
        self.0.extend(other.0);
    }

    /// Whether one of them stops the run.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.level == Level::Error)
    }

    /// `value` if none of them stops the run, else all of them.
    ///
    /// # Errors
    /// All diagnostics, warnings too, if one of them is an error.
    pub fn or<T>(self, value: T) -> Result<(T, Diagnostics), Diagnostics> {
        if self.has_errors() { Err(self) } else { Ok((value, self)) }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drawn: Vec<String> = self.0.iter().map(|d| d.render(false)).collect();
        f.write_str(&drawn.join("\n\n"))
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    #[test]
    fn an_error_shows_the_line_and_the_hint() {
        let source = Source::new("inventory/hosts.ini", "[masters]\nnode[3:1].lan\n");
        let error = Diagnostic::error("`node[3:1]` counts down")
            .at(source.at(10..19))
            .label("write the smaller number first: `node[1:3]`")
            .hint("see it");
        assert_eq!(
            error.render(false),
            "error: `node[3:1]` counts down\n --> inventory/hosts.ini:2:1\n  |\n2 | node[3:1].lan\n  | ^^^^^^^^^ write the smaller number first: `node[1:3]`\n  |\n  = hint: see it"
        );
    }

    #[test]
    fn a_span_outside_the_text_or_inside_a_character_does_not_panic() {
        let source = Source::new("x", "ä");
        for span in [0..1, 1..1, 1..99, 77..99] {
            assert!(Diagnostic::error("bad").at(source.at(span)).render(false).contains("bad"));
        }
    }
}
