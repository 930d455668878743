//! What stands on the wire: somebody who answers for the virtual address, by either version of IP, and a packet filter on the way.

use std::collections::BTreeSet;

use super::project::{Findings, Project};
use crate::testbed::{Bed, Machine};

const V4: &str = "10.77.0.200";
const V6: &str = "fd77::200";

/// The packages of a packet filter, of those that each machine has with it.
const FILTER: &str = "cd /usr/share/testbed/archive/pool
dpkg -i --force-depends libip6tc2_*.deb libnfnetlink0_*.deb libnetfilter-conntrack3_*.deb libnftnl11_*.deb iptables_*.deb >/dev/null";

fn settings(project: &Project, endpoint: &str) {
    let endpoint = format!("endpoint: {{host: '{endpoint}', served_by: kube-vip}}");
    project.settings(&[&endpoint, "cni: {name: flannel}", "image_bundle: images.tar"], &BTreeSet::new());
}

/// The hardware address of the machine's card.
fn mac(machine: &Machine) -> String {
    machine.root_says("cat /sys/class/net/host0/address").unwrap()
}

#[test]
fn who_has_the_virtual_address_is_seen_by_arp_and_by_neighbour_solicitation() {
    let bed = Bed::new().unwrap();
    // the third belongs to nobody's cluster
    let mut machines = bed.start_all(vec![bed.machine("m1"), bed.machine("w1"), bed.machine("printer")]).unwrap();
    for (n, machine) in machines.iter().enumerate() {
        machine.root_says(&format!("ip addr add fd77::{}/64 dev host0 nodad", n + 1)).unwrap();
    }
    let printer = machines.pop().unwrap();
    let who = mac(&printer);
    let project = Project::new(bed, machines);
    let sees = |endpoint: &str| {
        settings(&project, endpoint);
        project.findings().by("VirtualAddress")
    };

    for address in [V4, V6] {
        assert_eq!(sees(address), [""; 0], "nobody has it");
    }
    printer.root_says(&format!("ip addr add {V4}/32 dev host0; ip addr add {V6}/128 dev host0 nodad")).unwrap();
    for address in [V4, V6] {
        assert_eq!(sees(address), [format!("error m1 w1: {who} answers for {address} already")]);
    }
    // one of the nodes has it: it says so itself, and the other hears it
    printer.root_says(&format!("ip addr del {V4}/32 dev host0; ip addr del {V6}/128 dev host0")).unwrap();
    let worker = &project.machines[1];
    worker.root_says(&format!("ip addr add {V6}/128 dev host0 nodad")).unwrap();
    let expected = [format!("{} answers for {V6} already", mac(worker)), format!("the machine itself answers for {V6} already")];
    assert_eq!(sees(V6), [format!("error m1: {}", expected[0]), format!("error w1: {}", expected[1])]);
    assert_eq!(sees(V4), [""; 0]);
}

#[test]
fn a_packet_filter_on_the_way_is_seen_from_each_side() {
    let bed = Bed::new().unwrap();
    let machines = bed.start_all(vec![bed.machine("m1"), bed.machine("w1"), bed.machine("w2")]).unwrap();
    let project = Project::new(bed, machines);
    settings(&project, V4);
    let worker = &project.machines[1];
    worker.root_says(FILTER).unwrap();
    let reach = |findings: &Findings| findings.by("Reach");

    assert_eq!(reach(&project.findings()), [""; 0], "nothing is in the way");
    // without a word by TCP, with one by UDP; only what comes in, and only on one machine
    worker.root_says("iptables -I INPUT -p tcp --dport 10250 -j DROP; iptables -I INPUT -p udp --dport 8472 -j REJECT").unwrap();
    let closed = project.findings();
    let expected = ["error m1 w2: w1 is not reached at 8472/udp", "error m1: w1 is not reached at 10250/tcp"];
    assert_eq!(reach(&closed), expected);
    worker.root_says("iptables -F INPUT").unwrap();
    assert_eq!(reach(&project.findings()), [""; 0], "it was taken away");
    project.is_as_it_was();
}
