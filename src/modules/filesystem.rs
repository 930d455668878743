//! `community.general.filesystem`

use serde_json::{Map, Value};

use super::device_name::right_name;
use super::halt::{Halt, settled};
use super::outcome::planned;
use super::{Decision, Kind, Module, Opt, RequiredIf, Spec, Task, paths};
use crate::disk::{Class, Evidence, examine};
use crate::node::apply::Carried;
use crate::node::facts::{Extent, FileKind, FilesystemExtent, FilesystemRoom, ForetoldDevice, Image, ImageContents, Stat, WillHold};
use crate::node::steps::{GrowFilesystem, MakeFilesystem};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};

/// A filesystem is on a device.
///
/// Only what is empty is formatted, whatever `force` says, and nothing is ever taken away.
#[derive(Debug)]
pub struct Filesystem;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("dev", Kind::Path).aliases(&["device"]).required().about("The device, or a regular file"),
        Opt::new("state", Kind::Str).default("present").choices(&["present", "absent"]).about("Whether a filesystem is on it"),
        Opt::new("fstype", Kind::Str)
            .aliases(&["type"])
            .choices(&[
                "bcachefs", "btrfs", "ext2", "ext3", "ext4", "ext4dev", "f2fs", "lvm", "ocfs2", "reiserfs", "swap", "ufs", "vfat", "xfs",
            ])
            .about("Its type; `lvm` is a physical volume"),
        Opt::new("force", Kind::Bool).default("false").about("Never makes anything be written over"),
        Opt::new("resizefs", Kind::Bool)
            .default("false")
            .about("Whether one that is there is to grow to the size of its device: ext2, ext3, ext4, xfs, btrfs"),
        Opt::new("opts", Kind::Str).about("More words for mkfs(8)"),
        Opt::new("uuid", Kind::Str).about("The UUID of a new filesystem"),
    ],
    required_if: &[RequiredIf { option: "state", value: "present", then: &["fstype"], any: false }],
    exclusive: &[&["resizefs", "uuid"]],
    about: "Makes a filesystem on a device that is empty",
    notes: &[
        "Ansible asks blkid for a type, and takes what has none for empty: a disk with a partition table, a device that cannot be \
         read, data of no known format. Here a device is looked at as docs/disks.md says, and only an empty one is formatted; \
         everything else is refused with what was found.",
        "`force: true` formats anew in every run of Ansible. Here it changes nothing: a filesystem of that type is left as it is, and \
         another one is refused.",
        "`state: absent` of a device with a filesystem is refused: nothing is wiped by a playbook.",
        "`uuid` is for a filesystem that is made; one that is there keeps its own, since fstab and others name it.",
        "`opts` cannot name further devices (a second one of btrfs, a log of XFS): they would be written over unseen.",
        "`resizefs` grows ext2, ext3, ext4, XFS and btrfs as Ansible does, the last two where they are mounted; of others it is refused. \
         What lacks less than a block (of XFS: 64 blocks of 4 KiB) has all of its device. resize2fs wants an ext that is not mounted, and was \
         since it was last checked, to be checked first (`e2fsck -f`); btrfs grows to no less than 256 MiB.",
        "A name such as `/dev/nvme0n11`, made of a disk and a number, is refused with the right one.",
    ],
    example: "- name: a disk for backups\n  community.general.filesystem:\n    dev: /dev/disk/by-id/ata-EXAMPLE_1234-part1\n    fstype: ext4\n",
    ..Spec::new("community.general", "filesystem")
};

