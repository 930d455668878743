//! Facts about files that only their modules ask for.

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::answer::{file_kind, unreadable};
use super::files::{Errno, Kind};
use super::world::World;
use crate::node::facts::{FileKind, FullStat, HexDigest, Inode, Listed, ListingEntry, Mode, Text, TreeEntry};
use crate::plan::{Query, Reading};

impl World {
    pub(super) fn file_fact(&self, query: &Query, path: &str) -> Reading {
        let second = query.args.get(1).map(String::as_str).unwrap_or_default();
        let reading = match query.kind.as_str() {
            "real_path" => match self.device_path(path) {
                Some(device) => Ok(Reading::present(&device)),
                None => self.files.real_path(path).map(|path| Reading::present(&path)),
            },
            "checksum" => self.checksum(path, second),
            "hard_links" => self.hard_links(path).map(|inode| Reading::present(&inode)),
            "tree" => self.tree(path),
            "listing" => self.listing(path, second, query.args.get(2).is_some_and(|follow| follow == "follow")),
            "status" => self.status(path, second == "follow").map(|stat| Reading::present(&stat)),
            "file_flags" if self.exists("/usr/bin/chattr") => self
                .files
                .at(path, false)
                .map(|inode| Reading::present(&crate::node::facts::Flags { version: Some("0".into()), flags: inode.flags.clone() })),
            // the programs are not installed
            _ => Ok(Reading::Absent),
        };
        reading.unwrap_or_else(unreadable)
    }

    pub(super) fn text(&self, path: &str) -> Text {
        match self.content(path) {
            Some(content) => Text::Is(String::from_utf8_lossy(&content).trim_end_matches('\n').to_owned()),
            None if self.exists(path) => Text::Unreadable,
            None => Text::Absent,
        }
    }

    fn checksum(&self, path: &str, algorithm: &str) -> Result<Reading, Errno> {
        let Kind::File(content) = &self.files.at(path, true)?.kind else { return Ok(Reading::unknown("not a regular file")) };
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Ok(match algorithm {
            "sha1" => Reading::present(&HexDigest(hex(&Sha1::digest(content)))),
            "sha256" => Reading::present(&HexDigest(hex(&Sha256::digest(content)))),
            other => Reading::unknown(format!("{other} is not simulated")),
        })
    }

    fn hard_links(&self, path: &str) -> Result<Inode, Errno> {
        let inode = self.files.find(path, true)?;
        Ok(Inode { device: 1, inode, links: self.files.links(inode) })
    }

    fn tree(&self, path: &str) -> Result<Reading, Errno> {
        if !self.files.at(path, true)?.is_directory() {
            return Ok(Reading::unknown("not a directory"));
        }
        let mut entries = Vec::new();
        self.below_path(path, "", &mut entries);
        entries.sort();
        Ok(Reading::present(&entries))
    }

    fn below_path(&self, top: &str, relative: &str, entries: &mut Vec<TreeEntry>) {
        for name in self.files.names(&format!("{top}/{relative}")) {
            let path = if relative.is_empty() { name } else { format!("{relative}/{name}") };
            let Ok(inode) = self.files.at(&format!("{top}/{path}"), false) else { continue };
            let kind = file_kind(&inode.kind);
            entries.push(TreeEntry { path: path.clone(), kind, mode: Mode(inode.mode), uid: inode.uid, gid: inode.gid });
            if kind == FileKind::Directory {
                self.below_path(top, &path, entries);
            }
        }
    }

    #[allow(clippy::cast_precision_loss)] // seconds of our age
    fn listing(&self, path: &str, depth: &str, follow: bool) -> Result<Reading, Errno> {
        if !self.files.at(path, true)?.is_directory() {
            return Ok(Reading::unknown("not a directory"));
        }
        let mut entries = Vec::new();
        self.list(path.trim_end_matches('/'), depth.parse().unwrap_or(20), follow, &mut entries)?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Reading::present(&Listed { now: (self.clock / 1000) as f64, entries, unread: Vec::new() }))
    }

    fn list(&self, top: &str, depth: u32, follow: bool, entries: &mut Vec<ListingEntry>) -> Result<(), Errno> {
        for name in self.files.names(if top.is_empty() { "/" } else { top }) {
            let path = format!("{top}/{name}");
            let stat = self.status(&path, false)?;
            let is_directory =
                stat.kind == FileKind::Directory || follow && self.files.at(&path, true).is_ok_and(super::files::Inode::is_directory);
            entries.push(ListingEntry {
                path: path.clone(),
                kind: stat.kind,
                mode: stat.mode,
                links: stat.links,
                inode: stat.inode,
                device: stat.device,
                uid: stat.uid,
                gid: stat.gid,
                owner: stat.owner,
                group: stat.group,
                size: stat.size,
                accessed: stat.accessed,
                modified: stat.modified,
                changed: stat.changed,
            });
            if is_directory && depth > 1 {
                self.list(&path, depth - 1, follow, entries)?;
            }
        }
        Ok(())
    }

    #[allow(clippy::cast_precision_loss)] // seconds of our age
    fn status(&self, path: &str, follow: bool) -> Result<FullStat, Errno> {
        let number = self.files.find(path, follow)?;
        let inode = self.files.at(path, follow)?;
        let size = match &inode.kind {
            Kind::File(content) => content.len() as u64,
            Kind::Link(target) => target.len() as u64,
            Kind::Directory(_) => 4096,
            Kind::Fifo => 0,
        };
        Ok(FullStat {
            kind: file_kind(&inode.kind),
            mode: Mode(inode.mode),
            links: self.files.links(number),
            inode: number,
            device: 1,
            device_type: 0,
            uid: inode.uid,
            gid: inode.gid,
            owner: self.accounts.name_of_uid(inode.uid),
            group: self.accounts.name_of_gid(inode.gid),
            size,
            blocks: size.div_ceil(512),
            block_size: 4096,
            accessed: inode.times.0 as f64,
            modified: inode.times.1 as f64,
            changed: inode.times.1 as f64,
            access: [true, true, inode.mode & 0o111 != 0 || inode.is_directory()],
        })
    }
}
