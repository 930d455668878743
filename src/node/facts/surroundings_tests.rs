//! What a machine has around it, asked of this one by each shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use super::*;
use crate::node::record::Records;
use crate::node::script::Script;
use crate::node::testing::{SHELLS, run, server};
use crate::plan::{Fact, Reading};

fn ask<F: Fact>(shell: &[&str], fact: &F) -> Reading {
    let mut script = Script::new();
    let probes = script.probe(&[fact.query()]);
    let output = run(shell, "n1", &script.finish());
    probes.observe(&Records::parse("n1", &output.stdout, &output.stderr)).remove(0).1.reading
}

fn value<F: Fact>(shell: &[&str], fact: &F) -> F::Value {
    match ask(shell, fact) {
        Reading::Present(value) => serde_json::from_value(value).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn programs_that_are_missing_are_named() {
    for shell in SHELLS {
        assert_eq!(value(shell, &MissingPrograms::new(["sh", "no-such-program", "cat", "nor-this"])), ["no-such-program", "nor-this"]);
        assert_eq!(value(shell, &MissingPrograms::new(["sh"])), [""; 0]);
    }
}

#[test]
fn names_resolve_or_do_not() {
    for shell in SHELLS {
        assert!(value(shell, &Resolved::new("localhost")).iter().all(IpAddr::is_loopback));
        assert_eq!(value(shell, &Resolved::new("192.0.2.7")), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
        assert!(matches!(ask(shell, &Resolved::new("-s")), Reading::Unknown { .. }));
    }
}

#[test]
fn an_address_of_its_own_is_the_machines() {
    for shell in SHELLS {
        assert_eq!(value(shell, &WhoHas::new(Ipv4Addr::LOCALHOST)), HAS_ITSELF);
        assert_eq!(value(shell, &WhoHas::new(Ipv6Addr::LOCALHOST)), HAS_ITSELF);
    }
}

/// It is a small number, the folder is as it was, and nothing is written where etcd's data is.
#[test]
fn a_disk_is_measured_and_left_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    for shell in SHELLS {
        assert!(value(shell, &SyncLatency::new(path)) < 60_000_000);
        assert!(value(shell, &SyncLatency::new(format!("{path}/not/there"))) < 60_000_000);
        assert_eq!(std::fs::read_dir(path).unwrap().count(), 0);
    }
    std::fs::create_dir(dir.path().join("member")).unwrap();
    assert_eq!(ask(SHELLS[0], &SyncLatency::new(path)), Reading::Absent);
    assert!(matches!(ask(SHELLS[0], &SyncLatency::new("/proc")), Reading::Unknown { .. }));
}

#[test]
fn a_server_answers_with_any_status_or_is_silent() {
    for shell in SHELLS {
        let (url, asked) = server(vec!["HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"]);
        assert!(matches!(value(shell, &WebAnswer::new(format!("{url}/v2/"))), WebServer::Answers(_)));
        assert!(asked.join().unwrap()[0].starts_with("GET /v2/ "));
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(matches!(value(shell, &WebAnswer::new(format!("http://{closed}/v2/"))), WebServer::Silent(why) if !why.is_empty()));
    }
}

#[test]
fn what_is_not_there_is_absent() {
    for shell in SHELLS {
        // this machine may have such a clock, and somebody may install packages
        assert!(!matches!(ask(shell, &HardwareClock), Reading::Unknown { .. }));
        assert!(!matches!(ask(shell, &DpkgLock), Reading::Unknown { .. }));
    }
}
