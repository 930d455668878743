//! Whether a filesystem that is not mounted is whole: e2fsck(8), xfs_repair(8), neither writing anything.

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Whether an ext or XFS filesystem has no error in it.
///
/// Asked only of a partition of ours that was never finished, to tell a finished mkfs from one that was cut off: in use, a
/// filesystem looks damaged to its checkers. Never a precondition: it takes a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeFilesystem {
    path: String,
    kind: String,
}

impl WholeFilesystem {
    /// Of the filesystem of that type on the device at that absolute path.
    pub fn new(path: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { path: path.into(), kind: kind.into() }
    }
}

impl Fact for WholeFilesystem {
    type Value = bool;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.path, &self.kind], vec![Touch::BlockDevice("/dev/".into()), Touch::Mounts]).moving()
    }
}

pub(super) const KIND: Kind = Kind { name: "whole_filesystem", function: &PROBE, merged: false, words, parse: |_, text| json(read(text)?) };

fn words(args: &[String]) -> Result<Vec<String>, String> {
    match args {
        [path, kind] if path.starts_with('/') && ["ext2", "ext3", "ext4", "xfs"].contains(&kind.as_str()) => Ok(args.to_vec()),
        _ => Err(format!("whether {args:?} is whole")),
    }
}

// e2fsck: 4 = errors that it left; 8 and more = it could not look. xfs_repair -n: 1 = errors; 2 = a log that was not replayed.
static PROBE: Function = Function {
    name: "probe_whole_filesystem",
    text: r#"
probe_whole_filesystem() {
  id=$1
  case $3 in
  xfs) take xfs_repair -n -- "$2"; bad=1 ;;
  *) take e2fsck -f -n -- "$2"; bad=4 ;;
  esac
  case $st in
  0) r=whole ;;
  "$bad") r=broken ;;
  *) r=$err; answer "$id" 1; return ;;
  esac
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<bool, String> {
    match text {
        "whole" => Ok(true),
        "broken" => Ok(false),
        _ => Err(format!("a state as {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_broken_and_neither() {
        assert_eq!((read("whole"), read("broken")), (Ok(true), Ok(false)));
        assert!(read("").is_err());
        assert!(words(&["/dev/sdb1", "btrfs"].map(str::to_owned)).is_err() && words(&["/dev/sdb1", "xfs"].map(str::to_owned)).is_ok());
    }
}
