//! A machine's whole state, its clock, and the moments at which a fault may strike.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::accounts::{Accounts, SimulatedGroup, SimulatedUser};
use super::carry_disks::DiskAction;
use super::cluster_objects::SimulatedCluster;
use super::containerd::SimulatedContainerd;
use super::disk_audit::DiskWrite;
use super::disk_changes::DiskChange;
use super::disk_content::Content;
use super::disks::SimulatedDisk;
use super::fault::{Fault, Strike};
use super::files::{Errno, Files, Kind};
use super::misread::Misreading;
use super::packages::{Catalogue, Installed, PackageAction};
use super::parted_disks::PartedDisk;
use super::random::Random;
use crate::node::facts::{KubeProxyState, RunningProxy};
use crate::node::lock::SILENCE;

/// A step that ended without having been done, or a script that did.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stop {
    /// The step says that it failed, and why.
    Failed(String),
    /// The script is no more.
    Cut,
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Self::Failed(format!("{errno:?}"))
    }
}

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// A unit of the service manager.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct SimulatedUnit {
    pub(super) active: bool,
    pub(super) enabled: bool,
    pub(super) masked: bool,
    /// Masked without a file of its own.
    pub(super) is_only_a_mask: bool,
}

/// Who holds `run.lock`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunLock {
    pub(super) nonce: String,
    /// When it is given up, if no beat comes.
    pub(super) until: u64,
    /// Whether beats come.
    pub(super) beating: bool,
}

/// One thing that a long step does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LongAction {
    Package(PackageAction),
    Disk(DiskAction),
}

/// A long step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SimulatedLong {
    /// Counts all that ever began, so that a second taking of one status is seen.
    pub(super) serial: u64,
    pub(super) title: String,
    pub(super) actions: VecDeque<LongAction>,
    /// When the next action happens.
    pub(super) next_at: u64,
    pub(super) ended: Option<Result<(), String>>,
}

/// A machine in memory.
#[derive(Debug, Clone)]
pub struct World {
    pub(super) random: Random,
    /// Virtual milliseconds.
    pub(super) clock: u64,
    pub(super) files: Files,
    pub(super) accounts: Accounts,
    pub(super) catalogue: Catalogue,
    pub(super) packages: BTreeMap<String, Installed>,
    /// What was installed for others' sake.
    pub(super) automatic: BTreeSet<String>,
    /// What dpkg is to do with a package, where that is not the usual.
    pub(super) selections: BTreeMap<String, String>,
    /// When the lists were renewed.
    pub(super) lists_time: i64,
    pub(super) units: BTreeMap<String, SimulatedUnit>,
    pub(super) sysctls: BTreeMap<String, String>,
    pub(super) modules: BTreeSet<String>,
    pub(super) available_modules: BTreeSet<String>,
    /// Modules that are a part of the kernel.
    pub(super) built_in_modules: BTreeSet<String>,
    /// What the next boot's kernel lacks.
    pub(super) next_kernel_lacks: BTreeSet<String>,
    /// The files and devices in use as swap, each with its size in bytes; all of it is filled.
    pub(super) swaps: BTreeMap<String, u64>,
    /// The disks, by their paths.
    pub(super) parted_disks: BTreeMap<String, PartedDisk>,
    pub(super) disks: Vec<SimulatedDisk>,
    /// The disk that a step has for itself, with what was on it and who used it when the step began.
    pub(super) held: Option<(usize, Content, Option<String>)>,
    /// What somebody will do to which disk, and after how many micro-actions.
    pub(super) disk_change: Option<(u64, usize, DiskChange)>,
    pub(super) disk_writes: Vec<DiskWrite>,
    /// How often the power went while something was written and not synced.
    pub(super) torn: u32,
    /// Whether steps on disks leave out their own looks.
    pub(super) blind_steps: bool,
    pub(super) machine_id: Option<String>,
    /// Whether the clock is kept by whoever runs.
    pub(super) synchronised: bool,
    pub(super) containerd: Option<SimulatedContainerd>,
    pub(super) has_crictl: bool,
    /// The cluster's, as a control plane knows it.
    pub(super) kube_proxy: Option<KubeProxyState>,
    /// What runs on this node.
    pub(super) running_kube_proxy: Option<RunningProxy>,
    /// Its objects that are looked at, as a control plane knows them.
    pub(super) cluster: SimulatedCluster,
    /// Names of images that containerd has.
    pub(super) images: BTreeSet<String>,
    /// What is at which address.
    pub(super) servers: BTreeMap<String, Vec<u8>>,
    pub(super) hostname: String,
    /// Whether the release has apt-key, and what is in which keyring; apt's own has no name.
    pub(super) has_apt_key: bool,
    pub(super) apt_keys: BTreeMap<String, Vec<String>>,
    pub(super) run_lock: Option<RunLock>,
    pub(super) long: BTreeMap<String, SimulatedLong>,
    pub(super) begun: u64,
    pub(super) strike: Option<Strike>,
    /// Whether the controller can still be heard.
    pub(super) connected: bool,
    /// Whether a script that says something notices that nobody listens.
    pub(super) notices: bool,
    pub(super) lying: bool,
    pub(super) misreading: Misreading,
    pub(super) micro_actions: u64,
    /// What the step prints.
    pub(super) said: Vec<u8>,
    pub(super) struck: Option<Fault>,
    pub(super) taken: Vec<u64>,
    pub(super) lost: Vec<u64>,
    watched: BTreeMap<String, Vec<Vec<u8>>>,
    violations: Vec<String>,
}

