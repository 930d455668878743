//! Results for programs: one document at the end, or one event a line.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Event, Renderer, Stamped, VERSION, escape};

/// `--output json`: one document when the run has ended.
pub struct Json<W> {
    out: W,
    command: String,
    hosts: Map<String, Value>,
    notices: Vec<Value>,
    tasks: Vec<Value>,
    findings: Option<Vec<Value>>,
}

impl<W: Write + Send> Json<W> {
    /// Writes the document there.
    pub fn new(out: W) -> Self {
        Self { out, command: String::new(), hosts: Map::new(), notices: Vec::new(), tasks: Vec::new(), findings: None }
    }
}

impl<W: Write + Send> Renderer for Json<W> {
    fn writes(&self) -> &'static str {
        "the results"
    }

    fn writes_at(&self, event: &Stamped) -> bool {
        matches!(event.event, Event::RunFinished { .. })
    }

    fn event(&mut self, event: &Stamped) -> io::Result<()> {
        match &event.event {
            Event::RunStarted { command, hosts, .. } => {
                self.command.clone_from(command);
                // null until it has answered: the order is the inventory's
                self.hosts.extend(hosts.iter().map(|host| (host.to_string(), Value::Null)));
            }
            Event::HostDoes { .. } => {}
            notice @ Event::Notice { .. } => self.notices.push(without(notice, "event")?),
            Event::Found(finding) => self.findings.get_or_insert_default().push(serde_json::to_value(finding)?),
            Event::TaskFinished(answer) => self.tasks.push(serde_json::to_value(answer)?),
            Event::HostFinished(answer) => {
                self.hosts.insert(answer.host.to_string(), without(answer, "host")?);
            }
            Event::RunFinished { exit_code, elapsed_ms, log, .. } => {
                let mut document = json!({
                    "version": VERSION,
                    "command": self.command,
                    "hosts": self.hosts,
                    "notices": self.notices,
                    "exit_code": exit_code,
                    "elapsed_ms": elapsed_ms,
                    "log": log,
                });
                if let Some(fields) = document.as_object_mut().filter(|_| !self.tasks.is_empty()) {
                    fields.insert("tasks".to_owned(), Value::Array(std::mem::take(&mut self.tasks)));
                }
                // that nothing was found is an answer, too
                let findings = self.findings.take().or_else(|| (self.command == "preflight").then(Vec::new));
                if let (Some(fields), Some(findings)) = (document.as_object_mut(), findings) {
                    fields.insert("findings".to_owned(), Value::Array(findings));
                }
                writeln!(self.out, "{}", escape::json(&serde_json::to_string_pretty(&document)?))?;
                self.out.flush()?;
            }
        }
        Ok(())
    }
}

/// The object of `value`, but for one field that its place says already.
fn without(value: &impl Serialize, field: &str) -> io::Result<Value> {
    let mut value = serde_json::to_value(value)?;
    if let Some(fields) = value.as_object_mut() {
        fields.shift_remove(field);
    }
    Ok(value)
}

/// `--output jsonl`: every event as a line, as soon as it happens.
pub struct JsonLines<W> {
    out: W,
    what: &'static str,
    terminal: bool,
}

impl<W: Write + Send> JsonLines<W> {
    /// Writes the lines there.
    pub fn new(out: W) -> Self {
        Self { out, what: "the results", terminal: true }
    }

    /// Writes the lines to a file that is the run's log.
    pub fn log(out: W) -> Self {
        Self { out, what: "the log", terminal: false }
    }
}

impl<W: Write + Send> Renderer for JsonLines<W> {
    fn writes(&self) -> &'static str {
        self.what
    }

    fn writes_at(&self, _: &Stamped) -> bool {
        self.terminal
    }

    fn event(&mut self, event: &Stamped) -> io::Result<()> {
        // one write for a line, so that a reader never sees half of one
        let line = escape::json(&serde_json::to_string(event)?) + "\n";
        self.out.write_all(line.as_bytes())?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_screen::{Buffer, a_run, show};
    use super::*;

    #[test]
    fn one_document() {
        let out = Buffer::default();
        show(&mut Json::new(out.clone()), &a_run());
        insta::assert_snapshot!(out.text());
    }

    #[test]
    fn one_event_a_line() {
        let out = Buffer::default();
        let events = a_run();
        show(&mut JsonLines::new(out.clone()), &events);
        let read: Vec<Stamped> = out.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, events);
        assert!(!out.text().contains('\u{9b}'), "C1 controls are escaped");
        insta::assert_snapshot!(out.text());
    }
}
