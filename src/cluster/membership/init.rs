//! The rule of `kubeadm init`: only where there is certainly no cluster.

use std::collections::BTreeSet;

use super::classify::foreign;
use super::evidence::{Api, Evidence, Machine, Reach};
use super::guard::Guard;
use super::seen::Seen;
use super::state::State;
use super::wanted::{Host, Wanted};

/// Where the API server and etcd listen.
pub const PORTS: [u16; 2] = [6443, 2379];

/// Whether a cluster may be made.
pub(super) enum Rule<'a> {
    /// It may, there.
    On {
        /// Where.
        host: &'a Host,
        /// Whether an earlier `init` left files there.
        resumes: bool,
        /// Whether kube-vip's manifest has to be written first.
        first_kube_vip: bool,
    },
    /// A kubeadm is still running on that host, in that unit.
    Runs(&'a Host, String),
    /// It may not.
    Not {
        /// Everything that speaks against it.
        against: Vec<String>,
        /// Whether some of it may pass by itself: a probe that failed, a port that is being opened.
        may_pass: bool,
    },
}

/// What a host is while there is no cluster.
pub(super) fn state(host: &Host, evidence: &Evidence) -> State {
    let machine = match evidence.machines.get(&host.name) {
        None => return State::Unreachable("it was not looked at".to_owned()),
        Some(Reach::Unreachable(why)) => return State::Unreachable(why.clone()),
        Some(Reach::Reached(machine)) => machine,
    };
    if let Seen::Present(unit) = &machine.unit {
        return State::InProgress(unit.clone());
    }
    let has_begun = machine.ca.is_present() || machine.manifests.present().is_some_and(|manifests| manifests.of_kubeadm());
    match (host.role, foreign(machine, machine.ca.present().map(String::as_str))) {
        (_, Err(unknown)) => unknown,
        (super::wanted::Role::ControlPlane, Ok(_)) if has_begun => State::PartialInit,
        (_, Ok(Some(why))) => State::Foreign(why),
        // which cluster that is, and whether it lives, a control plane would have to say
        (super::wanted::Role::Worker, Ok(None)) if machine.kubelet_conf.is_present() => {
            State::Unknown("its kubelet belongs to a cluster, and no control plane that was reached does".to_owned())
        }
        (_, Ok(None)) => State::Bare,
    }
}

