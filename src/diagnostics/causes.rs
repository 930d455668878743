//! An error and what it comes of, on one line.

use std::error::Error;

/// The error and its causes, joined by `: `; a cause that was said already is not said twice.
pub fn with_causes(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !said.ends_with(&more) {
            said = format!("{said}: {more}");
        }
        cause = error.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str, #[source] Option<Box<Said>>);

    #[test]
    fn each_cause_is_said_once() {
        let error = Said("the door is closed", Some(Box::new(Said("it rains", Some(Box::new(Said("it rains", None)))))));
        assert_eq!(with_causes(&error), "the door is closed: it rains");
        assert_eq!(
            with_causes(&Said("the door is closed: it rains", Some(Box::new(Said("it rains", None))))),
            "the door is closed: it rains"
        );
    }
}
