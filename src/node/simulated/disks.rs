//! Disks in memory, at the level at which facts see them.

use super::disk_audit::{DiskWrite, told, why_wrong};
use super::disk_content::{Content, Held, Slot, Table, Unit, Written};
use super::world::{Stop, World};
use crate::node::disk_naming::partition_path;
use crate::node::facts::LvmState;

/// A disk, built before anything happens.
#[derive(Debug, Clone)]
pub struct SimulatedDisk {
    /// The kernel's name, which another boot may give another disk.
    pub name: String,
    /// Its names under /dev/disk/by-id.
    pub by_id: Vec<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its World Wide Name.
    pub wwn: Option<String>,
    /// How it is attached.
    pub transport: Option<String>,
    /// In bytes.
    pub size: u64,
    /// It cannot be written to.
    pub read_only: bool,
    /// It can be taken out.
    pub removable: bool,
    /// It turns.
    pub rotational: bool,
    /// It is not there.
    pub is_gone: bool,
    /// It cannot be read.
    pub fails: bool,
    /// What stands on it: on which partition or, with 0, on the disk itself, and its name.
    pub stacked: Vec<(u32, String)>,
    /// Mounts that the machine's tree does not have: of which partition, where, and whether in another namespace.
    pub mounted: Vec<(u32, String, bool)>,
    /// Which partitions are swap; 0 is the disk itself.
    pub swap: Vec<u32>,
    /// What LVM says of it.
    pub lvm: Option<LvmState>,
    pub(super) written: Written,
    /// The partitions as the kernel has read them.
    pub(super) known: Vec<Slot>,
}

impl SimulatedDisk {
    /// A disk of zeros; its serial number is its name for udev too.
    pub fn new(name: &str, serial: &str, mebibytes: u64) -> Self {
        Self {
            name: name.into(),
            by_id: vec![format!("scsi-0QEMU_QEMU_HARDDISK_{serial}")],
            serial: Some(serial.into()),
            model: Some("QEMU HARDDISK".into()),
            wwn: None,
            transport: Some("sata".into()),
            size: mebibytes << 20,
            read_only: false,
            removable: false,
            rotational: false,
            is_gone: false,
            fails: false,
            stacked: Vec::new(),
            mounted: Vec::new(),
            swap: Vec::new(),
            lvm: None,
            written: Written::default(),
            known: Vec::new(),
        }
    }

    /// With that on the disk itself.
    #[must_use]
    pub fn holding(self, held: Held) -> Self {
        self.with(|content| content.device = held)
    }

    /// With a GPT, or an MBR, and those partitions one after the other: UUID, name, what each holds.
    #[must_use]
    pub fn with_table(self, is_gpt: bool, partitions: Vec<(String, String, Held)>) -> Self {
        let end = end_of_partitions(self.size);
        let each = (end - FIRST) / (partitions.len().max(1) as u64) / FIRST * FIRST;
        let mut table = Table { is_gpt, slots: Vec::new() };
        let mut areas = Vec::new();
        for (number, (uuid, name, held)) in (1u32..).zip(partitions) {
            let start = FIRST + u64::from(number - 1) * each;
            table.slots.push(Slot { number, start, size: each, uuid, name });
            areas.push((start, held));
        }
        self.with(|content| {
            (content.backup_entries, content.backup_header) =
                if is_gpt { (Some(table.clone()), Some(table.clone())) } else { (None, None) };
            content.primary = Some(table);
            content.areas.extend(areas);
        })
    }

    /// Without the second copy of its table.
    #[must_use]
    pub fn without_backup(self) -> Self {
        self.with(|content| content.backup_header = None)
    }

    fn with(mut self, change: impl FnOnce(&mut Content)) -> Self {
        let mut content = self.written.now.clone();
        change(&mut content);
        self.known = content.slots().to_vec();
        self.written = Written::new(content);
        self
    }

    /// The kernel's path of the disk, or of a partition.
    pub(super) fn path(&self, number: u32) -> String {
        let disk = format!("/dev/{}", self.name);
        if number == 0 { disk } else { partition_path(&disk, number) }
    }

    /// Which partition that path leads to, or the disk itself.
    fn leads(&self, path: &str) -> Option<u32> {
        let mut numbers = std::iter::once(0).chain(self.known.iter().map(|slot| slot.number));
        let id = path.strip_prefix("/dev/disk/by-id/");
        numbers.find(|number| {
            let end = if *number == 0 { String::new() } else { format!("-part{number}") };
            self.path(*number) == path || id.is_some_and(|id| self.by_id.iter().any(|known| format!("{known}{end}") == id))
        })
    }

    /// Where a partition that the kernel knows begins, and its length; of the disk itself, too.
    pub(super) fn extent(&self, number: u32) -> (u64, u64) {
        let slot = self.known.iter().find(|slot| slot.number == number);
        slot.map_or((0, self.size), |slot| (slot.start, slot.size))
    }

    pub(super) fn held(&self, number: u32) -> Held {
        self.written.now.at(self.extent(number).0).cloned().unwrap_or_default()
    }

    /// Serial number, for messages.
    pub(super) fn told(&self) -> String {
        self.serial.clone().unwrap_or_else(|| self.name.clone())
    }
}

/// Bytes of a logical sector.
pub(super) const SECTOR: u32 = 512;

/// Where a first partition begins.
pub(super) const FIRST: u64 = 1 << 20;

/// Where the last one ends: at a whole MiB before the second copy of a GPT.
pub(super) fn end_of_partitions(size: u64) -> u64 {
    size.saturating_sub(33 * 512) / FIRST * FIRST
}

