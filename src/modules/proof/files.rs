//! Machines and arguments for modules that deal with files.

use serde_json::{Value, json};

use crate::modules::LocalEntry;
use crate::modules::assemble::Assemble;
use crate::modules::bench::{Bench, Seen};
use crate::node::simulated::{Random, World};
use crate::node::steps::Step;

pub(super) fn assemble(random: &mut Random) -> (Bench, Value) {
    let mut world = World::new(random.number());
    world.add_account("pat", 1000);
    if !random.once_in(8) {
        world.add_directory("/srv/parts", 0o755);
    }
    let mut all = String::new();
    for name in [".hidden", "1", "10", "2.conf"] {
        if random.once_in(2) {
            let part = name.repeat(random.below(4));
            world.add_file(&format!("/srv/parts/{name}"), part.as_bytes(), 0o644);
            all.push_str(&part);
        }
    }
    world.add_link("/srv/parts/l", "1");
    world.add_directory("/srv/parts/d", 0o755);
    match random.below(5) {
        0 => world.add_file("/srv/out", b"old", 0o600),
        1 => world.add_link("/srv/out", "other"),
        2 if random.once_in(4) => world.add_directory("/srv/out", 0o755),
        // it is there already
        3 => world.add_file("/srv/out", all.as_bytes(), 0o600),
        _ => {}
    }
    let mut args = json!({"src": "/srv/parts", "dest": "/srv/out", "backup": random.once_in(2), "ignore_hidden": random.once_in(2)});
    for (name, value) in [
        ("delimiter", json!("--")),
        ("regexp", json!("^[0-9]")),
        ("regexp", json!("(")),
        ("mode", json!("u=rw,go=")),
        ("owner", json!("pat")),
        ("validate", json!("/bin/test -f %s")),
        ("remote_src", json!(false)),
    ] {
        if random.once_in(if value == "(" { 20 } else { 3 }) {
            args[name] = value;
        }
    }
    let mut bench = Bench::new(world);
    let entry = |name: &str| LocalEntry { path: name.into(), mode: 0o644, content: Some(name.into()), link: None };
    bench.outside.0.insert("/srv/parts".into(), vec![entry("b"), entry("a")]);
    (bench, args)
}

pub(super) fn assembled(args: &Value, bench: &mut Bench, seen: &Seen) {
    if let Seen::Changed(_, change, carried) = seen {
        let result = bench.result(&Assemble, args, Some(carried));
        let backed = change.steps.iter().any(|step| matches!(step, Step::Backup(_)));
        assert_eq!(result.contains_key("backup_file"), backed, "{args}");
        assert_eq!(result["state"], "file");
    }
    if let Seen::Unchanged(decision) = seen {
        assert!(decision.result.contains_key("checksum"));
    }
}

pub(super) fn stat(random: &mut Random) -> (Bench, Value) {
    let mut world = World::new(random.number());
    world.add_directory("/srv/d", 0o2755);
    world.add_file("/srv/f", b"text", *random.pick(&[0o644, 0o4711, 0]).unwrap());
    world.add_link("/srv/l", random.pick(&["f", "d", "none", "l"]).unwrap());
    world.add_fifo("/srv/p");
    let path = *random.pick(&["/srv/d", "/srv/f", "/srv/l", "/srv/p", "/srv/none", "/srv/f/x", "~", "relative"]).unwrap();
    (Bench::new(world), json!({"path": path, "follow": random.once_in(2), "get_checksum": random.once_in(2), "checksum_algo": "sha256"}))
}
