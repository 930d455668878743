//! Random sequences of steps for comparing simulated with real machines.

use homelabctl::node::facts::{
    Digest, Directory, Group, Hostname, Installed, MountAt, Package, Selection, Stat, Status, Sysctl, Unit, UnitEnabled, UnitScope, User,
};
use homelabctl::node::simulated::{Entry, Random, World};
use homelabctl::node::steps::*;
use homelabctl::plan::{Fact, Query, Reading};
use serde_json::Value;

/// What a sequence may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    Files,
    Accounts,
    UnitsAndMounts,
    Packages,
    Settings,
}

/// The names below the base that files are made at. Few, so that they meet; one too long; one that looks like an option.
const NAMES: &[&str] = &["a", "b", "c", "d", "a/x", "a/y", "b/x", "c/d/e", "-rf", "sp ace's", "new\nline", "ü"];
/// The beginning of names that are drawn on the machine.
const TEMPORARY: &str = "t-temporary-";
const USERS: &[&str] = &["t-ann", "t-bob", "t-cat"];
const GROUPS: &[&str] = &["t-ops", "t-dev", "t-cat"];
const UNITS: &[&str] = &["t-one.service", "t-two.service", "t-none.service"];

/// Packages of the machine's own archive with their versions; the first leaves configuration behind; nobody knows the last.
const PACKAGES: &[(&str, &[&str])] =
    &[("hl-conf", &["1.0", "2.0"]), ("hl-tool", &["1.0", "1.1", "2.0"]), ("hl-lib", &["1.0"]), ("hl-none", &[])];

pub struct Generator<'a> {
    pub random: &'a mut Random,
    pub base: &'a str,
}

