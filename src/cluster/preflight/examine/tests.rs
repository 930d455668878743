use serde_json::{Value, json};

use super::*;
use crate::cluster::preflight::evidence::{Cri, Listening};
use crate::cluster::preflight::{Severity, findings};
use crate::cluster::settings::testing::settings;
use crate::plan::{Observation, Query, Scope, Store};

const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl m1";

/// Answers everything that is needed, until nothing is; how often that took.
fn examined(settings: &Settings, answer: impl Fn(&Query) -> Reading) -> (Evidence, usize) {
    let (scope, mut store) = (Scope::new("m1", "root"), Store::default());
    let of = Subject { name: "m1", role: Role::ControlPlane, address: None, asks_for_virtual_address: true };
    for turn in 0..5 {
        match examine(&Facts::new(&store, scope.clone()), settings, &of) {
            Ok(evidence) => return (evidence, turn),
            Err(Stop::Need(need)) => {
                for key in need {
                    let reading = answer(&key.query);
                    store.insert(key, Observation::from(reading));
                }
            }
            Err(Stop::Unknown(unknown)) => panic!("{unknown:?}"),
        }
    }
    panic!("it never has enough")
}

/// A Debian machine with little on it; `over` answers first.
fn debian(over: impl Fn(&Query, &str) -> Option<Value>) -> impl Fn(&Query) -> Reading {
    move |query| {
        let first = query.args.first().map_or("", String::as_str);
        if let Some(value) = over(query, first) {
            return if value.is_null() { Reading::Absent } else { Reading::Present(value) };
        }
        let file = |path: &String| match path.as_str() {
            INIT => json!({"is": "systemd"}),
            INITIATOR => json!({"is": "# made by the installer\nInitiatorName=iqn.1993-08.org.debian:01:1\n"}),
            RESOLV => json!({"is": "search lan\nnameserver 127.0.0.53"}),
            RESOLVED => json!({"is": "nameserver 192.168.2.1\nnameserver fe80::1%eth0"}),
            path if path == SSH_KEYS[0] => json!({"is": ED25519}),
            CLOUD_CFG => json!({"is": "users: [default]\npreserve_hostname: false"}),
            _ => json!("absent"),
        };
        let size = |path: &String| match path.as_str() {
            "/" => json!({"fragment": 4096, "block": 4096, "blocks": 9, "available": 5_242_880, "inodes": 9, "free_inodes": 9}),
            "/var/log" => json!({"fragment": 1024, "block": 1024, "blocks": 9, "available": 102_400, "inodes": 9, "free_inodes": 9}),
            _ => Value::Null,
        };
        let address = |address: &str| json!({"address": address, "prefix": 24, "scope": "global"});
        Reading::Present(match query.kind.as_str() {
            "texts" => query.args.iter().map(file).collect(),
            "filesystem_sizes" => query.args.iter().map(size).collect(),
            "login" => json!({"user": "root", "uid": 0, "group": "root", "gid": 0, "groups": ["root"]}),
            "hostname" => json!("m1"),
            "machine_id" => json!("5eed"),
            "kernel" => json!({"name": "Linux", "release": "6.12.57+deb13-amd64", "version": "#1"}),
            "os_release" => {
                json!({"id": "debian", "id_like": [], "version_id": "13", "name": "Debian", "pretty_name": "Debian", "codename": null})
            }
            "processors" => json!({"online": 4, "present": 4, "model": null}),
            "memory" => json!({"total": 4_u64 << 30, "free": 1, "available": 1, "swap_total": 0, "swap_free": 0}),
            "cgroups" => json!({"version": 2, "controllers": ["cpu", "io", "memory", "pids"]}),
            "interfaces" => json!([
                {"name": "ens18", "mac": "52:54:00:00:00:01", "mtu": 1500, "state": "up", "hardware": 1, "addresses": [address("fe80::1"), address("192.168.2.11")]},
                {"name": "docker0", "mac": "02:42:00:00:00:01", "mtu": 1500, "state": "up", "hardware": 1, "addresses": [address("172.17.0.1")]},
            ]),
            "routes" => json!([
                {"to": "default", "via": "192.168.2.1", "device": "ens18", "source": null, "metric": 100},
                {"to": "192.168.2.0/24", "via": null, "device": "ens18", "source": null, "metric": null},
                {"to": "10.8.0.1", "via": null, "device": "wg0", "source": null, "metric": null},
                {"to": "blackhole 10.9.0.0/16", "via": null, "device": null, "source": null, "metric": null},
            ]),
            "environment" => json!({"HOME": "/root", "HTTPS_PROXY": "http://proxy.lan"}),
            "sysctl" => json!({"value": "0", "configured": null, "settings": [], "not_read": []}),
            "ports" => json!([
                {"port": 6443, "protocol": "tcp", "address": "192.168.2.11", "programs": ["homelabctl-port"]},
                {"port": 22, "protocol": "tcp", "address": "0.0.0.0", "programs": ["sshd"]},
                {"port": 22, "protocol": "udp", "address": "0.0.0.0", "programs": ["x"]},
            ]),
            "module" => json!({"state": "available"}),
            "next_kernel_module" => json!({"kernel": "6.12.60", "runs": false, "has": true}),
            "resolved" => json!(["192.168.2.50"]),
            "sync_latency" => json!(2100),
            "clock_sync" => json!({"synchronised": true, "by": "chronyc"}),
            "missing_programs" => json!(["conntrack"]),
            "web_answer" => json!({"answers": 401}),
            "pulls_left" => json!(76),
            "swaps" | "lines_in" => json!([]),
            "reboot_required" => json!({"required": false, "packages": []}),
            _ => return Reading::Absent,
        })
    }
}

