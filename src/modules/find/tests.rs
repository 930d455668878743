//! find, slurp, fetch and tempfile on a simulated machine.

use serde_json::{Value, json};

use super::Find;
use crate::modules::bench::{Bench, Seen, task};
use crate::modules::fetch::Fetch;
use crate::modules::slurp::Slurp;
use crate::modules::tempfile::TempFile;
use crate::modules::{Act, Decision, Module};
use crate::node::simulated::{Random, World};

fn bench() -> Bench {
    let mut world = World::new(1);
    world.add_directory("/srv/t/d/.h/deep", 0o755);
    for (name, content) in
        [("a.log", "one\ntwo\n"), ("b.txt", ""), (".hidden", "x"), ("d/c.log", "two one\n"), ("d/.h/e.log", "1"), ("d/.h/deep/f.log", "22")]
    {
        world.add_file(&format!("/srv/t/{name}"), content.as_bytes(), 0o644);
    }
    world.add_file("/srv/t/odd", b"\xff", 0o4755);
    world.add_link("/srv/t/link", "d");
    world.add_link("/srv/loop", "loop");
    world.add_fifo("/srv/fifo");
    Bench::new(world)
}

fn found(args: Value) -> Decision {
    let mut args = args;
    args.as_object_mut().unwrap().entry("paths").or_insert(json!("/srv/t"));
    match bench().run(&Find, &args) {
        Seen::Unchanged(decision) => decision,
        other => panic!("{args}: {other:?}"),
    }
}

fn names(args: Value) -> Vec<String> {
    let files = found(args).result["files"].as_array().unwrap().clone();
    files.iter().map(|file| file["path"].as_str().unwrap().trim_start_matches("/srv/t/").to_owned()).collect()
}

#[test]
fn what_is_found() {
    assert_eq!(names(json!({})), ["a.log", "b.txt", "odd"]);
    assert_eq!(names(json!({"hidden": true})), [".hidden", "a.log", "b.txt", "odd"]);
    assert_eq!(names(json!({"recurse": true, "patterns": "*.log"})), ["a.log", "d/c.log", "d/.h/e.log", "d/.h/deep/f.log"]);
    assert_eq!(names(json!({"recurse": true, "patterns": "*.log", "depth": 2})), ["a.log", "d/c.log"]);
    assert_eq!(names(json!({"patterns": ["*.log", "*.txt"], "excludes": "a*"})), ["b.txt"]);
    assert_eq!(names(json!({"patterns": "^[ab]", "use_regex": true})), ["a.log", "b.txt"]);
    assert_eq!(names(json!({"file_type": "directory", "recurse": true, "hidden": true})), ["d", "d/.h", "d/.h/deep"]);
    assert_eq!(names(json!({"file_type": "link"})), ["link"]);
    assert_eq!(names(json!({"file_type": "any"})), ["a.log", "b.txt", "link", "odd", "d"]);
    assert_eq!(names(json!({"recurse": true, "follow": true, "patterns": "c.log"})), ["d/c.log", "link/c.log"]);
    assert_eq!(names(json!({"size": "2"})), ["a.log"]);
    assert_eq!(names(json!({"size": "-1b"})), ["b.txt", "odd"]);
    assert_eq!(names(json!({"mode": "4755"})), ["odd"]);
    assert_eq!(names(json!({"mode": "u=rw,go=r"})), ["a.log", "b.txt"]);
    assert_eq!(names(json!({"mode": "0100", "exact_mode": false})), ["odd"]);
    assert_eq!(names(json!({"contains": "two", "patterns": "*.log"})), ["a.log"]);
    assert_eq!(names(json!({"contains": "two", "recurse": true, "patterns": "*.log"})), ["a.log", "d/c.log"]);
    assert_eq!(names(json!({"contains": "ne$", "read_whole_file": true, "recurse": true, "patterns": "*.log"})), ["d/c.log"]);
}

#[test]
fn what_is_counted_and_said() {
    let all = found(json!({"paths": ["/srv/t", "/srv/none"], "limit": 10}));
    assert_eq!((&all.result["matched"], &all.result["examined"]), (&json!(3), &json!(6)));
    assert_eq!(all.result["msg"], "Not all paths examined, check warnings for details");
    assert_eq!(all.result["skipped_paths"], json!({"/srv/none": "'/srv/none' is not a directory"}));
    assert_eq!(found(json!({})).result["msg"], "All paths examined");
    let limited = found(json!({"limit": 2}));
    assert_eq!((&limited.result["msg"], &limited.result["matched"]), (&json!("Limit of matches reached"), &json!(2)));
    let odd = found(json!({"contains": "x", "patterns": "odd"}));
    assert!(odd.result["skipped_paths"]["/srv/t"].as_str().unwrap().contains("encoding error"));
    // one deeper than `depth` is looked at
    assert_eq!(found(json!({"recurse": true, "depth": 1})).result["examined"], 8);
    let summed = found(json!({"patterns": "b.txt", "get_checksum": true}));
    let file = &summed.result["files"][0];
    assert_eq!(file["checksum"], "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_eq!(
        (&file["mode"], &file["isreg"], &file["isdir"], &file["wusr"], &file["pw_name"]),
        (&json!("0644"), &json!(true), &json!(false), &json!(true), &json!("root"))
    );
    assert_eq!(file.as_object().unwrap().len(), 32);
}

