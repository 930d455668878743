//! What an object of Flux says of itself: whether it is what was waited for. Nobody is asked here.

use serde_json::Value;

use super::super::cluster::fields::{Condition, condition, holds, is_true, text};
use super::super::cluster::watch::Verdict;

/// The annotation by which Flux is asked, and what it answers with: <https://fluxcd.io/flux/components/source/gitrepositories/#triggering-a-reconcile>.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// How an object answered a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is ready, at a revision.
    Ready(String),
    /// It tried and could not; its own words.
    Failed(String),
}

/// What it says of being ready, in its own words.
pub fn said(object: &Value) -> String {
    match condition(object, "Ready") {
        Some(Condition { reason, message, .. }) if !message.is_empty() => format!("{reason}: {message}"),
        Some(Condition { reason, .. }) => reason.to_owned(),
        None => "not looked at yet".into(),
    }
}

/// Whether it is as its spec says, and says so.
fn is_ready(object: &Value) -> bool {
    is_observed(object) && holds(object, "Ready")
}

fn is_observed(object: &Value) -> bool {
    object.pointer("/status/observedGeneration").and_then(Value::as_i64) == object.pointer("/metadata/generation").and_then(Value::as_i64)
}

/// Whether nobody looks at it.
pub fn is_suspended(object: &Value) -> bool {
    is_true(object, "/spec/suspend")
}

/// The revision that an object of Flux has: of what was fetched, or of what was applied.
pub fn revision(object: &Value) -> Option<&str> {
    let places = ["/status/artifact/revision", "/status/lastAppliedRevision"];
    places.into_iter().map(|at| text(object, at)).find(|revision| !revision.is_empty())
}

/// The commit in a revision like `main@sha1:0123…`.
pub fn commit(revision: &str) -> Option<&str> {
    revision.rsplit_once(':').map(|(_, commit)| commit)
}

/// What an object answers to our request, and to none other.
///
/// A revision that is neither the one that was waited for nor one of those before is a later one: somebody committed after us, and what they
/// have has ours in it.
pub fn answer(object: Option<&Value>, token: &str, head: &str, before: &[String]) -> Verdict<Answer> {
    let Some(object) = object else { return Verdict::Not("is not there".into()) };
    if holds(object, "Stalled") && is_observed(object) {
        return Verdict::Done(Answer::Failed(said(object)));
    }
    if text(object, "/status/lastHandledReconcileAt") != token || !is_observed(object) {
        return Verdict::Not(said(object));
    }
    match condition(object, "Ready") {
        Some(Condition { status: "True", .. }) => match revision(object) {
            Some(revision) if commit(revision) == Some(head) => Verdict::Done(Answer::Ready(revision.to_owned())),
            Some(revision) if commit(revision).is_some_and(|commit| before.iter().any(|before| before == commit)) => {
                Verdict::Not(format!("is still at {revision}"))
            }
            Some(revision) => Verdict::Done(Answer::Ready(revision.to_owned())),
            None => Verdict::Not(said(object)),
        },
        Some(Condition { status: "False", reason, .. }) if !matches!(reason, "Progressing" | "ProgressingWithRetry") => {
            Verdict::Done(Answer::Failed(said(object)))
        }
        _ => Verdict::Not(said(object)),
    }
}

/// Whether both objects are ready at a commit already, so that nobody has to be asked.
pub fn is_settled(git_repository: Option<&Value>, kustomization: Option<&Value>, head: &str) -> bool {
    let at = |object: &Value| is_ready(object) && !is_suspended(object) && revision(object).and_then(commit) == Some(head);
    git_repository.is_some_and(at) && kustomization.is_some_and(at)
}

