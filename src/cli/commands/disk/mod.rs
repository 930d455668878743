//! `homelabctl disk`: what disks hosts have, what is on them, and what may be done to them. Nothing here writes to a disk.

mod explain;
mod list;

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::super::args::{ConnectionArgs, OutputArgs};
use super::super::environment::Environment;
use super::super::session::Session;
use crate::diagnostics::ExitCode;
use crate::node::record::{Records, to_reason};
use crate::node::script::Script;
use crate::plan::{FactKey, Facts, Query, Scope, Stop, Store};
use crate::report::{HostAnswer, Outcome, Problem};
use crate::transport::{Collected, Nonce};

/// See the disks of hosts, what is on them and what may be done to them
///
/// Disks are read as root, as with --become, and nothing is written to them.
#[derive(Debug, Args)]
pub struct DiskArgs {
    #[command(subcommand)]
    pub command: DiskCommand,
}

/// One for each file here.
#[derive(Debug, Subcommand)]
pub enum DiskCommand {
    List(list::ListArgs),
    Explain(explain::ExplainArgs),
}

/// Checking a filesystem takes long on a large one.
const LIMIT: Duration = Duration::from_secs(1800);
/// No machine has more to say of its disks.
const MOST_OUTPUT: usize = 32 << 20;

pub fn run(args: &DiskArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    match &args.command {
        DiskCommand::List(args) => list::run(args, output, environment),
        DiskCommand::Explain(args) => explain::run(args, output, environment),
    }
}

/// Only root may read a disk.
fn as_root(connection: &ConnectionArgs) -> ConnectionArgs {
    let mut connection = connection.clone();
    connection.become_user.becomes = true;
    connection
}

/// What `ask` makes of the host's facts: those that it needs are read, a script for all that it needs at once.
async fn asked<T>(session: &mut Session, ask: impl Fn(&Facts<'_>) -> Result<T, Stop> + Send) -> Result<T, HostAnswer> {
    let (mut store, scope) = (Store::default(), Scope::new(&session.host, "root"));
    loop {
        let stopped = match ask(&Facts::new(&store, scope.clone())) {
            Ok(answer) => return Ok(answer),
            Err(stopped) => stopped,
        };
        match stopped {
            Stop::Need(keys) => {
                let queries: Vec<Query> = keys.into_iter().map(|key| key.query).collect();
                read(session, &queries, &scope, &mut store).await?;
            }
            Stop::Unknown(unknown) => {
                let why: Vec<String> = unknown.into_iter().map(|(key, why)| format!("{}: {why}", key.query)).collect();
                return Err(failed(session, format!("its disks cannot be read: {}", why.join("; "))));
            }
        }
    }
}

async fn read(session: &mut Session, queries: &[Query], scope: &Scope, store: &mut Store) -> Result<(), HostAnswer> {
    let nonce = Nonce::new();
    let mut script = Script::new();
    // hexadecimal digits: it can be set
    let _ = script.set("k", nonce.as_str());
    let probes = script.probe(queries);
    let mut output = Collected::up_to(MOST_OUTPUT);
    let status = match session.run("reading disks", &script.finish(), &mut output, LIMIT).await {
        Ok(status) => status,
        Err(why) => return Err(session.not_read(why)),
    };
    let records = Records::parse(nonce.as_str(), &output.stdout, &output.stderr);
    if status != 0 && records.iter().next().is_none() {
        return Err(failed(session, format!("reading disks ended with status {status}: {}", to_reason(&output.stderr))));
    }
    for (query, observation) in probes.observe(&records) {
        store.insert(FactKey { scope: scope.clone(), query }, observation);
    }
    Ok(())
}

fn failed(session: &Session, why: String) -> HostAnswer {
    let answer = HostAnswer::bad(Arc::clone(&session.host), Outcome::Failed, Problem::new(why));
    HostAnswer { round_trips: session.round_trips(), ..answer }
}
