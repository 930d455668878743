//! kubeadm's configuration, made of the settings: what `kubeadm init` and `kubeadm join` read from a file with `--config`.
//!
//! The files hold tokens and keys: they are written with mode 0600 and removed after use, and no token is ever an argument of a
//! program, where `ps` shows it. Each document is JSON, which is YAML too; nothing in it is made by pasting texts.

mod secret;
#[cfg(test)]
mod tests;
pub mod v1beta4;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::settings::{API_PORT, ProxyMode, Settings, taint};
pub use secret::Secret;
use v1beta4::{
    ApiEndpoint, ApiServer, Arg, BootstrapToken, BootstrapTokenDiscovery, ClusterConfiguration, Component, Discovery, Etcd,
    InitConfiguration, Ipvs, JoinConfiguration, JoinControlPlane, Kind, KubeProxyConfiguration, KubeletConfiguration, LocalEtcd,
    Networking, NodeRegistration, Taint, Timeouts,
};

/// Where containerd listens.
const CONTAINERD: &str = "unix:///run/containerd/containerd.sock";
/// A token is minted right before it is used, so that it need not live long.
const TOKEN_LIVES: &str = "30m0s";
/// Longer than kubeadm's own where slow machines give up at work that goes well: an API server that takes its time to come up, an address
/// of kube-vip that moves meanwhile, a new member of etcd that copies a large database before it can have a vote. What it waits for else
/// (discovery, the kubelet, its certificate) needs nothing that grows with the cluster, and has four or five minutes.
const TIMEOUTS: Timeouts = Timeouts { control_plane_component_health_check: "8m0s", kubernetes_api_call: "2m0s", etcd_api_call: "5m0s" };
/// Where etcd has its data, as this program's configuration has it.
pub const ETCD_DATA: &str = "/var/lib/etcd";
/// By what tokens of ours are known, and taken back at the end.
pub const OURS: &str = "homelabctl: to join with";

/// The machine that kubeadm runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The Node's name, which is the machine's host name.
    pub name: String,
    /// The address that the others reach it at.
    pub address: IpAddr,
    /// Its taints, if the settings name it. A control plane that they do not name has kubeadm's own.
    pub taints: Option<Vec<String>>,
}

/// How a machine comes to trust the cluster that it joins, and the cluster it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    /// `abcdef.0123456789abcdef`
    pub token: Secret,
    /// `sha256:` and the digest of the CA's public key.
    pub ca_hash: String,
    /// For a control plane: what its certificates are decrypted with, 64 hex digits.
    pub certificate_key: Option<Secret>,
}

/// A file for `--config`. It holds secrets, so `{:?}` does not show it.
pub struct ConfigFile(String);

impl ConfigFile {
    /// What is to be written, with mode 0600.
    pub fn text(&self) -> &str {
        &self.0
    }

    fn with(mut self, document: &impl Kind) -> Self {
        // values of these types are always JSON: texts, numbers, and mappings with texts as keys
        let text = serde_json::to_string_pretty(&document.document()).unwrap_or_default();
        self.0.extend(["---\n", &text, "\n"]);
        self
    }
}

impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigFile({} bytes)", self.0.len())
    }
}

/// What `kubeadm init --config` reads.
pub fn init(settings: &Settings, machine: &Machine, token: &Secret, certificate_key: &Secret) -> ConfigFile {
    let init = InitConfiguration {
        bootstrap_tokens: vec![BootstrapToken {
            token: token.clone(),
            ttl: TOKEN_LIVES,
            description: OURS,
            usages: ["signing", "authentication"],
            groups: ["system:bootstrappers:kubeadm:default-node-token"],
        }],
        certificate_key: certificate_key.clone(),
        local_api_endpoint: local_endpoint(machine),
        node_registration: registration(settings, machine),
        timeouts: TIMEOUTS,
    };
    let file = ConfigFile(String::new()).with(&init).with(&cluster(settings));
    file.with(&kube_proxy(settings)).with(&kubelet(settings))
}

/// What `kubeadm join --config` reads.
pub fn join(settings: &Settings, machine: &Machine, joining: &Joining) -> ConfigFile {
    let control_plane = joining.certificate_key.as_ref();
    ConfigFile(String::new()).with(&JoinConfiguration {
        discovery: Discovery {
            bootstrap_token: BootstrapTokenDiscovery {
                token: joining.token.clone(),
                api_server_endpoint: endpoint(settings),
                ca_cert_hashes: vec![joining.ca_hash.clone()],
            },
            tls_bootstrap_token: joining.token.clone(),
        },
        node_registration: registration(settings, machine),
        control_plane: control_plane
            .map(|key| JoinControlPlane { local_api_endpoint: local_endpoint(machine), certificate_key: key.clone() }),
        timeouts: TIMEOUTS,
    })
}

