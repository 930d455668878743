//! Hosts of the inventory that are one Node: two machines that call themselves the same, or one machine under two names.

use super::decide::{AGAIN, Deciding};
use super::guard::Guard;
use super::refused::Why;
use super::seen::Seen;
use super::state::State;
use super::wanted::Host;

impl Deciding<'_> {
    /// What a host is, where it is known what it would be if it were the only one of that name. One that is not reached, or on which a
    /// kubeadm runs, is left alone in any case.
    pub(super) fn unless_same(&self, host: &Host, state: State) -> State {
        match state {
            State::Unreachable(_) | State::InProgress(_) => state,
            state => self.same_node(host).map_or(state, State::SameNode),
        }
    }

    /// Which others are its Node too, and what is known of each; nothing if it is the only one.
    pub(super) fn same_node(&self, host: &Host) -> Option<String> {
        let same: Vec<&Host> = self.wanted.hosts.iter().filter(|other| other.node.eq_ignore_ascii_case(&host.node)).collect();
        if !Guard::SameNode.stops(same.len() > 1) {
            return None;
        }
        let names: Vec<&str> = same.iter().map(|host| host.name.as_str()).collect();
        let each: Vec<String> = same.into_iter().map(|host| self.who(host)).collect();
        Some(format!("{} are one Node, {}: {}", names.join(" and "), host.node, each.join("; ")))
    }

    fn who(&self, host: &Host) -> String {
        let Host { name, address, .. } = host;
        match self.evidence.machine(host).map(|machine| &machine.machine_id) {
            None => format!("{name} was not reached, and is taken to be called as the inventory has it"),
            Some(Seen::Present(id)) => format!("{name} calls itself so, at {address}, with the machine-id {id}"),
            Some(Seen::Absent | Seen::Unknown(_)) => format!("{name} calls itself so, at {address}, with an unknown machine-id"),
        }
    }

    /// All of them are refused: which is the Node nobody can tell.
    pub(super) fn refuse_same(&mut self, states: &[(&Host, State)]) {
        for (host, state) in states {
            if let State::SameNode(why) = state {
                let hint = format!(
                    "if they are one machine, take a name out of the inventory; else give one that is no Node yet a name of its own:  hostnamectl set-hostname NAME\n\
                     which machine the Node is:  kubectl get node {} -o jsonpath='{{.status.nodeInfo.machineID}}'\n{AGAIN}",
                    host.node
                );
                self.refuse(host, Why::SameNode, format!("{why}; nothing was changed on any of them"), hint);
            }
        }
    }
}
