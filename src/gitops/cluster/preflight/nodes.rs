//! Whether there is a node that takes Flux's pods.

use serde_json::Value;

use super::super::fields::{condition, each, text};
use super::findings::Finding;

/// What stands in the way of a pod on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Free,
    NotReady { message: String, is_network: bool },
    Cordoned,
    Tainted(Vec<String>),
}

/// What is found of the nodes, for pods that tolerate these taints.
pub(super) fn findings(nodes: &[Value], tolerated: &[String]) -> Vec<Finding> {
    if nodes.is_empty() {
        let why = "Flux's pods wait until one has joined";
        return vec![Finding::warn("the cluster has no nodes", why).next("kubectl get nodes")];
    }
    let ways: Vec<(&str, Way)> = nodes.iter().map(|node| (text(node, "/metadata/name"), way(node, tolerated))).collect();
    let names = |is: &dyn Fn(&Way) -> bool| {
        let names: Vec<&str> = ways.iter().filter(|(_, way)| is(way)).map(|(name, _)| *name).collect();
        names.join(", ")
    };
    let not_ready = names(&|way| matches!(way, Way::NotReady { .. }));
    let without_network = names(&|way| matches!(way, Way::NotReady { is_network: true, .. }));
    let is_usable = ways.iter().any(|(_, way)| *way == Way::Free);
    let mut found = Vec::new();

    if !without_network.is_empty() {
        let seen = format!("{without_network}: the network of pods is not there yet (no CNI)");
        found.push(Finding::of(is_usable, seen, "no pod starts on a node without it").next("homelabctl provision cni"));
    } else if let Some((name, Way::NotReady { message, .. })) = ways.iter().find(|(_, way)| matches!(way, Way::NotReady { .. })) {
        let seen = format!("{not_ready}: not ready ({message})");
        found.push(Finding::of(is_usable, seen, "no pod starts on a node that is not ready").next(format!("kubectl describe node {name}")));
    }
    if is_usable {
        return found;
    }
    let keys = ways.iter().filter_map(|(_, way)| if let Way::Tainted(keys) = way { Some(keys) } else { None });
    let mut keys: Vec<&str> = keys.flatten().map(String::as_str).collect();
    keys.sort_unstable();
    keys.dedup();
    if !keys.is_empty() {
        let seen = format!("{}: tainted with {}", names(&|way| matches!(way, Way::Tainted(_))), keys.join(", "));
        let why = "Flux's pods do not tolerate that, and no other node takes them";
        found.push(Finding::refuse(seen, why).next(format!("homelabctl bootstrap --toleration-keys {}", keys.join(","))));
    }
    if let Some((name, _)) = ways.iter().find(|(_, way)| *way == Way::Cordoned) {
        let seen = format!("{}: cordoned", names(&|way| *way == Way::Cordoned));
        found.push(Finding::refuse(seen, "no other node takes Flux's pods").next(format!("kubectl uncordon {name}")));
    }
    found
}

fn way(node: &Value, tolerated: &[String]) -> Way {
    let ready = condition(node, "Ready");
    let unavailable = condition(node, "NetworkUnavailable").filter(|network| network.status == "True");
    if let Some(network) = unavailable {
        return Way::NotReady { message: network.message.to_owned(), is_network: true };
    }
    match ready {
        Some(ready) if ready.status == "True" => {}
        Some(ready) => {
            let is_network = ready.message.contains("cni plugin not initialized") || ready.message.contains("NetworkPluginNotReady");
            return Way::NotReady { message: ready.message.to_owned(), is_network };
        }
        None => return Way::NotReady { message: "its kubelet has never answered".into(), is_network: false },
    }
    if node.pointer("/spec/unschedulable") == Some(&Value::Bool(true)) {
        return Way::Cordoned;
    }
    let keeps_away = |taint: &&Value| matches!(text(taint, "/effect"), "NoSchedule" | "NoExecute");
    let keys: Vec<String> = each(node, "/spec/taints")
        .filter(keeps_away)
        .map(|taint| text(taint, "/key").to_owned())
        .filter(|key| !tolerated.contains(key))
        .collect();
    if keys.is_empty() { Way::Free } else { Way::Tainted(keys) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gitops::cluster::preflight::Level;

    const MASTER: &str = "node-role.kubernetes.io/control-plane";

    fn node(name: &str, ready: &str, message: &str, taint: Option<&str>) -> Value {
        let taints: Vec<_> = taint.iter().map(|key| json!({"key": key, "effect": "NoSchedule"})).collect();
        json!({"metadata": {"name": name}, "spec": {"taints": taints},
            "status": {"conditions": [{"type": "Ready", "status": ready, "message": message}]}})
    }

    fn told(nodes: &[Value], tolerated: &[&str]) -> Vec<(Level, String, String)> {
        let tolerated: Vec<String> = tolerated.iter().map(|key| (*key).to_owned()).collect();
        let told = |finding: Finding| (finding.level, finding.seen, finding.next.unwrap_or_default());
        findings(nodes, &tolerated).into_iter().map(told).collect()
    }

    #[test]
    fn one_node_that_takes_pods_is_enough() {
        let nodes = [node("m1", "True", "", Some(MASTER)), node("w1", "True", "", None)];
        assert_eq!(told(&nodes, &[]), []);
        assert_eq!(told(&nodes[..1], &[MASTER]), []);
        let refused = (Level::Refuse, format!("m1: tainted with {MASTER}"), format!("homelabctl bootstrap --toleration-keys {MASTER}"));
        assert_eq!(told(&nodes[..1], &[]), [refused]);
        assert_eq!(told(&[], &[])[0].0, Level::Warn);
    }

    #[test]
    fn a_node_that_is_not_ready_matters_most_where_there_is_no_other() {
        let message = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: \
                       cni plugin not initialized";
        let nodes = [node("w1", "False", message, None), node("w2", "True", "", None)];
        let seen = "w1: the network of pods is not there yet (no CNI)".to_owned();
        assert_eq!(told(&nodes, &[]), [(Level::Warn, seen.clone(), "homelabctl provision cni".to_owned())]);
        assert_eq!(told(&nodes[..1], &[]), [(Level::Refuse, seen, "homelabctl provision cni".to_owned())]);
        let gone = node("w3", "Unknown", "Kubelet stopped posting node status.", None);
        let told = told(&[gone], &[]);
        assert_eq!(told[0].1, "w3: not ready (Kubelet stopped posting node status.)");
        assert_eq!(told[0].2, "kubectl describe node w3");
    }

    #[test]
    fn a_cordoned_node_takes_nothing() {
        let mut cordoned = node("w1", "True", "", None);
        cordoned["spec"]["unschedulable"] = json!(true);
        assert_eq!(told(&[cordoned], &[]), [(Level::Refuse, "w1: cordoned".to_owned(), "kubectl uncordon w1".to_owned())]);
    }
}
