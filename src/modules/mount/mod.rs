//! `ansible.posix.mount`

pub(in crate::modules) mod fstab;
pub(in crate::modules) mod live;
#[cfg(test)]
pub(super) mod tests;

use serde_json::{Map, Value};

use super::edited_file::{Edited, EditedFile, backup_result};
use super::halt::{self, Halt, settled};
use super::outcome::planned;
use super::{Decision, Kind, Module, Opt, RequiredIf, Spec, Task, attributes, paths};
use crate::node::apply::Carried;
use crate::node::facts::{Directory, FileKind, FileStat, Mount as Mounted, MountAt, RealPath, Stat};
use crate::node::steps::{MakeDirectory, Mount as MountStep, Remount, Remove, RemoveWhat, Unmount};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};
use fstab::{FSTAB, Line};

/// What is mounted where, now and at boot.
#[derive(Debug)]
pub struct Mount;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("path", Kind::Path).aliases(&["name"]).required().about("Where; `none` for swap"),
        Opt::new("src", Kind::Path).about("What: a device, `UUID=…`, `LABEL=…`, a directory with `opts: bind`, `host:/export`"),
        Opt::new("fstype", Kind::Str).about("Type of the filesystem"),
        Opt::new("opts", Kind::Str).about("Mount options, with commas; `defaults` if not given"),
        Opt::new("opts_no_log", Kind::Bool).default("false").about("Whether the options are shown nowhere"),
        Opt::new("dump", Kind::Str).default("0").about("Whether dump(8) backs it up"),
        Opt::new("passno", Kind::Str).default("0").about("When fsck(8) checks it at boot; 0 is never"),
        Opt::new("state", Kind::Str)
            .required()
            .choices(&["absent", "absent_from_fstab", "mounted", "present", "unmounted", "remounted", "ephemeral"])
            .about("What is to be: `present` is fstab alone, `mounted` is both, `ephemeral` is without fstab"),
        Opt::new("fstab", Kind::Str).about("Another file than /etc/fstab"),
        Opt::new("boot", Kind::Bool).default("true").about("Whether it is mounted at boot; `false` adds `noauto`"),
        Opt::new("backup", Kind::Bool).default("false").about("Whether a copy of the file is kept"),
    ],
    required_if: &[
        RequiredIf { option: "state", value: "mounted", then: &["src", "fstype"], any: false },
        RequiredIf { option: "state", value: "present", then: &["src", "fstype"], any: false },
        RequiredIf { option: "state", value: "ephemeral", then: &["src", "fstype"], any: false },
    ],
    about: "Mounts filesystems, now and at boot",
    notes: &[
        "Ansible's `mounted` takes whatever is mounted at the path for what was asked. Here its source is compared (UUIDs, labels, links \
         and loop devices resolved): where another one is mounted, the task is refused and nothing is written. Live options that \
         the kernel shows (`ro`, `noexec`, `noatime` and the like) and that `opts` names are compared too, and set.",
        "Ansible writes fstab first and takes it back where mounting fails; here it is mounted first and fstab is written when that has \
         worked, so nothing that is cut off in the middle leaves a line that keeps a machine from booting. The file is replaced in one \
         piece, and all other lines stay as they are, byte for byte.",
        "Where a remount fails Ansible unmounts and mounts anew; here the task fails, since somebody uses what is mounted.",
        "With `nofail` mount(8) says nothing where it mounted nothing, and Ansible's task is changed in every run; here it fails.",
        "`absent` unmounts and removes the directory before fstab is written, so that a failure is met again by the next run, \
         and lines with 4 or 5 fields count as well.",
        "A directory with files in it is mounted over, as in Ansible, with a warning: they are hidden.",
        "A missing fstab is made only when a line is written to it.",
    ],
    example: "- name: a disk for backups\n  ansible.posix.mount:\n    path: /srv/backup\n    src: UUID=0b5b7f3a-6f3e-4a55-9b0e-5f1d2c3b4a59\n    \
              fstype: ext4\n    opts: noatime,nofail\n    state: mounted\n",
    ..Spec::new("ansible.posix", "mount")
};

/// In the place of options that are not to be shown, as Ansible has it.
const NOT_SHOWN: &str = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER";

impl Module for Mount {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(Job::read(task, facts).and_then(Job::plan))
    }

    fn result(&self, task: &Task<'_>, _facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        // Ansible tells of the copy only where a line was put in
        let tells = matches!(task.args.str("state"), Some("mounted" | "present"));
        Ok(if tells { backup_result("backup_file", carried) } else { Map::new() })
    }
}

