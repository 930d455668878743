//! One form for what is stored and what is wanted, by the settings' names, so that the same thing written otherwise is no difference.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::cluster::known::Known;
use crate::cluster::settings::{KubernetesVersion, duration};

/// The settings that are compared, in the order of their table; those that stand in no ConfigMap too.
pub const ORDER: [&str; 21] = [
    "name",
    "version",
    "endpoint.host",
    "endpoint.port",
    "endpoint.served_by",
    "endpoint.address",
    "endpoint.version",
    "network.pods",
    "network.services",
    "network.domain",
    "cni.name",
    "kube_proxy.mode",
    "kube_proxy.strict_arp",
    "kube_proxy.scheduler",
    "kubelet",
    "feature_gates",
    "extra_arguments.api_server",
    "extra_arguments.controller_manager",
    "extra_arguments.scheduler",
    "extra_arguments.etcd",
    "certificate_names",
];

/// Settings that are compared with something else, by those who read it.
#[cfg(test)]
pub const ELSEWHERE: [(&str, &str); 13] = [
    ("cni.version", "the CNI's own objects"),
    ("cni.values", "the release of Cilium's chart"),
    ("cni.manifest", "the CNI's own objects"),
    ("groups.control_planes", "the Nodes"),
    ("groups.workers", "the Nodes"),
    ("labels", "the Nodes"),
    ("taints", "the Nodes"),
    ("extra_arguments.kubelet", "/var/lib/kubelet/kubeadm-flags.env of each node"),
    ("registry_mirrors", "/etc/containerd/certs.d of each node"),
    ("image_bundle", "the images of each node"),
    ("ignore_preflight_errors", "nothing: it is of the run"),
    ("packages.url", "the package sources of each node"),
    ("packages.key", "the package sources of each node"),
];

/// All settings that stand in the three documents, each as the cluster has it.
///
/// `asked` are the fields of the kubelet that the settings have.
pub fn all(
    cluster: &Known<Value>,
    kubelet: &Known<Value>,
    kube_proxy: &Known<Value>,
    asked: &Map<String, Value>,
) -> Vec<(&'static str, Known<Value>)> {
    let of = |document: &Known<Value>, form: &dyn Fn(&Value) -> Value| match document {
        Known::Is(document) => Known::Is(form(document)),
        Known::Not => Known::Not,
        Known::Unknown(why) => Known::Unknown(why.clone()),
    };
    let in_cluster = |form: &dyn Fn(&Value) -> Value| of(cluster, form);
    let arguments = |program: &'static str| in_cluster(&|cluster| Value::Object(without_gates(arguments(cluster.get(program)))));
    vec![
        ("name", in_cluster(&|cluster| text(cluster, "/clusterName", "kubernetes"))),
        ("version", in_cluster(&version)),
        ("endpoint.host", in_cluster(&|cluster| endpoint(cluster).0)),
        ("endpoint.port", in_cluster(&|cluster| endpoint(cluster).1)),
        ("network.pods", in_cluster(&|cluster| network(cluster, "/networking/podSubnet"))),
        ("network.services", in_cluster(&|cluster| network(cluster, "/networking/serviceSubnet"))),
        ("network.domain", in_cluster(&|cluster| text(cluster, "/networking/dnsDomain", "cluster.local"))),
        ("kube_proxy.mode", of(kube_proxy, &|proxy| text(proxy, "/mode", "iptables"))),
        ("kube_proxy.strict_arp", of(kube_proxy, &|proxy| ipvs(proxy, proxy.pointer("/ipvs/strictARP").cloned().unwrap_or(json!(false))))),
        ("kube_proxy.scheduler", of(kube_proxy, &|proxy| ipvs(proxy, text(proxy, "/ipvs/scheduler", "rr")))),
        ("kubelet", of(kubelet, &|kubelet| kubelet_fields(kubelet, asked))),
        ("feature_gates", gates(cluster, kubelet, kube_proxy)),
        ("extra_arguments.api_server", arguments("apiServer")),
        ("extra_arguments.controller_manager", arguments("controllerManager")),
        ("extra_arguments.scheduler", arguments("scheduler")),
        ("extra_arguments.etcd", in_cluster(&|cluster| Value::Object(self::arguments(cluster.pointer("/etcd/local"))))),
        ("certificate_names", in_cluster(&|cluster| names(cluster.pointer("/apiServer/certSANs")))),
    ]
}

/// Of two mappings only what differs.
pub fn apart(wanted: Value, found: Value) -> (Value, Value) {
    let (Value::Object(mut wanted), Value::Object(mut found)) = (wanted.clone(), found.clone()) else { return (wanted, found) };
    let same: Vec<String> =
        wanted.iter().filter(|(name, value)| found.get(*name).is_some_and(|is| same(is, value))).map(|(name, _)| name.clone()).collect();
    for name in same {
        wanted.shift_remove(&name);
        found.shift_remove(&name);
    }
    (Value::Object(wanted), Value::Object(found))
}

/// A text; what is empty has the program's default, nothing where it has none.
fn text(document: &Value, pointer: &str, default: &str) -> Value {
    let text = document.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.or(Some(default).filter(|default| !default.is_empty())).map_or(Value::Null, Value::from)
}

