//! Broken playbooks, roles and templates, all in `tests/records/broken-playbook`: what a person is told, and that nothing
//! happened.
//!
//! Each file there holds many cases: `== name: what is broken`, perhaps `$ the command`, and the files, each behind
//! `-- path`. Cases marked `(warning)` are told and not refused. `BROKEN=word` runs those with that word in their name.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::program::{Program, Ran};

/// What is checked if a case does not say it, and the inventory that is there if it does not bring one.
const COMMAND: &str = "check site.yml -i hosts.ini";
const INVENTORY: &str = "[masters]\nm1\n[workers]\nw1\n";

/// Problems of no text in which a line could be shown.
const WITHOUT_A_PLACE: &[&str] = &["there is no playbook ", "cannot read ", "the playbook `site.yml` is empty"];

struct Case {
    name: String,
    what: String,
    command: String,
    warning: bool,
    files: Vec<(String, String)>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/broken-playbook")
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("== ") {
            let (name, what) = head.split_once(": ").unwrap();
            let warning = name.ends_with(" (warning)");
            let (name, what) = (name.trim_end_matches(" (warning)").to_owned(), what.to_owned());
            cases.push(Case { name, what, command: COMMAND.to_owned(), warning, files: Vec::new() });
            continue;
        }
        let case = cases.last_mut().unwrap();
        if let Some(command) = line.strip_prefix("$ ").filter(|_| case.files.is_empty()) {
            case.command = command.to_owned();
        } else if let Some(path) = line.strip_prefix("-- ") {
            case.files.push((path.to_owned(), String::new()));
        } else {
            let (_, text) = case.files.last_mut().unwrap();
            *text += line;
            *text += "\n";
        }
    }
    cases
}

/// Every way to a host goes through a command that leaves a file behind.
fn surroundings() -> Program {
    let program = Program::new();
    std::fs::create_dir(program.path("home/.ssh")).unwrap();
    program.file("home/.ssh/config", &format!("Host *\n  ProxyCommand touch {}\n", program.path("contacted").display()));
    program.file("hosts.ini", INVENTORY);
    program
}

impl Case {
    /// What a person is told.
    fn told(&self) -> String {
        let program = surroundings();
        for (path, text) in &self.files {
            std::fs::create_dir_all(program.path(path).parent().unwrap()).unwrap();
            program.file(path, text);
        }
        let words: Vec<&str> = self.command.split(' ').collect();
        let ran = program.run(&words);
        let machine = program.run(&[&words[..], &["--output", "json"]].concat());
        let name = &self.name;
        for ran in [&ran, &machine] {
            let code = if self.warning { 0 } else { 64 };
            assert_eq!(ran.code, Some(code), "{name}: {}", ran.all());
            assert!(!ran.all().contains("panicked"), "{name}: {}", ran.all());
        }
        if self.warning {
            assert!(ran.stderr.contains("warning: "), "{name}: {}", ran.all());
        } else {
            assert_eq!(ran.stdout, "", "{name}: what is wrong is no result");
            assert!(ran.stderr.contains(", nothing was contacted\n"), "{name}: {}", ran.stderr);
        }
        assert!(program.logs().is_empty(), "{name}: nothing ran, so there is nothing to log");
        assert!(!program.path("contacted").exists(), "{name}: something was contacted");
        self.same(&ran, &machine);
        format!("== {name}: {}\n{}{}\n", self.what, ran.stderr, ran.stdout)
    }

    /// What a program is told is what a person is told, and says where it stands.
    fn same(&self, ran: &Ran, machine: &Ran) {
        let document: Json = serde_json::from_str(&machine.stdout).unwrap();
        assert_eq!(document["exit_code"], if self.warning { 0 } else { 64 });
        let notices = document["notices"].as_array().unwrap();
        assert!(!notices.is_empty(), "{}", self.name);
        for notice in notices {
            let message = notice["message"].as_str().unwrap();
            match notice["drawing"].as_str() {
                Some(drawing) => {
                    assert!(drawing.contains("--> "), "{drawing}");
                    assert!(ran.stderr.contains(drawing), "{}: told to programs only:\n{drawing}\n\n{}", self.name, ran.stderr);
                }
                None => {
                    let warning = notice["level"] == "warning";
                    assert!(
                        warning || WITHOUT_A_PLACE.iter().any(|start| message.starts_with(start)),
                        "{}: no place: {message}",
                        self.name
                    );
                    assert!(ran.stderr.contains(message), "{}: told to programs only: {message}", self.name);
                }
            }
        }
    }
}

#[test]
fn every_broken_playbook_is_told_and_nothing_is_contacted() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let only = std::env::var("BROKEN").ok();
    let mut count = 0;
    for file in files {
        let group = file.file_stem().unwrap().to_str().unwrap();
        let cases = cases(&std::fs::read_to_string(&file).unwrap());
        count += cases.iter().filter(|case| !case.warning).count();
        let names: std::collections::BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), cases.len(), "{group}: two cases have one name");
        match &only {
            None => {
                let told: String = cases.iter().map(Case::told).collect();
                insta::assert_snapshot!(format!("broken_playbook__{group}"), told);
            }
            Some(word) => cases.iter().filter(|case| case.name.contains(word.as_str())).for_each(|case| println!("{}", case.told())),
        }
    }
    assert!(count >= 150, "{count}");
}

/// The usual playbook is found, and one without mistakes is none.
#[test]
fn a_playbook_without_mistakes() {
    let program = surroundings();
    program.file(
        "site.yml",
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: nothing\n      meta: noop\n    - block:\n        - meta: noop\n",
    );
    let ran = program.run(&["check", "-i", "hosts.ini"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "site.yml: 1 play, 2 tasks, no mistakes\n", ""));
    let ran = program.run(&["check", "-i", "hosts.ini", "--output", "json"]);
    let document: Json = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &document["exit_code"], &document["notices"]), (Some(0), &Json::from(0), &Json::Array(Vec::new())));
    assert!(program.logs().is_empty());
    program.file("site.yml", "- hosts: all\n  tasks:\n    - coppy:\n");
    assert_eq!(program.run(&["check", "-i", "hosts.ini"]).code, Some(64));
}
