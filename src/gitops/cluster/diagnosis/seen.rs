//! Objects as they were seen: who they are, what their conditions say, whether they are well.

use std::fmt;

use serde_json::{Value, json};

use super::super::fields::{condition, each, number, text};
use super::super::paths::path_of;

/// Kinds that are followed, with the version that is asked for: messages name a kind without one.
const FOLLOWED: &[(&str, &str)] = &[
    ("Bucket", "source.toolkit.fluxcd.io/v1"),
    ("DaemonSet", "apps/v1"),
    ("Deployment", "apps/v1"),
    ("ExternalArtifact", "source.toolkit.fluxcd.io/v1"),
    ("GitRepository", "source.toolkit.fluxcd.io/v1"),
    ("HelmChart", "source.toolkit.fluxcd.io/v1"),
    ("HelmRelease", "helm.toolkit.fluxcd.io/v2"),
    ("HelmRepository", "source.toolkit.fluxcd.io/v1"),
    ("Job", "batch/v1"),
    ("Kustomization", "kustomize.toolkit.fluxcd.io/v1"),
    ("Namespace", "v1"),
    ("Node", "v1"),
    ("OCIRepository", "source.toolkit.fluxcd.io/v1"),
    ("Pod", "v1"),
    ("ReplicaSet", "apps/v1"),
    ("StatefulSet", "apps/v1"),
];

/// One object of a cluster, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty where its kind has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{} {}", self.kind, self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name),
        }
    }
}

impl Reference {
    /// An object by its kind, namespace and name.
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }

    /// Who an object says it is.
    pub(in crate::gitops) fn of(object: &Value) -> Self {
        Self::new(text(object, "/kind"), text(object, "/metadata/namespace"), text(object, "/metadata/name"))
    }

    /// An object as Flux's messages name it: `Deployment/podinfo/podinfo`, `ClusterRole/x`.
    pub(super) fn from_message(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_name = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-._:".contains(c));
        match parts.as_slice() {
            parts if !parts.iter().all(is_name) => None,
            [kind, name] if kind.starts_with(char::is_uppercase) => Some(Self::new(kind, "", name)),
            [kind, namespace, name] if kind.starts_with(char::is_uppercase) => Some(Self::new(kind, namespace, name)),
            _ => None,
        }
    }

    /// Where it is in the API; none for kinds that are not followed.
    pub(super) fn path(&self) -> Option<String> {
        let (_, version) = FOLLOWED.iter().find(|(kind, _)| *kind == self.kind)?;
        let namespace = Some(&self.namespace).filter(|namespace| !namespace.is_empty());
        path_of(&json!({"apiVersion": version, "kind": self.kind, "metadata": {"name": self.name, "namespace": namespace}}))
    }
}

/// Whether a controller has said something of the object as it is now.
pub(super) fn is_answered(object: &Value) -> bool {
    let generation = number(object, "/metadata/generation");
    let observed = number(object, "/status/observedGeneration");
    // Flux writes -1 before its first pass, and keeps the old number while a pass fails: a condition of the new generation is an answer too
    let told = each(object, "/status/conditions").any(|condition| number(condition, "/observedGeneration") >= generation.max(1));
    (observed > 0 && observed >= generation) || told
}

/// Whether an object is as it should be, as far as its kind is known here.
pub(super) fn is_well(object: &Value) -> bool {
    let is = |kind: &str| condition(object, kind).is_some_and(|condition| condition.status == "True");
    let wanted = || object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let observed = number(object, "/status/observedGeneration") >= number(object, "/metadata/generation");
    match text(object, "/kind") {
        "Deployment" => {
            let (updated, available) = (number(object, "/status/updatedReplicas"), number(object, "/status/availableReplicas"));
            observed && updated >= wanted() && available >= wanted()
        }
        "StatefulSet" => observed && number(object, "/status/readyReplicas") >= wanted(),
        "ReplicaSet" => observed && number(object, "/status/availableReplicas") >= wanted(),
        "DaemonSet" => {
            let desired = number(object, "/status/desiredNumberScheduled");
            observed && number(object, "/status/numberAvailable") >= desired && number(object, "/status/updatedNumberScheduled") >= desired
        }
        "Job" => is("Complete"),
        "Pod" => text(object, "/status/phase") == "Succeeded" || (is("Ready") && object.pointer("/metadata/deletionTimestamp").is_none()),
        "Namespace" => text(object, "/status/phase") != "Terminating",
        _ => is("Ready") && !is("Stalled") && is_answered(object),
    }
}

/// Labels as a query has them, from `matchLabels`; `matchExpressions` are not asked for, so that more is found rather than less.
pub(super) fn selector(object: &Value) -> Option<String> {
    let labels = object.pointer("/spec/selector/matchLabels")?.as_object()?;
    let pairs: Vec<String> = labels.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    (!pairs.is_empty()).then(|| pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_in_messages_are_recognised() {
        assert_eq!(Reference::from_message("Deployment/podinfo/podinfo"), Some(Reference::new("Deployment", "podinfo", "podinfo")));
        assert_eq!(Reference::from_message("ClusterRole/system:x"), Some(Reference::new("ClusterRole", "", "system:x")));
        for text in ["", "a/b", "Deployment", "A/b/c/d", "Kind//x", "Error: x/y"] {
            assert_eq!(Reference::from_message(text), None, "{text}");
        }
        assert_eq!(Reference::new("Widget", "a", "b").path(), None);
        let path = Reference::new("HelmRelease", "a", "b").path();
        assert_eq!(path.unwrap(), "/apis/helm.toolkit.fluxcd.io/v2/namespaces/a/helmreleases/b");
        assert!(FOLLOWED.iter().all(|(kind, _)| Reference::new(kind, "a", "b").path().is_some()));
    }

    #[test]
    fn what_is_well_is_well() {
        let deployment = |generation: i64, available: i64| {
            json!({"kind": "Deployment", "metadata": {"generation": generation}, "spec": {"replicas": 2},
                "status": {"observedGeneration": 3, "updatedReplicas": 2, "availableReplicas": available}})
        };
        assert!(is_well(&deployment(3, 2)));
        assert!(!is_well(&deployment(3, 1)));
        assert!(!is_well(&deployment(4, 2)));
        let flux = |status: &str, observed: i64| {
            json!({"kind": "Kustomization", "metadata": {"generation": 2},
                "status": {"observedGeneration": observed, "conditions": [{"type": "Ready", "status": status}]}})
        };
        assert!(is_well(&flux("True", 2)) && !is_well(&flux("False", 2)) && !is_well(&flux("True", 1)));
        assert!(!is_answered(&flux("True", -1)) && is_answered(&flux("False", 2)));
        let told = json!({"metadata": {"generation": 2}, "status": {"observedGeneration": -1,
            "conditions": [{"type": "Ready", "status": "False", "observedGeneration": 2}]}});
        assert!(is_answered(&told));
    }
}
