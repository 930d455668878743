//! Interfaces and addresses: facts/network/linux.py.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Map, Value, json};

use super::gather::{Gather, Made};
use crate::node::facts::{Interface, InterfaceAddress, Interfaces, Saying};

pub(super) fn network(gather: &Gather<'_>) -> Made {
    let (interfaces, v4, v6) = (gather.ask(Interfaces), gather.ask(Saying::RouteV4), gather.ask(Saying::RouteV6));
    let Some(interfaces) = interfaces else { return Vec::new() };
    let names: Vec<String> = interfaces.iter().map(|interface| interface.name.replace(':', "_")).collect();
    let all = |is_wanted: fn(&IpAddr) -> bool| {
        let addresses = interfaces.iter().flat_map(|interface| &interface.addresses).map(|address| address.address);
        addresses.filter(is_wanted).map(|address| address.to_string()).collect::<Vec<_>>()
    };
    let mut made: Made = vec![
        ("interfaces".into(), names.clone().into()),
        ("default_ipv4".into(), default_v4(v4.as_deref(), &interfaces).into()),
        ("default_ipv6".into(), default_v6(v6.as_deref(), &interfaces).into()),
        ("all_ipv4_addresses".into(), all(|address| matches!(address, IpAddr::V4(v4) if !v4.is_loopback())).into()),
        ("all_ipv6_addresses".into(), all(|address| matches!(address, IpAddr::V6(v6) if !v6.is_loopback())).into()),
    ];
    made.extend(names.into_iter().zip(interfaces.iter().map(of)));
    made
}

fn kind(interface: &Interface) -> &str {
    match (interface.made_of.as_deref(), interface.hardware) {
        (Some(made_of), _) => made_of,
        (None, Some(1)) => "ether",
        (None, Some(32)) => "infiniband",
        (None, Some(512)) => "ppp",
        (None, Some(772)) => "loopback",
        (None, Some(65534)) => "tunnel",
        _ => "unknown",
    }
}

fn of(interface: &Interface) -> Value {
    let mut map = Map::new();
    map.insert("device".into(), interface.name.clone().into());
    if let Some(mac) = &interface.mac {
        map.insert("macaddress".into(), mac.clone().into());
    }
    if let Some(mtu) = interface.mtu {
        map.insert("mtu".into(), mtu.into());
    }
    map.insert("active".into(), (interface.state != "down").into());
    if interface.hardware.is_some() || interface.made_of.is_some() {
        map.insert("type".into(), kind(interface).into());
    }
    if let Some(speed) = interface.speed {
        map.insert("speed".into(), speed.into());
    }
    map.insert("promisc".into(), interface.promiscuous.into());
    let (mut others, mut v6) = (Vec::new(), Vec::new());
    for address in &interface.addresses {
        match address.address {
            IpAddr::V4(own) => {
                let fields = v4(own, address);
                if address.secondary || map.contains_key("ipv4") {
                    others.push(fields);
                } else {
                    map.insert("ipv4".into(), fields);
                }
            }
            IpAddr::V6(own) => {
                v6.push(json!({"address": own.to_string(), "prefix": address.prefix.to_string(), "scope": address.scope}));
            }
        }
    }
    if !others.is_empty() {
        map.insert("ipv4_secondaries".into(), others.into());
    }
    if !v6.is_empty() {
        map.insert("ipv6".into(), v6.into());
    }
    map.into()
}

fn v4(own: Ipv4Addr, address: &InterfaceAddress) -> Value {
    let mask = u32::MAX.checked_shl(32 - u32::from(address.prefix.min(32))).unwrap_or(0);
    json!({
        "address": own.to_string(),
        "broadcast": address.broadcast.map(|broadcast| broadcast.to_string()).unwrap_or_default(),
        "netmask": Ipv4Addr::from(mask).to_string(),
        "network": Ipv4Addr::from(u32::from(own) & mask).to_string(),
        "prefix": address.prefix.to_string(),
    })
}

/// `8.8.8.8 via 192.0.2.1 dev eth0 src 192.0.2.2 uid 0`: interface, address, gateway.
fn way(text: &str) -> Map<String, Value> {
    let words: Vec<&str> = text.lines().next().unwrap_or_default().split_whitespace().collect();
    let mut map = Map::new();
    for pair in words.windows(2) {
        let name = match pair {
            ["dev", _] => "interface",
            ["src", _] => "address",
            ["via", _] => "gateway",
            _ => continue,
        };
        if let [_, value] = pair {
            map.insert(name.into(), (*value).into());
        }
    }
    map
}

