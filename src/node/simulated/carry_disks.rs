//! Steps on disks, in the micro-actions of their shell functions: a look, the writes in their order, what was written synced.

use std::collections::VecDeque;

use super::answer_disks::holding;
use super::disk_content::{Held, Slot, Table, Unit};
use super::disks::{FIRST, SECTOR, end_of_partitions};
use super::wipe::LAST_OF_WIPE;
use super::world::{Stop, World};
use crate::node::facts::Soundness;
use crate::node::steps::{FormatPartition, LabelDisk, MakeFilesystem, NamePartition, Step, WipeDisk};

/// How many things each of the steps does, one after the other.
const LABEL: u8 = 8;
const FORMAT: u8 = 7;
const NAME: u8 = 6;

/// One thing that a step on a disk does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum DiskAction {
    Label(LabelDisk, u8),
    Format(FormatPartition, u8),
    Name(NamePartition, u8),
    Wipe(WipeDisk, u8),
}

fn failed(why: String) -> Stop {
    Stop::Failed(why)
}

impl World {
    pub(super) fn disk_actions(step: &Step) -> VecDeque<DiskAction> {
        match step {
            Step::LabelDisk(step) => (0..LABEL).map(|n| DiskAction::Label(step.clone(), n)).collect(),
            Step::FormatPartition(step) => (0..FORMAT).map(|n| DiskAction::Format(step.clone(), n)).collect(),
            Step::NamePartition(step) => (0..NAME).map(|n| DiskAction::Name(step.clone(), n)).collect(),
            Step::WipeDisk(step) => (0..=LAST_OF_WIPE).map(|n| DiskAction::Wipe(step.clone(), n)).collect(),
            _ => VecDeque::new(),
        }
    }

    pub(super) fn disk_action(&mut self, action: &DiskAction) -> Result<(), Stop> {
        // each looks in the end at what it did, so none says that it did what it did not
        self.tick()?;
        self.lying = false;
        let (done, is_last) = match action {
            DiskAction::Label(step, stage) => (self.label_disk(step, *stage), stage + 1 == LABEL),
            DiskAction::Format(step, stage) => (self.format_partition(step, *stage), stage + 1 == FORMAT),
            DiskAction::Name(step, stage) => (self.name_partition(step, *stage), stage + 1 == NAME),
            DiskAction::Wipe(step, stage) => (self.wipe_disk(step, *stage), *stage == LAST_OF_WIPE),
        };
        if is_last || done.is_err() {
            self.held = None;
        }
        done
    }

    /// The disk itself, by its path.
    pub(super) fn whole_disk(&self, path: &str) -> Result<usize, Stop> {
        match self.device(path) {
            None => Err(failed(format!("{path} is no block device"))),
            Some((_, number)) if number != 0 => Err(failed(format!("{path} is a partition"))),
            Some((index, _)) => Ok(index),
        }
    }

    pub(super) fn sync_disk(&mut self, index: usize) -> Result<(), Stop> {
        match self.disks.get_mut(index).filter(|disk| !disk.is_gone && !disk.fails) {
            Some(disk) => {
                disk.written.sync();
                Ok(())
            }
            None => Err(failed("Input/output error".into())),
        }
    }

    fn label_disk(&mut self, step: &LabelDisk, stage: u8) -> Result<(), Stop> {
        let index = self.whole_disk(&step.disk)?;
        if stage == 0 {
            self.look_before_label(step, index)?;
            self.hold_disk(index);
            return Ok(());
        }
        let size = self.disks.get(index).map_or(0, |disk| disk.size);
        let (start, uuid, name) = (FIRST, step.partition_uuid.clone(), step.name.clone());
        let slot = Slot { number: 1, start, size: end_of_partitions(size).saturating_sub(FIRST), uuid, name };
        let table = Table { is_gpt: true, slots: vec![slot] };
        match stage {
            1 => self.write_disk(index, Unit::Primary(table)),
            3 => self.write_disk(index, Unit::BackupEntries(table)),
            5 => self.write_disk(index, Unit::BackupHeader(table)),
            2 | 4 | 6 => self.sync_disk(index),
            // the kernel reads the new table
            _ => {
                if let Some(disk) = self.disks.get_mut(index) {
                    disk.known = disk.written.now.slots().to_vec();
                }
                Ok(())
            }
        }
    }

