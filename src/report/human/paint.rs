//! Colour repeats what the words say.

use super::super::Outcome;

/// Whether there is colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    fn style(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.style("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.style("2", text)
    }

    pub(super) fn error(self, text: &str) -> String {
        self.style("1;31", text)
    }

    pub(super) fn warning(self, text: &str) -> String {
        self.style("1;33", text)
    }

    pub(super) fn added(self, text: &str) -> String {
        self.style("32", text)
    }

    pub(super) fn removed(self, text: &str) -> String {
        self.style("31", text)
    }

    pub(super) fn outcome(self, outcome: Outcome, text: &str) -> String {
        match outcome {
            Outcome::Unchanged => self.style("32", text),
            Outcome::Changed => self.style("36", text),
            Outcome::Refused | Outcome::Unknown => self.style("33", text),
            Outcome::Failed | Outcome::Unreachable => self.style("31", text),
        }
    }
}
