//! Twenty thousand hosts in an inventory: what reading them takes. How fast it is, `make bench` tells; here is only what no
//! machine is too slow for, and what a loop within a loop would break at once.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use crate::program::Program;

#[path = "../../benches/fleet.rs"]
#[allow(dead_code)]
mod fleet;
#[path = "../../benches/measure.rs"]
#[allow(dead_code)]
mod measure;

use fleet::{Form, PATTERN};
use measure::{Cost, cost};

const MEMORY: u64 = 200 << 20;
/// In a build for debugging, on any machine.
const PROCESSOR: Duration = Duration::from_secs(10);
const MANY: usize = 20_000;

fn run(home: &Program, arguments: &[&str], status: i32) -> Cost {
    let mut command = home.command(env!("CARGO_BIN_EXE_homelabctl"));
    command.arg("inventory").args(arguments);
    cost(command, status)
}

fn bytes(path: &Path) -> u64 {
    if !path.is_dir() {
        return path.metadata().unwrap().len();
    }
    std::fs::read_dir(path).unwrap().map(|entry| bytes(&entry.unwrap().path())).sum()
}

#[test]
fn twenty_thousand_hosts_fit_into_200_mib() {
    for form in Form::ALL {
        let home = Program::new();
        let path = fleet::write(&home.path("inventory"), form);
        let arguments = ["list", PATTERN, "-i", path.to_str().unwrap()];
        let ran = home.run(&[&["inventory"], &arguments[..]].concat());
        // in 40 groups without 2 every tenth
        assert_eq!(ran.stdout.lines().count(), 380, "{}", ran.stderr);
        let cost = run(&home, &arguments, 0);
        eprintln!("{form:?}: {cost:?}");
        assert!(cost.memory < MEMORY, "{form:?}: {cost:?}");
        assert!(cost.processor < PROCESSOR, "{form:?}: {cost:?}");
        // the program's own libraries are read too
        let files = bytes(&home.path("inventory"));
        assert!(cost.read < files + (1 << 20), "{form:?}: a file is read more than once: {cost:?} of {files}");
    }
}

/// A text of many lines.
fn many(line: impl Fn(usize) -> String) -> String {
    (0..MANY).fold(String::new(), |mut text, number| {
        writeln!(text, "{}", line(number)).unwrap();
        text
    })
}

#[test]
fn no_shape_takes_more_than_its_length() {
    let chain = |number: usize| format!("[g{number}:children]\ng{}", number + 1);
    let hosts = many(|number| format!("h{number}.lan"));
    let shapes = [
        ("one group", format!("[all_of_them]\n{}", many(|number| format!("h{number} a=1"))), 0),
        ("one host in very many groups", many(|number| format!("[g{number}]\nm1\n[g{number}:vars]\nv{number}=1")), 0),
        ("a chain of groups", many(chain) + &format!("[g{MANY}]\nm1\n"), 0),
        ("a circle of groups", many(chain) + &format!("[g{MANY}:children]\ng0\n"), 64),
        ("circles of groups", many(|number| chain(number) + "\ng0") + &format!("[g{MANY}]\nm1\n"), 64),
        (
            "a group of groups",
            format!("[top:children]\n{}{}", many(|number| format!("g{number}")), many(|number| format!("[g{number}]"))) + "m1",
            0,
        ),
        ("ranges", "h[1:50000] a=1 b='{{ c }}' asd=5\n".to_owned(), 0),
        ("one mistake on many hosts", "h[1:50000] a=1 b='{{ c | nope }}'\n".to_owned(), 64),
        ("passwords", many(|number| format!("h{number} ansible_password=secret-{number}")), 0),
        ("templates that look at others", many(|number| format!("h{number} ip=10.0.0.1 ansible_host=\"{{{{ hostvars['h1'].ip }}}}\"")), 0),
        ("wrong lines", many(|number| format!("h{number} nonsense")), 64),
        ("wrong templates", many(|number| format!("h{number} a='{{{{ x | nope }}}}'")), 64),
        (
            "groups that are not there",
            format!("[x:children]\n{}{}", many(|number| format!("gruop{number}")), many(|number| format!("[gropu{number}]"))),
            64,
        ),
        ("host_vars", hosts.clone(), 0),
        ("host_vars of others", hosts.replace('h', "x"), 0),
    ];
    let home = Program::new();
    std::fs::create_dir_all(home.path("files/host_vars")).unwrap();
    for number in 0..MANY {
        std::fs::write(home.path(&format!("files/host_vars/h{number}.lan")), "a: 1\n").unwrap();
    }
    for (name, text, status) in shapes {
        let path = if name.starts_with("host_vars") { "files/hosts" } else { "hosts" };
        home.file(path, &text);
        let cost = run(&home, &["list", "-i", path], status);
        eprintln!("{name}: {cost:?}");
        assert!(cost.processor < PROCESSOR && cost.memory < 2 * MEMORY, "{name}: {cost:?}");
    }
    home.file("hosts", &hosts);
    for (name, lines, status) in [
        ("taken one by one", hosts.clone(), 0),
        ("left out one by one", format!("all\n{}", hosts.lines().skip(1).fold(String::new(), |text, host| text + "!" + host + "\n")), 0),
        ("not there", hosts.replace('h', "hh"), 64),
    ] {
        home.file("pattern", &lines);
        let cost = run(&home, &["list", "@pattern", "-i", "hosts"], status);
        eprintln!("a pattern, {name}: {cost:?}");
        assert!(cost.processor < PROCESSOR && cost.memory < MEMORY, "{name}: {cost:?}");
    }
}

#[test]
fn a_graph_without_an_end_is_not_drawn() {
    let home = Program::new();
    // each level is drawn twice as often as the one above
    let text = (0..40).fold(String::new(), |mut text, n| {
        write!(text, "[a{n}:children]\nb{n}\nc{n}\n[b{n}:children]\na{0}\n[c{n}:children]\na{0}\n", n + 1).unwrap();
        text
    });
    home.file("hosts", &(text + "[a40]\nm1\n"));
    let ran = home.run(&["inventory", "graph", "-i", "hosts"]);
    assert!(ran.code == Some(0) && ran.stdout.ends_with("(the rest is left out: the graph is too large)\n"), "{}", ran.stderr);
    assert_eq!(home.run(&["inventory", "list", "-i", "hosts"]).code, Some(0));
}
