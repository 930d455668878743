//! What is in use as swap: /proc/swaps, proc(5).

use serde::{Deserialize, Serialize};

use super::parse::{no_words, number, unescape_octal};
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// All swap areas in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swaps;

impl Fact for Swaps {
    type Value = Vec<Swap>;

    fn query(&self) -> Query {
        Query::new(KIND.name, [""; 0], vec![Touch::Mounts])
    }
}

/// A swap area. How full it is always moves, so it is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// Its file or device.
    pub path: String,
    /// `file` or `partition`.
    #[serde(rename = "type")]
    pub kind: String,
    /// In bytes.
    pub size: u64,
    /// What has more is used first.
    pub priority: i32,
}

pub(super) const KIND: Kind = Kind { name: "swaps", function: &PROBE, merged: false, words: no_words, parse: |_, text| json(read(text)?) };

// a kernel without swap has no such file
static PROBE: Function = Function {
    name: "probe_swaps",
    text: r#"
probe_swaps() {
  r=
  if [ -r /proc/swaps ]; then
    while read -r f t s u p; do
      [ "$f" = Filename ] || r="$r$f $t $s $p$nl"
    done </proc/swaps
    r=${r%"$nl"}
    answer "$1" 0
  elif [ -r /proc/self/mountinfo ] && ! [ -e /proc/swaps ]; then answer "$1" 0
  else r="/proc/swaps cannot be read"; answer "$1" 1
  fi
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<Vec<Swap>, String> {
    let swap = |line: &str| {
        let mut fields = line.split(' ');
        let path = unescape_octal(fields.next().unwrap_or_default());
        let kind = fields.next().ok_or("no type")?.to_owned();
        let kib: u64 = number(fields.next(), "size")?;
        Ok(Swap { path, kind, size: kib.saturating_mul(1024), priority: number(fields.next(), "priority")? })
    };
    text.lines().map(swap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_bytes() {
        let swaps = read("/dev/dm-1 partition 999420 -2\n/a\\040b file 1024 5").unwrap();
        assert_eq!((swaps[0].size, swaps[0].priority), (999_420 * 1024, -2));
        assert_eq!((swaps[1].path.as_str(), swaps[1].kind.as_str()), ("/a b", "file"));
        assert_eq!(read("").unwrap(), []);
        assert!(read("/x file").is_err());
    }
}
