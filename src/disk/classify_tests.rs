use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::*;
use crate::node::facts::{Begun, Contents, Layer, MountOf, PartitionEntry, Signature, Soundness, Uses, Zeros};

const SIZE: u64 = 150 << 30;
const PARTUUID: &str = "0b4c0000-0000-4000-8000-000000000001";

/// A disk with no more than that on it.
pub fn holding(path: &str, signatures: &[(u64, &str)]) -> Holding {
    let signatures = signatures.iter().map(|(offset, kind)| Signature { offset: *offset, kind: (*kind).into(), label: None, uuid: None });
    Holding { path: path.into(), size: SIZE, sector: 512, signatures: signatures.collect(), ..Holding::default() }
}

fn filesystem(path: &str, kind: &str, uuid: &str) -> Holding {
    let mut holding = holding(path, &[(0x438, kind)]);
    (holding.kind, holding.uuid) = (Some(kind.into()), Some(uuid.into()));
    holding
}

fn gpt() -> Holding {
    let mut holding = holding("/dev/sdb", &[(0x1fe, "PMBR"), (512, "gpt"), (SIZE - 512, "gpt")]);
    holding.table = Some("gpt".into());
    holding
}

fn with(device: Holding, partitions: Vec<Partition>) -> Evidence {
    let table = partitions.iter().map(|partition| partition.number).collect();
    let layers = std::iter::once(Layer { name: "sdb".into(), on: None, mapping: None }).chain(partitions.iter().map(|partition| Layer {
        name: format!("sdb{}", partition.number),
        on: Some("sdb".into()),
        mapping: None,
    }));
    let uses = Uses { layers: layers.collect(), ..Uses::default() };
    Evidence {
        contents: Contents { device, partitions, table, entry: None },
        uses,
        begun: None,
        zeros: None,
        files: None,
        soundness: None,
        lvm: None,
    }
}

fn partition(name: &str, holding: Holding) -> Partition {
    let entry = PartitionEntry { scheme: Some("gpt".into()), uuid: Some(PARTUUID.into()), name: Some(name.into()), kind: None };
    Partition { number: 1, start: 1 << 20, entry, holding }
}

fn ours_as(name: &str, holding: Holding) -> Evidence {
    with(gpt(), vec![partition(name, holding)])
}

fn mounted(mut evidence: Evidence, target: &str) -> Evidence {
    evidence.uses.mounts.push(MountOf { source: "/dev/sdb1".into(), target: target.into(), kind: "ext4".into(), elsewhere: false });
    evidence
}

fn zeros(first_other: Option<u64>) -> Option<Zeros> {
    Some(Zeros { read: 1, first_other })
}

#[test]
fn a_blank_disk_is_read_before_it_is_called_blank() {
    let mut disk = with(holding("/dev/sdb", &[]), vec![]);
    assert_eq!(classify(&disk), Err(Wanted::Zeros { path: "/dev/sdb".into(), head: 0, tail: 0 }));
    disk.zeros = zeros(None);
    assert_eq!(classify(&disk), Ok(Class::Blank));
    disk.uses.read_only = true;
    assert_eq!(classify(&disk), Ok(Class::Foreign("blank, and read-only".into())));
    disk.uses.read_only = false;
    disk.zeros = zeros(Some(7));
    assert_eq!(classify(&disk), Ok(Class::UnknownData { at: 7 }));
    disk.contents.entry = Some(PartitionEntry::default());
    disk.zeros = zeros(None);
    assert_eq!(classify(&disk), Ok(Class::BlankPartition));
}

#[test]
fn a_table_without_partitions_is_empty_if_both_copies_are_there_and_nothing_else_is() {
    let mut disk = with(gpt(), vec![]);
    assert_eq!(classify(&disk), Err(Wanted::Zeros { path: "/dev/sdb".into(), head: 1024, tail: 512 }));
    disk.zeros = zeros(None);
    assert_eq!(classify(&disk), Ok(Class::EmptyTable));
    for broken in [1, 2] {
        let mut disk = disk.clone();
        disk.contents.device.signatures.remove(broken);
        assert!(matches!(classify(&disk), Ok(Class::Foreign(_))), "{broken}");
    }
    disk.contents.table = vec![1];
    assert!(matches!(classify(&disk), Ok(Class::Unreadable(_))));
    let mut protective = with(holding("/dev/sdb", &[(0x1fe, "PMBR")]), vec![]);
    (protective.contents.device.table, protective.zeros) = (Some("PMBR".into()), zeros(None));
    assert!(matches!(classify(&protective), Ok(Class::Foreign(_))));
}

