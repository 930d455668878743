//! How it ended on a host: six words, and no others.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::diagnostics::ExitCode;

/// How a task, or a whole run, ended on one host. Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything was as it should be.
    Unchanged,
    /// Something was changed, or a command ran.
    Changed,
    /// We would not do it, and nothing was done.
    Refused,
    /// It was tried and did not work.
    Failed,
    /// The host was not reached; nothing happened on it.
    Unreachable,
    /// Whether it happened cannot be known: the connection was lost in between.
    Unknown,
}

impl Outcome {
    /// The exit code of a run whose worst outcome this is.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Unchanged | Self::Changed => ExitCode::Done,
            Self::Refused | Self::Failed => ExitCode::HostFailed,
            Self::Unreachable | Self::Unknown => ExitCode::Unreachable,
        }
    }

    /// Whether the host is as it was asked to be.
    pub fn is_good(self) -> bool {
        self <= Self::Changed
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_outcome_decides_the_exit_code() {
        let worst = [Outcome::Failed, Outcome::Unknown, Outcome::Changed].into_iter().max();
        assert_eq!(worst.map(Outcome::exit_code), Some(ExitCode::Unreachable));
        assert_eq!(Outcome::Changed.exit_code(), ExitCode::Done);
        assert_eq!(Outcome::Refused.exit_code(), ExitCode::HostFailed);
    }
}
