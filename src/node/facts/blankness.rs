//! Whether a block device holds nothing but zeros: cmp(1) with /dev/zero.

use serde::{Deserialize, Serialize};

use super::parse::number;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Whether a device holds zeros where data would show, beside what a table takes at its ends.
///
/// Read are the first and the last 16 MiB, the places of further copies of superblocks and labels (ext, btrfs, VMFS,
/// BlueStore), and blocks spread evenly over the rest. Reading takes a while, so this is asked only of what is about to be
/// formatted. Samples are a precondition as other facts are; all of it is not read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blankness {
    path: String,
    head: u64,
    tail: u64,
    extent: Extent,
}

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Where data would show.
    Sampled,
    /// All of it.
    Full,
}

impl Blankness {
    /// Of the device at that absolute path, without its first `head` and last `tail` bytes.
    pub fn new(path: impl Into<String>, head: u64, tail: u64, extent: Extent) -> Self {
        Self { path: path.into(), head, tail, extent }
    }
}

impl Fact for Blankness {
    type Value = Zeros;

    fn query(&self) -> Query {
        let extent = if self.extent == Extent::Full { "full" } else { "sampled" };
        let args = [self.path.clone(), self.head.to_string(), self.tail.to_string(), extent.into()];
        let query = Query::new(KIND.name, args, vec![Touch::BlockDevice(self.path.clone())]);
        // samples are quick enough to be read again before anything is written
        if self.extent == Extent::Full { query.moving() } else { query }
    }
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zeros {
    /// How many bytes were read.
    pub read: u64,
    /// Where the first byte is that is no zero.
    pub first_other: Option<u64>,
}

pub(super) const KIND: Kind = Kind { name: "blankness", function: &PROBE, merged: false, words, parse: |_, text| json(read(text)?) };

fn words(args: &[String]) -> Result<Vec<String>, String> {
    let [path, head, tail, extent] = args else { return Err("a device, two lengths and an extent are wanted".into()) };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !path.starts_with('/') || !is_number(head) || !is_number(tail) || !["full", "sampled"].contains(&extent.as_str()) {
        return Err(format!("blankness of {args:?}"));
    }
    Ok(args.to_vec())
}

// cmp's status is 0 where both are the same, 1 where they differ, 2 where it could not read
static PROBE: Function = Function {
    name: "probe_blankness",
    text: r#"
zeros() {
  from=$1 to=$2
  [ "$from" -ge "$head" ] || from=$head
  [ "$to" -le "$end" ] || to=$end
  [ "$from" -lt "$to" ] || return 0
  take cmp -n $((to - from)) -i "$from:0" -- "$device" /dev/zero
  case $st in
  0) total=$((total + to - from)) ;;
  1)
    b=${r##*byte } b=${b##*char } b=${b%%,*}
    other=$((from + b - 1)) total=$((total + b))
    return 1 ;;
  *) failed=$err; return 1 ;;
  esac
}
# not what the ends have shown already
spot() {
  [ "$2" -le $end_size ] || [ "$1" -ge $((size - end_size)) ] || zeros "$1" "$2"
}
spots() {
  m=1048576 g=1073741824 end_size=16777216
  zeros 0 $end_size || return
  zeros $((size - end_size)) "$size" || return
  # btrfs, VMFS, ext with blocks of 4 KiB, BlueStore
  for at in $((64 * m)) $((18 * m)) $((19 * m)) $((20 * m)) $((128 * m)) $((384 * m)) $((640 * m)) $((896 * m)) $((1152 * m)) $((3200 * m)) \
    $((3456 * m)) $((6272 * m)) $g $((10 * g)) $((100 * g)) $((256 * g)) $((1000 * g)); do
    spot "$at" $((at + m)) || return
  done
  i=1
  while [ $i -lt 128 ]; do
    at=$((size / 128 * i / 4096 * 4096)) i=$((i + 1))
    spot "$at" $((at + 65536)) || return
  done
}
probe_blankness() {
  id=$1 device=$2 head=$3 total=0 other= failed=
  take blockdev --getsize64 "$device" || { r=$err; answer "$id" 1; return; }
  size=$r end=$((r - $4))
  if [ "$5" = full ]; then zeros 0 "$size"; else spots; fi
  [ -z "$failed" ] || { r=$failed; answer "$id" 1; return; }
  r="$total $other"
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<Zeros, String> {
    let (total, other) = text.split_once(' ').ok_or("no place")?;
    let first_other = if other.is_empty() { None } else { Some(number(Some(other), "place")?) };
    Ok(Zeros { read: number(Some(total), "length")?, first_other })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_and_what_is_none() {
        assert_eq!(read("33554432 ").unwrap(), Zeros { read: 33_554_432, first_other: None });
        assert_eq!(read("12 11").unwrap(), Zeros { read: 12, first_other: Some(11) });
        assert!(read("").is_err() && read("x ").is_err() && read("1 x").is_err());
        assert!(words(&["/dev/sdb", "0", "-1", "full"].map(str::to_owned)).is_err());
    }
}
