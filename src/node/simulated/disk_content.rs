//! What is on a simulated disk, and what of it a crash leaves.
//!
//! Writes are done at once for whoever reads, and are on the disk once they were synced. A crash leaves any of those that were
//! not: a table whose second copy is torn, a superblock without the filesystem behind it.

use std::collections::BTreeMap;

use super::random::Random;
use crate::node::facts::{Begun, Soundness};

/// What a device holds beside partitions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Held {
    /// What it is taken for, as blkid(8) says it.
    pub kind: Option<String>,
    /// Its UUID.
    pub uuid: Option<String>,
    /// Its label.
    pub label: Option<String>,
    /// How it is, where its checkers can tell.
    pub soundness: Option<Soundness>,
    /// The names in its root, where they can be read.
    pub files: Option<Vec<String>>,
    /// Signatures beside its own: where, in bytes, and of what.
    pub traces: Vec<(u64, String)>,
    /// Where bytes are that are no zeros, beside signatures.
    pub data: Vec<u64>,
    /// It may be several things at once.
    pub is_ambiguous: bool,
}

impl Held {
    /// A filesystem that is whole, or something else with a signature.
    pub fn of(kind: &str, uuid: &str, files: &[&str]) -> Self {
        let is_known = ["ext2", "ext3", "ext4", "xfs"].contains(&kind);
        Self {
            kind: Some(kind.into()),
            uuid: Some(uuid.to_owned()).filter(|uuid| !uuid.is_empty()),
            soundness: is_known.then_some(Soundness::Whole),
            files: is_known.then(|| files.iter().map(|name| (*name).to_owned()).collect()),
            data: vec![BODY],
            ..Self::default()
        }
    }

    /// Whether there is nothing but zeros.
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What the mark of a wipe takes.
pub(super) const MARK: u64 = 4096;

/// Where a filesystem's own tables begin, for all that is told of them.
const BODY: u64 = 2 << 20;

/// A partition in a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// Its number.
    pub number: u32,
    /// Where it begins, in bytes.
    pub start: u64,
    /// In bytes.
    pub size: u64,
    /// Its UUID.
    pub uuid: String,
    /// Its name.
    pub name: String,
}

/// A partition table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) is_gpt: bool,
    pub(super) slots: Vec<Slot>,
}

/// All that is on a disk.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Content {
    /// The table at its head: the protective MBR, the header and the first entries are one page, written at once.
    pub(super) primary: Option<Table>,
    /// The entries at its end.
    pub(super) backup_entries: Option<Table>,
    /// Their header.
    pub(super) backup_header: Option<Table>,
    /// On the disk itself.
    pub(super) device: Held,
    /// In partitions, by where they begin.
    pub(super) areas: BTreeMap<u64, Held>,
    /// The mark of a wipe: how far it came, of how much, the serial number.
    pub(super) mark: Option<Begun>,
}

/// What is written at once.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Unit {
    Primary(Table),
    BackupEntries(Table),
    BackupHeader(Table),
    /// What was there before a filesystem is gone.
    Clear(u64),
    /// A filesystem's own tables.
    Body(u64),
    /// Its superblock, the last of it.
    Super(u64, Held),
    /// A superblock that says that it is not done.
    Begun(u64, Held),
    /// It says so no more.
    Done(u64),
    /// The mark of a wipe at the beginning, over what was there.
    Mark(Begun),
    /// Zeros behind the mark, from there to there.
    Zero(u64, u64),
    /// Zeros in the place of the mark.
    Unmark,
}

impl Content {
    /// What a device or the partition that begins there holds.
    pub(super) fn at(&self, start: u64) -> Option<&Held> {
        if start == 0 { Some(&self.device) } else { self.areas.get(&start) }
    }

    pub(super) fn at_mut(&mut self, start: u64) -> &mut Held {
        if start == 0 { &mut self.device } else { self.areas.entry(start).or_default() }
    }

    /// Whether both copies of a GPT are there and say the same.
    pub(super) fn has_backup(&self) -> bool {
        self.backup_header.is_some() && self.backup_entries == self.backup_header
    }

    pub(super) fn slots(&self) -> &[Slot] {
        self.primary.as_ref().map_or(&[], |table| &table.slots)
    }

    /// Nothing, or a table without partitions in any of its copies.
    pub(super) fn is_empty(&self) -> bool {
        let copies = [&self.primary, &self.backup_entries, &self.backup_header];
        self.device.is_nothing()
            && self.areas.values().all(Held::is_nothing)
            && copies.into_iter().flatten().all(|table| table.slots.is_empty())
            && self.mark.is_none()
    }

