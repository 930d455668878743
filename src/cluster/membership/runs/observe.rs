//! What a run sees of the world, and what it wants of it.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{Blind, OTHERS, World};
use crate::cluster::membership::{
    Api, CONTROL_PLANE, Csr, Etcd, Evidence, Host, InitPart, KubeletConf, Machine, Manifests, Marks, Member, Members, NodeObject, Objects,
    Reach, Ready, Role, Seen, Wanted,
};

/// A wrong way to see: what must never be done by who reads evidence, so that a test shows why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confusion {
    /// A machine that is not reached is taken for one without anything on it.
    UnreachedIsBlank,
    /// What could not be read on a machine is taken for missing.
    UnknownIsAbsent,
    /// An API that did not answer is taken for one without Nodes.
    UnknownListIsEmpty,
    /// A member of which nobody knows whether it answers is taken for dead.
    UnknownHealthIsDeath,
}

impl Confusion {
    pub(super) const ALL: [Self; 4] = [Self::UnreachedIsBlank, Self::UnknownIsAbsent, Self::UnknownListIsEmpty, Self::UnknownHealthIsDeath];
}

const ENDPOINT: &str = "10.9.9.9:6443";

pub(super) fn ca(ca: u32) -> String {
    format!("sha256:{ca}")
}

fn peer(address: u32) -> String {
    format!("https://{}:2380", ip(address))
}

fn ip(address: u32) -> String {
    format!("10.0.{}.{}", address / 256, address % 256)
}

/// What is wanted: as many control planes of the hosts as that, the others workers.
pub(super) fn wanted(world: &World, control_planes: usize) -> Wanted {
    let host = |(index, at): (usize, &usize)| {
        let machine = &world.machines[*at];
        let role = if index < control_planes { Role::ControlPlane } else { Role::Worker };
        let mut marks = Marks::default();
        match role {
            Role::ControlPlane => marks.labels.insert(CONTROL_PLANE.to_owned(), String::new()),
            Role::Worker => marks.labels.insert("node.longhorn.io/create-default-disk".to_owned(), "config".to_owned()),
        };
        Host { name: format!("h{index}"), node: machine.node.clone(), role, address: ip(machine.address), marks }
    };
    let hosts = world.hosts.iter().enumerate().map(host).collect();
    Wanted { endpoint: ENDPOINT.to_owned(), kube_vip: world.kube_vip, parts: InitPart::ALL.into_iter().collect(), hosts }
}

/// All that is seen at this moment by the run of that number.
pub(super) fn observe(world: &World, wanted: &Wanted, run: u32, confusion: Option<Confusion>) -> Evidence {
    let reached = |host: usize| {
        let machine = &world.machines[world.hosts[host]];
        machine.is_up && machine.ssh
    };
    let mut machines = BTreeMap::new();
    for (index, host) in wanted.hosts.iter().enumerate() {
        let reach = if reached(index) {
            Reach::Reached(Box::new(machine(world, world.hosts[index], host.role, confusion)))
        } else if confusion == Some(Confusion::UnreachedIsBlank) {
            Reach::Reached(Box::new(Machine::blank("?")))
        } else {
            Reach::Unreachable("no route".to_owned())
        };
        machines.insert(host.name.clone(), reach);
    }
    let control_planes: Vec<usize> = wanted
        .hosts
        .iter()
        .enumerate()
        .filter(|(index, host)| host.role == Role::ControlPlane && reached(*index))
        .map(|(index, _)| world.hosts[index])
        .collect();
    let (api, cluster) = api(world, &control_planes, run, confusion);
    let etcd = etcd(world, &control_planes, cluster, confusion);
    Evidence { machines, api, etcd }
}

