//! What a name resolves to on the machine: getent(1), and so /etc/hosts and name servers alike.

use std::net::IpAddr;

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The addresses that a name stands for there, each once. Absent: it stands for none. It moves by itself. Unknown after ten seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved(String);

impl Resolved {
    /// Of that host name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl Fact for Resolved {
    type Value = Vec<IpAddr>;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], vec![Touch::Network, Touch::Files("/etc".into())]).moving()
    }
}

pub(super) const KIND: Kind =
    Kind { name: "resolved", function: &PROBE, merged: false, words: host_name, parse: |_, text| json(read(text)?) };

/// A name that no program takes for an option.
fn host_name(args: &[String]) -> Result<Vec<String>, String> {
    match args {
        [name] if !name.is_empty() && !name.starts_with('-') && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c)) => {
            Ok(args.to_vec())
        }
        [name] => Err(format!("{name:?} is not a name of a host")),
        _ => Err("one name is wanted".into()),
    }
}

// getent ends with 2 for what it does not find; a name server that is silent costs as long as resolv.conf says
static PROBE: Function = Function {
    name: "probe_resolved",
    text: r#"
probe_resolved() {
  command -v getent >/dev/null || { r="there is no getent to ask"; answer "$1" 1; return; }
  r=$(exec timeout 10 getent ahosts "$2" 2>&1)
  case $? in
  0) answer "$1" 0 ;;
  2) r=; answer "$1" 44 ;;
  124) r="no name server answered within ten seconds"; answer "$1" 1 ;;
  *) answer "$1" 1 ;;
  esac
}
"#,
    needs: &[],
};

/// `192.0.2.50      STREAM k8s.home.arpa`, each address in three lines.
fn read(text: &str) -> Result<Vec<IpAddr>, String> {
    let mut all = Vec::new();
    for line in text.lines() {
        let address = line.split_whitespace().next().unwrap_or_default();
        // `fe80::1%eth0`
        let bare = address.split('%').next().unwrap_or_default();
        let address: IpAddr = bare.parse().map_err(|_| format!("an address as {line:?}"))?;
        if !all.contains(&address) {
            all.push(address);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_there_once() {
        let text = "192.0.2.50      STREAM k8s.lan\n192.0.2.50      DGRAM  \n192.0.2.50      RAW    \nfe80::1%eth0 STREAM";
        assert_eq!(read(text).unwrap(), ["192.0.2.50".parse::<IpAddr>().unwrap(), "fe80::1".parse().unwrap()]);
        assert!(read("x y").is_err());
        assert!(host_name(&["-x".into()]).is_err() && host_name(&["a b".into()]).is_err() && host_name(&["k8s.lan".into()]).is_ok());
    }
}
