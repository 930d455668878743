//! What is done to a unit.

use super::ask::{Asked, Known, Shown};
use crate::modules::halt::Halt;
use crate::modules::outcome::planned;
use crate::modules::{Act, Decision, Task};
use crate::node::facts::{UnitScope, whole_name};
use crate::node::steps::{UnitAction, UnitStep};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts};

/// What the tasks of `systemd_service` and `service` come to.
pub(in crate::modules) fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let Some(name) = args.str("name") else {
        let decision = managed(task, Plan::change([]));
        return Ok(decision.with("name", serde_json::Value::Null).with("status", serde_json::Map::new()));
    };
    if let Some(pattern) = ["*", "?", "["].into_iter().find(|pattern| name.contains(pattern)) {
        return Err(Halt::fail(format!(
            "This module does not currently support using glob patterns, found '{pattern}' in service name: {name}"
        )));
    }
    let asked = Asked::new(task, name);
    let mut known = asked.look(task, facts)?;
    let status = known.status.take();
    let decision = Unit { task, facts, asked, known }.plan()?;
    let decision = decision.with("name", name);
    Ok(match status {
        Some(status) => decision.with("status", status),
        None => decision,
    })
}

/// With what is asked of the service manager before: alone it counts as no change.
fn managed(task: &Task<'_>, change: Change) -> Decision {
    let manager = [("daemon_reload", UnitAction::DaemonReload), ("daemon_reexec", UnitAction::DaemonReexec)];
    let steps: Vec<_> = manager.into_iter().filter(|(option, _)| task.args.is(option) && !task.check).collect();
    let quiet = change.steps.is_empty() && !steps.is_empty();
    let mut change = change;
    if quiet {
        change = change.differs("the service manager", Some("as it read its files".into()), Some("its files read again".into()));
    }
    for (_, action) in steps.into_iter().rev() {
        change.steps.insert(0, step(task, action, None).into());
    }
    let decision = planned(change);
    if quiet { decision.quietly() } else { decision }
}

fn step(task: &Task<'_>, action: UnitAction, unit: Option<&str>) -> UnitStep {
    let scope = match task.args.str("scope") {
        Some("user") => UnitScope::User,
        Some("global") => UnitScope::Global,
        _ => UnitScope::System,
    };
    UnitStep { action, unit: unit.map(whole_name), scope, force: task.args.is("force"), no_block: task.args.is("no_block") }
}

/// A unit that is planned for.
struct Unit<'a> {
    task: &'a Task<'a>,
    facts: &'a Facts<'a>,
    asked: Asked<'a>,
    known: Known,
}

/// What is decided of one side of a unit.
struct Side {
    action: Option<UnitAction>,
    warning: Option<String>,
}

