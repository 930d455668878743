//! `homelab.longhorn_disk` cut off between every two of its steps and inside mkfs: the machine loses its power, the connection
//! goes, the controller is killed. The next run finishes, and what is finished is never formatted again.

use std::process::Child;
use std::time::{Duration, Instant};

use crate::disks::{machine, serial};
use crate::program::{Program, Ran};
use crate::provision_machines::project;
use crate::testbed::{Bed, Machine};

const PLAYBOOK: &str = "- hosts: nodes
  become: true
  gather_facts: false
  tasks:
    - name: disk
      homelab.longhorn_disk: {serial: '{{ disk }}', mount: '/srv/{{ disk }}', fs: '{{ fs }}'}
";

/// Where a run is stopped: a program that a step calls, and whether before it or after it; or in its middle, after so many
/// milliseconds.
const POINTS: [(&str, &str); 15] = [
    // of the table: before its first copy, between both, and when both are there and the kernel does not know
    ("dd", "before"),
    ("dd", "after"),
    ("perl", "after"),
    ("mkfs.ext4", "before"),
    ("mkfs.ext4", "30"),
    ("mkfs.ext4", "90"),
    ("mkfs.ext4", "after"),
    ("mkfs.xfs", "40"),
    ("mkfs.xfs", "after"),
    // of the final name
    ("sfdisk", "before"),
    ("sfdisk", "after"),
    ("chattr", "before"),
    ("findmnt", "before"),
    ("mount", "before"),
    ("mount", "after"),
];

/// A program in the place of another, which stops where /run/stop says so, once, and tells of it.
const WRAPPER: &str = r#"#!/bin/sh
name=${0##*/}
read -r which where 2>/dev/null </run/stop || which=
# only its own place is another: what it calls may be one of these, too
real=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin; command -v "$name")
[ "$which" = "$name" ] || exec "$real" "$@"
stop() { rm -f /run/stop; touch /run/stopped; sleep 600; }
case $where in
before) stop ;;
after) "$real" "$@"; status=$?; stop; exit $status ;;
*)
  "$real" "$@" & pid=$!
  sleep "0.0$where"
  kill -STOP $pid 2>/dev/null
  stop ;;
esac
"#;

struct Node {
    program: Program,
    machine: Machine,
    bed: Bed,
}

impl Node {
    fn new() -> Self {
        let bed = Bed::new().unwrap();
        let machine = machine(&bed, POINTS.len(), 512);
        let program = project(&bed, std::slice::from_ref(&machine));
        program.file("disk.yml", PLAYBOOK);
        machine
            .root_says(&format!(
                "cat >/usr/local/sbin/sfdisk <<'END'\n{WRAPPER}END\nchmod 755 /usr/local/sbin/sfdisk; cd /usr/local/sbin
                for name in dd perl mkfs.ext4 mkfs.xfs chattr findmnt mount; do ln -s sfdisk $name; done; sync"
            ))
            .unwrap();
        Self { program, machine, bed }
    }

    fn words(n: usize) -> Vec<String> {
        let fs = if POINTS[n].0 == "mkfs.xfs" { "xfs" } else { "ext4" };
        let words = ["provision", "-i", "hosts", "disk.yml", "--yes", "-e"].map(str::to_owned);
        words.into_iter().chain([format!("{{\"disk\": \"{}\", \"fs\": \"{fs}\"}}", serial(n))]).collect()
    }

    fn run(&self, n: usize) -> Ran {
        let words = Self::words(n);
        self.bed.inside(|| self.program.run(&words.iter().map(String::as_str).collect::<Vec<_>>())).unwrap()
    }

    /// A run that stands still at that point.
    fn stopped_at(&self, n: usize) -> Child {
        let (which, place) = POINTS[n];
        self.machine.root_says(&format!("rm -f /run/stopped; echo '{which} {place}' >/run/stop")).unwrap();
        let words = Self::words(n);
        let mut child = self.bed.inside(|| self.program.spawn(&words.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
        let began = Instant::now();
        while self.machine.root_says("ls /run/stopped 2>/dev/null || echo none").unwrap() == "none" {
            let has_ended = child.try_wait().unwrap().is_some();
            if has_ended || began.elapsed() > Duration::from_secs(240) {
                let _ = child.kill();
                panic!("it does not come to {which} {place}: {}", self.program.ran(child.wait_with_output().unwrap()).all());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        child
    }

    fn end(&self, mut child: Child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// The disk is finished and mounted, and holds the file that tells of it.
    fn is_finished(&self, n: usize, ran: &Ran) {
        let (serial, point) = (serial(n), POINTS[n]);
        assert_eq!(ran.code, Some(0), "{point:?}: {}", ran.all());
        let says = |script: &str| self.machine.root_says(script).unwrap();
        let source = says(&format!("findmnt -no SOURCE /srv/{serial}"));
        assert_eq!(
            says(&format!("lsblk -no PARTLABEL {source}; lsblk -ndo SERIAL /dev/$(lsblk -no PKNAME {source})")),
            format!("homelabctl-longhorn\n{serial}"),
            "{point:?}"
        );
        says(&format!("echo {serial} >/srv/{serial}/told; sync"));
        let again = self.run(n);
        assert!(again.code == Some(0) && again.stderr.contains("1 as they should be"), "{point:?}: {}", again.all());
    }

    /// Every disk that was finished is as it was then.
    fn all_are_kept(&self, until: usize) {
        for (n, point) in POINTS.iter().enumerate().take(until) {
            assert_eq!(self.machine.root_says(&format!("cat /srv/{0}/told", serial(n))).unwrap(), serial(n), "{point:?}");
        }
    }
}

#[test]
#[ignore = "a quarter of an hour: make vm-test"]
fn power_that_goes_at_any_step() {
    let mut node = Node::new();
    for n in 0..POINTS.len() {
        let child = node.stopped_at(n);
        node.machine.kill();
        node.end(child);
        node.machine.power_on().unwrap();
        node.all_are_kept(n);
        let ran = node.run(n);
        node.is_finished(n, &ran);
    }
}

#[test]
#[ignore = "a quarter of an hour: make vm-test"]
fn a_connection_or_a_controller_that_goes_at_any_step() {
    let node = Node::new();
    for (n, point) in POINTS.iter().enumerate() {
        let child = node.stopped_at(n);
        // of the controller nothing is left, or it finds that the connection is gone
        if n % 2 == 0 {
            node.end(child);
        } else {
            node.machine.root_says("pkill -x sshd-session; pkill -f '^sshd: .*@'; :").unwrap();
            let ran = node.program.ran(child.wait_with_output().unwrap());
            assert_eq!(ran.code, Some(4), "{point:?}: {}", ran.all());
        }
        // what was in flight goes on
        node.machine.root_says("pkill -f 'sleep 600'; pkill -CONT mkfs; :").unwrap();
        let ran = node.run(n);
        node.is_finished(n, &ran);
        node.all_are_kept(n);
    }
}