#[test]
fn our_partition_is_known_by_its_name_and_the_uuid_that_belongs_there() {
    let uuid = filesystem_uuid(PARTUUID);
    let whole = || filesystem("/dev/sdb1", "ext4", &uuid);
    assert_eq!(classify(&ours_as(NEW_LABEL, holding("/dev/sdb1", &[]))), Ok(Class::New(Fresh::Unformatted)));
    let mut new = ours_as(NEW_LABEL, whole());
    assert_eq!(classify(&new), Err(Wanted::Soundness { path: "/dev/sdb1".into(), kind: "ext4".into() }));
    new.soundness = Some(Soundness::Whole);
    assert_eq!(classify(&new), Ok(Class::New(Fresh::Formatted)));
    // cut off in mkfs, or used by somebody and damaged since
    new.soundness = Some(Soundness::Unfinished);
    assert_eq!(classify(&new), Ok(Class::New(Fresh::Unformatted)));
    new.soundness = Some(Soundness::Damaged);
    assert!(matches!(classify(&new), Ok(Class::OursDamaged(_))));
    new.soundness = Some(Soundness::Whole);
    assert!(matches!(classify(&ours_as(NEW_LABEL, filesystem("/dev/sdb1", "ext4", "other"))), Ok(Class::Foreign(_))));
    assert!(matches!(classify(&mounted(new, "/mnt")), Ok(Class::Busy(_))));
    let done = ours_as(FINAL_LABEL, whole());
    assert!(matches!(classify(&done), Ok(Class::OursUnmounted { .. })));
    assert!(matches!(classify(&mounted(done, "/var/lib/longhorn")), Ok(Class::OursMounted { .. })));
    for damaged in [holding("/dev/sdb1", &[]), filesystem("/dev/sdb1", "ext4", "other"), filesystem("/dev/sdb1", "btrfs", &uuid)] {
        let class = classify(&ours_as(FINAL_LABEL, damaged)).unwrap();
        assert!(matches!(&class, Class::OursDamaged(_)) && !class.may_be_formatted(), "{class:?}");
    }
}

#[test]
fn a_table_of_ours_whose_second_copy_is_torn_is_ours() {
    let mut torn = ours_as(NEW_LABEL, holding("/dev/sdb1", &[]));
    torn.contents.device.signatures.pop();
    assert_eq!(classify(&torn), Ok(Class::New(Fresh::Unformatted)));
    let mut done = ours_as(FINAL_LABEL, filesystem("/dev/sdb1", "xfs", &filesystem_uuid(PARTUUID)));
    done.contents.device.signatures.pop();
    assert!(matches!(classify(&done), Ok(Class::OursUnmounted { .. })));
    // without the first copy, or with something beside it, it is somebody's
    let mut beside = torn.clone();
    beside.contents.device.signatures.push(Signature { offset: SIZE - 4096, kind: "linux_raid_member".into(), label: None, uuid: None });
    torn.contents.device.signatures.pop();
    for other in [torn, beside] {
        let class = classify(&other);
        assert!(matches!(class, Ok(Class::Foreign(_))), "{class:?}");
    }
}

#[test]
fn what_longhorn_has_filled_is_known_whoever_formatted_it() {
    let files = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let mut theirs = ours_as("primary", filesystem("/dev/sdb1", "ext4", "abc"));
    assert_eq!(classify(&theirs), Err(Wanted::Files { path: "/dev/sdb1".into(), kind: "ext4".into(), mounted: None }));
    theirs.files = files(&["lost+found", "longhorn-disk.cfg"]);
    let Ok(Class::HasLonghornData { path, at, .. }) = classify(&theirs) else { panic!() };
    assert!(path == "/dev/sdb1" && at.is_empty());
    theirs.files = files(&["lost+found"]);
    let Ok(Class::Foreign(what)) = classify(&theirs) else { panic!() };
    assert_eq!(what, "ext4 with 1 file in its root");
    assert!(matches!(classify(&mounted(theirs, "/srv")), Ok(Class::Busy(_))));
}