/// What the cluster stores of itself, for `kubeadm init phase upload-config` after a change: no machine's own, and no secret.
pub fn stored(settings: &Settings) -> ConfigFile {
    ConfigFile(String::new()).with(&cluster(settings)).with(&kube_proxy(settings)).with(&kubelet(settings))
}

/// `host:port`, an address of version 6 in brackets.
pub fn endpoint(settings: &Settings) -> String {
    let (host, port) = (&settings.endpoint.host, settings.endpoint.port);
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// What the cluster is.
pub fn cluster(settings: &Settings) -> ClusterConfiguration {
    let arguments = &settings.extra_arguments;
    let component = |given: &BTreeMap<String, String>| {
        let mut all = given.clone();
        all.extend(gates(settings).map(|gates| ("feature-gates".to_owned(), gates)));
        args(&all)
    };
    let etcd = args(&arguments.etcd);
    ClusterConfiguration {
        cluster_name: settings.name.clone(),
        kubernetes_version: settings.version.to_string(),
        control_plane_endpoint: endpoint(settings),
        networking: Networking {
            pod_subnet: settings.network.pods.to_string(),
            service_subnet: settings.network.services.to_string(),
            dns_domain: settings.network.domain.clone(),
        },
        api_server: ApiServer { extra_args: component(&arguments.api_server), cert_sans: settings.certificate_names.clone() },
        controller_manager: Component { extra_args: component(&arguments.controller_manager) },
        scheduler: Component { extra_args: component(&arguments.scheduler) },
        etcd: (!etcd.is_empty()).then_some(Etcd { local: LocalEtcd { data_dir: ETCD_DATA, extra_args: etcd } }),
    }
}

/// How kube-proxy leads packets.
pub fn kube_proxy(settings: &Settings) -> KubeProxyConfiguration {
    let proxy = &settings.kube_proxy;
    KubeProxyConfiguration {
        mode: proxy.mode.word(),
        cluster_cidr: settings.network.pods.to_string(),
        ipvs: (proxy.mode == ProxyMode::Ipvs).then(|| Ipvs { strict_arp: proxy.strict_arp, scheduler: proxy.scheduler.clone() }),
        feature_gates: settings.feature_gates.clone(),
    }
}

/// What every kubelet is told: what the settings say, and what this program relies on.
pub fn kubelet(settings: &Settings) -> KubeletConfiguration {
    KubeletConfiguration { cgroup_driver: "systemd", feature_gates: settings.feature_gates.clone(), fields: settings.kubelet.clone() }
}

fn registration(settings: &Settings, machine: &Machine) -> NodeRegistration {
    let mut kubelet = settings.extra_arguments.kubelet.clone();
    // else the kubelet takes the first address that it finds, which may be another network's
    kubelet.entry("node-ip".to_owned()).or_insert_with(|| machine.address.to_string());
    let taint =
        |text: &String| taint(text).map(|(key, value, effect)| Taint { key: key.into(), value: value.into(), effect: effect.into() });
    NodeRegistration {
        name: machine.name.clone(),
        cri_socket: CONTAINERD,
        kubelet_extra_args: args(&kubelet),
        taints: machine.taints.as_ref().map(|taints| taints.iter().filter_map(taint).collect()),
        ignore_preflight_errors: settings.ignore_preflight_errors.clone(),
    }
}

fn local_endpoint(machine: &Machine) -> ApiEndpoint {
    ApiEndpoint { advertise_address: machine.address, bind_port: API_PORT }
}

fn args(arguments: &BTreeMap<String, String>) -> Vec<Arg> {
    arguments.iter().map(|(name, value)| Arg { name: name.clone(), value: value.clone() }).collect()
}

/// As programs take them: `A=true,B=false`.
fn gates(settings: &Settings) -> Option<String> {
    let gates: Vec<String> = settings.feature_gates.iter().map(|(name, on)| format!("{name}={on}")).collect();
    (!gates.is_empty()).then(|| gates.join(","))
}

/// As `kind` and `apiVersion` stand before it, in JSON.
pub(super) fn as_json<T: Serialize>(content: &T) -> serde_json::Value {
    serde_json::to_value(content).unwrap_or_default()
}
