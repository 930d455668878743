//! What real disks are taken for: one image for each kind of contents, and those in use. Reading changes no byte.

use homelabctl::disk::{Class, examine_each};
use homelabctl::node::facts::Extent;
use homelabctl::plan::{FactKey, Facts, Scope, Stop, Store};

use crate::facts_machines::read;
use crate::program::{Program, Ran, filters};
use crate::provision_machines::project;
use crate::testbed::{Bed, Kind, Machine, digests_of, fill, image_digest};

/// What each image is taken for, in the words that a person sees.
const IMAGES: [(&str, &str); 42] = [
    ("blank", "blank"),
    ("random", "unknown data (the first at byte 0)"),
    ("last-mib", "unknown data (the first at byte 66060288)"),
    ("middle-seen", "unknown data (the first at byte 41943040)"),
    // the stated limit of sampling: a full scan sees it (below)
    ("middle-unseen", "blank"),
    ("gpt-empty", "a partition table without partitions"),
    ("dos-empty", "a partition table without partitions"),
    ("gpt", "ext4 \"photos\" with 1 file in its root"),
    ("dos", "ext4 \"old\" with 1 file in its root"),
    ("protective-mbr", "a protective MBR"),
    (
        "gpt-broken-primary",
        "unknown: partitions in its table: 1; that the kernel knows: none. The table is damaged, or was changed and not read again",
    ),
    ("gpt-no-backup", "a protective MBR and a GPT that is damaged or not alone"),
    ("gpt-blank-partition", "GPT: partition 1 \"spare\" nothing known"),
    ("ext2", "ext2"),
    ("ext3", "ext3"),
    ("ext4", "ext4 \"whole\" with 1 file in its root"),
    ("same-label-1", "ext4 \"twin\" with 1 file in its root"),
    ("same-label-2", "ext4 \"twin\" with 1 file in its root"),
    ("xfs", "xfs \"cold\" with no files"),
    ("btrfs", "btrfs"),
    ("vfat", "vfat"),
    ("ntfs", "ntfs and an MBR"),
    ("swap", "swap"),
    ("luks1", "LUKS"),
    ("luks2", "LUKS"),
    ("zfs", "a ZFS member"),
    ("bcache", "bcache"),
    ("mdraid", "a member of an MD array \"nas:0\""),
    ("bluestore", "Ceph BlueStore"),
    ("bitlocker", "BitLocker and an MBR"),
    ("hybrid-iso", "iso9660 \"INSTALLER\", MBR: partition 1 nothing known"),
    ("new", "ours, not yet formatted"),
    ("new-formatted", "ours, formatted, not yet named"),
    ("new-half", "ours, not yet formatted"),
    ("new-xfs", "ours, formatted, not yet named"),
    ("new-xfs-broken", "ours, damaged: the xfs in /dev/DISK1 was used before it was finished, and has errors"),
    ("new-xfs-cut", "ours, not yet formatted"),
    ("new-used", "ours, damaged: the ext4 in /dev/DISK1 was used before it was finished, and has errors"),
    ("new-foreign", "vfat in a partition named homelabctl-new"),
    ("ours", "ours, not mounted"),
    ("ours-damaged", "ours, damaged: the partition /dev/DISK1 is to hold"),
    ("longhorn-data", "Longhorn data, not mounted"),
];

/// As many as a machine may have beside the one that it starts from.
pub const DISKS: usize = 15;

/// The kernel's path of a disk, by its place.
pub fn path(n: usize) -> String {
    format!("/dev/sd{}", char::from(b'a' + u8::try_from(n).unwrap()))
}

/// Its serial number.
pub fn serial(n: usize) -> String {
    format!("5eed{n:04}")
}

/// A machine with so many disks of so many MiB.
pub fn machine(bed: &Bed, disks: usize, mebibytes: u32) -> Machine {
    let spec = (0..disks).fold(bed.machine("w1").kind(Kind::Uml), |spec, n| spec.disk(&serial(n), mebibytes));
    spec.start().unwrap()
}

/// What those devices are, read by the library's own facts.
fn classes(m: &Machine, paths: &[&str], extent: Extent) -> Vec<Class> {
    let (mut store, scope) = (Store::default(), Scope::new("w1", "root"));
    loop {
        match examine_each(&Facts::new(&store, scope.clone()), paths, extent) {
            Ok(examined) => return examined.into_iter().map(|examined| examined.class).collect(),
            Err(Stop::Need(keys)) => {
                let queries: Vec<_> = keys.into_iter().map(|key| key.query).collect();
                for (query, reading) in read(m, "dash", &queries) {
                    store.insert(FactKey { scope: scope.clone(), query }, reading.into());
                }
            }
            Err(Stop::Unknown(unknown)) => panic!("{unknown:?}"),
        }
    }
}