#[test]
fn a_machine_is_read_at_once_and_seen_as_it_is() {
    let settings = settings("");
    let (seen, turns) = examined(&settings, debian(|_, _| None));
    assert_eq!(turns, 1, "one message there and back");
    assert!(!seen.joined);
    assert_eq!(
        (seen.machine.init, seen.machine.kernel, seen.machine.memory),
        (Known::Is("systemd".into()), Known::Is((6, 12)), Known::Is(4096))
    );
    assert_eq!((seen.machine.ip_forward, seen.machine.swap_at_boot), (Known::Is(false), Known::Is(Vec::new())));
    assert_eq!(seen.machine.missing_controllers, Known::Is(vec!["cpuset".into()]));
    assert_eq!(seen.identity.macs, Known::Is(vec![("ens18".into(), "52:54:00:00:00:01".into())]));
    assert_eq!(seen.identity.initiator_name, Known::Is("iqn.1993-08.org.debian:01:1".into()));
    assert_eq!(seen.identity.ssh_host_keys, Known::Is(vec!["SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU".into()]));
    assert_eq!(seen.identity.cloud_init_renames, Known::Is(true));
    assert_eq!(seen.network.address, Known::Is("192.168.2.11".parse().unwrap()));
    // without the one that leads nowhere
    assert_eq!(
        seen.network.routes.is().unwrap().iter().map(|route| route.to.to_string()).collect::<Vec<_>>(),
        ["192.168.2.0/24", "10.8.0.1/32"]
    );
    assert_eq!(seen.network.name_servers, Known::Is(vec!["192.168.2.1".parse().unwrap(), "fe80::1".parse().unwrap()]));
    assert_eq!(seen.network.proxies, Known::Is(vec![("HTTPS_PROXY".into(), "http://proxy.lan".into())]));
    // our own listeners are nobody
    assert_eq!(seen.network.listening, Known::Is(vec![Listening { port: 22, program: "sshd".into() }]));
    assert_eq!(seen.network.firewall, Known::Not);
    let free: Vec<_> = seen.storage.free.iter().map(|(name, free)| (name.as_str(), free.is().copied())).collect();
    assert_eq!(free[0], ("/var/lib/etcd", Some(20_480)));
    assert_eq!(free[3], ("/var/log", Some(100)));
    assert_eq!((seen.storage.sync, seen.clock.kept), (Known::Is(2100), Known::Is(true)));
    assert_eq!((seen.kubernetes.cri, seen.kubernetes.kubelet_enabled, seen.packages.lock), (Known::Not, Known::Not, Known::Not));
    assert!(seen.images.iter().all(|registry| registry.answer == Known::Is(Ok(()))));
    let left: Vec<_> = seen.images.iter().map(|registry| (registry.name.as_str(), registry.left.is().copied())).collect();
    assert_eq!(left, [("registry.k8s.io", None), ("quay.io", None), ("ghcr.io", None), ("docker.io", Some(76))]);
}

