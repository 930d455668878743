//! Facts of a simulated machine.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256 as Hasher};

use super::files::{Errno, Inode, Kind};
use super::packages::{Installed, Progress};
use super::world::{SimulatedUnit, World};
use crate::node::facts::{
    Account, DebPackage, Downloaded, Enablement, Entry, FileContent, FileKind, FileLine, FileStat, FilesystemRoom, GroupEntry, Image,
    LoginUser, MemoryState, Mode, ModulePlace, ModuleState, Mount, NextModule, OperatingSystem, PackageManager, PackageState,
    PackageStatus, Password, Served, ServiceEntry, Sha256, ShadowEntry, SourcesFile, Swap, SwapUnit, SyncState, SysctlState, UnitState,
};
use crate::plan::{Query, Reading};

/// The node of a device, or udev's link to it.
pub(super) fn node_of_device(kind: FileKind, device: Option<(u32, u32)>) -> FileStat {
    let root = || Some("root".to_owned());
    FileStat { kind, mode: Mode(0o660), uid: 0, gid: 0, owner: root(), group: root(), size: None, target: None, device }
}

impl World {
    /// The answer to a query, as a real machine would give it.
    pub(super) fn answer(&self, query: &Query) -> Reading {
        let Some(subject) = query.args.first() else { return self.answer_without_subject(query) };
        if let Some(reading) = self.parted_device_fact(query, subject) {
            return reading;
        }
        match query.kind.as_str() {
            "stat" => self.stat(subject, false),
            "stat_followed" => self.stat(subject, true),
            "digest" => self.digest(subject),
            "content" => self.content_fact(subject, query.args.get(1).and_then(|bound| bound.parse().ok()).unwrap_or(0)),
            "directory" => self.directory(subject),
            "user" => self.user_fact(subject),
            "shadow" => self.shadow_fact(subject),
            "group" => self.group_fact(subject),
            "group_numbered" => match subject.parse().ok().and_then(|gid| self.accounts.name_of_gid(gid)) {
                Some(name) => self.group_fact(&name),
                None => Reading::Absent,
            },
            "package" => self.packages.get(subject).map_or(Reading::Absent, |installed| package(subject, installed)),
            "next_kernel_module" => {
                let has = (self.built_in_modules.contains(subject) || self.available_modules.contains(subject))
                    && !self.next_kernel_lacks.contains(subject);
                Reading::present(&NextModule { kernel: "6.2".into(), runs: self.next_kernel_lacks.is_empty(), has })
            }
            "swap_units" => self.swap_units(),
            "containerd" => self.containerd_fact(),
            "cri" => self.cri_fact(),
            "kube_proxy" => self.kube_proxy_fact(),
            "missing_images" => self.missing_images_fact(&query.args),
            "manifest_objects" => self.manifest_objects_fact(subject),
            "daemon_sets" => self.daemon_sets_fact(),
            "cluster_network" => self.cluster_network_fact(),
            "running_kube_proxy" => self.running_kube_proxy_fact(),
            "clock_sync" => Reading::present(&SyncState { synchronised: self.synchronised, by: "it".into() }),
            "services" => self.services_fact(),
            "installed" | "automatic" | "interrupted" | "selection" | "apt_lists" | "apt_names" | "apt_policy" | "apt_simulation"
            | "packages" => self.package_fact(query, subject),
            "unit" => self.unit_fact(subject),
            "unit_enabled" => self.unit_enabled(subject),
            "unit_properties" => self.unit_properties(query.args.get(1).map_or("", String::as_str)),
            "sysctl" => self.sysctl(subject),
            "lines_in" => self.lines_in(&query.args),
            "texts" => Reading::present(&query.args.iter().map(|path| self.text(path)).collect::<Vec<_>>()),
            "configuration_lines" => self.configuration_lines(&query.args),
            "module" => self.module(subject),
            "matches" => {
                if self.matches(subject) {
                    Reading::present(&true)
                } else {
                    Reading::Absent
                }
            }
            "mount_at" => self.mount_at(subject),
            "device_contents" | "device_use" | "parted" if self.disks.is_empty() && self.files.at(subject, true).is_err() => {
                Reading::Absent
            }
            "device_contents" | "device_use" | "blankness" | "root_names" | "filesystem_soundness" | "physical_volume" => {
                self.disk_fact(query, subject)
            }
            "wipe_mark" | "exclusive_open" | "lvm_group" => self.wipe_fact(query, subject),
            "image_contents" => match self.content(subject) {
                None if self.exists(subject) => Reading::unknown("no regular file"),
                None => Reading::Absent,
                Some(content) if content.iter().all(|byte| *byte == 0) => Reading::present(&Image::Zeros),
                Some(content) => Reading::present(&match String::from_utf8_lossy(&content).trim_start_matches("small ") {
                    kind @ ("ext4" | "swap" | "xfs" | "vfat") => Image::Is(kind.to_owned()),
                    _ => Image::Unknown,
                }),
            },
            "foretold_device" => Reading::Absent,
            "filesystem_extent" => match self.content(subject) {
                None => Reading::Absent,
                Some(content) => {
                    let filesystem = if content.starts_with(b"small ") { 1 << 20 } else { 2 << 20 };
                    Reading::present(&FilesystemRoom { filesystem, device: 2 << 20, block: 1024 })
                }
            },
            "listing" | "real_path" | "checksum" | "hard_links" | "tree" | "status" | "mime_type" | "file_flags" => {
                self.file_fact(query, subject)
            }
            // its time zone is UTC, and dates are not what it is for
            "download" => Reading::present(&match self.servers.get(subject) {
                Some(content) => Downloaded::Is(FileContent::from(content.clone())),
                None => Downloaded::Failed("HTTP Error 404".into()),
            }),
            // a package's file is the text of its fields
            "deb_at" => Reading::present(&match self.servers.get(subject) {
                Some(content) => DebPackage::read(&String::from_utf8_lossy(content)).map_or_else(Served::NoPackage, Served::Is),
                None => Served::Failed("HTTP Error 404".into()),
            }),
            "apt_keys" if self.has_apt_key => Reading::present(self.apt_keys.get(subject).unwrap_or(&Vec::new())),
            "apt_keys" => Reading::Absent,
            "saying" if subject == "full_name" => Reading::present(&self.hostname),
            "local_time" => Reading::present(
                &subject.bytes().filter(u8::is_ascii_digit).fold(0i64, |n, b| (n * 10 + i64::from(b - b'0')) % 4_000_000_000),
            ),
            other => Reading::unknown(format!("`{other}` is not simulated")),
        }
    }

