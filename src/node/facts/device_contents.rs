//! What a block device holds, read from the device itself and never from udev's cache: wipefs(8), blkid(8), partx(8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parse::number;
use super::path::absolute;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What a disk and each of its partitions hold (or one partition alone, if it is one that is asked for).
///
/// Absent: no such device. Unknown: it, or a place where signatures are, cannot be read; what is not a block device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceContents(String);

impl DeviceContents {
    /// Of the device at that path; links are followed.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for DeviceContents {
    type Value = Contents;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], vec![Touch::BlockDevice(self.0.clone())])
    }
}

/// What a device and its partitions hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The device itself.
    pub device: Holding,
    /// Its partitions as the kernel knows them, by number.
    pub partitions: Vec<Partition>,
    /// The numbers of the partitions in the table on the disk: where the kernel's differ, it has not read it yet.
    pub table: Vec<u32>,
    /// Of a partition that was asked for alone: its entry in the table of its disk.
    pub entry: Option<Entry>,
}

impl Contents {
    /// Whether a whole device was asked for, no partition.
    pub fn is_disk(&self) -> bool {
        self.entry.is_none()
    }
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Its number.
    pub number: u32,
    /// Where it begins, in bytes.
    pub start: u64,
    /// What its entry in the table says.
    pub entry: Entry,
    /// What it holds.
    pub holding: Holding,
}

/// An entry of a partition table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Entry {
    /// The table's kind: `gpt`, `dos`.
    pub scheme: Option<String>,
    /// The partition's UUID, in lower case.
    pub uuid: Option<String>,
    /// Its name (GPT).
    pub name: Option<String>,
    /// Its type: a UUID, or a number such as `0x83`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// What a device holds, without what its partitions do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Holding {
    /// The kernel's path of it.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// Bytes of a logical sector.
    pub sector: u32,
    /// All signatures, in the order of their places: also those of what is overwritten in part.
    pub signatures: Vec<Signature>,
    /// What it is taken for: the type of a filesystem, `LVM2_member`, `crypto_LUKS`…
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// That one's UUID.
    pub uuid: Option<String>,
    /// That one's label.
    pub label: Option<String>,
    /// What kind of partition table it has.
    pub table: Option<String>,
    /// It may be several things at once.
    pub is_ambiguous: bool,
}

/// A few bytes by which a format is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Where, in bytes.
    pub offset: u64,
    /// Of what: `ext4`, `gpt`, `PMBR`, `LVM2_member`…
    #[serde(rename = "type")]
    pub kind: String,
    /// The label that goes with it.
    pub label: Option<String>,
    /// The UUID that goes with it.
    pub uuid: Option<String>,
}

pub(super) const KIND: Kind =
    Kind { name: "device_contents", function: &PROBE, merged: false, words: absolute, parse: |_, text| json(read(text)?) };

/// `device_at INDEX PATH`: the kernel's path of the block device that a path leads to in `$disk`, its place in sysfs in `$sys`; or
/// answers what there is instead, and fails.
pub(super) static DEVICE_AT: Function = Function {
    name: "device_at",
    text: r#"
device_at() {
  if ! [ -e "$2" ]; then
    take ls -d -- "$2"
    case $err in *"No such file or directory") r=; answer "$1" 44 ;; *) r=$err; answer "$1" 1 ;; esac
    return 1
  fi
  [ -b "$2" ] || { r="$2 is no block device"; answer "$1" 1; return 1; }
  take readlink -f -- "$2" || { r=$err; answer "$1" 1; return 1; }
  disk=$r sys=/sys/class/block/${r##*/}
  [ -d "$sys" ] || { r="$disk is not in /sys/class/block"; answer "$1" 1; return 1; }
}
"#,
    needs: &[],
};

