//! One module on one machine: reading what its plan needs, planning, carrying out, reading back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value as Json};

use super::background::{self, Background};
use super::host::{Host, Link, Machines, NotReached, Reached, Seat};
use super::pause::Word;
use super::predicted::{predicted, probably};
use super::status::{Done, Status};
use crate::modules::{Act, Decision, LocalWrite, Module, Task};
use crate::node::apply::{Applied, Carried, Output};
use crate::node::facts::RealPath;
use crate::node::machine::Machine;
use crate::node::steps::Step;
use crate::plan::{Change, Difference, Fact as _, FactKey, Facts, Observation, Plan, Query, Scope, Stop, Touch};

/// So often a plan is made anew because the machine had moved.
const ATTEMPTS: usize = 3;
/// So often facts may lead to the wish for further facts.
const READINGS: usize = 50;

/// How a module is called.
pub(super) struct Call<'a> {
    pub(super) module: &'static dyn Module,
    pub(super) task: Task<'a>,
    /// With which eyes and hands.
    pub(super) scope: Scope,
    /// What a person calls the task, for predictions.
    pub(super) name: &'a str,
    /// The playbook's directory.
    pub(super) dir: &'a Path,
    /// Whether nothing at all is changed in this run; in another a task with `check_mode` foresees nothing for those after it.
    pub(super) dry: bool,
    /// What such a run would have written here.
    pub(super) foreseen: &'a super::local::Foreseen,
    /// `timeout`: after so many seconds its program is killed.
    pub(super) limit: Option<u64>,
    /// `async`: it runs as a job in the background.
    pub(super) background: Option<&'a Background>,
    /// A person's word before a disk is formatted.
    pub(super) word: Word<'a>,
}

impl Call<'_> {
    /// What is to be done; or, once a first part is done, what is left.
    pub(super) fn plan(&self, rest: bool, facts: &Facts<'_>) -> Result<Decision, Stop> {
        if rest { self.module.rest(&self.task, facts) } else { self.module.plan(&self.task, facts) }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Halt {
    /// These facts cannot be known, or only after a real run.
    Unknown(BTreeMap<FactKey, String>),
    /// The machine is not reached.
    Gone(NotReached),
    /// That user cannot be had there.
    NoUser(String),
}

/// Connects if that was not done yet.
pub(super) async fn reach<'a, M: Machines>(
    seat: &'a mut Seat<M::Machine>,
    machines: &M,
    host: &str,
) -> Result<&'a mut Reached<M::Machine>, NotReached> {
    if matches!(seat.link, Link::Not) {
        seat.link = match machines.connect(host, &seat.via).await {
            Ok(reached) => Link::Up(reached),
            Err(why) => Link::Down(why),
        };
    }
    match &mut seat.link {
        Link::Up(reached) => Ok(reached),
        Link::Down(why) => Err(why.clone()),
        Link::Not => Err(NotReached { why: "it was not connected to".to_owned(), hint: None }),
    }
}

/// Reads facts into the store: one script for each pair of eyes.
pub(super) async fn read<M: Machines>(seat: &mut Seat<M::Machine>, machines: &M, host: &str, keys: BTreeSet<FactKey>) -> Result<(), Halt> {
    let mut by_scope: BTreeMap<Scope, BTreeSet<Query>> = BTreeMap::new();
    for key in keys.into_iter().filter(|key| seat.store.get(key).is_none()) {
        let queries = by_scope.entry(key.scope.clone()).or_default();
        if seat.foretells {
            // where a path is known to hold no link, what is foretold elsewhere leaves it alone
            let ways = key.query.stands_on.iter().filter_map(|ground| match ground {
                Touch::Followed(path) if path.starts_with('/') => Some(RealPath::new(path).query()),
                // and by which name a disk is touched
                Touch::BlockDevice(path) if path.starts_with("/dev/") && path != "/dev/" => Some(RealPath::new(path).query()),
                _ => None,
            });
            queries.extend(ways.filter(|query| seat.store.get(&FactKey { scope: key.scope.clone(), query: query.clone() }).is_none()));
        }
        queries.insert(key.query);
    }
    for (scope, queries) in by_scope {
        let reached = reach(seat, machines, host).await.map_err(Halt::Gone)?;
        let queries: Vec<Query> = queries.into_iter().collect();
        let answers = reached.machine.read(&scope, &queries).await;
        seat.trips += 1;
        match answers {
            Ok(mut answers) => {
                let way = RealPath::new("/").query().kind;
                answers.sort_by_key(|(query, _)| query.kind != way);
                for (query, observation) in answers {
                    seat.store.insert(FactKey { scope: scope.clone(), query }, observation);
                }
            }
            Err(lost) if lost.user => return Err(Halt::NoUser(lost.why)),
            Err(lost) => {
                let why = NotReached { why: lost.why, hint: None };
                seat.link = Link::Down(why.clone());
                return Err(Halt::Gone(why));
            }
        }
    }
    Ok(())
}

