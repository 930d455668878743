//! Mounts and block devices: facts/hardware/linux.py.

use serde_json::{Map, Value, json};

use super::gather::{Gather, Made};
use crate::node::facts::{BlockDevice, BlockDevices, FilesystemSize, FilesystemSizes, Mount, Mounts};

pub(super) fn mounts(gather: &Gather<'_>) -> Made {
    let (mounts, devices) = (gather.ask(Mounts), gather.ask(BlockDevices));
    let Some(mounts) = mounts else { return Vec::new() };
    let mounts: Vec<Mount> =
        mounts.into_iter().filter(|mount| (mount.source.starts_with('/') || mount.source.contains(":/")) && mount.kind != "none").collect();
    // what is behind a network may not answer
    let local: Vec<&str> = mounts.iter().filter(|mount| mount.source.starts_with('/')).map(|mount| mount.target.as_str()).collect();
    let sizes = if local.is_empty() { Vec::new() } else { gather.ask(FilesystemSizes::new(local.iter().copied())).unwrap_or_default() };
    let size = |mount: &Mount| {
        let at = local.iter().position(|target| *target == mount.target)?;
        sizes.get(at).copied().flatten()
    };
    let list: Vec<Value> = mounts.iter().map(|mount| of_mount(mount, size(mount), devices.as_deref().unwrap_or_default())).collect();
    vec![("mounts".into(), list.into())]
}

fn of_mount(mount: &Mount, size: Option<FilesystemSize>, devices: &[BlockDevice]) -> Value {
    let all = || mount.options.iter().chain(&mount.filesystem_options).map(String::as_str);
    // as /proc/mounts puts them together
    let mut options = vec![if all().any(|option| option == "ro") { "ro" } else { "rw" }];
    options.extend(all().filter(|option| !matches!(*option, "rw" | "ro")));
    if mount.root != "/" {
        options.push("bind");
    }
    let uuid = devices.iter().find(|device| device.path == mount.source).and_then(|device| device.uuid.clone());
    let mut map = Map::new();
    map.insert("mount".into(), mount.target.clone().into());
    map.insert("device".into(), mount.source.clone().into());
    map.insert("fstype".into(), mount.kind.clone().into());
    map.insert("options".into(), options.join(",").into());
    map.insert("dump".into(), 0.into());
    map.insert("passno".into(), 0.into());
    if let Some(size) = size {
        let fields = [
            ("size_total", size.fragment.saturating_mul(size.blocks)),
            ("size_available", size.fragment.saturating_mul(size.available)),
            ("block_size", size.block),
            ("block_total", size.blocks),
            ("block_available", size.available),
            ("block_used", size.blocks.saturating_sub(size.available)),
            ("inode_total", size.inodes),
            ("inode_available", size.free_inodes),
            ("inode_used", size.inodes.saturating_sub(size.free_inodes)),
        ];
        map.extend(fields.map(|(name, value)| (name.to_owned(), value.into())));
    }
    map.insert("uuid".into(), uuid.unwrap_or_else(|| "N/A".into()).into());
    map.into()
}

pub(super) fn devices(gather: &Gather<'_>) -> Made {
    let Some(devices) = gather.ask(BlockDevices) else { return Vec::new() };
    let map: Map<String, Value> = devices
        .iter()
        // device mapper's names here are not the kernel's
        .filter(|device| matches!(device.kind.as_str(), "disk" | "rom" | "loop") || device.kind.starts_with("raid"))
        .map(|device| (device.name.clone(), of_device(device, &devices)))
        .collect();
    vec![("devices".into(), map.into())]
}

fn of_device(device: &BlockDevice, devices: &[BlockDevice]) -> Value {
    let children = || devices.iter().filter(|other| other.parents.contains(&device.path));
    let partitions: Map<String, Value> = children()
        .filter(|other| other.kind == "part")
        .map(|part| {
            let value = json!({
                "holders": holders(part, devices),
                "links": links(part, devices),
                "size": human(part.size),
                "uuid": part.uuid,
            });
            (part.name.clone(), value)
        })
        .collect();
    let flag = |flag: bool| if flag { "1" } else { "0" };
    let mut map = Map::new();
    map.insert("virtual".into(), 1.into());
    map.insert("links".into(), links(device, devices));
    map.insert("model".into(), device.model.clone().into());
    if let Some(serial) = &device.serial {
        map.insert("serial".into(), serial.clone().into());
    }
    if let Some(wwn) = &device.wwn {
        map.insert("wwn".into(), wwn.clone().into());
    }
    map.insert("removable".into(), flag(device.removable).into());
    map.insert("rotational".into(), flag(device.rotational).into());
    map.insert("partitions".into(), partitions.into());
    map.insert("holders".into(), holders(device, devices));
    map.insert("size".into(), human(device.size).into());
    map.into()
}

/// What stands on it and is no partition.
fn holders(device: &BlockDevice, devices: &[BlockDevice]) -> Value {
    let on_it = devices.iter().filter(|other| other.parents.contains(&device.path) && other.kind != "part");
    on_it.map(|other| other.name.clone()).collect::<Vec<_>>().into()
}

fn links(device: &BlockDevice, devices: &[BlockDevice]) -> Value {
    json!({
        "ids": device.by_id,
        "labels": device.label.iter().collect::<Vec<_>>(),
        "uuids": device.uuid.iter().collect::<Vec<_>>(),
        "masters": holders(device, devices),
    })
}

/// A size as Ansible writes it: `32.00 GB`, by powers of 1024.
fn human(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB"];
    let power = UNITS.iter().enumerate().skip(1).rfind(|(power, _)| bytes >> (10 * power) > 0).map_or(0, |(power, _)| power);
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let size = bytes as f64 / (1u64 << (10 * power)) as f64;
    format!("{size:.2} {}", UNITS.get(power).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_ansibles() {
        assert_eq!(human(34_359_738_368), "32.00 GB");
        assert_eq!((human(0).as_str(), human(1023).as_str(), human(1536).as_str()), ("0.00 Bytes", "1023.00 Bytes", "1.50 KB"));
        assert_eq!(human(u64::MAX), "16.00 EB");
    }

    #[test]
    fn a_mount_has_its_sizes_and_options() {
        let mount = Mount {
            target: "/".into(),
            source: "/dev/vda1".into(),
            kind: "ext4".into(),
            options: vec!["rw".into(), "relatime".into()],
            filesystem_options: vec!["rw".into(), "errors=remount-ro".into()],
            root: "/".into(),
        };
        let size = FilesystemSize { fragment: 4096, block: 4096, blocks: 10, available: 4, inodes: 8, free_inodes: 3 };
        let value = of_mount(&mount, Some(size), &[]);
        assert_eq!((&value["options"], &value["uuid"]), (&"rw,relatime,errors=remount-ro".into(), &"N/A".into()));
        assert_eq!((&value["size_total"], &value["block_used"], &value["inode_used"]), (&40960.into(), &6.into(), &5.into()));
        let bound = Mount { root: "/x".into(), options: vec!["ro".into()], ..mount };
        assert_eq!(of_mount(&bound, None, &[])["options"], "ro,errors=remount-ro,bind");
    }
}