/// Of each type: what blkid calls it, its program, the words that keep it from asking.
const TYPES: &[(&str, &str, &str, &[&str])] = &[
    ("bcachefs", "bcachefs", "mkfs.bcachefs", &["--force"]),
    ("btrfs", "btrfs", "mkfs.btrfs", &["-f"]),
    ("ext2", "ext2", "mkfs.ext2", &["-F"]),
    ("ext3", "ext3", "mkfs.ext3", &["-F"]),
    ("ext4", "ext4", "mkfs.ext4", &["-F"]),
    ("ext4dev", "ext4", "mkfs.ext4", &["-F"]),
    ("f2fs", "f2fs", "mkfs.f2fs", &["-f"]),
    ("lvm", "LVM2_member", "pvcreate", &["-y"]),
    ("ocfs2", "ocfs2", "mkfs.ocfs2", &["-Fx"]),
    ("reiserfs", "reiserfs", "mkfs.reiserfs", &["-q"]),
    ("swap", "swap", "mkswap", &["-f"]),
    ("vfat", "vfat", "mkfs.vfat", &[]),
    ("xfs", "xfs", "mkfs.xfs", &["-f"]),
];

/// Those that grow.
const GROW: [&str; 5] = ["ext2", "ext3", "ext4", "xfs", "btrfs"];

impl Module for Filesystem {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }

    fn result(&self, task: &Task<'_>, _facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let said = carried.and_then(|carried| carried.outputs.first()).filter(|_| task.args.is("resizefs"));
        let text: String =
            said.map(|output| [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).concat()).unwrap_or_default();
        // a rest that is too small for a group of blocks stays
        let is_left = text.contains("Nothing to do!") || text.contains("data size unchanged");
        Ok(if is_left { Map::from_iter([("changed".to_owned(), Value::Bool(false))]) } else { Map::new() })
    }
}

/// What is on the device.
enum Found {
    /// Nothing: it may be formatted.
    Empty,
    /// A filesystem or the like, as blkid calls it; what else there is to say of it, and its UUID.
    Type { kind: String, what: String, uuid: Option<String>, mounted: Option<String> },
    /// Something else.
    Other(String),
}

/// What `dev` is.
enum Place {
    Device,
    File,
    /// In a dry run what a task before this one makes.
    Foretold,
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let dev = paths::path(args.str("dev").unwrap_or_default(), task, facts)?;
    let is_present = args.str("state") != Some("absent");
    let (place, found) = match at(&dev, facts)? {
        Some(there) => there,
        None => {
            let missing = format!("Device {dev} not found.");
            if !is_present {
                return Ok(Decision::unchanged().with("msg", missing));
            }
            return Err(Halt::fail(right_name(&dev, facts)?.map_or(missing.clone(), |right| format!("{missing} {right}"))));
        }
    };
    if !is_present {
        return match found {
            Found::Type { kind, what, .. } => Err(Halt::refuse(
                format!("{dev} holds {kind}{what}: a playbook wipes nothing"),
                format!(
                    "homelabctl disk explain {} {dev} shows what is on it; wipefs(8) by hand takes it away, and homelabctl disk wipe all of a disk",
                    facts.scope().host
                ),
            )),
            _ => Ok(Decision::unchanged()),
        };
    }
    let wanted = args.str("fstype").unwrap_or_default();
    let Some((_, kind, program, force)) = TYPES.iter().find(|(name, ..)| *name == wanted) else {
        return Err(Halt::fail(format!("there are no programs for {wanted} on Linux")));
    };
    if args.is("resizefs") && !GROW.contains(kind) {
        return Err(Halt::fail(format!("module does not support resizing {wanted} filesystem yet.")));
    }
    let hint = match place {
        Place::Device => examine(facts, &dev, Extent::Sampled)?.ways_on(&facts.scope().host, &dev),
        Place::File => "name another file, or remove this one".to_owned(),
        Place::Foretold => "another task of this run makes it so".to_owned(),
    };
    match found {
        Found::Type { kind: is, mounted, .. } if is == *kind && args.is("resizefs") => return grow(facts, &dev, &is, mounted),
        Found::Type { kind: is, uuid, .. } if is == *kind => return Ok(same(task, &dev, &is, uuid.as_deref())),
        Found::Type { kind: is, what, .. } => {
            return Err(Halt::refuse(
                format!("'{dev}' is already used as {is}{what}, and is never written over, whatever `force` says"),
                hint,
            ));
        }
        Found::Other(what) => return Err(Halt::refuse(format!("{dev} is not empty: {what}"), hint)),
        Found::Empty => {}
    }
    let mut options: Vec<String> = force.iter().map(|word| (*word).to_owned()).collect();
    options.extend(uuid_words(args.str("uuid"), wanted)?);
    let more: Vec<String> = args.str("opts").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    if let Some(word) = more.iter().find(|word| word.contains('/')) {
        return Err(Halt::refuse(
            format!("`opts` has {word}: what another device holds is not looked at, and `{program}` would write over it"),
            "a filesystem on several devices is made by a command, whose devices are looked at one by one",
        ));
    }
    options.extend(more);
    let step = MakeFilesystem { path: dev.clone(), program: (*program).to_owned(), options };
    let mut change: Change = Plan::change([step.into()]).differs(format!("filesystem on {dev}"), None, Some(wanted.to_owned()));
    change.expect.push(match place {
        Place::File => Expect::is(&ImageContents::new(&dev), &Image::Is((*kind).to_owned())),
        _ => Expect::is(&ForetoldDevice::new(&dev), &WillHold::Kind((*kind).to_owned())).loosely(),
    });
    Ok(planned(change))
}

