//! Each module over machines and arguments drawn from seeds.
//!
//! Planned, carried out and planned again, nothing is left to do, but for what [`acts_always`] names: there it is the
//! same change again. A dry run decides the same, and what it foretells of the machine is so afterwards. A fact that
//! cannot be read leads to no other plan, only to none.

mod acts_always;
mod cases;
mod files;
mod others;
mod packages;

use serde_json::Value;

use super::bench::{Bench, Seen};
use super::{Act, Args, Decision, Module};
use crate::node::apply::Applied;
use crate::node::machine::Machine;
use crate::node::simulated::Random;
use crate::node::steps::{Step, UnitAction};
use crate::plan::{FactKey, Observation, Plan, Reading, Stop, Store, Touch};
use acts_always::{acts_always, ends};

/// What may come of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Changed,
    Unchanged,
    Refused,
    Unknown,
    Failed,
    /// It was a change, and a step of it failed.
    StepFailed,
}
use Outcome::{Changed, Failed, Refused, StepFailed, Unchanged, Unknown};

/// In the order in which they are reported.
const OUTCOMES: [Outcome; 6] = [Changed, Unchanged, Refused, Unknown, Failed, StepFailed];

/// A module and where its machines and arguments come from.
pub(crate) struct Case {
    pub(crate) module: &'static dyn Module,
    /// How many are drawn.
    pub(crate) states: u64,
    /// What comes of them; each of these must come.
    pub(crate) occurs: &'static [Outcome],
    pub(crate) make: fn(&mut Random) -> (Bench, Value),
    /// What else must hold of each.
    pub(crate) look: fn(&Value, &mut Bench, &Seen),
}

/// How often each outcome came.
#[derive(Default)]
struct Count {
    outcomes: std::collections::BTreeMap<Outcome, usize>,
    /// Changes that came again, as they must.
    again: usize,
    /// Predictions that were compared with what was so afterwards.
    predicted: usize,
}

type Planned = Result<(Decision, Vec<(FactKey, Observation)>), Stop>;

fn outcome(planned: &Planned) -> Outcome {
    match planned {
        Err(_) => Unknown,
        Ok((decision, _)) => match &decision.act {
            Act::Fail(_) => Failed,
            Act::Pending(..) => Unknown,
            Act::Skip(_) | Act::Plan(Plan::Unchanged) => Unchanged,
            Act::Plan(Plan::Refuse(_)) => Refused,
            Act::Plan(Plan::Change(_)) | Act::Reboot(_) | Act::Reconnect(_) => Changed,
        },
    }
}

/// Whether both would do the same; what they say of it may differ.
fn is_same(one: &Planned, other: &Planned) -> bool {
    match (one, other) {
        (Ok((one, _)), Ok((other, _))) => match (&one.act, &other.act) {
            (Act::Plan(Plan::Change(one)), Act::Plan(Plan::Change(other))) => one.steps == other.steps,
            (Act::Reboot(one), Act::Reboot(other)) => one == other,
            (Act::Reconnect(one), Act::Reconnect(other)) => one == other,
            (Act::Fail(one), Act::Fail(other)) => one == other,
            _ => outcome(&Ok((one.clone(), Vec::new()))) == outcome(&Ok((other.clone(), Vec::new()))),
        },
        _ => false,
    }
}

/// Whether the second does nothing that the first did not do: what is there by then is not made again.
fn is_again(first: &Planned, second: &Planned) -> bool {
    match (first, second) {
        (Ok((first, _)), Ok((second, _))) => match (&first.act, &second.act) {
            (Act::Plan(Plan::Change(first)), Act::Plan(Plan::Change(second))) => second.steps.iter().all(|step| {
                first.steps.iter().any(|first| {
                    first == step || is_fetched_again(first, step) || is_run_again(first, step) || is_mounted_again(first, step)
                })
            }),
            _ => false,
        },
        _ => false,
    }
}

/// Whether both fetch the same, now that there is something to compare it with.
fn is_fetched_again(first: &Step, second: &Step) -> bool {
    matches!((first, second), (Step::Fetch(first), Step::Fetch(second)) if first.path == second.path && first.request == second.request)
}

/// Whether what the first had to start is there now to be started anew.
fn is_run_again(first: &Step, second: &Step) -> bool {
    matches!((first, second), (Step::Unit(first), Step::Unit(second))
        if first.action == UnitAction::Start && matches!(second.action, UnitAction::Restart | UnitAction::Reload) && first.unit == second.unit)
}

