//! What does not become ready, and why: not only that the time is over.

use std::time::{Duration, Instant};

use super::lab::Lab;
use crate::testbed::Bed;
use crate::testbed::flux::Trouble;

#[test]
fn the_cause_is_told_and_the_next_run_goes_on() {
    let bed = Bed::new().unwrap();
    let lab = Lab::new(&bed);
    lab.flux.hold("source-controller", Trouble::ImagePull);
    let begun = Instant::now();
    let named = ["--owner=wbyc", "--repository=lab", "--personal", "--path=clusters/lab", "--yes", "--timeout=15s"];
    let said = lab.run(&named);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    for words in ["Deployment flux-system/source-controller is not ready after 15 s", "ghcr.io/fluxcd/source-controller", "\nnext:  "] {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
    lab.flux.release("source-controller");
    lab.done(&[]);
    assert!(lab.done(&[]).out.contains("every file is as it shall be"));
}
