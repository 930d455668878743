//! Facts of a simulated machine: its disks.

use super::disk_content::{Held, place_of};
use super::disks::{SECTOR, SimulatedDisk};
use super::world::World;
use crate::node::facts::{BlockDevice, Contents, Holding, Layer, MountOf, Partition, PartitionEntry, Signature, Uses, Zeros};
use crate::plan::{Query, Reading};

impl World {
    pub(super) fn disk_fact(&self, query: &Query, path: &str) -> Reading {
        let Some((index, number)) = self.device(path) else {
            // those look into what another fact has found: nobody asks them of nothing
            let is_looked_for = ["device_contents", "device_use"].contains(&query.kind.as_str());
            return if is_looked_for { Reading::Absent } else { Reading::unknown(format!("{path}: No such file or directory")) };
        };
        let Some(disk) = self.disks.get(index) else { return Reading::Absent };
        if query.kind == "device_use" {
            return Reading::present(&self.uses(disk, number));
        }
        if disk.fails {
            return Reading::unknown(format!("{path}: Input/output error"));
        }
        let held = disk.held(number);
        match query.kind.as_str() {
            "device_contents" => Reading::present(&contents(disk, number)),
            "blankness" => Reading::present(&blankness(disk, number, &query.args)),
            "root_names" => match held.files.filter(|_| held.kind.as_ref() == query.args.get(1)) {
                Some(files) => Reading::present(&files),
                None => Reading::unknown("Bad magic number in super-block"),
            },
            "filesystem_soundness" => match held.soundness.filter(|_| held.kind.as_ref() == query.args.get(1)) {
                Some(soundness) => Reading::present(&soundness),
                None => Reading::unknown("Bad magic number in super-block"),
            },
            "physical_volume" => match &disk.lvm {
                Some(lvm) => Reading::present(lvm),
                None => Reading::unknown("Failed to find physical volume"),
            },
            other => Reading::unknown(format!("`{other}` is not simulated")),
        }
    }

    fn uses(&self, disk: &SimulatedDisk, number: u32) -> Uses {
        let numbers: Vec<u32> = match number {
            0 => std::iter::once(0).chain(disk.known.iter().map(|slot| slot.number)).collect(),
            one => vec![one],
        };
        let name = |number: u32| disk.path(number).trim_start_matches("/dev/").to_owned();
        let mut uses = Uses { read_only: disk.read_only, ..Uses::default() };
        for one in &numbers {
            let on = (*one != number).then(|| name(number));
            uses.layers.push(Layer { name: name(*one), on, mapping: None });
            let stacked = disk.stacked.iter().filter(|(on, _)| on == one);
            uses.layers.extend(stacked.map(|(_, above)| Layer { name: above.clone(), on: Some(name(*one)), mapping: None }));
            let path = disk.path(*one);
            let kind = || disk.held(*one).kind.unwrap_or_default();
            let in_tree = self.files.mounts.iter().filter(|mounted| mounted.source == path).map(|mounted| (mounted.path.clone(), false));
            let others = disk.mounted.iter().filter(|(of, ..)| of == one).map(|(_, target, elsewhere)| (target.clone(), *elsewhere));
            uses.mounts.extend(in_tree.chain(others).map(|(target, elsewhere)| MountOf {
                source: path.clone(),
                target,
                kind: kind(),
                elsewhere,
            }));
            uses.swaps.extend(disk.swap.contains(one).then(|| path.clone()));
        }
        uses.mounts.sort();
        uses
    }

    pub(super) fn block_devices(&self) -> Reading {
        let mut disks: Vec<&SimulatedDisk> = self.disks.iter().filter(|disk| !disk.is_gone).collect();
        disks.sort_by(|a, b| a.name.cmp(&b.name));
        let mut devices = Vec::new();
        for disk in disks {
            devices.push(self.block_device(disk, 0));
            devices.extend(disk.known.iter().map(|slot| self.block_device(disk, slot.number)));
            devices.extend(disk.stacked.iter().map(|(on, name)| BlockDevice {
                name: name.clone(),
                path: format!("/dev/mapper/{name}"),
                kind: "lvm".into(),
                parents: vec![disk.path(*on)],
                mountpoints: Vec::new(),
                filesystem: None,
                label: None,
                uuid: None,
                by_id: Vec::new(),
                ..self.block_device(disk, *on)
            }));
        }
        Reading::present(&devices)
    }

    fn block_device(&self, disk: &SimulatedDisk, number: u32) -> BlockDevice {
        let (path, held) = (disk.path(number), disk.held(number));
        let slot = disk.written.now.slots().iter().find(|slot| slot.number == number);
        let Uses { mounts, swaps, .. } = self.uses(disk, number);
        let here = mounts.into_iter().filter(|mount| mount.source == path && !mount.elsewhere).map(|mount| mount.target);
        let mut mountpoints: Vec<String> = here.chain(swaps.contains(&path).then(|| "[SWAP]".to_owned())).collect();
        mountpoints.sort();
        let end = if number == 0 { String::new() } else { format!("-part{number}") };
        let own = |field: &Option<String>| field.clone().filter(|_| number == 0);
        BlockDevice {
            name: path.trim_start_matches("/dev/").to_owned(),
            kind: if number == 0 { "disk" } else { "part" }.into(),
            size: disk.extent(number).1,
            serial: own(&disk.serial),
            model: own(&disk.model),
            wwn: own(&disk.wwn),
            transport: own(&disk.transport),
            read_only: disk.read_only,
            removable: disk.removable,
            rotational: disk.rotational,
            filesystem: held.kind.filter(|_| !held.is_ambiguous),
            label: held.label,
            uuid: held.uuid,
            partition_table: disk.written.now.primary.as_ref().map(|table| scheme(table.is_gpt)),
            partition_label: slot.map(|slot| slot.name.clone()).filter(|name| !name.is_empty()),
            partition_uuid: slot.map(|slot| slot.uuid.clone()),
            mountpoints,
            parents: (number != 0).then(|| disk.path(0)).into_iter().collect(),
            by_id: disk.by_id.iter().map(|id| format!("{id}{end}")).collect(),
            path,
        }
    }
}

