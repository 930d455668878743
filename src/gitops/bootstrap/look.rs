//! From what a person said to a plan: the cluster is looked at, then the repository that it follows or shall follow, and what is found
//! there is gone on with where nobody said otherwise.

use std::path::Path;

use serde_json::Value;

use super::super::cluster::fields::{each, holds, is_true, text};
use super::super::cluster::preflight::{self, findings};
use super::super::cluster::stored_versions::judge;
use super::super::cluster::{ApiError, api};
use super::super::github::Refused;
use super::super::github::commit::File;
use super::super::github::repository::{Name, NameError};
use super::super::github::tree::{self, Kind};
use super::super::manifests::{Bundle, BundleError};
use super::super::settings::entry::{INFRASTRUCTURE_FILE, entry};
use super::super::settings::{Adopted, Installation, Layer, Origin, Settings, resolve};
use super::live::{Change, Changed, compare};
use super::observe::{self, Found};
use super::overlay::{OverlayError, build};
use super::plan::{Mode, Plan, Seen};
use super::refusal::Refusal;
use super::rendered::{Rendered, RenderedError, paths, render};
use super::run::Ways;
use super::secret::Login;
use super::stages::{id, kind};
use crate::diagnostics::{Diagnostics, Source};
use crate::yaml::objects;

