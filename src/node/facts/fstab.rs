//! What is to be mounted at boot: fstab(5).

use serde::{Deserialize, Serialize};

use super::parse::{no_words, unescape_octal};
use super::path::SHARE_OUT;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// All entries of /etc/fstab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fstab;

impl Fact for Fstab {
    type Value = Vec<FstabEntry>;

    fn query(&self) -> Query {
        Query::new(KIND.name, [""; 0], vec![Touch::Files("/etc/fstab".into())])
    }
}

/// An entry of fstab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FstabEntry {
    /// On which line, from 1.
    pub line: u32,
    /// What: a device, `UUID=…`, `host:/export`…
    pub source: String,
    /// Where; `none` for swap.
    pub target: String,
    /// The type of the filesystem.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its options.
    pub options: Vec<String>,
    /// Whether dump(8) backs it up.
    pub dump: u32,
    /// When fsck(8) checks it; 0 is never.
    pub pass: u32,
}

pub(super) const KIND: Kind = Kind { name: "fstab", function: &PROBE, merged: false, words: no_words, parse: |_, text| json(read(text)) };

static PROBE: Function = Function {
    name: "probe_fstab",
    text: r#"
probe_fstab() {
  if take cat /etc/fstab; then answer "$1" 0; else failed "$1"; fi
}
"#,
    needs: &[&SHARE_OUT],
};

/// Lines that mount(8) would pass over are passed over.
fn read(text: &str) -> Vec<FstabEntry> {
    let mut entries = Vec::new();
    for (line, text) in (1..).zip(text.split('\n')) {
        let mut fields = text.split([' ', '\t']).filter(|field| !field.is_empty());
        let (Some(source), Some(target), Some(kind)) = (fields.next(), fields.next(), fields.next()) else { continue };
        if source.starts_with('#') {
            continue;
        }
        entries.push(FstabEntry {
            line,
            source: unescape_octal(source),
            target: unescape_octal(target),
            kind: kind.into(),
            options: fields.next().unwrap_or("defaults").split(',').map(unescape_octal).collect(),
            dump: fields.next().and_then(|field| field.parse().ok()).unwrap_or(0),
            pass: fields.next().and_then(|field| field.parse().ok()).unwrap_or(0),
        });
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_know_their_lines() {
        let entries = read(
            "# /etc/fstab\nUUID=5d-1 / ext4 errors=remount-ro 0 1\n\n  # indented\nLABEL=a\\040b\t/mnt/a\\040b  auto\tnofail,x-systemd.automount\n/swapfile none swap sw 0 0\nbroken line\n",
        );
        assert_eq!(entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [2, 5, 6]);
        assert_eq!((entries[0].pass, entries[1].source.as_str(), entries[1].target.as_str()), (1, "LABEL=a b", "/mnt/a b"));
        assert_eq!((entries[1].options.len(), entries[1].dump, entries[2].kind.as_str()), (2, 0, "swap"));
        assert_eq!(read(""), []);
    }
}