/// What is there takes all of its device.
fn grow(facts: &Facts<'_>, dev: &str, kind: &str, mounted: Option<String>) -> Result<Decision, Halt> {
    let needs_mount = || Halt::fail(format!("{dev} needs to be mounted for {kind} operations"));
    if kind == "btrfs" && mounted.is_none() {
        return Err(needs_mount());
    }
    let extent = FilesystemExtent::new(dev, kind, mounted.clone());
    let Some(FilesystemRoom { filesystem, device, block }) = facts.get(extent.clone())? else {
        return Err(Halt::fail(format!("Device {dev} not found.")));
    };
    let slack = if kind == "xfs" { 64 * 4096 } else { block };
    if filesystem.saturating_add(slack) > device {
        return Ok(Decision::unchanged().with("msg", format!("{kind} filesystem is using the whole device {dev}")));
    }
    if kind == "xfs" && mounted.is_none() {
        return Err(needs_mount());
    }
    let step = GrowFilesystem { path: dev.to_owned(), kind: kind.to_owned(), mounted: mounted.unwrap_or_default() };
    let bytes = |bytes: u64| Some(format!("{bytes} bytes"));
    let change = Plan::change([step.into()]).differs(format!("size of {kind} on {dev}"), bytes(filesystem), bytes(device));
    let whole = Expect::field(&extent, "filesystem", device).and("device", device).and("block", block).loosely();
    Ok(planned(change.expect(whole)).with("msg", format!("resizing filesystem {kind} on device {dev}")))
}

/// It has such a filesystem already, which stays as it is.
fn same(task: &Task<'_>, dev: &str, kind: &str, uuid: Option<&str>) -> Decision {
    let mut decision = Decision::unchanged();
    if task.args.is("force") {
        decision = decision.warns(format!("{dev} is {kind} already: it is not made anew"));
    }
    match (task.args.str("uuid"), uuid) {
        (Some(wanted), Some(is)) if !wanted.eq_ignore_ascii_case(is) => {
            decision.warns(format!("{dev} is {kind} already, and keeps its UUID {is}, since fstab and others may name it"))
        }
        _ => decision,
    }
}

