//! Facts of real machines that this one cannot show: units, Debian 13, a kernel with modules, disks, swap.

use std::collections::BTreeMap;

use homelabctl::node::facts::{self, *};
use homelabctl::node::record::Records;
use homelabctl::node::script::{Script, quote};
use homelabctl::plan::{Fact, Query, Reading};

use crate::testbed::{Bed, Kind, Machine, Suite};

/// Reads queries as root, in that shell of the machine.
pub fn read(m: &Machine, shell: &str, queries: &[Query]) -> BTreeMap<Query, Reading> {
    let mut script = Script::new();
    let probes = script.probe(queries);
    let inner = format!("k=0123abcd; s={}; ( eval \"$s\" ) </dev/null", quote(&script.finish()).unwrap());
    let output = m.root_command(&format!("cd /; exec {shell} -c {}", quote(&inner).unwrap())).unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr).replace("@0123abcd ", "");
    // the way in has no working directory yet
    let is_ours = |line: &str| line.parse::<u32>().is_err() && !line.contains("getcwd()");
    assert!(!complaints.lines().any(is_ours), "{shell}: {complaints}");
    let observed = probes.observe(&Records::parse("0123abcd", &output.stdout, &output.stderr));
    observed.into_iter().map(|(query, observation)| (query, observation.reading)).collect()
}

fn get<F: Fact>(known: &BTreeMap<Query, Reading>, fact: F) -> F::Value {
    match &known[&fact.query()] {
        Reading::Present(value) => serde_json::from_value(value.clone()).unwrap(),
        other => panic!("{}: {other:?}", fact.query()),
    }
}

/// All facts are known, but for those that this kind of machine cannot tell.
fn assert_known(known: &BTreeMap<Query, Reading>, unless: &[&str]) {
    for (query, reading) in known {
        let excused = unless.contains(&query.kind.as_str());
        assert!(excused || !matches!(reading, Reading::Unknown { .. }), "{query}: {reading:?}");
    }
}

#[test]
fn units_and_packages_of_debian_12_and_13() {
    let bed = Bed::new().unwrap();
    for (suite, version) in [(Suite::Bookworm, "12"), (Suite::Trixie, "13")] {
        let m = bed.machine(&format!("debian{version}")).suite(suite).start().unwrap();
        m.root_says(
            "cd /etc/systemd/system
            printf '[Unit]\nDescription=Keeps on \\303\\274 = x\n[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\nAlias=other.service\n' >on.service
            printf '[Service]\nExecStart=/bin/false\n' >bad.service
            printf '[Service]\nExecStart=/bin/sleep 1000\n' >'inst@.service'
            printf '[Service]\nExecStart=/bin/true\nNonsense\n[Install]\nWantedBy=multi-user.target\n' >off.service
            mkdir -p on.service.d; printf '[Service]\nNice=3\n' >on.service.d/nice.conf
            systemctl daemon-reload; systemctl -q enable --now on.service; systemctl start bad.service 'inst@a\\x20b.service' || :
            systemctl -q mask masked.service; printf '#\n' >>on.service; sleep 1
            printf 'vm.swappiness = 7\n' >/etc/sysctl.d/70-test.conf
            dpkg --remove --force-all wget >/dev/null 2>&1 || :
            dpkg --set-selections <<'X'
coreutils hold
X
            touch /run/reboot-required; printf 'linux-image\nlibc6\n' >/run/reboot-required.pkgs",
        )
        .unwrap();
        let mut queries = facts::everything();
        let names =
            ["on", "other", "bad", r"inst@a\x20b.service", "off", "masked", "no-such", "multi-user.target", "-.mount", "inst@.service"];
        queries.extend(names.map(|name| Unit::new(name).query()));
        queries.extend(["coreutils", "wget", "libc6", "no-such"].map(|name| Package::new(name).query()));
        for shell in ["dash", "bash", "busybox ash"] {
            let known = read(&m, shell, &queries);
            // the kernel is the host's, and so are its modules
            let why = match &known[&Unit::new("inst@.service").query()] {
                Reading::Unknown { why, .. } => why.clone(),
                other => panic!("{other:?}"),
            };
            assert!(why.contains("inst@.service"), "{why}");
            assert_known(&known, &["unit", "module", "product_uuid", "sysctl"]);
            let unit = |name: &str| get(&known, Unit::new(name));
            let on = unit("on");
            assert_eq!((on.load_state.as_str(), on.active_state.as_str(), on.sub_state.as_str()), ("loaded", "active", "running"));
            assert_eq!((on.unit_file_state.as_deref(), on.description.as_str()), (Some("enabled"), "Keeps on ü = x"));
            assert_eq!(on.fragment_path.as_deref(), Some("/etc/systemd/system/on.service"));
            assert_eq!(on.drop_in_paths.as_deref(), Some("/etc/systemd/system/on.service.d/nice.conf"));
            assert_eq!(unit("other").name, "on.service");
            assert_eq!((unit("bad").active_state.as_str(), unit("bad").unit_file_state.as_deref()), ("failed", Some("static")));
            assert_eq!(unit(r"inst@a\x20b.service").active_state, "active");
            assert_eq!((unit("off").unit_file_state.as_deref(), unit("off").need_daemon_reload), (Some("disabled"), false));
            assert!(on.need_daemon_reload);
            assert_eq!((unit("masked").load_state.as_str(), unit("masked").unit_file_state.as_deref()), ("masked", Some("masked")));
            assert_eq!((unit("multi-user.target").active_state.as_str(), unit("-.mount").sub_state.as_str()), ("active", "mounted"));
            assert_eq!(known[&Unit::new("no-such").query()], Reading::Absent);
            // asked alone, each is the same
            for name in names {
                let query = Unit::new(name).query();
                assert_eq!(read(&m, shell, std::slice::from_ref(&query))[&query], known[&query], "{name}");
            }

            assert_eq!(get(&known, OsRelease).version_id.as_deref(), Some(version));
            assert_eq!(get(&known, Virtualization), VirtualizationKind { kind: "systemd-nspawn".into(), container: true });
            assert_eq!(get(&known, Hostname), format!("debian{version}"));
            assert_eq!(get(&known, RebootRequired).packages, ["libc6", "linux-image"]);
            let address = get(&known, Interfaces).into_iter().flat_map(|i| i.addresses).any(|a| a.address.to_string() == m.address);
            assert!(address && get(&known, Ports).iter().any(|port| port.port == 22 && port.programs.contains(&"sshd".into())));
            assert_eq!(get(&known, Package::new("coreutils")).held, Some(true));
            let wget = get(&known, Package::new("wget"));
            assert_eq!((wget.status, wget.version), (PackageStatus::ConfigFiles, None));
            let libc = m.root_says("dpkg-query -W -f '${Version}' libc6").unwrap();
            assert_eq!(get(&known, Package::new("libc6")).version, Some(libc));
            assert_eq!(known[&Package::new("no-such").query()], Reading::Absent);
            let swappiness = get(&known, Sysctl::new("vm.swappiness"));
            assert_eq!((swappiness.configured.as_deref(), swappiness.settings.len()), (Some("7"), 1));
            assert_eq!(swappiness.settings[0].file, "/etc/sysctl.d/70-test.conf");
        }
    }
}

