//! Cilium's objects, as `helm template` makes them of its chart: looked at, and marked as a release of helm's, so that helm, or Flux
//! with helm, takes them over later under the name `cilium` in `kube-system`.

use ipnet::IpNet;
use serde_json::{Map, Value, json};

const RELEASE: &str = "cilium";
const NAMESPACE: &str = "kube-system";

/// The objects with the marks of a release of helm's.
pub fn adoptable(objects: Vec<Value>) -> Vec<Value> {
    objects.into_iter().map(marked).collect()
}

fn marked(mut object: Value) -> Value {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return object };
    let mut add = |part: &str, name: &str, value: &str| {
        let part = metadata.entry(part).or_insert_with(|| Value::Object(Map::new()));
        if part.is_null() {
            *part = json!({});
        }
        if let Some(part) = part.as_object_mut() {
            part.insert(name.into(), value.into());
        }
    };
    add("labels", "app.kubernetes.io/managed-by", "Helm");
    add("annotations", "meta.helm.sh/release-name", RELEASE);
    add("annotations", "meta.helm.sh/release-namespace", NAMESPACE);
    object
}

/// Why these objects are not what this cluster is to have: what they do must stand in them, and nothing is found out by itself.
pub fn refused(objects: &[Value], pods: &IpNet) -> Option<String> {
    let map = objects.iter().find(|object| is(object, "/kind", "ConfigMap") && is(object, "/metadata/name", "cilium-config"));
    let Some(map) = map else {
        return Some("there is no ConfigMap `cilium-config` among the objects: they are not those of Cilium's chart".into());
    };
    let data = map.get("data");
    let setting = |name: &str| data.and_then(|data| data.get(name)?.as_str()).unwrap_or_default();
    let replaces = setting("kube-proxy-replacement");
    if replaces != "false" {
        return Some(format!("kube-proxy-replacement is `{replaces}`: kube-proxy, which this cluster has, would be at odds with it"));
    }
    match setting("ipam") {
        "kubernetes" => None,
        "cluster-pool" => {
            let name = if matches!(pods, IpNet::V4(_)) { "cluster-pool-ipv4-cidr" } else { "cluster-pool-ipv6-cidr" };
            let is = setting(name);
            // the chart joins a list by blanks
            let is_pods = is.split([' ', ',']).any(|one| one.parse::<IpNet>().is_ok_and(|one| one == *pods));
            (!is_pods).then(|| format!("{name} is `{is}`, and the cluster's pods have {pods}"))
        }
        other => Some(format!("ipam is `{other}`: only `cluster-pool` and `kubernetes` give pods the addresses of the cluster's settings")),
    }
}

fn is(object: &Value, pointer: &str, text: &str) -> bool {
    object.pointer(pointer).is_some_and(|value| value == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(data: Value) -> Vec<Value> {
        vec![json!({"kind": "ConfigMap", "metadata": {"name": "cilium-config", "labels": null}, "data": data})]
    }

    #[test]
    fn what_would_be_at_odds_with_the_cluster_is_refused() {
        let pods = "10.244.0.0/16".parse().unwrap();
        let refused = |data| refused(&configuration(data), &pods).unwrap_or_default();
        let good = json!({"kube-proxy-replacement": "false", "ipam": "cluster-pool", "cluster-pool-ipv4-cidr": "10.244.0.0/16"});
        assert_eq!(refused(good), "");
        assert_eq!(refused(json!({"kube-proxy-replacement": "false", "ipam": "kubernetes"})), "");
        assert!(refused(json!({"kube-proxy-replacement": "true", "ipam": "kubernetes"})).contains("kube-proxy-replacement is `true`"));
        assert!(refused(json!({"ipam": "kubernetes"})).contains("kube-proxy-replacement is ``"));
        let other = json!({"kube-proxy-replacement": "false", "ipam": "cluster-pool", "cluster-pool-ipv4-cidr": "10.0.0.0/8"});
        assert_eq!(refused(other), "cluster-pool-ipv4-cidr is `10.0.0.0/8`, and the cluster's pods have 10.244.0.0/16");
        assert!(refused(json!({"kube-proxy-replacement": "false", "ipam": "eni"})).contains("ipam is `eni`"));
        assert!(super::refused(&[], &pods).unwrap().contains("no ConfigMap"));
    }

    #[test]
    fn helm_takes_them_over_later() {
        let marked = adoptable(configuration(json!({})));
        assert_eq!(marked[0]["metadata"]["labels"], json!({"app.kubernetes.io/managed-by": "Helm"}));
        assert_eq!(marked[0]["metadata"]["annotations"]["meta.helm.sh/release-name"], "cilium");
        assert_eq!(marked[0]["metadata"]["annotations"]["meta.helm.sh/release-namespace"], "kube-system");
    }
}
