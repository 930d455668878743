//! A cluster that was built anew, and the repository that it had before.

use super::lab::Lab;
use crate::testbed::Bed;
use crate::testbed::github::endpoints::{commit_file, head};

/// What a person follows beside Flux: a kind that only Flux's definitions make known.
const MORE: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: more, namespace: flux-system}
spec:
  interval: 1h
  path: ./more
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
";

#[test]
fn a_new_cluster_takes_up_the_repository_as_it_is() {
    let bed = Bed::new().unwrap();
    let lab = Lab::new(&bed);
    let dir = lab.hub.filled("wbyc/lab", "more/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: default}\n");
    commit_file(&dir, "main", "clusters/lab/more.yaml", MORE.as_bytes(), "More");
    let named = ["--owner=wbyc", "--repository=lab", "--personal", "--path=clusters/lab"];
    let exported = lab.run(&[&named[..], &["--export=out"]].concat());
    assert_eq!(exported.code, 0, "{}{}", exported.out, exported.err);
    for name in ["gotk-components.yaml", "gotk-sync.yaml", "kustomization.yaml"] {
        let path = format!("clusters/lab/flux-system/{name}");
        commit_file(&dir, "main", &path, &std::fs::read(lab.dir.join("out").join(&path)).unwrap(), "Flux");
    }
    let before = head(&dir, "main").unwrap();

    let said = lab.done(&[]);
    assert_eq!(head(&dir, "main").unwrap(), before);
    assert!(said.out.contains("no commit            every file is as it shall be"), "{}", said.out);
    let object = |name: &str| format!("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/{name}");
    assert_eq!(lab.object(&object("flux-system"))["status"]["lastAppliedRevision"], format!("main@sha1:{before}"));
    assert_eq!(lab.object(&object("more"))["spec"]["path"], "./more");
}
