//! Filters and functions for dates.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::super::fault::{Outcome, fail, fail_hint, shown};
use super::super::repr;
use super::super::spec::{Given, Spec, spec};
use super::super::value::V;

pub(super) const TABLE: &[Spec] = &[spec("strftime", &["second", "utc"], strftime), spec("to_datetime", &["format"], to_datetime)];

fn zone(utc: bool) -> TimeZone {
    if utc { TimeZone::UTC } else { TimeZone::system() }
}

/// The value is the format, as in Ansible: `'%Y' | strftime(seconds)`.
fn strftime(given: &Given) -> Outcome<V> {
    let format = given.own_text()?;
    let seconds = match given.arg(0) {
        None | Some(V::None) => None,
        Some(value) => match value.as_float().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok())) {
            Some(seconds) => Some(seconds),
            None => {
                let given = shown(&repr::text(given.run, value)?);
                return fail_hint(format!("invalid value for epoch value ({given})"), "it is seconds since 1970");
            }
        },
    };
    let time = match seconds {
        None => Timestamp::now(),
        #[expect(clippy::cast_possible_truncation, reason = "Python cuts the fraction off too")]
        Some(seconds) => match Timestamp::from_second(seconds.floor() as i64) {
            Ok(time) => time,
            Err(_) => return fail("`strftime` knows no such time"),
        },
    };
    written(&format, &time.to_zoned(zone(given.flag(1, false))).datetime(), zone(given.flag(1, false)))
}

fn written(format: &str, time: &DateTime, zone: TimeZone) -> Outcome<V> {
    let Ok(zoned) = time.to_zoned(zone) else { return fail("there is no such time") };
    // one letter that is not known here is wrong, not a panic while it is written
    match jiff::fmt::strtime::format(format, &zoned) {
        Ok(text) => Ok(V::from(text)),
        Err(error) => fail(format!("the format of a date cannot be used: {error}")),
    }
}

/// As Python's `str()` writes it.
fn spaced(time: &DateTime) -> std::sync::Arc<str> {
    time.to_string().replacen('T', " ", 1).into()
}

fn to_datetime(given: &Given) -> Outcome<V> {
    let (text, format) = (given.own_text()?, given.text_or(0, "%Y-%m-%d %H:%M:%S")?);
    match DateTime::strptime(&format, &text)
        .or_else(|_| jiff::civil::Date::strptime(&format, &text).map(|date| date.to_datetime(jiff::civil::Time::midnight())))
    {
        Ok(time) => Ok(V::Time(spaced(&time))),
        Err(_) => fail_hint(
            format!("`{}` is no date of the form `{format}`", super::super::fault::shown(&text)),
            "write the form: `to_datetime('%Y-%m-%d')`",
        ),
    }
}

/// `now(utc, fmt)`
pub(in super::super) fn now(given: &Given) -> Outcome<V> {
    if !given.run.around.programs {
        return fail_hint("`now()` is not allowed here", "values that change by themselves make every run change something");
    }
    let zone = zone(given.flag(0, false));
    let time = Timestamp::now().to_zoned(zone.clone()).datetime();
    match given.text(1)?.filter(|format| !format.is_empty()) {
        Some(format) => written(&format, &time, zone),
        None => Ok(V::Time(spaced(&time))),
    }
}

/// Methods of dates.
pub(in super::super) fn method(time: &str, name: &str, first: Option<&V>) -> Outcome<V> {
    let date =
        time.parse::<DateTime>().or_else(|_| time.parse::<jiff::civil::Date>().map(|date| date.to_datetime(jiff::civil::Time::midnight())));
    let Ok(date) = date else { return fail("this date cannot be reckoned with") };
    match (name, first.and_then(V::as_str)) {
        ("strftime", Some(format)) => written(format, &date, TimeZone::UTC),
        ("isoformat", _) => Ok(V::from(date.to_string())),
        ("date", _) => Ok(V::Time(date.date().to_string().into())),
        ("weekday", _) => Ok(V::Int(i128::from(date.weekday().to_monday_zero_offset()))),
        ("isoweekday", _) => Ok(V::Int(i128::from(date.weekday().to_monday_one_offset()))),
        ("timestamp", _) => match date.to_zoned(TimeZone::system()) {
            #[expect(clippy::cast_precision_loss, reason = "a time of this age fits")]
            Ok(zoned) => Ok(V::Float(zoned.timestamp().as_microsecond() as f64 / 1e6)),
            Err(_) => fail("there is no such time"),
        },
        ("strftime", None) => fail("`strftime` needs a format"),
        _ => fail(format!("`{name}` is no method of a date here")),
    }
}
