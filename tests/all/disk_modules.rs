//! Disks by Ansible's modules on a machine with disks: the playbook that people write runs on a blank disk and changes nothing the
//! second time; every disk that holds something keeps each of its bytes.

use serde_json::Value;

use crate::disks::{DISKS, machine, path, serial};
use crate::program::{Program, Ran};
use crate::provision_machines::project;
use crate::testbed::{Bed, Kind, digests_of, fill, image_digest};

/// As people write it.
const USUAL: &str = "- hosts: nodes
  become: true
  gather_facts: false
  tasks:
    - name: probe
      ansible.builtin.command: lsblk -no FSTYPE {{ disk }}1
      register: probe
      failed_when: false
      changed_when: false
    - name: partition
      community.general.parted:
        device: '{{ disk }}'
        number: 1
        label: gpt
        name: data
        part_start: 0%
        part_end: 100%
        state: present
      register: parted
    - name: format
      community.general.filesystem: {dev: '{{ disk }}1', fstype: ext4, opts: -L data}
    - name: mount
      ansible.posix.mount: {path: /srv/data, src: LABEL=data, fstype: ext4, opts: 'noatime,nofail', state: mounted}
    - name: what is registered
      ansible.builtin.assert:
        that:
          - parted.disk.table == 'gpt' and parted.disk.dev == disk and parted.disk.unit == 'kib'
          - parted.disk.size == 65536.0 and parted.disk.logical_block == 512
          - parted.partitions | map(attribute='name') | list == ['data']
          - parted.partitions[0].begin > 0 and parted.partitions[0].num == 1 and parted.partitions[0].flags == []
          - parted.script == ([] if parted is not changed else
            ['unit', 'KiB', 'mklabel', 'gpt', 'mkpart', 'primary', '0%', '100%', 'unit', 'KiB', 'name', '1', '\"data\"'])
      when: not ansible_check_mode
";

/// Disks that hold something, or cannot be told, from /dev/sdb on; and what is said of them.
const FULL: [(&str, &str); 12] = [
    ("ext4", "ext4 \\\"whole\\\" with 1 file in its root"),
    ("dos", "ext4 \\\"old\\\" with 1 file in its root"),
    ("gpt", "partition 1 of /dev/sdd keeps its name and its flags, and /dev/sdd1 is not empty: ext4 \\\"photos\\\""),
    ("luks2", "LUKS"),
    ("swap", "swap"),
    ("zfs", "a ZFS member"),
    ("mdraid", "a member of an MD array"),
    ("hybrid-iso", "iso9660 \\\"INSTALLER\\\""),
    // parted finds no table on it, and Ansible's module makes one
    ("gpt-broken-primary", "The table is damaged"),
    ("gpt-no-backup", "a GPT that is damaged"),
    ("last-mib", "unknown data"),
    ("ours", "partition 1 of /dev/sdm keeps its name and its flags, and /dev/sdm1 is not empty: ext4"),
];

/// One after the other on blank disks: each changes something the first time and nothing the second time.
const STEPS: [&str; 8] = [
    "{device: /dev/sdn, number: 1, label: gpt, part_end: 50%, flags: [lvm], state: present}",
    "{device: /dev/sdn, number: 2, label: gpt, part_start: 50%, name: second, flags: [boot], state: present}",
    "{device: /dev/sdn, number: 1, label: gpt, name: first, flags: [raid], state: present}",
    "{device: /dev/sdn, number: 1, label: gpt, state: absent}",
    "{device: /dev/sdn, number: 1, label: gpt, part_start: 4MiB, part_end: 50%, fs_type: fat32, flags: [esp], state: present}",
    "{device: /dev/sdo, number: 1, part_end: 16MiB, flags: [boot], state: present}",
    "{device: /dev/sdo, number: 2, part_start: 16MiB, part_end: -16MiB, state: present}",
    "{device: /dev/sdo, number: 2, state: absent}",
];

fn tasks(of: impl IntoIterator<Item = String>) -> String {
    let tasks: String = of.into_iter().map(|task| format!("    - community.general.parted: {task}\n      ignore_errors: true\n")).collect();
    format!("- hosts: nodes\n  become: true\n  gather_facts: false\n  tasks:\n{tasks}")
}

