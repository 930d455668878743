//! A pattern, behind an inventory: the last line is the pattern. Run by the fuzzer and, over the corpus, by
//! `tests/all/fuzz_corpus.rs`.

use std::collections::BTreeSet;

use homelabctl::inventory::{Inventory, Pattern};

use super::reading;

/// For a pattern alone.
const HOSTS: &str = "lonely\n[masters]\nm1\nm2\nm3\n[workers]\nw1\nw2\n[new]\nm3\nw2\n[empty]\n[v6]\nfd00::1\n[dotted]\nx.lan\n[cluster:children]\nmasters\nworkers\n";

/// Selects hosts.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // no files: `@name` names one
    let text = text.replace('@', "a");
    let (hosts, pattern) = text.rsplit_once('\n').unwrap_or((HOSTS, &text));
    let (inventory, problems) = reading::text(hosts);
    // with a host of that name `all` alone is that host
    if problems.has_errors() || inventory.hosts().any(|host| &*host.name == "all") {
        return;
    }
    let chosen = select(&inventory, pattern);
    assert_eq!(chosen, select(&inventory, pattern));
    // what is one part wherever it stands
    let part = pattern.trim_start_matches(['&', '!']);
    if part.is_empty() || part.contains(|c: char| c.is_whitespace() || matches!(c, ',' | ':')) {
        return;
    }
    let (without, within) = (select(&inventory, &format!("all:!{part}")), select(&inventory, &format!("all:&{part}")));
    assert_eq!(without.is_some(), within.is_some());
    if let (Some(without), Some(within)) = (without, within) {
        let all: BTreeSet<&str> = inventory.hosts().map(|host| &*host.name).collect();
        let (without, within) = (names(&without), names(&within));
        assert!(without.is_disjoint(&within), "{without:?} and {within:?}");
        assert_eq!(without.union(&within).copied().collect::<BTreeSet<_>>(), all);
        let alone = select(&inventory, part).expect("it was good with a sign before it");
        // a host's name means the host where no sign is before it, and a group or a pattern where one is
        if !inventory.hosts().any(|host| *host.name == *part) {
            assert_eq!(names(&alone).intersection(&all).copied().collect::<BTreeSet<_>>(), within);
        }
        assert_eq!(select(&inventory, &format!("{part},{part}")), Some(alone));
    }
}

fn names(hosts: &[String]) -> BTreeSet<&str> {
    hosts.iter().map(String::as_str).collect()
}

/// The hosts, which may be none; `None` if something is wrong with the pattern.
fn select(inventory: &Inventory, pattern: &str) -> Option<Vec<String>> {
    match Pattern::new("--limit", pattern).select(inventory) {
        Ok(hosts) => {
            assert!(!hosts.is_empty());
            let names: Vec<String> = hosts.iter().map(|host| host.name.to_string()).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "no host twice: {names:?}");
            assert!(names.iter().all(|name| inventory.host(name).is_some()));
            Some(names)
        }
        Err(problems) => {
            reading::problems(&problems);
            assert!(problems.has_errors());
            problems.0.iter().all(|problem| problem.message.starts_with("no host matches `")).then(Vec::new)
        }
    }
}
