//! Disks of a simulated machine: their tables, their partitions, and what parted does to them.

use std::collections::BTreeMap;

use super::answer::node_of_device;
use super::world::{Stop, World};
use crate::node::disk_naming::partition_path;
use crate::node::facts::{
    Contents, FileKind, Holding, Layer, MountOf, Partition, PartitionEntry, Printed, PrintedRow, Signature, Uses, Zeros,
};
use crate::node::steps::{Parted, PartedDoes, place};
use crate::plan::{Query, Reading};

const MIB: u64 = 1 << 20;
const SECTOR: u32 = 512;

/// A disk in memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartedDisk {
    /// In bytes.
    pub size: u64,
    /// Its table as blkid calls it: `gpt`, `dos`.
    pub table: Option<String>,
    /// Its partitions.
    pub partitions: BTreeMap<u32, PartedPartition>,
    /// What lies on it beside them.
    pub held: PartedContent,
    /// The other copy of the table is damaged.
    pub is_half: bool,
    /// It cannot be written to.
    pub read_only: bool,
}

/// A partition in memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartedPartition {
    /// Where it begins, in bytes.
    pub start: u64,
    /// Where it ends, in bytes; not its own any more.
    pub end: u64,
    /// Its name.
    pub name: String,
    /// Its flags, sorted.
    pub flags: Vec<String>,
    /// What lies in it.
    pub held: PartedContent,
}

/// What lies on a device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartedContent {
    /// What blkid takes it for: `ext4`.
    pub kind: Option<String>,
    /// Bytes of no known format.
    pub unknown: bool,
    /// Where it is mounted.
    pub mounted: Option<String>,
}

impl PartedDisk {
    /// A blank one.
    pub fn blank(size: u64) -> Self {
        Self { size, ..Self::default() }
    }

    /// What parted can use: the first byte, and the first that it cannot.
    fn usable(&self) -> (u64, u64) {
        match self.table.as_deref() {
            Some("gpt") => (34 * 512, self.size.saturating_sub(33 * 512)),
            _ => (512, self.size),
        }
    }

    fn parted_table(&self) -> String {
        match self.table.as_deref() {
            Some("dos") => "msdos".into(),
            // parted does not look for the copy at the end of a disk without the first
            Some(table) if !self.is_half => table.to_owned(),
            None if self.held.kind.as_deref().is_some_and(|kind| ["ext4", "xfs", "vfat", "btrfs"].contains(&kind)) => "loop".into(),
            _ => "unknown".into(),
        }
    }

    fn rows(&self) -> Vec<(Option<u32>, u64, u64)> {
        let (mut at, end) = self.usable();
        let mut rows = Vec::new();
        let mut partitions: Vec<_> = self.partitions.iter().collect();
        partitions.sort_by_key(|(_, partition)| partition.start);
        for (number, partition) in partitions {
            if partition.start > at {
                rows.push((None, at, partition.start));
            }
            rows.push((Some(*number), partition.start, partition.end));
            at = partition.end;
        }
        if end > at {
            rows.push((None, at, end));
        }
        rows
    }

    fn printed(&self, path: &str, unit: &str) -> Printed {
        let text = |bytes: u64| match unit {
            "KiB" => format!("{}kiB", bytes >> 10),
            "MiB" => format!("{}MiB", bytes >> 20),
            _ => format!("{bytes}B"),
        };
        let table = self.parted_table();
        let row = |(number, begin, end): (Option<u32>, u64, u64)| {
            let partition = number.and_then(|number| self.partitions.get(&number)).cloned().unwrap_or_default();
            PrintedRow {
                number,
                begin: text(begin),
                end: text(end.saturating_sub(1)),
                size: Some(text(end.saturating_sub(begin))),
                filesystem: partition.held.kind.unwrap_or_default(),
                name: partition.name,
                flags: partition.flags,
            }
        };
        let rows = match table.as_str() {
            "gpt" | "msdos" => self.rows().into_iter().map(row).collect(),
            "loop" => vec![row((Some(1), 0, self.size))],
            _ => Vec::new(),
        };
        let (device, size) = (path.to_owned(), text(self.size));
        Printed { device, size, sector: SECTOR, physical: SECTOR, table, model: "Simulated".into(), geometry: None, rows }
    }

