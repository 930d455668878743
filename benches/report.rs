//! `docs/benchmarks.md`.

use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

use crate::Arguments;
use crate::contestants::Contestant;
use crate::controller::Row;
use crate::fleet::{GROUPS, HOSTS};
use crate::inventory::{Measured, Program, Question};
use crate::measure::FactsScript;
use crate::nodes::Case;
use crate::provision::{self, Contestant as Provisioner};

/// What a person may expect, of six nodes without a delay.
const OF_SSH: f64 = 1.0;
const OF_ANSIBLE: f64 = 0.2;
const MEMORY: u64 = 512 << 20;
/// And of twenty thousand hosts in an inventory.
const PROCESSOR: Duration = Duration::from_secs(1);
const INVENTORY_MEMORY: u64 = 200 << 20;
const FASTER: f64 = 20.0;

const TITLE: &str = "# Benchmarks\n\nWritten by `make bench`; not to be edited.\n";

pub fn text(arguments: &Arguments, script: &FactsScript, cases: &[Case], rows: &[Row]) -> String {
    let mut text = format!("{TITLE}\n");
    surroundings(&mut text, arguments, true);
    nodes(&mut text, script, cases);
    controller(&mut text, script, rows);
    text
}

/// How and where it was measured.
fn surroundings(text: &mut String, arguments: &Arguments, ssh: bool) {
    let line = std::env::args().collect::<Vec<_>>().join(" ");
    let dirty = if says("git", &["status", "--porcelain"]).is_empty() { "" } else { ", with changes" };
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) >> 20;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let ansible = if arguments.without_ansible { "left out".to_owned() } else { "ansible-core 2.19.14".to_owned() };
    let mut rows = vec![
        ("commit", format!("{}{dirty}", says("git", &["rev-parse", "HEAD"]))),
        ("date", says("date", &["--utc", "+%Y-%m-%d %H:%M UTC"])),
        ("command line", format!("`{line}`")),
        ("rounds", format!("{}, after one that does not count; all in turn, medians", arguments.rounds)),
        ("processors", std::thread::available_parallelism().map_or(0, usize::from).to_string()),
        ("memory", format!("{memory} GiB")),
        ("load at the end (1, 5, 15 min)", load.split_whitespace().take(3).collect::<Vec<_>>().join(" ")),
        ("kernel", says("uname", &["-sr"])),
        ("Ansible", ansible),
    ];
    if ssh {
        rows.push(("ssh", says("ssh", &["-V"])));
    }
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

/// How the section about inventories begins; it stands last.
const INVENTORY: &str = "\n## Reading an inventory\n\n";

