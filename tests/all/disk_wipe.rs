//! `disk wipe` on real disks: what it empties holds nothing but zeros, what it refuses keeps every byte, and so do all other disks.

use std::io::Write as _;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::disks::{machine, path, serial};
use crate::program::{Program, Ran, filters};
use crate::provision_machines::project;
use crate::testbed::{Bed, Machine, digests_of, fill, image_digest};

/// A program in the place of fallocate, which stands still at the call whose number stands in /run/stop. It does what a device does
/// that promises zeros, whether the machine's kernel has one or not.
const WRAPPER: &str = r#"#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
if read -r left 2>/dev/null </run/stop; then
  if [ "$left" -eq 1 ]; then rm /run/stop; touch /run/stopped; sleep 600; else echo $((left - 1)) >/run/stop; fi
fi
fallocate "$@" 2>/dev/null || dd if=/dev/zero of="$7" bs=4096 seek=$(($3 / 4096)) count=$(($5 / 4096)) conv=notrunc,fsync status=none
"#;

struct Node {
    program: Program,
    machine: Machine,
    bed: Bed,
}

impl Node {
    fn new(disks: usize, mebibytes: u32) -> Self {
        let bed = Bed::new().unwrap();
        let machine = machine(&bed, disks, mebibytes);
        let program = project(&bed, std::slice::from_ref(&machine));
        Self { program, machine, bed }
    }

    fn says(&self, script: &str) -> String {
        self.machine.root_says(script).unwrap()
    }

