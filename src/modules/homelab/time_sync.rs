//! `homelab.time_sync`

use serde_json::{Map, Value};

use crate::modules::halt::{Halt, settled};
use crate::modules::outcome::{both, planned};
use crate::modules::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::apply::Carried;
use crate::node::facts::{ClockSync, Enablement, SyncState, Unit, UnitEnabled, UnitScope, UnitState};
use crate::node::steps::{UnitAction, UnitStep, WaitForSync};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Reading, Stop};

/// One time daemon runs, now and after a reboot, and keeps the clock.
#[derive(Debug)]
pub struct HomelabTimeSync;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("daemon", Kind::Str)
            .default("auto")
            .choices(&["auto", "chrony", "systemd-timesyncd", "ntpsec", "ntp", "openntpd"])
            .about("Which daemon; auto takes the one that runs, else the first of these that is installed"),
        Opt::new("wait", Kind::Int).default("30").about("How many seconds it is waited for the clock to be kept; 0 does not wait"),
    ],
    about: "Has one time daemon keep the clock",
    notes: &[
        "Nothing is installed: that is left to tasks of `apt`.",
        "Two daemons that run at once are refused, and named: they set the clock against each other.",
        "A clock that is not kept yet after `wait` seconds is a warning, and `synchronised` is false in the result. Waiting is no change.",
    ],
    example: "- name: certificates need clocks that agree\n  homelab.time_sync:\n    daemon: chrony\n    wait: 60\n",
    ..Spec::new("homelab", "time_sync")
};

/// Their services; in this order one is chosen.
const DAEMONS: [&str; 5] = ["chrony", "ntpsec", "ntp", "openntpd", "systemd-timesyncd"];

impl Module for HomelabTimeSync {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }

    fn result(&self, _task: &Task<'_>, facts: &Facts<'_>, _carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let is = match facts.reading(&ClockSync)? {
            Reading::Present(value) => value.get("synchronised").cloned().unwrap_or_default(),
            _ => Value::Null,
        };
        Ok(Map::from_iter([("synchronised".to_owned(), is)]))
    }
}

/// A daemon that is installed.
struct Daemon {
    unit: UnitState,
    enabled: Option<Enablement>,
}

impl Daemon {
    fn runs(&self) -> bool {
        matches!(self.unit.active_state.as_str(), "active" | "activating" | "reloading")
    }

