//! user and group on a simulated machine.

use serde_json::{Map, Value, json};

use super::User;
use crate::modules::Module;
use crate::modules::bench::{Bench, Seen};
use crate::modules::group::Group;
use crate::node::apply::Carried;
use crate::node::simulated::{Random, World};

fn hash(letter: &str) -> String {
    format!("$6$salt${}", letter.repeat(86))
}

fn world(random: &mut Random) -> World {
    let mut world = World::new(random.number());
    world.add_group("users", 100);
    world.add_group("ops", 2000);
    world.add_group("adm", 2001);
    world.add_directory("/etc/skel", 0o755);
    world.add_link("/srv/loop", "loop");
    if random.once_in(2) {
        world.add_account("pat", 1000);
        if random.once_in(2) {
            world.add_directory("/home/pat", 0o755);
        }
    }
    if random.once_in(3) {
        world.add_group("kim", 1500);
    }
    world
}

fn set(args: &mut Value, name: &str, value: Value) {
    args.as_object_mut().unwrap().insert(name.into(), value);
}

pub(crate) fn user(random: &mut Random) -> (Bench, Value) {
    let bench = Bench::new(world(random));
    let mut args = json!({"name": random.pick(&["pat", "pat", "kim"]).unwrap()});
    let options: &[(&str, &[Value])] = &[
        ("uid", &[json!(1000), json!(1234), json!(0)]),
        ("group", &[json!("ops"), json!("2001"), json!("none")]),
        ("groups", &[json!([]), json!("ops"), json!(["ops", "2001"]), json!(["adm", "ops"]), json!("none")]),
        ("append", &[json!(true)]),
        ("comment", &[json!("Pat O'Neil"), json!("")]),
        ("home", &[json!("/srv/homes/pat"), json!("/home/pat"), json!("~root/x"), json!("/srv/loop/x")]),
        ("move_home", &[json!(true)]),
        ("create_home", &[json!(false)]),
        ("shell", &[json!("/bin/bash")]),
        ("password", &[json!(hash("a")), json!("!"), json!(format!("!{}", hash("b"))), json!("plain")]),
        ("update_password", &[json!("on_create")]),
        ("password_lock", &[json!(true), json!(false)]),
        ("expires", &[json!(1_422_403_387), json!(-1)]),
        ("password_expire_max", &[json!(10), json!(-1)]),
        ("password_expire_min", &[json!(1)]),
        ("password_expire_warn", &[json!(7)]),
        ("password_expire_account_disable", &[json!(15), json!(-1)]),
        ("system", &[json!(true)]),
        ("generate_ssh_key", &[json!(true)]),
        ("state", &[json!("absent"), json!("present")]),
        ("remove", &[json!(true)]),
        ("force", &[json!(true)]),
    ];
    for (name, values) in options {
        if random.once_in(7) {
            set(&mut args, name, random.pick(values).unwrap().clone());
        }
    }
    (bench, args)
}

pub(crate) fn group(random: &mut Random) -> (Bench, Value) {
    let bench = Bench::new(world(random));
    let mut args = json!({"name": random.pick(&["ops", "pat", "kim", "new"]).unwrap()});
    let options: &[(&str, &[Value])] = &[
        ("gid", &[json!(2000), json!(1000), json!(3000), json!(0), json!(-1)]),
        ("system", &[json!(true)]),
        ("state", &[json!("absent"), json!("present")]),
        ("force", &[json!(true)]),
        ("gid_min", &[json!(5000)]),
    ];
    for (name, values) in options {
        if random.once_in(3) {
            set(&mut args, name, random.pick(values).unwrap().clone());
        }
    }
    if args.get("gid").is_some() && random.once_in(3) {
        set(&mut args, "non_unique", json!(true));
    }
    (bench, args)
}

fn bench() -> Bench {
    let mut world = World::new(1);
    world.add_group("users", 100);
    world.add_group("ops", 2000);
    world.add_group("adm", 2001);
    world.add_account("pat", 1000);
    world.add_directory("/home/pat", 0o755);
    Bench::new(world)
}

