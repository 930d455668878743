//! What stops an action that could do harm. Each has a name, so that a test can take it away and see a simulated cluster break.

/// A danger that stops an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// Of `init`: a control plane of the inventory was not reached.
    UnreachedControlPlane,
    /// Of `init`: a control plane has etcd's data.
    EtcdData,
    /// Of `init`: another control plane has kubeadm's manifests.
    Manifests,
    /// Of `init`: a control plane's kubelet belongs to a cluster.
    KubeletConf,
    /// Of `init`: somebody listens on 6443 or 2379 of a control plane.
    Listener,
    /// Of `init`: somebody stands behind the endpoint.
    ApiBehindEndpoint,
    /// Of `init`: a worker belongs to a cluster behind this endpoint.
    WorkerOfTheEndpoint,
    /// Of `init`: control planes hold certificates of two authorities.
    TwoAuthorities,
    /// Of everything but starting a kubelet: a kubeadm is still running there.
    UnitRuns,
    /// Of everything in the cluster: somebody else changes it, under its lease.
    LeaseHeld,
    /// Of everything on a machine: it is another cluster's.
    ForeignMachine,
    /// Of resetting and removing: a voter whose data is there.
    LiveVoter,
    /// Of resetting a control plane: no other one has the cluster's credentials.
    OnlySpeaker,
    /// Of removing a member: it answers.
    MemberAnswers,
    /// Of removing a voter: it is at another address than the machine that was reached.
    OtherAddress,
    /// Of deleting a Node: it is ready.
    NodeIsReady,
    /// Of deleting a Node: it is this very machine's.
    SameMachine,
    /// Of joining a control plane: a voter does not answer.
    VoterDown,
    /// Of joining a control plane: another is on its way in.
    Learner,
    /// Of joining a control plane: an API server of another is not ready.
    ApiServerNotReady,
    /// Of acting on a control plane: another one is being acted on.
    OneAtATime,
    /// Of everything on a worker: it has a control plane's files.
    ControlPlaneFiles,
    /// Of everything there: another host of the inventory is the same Node.
    SameNode,
    /// Of adding what `init` adds last: nothing proves that `init` was cut off before it.
    LeftOut,
}

impl Guard {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::UnreachedControlPlane,
        Self::EtcdData,
        Self::Manifests,
        Self::KubeletConf,
        Self::Listener,
        Self::ApiBehindEndpoint,
        Self::WorkerOfTheEndpoint,
        Self::TwoAuthorities,
        Self::UnitRuns,
        Self::LeaseHeld,
        Self::ForeignMachine,
        Self::LiveVoter,
        Self::OnlySpeaker,
        Self::MemberAnswers,
        Self::OtherAddress,
        Self::NodeIsReady,
        Self::SameMachine,
        Self::VoterDown,
        Self::Learner,
        Self::ApiServerNotReady,
        Self::OneAtATime,
        Self::ControlPlaneFiles,
        Self::SameNode,
        Self::LeftOut,
    ];

    /// What it stops, and what for: action, danger.
    pub fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::UnreachedControlPlane => ("init", "a control plane of the inventory was not reached: it may have the cluster's data"),
            Self::EtcdData => ("init", "a control plane has `/var/lib/etcd/member`, or nobody knows whether it has"),
            Self::Manifests => ("init", "a control plane other than the one that was being made has kubeadm's manifests"),
            Self::KubeletConf => {
                ("init", "a control plane's kubelet belongs to a cluster, and no `init` has left a super-admin.conf there")
            }
            Self::Listener => ("init", "somebody listens on 6443 or 2379 of a control plane, or nobody knows"),
            Self::ApiBehindEndpoint => ("init", "somebody stands behind the endpoint; a TLS error counts as somebody"),
            Self::WorkerOfTheEndpoint => ("init", "a worker's kubelet.conf names this endpoint: there was a cluster, and its data is gone"),
            Self::TwoAuthorities => ("init", "control planes hold certificates of two authorities"),
            Self::UnitRuns => ("everything there", "a kubeadm of an earlier run is still running on the machine, or nobody knows"),
            Self::LeaseHeld => ("everything in the cluster", "another run changes it, and renews its lease"),
            Self::ForeignMachine => ("everything there", "the machine holds certificates, or a kubelet, of another authority"),
            Self::LiveVoter => ("reset, remove member", "the machine has the data of a voter of etcd"),
            Self::OnlySpeaker => {
                ("reset of a control plane", "no other one that was reached has the cluster's credentials and a ready API server")
            }
            Self::MemberAnswers => ("remove member", "the member answers, or nobody knows whether it does"),
            Self::OtherAddress => {
                ("remove voter", "it has the host's name and another address: that machine was not reached, whatever answers here")
            }
            Self::NodeIsReady => ("delete Node, join", "a kubelet still reports as this Node"),
            Self::SameMachine => ("delete Node", "the Node is this very machine's, or nobody knows"),
            Self::VoterDown => {
                ("join of a control plane", "a voter of etcd does not answer: one more would make a majority harder to reach")
            }
            Self::Learner => ("join of a control plane", "etcd has a learner already: another is on its way in"),
            Self::ApiServerNotReady => ("join of a control plane", "the API server of a control plane is not ready"),
            Self::OneAtATime => ("all on a control plane", "another control plane is being acted on"),
            Self::ControlPlaneFiles => ("everything there", "a worker has manifests or etcd data of a control plane"),
            Self::SameNode => ("everything there", "another host of the inventory calls itself the same Node"),
            Self::LeftOut => (
                "CoreDNS, kube-proxy",
                "neither is anything missing that `kubeadm init` makes before, nor is its mark there; or others have joined since, or the stored configuration says so",
            ),
        }
    }

    /// Whether that danger stops the action: it does if it is there.
    pub(super) fn stops(self, danger: bool) -> bool {
        danger && !is_removed(self)
    }
}

#[cfg(not(test))]
const fn is_removed(_: Guard) -> bool {
    false
}

#[cfg(test)]
std::thread_local! {
    /// The guard that a test has taken away.
    pub(super) static REMOVED: std::cell::Cell<Option<Guard>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
fn is_removed(guard: Guard) -> bool {
    REMOVED.get() == Some(guard)
}
