//! From what was seen of a host to what it is, once it is known which cluster is ours.

use super::evidence::{Api, Etcd, Evidence, Machine, Member, Members, NodeObject, Objects, Reach, Ready};
use super::guard::Guard;
use super::seen::Seen;
use super::state::State;
use super::wanted::{Host, Role};

/// The label by which a Node is known as a control plane's.
pub const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// What that host is, in the cluster of that authority.
pub fn classify(host: &Host, evidence: &Evidence, ca: &str) -> State {
    match evidence.machines.get(&host.name) {
        None => State::Unreachable("it was not looked at".to_owned()),
        Some(Reach::Unreachable(why)) => State::Unreachable(why.clone()),
        Some(Reach::Reached(machine)) => judge(host, machine, evidence, ca).unwrap_or_else(|unknown| unknown),
    }
}

/// That member is this host's: by its address, else by its name.
pub(super) fn member_of<'a>(host: &Host, members: &'a Members) -> Option<&'a Member> {
    let url = host.peer_url();
    let by_url = members.members.iter().find(|member| member.peer == url);
    by_url.or_else(|| members.members.iter().find(|member| member.name == host.node))
}

/// That Node is this host's, by its name.
pub(super) fn node_of<'a>(host: &Host, objects: &'a Objects) -> Option<&'a NodeObject> {
    objects.nodes.present()?.iter().find(|node| node.name == host.node)
}

/// Whose it is, as far as its files say: `None` if it is ours or nobody's.
pub(super) fn foreign(machine: &Machine, ours: Option<&str>) -> Result<Option<String>, State> {
    let authority = machine.ca.known("/etc/kubernetes/pki/ca.crt")?;
    let conf = machine.kubelet_conf.known("/etc/kubernetes/kubelet.conf")?;
    let of = |ca: &str| ours != Some(ca);
    if let Some(conf) = conf
        && of(&conf.ca)
    {
        return Ok(Some(format!("its kubelet belongs to the cluster at {} (authority {})", conf.server, conf.ca)));
    }
    if let Some(authority) = authority
        && of(authority)
    {
        return Ok(Some(format!("its certificates are of another authority ({authority})")));
    }
    let has_data = machine.etcd_data.known("/var/lib/etcd/member")?.is_some();
    if !has_data || authority.is_some() || conf.is_some() {
        return Ok(None);
    }
    // a reset of ours says whose the data is before it takes away what says so else
    match machine.reset.known("the mark of a reset in /var/lib/etcd/member")? {
        Some(of) if ours == Some(of) => Ok(None),
        Some(of) => Ok(Some(format!("it has etcd data, and a reset that was cut off says that it is of the authority {of}"))),
        None => Ok(Some("it has etcd data, and no certificate that says of which cluster".to_owned())),
    }
}

fn judge(host: &Host, machine: &Machine, evidence: &Evidence, ca: &str) -> Result<State, State> {
    if let Some(unit) = machine.unit.known("units of kubeadm")?
        && Guard::UnitRuns.stops(true)
    {
        return Ok(State::InProgress(unit.clone()));
    }
    if let Some(why) = foreign(machine, Some(ca))?
        && Guard::ForeignMachine.stops(true)
    {
        return Ok(State::Foreign(why));
    }
    let conf = machine.kubelet_conf.known("/etc/kubernetes/kubelet.conf")?;
    if let Some(conf) = conf
        && let Some(node) = conf.node.known("the certificate of its kubelet")?
        && *node != host.node
    {
        return Ok(State::Misnamed(format!("its kubelet is the Node {node}'s, not {}'s", host.node)));
    }
    let has_data = machine.etcd_data.known("/var/lib/etcd/member")?.is_some();
    let has_manifests = machine.manifests.known("/etc/kubernetes/manifests")?.is_some_and(|manifests| manifests.of_kubeadm());
    if Guard::ControlPlaneFiles.stops(host.role == Role::Worker && (has_data || has_manifests)) {
        let what = if has_data { "etcd's data" } else { "a control plane's manifests" };
        return Ok(State::WrongRole(format!("the inventory has it as a worker, and it has {what}")));
    }
    let runs = machine.kubelet.known("the kubelet's unit")?.is_some();
    let can_start = machine.kubelet_config.known("/var/lib/kubelet/config.yaml")?.is_some();
    let bootstraps = machine.bootstrap_conf.known("/etc/kubernetes/bootstrap-kubelet.conf")?.is_some();
    let authority = machine.ca.known("/etc/kubernetes/pki/ca.crt")?.is_some();
    let has_certificate = conf.is_some_and(|conf| !conf.node.is_absent());
    let bootstraps = bootstraps || conf.is_some() && !has_certificate;
    let found = Found { conf: has_certificate, has_data, has_manifests, runs, can_start, bootstraps, authority };
    match &evidence.api {
        Api::Answers(objects) => {
            objects.nodes.known("the Nodes")?;
            match host.role {
                Role::ControlPlane => found.control_plane(host, machine, objects, &evidence.etcd, ca),
                Role::Worker => found.worker(host, machine, objects),
            }
        }
        Api::Silent(why) | Api::Unknown(why) => Ok(found.without_api(host.role, why)),
    }
}

/// What is on a reached machine, all of it known.
#[derive(Clone, Copy)]
struct Found {
    conf: bool,
    has_data: bool,
    has_manifests: bool,
    runs: bool,
    can_start: bool,
    bootstraps: bool,
    authority: bool,
}