impl Generator<'_> {
    fn path(&mut self) -> String {
        if self.random.once_in(40) {
            return format!("{}/{}", self.base, "n".repeat(256 - self.random.below(3)));
        }
        format!("{}/{}", self.base, self.random.pick(NAMES).unwrap())
    }

    fn owner(&mut self) -> String {
        (*self.random.pick(&["root", "0", "t-own", "1234", "no-such", "daemon"]).unwrap()).into()
    }

    fn mode(&mut self) -> u32 {
        *self.random.pick(&[0o644, 0o600, 0o755, 0o4755, 0o2750, 0o2644, 0o1777, 0o000, 0o7777]).unwrap()
    }

    pub fn sequence(&mut self, area: Area) -> Vec<Step> {
        let count = 1 + self.random.below(8);
        (0..count)
            .map(|_| match area {
                Area::Files => self.file_step(),
                Area::Accounts => self.account_step(),
                Area::UnitsAndMounts if self.random.once_in(2) => self.unit_step(),
                Area::UnitsAndMounts => self.mount_step(),
                Area::Packages => self.package_step(),
                Area::Settings => self.setting_step(),
            })
            .collect()
    }

    fn file_step(&mut self) -> Step {
        let path = self.path();
        match self.random.below(16) {
            12 => Backup { path }.into(),
            13 => {
                let times = [None, Some(Time::At(100_000_000)), Some(Time::At(200_000_000))];
                let time = |random: &mut Random| *random.pick(&times).unwrap();
                SetTimes { path, accessed: time(self.random), modified: time(self.random) }.into()
            }
            14 => {
                let parent = Some(if self.random.once_in(2) { self.base.into() } else { path });
                let directory = self.random.once_in(2);
                MakeTemporary { directory, parent, prefix: TEMPORARY.into(), suffix: ".t".into() }.into()
            }
            15 => {
                let program = (*self.random.pick(&["/bin/true", "/bin/false"]).unwrap()).to_owned();
                Validate {
                    source: Source::Bytes(b"text".to_vec()),
                    suffix: ".t".into(),
                    owner: self.owner(),
                    group: self.owner(),
                    mode: self.mode(),
                    argv: vec![program],
                    file: (1, String::new(), String::new()),
                }
                .into()
            }
            0..=2 => {
                let content = match self.random.below(3) {
                    0 => Vec::new(),
                    1 => b"text\n".repeat(self.random.below(2000)),
                    _ => (0..self.random.below(300)).map(|_| self.random.below(256) as u8).collect(),
                };
                WriteFile { path, source: Source::Bytes(content), owner: self.owner(), group: self.owner(), mode: self.mode() }.into()
            }
            3..=4 => {
                let parents = self.random.once_in(2);
                MakeDirectory { path, owner: self.owner(), group: self.owner(), mode: self.mode(), parents }.into()
            }
            5..=6 => {
                let target = match self.random.below(5) {
                    0 => self.path(),
                    1 => "a".into(),
                    2 => "..".into(),
                    3 => "../a/x".into(),
                    _ => "/nowhere/at all".into(),
                };
                SymbolicLink { path, target, replace_file: self.random.once_in(2) }.into()
            }
            7 => HardLink { path, target: self.path(), replace_file: self.random.once_in(2) }.into(),
            8 => ChangeMode { path, mode: self.mode() }.into(),
            9 => {
                let owner = (!self.random.once_in(3)).then(|| self.owner());
                let group = if owner.is_none() || self.random.once_in(2) { Some(self.owner()) } else { None };
                ChangeOwner { path, owner, group }.into()
            }
            _ => {
                let what = *self.random.pick(&[RemoveWhat::File, RemoveWhat::EmptyDirectory, RemoveWhat::Tree]).unwrap();
                Remove { path, what }.into()
            }
        }
    }

    fn account_step(&mut self) -> Step {
        let user = (*self.random.pick(USERS).unwrap()).to_owned();
        let group = (*self.random.pick(GROUPS).unwrap()).to_owned();
        let id = 2000 + self.random.below(4) as u32;
        let maybe = |random: &mut Random, value: &str| random.once_in(3).then(|| value.to_owned());
        match self.random.below(12) {
            0..=3 => AddUser {
                name: user,
                uid: (!self.random.once_in(4)).then_some(id),
                group: maybe(self.random, &group),
                groups: if self.random.once_in(3) { vec![group.clone(), "t-own".into()] } else { Vec::new() },
                home: maybe(self.random, "/srv/home of t"),
                create_home: self.random.once_in(2),
                shell: maybe(self.random, "/bin/bash"),
                comment: maybe(self.random, "Ann O'Neil"),
                system: self.random.once_in(4),
                ..AddUser::default()
            }
            .into(),
            4 => ChangeUser {
                name: user,
                uid: self.random.once_in(3).then_some(id),
                group: maybe(self.random, &group),
                groups: self.random.once_in(2).then(|| if self.random.once_in(2) { Vec::new() } else { vec![group] }),
                home: maybe(self.random, "/srv/other"),
                shell: maybe(self.random, "/bin/sh"),
                comment: maybe(self.random, "B"),
                append: self.random.once_in(2),
                ..ChangeUser::default()
            }
            .into(),
            5 => RemoveUser { name: user, remove_home: self.random.once_in(2), force: false }.into(),
            6 => SetPassword { name: user, hash: (*self.random.pick(&["!", "*", "$5$abc$def"]).unwrap()).into() }.into(),
            7..=8 => {
                let (gid, system) = ((!self.random.once_in(3)).then_some(id), self.random.once_in(4));
                AddGroup { name: group, gid, system, ..AddGroup::default() }.into()
            }
            9 => ChangeGroup { name: group, gid: id, non_unique: false }.into(),
            10 => RemoveGroup { name: group, force: false }.into(),
            _ => Membership { user, group, member: !self.random.once_in(3) }.into(),
        }
    }

    fn unit_step(&mut self) -> Step {
        use UnitAction::*;
        let action = *self.random.pick(&[Start, Stop, Restart, Enable, Disable, Mask, Unmask, DaemonReload]).unwrap();
        let unit = *self.random.pick(UNITS).unwrap();
        if action == DaemonReload { UnitStep::manager(action) } else { UnitStep::new(action, unit) }.into()
    }

    fn mount_step(&mut self) -> Step {
        let path = format!("{}/{}", self.base, self.random.pick(&["m", "m/in", "n", "o"]).unwrap());
        match self.random.below(8) {
            0..=1 => Mount {
                source: "tmpfs".into(),
                path,
                fstype: "tmpfs".into(),
                options: "mode=1777".into(),
                device: String::new(),
                made: false,
            }
            .into(),
            2 => Mount {
                source: format!("{}/o", self.base),
                path,
                fstype: "none".into(),
                options: "bind".into(),
                device: String::new(),
                made: false,
            }
            .into(),
            3 => Unmount { path }.into(),
            4 => Remount { path, options: "ro".into(), source: String::new(), fstype: String::new() }.into(),
            5 => Remove { path, what: RemoveWhat::Tree }.into(),
            _ => {
                let (owner, group) = ("root".into(), "root".into());
                MakeDirectory { path, owner, group, mode: 0o755, parents: self.random.once_in(2) }.into()
            }
        }
    }
}

