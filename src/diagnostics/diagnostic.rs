//! One problem, and several of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level as Drawn, Origin, Renderer, Snippet};

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
    /// Other places that belong to it, and what to write under each.
    pub also: Vec<(Place, String)>,
    /// What to do, on a line of its own.
    pub hint: Option<String>,
    /// Whether a template failed because something in it is not there.
    pub undefined: bool,
}

impl Diagnostic {
    /// An error.
    pub fn error(message: impl Into<String>) -> Self {
        Self { level: Level::Error, message: message.into(), place: None, label: None, also: Vec::new(), hint: None, undefined: false }
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

    /// Shows another place too.
    #[must_use]
    pub fn also(mut self, place: Place, label: impl Into<String>) -> Self {
        self.also.push((place, label.into()));
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
        let mut group = Group::with_title(level.primary_title(self.message.as_str()));
        let first = self.place.iter().map(|place| (place, self.label.as_deref(), AnnotationKind::Primary));
        let others = self.also.iter().map(|(place, label)| (place, Some(label.as_str()), AnnotationKind::Context));
        let mut marks: Vec<_> = first.chain(others).collect();
        while let Some(&(place, label, _)) = marks.first() {
            if place.source.hidden {
                let (line, column) = place.line_column();
                group = group.element(Origin::path(place.source.name.as_ref()).line(line).char_column(column));
                group = group.elements(label.map(|label| Drawn::NOTE.message(label)));
                marks.remove(0);
                continue;
            }
            let (here, elsewhere): (Vec<_>, Vec<_>) = marks.into_iter().partition(|(other, ..)| other.source == place.source);
            group = group.element(excerpt(&here));
            marks = elsewhere;
        }
        if let Some(hint) = &self.hint {
            group = group.element(Drawn::HELP.with_name("hint").message(hint.as_str()));
        }
        renderer.render(&[group])
    }
}

/// A mark reaches over so many line ends.
const SHOWN: usize = 2;

/// The lines of one source in which these marks stand. Only these are given to the renderer: it looks at all it gets.
fn excerpt<'a>(marks: &[(&'a Place, Option<&'a str>, AnnotationKind)]) -> Snippet<'a, Annotation<'a>> {
    let Some((place, ..)) = marks.first() else { return Snippet::source("") };
    let text: &str = &place.source.text;
    // of many lines the first is enough to find the place
    let first_line = |span: Range<usize>| {
        let marked = text.get(span.clone()).unwrap_or_default();
        let many = marked.matches('\n').nth(SHOWN).is_some();
        span.start..marked.find('\n').filter(|end| many && *end > 0).map_or(span.end, |end| span.start + end)
    };
    let spans: Vec<_> = marks.iter().map(|(place, ..)| first_line(place.clamped())).collect();
    let first = spans.iter().map(|span| span.start).min().unwrap_or(0);
    let last = spans.iter().map(|span| span.end).max().unwrap_or(0);
    let Range { start, end } = place.source.lines(&(first..last));
    let line = memchr::memchr_iter(b'\n', text.get(..start).unwrap_or("").as_bytes()).count() + 1;
    let annotations = marks.iter().zip(spans).map(|((_, label, kind), span)| kind.span(span.start - start..span.end - start).label(*label));
    Snippet::source(text.get(start..end).unwrap_or("")).line_start(line).path(place.source.name.as_ref()).annotations(annotations)
}

