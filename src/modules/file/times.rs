//! `access_time` and `modification_time`.

use serde_json::Value;

use crate::modules::Args;
use crate::modules::outcome::Ended;
use crate::node::Change;
use crate::node::facts::{LocalTime, Status};
use crate::node::steps::{SetTimes, Time};
use crate::plan::{Difference, Expect, Facts};

/// What times are wanted; none: as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Times {
    accessed: Option<Time>,
    modified: Option<Time>,
}

impl Times {
    /// As the options say; `touch` means now, all else nothing.
    pub(super) fn read(args: &Args, touch: bool, facts: &Facts<'_>) -> Result<Self, Ended> {
        let one = |name: &str| match args.str(name) {
            None if touch => Ok(Some(Time::Now)),
            None | Some("preserve") => Ok(None),
            Some("now") => Ok(Some(Time::Now)),
            Some(text) => {
                let format = args.str(&format!("{name}_format")).unwrap_or("%Y%m%d%H%M.%S");
                let time = parsed(text, format).ok_or_else(|| {
                    format!("Error while obtaining timestamp for time {text} using format {format}: the time does not match the format")
                })?;
                let seconds = facts.get(LocalTime::new(time))?.ok_or("the machine's clock knows no such time")?;
                Ok::<_, Ended>(Some(Time::At(seconds)))
            }
        };
        Ok(Self { accessed: one("access_time")?, modified: one("modification_time")? })
    }

    /// Adds to a change what gives them to what is at a path. Whether there is anything to do.
    pub(super) fn reach(self, path: &str, facts: &Facts<'_>, change: &mut Change) -> Result<bool, Ended> {
        let now = [self.accessed, self.modified].contains(&Some(Time::Now));
        let at = |time: Option<Time>| match time {
            Some(Time::At(seconds)) => Some(seconds),
            _ => None,
        };
        let (accessed, modified) = (at(self.accessed), at(self.modified));
        if !now && accessed.is_none() && modified.is_none() {
            return Ok(false);
        }
        let mut expect: Option<Expect> = None;
        let mut differ = now;
        let mut diff = Vec::new();
        if accessed.is_some() || modified.is_some() {
            let status = Status::new(path, true);
            let is = facts.get(status.clone())?;
            for (name, wanted) in [("accessed", accessed), ("modified", modified)] {
                let Some(wanted) = wanted else { continue };
                #[expect(clippy::cast_precision_loss, reason = "a time that Python has as a float too")]
                let wanted = wanted as f64;
                let was = is.as_ref().map(|is| if name == "accessed" { is.accessed } else { is.modified });
                if was != Some(wanted) {
                    differ = true;
                    let what = if name == "accessed" { "access time" } else { "modification time" };
                    let before = was.map(|was| was.to_string());
                    diff.push(Difference { what: format!("{what} of {path}"), before, after: Some(wanted.to_string()) });
                }
                expect = Some(match expect {
                    None => Expect::field(&status, name, Value::from(wanted)),
                    Some(expect) => expect.and(name, Value::from(wanted)),
                });
            }
        }
        if differ {
            if now && diff.is_empty() {
                diff.push(Difference { what: format!("times of {path}"), before: None, after: Some("now".into()) });
            }
            change.steps.push(SetTimes { path: path.into(), accessed: self.accessed, modified: self.modified }.into());
            change.diff.extend(diff);
            change.expect.extend(expect);
        }
        Ok(differ)
    }
}

/// A time as `YYYY-MM-DD HH:MM:SS`: strptime(3) with the directives that times are written with.
fn parsed(text: &str, format: &str) -> Option<String> {
    let (mut year, mut rest) = ([1900, 1, 1, 0, 0, 0], text);
    let mut format = format.chars();
    while let Some(c) = format.next() {
        if c != '%' {
            rest = if c.is_whitespace() { rest.trim_start() } else { rest.strip_prefix(c)? };
            continue;
        }
        let (at, digits) = match format.next()? {
            'Y' => (0, 4),
            'm' => (1, 2),
            'd' => (2, 2),
            'H' => (3, 2),
            'M' => (4, 2),
            'S' => (5, 2),
            '%' => {
                rest = rest.strip_prefix('%')?;
                continue;
            }
            _ => return None,
        };
        let end = rest.bytes().take(digits).take_while(u8::is_ascii_digit).count();
        *year.get_mut(at)? = rest.get(..end)?.parse::<u32>().ok()?;
        rest = rest.get(end..)?;
    }
    let [year, month, day, hour, minute, second] = year;
    let real = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 62;
    (rest.is_empty() && real).then(|| format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"))
}

#[cfg(test)]
mod tests {
    use super::parsed;

    #[test]
    fn times_are_read_by_their_format() {
        let usual = "%Y%m%d%H%M.%S";
        assert_eq!(parsed("202601312359.58", usual).as_deref(), Some("2026-01-31 23:59:58"));
        assert_eq!(parsed("31.1.2026", "%d.%m.%Y").as_deref(), Some("2026-01-31 00:00:00"));
        for (text, format) in [("", usual), ("202613312359.58", usual), ("202601312359.58x", usual), ("1", "%j"), ("x", "%Y")] {
            assert_eq!(parsed(text, format), None, "{text} {format}");
        }
    }
}
