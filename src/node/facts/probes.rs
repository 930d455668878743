//! Queries into a script, and its answers back to observations.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Kind, kind_of};
use crate::node::record::{Record, Records, decode, to_text};
use crate::node::script::{ABSENT, Script};
use crate::plan::{Observation, Query, Reading};

/// The queries that a script asks, and under which index each is answered.
#[derive(Debug, Clone, Default)]
pub struct Probes {
    asked: Vec<(Query, Result<u32, String>)>,
}

impl Script {
    /// Asks `queries`, merged where that saves programs. Read the answers with [`Probes::observe`].
    pub fn probe(&mut self, queries: &[Query]) -> Probes {
        let mut probes = Probes::default();
        // kinds stay in the order in which they first come
        let mut order: Vec<&'static Kind> = Vec::new();
        let mut calls: BTreeMap<&'static str, Vec<(u32, Vec<String>)>> = BTreeMap::new();
        for query in queries {
            let asked = words_of(query).map(|(kind, words)| {
                let index = self.next_index();
                if !calls.contains_key(kind.name) {
                    order.push(kind);
                }
                calls.entry(kind.name).or_default().push((index, words));
                index
            });
            probes.asked.push((query.clone(), asked));
        }
        for kind in order {
            let calls = calls.remove(kind.name).unwrap_or_default();
            // an argument list may not grow without bound: 128 KiB a word, some MiB in all
            for group in calls.chunks(if kind.merged { 500 } else { 1 }) {
                self.ask(kind, group);
            }
        }
        probes
    }

    /// Asks `preconditions` again and compares what comes with what was read, without a fork more than reading costs.
    ///
    /// Where one differs, `$moved` is set and what there is now is answered ([`Probes::moved`]); nothing is answered
    /// where it is the same. What was unknown is the same while it is unknown. What was predicted or simulated has no
    /// text to compare: it always differs.
    pub fn check(&mut self, preconditions: &[(Query, Observation)]) -> Probes {
        let queries: Vec<Query> = preconditions.iter().map(|(query, _)| query.clone()).collect();
        let before = self.take_body();
        let probes = self.probe(&queries);
        let calls = self.take_body();
        self.put_body(&before);
        for ((_, asked), (_, observation)) in probes.asked.iter().zip(preconditions) {
            let wanted = match (&observation.reading, &observation.raw) {
                (Reading::Present(_), Some(raw)) => format!("0 {raw}"),
                (Reading::Absent, _) => format!("{ABSENT} "),
                (Reading::Unknown { .. }, _) => "unknown".into(),
                // no status is empty
                (Reading::Present(_), None) => String::new(),
            };
            if let Ok(index) = asked {
                // what a probe printed holds no NUL; if it did, it would differ
                let _ = self.expect(*index, &wanted).or_else(|_| self.expect(*index, ""));
            }
        }
        self.text("checking=1");
        self.put_body(&calls);
        self.text("checking=");
        probes
    }

    fn ask(&mut self, kind: &'static Kind, group: &[(u32, Vec<String>)]) {
        let ids: Vec<String> = group.iter().map(|(index, _)| index.to_string()).collect();
        let words = std::iter::once(ids.join(" ")).chain(group.iter().flat_map(|(_, words)| words.iter().cloned()));
        if let Some((first, _)) = group.first() {
            self.mark(*first);
        }
        // words_of has refused NULs; without the call the answer is missing, so unknown
        let _ = self.call(kind.function, words);
    }
}

/// A query's kind and its words, or why it cannot be asked.
fn words_of(query: &Query) -> Result<(&'static Kind, Vec<String>), String> {
    let kind = kind_of(query).ok_or_else(|| format!("there is no fact `{}`", query.kind))?;
    let words = (kind.words)(&query.args)?;
    match words.iter().find(|word| word.contains('\0')) {
        Some(word) => Err(format!("a NUL character in {word:?}")),
        None => Ok((kind, words)),
    }
}

