//! Modules that act on a machine as a whole, tried on a simulated one.

use serde_json::{Value, json};

use super::async_status::AsyncStatus;
use super::bench::{Bench, Files, Seen};
use super::command::Command;
use super::get_url::GetUrl;
use super::raw::Raw;
use super::reboot::Reboot;
use super::script::Script;
use super::shell::Shell;
use super::wait_for::WaitFor;
use super::{Act, FREE_FORM, Module};
use crate::node::apply::{Carried, Output};
use crate::node::simulated::World;
use crate::node::steps::{Run, Step, Until};

fn world() -> World {
    let mut world = World::new(1);
    world.add_account("pat", 1000);
    world.add_directory("/srv/t", 0o755);
    world.add_file("/srv/t/there", b"x", 0o644);
    for directory in ["/usr", "/usr/bin"] {
        world.add_directory(directory, 0o755);
    }
    world.add_file("/usr/bin/curl", b"", 0o755);
    world
}

/// What is run.
fn run_of(module: &dyn Module, args: &Value) -> Run {
    match Bench::new(world()).run(module, args) {
        Seen::Changed(_, change, _) => match change.steps.as_slice() {
            [Step::Run(run)] => run.clone(),
            steps => panic!("{steps:?}"),
        },
        seen => panic!("{seen:?}"),
    }
}

#[test]
fn a_command_is_words_and_a_shells_is_a_text() {
    let run = run_of(&Command, &json!({FREE_FORM: "echo 'a b' | cat", "chdir": "srv", "stdin": "x"}));
    assert_eq!(run.argv, ["echo", "a b", "|", "cat"]);
    assert_eq!((run.cwd.as_deref(), run.stdin.as_deref(), run.any_status, run.timed), (Some("./srv"), Some("x\n"), true, true));
    assert_eq!(run_of(&Command, &json!({"argv": ["a b", "c"]})).argv, ["a b", "c"]);
    let run = run_of(&Shell, &json!({"cmd": "echo $HOME", "executable": "/bin/bash", "stdin": "x", "stdin_add_newline": false}));
    assert_eq!((run.argv, run.stdin.as_deref()), (vec!["/bin/bash".into(), "-c".into(), "echo $HOME".into()], Some("x")));
    assert_eq!(run_of(&Raw, &json!({FREE_FORM: "true"})).argv, ["/bin/sh", "-c", "true"]);
}

#[test]
fn what_is_there_is_not_made_again() {
    for (args, wanted) in [
        (json!({"cmd": "true", "creates": "/srv/t/there"}), Some("Did not run command since '/srv/t/there' exists")),
        (json!({"cmd": "true", "creates": "/srv/t/th*e"}), Some("Did not run command since '/srv/t/th*e' exists")),
        (json!({"cmd": "true", "creates": "/srv/t/none"}), None),
        (json!({"cmd": "true", "removes": "/srv/t/none"}), Some("Did not run command since '/srv/t/none' does not exist")),
        (json!({"cmd": "true", "removes": "there", "chdir": "/srv/t"}), None),
        (json!({"cmd": "true", "creates": "there", "chdir": "/srv/t"}), Some("Did not run command since 'there' exists")),
    ] {
        match (Bench::new(world()).run(&Shell, &args), wanted) {
            (Seen::Unchanged(decision), Some(wanted)) => {
                assert_eq!((&decision.result["msg"], &decision.result["rc"]), (&wanted.into(), &0.into()), "{args}");
            }
            (Seen::Changed(..), None) => {}
            (seen, _) => panic!("{args}: {seen:?}"),
        }
    }
}

#[test]
fn what_a_command_said_is_registered() {
    let output = Output { status: 2, stdout: b"a\nb\n".to_vec(), stderr: b"@k 1.0 +0000\noops\n\n@k 2.0 +0000\n".to_vec(), cut: false };
    let carried = Carried { outputs: vec![output], ..Carried::default() };
    let result = Bench::new(world()).result(&Command, &json!({"cmd": "x"}), Some(&carried));
    assert_eq!(
        (&result["rc"], &result["stdout_lines"], &result["stderr"], &result["failed"], &result["delta"]),
        (&2.into(), &json!(["a", "b"]), &"oops".into(), &true.into(), &"0:00:01".into())
    );
}

#[test]
fn a_script_takes_its_place_in_the_command() {
    let mut bench = Bench::new(world());
    bench.outside = Files([Files::file("my script.sh", b"#!/bin/sh\n", 0o755)].into());
    let Seen::Changed(_, change, _) = bench.run(&Script, &json!({FREE_FORM: "'my script.sh' --x 'a b'", "executable": "bash"})) else {
        panic!("not run")
    };
    let [Step::Run(run)] = change.steps.as_slice() else { panic!("{change:?}") };
    assert_eq!(run.argv[4..], ["my script.sh", "", "bash '", "' --x 'a b'"]);
    assert!(matches!(bench.run(&Script, &json!({FREE_FORM: "none.sh"})), Seen::Failed(_)));
}

