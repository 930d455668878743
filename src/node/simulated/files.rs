//! A tree of files, and what of it a crash leaves.
//!
//! There are two trees: what programs see, and what is on the disk. Names are journalled in order and the disk may
//! have any beginning of the journal (ext4's data=ordered, without its promise about data). A file's content and
//! attributes are on the disk once it was synced; before, a crash leaves the old ones, the new ones, or the beginning of
//! the new content. Syncing a directory writes the journal. So a rename that was not preceded by a sync of the file *does*
//! show half a file after a crash, as real file systems have done.

use std::collections::{BTreeMap, BTreeSet};

use super::random::Random;

/// A file's number.
pub(super) type Ino = u64;

/// What a file is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    File(Vec<u8>),
    Directory(BTreeMap<String, Ino>),
    Link(String),
    Fifo,
}

/// A file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Inode {
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Last access and last change, seconds since 1970; moved by the step that sets them, and by nothing else here.
    pub(super) times: (i64, i64),
    /// The letters of lsattr(1), sorted. What they mean is not simulated.
    pub(super) flags: String,
}

impl Inode {
    pub(super) fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory(_))
    }

    pub(super) fn is_link(&self) -> bool {
        matches!(self.kind, Kind::Link(_))
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File(_))
    }
}

/// Why a system call failed, errno(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errno {
    Missing,
    NotDirectory,
    IsDirectory,
    Exists,
    NotEmpty,
    Loop,
    NameTooLong,
    Busy,
    Invalid,
}

/// What is mounted on a directory.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mounted {
    pub(super) path: String,
    pub(super) source: String,
    pub(super) fstype: String,
    pub(super) options: String,
    /// The directory that is hidden.
    pub(super) covered: Ino,
    /// What is seen instead.
    pub(super) root: Ino,
}

/// A change of names.
#[derive(Debug, Clone)]
enum Name {
    Enter { directory: Ino, name: String, ino: Ino },
    Leave { directory: Ino, name: String },
    Rename { from: (Ino, String), to: (Ino, String), ino: Ino },
}

/// The files of a machine.
#[derive(Debug, Clone)]
pub(super) struct Files {
    now: BTreeMap<Ino, Inode>,
    disk: BTreeMap<Ino, Inode>,
    journal: Vec<Name>,
    /// Files whose content or attributes are not on the disk yet.
    dirty: BTreeSet<Ino>,
    /// Files as they were made, for a disk that has the name and nothing else.
    born: BTreeMap<Ino, Inode>,
    pub(super) mounts: Vec<Mounted>,
    next: Ino,
}

const ROOT: Ino = 1;
/// Links in a path before it is an error (Linux's MAXSYMLINKS).
const MOST_LINKS: u32 = 40;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 255;

impl Files {
    pub(super) fn new() -> Self {
        let root = Inode { kind: Kind::Directory(BTreeMap::new()), mode: 0o755, uid: 0, gid: 0, times: (0, 0), flags: String::new() };
        let now = BTreeMap::from([(ROOT, root)]);
        Self { disk: now.clone(), now, journal: Vec::new(), dirty: BTreeSet::new(), born: BTreeMap::new(), mounts: Vec::new(), next: ROOT }
    }

    /// The file of that number.
    pub(super) fn get(&self, ino: Ino) -> Option<&Inode> {
        self.now.get(&ino)
    }

    /// What is at a path; a last link is followed or not.
    pub(super) fn find(&self, path: &str, follow: bool) -> Result<Ino, Errno> {
        let mut links = 0;
        self.walk(path, follow, &mut links)
    }

    pub(super) fn at(&self, path: &str, follow: bool) -> Result<&Inode, Errno> {
        self.get(self.find(path, follow)?).ok_or(Errno::Missing)
    }

    /// The directory that a path's last name is in, and that name.
    pub(super) fn parent(&self, path: &str) -> Result<(Ino, String), Errno> {
        let (above, name) = path.rsplit_once('/').ok_or(Errno::Missing)?;
        if name.len() > LONGEST_NAME {
            return Err(Errno::NameTooLong);
        }
        let directory = self.find(if above.is_empty() { "/" } else { above }, true)?;
        match self.get(directory) {
            Some(inode) if inode.is_directory() => Ok((directory, name.to_owned())),
            _ => Err(Errno::NotDirectory),
        }
    }

