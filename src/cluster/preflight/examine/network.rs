//! A machine's network.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Asking, NFTABLES, RESOLV, RESOLVED, SmallFiles, Subject};
use crate::cluster::known::Known;
use crate::cluster::preflight::evidence::{Listening, Network, Route};
use crate::cluster::settings::{ServedBy, Settings};
use crate::node::facts::{
    Environment, Interface, Interfaces, LISTENER, ListeningPort, Ports, Resolved, Route as MachineRoute, Routes, Unit, UnitState, WhoHas,
};

impl Asking<'_, '_> {
    pub(super) fn network(&mut self, settings: &Settings, of: &Subject<'_>, files: &SmallFiles) -> Network {
        let (interfaces, routes) = (self.known(&Interfaces), self.known(&Routes));
        let endpoint = &settings.endpoint;
        let held = endpoint.address.or_else(|| endpoint.host.parse().ok());
        Network {
            address: match of.address {
                Some(address) => Known::Is(address),
                None => own_address(&interfaces, &routes, settings.network.pods.addr().is_ipv4()),
            },
            addresses: interfaces
                .map(|all: Vec<Interface>| all.iter().flat_map(|one| &one.addresses).map(|address| address.address).collect()),
            routes: routes.map(|all: Vec<MachineRoute>| all.iter().filter_map(route).collect()),
            name_servers: name_servers(files),
            endpoint: match endpoint.host.parse::<IpAddr>() {
                Ok(address) => Known::Is(vec![address]),
                Err(_) => self.known(&Resolved::new(&endpoint.host)),
            },
            virtual_address: match held {
                Some(held) if endpoint.served_by == ServedBy::KubeVip && of.asks_for_virtual_address => self.known(&WhoHas::new(held)),
                _ => Known::Not,
            },
            proxies: self.known(&Environment).map(|all: BTreeMap<String, String>| {
                let is_proxy = |name: &str| ["http_proxy", "https_proxy", "no_proxy"].iter().any(|known| name.eq_ignore_ascii_case(known));
                all.into_iter().filter(|(name, _)| is_proxy(name)).collect()
            }),
            firewall: self.firewall(files),
            listening: self.known(&Ports).map(|ports: Vec<ListeningPort>| ports.iter().filter_map(listening).collect()),
            reached: Vec::new(),
        }
    }

    /// That a unit of nftables' or ufw's is active says only that somebody's rules were loaded, be they none.
    fn firewall(&mut self, files: &SmallFiles) -> Known<String> {
        let mut unknown = None;
        let mut found = None;
        for name in ["ufw", "firewalld", "nftables"] {
            let active = self.known(&Unit::new(name)).filter(|unit: &UnitState| unit.active_state == "active");
            let rules = match name {
                "ufw" => files.get(super::UFW).filter(|text| text.lines().any(|line| line.trim().eq_ignore_ascii_case("ENABLED=yes"))),
                "nftables" => files.get(NFTABLES).filter(|text| closes(text)),
                _ => Known::Is(""),
            };
            match active.and_then(|_| rules) {
                Known::Is(_) => found = found.or(Some(name.to_owned())),
                Known::Not => {}
                Known::Unknown(why) => unknown = Some(why),
            }
        }
        match (found, unknown) {
            (Some(name), _) => Known::Is(name),
            (None, Some(why)) => Known::Unknown(why),
            (None, None) => Known::Not,
        }
    }
}

/// The first address of the interface that leads to the world.
fn own_address(interfaces: &Known<Vec<Interface>>, routes: &Known<Vec<MachineRoute>>, is_v4: bool) -> Known<IpAddr> {
    let (interfaces, routes) = match (interfaces, routes) {
        (Known::Is(interfaces), Known::Is(routes)) => (interfaces, routes),
        (Known::Unknown(why), _) | (_, Known::Unknown(why)) => return Known::Unknown(why.clone()),
        _ => return Known::Not,
    };
    let defaults = routes.iter().filter(|route| route.to == "default");
    let best = defaults.min_by_key(|route| route.metric.unwrap_or(0)).and_then(|route| route.device.as_deref());
    let of_best = interfaces.iter().filter(|interface| Some(interface.name.as_str()) == best).flat_map(|interface| &interface.addresses);
    let first = of_best.map(|one| one.address).find(|address| address.is_ipv4() == is_v4);
    first.map_or_else(|| Known::Unknown("no interface leads to the world".into()), Known::Is)
}

/// One that leads to another place than everywhere or nowhere.
fn route(route: &MachineRoute) -> Option<Route> {
    let to = route.to.parse::<IpNet>().ok().or_else(|| route.to.parse::<IpAddr>().ok().map(IpNet::from))?;
    Some(Route { to, device: route.device.clone()? })
}

/// Those that the kubelet hands to pods: where systemd-resolved stands between, the ones behind it.
fn name_servers(files: &SmallFiles) -> Known<Vec<IpAddr>> {
    let of = |text: &str| -> Vec<IpAddr> {
        let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
        servers.filter_map(|server| server.trim().split('%').next()?.parse().ok()).collect()
    };
    let own = files.get(RESOLV).map(of);
    let is_stub = own.is().is_some_and(|servers| servers.iter().all(IpAddr::is_loopback));
    match files.get(RESOLVED).map(of) {
        Known::Is(behind) if is_stub => Known::Is(behind),
        _ => own,
    }
}

fn listening(port: &ListeningPort) -> Option<Listening> {
    let is_ours = port.programs.iter().any(|program| program == LISTENER);
    (port.protocol == "tcp" && !is_ours).then(|| Listening { port: port.port, program: port.programs.join(", ") })
}

/// Whether rules of nftables turn anything away.
fn closes(rules: &str) -> bool {
    let code = rules.lines().map(|line| line.split('#').next().unwrap_or_default());
    code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphabetic())).any(|word| matches!(word, "drop" | "reject"))
}