struct Job<'a> {
    task: &'a Task<'a>,
    facts: &'a Facts<'a>,
    state: &'a str,
    /// The mount point as the task names it.
    name: String,
    src: Option<String>,
    fstype: Option<&'a str>,
    opts: String,
    fstab: String,
    warnings: Vec<String>,
}

impl<'a> Job<'a> {
    fn read(task: &'a Task<'a>, facts: &'a Facts<'a>) -> Result<Self, Halt> {
        let args = task.args;
        let expanded = |name: &str| args.str(name).map(|text| super::expand::expand_one(task, facts, text)).transpose();
        let (name, src) = (expanded("path")?.unwrap_or_default(), expanded("src")?);
        let given = args.str("opts").unwrap_or("defaults");
        let mut opts = given.to_owned();
        let mut warnings = Vec::new();
        let boot = args.bool("boot").unwrap_or(true);
        match (boot, given.split(',').any(|option| option == "noauto")) {
            (true, true) => warnings.push("Ignore the 'boot' due to 'opts' contains 'noauto'.".to_owned()),
            (false, _) => opts.push_str(",noauto"),
            (true, false) => {}
        }
        let fstab = args.str("fstab").unwrap_or(FSTAB).to_owned();
        let state = args.str("state").unwrap_or_default();
        Ok(Self { task, facts, state, name, src, fstype: args.str("fstype"), opts, fstab, warnings })
    }

    fn plan(mut self) -> Result<Decision, Halt> {
        let change = match self.state {
            "present" | "absent_from_fstab" => self.in_fstab(),
            "absent" => self.absent(),
            "unmounted" => self.unmounted(),
            "remounted" => self.remounted(),
            "ephemeral" => self.ephemeral(),
            _ => self.mounted(),
        }?;
        let decision = planned(self.censored(change));
        Ok(self.told(decision))
    }

    /// What Ansible registers of the arguments.
    fn told(self, decision: Decision) -> Decision {
        let args = self.task.args;
        let opts = if args.is("opts_no_log") { NOT_SHOWN.to_owned() } else { self.opts };
        let mut decision = decision
            .with("name", self.name)
            .with("opts", opts)
            .with("dump", args.str("dump").unwrap_or("0"))
            .with("passno", args.str("passno").unwrap_or("0"))
            .with("fstab", self.fstab)
            .with("boot", if args.bool("boot").unwrap_or(true) { "yes" } else { "no" })
            .with("backup_file", "");
        for (name, value) in [("src", self.src), ("fstype", self.fstype.map(str::to_owned))] {
            if let Some(value) = value {
                decision = decision.with(name, value);
            }
        }
        self.warnings.into_iter().fold(decision, Decision::warns)
    }

    fn censored(&self, mut change: Change) -> Change {
        if let Some(secret) = self.task.args.str("opts").filter(|opts| self.task.args.is("opts_no_log") && !opts.is_empty()) {
            // as they stand in fstab and as mount(8) gets them; and what is secret of them by itself
            let values = secret.split(',').filter_map(|option| Some(option.split_once('=')?.1.to_owned()));
            let mut forms = vec![secret.to_owned(), live::for_mounting(secret)];
            forms.extend(values.filter(|value| !value.is_empty()));
            forms.extend(forms.iter().map(|form| fstab::escaped(form)).collect::<Vec<_>>());
            forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
            for difference in &mut change.diff {
                for text in [&mut difference.before, &mut difference.after].into_iter().flatten() {
                    *text = forms.iter().fold(std::mem::take(text), |text, form| text.replace(form, NOT_SHOWN));
                }
            }
        }
        change
    }

