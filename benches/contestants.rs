//! The command lines that are measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::measure::{FactsScript, homelabctl, time};
use crate::testbed::{Bed, Machine};

/// Some machines, and the files by which each program reaches them.
pub struct Field<'a> {
    bed: &'a Bed,
    machines: &'a [Machine],
    dir: tempfile::TempDir,
    ansible: Option<PathBuf>,
}

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contestant {
    Homelabctl,
    Ssh,
    AnsiblePing,
    AnsibleSetup,
    AnsiblePipelined,
}

impl Contestant {
    pub const ALL: [Self; 5] = [Self::Homelabctl, Self::Ssh, Self::AnsiblePing, Self::AnsibleSetup, Self::AnsiblePipelined];

    /// As it is shown.
    pub fn line(self) -> &'static str {
        match self {
            Self::Homelabctl => "homelabctl facts",
            Self::Ssh => "ssh HOST sh < the same script",
            Self::AnsiblePing => "ansible -m ping",
            Self::AnsibleSetup => "ansible -m setup",
            Self::AnsiblePipelined => "ansible -m setup, pipelining",
        }
    }
}

impl<'a> Field<'a> {
    pub fn new(bed: &'a Bed, machines: &'a [Machine], script: &FactsScript, ansible: Option<&Path>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let known: String = machines.iter().map(Machine::known_hosts_lines).collect();
        std::fs::create_dir(dir.path().join(".ssh")).unwrap();
        std::fs::write(dir.path().join(".ssh/known_hosts"), known).unwrap();
        // its commands must not read it: nothing is on their standard input, as in the shells that homelabctl opens
        std::fs::write(dir.path().join("script"), format!("{{\n{}\n}} </dev/null\n", script.text)).unwrap();
        std::fs::write(dir.path().join("hosts"), machines.iter().map(Machine::inventory_line).collect::<String>()).unwrap();
        Self { bed, machines, dir, ansible: ansible.map(Path::to_owned) }
    }

    /// From nothing to the answers of all machines; every connection is new.
    pub fn run(&self, contestant: Contestant) -> Option<Duration> {
        match contestant {
            Contestant::Homelabctl => Some(self.homelabctl()),
            Contestant::Ssh => Some(self.ssh()),
            Contestant::AnsiblePing => self.ansible("ping", false),
            Contestant::AnsibleSetup => self.ansible("setup", false),
            Contestant::AnsiblePipelined => self.ansible("setup", true),
        }
    }

    /// A file beside which commands run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A command in the bed's network, with surroundings of its own.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = self.bed.command(program.to_str().unwrap());
        command.current_dir(self.dir.path()).env("HOME", self.dir.path()).env_remove("SSH_AUTH_SOCK").env_remove("XDG_STATE_HOME");
        command
    }

    fn homelabctl(&self) -> Duration {
        let mut command = self.command(&homelabctl());
        command.args(["facts", "-i", "hosts", "--output", "json"]);
        time(command, "homelabctl facts")
    }

    /// All machines at the same time, each by a process of its own.
    fn ssh(&self) -> Duration {
        let commands: Vec<Command> = self
            .machines
            .iter()
            .map(|machine| {
                let mut ssh = machine.ssh().unwrap();
                ssh.arg("sh").stdin(std::fs::File::open(self.dir.path().join("script")).unwrap());
                ssh.stdout(Stdio::null()).stderr(Stdio::null());
                ssh
            })
            .collect();
        let began = Instant::now();
        let running: Vec<_> = commands.into_iter().map(|mut command| command.spawn().unwrap()).collect();
        for mut child in running {
            assert!(child.wait().unwrap().success(), "ssh failed");
        }
        began.elapsed()
    }

    /// With its own settings, but for the files that ssh reads and as many forks as hosts.
    fn ansible(&self, module: &str, pipelining: bool) -> Option<Duration> {
        let ansible = self.ansible.as_ref()?;
        let sockets = tempfile::tempdir_in("/tmp").unwrap();
        let known = self.dir.path().join(".ssh/known_hosts");
        let mut command = self.command(&ansible.join("bin/ansible"));
        command
            .args(["all", "-i", "hosts", "-m", module, "-f", &self.machines.len().max(5).to_string()])
            .env("ANSIBLE_SSH_CONTROL_PATH_DIR", sockets.path())
            .env("ANSIBLE_SSH_COMMON_ARGS", format!("-F none -o UserKnownHostsFile={}", known.display()))
            .env("ANSIBLE_PIPELINING", if pipelining { "True" } else { "False" });
        let wall = time(command, "ansible");
        // it leaves connections open for a minute; the next round is to have its own
        for socket in std::fs::read_dir(sockets.path()).unwrap() {
            let path = format!("ControlPath={}", socket.unwrap().path().display());
            let _ = Command::new("ssh").args(["-F", "none", "-o", &path, "-O", "exit", "x"]).output();
        }
        Some(wall)
    }
}
