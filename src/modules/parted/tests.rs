use serde_json::{Value, json};

use super::*;
use crate::modules::bench::{Bench, Seen};
use crate::node::simulated::{PartedContent, PartedDisk, PartedPartition, Random, World};
use crate::node::steps;

const SIZE: u64 = 64 << 20;
const DISK: &str = "/dev/sdb";

fn held(kind: &str) -> PartedContent {
    PartedContent { kind: Some(kind.into()), ..PartedContent::default() }
}

fn part(start: u64, end: u64, held: PartedContent) -> PartedPartition {
    PartedPartition { start: start << 20, end: end << 20, name: "old".into(), flags: Vec::new(), held }
}

/// A disk of any kind.
fn disk(random: &mut Random) -> PartedDisk {
    let mut disk = PartedDisk::blank(SIZE);
    let tables = [None, Some("gpt"), Some("gpt"), Some("gpt"), Some("dos")];
    disk.table = random.pick(&tables).unwrap().map(str::to_owned);
    let holds = |random: &mut Random| match random.below(6) {
        0 | 1 => PartedContent::default(),
        2 => PartedContent { unknown: true, ..PartedContent::default() },
        3 => PartedContent { mounted: Some((*random.pick(&["/srv", "/var/lib/longhorn", "/"]).unwrap()).into()), ..held("ext4") },
        4 => held("xfs"),
        _ => held("LVM2_member"),
    };
    if disk.table.is_some() && !random.once_in(3) {
        disk.partitions.insert(1, part(1, *random.pick(&[32, 32, 62]).unwrap(), holds(random)));
        if random.once_in(3) && disk.partitions[&1].end == 32 << 20 {
            disk.partitions.insert(*random.pick(&[2, 3]).unwrap(), part(32, 48, holds(random)));
        }
        if let Some(one) = disk.partitions.get_mut(&1).filter(|_| disk.table.as_deref() == Some("dos")) {
            one.name.clear();
        }
    } else if random.once_in(3) {
        disk.held = holds(random);
    }
    disk.is_half = disk.table.as_deref() == Some("gpt") && random.once_in(10);
    disk.read_only = random.once_in(15);
    disk
}

/// What of a disk must be so after every task: all that holds something, and where its entry is.
fn precious(disk: &PartedDisk) -> String {
    let kept: Vec<_> = disk.partitions.iter().filter(|(_, partition)| partition.held != PartedContent::default()).collect();
    let whole = (disk.held != PartedContent::default() || disk.is_half || !kept.is_empty()).then_some((&disk.table, &disk.held));
    format!("{whole:?} {kept:?}")
}

pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
    let mut world = World::new(random.number());
    let disk = disk(random);
    world.add_file("/precious", precious(&disk).as_bytes(), 0o600);
    world.add_file("/entries", format!("{:?}", disk.partitions).as_bytes(), 0o600);
    world.add_parted_disk(DISK, disk);
    let device = *random.pick(&[DISK, DISK, DISK, DISK, DISK, DISK, DISK, "/dev/sdb1", "/dev/sdz", "/precious"]).unwrap();
    let mut args = json!({"device": device, "number": *random.pick(&[1, 1, 2, 3]).unwrap()});
    args["state"] = (*random.pick(&["present", "present", "present", "present", "absent", "info"]).unwrap()).into();
    let more = [
        ("label", vec![json!("gpt"), json!("gpt"), json!("gpt"), json!("msdos"), json!("sun")]),
        ("part_start", vec![json!("0%"), json!("1MiB"), json!("50%"), json!("32MiB"), json!("-16MiB"), json!("far")]),
        ("part_end", vec![json!("100%"), json!("50%"), json!("32MiB"), json!("200MiB")]),
    ];
    for (name, values) in more {
        if !random.once_in(3) {
            args[name] = random.pick(&values).unwrap().clone();
        }
    }
    let more = [
        ("name", vec![json!("data"), json!("old"), json!("a \"b\"")]),
        ("flags", vec![json!(["lvm"]), json!(["boot", "esp"]), json!(["esp"]), json!(["nonsense"])]),
        ("fs_type", vec![json!("ext4")]),
        ("resize", vec![json!(true)]),
        ("part_type", vec![json!("logical"), json!("primary")]),
        ("unit", vec![json!("MiB"), json!("B")]),
    ];
    for (name, values) in more {
        if random.once_in(5) {
            args[name] = random.pick(&values).unwrap().clone();
        }
    }
    (Bench::new(world), args)
}

