//! All that stat(1) says of a path, times and inode too: for what a task registers, never for what a plan rests on.

use serde::{Deserialize, Serialize};

use super::path::{SHARE_OUT, absolute};
use super::{FileKind, Kind, Mode, json, parse};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What is at a path, to the last field. Moves by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    path: String,
    follow: bool,
}

impl Status {
    /// Of what is at that absolute path; a link is looked at itself, or followed.
    pub fn new(path: impl Into<String>, follow: bool) -> Self {
        Self { path: path.into(), follow }
    }
}

impl Fact for Status {
    type Value = FullStat;

    fn query(&self) -> Query {
        let follow = if self.follow { "follow" } else { "" };
        let stands_on = vec![Touch::Followed(self.path.clone()), Touch::Mounts, Touch::Accounts];
        Query::new(KIND.name, [self.path.as_str(), follow], stands_on).moving()
    }
}

/// stat(2), and what the login may do with it, access(2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FullStat {
    /// What it is.
    pub kind: FileKind,
    /// Its permission bits.
    pub mode: Mode,
    /// How many names it has.
    pub links: u64,
    /// Its number on its device.
    pub inode: u64,
    /// Its device's number.
    pub device: u64,
    /// The number of the device that it is.
    pub device_type: u64,
    /// Its owner's number.
    pub uid: u32,
    /// Its group's number.
    pub gid: u32,
    /// Its owner's name, if the number has one.
    pub owner: Option<String>,
    /// Its group's name, if the number has one.
    pub group: Option<String>,
    /// In bytes.
    pub size: u64,
    /// In blocks of 512 bytes.
    pub blocks: u64,
    /// How much is best read at once, in bytes.
    pub block_size: u64,
    /// Last access, seconds since 1970.
    pub accessed: f64,
    /// Last change of the content.
    pub modified: f64,
    /// Last change of anything.
    pub changed: f64,
    /// Whether the login may read, write and execute it; a link is followed.
    pub access: [bool; 3],
}

pub(super) const KIND: Kind = Kind {
    name: "status",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [path, follow] => Ok([absolute(std::slice::from_ref(path))?, vec![follow.clone()]].concat()),
        _ => Err("a path and `follow` or nothing are wanted".into()),
    },
    parse: |_, text| json(read(text)?),
};

// GNU's stat has parts of seconds with `%.9X`; busybox's does not know that.
static PROBE: Function = Function {
    name: "probe_status",
    text: r#"
probe_status() {
  flag=
  [ -z "$3" ] || flag=-L
  format="%f$tab%h$tab%i$tab%d$tab%t:%T$tab%u$tab%g$tab%s$tab%b$tab%o$tab"
  names="$tab%U$tab%G"
  if ! take stat $flag -c "$format%.9X$tab%.9Y$tab%.9Z$names" -- "$2"; then
    failed "$1"; return
  fi
  case $r in
  *[%?]*"$tab"*"$tab"*"$tab"*) take stat $flag -c "$format%X$tab%Y$tab%Z$names" -- "$2" || { failed "$1"; return; } ;;
  esac
  a=
  [ ! -r "$2" ] || a=r
  [ ! -w "$2" ] || a=${a}w
  [ ! -x "$2" ] || a=${a}x
  r=$a$tab$r
  answer "$1" 0
}
"#,
    needs: &[&SHARE_OUT],
};

fn read(text: &str) -> Result<FullStat, String> {
    let mut fields = text.split('\t');
    let access = fields.next().unwrap_or_default();
    let access = ['r', 'w', 'x'].map(|letter| access.contains(letter));
    let bits = parse::hex(fields.next(), "mode")?;
    let (links, inode) = (parse::number(fields.next(), "number of links")?, parse::number(fields.next(), "inode")?);
    let device = parse::number(fields.next(), "device")?;
    let (major, minor) = fields.next().and_then(|device| device.split_once(':')).ok_or("no device number")?;
    let (major, minor) = (u64::from(parse::hex(Some(major), "major")?), u64::from(parse::hex(Some(minor), "minor")?));
    let mut next = |what| parse::number::<u64>(fields.next(), what);
    let (uid, gid, size, blocks, block_size) = (next("uid")?, next("gid")?, next("size")?, next("blocks")?, next("block size")?);
    let mut time = |what| parse::number::<f64>(fields.next(), what);
    let (accessed, modified, changed) = (time("access time")?, time("modification time")?, time("change time")?);
    let mut name = || fields.next().filter(|name| *name != "UNKNOWN").map(str::to_owned);
    let small = |number: u64| u32::try_from(number).map_err(|_| format!("a number as {number}"));
    Ok(FullStat {
        kind: FileKind::of_bits(bits)?,
        mode: Mode(bits & 0o7777),
        links,
        inode,
        device,
        // gnu_dev_makedev(3)
        device_type: (minor & 0xff) | (major & 0xfff) << 8 | (minor & !0xff) << 12 | (major & !0xfff) << 32,
        uid: small(uid)?,
        gid: small(gid)?,
        owner: name(),
        group: name(),
        size,
        blocks,
        block_size,
        accessed,
        modified,
        changed,
        access,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_stat() {
        let line = "rw\t81a4\t1\t12\t65024\t0:0\t0\t5\t222\t8\t4096\t1.5\t2.25\t3.000000000\troot\tUNKNOWN";
        let stat = read(line).unwrap();
        assert_eq!((stat.kind, stat.mode, stat.links, stat.size, stat.modified), (FileKind::File, Mode(0o644), 1, 222, 2.25));
        assert_eq!((stat.owner.as_deref(), stat.group, stat.access, stat.device_type), (Some("root"), None, [true, true, false], 0));
        assert_eq!(read(&line.replace("0:0", "8:1")).unwrap().device_type, 2049);
        assert!(read("").is_err() && read(&line.replace("222", "x")).is_err());
    }
}