impl World {
    /// Adds a disk, before anything happens.
    pub fn add_disk(&mut self, disk: SimulatedDisk) {
        self.disks.push(disk);
    }

    /// The disk with that serial number.
    pub fn disk(&mut self, serial: &str) -> Option<&mut SimulatedDisk> {
        self.disks.iter_mut().find(|disk| disk.serial.as_deref() == Some(serial))
    }

    /// The machine's id, which the disks' UUIDs are made of, before anything happens.
    pub fn set_machine_id(&mut self, id: &str) {
        self.machine_id = Some(id.into());
    }

    /// The disk of that index ignores flushes: what is written to it from now on may be lost with the power, synced or not.
    pub fn disk_forgets(&mut self, index: usize) {
        if let Some(disk) = self.disks.get_mut(index) {
            disk.written.will_forget();
        }
    }

    /// How often the power went while something that was written to a disk was not synced.
    pub fn torn(&self) -> u32 {
        self.torn
    }

    /// The steps no longer look at what they write over: what is left is what the plans do.
    pub fn steps_are_blind(&mut self) {
        self.blind_steps = true;
    }

    /// All writes to disks, in order.
    pub fn disk_writes(&self) -> &[DiskWrite] {
        &self.disk_writes
    }

    /// What was written where something was that is neither empty nor ours and unfinished.
    pub fn wrongly_written(&self) -> Vec<String> {
        let told = |write: &DiskWrite| Some(format!("{}: {} over {}: {}", write.disk, write.what, write.before, write.wrong.as_ref()?));
        self.disk_writes.iter().filter_map(told).collect()
    }

    /// The disk and the partition that a path leads to; 0 is the disk itself.
    pub(super) fn device(&self, path: &str) -> Option<(usize, u32)> {
        let mut disks = self.disks.iter().enumerate().filter(|(_, disk)| !disk.is_gone);
        disks.find_map(|(index, disk)| disk.leads(path).map(|number| (index, number)))
    }

    /// The kernel's path of the device that a path leads to.
    pub(super) fn device_path(&self, path: &str) -> Option<String> {
        let (index, number) = self.device(path)?;
        self.disks.get(index).map(|disk| disk.path(number))
    }

    /// The device that a source as fstab has it leads to.
    pub(super) fn device_of(&self, source: &str) -> Option<(usize, u32)> {
        let Some((tag, value)) = source.split_once('=') else { return self.device(source) };
        let disks = self.disks.iter().enumerate().filter(|(_, disk)| !disk.is_gone);
        let mut devices = disks.flat_map(|(index, disk)| {
            std::iter::once((index, 0, disk, None)).chain(disk.known.iter().map(move |slot| (index, slot.number, disk, Some(slot))))
        });
        let is = |value: &str, other: Option<&str>| other.is_some_and(|other| other.eq_ignore_ascii_case(value));
        devices.find_map(|(index, number, disk, slot)| {
            let fits = match tag {
                "UUID" => is(value, disk.held(number).uuid.as_deref()),
                "LABEL" => is(value, disk.held(number).label.as_deref()),
                "PARTUUID" => is(value, slot.map(|slot| slot.uuid.as_str())),
                "PARTLABEL" => is(value, slot.map(|slot| slot.name.as_str())),
                _ => false,
            };
            fits.then_some((index, number))
        })
    }

    /// Who uses a disk or anything on it.
    pub(super) fn user_of(&self, index: usize) -> Option<String> {
        let disk = self.disks.get(index)?;
        let numbers = || std::iter::once(0).chain(disk.known.iter().map(|slot| slot.number));
        let in_tree = || self.files.mounts.iter().find(|mounted| numbers().any(|number| disk.path(number) == mounted.source));
        let mounted = in_tree().map(|mounted| format!("mounted on {}", mounted.path));
        let elsewhere = || disk.mounted.first().map(|(_, target, _)| format!("mounted on {target}"));
        let stacked = || disk.stacked.first().map(|(_, name)| format!("{name} stands on it"));
        mounted.or_else(elsewhere).or_else(stacked).or_else(|| (!disk.swap.is_empty()).then(|| "it is swap".into()))
    }

    /// A step has a disk for itself: nobody else mounts, formats or takes it until it ends.
    pub(super) fn hold_disk(&mut self, index: usize) {
        self.held = self.disks.get(index).map(|disk| (index, disk.written.now.clone(), self.user_of(index)));
    }

    /// Writes, and notes what was there when the step began.
    pub(super) fn write_disk(&mut self, index: usize, unit: Unit) -> Result<(), Stop> {
        let in_use = self.user_of(index);
        let Some(disk) = self.disks.get_mut(index).filter(|disk| !disk.is_gone) else {
            return Err("No such device or address".to_owned().into());
        };
        if disk.read_only || disk.fails {
            return Err(format!(
                "cannot open {}: {}",
                disk.path(0),
                if disk.fails { "Input/output error" } else { "Read-only file system" }
            )
            .into());
        }
        let (before, user) = match &self.held {
            Some((held, before, user)) if *held == index => (before.clone(), user.clone()),
            _ => (disk.written.now.clone(), in_use),
        };
        let write =
            DiskWrite { disk: disk.told(), what: format!("{unit:.60?}"), before: told(&before), wrong: why_wrong(&before, &unit, user) };
        self.disk_writes.push(write);
        disk.written.write(unit);
        Ok(())
    }
}
