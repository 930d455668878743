//! The real Flux CLI beside ours: what one made the other finds to be as it shall be.

use std::time::Instant;

use super::lab::{Lab, Said, said};
use super::now::{Now, sorted};
use crate::testbed::Bed;
use crate::testbed::flux;
use crate::testbed::github::TOKEN;

/// The real CLI's bootstrap, with the settings that [`Lab::done`] has; it has to be content.
fn theirs(lab: &Lab<'_>) -> Said {
    let mut command = lab.flux.command(&flux::cli().unwrap());
    command.env("GITHUB_TOKEN", TOKEN).args(["bootstrap", "github", "--owner=wbyc", "--repository=lab", "--personal"]);
    let told = said(command.args(["--path=clusters/lab", "--timeout=2m"]));
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    told
}

fn timed(what: &str, run: impl FnOnce() -> Said) -> Said {
    let begun = Instant::now();
    let told = run();
    println!("{what}: {:.1} s", begun.elapsed().as_secs_f64());
    told
}

/// The CLI's own commands have nothing to say against it.
fn is_content(lab: &Lab<'_>) {
    let says = |arguments: &[&str], words: &[&str]| {
        let told = said(lab.flux.command(&flux::cli().unwrap()).args(arguments));
        let all = format!("{}{}", told.out, told.err);
        assert_eq!(told.code, 0, "{arguments:?}: {all}");
        for word in words {
            assert!(all.contains(word), "{arguments:?}: {word}: {all}");
        }
    };
    says(&["check"], &["all checks passed", "bootstrapped: true"]);
    says(&["get", "all", "-A"], &["gitrepository/flux-system", "kustomization/flux-system", "Applied revision: main@sha1:"]);
    says(&["tree", "ks", "flux-system"], &["GitRepository/flux-system/flux-system", "Deployment/flux-system/source-controller"]);
}

#[test]
#[ignore = "the Flux CLI takes minutes to build"]
fn flux_e2e_the_flux_cli_finds_nothing_to_do_after_ours() {
    let bed = Bed::new().unwrap();
    let lab = Lab::new(&bed);
    timed("ours, fresh", || lab.done(&[]));
    let ours = Now::followed(&lab);
    is_content(&lab);
    timed("theirs, after ours", || theirs(&lab));
    assert_eq!(Now::of(&lab), ours);
    is_content(&lab);
    let told = timed("ours, after theirs", || lab.done(&[]));
    assert!(told.out.contains("no commit") && told.out.contains("objects as they shall be"), "{}", told.out);
    assert_eq!(Now::followed(&lab), ours);
}

#[test]
#[ignore = "the Flux CLI takes minutes to build"]
fn flux_e2e_ours_takes_a_cluster_of_the_flux_cli_over() {
    let bed = Bed::new().unwrap();
    let lab = Lab::new(&bed);
    timed("theirs, fresh", || theirs(&lab));
    let before = Now::of(&lab);
    assert_eq!((before.commits, before.keys.len()), (2, 1));
    timed("theirs, again", || theirs(&lab));

    // without a word of what they were told
    let told = timed("ours, after theirs", || lab.again(&[]));
    assert!(told.out.contains("no commit") && told.out.contains("present, read-only"), "{}", told.out);
    let after = Now::followed(&lab);
    // the CLI takes one host key of GitHub's on trust: all that GitHub has come to it
    let mut secret = before.secret.clone();
    secret.insert("known_hosts".into(), sorted(lab.ssh.known_hosts()));
    assert_eq!(after, Now { secret, ..before });
    is_content(&lab);

    let told = timed("ours, again", || lab.again(&["--detailed-exitcode"]));
    assert!(told.out.contains("objects as they shall be"), "{}", told.out);
    timed("theirs, after ours", || theirs(&lab));
    assert_eq!(Now::of(&lab), after);
}