#[test]
fn a_machine_that_speaks_no_http_is_told() {
    let mut bench = Bench::new(World::new(1));
    bench.machine.world().add_directory("/srv/t", 0o755);
    // the controller asks in its place, but for what only a program of the machine's can
    let seen = bench.run(&GetUrl, &json!({"url": "ftp://server/f", "dest": "/srv/t/f"}));
    assert!(matches!(&seen, Seen::Refused(why) if why.contains("curl")), "{seen:?}");
    for list in ["ftp://server/sums", "file:///srv/sums"] {
        let options = json!({"url": "http://server/f", "dest": "/srv/t/f", "checksum": format!("sha256:{list}")});
        let seen = bench.run(&GetUrl, &options);
        assert!(matches!(&seen, Seen::Refused(why) if why.contains("curl")), "{seen:?}");
    }
    let seen = bench.run(&GetUrl, &json!({"url": "http://server/f", "dest": "/srv/t/f"}));
    assert!(matches!(&seen, Seen::StepFailed(why) if why.contains("404")), "{seen:?}");
}

#[test]
fn what_is_waited_for() {
    for (args, wanted) in [
        (json!({"port": 22}), "open"),
        (json!({"port": 22, "state": "stopped"}), "closed"),
        (json!({"port": 22, "search_regex": "OpenSSH"}), "says"),
        (json!({"port": 22, "state": "drained"}), "drained"),
        (json!({"path": "/a"}), "there"),
        (json!({"path": "/a", "state": "absent"}), "gone"),
        (json!({"path": "/a", "search_regex": "x"}), "line"),
        (json!({"timeout": 3}), "over"),
    ] {
        let Seen::Changed(_, change, _) = Bench::new(world()).run(&WaitFor, &args) else { panic!("{args}") };
        let [Step::WaitFor(wait)] = change.steps.as_slice() else { panic!("{change:?}") };
        let is = match wait.until {
            Until::Over => "over",
            Until::There(_) => "there",
            Until::Gone(_) => "gone",
            Until::Line { .. } => "line",
            Until::Open(_) => "open",
            Until::Closed(_) => "closed",
            Until::Says { .. } => "says",
            Until::Drained { .. } => "drained",
        };
        assert_eq!(is, wanted, "{args}");
    }
    for args in [
        json!({"path": "/a", "state": "stopped"}),
        json!({"port": 1, "exclude_hosts": ["::1"]}),
        json!({"path": "/a", "search_regex": "("}),
    ] {
        assert!(matches!(Bench::new(world()).run(&WaitFor, &args), Seen::Failed(_)), "{args}");
    }
}

#[test]
fn a_reboot_is_data() {
    let args = Bench::args(&Reboot, &json!({"msg": "it's time", "pre_reboot_delay": 130, "reboot_timeout": 60}));
    let (decision, _) = Bench::new(world()).plan(&Reboot, &args).unwrap();
    let Act::Reboot(reboot) = decision.act else { panic!("{decision:?}") };
    assert!(reboot.command.ends_with("shutdown -r 2 'it'\"'\"'s time'"), "{}", reboot.command);
    assert_eq!((reboot.timeout, reboot.test_command.as_str(), reboot.connect_timeout), (60, "whoami", None));
}

#[test]
fn a_job_is_read_from_its_file() {
    let mut world = world();
    world.add_directory("/root/.ansible_async", 0o700);
    world.add_file("/root/.ansible_async/j1", br#"{"rc": 0, "changed": true}"#, 0o600);
    world.add_file("/root/.ansible_async/j2", br#"{"started": true, "finished": false}"#, 0o600);
    world.add_file("/root/.ansible_async/j3", b"", 0o600);
    let status = |jid: &str| {
        let args = Bench::args(&AsyncStatus, &json!({"jid": jid, "_async_dir": "/root/.ansible_async"}));
        Bench::new(world.clone()).plan(&AsyncStatus, &args).unwrap().0
    };
    assert_eq!((&status("j1").result["finished"], &status("j1").result["rc"]), (&true.into(), &0.into()));
    assert_eq!(status("j2").result["finished"], false);
    assert_eq!(status("j3").result["finished"], false);
    assert_eq!(status("j4").act, Act::Fail("could not find job".into()));
    let args = json!({"jid": "j1", "_async_dir": "/root/.ansible_async", "mode": "cleanup"});
    let mut bench = Bench::new(world.clone());
    assert!(matches!(bench.run(&AsyncStatus, &args), Seen::Changed(..)));
    assert!(matches!(bench.run(&AsyncStatus, &args), Seen::Failed(_)));
}
