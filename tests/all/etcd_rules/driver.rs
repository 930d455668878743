//! A real cluster to which things are done, one after the other; before each, it is waited until nothing moves any more.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Act, Listed, Step};
use crate::testbed::kubernetes::{Etcd, program};
use crate::testbed::{Bed, Result};

/// How long is waited until nothing moves.
const SETTLES_WITHIN: Duration = Duration::from_secs(120);
/// etcd takes no change before all voters have been connected for five seconds.
const CONNECTED: Duration = Duration::from_secs(7);
/// What is written at first, so that a step more or less is no tenth of all, and then by [`Act::Write`].
const KEYS: [usize; 2] = [250, 80];

/// A cluster, and what is known of its machines.
pub struct Driver<'bed> {
    etcd: Etcd<'bed>,
    pub machines: Vec<Machine>,
    /// As it was last seen.
    pub members: Vec<Listed>,
    started: Instant,
}

/// A machine that is or was a member.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    id: u64,
    pub runs: bool,
    pub is_removed: bool,
}

/// What a member says of itself.
struct Status {
    leader: u64,
    term: u64,
    index: u64,
    applied: u64,
}

fn number(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).or(value.as_u64()).unwrap_or(0)
}

/// etcd's version.
pub fn version() -> String {
    let said = Command::new(program("etcd").unwrap()).arg("--version").output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    said.lines().next().unwrap_or_default().trim_start_matches("etcd Version: ").to_owned()
}

impl<'bed> Driver<'bed> {
    /// A new cluster of so many voters.
    pub fn start(bed: &'bed Bed, voters: usize) -> Result<Self> {
        let etcd = Etcd::start(bed, voters)?;
        let mut driver = Driver { etcd, machines: Vec::new(), members: Vec::new(), started: Instant::now() };
        for _ in 0..voters {
            driver.machines.push(Machine { id: 0, runs: true, is_removed: false });
        }
        for machine in 0..voters {
            let said = driver.etcd.ask(machine, "/v3/maintenance/status", &json!({}))?.unwrap_or_default();
            driver.machines[machine].id = number(&said["header"]["member_id"]);
        }
        driver.write(0, KEYS[0])?;
        driver.settle()?;
        Ok(driver)
    }

    /// Does it, and waits until nothing moves.
    pub fn step(&mut self, act: Act, machine: usize, asked: Option<usize>) -> Result<Step> {
        let (leader, term) = self.leader().map_or((None, 0), |(leader, term)| (Some(leader), term));
        let answer = self.done(act, machine, asked)?;
        let is_led = self.settle()?;
        Ok(Step { term, leader, act, machine, asked, answer, members: self.members.clone(), is_led })
    }

