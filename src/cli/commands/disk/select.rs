//! `homelabctl disk select`

use std::sync::Arc;

use clap::Args;

use super::super::super::args::{ConnectionArgs, OutputArgs};
use super::super::super::environment::Environment;
use super::super::super::run::Run;
use super::super::super::session::{Session, Shared};
use super::super::super::targets::Ready;
use super::list::line_of;
use super::{as_root, asked};
use crate::diagnostics::{Diagnostics, ExitCode};
use crate::disk::{Proposal, disks, examine_each, propose};
use crate::node::facts::{BlockDevices, Extent};
use crate::plan::{Facts, Stop};
use crate::report::{Answer, DiskProposal, HostAnswer, Outcome};

/// Propose the lines that give each worker's disk to Longhorn
///
/// For each host what stands in its host_vars then: the one disk that can be taken, by the name that it keeps; several as comments to
/// choose from; a comment that says why there is none. Nothing is written.
#[derive(Debug, Args)]
pub struct SelectArgs {
    /// Which hosts: `all`, a host, a group, `web*`, `a,b`, `masters:!m3`
    #[arg(default_value = "workers", value_name = "PATTERN")]
    pub pattern: String,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

pub fn run(args: &SelectArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    let connection = &as_root(&args.connection);
    let run = Run { command: "disk select", pattern: &args.pattern, connection, output, all_facts: false, diff: false, environment };
    run.on_each_host(Diagnostics::new(), select)
}

async fn select(shared: Arc<Shared>, ready: Ready) -> HostAnswer {
    let mut session = match Session::open(ready, shared).await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let host = Arc::clone(&session.host);
    match asked(&mut session, |facts| proposal(facts, &host)).await {
        Ok(proposal) => {
            let answer = HostAnswer::good(host, Outcome::Unchanged, Answer::Proposal(proposal));
            HostAnswer { round_trips: session.round_trips(), ..answer }
        }
        Err(answer) => answer,
    }
}

fn proposal(facts: &Facts<'_>, host: &str) -> Result<DiskProposal, Stop> {
    let devices = facts.get(BlockDevices)?.unwrap_or_default();
    let paths: Vec<&str> = disks(&devices).map(|disk| disk.path.as_str()).collect();
    let examined = examine_each(facts, &paths, Extent::Sampled)?;
    let pairs: Vec<_> = disks(&devices).zip(&examined).collect();
    let Proposal { lines, disk } = propose(host, &pairs);
    Ok(DiskProposal { lines, disk, disks: pairs.into_iter().map(|(disk, examined)| line_of(disk, examined)).collect() })
}
