//! Machines with disks of every class, drawn from chance.

use serde_json::{Value, json};

use crate::disk::{FINAL_LABEL, NEW_LABEL, filesystem_uuid, partition_uuid};
use crate::modules::bench::{Bench, Seen};
use crate::node::facts::{LvmState, Soundness};
use crate::node::simulated::{DiskChange, Held, Random, SimulatedDisk, World};

pub(super) const MACHINE: &str = "5eed5eed5eed5eed5eed5eed5eed5eed";
const FSTAB: &str = "# /etc/fstab\nUUID=aa-1 / ext4 errors=remount-ro 0 1\n\nnas:/films /srv/films nfs ro,nofail 0 0\n";

/// A drawn machine.
pub(crate) struct Drawn {
    pub(crate) world: World,
    /// Serial number of each disk, and what it was drawn as.
    pub(crate) disks: Vec<(String, &'static str)>,
}

/// What a disk may be drawn as. Half of all are such that something is to be done.
const KINDS: [&str; 35] = [
    "blank",
    "blank",
    "blank",
    "blank",
    "empty GPT",
    "empty MBR",
    "new",
    "new, torn mkfs",
    "new, formatted",
    "new, of another machine",
    "ours",
    "ours",
    "ours, mounted",
    "ours, in fstab",
    "ours, damaged",
    "ours, with a layer",
    "new, used and damaged",
    "new with vfat",
    "new with another's UUID",
    "new, no second table",
    "Longhorn data",
    "Longhorn data on the disk",
    "ext4",
    "GPT",
    "volume",
    "volume in a group",
    "swap",
    "unknown data",
    UNSEEN,
    "system",
    "mounted elsewhere",
    "LUKS",
    "ambiguous",
    "read-only",
    "fails",
];

/// Samples do not see it, and a full scan does.
const UNSEEN: &str = "data that samples do not see";

pub(super) fn id(serial: &str) -> String {
    format!("scsi-0QEMU_QEMU_HARDDISK_{serial}")
}

fn ours_uuid(serial: &str) -> String {
    partition_uuid(MACHINE, &id(serial))
}

fn ours(disk: SimulatedDisk, uuid: &str, name: &str, held: Held) -> SimulatedDisk {
    disk.with_table(true, vec![(uuid.to_owned(), name.to_owned(), held)])
}

fn whole(random: &mut Random, uuid: &str, files: &[&str]) -> Held {
    Held::of(random.pick(&["ext4", "xfs"]).unwrap(), &filesystem_uuid(uuid), files)
}

/// A disk of that kind.
fn disk(random: &mut Random, n: usize, serial: &str, kind: &str) -> SimulatedDisk {
    let name = format!("sd{}", char::from(b'b' + u8::try_from(n).unwrap()));
    let mut disk = SimulatedDisk::new(&name, serial, (100 + 20 * n as u64) << 10);
    disk.wwn = random.once_in(3).then(|| format!("0x5000c5000000{n:04}"));
    let uuid = ours_uuid(serial);
    let there = |kind: &str| Held::of(kind, "7e57ed00-0000-4000-8000-000000000001", &["lost+found", "photos"]);
    match kind {
        "empty GPT" => disk.with_table(true, vec![]),
        "empty MBR" => disk.with_table(false, vec![]),
        "new" => ours(disk, &uuid, NEW_LABEL, Held::default()),
        "new, torn mkfs" => {
            let held = Held { soundness: Some(Soundness::Unfinished), ..whole(random, &uuid, &[]) };
            ours(disk, &uuid, NEW_LABEL, held)
        }
        "new, formatted" => ours(disk, &uuid, NEW_LABEL, whole(random, &uuid, &[])),
        "new, of another machine" => {
            let uuid = partition_uuid("another", &id(serial));
            let held = if random.once_in(2) { whole(random, &uuid, &[]) } else { Held::default() };
            ours(disk, &uuid, NEW_LABEL, held)
        }
        "new, used and damaged" => {
            let held = Held { soundness: Some(Soundness::Damaged), ..whole(random, &uuid, &["replicas"]) };
            ours(disk, &uuid, NEW_LABEL, held)
        }
        "new with vfat" => ours(disk, &uuid, NEW_LABEL, there("vfat")),
        "new with another's UUID" => ours(disk, &uuid, NEW_LABEL, there("ext4")),
        "new, no second table" => ours(disk, &uuid, NEW_LABEL, Held::default()).without_backup(),
        "ours" | "ours, mounted" | "ours, in fstab" => ours(disk, &uuid, FINAL_LABEL, whole(random, &uuid, &["lost+found", "replicas"])),
        "ours, damaged" => ours(disk, &uuid, FINAL_LABEL, if random.once_in(2) { Held::default() } else { there("ext4") }),
        "ours, with a layer" => {
            let mut disk = ours(disk, &uuid, FINAL_LABEL, whole(random, &uuid, &["replicas"]));
            disk.stacked.push((1, "dm-0".into()));
            disk
        }
        "Longhorn data" => {
            let held =
                Held::of("ext4", &format!("10c9{n:04}-0000-4000-8000-000000000009"), &["lost+found", "longhorn-disk.cfg", "replicas"]);
            ours(disk, "9a97", "primary", held)
        }
        "Longhorn data on the disk" => disk.holding(Held::of("xfs", &format!("10c9{n:04}-0000-4000-8000-000000000008"), &["replicas"])),
        "ext4" => disk.holding(there("ext4")),
        "GPT" => {
            let parts = [("a-1", there("ext4")), ("a-2", Held::default())].map(|(uuid, held)| (uuid.to_owned(), "data".to_owned(), held));
            disk.with_table(!random.once_in(3), parts.into())
        }
        "volume" | "volume in a group" => {
            let volumes = u32::from(kind == "volume in a group");
            disk.lvm = Some(LvmState { group: (volumes > 0).then(|| "nas".into()), volumes });
            disk.holding(Held::of("LVM2_member", "pv-1", &[]))
        }
        "swap" => {
            disk.swap = random.once_in(2).then_some(0).into_iter().collect();
            disk.holding(Held::of("swap", "5a-1", &[]))
        }
        "unknown data" => {
            let at = *random.pick(&[0, 4 << 10, 5 << 20, 18 << 20, disk.size - 4096, disk.size - (3 << 20)]).unwrap();
            disk.holding(Held { data: vec![at], ..Held::default() })
        }
        UNSEEN => disk.holding(Held { data: vec![30 << 20], ..Held::default() }),
        "system" => {
            disk.mounted.push((1, (*random.pick(&["/", "/boot", "/var"]).unwrap()).into(), false));
            ours(disk, "5e", "root", there("ext4"))
        }
        "mounted elsewhere" => {
            disk.mounted.push((0, "/mnt".into(), true));
            disk.holding(there("ext4"))
        }
        "LUKS" => disk.holding(Held::of("crypto_LUKS", "1c-1", &[])),
        "ambiguous" => disk.holding(Held { is_ambiguous: true, traces: vec![(0x52, "vfat".into())], ..there("ext4") }),
        "read-only" => {
            disk.read_only = true;
            if random.once_in(2) { ours(disk, &uuid, NEW_LABEL, Held::default()) } else { disk }
        }
        "fails" => {
            disk.fails = true;
            disk
        }
        _ => disk,
    }
}

/// A machine with up to five disks, its fstab, and what is at the places that they are to be mounted on.
pub(crate) fn machine(random: &mut Random, places: &[&str]) -> Drawn {
    let mut world = World::new(random.number());
    world.set_machine_id(MACHINE);
    for path in ["/var/lib", "/srv"] {
        world.add_directory(path, 0o755);
    }
    let mut fstab = FSTAB.to_owned();
    let mut disks = Vec::new();
    let mut free: Vec<&str> = places.to_vec();
    for n in 0..=1 + random.below(4) {
        // two that cannot be told apart
        let serial = if random.once_in(25) { "lh0".to_owned() } else { format!("lh{n}") };
        let kind = *random.pick(&KINDS).unwrap();
        let disk = disk(random, n, &serial, kind);
        if kind == "ours, mounted" || kind == "ours, in fstab" {
            let uuid = filesystem_uuid(&ours_uuid(&serial));
            if let Some(place) = free.pop() {
                world.add_directory(place, 0o755);
                fstab.push_str(&format!("UUID={uuid} {place} ext4 defaults,nofail 0 2\n"));
            }
        }
        world.add_disk(disk);
        disks.push((serial, kind));
    }
    for place in free {
        match random.below(12) {
            0 => {
                world.add_directory(place, 0o755);
                world.add_file(&format!("{place}/volume.img"), b"x", 0o644);
            }
            1 => world.add_file(place, b"", 0o644),
            2 => world.add_link(place, "/srv"),
            3 => {
                world.add_directory(place, 0o755);
                world.add_mount(place, "tmpfs", "tmpfs", "rw");
            }
            4 => fstab.push_str(&format!("UUID=0dd0dd00-0000-4000-8000-000000000000 {place} ext4 defaults 0 2\n")),
            5..=8 => world.add_directory(place, 0o755),
            _ => {}
        }
    }
    if !random.once_in(20) {
        world.add_file("/etc/fstab", fstab.as_bytes(), 0o644);
        if disks.iter().any(|(_, kind)| *kind == "ours, mounted") {
            world.mount_what_fstab_says();
        }
    }
    Drawn { world, disks }
}

/// What is asked of one of the disks.
pub(crate) fn task(random: &mut Random, drawn: &Drawn, n: usize, place: &str) -> Value {
    let (serial, kind) = (&drawn.disks[n].0, drawn.disks[n].1);
    let mut args = json!({"mount": place});
    match random.below(10) {
        0 => args["serial"] = serial.as_str().into(),
        1 => args["size"] = format!("{}G..{}G", 95 + 20 * n, 105 + 20 * n).into(),
        2 => {
            args["device"] = format!("/dev/sd{}", char::from(b'b' + u8::try_from(n).unwrap())).into();
            args["allow_unstable_name"] = true.into();
        }
        _ => args["by_id"] = id(serial).into(),
    }
    let options: &[(&str, &[Value])] = &[
        ("fs", &[json!("xfs"), json!("ext4")]),
        ("opts", &[json!("defaults,nofail,noatime"), json!("nofail,x-systemd.device-timeout=5s")]),
        ("full_scan", &[json!(true)]),
        ("guard_mount_point", &[json!(false)]),
        ("tags", &[json!(["ssd"])]),
    ];
    for (name, values) in options {
        if random.once_in(4) {
            args[*name] = random.pick(values).unwrap().clone();
        }
    }
    // what they would not see would be formatted: that is what the option is for. A name may be such a disk's at another time: the
    // kernel's after a restart, one that two disks have when the other is pulled out
    let may_be = |(other, kind): &(String, &str)| *kind == UNSEEN && (args.get("device").is_some() || other == serial);
    if kind == UNSEEN || drawn.disks.iter().any(may_be) {
        args["full_scan"] = true.into();
    }
    args
}

/// For [`crate::modules::proof`].
pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
    let drawn = machine(random, &["/var/lib/longhorn"]);
    let n = random.below(drawn.disks.len());
    let mut args = task(random, &drawn, n, "/var/lib/longhorn");
    let options: &[(&str, &[Value])] = &[
        ("name", &[json!("ssd-1"), json!("two words")]),
        ("storage_reserved", &[json!("10G"), json!("900G")]),
        ("mount", &[json!("/srv/../x"), json!("/"), json!("/srv/new/place")]),
        ("by_id", &[json!("scsi-none")]),
        ("opts", &[json!("a\nb")]),
    ];
    for (name, values) in options {
        if random.once_in(12) && (*name != "by_id" || args.get("by_id").is_some()) {
            args[*name] = random.pick(values).unwrap().clone();
        }
    }
    (Bench::new(drawn.world), args)
}

