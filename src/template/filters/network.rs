//! Filters for addresses: the part of `ansible.utils` that playbooks use most.

use std::net::IpAddr;

use super::super::fault::{Outcome, fail_hint};
use super::super::repr;
use super::super::spec::{Given, Spec, spec};
use super::super::value::V;

pub(super) const TABLE: &[Spec] =
    &[spec("ipwrap", &[], ipwrap), spec("ipaddr", &["query"], ipaddr), spec("ipv4", &["query"], ipv4), spec("ipv6", &["query"], ipv6)];

fn mapped(given: &Given, each: &dyn Fn(&str) -> Outcome<V>) -> Outcome<V> {
    if !given.value.is_list() {
        return each(&given.own_text()?);
    }
    let mut all = Vec::new();
    for item in given.own_items()? {
        match each(&repr::text(given.run, &item)?)? {
            V::Bool(false) => {}
            value => all.push(value),
        }
    }
    Ok(V::list(all))
}

/// Brackets around an IPv6 address; anything else stays.
fn ipwrap(given: &Given) -> Outcome<V> {
    mapped(given, &|text| {
        let (address, length) = text.split_once('/').map_or((text, String::new()), |(address, length)| (address, format!("/{length}")));
        Ok(match address.parse::<IpAddr>() {
            Ok(IpAddr::V6(_)) => V::from(format!("[{address}]{length}")),
            _ => V::from(text),
        })
    })
}

/// An address and the length of its network's prefix.
struct Net {
    address: IpAddr,
    prefix: u32,
    given: bool,
}

impl Net {
    fn read(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix_length = match prefix {
            None => bits,
            Some(prefix) => match (prefix.parse::<u32>(), prefix.parse::<IpAddr>()) {
                (Ok(prefix), _) => prefix,
                (_, Ok(IpAddr::V4(mask))) if u32::from(mask).leading_ones() == u32::from(mask).count_ones() => u32::from(mask).count_ones(),
                _ => return None,
            },
        };
        (prefix_length <= bits).then_some(Self { address, prefix: prefix_length, given: prefix.is_some() })
    }

    fn bits(&self) -> u128 {
        match self.address {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address),
        }
    }

    fn host_mask(&self) -> u128 {
        let free = if self.address.is_ipv4() { 32 } else { 128 } - self.prefix;
        if free == 128 { u128::MAX } else { (1 << free) - 1 }
    }

    fn with(&self, bits: u128) -> String {
        match self.address {
            IpAddr::V4(_) => std::net::Ipv4Addr::from(u32::try_from(bits & 0xffff_ffff).unwrap_or(0)).to_string(),
            IpAddr::V6(_) => std::net::Ipv6Addr::from(bits).to_string(),
        }
    }
}

fn asked(text: &str, query: &str) -> Outcome<V> {
    let Some(net) = Net::read(text) else { return Ok(V::Bool(false)) };
    let network = net.bits() & !net.host_mask();
    Ok(match query {
        "" => V::from(text),
        "ipv4" if net.address.is_ipv4() => V::from(text),
        "ipv6" if net.address.is_ipv6() => V::from(text),
        "ipv4" | "ipv6" => V::Bool(false),
        "address" | "ip" => V::from(net.with(net.bits())),
        "prefix" => V::Int(i128::from(net.prefix)),
        "netmask" => V::from(net.with(!net.host_mask())),
        "hostmask" | "wildcard" => V::from(net.with(net.host_mask())),
        "network" => V::from(net.with(network)),
        "broadcast" => V::from(net.with(network | net.host_mask())),
        "subnet" | "network/prefix" => V::from(format!("{}/{}", net.with(network), net.prefix)),
        "address/prefix" | "host/prefix" if net.given => V::from(format!("{}/{}", net.with(net.bits()), net.prefix)),
        "net" if net.given && net.bits() == network => V::from(text),
        "net" => V::Bool(false),
        "version" => V::Int(if net.address.is_ipv4() { 4 } else { 6 }),
        "size" => V::Int((net.host_mask().saturating_add(1)).min(i128::MAX.unsigned_abs()).cast_signed()),
        "revdns" if net.address.is_ipv4() => {
            let text = net.with(net.bits());
            V::from(text.split('.').rev().collect::<Vec<_>>().join(".") + ".in-addr.arpa.")
        }
        number => match number.parse::<i128>() {
            Ok(at) => {
                let offset = if at < 0 { net.host_mask().wrapping_add(1).wrapping_sub(at.unsigned_abs()) } else { at.unsigned_abs() };
                if offset > net.host_mask() {
                    return Ok(V::Bool(false));
                }
                V::from(format!("{}/{}", net.with(network + offset), net.prefix))
            }
            Err(_) => {
                return fail_hint(
                    "`ipaddr` does not know that query",
                    "it knows address, prefix, netmask, hostmask, network, broadcast, subnet, net, version, size, ipv4, ipv6 and numbers",
                );
            }
        },
    })
}

fn query(given: &Given) -> Outcome<String> {
    given.text_or(0, "")
}

fn ipaddr(given: &Given) -> Outcome<V> {
    let query = query(given)?;
    mapped(given, &|text| asked(text, &query))
}

fn of_version(given: &Given, version: &str) -> Outcome<V> {
    let query = query(given)?;
    mapped(given, &|text| match asked(text, version)? {
        V::Bool(false) => Ok(V::Bool(false)),
        _ => asked(text, &query),
    })
}

fn ipv4(given: &Given) -> Outcome<V> {
    of_version(given, "ipv4")
}

fn ipv6(given: &Given) -> Outcome<V> {
    of_version(given, "ipv6")
}
