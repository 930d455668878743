//! The mark of a wipe that was begun: the first bytes of a disk.

use serde::{Deserialize, Serialize};

use super::device_contents::DEVICE_AT;
use super::parse::number;
use super::path::absolute;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The mark that [`WipeDisk`](crate::node::steps::WipeDisk) leaves at the beginning of a disk until it is done.
///
/// Absent where there is none, or no such device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WipeMark(String);

impl WipeMark {
    /// Of the device at that path; links are followed.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for WipeMark {
    type Value = Begun;

    fn query(&self) -> Query {
        // it moves while the wipe goes on
        Query::new(KIND.name, [&self.0], vec![Touch::BlockDevice(self.0.clone())]).moving()
    }
}

/// A wipe that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// As far as that all is zeros behind the mark, in bytes.
    pub done: u64,
    /// Of so many bytes.
    pub size: u64,
    /// Of the disk with that serial number, or World Wide Name.
    pub serial: String,
}

pub(super) const KIND: Kind =
    Kind { name: "wipe_mark", function: &PROBE, merged: false, words: absolute, parse: |_, text| json(read(text)?) };

static PROBE: Function = Function {
    name: "probe_wipe_mark",
    text: r#"
probe_wipe_mark() {
  id=$1
  device_at "$1" "$2" || return 0
  # what else may stand there is anything, NULs among it: only a line as ours comes out
  take sh -c 'head -c 512 -- "$1" >/dev/null && head -c 512 -- "$1" | tr "\000" "\n" | LC_ALL=C sed -n "1s/^homelabctl-wipe 1 \([0-9]\{1,19\} [0-9]\{1,19\} [ -~]*\)$/\1/p"' \
    sh "$disk" || { r=$err; answer "$id" 1; return; }
  if [ -n "$r" ]; then answer "$id" 0; else answer "$id" 44; fi
}
"#,
    needs: &[&DEVICE_AT],
};

fn read(text: &str) -> Result<Begun, String> {
    let mut words = text.splitn(3, ' ');
    let (done, size) = (number(words.next(), "place")?, number(words.next(), "size")?);
    Ok(Begun { done, size, serial: words.next().ok_or("no serial number")?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark() {
        assert_eq!(read("4096 67108864 S4X1 N"), Ok(Begun { done: 4096, size: 67_108_864, serial: "S4X1 N".into() }));
        assert!(read("").is_err() && read("1").is_err() && read("1 2").is_err() && read("x 2 s").is_err());
    }
}
