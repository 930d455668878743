//! Why something that was waited for does not become ready: the cause, not the time-out.
//!
//! What each object tells is judged by pure functions ([`source`], [`release`], [`workload`], [`pod`]); here it is only asked, from one
//! object to what is behind it, with a bound on how deep and how often.

mod pod;
mod release;
pub(super) mod seen;
mod source;
mod tree;
mod verdict;
pub(super) mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;

use serde_json::Value;

use super::api::{self, escaped};
use super::fields::{condition, text};
use super::refused::ApiError;
use seen::is_well;
use verdict::{Behind, Verdict};

pub use seen::Reference;
pub use tree::{Shown, Tree};

/// How deep it is looked: Kustomization, dependency, HelmRelease, Deployment, Pod, Node, and some to spare.
const DEEPEST: usize = 8;
/// How many requests are sent at most.
const REQUESTS: usize = 40;
/// How many pods of one thing are looked at.
const PODS: usize = 50;

/// What does not become ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// The object.
    pub object: Reference,
    /// Flux's namespace.
    pub flux: String,
}

/// Why it does not become ready, as far as the cluster's API tells. Always an answer: what cannot be asked is said in the tree.
pub async fn why(client: &kube::Client, failing: &Failing) -> Tree {
    let mut walk = Walk { client, flux: &failing.flux, left: REQUESTS, seen: BTreeSet::new(), warnings: BTreeMap::new(), nodes: None };
    let reference = &failing.object;
    let tree = walk.object(reference.clone(), 0).await;
    // it has become well in the meantime
    tree.unwrap_or_else(|| Tree::leaf(reference.to_string(), "it has become ready since", Some("homelabctl bootstrap".into())))
}

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

struct Walk<'a> {
    client: &'a kube::Client,
    flux: &'a str,
    left: usize,
    seen: BTreeSet<Reference>,
    /// The warnings of each namespace that was asked for.
    warnings: BTreeMap<String, Vec<Value>>,
    nodes: Option<Vec<Value>>,
}

impl Walk<'_> {
    /// The tree of an object; none where it is well, or stands in the tree already.
    fn object(&mut self, who: Reference, depth: usize) -> Later<'_, Option<Tree>> {
        Box::pin(async move {
            if !self.seen.insert(who.clone()) {
                return None;
            }
            let what = who.to_string();
            let Some(path) = who.path() else {
                let next = format!("kubectl get {} {}{}", who.kind.to_ascii_lowercase(), who.name, in_namespace(&who.namespace));
                return Some(Tree::leaf(what, "it is not ready", Some(next)));
            };
            match self.get(&path).await {
                Err(error) => Some(unasked(what, &error)),
                Ok(None) => Some(Tree::leaf(what, "it is not there", missing(&who, self.flux))),
                Ok(Some(object)) if is_well(&object) && depth > 0 => None,
                Ok(Some(object)) => Some(self.judged(what, &object, depth).await),
            }
        })
    }

    async fn judged(&mut self, what: String, object: &Value, depth: usize) -> Tree {
        let verdict = match text(object, "/kind") {
            "GitRepository" | "OCIRepository" | "HelmRepository" | "HelmChart" | "Bucket" | "ExternalArtifact" => {
                source::judge(object, self.flux)
            }
            "Kustomization" => release::kustomization(object),
            "HelmRelease" => release::helm_release(object),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => workload::judge(object),
            "Namespace" => workload::namespace(object),
            "Pod" => return self.pods(vec![object.clone()]).await.pop().unwrap_or_else(|| Tree::leaf(what, "it is well", None)),
            "Node" => return pod::node_not_ready(object).unwrap_or_else(|| Tree::leaf(what, "it is ready", None)),
            _ => Verdict::new(condition(object, "Ready").map_or("it is not ready", |ready| ready.message)),
        };
        let mut tree = Tree { what, said: verdict.said, children: Vec::new(), next: verdict.next };
        if depth < DEEPEST {
            for behind in verdict.behind {
                tree.children.extend(self.behind(behind, depth + 1, &tree.children).await);
            }
        }
        tree
    }

    /// What is found behind an object; `so_far` is what was found there already.
    async fn behind(&mut self, behind: Behind, depth: usize, so_far: &[Tree]) -> Vec<Tree> {
        match behind {
            Behind::Object(reference) => self.object(reference, depth).await.into_iter().collect(),
            Behind::Controller(name) => {
                let reference = Reference::new("Deployment", self.flux, name);
                self.object(reference, depth).await.into_iter().collect()
            }
            Behind::Pods { namespace, labels, release } => {
                let query = labels.map(|labels| format!("?labelSelector={}", escaped(&labels))).unwrap_or_default();
                match self.list(&format!("/api/v1/namespaces/{namespace}/pods{query}")).await {
                    Ok(mut pods) => {
                        pods.retain(|pod| !is_well(pod));
                        // a chart need not label its pods; then all that are not well are suspects
                        let is_of_release = |pod: &Value| release.as_deref().is_some_and(|release| is_of(pod, release));
                        if pods.iter().any(is_of_release) {
                            pods.retain(is_of_release);
                        }
                        pods.truncate(PODS);
                        match pods.is_empty() {
                            false => self.pods(pods).await,
                            true => self.not_made(&namespace).await,
                        }
                    }
                    Err(error) => vec![unasked(format!("the pods of {namespace}"), &error)],
                }
            }
            // the pods say it better
            Behind::Events(_) if !so_far.is_empty() => Vec::new(),
            Behind::Events(reference) => {
                let warnings = self.warnings(&reference.namespace).await;
                let about = |warning: &&Value| {
                    let name = text(warning, "/involvedObject/name");
                    // what a Deployment's ReplicaSet may not do is told of the ReplicaSet
                    name == reference.name || (text(warning, "/involvedObject/kind") == "ReplicaSet" && is_made_by(name, &reference.name))
                };
                let told = warnings.iter().rev().find(about);
                told.map(warned).into_iter().collect()
            }
            Behind::Dns => self.dns().await,
        }
    }

    /// The trees of pods that are not well, those with one cause together.
    async fn pods(&mut self, pods: Vec<Value>) -> Vec<Tree> {
        let Some(first) = pods.first() else { return Vec::new() };
        let warnings = self.warnings(text(first, "/metadata/namespace")).await;
        let nodes = self.nodes().await;
        let around = pod::Around { warnings: &warnings, nodes: &nodes };
        workload::together(pods.iter().map(|pod| pod::judge(pod, around)).collect())
    }

    /// Pods that are not there, because a quota or an admission check lets none through.
    async fn not_made(&mut self, namespace: &str) -> Vec<Tree> {
        let warnings = self.warnings(namespace).await;
        let told = warnings.iter().rev().find(|warning| text(warning, "/reason") == "FailedCreate");
        told.map(warned).into_iter().collect()
    }

    /// Whether the cluster's DNS is what fails.
    async fn dns(&mut self) -> Vec<Tree> {
        let coredns = Reference::new("Deployment", "kube-system", "coredns");
        if self.seen.contains(&coredns) {
            return Vec::new();
        }
        match self.object(coredns.clone(), DEEPEST - 1).await {
            Some(tree) => vec![tree],
            // it runs: what it forwards to, or the way to it, is left
            None => vec![Tree::leaf(
                coredns.to_string(),
                "it runs; the name, the server it forwards to, or the way from the pods to it is what fails",
                Some("kubectl -n kube-system logs deployment/coredns".into()),
            )],
        }
    }

    /// The warnings of a namespace, oldest first; none where they cannot be read: they only explain.
    async fn warnings(&mut self, namespace: &str) -> Vec<Value> {
        if let Some(known) = self.warnings.get(namespace) {
            return known.clone();
        }
        let path = format!("/api/v1/namespaces/{namespace}/events?fieldSelector=type%3DWarning");
        let mut warnings = self.list(&path).await.unwrap_or_default();
        warnings.sort_by(|a, b| when(a).cmp(when(b)));
        self.warnings.insert(namespace.into(), warnings.clone());
        warnings
    }

    async fn nodes(&mut self) -> Vec<Value> {
        if self.nodes.is_none() {
            self.nodes = Some(self.list("/api/v1/nodes").await.unwrap_or_default());
        }
        self.nodes.clone().unwrap_or_default()
    }

    async fn get(&mut self, path: &str) -> Result<Option<Value>, ApiError> {
        self.spend(path)?;
        api::get(self.client, path).await
    }

    async fn list(&mut self, path: &str) -> Result<Vec<Value>, ApiError> {
        self.spend(path)?;
        api::list(self.client, path).await
    }

    fn spend(&mut self, path: &str) -> Result<(), ApiError> {
        let why = || super::Why::Answer { said: format!("{REQUESTS} requests were spent on the cause") };
        self.left = self.left.checked_sub(1).ok_or_else(|| ApiError { method: "GET", path: path.into(), why: why() })?;
        Ok(())
    }
}

