//! `homelab.longhorn_disk` on real disks: what may be written to is finished, and of all others no byte changes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::disks::{DISKS, machine, path, serial};
use crate::program::{Program, Ran};
use crate::provision_machines::project;
use crate::testbed::{Bed, Kind, Machine, digests_of, fill, image_digest};

/// What becomes of each prepared image: the class that it had, or the words of the refusal.
const BECOMES: [(&str, Becomes); 42] = [
    ("blank", Becomes::Ours),
    ("random", Becomes::Refused("is not blank: at byte 0 it holds data of no known format")),
    ("last-mib", Becomes::Refused("is not blank: at byte 66060288 it holds data of no known format")),
    ("middle-seen", Becomes::Refused("is not blank: at byte 41943040 it holds data of no known format")),
    // the stated limit of sampling, which a full scan does not have (below)
    ("middle-unseen", Becomes::Ours),
    ("gpt-empty", Becomes::Ours),
    ("dos-empty", Becomes::Ours),
    ("gpt", Becomes::Refused("is not blank: it holds ext4 \"photos\" with 1 file in its root")),
    ("dos", Becomes::Refused("is not blank: it holds ext4 \"old\"")),
    ("protective-mbr", Becomes::Refused("is not blank: it holds a protective MBR")),
    ("gpt-broken-primary", Becomes::Refused("The table is damaged")),
    ("gpt-no-backup", Becomes::Refused("a GPT that is damaged or not alone")),
    ("gpt-blank-partition", Becomes::Refused("is not blank: it holds GPT: partition 1 \"spare\"")),
    ("ext2", Becomes::Refused("ext2")),
    ("ext3", Becomes::Refused("ext3")),
    ("ext4", Becomes::Refused("ext4 \"whole\" with 1 file in its root")),
    ("same-label-1", Becomes::Refused("ext4 \"twin\"")),
    ("same-label-2", Becomes::Refused("ext4 \"twin\"")),
    ("xfs", Becomes::Refused("xfs \"cold\" with no files")),
    ("btrfs", Becomes::Refused("btrfs")),
    ("vfat", Becomes::Refused("vfat")),
    ("ntfs", Becomes::Refused("ntfs")),
    ("swap", Becomes::Refused("swap")),
    ("luks1", Becomes::Refused("LUKS")),
    ("luks2", Becomes::Refused("LUKS")),
    ("zfs", Becomes::Refused("a ZFS member")),
    ("bcache", Becomes::Refused("bcache")),
    ("mdraid", Becomes::Refused("a member of an MD array \"nas:0\"")),
    ("bluestore", Becomes::Refused("Ceph BlueStore")),
    ("bitlocker", Becomes::Refused("BitLocker")),
    ("hybrid-iso", Becomes::Refused("iso9660 \"INSTALLER\"")),
    ("new", Becomes::Ours),
    ("new-formatted", Becomes::Ours),
    ("new-half", Becomes::Ours),
    ("new-xfs", Becomes::Ours),
    ("new-xfs-broken", Becomes::Refused("was used before it was finished")),
    ("new-xfs-cut", Becomes::Ours),
    ("new-used", Becomes::Refused("was used before it was finished")),
    ("new-foreign", Becomes::Refused("vfat in a partition named homelabctl-new")),
    ("ours", Becomes::Ours),
    ("ours-damaged", Becomes::Refused("is damaged, and may hold Longhorn's data")),
    ("longhorn-data", Becomes::Longhorns),
];