    fn words<'a>(disk: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["disk", "wipe", "w1", disk, "-i", "hosts"], more].concat()
    }

    fn wipe(&self, disk: &str, more: &[&str]) -> Ran {
        self.bed.inside(|| self.program.run(&Self::words(disk, more))).unwrap()
    }

    fn class(&self, disk: &str) -> Value {
        let ran = self.bed.inside(|| self.program.run(&["disk", "explain", "w1", disk, "-i", "hosts", "--output", "json"])).unwrap();
        let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.all()));
        document.pointer("/hosts/w1/answer/disk/disk/class").unwrap_or_else(|| panic!("{}", ran.all())).clone()
    }

    /// From here on all that is zeroed by discarding goes through the wrapper.
    fn wrap(&self) {
        let script = format!("cat >/usr/local/sbin/fallocate <<'END'\n{WRAPPER}END\nchmod 755 /usr/local/sbin/fallocate; sync");
        self.says(&script);
    }

    /// A wipe that stands still at that call of the wrapper.
    fn stopped_at(&self, call: u32, disk: &str, serial: &str) -> Child {
        self.says(&format!("rm -f /run/stopped; echo {call} >/run/stop"));
        let mut child = self.bed.inside(|| self.program.spawn(&Self::words(disk, &["--serial", serial]))).unwrap();
        let began = Instant::now();
        while self.says("ls /run/stopped 2>/dev/null || echo none") == "none" {
            let has_ended = child.try_wait().unwrap().is_some();
            if has_ended || began.elapsed() > Duration::from_secs(240) {
                let _ = child.kill();
                panic!("it does not come to call {call}: {}", self.program.ran(child.wait_with_output().unwrap()).all());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        child
    }

    fn is_zeros(&self, n: usize, mebibytes: u32) {
        let disk = path(n);
        let said = self.says(&format!(
            "sync; echo 3 >/proc/sys/vm/drop_caches; cmp -n $(({mebibytes} << 20)) {disk} /dev/zero && echo zeros; ls /sys/class/block/{0} | grep -c '^{0}' || :",
            &disk[5..]
        ));
        assert_eq!(said, "zeros\n0", "{disk}");
    }
}

#[test]
fn what_is_not_in_use_is_emptied_and_nothing_else_changes() {
    let node = Node::new(10, 64);
    let images = ["gpt", "dos", "luks2", "longhorn-data", "ext4", "swap", "gpt-broken-primary", "ours", "blank", "btrfs"];
    let disks: Vec<String> = (0..images.len()).map(path).collect();
    let pairs: Vec<(&str, &str)> = disks.iter().map(String::as_str).zip(images).collect();
    fill(&node.machine, &pairs).unwrap();
    // an MBR with data in the middle, a group on two disks and one on one, and what is in use
    node.says(
        "set -e; printf hello | dd of=/dev/sdb bs=1M seek=33 conv=notrunc,fsync status=none
        mkdir -p /srv/a /srv/b; mount -o ro,noload /dev/sde /srv/a; swapon /dev/sdf
        wipefs -aq /dev/sdi /dev/sdj; pvcreate -q /dev/sdi >/dev/null; vgcreate -q old /dev/sdi >/dev/null
        lvcreate -q -an -Zn -l 2 -n photos old >/dev/null; vgcreate -q nas /dev/sdj >/dev/null; lvcreate -q -l 2 -n films nas >/dev/null
        udevadm settle; sync",
    );
    let other = digests_of(&node.machine, &["/dev/sdc", "/dev/sde", "/dev/sdf", "/dev/sdj"]).unwrap();

    // refused, whatever is said: mounted, swap, an active volume, the system
    for (disk, serial, words, first) in [
        ("/dev/sde", serial(4), "is in use: ext4 mounted on /srv/a", "umount /srv/a"),
        ("/dev/sdf", serial(5), "is in use: /dev/sdf is swap", "swapoff /dev/sdf"),
        ("/dev/sdj", serial(9), "stands on it", "vgchange --activate n"),
        // what the SCSI disk /dev/sda is made of
        ("/dev/ubdb", String::new(), "is in use: somebody has it open for himself alone", "zpool export"),
        ("/dev/ubda", String::new(), "is the system's (/ on it), and is never wiped", "homelabctl disk explain w1"),
        ("/dev/sda1", serial(0), "that is a partition, /dev/sda1, not a disk", "homelabctl disk list w1"),
        ("5eed", serial(0), "there is no such disk", "homelabctl disk list w1"),
    ] {
        let how: &[&str] = if disk.ends_with(['a', 'e', 'j']) { &["--serial", &serial, "--quick"] } else { &["--serial", &serial] };
        let ran = node.wipe(disk, how);
        assert_eq!(ran.code, Some(2), "{}", ran.all());
        assert!(ran.stderr.contains(words) && ran.stderr.contains(first), "{}", ran.all());
    }
    // a wrong serial number, and nobody who could type one
    let wrong = node.wipe("/dev/sda", &["--serial", &serial(1)]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("has not the serial number \"5eed0001\""), "{}", wrong.all());
    let nobody = node.wipe("/dev/sda", &[]);
    assert!(nobody.code == Some(64) && nobody.stderr.contains("nothing was contacted"), "{}", nobody.all());
    assert_eq!(digests_of(&node.machine, &["/dev/sda"]).unwrap(), [image_digest("gpt").unwrap()]);

    // a person is shown what is there, and types the serial number
    let line = "homelabctl disk wipe w1 5eed0000 -i hosts";
    let typed = |text: &str| {
        let mut child = node.bed.inside(|| node.program.type_on_terminal(line)).unwrap();
        child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
        node.program.ran(child.wait_with_output().unwrap())
    };
    let no = typed("yes\n");
    assert!(no.all().contains("photos") && no.all().contains("To go on, type its serial number:") && no.code == Some(2), "{}", no.all());
    assert_eq!(digests_of(&node.machine, &["/dev/sda"]).unwrap(), [image_digest("gpt").unwrap()]);
    let yes = typed("5eed0000\n");
    assert_eq!(yes.code, Some(0), "{}", yes.all());
    node.is_zeros(0, 64);
    assert_eq!(node.class("/dev/sda"), "blank");

    // without a person: an MBR, a group that is not active, a table that is damaged, a finished disk
    let (_filters, mut settings) = (filters(), insta::Settings::clone_current());
    settings.add_filter(r"\b[A-Za-z0-9]{6}(-[A-Za-z0-9]{4}){5}-[A-Za-z0-9]{6}\b", "UUID");
    settings.add_filter(r"discarded \d+ bytes, wrote zeros over \d+ bytes", "discarded N bytes, wrote zeros over N bytes");
    let _settings = settings.bind_to_scope();
    let dos = node.wipe("/dev/sdb", &["--serial", &serial(1)]);
    insta::assert_snapshot!("wiped", dos.all());
    for n in [6, 7, 8] {
        let ran = node.wipe(&serial(n), &["--serial", &serial(n), "--output", "json"]);
        assert_eq!(ran.code, Some(0), "{n}: {}", ran.all());
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(document.pointer("/hosts/w1/answer/disk/disk/class"), Some(&Value::from("blank")), "{}", ran.stdout);
    }
    // where nothing is promised, zeros are written
    node.says("printf '#!/bin/sh\nexit 1\n' >/usr/local/sbin/fallocate; chmod 755 /usr/local/sbin/fallocate");
    let written = node.wipe("/dev/sdg", &["--serial", &serial(6)]);
    assert!(written.code == Some(0) && written.stdout.contains("discarded 0 bytes, wrote zeros over 67108864 bytes"), "{}", written.all());
    [1, 6, 7, 8].into_iter().for_each(|n| node.is_zeros(n, 64));

    // quickly: our table, and the module goes on from there
    let quick = node.wipe("/dev/sdd", &["--serial", &serial(3), "--quick"]);
    insta::assert_snapshot!("wiped_quickly", quick.all());
    assert_eq!(node.says("blkid -po value -s PART_ENTRY_NAME /dev/sdd1; wipefs -n /dev/sdd1"), "homelabctl-new");
    node.program.file(
        "disk.yml",
        "- hosts: nodes\n  become: true\n  gather_facts: false\n  tasks:\n    - homelab.longhorn_disk: {serial: 5eed0003, mount: /srv/new}\n",
    );
    let after = node.bed.inside(|| node.program.run(&["provision", "disk.yml", "-i", "hosts", "--yes"])).unwrap();
    assert!(after.code == Some(0) && node.says("findmnt -no SOURCE /srv/new") == "/dev/sdd1", "{}", after.all());

    assert_eq!(digests_of(&node.machine, &["/dev/sdc", "/dev/sde", "/dev/sdf", "/dev/sdj"]).unwrap(), other);

    let select = node.bed.inside(|| node.program.run(&["disk", "select", "nodes", "-i", "hosts"])).unwrap();
    insta::assert_snapshot!("selected", select.stdout);
}

#[test]
fn a_wipe_that_is_cut_off_is_known_and_gone_on_with() {
    const SIZE: u32 = 320;
    let mut node = Node::new(2, SIZE);
    node.says(
        "for disk in sda sdb; do yes data | head -c 335544320 | dd of=/dev/$disk bs=1M conv=fsync status=none iflag=fullblock; done
        printf 'label: gpt\\nstart=1MiB, size=64MiB\\nstart=100MiB\\n' | sfdisk --quiet /dev/sda; udevadm settle; sync",
    );
    let other = digests_of(&node.machine, &["/dev/sdb"]).unwrap();
    node.wrap();

    // both ends are the first two calls; then pieces of 64 MiB
    let child = node.stopped_at(4, "5eed0000", "5eed0000");
    node.machine.kill();
    end(child);
    node.machine.power_on().unwrap();
    assert_eq!(node.class("5eed0000")["half_wiped"]["done"], 80 << 20);
    let list = node.bed.inside(|| node.program.run(&["disk", "list", "-i", "hosts"])).unwrap();
    assert!(list.stdout.contains("a wipe that was begun (83 MB of it are zeros)  refuse"), "{}", list.all());

    // the controller is killed, and what it began goes on; whoever asks next sees it to its end, without a word
    let child = node.stopped_at(3, "5eed0000", "5eed0000");
    end(child);
    let mut child = node.bed.inside(|| node.program.spawn(&Node::words("5eed0000", &["--serial", "none"]))).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    assert!(child.try_wait().unwrap().is_none());
    node.says("pkill -f 'sleep 600'");
    let ran = node.program.ran(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.all().contains("an earlier run had begun this, and it still goes on"), "{}", ran.all());
    node.is_zeros(0, SIZE);
    assert_eq!(digests_of(&node.machine, &["/dev/sdb"]).unwrap(), other);

    // the connection goes, and Ctrl-C says what happens
    let child = node.stopped_at(3, "5eed0001", "5eed0001");
    let interrupt = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(interrupt, rustix::process::Signal::INT).unwrap();
    let ran = node.program.ran(child.wait_with_output().unwrap());
    assert!(ran.code == Some(130) && ran.stderr.contains("the wipe goes on there"), "{}", ran.all());
    let child = node.bed.inside(|| node.program.spawn(&Node::words("5eed0001", &["--serial", "5eed0001"]))).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    node.says("pkill -x sshd-session; pkill -f '^sshd: .*@'; :");
    let ran = node.program.ran(child.wait_with_output().unwrap());
    assert!(ran.code == Some(4) && ran.stderr.contains("to see how far it is:  homelabctl disk wipe w1 5eed0001"), "{}", ran.all());
    node.says("pkill -f 'sleep 600'; for i in $(seq 300); do [ -e /run/homelabctl/steps/*/status ] && break; sleep 0.2; done");
    let ran = node.wipe("5eed0001", &["--serial", "none"]);
    assert!(ran.code == Some(0) && ran.stdout.contains("by an earlier run, which has ended"), "{}", ran.all());
    node.is_zeros(1, SIZE);
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}
