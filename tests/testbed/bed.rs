//! A bed: the network that machines are put on.

use super::error::{Doing, Error, Result};
use super::keeper::Keeper;
use super::keys::{self, HostKeyType};
use super::machine::Machine;
use super::process::{run, start_time};
use super::spec::MachineSpec;
use super::{process, roots, sweep};
use rustix::process::geteuid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

/// What runs inside the bed's namespaces; written into its directory, so that `ps` shows names.
const SCRIPTS: [(&str, &str); 4] = [
    ("keeper.sh", include_str!("keeper.sh")),
    ("nspawn.sh", include_str!("nspawn.sh")),
    ("uml.sh", include_str!("uml.sh")),
    ("qemu.sh", include_str!("qemu.sh")),
];

/// Machines and their network, all gone when it is dropped or its process ends.
pub struct Bed {
    inner: Arc<Inner>,
}

/// What a bed and its machines share.
pub struct Inner {
    dir: PathBuf,
    pub(super) cgroup: String,
    pub(super) keeper: Mutex<Keeper>,
    machines: AtomicU32,
    /// Held while a CA's key is made: two machines at once make one.
    ca: Mutex<()>,
}

impl Bed {
    /// Makes an empty bed. Installs what is missing on the host, and removes what killed runs may have left.
    pub fn new() -> Result<Bed> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        install()?;
        let beds = roots::cache_dir().join("beds");
        sweep::sweep(&beds);
        let pid = std::process::id();
        let name = sweep::bed_name(pid, start_time(pid).unwrap_or(0), COUNTER.fetch_add(1, Ordering::Relaxed));
        let dir = beds.join(&name);
        fs::create_dir_all(dir.join("keys")).doing(|| format!("cannot make {}", dir.display()))?;
        for (name, text) in SCRIPTS {
            fs::write(dir.join(name), text).doing(|| format!("cannot write {name} into {}", dir.display()))?;
        }
        keys::generate(HostKeyType::Ed25519, &dir.join("keys/id"), "testbed")?;
        let keeper = Mutex::new(Keeper::start(&dir, &name)?);
        let inner = Inner { dir, cgroup: name, keeper, machines: AtomicU32::new(0), ca: Mutex::new(()) };
        Ok(Bed { inner: Arc::new(inner) })
    }

    /// A machine to be: say what it should be like, then `start()`. The name is its host name.
    pub fn machine(&self, name: &str) -> MachineSpec {
        MachineSpec::new(self.inner.clone(), name)
    }

    /// Starts several machines at the same time (as many as the boot permits allow), in the order given.
    pub fn start_all(&self, specs: Vec<MachineSpec>) -> Result<Vec<Machine>> {
        thread::scope(|s| {
            let starting: Vec<_> = specs.into_iter().map(|spec| s.spawn(|| spec.start())).collect();
            starting.into_iter().map(|t| t.join().expect("starting a machine does not panic")).collect()
        })
    }

    /// Moves the calling thread into the bed's network. Threads and processes that it starts from then on are there too,
    /// so call it before a runtime is built. There is no way back: give each test a thread of its own (libtest does).
    pub fn enter(&self) -> Result<()> {
        self.inner.enter()
    }

    /// Runs `f` on a thread inside the bed's network.
    pub fn inside<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T> {
        self.inner.inside(f)
    }

    /// A command that runs a program of the host in the bed's network.
    pub fn command(&self, program: &str) -> Command {
        self.inner.command(program)
    }

    /// The same in all of its namespaces: the program ends with the bed. What is started is the parent of the program, and waits.
    pub fn command_with_its_end(&self, program: &Path) -> Command {
        self.inner.command_with_its_end(program)
    }

    /// What outlives a borrow of the bed, for threads that start programs.
    pub(super) fn inner(&self) -> Arc<Inner> {
        self.inner.clone()
    }

    /// The bed's network namespace, for `nsenter --net=`.
    pub fn network(&self) -> PathBuf {
        self.inner.network()
    }

    /// The private key that every machine of the bed accepts for `op` and root.
    pub fn key_path(&self) -> PathBuf {
        self.inner.key_path()
    }

    /// The directory for files that have to go with the bed.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// The known_hosts line that trusts the bed's host CA for every machine of the bed.
    pub fn cert_authority_line(&self) -> Result<String> {
        Ok(format!("@cert-authority 10.77.* {}", keys::public_line(&self.inner.host_ca()?)?))
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.inner.keeper.lock().unwrap_or_else(|e| e.into_inner()).end();
    }
}

impl Inner {
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn key_path(&self) -> PathBuf {
        self.dir.join("keys/id")
    }

    /// The CA that signs host keys.
    pub fn host_ca(&self) -> Result<PathBuf> {
        self.ca("host_ca")
    }

    /// The CA that signs users' keys; `keys/id-cert.pub` is signed by it.
    pub fn user_ca(&self) -> Result<PathBuf> {
        self.ca("user_ca")
    }

    fn ca(&self, name: &str) -> Result<PathBuf> {
        let _guard = self.ca.lock().unwrap();
        let path = self.dir.join("keys").join(name);
        if !path.exists() {
            keys::generate(HostKeyType::Ed25519, &path, name)?;
        }
        Ok(path)
    }

    /// The bed's network namespace.
    pub fn network(&self) -> PathBuf {
        self.keeper.lock().unwrap().namespace("net")
    }

    pub fn enter(&self) -> Result<()> {
        enter_network(&self.network())
    }

    pub fn inside<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T> {
        inside_network(&self.network(), f)
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.network().display())).arg("--").arg(program);
        command
    }

    pub fn command_with_its_end(&self, program: &Path) -> Command {
        self.keeper.lock().unwrap_or_else(|e| e.into_inner()).command(program)
    }

    /// One of [`SCRIPTS`].
    pub fn script(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The number of a new machine, from 11 on: the last part of its address.
    pub fn next_number(&self) -> u32 {
        11 + self.machines.fetch_add(1, Ordering::Relaxed)
    }

    /// A machine's own directory, on the host's file system.
    pub fn machine_dir(&self, number: u32) -> PathBuf {
        self.dir.join(format!("machines/{number}"))
    }
}

/// Moves the calling thread into the network namespace at `path`.
pub fn enter_network(path: &Path) -> Result<()> {
    let namespace = fs::File::open(path).doing(|| format!("cannot open {}", path.display()))?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).doing(|| "cannot enter the bed's network".into())
}

/// Runs `f` on a thread of its own inside the network namespace at `path`.
pub fn inside_network<T: Send>(path: &Path, f: impl FnOnce() -> T + Send) -> Result<T> {
    thread::scope(|s| s.spawn(|| enter_network(path).map(|()| f())).join().expect("the closure does not panic"))
}

/// Installs what the host lacks, once a process, one process at a time.
fn install() -> Result<()> {
    if !geteuid().is_root() {
        return Err(Error::NotRoot);
    }
    static DONE: Mutex<bool> = Mutex::new(false);
    let mut done = DONE.lock().unwrap_or_else(|e| e.into_inner());
    if !*done {
        let _lock = roots::lock(&roots::cache_dir(), "install")?;
        run(Command::new("sh").args(["-c", include_str!("install.sh"), "install.sh"]))?;
        *done = true;
    }
    Ok(())
}
