//! Half-made clusters that the real kubeadm left when it was killed, as `tests/all/cluster_half_states` recorded them: each is judged
//! now as it was then, and the simulation comes by each of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::runs::comes_by;
use super::*;

/// What was seen, and what was made of it.
#[derive(Debug, Deserialize)]
struct Record {
    /// How it was made.
    made: String,
    wanted: Wanted,
    evidence: Evidence,
    states: BTreeMap<String, String>,
    actions: Vec<String>,
    waits: Vec<String>,
    refused: Vec<String>,
}

/// How many simulated clusters are looked through at most.
const CLUSTERS: u64 = 20_000;

fn records() -> Vec<(String, Record)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/cluster/half-states");
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut records: Vec<(String, Record)> = files
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            let record = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            (file.file_stem().unwrap().to_str().unwrap().to_owned(), record)
        })
        .collect();
    records.sort_by(|(one, _), (other, _)| one.cmp(other));
    records
}

#[test]
fn what_was_recorded_is_judged_as_it_was_then() {
    let records = records();
    assert!(!records.is_empty());
    for (name, record) in records {
        let next = next(&record.wanted, &record.evidence, &Memory::default());
        let states: BTreeMap<String, String> = next.states.iter().map(|(host, state)| (host.clone(), state.to_string())).collect();
        let waits: Vec<String> = next.waits.iter().map(|one| format!("{} {}: {}", one.host, one.what.word(), one.which)).collect();
        let actions: Vec<String> = next.actions.iter().map(ToString::to_string).collect();
        let refused: Vec<String> = next.refused.iter().map(|one| one.refusal.why.clone()).collect();
        let told = (states, actions, waits, refused);
        assert_eq!(told, (record.states, record.actions, record.waits, record.refused), "{name}: {}", record.made);
    }
}

/// Nothing of them is anybody's secret, and nothing names a machine that somebody has.
#[test]
fn records_hold_no_secret() {
    for (name, record) in records() {
        let text = serde_json::to_string(&record.evidence).unwrap();
        assert!(!text.contains("BEGIN ") && !text.contains("LS0tLS"), "{name}: a certificate or a key");
        let is_hex = |word: &str| word.len() >= 32 && word.chars().all(|c| c.is_ascii_hexdigit());
        assert!(!text.split(|c: char| !c.is_ascii_alphanumeric()).any(is_hex), "{name}: an id or a key");
    }
}

#[test]
fn the_simulation_comes_by_all_of_them() {
    let mut wanted: BTreeMap<String, String> = BTreeMap::new();
    for (name, record) in records() {
        for host in &record.wanted.hosts {
            wanted.entry(shape(host, &record.wanted, &record.evidence)).or_insert_with(|| format!("{name}, {}", host.name));
        }
    }
    SEEN.set(Some(BTreeSet::new()));
    for seed in 0..CLUSTERS {
        comes_by(seed);
        let is_all = SEEN.with_borrow(|seen| wanted.keys().all(|shape| seen.as_ref().unwrap().contains(shape)));
        if is_all {
            break;
        }
    }
    let seen = SEEN.take().unwrap();
    let missing: Vec<_> =
        wanted.into_iter().filter(|(shape, _)| !seen.contains(shape)).map(|(shape, of)| format!("{of}: {shape}")).collect();
    assert!(
        missing.is_empty(),
        "the simulation never comes by these:\n{}\n\nthe nearest:\n{}",
        missing.join("\n"),
        nearest(&missing, &seen)
    );
}

/// Of each, what the simulation has that is most like it.
fn nearest(missing: &[String], seen: &BTreeSet<String>) -> String {
    let words =
        |text: &str| text.rsplit_once(": ").map_or(text, |(_, shape)| shape).split(", ").map(str::to_owned).collect::<BTreeSet<_>>();
    let one = |missing: &String| {
        let wanted = words(missing);
        seen.iter().min_by_key(|shape| words(shape).symmetric_difference(&wanted).count()).cloned().unwrap_or_default()
    };
    missing.iter().map(one).collect::<Vec<_>>().join("\n")
}

std::thread_local! {
    /// The shapes that simulated runs on this thread saw, if somebody wants to know.
    static SEEN: RefCell<Option<BTreeSet<String>>> = const { RefCell::new(None) };
}

