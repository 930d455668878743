//! `homelabctl disk list`

use std::sync::Arc;

use clap::Args;

use super::super::super::args::{ConnectionArgs, OutputArgs};
use super::super::super::environment::Environment;
use super::super::super::run::Run;
use super::super::super::session::{Session, Shared};
use super::super::super::targets::Ready;
use super::{as_root, asked};
use crate::diagnostics::{Diagnostics, ExitCode};
use crate::disk::{Examined, disks, examine_each, gigabytes, stable_name};
use crate::node::facts::{BlockDevice, BlockDevices, Extent};
use crate::plan::{Facts, Stop};
use crate::report::{Answer, DiskLine, HostAnswer, Outcome};

/// See the disks of hosts as a table to decide from
///
/// Each with the name that it keeps, what is on it, and what a playbook may do to it. A disk that seems to be blank is read
/// where data would show.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Which hosts: `all`, a host, a group, `web*`, `a,b`, `masters:!m3`
    #[arg(default_value = "all", value_name = "PATTERN")]
    pub pattern: String,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

pub fn run(args: &ListArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    let connection = &as_root(&args.connection);
    let run = Run { command: "disk list", pattern: &args.pattern, connection, output, all_facts: false, diff: false, environment };
    run.on_each_host(Diagnostics::new(), list)
}

async fn list(shared: Arc<Shared>, ready: Ready) -> HostAnswer {
    let mut session = match Session::open(ready, shared).await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    match asked(&mut session, lines).await {
        Ok(lines) => {
            let answer = HostAnswer::good(Arc::clone(&session.host), Outcome::Unchanged, Answer::Disks(lines));
            HostAnswer { round_trips: session.round_trips(), ..answer }
        }
        Err(answer) => answer,
    }
}

fn lines(facts: &Facts<'_>) -> Result<Vec<DiskLine>, Stop> {
    let devices = facts.get(BlockDevices)?.unwrap_or_default();
    let paths: Vec<&str> = disks(&devices).map(|disk| disk.path.as_str()).collect();
    let examined = examine_each(facts, &paths, Extent::Sampled)?;
    Ok(disks(&devices).zip(&examined).map(|(disk, examined)| line_of(disk, examined)).collect())
}

pub(super) fn line_of(disk: &BlockDevice, examined: &Examined) -> DiskLine {
    DiskLine {
        name: stable_name(disk),
        path: disk.path.clone(),
        model: disk.model.clone(),
        serial: disk.serial.clone(),
        size: disk.size,
        size_shown: gigabytes(disk.size),
        class: serde_json::to_value(&examined.class).unwrap_or_default(),
        holds: examined.class.to_string(),
        may: examined.class.may_become().to_owned(),
    }
}