/// Whether a Deployment's last change is done on all its pods: as `kubectl rollout status` sees it.
pub fn rolled_out(object: Option<&Value>) -> Verdict<()> {
    let Some(object) = object else { return Verdict::Not("is not there".into()) };
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
    let wanted = number("/spec/replicas").unwrap_or(1);
    let of = |name: &str| number(&format!("/status/{name}")).unwrap_or(0);
    if !is_observed(object) {
        return Verdict::Not("not looked at yet".into());
    }
    if let Some(Condition { status: "False", reason: "ProgressDeadlineExceeded", message }) = condition(object, "Progressing") {
        return Verdict::Not(message.to_owned());
    }
    let (updated, all, available) = (of("updatedReplicas"), of("replicas"), of("availableReplicas"));
    if updated >= wanted && all <= updated && available >= updated {
        return Verdict::Done(());
    }
    Verdict::Not(format!("{available} of {wanted} pods available, {updated} of them new"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(status: &str, reason: &str, token: &str, revision: &str, generation: i64) -> Value {
        json!({
            "metadata": { "generation": 2 },
            "status": {
                "observedGeneration": generation, "lastHandledReconcileAt": token, "artifact": { "revision": revision },
                "conditions": [{ "type": "Ready", "status": status, "reason": reason, "message": "words" }],
            },
        })
    }

    #[test]
    fn only_an_answer_to_our_own_request_counts() {
        let at = |object: &Value| answer(Some(object), "t1", "aaa", &["old".to_owned()]);
        let not = |said: &str| Verdict::Not(said.to_owned());
        // an old failure, and an old success
        assert_eq!(at(&object("False", "AuthenticationFailed", "t0", "", 2)), not("AuthenticationFailed: words"));
        assert_eq!(at(&object("True", "Succeeded", "t0", "main@sha1:aaa", 2)), not("Succeeded: words"));
        assert_eq!(at(&object("True", "Succeeded", "t1", "main@sha1:aaa", 1)), not("Succeeded: words"));
        assert_eq!(at(&object("True", "Succeeded", "t1", "main@sha1:aaa", 2)), Verdict::Done(Answer::Ready("main@sha1:aaa".into())));
        assert_eq!(at(&object("True", "Succeeded", "t1", "main@sha1:old", 2)), not("is still at main@sha1:old"));
        assert_eq!(at(&object("True", "Succeeded", "t1", "main@sha1:new", 2)), Verdict::Done(Answer::Ready("main@sha1:new".into())));
        assert_eq!(at(&object("Unknown", "Progressing", "t1", "", 2)), not("Progressing: words"));
        let failed = Answer::Failed("AuthenticationFailed: words".into());
        assert_eq!(at(&object("False", "AuthenticationFailed", "t1", "", 2)), Verdict::Done(failed));
        assert_eq!(answer(None, "t1", "aaa", &[]), not("is not there"));
    }

    #[test]
    fn settled_is_both_ready_at_the_head() {
        let good = object("True", "Succeeded", "t0", "main@sha1:aaa", 2);
        assert!(is_settled(Some(&good), Some(&good), "aaa"));
        assert!(!is_settled(Some(&good), Some(&good), "bbb") && !is_settled(Some(&good), None, "aaa"));
        let mut suspended = good.clone();
        suspended["spec"] = json!({ "suspend": true });
        assert!(!is_settled(Some(&good), Some(&suspended), "aaa"));
        assert!(!is_settled(Some(&object("True", "Succeeded", "t0", "main@sha1:aaa", 1)), Some(&good), "aaa"));
    }

    #[test]
    fn a_rollout_is_over_when_all_pods_are_new_and_available() {
        let of = |updated: i64, all: i64, available: i64, generation: i64| {
            json!({
                "metadata": { "generation": 2 }, "spec": { "replicas": 1 },
                "status": { "observedGeneration": generation, "updatedReplicas": updated, "replicas": all, "availableReplicas": available },
            })
        };
        assert_eq!(rolled_out(Some(&of(1, 1, 1, 2))), Verdict::Done(()));
        for (updated, all, available, generation) in [(1, 1, 1, 1), (1, 2, 1, 2), (1, 1, 0, 2), (0, 1, 1, 2)] {
            assert!(matches!(rolled_out(Some(&of(updated, all, available, generation))), Verdict::Not(_)));
        }
    }
}
