//! `site` on fresh machines with kernels of their own, and a disk for Longhorn on the worker: what a dry run foretold comes true, it holds after a restart,
//! and the second run finds nothing to do.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::program::{Program, Ran};
use crate::provision_machines::finished;
use crate::testbed::{Bed, Kind, Machine, Suite};
use crate::time_server::{TimeServer, asked_by_timesyncd};

/// What must hold after the run, and after the restart.
const HOLDS: &str = "sysctl -n net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables \
    fs.inotify.max_user_watches fs.inotify.max_user_instances vm.overcommit_memory kernel.panic kernel.panic_on_oops | tr '\\n' ' '
for module in overlay br_netfilter nf_conntrack ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh; do
    [ -d /sys/module/$module ] || grep -q \"/$module\\.ko\" /lib/modules/$(uname -r)/modules.builtin || echo \"no $module\"
done
tail -n +2 /proc/swaps";
const AS_IT_SHOULD_BE: &str = "1 1 1 524288 512 1 10 1";

/// A swap area in fstab, an archive of packages and time: what a machine of somebody's has. Its lists of packages are of today: those of
/// the image are as old as that, and after a day they would be fetched on every run.
const PREPARE: &str =
    "dd if=/dev/zero of=/swapfile bs=1M count=16 2>/dev/null && chmod 600 /swapfile && mkswap -q /swapfile && swapon /swapfile
printf '# swap of the installer\\n/swapfile none swap sw 0 0\\n' >>/etc/fstab
sysctl -qw fs.inotify.max_user_watches=8192
touch /var/lib/apt/lists";

/// Of the worker's disk.
const SERIAL: &str = "5eed0000";

struct Project {
    program: Program,
    machines: Vec<Machine>,
    bed: Bed,
    _time_server: TimeServer,
}

impl Project {
    fn new() -> Self {
        let bed = Bed::new().unwrap();
        let spec = |name: &str, suite| bed.machine(name).kind(Kind::Uml).suite(suite).memory(512);
        let machines = bed.start_all(vec![spec("m1", Suite::Bookworm), spec("w1", Suite::Trixie).disk(SERIAL, 64)]).unwrap();
        let program = Program::new();
        std::fs::create_dir_all(program.path("home/.ssh")).unwrap();
        program.file("home/.ssh/known_hosts", &machines.iter().map(Machine::known_hosts_lines).collect::<String>());
        let [master, worker] = [&machines[0], &machines[1]].map(Machine::inventory_line);
        program.file("hosts.ini", &format!("[masters]\n{master}[workers]\n{worker}"));
        std::fs::create_dir_all(program.path("host_vars")).unwrap();
        program.file("host_vars/w1.yml", &format!("longhorn_disks: [{{serial: {SERIAL}}}]\n"));
        for machine in &machines {
            machine.root_says(&(asked_by_timesyncd() + PREPARE)).unwrap();
        }
        let _time_server = TimeServer::start(&bed);
        Self { program, machines, bed, _time_server }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let words = [&["provision", "site", "-i", "hosts.ini", "--yes", "--output", "jsonl"], arguments].concat();
        self.bed.inside(|| self.program.run(&words)).unwrap()
    }

    fn holds(&self) {
        for machine in &self.machines {
            assert_eq!(machine.root_says(HOLDS).unwrap().trim(), AS_IT_SHOULD_BE, "{}", machine.name);
            assert_eq!(machine.root_says("grep -c '^/swapfile' /etc/fstab || :").unwrap(), "0");
            if machine.name == "w1" {
                let mounted = machine.root_says("findmnt -no FSTYPE,LABEL /var/lib/longhorn; lsblk -dno SERIAL /dev/sda").unwrap();
                assert!(mounted.starts_with("ext4") && mounted.ends_with(SERIAL), "{mounted}");
            }
            assert_eq!(machine.root_says("grep -c '/swapfile none swap sw 0 0' /etc/fstab").unwrap(), "1", "commented, and still there");
        }
    }
}

/// How each task ended on each host.
fn ends(ran: &Ran) -> BTreeMap<(String, String), String> {
    let events = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ends = events.filter(|event| event["event"] == "task_finished");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    ends.map(|event| ((text(&event["host"]), text(&event["task"])), text(&event["outcome"]))).collect()
}

#[test]
fn base_and_tuning_hold_after_a_restart_and_a_dry_run_said_so() {
    let mut project = Project::new();
    let foretold = project.run(&["--check"]);
    assert!(foretold.code == Some(0) || foretold.code == Some(4), "{}", foretold.all());
    for machine in &project.machines {
        assert_eq!(machine.root_says("sysctl -n fs.inotify.max_user_watches; tail -n +2 /proc/swaps | wc -l").unwrap(), "8192\n1");
    }

    let first = project.run(&[]);
    assert_eq!(first.code, Some(0), "{}", first.all());
    project.holds();
    let (said, did) = (ends(&foretold), ends(&first));
    assert!(!did.is_empty(), "{}", first.all());
    for (task, end) in &did {
        let before = said.get(task).map_or("pending", String::as_str);
        assert!(before == end || before == "pending", "{task:?}: a dry run said {before}, it was {end}");
    }
    assert!(said.values().any(|end| end == "changed"), "{said:?}");

    project.machines.iter_mut().for_each(|machine| machine.reboot().unwrap());
    project.holds();
    let second = project.run(&["--detailed-exitcode"]);
    assert_eq!(second.code, Some(0), "{}", second.all());
    assert!(ends(&second).values().all(|end| end != "changed"), "{:?}", ends(&second));
    // 18 tasks on the worker: one for each step that depends on what was read before it; two of them are Longhorn's
    let trips: Vec<u64> = finished(&second).into_iter().map(|(_, trips)| trips).collect();
    assert_eq!(trips, [3, 5], "{}", second.all());
    project.holds();
}
