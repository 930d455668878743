//! Programs that write to disks: how each is called where it does, and which of its words say where.

use super::shell::Word;
use super::{others, parted};

/// What a program does to what a word names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// It writes over it.
    Overwrites,
    /// It changes its partition table.
    Partitions,
    /// It makes the physical volume, or what may become one, a part of a volume group.
    Joins,
    /// It takes from it what makes it a physical volume.
    Leaves,
    /// It makes or removes logical volumes of that group.
    Carves,
    /// It makes that: an array, a volume group, a mapping.
    Makes,
}

/// What a program with its words does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing to a disk.
    None,
    /// That, to what these words name.
    Acts(Vec<(Does, Word)>),
    /// It cannot be seen to what; why.
    Unseen(String),
}

use Does::{Carves, Joins, Leaves, Makes, Overwrites, Partitions};

/// Programs that make something of a device, whatever their options are.
const MAKERS: [&str; 17] = [
    "mkfs",
    "mke2fs",
    "mkntfs",
    "mkdosfs",
    "mkexfatfs",
    "mkudffs",
    "mkreiserfs",
    "mkswap",
    "make-bcache",
    "blkdiscard",
    "shred",
    "nwipe",
    "scrub",
    "pvcreate",
    "pvremove",
    "vgcreate",
    "vgextend",
];
/// The others whose name alone says that a disk is meant.
const OTHERS: [&str; 41] = [
    "parted",
    "sgdisk",
    "gdisk",
    "cgdisk",
    "fdisk",
    "cfdisk",
    "sfdisk",
    "wipefs",
    "dd",
    "dcfldd",
    "dc3dd",
    "vgremove",
    "vgreduce",
    "lvcreate",
    "lvremove",
    "lvreduce",
    "lvresize",
    "mdadm",
    "zpool",
    "cryptsetup",
    "badblocks",
    "ddrescue",
    "bcachefs",
    "nvme",
    "hdparm",
    "ceph-volume",
    "sg_format",
    "lvconvert",
    "bmaptool",
    "coreos-installer",
    "ntfsclone",
    "integritysetup",
    "veritysetup",
    "systemd-repart",
    "drbdadm",
    "drbdmeta",
    "sg_sanitize",
    "sg_unmap",
    "sg_write_same",
    "vgcfgrestore",
    "sg_write_x",
];
/// Programs that write wherever they are told: only what is named below /dev counts.
const WRITERS: [&str; 7] = ["tee", "cp", "mv", "install", "truncate", "sponge", "qemu-img"];

/// Whether that program is one that is there to write to disks.
pub(super) fn is_destructive(name: &str) -> bool {
    name.starts_with("mkfs.") || MAKERS.contains(&name) || OTHERS.contains(&name)
}

/// Whether the name of one of them stands in a text.
pub(super) fn mentions(text: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).any(is_destructive)
}