#[test]
fn the_system_and_what_others_use_is_never_touched() {
    let blank = || with(holding("/dev/sdb", &[]), vec![]);
    for place in SYSTEM {
        assert_eq!(classify(&mounted(blank(), place)), Ok(Class::System(vec![place.into()])));
    }
    let mut stacked = blank();
    stacked.uses.layers.push(Layer { name: "dm-0".into(), on: Some("sdb".into()), mapping: Some("LVM-x".into()) });
    assert!(matches!(classify(&stacked), Ok(Class::Busy(_))));
    let mut swap = blank();
    swap.uses.swaps.push("/dev/sdb".into());
    assert!(matches!(classify(&swap), Ok(Class::Busy(_))));
}

#[test]
fn a_wipe_that_was_begun_is_nothing_else_unless_somebody_uses_it() {
    // btrfs has its superblock behind the mark
    let mut btrfs = holding("/dev/sdb", &[(0x1_0040, "btrfs")]);
    btrfs.kind = Some("btrfs".into());
    let begun = Some(Begun { done: 5 << 30, size: SIZE, serial: "S1".into() });
    let mut disk = Evidence { begun, ..with(btrfs, vec![]) };
    assert_eq!(classify(&disk), Ok(Class::HalfWiped { done: 5 << 30 }));
    // the kernel still knows partitions whose table is gone
    disk.contents.partitions.push(partition("data", holding("/dev/sdb1", &[])));
    disk.uses.layers.push(Layer { name: "sdb1".into(), on: Some("sdb".into()), mapping: None });
    assert_eq!(classify(&disk), Ok(Class::HalfWiped { done: 5 << 30 }));
    assert!(matches!(classify(&mounted(disk.clone(), "/srv")), Ok(Class::Busy(_))));
    assert_eq!(classify(&mounted(disk.clone(), "/")), Ok(Class::System(vec!["/".into()])));
    assert!(!Class::HalfWiped { done: 0 }.may_be_formatted());
}

#[test]
fn physical_volumes_in_no_group_and_in_an_empty_one_are_told_apart() {
    let mut volume = with(filesystem("/dev/sdb", "LVM2_member", "x"), vec![]);
    assert_eq!(classify(&volume), Err(Wanted::Lvm { path: "/dev/sdb".into() }));
    for (group, volumes, class) in [
        (None, 0, Class::NewPhysicalVolume),
        (Some("data"), 0, Class::NewVolumeGroup("data".into())),
        (Some("old-nas"), 2, Class::Foreign("an LVM physical volume (group \"old-nas\", 2 volumes)".into())),
    ] {
        volume.lvm = Some(Lvm::Says(LvmState { group: group.map(str::to_owned), volumes }));
        assert_eq!(classify(&volume), Ok(class));
    }
}

/// Kinds of signatures: those that libblkid knows, which a disk may come with.
const KINDS: [&str; 20] = [
    "ext2",
    "ext3",
    "ext4",
    "xfs",
    "btrfs",
    "vfat",
    "ntfs",
    "swap",
    "LVM2_member",
    "linux_raid_member",
    "crypto_LUKS",
    "zfs_member",
    "bcache",
    "ceph_bluestore",
    "BitLocker",
    "iso9660",
    "gpt",
    "dos",
    "PMBR",
    "homelab-unknown",
];

prop_compose! {
    fn any_holding(path: &'static str)(
        kinds in prop::collection::vec((prop::sample::select(vec![0u64, 0x1fe, 512, 0x438, SIZE - 512]), prop::sample::select(&KINDS[..])), 0..4),
        uuid in prop::option::of(prop::sample::select(vec![PARTUUID.to_owned(), filesystem_uuid(PARTUUID), "other".into()])),
        table in prop::option::weighted(0.3, prop::sample::select(vec!["gpt", "dos", "PMBR", "mac"])),
        typed in any::<bool>(),
        is_ambiguous in prop::bool::weighted(0.1),
    ) -> Holding {
        let mut holding = holding(path, &kinds);
        holding.kind = kinds.first().filter(|_| typed).map(|(_, kind)| (*kind).to_owned());
        (holding.uuid, holding.table, holding.is_ambiguous) = (uuid, table.map(str::to_owned), is_ambiguous);
        holding
    }
}

