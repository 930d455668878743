//! From bare machines to a cluster by one `homelabctl provision`, and what is so afterwards: on User-mode Linux, with the real programs
//! of Kubernetes.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Program, Ran};
use crate::run_log::Spent;
use crate::testbed::kubernetes::{Packages, program};
use crate::testbed::{Bed, Machine};
use crate::time_server::{TimeServer, asked_by_timesyncd};

/// Of the worker's disk.
const SERIAL: &str = "5eed0000";
/// What kube-vip holds; no machine has it.
const VIRTUAL: &str = "10.77.0.200";
/// kubectl as the control plane has it.
const KUBECTL: &str = "kubectl --kubeconfig /etc/kubernetes/admin.conf";
/// What kube-proxy, the kernel and ARP say on a node; perl is everywhere.
const PROXY: &str = r#"perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new("127.0.0.1:10249") or die; print $s "GET /proxyMode HTTP/1.0\r\n\r\n"; local $/; ($b) = <$s> =~ /\r\n\r\n(.*)/s; print "$b\n"'
sysctl -n net.ipv4.conf.all.arp_ignore net.ipv4.conf.all.arp_announce
grep -c '^TCP' /proc/net/ip_vs"#;
/// Texts that look like a token, wherever one may have been left: files of ours and of kubeadm's, logs, the journal.
pub const TOKENS: &str = r#"grep -rEIl '(^|[^a-z0-9.])[a-z0-9]{6}\.[a-z0-9]{16}([^a-z0-9.]|$)' /run/homelabctl /etc/kubernetes /var/lib/kubelet/config.yaml /var/log /root /tmp 2>/dev/null
journalctl -q --no-pager 2>/dev/null | grep -E '(^|[^a-z0-9.])[a-z0-9]{6}\.[a-z0-9]{16}([^a-z0-9.]|$)' || :"#;

struct Project {
    program: Program,
    machines: Vec<Machine>,
    bed: Bed,
    _packages: Packages,
    _time_server: TimeServer,
}

impl Project {
    fn new(masters: usize, workers: usize) -> Self {
        let bed = Bed::new().unwrap();
        let packages = Packages::serve(&bed).unwrap();
        let names = (1..=masters).map(|at| format!("m{at}")).chain((1..=workers).map(|at| format!("w{at}")));
        let spec = |name: String| {
            let spec = bed.machine(&name).kubernetes_node();
            if name == "w1" { spec.disk(SERIAL, 64) } else { spec }
        };
        let machines = bed.start_all(names.map(spec).collect()).unwrap();
        let program = Program::new();
        std::fs::create_dir_all(program.path("home/.ssh")).unwrap();
        program.file("home/.ssh/known_hosts", &machines.iter().map(Machine::known_hosts_lines).collect::<String>());
        let mut hosts = String::new();
        for (group, letter) in [("masters", 'm'), ("workers", 'w')] {
            writeln!(hosts, "[{group}]").unwrap();
            hosts.extend(machines.iter().filter(|machine| machine.name.starts_with(letter)).map(Machine::inventory_line));
        }
        program.file("hosts.ini", &hosts);
        std::fs::create_dir_all(program.path("group_vars")).unwrap();
        std::fs::create_dir_all(program.path("host_vars")).unwrap();
        program.file("host_vars/w1.yml", &format!("longhorn_disks: [{{serial: {SERIAL}}}]\n"));
        let endpoint = match masters {
            1 => format!("{{host: {}, served_by: external}}", machines[0].address),
            _ => format!("{{host: {VIRTUAL}, served_by: kube-vip}}"),
        };
        // a machine of this bed has one slow processor, a kernel of its own and no registry
        let settings = format!(
            "cluster:\n  name: bed\n  endpoint: {}\n  packages: {{url: \"{url}/\", key: \"{url}/Release.key\"}}\n  \
             cni: {{name: flannel}}\n  extra_arguments:\n    etcd: {{heartbeat-interval: \"300\", election-timeout: \"3000\"}}\n    \
             controller_manager: {patience}\n    scheduler: {patience}\n  \
             ignore_preflight_errors: [NumCPU, SystemVerification, Mem, DiskSpace, SyncLatency, ImagePull, NameServers, Reach]\n  \
             labels: {{workers: {{bed.test/kind: worker}}}}\n",
            endpoint,
            url = packages.url,
            patience = "{leader-elect-lease-duration: 60s, leader-elect-renew-deadline: 40s, leader-elect-retry-period: 5s}"
        );
        program.file("group_vars/all.yml", &settings);
        for machine in &machines {
            machine.root_says(&asked_by_timesyncd()).unwrap();
        }
        let _time_server = TimeServer::start(&bed);
        Self { program, machines, bed, _packages: packages, _time_server }
    }

