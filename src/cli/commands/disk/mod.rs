//! `homelabctl disk`: what disks hosts have, what is on them, and what may be done to them. Only `wipe` writes to a disk.

mod explain;
mod list;
mod select;
mod wipe;
mod wipe_run;

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::super::args::{ConnectionArgs, OutputArgs};
use super::super::environment::Environment;
use super::super::session::Session;
use super::asking::{Asking, Unanswered, listed};
use crate::diagnostics::ExitCode;
use crate::plan::{Facts, Scope, Stop};
use crate::report::{HostAnswer, Outcome, Problem};

/// See the disks of hosts, what is on them and what may be done to them, and empty one
///
/// Disks are read as root, as with --become, and only `wipe` writes to one.
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
    Select(select::SelectArgs),
    Wipe(wipe::WipeArgs),
}

/// Checking a filesystem takes long on a large one; no machine has more to say of its disks.
const ASKING: Asking = Asking { doing: "reading disks", limit: Duration::from_secs(1800), most_output: 32 << 20 };

pub fn run(args: &DiskArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    match &args.command {
        DiskCommand::List(args) => list::run(args, output, environment),
        DiskCommand::Explain(args) => explain::run(args, output, environment),
        DiskCommand::Select(args) => select::run(args, output, environment),
        DiskCommand::Wipe(args) => wipe::run(args, output, environment),
    }
}

/// Only root may read a disk.
fn as_root(connection: &ConnectionArgs) -> ConnectionArgs {
    let mut connection = connection.clone();
    connection.become_user.becomes = true;
    connection
}

/// What `ask` makes of the host's facts.
async fn asked<T>(session: &mut Session, ask: impl Fn(&Facts<'_>) -> Result<T, Stop> + Send) -> Result<T, HostAnswer> {
    let scope = Scope::new(&session.host, "root");
    ASKING.answer(session, scope, ask).await.map_err(|why| match why {
        Unanswered::Host(answer) => answer,
        Unanswered::Ended(why) => failed(session, why),
        Unanswered::Unknown(unknown) => failed(session, format!("its disks cannot be read: {}", listed(unknown))),
        Unanswered::NoEnd => failed(session, "its disks are not known after many questions".to_owned()),
    })
}

fn failed(session: &Session, why: String) -> HostAnswer {
    let answer = HostAnswer::bad(Arc::clone(&session.host), Outcome::Failed, Problem::new(why));
    HostAnswer { round_trips: session.round_trips(), ..answer }
}
