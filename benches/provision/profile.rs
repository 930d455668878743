//! Where the time of a run goes that changes everything: in the program, or on the machines.

use std::time::Duration;

use super::contestants::Lines;
use super::{CHANGE, tasks, undo};
use crate::Arguments;
use crate::contestants::Field;
use crate::measure::{FactsScript, cost, median};
use crate::testbed::Bed;

/// What a run took, all in the middle of all rounds.
#[derive(Clone, Copy)]
pub struct Profile {
    /// From the program's start to its end.
    pub wall: Duration,
    /// Processor time of this host meanwhile: the machines', their sshd's, the program's.
    pub host: Duration,
    /// Processor time of the program.
    pub program: Duration,
    /// The same made by a script that looks at nothing, in one `ssh HOST sudo sh` for each machine: wall, and the host's.
    pub script: Duration,
    pub script_host: Duration,
}

/// The case in which everything changes.
pub fn measure(arguments: &Arguments) -> Profile {
    let (tasks, number, _) = CHANGE;
    let bed = Bed::new().unwrap();
    let machines = bed.start_all((0..number).map(|index| bed.machine(&format!("n{index}"))).collect()).unwrap();
    machines.iter().for_each(|machine| _ = machine.root_says(tasks::PREPARE).unwrap());
    let facts = FactsScript::new();
    let field = Field::new(&bed, &machines, &facts, None);
    let lines = Lines::new(&field, &machines, None, tasks);
    let mut all = Vec::new();
    let mut state: Option<Vec<String>> = None;
    let mut same = || {
        let now: Vec<String> = machines.iter().map(|machine| machine.root_says(tasks::STATE).unwrap()).collect();
        assert_eq!(state.get_or_insert_with(|| now.clone()), &now, "the script makes something else");
    };
    for round in 0..=arguments.rounds {
        undo(&machines);
        let before = busy();
        let cost = cost(lines.provision("change"), 3);
        let host = busy() - before;
        same();
        undo(&machines);
        let before = busy();
        let script = lines.script("change");
        let script_host = busy() - before;
        same();
        if round > 0 {
            all.push(Profile { wall: cost.wall, host, program: cost.processor, script, script_host });
        }
    }
    let middle = |of: fn(&Profile) -> Duration| median(all.iter().map(of));
    Profile {
        wall: middle(|one| one.wall),
        host: middle(|one| one.host),
        program: middle(|one| one.program),
        script: middle(|one| one.script),
        script_host: middle(|one| one.script_host),
    }
}

/// How long this host's processors have worked so far, together: proc(5), /proc/stat, all but idle, iowait and steal.
fn busy() -> Duration {
    let text = std::fs::read_to_string("/proc/stat").unwrap();
    let fields: Vec<u64> = text.lines().next().unwrap().split_whitespace().skip(1).map(|field| field.parse().unwrap()).collect();
    let ticks = fields[0] + fields[1] + fields[2] + fields[5] + fields[6];
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}