    fn run(&self, words: &[&str]) -> Ran {
        let began = Instant::now();
        let ran = self.bed.inside(|| self.program.run(&[words, &["-i", "hosts.ini"]].concat())).unwrap();
        eprintln!("{}: {:?}", words.join(" "), began.elapsed());
        ran
    }

    /// A command of the cluster's, with its own arguments.
    fn runs(&self, words: &[&str]) -> Ran {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        ran
    }

    /// Asks until it is said, for five minutes.
    fn waits_until(&self, name: &str, script: &str, wanted: &str) {
        let deadline = Instant::now() + Duration::from_secs(300);
        loop {
            let machine = self.machines.iter().find(|machine| machine.name == name).unwrap();
            let said = machine.root_command(script).unwrap();
            if String::from_utf8_lossy(&said.stdout).trim() == wanted {
                return;
            }
            assert!(Instant::now() < deadline, "{name}: {script}: {said:?}\n{}", self.state());
            sleep(Duration::from_secs(2));
        }
    }

    /// The control planes that have the virtual address.
    fn holders(&self) -> Vec<&str> {
        let holds = |machine: &&Machine| machine.root_says("ip -o addr").is_ok_and(|said| said.contains(&format!(" {VIRTUAL}/32")));
        self.machines.iter().filter(holds).map(|machine| machine.name.as_str()).collect()
    }

    fn says(&self, name: &str, script: &str) -> String {
        let machine = self.machines.iter().find(|machine| machine.name == name).unwrap();
        machine.root_says(script).unwrap()
    }

    /// How the machines are.
    fn state(&self) -> String {
        self.says("m1", &format!("{KUBECTL} get nodes,pods -A -o wide; crictl ps -a; journalctl -u kubelet -n 40 --no-pager; :"))
    }
}

fn becomes_a_cluster(masters: usize, workers: usize) -> Project {
    let project = Project::new(masters, workers);
    let foretold = project.run(&["provision", "--check", "--yes"]);
    assert!(foretold.code == Some(0) || foretold.code == Some(4), "{}", foretold.all());
    assert_eq!(project.says("m1", "ls /etc/kubernetes 2>&1 | grep -c conf || :"), "0", "a dry run changes nothing");

    let logs = project.program.logs();
    let first = project.run(&["provision", "--yes"]);
    eprintln!("{}", first.stdout);
    assert_eq!(first.code, Some(0), "{}\n{}", first.all(), project.state());

    let log = project.program.logs().into_iter().find(|log| !logs.contains(log)).unwrap();
    let spent = Spent::of(&log);
    eprintln!("{:?} of {:?} with nothing under way: {:.1} %", spent.idle, spent.whole, spent.idle_share());
    eprintln!("{}", spent.longest_gaps());

    let ready = "get nodes -o jsonpath='{range .items[*]}{.metadata.name}={.status.conditions[?(@.type==\"Ready\")].status} {end}'";
    let wanted: String = project.machines.iter().map(|machine| format!("{}=True ", machine.name)).collect();
    assert_eq!(project.says("m1", &format!("{KUBECTL} {ready}")).trim(), wanted.trim());
    for machine in &project.machines {
        let said = machine.root_says(PROXY).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[..3], ["ipvs", "1", "2"], "{}: {said}", machine.name);
        assert!(lines[3].parse::<u32>().unwrap() >= 2, "{}: {said}", machine.name);
        assert_eq!(machine.root_says(TOKENS).unwrap().trim(), "", "{}", machine.name);
    }
    let node: Value = serde_json::from_str(&project.says("m1", &format!("{KUBECTL} get node w1 -o json"))).unwrap();
    let labels = &node["metadata"]["labels"];
    assert_eq!(
        (labels["bed.test/kind"].as_str(), labels["node.longhorn.io/create-default-disk"].as_str()),
        (Some("worker"), Some("config"))
    );
    let disks = node["metadata"]["annotations"]["node.longhorn.io/default-disks-config"].as_str().unwrap_or_default();
    assert!(disks.contains("/var/lib/longhorn"), "{node}");
    let secrets = project.says("m1", &format!("{KUBECTL} -n kube-system get secrets -o name"));
    assert!(!secrets.contains("bootstrap-token") && !secrets.contains("kubeadm-certs"), "{secrets}");

    let second = project.run(&["provision", "--yes", "--detailed-exitcode"]);
    assert_eq!(second.code, Some(0), "{}", second.all());
    eprintln!("{}", project.runs(&["cluster", "status"]).stdout);
    project
}