/// Nothing that holds anything was touched, and no entry but the one that the task names.
pub(in crate::modules) fn look(args: &Value, bench: &mut Bench, _seen: &Seen) {
    let world = bench.machine.world();
    let text = |path: &str| String::from_utf8(world.content(path).unwrap()).unwrap();
    let disk = world.parted_disk(DISK).unwrap();
    assert_eq!(precious(disk), text("/precious"), "{args}");
    let others = disk.partitions.iter().filter(|(number, _)| args["number"] != json!(number));
    let before = text("/entries");
    for (number, partition) in others {
        let entry = format!("{number}: {partition:?}");
        assert!(before.contains(&entry), "{args}: {entry}\n{before}");
    }
}

fn bench(disk: PartedDisk) -> Bench {
    let mut world = World::new(1);
    world.add_parted_disk(DISK, disk);
    Bench::new(world)
}

fn usual() -> Value {
    json!({"device": DISK, "number": 1, "label": "gpt", "state": "present", "name": "data"})
}

fn with(mut args: Value, more: &Value) -> Value {
    args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    args
}

fn refused(disk: &PartedDisk, args: &Value) -> String {
    match bench(disk.clone()).run(&Parted, args) {
        Seen::Refused(why) | Seen::Failed(why) => why,
        other => panic!("{args}: {other:?}"),
    }
}

fn gpt(partitions: &[(u32, PartedPartition)]) -> PartedDisk {
    PartedDisk { table: Some("gpt".into()), partitions: partitions.iter().cloned().collect(), ..PartedDisk::blank(SIZE) }
}

#[test]
fn a_blank_disk_gets_a_table_and_a_partition_and_the_second_run_changes_nothing() {
    let mut bench = bench(PartedDisk::blank(SIZE));
    let args = with(usual(), &json!({"flags": ["lvm"], "unit": "MiB"}));
    let Seen::Changed(decision, change, _) = bench.run(&Parted, &args) else { panic!() };
    let [steps::Step::Parted(step)] = change.steps.as_slice() else { panic!("{change:?}") };
    assert!(matches!(&step.does, PartedDoes::Make { table: Some(table), .. } if table == "gpt"));
    let script = "unit MiB mklabel gpt mkpart primary 0% 100% unit MiB name 1 \"data\" set 1 lvm on";
    assert_eq!(decision.result["script"], json!(script.split(' ').collect::<Vec<_>>()));
    let disk = bench.machine.world().parted_disk(DISK).unwrap();
    assert_eq!((disk.partitions[&1].name.as_str(), disk.partitions[&1].flags.join(",").as_str()), ("data", "lvm"));
    assert!(matches!(bench.run(&Parted, &args), Seen::Unchanged(_)));
    let result = bench.result(&Parted, &args, None);
    assert_eq!(result["partitions"][0]["begin"], json!(1.0));
    assert_eq!((&result["disk"]["table"], &result["disk"]["unit"]), (&json!("gpt"), &json!("mib")));
}

#[test]
fn no_disk_that_holds_anything_gets_a_new_table() {
    let photos = gpt(&[(1, part(1, 62, held("ext4")))]);
    let args = json!({"device": DISK, "number": 1, "state": "present"});
    let why = refused(&photos, &args);
    assert_eq!(why, "/dev/sdb is not empty: ext4 with 1 file in its root. A new table (msdos) would take that away");
    let whole = PartedDisk { held: held("btrfs"), ..PartedDisk::blank(SIZE) };
    assert_eq!(refused(&whole, &usual()), "/dev/sdb is not empty: btrfs");
    let unknown = PartedDisk { held: PartedContent { unknown: true, ..PartedContent::default() }, ..PartedDisk::blank(SIZE) };
    assert_eq!(refused(&unknown, &usual()), "/dev/sdb is not empty: unknown data (the first at byte 4096)");
    let half = PartedDisk { is_half: true, ..gpt(&[(1, part(1, 62, held("ext4")))]) };
    assert!(refused(&half, &usual()).starts_with("/dev/sdb is not empty: "));
    let empty = gpt(&[]);
    let Seen::Changed(_, change, _) = bench(empty).run(&Parted, &args) else { panic!() };
    assert!(matches!(&change.steps[..], [steps::Step::Parted(step)] if matches!(&step.does, PartedDoes::Make { table: Some(_), .. })));
}

