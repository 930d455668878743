//! `homelab.longhorn_disk`

mod foretold;
mod place;
#[cfg(test)]
mod runs;
#[cfg(test)]
pub(crate) mod states;
#[cfg(test)]
mod tests;
mod which;
mod wrong;

use serde_json::Value;

use crate::disk::longhorn::LonghornDisk;
use crate::disk::{
    Class, Examined, FINAL_LABEL, Fresh, NEW_LABEL, empty_table, examine, filesystem_uuid, gigabytes, partition_path, partition_uuid,
    stable_name,
};
use crate::modules::halt::{self, Halt, settled};
use crate::modules::outcome::planned;
use crate::modules::{Args, Decision, Formatting, Kind, Module, Opt, Spec, Task, Wrong};
use crate::node::facts::{BlockDevice, BlockDevices, Contents, Extent, MachineId};
use crate::node::steps::{FormatPartition, LabelDisk, NamePartition};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};
use foretold::Made;
use place::{Filesystem, Place};
use which::Which;

/// One disk of a worker, made ready for Longhorn: a table, a filesystem, a line of fstab, a mount.
///
/// What is on it is judged first ([`crate::disk::classify`]); only what is empty, or was begun by this module and never
/// finished, is written to. Each step leaves a state that the next run knows and goes on from.
#[derive(Debug)]
pub struct HomelabLonghornDisk;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("by_id", Kind::Str).about("Name of the disk under /dev/disk/by-id"),
        Opt::new("wwn", Kind::Str).about("World Wide Name of the disk"),
        Opt::new("serial", Kind::Str).about("Serial number of the disk"),
        Opt::new("device", Kind::Str).about("Kernel's name of the disk, which may be another disk's after the next boot"),
        Opt::new("allow_unstable_name", Kind::Bool).default("false").about("Whether `device` is good enough"),
        Opt::new("size", Kind::Str).about("Range that its size lies in, such as `140G..160G`"),
        Opt::new("model", Kind::Str).about("Its model, to the letter"),
        Opt::new("transport", Kind::Str).about("How it is attached: `sata`, `nvme`, `usb` and the like"),
        Opt::new("rotational", Kind::Bool).about("Whether it turns"),
        Opt::new("allow_removable", Kind::Bool).default("false").about("Whether a disk that can be taken out is good enough"),
        Opt::new("mount", Kind::Str).default("/var/lib/longhorn").about("Directory that it is mounted on"),
        Opt::new("fs", Kind::Str).default("ext4").choices(&["ext4", "xfs"]).about("Filesystem that a blank one is given"),
        Opt::new("opts", Kind::Str).default("defaults,nofail").about("Mount options in /etc/fstab"),
        Opt::new("full_scan", Kind::Bool)
            .default("false")
            .about("Whether all of a disk that seems to be blank is read, and not samples of it"),
        Opt::new("guard_mount_point", Kind::Bool)
            .default("true")
            .about("Whether nobody can write to the directory while the disk is missing"),
        Opt::new("name", Kind::Str).about("What Longhorn calls it; the last part of `mount` if not given"),
        Opt::new("allow_scheduling", Kind::Bool).default("true").about("Whether Longhorn puts volumes on it"),
        Opt::new("storage_reserved", Kind::Bytes).default("0").about("How much of it Longhorn leaves alone"),
        Opt::new("tags", Kind::List(&Kind::Str)).about("Longhorn's tags of it"),
    ],
    one_of: &[&["by_id", "wwn", "serial", "device", "size", "model", "transport", "rotational"]],
    exclusive: &[
        &["by_id", "wwn", "serial", "device", "size"],
        &["by_id", "wwn", "serial", "device", "model"],
        &["by_id", "wwn", "serial", "device", "transport"],
        &["by_id", "wwn", "serial", "device", "rotational"],
    ],
    about: "Makes a disk ready for Longhorn, and never writes to one that holds anything",
    notes: &[
        "Only a blank disk, an empty partition table, and what this module began and never finished is ever written to; anything else is refused, and it is said what was found. No option changes that: such a disk is emptied by a person who has looked at it, with `homelabctl disk wipe`.",
        "What is to be formatted is shown, and a person at the terminal is asked once; elsewhere `--yes` says so.",
        "A partition is born with the name homelabctl-new, and is named homelabctl-longhorn once its filesystem was seen to be whole. One with the final name is never formatted, whatever else is found in it. The filesystem's UUID is made of the partition's, so a run that was cut off anywhere is gone on with by the next.",
        "A filesystem that somebody else made is taken over if Longhorn's data are in it: it is mounted, and nothing else.",
        "The directory below the mount cannot be written to (chattr +i), so that Longhorn does not fill the system's disk while its own is missing. That is why `nofail` is among the usual options: a machine boots and can be reached without the disk.",
        "What samples do not see `homelabctl disk explain --full-scan` does; `full_scan: true` reads all of it, and writes its table before anybody else can.",
        "The result has `longhorn_disk`: the disk as Longhorn's annotation node.longhorn.io/default-disks-config names it.",
    ],
    example: "- name: the disk for Longhorn\n  homelab.longhorn_disk:\n    by_id: scsi-0QEMU_QEMU_HARDDISK_lh1\n    mount: /var/lib/longhorn\n",
    ..Spec::new("homelab", "longhorn_disk")
};