fn machine(world: &World, at: usize, role: Role, confusion: Option<Confusion>) -> Machine {
    let (machine, files) = (&world.machines[at], &world.machines[at].files);
    let may = |item: u8| !world.blind.contains(&Blind::Item(at, item));
    let absent = confusion == Some(Confusion::UnknownIsAbsent);
    let server = |of: u32| match role {
        _ if of == OTHERS => "https://10.8.8.8:6443".to_owned(),
        Role::ControlPlane => format!("https://{}:6443", ip(machine.address)),
        Role::Worker => format!("https://{ENDPOINT}"),
    };
    let conf = files.kubelet_conf.as_ref().map(|(of, node)| KubeletConf {
        ca: ca(*of),
        server: server(*of),
        node: seen(may(13), absent, files.certificate.then(|| node.clone())),
    });
    let manifests = Manifests { etcd: files.etcd.is_some(), control_plane: files.control_plane, kube_vip: files.kube_vip };
    let unit = machine.unit.as_ref().filter(|unit| unit.is_ours).map(|_| "homelabctl-kubeadm".to_owned());
    Machine {
        machine_id: seen(may(0), absent, Some(machine.id.to_string())),
        ca: seen(may(1), absent, files.ca.map(ca)),
        kubelet_conf: seen(may(2), absent, conf),
        bootstrap_conf: seen(may(3), absent, files.bootstrap.map(|_| ())),
        kubelet_config: seen(may(4), absent, files.kubelet_config.then_some(())),
        super_admin_conf: seen(may(5), absent, files.super_admin.then_some(())),
        manifests: seen(may(6), absent, (manifests != Manifests::default()).then_some(manifests)),
        etcd_data: seen(may(7), absent, files.data.filter(|_| !machine.data_elsewhere).map(|_| ())),
        reset: seen(may(7), absent, files.reset.filter(|_| files.data.is_some() && !machine.data_elsewhere).map(ca)),
        init: seen(may(5), absent, files.init.then_some(())),
        kubelet: seen(may(8), absent, machine.kubelet.then_some(())),
        ports: match seen(may(9), absent, Some(world.listens(at))) {
            Seen::Absent => Seen::Present(BTreeSet::new()),
            ports => ports,
        },
        unit: seen(may(10), absent, unit),
        material: seen(may(11), absent, files.material.then_some(())),
        endpoint: seen(may(14), absent, (machine.net && (world.usurper || world.endpoint().is_some())).then_some(())),
        readyz: match seen(may(12), absent, world.serves(at).map(|_| ())) {
            // one that has begun refuses everybody before it knows the rules of who may do what
            Seen::Absent if files.control_plane && files.data.is_some() && machine.kubelet && (world.time / 4).is_multiple_of(2) => {
                Seen::Unknown("(Forbidden)".into())
            }
            readyz => readyz,
        },
    }
}

fn seen<T>(may: bool, unknown_is_absent: bool, value: Option<T>) -> Seen<T> {
    match value {
        _ if !may && unknown_is_absent => Seen::Absent,
        _ if !may => Seen::Unknown("Input/output error".into()),
        Some(value) => Seen::Present(value),
        None => Seen::Absent,
    }
}

/// Through which of our control planes, or through the endpoint with its rights, the API is asked.
pub(super) fn asked(world: &World, control_planes: &[usize]) -> Option<usize> {
    control_planes.iter().find_map(|at| {
        let files = &world.machines[*at].files;
        let cluster = world.serves(*at).or_else(|| world.endpoint())?;
        let kept = &world.clusters[cluster];
        let has_rights = files.super_admin || files.admin && kept.parts.contains(&InitPart::AdminBinding);
        // another cluster's admin.conf leads to another endpoint
        (files.ca == Some(kept.ca) && files.ca != Some(OTHERS) && has_rights).then_some(cluster)
    })
}

