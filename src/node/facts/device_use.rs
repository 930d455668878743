//! Who uses a block device: what stands on it, where it is mounted in any namespace that can be seen, swap.

use serde::{Deserialize, Serialize};

use super::device_contents::DEVICE_AT;
use super::parse::unescape_octal;
use super::path::absolute;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Who uses a device, its partitions, and all that stands on them (device mapper, MD, bcache).
///
/// Absent: no such device. Only root sees all namespaces; one whose processes end while it is read is not there any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceUse(String);

impl DeviceUse {
    /// Of the device at that path; links are followed.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for DeviceUse {
    type Value = Uses;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], vec![Touch::BlockDevice(self.0.clone()), Touch::Mounts, Touch::Modules])
    }
}

/// Who uses a device.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Uses {
    /// The device, its partitions and what stands on them, each once.
    pub layers: Vec<Layer>,
    /// Where any of them is mounted, each place once.
    pub mounts: Vec<MountOf>,
    /// Which of them are swap.
    pub swaps: Vec<String>,
    /// It cannot be written to.
    pub read_only: bool,
}

/// A device and what it stands on directly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The kernel's name.
    pub name: String,
    /// On what it stands: another layer's name; none for the device itself.
    pub on: Option<String>,
    /// What a device mapper's device calls itself, its UUID: `LVM-…`, `CRYPT-…`, `mpath-…`.
    pub mapping: Option<String>,
}

/// A mount of one of the layers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MountOf {
    /// The device, or what the kernel names as the source.
    pub source: String,
    /// Where.
    pub target: String,
    /// The type of the filesystem.
    #[serde(rename = "type")]
    pub kind: String,
    /// In another namespace than the first process's.
    pub elsewhere: bool,
}

pub(super) const KIND: Kind =
    Kind { name: "device_use", function: &PROBE, merged: false, words: absolute, parse: |_, text| json(read(text)?) };

// A filesystem on several devices (btrfs) has a number of its own in mountinfo: its source is compared too. What the kernel has
// opened for itself without a holder's link (btrfs's other devices, ZFS) shows when the device is opened exclusively; mkfs and
// sfdisk do that.
static PROBE: Function = Function {
    name: "probe_device_use",
    text: r#"
layers_of() {
  case " $seen " in *" $1 "*) return ;; esac
  seen="$seen $1"
  mapping=
  [ ! -e "/sys/class/block/$1/dm/uuid" ] || read -r mapping <"/sys/class/block/$1/dm/uuid" || :
  read -r number <"/sys/class/block/$1/dev" || { lost="$lost $1"; return; }
  uses="${uses}layer $1 $2 $mapping$nl"
  numbers="$numbers $number" paths="$paths /dev/$1"
  set +f; set -- "$1" "/sys/class/block/$1/$1"*/partition "/sys/class/block/$1/holders/"*; set -f
  # the words of a function are its own: "$1" is still this layer after what is called has looked at others
  for h do
    [ -e "$h" ] && [ "$h" != "$1" ] || continue
    h=${h%/partition}
    layers_of "${h##*/}" "$1"
  done
}
mounts_in() {
  while read -r a b number d target f rest; do
    case "$rest" in "- "*) rest=${rest#- } ;; *) rest=${rest#* - } ;; esac
    kind=${rest%% *} rest=${rest#* }
    source=${rest%% *}
    case " $numbers " in *" $number "*) ;; *)
      case " $paths " in *" $source "*) ;; *) continue ;; esac
    esac
    uses="${uses}mount $source $target $kind $2$nl"
  done <"$1"
}
probe_device_use() {
  id=$1 seen= uses= numbers= paths= lost=
  device_at "$1" "$2" || return 0
  layers_of "${disk##*/}" ""
  [ -z "$lost" ] || { r="what$lost is cannot be read"; answer "$id" 1; return; }
  read -r ro <"$sys/ro" || ro=
  uses="${uses}ro $ro$nl"
  # a path of device mapper has a name of its own in mountinfo and /proc/swaps
  for d in $paths; do
    [ ! -e "/sys/class/block/${d##*/}/dm/name" ] || { read -r name <"/sys/class/block/${d##*/}/dm/name"; paths="$paths /dev/mapper/$name"; }
  done
  take find /proc -mindepth 3 -maxdepth 3 -path '/proc/[0-9]*/ns/mnt' -printf '%l %p\n'
  namespaces=$r known= first=
  IFS=$nl; set -- $namespaces; IFS=$ifs
  [ $# -gt 0 ] || { r="no namespace of mounts can be seen: $err"; answer "$id" 1; return; }
  for l do
    n=${l%% *} p=${l#* }
    case " $known " in *" $n "*) continue ;; esac
    p=${p%/ns/mnt}
    { [ -r "$p/mountinfo" ] && mounts_in "$p/mountinfo" "${first:-here}"; } 2>/dev/null && known="$known $n" first=elsewhere
  done
  while read -r f rest; do
    case " $paths " in *" $f "*) uses="${uses}swap $f$nl" ;; esac
  done </proc/swaps
  r=${uses%"$nl"}
  answer "$id" 0
}
"#,
    needs: &[&DEVICE_AT],
};

fn read(text: &str) -> Result<Uses, String> {
    let mut uses = Uses::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["layer", name, on, mapping @ ..] => uses.layers.push(Layer {
                name: (*name).into(),
                on: Some((*on).to_owned()).filter(|on| !on.is_empty()),
                mapping: Some(mapping.join(" ")).filter(|mapping| !mapping.is_empty()),
            }),
            ["mount", source, target, kind, place] => uses.mounts.push(MountOf {
                source: unescape_octal(source),
                target: unescape_octal(target),
                kind: unescape_octal(kind),
                elsewhere: *place == "elsewhere",
            }),
            ["swap", path] => uses.swaps.push(unescape_octal(path)),
            ["ro", flag] => uses.read_only = *flag != "0",
            _ => return Err(format!("a use as {line:?}")),
        }
    }
    if uses.layers.is_empty() {
        return Err("no device".into());
    }
    uses.mounts.sort();
    // the same place in another namespace says nothing new
    uses.mounts.dedup_by(|later, first| (&later.source, &later.target, &later.kind) == (&first.source, &first.target, &first.kind));
    Ok(uses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_mounts_and_swap() {
        let uses = read(
            "layer sdb  \nlayer sdb1 sdb \nlayer dm-0 sdb1 LVM-abc\nro 0\nmount /dev/mapper/vg-a /mnt/a\\040b ext4 here\n\
             mount /dev/mapper/vg-a /mnt/a\\040b ext4 elsewhere\nmount /dev/sdb1 /x xfs elsewhere\nswap /dev/dm-1",
        )
        .unwrap();
        assert_eq!(
            uses.layers.iter().map(|layer| (layer.name.as_str(), layer.on.as_deref())).collect::<Vec<_>>(),
            [("sdb", None), ("sdb1", Some("sdb")), ("dm-0", Some("sdb1"))]
        );
        assert_eq!(uses.layers[2].mapping.as_deref(), Some("LVM-abc"));
        assert_eq!(
            (uses.mounts.len(), uses.mounts[0].target.as_str(), uses.mounts[0].elsewhere, uses.mounts[1].elsewhere),
            (2, "/mnt/a b", false, true)
        );
        assert_eq!((uses.swaps.as_slice(), uses.read_only), (["/dev/dm-1".to_owned()].as_slice(), false));
        assert!(read("").is_err() && read("layer sdb  \nwhat").is_err());
    }
}
