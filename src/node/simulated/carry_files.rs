//! Steps on files, in the same micro-actions and the same order as the shell functions of [`crate::node::steps`].

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::files::{Errno, Inode, Kind};
use super::world::{Stop, World};
use crate::node::steps::{ChangeMode, ChangeOwner, Fetch, HardLink, MakeDirectory, Remove, RemoveWhat, Source, SymbolicLink, WriteFile};

pub(super) fn sha256_of(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl World {
    pub(super) fn is_directory(&self, path: &str) -> bool {
        self.files.at(path, true).is_ok_and(Inode::is_directory)
    }

    /// `[ -L path ]`
    pub(crate) fn is_link(&self, path: &str) -> bool {
        self.files.at(path, false).is_ok_and(Inode::is_link)
    }

    /// `[ -e path ]`
    pub fn exists(&self, path: &str) -> bool {
        self.files.at(path, true).is_ok()
    }

    /// The directory and the beginning of our temporary names for a path; what an earlier run left of them is removed.
    pub(super) fn temporary(&mut self, path: &str) -> Result<String, Stop> {
        let (directory, base) = path.rsplit_once('/').unwrap_or(("", path));
        let cut = (0..=base.len().min(200)).rev().find(|at| base.is_char_boundary(*at)).unwrap_or(0);
        let prefix = format!(".{}.homelabctl-", base.get(..cut).unwrap_or_default());
        for name in self.files.names(if directory.is_empty() { "/" } else { directory }) {
            let old = format!("{directory}/{name}");
            let ours = name.strip_prefix(&prefix).is_some_and(|rest| rest.len() == 6);
            if ours && self.tick()? {
                self.files.unlink(&old)?;
            }
        }
        let mark = self.random.number() % 1_000_000;
        Ok(format!("{directory}/{prefix}{mark:06}"))
    }

    /// A content on a channel of its own: the file that it stands in, and its digest.
    pub(super) fn upload(&mut self, directory: &str, near: &str, content: Vec<u8>) -> Result<(String, String), Stop> {
        let prefix = format!(".{near}.homelabctl-upload-");
        for name in self.files.names(if directory.is_empty() { "/" } else { directory }) {
            if name.strip_prefix(&prefix).is_some_and(|rest| rest.len() == 6) && self.tick()? {
                self.files.unlink(&format!("{directory}/{name}"))?;
            }
        }
        let path = format!("{directory}/{prefix}{:06}", self.random.number() % 1_000_000);
        let digest = sha256_of(&content);
        if self.tick()? {
            let ino = self.files.create(&path, Kind::File(Vec::new()), 0o600)?;
            let half = content.get(..content.len() / 2).unwrap_or_default().to_vec();
            for content in [half, content] {
                if self.tick()? {
                    self.files.change(ino, |inode| inode.kind = Kind::File(content))?;
                }
            }
        }
        Ok((path, digest))
    }

    pub(super) fn remove_temporary(&mut self, new: &str) -> Result<(), Stop> {
        if self.tick()? {
            match self.files.unlink(new) {
                Ok(()) | Err(Errno::Missing) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    pub(super) fn sync_directory_of(&mut self, path: &str) -> Result<(), Stop> {
        if self.tick()?
            && let Ok((directory, _)) = self.files.parent(path)
        {
            self.files.sync(directory);
        }
        Ok(())
    }

    /// chown(1) by name or number; chown(2) clears a regular file's set-id bits.
    pub(super) fn chown(&mut self, ino: u64, owner: Option<&str>, group: Option<&str>) -> Result<(), Stop> {
        let uid = owner.map(|owner| self.accounts.uid_of(owner)).transpose()?;
        let gid = group.map(|group| self.accounts.gid_of(group)).transpose()?;
        self.files.change(ino, |inode| {
            inode.uid = uid.unwrap_or(inode.uid);
            inode.gid = gid.unwrap_or(inode.gid);
            if inode.is_file() {
                inode.mode &= !0o4000;
                if inode.mode & 0o010 != 0 {
                    inode.mode &= !0o2000;
                }
            }
        })?;
        Ok(())
    }

    pub(super) fn write_file(&mut self, step: &WriteFile) -> Result<(), Stop> {
        let path = &step.path;
        if self.is_directory(path) && !self.is_link(path) {
            return Err(format!("{path} is a directory").into());
        }
        if self.exists(path) && !self.files.at(path, true).is_ok_and(Inode::is_file) && !self.is_link(path) {
            return Err(format!("{path} is neither a file nor a link").into());
        }
        let new = self.temporary(path)?;
        let ino = if self.tick()? { self.files.create(&new, Kind::File(Vec::new()), 0o600)? } else { 0 };
        match self.fill_and_rename(step, &new, ino) {
            Ok(()) => self.sync_directory_of(path),
            Err(Stop::Cut) => Err(Stop::Cut),
            Err(failed) => {
                self.remove_temporary(&new)?;
                Err(failed)
            }
        }
    }

    /// What servers have is known; what an algorithm other than SHA-256 says is not looked at.
    pub(super) fn fetch(&mut self, step: &Fetch) -> Result<(), Stop> {
        let Some(content) = self.servers.get(&step.request.url).cloned() else {
            return Err("Request failed: status 404".to_owned().into());
        };
        if let Some((algorithm, digest)) = &step.checksum
            && algorithm == "sha256"
            && step.checksum_list.is_none()
            && sha256_of(&content) != *digest
        {
            return Err(format!("The checksum for what was fetched did not match {digest}.").into());
        }
        if self.content(&step.path).is_some_and(|there| there == content) {
            return self.tick().map(|_| ());
        }
        self.write_file(&WriteFile {
            path: step.path.clone(),
            source: Source::Bytes(content),
            owner: step.owner.clone(),
            group: step.group.clone(),
            mode: step.mode,
        })
    }

    fn fill_and_rename(&mut self, step: &WriteFile, new: &str, mut ino: u64) -> Result<(), Stop> {
        match &step.source {
            Source::Bytes(bytes) => {
                let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
                for content in [half, bytes] {
                    if self.tick()? {
                        self.files.change(ino, |inode| inode.kind = Kind::File(content.to_vec()))?;
                    }
                }
            }
            Source::Local { path, .. } => return Err(format!("{path} was not uploaded").into()),
            Source::Copied { path, sha256 } => {
                let content = self.content(path).ok_or(Errno::Missing)?;
                let half = content.get(..content.len() / 2).unwrap_or_default().to_vec();
                for content in [half, content.clone()] {
                    if self.tick()? {
                        self.files.change(ino, |inode| inode.kind = Kind::File(content))?;
                    }
                }
                if self.tick()? && sha256_of(&content) != *sha256 {
                    return Err(format!("{path} is not what was copied").into());
                }
            }
            Source::Staged { path, sha256 } => {
                if self.tick()? {
                    self.files.rename(path, new)?;
                    ino = self.files.find(new, false)?;
                }
                if self.tick()? {
                    let Some(Kind::File(content)) = self.files.get(ino).map(|inode| &inode.kind) else { return Err(Errno::Invalid.into()) };
                    if sha256_of(content) != *sha256 {
                        return Err(format!("{path} is not what was uploaded").into());
                    }
                }
            }
        }
        if self.tick()? {
            self.chown(ino, Some(&step.owner), Some(&step.group))?;
        }
        if self.tick()? {
            self.files.change(ino, |inode| inode.mode = step.mode & 0o7777)?;
        }
        if self.tick()? {
            self.files.sync(ino);
        }
        if self.tick()? {
            self.files.rename(new, &step.path)?;
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, step: &Remove) -> Result<(), Stop> {
        let path = &step.path;
        if !self.exists(path) && !self.is_link(path) {
            return Ok(());
        }
        let is_directory = self.files.at(path, false).is_ok_and(Inode::is_directory);
        match step.what {
            RemoveWhat::File if is_directory => Err(Errno::IsDirectory.into()),
            RemoveWhat::EmptyDirectory if !is_directory => Err(Errno::NotDirectory.into()),
            RemoveWhat::File | RemoveWhat::EmptyDirectory => {
                if self.tick()? {
                    self.files.unlink(path)?;
                }
                Ok(())
            }
            RemoveWhat::Tree => {
                if self.files.is_mounted_at_or_below(path) {
                    return Err(format!("{path}: not removed, something is mounted there").into());
                }
                self.remove_tree(path)
            }
        }
    }

    pub(super) fn remove_tree(&mut self, path: &str) -> Result<(), Stop> {
        if self.files.at(path, false).is_ok_and(Inode::is_directory) {
            for name in self.files.names(path) {
                self.remove_tree(&format!("{path}/{name}"))?;
            }
        }
        if self.tick()? {
            self.files.unlink(path)?;
        }
        Ok(())
    }

    pub(super) fn make_directory(&mut self, step: &MakeDirectory) -> Result<(), Stop> {
        let path = &step.path;
        if step.parents {
            let above = path.rsplit_once('/').map_or("", |(above, _)| above);
            let ends = above.match_indices('/').map(|(at, _)| at).skip(1).chain([above.len()]);
            for part in ends.filter_map(|end| above.get(..end)).filter(|part| !part.is_empty()) {
                if self.is_directory(part) {
                    continue;
                }
                if self.tick()? {
                    self.files.create(part, Kind::Directory(BTreeMap::new()), 0o755)?;
                }
            }
        }
        if self.files.find(path, false).is_ok() {
            return Err(format!("{path} is there already").into());
        }
        self.whole_directory(path, step.mode & 0o7777, Some(&step.owner), Some(&step.group))
    }

    /// Makes a directory under another name, and gives it its own when it is whole.
    pub(super) fn whole_directory(&mut self, path: &str, mode: u32, owner: Option<&str>, group: Option<&str>) -> Result<(), Stop> {
        let new = self.temporary(path)?;
        let ino = if self.tick()? { self.files.create(&new, Kind::Directory(BTreeMap::new()), 0o700)? } else { 0 };
        match self.fill_directory(path, &new, ino, mode, owner, group) {
            Ok(()) => self.sync_directory_of(path),
            Err(Stop::Cut) => Err(Stop::Cut),
            Err(failed) => {
                self.remove_temporary(&new)?;
                Err(failed)
            }
        }
    }

    fn fill_directory(&mut self, path: &str, new: &str, ino: u64, mode: u32, owner: Option<&str>, group: Option<&str>) -> Result<(), Stop> {
        if self.tick()? {
            self.chown(ino, owner, group)?;
        }
        if self.tick()? {
            self.files.change(ino, |inode| inode.mode = mode)?;
        }
        if self.tick()? {
            self.files.sync(ino);
        }
        if self.tick()? {
            self.files.rename(new, path)?;
        }
        Ok(())
    }

    pub(super) fn symbolic_link(&mut self, step: &SymbolicLink) -> Result<(), Stop> {
        let target = step.target.clone();
        self.put_link(&step.path, step.replace_file, |world, new| {
            world.files.create(new, Kind::Link(target), 0o777)?;
            Ok(())
        })
    }

    pub(super) fn hard_link(&mut self, step: &HardLink) -> Result<(), Stop> {
        self.put_link(&step.path, step.replace_file, |world, new| {
            let ino = world.files.find(&step.target, false)?;
            if world.files.get(ino).is_some_and(Inode::is_directory) {
                return Err(Errno::IsDirectory.into());
            }
            world.files.link(ino, new)?;
            Ok(())
        })
    }

    fn put_link(&mut self, path: &str, replace: bool, make: impl FnOnce(&mut Self, &str) -> Result<(), Stop>) -> Result<(), Stop> {
        if !self.is_link(path) {
            if self.is_directory(path) {
                return Err(format!("{path} is a directory").into());
            }
            if self.exists(path) && !replace {
                return Err(format!("{path} is there and not a link").into());
            }
        }
        let new = self.temporary(path)?;
        if self.tick()? {
            make(self, &new)?;
        }
        if self.tick()?
            && let Err(errno) = self.files.rename(&new, path)
        {
            self.remove_temporary(&new)?;
            return Err(errno.into());
        }
        self.remove_temporary(&new)?;
        self.sync_directory_of(path)
    }

    pub(super) fn change_mode(&mut self, step: &ChangeMode) -> Result<(), Stop> {
        if self.is_link(&step.path) {
            return Err(format!("{} is a link: it has no mode of its own", step.path).into());
        }
        let ino = self.files.find(&step.path, true)?;
        if self.tick()? {
            self.files.change(ino, |inode| inode.mode = step.mode & 0o7777)?;
        }
        Ok(())
    }

    pub(super) fn change_owner(&mut self, step: &ChangeOwner) -> Result<(), Stop> {
        let ino = self.files.find(&step.path, false)?;
        if self.tick()? {
            self.chown(ino, step.owner.as_deref(), step.group.as_deref())?;
        }
        Ok(())
    }
}
