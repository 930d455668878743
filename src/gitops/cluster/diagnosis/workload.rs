//! Why a Deployment and the like has too few pods.

use serde_json::Value;

use super::super::fields::{condition, each, number, text};
use super::seen::{Reference, selector};
use super::tree::Tree;
use super::verdict::{Behind, Verdict};

/// How many different causes are shown among the pods of one thing.
const CAUSES: usize = 3;

/// What a Deployment, a StatefulSet, a DaemonSet, a ReplicaSet or a Job tells; the rest is with its pods.
pub(super) fn judge(object: &Value) -> Verdict {
    let who = Reference::of(object);
    let lower = who.kind.to_ascii_lowercase();
    let describe = format!("kubectl -n {} describe {lower} {}", who.namespace, who.name);
    // a quota or an admission check that lets no pod through
    if let Some(failure) = condition(object, "ReplicaFailure").filter(|failure| failure.status == "True") {
        let next = match failure.message.contains("exceeded quota") || failure.message.contains("insufficient quota") {
            true => format!("kubectl -n {} describe resourcequotas", who.namespace),
            false => describe,
        };
        return Verdict::new(format!("no pods are made: {}", failure.message)).next(next);
    }
    if who.kind == "Deployment" && object.pointer("/spec/replicas").and_then(Value::as_i64) == Some(0) {
        return Verdict::new("it is scaled to 0").next(format!("kubectl -n {} scale deployment {} --replicas=1", who.namespace, who.name));
    }
    let wanted = match who.kind.as_str() {
        "DaemonSet" => number(object, "/status/desiredNumberScheduled"),
        _ => object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1),
    };
    let there =
        ["/status/availableReplicas", "/status/numberAvailable", "/status/readyReplicas"].into_iter().map(|at| number(object, at)).max();
    let said = match condition(object, "Failed").filter(|failed| failed.status == "True") {
        Some(failed) => format!("it failed: {}", failed.message),
        None => format!("{} of {wanted} pods are available", there.unwrap_or_default()),
    };
    let pods = Behind::Pods { namespace: who.namespace.clone(), labels: selector(object), release: None };
    Verdict::new(said).behind(pods).behind(Behind::Events(who)).next(describe)
}

/// What a Namespace tells that does not go away.
pub(super) fn namespace(object: &Value) -> Verdict {
    let name = text(object, "/metadata/name");
    Verdict::new(format!("it is being deleted{}", blocked(object))).next(format!("kubectl get namespace {name} -o yaml"))
}

/// What keeps a namespace from being deleted, in its own words.
pub(in crate::gitops::cluster) fn blocked(namespace: &Value) -> String {
    let conditions = each(namespace, "/status/conditions").filter(|condition| text(condition, "/status") == "True");
    let words: Vec<&str> = conditions.map(|condition| text(condition, "/message")).filter(|message| !message.is_empty()).collect();
    if words.is_empty() { String::new() } else { format!(": {}", words.join("; ")) }
}

/// Pods with the same cause together: the first one, and how many more there are like it.
pub(super) fn together(pods: Vec<Tree>) -> Vec<Tree> {
    let mut found: Vec<(Tree, usize)> = Vec::new();
    for pod in pods {
        let like = |other: &Tree| other.children == pod.children && other.said.replace(&other.what, "") == pod.said.replace(&pod.what, "");
        match found.iter_mut().find(|(other, _)| like(other)) {
            Some((_, more)) => *more += 1,
            None => found.push((pod, 0)),
        }
    }
    found.truncate(CAUSES);
    let counted = |(mut tree, more): (Tree, usize)| {
        match more {
            0 => {}
            1 => tree.what.push_str(", and one more"),
            more => tree.what.push_str(&format!(", and {more} more")),
        }
        tree
    };
    found.into_iter().map(counted).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_quota_lets_no_pod_through() {
        let object = json!({"kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}, "status": {"conditions": [
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
             "message": "pods \"a-1\" is forbidden: exceeded quota: critical-pods-flux-system, requested: pods=1, used: pods=0, limited: pods=0"}]}});
        let verdict = judge(&object);
        assert!(verdict.said.starts_with("no pods are made: pods \"a-1\" is forbidden: exceeded quota"));
        assert_eq!(verdict.next.as_deref(), Some("kubectl -n n describe resourcequotas"));
        assert!(verdict.behind.is_empty());
    }

    #[test]
    fn the_rest_is_with_its_pods() {
        let object = json!({"kind": "Deployment", "metadata": {"name": "a", "namespace": "n"},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "a"}}}, "status": {"availableReplicas": 1}});
        let verdict = judge(&object);
        assert_eq!(verdict.said, "1 of 2 pods are available");
        let pods = Behind::Pods { namespace: "n".into(), labels: Some("app=a".into()), release: None };
        assert_eq!(verdict.behind, [pods, Behind::Events(Reference::new("Deployment", "n", "a"))]);
        let none = json!({"kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}, "spec": {"replicas": 0}});
        assert_eq!(judge(&none).said, "it is scaled to 0");
    }

    #[test]
    fn pods_with_one_cause_are_told_once() {
        let pod = |name: &str, said: &str| Tree::leaf(name, said, None);
        let shown = together(vec![pod("a", "x"), pod("b", "x"), pod("c", "y"), pod("d", "x"), pod("e", "z"), pod("f", "w")]);
        let whats: Vec<_> = shown.iter().map(|tree| tree.what.as_str()).collect();
        assert_eq!(whats, ["a, and 2 more", "c", "e"]);
    }

    #[test]
    fn what_keeps_a_namespace() {
        let object = json!({"kind": "Namespace", "metadata": {"name": "flux-system"}, "status": {"phase": "Terminating", "conditions": [
            {"type": "NamespaceContentRemaining", "status": "True", "message": "Some resources are remaining: gitrepositories has 1 instances"},
            {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "no"}]}});
        assert_eq!(namespace(&object).said, "it is being deleted: Some resources are remaining: gitrepositories has 1 instances");
    }
}