/// What is below /dev and no disk.
pub(super) fn is_no_disk(path: &str) -> bool {
    const NAMES: [&str; 16] = [
        "null", "zero", "full", "random", "urandom", "stdin", "stdout", "stderr", "tty", "console", "kmsg", "log", "ptmx", "fuse", "kvm",
        "watchdog",
    ];
    const BEGINNINGS: [&str; 10] = ["fd/", "pts/", "shm/", "tcp/", "udp/", "mqueue/", "tty", "net/", "input/", "hugepages/"];
    let Some(name) = path.strip_prefix("/dev/") else { return true };
    if name.split('/').any(|part| part == "..") {
        return false;
    }
    // memory
    let number = name.strip_prefix("zram").or_else(|| name.strip_prefix("ram")).unwrap_or_default();
    if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    NAMES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

/// What a program does, by its name without the folder.
pub(super) fn effect(name: &str, arguments: &[Word]) -> Effect {
    if WRITERS.contains(&name) {
        return writer(name, arguments);
    }
    if !is_destructive(name) {
        return match name {
            "btrfs" => btrfs(arguments),
            "wget" | "curl" => others::download(arguments),
            "fio" => others::fio(arguments),
            "e2image" => others::e2image(arguments),
            "zfs" if arguments.first().is_some_and(|word| word.text == "destroy") => {
                Effect::Unseen("it destroys a dataset with all that is in it".into())
            }
            _ => Effect::None,
        };
    }
    let words: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).collect();
    if only_tells(name, &words) {
        return Effect::None;
    }
    if let Some(word) = arguments.iter().find(|word| !word.is_literal && !is_harmless_value(name, &word.text)) {
        return Effect::Unseen(format!("{:?} is filled in only when it runs", word.text));
    }
    let is_by_content = |word: &&Word| ["UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="].iter().any(|key| word.text.starts_with(key));
    if let Some(word) = arguments.iter().find(is_by_content) {
        return Effect::Unseen(format!("{} is whatever has that at the time", word.text));
    }
    let acts = match name {
        "dd" | "dcfldd" | "dc3dd" => each(Overwrites, arguments.iter().filter_map(|word| word.text.strip_prefix("of="))),
        "parted" => match parted::words(&words).split_first() {
            // each further device is selected
            Some((device, rest)) => {
                each(Partitions, [*device].into_iter().chain(rest.iter().copied().filter(|word| word.starts_with("/dev/"))))
            }
            None => return Effect::Unseen("it takes the first disk that it finds".into()),
        },
        "sgdisk" | "gdisk" | "cgdisk" | "fdisk" | "cfdisk" | "sfdisk" => each(Partitions, targets(name, arguments)),
        "pvremove" => each(Leaves, operands(arguments)),
        "vgcreate" => grouped(positional(arguments, LVM_VALUED)),
        // the group is there already, and keeps what it has
        "vgextend" => each(Joins, positional(arguments, LVM_VALUED).into_iter().skip(1)),
        "vgcfgrestore" => match positional(arguments, &["-f", "--file", "-M", "--metadatatype"]).split_last() {
            Some((group, _)) => each(Carves, [*group]),
            None => return Effect::Unseen("it names no group".into()),
        },
        "nvme" => return others::nvme(&words),
        "ceph-volume" => return others::ceph_volume(&operands(arguments)),
        "integritysetup" => each(Overwrites, operands(arguments).into_iter().filter(|word| *word != "format")),
        // behind the verb comes what is only read
        "veritysetup" => each(Overwrites, operands(arguments).into_iter().filter(|word| word.starts_with('/')).skip(1)),
        "drbdadm" | "drbdmeta" => return Effect::Unseen("its own files say to which device".into()),
        "systemd-repart" if !operands(arguments).iter().any(|word| word.starts_with("/dev/")) => {
            return Effect::Unseen("it names no device, and takes the one that the system is on".into());
        }
        "vgremove" | "lvcreate" | "vgreduce" => match group_of(name, &positional(arguments, LVM_VALUED)) {
            groups if groups.is_empty() => return Effect::Unseen("it names no group".into()),
            groups => groups,
        },
        "lvremove" | "lvreduce" | "lvresize" | "lvconvert" => match volumes(&positional(arguments, &of_volumes())) {
            Ok(volumes) => volumes,
            Err(why) => return Effect::Unseen(why),
        },
        "mdadm" => mdadm(arguments),
        "zpool" => return zpool(&positional(arguments, &["-o", "-O", "-m", "-R", "-t"])),
        "cryptsetup" => cryptsetup(arguments),
        // what is read, what is written, a list of what was read
        "ddrescue" => each(Overwrites, operands(arguments).into_iter().skip(1).take(1)),
        // the image and the device
        "bmaptool" | "coreos-installer" => each(Overwrites, operands(arguments).into_iter().skip(1).last()),
        "ntfsclone" => each(Overwrites, others::ntfsclone(&words)),
        _ => each(Overwrites, targets(name, arguments)),
    };
    Effect::Acts(acts)
}

