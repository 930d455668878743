//! What a call would do, told and laid over what is known, where nothing is changed.

use super::call::{Call, ask, with};
use super::host::{Machines, Seat};
use super::status::{Done, Status};
use crate::modules::{Act, Decision};
use crate::node::steps::Step;
use crate::plan::{Change, Difference, Facts, Plan, Store, Touch};

/// A text that is longer is no value for one line.
const SHORT: usize = 60;

/// Says what would come of it if what it depends on did not matter, and what would differ then.
pub(super) fn probably(store: &Store, call: &Call<'_>, mut done: Done, rest: bool) -> Done {
    let would = match call.plan(rest, &Facts::new(store, call.scope.clone())) {
        Ok(Decision { act: Act::Plan(Plan::Change(change)), .. }) => {
            let told = change.diff.iter().filter_map(told).collect::<Vec<_>>().join(", ");
            if told.is_empty() { "probably changed".to_owned() } else { format!("probably changed: {told}") }
        }
        Ok(Decision { act: Act::Plan(Plan::Unchanged), local, .. }) if local.is_empty() => "probably as it should be".to_owned(),
        Ok(Decision { act: Act::Plan(Plan::Refuse(refusal)), .. }) => format!("as it is now it would be refused: {}", refusal.why),
        _ => return done,
    };
    done.why = Some(done.why.map_or_else(|| would.clone(), |why| format!("{would}; {why}")));
    done
}

/// A difference that fits on a line.
fn told(difference: &Difference) -> Option<String> {
    let short = |text: &Option<String>| match text {
        None => Some("absent".to_owned()),
        Some(text) => (text.chars().count() <= SHORT && !text.contains('\n')).then(|| text.clone()),
    };
    Some(format!("{} {} → {}", difference.what, short(&difference.before)?, short(&difference.after)?))
}

pub(super) async fn predicted<M: Machines>(
    seat: &mut Seat<M::Machine>,
    machines: &M,
    call: &Call<'_>,
    done: Done,
    change: &Change<Step>,
) -> Done {
    if !call.dry {
        return alone(seat, machines, call, done, change).await;
    }
    seat.predicted = true;
    if call.module.is_opaque() {
        let scope = &call.scope;
        seat.store.predict(scope, call.name, &[], &[Touch::Everything]);
        return Done::pending("only a real run produces what it does");
    }
    let touches = crate::node::touched(change);
    seat.store.predict(&call.scope, call.name, &change.expect, &touches);
    // what only a real run would tell is left out
    match ask(seat, machines, &call.scope, |facts| call.module.result(&call.task, facts, None)).await {
        Ok((result, _)) => with(done, result),
        Err(_) => done,
    }
}

/// What a task would do that alone is in check mode. As in Ansible, a command is skipped.
async fn alone<M: Machines>(seat: &mut Seat<M::Machine>, machines: &M, call: &Call<'_>, done: Done, change: &Change<Step>) -> Done {
    if call.module.is_opaque() {
        let foreseen = ["creates", "removes"].into_iter().any(|option| call.task.args.is_given(option));
        let done = Done { result: done.result, ..Done::new(if foreseen { Status::Changed } else { Status::Skipped }) };
        let done = done.with("rc", 0).with("stdout", "").with("stderr", "");
        return done.with("msg", "Command would have run if not in check mode");
    }
    let kept = seat.store.clone();
    seat.store.predict(&call.scope, call.name, &change.expect, &crate::node::touched(change));
    let result = ask(seat, machines, &call.scope, |facts| call.module.result(&call.task, facts, None)).await;
    seat.store = kept;
    match result {
        Ok((result, _)) => with(done, result),
        Err(_) => done,
    }
}
