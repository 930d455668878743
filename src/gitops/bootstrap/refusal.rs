//! What stops a run: what was seen, why that stops us, and what goes on.

use std::fmt;

use super::super::cluster::preflight::Finding;
use super::super::cluster::stored_versions::Judgement;
use super::super::github::branch::Obstacle;
use super::super::github::repository::Name;
use super::super::settings::Settings;
use super::live::{Change, Changed};

/// A reason not to go on. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was seen.
    pub saw: String,
    /// Why it stops us.
    pub why: String,
    /// The command, or the step, that goes on.
    pub next: String,
}

impl Refusal {
    pub(super) fn new(saw: impl Into<String>, why: impl Into<String>, next: impl Into<String>) -> Self {
        Self { saw: saw.into(), why: why.into(), next: next.into() }
    }

    /// Something in the cluster is in the way.
    pub(super) fn found(finding: &Finding) -> Self {
        let next = finding.next.clone().unwrap_or_else(|| "mend it, and run again".into());
        Self::new(finding.seen.clone(), finding.why.clone(), next)
    }

    /// A definition cannot be replaced by the new one.
    pub(super) fn stuck(version: &Judgement) -> Self {
        let why = "the API would not take the new definition, and objects could not be read any more";
        Self::new(version.to_string(), why, "go by an older release first: homelabctl bootstrap --version=vX.Y.Z --manifests=FILE")
    }

    /// A definition would go, and with it all objects of it.
    pub(super) fn held(name: &str, count: Result<usize, String>) -> Option<Self> {
        let saw = match count {
            Ok(0) => return None,
            Ok(count) => format!("the definition {name} would be pruned, and there are {count} objects of it"),
            Err(said) => format!("the definition {name} would be pruned, and whether there are objects of it is unknown: {said}"),
        };
        let next = "keep the component (--components), or delete those objects first: `kubectl get --all-namespaces`".to_owned();
        Some(Self::new(saw, "they would go with it, and all that came of them", format!("{next} {name}")))
    }

    /// The API would not take an object.
    pub(super) fn not_taken(changed: &Changed) -> Option<Self> {
        let Change::Refused(said) = &changed.change else { return None };
        let why = "what the API does not take would leave the rest half done";
        Some(Self::new(format!("{} would be refused: {said}", changed.id), why, "see what is in its way, and run again"))
    }

    /// The token may not do enough.
    pub(super) fn right(name: &Name, right: &str, so: &str) -> Self {
        Self::new(
            format!("the token's owner has too few rights for {name}"),
            format!("without \"{right}\" {so}"),
            "make a token with that right, and let its owner be an administrator of the repository".to_owned(),
        )
    }

    pub(super) fn archived(name: &Name) -> Self {
        Self::new(
            format!("{name} is archived"),
            "nothing can be written to it any more",
            format!("unarchive it: https://github.com/{name}/settings"),
        )
    }

    pub(super) fn protected(settings: &Settings, obstacles: &[Obstacle]) -> Self {
        let what: Vec<&str> = obstacles.iter().map(|obstacle| obstacle.what.as_str()).collect();
        let (branch, path) = (&settings.sync.branch, settings.folder());
        Self::new(
            format!("the branch {branch} of {}/{} is protected: {}", settings.owner, settings.repository, what.join(", ")),
            "a commit would not be taken",
            format!(
                "`homelabctl bootstrap --export DIR` writes the files: bring those of {path} to {branch} by a pull request, and run again"
            ),
        )
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.saw, self.why)
    }
}
