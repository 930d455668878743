//! The machine itself.

use super::evidence::Evidence;
use super::finding::Findings;
use super::seen;
use crate::cluster::settings::{CniName, ProxyMode, Role, Settings};

/// kubeadm's least (constants.go: ControlPlaneNumCPU, ControlPlaneMem).
const PROCESSORS: u32 = 2;
const MEMORY: u64 = 1700;
/// What a worker needs for kubelet, kube-proxy and a CNI; kubeadm does not look.
const WORKER_MEMORY: u64 = 900;
/// Systems that this program's playbooks know.
const KNOWN: [&str; 2] = ["debian", "ubuntu"];

pub(super) fn check(settings: &Settings, node: &Evidence, found: &mut Findings) {
    let machine = &node.machine;
    if seen(&machine.root, "IsPrivilegedUser", node, "the user", found) == Some(&false) {
        let todo = "let the user use sudo, and call with -K if it wants a password";
        found.error("IsPrivilegedUser", &[node], "we are not root there", "kubeadm and the kubelet work as root only", todo);
    }
    if let Some(init) = seen(&machine.init, "SystemVerification", node, "the first process", found).filter(|init| *init != "systemd") {
        let why = "the kubelet and the runtime run as units of systemd's";
        found.error("SystemVerification", &[node], format!("the machine is run by {init}"), why, "install a system with systemd");
    }
    if let Some((id, version)) =
        seen(&machine.os, "OperatingSystem", node, "/etc/os-release", found).filter(|(id, _)| !KNOWN.contains(&id.as_str()))
    {
        let why = "the playbooks that come with homelabctl install packages of Debian's and Ubuntu's kind";
        found.warning(
            "OperatingSystem",
            &[node],
            format!("the system is {id} {version}"),
            why,
            "use playbooks of your own for the packages",
        );
    }
    kernel(settings, node, found);
    let is_control_plane = node.role == Role::ControlPlane;
    if let Some(count) =
        seen(&machine.processors, "NumCPU", node, "the processors", found).filter(|count| is_control_plane && **count < PROCESSORS)
    {
        let why = "the control plane's programs alone use more";
        found.error("NumCPU", &[node], format!("{count} processor, and kubeadm wants {PROCESSORS}"), why, "give the machine another one");
    }
    if let Some(memory) = seen(&machine.memory, "Mem", node, "the memory", found) {
        if is_control_plane && *memory < MEMORY {
            let why = "without it etcd and the API are killed again and again";
            found.error("Mem", &[node], format!("{memory} MiB of memory, and kubeadm wants {MEMORY}"), why, "give the machine more memory");
        } else if *memory < WORKER_MEMORY {
            let why = "kubelet, kube-proxy and the CNI fill it";
            found.warning("Mem", &[node], format!("{memory} MiB of memory"), why, "give the machine 2 GiB or more");
        }
    }
    cgroup(settings, node, found);
    controllers(node, found);
    swap(node, found);
    if let Some(missing) = seen(&machine.missing_programs, "FileExisting", node, "the programs in PATH", found) {
        for program in missing {
            let check = format!("FileExisting-{program}");
            let why = "kubeadm or the kubelet calls it";
            found.planned(&check, &[node], format!("`{program}` is not installed"), why, "base");
        }
    }
    if seen(&machine.ip_forward, "FileContent--proc-sys-net-ipv4-ip_forward", node, "ip_forward", found) == Some(&false) {
        let why = "packets of pods do not leave the machine";
        let check = "FileContent--proc-sys-net-ipv4-ip_forward";
        found.planned(check, &[node], "the kernel does not forward packets", why, "tuning");
    }
}

/// Cilium wants 5.10 since 1.18 (docs.cilium.io, system requirements), nftables mode 5.13.
fn kernel(settings: &Settings, node: &Evidence, found: &mut Findings) {
    let Some((major, minor)) = seen(&node.machine.kernel, "SystemVerification", node, "the kernel's version", found).copied() else {
        return;
    };
    let is_older = |than: (u32, u32)| (major, minor) < than;
    let todo = "install a newer kernel, of the system's backports if need be";
    let wanted = if is_older((4, 19)) {
        "kubeadm wants 4.19 or newer"
    } else if settings.cni.name == CniName::Cilium && is_older((5, 10)) {
        "Cilium wants 5.10 or newer"
    } else if settings.kube_proxy.mode == ProxyMode::Nftables && is_older((5, 13)) {
        "kube-proxy's nftables mode wants 5.13 or newer"
    } else {
        return;
    };
    found.error("SystemVerification", &[node], format!("the kernel is {major}.{minor}"), wanted, todo);
}

fn cgroup(settings: &Settings, node: &Evidence, found: &mut Findings) {
    let Some(kind) = seen(&node.machine.cgroup, "SystemVerification", node, "/sys/fs/cgroup", found).filter(|kind| *kind != "cgroup2fs")
    else {
        return;
    };
    let seen = format!("/sys/fs/cgroup is {kind}: cgroups of version 1");
    let todo = "boot with systemd.unified_cgroup_hierarchy=1, or install a newer system";
    if settings.version.minor >= 35 {
        found.error("SystemVerification", &[node], seen, "from v1.35 on the kubelet does not start with them", todo);
    } else {
        found.warning(
            "SystemVerification",
            &[node],
            seen,
            "from v1.35 on the kubelet does not start with them, and the upgrade stops there",
            todo,
        );
    }
}

/// kubeadm's SystemVerification refuses a kernel without them; Raspberry Pi OS boots without `memory`.
fn controllers(node: &Evidence, found: &mut Findings) {
    let missing = seen(&node.machine.missing_controllers, "SystemVerification", node, "the controllers of control groups", found);
    let Some(missing) = missing.filter(|missing| !missing.is_empty()) else { return };
    let why = "kubeadm stops there: the kubelet could hold no pod to its limits";
    let todo = match missing.iter().any(|name| name == "memory") {
        true => "boot with cgroup_enable=memory (on a Raspberry Pi in /boot/firmware/cmdline.txt)",
        false => "boot a kernel that has them",
    };
    found.error("SystemVerification", &[node], format!("control groups are without {}", missing.join(", ")), why, todo);
}

fn swap(node: &Evidence, found: &mut Findings) {
    let why = "the kubelet does not start while there is swap";
    if let Some(swap) = seen(&node.machine.swap, "Swap", node, "/proc/swaps", found).filter(|swap| !swap.is_empty()) {
        found.planned("Swap", &[node], format!("swap is in use: {}", swap.join(", ")), why, "base");
    }
    if let Some(swap) = seen(&node.machine.swap_at_boot, "Swap", node, "what turns swap on", found).filter(|swap| !swap.is_empty()) {
        let seen = format!("the next boot turns swap on: {}", swap.join(", "));
        found.planned("Swap", &[node], seen, "after it the node does not come back", "base");
    }
}
