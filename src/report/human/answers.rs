//! The answers themselves, hosts with equal ones together.

use std::io::{self, Write};

use serde_json::Value;

use super::super::{Answer, DiskLine, Ended, FactSheet, HostAnswer, Ping, escape};
use super::paint::Paint;
use super::{Look, disks, duration};

/// Writes all answers, in the order of the first host that gave each.
pub(super) fn write(out: &mut dyn Write, paint: Paint, look: &Look, answers: &[HostAnswer]) -> io::Result<()> {
    let widest = answers.iter().map(|answer| answer.host.chars().count()).max().unwrap_or(0);
    let mut groups: Vec<(&Answer, Vec<&str>)> = Vec::new();
    let mut disks: Vec<(&str, &[DiskLine])> = Vec::new();
    for host in answers {
        match &host.answer {
            None => {}
            // no two are ever alike: a line each
            Some(Answer::Ping(ping)) => write_ping(out, paint, look, host, ping, widest)?,
            // each is about one host, and nothing may stand between the lines
            Some(Answer::Proposal(proposal)) => proposal.lines.iter().try_for_each(|line| writeln!(out, "{}", escape::line(line)))?,
            Some(Answer::Cluster(sheet)) => sheet.lines.iter().try_for_each(|line| writeln!(out, "{}", escape::line(line)))?,
            // one table of all
            Some(Answer::Disks(lines)) => disks.push((&host.host, lines)),
            Some(answer) => match groups.iter_mut().find(|(known, _)| *known == answer) {
                Some((_, hosts)) => hosts.push(&host.host),
                None => groups.push((answer, vec![&host.host])),
            },
        }
    }
    disks::write_table(out, paint, &disks)?;
    for (answer, hosts) in groups {
        match answer {
            Answer::Ping(_) | Answer::Tasks(_) | Answer::Disks(_) | Answer::Proposal(_) | Answer::Cluster(_) => {}
            Answer::Disk(sheet) => disks::write_sheet(out, paint, &hosts, sheet)?,
            Answer::Facts(sheet) => write_facts(out, paint, look, &hosts, sheet)?,
            Answer::Exec(ended) => write_exec(out, paint, &hosts, ended)?,
        }
    }
    Ok(())
}

/// The names of hosts as one list.
pub(super) fn names(hosts: &[&str]) -> String {
    hosts.iter().map(|host| escape::line(host)).collect::<Vec<_>>().join(" ")
}

fn write_ping(out: &mut dyn Write, paint: Paint, look: &Look, host: &HostAnswer, ping: &Ping, widest: usize) -> io::Result<()> {
    let name = format!("{:widest$}", escape::line(&host.host));
    let reachable = paint.outcome(host.outcome, "reachable");
    write!(out, "{}  {reachable} as {} in {}", paint.bold(&name), escape::line(&ping.user), duration(ping.connect_ms))?;
    if look.verbose {
        write!(out, ", then {:.1} ms a round trip", ping.round_trip_ms)?;
    }
    writeln!(out)
}

fn write_exec(out: &mut dyn Write, paint: Paint, hosts: &[&str], ended: &Ended) -> io::Result<()> {
    let status = format!("rc {}", ended.status);
    let status = if ended.status == 0 { status } else { paint.error(&status) };
    writeln!(out, "{} | {status}", paint.bold(&names(hosts)))?;
    write_lines(out, "  ", &ended.stdout.text)?;
    if !ended.stderr.is_empty() {
        writeln!(out, "  {}", paint.dim("stderr:"))?;
        write_lines(out, "    ", &ended.stderr.text)?;
    }
    Ok(())
}

fn write_lines(out: &mut dyn Write, indent: &str, text: &str) -> io::Result<()> {
    for line in escape::lines(text).lines() {
        let line = format!("{indent}{line}");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn write_facts(out: &mut dyn Write, paint: Paint, look: &Look, hosts: &[&str], sheet: &FactSheet) -> io::Result<()> {
    writeln!(out, "{}", paint.bold(&names(hosts)))?;
    let rows: Vec<(String, String)> = if look.all_facts {
        let unknown = sheet.unknown.iter().map(|(name, why)| (name.clone(), format!("unknown: {why}")));
        sheet.facts.iter().map(|(name, value)| (name.clone(), shown(value))).chain(unknown).collect()
    } else {
        sheet.summary.clone()
    };
    let rows: Vec<(String, String)> = rows.iter().map(|(name, line)| (escape::line(name), escape::line(line))).collect();
    let widest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, line) in rows {
        writeln!(out, "  {}  {line}", paint.dim(&format!("{name:widest$}")))?;
    }
    Ok(())
}

/// A value on one line: a text without quotes, and a word for what is not there.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "absent".to_owned(),
        value => value.to_string(),
    }
}