/// Whether what the first mounted is mounted anew.
fn is_mounted_again(first: &Step, second: &Step) -> bool {
    matches!((first, second), (Step::Mount(first), Step::Remount(second)) if first.path == second.path && first.source == second.source)
}

/// All that must hold of a module.
#[expect(clippy::print_stdout, reason = "how often what came")]
pub(crate) fn prove(case: &Case) {
    let mut count = Count::default();
    let name = case.module.spec().name;
    for seed in 0..case.states {
        let mut random = Random::new(seed);
        let (mut bench, mut args) = (case.make)(&mut random);
        if random.once_in(15) {
            spoil(case.module, &mut args);
        }
        let context = format!("{name}, seed {seed}: {args}");
        let seen = prove_one(case.module, &mut bench, &args, &mut random, &mut count, &context);
        (case.look)(&args, &mut bench, &seen);
    }
    let of = |outcome| count.outcomes.get(&outcome).copied().unwrap_or_default();
    let report: Vec<String> = OUTCOMES.iter().map(|outcome| format!("{} {outcome:?}", of(*outcome))).collect();
    println!("{name}: {} states: {}; {} again, {} predicted facts", case.states, report.join(", "), count.again, count.predicted);
    for outcome in OUTCOMES {
        assert_eq!(of(outcome) > 0, case.occurs.contains(&outcome), "{name}: {outcome:?} came {} times", of(outcome));
    }
    assert_eq!(count.again > 0, acts_always::is_named(name), "{name} acts again {} times", count.again);
}

/// A text that no program can be given.
fn spoil(module: &dyn Module, args: &mut Value) {
    if module.spec().options.iter().any(|option| option.name == "validate") && args.get("mode").is_none() {
        args["validate"] = "true %s\0".into();
        return;
    }
    for name in ["path", "dest", "name", "cmd"] {
        if let Some(Value::String(text)) = args.get_mut(name) {
            text.push('\0');
            return;
        }
    }
}

