//! Disks whose partitions are named otherwise: NVMe, on a machine in QEMU.

use crate::program::{Program, Ran};
use crate::provision_machines::project;
use crate::testbed::{Bed, Kind, Machine, digests_of};

const BY_ID: &str = "nvme-QEMU_NVMe_Ctrl_";

const OURS: &str = "- hosts: nodes
  become: true
  gather_facts: false
  tasks:
    - homelab.longhorn_disk: {by_id: nvme-QEMU_NVMe_Ctrl_5eed0001, mount: /srv/ours}
";

/// As people write it, with the disk's name to be filled in.
const BY_HAND: &str = "- hosts: nodes
  become: true
  gather_facts: false
  tasks:
    - community.general.parted: {device: '{{ disk }}', number: 1, state: present, label: gpt, name: data}
    - community.general.filesystem: {dev: '{{ partition }}', fstype: ext4}
    - ansible.posix.mount: {src: '{{ partition }}', path: /srv/hand, fstype: ext4, state: mounted}
";

fn provision(bed: &Bed, program: &Program, more: &[&str]) -> Ran {
    bed.inside(|| program.run(&[&["provision", "-i", "hosts"], more].concat())).unwrap()
}

fn sources(machine: &Machine) -> String {
    machine.root_says("findmnt -rno TARGET,SOURCE --real | grep ' /dev/nvme' | sort").unwrap()
}

#[test]
#[ignore = "some minutes: make vm-test"]
fn nvme_names_are_understood_and_wrong_ones_refused() {
    let bed = Bed::new().unwrap();
    let spec = bed.machine("w1").kind(Kind::Qemu).disk("5eed0001", 64).disk("5eed0002", 64).disk("5eed0003", 64);
    let mut machine = spec.start().unwrap();
    machine.root_says("mkfs.ext4 -q -L photos /dev/nvme2n1").unwrap();
    let photos = digests_of(&machine, &["/dev/nvme2n1"]).unwrap();
    let program = project(&bed, std::slice::from_ref(&machine));
    program.file("ours.yml", OURS).file("hand.yml", BY_HAND);

    let listed = bed.inside(|| program.run(&["disk", "list", "-i", "hosts"])).unwrap();
    for serial in ["5eed0001", "5eed0002", "5eed0003"] {
        assert!(listed.stdout.contains(&format!("{BY_ID}{serial}")), "{}", listed.all());
    }

    let hand = |disk: &str, partition: &str, more: &[&str]| {
        let (disk, partition) = (format!("disk={disk}"), format!("partition={partition}"));
        provision(&bed, &program, &[&["hand.yml", "-e", &disk, "-e", &partition], more].concat())
    };
    // what `{{ disk }}1` makes of such a name
    for (partition, right) in [("/dev/nvme1n11", "/dev/nvme1n1p1"), ("/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_5eed00021", "5eed0002-part1")] {
        let ran = hand("/dev/nvme1n1", partition, &[]);
        assert!(ran.code == Some(2) && ran.all().contains(right), "{}", ran.all());
        machine.root_says("test -b /dev/nvme1n1p1 && parted -s /dev/nvme1n1 rm 1").unwrap();
    }
    let ran = hand("/dev/nvme1n1", "/dev/nvme1n1p1", &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let refused = hand("/dev/nvme2n1", "/dev/nvme2n1p1", &[]);
    assert!(refused.code == Some(2) && refused.all().contains("photos"), "{}", refused.all());
    assert_eq!(digests_of(&machine, &["/dev/nvme2n1"]).unwrap(), photos);

    let ran = provision(&bed, &program, &["ours.yml", "--yes"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(sources(&machine), "/srv/hand /dev/nvme1n1p1\n/srv/ours /dev/nvme0n1p1");

    machine.kill();
    machine.power_on().unwrap();
    assert_eq!(sources(&machine), "/srv/hand /dev/nvme1n1p1\n/srv/ours /dev/nvme0n1p1");
    for ran in
        [provision(&bed, &program, &["ours.yml", "--detailed-exitcode"]), hand("/dev/nvme1n1", "/dev/nvme1n1p1", &["--detailed-exitcode"])]
    {
        assert_eq!(ran.code, Some(0), "{}", ran.all());
    }
}
