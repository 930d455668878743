//! All facts of this machine, read by one script in each shell, against what the standard library, the kernel and other
//! programs say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use homelabctl::node::facts::{self, *};
use homelabctl::node::record::Records;
use homelabctl::node::script::Script;
use homelabctl::plan::{Fact, Observation, Query, Reading};
use serde::de::DeserializeOwned;

const SHELLS: [&[&str]; 3] = [&["dash"], &["bash"], &["busybox", "ash"]];
/// As the long-lived shell runs a script.
const LOOP: &str = r#"k=$1 s=$2; ( eval "$s" ) </dev/null"#;

fn run(shell: &[&str], script: &str, change: impl FnOnce(&mut Command)) -> Output {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["-c", LOOP, "sh", "0123abcd", script]).stdin(Stdio::null());
    change(&mut command);
    command.output().unwrap()
}

fn read_as(shell: &[&str], queries: &[Query], change: impl FnOnce(&mut Command)) -> Vec<(Query, Observation)> {
    let mut script = Script::new();
    let probes = script.probe(queries);
    let output = run(shell, &script.finish(), change);
    let records = Records::parse("0123abcd", &output.stdout, &output.stderr);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.lines().all(|line| line.starts_with("@0123abcd ")), "{shell:?} complains: {stderr}");
    probes.observe(&records)
}

struct Known(BTreeMap<Query, Reading>);

impl Known {
    fn read(shell: &[&str], queries: &[Query]) -> Self {
        Self(read_as(shell, queries, |_| {}).into_iter().map(|(query, observation)| (query, observation.reading)).collect())
    }

    fn reading<F: Fact>(&self, fact: F) -> &Reading {
        &self.0[&fact.query()]
    }

