//! Machines that go away and come back: `reboot` and `wait_for_connection`.

use std::time::{Duration, Instant};

use super::call::reach;
use super::host::{Link, Machines, NotReached, Seat};
use super::status::{Done, Status};
use crate::modules::{Rebooting, Reconnecting};
use crate::node::apply::{Applied, Output};
use crate::node::machine::Machine;
use crate::node::steps::{Run, Step};
use crate::plan::{Plan, Scope, Store};

/// How long between two tries to reach a machine that restarts, at first and at most.
const PAUSE: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(8)];

/// Runs a shell's command; `None` if the machine is not there, or the outcome is unknown.
async fn run<M: Machines>(seat: &mut Seat<M::Machine>, machines: &M, scope: &Scope, command: &str) -> Result<Option<Output>, NotReached> {
    let reached = reach(seat, machines, &scope.host).await?;
    let step = Run { argv: vec!["/bin/sh".into(), "-c".into(), command.to_owned()], any_status: true, ..Run::default() };
    let applied = reached.machine.apply(scope, &Plan::change([Step::from(step)]), &[]).await;
    seat.trips += 1;
    Ok(match applied {
        Applied::Done(carried) => carried.outputs.into_iter().next(),
        _ => None,
    })
}

/// Forgets the connection and all that was read over it.
pub(super) fn let_go<M>(seat: &mut Seat<M>) {
    seat.link = Link::Not;
    seat.store = Store::default();
    seat.locked = false;
}

/// Reboots a machine and waits until it is back.
pub(super) async fn reboot<M: Machines>(seat: &mut Seat<M::Machine>, machines: &M, scope: &Scope, how: &Rebooting) -> Done {
    let began = Instant::now();
    let gone = |gone: NotReached| Done { why: Some(gone.why), hint: gone.hint, ..Done::new(Status::Unreachable) };
    let end = |failed: Option<String>| {
        let status = if failed.is_some() { Status::Failed } else { Status::Changed };
        let mut done = Done { why: failed.clone(), ..Done::new(status) };
        done.result = Rebooting::result(began.elapsed().as_secs(), failed);
        ["changed", "failed"].iter().for_each(|name| drop(done.result.remove(*name)));
        done
    };
    let said = |output: &Output| String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let before = match run(seat, machines, scope, &how.boot_time_command).await {
        Ok(Some(output)) if output.status == 0 => said(&output),
        Ok(_) => return end(Some("when the machine was started cannot be found out, so it was not rebooted".to_owned())),
        Err(why) => return gone(why),
    };
    match run(seat, machines, scope, &how.command).await {
        Ok(Some(output)) if output.status != 0 => {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return end(Some(format!("the machine was not rebooted: the command ended with status {}: {why}", output.status)));
        }
        // it may be gone before it can answer
        Ok(_) | Err(_) => {}
    }
    let_go(seat);
    tokio::time::sleep(Duration::from_secs(how.post_delay)).await;
    let limit = Duration::from_secs(how.timeout);
    let [mut pause, longest] = PAUSE;
    let waiting = Instant::now();
    let mut back = false;
    while waiting.elapsed() < limit {
        let command = if back { &how.test_command } else { &how.boot_time_command };
        match run(seat, machines, scope, command).await {
            Ok(Some(output)) if back && output.status == 0 => return end(None),
            Ok(Some(output)) if !back && output.status == 0 && said(&output) != before => {
                back = true;
                continue;
            }
            _ => {}
        }
        if !back {
            let_go(seat);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
    let what = if back { "is back, but the test command does not succeed" } else { "did not come back" };
    end(Some(format!("after {} s the machine {what}", how.timeout)))
}

/// Gives the connection up and waits until there is a new one.
pub(super) async fn reconnect<M: Machines>(seat: &mut Seat<M::Machine>, machines: &M, scope: &Scope, how: &Reconnecting) -> Done {
    let began = Instant::now();
    let_go(seat);
    tokio::time::sleep(Duration::from_secs(how.delay)).await;
    loop {
        let last = match run(seat, machines, scope, "true").await {
            Ok(Some(_)) => return Done::new(Status::Ok).with("elapsed", began.elapsed().as_secs()),
            Ok(None) => "it does not answer".to_owned(),
            Err(why) => why.why,
        };
        if began.elapsed() >= Duration::from_secs(how.timeout) {
            return Done::failed(format!("timed out waiting for the connection: {last}")).with("elapsed", began.elapsed().as_secs());
        }
        let_go(seat);
        tokio::time::sleep(Duration::from_secs(how.sleep.max(1))).await;
    }
}
