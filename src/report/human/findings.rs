//! What was found on machines, the worst first: each with the hosts, what was seen, why it matters, and what to do.

use std::io::{self, Write};

use super::super::{Finding, Severity, escape};
use super::answers::names;
use super::paint::Paint;

const HEADS: [(Severity, &str); 4] = [
    (Severity::Error, "stops a cluster"),
    (Severity::Unknown, "could not be looked at"),
    (Severity::Warning, "good to know"),
    (Severity::Planned, "provision does it on its way"),
];

/// Writes all of them, those of one kind together.
pub(super) fn write(out: &mut dyn Write, paint: Paint, findings: &[Finding]) -> io::Result<()> {
    let mut first = true;
    for (severity, head) in HEADS {
        let all: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == severity).collect();
        if all.is_empty() {
            continue;
        }
        if !std::mem::take(&mut first) {
            writeln!(out)?;
        }
        let head = match severity {
            Severity::Error => paint.error(head),
            Severity::Unknown | Severity::Warning => paint.warning(head),
            Severity::Planned => paint.bold(head),
        };
        writeln!(out, "{head}")?;
        for finding in all {
            write_one(out, paint, finding)?;
        }
    }
    Ok(())
}

fn write_one(out: &mut dyn Write, paint: Paint, finding: &Finding) -> io::Result<()> {
    let hosts: Vec<&str> = finding.hosts.iter().map(|host| &**host).collect();
    let check = paint.dim(&format!("({})", escape::line(&finding.check)));
    writeln!(out, "  {}  {}  {check}", paint.bold(&names(&hosts)), escape::line(&finding.seen))?;
    // what provision does needs nobody's hand, and of what could not be looked at all is said
    if matches!(finding.severity, Severity::Planned | Severity::Unknown) {
        return Ok(());
    }
    writeln!(out, "    {}", escape::line(&finding.why))?;
    writeln!(out, "    → {}", escape::line(&finding.todo))
}
