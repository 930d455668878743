//! Everything that a person or a program can be told about a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Captured, Finding, Outcome};
use crate::diagnostics::{Diagnostic, ExitCode, Level, with_causes};

/// The version of what `--output json` and `jsonl` and the log print. It grows when a field is renamed, removed or
/// changes its meaning, not when one is added.
pub const VERSION: u32 = 1;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run began: every file was read and found good, nothing has been contacted yet.
    RunStarted {
        /// Which command, e.g. `ping`.
        command: String,
        /// The whole command line.
        arguments: Vec<String>,
        /// The version of this program.
        program: String,
        /// The hosts it concerns, in the inventory's order.
        hosts: Vec<Arc<str>>,
    },
    /// Something the person should know, about no host in particular or about one.
    Notice {
        /// Error or warning.
        level: NoticeLevel,
        /// What: lower case, no full stop.
        message: String,
        /// What to do about it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hints: Vec<String>,
        /// Which host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<Arc<str>>,
        /// The excerpt of the file it is about, as drawn for a person without colour.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drawing: Option<String>,
    },
    /// What a host is doing now; replaces what it did before.
    HostDoes {
        /// Which host.
        host: Arc<str>,
        /// What, e.g. `connecting`.
        doing: String,
    },
    /// Something was found on hosts, or between them.
    Found(Finding),
    /// A task ended on a host.
    TaskFinished(TaskAnswer),
    /// A host is finished.
    HostFinished(HostAnswer),
    /// The run ended.
    RunFinished {
        /// How many hosts ended how.
        hosts: BTreeMap<Outcome, usize>,
        /// The program's exit status.
        exit_code: u8,
        /// How long it took.
        elapsed_ms: u64,
        /// The file that has all its events.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<String>,
    },
}

/// Whether a notice is about an error or a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Something did not work.
    Error,
    /// Something may not be what the person thinks it is.
    Warning,
}

/// All that a command learned from one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostAnswer {
    /// Which host.
    pub host: Arc<str>,
    /// How it ended.
    pub outcome: Outcome,
    /// What it answered, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// Why it did not end well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// How long this host took.
    pub elapsed_ms: u64,
    /// Messages there and back once the shell was open.
    #[serde(default)]
    pub round_trips: u32,
}

impl HostAnswer {
    /// A host that answered.
    pub fn good(host: Arc<str>, outcome: Outcome, answer: Answer) -> Self {
        Self { host, outcome, answer: Some(answer), problem: None, elapsed_ms: 0, round_trips: 0 }
    }

    /// A host that did not.
    pub fn bad(host: Arc<str>, outcome: Outcome, problem: Problem) -> Self {
        Self { host, outcome, answer: None, problem: Some(problem), elapsed_ms: 0, round_trips: 0 }
    }
}

/// How a task ended on one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskAnswer {
    /// Which host.
    pub host: Arc<str>,
    /// Its play's name.
    pub play: String,
    /// The role it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Its name.
    pub task: String,
    /// What it does, as the playbook says it.
    pub module: String,
    /// Where it stands: file and line.
    pub place: String,
    /// How it ended.
    pub outcome: TaskOutcome,
    /// Whether its failure does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
    /// Whether nothing was changed, only foreseen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub check: bool,
    /// What differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Shown>,
    /// Why it is as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What is registered, if somebody reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// What.
    pub what: String,
    /// As it was; nothing where it was absent.
    pub before: Option<String>,
    /// As it is or would be; nothing where it is absent.
    pub after: Option<String>,
}

/// How a task ended on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskOutcome {
    /// It was not for this host.
    Skipped,
    /// All was as it should be.
    Unchanged,
    /// Something was changed, or would be.
    Changed,
    /// In check mode: it depends on what only a real run produces.
    Pending,
    /// We would not do it, and nothing was done.
    Refused,
    /// It was tried and did not work.
    Failed,
    /// The host was not reached; nothing happened on it.
    Unreachable,
    /// Whether it happened cannot be known.
    Unknown,
}

/// What a host answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To `ping`.
    Ping(Ping),
    /// To `facts`.
    Facts(FactSheet),
    /// To `exec`.
    Exec(Ended),
    /// To `disk list`: each disk.
    Disks(Vec<DiskLine>),
    /// To `disk explain` and `disk wipe`.
    Disk(DiskSheet),
    /// To `disk select`.
    Proposal(DiskProposal),
    /// To `cluster …`: what was found of all of it, told by one of its hosts.
    Cluster(ClusterSheet),
    /// To `provision`: how many tasks ended how.
    Tasks(BTreeMap<TaskOutcome, usize>),
}

/// A host that can be worked on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ping {
    /// The user whose shell answered (root after `--become`).
    pub user: String,
    /// From the first packet to the shell's first answer.
    pub connect_ms: u64,
    /// One message there and back after that.
    pub round_trip_ms: f64,
}

/// What is known about a host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FactSheet {
    /// What a person wants to see of it: a label and a line each. Programs have the facts themselves.
    #[serde(skip)]
    pub summary: Vec<(String, String)>,
    /// Everything that was read, by name.
    pub facts: Map<String, Value>,
    /// What could not be read, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, String>,
}

