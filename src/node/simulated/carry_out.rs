//! Steps carried out in memory: the rest of them, and which is which.

use super::files::{Inode, Kind};
use super::packages::PackageAction;
use super::world::{LongAction, SimulatedUnit, Stop, World};
use crate::node::facts::{as_shown, with_slashes};
use crate::node::steps::{
    GrowFilesystem, LoadModule, LoadSysctls, MakeFilesystem, Mark, MarkPackages, Mount, NOT_SET, Remount, Remove, RemoveWhat,
    SelectPackage, SetSysctl, Step, UnitAction, UnitStep, UnloadModule, Unmount,
};

impl World {
    /// Carries out one step, as the shell function of its kind does.
    pub(super) fn carry_out(&mut self, step: &Step) -> Result<(), Stop> {
        match step {
            Step::WriteFile(step) => self.write_file(step),
            Step::Backup(step) => self.backup(step),
            Step::Validate(step) => self.validate(step),
            Step::SetTimes(step) => self.set_times(step),
            Step::Remove(step) => self.remove(step),
            Step::MakeTemporary(step) => self.make_temporary(step),
            Step::MakeDirectory(step) => self.make_directory(step),
            Step::SymbolicLink(step) => self.symbolic_link(step),
            Step::HardLink(step) => self.hard_link(step),
            Step::ChangeMode(step) => self.change_mode(step),
            Step::ChangeOwner(step) => self.change_owner(step),
            Step::ChangeFlags(step) => self.change_flags(step),
            Step::AddUser(step) => self.add_user(step),
            Step::ChangeUser(step) => self.change_user(step),
            Step::SetPassword(step) => self.set_password(step),
            Step::ChangeAging(step) => self.change_aging(step),
            Step::MakeHome(step) => self.make_home(step),
            Step::MakeSshKey(step) => self.make_ssh_key(step),
            Step::RemoveUser(step) => self.remove_user(step),
            Step::AddGroup(step) => self.add_group_step(step),
            Step::ChangeGroup(step) => self.change_group(step),
            Step::RemoveGroup(step) => self.remove_group(step),
            Step::Membership(step) => self.membership(step),
            Step::Install(_)
            | Step::RemovePackages(_)
            | Step::RefreshLists(_)
            | Step::TrySources(_)
            | Step::Apt(_)
            | Step::FinishInterrupted(_)
            | Step::LabelDisk(_)
            | Step::FormatPartition(_)
            | Step::NamePartition(_)
            | Step::WipeDisk(_) => {
                for action in Self::long_actions(step) {
                    self.long_action(&action)?;
                }
                Ok(())
            }
            Step::MarkPackages(step) => self.mark_packages(step),
            Step::MarkManual(step) => self.package_action(&PackageAction::Manual(step.names.clone())),
            Step::SelectPackage(step) => self.select_package(step),
            Step::Unit(step) => self.unit(step),
            Step::ChangeAptKeys(step) => self.change_apt_keys(step),
            Step::SetHostname(step) => self.set_hostname(step),
            Step::SetTimeZone(step) => self.set_time_zone(step),
            Step::SetHardwareClock(step) => self.set_hardware_clock(step),
            Step::SetSysctl(step) => self.set_sysctl(step),
            Step::LoadSysctls(step) => self.load_sysctls(step),
            Step::SwapOff(step) => {
                if self.tick()? {
                    self.swaps.remove(&step.path);
                }
                Ok(())
            }
            // a daemon that runs has set the clock by the end
            Step::WaitForSync(_) => {
                if self.tick()? {
                    self.synchronised = self.units.iter().any(|(name, unit)| unit.active && name != "silent.service");
                }
                Ok(())
            }
            Step::ConfigureKubeProxy(step) => self.configure_kube_proxy(step),
            Step::RollOutKubeProxy(step) => self.roll_out_kube_proxy(step),
            Step::ImportImages(step) => self.import_images(step),
            Step::PullImages(step) => self.pull_images(step),
            Step::ApplyObjects(step) => self.apply_objects(step),
            Step::WaitForObjects(step) => self.wait_for_objects(step),
            Step::CheckNetwork(step) => self.check_network(step),
            Step::LoadModule(step) => self.load_module(step),
            Step::UnloadModule(step) => self.unload_module(step),
            Step::Parted(step) => self.parted(step),
            Step::MakeFilesystem(step) => self.make_filesystem(step),
            Step::GrowFilesystem(step) => self.grow_filesystem(step),
            Step::Mount(step) => {
                let done = self.mount(step);
                if step.made && matches!(done, Err(Stop::Failed(_))) && self.mounted_at(&step.path).is_none() {
                    self.remove(&Remove { path: step.path.clone(), what: RemoveWhat::EmptyDirectory })?;
                }
                done
            }
            Step::Unmount(step) => self.unmount(step),
            Step::Remount(step) => self.remount(step),
            Step::Fetch(step) => self.fetch(step),
            // what a program or a server does and what is in an archive is known to nobody: it does nothing here
            Step::Run(_) | Step::Launch(_) | Step::Request(_) | Step::Unarchive(_) | Step::WaitFor(_) => self.tick().map(|_| ()),
            // a cluster is more than a machine: `cluster::membership` has a simulation of its own
            Step::PutMaterial(_) => self.tick().map(|_| ()),
            Step::Kubeadm(_)
            | Step::ResetNode(_)
            | Step::StaticPodFolder(_)
            | Step::MintJoin(_)
            | Step::HoldLease(_)
            | Step::RevokeJoins(_)
            | Step::GrantAdmin(_) => self.tick().map(|_| ()),
            Step::ApproveRequest(_) | Step::DeleteNode(_) | Step::RemoveMember(_) | Step::MarkNode(_) => self.tick().map(|_| ()),
        }
    }

