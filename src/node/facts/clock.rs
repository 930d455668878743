//! The node's clock: date(1).

use serde::{Deserialize, Serialize};

use super::parse::{no_words, number};
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What the node's clock shows while the script runs. Who asks knows when it asked and when the answer came, and so how
/// far the clocks are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock;

impl Fact for Clock {
    type Value = ClockReading;

    fn query(&self) -> Query {
        Query::new(KIND.name, [""; 0], vec![Touch::Clock, Touch::Files("/etc/localtime".into())]).moving()
    }
}

/// A time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// Nanoseconds since 1970 (UTC).
    pub unix_nanoseconds: i64,
    /// How fine that is: 1, or 1 000 000 000 where date(1) knows whole seconds only (busybox).
    pub resolution_nanoseconds: u32,
    /// What local time is ahead of UTC, `+0100`.
    pub utc_offset: String,
    /// The time zone's short name, `CET`.
    pub zone: String,
}

pub(super) const KIND: Kind = Kind { name: "clock", function: &PROBE, merged: false, words: no_words, parse: |_, text| json(read(text)?) };

static PROBE: Function = Function {
    name: "probe_clock",
    text: r#"
probe_clock() {
  if take date '+%s %N %z %Z'; then answer "$1" 0; else r=$err; answer "$1" 1; fi
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<ClockReading, String> {
    let fields: Vec<&str> = text.split(' ').collect();
    // busybox may print nothing or `%N` for the nanoseconds
    let (seconds, nanoseconds, utc_offset, zone) = match fields.as_slice() {
        [seconds, nanoseconds, offset, zone] => (seconds, nanoseconds.parse::<u32>().ok().filter(|n| *n < 1_000_000_000), offset, zone),
        _ => return Err(format!("a time as {text:?}")),
    };
    let seconds: i64 = number(Some(seconds), "time")?;
    Ok(ClockReading {
        unix_nanoseconds: seconds
            .checked_mul(1_000_000_000)
            .and_then(|n| n.checked_add(nanoseconds.unwrap_or(0).into()))
            .ok_or("a time without end")?,
        resolution_nanoseconds: if nanoseconds.is_some() { 1 } else { 1_000_000_000 },
        utc_offset: (*utc_offset).into(),
        zone: (*zone).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_are_told_from_nanoseconds() {
        let time = read("1795456056 012345678 +0100 CET").unwrap();
        assert_eq!((time.unix_nanoseconds, time.resolution_nanoseconds), (1_795_456_056_012_345_678, 1));
        let coarse = read("1795456056 %N +0000 UTC").unwrap();
        assert_eq!((coarse.unix_nanoseconds, coarse.resolution_nanoseconds), (1_795_456_056_000_000_000, 1_000_000_000));
        assert_eq!(read("1795456056  +0000 UTC").unwrap().resolution_nanoseconds, 1_000_000_000);
        assert!(read("").is_err() && read("9223372036854775807 0 +0000 UTC").is_err());
    }
}
