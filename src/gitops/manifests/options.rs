//! What is rendered: as a person wants it ([`Wanted`]), and checked ([`Options`]).

use std::fmt;

use super::component::Component;
use super::name::{is_key, is_label, is_registry, is_subdomain};
use super::scalar::is_string;
use crate::diagnostics::suggestion;

/// A version of Flux, written as its releases are: `v2.9.4`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(semver::Version);

impl Version {
    /// Reads one, with or without the `v`.
    ///
    /// # Errors
    /// It is no version.
    pub fn parse(text: &str) -> Result<Self, OptionError> {
        let number = text.strip_prefix('v').unwrap_or(text);
        semver::Version::parse(number).map(Self).map_err(|_| OptionError::Version(text.to_owned()))
    }

    /// Without the `v`.
    pub fn number(&self) -> &semver::Version {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

/// How much the controllers log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happens.
    Info,
    /// What fails.
    Error,
}

impl LogLevel {
    const ALL: &[Self] = &[Self::Debug, Self::Info, Self::Error];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Error => "error",
        }
    }
}

/// What a person wants, as it was typed; the defaults are the Flux CLI's. The names are those of its flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The release.
    pub version: String,
    /// Where Flux lives.
    pub namespace: String,
    /// Controllers, in the order in which they are written.
    pub components: Vec<String>,
    /// Controllers beside those.
    pub components_extra: Vec<String>,
    /// Where the images are; empty: where the base files have them, without a registry.
    pub registry: String,
    /// A secret to pull them with.
    pub image_pull_secret: Option<String>,
    /// Whether the controllers act in all namespaces, and not only in their own.
    pub watch_all_namespaces: bool,
    /// Whether network policies close the namespace.
    pub network_policy: bool,
    /// How much is logged.
    pub log_level: String,
    /// The cluster's domain.
    pub cluster_domain: String,
    /// Taints that the controllers bear.
    pub toleration_keys: Vec<String>,
}

impl Wanted {
    /// The Flux CLI's defaults for a release.
    pub fn of(version: &str) -> Self {
        let defaults = [Component::Source, Component::Kustomize, Component::Helm, Component::Notification];
        Self {
            version: version.to_owned(),
            namespace: "flux-system".to_owned(),
            components: defaults.iter().map(Component::to_string).collect(),
            components_extra: Vec::new(),
            registry: "ghcr.io/fluxcd".to_owned(),
            image_pull_secret: None,
            watch_all_namespaces: true,
            network_policy: true,
            log_level: LogLevel::Info.word().to_owned(),
            cluster_domain: "cluster.local".to_owned(),
            toleration_keys: Vec::new(),
        }
    }
}

/// What is rendered. There is none that would give an invalid manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub(super) version: Version,
    pub(super) namespace: String,
    pub(super) components: Vec<Component>,
    pub(super) registry: String,
    pub(super) image_pull_secret: Option<String>,
    pub(super) watch_all_namespaces: bool,
    pub(super) network_policy: bool,
    pub(super) log_level: LogLevel,
    pub(super) cluster_domain: String,
    pub(super) toleration_keys: Vec<String>,
}

impl Options {
    /// Checks what a person wants.
    ///
    /// # Errors
    /// All that is wrong with it, at once.
    pub fn check(wanted: Wanted) -> Result<Self, Vec<OptionError>> {
        let mut wrong = Vec::new();
        let mut need = |holds: bool, error: fn(String) -> OptionError, value: &str| {
            if !holds {
                wrong.push(error(value.to_owned()));
            }
        };
        // the CLI writes these where YAML reads them as numbers and truth values, and fails over it
        need(is_label(&wanted.namespace) && is_string(&wanted.namespace), OptionError::Namespace, &wanted.namespace);
        if let Some(secret) = &wanted.image_pull_secret {
            need(is_subdomain(secret) && is_string(secret), OptionError::ImagePullSecret, secret);
        }
        need(wanted.registry.is_empty() || is_registry(&wanted.registry), OptionError::Registry, &wanted.registry);
        need(is_subdomain(&wanted.cluster_domain), OptionError::ClusterDomain, &wanted.cluster_domain);
        wanted.toleration_keys.iter().for_each(|key| need(is_key(key), OptionError::TolerationKey, key));
        let log_level = LogLevel::ALL.iter().copied().find(|level| level.word() == wanted.log_level);
        need(log_level.is_some(), OptionError::LogLevel, &wanted.log_level);
        let version = Version::parse(&wanted.version).map_err(|error| wrong.push(error)).ok();
        let components = components(&wanted, &mut wrong);
        match (version, log_level) {
            (Some(version), Some(log_level)) if wrong.is_empty() => Ok(Self {
                version,
                namespace: wanted.namespace,
                components,
                registry: wanted.registry,
                image_pull_secret: wanted.image_pull_secret,
                watch_all_namespaces: wanted.watch_all_namespaces,
                network_policy: wanted.network_policy,
                log_level,
                cluster_domain: wanted.cluster_domain,
                toleration_keys: wanted.toleration_keys,
            }),
            _ => Err(wrong),
        }
    }

    /// The release.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Where Flux lives.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The controllers, in the order in which they are written.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// The taints that the controllers bear.
    pub fn toleration_keys(&self) -> &[String] {
        &self.toleration_keys
    }

    /// Where the images are.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    pub(super) fn has(&self, component: Component) -> bool {
        self.components.contains(&component)
    }
}

