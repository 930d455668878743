//! Machines and arguments for modules that run, ask, wait and tell.

use serde_json::{Value, json};

use crate::modules::FREE_FORM;
use crate::modules::bench::{Bench, Files, Seen};
use crate::node::simulated::{Random, World};

fn world(random: &mut Random) -> World {
    let mut world = World::new(random.number());
    world.add_account("pat", 1000);
    world.add_directory("/srv/t", 0o755);
    world.add_file("/srv/t/there", b"x", 0o644);
    world.add_link("/srv/loop", "loop");
    world.add_directory("/usr/bin", 0o755);
    world
}

/// Sets some of the options.
fn draw(random: &mut Random, args: &mut Value, options: &[(&str, &[Value])], once_in: usize) {
    for (name, values) in options {
        if random.once_in(once_in) {
            args[*name] = random.pick(values).unwrap().clone();
        }
    }
}

const PATHS: [&str; 4] = ["/srv/t/there", "/srv/t/none", "/srv/t/th*e", "~/x"];

fn paths() -> [Value; 4] {
    PATHS.map(Value::from)
}

pub(super) fn command(random: &mut Random) -> (Bench, Value) {
    let mut args = json!({"cmd": *random.pick(&["true", "echo 'a b' $HOME", "ls /srv | wc -l", "", "echo 'a"]).unwrap()});
    let paths = paths();
    let options: &[(&str, &[Value])] = &[
        ("creates", &paths),
        ("removes", &paths),
        ("chdir", &[json!("/srv/t"), json!("srv")]),
        ("stdin", &[json!("x"), json!("")]),
        ("stdin_add_newline", &[json!(false)]),
        ("executable", &[json!("/bin/bash")]),
    ];
    draw(random, &mut args, options, 4);
    (Bench::new(world(random)), args)
}

pub(super) fn raw(random: &mut Random) -> (Bench, Value) {
    let text = *random.pick(&["true", "echo a b", "", "echo '\0'"]).unwrap();
    (Bench::new(world(random)), json!({FREE_FORM: text}))
}

pub(super) fn script(random: &mut Random) -> (Bench, Value) {
    let mut args = json!({"cmd": *random.pick(&["my.sh", "my.sh --x 'a b'", "none.sh", "'my.sh"]).unwrap()});
    let paths = paths();
    let options: &[(&str, &[Value])] =
        &[("creates", &paths), ("removes", &paths), ("chdir", &[json!("/srv/t"), json!("/srv/\0")]), ("executable", &[json!("bash")])];
    draw(random, &mut args, options, 4);
    let mut bench = Bench::new(world(random));
    bench.outside = Files([Files::file("my.sh", b"#!/bin/sh\n", 0o755)].into());
    (bench, args)
}

pub(super) fn reboot(random: &mut Random) -> (Bench, Value) {
    let mut args = json!({"msg": "it's time"});
    let options: &[(&str, &[Value])] = &[("pre_reboot_delay", &[json!(0), json!(130)]), ("reboot_timeout", &[json!(60)])];
    draw(random, &mut args, options, 2);
    (Bench::new(world(random)), args)
}

pub(super) fn wait_for_connection(random: &mut Random) -> (Bench, Value) {
    let mut args = json!({});
    draw(random, &mut args, &[("timeout", &[json!(5)]), ("delay", &[json!(1)])], 2);
    (Bench::new(world(random)), args)
}

pub(super) fn wait_for(random: &mut Random) -> (Bench, Value) {
    let mut args = json!({"timeout": 3});
    match random.below(3) {
        0 => args["port"] = random.pick(&[json!(22), json!(70_000)]).unwrap().clone(),
        1 => args["path"] = random.pick(&[json!("/srv/t/there"), json!("~/x"), json!("/srv/\0")]).unwrap().clone(),
        _ => {}
    }
    let options: &[(&str, &[Value])] = &[
        ("state", &[json!("absent"), json!("drained"), json!("started"), json!("stopped")]),
        ("search_regex", &[json!("x"), json!("(")]),
        ("exclude_hosts", &[json!("127.0.0.1")]),
    ];
    draw(random, &mut args, options, 3);
    (Bench::new(world(random)), args)
}

pub(super) fn ping(random: &mut Random) -> (Bench, Value) {
    (Bench::new(world(random)), json!({"data": *random.pick(&["pong", "x", "crash"]).unwrap()}))
}

pub(super) fn setup(random: &mut Random) -> (Bench, Value) {
    let subset = *random.pick(&["all", "!all", "network", "nothing-of-it"]).unwrap();
    (Bench::new(world(random)), json!({"gather_subset": [subset]}))
}

pub(super) fn service_facts(random: &mut Random) -> (Bench, Value) {
    let mut world = world(random);
    if random.once_in(2) {
        world.add_unit("a.service");
    }
    (Bench::new(world), json!({}))
}

