//! `homelab.kube_proxy`

use sha2::{Digest as _, Sha256};

use crate::cluster::kube_proxy::{Wanted, edited};
use crate::modules::halt::{Halt, settled};
use crate::modules::outcome::planned;
use crate::modules::{Args, Decision, Kind, Module, Opt, Spec, Task, Wrong};
use crate::node::facts::KubeProxy;
use crate::node::steps::{ConfigureKubeProxy, RollOutKubeProxy};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};

/// kube-proxy leads packets as the cluster is to have it.
#[derive(Debug)]
pub struct HomelabKubeProxy;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("mode", Kind::Str).default("ipvs").choices(&["ipvs", "iptables", "nftables"]).about("How packets are led to pods"),
        Opt::new("strict_arp", Kind::Bool)
            .default("true")
            .about("Whether a node answers ARP for its own addresses only; MetalLB wants it with `ipvs`"),
        Opt::new("scheduler", Kind::Str)
            .choices(&["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "mh"])
            .about("How `ipvs` chooses a pod; what is set stays if none is given"),
        Opt::new("timeout", Kind::Int).default("300").about("How many seconds it is waited for its pods"),
    ],
    about: "Sets how kube-proxy leads packets, on a live cluster",
    notes: &[
        "It runs on one control plane, and asks the cluster with its kubectl. In the ConfigMap `kube-proxy` only these settings change; everything else of its text stays byte for byte. The write names the version that was read: if somebody else has written meanwhile nothing is lost, and it is planned anew.",
        "Its pods are made anew, one after the other, and carry the digest of the configuration that they were made for: a run that was cut in between goes on from there.",
        "`ipvs` is deprecated from Kubernetes 1.35 on, which is a warning, and is gone in 1.40, which is refused: `mode: nftables` is the way out.",
        "While it writes, and until the pods are ready, it holds the Lease `homelabctl` in kube-system, as `homelab.kubeadm` does: it waits a minute for another run that has it, and then fails.",
        "A cluster without kube-proxy is refused: something else leads its packets.",
        "What runs on a node is another matter: `homelab.kube_proxy_mode` looks at it.",
    ],
    example: "- name: kube-proxy in IPVS mode, as MetalLB wants it\n  homelab.kube_proxy:\n    mode: ipvs\n    strict_arp: true\n  run_once: true\n",
    ..Spec::new("homelab", "kube_proxy")
};

impl Module for HomelabKubeProxy {
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
    let mode = args.str("mode").unwrap_or("ipvs");
    let timeout = u32::try_from(args.int("timeout").unwrap_or(300)).unwrap_or(300);
    let Some(is) = facts.get(KubeProxy)? else {
        return Err(Halt::refuse(
            "the cluster has no kube-proxy: something else leads its packets",
            "leave this out (`kube_proxy` of the cluster's settings), or bring it back: `kubeadm init phase addon kube-proxy`",
        ));
    };
    let minor = is.version.as_deref().and_then(minor);
    if mode == "ipvs" && minor.is_some_and(|minor| minor >= 40) {
        return Err(Halt::refuse(
            format!("kube-proxy {} has no mode `ipvs` any more (it was there until 1.39)", is.version.unwrap_or_default()),
            "`mode: nftables` takes its place; `strict_arp` is not needed then",
        ));
    }
    let wanted = Wanted { mode, strict_arp: args.is("strict_arp"), scheduler: args.str("scheduler") };
    let (config, changed) = edited(&is.config, &wanted).map_err(|why| {
        Halt::refuse(
            format!("the configuration of kube-proxy cannot be changed: {why}"),
            "`kubectl -n kube-system edit configmap kube-proxy` shows it, under config.conf",
        )
    })?;
    let digest: String = Sha256::digest(&config).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut change: Change = Plan::change([]);
    for one in &changed {
        change = change.differs(format!("kube-proxy: {}", one.key), one.before.clone(), Some(one.after.clone()));
    }
    if !changed.is_empty() {
        change.steps.push(
            ConfigureKubeProxy {
                config: config.clone(),
                resource_version: is.resource_version.clone(),
                lease: super::under_lease(task, 0),
            }
            .into(),
        );
    }
    // who never asked for pods of their own leaves them: they were made with what is there
    if !changed.is_empty() || is.rolled_out.as_ref().is_some_and(|made_for| *made_for != digest) {
        if changed.is_empty() {
            change = change.differs("pods of kube-proxy", Some("made for another configuration".into()), Some("made anew".into()));
        }
        change.steps.push(RollOutKubeProxy { digest: digest.clone(), timeout, lease: super::under_lease(task, timeout) }.into());
        let expect = Expect::field(&KubeProxy, "config", config).and("rolled_out", digest);
        change.expect.push(expect.moves("resource_version"));
    }
    let decision = planned(change).with("mode", mode);
    Ok(match minor {
        Some(minor) if mode == "ipvs" && minor >= 35 => {
            decision.warns("kube-proxy's mode `ipvs` is deprecated since Kubernetes 1.35 and goes with 1.40: `nftables` takes its place")
        }
        _ => decision,
    })
}