/// `key=value` of dd whose value does not say where.
fn is_harmless_value(name: &str, text: &str) -> bool {
    const KEYS: [&str; 9] = ["if=", "bs=", "ibs=", "obs=", "count=", "skip=", "seek=", "status=", "conv="];
    matches!(name, "dd" | "dcfldd" | "dc3dd") && KEYS.iter().any(|key| text.starts_with(key))
}

pub(super) fn each<'a>(does: Does, words: impl IntoIterator<Item = &'a str>) -> Vec<(Does, Word)> {
    words.into_iter().map(|word| (does, Word::literal(word))).collect()
}

/// Every word that may be a path: those that are no options, and what stands behind `=` in the others.
pub(super) fn operands(arguments: &[Word]) -> Vec<&str> {
    let is_path = |word: &&str| !word.is_empty() && word.parse::<f64>().is_err();
    arguments
        .iter()
        .filter_map(|word| {
            let text = word.text.as_str();
            match text.split_once("=/") {
                Some((before, _)) => text.get(before.len() + 1..),
                None if text.starts_with('-') => None,
                None => Some(text),
            }
        })
        .filter(is_path)
        .collect()
}

/// The words that may be paths, without the values of options that are none.
fn targets<'a>(name: &str, arguments: &'a [Word]) -> Vec<&'a str> {
    let valued: &[&str] = match name {
        "sgdisk" => &["-n", "-t", "-c", "-d", "-u", "-U", "-A", "-a"],
        "mke2fs" | "mkfs" | "mkswap" => &["-L", "-t", "-n", "-U", "-E", "-O", "-m", "-T", "-b", "-i", "-N"],
        name if name.starts_with("mkfs.") => &["-L", "-t", "-n", "-U", "-E", "-O", "-m", "-T", "-b", "-i", "-N"],
        _ => &[],
    };
    let is_value = |index: usize, word: &Word| {
        let before = index.checked_sub(1).and_then(|before| arguments.get(before));
        !word.text.contains('/') && before.is_some_and(|option| valued.contains(&option.text.as_str()))
    };
    let rest: Vec<Word> =
        arguments.iter().enumerate().filter(|(index, word)| !is_value(*index, word)).map(|(_, word)| word.clone()).collect();
    // an option of that name may have no value with another maker: something must be left
    let left = operands(&rest).len();
    let all = operands(arguments);
    if left == 0 { all } else { all.into_iter().filter(|text| rest.iter().any(|word| word.text.ends_with(text))).collect() }
}

/// The words that are neither options nor their values.
fn positional<'a>(arguments: &'a [Word], valued: &[&str]) -> Vec<&'a str> {
    let (mut found, mut skips, mut all) = (Vec::new(), false, false);
    for word in arguments {
        let text = word.text.as_str();
        match text {
            _ if skips => skips = false,
            _ if all => found.push(text),
            "--" => all = true,
            _ if text.starts_with("--") => skips = valued.contains(&text),
            // short options may stand together; the value of one is what is left, or the next word
            _ if text.starts_with('-') && text.len() > 1 => {
                let is_valued = |c: char| valued.iter().any(|option| option.len() == 2 && option.ends_with(c));
                let at = text.char_indices().skip(1).find(|(_, c)| is_valued(*c)).map(|(at, c)| at + c.len_utf8());
                skips = at == Some(text.len());
            }
            _ => found.push(text),
        }
    }
    found
}

/// Options of LVM's programs that have a value behind them.
const LVM_VALUED: &[&str] = &[
    "-A",
    "-I",
    "-L",
    "-M",
    "-c",
    "-i",
    "-l",
    "-m",
    "-n",
    "-p",
    "-r",
    "-s",
    "-x",
    "-S",
    "-V",
    "-W",
    "-Z",
    "--addtag",
    "--alloc",
    "--autobackup",
    "--chunksize",
    "--dataalignment",
    "--extents",
    "--maxlogicalvolumes",
    "--maxphysicalvolumes",
    "--metadatasize",
    "--name",
    "--select",
    "--physicalextentsize",
    "--poolmetadatasize",
    "--size",
    "--stripes",
    "--stripesize",
    "--type",
    "--virtualsize",
    "--wipesignatures",
    "--zero",
];

