//! The machine itself, what tells it from others, and its packages.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::{Asking, CLOUD_CFG, INIT, INITIATOR, NO_CLOUD_INIT, SSH_KEYS, SmallFiles};
use crate::cluster::known::Known;
use crate::cluster::preflight::evidence::{Identity, Machine, Packages};
use crate::cluster::preflight::routes::is_of_clusters;
use crate::cluster::settings::Settings;
use crate::node::facts::{
    CgroupSetup, Cgroups, DpkgLock, FileLine, Fstab, FstabEntry, Hostname, Interface, Interfaces, Kernel, KernelVersion, LinesIn, Login,
    LoginUser, MachineId, Memory, MemoryState, MissingPrograms, OperatingSystem, OsRelease, Package, PackageState, PackageStatus,
    ProcessorState, Processors, ProductUuid, RebootRequired, RebootState, Swap, SwapUnit, SwapUnits, Swaps, Sysctl, SysctlState,
};

/// What kubeadm's preflight, the kubelet and kube-proxy call.
const PROGRAMS: [&str; 7] = ["conntrack", "cp", "ip", "iptables", "losetup", "mount", "nsenter"];
/// What must not move by itself; containerd by both of its names.
const HELD: [&str; 5] = ["kubelet", "kubeadm", "kubectl", "containerd", "containerd.io"];
/// Of control groups: those of kubeadm's SystemVerification that a kernel may lack in either version (k8s.io/system-validators).
const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];
const FSTAB: &str = "/etc/fstab";
/// Interfaces of programs, which have the same addresses everywhere.
const OF_PROGRAMS: [&str; 5] = ["docker", "br-", "virbr", "dummy", "tap"];

impl Asking<'_, '_> {
    pub(super) fn machine(&mut self, settings: &Settings, files: &SmallFiles) -> Machine {
        let forwarding = if settings.network.pods.addr().is_ipv4() { "net.ipv4.ip_forward" } else { "net.ipv6.conf.all.forwarding" };
        Machine {
            root: self.known(&Login).map(|user: LoginUser| user.uid == 0),
            init: files.get(INIT).map(|name| name.trim().to_owned()),
            os: self.known(&OsRelease).map(|os: OperatingSystem| (os.id, os.version_id.unwrap_or_default())),
            kernel: self.known(&Kernel).and_then(kernel),
            processors: self.known(&Processors).map(|state: ProcessorState| state.online),
            memory: self.known(&Memory).map(|state: MemoryState| state.total >> 20),
            // what `stat -f` calls it, as kubeadm's documents do
            cgroup: self.known(&Cgroups).map(|setup: CgroupSetup| if setup.version == 2 { "cgroup2fs" } else { "tmpfs" }.to_owned()),
            missing_controllers: self.known(&Cgroups).map(|setup: CgroupSetup| {
                let is_missing = |name: &&str| !setup.controllers.iter().any(|other| other == name);
                CONTROLLERS.iter().copied().filter(is_missing).map(str::to_owned).collect()
            }),
            swap: self.known(&Swaps).map(|swaps: Vec<Swap>| swaps.into_iter().map(|swap| swap.path).collect()),
            swap_at_boot: self.swap_at_boot(),
            missing_programs: self.known(&MissingPrograms::new(PROGRAMS)),
            ip_forward: self.known(&Sysctl::new(forwarding)).and_then(|state: SysctlState| match state.value {
                Some(value) => Known::Is(value.trim() != "0"),
                None => Known::Not,
            }),
        }
    }

    fn swap_at_boot(&mut self) -> Known<Vec<String>> {
        let (fstab, units) = (self.known(&Fstab), self.known(&SwapUnits));
        let units = match units {
            Known::Is(units) => units.into_iter().filter(starts).map(|unit| unit.name).collect(),
            Known::Not => Vec::new(),
            Known::Unknown(why) => return Known::Unknown(why),
        };
        let of_fstab = |entries: Vec<FstabEntry>| {
            let swap = entries.into_iter().filter(|entry| entry.kind == "swap" && !entry.options.iter().any(|option| option == "noauto"));
            swap.map(|entry| format!("{FSTAB}:{}", entry.line)).collect::<Vec<_>>()
        };
        match fstab.map(of_fstab) {
            Known::Is(entries) => Known::Is([entries, units].concat()),
            Known::Not => Known::Is(units),
            unknown @ Known::Unknown(_) => unknown,
        }
    }

    pub(super) fn identity(&mut self, files: &SmallFiles) -> Identity {
        Identity {
            hostname: self.known(&Hostname),
            machine_id: self.known(&MachineId),
            product_uuid: self.known(&ProductUuid),
            macs: self.known(&Interfaces).map(|all: Vec<Interface>| all.into_iter().filter_map(hardware_address).collect()),
            initiator_name: files.get(INITIATOR).and_then(initiator),
            ssh_host_keys: fingerprints(files),
            cloud_init_renames: self.cloud_init_renames(files),
        }
    }

