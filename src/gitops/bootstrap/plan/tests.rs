use std::collections::BTreeMap;

use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::json;

use super::super::super::github::branch::{By, Head};
use super::super::super::github::deploy_key::generate;
use super::super::super::github::repository::{Name, Repository, Rights};
use super::super::super::github::tree::Listing;
use super::super::super::manifests::sync::manifest;
use super::super::super::settings::{Layer, Origin, resolve};
use super::*;
use crate::yaml::objects;

const KNOWN: &str = "github.com ssh-ed25519 AAAA\n";

fn settings(change: impl FnOnce(&mut Layer)) -> Settings {
    let text = |text: &str| Some(text.to_owned());
    let mut layer =
        Layer { owner: text("wbyc"), repository: text("lab"), path: text("clusters/lab"), personal: Some(true), ..Layer::default() };
    change(&mut layer);
    resolve(&[(Origin::Flags, layer)]).unwrap()
}

fn login(settings: &Settings) -> Login {
    if settings.token_auth {
        Login::Token { token: SecretString::from("ghp_1"), authority: None }
    } else {
        Login::Ssh { host: "github.com".into(), known_hosts: KNOWN.into() }
    }
}

/// What is rendered, with little in it but what the plan looks at.
fn rendered(settings: &Settings) -> Rendered {
    let sync = manifest(&settings.sync).unwrap();
    let parts = format!("# Flux Version: {}\nkind: A\napiVersion: v1\nmetadata: {{name: a}}\n", settings.options.version());
    let file = |name: &str, text: &str| File { path: settings.file(&format!("flux-system/{name}")), content: text.as_bytes().to_vec() };
    let mut all = objects::read("parts", &parts).unwrap();
    all.extend(objects::read("sync", &sync).unwrap());
    let files = vec![file("gotk-components.yaml", &parts), file("gotk-sync.yaml", &sync), file("kustomization.yaml", "resources: []\n")];
    Rendered { files, objects: all, ..Rendered::default() }
}

fn found(branch: State) -> Found {
    let rights = Rights { admin: true, push: true, pull: true };
    let name = Name::new("wbyc", "lab").unwrap();
    let repository = Repository { name, default_branch: "main".into(), is_private: true, is_archived: false, rights };
    Found { repository, branch, listing: Listing { is_whole: true, ..Listing::default() }, contents: BTreeMap::new() }
}

fn present() -> State {
    State::Present { head: Head { commit: "c0".into(), tree: "t0".into() }, is_protected: false }
}

fn seen() -> Seen {
    Seen { cluster: Cluster { uid: "1111-2222".into(), ..Cluster::default() }, repository: Some(found(present())), ..Seen::default() }
}

fn planned(settings: &Settings, seen: &Seen) -> Plan {
    plan(settings, &login(settings), &rendered(settings), seen).unwrap()
}

/// What is there once a plan was carried out.
fn carried_out(settings: &Settings, before: &Seen) -> Seen {
    let done = planned(settings, before);
    let mut after = before.clone();
    let mut repository = found(present());
    repository.contents = before.repository.as_ref().map(|found| found.contents.clone()).unwrap_or_default();
    for file in rendered(settings).files {
        repository.contents.insert(file.path, file.content);
    }
    after.repository = Some(repository);
    let key = done.secret.wants_key.then(|| generate().unwrap());
    let public = key.as_ref().map(|key| key.public.clone()).or_else(|| done.secret.public.clone());
    if let Some(object) = done.secret.object("flux-system", "flux-system", key.as_ref()) {
        after.secret = Some(object);
    }
    if let (Key::Add | Key::Replace, Some(public)) = (done.key, public) {
        after.keys.deploy.retain(|key| key.title != done.title && key.key != public);
        after.keys.deploy.push(DeployKey { id: 9, title: done.title, key: public, read_only: !settings.read_write_key });
    }
    for object in rendered(settings).objects {
        let mut object = object;
        object["status"] = json!({ "lastAppliedRevision": "main@sha1:c1" });
        match object["kind"].as_str() {
            Some("GitRepository") => after.cluster.git_repository = Some(object),
            Some("Kustomization") => after.cluster.kustomization = Some(object),
            _ => {}
        }
    }
    let runs =
        |name: &str| json!({ "metadata": { "name": name }, "status": { "conditions": [{ "type": "Available", "status": "True" }] } });
    after.cluster.deployments = vec![runs("source-controller"), runs("kustomize-controller")];
    after.version = Some(settings.options.version().to_string());
    after
}

