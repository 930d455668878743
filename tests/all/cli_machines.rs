//! The commands against real machines: sudo, passwords, host keys, and the many hosts of one run.

use std::fmt::Write as _;

use serde_json::Value;

use crate::program::{Program, Ran, filters};
use crate::testbed::{Bed, Login, Machine, Sudo};

const SUDO: &str = "it's a \"sudo\" secret/\\ä";
const LOGIN: &str = "a login's $ecret";

/// A program whose user knows these machines, and a list of them.
fn program(machines: &[Machine]) -> Program {
    let program = Program::new();
    std::fs::create_dir(program.path("home/.ssh")).unwrap();
    let (mut hosts, mut known) = (String::from("[nodes]\n"), String::new());
    for m in machines {
        writeln!(hosts, "{} ansible_host={} ansible_port={} ansible_user={}", m.name, m.address, m.port, m.user).unwrap();
        known += &m.known_hosts_lines();
    }
    program.file("hosts.ini", &hosts).file("home/.ssh/known_hosts", &known);
    program.file("sudo", &format!("{SUDO}\n")).file("login", &format!("{LOGIN}\n"));
    program
}

fn run(bed: &Bed, program: &Program, arguments: &[&str]) -> Ran {
    let key = bed.key_path();
    let common = ["-i", "hosts.ini", "--private-key", key.to_str().unwrap()];
    let at = arguments.iter().position(|word| *word == "--").unwrap_or(arguments.len());
    let arguments = [&arguments[..at], &common, &arguments[at..]].concat();
    bed.inside(|| program.run(&arguments)).unwrap()
}

#[test]
fn commands_on_real_machines() {
    let bed = Bed::new().unwrap();
    let specs = vec![
        bed.machine("m1").sudo(Sudo::Password(SUDO.into())),
        bed.machine("m2").sudo(Sudo::Password(SUDO.into())).without_python(),
        bed.machine("w1").sudo(Sudo::Free).login(Login::Password(LOGIN.into())),
        bed.machine("w2").sudo(Sudo::Refused(SUDO.into())),
    ];
    let machines = bed.start_all(specs).unwrap();
    let program = program(&machines);
    let logged_in = ["--connection-password-file", "login"];
    let become_root = ["-b", "--become-password-file", "sudo"];

    let ran = run(&bed, &program, &[&["ping"], &logged_in[..]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(ran.stdout.lines().filter(|line| line.contains("reachable as")).count(), 4, "{}", ran.all());
    assert!(ran.stderr.contains("hosts: 4 reachable") && ran.stderr.contains("1 round trip"), "{}", ran.all());

    // one host's refusal leaves the others' answers whole
    let ran = run(&bed, &program, &[&["exec", "all"], &logged_in[..], &become_root, &["--", "id", "-un"]].concat());
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert_eq!(ran.stdout, "m1 m2 w1 | rc 0\n  root\n");
    assert!(ran.stderr.contains("w2  failed: sudo refuses the user"), "{}", ran.all());
    assert!(ran.stderr.contains("  hint: "), "{}", ran.all());

    let ran = run(&bed, &program, &[&["facts", "nodes:!w2", "--output", "json"], &logged_in[..], &become_root].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    for name in ["m1", "m2", "w1"] {
        let host = &document["hosts"][name];
        assert_eq!(host["answer"]["facts"]["facts"]["hostname"], name);
        assert_eq!(host["answer"]["facts"]["facts"]["os_release"]["id"], "debian");
        assert_eq!(host["answer"]["facts"]["facts"]["login"]["user"], "root");
        assert_eq!(host["round_trips"], 1, "all facts in one round trip");
    }

    // neither password is anywhere: not in any list of processes, environment, output or log
    let look = "for f in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do tr '\\0' '\\n' <\"$f\"; done 2>/dev/null | \
                grep -cE 'a .sudo. [s]ecret|a login.s .[e]cret'";
    let ran = run(&bed, &program, &[&["exec", "m1,m2"], &become_root[..], &["--", "sh", "-c", look]].concat());
    assert_eq!(ran.stdout, "m1 m2 | rc 1\n  0\n", "{}", ran.all());
    let ran = run(&bed, &program, &[&["exec", "m1", "-v"], &become_root[..], &["--", "printf", "%s|", SUDO, "x"]].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "m1 | rc 0\n  ***|x|\n"));
    for log in program.logs() {
        let text = std::fs::read_to_string(log).unwrap();
        assert!(!text.contains("sudo\\\" secret") && !text.contains("$ecret"), "{text}");
    }
}

#[test]
fn what_a_host_will_not_do_is_said_with_a_hint() {
    let bed = Bed::new().unwrap();
    let machines = bed.start_all(vec![bed.machine("m1").sudo(Sudo::Password(SUDO.into()))]).unwrap();
    let program = program(&machines);
    let mut seen = String::new();
    let mut look = |title: &str, arguments: &[&str], code| {
        let ran = run(&bed, &program, arguments);
        assert_eq!(ran.code, Some(code), "{title}: {}", ran.all());
        writeln!(seen, "== {title}\n{}", ran.all()).unwrap();
    };
    look("sudo wants a password", &["exec", "m1", "-b", "--", "true"], 2);
    look("a wrong password", &["exec", "m1", "-b", "--become-password-file", "login", "--", "true"], 2);
    program.file("home/.ssh/known_hosts", "");
    look("an unknown host key", &["exec", "m1", "--", "true"], 4);
    let _filters = filters();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"SHA256:[A-Za-z0-9+/]+", "SHA256:…");
    settings.add_filter(r"\d+\.\d+\.\d+\.\d+(:\d+)?", "ADDRESS");
    settings.bind(|| insta::assert_snapshot!("refusals", seen));
}
