//! What was seen: on each machine, in the API, in etcd. Nothing here is concluded from anything else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::seen::Seen;
use super::wanted::{Host, InitPart, Marks};

/// All that was seen, at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Each host of the inventory by its name; one that is missing here was not looked at.
    pub machines: BTreeMap<String, Reach>,
    /// What stands behind the endpoint.
    pub api: Api,
    /// What etcd says of its members.
    pub etcd: Etcd,
}

/// Whether a machine answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reach {
    /// It did, and this is what is on it.
    Reached(Box<Machine>),
    /// It did not, or was not asked (`--limit`), because.
    Unreachable(String),
}

/// What is on a machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// `/etc/machine-id`.
    pub machine_id: Seen<String>,
    /// The certificate authority in `/etc/kubernetes/pki/ca.crt`: `sha256:` of its public key.
    pub ca: Seen<String>,
    /// `/etc/kubernetes/kubelet.conf`.
    pub kubelet_conf: Seen<KubeletConf>,
    /// `/etc/kubernetes/bootstrap-kubelet.conf`.
    pub bootstrap_conf: Seen<()>,
    /// `/var/lib/kubelet/config.yaml`, without which the kubelet does not start.
    pub kubelet_config: Seen<()>,
    /// `/etc/kubernetes/super-admin.conf`, which only `kubeadm init` writes.
    pub super_admin_conf: Seen<()>,
    /// `/etc/kubernetes/manifests`.
    pub manifests: Seen<Manifests>,
    /// `/var/lib/etcd/member`, or `member` where the etcd manifest or the cluster's stored configuration has the data.
    pub etcd_data: Seen<()>,
    /// The mark that a reset of ours leaves in etcd's data before it takes anything away, as long as the data is there: the authority that
    /// the data is of.
    #[serde(default = "absent")]
    pub reset: Seen<String>,
    /// The mark of a `kubeadm init` of ours that has not come to its end.
    #[serde(default = "absent")]
    pub init: Seen<()>,
    /// Whether the kubelet's unit is active.
    pub kubelet: Seen<()>,
    /// Which of 6443 and 2379 somebody listens on: what runs, whoever started it.
    pub ports: Seen<BTreeSet<u16>>,
    /// A kubeadm of ours that is still running, by its unit's name.
    pub unit: Seen<String>,
    /// Files with tokens or keys in [`MATERIAL`](crate::node::steps::MATERIAL).
    pub material: Seen<()>,
    /// Whether its own API server says that it is ready.
    pub readyz: Seen<()>,
    /// Whether anybody takes a connection at the endpoint, asked from this machine.
    pub endpoint: Seen<()>,
}

impl Machine {
    /// Whether its kubelet has a certificate for certain.
    pub fn has_certificate(&self) -> bool {
        self.kubelet_conf.present().is_some_and(|conf| conf.node.is_present())
    }

    /// One that nobody has done anything to.
    pub fn blank(machine_id: &str) -> Self {
        Self {
            machine_id: Seen::Present(machine_id.to_owned()),
            ca: Seen::Absent,
            kubelet_conf: Seen::Absent,
            bootstrap_conf: Seen::Absent,
            kubelet_config: Seen::Absent,
            super_admin_conf: Seen::Absent,
            manifests: Seen::Absent,
            etcd_data: Seen::Absent,
            reset: Seen::Absent,
            init: Seen::Absent,
            kubelet: Seen::Absent,
            ports: Seen::Present(BTreeSet::new()),
            unit: Seen::Absent,
            material: Seen::Absent,
            readyz: Seen::Absent,
            endpoint: Seen::Absent,
        }
    }
}

/// Of what was recorded before anybody looked for it.
fn absent<T>() -> Seen<T> {
    Seen::Absent
}

/// Whose kubelet it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeletConf {
    /// The authority that it trusts: `sha256:` of its public key.
    pub ca: String,
    /// The server that it talks to.
    pub server: String,
    /// The Node that its certificate is for; unknown if that cannot be read. Absent: a kubelet that was told to ask for a certificate writes
    /// the file when it starts, and has none before somebody signs it.
    pub node: Seen<String>,
}

/// Static pods that are to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Manifests {
    /// etcd.
    pub etcd: bool,
    /// API server, controller manager or scheduler.
    pub control_plane: bool,
    /// kube-vip, and with whose rights.
    pub kube_vip: Option<Credentials>,
}

