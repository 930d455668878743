//! Our own modules on a machine with a kernel of its own: what they do, what they refuse, and what holds after a restart.

use serde_json::Value;

use crate::program::{Program, Ran};
use crate::provision_machines::project;
use crate::testbed::{Bed, Kind};
use crate::time_server::{TimeServer, asked_by_timesyncd};

/// Swap from fstab, from a unit of somebody's own, and files that set kernel parameters.
const PREPARE: &str = "for name in swapfile other; do
    dd if=/dev/zero of=/$name bs=1M count=16 2>/dev/null && chmod 600 /$name && mkswap -q /$name
done
printf '# swap of the installer\\n/swapfile none swap sw 0 0\\n' >>/etc/fstab
printf '[Swap]\\nWhat=/other\\n[Install]\\nWantedBy=swap.target\\n' >/etc/systemd/system/other.swap
systemctl daemon-reload && systemctl -q enable other.swap && swapon -a && systemctl start other.swap
echo 'fs.inotify.max_user_watches = 4096' >/usr/lib/sysctl.d/99-vendor.conf
echo 'blacklist ip_vs_sh' >/etc/modprobe.d/vendor.conf
systemctl -q disable --now systemd-timesyncd";

const PLAYBOOK: &str = "- hosts: all
  become: true
  gather_facts: false
  tasks:
    - name: modules
      homelab.kernel_module:
        names: [overlay, br_netfilter, ip_vs]
      register: modules
    - name: parameters
      homelab.sysctl:
        settings:
          net.bridge.bridge-nf-call-iptables: true
          fs.inotify.max_user_instances: 512
          net.ipv4.tcp_rmem: [4096, 131072, 6291457]
    - name: no swap
      homelab.swap:
        state: off
    - name: time
      homelab.time_sync:
        daemon: systemd-timesyncd
      register: time
    - name: it is kept
      ansible.builtin.debug:
        msg: 'kept: {{ time.synchronised }}, {{ modules.modules.br_netfilter }}'
";

const REFUSED: &str = "- hosts: all
  become: true
  gather_facts: false
  tasks:
    - name: watches
      homelab.sysctl: {name: fs.inotify.max_user_watches, value: 524288}
      ignore_errors: true
    - name: blacklisted
      homelab.kernel_module: {name: ip_vs_sh}
      ignore_errors: true
    - name: no such module
      homelab.kernel_module: {name: no_such_module}
      ignore_errors: true
    - name: two daemons
      homelab.time_sync: {daemon: chrony}
      ignore_errors: true
";

/// What must hold after the run, and after the restart.
const HOLDS: &str = "sysctl -n net.bridge.bridge-nf-call-iptables fs.inotify.max_user_instances net.ipv4.tcp_rmem | tr '\\t\\n' '  '
tail -n +2 /proc/swaps
systemctl is-enabled other.swap || :
systemctl is-active systemd-timesyncd
[ -d /sys/module/br_netfilter ] && [ -d /sys/module/ip_vs ] && echo loaded";

fn ends(ran: &Ran) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let events = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["event"] == "task_finished").map(|event| (text(&event["task"]), text(&event["outcome"]))).collect()
}

#[test]
fn our_own_modules_hold_after_a_restart() {
    let bed = Bed::new().unwrap();
    let mut machine = bed.machine("m1").kind(Kind::Uml).memory(512).start().unwrap();
    let program = Program::new();
    std::fs::create_dir_all(program.path("home/.ssh")).unwrap();
    program.file("home/.ssh/known_hosts", &machine.known_hosts_lines());
    program.file("hosts.ini", &machine.inventory_line()).file("play.yml", PLAYBOOK).file("refused.yml", REFUSED);
    let _time_server = TimeServer::start(&bed);
    let run = |playbook: &str, more: &[&str]| {
        let words = [&["provision", playbook, "-i", "hosts.ini", "--output", "jsonl"], more].concat();
        bed.inside(|| program.run(&words)).unwrap()
    };
    machine.root_says(&(asked_by_timesyncd() + PREPARE)).unwrap();
    let dry = run("play.yml", &["--check"]);
    let foretold = ends(&dry);
    assert_eq!(foretold.iter().map(|(_, outcome)| outcome.as_str()).filter(|outcome| *outcome == "ok").count(), 0, "{}", dry.stdout);
    let first = run("play.yml", &[]);
    assert_eq!(first.code, Some(0), "{}{}", first.stdout, first.stderr);
    let outcomes: Vec<String> = ends(&first).into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["changed", "changed", "changed", "changed", "unchanged"], "{}", first.stdout);
    assert!(first.stdout.contains("kept: True, loaded"), "{}", first.stdout);
    let wanted = "1 512 4096 131072 6291457 disabled\nactive\nloaded";
    assert_eq!(machine.root_says(HOLDS).unwrap().trim(), wanted);
    let fstab = machine.root_says("tail -n 3 /etc/fstab").unwrap();
    let note = "# swap is off: homelabctl (homelab.swap) commented the next line";
    assert_eq!(fstab, format!("# swap of the installer\n{note}\n#/swapfile none swap sw 0 0"));
    machine.reboot().unwrap();
    assert_eq!(machine.root_says(HOLDS).unwrap().trim(), wanted, "after the restart");
    let second = run("play.yml", &[]);
    let outcomes: Vec<String> = ends(&second).into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["unchanged"; 5], "{}", second.stdout);
    let refused = run("refused.yml", &[]);
    for evidence in [
        "/usr/lib/sysctl.d/99-vendor.conf has the last word on fs.inotify.max_user_watches: its line 1 says `fs.inotify.max_user_watches = 4096`",
        "ip_vs_sh is blacklisted in /etc/modprobe.d/vendor.conf (line 1)",
        "the running kernel has no module no_such_module",
        "systemd-timesyncd.service is active, and chrony is wanted",
    ] {
        assert!(refused.stdout.contains(evidence), "{evidence}\n{}", refused.stdout);
    }
}

