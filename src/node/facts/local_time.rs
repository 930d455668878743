//! What a time on the machine's clock is in seconds since 1970: date(1).

use super::{Kind, json, parse};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// A time in the machine's time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTime(String);

impl LocalTime {
    /// Written as `2026-01-31 23:59:59`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl Fact for LocalTime {
    type Value = i64;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], vec![Touch::Files("/etc/localtime".into())])
    }
}

pub(super) const KIND: Kind = Kind {
    name: "local_time",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [time] if time.len() == 19 && time.bytes().all(|b| b.is_ascii_digit() || b"-: ".contains(&b)) => Ok(vec![time.clone()]),
        _ => Err("a time such as `2026-01-31 23:59:59` is wanted".into()),
    },
    parse: |_, text| json(parse::number::<i64>(Some(text), "seconds")?),
};

static PROBE: Function = Function {
    name: "probe_local_time",
    text: r#"
probe_local_time() {
  if take date -d "$2" +%s; then answer "$1" 0; else r=$err; answer "$1" 1; fi
}
"#,
    needs: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_time_is_asked() {
        assert!((KIND.words)(&["2026-01-31 23:59:59".into()]).is_ok());
        assert!((KIND.words)(&["tomorrow".into()]).is_err() && (KIND.words)(&[]).is_err());
        assert_eq!((KIND.parse)(&[], "123").unwrap(), 123);
    }
}
