//! What came of many simulated clusters, counted and told.

use std::collections::BTreeMap;

use super::Told;
use super::story::Trouble;

#[derive(Default)]
struct Figures {
    runs: usize,
    kinds: BTreeMap<&'static str, [usize; 2]>,
    troubles: BTreeMap<&'static str, [usize; 2]>,
    actions: BTreeMap<String, usize>,
    refused: BTreeMap<String, usize>,
    controllers: usize,
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
    let all = crate::node::simulated::many(runs, one, Figures::add);
    println!("{}", told(&all.figures, all.took.as_secs()));
    all.are_right("membership::runs");
    let figures = &all.figures;
    if !all.is_one {
        let never: Vec<&str> = Trouble::ALL.iter().map(|(.., word)| *word).filter(|word| !figures.troubles.contains_key(word)).collect();
        assert!(never.is_empty(), "these never came: {never:?}");
    }
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