/// The controllers by their names, and what is wrong with those.
fn components(wanted: &Wanted, wrong: &mut Vec<OptionError>) -> Vec<Component> {
    let mut found = Vec::new();
    for name in wanted.components.iter().chain(&wanted.components_extra) {
        match Component::named(name) {
            None => wrong.push(OptionError::UnknownComponent(name.clone())),
            Some(component) if found.contains(&component) => wrong.push(OptionError::ComponentTwice(component)),
            Some(component) => found.push(component),
        }
    }
    for needed in [Component::Source, Component::Kustomize] {
        if !found.contains(&needed) {
            wrong.push(OptionError::MissingComponent(needed));
        }
    }
    found
}

/// What is wrong with what a person wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// No version.
    #[error("`{0}` is no version of Flux")]
    Version(String),
    /// No name for a namespace.
    #[error("`{0}` cannot be the namespace of Flux")]
    Namespace(String),
    /// There is no such controller.
    #[error("Flux has no component `{0}`")]
    UnknownComponent(String),
    /// It was named twice.
    #[error("the component {0} is named twice")]
    ComponentTwice(Component),
    /// Nothing works without it.
    #[error("the component {0} is missing, without which Flux cannot follow a repository")]
    MissingComponent(Component),
    /// No place of images.
    #[error("`{0}` is no registry")]
    Registry(String),
    /// No name of a secret.
    #[error("`{0}` cannot be the name of the image pull secret")]
    ImagePullSecret(String),
    /// No such level.
    #[error("there is no log level `{0}`")]
    LogLevel(String),
    /// No domain.
    #[error("`{0}` is no cluster domain")]
    ClusterDomain(String),
    /// No key of a taint.
    #[error("`{0}` is no key of a taint")]
    TolerationKey(String),
}

impl OptionError {
    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Version(_) => "write it as a release is named, e.g. v2.9.4".into(),
            Self::Namespace(_) => {
                "a namespace has up to 63 small letters, digits and dashes inside; a number or a word like `on` would be read as none"
                    .into()
            }
            Self::UnknownComponent(name) => suggestion(name, Component::ALL.iter().map(|one| one.name()))
                .unwrap_or_else(|| format!("there are {}", Component::ALL.iter().map(|one| one.name()).collect::<Vec<_>>().join(", "))),
            Self::ComponentTwice(_) => "name it in `components` or in `components-extra`, once".into(),
            Self::MissingComponent(component) => format!("add {component} to `components`"),
            Self::Registry(_) => "a host, perhaps a port, and folders, without a tag: ghcr.io/fluxcd, mirror.lan:5000/flux".into(),
            Self::ImagePullSecret(_) => "the name of a secret has small letters, digits, dashes and dots inside, and is no number".into(),
            Self::LogLevel(level) => {
                let words = || LogLevel::ALL.iter().map(|level| level.word());
                suggestion(level, words()).unwrap_or_else(|| format!("there are {}", words().collect::<Vec<_>>().join(", ")))
            }
            Self::ClusterDomain(_) => "without a dot at an end, e.g. cluster.local".into(),
            Self::TolerationKey(_) => "the key alone, without value and effect: node-role.kubernetes.io/control-plane".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(change: impl FnOnce(&mut Wanted)) -> Vec<String> {
        let mut wanted = Wanted::of("v2.9.4");
        change(&mut wanted);
        Options::check(wanted)
            .map(|_| Vec::new())
            .unwrap_or_else(|wrong| wrong.iter().map(|one| format!("{one}\n{}", one.hint())).collect())
    }

    #[test]
    fn the_defaults_are_right() {
        let options = Options::check(Wanted::of("2.9.4")).unwrap();
        assert_eq!((options.version().to_string().as_str(), options.namespace(), options.components().len()), ("v2.9.4", "flux-system", 4));
        assert!(wrong(|wanted| wanted.registry = String::new()).is_empty());
    }

    #[test]
    fn each_mistake_is_told() {
        type Change = fn(&mut Wanted);
        let cases: &[(Change, &str, &str)] = &[
            (|w| w.version = "latest".into(), "`latest` is no version", "v2.9.4"),
            (|w| w.namespace = "Flux".into(), "`Flux` cannot be the namespace", "small letters"),
            (|w| w.namespace = "on".into(), "`on` cannot be the namespace", "`on`"),
            (
                |w| w.components_extra = vec!["image-reflecter-controller".into()],
                "no component",
                "did you mean `image-reflector-controller`?",
            ),
            (|w| w.components_extra = vec!["x".into()], "no component `x`", "there are source-controller, "),
            (|w| w.components_extra = vec!["helm-controller".into()], "helm-controller is named twice", "once"),
            (|w| w.components = vec!["source-controller".into()], "kustomize-controller is missing", "add kustomize-controller"),
            (|w| w.components = vec!["kustomize-controller".into()], "source-controller is missing", "add source-controller"),
            (|w| w.registry = "ghcr.io/fluxcd:v1".into(), "is no registry", "without a tag"),
            (|w| w.image_pull_secret = Some("1e3".into()), "image pull secret", "no number"),
            (|w| w.log_level = "debgu".into(), "no log level `debgu`", "did you mean `debug`?"),
            (|w| w.log_level = "warning".into(), "no log level `warning`", "there are debug, info, error"),
            (|w| w.cluster_domain = "cluster.local.".into(), "no cluster domain", "without a dot"),
            (|w| w.toleration_keys = vec!["a=b:NoSchedule".into()], "no key of a taint", "the key alone"),
        ];
        for (change, error, hint) in cases {
            let said = wrong(change);
            assert!(said.len() == 1 && said[0].contains(error) && said[0].contains(hint), "{said:?}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let said = wrong(|wanted| {
            wanted.version = String::new();
            wanted.namespace = String::new();
            wanted.components = vec!["a".into()];
            wanted.log_level = String::new();
        });
        assert_eq!(said.len(), 6, "{said:?}");
    }
}
