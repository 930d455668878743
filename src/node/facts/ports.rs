//! Who listens: ss(8), or /proc/net where there is none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::parse::{no_words, number};
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// All TCP ports that are listened on and all bound UDP ports. Clients bind UDP ports all the time, so this moves by
/// itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports;

impl Fact for Ports {
    type Value = Vec<ListeningPort>;

    fn query(&self) -> Query {
        Query::new(KIND.name, [""; 0], vec![Touch::Ports, Touch::Units]).moving()
    }
}

/// A port that is listened on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListeningPort {
    /// Its number.
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// On which address; unspecified (`0.0.0.0`, `::`) is on all.
    pub address: IpAddr,
    /// Which programs have it open, as far as the user may see; others' only root does.
    pub programs: Vec<String>,
}

pub(super) const KIND: Kind = Kind { name: "ports", function: &PROBE, merged: false, words: no_words, parse: |_, text| json(read(text)?) };

// state 0A is LISTEN, 07 is an unconnected UDP socket
static PROBE: Function = Function {
    name: "probe_ports",
    text: r#"
probe_ports() {
  if command -v ss >/dev/null; then
    take ss -H -l -n -t -u -p
  else
    set -- "$1" /proc/net/tcp /proc/net/udp
    [ ! -r /proc/net/tcp6 ] || set -- "$@" /proc/net/tcp6
    [ ! -r /proc/net/udp6 ] || set -- "$@" /proc/net/udp6
    id=$1; shift
    take awk '$4 == (FILENAME ~ /tcp/ ? "0A" : "07") { print "proc", (FILENAME ~ /tcp/ ? "tcp" : "udp"), $2 }' "$@"
    set -- "$id"
  fi
  [ -z "$err" ] || { r=$err; answer "$1" 1; return; }
  answer "$1" 0
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<Vec<ListeningPort>, String> {
    let mut ports = text.lines().filter(|line| !line.trim().is_empty()).map(read_line).collect::<Result<Vec<_>, _>>()?;
    ports.sort();
    ports.dedup();
    Ok(ports)
}

fn read_line(line: &str) -> Result<ListeningPort, String> {
    let bad = || format!("a socket as {line:?}");
    let fields: Vec<&str> = line.split_whitespace().collect();
    match fields.as_slice() {
        ["proc", protocol, address] => {
            let (address, port) = address.split_once(':').ok_or_else(bad)?;
            let port = u16::from_str_radix(port, 16).map_err(|_| bad())?;
            Ok(ListeningPort { port, protocol: (*protocol).into(), address: read_kernels(address).ok_or_else(bad)?, programs: Vec::new() })
        }
        [protocol @ ("tcp" | "udp"), _state, _received, _sent, local, _peer, rest @ ..] => {
            let (address, port) = local.rsplit_once(':').ok_or_else(bad)?;
            // `127.0.0.53%lo`, `[fe80::1]%eth0`, `*` for both families
            let address = address.split('%').next().unwrap_or(address).trim_matches(['[', ']']);
            let address = if address == "*" { Ipv6Addr::UNSPECIFIED.into() } else { address.parse().map_err(|_| bad())? };
            Ok(ListeningPort {
                port: number(Some(port), "port")?,
                protocol: (*protocol).into(),
                address,
                programs: programs(&rest.join(" ")),
            })
        }
        _ => Err(bad()),
    }
}

/// The names in `users:(("sshd",pid=612,fd=3),("systemd",pid=1,fd=4))`.
fn programs(users: &str) -> Vec<String> {
    let mut names: Vec<String> =
        users.split("(\"").skip(1).filter_map(|part| part.split_once("\",pid=")).map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

/// An address as /proc/net has it: words of 32 bits in the processor's byte order, which is little-endian on all that we
/// know.
fn read_kernels(text: &str) -> Option<IpAddr> {
    let mut bytes = Vec::new();
    for at in (0..text.len()).step_by(8) {
        let word = u32::from_str_radix(text.get(at..at + 8)?, 16).ok()?;
        bytes.extend(word.to_le_bytes());
    }
    <[u8; 4]>::try_from(bytes.as_slice())
        .map(|bytes| Ipv4Addr::from(bytes).into())
        .or_else(|_| <[u8; 16]>::try_from(bytes.as_slice()).map(|bytes| Ipv6Addr::from(bytes).into()))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_ss() {
        let ports = read(
            "tcp LISTEN 0      128    0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=612,fd=3))\n\
             udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:((\"systemd-resolve\",pid=400,fd=12))\n\
             tcp LISTEN 0 4096 *:6443 *:* users:((\"kube-apiserver\",pid=9,fd=3),(\"a b\",pid=10,fd=3))\ntcp LISTEN 0 4096 [::]:22 [::]:*\n\
             udp UNCONN 0 0 [fe80::1]%eth0:546 [::]:*",
        )
        .unwrap();
        assert_eq!(ports.iter().map(|port| port.port).collect::<Vec<_>>(), [22, 22, 53, 546, 6443]);
        assert_eq!((ports[0].address.to_string().as_str(), ports[0].programs.clone()), ("0.0.0.0", vec!["sshd".to_owned()]));
        assert_eq!((ports[4].address.to_string().as_str(), ports[4].programs.len()), ("::", 2));
    }

    #[test]
    fn sockets_of_the_kernel() {
        let ports = read("proc tcp 0100007F:1F90\nproc udp 00000000000000000000000001000000:0035").unwrap();
        assert_eq!((ports[0].port, ports[0].address.to_string().as_str()), (53, "::1"));
        assert_eq!((ports[1].port, ports[1].address.to_string().as_str()), (8080, "127.0.0.1"));
        assert!(read("proc tcp x:1").is_err() && read("tcp LISTEN").is_err() && read("proc tcp 0100:16").is_err());
    }
}
