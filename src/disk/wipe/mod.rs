//! Emptying a disk, whatever it holds: the one thing that writes over what somebody else may have put there.
//!
//! No playbook does it. A person names one disk, has seen what is on it, and types its serial number back. What is in use stays
//! as it is in any case, and so does what cannot be read well enough to say that it is not.

mod refuse;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::class::{Class, Fresh};
use super::examine::{Examined, examine_each};
use super::name::{by_any_name, stable_name, stable_path};
use crate::node::disk_naming::{NEW_LABEL, partition_uuid};
use crate::node::facts::{
    BlockDevice, BlockDevices, Contents, DeviceContents, DeviceUse, ExclusiveOpen, Extent, GroupState, Holding, LvmGroup, MachineId,
};
use crate::node::steps::{LabelDisk, WipeDisk};
use crate::node::{Change, Plan};
use crate::plan::{Facts, Reading, Refusal, Stop};
use refuse::Seen;

/// How much of a disk is emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Thorough {
    /// Every byte; it ends in [`Class::Blank`].
    Whole,
    /// Its ends and all signatures; it gets our table, and ends in [`Class::New`].
    Quick,
}

/// A disk that may be emptied, as it was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Wipe {
    /// The disk.
    pub disk: BlockDevice,
    /// Its name that stays.
    pub name: String,
    /// The path by which it is named in steps.
    pub path: String,
    /// What is typed back: its serial number, or where it has none its World Wide Name.
    pub serial: String,
    /// All that was seen of it.
    pub examined: Examined,
    contents: Contents,
    thorough: Thorough,
    /// The UUID of the partition that it gets.
    partition: Option<String>,
}

/// The physical volumes on a disk, by their paths, and the groups that they are in; or why that is not known.
type Groups = Vec<(String, Result<Option<GroupState>, String>)>;

/// The disk of that name, and its path in steps: enough to ask for a wipe of it that was begun.
///
/// # Errors
/// [`Stop::Need`]; [`Stop::Unknown`] where the machine's disks cannot be read.
pub fn find(facts: &Facts<'_>, named: &str) -> Result<Result<(BlockDevice, String), Refusal>, Stop> {
    let host = &facts.scope().host;
    let devices = facts.get(BlockDevices)?.unwrap_or_default();
    Ok(match by_any_name(&devices, named) {
        Ok(disk) => Ok((disk.clone(), stable_path(disk))),
        Err(why) => Err(Refusal {
            why: format!("disk {named} on {host}: {why}"),
            hint: Some(format!("the disks and their names:  homelabctl disk list {host}")),
        }),
    })
}

