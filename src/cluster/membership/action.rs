//! What is done next, addressed to a host. Each is small enough that a run which is cut off within it is understood by the next.

use std::fmt;

use super::evidence::Credentials;
use super::wanted::{InitPart, Marks, Role};

/// One thing that is done, on or for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The host, by its name in the inventory.
    pub host: String,
    /// What is done.
    pub act: Act,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// `kubeadm init`; `resumes` where an earlier one left files: they are kept, and its checks for them are left out.
    Init {
        /// Whether an earlier one left files.
        resumes: bool,
    },
    /// `kubeadm init phase` for what is missing in a cluster that answers.
    FinishInit(Vec<InitPart>),
    /// kube-vip's manifest, with those rights.
    WriteKubeVip(Credentials),
    /// `kubeadm join` as that. Token (30 min) and, for a control plane, the certificates' key are minted right before and reach the
    /// machine in a 0600 file, which is removed right after.
    Join(Role),
    /// What `kubeadm join` did not get to on a machine whose etcd member has a vote: a bootstrap-kubelet.conf with a fresh token, the
    /// kubelet started, the Node marked. Nothing is taken away.
    FinishJoin,
    /// A kubelet's request for its certificate is approved, by its name.
    ApproveCsr(String),
    /// `kubeadm reset --force --skip-phases remove-etcd-member`: kubeadm's files go, and etcd's data where no voter's is there.
    Reset {
        /// Whether etcd's data is there, of a member that the others no longer know or that never had a vote.
        with_data: bool,
    },
    /// A snapshot of etcd, then `etcdctl member remove`.
    RemoveMember {
        /// Its id.
        id: u64,
        /// Whether it has no vote.
        learner: bool,
    },
    /// A Node is deleted, if it is still the one with that uid.
    DeleteNode {
        /// Which of several Nodes of that name, as time goes.
        uid: String,
    },
    /// The kubelet is enabled and started.
    StartKubelet,
    /// The kubelet is started anew, so that it registers its Node.
    RestartKubelet,
    /// Labels, annotations and taints that its Node lacks.
    Mark(Marks),
    /// Files with tokens or keys that an earlier run left, and the token of a kubelet that has its certificate.
    RemoveMaterial,
    /// Tokens of ours and the Secret kubeadm-certs, when nobody joins any more.
    Revoke(Vec<String>),
}

/// A kind of action, to count how often it was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// See [`Act::Init`].
    Init,
    /// See [`Act::FinishInit`].
    FinishInit,
    /// See [`Act::WriteKubeVip`].
    WriteKubeVip,
    /// See [`Act::Join`].
    Join,
    /// See [`Act::FinishJoin`].
    FinishJoin,
    /// See [`Act::ApproveCsr`].
    ApproveCsr,
    /// See [`Act::Reset`].
    Reset,
    /// See [`Act::RemoveMember`].
    RemoveMember,
    /// See [`Act::DeleteNode`].
    DeleteNode,
    /// See [`Act::StartKubelet`].
    StartKubelet,
    /// See [`Act::RestartKubelet`].
    RestartKubelet,
    /// See [`Act::Mark`].
    Mark,
    /// See [`Act::RemoveMaterial`].
    RemoveMaterial,
    /// See [`Act::Revoke`].
    Revoke,
}

impl Act {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Init { .. } => Kind::Init,
            Self::FinishInit(_) => Kind::FinishInit,
            Self::WriteKubeVip(_) => Kind::WriteKubeVip,
            Self::Join(_) => Kind::Join,
            Self::FinishJoin => Kind::FinishJoin,
            Self::ApproveCsr(_) => Kind::ApproveCsr,
            Self::Reset { .. } => Kind::Reset,
            Self::RemoveMember { .. } => Kind::RemoveMember,
            Self::DeleteNode { .. } => Kind::DeleteNode,
            Self::StartKubelet => Kind::StartKubelet,
            Self::RestartKubelet => Kind::RestartKubelet,
            Self::Mark(_) => Kind::Mark,
            Self::RemoveMaterial => Kind::RemoveMaterial,
            Self::Revoke(_) => Kind::Revoke,
        }
    }

    /// Whether it cannot be taken back, so that one confirmation is asked for it (`--yes` otherwise).
    pub fn is_irreversible(&self) -> bool {
        match self {
            Self::Init { .. } | Self::RemoveMember { .. } | Self::DeleteNode { .. } | Self::Reset { with_data: true } => true,
            Self::FinishInit(_) | Self::WriteKubeVip(_) | Self::Join(_) | Self::FinishJoin | Self::ApproveCsr(_) => false,
            Self::Reset { with_data: false } | Self::StartKubelet | Self::RestartKubelet | Self::Mark(_) => false,
            Self::RemoveMaterial | Self::Revoke(_) => false,
        }
    }

    /// Whether its success says all that there is to know of it, so that nobody has to look whether something is left to do after it.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Mark(_) | Self::RemoveMaterial | Self::Revoke(_))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        match &self.act {
            Act::Init { resumes: false } => write!(f, "make the cluster on {host} (kubeadm init)"),
            Act::Init { resumes: true } => write!(f, "finish making the cluster on {host} (kubeadm init, its files kept)"),
            Act::FinishInit(parts) => {
                let parts: Vec<&str> = parts.iter().map(|part| part.word()).collect();
                write!(f, "finish making the cluster from {host}: {}", parts.join(", "))
            }
            Act::WriteKubeVip(Credentials::SuperAdmin) => write!(f, "write kube-vip's manifest on {host}, with super-admin.conf"),
            Act::WriteKubeVip(Credentials::Admin) => write!(f, "write kube-vip's manifest on {host}, with admin.conf"),
            Act::Join(Role::ControlPlane) => write!(f, "join {host} as a control plane"),
            Act::Join(Role::Worker) => write!(f, "join {host} as a worker"),
            Act::FinishJoin => write!(f, "finish the join of {host}"),
            Act::ApproveCsr(name) => write!(f, "approve {host}'s certificate request {name}"),
            Act::Reset { with_data: false } => write!(f, "reset {host}, which never came to be a part of the cluster"),
            Act::Reset { with_data: true } => write!(f, "reset {host}, with the etcd data of a member that is none any more"),
            Act::RemoveMember { id, learner: true } => write!(f, "remove {host}'s etcd member {id:x}, which has no vote, after a snapshot"),
            Act::RemoveMember { id, learner: false } => {
                write!(f, "remove {host}'s etcd member {id:x}, whose data is gone, after a snapshot")
            }
            Act::DeleteNode { .. } => write!(f, "delete the Node of the machine that {host} was"),
            Act::StartKubelet => write!(f, "start {host}'s kubelet"),
            Act::RestartKubelet => write!(f, "start {host}'s kubelet anew, so that it registers its Node"),
            Act::Mark(_) => write!(f, "set labels, annotations and taints of {host}"),
            Act::RemoveMaterial => write!(f, "remove join material from {host}"),
            Act::Revoke(_) => write!(f, "revoke join tokens and certificates"),
        }
    }
}