    fn holding(&self, path: &str) -> Holding {
        let mut holding = holding(path, self.size, &self.held);
        let table = match self.table.as_deref() {
            Some("gpt") if self.is_half => vec![(510, "PMBR"), (self.size.saturating_sub(512), "gpt")],
            Some("gpt") => vec![(510, "PMBR"), (512, "gpt"), (self.size.saturating_sub(512), "gpt")],
            Some("dos") => vec![(510, "dos")],
            _ => Vec::new(),
        };
        let signature = |(offset, kind): (u64, &str)| Signature { offset, kind: kind.into(), label: None, uuid: None };
        holding.signatures.extend(table.into_iter().map(signature));
        holding.signatures.sort_by_key(|signature| signature.offset);
        holding.table.clone_from(&self.table);
        holding
    }
}

fn holding(path: &str, size: u64, held: &PartedContent) -> Holding {
    let signature = |kind: &String| Signature { offset: 0x438, kind: kind.clone(), label: None, uuid: None };
    Holding {
        path: path.into(),
        size,
        sector: SECTOR,
        signatures: held.kind.iter().map(signature).collect(),
        kind: held.kind.clone(),
        uuid: held.kind.as_ref().map(|_| "a0000000-0000-4000-8000-000000000001".into()),
        ..Holding::default()
    }
}

impl World {
    /// Adds a disk, before anything happens.
    pub fn add_parted_disk(&mut self, path: &str, disk: PartedDisk) {
        self.parted_disks.insert(path.into(), disk);
    }

    /// The disk at that path.
    pub fn parted_disk(&self, path: &str) -> Option<&PartedDisk> {
        self.parted_disks.get(path)
    }

    /// The disk at that path, or that it is a partition of, with its number.
    fn parted_device(&self, path: &str) -> Option<(&str, &PartedDisk, Option<u32>)> {
        self.parted_disks.iter().find_map(|(name, disk)| {
            let number = disk.partitions.keys().find(|number| partition_path(name, *number) == path).copied();
            (name == path || number.is_some()).then_some((name.as_str(), disk, number))
        })
    }

    /// What there is to say of a block device; nothing where there is none.
    pub(super) fn parted_device_fact(&self, query: &Query, path: &str) -> Option<Reading> {
        let (name, disk, number) = self.parted_device(path)?;
        let partition = number.and_then(|number| disk.partitions.get(&number));
        let held = partition.map_or(&disk.held, |partition| &partition.held);
        Some(match query.kind.as_str() {
            "stat" | "stat_followed" => Reading::present(&node_of_device(FileKind::BlockDevice, Some((8, number.unwrap_or(0))))),
            "parted" => match partition {
                Some(partition) => {
                    let alone = PartedDisk { size: partition.end - partition.start, held: held.clone(), ..PartedDisk::default() };
                    Reading::present(&alone.printed(path, query.args.get(1).map_or("B", String::as_str)))
                }
                None => Reading::present(&disk.printed(path, query.args.get(1).map_or("B", String::as_str))),
            },
            "device_contents" => Reading::present(&contents(name, disk, number)),
            "device_use" => Reading::present(&uses(name, disk, number)),
            "blankness" => {
                let size = partition.map_or(disk.size, |partition| partition.end - partition.start);
                Reading::present(&Zeros { read: size, first_other: held.unknown.then_some(4096) })
            }
            "root_names" => Reading::present(&["lost+found"]),
            "real_path" => Reading::present(&contents(name, disk, number).device.path),
            // it is not installed
            "physical_volume" => Reading::Absent,
            "wipe_mark" | "foretold_device" => Reading::Absent,
            other => Reading::unknown(format!("`{other}` is not simulated of disks")),
        })
    }

