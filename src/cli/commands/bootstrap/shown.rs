//! The plan and what became of it, as a person sees them, and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::gitops::bootstrap::Refusal;
use crate::gitops::bootstrap::live::{Change, Changed};
use crate::gitops::bootstrap::look::Looked;
use crate::gitops::bootstrap::plan::{Branch, Key, Mode, Plan};
use crate::gitops::bootstrap::run::Outcome;
use crate::gitops::cluster::Connected;
use crate::gitops::cluster::stored_versions::Judgement;

/// How wide the column of names is.
const WIDTH: usize = 20;

/// What it is about: the cluster and the repository.
pub fn head(connected: &Connected, looked: &Looked) -> String {
    let settings = &looked.settings;
    let version = settings.options.version();
    let flux = match looked.seen.version.as_deref() {
        Some(there) if there.trim_start_matches('v') == version.to_string().trim_start_matches('v') => format!("Flux {version}"),
        Some(there) => format!("Flux {there} -> {version}"),
        None if looked.seen.cluster.kustomization.is_some() => format!("Flux {version}, from another place than so far"),
        None => format!("Flux {version}, new here"),
    };
    let (sync, folder) = (&settings.sync, settings.folder());
    format!(
        "cluster {} ({}, {}), {flux}\nrepository {}/{}/{}, branch {}, path {}\n",
        connected.context,
        connected.server,
        looked.kubernetes,
        settings.hostname,
        settings.owner,
        settings.repository,
        sync.branch,
        if folder.is_empty() { "./" } else { folder.as_str() }
    )
}

fn row(text: &mut String, name: &str, what: &str) {
    let _ = writeln!(text, "  {name:WIDTH$} {what}");
}

fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// The plan.
pub fn plan(looked: &Looked, plan: &Plan, with_diff: bool) -> String {
    let settings = &looked.settings;
    let mut text = String::from("\n");
    if plan.creates_repository {
        let private = if settings.private { "private" } else { "public" };
        row(&mut text, "repository", &format!("is made, {private}"));
    }
    match plan.branch {
        Branch::Present => {}
        Branch::New => row(&mut text, "branch", &format!("{} is made, from the default branch", settings.sync.branch)),
        Branch::First => row(&mut text, "branch", &format!("{} is made; the repository is empty", settings.sync.branch)),
    }
    files(&mut text, plan);
    keys(&mut text, looked, plan);
    objects(&mut text, looked, plan);
    if let Some(moved) = &plan.moved {
        row(&mut text, "follows", &format!("{}, and no more {}", moved.to, moved.from));
        row(&mut text, "", "what is only there is removed from the cluster");
    }
    for version in &plan.migrations {
        row(&mut text, "API versions", &Judgement::Migrate(version.clone()).to_string());
    }
    for object in &looked.seen.cluster.suspended {
        row(&mut text, "suspended", &format!("{object} stays suspended"));
    }
    for note in &plan.notes {
        row(&mut text, "note", note);
    }
    if with_diff {
        for file in &plan.files {
            let _ = write!(text, "\n{}", file.diff);
        }
    }
    text
}

fn files(text: &mut String, plan: &Plan) {
    if plan.files.is_empty() {
        row(text, "no commit", "every file is as it shall be");
        return;
    }
    let mut name = format!("1 commit, {}", plural(plan.files.len(), "file"));
    let wide = plan.files.iter().map(|file| file.path.chars().count()).max().unwrap_or(0);
    for file in &plan.files {
        let removed = if file.is_new { String::new() } else { format!(" -{}", file.removed) };
        row(text, &name, &format!("{:wide$}   +{}{removed}", file.path, file.added));
        name.clear();
    }
}

fn keys(text: &mut String, looked: &Looked, plan: &Plan) {
    let rights = if plan.key_reads_only { "read-only" } else { "read and write" };
    match plan.key {
        Key::None if looked.settings.token_auth => row(text, "token", "Flux reads by the token over HTTPS: it is in the cluster's secret"),
        Key::None => {}
        Key::Present => row(text, "deploy key", &format!("present, {rights}, matches the cluster's secret")),
        Key::Add => row(text, "deploy key", &format!("is added, {rights}: {}", plan.title)),
        Key::Replace => row(text, "deploy key", &format!("is replaced, {rights}: {}", plan.title)),
    }
    if plan.pull_secret.is_some() {
        row(text, "pull secret", looked.settings.image_pull_secret.as_deref().unwrap_or_default());
    }
    for change in &plan.secret.changes {
        row(text, "secret", change);
    }
}

