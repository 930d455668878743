//! A cause tree, and how a person sees it.

use std::fmt;
use std::time::Duration;

/// How many commands are named at most: the first one is what somebody does.
const NEXT: usize = 3;
/// The longest message that is shown whole; what controllers say of a failed build can be pages.
const LONGEST: usize = 300;

/// A thing that is not as it should be, what was said of it, and what is behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// What it is, as in `HelmRelease longhorn-system/longhorn`.
    pub what: String,
    /// What was said of it, by itself or by us.
    pub said: String,
    /// The causes that were found behind it.
    pub children: Vec<Tree>,
    /// The command that goes on, if nothing behind it names a better one.
    pub next: Option<String>,
}

impl Tree {
    /// One with nothing behind it.
    pub fn leaf(what: impl Into<String>, said: impl Into<String>, next: Option<String>) -> Self {
        Self { what: what.into(), said: said.into(), children: Vec::new(), next }
    }

    /// The commands that go on, the deepest cause's first, each once.
    pub fn next(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect_next(&mut found);
        found.truncate(NEXT);
        found
    }

    fn collect_next(&self, found: &mut Vec<String>) {
        let before = found.len();
        for child in &self.children {
            child.collect_next(found);
        }
        if let Some(next) = self.next.as_ref().filter(|_| found.len() == before)
            && !found.contains(next)
        {
            found.push(next.clone());
        }
    }

    /// The tree as text, with how long was waited for what stands at its top.
    pub fn after(&self, waited: Duration) -> Shown<'_> {
        Shown { tree: self, waited: Some(waited) }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown { tree: self, waited: None }.fmt(f)
    }
}

/// A tree to be shown.
#[derive(Debug)]
pub struct Shown<'a> {
    tree: &'a Tree,
    waited: Option<Duration>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not ready", one_line(&self.tree.what))?;
        if let Some(waited) = self.waited {
            write!(f, " after {}", rounded(waited))?;
        }
        writeln!(f)?;
        let mut rows = Vec::new();
        if self.tree.children.is_empty() {
            // what the top itself says is the cause only where nothing was found behind it
            rows.push((format!("  └ {}", one_line(&self.tree.said)), String::new()));
        }
        for child in &self.tree.children {
            lines(child, 1, &mut rows);
        }
        let width = rows.iter().filter(|(_, said)| !said.is_empty()).map(|(what, _)| what.chars().count()).max().unwrap_or_default();
        for (what, said) in rows {
            let gap = width.saturating_sub(what.chars().count()) + 3;
            writeln!(f, "{what}{}{said}", if said.is_empty() { String::new() } else { " ".repeat(gap) })?;
        }
        for (at, next) in self.tree.next().iter().enumerate() {
            writeln!(f, "{}{}", if at == 0 { "next:  " } else { "       " }, one_line(next))?;
        }
        Ok(())
    }
}

fn lines(tree: &Tree, depth: usize, rows: &mut Vec<(String, String)>) {
    rows.push((format!("{}└ {}", "  ".repeat(depth), one_line(&tree.what)), one_line(&tree.said)));
    for child in &tree.children {
        lines(child, depth + 1, rows);
    }
}

/// What a cluster says, on one line of bearable length, with nothing in it that could move a cursor.
fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= LONGEST {
        return words;
    }
    // the beginning says what was done, the end what went wrong
    let (head, tail) = (LONGEST / 3, LONGEST - LONGEST / 3);
    let start: String = words.chars().take(head).collect();
    let end: String = words.chars().skip(words.chars().count() - tail).collect();
    format!("{} … {}", start.trim_end(), end.trim_start())
}

/// A time as one says it.
fn rounded(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..=119 => format!("{seconds} s"),
        seconds => format!("{} min", (seconds + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(what: &str, said: &str, children: Vec<Tree>) -> Tree {
        Tree { what: what.into(), said: said.into(), children, next: None }
    }

    #[test]
    fn the_cause_and_not_the_time_out() {
        let next = Some("homelabctl provision --limit w2".to_owned());
        let pod = Tree::leaf("Pod longhorn-manager-x7k2p on w2", "FailedMount: iscsid is not running", next);
        let release = node("HelmRelease longhorn-system/longhorn", "install retries exhausted", vec![pod]);
        let mut top = node("Kustomization flux-system/infrastructure-controllers", "timeout waiting for: [...]", vec![release]);
        top.next = Some("flux get kustomizations".into());
        insta::assert_snapshot!(top.after(Duration::from_secs(300)), @r"
        Kustomization flux-system/infrastructure-controllers is not ready after 5 min
          └ HelmRelease longhorn-system/longhorn   install retries exhausted
            └ Pod longhorn-manager-x7k2p on w2     FailedMount: iscsid is not running
        next:  homelabctl provision --limit w2
        ");
    }

    #[test]
    fn a_top_without_a_cause_speaks_for_itself() {
        let top = Tree::leaf("GitRepository flux-system/flux-system", "the deploy key\nis not taken", Some("homelabctl bootstrap".into()));
        insta::assert_snapshot!(top.after(Duration::from_secs(61)), @r"
        GitRepository flux-system/flux-system is not ready after 61 s
          └ the deploy key is not taken
        next:  homelabctl bootstrap
        ");
    }

    #[test]
    fn each_command_is_named_once() {
        let leaf = |next: &str| Tree::leaf("x", "y", Some(next.into()));
        let top = node("t", "", vec![leaf("a"), leaf("b"), leaf("a"), leaf("c"), leaf("d")]);
        assert_eq!(top.next(), ["a", "b", "c"]);
    }

    proptest! {
        #[test]
        fn nothing_that_a_cluster_says_moves_the_cursor(what in "\\PC{0,40}|.{0,40}", said in ".{0,900}") {
            let text = node("t", "", vec![node(&what, &said, Vec::new())]).to_string();
            prop_assert_eq!(text.lines().count(), 2);
            prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
            prop_assert!(text.lines().all(|line| line.chars().count() < 40 + LONGEST + 20));
        }
    }
}
