//! `homelab.longhorn_disk` on disks that fail: sectors that cannot be read, a disk that goes away in the middle of a run. What is
//! wrong is said, and no byte is written to any disk but the one that is meant.

use serde_json::Value;

use crate::disks::{machine, serial};
use crate::program::{Program, Ran};
use crate::provision_machines::project;
use crate::testbed::{Bed, Machine, digests_of};

const PLAYBOOK: &str = "- hosts: nodes
  become: true
  gather_facts: false
  tasks:
    - name: disk
      homelab.longhorn_disk: {serial: '{{ disk }}', mount: '/srv/{{ disk }}', full_scan: '{{ full | default(false) }}'}
";

/// In the place of a program: the disk that /run/pull names is pulled out, once, and then it is called.
const WRAPPER: &str = r#"#!/bin/sh
name=${0##*/}
read -r which disk 2>/dev/null </run/pull || which=
# only its own place is another: what it calls may be one of these, too
real=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin; command -v "$name")
if [ "$which" = "$name" ]; then rm /run/pull; echo 1 >"/sys/block/$disk/device/delete"; fi
exec "$real" "$@"
"#;

struct Node {
    program: Program,
    machine: Machine,
    bed: Bed,
}

impl Node {
    fn run(&self, disk: &str, more: &[&str]) -> Ran {
        let extra = format!("disk={disk}");
        let words = [&["provision", "-i", "hosts", "disk.yml", "--yes", "--output", "jsonl", "-e", &extra], more].concat();
        self.bed.inside(|| self.program.run(&words)).unwrap()
    }

    fn says(&self, script: &str) -> String {
        self.machine.root_says(script).unwrap()
    }

    /// A disk in memory, of which so many sectors from there on cannot be read; its name and its serial number.
    fn bad_disk(&self, sector: u32, count: u32) -> (String, String) {
        let load = format!(
            "modprobe -r scsi_debug 2>/dev/null; modprobe scsi_debug dev_size_mb=64 opts=2 medium_error_start={sector} medium_error_count={count}"
        );
        let find = "udevadm settle; for disk in /sys/block/sd*; do
            case $(cat $disk/device/model) in scsi_debug*) lsblk -dno NAME,SERIAL /dev/${disk##*/} ;; esac
        done";
        let said = self.says(&format!("{load}; {find}"));
        let mut words = said.split_whitespace().map(str::to_owned);
        (words.next().unwrap(), words.next().unwrap())
    }
}

/// What is said of the disk.
fn message(ran: &Ran) -> String {
    let events = ran.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let task = events.into_iter().find(|event| event["event"] == "task_finished").unwrap_or_else(|| panic!("{}", ran.all()));
    task["problem"]["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
#[ignore = "two minutes: make vm-test"]
fn a_disk_that_cannot_be_read_or_goes_away_is_told_and_no_other_is_written_to() {
    let bed = Bed::new().unwrap();
    let machine = machine(&bed, 5, 64);
    let program = project(&bed, std::slice::from_ref(&machine));
    program.file("disk.yml", PLAYBOOK);
    let node = Node { program, machine, bed };
    let others = ["/dev/sda", "/dev/ubdb"];
    let before = digests_of(&node.machine, &others).unwrap();
    let fstab = node.says("cat /etc/fstab");

    // where samples are read, nothing is planned
    let (name, bad) = node.bad_disk(4660, 8);
    let good_part = format!(
        "dd if=/dev/{name} bs=1M skip=4 iflag=direct status=none | sha256sum; dd if=/dev/{name} bs=1M count=2 iflag=direct status=none | sha256sum"
    );
    let was = node.says(&good_part);
    for more in [&[][..], &["--check"]] {
        let ran = node.run(&bad, more);
        let said = message(&ran);
        assert!(ran.code != Some(0) && said.contains("Input/output error") && said.contains("nothing was changed"), "{}", ran.all());
    }
    assert_eq!(node.says(&good_part), was);

    // between the samples: a full scan finds it before anything is written
    let (name, bad) = node.bad_disk((40 << 11) + 512, 8);
    let good_part = format!(
        "dd if=/dev/{name} bs=1M count=40 iflag=direct status=none | sha256sum; dd if=/dev/{name} bs=1M skip=42 iflag=direct status=none | sha256sum"
    );
    let was = node.says(&good_part);
    let ran = node.run(&bad, &["-e", "full=true"]);
    assert!(ran.code == Some(2) && message(&ran).contains("Input/output error"), "{}", ran.all());
    assert_eq!(node.says(&good_part), was);
    node.says("modprobe -r scsi_debug");

    // pulled out after it was looked at: before it is held, and before its table, its filesystem and its final name are written
    node.says(&format!(
        "cd /usr/local/sbin; cat >perl <<'END'\n{WRAPPER}END\nchmod 755 perl; for name in dd mkfs.ext4 sfdisk; do ln -s perl $name; done"
    ));
    let mut gone = String::new();
    for (n, program, words) in [(1, "perl", "No such"), (2, "dd", "No such"), (3, "mkfs.ext4", "does not exist"), (4, "sfdisk", "No such")]
    {
        gone = serial(n);
        let name = node.says(&format!("lsblk -dno NAME,SERIAL | sed -n 's/ *{gone}$//p'"));
        node.says(&format!("echo '{program} {name}' >/run/pull"));
        let ran = node.run(&gone, &[]);
        let said = message(&ran);
        assert!(ran.code == Some(2) && said.contains(&gone) && said.contains(words), "{program}: {}", ran.all());
        assert_eq!(node.says("ls /run/pull 2>/dev/null || echo pulled"), "pulled", "{program}");
    }
    // and from then on it is missing
    let again = message(&node.run(&gone, &[]));
    assert!(again.contains("there is no such disk"), "{again}");
    assert_eq!(digests_of(&node.machine, &others).unwrap(), before);
    assert_eq!(node.says("cat /etc/fstab; findmnt --real -rno TARGET | grep /srv || :"), fstab);
}
