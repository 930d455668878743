//! What came of many simulated clusters, counted and told.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::Told;
use super::story::Trouble;

/// How many at a time.
const LANES: u64 = 2;
/// After so many that went wrong the others are left out.
const ENOUGH: usize = 5;

#[derive(Default)]
struct Figures {
    runs: usize,
    kinds: BTreeMap<&'static str, [usize; 2]>,
    troubles: BTreeMap<&'static str, [usize; 2]>,
    actions: BTreeMap<String, usize>,
    refused: BTreeMap<String, usize>,
    controllers: usize,
    wrong: BTreeMap<u64, String>,
}

impl Figures {
    fn add(&mut self, told: Told) {
        self.runs += 1;
        self.controllers += told.runs;
        let count = |counts: &mut BTreeMap<&'static str, [usize; 2]>, of: &'static str, at: usize| {
            if let Some(count) = counts.entry(of).or_default().get_mut(at) {
                *count += 1;
            }
        };
        let at = usize::from(!told.refused.is_empty());
        count(&mut self.kinds, told.kind, at);
        for trouble in told.troubles {
            count(&mut self.troubles, trouble.word(), at);
        }
        for action in told.actions {
            *self.actions.entry(action).or_default() += 1;
        }
        for (why, excuse) in told.refused {
            *self.refused.entry(format!("{why}: {excuse}")).or_default() += 1;
        }
    }
}

/// Each of those clusters, and the figures; `HOMELABCTL_SEED` does one of them alone.
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
    println!("{}", told(&figures, began.elapsed().as_secs()));
    let again = |(seed, what): (&u64, &String)| {
        format!("seed {seed}: {what}\nagain: HOMELABCTL_SEED={seed} cargo test --lib membership::runs -- --nocapture")
    };
    let wrong: Vec<String> = figures.wrong.iter().map(again).collect();
    assert!(wrong.is_empty(), "{} went wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    if only.is_none() {
        let never: Vec<&str> = Trouble::ALL.iter().map(|(.., word)| *word).filter(|word| !figures.troubles.contains_key(word)).collect();
        assert!(never.is_empty(), "these never came: {never:?}");
    }
}

fn said(what: &(dyn std::any::Any + Send)) -> String {
    let text = what.downcast_ref::<String>().cloned();
    text.or_else(|| what.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

fn told(figures: &Figures, seconds: u64) -> String {
    let mut lines = vec![format!("{} clusters, {} runs on them, in {seconds} s", figures.runs, figures.controllers)];
    let counted = |lines: &mut Vec<String>, of: &BTreeMap<&'static str, [usize; 2]>| {
        lines.extend(of.iter().map(|(what, [whole, refused])| {
            format!("{:>8} {what}: {whole} as they should be in the end, {refused} with something refused", whole + refused)
        }));
    };
    lines.push("what they were at first:".into());
    counted(&mut lines, &figures.kinds);
    lines.push("what befell them:".into());
    counted(&mut lines, &figures.troubles);
    lines.push("what was done:".into());
    lines.extend(figures.actions.iter().map(|(what, count)| format!("{count:>8} {what}")));
    lines.push("what stayed refused, and why it may:".into());
    lines.extend(figures.refused.iter().map(|(what, count)| format!("{count:>8} {what}")));
    lines.join("\n")
}