    fn cloud_init_renames(&mut self, files: &SmallFiles) -> Known<bool> {
        let further = self.known(&LinesIn::new(["/etc/cloud/cloud.cfg.d"]));
        // a later file has the last word
        let further = further.map(|lines: Vec<FileLine>| {
            let read = lines.iter().filter(|line| line.file.ends_with(".cfg"));
            read.filter_map(|line| preserves(&line.text)).next_back()
        });
        match (files.get(CLOUD_CFG), files.get(NO_CLOUD_INIT)) {
            (Known::Unknown(why), _) | (_, Known::Unknown(why)) => Known::Unknown(why),
            (Known::Not, _) | (_, Known::Is(_)) => Known::Not,
            (Known::Is(main), Known::Not) => {
                let main = main.lines().filter_map(preserves).next_back();
                match further {
                    Known::Is(further) => Known::Is(!further.or(main).unwrap_or(false)),
                    Known::Not => Known::Is(!main.unwrap_or(false)),
                    Known::Unknown(why) => Known::Unknown(why),
                }
            }
        }
    }

    pub(super) fn packages(&mut self) -> Packages {
        let mut not_held = Known::Is(Vec::new());
        for name in HELD {
            let package = self.package(name);
            let moves = package.filter(|package| package.held == Some(false)).is_there();
            not_held = match (not_held, moves) {
                (Known::Is(mut names), Known::Is(moves)) => {
                    names.extend(moves.then(|| name.to_owned()));
                    Known::Is(names)
                }
                (Known::Unknown(why), _) | (_, Known::Unknown(why)) => Known::Unknown(why),
                (other, _) => other,
            };
        }
        let settings = self.known(&LinesIn::new(["/etc/apt/apt.conf.d"]));
        let unattended = self.package("unattended-upgrades").is_there().and_then(|is_there| match (is_there, settings) {
            (false, _) => Known::Is(false),
            (true, settings) => settings.map(|lines: Vec<FileLine>| {
                lines.iter().filter_map(|line| period(&line.text)).next_back().is_some_and(|period| period != "0")
            }),
        });
        Packages {
            not_held,
            unattended,
            lock: self.known(&DpkgLock),
            reboot: self.known(&RebootRequired).and_then(|state: RebootState| match (state.required, state.packages.is_empty()) {
                (false, _) => Known::Not,
                (true, true) => Known::Is("the system says so".into()),
                (true, false) => Known::Is(state.packages.join(", ")),
            }),
        }
    }

    /// A package that is installed.
    pub(super) fn package(&mut self, name: &str) -> Known<PackageState> {
        self.known(&Package::new(name))
            .filter(|package: &PackageState| !matches!(package.status, PackageStatus::ConfigFiles | PackageStatus::HalfInstalled))
    }
}

fn kernel(kernel: KernelVersion) -> Known<(u32, u32)> {
    let mut numbers = kernel.release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Known::Is((major, minor)),
        _ => Known::Unknown(format!("a version as {:?}", kernel.release)),
    }
}

/// Whether a swap unit of its own starts at boot; those of fstab are told by their lines.
fn starts(unit: &SwapUnit) -> bool {
    let own = unit.fragment_path.as_deref().is_some_and(|path| path.starts_with("/etc/systemd/system/"));
    let enabled = matches!(unit.unit_file_state.as_deref(), Some("enabled" | "enabled-runtime"));
    unit.load_state == "loaded" && unit.source_path.as_deref() != Some(FSTAB) && (enabled || !own)
}

/// Of a card, by its name; what CNIs and other programs make has addresses that mean nothing.
fn hardware_address(interface: Interface) -> Option<(String, String)> {
    let is_made = OF_PROGRAMS.iter().any(|start| interface.name.starts_with(start)) || is_of_clusters(&interface.name);
    (!is_made && interface.hardware == Some(1)).then_some(())?;
    Some((interface.name, interface.mac?))
}

fn initiator(text: &str) -> Known<String> {
    let name = text.lines().filter_map(|line| line.trim().strip_prefix("InitiatorName=")).map(str::trim).rfind(|name| !name.is_empty());
    name.map_or(Known::Not, |name| Known::Is(name.to_owned()))
}

/// As `ssh-keygen -lf` shows them.
fn fingerprints(files: &SmallFiles) -> Known<Vec<String>> {
    let mut all = Vec::new();
    for path in SSH_KEYS {
        match files.get(path) {
            Known::Is(text) => {
                let key = text.split_whitespace().nth(1).map(|key| STANDARD.decode(key));
                let Some(Ok(key)) = key else { return Known::Unknown(format!("{path} holds no key")) };
                all.push(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key))));
            }
            Known::Not => {}
            Known::Unknown(why) => return Known::Unknown(why),
        }
    }
    if all.is_empty() { Known::Not } else { Known::Is(all) }
}

/// `preserve_hostname: true`
fn preserves(line: &str) -> Option<bool> {
    let (name, value) = line.split_once(':')?;
    (name.trim() == "preserve_hostname").then(|| matches!(value.trim(), "true" | "True" | "yes" | "on"))
}

/// `APT::Periodic::Unattended-Upgrade "1";`
fn period(line: &str) -> Option<&str> {
    let rest = line.trim().strip_prefix("APT::Periodic::Unattended-Upgrade")?;
    rest.starts_with([' ', '\t']).then(|| rest.trim().trim_end_matches(';').trim_matches(['"', ' ']))
}
