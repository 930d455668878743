//! A cluster's status as a person reads it, and as a program does.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::super::columns::columns;
use crate::cluster::live::{Difference, Outcome};
use crate::cluster::membership::{Api, Etcd, Role, Seen};
use crate::cluster::status::{HostStatus, Look, Status};
use crate::node::facts::{ClusterNode, etcd_leader};
use crate::report::ClusterSheet;

/// A certificate that ends so soon is told of, in days.
const SOON: i64 = 30;

/// All of it.
pub(super) fn sheet(name: &str, endpoint: &str, status: &Status, now: Timestamp) -> ClusterSheet {
    let mut lines = vec![head(name, endpoint, status)];
    if let Some(why) = status.contents.as_ref().and_then(|contents| contents.endpoint_is_silent.as_ref()) {
        lines.push(format!("  {endpoint} is silent ({why}); a control plane's own API server was asked"));
    }
    lines.push(format!("  etcd: {}", etcd(status)));
    lines.extend(members(status));
    lines.push(String::new());
    let title = ["host", "role", "state", "Node", "kubelet", "kube-proxy", "first certificate to end"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(title).chain(status.hosts.iter().map(|host| row(host, status, now))).collect();
    lines.extend(columns(&rows).lines().map(str::to_owned));
    lines.extend(ending(status, now));
    if !status.unnamed.is_empty() {
        lines.push(String::new());
        lines.push("Nodes that the inventory does not name; none is ever removed:".to_owned());
        lines.extend(status.unnamed.iter().map(|node| format!("  {}  {}, kubelet {}", node.name, ready(node), node.kubelet_version)));
    }
    lines.extend(differences(status));
    lines.extend(next(status));
    ClusterSheet { lines, cluster: data(name, endpoint, status, now) }
}

fn head(name: &str, endpoint: &str, status: &Status) -> String {
    match (&status.api, &status.contents) {
        (Api::Answers(_), Some(contents)) => format!("cluster {name}: Kubernetes {}, {endpoint} answers", contents.version),
        (Api::Answers(_), None) => format!("cluster {name}: {endpoint} answers, and does not tell of its Nodes"),
        (Api::Silent(why), _) => format!("cluster {name}: nobody is at {endpoint} ({why})"),
        (Api::Unknown(why), _) => format!("cluster {name}: what is at {endpoint} is not known ({why})"),
    }
}

fn etcd(status: &Status) -> String {
    let Etcd::Answers(told) = &status.etcd else {
        let Etcd::Unknown(why) = &status.etcd else { return String::new() };
        return format!("unknown ({why})");
    };
    let named = |is: fn(&Seen<()>) -> bool| -> Vec<&str> {
        told.members.iter().filter(|member| is(&member.healthy)).map(|member| member.name.as_str()).collect()
    };
    let (silent, unknown) = (named(Seen::is_absent), named(|healthy| matches!(healthy, Seen::Unknown(_))));
    let count = if told.members.len() == 1 { "1 member".to_owned() } else { format!("{} members", told.members.len()) };
    let who = match silent.as_slice() {
        [] if unknown.is_empty() => "all answer".to_owned(),
        [] => format!("whether {} answers is unknown", unknown.join(" or ")),
        [one] => format!("{one} does not answer"),
        several => format!("{} do not answer", several.join(" and ")),
    };
    let leader = etcd_leader(&status.members).and_then(|id| status.members.iter().find(|member| member.id == id));
    let leads = leader.map_or_else(|| "nobody leads".to_owned(), |leader| format!("{} leads", leader.name));
    format!("{count}, {who}, {leads}")
}

fn members(status: &Status) -> Vec<String> {
    let row = |member: &crate::node::facts::EtcdMember| {
        let name = if member.name.is_empty() { "(not started)".to_owned() } else { member.name.clone() };
        let vote = if member.is_learner { "no vote yet" } else { "votes" };
        let answers = match member.answers {
            Some(true) => "answers",
            Some(false) => "does not answer",
            None => "unknown",
        };
        let size = member.size.map(|size| format!("{} MB", size.div_ceil(1_000_000))).unwrap_or_default();
        vec![
            format!("    {name}"),
            member.peers.join(" "),
            vote.to_owned(),
            answers.to_owned(),
            member.version.clone().unwrap_or_default(),
            size,
        ]
    };
    columns(&status.members.iter().map(row).collect::<Vec<_>>()).lines().map(str::to_owned).collect()
}

/// What the cluster has otherwise than the settings say, and what a run makes of it.
fn differences(status: &Status) -> Vec<String> {
    let verdict = &status.verdict;
    let mut lines: Vec<String> = verdict.differences.iter().map(|one| format!("  {one}")).collect();
    lines.extend(
        verdict.etcd_data.iter().map(|(who, place)| format!("  etcd's data  {place} by {who}  refused: it is looked for elsewhere")),
    );
    if !lines.is_empty() {
        let by = verdict.by.as_deref().map(|by| format!(", by {by}")).unwrap_or_default();
        lines.splice(0..0, [String::new(), format!("what the cluster has → what the settings say{by}:")]);
    }
    lines
}

/// What a run would do of who belongs to the cluster; of those that were looked at.
fn next(status: &Status) -> Vec<String> {
    let is_seen = |name: &str| status.hosts.iter().any(|host| host.name == name);
    let mut lines = vec![String::new(), "what `homelabctl provision` would do next:".to_owned()];
    if let Some(refusal) = status.verdict.refusal() {
        lines.push(format!("  nothing: {}", refusal.why));
        lines.extend(refusal.hint.iter().flat_map(|hint| hint.lines()).map(|line| format!("    {line}")));
        return lines;
    }
    lines.extend(status.next.actions.iter().map(|action| format!("  {action}")));
    lines.extend(status.next.waits.iter().map(|waits| format!("  {} waits {}: {}", waits.host, waits.what.word(), waits.which)));
    for refused in status.next.refused.iter().filter(|refused| refused.host.as_deref().is_none_or(is_seen)) {
        lines.push(format!("  nothing: {}", refused.refusal.why));
        lines.extend(refused.refusal.hint.iter().flat_map(|hint| hint.lines()).map(|line| format!("    {line}")));
    }
    if lines.len() == 2 {
        lines.push("  nothing: each machine is what it should be".to_owned());
    }
    lines
}

/// What a host is, in a word.
fn state(name: &str, status: &Status) -> String {
    status.next.states.iter().find(|(host, _)| host == name).map_or_else(String::new, |(_, state)| state.about().name.to_owned())
}

fn row(host: &HostStatus, status: &Status, now: Timestamp) -> Vec<String> {
    let role = match host.role {
        Role::ControlPlane => "control plane",
        Role::Worker => "worker",
    };
    let node = match (&host.node, &host.look, status.contents.is_some()) {
        (Some(node), _, _) if host.name.eq_ignore_ascii_case(&node.name) => ready(node),
        (Some(node), _, _) => format!("{}: {}", node.name, ready(node)),
        (None, _, true) => "none".to_owned(),
        (None, _, false) => "unknown".to_owned(),
    };
    let look = match &host.look {
        Ok(look) => look,
        Err(why) => return vec![host.name.clone(), role.to_owned(), state(&host.name, status), node, format!("not reached: {why}")],
    };
    let kubelet = host.node.as_ref().map(|node| node.kubelet_version.clone());
    let kubelet = match (&look.machine.kubelet, kubelet) {
        (Seen::Present(()), Some(version)) => version,
        (Seen::Present(()), None) => "runs".to_owned(),
        (Seen::Absent, version) => format!("{}stopped", version.map(|version| format!("{version}, ")).unwrap_or_default()),
        (Seen::Unknown(why), _) => format!("unknown: {why}"),
    };
    let proxy = match &look.proxy {
        Seen::Present(proxy) if proxy.mode == "ipvs" => format!("ipvs, {} services", proxy.ipvs_services),
        Seen::Present(proxy) => proxy.mode.clone(),
        Seen::Absent => "does not run".to_owned(),
        Seen::Unknown(why) => format!("unknown: {why}"),
    };
    vec![host.name.clone(), role.to_owned(), state(&host.name, status), node, kubelet, proxy, first_to_end(look, now)]
}

fn ready(node: &ClusterNode) -> String {
    match &node.ready {
        None => "has not said how it is".to_owned(),
        Some(ready) if ready.status == "True" => "ready".to_owned(),
        Some(ready) if ready.status == "False" => {
            format!("not ready: {}", if ready.message.is_empty() { &ready.reason } else { &ready.message })
        }
        Some(_) => "not heard of".to_owned(),
    }
}

fn days(days: i64) -> String {
    match days {
        ..0 => format!("ended {} days ago", -days),
        0 => "ends today".to_owned(),
        1 => "in 1 day".to_owned(),
        _ => format!("in {days} days"),
    }
}

fn first_to_end(look: &Look, now: Timestamp) -> String {
    let known = look.certificates.iter().filter_map(|(name, seen)| Some((seen.present()?.days_left(now), name)));
    known.min().map_or_else(|| "none".to_owned(), |(left, name)| format!("{name} {}", days(left)))
}

/// Certificates that end soon, have ended, or could not be read.
fn ending(status: &Status, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for (host, look) in status.hosts.iter().filter_map(|host| Some((host, host.look.as_ref().ok()?))) {
        for (name, seen) in &look.certificates {
            match seen {
                Seen::Present(certificate) if certificate.days_left(now) < SOON => {
                    lines.push(format!("  {}  {name} {} ({})", host.name, days(certificate.days_left(now)), certificate.not_after));
                }
                Seen::Unknown(why) => lines.push(format!("  {}  {name} unknown: {why}", host.name)),
                Seen::Present(_) | Seen::Absent => {}
            }
        }
    }
    if !lines.is_empty() {
        lines.splice(0..0, [String::new(), "certificates to look at; `kubeadm certs renew all` renews a control plane's:".to_owned()]);
    }
    lines
}

fn data(name: &str, endpoint: &str, status: &Status, now: Timestamp) -> Map<String, Value> {
    let (api, why) = match &status.api {
        Api::Answers(_) => ("answers", None),
        Api::Silent(why) => ("silent", Some(why)),
        Api::Unknown(why) => ("unknown", Some(why)),
    };
    let node = |node: &ClusterNode| json!({"name": node.name, "kubelet": node.kubelet_version, "ready": node.ready, "labels": node.labels, "taints": node.taints});
    let host = |host: &HostStatus| {
        let look = host.look.as_ref().ok();
        let certificates: Map<String, Value> = look
            .into_iter()
            .flat_map(|look| &look.certificates)
            .map(|(name, seen)| {
                let ends = seen.present().map(|one| json!({"not_after": one.not_after.to_string(), "days_left": one.days_left(now)}));
                (name.clone(), ends.unwrap_or(Value::Null))
            })
            .collect();
        json!({
            "host": host.name,
            "role": if host.role == Role::ControlPlane { "control_plane" } else { "worker" },
            "state": state(&host.name, status),
            "not_reached": host.look.as_ref().err(),
            "node": host.node.as_ref().map(node),
            "kube_proxy": look.and_then(|look| look.proxy.present()),
            "api_server_is_ready": look.and_then(|look| match look.machine.readyz {
                Seen::Present(()) => Some(true),
                Seen::Absent => Some(false),
                Seen::Unknown(_) => None,
            }),
            "certificates": certificates,
        })
    };
    let etcd = match &status.etcd {
        Etcd::Answers(_) => json!({"answers": true, "members": status.members, "leader": etcd_leader(&status.members)}),
        Etcd::Unknown(why) => json!({"answers": null, "why": why}),
    };
    let difference = |one: &Difference| {
        let (becomes, why) = match &one.outcome {
            Outcome::Reconciled => ("reconciled", None),
            Outcome::Refused(why) => ("refused", Some(why.as_str())),
            Outcome::Drift(why) => ("shown", Some(*why)),
            Outcome::Unknown(why) => ("unknown", Some(why.as_str())),
        };
        json!({"setting": one.setting, "cluster": one.found, "settings": one.wanted, "hosts": one.hosts, "outcome": becomes, "why": why})
    };
    let all = json!({
        "name": name,
        "endpoint": endpoint,
        "api": {"state": api, "why": why, "version": status.contents.as_ref().map(|contents| &contents.version)},
        "etcd": etcd,
        "hosts": status.hosts.iter().map(host).collect::<Vec<_>>(),
        "next": {
            "actions": status.next.actions.iter().map(|action| json!({"host": action.host, "does": action.to_string()})).collect::<Vec<_>>(),
            "waits": status.next.waits.iter().map(|one| json!({"host": one.host, "what": one.what.word(), "which": one.which})).collect::<Vec<_>>(),
            "refused": status.next.refused.iter().map(|one| json!({"host": one.host, "why": one.refusal.why})).collect::<Vec<_>>(),
        },
        "settings": {
            "by": status.verdict.by,
            "differences": status.verdict.differences.iter().map(difference).collect::<Vec<_>>(),
            "refused": status.verdict.refusal().map(|refusal| refusal.why),
        },
        "unnamed_nodes": status.unnamed.iter().map(node).collect::<Vec<_>>(),
    });
    match all {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::cluster::certificate::Certificate;
    use crate::cluster::live::{Told, Verdict};
    use crate::cluster::membership::{Act, Action, Machine, Member, Members, Next, Objects, State};
    use crate::node::facts::{ClusterContents, EtcdMember, ReadyCondition, RunningProxy};

    fn node(name: &str, status: &str) -> ClusterNode {
        ClusterNode {
            name: name.into(),
            uid: name.into(),
            machine_id: "5eed".into(),
            kubelet_version: "v1.34.2".into(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            taints: BTreeSet::new(),
            ready: Some(ReadyCondition { status: status.into(), reason: "KubeletNotReady".into(), message: "PLEG is old".into() }),
        }
    }

    fn status() -> Status {
        let member = |id: u64, answers: bool| EtcdMember {
            id,
            name: format!("m{id}"),
            peers: vec![format!("https://10.0.0.{id}:2380")],
            clients: Vec::new(),
            is_learner: false,
            answers: Some(answers),
            leader: answers.then_some(2),
            version: answers.then(|| "3.6.5".into()),
            size: answers.then_some(24_000_000),
        };
        let members = vec![member(1, true), member(2, true), member(3, false)];
        let told = members.iter().map(|member| Member {
            id: member.id,
            name: member.name.clone(),
            peer: String::new(),
            learner: false,
            healthy: Seen::certain(member.answers == Some(true)),
        });
        let nodes = vec![node("m1", "True"), node("w1", "False"), node("w9", "Unknown")];
        let contents = ClusterContents {
            version: "v1.34.2".into(),
            endpoint_is_silent: None,
            asked_at: 0,
            admin_has_no_rights: false,
            nodes: Ok(nodes.clone()),
            requests: Ok(Vec::new()),
            found: BTreeSet::new(),
            not_asked: None,
            not_asked_public: None,
            stored: BTreeMap::new(),
            lease: None,
            tokens: Ok(Vec::new()),
        };
        let nothing = || Seen::Unknown("x".into());
        let objects = Objects {
            ca: String::new(),
            nodes: nothing(),
            csrs: Seen::Absent,
            parts: BTreeMap::new(),
            disabled: BTreeSet::new(),
            lease: Seen::Absent,
            tokens: Seen::Absent,
            certificates: Seen::Absent,
        };
        let ends = |at: &str| Seen::Present(Certificate { key: String::new(), common_name: None, not_after: at.parse().unwrap() });
        let look = |certificates| Look {
            node: Seen::Present("m1".into()),
            machine: Machine { kubelet: Seen::Present(()), ..Machine::blank("5eed") },
            proxy: Seen::Present(RunningProxy { mode: "ipvs".into(), ipvs_services: 12 }),
            certificates,
            heard: None,
            told: Told { objects: Seen::Absent, kube_vip: Seen::Absent, etcd_data: Seen::Absent, kubelet: Seen::Absent },
        };
        let certificates = vec![
            ("apiserver.crt".to_owned(), ends("2027-01-10T00:00:00Z")),
            ("ca.crt".to_owned(), ends("2036-01-01T00:00:00Z")),
            ("admin.conf".to_owned(), Seen::Unknown("Input/output error".into())),
        ];
        let drift = Difference {
            setting: "certificate_names".into(),
            wanted: json!(["a.lan"]),
            found: json!([]),
            outcome: Outcome::Drift("it was made then"),
            hosts: Vec::new(),
        };
        let host = |name: &str, role, look, node| HostStatus { name: name.into(), role, look, node };
        Status {
            api: Api::Answers(Box::new(objects)),
            contents: Some(contents),
            etcd: Etcd::Answers(Members { ca: String::new(), members: told.collect(), leader: Seen::Present(2) }),
            members,
            hosts: vec![
                host("m1", Role::ControlPlane, Ok(look(certificates)), nodes.first().cloned()),
                host("w1", Role::Worker, Err("no route".into()), nodes.get(1).cloned()),
                host("w2", Role::Worker, Ok(look(Vec::new())), None),
            ],
            unnamed: nodes.into_iter().skip(2).collect(),
            next: Next {
                states: vec![
                    ("m1".into(), State::Joined),
                    ("w1".into(), State::Unreachable("no route".into())),
                    ("w2".into(), State::Absent),
                ],
                actions: vec![Action { host: "w2".into(), act: Act::Join(Role::Worker) }],
                ..Next::default()
            },
            verdict: Verdict { by: Some("m1".into()), differences: vec![drift], etcd_data: Vec::new() },
        }
    }

    #[test]
    fn a_cluster_with_what_a_person_has_to_look_at() {
        let sheet = sheet("lab", "10.0.0.100:6443", &status(), "2026-12-26T00:00:00Z".parse().unwrap());
        insta::assert_snapshot!("cluster_status", sheet.lines.join("\n"));
        assert_eq!(sheet.cluster["hosts"][0]["certificates"]["apiserver.crt"]["days_left"], 15);
        assert_eq!(sheet.cluster["unnamed_nodes"][0]["name"], "w9");
        let mut one = status();
        let Etcd::Answers(told) = &mut one.etcd else { panic!("{:?}", one.etcd) };
        told.members.iter_mut().for_each(|member| member.healthy = Seen::Present(()));
        told.members[0].healthy = Seen::Unknown("no".into());
        let name = told.members[0].name.clone();
        let said = super::etcd(&one);
        assert!(said.contains(&format!("whether {name} answers is unknown")), "{said}");
        let unknown = Status { api: Api::Unknown("x509".into()), contents: None, etcd: Etcd::Unknown("no".into()), ..status() };
        let lines = super::sheet("lab", "10.0.0.100:6443", &unknown, Timestamp::UNIX_EPOCH).lines;
        assert_eq!(lines[..2], ["cluster lab: what is at 10.0.0.100:6443 is not known (x509)", "  etcd: unknown (no)"]);
    }
}
