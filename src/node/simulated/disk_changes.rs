//! What others do to a simulated machine's disks: people, programs, the next boot.

use super::disk_content::{Held, Slot, Table};
use super::disks::{FIRST, SimulatedDisk, end_of_partitions};
use super::world::World;
use crate::node::facts::Soundness;

/// Something that somebody else does to a disk at a random moment; what uses a disk keeps others from it, as on real machines.
#[derive(Debug, Clone, PartialEq)]
pub enum DiskChange {
    /// Bytes of no known format, there.
    Data(u64),
    /// A filesystem on the whole disk: its type, its UUID, what is in it.
    Filesystem(Held),
    /// A table with one partition: its UUID and name, what is in it.
    Partition(String, String, Held),
    /// What is in the first partition: mounted in another namespace.
    MountedElsewhere,
    /// What is in the first partition is damaged.
    Damaged,
    /// The superblock in the first partition is overwritten.
    Overwritten,
    /// A logical volume or the like stands on the disk.
    Taken,
    /// It is pulled out; the next boot may find it again.
    Gone,
    /// It can no longer be written to.
    ReadOnly,
    /// It can no longer be read.
    Fails,
}

impl World {
    /// That happens to the disk of that index before so many micro-actions from now, or as soon as no step holds it.
    pub fn will_change(&mut self, after: u64, disk: usize, change: DiskChange) {
        self.disk_change = Some((after, disk, change));
    }

    /// Whether what was to happen to a disk has happened.
    pub fn has_changed(&self) -> bool {
        self.disk_change.is_none()
    }

    pub(super) fn maybe_change_disk(&mut self) {
        let Some((after, index, change)) = self.disk_change.take() else { return };
        let is_held = self.held.as_ref().is_some_and(|(held, ..)| *held == index);
        if after > 0 || is_held {
            self.disk_change = Some((after.saturating_sub(1), index, change));
        } else {
            self.change_disk(index, change);
        }
    }

    fn change_disk(&mut self, index: usize, change: DiskChange) {
        let in_use = self.user_of(index).is_some();
        let Some(disk) = self.disks.get_mut(index) else { return };
        let first = disk.known.first().map(|slot| slot.start);
        match change {
            DiskChange::Gone => disk.is_gone = true,
            DiskChange::ReadOnly => disk.read_only = true,
            DiskChange::Fails => disk.fails = true,
            _ if in_use || disk.is_gone => {}
            DiskChange::Data(at) => disk.written.change(|content| {
                // what is written into a table breaks it
                let table = content.primary.as_ref().map(|table| if table.is_gpt { 34 * 512 } else { 512 });
                content.primary = content.primary.take().filter(|_| first.is_some() || table.is_none_or(|end| at >= end));
                content.at_mut(first.unwrap_or(0)).data.push(at);
            }),
            DiskChange::Filesystem(held) => {
                disk.written.change(|content| *content = super::disk_content::Content { device: held, ..Default::default() });
                disk.known.clear();
            }
            DiskChange::Partition(uuid, name, held) => {
                let slot = Slot { number: 1, start: FIRST, size: end_of_partitions(disk.size).saturating_sub(FIRST), uuid, name };
                let table = Table { is_gpt: true, slots: vec![slot] };
                disk.written.change(|content| {
                    *content = super::disk_content::Content::default();
                    (content.backup_entries, content.backup_header) = (Some(table.clone()), Some(table.clone()));
                    content.areas.insert(FIRST, held);
                    content.primary = Some(table);
                });
                disk.known = disk.written.now.slots().to_vec();
            }
            DiskChange::MountedElsewhere => {
                if let Some(number) = disk.known.first().map(|slot| slot.number)
                    && disk.held(number).kind.is_some()
                {
                    disk.mounted.push((number, "/mnt".into(), true));
                }
            }
            DiskChange::Damaged | DiskChange::Overwritten => {
                let Some(start) = first else { return };
                disk.written.change(|content| {
                    let held = content.at_mut(start);
                    if change == DiskChange::Overwritten {
                        *held = Held { data: vec![0], ..Held::default() };
                    } else if held.soundness.is_some() {
                        held.soundness = Some(Soundness::Damaged);
                    }
                });
            }
            DiskChange::Taken => disk.stacked.push((0, "dm-7".into())),
        }
    }

    /// The power goes: what was not synced may be lost, and another disk may have a name at the next boot.
    pub(super) fn crash_disks(&mut self) {
        self.held = None;
        let mut names: Vec<String> = self.disks.iter().map(|disk| disk.name.clone()).collect();
        if self.random.once_in(2) {
            for last in (1..names.len()).rev() {
                names.swap(last, self.random.below(last + 1));
            }
        }
        self.torn += u32::from(self.disks.iter().any(|disk| disk.written.is_torn()));
        for (disk, name) in self.disks.iter_mut().zip(names) {
            disk.written.crash(&mut self.random);
            disk.name = name;
            disk.known = disk.written.now.slots().to_vec();
            disk.mounted.retain(|(_, _, elsewhere)| !elsewhere);
            if disk.is_gone {
                disk.is_gone = self.random.once_in(2);
            }
        }
    }

    /// Mounts what fstab names and what is there, as a boot does.
    pub fn mount_what_fstab_says(&mut self) {
        let Some(text) = self.content("/etc/fstab") else { return };
        for line in String::from_utf8_lossy(&text).lines().filter(|line| !line.trim_start().starts_with('#')) {
            let mut fields = line.split_whitespace();
            let (Some(source), Some(target), Some(kind)) = (fields.next(), fields.next(), fields.next()) else { continue };
            if let Some(path) = self.mountable(source, kind) {
                let options = self.mounted_options(&path, fields.next().unwrap_or_default());
                let _ = self.files.mount(target, &path, kind, &options, None);
            }
        }
    }

    /// The kernel's path of what can be mounted by that name as that type.
    pub(super) fn mountable(&self, source: &str, kind: &str) -> Option<String> {
        let (index, number) = self.device_of(source)?;
        let disk: &SimulatedDisk = self.disks.get(index)?;
        let held = disk.held(number);
        let is_it = held.kind.as_deref() == Some(kind) && held.soundness != Some(Soundness::Unfinished);
        let is_taken = disk.stacked.iter().any(|(on, _)| *on == number || *on == 0);
        (is_it && !disk.fails && !is_taken).then(|| disk.path(number))
    }

    /// Options of a device's mount as the kernel shows them.
    pub(super) fn mounted_options(&self, device: &str, options: &str) -> String {
        let has = |name: &str| options.split(',').any(|option| option == name);
        let is_protected = self.device(device).and_then(|(index, _)| self.disks.get(index)).is_some_and(|disk| disk.read_only);
        let mut shown = vec![if has("ro") || is_protected { "ro" } else { "rw" }];
        shown.extend(["nosuid", "nodev", "noexec"].into_iter().filter(|name| has(name)));
        shown.push(if has("noatime") { "noatime" } else { "relatime" });
        shown.join(",")
    }
}
