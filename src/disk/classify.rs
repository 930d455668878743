//! The judgement: from what was seen of a disk or a partition to what it is.

use super::class::{Class, Fresh};
use super::evidence::{Evidence, Lvm, Wanted};
use crate::node::disk_naming::{FINAL_LABEL, NEW_LABEL, filesystem_uuid};
use crate::node::facts::{Contents, Holding, Layer, LvmState, Partition, Soundness, Uses};

/// Where a system lives.
const SYSTEM: [&str; 7] = ["/", "/boot", "/boot/efi", "/efi", "/usr", "/var", "/etc"];
/// What Longhorn writes into the root of a disk of its own.
const LONGHORN: [&str; 2] = ["longhorn-disk.cfg", "replicas"];
/// What a disk may be formatted with.
const FILESYSTEMS: [&str; 2] = ["ext4", "xfs"];

/// What it is: a disk with all its partitions, or a partition that is looked at alone.
///
/// # Errors
/// What has to be read first.
pub fn classify(evidence: &Evidence) -> Result<Class, Wanted> {
    let class = judge(evidence)?;
    let is_to_be_written = class.may_be_formatted() || class == Class::New(Fresh::Formatted);
    Ok(if evidence.uses.read_only && is_to_be_written { Class::Foreign(format!("{class}, and read-only")) } else { class })
}

fn judge(evidence: &Evidence) -> Result<Class, Wanted> {
    if let Some(class) = system(&evidence.uses) {
        return Ok(class);
    }
    if let Some(begun) = evidence.begun.as_ref().filter(|_| evidence.contents.is_disk()) {
        // whatever else it seems to hold is what the wipe has not come to yet
        return Ok(users(evidence).unwrap_or(Class::HalfWiped { done: begun.done }));
    }
    let device = &evidence.contents.device;
    if let Some(class) = unread_table(evidence) {
        return Ok(class);
    }
    if let [partition] = evidence.contents.partitions.as_slice()
        && let Some(label) = our_label(partition)
        && has_gpt_alone(device)
    {
        return ours(evidence, partition, label);
    }
    if !evidence.uses.swaps.is_empty() {
        return Ok(Class::Busy(format!("{} is swap", evidence.uses.swaps.join(", "))));
    }
    if let Some(partition) = only_filesystem(evidence) {
        return of_longhorn(evidence, partition);
    }
    if is_physical_volume(device) {
        return lvm(evidence);
    }
    if let Some(class) = users(evidence) {
        return Ok(class);
    }
    // an extended partition of an MBR has a table of its own, with others' partitions behind it
    if !evidence.contents.is_disk() && device.table.is_some() {
        return Ok(Class::Foreign(format!("a partition with a partition table in it ({})", table_of(device))));
    }
    if !evidence.contents.partitions.is_empty() {
        return Ok(Class::Foreign(table_with_partitions(device, &evidence.contents.partitions)));
    }
    // looked at alone it is ours as well: it held a filesystem, whatever is left of it
    if evidence.contents.entry.as_ref().and_then(|entry| entry.name.as_deref()) == Some(FINAL_LABEL) {
        return Ok(Class::OursDamaged(format!("the partition {} is named {FINAL_LABEL}, and holds no filesystem", device.path)));
    }
    if device.signatures.is_empty() && device.kind.is_none() && device.table.is_none() && !device.is_ambiguous {
        let is_partition = !evidence.contents.is_disk();
        return zeros(evidence, 0, 0, if is_partition { Class::BlankPartition } else { Class::Blank });
    }
    match empty_table(device) {
        (0, 0) => Ok(Class::Foreign(found_on(device))),
        (head, tail) => zeros(evidence, head, tail, Class::EmptyTable),
    }
}

/// How many bytes a partition table without entries takes at the head and at the end of a device that has one alone; nothing where it
/// has none.
pub fn empty_table(device: &Holding) -> (u64, u64) {
    let sector = u64::from(device.sector);
    if has_whole_gpt_alone(device) {
        // the protective MBR and a header at its head, a header at its end. The entries must be zeros, too: the second copy's are
        // read by nobody as long as the first one is whole, and may name a partition that the first one no longer has
        return (2 * sector, sector);
    }
    if has_dos_alone(device) { (sector, 0) } else { (0, 0) }
}

