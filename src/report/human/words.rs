//! Numbers and counts as a person says them.

use super::super::Outcome;

/// `34 ms`, `0.6 s`, `58 s`, `2 min 3 s`.
pub fn duration(ms: u64) -> String {
    match ms {
        ..100 => format!("{ms} ms"),
        // to the nearest tenth
        100..9_950 => format!("{}.{} s", (ms + 50) / 1000, (ms + 50) % 1000 / 100),
        9_950..99_500 => format!("{} s", (ms + 500) / 1000),
        _ => format!("{} min {} s", (ms + 500) / 60_000, (ms + 500) % 60_000 / 1000),
    }
}

/// `1 round trip`, `2 round trips`.
pub(super) fn round_trips(count: u32) -> String {
    if count == 1 { "1 round trip".to_owned() } else { format!("{count} round trips") }
}

/// What the hosts that ended so have in common, after their number.
pub(super) fn ended(command: &str, outcome: Outcome) -> String {
    match (command, outcome) {
        ("ping", Outcome::Unchanged) => "reachable".to_owned(),
        ("facts" | "disk list" | "disk explain" | "disk select" | "cluster status" | "cluster etcd-snapshot", Outcome::Unchanged) => {
            "read".to_owned()
        }
        ("preflight", Outcome::Unchanged) => "fit for a cluster".to_owned(),
        ("preflight", Outcome::Refused) => "not fit for a cluster".to_owned(),
        ("exec", Outcome::Changed) => "done".to_owned(),
        ("cluster kubeconfig", Outcome::Changed) => "asked".to_owned(),
        ("disk wipe", Outcome::Changed) => "wiped".to_owned(),
        (_, Outcome::Unchanged) => "as they should be".to_owned(),
        (_, outcome) => outcome.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let said = [0, 99, 100, 149, 150, 9_949, 9_950, 58_400, 99_499, 99_500, 123_400].map(duration);
        assert_eq!(said, ["0 ms", "99 ms", "0.1 s", "0.1 s", "0.2 s", "9.9 s", "10 s", "58 s", "99 s", "1 min 40 s", "2 min 3 s"]);
    }
}
