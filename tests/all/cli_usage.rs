//! What is wrong is said before anything is contacted: status 64, all mistakes at once, and what was probably meant.

use crate::program::{Program, filters};

fn refused(name: &str, program: &Program, arguments: &[&str]) {
    let ran = program.run(arguments);
    assert_eq!(ran.code, Some(64), "{arguments:?}: {}", ran.all());
    assert!(program.logs().is_empty(), "nothing ran, so there is nothing to log");
    let _filters = filters();
    insta::assert_snapshot!(name, format!("$ homelabctl {}\n{}", arguments.join(" "), ran.all()));
}

#[test]
fn mistyped_flags_and_commands() {
    let program = Program::new();
    refused("command", &program, &["pign", "all"]);
    refused("flag", &program, &["ping", "--bcome", "-i", "m1,"]);
    refused("format", &program, &["ping", "-i", "m1,", "--output", "jsn"]);
    refused("forks", &program, &["ping", "-i", "m1,", "-f", "0"]);
    refused("exec_without_command", &program, &["exec", "all", "-i", "m1,"]);
    refused("exec_without_dashes", &program, &["exec", "all", "uptime", "-i", "m1,"]);
    refused("two_ways_to_a_password", &program, &["ping", "-i", "m1,", "-K", "--become-password-file", "x"]);
}

/// As Ansible's users type them first.
#[test]
fn flags_before_the_command() {
    let program = Program::new();
    let after = "flags about hosts stand after the command";
    for (arguments, tip) in [
        (&["-i", "hosts.ini", "ping", "all"][..], Some("`homelabctl ping -i ...`")),
        (&["--output", "json", "-ihosts.ini", "exec", "all", "--", "true"], Some("`homelabctl exec -i ...`")),
        (&["-u", "pat", "facts"], Some("`homelabctl facts -u ...`")),
        (&["--limit=m1", "ping"], Some("`homelabctl ping --limit ...`")),
        (&["-l", "m1"], Some("-l ...`")),
        (&["-i", "hosts.ini", "inventory", "list"], Some("`homelabctl inventory list -i ...`")),
        (&["inventory", "-i", "hosts.ini", "graph"], Some("`homelabctl inventory graph -i ...`")),
        (&["completions", "-i", "x", "bash"], None),
        (&["--no-such-flag", "ping"], None),
    ] {
        let ran = program.run(arguments);
        assert_eq!(ran.code, Some(64), "{}", ran.all());
        assert_eq!(ran.stderr.contains(after), tip.is_some(), "{}", ran.all());
        assert!(ran.stderr.contains(tip.unwrap_or_default()), "{}", ran.all());
    }
}

#[test]
fn nothing_to_do() {
    let program = Program::new();
    refused("no_hosts", &program, &["ping"]);
    refused("no_file", &program, &["ping", "-i", "m1"]);
    refused("pattern", &program, &["ping", "masters:!m4", "-i", "m1,m2,m3,", "-l", "m5"]);
    refused("nothing_left", &program, &["ping", "m1", "-i", "m1,m2,", "-l", "m2"]);
}

#[test]
fn a_file_with_mistakes() {
    let program = Program::new();
    program.file(
        "hosts.ini",
        "[masters]\nm1 ansible_hots=10.0.0.1\nm2 ansible_port=ssh ansible_become=maybe\n[masters:vars]\nansible_user=pat\nnode[1:3].lan\n",
    );
    refused("inventory", &program, &["ping", "-i", "hosts.ini"]);
    program.file("hosts.ini", "m2 ansible_port=ssh ansible_become=maybe\nm3 ansible_connection=winrm\n");
    refused("values", &program, &["ping", "-i", "hosts.ini"]);
}

#[test]
fn variables_that_would_be_ignored() {
    refused("extra_variables", &Program::new(), &["ping", "-i", "m1,", "-e", "rack=3 ansible_usr=pat"]);
}