    fn get<F: Fact<Value: DeserializeOwned>>(&self, fact: F) -> F::Value {
        match self.reading(fact) {
            Reading::Present(value) => serde_json::from_value(value.clone()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn why<F: Fact>(&self, fact: F) -> String {
        match self.reading(fact) {
            Reading::Unknown { why, .. } => why.clone(),
            other => panic!("{other:?}"),
        }
    }
}

fn stdout(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

fn file(path: &str) -> String {
    fs::read_to_string(path).unwrap().trim_end().to_owned()
}

#[test]
fn the_machine_is_what_the_kernel_says() {
    for shell in SHELLS {
        let known = Known::read(shell, &facts::everything());
        assert_eq!(known.get(Hostname), file("/proc/sys/kernel/hostname"));
        let kernel = known.get(Kernel);
        assert_eq!((kernel.release, kernel.version), (file("/proc/sys/kernel/osrelease"), file("/proc/sys/kernel/version")));
        assert_eq!(known.get(Architecture), std::env::consts::ARCH);
        assert!(file("/etc/os-release").contains(&format!("PRETTY_NAME=\"{}\"", known.get(OsRelease).pretty_name)));
        match fs::read_to_string("/etc/machine-id") {
            Ok(id) if id.trim().len() == 32 => assert_eq!(known.get(MachineId), id.trim()),
            _ => assert_eq!(*known.reading(MachineId), Reading::Absent),
        }
        match fs::read_to_string("/sys/class/dmi/id/product_uuid") {
            Ok(uuid) => assert_eq!(known.get(ProductUuid), uuid.trim().to_lowercase()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => assert_eq!(*known.reading(ProductUuid), Reading::Absent),
            Err(_) => assert!(known.why(ProductUuid).contains("cannot be read")),
        }
        assert_eq!(known.get(Virtualization).kind, stdout("systemd-detect-virt", &[]));
        let login = known.get(Login);
        assert_eq!((login.uid.to_string(), login.user), (stdout("id", &["-u"]), stdout("id", &["-un"])));
        assert_eq!(login.groups.join(" "), stdout("id", &["-Gn"]));

        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as i64;
        let clock = known.get(Clock);
        assert!((now - clock.unix_nanoseconds).abs() < 60_000_000_000, "{clock:?}");
        assert_eq!(clock.utc_offset, stdout("date", &["+%z"]));
        assert_eq!(known.get(Processors).online.to_string(), stdout("nproc", &["--all"]));
        let total: u64 = file("/proc/meminfo").lines().next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
        let memory = known.get(Memory);
        assert!(memory.total == total * 1024 && memory.free < memory.total && memory.available <= memory.total);
        assert_eq!(known.get(Swaps).len(), file("/proc/swaps").lines().count() - 1);

        let hint = fs::metadata("/sys/fs/cgroup/cgroup.controllers").is_ok();
        match known.reading(Cgroups) {
            Reading::Present(_) => assert_eq!(known.get(Cgroups).version == 2, hint),
            other => assert!(*other == Reading::Absent && !hint),
        }
        let required = fs::exists("/run/reboot-required").unwrap();
        assert_eq!(known.get(RebootRequired).required, required);
    }
}

#[test]
fn devices_mounts_and_network_are_what_others_see() {
    for shell in SHELLS {
        let mounts_at = ["/", "/proc", "/no-mount", "/etc"].map(MountAt::new);
        let queries: Vec<Query> = facts::everything().into_iter().chain(mounts_at.iter().map(Fact::query)).collect();
        let known = Known::read(shell, &queries);

        let names: BTreeSet<String> = known.get(BlockDevices).into_iter().map(|device| device.path).collect();
        assert_eq!(names, stdout("lsblk", &["-nlo", "PATH"]).lines().map(str::to_owned).collect());
        for device in known.get(BlockDevices) {
            let sectors: u64 = file(&format!("/sys/class/block/{}/size", device.name)).parse().unwrap();
            assert_eq!(device.size, sectors * 512, "{}", device.path);
        }
        assert_eq!(known.get(Mounts).len(), file("/proc/self/mountinfo").lines().count());
        let [root, proc, no_mount, etc] = mounts_at;
        let options = stdout("findmnt", &["-no", "VFS-OPTIONS", "/"]);
        let root = known.get(root);
        assert_eq!((root.kind, root.options.join(",")), (stdout("findmnt", &["-no", "FSTYPE", "/"]), options));
        assert_eq!(known.get(proc).source, "proc");
        assert_eq!((known.reading(no_mount), known.reading(etc)), (&Reading::Absent, &Reading::Absent));
        match fs::read_to_string("/etc/fstab") {
            Ok(text) => {
                let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')).count();
                assert_eq!(known.get(Fstab).len(), lines);
            }
            Err(_) => assert_eq!(*known.reading(Fstab), Reading::Absent),
        }

        let interfaces = known.get(Interfaces);
        let names: BTreeSet<String> = interfaces.iter().map(|interface| interface.name.clone()).collect();
        let wanted = fs::read_dir("/sys/class/net").unwrap().map(|e| e.unwrap());
        assert_eq!(names, wanted.filter(|e| e.path().is_dir()).map(|e| e.file_name().into_string().unwrap()).collect());
        let addresses: BTreeSet<String> =
            interfaces.iter().flat_map(|i| &i.addresses).map(|a| format!("{}/{}", a.address, a.prefix)).collect();
        let json: serde_json::Value = serde_json::from_str(&stdout("ip", &["-j", "addr"])).unwrap();
        let infos = json.as_array().unwrap().iter().flat_map(|link| link["addr_info"].as_array().unwrap());
        assert_eq!(addresses, infos.map(|a| format!("{}/{}", a["local"].as_str().unwrap(), a["prefixlen"])).collect());
        let default: Vec<_> = known.get(Routes).into_iter().filter(|route| route.to == "default").filter_map(|route| route.via).collect();
        let json: serde_json::Value = serde_json::from_str(&stdout("ip", &["-j", "-4", "route", "show", "default"])).unwrap();
        for route in json.as_array().unwrap() {
            assert!(default.iter().any(|via| Some(via.as_str()) == route["gateway"].as_str()));
        }
    }
}

#[test]
fn a_listening_port_is_seen_with_and_without_ss() {
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let ports = [("tcp", tcp.local_addr().unwrap().port()), ("udp", udp.local_addr().unwrap().port())];
    // a PATH with all programs but ss
    let dir = tempfile::tempdir().unwrap();
    for program in ["awk", "base64", "cat"] {
        symlink(stdout("sh", &["-c", &format!("command -v {program}")]), dir.path().join(program)).unwrap();
    }
    for shell in SHELLS {
        let path = stdout("sh", &["-c", &format!("command -v {}", shell[0])]);
        let whole: Vec<&str> = std::iter::once(path.as_str()).chain(shell[1..].iter().copied()).collect();
        let mut script = Script::new();
        let probes = script.probe(&[Ports.query()]);
        // the usual directories are added to PATH, so only a changed script can do without ss
        assert!(script.finish().contains("}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"));
        let without = script.finish().replace("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "");
        for (text, has_ss) in [(script.finish(), true), (without, false)] {
            let output = run(&whole, &text, |command| {
                if !has_ss {
                    command.env("PATH", dir.path());
                }
            });
            let observed = probes.observe(&Records::parse("0123abcd", &output.stdout, &output.stderr));
            let Reading::Present(value) = &observed[0].1.reading else { panic!("{observed:?} {output:?}") };
            let listening: Vec<ListeningPort> = serde_json::from_value(value.clone()).unwrap();
            for (protocol, port) in ports {
                let found = listening.iter().find(|l| l.port == port && l.protocol == protocol).unwrap();
                assert_eq!(found.address.to_string(), "127.0.0.1");
                assert_eq!(has_ss, !found.programs.is_empty(), "{found:?}");
            }
        }
    }
}

#[test]
fn files_are_what_the_standard_library_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let odd = ["plain", "a b", "new\nline", "-n", "*", "'q'", "ünï", "back\\slash"];
    for (index, name) in odd.iter().enumerate() {
        fs::write(path(name), format!("{name}\0\n")).unwrap();
        fs::set_permissions(path(name), fs::Permissions::from_mode(0o4640 + index as u32)).unwrap();
        symlink(name, path(&format!("to {name}"))).unwrap();
    }
    fs::create_dir(path("dir")).unwrap();
    fs::write(path("big"), vec![b'x'; 5000]).unwrap();
    symlink("loop", path("loop")).unwrap();
    let queries: Vec<Query> = odd
        .iter()
        .flat_map(|name| {
            let (file, link) = (path(name), path(&format!("to {name}")));
            [
                Stat::new(&file).query(),
                Stat::new(&link).query(),
                Stat::followed(&link).query(),
                Digest::new(&link).query(),
                Content::new(&link, 100).query(),
            ]
        })
        .chain([Directory::new(path("")).query(), Directory::new(path("dir")).query(), Directory::new(path("nope")).query()])
        .chain([Directory::new(path("plain")).query(), Content::new(path("big"), 4999).query(), Content::new(path("nope"), 1).query()])
        .chain([Content::new(path("dir"), 1).query(), Stat::new(path("dir")).query(), Stat::followed(path("loop")).query()])
        .chain([Stat::new("/dev/null").query(), Stat::new("/dev/nope").query()])
        .collect();
    for shell in SHELLS {
        let known = Known::read(shell, &queries);
        for name in odd {
            let (file, link) = (path(name), path(&format!("to {name}")));
            let (stat, meta) = (known.get(Stat::new(&file)), fs::symlink_metadata(&file).unwrap());
            assert_eq!((stat.kind, stat.size, stat.mode.0), (FileKind::File, Some(meta.len()), meta.mode() & 0o7777), "{name:?}");
            assert_eq!((stat.uid, stat.gid, stat.owner), (meta.uid(), meta.gid(), Some(stdout("id", &["-un"]))));
            assert_eq!(known.get(Stat::followed(&link)), known.get(Stat::new(&file)));
            assert_eq!((known.get(Stat::new(&link)).kind, known.get(Stat::new(&link)).target.as_deref()), (FileKind::Link, Some(name)));
            let sum = stdout("sh", &["-c", &format!("sha256sum <'{}'", file.replace('\'', "'\\''"))]);
            assert_eq!(known.get(Digest::new(&link)).0, sum.split(' ').next().unwrap());
            assert_eq!(known.get(Content::new(&link, 100)).bytes(), fs::read(&file).unwrap());
        }
        let listed: BTreeSet<String> = known.get(Directory::new(path(""))).into_iter().map(|entry| entry.name).collect();
        assert_eq!(listed, fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect());
        assert_eq!(known.get(Directory::new(path("dir"))), []);
        for absent in [
            known.reading(Directory::new(path("nope"))),
            known.reading(Content::new(path("nope"), 1)),
            known.reading(Stat::new("/dev/nope")),
            // a circle leads nowhere
            known.reading(Stat::followed(path("loop"))),
        ] {
            assert_eq!(*absent, Reading::Absent);
        }
        assert_eq!(known.why(Directory::new(path("plain"))), "not a directory");
        assert_eq!(known.why(Content::new(path("big"), 4999)), "it has 5000 bytes, more than the 4999 that are read");
        assert_eq!(known.why(Content::new(path("dir"), 1)), "not a regular file");
        assert_eq!(known.get(Stat::new("/dev/null")).device, Some((1, 3)));
        assert_eq!(known.get(Stat::new(path("dir"))).size, None);
    }
}

#[test]
fn what_a_user_may_not_see_is_unknown_and_not_absent() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let secret = dir.path().join("secret");
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("file"), "x").unwrap();
    fs::write(dir.path().join("mine"), "x").unwrap();
    for (path, mode) in [(secret.clone(), 0o700), (dir.path().join("mine"), 0o600)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let (hidden, gone) = (secret.join("file").to_str().unwrap().to_owned(), secret.join("gone").to_str().unwrap().to_owned());
    let mine = dir.path().join("mine").to_str().unwrap().to_owned();
    let queries = [
        Stat::new(&hidden).query(),
        Stat::new(&gone).query(),
        Digest::new(&hidden).query(),
        Digest::new(&mine).query(),
        Content::new(&mine, 10).query(),
        Directory::new(secret.to_str().unwrap()).query(),
        Stat::new(&mine).query(),
        User::new("root").query(),
    ];
    for shell in SHELLS {
        let nobody = |command: &mut Command| {
            use std::os::unix::process::CommandExt;
            command.uid(65534).gid(65534);
        };
        let readings: Vec<Reading> = read_as(shell, &queries, nobody).into_iter().map(|(_, o)| o.reading).collect();
        for (query, reading) in queries.iter().zip(&readings).take(6) {
            assert!(matches!(reading, Reading::Unknown { why, .. } if why.contains("Permission denied")), "{shell:?} {query} {reading:?}");
        }
        assert!(matches!(readings[6], Reading::Present(_)));
        assert_eq!(readings[7], {
            let Reading::Present(mut root) = Known::read(shell, &queries).reading(User::new("root")).clone() else { panic!() };
            root["password"] = "unknown".into();
            Reading::Present(root)
        });
    }
}

#[test]
fn accounts_are_what_getent_says() {
    let users: Vec<String> = stdout("getent", &["passwd"]).lines().map(str::to_owned).collect();
    let groups: Vec<String> = stdout("getent", &["group"]).lines().map(str::to_owned).collect();
    let name = |line: &String| line.split(':').next().unwrap().to_owned();
    let queries: Vec<Query> = users
        .iter()
        .map(|line| User::new(name(line)).query())
        .chain(groups.iter().map(|line| Group::new(name(line)).query()))
        .chain([User::new("no-such-user").query(), Group::new("no-such-group").query()])
        .collect();
    for shell in SHELLS {
        let known = Known::read(shell, &queries);
        for line in &users {
            let user = known.get(User::new(name(line)));
            let again = format!("{}:x:{}:{}:{}:{}:{}", user.name, user.uid, user.gid, user.comment, user.home, user.shell);
            assert_eq!(again, *line);
            let mut all: Vec<String> = [user.group.clone().into_iter().collect(), user.groups.clone()].concat();
            all.dedup();
            let mut wanted: Vec<String> = stdout("id", &["-Gn", "--", &user.name]).split(' ').map(str::to_owned).collect();
            all.sort();
            wanted.sort();
            assert_eq!(all, wanted, "{}", user.name);
            let state = stdout("passwd", &["-S", &user.name]).split(' ').nth(1).unwrap().to_owned();
            let wanted = match state.as_str() {
                "L" => Password::Locked,
                "NP" => Password::Empty,
                _ => Password::Set,
            };
            assert_eq!(user.password, wanted, "{}", user.name);
        }
        for line in &groups {
            let group = known.get(Group::new(name(line)));
            assert_eq!(format!("{}:x:{}:{}", group.name, group.gid, group.members.join(",")), *line);
        }
        assert_eq!(*known.reading(User::new("no-such-user")), Reading::Absent);
        assert_eq!(*known.reading(Group::new("no-such-group")), Reading::Absent);
    }
}

#[test]
fn packages_sysctls_and_modules_are_what_the_machine_has() {
    let packages: Vec<(String, String)> = stdout("dpkg-query", &["-W", "-f", "${Package} ${Version} ${db:Status-Status}\\n"])
        .lines()
        .filter_map(|line| line.strip_suffix(" installed")?.split_once(' '))
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .take(150)
        .collect();
    let runtime = ["kernel.pid_max", "net.ipv4.tcp_rmem", "kernel.core_pattern", "vm.swappiness", "kernel/hostname", "kernel.printk"];
    let queries: Vec<Query> = packages
        .iter()
        .map(|(name, _)| Package::new(name).query())
        .chain([Package::new("no-such-package").query(), Package::new("a*").query()])
        .chain(runtime.map(|key| Sysctl::new(key).query()))
        .chain([Sysctl::new("no.such.key").query(), Sysctl::new("net.ipv4.route.flush").query()])
        .chain([Module::new("no-such-module").query(), Unit::new("ssh").query()])
        .collect();
    for shell in SHELLS {
        let known = Known::read(shell, &queries);
        for (name, version) in &packages {
            let package = known.get(Package::new(name));
            assert_eq!((package.version.as_deref(), package.status), (Some(version.as_str()), PackageStatus::Installed));
        }
        assert_eq!(*known.reading(Package::new("no-such-package")), Reading::Absent);
        assert!(known.why(Package::new("a*")).contains("not a name"));
        for key in runtime {
            let value = fs::read_to_string(format!("/proc/sys/{}", key.replace('.', "/"))).unwrap();
            assert_eq!(known.get(Sysctl::new(key)).value.as_deref(), Some(value.trim_end_matches('\n')), "{key}");
        }
        assert_eq!(*known.reading(Sysctl::new("no.such.key")), Reading::Absent);
        // write-only: what cannot be read is not empty
        assert!(matches!(known.reading(Sysctl::new("net.ipv4.route.flush")), Reading::Unknown { .. }));
        let release = file("/proc/sys/kernel/osrelease");
        match fs::exists(format!("/lib/modules/{release}/modules.dep")).unwrap() {
            true => assert_eq!(*known.reading(Module::new("no-such-module")), Reading::Absent),
            false => assert!(known.why(Module::new("no-such-module")).contains("modules.dep")),
        }
        if !fs::exists("/run/systemd/system").unwrap() {
            assert_eq!(known.why(Unit::new("ssh")), "systemd does not run here");
        }
    }
}

#[test]
fn sysctl_files_mask_and_follow_each_other() {
    // private copies of the directories, by a mount namespace of our own
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("usr/10-a.conf", "# vm.swappiness = 1\nvm.swappiness = 10\n");
    write("usr/50-masked.conf", "vm.swappiness = 50\n");
    write("usr/60-null.conf", "vm.swappiness = 60\n");
    write("etc/50-masked.conf", "; nothing\n");
    write("etc/90-z.conf", "\n  vm/swappiness=90 \nvm.*=5\n-vm.overcommit_memory\n");
    write("run/20-b.conf", "-vm.swappiness = 20\nvm.swappiness_of_another = 3\n");
    write("conf", "vm.swappiness = 99\n");
    symlink("/dev/null", dir.path().join("etc/60-null.conf")).unwrap();
    let read = |shell: &[&str], linked: bool| {
        let mut script = Script::new();
        let probes = script.probe(&[Sysctl::new("vm.swappiness").query(), Sysctl::new("vm.overcommit_memory").query()]);
        let d = dir.path().to_str().unwrap();
        let mut mounts = format!(
            "mkdir -p /etc/sysctl.d /run/sysctl.d /usr/lib/sysctl.d; touch /etc/sysctl.conf; mount --bind {d}/etc /etc/sysctl.d && \
             mount --bind {d}/run /run/sysctl.d && mount --bind {d}/usr /usr/lib/sysctl.d && mount --bind {d}/conf /etc/sysctl.conf"
        );
        let link = dir.path().join("etc/99-sysctl.conf");
        let _ = fs::remove_file(&link);
        if linked {
            symlink("/etc/sysctl.conf", &link).unwrap();
        }
        mounts.push_str("\nexec \"$@\"");
        let text = script.finish();
        let output = Command::new("unshare")
            .args(["-m", "sh", "-c", &mounts, "sh"])
            .args(shell)
            .args(["-c", LOOP, "sh", "0123abcd", &text])
            .output()
            .unwrap();
        let observed = probes.observe(&Records::parse("0123abcd", &output.stdout, &output.stderr));
        observed
            .into_iter()
            .map(|(_, o)| match o.reading {
                Reading::Present(value) => serde_json::from_value::<SysctlState>(value).unwrap(),
                other => panic!("{other:?} {output:?}"),
            })
            .collect::<Vec<_>>()
    };
    for shell in SHELLS {
        let short = |setting: &Setting| format!("{}:{} {:?}", setting.file, setting.line, setting.value.as_deref().unwrap_or("-"));
        let plain = read(shell, false);
        assert_eq!(
            plain[0].settings.iter().map(short).collect::<Vec<_>>(),
            [
                "/usr/lib/sysctl.d/10-a.conf:2 \"10\"",
                "/run/sysctl.d/20-b.conf:1 \"20\"",
                "/etc/sysctl.d/90-z.conf:2 \"90\"",
                "/etc/sysctl.d/90-z.conf:3 \"5\"",
            ]
        );
        assert_eq!((plain[0].configured.as_deref(), plain[0].not_read.len()), (Some("90"), 1));
        assert_eq!((plain[1].configured.as_deref(), plain[1].settings.len()), (None, 2));
        let linked = read(shell, true);
        assert_eq!((linked[0].configured.as_deref(), linked[0].not_read.len()), (Some("99"), 0));
    }
}

#[test]
fn hostile_variables_and_names_are_data() {
    for shell in SHELLS {
        let environment = [("ODD", "a\n@0123abcd 0 0 3\nx=\u{1b}[2J'\"$(reboot)"), ("IFS", "x"), ("nl", "y"), ("PS4", "`reboot`")];
        let read = read_as(shell, &[Environment.query(), Hostname.query(), Interfaces.query()], |command| {
            command.envs(environment);
        });
        let Reading::Present(variables) = &read[0].1.reading else { panic!("{read:?}") };
        assert_eq!(variables["ODD"], environment[0].1);
        assert!(matches!((&read[1].1.reading, &read[2].1.reading), (Reading::Present(_), Reading::Present(_))));
    }
}

/// A fork costs 35 ms on some machines.
#[test]
fn everything_is_one_script_of_few_forks() {
    for shell in SHELLS {
        let mut script = Script::new();
        script.probe(&facts::everything());
        let text = script.finish();
        let trace = tempfile::NamedTempFile::new().unwrap();
        let mut traced = vec!["strace", "-f", "-o", trace.path().to_str().unwrap(), "-e", "trace=fork,vfork,clone,clone3,execve"];
        traced.extend(shell);
        assert!(run(&traced, &text, |_| {}).status.success());
        let log = fs::read_to_string(trace.path()).unwrap();
        let forks = log.lines().filter(|line| !line.contains("execve(") && !line.contains("resumed") && line.contains('(')).count();
        let programs = log.lines().filter(|line| line.contains("execve(") && line.ends_with("= 0")).count();
        let mut times: Vec<_> = (0..5)
            .map(|_| {
                let started = Instant::now();
                run(shell, &text, |_| {});
                started.elapsed()
            })
            .collect();
        times.sort();
        println!("{shell:?}: {} bytes of script, {forks} forks, {programs} programs, {:?} (median of 5)", text.len(), times[2]);
        assert!(forks < 40, "{shell:?}: {forks} forks\n{log}");
    }
}