    pub(super) fn write(&mut self, unit: &Unit) {
        match unit {
            Unit::Primary(table) => self.primary = Some(table.clone()),
            Unit::BackupEntries(table) => self.backup_entries = Some(table.clone()),
            Unit::BackupHeader(table) => self.backup_header = Some(table.clone()),
            // mkfs on a whole disk zeroes both of its ends
            Unit::Clear(0) => *self = Self::default(),
            Unit::Clear(start) => *self.at_mut(*start) = Held::default(),
            Unit::Body(start) => self.at_mut(*start).data = vec![BODY],
            Unit::Super(start, held) => {
                let at = self.at_mut(*start);
                let data = std::mem::take(&mut at.data);
                let soundness = if data.is_empty() { Soundness::Unfinished } else { Soundness::Whole };
                *at = Held { data, soundness: held.soundness.map(|_| soundness), ..held.clone() };
            }
            Unit::Begun(start, held) => {
                let at = self.at_mut(*start);
                let data = std::mem::take(&mut at.data);
                *at = Held { data, soundness: Some(Soundness::Unfinished), ..held.clone() };
            }
            Unit::Done(start) => {
                let at = self.at_mut(*start);
                if at.kind.is_some() && !at.data.is_empty() {
                    at.soundness = Some(Soundness::Whole);
                }
            }
            Unit::Mark(begun) => {
                self.mark = Some(begun.clone());
                self.zero(0, MARK);
            }
            Unit::Zero(from, to) => self.zero(*from, *to),
            Unit::Unmark => self.mark = None,
        }
    }

    /// The places of all bytes that are no zeros, as far as it is known, in their order.
    pub(super) fn places(&self, size: u64) -> Vec<u64> {
        let mut places: Vec<u64> = self.mark.iter().map(|_| 0).collect();
        if let Some(table) = &self.primary {
            places.extend(if table.is_gpt { vec![448, 512] } else { vec![510] });
            places.extend((!table.slots.is_empty()).then_some(if table.is_gpt { 1024 } else { 446 }));
        }
        if self.backup_entries.as_ref().is_some_and(|table| !table.slots.is_empty()) {
            places.push(size.saturating_sub(33 * 512));
        }
        places.extend(self.backup_header.as_ref().map(|_| size.saturating_sub(512)));
        let areas = std::iter::once((&0, &self.device)).chain(&self.areas);
        for (start, held) in areas {
            let signatures = held.kind.iter().map(|kind| place_of(kind)).chain(held.traces.iter().map(|(place, _)| *place));
            places.extend(signatures.chain(held.data.iter().copied()).map(|place| start + place));
        }
        places.sort_unstable();
        places
    }
}

/// Where the signature of a format is, in bytes.
pub(super) fn place_of(kind: &str) -> u64 {
    match kind {
        "ext2" | "ext3" | "ext4" => 0x438,
        "btrfs" => 0x1_0040,
        "swap" => 0xff6,
        "LVM2_member" => 0x218,
        "linux_raid_member" => 0x1000,
        "bcache" => 0x1018,
        "iso9660" => 0x8001,
        "vfat" => 0x52,
        "ntfs" | "BitLocker" => 3,
        _ => 0,
    }
}

/// What whoever reads sees, what is on the disk, and what lies between both.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Written {
    pub(super) now: Content,
    disk: Content,
    pending: Vec<Unit>,
    /// It says that all is on the disk, and may lose it: a cache without a battery that ignores flushes.
    forgets: bool,
}

impl Written {
    pub(super) fn new(content: Content) -> Self {
        Self { now: content.clone(), disk: content, ..Self::default() }
    }

    pub(super) fn write(&mut self, unit: Unit) {
        self.now.write(&unit);
        self.pending.push(unit);
    }

    pub(super) fn sync(&mut self) {
        if !self.pending.is_empty() && !self.forgets {
            self.disk = self.now.clone();
            self.pending.clear();
        }
    }

    pub(super) fn will_forget(&mut self) {
        self.forgets = true;
    }

    /// Whether something would be lost now.
    pub(super) fn is_torn(&self) -> bool {
        !self.pending.is_empty()
    }

    /// What somebody else did is on the disk at once.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Content)) {
        change(&mut self.now);
        self.disk = self.now.clone();
        self.pending.clear();
    }

    pub(super) fn crash(&mut self, random: &mut Random) {
        for unit in std::mem::take(&mut self.pending) {
            if random.once_in(2) {
                self.disk.write(&unit);
            }
        }
        self.now = self.disk.clone();
    }
}