impl Generator<'_> {
    fn package_step(&mut self) -> Step {
        let known = if self.random.once_in(8) { PACKAGES.len() } else { PACKAGES.len() - 1 };
        let (name, versions) = *self.random.pick(&PACKAGES[..known]).unwrap();
        let name = name.to_owned();
        match self.random.below(10) {
            0..=2 => {
                let version = self.random.pick(versions).filter(|_| !self.random.once_in(3)).map(|version| (*version).to_owned());
                let version = if self.random.once_in(10) { Some("9.9".to_owned()) } else { version };
                let allow_downgrade = self.random.once_in(2);
                let recommends = self.random.once_in(2).then_some(false);
                Install { manager: Manager::Apt, packages: vec![Wanted { name, version }], recommends, allow_downgrade }.into()
            }
            3 => {
                let version = (*self.random.pick(versions).unwrap_or(&"1.0")).to_owned();
                let words = ["-y", "--allow-downgrades", "--allow-change-held-packages", "install", &format!("{name}={version}")];
                Apt {
                    program: AptProgram::AptGet,
                    words: words.map(str::to_owned).to_vec(),
                    fates: vec![(name, Fate::Installed(Some(version)))],
                    manual: Vec::new(),
                    policy_rc_d: self.random.once_in(2).then_some(101),
                    patience: 5,
                    title: "install it".into(),
                    failure: String::new(),
                    only_archives: false,
                }
                .into()
            }
            // only one of them has configuration that stays
            4..=5 => RemovePackages { manager: Manager::Apt, purge: name != "hl-conf" || self.random.once_in(2), names: vec![name] }.into(),
            6..=7 => {
                let mark = if self.random.once_in(3) { Mark::Release } else { Mark::Hold };
                MarkPackages { manager: Manager::Apt, names: vec![name], mark }.into()
            }
            8 => {
                let selection = (*self.random.pick(&["install", "hold", "deinstall"]).unwrap()).to_owned();
                SelectPackage { name, selection }.into()
            }
            _ => FinishInterrupted { patience: 5, dpkg_options: vec!["force-confold".into()], policy_rc_d: None }.into(),
        }
    }

    fn setting_step(&mut self) -> Step {
        let value = (*self.random.pick(&["0", "1"]).unwrap()).to_owned();
        let name = (*self.random.pick(SYSCTLS).unwrap()).to_owned();
        let file = format!("{}/own.conf", self.base);
        match self.random.below(7) {
            0 => SetHostname { name: (*self.random.pick(&["t-one", "t-two"]).unwrap()).into(), lasting: !self.random.once_in(3) }.into(),
            1..=2 => SetSysctl { name, value }.into(),
            3..=4 => {
                let text = format!("# of a test\n{name} = {value}\n-net.ipv4.t_none=1\n net/ipv4/conf/lo/log_martians={value}\n");
                let owner = || "root".to_owned();
                WriteFile { path: file, source: Source::Bytes(text.into_bytes()), owner: owner(), group: owner(), mode: 0o644 }.into()
            }
            5 => {
                let key = self.random.once_in(2).then_some(name);
                LoadSysctls { file, key, ignore_missing: self.random.once_in(2) }.into()
            }
            _ => {
                let zone = (*self.random.pick(&["Europe/Berlin", "Etc/UTC", "No/Where"]).unwrap()).to_owned();
                SetTimeZone { zone }.into()
            }
        }
    }
}

