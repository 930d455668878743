//! What `kubeadm init` leaves in a cluster: what is missing of it because `init` was cut off, and what somebody left out.

use super::action::Act;
use super::decide::{AGAIN, Deciding, STATUS};
use super::evidence::{Etcd, Objects};
use super::guard::Guard;
use super::refused::{For, Why};
use super::seen::Seen;
use super::state::State;
use super::wanted::{Host, InitPart};

/// Whether something that `init` leaves is to be made.
enum Made {
    /// It is there, or was left out.
    Done,
    /// `init` was cut off before it.
    Missing,
    /// It is not there, and nobody can tell whether it was left out.
    Perhaps,
}

impl Deciding<'_> {
    /// Whether all that `kubeadm init` leaves in a cluster is there, but for what was left out; if not, it is made first.
    pub(super) fn is_finished(&mut self, states: &[(&Host, State)], objects: &Objects) -> bool {
        let wanted = self.wanted;
        let Some(first) = wanted.control_planes().next() else { return true };
        let (mut missing, mut perhaps, mut is_known) = (Vec::new(), Vec::new(), true);
        for part in &wanted.parts {
            match self.made(*part, objects) {
                Ok(Made::Done) => {}
                Ok(Made::Missing) => missing.push(*part),
                Ok(Made::Perhaps) => perhaps.push(*part),
                Err(why) => {
                    self.all_wait(first, For::Probe, &why, Why::Unknown, AGAIN);
                    is_known = false;
                }
            }
        }
        if !perhaps.is_empty() {
            self.perhaps_left_out(first, &perhaps);
            is_known = false;
        }
        // what is missing tells of the rest that it was not left out, so it is made when all is known; without rights nothing is
        if !is_known {
            missing.retain(|part| *part == InitPart::AdminBinding);
        }
        if missing.is_empty() {
            return is_known;
        }
        self.finish(first, missing, states, objects);
        false
    }

    fn finish(&mut self, first: &Host, missing: Vec<InitPart>, states: &[(&Host, State)], objects: &Objects) {
        if let Some((host, State::InProgress(unit))) = states.iter().find(|(_, state)| matches!(state, State::InProgress(_))) {
            self.in_progress(host, unit);
            self.next.waits.iter_mut().for_each(|waits| waits.of_all = true);
            return self.judges_none(&format!("{unit} is still running on {}", host.name));
        }
        let wants_super_admin = missing.contains(&InitPart::AdminBinding);
        let has_rights = |host: &Host| self.evidence.machine(host).is_some_and(|machine| machine.super_admin_conf.is_present());
        let can: Vec<Host> = self.speakers(&objects.ca).filter(|host| !wants_super_admin || has_rights(host)).cloned().collect();
        match can.iter().find(|host| self.same_node(host).is_none()) {
            Some(host) => {
                let words: Vec<&str> = missing.iter().map(|part| part.word()).collect();
                let why =
                    format!("the cluster lacks what `kubeadm init` makes, which is made from {} first: {}", host.name, words.join(", "));
                self.act(host, Act::FinishInit(missing));
                self.judges_none(&why);
            }
            // their own refusal says why
            None if !can.is_empty() => self.judges_none("those that could finish the cluster are one Node"),
            None if wants_super_admin => {
                let hint = format!("on a control plane whose API server is ready:  kubeadm init phase kubeconfig super-admin\n{AGAIN}");
                let text =
                    "admin.conf has no rights in the cluster, and no control plane that was reached has a super-admin.conf to give them";
                self.all_wait(first, For::Health, text, Why::NoSuperAdmin, &hint);
            }
            None => self.all_wait(first, For::Health, "no API server of a control plane is ready", Why::ApiSilent, STATUS),
        }
    }

    /// Whether that is there, or to be made.
    ///
    /// # Errors
    /// What is not known of it.
    fn made(&self, part: InitPart, objects: &Objects) -> Result<Made, String> {
        match objects.parts.get(&part) {
            Some(Seen::Present(())) => Ok(Made::Done),
            Some(Seen::Absent) if part.is_addon() => self.left_out(part, objects),
            Some(Seen::Absent) => Ok(Made::Missing),
            Some(Seen::Unknown(why)) => Err(format!("{}: {why}", part.word())),
            None => Err(format!("{}: it was not read", part.word())),
        }
    }

    /// Whether that was left out, since it is not there. kubeadm makes it last, kube-proxy after CoreDNS, and before anybody joins; though
    /// somebody may join a machine by hand to what a cut-off `init` has left.
    ///
    /// # Errors
    /// What is not known of it.
    fn left_out(&self, part: InitPart, objects: &Objects) -> Result<Made, String> {
        if !Guard::LeftOut.stops(true) {
            return Ok(Made::Missing);
        }
        let is_there = |part: InitPart| objects.parts.get(&part).is_some_and(Seen::is_present);
        if objects.disabled.contains(&part) || part == InitPart::CoreDns && is_there(InitPart::KubeProxy) {
            return Ok(Made::Done);
        }
        for host in self.wanted.control_planes() {
            // one of another cluster's authority, or of none after a reset, is about another `init`
            let of_it = self.evidence.machine(host).filter(|machine| machine.ca.present() == Some(&objects.ca));
            match of_it.map(|machine| &machine.init) {
                Some(Seen::Present(())) => return Ok(Made::Missing),
                Some(Seen::Unknown(why)) => return Err(format!("the mark of a kubeadm init on {}: {why}", host.name)),
                Some(Seen::Absent) | None => {}
            }
        }
        let nodes = match &objects.nodes {
            Seen::Present(nodes) => nodes.len(),
            Seen::Absent => 0,
            Seen::Unknown(why) => return Err(format!("the Nodes: {why}")),
        };
        let members = if let Etcd::Answers(members) = &self.evidence.etcd { members.members.len() } else { 0 };
        if nodes > 1 || members > 1 {
            return Ok(Made::Done);
        }
        let is_missing = |part: &InitPart| !part.is_addon() && objects.parts.get(part).is_some_and(Seen::is_absent);
        if self.wanted.parts.iter().any(is_missing) {
            return Ok(Made::Missing);
        }
        Ok(Made::Perhaps)
    }

    /// Nothing but a word of the user's tells, so nothing is waited for.
    fn perhaps_left_out(&mut self, first: &Host, parts: &[InitPart]) {
        let words: Vec<&str> = parts.iter().map(|part| part.word()).collect();
        let text = format!(
            "the cluster has no {}, and nothing tells whether `kubeadm init` was cut off before that or it was left out on purpose",
            words.join(" and no ")
        );
        let stored = "kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-system";
        let mut hint = String::new();
        for part in parts {
            let (what, field) = if *part == InitPart::CoreDns { ("coredns", "dns") } else { ("kube-proxy", "proxy") };
            hint += &format!(
                "if {} is wanted, on a control plane:  {stored} get configmap kubeadm-config -o jsonpath='{{.data.ClusterConfiguration}}' | kubeadm init phase addon {what} --config /dev/stdin\n\
                 if it was left out, say so with `{field}: {{disabled: true}}`:  {stored} edit configmap kubeadm-config\n",
                part.word()
            );
        }
        self.judges_none(&text);
        self.refuse(first, Why::LeftOut, format!("{}: {text}; nothing was changed", first.name), hint + AGAIN);
    }
}
