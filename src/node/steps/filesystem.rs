//! Filesystems that are made, and that grow.

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Makes a filesystem on a device, or in a regular file. Whoever plans it has seen that nothing is there.
///
/// The program opens the device exclusively, so one that is in use by then is a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MakeFilesystem {
    /// The device or file, which must exist.
    pub path: String,
    /// The program: `mkfs.ext4`, `mkswap`, `pvcreate`…
    pub program: String,
    /// Its words before the path.
    pub options: Vec<String>,
}

/// Lets a filesystem grow to the size of its device. One that is whole is never made smaller, and what is in it stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GrowFilesystem {
    /// The device or file.
    pub path: String,
    /// `ext2`, `ext3`, `ext4`, `xfs` or `btrfs`.
    pub kind: String,
    /// Where it is mounted; XFS and btrfs grow only there. Empty for nowhere.
    pub mounted: String,
}

/// path, type, where it is mounted.
const GROW_FILESYSTEM: Function = Function {
    name: "s_grow_filesystem",
    needs: &[&FAIL],
    text: r#"s_grow_filesystem() (
  case $2 in
  ext2|ext3|ext4) set -- resize2fs "$1" ;;
  xfs) set -- xfs_growfs "$3" ;;
  btrfs) set -- btrfs filesystem resize max "$3" ;;
  *) s_fail "$2 does not grow" ;;
  esac
  command -v "$1" >/dev/null || s_fail "there is no $1"
  "$@" </dev/null 9>&-
)"#,
};

/// path, program, its words.
const MAKE_FILESYSTEM: Function = Function {
    name: "s_make_filesystem",
    needs: &[&FAIL],
    text: r#"s_make_filesystem() (
  path=$1 program=$2
  shift 2
  if ! [ -b "$path" ] && ! [ -f "$path" ]; then s_fail "$path is neither a block device nor a file"; fi
  command -v "$program" >/dev/null || s_fail "there is no $program"
  "$program" "$@" "$path" </dev/null >&2 9>&- || exit 1
  if [ -b "$path" ] && command -v udevadm >/dev/null; then udevadm settle 9>&-; fi
)"#,
};

impl Action for MakeFilesystem {
    fn call(&self) -> Call {
        let words = [&self.path, &self.program].into_iter().chain(&self.options);
        Call::new(&MAKE_FILESYSTEM, words)
    }

    fn touches(&self) -> Vec<Touch> {
        // a physical volume may be one of a group that others are in
        let device = if self.program == "pvcreate" { "/dev/" } else { self.path.as_str() };
        vec![Touch::BlockDevice(device.into()), Touch::Files(self.path.clone())]
    }

    fn describe(&self) -> String {
        format!("{} on {}", self.program, self.path)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        check::word("program", &self.program)
    }
}

impl Action for GrowFilesystem {
    fn call(&self) -> Call {
        Call::new(&GROW_FILESYSTEM, [&self.path, &self.kind, &self.mounted])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::BlockDevice(self.path.clone()), Touch::Files(self.path.clone())]
    }

    fn describe(&self) -> String {
        format!("let the {} on {} grow", self.kind, self.path)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        if !["ext2", "ext3", "ext4", "xfs", "btrfs"].contains(&self.kind.as_str()) {
            return check::refuse("filesystem", &self.kind, "is not one that grows");
        }
        match self.kind.as_str() {
            "xfs" | "btrfs" => check::path(&self.mounted),
            _ => Ok(()),
        }
    }
}
