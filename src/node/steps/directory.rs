//! A new directory.

use serde::{Deserialize, Serialize};

use super::write::{SYNC_DIRECTORY, TEMPORARY};
use super::{Action, Call, FAIL, Invalid, check, octal};
use crate::node::script::Function;
use crate::plan::Touch;

/// Makes a directory. One that is there already is a failure: the plan saw none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MakeDirectory {
    /// Where.
    pub path: String,
    /// The owner, a name or number.
    pub owner: String,
    /// The group, a name or number.
    pub group: String,
    /// The permission bits.
    pub mode: u32,
    /// Whether missing directories above it are made too (root's, 0755).
    pub parents: bool,
}

/// path, owner, group, mode, `parents`|``. It appears under its name with its owner and mode: who finds one that is half
/// made does not know what it should be.
const MAKE_DIRECTORY: Function = Function {
    name: "s_make_directory",
    needs: &[&FAIL, &TEMPORARY, &SYNC_DIRECTORY],
    text: r#"s_make_directory() (
  if [ -n "$5" ]; then
    above=${1%/*}
    mkdir -p -- "${above:-/}" || exit 1
  fi
  if [ -e "$1" ] || [ -L "$1" ]; then s_fail "$1 is there already"; fi
  s_temporary "$1"
  new=$(mktemp -d "${prefix}XXXXXX") || exit 1
  if chown -- "$2:$3" "$new" && chmod -- "$4" "$new" && { sync "$new" 2>/dev/null || sync; } && mv -nT -- "$new" "$1"; then
    s_sync_directory "$dir"
  else
    rmdir -- "$new"
    exit 1
  fi
)"#,
};

impl Action for MakeDirectory {
    fn call(&self) -> Call {
        let parents = if self.parents { "parents" } else { "" };
        Call::new(&MAKE_DIRECTORY, [&self.path, &self.owner, &self.group, &octal(self.mode), parents])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Entry(self.path.clone())]
    }

    fn describe(&self) -> String {
        format!("make the directory {}", self.path)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        check::account("owner", &self.owner)?;
        check::account("group", &self.group)
    }
}
