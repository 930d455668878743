//! What is done to a cluster, drawn from a seed and from what the cluster is.

use homelabctl::node::simulated::Random;

use super::driver::Driver;
use super::{Act, Case};
use crate::testbed::Bed;

/// How many machines there may be beside those of the beginning.
const NEW: usize = 5;

/// A cluster of its own, from its beginning.
pub fn case(voters: usize, seed: u64, count: usize) -> Case {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let mut random = Random::new(seed * 1000 + voters as u64);
    let mut driver = Driver::start(&bed, voters).unwrap();
    let mut steps = Vec::new();
    while steps.len() < count {
        let (act, machine) = drawn(&mut random, &driver, voters);
        let leader = driver.leader().map(|(leader, _)| leader);
        let running = driver.voters();
        // who leads knows best who is in sync, so a promotion is asked of the leader, as kubeadm's client comes to it in the end
        let asked = match act {
            Act::Add | Act::Remove if random.once_in(2) => random.pick(&running).copied(),
            Act::Add | Act::Remove | Act::Promote => leader.or_else(|| running.first().copied()),
            _ => None,
        };
        if asked.is_none() && matches!(act, Act::Add | Act::Remove | Act::Promote) {
            continue;
        }
        let step = driver.step(act, machine, asked).unwrap();
        println!("{voters}/{seed}: {step:?}");
        steps.push(step);
    }
    Case { seed, voters, steps }
}

fn drawn(random: &mut Random, driver: &Driver<'_>, voters: usize) -> (Act, usize) {
    loop {
        let act = match random.below(24) {
            0..4 => Act::Add,
            4..11 => Act::Start,
            11..14 => Act::Stop,
            14..18 => Act::Promote,
            18..22 => Act::Remove,
            22 => Act::Write,
            _ => Act::Lead,
        };
        let known = driver.machines.len();
        let machine = match act {
            Act::Add if known < voters + NEW && !random.once_in(4) => return (act, known),
            // a learner is what most is about
            Act::Start | Act::Stop | Act::Promote | Act::Remove if random.once_in(2) => {
                driver.members.iter().find(|member| member.is_learner).map_or(known, |member| member.machine)
            }
            _ => random.below(known),
        };
        let Some(about) = driver.machines.get(machine) else { continue };
        let is_member = driver.members.iter().any(|member| member.machine == machine);
        let is_voter = driver.members.iter().any(|member| member.machine == machine && !member.is_learner);
        let can = match act {
            Act::Add => is_member,
            // without a majority nobody can tell its name
            Act::Start => is_member && !about.runs && (driver.has_quorum() || has_name(driver, machine)),
            Act::Stop => about.runs,
            Act::Promote | Act::Remove => is_member || random.once_in(3),
            Act::Write => driver.has_quorum(),
            Act::Lead => driver.has_quorum() && about.runs && is_voter && driver.leader().is_some_and(|(leader, _)| leader != machine),
        };
        if can {
            return (act, machine);
        }
    }
}

fn has_name(driver: &Driver<'_>, machine: usize) -> bool {
    driver.members.iter().any(|member| member.machine == machine && member.has_name)
}