/// Where that address is.
fn owner<'a>(map: &Map<String, Value>, interfaces: &'a [Interface]) -> Option<(&'a Interface, &'a InterfaceAddress)> {
    let address: IpAddr = map.get("address")?.as_str()?.parse().ok()?;
    interfaces.iter().find_map(|interface| Some((interface, interface.addresses.iter().find(|known| known.address == address)?)))
}

/// What both families say of the interface.
fn of_interface(map: &mut Map<String, Value>, interface: &Interface) {
    if let Some(mac) = &interface.mac {
        map.insert("macaddress".into(), mac.clone().into());
    }
    if let Some(mtu) = interface.mtu {
        map.insert("mtu".into(), mtu.into());
    }
    map.insert("type".into(), kind(interface).into());
}

fn default_v4(way_there: Option<&str>, interfaces: &[Interface]) -> Map<String, Value> {
    let mut map = way(way_there.unwrap_or_default());
    if let Some((interface, address)) = owner(&map, interfaces)
        && let IpAddr::V4(own) = address.address
    {
        if let Value::Object(fields) = v4(own, address) {
            map.extend(fields);
        }
        of_interface(&mut map, interface);
        map.insert("alias".into(), interface.name.clone().into());
    }
    map
}

fn default_v6(way_there: Option<&str>, interfaces: &[Interface]) -> Map<String, Value> {
    let mut map = way(way_there.unwrap_or_default());
    if let Some((interface, address)) = owner(&map, interfaces) {
        map.insert("prefix".into(), address.prefix.to_string().into());
        map.insert("scope".into(), address.scope.clone().into());
        of_interface(&mut map, interface);
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interfaces() -> Vec<Interface> {
        let address = |address: &str, prefix, secondary| InterfaceAddress {
            address: address.parse().unwrap(),
            prefix,
            scope: "global".into(),
            broadcast: "192.0.2.255".parse().ok().filter(|_| prefix == 24),
            secondary,
        };
        vec![Interface {
            name: "eth0".into(),
            mac: Some("02:00:00:00:00:01".into()),
            mtu: Some(1500),
            state: "up".into(),
            hardware: Some(1),
            addresses: vec![address("192.0.2.2", 24, false), address("192.0.2.9", 32, true), address("fd00::2", 64, false)],
            ..Interface::default()
        }]
    }

    #[test]
    fn an_interface_looks_as_ansibles() {
        assert_eq!(
            of(&interfaces()[0]),
            json!({"device": "eth0", "macaddress": "02:00:00:00:00:01", "mtu": 1500, "active": true, "type": "ether", "promisc": false,
                "ipv4": {"address": "192.0.2.2", "broadcast": "192.0.2.255", "netmask": "255.255.255.0", "network": "192.0.2.0", "prefix": "24"},
                "ipv4_secondaries": [{"address": "192.0.2.9", "broadcast": "", "netmask": "255.255.255.255", "network": "192.0.2.9", "prefix": "32"}],
                "ipv6": [{"address": "fd00::2", "prefix": "64", "scope": "global"}]})
        );
    }

    #[test]
    fn the_default_way_is_completed_from_its_interface() {
        let map = default_v4(Some("8.8.8.8 via 192.0.2.1 dev eth0 src 192.0.2.2 uid 0 \n    cache "), &interfaces());
        assert_eq!(
            Value::from(map),
            json!({"gateway": "192.0.2.1", "interface": "eth0", "address": "192.0.2.2", "broadcast": "192.0.2.255",
                "netmask": "255.255.255.0", "network": "192.0.2.0", "prefix": "24", "macaddress": "02:00:00:00:00:01", "mtu": 1500,
                "type": "ether", "alias": "eth0"})
        );
        assert_eq!(default_v4(None, &interfaces()), Map::new());
        let map =
            default_v6(Some("2404:6800:400a:800::1012 from :: via fe80::1 dev eth0 src fd00::2 metric 1024 pref medium"), &interfaces());
        assert_eq!((&map["gateway"], &map["prefix"]), (&"fe80::1".into(), &"64".into()));
    }
}
