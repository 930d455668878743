//! `homelabctl preflight` and the playbook of that name on two real machines: what is wrong there is found, with everything at once, what
//! was mended is found no more, and nothing of ours is left on the machines.

mod clock;
mod network;
mod project;
mod registries;

use std::collections::BTreeSet;

use self::project::Project;
use crate::program::Program;
use crate::testbed::Bed;

/// Somebody on the kubelet's port, a name for the endpoint on one of them only, no way from the worker, and the master's own identity.
const BREAK: &str = "ip route add unreachable MASTER/32
setsid perl -MIO::Socket -e '$s = IO::Socket::INET->new(Listen => 1, LocalPort => 10250, ReuseAddr => 1) or die; sleep 600' </dev/null >/dev/null 2>&1 &
cp /etc/machine-id /root/machine-id
echo ID >/etc/machine-id
for n in 1 2 3 4 5 6 7 8 9 10; do ss -lnt | grep -q :10250 && exit; sleep 0.2; done; exit 1";
const MEND: &str = "ip route del unreachable MASTER/32
kill $(ss -lntp 'sport = 10250' | sed -n 's/.*pid=\\([0-9]*\\).*/\\1/p')
cp /root/machine-id /etc/machine-id
echo 'MASTER kube-api.test' >>/etc/hosts";

/// The cluster that the machines of this file are to be.
const SETTINGS: [&str; 3] = ["endpoint: {host: kube-api.test, served_by: external}", "cni: {name: flannel}", "image_bundle: images.tar"];

#[test]
fn what_is_wrong_is_found_at_once_and_what_was_mended_is_not() {
    let bed = Bed::new().unwrap();
    let machines = bed.start_all(vec![bed.machine("m1"), bed.machine("w1")]).unwrap();
    let project = Project::new(bed, machines);
    let [master, worker] = [&project.machines[0], &project.machines[1]];
    let address = master.address.to_string();
    master.root_says(&format!("echo '{address} kube-api.test' >>/etc/hosts")).unwrap();
    let id = master.root_says("cat /etc/machine-id").unwrap();
    worker.root_says(&BREAK.replace("MASTER", &address).replace("ID", id.trim())).unwrap();

    project.settings(&SETTINGS, &BTreeSet::new());
    let broken = project.found("error", 2);
    let has = |all: &[(String, String, String)], check: &str, hosts: &str, seen: &str| {
        all.iter().any(|(c, h, s)| c == check && h == hosts && s.contains(seen))
    };
    for (check, hosts, seen) in [
        ("DuplicateMachineId", "m1 w1", id.trim()),
        ("EndpointName", "w1", "`kube-api.test` does not resolve there"),
        ("Port-10250", "w1", "perl listens on port 10250"),
        ("Reach", "w1", "m1 is not reached at 6443/tcp"),
        ("Reach", "w1", "m1 is not reached at 8472/udp"),
    ] {
        assert!(has(&broken, check, hosts, seen), "{check}: {broken:#?}");
    }
    // an answer takes the same way
    assert!(has(&broken, "Reach", "m1", "w1 is not reached at 10250/tcp"), "{broken:#?}");
    project.is_as_it_was();

    worker.root_says(&MEND.replace("MASTER", &address)).unwrap();
    let left = project.found("error", 2);
    let ours = ["DuplicateMachineId", "EndpointName", "Port-10250", "Reach"];
    assert!(left.iter().all(|(check, ..)| !ours.contains(&check.as_str())), "{left:#?}");
    // they share this machine's kernel, which lacks modules
    let excused: BTreeSet<String> = left.into_iter().map(|(check, ..)| check).collect();

    // the playbook refuses the machines with all of that, and lets them pass once it is excused
    let refused = project.run(&["provision", "preflight"]);
    assert_eq!(refused.code, Some(2), "{}", refused.all());
    assert!(excused.iter().all(|check| refused.stdout.contains(check)), "{}", refused.all());
    // how fast a crowded machine's disk is moves
    project.settings(&SETTINGS, &excused.into_iter().chain(["SyncLatency", "DiskSpace"].map(String::from)).collect());
    assert_eq!(project.found("error", 0), []);
    for check in [&["--check"][..], &[]] {
        let passed = project.run(&[&["provision", "preflight"], check].concat());
        assert_eq!(passed.code, Some(0), "{}", passed.all());
    }
    project.is_as_it_was();
}

/// Who asks for it without saying what the cluster is to be is told so, and nothing is contacted.
#[test]
fn without_settings_it_says_what_is_missing() {
    let program = Program::new();
    program.file("hosts.ini", "[masters]\nm1\n[workers]\nw1\n");
    let ran = program.run(&["preflight", "-i", "hosts.ini"]);
    assert_eq!(ran.code, Some(64), "{}", ran.all());
    assert!(ran.stderr.contains("no variable `cluster`") && ran.stderr.contains("nothing was contacted"), "{}", ran.all());
    std::fs::create_dir(program.path("group_vars")).unwrap();
    program.file("group_vars/all.yml", "cluster: {name: test, endpoint: {host: kube-api.test, served_by: external}}\n");
    program.file("more.ini", "[masters]\nm1\n[workers]\nw1\n[other]\nx1\n");
    let ran = program.run(&["preflight", "-i", "more.ini", "--limit", "x1"]);
    assert_eq!(ran.code, Some(64), "{}", ran.all());
    assert!(ran.stderr.contains("`--limit` leaves no node of the cluster"), "{}", ran.all());
}
