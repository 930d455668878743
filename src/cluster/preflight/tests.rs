use std::fmt::Write;

use super::evidence::*;
use super::testing::nodes;
use super::*;
use crate::cluster::live::Told;
use crate::cluster::membership::Seen;
use crate::cluster::settings::KubernetesVersion;
use crate::cluster::settings::testing::settings;

/// What is wrong with the machines, and how it comes.
type Case = (&'static str, fn(&mut [Evidence]));

/// One for each finding that there can be.
const CASES: &[Case] = &[
    ("no root", |nodes| nodes[1].machine.root = Known::Is(false)),
    ("another init", |nodes| nodes[1].machine.init = Known::Is("openrc-init".into())),
    ("another system", |nodes| nodes[1].machine.os = Known::Is(("alpine".into(), "3.22".into()))),
    ("an old kernel", |nodes| nodes[1].machine.kernel = Known::Is((4, 14))),
    ("one processor, on a worker too", |nodes| (nodes[0].machine.processors, nodes[3].machine.processors) = (Known::Is(1), Known::Is(1))),
    ("little memory", |nodes| nodes.iter_mut().for_each(|node| node.machine.memory = Known::Is(800))),
    ("cgroups of version 1", |nodes| nodes[4].machine.cgroup = Known::Is("tmpfs".into())),
    ("control groups without some controllers", |nodes| {
        nodes[3].machine.missing_controllers = Known::Is(vec!["memory".into()]);
        nodes[4].machine.missing_controllers = Known::Is(vec!["cpuset".into(), "pids".into()]);
    }),
    ("swap now and later", |nodes| {
        nodes[3].machine.swap = Known::Is(vec!["/dev/sda2".into()]);
        nodes[4].machine.swap_at_boot = Known::Is(vec!["/etc/fstab:7".into(), "zram-generator".into()]);
    }),
    ("programs missing", |nodes| nodes[3].machine.missing_programs = Known::Is(vec!["losetup".into(), "mount".into()])),
    ("no forwarding", |nodes| nodes.iter_mut().for_each(|node| node.machine.ip_forward = Known::Is(false))),
    ("a name that is none", |nodes| nodes[5].identity.hostname = Known::Is("Worker_3".into())),
    ("cloud-init", |nodes| nodes[5].identity.cloud_init_renames = Known::Is(true)),
    ("a clone", |nodes| {
        let identity = nodes[3].identity.clone();
        nodes[4].identity = identity;
    }),
    ("an address twice", |nodes| {
        let (address, addresses) = (nodes[3].network.address.clone(), nodes[3].network.addresses.clone());
        (nodes[4].network.address, nodes[4].network.addresses) = (address, addresses);
    }),
    ("a clock far ahead, one a little", |nodes| {
        nodes[2].clock.ahead = Known::Is(95_430);
        nodes[3].clock.ahead = Known::Is(-2_300);
    }),
    ("a clock that the network explains", |nodes| {
        (nodes[2].clock.ahead, nodes[2].clock.give_or_take) = (Known::Is(31_000), 30_500);
    }),
    ("nothing keeps the clock, and the hardware's is off", |nodes| {
        nodes[2].clock.kept = Known::Is(false);
        nodes[2].clock.hardware_ahead = Known::Is(-3600);
    }),
    ("ports that others have", |nodes| {
        let listening = |port, program: &str| Listening { port, program: program.into() };
        nodes[0].network.listening = Known::Is(vec![listening(6443, "k3s"), listening(2379, ""), listening(10250, "k3s")]);
        // the API's is nothing to a worker
        nodes[3].network.listening = Known::Is(vec![listening(6443, "haproxy"), listening(10256, "x")]);
    }),
    ("networks that are used already", |nodes| {
        let route = |to: &str, device: &str| Route { to: to.parse().unwrap(), device: device.into() };
        nodes[3].network.routes =
            Known::Is(vec![route("10.244.3.0/24", "wg0"), route("10.96.0.0/11", "tun0"), route("0.0.0.0/0", "ens18")]);
        nodes[4].network.routes = Known::Is(vec![route("10.244.1.0/24", "flannel.1"), route("10.244.0.0/24", "cni0")]);
        nodes[5].network.name_servers = Known::Is(vec![[10, 96, 0, 10].into()]);
    }),
    ("a way that is closed", |nodes| {
        for node in nodes.iter_mut().filter(|node| node.name != "w2") {
            node.network
                .reached
                .iter_mut()
                .filter(|one| one.to == "w2" && one.protocol == "udp")
                .for_each(|one| one.done = Known::Is(false));
        }
        nodes[1].network.reached.iter_mut().filter(|one| one.port == 2380).for_each(|one| one.done = Known::Is(false));
    }),
    ("an address that is not its own", |nodes| nodes[3].network.addresses = Known::Is(vec![[10, 0, 2, 15].into()])),
    ("no name servers", |nodes| nodes[3].network.name_servers = Known::Is(Vec::new())),
    ("the endpoint's name", |nodes| {
        nodes[3].network.endpoint = Known::Not;
        nodes[4].network.endpoint = Known::Is(vec![[203, 0, 113, 9].into()]);
    }),
    ("the virtual address is somebody's", |nodes| {
        nodes.iter_mut().for_each(|node| node.network.virtual_address = Known::Is("aa:bb:cc:dd:ee:ff".into()));
    }),
    ("a proxy", |nodes| {
        nodes[3].network.proxies = Known::Is(vec![
            ("HTTPS_PROXY".into(), "http://me:secret@proxy.lan:3128".into()),
            ("no_proxy".into(), "10.96.0.0/12,.example.net".into()),
        ]);
        nodes[4].network.proxies = Known::Is(vec![("http_proxy".into(), "http://proxy.lan:3128".into())]);
    }),
    ("a firewall", |nodes| nodes[3].network.firewall = Known::Is("ufw".into())),
    ("another cluster's files", |nodes| {
        nodes[0].kubernetes.leftovers =
            Known::Is(vec!["/etc/kubernetes/manifests/etcd.yaml".into(), "/etc/kubernetes/kubelet.conf".into()]);
        nodes[0].kubernetes.etcd_data = Known::Is(true);
        nodes[3].kubernetes.etcd_data = Known::Is(true);
        nodes[4].kubernetes.cni_configs = Known::Is(vec!["10-calico.conflist".into(), "05-cilium.conflist".into()]);
    }),
    ("runtimes", |nodes| {
        nodes[0].kubernetes.containerd = Known::Is((1, 4, 13));
        nodes[1].kubernetes.cri = Known::Is(Cri { v1: false, systemd_cgroups: false });
        nodes[2].kubernetes.cri = Known::Is(Cri { v1: true, systemd_cgroups: false });
        (nodes[3].kubernetes.cri, nodes[3].joined) = (Known::Is(Cri { v1: true, systemd_cgroups: false }), true);
    }),
    ("kubelets", |nodes| {
        nodes[3].kubernetes.kubelet = Known::Is((35, 0));
        nodes[4].kubernetes.kubelet = Known::Is((30, 4));
        nodes[5].kubernetes.kubelet = Known::Is((31, 4));
        nodes[5].kubernetes.kubelet_enabled = Known::Is(false);
        nodes[0].kubernetes.kubeadm = Known::Is((33, 5));
    }),
    ("an upgrade that was cut off", |nodes| {
        for (node, minor) in nodes.iter_mut().zip([33, 34, 34]) {
            node.kubernetes.api_server = Known::Is(KubernetesVersion { minor, patch: 2 });
        }
        (nodes[4].joined, nodes[4].kubernetes.kubelet) = (true, Known::Is((34, 2)));
    }),
    ("API servers that are too far apart", |nodes| {
        for (node, minor) in nodes.iter_mut().zip([32, 34, 34]) {
            (node.joined, node.kubernetes.kubelet) = (true, Known::Is((32, 0)));
            node.kubernetes.api_server = Known::Is(KubernetesVersion { minor, patch: 2 });
        }
    }),
    ("packages that move", |nodes| {
        nodes[3].packages.not_held = Known::Is(vec!["kubelet".into(), "containerd".into()]);
        nodes[4].packages.not_held = Known::Is(vec!["kubelet".into()]);
        nodes[4].packages.unattended = Known::Is(true);
    }),
    ("busy, and a reboot due", |nodes| {
        nodes[3].packages.lock = Known::Is("unattended-upgr (4711)".into());
        nodes[4].packages.reboot = Known::Is("linux-image-6.12.57".into());
    }),
    ("no room", |nodes| {
        nodes[0].storage.free[0].1 = Known::Is(900);
        nodes[3].storage.free[0].1 = Known::Is(900);
        nodes[4].storage.free[1].1 = Known::Is(9_000);
    }),
    ("slow disks", |nodes| {
        nodes[0].storage.sync = Known::Is(14_250);
        nodes[1].storage.sync = Known::Is(340_000);
        nodes[3].storage.sync = Known::Is(340_000);
    }),
    ("modules", |nodes| {
        for module in nodes[3].modules.iter_mut().filter(|module| module.name.starts_with("ip_vs")) {
            (module.now, module.next) = (Known::Is(false), Known::Is(("6.12.60".into(), false)));
        }
        nodes[4].modules.iter_mut().for_each(|module| module.next = Known::Is(("6.12.60".into(), false)));
        nodes[5].modules[1].now = Known::Is(false);
    }),
    ("a cluster that was made otherwise", |nodes| {
        let told = |place: &str| Told {
            objects: Seen::Absent,
            kube_vip: Seen::Absent,
            etcd_data: Seen::Present(place.into()),
            kubelet: Seen::Absent,
        };
        (nodes[0].told, nodes[1].told) = (Known::Is(told("/var/lib/etcd")), Known::Is(told("/data/etcd")));
    }),
    ("images", |nodes| {
        nodes[3].images[0].answer = Known::Is(Err("connection timed out".into()));
        let docker =
            |answer, left| Registry { name: "docker.io".into(), is_needed: false, answer: Known::Is(answer), left: Known::Is(left) };
        nodes[4].images.push(docker(Ok(()), 4));
        nodes[5].images.push(docker(Err("Could not resolve host: registry-1.docker.io".into()), 4));
    }),
];

#[test]
fn good_machines_have_no_findings() {
    for over in ["", "kube_proxy: {mode: nftables}\ncni: {name: flannel}", "kube_proxy: {scheduler: wlc}\nversion: v1.36.0"] {
        let settings = settings(over);
        assert_eq!(findings(&settings, &nodes(&settings)), [], "{over}");
    }
}

#[test]
fn each_finding_says_what_was_seen_why_it_matters_and_what_to_do() {
    let settings = settings("");
    let mut told = String::new();
    for (what, breaks) in CASES {
        let mut nodes = nodes(&settings);
        breaks(&mut nodes);
        writeln!(told, "# {what}").unwrap();
        for finding in findings(&settings, &nodes) {
            assert!(!finding.nodes.is_empty() && !finding.why.is_empty() && !finding.todo.is_empty(), "{finding}");
            assert!(finding.severity != Severity::Unknown, "{finding}");
            let may_be_excused = finding.severity == Severity::Error;
            assert!(!may_be_excused || crate::cluster::settings::is_check(&finding.check), "nobody can excuse {finding}");
            writeln!(told, "{finding}").unwrap();
        }
        told.push('\n');
    }
    assert!(!told.contains("secret"), "a proxy's password is shown");
    insta::assert_snapshot!(told);
}

#[test]
fn other_settings_ask_for_other_things() {
    let mut told = String::new();
    for (over, breaks) in [
        ("version: v1.35.1", (|nodes| nodes[4].machine.cgroup = Known::Is("tmpfs".into())) as fn(&mut [Evidence])),
        ("kube_proxy: {mode: nftables}", |nodes| nodes[4].machine.kernel = Known::Is((5, 10))),
        ("kube_proxy: {scheduler: mh}", |nodes| {
            nodes[4].modules.iter_mut().filter(|one| one.name == "ip_vs_mh").for_each(|one| one.now = Known::Is(false))
        }),
        ("ignore_preflight_errors: [numcpu, Port-6443]", |nodes| {
            nodes[0].machine.processors = Known::Is(1);
            nodes[0].network.listening =
                Known::Is(vec![Listening { port: 6443, program: "x".into() }, Listening { port: 2379, program: "x".into() }]);
        }),
        // of a machine that is a node already its own programs have the ports
        ("", |nodes| {
            nodes[0].joined = true;
            nodes[0].network.listening = Known::Is(vec![Listening { port: 6443, program: "kube-apiserver".into() }]);
            nodes[0].kubernetes.leftovers = Known::Is(vec!["/etc/kubernetes/kubelet.conf".into()]);
            nodes[0].kubernetes.etcd_data = Known::Is(true);
            nodes[0].network.virtual_address = Known::Is("aa:bb:cc:dd:ee:ff".into());
        }),
        ("endpoint: {host: 192.168.2.50, served_by: external}", |nodes| {
            nodes[3].network.virtual_address = Known::Is("aa:bb:cc:dd:ee:ff".into());
            nodes[3].network.endpoint = Known::Not;
        }),
    ] {
        let settings = settings(over);
        let mut nodes = nodes(&settings);
        breaks(&mut nodes);
        let all: String = findings(&settings, &nodes).iter().map(|finding| format!("{finding}\n")).collect();
        writeln!(told, "# {over}\n{all}").unwrap();
    }
    insta::assert_snapshot!(told);
}

/// Nobody knows how many pulls are left: that is told where the registry answers, and is no reason to stop.
#[test]
fn a_registry_that_does_not_tell_what_is_left_is_unknown_at_most() {
    let settings = settings("");
    let of = |answer: Result<(), String>, left: Known<u32>| {
        let mut nodes = nodes(&settings);
        nodes[3].images.push(Registry { name: "docker.io".into(), is_needed: false, answer: Known::Is(answer), left });
        findings(&settings, &nodes).into_iter().map(|finding| (finding.severity, finding.seen)).collect::<Vec<_>>()
    };
    let unknown = || Known::Unknown("it does not answer".into());
    let seen = "how many images docker.io lets the node pull could not be read: it does not answer";
    assert_eq!(of(Ok(()), unknown()), [(Severity::Unknown, seen.to_owned())]);
    assert_eq!(of(Err("timed out".into()), unknown()), [(Severity::Warning, "docker.io does not answer: timed out".to_owned())]);
    assert_eq!(of(Ok(()), Known::Is(30)), []);
    assert_eq!(of(Ok(()), Known::Not), []);
}

/// Nothing that could not be read is an error, and nothing of it goes without a word.
#[test]
fn what_could_not_be_read_is_unknown_and_told() {
    let settings = settings("");
    let mut nodes = nodes(&settings);
    blind(&mut nodes[0]);
    let all = findings(&settings, &nodes);
    assert!(all.iter().all(|finding| finding.severity == Severity::Unknown && finding.nodes == ["m1"]), "{all:#?}");
    insta::assert_snapshot!(all.iter().map(|finding| format!("{}  {}\n", finding.check, finding.seen)).collect::<String>());
}

/// Every look at this machine failed.
fn blind(node: &mut Evidence) {
    fn no<T>(known: &mut Known<T>) {
        *known = Known::Unknown("no answer".into());
    }
    let Evidence { name: _, role: _, joined: _, machine, identity, clock, network, kubernetes, storage, packages, modules, images, told } =
        node;
    no(told);
    let Machine {
        root,
        init,
        os,
        kernel,
        processors,
        memory,
        cgroup,
        missing_controllers,
        swap,
        swap_at_boot,
        missing_programs,
        ip_forward,
    } = machine;
    no(root);
    no(init);
    no(os);
    no(kernel);
    no(processors);
    no(memory);
    no(cgroup);
    no(missing_controllers);
    no(swap);
    no(swap_at_boot);
    no(missing_programs);
    no(ip_forward);
    let Identity { hostname, machine_id, product_uuid, macs, initiator_name, ssh_host_keys, cloud_init_renames } = identity;
    no(hostname);
    no(machine_id);
    no(product_uuid);
    no(macs);
    no(initiator_name);
    no(ssh_host_keys);
    no(cloud_init_renames);
    let Clock { ahead, give_or_take: _, kept, hardware_ahead } = clock;
    no(ahead);
    no(kept);
    no(hardware_ahead);
    let Network { address, addresses, routes, name_servers, endpoint, virtual_address, proxies, firewall, listening, reached } = network;
    no(address);
    no(addresses);
    no(routes);
    no(name_servers);
    no(endpoint);
    no(virtual_address);
    no(proxies);
    no(firewall);
    no(listening);
    reached.iter_mut().for_each(|one| no(&mut one.done));
    let Kubernetes { leftovers, etcd_data, cni_configs, containerd, cri, api_server, kubeadm, kubelet, kubelet_enabled } = kubernetes;
    no(leftovers);
    no(etcd_data);
    no(cni_configs);
    no(containerd);
    no(cri);
    no(api_server);
    no(kubeadm);
    no(kubelet);
    no(kubelet_enabled);
    let Storage { free, sync } = storage;
    free.iter_mut().for_each(|(_, free)| no(free));
    no(sync);
    let Packages { not_held, unattended, lock, reboot } = packages;
    no(not_held);
    no(unattended);
    no(lock);
    no(reboot);
    for one in modules {
        no(&mut one.now);
        no(&mut one.next);
    }
    for one in images {
        no(&mut one.answer);
        no(&mut one.left);
    }
}
