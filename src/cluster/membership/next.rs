//! What is next: a pure function of what was seen, what is wanted, and what this run has tried already.

use super::action::{Act, Action, Kind};
use super::classify::{classify, node_of};
use super::decide::{AGAIN, Deciding, Memory, Next, STATUS};
use super::evidence::{Credentials, Evidence, Machine, Objects};
use super::guard::Guard;
use super::identity::{Identity, identity};
use super::init::{self, Rule};
use super::refused::{For, Why};
use super::seen::Seen;
use super::state::State;
use super::wanted::{Host, Wanted};

/// What is next, for all hosts at once.
pub fn next(wanted: &Wanted, evidence: &Evidence, memory: &Memory) -> Next {
    let mut deciding = Deciding { wanted, evidence, memory, next: Next::default() };
    match identity(wanted, evidence) {
        Identity::Two(refused) => deciding.next.refused.push(*refused),
        Identity::None => deciding.make(),
        Identity::Ours(ca) => deciding.keep(&ca),
    }
    deciding.next
}

impl Deciding<'_> {
    /// There is no cluster: it is made, where that is certain.
    fn make(&mut self) {
        let wanted = self.wanted;
        let states: Vec<(&Host, State)> =
            wanted.hosts.iter().map(|host| (host, self.unless_same(host, init::state(host, self.evidence)))).collect();
        self.next.states = states.iter().map(|(host, state)| (host.name.clone(), state.clone())).collect();
        self.refuse_same(&states);
        match init::rule(wanted, self.evidence) {
            Rule::On { host, .. } if self.same_node(host).is_some() => {}
            Rule::On { host, first_kube_vip: true, .. } => self.act(host, Act::WriteKubeVip(Credentials::SuperAdmin)),
            Rule::On { host, resumes, first_kube_vip: false } => self.act(host, Act::Init { resumes }),
            Rule::Runs(host, unit) => {
                self.wait(
                    host,
                    For::Unit,
                    &format!("{unit} is still running"),
                    Why::InProgress,
                    "what it does:  journalctl on that machine",
                );
            }
            Rule::Not { against, may_pass } => {
                let waiter = wanted.control_planes().find(|_| may_pass).filter(|host| !self.memory.has_waited(host, For::Api));
                match waiter {
                    Some(host) => self.wait(host, For::Api, &against.join("; "), Why::Init, AGAIN),
                    None => {
                        let text = format!("no cluster is made, because it is not certain that there is none: {}", against.join("; "));
                        self.refuse_all(Why::Init, text, format!("{STATUS}\n{AGAIN}"));
                    }
                }
            }
        }
        self.unreachable(&self.next.states.clone());
    }

    /// There is a cluster: each host is brought into it.
    fn keep(&mut self, ca: &str) {
        let (wanted, evidence) = (self.wanted, self.evidence);
        let states: Vec<(&Host, State)> =
            wanted.hosts.iter().map(|host| (host, self.unless_same(host, classify(host, evidence, ca)))).collect();
        self.next.states = states.iter().map(|(host, state)| (host.name.clone(), state.clone())).collect();
        self.unreachable(&self.next.states.clone());
        self.refuse_same(&states);
        for (host, state) in &states {
            if *state == State::Stopped {
                self.act(host, Act::StartKubelet);
            }
        }
        let may_go_on = match evidence.objects() {
            None => {
                for (host, state) in &states {
                    self.without_api(host, state);
                }
                false
            }
            Some(objects) => !self.is_held(objects) && self.is_finished(&states, objects),
        };
        if may_go_on {
            self.kube_vip(&states);
            self.control_planes(&states);
            self.workers(&states);
            self.marks(&states);
        }
        self.clean(&states);
    }

    fn unreachable(&mut self, states: &[(String, State)]) {
        for (host, (_, state)) in self.wanted.hosts.iter().zip(states) {
            if let State::Unreachable(why) = state {
                let text = format!("{} was not reached ({why}), so nothing is known of it and nothing of it is changed", host.name);
                self.refuse(host, Why::Unreachable, text, format!("to see why:  homelabctl ping {}\n{AGAIN}", host.name));
            }
        }
    }

    fn without_api(&mut self, host: &Host, state: &State) {
        match state {
            State::Unreachable(_) | State::Stopped => {}
            State::InProgress(unit) => self.in_progress(host, unit),
            State::Foreign(why) | State::Misnamed(why) | State::WrongRole(why) => self.not_ours(host, state, why),
            State::Unknown(why) => self.wait(host, For::Probe, why, Why::Unknown, AGAIN),
            State::Silent(why) => {
                let hint = "on a control plane:  crictl ps -a, crictl logs of etcd and kube-apiserver; if a majority of etcd's data is lost, restore a snapshot";
                self.wait(host, For::Api, &format!("the API does not answer ({why})"), Why::ApiSilent, hint);
            }
            _ => {}
        }
    }

    pub(super) fn in_progress(&mut self, host: &Host, unit: &str) {
        let hint = format!("what it does:  journalctl -u {unit} on {}", host.name);
        self.wait(host, For::Unit, &format!("{unit} is still running"), Why::InProgress, &hint);
    }

    /// The machine is not this cluster's, or not what it is to be.
    pub(super) fn not_ours(&mut self, host: &Host, state: &State, what: &str) {
        let name = &host.name;
        let is_nobodys = |machine: &Machine| machine.etcd_data.is_present() && machine.ca.is_absent() && machine.kubelet_conf.is_absent();
        let (why, hint) = match state {
            // `kubeadm reset` would empty the folder that etcd's data is in by default
            State::Foreign(_) if self.evidence.machine(host).is_some_and(is_nobodys) => {
                let away = format!("mv /var/lib/etcd/member /root/etcd-member-of-{name} && kubeadm reset --force");
                (Why::Foreign, format!("once nothing on it is needed, on {name}:  {away}\n{AGAIN}"))
            }
            State::Foreign(_) => (Why::Foreign, format!("once nothing on it is needed, on {name}:  kubeadm reset\n{AGAIN}")),
            State::Misnamed(_) => (Why::Misnamed, format!("give {name} the name that its Node has, or reset it:  kubeadm reset")),
            State::WrongRole(_) => {
                (Why::WrongRole, format!("move {name} to its group in the inventory, or drain it, and on it:  kubeadm reset"))
            }
            _ => (Why::Broken, format!("put its files under /etc/kubernetes back from a copy, never reset it\n{STATUS}")),
        };
        self.refuse(host, why, format!("{name}: {what}; nothing on it was changed"), hint);
    }

    /// Whether somebody else changes the cluster at this moment.
    fn is_held(&mut self, objects: &Objects) -> bool {
        let Some(first) = self.wanted.control_planes().next() else { return false };
        match &objects.lease {
            Seen::Absent => false,
            Seen::Present(holder) if Guard::LeaseHeld.stops(true) => {
                let hint = format!(
                    "if no run of homelabctl is under way any more, on a control plane:  kubectl -n kube-system delete lease homelabctl\n{AGAIN}"
                );
                self.all_wait(first, For::Lease, &format!("{holder} changes the cluster"), Why::Lease, &hint);
                true
            }
            Seen::Unknown(why) if Guard::LeaseHeld.stops(true) => {
                self.all_wait(first, For::Probe, &format!("the lease of other runs: {why}"), Why::Unknown, AGAIN);
                true
            }
            Seen::Present(_) | Seen::Unknown(_) => false,
        }
    }

    /// kube-vip with admin.conf on each control plane that has joined: one at a time, since the address moves.
    fn kube_vip(&mut self, states: &[(&Host, State)]) {
        if !self.wanted.kube_vip {
            return;
        }
        let mut first: Option<String> = None;
        for (host, state) in states {
            let manifests = self.evidence.machine(host).map(|machine| &machine.manifests);
            let is_right = match manifests {
                Some(Seen::Present(manifests)) => manifests.kube_vip == Some(Credentials::Admin),
                _ => false,
            };
            if *state == State::Joined && host.role == super::wanted::Role::ControlPlane && !is_right {
                match &first {
                    None => {
                        self.act(host, Act::WriteKubeVip(Credentials::Admin));
                        first = Some(host.name.clone());
                    }
                    Some(first) => {
                        let why = format!("kube-vip's manifest is written on {first} first, since the address moves");
                        self.next.unjudged.insert(host.name.clone(), why);
                    }
                }
            }
        }
    }

    /// Labels, annotations and taints of those that have joined.
    fn marks(&mut self, states: &[(&Host, State)]) {
        let Some(objects) = self.evidence.objects() else { return };
        for (host, state) in states {
            let node = node_of(host, objects).filter(|_| matches!(state, State::Joined | State::Degraded(_)));
            let missing = node.map(|node| host.marks.missing_from(&node.marks)).filter(|missing| !missing.is_empty());
            if let Some(missing) = missing {
                self.act(host, Act::Mark(missing));
            }
        }
    }

    /// What joins have left behind, where none is going on.
    fn clean(&mut self, states: &[(&Host, State)]) {
        let is_quiet = self.evidence.objects().is_some_and(|objects| objects.lease.is_absent());
        let is_made = self.evidence.objects().is_some_and(Objects::is_made);
        for (host, state) in states {
            let has_left = |machine: &Machine| {
                // kubeadm takes its token away when the kubelet has a certificate, if it lives to see that
                let token = is_quiet && machine.bootstrap_conf.is_present() && machine.has_certificate();
                let mark = is_made && machine.init.is_present();
                machine.unit.is_absent() && (machine.material.is_present() || token || mark)
            };
            let is_same = matches!(state, State::SameNode(_));
            if self.evidence.machine(host).is_some_and(has_left) && !self.is_busy(host) && !is_same {
                self.act(host, Act::RemoveMaterial);
            }
        }
        // as long as anything is to come they stay, since it may be another join; `Mark` and the like are no reason to wait
        let is_last = |action: &Action| matches!(action.act.kind(), Kind::Mark | Kind::RemoveMaterial | Kind::WriteKubeVip);
        let is_joining = |state: &State| matches!(state, State::InProgress(_) | State::Bootstrapping | State::CsrPending(_));
        let Some(objects) = self.evidence.objects() else { return };
        let goes_on = !self.next.waits.is_empty() || !self.next.actions.iter().all(is_last);
        if goes_on || states.iter().any(|(_, state)| is_joining(state)) || !objects.lease.is_absent() {
            return;
        }
        let tokens = objects.tokens.present().cloned().unwrap_or_default();
        if tokens.is_empty() && !objects.certificates.is_present() {
            return;
        }
        let through = self.speakers(&objects.ca).next().cloned();
        if let Some(host) = through {
            self.act(&host, Act::Revoke(tokens));
        }
    }

    /// Control planes of that authority whose API server is ready: those through which the cluster is spoken to.
    pub(super) fn speakers(&self, ca: &str) -> impl Iterator<Item = &'_ Host> {
        self.wanted.control_planes().filter(move |host| {
            let machine = self.evidence.machine(host);
            machine.is_some_and(|machine| machine.readyz.is_present() && machine.ca.present().is_some_and(|held| held == ca))
        })
    }
}
