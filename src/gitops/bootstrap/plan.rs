//! What is to be done, from what is wanted and what was seen. Nobody is asked here.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::super::cluster::fields::{holds, text};
use super::super::cluster::preflight::{Finding, Level};
use super::super::cluster::stored_versions::{Judgement, Migration};
use super::super::github::branch::{Obstacle, State};
use super::super::github::commit::File;
use super::super::github::deploy_key::{DeployKey, same};
use super::super::manifests::Version;
use super::super::manifests::sync::folder;
use super::super::settings::{Address, Settings};
use super::observe::{Cluster, Found, Keys};
use super::pull_secret::{self, PullSecret};
use super::refusal::Refusal;
use super::rendered::Rendered;
use super::secret::{Decided, Login, decide};
use super::stages::pruned;

/// All that was seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The cluster.
    pub cluster: Cluster,
    /// The secret with which Flux reads.
    pub secret: Option<Value>,
    /// The secret for the images, where one is wanted.
    pub pull_secret: Option<Value>,
    /// The repository, if it is there.
    pub repository: Option<Found>,
    /// Keys, where Flux logs in by one.
    pub keys: Keys,
    /// What keeps a commit from the branch; asked for only where there is one to make.
    pub obstacles: Vec<Obstacle>,
    /// The release of Flux that the repository has.
    pub version: Option<String>,
    /// What preflight found.
    pub findings: Vec<Finding>,
    /// What the new definitions mean for objects that are stored.
    pub versions: Vec<Judgement>,
}

/// A file that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Where.
    pub path: String,
    /// How many lines come.
    pub added: usize,
    /// How many go.
    pub removed: usize,
    /// Whether it is new.
    pub is_new: bool,
    /// The difference, as unified diffs are.
    pub diff: String,
}

/// What becomes of the branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    /// It gets a commit, if there is something to write.
    Present,
    /// It begins at the default branch's head.
    New,
    /// It is the first of an empty repository.
    First,
}

/// What becomes of the deploy key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Flux does not log in by one, or by one that we leave to others.
    None,
    /// It is there.
    Present,
    /// It is missing.
    Add,
    /// It has other rights, or an older one of ours goes.
    Replace,
}

/// How Flux comes by what was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Objects are applied from here.
    Install,
    /// Flux runs and reads the repository: it is asked to.
    Reconcile,
}

/// What the cluster followed before, where it is to follow something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Branch or URL, from.
    pub from: String,
    /// To.
    pub to: String,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whether the repository is made.
    pub creates_repository: bool,
    /// The branch.
    pub branch: Branch,
    /// The files that are written; with none there is no commit.
    pub files: Vec<FileChange>,
    /// The commit's message.
    pub message: String,
    /// The deploy key.
    pub key: Key,
    /// Whether it only reads.
    pub key_reads_only: bool,
    /// Its title, if it is added.
    pub title: String,
    /// The secret.
    pub secret: Decided,
    /// The secret for the images, if it is written.
    pub pull_secret: Option<PullSecret>,
    /// How Flux comes by it.
    pub mode: Mode,
    /// Objects that are stored anew before their definition changes.
    pub migrations: Vec<Migration>,
    /// What Flux will remove: `Kind/namespace/name`.
    pub pruned: Vec<String>,
    /// What it follows from now on, where that is something else.
    pub moved: Option<Moved>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl Plan {
    /// Whether GitHub or the secret are changed; the cluster's objects are looked at apart.
    pub fn is_change(&self) -> bool {
        self.branch != Branch::Present
            || !self.files.is_empty()
            || matches!(self.key, Key::Add | Key::Replace)
            || self.secret.is_change()
            || !self.migrations.is_empty()
            || self.pull_secret.is_some()
    }
}

