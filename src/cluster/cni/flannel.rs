//! flannel's objects, as its own manifest has them (Documentation/kube-flannel.yml), with the cluster's network and images in it.

use ipnet::IpNet;
use serde_json::{Map, Value, json};

/// The version that was tested.
pub const VERSION: &str = "0.27.4";
/// The version of its CNI plugin that goes with it.
const PLUGIN_VERSION: &str = "1.8.0-flannel1";
const NAMESPACE: &str = "kube-flannel";

/// What is chosen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flannel {
    /// Network of the pods.
    pub pods: IpNet,
    /// How packets go from node to node: `vxlan`, `host-gw`, `wireguard`.
    pub backend: String,
    /// The interface that they leave by; that of the default route if none is named.
    pub interface: Option<String>,
    /// Image of the daemon.
    pub image: String,
    /// Image with the CNI plugin.
    pub plugin_image: String,
}

impl Flannel {
    /// With its usual images.
    pub fn new(pods: IpNet) -> Self {
        Self { pods, backend: "vxlan".into(), interface: None, image: image(VERSION), plugin_image: plugin_image() }
    }

    /// Its objects, in the order in which they are made.
    pub fn objects(&self) -> Vec<Value> {
        let labels = json!({"k8s-app": "flannel"});
        let all_labels = json!({"tier": "node", "k8s-app": "flannel", "app": "flannel"});
        vec![
            json!({
                "kind": "Namespace",
                "apiVersion": "v1",
                "metadata": {"name": NAMESPACE, "labels": {"k8s-app": "flannel", "pod-security.kubernetes.io/enforce": "privileged"}},
            }),
            json!({
                "kind": "ClusterRole",
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "metadata": {"labels": labels, "name": "flannel"},
                "rules": [
                    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
                    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
                    {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch"]},
                ],
            }),
            json!({
                "kind": "ClusterRoleBinding",
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "metadata": {"labels": labels, "name": "flannel"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "flannel"},
                "subjects": [{"kind": "ServiceAccount", "name": "flannel", "namespace": NAMESPACE}],
            }),
            json!({
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"labels": labels, "name": "flannel", "namespace": NAMESPACE},
            }),
            json!({
                "kind": "ConfigMap",
                "apiVersion": "v1",
                "metadata": {"name": "kube-flannel-cfg", "namespace": NAMESPACE, "labels": all_labels},
                "data": {"cni-conf.json": pretty(&cni_configuration()), "net-conf.json": pretty(&self.network())},
            }),
            json!({
                "apiVersion": "apps/v1",
                "kind": "DaemonSet",
                "metadata": {"name": "kube-flannel-ds", "namespace": NAMESPACE, "labels": all_labels},
                "spec": {
                    "selector": {"matchLabels": {"app": "flannel"}},
                    "template": {"metadata": {"labels": {"tier": "node", "app": "flannel"}}, "spec": self.pod()},
                },
            }),
        ]
    }

    /// `net-conf.json`
    fn network(&self) -> Value {
        let mut network = Map::new();
        match self.pods {
            IpNet::V4(pods) => {
                network.insert("Network".into(), pods.to_string().into());
            }
            IpNet::V6(pods) => {
                network.insert("EnableIPv4".into(), false.into());
                network.insert("EnableIPv6".into(), true.into());
                network.insert("IPv6Network".into(), pods.to_string().into());
            }
        }
        network.insert("EnableNFTables".into(), false.into());
        network.insert("Backend".into(), json!({"Type": self.backend}));
        Value::Object(network)
    }

