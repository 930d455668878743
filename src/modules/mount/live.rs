//! What is mounted at a place, beside what a task wants there.

use crate::modules::halt::Halt;
use crate::node::facts::{BlockDevice, BlockDevices, ForetoldDevice, Mount, RealPath, Stat, Status, Texts, WillHold};
use crate::plan::{Facts, Stop};

/// Whether there is something to mount at that path, or in a dry run is going to be.
pub fn is_there(source: &str, fstype: &str, facts: &Facts<'_>) -> Result<bool, Halt> {
    match facts.get(Stat::followed(source)) {
        Err(Stop::Unknown(why)) => match facts.get(ForetoldDevice::new(source))? {
            Some(WillHold::Kind(kind)) if kind == fstype || fstype == "auto" => Ok(true),
            _ => Err(Stop::Unknown(why).into()),
        },
        stat => Ok(stat?.is_some()),
    }
}

/// Whether that mount is of the source that a task names.
///
/// Both are resolved: `UUID=` and its kin, links to devices, loop devices, directories that are bound.
///
/// # Errors
/// What has to be read first.
pub fn is_of(mount: &Mount, at: &str, src: &str, fstype: &str, opts: &str, facts: &Facts<'_>) -> Result<bool, Halt> {
    if is_bind(opts) {
        let (one, other) = facts.get((Status::new(src, true), Status::new(at, true)))?;
        return Ok(matches!((one, other), (Some(one), Some(other)) if (one.device, one.inode) == (other.device, other.inode)));
    }
    if let Some((tag, value)) = tagged(src) {
        let devices = facts.get(BlockDevices)?.unwrap_or_default();
        let source = real(&mount.source, facts)?;
        return Ok(devices.iter().any(|device| is_tagged(device, tag, value) && (device.path == mount.source || device.path == source)));
    }
    // what is behind a filesystem in user space, and behind a root without an initramfs, the kernel does not tell
    if mount.kind.starts_with("fuse") || mount.source == "/dev/root" && at == "/" {
        return Ok(mount.source == "/dev/root" || kinds(fstype, &mount.kind));
    }
    if src.starts_with("//") || !src.starts_with('/') {
        // a name for what has no device may be any; a server's is its address
        let is_address = src.starts_with("//") || src.contains(':');
        let same = |one: &str, other: &str| one.trim_end_matches('/') == other.trim_end_matches('/');
        return Ok(kinds(fstype, &mount.kind) && (!is_address || same(src, &mount.source)));
    }
    let (wanted, is) = (real(src, facts)?, real(&mount.source, facts)?);
    if wanted == is {
        return Ok(true);
    }
    let Some(name) = is.strip_prefix("/dev/loop") else { return Ok(false) };
    let backing = facts.get(Texts::new([format!("/sys/block/loop{name}/loop/backing_file")]))?.unwrap_or_default();
    Ok(backing.first().and_then(|text| text.is()) == Some(wanted.as_str()))
}

fn is_bind(opts: &str) -> bool {
    opts.split(',').any(|option| matches!(option, "bind" | "rbind"))
}

/// Whether a source as fstab has it leads to that device: by a tag, by its path, or by a link to it.
pub fn leads_to(src: &str, device: &BlockDevice) -> bool {
    match tagged(src) {
        Some((tag, value)) => is_tagged(device, tag, value),
        None => {
            let by_uuid = || Some(src) == device.uuid.as_ref().map(|uuid| format!("/dev/disk/by-uuid/{uuid}")).as_deref();
            src == device.path
                || src.strip_prefix("/dev/disk/by-id/").is_some_and(|id| device.by_id.iter().any(|known| known == id))
                || by_uuid()
        }
    }
}

/// `UUID=…` and its kin.
fn tagged(src: &str) -> Option<(&str, &str)> {
    let (tag, value) = src.split_once('=')?;
    ["UUID", "LABEL", "PARTUUID", "PARTLABEL", "ID"].contains(&tag).then(|| (tag, value.trim_matches(['"', '\''])))
}

fn is_tagged(device: &BlockDevice, tag: &str, value: &str) -> bool {
    let is = |field: &Option<String>| field.as_deref().is_some_and(|field| field.eq_ignore_ascii_case(value));
    match tag {
        "UUID" => is(&device.uuid),
        "PARTUUID" => is(&device.partition_uuid),
        "LABEL" => device.label.as_deref() == Some(value),
        "PARTLABEL" => device.partition_label.as_deref() == Some(value),
        _ => device.by_id.iter().any(|id| id == value),
    }
}

