//! What a run's own log says of where its time went.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

/// How what a machine does begins where kubeadm, a package manager or an image command works, or something is waited for.
const AT_WORK: [&str; 14] = [
    "kubeadm",
    "make the cluster",
    "finish ",
    "join ",
    "mint ",
    "install ",
    "refresh the package lists",
    "pull ",
    "import ",
    "wait",
    "roll",
    "apply ",
    "make the pods of kube-proxy anew",
    "have pods ",
];

fn is_work(doing: &str) -> bool {
    AT_WORK.iter().any(|word| doing.starts_with(word)) && !doing.ends_with(": it has ended")
}

/// How long a run took, and for how long of that no machine was at work with what takes its time, and none was waited for.
pub struct Spent {
    /// From the first event to the last.
    pub whole: Duration,
    /// With nothing of that under way.
    pub idle: Duration,
    /// The pieces of that: since when, for how long, and what was told at the end of each.
    pub gaps: Vec<(Duration, Duration, String)>,
}

impl Spent {
    /// Reads the log.
    pub fn of(log: &Path) -> Self {
        let text = std::fs::read_to_string(log).unwrap();
        let mut at_work: BTreeSet<String> = BTreeSet::new();
        let (mut began, mut before, mut gaps): (Option<Timestamp>, Option<Timestamp>, _) = (None, None, Vec::new());
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let now: Timestamp = event["time"].as_str().unwrap().parse().unwrap();
            let first = *began.get_or_insert(now);
            if let (true, Some(before)) = (at_work.is_empty(), before) {
                let what = ["host", "task", "doing"].map(|key| event[key].as_str().unwrap_or_default()).join(" ");
                gaps.push((before.duration_since(first).unsigned_abs(), now.duration_since(before).unsigned_abs(), what));
            }
            before = Some(now);
            let host = event["host"].as_str().unwrap_or_default();
            match event["event"].as_str().unwrap() {
                "host_does" if is_work(event["doing"].as_str().unwrap()) => drop(at_work.insert(host.to_owned())),
                "host_does" | "task_finished" | "host_finished" => drop(at_work.remove(host)),
                _ => {}
            }
        }
        let whole = before.zip(began).map_or(Duration::ZERO, |(last, first)| last.duration_since(first).unsigned_abs());
        Self { whole, idle: gaps.iter().map(|(_, lasts, _)| *lasts).sum(), gaps }
    }

    /// The longest pieces, as they came.
    pub fn longest_gaps(&self) -> String {
        let long = self.gaps.iter().filter(|(_, lasts, _)| lasts.as_secs_f64() >= 1.5);
        long.map(|(at, lasts, what)| format!("  at {:.0} s for {:.1} s, then {what}\n", at.as_secs_f64(), lasts.as_secs_f64())).collect()
    }

    /// Of a hundred, how many are idle.
    pub fn idle_share(&self) -> f64 {
        100.0 * self.idle.as_secs_f64() / self.whole.as_secs_f64()
    }
}

#[test]
fn a_log_says_for_how_long_nothing_was_under_way() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("run.jsonl");
    let line = |second: u32, rest: &str| format!("{{\"time\": \"2026-11-26T10:00:{second:02}Z\", {rest}}}\n");
    let does = |host: &str, doing: &str| format!("\"event\": \"host_does\", \"host\": \"{host}\", \"doing\": \"{doing}\"");
    let text = [
        line(0, "\"event\": \"run_started\""),
        line(1, &does("m1", "connecting")),
        line(3, &does("m1", "install kubelet and 2 more: unpacking")),
        line(5, &does("w1", "kubeadm join on w1")),
        line(8, &does("w1", "kubeadm join on w1: it has ended")),
        line(9, "\"event\": \"task_finished\", \"host\": \"m1\""),
        line(10, "\"event\": \"task_finished\", \"host\": \"w1\""),
        line(20, "\"event\": \"run_finished\""),
    ];
    std::fs::write(&log, text.concat()).unwrap();
    let spent = Spent::of(&log);
    assert_eq!((spent.whole.as_secs(), spent.idle.as_secs()), (20, 14));
    assert_eq!(spent.idle_share().round(), 70.0);
    assert_eq!(spent.longest_gaps(), "  at 1 s for 2.0 s, then m1  install kubelet and 2 more: unpacking\n  at 10 s for 10.0 s, then   \n");
}
