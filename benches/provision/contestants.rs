//! Who runs the playbooks of the benchmark, and how.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::tasks;
use crate::contestants::Field;
use crate::measure::homelabctl;
use crate::testbed::Machine;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contestant {
    Homelabctl,
    /// The same in a single `ssh HOST sudo sh`.
    Script,
    /// ansible-core with pipelining.
    Ansible,
    /// The same with Mitogen's strategy.
    Mitogen,
    Pyinfra,
}

impl Contestant {
    pub const ALL: [Self; 5] = [Self::Homelabctl, Self::Script, Self::Ansible, Self::Mitogen, Self::Pyinfra];

    /// As it is shown.
    pub fn line(self) -> &'static str {
        match self {
            Self::Homelabctl => "homelabctl provision",
            Self::Script => "ssh HOST sudo sh < script",
            Self::Ansible => "ansible-core 2.19.14, pipelining",
            Self::Mitogen => "the same with Mitogen 0.3.54",
            Self::Pyinfra => "pyinfra 3.10.0",
        }
    }
}

/// Where the others are installed.
pub struct Installed {
    pub ansible: PathBuf,
    pub mitogen: PathBuf,
    pub pyinfra: PathBuf,
}

impl Installed {
    /// Beside that Ansible.
    pub fn beside(ansible: &Path) -> Self {
        let done = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/contestants.sh")).arg(ansible).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let said = String::from_utf8(done.stdout).unwrap();
        let (mitogen, pyinfra) = said.trim().split_once('\n').unwrap();
        Self { ansible: ansible.to_owned(), mitogen: mitogen.into(), pyinfra: pyinfra.into() }
    }
}

/// The command lines of one case.
pub struct Lines<'f> {
    pub field: &'f Field<'f>,
    pub machines: &'f [Machine],
    pub installed: Option<&'f Installed>,
}

impl<'f> Lines<'f> {
    /// Writes the files that each needs.
    pub fn new(field: &'f Field<'f>, machines: &'f [Machine], installed: Option<&'f Installed>, tasks: usize) -> Self {
        std::fs::create_dir(field.path("templates")).unwrap();
        std::fs::write(field.path("templates/t.j2"), "# of the bench\nnumber = {{ number }}\n").unwrap();
        for (name, changing) in [("same", false), ("change", true)] {
            std::fs::write(field.path(&format!("{name}.yml")), tasks::playbook(tasks, changing)).unwrap();
            std::fs::write(field.path(&format!("{name}.py")), tasks::deploy(tasks, changing)).unwrap();
        }
        std::fs::write(field.path("same.sh"), tasks::script(tasks)).unwrap();
        std::fs::write(field.path("change.sh"), tasks::making_script(tasks)).unwrap();
        let mut hosts = "hosts = [\n".to_owned();
        for Machine { name, address, port, user, key_path, .. } in machines {
            let known = field.path(".ssh/known_hosts");
            writeln!(
                hosts,
                "    ('{name}', {{'ssh_hostname': '{address}', 'ssh_port': {port}, 'ssh_user': '{user}', 'ssh_key': '{}', \
                 'ssh_known_hosts_file': '{}', 'ssh_strict_host_key_checking': 'yes', 'ssh_allow_agent': False, '_sudo': True}}),",
                key_path.display(),
                known.display()
            )
            .unwrap();
        }
        std::fs::write(field.path("inventory.py"), hosts + "]\n").unwrap();
        Self { field, machines, installed }
    }

    /// From the program's start to its end, every connection new. In a run of `same` nothing is to change, or it panics.
    pub fn run(&self, contestant: Contestant, what: &str) -> Option<Duration> {
        match contestant {
            Contestant::Homelabctl => Some(self.homelabctl(what)),
            Contestant::Script => (what == "same").then(|| self.script(what)),
            Contestant::Ansible => Some(self.ansible(what, self.installed?, false)),
            Contestant::Mitogen => Some(self.ansible(what, self.installed?, true)),
            Contestant::Pyinfra => Some(self.pyinfra(what, self.installed?)),
        }
    }