    /// What a long step does, one thing after the other.
    pub(super) fn long_actions(step: &Step) -> std::collections::VecDeque<LongAction> {
        let packages = match step {
            Step::LabelDisk(_) | Step::FormatPartition(_) | Step::NamePartition(_) | Step::WipeDisk(_) => {
                return Self::disk_actions(step).into_iter().map(LongAction::Disk).collect();
            }
            Step::Install(step) => Self::install_actions(step),
            Step::RemovePackages(step) => Self::remove_actions(step),
            Step::Apt(step) => Self::apt_actions(step),
            Step::RefreshLists(_) => [PackageAction::Refresh].into(),
            _ => [PackageAction::Finish].into(),
        };
        packages.into_iter().map(LongAction::Package).collect()
    }

    pub(super) fn long_action(&mut self, action: &LongAction) -> Result<(), Stop> {
        match action {
            LongAction::Package(action) => self.package_action(action),
            LongAction::Disk(action) => self.disk_action(action),
        }
    }

    fn mark_packages(&mut self, step: &MarkPackages) -> Result<(), Stop> {
        for name in &step.names {
            if !self.packages.contains_key(name) {
                return Err(format!("dpkg-query: no packages found matching {name}").into());
            }
        }
        if self.tick()? {
            for name in &step.names {
                let hold = step.mark == Mark::Hold;
                if let Some(installed) = self.packages.get_mut(name).filter(|installed| installed.held != hold) {
                    installed.held = hold;
                    self.selections.remove(name);
                }
            }
        }
        Ok(())
    }

    fn select_package(&mut self, step: &SelectPackage) -> Result<(), Stop> {
        // dpkg only warns of a package that it does not know
        if self.tick()?
            && let Some(installed) = self.packages.get_mut(&step.name)
        {
            installed.held = step.selection == "hold";
            self.selections.insert(step.name.clone(), step.selection.clone());
        }
        Ok(())
    }

