//! Block devices: lsblk(8), and the links under /dev/disk/by-id.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parse::{no_words, unquote_c};
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// All block devices, each before those that stand on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockDevices;

impl Fact for BlockDevices {
    type Value = Vec<BlockDevice>;

    fn query(&self) -> Query {
        // what is on a disk and where it is mounted are in it
        Query::new(KIND.name, [""; 0], vec![Touch::BlockDevice("/dev/".into()), Touch::Mounts, Touch::Modules])
    }
}

/// A block device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockDevice {
    /// The kernel's name.
    pub name: String,
    /// The path of its node.
    pub path: String,
    /// `disk`, `part`, `lvm`, `crypt`, `raid1`, `loop`, `rom`…
    #[serde(rename = "type")]
    pub kind: String,
    /// In bytes.
    pub size: u64,
    /// The device's serial number.
    pub serial: Option<String>,
    /// The device's model.
    pub model: Option<String>,
    /// Its World Wide Name.
    pub wwn: Option<String>,
    /// How it is attached: `sata`, `nvme`, `usb`…
    pub transport: Option<String>,
    /// It cannot be written to.
    pub read_only: bool,
    /// It can be taken out.
    pub removable: bool,
    /// It turns; true also where the driver does not say otherwise.
    pub rotational: bool,
    /// What udev's blkid found on it: a filesystem, `swap`, `LVM2_member`…
    pub filesystem: Option<String>,
    /// The label of what is on it.
    pub label: Option<String>,
    /// The UUID of what is on it.
    pub uuid: Option<String>,
    /// The kind of its partition table: `gpt`, `dos`.
    pub partition_table: Option<String>,
    /// A partition's name.
    pub partition_label: Option<String>,
    /// A partition's UUID.
    pub partition_uuid: Option<String>,
    /// Where it is mounted; `[SWAP]` for swap.
    pub mountpoints: Vec<String>,
    /// The paths of the devices that it stands on.
    pub parents: Vec<String>,
    /// Its names under /dev/disk/by-id.
    pub by_id: Vec<String>,
}

pub(super) const KIND: Kind =
    Kind { name: "block_devices", function: &PROBE, merged: false, words: no_words, parse: |_, text| json(read(text)?) };