impl World {
    /// A machine with a few directories, root and the usual groups.
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            random: Random::new(seed),
            clock: 0,
            files: Files::new(),
            accounts: Accounts::default(),
            catalogue: Catalogue::default(),
            packages: BTreeMap::new(),
            automatic: BTreeSet::new(),
            selections: BTreeMap::new(),
            lists_time: 0,
            units: BTreeMap::new(),
            sysctls: BTreeMap::new(),
            modules: BTreeSet::new(),
            available_modules: BTreeSet::new(),
            built_in_modules: BTreeSet::new(),
            next_kernel_lacks: BTreeSet::new(),
            swaps: BTreeMap::new(),
            parted_disks: BTreeMap::new(),
            disks: Vec::new(),
            held: None,
            disk_change: None,
            disk_writes: Vec::new(),
            torn: 0,
            blind_steps: false,
            machine_id: None,
            synchronised: false,
            containerd: None,
            has_crictl: false,
            kube_proxy: None,
            running_kube_proxy: None,
            cluster: SimulatedCluster::default(),
            images: BTreeSet::new(),
            servers: BTreeMap::new(),
            hostname: "node".into(),
            has_apt_key: true,
            apt_keys: BTreeMap::new(),
            run_lock: None,
            long: BTreeMap::new(),
            begun: 0,
            strike: None,
            connected: true,
            notices: true,
            lying: false,
            misreading: Misreading::default(),
            micro_actions: 0,
            said: Vec::new(),
            struck: None,
            taken: Vec::new(),
            lost: Vec::new(),
            watched: BTreeMap::new(),
            violations: Vec::new(),
        };
        for path in ["/etc", "/home", "/root", "/run", "/srv", "/tmp", "/usr", "/var"] {
            world.add_directory(path, 0o755);
        }
        world.accounts.users.push(SimulatedUser {
            name: "root".into(),
            uid: 0,
            gid: 0,
            comment: "root".into(),
            home: "/root".into(),
            shell: "/bin/bash".into(),
            hash: "*".into(),
            ..SimulatedUser::default()
        });
        world.accounts.groups.push(SimulatedGroup { name: "root".into(), gid: 0, members: Vec::new() });
        world
    }

    /// The same machine with other chances.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.random = Random::new(seed);
        self
    }

    /// Adds a directory and all above it, before anything happens.
    pub fn add_directory(&mut self, path: &str, mode: u32) {
        let mut above = String::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            above = format!("{above}/{part}");
            let _ = self.files.create(&above, Kind::Directory(BTreeMap::new()), 0o755);
        }
        if let Ok(ino) = self.files.find(path, false) {
            let _ = self.files.change(ino, |inode| inode.mode = mode);
        }
        self.files.sync_all();
    }

    /// Adds a file, before anything happens.
    pub fn add_file(&mut self, path: &str, content: &[u8], mode: u32) {
        let _ = self.files.create(path, Kind::File(content.to_vec()), mode);
        self.files.sync_all();
    }

    /// Adds a named pipe, before anything happens.
    pub fn add_fifo(&mut self, path: &str) {
        let _ = self.files.create(path, Kind::Fifo, 0o644);
        self.files.sync_all();
    }

    /// Adds a user and a group of its name, before anything happens.
    pub fn add_account(&mut self, name: &str, id: u32) {
        let (home, shell) = (format!("/home/{name}"), "/bin/sh".to_owned());
        let (name, comment, hash) = (name.to_owned(), String::new(), "!".to_owned());
        self.accounts.groups.push(SimulatedGroup { name: name.clone(), gid: id, members: Vec::new() });
        self.accounts.users.push(SimulatedUser { name, uid: id, gid: id, comment, home, shell, hash, ..SimulatedUser::default() });
    }

    /// Adds a group, before anything happens.
    pub fn add_group(&mut self, name: &str, gid: u32) {
        self.accounts.groups.push(SimulatedGroup { name: name.into(), gid, members: Vec::new() });
    }

    /// Takes over the accounts of a real machine, passwd(5) and group(5), before anything happens. No password fits them.
    pub fn set_accounts(&mut self, passwd: &str, group: &str) {
        let user = |line: &str| {
            let mut fields = line.split(':').map(str::to_owned);
            let (name, _) = (fields.next()?, fields.next()?);
            let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            let (comment, home, shell) = (fields.next()?, fields.next()?, fields.next()?);
            Some(SimulatedUser { name, uid, gid, comment, home, shell, hash: "*".into(), ..SimulatedUser::default() })
        };
        let group_line = |line: &str| {
            let mut fields = line.split(':');
            let (name, _, gid) = (fields.next()?.to_owned(), fields.next()?, fields.next()?.parse().ok()?);
            let members = fields.next()?.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            Some(SimulatedGroup { name, gid, members })
        };
        self.accounts.users = passwd.lines().filter_map(user).collect();
        self.accounts.groups = group.lines().filter_map(group_line).collect();
    }

    /// Adds a unit that neither runs nor starts at boot, before anything happens.
    pub fn add_unit(&mut self, name: &str) {
        self.units.insert(name.into(), SimulatedUnit::default());
    }

    /// Whether a unit runs, starts at boot and is masked, before anything happens.
    pub fn set_unit(&mut self, name: &str, active: bool, enabled: bool, masked: bool) {
        self.units.insert(name.into(), SimulatedUnit { active, enabled, masked, is_only_a_mask: false });
    }

    /// Adds a kernel parameter, before anything happens.
    pub fn add_sysctl(&mut self, name: &str, value: &str) {
        self.sysctls.insert(name.into(), value.into());
    }

    /// Adds a kernel module that can be loaded, before anything happens.
    pub fn add_module(&mut self, name: &str) {
        self.available_modules.insert(name.into());
    }

    /// Loads it, before anything happens.
    pub fn load(&mut self, name: &str) {
        self.modules.insert(name.into());
    }

    /// A release that has no apt-key any more.
    pub fn without_apt_key(&mut self) {
        self.has_apt_key = false;
    }

    /// Makes it a part of the kernel, before anything happens.
    pub fn build_in(&mut self, name: &str) {
        self.built_in_modules.insert(name.into());
    }

    /// The kernel of the next boot is another, and has no such module.
    pub fn next_kernel_lacks(&mut self, name: &str) {
        self.next_kernel_lacks.insert(name.into());
    }

    /// Has a file or device in use as swap, before anything happens.
    pub fn add_swap(&mut self, path: &str, size: u64) {
        self.swaps.insert(path.into(), size);
    }

    /// Has something mounted on a directory, before anything happens; a source that is a directory is bound.
    pub fn add_mount(&mut self, path: &str, source: &str, fstype: &str, options: &str) {
        let bind = self.files.find(source, true).ok();
        let _ = self.files.mount(path, source, fstype, options, bind);
    }

    /// Whether the clock is kept, before anything happens.
    pub fn set_synchronised(&mut self, synchronised: bool) {
        self.synchronised = synchronised;
    }

    /// Whether there is crictl, before anything happens.
    pub fn set_crictl(&mut self, is_there: bool) {
        self.has_crictl = is_there;
    }

    /// From now on a server has that at an address.
    pub fn serve(&mut self, url: &str, content: Vec<u8>) {
        self.servers.insert(url.into(), content);
    }

    /// What can be installed, and what its scripts do.
    pub fn catalogue(&mut self) -> &mut Catalogue {
        &mut self.catalogue
    }

    /// A fault is to strike.
    pub fn will_strike(&mut self, strike: Strike) {
        self.strike = Some(strike);
    }

    /// The fault that struck, if one did.
    pub fn struck(&self) -> Option<Fault> {
        self.struck
    }

    /// How many micro-actions there were so far.
    pub fn micro_actions(&self) -> u64 {
        self.micro_actions
    }

    /// Virtual milliseconds since the beginning.
    pub fn clock(&self) -> u64 {
        self.clock
    }

    /// From now on a file may only ever be seen with one of these contents, or not at all.
    pub fn watch(&mut self, path: &str, contents: impl IntoIterator<Item = Vec<u8>>) {
        self.watched.entry(path.into()).or_default().extend(contents);
    }

    /// What was seen that must never be seen.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// The long steps whose status was taken, in order; each has a number of its own.
    pub fn taken(&self) -> &[u64] {
        &self.taken
    }

    /// The long steps whose status can never be taken: the machine crashed.
    pub fn lost(&self) -> &[u64] {
        &self.lost
    }

    /// How many long steps began.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// A micro-action is about to happen: time passes, and a fault may strike. False if the step only says that it does.
    pub(super) fn tick(&mut self) -> Result<bool, Stop> {
        self.micro_actions += 1;
        self.clock += 1 + self.random.below(20) as u64;
        self.look();
        self.maybe_change_disk();
        self.maybe_misread();
        match &mut self.strike {
            Some(strike) if strike.after == 0 => {
                let fault = strike.fault;
                self.strike = None;
                self.struck = Some(fault);
                match fault {
                    Fault::MachineCrash => {
                        self.crash();
                        return Err(Stop::Cut);
                    }
                    Fault::ConnectionLost { noticed } => self.disconnect(noticed),
                    Fault::ControllerKilled => self.disconnect(true),
                    Fault::Lie => self.lying = true,
                }
            }
            Some(strike) => strike.after -= 1,
            None => {}
        }
        Ok(!self.lying)
    }

    /// A script says something; if it notices that nobody listens, it is no more.
    pub(super) fn say(&mut self) -> Result<(), Stop> {
        self.lying = false;
        if !self.connected && self.notices { Err(Stop::Cut) } else { Ok(()) }
    }

    fn disconnect(&mut self, noticed: bool) {
        self.connected = false;
        self.notices = noticed;
        if let Some(lock) = &mut self.run_lock {
            lock.beating = false;
            if noticed {
                // its input ends
                lock.until = self.clock;
            }
        }
        self.release();
    }

    fn crash(&mut self) {
        self.files.crash(&mut self.random);
        self.look();
        self.connected = false;
        self.run_lock = None;
        for (_, long) in std::mem::take(&mut self.long) {
            self.lost.push(long.serial);
        }
        self.modules.clear();
        for unit in self.units.values_mut() {
            unit.active = unit.enabled && !unit.masked;
        }
        for installed in self.packages.values_mut() {
            installed.interrupted();
        }
        if !self.disks.is_empty() {
            self.crash_disks();
            self.mount_what_fstab_says();
        }
    }

    /// What is under the watched names now.
    fn look(&mut self) {
        for (path, contents) in &self.watched {
            if let Ok(Kind::File(content)) = self.files.at(path, false).map(|inode| &inode.kind)
                && !contents.contains(content)
            {
                self.violations.push(format!("{path} holds {:?} at {} ms", String::from_utf8_lossy(content), self.clock));
            }
        }
    }

    fn release(&mut self) {
        if self.run_lock.as_ref().is_some_and(|lock| !lock.beating && lock.until <= self.clock) {
            self.run_lock = None;
        }
    }

    /// Time passes; what runs in the background goes on.
    pub fn pass(&mut self, milliseconds: u64) {
        let end = self.clock + milliseconds;
        while let Some((id, at)) = self.next_background().filter(|(_, at)| *at <= end) {
            self.clock = self.clock.max(at);
            self.background(&id);
        }
        self.clock = self.clock.max(end);
        if let Some(lock) = self.run_lock.as_mut().filter(|lock| lock.beating) {
            lock.until = self.clock + u64::try_from(SILENCE.as_millis()).unwrap_or(u64::MAX);
        }
        self.release();
    }

    fn next_background(&self) -> Option<(String, u64)> {
        self.long.iter().filter(|(_, long)| long.ended.is_none()).map(|(id, long)| (id.clone(), long.next_at)).min_by_key(|(_, at)| *at)
    }

    /// The next action of a long step.
    fn background(&mut self, id: &str) {
        let Some(action) = self.long.get_mut(id).map(|long| long.actions.pop_front()) else { return };
        let outcome = match action {
            Some(action) => self.long_action(&action),
            None => Ok(()),
        };
        // what a unit says goes to a file: only a crash cuts it
        if outcome == Err(Stop::Cut) {
            return;
        }
        let pause = 500 + self.random.below(8000) as u64;
        let clock = self.clock;
        let lying = std::mem::take(&mut self.lying);
        if let Some(long) = self.long.get_mut(id) {
            long.next_at = clock + pause;
            match outcome {
                Err(Stop::Failed(why)) => long.ended = Some(Err(why)),
                _ if lying || long.actions.is_empty() => long.ended = Some(Ok(())),
                _ => {}
            }
        }
    }

    /// Whether a long step runs.
    pub(super) fn is_busy(&self) -> bool {
        self.long.values().any(|long| long.ended.is_none())
    }
}
