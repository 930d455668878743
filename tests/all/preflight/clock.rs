//! Clocks against each other: one machine has a kernel of its own, and with it a clock that can be set.

use std::collections::BTreeSet;

use super::project::Project;
use crate::testbed::{Bed, Kind};

/// Seconds, far more than any answer takes on a crowded machine.
const AHEAD: u32 = 600;

#[test]
fn a_clock_that_is_ahead_of_the_others_is_told_of_that_machine_alone() {
    let bed = Bed::new().unwrap();
    let machines = bed.start_all(vec![bed.machine("m1"), bed.machine("w1").kind(Kind::Uml), bed.machine("w2")]).unwrap();
    let project = Project::new(bed, machines);
    project.settings(
        &["endpoint: {host: 10.77.0.200, served_by: external}", "cni: {name: none}", "image_bundle: images.tar"],
        &BTreeSet::new(),
    );
    let far_off = || {
        let errors = project.findings().of("error").into_iter().filter(|(check, ..)| check == "Clock");
        errors.map(|(_, hosts, seen)| (hosts, seen)).collect::<Vec<_>>()
    };
    let set = |by: &str| project.machines[1].root_says(&format!("date -s \"@$(($(date +%s) {by}))\"")).unwrap();

    set(&format!("+ {AHEAD}"));
    let [(hosts, seen)] = far_off().try_into().unwrap();
    assert_eq!(hosts, "w1");
    let seconds = seen.strip_prefix("the clock is ").and_then(|rest| rest.strip_suffix(" s ahead of the others"));
    let seconds: f64 = seconds.unwrap_or_else(|| panic!("{seen}")).parse().unwrap();
    // give or take the time that question and answer took
    assert!((f64::from(AHEAD) - 60.0..f64::from(AHEAD) + 60.0).contains(&seconds), "{seen}");

    set(&format!("- {AHEAD}"));
    assert_eq!(far_off(), []);
}
