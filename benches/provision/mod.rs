//! Playbooks in which nothing has to change, and one in which everything has to: beside the script that a person would write,
//! Ansible, Mitogen and pyinfra on the same machines in the same run.

mod contestants;
mod inotify;
pub mod profile;
mod tasks;

use std::path::Path;
use std::time::Duration;

use crate::Arguments;
use crate::contestants::Field;
use crate::measure::{FactsScript, median};
use crate::testbed::{Bed, Machine};
pub use contestants::Contestant;
use contestants::{Installed, Lines};

/// Tasks, machines, and the delay there and back in milliseconds.
const SAME: [(usize, usize, u64); 6] = [(10, 1, 0), (10, 6, 0), (10, 40, 0), (100, 1, 0), (100, 6, 0), (10, 6, 50)];
/// Everything changes.
const CHANGE: (usize, usize, u64) = (10, 6, 0);
/// Who takes longer than this is measured in one round only: more would take hours.
const SLOW: Duration = Duration::from_secs(8);
const SLOW_ROUNDS: usize = 1;

/// One case, and the middle of all rounds.
pub struct Case {
    pub tasks: usize,
    pub machines: usize,
    pub delay: Duration,
    pub changes: bool,
    walls: Vec<(Contestant, Duration)>,
}

impl Case {
    /// How long that one took, if it was measured.
    pub fn wall(&self, contestant: Contestant) -> Option<Duration> {
        self.walls.iter().find(|(who, _)| *who == contestant).map(|(_, wall)| *wall)
    }
}

/// All cases, in the order in which they are shown.
pub fn measure(arguments: &Arguments, facts: &FactsScript, ansible: Option<&Path>) -> Vec<Case> {
    let installed = ansible.map(Installed::beside);
    let mut cases = Vec::new();
    let _inotify = inotify::enough_for(SAME.iter().map(|case| case.1).max().unwrap());
    for delay in [0, 50] {
        let own: Vec<_> = SAME.into_iter().filter(|case| case.2 == delay).collect();
        let most = own.iter().map(|case| case.1).max().unwrap();
        let bed = Bed::new().unwrap();
        let spec = |index| {
            let spec = bed.machine(&format!("n{index}"));
            if delay == 0 { spec } else { spec.delay(Duration::from_millis(delay) / 2) }
        };
        let machines = bed.start_all((0..most).map(spec).collect()).unwrap();
        machines.iter().for_each(|machine| _ = machine.root_says(tasks::PREPARE).unwrap());
        let mut all: Vec<_> = own.into_iter().map(|case| (case, false)).collect();
        if CHANGE.2 == delay {
            all.push((CHANGE, true));
        }
        for ((tasks, number, _), changes) in all {
            let machines = &machines[..number];
            let field = Field::new(&bed, machines, facts, ansible);
            let lines = Lines::new(&field, machines, installed.as_ref(), tasks);
            let walls = one(arguments, &lines, changes);
            cases.push(Case { tasks, machines: number, delay: Duration::from_millis(delay), changes, walls });
        }
    }
    cases
}

fn one(arguments: &Arguments, lines: &Lines<'_>, changes: bool) -> Vec<(Contestant, Duration)> {
    let mut walls: Vec<(Contestant, Vec<Duration>)> = Contestant::ALL.map(|who| (who, Vec::new())).to_vec();
    if !changes {
        // what homelabctl makes of it, the others must find as it should be
        undo(lines.machines);
        lines.prepare();
    }
    let mut state: Option<Vec<String>> = None;
    // the first round warms caches up and does not count
    for round in 0..=usize::from(arguments.rounds) {
        for (who, all) in &mut walls {
            if round > SLOW_ROUNDS && all.first().is_some_and(|first| *first > SLOW) {
                continue;
            }
            if changes {
                undo(lines.machines);
            }
            let Some(wall) = lines.run(*who, if changes { "change" } else { "same" }) else { continue };
            eprintln!("{} machines, changes {changes}, round {round}: {}: {wall:?}", lines.machines.len(), who.line());
            if changes {
                let now: Vec<String> = lines.machines.iter().map(|machine| machine.root_says(tasks::STATE).unwrap()).collect();
                assert_eq!(state.get_or_insert_with(|| now.clone()), &now, "{} made something else", who.line());
            }
            if round > 0 {
                all.push(wall);
            }
        }
    }
    walls.into_iter().filter(|(_, all)| !all.is_empty()).map(|(who, all)| (who, median(all))).collect()
}

/// Nothing of what the tasks make is there.
fn undo(machines: &[Machine]) {
    machines.iter().for_each(|machine| _ = machine.root_says(tasks::UNDO).unwrap());
}
