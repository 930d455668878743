//! Whole clusters in which something does not become ready, and what a person is told.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::gitops::cluster::api::fake;

/// A cluster that holds these objects, by path; a list is an array. All else is absent.
async fn told(objects: Value, kind: &str, name: &str) -> (String, Vec<String>) {
    let (client, log) = fake(move |_, path, _| match objects.get(path.split(['?', '&']).next().unwrap()) {
        Some(Value::Array(items)) => (200, json!({"apiVersion": "v1", "kind": "PodList", "items": items})),
        Some(object) => (200, object.clone()),
        None => (404, json!({"reason": "NotFound", "message": "not found"})),
    });
    let failing = Failing { object: Reference::new(kind, "flux-system", name), flux: "flux-system".into() };
    let tree = why(&client, &failing).await;
    let log = log.lock().unwrap().clone();
    (tree.after(Duration::from_secs(300)).to_string(), log)
}

fn flux(kind: &str, namespace: &str, name: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"kind": kind, "metadata": {"name": name, "namespace": namespace, "generation": 1},
        "spec": {"path": "./x", "url": "ssh://git@github.com/pat/homelab", "secretRef": {"name": "flux-system"},
            "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
        "status": {"observedGeneration": 1, "conditions": [
            {"type": "Ready", "status": status, "reason": reason, "message": message, "observedGeneration": 1}]}})
}

fn deployment(namespace: &str, name: &str, available: i64) -> Value {
    json!({"kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}},
        "status": {"updatedReplicas": 1, "availableReplicas": available}})
}

fn pod(namespace: &str, name: &str, node: &str, reason: &str, message: &str) -> Value {
    json!({"kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/instance": "longhorn"}},
        "spec": {"nodeName": node},
        "status": {"phase": "Pending", "containerStatuses": [
            {"name": "manager", "image": "ghcr.io/fluxcd/x:v1", "state": {"waiting": {"reason": reason, "message": message}}}]}})
}

const KUSTOMIZATIONS: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations";
const RELEASE: &str = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/longhorn-system/helmreleases/longhorn";
const REPOSITORY: &str = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/flux-system";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/flux-system/deployments";

#[tokio::test]
async fn from_a_kustomization_down_to_a_node_without_iscsid() {
    let message = "health check failed after 5m0s: timeout waiting for: [HelmRelease/longhorn-system/longhorn status: 'InProgress']";
    let mut release =
        flux("HelmRelease", "longhorn-system", "longhorn", "False", "InstallFailed", "Helm install failed: context deadline exceeded");
    let stalled =
        json!({"type": "Stalled", "status": "True", "reason": "RetriesExceeded", "message": "Failed to install after 1 attempt(s)"});
    release["status"]["conditions"].as_array_mut().unwrap().push(stalled);
    let warning = json!({"reason": "FailedMount", "message": "iscsid is not running", "lastTimestamp": "2026-11-27T11:00:00Z",
        "involvedObject": {"kind": "Pod", "name": "longhorn-manager-x7k2p"}});
    let objects = json!({
        (format!("{KUSTOMIZATIONS}/infrastructure-controllers")):
            flux("Kustomization", "flux-system", "infrastructure-controllers", "False", "HealthCheckFailed", message),
        RELEASE: release,
        "/api/v1/namespaces/longhorn-system/pods": [pod("longhorn-system", "longhorn-manager-x7k2p", "w2", "ContainerCreating", "")],
        "/api/v1/namespaces/longhorn-system/events": [warning],
        "/api/v1/nodes": [{"metadata": {"name": "w2"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}],
    });
    let (text, log) = told(objects, "Kustomization", "infrastructure-controllers").await;
    insta::assert_snapshot!(text, @r#"
    Kustomization flux-system/infrastructure-controllers is not ready after 5 min
      └ HelmRelease longhorn-system/longhorn   install retries exhausted
        └ Pod longhorn-manager-x7k2p on w2     FailedMount: iscsid is not running
    next:  homelabctl provision --limit w2
    "#);
    assert_eq!(log.len(), 5);
}

#[tokio::test]
async fn names_that_are_not_found_because_coredns_has_no_node() {
    let message = "failed to checkout and determine revision: unable to list remote for 'ssh://git@github.com/pat/homelab': dial tcp: lookup \
                   github.com on 10.96.0.10:53: read udp 10.0.1.7:51122->10.96.0.10:53: i/o timeout";
    let pending = json!({"kind": "Pod", "metadata": {"name": "coredns-1", "namespace": "kube-system"}, "spec": {},
        "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }."}]}});
    let objects = json!({
        (format!("{KUSTOMIZATIONS}/flux-system")):
            flux("Kustomization", "flux-system", "flux-system", "False", "ArtifactFailed", "Source artifact not found, retrying in 30s"),
        REPOSITORY: flux("GitRepository", "flux-system", "flux-system", "False", "GitOperationFailed", message),
        (format!("{DEPLOYMENTS}/source-controller")): deployment("flux-system", "source-controller", 1),
        "/apis/apps/v1/namespaces/kube-system/deployments/coredns": deployment("kube-system", "coredns", 0),
        "/api/v1/namespaces/kube-system/pods": [pending],
    });
    let (text, _) = told(objects, "Kustomization", "flux-system").await;
    insta::assert_snapshot!(text, @r#"
    Kustomization flux-system/flux-system is not ready after 5 min
      └ GitRepository flux-system/flux-system   the cluster does not find the address of github.com (i/o timeout)
        └ Deployment kube-system/coredns        0 of 1 pods are available
          └ Pod coredns-1                       no node takes it: 0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.
    next:  kubectl get nodes -o custom-columns=NAME:.metadata.name,UNSCHEDULABLE:.spec.unschedulable,TAINTS:.spec.taints
    "#);
}