#[test]
fn a_broken_ssh_config() {
    let program = Program::new();
    std::fs::create_dir(program.path("home/.ssh")).unwrap();
    program.file("home/.ssh/config", "Host m1\n  Port twenty\n");
    refused("ssh_config", &program, &["ping", "-i", "m1,m2,"]);
}

#[test]
fn a_password_beside_a_mistake_is_not_shown() {
    let program = Program::new();
    program.file("hosts.ini", "m1 ansible_pasword=hunter2222 ansible_host=10.0.0.1\n");
    let ran = program.run(&["ping", "-i", "hosts.ini", "--output", "json"]);
    assert_eq!(ran.code, Some(64));
    assert!(!ran.all().contains("hunter"), "{}", ran.all());
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["notices"][0]["message"], "unknown variable `ansible_pasword`");
    assert_eq!(document["exit_code"], 64);
}

#[test]
fn mistakes_of_all_kinds_come_together_and_before_any_question() {
    let program = Program::new();
    std::fs::create_dir(program.path("home/.ssh")).unwrap();
    program.file("home/.ssh/config", "Host m1\n  Port twenty\n");
    refused("all_kinds", &program, &["facts", "-i", "m1,", "--filter", "os_relaese", "-e", "ansible_port=x", "-K"]);
}

#[test]
fn flags_without_effect_are_named() {
    let ran = Program::new().run(&["ping", "localhost", "--become-user", "pat", "-u", "pat"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.contains("warning: `--become-user` has no effect: without --become"), "{}", ran.stderr);
    assert!(ran.stderr.contains("warning: `--user` has no effect: this machine itself"), "{}", ran.stderr);
}

#[test]
fn password_files() {
    let program = Program::new();
    let ran = program.run(&["ping", "-i", "m1,", "--become-password-file", "none"]);
    assert_eq!((ran.code, ran.stderr.contains("cannot read the password in `none`")), (Some(64), true), "{}", ran.all());
    let ran = program.run(&["ping", "-i", "m1,", "--become-password-file", "-", "--connection-password-file", "-"]);
    assert_eq!((ran.code, ran.stderr.contains("both passwords cannot come from stdin")), (Some(64), true), "{}", ran.all());
}

#[test]
fn tasks_and_tags_that_nothing_has() {
    let program = Program::new();
    program.file(
        "play.yml",
        "- hosts: localhost\n  gather_facts: false\n  tags: whole\n  tasks:\n    - {name: install it, debug: {msg: a}, tags: [packages]}\n    - debug: {msg: b}\n",
    );
    let run = |arguments: &[&str]| program.run(&[&["provision", "play.yml"], arguments].concat());
    let ran = run(&["--start-at-task", "instal it"]);
    assert_eq!(ran.code, Some(64), "{}", ran.all());
    assert!(ran.stderr.contains("there is no task `instal it`") && ran.stderr.contains("did you mean `install it`?"), "{}", ran.all());
    for name in ["install it", "inst*", "debug"] {
        let ran = run(&["--start-at-task", name]);
        assert_eq!((ran.code, ran.all().contains("localhost  b")), (Some(0), true), "{name}: {}", ran.all());
    }
    let ran = run(&["--tags", "package", "--skip-tags", "whole,nope"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stderr.contains("warning: `--tags`: nothing has the tag `package`"), "{}", ran.all());
    assert!(
        ran.stderr.contains("did you mean `packages`?") && ran.stderr.contains("`--skip-tags`: nothing has the tag `nope`"),
        "{}",
        ran.all()
    );
    // what is included while the run goes on may have it
    program.file("more.yml", "- debug: {msg: c}\n  tags: late\n");
    program.file("play.yml", "- hosts: localhost\n  gather_facts: false\n  tasks: [{include_tasks: more.yml, tags: always}]\n");
    let ran = run(&["--tags", "late"]);
    assert!(!ran.all().contains("nothing has the tag") && ran.all().contains("localhost  c"), "{}", ran.all());
}
