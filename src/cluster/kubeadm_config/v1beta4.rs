//! kubeadm.k8s.io/v1beta4, and what is handed to kube-proxy and the kubelet with it: the fields that this program writes.
//!
//! Names and forms are those of cmd/kubeadm/app/apis/kubeadm/v1beta4/types.go of Kubernetes v1.34. What is not written has kubeadm's
//! default.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Map, Value};

use super::Secret;

/// `apiVersion` of kubeadm's own documents.
pub const KUBEADM: &str = "kubeadm.k8s.io/v1beta4";

/// What `kubeadm init` does on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitConfiguration {
    /// Tokens that the cluster is made with.
    pub bootstrap_tokens: Vec<BootstrapToken>,
    /// What the certificates of control planes are encrypted with on their way to others: 64 hex digits.
    pub certificate_key: Secret,
    /// Where this machine's API listens.
    #[serde(rename = "localAPIEndpoint")]
    pub local_api_endpoint: ApiEndpoint,
    /// What this machine is as a node.
    pub node_registration: NodeRegistration,
    /// How long kubeadm waits.
    pub timeouts: Timeouts,
}

/// With which machines come to trust a cluster, and it them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootstrapToken {
    /// `abcdef.0123456789abcdef`
    pub token: Secret,
    /// For how long, as Go writes it: `30m0s`.
    pub ttl: &'static str,
    /// By what it is known.
    pub description: &'static str,
    /// What for.
    pub usages: [&'static str; 2],
    /// As whom.
    pub groups: [&'static str; 1],
}

/// What `kubeadm join` does on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinConfiguration {
    /// How it finds and trusts the cluster.
    pub discovery: Discovery,
    /// What this machine is as a node.
    pub node_registration: NodeRegistration,
    /// For a control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<JoinControlPlane>,
    /// How long kubeadm waits.
    pub timeouts: Timeouts,
}

/// How long kubeadm waits before it gives up and leaves half of it, as Go writes it: `8m0s`. Each is an end, not a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeouts {
    /// For API server, controller manager and scheduler to be well; 4 min if not said.
    pub control_plane_component_health_check: &'static str,
    /// For an answer of the API; 1 min if not said.
    #[serde(rename = "kubernetesAPICall")]
    pub kubernetes_api_call: &'static str,
    /// For an answer of etcd, and for a new member to have all that the others have; 2 min if not said.
    #[serde(rename = "etcdAPICall")]
    pub etcd_api_call: &'static str,
}

/// How a machine finds and trusts the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Discovery {
    /// By a token and the digest of the cluster's CA.
    pub bootstrap_token: BootstrapTokenDiscovery,
    /// The token with which its kubelet asks for a certificate.
    pub tls_bootstrap_token: Secret,
}

/// By a token and the digest of the cluster's CA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BootstrapTokenDiscovery {
    /// The token.
    pub token: Secret,
    /// `host:port` of the API.
    pub api_server_endpoint: String,
    /// `sha256:` and the digest of the CA's public key.
    pub ca_cert_hashes: Vec<String>,
}

/// What a control plane needs more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinControlPlane {
    /// Where its API listens.
    #[serde(rename = "localAPIEndpoint")]
    pub local_api_endpoint: ApiEndpoint,
    /// What the certificates that it fetches are decrypted with.
    pub certificate_key: Secret,
}

/// Where a machine's own API listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiEndpoint {
    /// Its address, which others reach it at.
    pub advertise_address: IpAddr,
    /// Its port.
    pub bind_port: u16,
}

/// What a machine is as a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRegistration {
    /// The Node's name.
    pub name: String,
    /// Where its container runtime listens.
    pub cri_socket: &'static str,
    /// Arguments of its kubelet.
    pub kubelet_extra_args: Vec<Arg>,
    /// Left out, a control plane has kubeadm's own; an empty list is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taints: Option<Vec<Taint>>,
    /// Checks of kubeadm's that may fail.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_preflight_errors: Vec<String>,
}

/// An argument of a program, without its hyphens: a list of them, where older versions had a mapping.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[expect(missing_docs, reason = "said above")]
pub struct Arg {
    pub name: String,
    pub value: String,
}

