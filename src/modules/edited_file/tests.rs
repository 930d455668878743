//! lineinfile, blockinfile and replace on a simulated machine.

use serde_json::{Value, json};

use crate::modules::Module;
use crate::modules::bench::{Bench, Seen};
use crate::modules::blockinfile::BlockInFile;
use crate::modules::lineinfile::LineInFile;
use crate::modules::replace::Replace;
use crate::node::facts::{Digest, FileStat, Stat};
use crate::node::machine::Machine;
use crate::node::simulated::{Random, World};
use crate::plan::{Fact, Reading};

const CONTENTS: &[&str] =
    &["", "a\n", "a", "x=1\nx=2\n", "#y\nz\n", "p\r\nq\r\n", "# BEGIN ANSIBLE MANAGED BLOCK\nold\n# END ANSIBLE MANAGED BLOCK\nz\n"];

/// Files of every kind and what leads to them.
fn world(random: &mut Random) -> World {
    let mut world = World::new(random.number());
    world.add_account("pat", 1000);
    world.add_directory("/srv/t/d", *random.pick(&[0o755, 0o2775]).unwrap());
    let content: &str = random.pick(CONTENTS).unwrap();
    let bytes = if random.once_in(12) { b"\xff\xfe\n".to_vec() } else { content.as_bytes().to_vec() };
    world.add_file("/srv/t/a", &bytes, *random.pick(&[0o644, 0o600, 0o755]).unwrap());
    world.add_file("/srv/t/d/b", content.as_bytes(), 0o644);
    if random.once_in(2) {
        world.give("/srv/t/a", 1000, 1000, 0o640);
    }
    world.add_fifo("/srv/t/fifo");
    for (name, target) in [("l", "a"), ("l2", "d/../l"), ("to-d", "d"), ("dangling", "d/new"), ("loop", "loop")] {
        world.add_link(&format!("/srv/t/{name}"), target);
    }
    world
}

const NAMES: &[&str] =
    &["a", "a", "a", "d/b", "l", "l2", "to-d", "to-d/b", "dangling", "none", "new/deep/er", "loop", "fifo", "d/", "a/../a"];

fn args(random: &mut Random, own: &[(&str, &[Value])]) -> Value {
    let mut args = json!({"path": format!("/srv/t/{}", random.pick(NAMES).unwrap())});
    let attributes = [
        ("mode", json!("0600")),
        ("mode", json!("u+x")),
        ("owner", json!("pat")),
        ("group", json!("1000")),
        ("owner", json!("nobody-here")),
    ];
    let common = [("backup", json!(true)), ("validate", json!("true %s"))];
    let mut set = |name: &str, value: Value| args.as_object_mut().unwrap().insert(name.into(), value);
    for (name, values) in own {
        if let Some(value) = random.pick(values).filter(|value| !value.is_null()) {
            set(name, value.clone());
        }
    }
    for (name, value) in common.iter().chain(attributes.iter().take(4)) {
        if random.once_in(6) {
            set(name, value.clone());
        }
    }
    if random.once_in(15) {
        set("owner", attributes[4].1.clone());
    }
    args
}

pub(crate) fn look(args: &Value, _: &mut Bench, seen: &Seen) {
    if let Seen::Changed(decision, change, _) = seen {
        assert_ne!(decision.result["msg"], "", "{args} {change:?}");
    }
}

fn state(random: &mut Random, own: &[(&str, &[Value])]) -> (Bench, Value) {
    let bench = Bench::new(world(random));
    (bench, args(random, own))
}

pub(crate) fn line(random: &mut Random) -> (Bench, Value) {
    let null = Value::Null;
    state(
        random,
        &[
            ("line", &[json!("x=2"), json!("x=3"), json!("z")]),
            ("regexp", &[null.clone(), null.clone(), json!("^x=2$"), json!("^#?y")]),
            ("insertafter", &[null.clone(), json!("^x"), json!("EOF")]),
            ("state", &[null.clone(), json!("present"), json!("absent")]),
            ("create", &[null, json!(true)]),
        ],
    )
}

pub(crate) fn block(random: &mut Random) -> (Bench, Value) {
    let null = Value::Null;
    state(
        random,
        &[
            ("block", &[json!("x\ny"), json!("old"), json!("one\n"), null.clone()]),
            ("insertbefore", &[null.clone(), json!("^x"), json!("BOF")]),
            ("state", &[null.clone(), json!("present"), json!("absent")]),
            ("prepend_newline", &[null.clone(), json!(false)]),
            ("create", &[null, json!(true)]),
        ],
    )
}