#[test]
fn what_fails_is_unknown_and_never_an_error() {
    let settings = settings("");
    let (seen, _) = examined(&settings, |_| Reading::unknown("Input/output error"));
    let found = findings(&settings, &[seen]);
    assert!(found.len() > 30, "{found:#?}");
    assert!(found.iter().all(|finding| finding.severity == Severity::Unknown), "{found:#?}");
}

#[test]
fn a_node_is_told_from_a_machine_with_traces() {
    let settings = settings("");
    let stat = json!({"kind": "file", "mode": "0600", "uid": 0, "gid": 0, "owner": null, "group": null, "size": 1, "target": null, "device": null});
    let with = |there: &[&str]| {
        let there: Vec<String> = there.iter().map(|path| format!("/etc/kubernetes/{path}")).collect();
        let stat = stat.clone();
        examined(&settings, debian(move |query, path| (query.kind == "stat" && there.iter().any(|one| one == path)).then(|| stat.clone())))
            .0
    };
    assert!(with(&["pki/ca.crt", "kubelet.conf"]).joined && with(&["pki/ca.crt", "bootstrap-kubelet.conf"]).joined);
    for traces in [&["pki/ca.crt"][..], &["kubelet.conf"], &["pki/ca.crt", "manifests/etcd.yaml"]] {
        let seen = with(traces);
        assert!(!seen.joined);
        assert_eq!(seen.kubernetes.leftovers.is().unwrap().len(), traces.len());
    }
}

#[test]
fn packages_and_the_runtime_are_judged_by_their_words() {
    let settings = settings("");
    let package = |name: &str, version: &str, held: bool| json!({"name": name, "version": version, "status": "installed", "held": held, "architecture": "amd64", "manager": "dpkg"});
    let (seen, _) = examined(
        &settings,
        debian(|query, first| match (query.kind.as_str(), first) {
            ("package", "kubelet") => Some(package("kubelet", "1.34.2-1.1", false)),
            ("package", "kubeadm") => Some(package("kubeadm", "1.33.5-1.1", true)),
            ("package", "unattended-upgrades") => Some(package("unattended-upgrades", "2.9", false)),
            ("lines_in", "/etc/apt/apt.conf.d") => Some(json!([
                {"file": "/etc/apt/apt.conf.d/20auto-upgrades", "line": 2, "text": "APT::Periodic::Unattended-Upgrade \"1\";"},
                {"file": "/etc/apt/apt.conf.d/50own", "line": 1, "text": "// APT::Periodic::Unattended-Upgrade \"0\";"},
            ])),
            ("containerd", _) => Some(
                json!({"version": "1.6.20~ds1", "cri": {"version": 2, "imports": [], "disabled": [], "runtimes": {}, "sandbox_image": null, "registry_folder": null, "has_old_registries": false, "cni_folders": []}}),
            ),
            ("cri", _) => Some(json!({"answers": true, "why_not": null, "is_outdated": false, "systemd_cgroups": false})),
            ("unit_enabled", _) => Some(json!({"word": "disabled"})),
            ("unit", "nftables.service") => Some(
                json!({"name": "nftables.service", "load_state": "loaded", "load_error": null, "active_state": "active", "sub_state": "exited", "unit_file_state": "enabled", "fragment_path": null, "drop_in_paths": null, "need_daemon_reload": false, "description": ""}),
            ),
            ("dpkg_lock", _) => Some(json!("apt-get (7)")),
            ("who_has", _) => Some(json!("52:54:00:aa:bb:cc")),
            ("web_answer", _) => Some(json!({"silent": "Could not resolve host"})),
            ("fstab", _) => {
                Some(json!([{"line": 3, "source": "/swap", "target": "none", "type": "swap", "options": ["sw"], "dump": 0, "pass": 0}]))
            }
            _ => None,
        }),
    );
    assert_eq!((seen.kubernetes.kubelet, seen.kubernetes.kubeadm), (Known::Is((34, 2)), Known::Is((33, 5))));
    assert_eq!(
        (seen.kubernetes.containerd, seen.kubernetes.cri),
        (Known::Is((1, 6, 20)), Known::Is(Cri { v1: true, systemd_cgroups: false }))
    );
    assert_eq!((seen.kubernetes.kubelet_enabled, seen.packages.unattended), (Known::Is(false), Known::Is(true)));
    assert_eq!((seen.packages.not_held, seen.packages.lock), (Known::Is(vec!["kubelet".into()]), Known::Is("apt-get (7)".into())));
    // its rules turn nobody away: there is no such file
    assert_eq!(seen.network.firewall, Known::Not);
    assert_eq!(seen.machine.swap_at_boot, Known::Is(vec!["/etc/fstab:3".into()]));
    assert!(seen.images.iter().all(|registry| registry.answer == Known::Is(Err("Could not resolve host".into()))));
}

