//! What the API and etcd say, by the facts of those control planes that were asked: the best answer counts, and none is put together
//! from two.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::evidence::{Api, Csr, Etcd, Machine, Member, Members, NodeObject, Objects, Reach, Ready};
use super::gate::majority;
use super::reading::Asking;
use super::seen::Seen;
use super::wanted::{InitPart, Marks};
use crate::cluster::certificate::{Certificate, request_name};
use crate::cluster::live::Stored;
use crate::node::facts::{
    CertificateRequest, ClusterAnswer, ClusterContents, ClusterNode, ClusterObjects, ClusterObjectsState, EtcdMember, EtcdMembers,
    etcd_leader,
};
use crate::plan::{Facts, Stop};

/// What the description of a token of ours begins with.
pub const OUR_TOKEN: &str = "homelabctl";
/// Who signs what a kubelet shows to the API.
const SIGNER: &str = "kubernetes.io/kube-apiserver-client-kubelet";
/// What a kubelet's certificate is for.
const OF_NODE: &str = "system:node:";
/// How the kubelet's reason begins where a CNI is missing and nothing else.
const NO_NETWORK: &str = "container runtime network not ready";

/// What one control plane heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Of the API. Absent: it has no admin.conf.
    pub objects: Seen<ClusterObjectsState>,
    /// Of its own etcd. Absent: it has none.
    pub members: Seen<Vec<EtcdMember>>,
}

/// What the control plane of these facts hears.
///
/// # Errors
/// [`Stop::Need`] for what has to be read first.
pub fn hear(facts: &Facts<'_>) -> Result<Heard, Stop> {
    let mut asking = Asking::new(facts);
    let heard = Heard { objects: asking.seen(&ClusterObjects::new()), members: asking.seen(&EtcdMembers::new()) };
    asking.end(heard)
}

/// What stands behind the endpoint (`host:port`), by all that was heard. `own` holds the lease of this very run.
pub fn api(endpoint: &str, machines: &BTreeMap<String, Reach>, heard: &BTreeMap<String, Heard>, own: Option<&str>) -> Api {
    let (mut silent, mut unclear) = (Vec::new(), Vec::new());
    let mut best: Option<Objects> = None;
    for (host, heard) in heard {
        let state = match &heard.objects {
            Seen::Absent => continue,
            Seen::Unknown(why) => {
                unclear.push(format!("{host}: {why}"));
                continue;
            }
            Seen::Present(state) => state,
        };
        if !is_at(&state.server, endpoint) {
            unclear.push(format!("{host}: its admin.conf is for {}", state.server));
            continue;
        }
        match &state.answer {
            ClusterAnswer::Silent(why) => silent.push(format!("{host}: {why}")),
            ClusterAnswer::Unclear(why) => unclear.push(format!("{host}: {why}")),
            ClusterAnswer::Answers(contents) => match Certificate::from_pem(&state.authority) {
                Err(why) => unclear.push(format!("{host}: admin.conf: {why}")),
                // of those who were answered, the one who was told most
                Ok(authority) if best.as_ref().is_none_or(|best| !best.nodes.is_present() && contents.nodes.is_ok()) => {
                    best = Some(objects(authority.key, contents, own));
                }
                Ok(_) => {}
            },
        }
    }
    match best {
        Some(objects) => Api::Answers(Box::new(objects)),
        None if !unclear.is_empty() => Api::Unknown(unclear.join("; ")),
        None if !silent.is_empty() => Api::Silent(silent.join("; ")),
        None => without_credentials(machines),
    }
}

/// No control plane can ask: whether anybody is there at all is told by who takes connections.
fn without_credentials(machines: &BTreeMap<String, Reach>) -> Api {
    let reached = || machines.values().filter_map(|reach| if let Reach::Reached(machine) = reach { Some(&**machine) } else { None });
    if reached().any(|machine: &Machine| machine.endpoint.is_present()) {
        return Api::Unknown("somebody takes connections there, and no control plane has an admin.conf to ask with".to_owned());
    }
    match reached().find(|machine| !machine.endpoint.is_absent()) {
        Some(_) => {
            Api::Unknown("no control plane has an admin.conf to ask with, and it is not known who takes connections there".to_owned())
        }
        None => Api::Silent("no control plane has an admin.conf, and nobody takes connections there".to_owned()),
    }
}

