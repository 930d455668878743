//! Simulated runs, each with a fault or a changed disk at a random moment, then runs until nothing changes.
//!
//! A failure names its seed; `HOMELABCTL_SEED=<seed> cargo test --lib longhorn_disk::runs` does it again, and nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use futures_util::FutureExt as _;
use serde_json::{Map, Value};

use super::HomelabLonghornDisk;
use super::states::{Drawn, change, machine, task};
use crate::modules::bench::{Bench, Files};
use crate::modules::{Act, Args, Module as _, Task};
use crate::node::apply::Applied;
use crate::node::facts::{BlockDevice, BlockDevices, Mount, MountAt};
use crate::node::machine::Machine as _;
use crate::node::simulated::{Fault, Held, Random, Simulated, SimulatedDisk, Strike, World};
use crate::plan::{Fact, Facts, Observation, Plan, Reading, Scope, Stop, Store};

/// How many in a build that is not optimised.
const RUNS: u64 = 800;
/// How many at a time.
const LANES: u64 = 2;
/// How often a machine is run until nothing changes.
const MOST: usize = 8;
const PLACES: [&str; 2] = ["/var/lib/longhorn", "/srv/second"];

/// How a task ended.
#[derive(Debug, Clone, PartialEq)]
enum End {
    /// Whether anything was changed, and the result.
    Ready(bool, Map<String, Value>),
    Refused(String),
    Failed(String),
    /// A step said that it failed.
    StepFailed(String),
    /// A fact could not be read.
    Unknown(String),
    /// Nobody knows how it ended.
    Cut,
}

impl End {
    fn word(&self) -> &'static str {
        match self {
            Self::Ready(..) => "ready",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::StepFailed(_) => "a step failed",
            Self::Unknown(_) => "unknown",
            Self::Cut => "cut",
        }
    }

    fn has_changed(&self) -> bool {
        matches!(self, Self::Ready(true, _) | Self::Cut)
    }
}

struct Host {
    machine: Simulated,
    scope: Scope,
    outside: Files,
}

impl Host {
    /// Reads, plans and carries out as the engine does, until nothing is left to do.
    fn settle(&mut self, store: &mut Store, args: &Args) -> End {
        let mut changed = false;
        for _ in 0..40 {
            let facts = Facts::new(store, self.scope.clone());
            let task = Task { args, check: false, diff: false, environment: &[], user: "root", wanted: true, outside: &self.outside };
            let planned = HomelabLonghornDisk.plan(&task, &facts);
            let recorded = facts.recorded();
            let decision = match planned {
                Ok(decision) => decision,
                Err(Stop::Unknown(unknown)) => return End::Unknown(unknown.into_values().collect::<Vec<_>>().join("; ")),
                Err(Stop::Need(need)) => {
                    let queries: Vec<_> = need.iter().map(|key| key.query.clone()).collect();
                    match self.machine.read(&self.scope, &queries).now_or_never().unwrap() {
                        Err(_) => return End::Cut,
                        Ok(read) => need.into_iter().zip(read).for_each(|(key, (_, observation))| store.insert(key, observation)),
                    }
                    continue;
                }
            };
            let change = match decision.act {
                Act::Plan(Plan::Change(change)) => change,
                Act::Plan(Plan::Unchanged) => return End::Ready(changed, decision.result),
                Act::Plan(Plan::Refuse(refusal)) => return End::Refused(refusal.why),
                Act::Fail(why) => return End::Failed(why),
                other => panic!("{other:?}"),
            };
            let known = |key: &_| store.get(key).cloned();
            let preconditions: Vec<(_, Observation)> = recorded.into_iter().filter_map(|key| Some((key.clone(), known(&key)?))).collect();
            let applied = self.machine.apply(&self.scope, &change, &preconditions).now_or_never().unwrap();
            match applied {
                Applied::Moved(_) => *store = Store::default(),
                Applied::Done(_) => {
                    changed = true;
                    *store = Store::default();
                }
                Applied::StepFailed { output, .. } => return End::StepFailed(String::from_utf8_lossy(&output.stderr).into_owned()),
                Applied::Unmet { unmet, .. } => return End::StepFailed(format!("{unmet:?}")),
                Applied::Unknown(_) | Applied::NotBegun(_) => return End::Cut,
                other => panic!("{other:?}"),
            }
        }
        panic!("it never settles")
    }

