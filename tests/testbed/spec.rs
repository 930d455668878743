//! What a test asks of a machine.

use super::bed::Inner;
use super::boot_permits;
use super::error::{Error, Result};
use super::keys::HostKeyType;
use super::machine::Machine;
use super::roots::Suite;
use std::sync::Arc;
use std::time::Duration;

/// What the machine is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A container with systemd as its first process: about a second to start; no kernel, disks or reboot of its own.
    Nspawn,
    /// User-mode Linux: half a minute to start; kernel 6.1 with modules and sysctls of its own, reboot, disks.
    Uml,
    /// QEMU without virtualisation: a minute to start, and slow; Debian's own kernel, reboot, NVMe disks.
    Qemu,
}

/// What sudo does for the machine's user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sudo {
    /// Everything, without asking.
    Free,
    /// Everything, with this password.
    Password(String),
    /// Everything, without asking, but only from a terminal (`requiretty`).
    RequiresTty,
    /// sudo is there and says no: after this password, since sudo asks before it refuses somebody it does not know.
    Refused(String),
    /// sudo is not installed.
    Absent,
}

/// How the machine's user may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// With the bed's key.
    Key,
    /// With the certificate beside the bed's key only; the bare key is refused.
    UserCertificate,
    /// With this password, by SSH's `password` method only.
    Password(String),
    /// With this password, by SSH's `keyboard-interactive` method only.
    KeyboardInteractive(String),
}

/// The user's login shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    Bash,
    Sh,
    Fish,
    Csh,
}

impl Shell {
    pub(super) fn path(self) -> &'static str {
        match self {
            Shell::Bash => "/bin/bash",
            Shell::Sh => "/bin/sh",
            Shell::Fish => "/usr/bin/fish",
            Shell::Csh => "/bin/csh",
        }
    }
}

/// What disturbs a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// A .bashrc that prints to stdout and stderr, non-interactive or not.
    Bashrc,
    /// A banner before authentication.
    Banner,
    /// PAM takes this long to open a session.
    SlowPam(Duration),
}

/// A machine to be. Made by [`Bed::machine`](super::Bed::machine); [`start`](Self::start) starts it.
///
/// Without further words: Debian 12 in nspawn; the user `op` with the bed's key, bash and sudo without a password.
pub struct MachineSpec {
    pub(super) bed: Arc<Inner>,
    /// The last part of its address; machines are counted as they are asked for.
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) suite: Suite,
    pub(super) sudo: Sudo,
    pub(super) login: Login,
    pub(super) shell: Shell,
    pub(super) home: bool,
    pub(super) python: bool,
    pub(super) downloaders: bool,
    pub(super) noise: Vec<Noise>,
    pub(super) host_keys: Vec<HostKeyType>,
    pub(super) host_certificate: bool,
    pub(super) max_sessions: Option<u32>,
    pub(super) max_startups: Option<u32>,
    pub(super) delay: Option<Duration>,
    pub(super) loss: f64,
    pub(super) memory: u32,
    pub(super) kubernetes: bool,
    pub(super) disks: Vec<(String, u32)>,
    pub(super) full_disk: bool,
    pub(super) read_only: bool,
    pub(super) links: Vec<u8>,
}

impl MachineSpec {
    pub(super) fn new(bed: Arc<Inner>, name: &str) -> MachineSpec {
        MachineSpec {
            number: bed.next_number(),
            bed,
            name: name.to_owned(),
            kind: Kind::Nspawn,
            suite: Suite::Bookworm,
            sudo: Sudo::Free,
            login: Login::Key,
            shell: Shell::Bash,
            home: true,
            python: true,
            downloaders: true,
            noise: Vec::new(),
            host_keys: vec![HostKeyType::Ed25519, HostKeyType::Ecdsa],
            host_certificate: false,
            max_sessions: None,
            max_startups: None,
            delay: None,
            loss: 0.0,
            memory: 512,
            kubernetes: false,
            disks: Vec::new(),
            full_disk: false,
            read_only: false,
            links: vec![0],
        }
    }

