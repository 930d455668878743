//! The settings against a cluster that lives: what a run carries out, what it refuses, what it only shows.
//!
//! A cluster stores what it was made with (the ConfigMaps kubeadm-config, kubelet-config and kube-proxy in kube-system). Both
//! sides are brought into one form by the same function ([`form`]): the stored one, and the one that kubeadm would be told now.

mod form;
#[cfg(test)]
mod tests;
mod told;
mod verdict;

use std::fmt;

use serde_json::Value;

use super::known::Known;
use super::kubeadm_config::{self, as_json};
use super::settings::read::free;
use super::settings::{CniName, Field, Kind, Live, SETTINGS, ServedBy, Settings};
use crate::diagnostics::Source;
use crate::yaml;

pub(in crate::cluster) use told::etcd_data;
pub use told::{Told, lease, told};
pub use verdict::{Verdict, verdict};

/// What was read of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// `ClusterConfiguration` of the ConfigMap kubeadm-config.
    pub cluster: Known<Value>,
    /// `kubelet` of the ConfigMap kubelet-config.
    pub kubelet: Known<Value>,
    /// `config.conf` of the ConfigMap kube-proxy.
    pub kube_proxy: Known<Value>,
    /// kube-vip's pod on a control plane.
    pub kube_vip: Known<KubeVip>,
    /// Which CNI has its objects in the cluster.
    pub cni: Known<CniName>,
}

/// How kube-vip was told to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVip {
    /// The address that it holds.
    pub address: String,
    /// Its image's version, without a `v`.
    pub version: String,
}

/// A setting that the cluster has otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The setting: `kube_proxy.strict_arp`.
    pub setting: String,
    /// What the settings say, as JSON; `null` if they say nothing of it.
    pub wanted: Value,
    /// What the cluster has; `null` if nothing.
    pub found: Value,
    /// What becomes of it.
    pub outcome: Outcome,
    /// The hosts that have it otherwise; none: the cluster has.
    pub hosts: Vec<String>,
}

/// What becomes of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The cluster is made to be as the settings say.
    Reconciled,
    /// It stops the run, for this reason.
    Refused(String),
    /// It is shown, and nothing is done, for this reason.
    Drift(&'static str),
    /// What the cluster has is not known, so nothing is done: why.
    Unknown(String),
}

impl Stored {
    /// A document that stands as YAML in a ConfigMap.
    ///
    /// # Errors
    /// What is wrong with it: the API does not look at these texts, and people edit them.
    pub fn document(name: &str, text: &str) -> Result<Value, String> {
        match yaml::load(&Source::new(name, text)) {
            Ok((Some(node), _)) if node.as_map().is_some() => Ok(free(&node)),
            Ok(_) => Err(format!("{name} is no mapping")),
            Err(problems) => Err(problems.0.first().map_or_else(String::new, |problem| format!("{name}: {}", problem.message))),
        }
    }
}

/// Every setting that the cluster has otherwise, in the order of the settings' table.
pub fn differences(settings: &Settings, stored: &Stored) -> Vec<Difference> {
    let mut found = Vec::new();
    let wanted = form::all(
        &Known::Is(as_json(&kubeadm_config::cluster(settings))),
        &Known::Is(as_json(&kubeadm_config::kubelet(settings))),
        &Known::Is(as_json(&kubeadm_config::kube_proxy(settings))),
        &settings.kubelet,
    );
    let stored_form = form::all(&stored.cluster, &stored.kubelet, &stored.kube_proxy, &settings.kubelet);
    for ((setting, wanted), (_, is)) in wanted.into_iter().zip(stored_form) {
        compare(setting, wanted.is().cloned().unwrap_or_default(), is, &mut found);
    }
    for (setting, wanted, is) in besides(settings, stored) {
        compare(setting, wanted, is, &mut found);
    }
    for one in found.iter_mut().filter(|one| one.setting == "endpoint.served_by" && one.wanted == "kube-vip") {
        if matches!(one.outcome, Outcome::Drift(_)) {
            one.outcome = Outcome::Reconciled;
        }
    }
    let order = |setting: &str| form::ORDER.iter().position(|one| *one == setting);
    found.sort_by_key(|difference| order(&difference.setting));
    found
}

