//! `homelabctl ping`

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use super::super::args::{ConnectionArgs, OutputArgs};
use super::super::environment::Environment;
use super::super::run::Run;
use super::super::session::{Session, Shared};
use super::super::targets::Ready;
use crate::diagnostics::{Diagnostics, ExitCode};
use crate::report::{Answer, HostAnswer, Outcome, Ping, Problem};
use crate::transport::Collected;

/// Connect to hosts and see whether they can be worked on
#[derive(Debug, Args)]
pub struct PingArgs {
    /// Which hosts: `all`, a host, a group, `web*`, `a,b`, `masters:!m3`
    #[arg(default_value = "all", value_name = "PATTERN")]
    pub pattern: String,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// One message there and back.
const LIMIT: Duration = Duration::from_secs(30);

pub fn run(args: &PingArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    let (pattern, connection) = (&args.pattern, &args.connection);
    let run = Run { command: "ping", pattern, connection, output, all_facts: false, diff: false, environment };
    run.on_each_host(Diagnostics::new(), ping)
}

async fn ping(shared: Arc<Shared>, ready: Ready) -> HostAnswer {
    let mut session = match Session::open(ready, shared).await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let began = Instant::now();
    let mut output = Collected::up_to(64 * 1024);
    let status = match session.run("waiting for an answer", "id -un", &mut output, LIMIT).await {
        Ok(status) => status,
        Err(why) => return session.not_read(why),
    };
    let round_trip = began.elapsed();
    let user = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let answer = if status == 0 && !user.is_empty() {
        let connect_ms = u64::try_from(session.connect_time.as_millis()).unwrap_or(u64::MAX);
        let ping = Ping { user, connect_ms, round_trip_ms: (round_trip.as_secs_f64() * 1e4).round() / 10.0 };
        HostAnswer::good(Arc::clone(&session.host), Outcome::Unchanged, Answer::Ping(ping))
    } else {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let problem = Problem::new(format!("its shell does not know who it is (`id -un` ended with status {status}): {said}"));
        HostAnswer::bad(Arc::clone(&session.host), Outcome::Failed, problem)
    };
    HostAnswer { round_trips: session.round_trips(), ..answer }
}
