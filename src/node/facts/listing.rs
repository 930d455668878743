//! What is below a directory, with times and sizes: find(1) and stat(1), for the find module.

use serde::{Deserialize, Serialize};

use super::path::{SHARE_OUT, absolute, ground};
use super::{FileKind, Kind, Mode, json, parse};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// All below the directory at a path, itself followed, down to a depth. Moves by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    path: String,
    depth: Option<u32>,
    follow: bool,
}

impl Listing {
    /// Below that absolute path, at most so many directories deep (1: what is in it); into directories that links lead to
    /// as well, or not.
    pub fn new(path: impl Into<String>, depth: Option<u32>, follow: bool) -> Self {
        Self { path: path.into(), depth, follow }
    }
}

impl Fact for Listing {
    type Value = Listed;

    fn query(&self) -> Query {
        let depth = self.depth.map_or_else(|| "all".to_owned(), |depth| depth.to_string());
        let ground = if self.follow { vec![Touch::Followed(self.path.clone()), Touch::Mounts] } else { ground(&self.path) };
        let follow = if self.follow { "follow" } else { "" };
        Query::new(KIND.name, [&self.path, &depth, follow], [ground, vec![Touch::Accounts]].concat()).moving()
    }
}

/// What find(1) found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// The machine's time, in seconds since 1970.
    pub now: f64,
    /// What is there, in the order of the paths.
    pub entries: Vec<ListingEntry>,
    /// Directories that could not be read, each with the reason.
    pub unread: Vec<(String, String)>,
}

/// One of them, itself: links are not followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListingEntry {
    /// Its whole path.
    pub path: String,
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
    /// Last access, seconds since 1970.
    pub accessed: f64,
    /// Last change of the content.
    pub modified: f64,
    /// Last change of anything.
    pub changed: f64,
}

pub(super) const KIND: Kind = Kind {
    name: "listing",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [path, depth, follow] if depth == "all" || depth.parse::<u32>().is_ok() => {
            Ok([absolute(std::slice::from_ref(path))?, vec![depth.clone(), follow.clone()]].concat())
        }
        _ => Err("a path, a depth and `follow` or nothing are wanted".into()),
    },
    parse: |_, text| json(read(text)?),
};

// A name may hold anything but a slash, and two slashes in a row are in no path that find makes. busybox's stat has no
// parts of seconds: it leaves the format as it is.
static PROBE: Function = Function {
    name: "probe_listing",
    text: r#"
probe_listing() {
  if ! [ -d "$2" ]; then
    if [ -e "$2" ] || [ -L "$2" ]; then r="not a directory"; answer "$1" 1; else r=; answer "$1" 44; fi
    return
  fi
  id=$1 top=${2%/}/ depth=$3 follow=-H
  [ -z "$4" ] || follow=-L
  seconds=.9
  case $(stat -c %.9Y / 2>/dev/null) in *[!0-9.]*|'') seconds= ;; esac
  format="%f$tab%h$tab%i$tab%d$tab%u$tab%g$tab%U$tab%G$tab%s$tab%${seconds}X$tab%${seconds}Y$tab%${seconds}Z$tab%n//"
  set -- "$follow" "$top" -mindepth 1
  [ "$depth" = all ] || set -- "$@" -maxdepth "$depth"
  take find "$@" -exec stat -c "$format" -- {} +
  r="$(date +%s)$nl$r$nl///$nl$err"
  answer "$id" 0
}
"#,
    needs: &[&SHARE_OUT],
};

fn read(text: &str) -> Result<Listed, String> {
    let (now, rest) = text.split_once('\n').ok_or("no time")?;
    let (entries, errors) = rest.rsplit_once("///\n").ok_or("no end")?;
    let now = parse::number(Some(now), "time")?;
    let entries = entries.trim_end_matches('\n');
    let mut entries = match entries {
        "" => Vec::new(),
        entries => entries.strip_suffix("//").unwrap_or(entries).split("//\n").map(entry).collect::<Result<Vec<_>, _>>()?,
    };
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Listed { now, entries, unread: errors.lines().filter_map(unread).collect() })
}

