use std::fmt::Write;

use super::testing::{hosts, merged};
use super::*;

/// What is written in place of, or beside, the good settings: each is wrong in its own way.
const BROKEN: &str = include_str!("../../../tests/records/broken-cluster/settings.txt");

pub(super) fn broken() -> Vec<String> {
    let cases = BROKEN.split("\n\n").map(|case| case.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n"));
    cases.filter(|case| !case.trim().is_empty()).collect()
}

/// What is read of them, and what is said, with the inventory of the homelab and no file.
fn read(over: &str) -> (Option<Settings>, Diagnostics) {
    let (node, mut problems) = (merged(over), Diagnostics::new());
    let settings = Settings::read(&node, "2026-10-01", &mut problems);
    if let Some(settings) = &settings {
        settings.check_hosts(&node, &hosts(), &mut problems);
        settings.check_files(&node, &|_| false, &mut problems);
    }
    (settings, problems)
}

#[test]
fn each_broken_setting_is_told_with_its_place_and_what_to_do() {
    let mut told = String::new();
    for broken in broken() {
        let (_, problems) = read(&broken);
        assert!(problems.has_errors(), "{broken}\n{problems}");
        for problem in &problems.0 {
            assert!(problem.place.is_some(), "{broken}\n{problems}");
            assert!(problem.label.is_some() || problem.hint.as_ref().is_some_and(|hint| !hint.is_empty()), "{broken}\n{problems}");
        }
        writeln!(told, "# {}\n{problems}\n", broken.replace('\n', "\n# ")).unwrap();
    }
    assert!(broken().len() >= 60);
    insta::assert_snapshot!(told);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let (_, problems) = read("version: 1.34\nkube_proxy: {mode: ipv6}\nnetwork: {pods: 10.244.0.0}\nlabels: {w1: a}");
    assert_eq!(problems.0.len(), 4, "{problems}");
}

/// What a broken setting has to do with is not looked at: it would be told of a value that nobody has written.
#[test]
fn what_does_not_fit_is_told_beside_what_is_broken() {
    for (over, told, untold) in [
        ("name: Homelab\nnetwork: {pods: 10.96.0.0/14}", &["`cluster.name`", "overlap"][..], ""),
        ("network: {pods: 10.96.0.0/14, services: 10.96.0}", &["`cluster.network.services`"], "overlap"),
        ("network: {pods: 10.96.0.0/14, servces: 10.100.0.0/16}", &["`servces`"], "overlap"),
        ("network: [10.96.0.0/14]\ncni: {name: manifest}", &["`cluster.network` is a mapping", "`cni.manifest` is missing"], "overlap"),
        (
            "endpoint: {host: k.example.net}\ngroups: {workers: [masters]}",
            &["`cluster.endpoint.served_by` is missing", "both of"],
            "kube-vip n",
        ),
        ("kube_proxy: {mode: ipvsx, scheduler: rr}\nkubelet: {maxPods: 500}", &["`cluster.kube_proxy.mode`", "500 pods"], "is IPVS's"),
        ("version: next\nkubelet: {newField: 1, failSwapOn: maybe}", &["`cluster.version`", "`kubelet.failSwapOn`"], "has no field"),
    ] {
        let (settings, problems) = read(over);
        let said = problems.to_string();
        assert!(settings.is_none() && told.iter().all(|told| said.contains(told)), "{over}\n{said}");
        assert!(untold.is_empty() || !said.contains(untold), "{over}\n{said}");
    }
}

#[test]
fn defaults_are_of_their_kind_and_agree() {
    let (settings, problems) = read("");
    assert_eq!(problems.to_string(), "");
    insta::assert_debug_snapshot!(settings.unwrap());
}

#[test]
fn an_old_version_and_a_deprecated_mode_are_warned_about() {
    let mut problems = Diagnostics::new();
    let settings = Settings::read(&merged("version: v1.35.1"), "2027-03-01", &mut problems);
    assert!(settings.is_some());
    let told = problems.to_string();
    assert!(told.contains("gets no more fixes since 2027-02-28") && told.contains("IPVS mode is deprecated"), "{told}");
}

#[test]
fn each_setting_says_what_becomes_of_a_change_and_what_it_is_about() {
    fn look(table: &[Field]) {
        for field in table {
            assert!(!field.about.is_empty() && !field.about.ends_with('.'), "{}", field.name);
            assert!(!(field.required && field.default.is_some()), "{}", field.name);
            if let (Kind::Fields(table), Live::Parts) = (field.kind, field.live) {
                look(table);
            }
        }
    }
    look(SETTINGS);
}

#[test]
fn the_page_is_that_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cluster-settings.md");
    if std::env::var_os("HOMELABCTL_WRITE_DOCS").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), page(), "make docs");
}

/// Where an entry of a table is, and the entry.
pub(in crate::cluster) fn leaves(prefix: &str, table: &'static [Field], see: &mut impl FnMut(String, &'static Field)) {
    for field in table {
        match (field.kind, field.live) {
            (Kind::Fields(table), Live::Parts) => leaves(&format!("{prefix}{}.", field.name), table, see),
            _ => see(format!("{prefix}{}", field.name), field),
        }
    }
}

#[test]
fn what_should_be_known_is_no_error() {
    for (over, told) in [
        ("kube_proxy: {strict_arp: false}\nendpoint: {host: k.example.net, served_by: external}", "MetalLB does not work"),
        ("ignore_preflight_errors: [Swpa]", "did you mean `Swap`?"),
        ("taints: {m1: ['node-role.kubernetes.io/master:NoSchedule']}", "tolerates the taint"),
        ("version: v1.36.0\nkubelet: {newInThatVersion: 1}", "has no field `newInThatVersion`"),
        ("endpoint: {host: 192.168.2.11, served_by: external}", "is m1's own address"),
    ] {
        let (settings, problems) = read(over);
        assert!(settings.is_some() && !problems.has_errors() && problems.to_string().contains(told), "{over}\n{problems}");
    }
}

#[test]
fn an_even_number_of_control_planes_is_told() {
    let node = merged("");
    let settings = testing::settings("");
    for (taken, told) in [(1, false), (2, true), (3, false)] {
        let mut problems = Diagnostics::new();
        let some: Vec<_> = hosts().into_iter().filter(|host| !host.name.starts_with('m')).chain(hosts().into_iter().take(taken)).collect();
        settings.check_hosts(&node, &some, &mut problems);
        assert_eq!(problems.to_string().contains("control planes bear the loss"), told, "{problems}");
    }
}

#[test]
fn only_what_looks_like_settings_is_taken_for_them() {
    let node = |text: &str| crate::yaml::load(&crate::diagnostics::Source::new("x", text)).unwrap().0.unwrap();
    for (text, is) in
        [("prod", false), ("{name: prod, version: 3}", false), ("[a]", false), ("{name: a, endpoint: b}", true), ("{cni: {}}", true)]
    {
        assert_eq!(is_settings(&node(text)), is, "{text}");
    }
}
