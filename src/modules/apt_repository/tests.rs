//! apt_repository on a simulated machine.

use serde_json::{Value, json};

use super::AptRepository;
use crate::modules::bench::{Bench, Seen};
use crate::node::simulated::{Random, World};

const EXAMPLE: &str = "deb http://example.org/a stable main";

fn world(random: &mut Random) -> World {
    let mut world = World::new(random.number());
    world.add_directory("/etc/apt/sources.list.d", 0o755);
    let contents = ["", "# nothing\n", "deb http://deb.debian.org/debian trixie main\n\n# deb http://example.org/a  stable main # off\n"];
    if random.once_in(2) {
        world.add_file("/etc/apt/sources.list", random.pick(&contents).unwrap().as_bytes(), 0o644);
    }
    let parts = [EXAMPLE.to_owned() + "\n", format!("{EXAMPLE}\n{EXAMPLE}\ndeb file:/x ./\n"), format!("#{EXAMPLE}\n")];
    for name in ["example", "example_org_a"] {
        if random.once_in(3) {
            world.add_file(&format!("/etc/apt/sources.list.d/{name}.list"), random.pick(&parts).unwrap().as_bytes(), 0o600);
        }
    }
    if random.once_in(5) {
        world.add_file("/srv/real", EXAMPLE.as_bytes(), 0o640);
        world.add_link("/etc/apt/sources.list.d/link.list", "/srv/real");
    }
    world
}

pub(crate) fn state(random: &mut Random) -> (Bench, Value) {
    let bench = Bench::new(world(random));
    let repos = [EXAMPLE, "deb  http://example.org/a stable   main # x", "deb file:/x ./", "nonsense", "ppa:some/one", "deb", ""];
    let mut args = json!({"repo": *random.pick(&repos).unwrap()});
    let options: &[(&str, &[Value])] = &[
        ("state", &[json!("absent"), json!("present")]),
        ("update_cache", &[json!(false)]),
        ("update_cache_retries", &[json!(1)]),
        ("filename", &[json!("example"), json!("/etc/apt/sources"), json!("/srv/x")]),
        ("mode", &[json!("0600"), json!("a=r")]),
        ("codename", &[json!("noble")]),
    ];
    for (name, values) in options {
        if random.once_in(3) {
            args[*name] = random.pick(values).unwrap().clone();
        }
    }
    (bench, args)
}

fn bench(files: &[(&str, &str)]) -> Bench {
    let mut world = World::new(1);
    world.add_directory("/etc/apt/sources.list.d", 0o755);
    for (name, content) in files {
        world.add_file(&format!("/etc/apt/{name}"), content.as_bytes(), 0o644);
    }
    Bench::new(world)
}

fn content(bench: &mut Bench, path: &str) -> Option<String> {
    bench.machine.world().content(&format!("/etc/apt/{path}")).map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn a_new_line_goes_to_a_file_of_its_own() {
    let mut bench = bench(&[]);
    let Seen::Changed(decision, change, _) = bench.run(&AptRepository, &json!({"repo": EXAMPLE})) else { panic!() };
    assert_eq!(decision.result["sources_added"], json!(["/etc/apt/sources.list.d/example_org_a.list"]));
    assert_eq!(change.steps.len(), 2);
    assert_eq!(content(&mut bench, "sources.list.d/example_org_a.list").unwrap(), format!("{EXAMPLE}\n"));
    let quiet = json!({"repo": EXAMPLE, "state": "absent", "update_cache": false});
    let Seen::Changed(decision, change, _) = bench.run(&AptRepository, &quiet) else { panic!() };
    assert_eq!((change.steps.len(), content(&mut bench, "sources.list.d/example_org_a.list")), (1, None));
    assert_eq!(decision.result["sources_removed"], json!(["/etc/apt/sources.list.d/example_org_a.list"]));
}

#[test]
fn a_line_that_is_off_is_turned_on_where_it_is_and_other_files_stay() {
    let other = "#odd\ndeb   http://x  y z\n";
    let mut bench = bench(&[("sources.list", "#off\n# deb http://example.org/a stable main\n"), ("sources.list.d/o.list", other)]);
    let Seen::Changed(decision, ..) = bench.run(&AptRepository, &json!({"repo": EXAMPLE, "filename": "new"})) else { panic!() };
    assert_eq!(decision.result["sources_added"], json!([]));
    assert_eq!(content(&mut bench, "sources.list").unwrap(), format!("# off\n{EXAMPLE}\n"));
    assert_eq!(content(&mut bench, "sources.list.d/o.list").unwrap(), other);
}

#[test]
fn a_ppa_is_known_again_and_a_new_one_is_refused() {
    let line = "deb https://ppa.launchpadcontent.net/some/ppa/ubuntu noble main\n";
    let args = json!({"repo": "ppa:some", "codename": "noble"});
    let mut with = bench(&[("sources.list", line)]);
    assert!(matches!(with.run(&AptRepository, &args), Seen::Unchanged(_)));
    let mut without = bench(&[]);
    assert!(matches!(without.run(&AptRepository, &args), Seen::Refused(_)));
}
