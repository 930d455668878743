//! What is in a directory.

use serde::{Deserialize, Serialize};

use super::path::{SHARE_OUT, absolute, ground};
use super::{FileKind, Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query};

/// The names in the directory at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory(String);

impl Directory {
    /// At that absolute path.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for Directory {
    type Value = Vec<Entry>;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], ground(&self.0))
    }
}

/// A name in a directory; entries are in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// The name; bytes that are no UTF-8 are written `\xNN`.
    pub name: String,
    /// What it is; a link is a link.
    pub kind: FileKind,
}

pub(super) const KIND: Kind =
    Kind { name: "directory", function: &PROBE, merged: false, words: absolute, parse: |_, text| json(read(text)?) };

// ls says whether the directory could be read at all; the names come from the shell, which can tell a newline in a name.
static PROBE: Function = Function {
    name: "probe_directory",
    text: r#"
probe_directory() {
  if [ -e "$2" ] && ! [ -d "$2" ]; then
    r="not a directory"; answer "$1" 1; return
  elif ! take ls -A -- "${2%/}/"; then
    failed "$1"; return
  elif ! [ -x "$2" ]; then
    r="its entries cannot be looked at"; answer "$1" 1; return
  fi
  r= id=$1
  set +f
  set -- "${2%/}"/.* "${2%/}"/*
  set -f
  for f do
    case ${f##*/} in .|..) continue ;; esac
    if [ -L "$f" ]; then t=l
    elif [ -f "$f" ]; then t=f
    elif [ -d "$f" ]; then t=d
    elif [ -b "$f" ]; then t=b
    elif [ -c "$f" ]; then t=c
    elif [ -p "$f" ]; then t=p
    elif [ -S "$f" ]; then t=s
    else continue
    fi
    r="$r$t${f##*/}/"
  done
  answer "$id" 0
}
"#,
    needs: &[&SHARE_OUT],
};

/// A letter for the kind, the name, a slash, for each.
fn read(text: &str) -> Result<Vec<Entry>, String> {
    let entry = |item: &str| {
        let mut chars = item.chars();
        let kind = match chars.next() {
            Some('f') => FileKind::File,
            Some('d') => FileKind::Directory,
            Some('l') => FileKind::Link,
            Some('b') => FileKind::BlockDevice,
            Some('c') => FileKind::CharacterDevice,
            Some('p') => FileKind::Fifo,
            Some('s') => FileKind::Socket,
            _ => return Err(format!("an entry as {item:?}")),
        };
        Ok(Entry { name: chars.as_str().into(), kind })
    };
    let mut entries = text.split_terminator('/').map(entry).collect::<Result<Vec<_>, _>>()?;
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_sorted_by_name() {
        let names = |text| read(text).unwrap().into_iter().map(|entry| (entry.name, entry.kind)).collect::<Vec<_>>();
        assert_eq!(
            names("fb\nc/d.a/lz z/"),
            [(".a".into(), FileKind::Directory), ("b\nc".into(), FileKind::File), ("z z".into(), FileKind::Link)]
        );
        assert_eq!(names(""), []);
        assert!(read("?x/").is_err() && read("/").is_err());
    }
}