    fn walk(&self, path: &str, follow: bool, links: &mut u32) -> Result<Ino, Errno> {
        self.walk_from(vec![self.over(ROOT)], path, follow, links)?.last().copied().ok_or(Errno::Missing)
    }

    /// Walks on from the last of `trail`, which holds the root and all directories on the way, for `..`.
    fn walk_from(&self, mut trail: Vec<Ino>, path: &str, follow: bool, links: &mut u32) -> Result<Vec<Ino>, Errno> {
        if path.starts_with('/') {
            trail.truncate(1);
        }
        let mut parts = path.split('/').filter(|part| !part.is_empty() && *part != ".").peekable();
        while let Some(part) = parts.next() {
            let at = trail.last().copied().unwrap_or(ROOT);
            let Some(Inode { kind: Kind::Directory(entries), .. }) = self.get(at) else { return Err(Errno::NotDirectory) };
            if part == ".." {
                if trail.len() > 1 {
                    trail.pop();
                }
                continue;
            }
            if part.len() > LONGEST_NAME {
                return Err(Errno::NameTooLong);
            }
            let child = self.over(*entries.get(part).ok_or(Errno::Missing)?);
            match self.get(child).map(|inode| &inode.kind) {
                Some(Kind::Link(target)) if follow || parts.peek().is_some() => {
                    *links += 1;
                    if *links > MOST_LINKS {
                        return Err(Errno::Loop);
                    }
                    trail = self.walk_from(trail, target, true, links)?;
                }
                _ => trail.push(child),
            }
        }
        Ok(trail)
    }

    /// What is seen where `ino` is: the root of what is mounted there last.
    fn over(&self, mut ino: Ino) -> Ino {
        while let Some(mounted) = self.mounts.iter().rev().find(|mounted| mounted.covered == ino && mounted.root != ino) {
            ino = mounted.root;
        }
        ino
    }

    fn is_mounted_on(&self, ino: Ino) -> bool {
        self.mounts.iter().any(|mounted| mounted.covered == ino)
    }

    fn entries(&mut self, directory: Ino) -> Result<&mut BTreeMap<String, Ino>, Errno> {
        match self.now.get_mut(&directory) {
            Some(Inode { kind: Kind::Directory(entries), .. }) => Ok(entries),
            _ => Err(Errno::NotDirectory),
        }
    }

    /// A new file of any kind; its group is its directory's where that has the set-group-id bit, and a directory gets
    /// that bit too.
    pub(super) fn create(&mut self, path: &str, kind: Kind, mode: u32) -> Result<Ino, Errno> {
        let (directory, name) = self.parent(path)?;
        let (gid, inherit) = self.get(directory).map_or((0, false), |d| if d.mode & 0o2000 != 0 { (d.gid, true) } else { (0, false) });
        if self.entries(directory)?.contains_key(&name) {
            return Err(Errno::Exists);
        }
        self.next += 1;
        let ino = self.next;
        let mode = if inherit && matches!(kind, Kind::Directory(_)) { mode | 0o2000 } else { mode };
        let inode = Inode { kind, mode, uid: 0, gid, times: (0, 0), flags: String::new() };
        self.born.insert(ino, inode.clone());
        self.now.insert(ino, inode);
        self.entries(directory)?.insert(name.clone(), ino);
        self.journal.push(Name::Enter { directory, name, ino });
        Ok(ino)
    }

    /// Another name for a file.
    pub(super) fn link(&mut self, ino: Ino, path: &str) -> Result<(), Errno> {
        let (directory, name) = self.parent(path)?;
        if self.entries(directory)?.contains_key(&name) {
            return Err(Errno::Exists);
        }
        self.entries(directory)?.insert(name.clone(), ino);
        self.journal.push(Name::Enter { directory, name, ino });
        Ok(())
    }

