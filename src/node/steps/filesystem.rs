//! Filesystems that are made.

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