#[test]
fn a_kernel_of_its_own_with_disks_and_modules() {
    let bed = Bed::new().unwrap();
    let m = bed.machine("u1").kind(Kind::Uml).disk("5eed0001", 64).start().unwrap();
    let wwn = m.root_says("ls /dev/disk/by-id | grep ^wwn- | head -1").unwrap();
    let disk = m.root_says(&format!("readlink -f /dev/disk/by-id/{wwn}")).unwrap();
    m.root_says(&format!(
        "set -e; parted -s {disk} mklabel gpt mkpart one ext4 1MiB 33MiB mkpart two linux-swap 33MiB 62MiB; udevadm settle
        mkfs.ext4 -q -L 'a b' {disk}1; mkswap {disk}2 >/dev/null; swapon -p 5 {disk}2; mkdir -p '/mnt/a b'; mount -o noatime {disk}1 '/mnt/a b'
        mount -t tmpfs upper '/mnt/a b'; modprobe dummy; modprobe br_netfilter; sysctl -qw net.ipv4.ip_forward=1; udevadm settle
        printf '%s\\n' 'LABEL=a\\040b /mnt/a\\040b ext4 nofail 0 2' >>/etc/fstab"
    ))
    .unwrap();
    let mut queries = facts::everything();
    queries.extend(["dummy", "br-netfilter", "ip_vs", "no_such"].map(|name| Module::new(name).query()));
    queries.extend([MountAt::new("/mnt/a b").query(), MountAt::new("/mnt").query(), Stat::new(&disk).query()]);
    queries.push(Sysctl::new("net.bridge.bridge-nf-call-iptables").query());
    for shell in ["dash", "bash", "busybox ash"] {
        let known = read(&m, shell, &queries);
        assert_known(&known, &[]);
        let state = |name: &str| get(&known, Module::new(name)).state;
        assert_eq!((state("dummy"), state("br_netfilter")), (ModulePlace::Loaded, ModulePlace::Loaded));
        assert_eq!((state("ip_vs_rr"), &known[&Module::new("no_such").query()]), (ModulePlace::Available, &Reading::Absent));
        assert_eq!(get(&known, Sysctl::new("net.ipv4.ip_forward")).value.as_deref(), Some("1"));
        assert_eq!(get(&known, Sysctl::new("net.bridge.bridge-nf-call-iptables")).value.as_deref(), Some("1"));
        assert_eq!(get(&known, Virtualization).kind, "uml");
        assert_eq!(get(&known, Cgroups).version, 2);
        assert_eq!(get(&known, Stat::new(&disk)).kind, FileKind::BlockDevice);

        let devices = get(&known, BlockDevices);
        let of = |path: &str| devices.iter().find(|device| device.path == path).unwrap_or_else(|| panic!("{path} in {devices:?}"));
        assert!(of(&disk).by_id.contains(&wwn), "{wwn} {devices:?}");
        assert_eq!(of(&disk).partition_table.as_deref(), Some("gpt"), "{devices:?}");
        assert_eq!(of(&disk).size, 64 << 20);
        let part = of(&format!("{disk}1"));
        assert_eq!(
            (part.filesystem.as_deref(), part.label.as_deref(), part.parents.as_slice()),
            (Some("ext4"), Some("a b"), &[disk.clone()][..])
        );
        assert!(part.by_id.contains(&format!("{wwn}-part1")) && part.mountpoints.contains(&"/mnt/a b".into()));
        let swap = &get(&known, Swaps)[0];
        assert_eq!((swap.path.clone(), swap.priority, swap.kind.as_str()), (format!("{disk}2"), 5, "partition"));
        let mount = get(&known, MountAt::new("/mnt/a b"));
        assert_eq!((mount.source.as_str(), mount.kind.as_str()), ("upper", "tmpfs"));
        assert_eq!(known[&MountAt::new("/mnt").query()], Reading::Absent);
        let entry = get(&known, Fstab).into_iter().find(|entry| entry.source == "LABEL=a b").unwrap();
        assert_eq!((entry.target.as_str(), entry.pass), ("/mnt/a b", 2));
    }
}
