//! `homelab.multipath`

use super::write;
use crate::modules::edited_file::EditedFile;
use crate::modules::halt::{self, Halt, settled};
use crate::modules::outcome::planned;
use crate::modules::{Decision, Module, Spec, Task};
use crate::node::facts::{Directory, Texts, Unit, UnitState};
use crate::node::steps::{UnitAction, UnitStep};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};

/// multipathd leaves Longhorn's volumes alone.
#[derive(Debug)]
pub struct HomelabMultipath;

static SPEC: Spec = Spec {
    about: "Keeps multipathd from taking Longhorn's volumes",
    notes: &[
        "multipathd takes every disk for one of several ways to the same storage, Longhorn's volumes too, which then cannot be mounted (\"already mounted or mount point busy\"). Ubuntu starts it on every server.",
        "Where nothing is on several ways, its service and its socket are stopped and masked. Where something is, they stay, and Longhorn's volumes are taken from it by a file in /etc/multipath/conf.d: by what they say they are, so no other disk is concerned.",
    ],
    example: "- name: Longhorn's volumes are not multipathd's\n  homelab.multipath:\n",
    ..Spec::new("homelab", "multipath")
};

/// The socket first: it would start the service again.
const UNITS: [&str; 2] = ["multipathd.socket", "multipathd.service"];
const FILE: &str = "/etc/multipath/conf.d/homelabctl-longhorn.conf";
/// What a volume of Longhorn calls itself (its targets are those of tgt).
const BLACKLIST: &str = "# Written by homelabctl (homelab.multipath)\nblacklist {\n    device {\n        vendor \"IET\"\n        product \"VIRTUAL-DISK\"\n    }\n}\n";

impl Module for HomelabMultipath {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let asked = facts.get((UNITS.map(Unit::new).to_vec(), Directory::new("/sys/block")));
    let (file, (units, devices)) = halt::both(EditedFile::look_at(task, facts, FILE, "Destination"), asked)?;
    let maps: Vec<String> =
        devices.unwrap_or_default().into_iter().map(|entry| entry.name).filter(|name| name.starts_with("dm-")).collect();
    let ways: Vec<&str> = match maps.is_empty() {
        true => Vec::new(),
        false => {
            let texts = facts.get(Texts::new(maps.iter().map(|name| format!("/sys/block/{name}/dm/uuid"))))?.unwrap_or_default();
            let is_map = |text: &crate::node::facts::Text| text.is().is_some_and(|uuid| uuid.starts_with("mpath-"));
            maps.iter().zip(&texts).filter(|(_, text)| is_map(text)).map(|(name, _)| name.as_str()).collect()
        }
    };
    let mut change: Change = Plan::change([]);
    let runs = |unit: &UnitState| !matches!(unit.active_state.as_str(), "inactive" | "failed");
    if ways.is_empty() {
        for unit in units.iter().flatten() {
            let name = unit.name.as_str();
            if runs(unit) {
                change.steps.push(UnitStep::new(UnitAction::Stop, name).into());
                change = change.differs(format!("unit {name}"), Some(unit.active_state.clone()), Some("stopped".into()));
            }
            if unit.load_state != "masked" {
                change.steps.push(UnitStep::new(UnitAction::Mask, name).into());
                change = change.differs(format!("unit {name}"), unit.unit_file_state.clone(), Some("masked".into()));
                let expect = Expect::field(&Unit::new(name), "load_state", "masked").and("active_state", "inactive");
                let moves = ["sub_state", "unit_file_state", "fragment_path", "need_daemon_reload", "description"];
                change.expect.push(moves.into_iter().fold(expect, Expect::moves).loosely());
            }
        }
    } else {
        write(task, facts, file, &mut change, |_| BLACKLIST.as_bytes().to_vec())?;
        let running = units.iter().flatten().find(|unit| unit.name == "multipathd.service" && unit.load_state != "masked" && runs(unit));
        if let (Some(unit), false) = (running, change.steps.is_empty()) {
            change.steps.push(UnitStep::new(UnitAction::Restart, unit.name.as_str()).into());
        }
    }
    Ok(planned(change).with("in_use", ways.len()))
}

#[cfg(test)]
pub(in crate::modules) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = World::new(random.number());
        world.add_directory("/sys/block/sda", 0o755);
        if random.once_in(2) {
            let uuid: &[u8] = if random.once_in(2) { b"mpath-3600\n" } else { b"LVM-abc\n" };
            world.add_directory("/sys/block/dm-0/dm", 0o755);
            world.add_file("/sys/block/dm-0/dm/uuid", uuid, 0o444);
        }
        for unit in UNITS {
            if !random.once_in(4) {
                world.add_unit(unit);
                world.set_unit(unit, random.once_in(2), random.once_in(2), random.once_in(5));
            }
        }
        if !random.once_in(4) {
            world.add_directory("/etc/multipath/conf.d", 0o755);
        }
        (Bench::new(world), json!({}))
    }

    fn machine(uuid: &[u8]) -> Bench {
        let mut world = World::new(1);
        world.add_directory("/sys/block/dm-0/dm", 0o755);
        world.add_directory("/etc/multipath/conf.d", 0o755);
        world.add_file("/sys/block/dm-0/dm/uuid", uuid, 0o444);
        for unit in UNITS {
            world.add_unit(unit);
            world.set_unit(unit, true, true, false);
        }
        Bench::new(world)
    }

    #[test]
    fn it_ends_where_nobody_needs_it() {
        let mut bench = machine(b"LVM-abc\n");
        let Seen::Changed(_, change, _) = bench.run(&HomelabMultipath, &json!({})) else { panic!() };
        assert_eq!(change.steps.len(), 4);
        assert!(matches!(bench.run(&HomelabMultipath, &json!({})), Seen::Unchanged(_)));
    }

    #[test]
    fn where_it_is_needed_only_longhorns_volumes_are_taken_from_it() {
        let mut bench = machine(b"mpath-3600\n");
        let Seen::Changed(decision, change, _) = bench.run(&HomelabMultipath, &json!({})) else { panic!() };
        assert_eq!((decision.result["in_use"].as_u64(), change.steps.len()), (Some(1), 2));
        assert!(matches!(bench.run(&HomelabMultipath, &json!({})), Seen::Unchanged(_)));
    }
}
