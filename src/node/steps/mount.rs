//! What is mounted where, until the next boot; what is mounted at boot is a line of /etc/fstab.

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Mounts something. Where something is mounted already it is a failure: it would be hidden.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mount {
    /// What: a device, `UUID=…`, a directory for a bind mount, a word for a file system without a device.
    pub source: String,
    /// On which directory, which must exist.
    pub path: String,
    /// The type of the file system; `none` for a bind mount.
    pub fstype: String,
    /// Options, with commas; the usual ones if empty.
    pub options: String,
    /// The kernel's path of the device that the source leads to, where it is known: it is the one that is touched.
    #[serde(default)]
    pub device: String,
    /// Whether the directory was made for it: it goes again where nothing can be mounted on it.
    #[serde(default)]
    pub made: bool,
}

/// Unmounts what is mounted at a path. One in use is a failure; never forced, never lazy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unmount {
    /// Where.
    pub path: String,
}

/// Gives what is mounted at a path other options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remount {
    /// Where.
    pub path: String,
    /// Options, with commas; if empty, those of fstab or those that it has.
    pub options: String,
    /// What is mounted there: then it has these options and no others. If empty, they come on top of what it has.
    pub source: String,
    /// The type of the file system, where the source is given.
    pub fstype: String,
}

/// source, path, type, options, whether the directory was made for it.
const MOUNT: Function = Function {
    name: "s_mount",
    needs: &[&FAIL],
    text: r#"s_mount() (
  if mountpoint -q -- "$2"; then s_fail "something is mounted at $2 already"; fi
  mount -t "$3" -o "${4:-defaults}" -- "$1" "$2" 9>&- && exit
  status=$?
  [ -z "$5" ] || rmdir -- "$2"
  exit "$status"
)"#,
};

/// path.
const UNMOUNT: Function = Function {
    name: "s_unmount",
    needs: &[],
    text: r#"s_unmount() {
  umount -- "$1" 9>&-
}"#,
};

/// path, options, source, type.
const REMOUNT: Function = Function {
    name: "s_remount",
    needs: &[&FAIL],
    text: r#"s_remount() (
  mountpoint -q -- "$1" || s_fail "nothing is mounted at $1"
  options=remount${2:+,$2}
  if [ -n "$3" ]; then mount -t "$4" -o "$options" -- "$3" "$1" 9>&-; else mount -o "$options" -- "$1" 9>&-; fi
)"#,
};

fn moved(path: &str) -> Vec<Touch> {
    vec![Touch::MountPoint(path.into()), Touch::MountTable, Touch::Files(path.into())]
}

/// Who uses the device of that source moves too; any where it is not the device's own name.
fn device(source: &str) -> Option<Touch> {
    let is_tagged = source.split_once('=').is_some_and(|(tag, _)| tag.bytes().all(|byte| byte.is_ascii_uppercase()));
    let path = if source.starts_with("/dev/") { source } else { "/dev/" };
    (source.starts_with('/') || is_tagged).then(|| Touch::BlockDevice(path.to_owned()))
}

impl Action for Mount {
    fn call(&self) -> Call {
        let made = if self.made { "made" } else { "" };
        Call::new(&MOUNT, [self.source.as_str(), &self.path, &self.fstype, &self.options, made])
    }

    fn touches(&self) -> Vec<Touch> {
        let source = if self.device.is_empty() { &self.source } else { &self.device };
        moved(&self.path).into_iter().chain(device(source)).collect()
    }

    fn describe(&self) -> String {
        format!("mount {} at {}", self.source, self.path)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        check::word("source", &self.source)?;
        check::word("file system type", &self.fstype)
    }
}

impl Action for Unmount {
    fn call(&self) -> Call {
        Call::new(&UNMOUNT, [&self.path])
    }

    fn touches(&self) -> Vec<Touch> {
        moved(&self.path).into_iter().chain([Touch::BlockDevice("/dev/".into())]).collect()
    }

    fn describe(&self) -> String {
        format!("unmount {}", self.path)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)
    }
}

impl Action for Remount {
    fn call(&self) -> Call {
        Call::new(&REMOUNT, [&self.path, &self.options, &self.source, &self.fstype])
    }

    fn touches(&self) -> Vec<Touch> {
        moved(&self.path)
    }

    fn describe(&self) -> String {
        // a password may be among the options
        format!("mount {} with other options", self.path)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        if !self.options.is_empty() {
            check::word("mount options", &self.options)?;
        }
        if self.source.is_empty() {
            return Ok(());
        }
        check::word("source", &self.source)?;
        check::word("file system type", &self.fstype)
    }
}
