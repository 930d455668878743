//! A simulated disk that is emptied, and what a look before asks.

use super::disk_content::{Content, Held, MARK, Unit, place_of};
use super::disks::SimulatedDisk;
use super::world::{Stop, World};
use crate::node::facts::{Begun, GroupState, Openness};
use crate::node::steps::WipeDisk;
use crate::plan::{Query, Reading};

/// Bytes at each end that are zeroed first.
const ENDS: u64 = 16 << 20;
/// Into so many pieces what lies between the ends is cut.
const PIECES: u8 = 4;
/// Behind every byte of any disk.
const END: u64 = u64::MAX - 1;
/// The number of the last thing that a wipe does.
pub(super) const LAST_OF_WIPE: u8 = 5 + 2 * PIECES;

impl Content {
    /// Zeros there: what has its signature in that range is not known any more, and bytes of it elsewhere are only bytes.
    pub(super) fn zero(&mut self, from: u64, to: u64) {
        let is_gone = |place: u64| (from..to).contains(&place);
        // the table is at the beginning, its second copy at the end, whatever the size
        if is_gone(512) {
            self.primary = None;
        }
        if is_gone(END) {
            (self.backup_entries, self.backup_header) = (None, None);
        }
        let areas = std::iter::once((0, &mut self.device)).chain(self.areas.iter_mut().map(|(start, held)| (*start, held)));
        for (start, held) in areas {
            held.data.retain(|place| !is_gone(start + place));
            held.traces.retain(|(place, _)| !is_gone(start + place));
            if held.kind.as_deref().is_some_and(|kind| is_gone(start + place_of(kind))) {
                let (data, traces) = (std::mem::take(&mut held.data), std::mem::take(&mut held.traces));
                *held = Held { data, traces, ..Held::default() };
            }
        }
    }
}

impl World {
    pub(super) fn wipe_fact(&self, query: &Query, path: &str) -> Reading {
        let Some((index, number)) = self.device(path) else { return Reading::Absent };
        let Some(disk) = self.disks.get(index) else { return Reading::Absent };
        match query.kind.as_str() {
            "exclusive_open" => Reading::present(&if self.user_of(index).is_some() { Openness::Taken } else { Openness::Free }),
            _ if disk.fails => Reading::unknown(format!("{path}: Input/output error")),
            "wipe_mark" => match &disk.written.now.mark {
                Some(begun) if number == 0 => Reading::present(begun),
                _ => Reading::Absent,
            },
            _ => match disk.lvm.as_ref().and_then(|lvm| lvm.group.clone()) {
                Some(name) => Reading::present(&GroupState { name, physical: 1, missing: 0, caches: Vec::new() }),
                None => Reading::Absent,
            },
        }
    }

    /// A look, the mark, both ends, piece after piece with the mark moved, the mark taken away.
    pub(super) fn wipe_disk(&mut self, step: &WipeDisk, stage: u8) -> Result<(), Stop> {
        let index = self.whole_disk(&step.disk)?;
        let begun = |done: u64| Begun { done, size: step.size, serial: step.serial.clone() };
        let Some(disk) = self.disks.get(index) else { return Ok(()) };
        let piece = step.size.saturating_sub(2 * ENDS) / u64::from(PIECES);
        match stage {
            0 => {
                self.look_before_wipe(step, disk, index)?;
                self.hold_disk(index);
                Ok(())
            }
            1 => {
                let done = disk.written.now.mark.as_ref().filter(|mark| step.whole && mark.serial == step.serial && mark.size == step.size);
                let done = done.map_or(0, |mark| mark.done);
                self.write_disk(index, Unit::Mark(begun(done)))?;
                self.sync_disk(index)
            }
            2 => {
                if !step.whole {
                    // what has a signature in a partition
                    let starts: Vec<u64> = disk.known.iter().map(|slot| slot.start).collect();
                    for start in starts {
                        self.write_disk(index, Unit::Zero(start, start + (1 << 20)))?;
                    }
                }
                self.write_disk(index, Unit::Zero(MARK, ENDS.min(step.size)))
            }
            3 => {
                self.write_disk(index, Unit::Zero(step.size.saturating_sub(ENDS), u64::MAX))?;
                self.sync_disk(index)?;
                self.forget_partitions(index);
                Ok(())
            }
            LAST_OF_WIPE => {
                self.sync_disk(index)?;
                self.forget_partitions(index);
                Ok(())
            }
            stage if stage == LAST_OF_WIPE - 1 => self.write_disk(index, Unit::Unmark),
            _ if !step.whole => Ok(()),
            stage => {
                let at = ENDS + piece * u64::from((stage - 4) / 2);
                let end = if (stage - 4) / 2 + 1 == PIECES { step.size.saturating_sub(ENDS) } else { at + piece };
                let is_done = disk.written.now.mark.as_ref().is_some_and(|mark| mark.done >= end);
                match stage % 2 {
                    _ if is_done => Ok(()),
                    0 => {
                        self.write_disk(index, Unit::Zero(at, end))?;
                        self.sync_disk(index)
                    }
                    _ => {
                        self.write_disk(index, Unit::Mark(begun(end)))?;
                        self.sync_disk(index)
                    }
                }
            }
        }
    }

    fn look_before_wipe(&self, step: &WipeDisk, disk: &SimulatedDisk, index: usize) -> Result<(), Stop> {
        let failed = |why: String| Err(Stop::Failed(why));
        let path = disk.path(0);
        if let Some(user) = self.user_of(index) {
            return failed(format!("{path} is in use: {user}"));
        }
        if disk.serial.as_ref().or(disk.wwn.as_ref()) != Some(&step.serial) || disk.size != step.size {
            return failed(format!("{path} is another disk by now"));
        }
        let numbers = std::iter::once(0).chain(disk.known.iter().map(|slot| slot.number));
        let holdings = numbers.map(|number| super::answer_disks::holding(disk, number));
        let lines = holdings.flat_map(|holding| {
            let path = holding.path;
            holding.signatures.into_iter().map(move |found| format!("{path} {:#x} {}\n", found.offset, found.kind))
        });
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        if lines.concat() == step.seen { Ok(()) } else { failed(format!("{path} holds something else by now")) }
    }

    fn forget_partitions(&mut self, index: usize) {
        if let Some(disk) = self.disks.get_mut(index) {
            disk.known.clear();
        }
    }
}
