//! Machines and arguments for modules of packages.

use serde_json::{Value, json};

use crate::modules::bench::Bench;
use crate::node::simulated::{Entry, Random, World};

const NAMES: [&str; 5] = ["hl-tool", "hl-lib", "hl-app", "hl-service", "hl-none"];

fn entry(versions: &[&str]) -> Entry {
    Entry { versions: versions.iter().map(|version| (*version).to_owned()).collect(), ..Entry::default() }
}

/// Some of it installed, some for others' sake, some held, some left half done, some gone but for its configuration.
fn world(random: &mut Random) -> World {
    let mut world = World::new(random.number());
    world.add_directory("/usr/bin", 0o755);
    if !random.once_in(8) {
        world.add_file("/usr/bin/apt-get", b"", 0o755);
    }
    let catalogue = world.catalogue();
    catalogue.add("hl-tool", entry(&["1.0", "1.1", "2.0"]));
    catalogue.add("hl-lib", entry(&["1.0"]));
    catalogue.add("hl-app", entry(&["1.0", "1.2"]));
    catalogue.add(
        "hl-service",
        Entry {
            files: vec![("/etc/hl-service.conf".into(), b"a=1\n".to_vec())],
            users: vec![("hl".into(), 800)],
            units: vec!["hl-service.service".into()],
            ..entry(&["1.0"])
        },
    );
    for name in NAMES.iter().filter(|name| **name != "hl-none") {
        if random.once_in(2) {
            let version = *random.pick(&["1.0", "1.0", "0.9"]).unwrap();
            world.add_package(name, version, random.once_in(3));
            if random.once_in(6) {
                world.interrupt_package(name);
            } else if random.once_in(6) {
                world.leave_configuration(name);
            } else if random.once_in(5) {
                world.hold_package(name);
            }
        }
    }
    world
}

fn name(random: &mut Random) -> String {
    let name = *random.pick(&NAMES).unwrap();
    let behind = *random.pick(&["", "", "", "=1.0", "=1.*", ">=1.0", "=9", ">=9"]).unwrap();
    format!("{name}{behind}")
}

fn options(random: &mut Random, args: &mut Value) {
    let options: &[(&str, &[Value])] = &[
        ("state", &[json!("latest"), json!("absent"), json!("present"), json!("fixed")]),
        ("purge", &[json!(true)]),
        ("only_upgrade", &[json!(true)]),
        ("install_recommends", &[json!(true), json!(false)]),
        ("autoremove", &[json!(true)]),
        ("policy_rc_d", &[json!(101)]),
        ("allow_downgrade", &[json!(true)]),
        ("allow_change_held_packages", &[json!(true)]),
        ("default_release", &[json!("stable")]),
        ("dpkg_options", &[json!("force-confnew")]),
        ("lock_timeout", &[json!(5)]),
    ];
    for (name, values) in options {
        if random.once_in(5) {
            args[*name] = random.pick(values).unwrap().clone();
        }
    }
}

pub(super) fn apt(random: &mut Random) -> (Bench, Value) {
    let mut args = match random.below(12) {
        0 => json!({"update_cache": true}),
        1 => json!({"upgrade": *random.pick(&["yes", "full", "dist", "safe"]).unwrap()}),
        2 => json!({"autoremove": true}),
        3 => json!({"name": *random.pick(&["hl-*", "hl-t*", "x*", "*"]).unwrap()}),
        4 => json!({"name": [], "autoclean": true}),
        5 => json!({"clean": true, "autoremove": true}),
        _ => json!({"name": (0..=random.below(2)).map(|_| name(random)).collect::<Vec<_>>()}),
    };
    options(random, &mut args);
    (Bench::new(world(random)), args)
}

pub(super) fn package(random: &mut Random) -> (Bench, Value) {
    let mut args = json!({"name": [name(random)]});
    options(random, &mut args);
    if random.once_in(4) {
        args["use"] = (*random.pick(&["auto", "apt", "dnf"]).unwrap()).into();
    }
    (Bench::new(world(random)), args)
}

pub(super) fn selection(random: &mut Random) -> (Bench, Value) {
    let selection = *random.pick(&["install", "hold", "deinstall", "purge"]).unwrap();
    (Bench::new(world(random)), json!({"name": *random.pick(&NAMES).unwrap(), "selection": selection}))
}

pub(super) fn hold(random: &mut Random) -> (Bench, Value) {
    let mut names: Vec<&str> = (0..=random.below(2)).map(|_| *random.pick(&NAMES).unwrap()).collect();
    if random.once_in(10) {
        names.push("no name");
    }
    let mut args = json!({"name": names});
    if random.once_in(2) {
        args["state"] = (*random.pick(&["held", "released"]).unwrap()).into();
    }
    (Bench::new(world(random)), args)
}

pub(super) fn facts(random: &mut Random) -> (Bench, Value) {
    let manager = *random.pick(&["auto", "apt", "dnf", "nobody's"]).unwrap();
    (Bench::new(world(random)), json!({"manager": [manager]}))
}