/// Whether a cluster may be made, and where.
pub(super) fn rule<'a>(wanted: &'a Wanted, evidence: &Evidence) -> Rule<'a> {
    let mut against = Vec::new();
    let mut may_pass = false;
    let mut authorities: BTreeSet<&str> = BTreeSet::new();
    let mut begun: Option<(&Host, &Machine)> = None;
    for host in wanted.control_planes() {
        let name = &host.name;
        let machine = match evidence.machines.get(name) {
            Some(Reach::Reached(machine)) => machine,
            Some(Reach::Unreachable(why)) if Guard::UnreachedControlPlane.stops(true) => {
                against.push(format!("{name} was not reached ({why})"));
                continue;
            }
            None if Guard::UnreachedControlPlane.stops(true) => {
                against.push(format!("{name} was not looked at"));
                continue;
            }
            _ => continue,
        };
        match &machine.unit {
            Seen::Present(unit) if Guard::UnitRuns.stops(true) => return Rule::Runs(host, unit.clone()),
            Seen::Unknown(why) if Guard::UnitRuns.stops(true) => {
                may_pass = true;
                against.push(format!("units of kubeadm on {name}: {why}"));
            }
            _ => {}
        }
        match &machine.etcd_data {
            Seen::Unknown(why) if Guard::EtcdData.stops(true) => {
                may_pass = true;
                against.push(format!("/var/lib/etcd/member on {name}: {why}"));
            }
            Seen::Present(()) if Guard::EtcdData.stops(true) => against.push(format!("{name} has /var/lib/etcd/member")),
            _ => {}
        }
        let has_none = machine.kubelet_conf.is_absent() && machine.bootstrap_conf.is_absent();
        let has_one = machine.kubelet_conf.is_present() || machine.bootstrap_conf.is_present();
        if Guard::KubeletConf.stops(!has_none && !machine.super_admin_conf.is_present()) {
            may_pass |= !has_one;
            against.push(format!("the kubelet of {name} {} to a cluster", if has_one { "belongs" } else { "may belong" }));
        }
        match &machine.ports {
            Seen::Present(ports) => {
                let busy: Vec<String> = PORTS.iter().filter(|port| ports.contains(port)).map(u16::to_string).collect();
                if Guard::Listener.stops(!busy.is_empty()) {
                    may_pass = true;
                    against.push(format!("somebody listens on {} of {name}", busy.join(" and ")));
                }
            }
            Seen::Absent | Seen::Unknown(_) if Guard::Listener.stops(true) => {
                may_pass = true;
                against.push(format!("the ports of {name} could not be read"));
            }
            Seen::Absent | Seen::Unknown(_) => {}
        }
        if Guard::ApiBehindEndpoint.stops(!machine.endpoint.is_absent()) {
            may_pass = true;
            against.push(match &machine.endpoint {
                Seen::Unknown(why) => format!("whether anybody takes connections at {} is not known on {name} ({why})", wanted.endpoint),
                Seen::Present(()) | Seen::Absent => format!("somebody takes connections at {}, asked from {name}", wanted.endpoint),
            });
        }
        match &machine.ca {
            Seen::Present(ca) => _ = authorities.insert(ca),
            Seen::Absent => {}
            Seen::Unknown(why) => {
                may_pass = true;
                against.push(format!("/etc/kubernetes/pki/ca.crt on {name}: {why}"));
            }
        }
        // certificates, manifests or a kubelet.conf: an `init` that was cut off, if `init` was ever there
        let is_begun = machine.ca.is_present() || machine.super_admin_conf.is_present();
        if is_begun && begun.is_none_or(|(_, other)| !other.super_admin_conf.is_present() && machine.super_admin_conf.is_present()) {
            begun = Some((host, machine));
        }
    }
    against.extend(manifests(wanted, evidence, begun.map(|(host, _)| host)));
    if Guard::TwoAuthorities.stops(authorities.len() > 1) {
        against.push(format!("the control planes hold certificates of {} authorities", authorities.len()));
    }
    let behind = match &evidence.api {
        Api::Silent(_) => None,
        Api::Answers(_) => Some(format!("{} answers", wanted.endpoint)),
        Api::Unknown(why) => Some(format!("somebody stands behind {} ({why})", wanted.endpoint)),
    };
    if let Some(behind) = behind.filter(|_| Guard::ApiBehindEndpoint.stops(true)) {
        may_pass = true;
        against.push(behind);
    }
    for host in wanted.workers() {
        match evidence.machine(host).map(|machine| &machine.kubelet_conf) {
            Some(Seen::Present(conf)) => {
                let is_of_it = conf.server.trim_start_matches("https://") == wanted.endpoint;
                if Guard::WorkerOfTheEndpoint.stops(is_of_it) {
                    let (name, server, ca) = (&host.name, &conf.server, &conf.ca);
                    against.push(format!("{name} belongs to a cluster at {server} (authority {ca}), whose data no control plane has"));
                }
            }
            Some(Seen::Unknown(why)) if Guard::WorkerOfTheEndpoint.stops(true) => {
                may_pass = true;
                against.push(format!("/etc/kubernetes/kubelet.conf on {}: {why}", host.name));
            }
            Some(Seen::Absent | Seen::Unknown(_)) | None => {}
        }
    }
    let Some((host, machine)) = begun.or_else(|| {
        let first = wanted.control_planes().next()?;
        Some((first, evidence.machine(first)?))
    }) else {
        against.push("the inventory has no control plane that was reached".to_owned());
        return Rule::Not { against, may_pass };
    };
    if !against.is_empty() {
        return Rule::Not { against, may_pass };
    }
    let kube_vip = machine.manifests.present().and_then(|manifests| manifests.kube_vip);
    let resumes = machine.ca.is_present() || machine.kubelet_config.is_present();
    let first_kube_vip = wanted.kube_vip && kube_vip != Some(super::evidence::Credentials::SuperAdmin);
    Rule::On { host, resumes, first_kube_vip }
}

/// kubeadm's manifests, where no `init` wrote them.
fn manifests(wanted: &Wanted, evidence: &Evidence, begun: Option<&Host>) -> Vec<String> {
    let mut against = Vec::new();
    for host in wanted.control_planes() {
        let Some(machine) = evidence.machine(host) else { continue };
        let is_of_init = begun.is_some_and(|begun| begun.name == host.name) && machine.super_admin_conf.is_present();
        match &machine.manifests {
            Seen::Present(manifests) if Guard::Manifests.stops(manifests.of_kubeadm() && !is_of_init) => {
                against
                    .push(format!("{} has kubeadm's manifests, and no super-admin.conf, which `kubeadm init` would have left", host.name));
            }
            Seen::Unknown(why) if Guard::Manifests.stops(true) => {
                against.push(format!("/etc/kubernetes/manifests on {}: {why}", host.name))
            }
            _ => {}
        }
    }
    against
}