pub(super) fn system(uses: &Uses) -> Option<Class> {
    let mut places: Vec<String> = Vec::new();
    for mount in &uses.mounts {
        if SYSTEM.contains(&mount.target.as_str()) && !mount.elsewhere && !places.contains(&mount.target) {
            places.push(mount.target.clone());
        }
    }
    (!places.is_empty()).then_some(Class::System(places))
}

/// A table that the kernel has not read is not what is believed to be there.
fn unread_table(evidence: &Evidence) -> Option<Class> {
    let known: Vec<u32> = evidence.contents.partitions.iter().map(|partition| partition.number).collect();
    let mut table = evidence.contents.table.clone();
    table.sort_unstable();
    (known != table && evidence.contents.is_disk()).then(|| {
        let list = |numbers: &[u32]| match numbers {
            [] => "none".to_owned(),
            some => some.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
        };
        let (table, known) = (list(&table), list(&known));
        Class::Unreadable(format!(
            "partitions in its table: {table}; that the kernel knows: {known}. The table is damaged, or was changed and not read again"
        ))
    })
}

fn our_label(partition: &Partition) -> Option<&'static str> {
    let name = partition.entry.name.as_deref()?;
    [NEW_LABEL, FINAL_LABEL].into_iter().find(|label| *label == name)
}

/// A GPT by its first copy, and nothing else beside the partitions. The second one may be torn by a crash while the table was
/// written, or lie elsewhere since the disk grew: naming the partition writes it anew.
fn has_gpt_alone(device: &Holding) -> bool {
    device.table.as_deref() == Some("gpt")
        && device.kind.is_none()
        && !device.is_ambiguous
        && device.signatures.iter().all(|signature| ["gpt", "PMBR"].contains(&signature.kind.as_str()))
        && has_gpt_at(device, u64::from(device.sector))
}

/// Both copies of it.
fn has_whole_gpt_alone(device: &Holding) -> bool {
    has_gpt_alone(device) && has_gpt_at(device, device.size.saturating_sub(u64::from(device.sector)))
}

fn has_gpt_at(device: &Holding, offset: u64) -> bool {
    device.signatures.iter().any(|signature| signature.kind == "gpt" && signature.offset == offset)
}

fn has_dos_alone(device: &Holding) -> bool {
    device.table.as_deref() == Some("dos")
        && device.kind.is_none()
        && !device.is_ambiguous
        && device.signatures.iter().all(|signature| signature.kind == "dos")
}

/// Whether an entry of its table can be made, changed or taken away beside the others: the table is whole, nothing else lies on the
/// disk itself, whose users all use its partitions, and the system is not there.
pub fn has_table_to_edit(evidence: &Evidence) -> bool {
    let (contents, uses) = (&evidence.contents, &evidence.uses);
    let path = contents.device.path.as_str();
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let is_partition = |layer: &str| contents.partitions.iter().any(|partition| name(&partition.holding.path) == layer);
    let stands_on_it = uses.layers.iter().any(|layer| layer.on.as_deref() == Some(&name(path)) && !is_partition(&layer.name));
    let is_used = stands_on_it || uses.mounts.iter().any(|mount| mount.source == path) || uses.swaps.iter().any(|swap| swap == path);
    contents.is_disk()
        && system(uses).is_none()
        && unread_table(evidence).is_none()
        && (has_whole_gpt_alone(&contents.device) || has_dos_alone(&contents.device))
        && !is_used
        && !uses.read_only
}