    fn is_installed(&self) -> bool {
        !matches!(self.unit.load_state.as_str(), "not-found" | "masked")
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let wait = u32::try_from(args.int("wait").unwrap_or(30)).ok().filter(|wait| *wait <= 3600);
    let wait = wait.ok_or_else(|| Halt::fail("`wait` is a number of seconds from 0 to 3600"))?;
    let units = facts.get((
        DAEMONS.iter().map(|name| Unit::new(*name)).collect::<Vec<_>>(),
        DAEMONS.iter().map(|name| UnitEnabled::new(*name, UnitScope::System)).collect::<Vec<_>>(),
    ));
    let ((units, enabled), sync) = both(units, facts.reading(&ClockSync))?;
    let mut daemons: Vec<Daemon> = Vec::new();
    for (unit, enabled) in units.into_iter().zip(enabled) {
        match unit {
            // one of them may go by the name of another
            Some(unit) if !daemons.iter().any(|known| known.unit.name == unit.name) => daemons.push(Daemon { unit, enabled }),
            _ => {}
        }
    }
    let running: Vec<&Daemon> = daemons.iter().filter(|daemon| daemon.runs()).collect();
    let wanted = args.str("daemon").filter(|name| *name != "auto");
    let is_wanted = |daemon: &Daemon| {
        wanted.is_none_or(|name| daemon.unit.name == format!("{name}.service") || (name == "ntp" && daemon.unit.name == "ntpsec.service"))
    };
    if let [one, other, ..] = running.as_slice() {
        let (one, other) = (&one.unit.name, &other.unit.name);
        let unwanted = if wanted.is_some_and(|name| *other == format!("{name}.service")) { one } else { other };
        return Err(Halt::refuse(
            format!("{one} and {other} are both active: they set the clock against each other"),
            format!("`systemctl disable --now {unwanted}` ends one of them"),
        ));
    }
    if let Some(other) = running.iter().find(|daemon| !is_wanted(daemon)) {
        let name = &other.unit.name;
        return Err(Halt::refuse(
            format!("{name} is active, and {} is wanted", wanted.unwrap_or_default()),
            format!("`systemctl disable --now {name}` ends it, or `daemon: auto` takes it"),
        ));
    }
    let Some(daemon) = running.first().copied().or_else(|| daemons.iter().find(|daemon| daemon.is_installed() && is_wanted(daemon))) else {
        let what = wanted.unwrap_or("chrony");
        return Err(Halt::fail(format!(
            "no time daemon is installed{}: install {what} before",
            wanted.map(|name| format!(" of the name {name}")).unwrap_or_default()
        )));
    };
    let mut change: Change = Plan::change([]);
    let name = daemon.unit.name.clone();
    if !daemon.is_installed() {
        return Err(Halt::refuse(
            format!("{name} is active and masked: it would not start after a reboot"),
            format!("`systemctl unmask {name}` lets it, or `systemctl stop {name}` ends it"),
        ));
    }
    if !daemon.enabled.as_ref().is_some_and(|enabled| enabled.is_enabled() && enabled.word != "enabled-runtime") {
        change =
            change.differs(format!("unit {name}"), daemon.enabled.as_ref().map(|enabled| enabled.word.clone()), Some("enabled".into()));
        change.steps.push(UnitStep::new(UnitAction::Enable, name.as_str()).into());
        let asked = DAEMONS.iter().filter(|known| name == format!("{known}.service"));
        change.expect.extend(
            asked.map(|known| Expect::field(&UnitEnabled::new(*known, UnitScope::System), "word", "enabled").moves("links").loosely()),
        );
    }
    if !daemon.runs() {
        change = change.differs(format!("unit {name}"), Some(daemon.unit.active_state.clone()), Some("started".into()));
        change.steps.push(UnitStep::new(UnitAction::Start, name.as_str()).into());
    }
    let changes = !change.steps.is_empty();
    if changes {
        let moves = ["sub_state", "unit_file_state", "need_daemon_reload", "drop_in_paths", "load_error"];
        change.expect.push(moves.into_iter().fold(Expect::field(&Unit::new(name.as_str()), "active_state", "active"), Expect::moves));
    }
    // where nobody can tell there is nothing to wait for, but for a daemon that is started now
    let (is_kept, waits) = match sync {
        Reading::Present(value) => {
            let is_kept = serde_json::from_value::<SyncState>(value).is_ok_and(|state| state.synchronised);
            (is_kept, !is_kept)
        }
        _ => (false, changes),
    };
    let waits = waits && wait > 0 && !task.check;
    if waits {
        if !changes {
            change = change.differs("the clock", Some("not synchronised".into()), Some("waited for".into()));
        }
        change.steps.push(WaitForSync { seconds: wait }.into());
    }
    let quiet = !changes && !change.steps.is_empty();
    let decision = planned(change).with("daemon", name.trim_end_matches(".service"));
    let decision = if quiet { decision.quietly() } else { decision };
    Ok(if is_kept || changes || waits { decision } else { decision.warns(format!("{name} runs, and the clock is not synchronised yet")) })
}

#[cfg(test)]
pub(in crate::modules) mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = World::new(random.number());
        for name in ["chrony.service", "systemd-timesyncd.service", "openntpd.service"] {
            if random.once_in(2) {
                world.add_unit(name);
                world.set_unit(name, random.once_in(3), random.once_in(2), random.once_in(8));
            }
        }
        world.set_synchronised(random.once_in(2));
        let mut args = json!({});
        if random.once_in(3) {
            args["daemon"] = (*random.pick(&["chrony", "systemd-timesyncd", "ntp"]).unwrap()).into();
        }
        if random.once_in(3) {
            args["wait"] = random.pick(&[json!(0), json!(5), json!(-1)]).unwrap().clone();
        }
        (Bench::new(world), args)
    }

    fn world(daemons: &[(&str, bool, bool)]) -> World {
        let mut world = World::new(1);
        for (name, active, enabled) in daemons {
            world.set_unit(name, *active, *enabled, false);
        }
        world
    }

    #[test]
    fn one_that_is_installed_is_started_and_two_at_once_are_refused() {
        let mut bench = Bench::new(world(&[("systemd-timesyncd.service", false, false), ("chrony.service", false, true)]));
        let Seen::Changed(decision, change, carried) = bench.run(&HomelabTimeSync, &json!({})) else { panic!() };
        assert_eq!((&decision.result["daemon"], change.steps.len(), decision.quiet), (&json!("chrony"), 2, false));
        assert_eq!(bench.result(&HomelabTimeSync, &json!({}), Some(&carried))["synchronised"], true);
        let two = world(&[("systemd-timesyncd.service", true, true), ("chrony.service", true, true)]);
        let Seen::Refused(why) = Bench::new(two).run(&HomelabTimeSync, &json!({})) else { panic!() };
        assert!(why.contains("chrony.service and systemd-timesyncd.service are both active"), "{why}");
        let Seen::Failed(why) = Bench::new(world(&[])).run(&HomelabTimeSync, &json!({})) else { panic!() };
        assert!(why.contains("install chrony before"), "{why}");
    }

    #[test]
    fn waiting_is_no_change_and_what_is_not_waited_for_is_said() {
        let runs = world(&[("chrony.service", true, true)]);
        let Seen::Changed(decision, ..) = Bench::new(runs.clone()).run(&HomelabTimeSync, &json!({})) else { panic!() };
        assert!(decision.quiet);
        let Seen::Unchanged(decision) = Bench::new(runs).run(&HomelabTimeSync, &json!({"wait": 0})) else { panic!() };
        assert!(decision.result["warnings"][0].as_str().unwrap().contains("not synchronised yet"));
    }
}
