//! Passwords in the lines that are shown under a mistake. Where a file could not be read nobody knows what in it is a password,
//! so what looks like one is taken for one; and marks still stand under what they mean once it is hidden.

use std::ops::Range;

use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source, passwords_in};
use crate::inventory::is_secret;
use crate::report::Secrets;

/// The problems that are shown, with lines in which nothing secret stands.
pub(super) fn concealed(problems: &Diagnostics, secrets: &Secrets) -> Vec<Diagnostic> {
    let problems = problems.shown();
    let mut found: Vec<&str> = Vec::new();
    for problem in &problems {
        for (source, shown) in sources(problem) {
            source.text.get(shown).unwrap_or_default().lines().for_each(|line| found.extend(passwords_in(line, is_secret)));
        }
    }
    // short ones are told where they are read
    let _ = secrets.register_all(found);
    problems.iter().map(|problem| without(problem, secrets)).collect()
}

/// The texts that a problem shows, each with the lines from its first mark to its last.
fn sources(problem: &Diagnostic) -> Vec<(&Source, Range<usize>)> {
    let mut found: Vec<(&Source, Range<usize>)> = Vec::new();
    for place in problem.place.iter().chain(problem.also.iter().map(|(place, _)| place)).filter(|place| !place.source.hidden) {
        let lines = place.source.lines(&place.span);
        match found.iter_mut().find(|(source, _)| std::ptr::eq(source.text.as_ptr(), place.source.text.as_ptr())) {
            Some((_, range)) => *range = range.start.min(lines.start)..range.end.max(lines.end),
            None => found.push((&place.source, lines)),
        }
    }
    found
}

fn without(problem: &Diagnostic, secrets: &Secrets) -> Diagnostic {
    let mut problem = problem.clone();
    let old = problem.clone();
    for (source, range) in sources(&old) {
        let text = source.text.get(range.clone()).unwrap_or_default();
        if secrets.redact(text) == *text {
            continue;
        }
        let lines = Lines::new(text, secrets);
        let (before, after) = (source.text.get(..range.start).unwrap_or_default(), source.text.get(range.end..).unwrap_or_default());
        let hidden = Source::new(std::sync::Arc::clone(&source.name), format!("{before}{}{after}", lines.new));
        let moved = |place: &mut Place| {
            if std::ptr::eq(place.source.text.as_ptr(), source.text.as_ptr()) {
                let [start, end] =
                    [(place.span.start, false), (place.span.end, true)].map(|(at, end)| range.start + lines.moved(at - range.start, end));
                *place = hidden.at(start..end.max(start));
            }
        };
        problem.place.iter_mut().for_each(moved);
        problem.also.iter_mut().for_each(|(place, _)| moved(place));
    }
    problem
}

/// Lines before and after secrets were taken out of each.
struct Lines<'t> {
    old: &'t str,
    new: String,
    secrets: &'t Secrets,
}

impl<'t> Lines<'t> {
    fn new(old: &'t str, secrets: &'t Secrets) -> Self {
        let new = old.split('\n').map(|line| secrets.redact(line)).collect::<Vec<_>>().join("\n");
        Self { old, new, secrets }
    }

    /// Where a byte of the old text is in the new one; one inside a secret moves to its begin, or to its end.
    fn moved(&self, at: usize, end: bool) -> usize {
        let (mut old_start, mut new_start) = (0, 0);
        for (old, new) in self.old.split('\n').zip(self.new.split('\n')) {
            let inside = at.checked_sub(old_start).filter(|inside| *inside <= old.len());
            if let Some(inside) = inside {
                let same = |at: usize| {
                    let (before, after) = (self.secrets.redact(old.get(..at)?), self.secrets.redact(old.get(at..)?));
                    (before.len() + after.len() == new.len() && new.starts_with(&before)).then_some(before.len())
                };
                let found = if end { (inside..=old.len()).find_map(same) } else { (0..=inside).rev().find_map(same) };
                return new_start + found.unwrap_or(0);
            }
            (old_start, new_start) = (old_start + old.len() + 1, new_start + new.len() + 1);
        }
        self.new.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_password_is_hidden_and_marks_stay() {
        let secrets = Secrets::default();
        let source =
            Source::new("x", "m1 ansible_password=hunter2-rabbit ansible_hots=1\nsudo_pass: 'a long one' # c\nb: {token: abcdef, x: 1}\n");
        let problem = |span: Range<usize>| Diagnostic::error("x").at(source.at(span));
        let problems =
            Diagnostics(vec![problem(35..47), problem(20..34), problem(50..51).also(source.at(78..79), "also"), problem(99..100)]);
        let drawn: Vec<String> = concealed(&problems, &secrets).iter().map(|problem| problem.render(false)).collect();
        insta::assert_snapshot!(drawn.join("\n"));
    }
}
