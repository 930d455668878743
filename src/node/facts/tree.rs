//! All that is below a directory: find(1).

use serde::{Deserialize, Serialize};

use super::path::{SHARE_OUT, absolute, ground};
use super::{FileKind, Kind, Mode, json, parse};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What is below the directory at a path, at any depth. Links below it are not followed, the path itself is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree(String);

impl Tree {
    /// Below that absolute path.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for Tree {
    type Value = Vec<TreeEntry>;

    fn query(&self) -> Query {
        let mut stands_on = ground(&self.0);
        stands_on.push(Touch::Accounts);
        Query::new(KIND.name, [&self.0], stands_on)
    }
}

/// Something below a directory; entries are in the order of their paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TreeEntry {
    /// Its path below the directory.
    pub path: String,
    /// What it is; a link is a link.
    pub kind: FileKind,
    /// Its permission bits.
    pub mode: Mode,
    /// Its owner's number.
    pub uid: u32,
    /// Its group's number.
    pub gid: u32,
}

pub(super) const KIND: Kind =
    Kind { name: "tree", function: &PROBE, merged: false, words: absolute, parse: |args, text| json(read(args, text)?) };

// A name may hold anything but a slash, and two slashes in a row are in no path that find makes.
static PROBE: Function = Function {
    name: "probe_tree",
    text: r#"
probe_tree() {
  if [ -e "$2" ] && ! [ -d "$2" ]; then
    r="not a directory"; answer "$1" 1
  elif take find -H "$2" -mindepth 1 -exec stat -c "%f %u %g %n//" -- {} +; then
    answer "$1" 0
  else
    failed "$1"
  fi
}
"#,
    needs: &[&SHARE_OUT],
};

fn read(args: &[String], text: &str) -> Result<Vec<TreeEntry>, String> {
    let top = args.first().map(|top| top.trim_end_matches('/')).unwrap_or_default();
    let entry = |line: &str| {
        let mut fields = line.splitn(4, ' ');
        let bits = parse::hex(fields.next(), "mode")?;
        let (uid, gid) = (parse::number(fields.next(), "uid")?, parse::number(fields.next(), "gid")?);
        let path = fields.next().and_then(|path| path.strip_prefix(top)).map(|path| path.trim_start_matches('/'));
        let path = path.filter(|path| !path.is_empty()).ok_or_else(|| format!("an entry as {line:?}"))?.to_owned();
        Ok(TreeEntry { path, kind: FileKind::of_bits(bits)?, mode: Mode(bits & 0o7777), uid, gid })
    };
    let text = text.strip_suffix("//").or_else(|| text.strip_suffix("//\n")).unwrap_or(text);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut entries = text.split("//\n").map(entry).collect::<Result<Vec<_>, String>>()?;
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_line_ends() {
        let entries = read(&["/d".into()], "81a4 0 5 /d/b\nc//\n41ed 0 0 /d/a//\na1ff 1 1 /d/a/l//").unwrap();
        let shown: Vec<_> = entries.iter().map(|entry| (entry.path.as_str(), entry.kind, entry.mode.0, entry.gid)).collect();
        let wanted = [("a", FileKind::Directory, 0o755, 0), ("a/l", FileKind::Link, 0o777, 1), ("b\nc", FileKind::File, 0o644, 5)];
        assert_eq!(shown, wanted);
        assert_eq!(read(&["/".into()], "41ed 0 0 /etc//").unwrap()[0].path, "etc");
        assert_eq!(read(&["/d".into()], "").unwrap(), []);
        assert!(read(&["/d".into()], "81a4 0 5 /e/b//").is_err() && read(&["/d".into()], "x").is_err());
    }
}