#[test]
fn packages_are_held_and_released() {
    let bed = Bed::new().unwrap();
    let machine = bed.machine("m1").without_python().start().unwrap();
    machine.root_says("apt-get -qq install hl-tool hl-lib >/dev/null").unwrap();
    let program = project(&bed, std::slice::from_ref(&machine));
    for (state, held) in [("held", "hl-lib\nhl-tool"), ("released", "")] {
        let task = format!("homelab.package_hold: {{name: [hl-tool, hl-lib], state: {state}}}");
        program.file("hold.yml", &format!("- hosts: nodes\n  become: true\n  gather_facts: false\n  tasks:\n    - {task}\n"));
        for ends in ["1 changed", "1 as they should be"] {
            let ran = bed.inside(|| program.run(&["provision", "-i", "hosts", "hold.yml"])).unwrap();
            assert!(ran.code == Some(0) && ran.stderr.contains(ends), "{}", ran.all());
            assert_eq!(machine.root_says("apt-mark showhold").unwrap(), held);
        }
    }
}

const HOLDS_AND_RELEASES: &str = "- hosts: all
  become: true
  gather_facts: false
  tasks:
    - {name: hold, homelab.package_hold: {name: [hl-tool, hl-lib]}}
    - {name: hold again, homelab.package_hold: {names: [hl-lib, hl-tool], state: held}}
    - {name: held for dpkg, ansible.builtin.dpkg_selections: {name: hl-tool, selection: hold}}
    - {name: upgrade, ansible.builtin.apt: {name: hl-tool, state: latest}, ignore_errors: true}
    - {name: release, homelab.package_hold: {name: hl-tool, state: released}}
    - {name: released for dpkg, ansible.builtin.dpkg_selections: {name: hl-tool, selection: install}}
    - {name: upgrade then, ansible.builtin.apt: {name: hl-tool, state: latest}}
    - {name: not there, homelab.package_hold: {name: hl-extra}, ignore_errors: true}
";

#[test]
fn a_hold_is_what_dpkg_and_apt_take_for_one() {
    let bed = Bed::new().unwrap();
    let machine = bed.machine("m1").without_python().start().unwrap();
    let program = project(&bed, std::slice::from_ref(&machine));
    program.file("play.yml", HOLDS_AND_RELEASES);
    machine
        .root_says("apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install hl-tool=1.0 hl-lib >/dev/null 2>&1")
        .unwrap();
    let ran = bed.inside(|| program.run(&["provision", "play.yml", "-i", "hosts", "--output", "jsonl"])).unwrap();
    let ends = ends(&ran);
    let ends: Vec<(&str, &str)> = ends.iter().map(|(task, outcome)| (task.as_str(), outcome.as_str())).collect();
    assert_eq!(
        ends,
        [
            ("hold", "changed"),
            ("hold again", "unchanged"),
            ("held for dpkg", "unchanged"),
            ("upgrade", "failed"),
            ("release", "changed"),
            ("released for dpkg", "unchanged"),
            ("upgrade then", "changed"),
            ("not there", "refused"),
        ],
        "{}",
        ran.stdout
    );
    assert_eq!(machine.root_says("apt-mark showhold; dpkg-query -W -f '${Version}' hl-tool").unwrap(), "hl-lib\n2.0");
}