fn api(world: &World, control_planes: &[usize], run: u32, confusion: Option<Confusion>) -> (Api, Option<usize>) {
    let tls = |why: &str| Api::Unknown(why.to_owned());
    let empty = || Objects {
        ca: ca(OTHERS),
        nodes: Seen::Unknown("no credentials".into()),
        csrs: Seen::Unknown("no credentials".into()),
        parts: BTreeMap::new(),
        disabled: BTreeSet::new(),
        lease: Seen::Unknown("no credentials".into()),
        tokens: Seen::Unknown("no credentials".into()),
        certificates: Seen::Unknown("no credentials".into()),
    };
    if world.usurper {
        return (Api::Answers(Box::new(empty())), None);
    }
    if world.blind.contains(&Blind::ApiSilent) {
        return (Api::Silent("a time-out".to_owned()), None);
    }
    if world.blind.contains(&Blind::ApiTls) {
        return (tls("tls: internal error"), None);
    }
    let Some(cluster) = asked(world, control_planes) else {
        let behind = world.endpoint().map_or_else(|| Api::Silent("connection refused".to_owned()), |_| tls("no credentials that it takes"));
        return (behind, None);
    };
    let kept = &world.clusters[cluster];
    let may = |list: u8| !world.blind.contains(&Blind::List(list));
    let absent = confusion == Some(Confusion::UnknownListIsEmpty);
    let node = |(name, node): (&String, &super::etcd::Node)| NodeObject {
        name: name.clone(),
        uid: node.uid.to_string(),
        machine_id: node.machine.to_string(),
        ready: match (node.is_ready, world.cni) {
            (true, true) => Ready::Yes,
            (true, false) => Ready::NoNetwork,
            (false, _) => Ready::Unheard,
        },
        marks: node.marks.clone(),
    };
    let csr = |(node, request): (&String, &super::etcd::Request)| Csr {
        name: format!("csr-{node}"),
        node: node.clone(),
        pending: !request.is_approved,
    };
    let part = |part: InitPart| (part, seen(may(2), absent, kept.parts.contains(&part).then_some(())));
    let lease = kept.lease.filter(|(holder, _)| *holder != run).map(|(holder, _)| format!("run {holder}"));
    let objects = Objects {
        ca: ca(kept.ca),
        nodes: seen(may(0), absent, Some(kept.nodes.iter().map(node).collect())),
        csrs: seen(may(1), absent, Some(kept.csrs.iter().map(csr).collect())),
        parts: InitPart::ALL.into_iter().map(part).collect(),
        disabled: BTreeSet::new(),
        lease: seen(may(3), absent, lease),
        tokens: seen(may(4), absent, Some(kept.tokens.keys().map(u32::to_string).collect())),
        certificates: seen(may(5), absent, kept.certificates.map(|_| ())),
    };
    (Api::Answers(Box::new(objects)), Some(cluster))
}

fn etcd(world: &World, control_planes: &[usize], cluster: Option<usize>, confusion: Option<Confusion>) -> Etcd {
    if world.blind.contains(&Blind::List(6)) {
        return Etcd::Unknown("context deadline exceeded".to_owned());
    }
    // any member is asked, from any control plane that has the certificates
    let answers = |at: &usize| {
        let machine = &world.machines[*at];
        let is_asked = |of: &usize| Some(world.clusters[*of].ca) == machine.files.ca && world.has_quorum(*of);
        (0..world.clusters.len()).filter(|of| machine.net && cluster.is_none_or(|cluster| cluster == *of)).find(is_asked)
    };
    let Some(cluster) = control_planes.iter().find_map(answers) else {
        return Etcd::Unknown("no member that was asked answers".to_owned());
    };
    let kept = &world.clusters[cluster];
    let may = |member: &super::etcd::Member| {
        !world.blind.iter().any(|blind| matches!(blind, Blind::Health(at) if world.machines[*at].address == member.address))
    };
    let dead = confusion == Some(Confusion::UnknownHealthIsDeath);
    let member = |member: &super::etcd::Member| Member {
        id: member.id,
        name: member.name.clone(),
        peer: peer(member.address),
        learner: member.learner,
        healthy: seen(may(member), dead, world.alive(cluster, member.id).map(|_| ())),
    };
    Etcd::Answers(Members { ca: ca(kept.ca), members: kept.members.iter().map(member).collect(), leader: Seen::Present(1) })
}
