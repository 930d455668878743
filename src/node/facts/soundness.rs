//! Whether a filesystem that is not mounted is whole: e2fsck(8), dumpe2fs(8), xfs_repair(8), xfs_db(8), none writing anything.

use serde::{Deserialize, Serialize};

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Whether an ext or XFS filesystem has no error in it, and if it has, whether it was ever used.
///
/// Asked only of a partition of ours that was never finished, to tell a finished mkfs from one that was cut off: in use, a
/// filesystem looks damaged to its checkers. Never a precondition: it takes a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesystemSoundness {
    path: String,
    kind: String,
}

impl FilesystemSoundness {
    /// Of the filesystem of that type on the device at that absolute path.
    pub fn new(path: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { path: path.into(), kind: kind.into() }
    }
}

impl Fact for FilesystemSoundness {
    type Value = Soundness;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.path, &self.kind], vec![Touch::BlockDevice(self.path.clone()), Touch::Mounts]).moving()
    }
}

/// How a filesystem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Soundness {
    /// It has no error.
    Whole,
    /// It has errors, and was never mounted: its mkfs(8) was cut off.
    Unfinished,
    /// It has errors, and may hold what somebody put there.
    Damaged,
}

pub(super) const KIND: Kind =
    Kind { name: "filesystem_soundness", function: &PROBE, merged: false, words, parse: |_, text| json(read(text)?) };

fn words(args: &[String]) -> Result<Vec<String>, String> {
    match args {
        [path, kind] if path.starts_with('/') && ["ext2", "ext3", "ext4", "xfs"].contains(&kind.as_str()) => Ok(args.to_vec()),
        _ => Err(format!("whether {args:?} is whole")),
    }
}

/// `soundness_of DEVICE TYPE`: `$r` is `whole`, `unfinished` or `damaged`; or it fails, and `$err` says why.
///
/// mkfs.xfs clears its mark `inprogress` when all else is on the disk, and the kernel does not mount what bears it; xfs_repair
/// would look for further superblocks on the whole of it. mke2fs notes no mount, and each mount is counted.
/// e2fsck: 4 = errors that it left, 8 = it could not go on. xfs_repair -n: 1 = errors.
pub(in crate::node) static SOUNDNESS_OF: Function = Function {
    name: "soundness_of",
    text: r#"
soundness_of() {
  case $2 in
  xfs)
    take xfs_db -r -c 'sb 0' -c 'print inprogress' -- "$1" || return 1
    case $r in
    "inprogress = 0") ;;
    "inprogress = 1") r=unfinished; return 0 ;;
    *) err="xfs_db says: $r"; return 1 ;;
    esac
    take xfs_repair -n -- "$1"; bad="1" never= ;;
  *)
    take dumpe2fs -h -- "$1" || return 1
    never=
    case $r in *"Last mount time:          n/a"*) case $r in *"Mount count:              0$nl"*) never=1 ;; esac ;; esac
    take e2fsck -f -n -- "$1"; bad="4 8 12" ;;
  esac
  case " 0 $bad " in *" $st "*) ;; *) return 1 ;; esac
  if [ "$st" -eq 0 ]; then r=whole
  elif [ -n "$never" ]; then r=unfinished
  else r=damaged
  fi
}
"#,
    needs: &[],
};

static PROBE: Function = Function {
    name: "probe_filesystem_soundness",
    text: r#"
probe_filesystem_soundness() {
  soundness_of "$2" "$3" || { r=$err; answer "$1" 1; return; }
  answer "$1" 0
}
"#,
    needs: &[&SOUNDNESS_OF],
};

fn read(text: &str) -> Result<Soundness, String> {
    match text {
        "whole" => Ok(Soundness::Whole),
        "unfinished" => Ok(Soundness::Unfinished),
        "damaged" => Ok(Soundness::Damaged),
        _ => Err(format!("a state as {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_or_not() {
        assert_eq!(["whole", "unfinished", "damaged"].map(read), [Ok(Soundness::Whole), Ok(Soundness::Unfinished), Ok(Soundness::Damaged)]);
        assert!(read("").is_err());
        assert!(words(&["/dev/sdb1", "btrfs"].map(str::to_owned)).is_err() && words(&["/dev/sdb1", "xfs"].map(str::to_owned)).is_ok());
    }
}
