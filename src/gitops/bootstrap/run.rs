//! A plan is carried out: what others need first, and each part so that the next run takes it up where this one was cut off.
//!
//! The secret comes before the deploy key: of a run that was cut off between them the next finds the key in the secret, and no key
//! without an owner is left at GitHub.

use std::time::Duration;

use serde_json::Value;

use super::super::cluster::diagnosis::Reference;
use super::super::cluster::stored_versions::migrate;
use super::super::cluster::{ApiError, Kinds, api};
use super::super::github::commit::{Author, Change, CommitError, write};
use super::super::github::deploy_key::{self, KeyError, NoKey};
use super::super::github::repository::{self, Name, NameError, Owner, Repository, RepositoryError};
use super::super::github::{Client, Refused};
use super::super::settings::Settings;
use super::apply::apply;
use super::live::{Changed, compare, is_drifted};
use super::plan::{Branch, Key, Mode, Plan, Seen};
use super::progress::{Tell, Told};
use super::ready::{self, is_settled, is_suspended};
use super::rendered::Rendered;
use super::stages::kind;
use super::wait::{Limit, deployments, reconciled};

/// Who is asked, and who is told.
#[derive(Clone, Copy)]
pub struct Ways<'a> {
    /// GitHub.
    pub github: &'a Client,
    /// The cluster.
    pub cluster: &'a kube::Client,
    /// Where its kinds are.
    pub kinds: &'a Kinds,
    /// Who is told.
    pub tell: Tell<'a>,
}

/// Something did not become what it shall be in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{object} is not ready after {after:?}: {said}")]
pub struct NotReady {
    /// It.
    pub object: Reference,
    /// What it said last.
    pub said: String,
    /// How long was waited.
    pub after: Duration,
}

/// Why a run ended early. The same command goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// GitHub did not do it.
    #[error(transparent)]
    Github(#[from] Refused),
    /// There is no such name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no repository.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// There is no commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// There is no deploy key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No key can be made.
    #[error(transparent)]
    NoKey(#[from] NoKey),
    /// The cluster did not take something.
    #[error("{object} cannot be applied")]
    Apply {
        /// `Kind/namespace/name`.
        object: String,
        /// Why.
        #[source]
        error: ApiError,
    },
    /// The cluster did not answer.
    #[error(transparent)]
    Cluster(#[from] ApiError),
    /// Something is not ready.
    #[error(transparent)]
    NotReady(NotReady),
}

impl RunError {
    /// What to do, if something can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Github(error) => error.hint(),
            Self::Repository(error) => error.hint(),
            Self::Commit(error) => error.hint(),
            Self::Key(error) => error.hint(),
            Self::Apply { error, .. } | Self::Cluster(error) => error.hint(),
            Self::Name(_) | Self::NoKey(_) | Self::NotReady(_) => None,
        }
    }
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The commit that was made, if one was.
    pub commit: Option<String>,
    /// The revision that was applied; none where Flux is suspended.
    pub revision: Option<String>,
    /// How many objects were applied from here.
    pub applied: usize,
    /// Whether Flux is suspended, so that nothing was waited for.
    pub is_suspended: bool,
}

/// Carries a plan out.
///
/// # Errors
/// What did not work; the same command goes on from there.
pub async fn run(
    ways: Ways<'_>,
    settings: &Settings,
    rendered: &Rendered,
    seen: &Seen,
    plan: &Plan,
    changed: &[Changed],
) -> Result<Outcome, RunError> {
    let name = Name::new(&settings.owner, &settings.repository)?;
    let repository = made(ways, settings, &name, seen).await?;
    let public = logged_in(ways, settings, rendered, seen, plan).await?;
    if let (true, Some(public)) = (matches!(plan.key, Key::Add | Key::Replace), public) {
        (ways.tell)(Told::Doing("adding the deploy key"));
        deploy_key::reconcile(ways.github, &name, &plan.title, &public, plan.key_reads_only).await?;
        (ways.tell)(Told::Done(&format!("deploy key `{}`", plan.title)));
    }
    for migration in &plan.migrations {
        (ways.tell)(Told::Doing(&format!("storing objects of {} as {}", migration.name, migration.to)));
        let migrated = migrate(ways.cluster, migration).await?;
        (ways.tell)(Told::Done(&format!(
            "{}: {} of {} objects stored as {}",
            migration.name,
            migrated.written.len(),
            migrated.seen,
            migration.to
        )));
    }
    let before = seen.repository.as_ref().and_then(|found| found.head()).map(|head| head.commit.clone());
    let (head, commit) = committed(ways, settings, rendered, plan, &repository, before.as_deref()).await?;
    let mut outcome = Outcome { commit, ..Outcome::default() };
    let limit = Limit::of(settings.timeout);
    if plan.mode == Mode::Install {
        outcome.applied = apply(ways.cluster, ways.kinds, &rendered.objects, changed, ways.tell).await?;
        deployments(ways.cluster, &rendered.objects, limit, ways.tell).await?;
    }
    let suspended = [&seen.cluster.git_repository, &seen.cluster.kustomization];
    if suspended.into_iter().flatten().any(is_suspended) {
        outcome.is_suspended = true;
        return Ok(outcome);
    }
    let is_quiet = !plan.is_change() && !is_drifted(changed) && outcome.applied == 0;
    if is_quiet && is_settled(seen.cluster.git_repository.as_ref(), seen.cluster.kustomization.as_ref(), &head) {
        outcome.revision = seen.cluster.kustomization.as_ref().and_then(ready::revision).map(str::to_owned);
        return Ok(outcome);
    }
    // what was there before is no answer, whoever had it
    let seen_before = [&seen.cluster.git_repository, &seen.cluster.kustomization].into_iter().flatten();
    let seen_before = seen_before.filter_map(|object| ready::revision(object).and_then(ready::commit).map(str::to_owned));
    let old: Vec<String> = seen_before.chain(before).collect();
    let mut head = head;
    for of in ["GitRepository", "Kustomization"] {
        let Some(object) = rendered.objects.iter().find(|object| kind(object) == of) else { continue };
        let revision = reconciled(ways.cluster, object, &head, &old, limit, ways.tell).await?;
        // what was fetched is what has to be applied
        if let Some(fetched) = ready::commit(&revision) {
            fetched.clone_into(&mut head);
        }
        outcome.revision = Some(revision);
    }
    if plan.mode == Mode::Reconcile {
        deployments(ways.cluster, &rendered.objects, limit, ways.tell).await?;
        outcome.applied = settle(ways, rendered, plan, changed).await?;
    }
    Ok(outcome)
}