/// Kernel parameters that a machine without a kernel of its own may set, and one that is missing.
const SYSCTLS: &[&str] = &["net.ipv4.conf.lo.log_martians", "net.ipv4.conf.lo.arp_filter", "net.ipv4.t_none"];

/// Everything that is looked at after a sequence.
pub fn queries(base: &str, area: Area) -> Vec<Query> {
    let mut queries = Vec::new();
    match area {
        Area::Files => {
            queries.extend([Stat::new(base).query(), Directory::new(base).query()]);
            for name in NAMES.iter().chain(&["c/d", "a/a", "b/b"]) {
                let path = format!("{base}/{name}");
                queries.extend([
                    Stat::new(&path).query(),
                    Stat::followed(&path).query(),
                    Digest::new(&path).query(),
                    Directory::new(&path).query(),
                    Status::new(&path, false).query(),
                ]);
            }
        }
        Area::Accounts => {
            queries.extend(USERS.iter().chain(&["t-own", "daemon"]).map(|name| User::new(*name).query()));
            queries.extend(GROUPS.iter().chain(USERS).chain(&["t-own", "daemon"]).map(|name| Group::new(*name).query()));
        }
        Area::Packages => {
            for (name, _) in PACKAGES {
                queries.extend([Installed::new(*name).query(), Selection::new(*name).query(), Package::new(*name).query()]);
            }
        }
        Area::Settings => {
            queries.extend(SYSCTLS.iter().map(|name| Sysctl::new(*name).query()));
            queries.extend([Hostname.query(), Stat::new("/etc/localtime").query(), Digest::new("/etc/hostname").query()]);
            queries.push(Digest::new(format!("{base}/own.conf")).query());
        }
        Area::UnitsAndMounts => {
            queries.extend(UNITS.iter().map(|name| Unit::new(*name).query()));
            queries.extend(UNITS.iter().map(|name| UnitEnabled::new(*name, UnitScope::System).query()));
            for name in ["m", "m/in", "n", "o", "n/in", "o/in"] {
                let path = format!("{base}/{name}");
                queries.extend([MountAt::new(&path).query(), Stat::new(&path).query()]);
            }
        }
    }
    queries
}

/// A reading with only what both kinds of machine know of it.
pub fn comparable(query: &Query, reading: &Reading) -> Reading {
    match reading {
        // the words differ
        Reading::Unknown { .. } => Reading::unknown(""),
        Reading::Present(Value::Array(entries)) if query.kind == "directory" => {
            // the names of copies and of temporary files are drawn
            let plain = |name: &str| match name.strip_suffix('~') {
                Some(copy) => copy.rsplitn(3, '.').last().unwrap_or_default().to_owned() + "~",
                None if name.starts_with(TEMPORARY) => TEMPORARY.to_owned(),
                None => name.to_owned(),
            };
            let mut entries: Vec<String> =
                entries.iter().map(|entry| format!("{} {}", plain(entry["name"].as_str().unwrap()), entry["kind"])).collect();
            entries.sort();
            // copies of one second have one name
            entries.dedup_by(|a, b| a == b && a.contains('~'));
            Reading::present(&entries)
        }
        Reading::Present(Value::Object(object)) if query.kind == "status" => {
            // only a time that was set is not today's
            let set = object["modified"].as_f64().filter(|time| [100_000_000.0, 200_000_000.0].contains(time));
            Reading::present(&set.filter(|_| object["kind"] == "file"))
        }
        Reading::Present(Value::Object(object)) => {
            let keep: &[&str] = match query.kind.as_str() {
                "unit" => &["load_state", "active_state", "unit_file_state"],
                "mount_at" => &["target", "type"],
                "unit_enabled" => &["word"],
                "package" => &["name", "version", "status", "held"],
                "sysctl" => &["value"],
                _ => return reading.clone(),
            };
            let object = object.iter().filter(|(key, _)| keep.contains(&key.as_str()));
            let mut object: serde_json::Map<_, _> = object.map(|(key, value)| (key.clone(), value.clone())).collect();
            if object.get("type").is_some_and(|kind| kind != "tmpfs") {
                // a bind mount shows what it is bound to
                object.insert("type".into(), Value::from("bind"));
            }
            Reading::Present(Value::Object(object))
        }
        other => other.clone(),
    }
}

