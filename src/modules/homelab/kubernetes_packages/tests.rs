use serde_json::{Value, json};

use super::*;
use crate::modules::bench::{Bench, Seen};
use crate::node::simulated::{Entry, Random, World};

const REVISIONS: [&str; 4] = ["1.33.5-1.1", "1.34.1-1.1", "1.34.2-1.1", "1.34.2-2.1"];

fn bare(versions: &[&str]) -> World {
    let mut world = World::new(1);
    let entry = || Entry { versions: versions.iter().map(|version| (*version).to_owned()).collect(), ..Entry::default() };
    for name in NAMES {
        world.catalogue().add(name, entry());
    }
    world
}

fn joined(mut world: World) -> World {
    world.add_directory("/etc/kubernetes/manifests", 0o755);
    world.add_file(JOINED, b"x", 0o600);
    world
}

fn with(mut world: World, version: &str) -> World {
    for name in NAMES {
        world.add_package(name, version, false);
    }
    world
}

fn serving(mut world: World, version: &str) -> World {
    world.add_directory("/etc/kubernetes/manifests", 0o755);
    world.add_file(API_SERVER, format!("    image: registry.k8s.io/kube-apiserver:{version}\n").as_bytes(), 0o600);
    world
}

pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
    let mut world = bare(if random.once_in(8) { &REVISIONS[..2] } else { &REVISIONS });
    let is_ready = random.once_in(3);
    for name in NAMES {
        if is_ready {
            world.add_package(name, "1.34.2-1.1", false);
            world.hold_package(name);
        } else if random.once_in(2) {
            let version = random.pick(&["1.34.2-1.1", "1.34.2-1.1", "1.34.2-2.1", "1.34.1-1.1", "1.35.0-1.1"]).unwrap();
            world.add_package(name, version, random.once_in(4));
            match random.below(8) {
                0 => world.interrupt_package(name),
                1 => world.leave_configuration(name),
                2 | 3 => world.hold_package(name),
                _ => {}
            }
        }
    }
    for name in ["cri-tools", "containerd"] {
        if random.once_in(2) {
            world.add_package(name, "1", false);
            if random.once_in(2) {
                world.hold_package(name);
            }
        }
    }
    if random.once_in(3) {
        world = joined(world);
    }
    if random.once_in(4) {
        world = serving(world, random.pick(&["v1.34.2", "v1.34.2", "v1.33.5", "v1.38.0"]).unwrap());
    }
    let mut args = json!({"version": *random.pick(&["v1.34.2", "1.34.2", "v1.34.2", "v1.34.1"]).unwrap()});
    if random.once_in(4) {
        args["api_servers"] = json!([*random.pick(&["v1.34.2", "v1.34.0", "v1.33.0"]).unwrap()]);
    }
    if random.once_in(6) {
        args["hold"] = random.pick(&[json!([]), json!(["containerd"]), json!(["no name"])]).unwrap().clone();
    }
    (Bench::new(world), args)
}

fn refused(world: World, args: &Value) -> String {
    match Bench::new(world).run(&HomelabKubernetesPackages, args) {
        Seen::Refused(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_newest_revision_of_exactly_that_version_is_installed_and_held() {
    let mut world = bare(&REVISIONS);
    world.add_package("containerd", "1.6.20", false);
    let mut bench = Bench::new(world);
    let args = json!({"version": "v1.34.2"});
    let Seen::Changed(decision, change, _) = bench.run(&HomelabKubernetesPackages, &args) else { panic!() };
    assert_eq!((decision.result["version"].as_str(), &decision.result["api_server"]), (Some("1.34.2-2.1"), &Value::Null));
    // what comes along with them is held when it is there
    assert!(decision.part);
    let differs: Vec<(&str, &str)> = change.diff.iter().map(|one| (one.what.as_str(), one.after.as_deref().unwrap_or_default())).collect();
    let new = "1.34.2-2.1";
    assert_eq!(differs, [("package kubelet", new), ("package kubeadm", new), ("package kubectl", new), ("package containerd", "held")]);
    let Seen::Unchanged(decision) = bench.run(&HomelabKubernetesPackages, &args) else { panic!() };
    assert_eq!(decision.result["version"], "1.34.2-2.1");
    // another revision of it is as good
    let mut older = with(bare(&REVISIONS), "1.34.2-1.1");
    NAMES.iter().for_each(|name| older.hold_package(name));
    assert!(matches!(Bench::new(older).run(&HomelabKubernetesPackages, &args), Seen::Unchanged(_)));
}

#[test]
fn nothing_moves_on_a_node_and_nothing_goes_back_anywhere() {
    let why = refused(joined(with(bare(&REVISIONS), "1.34.1-1.1")), &json!({"version": "v1.34.2"}));
    assert!(why.contains("is a node of a cluster and has kubelet 1.34.1-1.1, not v1.34.2"), "{why}");
    let why = refused(with(bare(&REVISIONS), "1.34.10-1.1"), &json!({"version": "v1.34.2"}));
    assert!(why.contains("kubelet 1.34.10-1.1 is installed, which is newer than v1.34.2"), "{why}");
    let mut held = with(bare(&REVISIONS), "1.33.5-1.1");
    NAMES.iter().for_each(|name| held.hold_package(name));
    // not a node yet
    assert!(matches!(Bench::new(held).run(&HomelabKubernetesPackages, &json!({"version": "v1.34.2"})), Seen::Changed(..)));
}

#[test]
fn a_version_that_is_not_there_is_refused_with_those_that_are() {
    let why = refused(bare(&REVISIONS), &json!({"version": "v1.34.3"}));
    assert_eq!(why, "the package lists have no kubelet 1.34.3, but 1.34.2-2.1, 1.34.2-1.1, 1.34.1-1.1, 1.33.5-1.1");
    // 1.34.2 is no 1.34.20
    let why = refused(bare(&["1.34.20-1.1"]), &json!({"version": "v1.34.2"}));
    assert_eq!(why, "the package lists have no kubelet 1.34.2, but 1.34.20-1.1");
    assert_eq!(refused(World::new(1), &json!({"version": "v1.34.2"})), "the package lists have no kubelet at all");
}

#[test]
fn what_may_not_stand_beside_the_clusters_api_is_refused_before_it_is_installed() {
    let why = refused(bare(&REVISIONS), &json!({"version": "v1.34.2", "api_servers": ["v1.34.2", "v1.33.5"]}));
    assert!(why.contains("newer than the cluster's API server v1.33.5"), "{why}");
    let why = refused(serving(bare(&REVISIONS), "v1.36.0"), &json!({"version": "v1.34.2"}));
    assert!(why.contains("kubeadm v1.34.2 is more than 1 minor version older"), "{why}");
    let mut bench = Bench::new(serving(bare(&REVISIONS), "v1.34.2"));
    let Seen::Changed(decision, ..) = bench.run(&HomelabKubernetesPackages, &json!({"version": "v1.34.2"})) else { panic!() };
    assert_eq!(decision.result["api_server"], "v1.34.2");
    let mut lost = joined(with(bare(&REVISIONS), "1.34.2-1.1"));
    lost.leave_configuration("kubelet");
    let why = refused(lost, &json!({"version": "v1.34.2"}));
    assert!(why.contains("without a kubelet, and the version of its cluster is not known"), "{why}");
}
