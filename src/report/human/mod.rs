//! Results for people: hosts with equal answers together, failures after them, a line that sums up.
//!
//! Answers go to stdout, everything else to stderr. Nothing is shown that a node sent without its control characters
//! written out.

mod answers;
mod disks;
mod findings;
mod paint;
mod tasks;
mod words;

use std::io::{self, Write};
use std::sync::Arc;

use super::{Answer, Event, Finding, HostAnswer, NoticeLevel, Outcome, Problem, Renderer, Stamped, TaskAnswer, TaskOutcome, escape};
use crate::diagnostics::ExitCode;
use paint::Paint;
use tasks::Tasks;
pub use words::duration;

/// What the person asked for about the look.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Colour on stdout.
    pub colour_out: bool,
    /// Colour on stderr.
    pub colour_err: bool,
    /// What each host does, as it happens, and how long a round trip takes.
    pub verbose: bool,
    /// Every fact instead of the short table.
    pub all_facts: bool,
    /// Changes of contents line by line.
    pub diff: bool,
    /// Where the log is, as to be shown after a failure.
    pub log: Option<String>,
}

/// `--output human`.
pub struct Human<O, E> {
    out: O,
    err: E,
    look: Look,
    command: String,
    hosts: Vec<Arc<str>>,
    answers: Vec<HostAnswer>,
    tasks: Tasks,
    findings: Vec<Finding>,
    /// Errors of the run as a whole that were told.
    errors: usize,
}

impl<O: Write + Send, E: Write + Send> Human<O, E> {
    /// Writes answers to `out` and everything else to `err`.
    pub fn new(out: O, err: E, look: Look) -> Self {
        let (hosts, answers, findings) = (Vec::new(), Vec::new(), Vec::new());
        Self { out, err, look, command: String::new(), hosts, answers, tasks: Tasks::default(), findings, errors: 0 }
    }

    fn notice(&mut self, level: NoticeLevel, message: &str, hints: &[String], host: Option<&str>, drawing: Option<&str>) -> io::Result<()> {
        let paint = Paint(self.look.colour_err);
        self.errors += usize::from(level == NoticeLevel::Error);
        let level = match level {
            NoticeLevel::Error => paint.error("error:"),
            NoticeLevel::Warning => paint.warning("warning:"),
        };
        if let Some(drawing) = drawing {
            // it begins with the level, a colon and the message
            let rest = drawing.split_once(':').map_or(drawing, |(_, rest)| rest);
            return writeln!(self.err, "{level}{}", escape::lines(rest));
        }
        let host = host.map(|host| format!("{}: ", escape::line(host))).unwrap_or_default();
        writeln!(self.err, "{level} {host}{}", escape::line(message))?;
        for hint in hints {
            writeln!(self.err, "hint: {}", escape::line(hint))?;
        }
        Ok(())
    }

    fn results(&mut self) -> io::Result<()> {
        // they finished in any order; a person reads them in the inventory's
        let place = |answer: &HostAnswer| self.hosts.iter().position(|host| *host == answer.host);
        self.answers.sort_by_key(place);
        if !self.tasks.is_empty() {
            self.tasks.sort(&self.hosts);
            self.tasks.write(&mut self.out, Paint(self.look.colour_out), self.look.diff, self.answers.len())?;
        }
        findings::write(&mut self.out, Paint(self.look.colour_out), &self.findings)?;
        answers::write(&mut self.out, Paint(self.look.colour_out), &self.look, &self.answers)?;
        self.out.flush()?;
        self.problems()
    }

    fn problems(&mut self) -> io::Result<()> {
        let paint = Paint(self.look.colour_err);
        let mut groups: Vec<(Outcome, &Problem, Vec<&str>)> = Vec::new();
        for answer in &self.answers {
            let Some(problem) = &answer.problem else { continue };
            match groups.iter_mut().find(|(outcome, known, _)| *outcome == answer.outcome && *known == problem) {
                Some((_, _, hosts)) => hosts.push(&answer.host),
                None => groups.push((answer.outcome, problem, vec![&answer.host])),
            }
        }
        for (outcome, problem, hosts) in groups {
            let (names, word) = (answers::names(&hosts), outcome.to_string());
            writeln!(self.err, "{}  {}: {}", paint.bold(&names), paint.outcome(outcome, &word), escape::line(&problem.message))?;
            for hint in &problem.hints {
                writeln!(self.err, "  hint: {}", escape::line(hint))?;
            }
        }
        Ok(())
    }

