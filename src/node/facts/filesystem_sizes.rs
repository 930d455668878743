//! How large filesystems are and how full: statvfs(3).

use serde::{Deserialize, Serialize};

use super::parse::number;
use super::path::all_absolute;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The sizes of the filesystems that are mounted at these absolute paths. They move by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesystemSizes(Vec<String>);

impl FilesystemSizes {
    /// At those paths. What is behind a network may not answer: do not ask for it.
    pub fn new(paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(paths.into_iter().map(Into::into).collect())
    }
}

impl Fact for FilesystemSizes {
    /// In the order of the paths; `None` where it cannot be known.
    type Value = Vec<Option<FilesystemSize>>;

    fn query(&self) -> Query {
        Query::new(KIND.name, &self.0, vec![Touch::MountTable, Touch::Mounts]).moving()
    }
}

/// A filesystem's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesystemSize {
    /// The unit of the numbers of blocks, in bytes.
    pub fragment: u64,
    /// What is best read at once, in bytes.
    pub block: u64,
    /// How many blocks there are.
    pub blocks: u64,
    /// How many of them users may still fill.
    pub available: u64,
    /// How many inodes there are.
    pub inodes: u64,
    /// How many of them are free.
    pub free_inodes: u64,
}

pub(super) const KIND: Kind = Kind {
    name: "filesystem_sizes",
    function: &PROBE,
    merged: false,
    words: all_absolute,
    parse: |args, text| json(read(args.len(), text)?),
};

static PROBE: Function = Function {
    name: "probe_filesystem_sizes",
    text: r#"
probe_filesystem_sizes() {
  id=$1 sizes=
  shift
  for f do
    if take stat -f -c '%S %s %b %a %c %d' -- "$f"; then sizes=$sizes$r$nl; else sizes=$sizes-$nl; fi
  done
  r=${sizes%"$nl"}
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(count: usize, text: &str) -> Result<Vec<Option<FilesystemSize>>, String> {
    let size = |line: &str| {
        if line == "-" {
            return Ok(None);
        }
        let mut fields = line.split(' ');
        let mut field = |what| number(fields.next(), what);
        Ok(Some(FilesystemSize {
            fragment: field("fragment size")?,
            block: field("block size")?,
            blocks: field("number of blocks")?,
            available: field("number of free blocks")?,
            inodes: field("number of inodes")?,
            free_inodes: field("number of free inodes")?,
        }))
    };
    let sizes = text.split('\n').map(size).collect::<Result<Vec<_>, String>>()?;
    if sizes.len() == count { Ok(sizes) } else { Err(format!("{} sizes of {count} filesystems", sizes.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_known_is_nothing() {
        let sizes = read(2, "4096 8192 100 50 1000 900\n-").unwrap();
        assert_eq!((sizes[0].unwrap().block, sizes[0].unwrap().free_inodes, sizes[1]), (8192, 900, None));
        assert!(read(1, "").is_err() && read(2, "-").is_err() && read(1, "1 2 3").is_err());
    }
}
