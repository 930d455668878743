//! What a check of machines reports.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Secrets;

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The check, by a name that settings may excuse.
    pub check: String,
    /// Which hosts.
    pub hosts: Vec<Arc<str>>,
    /// What was seen.
    pub seen: String,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub todo: String,
}

/// How bad something is that was found, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It stops what was to come.
    Error,
    /// It could not be looked at.
    Unknown,
    /// It should be known.
    Warning,
    /// What is to come sets it up.
    Planned,
}

impl Finding {
    /// The same without the secrets.
    pub(super) fn redacted(self, secrets: &Secrets) -> Self {
        let Self { severity, check, hosts, seen, why, todo } = self;
        Self { severity, check, hosts, seen: secrets.redact(&seen), why: secrets.redact(&why), todo: secrets.redact(&todo) }
    }
}
