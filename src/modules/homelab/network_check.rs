//! `homelab.network_check`

use sha2::{Digest as _, Sha256};

use crate::modules::halt::{Halt, settled};
use crate::modules::outcome::planned;
use crate::modules::{Args, Decision, Kind, Module, Opt, Spec, Task, Wrong};
use crate::node::facts::{ClusterNetwork, NetworkNode};
use crate::node::steps::CheckNetwork;
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};

/// Pods on all nodes have been seen to reach each other.
#[derive(Debug)]
pub struct HomelabNetworkCheck;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("image", Kind::Str)
            .default("docker.io/library/busybox:1.37.0")
            .about("The pods' image, with sh, wget, and httpd or nc; it is not pulled where a node has it"),
        Opt::new("domain", Kind::Str).default("cluster.local").about("The domain of the cluster's services"),
        Opt::new("network", Kind::Str).about("What else it rests on, such as the network's name: where that changes it is done anew"),
        Opt::new("timeout", Kind::Int).default("300").about("How many seconds it is waited for the pods"),
    ],
    about: "Has pods on all nodes reach each other, by address, by name and through a Service",
    notes: &[
        "It runs on one control plane, with its kubectl. On each node that is ready a pod is started in the namespace `homelabctl-network-check`; each asks all the others, a Service by its name, and the Service by its address. Which of that does not work, and from which node, is the failure. The namespace is removed in any case.",
        "When it has ended well that is noted in the cluster, as an annotation of the namespace kube-system, with the nodes that took part: it is done anew when there are others.",
        "A node whose kubelet tells nothing takes no part, which is a warning.",
    ],
    example: "- name: pods reach each other\n  homelab.network_check:\n  run_once: true\n",
    ..Spec::new("homelab", "network_check")
};

impl Module for HomelabNetworkCheck {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn reads_cluster(&self) -> bool {
        true
    }

    fn wrong(&self, args: &Args) -> Vec<Wrong> {
        super::wrong_timeout(args, 3600).into_iter().collect()
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let state = facts.get(ClusterNetwork)?.unwrap_or_default();
    let (silent, telling): (Vec<&NetworkNode>, Vec<&NetworkNode>) = state.nodes.iter().partition(|node| node.ready == "Unknown");
    if telling.is_empty() {
        return Err(Halt::fail("no node of the cluster tells that it is ready: `kubectl get nodes` shows them"));
    }
    let domain = args.str("domain").unwrap_or_default();
    let note = note(&telling, &[args.str("network").unwrap_or_default(), domain]);
    let warned = |decision: Decision| {
        let names: Vec<&str> = silent.iter().map(|node| node.name.as_str()).collect();
        if names.is_empty() { decision } else { decision.warns(format!("of {} nothing is known: its kubelet is silent", names.join(", "))) }
    };
    if state.checked.as_deref() == Some(&note) {
        return Ok(warned(Decision::unchanged()));
    }
    let names: Vec<String> = telling.iter().map(|node| node.name.clone()).collect();
    let timeout = args.int("timeout").and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(300);
    let mut change: Change = Plan::change([]);
    let before = if state.checked.is_some() { "seen, with other nodes or another network" } else { "not seen yet" };
    change = change.differs(format!("pods on {} reach each other", names.join(", ")), Some(before.into()), Some("seen".into()));
    let step = CheckNetwork {
        nodes: names,
        image: args.str("image").unwrap_or_default().into(),
        domain: domain.into(),
        note: note.clone(),
        timeout,
    };
    change.steps.push(step.into());
    change.expect.push(Expect::field(&ClusterNetwork, "checked", note));
    Ok(warned(planned(change)))
}

/// Of the nodes, each with what no other of its name has, and of what else it rests on.
fn note(nodes: &[&NetworkNode], of: &[&str]) -> String {
    let mut all: Vec<String> = nodes.iter().map(|node| format!("{}={}", node.name, node.uid)).collect();
    all.sort_unstable();
    all.extend(of.iter().map(|text| (*text).to_owned()));
    Sha256::digest(all.join("\n")).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(in crate::modules) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    fn cluster(nodes: &[(&str, &str)]) -> World {
        let mut world = World::new(1);
        world.add_directory("/etc/kubernetes", 0o755);
        world.add_file("/etc/kubernetes/admin.conf", b"x", 0o600);
        nodes.iter().for_each(|(name, ready)| world.add_node(name, ready));
        world
    }

    fn noted(nodes: &[(&str, &str)]) -> String {
        let nodes: Vec<NetworkNode> = nodes
            .iter()
            .map(|(name, ready)| NetworkNode { name: (*name).into(), uid: format!("uid-{name}"), ready: (*ready).into() })
            .collect();
        note(&nodes.iter().collect::<Vec<_>>(), &["", "cluster.local"])
    }

    const BOTH: [(&str, &str); 2] = [("m1", "True"), ("w1", "False")];

    pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = match random.below(8) {
            0 => World::new(random.number()),
            1 => cluster(&[("m1", "Unknown")]),
            2 => cluster(&[("m1", "True"), ("w1", "Unknown")]),
            _ => cluster(&BOTH),
        };
        if random.once_in(2) {
            world.set_network_checked(&if random.once_in(3) { "00".to_owned() } else { noted(&BOTH) });
        }
        let mut args = json!({});
        if random.once_in(5) {
            args["network"] = "flannel".into();
        }
        if random.once_in(6) {
            args["image"] = "missing.lan/x:1".into();
        }
        (Bench::new(world), args)
    }

    #[test]
    fn it_is_done_once_for_the_nodes_that_there_are() {
        let mut bench = Bench::new(cluster(&BOTH));
        let Seen::Changed(_, change, _) = bench.run(&HomelabNetworkCheck, &json!({})) else { panic!() };
        assert_eq!(change.diff[0].what, "pods on m1, w1 reach each other");
        assert!(matches!(bench.run(&HomelabNetworkCheck, &json!({})), Seen::Unchanged(_)));
        let mut more = cluster(&[("m1", "True"), ("w1", "True"), ("w2", "True")]);
        more.set_network_checked(&noted(&BOTH));
        assert!(matches!(Bench::new(more).run(&HomelabNetworkCheck, &json!({})), Seen::Changed(..)));
    }

    #[test]
    fn who_tells_nothing_takes_no_part() {
        let Seen::Changed(decision, change, _) =
            Bench::new(cluster(&[("m1", "True"), ("w1", "Unknown")])).run(&HomelabNetworkCheck, &json!({}))
        else {
            panic!()
        };
        assert_eq!(change.diff[0].what, "pods on m1 reach each other");
        assert_eq!(decision.result["warnings"][0], "of w1 nothing is known: its kubelet is silent");
        let Seen::Failed(why) = Bench::new(cluster(&[])).run(&HomelabNetworkCheck, &json!({})) else { panic!() };
        assert!(why.contains("no node of the cluster"), "{why}");
    }
}
