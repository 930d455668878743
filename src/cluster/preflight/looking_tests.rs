use std::cell::RefCell;

use serde_json::json;

use super::looking::{Host, Looking, Next};
use super::*;
use crate::cluster::settings::Role;
use crate::cluster::settings::testing::settings;
use crate::plan::{Facts, Observation, Query, Reading, Scope, Store};

/// What machines answer to that question; nothing: there is no such thing.
type Answers = fn(&str, &Query) -> Option<Reading>;

fn hosts() -> Vec<Host> {
    let host = |(name, role, last)| Host { name: String::from(name), role, address: Some([192, 168, 2, last].into()) };
    [("m1", Role::ControlPlane, 11), ("w1", Role::Worker, 21), ("w2", Role::Worker, 22)].map(host).into()
}

/// All that was seen, and in how many turns. Each takes a hundred milliseconds. Who is lost gives no answer from the second turn on.
fn looked(control_planes: usize, lost: &str, answers: Answers) -> (Vec<evidence::Evidence>, Vec<Vec<String>>) {
    let settings = settings("cni: {name: flannel}");
    let mut looking = Looking::new(settings, hosts(), control_planes, "t0".into());
    let stores: RefCell<std::collections::BTreeMap<String, Store>> =
        RefCell::new(hosts().into_iter().map(|host| (host.name, Store::default())).collect());
    let mut asked = Vec::new();
    for turn in 0..8 {
        let stored = stores.borrow().clone();
        let known: std::collections::BTreeMap<&str, Facts<'_>> =
            stored.iter().map(|(name, store)| (name.as_str(), Facts::new(store, Scope::new(name, "root")))).collect();
        let need = match looking.next(&|name| known.get(name), 1_000_000 + turn * 100) {
            Next::Done(evidence) => return (evidence, asked),
            Next::Read(need) => need,
        };
        let mut kinds: Vec<String> = need.values().flatten().map(|key| key.query.kind.clone()).collect();
        kinds.sort();
        kinds.dedup();
        asked.push(kinds);
        if turn > 0 {
            stores.borrow_mut().remove(lost);
        }
        for (name, need) in need {
            let mut stores = stores.borrow_mut();
            let Some(store) = stores.get_mut(&name) else { continue };
            for key in need {
                let reading = answers(&name, &key.query).unwrap_or(Reading::Absent);
                store.insert(key, Observation::from(reading));
            }
        }
    }
    panic!("it never ends: {asked:?}")
}

fn clock(ms: i64) -> Reading {
    Reading::Present(json!({"unix_nanoseconds": ms * 1_000_000, "resolution_nanoseconds": 1, "utc_offset": "+0000", "zone": "UTC"}))
}

/// Ours wait at every port, and everybody answers.
fn open(name: &str, query: &Query) -> Option<Reading> {
    let all = |count: usize, word: &str| Reading::Present(vec![word; count].into_iter().collect());
    match query.kind.as_str() {
        "clock" => Some(clock(if name == "w2" { 1_095_150 } else { 1_000_140 })),
        "open_ports" => Some(all(query.args.len() - 3, "ours")),
        "reach_ports" => Some(all(query.args.len() - 1, "done")),
        "close_ports" => Some(Reading::Present(json!(true))),
        _ => None,
    }
}

#[test]
fn it_takes_four_messages_and_clocks_are_compared() {
    let (seen, asked) = looked(1, "", open);
    assert_eq!(asked[1..], [vec!["clock", "open_ports"], vec!["reach_ports"], vec!["close_ports"]]);
    let ahead: Vec<_> = seen.iter().map(|node| node.clock.ahead.clone()).collect();
    // asked at 1000100, answered by 1000200
    assert_eq!(ahead, [-10, -10, 95_000].map(crate::cluster::known::Known::Is));
    assert_eq!(seen[0].clock.give_or_take, 50);
    assert!(seen.iter().all(|node| !node.network.reached.is_empty()));
    assert!(seen.iter().flat_map(|node| &node.network.reached).all(|one| one.done == crate::cluster::known::Known::Is(true)));
}

#[test]
fn a_way_that_is_closed_is_told_from_a_port_that_somebody_has() {
    use crate::cluster::known::Known;
    let (seen, _) = looked(1, "", |name, query| {
        let port = |text: &String| text.rsplit(' ').next().unwrap_or_default().to_owned();
        match (name, query.kind.as_str()) {
            // m1 has a kubelet that is bound elsewhere, an API that answers, and a port that nobody may open
            ("m1", "open_ports") => Some(Reading::Present(
                query.args[3..]
                    .iter()
                    .map(|one| match one.as_str() {
                        "10250/tcp" | "6443/tcp" => json!("taken"),
                        "8472/udp" => json!({"failed": "Permission denied"}),
                        _ => json!("ours"),
                    })
                    .collect(),
            )),
            ("w1", "reach_ports") => Some(Reading::Present(
                query.args[1..]
                    .iter()
                    .map(|one| match (one.split(' ').next(), port(one).as_str()) {
                        (Some("192.168.2.22"), _) => json!("silent"),
                        (_, "6443/tcp") => json!("done"),
                        _ => json!({"no_way": "No route to host"}),
                    })
                    .collect(),
            )),
            ("w2", "reach_ports") => Some(Reading::unknown("there is no perl to try with")),
            _ => open(name, query),
        }
    });
    let of = |from: usize, to: &str, port: u16| {
        let all = &seen[from].network.reached;
        all.iter().find(|one| one.to == to && one.port == port).map(|one| one.done.clone()).unwrap()
    };
    assert_eq!(of(1, "m1", 6443), Known::Is(true));
    assert_eq!(of(1, "w2", 8472), Known::Is(false));
    assert_eq!(of(1, "m1", 8472), Known::Unknown("on m1: Permission denied".into()));
    assert_eq!(of(2, "m1", 6443), Known::Unknown("there is no perl to try with".into()));
    assert_eq!(of(0, "w1", 10250), Known::Is(true));
}

/// Nobody's listener is waited for, and what was seen of it before stays.
#[test]
fn a_machine_that_is_lost_holds_up_nobody() {
    let (seen, asked) = looked(1, "w1", open);
    assert_eq!((seen.len(), asked.len()), (3, 4));
    assert!(seen[1].network.reached.iter().all(|one| one.done == crate::cluster::known::Known::Not));
}

#[test]
fn the_virtual_address_is_asked_for_where_no_control_plane_is_left_out() {
    let asks = |control_planes: usize| looked(control_planes, "", open).1[0].iter().any(|kind| kind == "who_has");
    assert!(asks(1) && !asks(2));
}