/// What was found, and what is to be done.
#[derive(Debug)]
pub struct Looked {
    /// What holds.
    pub settings: Settings,
    /// What shall be in the repository.
    pub rendered: Rendered,
    /// What was seen.
    pub seen: Seen,
    /// What is to be done, or why not.
    pub plan: Result<Plan, Vec<Refusal>>,
    /// What becomes of each object in the cluster.
    pub changed: Vec<Changed>,
    /// Kubernetes' version and its nodes, in words, as far as they are known.
    pub kubernetes: String,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The settings are wrong.
    #[error("the settings are wrong")]
    Settings(Diagnostics),
    /// The cluster did not answer.
    #[error("the cluster cannot be looked at")]
    Cluster(#[from] ApiError),
    /// Something of the cluster that counts is unknown.
    #[error(transparent)]
    Unknown(#[from] observe::ClusterError),
    /// GitHub did not answer.
    #[error(transparent)]
    Github(#[from] Refused),
    /// There is no such repository.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Flux's files are not to be had.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Flux's files cannot be rendered.
    #[error(transparent)]
    Rendered(#[from] RenderedError),
    /// A person's own kustomization.yaml cannot be built.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// Flux shall log in by a token, and there is none.
    #[error("there is no token for Flux to log in by")]
    NoToken,
    /// The repository is not GitHub's.
    #[error("the repository is at {0}, which is not GitHub")]
    Elsewhere(String),
    /// There is no room for files.
    #[error("no folder for kubectl's files can be made")]
    Scratch(#[source] std::io::Error),
}

impl LookError {
    /// What to do, if something can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Cluster(error) | Self::Unknown(observe::ClusterError::Api(error)) => error.hint(),
            Self::Github(error) => error.hint(),
            Self::Bundle(error) => error.hint(),
            Self::Overlay(error) => error.hint(),
            Self::Rendered(RenderedError::Components(error)) => error.hint(),
            Self::Elsewhere(_) => Some("only github.com can be asked; GITHUB_API_URL names another GitHub's API".into()),
            Self::NoToken => Some("set GITHUB_TOKEN".into()),
            _ => None,
        }
    }
}

/// What a look needs beside who is asked.
pub struct Wanted<'a> {
    /// What a person said, the strongest first.
    pub layers: &'a [(Origin, Layer)],
    /// Where Flux's files come from, once it is known which.
    pub bundle: &'a (dyn AsyncBundle + Sync),
    /// The authority that signed GitHub's certificate, for Flux, as PEM.
    pub authority: Option<String>,
    /// Where kubectl is.
    pub kubectl: &'a Path,
    /// Where a folder for its files can be made.
    pub scratch: &'a Path,
    /// The host of the API that is asked, where that is not github.com's.
    pub api_host: String,
    /// Whether the cluster's entry point is wanted, where it is missing.
    pub entry: bool,
    /// A person's own template of it.
    pub template: Option<Source>,
}

/// A way to Flux's files.
pub trait AsyncBundle {
    /// The files of the release that is wanted.
    fn get<'a>(&'a self, settings: &'a Settings) -> std::pin::Pin<Box<dyn Future<Output = Result<Bundle, BundleError>> + Send + 'a>>;
}

/// Looks and plans. Nothing is changed.
///
/// # Errors
/// Something that has to be known could not be; a plan that is refused is no error.
pub async fn look(ways: Ways<'_>, wanted: &Wanted<'_>) -> Result<Looked, LookError> {
    let said = wanted.layers.iter().find_map(|(_, layer)| layer.namespace.clone());
    let namespace = said.unwrap_or_else(|| "flux-system".into());
    let (cluster, before) = observe::cluster(ways.cluster, &namespace).await?;
    // where the cluster follows something, that is what it is about
    let first = adopted(&cluster, None)?;
    let settings = resolved(wanted.layers, first.layer)?;
    elsewhere(&settings, wanted)?;
    let name = Name::new(&settings.owner, &settings.repository)?;
    let found = repository(ways, &name, &settings).await?;
    let second = adopted(&cluster, found.as_ref().map(|found| (found, &settings)))?;
    let version = second.version;
    let settings = resolved(wanted.layers, second.layer)?;
    let bundle = wanted.bundle.get(&settings).await?;
    let mut rendered = render(&settings, &bundle, found.as_ref())?;

    let offer = entry_point(&settings, found.as_ref(), wanted, &mut rendered)?;
    let definitions = rendered.objects.iter().filter(|object| kind(object) == "CustomResourceDefinition");
    let versions = definitions.map(|target| judge(cluster.definitions.iter().find(|present| id(present) == id(target)), target)).collect();
    let findings = findings(&before, &asked_of(&settings));
    let mut seen = Seen { cluster, findings, versions, repository: found, version, ..Seen::default() };
    let login = login(ways, &name, &settings, wanted, &mut seen).await?;
    let mut planned = super::plan::plan(&settings, &login, &rendered, &seen);
    if planned.as_ref().is_ok_and(|plan| !plan.files.is_empty())
        && let Some(found) = &seen.repository
    {
        // only where there is something to commit does it matter who may
        seen.obstacles = observe::obstacles(ways.github, found, &settings.sync.branch).await?;
        planned = super::plan::plan(&settings, &login, &rendered, &seen);
    }
    let mut changed = Vec::new();
    if let Ok(plan) = &mut planned {
        plan.notes.extend(offer);
        if rendered.is_patched && plan.mode == Mode::Install {
            rendered.objects = patched(ways, &name, &settings, &seen, &rendered, wanted).await?;
        }
        // what a person's patches make of them only Flux knows, where it runs
        if !rendered.is_patched || plan.mode == Mode::Install {
            changed = against(ways, &rendered.objects, &seen).await?;
        }
    }
    if let Ok(plan) = &planned {
        let held = held(ways, plan, &seen).await;
        if !held.is_empty() {
            planned = Err(held);
        }
    }
    // a definition whose objects are stored anew first is only taken after that
    if planned.as_ref().is_ok_and(|plan| plan.migrations.is_empty()) {
        let not_taken: Vec<Refusal> = changed.iter().filter_map(Refusal::not_taken).collect();
        if !not_taken.is_empty() {
            planned = Err(not_taken);
        }
    }
    Ok(Looked { settings, rendered, seen, plan: planned, changed, kubernetes: words(&before) })
}

/// The host that Flux reads from has to be the one whose API is asked: what is another forge's is not looked for at GitHub.
fn elsewhere(settings: &Settings, wanted: &Wanted<'_>) -> Result<(), LookError> {
    let host = settings.hostname.to_ascii_lowercase();
    let is_own = matches!(host.as_str(), "github.com" | "ssh.github.com") || host == wanted.api_host;
    if is_own { Ok(()) } else { Err(LookError::Elsewhere(settings.hostname.clone())) }
}

/// The cluster's entry point: added if it is wanted and missing; offered where nothing else is there to begin with.
fn entry_point(
    settings: &Settings,
    found: Option<&Found>,
    wanted: &Wanted<'_>,
    rendered: &mut Rendered,
) -> Result<Option<String>, LookError> {
    let is_there = |path: &String| found.is_some_and(|found| found.listing.entries.contains_key(path));
    if is_there(&settings.file(INFRASTRUCTURE_FILE)) {
        return Ok(None);
    }
    if wanted.entry {
        for (path, text) in entry(settings, wanted.template.as_ref()).map_err(LookError::Settings)? {
            rendered.files.push(File { path, content: text.into_bytes() });
        }
        let root = settings.file("kustomization.yaml");
        return Ok(is_there(&root).then(|| format!("{root} is there: list {INFRASTRUCTURE_FILE} in it, or it does not count")));
    }
    let folder = settings.file("");
    let own = settings.file(&format!("{}/", settings.sync.namespace));
    let is_begun = found
        .iter()
        .flat_map(|found| found.listing.entries.keys())
        .any(|path| path.starts_with(&folder) && !path.starts_with(&own) && (path.ends_with(".yaml") || path.ends_with(".yml")));
    Ok((!is_begun).then(|| format!("nothing beside Flux is in {folder}: --infrastructure writes an entry point ({INFRASTRUCTURE_FILE})")))
}

/// Kubernetes, in words.
fn words(look: &preflight::Look) -> String {
    let nodes = match &look.nodes {
        Ok(nodes) => match (nodes.len(), nodes.iter().filter(|node| holds(node, "Ready")).count()) {
            (1, 1) => "1 node, ready".to_owned(),
            (all, good) if all == good => format!("{all} nodes, all ready"),
            (all, good) => format!("{good} of {all} nodes ready"),
        },
        Err(_) => "nodes unknown".to_owned(),
    };
    format!("{}, {nodes}", look.version.as_deref().unwrap_or("version unknown"))
}

/// What preflight has to know of the settings.
fn asked_of(settings: &Settings) -> preflight::Wanted {
    let flux = settings.options.version().number().clone();
    let toleration_keys = settings.options.toleration_keys().to_vec();
    preflight::Wanted { flux, namespace: settings.sync.namespace.clone(), toleration_keys }
}

fn resolved(layers: &[(Origin, Layer)], adopted: Layer) -> Result<Settings, LookError> {
    let mut layers = layers.to_vec();
    layers.push((Origin::Cluster, adopted));
    resolve(&layers).map_err(LookError::Settings)
}

/// What the cluster and its repository say. A cluster that is built anew has the repository only.
fn adopted(cluster: &observe::Cluster, found: Option<(&Found, &Settings)>) -> Result<Adopted, LookError> {
    let text = |path: &str| {
        let content = found.and_then(|(found, _)| found.contents.get(path))?;
        Some(String::from_utf8_lossy(content).into_owned())
    };
    let [components_path, sync_path, _] = found.map(|(_, settings)| paths(settings)).unwrap_or_default();
    let (components, sync) = (text(&components_path), text(&sync_path));
    let of_file = sync.and_then(|sync| objects::read(&sync_path, &sync).ok()).unwrap_or_default();
    let one = |name: &str, live: &Option<Value>| live.clone().or_else(|| of_file.iter().find(|object| kind(object) == name).cloned());
    let (git_repository, kustomization) = (one("GitRepository", &cluster.git_repository), one("Kustomization", &cluster.kustomization));
    Adopted::of(Installation {
        components: components.as_ref().map(|text| (components_path.as_str(), text.as_str())),
        git_repository: git_repository.as_ref(),
        kustomization: kustomization.as_ref(),
    })
    .map_err(LookError::Settings)
}

async fn repository(ways: Ways<'_>, name: &Name, settings: &Settings) -> Result<Option<Found>, LookError> {
    let files = paths(settings);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    Ok(observe::repository(ways.github, name, &settings.sync.branch, &files).await?)
}

/// How Flux logs in, and what is there of it.
async fn login(ways: Ways<'_>, name: &Name, settings: &Settings, wanted: &Wanted<'_>, seen: &mut Seen) -> Result<Login, LookError> {
    let (namespace, secret) = (&settings.sync.namespace, &settings.sync.secret);
    if seen.cluster.namespace.is_some() {
        seen.secret = api::get(ways.cluster, &format!("/api/v1/namespaces/{namespace}/secrets/{secret}")).await?;
    }
    if let (true, Some(pull)) = (seen.cluster.namespace.is_some(), &settings.image_pull_secret) {
        seen.pull_secret = api::get(ways.cluster, &format!("/api/v1/namespaces/{namespace}/secrets/{pull}")).await?;
    }
    if settings.token_auth {
        let token = settings.token.clone().ok_or(LookError::NoToken)?;
        return Ok(Login::Token { token, authority: wanted.authority.clone() });
    }
    let host = settings.ssh_hostname.clone().unwrap_or_else(|| settings.hostname.clone());
    let may_list = seen.repository.as_ref().is_some_and(|found| found.repository.rights.admin);
    seen.keys = observe::keys(ways.github, name, &host, may_list).await?;
    Ok(Login::Ssh { host, known_hosts: seen.keys.known_hosts.clone() })
}

/// What becomes of each object.
async fn against(ways: Ways<'_>, objects: &[Value], seen: &Seen) -> Result<Vec<Changed>, LookError> {
    if seen.cluster.namespace.is_none() && seen.cluster.definitions.is_empty() {
        return Ok(objects.iter().map(|object| Changed { id: id(object), change: Change::New }).collect());
    }
    let cluster = &seen.cluster;
    let known: Vec<&Value> = cluster
        .definitions
        .iter()
        .chain(&cluster.deployments)
        .chain([&cluster.namespace, &cluster.git_repository, &cluster.kustomization].into_iter().flatten())
        .collect();
    Ok(compare(ways.cluster, ways.kinds, objects, &known).await?)
}

/// Definitions that would be pruned, though there are objects of them, which would go too.
async fn held(ways: Ways<'_>, plan: &Plan, seen: &Seen) -> Vec<Refusal> {
    let mut held = Vec::new();
    for definition in seen.cluster.definitions.iter().filter(|definition| plan.pruned.contains(&id(definition))) {
        let served = each(definition, "/spec/versions").find(|version| is_true(version, "/served"));
        let version = served.map(|version| text(version, "/name")).unwrap_or_default();
        let path = format!("/apis/{}/{version}/{}", text(definition, "/spec/group"), text(definition, "/spec/names/plural"));
        let count = api::list(ways.cluster, &path).await.map(|objects| objects.len()).map_err(|error| error.to_string());
        held.extend(Refusal::held(text(definition, "/metadata/name"), count));
    }
    held
}

/// The objects as a person's own kustomization.yaml makes them.
async fn patched(
    ways: Ways<'_>,
    name: &Name,
    settings: &Settings,
    seen: &Seen,
    rendered: &Rendered,
    wanted: &Wanted<'_>,
) -> Result<Vec<Value>, LookError> {
    let folder = format!("{}/", settings.file(&settings.sync.namespace));
    let mut files = Vec::new();
    for (path, entry) in seen.repository.iter().flat_map(|found| &found.listing.entries) {
        let Some(inside) = path.strip_prefix(&folder) else { continue };
        let is_ours = rendered.files.iter().any(|file| file.path == *path);
        if !is_ours && matches!(entry.kind(), Kind::File | Kind::Program) {
            files.push(File { path: inside.to_owned(), content: tree::content(ways.github, name, entry).await? });
        }
    }
    for file in &rendered.files {
        if let Some(inside) = file.path.strip_prefix(&folder) {
            files.push(File { path: inside.to_owned(), content: file.content.clone() });
        }
    }
    let scratch = Scratch::new(wanted.scratch).map_err(LookError::Scratch)?;
    let mut objects = build(wanted.kubectl, &scratch.0, &files).await?;
    // what is encrypted only Flux can read
    objects.retain(|object| object.get("sops").is_none());
    Ok(objects)
}

/// A folder of our own that goes with us.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(parent: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let path = parent.join(format!("homelabctl-{:016x}", rand::random::<u64>()));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // what is left of it is nobody's secret
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