    fn answer_without_subject(&self, query: &Query) -> Reading {
        match query.kind.as_str() {
            "apt_sources" => self.apt_sources(),
            "os_release" => {
                let (id, codename) = ("debian".to_owned(), Some("trixie".to_owned()));
                Reading::present(&OperatingSystem { id, codename, version_id: Some("13".into()), ..OperatingSystem::default() })
            }
            "umask" => Reading::present(&Mode(0o022)),
            "hostname" => Reading::present(&self.hostname),
            "block_devices" => self.block_devices(),
            "machine_id" => self.machine_id.as_ref().map_or(Reading::Absent, Reading::present),
            "swaps" => {
                let swap = |(path, size): (&String, &u64)| Swap { path: path.clone(), kind: "file".into(), size: *size, priority: -2 };
                Reading::present(&self.swaps.iter().map(swap).collect::<Vec<_>>())
            }
            "memory" => Reading::present(&MemoryState {
                total: 8 << 30,
                free: 1 << 30,
                available: 4 << 30,
                swap_total: self.swaps.values().sum(),
                swap_free: 0,
            }),
            "working_directory" => Reading::present(&"/root"),
            "environment" => Reading::present(&std::collections::BTreeMap::from([("HOME", "/root")])),
            "login" => {
                Reading::present(&LoginUser { user: "root".into(), uid: 0, group: "root".into(), gid: 0, groups: vec!["root".into()] })
            }
            other => Reading::unknown(format!("`{other}` is not simulated")),
        }
    }