    fn pod(&self) -> Value {
        let mut args = vec!["--ip-masq".to_owned(), "--kube-subnet-mgr".to_owned()];
        args.extend(self.interface.iter().map(|name| format!("--iface={name}")));
        let field = |path: &str| json!({"fieldRef": {"fieldPath": path}});
        let mount = |name: &str, path: &str| json!({"name": name, "mountPath": path});
        let host_path = |name: &str, path: &str| json!({"name": name, "hostPath": {"path": path}});
        let linux = json!({"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]});
        json!({
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [linux]}]}}},
            "hostNetwork": true,
            "priorityClassName": "system-node-critical",
            "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
            "serviceAccountName": "flannel",
            "initContainers": [
                {
                    "name": "install-cni-plugin",
                    "image": self.plugin_image,
                    "command": ["cp"],
                    "args": ["-f", "/flannel", "/opt/cni/bin/flannel"],
                    "volumeMounts": [mount("cni-plugin", "/opt/cni/bin")],
                },
                {
                    "name": "install-cni",
                    "image": self.image,
                    "command": ["cp"],
                    "args": ["-f", "/etc/kube-flannel/cni-conf.json", "/etc/cni/net.d/10-flannel.conflist"],
                    "volumeMounts": [mount("cni", "/etc/cni/net.d"), mount("flannel-cfg", "/etc/kube-flannel/")],
                },
            ],
            "containers": [{
                "name": "kube-flannel",
                "image": self.image,
                "command": ["/opt/bin/flanneld"],
                "args": args,
                "resources": {"requests": {"cpu": "100m", "memory": "50Mi"}},
                "securityContext": {"privileged": false, "capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
                "env": [
                    {"name": "POD_NAME", "valueFrom": field("metadata.name")},
                    {"name": "POD_NAMESPACE", "valueFrom": field("metadata.namespace")},
                    {"name": "EVENT_QUEUE_DEPTH", "value": "5000"},
                    {"name": "CONT_WHEN_CACHE_NOT_READY", "value": "false"},
                ],
                "volumeMounts": [mount("run", "/run/flannel"), mount("flannel-cfg", "/etc/kube-flannel/"), mount("xtables-lock", "/run/xtables.lock")],
            }],
            "volumes": [
                host_path("run", "/run/flannel"),
                host_path("cni-plugin", "/opt/cni/bin"),
                host_path("cni", "/etc/cni/net.d"),
                {"name": "flannel-cfg", "configMap": {"name": "kube-flannel-cfg"}},
                {"name": "xtables-lock", "hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}},
            ],
        })
    }
}

/// The usual image of the daemon of that version.
pub fn image(version: &str) -> String {
    format!("ghcr.io/flannel-io/flannel:v{}", version.trim_start_matches('v'))
}

/// The usual image with the CNI plugin.
pub fn plugin_image() -> String {
    format!("ghcr.io/flannel-io/flannel-cni-plugin:v{PLUGIN_VERSION}")
}

/// What flannel puts into /etc/cni/net.d on every node.
fn cni_configuration() -> Value {
    json!({
        "name": "cbr0",
        "cniVersion": "0.3.1",
        "plugins": [
            {"type": "flannel", "delegate": {"hairpinMode": true, "isDefaultGateway": true}},
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    })
}

fn pretty(value: &Value) -> String {
    // values of these types are always JSON
    serde_json::to_string_pretty(value).map(|text| text + "\n").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Source;

    /// The same with the texts of JSON in it as JSON.
    fn opened(mut object: Value) -> Value {
        if let Some(data) = object.get_mut("data").and_then(Value::as_object_mut) {
            data.values_mut().for_each(|text| *text = serde_json::from_str(text.as_str().unwrap()).unwrap());
        }
        object
    }

    #[test]
    fn they_are_those_of_its_own_manifest() {
        let text = include_str!("../../../tests/records/flannel/kube-flannel-v0.27.4.yml");
        let (documents, _) = crate::yaml::load_all(&Source::new("kube-flannel.yml", text)).unwrap();
        let theirs: Vec<Value> = documents.iter().map(|document| opened(crate::yaml::objects::json(document))).collect();
        let ours: Vec<Value> = Flannel::new("10.244.0.0/16".parse().unwrap()).objects().into_iter().map(opened).collect();
        assert_eq!(ours, theirs);
    }

    #[test]
    fn what_is_chosen_stands_in_them() {
        let chosen = Flannel { backend: "host-gw".into(), interface: Some("eth1".into()), ..Flannel::new("fd00:1::/56".parse().unwrap()) };
        let objects = chosen.objects();
        let network: Value = serde_json::from_str(objects[4]["data"]["net-conf.json"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&network["IPv6Network"], &network["EnableIPv4"], &network["Network"]),
            (&json!("fd00:1::/56"), &json!(false), &Value::Null)
        );
        assert_eq!(network["Backend"], json!({"Type": "host-gw"}));
        assert_eq!(objects[5]["spec"]["template"]["spec"]["containers"][0]["args"][2], "--iface=eth1");
    }
}