// util-linux before 2.37 knows one mountpoint a device only
static PROBE: Function = Function {
    name: "probe_block_devices",
    text: r#"
probe_block_devices() {
  columns=NAME,PATH,TYPE,SIZE,SERIAL,MODEL,WWN,RO,RM,ROTA,TRAN,FSTYPE,LABEL,UUID,PTTYPE,PARTLABEL,PARTUUID
  take lsblk --json -b -o "$columns,MOUNTPOINTS"
  case $err in *"unknown column"*) take lsblk --json -b -o "$columns,MOUNTPOINT" ;; esac
  [ -z "$err" ] || { r=$err; answer "$1" 1; return; }
  id=$1 devices=$r r=
  set +f
  set -- /dev/disk/by-id/*
  set -f
  if [ -L "$1" ]; then take env QUOTING_STYLE=c stat -c %N -- "$@" || { r=$err; answer "$id" 1; return; }; fi
  r="$devices${nl}by-id$nl$r"
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<Vec<BlockDevice>, String> {
    let (tree, links) = text.split_once("\nby-id\n").unwrap_or((text.strip_suffix("\nby-id").unwrap_or(text), ""));
    let links = read_links(links)?;
    let tree: Value = serde_json::from_str(tree).map_err(|error| error.to_string())?;
    let mut devices = Vec::new();
    for device in tree.get("blockdevices").and_then(Value::as_array).ok_or("no blockdevices")? {
        read_device(device, None, &links, &mut devices)?;
    }
    Ok(devices)
}

/// One device and those on it. One that stands on several (RAID, multipath) comes once for each.
fn read_device(
    device: &Value,
    parent: Option<&str>,
    links: &BTreeMap<String, Vec<String>>,
    devices: &mut Vec<BlockDevice>,
) -> Result<(), String> {
    let text = |name: &str| device.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    // older ones write all as strings
    let flag = |name: &str| match device.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text.trim() == "1",
        _ => false,
    };
    let size = device.get("size").and_then(|size| size.as_u64().or_else(|| size.as_str()?.trim().parse().ok()));
    let path = text("path").ok_or("a device without a path")?;
    if let Some(known) = devices.iter_mut().find(|known| known.path == path) {
        known.parents.extend(parent.map(str::to_owned));
    } else {
        let mut mountpoints: Vec<String> = match device.get("mountpoints").and_then(Value::as_array) {
            Some(points) => points.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            None => text("mountpoint").into_iter().collect(),
        };
        mountpoints.sort();
        devices.push(BlockDevice {
            name: text("name").ok_or("a device without a name")?,
            kind: text("type").unwrap_or_else(|| "unknown".into()),
            size: size.ok_or_else(|| format!("{path} has no size"))?,
            serial: text("serial"),
            model: text("model"),
            wwn: text("wwn"),
            transport: text("tran"),
            read_only: flag("ro"),
            removable: flag("rm"),
            rotational: flag("rota"),
            filesystem: text("fstype"),
            label: text("label"),
            uuid: text("uuid"),
            partition_table: text("pttype"),
            partition_label: text("partlabel"),
            partition_uuid: text("partuuid"),
            mountpoints,
            parents: parent.map(str::to_owned).into_iter().collect(),
            by_id: links.get(&path).cloned().unwrap_or_default(),
            path: path.clone(),
        });
    }
    for child in device.get("children").and_then(Value::as_array).into_iter().flatten() {
        read_device(child, Some(&path), links, devices)?;
    }
    Ok(())
}

/// `"/dev/disk/by-id/NAME" -> "../../sda"` (GNU) or with single quotes (busybox): names by the device they lead to.
/// udev escapes what could confuse here.
fn read_links(text: &str) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut links: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines() {
        let (link, target) = line.split_once(" -> ").ok_or_else(|| format!("a link as {line:?}"))?;
        let [link, target] = [link, target].map(|part| part.trim_matches(['"', '\'']));
        let (link, target) = (unquote_c(link)?, unquote_c(target)?);
        let name = link.rsplit('/').next().unwrap_or(&link).to_owned();
        let device = match target.strip_prefix("../../") {
            Some(rest) => format!("/dev/{rest}"),
            None => target,
        };
        links.entry(device).or_default().push(name);
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_becomes_a_list() {
        let devices = read(
            r#"{"blockdevices": [
              {"name":"sda", "path":"/dev/sda", "type":"disk", "size":34359738368, "serial":"drive-scsi0", "model":"QEMU HARDDISK   ", "wwn":null, "ro":false, "rm":false, "rota":true, "tran":null, "fstype":null, "label":null, "uuid":null, "pttype":"gpt", "partlabel":null, "partuuid":null, "mountpoints":[null],
               "children": [{"name":"sda1", "path":"/dev/sda1", "type":"part", "size":1048576, "ro":false, "rm":false, "rota":true, "fstype":"linux_raid_member", "mountpoints":[null],
                 "children":[{"name":"md0","path":"/dev/md0","type":"raid1","size":1000,"ro":false,"rm":false,"rota":true,"fstype":"ext4","mountpoints":["/var","/srv"]}]}]},
              {"name":"sdb", "path":"/dev/sdb", "type":"disk", "size":1048576, "ro":true, "rm":false, "rota":true, "mountpoints":[null],
                 "children":[{"name":"md0","path":"/dev/md0","type":"raid1","size":1000,"ro":false,"rm":false,"rota":true,"fstype":"ext4","mountpoints":["/var","/srv"]}]}
            ]}
by-id
"/dev/disk/by-id/scsi-0QEMU_HARDDISK_drive-scsi0" -> "../../sda"
"/dev/disk/by-id/wwn-0x1" -> "../../sda"
'/dev/disk/by-id/scsi-0QEMU_HARDDISK_drive-scsi0-part1' -> '../../sda1'"#,
        )
        .unwrap();
        let of = |path: &str| devices.iter().find(|device| device.path == path).unwrap();
        assert_eq!(devices.len(), 4);
        assert_eq!(
            (of("/dev/sda").size, of("/dev/sda").model.as_deref(), of("/dev/sda").partition_table.as_deref()),
            (34_359_738_368, Some("QEMU HARDDISK"), Some("gpt"))
        );
        assert_eq!(of("/dev/sda").by_id, ["scsi-0QEMU_HARDDISK_drive-scsi0", "wwn-0x1"]);
        assert_eq!((of("/dev/sda1").by_id.len(), of("/dev/sdb").read_only), (1, true));
        assert_eq!(
            (of("/dev/md0").parents.clone(), of("/dev/md0").mountpoints.clone()),
            (vec!["/dev/sda1".to_owned(), "/dev/sdb".into()], vec!["/srv".to_owned(), "/var".into()])
        );
    }

    #[test]
    fn older_ones_write_strings() {
        let devices = read(r#"{"blockdevices": [{"name":"vda","path":"/dev/vda","type":"disk","size":"1024","ro":"0","rm":"1","rota":"1","mountpoint":"/"}]}"#).unwrap();
        assert_eq!((devices[0].size, devices[0].removable, devices[0].mountpoints.clone()), (1024, true, vec!["/".to_owned()]));
        assert_eq!(read("{\"blockdevices\": []}\nby-id").unwrap(), []);
        assert!(read("").is_err() && read("{}").is_err() && read(r#"{"blockdevices":[{"name":"x","path":"/dev/x"}]}"#).is_err());
    }
}
