//! What is next for each host of a cluster that answers: control planes one at a time, workers side by side.

use super::action::{Act, Kind};
use super::classify::node_of;
use super::decide::{AGAIN, Deciding, STATUS};
use super::evidence::{Etcd, Member, Members, Ready};
use super::gate::{against_joining, against_removing, elsewhere, removal, strangers};
use super::guard::Guard;
use super::refused::{For, Why};
use super::state::State;
use super::wanted::{Host, Role};

impl Deciding<'_> {
    /// At most one control plane is acted on.
    pub(super) fn control_planes(&mut self, states: &[(&Host, State)]) {
        let changes = |kind: Kind| !matches!(kind, Kind::StartKubelet | Kind::Mark | Kind::RemoveMaterial);
        let runs = states.iter().any(|(host, state)| host.role == Role::ControlPlane && matches!(state, State::InProgress(_)));
        let mut is_taken = runs || self.next.actions.iter().any(|action| changes(action.act.kind()));
        for (host, state) in states.iter().filter(|(host, _)| host.role == Role::ControlPlane) {
            match state {
                State::InProgress(unit) => self.in_progress(host, unit),
                State::Foreign(why) | State::Misnamed(why) | State::WrongRole(why) | State::Broken(why) => self.not_ours(host, state, why),
                State::Unknown(why) => {
                    let kind = if matches!(self.evidence.etcd, Etcd::Unknown(_)) { Why::EtcdSilent } else { Why::Unknown };
                    self.wait(host, For::Probe, why, kind, AGAIN);
                }
                State::Degraded(why) => self.degraded(host, why),
                _ if Guard::OneAtATime.stops(is_taken) => {}
                _ => {
                    let before = self.next.actions.len();
                    self.control_plane(host, state);
                    is_taken |= self.next.actions.len() > before;
                }
            }
        }
    }

    fn control_plane(&mut self, host: &Host, state: &State) {
        let Etcd::Answers(members) = &self.evidence.etcd else { return };
        match state {
            State::CsrPending(name) => self.act(host, Act::ApproveCsr(name.clone())),
            State::Promoted => self.act(host, Act::FinishJoin),
            State::Unregistered if self.is_fresh(host) => {
                self.wait(host, For::Registration, "its kubelet has begun, and its Node is not there yet", Why::NotRegistering, AGAIN);
            }
            State::Unregistered if self.memory.times(host, Kind::RestartKubelet) == 0 => self.act(host, Act::RestartKubelet),
            State::Unregistered => {
                let hint = "why:  journalctl -u kubelet on that machine; never reset it: it has the data of a voter of etcd";
                self.wait(host, For::Node, "its kubelet runs, and its Node is missing", Why::NotRegistering, hint);
            }
            State::GhostLearner { id } => self.ghost_member(host, *id, members, elsewhere),
            State::GhostVoter { id } => self.ghost_member(host, *id, members, |host, member| against_removing(host, member, members)),
            // a member that is just coming in looks the same for a moment
            State::Expelled if !self.memory.has_waited(host, For::Expulsion) => {
                self.wait(host, For::Expulsion, "it has etcd's data, and etcd has no member of it", Why::Gate, AGAIN);
            }
            State::ResetCutOff if self.is_heard(host) => {
                let which = "a reset of it was cut off, and its Node still reports";
                self.wait(host, For::Gone, which, Why::NodeIsReady, STATUS);
            }
            State::ResetCutOff if !self.memory.has_waited(host, For::Expulsion) => {
                self.wait(host, For::Expulsion, "a reset of it was cut off, and etcd has no member of it", Why::Gate, AGAIN);
            }
            State::Expelled | State::ResetCutOff => self.reset_control_plane(host, true),
            State::PartialJoin => self.reset_control_plane(host, false),
            State::GhostNode { uid } => self.ghost_node(host, uid),
            State::Absent => self.join_control_plane(host, members),
            _ => {}
        }
    }

    /// Whether this run has only just joined it.
    fn is_fresh(&self, host: &Host) -> bool {
        let joins = self.memory.times(host, Kind::Join) + self.memory.times(host, Kind::FinishJoin);
        joins > 0 && !self.memory.has_waited(host, For::Registration)
    }

    /// It is removed, unless something speaks against that.
    fn ghost_member(&mut self, host: &Host, id: u64, members: &Members, against: impl Fn(&Host, &Member) -> Vec<String>) {
        let Some(member) = members.members.iter().find(|member| member.id == id) else { return };
        let against = against(host, member);
        if against.is_empty() {
            return self.act(host, Act::RemoveMember { id, learner: member.learner });
        }
        let which = format!("nothing runs the member of its name on this machine, and it is not removed: {}", against.join("; "));
        let hint = format!(
            "if that machine is still in use, the inventory leads to the wrong one; if it is gone for good, on a control plane whose etcd runs:  {}\n{AGAIN}",
            removal(id)
        );
        self.wait(host, For::Gone, &which, Why::MemberElsewhere, &hint);
    }

    /// It is reset, if the cluster can still be spoken to without it.
    fn reset_control_plane(&mut self, host: &Host, with_data: bool) {
        let ca = self.evidence.objects().map(|objects| objects.ca.clone()).unwrap_or_default();
        let others = self.speakers(&ca).any(|other| other.name != host.name);
        if Guard::OnlySpeaker.stops(!others) {
            let which = "it is to be reset, and no other control plane of the inventory that was reached has the cluster's credentials";
            let hint = format!("add the cluster's other control planes to the inventory, or reach them\n{AGAIN}");
            return self.wait(host, For::Health, which, Why::OnlySpeaker, &hint);
        }
        self.act(host, Act::Reset { with_data });
    }

    fn join_control_plane(&mut self, host: &Host, members: &Members) {
        let against = against_joining(self.wanted, self.evidence, members);
        if against.is_empty() {
            return self.join(host);
        }
        let which = format!("it does not join now, for the majority's sake: {}", against.join("; "));
        let hints: Vec<String> = strangers(self.wanted, members).into_iter().chain([AGAIN.to_owned()]).collect();
        self.wait(host, For::Health, &which, Why::Gate, &hints.join("\n"));
    }

    /// It joins, once nobody else is heard of under its name.
    fn join(&mut self, host: &Host) {
        if self.is_heard(host) {
            return self.wait(host, For::Gone, "nothing of a cluster is on it, and its Node is ready", Why::NodeIsReady, STATUS);
        }
        self.act(host, Act::Join(host.role));
    }

    /// Whether a kubelet reports as its Node.
    fn is_heard(&self, host: &Host) -> bool {
        let node = self.evidence.objects().and_then(|objects| node_of(host, objects));
        Guard::NodeIsReady.stops(node.is_some_and(|node| node.ready != Ready::Unheard))
    }

    fn ghost_node(&mut self, host: &Host, uid: &str) {
        if self.is_heard(host) {
            let hint = "if that machine is still in use, the inventory leads to the wrong one; else once it is off:  homelabctl provision";
            return self.wait(host, For::Gone, "another machine reports as its Node", Why::NodeIsReady, hint);
        }
        self.act(host, Act::DeleteNode { uid: uid.to_owned() });
    }

    fn degraded(&mut self, host: &Host, why: &str) {
        let hint = format!("why:  kubectl describe node {}, journalctl -u kubelet on {}", host.node, host.name);
        self.wait(host, For::Ready, &format!("its Node is not ready: {why}"), Why::NotReady, &hint);
    }

    /// Each worker by itself: none holds up another.
    pub(super) fn workers(&mut self, states: &[(&Host, State)]) {
        for (host, state) in states.iter().filter(|(host, _)| host.role == Role::Worker) {
            match state {
                State::InProgress(unit) => self.in_progress(host, unit),
                State::Foreign(why) | State::Misnamed(why) | State::WrongRole(why) | State::Broken(why) => self.not_ours(host, state, why),
                State::Unknown(why) => self.wait(host, For::Probe, why, Why::Unknown, AGAIN),
                State::Degraded(why) => self.degraded(host, why),
                State::CsrPending(name) => self.act(host, Act::ApproveCsr(name.clone())),
                State::Bootstrapping if !self.memory.has_waited(host, For::Certificate) => {
                    self.wait(host, For::Certificate, "its kubelet has no certificate yet", Why::NotRegistering, AGAIN);
                }
                State::Unregistered if self.is_fresh(host) => {
                    self.wait(host, For::Registration, "its kubelet has begun, and its Node is not there yet", Why::NotRegistering, AGAIN);
                }
                State::Unregistered if self.memory.times(host, Kind::RestartKubelet) == 0 => self.act(host, Act::RestartKubelet),
                State::Unregistered if !self.memory.has_waited(host, For::Node) => {
                    self.wait(host, For::Node, "its kubelet runs, and its Node is missing", Why::NotRegistering, AGAIN);
                }
                State::PartialJoin | State::Bootstrapping | State::Unregistered => self.act(host, Act::Reset { with_data: false }),
                State::GhostNode { uid } => self.ghost_node(host, uid),
                State::Absent => self.join(host),
                _ => {}
            }
        }
    }
}
