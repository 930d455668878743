//! What has to be well before etcd gets a member or loses one: etcd's own arithmetic of majorities.

use super::classify::member_of;
use super::evidence::{Evidence, Member, Members};
use super::guard::Guard;
use super::seen::Seen;
use super::wanted::{Host, Wanted};

/// How many of that many voters are a majority.
pub fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// What speaks against one more control plane at this moment; nothing if it may join.
pub(super) fn against_joining(wanted: &Wanted, evidence: &Evidence, members: &Members) -> Vec<String> {
    let mut against = Vec::new();
    for member in &members.members {
        let name = named(member);
        if Guard::Learner.stops(member.learner) {
            against.push(format!("etcd's member {name} has no vote yet: another control plane is on its way in"));
        }
        // etcd itself asks for all voters, for a reason: with one down, one more voter takes away the spare
        if Guard::VoterDown.stops(!member.learner && !member.healthy.is_present()) {
            let how = if member.healthy.is_absent() { "does not answer" } else { "may not answer" };
            against.push(format!("etcd's member {name} {how}"));
        }
    }
    if Guard::VoterDown.stops(!members.leader.is_present()) {
        against.push("etcd has no leader".to_owned());
    }
    for host in wanted.control_planes() {
        let has_vote = member_of(host, members).is_some_and(|member| !member.learner);
        let ready = evidence.machine(host).is_some_and(|machine| machine.readyz.is_present());
        if Guard::ApiServerNotReady.stops(has_vote && !ready) {
            against.push(format!("the API server on {} is not ready", host.name));
        }
    }
    against
}

/// What says that the member is another machine's than the one that was reached: one that joins there has to go on.
pub(super) fn elsewhere(host: &Host, member: &Member) -> Vec<String> {
    let mut against = Vec::new();
    if Guard::OtherAddress.stops(member.peer != host.peer_url()) {
        against.push(format!("the member is at {}, and the machine that was reached is not", member.peer));
    }
    if Guard::OtherAddress.stops(!member.name.is_empty() && member.name != host.node) {
        against.push(format!("the member is {}'s, and the machine that was reached is {}", member.name, host.node));
    }
    against
}

/// What speaks against removing a voter; nothing if the others are a majority without it, as they are with it.
pub(super) fn against_removing(host: &Host, member: &Member, members: &Members) -> Vec<String> {
    let mut against = elsewhere(host, member);
    match &member.healthy {
        Seen::Absent => {}
        Seen::Present(()) if Guard::MemberAnswers.stops(true) => against.push(format!("etcd's member {} answers", named(member))),
        Seen::Unknown(why) if Guard::MemberAnswers.stops(true) => {
            against.push(format!("whether etcd's member {} answers is not known ({why})", named(member)));
        }
        Seen::Present(()) | Seen::Unknown(_) => {}
    }
    let voters: Vec<&Member> = members.members.iter().filter(|other| !other.learner).collect();
    let others: Vec<&&Member> = voters.iter().filter(|other| other.id != member.id).collect();
    let well = others.iter().filter(|other| other.healthy.is_present()).count();
    if well < majority(voters.len()) || well < majority(others.len()) {
        against.push(format!("only {well} of the other {} voters answer", others.len()));
    }
    against
}

/// The command that takes that member away, to be pasted on a control plane as it is.
pub(super) fn removal(id: u64) -> String {
    let crictl = "crictl -r unix:///run/containerd/containerd.sock";
    let pki = "/etc/kubernetes/pki/etcd";
    format!(
        "{crictl} exec $({crictl} ps --label io.kubernetes.container.name=etcd --state Running -q) etcdctl --endpoints https://127.0.0.1:2379 \
         --cacert {pki}/ca.crt --cert {pki}/server.crt --key {pki}/server.key member remove {id:x}"
    )
}

/// What a person does about members without a vote that no host of the inventory is bringing in; nothing if there are none.
pub(super) fn strangers(wanted: &Wanted, members: &Members) -> Vec<String> {
    let is_ours = |member: &Member| wanted.control_planes().any(|host| host.peer_url() == member.peer);
    let strangers = members.members.iter().filter(|member| member.learner && !is_ours(member));
    let hint = |member: &Member| {
        format!("if no machine at {} is being joined, on a control plane whose etcd runs:  {}", member.peer, removal(member.id))
    };
    strangers.map(hint).collect()
}

/// Its name, or its id and address if it never started.
pub(super) fn named(member: &Member) -> String {
    if member.name.is_empty() { format!("{:x} ({})", member.id, member.peer) } else { member.name.clone() }
}