fn scheme(is_gpt: bool) -> String {
    if is_gpt { "gpt" } else { "dos" }.into()
}

fn contents(disk: &SimulatedDisk, number: u32) -> Contents {
    let entry = |number: u32| {
        let slot = disk.written.now.slots().iter().find(|slot| slot.number == number);
        let is_gpt = disk.written.now.primary.as_ref().is_some_and(|table| table.is_gpt);
        slot.map_or_else(PartitionEntry::default, |slot| PartitionEntry {
            scheme: Some(scheme(is_gpt)),
            uuid: Some(slot.uuid.to_ascii_lowercase()),
            name: Some(slot.name.clone()).filter(|name| is_gpt && !name.is_empty()),
            kind: Some(if is_gpt { "0fc63daf-8483-4772-8e79-3d69d8477de4" } else { "0x83" }.into()),
        })
    };
    let mut table: Vec<u32> = disk.written.now.slots().iter().map(|slot| slot.number).collect();
    table.sort_unstable();
    if number != 0 {
        // partx(8) shows of a partition its own entry
        table.retain(|other| *other == number);
        return Contents { device: holding(disk, number), partitions: Vec::new(), table, entry: Some(entry(number)) };
    }
    let partition = |slot: &super::disk_content::Slot| Partition {
        number: slot.number,
        start: slot.start,
        entry: entry(slot.number),
        holding: holding(disk, slot.number),
    };
    Contents { device: holding(disk, 0), partitions: disk.known.iter().map(partition).collect(), table, entry: None }
}

pub(super) fn holding(disk: &SimulatedDisk, number: u32) -> Holding {
    let Held { kind, uuid, label, traces, is_ambiguous, .. } = disk.held(number);
    let size = disk.extent(number).1;
    let bare = |(offset, kind): (u64, String)| Signature { offset, kind, label: None, uuid: None };
    let mut signatures: Vec<Signature> = traces.into_iter().map(bare).collect();
    signatures.extend(kind.as_ref().map(|kind| Signature {
        offset: place_of(kind),
        kind: kind.clone(),
        label: label.clone(),
        uuid: uuid.clone(),
    }));
    let protective = signatures.iter().any(|found| found.kind == "PMBR").then(|| "PMBR".to_owned());
    let table = disk.written.now.primary.as_ref().filter(|_| number == 0);
    match table {
        Some(table) if table.is_gpt => {
            signatures.extend([(0x1fe, "PMBR"), (512, "gpt")].map(|(place, kind)| bare((place, kind.into()))));
            signatures.extend(disk.written.now.has_backup().then(|| bare((size - 512, "gpt".into()))));
        }
        Some(_) => signatures.push(bare((0x1fe, "dos".into()))),
        None => {}
    }
    signatures.sort_by_key(|signature| signature.offset);
    let (kind, uuid, label) = if is_ambiguous { (None, None, None) } else { (kind, uuid, label) };
    let table = table.map(|table| scheme(table.is_gpt)).or(protective.filter(|_| number == 0));
    Holding { path: disk.path(number), size, sector: SECTOR, signatures, kind, uuid, label, table, is_ambiguous }
}

/// What `probe_blankness` reads, in its order.
fn blankness(disk: &SimulatedDisk, number: u32, args: &[String]) -> Zeros {
    let (start, size) = disk.extent(number);
    let bytes = |n: usize| args.get(n).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let (head, end) = (bytes(1), size.saturating_sub(bytes(2)));
    let places: Vec<u64> = disk.written.now.places(disk.size).into_iter().filter_map(|place| place.checked_sub(start)).collect();
    let regions = if args.get(3).is_some_and(|extent| extent == "full") { vec![(0, size)] } else { spots(size) };
    let mut read = 0;
    for (from, to) in regions {
        let (from, to) = (from.max(head), to.min(end));
        if from >= to {
            continue;
        }
        if let Some(at) = places.iter().find(|place| (from..to).contains(place)) {
            return Zeros { read: read + at - from + 1, first_other: Some(*at) };
        }
        read += to - from;
    }
    Zeros { read, first_other: None }
}

fn spots(size: u64) -> Vec<(u64, u64)> {
    const M: u64 = 1 << 20;
    const G: u64 = 1 << 30;
    let mut regions = vec![(0, 16 * M), (size.saturating_sub(16 * M), size)];
    let copies = [
        64 * M,
        18 * M,
        19 * M,
        20 * M,
        128 * M,
        384 * M,
        640 * M,
        896 * M,
        1152 * M,
        3200 * M,
        3456 * M,
        6272 * M,
        G,
        10 * G,
        100 * G,
        256 * G,
        1000 * G,
    ];
    let spread = (1..128).map(|i| size / 128 * i / 4096 * 4096);
    let all = copies.into_iter().map(|at| (at, at + M)).chain(spread.map(|at| (at, at + 65536)));
    regions.extend(all.filter(|(from, to)| *to > 16 * M && *from < size.saturating_sub(16 * M)));
    regions
}
