//! What a host is, judged by all that was seen.

use std::fmt;

/// What a host is; each leads to one action, to waiting, or to a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Its machine did not answer, or was not asked.
    Unreachable(String),
    /// Something that decides could not be read.
    Unknown(String),
    /// A kubeadm is still running there, in that unit.
    InProgress(String),
    /// There is no cluster yet, and nothing of one on it.
    Bare,
    /// `kubeadm init` was cut off before etcd had any data.
    PartialInit,
    /// It belongs to the cluster, and the API does not answer.
    Silent(String),
    /// Nothing of a cluster is on it.
    Absent,
    /// It is another cluster's.
    Foreign(String),
    /// Its kubelet is another Node's.
    Misnamed(String),
    /// Another host of the inventory is the same Node.
    SameNode(String),
    /// It is the other kind of node already.
    WrongRole(String),
    /// A join was cut off before anything of it was in the cluster.
    PartialJoin,
    /// Its kubelet asks for its certificate, and nobody has decided.
    CsrPending(String),
    /// Its kubelet is about to get its certificate.
    Bootstrapping,
    /// Its etcd member has no vote: a join was cut off.
    GhostLearner {
        /// The member's id.
        id: u64,
    },
    /// Its etcd member has a vote, and the machine has no data: it was replaced, or reset by hand.
    GhostVoter {
        /// The member's id.
        id: u64,
    },
    /// It has etcd's data, and the members do not know it.
    Expelled,
    /// A reset of ours took all but the data of a member that is none any more.
    ResetCutOff,
    /// Its Node is another machine's, which it has taken the place of.
    GhostNode {
        /// The Node's uid.
        uid: String,
    },
    /// Its etcd member has a vote and its data, and its kubelet has no certificate yet.
    Promoted,
    /// It has all that it needs, and its Node is missing.
    Unregistered,
    /// Its kubelet is not running.
    Stopped,
    /// Its etcd member has a vote and its data, and other files are missing.
    Broken(String),
    /// Its Node is there and not ready.
    Degraded(String),
    /// It is what it is to be.
    Joined,
}

/// A state's line in the table of states.
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// What is seen.
    pub evidence: &'static str,
    /// What is done, or why nothing is.
    pub action: &'static str,
}

