//! What a person wants of the cluster: the variable `cluster`, which stands in the inventory's group_vars.
//!
//! [`Settings::read`] finds all that is wrong with it at once, before anything connects. [`table`] is the one place where a
//! setting is described; its page and its JSON Schema are made of that.

mod agree;
mod arguments;
mod calendar;
mod chart;
mod field;
mod hosts;
mod kubelet_fields;
mod page;
pub(super) mod read;
mod recognised;
mod schema;
mod schema_rules;
#[cfg(test)]
mod schema_tests;
mod shape;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::leaves;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::yaml::Node;

#[cfg(test)]
pub(super) use agree::is_check;
pub use agree::{API_PORT, overlap};
pub use calendar::end_of_life;
pub use field::{Field, Kind, Live, Shape};
pub use hosts::{InventoryHost, Role};
pub(super) use kubelet_fields::duration;
pub use page::page;
pub use recognised::is_settings;
pub use schema::schema;
pub use shape::{KubernetesVersion, taint};
pub use table::SETTINGS;

/// What a cluster is to be. Every value has its shape, and all of them agree.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What the cluster is called.
    pub name: String,
    /// Version of Kubernetes.
    pub version: KubernetesVersion,
    /// Where the API is reached.
    pub endpoint: Endpoint,
    /// Addresses of pods and services.
    pub network: Network,
    /// What connects pods across nodes.
    pub cni: Cni,
    /// kube-proxy's settings.
    pub kube_proxy: KubeProxy,
    /// Groups of the inventory.
    pub groups: Groups,
    /// Labels by host or group.
    #[serde(default)]
    pub labels: BTreeMap<String, BTreeMap<String, String>>,
    /// Taints by host or group.
    #[serde(default)]
    pub taints: BTreeMap<String, Vec<String>>,
    /// Fields of KubeletConfiguration.
    #[serde(default)]
    pub kubelet: Map<String, Value>,
    /// Feature gates of all components.
    #[serde(default)]
    pub feature_gates: BTreeMap<String, bool>,
    /// Arguments of programs, by the program.
    #[serde(default)]
    pub extra_arguments: ExtraArguments,
    /// Further names and addresses of the API's certificate.
    #[serde(default)]
    pub certificate_names: Vec<String>,
    /// Where to ask first for images of a registry.
    #[serde(default)]
    pub registry_mirrors: BTreeMap<String, Vec<String>>,
    /// Archive of images.
    pub image_bundle: Option<String>,
    /// kubeadm's checks that may fail.
    #[serde(default)]
    pub ignore_preflight_errors: Vec<String>,
    /// Where the packages come from.
    pub packages: Packages,
}

/// Where the API is reached, whichever control plane is up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Who brings it to a control plane.
    pub served_by: ServedBy,
    /// kube-vip's virtual address; `host`, if that is one.
    pub address: Option<IpAddr>,
    /// kube-vip's version.
    pub version: String,
}

/// Who brings the endpoint to a control plane that is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServedBy {
    /// Something that this program knows nothing of.
    External,
    /// kube-vip, on the control planes.
    KubeVip,
}

/// Addresses in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Of pods.
    pub pods: IpNet,
    /// Of services.
    pub services: IpNet,
    /// Domain of services.
    pub domain: String,
}

/// What connects pods across nodes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cni {
    /// Which one.
    pub name: CniName,
    /// Its version; a tested one if not given.
    pub version: Option<String>,
    /// Values of Cilium's chart.
    #[serde(default)]
    pub values: Map<String, Value>,
    /// Objects to apply.
    pub manifest: Option<String>,
}

/// The CNIs that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CniName {
    /// By its Helm chart.
    Cilium,
    /// By its manifest.
    Flannel,
    /// A manifest of the user's.
    Manifest,
    /// Somebody else's work, after this program.
    None,
}

/// kube-proxy's settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeProxy {
    /// How packets are led.
    pub mode: ProxyMode,
    /// Whether a node answers ARP for its own addresses only.
    pub strict_arp: bool,
    /// How IPVS chooses a pod.
    pub scheduler: String,
}

/// How kube-proxy leads packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyMode {
    /// Deprecated from 1.35.
    Ipvs,
    /// The kernel's older tables.
    Iptables,
    /// The kernel's newer tables; stable since 1.33.
    Nftables,
}

impl ProxyMode {
    /// As kube-proxy calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ipvs => "ipvs",
            Self::Iptables => "iptables",
            Self::Nftables => "nftables",
        }
    }
}

/// Groups of the inventory, by what their hosts become.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Groups {
    /// Control planes.
    pub control_planes: Vec<String>,
    /// Workers.
    pub workers: Vec<String>,
}

/// Arguments of programs, by their names without the hyphens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the programs are named so")]
pub struct ExtraArguments {
    pub api_server: BTreeMap<String, String>,
    pub controller_manager: BTreeMap<String, String>,
    pub scheduler: BTreeMap<String, String>,
    pub etcd: BTreeMap<String, String>,
    pub kubelet: BTreeMap<String, String>,
}

/// Where packages come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// Repository; `{minor}` is the minor version.
    pub url: String,
    /// Its key: an address or a file.
    pub key: String,
}

impl Settings {
    /// Reads the variable `cluster`, rendered. None, if anything is wrong with it; what is wrong and what to know is in
    /// `problems`, each with its place.
    ///
    /// `today` is the date as `2026-11-26`, for versions past their end of life.
    pub fn read(cluster: &Node, today: &str, problems: &mut Diagnostics) -> Option<Self> {
        let mut found = Diagnostics::default();
        let settings = read::read(cluster, &mut found).and_then(|read| match serde_json::from_value::<Self>(read.value) {
            // what does not fit together is told together with what is wrong by itself, as far as both sides are known
            Ok(settings) => {
                agree::check(&settings, cluster, &read.broken, today, &mut found);
                Some(settings)
            }
            Err(_) if found.has_errors() => None,
            Err(why) => {
                found.push(Diagnostic::error(format!("`cluster` cannot be read: {why}")).at(cluster.place.clone()));
                None
            }
        });
        let is_good = !found.has_errors();
        problems.extend(found);
        settings.filter(|_| is_good)
    }
}