/// Plans.
///
/// # Errors
/// All that stops us.
pub fn plan(settings: &Settings, login: &Login, rendered: &Rendered, seen: &Seen) -> Result<Plan, Vec<Refusal>> {
    let mut refusals = Vec::new();
    refusals.extend(seen.findings.iter().filter(|finding| finding.level == Level::Refuse).map(Refusal::found));
    let stuck = |version: &&Judgement| matches!(version, Judgement::Stuck { .. } | Judgement::Unknown { .. });
    refusals.extend(seen.versions.iter().filter(stuck).map(Refusal::stuck));
    refusals.extend(other_path(settings, &seen.cluster));
    refusals.extend(beside(settings, &seen.cluster));
    refusals.extend(older(settings, seen));
    refusals.extend(no_rights(settings, seen));
    let files = changes(&rendered.files, seen);
    if !files.is_empty() && !seen.obstacles.is_empty() {
        refusals.push(Refusal::protected(settings, &seen.obstacles));
    }
    if let Some(found) = seen.repository.as_ref().filter(|found| found.repository.is_archived && !files.is_empty()) {
        refusals.push(Refusal::archived(&found.repository.name));
    }
    let mut secret = match decide(seen.secret.as_ref(), &format!("{}/{}", settings.sync.namespace, settings.sync.secret), login) {
        Ok(decided) => decided,
        Err(error) => {
            refusals.push(Refusal::new(error.to_string(), "Flux reads the repository by it, and no key is thrown away", error.hint()));
            Decided::default()
        }
    };
    let pull_secret = pull_secret::decide(settings, seen.pull_secret.as_ref()).unwrap_or_else(|refusal| {
        refusals.push(refusal);
        None
    });
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let is_there = |public: &String| seen.keys.deploy.iter().any(|key| same(&key.key, public));
    // GitHub lets nobody have one key in two repositories, and the one that was followed may still have it
    if is_elsewhere(settings, &seen.cluster) && secret.public.as_ref().is_some_and(|public| !is_there(public)) {
        secret.renew();
    }
    let title = title(settings, &seen.cluster.uid);
    let key_reads_only = read_only(settings, seen, secret.public.as_deref());
    let key = match login {
        Login::Ssh { .. } if !secret.is_foreign => key(&seen.keys.deploy, secret.public.as_deref(), &title, key_reads_only),
        _ => Key::None,
    };
    let (branch, creates_repository) = match seen.repository.as_ref().map(|found| &found.branch) {
        None => (Branch::First, true),
        Some(State::Empty) => (Branch::First, false),
        Some(State::Missing { .. }) => (Branch::New, false),
        Some(State::Present { .. }) => (Branch::Present, false),
    };
    Ok(Plan {
        creates_repository,
        branch,
        message: message(settings, &files),
        key,
        key_reads_only,
        pull_secret,
        mode: mode(&seen.cluster, rendered),
        migrations: seen.versions.iter().filter_map(migration).collect(),
        pruned: pruned(&rendered.before, &rendered.objects),
        moved: moved(settings, &seen.cluster),
        notes: notes(settings, seen, &secret, &title),
        title,
        files,
        secret,
    })
}

fn migration(version: &Judgement) -> Option<Migration> {
    match version {
        Judgement::Migrate(migration) => Some(migration.clone()),
        _ => None,
    }
}

/// Flux would remove everything that came from the old path.
fn other_path(settings: &Settings, cluster: &Cluster) -> Option<Refusal> {
    let path = folder(text(cluster.kustomization.as_ref()?, "/spec/path"));
    let wanted = folder(&settings.sync.path);
    (path != wanted).then(|| {
        Refusal::new(
            format!("the cluster follows the path {path}, and {wanted} is wanted"),
            "Flux would remove everything that came from the old path",
            format!("move the files of {path} to {wanted} first, with a link or a copy left; or run with --path={path}"),
        )
    })
}

/// A second Flux would fight with the first over every object.
fn beside(settings: &Settings, cluster: &Cluster) -> Option<Refusal> {
    let label = |definition: &Value| label(definition, "app.kubernetes.io/instance").map(str::to_owned);
    let other = cluster.definitions.iter().filter_map(label).find(|namespace| *namespace != settings.sync.namespace)?;
    Some(Refusal::new(
        format!("Flux is in the namespace {other} already, and {} is wanted", settings.sync.namespace),
        "two of them would fight over every object",
        format!("run with --namespace={other}"),
    ))
}

fn label<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.pointer("/metadata/labels")?.get(name)?.as_str()
}