/// When an event was seen last.
fn when(event: &Value) -> &str {
    ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"]
        .into_iter()
        .map(|at| text(event, at))
        .find(|time| !time.is_empty())
        .unwrap_or_default()
}

/// A warning as a cause.
fn warned(warning: &Value) -> Tree {
    let who = Reference::new(
        text(warning, "/involvedObject/kind"),
        text(warning, "/involvedObject/namespace"),
        text(warning, "/involvedObject/name"),
    );
    Tree::leaf(who.to_string(), format!("{}: {}", text(warning, "/reason"), text(warning, "/message")), None)
}

/// What could not be asked, and how one asks it oneself.
fn unasked(what: String, error: &ApiError) -> Tree {
    // a hint names its command between backticks
    let command = error.hint().and_then(|hint| hint.split('`').nth(1).map(str::to_owned));
    Tree::leaf(what, format!("it cannot be looked at: {error}"), command)
}

fn in_namespace(namespace: &str) -> String {
    if namespace.is_empty() { String::new() } else { format!(" -n {namespace}") }
}

/// What makes an object that is not there: the bootstrap what is Flux's own.
fn missing(who: &Reference, flux: &str) -> Option<String> {
    let is_ours = who.namespace == flux && (who.name == flux || who.kind == "Deployment");
    Some(if is_ours { "homelabctl bootstrap".into() } else { format!("flux tree kustomization {flux} -n {flux}") })
}

/// Whether a pod belongs to a Helm release, by the labels that charts use.
fn is_of(pod: &Value, release: &str) -> bool {
    let label = |name: &str| pod.pointer("/metadata/labels").and_then(|labels| labels.get(name)).and_then(Value::as_str);
    ["app.kubernetes.io/instance", "release", "helm.sh/release"].into_iter().any(|name| label(name) == Some(release))
}

/// Whether a ReplicaSet's name is one that a Deployment gives: its own, and a hash.
fn is_made_by(replica_set: &str, deployment: &str) -> bool {
    replica_set.strip_prefix(deployment).and_then(|rest| rest.strip_prefix('-')).is_some_and(|hash| !hash.contains('-'))
}

#[cfg(test)]
mod tests;
