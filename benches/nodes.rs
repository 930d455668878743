//! Real sshds: homelabctl beside ssh and Ansible, in turn.

use std::path::Path;
use std::time::Duration;

use crate::Arguments;
use crate::contestants::{Contestant, Field};
use crate::measure::{FactsScript, median};
use crate::testbed::Bed;

const NODES: usize = 6;

/// One case: so many machines so far away.
pub struct Case {
    pub machines: usize,
    /// There and back.
    pub delay: Duration,
    /// The middle of all rounds; `None`: left out.
    pub walls: Vec<(Contestant, Option<Duration>)>,
}

impl Case {
    pub fn wall(&self, contestant: Contestant) -> Option<Duration> {
        self.walls.iter().find(|(who, _)| *who == contestant).and_then(|(_, wall)| *wall)
    }
}

pub fn measure(arguments: &Arguments, script: &FactsScript, ansible: Option<&Path>) -> Vec<Case> {
    let bed = Bed::new().unwrap();
    let mut cases = Vec::new();
    for delay in [Duration::ZERO, Duration::from_millis(50)] {
        let spec = |index| {
            let spec = bed.machine(&format!("n{index}"));
            if delay.is_zero() { spec } else { spec.delay(delay / 2) }
        };
        let machines = bed.start_all((0..NODES).map(spec).collect()).unwrap();
        let fields = [1, NODES].map(|number| (number, Field::new(&bed, &machines[..number], script, ansible)));
        let mut all: Vec<Vec<(Contestant, Option<Duration>)>> = vec![Vec::new(); fields.len()];
        // the first round warms caches up and does not count
        for round in 0..=arguments.rounds {
            for (walls, (number, field)) in all.iter_mut().zip(&fields) {
                for contestant in Contestant::ALL {
                    let wall = field.run(contestant);
                    eprintln!("{number} machines, {delay:?}, round {round}: {}: {wall:?}", contestant.line());
                    if round > 0 {
                        walls.push((contestant, wall));
                    }
                }
            }
        }
        for (walls, (number, _)) in all.iter().zip(&fields) {
            let middle = |who| median(walls.iter().filter(|(whose, _)| *whose == who).map(|(_, wall)| *wall));
            let walls = Contestant::ALL.map(|who| (who, middle(who))).to_vec();
            cases.push(Case { machines: *number, delay, walls });
        }
    }
    cases
}