impl State {
    /// Its line in the table of states.
    pub fn about(&self) -> About {
        let (name, evidence, action) = match self {
            Self::Unreachable(_) => (
                "unreachable",
                "no connection, or left out by `--limit`",
                "nothing, ever: it is not taken for gone; its member is not removed, its Node not deleted, no cluster made without it",
            ),
            Self::Unknown(_) => ("unknown", "a probe that decides has failed", "wait 5 min for it; then refused, with the probe"),
            Self::InProgress(_) => ("in progress", "a unit of an earlier run is still running kubeadm", "wait for it"),
            Self::Bare => {
                ("bare", "no cluster's data on any control plane, nobody behind the endpoint", "control planes: see init; workers wait")
            }
            Self::PartialInit => (
                "partial init",
                "certificates or manifests on a control plane, no etcd data anywhere, nobody behind the endpoint",
                "`kubeadm init` again, its files kept, under the rule of init",
            ),
            Self::Silent(_) => ("silent", "it belongs to the cluster, and the API does not answer", "wait 5 min for it; then refused"),
            Self::Absent => ("absent", "none of kubeadm's files, no etcd data, no member", "join"),
            Self::Foreign(_) => ("foreign", "ca.crt or kubelet.conf of another authority, or etcd data of an unknown one", "refused"),
            Self::Misnamed(_) => ("misnamed", "kubelet.conf is for a Node of another name", "refused"),
            Self::SameNode(_) => (
                "same Node",
                "two hosts of the inventory call themselves the same, or one is not reached and would be called as the other calls itself",
                "refused, both: which of them is the Node nobody can tell",
            ),
            Self::WrongRole(_) => (
                "wrong role",
                "a worker with manifests or etcd data; a control plane that is joined as a worker",
                "refused: it would have to be emptied first",
            ),
            Self::PartialJoin => (
                "partial join",
                "some of kubeadm's files, no Node, no member of etcd",
                "`kubeadm reset` without touching etcd's members, then join",
            ),
            Self::CsrPending(_) => ("request pending", "the kubelet's request for its certificate is undecided", "approve it"),
            Self::Bootstrapping => (
                "bootstrapping",
                "a worker's kubelet has no certificate yet: its kubelet.conf names one that is not there",
                "wait 2 min; then as a partial join",
            ),
            Self::GhostLearner { .. } => (
                "ghost member (learner)",
                "an etcd member without a vote, no kubeadm running there, no lease held",
                "snapshot, remove the member, reset, join",
            ),
            Self::GhostVoter { .. } => (
                "ghost member (voter)",
                "an etcd member with a vote that does not answer; the machine was reached, and has no etcd data",
                "snapshot, remove the member, then as what is left",
            ),
            Self::Expelled => {
                ("expelled", "etcd data under our authority, and a majority of etcd has no such member", "reset with its data, join")
            }
            Self::ResetCutOff => (
                "reset cut off",
                "etcd data with the mark of a reset of ours under our authority, none of kubeadm's files, nobody on 2379, and a majority of etcd has no such member",
                "finish the reset, join",
            ),
            Self::GhostNode { .. } => {
                ("ghost Node", "none of kubeadm's files; the Node has another machine-id, and is not ready", "delete the Node, join")
            }
            Self::Promoted => (
                "promoted without a Node",
                "an etcd member with a vote and its data, a kubelet without a certificate",
                "finish the join with a fresh token; never reset",
            ),
            Self::Unregistered => (
                "unregistered",
                "kubelet.conf under our authority, the kubelet runs, no Node",
                "one that was just joined has a minute; then restart the kubelet, set labels and taints; a worker that stays away is reset and joined, a control plane never",
            ),
            Self::Stopped => ("stopped", "all its files, and the kubelet's unit is not active", "start the kubelet"),
            Self::Broken(_) => (
                "broken",
                "a voter with its data whose manifests or certificates are gone, or whose address is another",
                "refused: never reset",
            ),
            Self::Degraded(_) => {
                ("degraded", "joined, and its Node is not ready", "wait 5 min; then refused, with the kubelet's reason; never joined again")
            }
            Self::Joined => (
                "joined",
                "kubelet.conf under our authority, its Node ready, or not ready for want of a CNI only; its member with a vote",
                "labels, annotations, taints, kube-vip's manifest",
            ),
        };
        About { name, evidence, action }
    }

    /// Its name in the table.
    pub fn word(&self) -> &'static str {
        self.about().name
    }

    /// Whether it is what it is to be.
    pub fn is_good(&self) -> bool {
        *self == Self::Joined
    }

    /// One of each, in the table's order.
    pub fn samples() -> Vec<Self> {
        let why = String::new;
        vec![
            Self::Unreachable(why()),
            Self::Unknown(why()),
            Self::InProgress(why()),
            Self::Bare,
            Self::PartialInit,
            Self::Silent(why()),
            Self::Absent,
            Self::PartialJoin,
            Self::CsrPending(why()),
            Self::Bootstrapping,
            Self::GhostLearner { id: 0 },
            Self::GhostVoter { id: 0 },
            Self::Expelled,
            Self::ResetCutOff,
            Self::GhostNode { uid: why() },
            Self::Promoted,
            Self::Unregistered,
            Self::Stopped,
            Self::Degraded(why()),
            Self::Joined,
            Self::Foreign(why()),
            Self::Misnamed(why()),
            Self::SameNode(why()),
            Self::WrongRole(why()),
            Self::Broken(why()),
        ]
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.about().name;
        match self {
            Self::Unreachable(why) | Self::Unknown(why) | Self::InProgress(why) | Self::Silent(why) | Self::Foreign(why) => {
                write!(f, "{name}: {why}")
            }
            Self::Misnamed(why) | Self::WrongRole(why) | Self::Broken(why) | Self::Degraded(why) | Self::CsrPending(why) => {
                write!(f, "{name}: {why}")
            }
            Self::SameNode(why) => write!(f, "{name}: {why}"),
            Self::GhostLearner { id } | Self::GhostVoter { id } => write!(f, "{name}: {id:x}"),
            _ => f.write_str(name),
        }
    }
}
