//! `homelabctl disk wipe`

use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use super::super::super::args::{self, ConnectionArgs, OutputArgs, Unresolved};
use super::super::super::environment::Environment;
use super::super::super::interrupt::Interrupt;
use super::super::super::machines::Fleet;
use super::super::super::run::{Run, listening};
use super::super::super::session::Shared;
use super::super::super::show;
use super::super::super::targets::Ready;
use super::as_root;
use super::wipe_run::Job;
use crate::diagnostics::{Diagnostic, Diagnostics, ExitCode};
use crate::disk::wipe::Thorough;
use crate::report::{Event, HostAnswer, Secrets};

/// Empty one disk, whatever is on it: every byte becomes zero
///
/// What is on it is shown, and its serial number has to be typed back. A disk that is in use is refused, and the system's always. The
/// wipe goes on when this program or the connection ends; the same command then shows how far it is, and goes on with one that was
/// cut off. All that is written is read back.
#[derive(Debug, Args)]
pub struct WipeArgs {
    /// Which host
    #[arg(value_name = "HOST")]
    pub host: String,
    /// Which disk: a name under /dev/disk/by-id, a World Wide Name, a serial number, or a path such as /dev/sdb
    #[arg(value_name = "DISK")]
    pub disk: String,
    /// The serial number of the disk (its World Wide Name if it has none), instead of typing it
    #[arg(long, value_name = "SERIAL")]
    pub serial: Option<String>,
    /// Zero only both ends and what is known by its place, and write a table with a partition for `homelab.longhorn_disk`
    #[arg(long)]
    pub quick: bool,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

pub fn run(args: &WipeArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    listening(output, environment, |interrupt, secrets, began| prepared(args, output, environment, interrupt, secrets, began))
}

fn prepared(
    args: &WipeArgs,
    output: &OutputArgs,
    environment: &Environment,
    interrupt: &Interrupt,
    secrets: &Secrets,
    began: Instant,
) -> Result<ExitCode, Unresolved> {
    let mut problems = Diagnostics::new();
    if args.serial.is_none() && !interrupt.terminal.is_there() {
        let problem = Diagnostic::error("a person types the serial number of the disk, and there is no terminal");
        problems.push(problem.hint("say which disk is meant with `--serial`"));
    }
    let connection = &as_root(&args.connection);
    let mut chosen = args::choose(connection, &args.host, environment, &interrupt.terminal, secrets, &mut problems)?;
    if chosen.count() > 1 {
        let problem = Diagnostic::error(format!("`{}` is {} hosts, and one disk of one host is wiped", args.host, chosen.count()));
        problems.push(problem.hint("name one host"));
    }
    let run = Run { command: "disk wipe", pattern: &args.host, connection, output, all_facts: false, diff: false, environment };
    let prepared = run.prepare_chosen(&mut chosen, problems, interrupt, secrets)?;
    let chosen = Arc::new(chosen);
    let conduct = async |shared: Arc<Shared>, hosts: Vec<Ready>, _: usize| {
        let names: Vec<Arc<str>> = hosts.iter().map(|ready| Arc::clone(&ready.host.name)).collect();
        let fleet = Fleet::new(Arc::clone(&shared), Arc::clone(&chosen), environment, hosts);
        let mut outcomes = Vec::new();
        for host in names {
            let thorough = if args.quick { Thorough::Quick } else { Thorough::Whole };
            let job = Job { host, disk: &args.disk, serial: args.serial.as_deref(), thorough, shared: &shared, fleet: &fleet, interrupt };
            let answer = job.run().await;
            outcomes.push(answer.outcome);
            shared.reporter.tell(Event::HostFinished(HostAnswer { elapsed_ms: show::millis(began), ..answer }));
        }
        fleet.release().await;
        outcomes
    };
    Ok(run.go(prepared, interrupt, secrets.clone(), began, conduct, |_| None))
}
