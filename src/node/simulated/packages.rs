//! A small catalogue of packages, and what installing one does.

use std::collections::{BTreeMap, VecDeque};

use super::files::Kind;
use super::world::{SimulatedUnit, Stop, World};
use crate::node::steps::{Apt, Fate, Install, LISTS_RENEWED, RemovePackages};

/// What can be installed.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    pub(super) entries: BTreeMap<String, Entry>,
}

/// A package that can be installed.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// Its versions, the newest last.
    pub versions: Vec<String>,
    /// Files it brings, with their contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// Users that its scripts make.
    pub users: Vec<(String, u32)>,
    /// Units it brings; its scripts start them.
    pub units: Vec<String>,
    /// Packages that come along with it, each with its version.
    pub brings: Vec<(String, String)>,
}

impl Catalogue {
    /// Adds a package.
    pub fn add(&mut self, name: &str, entry: Entry) {
        self.entries.insert(name.into(), entry);
    }
}

/// How far a package is, dpkg(1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Unpacked,
    HalfConfigured,
    Configured,
    /// Removed, its configuration left.
    Removed,
}

/// A package on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installed {
    pub(super) version: String,
    pub(super) progress: Progress,
    pub(super) held: bool,
}

impl Installed {
    /// The machine went down.
    pub(super) fn interrupted(&mut self) {
        if self.progress == Progress::Unpacked {
            self.progress = Progress::HalfConfigured;
        }
    }
}

/// One thing that a package manager does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PackageAction {
    /// Finds the packages and their versions, or fails before anything is changed.
    Resolve(Vec<(String, Option<String>)>),
    /// Refuses what would change a package that is held, or bring an older version that was not allowed.
    MayInstall(Vec<(String, Option<String>)>, bool),
    /// Refuses to remove what nobody knows or what is held.
    MayRemove(Vec<String>),
    /// `dpkg --configure -a`.
    Finish,
    Unpack(String, Option<String>),
    /// Runs its scripts: users, units.
    Scripts(String),
    Configured(String),
    Remove {
        name: String,
        purge: bool,
    },
    /// `apt-mark manual`
    Manual(Vec<String>),
    /// `apt-get update`
    Refresh,
}

impl World {
    pub(super) fn install_actions(step: &Install) -> VecDeque<PackageAction> {
        let wanted: Vec<_> = step.packages.iter().map(|wanted| (wanted.name.clone(), wanted.version.clone())).collect();
        let may = PackageAction::MayInstall(wanted.clone(), step.allow_downgrade);
        let mut actions = VecDeque::from([PackageAction::Finish, PackageAction::Resolve(wanted.clone()), may]);
        actions.extend(wanted.iter().map(|(name, version)| PackageAction::Unpack(name.clone(), version.clone())));
        for (name, _) in wanted {
            actions.extend([PackageAction::Scripts(name.clone()), PackageAction::Configured(name)]);
        }
        actions
    }

    pub(super) fn apt_actions(step: &Apt) -> VecDeque<PackageAction> {
        let mut actions = VecDeque::from([PackageAction::Finish]);
        let exact = |fate: &Fate| matches!(fate, Fate::Installed(_));
        let wanted = step.fates.iter().filter(|(_, fate)| exact(fate)).map(|(name, fate)| match fate {
            Fate::Installed(version) => (name.clone(), version.clone()),
            _ => (name.clone(), None),
        });
        let wanted: Vec<_> = wanted.collect();
        actions.push_back(PackageAction::Resolve(wanted.clone()));
        for (name, fate) in step.fates.iter().filter(|(_, fate)| !exact(fate)) {
            actions.push_back(PackageAction::Remove { name: name.clone(), purge: *fate == Fate::Purged });
        }
        actions.extend(wanted.iter().map(|(name, version)| PackageAction::Unpack(name.clone(), version.clone())));
        for (name, _) in wanted {
            actions.extend([PackageAction::Scripts(name.clone()), PackageAction::Configured(name)]);
        }
        actions.push_back(PackageAction::Manual(step.manual.clone()));
        actions
    }

    pub(super) fn remove_actions(step: &RemovePackages) -> VecDeque<PackageAction> {
        let remove = step.names.iter().map(|name| PackageAction::Remove { name: name.clone(), purge: step.purge });
        [PackageAction::Finish, PackageAction::MayRemove(step.names.clone())].into_iter().chain(remove).collect()
    }