/// A group's name and the volumes that join it.
fn grouped(words: Vec<&str>) -> Vec<(Does, Word)> {
    let Some((group, volumes)) = words.split_first() else { return Vec::new() };
    [each(Makes, [*group]), each(Joins, volumes.iter().copied())].concat()
}

/// The group that a word names: `vg`, `vg/lv`, `/dev/vg`, `/dev/vg/lv`.
fn group(word: &str) -> &str {
    let word = word.strip_prefix("/dev/").unwrap_or(word);
    word.split('/').next().unwrap_or(word)
}

fn group_of(name: &str, words: &[&str]) -> Vec<(Does, Word)> {
    // behind the group come the physical volumes that are to be used
    let taken = if name == "vgremove" { words.len() } else { 1 };
    each(Carves, words.iter().take(taken).map(|word| group(word)))
}

fn volumes(words: &[&str]) -> Result<Vec<(Does, Word)>, String> {
    let path = |word: &&str| {
        let word = word.strip_prefix("/dev/").unwrap_or(word);
        word.contains('/').then(|| (Overwrites, Word::literal(format!("/dev/{word}"))))
    };
    if words.is_empty() {
        return Err("it names no volume".into());
    }
    words.iter().map(|word| path(word).ok_or_else(|| format!("{word} is a whole group: name the volume, GROUP/VOLUME"))).collect()
}

fn mdadm(arguments: &[Word]) -> Vec<(Does, Word)> {
    let words = operands(arguments);
    let has = |long: &str, short: char| {
        arguments.iter().map(|word| word.text.as_str()).any(|word| match word.strip_prefix("--") {
            Some(name) => !name.is_empty() && long.starts_with(name),
            None => word.starts_with('-') && word.contains(short),
        })
    };
    if has("create", 'C') || has("build", 'B') {
        // options may have words as their values
        let mut paths = words.into_iter().filter(|word| word.starts_with('/'));
        return [each(Makes, paths.next()), each(Overwrites, paths)].concat();
    }
    // the first is the array that members are added to
    let adds = has("add-spare", 'a') || has("add-journal", 'a') || has("re-add", 'a') || has("grow", 'G');
    let taken = usize::from(adds);
    each(Overwrites, words.into_iter().skip(taken))
}

fn zpool(words: &[&str]) -> Effect {
    let Some((verb, rest)) = words.split_first() else { return Effect::None };
    match *verb {
        "create" | "add" | "attach" | "replace" | "labelclear" => {
            let devices = rest.iter().skip(usize::from(*verb != "labelclear")).map(|word| match *word {
                word if word.starts_with('/') || word.contains('=') => word.to_owned(),
                word => format!("/dev/{word}"),
            });
            // words that zpool knows, and that are no devices
            let kinds = ["mirror", "spare", "log", "cache", "special", "dedup"];
            let is_one = |name: &str| kinds.contains(&name) || name.starts_with("raidz") || name.starts_with("draid");
            let is_kind = |path: &String| path.strip_prefix("/dev/").is_some_and(is_one);
            Effect::Acts(devices.filter(|path| !is_kind(path)).map(|path| (Overwrites, Word::literal(path))).collect())
        }
        "destroy" => Effect::Unseen("it destroys a pool with all that is in it".into()),
        _ => Effect::None,
    }
}

