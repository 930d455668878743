//! What befalls a world, and when it ends.

use super::kubeadm::Program;
use super::world::{Blind, Files, World};
use crate::node::simulated::Random;

/// What befalls a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    PowerCut,
    ConnectionCut,
    NetworkCut,
    Killed,
    LostAnswer,
    KubeadmDies,
    Replaced,
    Twin,
    NodeDeleted,
    KubeletStopped,
    ResetByHand,
    EtcRemoved,
    MemberRemoved,
    SomeoneJoins,
    ProbeFails,
    ApiSilent,
    ApiTlsError,
    ListFails,
    HealthUnknown,
    Usurper,
    NobodyApproves,
    TokensExpire,
    Declined,
    ApiServerCrashes,
    Stranger,
    OutsiderDown,
}

impl Trouble {
    /// Each with how often it comes.
    pub(super) const ALL: [(Self, usize, &str); 26] = [
        (Self::PowerCut, 5, "a machine loses its power for a while"),
        (Self::ConnectionCut, 4, "a machine is not reached for a while"),
        (Self::NetworkCut, 3, "nobody reaches a machine for a while"),
        (Self::Killed, 5, "the controller is killed"),
        (Self::LostAnswer, 3, "an answer is lost"),
        (Self::KubeadmDies, 9, "kubeadm is killed"),
        (Self::Replaced, 4, "a machine is replaced by a blank one of the same name and address"),
        (Self::Twin, 1, "the inventory leads to a blank machine, and the old one lives on"),
        (Self::NodeDeleted, 2, "a Node is deleted from the API"),
        (Self::KubeletStopped, 2, "a kubelet is stopped by hand"),
        (Self::ResetByHand, 2, "a machine is reset by hand, its member stays"),
        (Self::EtcRemoved, 1, "/etc/kubernetes is removed by hand"),
        (Self::MemberRemoved, 2, "a member is removed by hand"),
        (Self::SomeoneJoins, 6, "another run joins a machine, under its lease"),
        (Self::ProbeFails, 4, "a probe on a machine fails for a while"),
        (Self::ApiSilent, 2, "the API is silent to us for a while"),
        (Self::ApiTlsError, 2, "the API gives a TLS error for a while"),
        (Self::ListFails, 3, "a list of the API or of etcd fails for a while"),
        (Self::HealthUnknown, 2, "nobody knows whether a member answers for a while"),
        (Self::Usurper, 1, "another cluster has our endpoint for a while"),
        (Self::NobodyApproves, 2, "nobody approves certificate requests for a while"),
        (Self::TokensExpire, 2, "all tokens end"),
        (Self::Declined, 1, "the person says no"),
        (Self::ApiServerCrashes, 2, "an API server crashes for a while"),
        (Self::OutsiderDown, 5, "a control plane outside the inventory loses its power for a while"),
        (Self::Stranger, 3, "somebody else listens on 6443 for a while"),
    ];

    /// Whether it takes away data or files that nobody can bring back.
    pub(super) fn destroys(self) -> bool {
        matches!(self, Self::Replaced | Self::Twin | Self::ResetByHand | Self::EtcRemoved | Self::MemberRemoved)
    }

    pub(super) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(trouble, ..)| *trouble == self).map_or("", |(.., word)| word)
    }

    fn draw(random: &mut Random) -> Self {
        let mut at = random.below(Self::ALL.iter().map(|(_, times, _)| times).sum());
        for (trouble, times, _) in Self::ALL {
            if at < times {
                return trouble;
            }
            at -= times;
        }
        Self::PowerCut
    }
}

/// The end of something that lasts.
#[derive(Debug, Clone, Copy)]
enum End {
    Power(usize),
    Connection(usize),
    Network(usize),
    Sight(Blind),
    Usurper,
    Approval,
    Crashes(usize),
    Stranger(usize),
}

/// What befalls a world, in order.
#[derive(Debug, Default)]
pub(super) struct Story {
    to_come: Vec<(u32, Trouble, usize, u32)>,
    ends: Vec<(u32, End)>,
    /// What strikes after so many moments in which a kubeadm runs, on its machine; dropped after that moment.
    armed: Vec<(u32, Trouble, u32, u32)>,
    /// Another run wants to join a host, until that moment.
    wants: Vec<(usize, u32)>,
    /// The machine that another run joins, and its token.
    someone: Option<(usize, u32, usize)>,
    loses: bool,
    declines: bool,
    /// What has come.
    pub(super) told: Vec<Trouble>,
}

impl Story {
    /// So many troubles within so many moments, each upon a host.
    pub(super) fn draw(random: &mut Random, count: usize, within: usize, hosts: usize) -> Self {
        let mut to_come: Vec<(u32, Trouble, usize, u32)> = (0..count)
            .map(|_| {
                let (when, lasts) = (random.below(within), 1 + random.below(70));
                (u32::try_from(when).unwrap(), Trouble::draw(random), random.below(hosts), u32::try_from(lasts).unwrap())
            })
            .collect();
        // troubles seldom come alone: another one upon the same host, at about the same time
        for index in 0..to_come.len() {
            let (when, _, host, lasts) = to_come[index];
            if random.once_in(3) {
                let soon = u32::try_from(random.below(8)).unwrap();
                to_come.push((when + soon, Trouble::draw(random), host, lasts));
            }
        }
        to_come.sort_by_key(|(when, ..)| std::cmp::Reverse(*when));
        Self { to_come, ..Self::default() }
    }

