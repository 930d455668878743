//! Every write to a simulated disk, and whether what was there before might be written over.
//!
//! What may be is judged here from what is on the disk, and not by the classifier that the plans go by.

use super::disk_content::{Content, Held, Table, Unit};
use crate::node::disk_naming::{FINAL_LABEL, NEW_LABEL, filesystem_uuid};
use crate::node::facts::Soundness;

/// A write to a disk.
#[derive(Debug, Clone, PartialEq)]
pub struct DiskWrite {
    /// Which disk: its serial number.
    pub disk: String,
    /// What was written.
    pub what: String,
    /// What was there when the step began.
    pub before: String,
    /// Why it must not have been written over; nothing where it was empty, or ours and never finished.
    pub wrong: Option<String>,
}

/// Why a unit must not be written to a disk with that content, used by that.
pub(super) fn why_wrong(before: &Content, unit: &Unit, used: Option<String>) -> Option<String> {
    if let Some(used) = used {
        return Some(format!("it is in use: {used}"));
    }
    match unit {
        // a person has said so, and seen what is there
        Unit::Mark(_) | Unit::Zero(..) | Unit::Unmark => None,
        Unit::Primary(table) | Unit::BackupEntries(table) | Unit::BackupHeader(table) => {
            if before.is_empty() {
                None
            } else {
                rename(before, table)
            }
        }
        Unit::Clear(start) | Unit::Body(start) | Unit::Super(start, _) | Unit::Begun(start, _) | Unit::Done(start) => area(before, *start),
    }
}

fn rename(before: &Content, table: &Table) -> Option<String> {
    let ([is], [will]) = (before.slots(), table.slots.as_slice()) else { return Some("it is not empty".into()) };
    if is.name != NEW_LABEL {
        return Some(format!("its partition is named {:?}", is.name));
    }
    if (is.number, is.start, is.size, &is.uuid) != (will.number, will.start, will.size, &will.uuid) {
        return Some("its partition becomes another".into());
    }
    // one that somebody damaged since it was seen to be whole is safer with its final name
    let is_finished =
        |held: &Held| matches!(held.soundness, Some(Soundness::Whole | Soundness::Damaged)) && held.uuid == Some(filesystem_uuid(&is.uuid));
    (will.name == FINAL_LABEL && !before.at(is.start).is_some_and(is_finished))
        .then(|| "its filesystem is not finished, and is named as if it were".into())
}

fn area(before: &Content, start: u64) -> Option<String> {
    let held = before.at(start);
    let name = before.slots().iter().find(|slot| slot.start == start).map(|slot| slot.name.as_str());
    let is_nothing = held.is_none_or(|held| match name {
        Some(NEW_LABEL) => held.kind.is_none() && held.traces.is_empty() && !held.is_ambiguous,
        _ => held.is_nothing(),
    });
    let is_unfinished = name == Some(NEW_LABEL) && held.is_some_and(|held| held.soundness == Some(Soundness::Unfinished));
    if start == 0 && !before.is_empty() {
        return Some("it is not empty".into());
    }
    (!is_nothing && !is_unfinished).then(|| format!("{} is in {}", kind_of(before, start), name.unwrap_or("a device without a name")))
}

fn kind_of(content: &Content, start: u64) -> String {
    content.at(start).and_then(|held| held.kind.clone()).unwrap_or_else(|| "unknown data".into())
}

/// What is on a disk, in few words.
pub(super) fn told(content: &Content) -> String {
    let table = match &content.primary {
        Some(table) if table.is_gpt => "GPT",
        Some(_) => "MBR",
        None => "no table",
    };
    let slots: Vec<String> = content.slots().iter().map(|slot| format!("{} {}", slot.name, kind_of(content, slot.start))).collect();
    format!("{table} [{}], {}", slots.join(", "), content.device.kind.as_deref().unwrap_or("nothing on the device itself"))
}