fn changed(bench: &mut Bench, module: &dyn Module, args: &Value) -> (Vec<String>, Map<String, Value>) {
    match bench.run(module, args) {
        Seen::Changed(decision, change, carried) => {
            let steps = change.steps.iter().map(crate::node::steps::Step::describe).collect();
            let carried: &Carried = &carried;
            let mut result = decision.result;
            result.extend(bench.result(module, args, Some(carried)));
            (steps, result)
        }
        other => panic!("{args}: {other:?}"),
    }
}

fn unchanged(bench: &mut Bench, args: &Value) {
    let seen = bench.run(&User, args);
    assert!(matches!(seen, Seen::Unchanged(_)), "{args}: {seen:?}");
}

#[test]
fn a_new_user_and_what_is_registered() {
    let mut bench = bench();
    let args = json!({"name": "kim", "groups": ["ops", "adm"], "shell": "/bin/bash", "password": hash("a"), "comment": "Kim"});
    let (steps, result) = changed(&mut bench, &User, &args);
    assert_eq!(steps, ["add the user kim", "make the home /home/kim of kim", "set the password of kim"]);
    let wanted = json!({
        "name": "kim", "state": "present", "system": false, "create_home": true, "password": "NOT_LOGGING_PASSWORD",
        "uid": 1001, "group": 1001, "comment": "Kim", "home": "/home/kim", "shell": "/bin/bash", "groups": "ops,adm",
    });
    assert_eq!(Value::Object(result), wanted);
    unchanged(&mut bench, &args);
}

#[test]
fn groups_are_all_of_them_unless_appended() {
    let mut bench = bench();
    let groups = |groups: Value, append: bool| json!({"name": "pat", "groups": groups, "append": append});
    changed(&mut bench, &User, &groups(json!(["ops"]), false));
    changed(&mut bench, &User, &groups(json!("adm"), true));
    unchanged(&mut bench, &groups(json!(["adm", "ops"]), false));
    unchanged(&mut bench, &groups(json!(["2000"]), true));
    unchanged(&mut bench, &groups(json!([]), true));
    let (_, result) = changed(&mut bench, &User, &groups(json!("adm"), false));
    assert_eq!((&result["groups"], &result["append"], &result["move_home"]), (&json!("adm"), &json!(false), &json!(false)));
    unchanged(&mut bench, &groups(json!(["adm"]), false));
    changed(&mut bench, &User, &groups(json!([]), false));
    let seen = bench.run(&User, &groups(json!(["none"]), false));
    assert!(matches!(&seen, Seen::Failed(why) if why == "Group none does not exist"), "{seen:?}");
}

#[test]
fn a_password_is_set_if_it_differs() {
    let mut bench = bench();
    let with = |password: &str, more: Value| {
        let mut args = json!({"name": "pat", "password": password});
        more.as_object().unwrap().iter().for_each(|(name, value)| set(&mut args, name, value.clone()));
        args
    };
    changed(&mut bench, &User, &with(&hash("a"), json!({})));
    unchanged(&mut bench, &with(&hash("a"), json!({})));
    unchanged(&mut bench, &with(&hash("b"), json!({"update_password": "on_create"})));
    let (steps, _) = changed(&mut bench, &User, &with(&hash("a"), json!({"password_lock": true})));
    assert_eq!(steps, ["change the user pat"]);
    // a lock is no part of the hash
    unchanged(&mut bench, &with(&hash("a"), json!({})));
    let (steps, _) = changed(&mut bench, &User, &with(&hash("b"), json!({"password_lock": true})));
    assert_eq!(steps, ["set the password of pat"]);
    unchanged(&mut bench, &with(&hash("b"), json!({"password_lock": true})));
    changed(&mut bench, &User, &with(&hash("b"), json!({"password_lock": false})));
    let seen = bench.run(&User, &with("secret", json!({})));
    assert!(matches!(&seen, Seen::Failed(why) if why.contains("password_hash")), "{seen:?}");
    // nobody looks at a hash that goes with its user
    changed(&mut bench, &User, &with("secret", json!({"state": "absent"})));
}

