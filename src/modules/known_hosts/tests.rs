//! known_hosts on a simulated machine.

use serde_json::{Value, json};

use super::KnownHosts;
use crate::modules::bench::{Bench, Seen};
use crate::node::simulated::{Random, World};

const FILE: &str = "/root/.ssh/known_hosts";

pub(crate) fn state(random: &mut Random) -> (Bench, Value) {
    let mut world = World::new(random.number());
    if !random.once_in(6) {
        world.add_directory("/root/.ssh", 0o700);
        let hashed = format!("{} ssh-rsa AAAAa\n", super::hashed("a.example", b"salt"));
        let contents = [
            "",
            "a.example ssh-rsa AAAAa\n",
            "# x\n*.example ssh-rsa AAAAb c\na.example ssh-ed25519 AAAA",
            &hashed,
            "@revoked a.example ssh-rsa AAAA\n",
        ];
        match random.below(5) {
            0 => {}
            1 => {
                world.add_file("/srv/known", contents[1].as_bytes(), 0o600);
                world.add_link(FILE, "/srv/known");
            }
            _ => world.add_file(FILE, random.pick(&contents).unwrap().as_bytes(), *random.pick(&[0o600, 0o644]).unwrap()),
        }
    }
    let keys =
        ["a.example ssh-rsa AAAAa", "A.Example ssh-rsa AAAAnew x\n", "b.example ssh-rsa AAAA", "@revoked a.example ssh-rsa AAAA", "odd"];
    let mut args = json!({"name": *random.pick(&["a.example", "A.example", "a.example, b"]).unwrap()});
    let options: &[(&str, &[Value])] = &[
        ("key", &keys.map(Value::from)),
        ("state", &[json!("absent"), json!("present")]),
        ("hash_host", &[json!(true)]),
        ("path", &[json!("/etc/known"), json!("/srv"), json!("/none/x")]),
    ];
    for (at, (name, values)) in options.iter().enumerate() {
        if random.once_in(if at < 2 { 2 } else { 4 }) {
            args[*name] = random.pick(values).unwrap().clone();
        }
    }
    (Bench::new(world), args)
}

fn after(content: &str, args: Value) -> Option<String> {
    let mut world = World::new(1);
    world.add_file("/etc/known", content.as_bytes(), 0o644);
    let mut bench = Bench::new(world);
    let mut all = json!({"path": "/etc/known"});
    for (name, value) in args.as_object().unwrap() {
        all[name] = value.clone();
    }
    match bench.run(&KnownHosts, &all) {
        Seen::Changed(..) => Some(String::from_utf8(bench.machine.world().content("/etc/known").unwrap()).unwrap()),
        Seen::Unchanged(_) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_is_added_and_takes_the_place_of_one_of_its_kind() {
    let add = |key: &str| json!({"name": "a", "key": key});
    assert_eq!(after("b ssh-rsa AAAA", add("a ssh-rsa AAAB")).unwrap(), "b ssh-rsa AAAA\na ssh-rsa AAAB\n");
    assert_eq!(after("a ssh-rsa AAAA\nb ssh-rsa AAAA\n", add("a ssh-rsa AAAB")).unwrap(), "b ssh-rsa AAAA\na ssh-rsa AAAB\n");
    assert_eq!(after("a ssh-rsa AAAB comment\n", add("a ssh-rsa AAAB other")), None);
    assert_eq!(after("a ssh-ed25519 AAAA\n", add("a ssh-rsa AAAB")).unwrap(), "a ssh-ed25519 AAAA\na ssh-rsa AAAB\n");
}

#[test]
fn hosts_go_with_and_without_a_key() {
    let text = "a ssh-rsa AAAA\n@cert-authority a ssh-rsa AAAA\nb,a ssh-ed25519 AAAA\nb ssh-rsa AAAA\n";
    let gone = after(text, json!({"name": "A", "state": "absent"})).unwrap();
    assert_eq!(gone, "@cert-authority a ssh-rsa AAAA\nb ssh-rsa AAAA\n");
    assert_eq!(after(&gone, json!({"name": "a", "state": "absent"})), None);
    let one = json!({"name": "a", "key": "a ssh-rsa AAAA", "state": "absent"});
    assert_eq!(after(text, one.clone()).unwrap(), text.split_once('\n').unwrap().1);
    assert_eq!(after("a ssh-ed25519 AAAA\n", one), None);
}

#[test]
fn a_hidden_name_is_found_again() {
    let args = json!({"name": "a", "key": "a ssh-rsa AAAA", "hash_host": true});
    let once = after("", args.clone()).unwrap();
    assert!(once.starts_with("|1|") && once.ends_with(" ssh-rsa AAAA\n"), "{once}");
    assert_eq!(after(&once, args.clone()), None);
    // a name that can be read is hidden
    assert!(after("a ssh-rsa AAAA\n", args).unwrap().starts_with("|1|"));
}

#[test]
fn what_would_differ_is_registered() {
    let mut world = World::new(1);
    world.add_file("/etc/known", b"a ssh-rsa AAAA\n", 0o644);
    let mut bench = Bench::new(world);
    let Seen::Changed(decision, ..) = bench.run(&KnownHosts, &json!({"path": "/etc/known", "name": "a", "key": "a ssh-rsa AAAB"})) else {
        panic!()
    };
    let headers = ("/etc/known", "/etc/known");
    let diff = json!({"before": "a ssh-rsa AAAA\n", "after": "a ssh-rsa AAAB\n", "before_header": headers.0, "after_header": headers.1});
    assert_eq!(decision.result["diff"], diff);
    let Seen::Unchanged(decision) = bench.run(&KnownHosts, &json!({"path": "/none", "name": "a", "state": "absent"})) else { panic!() };
    assert_eq!(decision.result["diff"]["before_header"], "/dev/null");
}
