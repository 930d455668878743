//! What tasks did, by what changed: hosts with the same change together.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use similar::{ChangeTag, TextDiff};

use super::super::{Shown, TaskAnswer, TaskOutcome, escape};
use super::answers::names;
use super::paint::Paint;

/// Lines around a change in a diff.
const CONTEXT: usize = 3;
/// A text that is longer is no value for one line.
const SHORT: usize = 60;

/// What tasks did so far.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    changes: Vec<(Shown, Vec<Arc<str>>)>,
    /// Tasks that changed something without saying what.
    acted: Vec<(String, Vec<Arc<str>>)>,
    pending: Vec<(String, Vec<Arc<str>>)>,
    ignored: Vec<(String, Vec<Arc<str>>)>,
    /// Places of tasks that were looked at, and of those that were not as they should be.
    seen: BTreeSet<(String, String)>,
    other: BTreeSet<(String, String)>,
    check: bool,
}

fn add<T: PartialEq>(list: &mut Vec<(T, Vec<Arc<str>>)>, what: T, host: &Arc<str>) {
    match list.iter_mut().find(|(known, _)| *known == what) {
        Some((_, hosts)) if hosts.contains(host) => {}
        Some((_, hosts)) => hosts.push(Arc::clone(host)),
        None => list.push((what, vec![Arc::clone(host)])),
    }
}

impl Tasks {
    /// Whether nothing was changed, only foreseen.
    pub(super) fn is_check(&self) -> bool {
        self.check
    }

    /// Puts hosts everywhere into this order.
    pub(super) fn sort(&mut self, order: &[Arc<str>]) {
        let place = |host: &Arc<str>| order.iter().position(|known| known == host);
        self.changes.iter_mut().for_each(|(_, hosts)| hosts.sort_by_key(place));
        for list in [&mut self.acted, &mut self.pending, &mut self.ignored] {
            list.iter_mut().for_each(|(_, hosts)| hosts.sort_by_key(place));
        }
    }

    /// Whether there were none.
    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Remembers how one ended.
    pub(super) fn take(&mut self, answer: &TaskAnswer) {
        let key = (answer.place.clone(), answer.task.clone());
        self.check |= answer.check;
        if answer.outcome != TaskOutcome::Skipped {
            self.seen.insert(key.clone());
        }
        let title = format!("{} \"{}\"", answer.place, answer.task);
        if matches!(answer.outcome, TaskOutcome::Skipped | TaskOutcome::Unchanged) {
            return;
        }
        // also those of a loop's other items, where one of them did not end well
        for change in &answer.changes {
            add(&mut self.changes, change.clone(), &answer.host);
        }
        match answer.outcome {
            TaskOutcome::Changed if answer.changes.is_empty() => add(&mut self.acted, title, &answer.host),
            TaskOutcome::Pending => {
                let why = answer.problem.as_ref().map(|problem| format!("  {}", problem.message)).unwrap_or_default();
                add(&mut self.pending, format!("{title}{why}"), &answer.host);
            }
            _ if answer.ignored => {
                let why = answer.problem.as_ref().map(|problem| format!("  {}", problem.message)).unwrap_or_default();
                add(&mut self.ignored, format!("{title}{why}"), &answer.host);
            }
            _ => {}
        }
        self.other.insert(key);
    }

    /// Writes what changed, what cannot be known, and how much was right.
    pub(super) fn write(&self, out: &mut dyn Write, paint: Paint, diff: bool, hosts: usize) -> io::Result<()> {
        if !self.changes.is_empty() || !self.acted.is_empty() {
            writeln!(out, "{}", paint.bold(if self.check { "would change" } else { "changed" }))?;
            let rows: Vec<(String, String, String)> = self
                .changes
                .iter()
                .map(|(change, hosts)| (escape::line(&change.what), value(change), list(hosts)))
                .chain(self.acted.iter().map(|(title, hosts)| (escape::line(title), String::new(), list(hosts))))
                .collect();
            let width =
                |of: fn(&(String, String, String)) -> &String| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0).min(SHORT);
            let (first, second) = (width(|row| &row.0), width(|row| &row.1));
            for (index, (what, value, hosts)) in rows.iter().enumerate() {
                writeln!(out, "{}", format!("  {what:first$}  {value:second$}  {hosts}").trim_end())?;
                if let Some((change, _)) = self.changes.get(index).filter(|_| diff) {
                    write_diff(out, paint, change)?;
                }
            }
        }
        section(out, paint, "cannot be known yet", &self.pending)?;
        section(out, paint, "failed, which was ignored", &self.ignored)?;
        let good = self.seen.difference(&self.other).count();
        if self.other.is_empty() && !self.seen.is_empty() {
            let tasks =
                if good == 1 { "the task is as it should be".to_owned() } else { format!("all {good} tasks are as they should be") };
            let on = if hosts == 1 { String::new() } else { format!(" on all {hosts} hosts") };
            writeln!(out, "  {tasks}{on}")?;
        } else if good > 0 {
            writeln!(out, "as it should be: {good} {}", if good == 1 { "task" } else { "tasks" })?;
        }
        Ok(())
    }
}

fn section(out: &mut dyn Write, paint: Paint, title: &str, entries: &[(String, Vec<Arc<str>>)]) -> io::Result<()> {
    if !entries.is_empty() {
        writeln!(out, "{}", paint.bold(title))?;
    }
    for (text, hosts) in entries {
        writeln!(out, "  {}  {}", escape::line(text), list(hosts))?;
    }
    Ok(())
}

fn list(hosts: &[Arc<str>]) -> String {
    names(&hosts.iter().map(|host| &**host).collect::<Vec<_>>())
}

/// `absent → 0644`, where both fit on a line.
fn value(change: &Shown) -> String {
    let short = |text: &Option<String>| match text {
        None => Some("absent".to_owned()),
        Some(text) if text.chars().count() <= SHORT && !text.contains('\n') => Some(escape::line(text)),
        Some(_) => None,
    };
    match (short(&change.before), short(&change.after)) {
        (Some(before), Some(after)) => format!("{before} → {after}"),
        _ => {
            let diff = TextDiff::from_lines(change.before.as_deref().unwrap_or_default(), change.after.as_deref().unwrap_or_default());
            let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
            let lines = format!("+{} −{} lines", count(ChangeTag::Insert), count(ChangeTag::Delete));
            if change.before.is_none() { format!("absent → {lines}") } else { lines }
        }
    }
}

fn write_diff(out: &mut dyn Write, paint: Paint, change: &Shown) -> io::Result<()> {
    let (before, after) = (change.before.as_deref().unwrap_or_default(), change.after.as_deref().unwrap_or_default());
    if !before.contains('\n') && !after.contains('\n') {
        return Ok(());
    }
    let diff = TextDiff::from_lines(before, after);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        for line in hunk.to_string().lines() {
            let line = format!("    {}", escape::line(line));
            let line = match line.trim_start().chars().next() {
                Some('+') => paint.added(&line),
                Some('-') => paint.removed(&line),
                _ => line,
            };
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    Ok(())
}
