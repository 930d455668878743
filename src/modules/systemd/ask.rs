//! What is known of a unit before anything is done to it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::modules::Task;
use crate::modules::halt::Halt;
use crate::modules::outcome::both;
use crate::node::facts::{Enablement, FileKind, Matches, Stat, Unit, UnitEnabled, UnitProperties, UnitScope, whole_name};
use crate::plan::{Fact, FactKey, Facts, Reading, Stop};

/// A unit as it is.
#[derive(Debug)]
pub(super) struct Known {
    /// What systemd has of it; none where it has nothing, or cannot be asked: a template, or the units of all users.
    pub shown: Option<Shown>,
    /// Whether it starts at boot; none where that is not asked for, or there is no such unit.
    pub enabled: Option<Enablement>,
    /// Whether systemd could be asked for its state.
    pub has_state: bool,
    /// Its properties, where somebody reads them.
    pub status: Option<Map<String, Value>>,
}

/// The fields that decide. What was foretold has no others.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Shown {
    pub load_state: String,
    #[serde(default)]
    pub load_error: Option<String>,
    #[serde(default)]
    pub fragment_path: Option<String>,
    pub active_state: String,
}

impl Shown {
    /// As Ansible has it: what is starting runs.
    pub fn runs(&self) -> bool {
        matches!(self.active_state.as_str(), "active" | "activating")
    }
}

/// The facts about a unit.
pub(super) struct Asked<'a> {
    pub name: &'a str,
    pub scope: UnitScope,
}

impl<'a> Asked<'a> {
    pub fn new(task: &'a Task<'_>, name: &'a str) -> Self {
        let scope = match task.args.str("scope") {
            Some("user") => UnitScope::User,
            Some("global") => UnitScope::Global,
            _ => UnitScope::System,
        };
        Self { name, scope }
    }

    pub fn unit(&self) -> Unit {
        if self.scope == UnitScope::User { Unit::of_user(self.name) } else { Unit::new(self.name) }
    }

    pub fn enabled(&self) -> UnitEnabled {
        UnitEnabled::new(self.name, self.scope)
    }

    /// A template is enabled, and never runs: `getty@.service`.
    fn has_state(&self) -> bool {
        self.scope != UnitScope::Global && !whole_name(self.name).contains("@.")
    }

    /// Reads what the task needs to know, all at once.
    pub fn look(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Known, Stop> {
        let has_state = self.has_state();
        let asks = task.args.is_given("enabled") || task.args.is_given("masked") || !has_state;
        let unit = if has_state { facts.reading(&self.unit()).map(Some) } else { Ok(None) };
        let enabled = if asks { facts.get(self.enabled()) } else { Ok(None) };
        let properties = UnitProperties::new(self.name, self.scope == UnitScope::User);
        let status = if task.wanted && has_state { facts.reading(&properties).map(Some) } else { Ok(None) };
        let ((unit, enabled), status) = both(both(unit, enabled), status)?;
        let shown = match unit {
            None => None,
            Some(reading) => shown(facts, &self.unit(), reading)?.filter(|shown| shown.load_state != "not-found"),
        };
        let status = task.wanted.then(|| status.map(properties_of).unwrap_or_default());
        Ok(Known { shown, enabled, has_state, status })
    }

    /// Whether there is an init script of that very name.
    pub fn is_script(&self, facts: &Facts<'_>) -> Result<bool, Halt> {
        let path = if self.name.starts_with('/') { self.name.to_owned() } else { format!("/etc/init.d/{}", self.name) };
        Ok(facts.get(Stat::followed(path))?.is_some_and(|stat| stat.kind != FileKind::Directory))
    }

    /// Whether a runlevel starts the init script.
    pub fn is_script_enabled(&self, facts: &Facts<'_>) -> Result<bool, Halt> {
        Ok(facts.get(Matches::new(format!("/etc/rc?.d/S??{}", self.name)))?.is_some())
    }
}

fn shown(facts: &Facts<'_>, unit: &Unit, reading: Reading) -> Result<Option<Shown>, Stop> {
    let unknown = |why: String| {
        let key = FactKey { scope: facts.scope().clone(), query: unit.query() };
        Stop::Unknown([(key, why)].into())
    };
    match reading {
        Reading::Absent => Ok(None),
        Reading::Unknown { why, .. } => Err(unknown(why)),
        Reading::Present(value) => serde_json::from_value(value).map(Some).map_err(|why| unknown(format!("only partly known: {why}"))),
    }
}

/// In a dry run what it was before.
fn properties_of(reading: Reading) -> Map<String, Value> {
    match reading {
        Reading::Present(Value::Object(properties)) => properties,
        Reading::Unknown { probably: Some(probably), .. } => properties_of(*probably),
        _ => Map::new(),
    }
}
