//! A copy of a file beside it, before it is changed.

use serde::{Deserialize, Serialize};

use super::{Action, Call, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Copies a file, with its owner, mode and times, to `NAME.PID.YYYY-MM-DD@HH:MM:SS~` beside it, as Ansible names it, and
/// prints [`BACKUP_FILE`] and that path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backup {
    /// The file; a link is followed.
    pub path: String,
}

/// What stands before the name of the copy in the step's output.
pub const BACKUP_FILE: &str = "backup_file=";

/// path. The copy is whole under its name or not there.
const BACKUP: Function = Function {
    name: "s_backup",
    needs: &[],
    text: r#"s_backup() (
  copy=$1.$$.$(date +%Y-%m-%d@%H:%M:%S)~
  if cp -p -- "$1" "$copy.homelabctl" && sync "$copy.homelabctl" && mv -fT -- "$copy.homelabctl" "$copy"; then
    printf 'backup_file=%s\n' "$copy"
  else
    rm -f -- "$copy.homelabctl"
    exit 1
  fi
)"#,
};

impl Action for Backup {
    fn call(&self) -> Call {
        Call::new(&BACKUP, [&self.path])
    }

    fn touches(&self) -> Vec<Touch> {
        // the copy's name is not known before
        let above = self.path.rsplit_once('/').map_or("", |(above, _)| above);
        vec![Touch::Entry(if above.is_empty() { "/".into() } else { above.into() })]
    }

    fn describe(&self) -> String {
        format!("copy {} beside it", self.path)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)
    }
}