/// Where a path leads; itself where it leads nowhere.
fn real(path: &str, facts: &Facts<'_>) -> Result<String, Halt> {
    if !path.starts_with('/') {
        return Ok(path.to_owned());
    }
    Ok(facts.get(RealPath::new(path))?.unwrap_or_else(|| path.to_owned()))
}

/// Whether a type as a task names it is what the kernel calls it.
fn kinds(wanted: &str, is: &str) -> bool {
    let family = |kind: &str| match kind {
        "nfs4" => "nfs".to_owned(),
        "smb3" => "cifs".to_owned(),
        // `fuse.glusterfs` is what the kernel calls what mount(8) knows as `glusterfs`
        other => other.strip_prefix("fuse.").unwrap_or(other).to_owned(),
    };
    // of these the kernel does not say which one it is
    matches!(wanted, "auto" | "none" | "fuse") || matches!(is, "fuse" | "fuseblk") || family(wanted) == family(is)
}

/// Whether a source that begins like a path may be something else: several directories of mergerfs, a pattern.
pub fn is_no_path(src: &str, fstype: &str) -> bool {
    fstype.starts_with("fuse") || src.contains([':', '*'])
}

/// Options that each mount has for itself: the one, and what takes it away.
const FLAGS: [(&str, &str); 7] = [
    ("ro", "rw"),
    ("nosuid", "suid"),
    ("nodev", "dev"),
    ("noexec", "exec"),
    ("noatime", "atime"),
    ("nodiratime", "diratime"),
    ("nosymfollow", "symfollow"),
];

/// Which of the options that a task names the mount does not have, as far as the kernel shows them.
///
/// What is for mount(8), systemd or the filesystem alone is not shown, or shown as something else, and is not compared.
pub fn differing<'a>(mount: &Mount, opts: &'a str) -> Vec<&'a str> {
    let has = |name: &str| mount.options.iter().any(|option| option == name);
    let is_read_only = has("ro") || mount.filesystem_options.iter().any(|option| option == "ro");
    let mut differing = Vec::new();
    for (on, off) in FLAGS {
        let Some(last) = opts.split(',').rfind(|option| *option == on || *option == off) else { continue };
        let is_on = if on == "ro" { is_read_only } else { has(on) };
        if is_on != (last == on) {
            differing.push(last);
        }
    }
    differing
}

/// The options for mount(8) itself: with `nofail` it would say nothing where it mounted nothing.
pub fn for_mounting(opts: &str) -> String {
    let kept: Vec<&str> = opts.split(',').filter(|option| !option.is_empty() && *option != "nofail").collect();
    if kept.is_empty() { "defaults".into() } else { kept.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(options: &[&str], filesystem: &[&str]) -> Mount {
        let list = |options: &[&str]| options.iter().map(|option| (*option).to_owned()).collect();
        Mount {
            target: "/x".into(),
            source: "/dev/sdb1".into(),
            kind: "ext4".into(),
            options: list(options),
            filesystem_options: list(filesystem),
            root: "/".into(),
        }
    }

    #[test]
    fn options_that_the_kernel_shows_are_compared() {
        let is = mount(&["rw", "noatime", "nosuid"], &["rw", "errors=continue"]);
        assert_eq!(differing(&is, "defaults,nofail,x-systemd.automount,data=ordered"), [""; 0]);
        assert_eq!(differing(&is, "noatime,rw,nosuid"), [""; 0]);
        assert_eq!(differing(&is, "ro,atime,nodev"), ["ro", "nodev", "atime"]);
        assert_eq!(differing(&is, "ro,rw"), [""; 0]);
        assert_eq!(differing(&mount(&["rw"], &["ro"]), "rw"), ["rw"]);
        assert_eq!(for_mounting("nofail"), "defaults");
        assert_eq!(for_mounting("noatime,nofail,ro"), "noatime,ro");
    }

    #[test]
    fn tags_and_types() {
        assert_eq!(tagged("UUID=\"a\""), Some(("UUID", "a")));
        assert_eq!((tagged("/dev/a=b"), tagged("server:/x=y")), (None, None));
        assert!(kinds("nfs", "nfs4") && kinds("auto", "xfs") && kinds("fuse.sshfs", "fuse") && !kinds("tmpfs", "ext4"));
    }
}
