//! kubeadm's programs as sequences of steps, each of which leaves what the real one leaves.

use super::etcd::{KNOWN_ADDRESS, NOT_A_LEARNER};
use super::world::{Files, World};
use crate::cluster::membership::{CONTROL_PLANE, InitPart};

/// A kubeadm that runs on a machine.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) program: Program,
    /// Its next step.
    pub(super) at: u8,
    /// How long it has waited there.
    pub(super) waited: u32,
    /// Whether it is a unit of ours, which the probe sees.
    pub(super) is_ours: bool,
}

/// Which, and with what.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Program {
    Init { resumes: bool },
    FinishInit(Vec<InitPart>),
    Join { control_plane: bool, token: u32, key: u32 },
    FinishJoin { token: u32 },
    Reset { with_data: bool },
}

enum Step {
    Next,
    Wait,
    Done,
    Fail(&'static str),
}

/// How long a step of a program waits at most.
const PATIENCE: u32 = 24;

impl World {
    pub(super) fn start(&mut self, at: usize, program: Program, is_ours: bool) {
        self.machines[at].ended = None;
        self.machines[at].unit = Some(Unit { program, at: 0, waited: 0, is_ours });
    }

    /// The kubeadm on that machine goes on by one step.
    pub(super) fn step_unit(&mut self, at: usize) {
        let Some(unit) = self.machines[at].unit.clone() else { return };
        let step = match &unit.program {
            Program::Init { resumes } => self.init(at, unit.at, *resumes),
            Program::FinishInit(parts) => self.finish_init_of_ours(at, unit.at, parts),
            Program::Join { control_plane: true, token, key } => self.join_control_plane(at, unit.at, *token, *key),
            Program::Join { control_plane: false, token, .. } => self.join_worker(at, unit.at, *token),
            Program::FinishJoin { token } => self.finish_join(at, unit.at, *token),
            Program::Reset { with_data } => self.reset(at, unit.at, *with_data),
        };
        let machine = &mut self.machines[at];
        let Some(unit) = machine.unit.as_mut() else { return };
        match step {
            Step::Next => (unit.at, unit.waited) = (unit.at + 1, 0),
            Step::Wait if unit.waited < PATIENCE => unit.waited += 1,
            Step::Wait => (machine.unit, machine.ended) = (None, Some(Err("a time-out"))),
            Step::Done => (machine.unit, machine.ended) = (None, Some(Ok(()))),
            Step::Fail(why) => (machine.unit, machine.ended) = (None, Some(Err(why))),
        }
    }

    fn files(&mut self, at: usize) -> &mut Files {
        &mut self.machines[at].files
    }

    fn start_kubelet(&mut self, at: usize) {
        self.machines[at].kubelet = true;
        self.machines[at].has_registered = false;
    }

    fn init(&mut self, at: usize, step: u8, resumes: bool) -> Step {
        let node = self.machines[at].node.clone();
        match step {
            0 => {
                self.files(at).init = true;
                let files = &self.machines[at].files;
                let is_in_the_way = files.control_plane || files.etcd.is_some() || files.data.is_some() || files.kubelet_conf.is_some();
                if self.machines[at].stranger || is_in_the_way && !resumes { Step::Fail("preflight") } else { Step::Next }
            }
            1 => {
                let ca = self.machines[at].files.ca.unwrap_or_else(|| 1000 + self.fresh());
                self.files(at).ca = Some(ca);
                Step::Next
            }
            2 => {
                let files = self.files(at);
                files.kubelet_conf = files.ca.map(|ca| (ca, node));
                (files.admin, files.super_admin, files.certificate) = (true, true, true);
                Step::Next
            }
            3 => {
                self.files(at).etcd = Some(false);
                Step::Next
            }
            4 => {
                self.files(at).control_plane = true;
                Step::Next
            }
            5 => {
                self.files(at).kubelet_config = true;
                self.start_kubelet(at);
                Step::Next
            }
            6 if self.endpoint().is_none() || self.endpoint() != self.serves(at) => Step::Wait,
            6 => Step::Next,
            _ => self.finish_init(at, step - 7, &InitPart::ALL),
        }
    }

