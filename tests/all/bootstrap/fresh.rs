//! A cluster without Flux, and a second run.

use std::time::Instant;

use super::lab::Lab;
use crate::testbed::Bed;
use crate::testbed::github::git::git;

#[test]
fn a_fresh_cluster_follows_a_new_repository_and_a_second_run_finds_nothing_to_do() {
    let bed = Bed::new().unwrap();
    let lab = Lab::new(&bed);
    let begun = Instant::now();
    let first = lab.done(&[]);
    let seconds = begun.elapsed().as_secs_f64();
    println!("{}{}first run: {seconds:.1} s", first.out, first.err);
    let dir = lab.hub.dir("wbyc/lab");
    let head = git(&dir, &["rev-parse", "main"], b"").unwrap();
    let kustomization = lab.object("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/flux-system");
    assert_eq!(kustomization["status"]["lastAppliedRevision"], format!("main@sha1:{head}"));
    // the repository was empty: a seed and one commit
    assert_eq!(git(&dir, &["rev-list", "--count", "main"], b"").unwrap(), "2");
    assert_eq!(lab.hub.with(|state| state.repos["wbyc/lab"].keys.len()), 1);
    lab.hub.assert_described();

    lab.hub.log();
    let begun = Instant::now();
    let second = lab.done(&[]);
    println!("{}{}second run: {:.1} s", second.out, second.err, begun.elapsed().as_secs_f64());
    assert_eq!(git(&dir, &["rev-parse", "main"], b"").unwrap(), head);
    assert!(lab.hub.log().len() <= 15);
    assert!(second.out.contains("every file is as it shall be") && second.out.contains("objects as they shall be"), "{}", second.out);
}
