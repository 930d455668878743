//! Machines with which nothing is wrong.

use std::net::IpAddr;

use super::evidence::*;
use super::reach::wanted;
use crate::cluster::known::Known;
use crate::cluster::settings::{Role, Settings};

/// Three masters and three workers that reach each other.
pub(super) fn nodes(settings: &Settings) -> Vec<Evidence> {
    let names = [("m1", 11), ("m2", 12), ("m3", 13), ("w1", 21), ("w2", 22), ("w3", 23)];
    let role = |name: &str| if name.starts_with('m') { Role::ControlPlane } else { Role::Worker };
    let reached = |from: &str| {
        let others = names.iter().filter(|(to, _)| *to != from);
        let ports = others
            .flat_map(|(to, _)| wanted(settings, role(from), role(to)).into_iter().map(move |(port, protocol)| (*to, port, protocol)));
        ports.map(|(to, port, protocol)| Reached { to: to.into(), port, protocol, done: Known::Is(true) }).collect()
    };
    names.iter().map(|(name, last)| node(settings, name, *last, role(name), reached(name))).collect()
}

fn node(settings: &Settings, name: &str, last: u8, role: Role, reached: Vec<Reached>) -> Evidence {
    let address = IpAddr::from([192, 168, 2, last]);
    let module = |name: &str| Module { name: name.into(), now: Known::Is(true), next: Known::Is(("6.12.57".into(), true)) };
    let free =
        ["/var/lib/etcd", "/var/lib/containerd", "/var/lib/kubelet", "/var/log"].map(|directory| (directory.into(), Known::Is(20_000)));
    Evidence {
        name: name.into(),
        role,
        joined: false,
        machine: Machine {
            root: Known::Is(true),
            init: Known::Is("systemd".into()),
            os: Known::Is(("debian".into(), "13".into())),
            kernel: Known::Is((6, 12)),
            processors: Known::Is(2),
            memory: Known::Is(3900),
            cgroup: Known::Is("cgroup2fs".into()),
            missing_controllers: Known::Is(Vec::new()),
            swap: Known::Is(Vec::new()),
            swap_at_boot: Known::Is(Vec::new()),
            missing_programs: Known::Is(Vec::new()),
            ip_forward: Known::Is(true),
        },
        identity: Identity {
            hostname: Known::Is(name.into()),
            machine_id: Known::Is(format!("4f{last:030}")),
            product_uuid: Known::Is(format!("4c4c4544-0000-0000-0000-0000000000{last}")),
            macs: Known::Is(vec![("ens18".into(), format!("52:54:00:00:00:{last}"))]),
            initiator_name: Known::Is(format!("iqn.1993-08.org.debian:01:{last}")),
            ssh_host_keys: Known::Is(vec![format!("SHA256:ed25519-{last}"), format!("SHA256:rsa-{last}")]),
            cloud_init_renames: Known::Not,
        },
        clock: Clock { ahead: Known::Is(i64::from(last) * 10), give_or_take: 2, kept: Known::Is(true), hardware_ahead: Known::Is(0) },
        network: Network {
            address: Known::Is(address),
            addresses: Known::Is(vec![address]),
            routes: Known::Is(vec![Route { to: "192.168.2.0/24".parse().unwrap(), device: "ens18".into() }]),
            name_servers: Known::Is(vec![[192, 168, 2, 1].into()]),
            endpoint: Known::Is(vec![[192, 168, 2, 50].into()]),
            virtual_address: Known::Not,
            proxies: Known::Is(Vec::new()),
            firewall: Known::Not,
            listening: Known::Is(vec![Listening { port: 22, program: "sshd".into() }]),
            reached,
        },
        kubernetes: Kubernetes {
            leftovers: Known::Is(Vec::new()),
            etcd_data: Known::Is(false),
            cni_configs: Known::Is(Vec::new()),
            containerd: Known::Is((1, 7, 24)),
            cri: Known::Is(Cri { v1: true, systemd_cgroups: true }),
            api_server: Known::Not,
            kubeadm: Known::Is((settings.version.minor, settings.version.patch)),
            kubelet: Known::Is((settings.version.minor, settings.version.patch)),
            kubelet_enabled: Known::Is(true),
        },
        storage: Storage { free: free.into(), sync: Known::Is(2_100) },
        packages: Packages { not_held: Known::Is(Vec::new()), unattended: Known::Is(false), lock: Known::Not, reboot: Known::Not },
        modules: super::modules::wanted(settings).into_iter().map(module).collect(),
        images: vec![Registry { name: "registry.k8s.io".into(), is_needed: true, answer: Known::Is(Ok(())), left: Known::Not }],
        told: Known::Not,
    }
}
