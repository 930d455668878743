//! What is true now: in the cluster, and at GitHub. Nothing is changed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::cluster::diagnosis::Reference;
use super::super::cluster::fields::text;
use super::super::cluster::preflight::{Look, Part, look};
use super::super::cluster::{ApiError, api};
use super::super::github::branch::{self, Head, Obstacle, State};
use super::super::github::deploy_key::{self, DeployKey};
use super::super::github::repository::{self, Name, Repository};
use super::super::github::tree::{self, Kind, Listing};
use super::super::github::{Client, Refused, host_keys};
use super::ready::is_suspended;

/// Where the lists are of objects that can be suspended.
const SUSPENDABLE: [&str; 2] = ["/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations", "/apis/helm.toolkit.fluxcd.io/v2/helmreleases"];

/// The cluster.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// The UID of kube-system: which cluster it is, for as long as it lives.
    pub uid: String,
    /// Flux's namespace.
    pub namespace: Option<Value>,
    /// The GitRepository that Flux reads itself from.
    pub git_repository: Option<Value>,
    /// The Kustomization that applies Flux itself.
    pub kustomization: Option<Value>,
    /// Flux's definitions.
    pub definitions: Vec<Value>,
    /// Flux's Deployments.
    pub deployments: Vec<Value>,
    /// What is suspended: `Kind namespace/name`.
    pub suspended: Vec<String>,
}

/// What was looked at before anything else, and could not be known: nothing is done on it.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// It did not answer, or said no.
    #[error("the cluster cannot be looked at")]
    Api(#[from] ApiError),
    /// A part of it is unknown.
    #[error("{what} cannot be read: {said}")]
    Unknown {
        /// Which part.
        what: &'static str,
        /// Why.
        said: String,
    },
}

/// Looks at the cluster, and at all that could be in the way there.
///
/// # Errors
/// It did not answer, or said no. What was read by the way and is only told (nodes, clocks) may be unknown.
pub async fn cluster(client: &kube::Client, namespace: &str) -> Result<(Cluster, Look), ClusterError> {
    let sync = |group: &str, kind: &str| format!("/apis/{group}.toolkit.fluxcd.io/v1/namespaces/{namespace}/{kind}/{namespace}");
    let (repository, kustomization) = (sync("source", "gitrepositories"), sync("kustomize", "kustomizations"));
    // first alone: one that does not answer is told once
    let system = api::get(client, "/api/v1/namespaces/kube-system").await?;
    let (seen, repository, kustomization) =
        futures_util::join!(look(client, namespace), api::get(client, &repository), api::get(client, &kustomization),);
    let mut cluster = Cluster { git_repository: repository?, kustomization: kustomization?, ..Cluster::default() };
    fn known<T: Clone>(what: &'static str, part: &Part<T>) -> Result<T, ClusterError> {
        part.clone().map_err(|said| ClusterError::Unknown { what, said })
    }
    cluster.namespace = known("Flux's namespace", &seen.namespace)?;
    cluster.definitions = known("Flux's definitions", &seen.definitions)?;
    cluster.deployments = known("Flux's Deployments", &seen.controllers)?;
    known("whether the Flux Operator is here", &seen.instances)?;
    known("our own rights", &seen.may_all)?;
    for path in SUSPENDABLE {
        // 404: no such kind, so nothing of it
        let objects = match api::list(client, path).await {
            Err(error) if error.is_absent() => continue,
            objects => objects?,
        };
        cluster.suspended.extend(objects.iter().filter(|object| is_suspended(object)).map(|object| Reference::of(object).to_string()));
    }
    cluster.uid = system.as_ref().map(|system| text(system, "/metadata/uid").to_owned()).unwrap_or_default();
    Ok((cluster, seen))
}

/// A repository that is there.
#[derive(Debug, Clone)]
pub struct Found {
    /// What GitHub says of it.
    pub repository: Repository,
    /// The branch.
    pub branch: State,
    /// What is on it, or on the branch that it would begin at.
    pub listing: Listing,
    /// What is in those files that were asked for and are there.
    pub contents: BTreeMap<String, Vec<u8>>,
}

impl Found {
    /// The commit that the branch is at.
    pub fn head(&self) -> Option<&Head> {
        match &self.branch {
            State::Present { head, .. } | State::Missing { base: head } => Some(head),
            State::Empty => None,
        }
    }
}

/// Looks at a repository: the branch, its files, and into some of them; into all that lie beside them where the last, which would list
/// them, is missing.
///
/// # Errors
/// GitHub did not say.
pub async fn repository(client: &Client, name: &Name, branch: &str, files: &[&str]) -> Result<Option<Found>, Refused> {
    let Some(repository) = repository::get(client, name).await? else { return Ok(None) };
    let branch = branch::state(client, &repository, branch).await?;
    let mut found = Found { repository, branch, listing: Listing::default(), contents: BTreeMap::new() };
    let Some(head) = found.head().cloned() else { return Ok(Some(found)) };
    found.listing = tree::read(client, name, &head.tree, files).await?;
    let list = files.last().copied().unwrap_or_default();
    let folder = list.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_listed = found.listing.entries.contains_key(list);
    let beside = |path: &&String| !is_listed && path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let others: Vec<String> = found.listing.entries.keys().filter(beside).cloned().collect();
    for file in files.iter().copied().chain(others.iter().map(String::as_str).filter(|path| !files.contains(path))) {
        if let Some(entry) = found.listing.entries.get(file)
            && matches!(entry.kind(), Kind::File | Kind::Program)
        {
            found.contents.insert(file.to_owned(), tree::content(client, name, entry).await?);
        }
    }
    Ok(Some(found))
}

/// The deploy keys and GitHub's own host keys, for a cluster that logs in by SSH.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// Those of the repository.
    pub deploy: Vec<DeployKey>,
    /// Lines of known_hosts.
    pub known_hosts: String,
}

/// Reads them.
///
/// # Errors
/// GitHub did not say: it tells deploy keys only to who may administer the repository.
pub async fn keys(client: &Client, name: &Name, host: &str, is_there: bool) -> Result<Keys, Refused> {
    let deploy = if is_there { deploy_key::list(client, name).await? } else { Vec::new() };
    Ok(Keys { deploy, known_hosts: host_keys::known_hosts(client, host).await? })
}

/// What keeps a commit from the branch.
///
/// # Errors
/// GitHub did not say.
pub async fn obstacles(client: &Client, found: &Found, branch: &str) -> Result<Vec<Obstacle>, Refused> {
    let (branch, is_protected) = match &found.branch {
        State::Present { is_protected, .. } => (branch, *is_protected),
        State::Missing { .. } => (branch, false),
        State::Empty => (found.repository.default_branch.as_str(), false),
    };
    branch::obstacles(client, &found.repository.name, branch, is_protected).await
}