/// 34 of `v1.34.2`.
fn minor(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').nth(1)?.parse().ok()
}

#[cfg(test)]
pub(in crate::modules) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    const CONFIG: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nipvs:\n  scheduler: \"\"\n  strictARP: false\nkind: KubeProxyConfiguration\nmode: \"\"\n";

    pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = World::new(random.number());
        if !random.once_in(10) {
            world.add_directory("/etc/kubernetes", 0o755);
            world.add_file("/etc/kubernetes/admin.conf", b"x", 0o600);
        }
        if !random.once_in(8) {
            let config = match random.below(4) {
                0 => CONFIG.replace("mode: \"\"", "mode: ipvs").replace("false", "true"),
                1 => "kind: Other\n".to_owned(),
                _ => CONFIG.to_owned(),
            };
            world.add_kube_proxy(&config, random.pick(&["v1.34.2", "v1.35.0", "v1.40.1"]).unwrap());
            if random.once_in(3) {
                world.set_kube_proxy_rolled_out("0");
            }
        }
        let mut args = json!({});
        if random.once_in(2) {
            args["mode"] = (*random.pick(&["ipvs", "iptables", "nftables"]).unwrap()).into();
        }
        if random.once_in(3) {
            args["strict_arp"] = false.into();
        }
        if random.once_in(3) {
            args["scheduler"] = "lc".into();
        }
        (Bench::new(world), args)
    }

    fn world(config: &str, version: &str) -> World {
        let mut world = World::new(1);
        world.add_directory("/etc/kubernetes", 0o755);
        world.add_file("/etc/kubernetes/admin.conf", b"x", 0o600);
        world.add_kube_proxy(config, version);
        world
    }

    #[test]
    fn it_is_set_and_its_pods_are_made_anew_once() {
        let mut bench = Bench::new(world(CONFIG, "v1.34.2"));
        let Seen::Changed(decision, change, _) = bench.run(&HomelabKubeProxy, &json!({})) else { panic!() };
        let differs: Vec<&str> = change.diff.iter().map(|one| one.what.as_str()).collect();
        assert_eq!(differs, ["kube-proxy: ipvs.strictARP", "kube-proxy: mode"]);
        assert_eq!((decision.result["mode"].as_str(), change.steps.len()), (Some("ipvs"), 2));
        assert!(matches!(bench.run(&HomelabKubeProxy, &json!({})), Seen::Unchanged(_)));
    }

    #[test]
    fn a_run_that_was_cut_before_its_pods_goes_on_there_and_others_pods_are_left_alone() {
        let right = CONFIG.replace("mode: \"\"", "mode: ipvs").replace("false", "true");
        assert!(matches!(Bench::new(world(&right, "v1.34.2")).run(&HomelabKubeProxy, &json!({})), Seen::Unchanged(_)));
        let mut cut = world(&right, "v1.34.2");
        cut.set_kube_proxy_rolled_out("0");
        let mut bench = Bench::new(cut);
        let Seen::Changed(_, change, _) = bench.run(&HomelabKubeProxy, &json!({})) else { panic!() };
        assert_eq!(change.steps.len(), 1);
        assert!(matches!(bench.run(&HomelabKubeProxy, &json!({})), Seen::Unchanged(_)));
    }

    #[test]
    fn ipvs_has_an_end() {
        let Seen::Changed(decision, ..) = Bench::new(world(CONFIG, "v1.35.0")).run(&HomelabKubeProxy, &json!({})) else { panic!() };
        assert!(decision.result["warnings"][0].as_str().unwrap().contains("deprecated since Kubernetes 1.35"));
        let Seen::Refused(why) = Bench::new(world(CONFIG, "v1.40.0")).run(&HomelabKubeProxy, &json!({})) else { panic!() };
        assert!(why.contains("no mode `ipvs` any more"), "{why}");
        assert!(matches!(Bench::new(world(CONFIG, "v1.40.0")).run(&HomelabKubeProxy, &json!({"mode": "nftables"})), Seen::Changed(..)));
    }
}
