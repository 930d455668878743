//! The simulated etcd held against real ones: what was done to those, and what they answered, is in `tests/records/etcd`.

use serde::Deserialize;

use super::live;
use super::world::{Files, World};
use crate::node::simulated::Random;

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records/etcd/members.json");

/// Moments after which nothing moves any more: a learner is in sync, another one leads.
const SETTLED: usize = 8;

#[derive(Deserialize)]
struct Record {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    seed: u64,
    voters: usize,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Act {
    Add,
    Start,
    Stop,
    Promote,
    Remove,
    Write,
    Lead,
}

#[derive(Deserialize)]
struct Step {
    term: u64,
    leader: Option<usize>,
    act: Act,
    machine: usize,
    answer: String,
    members: Vec<Listed>,
    is_led: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Listed {
    machine: usize,
    has_name: bool,
    is_learner: bool,
}

/// A simulated cluster, to which the same is done.
struct Model {
    world: World,
    /// The member that each machine is or was.
    ids: Vec<u64>,
    term: u64,
}

impl Model {
    fn new(voters: usize) -> Self {
        let names: Vec<String> = (0..voters).map(|number| format!("cp{number}")).collect();
        let mut world = World::new(Random::new(0), &names);
        live(&mut world, voters, voters);
        let ids = world.clusters[0].members.iter().map(|member| member.id).collect();
        let mut model = Self { world, ids, term: 0 };
        model.settle();
        model
    }

    fn settle(&mut self) {
        for _ in 0..SETTLED {
            self.world.tick();
        }
    }

    fn act(&mut self, step: &Step) -> String {
        // who is elected is chance
        if step.term != self.term
            && let Some(leader) = step.leader
        {
            self.world.elected(0, self.ids[leader]);
            self.term = step.term;
        }
        let at = step.machine;
        let answer = match step.act {
            Act::Add => self.add(at),
            Act::Promote => self.world.promote(0, self.world.machines[at].address),
            Act::Remove => self.world.remove_member(0, self.ids[at]),
            Act::Start => {
                self.start(at);
                Ok(())
            }
            Act::Stop => {
                self.world.power_off(at);
                Ok(())
            }
            Act::Write => {
                self.world.falls_behind(0);
                Ok(())
            }
            Act::Lead => {
                self.world.elected(0, self.ids[at]);
                Ok(())
            }
        };
        self.settle();
        answer.err().unwrap_or_default().to_owned()
    }

    fn add(&mut self, at: usize) -> super::etcd::Answer<()> {
        if at == self.world.machines.len() {
            self.world.blank(&format!("cp{at}"), None);
        }
        let address = self.world.machines[at].address;
        self.world.add_learner(0, address)?;
        let added = self.world.clusters[0].members.last().map_or(0, |member| member.id);
        self.ids.push(added);
        Ok(())
    }

    /// With the files that a control plane has by then.
    fn start(&mut self, at: usize) {
        let machine = &mut self.world.machines[at];
        if machine.files == Files::default() {
            let conf = Some((super::CA, machine.node.clone()));
            machine.files = Files {
                ca: Some(super::CA),
                kubelet_conf: conf,
                certificate: true,
                kubelet_config: true,
                etcd: Some(true),
                ..Files::default()
            };
        }
        self.world.power_on(at);
    }

    fn listed(&self) -> Vec<Listed> {
        let members = self.world.clusters[0].members.iter().map(|member| Listed {
            machine: self.world.machines.iter().position(|machine| machine.address == member.address).unwrap_or(usize::MAX),
            has_name: !member.name.is_empty(),
            is_learner: member.learner,
        });
        let mut members: Vec<Listed> = members.collect();
        members.sort_by_key(|member| member.machine);
        members
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures")]
fn the_simulated_etcd_answers_as_real_ones_did() {
    let record: Record = serde_json::from_str(&std::fs::read_to_string(RECORD).unwrap()).unwrap();
    let mut answers = std::collections::BTreeMap::<String, usize>::new();
    let mut wrong = Vec::new();
    for case in &record.cases {
        let mut model = Model::new(case.voters);
        for (number, step) in case.steps.iter().enumerate() {
            let answer = model.act(step);
            let (members, is_led) = (model.listed(), model.world.has_quorum(0));
            *answers.entry(format!("{:?}: {}", step.act, if answer.is_empty() { "taken" } else { &answer })).or_default() += 1;
            if (&answer, &members, is_led) != (&step.answer, &step.members, step.is_led) {
                let told = format!("{:?} {} is answered {answer:?}, then {members:?}, led {is_led}", step.act, step.machine);
                let real = format!("{:?}, {:?}, {}", step.answer, step.members, step.is_led);
                wrong.push(format!("{} voters, seed {}, step {number}: {told}\n   real: {real}", case.voters, case.seed));
                break;
            }
        }
    }
    for (answer, count) in &answers {
        println!("{count:>6} {answer}");
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), record.cases.len(), wrong.join("\n"));
    // each of etcd's answers came
    for why in [
        "Add: taken",
        "Add: etcdserver: unhealthy cluster",
        "Add: etcdserver: too many learner members in cluster",
        "Add: etcdserver: Peer URLs already exists",
        "Promote: taken",
        "Promote: etcdserver: can only promote a learner member which is in sync with leader",
        "Promote: etcdserver: can only promote a learner member",
        "Promote: etcdserver: member not found",
        "Remove: taken",
        "Remove: etcdserver: unhealthy cluster",
        "Remove: etcdserver: re-configuration failed due to not enough started members",
        "Remove: etcdserver: member not found",
        "Remove: no answer",
        "Promote: no answer",
    ] {
        assert!(answers.contains_key(why), "{why} never came");
    }
}