    pub(super) fn package_action(&mut self, action: &PackageAction) -> Result<(), Stop> {
        if !self.tick()? {
            return Ok(());
        }
        match action {
            PackageAction::Finish => {
                let half: Vec<String> = self
                    .packages
                    .iter()
                    .filter(|(_, installed)| matches!(installed.progress, Progress::HalfConfigured | Progress::Unpacked))
                    .map(|(name, _)| name.clone())
                    .collect();
                for name in half {
                    self.run_scripts(&name);
                    self.set_progress(&name, Progress::Configured);
                }
            }
            PackageAction::Resolve(wanted) => {
                for (name, version) in wanted {
                    let Some(entry) = self.catalogue.entries.get(name) else {
                        return Err(format!("Unable to locate package {name}").into());
                    };
                    if let Some(version) = version
                        && !entry.versions.contains(version)
                    {
                        return Err(format!("Version '{version}' for '{name}' was not found").into());
                    }
                }
            }
            PackageAction::MayInstall(wanted, downgrade) => {
                for (name, version) in wanted {
                    self.may_install(name, version.as_deref(), *downgrade)?;
                }
            }
            PackageAction::MayRemove(names) => {
                for name in names {
                    match self.packages.get(name) {
                        Some(one) if one.held && one.progress != Progress::Removed => {
                            return Err("Held packages were changed".to_owned().into());
                        }
                        None if !self.catalogue.entries.contains_key(name) => return Err(format!("Unable to locate package {name}").into()),
                        _ => {}
                    }
                }
            }
            PackageAction::Unpack(name, version) => {
                let Some(entry) = self.catalogue.entries.get(name).cloned() else { return Ok(()) };
                let version = version.clone().or_else(|| entry.versions.last().cloned()).unwrap_or_default();
                let held = self.packages.get(name).is_some_and(|installed| installed.held);
                for (path, content) in entry.files {
                    // dpkg writes beside the file, syncs and renames too
                    let new = format!("{path}.dpkg-new");
                    let _ = self.files.unlink(&new);
                    if let Ok(ino) = self.files.create(&new, Kind::File(content), 0o644) {
                        self.files.sync(ino);
                        let _ = self.files.rename(&new, &path);
                    }
                }
                self.files.sync_all();
                if self.packages.get(name).is_none_or(|is| is.progress == Progress::Removed || is.version != version) {
                    self.selections.remove(name);
                }
                self.packages.insert(name.clone(), Installed { version, progress: Progress::Unpacked, held });
            }
            PackageAction::Manual(names) => self.automatic.retain(|name| !names.contains(name)),
            PackageAction::Refresh => {
                let before = self.lists_time;
                self.lists_time = i64::try_from(self.clock / 1000).unwrap_or(i64::MAX).max(before + 1);
                self.said = format!("{LISTS_RENEWED}{before} {}\n", self.lists_time).into_bytes();
            }
            PackageAction::Scripts(name) => self.run_scripts(name),
            PackageAction::Configured(name) => self.set_progress(name, Progress::Configured),
            PackageAction::Remove { name, purge } => {
                let entry = self.catalogue.entries.get(name).cloned().unwrap_or_default();
                for (path, _) in entry.files {
                    let _ = self.files.unlink(&path);
                }
                for unit in entry.units {
                    self.units.remove(&unit);
                }
                self.files.sync_all();
                self.automatic.remove(name);
                if *purge || self.packages.get(name).is_some_and(|is| is.progress != Progress::Removed) {
                    self.selections.remove(name);
                }
                if *purge {
                    self.packages.remove(name);
                } else {
                    self.set_progress(name, Progress::Removed);
                }
            }
        }
        Ok(())
    }

    fn may_install(&self, name: &str, version: Option<&str>, downgrade: bool) -> Result<(), Stop> {
        let (Some(is), Some(entry)) = (self.packages.get(name), self.catalogue.entries.get(name)) else { return Ok(()) };
        let new = version.or(entry.versions.last().map(String::as_str)).unwrap_or_default();
        let is_there = is.progress != Progress::Removed;
        if is.held && !(is_there && is.version == new) {
            return Err("Held packages were changed and -y was used without --allow-change-held-packages".to_owned().into());
        }
        let place = |version: &str| entry.versions.iter().position(|known| known == version);
        if is_there && !downgrade && place(new) < place(&is.version) {
            return Err("Packages were downgraded and -y was used without --allow-downgrades".to_owned().into());
        }
        Ok(())
    }

    /// Adds a package that is installed, perhaps for others' sake, before anything happens.
    pub fn add_package(&mut self, name: &str, version: &str, automatic: bool) {
        self.packages.insert(name.into(), Installed { version: version.into(), progress: Progress::Configured, held: false });
        if automatic {
            self.automatic.insert(name.into());
        }
    }

    /// Leaves the package half installed, before anything happens.
    pub fn interrupt_package(&mut self, name: &str) {
        self.set_progress(name, Progress::HalfConfigured);
    }

    /// Removes the package but for its configuration, before anything happens.
    pub fn leave_configuration(&mut self, name: &str) {
        self.set_progress(name, Progress::Removed);
        self.automatic.remove(name);
    }

    /// Holds the package, before anything happens.
    pub fn hold_package(&mut self, name: &str) {
        if let Some(installed) = self.packages.get_mut(name) {
            installed.held = true;
        }
    }

    fn set_progress(&mut self, name: &str, progress: Progress) {
        if let Some(installed) = self.packages.get_mut(name) {
            installed.progress = progress;
        }
    }

    fn run_scripts(&mut self, name: &str) {
        let entry = self.catalogue.entries.get(name).cloned().unwrap_or_default();
        for (user, id) in entry.users {
            if self.accounts.user(&user).is_none() {
                self.add_account(&user, id);
            }
        }
        for (name, version) in entry.brings {
            if !self.packages.contains_key(&name) {
                self.add_package(&name, &version, true);
            }
        }
        for unit in entry.units {
            self.units.entry(unit).or_insert(SimulatedUnit { active: true, enabled: true, masked: false, is_only_a_mask: false });
        }
    }
}