impl Probes {
    /// What is known now, for every query in the order of asking: what was not answered is unknown.
    pub fn observe(&self, records: &Records) -> Vec<(Query, Observation)> {
        let observe = |(query, asked): &(Query, Result<u32, String>)| {
            let observation = match asked {
                Ok(index) => match records.get(*index) {
                    Some(record) => observe(query, record, &records.complaint(*index)),
                    None => Reading::unknown(unanswered(&records.complaint(*index))).into(),
                },
                Err(why) => Reading::unknown(why.clone()).into(),
            };
            (query.clone(), observation)
        };
        self.asked.iter().map(observe).collect()
    }

    /// After [`Script::check`]: the queries whose answers are other than expected, with what there is now.
    pub fn moved(&self, records: &Records) -> Vec<(Query, Observation)> {
        let answered = |(_, asked): &&(Query, Result<u32, String>)| matches!(asked, Ok(index) if records.get(*index).is_some());
        let asked = self.asked.iter().filter(answered).cloned().collect();
        Probes { asked }.observe(records)
    }
}

fn unanswered(complaint: &str) -> String {
    if complaint.is_empty() { "the machine gave no answer".into() } else { format!("the machine gave no answer: {complaint}") }
}

/// What one record says about its query.
fn observe(query: &Query, record: &Record, complaint: &str) -> Observation {
    let raw = match std::str::from_utf8(&record.payload) {
        Ok(raw) => raw,
        Err(_) => return Reading::unknown("the answer is not text").into(),
    };
    let reading = match record.status {
        0 => parse(query, raw).unwrap_or_else(|why| Reading::unknown(format!("not understood: {why}"))),
        ABSENT => Reading::Absent,
        status => {
            let said = record.bytes().map(|bytes| crate::node::record::to_reason(&bytes)).unwrap_or_default();
            let why = if said.is_empty() { complaint } else { &said };
            Reading::unknown(if why.is_empty() { format!("the probe ended with status {status}") } else { why.to_owned() })
        }
    };
    Observation { reading, raw: Some(Arc::from(raw)) }
}

