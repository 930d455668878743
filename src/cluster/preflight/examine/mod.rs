//! What is on a machine, by facts: all of them asked for at once, and what could not be read stays unknown.

mod images;
mod kubernetes;
mod machine;
mod network;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::de::DeserializeOwned;

use super::evidence::{Clock, Evidence, Module, Storage};
use super::modules;
use crate::cluster::known::Known;
use crate::cluster::live::{self, Told};
use crate::cluster::membership;
use crate::cluster::settings::{Role, Settings};
use crate::node::facts::{FilesystemSizes, Module as KernelModule, ModuleState, NextKernelModule, NextModule, SyncLatency, Text, Texts};
use crate::plan::{Fact, FactKey, Facts, Reading, Stop};

/// A machine before anything of it is read.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// Its name in the inventory.
    pub name: &'a str,
    /// What it becomes.
    pub role: Role,
    /// Where it is reached, if that is written as an address.
    pub address: Option<IpAddr>,
    /// Whether it matters who has the virtual address: where a cluster may be up already, it has it.
    pub asks_for_virtual_address: bool,
}

/// Where programs of Kubernetes keep what grows.
const DIRECTORIES: [&str; 4] = ["/var/lib/etcd", "/var/lib/containerd", "/var/lib/kubelet", "/var/log"];
/// These, and what is above them, the nearest first.
const ABOVE: [&str; 3] = ["/var/lib", "/var", "/"];

/// What is on the machine of these facts. Its clock against others', and whether it reaches them, take more than one machine: they are
/// [`Known::Not`] and empty.
///
/// # Errors
/// [`Stop::Need`] for what has to be read first.
pub fn examine(facts: &Facts<'_>, settings: &Settings, of: &Subject<'_>) -> Result<Evidence, Stop> {
    let mut asking = Asking { facts, need: BTreeSet::new() };
    let evidence = asking.evidence(settings, of);
    if asking.need.is_empty() { Ok(evidence) } else { Err(Stop::Need(asking.need)) }
}

struct Asking<'a, 'b> {
    facts: &'a Facts<'b>,
    need: BTreeSet<FactKey>,
}

impl Asking<'_, '_> {
    fn evidence(&mut self, settings: &Settings, of: &Subject<'_>) -> Evidence {
        let files = SmallFiles(self.known(&Texts::new(SMALL_FILES)));
        let (joined, leftovers) = self.traces();
        Evidence {
            name: of.name.to_owned(),
            role: of.role,
            joined,
            machine: self.machine(settings, &files),
            identity: self.identity(&files),
            clock: self.clock(),
            network: self.network(settings, of, &files),
            kubernetes: self.kubernetes(leftovers),
            storage: self.storage(of.role),
            packages: self.packages(),
            modules: modules::wanted(settings).into_iter().map(|name| self.module(name)).collect(),
            images: self.images(settings),
            told: self.told(of.role),
        }
    }

    /// What is known of a fact; it is to be read first if nothing is.
    fn known<F: Fact<Value = V>, V: DeserializeOwned>(&mut self, fact: &F) -> Known<V> {
        known(self.facts, fact, &mut self.need)
    }

    /// Where there is no cluster it costs nothing: then there is nothing to ask with.
    fn told(&mut self, role: Role) -> Known<Told> {
        if role == Role::Worker {
            return Known::Not;
        }
        match live::told(self.facts, membership::Role::ControlPlane) {
            Ok(told) => Known::Is(told),
            Err(Stop::Need(missing)) => {
                self.need.extend(missing);
                Known::Unknown("not read yet".into())
            }
            Err(Stop::Unknown(unknown)) => Known::Unknown(unknown.into_values().collect::<Vec<_>>().join("; ")),
        }
    }

