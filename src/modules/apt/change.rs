//! A call of apt-get as a change: what it does, what is shown of it, what was left half done before.

use super::command::{Command, dpkg_options, patience, policy_rc_d};
use super::said;
use crate::modules::halt::Halt;
use crate::modules::outcome::planned;
use crate::modules::{Act, Decision, Task};
use crate::node::Change;
use crate::node::facts::{Installed, Interrupted, Package, Prospect, Simulated};
use crate::node::steps::{Fate, FinishInterrupted, Step};
use crate::plan::{Expect, Facts, Plan};

/// What is to be called, and what is known of it.
pub(super) struct Call {
    pub command: Command,
    pub title: String,
    /// What the message of a failure begins with: in a real run, and in a dry one.
    pub failure: (String, String),
    pub fates: Vec<(String, Fate)>,
    pub manual: Vec<String>,
    pub expect: Vec<Expect>,
    /// Name, version now, version then.
    pub shown: Vec<(String, Option<String>, Option<String>)>,
}

/// The change. In a dry run it is asked what apt-get would do beside what was said.
pub(super) fn changing(task: &Task<'_>, facts: &Facts<'_>, call: Call) -> Result<Decision, Halt> {
    let mut change = Plan::change(Vec::<Step>::new());
    unfinished(task, facts, &mut change)?;
    let foretold = if task.check { facts.get(call.command.simulation())?.unwrap_or_default() } else { Simulated::default() };
    if foretold.status != 0 && change.steps.is_empty() {
        return Err(failed(&call.failure.1, &foretold).into());
    }
    let prospects = foretold.prospects();
    for (name, before, after) in &call.shown {
        change = change.differs(format!("package {name}"), before.clone(), Some(after.clone().unwrap_or_else(|| "installed".into())));
    }
    for fate in call.fates.iter().filter(|(_, fate)| !matches!(fate, Fate::Installed(_))) {
        let purged = if fate.1 == Fate::Purged { " and its configuration" } else { "" };
        change = change.differs(format!("package {}{purged}", fate.0), Some("installed".into()), None);
    }
    let known = |name: &str| call.fates.iter().any(|(fate, _)| fate == name);
    for prospect in prospects.iter().filter(|prospect| !known(&prospect.name)) {
        change = foresee(change, prospect);
    }
    let mut step = call.command.step(task.args, call.title, call.failure.0, call.fates);
    step.manual = call.manual;
    change.steps.push(step.into());
    change.expect.extend(call.expect);
    let decision = planned(change);
    Ok(if task.check { said::told(decision, task, &foretold.stdout, "") } else { decision })
}

/// A call of which apt-get itself says what it would do, in a real run too: where that is nothing, nothing is done.
pub(super) fn simulated(
    task: &Task<'_>,
    facts: &Facts<'_>,
    command: Command,
    title: String,
    failure: (String, String),
    changes: impl Fn(&str) -> bool,
) -> Result<Decision, Halt> {
    let mut change = Plan::change(Vec::<Step>::new());
    unfinished(task, facts, &mut change)?;
    let foretold = facts.get(command.simulation())?.unwrap_or_default();
    if foretold.status != 0 && change.steps.is_empty() {
        return Err(failed(if task.check { &failure.1 } else { &failure.0 }, &foretold).into());
    }
    if foretold.status == 0 && !changes(&foretold.stdout) {
        // what was left half done is finished all the same
        let decision = if change.steps.is_empty() { Decision::unchanged() } else { planned(change) };
        return Ok(said::told(decision, task, &foretold.stdout, ""));
    }
    let prospects = foretold.prospects();
    for prospect in &prospects {
        change = foresee(change, prospect);
    }
    if prospects.is_empty() {
        change = change.differs("packages", None, Some(title.clone()));
    }
    let fate = |prospect: &Prospect| match (&prospect.after, prospect.purged) {
        (Some(version), _) => Fate::Installed(Some(version.clone())),
        (None, true) => Fate::Purged,
        (None, false) => Fate::Removed,
    };
    let fates = prospects.iter().map(|prospect| (prospect.name.clone(), fate(prospect))).collect();
    change.steps.push(command.step(task.args, title, failure.0, fates).into());
    let decision = planned(change);
    Ok(if task.check { said::told(decision, task, &foretold.stdout, "") } else { decision })
}

/// What was left half installed is finished first.
pub(super) fn unfinished(task: &Task<'_>, facts: &Facts<'_>, change: &mut Change) -> Result<(), Halt> {
    if let Some(half) = facts.get(Interrupted)? {
        let dpkg_options = dpkg_options(task.args).into_iter().map(str::to_owned).collect();
        change.steps.push(FinishInterrupted { patience: patience(task.args), dpkg_options, policy_rc_d: policy_rc_d(task.args) }.into());
        let what = "packages that an earlier installation left half done".to_owned();
        change.diff.push(crate::plan::Difference { what, before: Some(half.join(", ")), after: Some("finished first".into()) });
    }
    Ok(())
}

/// What apt-get would do beside what was asked for.
fn foresee(change: Change, prospect: &Prospect) -> Change {
    let purged = if prospect.purged { " and its configuration" } else { "" };
    let change = change.differs(format!("package {}{purged}", prospect.name), prospect.before.clone(), prospect.after.clone());
    match &prospect.after {
        Some(version) => change.expect(Expect::field(&Installed::new(&prospect.name), "version", version.clone()).and("whole", true)),
        None if prospect.purged => change.expect(Expect::absent(&Package::new(&prospect.name))).expect(gone(&prospect.name)),
        None => change.expect(gone(&prospect.name)),
    }
}

/// It will not be installed.
pub(super) fn gone(name: &str) -> Expect {
    Expect::absent(&Installed::new(name))
}

fn failed(failure: &str, said: &Simulated) -> Decision {
    let decision = Decision { act: Act::Fail(format!("{failure}{}", said.stderr)), ..Decision::unchanged() };
    decision.with("rc", said.status).with("stdout", said.stdout.clone()).with("stderr", said.stderr.clone())
}