#[test]
fn a_partition_is_made_only_where_nothing_is() {
    let photos = gpt(&[(1, part(1, 32, held("ext4")))]);
    let second = json!({"device": DISK, "number": 2, "label": "gpt", "state": "present"});
    assert!(refused(&photos, &second).starts_with("0% to 100% of /dev/sdb is not free: it has partition 1 from 1048576B to "));
    let third = with(second.clone(), &json!({"number": 3, "part_start": "50%"}));
    assert_eq!(refused(&photos, &third), "the next partition of /dev/sdb is number 2: parted gives the numbers itself");
    let free = with(second, &json!({"part_start": "50%"}));
    let mut bench = bench(photos.clone());
    assert!(matches!(bench.run(&Parted, &free), Seen::Changed(..)));
    assert_eq!(bench.machine.world().parted_disk(DISK).unwrap().partitions[&1], photos.partitions[&1]);
    let system = gpt(&[(1, part(1, 32, PartedContent { mounted: Some("/boot".into()), ..held("ext4") }))]);
    assert_eq!(refused(&system, &free), "/dev/sdb is not empty: system (/boot)");
}

#[test]
fn only_an_empty_partition_is_named_or_removed() {
    let (full, empty) = (gpt(&[(1, part(1, 62, held("ext4")))]), gpt(&[(1, part(1, 62, PartedContent::default()))]));
    let absent = json!({"device": DISK, "number": 1, "state": "absent"});
    assert_eq!(
        refused(&full, &absent),
        "partition 1 of /dev/sdb stays: a playbook wipes nothing, and /dev/sdb1 is not empty: ext4 with 1 file in its root"
    );
    let why = "partition 1 of /dev/sdb keeps its name and its flags, and /dev/sdb1 is not empty: ext4 with 1 file in its root";
    assert_eq!(refused(&full, &usual()), why);
    assert!(matches!(bench(full).run(&Parted, &with(usual(), &json!({"name": "old"}))), Seen::Unchanged(_)));
    for args in [absent, usual()] {
        let mut bench = bench(empty.clone());
        assert!(matches!(bench.run(&Parted, &args), Seen::Changed(..)), "{args}");
        assert!(matches!(bench.run(&Parted, &args), Seen::Unchanged(_)), "{args}");
    }
}

#[test]
fn what_is_not_carried_out_is_said() {
    let half = gpt(&[(1, part(1, 32, held("ext4")))]);
    let resize = |end: &str| with(usual(), &json!({"name": "old", "resize": true, "part_end": end}));
    assert!(refused(&half, &resize("100%")).ends_with("and is not resized here"));
    assert!(refused(&half, &resize("16MiB")).ends_with("no partition is made smaller"));
    assert!(matches!(bench(half.clone()).run(&Parted, &resize("50%")), Seen::Unchanged(_)));
    let blank = PartedDisk::blank(SIZE);
    assert!(refused(&blank, &with(usual(), &json!({"label": "sun"}))).contains("tables of the kind sun"));
    assert!(refused(&blank, &with(usual(), &json!({"label": "msdos"}))).contains("has no names"));
    assert!(refused(&blank, &with(usual(), &json!({"part_type": "logical"}))).contains("logical partitions"));
    assert_eq!(refused(&blank, &with(usual(), &json!({"device": "/dev/sdc"}))), "Device /dev/sdc not found.");
    assert_eq!(refused(&half, &with(usual(), &json!({"device": "/dev/sdb1"}))), "/dev/sdb1 is a partition: name its disk");
    let info = json!({"device": DISK});
    let Seen::Unchanged(decision) = bench(half).run(&Parted, &info) else { panic!() };
    assert_eq!(decision.result["script"], json!(["unit", "KiB", "print"]));
}
