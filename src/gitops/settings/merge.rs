//! Layers over each other: the first that says something of a field wins.

use std::collections::BTreeMap;

use super::layer::{FIELDS, Field, InFile, Layer};
use super::origin::{Origin, Whence};
use crate::diagnostics::Diagnostic;

/// The release that is rendered if nobody asks for another.
pub const DEFAULT_VERSION: &str = "v2.9.4";

/// What the Flux CLI does if nobody says anything; its defaults of v2.9.4.
pub fn defaults() -> Layer {
    let text = |text: &str| Some(text.to_owned());
    let components = ["source-controller", "kustomize-controller", "helm-controller", "notification-controller"];
    Layer {
        personal: Some(false),
        private: Some(true),
        branch: text("main"),
        path: text(""),
        interval: text("1m0s"),
        hostname: text("github.com"),
        token_auth: Some(false),
        read_write_key: Some(false),
        secret_name: text("flux-system"),
        recurse_submodules: Some(false),
        sparse_checkout: Some(Vec::new()),
        version: text(DEFAULT_VERSION),
        namespace: text("flux-system"),
        components: Some(components.map(str::to_owned).into()),
        components_extra: Some(Vec::new()),
        registry: text("ghcr.io/fluxcd"),
        watch_all_namespaces: Some(true),
        network_policy: Some(true),
        log_level: text("info"),
        cluster_domain: text("cluster.local"),
        toleration_keys: Some(Vec::new()),
        author_name: text("Flux"),
        timeout: text("5m0s"),
        ..Layer::default()
    }
}

/// One layer of all, and where each field came from.
#[derive(Debug, Clone, Default)]
pub struct Merged {
    /// What holds.
    pub layer: Layer,
    /// By the field's name, where it was said.
    pub whence: BTreeMap<&'static str, Whence>,
}

impl Merged {
    /// Of layers, the strongest first; the defaults come last by themselves.
    pub fn of(layers: &[(Origin, Layer)]) -> Self {
        let mut merged = Self::default();
        let last = (Origin::Default, defaults());
        for (origin, layer) in layers.iter().chain([&last]) {
            for field in FIELDS {
                let Some(value) = (field.get)(layer).filter(|_| !merged.whence.contains_key(field.key)) else { continue };
                (field.set)(&mut merged.layer, value);
                let variable = layer.variables.get(field.key).copied();
                merged.whence.insert(field.key, Whence { origin: origin.clone(), key: field.key, variable });
                merged.layer.places.extend(layer.places.get_key_value(field.key).map(|(key, place)| (*key, place.clone())));
            }
        }
        merged.known_components();
        merged
    }

    /// An installation names all its controllers alike; who wants some of them beside the usual ones does not want them twice.
    fn known_components(&mut self) {
        let adopted = self.whence.get("components").is_some_and(|whence| whence.origin == Origin::Cluster);
        if adopted && let (Some(components), Some(extra)) = (&self.layer.components, &mut self.layer.components_extra) {
            extra.retain(|name| !components.contains(name));
        }
    }

    /// What is wrong with a field: at its place if it stands in a text, else with the name of where it was said.
    pub fn problem(&self, key: &str, message: &str) -> Diagnostic {
        match (self.layer.places.get(key), self.whence.get(key)) {
            (Some(place), _) => Diagnostic::error(format!("`{key}`: {message}")).at(place.first_line()),
            (None, Some(Whence { origin: Origin::Cluster, .. })) => Diagnostic::error(format!("`{key}` of the cluster: {message}")),
            (None, Some(whence)) => Diagnostic::error(format!("`{whence}`: {message}")),
            (None, None) => Diagnostic::error(message),
        }
    }

    /// Whether a field was said by a place that may be changed: not by the cluster, and not by nobody.
    pub fn is_wanted(&self, key: &str) -> bool {
        self.whence.get(key).is_some_and(|whence| !matches!(whence.origin, Origin::Cluster | Origin::Default | Origin::Computed))
    }
}

/// Where a field can be said: ``say `--owner`, `owner:` in bootstrap/flux.yaml, or `GITHUB_OWNER` in .env``.
pub fn how_to_say(key: &str) -> String {
    let field = Field::named(key);
    let file = field.filter(|field| field.in_file == InFile::Key).map(|field| format!("`{}:` in bootstrap/flux.yaml", field.key));
    let variable = super::dotenv::VARIABLES.iter().find(|(_, other)| *other == key).map(|(name, _)| format!("`{name}` in .env"));
    let mut ways = vec![format!("`--{key}`")];
    ways.extend(file);
    ways.extend(variable);
    let last = ways.pop().unwrap_or_default();
    if ways.is_empty() { format!("say {last}") } else { format!("say {}, or {last}", ways.join(", ")) }
}