impl Module for HomelabLonghornDisk {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn wrong(&self, args: &Args) -> Vec<Wrong> {
        wrong::wrong(args)
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

/// A disk, and all that was asked of it.
struct Job<'a> {
    task: &'a Task<'a>,
    facts: &'a Facts<'a>,
    disk: BlockDevice,
    /// Its name that stays.
    name: String,
    /// The path by which it is named in steps.
    path: String,
    devices: Vec<BlockDevice>,
    examined: Examined,
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    if let Some(Wrong { why, hint, .. }) = wrong::wrong(task.args).into_iter().next() {
        return Err(if hint.is_empty() { Halt::fail(why) } else { Halt::refuse(why, hint) });
    }
    let which = Which::read(task.args)?;
    // asked for before it is known which disk it is, where the name says: one round trip instead of two
    let early = which.path().map(|path| examine(facts, &path, Extent::Sampled)).transpose();
    let looked = halt::both(which.find(facts), early);
    let (place, (disk, early)) = halt::both(Place::look(task, facts), looked)?;
    let name = stable_name(&disk);
    let path = if name.starts_with('/') { name.clone() } else { format!("/dev/disk/by-id/{name}") };
    let examined = match early {
        Some(examined) => examined,
        None => examine(facts, &path, Extent::Sampled)?,
    };
    let devices = facts.get(BlockDevices)?.unwrap_or_default();
    Job { task, facts, disk, name, path: which.path().unwrap_or(path), devices, examined }.plan(place)
}

impl Job<'_> {
    fn plan(self, place: Place<'_>) -> Result<Decision, Halt> {
        let longhorn = self.longhorn(&place.path)?;
        let Some(contents) = self.examined.evidence.as_ref().map(|evidence| evidence.contents.clone()) else {
            return Err(self.refused("is not there any more", false));
        };
        // what a link of udev's leads to and what lsblk names must be the same
        if contents.device.path != self.disk.path {
            let why =
                format!("is not known for certain: its name leads to {}, and lsblk shows it as {}", contents.device.path, self.disk.path);
            return Err(self.refused(&why, false));
        }
        let mut change: Change = Plan::change([]);
        let wanted = self.task.args.str("fs").unwrap_or_default();
        let fs = match (&self.examined.class, contents.partitions.as_slice()) {
            // what is whole already is only named
            (Class::New(Fresh::Formatted), [partition]) => partition.holding.kind.as_deref().unwrap_or(wanted),
            _ => wanted,
        };
        let at = place.path.clone();
        let mut made = None;
        let (kind, uuid, path, at_now) = match self.examined.class.clone() {
            Class::Blank | Class::EmptyTable | Class::New(_) => {
                let (uuid, path, partition) = self.make(&contents, fs, &mut change)?;
                made = Some(Made { uuid: partition, is_there: !contents.partitions.is_empty() });
                (fs.to_owned(), uuid, path, Vec::new())
            }
            Class::OursUnmounted { filesystem, uuid } => (filesystem, uuid, only_partition(&contents), Vec::new()),
            Class::OursMounted { filesystem, uuid, at } => (filesystem, uuid, only_partition(&contents), at),
            Class::HasLonghornData { path, filesystem, uuid, at } => (filesystem, uuid, path, at),
            class => return Err(self.refused_as(&class)),
        };
        if !at_now.is_empty() && place.mounted.as_ref().is_none_or(|mounted| mounted.source != path) {
            return Err(self.refused(&format!("is mounted on {}, and not on {at}", at_now.join(", ")), false));
        }
        place.is_free_for(&path)?;
        self.nobody_else_is(&uuid, &path)?;
        let formatting = self.examined.class.may_be_formatted().then(|| Formatting {
            disk: self.name.clone(),
            model: self.disk.model.clone().unwrap_or_default(),
            serial: self.disk.serial.clone().unwrap_or_default(),
            size: gigabytes(self.disk.size),
            holds: self.examined.class.to_string(),
            becomes: format!("{kind} on {at}"),
        });
        let is_mounted = place.mounted.is_some();
        let filesystem = Filesystem { kind: &kind, uuid: &uuid, path: &path };
        place.mount(&filesystem, &self.devices, &mut change)?;
        if made.is_some() || !is_mounted {
            let then = foretold::devices(&self.devices, &self.disk, &filesystem, made.as_ref(), &at);
            change.expect.push(Expect::is(&BlockDevices, &then).loosely());
        }
        if !is_mounted {
            let what = format!("disk {} ({})", self.name, gigabytes(self.disk.size));
            let before = self.examined.class.to_string();
            change = change.differs(what, Some(before), Some(format!("{kind} on {at}")));
            // what happens to the disk before what happens to fstab
            change.diff.rotate_right(1);
        }
        let mut decision = planned(change);
        decision.formatting = formatting;
        if kind != wanted {
            decision = decision.warns(format!("disk {} is {kind} already, and stays so", self.name));
        }
        Ok(decision
            .with("disk", self.name)
            .with("filesystem", kind)
            .with("uuid", uuid)
            .with("mount", at)
            .with("class", self.examined.class.to_string())
            .with("longhorn_disk", serde_json::to_value(longhorn).unwrap_or(Value::Null)))
    }

