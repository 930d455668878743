//! `docs/benchmarks.md`.

use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

use crate::Arguments;
use crate::contestants::Contestant;
use crate::controller::Row;
use crate::measure::FactsScript;
use crate::nodes::Case;

/// What a person may expect, of six nodes without a delay.
const OF_SSH: f64 = 1.0;
const OF_ANSIBLE: f64 = 0.2;
const MEMORY: u64 = 512 << 20;

pub fn text(arguments: &Arguments, script: &FactsScript, cases: &[Case], rows: &[Row]) -> String {
    let mut text = String::from("# Benchmarks\n\nWritten by `make bench`; not to be edited.\n\n");
    surroundings(&mut text, arguments);
    nodes(&mut text, script, cases);
    controller(&mut text, script, rows);
    text
}

fn surroundings(text: &mut String, arguments: &Arguments) {
    let line = std::env::args().collect::<Vec<_>>().join(" ");
    let dirty = if says("git", &["status", "--porcelain"]).is_empty() { "" } else { ", with changes" };
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) >> 20;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let ansible = if arguments.without_ansible { "left out".to_owned() } else { "ansible-core 2.19.14".to_owned() };
    let rows = [
        ("commit", format!("{}{dirty}", says("git", &["rev-parse", "HEAD"]))),
        ("date", says("date", &["--utc", "+%Y-%m-%d %H:%M UTC"])),
        ("command line", format!("`{line}`")),
        ("rounds", format!("{}, after one that does not count; all in turn, medians", arguments.rounds)),
        ("processors", std::thread::available_parallelism().map_or(0, usize::from).to_string()),
        ("memory", format!("{memory} GiB")),
        ("load at the end (1, 5, 15 min)", load.split_whitespace().take(3).collect::<Vec<_>>().join(" ")),
        ("kernel", says("uname", &["-sr"])),
        ("ssh", says("ssh", &["-V"])),
        ("Ansible", ansible),
    ];
    text.push_str("| | |\n|---|---|\n");
    for (name, value) in rows {
        writeln!(text, "| {name} | {value} |").unwrap();
    }
}

fn nodes(text: &mut String, script: &FactsScript, cases: &[Case]) {
    text.push_str("\n## Connecting and reading all facts\n\n");
    writeln!(
        text,
        "From the program's start to its end, every connection new, on machines of the test bed (systemd-nspawn with a real sshd) on \
         this host: most of the time is theirs, not the client's. homelabctl and ssh run the same script ({} bytes, {} facts); all \
         hosts at the same time, ssh as a process each without ControlMaster. Seconds; in brackets: homelabctl's share of it.\n",
        script.text.len(),
        script.facts
    )
    .unwrap();
    let head = |case: &Case| {
        let plural = if case.machines == 1 { "node" } else { "nodes" };
        format!("{} {plural}, {} ms", case.machines, case.delay.as_millis())
    };
    writeln!(text, "| | {} |", cases.iter().map(head).collect::<Vec<_>>().join(" | ")).unwrap();
    writeln!(text, "|---|{}", "---|".repeat(cases.len())).unwrap();
    for who in Contestant::ALL {
        let cells: Vec<String> = cases
            .iter()
            .map(|case| match (case.wall(who), share(case, who)) {
                (Some(wall), Some(_)) if who == Contestant::Homelabctl => format!("**{:.2}**", wall.as_secs_f64()),
                (Some(wall), Some(share)) => format!("{:.2} ({share:.2})", wall.as_secs_f64()),
                _ => "—".into(),
            })
            .collect();
        writeln!(text, "| {} | {} |", who.line(), cells.join(" | ")).unwrap();
    }
    text.push('\n');
    let six = cases.iter().find(|case| case.machines > 1 && case.delay.is_zero()).unwrap();
    for (who, most) in [(Contestant::Ssh, OF_SSH), (Contestant::AnsibleSetup, OF_ANSIBLE)] {
        if let Some(share) = share(six, who) {
            let says = format!("at most {most} of `{}` on {} nodes without a delay: {share:.2}", who.line(), six.machines);
            promise(text, &says, share <= most);
        }
    }
}

/// homelabctl's time as a share of another's.
fn share(case: &Case, of: Contestant) -> Option<f64> {
    Some(seconds(case.wall(Contestant::Homelabctl)?) / seconds(case.wall(of)?))
}

fn controller(text: &mut String, script: &FactsScript, rows: &[Row]) {
    text.push_str("\n## The program alone\n\n");
    writeln!(
        text,
        "`homelabctl facts` against simulated SSH servers on loopback, all at the same time (`-f` as many), {} facts each. The servers \
         are a process of their own on the same processors: the wall time is both sides', processor time and memory are the program's.\n",
        script.facts
    )
    .unwrap();
    text.push_str("| hosts | wall, s | processor time, s | a host, ms | peak memory, MiB | a host, KiB |\n|---|---|---|---|---|---|\n");
    for row in rows {
        let each = |value: f64| value / row.hosts as f64;
        writeln!(
            text,
            "| {} | {:.2} | {:.2} | {:.1} | {} | {:.0} |",
            row.hosts,
            seconds(row.wall),
            seconds(row.processor),
            each(seconds(row.processor) * 1000.0),
            row.memory >> 20,
            each(row.memory as f64 / 1024.0)
        )
        .unwrap();
    }
    text.push('\n');
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return };
    let (times, hosts) = (seconds(last.wall) / seconds(first.wall), last.hosts as f64 / first.hosts as f64);
    promise(
        text,
        &format!("wall time from {} to {} hosts: {times:.1} times, for {hosts:.0} times the hosts", first.hosts, last.hosts),
        times <= hosts,
    );
    promise(text, &format!("{} hosts in less than 512 MiB", last.hosts), last.memory < MEMORY);
}

fn promise(text: &mut String, says: &str, holds: bool) {
    writeln!(text, "* {says} — {}", if holds { "holds" } else { "**does not hold**" }).unwrap();
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// What a program says, on either stream.
fn says(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else { return "not there".into() };
    let said = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&said).trim().to_owned()
}
