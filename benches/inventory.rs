//! Reading an inventory of many hosts, beside Ansible on the same files.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Arguments;
use crate::fleet::{self, Form, PATTERN};
use crate::measure::{Cost, cost, homelabctl, median};

/// What is asked of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Which hosts a pattern means.
    Pattern,
    /// All hosts, groups and variables.
    List,
}

impl Question {
    pub const ALL: [Self; 2] = [Self::Pattern, Self::List];
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Homelabctl,
    Ansible,
}

impl Program {
    pub const ALL: [Self; 2] = [Self::Homelabctl, Self::Ansible];

    /// As it is shown.
    pub fn line(self, question: Question) -> String {
        match (self, question) {
            (Self::Homelabctl, Question::Pattern) => format!("homelabctl inventory list '{PATTERN}'"),
            (Self::Homelabctl, Question::List) => "homelabctl inventory list --output json".into(),
            (Self::Ansible, Question::Pattern) => format!("ansible '{PATTERN}' --list-hosts"),
            (Self::Ansible, Question::List) => "ansible-inventory --list".into(),
        }
    }
}

/// What one program's answer to one question about one file cost: the middle of all rounds.
pub struct Measured {
    pub form: Form,
    pub question: Question,
    pub program: Program,
    pub cost: Cost,
}

/// One file that both read.
struct File<'a> {
    form: Form,
    path: PathBuf,
    home: &'a Path,
    ansible: Option<&'a Path>,
}

pub fn measure(arguments: &Arguments, ansible: Option<&Path>) -> Vec<Measured> {
    let dir = tempfile::tempdir().unwrap();
    let file = |form: Form| {
        // a comma in a path means a list of hosts to Ansible
        let path = fleet::write(&dir.path().join(format!("{form:?}")), form);
        File { form, path, home: dir.path(), ansible }
    };
    let files = Form::ALL.map(file);
    // it warms caches up, too
    files.iter().for_each(File::check);
    let mut all: Vec<Measured> = Vec::new();
    for round in 1..=arguments.rounds {
        for (file, question, program) in files.iter().flat_map(File::questions) {
            let Some(command) = file.command(question, program) else { continue };
            let cost = cost(command, 0);
            eprintln!("{}, round {round}: {}: {cost:?}", file.form.name(), program.line(question));
            all.push(Measured { form: file.form, question, program, cost });
        }
    }
    let middle = |(file, question, program): (&File, Question, Program)| {
        let same = |one: &&Measured| (one.form, one.question, one.program) == (file.form, question, program);
        let costs: Vec<Cost> = all.iter().filter(same).map(|one| one.cost).collect();
        let cost = (!costs.is_empty()).then(|| Cost {
            wall: median(costs.iter().map(|cost| cost.wall)),
            processor: median(costs.iter().map(|cost| cost.processor)),
            memory: median(costs.iter().map(|cost| cost.memory)),
            read: median(costs.iter().map(|cost| cost.read)),
        })?;
        Some(Measured { form: file.form, question, program, cost })
    };
    files.iter().flat_map(File::questions).filter_map(middle).collect()
}

impl File<'_> {
    fn questions(&self) -> impl Iterator<Item = (&Self, Question, Program)> {
        Question::ALL.into_iter().flat_map(move |question| Program::ALL.map(|program| (self, question, program)))
    }

    fn command(&self, question: Question, program: Program) -> Option<Command> {
        let mut command = match program {
            Program::Homelabctl => Command::new(homelabctl()),
            Program::Ansible => {
                let name = if question == Question::List { "bin/ansible-inventory" } else { "bin/ansible" };
                Command::new(self.ansible?.join(name))
            }
        };
        match (program, question) {
            (Program::Homelabctl, Question::Pattern) => command.args(["inventory", "list", PATTERN]),
            (Program::Homelabctl, Question::List) => command.args(["inventory", "list", "--output", "json"]),
            (Program::Ansible, Question::Pattern) => command.args([PATTERN, "--list-hosts"]),
            (Program::Ansible, Question::List) => command.arg("--list"),
        };
        command.arg("-i").arg(&self.path).current_dir(self.home).env("HOME", self.home);
        Some(command)
    }

    /// Both say the same, or a comparison would be worth nothing.
    fn check(&self) {
        for question in Question::ALL {
            let answer = |program| Some(answer(self.command(question, program)?));
            let (ours, theirs) = (answer(Program::Homelabctl).unwrap(), answer(Program::Ansible));
            match question {
                Question::List => {
                    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
                    let ours = json(&ours);
                    assert_eq!(ours["_meta"]["hostvars"].as_object().unwrap().len(), fleet::HOSTS);
                    assert!(theirs.is_none_or(|theirs| json(&theirs) == ours), "{}: other lists", self.form.name());
                }
                Question::Pattern => {
                    let ours: Vec<&str> = ours.lines().filter_map(|line| line.split_whitespace().next()).collect();
                    assert!(!ours.is_empty());
                    // under a line `hosts (380):`
                    let same = |text: String| text.lines().skip(1).map(str::trim).eq(ours.iter().copied());
                    assert!(theirs.is_none_or(same), "{}: other hosts", self.form.name());
                }
            }
        }
        eprintln!("{}: the same answers", self.form.name());
    }
}

fn answer(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