    /// unlink(2), or rmdir(2) for a directory.
    pub(super) fn unlink(&mut self, path: &str) -> Result<(), Errno> {
        let (directory, name) = self.parent(path)?;
        let ino = *self.entries(directory)?.get(&name).ok_or(Errno::Missing)?;
        if self.is_mounted_on(ino) {
            return Err(Errno::Busy);
        }
        if matches!(self.get(ino).map(|i| &i.kind), Some(Kind::Directory(entries)) if !entries.is_empty()) {
            return Err(Errno::NotEmpty);
        }
        self.entries(directory)?.remove(&name);
        self.journal.push(Name::Leave { directory, name });
        Ok(())
    }

    /// rename(2) of a file or link onto anything but a directory.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        let (from, to) = (self.parent(from)?, self.parent(to)?);
        let ino = *self.entries(from.0)?.get(&from.1).ok_or(Errno::Missing)?;
        if let Some(old) = self.entries(to.0)?.get(&to.1).copied() {
            if self.get(old).is_some_and(Inode::is_directory) {
                return Err(Errno::IsDirectory);
            }
            if old == ino {
                return Ok(());
            }
        }
        self.entries(from.0)?.remove(&from.1);
        self.entries(to.0)?.insert(to.1.clone(), ino);
        self.journal.push(Name::Rename { from, to, ino });
        Ok(())
    }

    /// Changes a file's content or attributes.
    pub(super) fn change(&mut self, ino: Ino, change: impl FnOnce(&mut Inode)) -> Result<(), Errno> {
        change(self.now.get_mut(&ino).ok_or(Errno::Missing)?);
        self.dirty.insert(ino);
        Ok(())
    }

    /// fsync(2) of a file; of a directory it writes the journal.
    pub(super) fn sync(&mut self, ino: Ino) {
        if self.get(ino).is_some_and(Inode::is_directory) {
            self.write_journal(usize::MAX);
            if let (Some(now), Some(disk)) = (self.now.get(&ino), self.disk.get_mut(&ino)) {
                (disk.mode, disk.uid, disk.gid, disk.times) = (now.mode, now.uid, now.gid, now.times);
                self.dirty.remove(&ino);
            }
        } else if let Some(inode) = self.get(ino).cloned() {
            self.disk.insert(ino, inode);
            self.dirty.remove(&ino);
        }
    }

    /// sync(2): everything.
    pub(super) fn sync_all(&mut self) {
        self.disk = self.now.clone();
        self.journal.clear();
        self.dirty.clear();
        self.born.clear();
    }

    fn write_journal(&mut self, length: usize) {
        let length = length.min(self.journal.len());
        let journal: Vec<Name> = self.journal.drain(..length).collect();
        for name in journal {
            match name {
                Name::Enter { directory, name, ino } => self.enter_disk(directory, name, ino),
                Name::Leave { directory, name } => self.leave_disk(directory, &name),
                Name::Rename { from, to, ino } => {
                    self.leave_disk(from.0, &from.1);
                    self.enter_disk(to.0, to.1, ino);
                }
            }
        }
    }

    fn enter_disk(&mut self, directory: Ino, name: String, ino: Ino) {
        // the disk knows it as it was born, until it is synced
        if let Some(born) = self.born.get(&ino).filter(|_| !self.disk.contains_key(&ino)) {
            let mut born = born.clone();
            if let Kind::File(content) = &mut born.kind {
                content.clear();
            }
            self.disk.insert(ino, born);
        }
        if let Some(Inode { kind: Kind::Directory(entries), .. }) = self.disk.get_mut(&directory) {
            entries.insert(name, ino);
        }
    }

    fn leave_disk(&mut self, directory: Ino, name: &str) {
        if let Some(Inode { kind: Kind::Directory(entries), .. }) = self.disk.get_mut(&directory) {
            entries.remove(name);
        }
    }

    /// The power goes. What is on the disk is what there is from now on; nothing is mounted.
    pub(super) fn crash(&mut self, random: &mut Random) {
        let length = random.below(self.journal.len() + 1);
        self.write_journal(length);
        self.journal.clear();
        for ino in std::mem::take(&mut self.dirty) {
            let (Some(new), Some(old)) = (self.now.get(&ino).cloned(), self.disk.get_mut(&ino)) else { continue };
            match (random.below(3), new.kind, &mut old.kind) {
                (0, _, _) => {}
                (how, Kind::File(mut content), Kind::File(_)) => {
                    if how == 1 {
                        content.truncate(random.below(content.len() + 1));
                    }
                    *old = Inode { kind: Kind::File(content), ..new };
                }
                // a directory's names are the journal's
                (_, _, _) => (old.mode, old.uid, old.gid, old.times) = (new.mode, new.uid, new.gid, new.times),
            }
        }
        self.now = self.disk.clone();
        self.born.clear();
        self.mounts.clear();
    }

    /// The names in a directory.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        match self.at(path, true).map(|inode| &inode.kind) {
            Ok(Kind::Directory(entries)) => entries.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// How many names a file has.
    pub(super) fn links(&self, ino: Ino) -> u64 {
        let named = |inode: &Inode| match &inode.kind {
            Kind::Directory(entries) => entries.values().filter(|child| **child == ino).count() as u64,
            _ => 0,
        };
        self.now.values().map(named).sum()
    }

    /// The path of what a path leads to, without links; its last name may be missing.
    pub(super) fn real_path(&self, path: &str) -> Result<String, Errno> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let (directory, name) = self.parent(&path)?;
            match self.at(&path, false).map(|inode| &inode.kind) {
                Ok(Kind::Link(target)) if target.starts_with('/') => path.clone_from(target),
                Ok(Kind::Link(target)) => path = format!("{}/{target}", self.path_of(directory)),
                // `..` and `.` are names of directories
                Ok(Kind::Directory(_)) => return self.find(&path, true).map(|ino| self.path_of(ino)),
                Ok(_) | Err(Errno::Missing) => return Ok(format!("{}/{name}", self.path_of(directory).trim_end_matches('/'))),
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::Loop)
    }

    /// The path of a directory.
    fn path_of(&self, ino: Ino) -> String {
        let above = self.now.iter().find_map(|(above, inode)| match &inode.kind {
            Kind::Directory(entries) => entries.iter().find(|(_, child)| **child == ino).map(|(name, _)| (*above, name)),
            _ => None,
        });
        match above {
            Some((above, name)) => format!("{}/{name}", self.path_of(above).trim_end_matches('/')),
            // the root of what is mounted has no name of its own
            None => self.mounts.iter().find(|mounted| mounted.root == ino).map_or_else(|| "/".into(), |mounted| mounted.path.clone()),
        }
    }

    /// Whether something is mounted at a directory, or at one below it.
    pub(super) fn is_mounted_at_or_below(&self, path: &str) -> bool {
        let Ok((above, name)) = self.parent(path) else { return false };
        let Some(ino) = self.get(above).and_then(|d| match &d.kind {
            Kind::Directory(entries) => entries.get(&name).copied(),
            _ => None,
        }) else {
            return false;
        };
        let below = self.below(ino);
        self.mounts.iter().any(|mounted| below.contains(&mounted.covered))
    }

    /// A directory and all directories below it, what is mounted on them left out.
    fn below(&self, ino: Ino) -> BTreeSet<Ino> {
        let mut found = BTreeSet::from([ino]);
        if let Some(Inode { kind: Kind::Directory(entries), .. }) = self.get(ino) {
            for child in entries.values() {
                found.extend(self.below(*child));
            }
        }
        found
    }

    /// Mounts something: a new root, or what `bind` leads to.
    pub(super) fn mount(&mut self, path: &str, source: &str, fstype: &str, options: &str, bind: Option<Ino>) -> Result<(), Errno> {
        let covered = self.find(path, true)?;
        if !self.get(covered).is_some_and(Inode::is_directory) {
            return Err(Errno::NotDirectory);
        }
        let root = match bind {
            Some(root) => root,
            None => {
                self.next += 1;
                let root =
                    Inode { kind: Kind::Directory(BTreeMap::new()), mode: 0o1777, uid: 0, gid: 0, times: (0, 0), flags: String::new() };
                self.now.insert(self.next, root);
                self.next
            }
        };
        let (path, source, fstype, options) = (path.to_owned(), source.to_owned(), fstype.to_owned(), options.to_owned());
        self.mounts.push(Mounted { path, source, fstype, options, covered, root });
        Ok(())
    }
}
