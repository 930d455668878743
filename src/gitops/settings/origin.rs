//! Where a setting came from, as a person calls the place.

use std::fmt;

/// A place that says settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line.
    Flags,
    /// The settings' file, by its name.
    File(String),
    /// A `.env`, by its name.
    Dotenv(String),
    /// The environment.
    Environment,
    /// The cluster, or the repository that it reads, as they are today.
    Cluster,
    /// Nobody said anything.
    Default,
    /// It follows from other settings.
    Computed,
}

/// Where one field came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whence {
    /// The place.
    pub origin: Origin,
    /// The field, by its name.
    pub key: &'static str,
    /// What it is called there, if not by its name: `GITHUB_USER`.
    pub variable: Option<&'static str>,
}

impl fmt::Display for Whence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.origin, &self.variable) {
            (Origin::Flags, _) => write!(f, "--{}", self.key),
            (Origin::Environment, Some(variable)) => f.write_str(variable),
            (Origin::Environment, None) => f.write_str("the environment"),
            (Origin::Dotenv(name), Some(variable)) => write!(f, "{name}: {variable}"),
            (Origin::File(name) | Origin::Dotenv(name), _) => f.write_str(name),
            (Origin::Cluster, _) => f.write_str("the cluster"),
            (Origin::Default, _) => f.write_str("default"),
            (Origin::Computed, _) => f.write_str("computed"),
        }
    }
}