/// A release that is newer than what is wanted was put there by somebody, in the repository or in the cluster.
fn older(settings: &Settings, seen: &Seen) -> Option<Refusal> {
    let objects = seen.cluster.definitions.iter().chain(&seen.cluster.deployments);
    let there = seen.version.as_deref().map(|version| ("the repository", version)).into_iter();
    let there = there.chain(objects.filter_map(|object| Some(("the cluster", label(object, "app.kubernetes.io/version")?))));
    let wanted = settings.options.version();
    for (place, version) in there {
        let Ok(found) = Version::parse(version) else {
            return Some(Refusal::new(
                format!("{place} has Flux `{version}`, which is no version"),
                "nobody can tell whether it is newer than what is wanted",
                "see who made it: `kubectl get deployments --namespace flux-system --show-labels`",
            ));
        };
        if found > *wanted {
            return Some(Refusal::new(
                format!("{place} has Flux {found}, which is newer than {wanted}"),
                "a step back can leave objects behind that the older one does not know",
                format!("run with --version={found}, or take a newer homelabctl"),
            ));
        }
    }
    None
}

fn no_rights(settings: &Settings, seen: &Seen) -> Option<Refusal> {
    let repository = &seen.repository.as_ref()?.repository;
    let name = &repository.name;
    if !repository.rights.push {
        return Some(Refusal::right(name, "Contents: read and write", "it cannot commit"));
    }
    (!settings.token_auth && !repository.rights.admin)
        .then(|| Refusal::right(name, "Administration: read and write", "it cannot see or add deploy keys"))
}

/// The files that are not yet as they shall be.
fn changes(files: &[File], seen: &Seen) -> Vec<FileChange> {
    let contents = seen.repository.as_ref().map(|found| &found.contents);
    let change = |file: &File| {
        let before = contents.and_then(|contents| contents.get(&file.path));
        // a branch that is still to be made has the files of the one that it begins at
        if before.is_some_and(|before| *before == file.content) {
            return None;
        }
        let (old, new) = (String::from_utf8_lossy(before.map_or(&[], Vec::as_slice)), String::from_utf8_lossy(&file.content));
        let diff = TextDiff::from_lines(old.as_ref(), new.as_ref());
        let count = |tag: ChangeTag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
        let (from, to) = (format!("a/{}", file.path), format!("b/{}", file.path));
        Some(FileChange {
            path: file.path.clone(),
            added: count(ChangeTag::Insert),
            removed: count(ChangeTag::Delete),
            is_new: before.is_none(),
            diff: diff.unified_diff().header(&from, &to).to_string(),
        })
    };
    files.iter().filter_map(change).collect()
}

/// The Flux CLI's words, in one commit.
fn message(settings: &Settings, files: &[FileChange]) -> String {
    let is = |name: &str| files.iter().any(|file| file.path.ends_with(name));
    let version = settings.options.version();
    let what = match (is("gotk-components.yaml"), is("gotk-sync.yaml") || is("kustomization.yaml")) {
        (true, true) => format!("Add Flux {version} component and sync manifests"),
        (true, false) => format!("Add Flux {version} component manifests"),
        (false, true) => "Add Flux sync manifests".into(),
        (false, false) => "Add the cluster's entry point".into(),
    };
    match &settings.commit_message_appendix {
        Some(appendix) => format!("{what}\n\n{appendix}"),
        None => what,
    }
}

/// The Flux CLI's title, and which cluster it is: two clusters with the same path do not take each other's key away.
fn title(settings: &Settings, uid: &str) -> String {
    let sync = &settings.sync;
    let cluster = uid.split('-').next().unwrap_or_default();
    format!("{}-{}-{}-{} ({cluster})", sync.namespace, sync.branch, sync.secret, folder(&sync.path))
}

/// Whether the key only reads: as it is, where nobody said otherwise.
fn read_only(settings: &Settings, seen: &Seen, public: Option<&str>) -> bool {
    let ours = public.and_then(|public| seen.keys.deploy.iter().find(|key| same(&key.key, public)));
    match ours {
        Some(key) if !settings.is_wanted("read-write-key") => key.read_only,
        _ => !settings.read_write_key,
    }
}

fn key(keys: &[DeployKey], public: Option<&str>, title: &str, read_only: bool) -> Key {
    let ours = public.and_then(|public| keys.iter().find(|key| same(&key.key, public)));
    let is_stale = keys.iter().any(|key| key.title == title && ours.is_none_or(|ours| ours.id != key.id));
    match ours {
        Some(key) if key.read_only == read_only && !is_stale => Key::Present,
        None if !is_stale => Key::Add,
        _ => Key::Replace,
    }
}

