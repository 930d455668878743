//! Runs on this machine taken as one or several hosts: what is shown where, logs, exit codes, Ctrl-C.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{Program, filters};

const THREE: [&str; 4] = ["-i", "m1,m2,w1,", "-c", "local"];

fn exec<'a>(flags: &[&'a str], command: &[&'a str]) -> Vec<&'a str> {
    [&["exec", "all"], THREE.as_slice(), flags, &["--"], command].concat()
}

#[test]
fn equal_answers_stand_together() {
    let program = Program::new();
    let ran = program.run(&exec(&[], &["sh", "-c", "echo one; echo 'two\x1b[2J'; echo err >&2"]));
    let _filters = filters();
    insta::assert_snapshot!("exec_human", ran.all());
    let ran = program.run(&exec(&["-l", "m1"], &["sh", "-c", "exit 3"]));
    insta::assert_snapshot!("exec_failed", ran.all());
}

#[test]
fn a_script_with_arguments() {
    let program = Program::new();
    program.file("it.sh", "#!/bin/sh\nprintf '%s\\n' \"$@\"\ncat\n");
    let ran = program.run(&["exec", "localhost", "--script", "it.sh", "--", "a b", "$HOME"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "localhost | rc 0\n  a b\n  $HOME\n"));
}

#[test]
fn json_and_json_lines() {
    let program = Program::new();
    let ran = program.run(&exec(&["--output", "json"], &["printf", "a\u{9b}\\377"]));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(!ran.stdout.contains('\u{9b}'), "no control character stands raw");
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["hosts"].as_object().unwrap().keys().collect::<Vec<_>>(), ["m1", "m2", "w1"]);
    assert_eq!(document["hosts"]["w1"]["answer"]["exec"]["stdout"]["base64"], "YcKb/w==");

    let ran = program.run(&exec(&["--output", "jsonl"], &["true"]));
    let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["version"] == 1 && event["time"].is_string()));
    let kinds: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).filter(|kind| *kind != "host_does").collect();
    assert_eq!(kinds, ["run_started", "host_finished", "host_finished", "host_finished", "run_finished"]);
}

#[test]
fn verbose_tells_what_happens() {
    let ran = Program::new().run(&["ping", "localhost", "-v"]);
    let _filters = filters();
    insta::assert_snapshot!("ping_verbose", ran.all());
}

#[test]
fn ping_as_a_document() {
    let ran = Program::new().run(&["ping", "localhost", "--output", "json"]);
    let _filters = filters();
    insta::assert_snapshot!("ping_json", ran.all());
}

#[test]
fn the_log_is_its_owner_s_and_holds_every_event() {
    let program = Program::new();
    let ran = program.run(&["exec", "localhost", "--", "false"]);
    assert_eq!(ran.code, Some(2));
    let logs = program.logs();
    let name = logs[0].file_name().unwrap().to_str().unwrap();
    assert!(ran.stderr.contains(&format!("log: DIR/state/homelabctl/runs/{name}\n")), "{}", ran.stderr);
    assert_eq!(std::fs::metadata(&logs[0]).unwrap().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(program.path("state/homelabctl/runs")).unwrap().mode() & 0o777, 0o700);
    let json = program.run(&["exec", "localhost", "--output", "json", "--", "false"]);
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    let log = document["log"].as_str().unwrap().to_owned();
    assert_eq!(json.stderr, format!("log: {log}\n"));
    std::fs::remove_file(log.replace("DIR", &program.path("").display().to_string())).unwrap();
    let events: Vec<Value> = program.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.first().unwrap()["event"], "run_started");
    assert_eq!(events.last().unwrap()["exit_code"], 2);
}

#[test]
fn without_a_log_the_run_goes_on_and_says_so() {
    let program = Program::new();
    program.file("state/homelabctl", "in the way");
    let ran = program.run(&["exec", "localhost", "--", "echo", "hi"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "localhost | rc 0\n  hi\n"));
    assert!(ran.stderr.starts_with("warning: there is no log of this run: making DIR/state/homelabctl/runs: "), "{}", ran.stderr);
}

#[test]
fn the_log_in_the_home_is_shown_with_a_tilde() {
    let program = Program::new().variable("XDG_STATE_HOME", "");
    let ran = program.run(&["exec", "localhost", "--", "false"]);
    assert!(ran.stderr.contains("log: ~/.local/state/homelabctl/runs/"), "{}", ran.stderr);
}

