//! Simulated runs, each with a fault or a changed disk at a random moment, then runs until nothing changes.
//!
//! A failure names its seed; `HOMELABCTL_SEED=<seed> cargo test --lib longhorn_disk::runs` does it again, and nothing else.

mod figures;
mod host;
mod trouble;

use std::fmt::Write as _;

use futures_util::FutureExt as _;

use super::HomelabLonghornDisk;
use super::states::{Drawn, id, machine, task};
use crate::modules::bench::Bench;
use crate::modules::{Act, Args};
use crate::node::apply::Applied;
use crate::node::machine::Machine as _;
use crate::node::simulated::{Held, Random, SimulatedDisk, World};
use crate::plan::Plan;
use figures::{TaskTold, Told, many};
use host::{End, Host};
use trouble::Trouble;

/// How many in a build that is not optimised.
const RUNS: u64 = 800;
/// How often a machine is run until nothing changes.
const MOST: usize = 8;
const PLACES: [&str; 2] = ["/var/lib/longhorn", "/srv/second"];

/// What a seed draws: a machine, what is asked of its disks.
struct Case {
    drawn: Drawn,
    tasks: Vec<Args>,
    /// The disk of each task.
    asked: Vec<usize>,
    random: Random,
}

fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let drawn = machine(&mut random, &PLACES);
    let count = if random.once_in(2) { 1 } else { 2 };
    let first = random.below(drawn.disks.len());
    let asked: Vec<usize> = (0..count.min(drawn.disks.len())).map(|n| (first + n) % drawn.disks.len()).collect();
    let mut args = |(at, place): (&usize, &&str)| Bench::args(&HomelabLonghornDisk, &task(&mut random, &drawn, *at, place));
    let tasks = asked.iter().zip(&PLACES).map(&mut args).collect();
    Case { drawn, tasks, asked, random }
}

/// Runs until a run changes nothing and says the same as the one before; how it ended.
fn until_nothing_changes(host: &mut Host, tasks: &[Args], context: &str) -> Vec<End> {
    let mut before: Vec<End> = Vec::new();
    for n in 0..MOST {
        let writes = host.machine.world().disk_writes().len();
        let ends = host.run(&format!("next-{n}"), tasks);
        let is_quiet = !ends.iter().any(End::has_changed) && host.machine.world().disk_writes().len() == writes;
        let same = |(a, b): (&End, &End)| match (a, b) {
            (End::Ready(..), End::Ready(..)) => true,
            (a, b) => a == b,
        };
        if is_quiet && before.len() == ends.len() && before.iter().zip(&ends).all(same) {
            return ends;
        }
        before = ends;
    }
    panic!("after {context} it is never quiet: {before:?}\n{}", told(host))
}

fn told(host: &mut Host) -> String {
    let mut text = String::new();
    for write in host.machine.world().disk_writes() {
        let _ = writeln!(text, "{write:?}");
    }
    text
}

fn check(host: &mut Host, ends: &[End], context: &str) {
    let wrong = host.machine.world().wrongly_written();
    assert!(wrong.is_empty(), "{context}: {wrong:#?}\n{}", told(host));
    for end in ends {
        if let End::Ready(_, result) = end
            && let Some(wrong) = host.wrong_with(result)
        {
            panic!("after {context}: {wrong}\n{}", told(host));
        }
    }
}

