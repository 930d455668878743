//! etcd's rules for its members: drawn sequences of what is done to real clusters, and what etcd answered, in `tests/records/etcd`.
//! The simulated clusters of `cluster::membership::runs` are held against the records; here some are done again.

mod draw;
mod driver;

use std::fs;
use std::path::PathBuf;
use std::thread;

use serde::{Deserialize, Serialize};

use self::driver::Driver;
use crate::testbed::Bed;

/// What is done. `machine` of the step is who it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// A learner is added, with the address of that machine: a new one, or a member's.
    Add,
    /// Its etcd is started, the first time or again.
    Start,
    /// Its etcd is killed.
    Stop,
    /// Its member is made a voter.
    Promote,
    /// Its member is removed.
    Remove,
    /// So much is written that who is down has missed more than a tenth of all.
    Write,
    /// It is made the leader.
    Lead,
}

/// A step, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// raft's term before.
    pub term: u64,
    /// Who led before.
    pub leader: Option<usize>,
    pub act: Act,
    pub machine: usize,
    /// Who was asked.
    pub asked: Option<usize>,
    /// Empty where it was taken, else etcd's words; `no answer` after a time-out.
    pub answer: String,
    /// The members then, by their machines.
    pub members: Vec<Listed>,
    /// Whether there is a leader then.
    pub is_led: bool,
}

/// A member of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub machine: usize,
    /// It has told its name.
    pub has_name: bool,
    pub is_learner: bool,
}

/// A cluster, from its beginning.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    pub seed: u64,
    /// How many machines it begins with, all of them voters that run.
    pub voters: usize,
    pub steps: Vec<Step>,
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// etcd's version.
    etcd: String,
    cases: Vec<Case>,
}

/// How many of each size are recorded.
const RECORDED: [(usize, u64); 3] = [(1, 10), (3, 18), (5, 8)];
/// How many steps each has.
const STEPS: usize = 14;
/// How many clusters there are at a time.
const AT_ONCE: usize = 6;
/// How many steps of a case are done again by `make test`.
const AGAIN: usize = 7;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/records/etcd/members.json")
}

fn recorded(voters: usize) -> Vec<Case> {
    let record: Record = serde_json::from_str(&fs::read_to_string(path()).unwrap()).unwrap();
    record.cases.into_iter().filter(|case| case.voters == voters).collect()
}

/// The first case of that size that does not lean on who has led since a learner went down, which no test can hold still.
fn again(voters: usize) {
    let leans = |case: &Case| {
        let mut down = Vec::new();
        case.steps.iter().take(AGAIN).any(|step| {
            match step.act {
                Act::Stop => down.push(step.machine),
                Act::Start => down.retain(|machine| *machine != step.machine),
                _ => {}
            }
            step.act == Act::Promote && down.contains(&step.machine)
        })
    };
    let case = recorded(voters).into_iter().find(|case| !leans(case)).unwrap();
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let mut driver = Driver::start(&bed, voters).unwrap();
    for (number, step) in case.steps.iter().take(AGAIN).enumerate() {
        let now = driver.again(step).unwrap();
        let told = |step: &Step| (step.answer.clone(), step.members.clone(), step.is_led);
        assert_eq!(told(&now), told(step), "step {number}, {:?} {}, of the case with seed {}", step.act, step.machine, case.seed);
    }
}

#[test]
fn one_member_answers_as_recorded() {
    again(1);
}

#[test]
fn three_members_answer_as_recorded() {
    again(3);
}

#[test]
#[ignore = "records anew, in a quarter of an hour: `make oracle`"]
fn recorded_anew() {
    let mut wanted: Vec<(usize, u64)> = RECORDED.iter().flat_map(|(voters, count)| (0..*count).map(|seed| (*voters, seed))).collect();
    let mut record = Record { etcd: driver::version(), cases: Vec::new() };
    let mut failed = 0;
    fs::create_dir_all(path().parent().unwrap()).unwrap();
    while !wanted.is_empty() {
        let some = wanted.split_off(wanted.len().saturating_sub(AT_ONCE));
        let threads: Vec<_> = some.into_iter().map(|(voters, seed)| thread::spawn(move || draw::case(voters, seed, STEPS))).collect();
        for thread in threads {
            match thread.join() {
                Ok(case) => record.cases.push(case),
                Err(_) => failed += 1,
            }
        }
        record.cases.sort_by_key(|case| (case.voters, case.seed));
        fs::write(path(), written(&record)).unwrap();
    }
    assert_eq!(failed, 0, "some could not be recorded");
}

/// A line for each step.
fn written(record: &Record) -> String {
    let case = |case: &Case| {
        let steps: Vec<String> = case.steps.iter().map(|step| format!("      {}", serde_json::to_string(step).unwrap())).collect();
        let (voters, seed) = (case.voters, case.seed);
        format!("    {{\"seed\": {seed}, \"voters\": {voters}, \"steps\": [\n{}\n    ]}}", steps.join(",\n"))
    };
    let cases: Vec<String> = record.cases.iter().map(case).collect();
    format!("{{\n  \"etcd\": {:?},\n  \"cases\": [\n{}\n  ]\n}}\n", record.etcd, cases.join(",\n"))
}
