//! What the renderers' tests share: a screen in memory and a run to show on it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::json;

use super::{Answer, Captured, Ended, Event, FactSheet, HostAnswer, Outcome, Ping, Problem, Renderer, Stamped, end_of_run};

/// Something to write to and to look at afterwards.
#[derive(Clone, Default)]
pub(super) struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn show(renderer: &mut dyn Renderer, events: &[Stamped]) {
    for event in events {
        renderer.event(event).unwrap();
    }
}

fn text(text: &str) -> Captured {
    Captured { text: text.into(), base64: None }
}

pub(super) fn exec(host: &str, status: i32, stdout: &str, stderr: &str) -> HostAnswer {
    let outcome = if status == 0 { Outcome::Changed } else { Outcome::Failed };
    let ended = Ended { status, stdout: text(stdout), stderr: text(stderr) };
    HostAnswer { elapsed_ms: 30, round_trips: 1, ..HostAnswer::good(host.into(), outcome, Answer::Exec(ended)) }
}

pub(super) fn ping(host: &str, user: &str, connect_ms: u64) -> HostAnswer {
    let ping = Ping { user: user.into(), connect_ms, round_trip_ms: 1.25 };
    HostAnswer { elapsed_ms: connect_ms + 2, round_trips: 1, ..HostAnswer::good(host.into(), Outcome::Unchanged, Answer::Ping(ping)) }
}

pub(super) fn facts(host: &str, os: &str) -> HostAnswer {
    let sheet = FactSheet {
        summary: vec![("os".into(), os.into()), ("addresses".into(), "192.168.2.11, fd00::11".into())],
        facts: [("os_release".to_owned(), json!({"pretty_name": os}))].into_iter().collect(),
        unknown: [("time".to_owned(), "date: not found".to_owned())].into_iter().collect(),
    };
    HostAnswer { elapsed_ms: 80, round_trips: 1, ..HostAnswer::good(host.into(), Outcome::Unchanged, Answer::Facts(sheet)) }
}

pub(super) fn lost(host: &str) -> HostAnswer {
    let problem = Problem::new("connect to 192.168.2.99 port 22: connection refused").hint("is sshd running there?");
    HostAnswer::bad(host.into(), Outcome::Unreachable, problem)
}

/// A run of `command` in which these hosts answered.
pub(super) fn run(command: &str, answers: Vec<HostAnswer>) -> Vec<Stamped> {
    let hosts = answers.iter().map(|answer| answer.host.clone()).collect();
    let outcomes: Vec<Outcome> = answers.iter().map(|answer| answer.outcome).collect();
    let arguments = vec!["homelabctl".into(), command.into()];
    let mut events = vec![Event::RunStarted { command: command.into(), arguments, program: "0.1.0".into(), hosts }];
    events.push(Event::HostDoes { host: "m1".into(), doing: "connecting".into() });
    // they finish in another order than they were asked in
    events.extend(answers.into_iter().rev().map(Event::HostFinished));
    events.push(end_of_run(&outcomes, None, 640, None).0);
    events.into_iter().map(|event| Stamped::new(Timestamp::UNIX_EPOCH, event)).collect()
}

/// A run with one of everything.
pub(super) fn a_run() -> Vec<Stamped> {
    let mut events = run("exec", vec![exec("m1", 0, "a\u{1b}[2J\u{9b}\n", ""), exec("m2", 1, "", "no such file\n"), lost("w1")]);
    events.insert(1, Stamped::new(Timestamp::UNIX_EPOCH, Event::warning("`ansible_python_interpreter` has no effect")));
    events
}