pub(crate) fn replacement(random: &mut Random) -> (Bench, Value) {
    let null = Value::Null;
    state(
        random,
        &[
            ("regexp", &[json!("^x=1$"), json!("^#(y)$"), json!("^a$")]),
            ("replace", &[null.clone(), json!("new"), json!(r"\g<0>")]),
            ("after", &[null.clone(), null.clone(), json!("#")]),
            ("encoding", &[null, json!("latin-1")]),
        ],
    )
}

fn bench(content: &str) -> Bench {
    let mut world = World::new(1);
    world.add_account("pat", 1000);
    world.add_file("/etc/f", content.as_bytes(), 0o640);
    world.add_link("/etc/l", "f");
    world.give("/etc/f", 1000, 1000, 0o4750);
    Bench::new(world)
}

fn content(bench: &mut Bench, path: &str) -> String {
    String::from_utf8(bench.machine.world().content(path).unwrap()).unwrap()
}

fn stat(bench: &mut Bench, path: &str) -> FileStat {
    let scope = crate::plan::Scope::new("node", "root");
    let read =
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(bench.machine.read(&scope, &[Stat::new(path).query()]));
    match &read.unwrap()[0].1.reading {
        Reading::Present(value) => serde_json::from_value(value.clone()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn message(seen: &Seen) -> &str {
    match seen {
        Seen::Changed(decision, ..) | Seen::Unchanged(decision) => decision.result["msg"].as_str().unwrap(),
        Seen::Failed(why) | Seen::StepFailed(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_behind_a_link_is_written_and_the_link_stays() {
    let mut bench = bench("a\n");
    let seen = bench.run(&LineInFile, &json!({"path": "/etc/l", "line": "b"}));
    let Seen::Changed(_, change, _) = &seen else { panic!("{seen:?}") };
    assert_eq!(change.diff[0].after.as_deref(), Some("a\nb\n"));
    assert_eq!(message(&seen), "line added");
    assert_eq!((content(&mut bench, "/etc/f"), content(&mut bench, "/etc/l")), ("a\nb\n".into(), "a\nb\n".into()));
    let link = change.expect.iter().find(|expect| expect.query == Stat::new("/etc/l").query());
    assert_eq!(link, None);
    assert!(change.expect.iter().any(|expect| expect.query == Digest::new("/etc/l").query()));
}

#[test]
fn a_file_keeps_its_owner_and_mode_unless_told() {
    let mut bench = bench("a\n");
    assert_eq!(message(&bench.run(&LineInFile, &json!({"path": "/etc/f", "line": "b"}))), "line added");
    let before = stat(&mut bench, "/etc/f");
    assert_eq!((before.uid, before.gid, before.mode.0), (1000, 1000, 0o4750));
    let seen = bench.run(&LineInFile, &json!({"path": "/etc/f", "line": "c", "mode": "0600", "owner": "root"}));
    assert_eq!(message(&seen), "line added and ownership, perms or SE linux context changed");
    let after = stat(&mut bench, "/etc/f");
    assert_eq!((after.uid, after.gid, after.mode.0), (0, 1000, 0o600));
    let seen = bench.run(&LineInFile, &json!({"path": "/etc/f", "line": "c", "mode": "0644"}));
    assert_eq!(message(&seen), "ownership, perms or SE linux context changed");
}

#[test]
fn a_new_file_is_made_with_all_above_it() {
    let mut bench = bench("");
    let args = json!({"path": "/srv/x/y/f", "block": "b", "create": true, "mode": "0600"});
    assert_eq!(message(&bench.run(&BlockInFile, &args)), "File created and ownership, perms or SE linux context changed");
    assert_eq!(stat(&mut bench, "/srv/x/y/f").mode.0, 0o600);
    assert_eq!(stat(&mut bench, "/srv/x/y").mode.0, 0o755);
    let missing = |module: &dyn Module, args: Value| message(&self::bench("").run(module, &args)).to_owned();
    assert_eq!(missing(&BlockInFile, json!({"path": "/no", "block": "b"})), "Path /no does not exist !");
    assert_eq!(missing(&LineInFile, json!({"path": "/no", "line": "b"})), "Destination /no does not exist !");
    assert_eq!(missing(&LineInFile, json!({"path": "/no", "line": "b", "state": "absent"})), "file not present");
    assert_eq!(missing(&Replace, json!({"path": "/no", "regexp": "b"})), "Path /no does not exist !");
    assert_eq!(missing(&Replace, json!({"path": "/etc", "regexp": "b"})), "Path /etc is a directory !");
}

#[test]
fn a_copy_is_made_before_the_change_and_named_in_the_result() {
    let mut bench = bench("a\n");
    for (module, args, key) in [
        (&LineInFile as &dyn Module, json!({"path": "/etc/f", "line": "b", "backup": true}), "backup"),
        (&Replace, json!({"path": "/etc/f", "regexp": "b", "replace": "c", "backup": true}), "backup_file"),
    ] {
        let before = content(&mut bench, "/etc/f");
        let Seen::Changed(_, _, carried) = bench.run(module, &args) else { panic!("{args}") };
        let result = bench.result(module, &args, Some(&carried));
        let copy = result[key].as_str().unwrap().to_owned();
        assert_eq!(content(&mut bench, &copy), before);
        assert!(copy.starts_with("/etc/f.") && copy.ends_with('~'));
    }
}

#[test]
fn what_does_not_validate_is_not_written() {
    let mut bench = bench("a\n");
    let seen = bench.run(&LineInFile, &json!({"path": "/etc/f", "line": "b", "validate": "false %s"}));
    assert!(matches!(seen, Seen::StepFailed(_)), "{seen:?}");
    assert_eq!(content(&mut bench, "/etc/f"), "a\n");
    let seen = bench.run(&LineInFile, &json!({"path": "/etc/f", "line": "b", "validate": "false"}));
    assert_eq!(message(&seen), "validate must contain %s: false");
}

#[test]
fn what_lineinfile_needs() {
    let fails = |args: Value| message(&bench("a\n").run(&LineInFile, &args)).to_owned();
    assert_eq!(fails(json!({"path": "/etc/f"})), "line is required with state=present");
    assert_eq!(fails(json!({"path": "/etc/f", "line": "x", "backrefs": true})), "regexp is required with backrefs=true");
    assert_eq!(fails(json!({"path": "/etc/f", "state": "absent"})), "one of line, search_string, or regexp is required with state=absent");
    assert!(fails(json!({"path": "/etc/f", "line": "x", "regexp": "("})).contains("not a regular expression"));
    let Seen::Changed(decision, ..) = bench("a\na\nb\n").run(&LineInFile, &json!({"path": "/etc/f", "state": "absent", "line": "a"}))
    else {
        panic!("nothing is removed")
    };
    assert_eq!((&decision.result["found"], &decision.result["msg"]), (&json!(2), &json!("2 line(s) removed")));
}

#[test]
fn what_was_promised_is_what_is_there() {
    let mut bench = bench("a\n");
    let Seen::Changed(_, change, _) = bench.run(&LineInFile, &json!({"path": "/etc/f", "line": "b"})) else { panic!("no change") };
    // a later task in check mode reads the same facts
    let promised: Vec<_> = change.expect.iter().map(|expect| expect.query.kind.as_str()).collect();
    assert_eq!(promised, ["digest", "stat", "content"]);
    for expect in &change.expect {
        assert!(matches!(expect.lay_over(None), Reading::Present(_)));
    }
}

#[test]
fn in_check_mode_the_second_line_is_added_to_the_first() {
    let mut bench = bench("a\n");
    let scope = crate::plan::Scope::new("node", "root");
    let mut content = "a\n".to_owned();
    for (path, line) in [("/etc/f", "b"), ("/etc/f", "c"), ("/etc/new", "x"), ("/etc/new", "y")] {
        let args = Bench::args(&LineInFile, &json!({"path": path, "line": line, "create": true}));
        let (decision, _) = bench.plan(&LineInFile, &args).unwrap();
        let crate::modules::Act::Plan(crate::plan::Plan::Change(change)) = decision.act else { panic!("{path} {line}") };
        if path == "/etc/new" && line == "x" {
            content.clear();
        }
        content.push_str(&format!("{line}\n"));
        assert_eq!(change.diff[0].after.as_deref(), Some(content.as_str()), "{path} {line}");
        bench.store.predict(&scope, "it", &change.expect, &change.touches);
    }
}
