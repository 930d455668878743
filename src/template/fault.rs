//! What went wrong while a template was rendered, on its way to a [`Diagnostic`].

use std::ops::Range;

use crate::diagnostics::{Diagnostic, Place, suggestion};

use super::value::V;

/// How much of a name is shown.
const NAME: usize = 80;

/// A problem. It learns its place when it leaves the template in which it came up.
#[derive(Clone)]
pub(super) struct Fault {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// What to write under the place.
    pub label: Option<String>,
    /// The name that is not known, and the names among which it was looked for.
    pub wanted: Option<(String, Names)>,
    /// Whether something is not defined: `default` and `is defined` are there for that.
    pub undefined: bool,
    /// Whether it is nothing rather than an error beside other text: an `if` without `else`.
    pub blank: bool,
    /// Where it is in the template that is being rendered, in bytes.
    span: Option<Range<usize>>,
    /// Where it is, once known.
    place: Option<Place>,
    /// The reference (in bytes) of the template that is being rendered, to the value that went wrong.
    reference: Option<Range<usize>>,
    /// The references on the way here.
    also: Vec<Place>,
}

/// Where a name was looked for. The most similar one is only searched for when somebody sees the problem: most undefined
/// values get a default.
#[derive(Clone)]
pub(super) enum Names {
    /// Among the variables.
    Variables,
    /// Among the keys of that mapping.
    Keys(V),
}

/// What an expression gives.
pub(super) type Outcome<T> = Result<T, Box<Fault>>;

impl Fault {
    /// A problem, its place not known yet.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            label: None,
            wanted: None,
            undefined: false,
            blank: false,
            span: None,
            place: None,
            reference: None,
            also: Vec::new(),
        }
    }

    /// Something that is not there.
    pub fn undefined(message: impl Into<String>) -> Self {
        Self { undefined: true, ..Self::new(message) }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says what to write under the place.
    #[must_use]
    pub fn label(mut self, label: Option<String>) -> Self {
        self.label = label;
        self
    }

    /// Says where in the template, if nobody closer to it did.
    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Self {
        if self.place.is_none() {
            self.span.get_or_insert(span);
        } else {
            self.reference.get_or_insert(span);
        }
        self
    }

    /// It leaves a template: `place` tells where bytes of it stand in the source.
    #[must_use]
    pub fn leave(mut self, place: impl Fn(Option<Range<usize>>) -> Place) -> Self {
        if self.place.is_none() {
            self.place = Some(place(self.span.take()));
        } else if let Some(reference) = self.reference.take() {
            let reference = place(Some(reference));
            // several references from one place say nothing new
            if self.place.as_ref() != Some(&reference) && !self.also.contains(&reference) && self.also.len() < 5 {
                self.also.push(reference);
            }
        }
        self
    }

    /// As a person sees it; `names` are the variables' names.
    pub fn diagnostic(self, otherwise: &Place, names: impl FnOnce() -> Vec<String>) -> Diagnostic {
        let similar = self.wanted.and_then(|(name, among)| {
            let names = match among {
                Names::Variables => names(),
                Names::Keys(V::Dict(dict)) => dict.entries().iter().filter_map(|(key, _)| key.as_str()).map(str::to_owned).collect(),
                Names::Keys(V::Lazy(lazy)) => lazy.keys().filter_map(V::as_str).map(str::to_owned).collect(),
                Names::Keys(_) => Vec::new(),
            };
            meant(&name, names.iter().map(String::as_str))
        });
        let mut diagnostic = Diagnostic::error(self.message).at(self.place.unwrap_or_else(|| otherwise.clone()));
        diagnostic.label = self.label.or(similar);
        diagnostic.hint = self.hint;
        diagnostic.undefined = self.undefined;
        for place in self.also {
            diagnostic = diagnostic.also(place, "used here");
        }
        diagnostic
    }
}

/// A name as it is written in messages: nobody reads more of it.
pub(super) fn shown(name: &str) -> String {
    let mut chars = name.chars();
    let start: String = chars.by_ref().take(NAME).collect();
    if chars.next().is_some() { start + "…" } else { start }
}

/// What was probably meant. Nobody mistypes so long a name, and comparing it takes time.
pub(super) fn meant<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if name.len() > NAME { None } else { suggestion(name, names.into_iter().filter(|name| name.len() <= NAME)) }
}

/// A problem as an outcome.
pub(super) fn fail<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Box::new(Fault::new(message)))
}

/// A problem with a hint, as an outcome.
pub(super) fn fail_hint<T>(message: impl Into<String>, hint: impl Into<String>) -> Outcome<T> {
    Err(Box::new(Fault::new(message).hint(hint)))
}