/// Whether a URL leads to that `host:port`.
pub(in crate::cluster) fn is_at(server: &str, endpoint: &str) -> bool {
    let address = |text: &str| text.trim_start_matches("https://").trim_end_matches('/').to_lowercase();
    address(server) == address(endpoint)
}

fn objects(ca: String, contents: &ClusterContents, own: Option<&str>) -> Objects {
    let there = |names: &[&str], not_asked: &Option<String>| match names.iter().all(|name| contents.found.contains(*name)) {
        true => Seen::Present(()),
        false => match not_asked {
            Some(why) => Seen::Unknown(why.clone().into()),
            None => Seen::Absent,
        },
    };
    let (system, public) = (&contents.not_asked, &contents.not_asked_public);
    let disabled = disabled(contents);
    let addon = |name: &str| match (there(&[name], system), &disabled) {
        (Seen::Absent, Err(why)) => Seen::Unknown(format!("whether it is wanted: {why}").into()),
        (seen, _) => seen,
    };
    let part = |part: InitPart| match part {
        // who is told that he may do nothing needs no further proof
        InitPart::AdminBinding if contents.admin_has_no_rights && system.is_some() => Seen::Absent,
        InitPart::AdminBinding => there(&["ClusterRoleBinding/kubeadm:cluster-admins"], system),
        InitPart::StoredConfig => there(&["ConfigMap/kubeadm-config"], system),
        InitPart::KubeletConfig => there(&["ConfigMap/kubelet-config"], system),
        InitPart::ClusterInfo => {
            let rules = there(
                &[
                    "ClusterRoleBinding/kubeadm:kubelet-bootstrap",
                    "ClusterRoleBinding/kubeadm:node-autoapprove-bootstrap",
                    "ClusterRoleBinding/kubeadm:node-autoapprove-certificate-rotation",
                    "ClusterRoleBinding/kubeadm:get-nodes",
                ],
                system,
            );
            let info = there(
                &[
                    "cluster-info/kubeconfig",
                    "Role/kubeadm:bootstrap-signer-clusterinfo",
                    "RoleBinding/kubeadm:bootstrap-signer-clusterinfo",
                ],
                public,
            );
            if rules.is_present() {
                info
            } else if info.is_present() || info.is_absent() && rules.is_absent() {
                rules
            } else {
                info
            }
        }
        InitPart::CoreDns => addon("Deployment/coredns"),
        InitPart::KubeProxy => addon("DaemonSet/kube-proxy"),
    };
    Objects {
        ca,
        nodes: told(&contents.nodes, |nodes| nodes.iter().map(node).collect()),
        csrs: told(&contents.requests, |requests| requests.iter().filter(|request| request.signer == SIGNER).filter_map(csr).collect()),
        parts: InitPart::ALL.into_iter().map(|one| (one, part(one))).collect(),
        disabled: disabled.unwrap_or_default(),
        lease: lease(contents, own),
        tokens: told(&contents.tokens, |tokens| {
            tokens.iter().filter(|token| token.description.starts_with(OUR_TOKEN)).map(|token| token.id.clone()).collect()
        }),
        certificates: there(&["Secret/kubeadm-certs"], system),
    }
}

/// What the cluster was told to do without when it was made.
///
/// # Errors
/// What it says cannot be read.
fn disabled(contents: &ClusterContents) -> Result<BTreeSet<InitPart>, String> {
    let Some(text) = contents.stored.get("kubeadm-config/ClusterConfiguration") else { return Ok(BTreeSet::new()) };
    let document = Stored::document("kubeadm-config", text)?;
    let is_disabled = |field: &str| document.pointer(field).and_then(serde_json::Value::as_bool) == Some(true);
    let fields = [(InitPart::CoreDns, "/dns/disabled"), (InitPart::KubeProxy, "/proxy/disabled")];
    Ok(fields.into_iter().filter(|(_, field)| is_disabled(field)).map(|(part, _)| part).collect())
}