/// A simulated run saw that.
pub(super) fn note(wanted: &Wanted, evidence: &Evidence) {
    SEEN.with_borrow_mut(|seen| {
        if let Some(seen) = seen {
            seen.extend(wanted.hosts.iter().map(|host| shape(host, wanted, evidence)));
        }
    });
}

/// What was seen of a host, without what differs from machine to machine.
fn shape(host: &Host, wanted: &Wanted, evidence: &Evidence) -> String {
    let ours = match identity(wanted, evidence) {
        Identity::Ours(ca) => ca,
        Identity::None => String::new(),
        Identity::Two(_) => "two".to_owned(),
    };
    let mut words = vec![format!("{:?}", host.role)];
    let Some(machine) = evidence.machine(host) else { return "not reached".to_owned() };
    machine_words(machine, &ours, &mut words);
    cluster_words(host, machine, evidence, &mut words);
    words.join(", ")
}

fn machine_words(machine: &Machine, ours: &str, words: &mut Vec<String>) {
    fn of<T>(words: &mut Vec<String>, seen: &Seen<T>, word: &str) {
        match seen {
            Seen::Present(_) => words.push(word.to_owned()),
            Seen::Absent => {}
            Seen::Unknown(_) => words.push(format!("perhaps {word}")),
        }
    }
    // while there is no cluster, whose they are does not matter
    let whose = |ca: &str| if ours.is_empty() || ca == ours { "" } else { "another's " };
    of(words, &machine.ca, &format!("{}ca.crt", machine.ca.present().map_or("", |ca| whose(ca))));
    of(words, &machine.kubelet_conf, &format!("{}kubelet.conf", machine.kubelet_conf.present().map_or("", |conf| whose(&conf.ca))));
    words.extend(machine.kubelet_conf.present().filter(|conf| conf.node.is_absent()).map(|_| "without a certificate".to_owned()));
    of(words, &machine.bootstrap_conf, "bootstrap-kubelet.conf");
    of(words, &machine.kubelet_config, "config.yaml");
    of(words, &machine.super_admin_conf, "super-admin.conf");
    match &machine.manifests {
        Seen::Present(manifests) => {
            words.extend(manifests.etcd.then(|| "etcd.yaml".to_owned()));
            words.extend(manifests.control_plane.then(|| "kube-apiserver.yaml".to_owned()));
        }
        Seen::Absent => {}
        Seen::Unknown(_) => words.push("perhaps manifests".to_owned()),
    }
    of(words, &machine.etcd_data, "etcd's data");
    of(words, &machine.kubelet, "the kubelet runs");
    of(words, &machine.unit, "a kubeadm runs");
    of(words, &machine.material, "join material");
    of(words, &machine.readyz, "readyz");
}

fn cluster_words(host: &Host, machine: &Machine, evidence: &Evidence, words: &mut Vec<String>) {
    let Some(objects) = evidence.objects() else {
        let silent = matches!(evidence.api, Api::Silent(_));
        return words.push(if silent { "the API is silent" } else { "the API is unknown" }.to_owned());
    };
    let all = objects.parts.values().all(Seen::is_present);
    words.push(if all { "all parts" } else { "parts missing" }.to_owned());
    let node = objects.nodes.present().map(|nodes| nodes.iter().find(|node| node.name == host.node));
    words.push(match node {
        None => "perhaps a Node".to_owned(),
        Some(None) => "no Node".to_owned(),
        Some(Some(node)) => {
            let own = machine.machine_id.present().is_some_and(|id| *id == node.machine_id);
            let ready = matches!(node.ready, Ready::Yes | Ready::NoNetwork);
            format!("{} Node, {}", if own { "its" } else { "another machine's" }, if ready { "ready" } else { "not ready" })
        }
    });
    let requests = objects.csrs.present().into_iter().flatten();
    if !machine.has_certificate() && requests.clone().any(|csr| csr.node == host.node && csr.pending) {
        words.push("a request".to_owned());
    }
    if host.role == Role::Worker {
        return;
    }
    words.push(match &evidence.etcd {
        Etcd::Unknown(_) => "etcd is unknown".to_owned(),
        Etcd::Answers(members) => match classify::member_of(host, members) {
            None => "no member".to_owned(),
            Some(member) => {
                let kind = if member.learner { "learner" } else { "voter" };
                let begun = if member.name.is_empty() { ", not started" } else { "" };
                format!("{kind}{begun}{}", if member.healthy.is_present() { ", answers" } else { "" })
            }
        },
    });
}
