//! What is looked at in a cluster before anything is done to it: at most nine requests, and a pure judgement over what they gave.

mod findings;
mod nodes;

use futures_util::TryFutureExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::api;
use super::refused::ApiError;

pub use findings::{Finding, Level, Wanted, findings};

/// The definition that every Flux has.
const GIT_REPOSITORIES: &str = "gitrepositories.source.toolkit.fluxcd.io";

/// What was read, or why it is unknown.
pub type Part<T> = Result<T, String>;

/// What was read of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Kubernetes' version, as in `v1.34.2`.
    pub version: Part<String>,
    /// How far the API server's clock is ahead of ours.
    pub clock: Part<SignedDuration>,
    /// Whether we may do everything everywhere, as cluster-admin may.
    pub may_all: Part<bool>,
    /// The nodes.
    pub nodes: Part<Vec<Value>>,
    /// The Deployments of the cluster's DNS.
    pub dns: Part<Vec<Value>>,
    /// Flux's namespace, if there is one.
    pub namespace: Part<Option<Value>>,
    /// Flux's definitions, with the versions that are stored.
    pub definitions: Part<Vec<Value>>,
    /// Flux's Deployments.
    pub controllers: Part<Vec<Value>>,
    /// The Flux Operator's instances.
    pub instances: Part<Vec<Value>>,
}

/// Looks at a cluster, where Flux is or will be in `namespace`. A part that cannot be read is unknown, with the reason.
pub async fn look(client: &kube::Client, namespace: &str) -> Look {
    let said = |error: ApiError| error.to_string();
    let flux = "labelSelector=app.kubernetes.io%2Fpart-of%3Dflux";
    let controllers = format!("/apis/apps/v1/namespaces/{namespace}/deployments?{flux}");
    let namespace = format!("/api/v1/namespaces/{namespace}");
    let instances = async {
        match api::list(client, "/apis/fluxcd.controlplane.io/v1/fluxinstances").await {
            // no such kind: the operator was never there
            Err(error) if error.is_absent() => Ok(Vec::new()),
            answer => answer,
        }
    };
    let (version, may_all, nodes, dns, namespace, definitions, controllers, instances) = tokio::join!(
        version(client),
        may_all(client),
        api::list(client, "/api/v1/nodes").map_err(said),
        api::list(client, "/apis/apps/v1/namespaces/kube-system/deployments?labelSelector=k8s-app%3Dkube-dns").map_err(said),
        api::get(client, &namespace).map_err(said),
        definitions(client, flux).map_err(said),
        api::list(client, &controllers).map_err(said),
        instances.map_err(said),
    );
    let (version, clock) = version;
    Look { version, clock, may_all: may_all.map_err(said), nodes, dns, namespace, definitions, controllers, instances }
}

/// Kubernetes' version, and what its answer's `Date` tells of its clock.
async fn version(client: &kube::Client) -> (Part<String>, Part<SignedDuration>) {
    let asked = Timestamp::now();
    match api::get_dated(client, "/version").await {
        Ok((answer, date)) => {
            let version = answer.get("gitVersion").and_then(Value::as_str).map(str::to_owned);
            let now = Timestamp::now();
            // in between is when it was written; the header has whole seconds
            let between = asked + now.duration_since(asked) / 2;
            let ahead = date.map(|date| date.duration_since(between));
            (version.ok_or_else(|| "it does not say which version it is".into()), ahead.ok_or_else(|| "its answers have no date".into()))
        }
        Err(error) => (Err(error.to_string()), Err(error.to_string())),
    }
}

async fn may_all(client: &kube::Client) -> Result<bool, ApiError> {
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"group": "*", "version": "*", "resource": "*", "verb": "*"}}});
    let answer = api::post(client, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review).await?;
    Ok(answer.pointer("/status/allowed") == Some(&Value::Bool(true)))
}

/// Flux's definitions, by their label; the one that all have by its name too, because somebody else's Flux need not carry the label.
async fn definitions(client: &kube::Client, flux: &str) -> Result<Vec<Value>, ApiError> {
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let mut found = api::list(client, &format!("{path}?{flux}")).await?;
    if !found.iter().any(|definition| definition.pointer("/metadata/name").and_then(Value::as_str) == Some(GIT_REPOSITORIES)) {
        found.extend(api::get(client, &format!("{path}/{GIT_REPOSITORIES}")).await?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gitops::cluster::api::fake;

    #[tokio::test]
    async fn a_fresh_cluster_is_looked_at_with_nine_requests() {
        let (client, log) = fake(|method, path, body| match (method, path.split('?').next().unwrap()) {
            ("GET", "/version") => (200, json!({"gitVersion": "v1.34.2"})),
            ("POST", _) => {
                let mut answer = body.clone();
                answer["status"] = json!({"allowed": body["spec"]["resourceAttributes"]["verb"] == "*"});
                (201, answer)
            }
            ("GET", "/api/v1/nodes") => (403, json!({"reason": "Forbidden", "message": "nodes is forbidden"})),
            (_, path) if path.ends_with("deployments") || path.ends_with("customresourcedefinitions") => (200, json!({"items": []})),
            _ => (404, json!({"reason": "NotFound"})),
        });
        let seen = look(&client, "flux-system").await;
        assert_eq!(log.lock().unwrap().len(), 9);
        assert_eq!(seen.version.as_deref(), Ok("v1.34.2"));
        assert_eq!((seen.may_all, seen.namespace, seen.instances, seen.definitions), (Ok(true), Ok(None), Ok(vec![]), Ok(vec![])));
        assert_eq!(seen.nodes, Err("GET /api/v1/nodes: nodes is forbidden (403, Forbidden)".into()));
        // the cluster of the tests writes 1 January 2026, midnight
        let then: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert!((seen.clock.unwrap() - then.duration_since(Timestamp::now())).abs() < SignedDuration::from_secs(60));
    }
}