/// What keeps pods away from a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "Kubernetes' own words")]
pub struct Taint {
    pub key: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    pub effect: String,
}

/// What the cluster is; stored in it, for control planes that join and for upgrades.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConfiguration {
    /// What kubeconfigs call it.
    pub cluster_name: String,
    /// `v1.34.2`
    pub kubernetes_version: String,
    /// `host:port` of the API.
    pub control_plane_endpoint: String,
    /// Addresses inside.
    pub networking: Networking,
    /// kube-apiserver.
    #[serde(skip_serializing_if = "ApiServer::is_empty")]
    pub api_server: ApiServer,
    /// kube-controller-manager.
    #[serde(skip_serializing_if = "Component::is_empty")]
    pub controller_manager: Component,
    /// kube-scheduler.
    #[serde(skip_serializing_if = "Component::is_empty")]
    pub scheduler: Component,
    /// etcd, if anything is to be said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etcd: Option<Etcd>,
}

/// Addresses inside a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Networking {
    /// Of pods.
    pub pod_subnet: String,
    /// Of services.
    pub service_subnet: String,
    /// Domain of services.
    pub dns_domain: String,
}

/// A program of the control plane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<Arg>,
}

impl Component {
    fn is_empty(&self) -> bool {
        self.extra_args.is_empty()
    }
}

/// kube-apiserver.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiServer {
    /// Its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<Arg>,
    /// Further names and addresses of its certificate.
    #[serde(rename = "certSANs", skip_serializing_if = "Vec::is_empty")]
    pub cert_sans: Vec<String>,
}

impl ApiServer {
    fn is_empty(&self) -> bool {
        self.extra_args.is_empty() && self.cert_sans.is_empty()
    }
}

/// etcd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Etcd {
    /// On the control planes.
    pub local: LocalEtcd,
}

/// etcd on the control planes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalEtcd {
    /// Where its data is.
    pub data_dir: &'static str,
    /// Its arguments.
    pub extra_args: Vec<Arg>,
}

/// kubeproxy.config.k8s.io/v1alpha1
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeProxyConfiguration {
    /// `ipvs`, `iptables` or `nftables`.
    pub mode: &'static str,
    /// Network of the pods: what comes from elsewhere is masqueraded.
    #[serde(rename = "clusterCIDR")]
    pub cluster_cidr: String,
    /// In that mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipvs: Option<Ipvs>,
    /// Feature gates.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub feature_gates: BTreeMap<String, bool>,
}

/// kube-proxy in IPVS mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ipvs {
    /// Whether a node answers ARP for its own addresses only.
    #[serde(rename = "strictARP")]
    pub strict_arp: bool,
    /// How a pod is chosen.
    pub scheduler: String,
}

/// kubelet.config.k8s.io/v1beta1
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeletConfiguration {
    /// As containerd has it.
    pub cgroup_driver: &'static str,
    /// Feature gates.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub feature_gates: BTreeMap<String, bool>,
    /// The settings' own fields.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

/// A document with its `apiVersion` and `kind`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a, T> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    content: &'a T,
}

/// What can stand in a file of kubeadm's.
pub(super) trait Kind: Serialize + Sized {
    const API_VERSION: &'static str = KUBEADM;
    const KIND: &'static str;

    fn document(&self) -> Document<'_, Self> {
        Document { api_version: Self::API_VERSION, kind: Self::KIND, content: self }
    }
}

impl Kind for InitConfiguration {
    const KIND: &'static str = "InitConfiguration";
}

impl Kind for JoinConfiguration {
    const KIND: &'static str = "JoinConfiguration";
}

impl Kind for ClusterConfiguration {
    const KIND: &'static str = "ClusterConfiguration";
}

impl Kind for KubeProxyConfiguration {
    const API_VERSION: &'static str = "kubeproxy.config.k8s.io/v1alpha1";
    const KIND: &'static str = "KubeProxyConfiguration";
}

impl Kind for KubeletConfiguration {
    const API_VERSION: &'static str = "kubelet.config.k8s.io/v1beta1";
    const KIND: &'static str = "KubeletConfiguration";
}
