//! A long installation: what is shown of it, and when it is cut in the middle: the next run finds what goes on or was left
//! half done, finishes it and says so.

use std::collections::BTreeSet;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::program::{Program, Ran};
use crate::provision_machines::project;
use crate::testbed::{Bed, Machine};

const SLOW: &str = "- hosts: nodes\n  become: true\n  gather_facts: false\n  tasks:\n    - name: slow\n      apt:\n        name: hl-slow\n";

struct Node {
    program: Program,
    machine: Machine,
    bed: Bed,
}

impl Node {
    fn new() -> Self {
        let bed = Bed::new().unwrap();
        let machine = bed.machine("m1").without_python().without_downloaders().start().unwrap();
        let program = project(&bed, std::slice::from_ref(&machine));
        program.file("slow.yml", SLOW);
        Self { program, machine, bed }
    }

    fn run(&self, playbook: &str) -> Ran {
        self.bed.inside(|| self.program.run(&["provision", "-i", "hosts", playbook])).unwrap()
    }

    /// A run in whose middle the package's script runs.
    fn in_the_middle(&self) -> Child {
        let child = self.bed.inside(|| self.program.spawn(&["provision", "-i", "hosts", "slow.yml"])).unwrap();
        let began = Instant::now();
        while self.machine.root_says("pgrep -f '[h]l-slow.postinst' || echo none").unwrap() == "none" {
            assert!(began.elapsed() < Duration::from_secs(120), "the installation does not begin");
            std::thread::sleep(Duration::from_millis(200));
        }
        child
    }

    /// How often the package's script has ended well.
    fn configured(&self) -> String {
        self.machine.root_says("grep -c ' status installed hl-slow' /var/log/dpkg.log || :").unwrap()
    }

    fn is_installed(&self) -> bool {
        self.machine.root_says("dpkg-query -W -f '${Status}' hl-slow").unwrap() == "install ok installed"
    }

    fn purge(&self) {
        self.machine.root_says("apt-get -qq purge hl-slow >/dev/null && rm /var/log/dpkg.log").unwrap();
    }
}

#[test]
fn the_next_run_waits_for_an_installation_that_goes_on_without_its_run() {
    let node = Node::new();
    // the controller is no more
    let mut child = node.in_the_middle();
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = node.run("slow.yml");
    assert!(ran.code == Some(0) && ran.stderr.contains("install hl-slow=1.0: it ended well"), "{}", ran.all());
    assert!(node.is_installed() && node.configured() == "1", "{}", node.configured());
    node.purge();
    // the connection is no more
    let child = node.in_the_middle();
    node.machine.root_says("(sleep 1; pkill -x sshd-session; pkill -f '^sshd: .*@') >/dev/null 2>&1 &").unwrap();
    let ran = node.program.ran(child.wait_with_output().unwrap());
    assert!(ran.code == Some(4), "{}", ran.all());
    let ran = node.run("slow.yml");
    assert!(ran.code == Some(0) && ran.stderr.contains("install hl-slow=1.0: it ended well"), "{}", ran.all());
    assert!(node.is_installed() && node.configured() == "1", "{}", node.configured());
    let ran = node.run("slow.yml");
    assert!(ran.stderr.contains("1 as they should be") && !ran.stderr.contains("earlier run"), "{}", ran.all());
    // what had ended before the next run came says nothing about a machine that is another by then
    node.purge();
    let mut child = node.in_the_middle();
    child.kill().unwrap();
    child.wait().unwrap();
    node.machine
        .root_says("while pgrep -f '[h]l-slow.postinst' >/dev/null; do sleep 0.2; done; flock /run/homelabctl/step.lock true")
        .unwrap();
    assert!(node.is_installed());
    node.purge();
    let ran = node.run("slow.yml");
    assert!(ran.code == Some(0) && node.is_installed() && node.configured() == "1", "{}", ran.all());
}

#[test]
fn what_an_installation_says_is_shown_while_it_runs() {
    let node = Node::new();
    let line = "homelabctl provision -i hosts slow.yml";
    let ran = node.bed.inside(|| node.program.run_on_terminal(line)).unwrap();
    assert!(ran.code == Some(0) && node.is_installed(), "{}", ran.all());
    // a line a second, while the script says two
    let lines = ran.stdout.split("m1  install hl-slow=1.0: hl-slow ").skip(1);
    let seen: BTreeSet<&str> = lines.filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()).collect();
    assert!(seen.len() >= 4, "{seen:?} in {}", ran.all());
}

#[test]
fn the_next_run_finishes_what_a_machine_that_went_down_left_half_installed() {
    let mut node = Node::new();
    let mut child = node.in_the_middle();
    node.machine.kill();
    child.kill().unwrap();
    child.wait().unwrap();
    node.machine.power_on().unwrap();
    assert!(!node.is_installed());
    let ran = node.run("slow.yml");
    assert!(ran.code == Some(0) && ran.stdout.contains("packages that an earlier installation left half done"), "{}", ran.all());
    assert!(ran.stdout.contains("hl-slow (half-configured) → finished first"), "{}", ran.all());
    assert!(node.is_installed());
}

#[test]
fn who_holds_apt_is_told_and_no_question_is_asked() {
    let node = Node::new();
    let tasks = "    - apt:\n        name: hl-tool\n        lock_timeout: 1\n";
    node.program.file("tool.yml", &format!("- hosts: nodes\n  become: true\n  gather_facts: false\n  tasks:\n{tasks}"));
    for (file, task) in [("asks.yml", "name=hl-asks"), ("conf.yml", "name=hl-conf state=latest")] {
        node.program.file(file, &format!("- hosts: nodes\n  become: true\n  gather_facts: false\n  tasks:\n    - apt: {task}\n"));
    }
    node.machine.root_says("nohup apt-get -qq install hl-slow >/dev/null 2>&1 </dev/null &\nsleep 3").unwrap();
    let ran = node.run("tool.yml");
    assert!(ran.code == Some(2) && ran.all().contains("(apt-get), which was waited for 1 s"), "{}", ran.all());
    // a package that asks whoever listens, and through debconf; and whoever holds apt is waited for
    let ran = node.run("asks.yml");
    assert_eq!((ran.code, node.machine.root_says("cat /etc/hl-asks.answer").unwrap().as_str()), (Some(0), "nobody"), "{}", ran.all());
    // a file that was changed by hand, and by the package's next version
    node.machine.root_says("apt-get -qq install hl-conf=1.0 >/dev/null && echo by hand >/etc/hl-conf.conf").unwrap();
    let ran = node.run("conf.yml");
    let seen = "cat /etc/hl-conf.conf; ls /etc/hl-conf.conf.*; dpkg-query -W -f '${Version} ${Status}' hl-conf";
    let kept = "by hand\n/etc/hl-conf.conf.dpkg-dist\n2.0 install ok installed";
    assert_eq!((ran.code, node.machine.root_says(seen).unwrap().as_str()), (Some(0), kept), "{}", ran.all());
}
