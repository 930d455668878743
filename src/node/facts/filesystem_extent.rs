//! How much of its device a filesystem takes: tune2fs(8), xfs_info(8), btrfs-filesystem(8).

use serde::{Deserialize, Serialize};

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// How large a filesystem and its device are. Absent: no such device. Unknown: what cannot be read; a type that is not ext, XFS or
/// btrfs; a btrfs that is not mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesystemExtent {
    path: String,
    kind: String,
    mounted: Option<String>,
}

impl FilesystemExtent {
    /// Of the filesystem of that type on the device, or in the file, at that absolute path; and where it is mounted.
    pub fn new(path: impl Into<String>, kind: impl Into<String>, mounted: Option<String>) -> Self {
        Self { path: path.into(), kind: kind.into(), mounted }
    }
}

impl Fact for FilesystemExtent {
    type Value = FilesystemRoom;

    fn query(&self) -> Query {
        let args = [self.path.as_str(), &self.kind, self.mounted.as_deref().unwrap_or_default()];
        Query::new(KIND.name, args, vec![Touch::BlockDevice(self.path.clone()), Touch::Followed(self.path.clone()), Touch::Mounts])
    }
}

/// A filesystem and the room that it has, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesystemRoom {
    /// How large it is.
    pub filesystem: u64,
    /// How large its device is.
    pub device: u64,
    /// The size of one of its blocks.
    pub block: u64,
}

pub(super) const KIND: Kind =
    Kind { name: "filesystem_extent", function: &PROBE, merged: false, words, parse: |args, text| json(read(args, text)?) };

fn words(args: &[String]) -> Result<Vec<String>, String> {
    match args {
        [path, _, mounted] if path.starts_with('/') && (mounted.is_empty() || mounted.starts_with('/')) => Ok(args.to_vec()),
        _ => Err("a device, a type and a place are wanted".into()),
    }
}

static PROBE: Function = Function {
    name: "probe_filesystem_extent",
    text: r#"
probe_filesystem_extent() {
  id=$1
  [ -e "$2" ] || { r=; answer "$id" 44; return; }
  if [ -b "$2" ]; then take blockdev --getsize64 "$2"; else take stat -L -c %s -- "$2"; fi || { r=$err; answer "$id" 1; return; }
  size=$r
  case $3 in
  ext2|ext3|ext4) take tune2fs -l "$2" ;;
  xfs) take xfs_info "${4:-$2}" ;;
  btrfs) [ -n "$4" ] || { r="$2 is not mounted"; answer "$id" 1; return; }; take btrfs filesystem usage -b "$4" ;;
  *) r="how large a $3 is is not known"; answer "$id" 1; return ;;
  esac || { r=$err; answer "$id" 1; return; }
  r="$size$nl$r"
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(args: &[String], text: &str) -> Result<FilesystemRoom, String> {
    let kind = args.get(1).map_or("", String::as_str);
    let bad = || format!("the size of a {kind} as {text:?}");
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| bad());
    let (device, said) = text.split_once('\n').ok_or_else(bad)?;
    let behind = |name: &str| said.lines().find_map(|line| line.trim().strip_prefix(name)).ok_or_else(bad);
    let (blocks, block) = match kind {
        "xfs" => {
            let line = behind("data ")?;
            let value = |name: &str| {
                let rest = line.split_once(name).ok_or_else(bad)?.1;
                number(rest.split([' ', ',']).next().unwrap_or_default())
            };
            (value("blocks=")?, value("bsize=")?)
        }
        "btrfs" => (number(behind("Device size:")?)?, 1),
        _ => (number(behind("Block count:")?)?, number(behind("Block size:")?)?),
    };
    Ok(FilesystemRoom { filesystem: blocks.saturating_mul(block), device: number(device)?, block })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_programs_say() {
        let of = |kind: &str, text: &str| read(&["/dev/sda".into(), kind.into(), String::new()], text);
        let room = |filesystem, block| Ok(FilesystemRoom { filesystem, device: 67_108_864, block });
        let ext = "67108864\ntune2fs 1.47.0 (5-Feb-2023)\nBlock count:              32768\nReserved block count:     1638\nBlock size:               1024";
        assert_eq!(of("ext4", ext), room(33_554_432, 1024));
        let xfs = "67108864\nmeta-data=/dev/sda isize=512 agcount=4, agsize=1024 blks\n         =  sectsz=512\ndata     =                       bsize=4096   blocks=4096, imaxpct=25\n         =  sunit=0";
        assert_eq!(of("xfs", xfs), room(16_777_216, 4096));
        assert_eq!(of("btrfs", "67108864\nOverall:\n    Device size:\t\t    50331648\n"), room(50_331_648, 1));
        assert!(of("ext4", "67108864\n").is_err() && of("xfs", "").is_err());
    }
}