// blkid takes what it cannot read for nothing: both ends, where signatures are, are read first. Its status is 2 where it finds
// nothing, 8 where several things are found.
static PROBE: Function = Function {
    name: "probe_device_contents",
    text: r#"
holding_of() {
  take sh -c 'head -c 1M -- "$1" >/dev/null && exec tail -c 1M -- "$1" >/dev/null' sh "$1" || { r="$1: $err"; return 1; }
  take wipefs --no-act --json -- "$1" || { r=$err; return 1; }
  signatures=$r
  take blkid -p -o export -- "$1"
  case $st in
  0|2|8) ;;
  *) r=$err; return 1 ;;
  esac
  probed="status $st$nl$r"
}
probe_device_contents() {
  id=$1 found=
  device_at "$1" "$2" || return 0
  set +f; set -- "$sys"/"${disk##*/}"*/partition; set -f
  [ -e "$1" ] || set --
  for p in "$sys/" "$@"; do
    p=${p%/*}; d=/dev/${p##*/} number=0 start=0
    [ "$p" = "$sys" ] || { read -r number <"$p/partition"; read -r start <"$p/start"; }
    read -r size <"$p/size" && holding_of "$d" || { answer "$id" 1; return; }
    sector=512
    [ ! -e "$sys/queue/logical_block_size" ] || read -r sector <"$sys/queue/logical_block_size"
    found="$found== $d $number $start $size $sector$nl$signatures$nl-- $probed$nl"
  done
  take partx --show --noheadings --output NR -- "$disk"
  is=disk
  [ ! -e "$sys/partition" ] || is=partition
  r="$found== table $is$nl$r"
  answer "$id" 0
}
"#,
    needs: &[&DEVICE_AT],
};

fn read(text: &str) -> Result<Contents, String> {
    let mut device = None;
    let mut partitions = Vec::new();
    let mut table = Vec::new();
    let (mut own_entry, mut is_partition) = (Entry::default(), false);
    // only where a line begins: a label may hold anything but a line end
    let lines = format!("\n{text}");
    for section in lines.split("\n== ").filter(|section| !section.is_empty()) {
        let (head, rest) = section.split_once('\n').unwrap_or((section, ""));
        if let Some(what) = head.strip_prefix("table ") {
            is_partition = what == "partition";
            table = rest.split_whitespace().map(|word| number(Some(word), "number")).collect::<Result<_, _>>()?;
            continue;
        }
        let mut words = head.split(' ');
        let path = words.next().unwrap_or_default().to_owned();
        let index: u32 = number(words.next(), "number")?;
        let [start, size] = [number::<u64>(words.next(), "start")?, number::<u64>(words.next(), "size")?].map(|n| n.saturating_mul(512));
        let sector = number(words.next(), "sector size")?;
        let (signatures, probed) = rest.split_once("\n-- status ").ok_or("signatures that do not end")?;
        let (holding, entry) = read_holding(signatures, probed, Holding { path, size, sector, ..Holding::default() })?;
        if device.is_none() {
            device = Some(holding);
            own_entry = entry;
        } else {
            partitions.push(Partition { number: index, start, entry, holding });
        }
    }
    partitions.sort_by_key(|partition| partition.number);
    Ok(Contents { device: device.ok_or("no device")?, partitions, table, entry: is_partition.then_some(own_entry) })
}

fn read_holding(signatures: &str, probed: &str, mut holding: Holding) -> Result<(Holding, Entry), String> {
    let signatures: Value = serde_json::from_str(signatures).map_err(|error| error.to_string())?;
    for signature in signatures.get("signatures").and_then(Value::as_array).ok_or("no list of signatures")? {
        let text = |name: &str| signature.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let offset = text("offset").ok_or("a signature without a place")?;
        let offset = u64::from_str_radix(offset.trim_start_matches("0x"), 16).map_err(|_| format!("a place as {offset:?}"))?;
        let kind = text("type").ok_or("a signature without a type")?;
        holding.signatures.push(Signature { offset, kind, label: text("label"), uuid: text("uuid") });
    }
    holding.signatures.sort_by_key(|signature| signature.offset);
    let (status, pairs) = probed.split_once('\n').unwrap_or((probed, ""));
    holding.is_ambiguous = status == "8";
    let pairs: BTreeMap<&str, String> =
        pairs.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key, unescape(value))).collect();
    let value = |key: &str| pairs.get(key).filter(|value| !value.is_empty()).cloned();
    (holding.kind, holding.uuid, holding.label, holding.table) = (value("TYPE"), value("UUID"), value("LABEL"), value("PTTYPE"));
    let entry = Entry {
        scheme: value("PART_ENTRY_SCHEME"),
        uuid: value("PART_ENTRY_UUID").map(|uuid| uuid.to_ascii_lowercase()),
        name: value("PART_ENTRY_NAME"),
        kind: value("PART_ENTRY_TYPE"),
    };
    Ok((holding, entry))
}

