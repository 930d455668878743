//! A machine's network: the endpoint, name servers, proxies, the firewall.

use std::net::IpAddr;

use super::evidence::Evidence;
use super::finding::Findings;
use super::seen;
use crate::cluster::known::Known;
use crate::cluster::settings::{ServedBy, Settings};

pub(super) fn check(settings: &Settings, node: &Evidence, nodes: &[Evidence], found: &mut Findings) {
    let network = &node.network;
    if let (Some(address), Some(all)) = (
        seen(&network.address, "Address", node, "the address", found),
        seen(&network.addresses, "Address", node, "the interfaces' addresses", found),
    ) && !all.contains(address)
    {
        let seen = format!("{address}, where we reach the machine, is on none of its interfaces");
        let todo = "write an address of the machine's own as `ansible_host`";
        found.error("Address", &[node], seen, "the kubelet and etcd cannot listen there", todo);
    }
    match &network.name_servers {
        Known::Is(servers) if servers.is_empty() => no_name_servers(node, found),
        Known::Not => no_name_servers(node, found),
        other => drop(seen(other, "NameServers", node, "/etc/resolv.conf", found)),
    }
    endpoint(settings, node, nodes, found);
    proxies(settings, node, found);
    if let Some(name) = seen(&network.firewall, "Firewalld", node, "the firewall", found) {
        let why = "nodes need each other at 6443, 2379, 2380, 10250 and the CNI's ports";
        let todo = "allow the nodes' network: for example `ufw allow from 192.168.2.0/24`";
        found.warning("Firewalld", &[node], format!("{name} is active"), why, todo);
    }
}

fn no_name_servers(node: &Evidence, found: &mut Findings) {
    let why = "images are not found, and CoreDNS has nobody to ask";
    found.error("NameServers", &[node], "/etc/resolv.conf names no server", why, "set one, or let DHCP do it");
}

fn endpoint(settings: &Settings, node: &Evidence, nodes: &[Evidence], found: &mut Findings) {
    let endpoint = &settings.endpoint;
    let held = endpoint.address.or_else(|| endpoint.host.parse().ok());
    if endpoint.host.parse::<IpAddr>().is_err() {
        let name = &endpoint.host;
        match &node.network.endpoint {
            Known::Is(addresses) if addresses.is_empty() => unresolved(name, node, found),
            Known::Not => unresolved(name, node, found),
            Known::Is(addresses) => {
                if let Some(held) = held.filter(|held| !addresses.contains(held)) {
                    let resolved: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                    let seen = format!("`{name}` is {} there, and kube-vip holds {held}", resolved.join(", "));
                    let todo = "correct the name server's entry, or /etc/hosts";
                    found.error("EndpointName", &[node], seen, "the node would talk to somebody else", todo);
                }
            }
            other => drop(seen(other, "EndpointName", node, "what the endpoint's name resolves to", found)),
        }
    }
    // of a cluster that is there, its own control planes answer
    if endpoint.served_by == ServedBy::KubeVip && !nodes.iter().any(|node| node.joined) {
        let Some(who) = seen(&node.network.virtual_address, "VirtualAddress", node, "who has the virtual address", found) else { return };
        let held = held.map_or_else(String::new, |held| held.to_string());
        let seen = format!("{who} answers for {held} already");
        let why = "two that have one address take it from each other; if it is kube-vip of this cluster, join to it instead";
        found.error("VirtualAddress", &[node], seen, why, "choose an address that nobody has, outside of DHCP's and MetalLB's");
    }
}

fn unresolved(name: &str, node: &Evidence, found: &mut Findings) {
    let todo = "give the name an entry in your name server, or in /etc/hosts of every node";
    found.error("EndpointName", &[node], format!("`{name}` does not resolve there"), "the node would not find the API", todo);
}

/// kubeadm's HTTPProxy and HTTPProxyCIDR: what goes to the API, pods and services must not go through a proxy.
fn proxies(settings: &Settings, node: &Evidence, found: &mut Findings) {
    let Some(proxies) = seen(&node.network.proxies, "HTTPProxy", node, "the environment", found) else { return };
    let get = |name: &str| proxies.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
    let Some(proxy) = get("https_proxy").or_else(|| get("http_proxy")).filter(|proxy| !proxy.is_empty()) else { return };
    let exempt: Vec<&str> = get("no_proxy").unwrap_or_default().split(',').map(str::trim).collect();
    let is_exempt =
        |wanted: &str| exempt.iter().any(|one| *one == "*" || *one == wanted || (one.starts_with('.') && wanted.ends_with(one)));
    let networks = [("HTTPProxyCIDR", settings.network.pods.to_string()), ("HTTPProxyCIDR", settings.network.services.to_string())];
    let all = networks.into_iter().chain([("HTTPProxy", settings.endpoint.host.clone())]);
    let missing: Vec<(&str, String)> = all.filter(|(_, wanted)| !is_exempt(wanted)).collect();
    for check in ["HTTPProxy", "HTTPProxyCIDR"] {
        let names: Vec<&str> = missing.iter().filter(|(other, _)| *other == check).map(|(_, name)| name.as_str()).collect();
        if !names.is_empty() {
            let seen = format!("the proxy {} is asked for what is meant for {}", without_password(proxy), names.join(" and "));
            let why = "kubeadm and containerd would look for the cluster outside";
            found.warning(check, &[node], seen, why, &format!("add {} to NO_PROXY", names.join(",")));
        }
    }
}

/// `http://user:password@proxy` without what must not be shown.
fn without_password(proxy: &str) -> String {
    match proxy.rsplit_once('@') {
        Some((before, host)) => {
            format!("{}{host}", before.split_once("://").map_or_else(String::new, |(scheme, _)| format!("{scheme}://")))
        }
        None => proxy.to_owned(),
    }
}
