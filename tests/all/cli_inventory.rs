//! `homelabctl inventory`: what a person and a program see, and what nobody sees.

use std::io::Write as _;
use std::path::Path;

use crate::program::{Program, filters};

/// A project with an encrypted value and a password in the clear.
fn project() -> Program {
    let program = Program::new();
    for dir in ["inventory", "inventory/group_vars", "inventory/host_vars"] {
        std::fs::create_dir(program.path(dir)).unwrap();
    }
    let hosts = "\
[masters]
m1 ansible_host=10.0.0.11 ansible_become_pass=hunter2222
m2

[workers]
w[1:2]

[cluster:children]
masters
workers

[cluster:vars]
domain=lan
motd=\"{{ inventory_hostname }} is one of {{ groups.cluster | length }}\"
";
    program.file("inventory/hosts", hosts);
    let vaulted: String = include_str!("../records/vault/sudo.txt").lines().map(|line| format!("    {line}\n")).collect();
    program.file("inventory/group_vars/all.yml", &format!("domain: example\napi_key: !vault |\n{vaulted}"));
    program.file("inventory/group_vars/workers.yml", "domain: workers.lan\nlabels: {disk: fast, rack: 7}\n");
    program.file("inventory/host_vars/w1.yml", "domain: w1.lan\nauth: \"Bearer {{ api_key }}\"\n");
    program.file("password", "correct horse\n");
    program
}

#[test]
fn a_mistake_in_a_line_of_a_thousand_hosts_is_told_once() {
    let program = Program::new();
    program.file("hosts", "node[1:1000] x=\"{{ bad\"\n");
    let ran = program.run(&["inventory", "list", "-i", "hosts"]);
    assert_eq!((ran.code, ran.stderr.matches("the template is not closed").count()), (Some(64), 1), "{}", ran.all());
}

#[test]
fn what_a_person_sees() {
    let program = project();
    let mut seen = String::new();
    for line in [
        "list",
        "list workers:&cluster:!w2",
        "graph cluster",
        "graph --vars workers --vault-password-file password",
        "host w1 --vault-password-file password",
        "host m1",
        "host localhost",
        "explain w1 domain",
        "explain w1 domain -e domain=cli",
        "explain w1 motd",
        "explain w1 auth --vault-password-file password",
        "explain w1 auth",
        "explain m1 ansible_become_pass",
        "explain w1 domain --output json",
        "list m2 --output json",
        "list m2 --output jsonl",
        "list m2 --output json --vault-password-file password",
    ] {
        let arguments: Vec<&str> = std::iter::once("inventory").chain(line.split(' ')).collect();
        let ran = program.run(&arguments);
        assert_eq!(ran.code, Some(0), "{line}: {}", ran.all());
        // in the clear it stands in the file, and in the document that Ansible prints too
        let document = line.contains("json");
        assert!(!ran.all().contains("s3cret sudo") && (document || !ran.all().contains("hunter")), "{}", ran.all());
        seen += &format!("$ homelabctl inventory {line}\n{}{}\n", ran.stdout, ran.stderr);
    }
    insta::assert_snapshot!(seen);
    assert!(program.logs().is_empty());
}

#[test]
fn what_is_asked_for_and_is_not_there() {
    let program = project();
    let mut seen = String::new();
    for line in [
        "host w3",
        "host workers",
        "host nothing",
        "graph wrokers",
        "graph w1",
        "explain w1 domian",
        "explain w3 domain",
        "explain w1",
        "list wrokers",
        "list w1 -l m1",
        "--list",
        "lsit",
        "list -i nowhere",
    ] {
        let arguments: Vec<&str> = std::iter::once("inventory").chain(line.split(' ')).collect();
        let ran = program.run(&arguments);
        assert_eq!(ran.code, Some(64), "{line}: {}", ran.all());
        seen += &format!("$ homelabctl inventory {line}\n{}{}\n", ran.stdout, ran.stderr);
    }
    let _filters = filters();
    insta::assert_snapshot!(seen);
}

#[test]
fn vault_passwords_are_asked_for_without_an_echo_and_open_what_they_should() {
    let program = project();
    let mut child = program.type_on_terminal("homelabctl inventory explain w1 auth -J --output json");
    // the question comes first
    std::thread::sleep(std::time::Duration::from_millis(700));
    child.stdin.take().unwrap().write_all(b"correct horse\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("Vault password: ") && !text.contains("horse"), "{text}");
    assert!(text.contains("\"value\": \"***\""), "{text}");
    // from a program, by name, and in vain
    program.file("ask.sh", "#!/bin/sh\necho 'correct horse'\n");
    program.file("ask-client.sh", "#!/bin/sh\nprintf '%s' \"$1 $2\" >seen\necho 'correct horse'\n");
    for name in ["ask.sh", "ask-client.sh"] {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(program.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    for arguments in [&["--vault-password-file", "ask.sh"][..], &["--vault-id", "prod@ask-client.sh"], &["--vault-id", "password"]] {
        let ran = program.run(&[&["inventory", "host", "w1"], arguments].concat());
        assert!(ran.code == Some(0) && ran.stdout.contains("auth") && !ran.stdout.contains("{{ api_key"), "{}", ran.all());
    }
    assert_eq!(std::fs::read_to_string(program.path("seen")).unwrap(), "--vault-id prod");
    let ran = program.run(&["inventory", "host", "w1", "--vault-password-file", "none"]);
    assert_eq!((ran.code, ran.stderr.contains("cannot read the vault password in `none`")), (Some(64), true), "{}", ran.all());
}

#[test]
fn the_example_is_what_it_says() {
    let program = Program::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventory");
    std::os::unix::fs::symlink(example, program.path("inventory")).unwrap();
    let ran = program.run(&["inventory", "list"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(ran.stdout + &program.run(&["inventory", "graph"]).stdout + &program.run(&["inventory", "host", "w1"]).stdout);
}

#[test]
fn where_hosts_are_looked_for() {
    let program = Program::new();
    let first = |arguments: &[&str]| program.run(&[&["inventory", "list"], arguments].concat()).stdout;
    std::fs::create_dir(program.path("inventory")).unwrap();
    program.file("inventory/hosts", "usual\n").file("given", "given\n").file("set", "set\n");
    assert_eq!(first(&[]), "usual\n");
    program.file("ansible.cfg", "[defaults]\ninventory = set\n");
    assert_eq!(first(&[]), "set\n");
    assert_eq!(first(&["-i", "given"]), "given\n");
    assert_eq!(first(&["-i", "given", "-i", "x,y,"]), "given\nx\ny\n");
    // a directory that everybody can write may hold somebody else's file
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(program.path("."), std::fs::Permissions::from_mode(0o777)).unwrap();
    let ran = program.run(&["inventory", "list"]);
    assert_eq!(ran.stdout, "usual\n", "{}", ran.all());
    assert!(ran.stderr.contains("ansible.cfg"), "{}", ran.all());
}
