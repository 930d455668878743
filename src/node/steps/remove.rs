//! A file, link or directory that goes away.

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Removes a file, a link (not what it points to) or a directory. What is not there is no failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remove {
    /// What.
    pub path: String,
    /// How much of it.
    pub what: RemoveWhat,
}

/// How much may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoveWhat {
    /// Anything but a directory.
    File,
    /// A directory, if it is empty.
    EmptyDirectory,
    /// A directory with all that is in it, or a file. Refused where something is mounted on it or in it.
    Tree,
}

/// Directories without which a machine does not start again.
const NEVER: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/lib",
];

/// Fails if something is mounted at or below a path.
///
/// `rm --one-file-system` alone would walk into bind mounts of the same file system. mountinfo (proc(5)) writes odd
/// characters as octal escapes, so the path is written in the same way and compared as text.
pub(super) const NOT_MOUNTED: Function = Function {
    name: "s_not_mounted",
    needs: &[&FAIL],
    text: r#"s_not_mounted() (
  above=$(cd -P -- "${1%/*}/" && pwd -P) || exit 1
  case $above in /) above= ;; esac
  case $1 in
    *'
'*) s_fail "a line break in the path: not removed with all that is in it" ;;
  esac
  escaped=$(printf '%s\n' "$above/${1##*/}" | sed -e 's/\\/\\134/g' -e 's/ /\\040/g' -e 's/	/\\011/g' -e 's/#/\\043/g') || exit 1
  while read -r _ _ _ _ at _; do
    case $at in
      "$escaped" | "$escaped"/*) s_fail "$1: not removed, something is mounted at $at" ;;
    esac
  done </proc/self/mountinfo
)"#,
};

/// `file`|`empty_directory`|`tree`, path.
const REMOVE: Function = Function {
    name: "s_remove",
    needs: &[&FAIL, &NOT_MOUNTED],
    text: r#"s_remove() (
  if [ ! -e "$2" ] && [ ! -L "$2" ]; then exit 0; fi
  case $1 in
    file) rm -f -- "$2" ;;
    empty_directory) rmdir -- "$2" ;;
    tree)
      s_not_mounted "$2" || exit 1
      rm -rf --one-file-system -- "$2"
      ;;
  esac
)"#,
};

impl Action for Remove {
    fn call(&self) -> Call {
        let what = match self.what {
            RemoveWhat::File => "file",
            RemoveWhat::EmptyDirectory => "empty_directory",
            RemoveWhat::Tree => "tree",
        };
        Call::new(&REMOVE, [what, &self.path])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Files(self.path.clone())]
    }

    fn describe(&self) -> String {
        match self.what {
            RemoveWhat::Tree => format!("remove {} and all that is in it", self.path),
            _ => format!("remove {}", self.path),
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        if self.what == RemoveWhat::Tree && NEVER.contains(&self.path.as_str()) {
            return check::refuse("directory", &self.path, "is never removed: the machine needs it");
        }
        Ok(())
    }
}
