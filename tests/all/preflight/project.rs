//! Machines that are looked at, and the project that names them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::program::{Program, Ran};
use crate::testbed::{Bed, Machine};

/// Machines, the first of which is a master, the others workers; and settings of their cluster.
pub struct Project {
    pub bed: Bed,
    pub machines: Vec<Machine>,
    pub program: Program,
}

/// A finding: check, hosts and what was seen.
pub type Found = (String, String, String);

impl Project {
    pub fn new(bed: Bed, machines: Vec<Machine>) -> Self {
        let program = Program::new();
        std::fs::create_dir_all(program.path("home/.ssh")).unwrap();
        std::fs::create_dir_all(program.path("group_vars")).unwrap();
        program.file("home/.ssh/known_hosts", &machines.iter().map(Machine::known_hosts_lines).collect::<String>());
        let workers: String = machines[1..].iter().map(Machine::inventory_line).collect();
        program.file("hosts.ini", &format!("[masters]\n{}[workers]\n{workers}", machines[0].inventory_line()));
        program.file("images.tar", "");
        Self { bed, machines, program }
    }

    /// What `cluster` holds beside its name, in YAML, a setting a line; and with these checks excused.
    pub fn settings(&self, settings: &[&str], excused: &BTreeSet<String>) {
        let lines: String = settings.iter().map(|line| format!("  {line}\n")).collect();
        let excused = serde_json::to_string(excused).unwrap();
        self.program.file("group_vars/all.yml", &format!("cluster:\n  name: test\n{lines}  ignore_preflight_errors: {excused}\n"));
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        let words = [words, &["-i", "hosts.ini", "--output", "json"]].concat();
        self.bed.inside(|| self.program.run(&words)).unwrap()
    }

    /// All that `homelabctl preflight` finds, by its severity.
    pub fn findings(&self) -> Findings {
        let ran = self.run(&["preflight"]);
        assert!(matches!(ran.code, Some(0 | 2)), "{}", ran.all());
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        Findings { code: ran.code, all: document["findings"].as_array().cloned().unwrap_or_default() }
    }

    /// The same, of one severity.
    pub fn found(&self, severity: &str, code: i32) -> Vec<Found> {
        let findings = self.findings();
        assert_eq!(findings.code, Some(code), "{:#?}", findings.all);
        findings.of(severity)
    }

    /// No listener of ours, and no file that the disk was measured with.
    pub fn is_as_it_was(&self) {
        for machine in &self.machines {
            let left = machine.root_says("pgrep -x homelabctl-port; find / -xdev -name '.homelabctl-*' 2>/dev/null; :").unwrap();
            assert_eq!(left, "", "{}", machine.name);
        }
    }
}

/// What was found.
pub struct Findings {
    code: Option<i32>,
    all: Vec<Value>,
}

impl Findings {
    pub fn of(&self, severity: &str) -> Vec<Found> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let hosts = |value: &Value| value["hosts"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(" ");
        let of = self.all.iter().filter(|one| one["severity"] == severity);
        of.map(|one| (text(&one["check"]), hosts(one), text(&one["seen"]))).collect()
    }

    /// What a check found, each as `SEVERITY HOSTS: what was seen`. What is seen of it says also why it matters and what to do.
    pub fn by(&self, check: &str) -> Vec<String> {
        let of = self.all.iter().filter(|one| one["check"] == check);
        of.map(|one| {
            assert!(["why", "todo"].iter().all(|name| one[name].as_str().is_some_and(|text| !text.is_empty())), "{one}");
            let hosts: Vec<&str> = one["hosts"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            format!("{} {}: {}", one["severity"].as_str().unwrap(), hosts.join(" "), one["seen"].as_str().unwrap())
        })
        .collect()
    }
}