fn told<A, B>(answer: &Result<A, String>, read: impl FnOnce(&A) -> B) -> Seen<B> {
    match answer {
        Ok(answer) => Seen::Present(read(answer)),
        Err(why) => Seen::Unknown(why.clone().into()),
    }
}

fn node(node: &ClusterNode) -> NodeObject {
    let ready = match &node.ready {
        None => Ready::No("its kubelet has not said so far".to_owned()),
        Some(ready) => match ready.status.as_str() {
            "True" => Ready::Yes,
            "False" if ready.message.starts_with(NO_NETWORK) => Ready::NoNetwork,
            "False" => Ready::No(if ready.message.is_empty() { ready.reason.clone() } else { ready.message.clone() }),
            _ => Ready::Unheard,
        },
    };
    NodeObject {
        name: node.name.clone(),
        uid: node.uid.clone(),
        machine_id: node.machine_id.clone(),
        ready,
        marks: Marks {
            labels: node.labels.clone(),
            annotations: node.annotations.clone(),
            taints: node.taints.clone(),
            no_taints: BTreeSet::new(),
        },
    }
}

/// What cannot be read as a request of a kubelet is none that is waited for.
fn csr(request: &CertificateRequest) -> Option<Csr> {
    let name = request_name(&request.request).ok()?;
    let node = name.strip_prefix(OF_NODE)?.to_owned();
    Some(Csr { name: request.name.clone(), node, pending: request.is_pending })
}

/// Who else holds the lease, by the clock of the machine that read it. One that was renewed in that machine's future is held.
fn lease(contents: &ClusterContents, own: Option<&str>) -> Seen<String> {
    let lease = match (&contents.lease, &contents.not_asked) {
        (Some(lease), _) => lease,
        (None, Some(why)) => return Seen::Unknown(why.clone().into()),
        (None, None) => return Seen::Absent,
    };
    if lease.holder_identity.is_empty() || own == Some(lease.holder_identity.as_str()) {
        return Seen::Absent;
    }
    let (Ok(renewed), Ok(now)) = (lease.renew_time.parse::<Timestamp>(), Timestamp::from_second(contents.asked_at)) else {
        return Seen::Unknown(format!("the lease of {} was renewed at {:?}", lease.holder_identity, lease.renew_time).into());
    };
    let is_over = now.duration_since(renewed) > SignedDuration::from_secs(lease.lease_duration_seconds);
    let since = if lease.acquire_time.is_empty() { String::new() } else { format!(", since {}", lease.acquire_time) };
    if is_over { Seen::Absent } else { Seen::Present(format!("{}{since}", lease.holder_identity)) }
}

/// What etcd says of its members, by all that was heard: of those who were answered, the one who knows most. Where two of one cluster were
/// told otherwise, its members are just changing, and which of them there are is not known: a member that is new on one list only is not
/// one that was removed. Once it is known whose cluster is ours, by its authority, no other cluster's etcd is heard.
pub fn etcd(machines: &BTreeMap<String, Reach>, heard: &BTreeMap<String, Heard>, ours: Option<&str>) -> Etcd {
    let mut against = Vec::new();
    let mut best: Option<(&str, Members)> = None;
    for (host, heard) in heard {
        let ca = match machines.get(host) {
            Some(Reach::Reached(machine)) => &machine.ca,
            Some(Reach::Unreachable(_)) | None => continue,
        };
        match (&heard.members, ca) {
            (Seen::Absent, _) => {}
            (Seen::Unknown(why), _) | (Seen::Present(_), Seen::Unknown(why)) => against.push(format!("{host}: {why}")),
            (Seen::Present(_), Seen::Absent) => against.push(format!("{host}: it has no certificate of an authority")),
            (Seen::Present(_), Seen::Present(ca)) if ours.is_some_and(|ours| ours != ca) => {
                against.push(format!("{host}: its etcd is another cluster's"));
            }
            (Seen::Present(said), Seen::Present(ca)) => {
                let members = Members { ca: ca.clone(), members: said.iter().map(member).collect(), leader: leader(said) };
                let voters = || members.members.iter().filter(|member| !member.learner);
                let well = voters().filter(|member| member.healthy.is_present()).count();
                if well < majority(voters().count()) {
                    against.push(format!("{host}: only {well} of {} voters answer", voters().count()));
                    continue;
                }
                if let Some((other, best)) = &best
                    && best.ca == members.ca
                    && identities(best) != identities(&members)
                {
                    return Etcd::Unknown(format!("{other} and {host} were told of different members"));
                }
                if best.as_ref().is_none_or(|(_, best)| unknowns(&members) < unknowns(best)) {
                    best = Some((host, members));
                }
            }
        }
    }
    match best {
        Some((_, members)) => Etcd::Answers(members),
        None if against.is_empty() => Etcd::Unknown("no control plane that was reached has an etcd to ask".to_owned()),
        None => Etcd::Unknown(against.join("; ")),
    }
}

