//! The guard on a machine with disks: a playbook that prepares a disk by hand does so on a blank one, changes nothing the second
//! time, and cannot touch one that holds something, however it is written.

use serde_json::Value;

use crate::program::{Program, Ran};
use crate::provision_machines::project;
use crate::testbed::{Bed, Kind, Machine};

/// As people write it.
const USUAL: &str = "- hosts: nodes
  become: true
  gather_facts: false
  tasks:
    - name: probe
      shell: lsblk -no FSTYPE {{ disk }}1
      register: probe
      failed_when: false
      changed_when: false
    - name: table
      command: parted -s {{ disk }} mklabel gpt
      when: probe.rc != 0
    - name: partition
      command: parted -s -a optimal {{ disk }} mkpart data ext4 0% 100%
      when: probe.rc != 0
    - name: settle
      command: udevadm settle
      changed_when: false
    - name: format
      command: mkfs.ext4 -q -L data {{ disk }}1
      when: probe.rc != 0 or probe.stdout == ''
    - name: mount
      ansible.posix.mount: {path: /mnt/data, src: LABEL=data, fstype: ext4, opts: 'noatime,nofail', state: mounted}
";

/// Each of them would destroy what /dev/sdb or /dev/sdc holds.
const HARMFUL: &[&str] = &[
    "command: mkfs.ext4 -F /dev/sdb",
    "command: mkfs.xfs -f /dev/sdc1",
    "command: mkswap -f /dev/sdc1",
    "command: wipefs -a /dev/sdb",
    "command: wipefs --all --force {{ by_id }}",
    "command: parted -s /dev/sdc mklabel gpt",
    "command: parted -s /dev/sdc rm 1",
    "command: sgdisk --zap-all /dev/sdc",
    "command: blkdiscard -z /dev/sdb",
    "command: dd if=/dev/zero of=/dev/sdb bs=1M count=1",
    "command: bash -c 'wipefs -a /dev/sdb'",
    "shell: \"echo 'label: gpt' | sfdisk --force /dev/sdc\"",
    "shell: cat /etc/hostname > /dev/sdb",
    "shell: cat /etc/hostname | tee /dev/sdb",
    "shell: for d in sdb sdc; do wipefs -a /dev/$d; done",
    "shell: lsblk -dnpo NAME | grep sdb | xargs wipefs -a",
    "shell: DISK=/dev/sdb; mkfs.ext4 -F $DISK",
    "shell: blkid /dev/sdz || mkfs.ext4 -F /dev/sdb",
    "shell: pvcreate -ff -y /dev/sdb && vgcreate data /dev/sdb",
    "shell: mdadm --create /dev/md0 --run --level=1 --raid-devices=2 /dev/sdb missing",
    "shell: {cmd: bash, stdin: wipefs -a /dev/sdb}",
    "raw: wipefs -a /dev/sdb",
    "script: wipe.sh",
    "community.general.filesystem: {dev: /dev/sdb, fstype: xfs, force: true}",
    "community.general.filesystem: {dev: /dev/sdb, state: absent}",
    "community.general.filesystem: {dev: /dev/sdc, fstype: ext4, force: true}",
];

/// The same by the module; the second is of the same filesystem.
const FILESYSTEM: &[&str] = &[
    "community.general.filesystem: {dev: /dev/sdd, fstype: ext4, opts: -L new, uuid: 0b5b7f3a-6f3e-4a55-9b0e-5f1d2c3b4a59}",
    "community.general.filesystem: {dev: /dev/disk/by-uuid/0b5b7f3a-6f3e-4a55-9b0e-5f1d2c3b4a59, type: ext4, force: true}",
];

/// What must run as it stands.
const HARMLESS: &[&str] = &[
    "command: blkid -p /dev/sdb",
    "command: parted -s /dev/sdc print",
    "command: wipefs /dev/sdb",
    "shell: truncate -s 16M /swapfile && mkswap /swapfile",
    "shell: echo mkfs.ext4 /dev/sdb > /root/notes",
    "command: grep mkfs /root/notes",
];

/// /dev/sda is blank, /dev/sdb a filesystem without a table, /dev/sdc one in a partition.
const PREPARE: &str = "set -e
mkfs.ext4 -q -F /dev/sdb
parted -s /dev/sdc mklabel gpt mkpart one ext4 1MiB 100%
udevadm settle
mkfs.ext4 -q -L precious /dev/sdc1";

fn digests(m: &Machine) -> String {
    m.root_says("sync; echo 3 >/proc/sys/vm/drop_caches; sha256sum /dev/sdb /dev/sdc").unwrap()
}