fn ours(evidence: &Evidence, partition: &Partition, label: &str) -> Result<Class, Wanted> {
    let holding = &partition.holding;
    let belongs = partition.entry.uuid.as_deref().map(filesystem_uuid);
    let filesystem = holding.kind.clone().filter(|kind| FILESYSTEMS.contains(&kind.as_str()) && !holding.is_ambiguous);
    let is_it = holding.uuid.is_some() && holding.uuid == belongs;
    let stacked: Vec<&str> = stacked_on(evidence);
    if !stacked.is_empty() || !evidence.uses.swaps.is_empty() {
        return Ok(Class::Busy(format!("{} stands on our partition", [stacked.join(", "), evidence.uses.swaps.join(", ")].concat())));
    }
    let at = mounted_on(evidence);
    match (label, filesystem, is_it) {
        (FINAL_LABEL, Some(filesystem), true) => {
            let uuid = belongs.unwrap_or_default();
            Ok(if at.is_empty() { Class::OursUnmounted { filesystem, uuid } } else { Class::OursMounted { at, filesystem, uuid } })
        }
        (FINAL_LABEL, ..) => Ok(Class::OursDamaged(format!(
            "the partition {} is to hold the filesystem {}, and holds {}",
            holding.path,
            belongs.unwrap_or_default(),
            found_on(holding)
        ))),
        _ if !at.is_empty() => Ok(Class::Busy(format!("{} is mounted on {} before it was finished", holding.path, at.join(", ")))),
        (_, Some(kind), true) => match evidence.soundness {
            None => Err(Wanted::Soundness { path: holding.path.clone(), kind }),
            Some(Soundness::Whole) => Ok(Class::New(Fresh::Formatted)),
            Some(Soundness::Unfinished) => Ok(Class::New(Fresh::Unformatted)),
            Some(Soundness::Damaged) => {
                Ok(Class::OursDamaged(format!("the {kind} in {} was used before it was finished, and has errors", holding.path)))
            }
        },
        _ if holding.signatures.is_empty() && holding.kind.is_none() && !holding.is_ambiguous => Ok(Class::New(Fresh::Unformatted)),
        _ => Ok(Class::Foreign(format!("{} in a partition named {NEW_LABEL}", found_on(holding)))),
    }
}

fn stacked_on(evidence: &Evidence) -> Vec<&str> {
    layers_above(&evidence.contents, &evidence.uses).map(|layer| layer.name.as_str()).collect()
}

/// Layers that are neither the device nor its partitions.
pub(super) fn layers_above<'a>(contents: &'a Contents, uses: &'a Uses) -> impl Iterator<Item = &'a Layer> {
    let own = |name: &str| {
        let of = |path: &str| path.rsplit('/').next() == Some(name);
        of(&contents.device.path) || contents.partitions.iter().any(|partition| of(&partition.holding.path))
    };
    uses.layers.iter().filter(move |layer| !own(&layer.name))
}

fn mounted_on(evidence: &Evidence) -> Vec<String> {
    let mut at: Vec<String> = Vec::new();
    for mount in &evidence.uses.mounts {
        if !at.contains(&mount.target) {
            at.push(mount.target.clone());
        }
    }
    at
}

/// The filesystem, where it is all that the device holds: on the device itself, or in its only partition.
fn only_filesystem(evidence: &Evidence) -> Option<&Holding> {
    let device = &evidence.contents.device;
    let holding = match evidence.contents.partitions.as_slice() {
        [] => device,
        [partition] if device.kind.is_none() && !device.is_ambiguous => &partition.holding,
        _ => return None,
    };
    let kind = holding.kind.as_deref().unwrap_or_default();
    (FILESYSTEMS.contains(&kind) && holding.uuid.is_some() && !holding.is_ambiguous && stacked_on(evidence).is_empty()).then_some(holding)
}

fn of_longhorn(evidence: &Evidence, holding: &Holding) -> Result<Class, Wanted> {
    let at = mounted_on(evidence);
    let (path, filesystem) = (holding.path.clone(), holding.kind.clone().unwrap_or_default());
    // a path of another namespace leads elsewhere in this one
    let here = evidence.uses.mounts.iter().find(|mount| !mount.elsewhere).map(|mount| mount.target.clone());
    let Some(files) = &evidence.files else { return Err(Wanted::Files { path, kind: filesystem, mounted: here }) };
    if LONGHORN.iter().any(|name| files.iter().any(|file| file == name)) {
        return Ok(Class::HasLonghornData { path, filesystem, uuid: holding.uuid.clone().unwrap_or_default(), at });
    }
    Ok(users(evidence).unwrap_or_else(|| Class::Foreign(format!("{} with {}", found_on(holding), counted(files.len())))))
}

fn counted(files: usize) -> String {
    match files {
        0 => "no files".into(),
        1 => "1 file in its root".into(),
        n => format!("{n} files in its root"),
    }
}

fn is_physical_volume(device: &Holding) -> bool {
    !device.is_ambiguous
        && device.kind.as_deref() == Some("LVM2_member")
        && device.signatures.iter().all(|found| found.kind == "LVM2_member")
}

