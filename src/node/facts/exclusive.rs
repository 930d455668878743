//! Whether a block device can be had for oneself: open(2) with O_EXCL.

use serde::{Deserialize, Serialize};

use super::device_contents::DEVICE_AT;
use super::path::absolute;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Whether somebody has a device, or one of its partitions, for himself: what is mounted, what something stands on, and what leaves
/// no other trace, as the further devices of a btrfs or a ZFS pool.
///
/// It is opened for reading and closed again. Absent: no such device. Unknown where perl is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExclusiveOpen(String);

impl ExclusiveOpen {
    /// Of the device at that path; links are followed.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for ExclusiveOpen {
    type Value = Openness;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], vec![Touch::BlockDevice(self.0.clone()), Touch::Mounts, Touch::Modules])
    }
}

/// Whether it can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Openness {
    /// It can.
    Free,
    /// Somebody has it.
    Taken,
}

pub(super) const KIND: Kind =
    Kind { name: "exclusive_open", function: &PROBE, merged: false, words: absolute, parse: |_, text| json(read(text)?) };

static PROBE: Function = Function {
    name: "probe_exclusive_open",
    text: r#"
probe_exclusive_open() {
  id=$1
  device_at "$1" "$2" || return 0
  take perl -MFcntl -MErrno=EBUSY -e '
    if (sysopen(my $held, $ARGV[0], O_RDONLY | O_EXCL)) { print "free" } elsif ($! == EBUSY) { print "taken" } else { die "$ARGV[0]: $!\n" }
  ' "$disk" || { r=$err; answer "$id" 1; return; }
  answer "$id" 0
}
"#,
    needs: &[&DEVICE_AT],
};

fn read(text: &str) -> Result<Openness, String> {
    match text {
        "free" => Ok(Openness::Free),
        "taken" => Ok(Openness::Taken),
        _ => Err(format!("an open as {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_or_taken() {
        assert_eq!(["free", "taken"].map(read), [Ok(Openness::Free), Ok(Openness::Taken)]);
        assert!(read("").is_err());
    }
}
