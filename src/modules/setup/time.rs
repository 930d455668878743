//! `date_time`: facts/system/date_time.py.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Map, Value};

use super::gather::{Gather, Made, known};
use crate::node::facts::{Clock, ClockReading};

pub(super) fn date_time(gather: &Gather<'_>) -> Made {
    known([("date_time", gather.ask(Clock).and_then(|clock| of(&clock)))])
}

fn of(clock: &ClockReading) -> Option<Value> {
    let (sign, digits) = (if clock.utc_offset.starts_with('-') { -1 } else { 1 }, clock.utc_offset.trim_start_matches(['+', '-']));
    let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i32>().ok();
    let offset = Offset::from_seconds(sign * (part(0..2)? * 3600 + part(2..4)? * 60)).ok()?;
    let time = Timestamp::from_nanosecond(clock.unix_nanoseconds.into()).ok()?;
    let (local, utc) = (offset.to_datetime(time), Offset::UTC.to_datetime(time));
    let microseconds = clock.unix_nanoseconds.div_euclid(1000).rem_euclid(1_000_000);
    let seconds = clock.unix_nanoseconds.div_euclid(1_000_000_000);
    let mut map = Map::new();
    let formats = [
        ("year", "%Y"),
        ("month", "%m"),
        ("weekday", "%A"),
        ("weekday_number", "%w"),
        ("weeknumber", "%W"),
        ("day", "%d"),
        ("hour", "%H"),
        ("minute", "%M"),
        ("second", "%S"),
        ("date", "%Y-%m-%d"),
        ("time", "%H:%M:%S"),
        ("iso8601_basic_short", "%Y%m%dT%H%M%S"),
    ];
    for (name, format) in formats {
        map.insert(name.into(), local.strftime(format).to_string().into());
    }
    map.insert("epoch".into(), seconds.to_string().into());
    map.insert("epoch_int".into(), seconds.to_string().into());
    map.insert("iso8601".into(), utc.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into());
    map.insert("iso8601_micro".into(), format!("{}.{microseconds:06}Z", utc.strftime("%Y-%m-%dT%H:%M:%S")).into());
    map.insert("iso8601_basic".into(), format!("{}{microseconds:06}", local.strftime("%Y%m%dT%H%M%S")).into());
    map.insert("tz".into(), clock.zone.clone().into());
    map.insert("tz_offset".into(), clock.utc_offset.clone().into());
    // what a zone is called in the other half of the year is not in the reading
    if clock.zone == "UTC" {
        map.insert("tz_dst".into(), "UTC".into());
    }
    Some(map.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_all_its_parts() {
        let clock = ClockReading {
            unix_nanoseconds: 1_795_456_056_012_345_678,
            resolution_nanoseconds: 1,
            utc_offset: "+0100".into(),
            zone: "CET".into(),
        };
        let time = of(&clock).unwrap();
        for (name, wanted) in [
            ("date", "2026-11-23"),
            ("time", "18:47:36"),
            ("weekday", "Monday"),
            ("weekday_number", "1"),
            ("weeknumber", "47"),
            ("epoch", "1795456056"),
            ("iso8601", "2026-11-23T17:47:36Z"),
            ("iso8601_micro", "2026-11-23T17:47:36.012345Z"),
            ("iso8601_basic", "20261123T184736012345"),
            ("iso8601_basic_short", "20261123T184736"),
            ("tz", "CET"),
            ("tz_offset", "+0100"),
        ] {
            assert_eq!(time[name], wanted, "{name}");
        }
        assert_eq!(time.get("tz_dst"), None);
    }
}
