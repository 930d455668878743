//! What is done around a file's new content: the copy beside it, the program that looks at it, its times.

use super::carry_files::sha256_of;
use super::files::{Errno, Kind};
use super::world::{Stop, World};
use crate::node::steps::{BACKUP_FILE, Backup, ChangeFlags, SetTimes, Source, Time, Validate};

impl World {
    pub(super) fn backup(&mut self, step: &Backup) -> Result<(), Stop> {
        let original = self.files.at(&step.path, true)?.clone();
        if !original.is_file() {
            return Err("not a regular file".to_owned().into());
        }
        let copy = format!("{}.{}.2026-01-01@00:00:00~", step.path, self.clock);
        let new = format!("{copy}.homelabctl");
        if self.tick()? {
            self.files.create(&new, original.kind.clone(), original.mode)?;
        }
        if self.tick()? {
            let ino = self.files.find(&new, false)?;
            self.files.change(ino, |inode| *inode = original)?;
            self.files.sync(ino);
        }
        if self.tick()? {
            self.files.rename(&new, &copy)?;
            self.said = format!("{BACKUP_FILE}{copy}\n").into_bytes();
        }
        Ok(())
    }

    /// The program is asked of nobody: one that is called `false`, wherever it is, finds fault with everything.
    pub(super) fn validate(&mut self, step: &Validate) -> Result<(), Stop> {
        match &step.source {
            Source::Bytes(_) | Source::Local { .. } => {}
            Source::Staged { path, sha256 } | Source::Copied { path, sha256 } => {
                let content = self.content(path).ok_or(Errno::Missing)?;
                if sha256_of(&content) != *sha256 {
                    return Err(format!("{path} is not what was copied").into());
                }
            }
        }
        self.accounts.uid_of(&step.owner)?;
        self.accounts.gid_of(&step.group)?;
        let program = step.argv.first().and_then(|program| program.rsplit('/').next());
        if self.tick()? && program == Some("false") {
            return Err("failed to validate: false ended with status 1".to_owned().into());
        }
        Ok(())
    }

    pub(super) fn set_times(&mut self, step: &SetTimes) -> Result<(), Stop> {
        // touch -c says nothing of what is not there
        let Ok(ino) = self.files.find(&step.path, true) else { return Ok(()) };
        let now = i64::try_from(self.clock / 1000).unwrap_or(i64::MAX);
        let seconds = |time: Time| match time {
            Time::Now => now,
            Time::At(seconds) => seconds,
        };
        if self.tick()? {
            self.files.change(ino, |inode| {
                inode.times.0 = step.accessed.map_or(inode.times.0, seconds);
                inode.times.1 = step.modified.map_or(inode.times.1, seconds);
            })?;
        }
        Ok(())
    }

    pub(super) fn change_flags(&mut self, step: &ChangeFlags) -> Result<(), Stop> {
        let ino = self.files.find(&step.path, false)?;
        let (how, letters) = step.flags.split_at(1);
        if self.tick()? {
            self.files.change(ino, |inode| {
                let mut flags: Vec<char> = if how == "=" { Vec::new() } else { inode.flags.chars().collect() };
                flags.retain(|flag| !letters.contains(*flag));
                if how != "-" {
                    flags.extend(letters.chars());
                }
                flags.sort_unstable();
                flags.dedup();
                inode.flags = flags.into_iter().collect();
            })?;
        }
        Ok(())
    }

    /// A file with that content, without links followed, its owner and mode; before anything happens.
    pub fn give(&mut self, path: &str, uid: u32, gid: u32, mode: u32) {
        if let Ok(ino) = self.files.find(path, false) {
            let _ = self.files.change(ino, |inode| (inode.uid, inode.gid, inode.mode) = (uid, gid, mode));
        }
        self.files.sync_all();
    }

    /// Adds a link, before anything happens.
    pub fn add_link(&mut self, path: &str, target: &str) {
        let _ = self.files.create(path, Kind::Link(target.to_owned()), 0o777);
        self.files.sync_all();
    }

    /// Adds a second name for a file, before anything happens.
    pub fn add_hard_link(&mut self, path: &str, target: &str) {
        if let Ok(ino) = self.files.find(target, false) {
            let _ = self.files.link(ino, path);
        }
        self.files.sync_all();
    }
}
