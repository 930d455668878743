//! What a run of ours would see of machines, read by its own facts; and the record of it, without what differs from time to time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use homelabctl::cluster::kubeadm_config::endpoint;
use homelabctl::cluster::membership::{self, Api, Etcd, Evidence, Memory, Next, Reach, Role, Seen, Wanted, next};
use homelabctl::cluster::settings::Settings;
use homelabctl::modules::PlayHost;
use homelabctl::modules::kubeadm::{Called, wanted};
use homelabctl::node::record::Records;
use homelabctl::node::script::{Script, quote};
use homelabctl::plan::{FactKey, Facts, Scope, Stop, Store};
use serde_json::json;

use crate::testbed::Machine;

/// Reads on a machine, by its root shell.
fn read(machine: &Machine, need: &BTreeSet<FactKey>, store: &mut Store) {
    let mut script = Script::new();
    let probes = script.probe(&need.iter().map(|key| key.query.clone()).collect::<Vec<_>>());
    let text = format!("k=n1 s={} && ( eval \"$s\" ) </dev/null", quote(&script.finish()).unwrap());
    let output = machine.root_command(&text).unwrap();
    let records = Records::parse("n1", &output.stdout, &output.stderr);
    for (query, observation) in probes.observe(&records) {
        let key = need.iter().find(|key| key.query == query).unwrap();
        store.insert(key.clone(), observation);
    }
}

