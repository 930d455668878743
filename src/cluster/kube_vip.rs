//! kube-vip's static pod: it holds the endpoint's address on one control plane that is up, and moves it when that one is not.
//!
//! What `kube-vip manifest pod --controlplane --arp --leaderElection` writes (kube-vip's pkg/kubevip/config_generator.go).

use serde_json::{Value, json};

use super::membership::Credentials;
use super::settings::{API_PORT, Settings};

/// Where the kubelet looks for it.
pub const PATH: &str = "/etc/kubernetes/manifests/kube-vip.yaml";

/// The manifest, as JSON, which is YAML too; none if the settings have no address for it. `interface` is the one that the address is
/// given to; without it kube-vip takes the one of its default route, and ends where a machine has none (kube-vip's cmd/kube-vip.go).
///
/// Before the first control plane has given admin.conf its rights, only super-admin.conf works, and it stays on that machine
/// (kube-vip issue 684).
pub fn manifest(settings: &Settings, rights: Credentials, interface: Option<&str>) -> Option<String> {
    let endpoint = &settings.endpoint;
    let address = endpoint.address.or_else(|| endpoint.host.parse().ok())?;
    let bits = if address.is_ipv4() { "32" } else { "128" };
    let conf = match rights {
        Credentials::SuperAdmin => "/etc/kubernetes/super-admin.conf",
        Credentials::Admin => "/etc/kubernetes/admin.conf",
    };
    let version = endpoint.version.trim_start_matches('v');
    let texts = [
        ("vip_arp", "true".to_owned()),
        ("port", API_PORT.to_string()),
        ("vip_subnet", bits.to_owned()),
        ("cp_enable", "true".to_owned()),
        ("cp_namespace", "kube-system".to_owned()),
        ("svc_enable", "false".to_owned()),
        ("vip_leaderelection", "true".to_owned()),
        ("vip_leasename", "plndr-cp-lock".to_owned()),
        // as Kubernetes' own leaders have it: with kube-vip's 5, 3 and 1 seconds a slow etcd moves the address to and fro
        ("vip_leaseduration", "15".to_owned()),
        ("vip_renewdeadline", "10".to_owned()),
        ("vip_retryperiod", "2".to_owned()),
        ("address", address.to_string()),
    ];
    let mut env: Vec<Value> = texts.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    env.extend(interface.map(|name| json!({"name": "vip_interface", "value": name})));
    env.push(json!({"name": "vip_nodename", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}));
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "kube-vip", "namespace": "kube-system"},
        "spec": {
            "hostNetwork": true,
            // its own API server: the endpoint's address is what it has yet to bring up
            "hostAliases": [{"ip": "127.0.0.1", "hostnames": ["kubernetes"]}],
            "containers": [{
                "name": "kube-vip",
                "image": format!("ghcr.io/kube-vip/kube-vip:v{version}"),
                "imagePullPolicy": "IfNotPresent",
                "args": ["manager"],
                "env": env,
                "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}},
                "volumeMounts": [{"name": "kubeconfig", "mountPath": "/etc/kubernetes/admin.conf"}],
            }],
            "volumes": [{"name": "kubeconfig", "hostPath": {"path": conf}}],
        },
    });
    serde_json::to_string_pretty(&pod).ok().map(|text| format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::cluster::settings::testing::settings;

    fn pod(over: &str, rights: Credentials) -> Value {
        serde_json::from_str(&manifest(&settings(over), rights, Some("eth1")).unwrap()).unwrap()
    }

    fn variable<'a>(pod: &'a Value, name: &str) -> Option<&'a str> {
        let env = pod["spec"]["containers"][0]["env"].as_array().unwrap();
        env.iter().find(|one| one["name"] == name).and_then(|one| one["value"].as_str())
    }

    #[test]
    fn it_holds_the_address_with_the_rights_of_its_machine() {
        let born = pod("", Credentials::SuperAdmin);
        assert_eq!((variable(&born, "address"), variable(&born, "vip_subnet")), (Some("192.168.2.50"), Some("32")));
        assert_eq!(variable(&born, "svc_enable"), Some("false"), "services are MetalLB's");
        assert_eq!(variable(&born, "vip_interface"), Some("eth1"));
        assert!(!manifest(&settings(""), Credentials::SuperAdmin, None).unwrap().contains("vip_interface"));
        assert_eq!(born["spec"]["volumes"][0]["hostPath"]["path"], "/etc/kubernetes/super-admin.conf");
        let joined = pod("", Credentials::Admin);
        assert_eq!(joined["spec"]["volumes"][0]["hostPath"]["path"], "/etc/kubernetes/admin.conf");
        // all else is the same, so that only the rights tell them apart
        assert_eq!(joined.to_string(), born.to_string().replace("super-admin.conf", "admin.conf"));
        let six = pod("endpoint: {host: \"fd00::50\", served_by: kube-vip, version: 1.0.1}", Credentials::Admin);
        assert_eq!((variable(&six, "address"), variable(&six, "vip_subnet")), (Some("fd00::50"), Some("128")));
        assert_eq!(six["spec"]["containers"][0]["image"], "ghcr.io/kube-vip/kube-vip:v1.0.1");
    }

    #[test]
    fn without_an_address_there_is_none() {
        let mut settings = settings("");
        settings.endpoint.address = None;
        settings.endpoint.host = "kube-api.example.net".to_owned();
        assert_eq!(manifest(&settings, Credentials::Admin, None), None);
    }
}
