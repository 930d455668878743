//! What came of many simulated runs, counted and told.

use std::collections::BTreeMap;
use std::time::Duration;

use super::trouble::Trouble;

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
    let all = crate::node::simulated::many(runs, one, Figures::add);
    println!("{}", told(&all.figures, all.took));
    all.are_right("longhorn_disk::runs");
    let figures = &all.figures;
    if !all.is_one {
        let never: Vec<&str> = Trouble::words().filter(|word| !figures.runs.contains_key(word)).collect();
        assert!(never.is_empty() && figures.torn > 0, "these never came: {never:?}; {} writes were torn", figures.torn);
    }
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