/// blkid's export format puts a backslash before what a shell would not leave alone.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        plain.push(if c == '\\' { characters.next().unwrap_or(c) } else { c });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = r#"== /dev/sdb 0 0 131072 512
{
   "signatures": [
      {"device":"sdb", "offset":"0x200", "type":"gpt", "uuid":null, "label":null},
      {"device":"sdb", "offset":"0x1fe", "type":"PMBR", "uuid":null, "label":null}
   ]
}
-- status 0
DEVNAME=/dev/sdb
PTUUID=0b4c
PTTYPE=gpt

== /dev/sdb1 1 2048 126976 512
{"signatures":[{"device":"sdb1","offset":"0x438","type":"ext4","uuid":"AB-1","label":"a b"}]}
-- status 0
DEVNAME=/dev/sdb1
LABEL=a\ ==\ b
UUID=AB-1
TYPE=ext4
PART_ENTRY_SCHEME=gpt
PART_ENTRY_NAME=homelabctl-longhorn
PART_ENTRY_UUID=0B4C-1
PART_ENTRY_TYPE=0fc63daf-8483-4772-8e79-3d69d8477de4
== table disk
     1
"#;

    #[test]
    fn a_disk_and_its_partition() {
        let contents = read(OURS).unwrap();
        let device = &contents.device;
        assert_eq!(
            (device.path.as_str(), device.size, device.table.as_deref(), device.kind.as_deref()),
            ("/dev/sdb", 64 << 20, Some("gpt"), None)
        );
        assert_eq!(device.signatures.iter().map(|signature| signature.kind.as_str()).collect::<Vec<_>>(), ["PMBR", "gpt"]);
        let [partition] = contents.partitions.as_slice() else { panic!("{contents:?}") };
        assert_eq!((partition.number, partition.start, partition.holding.size), (1, 1 << 20, 62 << 20));
        assert_eq!((partition.entry.name.as_deref(), partition.entry.uuid.as_deref()), (Some("homelabctl-longhorn"), Some("0b4c-1")));
        assert_eq!((partition.holding.label.as_deref(), partition.holding.kind.as_deref()), (Some("a == b"), Some("ext4")));
        assert!(contents.table == [1] && contents.is_disk());
        let alone = read(
            &OURS
                .split_once("== /dev/sdb1")
                .map(|(_, rest)| format!("== /dev/sdb1{}", rest.replace("disk\n     1", "partition\n")))
                .unwrap(),
        )
        .unwrap();
        assert_eq!(alone.entry.and_then(|entry| entry.name).as_deref(), Some("homelabctl-longhorn"));
    }

    #[test]
    fn nothing_and_several_things_at_once() {
        let empty =
            |status: &str| read(&format!("== /dev/sdb 0 0 8 4096\n{{\"signatures\": []}}\n-- status {status}\n\n== table disk\n")).unwrap();
        assert!(!empty("2").device.is_ambiguous && empty("8").device.is_ambiguous && empty("2").device.signatures.is_empty());
        assert_eq!(empty("2").device.sector, 4096);
        assert!(read("").is_err() && read("== table disk\n1").is_err() && read("== /dev/sdb 0 0 8 512\nnothing").is_err());
    }
}
