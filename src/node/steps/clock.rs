//! The time zone, and what the hardware clock holds, by timedatectl(1).

use serde::{Deserialize, Serialize};

use super::{Action, Call, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Sets the time zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetTimeZone {
    /// Its name, such as `Europe/Berlin`.
    pub zone: String,
}

/// Says whether the hardware clock holds local time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetHardwareClock {
    /// Whether it does; else UTC.
    pub local: bool,
}

/// verb, value.
const TIMEDATECTL: Function = Function {
    name: "s_timedatectl",
    needs: &[],
    text: r#"s_timedatectl() (
  timedatectl "$1" "$2" 9>&-
)"#,
};

impl Action for SetTimeZone {
    fn call(&self) -> Call {
        Call::new(&TIMEDATECTL, ["set-timezone", &self.zone])
    }

    fn touches(&self) -> Vec<Touch> {
        let files = ["/etc/localtime", "/etc/timezone"].map(|path| Touch::Files(path.into()));
        [Touch::Clock].into_iter().chain(files).collect()
    }

    fn describe(&self) -> String {
        format!("set the time zone to {}", self.zone)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::word("time zone", &self.zone)?;
        if self.zone.starts_with(['/', '-']) || self.zone.split('/').any(|part| part.is_empty() || part == "..") {
            return check::refuse("time zone", &self.zone, "is none");
        }
        Ok(())
    }
}

impl Action for SetHardwareClock {
    fn call(&self) -> Call {
        Call::new(&TIMEDATECTL, ["set-local-rtc", if self.local { "yes" } else { "no" }])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Clock, Touch::Files("/etc/adjtime".into())]
    }

    fn describe(&self) -> String {
        format!("have the hardware clock hold {}", if self.local { "local time" } else { "UTC" })
    }

    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

/// What systemd makes of /etc/adjtime, whose third line says what the clock holds; `None` where that says no more than no file.
pub(crate) fn adjtime(is: Option<&str>, local: bool) -> Option<String> {
    const UTC: &str = "0.0 0 0\n0\nUTC\n";
    let word = if local { "LOCAL" } else { "UTC" };
    let text = match is {
        None => format!("0.0 0 0\n0\n{word}\n"),
        Some(text) => {
            let mut lines = text.splitn(3, '\n');
            let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or("0"));
            let rest = lines.next().and_then(|third| third.split_once('\n')).map_or("", |(_, rest)| rest);
            format!("{first}\n{second}\n{word}\n{rest}")
        }
    };
    (text != UTC).then_some(text)
}

/// Whether /etc/adjtime says that the clock holds local time.
pub(crate) fn is_local(adjtime: &str) -> bool {
    adjtime.lines().nth(2) == Some("LOCAL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_line_says_what_the_clock_holds() {
        assert_eq!(adjtime(None, true).as_deref(), Some("0.0 0 0\n0\nLOCAL\n"));
        assert_eq!(adjtime(None, false), None);
        assert_eq!(adjtime(Some("1.5 2 0\n2\nLOCAL\n"), false).as_deref(), Some("1.5 2 0\n2\nUTC\n"));
        assert_eq!(adjtime(Some("0.0 0 0\n0\nLOCAL\n"), false), None);
        assert!(is_local("a\nb\nLOCAL\n") && !is_local("a\nLOCAL") && !is_local(""));
    }
}
