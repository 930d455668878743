//! What the cluster follows: a path, a branch, a repository; and what persons have put there.

use super::lab::Lab;
use super::now::{AT_MOST, FOLDER, KUSTOMIZATION, Now, committed};
use crate::testbed::Bed;
use crate::testbed::github::How;
use crate::testbed::github::endpoints::commit_file;
use crate::testbed::github::git::git;
use serde_json::json;

const PATCHED: &str = "apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- gotk-components.yaml
- gotk-sync.yaml
patches:
- target: {kind: Deployment}
  patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: all, annotations: {mine: \"yes\"}}
";

#[test]
fn another_branch_or_repository_is_followed_and_another_path_is_not() {
    let bed = Bed::new().unwrap();
    let lab = Lab::new(&bed);
    lab.done(&[]);
    let first = Now::followed(&lab);

    let told = lab.again_by(crate::testbed::github::TOKEN, &["--path=clusters/other"]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.out.contains("the cluster follows the path ./clusters/lab, and ./clusters/other is wanted"), "{}", told.out);
    assert!(told.out.contains("Flux would remove everything that came from the old path"), "{}", told.out);
    assert_eq!(Now::followed(&lab), first);

    // a branch that is not there begins at the default branch
    let told = lab.again(&["--branch=next"]);
    assert!(told.out.contains("next is made, from the default branch"), "{}", told.out);
    assert!(told.out.contains("what is only there is removed from the cluster"), "{}", told.out);
    let next = Now::followed(&lab);
    let dir = lab.hub.dir("wbyc/lab");
    assert_eq!((next.branch.as_str(), next.commits), ("next", first.commits + 1));
    assert_eq!(git(&dir, &["rev-parse", "next^", "main"], b"").unwrap(), format!("{0}\n{0}", first.head));
    assert_eq!(committed(&dir, "next"), [format!("{FOLDER}/gotk-sync.yaml")]);
    // it is gone on with
    lab.again(&[]);
    assert_eq!(Now::followed(&lab), next);
    // and back, where the file was all the time
    lab.again(&["--branch=main"]);
    let back = Now::followed(&lab);
    assert_eq!((&back.branch, &back.head, &back.branches), (&first.branch, &first.head, &next.branches));
    assert_eq!(back.keys.len(), 1);

    // GitHub lets nobody have one key in two repositories
    let other = lab.hub.filled("wbyc/other", "README.md", "other\n");
    let told = lab.again(&["--repository=other"]);
    assert!(told.out.contains("and no more branch main of ssh://git@github.com/wbyc/lab"), "{}", told.out);
    assert!(told.out.contains("a new key (ed25519): the one in it is for the repository that was followed"), "{}", told.out);
    let moved = Now::followed(&lab);
    assert_eq!((moved.url.as_str(), moved.commits), ("ssh://git@github.com/wbyc/other", 2));
    assert_eq!(committed(&other, "main").len(), 3);
    assert_eq!(moved.keys, [(moved.secret["identity.pub"].trim().to_owned(), true)]);
    lab.again(&[]);
    assert_eq!(Now::followed(&lab), moved);
    lab.hub.assert_described();
}

#[test]
fn what_others_do_is_let_be() {
    let bed = Bed::new().unwrap();
    let lab = Lab::new(&bed);
    lab.done(&[]);
    let dir = lab.hub.dir("wbyc/lab");
    let (list, sync) = (format!("{FOLDER}/kustomization.yaml"), format!("{FOLDER}/gotk-sync.yaml"));
    let content = |path: &str| git(&dir, &["show", &format!("main:{path}")], b"").unwrap();
    let untouched = content(&sync);

    // a person's own patches
    let theirs = commit_file(&dir, "main", &list, PATCHED.as_bytes(), "Patches");
    let told = lab.again(&[]);
    assert!(told.out.contains("kustomization.yaml has a person's patches"), "{}", told.out);
    let patched = Now::followed(&lab);
    assert_eq!((&patched.head, content(&list)), (&theirs, PATCHED.trim_end().to_owned()));
    let mine =
        || lab.object("/apis/apps/v1/namespaces/flux-system/deployments/source-controller")["metadata"]["annotations"]["mine"].clone();
    assert_eq!(mine(), "yes");

    // a file was edited, and somebody else commits just before our commit is put on the branch
    commit_file(&dir, "main", &sync, format!("{untouched}\n# mine\n").as_bytes(), "An edit");
    lab.hub.fault("PATCH /repos/wbyc/lab/git/refs", 1, How::Move("main"));
    lab.again(&[]);
    let after = Now::followed(&lab);
    assert_eq!(after.commits, patched.commits + 3);
    assert_eq!(git(&dir, &["log", "-3", "--format=%s", "main"], b"").unwrap(), "Add Flux sync manifests\nsomebody else's\nAn edit");
    assert_eq!((committed(&dir, "main"), content(&sync)), (vec![sync.clone()], untouched));
    assert_eq!((content(&list), mine()), (PATCHED.trim_end().to_owned(), "yes".into()));

    // suspended: nothing is waited for, and it stays so
    lab.patch("kustomization.kustomize.toolkit.fluxcd.io/flux-system", &json!({"spec": {"suspend": true}}));
    let told = lab.again(&[]);
    assert!(told.out.contains("Kustomization flux-system/flux-system stays suspended"), "{}", told.out);
    assert!(told.out.contains("Flux is suspended here, and stays so"), "{}", told.out);
    assert_eq!(lab.object(KUSTOMIZATION)["spec"]["suspend"], true);
    assert_eq!(Now::of(&lab), after);
    // with something to commit, too
    commit_file(&dir, "main", &sync, b"# nothing\n", "Another edit");
    lab.again(&[]);
    assert_eq!(lab.object(KUSTOMIZATION)["spec"]["suspend"], true);
    assert_eq!(git(&dir, &["log", "-1", "--format=%s", "main"], b"").unwrap(), "Add Flux sync manifests");
    lab.patch("kustomization.kustomize.toolkit.fluxcd.io/flux-system", &json!({"spec": {"suspend": null}}));
    lab.again(&[]);
    let resumed = Now::followed(&lab);
    lab.flux.wait_applied(&format!("main@sha1:{}", resumed.head), AT_MOST).unwrap();
    lab.hub.assert_described();
}