    fn look_before_label(&self, step: &LabelDisk, index: usize) -> Result<(), Stop> {
        let Some(disk) = self.disks.get(index).filter(|_| !self.blind_steps) else { return Ok(()) };
        let path = disk.path(0);
        if let Some(user) = self.user_of(index) {
            return Err(failed(format!("{path} is in use: {user}")));
        }
        if (disk.size, SECTOR) != (step.size, step.sector) {
            let is = disk.size;
            return Err(failed(format!(
                "{path} has {is} bytes in sectors of {SECTOR}, and not {} in sectors of {}",
                step.size, step.sector
            )));
        }
        if disk.fails {
            return Err(failed(format!("{path} cannot be read, or holds several things at once")));
        }
        if !disk.known.is_empty() {
            return Err(failed(format!("{path} has partitions")));
        }
        let (head, tail) = step.table;
        let holding = holding(disk, 0);
        let is_table = |kind: &str| ["gpt", "PMBR", "dos"].contains(&kind) && head > 0;
        if holding.is_ambiguous {
            return Err(failed(format!("{path} cannot be read, or holds several things at once")));
        }
        if holding.kind.is_some() || holding.table.as_deref().is_some_and(|table| !is_table(table) || table == "PMBR") {
            return Err(failed(format!("{path} holds something: {:?} {:?}", holding.kind, holding.table)));
        }
        if let Some(found) = holding.signatures.iter().find(|found| !is_table(&found.kind)) {
            return Err(failed(format!("{path} holds a signature of {}", found.kind)));
        }
        let end = disk.size.saturating_sub(tail);
        let ends = if disk.size >= 32 << 20 { 16 << 20 } else { FIRST };
        let is_read = |at: u64| step.full_scan || at < ends || at >= disk.size.saturating_sub(ends);
        match disk.written.now.places(disk.size).into_iter().find(|at| (head..end).contains(at) && is_read(*at)) {
            Some(at) => Err(failed(format!("{path} is not blank: differ at byte {at}"))),
            None => Ok(()),
        }
    }

    /// `s_partition`: the disk, and the one partition on it with that UUID and name.
    fn only_partition(&self, disk: &str, uuid: &str, name: &str) -> Result<(usize, Slot), Stop> {
        let (index, _) = self.device(disk).ok_or_else(|| failed(format!("{disk} is no block device")))?;
        let Some(is) = self.disks.get(index) else { return Err(failed(format!("{disk} is no block device"))) };
        let path = match is.known.as_slice() {
            [] => return Err(failed(format!("there is no partition on {}", is.path(0)))),
            [one] => is.path(one.number),
            _ => return Err(failed(format!("{} has several partitions", is.path(0)))),
        };
        if is.fails {
            return Err(failed(format!("{path} cannot be read, or holds several things at once")));
        }
        // blkid reads the table on the disk
        let [slot] = is.written.now.slots() else { return Err(failed(format!("{path} has the UUID  in its table, and not {uuid}"))) };
        if is.held(slot.number).is_ambiguous {
            return Err(failed(format!("{path} cannot be read, or holds several things at once")));
        }
        if slot.uuid != uuid {
            return Err(failed(format!("{path} has the UUID {} in its table, and not {uuid}", slot.uuid)));
        }
        if slot.name != name {
            return Err(failed(format!("{path} is named {}, and not {name}", slot.name)));
        }
        Ok((index, slot.clone()))
    }

    fn format_partition(&mut self, step: &FormatPartition, stage: u8) -> Result<(), Stop> {
        let (index, slot) = if self.blind_steps {
            let (index, _) = self.device(&step.disk).ok_or_else(|| failed(format!("{} is no block device", step.disk)))?;
            let slot = self.disks.get(index).and_then(|disk| disk.known.first().cloned());
            (index, slot.ok_or_else(|| failed("there is no partition".into()))?)
        } else {
            self.only_partition(&step.disk, &step.partition_uuid, &step.name)?
        };
        let Some(disk) = self.disks.get(index) else { return Ok(()) };
        let (held, path, start) = (disk.held(slot.number), disk.path(slot.number), slot.start);
        let new = Held {
            kind: Some(step.filesystem.clone()),
            uuid: Some(step.uuid.clone()),
            soundness: Some(Soundness::Whole),
            files: Some(if step.filesystem == "xfs" { Vec::new() } else { vec!["lost+found".into()] }),
            ..Held::default()
        };
        let is_xfs = step.filesystem == "xfs";
        match (stage, is_xfs) {
            (0, _) => {
                if !self.blind_steps {
                    may_be_formatted(&held, step, &path)?;
                    // mkfs opens the partition for itself
                    if let Some(user) = self.user_of(index) {
                        return Err(failed(format!("{path} is in use: {user}")));
                    }
                }
                self.hold_disk(index);
                Ok(())
            }
            (1, _) => self.write_disk(index, Unit::Clear(start)),
            (2, false) | (3, true) => self.write_disk(index, Unit::Body(start)),
            (2, true) => self.write_disk(index, Unit::Begun(start, new)),
            (3, false) => self.write_disk(index, Unit::Super(start, new)),
            // mkfs.xfs has all else on the disk before it clears its mark
            (4, true) => {
                self.sync_disk(index)?;
                self.write_disk(index, Unit::Done(start))
            }
            (4 | 5, _) => self.sync_disk(index),
            _ if held.kind.as_ref() == Some(&step.filesystem) && held.soundness == Some(Soundness::Whole) => Ok(()),
            _ => Err(failed(format!("the new filesystem on {path} is not whole"))),
        }
    }

