//! Ctrl-C wherever the program may stand: at a question on a terminal, in a run, and before a pipe that nobody reads.

use std::io::{Read as _, Write as _};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::Program;
use crate::ssh_server::{Login, Options, SshServer};

/// A machine may be busy with other tests; a program that hangs does so for ever.
const PATIENCE: Duration = Duration::from_secs(30);
/// How soon a program that was told to end has to.
const SOON: Duration = Duration::from_secs(10);

fn until(what: &str, patience: Duration, mut there: impl FnMut() -> bool) {
    let late = Instant::now() + patience;
    while !there() {
        assert!(Instant::now() < late, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A program that is ended with the test, however that ends.
struct Running(Child);

impl Running {
    fn ended(&mut self, patience: Duration) -> Option<i32> {
        let mut status = None;
        until("it does not end", patience, || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program on a terminal.
struct OnTerminal {
    shell: Running,
    seen: Arc<Mutex<Vec<u8>>>,
    program: Program,
}

impl OnTerminal {
    /// Runs `homelabctl ARGUMENTS`, then tells its status and how the terminal was left.
    fn start(program: Program, arguments: &str) -> Self {
        // `exec` in a shell of its own: the number that is written down is the program's
        // the shell outlives a Ctrl-C that is for the program
        let line = format!(
            "trap : INT; /bin/sh -c 'echo $$ >pid; exec homelabctl {arguments}'; echo status=$?; /usr/bin/stty -a </dev/tty; echo over"
        );
        let mut shell = Running(program.type_on_terminal(&line));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut out, into) = (shell.0.stdout.take().unwrap(), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = out.read(&mut bytes) {
                into.lock().unwrap().extend_from_slice(&bytes[..length]);
            }
        });
        Self { shell, seen, program }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    fn sees(&self, text: &str, patience: Duration) {
        until(&format!("no `{text}`"), patience, || self.text().contains(text));
    }

    fn types(&mut self, text: &str) {
        let input = self.shell.0.stdin.as_mut().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    fn signal(&self, signal: Signal) {
        let number = std::fs::read_to_string(self.program.path("pid")).unwrap();
        kill_process(Pid::from_raw(number.trim().parse().unwrap()).unwrap(), signal).unwrap();
    }

    /// It ends with this status, and the terminal shows again what is typed.
    fn ended(&self, status: i32) {
        self.sees("over", SOON);
        let text = self.text();
        assert!(text.contains(&format!("status={status}\r\n")), "{text}");
        assert!(text.contains(" echo ") && text.contains(" icanon ") && text.contains(" isig") || text.contains("\nisig "), "{text}");
        assert!(!text.contains("-echo ") && !text.contains("-icanon") && !text.contains("-isig"), "{text}");
    }
}

fn server(runtime: &tokio::runtime::Runtime, login: Login) -> SshServer {
    runtime.block_on(SshServer::start(Options { login, ..Options::default() }))
}

/// A program whose list has that server, and whether it is known.
fn program(server: &SshServer, known: bool) -> Program {
    let program = Program::new();
    std::fs::create_dir(program.path("home/.ssh")).unwrap();
    program.file("hosts.ini", &format!("m1 ansible_host=127.0.0.1 ansible_port={} ansible_user=pat\n", server.address.port()));
    if known {
        program.file("home/.ssh/known_hosts", &server.known_hosts_line());
    }
    program
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn at_the_question_for_a_host_key() {
    let runtime = runtime();
    let server = server(&runtime, Login::AnyKey);
    // with progress lines, which the question takes off the screen, and without
    for term in ["xterm-256color", "dumb"] {
        let mut it = OnTerminal::start(program(&server, false).variable("TERM", term), "ping -i hosts.ini");
        it.sees("go on connecting? (yes/no) ", PATIENCE);
        it.types("\x03");
        it.ended(130);
        assert!(it.text().contains("interrupted"), "{}", it.text());
        assert!(!it.program.path("home/.ssh/known_hosts").exists());
    }
}

#[test]
fn the_question_for_a_host_key_wants_yes_or_no() {
    let runtime = runtime();
    let server = server(&runtime, Login::AnyKey);
    let mut it = OnTerminal::start(program(&server, false), "ping -i hosts.ini");
    it.sees("go on connecting? (yes/no) ", PATIENCE);
    it.types("what?\n");
    it.sees("please answer yes or no: ", PATIENCE);
    it.types("No\n");
    it.ended(4);
    assert!(!it.program.path("home/.ssh/known_hosts").exists());
}

#[test]
fn at_a_hidden_question_while_connecting() {
    let runtime = runtime();
    let server = server(&runtime, Login::Password("s3cret".into()));
    for signal in [None, Some(Signal::INT), Some(Signal::TERM)] {
        let mut it = OnTerminal::start(program(&server, true), "ping -i hosts.ini");
        it.sees("password: ", PATIENCE);
        match signal {
            None => it.types("half\x03"),
            Some(signal) => it.signal(signal),
        }
        it.ended(130);
        assert!(!it.text().contains(": : ") && !it.text().contains("half"), "{}", it.text());
    }
}

#[test]
fn at_a_hidden_question_before_the_run() {
    for signal in [None, Some(Signal::INT), Some(Signal::TERM)] {
        let program = Program::new();
        let mut it = OnTerminal::start(program, "ping -i m1, -c local -k");
        it.sees("SSH password: ", PATIENCE);
        match signal {
            None => it.types("half\x03"),
            Some(signal) => it.signal(signal),
        }
        it.ended(130);
        assert!(it.program.logs().is_empty(), "nothing ran");
    }
}

/// What `exec` prints fills the pipe that nobody reads.
const MUCH: &str = "seq 100000";

fn log_has(program: &Program, text: &str) -> bool {
    program.logs().iter().any(|log| std::fs::read_to_string(log).unwrap().contains(text))
}

#[test]
fn the_second_one_ends_at_once() {
    let program = Program::new();
    // the first host fills the pipe, the second one works for long
    let dir = program.path("").display().to_string();
    let script = format!("cd {dir}; if test -e first; then touch began; sleep 60; else touch first; {MUCH}; fi");
    // a line for each event, so that the first host's answer is written while the second one works
    let arguments = ["exec", "all", "-i", "m1,m2,", "-c", "local", "-f", "1", "--output", "jsonl", "--", "sh", "-c", &script];
    let mut it = Running(program.spawn(&arguments));
    until("it did not begin", PATIENCE, || program.path("began").exists());
    it.signal(Signal::INT);
    std::thread::sleep(Duration::from_secs(1));
    assert!(it.0.try_wait().unwrap().is_none(), "the first one waits for what was already found out to be written");
    it.signal(Signal::INT);
    assert_eq!(it.ended(Duration::from_secs(2)), Some(130));
}

#[test]
fn before_a_pipe_that_nobody_reads() {
    let program = Program::new();
    let mut it = Running(program.spawn(&["exec", "localhost", "--", "sh", "-c", MUCH]));
    until("it did not end there", PATIENCE, || log_has(&program, "host_finished"));
    // one that comes while the run is still ending is for the run
    for _ in 0..2 {
        std::thread::sleep(Duration::from_secs(1));
        if it.0.try_wait().unwrap().is_none() {
            it.signal(Signal::INT);
        }
    }
    assert_eq!(it.ended(Duration::from_secs(2)), Some(130));
}

#[test]
fn what_a_playbook_asks_stays_on_the_screen() {
    let program = Program::new().variable("TERM", "xterm-256color");
    program.file(
        "play.yml",
        "- hosts: localhost
  gather_facts: false
  vars_prompt:
    - {name: word, prompt: A word, private: false}
    - {name: hidden, prompt: Hidden, confirm: true}
  tasks:
    - pause: {prompt: Go on}
      register: typed
    - debug: {msg: '{{ word }} {{ hidden | length }} {{ typed.user_input }}'}
",
    );
    let mut it = OnTerminal::start(program, "provision play.yml --step");
    for (question, answer) in [
        ("A word: ", "one\n"),
        ("Hidden: ", "hidden-text\n"),
        ("confirm Hidden: ", "hidden-text\n"),
        ("Perform task: pause (N)o/(y)es/(c)ontinue: ", "y\n"),
        ("Go on:", "typed\n"),
        ("Perform task: debug (N)o/(y)es/(c)ontinue: ", "c\n"),
    ] {
        it.sees(question, PATIENCE);
        // as long as several turns of the progress line
        std::thread::sleep(Duration::from_millis(350));
        assert!(it.text().ends_with(question), "{:?}", it.text());
        it.types(answer);
    }
    it.ended(0);
    assert!(it.text().contains("one 11 typed") && !it.text().contains("hidden-text"), "{}", it.text());
}