    fn finish_init_of_ours(&mut self, at: usize, step: u8, parts: &[InitPart]) -> Step {
        self.files(at).init |= parts.iter().any(|part| part.is_addon());
        // rights alone are no end of it
        let init = self.files(at).init && *parts == [InitPart::AdminBinding];
        let step = self.finish_init(at, step, parts);
        self.files(at).init |= init;
        step
    }

    fn finish_init(&mut self, at: usize, step: u8, parts: &[InitPart]) -> Step {
        let Some(cluster) = self.serves(at) else { return Step::Wait };
        let has_rights = self.machines[at].files.super_admin || self.clusters[cluster].parts.contains(&InitPart::AdminBinding);
        if !has_rights {
            return Step::Fail("forbidden");
        }
        match parts.get(usize::from(step)) {
            Some(part) => {
                self.clusters[cluster].parts.insert(*part);
                Step::Next
            }
            None => {
                self.files(at).init = false;
                Step::Done
            }
        }
    }

    /// The cluster behind the endpoint, if a token opens it.
    fn discovered(&self, token: u32) -> Option<usize> {
        let cluster = self.endpoint()?;
        let kept = &self.clusters[cluster];
        (kept.parts.contains(&InitPart::ClusterInfo) && kept.tokens.get(&token).is_some_and(|end| *end > self.time)).then_some(cluster)
    }

    fn join_preflight(&self, at: usize, token: u32) -> Step {
        let (machine, files) = (&self.machines[at], &self.machines[at].files);
        let has_manifests = files.control_plane || files.etcd.is_some();
        if machine.stranger
            || has_manifests
            || files.data.is_some()
            || files.kubelet_conf.is_some()
            || files.bootstrap.is_some()
            || files.ca.is_some()
        {
            return Step::Fail("preflight");
        }
        match self.discovered(token) {
            None => Step::Fail("could not find a JWS signature in the cluster-info ConfigMap"),
            Some(cluster) if self.clusters[cluster].nodes.get(&machine.node).is_some_and(|node| node.is_ready) => {
                Step::Fail("a Node with that name is ready")
            }
            Some(_) => Step::Next,
        }
    }

    fn join_worker(&mut self, at: usize, step: u8, token: u32) -> Step {
        match step {
            0 => self.join_preflight(at, token),
            1 => {
                let Some(cluster) = self.discovered(token) else { return Step::Fail("discovery") };
                let ca = self.clusters[cluster].ca;
                self.files(at).bootstrap = Some((ca, token));
                self.files(at).ca = Some(ca);
                Step::Next
            }
            2 => {
                self.files(at).kubelet_config = true;
                self.start_kubelet(at);
                Step::Next
            }
            3 if !self.machines[at].files.certificate => Step::Wait,
            3 => self.bootstrapped(at),
            _ => Step::Done,
        }
    }

    /// It is kubeadm that takes the token away, not the kubelet.
    fn bootstrapped(&mut self, at: usize) -> Step {
        self.files(at).bootstrap = None;
        Step::Next
    }