fn objects(text: &mut String, looked: &Looked, plan: &Plan) {
    let changed: Vec<&Changed> = looked.changed.iter().filter(|changed| changed.change != Change::Same).collect();
    let new = changed.iter().filter(|changed| changed.change == Change::New).count();
    let total = looked.changed.len();
    let what = match (changed.len() - new, new) {
        (0, 0) if looked.rendered.is_patched && plan.mode == Mode::Reconcile => {
            "kustomization.yaml has a person's patches: Flux itself brings what changes".to_owned()
        }
        (0, 0) => format!("{} as they shall be", plural(total, "object")),
        (0, new) if new == total => format!("{} are new", plural(new, "object")),
        (0, new) => format!("{new} of {} are new", plural(total, "object")),
        (changed, 0) => format!("{changed} of {} change", plural(total, "object")),
        (changed, new) => format!("{changed} of {} change, {new} are new", plural(total, "object")),
    };
    let pruned = if plan.pruned.is_empty() { "nothing is pruned".to_owned() } else { format!("{} pruned", plan.pruned.len()) };
    row(text, "cluster", &format!("{what}; {pruned}"));
    if changed.len() > new || !plan.pruned.is_empty() {
        for changed in changed {
            match &changed.change {
                Change::New => row(text, "", &format!("+ {}", changed.id)),
                Change::Parts(parts) => {
                    let more = if parts.len() > 3 { format!(" and {} more", parts.len() - 3) } else { String::new() };
                    let first: Vec<&str> = parts.iter().take(3).map(String::as_str).collect();
                    row(text, "", &format!("~ {}: {}{more}", changed.id, first.join(", ")));
                }
                Change::Refused(why) => row(text, "", &format!("! {}: {why}", changed.id)),
                Change::Same => {}
            }
        }
        for id in &plan.pruned {
            row(text, "", &format!("- {id}"));
        }
    }
}

/// Why nothing is done.
pub fn refused(refusals: &[Refusal]) -> String {
    let one = |refusal: &Refusal| format!("refused: {}\n  why:  {}\n  next: {}\n", refusal.saw, refusal.why, refusal.next);
    refusals.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// What was done.
pub fn outcome(outcome: &Outcome, requests: (usize, usize), seconds: f64) -> String {
    let mut text = match (&outcome.revision, outcome.is_suspended) {
        (_, true) => "Flux is suspended here, and stays so: nothing was waited for\n".to_owned(),
        (Some(revision), _) => format!("the cluster follows the repository: {revision}\n"),
        (None, _) => "done\n".to_owned(),
    };
    let _ = writeln!(text, "{seconds:.1} s, {} requests to GitHub, {} to Kubernetes", requests.0, requests.1);
    text
}

/// The same as JSON.
pub fn json(connected: &Connected, looked: &Looked, outcome: Option<&Outcome>) -> Value {
    let settings = &looked.settings;
    let plan = match &looked.plan {
        Ok(plan) => json!({
            "creates_repository": plan.creates_repository,
            "files": plan.files.iter().map(|file| json!({ "path": file.path, "added": file.added, "removed": file.removed, "diff": file.diff })).collect::<Vec<_>>(),
            "deploy_key": format!("{:?}", plan.key).to_lowercase(),
            "secret": plan.secret.changes,
            "mode": format!("{:?}", plan.mode).to_lowercase(),
            "objects": looked.changed.iter().filter(|changed| changed.change != Change::Same).map(object).collect::<Vec<_>>(),
            "migrations": plan.migrations.iter().map(|version| json!({ "crd": version.name, "from": version.from, "to": version.to })).collect::<Vec<_>>(),
            "pruned": plan.pruned,
            "follows_instead": plan.moved.as_ref().map(|moved| json!({ "from": moved.from, "to": moved.to })),
            "suspended": looked.seen.cluster.suspended,
            "notes": plan.notes,
        }),
        Err(refusals) => json!({
            "refused": refusals.iter().map(|refusal| json!({ "saw": refusal.saw, "why": refusal.why, "next": refusal.next })).collect::<Vec<_>>(),
        }),
    };
    json!({
        "cluster": { "context": connected.context, "server": connected.server, "uid": looked.seen.cluster.uid },
        "repository": { "owner": settings.owner, "name": settings.repository, "branch": settings.sync.branch, "path": settings.folder() },
        "flux": { "version": settings.options.version().to_string(), "before": looked.seen.version },
        "plan": plan,
        "outcome": outcome.map(|outcome| json!({
            "commit": outcome.commit, "revision": outcome.revision, "applied": outcome.applied, "suspended": outcome.is_suspended,
        })),
    })
}

fn object(changed: &Changed) -> Value {
    match &changed.change {
        Change::New => json!({ "id": changed.id, "change": "new" }),
        Change::Parts(parts) => json!({ "id": changed.id, "change": "changed", "parts": parts }),
        Change::Refused(why) => json!({ "id": changed.id, "change": "refused", "why": why }),
        Change::Same => json!({ "id": changed.id, "change": "same" }),
    }
}