pub(super) fn tempfile(random: &mut Random) -> (Bench, Value) {
    let mut args = json!({});
    let options: &[(&str, &[Value])] = &[
        ("state", &[json!("directory"), json!("file")]),
        ("path", &[json!("/srv/t"), json!("/none"), json!("~"), json!("/srv/\0")]),
        ("prefix", &[json!("p"), json!("a/b")]),
        ("suffix", &[json!(".s")]),
    ];
    draw(random, &mut args, options, 3);
    (Bench::new(world(random)), args)
}

pub(super) fn uri(random: &mut Random) -> (Bench, Value) {
    let mut world = world(random);
    if !random.once_in(5) {
        world.add_file("/usr/bin/curl", b"", 0o755);
    }
    let mut args = json!({"url": "http://server/f"});
    let paths = paths();
    let options: &[(&str, &[Value])] = &[
        ("method", &[json!("POST"), json!("get it")]),
        ("creates", &paths),
        ("removes", &paths),
        ("body", &[json!({"a": 1}), json!("x=1")]),
        ("body_format", &[json!("json"), json!("form-urlencoded")]),
        ("headers", &[json!({"X": "y"})]),
        // where curl is not there, nobody else can
        ("unix_socket", &[json!("/run/socket")]),
    ];
    draw(random, &mut args, options, 4);
    (Bench::new(world), args)
}

pub(super) fn unarchive(random: &mut Random) -> (Bench, Value) {
    let mut args = json!({"src": *random.pick(&["a.tar.gz", "none.tar"]).unwrap()});
    args["dest"] = (*random.pick(&["/srv/t", "/srv/t", "/srv/none", "/srv/t/there", "/srv/loop"]).unwrap()).into();
    if random.once_in(3) {
        args["remote_src"] = true.into();
        args["src"] = (*random.pick(&["/srv/t/there", "/srv/t/none", "https://server/f"]).unwrap()).into();
    }
    let options: &[(&str, &[Value])] = &[
        ("creates", &[json!("/srv/t/there"), json!("/srv/t/none")]),
        ("mode", &[json!("0640"), json!("u+x"), json!("nonsense")]),
        ("owner", &[json!("pat")]),
        ("group", &[json!("1000")]),
        ("exclude", &[json!(["x"]), json!(["\0"])]),
        ("list_files", &[json!(true)]),
    ];
    draw(random, &mut args, options, 4);
    let mut bench = Bench::new(world(random));
    bench.outside = Files([Files::file("a.tar.gz", b"archive", 0o644)].into());
    (bench, args)
}

pub(super) fn async_status(random: &mut Random) -> (Bench, Value) {
    let mut world = world(random);
    world.add_directory("/root/.ansible_async", 0o700);
    world.add_file("/root/.ansible_async/j1", br#"{"rc": 0, "changed": true}"#, 0o600);
    world.add_file("/root/.ansible_async/j2", br#"{"started": true, "finished": false}"#, 0o600);
    world.add_file("/root/.ansible_async/j3", b"", 0o600);
    world.add_link("/root/.ansible_async/j5", "j5");
    let mut args =
        json!({"jid": *random.pick(&["j1", "j2", "j3", "j4", "j5", "../x", "j\0"]).unwrap(), "_async_dir": "/root/.ansible_async"});
    draw(random, &mut args, &[("mode", &[json!("cleanup")])], 3);
    (Bench::new(world), args)
}

/// The digest of `hello`.
const SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

pub(super) fn get_url(random: &mut Random) -> (Bench, Value) {
    let mut world = world(random);
    if !random.once_in(6) {
        world.add_file("/usr/bin/curl", b"", 0o755);
    }
    if !random.once_in(6) {
        world.serve("http://server/f", b"hello".to_vec());
    }
    if random.once_in(3) {
        world.add_file("/srv/t/f", b"hello", 0o644);
    }
    let dest = *random.pick(&["/srv/t/f", "/srv/t", "/srv/t/there", "/none/f"]).unwrap();
    let mut args = json!({"url": "http://server/f", "dest": dest});
    if !random.once_in(4) {
        args["checksum"] = format!("sha256:{SHA256}").into();
    }
    let options: &[(&str, &[Value])] = &[
        ("mode", &[json!("0644"), json!("u+x"), json!("0400")]),
        ("owner", &[json!("pat"), json!("0")]),
        ("group", &[json!("root"), json!("1000")]),
        ("force", &[json!(true), json!(false)]),
    ];
    draw(random, &mut args, options, 2);
    (Bench::new(world), args)
}

pub(super) fn fetched(args: &Value, bench: &mut Bench, seen: &Seen) {
    if let Seen::Changed(decision, ..) = seen {
        let dest = decision.result["dest"].as_str().unwrap();
        assert_eq!(bench.machine.world().content(dest).unwrap(), b"hello", "{args}");
    }
}
