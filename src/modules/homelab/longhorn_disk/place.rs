//! The directory that the disk is mounted on, and its line in fstab.

use crate::modules::Task;
use crate::modules::attributes::{self, Owned};
use crate::modules::edited_file::{Edited, EditedFile};
use crate::modules::halt::{self, Halt};
use crate::modules::mount::fstab::{self, FSTAB, Line};
use crate::modules::mount::live;
use crate::node::Change;
use crate::node::facts::{BlockDevice, Directory, FileFlags, FileKind, FileStat, Mount as Mounted, MountAt, RealPath, Stat};
use crate::node::steps::{ChangeFlags, MakeDirectory, Mount, Remount};
use crate::plan::{Expect, Facts, Reading};

/// The mount point as it is.
pub(super) struct Place<'a> {
    task: &'a Task<'a>,
    facts: &'a Facts<'a>,
    pub path: String,
    opts: &'a str,
    pub mounted: Option<Mounted>,
    stat: Option<FileStat>,
    /// The directories above it that are not there.
    missing: Vec<String>,
    fstab: EditedFile,
}

/// The directories above a path, from `/` on.
fn above(path: &str) -> Vec<&str> {
    let ends = path.match_indices('/').map(|(at, _)| at.max(1));
    ends.filter_map(|end| path.get(..end)).filter(|above| *above != path).collect()
}

/// The filesystem that is to be there.
pub(super) struct Filesystem<'a> {
    pub kind: &'a str,
    pub uuid: &'a str,
    /// The kernel's path of the device that it is in, or will be.
    pub path: &'a str,
}

impl<'a> Place<'a> {
    pub fn look(task: &'a Task<'a>, facts: &'a Facts<'a>) -> Result<Self, Halt> {
        let path = task.args.str("mount").unwrap_or_default();
        let above = above(path);
        let stats = above.iter().skip(1).map(|above| Stat::new(*above)).collect::<Vec<_>>();
        let mounts = above.iter().map(|above| MountAt::new(*above)).collect::<Vec<_>>();
        let asked = facts.get((MountAt::new(path), Stat::new(path), stats, mounts));
        let (fstab, (mounted, stat, stats, mounts)) = halt::both(EditedFile::look_at(task, facts, FSTAB, "Destination"), asked)?;
        let opts = task.args.str("opts").unwrap_or_default();
        let way: Vec<_> = above.into_iter().skip(1).zip(stats).collect();
        let missing = way.iter().filter(|(_, stat)| stat.is_none()).map(|(at, _)| (*at).to_owned()).collect();
        let place = Self { task, facts, path: path.to_owned(), opts, mounted, stat, missing, fstab };
        place.can_be_reached(&way)?;
        place.can_be_made(&way, mounts.iter().rev().flatten().next())?;
        Ok(place)
    }

    /// Directories lead there, and no link.
    fn can_be_reached(&self, way: &[(&str, Option<FileStat>)]) -> Result<(), Halt> {
        let path = &self.path;
        let itself = (path.as_str(), self.stat.clone());
        let whole = || way.iter().chain([&itself]);
        let is = |kind: FileKind| whole().find_map(|(at, stat)| stat.as_ref().filter(|stat| stat.kind == kind).map(|_| *at));
        if let Some(link) = is(FileKind::Link) {
            let Some(real) = self.leads_to(path)? else {
                let why = format!("{link}, on the way to {path}, is a link that leads nowhere");
                return Err(Halt::refuse(why, "say another `mount`: Longhorn takes no path with a link in it"));
            };
            return Err(Halt::refuse(
                format!("{path} leads to {real}, and Longhorn takes no path with a link in it"),
                format!("say `mount: {real}`, or make a bind mount of it"),
            ));
        }
        let stops = |stat: &Option<FileStat>| stat.as_ref().is_some_and(|stat| stat.kind != FileKind::Directory);
        match way.iter().find(|(_, stat)| stops(stat)) {
            None => Ok(()),
            Some((at, _)) => {
                Err(Halt::refuse(format!("{path} cannot be made: {at} is no directory"), format!("say another `mount`, or look at {at}")))
            }
        }
    }

    /// Where a path leads as things are.
    fn leads_to(&self, path: &str) -> Result<Option<String>, Halt> {
        let now = match self.facts.reading(&RealPath::new(path))? {
            Reading::Unknown { probably: Some(now), .. } => *now,
            now => now,
        };
        Ok(match now {
            Reading::Present(path) => path.as_str().map(str::to_owned),
            _ => None,
        })
    }

    /// What has to be made or guarded there can be.
    fn can_be_made(&self, way: &[(&str, Option<FileStat>)], filesystem: Option<&Mounted>) -> Result<(), Halt> {
        let path = &self.path;
        if self.mounted.is_some() || self.stat.is_some() && !self.task.args.is("guard_mount_point") {
            return Ok(());
        }
        let is_read_only = |mount: &&Mounted| mount.options.iter().chain(&mount.filesystem_options).any(|option| option == "ro");
        if let Some(mount) = filesystem.filter(is_read_only) {
            let what = if self.stat.is_none() { "made" } else { "guarded" };
            return Err(Halt::refuse(
                format!("{path} cannot be {what}: what is mounted on {} is read-only", mount.target),
                "say another `mount`, or `guard_mount_point: false` where the directory is there already",
            ));
        }
        if self.stat.is_some() {
            return Ok(());
        }
        let nearest = way.iter().rev().find(|(_, stat)| stat.is_some()).map_or("/", |(at, _)| at);
        let flags = self.facts.get(FileFlags::new(nearest))?.map(|flags| flags.flags).unwrap_or_default();
        if flags.contains('i') {
            let why = format!("{path} cannot be made: nothing can be made in {nearest}, which is immutable (lsattr -d {nearest})");
            return Err(Halt::refuse(why, "if a disk belongs there, mount it first; else say another `mount`"));
        }
        Ok(())
    }