/// Flux brings the change itself where it runs, has applied itself before, and goes on reading what it read.
fn mode(cluster: &Cluster, rendered: &Rendered) -> Mode {
    let is_applied = cluster.kustomization.as_ref().is_some_and(|object| !text(object, "/status/lastAppliedRevision").is_empty());
    let is_it = |object: &&Value, name: &str| text(object, "/metadata/name") == name && holds(object, "Available");
    let runs = |name: &str| cluster.deployments.iter().any(|object| is_it(&object, name));
    let follows = |object: &Option<Value>| {
        let Some(object) = object else { return false };
        rendered.objects.iter().any(|wanted| wanted["kind"] == object["kind"] && is_within(&wanted["spec"], &object["spec"]))
    };
    let is_whole = is_applied
        && runs("source-controller")
        && runs("kustomize-controller")
        && follows(&cluster.git_repository)
        && follows(&cluster.kustomization);
    if is_whole { Mode::Reconcile } else { Mode::Install }
}

/// Whether all that is wanted is there; what the API or a person added does not count.
fn is_within(wanted: &Value, there: &Value) -> bool {
    match (wanted, there) {
        (Value::Object(wanted), Value::Object(there)) => {
            wanted.iter().all(|(key, value)| there.get(key).is_some_and(|there| is_within(value, there)))
        }
        _ => wanted == there,
    }
}

/// Whether the cluster follows another repository. The same one by a token in the place of a key is no other.
fn is_elsewhere(settings: &Settings, cluster: &Cluster) -> bool {
    let Some(url) = cluster.git_repository.as_ref().map(|object| text(object, "/spec/url")) else { return false };
    match (Address::parse(url), Address::parse(&settings.sync.url)) {
        (Some(one), Some(other)) => !one.is_same_repository(&other),
        _ => url != settings.sync.url,
    }
}

fn moved(settings: &Settings, cluster: &Cluster) -> Option<Moved> {
    let object = cluster.git_repository.as_ref()?;
    let (url, branch) = (text(object, "/spec/url"), text(object, "/spec/ref/branch"));
    (is_elsewhere(settings, cluster) || branch != settings.sync.branch).then(|| Moved {
        from: format!("branch {branch} of {url}"),
        to: format!("branch {} of {}", settings.sync.branch, settings.sync.url),
    })
}

fn notes(settings: &Settings, seen: &Seen, secret: &Decided, title: &str) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for finding in seen.findings.iter().filter(|finding| finding.level != Level::Refuse) {
        notes.push(match &finding.next {
            Some(next) => format!("{finding} ({next})"),
            None => finding.to_string(),
        });
    }
    if secret.is_foreign {
        notes.push("Flux logs in by a GitHub App or a bearer token: the secret and the keys stay as they are".into());
    }
    let others = seen.repository.iter().flat_map(|found| found.listing.entries.keys());
    let folder = settings.folder();
    let others: Vec<&str> = others
        .filter_map(|path| path.strip_suffix(&format!("/{}/gotk-sync.yaml", settings.sync.namespace)))
        .filter(|other| *other != folder && (folder.is_empty() || is_inside(other, &folder) || is_inside(&folder, other)))
        .collect();
    for other in others {
        notes.push(format!("{other} is another cluster's path, and one of the two lies in the other: each would apply the other's files"));
    }
    let cli = format!("{}-{}-{}-", settings.sync.namespace, settings.sync.branch, settings.sync.secret);
    let public = secret.public.as_deref().unwrap_or_default();
    // one with our own title is replaced
    for key in seen.keys.deploy.iter().filter(|key| key.title.starts_with(&cli) && key.title != title && !same(&key.key, public)) {
        if key.title.contains(&super::super::manifests::sync::folder(&settings.sync.path)) {
            notes.push(format!("the deploy key `{}` is of another cluster with this path, or of one that is gone: it stays", key.title));
        }
    }
    notes
}

fn is_inside(inner: &str, outer: &str) -> bool {
    outer.is_empty() || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