    /// Makes everything as the playbook of `same` says.
    pub fn prepare(&self) {
        let mut command = self.field.command(&homelabctl());
        command.args(["provision", "same.yml", "-i", "hosts", "-f", &self.forks()]);
        let (_, output) = timed(command);
        assert!(output.status.success(), "homelabctl provision: {}", said(&output));
    }

    /// The command line of homelabctl for that playbook.
    pub fn provision(&self, what: &str) -> Command {
        let mut command = self.field.command(&homelabctl());
        command.args(["provision", &format!("{what}.yml"), "-i", "hosts", "--detailed-exitcode", "-f", &self.forks()]);
        command
    }

    fn homelabctl(&self, what: &str) -> Duration {
        let (wall, output) = timed(self.provision(what));
        let wanted = if what == "same" { 0 } else { 3 };
        assert_eq!(output.status.code(), Some(wanted), "homelabctl provision: {}", said(&output));
        wall
    }

    fn forks(&self) -> String {
        self.machines.len().max(5).to_string()
    }

    /// All machines at the same time, each by a process of its own.
    pub fn script(&self, what: &str) -> Duration {
        let path = self.field.path(&format!("{what}.sh"));
        let commands: Vec<Command> = self
            .machines
            .iter()
            .map(|machine| {
                let mut ssh = machine.ssh().unwrap();
                ssh.args(["sudo", "sh"]).stdin(std::fs::File::open(&path).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
                ssh
            })
            .collect();
        let began = Instant::now();
        let running: Vec<_> = commands.into_iter().map(|mut command| command.spawn().unwrap()).collect();
        let ended: Vec<Output> = running.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        let wall = began.elapsed();
        for output in ended {
            assert!(output.status.success() && output.stdout.is_empty(), "the script: {}", said(&output));
        }
        wall
    }

    fn ansible(&self, what: &str, installed: &Installed, mitogen: bool) -> Duration {
        let sockets = tempfile::tempdir_in("/tmp").unwrap();
        let mut command = self.field.command(&installed.ansible.join("bin/ansible-playbook"));
        let known = self.field.path(".ssh/known_hosts");
        command
            .args([&format!("{what}.yml"), "-i", "hosts", "-f", &self.forks()])
            .env("ANSIBLE_SSH_CONTROL_PATH_DIR", sockets.path())
            .env("ANSIBLE_SSH_COMMON_ARGS", format!("-F none -o UserKnownHostsFile={}", known.display()))
            .env("ANSIBLE_PIPELINING", "True")
            .env("ANSIBLE_PYTHON_INTERPRETER", "/usr/bin/python3");
        if mitogen {
            command
                .env("PYTHONPATH", &installed.mitogen)
                .env("ANSIBLE_STRATEGY_PLUGINS", installed.mitogen.join("ansible_mitogen/plugins/strategy"))
                .env("ANSIBLE_STRATEGY", "mitogen_linear");
        }
        let (wall, output) = timed(command);
        let text = String::from_utf8_lossy(&output.stdout);
        let unchanged = text.matches("changed=0 ").count();
        let wanted = if what == "same" { self.machines.len() } else { 0 };
        assert!(output.status.success() && unchanged == wanted, "ansible-playbook: {}", said(&output));
        for socket in std::fs::read_dir(sockets.path()).unwrap() {
            let path = format!("ControlPath={}", socket.unwrap().path().display());
            let _ = Command::new("ssh").args(["-F", "none", "-o", &path, "-O", "exit", "x"]).output();
        }
        wall
    }

    fn pyinfra(&self, what: &str, installed: &Installed) -> Duration {
        let mut command = self.field.command(&installed.pyinfra.join("bin/pyinfra"));
        command.args(["-y", "--no-wait", "inventory.py", &format!("{what}.py")]);
        let (wall, output) = timed(command);
        assert!(output.status.success(), "pyinfra: {}", said(&output));
        // its table has the figures of all hosts together: changed, no change, failed
        let text = said(&output);
        assert!(what != "same" || !text.contains("Success\n"), "pyinfra changed something: {text}");
        wall
    }
}

fn timed(mut command: Command) -> (Duration, Output) {
    let began = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap();
    (began.elapsed(), output)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
