//! `homelab.swap`

use super::write;
use crate::modules::edited_file::EditedFile;
use crate::modules::halt::{self, Halt, settled};
use crate::modules::outcome::planned;
use crate::modules::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::facts::{Enablement, Memory, Swap as SwapArea, SwapUnit, SwapUnits, Swaps, Unit, UnitEnabled, UnitScope, UnitState};
use crate::node::steps::{SwapOff, UnitAction, UnitStep};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};

/// The machine does not swap, now and after a reboot.
///
/// Entries of fstab are commented and never deleted, units that come from elsewhere are masked, and services that make swap
/// are stopped and disabled. It is refused where there is too little memory for what is swapped out.
#[derive(Debug)]
pub struct HomelabSwap;

static SPEC: Spec = Spec {
    options: &[Opt::new("state", Kind::Str).default("off").choices(&["off"]).about("The machine does not swap")],
    about: "Ends swapping, now and after a reboot",
    notes: &[
        "Entries of the type swap in /etc/fstab are commented, with a line above that says by whom; nothing is deleted.",
        "Swap units that are made of no fstab (partitions that systemd discovers, zram, files of somebody's own) are masked or disabled.",
        "Services that make swap (zramswap, zram-config, dphys-swapfile and the like) are stopped and disabled.",
        "It is refused if the memory that is available is less than what is swapped out.",
    ],
    example: "- name: the kubelet wants no swap\n  homelab.swap:\n    state: 'off'\n",
    ..Spec::new("homelab", "swap")
};

const FSTAB: &str = "/etc/fstab";
/// Services that make swap without a unit for it.
const MAKERS: [&str; 5] = ["zramswap.service", "zram-swap.service", "zram-config.service", "dphys-swapfile.service", "rpi-swap.service"];
/// What stands above an entry that was commented.
const NOTE: &str = "# swap is off: homelabctl (homelab.swap) commented the next line";
/// What is to be left over when everything came back, in bytes.
const SPARE: u64 = 64 << 20;

impl Module for HomelabSwap {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let makers = MAKERS.iter().map(|name| Unit::new(*name)).collect::<Vec<_>>();
    let enabled = MAKERS.iter().map(|name| UnitEnabled::new(*name, UnitScope::System)).collect::<Vec<_>>();
    let asked = facts.get((Swaps, SwapUnits, makers, enabled));
    let (fstab, (swaps, units, makers, enabled)) = halt::both(EditedFile::look_at(task, facts, FSTAB, "Destination"), asked)?;
    let (swaps, units) = (swaps.unwrap_or_default(), units.unwrap_or_default());
    enough(facts, &swaps)?;
    let mut change: Change = Plan::change([]);
    // first what would bring it back, so that a cut leaves nothing that swaps again
    write(task, facts, fstab, &mut change, commented)?;
    let has_fstab = !change.steps.is_empty();
    for (name, (unit, enabled)) in MAKERS.iter().zip(makers.into_iter().zip(enabled)) {
        stop(name, unit.as_ref(), enabled.as_ref(), &mut change);
    }
    let mut ended = false;
    for unit in units.iter().filter(|unit| unit.source_path.as_deref() != Some(FSTAB)) {
        ended |= end(unit, &mut change);
    }
    for swap in &swaps {
        change.steps.push(SwapOff { path: swap.path.clone() }.into());
        change = change.differs(format!("swap on {}", swap.path), Some(format!("{} MiB", swap.size >> 20)), None);
    }
    if !swaps.is_empty() {
        change.expect.push(Expect::is(&Swaps, &Vec::new()));
    }
    if has_fstab || ended {
        // units that were made of fstab go away
        change.steps.push(UnitStep::manager(UnitAction::DaemonReload).into());
    }
    let off: Vec<String> = swaps.into_iter().map(|swap| swap.path).collect();
    Ok(planned(change).with("state", "off").with("swaps", off))
}

/// What is swapped out comes back into memory.
fn enough(facts: &Facts<'_>, swaps: &[SwapArea]) -> Result<(), Halt> {
    if swaps.is_empty() {
        return Ok(());
    }
    let Some(memory) = facts.get(Memory)? else { return Ok(()) };
    let used = memory.swap_total.saturating_sub(memory.swap_free);
    if used.saturating_add(SPARE) > memory.available && used > 0 {
        return Err(Halt::refuse(
            format!("{} MiB are swapped out, and only {} MiB of memory are available", used >> 20, memory.available >> 20),
            "stop what needs the memory, or reboot after fstab has no swap any more".to_owned(),
        ));
    }
    Ok(())
}

