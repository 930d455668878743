//! A run: looks, decides, acts, looks again, until nothing is left to do or to wait for.

use std::collections::BTreeMap;

use super::etcd::Answer;
use super::kubeadm::Program;
use super::observe::{Confusion, asked, observe, wanted};
use super::story::Story;
use super::world::World;
use crate::cluster::membership::{Act, Action, For, InitPart, Kind, Memory, Refused, Role, Wanted, next};

/// How a run ended.
#[derive(Debug, Clone)]
pub(super) enum Ended {
    /// All is as it should be.
    Done,
    /// Some of it is refused.
    Refused(Vec<Refused>),
    /// The controller was killed.
    Killed,
    /// The person said no.
    Declined,
}

/// A run of that number.
pub(super) struct Run<'a> {
    pub(super) number: u32,
    pub(super) control_planes: usize,
    pub(super) confusion: Option<Confusion>,
    pub(super) story: &'a mut Story,
    /// What was done.
    pub(super) did: Vec<Action>,
}

/// How many rounds a run may take before something is wrong.
const ROUNDS: usize = 400;

/// An action that is being carried out.
struct Job {
    action: Action,
    stage: u8,
    waited: u32,
    token: u32,
}

impl Run<'_> {
    pub(super) fn go(&mut self, world: &mut World) -> Ended {
        let mut memory = Memory::default();
        let mut waited: BTreeMap<(String, For), u32> = BTreeMap::new();
        for _ in 0..ROUNDS {
            let wanted = wanted(world, self.control_planes);
            let evidence = observe(world, &wanted, self.number, self.confusion);
            super::super::recorded::note(&wanted, &evidence);
            let next = next(&wanted, &evidence, &memory);
            super::truth::judge(world, &wanted, &next.actions);
            if !next.actions.is_empty() {
                if self.story.declines() && next.actions.iter().any(|action| action.act.is_irreversible()) {
                    return Ended::Declined;
                }
                for action in &next.actions {
                    memory.tried(action);
                }
                self.did.extend(next.actions.iter().cloned());
                if !self.carry_out(world, &wanted, next.actions) {
                    return Ended::Killed;
                }
                continue;
            }
            if next.waits.is_empty() {
                return if next.refused.is_empty() { Ended::Done } else { Ended::Refused(next.refused) };
            }
            for waits in &next.waits {
                let so_far = waited.entry((waits.host.clone(), waits.what)).or_default();
                *so_far += 3;
                if *so_far > patience(waits.what) {
                    memory.waited_out(waits);
                }
            }
            for _ in 0..3 {
                if !self.passes(world) {
                    return Ended::Killed;
                }
            }
        }
        world.wrong.push(format!("a run does not end: {:?}", self.did.iter().rev().take(6).collect::<Vec<_>>()));
        Ended::Killed
    }

    /// One moment; whether the controller still lives.
    fn passes(&mut self, world: &mut World) -> bool {
        world.tick();
        self.story.tell(world)
    }

    /// All of them side by side; whether the controller still lives.
    fn carry_out(&mut self, world: &mut World, wanted: &Wanted, actions: Vec<Action>) -> bool {
        let mut jobs: Vec<Job> = actions.into_iter().map(|action| Job { action, stage: 0, waited: 0, token: 0 }).collect();
        while !jobs.is_empty() {
            self.renew(world);
            jobs.retain_mut(|job| {
                let is_over = self.advance(world, wanted, job).unwrap_or(true);
                !(is_over || self.story.loses_answer())
            });
            if !self.passes(world) {
                return false;
            }
        }
        true
    }

    /// The lease of this run, as long as it acts.
    fn renew(&self, world: &mut World) {
        let until = world.time + 12;
        if let Some(cluster) = self.through(world)
            && world.clusters[cluster].lease.is_none_or(|(holder, _)| holder == self.number)
        {
            world.clusters[cluster].lease = Some((self.number, until));
        }
    }

    /// The cluster whose API this run can ask.
    fn through(&self, world: &World) -> Option<usize> {
        let reached: Vec<usize> = world
            .hosts
            .iter()
            .take(self.control_planes)
            .copied()
            .filter(|at| world.machines[*at].is_up && world.machines[*at].ssh)
            .collect();
        asked(world, &reached)
    }

    fn api(&self, world: &World) -> Answer<usize> {
        self.through(world).ok_or("the API does not answer")
    }

    /// Goes on with one; whether it is over.
    fn advance(&self, world: &mut World, wanted: &Wanted, job: &mut Job) -> Answer<bool> {
        let index = wanted.hosts.iter().position(|host| host.name == job.action.host).unwrap();
        let at = world.hosts[index];
        let is_reached = world.machines[at].is_up && world.machines[at].ssh;
        let kind = job.action.act.kind();
        match &job.action.act {
            Act::Join(_) | Act::FinishJoin if job.stage == 0 => {
                let cluster = self.api(world)?;
                job.token = world.fresh();
                let until = world.time + 60;
                world.clusters[cluster].tokens.insert(job.token, until);
                if job.action.act == Act::Join(Role::ControlPlane) {
                    world.clusters[cluster].certificates = Some((job.token, until + 180));
                }
            }
            Act::Join(_) | Act::FinishJoin if job.stage == 1 && is_reached => world.machines[at].files.material = true,
            Act::Join(_) | Act::FinishJoin | Act::Init { .. } | Act::FinishInit(_) | Act::Reset { .. } if job.stage <= 2 => {
                if !is_reached {
                    return Err("unreachable");
                }
                let program = match &job.action.act {
                    Act::Join(role) => Program::Join { control_plane: *role == Role::ControlPlane, token: job.token, key: job.token },
                    Act::FinishJoin => Program::FinishJoin { token: job.token },
                    Act::Init { resumes } => Program::Init { resumes: *resumes },
                    Act::FinishInit(parts) => Program::FinishInit(parts.clone()),
                    Act::Reset { with_data } => Program::Reset { with_data: *with_data },
                    _ => return Err("no kubeadm"),
                };
                world.start(at, program, true);
                job.stage = 2;
            }
            // the unit goes on without us, and is waited for
            Act::Join(_) | Act::FinishJoin | Act::Init { .. } | Act::FinishInit(_) | Act::Reset { .. } if job.stage == 3 => {
                if world.machines[at].unit.is_some() || !is_reached {
                    job.waited += 1;
                    return if job.waited > 200 || !is_reached && job.waited > 40 { Err("it takes too long") } else { Ok(false) };
                }
                world.machines[at].ended.unwrap_or(Ok(()))?;
            }
            Act::Join(_) | Act::FinishJoin if job.stage == 4 && is_reached => {
                world.machines[at].files.material = false;
                let cluster = self.api(world)?;
                world.clusters[cluster].tokens.remove(&job.token);
                return Ok(true);
            }
            Act::Init { .. } | Act::FinishInit(_) | Act::Reset { .. } if job.stage == 4 => return Ok(true),
            _ if matches!(kind, Kind::Join | Kind::FinishJoin) => return Err("unreachable"),
            _ => {
                self.at_once(world, at, &job.action, is_reached)?;
                return Ok(true);
            }
        }
        job.stage += 1;
        Ok(false)
    }

    /// What takes no time.
    fn at_once(&self, world: &mut World, at: usize, action: &Action, is_reached: bool) -> Answer<()> {
        let node = world.machines[at].node.clone();
        match &action.act {
            Act::StartKubelet | Act::RestartKubelet | Act::RemoveMaterial | Act::WriteKubeVip(_) => {
                if !is_reached {
                    return Err("unreachable");
                }
                let is_made = self.through(world).is_some_and(|cluster| world.clusters[cluster].parts.len() == InitPart::ALL.len());
                let machine = &mut world.machines[at];
                match &action.act {
                    Act::RemoveMaterial => {
                        (machine.files.material, machine.files.init) = (false, machine.files.init && !is_made);
                        machine.files.bootstrap = machine.files.bootstrap.filter(|_| !machine.files.certificate);
                    }
                    Act::WriteKubeVip(rights) => machine.files.kube_vip = Some(*rights),
                    _ => (machine.kubelet, machine.has_registered) = (true, false),
                }
            }
            Act::ApproveCsr(_) => {
                let cluster = self.api(world)?;
                world.clusters[cluster].csrs.get_mut(&node).ok_or("not found")?.is_approved = true;
            }
            Act::RemoveMember { id, .. } => {
                let cluster = self.api(world)?;
                let had_quorum = world.has_quorum(cluster);
                super::truth::removes(world, cluster, *id);
                world.remove_member(cluster, *id)?;
                if had_quorum && !world.has_quorum(cluster) {
                    world.wrong.push(format!("without {id:x} there is no majority"));
                }
            }
            Act::DeleteNode { uid } => {
                let cluster = self.api(world)?;
                if world.clusters[cluster].nodes.get(&node).is_some_and(|node| node.uid.to_string() == *uid) {
                    world.clusters[cluster].nodes.remove(&node);
                }
            }
            Act::Mark(marks) => {
                let cluster = self.api(world)?;
                let node = world.clusters[cluster].nodes.get_mut(&node).ok_or("not found")?;
                node.marks.labels.extend(marks.labels.clone());
            }
            Act::Revoke(tokens) => {
                let cluster = self.api(world)?;
                let kept = &mut world.clusters[cluster];
                kept.tokens.retain(|token, _| !tokens.contains(&token.to_string()));
                kept.certificates = None;
            }
            Act::Init { .. } | Act::FinishInit(_) | Act::Join(_) | Act::FinishJoin | Act::Reset { .. } => {}
        }
        Ok(())
    }
}

/// How many moments that is waited for.
fn patience(what: For) -> u32 {
    match what {
        For::Expulsion => 2,
        For::Registration => 6,
        For::Certificate | For::Gone => 12,
        For::Probe | For::Api | For::Node | For::Ready | For::Health => 30,
        For::Unit | For::Lease => 240,
    }
}
