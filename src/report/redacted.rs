//! An event without its secrets.
//!
//! Every field is named, so that a new one does not compile before somebody has thought of it. Host names stay: they
//! are the person's own words, and results are found by them.

use serde_json::Value;

use super::{
    Answer, Captured, ClusterSheet, DiskLine, DiskProposal, DiskSheet, Ended, Event, FactSheet, HostAnswer, MASK, Ping, Problem, Secrets,
    Shown, TaskAnswer,
};
use crate::diagnostics::{may_be_a_password, names_a_secret, passwords_in};

impl Event {
    /// The same event without the secrets.
    #[must_use]
    pub fn redacted(self, secrets: &Secrets) -> Self {
        // what a file says of passwords is hidden also where none is known
        if secrets.is_empty() && !matches!(self, Self::TaskFinished(_)) {
            return self;
        }
        match self {
            Self::RunStarted { command, arguments, program, hosts } => {
                Self::RunStarted { command, arguments: each(arguments, secrets), program, hosts }
            }
            Self::Notice { level, message, hints, host, drawing } => Self::Notice {
                level,
                message: secrets.redact(&message),
                hints: each(hints, secrets),
                host,
                drawing: drawing.map(|drawing| secrets.redact(&drawing)),
            },
            Self::HostDoes { host, doing } => Self::HostDoes { host, doing: secrets.redact(&doing) },
            Self::Found(finding) => Self::Found(finding.redacted(secrets)),
            Self::TaskFinished(answer) => Self::TaskFinished(answer.redacted(secrets)),
            Self::HostFinished(answer) => Self::HostFinished(answer.redacted(secrets)),
            // a path of this machine, which the person must be able to open
            Self::RunFinished { hosts, exit_code, elapsed_ms, log } => Self::RunFinished { hosts, exit_code, elapsed_ms, log },
        }
    }
}

fn each(texts: Vec<String>, secrets: &Secrets) -> Vec<String> {
    texts.into_iter().map(|text| secrets.redact(&text)).collect()
}

impl HostAnswer {
    fn redacted(self, secrets: &Secrets) -> Self {
        let Self { host, outcome, answer, problem, elapsed_ms, round_trips } = self;
        let answer = answer.map(|answer| answer.redacted(secrets));
        let problem = problem.map(|problem| problem.redacted(secrets));
        Self { host, outcome, answer, problem, elapsed_ms, round_trips }
    }
}

impl Problem {
    fn redacted(self, secrets: &Secrets) -> Self {
        let Self { message, hints } = self;
        Self { message: secrets.redact(&message), hints: each(hints, secrets) }
    }
}

impl TaskAnswer {
    fn redacted(self, secrets: &Secrets) -> Self {
        let Self { host, play, role, task, module, place, outcome, ignored, check, changes, problem, result } = self;
        Self {
            host,
            play: secrets.redact(&play),
            role,
            task: secrets.redact(&task),
            module,
            place,
            outcome,
            ignored,
            check,
            changes: changes.into_iter().map(|change| change.redacted(secrets)).collect(),
            problem: problem.map(|problem| problem.redacted(secrets)),
            result: result.map(|result| without_passwords_in_diffs(secrets.redact_value(result))),
        }
    }
}

impl Shown {
    /// Also what looks like a password is hidden: nobody knows what else stands in a file. That it becomes another is said.
    fn redacted(self, secrets: &Secrets) -> Self {
        let Self { what, before, after } = self;
        let differs = before != after;
        let hidden = |text: Option<String>| text.map(|text| without_passwords(&secrets.redact(&text)));
        let (before, mut after) = (hidden(before), hidden(after));
        if differs && before == after {
            after = after.map(|text| text.replace(MASK, ANOTHER));
        }
        Self { what: secrets.redact(&what), before, after }
    }
}

/// In the place of a secret that becomes another one.
const ANOTHER: &str = "*** (another)";

