//! What came of many simulated runs, counted and told.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::trouble::Trouble;

/// How many at a time.
const LANES: u64 = 2;
/// After so many that went wrong the others are left out.
const ENOUGH: usize = 5;

/// What came of one run.
pub(super) struct Told {
    pub(super) trouble: &'static str,
    /// Whether the power went while something was written and not synced.
    pub(super) is_torn: bool,
    pub(super) tasks: Vec<TaskTold>,
}

/// What came of a task in the end.
pub(super) struct TaskTold {
    /// What its disk was taken for at first.
    pub(super) class: String,
    /// How it ended.
    pub(super) end: &'static str,
    /// Why it ended otherwise than without the trouble.
    pub(super) excuse: Option<(&'static str, &'static str)>,
}

type Counts = BTreeMap<String, BTreeMap<&'static str, usize>>;

#[derive(Default)]
struct Figures {
    runs: BTreeMap<&'static str, usize>,
    torn: usize,
    by_trouble: Counts,
    by_class: Counts,
    excused: BTreeMap<String, usize>,
    wrong: BTreeMap<u64, String>,
}

impl Figures {
    fn add(&mut self, told: Told) {
        *self.runs.entry(told.trouble).or_default() += 1;
        self.torn += usize::from(told.is_torn);
        for task in told.tasks {
            let count = |counts: &mut Counts, of: &str| *counts.entry(of.to_owned()).or_default().entry(task.end).or_default() += 1;
            count(&mut self.by_trouble, told.trouble);
            count(&mut self.by_class, &task.class);
            if let Some((otherwise, why)) = task.excuse {
                *self.excused.entry(format!("{} instead of {otherwise}: {why}", task.end)).or_default() += 1;
            }
        }
    }
}

/// Each of those runs, and the figures; `HOMELABCTL_SEED` does one of them alone.
#[expect(clippy::print_stdout, reason = "the figures")]
pub(super) fn many(runs: u64, one: fn(u64) -> Told) {
    let only: Option<u64> = std::env::var("HOMELABCTL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = only.map_or(0..runs, |seed| seed..seed + 1);
    let began = Instant::now();
    let (figures, is_enough) = (Mutex::new(Figures::default()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let (figures, is_enough, seeds) = (&figures, &is_enough, seeds.clone());
            scope.spawn(move || {
                for seed in seeds.filter(|seed| seed % LANES == lane).take_while(|_| !is_enough.load(Ordering::Relaxed)) {
                    let told = std::panic::catch_unwind(|| one(seed));
                    let mut figures = figures.lock().unwrap();
                    match told {
                        Ok(told) => figures.add(told),
                        Err(what) => drop(figures.wrong.insert(seed, said(what.as_ref()))),
                    }
                    is_enough.fetch_or(figures.wrong.len() >= ENOUGH, Ordering::Relaxed);
                }
            });
        }
    });
    let figures = figures.into_inner().unwrap();
    println!("{}", told(&figures, began.elapsed()));
    let again = |(seed, what): (&u64, &String)| {
        format!("seed {seed}: {what}\nagain: HOMELABCTL_SEED={seed} cargo test --lib longhorn_disk::runs -- --nocapture")
    };
    let wrong: Vec<String> = figures.wrong.iter().map(again).collect();
    assert!(wrong.is_empty(), "{} went wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    if only.is_none() {
        let never: Vec<&str> = Trouble::words().filter(|word| !figures.runs.contains_key(word)).collect();
        assert!(never.is_empty() && figures.torn > 0, "these never came: {never:?}; {} writes were torn", figures.torn);
    }
}

fn said(what: &(dyn std::any::Any + Send)) -> String {
    let text = what.downcast_ref::<String>().cloned();
    text.or_else(|| what.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

fn told(figures: &Figures, took: Duration) -> String {
    let ends = |ends: &BTreeMap<&str, usize>| ends.iter().map(|(end, count)| format!("{end} {count}")).collect::<Vec<_>>().join(", ");
    let mut lines = vec![format!(
        "{} runs with trouble, each after one without it, in {} s; {} crashes came upon a write that was not synced",
        figures.runs.values().sum::<usize>(),
        took.as_secs(),
        figures.torn
    )];
    lines.push("what befell it, in how many runs, and how their tasks ended at last:".into());
    lines.extend(figures.runs.iter().map(|(trouble, count)| {
        let none = BTreeMap::new();
        format!("{count:>8} {trouble}: {}", ends(figures.by_trouble.get(*trouble).unwrap_or(&none)))
    }));
    lines.push("what a task's disk was taken for at first, and how it ended at last:".into());
    lines.extend(figures.by_class.iter().map(|(class, counts)| format!("{:>8} {class}: {}", counts.values().sum::<usize>(), ends(counts))));
    lines.push("otherwise than without the trouble:".into());
    lines.extend(figures.excused.iter().map(|(what, count)| format!("{count:>8} {what}")));
    lines.join("\n")
}
