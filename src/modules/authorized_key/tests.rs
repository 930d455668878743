//! authorized_key on a simulated machine.

use serde_json::{Value, json};

use super::AuthorizedKey;
use crate::modules::bench::{Bench, Seen};
use crate::node::simulated::{Random, World};

const ONE: &str = "ssh-ed25519 AAAAone pat@one";
const TWO: &str = "ssh-rsa AAAAtwo pat@two";
const FILE: &str = "/home/pat/.ssh/authorized_keys";

fn world(random: &mut Random) -> World {
    let mut world = World::new(random.number());
    world.add_account("pat", 1000);
    if !random.once_in(8) {
        world.add_directory("/home/pat", 0o755);
        if random.once_in(2) {
            world.add_directory("/home/pat/.ssh", *random.pick(&[0o700, 0o755]).unwrap());
            let contents =
                ["", &format!("{ONE}\n"), &format!("# mine\n\nno-pty {ONE}\n{TWO}"), &format!("{TWO}\nodd\n{ONE}\n{ONE} again\n")];
            match random.below(4) {
                0 => {}
                1 => {
                    world.add_file("/srv/keys", format!("{TWO}\n").as_bytes(), 0o644);
                    world.add_link(FILE, "/srv/keys");
                }
                _ => world.add_file(FILE, random.pick(&contents).unwrap().as_bytes(), *random.pick(&[0o600, 0o644]).unwrap()),
            }
        }
    }
    world.serve("https://h/pat.keys", format!("{ONE}\n{TWO}\n").into_bytes());
    world.add_file("/srv/pat.pub", TWO.as_bytes(), 0o644);
    world
}

pub(crate) fn state(random: &mut Random) -> (Bench, Value) {
    let bench = Bench::new(world(random));
    let both = format!("{ONE}\n# no\n{TWO}");
    let keys = [ONE, TWO, &both, "https://h/pat.keys", "https://h/none", "file:///srv/pat.pub", "file:///srv/none", "nonsense"];
    let mut args = json!({"user": *random.pick(&["pat", "pat", "pat", "pat", "kim"]).unwrap(), "key": *random.pick(&keys).unwrap()});
    let options: &[(&str, &[Value])] = &[
        ("state", &[json!("absent"), json!("present")]),
        ("exclusive", &[json!(true)]),
        ("key_options", &[json!("no-pty,command=\"a, b\""), json!("")]),
        ("comment", &[json!("new words"), json!("")]),
        ("path", &[json!("/srv/new/keys"), json!("/srv/keys"), json!("~/x"), json!("/srv")]),
        ("manage_dir", &[json!(false)]),
        ("follow", &[json!(true)]),
    ];
    for (name, values) in options {
        if random.once_in(4) {
            args[*name] = random.pick(values).unwrap().clone();
        }
    }
    (bench, args)
}

fn bench(content: &str) -> Bench {
    let mut world = World::new(1);
    world.add_account("pat", 1000);
    world.add_directory("/home/pat/.ssh", 0o755);
    world.add_file(FILE, content.as_bytes(), 0o644);
    Bench::new(world)
}

fn after(content: &str, args: &Value) -> Option<String> {
    let mut bench = bench(content);
    let mut all = json!({"user": "pat"});
    for (name, value) in args.as_object().unwrap() {
        all[name] = value.clone();
    }
    match bench.run(&AuthorizedKey, &all) {
        Seen::Changed(..) => Some(String::from_utf8(bench.machine.world().content(FILE).unwrap()).unwrap()),
        Seen::Unchanged(_) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_come_change_and_go() {
    let add = |key: &str| json!({"key": key});
    assert_eq!(after("# a", &add(ONE)).unwrap(), format!("# a\n{ONE}\n"));
    assert_eq!(after(&format!("{ONE}\n"), &add(ONE)), None);
    let named = json!({"key": ONE, "comment": "x", "key_options": "no-pty"});
    assert_eq!(after(&format!("{ONE}\n{TWO}\n"), &named).unwrap(), format!("{TWO}\nno-pty ssh-ed25519 AAAAone x\n"));
    // order of options says nothing
    assert_eq!(after(&format!("b,a=1 {ONE}\n"), &json!({"key": format!("a=1,b {ONE}")})), None);
    let gone = json!({"key": ONE, "state": "absent"});
    assert_eq!(after(&format!("no-pty {ONE}\n{TWO}\n"), &gone).unwrap(), format!("{TWO}\n"));
    assert_eq!(after(TWO, &gone), None);
}

#[test]
fn what_is_not_named_goes_where_the_keys_are_exclusive() {
    let args = json!({"key": format!("{ONE}\n{TWO}"), "exclusive": true});
    assert_eq!(after("# a\nssh-rsa AAAAx\n", &args).unwrap(), format!("{ONE}\n{TWO}\n"));
    assert_eq!(after(&format!("{TWO}\n{ONE}\n"), &args), None);
}

#[test]
fn the_file_and_its_directory_are_the_users() {
    let mut bench = bench("");
    let Seen::Changed(decision, change, _) = bench.run(&AuthorizedKey, &json!({"user": "pat", "key": ONE})) else { panic!() };
    let steps: Vec<String> = change.steps.iter().map(crate::node::steps::Step::describe).collect();
    assert_eq!(steps, ["give /home/pat/.ssh to 1000:1000", "set the mode of /home/pat/.ssh to 700", &format!("write {FILE}")]);
    assert_eq!((&decision.result["keyfile"], &decision.result["path"]), (&json!(FILE), &Value::Null));
}
