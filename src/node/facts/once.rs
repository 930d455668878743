//! Programs that are run once for what they say and for what they complain about, both of which count: they ask others, who may take
//! their time, and a part of an answer is one.

use std::collections::BTreeMap;

use crate::node::script::Function;

/// `once PROGRAM…` runs a program or a function: its output goes to `$r`, its complaint to `$err`, its status to `$st`. `section NAME`
/// puts these three into `$all`, for [`sections`]. What is run has no lock of ours.
pub(in crate::node) static ONCE: Function = Function {
    name: "once",
    text: r#"
once() {
  r=$(
    exec 3>&1
    said=$("$@" 2>&1 >&3 3>&- 9>&- </dev/null) && s=0 || s=$?
    printf '\n@said %s\n%s' "$s" "$said"
  )
  err=${r##*"$nl@said "}
  r=${r%"$nl@said "*}
  st=${err%%"$nl"*}
  case $err in *"$nl"*) err=${err#*"$nl"} ;; *) err= ;; esac
  [ "$st" = 0 ] || err=${err:-$1 ended with status $st}
  return "$st"
}
section() {
  all="$all$nl@@ $1 $st$nl$r$nl@@ said$nl$err"
}
"#,
    needs: &[],
};

/// What one program said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Section<'a> {
    /// Whether it ended well.
    pub is_well: bool,
    /// Its output.
    pub output: &'a str,
    /// Its complaint.
    pub complaint: &'a str,
}

/// What stands before the sections, and each of them by its name.
pub(super) fn sections(text: &str) -> (&str, BTreeMap<&str, Section<'_>>) {
    let mut parts = text.split("\n@@ ");
    let head = parts.next().unwrap_or_default();
    let mut found = BTreeMap::new();
    let mut open: Option<(&str, Section<'_>)> = None;
    for part in parts {
        let (title, body) = part.split_once('\n').unwrap_or((part, ""));
        match (title.split_once(' '), open.take()) {
            (None, Some((name, section))) if title == "said" => _ = found.insert(name, Section { complaint: body, ..section }),
            (Some((name, status)), _) => open = Some((name, Section { is_well: status == "0", output: body, complaint: "" })),
            (None, _) => {}
        }
    }
    (head, found)
}

impl Section<'_> {
    /// Its last words, which are about the whole; lines of a log before them are about each attempt.
    pub(super) fn last_words(&self) -> String {
        let is_log = |line: &&str| {
            let mut letters = line.chars();
            line.starts_with('{') || (matches!(letters.next(), Some('E' | 'W' | 'I')) && letters.take(4).all(|c| c.is_ascii_digit()))
        };
        let lines = || self.complaint.lines().map(str::trim).filter(|line| !line.is_empty());
        lines().rfind(|line| !is_log(line)).or_else(|| lines().next_back()).unwrap_or("it gave no reason").to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::record::Records;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};

    static ASK: Function = Function {
        name: "ask",
        text: r#"
ask() {
  all=head
  once sh -c "$1"; section first
  once sh -c 'echo out; echo E1126 log >&2; echo why >&2; exit 3'; section second
  once sh -c 'exit 4'; section third
  r=$all; answer 0 0
}
"#,
        needs: &[&ONCE],
    };

    #[test]
    fn what_is_said_is_told_from_what_is_complained_of() {
        let mut script = Script::new();
        script.call(&ASK, ["printf 'a\\n\\nb\\n'; echo warned >&2; [ -z \"$(cat)\" ]"]).unwrap();
        for shell in SHELLS {
            let output = run(shell, "n1", &script.finish());
            assert!(output.stderr.is_empty(), "{output:?}");
            let records = Records::parse("n1", &output.stdout, &output.stderr);
            let text = String::from_utf8(records.get(0).unwrap().payload.clone()).unwrap();
            let (head, found) = sections(&text);
            assert_eq!((head, found.len()), ("head", 3));
            assert_eq!(found["first"], Section { is_well: true, output: "a\n\nb\n", complaint: "warned" }, "{shell:?}");
            assert_eq!((found["second"].is_well, found["second"].output), (false, "out\n"));
            assert_eq!(found["second"].last_words(), "why");
            assert_eq!(found["third"].complaint, "sh ended with status 4");
        }
    }
}
