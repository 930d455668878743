//! What is registered of what apt-get said.

use serde_json::{Map, Value, json};

use crate::modules::{Decision, Task};

/// With what it said.
pub(super) fn told(decision: Decision, task: &Task<'_>, stdout: &str, stderr: &str) -> Decision {
    output(task, stdout, stderr).into_iter().fold(decision, |decision, (name, value)| decision.with(&name, value))
}

/// `stdout` and `stderr`, their lines, and what Ansible shows as a difference.
pub(super) fn output(task: &Task<'_>, stdout: &str, stderr: &str) -> Map<String, Value> {
    let lines = |text: &str| crate::modules::ran::lines(text);
    let mut result = Map::new();
    for (name, text) in [("stdout", stdout), ("stderr", stderr)] {
        result.insert(name.into(), text.into());
        result.insert(format!("{name}_lines"), lines(text).into());
    }
    if task.args.is_given("upgrade") {
        result.insert("msg".into(), stdout.into());
    }
    if task.diff {
        result.insert("diff".into(), json!({"prepared": prepared(stdout)}));
    }
    result
}

/// What stands between the reading of the lists and the sum of it all.
fn prepared(stdout: &str) -> String {
    let lines = crate::modules::ran::lines(stdout);
    let begin = lines.iter().position(|line| line == "Reading state information...").map_or(0, |at| at + 1);
    let is_sum = |line: &String| {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.len() < line.len() && (rest.starts_with(" upgraded") || rest.starts_with(" packages upgraded"))
    };
    let end = lines.iter().position(is_sum).map_or(lines.len(), |at| at + 1);
    lines.get(begin..end).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_stands_before_the_sum() {
        let stdout = "Reading package lists...\nReading state information...\nInst a\n1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\nrest\n";
        assert_eq!(prepared(stdout), "Inst a\n1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.");
        assert_eq!(prepared("a\nb\n"), "a\nb");
        assert_eq!(prepared(""), "");
    }
}