    fn join_control_plane(&mut self, at: usize, step: u8, token: u32, key: u32) -> Step {
        let address = self.machines[at].address;
        let of = |world: &Self| {
            let machine = &world.machines[at];
            world.endpoint().filter(|cluster| machine.net && Some(world.clusters[*cluster].ca) == machine.files.ca)
        };
        match step {
            0 => self.join_preflight(at, token),
            1 => {
                let Some(cluster) = self.discovered(token) else { return Step::Fail("discovery") };
                if self.clusters[cluster].certificates.is_none_or(|(held, _)| held != key) {
                    return Step::Fail("Secret kubeadm-certs was not found");
                }
                let ca = self.clusters[cluster].ca;
                self.files(at).ca = Some(ca);
                Step::Next
            }
            2 => {
                self.files(at).admin = true;
                Step::Next
            }
            3 => {
                self.files(at).control_plane = true;
                Step::Next
            }
            4 => match of(self) {
                // check-etcd
                Some(cluster) if self.clusters[cluster].members.iter().all(|member| self.alive(cluster, member.id).is_some()) => Step::Next,
                _ => Step::Wait,
            },
            5 => {
                self.files(at).bootstrap = self.machines[at].files.ca.map(|ca| (ca, token));
                self.files(at).kubelet_config = true;
                self.start_kubelet(at);
                Step::Next
            }
            6 => match of(self) {
                None => Step::Wait,
                Some(cluster) => match self.add_learner(cluster, address) {
                    // kubeadm goes on with one of an earlier try
                    Ok(()) | Err(KNOWN_ADDRESS) => Step::Next,
                    Err(_) => Step::Wait,
                },
            },
            7 => {
                self.files(at).etcd = Some(true);
                Step::Next
            }
            8 => match of(self).map(|cluster| self.promote(cluster, address)) {
                // kubeadm looks first whether it is a voter already
                Some(Ok(()) | Err(NOT_A_LEARNER)) => Step::Next,
                _ => Step::Wait,
            },
            9 if !self.machines[at].files.certificate => Step::Wait,
            9 => self.bootstrapped(at),
            10 => self.mark_control_plane(at),
            _ => Step::Done,
        }
    }

    fn mark_control_plane(&mut self, at: usize) -> Step {
        let node = self.machines[at].node.clone();
        let Some(cluster) = self.serves(at) else { return Step::Wait };
        match self.clusters[cluster].nodes.get_mut(&node) {
            None => Step::Wait,
            Some(node) => {
                node.marks.labels.insert(CONTROL_PLANE.to_owned(), String::new());
                Step::Next
            }
        }
    }

    fn finish_join(&mut self, at: usize, step: u8, token: u32) -> Step {
        match step {
            0 => {
                let Some(ca) = self.machines[at].files.ca else { return Step::Fail("no certificates") };
                self.files(at).bootstrap = Some((ca, token));
                Step::Next
            }
            1 => {
                self.start_kubelet(at);
                Step::Next
            }
            2 if !self.machines[at].files.certificate => Step::Wait,
            2 => self.bootstrapped(at),
            _ => Step::Done,
        }
    }

    /// In kubeadm's order, and then what our own step does; etcd's members are left alone.
    fn reset(&mut self, at: usize, step: u8, with_data: bool) -> Step {
        match step {
            0 => {
                let files = self.files(at);
                files.reset = files.reset.or(files.ca.filter(|_| with_data && files.data.is_some()));
            }
            1 => {
                let machine = &mut self.machines[at];
                (machine.kubelet, machine.pods, machine.has_registered) = (false, false, false);
            }
            2 => self.files(at).kubelet_config = false,
            3 => {
                let files = self.files(at);
                (files.etcd, files.control_plane, files.kube_vip) = (None, false, None);
            }
            4 => self.files(at).ca = None,
            5 => {
                let files = self.files(at);
                (files.kubelet_conf, files.bootstrap, files.certificate) = (None, None, false);
                files.admin = false;
            }
            // what is where nobody looks is in nobody's way
            6 if with_data || self.machines[at].data_elsewhere => self.wipe_data(at),
            6 => {}
            7 => {
                let files = self.files(at);
                (files.super_admin, files.init) = (false, false);
            }
            _ => return Step::Done,
        }
        Step::Next
    }

    /// What is on a machine is wiped: never a voter's data, never another cluster's.
    fn wipe_data(&mut self, at: usize) {
        let machine = &self.machines[at];
        if machine.is_foreign {
            self.wrong.push(format!("machine {at}, another cluster's, is reset"));
        }
        // the mark is in the data
        self.machines[at].files.reset = None;
        if let Some((cluster, id)) = self.machines[at].files.data.take()
            && self.clusters[cluster].members.iter().any(|member| member.id == id && !member.learner)
        {
            self.wrong.push(format!("the data of the voter {id} on machine {at} is wiped"));
        }
    }
}
