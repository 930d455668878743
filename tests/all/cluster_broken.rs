//! Broken settings of a cluster, those of `tests/records/broken-cluster`: what the program says of each before it connects.

use homelabctl::cluster::settings::Settings;
use homelabctl::diagnostics::{Diagnostics, Source};
use homelabctl::yaml::{self, Node};

use crate::program::{Program, Ran};

const BROKEN: &str = include_str!("../records/broken-cluster/settings.txt");
const GOOD: [&str; 2] = ["name: wbyc-k8s", "endpoint: {host: kube-api.example.net, served_by: kube-vip, address: 192.168.2.50}"];
const HOSTS: &str = "[masters]
m1 ansible_host=192.168.2.11
m2 ansible_host=192.168.2.12
m3 ansible_host=192.168.2.13
[workers]
w1 ansible_host=192.168.2.21
w2 ansible_host=192.168.2.22
w3 ansible_host=192.168.2.23
[nodes:children]
masters
workers
";

/// Every way to a host goes through a command that leaves a file behind.
fn surroundings() -> Program {
    let program = Program::new();
    for dir in ["home/.ssh", "inventory", "inventory/group_vars"] {
        std::fs::create_dir(program.path(dir)).unwrap();
    }
    program.file("home/.ssh/config", &format!("Host *\n  ProxyCommand touch {}\n", program.path("contacted").display()));
    program.file("inventory/hosts", HOSTS);
    program
}

fn broken() -> Vec<String> {
    let cases = BROKEN.split("\n\n").map(|case| case.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n"));
    cases.filter(|case| !case.trim().is_empty()).collect()
}

/// A file of variables, with a line before the settings.
fn variables(over: &str) -> String {
    let is_given = |line: &&str| over.lines().any(|other| other.split(':').next() == line.split(':').next());
    let lines = GOOD.iter().copied().filter(|line| !is_given(line)).chain(over.lines());
    let lines: String = lines.map(|line| format!("  {line}\n")).collect();
    format!("domain: example.net\ncluster:\n{lines}")
}

fn refused(program: &Program, ran: &Ran) {
    assert_eq!(ran.code, Some(64), "{}", ran.all());
    assert!(ran.stderr.contains(", nothing was contacted\n"), "{}", ran.all());
    assert!(!program.path("contacted").exists(), "something was contacted");
    assert!(program.logs().is_empty(), "nothing ran, so there is nothing to log");
}

#[test]
fn every_broken_setting_is_told_before_the_first_connection() {
    let program = surroundings();
    assert!(broken().len() >= 60);
    for case in broken() {
        let text = variables(&case);
        program.file("inventory/group_vars/all.yml", &text);
        let ran = program.run(&["provision", "--yes"]);
        refused(&program, &ran);
        assert!(ran.stderr.contains(" inventory/group_vars/all.yml:"), "{case}\n{}", ran.all());
        assert!(ran.stderr.contains("hint: ") || ran.stderr.contains("did you mean") || ran.stderr.contains("here it is"), "{}", ran.all());
        // what the library says of the settings alone, at the same place of the same file
        let node: Node = yaml::load(&Source::new("inventory/group_vars/all.yml", text)).unwrap().0.unwrap();
        let mut problems = Diagnostics::new();
        let _ = Settings::read(node.get("cluster").unwrap(), "2026-11-26", &mut problems);
        for problem in problems.0 {
            let drawn = problem.render(false);
            assert!(ran.stderr.contains(&drawn), "{case}: not told:\n{drawn}\n\n{}", ran.all());
        }
    }
}

#[test]
fn good_settings_are_no_matter_and_all_hosts_share_them() {
    let program = surroundings();
    program.file("inventory/group_vars/all.yml", &variables("endpoint: {host: 'kube.{{ domain }}', served_by: external}"));
    let ran = program.run(&["check"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stderr.contains("v1.34 gets no more fixes since 2026-10-27"), "{}", ran.all());
    program.file("inventory/group_vars/workers.yml", "cluster: {name: other, endpoint: {host: kube.example.net, served_by: external}}\n");
    let ran = program.run(&["provision", "--yes"]);
    refused(&program, &ran);
    insta::assert_snapshot!("cluster_of_two_minds", ran.stderr);
}

#[test]
fn settings_that_only_some_nodes_have() {
    let program = surroundings();
    program.file("inventory/group_vars/masters.yml", &variables("version: v1.36.0"));
    let ran = program.run(&["check"]);
    refused(&program, &ran);
    insta::assert_snapshot!("cluster_of_some", ran.stderr);
}

#[test]
fn a_template_that_needs_a_machine_is_refused() {
    let program = surroundings();
    program.file("inventory/group_vars/all.yml", &variables("certificate_names: ['{{ ansible_facts.fqdn }}']"));
    let ran = program.run(&["check"]);
    refused(&program, &ran);
    insta::assert_snapshot!("cluster_with_a_fact", ran.stderr);
}

#[test]
fn a_variable_of_that_name_that_means_something_else_stops_nobody() {
    let program = surroundings();
    program.file("site.yml", "- hosts: all\n  tasks:\n    - debug: {msg: '{{ cluster }}'}\n");
    for (value, warned) in [("prod", false), ("{name: prod, region: eu}", false), ("{name: x, cni: calico, kube_version: 1}", true)] {
        program.file("inventory/group_vars/all.yml", &format!("cluster: {value}\n"));
        let ran = program.run(&["check", "site.yml"]);
        assert_eq!((ran.code, ran.stderr.contains("warning: ")), (Some(0), warned), "{value}\n{}", ran.all());
        let ran = program.run(&["check", "tuning"]);
        assert_eq!(ran.code, Some(if warned { 64 } else { 0 }), "{value}\n{}", ran.all());
    }
}

#[test]
fn the_schema_is_printed() {
    let ran = Program::new().run(&["schema"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(schema, homelabctl::cluster::settings::schema());
}