/// A service that makes swap is stopped, and does not start again.
fn stop(name: &str, unit: Option<&UnitState>, enabled: Option<&Enablement>, change: &mut Change) {
    let Some(unit) = unit.filter(|unit| unit.load_state != "masked") else { return };
    let starts = enabled.is_some_and(|enabled| enabled.is_enabled() && enabled.word != "static");
    let runs = !matches!(unit.active_state.as_str(), "inactive" | "failed");
    for (action, acts, before, after) in
        [(UnitAction::Disable, starts, "enabled", "disabled"), (UnitAction::Stop, runs, "active", "stopped")]
    {
        if acts {
            change.steps.push(UnitStep::new(action, name).into());
            *change = std::mem::replace(change, Plan::change([])).differs(format!("unit {name}"), Some(before.into()), Some(after.into()));
        }
    }
    if starts || runs {
        let expect = Expect::field(&Unit::new(name), "active_state", "inactive");
        let moves = ["sub_state", "unit_file_state", "need_daemon_reload"];
        change.expect.push(moves.into_iter().fold(expect, Expect::moves).loosely());
    }
}

/// A swap unit starts no more; whether anything was to be done.
fn end(unit: &SwapUnit, change: &mut Change) -> bool {
    // a mask in /run is gone after a reboot
    if unit.load_state == "masked" && unit.unit_file_state.as_deref() != Some("masked-runtime") {
        return false;
    }
    // what stands in /etc itself cannot be masked: a link would take its place
    let own = unit.fragment_path.as_deref().is_some_and(|path| path.starts_with("/etc/systemd/system/"));
    let starts = matches!(unit.unit_file_state.as_deref(), Some("enabled" | "enabled-runtime"));
    let action = match own {
        true if starts => UnitAction::Disable,
        true => return false,
        false => UnitAction::Mask,
    };
    let (before, after) = (unit.unit_file_state.clone(), if own { "disabled" } else { "masked" });
    change.steps.push(UnitStep::new(action, unit.name.as_str()).into());
    *change = std::mem::replace(change, Plan::change([])).differs(format!("unit {}", unit.name), before, Some(after.into()));
    true
}

/// fstab with its entries of the type swap commented.
fn commented(content: &[u8]) -> Vec<u8> {
    let mut new = Vec::with_capacity(content.len() + 80);
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        let fields: Vec<&str> = text.split_whitespace().collect();
        if matches!(fields.as_slice(), [what, _, "swap", ..] if !what.starts_with('#')) {
            new.extend_from_slice(NOTE.as_bytes());
            new.extend_from_slice(b"\n#");
        }
        new.extend_from_slice(line);
    }
    new
}

#[cfg(test)]
pub(in crate::modules) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    const TEXT: &[u8] = b"UUID=1 / ext4 defaults 0 1\n /swapfile\tnone swap sw 0 0\n#/old none swap sw 0 0\n/dev/sda2 swap swap defaults";

    pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = World::new(random.number());
        if !random.once_in(5) {
            world.add_file("/etc/fstab", if random.once_in(2) { TEXT } else { b"UUID=1 / ext4 defaults 0 1\n" }, 0o644);
        }
        if random.once_in(20) {
            world.add_directory("/etc/fstab", 0o755);
        }
        if random.once_in(2) {
            world.add_swap("/swapfile", 1 << 30);
        }
        if random.once_in(8) {
            world.add_swap("/dev/sda2", 5 << 30);
        }
        for name in ["dev-sda3.swap", "own.swap", "zramswap.service"] {
            if random.once_in(3) {
                world.add_unit(name);
                world.set_unit(name, random.once_in(2), random.once_in(2), random.once_in(4));
            }
        }
        (Bench::new(world), json!({"state": "off"}))
    }

    #[test]
    fn entries_are_commented_and_nothing_else_moves() {
        let new = String::from_utf8(commented(TEXT)).unwrap();
        let wanted = format!(
            "UUID=1 / ext4 defaults 0 1\n{NOTE}\n# /swapfile\tnone swap sw 0 0\n#/old none swap sw 0 0\n{NOTE}\n#/dev/sda2 swap swap defaults"
        );
        assert_eq!(new, wanted);
        assert_eq!(commented(new.as_bytes()), new.as_bytes());
    }

    #[test]
    fn what_would_not_fit_into_memory_is_refused() {
        let mut world = World::new(1);
        world.add_swap("/dev/sda2", 5 << 30);
        let Seen::Refused(why) = Bench::new(world).run(&HomelabSwap, &json!({})) else { panic!() };
        assert_eq!(why, "5120 MiB are swapped out, and only 4096 MiB of memory are available");
    }
}