/// Whether the disk of that name may be emptied.
///
/// # Errors
/// [`Stop::Need`] for what has to be read first; [`Stop::Unknown`] where it cannot be read who uses it.
pub fn look(facts: &Facts<'_>, named: &str, thorough: Thorough) -> Result<Result<Wipe, Refusal>, Stop> {
    let (disk, path) = match find(facts, named)? {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let (host, name) = (&facts.scope().host, stable_name(&disk));
    let asked = (DeviceContents::new(&path), DeviceUse::new(&path), ExclusiveOpen::new(&path));
    let (Some(contents), Some(uses), Some(open)) = facts.get(asked)? else {
        return Ok(Err(refuse::refusal(host, &name, "is not there any more", None)));
    };
    let groups = groups(facts, &contents)?;
    // what of its contents cannot be read is not in the way, as long as it is known who uses it
    let examined = examine_each(facts, &[&path], Extent::Sampled)?.into_iter().next();
    let Some(examined) = examined else { return Ok(Err(refuse::refusal(host, &name, "is not there any more", None))) };
    let seen = Seen { host, name: &name, disk: &disk, contents: &contents, uses: &uses, open, groups: &groups };
    let serial = match seen.may_be_wiped() {
        Ok(serial) => serial.to_owned(),
        Err(refusal) => return Ok(Err(refusal)),
    };
    let partition = match thorough {
        Thorough::Whole => None,
        Thorough::Quick => match facts.get(MachineId)?.filter(|machine| !machine.is_empty()) {
            Some(machine) => Some(partition_uuid(&machine, &name)),
            None => {
                let why = "cannot get a partition: the machine has no id (/etc/machine-id), it has not ended its first boot";
                return Ok(Err(refuse::refusal(host, &name, why, None)));
            }
        },
    };
    let devices = facts.get(BlockDevices)?.unwrap_or_default();
    let twin = |device: &&BlockDevice| partition.is_some() && device.partition_uuid == partition && !device.parents.contains(&disk.path);
    if let Some(twin) = devices.iter().find(twin) {
        let why = format!("would get a partition with the UUID of {}", twin.path);
        return Ok(Err(refuse::refusal(host, &name, &why, None)));
    }
    Ok(Ok(Wipe { disk, name, path, serial, examined, contents, thorough, partition }))
}

fn groups(facts: &Facts<'_>, contents: &Contents) -> Result<Groups, Stop> {
    let is_volume = |holding: &&Holding| {
        holding.kind.iter().chain(holding.signatures.iter().map(|found| &found.kind)).any(|kind| kind == "LVM2_member")
    };
    let holdings = std::iter::once(&contents.device).chain(contents.partitions.iter().map(|partition| &partition.holding));
    let paths: Vec<&str> = holdings.filter(is_volume).map(|holding| holding.path.as_str()).collect();
    // all that is missing at once
    if let Err(Stop::Need(need)) = facts.get(paths.iter().map(|path| LvmGroup::new(*path)).collect::<Vec<_>>()) {
        return Err(Stop::Need(need));
    }
    let mut groups = Vec::new();
    for path in paths {
        let fact = LvmGroup::new(path);
        let group = match facts.reading(&fact)? {
            Reading::Unknown { why, .. } => Err(why),
            Reading::Present(_) | Reading::Absent => Ok(facts.get(fact)?),
        };
        groups.push((path.to_owned(), group));
    }
    Ok(groups)
}

impl Wipe {
    /// What is done to it.
    pub fn change(&self) -> Change {
        let whole = self.thorough == Thorough::Whole;
        let wipe = WipeDisk { disk: self.path.clone(), serial: self.serial.clone(), size: self.disk.size, seen: self.signatures(), whole };
        let mut change: Change = Plan::change([wipe.into()]);
        if let Some(partition) = &self.partition {
            let (disk, name) = (self.path.clone(), NEW_LABEL.to_owned());
            let (sector, size) = (self.contents.device.sector, self.contents.device.size);
            let (partition_uuid, table) = (partition.clone(), (0, 0));
            change.steps.push(LabelDisk { disk, sector, size, partition_uuid, name, table, full_scan: false }.into());
        }
        change
    }

    /// All signatures on it and its partitions, as the step reads them again before it writes.
    fn signatures(&self) -> String {
        let holdings = std::iter::once(&self.contents.device).chain(self.contents.partitions.iter().map(|partition| &partition.holding));
        let each = holdings
            .flat_map(|holding| holding.signatures.iter().map(|found| format!("{} {:#x} {}\n", holding.path, found.offset, found.kind)));
        let mut lines: Vec<String> = each.collect();
        lines.sort();
        lines.concat()
    }

    /// The names by which a line of fstab means something on it.
    pub fn names_in_fstab(&self) -> Vec<String> {
        let named = |key: &str, value: Option<&String>| value.map(|value| format!("{key}={value}"));
        let of = |holding: &Holding| [named("UUID", holding.uuid.as_ref()), named("LABEL", holding.label.as_ref())];
        let of_parts = self.contents.partitions.iter().flat_map(|partition| {
            let entry = [named("PARTUUID", partition.entry.uuid.as_ref()), named("PARTLABEL", partition.entry.name.as_ref())];
            of(&partition.holding).into_iter().chain(entry)
        });
        of(&self.contents.device).into_iter().chain(of_parts).flatten().collect()
    }

    /// Whether it is still what a person was shown.
    pub fn is_still(&self, shown: &Self) -> bool {
        let same = |wipe: &Self| (wipe.disk.size, wipe.serial.clone(), wipe.path.clone(), wipe.examined.class.clone(), wipe.signatures());
        same(self) == same(shown)
    }

    /// Whether a disk that is that has become what was wanted.
    pub fn is_done(&self, class: &Class) -> bool {
        match self.thorough {
            Thorough::Whole => *class == Class::Blank,
            Thorough::Quick => *class == Class::New(Fresh::Unformatted),
        }
    }
}