fn explain(program: &Program, disk: &str) -> Ran {
    program.run(&["disk", "explain", "w1", disk, "-i", "hosts"])
}

fn class(m: &Machine, path: &str) -> String {
    classes(m, &[path], Extent::Sampled).remove(0).to_string()
}

#[test]
fn every_image_is_what_its_name_says_and_stays_so() {
    let bed = Bed::new().unwrap();
    let m = machine(&bed, DISKS, 64);
    let mut wrong = String::new();
    for images in IMAGES.chunks(DISKS) {
        let paths: Vec<String> = (0..images.len()).map(path).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let filled: Vec<(&str, &str)> = paths.iter().copied().zip(images.iter().map(|(image, _)| *image)).collect();
        fill(&m, &filled).unwrap();
        let classes = classes(&m, &paths, Extent::Sampled);
        for (((image, words), class), path) in images.iter().zip(&classes).zip(&paths) {
            let words = words.replace("/dev/DISK", path);
            if !class.to_string().starts_with(&words) || (class.to_string() != words && *image != "ours-damaged") {
                wrong.push_str(&format!("{image}: {class} ({class:?})\n"));
            }
        }
        if let Some((path, _)) = filled.iter().find(|(_, image)| *image == "middle-unseen") {
            assert_eq!(self::classes(&m, &[path], Extent::Full), [Class::UnknownData { at: (40 << 20) + (256 << 10) }]);
        }
        if let Some((path, _)) = filled.iter().find(|(_, image)| *image == "gpt-blank-partition") {
            assert_eq!(self::classes(&m, &[&format!("{path}1")], Extent::Sampled), [Class::BlankPartition]);
        }
        for ((image, _), digest) in images.iter().zip(digests_of(&m, &paths).unwrap()) {
            assert_eq!(digest, image_digest(image).unwrap(), "{image}");
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn disks_in_use_and_what_a_person_sees_of_them() {
    let bed = Bed::new().unwrap();
    let m = machine(&bed, 11, 64);
    let filled = ["longhorn-data", "ext4", "swap", "gpt", "ours", "vfat", "gpt-blank-partition"];
    let disks: Vec<String> = (0..filled.len()).map(path).collect();
    let pairs: Vec<(&str, &str)> = disks.iter().map(String::as_str).zip(filled).collect();
    fill(&m, &pairs).unwrap();
    m.root_says(
        "set -e; mkdir -p /var/lib/longhorn /mnt/ours; mount /dev/sda1 /var/lib/longhorn; mount /dev/sde1 /mnt/ours; swapon /dev/sdc
        systemd-run -q unshare --mount sh -c 'mount /dev/sdb /srv; exec sleep 1000'
        modprobe dm-mod; dmsetup create upper --table '0 8192 linear /dev/sdd1 0'
        pvcreate -q /dev/sdh /dev/sdi /dev/sdj >/dev/null; vgcreate -q empty /dev/sdi >/dev/null; vgcreate -q nas /dev/sdj >/dev/null
        lvcreate -q -an -Zn -l 2 -n photos nas >/dev/null; lvcreate -q -an -Zn -l 2 -n films nas >/dev/null; udevadm settle; sleep 1",
    )
    .unwrap();
    assert_eq!(m.root_says("findmnt -n /srv || echo none").unwrap(), "none");
    let nas = "an LVM physical volume (group \"nas\", 2 volumes)";
    for (path, words) in [
        ("/dev/ubda", "system (/)"),
        ("/dev/sda", "Longhorn data, mounted on /var/lib/longhorn"),
        ("/dev/sdb", "in use: ext4 mounted on /srv"),
        ("/dev/sdc", "in use: /dev/sdc is swap"),
        ("/dev/sdd", "in use: dm-0 stands on it (partition 1 \"photos\" ext4 \"photos\")"),
        ("/dev/sde", "ours, mounted on /mnt/ours"),
        ("/dev/sdh", "an LVM physical volume in no group"),
        ("/dev/sdi", "LVM: group empty, without volumes"),
        ("/dev/sdj", nas),
        ("/dev/sdk", "blank"),
        ("/dev/sdz", "missing"),
    ] {
        assert_eq!(class(&m, path), words, "{path}");
    }
    m.root_says("vgchange -q -ay nas >/dev/null").unwrap();
    assert_eq!(class(&m, "/dev/sdj"), nas);

    bed.enter().unwrap();
    let program = project(&bed, std::slice::from_ref(&m));
    let list = program.run(&["disk", "list", "-i", "hosts"]);
    assert_eq!(list.code, Some(0), "{}", list.all());
    let _filters = filters();
    // LVM's UUIDs are drawn
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\b[A-Za-z0-9]{6}(-[A-Za-z0-9]{4}){5}-[A-Za-z0-9]{6}\b", "UUID");
    settings.add_filter(r"LVM-[A-Za-z0-9]{64}", "LVM-UUID");
    let _settings = settings.bind_to_scope();
    // below each SCSI disk there is the device of User-mode Linux that it is made of
    let of_machine = |line: &&str| !line.contains("/dev/ubd") || line.contains("/dev/ubda");
    insta::assert_snapshot!("disk_list", list.stdout.lines().filter(of_machine).collect::<Vec<_>>().join("\n"));
    let json = program.run(&["disk", "list", "-i", "hosts", "--output", "json"]);
    let document: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let disks = document.pointer("/hosts/w1/answer/disks");
    assert_eq!(disks.and_then(|disks| disks.as_array()).map(Vec::len), Some(23), "{}", json.stdout);
    for (disk, name) in [("/dev/sdj", "explain_lvm"), ("5eed0004", "explain_ours"), ("/dev/sdk", "explain_blank")] {
        let explained = explain(&program, disk);
        assert_eq!(explained.code, Some(0), "{}", explained.all());
        insta::assert_snapshot!(name, explained.stdout);
    }
    let missing = explain(&program, "5eed");
    assert!(missing.code == Some(2) && missing.stderr.contains("there is no such disk"), "{}", missing.all());
}

#[test]
fn disks_that_cannot_be_read_written_told_apart_or_are_gone() {
    let bed = Bed::new().unwrap();
    let twins = bed.machine("w1").kind(Kind::Uml).disk("5eedaaaa", 64).disk("5eedaaaa", 64);
    let m = twins.disk("5eed0001", 64).disk("5eed0002", 64).disk("5eed0003", 64).start().unwrap();
    fill(&m, &[("/dev/sdd", "ext4")]).unwrap();
    // a sector in the middle, one at the end, and a filesystem whose root directory cannot be read
    m.root_says(
        "set -e; modprobe dm-mod; blockdev --setro /dev/sdc
        printf '0 49152 linear /dev/sde 0\n49152 8192 error\n57344 73728 linear /dev/sde 57344\n' | dmsetup create middle
        printf '0 131064 linear /dev/sde 0\n131064 8 error\n' | dmsetup create end
        printf '0 8 linear /dev/sdd 0\n8 131064 error\n' | dmsetup create root; udevadm settle",
    )
    .unwrap();
    assert_eq!(class(&m, "/dev/sdc"), "blank, and read-only");
    for name in ["middle", "end", "root"] {
        let said = class(&m, &m.root_says(&format!("readlink -f /dev/mapper/{name}")).unwrap());
        assert!(said.starts_with("unknown: ") && said.contains("Input/output error"), "{name}: {said}");
    }
    m.root_says("dmsetup remove middle; dmsetup remove end; echo 1 >/sys/block/sde/device/delete; udevadm settle").unwrap();
    assert_eq!(class(&m, "/dev/sde"), "missing");

    bed.enter().unwrap();
    let program = project(&bed, std::slice::from_ref(&m));
    let by_id = m.root_says("ls /dev/disk/by-id | grep ^wwn-0x60014055eedaaaa").unwrap();
    for name in ["5eedaaaa", by_id.as_str()] {
        let ran = explain(&program, name);
        assert!(ran.code == Some(2) && ran.stderr.contains("several disks answer to that"), "{name}: {}", ran.all());
    }
    let gone = explain(&program, "5eed0003");
    assert!(gone.code == Some(2) && gone.stderr.contains("there is no such disk"), "{}", gone.all());
    for name in ["5eed0001", "/dev/sda"] {
        assert_eq!(explain(&program, name).code, Some(0), "{name}");
    }
}
