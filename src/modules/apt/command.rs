//! A call of apt-get: its words, and the text that Ansible shows of it.

use super::spec::DPKG_OPTIONS;
use crate::modules::Args;
use crate::node::facts::AptSimulation;
use crate::node::steps::{Apt, AptProgram, Fate};

/// A call in the making.
#[derive(Debug, Clone)]
pub(super) struct Command {
    /// The words after `apt-get`.
    pub words: Vec<String>,
    /// As Ansible shows it; of `--simulate` its place.
    text: String,
}

/// Where `--simulate` stands in a dry run's text.
const SIMULATE: char = '\u{1}';

impl Command {
    /// `apt-get -y` or `apt-get -q -y` with dpkg's options and how long its lock is waited for.
    pub fn new(args: &Args, first: &[&str]) -> Self {
        let mut command = Self { words: Vec::new(), text: "/usr/bin/apt-get".to_owned() };
        first.iter().for_each(|word| command.flag(true, word));
        for option in dpkg_options(args) {
            command.words.extend(["-o".to_owned(), format!("Dpkg::Options::=--{option}")]);
            command.text.push_str(&format!(" -o \"Dpkg::Options::=--{option}\""));
        }
        let timeout = format!("DPkg::Lock::Timeout={}", patience(args));
        command.text.push_str(&format!(" -o {timeout}"));
        command.words.extend(["-o".to_owned(), timeout]);
        command
    }

    /// A word that is there or not; the blank before it is there all the same.
    pub fn flag(&mut self, on: bool, word: &str) {
        self.text.push(' ');
        if on {
            self.text.push_str(word);
            self.words.push(word.to_owned());
        }
    }

    /// The place of `--simulate`, which a dry run's text has: its words are a question of their own.
    pub fn simulate(&mut self) {
        self.text.push(' ');
        self.text.push(SIMULATE);
    }

    /// As Ansible shows it.
    pub fn text(&self, dry: bool) -> String {
        self.text.replace(SIMULATE, if dry { "--simulate" } else { "" })
    }

    /// A package, quoted in the text.
    pub fn package(&mut self, word: &str) {
        self.text.push_str(&format!(" '{word}'"));
        self.words.push(word.to_owned());
    }

    /// Words at the end that are there or not.
    pub fn at_end(&mut self, on: bool, text: &str, words: &[&str]) {
        if on {
            self.text.push(' ');
            self.text.push_str(text);
            self.words.extend(words.iter().map(|word| (*word).to_owned()));
        }
    }

    /// What it would do.
    pub fn simulation(&self) -> AptSimulation {
        AptSimulation::new(&self.words)
    }

    /// The step.
    pub fn step(self, args: &Args, title: String, failure: String, fates: Vec<(String, Fate)>) -> Apt {
        Apt {
            program: AptProgram::AptGet,
            words: self.words,
            fates,
            manual: Vec::new(),
            policy_rc_d: policy_rc_d(args),
            patience: patience(args),
            title,
            failure,
            only_archives: false,
        }
    }
}

/// Options of dpkg, without their dashes.
pub(super) fn dpkg_options(args: &Args) -> Vec<&str> {
    args.str("dpkg_options").unwrap_or(DPKG_OPTIONS).split(',').collect()
}

/// The status that forbids services to start, or allows it.
pub(super) fn policy_rc_d(args: &Args) -> Option<u8> {
    args.int("policy_rc_d").and_then(|status| u8::try_from(status).ok())
}

/// How long another package manager is waited for, in seconds.
pub(super) fn patience(args: &Args) -> u64 {
    args.int("lock_timeout").and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0)
}