fn prove_one(module: &dyn Module, bench: &mut Bench, given: &Value, random: &mut Random, count: &mut Count, context: &str) -> Seen {
    let args = Bench::args(module, given);
    let mut before = bench.clone();
    let planned = bench.plan(module, &args);
    blind(module, &before, &args, &planned, random, count, context);
    dry(module, &before, &args, &planned, context);
    let (decision, relied) = match planned.clone() {
        Err(_) => {
            count.add(Unknown);
            return Seen::Unknown;
        }
        Ok(planned) => planned,
    };
    let change = match &decision.act {
        Act::Fail(why) => {
            count.add(Failed);
            return Seen::Failed(why.clone());
        }
        Act::Pending(..) => panic!("{context}: only in check mode"),
        Act::Skip(_) | Act::Plan(Plan::Unchanged) => {
            count.add(Unchanged);
            return Seen::Unchanged(decision);
        }
        Act::Plan(Plan::Refuse(refusal)) => {
            count.add(Refused);
            return Seen::Refused(refusal.why.clone());
        }
        // the engine carries these out
        Act::Reboot(_) | Act::Reconnect(_) => {
            assert!(acts_always(module.spec().name, &args), "{context}: it always acts");
            count.add(Changed);
            count.again += 1;
            return Seen::Unchanged(decision);
        }
        Act::Plan(Plan::Change(change)) => change.clone(),
    };
    assert!(!change.diff.is_empty() && !change.steps.is_empty(), "{context} {change:?}");
    assert!(module.is_opaque() || !change.touches.is_empty(), "{context} {change:?}");
    let applied = Bench::block(bench.machine.apply(&bench.scope, &change, &relied));
    bench.store.forget("node", &change.touches);
    let carried = match applied {
        Applied::Done(carried) => carried,
        Applied::StepFailed { output, .. } => {
            count.add(StepFailed);
            return Seen::StepFailed(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        other => panic!("{context}: {other:?}\n{change:?}"),
    };
    count.add(Changed);
    // what was not forgotten must still be true
    let mut fresh = bench.clone();
    fresh.store = Store::default();
    let acts = acts_always(module.spec().name, &args);
    let ends = ends(module.spec().name, &args);
    for (eyes, bench) in [("the same eyes", &mut *bench), ("fresh eyes", &mut fresh)] {
        let again = bench.plan(module, &args);
        let settled = match outcome(&again) {
            Unchanged => !acts && !ends,
            Failed => ends,
            _ => acts && is_again(&planned, &again),
        };
        assert!(settled, "{context}: first {planned:?}\nwith {eyes} {again:?}");
    }
    count.again += usize::from(acts);
    if !module.is_opaque() {
        before.store = bench_as_read(&before, module, &args);
        before.store.predict(&before.scope, "it", &change.expect, &crate::node::touched(&change));
        foretold(&before.store, bench, count, context);
        let then = before.plan(module, &args);
        let settled = match outcome(&then) {
            Unknown => true,
            Unchanged => !acts,
            _ => acts && is_again(&planned, &then),
        };
        assert!(settled, "{context}: first {planned:?}\nforetold {then:?}");
    }
    Seen::Changed(decision, change, Box::new(carried))
}

impl Count {
    fn add(&mut self, outcome: Outcome) {
        *self.outcomes.entry(outcome).or_default() += 1;
    }
}

/// What is known once a plan is made.
fn bench_as_read(before: &Bench, module: &dyn Module, args: &Args) -> Store {
    let mut bench = before.clone();
    let _ = bench.plan(module, args);
    bench.store
}

/// With one fact that cannot be read there is the same plan, or none.
fn blind(module: &dyn Module, before: &Bench, args: &Args, planned: &Planned, random: &mut Random, count: &mut Count, context: &str) {
    let Ok((_, relied)) = planned else { return };
    let Some((key, _)) = random.pick(relied) else { return };
    let mut bench = before.clone();
    bench.store.insert(key.clone(), Reading::unknown("permission denied").into());
    let blind = bench.plan(module, args);
    if outcome(&blind) == Unknown {
        count.add(Unknown);
    } else {
        assert!(is_same(planned, &blind), "{context}: without {key}: {blind:?}\nwith it {planned:?}");
    }
}

/// A dry run decides what a real one does, or that it is unknown, or says that the module has none.
fn dry(module: &dyn Module, before: &Bench, args: &Args, planned: &Planned, context: &str) {
    let mut bench = before.clone();
    bench.check = true;
    let dry = bench.plan(module, args);
    let has_none = matches!(&dry, Ok((Decision { act: Act::Skip(why), .. }, _)) if why.contains("check mode"));
    // what `wait_for` waits for is so already
    let waits_no_more = module.spec().name == "wait_for" && outcome(&dry) == Unchanged;
    // what counts as no change is not done either
    let is_quiet = matches!(planned, Ok((decision, _)) if decision.quiet) && outcome(&dry) == Unchanged;
    let dry = without_manager(&dry);
    let planned = &without_manager(planned);
    assert!(
        is_quiet || outcome(&dry) == Unknown || has_none || waits_no_more || is_same(planned, &dry),
        "{context}: dry {dry:?}\nreal {planned:?}"
    );
}

/// The plan without what is asked of the service manager or waited for, which a dry run leaves out.
fn without_manager(planned: &Planned) -> Planned {
    let mut planned = planned.clone();
    if let Ok((Decision { act: Act::Plan(Plan::Change(change)), .. }, _)) = &mut planned {
        change.steps.retain(|step| match step {
            Step::Unit(unit) => unit.unit.is_some(),
            Step::WaitForSync(_) => false,
            _ => true,
        });
    }
    planned
}

/// What was predicted and is known is so.
fn foretold(store: &Store, after: &Bench, count: &mut Count, context: &str) {
    for (key, observation) in store.all().filter(|(key, _)| !key.query.moves) {
        let mut machine = after.machine.clone();
        // asked as if the path were no link, and not used where it is one
        let itself = key.query.kind == "content" && !key.query.stands_on.contains(&Touch::FilesOutside(Vec::new()));
        if itself && machine.world().is_link(&key.query.args[0]) {
            continue;
        }
        let read = Bench::block(machine.read(&after.scope, std::slice::from_ref(&key.query))).unwrap();
        let is = &read[0].1.reading;
        let so = match (&observation.reading, is) {
            (Reading::Unknown { .. }, _) => continue,
            (Reading::Absent, is) => *is == Reading::Absent,
            (Reading::Present(Value::Object(fields)), Reading::Present(is)) => {
                fields.iter().all(|(name, value)| is.get(name) == Some(value))
            }
            (Reading::Present(value), Reading::Present(is)) => value == is,
            _ => false,
        };
        assert!(so, "{context}: foretold {key} {:?}\nis {is:?}", observation.reading);
        count.predicted += 1;
    }
}