/// Each line without what stands behind a name like `password`.
fn without_passwords(text: &str) -> String {
    let line = |line: &str| {
        let mut line = line.to_owned();
        let found: Vec<String> =
            passwords_in(&line, names_a_secret).into_iter().filter(|found| may_be_a_password(found)).map(str::to_owned).collect();
        for found in found {
            line = line.replace(&found, MASK);
        }
        line
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// What is registered, with its diffs as they are shown.
fn without_passwords_in_diffs(value: Value) -> Value {
    within(value, false)
}

fn within(value: Value, in_diff: bool) -> Value {
    match value {
        Value::String(text) if in_diff => Value::String(without_passwords(&text)),
        Value::Array(items) => items.into_iter().map(|item| within(item, in_diff)).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(name, value)| {
                let in_diff = in_diff || name == "diff";
                (name, within(value, in_diff))
            })
            .collect(),
        value => value,
    }
}

impl Answer {
    fn redacted(self, secrets: &Secrets) -> Self {
        match self {
            Self::Ping(Ping { user, connect_ms, round_trip_ms }) => {
                Self::Ping(Ping { user: secrets.redact(&user), connect_ms, round_trip_ms })
            }
            Self::Facts(FactSheet { summary, facts, unknown }) => Self::Facts(FactSheet {
                summary: summary.into_iter().map(|(label, line)| (label, secrets.redact(&line))).collect(),
                facts: facts.into_iter().map(|(name, value)| (secrets.redact(&name), secrets.redact_value(value))).collect(),
                unknown: unknown.into_iter().map(|(name, why)| (secrets.redact(&name), secrets.redact(&why))).collect(),
            }),
            Self::Exec(Ended { status, stdout, stderr }) => {
                Self::Exec(Ended { status, stdout: stdout.redacted(secrets), stderr: stderr.redacted(secrets) })
            }
            Self::Disks(lines) => Self::Disks(lines.into_iter().map(|line| line.redacted(secrets)).collect()),
            Self::Disk(DiskSheet { summary, disk }) => Self::Disk(DiskSheet {
                summary: summary.into_iter().map(|(label, line)| (label, secrets.redact(&line))).collect(),
                disk: disk.into_iter().map(|(name, value)| (name, secrets.redact_value(value))).collect(),
            }),
            Self::Proposal(DiskProposal { lines, disk, disks }) => Self::Proposal(DiskProposal {
                lines: lines.into_iter().map(|line| secrets.redact(&line)).collect(),
                disk: disk.map(|disk| secrets.redact(&disk)),
                disks: disks.into_iter().map(|line| line.redacted(secrets)).collect(),
            }),
            Self::Cluster(ClusterSheet { lines, cluster }) => Self::Cluster(ClusterSheet {
                lines: each(lines, secrets),
                cluster: cluster.into_iter().map(|(name, value)| (name, secrets.redact_value(value))).collect(),
            }),
            Self::Tasks(counts) => Self::Tasks(counts),
        }
    }
}

impl DiskLine {
    fn redacted(self, secrets: &Secrets) -> Self {
        let Self { name, path, model, serial, size, size_shown, class, holds, may } = self;
        let redact = |text: String| secrets.redact(&text);
        Self {
            name: redact(name),
            path: redact(path),
            model: model.map(redact),
            serial: serial.map(redact),
            size,
            size_shown,
            class: secrets.redact_value(class),
            holds: redact(holds),
            may,
        }
    }
}

impl Captured {
    /// A secret that was registered only after this was captured.
    fn redacted(self, secrets: &Secrets) -> Self {
        let Self { text, base64 } = self;
        Self { text: secrets.redact(&text), base64: base64.map(|base64| secrets.redact(&base64)) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Outcome, Registered};
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_diff_shows_no_password_and_that_it_is_another() {
        let text = |password: &str| Some(format!("A=1\nDB_PASSWORD={password}\npassword: true\n"));
        let shown = Shown { what: "/srv/.env".into(), before: text("hunter2"), after: text("hunter3") }.redacted(&Secrets::default());
        assert_eq!(shown.before.as_deref(), Some("A=1\nDB_PASSWORD=***\npassword: true\n"));
        assert_eq!(shown.after.as_deref(), Some("A=1\nDB_PASSWORD=*** (another)\npassword: true\n"));
        let same = Shown { what: "x".into(), before: text("hunter2"), after: Some("A=2\n".into()) }.redacted(&Secrets::default());
        assert_eq!(same.after.as_deref(), Some("A=2\n"));
        let registered = serde_json::json!({ "diff": [{ "before": "token: abcd1234" }], "line": "token: abcd1234" });
        let shown = without_passwords_in_diffs(registered);
        assert_eq!(shown, serde_json::json!({ "diff": [{ "before": "token: ***" }], "line": "token: abcd1234" }));
    }

    #[test]
    fn no_event_tells_a_secret() {
        let secrets = Secrets::default();
        assert_eq!(secrets.register("s3cret-word"), Registered::Hidden);
        let s = || "a s3cret-word b".to_owned();
        let captured = || Captured { text: s(), base64: None };
        let sheet = FactSheet {
            summary: vec![("os".into(), s())],
            facts: [(s(), serde_json::json!({"a": [s()]}))].into_iter().collect(),
            unknown: BTreeMap::from([(s(), s())]),
        };
        let answers = [
            Answer::Ping(Ping { user: s(), connect_ms: 1, round_trip_ms: 1.0 }),
            Answer::Facts(sheet),
            Answer::Exec(Ended { status: 0, stdout: captured(), stderr: captured() }),
            Answer::Disks(vec![DiskLine {
                name: s(),
                path: s(),
                model: Some(s()),
                serial: Some(s()),
                size: 1,
                size_shown: String::new(),
                class: serde_json::json!({ "foreign": s() }),
                holds: s(),
                may: "refuse".into(),
            }]),
            Answer::Disk(DiskSheet {
                summary: vec![("it is".into(), s())],
                disk: [("class".to_owned(), serde_json::json!({ "foreign": s() }))].into_iter().collect(),
            }),
            Answer::Proposal(DiskProposal { lines: vec![s()], disk: Some(s()), disks: Vec::new() }),
            Answer::Cluster(ClusterSheet { lines: vec![s()], cluster: [("name".to_owned(), s().into())].into_iter().collect() }),
        ];
        let mut events = vec![
            Event::RunStarted { command: "ping".into(), arguments: vec![s()], program: "1".into(), hosts: vec![] },
            Event::error(Problem::new(s()).hint(s())),
            Event::HostDoes { host: "m1".into(), doing: s() },
            Event::TaskFinished(TaskAnswer {
                host: "m1".into(),
                play: s(),
                role: None,
                task: s(),
                module: "debug".into(),
                place: "site.yml:1".into(),
                outcome: super::super::TaskOutcome::Changed,
                ignored: false,
                check: false,
                changes: vec![Shown { what: s(), before: Some(s()), after: Some(s()) }],
                problem: Some(Problem::new(s()).hint(s())),
                result: Some(serde_json::json!({ "a": s() })),
            }),
            Event::HostFinished(HostAnswer::bad("m1".into(), Outcome::Failed, Problem::new(s()).hint(s()))),
            Event::Found(super::super::Finding {
                severity: super::super::Severity::Warning,
                check: "HTTPProxy".into(),
                hosts: vec!["m1".into()],
                seen: s(),
                why: s(),
                todo: s(),
            }),
        ];
        events.extend(answers.map(|answer| Event::HostFinished(HostAnswer::good("m1".into(), Outcome::Unchanged, answer))));
        for event in events {
            let told = serde_json::to_string(&event.redacted(&secrets)).unwrap();
            assert!(!told.contains("s3cret") && told.contains("a *** b"), "{told}");
        }
    }
}