impl Unit<'_> {
    fn plan(&self) -> Result<Decision, Halt> {
        let (args, name) = (self.task.args, self.asked.name);
        let reads_again = args.is("daemon_reload") || args.is("daemon_reexec");
        if let Some(Shown { load_error: Some(why), load_state, .. }) = &self.known.shown
            && load_state != "masked"
        {
            // its file may be right by now
            if !reads_again {
                return Err(Halt::fail(format!("Error loading unit file '{name}': {why}")));
            }
            if self.task.check {
                return Ok(unread(name));
            }
        }
        let is_unit = self.known.shown.is_some() || (!self.known.has_state && self.known.enabled.is_some());
        let is_script = !is_unit && self.asked.is_script(self.facts)?;
        let is_found = is_unit || is_script;
        // what generators make of other files is there only once they were read again
        let comes = !is_found && reads_again && matches!(args.str("state"), None | Some("started" | "restarted" | "reloaded"));
        if !is_found && (args.is_given("enabled") || args.is_given("state")) {
            if !comes {
                return Err(Halt::fail(format!("Could not find the requested service {name}: host")));
            }
            if self.task.check {
                return Ok(unread(name));
            }
        }
        let mut decision = Decision::unchanged();
        let mut change: Change = Plan::change([]);
        let mask = self.mask();
        // a link cannot take the place of a file
        let fragment = self.known.shown.as_ref().and_then(|shown| shown.fragment_path.as_deref());
        let own = format!("/etc/systemd/system/{}", whole_name(name));
        if mask == Some(UnitAction::Mask) && !args.is("force") && fragment == Some(own.as_str()) {
            return Err(Halt::fail(format!("Failed to mask the service ({name}): Failed to mask unit: File {own} already exists.")));
        }
        let enable = self.enable(mask, &mut decision)?;
        let start = self.start(&mut decision)?;
        for action in mask.into_iter().chain(enable.action).chain(start) {
            let (before, after) = self.difference(action);
            change = change.differs(format!("unit {name}"), before, after);
            change.steps.push(step(self.task, action, Some(name)).into());
        }
        self.foretell(&mut change, mask, enable.action, start);
        let planned = managed(self.task, change);
        let mut decision = Decision { act: planned.act, quiet: planned.quiet, ..decision };
        if is_script {
            let warning = format!("The service ({name}) is actually an init script but the system is managed by systemd");
            decision = decision.warns(warning);
        }
        Ok(match enable.warning {
            Some(warning) => decision.warns(warning),
            None => decision,
        })
    }

    fn mask(&self) -> Option<UnitAction> {
        let wanted = self.task.args.bool("masked")?;
        let is = self.known.enabled.as_ref().is_some_and(|enabled| enabled.word == "masked");
        (is != wanted).then_some(if wanted { UnitAction::Mask } else { UnitAction::Unmask })
    }

    fn enable(&self, mask: Option<UnitAction>, decision: &mut Decision) -> Result<Side, Halt> {
        let Some(wanted) = self.task.args.bool("enabled") else { return Ok(Side { action: None, warning: None }) };
        let enabled = match (mask, &self.known.enabled) {
            (Some(UnitAction::Mask), _) => false,
            // what is under the mask shows only once it is gone
            (Some(_), _) => !wanted,
            (None, Some(enabled)) if enabled.is_enabled() => {
                let is_half = ["enabled-runtime", "indirect", "alias"].contains(&enabled.word.as_str());
                !(is_half && enabled.links.is_empty())
            }
            (None, enabled) => {
                let is_disabled = enabled.as_ref().is_some_and(|enabled| enabled.word.ends_with("disabled"));
                self.asked.scope == UnitScope::System
                    && !is_disabled
                    && self.asked.is_script(self.facts)?
                    && self.asked.is_script_enabled(self.facts)?
            }
        };
        decision.result.insert("enabled".into(), wanted.into());
        let is_static = mask.is_none() && self.known.enabled.as_ref().is_some_and(|enabled| enabled.word == "static");
        if is_static && !wanted {
            let name = self.asked.name;
            let warning = format!(
                "{name} is static: it has no [Install] section, so it cannot be disabled; something else starts it, and `masked: true` \
                 would keep it from that"
            );
            return Ok(Side { action: None, warning: Some(warning) });
        }
        let action = if wanted { UnitAction::Enable } else { UnitAction::Disable };
        Ok(Side { action: (enabled != wanted).then_some(action), warning: None })
    }

    fn start(&self, decision: &mut Decision) -> Result<Option<UnitAction>, Halt> {
        let Some(wanted) = self.task.args.str("state") else { return Ok(None) };
        if !self.known.has_state {
            let failed = Decision::fail("Service is in unknown state").with("status", serde_json::Map::new());
            return Err(failed.into());
        }
        let shown = self.known.shown.as_ref();
        let (runs, ends) = (shown.is_some_and(Shown::runs), shown.is_some_and(|shown| shown.active_state == "deactivating"));
        let said = if wanted == "stopped" { "stopped" } else { "started" };
        decision.result.insert("state".into(), said.into());
        Ok(match wanted {
            "stopped" => (runs || ends).then_some(UnitAction::Stop),
            _ if !runs => Some(UnitAction::Start),
            "restarted" => Some(UnitAction::Restart),
            "reloaded" => Some(UnitAction::Reload),
            _ => None,
        })
    }

    fn difference(&self, action: UnitAction) -> (Option<String>, Option<String>) {
        let state = self.known.shown.as_ref().map_or("inactive", |shown| shown.active_state.as_str());
        let word = self.known.enabled.as_ref().map_or("not enabled", |enabled| enabled.word.as_str());
        let (before, after) = match action {
            UnitAction::Start => (state, "started"),
            UnitAction::Stop => (state, "stopped"),
            UnitAction::Restart => (state, "restarted"),
            UnitAction::Reload => (state, "reloaded"),
            UnitAction::Enable => (word, "enabled"),
            UnitAction::Disable => (word, "disabled"),
            UnitAction::Mask => (word, "masked"),
            UnitAction::Unmask => ("masked", "not masked"),
            UnitAction::DaemonReload | UnitAction::DaemonReexec => ("", ""),
        };
        (Some(before.to_owned()), Some(after.to_owned()))
    }

    /// What will be so, as far as that can be said: what a service does once it was started is its own business.
    fn foretell(&self, change: &mut Change, mask: Option<UnitAction>, enable: Option<UnitAction>, start: Option<UnitAction>) {
        let Some(shown) = &self.known.shown else { return };
        // what shows once a mask is gone nobody knows, nor what comes of what is not waited for
        if change.steps.is_empty() || mask == Some(UnitAction::Unmask) {
            return;
        }
        let active = match start {
            Some(_) if self.task.args.is("no_block") => None,
            Some(UnitAction::Stop) => Some("inactive"),
            Some(_) => Some("active"),
            None => Some(shown.active_state.as_str()),
        };
        if let Some(active) = active {
            let load = if mask.is_some() { "masked" } else { shown.load_state.as_str() };
            let moves = ["sub_state", "unit_file_state", "need_daemon_reload", "fragment_path", "drop_in_paths", "load_error"];
            let expect = Expect::field(&self.asked.unit(), "active_state", active).and("load_state", load);
            change.expect.push(moves.into_iter().fold(expect, Expect::moves).loosely());
        }
        let word = match (mask, enable) {
            (Some(_), _) => "masked",
            (None, Some(UnitAction::Enable)) => "enabled",
            (None, Some(_)) => "disabled",
            (None, None) => return,
        };
        change.expect.push(Expect::field(&self.asked.enabled(), "word", word).moves("links").loosely());
    }
}

fn unread(name: &str) -> Decision {
    let why = format!("what {name} is shows only once systemd has read its files again");
    Decision { act: Act::Pending(why, vec![crate::plan::Touch::Units]), ..Decision::unchanged() }
}