    fn unit(&mut self, step: &UnitStep) -> Result<(), Stop> {
        let Some(name) = &step.unit else { return self.tick().map(|_| ()) };
        let is_there = self.units.contains_key(name);
        match step.action {
            // systemctl: "does not exist, proceeding anyway"
            UnitAction::Mask if !is_there => {
                if self.tick()? {
                    let mask = SimulatedUnit { masked: true, is_only_a_mask: true, ..SimulatedUnit::default() };
                    self.units.insert(name.clone(), mask);
                }
                return Ok(());
            }
            UnitAction::Unmask if !is_there => return Ok(()),
            _ => {}
        }
        let Some(unit) = self.units.get(name).cloned() else { return Err(format!("Unit {name} not found.").into()) };
        let refused = match step.action {
            UnitAction::Disable => unit.is_only_a_mask,
            UnitAction::Start | UnitAction::Restart | UnitAction::Enable => unit.masked,
            // a unit that does not run has nothing to reload, and these have no way to
            UnitAction::Reload => true,
            _ => false,
        };
        if refused {
            return Err(format!("Failed to {:?} {name}.", step.action).into());
        }
        if self.tick()?
            && let Some(unit) = self.units.get_mut(name)
        {
            match step.action {
                UnitAction::Start | UnitAction::Restart => unit.active = true,
                UnitAction::Stop => unit.active = false,
                UnitAction::Enable => unit.enabled = true,
                UnitAction::Disable => unit.enabled = false,
                UnitAction::Mask => unit.masked = true,
                UnitAction::Unmask => unit.masked = false,
                UnitAction::Reload | UnitAction::DaemonReload | UnitAction::DaemonReexec => {}
            }
            if unit.is_only_a_mask && !unit.masked {
                self.units.remove(name);
            }
            if name == "containerd.service" && matches!(step.action, UnitAction::Start | UnitAction::Restart) {
                self.containerd_starts();
            }
        }
        Ok(())
    }

    fn set_sysctl(&mut self, step: &SetSysctl) -> Result<(), Stop> {
        let Some(name) = self.sysctl_named(&step.name) else {
            return Err(format!("there is no kernel parameter {}: is its module loaded?", step.name).into());
        };
        if self.tick()? {
            self.sysctls.insert(name, as_shown(&step.value));
        }
        Ok(())
    }

