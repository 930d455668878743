//! The directory that the disk is mounted on, and its line in fstab.

use crate::modules::Task;
use crate::modules::edited_file::{Edited, EditedFile};
use crate::modules::halt::{self, Halt};
use crate::modules::mount::fstab::{self, FSTAB, Line};
use crate::modules::mount::live;
use crate::node::Change;
use crate::node::facts::{BlockDevice, Directory, FileKind, FileStat, Mount as Mounted, MountAt, RealPath, Stat};
use crate::node::steps::{ChangeFlags, MakeDirectory, Mount, Remount};
use crate::plan::{Expect, Facts};

/// The mount point as it is.
pub(super) struct Place<'a> {
    task: &'a Task<'a>,
    facts: &'a Facts<'a>,
    pub path: String,
    opts: &'a str,
    pub mounted: Option<Mounted>,
    stat: Option<FileStat>,
    fstab: EditedFile,
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
        let is_shortest = path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
        if !path.starts_with('/') || path == "/" || !is_shortest {
            return Err(Halt::fail(format!("`mount` is an absolute path in its shortest form, not {path:?}")));
        }
        let asked = facts.get((MountAt::new(path), Stat::new(path), RealPath::new(path)));
        let (fstab, (mounted, stat, real)) = halt::both(EditedFile::look_at(task, facts, FSTAB, "Destination"), asked)?;
        if let Some(real) = real.filter(|real| real != path) {
            return Err(Halt::refuse(
                format!("{path} leads to {real}, and Longhorn takes no path with a link in it"),
                format!("say `mount: {real}`, or make a bind mount of it"),
            ));
        }
        let opts = task.args.str("opts").unwrap_or_default();
        Ok(Self { task, facts, path: path.to_owned(), opts, mounted, stat, fstab })
    }

    /// Whether nothing stands in the way of mounting that device here.
    pub fn is_free_for(&self, device: &str) -> Result<(), Halt> {
        match &self.mounted {
            Some(mounted) if mounted.source != device => Err(Halt::refuse(
                format!("{} is mounted on {} already", mounted.source, self.path),
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
                change.steps.push(Mount { source: src, path, fstype, options: live::for_mounting(self.opts), device }.into());
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
            change.steps.push(MakeDirectory { path: self.path.clone(), owner: root(), group: root(), mode: 0o755, parents: true }.into());
        }
        if self.task.args.is("guard_mount_point") {
            change.steps.push(ChangeFlags { path: self.path.clone(), flags: "+i".into() }.into());
        }
    }
}