#[test]
fn an_api_servers_version_is_that_of_its_manifest() {
    let of = |image: &'static str| {
        let answer = debian(move |query, _| (query.kind == "content").then(|| json!({"text": format!("  - image: {image}\n")})));
        examined(&settings(""), answer).0.kubernetes.api_server
    };
    assert_eq!(of("registry.k8s.io/kube-apiserver:v1.33.5").map(|version| version.to_string()), Known::Is("v1.33.5".into()));
    assert!(matches!(of("registry.lan/api:newest"), Known::Unknown(why) if why.contains("names no version")));
}

#[test]
fn mirrors_answer_for_their_registry() {
    let of = |over: &str| {
        let settings = settings(over);
        let answer = debian(|query, url| {
            (query.kind == "web_answer")
                .then(|| if url == "https://mirror.lan:5000/v2/" { json!({"answers": null}) } else { json!({"silent": "x"}) })
        });
        examined(&settings, answer).0.images.into_iter().map(|one| (one.name, one.answer, one.left)).collect::<Vec<_>>()
    };
    let silent = Known::Is(Err("x".to_owned()));
    let kubernetes = of("registry_mirrors: {registry.k8s.io: ['https://mirror.lan:5000']}");
    assert_eq!(kubernetes[0], ("registry.k8s.io".into(), Known::Is(Ok(())), Known::Not));
    assert_eq!(kubernetes[3], ("docker.io".into(), silent.clone(), Known::Is(76)));
    // who asks a mirror is not counted by Docker
    let docker = of("registry_mirrors: {docker.io: ['https://mirror.lan:5000/']}");
    assert_eq!(docker[3], ("docker.io".into(), Known::Is(Ok(())), Known::Not));
    assert!(
        of("registry_mirrors: {_default: ['https://mirror.lan:5000']}")
            .iter()
            .all(|(_, answer, left)| (answer, left) == (&Known::Is(Ok(())), &Known::Not))
    );
    assert_eq!(of("")[0].1, silent);
    assert_eq!(of("image_bundle: images.tar"), []);
}

#[test]
fn nothing_of_dockers_is_asked_for_that_is_not_pulled() {
    let asked = |over: &str| {
        let asked = std::cell::RefCell::new(Vec::new());
        let answer = debian(|query, first| {
            if matches!(query.kind.as_str(), "web_answer" | "pulls_left") {
                asked.borrow_mut().push(format!("{} {first}", query.kind));
            }
            None
        });
        examined(&settings(over), answer);
        asked.into_inner().into_iter().filter(|line| line.contains("docker")).collect::<Vec<_>>()
    };
    assert_eq!(asked("cni: {name: none}"), ["pulls_left https://registry-1.docker.io", "web_answer https://registry-1.docker.io/v2/"]);
    assert_eq!(asked("cni: {name: flannel}"), [""; 0]);
    assert_eq!(asked("image_bundle: images.tar"), [""; 0]);
}

/// As the distribution specification has it, and what stands between.
#[test]
fn an_answer_is_one_only_of_a_registry() {
    let of = |answer: Value| {
        let (seen, _) = examined(&settings(""), debian(move |query, _| (query.kind == "web_answer").then(|| answer.clone())));
        seen.images[0].answer.clone()
    };
    for good in [json!({"answers": 200}), json!({"answers": 401}), json!({"answers": 307}), json!({"answers": null})] {
        assert_eq!(of(good), Known::Is(Ok(())));
    }
    for (status, why) in [(404, "no registry behind that address"), (429, "lets no more through"), (503, "cannot (503)")] {
        assert!(matches!(of(json!({"answers": status})), Known::Is(Err(seen)) if seen.contains(why)));
    }
}
