//! What a check reports.

use std::fmt;

use super::evidence::Evidence;
use crate::cluster::settings::Settings;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It stops the run.
    Error,
    /// It could not be looked at.
    Unknown,
    /// It should be known.
    Warning,
    /// `homelabctl provision` sets it up.
    Planned,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The check, by kubeadm's name where kubeadm has it: what `ignore_preflight_errors` names.
    pub check: String,
    /// The nodes that it is about.
    pub nodes: Vec<String>,
    /// What was seen.
    pub seen: String,
    /// Why it matters.
    pub why: String,
    /// What to do: a command, where there is one.
    pub todo: String,
}

/// Findings as they come.
pub(super) struct Findings<'a> {
    settings: &'a Settings,
    all: Vec<Finding>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self { settings, all: Vec::new() }
    }

    /// What stops the run, unless the settings excuse it.
    pub(super) fn error(&mut self, check: &str, nodes: &[&Evidence], seen: impl Into<String>, why: &str, todo: &str) {
        let is_excused = self.settings.ignore_preflight_errors.iter().any(|name| name.eq_ignore_ascii_case(check));
        let severity = if is_excused { Severity::Warning } else { Severity::Error };
        self.add(severity, check, nodes, seen.into(), why, todo);
    }

    /// What should be known.
    pub(super) fn warning(&mut self, check: &str, nodes: &[&Evidence], seen: impl Into<String>, why: &str, todo: &str) {
        self.add(Severity::Warning, check, nodes, seen.into(), why, todo);
    }

    /// What would stop kubeadm, and a run mends on its way there.
    pub(super) fn planned(&mut self, check: &str, nodes: &[&Evidence], seen: impl Into<String>, why: &str, by: &str) {
        self.add(Severity::Planned, check, nodes, seen.into(), why, &format!("`homelabctl provision` does it on its way, in `{by}`"));
    }

    /// What could not be looked at.
    pub(super) fn unknown(&mut self, check: &str, node: &Evidence, what: &str, why: &str) {
        let todo = "nothing is decided by it; look at it yourself, or mend what stopped the look";
        self.add(Severity::Unknown, check, &[node], format!("{what} could not be read: {why}"), "what is not known may be wrong", todo);
    }

    fn add(&mut self, severity: Severity, check: &str, nodes: &[&Evidence], seen: String, why: &str, todo: &str) {
        let nodes = nodes.iter().map(|node| node.name.clone()).collect();
        self.all.push(Finding { severity, check: check.into(), nodes, seen, why: why.into(), todo: todo.into() });
    }

    /// The same finding of several nodes is one.
    pub(super) fn done(self) -> Vec<Finding> {
        let mut kept: Vec<Finding> = Vec::new();
        for finding in self.all {
            let is_same = |other: &&mut Finding| {
                (other.severity, &other.check, &other.seen, &other.why, &other.todo)
                    == (finding.severity, &finding.check, &finding.seen, &finding.why, &finding.todo)
            };
            match kept.iter_mut().find(is_same) {
                Some(same) => same.nodes.extend(finding.nodes.into_iter().filter(|name| !same.nodes.contains(name)).collect::<Vec<_>>()),
                None => kept.push(finding),
            }
        }
        kept.sort_by_key(|finding| finding.severity);
        kept
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Planned => "planned",
        })
    }
}

/// As a person reads it.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  {}  {}", self.severity, self.check, self.nodes.join(" "))?;
        write!(f, "  {}\n  {}\n  → {}", self.seen, self.why, self.todo)
    }
}