/// What Flux has applied is applied once more by the name of who installed it: a field that went from a file stays in the cluster for as
/// long as it is that name's.
async fn settle(ways: Ways<'_>, rendered: &Rendered, plan: &Plan, changed: &[Changed]) -> Result<usize, RunError> {
    if rendered.is_patched || (plan.files.is_empty() && !is_drifted(changed)) {
        return Ok(0);
    }
    let after = compare(ways.cluster, ways.kinds, &rendered.objects, &[]).await?;
    apply(ways.cluster, ways.kinds, &rendered.objects, &after, ways.tell).await
}

/// The repository, made if it is missing.
async fn made(ways: Ways<'_>, settings: &Settings, name: &Name, seen: &Seen) -> Result<Repository, RunError> {
    if let Some(found) = &seen.repository {
        return Ok(found.repository.clone());
    }
    (ways.tell)(Told::Doing(&format!("making the repository {name}")));
    // whose it is nobody has to say who is asked by their own token
    let is_own =
        settings.personal || (!settings.is_wanted("personal") && repository::login(ways.github).await?.eq_ignore_ascii_case(name.owner()));
    let owner = if is_own { Owner::User } else { Owner::Organisation };
    let made = repository::create(ways.github, name, owner, settings.private).await?;
    (ways.tell)(Told::Done(&format!("repository {name} made, {}", if settings.private { "private" } else { "public" })));
    Ok(made)
}

/// The namespace and the secrets in it; the public half of the key that Flux logs in by.
async fn logged_in(ways: Ways<'_>, settings: &Settings, rendered: &Rendered, seen: &Seen, plan: &Plan) -> Result<Option<String>, RunError> {
    let (namespace, secret) = (&settings.sync.namespace, &settings.sync.secret);
    let new = if plan.secret.wants_key { Some(deploy_key::generate()?) } else { None };
    let public = new.as_ref().map(|key| key.public.clone()).or_else(|| plan.secret.public.clone());
    let mut secrets: Vec<Value> = plan.secret.object(namespace, secret, new.as_ref()).into_iter().collect();
    secrets.extend(plan.pull_secret.iter().map(|secret| secret.object().clone()));
    if secrets.is_empty() {
        return Ok(public);
    }
    if seen.cluster.namespace.is_none()
        && let Some(object) = rendered.objects.iter().find(|object| kind(object) == "Namespace")
    {
        apply(ways.cluster, ways.kinds, std::slice::from_ref(object), &[], &|_| {}).await?;
    }
    for object in &secrets {
        let failed = |error| RunError::Apply { object: super::stages::id(object), error };
        let path = ways.kinds.path_of(ways.cluster, object).await.map_err(failed)?;
        // one that was read is written whole, so that what has to go from it goes
        if object.pointer("/metadata/resourceVersion").is_some() {
            api::put(ways.cluster, &path, object).await.map_err(failed)?;
        } else {
            api::apply_at(ways.cluster, &path, object, false).await.map_err(failed)?;
        }
    }
    if plan.secret.is_change() {
        (ways.tell)(Told::Done(&format!("secret {namespace}/{secret}: {}", plan.secret.changes.join(", "))));
    }
    Ok(public)
}

/// The branch's head with all files as they shall be, and the commit, if one was made.
async fn committed(
    ways: Ways<'_>,
    settings: &Settings,
    rendered: &Rendered,
    plan: &Plan,
    repository: &Repository,
    before: Option<&str>,
) -> Result<(String, Option<String>), RunError> {
    if let (true, Some(head)) = (plan.files.is_empty() && plan.branch == Branch::Present, before) {
        return Ok((head.to_owned(), None));
    }
    (ways.tell)(Told::Doing("committing"));
    let email = settings.author_email.clone().unwrap_or_default();
    let author = Author { name: settings.author_name.clone(), email };
    let branch = settings.sync.branch.as_str();
    let change = Change { branch, files: &rendered.files, message: &plan.message, author: Some(&author) };
    let written = write(ways.github, repository, &change).await?;
    let is_new = Some(written.head.as_str()) != before;
    if is_new {
        let short: String = written.head.chars().take(8).collect();
        (ways.tell)(Told::Done(&format!("commit {short} on {branch}: {} files", written.written.len())));
    }
    Ok((written.head.clone(), is_new.then_some(written.head)))
}
