//! What is mounted: /proc/self/mountinfo, proc_pid_mountinfo(5).

use serde::{Deserialize, Serialize};

use super::parse::{escape_octal, no_words, unescape_octal};
use super::path::absolute;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What is mounted at a path, and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountAt(String);

impl MountAt {
    /// At that absolute path, which holds no link.
    pub fn new(path: impl Into<String>) -> Self {
        let path = path.into();
        Self(if path == "/" { path } else { path.trim_end_matches('/').into() })
    }
}

impl Fact for MountAt {
    type Value = Mount;

    fn query(&self) -> Query {
        // one above it would hide it
        let above = std::iter::successors(Some(self.0.as_str()), |path| match path.rsplit_once('/')?.0 {
            "" => (*path != "/").then_some("/"),
            above => Some(above),
        });
        Query::new(AT.name, [&self.0], above.map(|path| Touch::MountPoint(path.into())).chain([Touch::Mounts]).collect())
    }
}

/// All that is mounted, in the kernel's order. Containers come and go, so this moves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mounts;

impl Fact for Mounts {
    type Value = Vec<Mount>;

    fn query(&self) -> Query {
        Query::new(ALL.name, [""; 0], vec![Touch::MountTable, Touch::Mounts]).moving()
    }
}

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where.
    pub target: String,
    /// What: a device, `tmpfs`, `host:/export`…
    pub source: String,
    /// The type of the filesystem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The options of this mount.
    pub options: Vec<String>,
    /// The options of the filesystem, shared by all its mounts.
    pub filesystem_options: Vec<String>,
    /// Which directory of the filesystem is seen; `/` but for bind mounts and subvolumes.
    pub root: String,
}

pub(super) const AT: Kind = Kind {
    name: "mount_at",
    function: &PROBE_AT,
    merged: true,
    words: |args| Ok(vec![escape_octal(&absolute(args)?.concat())]),
    parse: |_, text| json(read_topmost(text)?),
};

pub(super) const ALL: Kind =
    Kind { name: "mounts", function: &PROBE_ALL, merged: false, words: no_words, parse: |_, text| json(read_all(text)?) };

static PROBE_AT: Function = Function {
    name: "probe_mount_at",
    text: r#"
probe_mount_at() {
  ids=$1; shift
  take cat /proc/self/mountinfo; mounted=$r complaint=$err
  for id in $ids; do
    r=
    IFS=$nl
    for l in $mounted; do
      case $l in
      *" $1 "*) rest=${l#* * * * }; case $rest in "$1 "*) r="$r$l$nl" ;; esac ;;
      esac
    done
    IFS=$ifs
    r=${r%"$nl"}
    if [ -n "$complaint" ] || [ -z "$mounted" ]; then r=${complaint:-nothing is mounted at all}; answer "$id" 1
    elif [ -n "$r" ]; then answer "$id" 0
    else answer "$id" 44
    fi
    shift
  done
}
"#,
    needs: &[],
};

static PROBE_ALL: Function = Function {
    name: "probe_mounts",
    text: r#"
probe_mounts() {
  if take cat /proc/self/mountinfo; then answer "$1" 0; else r=$err; answer "$1" 1; fi
}
"#,
    needs: &[],
};

/// A line with its own number and its parent's.
fn read(line: &str) -> Result<(u32, u32, Mount), String> {
    let bad = || format!("a mount as {line:?}");
    let (left, right) = line.split_once(" - ").ok_or_else(bad)?;
    let left: Vec<&str> = left.split(' ').collect();
    let [id, parent, _device, root, target, options, ..] = left.as_slice() else { return Err(bad()) };
    let mut right = right.splitn(3, ' ');
    let (kind, source) = (right.next().ok_or_else(bad)?, right.next().ok_or_else(bad)?);
    let list = |text: &str| text.split(',').filter(|option| !option.is_empty()).map(unescape_octal).collect();
    let mount = Mount {
        target: unescape_octal(target),
        source: unescape_octal(source),
        kind: unescape_octal(kind),
        options: list(options),
        filesystem_options: list(right.next().unwrap_or_default()),
        root: unescape_octal(root),
    };
    Ok((id.parse().map_err(|_| bad())?, parent.parse().map_err(|_| bad())?, mount))
}

fn read_all(text: &str) -> Result<Vec<Mount>, String> {
    text.lines().map(|line| read(line).map(|(_, _, mount)| mount)).collect()
}

/// Of several mounts on each other at one path, the one that is seen: no other one there stands on it.
fn read_topmost(text: &str) -> Result<Mount, String> {
    let mounts = text.lines().map(read).collect::<Result<Vec<_>, _>>()?;
    let is_covered = |id: u32| mounts.iter().any(|(other, parent, _)| *parent == id && *other != id);
    let top = mounts.iter().rposition(|(id, _, _)| !is_covered(*id)).ok_or("mounts that cover each other")?;
    mounts.into_iter().nth(top).map(|(_, _, mount)| mount).ok_or_else(|| "nothing".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_read_from_its_line() {
        let line = r"36 35 98:0 /mnt1 /mnt/a\040b rw,noatime master:1 shared:2 - ext4 /dev/sda1 rw,errors=continue";
        let mount = read_topmost(line).unwrap();
        assert_eq!(
            (mount.target.as_str(), mount.source.as_str(), mount.kind.as_str(), mount.root.as_str()),
            ("/mnt/a b", "/dev/sda1", "ext4", "/mnt1")
        );
        assert_eq!(
            (mount.options, mount.filesystem_options),
            (vec!["rw".into(), "noatime".into()], vec!["rw".into(), "errors=continue".into()])
        );
        assert!(read_topmost("").is_err() && read_topmost("36 35").is_err());
        let empty_source = read_topmost("36 35 0:30 / /x rw - tmpfs  rw").unwrap();
        assert_eq!((empty_source.source.as_str(), empty_source.kind.as_str()), ("", "tmpfs"));
    }

    #[test]
    fn the_topmost_of_several_is_seen() {
        let lines = "40 30 8:1 / /m rw - ext4 /dev/a rw\n52 40 8:2 / /m rw - xfs /dev/b rw\n41 40 8:3 / /m rw - ext4 /dev/c rw";
        assert_eq!(read_topmost(lines).unwrap().source, "/dev/c");
        let reordered = "52 40 8:2 / /m rw - xfs /dev/b rw\n40 30 8:1 / /m rw - ext4 /dev/a rw";
        assert_eq!(read_topmost(reordered).unwrap().source, "/dev/b");
    }
}
