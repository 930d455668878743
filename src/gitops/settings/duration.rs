//! Times as Flux takes them: `1m0s`, `10m`, `1h30m`, `1.5s`.

use std::time::Duration;

/// Reads one; none if it is none.
pub fn duration(text: &str) -> Option<Duration> {
    const UNITS: &[(&str, u64)] = &[("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];
    let (mut rest, mut nanos) = (text, 0_u64);
    if text.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number = rest.get(..rest.find(|c: char| !c.is_ascii_digit() && c != '.')?)?;
        rest = rest.strip_prefix(number)?;
        // `m` is the beginning of `ms`
        let (word, unit) = UNITS.iter().find(|(word, _)| rest.starts_with(word))?;
        rest = rest.strip_prefix(word)?;
        nanos = nanos.checked_add(times(number, *unit)?)?;
    }
    Some(Duration::from_nanos(nanos))
}

/// A decimal number times a unit, without the detour over floats.
fn times(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    if whole.is_empty() || fraction.is_some_and(|fraction| fraction.is_empty() || fraction.contains('.')) {
        return None;
    }
    let mut nanos = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut part = unit;
    for digit in fraction.unwrap_or_default().chars() {
        // an hour has 36 * 10^11 nanoseconds: digits beyond those are cut off, as Go does it
        if !part.is_multiple_of(10) {
            break;
        }
        part /= 10;
        nanos = nanos.checked_add(part.checked_mul(digit.to_digit(10)?.into())?)?;
    }
    Some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_go_and_flux_read_them() {
        for (text, millis) in [
            ("1m0s", 60_000),
            ("10m", 600_000),
            ("1h", 3_600_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            ("90s", 90_000),
            ("250ms", 250),
            ("1m500ms", 60_500),
            ("0.25s", 250),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "1", "m", "1 m", "-1m", "+1m", "1d", "1m1", "1.m", ".5s", "1.2.3s", "1ns", "99999999999h", "1M", "ä", "1mä"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn any_sum_of_parts_is_read() {
        use proptest::prelude::*;
        proptest!(|(hours in 0_u64..1000, minutes in 0_u64..1000, seconds in 0_u64..1000, millis in 0_u64..1000)| {
            let text = format!("{hours}h{minutes}m{seconds}.{millis:03}s");
            let is = Duration::from_millis(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis);
            prop_assert_eq!(duration(&text), Some(is));
        });
    }
}
