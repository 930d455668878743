//! What a regular file holds that may become the image of a disk: blkid(8), and cmp(1) with /dev/zero.

use serde::{Deserialize, Serialize};

use super::path::absolute;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What the file at a path holds, read from the file itself.
///
/// Absent: no such file. Unknown: it cannot be read; what is no regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageContents(String);

impl ImageContents {
    /// Of the file at that path; links are followed.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for ImageContents {
    type Value = Image;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], vec![Touch::Followed(self.0.clone()), Touch::Mounts])
    }
}

/// What an image holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Image {
    /// Nothing but zeros.
    Zeros,
    /// That: the type of a filesystem, `LVM2_member`, a partition table…
    Is(String),
    /// Bytes of no known format.
    Unknown,
}

pub(super) const KIND: Kind =
    Kind { name: "image_contents", function: &PROBE, merged: false, words: absolute, parse: |_, text| json(read(text)?) };

// blkid's status is 2 where it finds nothing, 8 where several things are found
static PROBE: Function = Function {
    name: "probe_image_contents",
    text: r#"
probe_image_contents() {
  id=$1
  [ -e "$2" ] || { r=; answer "$id" 44; return; }
  [ -f "$2" ] || { r="$2 is no regular file"; answer "$id" 1; return; }
  take blkid -p -o export -- "$2"
  case $st in
  0|8) r="status $st$nl$r"; answer "$id" 0; return ;;
  2) ;;
  *) r=$err; answer "$id" 1; return ;;
  esac
  take stat -L -c %s -- "$2" || { r=$err; answer "$id" 1; return; }
  take cmp -n "$r" -- "$2" /dev/zero
  case $st in
  0) r=zeros ;;
  1) r=other ;;
  *) r=$err; answer "$id" 1; return ;;
  esac
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<Image, String> {
    match text {
        "zeros" => return Ok(Image::Zeros),
        "other" => return Ok(Image::Unknown),
        "status 8" => return Ok(Image::Is("several things at once".into())),
        _ => {}
    }
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let kind = value("TYPE").map(str::to_owned);
    let table = value("PTTYPE").map(|table| format!("a partition table ({table})"));
    kind.or(table).map(Image::Is).ok_or_else(|| format!("what it holds is told as {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_image_holds() {
        assert_eq!(read("zeros"), Ok(Image::Zeros));
        assert_eq!(read("other"), Ok(Image::Unknown));
        assert_eq!(read("status 0\nDEVNAME=/x\nUUID=1\nTYPE=ext4\nUSAGE=filesystem"), Ok(Image::Is("ext4".into())));
        assert_eq!(read("status 0\nDEVNAME=/x\nPTTYPE=gpt"), Ok(Image::Is("a partition table (gpt)".into())));
        assert_eq!(read("status 8"), Ok(Image::Is("several things at once".into())));
        assert!(read("").is_err() && read("status 0\nDEVNAME=/x").is_err());
    }
}