/// What is at that path, and what is on it; nothing where nothing is.
fn at(dev: &str, facts: &Facts<'_>) -> Result<Option<(Place, Found)>, Halt> {
    let stat = match facts.get(Stat::followed(dev)) {
        Err(Stop::Unknown(why)) => {
            let found = match facts.get(ForetoldDevice::new(dev))? {
                None => return Err(Stop::Unknown(why).into()),
                Some(WillHold::Nothing) => Found::Empty,
                Some(WillHold::Kind(kind)) => Found::Type { kind, what: String::new(), uuid: None, mounted: None },
            };
            return Ok(Some((Place::Foretold, found)));
        }
        stat => stat?,
    };
    Ok(match stat.map(|stat| stat.kind) {
        None => None,
        Some(FileKind::BlockDevice) => Some((Place::Device, on_device(dev, facts)?)),
        Some(FileKind::File) => Some((Place::File, in_file(dev, facts)?)),
        Some(_) => return Err(Halt::fail(format!("Target device not supported: {dev}"))),
    })
}

fn on_device(dev: &str, facts: &Facts<'_>) -> Result<Found, Halt> {
    let examined = examine(facts, dev, Extent::Sampled)?;
    let place = |evidence: &Evidence| evidence.uses.mounts.iter().find(|mount| !mount.elsewhere).map(|mount| mount.target.clone());
    let mounted = examined.evidence.as_ref().and_then(place);
    let device = examined.evidence.map(|evidence| evidence.contents.device);
    let (kind, uuid) = match device {
        Some(device) if !device.is_ambiguous && device.table.is_none() => (device.kind, device.uuid),
        _ => (None, None),
    };
    Ok(match (kind, examined.class) {
        (_, Class::Blank | Class::EmptyTable | Class::BlankPartition) => Found::Empty,
        (Some(kind), class) => Found::Type { kind, what: format!(" ({class})"), uuid, mounted },
        (None, class) => Found::Other(class.to_string()),
    })
}

fn in_file(dev: &str, facts: &Facts<'_>) -> Result<Found, Halt> {
    Ok(match facts.get(ImageContents::new(dev))? {
        Some(Image::Zeros) => Found::Empty,
        Some(Image::Is(kind)) => Found::Type { kind, what: String::new(), uuid: None, mounted: None },
        Some(Image::Unknown) => Found::Other("it is a file with data of no known format".into()),
        None => return Err(Halt::fail(format!("Device {dev} not found."))),
    })
}