/// The section about inventories. It has a table of its own of how it was measured, because it can be measured alone.
pub fn inventory(arguments: &Arguments, all: &[Measured]) -> String {
    let mut text = INVENTORY.to_owned();
    writeln!(
        text,
        "{HOSTS} hosts in {GROUPS} groups, which are in 10 others; 5 variables on each host, one of them a template, 2 on each group, and \
         210 files in `group_vars`. The same written down in three ways, and read by both programs in turn; before that, that both \
         answer the same was checked. Medians; in brackets: how many times homelabctl is faster.\n",
    )
    .unwrap();
    surroundings(&mut text, arguments, false);
    text.push_str("\n| | file | wall, s | processor time, s | peak memory, MiB |\n|---|---|---|---|---|\n");
    let ours =
        |of: &Measured| all.iter().find(|one| one.program == Program::Homelabctl && one.form == of.form && one.question == of.question);
    for one in all {
        let cost = &one.cost;
        let (wall, processor) = (seconds(cost.wall), seconds(cost.processor));
        let cells = match ours(one).filter(|_| one.program == Program::Ansible) {
            None => format!("**{wall:.2}** | **{processor:.2}**"),
            Some(ours) => {
                let (faster, cheaper) = (wall / seconds(ours.cost.wall), processor / seconds(ours.cost.processor));
                format!("{wall:.2} ({faster:.0}) | {processor:.2} ({cheaper:.0})")
            }
        };
        // a `|` ends a cell, and there is none in a pattern of ours
        writeln!(text, "| `{}` | {} | {cells} | {} |", one.program.line(one.question), one.form.name(), cost.memory >> 20).unwrap();
    }
    text.push('\n');
    let patterns = || all.iter().filter(|one| one.program == Program::Homelabctl && one.question == Question::Pattern);
    let most = patterns().map(|one| one.cost.processor).max().unwrap();
    promise(
        &mut text,
        &format!("loaded and a pattern resolved in less than 1 s of processor time: {:.2} s at most", seconds(most)),
        most < PROCESSOR,
    );
    let most = patterns().map(|one| one.cost.memory).max().unwrap();
    promise(&mut text, &format!("the same in less than 200 MiB: {} MiB at most", most >> 20), most < INVENTORY_MEMORY);
    let theirs = all.iter().filter(|one| one.program == Program::Ansible && one.question == Question::List);
    let faster = theirs.filter_map(|one| Some(seconds(one.cost.wall) / seconds(ours(one)?.cost.wall))).reduce(f64::min);
    if let Some(faster) = faster {
        let says = format!("at least {FASTER} times faster than `ansible-inventory --list` on the same file: {faster:.0} times at least");
        promise(&mut text, &says, faster >= FASTER);
    }
    text
}

/// How the section about playbooks begins.
const PROVISION: &str = "\n## Playbooks\n\n";

/// How many times faster a person may expect it to be than ansible-core with pipelining: of so many tasks, or where all changes.
const OF_FEW_TASKS: f64 = 20.0;
const OF_MANY_TASKS: f64 = 100.0;
const OF_CHANGES: f64 = 8.0;

/// The section about playbooks, with a table of its own of how it was measured.
pub fn provision(arguments: &Arguments, cases: &[provision::Case]) -> String {
    let mut text = PROVISION.to_owned();
    text.push_str(
        "From the program's start to its end, every connection new, on machines of the test bed. Ten kinds of tasks in turn: a \
         directory, a file, a template, a line, a group, a user, a link, a service, a block, a package. The script is the one that a \
         person would write for the same (`[ -d … ]`, `stat`, `grep -qxF`, `getent`, `systemctl is-active`, `dpkg-query`). Nothing has to \
         change, which each of them must find; nobody gathers facts. In the last column everything has to (a directory in place of \
         the package): each begins with nothing of it there, and what stands there afterwards must be the same to the byte. Seconds; in \
         brackets: how many times homelabctl is faster.\n\n",
    );
    surroundings(&mut text, arguments, true);
    let head = |case: &provision::Case| {
        let nodes = if case.machines == 1 { "1 node".to_owned() } else { format!("{} nodes", case.machines) };
        let delay = if case.delay.is_zero() { String::new() } else { format!(", {} ms", case.delay.as_millis()) };
        format!("{} tasks, {nodes}{delay}{}", case.tasks, if case.changes { ", all change" } else { "" })
    };
    writeln!(text, "\n| | {} |", cases.iter().map(head).collect::<Vec<_>>().join(" | ")).unwrap();
    writeln!(text, "|---|{}", "---|".repeat(cases.len())).unwrap();
    let faster = |case: &provision::Case, than| Some(seconds(case.wall(than)?) / seconds(case.wall(Provisioner::Homelabctl)?));
    for who in Provisioner::ALL {
        let cell = |case: &provision::Case| match (case.wall(who), faster(case, who)) {
            (Some(wall), _) if who == Provisioner::Homelabctl => format!("**{:.2}**", seconds(wall)),
            (Some(wall), Some(times)) => format!("{:.2} ({times:.1})", seconds(wall)),
            _ => "—".into(),
        };
        writeln!(text, "| {} | {} |", who.line(), cases.iter().map(cell).collect::<Vec<_>>().join(" | ")).unwrap();
    }
    text.push('\n');
    let mut promised = |says: &str, who, at_least: f64, of: &dyn Fn(&provision::Case) -> bool| {
        let times = cases.iter().filter(|case| of(case)).filter_map(|case| faster(case, who)).reduce(f64::min);
        if let Some(times) = times {
            promise(&mut text, &format!("{says}: {times:.1} times at least"), times >= at_least);
        }
    };
    promised("no slower than the script by ssh where nothing changes", Provisioner::Script, 1.0, &|case| !case.changes);
    let ansible = "times faster than Ansible";
    promised(&format!("{OF_FEW_TASKS} {ansible} on 10 tasks"), Provisioner::Ansible, OF_FEW_TASKS, &|case| {
        !case.changes && case.tasks == 10
    });
    promised(&format!("{OF_MANY_TASKS} {ansible} on 100"), Provisioner::Ansible, OF_MANY_TASKS, &|case| !case.changes && case.tasks == 100);
    promised(&format!("{OF_CHANGES} {ansible} where all changes"), Provisioner::Ansible, OF_CHANGES, &|case| case.changes);
    promised("faster than Mitogen everywhere", Provisioner::Mitogen, 1.0, &|_| true);
    promised("faster than pyinfra everywhere", Provisioner::Pyinfra, 1.0, &|_| true);
    text
}