/// The answer of something that asks for facts, once it has all that it needs.
fn asked<T>(machine: &Machine, store: &mut Store, ask: impl Fn(&Facts<'_>) -> Result<T, Stop>) -> T {
    for _ in 0..10 {
        match ask(&Facts::new(store, Scope::new(&machine.name, "root"))) {
            Ok(answer) => return answer,
            Err(Stop::Need(need)) => read(machine, &need, store),
            Err(stop) => panic!("{}: {stop:?}", machine.name),
        }
    }
    panic!("{}: it never has enough", machine.name)
}

/// All that is seen of these machines, each in its group.
pub fn look(settings: &Settings, machines: &[(&Machine, &str)]) -> (Wanted, Evidence) {
    let (mut hosts, mut called) = (Vec::new(), BTreeMap::new());
    let (mut reached, mut heard) = (BTreeMap::new(), BTreeMap::new());
    let endpoint = endpoint(settings);
    for (machine, group) in machines {
        let name = machine.name.clone();
        let mut store = Store::default();
        let is = asked(machine, &mut store, |facts| membership::examine(facts, "/var/lib/etcd", &endpoint, &machine.address));
        reached.insert(name.clone(), Reach::Reached(Box::new(is)));
        if *group == "masters" {
            heard.insert(name.clone(), asked(machine, &mut store, membership::hear));
        }
        called.insert(name.clone(), Called { name: name.clone(), address: machine.address.clone(), interface: None });
        hosts.push(PlayHost { name, groups: vec![(*group).to_owned()], address: machine.address.parse().ok(), apart: None });
    }
    let api = membership::api(&endpoint, &reached, &heard, None);
    let etcd = membership::etcd(&reached, &heard, api.authority());
    (wanted(settings, &hosts, &called), Evidence { machines: reached, api, etcd })
}

/// Ids, digests, annotations and tokens in words that are the same each time.
fn plain(evidence: &mut Evidence) {
    let mut authorities: Vec<String> = Vec::new();
    let mut authority = |of: &mut String| {
        let at = authorities.iter().position(|one| one == of).unwrap_or_else(|| {
            authorities.push(of.clone());
            authorities.len() - 1
        });
        *of = format!("sha256:{}", ["ours", "another's", "a third one's"][at]);
    };
    let mut ids = BTreeMap::new();
    if let Api::Answers(objects) = &mut evidence.api {
        authority(&mut objects.ca);
    }
    for (host, reach) in &mut evidence.machines {
        let Reach::Reached(machine) = reach else { continue };
        if let Seen::Present(id) = &mut machine.machine_id {
            ids.insert(std::mem::replace(id, format!("id of {host}")), format!("id of {host}"));
        }
        if let Seen::Present(ca) = &mut machine.ca {
            authority(ca);
        }
        if let Seen::Present(conf) = &mut machine.kubelet_conf {
            authority(&mut conf.ca);
        }
    }
    if let Etcd::Answers(members) = &mut evidence.etcd {
        authority(&mut members.ca);
        members.members.sort_by(|one, other| one.peer.cmp(&other.peer));
        for (id, member) in (1..).zip(&mut members.members) {
            if members.leader == Seen::Present(member.id) {
                members.leader = Seen::Present(id);
            }
            member.id = id;
        }
    }
    let Api::Answers(objects) = &mut evidence.api else { return };
    if let Seen::Present(nodes) = &mut objects.nodes {
        for node in nodes {
            node.uid = format!("uid of {}", node.name);
            node.machine_id = ids.get(&node.machine_id).cloned().unwrap_or_else(|| "id of another machine".to_owned());
            node.marks.annotations.clear();
        }
    }
    if let Seen::Present(requests) = &mut objects.csrs {
        requests.sort_by(|one, other| (&one.node, one.pending).cmp(&(&other.node, other.pending)));
        for (at, request) in requests.iter_mut().enumerate() {
            request.name = format!("csr-{at}");
        }
    }
    if let Seen::Present(tokens) = &mut objects.tokens {
        for (at, token) in tokens.iter_mut().enumerate() {
            *token = format!("token{at}");
        }
    }
}

/// What is made of it; and where `HOMELABCTL_RECORD` is set, it is recorded.
pub fn judged(name: &str, made: &str, (wanted, evidence): &(Wanted, Evidence)) -> Next {
    let mut evidence = evidence.clone();
    plain(&mut evidence);
    let next = next(wanted, &evidence, &Memory::default());
    let states: BTreeMap<String, String> = next.states.iter().map(|(host, state)| (host.clone(), state.to_string())).collect();
    let waits: Vec<String> = next.waits.iter().map(|one| format!("{} {}: {}", one.host, one.what.word(), one.which)).collect();
    let actions: Vec<String> = next.actions.iter().map(ToString::to_string).collect();
    let refused: Vec<String> = next.refused.iter().map(|one| one.refusal.why.clone()).collect();
    eprintln!("  {name}: {states:?} {actions:?} {waits:?} {refused:?}");
    if std::env::var_os("HOMELABCTL_RECORD").is_some() {
        let record = json!({"made": made, "wanted": wanted, "evidence": evidence, "states": states, "actions": actions, "waits": waits,
            "refused": refused});
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/cluster/half-states");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(format!("{name}.json")), serde_json::to_string_pretty(&record).unwrap() + "\n").unwrap();
    }
    next
}

/// That nothing is left to do: all are members, none has a vote that it should not have, and all Nodes are ready.
pub fn is_whole((wanted, evidence): &(Wanted, Evidence)) {
    let next = next(wanted, evidence, &Memory::default());
    assert!(next.is_done(), "{next:#?}\n{evidence:#?}");
    let Etcd::Answers(members) = &evidence.etcd else { panic!("{:?}", evidence.etcd) };
    let names: BTreeSet<&str> = members.members.iter().map(|member| member.name.as_str()).collect();
    let control_planes: BTreeSet<&str> =
        wanted.hosts.iter().filter(|host| host.role == Role::ControlPlane).map(|host| host.node.as_str()).collect();
    assert_eq!((names, members.members.len()), (control_planes.clone(), control_planes.len()));
    assert!(members.members.iter().all(|member| !member.learner && member.healthy.is_present()), "{members:?}");
    let nodes = evidence.objects().unwrap().nodes.present().unwrap();
    assert_eq!(nodes.len(), wanted.hosts.len());
    assert!(nodes.iter().all(|node| node.ready == membership::Ready::Yes), "{nodes:?}");
}
