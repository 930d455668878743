//! What a person wants: the whole inventory's hosts, where the cluster's endpoint is, what their Nodes bear.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The cluster as the inventory wants it. It names every host of the inventory, whatever `--limit` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Where the API is reached, as `host:port`.
    pub endpoint: String,
    /// Whether kube-vip on the control planes serves that address.
    pub kube_vip: bool,
    /// What `kubeadm init` leaves in the cluster, as far as the settings do not leave it out.
    pub parts: BTreeSet<InitPart>,
    /// The hosts, in the inventory's order.
    pub hosts: Vec<Host>,
}

/// One host of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its name in the inventory.
    pub name: String,
    /// The name of its Node, and of its etcd member.
    pub node: String,
    /// What it is to be.
    pub role: Role,
    /// Its address among the nodes, an IP address.
    pub address: String,
    /// What its Node bears.
    pub marks: Marks,
}

/// What a host is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// An API server, its controllers, and an etcd member.
    ControlPlane,
    /// A kubelet.
    Worker,
}

/// Labels, annotations and taints that a Node is to bear; what else it bears is somebody else's, and stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Marks {
    /// Labels, Longhorn's among them.
    pub labels: BTreeMap<String, String>,
    /// Annotations, Longhorn's among them.
    pub annotations: BTreeMap<String, String>,
    /// Taints, as `key=value:Effect`.
    pub taints: BTreeSet<String>,
    /// Taints that must not be there.
    pub no_taints: BTreeSet<String>,
}

impl Marks {
    /// What a Node lacks that bears `has`.
    pub fn missing_from(&self, has: &Self) -> Self {
        let lacks = |wanted: &BTreeMap<String, String>, has: &BTreeMap<String, String>| {
            wanted.iter().filter(|(key, value)| has.get(*key) != Some(value)).map(|(k, v)| (k.clone(), v.clone())).collect()
        };
        Self {
            labels: lacks(&self.labels, &has.labels),
            annotations: lacks(&self.annotations, &has.annotations),
            taints: self.taints.difference(&has.taints).cloned().collect(),
            no_taints: self.no_taints.intersection(&has.taints).cloned().collect(),
        }
    }

    /// Whether there is nothing to bear.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty() && self.taints.is_empty() && self.no_taints.is_empty()
    }
}

/// What `kubeadm init` leaves in the cluster; what is missing is made by `kubeadm init phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum InitPart {
    /// The ClusterRoleBinding `kubeadm:cluster-admins`, without which admin.conf may do nothing.
    AdminBinding,
    /// The ConfigMap kubeadm-config.
    StoredConfig,
    /// The ConfigMap kubelet-config.
    KubeletConfig,
    /// The ConfigMap cluster-info and the rules that let a token join.
    ClusterInfo,
    /// CoreDNS.
    CoreDns,
    /// kube-proxy.
    KubeProxy,
}

impl InitPart {
    /// All of them, in kubeadm's order.
    pub const ALL: [Self; 6] =
        [Self::AdminBinding, Self::StoredConfig, Self::KubeletConfig, Self::ClusterInfo, Self::CoreDns, Self::KubeProxy];

    /// Whether a cluster does without it if somebody wants it to, and works.
    pub fn is_addon(self) -> bool {
        matches!(self, Self::CoreDns | Self::KubeProxy)
    }

    /// What it is, in words.
    pub fn word(self) -> &'static str {
        match self {
            Self::AdminBinding => "the rights of admin.conf",
            Self::StoredConfig => "the stored configuration",
            Self::KubeletConfig => "the stored configuration of kubelets",
            Self::ClusterInfo => "cluster-info and the rules of tokens",
            Self::CoreDns => "CoreDNS",
            Self::KubeProxy => "kube-proxy",
        }
    }
}

impl Wanted {
    /// Those that are to be control planes, in the inventory's order.
    pub fn control_planes(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| host.role == Role::ControlPlane)
    }

    /// Those that are to be workers, in the inventory's order.
    pub fn workers(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| host.role == Role::Worker)
    }
}

impl Host {
    /// Where its etcd member is reached by the others: kubeadm's own form.
    pub fn peer_url(&self) -> String {
        match self.address.contains(':') {
            true => format!("https://[{}]:2380", self.address),
            false => format!("https://{}:2380", self.address),
        }
    }
}
