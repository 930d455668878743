//! Many drawn runs, each by its seed, some at a time.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How many at a time.
const LANES: u64 = 2;
/// After so many that went wrong the others are left out.
const ENOUGH: usize = 5;

/// What came of them.
pub(crate) struct Many<F> {
    /// What was counted of those that did not panic.
    pub(crate) figures: F,
    /// How long they took.
    pub(crate) took: Duration,
    /// Whether it was only the one that `HOMELABCTL_SEED` names.
    pub(crate) is_one: bool,
    wrong: BTreeMap<u64, String>,
}

/// Each of those runs; `HOMELABCTL_SEED` does one of them alone.
pub(crate) fn many<F: Default + Send, T>(runs: u64, one: fn(u64) -> T, add: fn(&mut F, T)) -> Many<F> {
    let only: Option<u64> = std::env::var("HOMELABCTL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = only.map_or(0..runs, |seed| seed..seed + 1);
    let began = Instant::now();
    let (counted, is_enough) = (Mutex::new((F::default(), BTreeMap::new())), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let (counted, is_enough, seeds) = (&counted, &is_enough, seeds.clone());
            scope.spawn(move || {
                for seed in seeds.filter(|seed| seed % LANES == lane).take_while(|_| !is_enough.load(Ordering::Relaxed)) {
                    let told = std::panic::catch_unwind(|| one(seed));
                    let (figures, wrong) = &mut *counted.lock().unwrap();
                    match told {
                        Ok(told) => add(figures, told),
                        Err(what) => drop(wrong.insert(seed, said(what.as_ref()))),
                    }
                    is_enough.fetch_or(wrong.len() >= ENOUGH, Ordering::Relaxed);
                }
            });
        }
    });
    let (figures, wrong) = counted.into_inner().unwrap();
    Many { figures, took: began.elapsed(), is_one: only.is_some(), wrong }
}

impl<F> Many<F> {
    /// None went wrong; else each is told with the command that does it again, by the tests' place in the library.
    pub(crate) fn are_right(&self, tests: &str) {
        let again = |(seed, what): (&u64, &String)| {
            format!("seed {seed}: {what}\nagain: HOMELABCTL_SEED={seed} cargo test --lib {tests} -- --nocapture")
        };
        let wrong: Vec<String> = self.wrong.iter().map(again).collect();
        assert!(wrong.is_empty(), "{} went wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    }
}

fn said(what: &(dyn std::any::Any + Send)) -> String {
    let text = what.downcast_ref::<String>().cloned();
    text.or_else(|| what.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

#[test]
fn what_goes_wrong_is_told_with_its_seed_and_all_else_is_counted() {
    let all: Many<u64> = many(6, |seed| if seed == 3 { panic!("three") } else { seed }, |sum, seed| *sum += seed);
    assert_eq!(all.figures, 12);
    let told = std::panic::catch_unwind(|| all.are_right("x::y")).unwrap_err();
    assert_eq!(said(told.as_ref()), "1 went wrong:\nseed 3: three\nagain: HOMELABCTL_SEED=3 cargo test --lib x::y -- --nocapture");
}