    fn summary(&mut self, counts: &[(Outcome, usize)], exit_code: u8, elapsed_ms: u64) -> io::Result<()> {
        let paint = Paint(self.look.colour_err);
        if exit_code == ExitCode::Usage as u8 {
            let errors = if self.errors == 1 { "1 error".to_owned() } else { format!("{} errors", self.errors) };
            writeln!(self.err, "\n{errors}, nothing was contacted")?;
            return self.err.flush();
        }
        let word = |outcome| match outcome {
            Outcome::Changed if self.tasks.is_check() => "would change".to_owned(),
            outcome => words::ended(&self.command, outcome),
        };
        let counted = |(outcome, count): &(Outcome, usize)| paint.outcome(*outcome, &format!("{count} {}", word(*outcome)));
        let counts: Vec<String> = counts.iter().map(counted).collect();
        let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
        let trips = self.answers.iter().map(|answer| answer.round_trips).max().unwrap_or(0);
        let trips = if trips > 0 { format!(", {}", words::round_trips(trips)) } else { String::new() };
        writeln!(self.err, "\nhosts: {counts}    {}", paint.dim(&format!("in {}{trips}", duration(elapsed_ms))))?;
        if exit_code == ExitCode::Interrupted as u8 {
            writeln!(self.err, "interrupted")?;
        }
        if let Some(log) = self.look.log.as_ref().filter(|_| exit_code != 0) {
            writeln!(self.err, "log: {}", escape::line(log))?;
        }
        self.err.flush()
    }
}

impl<O: Write + Send, E: Write + Send> Renderer for Human<O, E> {
    fn writes(&self) -> &'static str {
        "the results"
    }

    fn writes_at(&self, event: &Stamped) -> bool {
        match &event.event {
            Event::Notice { .. } | Event::RunFinished { .. } => true,
            Event::HostDoes { .. } => self.look.verbose,
            Event::TaskFinished(answer) => says(answer),
            Event::RunStarted { .. } | Event::Found(_) | Event::HostFinished(_) => false,
        }
    }

    fn event(&mut self, event: &Stamped) -> io::Result<()> {
        match &event.event {
            Event::RunStarted { command, hosts, .. } => {
                self.command.clone_from(command);
                self.hosts.clone_from(hosts);
                Ok(())
            }
            Event::Notice { level, message, hints, host, drawing } => {
                self.notice(*level, message, hints, host.as_deref(), drawing.as_deref())
            }
            Event::HostDoes { host, doing } if self.look.verbose => writeln!(self.err, "{}: {}", escape::line(host), escape::line(doing)),
            Event::HostDoes { .. } => Ok(()),
            Event::Found(finding) => {
                self.findings.push(finding.clone());
                Ok(())
            }
            Event::TaskFinished(answer) => {
                self.tasks.take(answer);
                if says(answer) {
                    let message = answer.problem.as_ref().map_or("", |problem| &*problem.message);
                    writeln!(self.out, "{}  {}", Paint(self.look.colour_out).bold(&escape::line(&answer.host)), escape::lines(message))?;
                    self.out.flush()?;
                }
                Ok(())
            }
            Event::HostFinished(answer) => {
                let mut answer = answer.clone();
                if let Some(Answer::Facts(sheet)) = answer.answer.as_mut().filter(|_| !self.look.all_facts) {
                    // never shown, and for many hosts it adds up
                    (sheet.facts, sheet.unknown) = Default::default();
                }
                self.answers.push(answer);
                Ok(())
            }
            Event::RunFinished { hosts, exit_code, elapsed_ms, .. } => {
                // without a reader for the answers the rest is still told
                let results = self.results();
                let counts: Vec<(Outcome, usize)> = hosts.iter().map(|(outcome, count)| (*outcome, *count)).collect();
                self.summary(&counts, *exit_code, *elapsed_ms)?;
                results
            }
        }
    }
}

/// Whether a task has a message for the person: `debug`.
fn says(answer: &TaskAnswer) -> bool {
    let is_debug = answer.module.rsplit('.').next() == Some("debug");
    is_debug && answer.outcome == TaskOutcome::Unchanged && answer.problem.is_some()
}

#[cfg(test)]
mod tests;