    /// nspawn or User-mode Linux.
    pub fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }
    /// Debian 12 or 13.
    pub fn suite(self, suite: Suite) -> Self {
        Self { suite, ..self }
    }
    /// What sudo does for the user.
    pub fn sudo(self, sudo: Sudo) -> Self {
        Self { sudo, ..self }
    }
    /// How the user may log in.
    pub fn login(self, login: Login) -> Self {
        Self { login, ..self }
    }
    /// The user's login shell.
    pub fn shell(self, shell: Shell) -> Self {
        Self { shell, ..self }
    }
    /// The user's home directory does not exist.
    pub fn without_home(self) -> Self {
        Self { home: false, ..self }
    }
    /// No Python.
    pub fn without_python(self) -> Self {
        Self { python: false, ..self }
    }
    /// Neither curl nor wget.
    pub fn without_downloaders(self) -> Self {
        Self { downloaders: false, ..self }
    }
    /// Adds something that disturbs logins.
    pub fn noise(mut self, noise: Noise) -> Self {
        self.noise.push(noise);
        self
    }
    /// The types of sshd's host keys; Ed25519 and ECDSA unless told.
    pub fn host_keys(self, types: &[HostKeyType]) -> Self {
        Self { host_keys: types.to_vec(), ..self }
    }
    /// sshd also presents certificates of the bed's host CA.
    pub fn host_certificate(self) -> Self {
        Self { host_certificate: true, ..self }
    }
    /// sshd's MaxSessions: channels a connection.
    pub fn max_sessions(self, n: u32) -> Self {
        Self { max_sessions: Some(n), ..self }
    }
    /// sshd's MaxStartups: connections that have not authenticated yet.
    pub fn max_startups(self, n: u32) -> Self {
        Self { max_startups: Some(n), ..self }
    }
    /// Everything takes this long in each direction. On nspawn a proxy has the machine's address then.
    pub fn delay(self, one_way: Duration) -> Self {
        Self { delay: Some(one_way), ..self }
    }
    /// This share of what the machine sends gets lost, in percent. User-mode Linux only.
    pub fn loss(self, percent: f64) -> Self {
        Self { loss: percent, ..self }
    }
    /// Memory in MiB; 512 unless told. Not for nspawn.
    pub fn memory(self, mebibytes: u32) -> Self {
        Self { memory: mebibytes, ..self }
    }
    /// A machine that becomes a Kubernetes node: User-mode Linux with 2 GiB, with containerd and a node's packages installed but not
    /// set up, and the images of a cluster imported (`kubernetes/node-root.sh`). Kubernetes' own packages are to be
    /// had from [`Packages`](super::kubernetes::Packages).
    pub fn kubernetes_node(self) -> Self {
        Self { kind: Kind::Uml, memory: 2048, kubernetes: true, ..self }
    }
    /// Adds a blank SCSI disk (/dev/sda, …) with this serial number (letters and digits). The NAA id in its by-id link takes
    /// only the hexadecimal digits of the serial. In QEMU it is an NVMe disk (/dev/nvme0n1, …). Not in nspawn.
    pub fn disk(mut self, serial: &str, mebibytes: u32) -> Self {
        self.disks.push((serial.to_owned(), mebibytes));
        self
    }
    /// No byte is left on the root file system.
    pub fn full_disk(self) -> Self {
        Self { full_disk: true, ..self }
    }
    /// /tmp and /var cannot be written to.
    pub fn read_only_tmp_and_var(self) -> Self {
        Self { read_only: true, ..self }
    }
    /// The bridges that the machine is on, instead of bridge 0, which the bed itself is on.
    pub(super) fn on_bridges(self, links: &[u8]) -> Self {
        Self { links: links.to_vec(), ..self }
    }

    /// Starts the machine; returns when its sshd answers and it has all that was asked for.
    pub fn start(self) -> Result<Machine> {
        self.check()?;
        let _permit = boot_permits::wait(match self.kind {
            Kind::Nspawn => boot_permits::NSPAWN,
            Kind::Uml | Kind::Qemu => boot_permits::UML,
        });
        Machine::start(self)
    }

    /// The account's password, if the spec gives it one.
    pub(super) fn password(&self) -> Option<&str> {
        match (&self.login, &self.sudo) {
            (Login::Password(p) | Login::KeyboardInteractive(p), _) | (_, Sudo::Password(p) | Sudo::Refused(p)) => Some(p),
            _ => None,
        }
    }

    fn check(&self) -> Result<()> {
        if let (Login::Password(a) | Login::KeyboardInteractive(a), Sudo::Password(b) | Sudo::Refused(b)) = (&self.login, &self.sudo)
            && a != b
        {
            return self.unsupported("an account has one password");
        }
        if self.kubernetes && (self.kind != Kind::Uml || self.suite != Suite::Bookworm) {
            return self.unsupported("Kubernetes nodes are Debian 12 in User-mode Linux");
        }
        match self.kind {
            Kind::Nspawn if self.loss > 0.0 || !self.disks.is_empty() => self.unsupported("loss and disks need a kernel"),
            Kind::Qemu if self.loss > 0.0 || self.delay.is_some() => self.unsupported("netem is for User-mode Linux"),
            Kind::Uml | Kind::Qemu if self.links != [0] => self.unsupported("jump chains are made of nspawn machines"),
            _ => Ok(()),
        }
    }

    pub(super) fn unsupported<T>(&self, what: &'static str) -> Result<T> {
        Err(Error::Unsupported { machine: self.name.clone(), what })
    }
}