    fn load_sysctls(&mut self, step: &LoadSysctls) -> Result<(), Stop> {
        let content = self.content(&step.file).ok_or_else(|| format!("{}: No such file or directory", step.file))?;
        let is_own = |key: &str| step.key.as_deref().is_some_and(|own| with_slashes(own) == with_slashes(key));
        let mut failed = None;
        for line in String::from_utf8_lossy(&content).lines() {
            let line = line.trim();
            let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with(['#', ';'])) else { continue };
            let key = key.trim().trim_start_matches('-');
            match self.sysctl_named(key) {
                Some(name) => {
                    if self.tick()? {
                        self.sysctls.insert(name, as_shown(value.trim()));
                    }
                }
                None if is_own(key) && step.ignore_missing => {}
                None if is_own(key) => failed = Some(format!("there is no kernel parameter {key}: is its module loaded?")),
                None => self.said.extend(format!("{NOT_SET}{key}: there is none\n").into_bytes()),
            }
        }
        failed.map_or(Ok(()), |why| Err(why.into()))
    }

    /// What the kernel parameter is called here: dots and slashes are the same.
    pub(super) fn sysctl_named(&self, name: &str) -> Option<String> {
        self.sysctls.keys().find(|known| with_slashes(known) == with_slashes(name)).cloned()
    }

    fn load_module(&mut self, step: &LoadModule) -> Result<(), Stop> {
        // dashes and underscores are the same
        let name = step.name.replace('-', "_");
        if !self.available_modules.contains(&name) {
            return Err(format!("modprobe: FATAL: Module {} not found", step.name).into());
        }
        if self.tick()? {
            self.modules.insert(name);
        }
        Ok(())
    }

    fn unload_module(&mut self, step: &UnloadModule) -> Result<(), Stop> {
        let name = step.name.replace('-', "_");
        if !self.available_modules.contains(&name) {
            return Err(format!("modprobe: FATAL: Module {} not found.", step.name).into());
        }
        if self.tick()? {
            self.modules.remove(&name);
        }
        Ok(())
    }

    fn mounted_at(&self, path: &str) -> Option<usize> {
        let at = self.files.find(path, true).ok()?;
        // one directory may be bound to several places
        let is_there = |mounted: &&super::files::Mounted| mounted.root == at && self.files.find(&mounted.path, true) == Ok(at);
        let mounts = &self.files.mounts;
        let by_name = mounts.iter().rposition(|mounted| mounted.path == path && is_there(&mounted));
        by_name.or_else(|| mounts.iter().rposition(|mounted| is_there(&mounted)))
    }

    /// An image is what its text says.
    fn make_filesystem(&mut self, step: &MakeFilesystem) -> Result<(), Stop> {
        if let Some((index, number)) = self.device(&step.path) {
            return self.make_filesystem_on(step, index, number);
        }
        if !self.files.at(&step.path, true).is_ok_and(|inode| matches!(inode.kind, Kind::File(_))) {
            return Err(format!("{} is neither a block device nor a file", step.path).into());
        }
        if self.tick()? {
            let kind = step.program.strip_prefix("mkfs.").unwrap_or(if step.program == "mkswap" { "swap" } else { "LVM2_member" });
            let ino = self.files.find(&step.path, true)?;
            self.files.change(ino, |inode| inode.kind = Kind::File(kind.as_bytes().to_vec()))?;
        }
        Ok(())
    }

    /// Of a file; one that is smaller than it begins with that word.
    fn grow_filesystem(&mut self, step: &GrowFilesystem) -> Result<(), Stop> {
        let content = self.content(&step.path).ok_or_else(|| format!("{} is no file", step.path))?;
        if self.tick()? {
            let ino = self.files.find(&step.path, true)?;
            let whole = content.strip_prefix(b"small ").unwrap_or(&content).to_vec();
            self.files.change(ino, |inode| inode.kind = Kind::File(whole))?;
        }
        Ok(())
    }

    fn mount(&mut self, step: &Mount) -> Result<(), Stop> {
        if self.mounted_at(&step.path).is_some() {
            return Err(format!("something is mounted at {} already", step.path).into());
        }
        let bind = if step.options.split(',').any(|option| option == "bind") {
            let source = self.files.find(&step.source, true)?;
            if !self.files.get(source).is_some_and(Inode::is_directory) {
                return Err("mount point is not a directory".to_owned().into());
            }
            Some(source)
        } else if step.fstype == "tmpfs" {
            None
        } else if self.mountable(&step.source, &step.fstype).is_some() {
            if self.tick()? {
                // what is there when it is mounted, and not when it was looked at
                let device = self.mountable(&step.source, &step.fstype);
                let device = device.ok_or_else(|| Stop::Failed(format!("mount: {}: can't find {}.", step.path, step.source)))?;
                let options = self.mounted_options(&device, &step.options);
                self.files.mount(&step.path, &device, &step.fstype, &options, None)?;
            }
            return Ok(());
        } else if self.disks.is_empty() {
            return Err(format!("unknown filesystem type '{}'", step.fstype).into());
        } else {
            return Err(format!("mount: {}: can't find {}.", step.path, step.source).into());
        };
        if self.tick()? {
            self.files.mount(&step.path, &step.source, &step.fstype, &step.options, bind)?;
        }
        Ok(())
    }

    fn unmount(&mut self, step: &Unmount) -> Result<(), Stop> {
        let Some(index) = self.mounted_at(&step.path) else { return Err(format!("umount: {}: not mounted.", step.path).into()) };
        let root = self.files.mounts.get(index).map(|mounted| mounted.root);
        // something is mounted inside it
        let busy = self.files.mounts.iter().skip(index + 1).any(|mounted| {
            let above = mounted.path.rsplit_once('/').map_or("/", |(above, _)| above);
            self.files.find(above, true).ok() == root || mounted.path.starts_with(&format!("{}/", step.path))
        });
        if busy {
            return Err("umount: target is busy.".to_owned().into());
        }
        if self.tick()? {
            self.files.mounts.remove(index);
        }
        Ok(())
    }

    fn remount(&mut self, step: &Remount) -> Result<(), Stop> {
        let Some(index) = self.mounted_at(&step.path) else { return Err(format!("nothing is mounted at {}", step.path).into()) };
        let source = self.files.mounts.get(index).map(|mounted| mounted.source.clone()).unwrap_or_default();
        let shown = self.mounted_options(&source, &step.options);
        if self.tick()?
            && let Some(mounted) = self.files.mounts.get_mut(index)
        {
            mounted.options = if mounted.source.starts_with("/dev/") { shown } else { step.options.clone() };
        }
        Ok(())
    }

    /// A file's content, links followed.
    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        match self.files.at(path, true).map(|inode| &inode.kind) {
            Ok(Kind::File(content)) => Some(content.clone()),
            _ => None,
        }
    }

    /// The names in a directory.
    pub fn names(&self, path: &str) -> Vec<String> {
        self.files.names(path)
    }
}
