//! Kernel modules, of the kernel that runs and of the one that boots next.

use super::evidence::Evidence;
use super::finding::Findings;
use crate::cluster::known::Known;
use crate::cluster::settings::{ProxyMode, Settings};

/// What is wanted of every node's kernel.
pub fn wanted(settings: &Settings) -> Vec<&'static str> {
    let mut names = vec!["overlay", "br_netfilter", "nf_conntrack"];
    match settings.kube_proxy.mode {
        ProxyMode::Ipvs => {
            names.push("ip_vs");
            // the module of the scheduler that was chosen; round robin is there in every mode that kube-proxy probes for
            let scheduler = SCHEDULERS.iter().find(|(name, _)| *name == settings.kube_proxy.scheduler);
            names.extend(["ip_vs_rr", "ip_vs_wrr", "ip_vs_sh"]);
            names.extend(scheduler.map(|(_, module)| *module).filter(|module| !["ip_vs_rr", "ip_vs_wrr", "ip_vs_sh"].contains(module)));
        }
        ProxyMode::Nftables => names.push("nf_tables"),
        ProxyMode::Iptables => {}
    }
    names
}

const SCHEDULERS: [(&str, &str); 11] = [
    ("rr", "ip_vs_rr"),
    ("wrr", "ip_vs_wrr"),
    ("lc", "ip_vs_lc"),
    ("wlc", "ip_vs_wlc"),
    ("lblc", "ip_vs_lblc"),
    ("lblcr", "ip_vs_lblcr"),
    ("sh", "ip_vs_sh"),
    ("dh", "ip_vs_dh"),
    ("sed", "ip_vs_sed"),
    ("nq", "ip_vs_nq"),
    ("mh", "ip_vs_mh"),
];

pub(super) fn check(settings: &Settings, node: &Evidence, found: &mut Findings) {
    let wanted = wanted(settings);
    let (mut now, mut next) = (Vec::new(), Vec::new());
    // a look that fails fails for all of them
    let mut unread: Vec<(&str, Vec<&str>)> = Vec::new();
    for module in node.modules.iter().filter(|module| wanted.contains(&module.name.as_str())) {
        match module.now {
            Known::Is(false) => now.push(module.name.as_str()),
            Known::Is(true) | Known::Not | Known::Unknown(_) => {}
        }
        if let Known::Is((kernel, false)) = &module.next {
            next.push((kernel.as_str(), module.name.as_str()));
        }
        for why in [module.now.why_unknown(), module.next.why_unknown()].into_iter().flatten() {
            match unread.iter_mut().find(|(other, _)| *other == why) {
                Some((_, names)) if names.contains(&module.name.as_str()) => {}
                Some((_, names)) => names.push(&module.name),
                None => unread.push((why, vec![&module.name])),
            }
        }
    }
    for (why, names) in unread {
        found.unknown("KernelModules", node, &format!("whether the kernel has {}", names.join(", ")), why);
    }
    let why = |names: &[&str]| match names.iter().any(|name| name.starts_with("ip_vs")) {
        true => "without them kube-proxy falls back to iptables and says so in its log only",
        false => "without them packets of pods are not led as they must be",
    };
    if !now.is_empty() {
        let todo = "homelabctl provision tuning; if the kernel's package has none, install linux-modules-extra or another kernel";
        found.error("KernelModules", &[node], format!("the kernel has no {}", now.join(", ")), why(&now), todo);
    }
    if let Some((kernel, _)) = next.first() {
        let names: Vec<&str> = next.iter().map(|(_, name)| *name).filter(|name| !now.contains(name)).collect();
        if !names.is_empty() {
            let seen = format!("{kernel}, which boots next, has no {}", names.join(", "));
            found.warning("KernelModules", &[node], seen, why(&names), "install that kernel's modules before the next boot");
        }
    }
}