fn lvm(evidence: &Evidence) -> Result<Class, Wanted> {
    Ok(match &evidence.lvm {
        None => return Err(Wanted::Lvm { path: evidence.contents.device.path.clone() }),
        Some(Lvm::NotInstalled) => Class::Foreign("an LVM physical volume (of which group is not known: lvm2 is not installed)".into()),
        Some(Lvm::Says(LvmState { group: None, .. })) => users(evidence).unwrap_or(Class::NewPhysicalVolume),
        Some(Lvm::Says(LvmState { group: Some(group), volumes: 0 })) => users(evidence).unwrap_or(Class::NewVolumeGroup(group.clone())),
        Some(Lvm::Says(LvmState { group: Some(group), volumes })) => {
            let plural = if *volumes == 1 { "" } else { "s" };
            Class::Foreign(format!("an LVM physical volume (group {group:?}, {volumes} volume{plural})"))
        }
    })
}

fn users(evidence: &Evidence) -> Option<Class> {
    let at = mounted_on(evidence);
    if !at.is_empty() {
        let filesystem = evidence.uses.mounts.first().map(|mount| mount.kind.as_str()).unwrap_or_default();
        return Some(Class::Busy(format!("{filesystem} mounted on {}", at.join(", "))));
    }
    let stacked = stacked_on(evidence);
    (!stacked.is_empty()).then(|| Class::Busy(format!("{} stands on it ({})", stacked.join(", "), everything_on(evidence))))
}

fn everything_on(evidence: &Evidence) -> String {
    match evidence.contents.partitions.as_slice() {
        [] => found_on(&evidence.contents.device),
        some => partitions(some),
    }
}

fn zeros(evidence: &Evidence, head: u64, tail: u64, class: Class) -> Result<Class, Wanted> {
    match evidence.zeros {
        None => Err(Wanted::Zeros { path: evidence.contents.device.path.clone(), head, tail }),
        // nothing read is not nothing there: a loop device or a reader without a medium
        Some(zeros) if zeros.read == 0 || evidence.contents.device.size == 0 => {
            Ok(Class::Unreadable("there is nothing of it to be read: nothing is attached, or it is too small".into()))
        }
        Some(zeros) => Ok(zeros.first_other.map_or(class, |at| Class::UnknownData { at })),
    }
}

fn table_of(device: &Holding) -> String {
    match device.table.as_deref() {
        Some("dos") => "MBR".into(),
        Some(table) => table.to_ascii_uppercase(),
        None => "no table".into(),
    }
}

/// With what lies on the device itself beside them: the filesystem of a CD, of an installer's image.
fn table_with_partitions(device: &Holding, all: &[Partition]) -> String {
    let signatures = device.signatures.iter().filter(|found| !["gpt", "dos", "PMBR"].contains(&found.kind.as_str())).cloned().collect();
    let beside = Holding { signatures, ..device.clone() };
    let beside = if beside.signatures.is_empty() && beside.kind.is_none() { String::new() } else { format!("{}, ", found_on(&beside)) };
    format!("{beside}{}: {}", table_of(device), partitions(all))
}

fn partitions(partitions: &[Partition]) -> String {
    let one = |partition: &Partition| {
        let name = partition.entry.name.as_deref().map(|name| format!(" {name:?}")).unwrap_or_default();
        format!("{}{name} {}", partition.number, found_on(&partition.holding))
    };
    format!("partition {}", partitions.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// What is on a device in a person's words, with its label.
fn found_on(holding: &Holding) -> String {
    let mut kinds: Vec<&str> = Vec::new();
    for kind in holding.kind.iter().map(String::as_str).chain(holding.signatures.iter().map(|found| found.kind.as_str())) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let label = holding.label.as_deref().map(|label| format!(" {label:?}")).unwrap_or_default();
    match kinds.as_slice() {
        [] if holding.is_ambiguous => "several things at once".into(),
        [] => "nothing known".into(),
        [one] => format!("{}{label}", words_for(one)),
        several => format!("{}{label}", several.iter().map(|kind| words_for(kind)).collect::<Vec<_>>().join(" and ")),
    }
}

/// What libblkid calls it, as people do.
fn words_for(kind: &str) -> &str {
    match kind {
        "LVM2_member" | "LVM1_member" => "an LVM physical volume",
        "linux_raid_member" => "a member of an MD array",
        "crypto_LUKS" => "LUKS",
        "zfs_member" => "a ZFS member",
        "ceph_bluestore" => "Ceph BlueStore",
        "PMBR" => "a protective MBR",
        "gpt" => "a GPT that is damaged or not alone",
        "dos" => "an MBR",
        other => other,
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
pub(super) mod tests;
