//! `copy` on a simulated machine.

use serde_json::{Value, json};

use super::*;
use crate::modules::LocalEntry;
use crate::modules::bench::{Bench, Files, Seen};
use crate::node::simulated::{Random, World};
use crate::node::steps::Step;

fn world(random: &mut Random) -> World {
    let mut world = World::new(random.number());
    world.add_account("pat", 1000);
    world.add_directory("/srv/d", *random.pick(&[0o755, 0o2770]).unwrap());
    world.add_directory("/srv/from/sub", 0o750);
    world.add_file("/srv/from/a", b"new", 0o640);
    world.add_file("/srv/from/sub/b", b"b", 0o755);
    if random.once_in(2) {
        world.add_link("/srv/from/l", "a");
    }
    for path in ["/srv/f", "/srv/d/a.txt", "/srv/d/a", "/srv/d/sub/b", "/srv/d/from/a", "/srv/d/tree/a"] {
        match random.below(6) {
            0 => {
                world.add_directory(super::paths::above(path), 0o755);
                world.add_file(path, b"new", 0o600);
            }
            1 => {
                world.add_directory(super::paths::above(path), 0o755);
                world.add_file(path, b"old", 0o4755);
                world.give(path, 1000, 1000, 0o4755);
            }
            2 if path != "/srv/d/sub/b" => world.add_link(path, random.pick(&["/srv/other", "/srv/nowhere/x"]).unwrap()),
            3 if random.once_in(3) => world.add_fifo(path),
            _ => {}
        }
    }
    world.add_file("/srv/other", b"new", 0o644);
    world
}

fn args(random: &mut Random) -> Value {
    let dest = *random.pick(&["/srv/f", "/srv/d", "/srv/d/", "/srv/d/a", "/srv/none/x", "/srv/none/deep/"]).unwrap();
    let mut args = json!({"dest": dest});
    match random.below(7) {
        0..=1 => args["content"] = random.pick(&[json!("new"), json!({"a": [1, "ü"]}), json!(5), json!("")]).unwrap().clone(),
        2 => args["src"] = "a.txt".into(),
        3 => args["src"] = (*random.pick(&["tree", "tree/"]).unwrap()).into(),
        4 => args["src"] = "missing".into(),
        _ => {
            args["remote_src"] = true.into();
            args["src"] = (*random.pick(&["/srv/from/a", "/srv/from", "/srv/from/", "/srv/from/l", "/srv/gone"]).unwrap()).into();
        }
    }
    for (name, value) in [
        ("force", json!(false)),
        ("follow", json!(true)),
        ("backup", json!(true)),
        ("mode", json!("u=rwX,go=rX")),
        ("mode", json!("0604")),
        ("owner", json!("pat")),
        ("group", json!("1000")),
        ("group", json!("nobody-has-it")),
        ("directory_mode", json!("0711")),
        ("validate", json!("/bin/true %s")),
        ("validate", json!("/bin/false %s")),
        ("checksum", json!("c2a6b03f190dfb2b4aa91f8af8d477a9bc3401dc")),
        ("local_follow", json!(false)),
    ] {
        let rare = if matches!(name, "checksum" | "group") || value == "/bin/false %s" { 10 } else { 4 };
        if random.once_in(rare) {
            args[name] = value;
        }
    }
    if args.get("content").is_none() && random.once_in(4) {
        args["mode"] = "preserve".into();
    }
    args
}

fn outside() -> Files {
    let entry = |path: &str, content: Option<&[u8]>, link: Option<&str>| LocalEntry {
        path: path.into(),
        mode: if content.is_some() { 0o751 } else { 0o755 },
        content: content.map(<[u8]>::to_vec),
        link: link.map(str::to_owned),
    };
    let tree = vec![
        entry("a", Some(b"new"), None),
        entry("sub", None, None),
        entry("sub/deep", None, None),
        entry("sub/deep/c", Some(b"c"), None),
        entry("empty", None, None),
        entry("away", None, Some("/nowhere")),
    ];
    Files([Files::file("a.txt", b"new", 0o751), ("tree".to_owned(), tree)].into())
}

pub(crate) fn state(random: &mut Random) -> (Bench, Value) {
    let mut bench = Bench::new(world(random));
    bench.outside = outside();
    (bench, args(random))
}

pub(crate) fn look(args: &Value, bench: &mut Bench, seen: &Seen) {
    if let Seen::Changed(decision, ..) | Seen::Unchanged(decision) = seen {
        assert!(decision.result.contains_key("dest") || decision.result.contains_key("path"), "{args}");
        let result = bench.result(&Copy, args, None);
        let in_directory = args["src"].as_str().is_some_and(|source| source.starts_with("tree") || source.starts_with("/srv/from"));
        assert!(in_directory || result.contains_key("state") || args["force"] == false, "{args} {decision:?} {result:?}");
    }
}