/// A person's own access, and a copy of etcd's data, both of a cluster that lives.
fn gives_access_and_a_snapshot(project: &Project) {
    project.runs(&["cluster", "kubeconfig", "--name", "ada", "--to", "ada.conf"]);
    let mut kubectl = project.bed.command(program("kubectl").unwrap().to_str().unwrap());
    kubectl.args([
        "--kubeconfig",
        project.program.path("ada.conf").to_str().unwrap(),
        "auth",
        "whoami",
        "-o",
        "jsonpath={.status.userInfo.username}",
    ]);
    let who = kubectl.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&who.stdout), "ada", "{who:?}");

    project.runs(&["cluster", "etcd-snapshot", "--to", "etcd.db"]);
    let etcdutl = |words: &[&str], file: &Path| Command::new(program("etcdutl").unwrap()).args(words).arg(file).output().unwrap();
    let status = etcdutl(&["snapshot", "status", "-w", "json"], &project.program.path("etcd.db"));
    let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_else(|_| panic!("{status:?}"));
    assert!(status["totalKey"].as_u64() > Some(100), "{status}");
}

/// The machine that has the endpoint's address loses its power: another one takes it, and the machine comes back as it was.
fn outlives_a_control_plane(project: &mut Project) {
    let holders = project.holders();
    let [holder] = holders[..] else { panic!("{holders:?} have {VIRTUAL}") };
    let holder = holder.to_owned();
    let at = project.machines.iter().position(|machine| machine.name == holder).unwrap();
    project.machines[at].kill();
    let began = Instant::now();
    let asks = "kubectl --kubeconfig /etc/kubernetes/kubelet.conf --request-timeout 5s get --raw /readyz";
    project.waits_until("w1", asks, "ok");
    eprintln!("{VIRTUAL} answers again after {:?}", began.elapsed());
    // two of three votes are a majority, and of the third it is known that it does not answer
    let status = project.run(&["cluster", "status"]);
    assert!(status.all().contains(&format!("etcd: 3 members, {holder} does not answer")), "{}", status.all());
    project.machines[at].power_on().unwrap();
    let ready = format!("{KUBECTL} get node {holder} -o jsonpath='{{.status.conditions[?(@.type==\"Ready\")].status}}'");
    project.waits_until(&holder, &ready, "True");
    let again = project.run(&["provision", "--yes", "--detailed-exitcode"]);
    assert_eq!(again.code, Some(0), "{}\n{}", again.all(), project.state());
}

#[test]
#[ignore = "builds all of Kubernetes the first time, and takes some minutes: `make e2e`"]
fn kubernetes_cluster_of_one_control_plane_and_one_worker() {
    gives_access_and_a_snapshot(&becomes_a_cluster(1, 1));
}

#[test]
#[ignore = "builds all of Kubernetes the first time, and takes a quarter of an hour: `make e2e`"]
fn kubernetes_cluster_of_three_control_planes_and_one_worker() {
    let mut project = becomes_a_cluster(3, 1);
    assert_eq!(project.holders().len(), 1);
    outlives_a_control_plane(&mut project);
}
