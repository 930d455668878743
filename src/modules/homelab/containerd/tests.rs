use serde_json::{Value, json};

use super::*;
use crate::modules::bench::{Bench, Seen};
use crate::node::simulated::{Random, World};

const DEBIAN: &[u8] =
    b"version = 2\n[plugins]\n  [plugins.\"io.containerd.grpc.v1.cri\"]\n    [plugins.\"io.containerd.grpc.v1.cri\".cni]\n      \
                        bin_dir = \"/usr/lib/cni\"\n";

const IMPORTED: &[u8] = b"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\nSystemdCgroup = false\n";

/// A file as it should be.
fn ready() -> Vec<u8> {
    let (sandbox_image, registry_folder) = ("registry.k8s.io/pause:3.10.1", mirrors::FOLDER);
    let wanted = Wanted { sandbox_image, registry_folder, cni_folder: None, runtimes: ["runc"].into() };
    config::edited("", "1.7.27", &wanted).unwrap().into_bytes()
}

pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
    let mut world = World::new(random.number());
    let has_folder = !random.once_in(8);
    if has_folder {
        world.add_directory("/etc/containerd", 0o755);
        match random.below(8) {
            0 => {}
            4 | 5 => world.add_file(FILE, &ready(), 0o644),
            1 => world.add_file(FILE, b"disabled_plugins = [\"cri\"]\n", 0o644),
            2 => world.add_file(FILE, b"version = 3\nroot = '/data'\n", 0o644),
            3 => world.add_file(FILE, b"[plugins.cri]\nsandbox_image = 'x'\n", 0o644),
            _ => world.add_file(FILE, DEBIAN, 0o644),
        }
    }
    if random.once_in(3) {
        world.add_directory("/etc/containerd/certs.d/registry.lan", 0o755);
        let text = mirrors::text("registry.lan", &["http://old.lan".into()]);
        world.add_file("/etc/containerd/certs.d/registry.lan/hosts.toml", if random.once_in(3) { b"mine" } else { text.as_bytes() }, 0o644);
    }
    if !random.once_in(12) {
        world.add_containerd(random.pick(&["1.6.20~ds1", "1.7.27", "2.0.5", "2.3.0"]).unwrap());
        world.set_unit(UNIT, random.once_in(2), random.once_in(2), random.once_in(10));
        world.set_crictl(!random.once_in(10));
        if random.once_in(10) && has_folder {
            world.import_into_containerd(if random.once_in(2) { IMPORTED } else { b"version = 2\n[debug]\nlevel = 'info'\n" });
        }
    }
    if random.once_in(5) {
        world.add_directory("/etc/kubernetes", 0o755);
        world.add_file(JOINED, b"x", 0o600);
    }
    let mut args = json!({});
    if random.once_in(2) {
        args["cni_bin_dir"] = "/opt/cni/bin".into();
    }
    if random.once_in(2) {
        args["mirrors"] =
            random.pick(&[json!({"registry.lan": ["https://new.lan"]}), json!({"docker.io": ["https://a", "https://b"]})]).unwrap().clone();
    }
    (Bench::new(world), args)
}

fn world(version: &str, text: &[u8]) -> World {
    let mut world = World::new(1);
    world.add_directory("/etc/containerd", 0o755);
    world.add_file(FILE, text, 0o644);
    world.add_containerd(version);
    world.set_unit(UNIT, true, true, false);
    world.set_crictl(true);
    world
}

#[test]
fn it_is_set_up_once_and_started_anew() {
    let mut bench = Bench::new(world("1.6.20~ds1", DEBIAN));
    let args = json!({"cni_bin_dir": "/opt/cni/bin", "mirrors": {"docker.io": ["https://mirror.lan"]}});
    let Seen::Changed(decision, change, _) = bench.run(&HomelabContainerd, &args) else { panic!() };
    assert_eq!(decision.result["version"], "1.6.20~ds1");
    let differs: Vec<&str> = change.diff.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(differs, [FILE, "/etc/containerd/certs.d/docker.io/hosts.toml", "unit containerd.service"]);
    assert!(matches!(bench.run(&HomelabContainerd, &args), Seen::Unchanged(_)));
    // without mirrors the file of ours goes, and nothing is started anew for it
    let Seen::Changed(_, change, _) = bench.run(&HomelabContainerd, &json!({"cni_bin_dir": "/opt/cni/bin"})) else { panic!() };
    assert_eq!((change.steps.len(), change.diff[0].after.is_none()), (1, true));
}

#[test]
fn who_makes_the_cgroups_is_not_changed_on_a_node_that_has_joined() {
    let mut joined = world("1.7.27", DEBIAN);
    joined.add_directory("/etc/kubernetes", 0o755);
    joined.add_file(JOINED, b"x", 0o600);
    let Seen::Refused(why) = Bench::new(joined).run(&HomelabContainerd, &json!({})) else { panic!() };
    assert!(why.contains("has joined a cluster"), "{why}");
}

#[test]
fn what_a_person_set_up_stays_and_what_is_against_it_is_refused() {
    let mut own = world("2.1.4", b"version = 3\n");
    own.add_directory("/etc/containerd/certs.d/docker.io", 0o755);
    own.add_file("/etc/containerd/certs.d/docker.io/hosts.toml", b"server = 'mine'\n", 0o644);
    let mut bench = Bench::new(own.clone());
    assert!(matches!(bench.run(&HomelabContainerd, &json!({})), Seen::Changed(..)));
    let Seen::Refused(why) = Bench::new(own).run(&HomelabContainerd, &json!({"mirrors": {"docker.io": ["https://a"]}})) else { panic!() };
    assert!(why.contains("was not written by homelabctl"), "{why}");
    let mirrors = b"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"docker.io\"]\nendpoint = [\"https://a\"]\n";
    let Seen::Refused(why) = Bench::new(world("1.7.27", mirrors)).run(&HomelabContainerd, &json!({})) else { panic!() };
    assert!(why.contains("excludes the folder"), "{why}");
    let mut imports = world("2.1.4", &ready());
    imports.import_into_containerd(IMPORTED);
    let Seen::Refused(why) = Bench::new(imports).run(&HomelabContainerd, &json!({})) else { panic!() };
    assert!(why.contains("`SystemdCgroup` of runc for false, and /etc/containerd/own.toml"), "{why}");
}

#[test]
fn what_is_missing_is_named() {
    let Seen::Failed(why) = Bench::new(World::new(1)).run(&HomelabContainerd, &json!({})) else { panic!() };
    assert!(why.contains("there is no containerd"), "{why}");
    let mut silent = world("1.7.27", DEBIAN);
    silent.set_crictl(false);
    let Seen::Failed(why) = Bench::new(silent).run(&HomelabContainerd, &json!({})) else { panic!() };
    assert!(why.contains("there is no crictl"), "{why}");
}