    /// A run over all tasks; it ends with the connection.
    fn run(&mut self, nonce: &str, tasks: &[Args]) -> Vec<End> {
        self.machine.begin_run(nonce, 3_600_000).unwrap();
        self.machine.take_left();
        let (mut store, mut ends) = (Store::default(), Vec::new());
        for args in tasks {
            ends.push(self.settle(&mut store, args));
            if ends.last() == Some(&End::Cut) {
                return ends;
            }
        }
        self.machine.end_run();
        ends
    }

    fn read<F: Fact>(&mut self, fact: F) -> Option<F::Value> {
        let read = self.machine.read(&self.scope, &[fact.query()]).now_or_never().unwrap().unwrap();
        match &read[0].1.reading {
            Reading::Present(value) => Some(serde_json::from_value(value.clone()).unwrap()),
            _ => None,
        }
    }

    /// What is not as a task that is ready says.
    fn wrong_with(&mut self, result: &Map<String, Value>) -> Option<String> {
        let text = |name: &str| result[name].as_str().unwrap().to_owned();
        let (disk, uuid, place) = (text("disk"), text("uuid"), text("mount"));
        let Some(mount): Option<Mount> = self.read(MountAt::new(&place)) else { return Some(format!("nothing is mounted on {place}")) };
        let devices: Vec<BlockDevice> = self.read(BlockDevices).unwrap();
        let Some(device) = devices.iter().find(|device| device.path == mount.source) else { return Some(format!("{mount:?}")) };
        let is_on_disk = device.by_id.iter().any(|id| *id == disk || *id == format!("{disk}-part1"));
        if !is_on_disk || device.uuid.as_ref() != Some(&uuid) || mount.kind != text("filesystem") {
            return Some(format!("{mount:?} is of {device:?}, and not {uuid} of {disk}"));
        }
        let fstab = self.machine.world().content("/etc/fstab").unwrap_or_default();
        let fstab = String::from_utf8(fstab).unwrap();
        let lines: Vec<&str> = fstab.lines().filter(|line| line.split(' ').nth(1) == Some(&place)).collect();
        let is_named = matches!(lines.as_slice(), [line] if line.starts_with(&format!("UUID={uuid} {place} ")));
        (!is_named || !fstab.starts_with("# /etc/fstab\nUUID=aa-1 / ") && !fstab.starts_with("UUID=")).then_some(fstab)
    }
}

/// What a seed draws: a machine, what is asked of its disks.
struct Case {
    drawn: Drawn,
    tasks: Vec<Args>,
    random: Random,
}

fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let drawn = machine(&mut random, &PLACES);
    let count = if random.once_in(2) { 1 } else { 2 };
    let first = random.below(drawn.disks.len());
    let tasks = (0..count.min(drawn.disks.len()))
        .map(|n| {
            let at = (first + n) % drawn.disks.len();
            Bench::args(&HomelabLonghornDisk, &task(&mut random, &drawn, at, PLACES[n]))
        })
        .collect();
    Case { drawn, tasks, random }
}

fn host(world: World) -> Host {
    Host { machine: Simulated::new(world), scope: Scope::new("w1", "root"), outside: Files::default() }
}

/// Runs until a run changes nothing and says the same as the one before; how it ended.
fn until_nothing_changes(host: &mut Host, tasks: &[Args], seed: u64, context: &str) -> Vec<End> {
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
    panic!("seed {seed}: after {context} it is never quiet: {before:?}\n{}", told(host))
}

fn told(host: &mut Host) -> String {
    let mut text = String::new();
    for write in host.machine.world().disk_writes() {
        let _ = writeln!(text, "{write:?}");
    }
    text
}

fn check(host: &mut Host, ends: &[End], seed: u64, context: &str) {
    let wrong = host.machine.world().wrongly_written();
    assert!(wrong.is_empty(), "seed {seed}: {context}: {wrong:#?}\n{}", told(host));
    for end in ends {
        if let End::Ready(_, result) = end
            && let Some(wrong) = host.wrong_with(result)
        {
            panic!("seed {seed}: after {context}: {wrong}\n{}", told(host));
        }
    }
}