/// How the section about changes begins.
const CHANGES: &str = "\n## Where the time of a playbook goes that changes everything\n\n";

/// The section about changes.
pub fn changes(arguments: &Arguments, profile: &provision::profile::Profile) -> String {
    let mut text = CHANGES.to_owned();
    text.push_str(
        "The ten tasks on 6 nodes of above, with nothing of it there before. The script makes the same and looks at nothing: no probe, no \
         comparison, one connection. The machines share this host's processors with the program, so the processor time of the host has \
         all of it: groupadd, useradd, systemd, sshd, sudo, the shells, and the program. Seconds, medians.\n\n",
    );
    surroundings(&mut text, arguments, true);
    let row = |who: &str, wall: Duration, host: Duration, program: String| {
        format!("| {who} | {:.2} | {:.2} | {:.2} | {program} |\n", seconds(wall), seconds(host), seconds(host) / seconds(wall))
    };
    text.push_str("\n| | wall | processor time of the host | processors at work | of it the program |\n|---|---|---|---|---|\n");
    text.push_str(&row("homelabctl provision", profile.wall, profile.host, format!("{:.2}", seconds(profile.program))));
    text.push_str(&row("ssh HOST sudo sh < script that makes it", profile.script, profile.script_host, "—".into()));
    let share = |part: Duration, whole: Duration| 100.0 * seconds(part) / seconds(whole);
    writeln!(
        text,
        "\n* {:.0} % of the processor time are the machines' and their shells', {:.0} % the program's\n* the work alone, as the script does it, is \
         {:.0} % of the wall time of homelabctl; the rest are the looks before and after each of the ten changes, one round trip each",
        share(profile.host.saturating_sub(profile.program), profile.host),
        share(profile.program, profile.host),
        share(profile.script, profile.wall),
    )
    .unwrap();
    text
}

/// The whole file with that section replaced, or with one if it has none. The one about inventories stands last.
pub fn with_section(whole: &str, section: &str) -> String {
    let heading = section.trim_start().lines().next().unwrap_or_default();
    let whole = if whole.is_empty() { TITLE } else { whole };
    let (before, after) = match whole.split_once(heading) {
        Some((before, rest)) => (before, rest.find("\n## ").map_or("", |next| &rest[next..])),
        None => whole.split_once(INVENTORY).map_or((whole, ""), |(before, _)| (before, &whole[before.len()..])),
    };
    let after = if after.is_empty() { String::new() } else { format!("\n{}", after.trim_start()) };
    format!("{}\n{section}{after}", before.trim_end())
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