    pub(super) fn parted(&mut self, step: &Parted) -> Result<(), Stop> {
        let refuse = |why: String| -> Result<(), Stop> { Err(why.into()) };
        let (number, device) = (step.number, step.device.as_str());
        let Some(disk) = self.parted_disks.get(device) else { return refuse(format!("{device} is no block device")) };
        let is_there = disk.partitions.contains_key(&number);
        match &step.does {
            PartedDoes::Make { .. } if is_there => return refuse(format!("{device} has a partition {number} already")),
            PartedDoes::Make { table: Some(_), .. } if !disk.partitions.is_empty() => {
                return refuse(format!("{device} has partitions: it gets no new table"));
            }
            PartedDoes::Make { table, part_type, start, end, .. } => {
                if let Some(table) = table
                    && self.tick()?
                    && let Some(disk) = self.parted_disks.get_mut(device)
                {
                    disk.table = Some(if table == "msdos" { "dos" } else { table.as_str() }.to_owned());
                }
                if self.tick()?
                    && let Some(disk) = self.parted_disks.get_mut(device)
                {
                    disk.make(number, part_type, start, end)?;
                }
            }
            PartedDoes::Keep | PartedDoes::Remove if !is_there => return refuse("Error: Partition doesn't exist.".into()),
            PartedDoes::Keep => {}
            PartedDoes::Remove => {
                if self.tick()?
                    && let Some(disk) = self.parted_disks.get_mut(device)
                {
                    disk.partitions.remove(&number);
                }
            }
        }
        if let Some(flag) = step.flags.iter().flatten().find(|flag| *flag == "nonsense") {
            return refuse(format!("parted: invalid token: {flag}"));
        }
        if (step.name.is_some() || step.flags.is_some())
            && self.tick()?
            && let Some(partition) = self.parted_disks.get_mut(device).and_then(|disk| disk.partitions.get_mut(&number))
        {
            if let Some(name) = &step.name {
                partition.name.clone_from(name);
            }
            if let Some(flags) = &step.flags {
                partition.flags.clone_from(flags);
                partition.flags.sort_unstable();
            }
        }
        Ok(())
    }
}

impl PartedDisk {
    fn make(&mut self, number: u32, part_type: &str, start: &str, end: &str) -> Result<(), String> {
        let (Some(start), Some(end)) = (place(start, self.size, SECTOR), place(end, self.size, SECTOR)) else {
            return Err("parted: invalid token".into());
        };
        let rows = self.rows();
        let (from, to) = (start.at.next_multiple_of(MIB), end.at);
        // the free place that it begins in; where that is a little smaller it ends with it
        let near = |(begin, is_end): (u64, u64)| begin <= from + start.slack && is_end + end.slack >= to && is_end > from;
        let free = rows.iter().filter(|(number, ..)| number.is_none()).map(|(_, begin, end)| (*begin, *end)).find(|free| near(*free));
        let Some((begin, is_end)) = free else { return Err("Error: Unable to satisfy all constraints on the partition.".into()) };
        let start = from.max(begin.next_multiple_of(MIB));
        let end = to.min(is_end);
        if start >= end {
            return Err("Error: Unable to satisfy all constraints on the partition.".into());
        }
        let name = if self.table.as_deref() == Some("gpt") { part_type.to_owned() } else { String::new() };
        self.partitions.insert(number, PartedPartition { start, end, name, ..PartedPartition::default() });
        Ok(())
    }
}

fn contents(path: &str, disk: &PartedDisk, number: Option<u32>) -> Contents {
    let entry = |partition: &PartedPartition| PartitionEntry {
        scheme: disk.table.clone(),
        uuid: Some("0b4c0000-0000-4000-8000-000000000001".into()),
        name: Some(partition.name.clone()).filter(|name| !name.is_empty()),
        kind: None,
    };
    let of = |number: u32, partition: &PartedPartition| Partition {
        number,
        start: partition.start,
        entry: entry(partition),
        holding: holding(&partition_path(path, number), partition.end - partition.start, &partition.held),
    };
    match number.and_then(|number| Some((number, disk.partitions.get(&number)?))) {
        Some((number, partition)) => {
            let device = of(number, partition).holding;
            Contents { device, partitions: Vec::new(), table: Vec::new(), entry: Some(entry(partition)) }
        }
        None => Contents {
            device: disk.holding(path),
            partitions: disk.partitions.iter().map(|(number, partition)| of(*number, partition)).collect(),
            table: disk.partitions.keys().copied().collect(),
            entry: None,
        },
    }
}

fn uses(path: &str, disk: &PartedDisk, number: Option<u32>) -> Uses {
    let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut uses = Uses { read_only: disk.read_only, ..Uses::default() };
    let mut add = |path: &str, on: Option<String>, held: &PartedContent| {
        uses.layers.push(Layer { name: base(path), on, mapping: None });
        let kind = held.kind.clone().unwrap_or_default();
        uses.mounts.extend(held.mounted.iter().map(|target| MountOf {
            source: path.into(),
            target: target.clone(),
            kind: kind.clone(),
            elsewhere: false,
        }));
    };
    if number.is_none() {
        add(path, None, &disk.held);
    }
    for (nth, partition) in disk.partitions.iter().filter(|(nth, _)| number.is_none_or(|number| number == **nth)) {
        add(&partition_path(path, nth), number.is_none().then(|| base(path)), &partition.held);
    }
    uses
}
