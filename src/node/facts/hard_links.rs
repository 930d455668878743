//! Which file a name is, and how many names it has.

use serde::{Deserialize, Serialize};

use super::path::{SHARE_OUT, absolute};
use super::{Kind, json, parse};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The file behind a path; links are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HardLinks(String);

impl HardLinks {
    /// Of that absolute path.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for HardLinks {
    type Value = Inode;

    fn query(&self) -> Query {
        // another name may come or go anywhere
        Query::new(KIND.name, [&self.0], vec![Touch::FilesOutside(Vec::new()), Touch::Mounts])
    }
}

/// A file, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inode {
    /// The device that it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// How many names it has.
    pub links: u64,
}

pub(super) const KIND: Kind =
    Kind { name: "hard_links", function: &PROBE, merged: false, words: absolute, parse: |_, text| json(read(text)?) };

static PROBE: Function = Function {
    name: "probe_hard_links",
    text: r#"
probe_hard_links() {
  if take stat -L -c "%d %i %h" -- "$2"; then answer "$1" 0; else failed "$1"; fi
}
"#,
    needs: &[&SHARE_OUT],
};

fn read(text: &str) -> Result<Inode, String> {
    let mut fields = text.split(' ');
    let mut next = |what| parse::number(fields.next(), what);
    Ok(Inode { device: next("device")?, inode: next("inode")?, links: next("number of links")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers() {
        assert_eq!(read("65024 12 2").unwrap(), Inode { device: 65024, inode: 12, links: 2 });
        assert!(read("1 2").is_err() && read("a b c").is_err());
    }
}