fn cryptsetup(arguments: &[Word]) -> Vec<(Does, Word)> {
    let words = operands(arguments);
    const VERBS: [&str; 9] =
        ["luksFormat", "format", "reencrypt", "luksErase", "erase", "luksKillSlot", "luksRemoveKey", "luksHeaderRestore", "tcryptFormat"];
    let Some(at) = words.iter().position(|word| VERBS.contains(word)) else { return Vec::new() };
    // a detached header is written too, and may stand before the verb
    each(Overwrites, words.iter().enumerate().filter(|(index, word)| *index > at || word.starts_with('/')).map(|(_, word)| *word))
}

fn btrfs(arguments: &[Word]) -> Effect {
    let words: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).filter(|word| !word.starts_with('-')).collect();
    let devices = match words.as_slice() {
        ["device" | "dev", "add", rest @ ..] => rest,
        ["replace", "start", _, rest @ ..] => rest,
        _ => return Effect::None,
    };
    if let Some(word) = arguments.iter().find(|word| !word.is_literal) {
        return Effect::Unseen(format!("{:?} is filled in only when it runs", word.text));
    }
    Effect::Acts(each(Overwrites, devices.iter().copied().filter(|word| word.starts_with("/dev/"))))
}

fn writer(name: &str, arguments: &[Word]) -> Effect {
    if name == "qemu-img" {
        return others::qemu_img(arguments);
    }
    let is_disk = |word: &&Word| word.text.starts_with("/dev/") && !is_no_disk(&word.text);
    let named: Vec<&Word> = arguments.iter().filter(|word| !word.text.starts_with('-')).collect();
    // the others write to their last word
    let skipped = if matches!(name, "tee" | "truncate" | "sponge") { 0 } else { named.len().saturating_sub(1) };
    let disks: Vec<&Word> = named.into_iter().skip(skipped).filter(is_disk).collect();
    match disks.iter().find(|word| !word.is_literal) {
        Some(word) => Effect::Unseen(format!("{:?} is filled in only when it runs", word.text)),
        None if disks.is_empty() => Effect::None,
        None => Effect::Acts(disks.into_iter().map(|word| (Overwrites, word.clone())).collect()),
    }
}

