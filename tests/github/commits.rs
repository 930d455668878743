//! One commit, or none.

use std::path::Path;

use homelabctl::gitops::github::Client;
use homelabctl::gitops::github::commit::{Author, Change, CommitError, File, Outcome, write};
use homelabctl::gitops::github::repository::{self, Name};
use homelabctl::gitops::github::{branch, tree};
use serde_json::json;

use crate::client;
use crate::git::git;
use crate::hub::{How, Hub};

pub fn files() -> Vec<File> {
    let file = |path: &str, content: &str| File { path: format!("clusters/lab/flux-system/{path}"), content: content.as_bytes().to_vec() };
    vec![file("gotk-components.yaml", "kind: A\n"), file("gotk-sync.yaml", "kind: B\n"), file("kustomization.yaml", "kind: C\n")]
}

pub async fn put(client: &Client, branch: &str, files: &[File]) -> Result<Outcome, CommitError> {
    let lab = repository::get(client, &Name::new("wbyc", "lab").unwrap()).await?.unwrap();
    let author = Author { name: "Flux".into(), email: "flux@example.org".into() };
    write(client, &lab, &Change { branch, files, message: "Add Flux", author: Some(&author) }).await
}

pub fn count(dir: &Path, branch: &str) -> usize {
    git(dir, &["rev-list", "--count", branch], b"").unwrap().parse().unwrap()
}

pub fn assert_files(dir: &Path, branch: &str, files: &[File]) {
    for file in files {
        let found = git(dir, &["show", &format!("{branch}:{}", file.path)], b"").unwrap();
        assert_eq!(found, String::from_utf8(file.content.clone()).unwrap().trim_end(), "{}", file.path);
    }
    git(dir, &["fsck", "--strict"], b"").unwrap();
}

#[tokio::test]
async fn an_empty_repository_gets_a_seed_and_one_commit() {
    let hub = Hub::start();
    let dir = hub.empty("wbyc/lab");
    let client = client(&hub);
    let outcome = put(&client, "main", &files()).await.unwrap();
    assert!(outcome.is_seeded && !outcome.is_new_branch);
    assert_eq!(outcome.written.len(), 2);
    assert_eq!(count(&dir, "main"), 2);
    assert_files(&dir, "main", &files());
    let again = put(&client, "main", &files()).await.unwrap();
    assert_eq!((again.head, again.written.len()), (outcome.head, 0));
    assert_eq!(count(&dir, "main"), 2);
}

#[tokio::test]
async fn all_files_come_in_one_commit_and_nothing_to_write_is_none() {
    let hub = Hub::start();
    let dir = hub.filled("wbyc/lab", "clusters/lab/apps.yaml", "kind: App\n");
    let client = client(&hub);
    let outcome = put(&client, "main", &files()).await.unwrap();
    assert_eq!((count(&dir, "main"), outcome.written.len()), (2, 3));
    assert_files(&dir, "main", &files());
    assert_eq!(git(&dir, &["show", "main:clusters/lab/apps.yaml"], b"").unwrap(), "kind: App");
    assert_eq!(git(&dir, &["log", "-1", "--format=%an %s", "main"], b"").unwrap(), "Flux Add Flux");
    hub.log();
    let again = put(&client, "main", &files()).await.unwrap();
    assert_eq!((again.head, again.written.len()), (outcome.head, 0));
    let log = hub.log();
    assert_eq!(log.len(), 3, "{log:?}");
    assert!(log.iter().all(|line| line.starts_with("GET ")), "{log:?}");
    // one of them changes: only that one is sent
    let mut changed = files();
    changed[1].content = b"kind: D\n".to_vec();
    let outcome = put(&client, "main", &changed).await.unwrap();
    assert_eq!(outcome.written, ["clusters/lab/flux-system/gotk-sync.yaml"]);
    assert_eq!(hub.log().iter().filter(|line| line.ends_with("git/blobs")).count(), 1);
    assert_files(&dir, "main", &changed);
}

#[tokio::test]
async fn a_missing_branch_begins_at_the_default_one() {
    let hub = Hub::start();
    let dir = hub.filled("wbyc/lab", "README.md", "hello\n");
    let client = client(&hub);
    let outcome = put(&client, "gitops/lab", &files()).await.unwrap();
    assert!(outcome.is_new_branch);
    assert_eq!((count(&dir, "main"), count(&dir, "gitops/lab")), (1, 2));
    assert_files(&dir, "gitops/lab", &files());
    // and of an empty repository, where the seed is the default branch's
    let hub = Hub::start();
    let dir = hub.empty("wbyc/lab");
    let client = crate::client(&hub);
    let outcome = put(&client, "gitops", &files()).await.unwrap();
    assert!(outcome.is_new_branch && outcome.is_seeded);
    assert_eq!((count(&dir, "main"), count(&dir, "gitops")), (1, 2));
}