impl Manifests {
    /// Whether kubeadm wrote any of them.
    pub fn of_kubeadm(self) -> bool {
        self.etcd || self.control_plane
    }
}

/// Whose rights kube-vip uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Credentials {
    /// super-admin.conf, which works before the cluster has its rules; only where the cluster was born.
    SuperAdmin,
    /// admin.conf, which works after.
    Admin,
}

/// What stands behind the endpoint, asked directly or through a control plane's connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Api {
    /// An API server, with what it says.
    Answers(Box<Objects>),
    /// Nobody: refused, no route, a time-out, or closed before TLS.
    Silent(String),
    /// Somebody, and no more is known: a TLS error, or no credentials that it takes.
    Unknown(String),
}

impl Api {
    /// Whose cluster answers, by its authority.
    pub fn authority(&self) -> Option<&str> {
        match self {
            Self::Answers(objects) => Some(&objects.ca),
            Self::Silent(_) | Self::Unknown(_) => None,
        }
    }
}

/// What the API says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Objects {
    /// The authority that signed its certificate: `sha256:` of its public key.
    pub ca: String,
    /// All Nodes.
    pub nodes: Seen<Vec<NodeObject>>,
    /// Requests for certificates of kubelets.
    pub csrs: Seen<Vec<Csr>>,
    /// What `kubeadm init` leaves in the cluster, each by itself.
    pub parts: BTreeMap<InitPart, Seen<()>>,
    /// What the stored configuration says that the cluster does without.
    #[serde(default)]
    pub disabled: BTreeSet<InitPart>,
    /// Who else changes the cluster at this moment: the holder of a lease that is being renewed.
    pub lease: Seen<String>,
    /// Tokens that we minted and that are still there, by their id.
    pub tokens: Seen<Vec<String>>,
    /// The Secret kubeadm-certs.
    pub certificates: Seen<()>,
}

impl Objects {
    /// Whether all that `kubeadm init` leaves is seen to be there, but for what the stored configuration does without.
    #[must_use]
    pub fn is_made(&self) -> bool {
        let is_out = |part: &InitPart, seen: &Seen<()>| seen.is_absent() && self.disabled.contains(part);
        self.parts.iter().all(|(part, seen)| seen.is_present() || is_out(part, seen))
    }
}

/// A Node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeObject {
    /// Its name.
    pub name: String,
    /// Which of several Nodes of that name, as time goes.
    pub uid: String,
    /// The machine that last called itself so.
    pub machine_id: String,
    /// How it is.
    pub ready: Ready,
    /// What it bears.
    pub marks: Marks,
}

/// How a Node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ready {
    /// Ready.
    Yes,
    /// Not ready, and only because there is no CNI yet.
    NoNetwork,
    /// Not ready: the kubelet's reason.
    No(String),
    /// Its kubelet has not been heard of for 40 s.
    Unheard,
}

/// A request for a kubelet's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Csr {
    /// Its name.
    pub name: String,
    /// For which Node.
    pub node: String,
    /// Whether nobody has decided yet.
    pub pending: bool,
}

/// What etcd says of its members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Etcd {
    /// A majority answers.
    Answers(Members),
    /// None that was asked does, because.
    Unknown(String),
}

/// etcd's members, as a majority of them has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// The authority of the machine whose etcd was asked.
    pub ca: String,
    /// Each of them.
    pub members: Vec<Member>,
    /// Who leads.
    pub leader: Seen<u64>,
}

/// A member of etcd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub id: u64,
    /// Its name: empty until it has started for the first time.
    pub name: String,
    /// Where the others reach it.
    pub peer: String,
    /// Whether it only listens, and has no vote.
    pub learner: bool,
    /// Whether it answers.
    pub healthy: Seen<()>,
}

impl Evidence {
    /// What is on that host's machine, if it was reached.
    pub fn machine(&self, host: &Host) -> Option<&Machine> {
        match self.machines.get(&host.name)? {
            Reach::Reached(machine) => Some(machine),
            Reach::Unreachable(_) => None,
        }
    }

    /// What the API says, if it answers.
    pub fn objects(&self) -> Option<&Objects> {
        match &self.api {
            Api::Answers(objects) => Some(objects),
            Api::Silent(_) | Api::Unknown(_) => None,
        }
    }
}
