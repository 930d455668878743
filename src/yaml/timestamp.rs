//! Dates and times of YAML 1.1, as PyYAML reads them and Python's `isoformat()` writes them.

use super::value::Value;

/// The date or the time, `None` if it does not look like one.
///
/// # Errors
/// It looks like one, and there is no such day or hour.
pub(super) fn timestamp(text: &str) -> Result<Option<Value>, &'static str> {
    let Some(parts) = Parts::read(text) else { return Ok(None) };
    if !(1..=12).contains(&parts.month) || parts.year == 0 || parts.day == 0 || parts.day > days(parts.year, parts.month) {
        return Err("it looks like a date, and there is no such day");
    }
    let date = format!("{:04}-{:02}-{:02}", parts.year, parts.month, parts.day);
    let Some(time) = parts.time else { return Ok(Some(Value::Time(date.into()))) };
    if time.hour > 23 || time.minute > 59 || time.second > 59 {
        return Err("it looks like a time, and there is no such hour");
    }
    let fraction = if time.microseconds > 0 { format!(".{:06}", time.microseconds) } else { String::new() };
    let zone = match time.zone {
        None => String::new(),
        Some(minutes) if minutes.abs() >= 24 * 60 => return Err("it looks like a time, and its zone is a day or more away"),
        Some(minutes) => {
            format!("{}{:02}:{:02}", if minutes < 0 { '-' } else { '+' }, minutes.abs() / 60, minutes.abs() % 60)
        }
    };
    Ok(Some(Value::Time(format!("{date}T{:02}:{:02}:{:02}{fraction}{zone}", time.hour, time.minute, time.second).into())))
}

struct Parts {
    year: u32,
    month: u32,
    day: u32,
    time: Option<Time>,
}

struct Time {
    hour: u32,
    minute: u32,
    second: u32,
    microseconds: u32,
    /// Minutes east of Greenwich.
    zone: Option<i32>,
}

impl Parts {
    /// PyYAML's pattern: a date of full length, or a date and a time whose month, day and hour may have one digit.
    fn read(text: &str) -> Option<Self> {
        let mut rest = Rest(text);
        let year = rest.digits(4, 4)?;
        rest.skip('-')?;
        let month_at = rest.0.len();
        let month = rest.digits(1, 2)?;
        rest.skip('-')?;
        let day = rest.digits(1, 2)?;
        if rest.0.is_empty() {
            return (month_at == 5).then_some(Self { year, month, day, time: None });
        }
        if rest.skip('T').or_else(|| rest.skip('t')).is_none() {
            rest.blanks().then_some(())?;
        }
        let hour = rest.digits(1, 2)?;
        rest.skip(':')?;
        let minute = rest.digits(2, 2)?;
        rest.skip(':')?;
        let second = rest.digits(2, 2)?;
        let mut microseconds = 0;
        if rest.skip('.').is_some() {
            let fraction: String = rest.0.chars().take_while(char::is_ascii_digit).collect();
            rest.0 = rest.0.get(fraction.len()..)?;
            microseconds = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
        }
        let mut time = Time { hour, minute, second, microseconds, zone: None };
        if !rest.0.is_empty() {
            rest.blanks();
            time.zone = Some(rest.zone()?);
        }
        rest.0.is_empty().then_some(Self { year, month, day, time: Some(time) })
    }
}

/// What is left of a text.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        (count >= least).then(|| digits.parse().ok())?
    }

    fn skip(&mut self, c: char) -> Option<()> {
        self.0 = self.0.strip_prefix(c)?;
        Some(())
    }

    /// Whether there were any.
    fn blanks(&mut self) -> bool {
        let rest = self.0.trim_start_matches([' ', '\t']);
        let any = rest.len() < self.0.len();
        self.0 = rest;
        any
    }

    fn zone(&mut self) -> Option<i32> {
        if self.skip('Z').is_some() {
            return Some(0);
        }
        let sign = if self.skip('-').is_some() { -1 } else { self.skip('+').map(|()| 1)? };
        let hours = self.digits(1, 2)?;
        let minutes = if self.skip(':').is_some() { self.digits(2, 2)? } else { 0 };
        Some(sign * i32::try_from(hours * 60 + minutes).ok()?)
    }
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_pyyaml_reads_them() {
        for (text, expected) in [
            ("2024-01-02", "2024-01-02"),
            ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05+00:00"),
            ("2024-1-2 3:04:05.5 -7:30", "2024-01-02T03:04:05.500000-07:30"),
            ("2024-01-02t03:04:05.1234567+1", "2024-01-02T03:04:05.123456+01:00"),
            ("2024-02-29 00:00:00", "2024-02-29T00:00:00"),
            ("2024-01-02 03:04:05.", "2024-01-02T03:04:05"),
        ] {
            assert_eq!(timestamp(text), Ok(Some(Value::Time(expected.into()))), "{text}");
        }
        for text in ["2024-1-2", "2024-01-02 ", "2024-01-02 03:04", "24-01-02", "2024-01-02T3:4:5", "2024-01-02 03:04:05 UTC", "2024"] {
            assert_eq!(timestamp(text), Ok(None), "{text}");
        }
        for text in ["2023-02-29", "2024-00-01", "0000-01-01", "2024-01-02 24:00:00", "2024-01-02 03:04:05+24"] {
            assert!(timestamp(text).is_err(), "{text}");
        }
    }
}