prop_compose! {
    pub fn any_evidence()(
        device in prop_oneof![2 => any_holding("/dev/sdb"), 2 => Just(gpt()), 1 => Just(holding("/dev/sdb", &[]))],
        part in prop::option::of((prop_oneof![any_holding("/dev/sdb1"), Just(holding("/dev/sdb1", &[])), Just(filesystem("/dev/sdb1", "ext4", &filesystem_uuid(PARTUUID)))],
            prop::sample::select(vec![NEW_LABEL, FINAL_LABEL, "primary", ""]))),
        mount in prop::option::weighted(0.3, prop::sample::select(vec!["/", "/var", "/var/lib/longhorn", "/srv"])),
        stacked in prop::bool::weighted(0.15),
        swap in prop::bool::weighted(0.1),
        other in prop::option::of(0..SIZE),
        files in prop::collection::vec(prop::sample::select(vec!["lost+found", "longhorn-disk.cfg", "replicas", "photos"]), 0..3),
        soundness in prop::sample::select(vec![Soundness::Whole, Soundness::Unfinished, Soundness::Damaged]),
        lvm in (prop::option::of(Just("data".to_owned())), 0..3u32),
        read_only in prop::bool::weighted(0.1),
        unread in prop::bool::weighted(0.1),
        alone in prop::bool::weighted(0.2),
    ) -> Evidence {
        let mut evidence = with(device, part.map(|(holding, name)| partition(name, holding)).into_iter().collect());
        if let Some(target) = mount { evidence = mounted(evidence, target) }
        if stacked { evidence.uses.layers.push(Layer { name: "dm-0".into(), on: Some("sdb".into()), mapping: None }) }
        if swap { evidence.uses.swaps.push("/dev/sdb".into()) }
        evidence.uses.read_only = read_only;
        if unread { evidence.contents.table.push(9) }
        if alone { evidence.contents.entry = Some(PartitionEntry::default()); evidence.contents.partitions.clear(); evidence.contents.table.clear() }
        evidence.zeros = zeros(other);
        evidence.files = Some(files.into_iter().map(str::to_owned).collect());
        evidence.soundness = Some(soundness);
        evidence.lvm = Some(Lvm::Says(LvmState { group: lvm.0, volumes: lvm.1 }));
        evidence
    }
}

/// Nobody uses it, nothing known is on it, and it holds zeros: said in other words than the judgement's.
fn is_empty(evidence: &Evidence) -> bool {
    let device = &evidence.contents.device;
    let tables = ["gpt", "PMBR", "dos"];
    evidence.uses.mounts.is_empty()
        && evidence.uses.swaps.is_empty()
        && evidence.uses.layers.iter().all(|layer| layer.name.starts_with("sdb"))
        && evidence.contents.partitions.is_empty()
        && evidence.contents.table.is_empty()
        && device.kind.is_none()
        && !device.is_ambiguous
        && device.signatures.iter().all(|signature| tables.contains(&signature.kind.as_str()))
        && evidence.zeros.is_some_and(|zeros| zeros.first_other.is_none())
}

fn is_new(evidence: &Evidence) -> bool {
    let [partition] = evidence.contents.partitions.as_slice() else { return false };
    partition.entry.name.as_deref() == Some(NEW_LABEL)
        && evidence.uses.mounts.is_empty()
        && (partition.holding.signatures.is_empty() || evidence.soundness == Some(Soundness::Unfinished))
}

#[test]
fn nothing_is_ever_formatted_but_what_is_empty_or_new() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut counts: std::collections::BTreeMap<String, u32> = std::collections::BTreeMap::new();
    for _ in 0..10_000 {
        let evidence = any_evidence().new_tree(&mut runner).unwrap().current();
        let class = classify(&evidence).unwrap();
        assert!(!class.may_be_formatted() || !evidence.uses.read_only);
        assert!(!class.may_be_formatted() || is_empty(&evidence) || is_new(&evidence), "{class:?}: {evidence:#?}");
        *counts.entry(format!("{class:?}").split(['(', ' ']).next().unwrap_or_default().into()).or_default() += 1;
    }
    let seen: Vec<&str> = counts.keys().map(String::as_str).collect();
    for class in [
        "Blank",
        "BlankPartition",
        "Busy",
        "EmptyTable",
        "Foreign",
        "HasLonghornData",
        "New",
        "NewPhysicalVolume",
        "NewVolumeGroup",
        "OursDamaged",
        "OursMounted",
        "OursUnmounted",
        "System",
        "UnknownData",
        "Unreadable",
    ] {
        assert!(seen.contains(&class), "{class} never came: {counts:?}");
    }
}
