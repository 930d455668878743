//! What was seen of a machine that is to be a node.
//!
//! [`Known::Not`] is the machine's word that there is no such thing; a look that failed is [`Known::Unknown`].

use std::net::IpAddr;

use ipnet::IpNet;

use crate::cluster::known::Known;
use crate::cluster::live::Told;
use crate::cluster::settings::{KubernetesVersion, Role};

/// Everything about one machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Its name in the inventory.
    pub name: String,
    /// What it becomes.
    pub role: Role,
    /// Whether it is a node already, or becomes one just now: then its own files and ports are no trouble.
    pub joined: bool,
    /// The machine itself.
    pub machine: Machine,
    /// What tells it from others.
    pub identity: Identity,
    /// Its clock.
    pub clock: Clock,
    /// Its network.
    pub network: Network,
    /// What is there of Kubernetes and its runtime.
    pub kubernetes: Kubernetes,
    /// Its disks.
    pub storage: Storage,
    /// What is installed, and what else installs.
    pub packages: Packages,
    /// Kernel modules that are wanted.
    pub modules: Vec<Module>,
    /// Whether images can be had.
    pub images: Vec<Registry>,
    /// What a control plane tells of the settings that its cluster has.
    pub told: Known<Told>,
}

/// The machine itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Whether we are root there, by sudo or otherwise.
    pub root: Known<bool>,
    /// `systemd`, or what else is the first process.
    pub init: Known<String>,
    /// `ID` and `VERSION_ID` of os-release.
    pub os: Known<(String, String)>,
    /// The kernel's version, its first two numbers.
    pub kernel: Known<(u32, u32)>,
    /// Processors.
    pub processors: Known<u32>,
    /// Memory, in MiB.
    pub memory: Known<u64>,
    /// The type of the filesystem at /sys/fs/cgroup.
    pub cgroup: Known<String>,
    /// Controllers of control groups that kubeadm wants and the kernel does not offer.
    pub missing_controllers: Known<Vec<String>>,
    /// What swap is in use.
    pub swap: Known<Vec<String>>,
    /// What would turn swap on at the next boot: lines of fstab, units.
    pub swap_at_boot: Known<Vec<String>>,
    /// Programs that kubeadm or the kubelet want and that are not there.
    pub missing_programs: Known<Vec<String>>,
    /// `net.ipv4.ip_forward`, or that of version 6 with such networks.
    pub ip_forward: Known<bool>,
}

/// What tells a machine from others.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// Its host name.
    pub hostname: Known<String>,
    /// /etc/machine-id
    pub machine_id: Known<String>,
    /// /sys/class/dmi/id/product_uuid
    pub product_uuid: Known<String>,
    /// Hardware addresses of its physical interfaces, with their names.
    pub macs: Known<Vec<(String, String)>>,
    /// /etc/iscsi/initiatorname.iscsi
    pub initiator_name: Known<String>,
    /// Fingerprints of its SSH host keys.
    pub ssh_host_keys: Known<Vec<String>>,
    /// Whether cloud-init is there and gives the machine its own idea of a host name at each boot.
    pub cloud_init_renames: Known<bool>,
}

/// A machine's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// Milliseconds that it is ahead of this machine's, as far as the time of the answer tells.
    pub ahead: Known<i64>,
    /// How far that may be wrong: half of the time between question and answer, in milliseconds.
    pub give_or_take: u64,
    /// Whether something keeps it.
    pub kept: Known<bool>,
    /// Seconds that the hardware's clock is ahead of it.
    pub hardware_ahead: Known<i64>,
}

/// A machine's network.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Where the others reach it.
    pub address: Known<IpAddr>,
    /// All addresses of its interfaces.
    pub addresses: Known<Vec<IpAddr>>,
    /// Its routes, without the default ones.
    pub routes: Known<Vec<Route>>,
    /// Its name servers.
    pub name_servers: Known<Vec<IpAddr>>,
    /// What the endpoint's name resolves to there.
    pub endpoint: Known<Vec<IpAddr>>,
    /// Who answers for the virtual address, by hardware address.
    pub virtual_address: Known<String>,
    /// `HTTP_PROXY` and its sisters, by name.
    pub proxies: Known<Vec<(String, String)>>,
    /// The firewall that is active.
    pub firewall: Known<String>,
    /// Who listens.
    pub listening: Known<Vec<Listening>>,
    /// Whether it reached other nodes.
    pub reached: Vec<Reached>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub to: IpNet,
    /// By which interface.
    pub device: String,
}

/// Somebody listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// On this port, TCP.
    pub port: u16,
    /// This program; empty if that is not known.
    pub program: String,
}

/// Whether a node reached another one, where a listener of ours waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The other one, by its name.
    pub to: String,
    /// Its port.
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// Whether it did.
    pub done: Known<bool>,
}

/// What is there of Kubernetes and its runtime.
#[derive(Debug, Clone, PartialEq)]
pub struct Kubernetes {
    /// Files of an earlier attempt or another cluster, of those that kubeadm does not like.
    pub leftovers: Known<Vec<String>>,
    /// Whether /var/lib/etcd holds anything.
    pub etcd_data: Known<bool>,
    /// Configurations in /etc/cni/net.d.
    pub cni_configs: Known<Vec<String>>,
    /// containerd's version, if it is installed.
    pub containerd: Known<(u32, u32, u32)>,
    /// What its CRI says.
    pub cri: Known<Cri>,
    /// The API server's version by its manifest, of a control plane.
    pub api_server: Known<KubernetesVersion>,
    /// The installed kubeadm's version: minor and patch.
    pub kubeadm: Known<(u32, u32)>,
    /// The installed kubelet's.
    pub kubelet: Known<(u32, u32)>,
    /// Whether the kubelet's unit is enabled, if it is installed.
    pub kubelet_enabled: Known<bool>,
}

/// What the CRI says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cri {
    /// Whether it speaks `runtime.v1`.
    pub v1: bool,
    /// Whether it puts containers into systemd's cgroups.
    pub systemd_cgroups: bool,
}

/// A machine's disks.
#[derive(Debug, Clone, PartialEq)]
pub struct Storage {
    /// Free space, in MiB, by the directory.
    pub free: Vec<(String, Known<u64>)>,
    /// In which time 99 of a hundred writes are on the disk where etcd's data will be, in microseconds.
    pub sync: Known<u64>,
}

/// What is installed, and what else installs.
#[derive(Debug, Clone, PartialEq)]
pub struct Packages {
    /// Of kubelet, kubeadm, kubectl, containerd those that are installed and not held.
    pub not_held: Known<Vec<String>>,
    /// Whether unattended-upgrades is on.
    pub unattended: Known<bool>,
    /// Who holds dpkg's lock.
    pub lock: Known<String>,
    /// Why the machine wants a reboot.
    pub reboot: Known<String>,
}

/// A kernel module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// Whether the kernel that runs has it.
    pub now: Known<bool>,
    /// Whether the kernel of the next boot has it, and that kernel's version.
    pub next: Known<(String, bool)>,
}

/// Whether a registry of images answers a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// Its name, as images have it.
    pub name: String,
    /// Whether no node comes up without it.
    pub is_needed: bool,
    /// Whether it or a mirror answered; else what happened.
    pub answer: Known<Result<(), String>>,
    /// How many pulls are left, where it says so and no mirror stands before it.
    pub left: Known<u32>,
}
