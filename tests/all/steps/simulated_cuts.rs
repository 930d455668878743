//! Runs that are cut at a random moment, on simulated machines: ten thousand of them.
//!
//! A failure names its seed; `HOMELABCTL_SEED=<seed> cargo test --test all ten_thousand` does it again, and nothing else.

use futures_util::FutureExt;
use homelabctl::node::apply::Applied;
use homelabctl::node::simulated::{Entry, Fault, Random, Simulated, Strike, World};
use homelabctl::plan::{Scope, Store};

use super::plans::{Settled, Want, settle};

const RUNS: u64 = 10_000;

fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    for path in ["/etc/x", "/srv/d"] {
        world.add_directory(path, 0o755);
    }
    world.add_file("/etc/x/a", b"what was there before", 0o644);
    for (name, id) in [("containerd", 101), ("kubelet", 102)] {
        let entry = Entry {
            versions: vec!["1.0".into(), "1.1".into()],
            files: vec![(format!("/usr/{name}"), b"program".to_vec())],
            users: vec![(name.into(), id)],
            units: vec![format!("{name}.service")],
            ..Entry::default()
        };
        world.catalogue().add(name, entry);
    }
    world
}

fn wants(random: &mut Random) -> Vec<Want> {
    let count = 1 + random.below(6);
    (0..count)
        .map(|_| match random.below(8) {
            0..=3 => {
                let path = (*random.pick(&["/etc/x/a", "/etc/x/b", "/etc/x/c", "/etc/x/d"]).unwrap()).to_owned();
                let mode = *random.pick(&[0o644, 0o600, 0o755]).unwrap();
                // what a path is to hold follows from the path: two wants never contradict each other
                let content = format!("the new {path} {}", "line\n".repeat(path.len() * 3)).into_bytes();
                Want::File { mode: if path.ends_with('a') { mode } else { 0o640 }, path, content }
            }
            4 => Want::Directory { path: "/srv/d".into(), mode: 0o700 },
            5 => Want::Directory { path: "/srv/e/f".into(), mode: 0o2750 },
            6 => Want::User { name: "pat".into(), uid: 1234 },
            _ => Want::Package { name: (*random.pick(&["containerd", "kubelet"]).unwrap()).into() },
        })
        .scan(false, |seen, want| {
            // one mode for the path whose mode is drawn
            if matches!(&want, Want::File { path, .. } if path.ends_with('a')) && std::mem::replace(seen, true) {
                return Some(Want::Link { path: "/srv/link".into(), target: "d".into() });
            }
            Some(want)
        })
        .collect()
}

struct Run {
    machine: Simulated,
    scope: Scope,
}

impl Run {
    /// Settles all that is wanted; how often something changed, or how it was cut.
    fn settle_all(&mut self, wants: &[Want]) -> Result<usize, Settled> {
        let mut store = Store::default();
        let mut changes = 0;
        for want in wants {
            match settle(&mut self.machine, &self.scope, &mut store, want).now_or_never().expect("nothing is waited for") {
                Settled::Unchanged => {}
                Settled::Changed => changes += 1,
                end => return Err(end),
            }
        }
        Ok(changes)
    }
}

fn faults(random: &mut Random) -> Fault {
    match random.below(6) {
        0 | 1 => Fault::MachineCrash,
        2 => Fault::ConnectionLost { noticed: true },
        3 => Fault::ConnectionLost { noticed: false },
        4 => Fault::ControllerKilled,
        _ => Fault::Lie,
    }
}

/// One run that is cut, and what follows. What it was, for the statistics.
fn cut_run(seed: u64) -> Fault {
    let mut random = Random::new(seed);
    let wants = wants(&mut random);
    let mut world = world(random.number());
    for want in &wants {
        if let Want::File { path, content, .. } = want {
            world.watch(path, [content.clone(), b"what was there before".to_vec()]);
        }
    }
    let run = |world| {
        let mut run = Run { machine: Simulated::new(world), scope: Scope::new("node", "root") };
        run.machine.begin_run("n1", 0).unwrap();
        run
    };
    let mut whole = run(world.clone());
    whole.settle_all(&wants).unwrap_or_else(|end| panic!("seed {seed}: uncut, it ended in {end:?}"));
    let after = random.below(usize::try_from(whole.machine.world().micro_actions()).unwrap()) as u64;
    world.will_strike(Strike { fault: faults(&mut random), after });
    let mut run = run(world);
    let first = run.settle_all(&wants);
    let struck = run.machine.world().struck();
    match (&first, struck) {
        // a lie may be about what nobody would miss, and the last word may have got through
        (Ok(_), Some(_)) | (Err(Settled::Cut { .. }), Some(_)) => {}
        // a lie is found out, never believed
        (Err(Settled::Other(Applied::Unmet { .. })), Some(Fault::Lie)) => {}
        (end, struck) => panic!("seed {seed}: {struck:?} ended in {end:?}"),
    }
    if first.is_ok() || struck == Some(Fault::Lie) {
        // this run ends in an orderly way
        run.machine.end_run();
    }

    // the next run
    let waited = run.machine.begin_run("n2", 3_600_000).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let still_ran = run.machine.world().begun() > 0;
    assert!(still_ran || waited <= 31_000, "seed {seed}: the lock was free only after {waited} ms");
    run.machine.take_left();
    run.settle_all(&wants).unwrap_or_else(|end| panic!("seed {seed}: after {struck:?} the second run ended in {end:?}"));
    assert_eq!(run.settle_all(&wants).unwrap(), 0, "seed {seed}: planned again after {struck:?}");

    let world = run.machine.world();
    assert_eq!(world.violations(), [] as [String; 0], "seed {seed}: {struck:?}");
    let mut known: Vec<u64> = world.taken().iter().chain(world.lost()).copied().collect();
    known.sort_unstable();
    assert_eq!(known, (1..=world.begun()).collect::<Vec<_>>(), "seed {seed}: each status is taken once, or lost in a crash");
    for directory in ["/etc/x", "/srv"] {
        let left: Vec<String> = world.names(directory).into_iter().filter(|name| name.contains("homelabctl")).collect();
        assert!(left.is_empty(), "seed {seed}: {left:?} is left in {directory}");
    }
    struck.unwrap_or_else(|| panic!("seed {seed}: nothing struck"))
}

#[test]
fn ten_thousand_cut_runs_leave_nothing_half_done() {
    let from = std::env::var("HOMELABCTL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = from.map_or(0..RUNS, |seed| seed..seed + 1);
    let mut struck = [0u32; 4];
    for seed in seeds.clone() {
        match cut_run(seed) {
            Fault::MachineCrash => struck[0] += 1,
            Fault::ConnectionLost { .. } => struck[1] += 1,
            Fault::ControllerKilled => struck[2] += 1,
            Fault::Lie => struck[3] += 1,
        }
    }
    println!("crashes {}, lost connections {}, killed controllers {}, lies {}", struck[0], struck[1], struck[2], struck[3]);
    if seeds.end - seeds.start > 1 {
        assert!(struck.iter().all(|count| *count > 500), "{struck:?}");
    }
}