    pub(super) fn is_over(&self) -> bool {
        self.to_come.is_empty() && self.ends.is_empty() && self.armed.is_empty() && self.wants.is_empty() && self.someone.is_none()
    }

    /// An answer is lost now, once.
    pub(super) fn loses_answer(&mut self) -> bool {
        std::mem::take(&mut self.loses)
    }

    /// The person says no now, once.
    pub(super) fn declines(&mut self) -> bool {
        std::mem::take(&mut self.declines)
    }

    /// What comes and ends at this moment; whether the controller lives through it.
    pub(super) fn tell(&mut self, world: &mut World) -> bool {
        let mut lives = true;
        while let Some((_, trouble, host, lasts)) = self.to_come.pop_if(|(when, ..)| *when <= world.time) {
            if self.befalls(world, trouble, host, lasts) {
                self.told.push(trouble);
                lives &= trouble != Trouble::Killed;
            }
        }
        lives &= self.strikes(world);
        let now = world.time;
        self.wants.retain(|(_, until)| *until > now);
        if let Some((host, _)) = self.wants.first().copied()
            && self.someone_comes(world, host)
        {
            self.told.push(Trouble::SomeoneJoins);
            self.wants.remove(0);
        }
        for (_, end) in self.ends.extract_if(.., |(when, _)| *when <= now) {
            ended(world, end);
        }
        self.someone_joins(world);
        lives
    }

    /// What waits for a kubeadm to run strikes; whether the controller lives through it.
    fn strikes(&mut self, world: &mut World) -> bool {
        let running = (0..world.machines.len()).filter(|at| world.machines[*at].unit.is_some());
        let running: Vec<usize> = running.collect();
        let now = world.time;
        self.armed.retain(|(.., until)| *until > now);
        let (Some(at), false) = (world.random.pick(&running).copied(), self.armed.is_empty()) else { return true };
        let (mut lives, mut struck) = (true, Vec::new());
        self.armed.retain_mut(|(left, trouble, lasts, _)| {
            *left = left.saturating_sub(1);
            if *left == 0 {
                struck.push((*trouble, *lasts));
            }
            *left > 0
        });
        for (trouble, lasts) in struck {
            let until = now + lasts;
            match trouble {
                Trouble::KubeadmDies => {
                    (world.machines[at].unit, world.machines[at].ended) = (None, Some(Err("killed")));
                    // what it was given goes away with it, most often
                    world.machines[at].files.material &= world.random.once_in(3);
                }
                Trouble::PowerCut => {
                    world.power_off(at);
                    self.ends.push((until, End::Power(at)));
                }
                Trouble::ConnectionCut => {
                    world.machines[at].ssh = false;
                    self.ends.push((until, End::Connection(at)));
                }
                _ => lives = false,
            }
            self.told.push(trouble);
        }
        lives
    }