/// One run that a fault strikes, and those after it; what the fault was and how each task ended, for the statistics.
fn one(seed: u64) -> (&'static str, Vec<(&'static str, &'static str, String)>) {
    let Case { drawn, tasks, mut random } = case(seed);
    let kinds: Vec<&str> = drawn.disks.iter().map(|(_, kind)| *kind).collect();
    // the same without a fault: where it ends, and how many moments there are
    let mut whole = host(drawn.world.clone());
    let first = whole.run("whole", &tasks);
    let points = usize::try_from(whole.machine.world().micro_actions()).unwrap();
    check(&mut whole, &first, seed, "nothing");
    let settled = until_nothing_changes(&mut whole, &tasks, seed, "nothing");
    check(&mut whole, &settled, seed, "nothing");

    let (word, fault) = match random.below(10) {
        0..=2 => ("crash", Some(Fault::MachineCrash)),
        3 => ("lost connection", Some(Fault::ConnectionLost { noticed: true })),
        4 => ("lost connection", Some(Fault::ConnectionLost { noticed: false })),
        5 => ("killed controller", Some(Fault::ControllerKilled)),
        6 => ("changed disk and crash", Some(Fault::MachineCrash)),
        _ => ("changed disk", None),
    };
    let is_changed = word.starts_with("changed");
    let mut cut = host(drawn.world.with_seed(random.number()));
    let after = |random: &mut Random| random.below(points) as u64;
    if let Some(fault) = fault {
        cut.machine.world().will_strike(Strike { fault, after: after(&mut random) });
    }
    if is_changed {
        let at = random.below(drawn.disks.len());
        let (moment, change) = (after(&mut random), change(&mut random, &drawn.disks[at].0));
        cut.machine.world().will_change(moment, at, change);
    }
    let context = format!("{word} at {kinds:?}, {tasks:?}");
    cut.run("cut", &tasks);
    let mut ends = until_nothing_changes(&mut cut, &tasks, seed, &context);
    // waiting for a long step takes more or fewer moments with other chances: then it strikes one of the next runs
    while !cut.machine.world().has_changed() || fault.is_some() && cut.machine.world().struck().is_none() {
        ends = until_nothing_changes(&mut cut, &tasks, seed, &context);
    }
    check(&mut cut, &ends, seed, &context);
    let mut told_ends = Vec::new();
    for ((end, whole), args) in ends.iter().zip(&settled).zip(&tasks) {
        // by then its name may be another disk's
        let is_unstable = args.str("device").is_some() && word == "crash";
        // a table that was torn between its two copies is nobody's: a person has to wipe it
        let is_torn = word == "crash" && matches!((whole, end), (End::Ready(..), End::Refused(_)));
        // a restart takes away what stood in the way: a tmpfs on the place, a mount in another namespace
        let is_freed = word == "crash" && !matches!(whole, End::Ready(..));
        if !is_changed && !is_torn && !is_unstable && !is_freed {
            let same = matches!((whole, end), (End::Ready(..), End::Ready(..))) || end.word() == whole.word();
            assert!(same, "seed {seed}: after {context}: {end:?}\nwithout it {whole:?}\n{}", told(&mut cut));
        }
        let why = match end {
            End::Refused(why) if is_torn => why.clone(),
            _ => String::new(),
        };
        told_ends.push((if is_torn { "torn" } else { end.word() }, whole.word(), why));
    }
    (word, told_ends)
}

#[expect(clippy::print_stdout, reason = "what struck, and how it ended")]
fn many(runs: u64) {
    let only: Option<u64> = std::env::var("HOMELABCTL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = only.map_or(0..runs, |seed| seed..seed + 1);
    let began = std::time::Instant::now();
    let counts = std::sync::Mutex::new((BTreeMap::<String, usize>::new(), BTreeMap::<String, usize>::new()));
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let (counts, seeds) = (&counts, seeds.clone());
            scope.spawn(move || {
                for seed in seeds.filter(|seed| seed % LANES == lane) {
                    let (fault, ends) = one(seed);
                    let mut counts = counts.lock().unwrap();
                    *counts.0.entry(fault.to_owned()).or_default() += 1;
                    for (end, _, why) in ends {
                        let first = why.lines().next().unwrap_or_default().split(" on w1 ").last().unwrap_or_default().to_owned();
                        *counts.1.entry(format!("{end} {first}").trim().to_owned()).or_default() += 1;
                    }
                }
            });
        }
    });
    let (faults, ends) = counts.into_inner().unwrap();
    println!("{} runs, {:?}: {faults:?}", seeds_of(&faults), began.elapsed());
    for (end, count) in ends {
        println!("{count:>8} {end}");
    }
}

fn seeds_of(faults: &BTreeMap<String, usize>) -> usize {
    faults.values().sum()
}

#[test]
fn always_converged_and_nothing_else_written() {
    many(RUNS);
}

#[test]
#[ignore = "takes minutes: `make simulate`"]
fn hundred_thousand() {
    let runs = std::env::var("HOMELABCTL_RUNS").ok().and_then(|runs| runs.parse().ok());
    many(runs.unwrap_or(100_000));
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
            let mut host = host(world);
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
