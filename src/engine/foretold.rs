//! What a dry run foretells of drawn playbooks is what the run then does, or it said that it is unknown.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::simulation::{Folder, locked};
use crate::node::simulated::{Random, World};
use crate::report::TaskOutcome;

const PLAYBOOKS: u64 = 1500;

fn folder() -> Folder {
    Folder::new(&[
        ("templates/t.j2", "{{ word }} of {{ inventory_hostname }}\n"),
        ("files/f", "old\n"),
        ("files/tree/x", "x\n"),
        ("files/tree/d/y", "y\n"),
    ])
}

fn world(random: &mut Random) -> World {
    let mut world = World::new(random.number());
    world.add_account("pat", 1000);
    world.add_group("ops", 2000);
    for path in ["/srv/d", "/usr/bin", "/etc/skel"] {
        world.add_directory(path, 0o755);
    }
    world.add_file("/usr/bin/curl", b"", 0o755);
    world.serve("http://server/f", b"hello".to_vec());
    for path in ["/srv/a", "/srv/b", "/srv/d/c"] {
        if random.once_in(2) {
            let content: &str = random.pick(&["old\n", "x = 1\n# y = 2\n", ""]).unwrap();
            world.add_file(path, content.as_bytes(), *random.pick(&[0o644, 0o600]).unwrap());
            if random.once_in(3) {
                world.give(path, 1000, 2000, 0o640);
            }
        }
    }
    world.add_link("/srv/l", random.pick(&["a", "d", "nowhere"]).unwrap());
    world
}

const PATHS: &[&str] = &["/srv/a", "/srv/a", "/srv/b", "/srv/d/c", "/srv/l", "/srv/d", "/srv/new", "/srv/new/x"];

/// A module and its arguments: few places, so that one task meets what another left.
fn task(random: &mut Random) -> (&'static str, Value) {
    let path = *random.pick(PATHS).unwrap();
    let word = *random.pick(&["old\n", "new\n", "x = 2\n"]).unwrap();
    let name = *random.pick(&["pat", "kim"]).unwrap();
    let (module, mut args) = match random.below(17) {
        0 => ("copy", json!({"content": word, "dest": path})),
        1 => ("copy", json!({"src": "f", "dest": path, "force": random.once_in(2)})),
        2 => ("copy", json!({"src": *random.pick(&["tree", "tree/"]).unwrap(), "dest": path})),
        3 => ("copy", json!({"src": *random.pick(PATHS).unwrap(), "dest": path, "remote_src": true})),
        4 => ("template", json!({"src": "t.j2", "dest": path})),
        5 => ("lineinfile", json!({"path": path, "regexp": "^x", "line": "x = 2", "create": random.once_in(2)})),
        6 => ("lineinfile", json!({"path": path, "line": "old", "state": "absent"})),
        7 => ("blockinfile", json!({"path": path, "block": word, "create": random.once_in(2)})),
        8 => ("replace", json!({"path": path, "regexp": "^# (y)", "replace": "\\1"})),
        9 => ("file", json!({"path": path, "state": *random.pick(&["directory", "absent", "file", "touch"]).unwrap()})),
        10 => ("file", json!({"path": path, "src": *random.pick(PATHS).unwrap(), "state": *random.pick(&["link", "hard"]).unwrap()})),
        11 => ("stat", json!({"path": path})),
        12 => ("user", json!({"name": name, "state": *random.pick(&["present", "present", "absent"]).unwrap()})),
        13 => ("group", json!({"name": *random.pick(&["ops", "kim", "new"]).unwrap(), "state": "present"})),
        14 => ("slurp", json!({"src": path})),
        15 => ("assemble", json!({"src": "/srv/d", "dest": path})),
        _ => {
            let sum = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
            ("get_url", json!({"url": "http://server/f", "dest": path, "checksum": sum}))
        }
    };
    let has_attributes = !matches!(module, "stat" | "user" | "group" | "slurp");
    for (option, values) in [("mode", ["0600", "u+x"]), ("owner", [name, "0"]), ("group", ["ops", "new"])] {
        if has_attributes && args.get("state").is_none_or(|state| state != "absent") && random.once_in(4) {
            args[option] = (*random.pick(&values).unwrap()).into();
        }
    }
    if module == "user" && args["state"] == "present" {
        for (option, value) in
            [("groups", json!(["ops"])), ("shell", json!("/bin/bash")), ("comment", json!(word.trim())), ("uid", json!(1234))]
        {
            if random.once_in(3) {
                args[option] = value;
            }
        }
    }
    (module, args)
}