/// Nothing that was not empty or new was written over.
pub(in crate::modules) fn look(args: &Value, bench: &mut Bench, _: &Seen) {
    assert_eq!(bench.machine.world().wrongly_written(), [] as [String; 0], "{args}");
}

/// What somebody may do to a disk meanwhile.
pub(super) fn change(random: &mut Random, serial: &str) -> DiskChange {
    let theirs = Held::of("ext4", "7e57ed00-0000-4000-8000-0000000000ff", &["lost+found", "photos"]);
    match random.below(11) {
        0 => DiskChange::Data(*random.pick(&[0, 4 << 10, 5 << 20]).unwrap()),
        1 => DiskChange::Filesystem(theirs),
        2 => DiskChange::Partition("7e57".into(), "data".into(), theirs),
        // a copy of our disk, or a disk of ours from elsewhere
        3 => DiskChange::Partition(ours_uuid(serial), FINAL_LABEL.into(), whole(random, &ours_uuid(serial), &["replicas"])),
        4 => DiskChange::MountedElsewhere,
        5 => DiskChange::Damaged,
        6 => DiskChange::Overwritten,
        7 => DiskChange::Taken,
        8 => DiskChange::Gone,
        9 => DiskChange::ReadOnly,
        _ => DiskChange::Fails,
    }
}