fn entry(line: &str) -> Result<ListingEntry, String> {
    let mut fields = line.splitn(13, '\t');
    let bits = parse::hex(fields.next(), "mode")?;
    let mut next = |what| parse::number::<u64>(fields.next(), what);
    let (links, inode, device, uid, gid) = (next("links")?, next("inode")?, next("device")?, next("uid")?, next("gid")?);
    let mut name = || fields.next().filter(|name| *name != "UNKNOWN").map(str::to_owned);
    let (owner, group) = (name(), name());
    let size = parse::number(fields.next(), "size")?;
    let mut time = |what| parse::number::<f64>(fields.next(), what);
    let (accessed, modified, changed) = (time("access time")?, time("modification time")?, time("change time")?);
    let path = fields.next().filter(|path| path.starts_with('/')).ok_or_else(|| format!("an entry as {line:?}"))?.to_owned();
    let small = |number: u64| u32::try_from(number).map_err(|_| format!("a number as {number}"));
    Ok(ListingEntry {
        path,
        kind: FileKind::of_bits(bits)?,
        mode: Mode(bits & 0o7777),
        links,
        inode,
        device,
        uid: small(uid)?,
        gid: small(gid)?,
        owner,
        group,
        size,
        accessed,
        modified,
        changed,
    })
}

/// `find: '/root': Permission denied` (GNU) or `find: /root: Permission denied` (busybox).
fn unread(line: &str) -> Option<(String, String)> {
    let (path, why) = line.strip_prefix("find: ")?.rsplit_once(": ")?;
    let path = path.strip_prefix('\'').and_then(|path| path.strip_suffix('\'')).unwrap_or(path);
    Some((path.to_owned(), why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::record::Records;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};
    use crate::plan::Reading;

    #[test]
    fn every_shell_lists_odd_names_down_to_a_depth() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().to_str().unwrap();
        std::fs::create_dir_all(dir.path().join("a b/c/d")).unwrap();
        for name in ["new\nline", "it's", "a b/c/deep", "tab\tbed"] {
            std::fs::write(dir.path().join(name), "xyz").unwrap();
        }
        std::os::unix::fs::symlink("a b", dir.path().join("link")).unwrap();
        for shell in SHELLS {
            let mut script = Script::new();
            let all = [
                Listing::new(top, Some(1), false).query(),
                Listing::new(top, None, false).query(),
                Listing::new(top, None, true).query(),
                Listing::new(format!("{top}/none"), None, false).query(),
                Listing::new(format!("{top}/it's"), None, false).query(),
            ];
            let probes = script.probe(&all);
            let output = run(shell, "n1", &script.finish());
            let read = probes.observe(&Records::parse("n1", &output.stdout, &output.stderr));
            let listed = |at: usize| match &read[at].1.reading {
                Reading::Present(value) => serde_json::from_value::<Listed>(value.clone()).unwrap(),
                other => panic!("{shell:?} {other:?}"),
            };
            let names = |at: usize| {
                let strip = |entry: &ListingEntry| entry.path.strip_prefix(top).unwrap().to_owned();
                listed(at).entries.iter().map(strip).collect::<Vec<_>>()
            };
            assert_eq!(names(0), ["/a b", "/it's", "/link", "/new\nline", "/tab\tbed"], "{shell:?}");
            assert_eq!(names(1).len(), 8);
            assert!(names(2).contains(&"/link/c/deep".to_owned()));
            let found = listed(0);
            let file = &found.entries[1];
            assert_eq!((file.kind, file.size), (FileKind::File, 3));
            assert!(found.now - file.modified < 100.0 && file.modified > 1e9);
            assert_eq!(found.entries[2].kind, FileKind::Link);
            assert_eq!(read[3].1.reading, Reading::Absent);
            assert!(matches!(&read[4].1.reading, Reading::Unknown { why, .. } if why == "not a directory"));
        }
    }

    #[test]
    fn what_could_not_be_read_is_told() {
        let listed = read("17\n\n///\nfind: '/root/x': Permission denied\nfind: /y: Permission denied").unwrap();
        let denied = "Permission denied".to_owned();
        assert_eq!(listed.unread, [("/root/x".to_owned(), denied.clone()), ("/y".to_owned(), denied)]);
        assert!(read("").is_err() && read("17\nx//\n///\n").is_err());
    }
}