impl Found {
    /// Nothing is concluded of the cluster; a kubelet that has all it needs may be started.
    fn without_api(self, role: Role, why: &str) -> State {
        let is_whole = match role {
            Role::ControlPlane => self.has_data && self.has_manifests && (self.conf || self.bootstraps),
            Role::Worker => self.conf,
        };
        if is_whole && self.can_start && !self.runs { State::Stopped } else { State::Silent(why.to_owned()) }
    }

    fn control_plane(self, host: &Host, machine: &Machine, objects: &Objects, etcd: &Etcd, ca: &str) -> Result<State, State> {
        let members = match etcd {
            Etcd::Answers(members) if members.ca == ca => members,
            Etcd::Answers(_) => return Err(State::Unknown("etcd: the one that answered is another cluster's".to_owned())),
            Etcd::Unknown(why) => return Err(State::Unknown(format!("etcd: {why}"))),
        };
        let node = node_of(host, objects);
        let member = member_of(host, members);
        if let Some(member) = member {
            if self.has_data && member.peer != host.peer_url() {
                let which = format!("it has etcd data, and the member of its name is at {}, not at this machine's address", member.peer);
                return Ok(State::Broken(which));
            }
            if Guard::LiveVoter.stops(!member.learner && self.has_data) {
                return self.voter(host, objects, node);
            }
            return Ok(if member.learner { State::GhostLearner { id: member.id } } else { State::GhostVoter { id: member.id } });
        }
        if self.has_data {
            let is_cut_off = !self.conf && !self.bootstraps && !self.authority && !self.has_manifests;
            return if is_cut_off { reset_cut_off(machine) } else { Ok(State::Expelled) };
        }
        // a reset that was cut off takes the kubelet's configuration first
        if self.conf && self.can_start && !self.has_manifests {
            return Ok(State::WrongRole("the inventory has it as a control plane, and it is joined as a worker".to_owned()));
        }
        if self.conf || self.has_manifests || self.bootstraps || self.authority {
            return Ok(State::PartialJoin);
        }
        absent(machine, node)
    }

    /// A voter with its data: nothing of it is ever taken away.
    fn voter(self, host: &Host, objects: &Objects, node: Option<&NodeObject>) -> Result<State, State> {
        if !self.has_manifests || !self.authority {
            let what = if self.has_manifests { "certificates" } else { "manifests" };
            return Ok(State::Broken(format!("its etcd member has a vote and its data is there, but its {what} are gone")));
        }
        if !self.can_start {
            return Ok(State::Broken("its etcd member has a vote and its data is there, but its kubelet has no configuration".to_owned()));
        }
        if !self.conf {
            return Ok(pending(host, objects)?.map_or(State::Promoted, State::CsrPending));
        }
        Ok(self.registered(node))
    }

    fn worker(self, host: &Host, machine: &Machine, objects: &Objects) -> Result<State, State> {
        let node = node_of(host, objects);
        if self.conf {
            return Ok(if self.can_start { self.registered(node) } else { State::PartialJoin });
        }
        if self.bootstraps && self.can_start && self.runs {
            return Ok(pending(host, objects)?.map_or(State::Bootstrapping, State::CsrPending));
        }
        if self.bootstraps || self.authority {
            return Ok(State::PartialJoin);
        }
        absent(machine, node)
    }

    /// It has all its files.
    fn registered(self, node: Option<&NodeObject>) -> State {
        if !self.runs {
            return State::Stopped;
        }
        match node.map(|node| &node.ready) {
            None => State::Unregistered,
            Some(Ready::Yes | Ready::NoNetwork) => State::Joined,
            Some(Ready::No(why)) => State::Degraded(why.clone()),
            Some(Ready::Unheard) => State::Degraded("its kubelet has not been heard of for 40 s".to_owned()),
        }
    }
}

/// etcd's data is all that is left, and its mark says that it is of our cluster, which has no such member.
fn reset_cut_off(machine: &Machine) -> Result<State, State> {
    match &machine.ports {
        Seen::Present(ports) if ports.contains(&2379) => {
            Err(State::Unknown("whose etcd it is that listens on 2379, where none of kubeadm's files is".to_owned()))
        }
        Seen::Present(_) => Ok(State::ResetCutOff),
        Seen::Absent => Err(State::Unknown("its ports: they could not be read".to_owned())),
        Seen::Unknown(why) => Err(State::Unknown(format!("its ports: {why}"))),
    }
}

/// Nothing of a cluster is on the machine; a Node of its name is that machine's, or its forerunner's.
fn absent(machine: &Machine, node: Option<&NodeObject>) -> Result<State, State> {
    let Some(node) = node else { return Ok(State::Absent) };
    let is_same = match &machine.machine_id {
        Seen::Present(id) => *id == node.machine_id,
        Seen::Absent => return Err(State::Unknown("/etc/machine-id: it is missing".to_owned())),
        Seen::Unknown(why) => return Err(State::Unknown(format!("/etc/machine-id: {why}"))),
    };
    // what was reset by hand takes its Node back; only a Node of another machine has to go
    if Guard::SameMachine.stops(is_same) { Ok(State::Absent) } else { Ok(State::GhostNode { uid: node.uid.clone() }) }
}

/// The request for its kubelet's certificate that nobody has decided.
fn pending(host: &Host, objects: &Objects) -> Result<Option<String>, State> {
    let requests = objects.csrs.known("the certificate requests")?;
    let mut of_host = requests.into_iter().flatten().filter(|csr| csr.node == host.node && csr.pending);
    Ok(of_host.next().map(|csr| csr.name.clone()))
}
