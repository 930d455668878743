//! What is at a path: stat(1).
//!
//! Times are left out, and sizes but for regular files: they move by themselves, and a stat is a precondition.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::path::{SHARE_OUT, absolute};
use super::{Kind, json, parse};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    path: String,
    follow: bool,
}

impl Stat {
    /// What is at that absolute path; a link is looked at itself.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), follow: false }
    }

    /// What a link at that path leads to.
    pub fn followed(path: impl Into<String>) -> Self {
        Self { path: path.into(), follow: true }
    }
}

impl Fact for Stat {
    type Value = FileStat;

    fn query(&self) -> Query {
        // a link may lead anywhere
        // neither times nor a directory's size are in it, so what changes below leaves it alone
        let itself = || vec![Touch::Entry(self.path.clone()), Touch::Mounts];
        let mut stands_on = if self.follow { vec![Touch::Followed(self.path.clone()), Touch::Mounts] } else { itself() };
        stands_on.push(Touch::Accounts);
        Query::new(if self.follow { FOLLOWED.name } else { KIND.name }, [&self.path], stands_on)
    }
}

/// What stat says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStat {
    /// What it is.
    pub kind: FileKind,
    /// Its permission bits.
    pub mode: Mode,
    /// Its owner's number.
    pub uid: u32,
    /// Its group's number.
    pub gid: u32,
    /// Its owner's name, if the number has one.
    pub owner: Option<String>,
    /// Its group's name, if the number has one.
    pub group: Option<String>,
    /// In bytes; of regular files only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Where a link points to, as it is written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Major and minor number of a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<(u32, u32)>,
}

/// The kinds of files, inode(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A block device.
    BlockDevice,
    /// A character device.
    CharacterDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

impl FileKind {
    /// From the whole st_mode of stat(2).
    pub(super) fn of_bits(bits: u32) -> Result<Self, String> {
        Ok(match bits & 0o170_000 {
            0o100_000 => Self::File,
            0o040_000 => Self::Directory,
            0o120_000 => Self::Link,
            0o060_000 => Self::BlockDevice,
            0o020_000 => Self::CharacterDevice,
            0o010_000 => Self::Fifo,
            0o140_000 => Self::Socket,
            other => return Err(format!("a file of type {other:o}")),
        })
    }
}

/// Permission bits, chmod(2); written as people do, `0644`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mode(pub u32);

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl From<Mode> for Value {
    fn from(mode: Mode) -> Self {
        Value::String(mode.to_string())
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u32::from_str_radix(&text, 8).map(Mode).map_err(|_| serde::de::Error::custom(format!("{text:?} is not an octal mode")))
    }
}

/// As the path itself is.
pub(super) const KIND: Kind =
    Kind { name: "stat", function: &PROBE, merged: true, words: absolute, parse: |args, text| json(read(args, text)?) };
/// As what the path leads to is.
pub(super) const FOLLOWED: Kind =
    Kind { name: "stat_followed", function: &PROBE_FOLLOWED, merged: true, words: absolute, parse: |args, text| json(read(args, text)?) };

