//! Network interfaces and their addresses: ip(8), /sys/class/net.

use serde::{Deserialize, Serialize};

use super::parse::{no_words, number};
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// All network interfaces with their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interfaces;

impl Fact for Interfaces {
    type Value = Vec<Interface>;

    fn query(&self) -> Query {
        Query::new(KIND.name, [""; 0], vec![Touch::Network])
    }
}

/// A network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its hardware address, where it has one.
    pub mac: Option<String>,
    /// The largest packet, in bytes.
    pub mtu: Option<u32>,
    /// `up`, `down`, `unknown` (where the driver cannot say, as of `lo`)…
    pub state: String,
    /// What it is, ARPHRD_* of linux/if_arp.h: 1 is Ethernet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<u32>,
    /// Whether it takes what is meant for others too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub promiscuous: bool,
    /// `bridge` or `bonding`, if it is made of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_of: Option<String>,
    /// In Mbit/s, where the driver says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<i64>,
    /// Its addresses.
    pub addresses: Vec<InterfaceAddress>,
}

/// An address of a network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceAddress {
    /// IPv4 or IPv6.
    pub address: std::net::IpAddr,
    /// How many bits of it are the network's.
    pub prefix: u8,
    /// `global`, `link`, `host`…
    pub scope: String,
    /// The network's address for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<std::net::IpAddr>,
    /// Whether another address of the same network comes before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secondary: bool,
}

pub(super) const KIND: Kind =
    Kind { name: "interfaces", function: &PROBE, merged: false, words: no_words, parse: |_, text| json(read(text)?) };

// `ip -o` is the same of iproute2 and of busybox; what comes after the backslash counts down.
static PROBE: Function = Function {
    name: "probe_interfaces",
    text: r#"
probe_interfaces() {
  take ip -o addr show || { r=$err; answer "$1" 1; return; }
  id=$1 addresses=
  IFS=$nl
  for l in $r; do addresses="${addresses}a ${l%%\\*}$nl"; done
  IFS=$ifs
  r=
  set +f
  set -- /sys/class/net/*
  set -f
  for d do
    [ -d "$d" ] || continue
    mac= mtu= state= type= flags= speed= made=
    { read -r mac <"$d/address"; read -r mtu <"$d/mtu"; read -r state <"$d/operstate"; } 2>/dev/null
    { read -r type <"$d/type"; read -r flags <"$d/flags"; read -r speed <"$d/speed"; } 2>/dev/null
    if [ -e "$d/bridge" ]; then made=bridge; elif [ -e "$d/bonding" ]; then made=bonding; fi
    r="${r}i ${d##*/} ${mac:--} ${mtu:--} ${state:-unknown} ${type:--} ${flags:--} ${speed:--} ${made:--}$nl"
  done
  r=$r$addresses; r=${r%"$nl"}
  answer "$id" 0
}
"#,
    needs: &[],
};

/// `i NAME MAC MTU STATE TYPE FLAGS SPEED MADE`, then `a NUMBER: NAME inet ADDRESS/PREFIX … scope SCOPE …`
fn read(text: &str) -> Result<Vec<Interface>, String> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields.as_slice() {
            ["i", name, mac, mtu, state, hardware, flags, speed, made] => interfaces.push(Interface {
                name: (*name).into(),
                mac: Some(*mac).filter(|mac| *mac != "-" && *mac != "00:00:00:00:00:00").map(str::to_owned),
                mtu: mtu.parse().ok(),
                state: (*state).into(),
                hardware: hardware.parse().ok(),
                // IFF_PROMISC
                promiscuous: flags.strip_prefix("0x").and_then(|flags| u32::from_str_radix(flags, 16).ok()).is_some_and(|f| f & 0x100 != 0),
                made_of: Some(*made).filter(|made| *made != "-").map(str::to_owned),
                speed: speed.parse().ok(),
                addresses: Vec::new(),
            }),
            ["a", _, name, "inet" | "inet6", address, rest @ ..] => {
                let scope = rest.iter().skip_while(|word| **word != "scope").nth(1).copied().unwrap_or("global");
                // `eth0@if5` is called eth0
                let name = name.split('@').next().unwrap_or(name);
                let mut address = read_address(address, scope)?;
                address.broadcast = rest.iter().skip_while(|word| **word != "brd").nth(1).and_then(|broadcast| broadcast.parse().ok());
                address.secondary = rest.contains(&"secondary");
                match interfaces.iter_mut().find(|interface| interface.name == name) {
                    Some(interface) => interface.addresses.push(address),
                    // it came up between the two
                    None => interfaces.push(Interface {
                        name: name.into(),
                        state: "unknown".into(),
                        addresses: vec![address],
                        ..Interface::default()
                    }),
                }
            }
            // busybox lists interfaces here too
            ["a", ..] => {}
            _ => return Err(format!("a line as {line:?}")),
        }
    }
    Ok(interfaces)
}

/// `192.0.2.2/24`; of a point-to-point link the own address alone.
fn read_address(text: &str, scope: &str) -> Result<InterfaceAddress, String> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: std::net::IpAddr = address.parse().map_err(|_| format!("an address as {text:?}"))?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    Ok(InterfaceAddress {
        address,
        prefix: prefix.map_or(Ok(whole), |prefix| number(Some(prefix), "prefix"))?,
        scope: scope.into(),
        broadcast: None,
        secondary: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_with_their_interfaces() {
        let interfaces = read(
            "i eth0 02:fc:00:00:00:01 1500 up 1 0x1103 1000 -\ni lo 00:00:00:00:00:00 65536 unknown 772 0x9 - -\n\
             i tun0 - 1420 unknown 65534 0x1091 -1 -\ni br0 02:fc:00:00:00:02 1500 up 1 0x1003 - bridge\n\
             a 1: lo    inet 127.0.0.1/8 scope host lo\na 4: eth0    inet 192.0.2.2/24 brd 192.0.2.255 scope global eth0\n\
             a 4: eth0    inet6 fe80::fc:ff:fe00:1/64 scope link \na 5: tun0    inet 10.8.0.2 peer 10.8.0.1/32 scope global tun0\n\
             a 7: veth1@if2    inet6 fd00::1/128 scope global nodad \na 2: dummy0: <BROADCAST,NOARP> mtu 1500 qdisc noop",
        )
        .unwrap();
        let of = |name: &str| interfaces.iter().find(|interface| interface.name == name).unwrap();
        assert_eq!((of("eth0").mac.as_deref(), of("eth0").mtu, of("eth0").addresses.len()), (Some("02:fc:00:00:00:01"), Some(1500), 2));
        assert_eq!((of("eth0").promiscuous, of("eth0").speed, of("eth0").hardware), (true, Some(1000), Some(1)));
        assert_eq!((of("br0").made_of.as_deref(), of("br0").promiscuous, of("tun0").hardware), (Some("bridge"), false, Some(65534)));
        assert_eq!(of("eth0").addresses[0].broadcast.unwrap().to_string(), "192.0.2.255");
        assert_eq!((of("lo").mac.clone(), of("lo").addresses[0].scope.as_str(), of("lo").addresses[0].prefix), (None, "host", 8));
        assert_eq!((of("tun0").addresses[0].address.to_string().as_str(), of("tun0").addresses[0].prefix), ("10.8.0.2", 32));
        assert_eq!(of("veth1").addresses[0].prefix, 128);
        assert!(read("a 1: lo inet 300.0.0.1/8 scope host").is_err() && read("?").is_err());
    }
}
