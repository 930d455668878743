//! `homelabctl preflight`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::super::args::{self, ConnectionArgs, OutputArgs, Unresolved};
use super::super::environment::Environment;
use super::super::inventory::{load_inventory, within};
use super::super::run::{Run, listening};
use super::super::session::{Session, Shared};
use super::super::targets::Ready;
use super::super::{ansible_cfg, cluster, retry, show};
use super::asking::{Asking, NotRead};
use crate::cluster::preflight::{self, Finding, Host, Looking, Next, Severity, findings};
use crate::cluster::settings::{Role, Settings};
use crate::diagnostics::{Diagnostic, Diagnostics, ExitCode};
use crate::plan::{FactKey, Facts, Query, Scope, Store};
use crate::report::{self, Event, HostAnswer, Outcome, Problem};

/// See whether machines can become a cluster: all that would stop it, at once, and nothing is changed
///
/// Each machine is looked at as root, and all of them against each other: what clones share, clocks, whether they reach each other at the
/// ports that they need (short-lived listeners wait there), the endpoint's name from every node, the virtual address. Of each finding is
/// said what was seen, why it matters and what to do. What `homelabctl provision` sets up on its way is told last.
///
/// The exit status is 2 if something was found that stops a cluster; `ignore_preflight_errors` of the settings excuses a check by its name.
#[derive(Debug, Args)]
pub struct PreflightArgs {
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// Registries, name servers and disks may be slow, and each has its own limit.
const ASKING: Asking = Asking { doing: "looking at it", limit: Duration::from_secs(180), most_output: 8 << 20 };
/// What is asked leads to further questions a few times.
const MOST_TURNS: u32 = 12;

pub fn run(args: &PreflightArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    listening(output, environment, |interrupt, secrets, began| {
        let mut problems = Diagnostics::new();
        let settings = ansible_cfg::read(environment, &mut problems);
        let mut connection = args.connection.clone();
        connection.become_user.becomes = true;
        let loaded = load_inventory(&connection.source, &settings, environment, &interrupt.terminal, secrets, &mut problems)?;
        let limit = retry::limit(connection.limit.limit.as_ref(), environment, &mut problems);
        let allowed = within(&loaded.inventory, "all", limit.as_deref()).unwrap_or_else(|wrong| {
            problems.extend(wrong);
            Vec::new()
        });
        let Some((wanted, nodes)) = cluster::nodes(&loaded, &mut problems) else { return Err(Unresolved::Wrong(problems)) };
        let control_planes = nodes.iter().filter(|node| node.role == Role::ControlPlane).count();
        let nodes: Vec<Host> = nodes.into_iter().filter(|node| allowed.iter().any(|host| **host == *node.name)).collect();
        if nodes.is_empty() && !problems.has_errors() {
            let hint = "leave out `--limit`, or name hosts of the groups of `cluster.groups`";
            problems.push(Diagnostic::error("`--limit` leaves no node of the cluster").hint(hint));
        }
        let hosts = nodes.iter().map(|node| node.name.as_str().into()).collect();
        let mut chosen = args::of_loaded(loaded, hosts, &connection, &settings, environment, &mut problems);
        let run = Run { command: "preflight", pattern: "all", connection: &connection, output, all_facts: false, diff: false, environment };
        let ready = run.prepare_chosen(&mut chosen, problems, interrupt, secrets)?;
        let conduct = async |shared: Arc<Shared>, hosts: Vec<Ready>, forks: usize| {
            let token = format!("{:016x}", rand::random::<u64>());
            look(&shared, hosts, forks, Looking::new(wanted.clone(), nodes, control_planes, token), &wanted, began).await
        };
        Ok(run.go(ready, interrupt, secrets.clone(), began, conduct, |_| None))
    })
}

/// A machine that was reached.
struct Machine {
    session: Session,
    store: Store,
    scope: Scope,
}

impl Machine {
    /// Reads, or says why the machine is left out from here on.
    async fn read(&mut self, need: Vec<Query>) -> Result<(), HostAnswer> {
        let read = ASKING.read(&mut self.session, &need).await.map_err(|why| match why {
            NotRead::NoAnswer(why) => self.session.not_read(why),
            NotRead::Ended(why) => HostAnswer::bad(Arc::clone(&self.session.host), Outcome::Failed, Problem::new(why)),
        })?;
        for (query, observation) in read.facts {
            self.store.insert(FactKey { scope: self.scope.clone(), query }, observation);
        }
        Ok(())
    }
}

async fn look(
    shared: &Arc<Shared>,
    hosts: Vec<Ready>,
    forks: usize,
    mut looking: Looking,
    settings: &Settings,
    began: Instant,
) -> Vec<Outcome> {
    let (mut machines, mut answers): (BTreeMap<String, Machine>, Vec<HostAnswer>) = Default::default();
    let opened = hosts.into_iter().map(|ready| Session::open(ready, Arc::clone(shared)));
    for opened in stream::iter(opened).buffered(forks.max(1)).collect::<Vec<_>>().await {
        match opened {
            Ok(session) => {
                let scope = Scope::new(&session.host, "root");
                machines.insert(session.host.to_string(), Machine { session, store: Store::default(), scope });
            }
            Err(answer) => answers.push(answer),
        }
    }
    let mut found = None;
    for _ in 0..MOST_TURNS {
        let now = Timestamp::now().as_millisecond();
        let facts: BTreeMap<&str, Facts<'_>> =
            machines.iter().map(|(name, machine)| (name.as_str(), Facts::new(&machine.store, machine.scope.clone()))).collect();
        let mut need = match looking.next(&|name| facts.get(name), now) {
            Next::Read(need) => need,
            Next::Done(evidence) => {
                found = Some(findings(settings, &evidence));
                break;
            }
        };
        let asked = machines.iter_mut().filter_map(|(name, machine)| {
            let queries = need.remove(name)?.into_iter().map(|key| key.query).collect();
            Some(machine.read(queries))
        });
        let lost: Vec<HostAnswer> = join_all(asked).await.into_iter().filter_map(Result::err).collect();
        for answer in lost {
            machines.remove(&*answer.host);
            answers.push(answer);
        }
    }
    for finding in found.iter().flatten() {
        shared.reporter.tell(Event::Found(told(finding)));
    }
    let stops = |host: &str| {
        let errors = found.iter().flatten().filter(|finding| finding.severity == Severity::Error);
        errors.flat_map(|finding| &finding.nodes).any(|node| node == host)
    };
    for machine in machines.into_values() {
        let host = Arc::clone(&machine.session.host);
        let round_trips = machine.session.round_trips();
        let (outcome, problem) = match found {
            Some(_) if stops(&host) => (Outcome::Refused, None),
            Some(_) => (Outcome::Unchanged, None),
            None => (Outcome::Failed, Some(Problem::new("it is not known after many questions"))),
        };
        answers.push(HostAnswer { host, outcome, answer: None, problem, elapsed_ms: 0, round_trips });
    }
    let mut outcomes = Vec::new();
    for answer in answers {
        outcomes.push(answer.outcome);
        shared.reporter.tell(Event::HostFinished(HostAnswer { elapsed_ms: show::millis(began), ..answer }));
    }
    outcomes
}

fn told(finding: &Finding) -> report::Finding {
    report::Finding {
        severity: match finding.severity {
            preflight::Severity::Error => report::Severity::Error,
            preflight::Severity::Unknown => report::Severity::Unknown,
            preflight::Severity::Warning => report::Severity::Warning,
            preflight::Severity::Planned => report::Severity::Planned,
        },
        check: finding.check.clone(),
        hosts: finding.nodes.iter().map(|node| node.as_str().into()).collect(),
        seen: finding.seen.clone(),
        why: finding.why.clone(),
        todo: finding.todo.clone(),
    }
}
