//! What people see.

use super::super::test_screen::{Buffer, a_run, exec, facts, lost, ping, run, show};
use super::*;

/// Both streams as on a terminal without and with colour.
fn shown(events: &[Stamped], look: Look) -> String {
    let (out, err) = (Buffer::default(), Buffer::default());
    show(&mut Human::new(out.clone(), err.clone(), look), events);
    format!("-- stdout\n{}-- stderr\n{}", out.text(), err.text())
}

fn plain() -> Look {
    Look { log: Some("~/.local/state/homelabctl/runs/2026-11-23T14-02-11Z-7.jsonl".into()), ..Look::default() }
}

#[test]
fn ping_tells_each_host_and_the_failures_after() {
    let events = run("ping", vec![ping("m1", "root", 34), ping("master2", "pat", 1_234), lost("w1"), lost("w2")]);
    insta::assert_snapshot!(shown(&events, plain()));
}

#[test]
fn a_good_run_names_no_log() {
    insta::assert_snapshot!(shown(&run("ping", vec![ping("m1", "root", 34)]), Look { verbose: true, ..plain() }));
}

#[test]
fn exec_groups_equal_answers_and_obeys_no_control_character() {
    let mut events = run(
        "exec",
        vec![
            exec("m1", 0, "Linux 6.1\n\n  two\x1b]0;title\x07\n", ""),
            exec("m2", 3, "", "cat: /x: \u{202e}no\r\nsuch\rfile"),
            exec("w1", 0, "Linux 6.1\n\n  two\x1b]0;title\x07\n", ""),
            exec("w2", 0, "", ""),
        ],
    );
    events.insert(1, a_run().remove(1));
    insta::assert_snapshot!(shown(&events, plain()));
}

#[test]
fn facts_are_a_short_table_or_all_of_them() {
    let events = run("facts", vec![facts("m1", "Debian 12"), facts("m2", "Debian 13"), facts("m3", "Debian 12")]);
    insta::assert_snapshot!(shown(&events, plain()));
    insta::assert_snapshot!(shown(&events, Look { all_facts: true, ..plain() }));
}

#[test]
fn findings_are_told_with_the_worst_first_and_what_is_planned_in_a_line() {
    use super::super::Severity;
    let found = |severity, check: &str, hosts: &[&str], seen: &str| {
        let (why, todo) = ("the second one to join takes the first one's Node".to_owned(), "give each its own".to_owned());
        let hosts = hosts.iter().map(|host| (*host).into()).collect();
        Event::Found(Finding { severity, check: check.into(), hosts, seen: seen.into(), why, todo })
    };
    let host =
        |host: &str, outcome| HostAnswer { host: host.into(), outcome, answer: None, problem: None, elapsed_ms: 900, round_trips: 4 };
    let mut events = run("preflight", vec![host("m1", Outcome::Refused), host("m2", Outcome::Refused), host("w1", Outcome::Unchanged)]);
    let all = [
        found(Severity::Planned, "Swap", &["w1"], "swap is in use: /dev/sda2"),
        found(Severity::Error, "DuplicateHostname", &["m1", "m2"], "the host name is the same: debian\x1b[2J"),
        found(Severity::Warning, "Clock", &["w1"], "the clock is 2.3 s behind the others"),
        found(Severity::Unknown, "ImagePull", &["w1"], "whether quay.io answers could not be read: there is nothing to ask with"),
    ];
    for event in all {
        events.insert(1, Stamped::new(jiff::Timestamp::UNIX_EPOCH, event));
    }
    insta::assert_snapshot!(shown(&events, plain()));
    let good = run("preflight", vec![host("m1", Outcome::Unchanged)]);
    insta::assert_snapshot!(shown(&good, plain()));
}

#[test]
fn colour_only_repeats() {
    let events = a_run();
    let coloured = shown(&events, Look { colour_out: true, colour_err: true, ..plain() });
    insta::assert_snapshot!(coloured.replace('\x1b', "ESC"));
    let mut bare = coloured;
    while let Some(start) = bare.find('\x1b') {
        let end = start + bare[start..].find('m').unwrap();
        bare.replace_range(start..=end, "");
    }
    assert_eq!(bare, shown(&events, plain()));
}

#[test]
fn what_is_wrong_before_anything_is_contacted() {
    use crate::diagnostics::{Diagnostic, ExitCode, Source};
    let source = Source::new("hosts.ini", "m1 ansible_hots=x\n");
    let problems = [
        Diagnostic::error("unknown variable `ansible_hots`").at(source.at(3..15)).label("did you mean `ansible_host`?"),
        Diagnostic::warning("a warning").hint("do something"),
        Diagnostic::error("no host matches"),
    ];
    let end = super::super::end_of_run(&[], Some(ExitCode::Usage), 1, None).0;
    let stamp = |event| Stamped::new(jiff::Timestamp::UNIX_EPOCH, event);
    let events: Vec<Stamped> = problems.iter().map(Event::from).chain([end]).map(stamp).collect();
    insta::assert_snapshot!(shown(&events, plain()));
    insta::assert_snapshot!(shown(&events, Look { colour_err: true, ..plain() }).replace('\x1b', "ESC"));
}

#[test]
fn disks_of_all_hosts_are_one_table() {
    use super::super::{DiskLine, DiskSheet};
    let line = |name: &str, size_shown: &str, holds: &str, may: &str| DiskLine {
        name: name.into(),
        path: "/dev/sdx".into(),
        model: Some("QEMU HARDDISK".into()),
        serial: None,
        size: 0,
        size_shown: size_shown.into(),
        class: serde_json::Value::Null,
        holds: holds.into(),
        may: may.into(),
    };
    let answered =
        |host: &str, answer| HostAnswer { elapsed_ms: 90, round_trips: 3, ..HostAnswer::good(host.into(), Outcome::Unchanged, answer) };
    let w1 = vec![
        line("scsi-0QEMU_HARDDISK_root", "32 GB", "system (/, /boot)", "never touched"),
        line("scsi-0QEMU_HARDDISK_lh1", "150 GB", "blank", "format and mount"),
    ];
    let w2 = vec![line("scsi-0QEMU_HARDDISK_lh2", "150 GB", "an LVM physical volume (group \"old\x1bnas\", 2 volumes)", "refuse")];
    let listed = [("w1", w1), ("w2", w2), ("w3", Vec::new())].map(|(host, lines)| answered(host, Answer::Disks(lines)));
    insta::assert_snapshot!(shown(&run("disk list", listed.into_iter().chain([lost("w4")]).collect()), plain()));
    let rows = [("disk", "/dev/sdb, 150 GB"), ("name", "wwn-0x1"), ("name", "scsi-0x1"), ("it is", "blank")];
    let sheet = DiskSheet { summary: rows.map(|(label, line)| (label.into(), line.into())).to_vec(), ..DiskSheet::default() };
    insta::assert_snapshot!(shown(&run("disk explain", vec![answered("w1", Answer::Disk(sheet))]), plain()));
}
