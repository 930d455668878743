//! The same random steps on a simulated and on a real machine: they fail at the same step and end in equal facts.

use std::time::Duration;

use homelabctl::node::Change;
use homelabctl::node::apply::{Applied, Lock};
use homelabctl::node::host::Host;
use homelabctl::node::machine::{Machine, Real, Shells};
use homelabctl::node::simulated::{Random, Simulated, World};
use homelabctl::node::steps::Step;
use homelabctl::plan::{Plan, Scope};
use homelabctl::transport::Collected;

use super::sequences::{Area, Generator, PREPARE, comparable, prepare_simulated, queries, reset};
use crate::connections::{Home, inside};
use crate::testbed::Bed;

const BASE: &str = "/srv/t";

/// Carries out all steps, those after a failed one too; which failed, and what the first of them said.
pub(super) async fn carry_out(machine: &mut impl Machine, scope: &Scope, steps: &[Step]) -> (Vec<usize>, Vec<String>) {
    let (mut from, mut failed, mut said) = (0, Vec::new(), Vec::new());
    while from < steps.len() {
        let change: Change = Plan::change(steps[from..].to_vec());
        match machine.apply(scope, &change, &[]).await {
            Applied::Done(_) => break,
            Applied::StepFailed { index, output, .. } => {
                failed.push(from + index);
                said.push(String::from_utf8_lossy(&output.stderr).trim().to_owned());
                from += index + 1;
            }
            other => panic!("{other:?}"),
        }
    }
    (failed, said)
}

/// Runs sequences on both; returns what differed.
async fn compare(real: &mut Real<Host>, area: Area, seeds: std::ops::Range<u64>, accounts: &(String, String)) -> Vec<String> {
    let scope = Scope::new("node", "root");
    let queries = queries(BASE, area);
    let mut differences = Vec::new();
    for seed in seeds {
        let mut random = Random::new(seed);
        let steps = Generator { random: &mut random, base: BASE }.sequence(area);
        real.shells().shell(&scope).await.unwrap().run(reset(area), &mut Collected::up_to(9999), Duration::from_secs(60)).await.unwrap();
        let really = carry_out(real, &scope, &steps).await;
        let facts = real.read(&scope, &queries).await.unwrap();

        let mut world = World::new(seed);
        prepare_simulated(&mut world, BASE, &accounts.0, &accounts.1);
        let mut simulated = Simulated::new(world);
        let supposedly = carry_out(&mut simulated, &scope, &steps).await;
        let supposed = simulated.read(&scope, &queries).await.unwrap();

        let mut found = Vec::new();
        if really.0 != supposedly.0 {
            found.push(format!("real {really:?}\nsimulated {supposedly:?}"));
        }
        for ((query, real), (_, simulated)) in facts.iter().zip(&supposed) {
            let (real, simulated) = (comparable(query, &real.reading), comparable(query, &simulated.reading));
            if real != simulated {
                found.push(format!("{query}\n  real {real:?}\n  simulated {simulated:?}"));
            }
        }
        if !found.is_empty() {
            let steps: Vec<String> = steps.iter().map(|step| format!("{:.300}", serde_json::to_string(step).unwrap())).collect();
            let difference = format!("seed {seed} {area:?}:\n{}\n{}", steps.join("\n"), found.join("\n"));
            println!("{difference}");
            differences.push(difference);
        }
    }
    differences
}

#[test]
fn simulated_and_real_machines_agree() {
    let bed = Bed::new().unwrap();
    let machine = bed.machine("agree").start().unwrap();
    machine.root_says(PREPARE).unwrap();
    let accounts = (machine.root_says("cat /etc/passwd").unwrap(), machine.root_says("cat /etc/group").unwrap());
    let home = Home::new();
    home.knows(&[&machine]);
    let only: Option<u64> = std::env::var("HOMELABCTL_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut done = 0;
    let mut all = Vec::new();
    for (area, count) in [(Area::Files, 270), (Area::Accounts, 220), (Area::UnitsAndMounts, 20), (Area::Packages, 16), (Area::Settings, 30)]
    {
        let seeds = only.map_or(0..count, |seed| seed..seed + 1);
        done += seeds.end - seeds.start;
        let started = std::time::Instant::now();
        let differences = inside(&bed, async || {
            let connection = home.connect("agree", None).await.unwrap();
            let shells = Host::new(std::sync::Arc::new(connection), None);
            // a lock that nobody contends, in a directory that says so
            let mut real = Real::new(shells, None::<Lock>);
            compare(&mut real, area, seeds, &accounts).await
        });
        println!("{area:?}: {} differ, {:?}", differences.len(), started.elapsed());
        all.extend(differences);
    }
    assert!(all.is_empty(), "{} of {done} sequences differ:\n{}", all.len(), all.join("\n\n"));
    println!("{done} sequences agree");
}