    /// The steps that are left until there is a filesystem with its final label; its UUID, and the path and UUID of its partition.
    fn make(&self, contents: &Contents, fs: &str, change: &mut Change) -> Result<(String, String, String), Halt> {
        let disk = || self.path.clone();
        let (partition_uuid, path) = match contents.partitions.as_slice() {
            [partition] => (partition.entry.uuid.clone().unwrap_or_default(), partition.holding.path.clone()),
            _ => {
                let machine = self.facts.get(MachineId)?;
                let Some(machine) = machine.filter(|machine| !machine.is_empty()) else {
                    return Err(Halt::fail("the machine has no id (/etc/machine-id): it has not ended its first boot"));
                };
                (partition_uuid(&machine, &self.name), partition_path(&self.disk.path, 1))
            }
        };
        let twin = |device: &&BlockDevice| device.path != path && device.partition_uuid.as_deref() == Some(&*partition_uuid);
        if let Some(twin) = self.devices.iter().find(twin) {
            let why = format!("would get a partition with the UUID {partition_uuid}, and {} has it", twin.path);
            return Err(self.refused(&why, false));
        }
        let uuid = filesystem_uuid(&partition_uuid);
        if matches!(self.examined.class, Class::Blank | Class::EmptyTable) {
            change.steps.push(
                LabelDisk {
                    disk: disk(),
                    partition_uuid: partition_uuid.clone(),
                    name: NEW_LABEL.into(),
                    size: contents.device.size,
                    sector: contents.device.sector,
                    table: empty_table(&contents.device),
                    full_scan: self.task.args.is("full_scan"),
                }
                .into(),
            );
        }
        if self.examined.class != Class::New(Fresh::Formatted) {
            let (name, filesystem) = (NEW_LABEL.to_owned(), fs.to_owned());
            change.steps.push(
                FormatPartition { disk: disk(), partition_uuid: partition_uuid.clone(), name, filesystem, uuid: uuid.clone() }.into(),
            );
        }
        let (from, to) = (NEW_LABEL.to_owned(), FINAL_LABEL.to_owned());
        let step = NamePartition { disk: disk(), partition_uuid: partition_uuid.clone(), from, to, uuid: uuid.clone() };
        change.steps.push(step.into());
        Ok((uuid, path, partition_uuid))
    }