/// Whether a call of one of them changes nothing.
fn only_tells(name: &str, words: &[&str]) -> bool {
    let has = |options: &[&str]| words.iter().any(|word| options.contains(&word.split('=').next().unwrap_or(word)));
    // short options may stand together, and behind one that has a value there is none
    let valued = match name {
        "fdisk" => "bcCHLoStuwW",
        "wipefs" => "oOt",
        "badblocks" => "bcdeiopt",
        _ => "",
    };
    let letters = |word: &&str| {
        let cluster = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')).unwrap_or_default();
        let cluster = cluster.split('=').next().unwrap_or_default();
        let end = cluster.find(|c: char| valued.contains(c)).map_or(cluster.len(), |at| at + 1);
        cluster.get(..end).unwrap_or_default().to_owned()
    };
    let has_letter = |wanted: &str| words.iter().any(|word| letters(word).chars().any(|c| wanted.contains(c)));
    // a long option may be shortened
    let may_mean = |options: &[&str]| {
        let given = words.iter().filter_map(|word| word.split('=').next()).filter(|word| word.len() > 2 && word.starts_with("--"));
        given.into_iter().any(|word| options.iter().any(|option| option.starts_with(word)))
    };
    let all_are = |options: &[&str]| {
        let given: Vec<&&str> = words.iter().filter(|word| word.starts_with('-')).collect();
        !given.is_empty() && given.iter().all(|word| options.contains(&word.split('=').next().unwrap_or(word)))
    };
    if has(&["--help", "--version", "-V"]) && words.len() == 1 {
        return true;
    }
    match name {
        "parted" => parted::only_tells(words),
        "sgdisk" => {
            all_are(&["-p", "--print", "-i", "--info", "-v", "--verify", "-P", "--pretend", "-E", "-F", "-f", "-L", "-D", "-b", "--backup"])
        }
        "gdisk" | "cgdisk" => has(&["-l"]),
        "fdisk" => has(&["--list", "--getsz", "--list-details"]) || has_letter("lsx"),
        "cfdisk" => false,
        "sfdisk" => {
            const TELL: [&str; 13] =
                ["-l", "--list", "-d", "--dump", "-J", "--json", "-F", "--list-free", "-g", "-s", "-T", "-V", "--verify"];
            const CHANGE: [&str; 8] =
                ["--delete", "--activate", "--reorder", "--part-", "--disk-id", "--relocate", "--append", "--discard-free"];
            let changes = may_mean(&CHANGE) || words.iter().any(|word| word.starts_with("--part-")) || has_letter("ArNa");
            has(&["-n", "--no-act"]) || has(&TELL) && !changes
        }
        "wipefs" => has(&["--no-act"]) || has_letter("n") || !(may_mean(&["--all", "--offset"]) || has_letter("ao")),
        "blkdiscard" | "mkswap" => false,
        "mdadm" => {
            !(may_mean(&["--create", "--build", "--add", "--add-spare", "--add-journal", "--re-add", "--grow", "--zero-superblock"])
                || has_letter("CBGa"))
        }
        "cryptsetup" => cryptsetup(&words.iter().map(|word| Word::literal(*word)).collect::<Vec<_>>()).is_empty(),
        "badblocks" => !has_letter("wn"),
        "bcachefs" => !(has(&["format"]) || words.first() == Some(&"device") && has(&["add"])),
        "nvme" => !has(&["format", "sanitize", "write", "write-zeroes", "write-uncor", "dsm", "delete-ns", "create-ns", "detach-ns"]),
        "integritysetup" | "veritysetup" => !has(&["format"]),
        "drbdadm" => !words.iter().any(|word| word.ends_with("-md") && *word != "dump-md"),
        "systemd-repart" => !["--dry-run=no", "--dry-run=false", "--dry-run=0", "--dry-run=off"].iter().any(|no| words.contains(no)),
        "vgcfgrestore" => has(&["-l", "--list", "-t", "--test"]),
        "hdparm" => !words.iter().any(|word| {
            word.starts_with("--security-erase")
                || word.starts_with("--trim-sector")
                || ["--write-sector", "--repair-sector", "--make-bad-sector", "--dco-restore"].contains(word)
        }),
        "ceph-volume" => !(has(&["zap", "create", "prepare", "batch"])),
        "lvresize" => !may_shrink(words),
        // what becomes a pool loses what it held
        "lvconvert" => {
            let makes_a_pool =
                words.iter().any(|word| word.contains("pool")) || has_letter("TH") || may_mean(&["--thin", "--cache", "--vdopool"]);
            !(makes_a_pool || may_mean(&["--merge", "--mergesnapshot", "--mergethin", "--mergemirrors"]))
        }
        "vgreduce" => !may_mean(&["--removemissing"]),
        "bmaptool" => !words.contains(&"copy"),
        "coreos-installer" => !words.contains(&"install"),
        _ => false,
    }
}

/// Whether a size stands there that may be a smaller one: any but those that are added.
fn may_shrink(words: &[&str]) -> bool {
    words.iter().enumerate().any(|(index, word)| {
        let glued = match word.strip_prefix("--") {
            Some(long) => match long.split_once('=') {
                Some(("size" | "extents", size)) => Some(size),
                None if matches!(long, "size" | "extents") => Some(""),
                _ => None,
            },
            // short options may stand together: `-fL 5G`
            None => word.strip_prefix('-').and_then(|cluster| cluster.split_once(['L', 'l'])).map(|(_, size)| size),
        };
        let size = glued.map(|size| if size.is_empty() { words.get(index + 1).copied().unwrap_or_default() } else { size });
        size.is_some_and(|size| !size.starts_with('+'))
    })
}

/// As [`LVM_VALUED`], for programs whose `-r` has no value: it resizes the filesystem.
fn of_volumes() -> Vec<&'static str> {
    LVM_VALUED.iter().copied().filter(|option| *option != "-r").collect()
}
