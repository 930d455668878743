//! Routes: ip-route(8), the main table.

use serde::{Deserialize, Serialize};

use super::parse::no_words;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// All routes of the main table, IPv4 before IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routes;

impl Fact for Routes {
    type Value = Vec<Route>;

    fn query(&self) -> Query {
        Query::new(KIND.name, [""; 0], vec![Touch::Network])
    }
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// `default`, an address or a network; of a route that leads nowhere with its type before it (`blackhole 10.0.0.0/8`).
    pub to: String,
    /// The next router.
    pub via: Option<String>,
    /// The interface.
    pub device: Option<String>,
    /// The sender's address that is used.
    pub source: Option<String>,
    /// Of several to the same place, the least wins.
    pub metric: Option<u32>,
}

pub(super) const KIND: Kind = Kind { name: "routes", function: &PROBE, merged: false, words: no_words, parse: |_, text| json(read(text)) };

// what expires counts down; without IPv6 in the kernel there is no such route
static PROBE: Function = Function {
    name: "probe_routes",
    text: r#"
probe_routes() {
  take ip -4 route show || { r=$err; answer "$1" 1; return; }
  routes=$r
  if [ -e /proc/net/if_inet6 ]; then
    take ip -6 route show || { r=$err; answer "$1" 1; return; }
    routes=$routes$nl$r
  fi
  r=
  IFS=$nl
  for l in $routes; do r="$r${l%% expires *}$nl"; done
  IFS=$ifs
  r=${r%"$nl"}
  answer "$1" 0
}
"#,
    needs: &[],
};

fn read(text: &str) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace().peekable();
        let Some(mut to) = words.next().map(str::to_owned) else { continue };
        let mut route = Route { to: String::new(), via: None, device: None, source: None, metric: None };
        if matches!(to.as_str(), "blackhole" | "unreachable" | "prohibit" | "throw" | "local" | "broadcast" | "multicast" | "unicast") {
            to = [&to, words.next().unwrap_or_default()].join(" ");
        }
        // the further legs of a multipath route stand on lines of their own, or after `nexthop`
        if to == "nexthop" {
            to = routes.last().map(|last| last.to.clone()).unwrap_or_default();
        }
        route.to = to;
        while let Some(word) = words.next() {
            let mut value = || words.next().map(str::to_owned);
            match word {
                // `via inet6 fe80::1` names the family first
                "via" => {
                    route.via = value().and_then(|via| if via.starts_with("inet") { words.next().map(str::to_owned) } else { Some(via) })
                }
                "dev" => route.device = value(),
                "src" => route.source = value(),
                "metric" => route.metric = value().and_then(|metric| metric.parse().ok()),
                _ => {}
            }
        }
        routes.push(route);
    }
    routes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_of_iproute2_and_busybox() {
        let routes = read(
            "default via 192.0.2.1 dev eth0 proto dhcp src 192.0.2.2 metric 100 \n192.0.2.0/24 dev eth0 scope link  src 192.0.2.2 \n\
             blackhole 10.9.0.0/16 proto bird \n10.1.0.0/16 via inet6 fe80::1 dev wg0\ndefault via fd00::1 dev eth0 metric 1024 pref medium\n\
             10.2.0.0/16 proto static \n\tnexthop via 10.0.0.1 dev eth1 weight 1",
        );
        assert_eq!(
            (routes[0].via.as_deref(), routes[0].metric, routes[0].source.as_deref()),
            (Some("192.0.2.1"), Some(100), Some("192.0.2.2"))
        );
        assert_eq!((routes[1].to.as_str(), routes[1].via.as_deref(), routes[1].device.as_deref()), ("192.0.2.0/24", None, Some("eth0")));
        assert_eq!(
            (routes[2].to.as_str(), routes[3].via.as_deref(), routes[4].metric),
            ("blackhole 10.9.0.0/16", Some("fe80::1"), Some(1024))
        );
        assert_eq!((routes[6].to.as_str(), routes[6].device.as_deref()), ("10.2.0.0/16", Some("eth1")));
        assert_eq!(read(""), []);
    }
}