fn version(cluster: &Value) -> Value {
    let text = text(cluster, "/kubernetesVersion", "");
    text.as_str().and_then(KubernetesVersion::parse).map_or(text.clone(), |version| version.to_string().into())
}

fn network(document: &Value, pointer: &str) -> Value {
    let Value::String(text) = text(document, pointer, "") else { return Value::Null };
    Value::from(text.parse::<IpNet>().map_or(text, |network| network.trunc().to_string()))
}

/// Host and port of `controlPlaneEndpoint`.
fn endpoint(cluster: &Value) -> (Value, Value) {
    let Value::String(text) = text(cluster, "/controlPlaneEndpoint", "") else { return (Value::Null, Value::Null) };
    let is_bare = text.parse::<IpAddr>().is_ok();
    let (host, port) = text.rsplit_once(':').filter(|_| !is_bare).unwrap_or((&text, "6443"));
    let host = host.trim_matches(['[', ']']);
    let host = host.parse::<IpAddr>().map_or_else(|_| host.to_ascii_lowercase(), |address| address.to_string());
    (host.into(), port.parse::<u16>().map_or_else(|_| port.into(), Value::from))
}

/// What is IPVS's; nothing in another mode.
fn ipvs(proxy: &Value, value: Value) -> Value {
    if proxy.get("mode").and_then(Value::as_str) == Some("ipvs") { value } else { Value::Null }
}

/// The arguments of a program: a list since v1beta4, a mapping before. Of two with one name the program takes the last.
fn arguments(component: Option<&Value>) -> Map<String, Value> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut pairs: Vec<(String, Value)> = match component.and_then(|component| component.get("extraArgs")) {
        Some(Value::Array(list)) => {
            let pair = |one: &Value| Some((one.get("name")?.as_str()?.to_owned(), Value::from(text(one.get("value")?))));
            list.iter().filter_map(pair).collect()
        }
        Some(Value::Object(map)) => map.iter().map(|(name, value)| (name.clone(), Value::from(text(value)))).collect(),
        _ => Vec::new(),
    };
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    pairs.into_iter().collect()
}

fn without_gates(mut arguments: Map<String, Value>) -> Map<String, Value> {
    arguments.shift_remove(FEATURE_GATES);
    arguments
}

const FEATURE_GATES: &str = "feature-gates";

/// The feature gates of each component that has any.
fn gates(cluster: &Known<Value>, kubelet: &Known<Value>, kube_proxy: &Known<Value>) -> Known<Value> {
    let mut all = Map::new();
    let mut put = |name: &str, mut gates: Map<String, Value>| {
        gates.sort_keys();
        if !gates.is_empty() {
            all.insert(name.to_owned(), Value::Object(gates));
        }
    };
    for document in [cluster, kubelet, kube_proxy] {
        // a part that is not there is told of the settings that stand in it only
        if let Known::Unknown(why) = document {
            return Known::Unknown(why.clone());
        }
    }
    for (name, field) in [("api_server", "apiServer"), ("controller_manager", "controllerManager"), ("scheduler", "scheduler")] {
        let arguments = arguments(cluster.is().and_then(|cluster| cluster.get(field)));
        let text = arguments.get(FEATURE_GATES).and_then(Value::as_str).unwrap_or_default();
        let gate = |gate: &str| {
            gate.split_once('=').map(|(name, on)| (name.trim().to_owned(), Value::from(on.trim().eq_ignore_ascii_case("true"))))
        };
        put(name, text.split(',').filter_map(gate).collect());
    }
    for (name, document) in [("kubelet", kubelet), ("kube_proxy", kube_proxy)] {
        let gates = document.is().and_then(|document| document.get("featureGates")).and_then(Value::as_object);
        put(name, gates.cloned().unwrap_or_default());
    }
    Known::Is(Value::Object(all))
}

/// Names in no order.
fn names(list: Option<&Value>) -> Value {
    let mut names: Vec<&str> = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    names.sort_unstable();
    names.dedup();
    json!(names)
}

/// Fields that kubeadm writes into the ConfigMap by itself (componentconfigs/kubelet.go), and those that are other settings'.
const KUBEADMS: [&str; 13] = [
    "apiVersion",
    "kind",
    "authentication",
    "authorization",
    "clusterDNS",
    "clusterDomain",
    "featureGates",
    "healthzBindAddress",
    "healthzPort",
    "logging",
    "resolvConf",
    "rotateCertificates",
    "staticPodPath",
];

/// What was set of the kubelet, `asked` always: a duration of zero, an empty mapping and the like are a default that was written out.
fn kubelet_fields(kubelet: &Value, asked: &Map<String, Value>) -> Value {
    let is_default = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || text == "0s",
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    let is_set = |name: &str, value: &Value| asked.contains_key(name) || !(KUBEADMS.contains(&name) || is_default(value));
    let fields = kubelet.as_object().into_iter().flatten().filter(|(name, value)| is_set(name, value));
    let mut fields: Map<String, Value> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    fields.sort_keys();
    Value::Object(fields)
}

/// Whether two values mean the same: `1h` is Go's `1h0m0s`.
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(a), Value::String(b)) => a == b || duration(a).is_some_and(|a| duration(b) == Some(a)),
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b))),
        (a, b) => a == b,
    }
}
