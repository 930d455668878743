//! Cilium's objects, as `helm template` makes them of its chart: looked at, and marked as a release of helm's, so that helm, or Flux
//! with helm, takes them over later under the name `cilium` in `kube-system`.

use ipnet::IpNet;
use serde_json::{Map, Value, json};

const RELEASE: &str = "cilium";
const NAMESPACE: &str = "kube-system";
/// By how many bits a node's network of IPv6 may be longer than that of all pods (`clusterSubnetMaxDiff` of pkg/ipam/cidrset, v1.18.4).
const MOST_BITS: u8 = 16;

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
    // what the chart leaves to helm, which is not there when the objects are applied
    if let Some(hook) = objects.iter().find(|object| object.pointer("/metadata/annotations/helm.sh~1hook").is_some()) {
        let part = |pointer: &str| hook.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        return Some(format!("{} {} is a hook, which only helm itself runs when it is its time", part("/kind"), part("/metadata/name")));
    }
    let family = if matches!(pods, IpNet::V4(_)) { "enable-ipv4" } else { "enable-ipv6" };
    if setting(family) != "true" {
        return Some(format!("{family} is `{}`, and the cluster's pods have {pods}", setting(family)));
    }
    match setting("ipam") {
        "kubernetes" => None,
        "cluster-pool" => {
            let name = if matches!(pods, IpNet::V4(_)) { "cluster-pool-ipv4-cidr" } else { "cluster-pool-ipv6-cidr" };
            let is = setting(name);
            // the chart joins a list by blanks
            let is_pods = is.split([' ', ',']).any(|one| one.parse::<IpNet>().is_ok_and(|one| one == *pods));
            if !is_pods {
                return Some(format!("{name} is `{is}`, and the cluster's pods have {pods}"));
            }
            let mask = setting(name.replace("cidr", "mask-size").as_str());
            let most = if matches!(pods, IpNet::V4(_)) { 32 } else { MOST_BITS };
            let fits =
                mask.parse().is_ok_and(|mask: u8| mask.checked_sub(pods.prefix_len()).is_some_and(|bits| (1..=most).contains(&bits)));
            (!fits).then(|| format!("each node would get a /{mask} of {pods}, which Cilium does not divide so"))
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
        let good = json!({"kube-proxy-replacement": "false", "enable-ipv4": "true", "ipam": "cluster-pool",
            "cluster-pool-ipv4-cidr": "10.244.0.0/16", "cluster-pool-ipv4-mask-size": "24"});
        let with = |changes: &[(&str, &str)]| {
            let mut data = good.clone();
            changes.iter().for_each(|(name, value)| data[*name] = json!(value));
            refused(&configuration(data), &pods).unwrap_or_default()
        };
        assert_eq!(with(&[]), "");
        assert_eq!(with(&[("ipam", "kubernetes"), ("cluster-pool-ipv4-cidr", "")]), "");
        assert!(with(&[("kube-proxy-replacement", "true")]).contains("kube-proxy-replacement is `true`"));
        assert!(with(&[("kube-proxy-replacement", "")]).contains("kube-proxy-replacement is ``"));
        let other = with(&[("cluster-pool-ipv4-cidr", "10.0.0.0/8")]);
        assert_eq!(other, "cluster-pool-ipv4-cidr is `10.0.0.0/8`, and the cluster's pods have 10.244.0.0/16");
        assert_eq!(with(&[("enable-ipv4", "false")]), "enable-ipv4 is `false`, and the cluster's pods have 10.244.0.0/16");
        assert!(with(&[("cluster-pool-ipv4-mask-size", "16")]).contains("a /16 of 10.244.0.0/16"));
        assert!(with(&[("ipam", "eni")]).contains("ipam is `eni`"));
        assert!(super::refused(&[], &pods).unwrap().contains("no ConfigMap"));
        // the chart's own default, of which Cilium's operator says that "the node CIDR size is too big"
        let pods = "fd00:10:244::/56".parse().unwrap();
        let of_v6 = |mask: &str| {
            let data = json!({"kube-proxy-replacement": "false", "enable-ipv6": "true", "ipam": "cluster-pool",
                "cluster-pool-ipv6-cidr": "fd00:10:244::/56", "cluster-pool-ipv6-mask-size": mask});
            refused(&configuration(data), &pods)
        };
        assert!(of_v6("120").unwrap().contains("each node would get a /120 of fd00:10:244::/56"));
        assert_eq!(of_v6("64"), None);
    }

    #[test]
    fn what_only_helm_runs_is_refused() {
        let mut objects = configuration(json!({"kube-proxy-replacement": "false", "enable-ipv4": "true", "ipam": "kubernetes"}));
        let hook = json!({"helm.sh/hook": "post-install,post-upgrade"});
        objects.push(json!({"kind": "Job", "metadata": {"name": "hubble-generate-certs", "annotations": hook}}));
        let why = refused(&objects, &"10.244.0.0/16".parse().unwrap()).unwrap();
        assert!(why.starts_with("Job hubble-generate-certs is a hook"), "{why}");
    }

    #[test]
    fn helm_takes_them_over_later() {
        let marked = adoptable(configuration(json!({})));
        assert_eq!(marked[0]["metadata"]["labels"], json!({"app.kubernetes.io/managed-by": "Helm"}));
        assert_eq!(marked[0]["metadata"]["annotations"]["meta.helm.sh/release-name"], "cilium");
        assert_eq!(marked[0]["metadata"]["annotations"]["meta.helm.sh/release-namespace"], "kube-system");
    }
}
