//! `homelabctl cluster status`

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::super::super::args::{ConnectionArgs, OutputArgs, Unresolved};
use super::super::super::environment::Environment;
use super::super::super::interrupt::Interrupt;
use super::super::super::run::listening;
use super::super::super::session::{Session, Shared};
use super::super::super::show;
use super::super::super::targets::Ready;
use super::super::asking::{Unanswered, listed};
use super::{ASKING, ClusterHost, as_root, begin, going, shown};
use crate::cluster::kubeadm_config::endpoint;
use crate::cluster::membership::Role;
use crate::cluster::status::{Look, Status, look};
use crate::diagnostics::ExitCode;
use crate::modules::PlayHost;
use crate::modules::kubeadm::{Called, calls, wanted};
use crate::plan::{Facts, Scope, Stop};
use crate::report::{Answer, Event, HostAnswer, Outcome, Problem, Secrets};

/// See the cluster: its nodes, etcd, certificates, what the inventory does not name, and what a run would do
///
/// Each machine is asked for itself, each control plane for what it hears of the API and of etcd; what nobody could tell is said to be
/// unknown. Nothing is changed.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Which hosts: `all`, a host, a group, `web*`, `a,b`, `masters:!m3`; without a control plane nothing is known of the cluster
    #[arg(default_value = "all", value_name = "PATTERN")]
    pub pattern: String,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

pub fn run(args: &StatusArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    listening(output, environment, |interrupt, secrets, began| prepared(args, output, environment, interrupt, secrets, began))
}

fn prepared(
    args: &StatusArgs,
    output: &OutputArgs,
    environment: &Environment,
    interrupt: &Interrupt,
    secrets: &Secrets,
    began: Instant,
) -> Result<ExitCode, Unresolved> {
    let connection = &as_root(&args.connection);
    let run = going("cluster status", &args.pattern, connection, output, environment);
    let (cluster, prepared, ()) = begin(&run, interrupt, secrets, |_| true, |_, _| ())?;
    let (hosts, settings) = (&cluster.hosts, &cluster.settings);
    let endpoint = endpoint(settings);
    let conduct = async |shared: Arc<Shared>, ready: Vec<Ready>, forks: usize| {
        let asked = ready.into_iter().map(|ready| {
            let role = hosts.iter().find(|host| host.name == ready.host.name).map(|host| host.role);
            let host = cluster.all.iter().find(|host| *host.name == *ready.host.name).cloned();
            one(Arc::clone(&shared), ready, role.zip(host), endpoint.clone())
        });
        let answers: Vec<(HostAnswer, Option<(Called, Look)>)> = stream::iter(asked).buffer_unordered(forks).collect().await;
        let mut called = BTreeMap::new();
        let mut answers: BTreeMap<Arc<str>, (HostAnswer, Option<Look>)> = answers
            .into_iter()
            .map(|(answer, asked)| {
                let look = asked.map(|(name, look)| {
                    called.insert(answer.host.to_string(), name);
                    look
                });
                (Arc::clone(&answer.host), (answer, look))
            })
            .collect();
        let seen = |host: &ClusterHost| {
            let look = match answers.get(&host.name) {
                Some((_, Some(look))) => Ok(look.clone()),
                Some((answer, None)) => Err(answer.problem.as_ref().map_or("no answer", |problem| &*problem.message).to_owned()),
                None => Err("it was not asked".to_owned()),
            };
            (host.name.to_string(), host.role, look)
        };
        let wanted = wanted(settings, &cluster.all, &called);
        let status = Status::of(settings, &wanted, hosts.iter().map(seen).collect());
        let sheet = shown::sheet(&settings.name, &endpoint, &status, Timestamp::now());
        // one of those that answered tells of all
        if let Some((answer, _)) = hosts.iter().find_map(|host| answers.get(&host.name).filter(|(_, look)| look.is_some())) {
            let host = Arc::clone(&answer.host);
            if let Some((answer, _)) = answers.get_mut(&host) {
                answer.answer = Some(Answer::Cluster(sheet));
            }
        }
        let mut outcomes = Vec::new();
        for (_, (answer, _)) in answers {
            outcomes.push(answer.outcome);
            shared.reporter.tell(Event::HostFinished(HostAnswer { elapsed_ms: show::millis(began), ..answer }));
        }
        outcomes
    };
    Ok(run.go(prepared, interrupt, secrets.clone(), began, conduct, |_| None))
}

async fn one(shared: Arc<Shared>, ready: Ready, node: Option<(Role, PlayHost)>, endpoint: String) -> (HostAnswer, Option<(Called, Look)>) {
    let name = Arc::clone(&ready.host.name);
    let Some((role, host)) = node else {
        return (HostAnswer::bad(name, Outcome::Failed, Problem::new("a bug in this program: it is no node")), None);
    };
    let mut session = match Session::open(ready, shared).await {
        Ok(session) => session,
        Err(answer) => return (answer, None),
    };
    let asked = ASKING.answer(&mut session, Scope::new(&name, "root"), |facts| question(facts, role, &host, &endpoint)).await;
    let round_trips = session.round_trips();
    let failed = |why: String| HostAnswer { round_trips, ..HostAnswer::bad(Arc::clone(&name), Outcome::Failed, Problem::new(why)) };
    match asked {
        Ok(said) => {
            (HostAnswer { answer: None, outcome: Outcome::Unchanged, problem: None, host: name, elapsed_ms: 0, round_trips }, Some(said))
        }
        Err(Unanswered::Host(answer)) => (answer, None),
        Err(Unanswered::Ended(why)) => (failed(why), None),
        Err(Unanswered::Unknown(unknown)) => (failed(format!("it cannot be asked: {}", listed(unknown))), None),
        Err(Unanswered::NoEnd) => (failed("its answers lead to further questions without end".to_owned()), None),
    }
}

/// What it is called and what it says, asked for together.
fn question(facts: &Facts<'_>, role: Role, host: &PlayHost, endpoint: &str) -> Result<(Called, Look), Stop> {
    let address = || host.address.map(|address| address.to_string()).unwrap_or_default();
    let usual = || Called { name: host.name.clone(), address: address(), interface: None };
    let (called, mut need) = match calls(facts, host) {
        Ok(called) => (called, BTreeSet::new()),
        Err(Stop::Need(need)) => (usual(), need),
        Err(Stop::Unknown(_)) => (usual(), BTreeSet::new()),
    };
    match look(facts, role, endpoint, &called.address) {
        Err(Stop::Need(more)) => {
            need.extend(more);
            Err(Stop::Need(need))
        }
        _ if !need.is_empty() => Err(Stop::Need(need)),
        look => Ok((called, look?)),
    }
}
