//! A user's line in shadow(5): how old a password may get, and which hash it has, as a digest.

use serde::{Deserialize, Serialize};

use super::user::{ACCOUNTS, name};
use super::{Kind, json, parse};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What shadow(5) says about the user of that name. Only root may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow(String);

impl Shadow {
    /// By its name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl Fact for Shadow {
    type Value = ShadowEntry;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], vec![Touch::Accounts, Touch::Files("/etc/shadow".into())])
    }
}

/// A line of shadow(5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowEntry {
    /// The SHA-256 digest, in lower-case hex, of the password's hash without the exclamation marks before it. The hash
    /// itself is never read out.
    pub digest: String,
    /// Whether there are exclamation marks before it: no password fits.
    pub locked: bool,
    /// Days before a password may be changed again.
    pub min: Option<i64>,
    /// Days after which it must be changed.
    pub max: Option<i64>,
    /// Days before that in which the user is told.
    pub warn: Option<i64>,
    /// Days after that until the account is of no use.
    pub inactive: Option<i64>,
    /// The day since 1970-01-01 on which the account ends.
    pub expires: Option<i64>,
}

pub(super) const KIND: Kind = Kind { name: "shadow", function: &PROBE, merged: true, words: name, parse: |_, text| json(read(text)?) };

// printf is a builtin, so the hash stands in no process list.
static PROBE: Function = Function {
    name: "probe_shadow",
    text: r#"
shadow_one() {
  account_of "$1" "$found" || return 44
  l=${line#*:}; hash=${l%%:*}; l=${l#*:}; l=${l#*:} locked=
  while :; do
    case $hash in '!'*) hash=${hash#?} locked=locked ;; *) break ;; esac
  done
  if r=$(printf %s "$hash" | sha256sum); then
    r="${r%% *}:$locked:$l"
  else
    r="sha256sum is missing"; return 1
  fi
}
probe_shadow() {
  ids=$1; shift
  each_account shadow shadow_one "$ids" "$@"
}
"#,
    needs: &[&ACCOUNTS],
};

/// `digest:locked:min:max:warn:inactive:expires:`
fn read(text: &str) -> Result<ShadowEntry, String> {
    let mut fields = text.split(':');
    let digest = fields.next().filter(|digest| digest.len() == 64).ok_or("no digest")?.to_owned();
    let locked = fields.next().ok_or("no lock")? == "locked";
    let mut days = |what: &str| match fields.next().ok_or_else(|| format!("no {what}"))?.trim() {
        "" => Ok(None),
        text => parse::number(Some(text), what).map(|days: i64| (days >= 0).then_some(days)),
    };
    Ok(ShadowEntry {
        digest,
        locked,
        min: days("minimum")?,
        max: days("maximum")?,
        warn: days("warning")?,
        inactive: days("inactivity")?,
        expires: days("end")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Probes;
    use super::*;
    use crate::node::record::Records;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};
    use crate::plan::Reading;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_line_has_its_fields() {
        let pat = read(&format!("{EMPTY}:locked:0:99999:7:::")).unwrap();
        assert_eq!((pat.locked, pat.min, pat.max, pat.warn, pat.inactive, pat.expires), (true, Some(0), Some(99999), Some(7), None, None));
        let kim = read(&format!("{EMPTY}::::7:-1:19000:")).unwrap();
        assert_eq!((kim.locked, kim.min, kim.inactive, kim.expires), (false, None, None, Some(19000)));
        assert!(read("").is_err() && read(EMPTY).is_err() && read(&format!("{EMPTY}::x:1:1:1:1:")).is_err());
    }

    #[test]
    fn every_shell_reads_it_and_nobody_else_is_there() {
        for shell in SHELLS {
            let mut script = Script::new();
            let probes: Probes = script.probe(&[Shadow::new("root").query(), Shadow::new("no-such").query()]);
            let output = run(shell, "n1", &script.finish());
            let read = probes.observe(&Records::parse("n1", &output.stdout, &output.stderr));
            match &read[0].1.reading {
                Reading::Present(value) => assert_eq!(value["digest"].as_str().unwrap().len(), 64),
                // without root
                Reading::Unknown { why, .. } => assert_eq!(why, "/etc/shadow cannot be read"),
                Reading::Absent => panic!("{shell:?}"),
            }
            assert!(matches!(&read[1].1.reading, Reading::Absent | Reading::Unknown { .. }));
        }
    }
}