/// Asks until everything that was needed has been read.
pub(super) async fn ask<M: Machines, T>(
    seat: &mut Seat<M::Machine>,
    machines: &M,
    scope: &Scope,
    mut question: impl FnMut(&Facts<'_>) -> Result<T, Stop>,
) -> Result<(T, Vec<FactKey>), Halt> {
    for _ in 0..READINGS {
        let stop = {
            let facts = Facts::new(&seat.store, scope.clone());
            match question(&facts) {
                Ok(answer) => return Ok((answer, facts.recorded())),
                Err(stop) => stop,
            }
        };
        match stop {
            Stop::Need(keys) => {
                let host = scope.host.clone();
                read(seat, machines, &host, keys).await?;
            }
            Stop::Unknown(why) => return Err(Halt::Unknown(why)),
        }
    }
    Err(Halt::Unknown(BTreeMap::new()))
}

/// Carries a call out, or predicts what it would do.
pub(super) async fn call<M: Machines>(host: &Host<M::Machine>, machines: &M, call: &Call<'_>) -> Done {
    let mut seat = host.machine().await;
    let seat = &mut *seat;
    if !call.dry || call.task.check {
        return called(seat, machines, call).await;
    }
    // it is done in a dry run all the same, so it goes by what the machine is, not by what was foretold
    let foretold = std::mem::take(&mut seat.store);
    let done = called(seat, machines, call).await;
    seat.store = foretold;
    if done.has_changed() {
        seat.store.forget(&call.scope.host, &[Touch::Everything]);
    }
    done
}

async fn called<M: Machines>(seat: &mut Seat<M::Machine>, machines: &M, call: &Call<'_>) -> Done {
    let done = at_once(seat, machines, call).await;
    match call.background.filter(|_| !call.task.check) {
        Some(background) if done.result.get("finished") != Some(&Json::Bool(false)) => left(seat, machines, call, background, done).await,
        _ => done,
    }
}

/// What was done at once all the same: its result is left where the result of a job is looked for.
async fn left<M: Machines>(seat: &mut Seat<M::Machine>, machines: &M, call: &Call<'_>, background: &Background, done: Done) -> Done {
    if !matches!(done.status, Status::Ok | Status::Changed | Status::Failed | Status::Skipped) {
        return done;
    }
    let file = match job_file(seat, machines, call, background).await {
        Ok(file) => file,
        Err(done) => return done,
    };
    if background.poll > 0.0 {
        let mut done = done.with("ansible_job_id", background.job.as_str()).with("results_file", file);
        done.result.insert("started".to_owned(), Json::Bool(true));
        return done.with("finished", true);
    }
    let step = background::leave(background, &file, &done);
    match carry_out(seat, machines, call, &Plan::change([Step::from(step)]), Vec::new()).await {
        Ok(_) => Done { result: background::begun(&background.job, &file), changes: done.changes, ..Done::new(Status::Changed) },
        Err(Some(done)) => done,
        Err(None) => Done::failed("the machine changes while it is being changed"),
    }
}

/// Where a job leaves its result.
async fn job_file<M: Machines>(
    seat: &mut Seat<M::Machine>,
    machines: &M,
    call: &Call<'_>,
    background: &Background,
) -> Result<String, Done> {
    match ask(seat, machines, &call.scope, |facts| crate::modules::job_file(&call.task, facts, &background.job)).await {
        Ok((Ok(file), _)) => Ok(file),
        Ok((Err(why), _)) => Err(Done::failed(why)),
        Err(halt) => Err(halted(halt, call.task.check)),
    }
}

/// What came of a call, or of its first part.
enum Came {
    /// This came of it.
    Done(Box<Done>),
    /// A first part was done, or foretold: what is registered of it, what it said, what it changed.
    Part(Map<String, Json>, Option<Carried>, Vec<Difference>),
}

impl From<Done> for Came {
    fn from(done: Done) -> Self {
        Self::Done(Box::new(done))
    }
}

async fn at_once<M: Machines>(seat: &mut Seat<M::Machine>, machines: &M, call: &Call<'_>) -> Done {
    // a task that alone is in check mode foretells nothing for those after it
    let kept = (call.task.check && !call.dry).then(|| seat.store.clone());
    let (result, carried, changes) = match in_parts(seat, machines, call, None).await {
        Came::Done(done) => return *done,
        Came::Part(result, carried, changes) => (result, carried, changes),
    };
    let came = in_parts(seat, machines, call, Some(carried.as_ref())).await;
    if let Some(kept) = kept {
        seat.store = kept;
    }
    match came {
        Came::Part(..) => Done::failed("its first part leads to another first part"),
        Came::Done(mut done) => {
            for (name, value) in result {
                done.result.entry(name).or_insert(value);
            }
            let mut done = *done;
            if !changes.is_empty() {
                match done.status {
                    Status::Ok | Status::Skipped => done.status = Status::Changed,
                    Status::Failed => drop(done.result.insert("changed".to_owned(), Json::Bool(true))),
                    _ => {}
                }
                done.changes.splice(0..0, changes);
            }
            done
        }
    }
}

/// The call, or what is left of it after its first part.
async fn in_parts<M: Machines>(seat: &mut Seat<M::Machine>, machines: &M, call: &Call<'_>, before: Option<Option<&Carried>>) -> Came {
    // an opaque call changes what cannot be foreseen, so it is not made where nothing is to be changed; but one that can only
    // read tells the truth as long as nothing that it could see would be other by then
    if call.module.looks_afresh(&call.task) {
        seat.store.forget(&call.scope.host, &[Touch::Everything]);
    }
    let reads = call.module.only_reads(&call.task) && !seat.predicted;
    let check = call.task.check && !(call.module.is_opaque() && reads && call.dry);
    for _ in 0..ATTEMPTS {
        let (decision, relied_on) = match ask(seat, machines, &call.scope, |facts| call.plan(before.is_some(), facts)).await {
            Ok(answer) => answer,
            Err(halt) => {
                let done = halted(halt, call.dry && call.task.check);
                let done =
                    if done.status == Status::Pending { probably(&seat.store.probable(), call, done, before.is_some()) } else { done };
                return done.into();
            }
        };
        let Decision { act, result, local, quiet, part, formatting } = decision;
        let change = match act {
            Act::Skip(why) => {
                // a command that was not needed is as it should be; of the others Ansible says that they were skipped
                let status = if result.contains_key("rc") { Status::Ok } else { Status::Skipped };
                let done = Done { result, ..Done::new(status) };
                return if done.result.contains_key("msg") { done } else { done.with("msg", why) }.into();
            }
            Act::Pending(why, _) if !call.dry => return Done::new(Status::Skipped).with("msg", why).into(),
            Act::Pending(why, touches) => {
                if !touches.is_empty() {
                    seat.predicted = true;
                    seat.store.predict(&call.scope, call.name, &[], &touches);
                }
                return Done::pending(why).into();
            }
            Act::Fail(why) => {
                let words = super::words::of_place(&why).filter(|_| call.module.spec().name == "template");
                let mut done = Done::failed(why);
                done.result.extend(words.map(|words| ("msg".to_owned(), words.into())));
                done.result.extend(result);
                return done.into();
            }
            Act::Reboot(_) | Act::Reconnect(_) if check => {
                seat.predicted = call.dry;
                let done = Done { result, ..Done::new(Status::Changed) };
                return done.with("elapsed", 0).with("rebooted", true).into();
            }
            Act::Reboot(how) => {
                let host = call.scope.host.clone();
                if let Err(gone) = lock(seat, machines, &host).await {
                    return gone.into();
                }
                return super::reboot::reboot(seat, machines, &call.scope, &how).await.into();
            }
            Act::Reconnect(how) => return super::reboot::reconnect(seat, machines, &call.scope, &how).await.into(),
            Act::Plan(Plan::Refuse(refusal)) => {
                let mut done = Done { why: Some(refusal.why), hint: refusal.hint, ..Done::new(Status::Refused) };
                done.result = result;
                return done.into();
            }
            // a dry run says whether the file here would be another; of a single task Ansible says this
            Act::Plan(Plan::Unchanged) if !local.is_empty() && call.task.check && !call.dry => {
                return Done::new(Status::Skipped).with("msg", "check mode not (yet) supported for this module").into();
            }
            Act::Plan(Plan::Unchanged) if !local.is_empty() => {
                let done = written(&local, call, result);
                return if done.status.is_good() { finished(seat, machines, call, done, None).await } else { done }.into();
            }
            Act::Plan(Plan::Unchanged) => {
                let done = Done { result, ..Done::new(Status::Ok) };
                return finished(seat, machines, call, done, before.flatten()).await.into();
            }
            Act::Plan(Plan::Change(change)) => change,
        };
        let mut change = change;
        let mut done = if quiet {
            Done { result: result.clone(), ..Done::new(Status::Ok) }
        } else {
            Done { result: result.clone(), changes: change.diff.clone(), ..Done::new(Status::Changed) }
        };
        if check && part {
            seat.predicted |= call.dry;
            seat.store.predict(&call.scope, call.name, &change.expect, &crate::node::touched(&change));
            return Came::Part(result, None, done.changes);
        }
        if check {
            return predicted(seat, machines, call, done, &change).await.into();
        }
        if let Some(formatting) = formatting
            && let Err(refusal) = call.word.before(&formatting).await
        {
            return Done { why: Some(refusal.why), hint: refusal.hint, ..Done::new(Status::Refused) }.into();
        }
        let mut is_job = false;
        if let [Step::Run(run)] = change.steps.as_mut_slice() {
            match call.background {
                None => run.limit = call.limit,
                Some(background) => {
                    let file = match job_file(seat, machines, call, background).await {
                        Ok(file) => file,
                        Err(done) => return done.into(),
                    };
                    let strip = call.task.args.bool("strip_empty_ends").unwrap_or(false);
                    let launch = background::launch(background, &file, run.clone(), &done.result, strip);
                    done.result = background::begun(&background.job, &file);
                    change.steps = vec![launch.into()];
                    is_job = true;
                }
            }
        }
        match carry_out(seat, machines, call, &change, relied_on).await {
            Ok(_) if is_job => return done.into(),
            Ok(carried) if part => return Came::Part(result, Some(carried), done.changes),
            Ok(carried) => {
                let carried = after(before.flatten(), carried);
                let done = if reads { Done { changes: Vec::new(), ..done } } else { done };
                return finished(seat, machines, call, done, Some(&carried)).await.into();
            }
            Err(Some(mut done)) => {
                for (name, value) in result {
                    done.result.entry(name).or_insert(value);
                }
                return done.into();
            }
            Err(None) => {}
        }
    }
    Done::failed(format!("the machine changes while it is being changed: planned {ATTEMPTS} times, and what was seen was other each time"))
        .into()
}

/// What a first part said, and then the rest.
fn after(before: Option<&Carried>, mut carried: Carried) -> Carried {
    if let Some(before) = before {
        carried.outputs.splice(0..0, before.outputs.iter().cloned());
    }
    carried
}

pub(super) fn halted(halt: Halt, check: bool) -> Done {
    match halt {
        Halt::Gone(gone) => Done { why: Some(gone.why), hint: gone.hint, ..Done::new(Status::Unreachable) },
        Halt::NoUser(why) => Done::failed(why),
        Halt::Unknown(why) => {
            let reasons: Vec<String> = why.iter().map(|(key, why)| format!("{}: {why}", key.query)).collect();
            let predicted = check && why.values().any(|why| why.starts_with("depends on what") || why.starts_with("only partly known"));
            if predicted {
                let mut whys: Vec<&str> = why.values().map(String::as_str).collect();
                whys.dedup();
                return Done::pending(whys.join("; "));
            }
            Done::failed(format!("cannot be known, so nothing was changed: {}", reasons.join("; ")))
        }
    }
}

/// Makes the machine ours before its first change.
async fn lock<M: Machines>(seat: &mut Seat<M::Machine>, machines: &M, host: &str) -> Result<(), Done> {
    let ended = |why: NotReached, status| Done { why: Some(why.why), hint: why.hint, ..Done::new(status) };
    let (locked, via) = (seat.locked, seat.via.clone());
    let reached = reach(seat, machines, host).await.map_err(|why| ended(why, Status::Unreachable))?;
    if !locked {
        machines.lock(host, &via, &mut reached.machine).await.map_err(|why| ended(why, Status::Refused))?;
        seat.locked = true;
    }
    Ok(())
}

/// What is written on this machine.
fn written(local: &[LocalWrite], call: &Call<'_>, result: Map<String, Json>) -> Done {
    match super::local::write(local, call.dir, call.task.check.then_some(call.foreseen)) {
        Ok((changed, last)) => {
            let mut done = Done { result, ..Done::new(if changed { Status::Changed } else { Status::Ok }) };
            if let (true, Some(last)) = (done.result.contains_key("dest"), last) {
                done.result.insert("dest".to_owned(), Json::from(last.display().to_string()));
            }
            done
        }
        Err(why) => Done::failed(why),
    }
}

/// `Err(None)`: the machine had moved; plan anew.
async fn carry_out<M: Machines>(
    seat: &mut Seat<M::Machine>,
    machines: &M,
    call: &Call<'_>,
    change: &Change<Step>,
    relied_on: Vec<FactKey>,
) -> Result<Carried, Option<Done>> {
    match carried_out(seat, machines, &call.scope, change, relied_on).await {
        Err(Some(Stopped { mut done, failed: Some((index, output)) })) => {
            done.result.extend(call.module.failed_step(&call.task, change.steps.get(index), &output));
            Err(Some(done))
        }
        carried => carried.map_err(|stopped| stopped.map(|stopped| stopped.done)),
    }
}

/// Why a change was not carried out to its end.
pub(super) struct Stopped {
    /// What that comes to.
    pub(super) done: Done,
    /// The step that failed, and what it said.
    pub(super) failed: Option<(usize, Output)>,
}

impl From<Done> for Stopped {
    fn from(done: Done) -> Self {
        Self { done, failed: None }
    }
}

/// The same, whoever wants it.
pub(super) async fn carried_out<M: Machines>(
    seat: &mut Seat<M::Machine>,
    machines: &M,
    scope: &Scope,
    change: &Change<Step>,
    relied_on: Vec<FactKey>,
) -> Result<Carried, Option<Stopped>> {
    let host = scope.host.clone();
    let gone = |gone: NotReached, status| Some(Stopped::from(Done { why: Some(gone.why), hint: gone.hint, ..Done::new(status) }));
    let preconditions: Vec<(FactKey, Observation)> =
        relied_on.into_iter().filter_map(|key| seat.store.get(&key).map(|observation| (key.clone(), observation.clone()))).collect();
    lock(seat, machines, &host).await.map_err(|done| Some(done.into()))?;
    let reached = reach(seat, machines, &host).await.map_err(|why| gone(why, Status::Unreachable))?;
    let applied = brought(&mut reached.machine, scope, change, &preconditions).await.map_err(|done| Some(done.into()))?;
    seat.trips += 1;
    let touches = crate::node::touched(change);
    let forget = |seat: &mut Seat<M::Machine>| seat.store.forget(&host, &touches);
    match applied {
        Applied::Done(carried) => {
            forget(seat);
            for (query, observation) in &carried.readings {
                seat.store.insert(FactKey { scope: scope.clone(), query: query.clone() }, observation.clone());
            }
            Ok(carried)
        }
        Applied::Moved(moved) => {
            for moved in moved {
                seat.store.insert(FactKey { scope: scope.clone(), query: moved.query }, moved.is);
            }
            Err(None)
        }
        Applied::StepFailed { index, output, .. } => {
            forget(seat);
            let said = String::from_utf8_lossy(if output.stderr.is_empty() { &output.stdout } else { &output.stderr }).trim().to_owned();
            let what = change.steps.get(index).map(Step::describe).unwrap_or_default();
            let why = if said.is_empty() { format!("{what}: it ended with status {}", output.status) } else { format!("{what}: {said}") };
            Err(Some(Stopped { done: Done::failed(why), failed: Some((index, output)) }))
        }
        Applied::Unmet { unmet, .. } => {
            forget(seat);
            let why: Vec<String> = unmet.iter().map(ToString::to_string).collect();
            Err(Some(Done::failed(format!("it was done, and it is not so: {}", why.join("; "))).into()))
        }
        Applied::Locked(lost) => Err(Some(Done { why: Some(lost.to_string()), ..Done::new(Status::Refused) }.into())),
        Applied::NotBegun(why) => {
            let why = NotReached { why, hint: None };
            seat.link = Link::Down(why.clone());
            Err(gone(why, Status::Unreachable))
        }
        Applied::Unusable(why) => Err(Some(Done::failed(why).into())),
        Applied::Unknown(why) => {
            forget(seat);
            let why = NotReached {
                why: format!("the outcome is unknown: {why}"),
                hint: Some("run it again: it looks first at what is so now".to_owned()),
            };
            seat.link = Link::Down(why.clone());
            Err(gone(why, Status::Unknown))
        }
    }
}

/// Carries a change out, with all that has to be on the machine before.
pub(super) async fn brought<M: Machine>(
    machine: &mut M,
    scope: &Scope,
    change: &Change<Step>,
    preconditions: &[(FactKey, Observation)],
) -> Result<Applied, Done> {
    // what acts by being asked is asked once: what the plan relies on is compared before
    let acts = super::errands::acts(change);
    if acts {
        let compared = machine.apply(scope, &Plan::change(Vec::<Step>::new()), preconditions).await;
        if !matches!(compared, Applied::Done(_)) {
            return Ok(compared);
        }
    }
    let ahead = match super::stage::ahead(machine, scope, change).await {
        Err(Done { status: Status::Unknown, why, .. }) => return Ok(Applied::Unknown(why.unwrap_or_default())),
        ahead => ahead?,
    };
    let Some((change, places)) = ahead else {
        return Ok(machine.apply(scope, change, preconditions).await);
    };
    let applied = machine.apply(scope, &change, if acts { &[] } else { preconditions }).await;
    let is_left = match applied {
        // a fetch that has what it wants already leaves them where they are
        Applied::Done(_) => change.steps.iter().any(|step| matches!(step, Step::Fetch(_))),
        Applied::Unknown(_) => false,
        _ => true,
    };
    if is_left && !places.is_empty() {
        machine.discard(scope, &places).await;
    }
    Ok(match applied {
        // a server was asked all the same
        Applied::NotBegun(why) | Applied::Unusable(why) if acts => Applied::Unknown(why),
        Applied::Locked(lost) if acts => Applied::Unknown(lost.to_string()),
        applied => applied,
    })
}

/// With what is registered.
async fn finished<M: Machines>(seat: &mut Seat<M::Machine>, machines: &M, call: &Call<'_>, done: Done, carried: Option<&Carried>) -> Done {
    // what a step says is told, whoever reads it
    let says = carried.is_some_and(|carried| carried.outputs.iter().any(|output| !output.stdout.is_empty()));
    if !(call.task.wanted || call.module.is_opaque() || says) {
        return done;
    }
    match ask(seat, machines, &call.scope, |facts| call.module.result(&call.task, facts, carried)).await {
        Ok((result, _)) => with(done, result),
        // it was done all the same
        Err(Halt::Gone(gone)) => Done { why: Some(gone.why), hint: gone.hint, status: Status::Unreachable, ..done },
        Err(Halt::Unknown(_) | Halt::NoUser(_)) => done,
    }
}

/// The result over what was there; `failed`, `changed` and `skipped` in it decide.
pub(super) fn with(mut done: Done, result: Map<String, Json>) -> Done {
    done.result.extend(result);
    let flag = |done: &mut Done, name: &str| done.result.remove(name).and_then(|value| value.as_bool());
    if let Some(changed) = flag(&mut done, "changed") {
        done.status = if changed { Status::Changed } else { Status::Ok };
    }
    if flag(&mut done, "failed") == Some(true) {
        let why = done.result.get("msg").and_then(Json::as_str).map(str::to_owned).or(done.why.take());
        done.fails(why.unwrap_or_default());
    }
    done
}