fn bench() -> Bench {
    let mut world = World::new(1);
    world.add_directory("/srv/d", 0o755);
    world.add_file("/srv/f", b"old\n", 0o640);
    world.add_link("/srv/l", "f");
    world.give("/srv/f", 0, 0, 0o640);
    let mut bench = Bench::new(world);
    bench.outside = outside();
    bench
}

#[test]
fn a_file_keeps_its_mode_and_has_a_copy() {
    let mut bench = bench();
    let args = json!({"content": "new\n", "dest": "/srv/f", "backup": true});
    let Seen::Changed(decision, change, carried) = bench.run(&Copy, &args) else { panic!() };
    assert_eq!((change.diff[0].before.as_deref(), change.diff[0].after.as_deref()), (Some("old\n"), Some("new\n")));
    assert_eq!(decision.result["checksum"], sha1_of(b"new\n"));
    let result = bench.result(&Copy, &args, Some(&carried));
    assert_eq!(
        (&result["mode"], &result["size"], &result["state"], &result["uid"]),
        (&json!("0640"), &json!(4), &json!("file"), &json!(0))
    );
    let copy = result["backup_file"].as_str().unwrap();
    assert!(copy.starts_with("/srv/f.") && copy.ends_with('~'), "{copy}");
    assert_eq!(bench.machine.world().content(copy).unwrap(), b"old\n");
}

#[test]
fn a_link_is_replaced_or_followed() {
    let mut one = bench();
    assert!(matches!(one.run(&Copy, &json!({"content": "x", "dest": "/srv/l"})), Seen::Changed(..)));
    assert_eq!(one.machine.world().content("/srv/f").unwrap(), b"old\n");
    let mut other = bench();
    assert!(matches!(other.run(&Copy, &json!({"content": "x", "dest": "/srv/l", "follow": true})), Seen::Changed(..)));
    assert_eq!(other.machine.world().content("/srv/f").unwrap(), b"x");
}

#[test]
fn what_a_program_finds_fault_with_is_not_put_in_place() {
    let mut bench = bench();
    let seen = bench.run(&Copy, &json!({"content": "bad", "dest": "/srv/f", "validate": "/bin/false %s"}));
    assert!(matches!(seen, Seen::StepFailed(why) if why.contains("failed to validate")));
    assert_eq!(bench.machine.world().content("/srv/f").unwrap(), b"old\n");
}

#[test]
fn ansible_says_why_not() {
    let failure = |args: Value| match bench().run(&Copy, &args) {
        Seen::Failed(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(failure(json!({"content": "x", "dest": "/srv/d"})), "can not use content with a dir as dest");
    assert_eq!(failure(json!({"content": "x", "dest": "/srv/x/"})), "can not use content with a dir as dest");
    assert_eq!(failure(json!({"src": "a.txt", "dest": "/srv/x/y"})), "Destination directory /srv/x does not exist");
    assert_eq!(failure(json!({"src": "/x", "dest": "/srv/y", "remote_src": true})), "Source /x not found");
    assert_eq!(failure(json!({"content": "x", "dest": "/srv/f", "validate": "true"})), "validate must contain %s: true");
    assert!(failure(json!({"src": "a.txt", "dest": "/srv/f", "checksum": "0"})).contains("does not match the expected checksum"));
}

#[test]
fn a_directory_goes_where_the_slash_says() {
    for (source, there) in [("tree", "/srv/d/tree"), ("tree/", "/srv/d")] {
        let mut bench = bench();
        assert!(matches!(bench.run(&Copy, &json!({"src": source, "dest": "/srv/d", "mode": "preserve"})), Seen::Changed(..)));
        let world = bench.machine.world();
        assert_eq!(world.content(&format!("{there}/sub/deep/c")).unwrap(), b"c");
        assert_eq!(world.names(there), ["a", "away", "empty", "sub"]);
    }
}

#[test]
fn contents_that_are_no_text_become_json() {
    assert_eq!(text_of(&json!({"a": [1, true, null, "ü\u{1F600}\n"]})), r#"{"a": [1, true, null, "\u00fc\ud83d\ude00\n"]}"#);
    assert_eq!((text_of(&json!(5)), text_of(&json!(false))), ("5".into(), "False".into()));
}

#[test]
fn a_content_has_the_mode_of_a_file_that_is_ones_own() {
    let mut world = World::new(1);
    world.add_directory("/srv", 0o755);
    let args = json!({"dest": "/srv/f", "content": "x", "mode": "preserve"});
    let Seen::Changed(_, change, _) = Bench::new(world).run(&Copy, &args) else { panic!("not changed") };
    let modes: Vec<u32> =
        change.steps.iter().filter_map(|step| if let Step::WriteFile(step) = step { Some(step.mode) } else { None }).collect();
    assert_eq!(modes, [0o600]);
}
