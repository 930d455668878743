//! Settings that are wrong on any machine: told before one is reached.

use crate::disk::SizeRange;
use crate::disk::longhorn::{bad_name, bad_tag};
use crate::modules::mount::fstab::Line;
use crate::modules::{Args, Wrong};

/// Below these nothing stays.
const KERNELS: [&str; 4] = ["/proc", "/sys", "/dev", "/run"];
/// Mount options that mount no disk.
const NO_DISKS: [&str; 5] = ["bind", "rbind", "remount", "move", "loop"];

/// All that is wrong with them.
pub(super) fn wrong(args: &Args) -> Vec<Wrong> {
    let mut all = Vec::new();
    all.extend(args.str("size").and_then(size));
    all.extend(args.str("by_id").and_then(by_id));
    all.extend(args.str("device").and_then(|device| unstable(device, args.bool("allow_unstable_name"))));
    all.extend(["wwn", "serial", "model", "transport"].into_iter().filter_map(|name| empty(name, args.str(name)?)));
    all.extend(args.str("mount").and_then(mount));
    all.extend(args.str("opts").and_then(opts));
    all.extend(args.str("name").and_then(bad_name).map(|why| Wrong::new("name", not_taken(&why), "")));
    all.extend(args.list("tags").unwrap_or_default().into_iter().find_map(bad_tag).map(|why| Wrong::new("tags", not_taken(&why), "")));
    all
}

fn not_taken(why: &str) -> String {
    format!("Longhorn would not take the disk: {why}")
}

fn size(text: &str) -> Option<Wrong> {
    text.parse::<SizeRange>().err().map(|bad| Wrong::new("size", format!("`size`: {bad}"), ""))
}

fn by_id(given: &str) -> Option<Wrong> {
    let name = given.strip_prefix("/dev/disk/by-id/").unwrap_or(given);
    let partition = name.rsplit_once("-part").filter(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    let why = match partition {
        _ if name.is_empty() || name.contains('/') || name.contains(char::is_whitespace) => {
            format!("`by_id` is a name under /dev/disk/by-id, not {given:?}")
        }
        Some((disk, _)) => return Some(Wrong::new("by_id", format!("{name} is a partition"), format!("name its disk: `by_id: {disk}`"))),
        None => return None,
    };
    Some(Wrong::new("by_id", why, "`homelabctl disk list` shows the names of the disks"))
}

/// A kernel's name that is not said to be good enough.
fn unstable(path: &str, is_allowed: Option<bool>) -> Option<Wrong> {
    let show = "`homelabctl disk list` shows the names of the disks";
    if !path.starts_with("/dev/") || path.ends_with('/') {
        return Some(Wrong::new("device", format!("`device` is the path of a disk below /dev, not {path:?}"), show));
    }
    if path.starts_with("/dev/disk/by-id/") {
        return by_id(path).map(|wrong| Wrong { option: "device", ..wrong });
    }
    (is_allowed == Some(false)).then(|| {
        Wrong::new(
            "device",
            format!("{path} may be another disk after the next boot"),
            "name it with `by_id`, `wwn` or `serial` (`homelabctl disk list` shows them), or say `allow_unstable_name: true`",
        )
    })
}

fn empty(option: &'static str, value: &str) -> Option<Wrong> {
    let why = || format!("`{option}` is empty");
    value.trim().is_empty().then(|| Wrong::new(option, why(), "`homelabctl disk list` shows what the disks say of themselves"))
}

fn mount(path: &str) -> Option<Wrong> {
    let is_shortest = path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
    if !path.starts_with('/') || path == "/" || !is_shortest {
        let why = format!("`mount` is an absolute path in its shortest form, not {path:?}");
        return Some(Wrong::new("mount", why, "Longhorn's usual one is /var/lib/longhorn"));
    }
    let is_below = |above: &&&str| path.strip_prefix(**above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let kernels = KERNELS.iter().find(is_below)?;
    let why = format!("`mount` is {path}: what is made below {kernels} is gone after the next boot");
    Some(Wrong::new("mount", why, "Longhorn's usual one is /var/lib/longhorn"))
}

fn opts(opts: &str) -> Option<Wrong> {
    let hint = "options as in fstab, with commas between them: `defaults,nofail,noatime`";
    let line = Line { src: "UUID=x", name: "/x", fstype: "ext4", opts, dump: "0", passno: "0" };
    if let Some(why) = line.problem() {
        return Some(Wrong::new("opts", why, hint));
    }
    if opts.contains(char::is_whitespace) {
        return Some(Wrong::new("opts", format!("`opts` has a blank in it: {opts:?}"), hint));
    }
    let option = opts.split(',').find(|option| NO_DISKS.contains(option))?;
    Some(Wrong::new("opts", format!("`opts` has `{option}`, and it is a disk that is mounted"), hint))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::HomelabLonghornDisk;
    use super::*;
    use crate::modules::bench::Bench;

    fn of(args: &Value) -> Vec<&'static str> {
        wrong(&Bench::args(&HomelabLonghornDisk, args)).into_iter().map(|wrong| wrong.option).collect()
    }

    #[test]
    fn each_is_said_of_its_option() {
        for (args, wrong) in [
            (json!({"size": "140G..160G"}), &[][..]),
            (json!({"size": "160G..140G"}), &["size"]),
            (
                json!({"size": "big", "mount": "longhorn", "opts": "a\nb", "name": "a b", "tags": ["ok", "-"]}),
                &["size", "mount", "opts", "name", "tags"],
            ),
            (json!({"by_id": "scsi-0QEMU_lh1", "mount": "/srv/a b", "opts": "noatime"}), &[]),
            (json!({"by_id": "/dev/disk/by-id/wwn-0x5000"}), &[]),
            (json!({"by_id": "/dev/sdb"}), &["by_id"]),
            (json!({"by_id": "by-id/x"}), &["by_id"]),
            (json!({"by_id": "wwn-0x5000-part1"}), &["by_id"]),
            (json!({"by_id": ""}), &["by_id"]),
            (json!({"device": "/dev/sdb"}), &["device"]),
            (json!({"device": "/dev/sdb", "allow_unstable_name": true}), &[]),
            (json!({"device": "sdb", "allow_unstable_name": true}), &["device"]),
            (json!({"device": "/dev/disk/by-id/x"}), &[]),
            (json!({"serial": " "}), &["serial"]),
            (json!({"serial": "1", "mount": "/srv/../x"}), &["mount"]),
            (json!({"serial": "1", "mount": "/run/longhorn"}), &["mount"]),
            (json!({"serial": "1", "mount": "/runs"}), &[]),
            (json!({"serial": "1", "opts": "defaults, nofail"}), &["opts"]),
            (json!({"serial": "1", "opts": "bind"}), &["opts"]),
            (json!({"serial": "1", "opts": ""}), &["opts"]),
        ] {
            assert_eq!(of(&args), wrong, "{args}");
        }
    }
}
