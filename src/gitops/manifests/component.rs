//! Flux's controllers.

use std::fmt;

/// One of Flux's controllers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// Fetches repositories and charts.
    Source,
    /// Applies Kustomizations.
    Kustomize,
    /// Installs Helm releases.
    Helm,
    /// Tells of events, and takes webhooks.
    Notification,
    /// Looks at the tags of images.
    ImageReflector,
    /// Writes new tags into repositories.
    ImageAutomation,
    /// Puts artifacts together from several sources.
    SourceWatcher,
}

impl Component {
    /// All there are, in the order of the Flux CLI's help.
    pub const ALL: &[Self] =
        &[Self::Source, Self::Kustomize, Self::Helm, Self::Notification, Self::ImageReflector, Self::ImageAutomation, Self::SourceWatcher];

    /// What it is called, everywhere.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source-controller",
            Self::Kustomize => "kustomize-controller",
            Self::Helm => "helm-controller",
            Self::Notification => "notification-controller",
            Self::ImageReflector => "image-reflector-controller",
            Self::ImageAutomation => "image-automation-controller",
            Self::SourceWatcher => "source-watcher",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.name() == name)
    }

    /// Whether it keeps artifacts and tells others where they are.
    pub(super) fn serves_artifacts(self) -> bool {
        matches!(self, Self::Source | Self::SourceWatcher)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