    fn line(&self) -> Result<Line<'_>, Halt> {
        let line = Line {
            src: self.src.as_deref().unwrap_or_default(),
            name: &self.name,
            fstype: self.fstype.unwrap_or_default(),
            opts: &self.opts,
            dump: self.task.args.str("dump").unwrap_or("0"),
            passno: self.task.args.str("passno").unwrap_or("0"),
        };
        line.problem().map_or(Ok(line), |problem| Err(Halt::fail(problem)))
    }

    fn look_at_fstab(&self) -> Result<EditedFile, Halt> {
        let path = paths::path(&self.fstab, self.task, self.facts)?;
        EditedFile::look_at(self.task, self.facts, &path, "fstab")
    }

    /// The new text of fstab, if it is another.
    fn edited(&self, file: &EditedFile) -> Result<Option<Edited>, Halt> {
        let is = file.content.clone().unwrap_or_default();
        let Ok(text) = std::str::from_utf8(&is) else { return Err(Halt::fail(format!("{} is not UTF-8", self.fstab))) };
        let new = match self.state {
            "absent" | "absent_from_fstab" => fstab::without(text, &self.name, self.src.as_deref()),
            _ => fstab::with(text, &self.line()?),
        };
        Ok((new != text).then(|| Edited { content: new.into_bytes(), changed: true, message: String::new(), found: None }))
    }

    fn write(&self, file: EditedFile, edited: Edited, change: &mut Change) -> Result<(), Halt> {
        fstab::write(self.task, self.facts, &self.fstab, file, edited, change)
    }

    fn in_fstab(&self) -> Result<Change, Halt> {
        let file = self.look_at_fstab()?;
        let mut change: Change = Plan::change([]);
        if let Some(edited) = self.edited(&file)? {
            self.write(file, edited, &mut change)?;
        }
        Ok(change)
    }

    /// The mount point without links, what is mounted there and what is there.
    fn place(&self) -> Result<Place, Halt> {
        let path = paths::path(&self.name, self.task, self.facts)?;
        let (above, last) = path.rsplit_once('/').unwrap_or(("", &path));
        let above = if above.is_empty() { "/" } else { above };
        let asked = (MountAt::new(&path), Stat::new(&path), RealPath::new(&path), RealPath::new(above));
        let (mounted, stat, real, above) = self.facts.get(asked)?;
        let real = match (real, above) {
            (Some(real), _) => real,
            _ if stat.as_ref().is_some_and(|stat| stat.kind == FileKind::Link) => {
                return Err(Halt::fail(format!("the link {path} leads nowhere")));
            }
            // not there yet, below what may be a link
            (None, Some(above)) => format!("{}/{last}", above.trim_end_matches('/')),
            (None, None) => path.clone(),
        };
        if real == path || mounted.is_some() {
            return Ok(Place { path, mounted, stat });
        }
        let (mounted, stat) = self.facts.get((MountAt::new(&real), Stat::new(&real)))?;
        Ok(Place { path: real, mounted, stat })
    }

    fn place_and_fstab(&self) -> Result<(EditedFile, Place), Halt> {
        halt::both(self.look_at_fstab(), self.place())
    }

    fn absent(&self) -> Result<Change, Halt> {
        let (file, place) = self.place_and_fstab()?;
        let mut change: Change = Plan::change([]);
        // as in Ansible: what has no line is left alone
        let Some(edited) = self.edited(&file)? else { return Ok(change) };
        if place.mounted.is_some() {
            place.unmount(&mut change);
        }
        if place.stat.is_some() && place.path != "/" {
            change.steps.push(Remove { path: place.path.clone(), what: RemoveWhat::EmptyDirectory }.into());
            change = change.differs(format!("directory {}", place.path), Some("there".into()), None);
        }
        self.write(file, edited, &mut change)?;
        Ok(change)
    }

    fn unmounted(&self) -> Result<Change, Halt> {
        let place = self.place()?;
        let mut change: Change = Plan::change([]);
        if place.mounted.is_some() {
            place.unmount(&mut change);
        }
        Ok(change)
    }

    fn remounted(&self) -> Result<Change, Halt> {
        let place = self.place()?;
        if place.mounted.is_none() {
            return Err(Halt::fail(format!("Error remounting {}: nothing is mounted there", self.name)));
        }
        let mut change: Change = Plan::change([]);
        let options = if self.opts == "defaults" { String::new() } else { self.opts.clone() };
        place.remount(Remount { path: place.path.clone(), options, source: String::new(), fstype: String::new() }, &mut change);
        Ok(change)
    }

    /// The step that gives what is mounted there these options, and no others.
    fn remount(&self, place: &Place, change: &mut Change) {
        let (source, fstype) = (self.src.clone().unwrap_or_default(), self.fstype.unwrap_or_default().to_owned());
        place.remount(Remount { path: place.path.clone(), options: live::for_mounting(&self.opts), source, fstype }, change);
    }

    fn is_wanted(&self, mounted: &Mounted, place: &Place) -> Result<bool, Halt> {
        // systemd mounts it when somebody looks
        Ok(mounted.kind == "autofs"
            || live::is_of(
                mounted,
                &place.path,
                self.src.as_deref().unwrap_or_default(),
                self.fstype.unwrap_or_default(),
                &self.opts,
                self.facts,
            )?)
    }

    fn ephemeral(&mut self) -> Result<Change, Halt> {
        let place = self.place()?;
        self.line()?;
        let mut change: Change = Plan::change([]);
        match &place.mounted {
            None => self.mount(&place, &mut change)?,
            Some(mounted) if self.is_wanted(mounted, &place)? => self.remount(&place, &mut change),
            Some(_) => {
                return Err(Halt::fail(
                    "Ephemeral mount point is already mounted with a different source than the specified one. Failing in order to \
                     prevent an unwanted unmount or override operation. Try replacing this command with a \"state: unmounted\" followed by \
                     a \"state: ephemeral\", or use a different destination path.",
                ));
            }
        }
        Ok(change)
    }

    fn mounted(&mut self) -> Result<Change, Halt> {
        if self.fstype == Some("swap") || matches!(self.name.as_str(), "none" | "swap") {
            return Err(Halt::fail("swap is not mounted: `state: present` makes its line in fstab, and swapon(8) turns it on"));
        }
        let (file, place) = self.place_and_fstab()?;
        let edited = self.edited(&file)?;
        let mut change: Change = Plan::change([]);
        match &place.mounted {
            None => self.mount(&place, &mut change)?,
            Some(mounted) if !self.is_wanted(mounted, &place)? => return Err(self.another(mounted, &place)),
            Some(mounted) if mounted.kind == "autofs" => {}
            Some(mounted) => {
                if edited.is_some() || !live::differing(mounted, &self.opts).is_empty() {
                    self.remount(&place, &mut change);
                }
            }
        }
        if let Some(edited) = edited {
            self.write(file, edited, &mut change)?;
        }
        Ok(change)
    }

    fn another(&self, mounted: &Mounted, place: &Place) -> Halt {
        let part = if mounted.root == "/" { String::new() } else { format!(" (its directory {})", mounted.root) };
        let why = format!(
            "at {} is mounted {}{part}, of type {}, and not {}",
            place.path,
            mounted.source,
            mounted.kind,
            self.src.as_deref().unwrap_or_default()
        );
        let hint = "if it is to go, unmount it first (`state: unmounted`); it is not done unasked, since somebody may use it";
        Halt::refuse(why, hint)
    }

    fn mount(&mut self, place: &Place, change: &mut Change) -> Result<(), Halt> {
        match &place.stat {
            None => {
                let (login, umask) = attributes::maker(self.facts)?;
                let (owner, group) = (login.uid.to_string(), login.gid.to_string());
                let mode = 0o777 & !umask.0;
                change.steps.push(MakeDirectory { path: place.path.clone(), owner, group, mode, parents: true }.into());
            }
            Some(stat) if stat.kind == FileKind::Directory => {
                if self.facts.get(Directory::new(&place.path))?.is_some_and(|entries| !entries.is_empty()) {
                    self.warnings.push(format!("{} is not empty: what is in it is hidden by what is mounted there", place.path));
                }
            }
            Some(_) => {}
        }
        let source = self.src.clone().unwrap_or_default();
        let is_path = source.starts_with('/') && !source.starts_with("//") && !live::is_no_path(&source, self.fstype.unwrap_or_default());
        if is_path && !live::is_there(&source, self.fstype.unwrap_or_default(), self.facts)? {
            return Err(Halt::fail(format!("Error mounting {}: there is no {source}", self.name)));
        }
        let fstype = self.fstype.unwrap_or_default().to_owned();
        let step = MountStep {
            source: source.clone(),
            path: place.path.clone(),
            fstype,
            options: live::for_mounting(&self.opts),
            device: String::new(),
            made: place.stat.is_none(),
        };
        change.steps.push(step.into());
        change.expect.push(Expect::field(&MountAt::new(&place.path), "target", place.path.as_str()));
        *change = std::mem::replace(change, Plan::change([])).differs(format!("mounted at {}", place.path), None, Some(source));
        Ok(())
    }
}

/// A mount point.
struct Place {
    path: String,
    mounted: Option<Mounted>,
    stat: Option<FileStat>,
}

impl Place {
    fn unmount(&self, change: &mut Change) {
        change.steps.push(Unmount { path: self.path.clone() }.into());
        // several may be mounted on each other
        change.expect.push(Expect::absent(&MountAt::new(&self.path)).loosely());
        let before = self.mounted.as_ref().map(|mounted| mounted.source.clone());
        *change = std::mem::replace(change, Plan::change([])).differs(format!("mounted at {}", self.path), before, None);
    }

    fn remount(&self, step: Remount, change: &mut Change) {
        let is = self.mounted.as_ref().map(|mounted| mounted.options.join(","));
        let will = if step.options.is_empty() { "read anew".to_owned() } else { step.options.clone() };
        change.steps.push(step.into());
        let promise = Expect::field(&MountAt::new(&self.path), "target", self.path.as_str());
        change.expect.push(promise.moves("options").moves("filesystem_options"));
        *change = std::mem::replace(change, Plan::change([])).differs(format!("options of {}", self.path), is, Some(will));
    }
}
