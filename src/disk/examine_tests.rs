use super::super::class::Fresh;
use super::*;
use crate::node::disk_naming::{NEW_LABEL, filesystem_uuid};
use crate::node::facts::{Contents, Holding, Layer, LvmState, Partition, PartitionEntry, Signature, Soundness, Uses, Zeros};
use crate::plan::{Fact, FactKey, Observation, Reading, Scope, Store};

const SIZE: u64 = 1 << 30;

fn known(store: &mut Store, fact: &impl Fact, reading: Reading) {
    let key = FactKey { scope: Scope::new("w1", "root"), query: fact.query() };
    store.insert(key, Observation::from(reading));
}

/// A machine with a disk that holds this, and has one partition that holds the other.
fn machine(device: Holding, partition: Option<Holding>) -> Store {
    let mut store = Store::default();
    let partitions: Vec<Partition> = partition
        .into_iter()
        .map(|holding| {
            let entry = PartitionEntry { uuid: Some("aa".into()), name: Some(NEW_LABEL.into()), ..PartitionEntry::default() };
            Partition { number: 1, start: 1 << 20, entry, holding }
        })
        .collect();
    let table = partitions.iter().map(|partition| partition.number).collect();
    let uses = Uses { layers: vec![Layer { name: "sdb".into(), on: None, mapping: None }], ..Uses::default() };
    known(&mut store, &DeviceContents::new("/dev/sdb"), Reading::present(&Contents { device, partitions, table, entry: None }));
    known(&mut store, &DeviceUse::new("/dev/sdb"), Reading::present(&uses));
    known(&mut store, &WipeMark::new("/dev/sdb"), Reading::Absent);
    store
}

fn holding(kind: Option<&str>) -> Holding {
    let signatures = kind.into_iter().map(|kind| Signature { offset: 0x438, kind: kind.into(), label: None, uuid: None }).collect();
    Holding { path: "/dev/sdb".into(), size: SIZE, sector: 512, signatures, kind: kind.map(str::to_owned), ..Holding::default() }
}

fn judge(store: &Store) -> Result<Class, Stop> {
    let facts = Facts::new(store, Scope::new("w1", "root"));
    examine(&facts, "/dev/sdb", Extent::Sampled).map(|examined| examined.class)
}

fn asked(stop: Result<Class, Stop>) -> Vec<String> {
    match stop {
        Err(Stop::Need(keys)) => keys.into_iter().map(|key| key.query.to_string()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_disk_is_read_before_it_is_called_blank() {
    assert_eq!(asked(judge(&Store::default())), ["device_contents(/dev/sdb)", "device_use(/dev/sdb)", "wipe_mark(/dev/sdb)"]);
    let mut store = machine(holding(None), None);
    assert_eq!(asked(judge(&store)), ["blankness(/dev/sdb, 0, 0, sampled)"]);
    let zeros = Blankness::new("/dev/sdb", 0, 0, Extent::Sampled);
    known(&mut store, &zeros, Reading::present(&Zeros { read: 1, first_other: None }));
    assert_eq!(judge(&store), Ok(Class::Blank));
    known(&mut store, &zeros, Reading::unknown("input/output error"));
    assert!(matches!(judge(&store), Err(Stop::Unknown(_))));
}

#[test]
fn files_lvm_and_the_state_of_a_filesystem_are_asked_for_where_it_hangs_on_them() {
    let mut theirs = holding(Some("ext4"));
    theirs.uuid = Some("cc".into());
    let mut store = machine(theirs, None);
    assert_eq!(asked(judge(&store)), ["root_names(/dev/sdb, ext4, )"]);
    known(&mut store, &RootNames::new("/dev/sdb", "ext4", None), Reading::present(&["replicas"]));
    assert!(matches!(judge(&store), Ok(Class::HasLonghornData { .. })));

    let mut store = machine(holding(Some("LVM2_member")), None);
    assert_eq!(asked(judge(&store)), ["physical_volume(/dev/sdb)"]);
    known(&mut store, &PhysicalVolume::new("/dev/sdb"), Reading::present(&LvmState { group: Some("vg".into()), volumes: 0 }));
    assert_eq!(judge(&store), Ok(Class::NewVolumeGroup("vg".into())));
    known(&mut store, &PhysicalVolume::new("/dev/sdb"), Reading::Absent);
    assert!(matches!(judge(&store), Ok(Class::Foreign(_))));

    let mut disk = holding(None);
    disk.table = Some("gpt".into());
    disk.signatures = [(0x1fe, "PMBR"), (512, "gpt"), (SIZE - 512, "gpt")]
        .map(|(offset, kind)| Signature { offset, kind: kind.into(), label: None, uuid: None })
        .to_vec();
    let mut part = holding(Some("ext4"));
    (part.path, part.uuid) = ("/dev/sdb1".into(), Some(filesystem_uuid("aa")));
    let mut store = machine(disk, Some(part));
    assert_eq!(asked(judge(&store)), ["filesystem_soundness(/dev/sdb1, ext4)"]);
    known(&mut store, &FilesystemSoundness::new("/dev/sdb1", "ext4"), Reading::present(&Soundness::Whole));
    assert_eq!(judge(&store), Ok(Class::New(Fresh::Formatted)));
}

#[test]
fn what_is_not_there_is_missing_and_what_cannot_be_read_concerns_one_disk() {
    let mut store = machine(holding(None), None);
    known(&mut store, &DeviceUse::new("/dev/sdb"), Reading::Absent);
    assert_eq!(judge(&store), Ok(Class::Missing));
    for fact in ["/dev/sdc", "/dev/sdd"] {
        known(&mut store, &DeviceUse::new(fact), Reading::Absent);
        known(&mut store, &WipeMark::new(fact), Reading::Absent);
    }
    known(&mut store, &DeviceContents::new("/dev/sdc"), Reading::unknown("read error"));
    let facts = Facts::new(&store, Scope::new("w1", "root"));
    let both = examine_each(&facts, &["/dev/sdc", "/dev/sdb"], Extent::Sampled).unwrap();
    assert_eq!(both[0].class, Class::Unreadable("read error".into()));
    assert_eq!(both[1].class, Class::Missing);
    assert!(matches!(examine_each(&facts, &["/dev/sdc", "/dev/sdd"], Extent::Sampled), Err(Stop::Need(_))));
}