#[test]
fn what_cannot_be_asked() {
    for (args, why) in [
        (json!({"age": "1y"}), "failed to process age"),
        (json!({"size": "x"}), "failed to process size"),
        (json!({"limit": 0}), "limit cannot be 0 (use None for unlimited)"),
        (json!({"mode": 644}), "argument 'mode' is not a string and conversion is not allowed: write it in quotes"),
        (json!({"patterns": "(", "use_regex": true}), "`(` is not a regular expression"),
        (json!({"encoding": "ebcdic"}), "`encoding` of `find`"),
    ] {
        let mut args = args;
        args.as_object_mut().unwrap().insert("paths".into(), json!("/srv/t"));
        let seen = bench().run(&Find, &args);
        assert!(matches!(&seen, Seen::Failed(said) if said.starts_with(why)), "{args}: {seen:?}");
    }
}

fn somewhere(random: &mut Random) -> &'static str {
    random.pick(&["/srv/t", "/srv/t/a.log", "/srv/none", "/srv/t/link", "/srv/fifo", "/srv/loop", "~/x", "relative"]).unwrap()
}

pub(crate) fn slurped(random: &mut Random) -> (Bench, Value) {
    (bench(), json!({"src": somewhere(random)}))
}

pub(crate) fn fetched(random: &mut Random) -> (Bench, Value) {
    (bench(), json!({"src": somewhere(random), "dest": "x", "fail_on_missing": random.once_in(2)}))
}

pub(crate) fn sought(random: &mut Random) -> (Bench, Value) {
    let age = *random.pick(&["1d", "-1w", "sometime"]).unwrap();
    (bench(), json!({"paths": somewhere(random), "recurse": random.once_in(2), "age": age}))
}

#[test]
fn a_file_is_slurped() {
    let seen = |path: &str| bench().run(&Slurp, &json!({"src": path}));
    let Seen::Unchanged(decision) = seen("/srv/t/a.log") else { panic!("no file") };
    assert_eq!(Value::Object(decision.result), json!({"content": "b25lCnR3bwo=", "source": "/srv/t/a.log", "encoding": "base64"}));
    for (path, why) in [("/none", "File not found: /none"), ("/srv", "Source is a directory and must be a file: /srv")] {
        assert!(matches!(seen(path), Seen::Failed(said) if said == why));
    }
}

#[test]
fn a_file_is_fetched() {
    let fetch = |args: Value| bench().run(&Fetch, &args);
    let Seen::Unchanged(decision) = fetch(json!({"src": "/srv/t/a.log", "dest": "out"})) else { panic!("no file") };
    assert_eq!((decision.local[0].path.as_str(), decision.local[0].content.as_slice()), ("out/node/srv/t/a.log", &b"one\ntwo\n"[..]));
    assert_eq!(decision.result["dest"], "out/node/srv/t/a.log");
    assert_eq!(decision.result["checksum"], decision.result["remote_checksum"]);
    assert_eq!(decision.result["checksum"].as_str().unwrap().len(), 40);
    let Seen::Unchanged(decision) = fetch(json!({"src": "/srv/t/a.log", "dest": "/b/", "flat": true})) else { panic!("no file") };
    assert_eq!(decision.local[0].path, "/b/a.log");
    for (path, why) in [
        ("/none", "the remote file does not exist, not transferring, ignored"),
        ("/srv/loop", "the remote file does not exist, not transferring, ignored"),
        ("/srv", "remote file is a directory, fetch cannot work on directories"),
    ] {
        let seen = fetch(json!({"src": path, "dest": "x"}));
        assert!(matches!(&seen, Seen::Failed(said) if said == why), "{seen:?}");
        let Seen::Unchanged(decision) = fetch(json!({"src": path, "dest": "x", "fail_on_missing": false})) else { panic!("it failed") };
        assert!(decision.local.is_empty() && decision.result["msg"].as_str().unwrap().ends_with("not transferring, ignored"));
        assert_eq!(decision.result["file"], path);
    }
}

#[test]
fn temporary_things_are_made_each_time() {
    let mut bench = bench();
    let mut paths = Vec::new();
    for args in [json!({}), json!({}), json!({"state": "directory", "path": "/srv/t", "prefix": "p", "suffix": ".s"})] {
        let Seen::Changed(_, _, carried) = bench.run(&TempFile, &args) else { panic!("{args}") };
        paths.push(bench.result(&TempFile, &args, Some(&carried))["path"].as_str().unwrap().to_owned());
    }
    assert_ne!(paths[0], paths[1]);
    assert!(paths[0].starts_with("/tmp/ansible.") && paths[2].starts_with("/srv/t/p") && paths[2].ends_with(".s"), "{paths:?}");
    let failed = bench.run(&TempFile, &json!({"prefix": "a/b"}));
    assert!(matches!(&failed, Seen::Failed(why) if why == "prefix must be a valid file name component, got 'a/b'"));
    assert!(matches!(bench.run(&TempFile, &json!({"path": "/none"})), Seen::StepFailed(why) if why.contains("No such file")));
}

#[test]
fn in_check_mode_a_temporary_name_is_not_known() {
    let bench = bench();
    let scope = crate::plan::Scope::new("node", "root");
    let facts = crate::plan::Facts::new(&bench.store, scope);
    let args = Bench::args(&TempFile, &json!({}));
    let task = task(&args, true, &bench.outside);
    let decision = TempFile.plan(&task, &facts).unwrap();
    assert!(matches!(&decision.act, Act::Pending(_, touches) if *touches == [crate::plan::Touch::Files("/tmp".into())]), "{decision:?}");
}
