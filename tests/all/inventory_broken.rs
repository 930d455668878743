//! Broken inventories, each a folder of `tests/records/broken-inventory`: what a person is told, and that nothing happened.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::program::{Program, Ran};

/// Nothing takes longer, whatever an inventory does.
const LIMIT: Duration = Duration::from_secs(20);

/// Errors about something that is no text in which a line could be shown.
const WITHOUT_A_PLACE: &[&str] = &[
    "cannot read ",
    "cannot ask for the vault password",
    "no vault password was given",
    "the vault password is empty",
    "no hosts are known",
    "the inventory holds no hosts",
    "no host matches both the pattern and --limit",
];

/// What a case says about itself, beside its files.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What is broken in it.
    what: String,
    command: Vec<String>,
    args: Vec<String>,
    /// What stands behind the inventory's arguments.
    #[serde(default)]
    after: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Permissions of files, octal.
    #[serde(default)]
    mode: BTreeMap<String, String>,
    /// What cannot be stored everywhere as it is.
    #[serde(default)]
    links: BTreeMap<String, String>,
    #[serde(default)]
    directories: Vec<String>,
    #[serde(default)]
    fifos: Vec<String>,
    /// What stands in the files and must not be shown.
    #[serde(default)]
    secrets: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/broken-inventory")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != "case.json") {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
}

/// Every way to a host goes through a command that leaves a file behind.
fn surroundings() -> Program {
    let program = Program::new();
    std::fs::create_dir(program.path("home/.ssh")).unwrap();
    program.file("home/.ssh/config", &format!("Host *\n  ProxyCommand touch {}\n", program.path("contacted").display()));
    program
}

impl Case {
    fn program(&self, name: &str) -> Program {
        let mut program = surroundings();
        copy(&folder().join(name), &program.path(""));
        for directory in &self.directories {
            std::fs::create_dir_all(program.path(directory)).unwrap();
        }
        for file in self.links.keys().chain(&self.fifos) {
            std::fs::create_dir_all(program.path(file).parent().unwrap()).unwrap();
        }
        for (link, target) in &self.links {
            symlink(target, program.path(link)).unwrap();
        }
        for fifo in &self.fifos {
            let mode = rustix::fs::Mode::from_raw_mode(0o644);
            rustix::fs::mknodat(rustix::fs::CWD, program.path(fifo), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        }
        for (file, mode) in &self.mode {
            let mode = u32::from_str_radix(mode, 8).unwrap();
            std::fs::set_permissions(program.path(file), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        for (variable, value) in &self.env {
            program = program.variable(variable, value);
        }
        program
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let given = self.command.iter().chain(&self.args).map(String::as_str);
        given.chain(more.iter().copied()).chain(self.after.iter().map(String::as_str)).collect()
    }

    /// Runs it, within the limit.
    fn run(&self, program: &Program, more: &[&str]) -> Ran {
        let mut child = program.spawn(&self.arguments(more));
        let read = |mut pipe: Box<dyn Read + Send>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                pipe.read_to_end(&mut bytes).unwrap();
                bytes
            })
        };
        let (stdout, stderr) = (read(Box::new(child.stdout.take().unwrap())), read(Box::new(child.stderr.take().unwrap())));
        let began = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if began.elapsed() > LIMIT => {
                    child.kill().unwrap();
                    panic!("it did not end within {LIMIT:?}");
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        program.ran(std::process::Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() })
    }

    fn check(&self, name: &str) {
        let program = self.program(name);
        let ran = self.run(&program, &[]);
        let machine = self.run(&program, &["--output", "json"]);
        let quoted = |word: &str| if word.contains([' ', '\'', '~']) { format!("{word:?}") } else { word.to_owned() };
        let line = self.arguments(&[]).into_iter().map(quoted).collect::<Vec<_>>().join(" ");
        insta::assert_snapshot!(format!("broken__{name}"), format!("{}\n$ homelabctl {line}\n{}", self.what, ran.stderr));
        for ran in [&ran, &machine] {
            assert_eq!(ran.code, Some(64), "{}", ran.all());
            for secret in &self.secrets {
                assert!(!ran.all().contains(secret.as_str()), "`{secret}` is shown: {}", ran.all());
            }
            assert!(!ran.all().contains("panicked"), "{}", ran.all());
        }
        assert_eq!(ran.stdout, "", "what is wrong is no result");
        assert!(ran.stderr.contains(", nothing was contacted\n"), "{}", ran.stderr);
        assert!(program.logs().is_empty(), "nothing ran, so there is nothing to log");
        assert!(!program.path("contacted").exists(), "something was contacted");
        self.same(&ran, &machine);
    }

    /// What a program is told is what a person is told, and says where it stands.
    fn same(&self, ran: &Ran, machine: &Ran) {
        let document: Json = serde_json::from_str(&machine.stdout).unwrap();
        assert_eq!(document["exit_code"], 64);
        let notices = document["notices"].as_array().unwrap();
        let mut errors = 0;
        for notice in notices {
            let message = notice["message"].as_str().unwrap();
            let shown = match notice["drawing"].as_str() {
                Some(drawing) => {
                    assert!(drawing.contains("--> "), "{drawing}");
                    drawing.to_owned()
                }
                None => {
                    let warning = notice["level"] == "warning";
                    assert!(warning || WITHOUT_A_PLACE.iter().any(|start| message.starts_with(start)), "no place: {message}");
                    format!("{}: {message}", notice["level"].as_str().unwrap())
                }
            };
            assert!(ran.stderr.contains(&shown), "told to programs only:\n{shown}\n\n{}", ran.stderr);
            errors += usize::from(notice["level"] == "error");
        }
        let count = if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") };
        assert!(ran.stderr.contains(&format!("\n{count}, nothing was contacted\n")), "{count}: {}", ran.stderr);
    }
}

#[test]
fn every_broken_inventory_is_told_and_nothing_is_lost() {
    let names = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert!(names.len() >= 95, "{}", names.len());
    let only = std::env::var("BROKEN").ok();
    let wrong = std::sync::Mutex::new(Vec::new());
    let next = std::sync::atomic::AtomicUsize::new(0);
    // several wait for a time limit
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
                        continue;
                    }
                    let text = std::fs::read_to_string(folder().join(name).join("case.json")).unwrap();
                    let case: Case = serde_json::from_str(&text).unwrap();
                    if catch_unwind(AssertUnwindSafe(|| case.check(name))).is_err() {
                        wrong.lock().unwrap().push(name.clone());
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} are not told as they should be: {}", wrong.len(), names.len(), wrong.join(" "));
}

/// The tests above could not fail if what leaves the file behind did not work.
#[test]
fn what_is_contacted_leaves_its_mark() {
    let program = surroundings();
    program.file("hosts.ini", "m1\n");
    let ran = program.run(&["ping", "-i", "hosts.ini"]);
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    assert!(program.path("contacted").exists(), "{}", ran.all());
    assert_eq!(program.logs().len(), 1);
}