/// So many errors, and so many warnings, of one file are shown.
const MOST_SHOWN: usize = 100;
/// And so many of all files.
const MOST_OF_ALL: usize = 1000;

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

    /// Those that a person is shown: of each file the first hundred errors and warnings, then how many more there are.
    /// Nobody reads twenty thousand of them, and each shows a line of its file.
    pub fn shown(&self) -> Vec<Cow<'_, Diagnostic>> {
        let mut shown: Vec<Cow<'_, Diagnostic>> = Vec::new();
        // of each file, how many are shown and how many are not
        let mut counts: BTreeMap<(Level, &str), (usize, usize)> = BTreeMap::new();
        for diagnostic in &self.0 {
            let file = diagnostic.place.as_ref().map_or("", |place| &*place.source.name);
            let (told, more) = counts.entry((diagnostic.level, file)).or_default();
            if *told < MOST_SHOWN && shown.len() < MOST_OF_ALL {
                *told += 1;
                shown.push(Cow::Borrowed(diagnostic));
            } else {
                *more += 1;
            }
        }
        let mut elsewhere: BTreeMap<Level, usize> = BTreeMap::new();
        let mut rest = |level, more: usize, file: &str| {
            let what = if level == Level::Error { "error" } else { "warning" };
            let (plural, are) = if more == 1 { ("", "is") } else { ("s", "are") };
            let message = format!("{more} more {what}{plural}{file} {are} not shown");
            shown.push(Cow::Owned(Diagnostic { level, ..Diagnostic::error(message) }));
        };
        for ((level, file), (told, more)) in counts.into_iter().filter(|(_, (_, more))| *more > 0) {
            match (told, file) {
                (0, _) => *elsewhere.entry(level).or_default() += more,
                (_, "") => rest(level, more, ""),
                (_, file) => rest(level, more, &format!(" in `{file}`")),
            }
        }
        elsewhere.into_iter().for_each(|(level, more)| rest(level, more, " in other files"));
        shown
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
        let drawn: Vec<String> = self.shown().iter().map(|d| d.render(false)).collect();
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
    fn two_places_and_a_text_that_must_not_be_shown() {
        let (source, hidden) = (Source::new("a.yml", "x: 1\ny: 2\n\n\n\n\nx: 3\n"), Source::hidden("vault.yml", "x: secret\n"));
        let error = Diagnostic::error("`x` stands twice").at(source.at(14..15)).also(source.at(0..1), "first here");
        assert_eq!(error.render(false), "error: `x` stands twice\n --> a.yml:7:1\n  |\n1 | x: 1\n  | - first here\n...\n7 | x: 3\n  | ^");
        let error = Diagnostic::error("`x` stands twice").at(hidden.at(0..1)).label("here").also(source.at(5..6), "and here");
        let drawn = error.render(false);
        assert!(drawn.contains("vault.yml:1:1") && drawn.contains("and here") && !drawn.contains("secret"), "{drawn}");
    }

    #[test]
    fn of_very_many_the_first_are_shown() {
        let (big, small) = (Source::new("big", "x\n"), Source::new("small", "y\n"));
        let mut all = Diagnostics::new();
        (0..1234).for_each(|number| all.push(Diagnostic::error(format!("wrong {number}")).at(big.at(0..1))));
        (0..101).for_each(|_| all.push(Diagnostic::warning("odd").at(big.at(0..1))));
        all.push(Diagnostic::error("the last").at(small.at(0..1)));
        let shown = all.shown();
        assert_eq!(shown.len(), 100 + 100 + 1 + 2);
        let last: Vec<&str> = shown.iter().rev().take(3).map(|one| one.message.as_str()).collect();
        assert_eq!(last, ["1 more warning in `big` is not shown", "1134 more errors in `big` are not shown", "the last"]);
        let mut many = Diagnostics::new();
        (0..5000).for_each(|number| many.push(Diagnostic::error("wrong").at(Source::new(format!("file{number}"), "x").whole())));
        assert_eq!(many.shown().last().unwrap().message, "4000 more errors in other files are not shown");
    }

    #[test]
    fn a_span_outside_the_text_or_inside_a_character_does_not_panic() {
        let source = Source::new("x", "ä");
        for span in [0..1, 1..1, 1..99, 77..99] {
            assert!(Diagnostic::error("bad").at(source.at(span)).render(false).contains("bad"));
        }
    }
}
