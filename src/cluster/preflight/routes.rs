//! Networks of the cluster against those that machines know already.

use ipnet::IpNet;

use super::evidence::{Evidence, Route};
use super::finding::Findings;
use super::seen;
use crate::cluster::settings::{Settings, overlap};

/// Interfaces that CNIs and kube-proxy make: on a node that has joined their routes are the cluster's own.
const OF_CLUSTERS: [&str; 9] = ["cni", "flannel", "cilium", "lxc", "cali", "veth", "kube-", "vxlan.calico", "tunl"];

/// Whether an interface is made by a CNI or kube-proxy.
pub(super) fn is_of_clusters(name: &str) -> bool {
    OF_CLUSTERS.iter().any(|start| name.starts_with(start))
}

/// Routes that share addresses with a network of the cluster, with that network's name.
///
/// Default routes share with everything and are none of these, nor are those of the cluster's own interfaces.
pub fn overlaps<'a>(settings: &Settings, routes: &'a [Route]) -> Vec<(&'static str, IpNet, &'a Route)> {
    let networks = [("pods", settings.network.pods), ("services", settings.network.services)];
    let others = routes.iter().filter(|route| route.to.prefix_len() > 0 && !is_of_clusters(&route.device));
    others
        .flat_map(|route| {
            networks.into_iter().filter(|(_, network)| overlap(*network, route.to)).map(move |(name, network)| (name, network, route))
        })
        .collect()
}

pub(super) fn check(settings: &Settings, nodes: &[Evidence], found: &mut Findings) {
    for node in nodes {
        if let Some(routes) = seen(&node.network.routes, "NetworkOverlap", node, "the routes", found) {
            for (name, network, route) in overlaps(settings, routes) {
                let seen = format!("{} leads to {}, and {network} is to be the network of the {name}", route.device, route.to);
                let todo = format!("set `network.{name}` to a network that nothing of yours is in; later it cannot be changed");
                found.error("NetworkOverlap", &[node], seen, "the machine no longer reaches what is there, or the pods do not", &todo);
            }
        }
        // a service's address that is a name server's is answered by kube-proxy instead
        for server in node.network.name_servers.is().into_iter().flatten() {
            for (name, network) in [("pods", settings.network.pods), ("services", settings.network.services)] {
                if network.contains(server) {
                    let seen = format!("the name server {server} lies in the network of the {name}, {network}");
                    let todo = format!("set `network.{name}` to a network that nothing of yours is in; later it cannot be changed");
                    found.error("NetworkOverlap", &[node], seen, "the machine no longer reaches it", &todo);
                }
            }
        }
    }
}