/// Who is a member, and with which rights.
fn identities(members: &Members) -> BTreeSet<(u64, bool, &str)> {
    members.members.iter().map(|member| (member.id, member.learner, member.peer.as_str())).collect()
}

fn unknowns(members: &Members) -> usize {
    members.members.iter().filter(|member| matches!(member.healthy, Seen::Unknown(_))).count()
}

fn member(member: &EtcdMember) -> Member {
    Member {
        id: member.id,
        name: member.name.clone(),
        peer: member.peers.first().cloned().unwrap_or_default(),
        learner: member.is_learner,
        healthy: member.answers.map_or(Seen::Unknown("etcdctl did not say".into()), Seen::certain),
    }
}

fn leader(members: &[EtcdMember]) -> Seen<u64> {
    etcd_leader(members).map_or(Seen::Absent, Seen::Present)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::node::facts::{JoinToken, RunLease};

    const ENDPOINT: &str = "10.0.0.100:6443";

    fn authority() -> String {
        CertificateParams::new(vec!["kubernetes".to_owned()]).unwrap().self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    fn contents() -> ClusterContents {
        ClusterContents {
            version: "v1.34.2".into(),
            endpoint_is_silent: None,
            asked_at: 1_700_000_000,
            admin_has_no_rights: false,
            nodes: Ok(Vec::new()),
            requests: Ok(Vec::new()),
            found: BTreeSet::new(),
            not_asked: None,
            not_asked_public: None,
            stored: BTreeMap::new(),
            lease: None,
            tokens: Ok(Vec::new()),
        }
    }

    fn says(server: &str, answer: ClusterAnswer) -> Heard {
        let state = ClusterObjectsState { authority: authority(), server: server.into(), answer };
        Heard { objects: Seen::Present(state), members: Seen::Absent }
    }

    fn answers(contents: ClusterContents) -> Heard {
        says("https://10.0.0.100:6443", ClusterAnswer::Answers(Box::new(contents)))
    }

    fn machines(endpoint: &Seen<()>) -> BTreeMap<String, Reach> {
        let machine = |name: &str| {
            let machine = Machine { ca: Seen::Present("sha256:ours".into()), endpoint: endpoint.clone(), ..Machine::blank(name) };
            (name.to_owned(), Reach::Reached(Box::new(machine)))
        };
        ["m1", "m2", "m3"].into_iter().map(machine).collect()
    }

    fn heard(by: Vec<Heard>) -> BTreeMap<String, Heard> {
        ["m1", "m2", "m3"].map(str::to_owned).into_iter().zip(by).collect()
    }

    fn asked(by: Vec<Heard>) -> Api {
        api(ENDPOINT, &machines(&Seen::Absent), &heard(by), None)
    }

    fn none() -> Heard {
        Heard { objects: Seen::Absent, members: Seen::Absent }
    }

    #[test]
    fn one_that_is_answered_counts_and_one_that_leads_elsewhere_does_not() {
        let silent = || says("https://10.0.0.100:6443", ClusterAnswer::Silent("refused".into()));
        let unclear = || says("https://10.0.0.100:6443", ClusterAnswer::Unclear("x509".into()));
        assert!(matches!(asked(vec![silent(), unclear(), answers(contents())]), Api::Answers(_)));
        assert_eq!(asked(vec![silent(), none()]), Api::Silent("m1: refused".into()));
        // somebody, for one of them, is somebody
        assert_eq!(asked(vec![silent(), unclear()]), Api::Unknown("m2: x509".into()));
        let elsewhere = says("https://10.8.8.8:6443", ClusterAnswer::Answers(Box::new(contents())));
        assert_eq!(asked(vec![elsewhere]), Api::Unknown("m1: its admin.conf is for https://10.8.8.8:6443".into()));
        let failed = Heard { objects: Seen::Unknown("there is no kubectl".into()), members: Seen::Absent };
        assert_eq!(asked(vec![failed, silent()]), Api::Unknown("m1: there is no kubectl".into()));
        // who was told more is heard
        let poor = ClusterContents { nodes: Err("Forbidden".into()), ..contents() };
        match asked(vec![answers(poor.clone()), answers(contents()), answers(poor)]) {
            Api::Answers(objects) => assert!(objects.nodes.is_present()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_credentials_who_takes_connections_decides() {
        let of = |endpoint: Seen<()>| api(ENDPOINT, &machines(&endpoint), &heard(vec![none(), none(), none()]), None);
        assert!(matches!(of(Seen::Absent), Api::Silent(_)));
        assert!(matches!(of(Seen::Present(())), Api::Unknown(_)) && matches!(of(Seen::Unknown("no name".into())), Api::Unknown(_)));
    }

    fn seen(contents: ClusterContents, own: Option<&str>) -> Objects {
        match api(ENDPOINT, &machines(&Seen::Absent), &heard(vec![answers(contents)]), own) {
            Api::Answers(objects) => *objects,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_not_said_is_not_absent() {
        let all = |not_asked: Option<String>, admin_has_no_rights| {
            seen(ClusterContents { not_asked: not_asked.clone(), not_asked_public: not_asked, admin_has_no_rights, ..contents() }, None)
        };
        let read = all(None, false);
        assert!(read.parts.values().all(Seen::is_absent) && read.lease.is_absent() && read.certificates.is_absent());
        let forbidden = all(Some("Forbidden".into()), true);
        assert_eq!(forbidden.parts[&InitPart::AdminBinding], Seen::Absent);
        let others = forbidden.parts.iter().filter(|(part, _)| **part != InitPart::AdminBinding);
        assert!(others.map(|(_, seen)| seen).chain([&forbidden.certificates]).all(|seen| *seen == Seen::Unknown("Forbidden".into())));
        assert!(matches!(forbidden.lease, Seen::Unknown(_)));
        // the same words from a failing API server are no proof that the rights are missing
        assert!(matches!(all(Some("etcdserver: request timed out".into()), false).parts[&InitPart::AdminBinding], Seen::Unknown(_)));
        let one = |found: &str| seen(ClusterContents { found: BTreeSet::from([found.to_owned()]), ..contents() }, None).parts;
        let half = one("ConfigMap/kubeadm-config");
        assert!(half[&InitPart::StoredConfig].is_present() && half[&InitPart::KubeletConfig].is_absent(), "one of two");
        assert!(one("Deployment/coredns")[&InitPart::CoreDns].is_present());
        let public = ClusterContents { not_asked_public: Some("time-out".into()), ..contents() };
        assert!(matches!(seen(public, None).parts[&InitPart::ClusterInfo], Seen::Unknown(_)));
    }

    #[test]
    fn what_the_stored_configuration_leaves_out_is_known() {
        let with = |text: &str| {
            let stored = BTreeMap::from([("kubeadm-config/ClusterConfiguration".to_owned(), text.to_owned())]);
            seen(ClusterContents { stored, ..contents() }, None).disabled.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(with("dns: {}\nproxy: {disabled: true}"), [InitPart::KubeProxy]);
        assert_eq!(with("dns: {disabled: true}\nproxy: {disabled: false}"), [InitPart::CoreDns]);
        assert_eq!(with("proxy: {disabled: \"yes\"}"), []);
        // whether it is wanted cannot be read
        let stored = BTreeMap::from([("kubeadm-config/ClusterConfiguration".to_owned(), "a: [".to_owned())]);
        let parts = seen(ClusterContents { stored, ..contents() }, None).parts;
        assert!(matches!(parts[&InitPart::KubeProxy], Seen::Unknown(_)), "{parts:?}");
    }

    #[test]
    fn a_lease_is_held_while_it_is_renewed_and_tokens_are_ours_by_their_words() {
        let renewed = |seconds: i64| {
            let renew_time = Timestamp::from_second(1_700_000_000 - seconds).unwrap().to_string();
            Some(RunLease { holder_identity: "pat".into(), renew_time, lease_duration_seconds: 60, ..RunLease::default() })
        };
        let held = |seconds: i64, own: Option<&str>| seen(ClusterContents { lease: renewed(seconds), ..contents() }, own).lease;
        assert_eq!((held(59, None), held(-500, None)), (Seen::Present("pat".into()), Seen::Present("pat".into())));
        assert!(held(61, None).is_absent() && held(0, Some("pat")).is_absent() && held(0, Some("sam")).is_present());
        let since = |lease: RunLease| RunLease { acquire_time: "2023-11-14T22:00:00.000000Z".into(), ..lease };
        let lease = renewed(0).map(since);
        let told = seen(ClusterContents { lease, ..contents() }, None).lease;
        assert_eq!(told, Seen::Present("pat, since 2023-11-14T22:00:00.000000Z".into()));
        let broken = Some(RunLease { holder_identity: "pat".into(), ..RunLease::default() });
        assert!(matches!(seen(ClusterContents { lease: broken, ..contents() }, None).lease, Seen::Unknown(_)));
        let token = |id: &str, description: &str| JoinToken { id: id.into(), description: description.into() };
        let tokens = Ok(vec![token("aaaaaa", "homelabctl: m2"), token("bbbbbb", ""), token("cccccc", "The default bootstrap token")]);
        assert_eq!(seen(ClusterContents { tokens, ..contents() }, None).tokens, Seen::Present(vec!["aaaaaa".to_owned()]));
    }

    fn voters(answers: [Option<bool>; 3]) -> Heard {
        let member = |(id, answers): (u64, Option<bool>)| EtcdMember {
            id,
            name: format!("m{id}"),
            peers: vec![format!("https://10.0.0.{id}:2380")],
            clients: Vec::new(),
            is_learner: false,
            answers,
            leader: answers.filter(|is| *is).map(|_| 1),
            version: None,
            size: None,
        };
        Heard { objects: Seen::Absent, members: Seen::Present((1..).zip(answers).map(member).collect()) }
    }

    #[test]
    fn etcd_answers_where_a_majority_does() {
        let asked = |by: Vec<Heard>| etcd(&machines(&Seen::Absent), &heard(by), None);
        let (yes, no) = (Some(true), Some(false));
        let Etcd::Answers(members) = asked(vec![none(), voters([yes, None, yes]), voters([yes, no, yes])]) else { panic!("no answer") };
        assert_eq!((members.ca.as_str(), members.leader), ("sha256:ours", Seen::Present(1)));
        assert_eq!(members.members[1].healthy, Seen::Absent, "who knows more is heard");
        assert!(matches!(asked(vec![voters([yes, no, no])]), Etcd::Unknown(why) if why == "m1: only 1 of 3 voters answer"));
        assert!(matches!(asked(vec![none()]), Etcd::Unknown(_)));
        let said = heard(vec![voters([yes, yes, yes])]);
        assert!(matches!(etcd(&machines(&Seen::Absent), &said, Some("sha256:ours")), Etcd::Answers(_)));
        let theirs = etcd(&machines(&Seen::Absent), &said, Some("sha256:other"));
        assert!(matches!(theirs, Etcd::Unknown(why) if why == "m1: its etcd is another cluster's"));
        // one was asked before a member came, the other after
        let mut before = voters([yes, yes, yes]);
        if let Seen::Present(members) = &mut before.members {
            members.pop();
        }
        let between = asked(vec![before, voters([yes, yes, yes])]);
        assert!(matches!(between, Etcd::Unknown(why) if why == "m1 and m2 were told of different members"));
        // whose etcd it is has to be known
        let mut blank = machines(&Seen::Absent);
        blank.insert("m1".into(), Reach::Reached(Box::new(Machine::blank("m1"))));
        assert!(matches!(etcd(&blank, &heard(vec![voters([yes, yes, yes])]), None), Etcd::Unknown(_)));
    }
}