    /// Whether nothing stands in the way of mounting that device here.
    pub fn is_free_for(&self, device: &str) -> Result<(), Halt> {
        match &self.mounted {
            Some(mounted) if mounted.source != device => Err(Halt::refuse(
                format!("{} is mounted on {} already", mounted.source, self.path),
                "unmount it, or say another `mount`: nothing that is mounted is ever unmounted unasked",
            )),
            Some(mounted) if mounted.root != "/" => Err(Halt::refuse(
                format!("{} is a bind mount of {} on {device}, and not the whole of it", self.path, mounted.root),
                "unmount it, or say another `mount`: nothing that is mounted is ever unmounted unasked",
            )),
            Some(_) => Ok(()),
            None => match &self.stat {
                Some(stat) if stat.kind != FileKind::Directory => {
                    Err(Halt::refuse(format!("{} is no directory", self.path), "say another `mount`"))
                }
                Some(_) => {
                    let names = self.facts.get(Directory::new(&self.path))?.unwrap_or_default();
                    if names.is_empty() {
                        return Ok(());
                    }
                    let some: Vec<&str> = names.iter().take(3).map(|entry| entry.name.as_str()).collect();
                    let more = if names.len() > some.len() { " and others" } else { "" };
                    Err(Halt::refuse(
                        format!("{} is not empty: {}{more} would be hidden by what is mounted there", self.path, some.join(", ")),
                        format!("look at what is in it, and move it away: ls -la {}", self.path),
                    ))
                }
                None => Ok(()),
            },
        }
    }

    /// That line in fstab, and the filesystem mounted.
    pub fn mount(self, filesystem: &Filesystem<'_>, devices: &[BlockDevice], change: &mut Change) -> Result<(), Halt> {
        let src = format!("UUID={}", filesystem.uuid);
        let text = self.text()?;
        self.nobody_else_in(&text, filesystem, devices)?;
        if self.mounted.is_none() {
            self.guard(change);
        }
        let passno = if filesystem.kind == "xfs" { "0" } else { "2" };
        let line = Line { src: &src, name: &self.path, fstype: filesystem.kind, opts: self.opts, dump: "0", passno };
        if let Some(problem) = line.problem() {
            return Err(Halt::fail(problem));
        }
        let new = fstab::with(&text, &line);
        if new != text {
            let edited = Edited { content: new.into_bytes(), changed: true, message: String::new(), found: None };
            fstab::write(self.task, self.facts, FSTAB, self.fstab, edited, change)?;
        }
        let (path, fstype) = (self.path, filesystem.kind.to_owned());
        match self.mounted {
            None => {
                change.expect.push(Expect::field(&MountAt::new(&path), "source", filesystem.path).and("type", filesystem.kind));
                let device = filesystem.path.to_owned();
                change.steps.push(Mount { source: src, path, fstype, options: live::for_mounting(self.opts), device, made: false }.into());
            }
            Some(mounted) if !live::differing(&mounted, self.opts).is_empty() => {
                let differing = live::differing(&mounted, self.opts).join(",");
                let is = mounted.options.join(",");
                *change = std::mem::replace(change, crate::node::Plan::change([])).differs(
                    format!("options of {path}"),
                    Some(is),
                    Some(differing),
                );
                change.steps.push(Remount { path, options: live::for_mounting(self.opts), source: src, fstype }.into());
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn text(&self) -> Result<String, Halt> {
        let is = self.fstab.content.clone().unwrap_or_default();
        String::from_utf8(is).map_err(|_| Halt::fail(format!("{FSTAB} is not UTF-8")))
    }

    /// A line for this place that leads elsewhere, or for this filesystem at another place, is somebody's intent.
    fn nobody_else_in(&self, text: &str, filesystem: &Filesystem<'_>, devices: &[BlockDevice]) -> Result<(), Halt> {
        let ours = format!("UUID={}", filesystem.uuid);
        let device = devices.iter().find(|device| device.path == filesystem.path);
        let shortest = |name: &str| name.trim_end_matches('/').to_owned();
        for (src, name) in fstab::entries(text) {
            let is_here = shortest(name) == fstab::escaped(&self.path);
            let is_ours = src.eq_ignore_ascii_case(&ours) || device.is_some_and(|device| live::leads_to(src, device));
            if is_here != is_ours {
                let why = format!("{FSTAB} has {src} for {name}, and {ours} is to be mounted on {}", self.path);
                return Err(Halt::refuse(why, "take that line out if it is an old one, or say another `mount`"));
            }
        }
        Ok(())
    }

    /// An empty directory that nobody can write to while the disk is not there.
    fn guard(&self, change: &mut Change) {
        if self.stat.is_none() {
            let root = || "0".to_owned();
            for above in &self.missing {
                let owned = Owned { uid: 0, gid: 0, mode: 0o755 };
                change.expect.push(attributes::promise(above, FileKind::Directory, owned).loosely());
            }
            change.steps.push(MakeDirectory { path: self.path.clone(), owner: root(), group: root(), mode: 0o755, parents: true }.into());
        }
        if self.task.args.is("guard_mount_point") {
            change.steps.push(ChangeFlags { path: self.path.clone(), flags: "+i".into() }.into());
        }
    }
}