    fn storage(&mut self, role: Role) -> Storage {
        let all: Vec<&str> = DIRECTORIES.into_iter().chain(ABOVE).collect();
        let sizes = self.known(&FilesystemSizes::new(all.clone()));
        let free = |directory: &str| {
            sizes.clone().and_then(|sizes| {
                let places = all.iter().zip(sizes).filter(|(place, _)| is_in(directory, place));
                // the longest of those that are there
                let nearest = places.filter_map(|(place, size)| Some((place.len(), size?))).max_by_key(|(length, _)| *length);
                match nearest {
                    Some((_, size)) => Known::Is(size.available.saturating_mul(size.fragment) >> 20),
                    None => Known::Unknown("no filesystem that it is on can be read".into()),
                }
            })
        };
        let free = DIRECTORIES.map(|directory| (directory.to_owned(), free(directory))).into();
        let sync = if role == Role::ControlPlane { self.known(&SyncLatency::new("/var/lib/etcd")) } else { Known::Not };
        Storage { free, sync }
    }

    fn clock(&mut self) -> Clock {
        use crate::node::facts::{ClockSync, HardwareClock, SyncState};
        let kept = self.known(&ClockSync).map(|state: SyncState| state.synchronised);
        Clock { ahead: Known::Not, give_or_take: 0, kept, hardware_ahead: self.known(&HardwareClock) }
    }

    fn module(&mut self, name: &str) -> Module {
        let now = self.known::<_, ModuleState>(&KernelModule::new(name)).is_there();
        let next = self.known(&NextKernelModule::new(name)).map(|next: NextModule| (next.kernel, next.has));
        Module { name: name.into(), now, next }
    }
}

/// What is known of a fact; it is added to `need` if nothing is.
pub(super) fn known<F: Fact<Value = V>, V: DeserializeOwned>(facts: &Facts<'_>, fact: &F, need: &mut BTreeSet<FactKey>) -> Known<V> {
    match facts.reading(fact) {
        Ok(Reading::Present(value)) => match serde_json::from_value(value) {
            Ok(value) => Known::Is(value),
            Err(error) => Known::Unknown(format!("only partly known: {error}")),
        },
        Ok(Reading::Absent) => Known::Not,
        Ok(Reading::Unknown { why, .. }) => Known::Unknown(why),
        Err(Stop::Need(missing)) => {
            need.extend(missing);
            Known::Unknown("not read yet".into())
        }
        Err(Stop::Unknown(unknown)) => Known::Unknown(unknown.into_values().collect::<Vec<_>>().join("; ")),
    }
}

/// Whether a path is that place or in it.
fn is_in(path: &str, place: &str) -> bool {
    path.strip_prefix(place.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

const INIT: &str = "/proc/1/comm";
const INITIATOR: &str = "/etc/iscsi/initiatorname.iscsi";
const SSH_KEYS: [&str; 3] = ["/etc/ssh/ssh_host_ed25519_key.pub", "/etc/ssh/ssh_host_ecdsa_key.pub", "/etc/ssh/ssh_host_rsa_key.pub"];
const RESOLV: &str = "/etc/resolv.conf";
const RESOLVED: &str = "/run/systemd/resolve/resolv.conf";
const CLOUD_CFG: &str = "/etc/cloud/cloud.cfg";
const NO_CLOUD_INIT: &str = "/etc/cloud/cloud-init.disabled";
const UFW: &str = "/etc/ufw/ufw.conf";
const NFTABLES: &str = "/etc/nftables.conf";

const SMALL_FILES: [&str; 11] =
    [INIT, INITIATOR, SSH_KEYS[0], SSH_KEYS[1], SSH_KEYS[2], RESOLV, RESOLVED, CLOUD_CFG, NO_CLOUD_INIT, UFW, NFTABLES];

/// What stands in [`SMALL_FILES`].
struct SmallFiles(Known<Vec<Text>>);

impl SmallFiles {
    fn get(&self, path: &str) -> Known<&str> {
        let texts = match &self.0 {
            Known::Is(texts) => texts,
            Known::Not => return Known::Not,
            Known::Unknown(why) => return Known::Unknown(why.clone()),
        };
        match SMALL_FILES.iter().zip(texts).find(|(name, _)| **name == path).map(|(_, text)| text) {
            Some(Text::Is(text)) => Known::Is(text),
            Some(Text::Absent) => Known::Not,
            Some(Text::Unreadable) | None => Known::Unknown(format!("{path} cannot be read")),
        }
    }
}