/// The words that give a new filesystem its UUID.
fn uuid_words(uuid: Option<&str>, fstype: &str) -> Result<Vec<String>, Halt> {
    let Some(uuid) = uuid else { return Ok(Vec::new()) };
    // words for one that is made up, which a new filesystem has anyway
    if matches!(uuid, "random" | "generate" | "time") {
        return Ok(Vec::new());
    }
    let words: Vec<String> = match fstype {
        "ext2" | "ext3" | "ext4" | "ext4dev" | "bcachefs" => vec!["-U".into(), uuid.into()],
        "xfs" => vec!["-m".into(), format!("uuid={uuid}")],
        "lvm" => vec!["--uuid".into(), uuid.into(), "--norestorefile".into()],
        _ => return Err(Halt::fail(format!("module does not support UUID option for this filesystem ({fstype}) yet."))),
    };
    Ok(words)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};
    use crate::node::steps::Step;

    pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = World::new(random.number());
        world.add_directory("/srv", 0o755);
        for (name, content) in
            [("small", &b"small ext4"[..]), ("zeros", &b"\0\0\0\0"[..]), ("ext4", b"ext4"), ("swap", b"swap"), ("text", b"hello")]
        {
            world.add_file(&format!("/srv/{name}"), content, 0o644);
        }
        let dev =
            *random.pick(&["/srv/zeros", "/srv/zeros", "/srv/small", "/srv/ext4", "/srv/swap", "/srv/text", "/srv/none", "/srv"]).unwrap();
        let mut args = json!({"dev": dev, "fstype": *random.pick(&["ext4", "swap", "xfs", "vfat"]).unwrap()});
        let more = [("state", json!("absent")), ("force", json!(true)), ("opts", json!("-L data")), ("uuid", json!("5d-1"))];
        for (name, value) in more {
            if random.once_in(4) {
                args[name] = value;
            }
        }
        if random.once_in(5) && args.get("uuid").is_none() {
            args["resizefs"] = true.into();
        }
        (Bench::new(world), args)
    }

    fn bench() -> Bench {
        let mut world = World::new(1);
        world.add_directory("/dev/disk/by-id", 0o755);
        world.add_file("/dev/nvme0n1", b"", 0o600);
        world.add_file("/dev/disk/by-id/nvme-x_1", b"", 0o600);
        world.add_file("/zeros", b"\0\0", 0o600);
        world.add_file("/swap", b"swap", 0o600);
        Bench::new(world)
    }

    #[test]
    fn partitions_of_disks_whose_names_end_in_a_digit() {
        for (dev, right) in [
            ("/dev/nvme0n11", "Partition 1 of /dev/nvme0n1 is called /dev/nvme0n1p1"),
            ("/dev/disk/by-id/nvme-x_12", "Partition 2 of /dev/disk/by-id/nvme-x_1 is called /dev/disk/by-id/nvme-x_1-part2"),
        ] {
            let Seen::Failed(why) = bench().run(&Filesystem, &json!({"dev": dev, "fstype": "ext4"})) else { panic!("{dev}") };
            assert_eq!(why, format!("Device {dev} not found. {right}"));
        }
        let Seen::Failed(why) = bench().run(&Filesystem, &json!({"dev": "/dev/sdb1", "fstype": "ext4"})) else { panic!() };
        assert_eq!(why, "Device /dev/sdb1 not found.");
    }

    #[test]
    fn what_is_there_is_never_written_over() {
        let args = json!({"dev": "/swap", "fstype": "ext4", "force": true});
        let Seen::Refused(why) = bench().run(&Filesystem, &args) else { panic!() };
        assert_eq!(why, "'/swap' is already used as swap, and is never written over, whatever `force` says");
        let Seen::Refused(why) = bench().run(&Filesystem, &json!({"dev": "/swap", "state": "absent"})) else { panic!() };
        assert_eq!(why, "/swap holds swap: a playbook wipes nothing");
        assert!(matches!(bench().run(&Filesystem, &json!({"dev": "/swap", "fstype": "swap", "force": true})), Seen::Unchanged(_)));
    }

    #[test]
    fn one_that_is_smaller_than_its_device_grows_and_keeps_what_it_holds() {
        let mut world = World::new(1);
        world.add_file("/small", b"small ext4", 0o600);
        let mut bench = Bench::new(world);
        let args = json!({"dev": "/small", "fstype": "ext4", "resizefs": true});
        let Seen::Changed(_, change, _) = bench.run(&Filesystem, &args) else { panic!() };
        let [Step::GrowFilesystem(step)] = change.steps.as_slice() else { panic!("{change:?}") };
        assert_eq!((step.path.as_str(), step.kind.as_str()), ("/small", "ext4"));
        assert!(matches!(bench.run(&Filesystem, &args), Seen::Unchanged(_)));
        let other = json!({"dev": "/small", "fstype": "xfs", "resizefs": true});
        assert!(matches!(bench.run(&Filesystem, &other), Seen::Refused(_)));
        let mut world = World::new(1);
        world.add_file("/swap", b"small swap", 0o600);
        let seen = Bench::new(world).run(&Filesystem, &json!({"dev": "/swap", "fstype": "swap", "resizefs": true}));
        assert!(matches!(seen, Seen::Failed(_)), "{seen:?}");
    }

    #[test]
    fn a_new_one_has_what_was_asked_for() {
        let args = json!({"dev": "/zeros", "fstype": "xfs", "uuid": "5d-1", "opts": "-L data"});
        let Seen::Changed(_, change, _) = bench().run(&Filesystem, &args) else { panic!() };
        let [Step::MakeFilesystem(step)] = change.steps.as_slice() else { panic!("{change:?}") };
        assert_eq!((step.program.as_str(), step.options.join(" ").as_str()), ("mkfs.xfs", "-f -m uuid=5d-1 -L data"));
    }
}
