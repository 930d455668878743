//! Parsers of others: the one for YAML is a translation of C, and a few of its panics can be reached by what a text holds.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// Whether a panic of this thread ends as a problem of a text.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is caught and told as a problem of a text: then there is nothing to print.
pub fn panics_are_caught() -> bool {
    CAUGHT.get()
}

/// What the parser says; `None` if it gave up. Then it is not asked again.
pub(crate) fn guarded<T>(parse: impl FnOnce() -> T) -> Option<T> {
    let before = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(parse));
    CAUGHT.set(before);
    result.ok()
}
