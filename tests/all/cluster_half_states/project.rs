//! Two machines that are kept as snapshots: prepared, and the first of them a cluster; and kubeadm called on them by hand.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use homelabctl::cluster::kubeadm_config::{self, ConfigFile, Joining, Secret};
use homelabctl::cluster::membership::{Evidence, Wanted};
use homelabctl::cluster::settings::Settings;
use homelabctl::diagnostics::{Diagnostics, Source};
use homelabctl::yaml;

use super::seen::look;
use crate::program::{Program, Ran};
use crate::testbed::kubernetes::Packages;
use crate::testbed::{Bed, Machine, Snapshot};

pub const KUBECTL: &str = "kubectl --kubeconfig /etc/kubernetes/super-admin.conf";
const PREPARE: &str = "- hosts: masters:workers
  become: true
  gather_facts: false
  tasks:
    - homelab.kubernetes_packages: {version: v1.34.2}
    - ansible.builtin.systemd: {name: kubelet, enabled: true}
";
const CLUSTER: &str = "- hosts: masters:workers
  become: true
  gather_facts: false
  tasks:
    - homelab.kubeadm: {cluster: '{{ cluster }}'}
";
/// A network without anybody who sets it up, so that Nodes are ready.
const NETWORK: &str = r#"mkdir -p /etc/cni/net.d && cat >/etc/cni/net.d/10-bed.conflist <<'END'
{"cniVersion": "0.4.0", "name": "bed", "plugins": [{"type": "bridge", "bridge": "cni0", "isGateway": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
END
"#;
/// By what the second machine's join is kept apart from ours.
const BY_HAND: &str = "/run/by-hand";

/// What the inventory has.
#[derive(Clone, Copy, PartialEq)]
pub enum Inventory {
    /// The first machine alone.
    One,
    /// Both are control planes.
    TwoMasters,
    /// The second is a worker.
    Worker,
}

pub struct Project {
    program: Program,
    pub machines: Vec<Machine>,
    bed: Bed,
    settings: Settings,
    snapshots: PathBuf,
    _packages: Packages,
}

impl Project {
    pub fn new() -> Self {
        let bed = Bed::new().unwrap();
        let packages = Packages::serve(&bed).unwrap();
        let machines = bed.start_all(["m1", "m2"].map(|name| bed.machine(name).kubernetes_node()).into()).unwrap();
        let program = Program::new();
        std::fs::create_dir_all(program.path("home/.ssh")).unwrap();
        program.file("home/.ssh/known_hosts", &machines.iter().map(Machine::known_hosts_lines).collect::<String>());
        std::fs::create_dir_all(program.path("group_vars")).unwrap();
        program.file("prepare.yml", PREPARE).file("cluster.yml", CLUSTER);
        let text = format!(
            "name: bed\nendpoint: {{host: {}, served_by: external}}\npackages: {{url: \"{url}/\", key: \"{url}/Release.key\"}}\n\
             cni: {{name: none}}\nextra_arguments: {{etcd: {{heartbeat-interval: \"300\", election-timeout: \"3000\"}}}}\n\
             ignore_preflight_errors: [NumCPU, SystemVerification, Mem]\n",
            machines[0].address,
            url = packages.url
        );
        program.file("group_vars/all.yml", &format!("cluster:\n  {}\n", text.trim().replace('\n', "\n  ")));
        let mut problems = Diagnostics::new();
        let node = yaml::load(&Source::new("cluster", text)).unwrap().0.unwrap();
        let settings = Settings::read(&node, "2026-10-01", &mut problems).unwrap_or_else(|| panic!("{problems}"));
        // with it the machines are prepared once for several runs of the tests
        let kept = std::env::var_os("HOMELABCTL_SNAPSHOTS").map(PathBuf::from);
        let snapshots = kept.unwrap_or_else(|| bed.dir().join("snapshots"));
        let mut project = Self { program, machines, bed, settings, snapshots, _packages: packages };
        if Snapshot::taken(&project.snapshots.join("prepared-1")).is_none() {
            project.prepare();
        }
        project
    }

    fn prepare(&mut self) {
        for playbook in ["tuning", "containerd", "prepare.yml"] {
            let ran = self.provision(playbook, Inventory::TwoMasters);
            assert_eq!(ran.code, Some(0), "{}", ran.all());
        }
        for machine in &self.machines {
            machine.root_says(NETWORK).unwrap();
        }
        self.keep("prepared", 0);
        self.keep("prepared", 1);
    }

    /// Takes a machine's snapshot; it is off then.
    pub fn keep(&mut self, name: &str, at: usize) {
        let dir = self.snapshots.join(format!("{name}-{at}"));
        Snapshot::take(&mut self.machines[at], &dir).unwrap();
    }

    pub fn has(&self, name: &str) -> bool {
        Snapshot::taken(&self.snapshots.join(format!("{name}-0"))).is_some()
    }

    fn snapshot(&self, name: &str, at: usize) -> Snapshot {
        Snapshot::taken(&self.snapshots.join(format!("{name}-{at}"))).unwrap()
    }

    /// The first machine starts as it was when it was prepared; the second is off.
    pub fn start_first(&mut self) {
        self.machines[1].kill();
        self.snapshot("prepared", 0).start(&mut self.machines[0]).unwrap();
    }

    /// The second machine starts as it was when it was prepared; as another one, if it is replaced.
    pub fn start_second(&mut self, is_another: bool) {
        let snapshot = self.snapshot("prepared", 1);
        let second = &mut self.machines[1];
        if is_another { snapshot.start_another(second).unwrap() } else { snapshot.start(second).unwrap() }
    }

    /// The first machine starts as a cluster, the second as it was when it was prepared.
    pub fn start_finished(&mut self) {
        let snapshots = [self.snapshot("finished", 0), self.snapshot("prepared", 1)];
        std::thread::scope(|scope| {
            for (machine, snapshot) in self.machines.iter_mut().zip(snapshots) {
                scope.spawn(move || snapshot.start(machine).unwrap());
            }
        });
        self.is_ready(0);
    }

    fn inventory(&self, inventory: Inventory) -> &'static str {
        let [first, second] = [0, 1].map(|at: usize| self.machines[at].inventory_line());
        let text = match inventory {
            Inventory::One => format!("[masters]\n{first}[workers]\n"),
            Inventory::TwoMasters => format!("[masters]\n{first}{second}[workers]\n"),
            Inventory::Worker => format!("[masters]\n{first}[workers]\n{second}"),
        };
        self.program.file("hosts.ini", &text);
        "hosts.ini"
    }

    pub fn provision(&self, playbook: &str, inventory: Inventory) -> Ran {
        let (began, hosts) = (Instant::now(), self.inventory(inventory));
        let ran = self.bed.inside(|| self.program.run(&["provision", playbook, "--yes", "-i", hosts])).unwrap();
        eprintln!("  provision {playbook}: {:?}, {:?}", ran.code, began.elapsed());
        ran
    }

    /// Our own run.
    pub fn heal(&self, inventory: Inventory) -> Ran {
        self.provision("cluster.yml", inventory)
    }

    /// All that a run would see.
    pub fn look(&self, inventory: Inventory) -> (Wanted, Evidence) {
        let count = if inventory == Inventory::One { 1 } else { 2 };
        let of = |machine: &Machine| if inventory == Inventory::Worker && machine.name == "m2" { "workers" } else { "masters" };
        let machines: Vec<(&Machine, &str)> = self.machines.iter().take(count).map(|machine| (machine, of(machine))).collect();
        look(&self.settings, &machines)
    }

    pub fn says(&self, at: usize, script: &str) -> String {
        self.machines[at].root_says(script).unwrap()
    }

    /// Waits for a script to succeed.
    pub fn until(&self, at: usize, what: &str, condition: &str) {
        let deadline = Instant::now() + Duration::from_secs(900);
        while !self.machines[at].root_command(condition).is_ok_and(|output| output.status.success()) {
            let state = || self.says(at, "crictl ps -a; journalctl -u kubelet -n 20 --no-pager; cat /run/by-hand/log 2>/dev/null; :");
            assert!(Instant::now() < deadline, "{what}\n{}", state());
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Waits until the first machine's API server is ready.
    pub fn is_ready(&self, at: usize) {
        self.until(at, "the API server is not ready", &format!("{KUBECTL} get --raw /readyz"));
    }

    fn put(&self, at: usize, config: &ConfigFile) {
        let text = config.text();
        self.says(at, &format!("mkdir -p -m 700 {BY_HAND} && umask 077 && cat >{BY_HAND}/kubeadm.yaml <<'END'\n{text}\nEND"));
    }

    fn kubeadms(&self, at: usize) -> kubeadm_config::Machine {
        let machine = &self.machines[at];
        kubeadm_config::Machine { name: machine.name.clone(), address: machine.address.parse().unwrap(), taints: None }
    }

    /// `kubeadm init` with our configuration; on the second machine for a cluster of its own. It is to be killed later.
    pub fn init(&self, at: usize) {
        let mut settings = self.settings.clone();
        settings.endpoint.host = self.machines[at].address.clone();
        let (token, key) = (Secret::new("abcdef.0123456789abcdef"), Secret::new("12".repeat(32)));
        self.put(at, &kubeadm_config::init(&settings, &self.kubeadms(at), &token, &key));
    }

    /// What the second machine joins with, fresh.
    pub fn join(&self, is_control_plane: bool) {
        let key = "34".repeat(32);
        if is_control_plane {
            let token = Secret::new("abcdef.0123456789abcdef");
            self.put(0, &kubeadm_config::init(&self.settings, &self.kubeadms(0), &token, &Secret::new(key.clone())));
            self.says(0, &format!("kubeadm init phase upload-certs --upload-certs --config {BY_HAND}/kubeadm.yaml; rm {BY_HAND}/*"));
        }
        let token = self.says(0, "kubeadm token create --ttl 30m --description 'homelabctl: to join with' 2>/dev/null");
        // the controller manager signs for it, and may be taken away then
        let id = token.split('.').next().unwrap();
        self.until(
            0,
            "no signature",
            &format!("{KUBECTL} -n kube-public get configmap cluster-info -o yaml | grep -q jws-kubeconfig-{id}"),
        );
        let (_, evidence) = self.look(Inventory::One);
        let joining = Joining {
            token: Secret::new(token.trim()),
            ca_hash: evidence.objects().unwrap().ca.clone(),
            certificate_key: is_control_plane.then(|| Secret::new(key)),
        };
        self.put(1, &kubeadm_config::join(&self.settings, &self.kubeadms(1), &joining));
    }

    /// Runs kubeadm and kills it the moment that a file is there; then what is said at once. From the moment on that another file is there,
    /// which comes shortly before, the machine's only processor looks for it without a pause.
    pub fn killed(&self, at: usize, command: &str, [before, file]: [&str; 2], then: &str) {
        self.killed_when(at, command, &format!("[ -e {before} ]"), &format!("[ -e {file} ]"), then);
    }

    /// The same with conditions of the shell's.
    pub fn killed_when(&self, at: usize, command: &str, before: &str, condition: &str, then: &str) {
        let script = format!(
            "systemctl stop kubelet # which fails again and again without a configuration
            cd {BY_HAND}
            kubeadm {command} --config kubeadm.yaml >log 2>&1 & pid=$!
            until {before}; do kill -0 $pid 2>/dev/null || {{ echo too soon >over; exit; }}; sleep 0.3; done
            until {condition}; do kill -0 $pid 2>/dev/null || {{ echo too soon >over; exit; }}; done
            kill -KILL $pid
            {then}
            wait $pid
            rm -f kubeadm.yaml
            echo killed >over"
        );
        // a slow machine takes longer for it than a shell of the bed waits
        self.says(
            at,
            &format!("cd {BY_HAND}; rm -f over; cat >run <<'END'\n{script}\nEND\nsystemd-run --quiet --collect sh {BY_HAND}/run"),
        );
        self.until(at, "kubeadm does not come so far", &format!("[ -e {BY_HAND}/over ]"));
        let said = self.says(at, &format!("cat {BY_HAND}/over; tail -n 30 {BY_HAND}/log"));
        assert!(said.starts_with("killed"), "{said}");
    }

    /// How the machines are, for failures.
    pub fn state(&self) -> String {
        let mut text = String::new();
        for machine in &self.machines {
            let script =
                format!("{KUBECTL} get nodes,csr -o wide; crictl ps -a; journalctl -u kubelet -n 30 --no-pager; ls /etc/kubernetes; :");
            let said = machine.root_says(&script).unwrap_or_else(|error| error.to_string());
            writeln!(text, "--- {}\n{said}", machine.name).unwrap();
        }
        text
    }
}