/// One run that trouble befalls, and those after it.
fn one(seed: u64) -> Told {
    let Case { drawn, tasks, asked, mut random } = case(seed);
    let mut fresh = Host::new(drawn.world.clone());
    let classes: Vec<String> = asked.iter().map(|at| fresh.class_of(&format!("/dev/disk/by-id/{}", id(&drawn.disks[*at].0)))).collect();
    // the same without trouble: where it ends, and how many moments there are
    let mut whole = Host::new(drawn.world.clone());
    let first = whole.run("whole", &tasks);
    let points = usize::try_from(whole.machine.world().micro_actions()).unwrap();
    check(&mut whole, &first, "nothing");
    let settled = until_nothing_changes(&mut whole, &tasks, "nothing");
    check(&mut whole, &settled, "nothing");

    let trouble = Trouble::draw(&mut random);
    let mut cut = Host::new(drawn.world.clone().with_seed(random.number()));
    let whose = trouble.befalls(cut.machine.world(), &mut random, points, &drawn);
    let kinds: Vec<&str> = drawn.disks.iter().map(|(_, kind)| *kind).collect();
    let context = format!("{} at {kinds:?}, {tasks:?}", trouble.word());
    cut.run("cut", &tasks);
    // waiting for a long step takes more or fewer moments with other chances: then it befalls one of the next runs
    let mut is_over = trouble.is_over(cut.machine.world());
    let ends = loop {
        let ends = until_nothing_changes(&mut cut, &tasks, &context);
        if is_over {
            break ends;
        }
        is_over = trouble.is_over(cut.machine.world());
    };
    check(&mut cut, &ends, &context);
    let mut told_tasks = Vec::new();
    for ((end, whole), (at, class)) in ends.iter().zip(&settled).zip(asked.iter().zip(classes)) {
        let mut excuse = None;
        if end.word() != whole.word() {
            let of_its_disk = whose.as_ref() == Some(&drawn.disks[*at].0);
            let Some(why) = trouble.excuse(&tasks, of_its_disk, whole, end) else {
                panic!("after {context}: {end:?}\nwithout it {whole:?}\n{}", told(&mut cut))
            };
            excuse = Some((whole.word(), why));
        }
        told_tasks.push(TaskTold { class, end: end.word(), excuse });
    }
    Told { trouble: trouble.word(), is_torn: cut.machine.world().torn() > 0, tasks: told_tasks }
}

#[test]
fn always_converged_and_nothing_else_written() {
    many(RUNS, one);
}

#[test]
#[ignore = "takes minutes: `make simulate`"]
fn hundred_thousand() {
    let runs = std::env::var("HOMELABCTL_RUNS").ok().and_then(|runs| runs.parse().ok());
    many(runs.unwrap_or(100_000), one);
}

type Filled = fn(SimulatedDisk) -> SimulatedDisk;

/// The steps for a blank disk, carried out on one that is not: by steps that look, and by steps that do not.
#[test]
fn a_plan_that_formats_what_is_somebodys_is_caught() {
    let with = |disk: Filled| {
        let mut world = World::new(1);
        world.set_machine_id("5eed");
        world.add_disk(disk(SimulatedDisk::new("sdb", "lh0", 100 << 10)));
        world
    };
    let foreign: [(&str, Filled); 4] = [
        ("a filesystem", |disk| disk.holding(Held::of("ext4", "7e57", &["photos"]))),
        ("a partition", |disk| disk.with_table(true, vec![("7e57".into(), "data".into(), Held::of("xfs", "7e58", &["photos"]))])),
        ("data", |disk| disk.holding(Held { data: vec![4096], ..Held::default() })),
        ("swap in use", |mut disk| {
            disk.swap = vec![0];
            disk.holding(Held::of("swap", "5a", &[]))
        }),
    ];
    let args = Bench::args(&HomelabLonghornDisk, &serde_json::json!({"serial": "lh0"}));
    let mut bench = Bench::new(with(|disk| disk));
    let (decision, _) = bench.plan(&HomelabLonghornDisk, &args).unwrap();
    let Act::Plan(Plan::Change(change)) = decision.act else { panic!("{decision:?}") };
    for (what, disk) in foreign {
        for blind in [false, true] {
            let mut world = with(disk);
            if blind {
                world.steps_are_blind();
            }
            let mut host = Host::new(world);
            let applied = host.machine.apply(&host.scope, &change, &[]).now_or_never().unwrap();
            let (wrong, writes) = (host.machine.world().wrongly_written(), host.machine.world().disk_writes().len());
            if blind {
                assert!(!wrong.is_empty() && wrong[0].starts_with("lh0: Primary"), "{what}: {applied:?} {wrong:?}");
            } else {
                assert!(matches!(applied, Applied::StepFailed { index: 0, .. }) && writes == 0, "{what}: {applied:?} {wrong:?}");
            }
        }
    }
}