    /// Does what was recorded, under the leader that was recorded; again, where etcd is still moving.
    pub fn again(&mut self, step: &Step) -> Result<Step> {
        let deadline = Instant::now() + SETTLES_WITHIN;
        while let (Some(wanted), Some((leader, _))) = (step.leader, self.leader())
            && wanted != leader
            && Instant::now() < deadline
        {
            self.done(Act::Lead, wanted, None)?;
            self.settle()?;
        }
        loop {
            let now = self.step(step.act, step.machine, step.asked)?;
            let is_moving = ["etcdserver: unhealthy cluster", "etcdserver: can only promote a learner member which is in sync with leader"];
            let is_early = now.answer != step.answer && is_moving.contains(&now.answer.as_str());
            if !is_early || Instant::now() > deadline {
                return Ok(now);
            }
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Who leads, and in which term.
    pub fn leader(&self) -> Option<(usize, u64)> {
        (0..self.machines.len()).find_map(|machine| {
            let status = self.status(machine)?;
            let at = self.machines.iter().position(|machine| machine.id == status.leader && machine.runs)?;
            (status.leader != 0).then_some((at, status.term))
        })
    }

    /// Voters that run.
    pub fn voters(&self) -> Vec<usize> {
        let voters = self.members.iter().filter(|member| !member.is_learner).map(|member| member.machine);
        voters.filter(|machine| self.machines[*machine].runs).collect()
    }

    pub fn has_quorum(&self) -> bool {
        self.voters().len() > self.members.iter().filter(|member| !member.is_learner).count() / 2
    }

    fn done(&mut self, act: Act, machine: usize, asked: Option<usize>) -> Result<String> {
        let asked = asked.or_else(|| self.leader().map(|(leader, _)| leader)).unwrap_or(0);
        if matches!(act, Act::Add | Act::Remove) {
            thread::sleep(CONNECTED.saturating_sub(self.started.elapsed()));
        }
        let id = self.machines.get(machine).map_or(0, |machine| machine.id).to_string();
        let answer = match act {
            Act::Add if machine == self.machines.len() => match self.etcd.propose_learner(asked)? {
                Ok(_) => {
                    let listed = self.etcd.ask(asked, "/v3/cluster/member/list", &json!({}))?.unwrap_or_default();
                    let url = self.etcd.peer_url(machine);
                    let members = listed["members"].as_array().into_iter().flatten();
                    let id = members.filter(|member| member["peerURLs"][0] == *url).map(|member| number(&member["ID"])).next();
                    self.machines.push(Machine { id: id.unwrap_or(0), runs: false, is_removed: false });
                    Ok(Value::Null)
                }
                Err(refused) => Err(refused),
            },
            Act::Add => {
                let question = json!({"peerURLs": [self.etcd.peer_url(machine)], "isLearner": true});
                self.etcd.ask(asked, "/v3/cluster/member/add", &question)?
            }
            // who looks for a leader to ask may do so for longer than anybody waits
            Act::Promote => {
                let question = json!({"ID": id});
                self.etcd.ask(asked, "/v3/cluster/member/promote", &question).unwrap_or_else(|_| Err("timed out".to_owned()))
            }
            Act::Remove => {
                let answer = self.etcd.ask(asked, "/v3/cluster/member/remove", &json!({"ID": id}))?;
                if answer.is_ok() {
                    self.etcd.let_end(machine);
                    (self.machines[machine].runs, self.machines[machine].is_removed) = (false, true);
                }
                answer
            }
            Act::Start => {
                self.etcd.launch(machine)?;
                self.machines[machine].runs = true;
                self.started = Instant::now();
                Ok(Value::Null)
            }
            Act::Stop => {
                self.etcd.kill(machine);
                self.machines[machine].runs = false;
                Ok(Value::Null)
            }
            Act::Write => {
                self.write(asked, KEYS[1])?;
                Ok(Value::Null)
            }
            Act::Lead => self.etcd.ask(asked, "/v3/maintenance/transfer-leadership", &json!({"targetID": id}))?,
        };
        Ok(match answer {
            Ok(_) => String::new(),
            Err(why) if ["timed out", "deadline exceeded", "no leader"].iter().any(|late| why.contains(late)) => "no answer".to_owned(),
            Err(why) => why,
        })
    }

    fn write(&self, asked: usize, keys: usize) -> Result<()> {
        for _ in 0..keys {
            // "key" and "value"
            let put = self.etcd.ask(asked, "/v3/kv/put", &json!({"key": "a2V5", "value": "dmFsdWU="}))?;
            assert!(put.is_ok(), "{put:?}");
        }
        Ok(())
    }

    /// What a member says of itself; nothing when it does not answer.
    fn status(&self, machine: usize) -> Option<Status> {
        if !self.machines[machine].runs {
            return None;
        }
        let said = self.etcd.ask(machine, "/v3/maintenance/status", &json!({})).ok()?.ok()?;
        let (leader, term) = (number(&said["leader"]), number(&said["raftTerm"]));
        Some(Status { leader, term, index: number(&said["raftIndex"]), applied: number(&said["raftAppliedIndex"]) })
    }

    /// The members, as the leader knows them, or any voter that runs.
    fn list(&self) -> Option<Vec<Listed>> {
        let leader = self.leader().map(|(leader, _)| leader);
        let asked = leader.or_else(|| self.voters().first().copied())?;
        let said = self.etcd.ask(asked, "/v3/cluster/member/list", &json!({})).ok()?.ok()?;
        let listed = said["members"].as_array().into_iter().flatten().map(|member| {
            let machine = self.machines.iter().position(|machine| machine.id == number(&member["ID"]));
            let has_name = member["name"].as_str().is_some_and(|name| !name.is_empty());
            Some(Listed { machine: machine?, has_name, is_learner: member["isLearner"].as_bool().unwrap_or(false) })
        });
        let mut listed: Vec<Listed> = listed.collect::<Option<_>>()?;
        listed.sort_by_key(|member| member.machine);
        Some(listed)
    }

    /// Waits until who runs has heard of all, or knows that there is no leader. Whether there is one.
    fn settle(&mut self) -> Result<bool> {
        let deadline = Instant::now() + SETTLES_WITHIN;
        // a connection that has just ended is noticed
        thread::sleep(Duration::from_millis(700));
        loop {
            if let Some(members) = self.list() {
                self.members = members;
            }
            let is_quiet = if self.has_quorum() { self.is_led() } else { self.is_without_leader() };
            if is_quiet || Instant::now() > deadline {
                assert!(is_quiet, "etcd is never quiet: {:?} {:?}", self.machines, self.members);
                return Ok(self.has_quorum());
            }
            thread::sleep(Duration::from_millis(300));
        }
    }

    fn running(&self) -> impl Iterator<Item = &Listed> {
        self.members.iter().filter(|member| self.machines[member.machine].runs)
    }

    fn is_led(&self) -> bool {
        let Some((leader, _)) = self.leader() else { return false };
        let (id, Some(led)) = (self.machines[leader].id, self.status(leader)) else { return false };
        self.running().all(|member| {
            member.has_name && self.status(member.machine).is_some_and(|status| status.leader == id && status.applied >= led.index)
        })
    }

    fn is_without_leader(&self) -> bool {
        // a learner remembers who led last
        let mut voters = self.running().filter(|member| !member.is_learner);
        voters.all(|member| self.status(member.machine).is_none_or(|status| status.leader == 0))
    }
}
