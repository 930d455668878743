//! Links, put in place at once.

use serde::{Deserialize, Serialize};

use super::write::{SYNC_DIRECTORY, TEMPORARY};
use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Makes a symbolic link; there is no moment in which the name is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SymbolicLink {
    /// Where.
    pub path: String,
    /// What it says, to the byte.
    pub target: String,
    /// Whether a file of that name may be replaced; a link always is, a directory never.
    pub replace_file: bool,
}

/// Makes a second name for a file; there is no moment in which the name is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HardLink {
    /// The new name.
    pub path: String,
    /// The file's present name.
    pub target: String,
    /// Whether another file of that name may be replaced; a link always is, a directory never.
    pub replace_file: bool,
}

/// `-s`|`-P`, path, target, `replace`|``.
const LINK: Function = Function {
    name: "s_link",
    needs: &[&FAIL, &TEMPORARY, &SYNC_DIRECTORY],
    text: r#"s_link() (
  if [ ! -L "$2" ]; then
    if [ -d "$2" ]; then s_fail "$2 is a directory"; fi
    if [ -e "$2" ] && [ -z "$4" ]; then s_fail "$2 is there and not a link"; fi
  fi
  s_temporary "$2"
  new=$(mktemp -u "${prefix}XXXXXX") || exit 1
  if [ "$1" = -s ]; then ln -sT -- "$3" "$new"; else ln -PT -- "$3" "$new"; fi || exit 1
  # rename(2) does nothing between two names of one file, so the new name may be left over
  if mv -fT -- "$new" "$2"; then
    rm -f -- "$new"
    s_sync_directory "$dir"
  else
    rm -f -- "$new"
    exit 1
  fi
)"#,
};

fn replace(replace_file: bool) -> &'static str {
    if replace_file { "replace" } else { "" }
}

impl Action for SymbolicLink {
    fn call(&self) -> Call {
        Call::new(&LINK, ["-s", &self.path, &self.target, replace(self.replace_file)])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Files(self.path.clone())]
    }

    fn describe(&self) -> String {
        format!("link {} to {}", self.path, self.target)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        match self.target.as_str() {
            "" => check::refuse("link target", "", "is empty"),
            target if target.contains('\0') => check::refuse("link target", target, "has a NUL in it"),
            _ => Ok(()),
        }
    }
}

impl Action for HardLink {
    fn call(&self) -> Call {
        Call::new(&LINK, ["-P", &self.path, &self.target, replace(self.replace_file)])
    }

    fn touches(&self) -> Vec<Touch> {
        // the number of links of what it names moves too
        vec![Touch::Files(self.path.clone()), Touch::Files(self.target.clone())]
    }

    fn describe(&self) -> String {
        format!("name {} {} too", self.target, self.path)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        check::path(&self.target)
    }
}
