//! systemd_service and service on a simulated machine.

use serde_json::{Value, json};

use super::SystemdService;
use crate::modules::bench::{Bench, Seen};
use crate::modules::service::Service;
use crate::modules::{Act, Module};
use crate::node::simulated::{Random, World};
use crate::node::steps::{Step, UnitAction, UnitStep};

pub(crate) fn state(random: &mut Random) -> (Bench, Value) {
    let mut world = World::new(random.number());
    world.add_unit("a.service");
    world.add_unit("b.timer");
    world.set_unit("a.service", random.once_in(2), random.once_in(2), random.once_in(6));
    world.set_unit("b.timer", random.once_in(2), random.once_in(2), false);
    if random.once_in(10) {
        world.add_file("/etc/init.d/old", b"", 0o755);
    }
    let name = *random.pick(&["a", "a.service", "a", "b.timer", "b.timer", "none", "old", "t@", "a*"]).unwrap();
    let mut args = json!({});
    let options: &[(&str, &[Value])] = &[
        ("state", &[json!("started"), json!("stopped"), json!("restarted"), json!("reloaded")]),
        ("enabled", &[json!(true), json!(false)]),
        ("masked", &[json!(true), json!(false)]),
        ("daemon_reload", &[json!(true)]),
        ("daemon_reexec", &[json!(true)]),
        ("no_block", &[json!(true)]),
        ("force", &[json!(true)]),
    ];
    for (option, values) in options {
        if random.once_in(if *option == "state" || *option == "enabled" { 2 } else { 6 }) {
            args[*option] = random.pick(values).unwrap().clone();
        }
    }
    if args.as_object().unwrap().keys().all(|key| key == "no_block" || key == "force") {
        args["state"] = "started".into();
    }
    if args.get("daemon_reload").is_none_or(|_| args.as_object().unwrap().len() > 1) || random.once_in(2) {
        args["name"] = name.into();
    }
    (Bench::new(world), args)
}

pub(crate) fn service(random: &mut Random) -> (Bench, Value) {
    let (bench, mut args) = state(random);
    for (option, value) in [("use", json!("sysvinit")), ("use", json!("systemd")), ("pattern", json!("x")), ("sleep", json!(1))] {
        if random.once_in(12) {
            args[option] = value;
        }
    }
    (bench, args)
}

fn run(world: World, args: &Value) -> Seen {
    Bench::new(world).run(&SystemdService, args)
}

fn actions(seen: &Seen) -> Vec<UnitAction> {
    let Seen::Changed(_, change, _) = seen else { return Vec::new() };
    change.steps.iter().filter_map(|step| if let Step::Unit(UnitStep { action, .. }) = step { Some(*action) } else { None }).collect()
}

fn world(active: bool, enabled: bool, masked: bool) -> World {
    let mut world = World::new(1);
    world.add_unit("a.service");
    world.set_unit("a.service", active, enabled, masked);
    world
}

#[test]
fn what_does_not_run_is_started_whatever_is_asked_for() {
    for state in ["started", "restarted", "reloaded"] {
        let seen = run(world(false, true, false), &json!({"name": "a", "state": state}));
        assert_eq!(actions(&seen), [UnitAction::Start], "{state}");
        let Seen::Changed(decision, ..) = seen else { panic!() };
        assert_eq!(decision.result["state"], "started");
    }
    let seen = run(world(true, true, false), &json!({"name": "a", "state": "restarted"}));
    assert_eq!(actions(&seen), [UnitAction::Restart]);
    assert!(matches!(run(world(true, true, false), &json!({"name": "a", "state": "started"})), Seen::Unchanged(_)));
}

#[test]
fn systemd_reads_its_files_before_anything_else_and_that_is_no_change() {
    let seen = run(world(false, false, false), &json!({"name": "a", "state": "started", "enabled": true, "daemon_reload": true}));
    assert_eq!(actions(&seen), [UnitAction::DaemonReload, UnitAction::Enable, UnitAction::Start]);
    let Seen::Changed(decision, ..) = run(world(true, true, false), &json!({"name": "a", "state": "started", "daemon_reload": true}))
    else {
        panic!()
    };
    assert!(decision.quiet);
    let mut bench = Bench::new(world(true, true, false));
    bench.check = true;
    let args = Bench::args(&SystemdService, &json!({"daemon_reload": true}));
    let (decision, _) = bench.plan(&SystemdService, &args).unwrap();
    assert!(matches!(decision.act, Act::Plan(crate::plan::Plan::Unchanged)), "{decision:?}");
}

#[test]
fn what_is_under_a_mask_shows_only_once_it_is_gone() {
    let seen = run(world(false, true, true), &json!({"name": "a", "masked": false, "enabled": true}));
    assert_eq!(actions(&seen), [UnitAction::Unmask, UnitAction::Enable]);
}

#[test]
fn what_is_not_there_is_said_as_ansible_says_it() {
    let Seen::Failed(why) = run(world(false, true, true), &json!({"name": "none", "state": "stopped"})) else { panic!() };
    assert_eq!(why, "Could not find the requested service none: host");
    let mut bench = Bench::new(world(true, false, false));
    let Seen::Refused(why) = bench.run(&Service, &json!({"name": "a", "state": "started", "use": "openrc"})) else { panic!() };
    assert!(why.contains("openrc"), "{why}");
}

#[test]
fn a_status_is_what_systemd_said_before() {
    let Seen::Changed(decision, ..) = run(world(false, false, false), &json!({"name": "a", "state": "started"})) else { panic!() };
    assert_eq!((&decision.result["status"]["ActiveState"], &decision.result["name"]), (&json!("inactive"), &json!("a")));
    assert_eq!(SystemdService.spec().option("unit").unwrap().name, "name");
}