#[derive(Clone, Copy, PartialEq)]
enum Becomes {
    /// Ours, mounted.
    Ours,
    /// Mounted, and otherwise as it was.
    Longhorns,
    /// No byte of it changes, and these words are said.
    Refused(&'static str),
}

const PLAYBOOK: &str = "- hosts: nodes
  become: true
  gather_facts: false
  tasks:
    - name: disks
      homelab.longhorn_disk:
        serial: '{{ item }}'
        mount: '/srv/{{ item }}'
        name: 'disk-{{ item }}'
        opts: '{{ opts | default(\"defaults,nofail\") }}'
        full_scan: '{{ full | default(false) }}'
      loop: '{{ disks }}'
      register: result
";

/// Each would write to a disk that holds something, if it were let.
const BY_HAND: &str = "- hosts: nodes
  become: true
  gather_facts: false
  tasks:
    - {name: table, command: 'parted -s {{ item }} mklabel gpt', loop: '{{ disks }}', ignore_errors: true}
    - {name: mkfs, shell: 'mkfs.ext4 -q -F {{ item }}', loop: '{{ disks }}', ignore_errors: true}
    - {name: module, community.general.filesystem: {dev: '{{ item }}', fstype: btrfs, force: true}, loop: '{{ disks }}', ignore_errors: true}
    - {name: usual, shell: \"blkid {{ item }}9 || parted -s {{ item }} mklabel gpt mkpart data ext4 0% 100%\", loop: '{{ disks }}', ignore_errors: true}
";
/// Which of the images hold nothing, so that they would be written to by hand, too.
const EMPTY: [&str; 4] = ["blank", "middle-unseen", "gpt-empty", "dos-empty"];

struct Node {
    program: Program,
    machine: Machine,
    bed: Bed,
}

impl Node {
    fn new(disks: usize) -> Self {
        let bed = Bed::new().unwrap();
        let machine = machine(&bed, disks, 64);
        let program = project(&bed, std::slice::from_ref(&machine));
        program.file("disks.yml", PLAYBOOK).file("by-hand.yml", BY_HAND);
        Self { program, machine, bed }
    }

    fn run(&self, disks: usize, more: &[&str]) -> Ran {
        let serials: Vec<String> = (0..disks).map(serial).collect();
        let extra = format!("{{\"disks\": {}}}", serde_json::to_string(&serials).unwrap());
        let words = [&["provision", "-i", "hosts", "disks.yml", "-e", &extra], more].concat();
        self.bed.inside(|| self.program.run(&words)).unwrap()
    }

    /// All that is tried is refused, but a filesystem of the type that is there already.
    fn by_hand(&self, disks: Vec<&str>) {
        let extra = format!("{{\"disks\": {}}}", serde_json::to_string(&disks).unwrap());
        let words = ["provision", "-i", "hosts", "by-hand.yml", "--output", "jsonl", "-e", &extra];
        let ran = self.bed.inside(|| self.program.run(&words)).unwrap();
        for (task, results) in ["table", "mkfs", "module", "usual"].map(|task| (task, results(&ran, task))) {
            for result in results {
                let is_same = task == "module" && result["failed"] != true && result["changed"] == false;
                assert!(
                    is_same || result["msg"].as_str().is_some_and(|text| text.contains("not empty") || text.contains("already used")),
                    "{task}: {result}"
                );
            }
        }
    }

    fn says(&self, script: &str) -> String {
        self.machine.root_says(script).unwrap()
    }
}

/// What came of each disk, in the order of the loop.
fn results(ran: &Ran, name: &str) -> Vec<Value> {
    let events = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{}", ran.all())));
    let task = events.into_iter().find(|event| event["event"] == "task_finished" && event["task"] == name);
    task.unwrap_or_else(|| panic!("{}", ran.all()))["result"]["results"].as_array().unwrap().clone()
}

#[test]
#[ignore = "some minutes: make vm-test"]
fn of_every_prepared_disk_only_what_is_empty_or_ours_is_written_to() {
    let node = Node::new(DISKS);
    let mut wrong = String::new();
    for images in BECOMES.chunks(DISKS) {
        node.says("umount /srv/* 2>/dev/null; chattr -i /srv/* 2>/dev/null; rm -rf /srv/*; sed -i '\\|/srv/|d' /etc/fstab; systemctl daemon-reload");
        let paths: Vec<String> = (0..images.len()).map(path).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        fill(&node.machine, &paths.iter().copied().zip(images.iter().map(|(image, _)| *image)).collect::<Vec<_>>()).unwrap();
        let fstab = node.says("cat /etc/fstab");

        let foretold = results(&node.run(images.len(), &["--check", "--output", "jsonl"]), "disks");
        for ((image, _), digest) in images.iter().zip(digests_of(&node.machine, &paths).unwrap()) {
            assert_eq!(digest, image_digest(image).unwrap(), "{image} in check mode");
        }
        let first = node.run(images.len(), &["--yes", "--output", "jsonl"]);
        assert_eq!(first.code, Some(2), "{}", first.all());
        let done = results(&first, "disks");
        let mounted = node.says("findmnt --real -rn -o TARGET,SOURCE,FSTYPE | grep ' /dev/sd' || :");
        let labels = node.says(&format!("lsblk -rno NAME,PARTLABEL {}", paths.join(" ")));
        let digests = digests_of(&node.machine, &paths).unwrap();
        for (n, (image, becomes)) in images.iter().enumerate() {
            let (result, message) = (&done[n], done[n]["msg"].as_str().unwrap_or_default());
            let is_there = mounted.lines().any(|line| line.starts_with(&format!("/srv/{} {}", serial(n), path(n))));
            let is_named = labels.contains(&format!("sd{}1 homelabctl-longhorn", &path(n)[7..]));
            let same = digests[n] == image_digest(image).unwrap();
            let good = match becomes {
                Becomes::Ours => result["changed"] == true && is_there && is_named,
                Becomes::Longhorns => result["changed"] == true && is_there && !is_named,
                Becomes::Refused(words) => message.contains(words) && message.contains("nothing was written to it") && same && !is_there,
            };
            if !good {
                wrong.push_str(&format!("{image}: {result}\n  mounted {is_there}, named {is_named}, the same {same}\n"));
            }
            // a dry run said the same
            if foretold[n]["changed"] != result["changed"] || foretold[n]["msg"] != result["msg"] {
                wrong.push_str(&format!("{image}: foretold {}\n", foretold[n]));
            }
        }
        // all else in fstab is as it was, and the new lines can be read
        let now = node.says("cat /etc/fstab");
        assert!(now.starts_with(&fstab) && node.says("findmnt --verify 2>&1 | grep -c 'parse error at line' || :") == "0", "{now}");

        let second = node.run(images.len(), &["--output", "jsonl"]);
        for (n, (image, becomes)) in images.iter().enumerate() {
            let result = &results(&second, "disks")[n];
            let is_refused = matches!(becomes, Becomes::Refused(_));
            if result["changed"] == true || is_refused != result["msg"].as_str().is_some_and(|text| text.contains("nothing was written")) {
                wrong.push_str(&format!("{image}, again: {result}\n"));
            }
        }
    }
    assert_eq!(wrong, "");
}

#[test]
#[ignore = "some minutes: make vm-test"]
fn by_hand_and_by_modules_nothing_is_written_to_a_disk_that_holds_something() {
    let node = Node::new(DISKS);
    for images in BECOMES.chunks(DISKS) {
        let paths: Vec<String> = (0..images.len()).map(path).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        fill(&node.machine, &paths.iter().copied().zip(images.iter().map(|(image, _)| *image)).collect::<Vec<_>>()).unwrap();
        node.by_hand(images.iter().zip(&paths).filter(|((image, _), _)| !EMPTY.contains(image)).map(|(_, path)| *path).collect());
        for ((image, _), digest) in images.iter().zip(digests_of(&node.machine, &paths).unwrap()) {
            assert_eq!(digest, image_digest(image).unwrap(), "{image} by hand");
        }
    }
}

#[test]
fn a_full_scan_sees_what_samples_do_not_and_nothing_is_formatted_without_a_word() {
    let node = Node::new(2);
    fill(&node.machine, &[("/dev/sda", "middle-unseen"), ("/dev/sdb", "blank")]).unwrap();
    let refused = node.run(2, &["--output", "jsonl"]);
    assert_eq!(refused.code, Some(2), "{}", refused.all());
    for result in results(&refused, "disks") {
        assert!(result["msg"].as_str().unwrap().contains("there is nobody to ask"), "{result}");
    }
    let scanned = node.run(2, &["--yes", "-e", "full=true", "--output", "jsonl"]);
    let scans = results(&scanned, "disks");
    assert!(scans[0]["msg"].as_str().unwrap().contains("is not blank: /dev/sda /dev/zero differ"), "{}", scans[0]);
    assert_eq!((scans[1]["changed"].as_bool(), scanned.code), (Some(true), Some(2)), "{}", scanned.all());
    assert_eq!(digests_of(&node.machine, &["/dev/sda"]).unwrap(), [image_digest("middle-unseen").unwrap()]);
}

#[test]
fn names_that_swap_mount_points_and_fstab_that_are_somebody_elses() {
    let mut node = Node::new(3);
    fill(&node.machine, &[("/dev/sda", "blank"), ("/dev/sdb", "blank"), ("/dev/sdc", "gpt")]).unwrap();
    // an unmounted directory with something in it, and one that fstab has for something else
    node.says("mkdir -p /srv/5eed0001; echo x >/srv/5eed0001/photos");
    let ran = node.run(2, &["--yes", "--output", "jsonl"]);
    let first = results(&ran, "disks");
    assert_eq!(first[0]["changed"], true, "{}", ran.all());
    assert!(first[1]["msg"].as_str().unwrap().contains("/srv/5eed0001 is not empty: photos would be hidden"), "{}", ran.all());
    assert_eq!(digests_of(&node.machine, &["/dev/sdb"]).unwrap(), [image_digest("blank").unwrap()]);
    node.says("rm /srv/5eed0001/photos; echo 'LABEL=old /srv/5eed0001 ext4 noauto 0 0' >>/etc/fstab");
    let ran = node.run(2, &["--yes", "--output", "jsonl"]);
    assert!(results(&ran, "disks")[1]["msg"].as_str().unwrap().contains("/etc/fstab has LABEL=old for /srv/5eed0001"), "{}", ran.all());
    node.says("sed -i '/LABEL=old/d' /etc/fstab");
    let ran = node.run(2, &["--yes"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    // nobody fills the system's disk while its own is missing
    node.says(
        "umount /srv/5eed0001; ! touch /srv/5eed0001/x 2>/dev/null; mount /srv/5eed0001; echo a >/srv/5eed0000/a; echo b >/srv/5eed0001/b",
    );

    node.says("touch /etc/testbed-reversed");
    node.machine.reboot().unwrap();
    let names =
        node.says("for disk in sda sdb sdc; do cat /sys/block/$disk/size >/dev/null; lsblk -dno SERIAL /dev/$disk; done | tr '\\n' ' '");
    assert_eq!(names.trim(), "5eed0002 5eed0001 5eed0000");
    assert_eq!(node.says("cat /srv/5eed0000/a /srv/5eed0001/b | tr '\\n' ' '").trim(), "a b");
    let ran = node.run(2, &["--detailed-exitcode"]);
    assert!(ran.code == Some(0) && ran.stderr.contains("1 as they should be"), "{}", ran.all());
    assert_eq!(digests_of(&node.machine, &["/dev/sda"]).unwrap(), [image_digest("gpt").unwrap()]);
}

#[test]
fn a_fault_in_one_workers_disk_stops_that_worker_only() {
    let bed = Bed::new().unwrap();
    let spec = |name: &str| bed.machine(name).kind(Kind::Uml).disk("5eed0000", 64);
    let machines = bed.start_all(vec![spec("w1"), spec("w2")]).unwrap();
    fill(&machines[0], &[("/dev/sda", "luks2")]).unwrap();
    fill(&machines[1], &[("/dev/sda", "blank")]).unwrap();
    let program = project(&bed, &machines);
    program.file("disks.yml", &format!("{PLAYBOOK}    - name: after\n      command: touch /after\n"));
    let words = ["provision", "-i", "hosts", "disks.yml", "-e", "{\"disks\": [\"5eed0000\"]}", "--yes"];
    let ran = bed.inside(|| program.run(&words)).unwrap();
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    let after: BTreeMap<&str, String> = machines
        .iter()
        .map(|m| (m.name.as_str(), m.root_says("ls /after 2>/dev/null || echo none; findmnt -no TARGET /dev/sda1 || :").unwrap()))
        .collect();
    assert_eq!((after["w1"].as_str(), after["w2"].as_str()), ("none", "/after\n/srv/5eed0000"), "{}", ran.all());
    let _filters = crate::program::filters();
    insta::assert_snapshot!("longhorn_disk_refused", ran.all());
}

#[test]
fn a_person_is_shown_the_disks_and_asked_once() {
    let node = Node::new(1);
    fill(&node.machine, &[("/dev/sda", "blank")]).unwrap();
    let line = "homelabctl provision -i hosts disks.yml -e '{\"disks\": [\"5eed0000\"]}'";
    let mut child = node.bed.inside(|| node.program.type_on_terminal(line)).unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"no\n").unwrap();
    let ran = node.program.ran(child.wait_with_output().unwrap());
    assert!(ran.all().contains("Format this disk?") && ran.all().contains("and the answer was not yes"), "{}", ran.all());
    assert_eq!(digests_of(&node.machine, &["/dev/sda"]).unwrap(), [image_digest("blank").unwrap()]);
    let mut child = node.bed.inside(|| node.program.type_on_terminal(line)).unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"yes\n").unwrap();
    let ran = node.program.ran(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(node.says("findmnt -no TARGET /dev/sda1"), "/srv/5eed0000");
}