#[test]
fn no_hash_is_shown() {
    let mut bench = bench();
    let Seen::Changed(decision, change, _) = bench.run(&User, &json!({"name": "pat", "password": hash("a")})) else { panic!("no change") };
    for shown in [format!("{:?}", change.diff), format!("{:?}", change.steps), format!("{:?}", change.expect), format!("{decision:?}")] {
        assert!(!shown.contains("aaaaaa"), "{shown}");
    }
}

#[test]
fn homes_are_made_moved_and_left() {
    let mut bench = bench();
    let (steps, _) = changed(&mut bench, &User, &json!({"name": "pat", "home": "/srv/pat", "move_home": true}));
    assert_eq!(steps, ["change the user pat"]);
    assert!(bench.machine.world().names("/srv").contains(&"pat".to_owned()));
    let (steps, _) = changed(&mut bench, &User, &json!({"name": "pat", "home": "/new/a/pat"}));
    assert_eq!(steps, ["change the user pat", "make the home /new/a/pat of pat"]);
    let (steps, _) = changed(&mut bench, &User, &json!({"name": "kim", "home": "/other/kim"}));
    assert_eq!(steps, ["add the user kim", "make the home /other/kim of kim"]);
    let (steps, result) = changed(&mut bench, &User, &json!({"name": "pat", "state": "absent", "remove": true}));
    assert_eq!(steps, ["remove the user pat and its home"]);
    assert_eq!((&result["remove"], &result["force"]), (&json!(true), &json!(false)));
    unchanged(&mut bench, &json!({"name": "pat", "state": "absent"}));
}

#[test]
fn days_and_ends() {
    let mut bench = bench();
    let args = json!({"name": "pat", "expires": 1_422_403_387, "password_expire_account_disable": 15, "password_expire_max": 90});
    let (steps, _) = changed(&mut bench, &User, &args);
    assert_eq!(steps, ["change the user pat", "set how old the password of pat may get"]);
    unchanged(&mut bench, &args);
    // any second of that day
    unchanged(&mut bench, &json!({"name": "pat", "expires": 1_422_403_200.5}));
    let Seen::Changed(_, change, _) = bench.run(&User, &json!({"name": "pat", "expires": -1.0})) else { panic!("no change") };
    assert_eq!((change.diff[0].before.as_deref(), change.diff[0].after.as_deref()), (Some("2015-01-28"), None));
    unchanged(&mut bench, &json!({"name": "pat", "expires": -1}));
}

#[test]
fn keys_are_made_once() {
    let mut bench = bench();
    let args = json!({"name": "pat", "generate_ssh_key": true, "ssh_key_type": "ed25519", "ssh_key_comment": "pat"});
    let (steps, result) = changed(&mut bench, &User, &args);
    assert_eq!(steps, ["make the SSH key /home/pat/.ssh/id_ed25519 of pat"]);
    assert_eq!(result["ssh_key_file"], "/home/pat/.ssh/id_ed25519");
    assert!(result["ssh_public_key"].as_str().unwrap().starts_with("ssh-ed25519 "));
    unchanged(&mut bench, &args);
    for (option, value) in [("local", json!(true)), ("seuser", json!("x"))] {
        let mut args = args.clone();
        set(&mut args, option, value);
        let seen = bench.run(&User, &args);
        assert!(matches!(&seen, Seen::Failed(why) if why.contains("not carried out here")), "{seen:?}");
    }
}

#[test]
fn what_is_registered_of_a_group() {
    let mut bench = bench();
    let (_, result) = changed(&mut bench, &Group, &json!({"name": "new", "gid": 3000, "system": true}));
    assert_eq!(Value::Object(result), json!({"name": "new", "state": "present", "system": true, "gid": 3000}));
    let (_, result) = changed(&mut bench, &Group, &json!({"name": "new", "state": "absent"}));
    assert_eq!(Value::Object(result), json!({"name": "new", "state": "absent"}));
    let seen = bench.run(&Group, &json!({"name": "new", "local": true}));
    assert!(matches!(&seen, Seen::Failed(why) if why.contains("not carried out here")), "{seen:?}");
}