/// The simulated machine as the real one is before the sequences.
pub fn prepare_simulated(world: &mut World, base: &str, passwd: &str, group: &str) {
    world.add_directory(base, 0o755);
    world.set_accounts(passwd, group);
    for unit in &UNITS[..2] {
        world.add_unit(unit);
    }
    for (name, versions) in PACKAGES.iter().filter(|(_, versions)| !versions.is_empty()) {
        let versions = versions.iter().map(|version| (*version).to_owned()).collect();
        world.catalogue().add(name, Entry { versions, ..Entry::default() });
    }
    for name in &SYSCTLS[..2] {
        world.add_sysctl(name, "0");
    }
    world.add_file("/etc/hostname", b"node\n", 0o644);
    world.add_link("/etc/localtime", "../usr/share/zoneinfo/Etc/UTC");
    world.add_directory("/usr/share/zoneinfo/Europe", 0o755);
    world.add_directory("/usr/share/zoneinfo/Etc", 0o755);
    for zone in ["Europe/Berlin", "Etc/UTC"] {
        world.add_file(&format!("/usr/share/zoneinfo/{zone}"), b"TZif", 0o644);
    }
}

/// The real machine before all sequences.
pub const PREPARE: &str = r#"
grep -q '^t-own:' /etc/passwd || useradd -u 1999 -M -s /bin/sh t-own || exit 1
for unit in t-one t-two; do
  printf '[Unit]\nDescription=%s\n[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' "$unit" >/usr/lib/systemd/system/$unit.service
done
systemctl daemon-reload
mkdir /root/accounts
cp -a /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/subuid /etc/subgid /root/accounts/
"#;

/// The real machine before each sequence: whatever the last one left goes.
pub fn reset(area: Area) -> &'static str {
    match area {
        Area::Files => "rm -rf /srv; mkdir -m 0755 /srv /srv/t",
        Area::Accounts => "cp -a /root/accounts/. /etc/; rm -rf /srv /home/t-*; mkdir -m 0755 /srv /srv/t",
        Area::Packages => {
            "apt-mark unhold hl-conf hl-tool hl-lib >/dev/null 2>&1
            dpkg --purge hl-conf hl-tool hl-lib >/dev/null 2>&1
            rm -f /etc/hl-conf.conf*"
        }
        Area::Settings => {
            "hostnamectl set-hostname node
            for name in log_martians arp_filter; do echo 0 >/proc/sys/net/ipv4/conf/lo/$name; done
            timedatectl set-timezone Etc/UTC
            rm -rf /srv; mkdir -m 0755 /srv /srv/t"
        }
        Area::UnitsAndMounts => {
            "systemctl -q unmask t-one.service t-two.service t-none.service 2>/dev/null
            systemctl -q stop t-one.service t-two.service 2>/dev/null
            systemctl -q disable t-one.service t-two.service 2>/dev/null
            for at in m/in m/in n o m m n o; do umount /srv/t/$at 2>/dev/null; done
            rm -rf /srv; mkdir -m 0755 /srv /srv/t"
        }
    }
}
