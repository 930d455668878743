//! What `homelabctl facts` shows.

use super::{
    AptSources, Architecture, BlockDevices, Cgroups, Clock, Environment, Fstab, Hostname, Interfaces, Kernel, Login, MachineId, Memory,
    Module, Mounts, OsRelease, Package, Ports, Processors, ProductUuid, RebootRequired, Routes, Swaps, Sysctl, Umask, Unit, Virtualization,
    WorkingDirectory,
};
use crate::plan::{Fact, Query};

/// What a Kubernetes node is made of, as far as a machine shows it.
const PACKAGES: [&str; 10] =
    ["containerd", "containerd.io", "cryptsetup", "kubeadm", "kubectl", "kubelet", "nfs-common", "open-iscsi", "openssh-server", "sudo"];
const UNITS: [&str; 7] = [
    "chrony.service",
    "containerd.service",
    "iscsid.service",
    "kubelet.service",
    "multipathd.service",
    "ssh.service",
    "systemd-timesyncd.service",
];
const MODULES: [&str; 9] =
    ["br_netfilter", "dm_crypt", "ip_vs", "ip_vs_rr", "ip_vs_sh", "ip_vs_wrr", "iscsi_tcp", "nf_conntrack", "overlay"];
const SYSCTLS: [&str; 6] = [
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "net.bridge.bridge-nf-call-iptables",
    "net.ipv4.ip_forward",
    "net.ipv6.conf.all.forwarding",
    "vm.swappiness",
];

/// All facts that take no argument, and what a Kubernetes node needs of packages, units, kernel modules and parameters:
/// one script of a few dozen forks.
pub fn everything() -> Vec<Query> {
    let mut queries = vec![
        Hostname.query(),
        OsRelease.query(),
        Kernel.query(),
        Architecture.query(),
        MachineId.query(),
        ProductUuid.query(),
        Virtualization.query(),
        Cgroups.query(),
        Login.query(),
        Umask.query(),
        Clock.query(),
        Processors.query(),
        Memory.query(),
        Swaps.query(),
        BlockDevices.query(),
        Mounts.query(),
        Fstab.query(),
        Interfaces.query(),
        Routes.query(),
        Ports.query(),
        Environment.query(),
        WorkingDirectory.query(),
        RebootRequired.query(),
        AptSources.query(),
    ];
    queries.extend(PACKAGES.map(|name| Package::new(name).query()));
    queries.extend(UNITS.map(|name| Unit::new(name).query()));
    queries.extend(MODULES.map(|name| Module::new(name).query()));
    queries.extend(SYSCTLS.map(|key| Sysctl::new(key).query()));
    queries
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::KINDS;
    use super::*;

    #[test]
    fn all_that_take_no_argument_are_in_it() {
        let asked: BTreeSet<String> = everything().into_iter().map(|query| query.kind).collect();
        let missing: Vec<&str> =
            KINDS.iter().filter(|kind| (kind.words)(&[]).is_ok() && !asked.contains(kind.name)).map(|kind| kind.name).collect();
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn no_kind_and_no_function_has_a_name_twice() {
        let names: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
        let functions: BTreeSet<&str> = KINDS.iter().map(|kind| kind.function.name).collect();
        assert_eq!((names.len(), functions.len()), (KINDS.len(), KINDS.len()));
    }
}
