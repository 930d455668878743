//! What a person at the terminal is asked while a run goes on.

use std::sync::Arc;

use crate::modules::Formatting;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// `--step`: whether a task is done.
    Step {
        /// What it is called.
        task: String,
    },
    /// `pause`.
    Pause {
        /// What the task is called.
        task: String,
        /// What it asks; without it, it waits for Enter.
        prompt: Option<String>,
        /// How long it waits, and then goes on; without it, it waits for an answer.
        seconds: Option<u64>,
        /// Whether what is typed is shown.
        echo: bool,
    },
    /// Whether these things are done, which cannot be taken back.
    Irreversible {
        /// What each is.
        what: Vec<String>,
    },
    /// Whether these disks are formatted.
    Format {
        /// They, in the order of their hosts.
        disks: Vec<FormattedDisk>,
    },
}

/// A disk that is to be formatted, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormattedDisk {
    /// The host.
    pub host: String,
    /// What a person should know of it.
    pub formatting: Formatting,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A text; for a question without one, to go on.
    Text(String),
    /// The task is done.
    Yes,
    /// The task is left out.
    No,
    /// The task is done, and no further one is asked about.
    Always,
    /// The run is to end.
    Abort,
    /// There is nobody to ask.
    Nobody,
}

/// Asks, and waits for the answer.
pub type Person = Arc<dyn Fn(Question) -> Reply + Send + Sync>;