    /// Whether it could.
    fn befalls(&mut self, world: &mut World, trouble: Trouble, host: usize, lasts: u32) -> bool {
        let at = world.hosts[host];
        let until = world.time + lasts;
        // most of these come upon a kubeadm that runs
        let strikes = matches!(trouble, Trouble::PowerCut | Trouble::ConnectionCut | Trouble::Killed) && !world.random.once_in(3);
        if strikes || trouble == Trouble::KubeadmDies {
            let after = 1 + u32::try_from(world.random.below(20)).unwrap();
            self.armed.push((after, trouble, lasts, world.time + 120));
            return false;
        }
        let mut lasting = |end: End| self.ends.push((until, end));
        match trouble {
            Trouble::PowerCut if world.machines[at].is_up => {
                world.power_off(at);
                lasting(End::Power(at));
            }
            Trouble::ConnectionCut if world.machines[at].ssh => {
                world.machines[at].ssh = false;
                lasting(End::Connection(at));
            }
            Trouble::NetworkCut if world.machines[at].net && world.machines[at].ssh => {
                (world.machines[at].net, world.machines[at].ssh) = (false, false);
                lasting(End::Network(at));
            }
            Trouble::Replaced if !world.machines[at].is_foreign => {
                let (node, address) = (world.machines[at].node.clone(), world.machines[at].address);
                scrap(world, at);
                world.hosts[host] = world.blank(&node, Some(address));
            }
            Trouble::Twin if !world.machines[at].is_foreign && world.machines[at].files.kubelet_conf.is_some() => {
                let node = world.machines[at].node.clone();
                world.hosts[host] = world.blank(&node, None);
                if world.random.once_in(3) {
                    world.power_off(at);
                }
            }
            Trouble::NodeDeleted => {
                let node = world.machines[at].node.clone();
                return world.clusters.iter_mut().filter(|cluster| cluster.is_ours).any(|cluster| cluster.nodes.remove(&node).is_some());
            }
            Trouble::KubeletStopped if world.machines[at].kubelet => world.machines[at].kubelet = false,
            Trouble::ResetByHand if !world.machines[at].is_foreign && world.machines[at].files != Files::default() => {
                world.machines[at].files = Files::default();
                let machine = &mut world.machines[at];
                (machine.kubelet, machine.pods, machine.has_registered) = (false, false, false);
                machine.unit = None;
            }
            Trouble::EtcRemoved
                if world.machines[at].files.ca.is_some() && !world.machines[at].is_foreign && !world.machines[at].data_elsewhere =>
            {
                let files = &mut world.machines[at].files;
                *files = Files { data: files.data, reset: files.reset, kubelet_config: files.kubelet_config, ..Files::default() };
            }
            Trouble::MemberRemoved => {
                let Some((cluster, id)) = world.machines[at].files.data else { return false };
                return world.remove_member(cluster, id).is_ok();
            }
            Trouble::SomeoneJoins => {
                self.wants.push((host, world.time + 150));
                return false;
            }
            Trouble::ProbeFails => {
                let item = u8::try_from(world.random.below(15)).unwrap();
                let blind = Blind::Item(at, item);
                world.blind.insert(blind);
                lasting(End::Sight(blind));
            }
            Trouble::ApiSilent | Trouble::ApiTlsError | Trouble::ListFails | Trouble::HealthUnknown => {
                let blind = match trouble {
                    Trouble::ApiSilent => Blind::ApiSilent,
                    Trouble::ApiTlsError => Blind::ApiTls,
                    Trouble::HealthUnknown => Blind::Health(at),
                    _ => Blind::List(u8::try_from(world.random.below(7)).unwrap()),
                };
                world.blind.insert(blind);
                lasting(End::Sight(blind));
            }
            Trouble::Usurper => {
                world.usurper = true;
                lasting(End::Usurper);
            }
            Trouble::NobodyApproves => {
                world.no_approval = true;
                lasting(End::Approval);
            }
            Trouble::TokensExpire => {
                world.clusters.iter_mut().for_each(|cluster| cluster.tokens.clear());
            }
            Trouble::ApiServerCrashes if world.machines[at].files.control_plane => {
                world.machines[at].api_crashes = true;
                lasting(End::Crashes(at));
            }
            Trouble::Stranger if !world.machines[at].files.control_plane => {
                world.machines[at].stranger = true;
                lasting(End::Stranger(at));
            }
            Trouble::OutsiderDown => {
                let outsider = world.machines.iter().position(|machine| machine.is_up && machine.node == super::OUTSIDER);
                let Some(at) = outsider else { return false };
                world.power_off(at);
                lasting(End::Power(at));
            }
            Trouble::LostAnswer => self.loses = true,
            Trouble::Declined => self.declines = true,
            Trouble::Killed => {}
            _ => return false,
        }
        true
    }

    /// Another run begins to join that host, if that can be.
    fn someone_comes(&mut self, world: &mut World, host: usize) -> bool {
        let (at, Some(cluster)) = (world.hosts[host], world.endpoint()) else { return false };
        let machine = &world.machines[at];
        let is_idle = machine.files == Files::default() && machine.unit.is_none() && machine.is_up;
        // two runs never hold a machine's or the cluster's lock at once
        if !is_idle || self.someone.is_some() || world.clusters[cluster].lease.is_some() || !machine.node.starts_with("cp") {
            return false;
        }
        let (holder, token, until) = (10_000 + world.fresh(), world.fresh(), world.time + 400);
        let kept = &mut world.clusters[cluster];
        kept.lease = Some((holder, until));
        kept.tokens.insert(token, until);
        kept.certificates = Some((token, until));
        world.start(at, Program::Join { control_plane: true, token, key: token }, false);
        self.someone = Some((at, token, cluster));
        true
    }

    fn someone_joins(&mut self, world: &mut World) {
        let Some((at, token, cluster)) = self.someone else { return };
        if world.machines[at].unit.as_ref().is_none_or(|unit| unit.is_ours) {
            world.clusters[cluster].lease = None;
            world.clusters[cluster].tokens.remove(&token);
            self.someone = None;
        }
    }
}

/// A machine is gone for good.
fn scrap(world: &mut World, at: usize) {
    world.power_off(at);
    world.machines[at].files = Files::default();
    world.machines[at].node = String::from("(gone)");
    world.machines[at].kubelet = false;
}

fn ended(world: &mut World, end: End) {
    match end {
        End::Power(at) => world.power_on(at),
        End::Connection(at) => world.machines[at].ssh = true,
        End::Network(at) => (world.machines[at].net, world.machines[at].ssh) = (true, true),
        End::Sight(blind) => _ = world.blind.remove(&blind),
        End::Usurper => world.usurper = false,
        End::Crashes(at) => world.machines[at].api_crashes = false,
        End::Stranger(at) => world.machines[at].stranger = false,
        End::Approval => world.no_approval = false,
    }
}