/// What a probe printed as a reading.
fn parse(query: &Query, raw: &str) -> Result<Reading, String> {
    let kind = kind_of(query).ok_or("no such fact")?;
    let text = to_text(&decode(raw.as_bytes())?);
    (kind.parse)(&query.args, &text).map(Reading::Present)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::{Digest, Stat, User};
    use super::*;
    use crate::node::testing::{SHELLS, run};
    use crate::plan::Fact;

    fn read(shell: &[&str], queries: &[Query]) -> Vec<(Query, Observation)> {
        let mut script = Script::new();
        let probes = script.probe(queries);
        let output = run(shell, "n1", &script.finish());
        probes.observe(&Records::parse("n1", &output.stdout, &output.stderr))
    }

    /// Files whose names try to break out, and what is not there beside each.
    fn queries(dir: &std::path::Path) -> Vec<Query> {
        let mut queries = Vec::new();
        for name in ["plain", "a b", "a", "new\nline", "it's", "\"q\"", "back\\slash", "tab\tb", "ünï", "$(reboot)", "@n1 0 0 1"] {
            let path = dir.join(name);
            std::fs::write(&path, name).unwrap();
            std::os::unix::fs::symlink(name, dir.join(format!("link to {name}"))).unwrap();
            for path in [path.clone(), dir.join(format!("link to {name}")), dir.join(format!("no {name}")), path.join("below")] {
                let path = path.to_str().unwrap();
                queries.extend([Stat::new(path).query(), Stat::followed(path).query(), Digest::new(path).query()]);
            }
        }
        queries.extend([Stat::new(dir.to_str().unwrap()).query(), Digest::new("/dev").query(), Stat::new("/dev/null").query()]);
        queries.extend(["root", "daemon", "no-such"].map(|name| User::new(name).query()));
        queries
    }

    #[test]
    fn what_is_asked_together_reads_as_what_is_asked_alone() {
        let dir = tempfile::tempdir().unwrap();
        let queries = queries(dir.path());
        for shell in SHELLS {
            let together = read(shell, &queries);
            assert_eq!(together.len(), queries.len());
            for (query, observation) in together {
                assert_eq!(read(shell, std::slice::from_ref(&query)), [(query, observation)], "{shell:?}");
            }
        }
    }

    #[test]
    fn what_is_not_there_is_absent_and_what_cannot_be_read_is_unknown() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        Command::new("mkfifo").arg(&fifo).status().unwrap();
        let fifo = fifo.to_str().unwrap();
        let absent = ["/nope", "/etc/passwd/nope", "/no\npe", "/it's: Permission denied"];
        let mut queries: Vec<Query> = absent.iter().flat_map(|path| [Stat::new(*path).query(), Digest::new(*path).query()]).collect();
        let unknown = ["/proc/self/mem".to_string(), "/etc".into(), fifo.into(), format!("/{}", "x".repeat(300))];
        queries.extend(unknown.iter().map(|path| Digest::new(path).query()));
        for shell in SHELLS {
            let mut readings: Vec<Reading> =
                queries.iter().map(|query| read(shell, std::slice::from_ref(query))[0].1.reading.clone()).collect();
            let unknown = readings.split_off(absent.len() * 2);
            assert!(readings.iter().all(|reading| *reading == Reading::Absent), "{shell:?} {readings:?}");
            let whys: Vec<String> = unknown
                .into_iter()
                .map(|reading| if let Reading::Unknown { why, .. } = reading { why } else { panic!("{reading:?}") })
                .collect();
            assert!(whys[0].contains("Input/output error"), "{whys:?}");
            assert!(whys[1] == "not a regular file" && whys[2] == whys[1] && whys[3].contains("File name too long"), "{whys:?}");
        }
    }

    #[test]
    fn a_check_is_silent_until_something_moves() {
        for shell in SHELLS {
            let dir = tempfile::tempdir().unwrap();
            let queries = queries(dir.path());
            let known = read(shell, &queries);
            let check = || {
                let mut script = Script::new();
                let probes = script.check(&known);
                script.text("echo \"moved=$moved\"");
                let output = run(shell, "n1", &script.finish());
                let moved = probes.moved(&Records::parse("n1", &output.stdout, &output.stderr));
                assert_eq!(output.stdout.ends_with(b"moved=\n"), moved.is_empty());
                moved
            };
            assert_eq!(check(), []);
            std::fs::write(dir.path().join("it's"), "other").unwrap();
            std::fs::write(dir.path().join("no a b"), "").unwrap();
            std::fs::remove_file(dir.path().join("tab\tb")).unwrap();
            let moved: Vec<String> = check().iter().map(|(query, _)| query.to_string().replace(dir.path().to_str().unwrap(), "")).collect();
            let three = |name: &str| ["stat", "stat_followed", "digest"].map(|kind| format!("{kind}(/{name})"));
            let two = |name: &str| ["stat_followed", "digest"].map(|kind| format!("{kind}(/link to {name})"));
            let wanted = [&three("no a b")[..], &three("it's"), &two("it's"), &three("tab\tb"), &two("tab\tb")].concat();
            assert_eq!(moved, wanted);
        }
    }

    #[test]
    fn what_cannot_be_asked_is_unknown() {
        let queries =
            [Query::new("mood", ["x"], vec![]), Stat::new("relative").query(), Stat::new("/a\0b").query(), Stat::new("/").query()];
        let known: Vec<Reading> = read(SHELLS[0], &queries).into_iter().map(|(_, o)| o.reading).collect();
        assert_eq!(known[0], Reading::unknown("there is no fact `mood`"));
        assert_eq!(known[1], Reading::unknown("\"relative\" is not an absolute path"));
        assert_eq!(known[2], Reading::unknown("a NUL character in \"/a\\0b\""));
        assert!(matches!(known[3], Reading::Present(_)));
        let silent = Probes { asked: vec![(Stat::new("/").query(), Ok(0))] }.observe(&Records::parse("k", b"", b"@k 0\nsh: oops\n"));
        assert_eq!(silent[0].1.reading, Reading::unknown("the machine gave no answer: sh: oops"));
    }
}
