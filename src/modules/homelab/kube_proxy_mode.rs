//! `homelab.kube_proxy_mode`

use crate::modules::halt::{Halt, settled};
use crate::modules::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::facts::{RunningKubeProxy, Sysctl};
use crate::plan::{Facts, Stop};

/// What leads the packets of this node is what the cluster is to have.
#[derive(Debug)]
pub struct HomelabKubeProxyMode;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("mode", Kind::Str).default("ipvs").choices(&["ipvs", "iptables", "nftables"]).about("How packets are to be led"),
        Opt::new("strict_arp", Kind::Bool).default("true").about("Whether the node is to answer ARP for its own addresses only (`ipvs`)"),
    ],
    about: "Looks at how kube-proxy leads packets on a node",
    notes: &[
        "It changes nothing. kube-proxy takes another mode if the kernel lacks what its own needs, and says so only in its log: so it is asked itself (`/proxyMode`), and with `ipvs` the kernel's table of services and the parameters arp_ignore and arp_announce are looked at.",
        "What is otherwise fails the task. A node that joined a moment ago needs a while: give it `retries` and `until`.",
        "The result has `mode`, `services`, and with `ipvs` `arp_ignore` and `arp_announce`.",
    ],
    example: "- name: IPVS leads the packets\n  homelab.kube_proxy_mode:\n    mode: ipvs\n  register: proxy\n  until: proxy is success\n  retries: 30\n  delay: 5\n",
    ..Spec::new("homelab", "kube_proxy_mode")
};

impl Module for HomelabKubeProxyMode {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn reads_cluster(&self) -> bool {
        true
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let (mode, strict) = (task.args.str("mode").unwrap_or("ipvs"), task.args.is("strict_arp"));
    let names = ["net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.all.arp_announce"];
    let (running, arp) = facts.get((RunningKubeProxy, names.map(Sysctl::new).to_vec()))?;
    let Some(running) = running else {
        return Err(Halt::fail("no kube-proxy answers on 127.0.0.1:10249: `kubectl -n kube-system get pods -o wide` shows its pods"));
    };
    if running.mode != mode {
        let why = if mode == "ipvs" { ": the kernel may lack ip_vs or one of its schedulers (playbook tuning)" } else { "" };
        return Err(Halt::fail(format!("kube-proxy runs in mode {}, and not {mode}{why}", running.mode)));
    }
    let decision = Decision::unchanged().with("mode", running.mode.as_str());
    if mode != "ipvs" {
        return Ok(decision.with("services", 0));
    }
    if running.ipvs_services == 0 {
        return Err(Halt::fail("kube-proxy runs in mode ipvs, and the kernel's table of services is empty"));
    }
    let values: Vec<String> = arp.into_iter().map(|state| state.and_then(|state| state.value).unwrap_or_default()).collect();
    let wanted = if strict { ["1", "2"] } else { ["0", "0"] };
    // without it they are whatever somebody else has set
    if let Some(at) = (0..2).find(|at| strict && values.get(*at).map(String::as_str) != wanted.get(*at).copied()) {
        let (name, is) = (names.get(at).copied().unwrap_or_default(), values.get(at).cloned().unwrap_or_default());
        return Err(Halt::fail(format!("{name} is {is}, and strictARP wants {}", wanted.get(at).copied().unwrap_or_default())));
    }
    let [ignore, announce] = [0, 1].map(|at| values.get(at).cloned().unwrap_or_default());
    Ok(decision.with("services", running.ipvs_services).with("arp_ignore", ignore).with("arp_announce", announce))
}

#[cfg(test)]
pub(in crate::modules) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = world(random.pick(&["0", "1"]).unwrap());
        if !random.once_in(5) {
            world.set_running_kube_proxy(random.pick(&["ipvs", "iptables"]).unwrap(), random.below(3) as u32);
        }
        (Bench::new(world), random.pick(&[json!({}), json!({"mode": "iptables"}), json!({"strict_arp": false})]).unwrap().clone())
    }

    fn world(ignore: &str) -> World {
        let mut world = World::new(1);
        world.add_sysctl("net.ipv4.conf.all.arp_ignore", ignore);
        world.add_sysctl("net.ipv4.conf.all.arp_announce", "2");
        world
    }

    #[test]
    fn what_runs_is_what_counts() {
        let says = |world: World, args: Value| match Bench::new(world).run(&HomelabKubeProxyMode, &args) {
            Seen::Unchanged(decision) => decision.result["mode"].to_string(),
            Seen::Failed(why) => why,
            other => panic!("{other:?}"),
        };
        let with = |mode: &str, services: u32, ignore: &str| {
            let mut world = world(ignore);
            world.set_running_kube_proxy(mode, services);
            world
        };
        assert_eq!(says(with("ipvs", 3, "1"), json!({})), "\"ipvs\"");
        assert!(says(with("iptables", 0, "1"), json!({})).contains("runs in mode iptables, and not ipvs"));
        assert!(says(with("ipvs", 0, "1"), json!({})).contains("table of services is empty"));
        assert!(says(with("ipvs", 3, "0"), json!({})).contains("arp_ignore is 0, and strictARP wants 1"));
        assert_eq!(says(with("ipvs", 3, "0"), json!({"strict_arp": false})), "\"ipvs\"");
        assert!(says(world("1"), json!({})).contains("no kube-proxy answers"));
    }
}
