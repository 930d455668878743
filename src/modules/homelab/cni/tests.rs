use serde_json::{Value, json};

use super::*;
use crate::cluster::cni::flannel::Flannel;
use crate::modules::bench::{Bench, Files, Seen};
use crate::node::simulated::{Random, World};
use crate::yaml::objects::list;

const MANIFEST: &str = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: calico-node, namespace: kube-system}\n";
const CILIUM: &str = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: cilium-config, namespace: kube-system}\ndata: {kube-proxy-replacement: 'false', enable-ipv4: 'true', ipam: kubernetes}\n";

fn flannel() -> String {
    list(&Flannel::new("10.244.0.0/16".parse().unwrap()).objects())
}

fn control_plane() -> World {
    let mut world = World::new(1);
    world.add_directory("/etc/kubernetes", 0o755);
    world.add_file("/etc/kubernetes/admin.conf", b"x", 0o600);
    world.add_directory(FOLDER, 0o755);
    world.add_daemon_set("kube-system/kube-proxy");
    world
}

fn bench(world: World) -> Bench {
    let mut bench = Bench::new(world);
    bench.outside = Files([Files::file("mine.yml", MANIFEST.as_bytes(), 0o644), Files::file("bad.yml", b"a: 1\n", 0o644)].into());
    bench
}

pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
    let mut world = if random.once_in(12) { World::new(random.number()) } else { control_plane() };
    match random.below(6) {
        0 => world.set_other_objects(),
        1 | 2 => {
            world.set_applied(&flannel(), random.once_in(2));
            world.add_daemon_set("kube-flannel/kube-flannel-ds");
        }
        3 => {
            world.set_applied(MANIFEST, !random.once_in(3));
            world.add_daemon_set("kube-system/calico-node");
        }
        _ => {}
    }
    if random.once_in(3) {
        world.add_directory(FOLDER, 0o755);
        world.add_file(
            &format!("{FOLDER}/{}", random.pick(&["10-flannel.conflist", "10-calico.conflist", "README"]).unwrap()),
            b"{}",
            0o644,
        );
    }
    let mut args = match random.below(8) {
        0 => json!({"network": "none"}),
        1 => json!({"network": "cilium", "objects": CILIUM}),
        2 => json!({"network": "manifest", "manifest": *random.pick(&["mine.yml", "mine.yml", "bad.yml", "missing.yml"]).unwrap()}),
        _ => json!({"network": "flannel"}),
    };
    if random.once_in(8) {
        args["backend"] = "host-gw".into();
    }
    (bench(world), args)
}

fn refused(world: World, args: &Value) -> String {
    match bench(world).run(&HomelabCni, args) {
        Seen::Refused(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_is_put_up_once() {
    let mut bench = bench(control_plane());
    let args = json!({"network": "flannel"});
    let Seen::Changed(decision, change, _) = bench.run(&HomelabCni, &args) else { panic!() };
    assert_eq!((change.steps.len(), decision.result["image"].as_str()), (2, Some("ghcr.io/flannel-io/flannel:v0.27.4")));
    assert!(matches!(bench.run(&HomelabCni, &args), Seen::Unchanged(_)));
    // another backend is another ConfigMap
    assert!(matches!(bench.run(&HomelabCni, &json!({"network": "flannel", "backend": "host-gw"})), Seen::Changed(..)));
    assert!(matches!(bench.run(&HomelabCni, &json!({"network": "none"})), Seen::Unchanged(_)));
}

/// The manifests of people have Secrets, and what is said of them goes to logs.
#[test]
fn of_a_manifest_nothing_but_its_name_is_shown() {
    const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\ndata: {a: c2VjcmV0}\n";
    let cilium = format!("{CILIUM}---\n{SECRET}");
    for (args, title) in [
        (json!({"network": "manifest", "manifest": "secret.yml"}), "secret.yml"),
        (json!({"network": "cilium", "objects": cilium}), "Cilium"),
    ] {
        let mut bench = bench(World::new(1));
        bench.outside.0.insert("secret.yml".into(), Files::file("secret.yml", SECRET.as_bytes(), 0o600).1);
        let args = Bench::args(&HomelabCni, &args);
        let Err(Stop::Unknown(why)) = bench.plan(&HomelabCni, &args) else { panic!("it is no control plane") };
        let told: Vec<String> = why.iter().map(|(key, why)| format!("{key}: {why}")).collect();
        assert!(told.iter().any(|told| told.contains(&format!("manifest_objects({title})"))), "{told:?}");
        assert!(told.iter().all(|told| !told.contains("c2VjcmV0")), "{told:?}");

        let mut bench = Bench { machine: Bench::new(control_plane()).machine, store: Default::default(), ..bench };
        let (decision, _) = bench.plan(&HomelabCni, &args).unwrap();
        let crate::modules::Act::Plan(Plan::Change(change)) = &decision.act else { panic!("{decision:?}") };
        let seen = format!("{:?} {:?}", decision.result, change.diff);
        let steps: Vec<String> = change.steps.iter().map(|step| step.describe()).collect();
        let unmet = change.expect.iter().map(|expect| expect.query.to_string());
        let said: Vec<String> = unmet.chain(steps).chain([seen]).collect();
        assert!(said.iter().all(|said| !said.contains("c2VjcmV0")) && said[0].contains(title), "{said:?}");
    }
}

#[test]
fn a_run_that_was_cut_while_it_waited_goes_on_there() {
    let mut world = control_plane();
    world.set_applied(&flannel(), false);
    let mut bench = bench(world);
    let Seen::Changed(_, change, _) = bench.run(&HomelabCni, &json!({"network": "flannel"})) else { panic!() };
    assert_eq!((change.steps.len(), change.diff[0].what.as_str()), (1, "pods of DaemonSet a/b"));
}

#[test]
fn another_network_is_not_put_beside_the_one_that_is_there() {
    let mut other = control_plane();
    other.add_daemon_set("kube-system/cilium");
    let why = refused(other, &json!({"network": "flannel"}));
    assert!(why.contains("another network already: cilium (DaemonSet kube-system/cilium)"), "{why}");
    let mut left = control_plane();
    left.add_file("/etc/cni/net.d/10-calico.conflist", b"{}", 0o644);
    let why = refused(left.clone(), &json!({"network": "flannel"}));
    assert!(why.contains("/etc/cni/net.d/10-calico.conflist is the configuration of another network"), "{why}");
    // of a manifest of somebody's that is a network which runs already
    left.add_daemon_set("kube-system/calico-node");
    assert!(matches!(bench(left).run(&HomelabCni, &json!({"network": "manifest", "manifest": "mine.yml"})), Seen::Changed(..)));
}

#[test]
fn ciliums_objects_are_looked_at() {
    let Seen::Changed(_, change, _) = bench(control_plane()).run(&HomelabCni, &json!({"network": "cilium", "objects": CILIUM})) else {
        panic!()
    };
    let crate::node::steps::Step::ApplyObjects(apply) = &change.steps[0] else { panic!() };
    assert!(apply.manifest.contains("meta.helm.sh/release-name"), "{}", apply.manifest);
    let why = refused(control_plane(), &json!({"network": "cilium", "objects": CILIUM.replace("'false'", "'true'")}));
    assert!(why.contains("kube-proxy-replacement is `true`"), "{why}");
}