/// A playbook of some tasks that depend on each other.
fn playbook(random: &mut Random) -> String {
    let mut tasks = Vec::new();
    for number in 0..3 + random.below(8) {
        let (module, args) = task(random);
        let mut entry = json!({"name": format!("t{number}"), "register": format!("r{number}"), module: args});
        if number > 0 && random.once_in(4) {
            let earlier = random.below(number);
            let condition = random.pick(&["is changed", "is not changed", "is failed"]).unwrap();
            entry["when"] = format!("r{earlier} {condition}").into();
        }
        if random.once_in(2) {
            entry["ignore_errors"] = true.into();
        }
        tasks.push(entry);
        // a program leaves nothing known behind it
        if random.once_in(40) {
            tasks.push(json!({"name": format!("c{number}"), "command": "make"}));
        }
    }
    let word = *random.pick(&["old", "new"]).unwrap();
    json!([{"hosts": "all", "gather_facts": false, "vars": {"word": word}, "tasks": tasks}]).to_string()
}

#[test]
#[expect(clippy::print_stdout, reason = "how often what came")]
fn what_is_foretold_is_what_happens() {
    let folder = folder();
    let from = std::env::var("HOMELABCTL_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut count: BTreeMap<(TaskOutcome, TaskOutcome), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for seed in from.map_or(0..PLAYBOOKS, |seed| seed..seed + 1) {
        let mut random = Random::new(seed);
        let world = world(&mut random);
        let text = playbook(&mut random);
        let book = folder.book(&text);
        let before = world.everything();
        let mut dry = folder.run(&book, locked(world.clone(), "dry"), true);
        assert_eq!(dry.machine.world().everything(), before, "seed {seed}: a dry run changed something\n{text}");
        let real = folder.run(&book, locked(world, "real"), false);
        // where the run ends for the host, later tasks were foretold in vain
        for (foretold, done) in dry.tasks.iter().zip(&real.tasks) {
            assert_eq!(foretold.task, done.task, "seed {seed}\n{text}");
            let (dry, real) = (foretold.outcome, done.outcome);
            *count.entry((dry, real)).or_default() += 1;
            let so = dry == real || matches!(dry, TaskOutcome::Pending | TaskOutcome::Unknown);
            if !so {
                let (why, was) = (&foretold.problem, &done.problem);
                wrong.push(format!("seed {seed}: {}: foretold {dry:?} {why:?}, was {real:?} {was:?}\n{text}", done.task));
                break;
            }
            let ends = |outcome, ignored: bool| matches!(outcome, TaskOutcome::Failed | TaskOutcome::Refused) && !ignored;
            if ends(dry, foretold.ignored) || ends(real, done.ignored) {
                break;
            }
        }
    }
    println!("foretold and what was: {count:?}");
    assert!(wrong.is_empty(), "{} playbooks were foretold wrong:\n{}", wrong.len(), wrong.join("\n"));
    if from.is_none() {
        for outcome in [TaskOutcome::Changed, TaskOutcome::Unchanged, TaskOutcome::Skipped, TaskOutcome::Failed] {
            assert!(count[&(outcome, outcome)] > 200, "{outcome:?}");
        }
        let pending: usize = count.iter().filter(|((dry, _), _)| *dry == TaskOutcome::Pending).map(|(_, count)| count).sum();
        assert!(pending > 200, "only {pending} were unknown");
    }
}
