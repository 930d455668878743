//! The clock that goes on while the machine is off: /sys/class/rtc, /etc/adjtime.

use super::parse::number;
use super::small_file::SLURP;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Seconds that the hardware's clock is ahead of the system's, in whole ones. Absent: there is no such clock. It moves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HardwareClock;

impl Fact for HardwareClock {
    type Value = i64;

    fn query(&self) -> Query {
        Query::new(KIND.name, ["rtc0"], vec![Touch::Clock, Touch::Files("/etc/adjtime".into())]).moving()
    }
}

pub(super) const KIND: Kind = Kind {
    name: "hardware_clock",
    function: &PROBE,
    merged: false,
    words: |args| if args.len() == 1 { Ok(Vec::new()) } else { Err("one word is wanted".into()) },
    parse: |_, text| json(read(text)?),
};

// the third line of adjtime says LOCAL where the clock shows local time, as beside another system
static PROBE: Function = Function {
    name: "probe_hardware_clock",
    text: r#"
probe_hardware_clock() {
  slurp /sys/class/rtc/rtc0/since_epoch
  case $? in
  0) rtc=$r ;;
  44) r=; answer "$1" 44; return ;;
  *) r=$err; answer "$1" 1; return ;;
  esac
  kind=UTC
  if slurp /etc/adjtime; then case $r in *LOCAL*) kind=LOCAL ;; esac; fi
  if take date '+%s %z'; then r="$rtc $r $kind"; answer "$1" 0; else r=$err; answer "$1" 1; fi
}
"#,
    needs: &[&SLURP],
};

/// Seconds of the hardware, seconds of the system, what local time is ahead (`+0130`), and what the hardware shows.
fn read(text: &str) -> Result<i64, String> {
    let bad = || format!("clocks as {text:?}");
    let [hardware, system, offset, kind] = text.split(' ').collect::<Vec<_>>().try_into().map_err(|_| bad())?;
    let (hardware, system): (i64, i64) = (number(Some(hardware), "time")?, number(Some(system), "time")?);
    let offset: i64 = number(Some(offset), "offset")?;
    let local = if kind == "LOCAL" { offset / 100 * 3600 + offset % 100 * 60 } else { 0 };
    hardware.checked_sub(system).and_then(|ahead| ahead.checked_sub(local)).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_is_taken_off() {
        assert_eq!(read("1795456000 1795456010 +0100 UTC"), Ok(-10));
        assert_eq!(read("1795461401 1795456000 +0130 LOCAL"), Ok(1));
        assert_eq!(read("1795456000 1795459600 -0100 LOCAL"), Ok(0));
        assert!(read("").is_err() && read("1 x +0000 UTC").is_err() && read("9223372036854775807 -2 +0000 UTC").is_err());
    }
}