#[test]
fn a_secret_is_nowhere() {
    let program = Program::new();
    let secret = "pa'ss \"w\\rd/ä";
    program.file("vars.json", &serde_json::json!({"ansible_become_password": secret}).to_string());
    program.file("password", secret);
    let show = "f=$(cat password); printf '%s\\n' \"$f\"; printf %s \"$f\" | base64; printf 'x %s' \"$f\" | base64 >&2; cat vars.json";
    let show = format!("cd {}; {show}", program.path("").display());
    for output in ["human", "json", "jsonl"] {
        let ran = program.run(&["exec", "localhost", "--output", output, "-e", "@vars.json", "--", "sh", "-c", &show, secret]);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        for text in [ran.all(), std::fs::read_to_string(program.logs().pop().unwrap()).unwrap()] {
            assert!(text.contains("***") && !text.contains("pa'ss") && !text.contains("rd/"), "{text}");
            assert!(!text.contains("cGEnc3M") && !text.contains("YSdzc"), "{text}");
        }
        std::fs::remove_dir_all(program.path("state/homelabctl")).unwrap();
    }
}

#[test]
fn a_password_too_short_to_hide_is_said() {
    let program = Program::new();
    program.file("password", "abc\n");
    let ran = program.run(&["ping", "localhost", "-e", "ansible_become=true", "--become-password-file", "password"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.starts_with("warning: the BECOME password has less than 4 characters"), "{}", ran.stderr);
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let line = "homelabctl exec localhost -- false";
    let coloured = Program::new().run_on_terminal(line);
    assert_eq!(coloured.code, Some(2));
    assert!(coloured.stdout.contains("\x1b[1;31mrc 1\x1b[0m"), "{:?}", coloured.stdout);
    let plain = [
        Program::new().variable("NO_COLOR", "1").run_on_terminal(line),
        Program::new().variable("TERM", "dumb").run_on_terminal(line),
        Program::new().run_on_terminal("homelabctl --no-color exec localhost -- false"),
    ];
    for ran in plain {
        assert!(ran.stdout.contains("localhost | rc 1") && !ran.stdout.contains("\x1b[1;"), "{:?}", ran.stdout);
    }
    // set but empty does not count
    assert!(Program::new().variable("NO_COLOR", "").run_on_terminal(line).stdout.contains("\x1b[1;31m"));
    assert!(!Program::new().run(&["exec", "localhost", "--", "false"]).all().contains('\x1b'));
}

#[test]
fn progress_is_drawn_on_a_terminal_only() {
    let ran = Program::new().run_on_terminal("homelabctl exec localhost -- sleep 0.4");
    assert!(ran.stdout.contains("0 of 1 hosts") && ran.stdout.contains("running"), "{:?}", ran.stdout);
    let ran = Program::new().run(&["exec", "localhost", "--", "sleep", "0.4"]);
    assert!(!ran.all().contains("of 1 hosts"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let program = Program::new();
    for output in ["human", "json", "jsonl"] {
        let mut child = program.spawn(&["exec", "localhost", "--output", output, "--", "seq", "100000"]);
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{output}: {stderr}");
        assert!(!stderr.contains("error") && !stderr.contains("panic"), "{output}: {stderr}");
    }
}

#[test]
fn results_that_cannot_be_written_are_a_failure() {
    let program = Program::new();
    for arguments in [&["exec", "localhost", "--", "true"][..], &["completions", "bash"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = program.command(env!("CARGO_BIN_EXE_homelabctl"));
        let output = command.args(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("error: writing the results: No space left on device"), "{stderr}");
    }
}

#[test]
fn a_host_that_is_not_there_spoils_nothing_for_the_others() {
    let program = Program::new();
    program.file("hosts.ini", "here ansible_connection=local\ngone ansible_host=127.0.0.1 ansible_port=1\n");
    let ran = program.run(&["ping", "-i", "hosts.ini"]);
    let _filters = filters();
    insta::assert_snapshot!("ping_unreachable", ran.all());
}

/// Waits until the program says that it runs the command.
fn running(program: &Program) {
    let until = Instant::now() + Duration::from_secs(20);
    while !program.path("began").exists() {
        assert!(Instant::now() < until, "it did not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_interrupt_ends_it_cleanly() {
    let program = Program::new();
    let child = program.spawn(&["exec", "localhost", "--", "sh", "-c", &format!("touch {}; sleep 60", program.path("began").display())]);
    running(&program);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let interrupted = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(interrupted.elapsed() < Duration::from_secs(4));
    assert_eq!(output.status.code(), Some(130));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("warning: interrupted") && stderr.contains("localhost  unknown: interrupted; it may still run there"),
        "{stderr}"
    );
    assert!(stderr.contains("log: "), "{stderr}");
}
