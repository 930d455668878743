//! Of a task that is done in two parts, what both changed is told.

use super::*;
use crate::node::simulated::Entry;

/// Each change of a task, a line each.
fn changes(ran: &Ran) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
    let all = ran.tasks.iter().flat_map(|task| &task.changes);
    all.map(|one| format!("{}: {} -> {}", one.what, text(&one.before), text(&one.after))).collect()
}

/// A machine whose lists have Kubernetes' packages, and what comes along with them.
fn fleet(brings: &[&str]) -> Fleet {
    let mut world = World::new(1);
    for name in ["kubelet", "kubeadm", "kubectl"] {
        world.catalogue().add(name, Entry { versions: vec!["1.34.2-1.1".to_owned()], ..Entry::default() });
    }
    let brings = brings.iter().map(|name| ((*name).to_owned(), "1.4.0-1.1".to_owned())).collect();
    world.catalogue().add("kubelet", Entry { versions: vec!["1.34.2-1.1".to_owned()], brings, ..Entry::default() });
    Fleet(Arc::new(Mutex::new([("m1".to_owned(), world)].into())), Arc::default())
}

const BOOK: &str =
    "- hosts: all\n  gather_facts: false\n  tasks:\n    - {name: packages, homelab.kubernetes_packages: {version: v1.34.2}}\n";
const INSTALLED: [&str; 3] =
    ["package kubelet: nothing -> 1.34.2-1.1", "package kubeadm: nothing -> 1.34.2-1.1", "package kubectl: nothing -> 1.34.2-1.1"];

#[test]
fn the_first_part_before_the_second() {
    let person: Person = Arc::new(|_| Reply::Nobody);
    let ran = run_on(&[("site.yml", BOOK)], "m1,", Options::default(), Arc::clone(&person), fleet(&["kubernetes-cni"]));
    assert_eq!(ran.outcomes("packages"), [TaskOutcome::Changed], "{}", ran.lines());
    assert_eq!(changes(&ran), [&INSTALLED[..], &["package kubernetes-cni: released -> held"]].concat());

    // and where the first has left nothing to do, it has changed something all the same
    let ran = run_on(&[("site.yml", BOOK)], "m1,", Options::default(), person, fleet(&[]));
    assert_eq!(ran.outcomes("packages"), [TaskOutcome::Changed], "{}", ran.lines());
    assert_eq!(changes(&ran), INSTALLED);
}

#[test]
fn lists_that_are_read_anew_are_no_change() {
    let book = "- hosts: all\n  gather_facts: false\n  tasks:\n    - {name: there, apt: {name: kubelet, update_cache: true}}\n";
    let fleet = fleet(&[]);
    fleet.0.lock().unwrap().get_mut("m1").unwrap().add_package("kubelet", "1.34.2-1.1", false);
    let ran = run_on(&[("site.yml", book)], "m1,", Options::default(), Arc::new(|_| Reply::Nobody), fleet);
    assert_eq!((ran.outcomes("there"), changes(&ran)), (vec![TaskOutcome::Unchanged], Vec::new()), "{}", ran.lines());
}
