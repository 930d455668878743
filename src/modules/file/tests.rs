//! `file` on a simulated machine.

use serde_json::{Value, json};

use super::File;
use crate::modules::bench::{Bench, Seen};
use crate::node::simulated::{Random, World};

const NAMES: &[&str] = &["a", "b", "c", "d", "d/x", "d/y", "new/deep/er", "l", "dangling", "to-d", "two names"];

/// A machine with something of every kind, drawn from a seed.
fn world(random: &mut Random) -> World {
    let mut world = World::new(random.number());
    world.add_account("pat", 1000);
    world.add_directory("/srv/t", *random.pick(&[0o755, 0o2775]).unwrap());
    for name in ["a", "b", "c", "d", "two names"] {
        let path = format!("/srv/t/{name}");
        match random.below(5) {
            0 => {}
            1 => world.add_fifo(&path),
            2 if name != "d" => world.add_hard_link(&path, "/srv/t/a"),
            _ if name == "d" => {
                world.add_directory(&path, 0o755);
                if random.once_in(2) {
                    world.add_file("/srv/t/d/x", b"x", 0o4755);
                    world.add_link("/srv/t/d/y", "../a");
                }
            }
            _ => world.add_file(&path, b"text\n", *random.pick(&[0o644, 0o600, 0o4755]).unwrap()),
        }
        if random.once_in(3) {
            world.give(&path, 1000, 1000, 0o640);
        }
    }
    for (name, target) in [("l", "/srv/t/a"), ("dangling", "nowhere"), ("to-d", "d")] {
        if !random.once_in(4) {
            world.add_link(&format!("/srv/t/{name}"), target);
        }
    }
    world
}

fn args(random: &mut Random) -> Value {
    let mut args = json!({"path": format!("/srv/t/{}", random.pick(NAMES).unwrap())});
    let state = *random.pick(&["", "absent", "directory", "file", "hard", "link", "touch"]).unwrap();
    let mut set = |name: &str, value: Value| {
        args.as_object_mut().unwrap().insert(name.into(), value);
    };
    if !state.is_empty() {
        set("state", state.into());
    }
    if matches!(state, "link" | "hard") && !random.once_in(6) {
        set("src", (*random.pick(&["/srv/t/a", "/srv/t/none", "/srv/t/b", "/srv/t/l"]).unwrap()).into());
    }
    for name in ["force", "follow", "recurse"] {
        if random.once_in(3) && (name != "recurse" || state == "directory") {
            set(name, random.once_in(2).into());
        }
    }
    for (name, values) in [
        ("mode", &["0644", "u+rwX,go-w", "0755", "g=u,o=", "2750"][..]),
        ("owner", &["root", "pat", "1000", "nobody-has-it"][..]),
        ("group", &["root", "pat", "0"][..]),
    ] {
        if random.once_in(3) {
            set(name, (*random.pick(values).unwrap()).into());
        }
    }
    for name in ["access_time", "modification_time"] {
        let value = *random.pick(&["", "", "preserve", "now", "202601312359.58"]).unwrap();
        // whether a link leads to something whose time can be set is not for the options to say
        let value = if state == "link" && value == "now" { "preserve" } else { value };
        if !value.is_empty() {
            set(name, value.into());
        }
    }
    // nor whether a link has times of its own
    let times = [state, args["access_time"].as_str().unwrap_or(""), args["modification_time"].as_str().unwrap_or("")];
    if args["follow"] == false && times.iter().any(|time| matches!(*time, "touch" | "now")) {
        args.as_object_mut().unwrap().remove("follow");
    }
    args
}

pub(crate) fn state(random: &mut Random) -> (Bench, Value) {
    let bench = Bench::new(world(random));
    (bench, args(random))
}

pub(crate) fn look(args: &Value, bench: &mut Bench, seen: &Seen) {
    if let Seen::Unchanged(decision) | Seen::Changed(decision, ..) = seen {
        let result = bench.result(&File, args, None);
        assert!(decision.result.contains_key("path") || decision.result.contains_key("dest"), "{args}");
        assert!(args["state"] == "absent" || result.contains_key("mode"), "{args} {result:?}");
    }
}

fn bench() -> Bench {
    let mut world = World::new(1);
    world.add_directory("/srv/t", 0o755);
    world.add_file("/srv/t/a", b"a", 0o644);
    world.add_link("/srv/t/l", "a");
    Bench::new(world)
}

fn failure(args: &Value) -> String {
    match bench().run(&File, args) {
        Seen::Failed(why) | Seen::Refused(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ansible_says_why_not() {
    assert_eq!(failure(&json!({"path": "/srv/t/no", "state": "file"})), "file (/srv/t/no) is absent, cannot continue");
    assert_eq!(failure(&json!({"path": "/srv/t/a", "state": "directory"})), "/srv/t/a already exists as a file");
    assert_eq!(failure(&json!({"path": "/srv/t/a", "recurse": true})), "recurse option requires state to be 'directory'");
    assert_eq!(failure(&json!({"path": "/srv/t/a", "src": "/x"})), "src option requires state to be 'link' or 'hard'");
    assert_eq!(
        failure(&json!({"path": "/srv/t/n", "src": "no", "state": "link"})),
        "src file does not exist, use 'force=yes' if you really want to create the link: /srv/t/no"
    );
    assert_eq!(
        failure(&json!({"path": "/srv/t/a", "src": "/srv", "state": "link"})),
        "refusing to convert from file to symlink for /srv/t/a"
    );
    assert!(failure(&json!({"path": "/srv/t/a", "mode": 644})).contains("\"0644\""));
    assert!(failure(&json!({"path": "/etc", "state": "absent"})).contains("the machine needs it"));
}

#[test]
fn every_new_directory_gets_the_mode() {
    let mut bench = bench();
    let args = json!({"path": "/srv/t/x/y/z", "state": "directory", "mode": "0700"});
    assert!(matches!(bench.run(&File, &args), Seen::Changed(..)));
    for path in ["/srv/t/x", "/srv/t/x/y", "/srv/t/x/y/z"] {
        let result = bench.result(&File, &json!({"path": path}), None);
        assert_eq!((&result["mode"], &result["state"]), (&json!("0700"), &json!("directory")), "{path}");
    }
    assert_eq!(bench.result(&File, &args, None)["size"], 4096);
}

#[test]
fn a_link_is_followed_unless_it_is_not() {
    let mut bench = bench();
    let Seen::Changed(decision, ..) = bench.run(&File, &json!({"path": "/srv/t/l", "state": "file", "mode": "0600"})) else { panic!() };
    assert_eq!(decision.result["path"], "/srv/t/a");
    let not = json!({"path": "/srv/t/l", "state": "file", "mode": "0600", "follow": false});
    assert!(matches!(bench.run(&File, &not), Seen::Failed(why) if why.contains("is link")));
}

#[test]
fn home_is_the_users() {
    let mut bench = bench();
    let Seen::Changed(decision, ..) = bench.run(&File, &json!({"path": "~/./y/", "state": "directory"})) else { panic!() };
    assert_eq!(decision.result["path"], "/root/y");
    // what begins nowhere begins where the login does
    let Seen::Changed(decision, ..) = bench.run(&File, &json!({"path": "./z", "state": "directory"})) else { panic!() };
    assert_eq!(decision.result["path"], "/root/z");
}