/// A disk and what it is taken for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiskLine {
    /// The name that it keeps: by-id, or the kernel's path where it has none.
    pub name: String,
    /// The kernel's path.
    pub path: String,
    /// Its model.
    pub model: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// In bytes.
    pub size: u64,
    /// The same for a person.
    #[serde(skip)]
    pub size_shown: String,
    /// What it is, for programs.
    pub class: Value,
    /// What it is, in words.
    pub holds: String,
    /// The most that `provision` does to it, in words.
    pub may: String,
}

/// Which disk a host would give to Longhorn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiskProposal {
    /// Lines for its host_vars.
    pub lines: Vec<String>,
    /// The disk that is meant, if it is one alone.
    pub disk: Option<String>,
    /// All of its disks.
    pub disks: Vec<DiskLine>,
}

/// What was found of a cluster.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ClusterSheet {
    /// What a person wants to see of it. Programs have the rest.
    #[serde(skip)]
    pub lines: Vec<String>,
    /// The same and more, by name.
    pub cluster: Map<String, Value>,
}

/// All that was found on a disk.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DiskSheet {
    /// What a person wants to see of it: a label and a line each. Programs have the evidence itself.
    #[serde(skip)]
    pub summary: Vec<(String, String)>,
    /// The device, its class and the evidence.
    pub disk: Map<String, Value>,
}

/// A command that ran to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit status; 128 + n if signal n ended it.
    pub status: i32,
    /// What it wrote there.
    pub stdout: Captured,
    /// What it wrote there.
    pub stderr: Captured,
}

/// Why something did not end well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What is wrong, the whole chain of causes: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl Problem {
    /// A problem without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new() }
    }

    /// The error and its causes, joined by `: `; a cause that the message already ends with is not said twice.
    pub fn from_error(error: &dyn std::error::Error) -> Self {
        Self::new(with_causes(error))
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl From<&Diagnostic> for Event {
    fn from(diagnostic: &Diagnostic) -> Self {
        Self::Notice {
            level: match diagnostic.level {
                Level::Error => NoticeLevel::Error,
                Level::Warning => NoticeLevel::Warning,
            },
            message: diagnostic.message.clone(),
            hints: diagnostic.hint.iter().cloned().collect(),
            host: None,
            drawing: diagnostic.place.as_ref().map(|_| diagnostic.render(false)),
        }
    }
}

impl Event {
    /// A warning about the run as a whole.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::Notice { level: NoticeLevel::Warning, message: message.into(), hints: Vec::new(), host: None, drawing: None }
    }

    /// An error of the run as a whole, with its hints.
    pub fn error(problem: Problem) -> Self {
        Self::Notice { level: NoticeLevel::Error, message: problem.message, hints: problem.hints, host: None, drawing: None }
    }
}

/// An event with its time, as it is written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// [`VERSION`].
    pub version: u32,
    /// When.
    pub time: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

impl Stamped {
    /// An event that happened at `time`.
    pub fn new(time: Timestamp, event: Event) -> Self {
        Self { version: VERSION, time, event }
    }
}

/// The end of a run, from how its hosts ended: the worst outcome decides the exit code, unless the run as a whole has one.
pub fn end_of_run(outcomes: &[Outcome], code: Option<ExitCode>, elapsed_ms: u64, log: Option<String>) -> (Event, ExitCode) {
    let mut hosts = BTreeMap::new();
    for outcome in outcomes {
        *hosts.entry(*outcome).or_default() += 1;
    }
    let worst = outcomes.iter().max().map_or(ExitCode::Done, |worst| worst.exit_code());
    let code = code.unwrap_or(worst);
    (Event::RunFinished { hosts, exit_code: code as u8, elapsed_ms, log }, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamped_event_is_one_flat_object() {
        let event = Event::HostFinished(HostAnswer::bad("m1".into(), Outcome::Unreachable, Problem::new("refused").hint("try")));
        let stamped = Stamped::new(Timestamp::UNIX_EPOCH, event);
        let line = serde_json::to_string(&stamped).unwrap();
        assert_eq!(
            line,
            r#"{"version":1,"time":"1970-01-01T00:00:00Z","event":"host_finished","host":"m1","outcome":"unreachable","problem":{"message":"refused","hints":["try"]},"elapsed_ms":0,"round_trips":0}"#
        );
        assert_eq!(serde_json::from_str::<Stamped>(&line).unwrap(), stamped);
    }

    #[test]
    fn a_problem_tells_every_cause_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("{0}")]
        struct Plain(&'static str, #[source] Option<Box<Plain>>);
        let error = Plain("connect to m1: refused", Some(Box::new(Plain("refused", Some(Box::new(Plain("no route", None)))))));
        assert_eq!(Problem::from_error(&error).message, "connect to m1: refused: no route");
    }

    #[test]
    fn an_interrupted_run_says_so_whatever_its_hosts_did() {
        let (_, code) = end_of_run(&[Outcome::Failed], Some(ExitCode::Interrupted), 0, None);
        assert_eq!(code, ExitCode::Interrupted);
        let (event, code) = end_of_run(&[Outcome::Failed, Outcome::Changed, Outcome::Failed], None, 7, None);
        assert_eq!(code, ExitCode::HostFailed);
        let hosts = BTreeMap::from([(Outcome::Failed, 2), (Outcome::Changed, 1)]);
        assert_eq!(event, Event::RunFinished { hosts, exit_code: 2, elapsed_ms: 7, log: None });
    }
}