    fn name_partition(&mut self, step: &NamePartition, stage: u8) -> Result<(), Stop> {
        let is = if stage < 5 && stage != 4 { &step.from } else { &step.to };
        // between the writes the first copy has its old name
        let (index, slot) = self.only_partition(&step.disk, &step.partition_uuid, is)?;
        let Some(disk) = self.disks.get(index) else { return Ok(()) };
        let (held, path) = (disk.held(slot.number), disk.path(slot.number));
        let table = Table { is_gpt: true, slots: vec![Slot { name: step.to.clone(), ..slot }] };
        match stage {
            0 if held.uuid.as_ref() != Some(&step.uuid) && !self.blind_steps => {
                Err(failed(format!("{path} holds the filesystem {:?}, and not {}", held.uuid, step.uuid)))
            }
            0 => match self.user_of(index).filter(|_| !self.blind_steps) {
                Some(user) => Err(failed(format!("{path} is in use: {user}"))),
                None => {
                    self.hold_disk(index);
                    Ok(())
                }
            },
            1 => self.write_disk(index, Unit::BackupEntries(table)),
            2 => self.write_disk(index, Unit::BackupHeader(table)),
            3 => self.write_disk(index, Unit::Primary(table)),
            4 => self.sync_disk(index),
            _ => Ok(()),
        }
    }

    /// mkfs and its kin on a device: they look at nothing but whether it is in use.
    pub(super) fn make_filesystem_on(&mut self, step: &MakeFilesystem, index: usize, number: u32) -> Result<(), Stop> {
        let Some(disk) = self.disks.get(index) else { return Ok(()) };
        let (start, path) = (disk.extent(number).0, disk.path(number));
        if let Some(user) = self.user_of(index) {
            return Err(failed(format!("{path} is in use: {user}")));
        }
        let kind = match step.program.as_str() {
            "mkswap" => "swap",
            "pvcreate" => "LVM2_member",
            program => program.strip_prefix("mkfs.").unwrap_or(program),
        };
        let uuid = step.options.iter().skip_while(|word| *word != "-U").nth(1).cloned().unwrap_or_else(|| format!("made-{}", self.clock));
        let files: &[&str] = if kind == "xfs" { &[] } else { &["lost+found"] };
        let new = Held { data: Vec::new(), ..Held::of(kind, &uuid, files) };
        self.hold_disk(index);
        for unit in [Unit::Clear(start), Unit::Body(start), Unit::Super(start, new)] {
            if self.tick()? {
                self.write_disk(index, unit)?;
            }
        }
        if self.tick()? {
            self.sync_disk(index)?;
        }
        self.held = None;
        // udev has the kernel read the table of a disk that was written to
        if let Some(disk) = self.disks.get_mut(index) {
            disk.known = disk.written.now.slots().to_vec();
        }
        Ok(())
    }
}

fn may_be_formatted(held: &Held, step: &FormatPartition, path: &str) -> Result<(), Stop> {
    let Some(kind) = &held.kind else { return Ok(()) };
    if !["ext4", "xfs"].contains(&kind.as_str()) {
        return Err(failed(format!("{path} holds {kind}")));
    }
    if held.uuid.as_ref() != Some(&step.uuid) {
        return Err(failed(format!("{path} holds another {kind}, with the UUID {:?}", held.uuid)));
    }
    match held.soundness {
        Some(Soundness::Unfinished) => Ok(()),
        Some(other) => Err(failed(format!("{path} holds a filesystem that is {other:?}"))),
        None => Err(failed(format!("it is not known how the {kind} in {path} is"))),
    }
}
