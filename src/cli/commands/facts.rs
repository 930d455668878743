//! `homelabctl facts`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};

use super::super::args::{ConnectionArgs, OutputArgs};
use super::super::environment::Environment;
use super::super::run::Run;
use super::super::session::{Session, Shared};
use super::super::targets::Ready;
use super::asking::{Asking, NotRead};
use super::fact_summary::{Read, summary};
use crate::diagnostics::{Diagnostic, Diagnostics, ExitCode, Source};
use crate::inventory::{Glob, suggestion};
use crate::node::facts::everything;
use crate::plan::{Observation, Query, Reading};
use crate::report::{Answer, FactSheet, HostAnswer, Outcome, Problem};

/// Read what is true of hosts, and change nothing
///
/// Everything is read by one script. Without --filter a person sees a short table of each host; `--output json` has all.
#[derive(Debug, Args)]
pub struct FactsArgs {
    /// Which hosts: `all`, a host, a group, `web*`, `a,b`, `masters:!m3`
    #[arg(default_value = "all", value_name = "PATTERN")]
    pub pattern: String,
    /// Only facts whose name matches, e.g. `os*` or `package.kube*`; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub filter: Vec<String>,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// Reading does not take longer, unless something is wrong on the host, and no machine has more to say.
const READING: Asking = Asking { doing: "reading facts", limit: Duration::from_secs(120), most_output: 32 << 20 };

pub fn run(args: &FactsArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    let (queries, check) = chosen(&args.filter);
    let queries: Arc<[Query]> = queries.into();
    let (pattern, connection, all_facts) = (&args.pattern, &args.connection, !args.filter.is_empty());
    let run = Run { command: "facts", pattern, connection, output, all_facts, diff: false, environment };
    run.on_each_host(check, |shared, ready| facts(shared, ready, Arc::clone(&queries)))
}

/// A fact's name: its kind, and what of that kind.
fn name(query: &Query) -> String {
    std::iter::once(query.kind.as_str()).chain(query.args.iter().map(String::as_str)).collect::<Vec<_>>().join(".")
}

/// What to read. A filter that matches nothing is a mistake.
fn chosen(filters: &[String]) -> (Vec<Query>, Diagnostics) {
    let (all, mut problems) = (everything(), Diagnostics::new());
    if filters.is_empty() {
        return (all, problems);
    }
    let globs: Vec<Glob> = filters.iter().map(|filter| Glob::new(filter)).collect();
    let matches = |glob: &Glob, query: &Query| glob.matches(&query.kind) || glob.matches(&name(query));
    for (_, filter) in globs.iter().zip(filters).filter(|(glob, _)| !all.iter().any(|query| matches(glob, query))) {
        let error = Diagnostic::error(format!("no fact matches `{filter}`"));
        let error = error.at(Source::new("--filter", filter.as_str()).at(0..filter.len()));
        problems.push(match suggestion(filter, all.iter().map(|query| query.kind.as_str())) {
            Some(label) => error.label(label),
            None => {
                let mut kinds: Vec<&str> = all.iter().map(|query| query.kind.as_str()).collect();
                kinds.dedup();
                error.hint(format!("there are {}", kinds.join(", ")))
            }
        });
    }
    (all.into_iter().filter(|query| globs.iter().any(|glob| matches(glob, query))).collect(), problems)
}

async fn facts(shared: Arc<Shared>, ready: Ready, queries: Arc<[Query]>) -> HostAnswer {
    let mut session = match Session::open(ready, shared).await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let answer = match READING.read(&mut session, &queries).await {
        Ok(read) => HostAnswer::good(Arc::clone(&session.host), Outcome::Unchanged, Answer::Facts(sheet(&read))),
        Err(NotRead::Ended(why)) => HostAnswer::bad(Arc::clone(&session.host), Outcome::Failed, Problem::new(why)),
        Err(NotRead::NoAnswer(why)) => return session.not_read(why),
    };
    HostAnswer { round_trips: session.round_trips(), ..answer }
}

fn sheet(read: &Read) -> FactSheet {
    let (mut facts, mut unknown) = (Map::new(), BTreeMap::new());
    for (query, Observation { reading, .. }) in &read.facts {
        match reading {
            Reading::Present(value) => {
                facts.insert(name(query), value.clone());
            }
            Reading::Absent => {
                facts.insert(name(query), Value::Null);
            }
            Reading::Unknown { why, .. } => {
                unknown.insert(name(query), why.clone());
            }
        }
    }
    FactSheet { summary: summary(read), facts, unknown }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn names(filters: &[&str]) -> Vec<String> {
        let filters: Vec<String> = filters.iter().map(|&filter| filter.to_owned()).collect();
        let (queries, problems) = chosen(&filters);
        assert_eq!(problems, Diagnostics::new());
        queries.iter().map(name).collect()
    }

    #[test]
    fn filters_choose_by_kind_or_by_whole_name() {
        assert_eq!(names(&["os_*", "kernel"]), ["os_release", "kernel"]);
        assert_eq!(names(&["package.kubelet"]), ["package.kubelet"]);
        assert!(names(&["package"]).len() > 5);
        assert_eq!(names(&[]).len(), everything().len());
    }

    #[test]
    fn a_filter_that_matches_nothing_is_a_mistake() {
        let (_, problems) = chosen(&["os_relaese".into(), "xyz*".into()]);
        insta::assert_snapshot!(problems);
    }

    #[test]
    fn present_absent_and_unknown_are_kept_apart() {
        let query = |kind: &str| Query::new(kind, ["x"], Vec::new());
        let facts = vec![
            (query("a"), Reading::present(&1).into()),
            (query("b"), Reading::Absent.into()),
            (query("c"), Reading::unknown("no such program").into()),
        ];
        let sheet = sheet(&Read { asked: SystemTime::UNIX_EPOCH, answered: SystemTime::UNIX_EPOCH, facts });
        assert_eq!(serde_json::to_value(&sheet.facts).unwrap(), serde_json::json!({"a.x": 1, "b.x": null}));
        assert_eq!(sheet.unknown, BTreeMap::from([("c.x".to_owned(), "no such program".to_owned())]));
    }
}
