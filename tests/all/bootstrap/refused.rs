//! What is refused, before anything is changed, and in words that help.

use std::path::Path;

use super::lab::{Lab, Said, said};
use super::now::{Now, branches, keys};
use crate::testbed::Bed;
use crate::testbed::github::TOKEN;
use crate::testbed::github::git::git_bytes;
use serde_json::json;

const REPOSITORY: [&str; 5] = ["--owner=wbyc", "--repository=lab", "--personal", "--path=clusters/lab", "--yes"];

/// Fails if anything was written: the cluster has no Flux, and GitHub was only asked.
fn nothing_was_done(lab: &Lab<'_>, before: &[String], told: &Said) {
    assert_eq!(branches(&lab.hub), before, "{told:?}");
    assert!(keys(&lab.hub, "wbyc/lab").is_empty(), "{told:?}");
    let wrote: Vec<String> = lab.hub.log().into_iter().filter(|line| !line.starts_with("GET ")).collect();
    assert!(wrote.is_empty(), "{wrote:?}");
    assert_eq!(lab.api.ask("GET", "/api/v1/namespaces/flux-system", None).unwrap().0, 404, "{told:?}");
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is_written() {
    let bed = Bed::new().unwrap();
    let lab = Lab::new(&bed);
    let dir = lab.hub.filled("wbyc/lab", "README.md", "hello\n");
    let before = branches(&lab.hub);
    let set = |change: &dyn Fn(&mut crate::testbed::github::hub::State)| lab.hub.with(|state| change(state));
    let refused = |words: &[&str]| {
        let told = lab.run(&REPOSITORY);
        println!("{}{}", told.out, told.err);
        assert_eq!(told.code, 1, "{told:?}");
        for word in words {
            assert!(told.out.contains(word), "{word}: {told:?}");
        }
        nothing_was_done(&lab, &before, &told);
    };

    set(&|state| state.repos.get_mut("wbyc/lab").unwrap().archived = true);
    refused(&["wbyc/lab is archived", "unarchive it: https://github.com/wbyc/lab/settings"]);
    set(&|state| state.repos.get_mut("wbyc/lab").unwrap().archived = false);

    set(&|state| state.admin = false);
    refused(&["too few rights for wbyc/lab", "Administration: read and write"]);
    set(&|state| state.admin = true);

    let rule = json!({"type": "pull_request", "ruleset_source_type": "Repository", "ruleset_source": "wbyc/lab", "ruleset_id": 42});
    set(&|state| state.repos.get_mut("wbyc/lab").unwrap().rules = vec![rule.clone()]);
    refused(&["the branch main of wbyc/lab is protected: changes are made by pull request", "--export DIR"]);
    // what is said there goes: the files, for a pull request
    let told = lab.run(&[&REPOSITORY[..4], &["--export=out"]].concat());
    assert_eq!(told.code, 0, "{told:?}");
    println!("{}{}", told.out, told.err);
    nothing_was_done(&lab, &before, &told);

    set(&|state| state.repos.get_mut("wbyc/lab").unwrap().rules.clear());
    lab.done(&[]);
    assert_eq!(Now::followed(&lab).commits, 2);
    let listed = crate::testbed::github::git::git(&dir, &["ls-tree", "-r", "--name-only", "main", "clusters"], b"").unwrap();
    assert_eq!(listed.lines().count(), 3);
    for path in listed.lines() {
        let exported = std::fs::read(lab.dir.join("out").join(path)).unwrap();
        assert!(exported == git_bytes(&dir, &["cat-file", "blob", &format!("main:{path}")]).unwrap(), "{path}");
        assert!(told.out.contains(path), "{path}: {told:?}");
    }
    // where all is as it shall be, it does not matter who may write
    set(&|state| state.repos.get_mut("wbyc/lab").unwrap().rules = vec![rule.clone()]);
    lab.again(&[]);
    lab.hub.assert_described();
}

#[test]
fn what_is_missing_is_said() {
    let bed = Bed::new().unwrap();
    let lab = Lab::new(&bed);
    let usage = |arguments: &[&str], token: &str, kubeconfig: Option<&Path>, words: &[&str]| {
        let mut command = lab.command(arguments);
        command.env("GITHUB_TOKEN", token);
        if let Some(kubeconfig) = kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        let told = said(&mut command);
        println!("{}{}", told.out, told.err);
        let all = format!("{}{}", told.out, told.err);
        assert_eq!(told.code, 64, "{arguments:?}: {all}");
        for word in words {
            assert!(all.contains(word), "{word}: {all}");
        }
    };
    let none = lab.dir.join("none");
    usage(&REPOSITORY, TOKEN, Some(&none), &["there is no kubeconfig", "none", "`homelabctl cluster kubeconfig` writes one"]);
    let context = [&REPOSITORY[..], &["--context=prod"]].concat();
    usage(&context, TOKEN, None, &["there is no context `prod` in the kubeconfig", "it has: testbed"]);
    usage(&REPOSITORY, "", None, &["there is no token for GitHub", "GITHUB_TOKEN", "bootstrap/.env"]);
    usage(
        &["--yes"],
        TOKEN,
        None,
        &["`owner` is missing: whose repository it is", "`repository` is missing: which repository it is", "--owner"],
    );
    usage(&["--yes", "--owner=wbyc"], TOKEN, None, &["`repository` is missing", "--repository"]);
    assert!(lab.hub.log().is_empty());
    assert_eq!(lab.api.ask("GET", "/api/v1/namespaces/flux-system", None).unwrap().0, 404);
}
