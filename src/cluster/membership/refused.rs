//! Why nothing is done: what was seen, why that stops us, the command that goes on; and what is waited for.

use std::time::Duration;

use super::action::Kind;
use crate::plan::Refusal;

/// A refusal, of one host or of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Of which host; of the whole cluster if of none.
    pub host: Option<String>,
    /// What kind of reason it is.
    pub why: Why,
    /// What was seen and why that stops us; the command that goes on.
    pub refusal: Refusal,
}

/// The kinds of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Its machine was not reached.
    Unreachable,
    /// A probe failed, and still fails.
    Unknown,
    /// `init` would be a risk: its rule does not hold.
    Init,
    /// Two authorities among the control planes, or between them and the endpoint.
    TwoClusters,
    /// The API does not answer.
    ApiSilent,
    /// etcd has no majority that answers.
    EtcdSilent,
    /// Somebody else changes the cluster.
    Lease,
    /// A kubeadm runs on and on.
    InProgress,
    /// Another cluster's machine.
    Foreign,
    /// Another Node's kubelet.
    Misnamed,
    /// The other kind of node.
    WrongRole,
    /// A voter without its files.
    Broken,
    /// A member without data on its host answers, or is at another address.
    MemberElsewhere,
    /// A Node of another machine is ready.
    NodeIsReady,
    /// A control plane cannot join while etcd or an API server is not well.
    Gate,
    /// A kubelet does not register its Node.
    NotRegistering,
    /// A Node is not ready.
    NotReady,
    /// What was tried twice did not help.
    TriedTwice(Kind),
    /// Nobody else in the inventory can speak for the cluster.
    OnlySpeaker,
    /// The admin's rights are missing, and no super-admin.conf is left to give them.
    NoSuperAdmin,
    /// Another host of the inventory is the same Node.
    SameNode,
    /// Something that `kubeadm init` leaves is missing, and may have been left out on purpose.
    LeftOut,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum For {
    /// A probe that failed.
    Probe,
    /// The API.
    Api,
    /// What runs on a machine in an earlier run's unit.
    Unit,
    /// Somebody else's lease.
    Lease,
    /// A kubelet's certificate.
    Certificate,
    /// A kubelet that was just joined to register its Node.
    Registration,
    /// A Node to be registered.
    Node,
    /// A Node to be ready.
    Ready,
    /// A Node to be seen as not ready.
    Gone,
    /// etcd's members and the API servers to be well.
    Health,
    /// That a machine with etcd's data has no member is seen again and again.
    Expulsion,
}

impl For {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Probe,
        Self::Api,
        Self::Unit,
        Self::Lease,
        Self::Certificate,
        Self::Registration,
        Self::Node,
        Self::Ready,
        Self::Gone,
        Self::Health,
        Self::Expulsion,
    ];

    /// How long at most, within one run.
    pub fn at_most(self) -> Duration {
        Duration::from_secs(match self {
            Self::Expulsion => 8,
            Self::Registration => 60,
            Self::Certificate | Self::Gone => 120,
            Self::Probe | Self::Api | Self::Node | Self::Ready | Self::Health => 300,
            Self::Unit | Self::Lease => 900,
        })
    }

    /// What it is, in words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Probe => "for a probe that failed",
            Self::Api => "for the API to answer",
            Self::Unit => "for the kubeadm of an earlier run",
            Self::Lease => "for another run to end",
            Self::Certificate => "for its kubelet's certificate",
            Self::Registration => "for its kubelet to register its Node",
            Self::Node => "for its Node to be registered",
            Self::Ready => "for its Node to be ready",
            Self::Gone => "for the old machine to be seen as gone",
            Self::Health => "for etcd and the API servers to be well",
            Self::Expulsion => "and looking once more before its data goes",
        }
    }
}

/// A host that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// Which host.
    pub host: String,
    /// What for.
    pub what: For,
    /// More of it: which unit, who holds the lease, which member.
    pub which: String,
    /// Whether all hosts wait for it, and not that one alone.
    pub of_all: bool,
}

impl Why {
    /// The kind, in words; used where refusals are counted.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unknown => "a probe fails",
            Self::Init => "init would be a risk",
            Self::TwoClusters => "two clusters",
            Self::ApiSilent => "the API does not answer",
            Self::EtcdSilent => "etcd has no majority",
            Self::Lease => "another run's lease",
            Self::InProgress => "kubeadm runs on",
            Self::Foreign => "another cluster's machine",
            Self::Misnamed => "another Node's kubelet",
            Self::WrongRole => "the other kind of node",
            Self::Broken => "a voter without its files",
            Self::MemberElsewhere => "its member is elsewhere",
            Self::NodeIsReady => "its Node is ready elsewhere",
            Self::Gate => "etcd or an API server is not well",
            Self::NotRegistering => "its Node does not come",
            Self::NotReady => "its Node is not ready",
            Self::TriedTwice(_) => "tried twice",
            Self::OnlySpeaker => "nobody else has the cluster's credentials",
            Self::NoSuperAdmin => "no super-admin.conf",
            Self::SameNode => "another host is the same Node",
            Self::LeftOut => "something may have been left out on purpose",
        }
    }
}

/// A refusal of that host.
pub(super) fn of_host(host: &str, why: Why, text: String, hint: String) -> Refused {
    Refused { host: Some(host.to_owned()), why, refusal: Refusal { why: text, hint: Some(hint) } }
}

/// A refusal of all that concerns the cluster.
pub(super) fn of_all(why: Why, text: String, hint: String) -> Refused {
    Refused { host: None, why, refusal: Refusal { why: text, hint: Some(hint) } }
}