#[tokio::test]
async fn who_was_quicker_keeps_what_they_did() {
    let hub = Hub::start();
    let dir = hub.filled("wbyc/lab", "README.md", "hello\n");
    let client = client(&hub);
    hub.fault("PATCH ", 1, How::Move("main"));
    let outcome = put(&client, "main", &files()).await.unwrap();
    assert_eq!((count(&dir, "main"), outcome.written.len()), (3, 3));
    assert_files(&dir, "main", &files());
    git(&dir, &["cat-file", "-e", "main:somebody"], b"").unwrap();
    let log = hub.log();
    assert_eq!(log.iter().filter(|line| line.ends_with("git/blobs")).count(), 3, "blobs are sent once: {log:?}");
}

#[tokio::test]
async fn who_is_always_quicker_is_told() {
    let hub = Hub::start();
    let dir = hub.filled("wbyc/lab", "README.md", "hello\n");
    hub.fault("PATCH ", 100, How::Move("main"));
    let error = put(&client(&hub), "main", &files()).await.unwrap_err();
    assert_eq!(error.to_string(), "the branch main moved 5 times while the commit was made");
    assert_eq!(count(&dir, "main"), 6);
}

#[tokio::test]
async fn a_protected_branch_is_known_before_anything_is_written() {
    let hub = Hub::start();
    let dir = hub.filled("wbyc/lab", "README.md", "hello\n");
    let client = client(&hub);
    let rule = |kind: &str| json!({ "type": kind, "ruleset_source_type": "Repository", "ruleset_source": "wbyc/lab", "ruleset_id": 42 });
    hub.with(|state| state.repos.get_mut("wbyc/lab").unwrap().rules = vec![rule("pull_request"), rule("deletion")]);
    let error = put(&client, "main", &files()).await.unwrap_err();
    assert_eq!(error.to_string(), "the branch main of wbyc/lab is protected: changes are made by pull request");
    assert!(error.hint().unwrap().contains("--export DIR"));
    let url = "https://api.github.com/repos/wbyc/lab/branches/main/protection";
    let protection = json!({ "url": url, "enforce_admins": { "url": url, "enabled": true }, "lock_branch": { "enabled": true },
        "required_signatures": { "url": url, "enabled": false } });
    hub.with(|state| {
        let lab = state.repos.get_mut("wbyc/lab").unwrap();
        (lab.rules, lab.protection) = (Vec::new(), Some(protection));
    });
    let error = put(&client, "main", &files()).await.unwrap_err();
    assert_eq!(error.to_string(), "the branch main of wbyc/lab is protected: nobody may change it");
    hub.with(|state| state.admin = false);
    let error = put(&client, "main", &files()).await.unwrap_err();
    assert!(error.to_string().ends_with("it is protected, and the token may not see how"), "{error}");
    let log = hub.log();
    assert!(log.iter().all(|line| line.starts_with("GET ")), "{log:?}");
    hub.with(|state| state.repos.get_mut("wbyc/lab").unwrap().archived = true);
    let error = put(&client, "main", &files()).await.unwrap_err();
    assert_eq!(error.to_string(), "wbyc/lab is archived: nothing can be written to it");
    assert_eq!(count(&dir, "main"), 1);
}

#[tokio::test]
async fn what_is_in_the_way_stays() {
    let hub = Hub::start();
    hub.filled("wbyc/lab", "clusters/lab", "a file\n");
    let error = put(&client(&hub), "main", &files()).await.unwrap_err();
    let path = "clusters/lab/flux-system/gotk-components.yaml";
    assert_eq!(error.to_string(), format!("{path} cannot be written: clusters/lab is no folder"));
    assert!(hub.log().iter().all(|line| line.starts_with("GET ")));
}

#[tokio::test]
async fn of_a_repository_with_too_many_files_only_what_lies_beside_ours_is_read() {
    let hub = Hub::start();
    let dir = hub.filled("wbyc/lab", "clusters/lab/apps.yaml", "kind: App\n");
    hub.with(|state| state.repos.get_mut("wbyc/lab").unwrap().is_big = true);
    let client = client(&hub);
    assert_eq!(put(&client, "main", &files()).await.unwrap().written.len(), 3);
    assert_eq!(put(&client, "main", &files()).await.unwrap().written.len(), 0);
    assert_files(&dir, "main", &files());
    let name = Name::new("wbyc", "lab").unwrap();
    let lab = repository::get(&client, &name).await.unwrap().unwrap();
    let branch::State::Present { head, .. } = branch::state(&client, &lab, "main").await.unwrap() else { panic!("no branch") };
    let listing = tree::read(&client, &name, &head.tree, &["clusters/lab/apps.yaml"]).await.unwrap();
    assert!(!listing.is_whole);
    let entry = &listing.entries["clusters/lab/apps.yaml"];
    assert_eq!(tree::content(&client, &name, entry).await.unwrap(), b"kind: App\n");
}
