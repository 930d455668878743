//! A simulated machine, and what a controller makes of it: reading, planning, carrying out.

use futures_util::FutureExt as _;
use serde_json::{Map, Value};

use crate::disk::{Class, examine};
use crate::modules::bench::{Files, task};
use crate::modules::homelab::longhorn_disk::HomelabLonghornDisk;
use crate::modules::{Act, Args, Module as _};
use crate::node::apply::Applied;
use crate::node::facts::{BlockDevice, BlockDevices, Extent, Mount, MountAt};
use crate::node::machine::Machine as _;
use crate::node::simulated::{Simulated, World};
use crate::plan::{Fact, Facts, Observation, Plan, Reading, Scope, Stop, Store};

/// How a task ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    /// Whether anything was changed, and the result.
    Ready(bool, Map<String, Value>),
    Refused(String),
    Failed(String),
    /// A step said that it failed.
    StepFailed(String),
    /// A fact could not be read.
    Unknown(String),
    /// Nobody knows how it ended.
    Cut,
}

impl End {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Ready(..) => "ready",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::StepFailed(_) => "a step failed",
            Self::Unknown(_) => "unknown",
            Self::Cut => "cut",
        }
    }

    pub(super) fn has_changed(&self) -> bool {
        matches!(self, Self::Ready(true, _) | Self::Cut)
    }
}

/// A machine, and a controller that runs the module's tasks on it.
pub(super) struct Host {
    pub(super) machine: Simulated,
    pub(super) scope: Scope,
    outside: Files,
}

impl Host {
    pub(super) fn new(world: World) -> Self {
        Self { machine: Simulated::new(world), scope: Scope::new("w1", "root"), outside: Files::default() }
    }

    /// Reads, plans and carries out as the engine does, until nothing is left to do.
    fn settle(&mut self, store: &mut Store, args: &Args) -> End {
        let mut changed = false;
        for _ in 0..40 {
            let facts = Facts::new(store, self.scope.clone());
            let task = task(args, false, &self.outside);
            let planned = HomelabLonghornDisk.plan(&task, &facts);
            let recorded = facts.recorded();
            let decision = match planned {
                Ok(decision) => decision,
                Err(Stop::Unknown(unknown)) => return End::Unknown(unknown.into_values().collect::<Vec<_>>().join("; ")),
                Err(Stop::Need(need)) => {
                    let queries: Vec<_> = need.iter().map(|key| key.query.clone()).collect();
                    match self.machine.read(&self.scope, &queries).now_or_never().unwrap() {
                        Err(_) => return End::Cut,
                        Ok(read) => need.into_iter().zip(read).for_each(|(key, (_, observation))| store.insert(key, observation)),
                    }
                    continue;
                }
            };
            let change = match decision.act {
                Act::Plan(Plan::Change(change)) => change,
                Act::Plan(Plan::Unchanged) => return End::Ready(changed, decision.result),
                Act::Plan(Plan::Refuse(refusal)) => return End::Refused(refusal.why),
                Act::Fail(why) => return End::Failed(why),
                other => panic!("{other:?}"),
            };
            let known = |key: &_| store.get(key).cloned();
            let preconditions: Vec<(_, Observation)> = recorded.into_iter().filter_map(|key| Some((key.clone(), known(&key)?))).collect();
            let applied = self.machine.apply(&self.scope, &change, &preconditions).now_or_never().unwrap();
            match applied {
                Applied::Moved(_) => *store = Store::default(),
                Applied::Done(_) => {
                    changed = true;
                    *store = Store::default();
                }
                Applied::StepFailed { output, .. } => return End::StepFailed(String::from_utf8_lossy(&output.stderr).into_owned()),
                Applied::Unmet { unmet, .. } => return End::StepFailed(format!("{unmet:?}")),
                Applied::Unknown(_) | Applied::NotBegun(_) => return End::Cut,
                other => panic!("{other:?}"),
            }
        }
        panic!("it never settles")
    }

    /// What a disk is taken for, in one word or two.
    pub(super) fn class_of(&mut self, path: &str) -> String {
        let mut store = Store::default();
        for _ in 0..20 {
            match examine(&Facts::new(&store, self.scope.clone()), path, Extent::Sampled) {
                Ok(examined) => {
                    let class = format!("{:?}", examined.class);
                    let word: String = class.chars().take_while(char::is_ascii_alphabetic).collect();
                    return if let Class::New(fresh) = examined.class { format!("New, {fresh:?}") } else { word };
                }
                Err(Stop::Unknown(_)) => return "Unreadable".into(),
                Err(Stop::Need(need)) => {
                    let queries: Vec<_> = need.iter().map(|key| key.query.clone()).collect();
                    let read = self.machine.read(&self.scope, &queries).now_or_never().unwrap().unwrap();
                    need.into_iter().zip(read).for_each(|(key, (_, observation))| store.insert(key, observation));
                }
            }
        }
        panic!("{path} is never known")
    }

    /// A run over all tasks; it ends with the connection.
    pub(super) fn run(&mut self, nonce: &str, tasks: &[Args]) -> Vec<End> {
        self.machine.begin_run(nonce, 3_600_000).unwrap();
        self.machine.take_left();
        let (mut store, mut ends) = (Store::default(), Vec::new());
        for args in tasks {
            ends.push(self.settle(&mut store, args));
            if ends.last() == Some(&End::Cut) {
                return ends;
            }
        }
        self.machine.end_run();
        ends
    }

    fn read<F: Fact>(&mut self, fact: F) -> Option<F::Value> {
        let read = self.machine.read(&self.scope, &[fact.query()]).now_or_never().unwrap().unwrap();
        match &read[0].1.reading {
            Reading::Present(value) => Some(serde_json::from_value(value.clone()).unwrap()),
            _ => None,
        }
    }

    /// What is not as a task that is ready says.
    pub(super) fn wrong_with(&mut self, result: &Map<String, Value>) -> Option<String> {
        let text = |name: &str| result[name].as_str().unwrap().to_owned();
        let (disk, uuid, place) = (text("disk"), text("uuid"), text("mount"));
        let Some(mount): Option<Mount> = self.read(MountAt::new(&place)) else { return Some(format!("nothing is mounted on {place}")) };
        let devices: Vec<BlockDevice> = self.read(BlockDevices).unwrap();
        let Some(device) = devices.iter().find(|device| device.path == mount.source) else { return Some(format!("{mount:?}")) };
        let is_on_disk = device.by_id.iter().any(|id| *id == disk || *id == format!("{disk}-part1"));
        if !is_on_disk || device.uuid.as_ref() != Some(&uuid) || mount.kind != text("filesystem") {
            return Some(format!("{mount:?} is of {device:?}, and not {uuid} of {disk}"));
        }
        let fstab = self.machine.world().content("/etc/fstab").unwrap_or_default();
        let fstab = String::from_utf8(fstab).unwrap();
        let lines: Vec<&str> = fstab.lines().filter(|line| line.split(' ').nth(1) == Some(&place)).collect();
        let is_named = matches!(lines.as_slice(), [line] if line.starts_with(&format!("UUID={uuid} {place} ")));
        (!is_named || !fstab.starts_with("# /etc/fstab\nUUID=aa-1 / ") && !fstab.starts_with("UUID=")).then_some(fstab)
    }
}
