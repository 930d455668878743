//! In which order objects are applied: what others are made of first.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::cluster::fields::{holds, text};

/// What comes first, and is waited for: without it the API does not know what the rest is, or where it goes.
const FIRST: &[&str] = &["CustomResourceDefinition", "Namespace", "ClusterRole"];

/// The order of kinds among each other, as the Flux CLI has it; a kind that is not here goes before the webhooks.
const ORDER: &[&str] = &[
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "NetworkPolicy",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
];

/// What is an object's own among all.
pub fn id(object: &Value) -> String {
    let (kind, namespace, name) = (kind(object), text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    if namespace.is_empty() { format!("{kind}/{name}") } else { format!("{kind}/{namespace}/{name}") }
}

/// Its kind.
pub fn kind(object: &Value) -> &str {
    text(object, "/kind")
}

/// Objects in two stages, each in its order; what has the same place stays as it stood.
pub fn stages(objects: &[Value]) -> (Vec<&Value>, Vec<&Value>) {
    let place = |object: &&Value| match kind(object) {
        kind if kind.ends_with("WebhookConfiguration") => ORDER.len() + 1,
        kind => ORDER.iter().position(|known| *known == kind).unwrap_or(ORDER.len()),
    };
    let (mut first, mut rest): (Vec<&Value>, Vec<&Value>) = objects.iter().partition(|object| FIRST.contains(&kind(object)));
    first.sort_by_key(place);
    rest.sort_by_key(place);
    (first, rest)
}

/// What is among the old objects and not among the new: Flux removes it.
pub fn pruned(old: &[Value], new: &[Value]) -> Vec<String> {
    let new: BTreeSet<String> = new.iter().map(id).collect();
    old.iter().map(id).filter(|id| !new.contains(id)).collect()
}

/// Whether the API knows what a definition defines.
pub fn is_established(definition: &Value) -> bool {
    holds(definition, "Established")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(kind: &str, name: &str) -> Value {
        json!({ "kind": kind, "metadata": { "name": name } })
    }

    #[test]
    fn what_others_need_comes_first() {
        let objects = ["MutatingWebhookConfiguration", "Kustomization", "Deployment", "Secret", "ServiceAccount", "Namespace"];
        let mut objects: Vec<Value> = objects.iter().map(|kind| object(kind, "a")).collect();
        objects.extend([object("CustomResourceDefinition", "a"), object("ClusterRole", "a"), object("Deployment", "b")]);
        let (first, rest) = stages(&objects);
        let ids = |objects: Vec<&Value>| objects.into_iter().map(id).collect::<Vec<_>>();
        assert_eq!(ids(first), ["CustomResourceDefinition/a", "Namespace/a", "ClusterRole/a"]);
        let wanted = ["ServiceAccount/a", "Secret/a", "Deployment/a", "Deployment/b", "Kustomization/a", "MutatingWebhookConfiguration/a"];
        assert_eq!(ids(rest), wanted);
    }

    #[test]
    fn what_is_gone_is_pruned() {
        let old = [object("A", "x"), object("B", "x")];
        assert_eq!(pruned(&old, &[object("A", "x"), object("C", "x")]), ["B/x"]);
        assert!(pruned(&old, &old).is_empty());
    }

    #[test]
    fn a_definition_is_known_by_its_condition() {
        let of = |status: &str| json!({ "status": { "conditions": [{ "type": "Established", "status": status }] } });
        assert!(is_established(&of("True")) && !is_established(&of("False")) && !is_established(&json!({})));
    }
}
