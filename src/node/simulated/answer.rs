//! Facts of a simulated machine.

use sha2::{Digest as _, Sha256 as Hasher};

use super::files::{Errno, Inode, Kind};
use super::packages::{Installed, Progress};
use super::world::World;
use crate::node::facts::{
    Account, Entry, FileContent, FileKind, FileStat, GroupEntry, Mode, ModulePlace, ModuleState, Mount, PackageManager, PackageState,
    PackageStatus, Password, Sha256, SysctlState, UnitState,
};
use crate::plan::{Query, Reading};

impl World {
    /// The answer to a query, as a real machine would give it.
    pub(super) fn answer(&self, query: &Query) -> Reading {
        let Some(subject) = query.args.first() else { return Reading::unknown("no argument") };
        match query.kind.as_str() {
            "stat" => self.stat(subject, false),
            "stat_followed" => self.stat(subject, true),
            "digest" => self.digest(subject),
            "content" => self.content_fact(subject, query.args.get(1).and_then(|bound| bound.parse().ok()).unwrap_or(0)),
            "directory" => self.directory(subject),
            "user" => self.user_fact(subject),
            "group" => self.group_fact(subject),
            "package" => self.packages.get(subject).map_or(Reading::Absent, |installed| package(subject, installed)),
            "unit" => self.unit_fact(subject),
            "sysctl" => self.sysctl(subject),
            "module" => self.module(subject),
            "mount_at" => self.mount_at(subject),
            other => Reading::unknown(format!("`{other}` is not simulated")),
        }
    }

    fn stat(&self, path: &str, follow: bool) -> Reading {
        match self.files.at(path, follow) {
            Ok(inode) => Reading::present(&self.file_stat(inode)),
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
            active_state: if unit.active { "active" } else { "inactive" }.into(),
            sub_state: if unit.active { "running" } else { "dead" }.into(),
            unit_file_state: Some(file.into()),
            fragment_path: Some(format!("/etc/systemd/system/{name}")),
            drop_in_paths: None,
            need_daemon_reload: false,
            description: name.into(),
        })
    }

    fn sysctl(&self, name: &str) -> Reading {
        match self.sysctls.get(name) {
            None => Reading::Absent,
            Some(value) => {
                let value = Some(value.clone());
                Reading::present(&SysctlState { value, configured: None, settings: Vec::new(), not_read: Vec::new() })
            }
        }
    }

    fn module(&self, name: &str) -> Reading {
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

/// A path that leads nowhere is absent; one that cannot be walked is unknown.
fn unreadable(errno: Errno) -> Reading {
    match errno {
        Errno::Missing | Errno::NotDirectory => Reading::Absent,
        other => Reading::unknown(format!("{other:?}")),
    }
}

fn file_kind(kind: &Kind) -> FileKind {
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