proptest! {
    /// Whatever was there before: after a plan was carried out, there is nothing more to do.
    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do(
        token in any::<bool>(), writes in any::<bool>(), which in 0..4_u8, old_secret in 0..4_u8, stale_key in any::<bool>(), old_file in any::<bool>(),
    ) {
        let settings = settings(|layer| {
            layer.token_auth = Some(token);
            layer.read_write_key = Some(writes && !token);
        });
        let mut before = seen();
        before.repository = match which {
            0 => None,
            1 => Some(found(State::Empty)),
            2 => Some(found(State::Missing { base: Head { commit: "c0".into(), tree: "t0".into() } })),
            _ => Some(found(present())),
        };
        if let (true, Some(found)) = (old_file && which > 1, &mut before.repository) {
            found.contents.insert(settings.file("flux-system/gotk-sync.yaml"), b"old\n".to_vec());
        }
        let key = generate().unwrap();
        use base64::Engine as _;
        let text = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        use secrecy::ExposeSecret as _;
        before.secret = match old_secret {
            0 => None,
            1 => Some(json!({ "data": {} })),
            2 => Some(json!({ "data": { "identity": text(key.private.expose_secret()) } })),
            _ => Some(json!({ "data": { "username": text("git"), "password": text("old") } })),
        };
        if stale_key {
            let title = title(&settings, "1111-2222");
            before.keys.deploy.push(DeployKey { id: 1, title, key: "ssh-ed25519 OLD".into(), read_only: true });
        }
        prop_assert!(planned(&settings, &before).is_change());
        let after = carried_out(&settings, &before);
        let again = planned(&settings, &after);
        prop_assert!(!again.is_change(), "{:?}", again);
        prop_assert_eq!(again.mode, Mode::Reconcile);
        // with a token nobody looks at keys: that wants another right
        let ours = after.keys.deploy.iter().filter(|key| key.title == again.title).count();
        prop_assert!(token || ours == 1);
    }
}