    /// Whether anything matches; a pattern that is not absolute begins in `/`.
    fn matches(&self, pattern: &str) -> bool {
        let mut found = vec![String::new()];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            let is_pattern = part.contains(['*', '?', '[']);
            let Ok(glob) = glob::Pattern::new(part) else { return false };
            let below = |directory: &String| {
                let directory = directory.clone();
                let names =
                    if is_pattern { self.files.names(if directory.is_empty() { "/" } else { &directory }) } else { vec![part.to_owned()] };
                let fits = |name: &String| !is_pattern || (glob.matches(name) && (part.starts_with('.') || !name.starts_with('.')));
                names.into_iter().filter(fits).map(|name| format!("{directory}/{name}")).collect::<Vec<_>>()
            };
            found = found.iter().flat_map(below).filter(|path| self.files.at(path, false).is_ok()).collect();
        }
        !found.is_empty()
    }

    fn stat(&self, path: &str, follow: bool) -> Reading {
        match self.files.at(path, follow) {
            Ok(inode) => Reading::present(&self.file_stat(inode)),
            Err(_) if self.device(path).is_some() => {
                let kind = if follow || !path.starts_with("/dev/disk/") { FileKind::BlockDevice } else { FileKind::Link };
                Reading::present(&node_of_device(kind, None))
            }
            Err(errno) => unreadable(errno),
        }
    }

    fn file_stat(&self, inode: &Inode) -> FileStat {
        let kind = file_kind(&inode.kind);
        let (size, target) = match &inode.kind {
            Kind::File(content) => (Some(content.len() as u64), None),
            Kind::Link(target) => (None, Some(target.clone())),
            Kind::Directory(_) | Kind::Fifo => (None, None),
        };
        FileStat {
            kind,
            mode: Mode(inode.mode),
            uid: inode.uid,
            gid: inode.gid,
            owner: self.accounts.name_of_uid(inode.uid),
            group: self.accounts.name_of_gid(inode.gid),
            size,
            target,
            device: None,
        }
    }

    fn digest(&self, path: &str) -> Reading {
        match self.files.at(path, true).map(|inode| &inode.kind) {
            Ok(Kind::File(content)) => {
                let digest = Hasher::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
                Reading::present(&Sha256(digest))
            }
            Ok(_) => Reading::unknown("not a regular file"),
            Err(errno) => unreadable(errno),
        }
    }

    fn content_fact(&self, path: &str, bound: usize) -> Reading {
        match self.files.at(path, true).map(|inode| &inode.kind) {
            Ok(Kind::File(content)) if content.len() > bound => Reading::unknown("it has more bytes than are read"),
            Ok(Kind::File(content)) => Reading::present(&FileContent::from(content.clone())),
            Ok(_) => Reading::unknown("not a regular file"),
            Err(errno) => unreadable(errno),
        }
    }

    fn apt_sources(&self) -> Reading {
        if self.files.at("/etc/apt", true).is_err() {
            return Reading::Absent;
        }
        let parts = "/etc/apt/sources.list.d";
        let mut names = self.files.names(parts);
        names.sort();
        let parts =
            names.into_iter().filter(|name| name.ends_with(".list") && !name.starts_with('.')).map(|name| format!("{parts}/{name}"));
        let read = |path: String| {
            let content = String::from_utf8_lossy(&self.content(&path)?).into_owned();
            Some(SourcesFile { path, lines: content.lines().map(str::to_owned).collect() })
        };
        Reading::present(&["/etc/apt/sources.list".to_owned()].into_iter().chain(parts).filter_map(read).collect::<Vec<_>>())
    }

    fn directory(&self, path: &str) -> Reading {
        match self.files.at(path, true).map(|inode| &inode.kind) {
            Ok(Kind::Directory(entries)) => {
                let entry = |(name, ino): (&String, &u64)| {
                    let kind = self.files.get(*ino).map(|inode| file_kind(&inode.kind))?;
                    Some(Entry { name: name.clone(), kind })
                };
                Reading::present(&entries.iter().filter_map(entry).collect::<Vec<_>>())
            }
            Ok(_) => Reading::unknown("not a directory"),
            Err(errno) => unreadable(errno),
        }
    }

    fn group_fact(&self, name: &str) -> Reading {
        let Some(group) = self.accounts.group(name) else { return Reading::Absent };
        Reading::present(&GroupEntry { name: group.name.clone(), gid: group.gid, members: group.members.clone() })
    }

    fn shadow_fact(&self, name: &str) -> Reading {
        let Some(user) = self.accounts.user(name) else { return Reading::Absent };
        let aging = user.aging;
        Reading::present(&ShadowEntry {
            digest: Hasher::digest(user.hash.trim_start_matches('!')).iter().map(|byte| format!("{byte:02x}")).collect(),
            locked: user.hash.starts_with('!'),
            min: aging.min,
            max: aging.max,
            warn: aging.warn,
            inactive: aging.inactive,
            expires: aging.expires,
        })
    }

    fn unit_fact(&self, name: &str) -> Reading {
        let Some(unit) = self.units.get(name) else { return Reading::Absent };
        let file = if unit.masked {
            "masked"
        } else if unit.enabled {
            "enabled"
        } else {
            "disabled"
        };
        Reading::present(&UnitState {
            name: name.into(),
            load_state: if unit.masked { "masked" } else { "loaded" }.into(),
            load_error: None,
            active_state: if unit.active { "active" } else { "inactive" }.into(),
            sub_state: if unit.active { "running" } else { "dead" }.into(),
            unit_file_state: Some(file.into()),
            fragment_path: Some(format!("/usr/lib/systemd/system/{name}")),
            drop_in_paths: None,
            need_daemon_reload: false,
            description: name.into(),
        })
    }

    fn unit_enabled(&self, name: &str) -> Reading {
        let Some(unit) = self.units.get(name) else { return Reading::Absent };
        let word = if unit.masked {
            "masked"
        } else if unit.enabled {
            "enabled"
        } else {
            "disabled"
        };
        Reading::present(&Enablement { word: word.into(), links: Vec::new() })
    }

    fn swap_units(&self) -> Reading {
        let unit = |(name, unit): (&String, &SimulatedUnit)| SwapUnit {
            name: name.clone(),
            load_state: if unit.masked { "masked" } else { "loaded" }.into(),
            active_state: if unit.active { "active" } else { "inactive" }.into(),
            unit_file_state: Some(
                if !name.starts_with("own") {
                    "generated"
                } else if unit.enabled {
                    "enabled"
                } else {
                    "disabled"
                }
                .into(),
            ),
            fragment_path: Some(format!(
                "{}/{name}",
                if name.starts_with("own") { "/etc/systemd/system" } else { "/run/systemd/generator" }
            )),
            source_path: None,
        };
        Reading::present(&self.units.iter().filter(|(name, _)| name.ends_with(".swap")).map(unit).collect::<Vec<_>>())
    }

    fn services_fact(&self) -> Reading {
        let entry = |(name, unit): (&String, &SimulatedUnit)| {
            let state = if unit.active { "running" } else { "stopped" };
            let status = if unit.masked { "masked" } else { "enabled" };
            (name.clone(), ServiceEntry { name: name.clone(), state: state.into(), source: "systemd".into(), status: Some(status.into()) })
        };
        Reading::present(&self.units.iter().map(entry).collect::<BTreeMap<_, _>>())
    }

    fn unit_properties(&self, name: &str) -> Reading {
        let (load, active) = match self.units.get(name) {
            Some(unit) => (if unit.masked { "masked" } else { "loaded" }, if unit.active { "active" } else { "inactive" }),
            None => ("not-found", "inactive"),
        };
        Reading::present(&BTreeMap::from([("Id", name), ("LoadState", load), ("ActiveState", active)]))
    }

    fn sysctl(&self, name: &str) -> Reading {
        let value = self.sysctl_named(name).and_then(|name| self.sysctls.get(&name).cloned());
        let mut state = SysctlState { value, configured: None, settings: Vec::new(), not_read: Vec::new() };
        for directory in ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"] {
            for file in self.files.names(directory) {
                let path = format!("{directory}/{file}");
                if let Some(content) = self.content(&path) {
                    state = state.with_file(name, &path, &String::from_utf8_lossy(&content));
                }
            }
        }
        if let Some(content) = self.content("/etc/sysctl.conf") {
            state = state.with_file(name, "/etc/sysctl.conf", &String::from_utf8_lossy(&content));
        }
        if state == (SysctlState { value: None, configured: None, settings: Vec::new(), not_read: Vec::new() }) {
            return Reading::Absent;
        }
        Reading::present(&state)
    }

    fn lines_in(&self, paths: &[String]) -> Reading {
        let mut lines = Vec::new();
        for path in paths {
            let mut names = self.files.names(path);
            names.sort();
            let files =
                if self.content(path).is_some() { vec![path.clone()] } else { names.iter().map(|name| format!("{path}/{name}")).collect() };
            for file in files {
                let Some(content) = self.content(&file) else { continue };
                for (line, text) in (1..).zip(String::from_utf8_lossy(&content).lines()) {
                    lines.push(FileLine { file: file.clone(), line, text: text.to_owned() });
                }
            }
        }
        Reading::present(&lines)
    }

    fn configuration_lines(&self, directories: &[String]) -> Reading {
        let mut files: Vec<String> = Vec::new();
        for directory in directories {
            let mut names = self.files.names(directory);
            names.sort();
            for name in names.iter().filter(|name| name.ends_with(".conf")) {
                if !files.iter().any(|file| file.rsplit('/').next() == Some(name)) {
                    files.push(format!("{directory}/{name}"));
                }
            }
        }
        self.lines_in(&files)
    }

    fn module(&self, name: &str) -> Reading {
        if self.built_in_modules.contains(name) {
            return Reading::present(&ModuleState { state: ModulePlace::BuiltIn });
        }
        let state = match (self.modules.contains(name), self.available_modules.contains(name)) {
            (true, _) => ModulePlace::Loaded,
            (false, true) => ModulePlace::Available,
            (false, false) => return Reading::Absent,
        };
        Reading::present(&ModuleState { state })
    }

    fn mount_at(&self, path: &str) -> Reading {
        let Some(mounted) = self.files.mounts.iter().rev().find(|mounted| mounted.path == path) else { return Reading::Absent };
        Reading::present(&Mount {
            target: path.into(),
            source: mounted.source.clone(),
            kind: mounted.fstype.clone(),
            options: mounted.options.split(',').filter(|option| !option.is_empty()).map(str::to_owned).collect(),
            filesystem_options: Vec::new(),
            root: "/".into(),
        })
    }

    fn user_fact(&self, name: &str) -> Reading {
        let Some(user) = self.accounts.user(name) else { return Reading::Absent };
        let groups = self.accounts.groups.iter().filter(|group| group.members.iter().any(|member| member == name));
        Reading::present(&Account {
            name: user.name.clone(),
            uid: user.uid,
            gid: user.gid,
            group: self.accounts.name_of_gid(user.gid),
            groups: groups.map(|group| group.name.clone()).collect(),
            comment: user.comment.clone(),
            home: user.home.clone(),
            shell: user.shell.clone(),
            password: match user.hash.as_str() {
                "" => Password::Empty,
                hash if hash.starts_with(['!', '*']) => Password::Locked,
                _ => Password::Set,
            },
        })
    }
}

/// A path that leads nowhere, or in a circle, is absent; one that cannot be walked is unknown.
pub(super) fn unreadable(errno: Errno) -> Reading {
    match errno {
        Errno::Missing | Errno::NotDirectory | Errno::Loop => Reading::Absent,
        other => Reading::unknown(format!("{other:?}")),
    }
}

pub(super) fn file_kind(kind: &Kind) -> FileKind {
    match kind {
        Kind::File(_) => FileKind::File,
        Kind::Directory(_) => FileKind::Directory,
        Kind::Link(_) => FileKind::Link,
        Kind::Fifo => FileKind::Fifo,
    }
}

fn package(name: &str, installed: &Installed) -> Reading {
    let status = match installed.progress {
        Progress::Unpacked => PackageStatus::Unpacked,
        Progress::HalfConfigured => PackageStatus::HalfConfigured,
        Progress::Configured => PackageStatus::Installed,
        Progress::Removed => PackageStatus::ConfigFiles,
    };
    Reading::present(&PackageState {
        name: name.into(),
        version: (installed.progress != Progress::Removed).then(|| installed.version.clone()),
        status,
        held: Some(installed.held),
        architecture: "amd64".into(),
        manager: PackageManager::Dpkg,
    })
}
