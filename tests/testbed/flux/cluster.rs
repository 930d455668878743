//! What a cluster has before Flux comes: a Node that is Ready, CoreDNS and a network.

use crate::testbed::error::{Error, Result};
use crate::testbed::kubernetes::Asker;
use serde_json::{Value, json};

/// Makes it, where it is not there.
pub fn populate(asker: &Asker) -> Result<()> {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "cp1", "labels": {
        "kubernetes.io/hostname": "cp1", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}}});
    create(asker, "/api/v1/nodes", &node)?;
    let (_, mut node) = asker.ask("GET", "/api/v1/nodes/cp1", None)?;
    // the API server gives a new Node the taint of one that is not ready, and the controller manager takes it away
    node["spec"]["taints"] = json!([]);
    node = expect(asker.ask("PUT", "/api/v1/nodes/cp1", Some(&node))?)?;
    let condition = |kind: &str, status: &str, reason: &str| {
        let now = now();
        json!({"type": kind, "status": status, "reason": reason, "message": "", "lastHeartbeatTime": now, "lastTransitionTime": now})
    };
    let resources = json!({"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "50Gi"});
    node["status"] = json!({
        "conditions": [
            condition("NetworkUnavailable", "False", "FlannelIsUp"),
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID"),
            condition("Ready", "True", "KubeletReady"),
        ],
        "addresses": [{"type": "InternalIP", "address": "10.77.0.1"}, {"type": "Hostname", "address": "cp1"}],
        "capacity": resources, "allocatable": resources,
        "nodeInfo": {"machineID": "a", "systemUUID": "a", "bootID": "a", "kernelVersion": "6.1.0", "osImage": "Debian GNU/Linux 12",
            "containerRuntimeVersion": "containerd://1.7.27", "kubeletVersion": "v1.34.2", "kubeProxyVersion": "", "operatingSystem": "linux",
            "architecture": "amd64"},
    });
    expect(asker.ask("PUT", "/api/v1/nodes/cp1/status", Some(&node))?)?;

    let of = |app: &str, image: &str| {
        json!({"selector": {"matchLabels": {"k8s-app": app}}, "template": {"metadata": {"labels": {"k8s-app": app}},
            "spec": {"containers": [{"name": app, "image": image}]}}})
    };
    let coredns = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "coredns", "namespace": "kube-system",
        "labels": {"k8s-app": "kube-dns"}}, "spec": of("kube-dns", "registry.k8s.io/coredns/coredns:v1.12.1")});
    create(asker, "/apis/apps/v1/namespaces/kube-system/deployments", &coredns)?;
    let ports = json!([{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]);
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns", "namespace": "kube-system",
        "labels": {"k8s-app": "kube-dns"}}, "spec": {"clusterIP": "10.96.0.10", "selector": {"k8s-app": "kube-dns"}, "ports": ports}});
    create(asker, "/api/v1/namespaces/kube-system/services", &service)?;
    create(asker, "/api/v1/namespaces", &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-flannel"}}))?;
    let flannel = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "kube-flannel-ds", "namespace": "kube-flannel",
        "labels": {"app": "flannel", "k8s-app": "flannel"}}, "spec": of("flannel", "ghcr.io/flannel-io/flannel:v0.27.4")});
    create(asker, "/apis/apps/v1/namespaces/kube-flannel/daemonsets", &flannel)
}

/// This moment as Kubernetes writes it.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn create(asker: &Asker, path: &str, object: &Value) -> Result<()> {
    match asker.ask("POST", path, Some(object))? {
        (409, _) => Ok(()),
        answer => expect(answer).map(drop),
    }
}

fn expect((status, said): (u16, Value)) -> Result<Value> {
    if (200..300).contains(&status) {
        return Ok(said);
    }
    Err(Error::Program { program: "the API server".into(), status: status.to_string(), output: said.to_string() })
}