#[tokio::test]
async fn controllers_whose_image_is_not_pulled() {
    let words = "Back-off pulling image \"ghcr.io/fluxcd/x:v1\": ErrImagePull: failed to pull and unpack image \"ghcr.io/fluxcd/x:v1\": failed \
                 to resolve reference \"ghcr.io/fluxcd/x:v1\": failed to do request: Head \"https://ghcr.io/v2/fluxcd/x/manifests/v1\": dial \
                 tcp: lookup ghcr.io on 192.168.1.1:53: no such host";
    let mut kustomization = flux("Kustomization", "flux-system", "flux-system", "Unknown", "", "");
    kustomization["status"] = json!({"observedGeneration": -1});
    let objects = json!({
        (format!("{KUSTOMIZATIONS}/flux-system")): kustomization,
        (format!("{DEPLOYMENTS}/kustomize-controller")): deployment("flux-system", "kustomize-controller", 0),
        "/api/v1/namespaces/flux-system/pods": [
            pod("flux-system", "kustomize-controller-a", "w1", "ImagePullBackOff", words),
            pod("flux-system", "kustomize-controller-b", "w1", "ImagePullBackOff", words),
        ],
    });
    let (text, _) = told(objects, "Kustomization", "flux-system").await;
    insta::assert_snapshot!(text, @r#"
    Kustomization flux-system/flux-system is not ready after 5 min
      └ Deployment flux-system/kustomize-controller        0 of 1 pods are available
        └ Pod kustomize-controller-a on w1, and one more   image ghcr.io/fluxcd/x:v1 is not pulled: failed to do request: Head "https://ghcr.io/v2/fluxcd/x/manifests/v1": dial tcp: lookup ghcr.io on 192.168.1.1:53: no such host
    next:  ssh w1 getent hosts ghcr.io
    "#);
}

#[tokio::test]
async fn dependencies_that_wait_for_each_other_end() {
    let objects = json!({
        (format!("{KUSTOMIZATIONS}/a")): flux("Kustomization", "flux-system", "a", "False", "DependencyNotReady", "dependency 'flux-system/b' is not ready"),
        (format!("{KUSTOMIZATIONS}/b")): flux("Kustomization", "flux-system", "b", "False", "DependencyNotReady", "dependency 'flux-system/a' is not ready"),
    });
    let (text, log) = told(objects, "Kustomization", "a").await;
    insta::assert_snapshot!(text, @r#"
    Kustomization flux-system/a is not ready after 5 min
      └ Kustomization flux-system/b   waits for Kustomization flux-system/a
    next:  flux events --for Kustomization/b -n flux-system
    "#);
    assert_eq!(log.len(), 2);
}

#[tokio::test]
async fn a_cluster_that_answers_nothing_is_said_so() {
    let (client, _) = fake(|_, _, _| (403, json!({"reason": "Forbidden", "message": "User \"pat\" cannot get resource"})));
    let failing = Failing { object: Reference::new("Deployment", "flux-system", "source-controller"), flux: "flux-system".into() };
    insta::assert_snapshot!(why(&client, &failing).await, @r#"
    Deployment flux-system/source-controller is not ready
      └ it cannot be looked at: GET /apis/apps/v1/namespaces/flux-system/deployments/source-controller: User "pat" cannot get resource (403, Forbidden)
    next:  kubectl auth can-i get deployments.apps -n flux-system
    "#);
    let (text, _) = told(json!({}), "GitRepository", "flux-system").await;
    insta::assert_snapshot!(text, @r#"
    GitRepository flux-system/flux-system is not ready after 5 min
      └ it is not there
    next:  homelabctl bootstrap
    "#);
}

#[tokio::test]
async fn what_is_asked_is_bounded() {
    // a chain of dependencies without an end
    let (client, log) = fake(|_, path, _| {
        let name = path.rsplit('/').next().unwrap();
        let message = format!("dependency 'flux-system/{name}x' is not ready");
        (200, flux("Kustomization", "flux-system", name, "False", "DependencyNotReady", &message))
    });
    let failing = Failing { object: Reference::new("Kustomization", "flux-system", "x"), flux: "flux-system".into() };
    why(&client, &failing).await;
    assert_eq!(log.lock().unwrap().len(), DEEPEST + 1);
}