fn refused(settings: &Settings, seen: &Seen) -> String {
    let refusals = plan(settings, &login(settings), &rendered(settings), seen).unwrap_err();
    refusals.iter().map(|refusal| format!("{}; {}; {}", refusal.saw, refusal.why, refusal.next)).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_would_prune_or_cannot_be_taken_back_is_refused() {
    let one = settings(|_| {});
    let after = carried_out(&one, &seen());
    let other = settings(|layer| layer.path = Some("clusters/other".into()));
    let said = refused(&other, &after);
    assert!(said.contains("the cluster follows the path ./clusters/lab, and ./clusters/other is wanted"), "{said}");
    let mut newer = after.clone();
    newer.version = Some("v2.10.0".into());
    assert!(refused(&one, &newer).contains("the repository has Flux v2.10.0, which is newer than v2.9.4"));
    newer.version = Some("v2.7.5".into());
    planned(&one, &newer);
}

#[test]
fn what_github_would_not_take_is_refused_before_anything_is_written() {
    let one = settings(|_| {});
    let mut protected = seen();
    protected.obstacles = vec![Obstacle { what: "changes are made by pull request".into(), by: By::Ruleset }];
    let said = refused(&one, &protected);
    assert!(said.contains("the branch main of wbyc/lab is protected: changes are made by pull request"), "{said}");
    assert!(said.contains("--export DIR"), "{said}");
    // nothing to write, so nobody is in the way
    let mut done = carried_out(&one, &seen());
    done.obstacles = protected.obstacles.clone();
    planned(&one, &done);
    let with = |change: &dyn Fn(&mut Repository)| {
        let mut seen = seen();
        change(&mut seen.repository.as_mut().unwrap().repository);
        seen
    };
    assert!(refused(&one, &with(&|repository| repository.is_archived = true)).contains("wbyc/lab is archived"));
    let no_admin = with(&|repository| repository.rights.admin = false);
    assert!(refused(&one, &no_admin).contains("without \"Administration: read and write\""));
    // a token needs no key
    planned(&settings(|layer| layer.token_auth = Some(true)), &no_admin);
    assert!(refused(&one, &with(&|repository| repository.rights.push = false)).contains("without \"Contents: read and write\""));
}

#[test]
fn another_branch_or_repository_is_told() {
    let one = settings(|_| {});
    let after = carried_out(&one, &seen());
    assert_eq!(planned(&one, &after).moved, None);
    let branch = settings(|layer| layer.branch = Some("dev".into()));
    let moved = planned(&branch, &after);
    assert_eq!(moved.moved.unwrap().from, "branch main of ssh://git@github.com/wbyc/lab");
    assert_eq!(moved.mode, Mode::Install);
    // by another way, but the same
    let token = settings(|layer| layer.token_auth = Some(true));
    assert_eq!(planned(&token, &after).moved, None);
}

#[test]
fn a_key_of_another_cluster_stays_and_is_told() {
    let one = settings(|_| {});
    let mut before = seen();
    let title = title(&one, "9999-0000");
    before.keys.deploy.push(DeployKey { id: 1, title: title.clone(), key: "ssh-ed25519 THEIRS".into(), read_only: true });
    let planned = planned(&one, &before);
    assert_eq!(planned.key, Key::Add);
    assert!(planned.notes.iter().any(|note| note.contains(&title)), "{:?}", planned.notes);
}

#[test]
fn flux_elsewhere_in_the_cluster_and_a_newer_one_are_refused() {
    let one = settings(|_| {});
    let with = |labels: serde_json::Value| {
        let mut seen = seen();
        seen.cluster.definitions = vec![json!({ "metadata": { "name": "a", "labels": labels } })];
        seen
    };
    let elsewhere = with(json!({ "app.kubernetes.io/instance": "gitops", "app.kubernetes.io/version": "v2.9.4" }));
    assert!(refused(&one, &elsewhere).contains("Flux is in the namespace gitops already, and flux-system is wanted"));
    let newer = with(json!({ "app.kubernetes.io/instance": "flux-system", "app.kubernetes.io/version": "v2.10.0" }));
    assert!(refused(&one, &newer).contains("the cluster has Flux v2.10.0, which is newer than v2.9.4"));
    let odd = with(json!({ "app.kubernetes.io/version": "latest" }));
    assert!(refused(&one, &odd).contains("the cluster has Flux `latest`, which is no version"));
    planned(&one, &with(json!({ "app.kubernetes.io/instance": "flux-system", "app.kubernetes.io/version": "v2.7.5" })));
}

#[test]
fn a_key_keeps_its_rights_where_nobody_says_otherwise() {
    let writes = settings(|layer| layer.read_write_key = Some(true));
    let after = carried_out(&writes, &seen());
    assert!(!after.keys.deploy[0].read_only);
    assert_eq!(planned(&settings(|_| {}), &after).key, Key::Present);
    assert_eq!(planned(&settings(|layer| layer.read_write_key = Some(false)), &after).key, Key::Replace);
}

#[test]
fn objects_that_are_stored_anew_are_a_change_that_is_asked_for() {
    let one = settings(|_| {});
    let mut after = carried_out(&one, &seen());
    assert!(!planned(&one, &after).is_change());
    let migration = Migration { name: "helmreleases".into(), from: vec!["v2beta2".into()], to: "v2".into(), is_stored: true };
    after.versions = vec![Judgement::Migrate(migration)];
    assert!(planned(&one, &after).is_change());
}