/// What is not in the ConfigMaps.
fn besides(settings: &Settings, stored: &Stored) -> [(&'static str, Value, Known<Value>); 4] {
    let endpoint = &settings.endpoint;
    let served = match &stored.kube_vip {
        Known::Is(_) => Known::Is("kube-vip".into()),
        Known::Not => Known::Is("external".into()),
        Known::Unknown(why) => Known::Unknown(why.clone()),
    };
    let of_kube_vip = |value: fn(&KubeVip) -> &str| match &stored.kube_vip {
        Known::Is(kube_vip) => Known::Is(value(kube_vip).into()),
        // then `served_by` is what differs
        Known::Not => Known::Is(Value::Null),
        Known::Unknown(why) => Known::Unknown(why.clone()),
    };
    let cni = match &stored.cni {
        Known::Is(cni) => Known::Is(cni.word().into()),
        Known::Not => Known::Is(Value::Null),
        Known::Unknown(why) => Known::Unknown(why.clone()),
    };
    let is_kube_vip = endpoint.served_by == ServedBy::KubeVip && stored.kube_vip != Known::Not;
    let held = endpoint.address.map_or_else(|| endpoint.host.clone(), |address| address.to_string());
    let only = |value: Value| if is_kube_vip { value } else { Value::Null };
    // a manifest of the user's, and what somebody else does, have no name that could be looked for
    let is_known = matches!(settings.cni.name, CniName::Cilium | CniName::Flannel) && cni != Known::Is(Value::Null);
    [
        ("endpoint.served_by", if endpoint.served_by == ServedBy::KubeVip { "kube-vip" } else { "external" }.into(), served),
        ("endpoint.address", only(held.into()), of_kube_vip(|kube_vip| &kube_vip.address)),
        ("endpoint.version", only(endpoint.version.trim_start_matches('v').into()), of_kube_vip(|kube_vip| &kube_vip.version)),
        ("cni.name", if is_known { settings.cni.name.word().into() } else { Value::Null }, cni),
    ]
}

fn compare(setting: &'static str, wanted: Value, is: Known<Value>, found: &mut Vec<Difference>) {
    // of no meaning with these settings, such as IPVS's scheduler in another mode
    if wanted.is_null() {
        return;
    }
    let (is, outcome) = match is {
        Known::Is(is) if form::same(&is, &wanted) => return,
        Known::Is(is) => (is, outcome(setting)),
        Known::Not => (Value::Null, Outcome::Refused(without(setting).to_owned())),
        Known::Unknown(why) => (Value::Null, Outcome::Unknown(why)),
    };
    let (wanted, is) = form::apart(wanted, is);
    found.push(Difference { setting: setting.to_owned(), wanted, found: is, outcome, hosts: Vec::new() });
}

/// The document that a setting stands in is not there at all.
fn without(setting: &str) -> &'static str {
    if setting.starts_with("kube_proxy.") {
        "the cluster has no kube-proxy: something else does its work, and two would break every service"
    } else {
        "the cluster was not made by kubeadm, or its stored configuration was taken away"
    }
}

fn outcome(setting: &str) -> Outcome {
    match field(setting).map(|field| field.live) {
        Some(Live::Fixed(why)) => Outcome::Refused(why.to_owned()),
        Some(Live::Reconciled) => Outcome::Reconciled,
        Some(Live::Drift(why)) => Outcome::Drift(why),
        Some(Live::Parts) | None => Outcome::Drift("nothing more is known of it"),
    }
}

/// The entry of the settings' table.
fn field(setting: &str) -> Option<&'static Field> {
    let (mut table, mut found) = (SETTINGS, None);
    for name in setting.split('.') {
        let field = table.iter().find(|field| field.name == name)?;
        found = Some(field);
        if let Kind::Fields(below) = field.kind {
            table = below;
        }
    }
    found
}

impl CniName {
    /// As the settings call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cilium => "cilium",
            Self::Flannel => "flannel",
            Self::Manifest => "manifest",
            Self::None => "none",
        }
    }
}

/// One line: the setting, what it was and will be, and why not.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {} → {}", self.setting, verdict::shown(&self.found), verdict::shown(&self.wanted))?;
        if !self.hosts.is_empty() {
            write!(f, "  on {}", self.hosts.join(" "))?;
        }
        match &self.outcome {
            Outcome::Reconciled => Ok(()),
            Outcome::Refused(why) => write!(f, "  refused: {why}"),
            Outcome::Drift(why) => write!(f, "  shown only: {why}"),
            Outcome::Unknown(why) => write!(f, "  unknown: {why}"),
        }
    }
}