    /// fstab names a filesystem by its UUID, so no other may have it.
    fn nobody_else_is(&self, uuid: &str, path: &str) -> Result<(), Halt> {
        let twin =
            |device: &&BlockDevice| device.path != path && device.uuid.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(uuid));
        match self.devices.iter().find(twin) {
            None => Ok(()),
            Some(twin) => Err(self
                .refused(&format!("has a filesystem with the UUID {uuid}, and so has {}: one is a copy of the other", twin.path), false)),
        }
    }

    fn longhorn(&self, path: &str) -> Result<LonghornDisk, Halt> {
        let args = self.task.args;
        let last = path.rsplit('/').next().unwrap_or_default();
        let disk = LonghornDisk {
            name: args.str("name").unwrap_or(last).to_owned(),
            path: path.to_owned(),
            allow_scheduling: args.is("allow_scheduling"),
            storage_reserved: args.int("storage_reserved").and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
            tags: args.list("tags").unwrap_or_default().into_iter().map(str::to_owned).collect(),
        };
        match disk.problem(self.disk.size) {
            None => Ok(disk),
            Some(problem) => Err(Halt::fail(format!("Longhorn would not take the disk: {problem}"))),
        }
    }

    fn refused_as(&self, class: &Class) -> Halt {
        match class {
            Class::Foreign(what) if self.disk.read_only => self.refused(&format!("cannot be written to: {what}"), false),
            Class::Foreign(what) => self.refused(&format!("is not blank: it holds {what}"), true),
            // a run that was cut off may have written a table that the kernel has not read yet
            Class::Unreadable(why) => {
                let reads = format!("\nto have its table read again: blockdev --rereadpt {}", self.disk.path);
                self.refused_with(&format!("cannot be judged: {why}"), true, &reads)
            }
            Class::UnknownData { at } => self.refused(&format!("is not blank: at byte {at} it holds data of no known format"), true),
            Class::NewPhysicalVolume | Class::NewVolumeGroup(_) => self.refused(&format!("is not blank: it is {class}"), true),
            Class::System(places) => self.refused(&format!("is the system's: {} on it", are(places)), false),
            Class::OursDamaged(what) => self.refused(&format!("is damaged, and may hold Longhorn's data: {what}"), true),
            Class::BlankPartition | Class::Missing => self.refused("is no disk", false),
            other => self.refused(&format!("is not blank: {other}"), true),
        }
    }

    fn refused(&self, why: &str, can_be_wiped: bool) -> Halt {
        self.refused_with(why, can_be_wiped, "")
    }

    fn refused_with(&self, why: &str, can_be_wiped: bool, more: &str) -> Halt {
        let (host, name) = (&self.facts.scope().host, &self.name);
        let mut hint = format!("to see all that was found:  homelabctl disk explain {host} {name}");
        if can_be_wiped && self.examined.is_for_wiping() {
            hint.push_str(&format!("\nto use it all the same:     homelabctl disk wipe {host} {name}"));
        }
        hint.push_str(more);
        Halt::refuse(format!("disk {name} on {host} {why}; nothing was written to it"), hint)
    }
}

fn are(places: &[String]) -> String {
    format!("{} {}", places.join(", "), if places.len() == 1 { "is" } else { "are" })
}

/// The kernel's path of the one partition that a disk of ours has.
fn only_partition(contents: &Contents) -> String {
    contents.partitions.first().map(|partition| partition.holding.path.clone()).unwrap_or_default()
}