// busybox's stat knows -c but not --printf; GNU's %N escapes a link's target as C does, busybox's has it raw.
// One line a path; the nonce in it keeps a path that begins another one from taking its line.
static STAT: Function = Function {
    name: "stat_them",
    text: r#"
stat_match() {
  case $2 in "$1 $k$tab"*) ;; *) return 1 ;; esac
  r=${2#"$1 $k$tab"}
  case $r in
  8*) r=${r%%"$tab"[\"\']*} ;;
  a*) ;;
  *) r=${r%%"$tab"[\"\']*}; r=${r%"$tab"*}"$tab-" ;;
  esac
}
stat_one() {
  if ! take env QUOTING_STYLE=c stat $flag -c "$stat_format" -- "$2"; then
    failed "$1"
  elif stat_match "$2" "$r"; then
    answer "$1" 0
  else
    r="stat printed $r"; answer "$1" 1
  fi
}
stat_them() {
  flag=$1 ids=$2; shift 2
  stat_format="%n $k$tab%f$tab%t:%T$tab%u$tab%g$tab%U$tab%G$tab%s$tab%N"
  if [ $# = 1 ]; then stat_one "$ids" "$1"; return; fi
  take env QUOTING_STYLE=c stat $flag -c "$stat_format" -- "$@"
  share_out stat_match stat_one "$ids" "$@"
}
"#,
    needs: &[&SHARE_OUT],
};
static PROBE: Function = Function { name: "probe_stat", text: r#"probe_stat() { stat_them "" "$@"; }"#, needs: &[&STAT] };
static PROBE_FOLLOWED: Function =
    Function { name: "probe_stat_followed", text: r#"probe_stat_followed() { stat_them -L "$@"; }"#, needs: &[&STAT] };

fn read(args: &[String], text: &str) -> Result<FileStat, String> {
    let mut fields = text.splitn(8, '\t');
    let bits = parse::hex(fields.next(), "mode")?;
    let device = fields.next().and_then(|device| device.split_once(':')).ok_or("no device number")?;
    let (uid, gid) = (parse::number(fields.next(), "uid")?, parse::number(fields.next(), "gid")?);
    // what stat(1) says for a number without a name
    let mut name = || fields.next().filter(|name| *name != "UNKNOWN").map(str::to_owned);
    let (owner, group) = (name(), name());
    let size = fields.next();
    let kind = FileKind::of_bits(bits)?;
    let is_device = matches!(kind, FileKind::BlockDevice | FileKind::CharacterDevice);
    Ok(FileStat {
        kind,
        mode: Mode(bits & 0o7777),
        uid,
        gid,
        owner,
        group,
        size: if kind == FileKind::File { Some(parse::number(size, "size")?) } else { None },
        target: if kind == FileKind::Link { Some(target(args, fields.next().unwrap_or_default())?) } else { None },
        device: if is_device { Some((parse::hex(Some(device.0), "major")?, parse::hex(Some(device.1), "minor")?)) } else { None },
    })
}

/// The target in `"link" -> "target"` (GNU, as C quotes it) or `'link' -> 'target'` (busybox, raw).
fn target(args: &[String], text: &str) -> Result<String, String> {
    let path = args.first().map(String::as_str).unwrap_or_default();
    if let Some(target) = text.strip_prefix(&format!("'{path}' -> '")).and_then(|rest| rest.strip_suffix('\'')) {
        return Ok(target.into());
    }
    // no unescaped quote is inside either
    let quoted = text.strip_suffix('"').and_then(|rest| rest.rsplit_once("\" -> \"")).ok_or_else(|| format!("a link as {text:?}"))?.1;
    parse::unquote_c(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str) -> Result<FileStat, String> {
        read(&[path.into()], text)
    }

    #[test]
    fn a_file_has_a_size_and_a_directory_none() {
        let file = of("/etc/hosts", "81a4\t0:0\t0\t0\troot\troot\t222").unwrap();
        assert_eq!((file.kind, file.mode, file.size), (FileKind::File, Mode(0o644), Some(222)));
        assert_eq!((file.owner.as_deref(), file.target, file.device), (Some("root"), None, None));
        let tmp = of("/tmp", "43ff\t0:0\t0\t12345\troot\tUNKNOWN\t-").unwrap();
        assert_eq!(
            (tmp.kind, tmp.mode.to_string().as_str(), tmp.gid, tmp.group, tmp.size),
            (FileKind::Directory, "1777", 12345, None, None)
        );
    }

    #[test]
    fn names_with_spaces_are_whole() {
        let file = of("/x", "81a4\t0:0\t1000\t1001\tHOME\\pat\tdomain users\t0").unwrap();
        assert_eq!((file.owner.as_deref(), file.group.as_deref()), (Some("HOME\\pat"), Some("domain users")));
    }

    #[test]
    fn a_device_has_its_numbers() {
        let disk = of("/dev/sda1", "61b0\t8:1\t0\t6\troot\tdisk\t-").unwrap();
        assert_eq!((disk.kind, disk.device), (FileKind::BlockDevice, Some((8, 1))));
        assert_eq!(of("/dev/x", "61b0\t103:1f\t0\t6\troot\tdisk\t-").unwrap().device, Some((259, 31)));
    }

    #[test]
    fn a_target_is_read_as_gnu_and_as_busybox_write_it() {
        let link = |path: &str, text: &str| of(path, &format!("a1ff\t0:0\t0\t0\troot\troot\t9\t{text}")).unwrap().target.unwrap();
        assert_eq!(link("/l", r#""/l" -> "/etc/hosts""#), "/etc/hosts");
        assert_eq!(link("/l", "'/l' -> '/etc/hosts'"), "/etc/hosts");
        assert_eq!(link("/a'b", "'/a'b' -> 'it's\n\there'"), "it's\n\there");
        assert_eq!(link("/l", r#""/l" -> "a\"\\ -> \"b\n\303\244\377\007""#), "a\"\\ -> \"b\nä\\xff\u{7}");
    }

    #[test]
    fn what_is_not_a_stat_is_an_error() {
        for text in
            ["", "81a4", "zz\t0:0\t0\t0\ta\tb\t1", "81a4\t0:0\t-1\t0\ta\tb\t1", "01a4\t0:0\t0\t0\ta\tb\t1", "a1ff\t0:0\t0\t0\ta\tb\t1\t\"x"]
        {
            assert!(of("/x", text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_mode_is_written_in_octal() {
        assert_eq!(serde_json::to_string(&Mode(0o755)).unwrap(), "\"0755\"");
        assert_eq!(serde_json::from_str::<Mode>("\"1777\"").unwrap(), Mode(0o1777));
    }
}