fn outcomes(ran: &Ran) -> Vec<String> {
    let events = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ends = events.filter(|event| event["event"] == "task_finished");
    ends.map(|event| event["outcome"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_disk_that_holds_something_keeps_it_whatever_the_modules_are_told() {
    let bed = Bed::new().unwrap();
    let machine = machine(&bed, DISKS, 64);
    let full: Vec<(String, &str)> = FULL.iter().enumerate().map(|(n, (image, _))| (path(n + 1), *image)).collect();
    let pairs: Vec<(&str, &str)> = full.iter().map(|(path, image)| (path.as_str(), *image)).collect();
    fill(&machine, &pairs).unwrap();
    let program: Program = project(&bed, std::slice::from_ref(&machine));
    let run = |playbook: &str, more: &[&str]| {
        let line = [&["provision", playbook, "-i", "hosts", "--output", "jsonl"], more].concat();
        bed.inside(|| program.run(&line)).unwrap()
    };
    let untouched = || {
        let paths: Vec<&str> = pairs.iter().map(|(path, _)| *path).collect();
        for ((path, image), digest) in pairs.iter().zip(digests_of(&machine, &paths).unwrap()) {
            assert_eq!(digest, image_digest(image).unwrap(), "{image} on {path}");
        }
    };
    program.file("usual.yml", USUAL);

    let dry = run("usual.yml", &["--check", "-e", "disk=/dev/sda"]);
    assert_eq!(outcomes(&dry), ["unchanged", "changed", "changed", "changed", "skipped"], "{}", dry.stdout);
    let first = run("usual.yml", &["-e", "disk=/dev/sda"]);
    assert_eq!(outcomes(&first), ["unchanged", "changed", "changed", "changed", "unchanged"], "{}", first.stdout);
    let second = run("usual.yml", &["-e", "disk=/dev/sda"]);
    assert!(second.code == Some(0) && outcomes(&second) == vec!["unchanged"; 5], "{}", second.stdout);
    let seen = machine
        .root_says("findmnt -no SOURCE,FSTYPE /srv/data; grep -c ^LABEL=data /etc/fstab; blkid -po value -s PART_ENTRY_NAME /dev/sda1");
    assert_eq!(seen.unwrap(), "/dev/sda1 ext4\n1\ndata");

    // a name that is made of a disk's and a number
    let by_id = machine.root_says("ls -d /dev/disk/by-id/wwn-*5eed0000* | grep -v part | head -n 1").unwrap();
    let wrong = run("usual.yml", &["-e", &format!("disk={by_id}")]);
    assert!(wrong.code == Some(2) && wrong.stdout.contains(&format!("Partition 1 of {by_id} is called {by_id}-part1")), "{}", wrong.stdout);

    // on a disk that holds something it goes no further than to the table
    for (path, image) in &pairs[..5] {
        let ran = run("usual.yml", &["-e", &format!("disk={path}")]);
        assert!(ran.code == Some(2) && outcomes(&ran).last().is_some_and(|end| end == "refused"), "{image}: {}", ran.stdout);
    }
    let of = |args: &str| tasks(pairs.iter().map(|(path, _)| format!("{{device: {path}, number: 1, {args}}}")));
    program.file("table.yml", &of("label: gpt, name: data, flags: [lvm], state: present"));
    program.file("default.yml", &of("name: data, resize: true, part_end: 50%, state: present"));
    program.file("absent.yml", &of("label: gpt, state: absent"));
    program.file("info.yml", &of("unit: MiB"));
    let table = run("table.yml", &[]);
    assert_eq!(outcomes(&table), vec!["refused"; FULL.len()], "{}", table.stdout);
    for (image, words) in FULL {
        assert!(table.stdout.contains(words), "{image}: {}", table.stdout);
    }
    for playbook in ["default.yml", "absent.yml", "info.yml"] {
        let ran = run(playbook, &[]);
        assert!(!outcomes(&ran).contains(&"changed".to_owned()) && outcomes(&ran).len() == FULL.len(), "{playbook}: {}", ran.stdout);
    }
    untouched();
}

#[test]
#[ignore = "some minutes: make vm-test"]
fn partitions_are_made_named_and_taken_away_one_by_one() {
    let bed = Bed::new().unwrap();
    let machine = machine(&bed, DISKS, 64);
    let program: Program = project(&bed, std::slice::from_ref(&machine));
    let run = |playbook: &str| bed.inside(|| program.run(&["provision", playbook, "-i", "hosts", "--output", "jsonl"])).unwrap();
    for (n, step) in STEPS.iter().enumerate() {
        let playbook = format!("step{n}.yml");
        program.file(&playbook, &tasks([(*step).to_owned(), (*step).to_owned()]));
        let ran = run(&playbook);
        assert_eq!(outcomes(&ran), ["changed", "unchanged"], "{step}: {}", ran.stdout);
    }
    // where a partition ends that is to end at 100 % is parted's own choice
    let by_hand =
        "parted -s /dev/sdm unit KiB mklabel gpt mkpart primary 50% 100%; parted -sm /dev/sdm unit MiB print | tail -n 1 | cut -d: -f 3";
    let end = machine.root_says(by_hand).unwrap();
    let seen = machine.root_says("for d in sdn sdo; do parted -sm /dev/$d unit MiB print | tail -n +3 | cut -d: -f 1,3,6,7; done");
    assert_eq!(seen.unwrap(), format!("1:32.0MiB:primary:boot, esp;\n2:{end}:second:boot, esp;\n1:16.0MiB::boot;"));
}

/// What takes half of its device: the device, its size in MiB, its type, how it is made, and whether it is mounted, as XFS and btrfs have
/// to be. mkfs.xfs makes none so small but for tests, btrfs grows to no less than 256 MiB, and resize2fs wants one that was mounted to
/// be mounted, or checked first.
const SMALL: [(&str, u32, &str, &str, bool); 5] = [
    ("/dev/sda", 64, "ext4", "mkfs.ext4 -q -d /root/told /dev/sda 32M", false),
    ("/dev/sdb", 64, "ext3", "mkfs.ext3 -q /dev/sdb 32M", true),
    ("/dev/sdc", 64, "xfs", "TEST_DIR=1 TEST_DEV=1 QA_CHECK_FS=1 mkfs.xfs -q -d size=32m /dev/sdc", true),
    ("/dev/sdd", 512, "btrfs", "mkfs.btrfs -q -b 256M /dev/sdd", true),
    ("/dev/sde", 64, "xfs", "TEST_DIR=1 TEST_DEV=1 QA_CHECK_FS=1 mkfs.xfs -q -d size=32m /dev/sde", false),
];

#[test]
#[ignore = "a minute: make vm-test"]
fn filesystems_grow_to_the_size_of_their_devices_and_keep_what_they_hold() {
    let bed = Bed::new().unwrap();
    let disks = SMALL.iter().enumerate();
    let machine = disks.fold(bed.machine("w1").kind(Kind::Uml), |spec, (n, (_, size, ..))| spec.disk(&serial(n), *size)).start().unwrap();
    let program: Program = project(&bed, std::slice::from_ref(&machine));
    let tasks: String = SMALL
        .iter()
        .map(|(dev, _, fstype, ..)| {
            format!("    - community.general.filesystem: {{dev: {dev}, fstype: {fstype}, resizefs: true}}\n      ignore_errors: true\n")
        })
        .collect();
    program.file("grow.yml", &format!("- hosts: nodes\n  become: true\n  gather_facts: false\n  tasks:\n{tasks}"));
    machine.root_says("mkdir /root/told; head -c 4M /dev/urandom >/root/told/file").unwrap();
    for (dev, _, _, make, is_mounted) in SMALL {
        let mount = if is_mounted { "mkdir $at; mount $dev $at; cp /root/told/file $at" } else { "" };
        machine.root_says(&format!("set -e; dev={dev} at=/srv/{}; {make}; {mount}", &dev[5..])).unwrap();
    }
    // the parts of their devices that they take, some of it for themselves
    let parts = || {
        let asked = SMALL.map(|(dev, size, _, _, is_mounted)| {
            let (at, mount) =
                if is_mounted { (&dev[5..], String::new()) } else { ("at", format!("mkdir /srv/at; mount -o ro {dev} /srv/at;")) };
            let away = if is_mounted { "" } else { "umount /srv/at; rmdir /srv/at" };
            let holds = if dev == "/dev/sde" { "" } else { "cmp /root/told/file $at/file;" };
            format!("{mount} at=/srv/{at}; {holds} echo $(($(stat -fc '%b*%S' $at) * 100 / ({size} << 20))); {away}")
        });
        machine.root_says(&format!("set -e\n{}", asked.join("\n"))).unwrap().lines().map(|line| line.parse().unwrap()).collect::<Vec<u32>>()
    };
    let are_small = |parts: &[u32]| parts.iter().map(|part| *part <= 60).collect::<Vec<_>>();
    let run = |more: &[&str]| {
        let line = [&["provision", "grow.yml", "-i", "hosts", "--output", "jsonl"], more].concat();
        bed.inside(|| program.run(&line)).unwrap()
    };
    let ends = ["changed", "changed", "changed", "changed", "failed"];
    let dry = run(&["--check"]);
    assert_eq!(outcomes(&dry), ends, "{}", dry.stdout);
    // looked at by mounting it, the first would have to be checked
    let is = machine.root_says("tune2fs -l /dev/sda | sed -n 's/^Block count: *//p'").unwrap();
    assert_eq!(is, (32 << 10).to_string());
    let first = run(&[]);
    assert_eq!(outcomes(&first), ends, "{}", first.stdout);
    assert!(first.stdout.contains("/dev/sde needs to be mounted for xfs operations"), "{}", first.stdout);
    let second = run(&[]);
    assert_eq!(outcomes(&second), ["unchanged", "unchanged", "unchanged", "unchanged", "failed"], "{}", second.stdout);
    assert_eq!(are_small(&parts()), [false, false, false, false, true], "{:?}", parts());
}