fn outcomes(ran: &Ran) -> Vec<String> {
    let events = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ends = events.filter(|event| event["event"] == "task_finished");
    ends.map(|event| event["outcome"].as_str().unwrap_or_default().to_owned()).collect()
}

fn tasks(tasks: &[&str]) -> String {
    let tasks: String = tasks.iter().map(|task| format!("    - {task}\n      ignore_errors: true\n")).collect();
    format!("- hosts: nodes\n  become: true\n  gather_facts: false\n  tasks:\n{tasks}")
}

#[test]
fn a_disk_that_holds_something_is_never_written_to_by_hand() {
    let bed = Bed::new().unwrap();
    let machine = bed.machine("u1").kind(Kind::Uml);
    let machine = machine.disk("5eed0001", 64).disk("5eed0002", 64).disk("5eed0003", 64).disk("5eed0004", 64).start().unwrap();
    machine.root_says(PREPARE).unwrap();
    let program: Program = project(&bed, std::slice::from_ref(&machine));
    program.file("usual.yml", USUAL).file("wipe.sh", "#!/bin/sh\nwipefs -a /dev/sdb\n");
    program.file("harmful.yml", &tasks(HARMFUL)).file("harmless.yml", &tasks(HARMLESS));
    program.file("filesystem.yml", &tasks(FILESYSTEM));
    let run = |playbook: &str, extra: &str| {
        bed.inside(|| program.run(&["provision", playbook, "-i", "hosts", "--output", "jsonl", "-e", extra])).unwrap()
    };
    let before = digests(&machine);

    // by hand, on a blank disk
    let first = run("usual.yml", "disk=/dev/sda");
    assert_eq!(outcomes(&first), ["unchanged", "changed", "changed", "unchanged", "changed", "changed"], "{}", first.stdout);
    let second = run("usual.yml", "disk=/dev/sda");
    assert!(!outcomes(&second).contains(&"changed".to_owned()) && second.code == Some(0), "{}", second.stdout);
    assert_eq!(machine.root_says("findmnt -no SOURCE,FSTYPE /mnt/data; grep -c ^LABEL=data /etc/fstab").unwrap(), "/dev/sda1 ext4\n1");

    // the probe finds no partition, and takes the disk for blank
    let wrong = run("usual.yml", "disk=/dev/sdb");
    assert!(wrong.code == Some(2) && outcomes(&wrong).contains(&"refused".to_owned()), "{}", wrong.stdout);
    assert!(wrong.stdout.contains("/dev/sdb, which is not empty: "), "{}", wrong.stdout);
    assert!(wrong.stdout.contains("homelabctl disk explain u1 /dev/sdb"), "{}", wrong.stdout);

    let by_id = machine.root_says("ls -d /dev/disk/by-id/*5eed0002* | head -n 1").unwrap();
    let harmful = run("harmful.yml", &format!("by_id={by_id}"));
    let (ends, wanted) = (outcomes(&harmful), vec!["refused"; HARMFUL.len()]);
    let passed: Vec<_> = HARMFUL.iter().zip(&ends).filter(|(_, end)| *end != "refused").collect();
    assert!(ends == wanted, "{passed:?}\n{}", harmful.stdout);
    assert_eq!(digests(&machine), before);

    for words in [&["--", "wipefs", "-a", "/dev/sdb"][..], &["--script", "wipe.sh"], &["--", "sh", "-c", "wipefs -a $0", "/dev/sdb"]] {
        let ran = bed.inside(|| program.run(&[&["exec", "all", "-i", "hosts", "--become"], words].concat())).unwrap();
        assert!(ran.code == Some(2) && ran.all().contains("`wipefs`"), "{}", ran.all());
    }
    let told = bed.inside(|| program.run(&["exec", "all", "-i", "hosts", "--become", "--", "wipefs", "/dev/sdb"])).unwrap();
    assert!(told.code == Some(0) && told.stdout.contains("ext4"), "{}", told.all());
    assert_eq!(digests(&machine), before);

    for wanted in [["changed", "unchanged"], ["unchanged", "unchanged"]] {
        let ran = run("filesystem.yml", "x=1");
        assert_eq!(outcomes(&ran), wanted, "{}", ran.stdout);
    }
    assert_eq!(machine.root_says("blkid -p -o value -s LABEL -s TYPE /dev/sdd").unwrap(), "new\next4");

    let harmless = run("harmless.yml", "x=1");
    assert_eq!(outcomes(&harmless), vec!["changed"; HARMLESS.len()], "{}", harmless.stdout);
    assert_eq!(digests(&machine), before);
}
