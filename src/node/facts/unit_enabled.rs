//! Whether a unit starts at boot: systemctl(1) `is-enabled`.

use serde::{Deserialize, Serialize};

use super::unit::{OF_USERS, ground, ground_of_user, name, whole_name};
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query};

/// Whose units are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitScope {
    /// The machine's.
    #[default]
    System,
    /// The user's own.
    User,
    /// Those of all users, as they are when a user logs in for the first time.
    Global,
}

/// Whether the unit of that name starts at boot, read from the disk: what [`super::Unit`] says of it systemd may have read
/// long ago. Absent: there is no such unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitEnabled {
    name: String,
    scope: UnitScope,
}

impl UnitEnabled {
    /// By its name, without a suffix a service; a template (`getty@.service`) too.
    pub fn new(name: impl Into<String>, scope: UnitScope) -> Self {
        Self { name: whole_name(&name.into()), scope }
    }
}

impl Fact for UnitEnabled {
    type Value = Enablement;

    fn query(&self) -> Query {
        match self.scope {
            UnitScope::System => Query::new(KIND.name, [&self.name], ground()),
            UnitScope::User => Query::new(OF_OTHERS.name, ["--user", &self.name], ground_of_user()),
            UnitScope::Global => Query::new(OF_OTHERS.name, ["--global", &self.name], ground_of_user()),
        }
    }
}

/// Whether a unit starts at boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enablement {
    /// In systemd's words: `enabled`, `disabled`, `static`, `alias`, `indirect`, `masked`…
    pub word: String,
    /// The links that make it so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}

impl Enablement {
    /// Whether systemctl says so by its status.
    pub fn is_enabled(&self) -> bool {
        ["enabled", "enabled-runtime", "static", "alias", "indirect", "generated"].contains(&self.word.as_str())
    }
}

pub(super) const KIND: Kind =
    Kind { name: "unit_enabled", function: &PROBE, merged: true, words: name, parse: |_, text| json(read(text)?) };

pub(super) const OF_OTHERS: Kind = Kind {
    name: "unit_enabled_of",
    function: &PROBE_OF_OTHERS,
    merged: false,
    words: |args| match args {
        [scope, unit] if scope == "--user" || scope == "--global" => Ok([vec![scope.clone()], name(std::slice::from_ref(unit))?].concat()),
        _ => Err("a scope and a name are wanted".into()),
    },
    parse: |_, text| json(read(text)?),
};

// `--full` adds a line for each link, indented. The status says nothing of one unit among several.
static ONE: Function = Function {
    name: "enabled_one",
    text: r#"
enabled_words() {
  r=$(exec systemctl $whose --no-pager is-enabled --full -- "$@" 2>/dev/null)
}
enabled_one() {
  enabled_words "$2"
  case $r in
  not-found) r=; answer "$1" 44 ;;
  [a-z]*) answer "$1" 0 ;;
  *)
    err=$(exec systemctl $whose --no-pager is-enabled --full -- "$2" 2>&1 >/dev/null)
    case $err in
    *"No such file or directory"*|*"not found"*|*"does not exist"*) r=; answer "$1" 44 ;;
    *) r=${err:-"systemctl says nothing"}; answer "$1" 1 ;;
    esac
    ;;
  esac
}
"#,
    needs: &[],
};

// Those that may be init scripts are asked alone: systemctl asks a program of theirs, and answers for them first.
static PROBE: Function = Function {
    name: "probe_unit_enabled",
    text: r#"
probe_unit_enabled() {
  whose= ids=$1 count=0 scripts=; shift
  for u do [ ! -e "/etc/init.d/${u%.service}" ] || scripts=1; done
  if [ $# -gt 1 ] && [ -z "$scripts" ]; then
    enabled_words "$@"
    IFS=$nl
    for l in $r; do
      case $l in "  "*) ;; *[!a-z-]*) count=; break ;; *) count=$((count + 1)) ;; esac
    done
    IFS=$ifs
    if [ "$count" = $# ]; then
      lines=$r
      for id in $ids; do
        r=${lines%%"$nl"*}; lines=${lines#"$r"}; lines=${lines#"$nl"}
        while :; do
          case $lines in
          "  "*) l=${lines%%"$nl"*}; r=$r$nl$l; lines=${lines#"$l"}; lines=${lines#"$nl"} ;;
          *) break ;;
          esac
        done
        if [ "$r" = not-found ]; then r=; answer "$id" 44; else answer "$id" 0; fi
      done
      return
    fi
  fi
  for id in $ids; do enabled_one "$id" "$1"; shift; done
}
"#,
    needs: &[&ONE],
};

static PROBE_OF_OTHERS: Function = Function {
    name: "probe_unit_enabled_of",
    text: r#"
probe_unit_enabled_of() {
  whose=$2
  [ "$2" = --global ] || of_user || { r=$err; answer "$1" 1; return; }
  enabled_one "$1" "$3"
}
"#,
    needs: &[&ONE, &OF_USERS],
};

/// A word, then the links.
fn read(text: &str) -> Result<Enablement, String> {
    let mut lines = text.lines();
    let word = lines.next().filter(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
    let word = word.ok_or_else(|| format!("{text:?} does not say whether a unit is enabled"))?.to_owned();
    Ok(Enablement { word, links: lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_and_the_links_that_make_it_so() {
        let enabled = read("enabled\n  /etc/systemd/system/multi-user.target.wants/ssh.service").unwrap();
        assert_eq!((enabled.word.as_str(), enabled.links.len(), enabled.is_enabled()), ("enabled", 1, true));
        let linked = read("linked").unwrap();
        assert!(!linked.is_enabled() && linked.links.is_empty());
        assert!(read("").is_err() && read("Failed to get unit file state").is_err());
    }

    #[test]
    fn whose_units_are_meant_is_asked() {
        let query = |scope| UnitEnabled::new("a", scope).query();
        assert_eq!(query(UnitScope::System).args, ["a.service"]);
        assert_eq!(query(UnitScope::Global).args, ["--global", "a.service"]);
        assert!((OF_OTHERS.words)(&["--host=x".into(), "a.service".into()]).is_err());
    }
}
