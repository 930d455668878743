//! Whether a package is installed, and by whose wish: dpkg-query(1), and what apt keeps beside it.

use serde::{Deserialize, Serialize};

use super::{Kind, PackageStatus, json, package};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The package of that name, if anything of it but its configuration is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed(String);

impl Installed {
    /// By its name; with dpkg also `name:architecture`.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl Fact for Installed {
    type Value = InstalledPackage;

    fn query(&self) -> Query {
        Query::new(INSTALLED.name, [&self.0], vec![Touch::Packages])
    }
}

/// A package that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledPackage {
    /// Which version.
    pub version: String,
    /// Whether it is installed whole, not half unpacked or without having been configured.
    pub whole: bool,
}

/// Whether apt installed the package of that name for others' sake only. Absent where it did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automatic(String);

impl Automatic {
    /// By its name, perhaps with `:architecture`.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl Fact for Automatic {
    type Value = bool;

    fn query(&self) -> Query {
        Query::new(AUTOMATIC.name, [&self.0], vec![Touch::Packages, Touch::Files("/var/lib/apt/extended_states".into())])
    }
}

/// Packages that a machine which went down, or a killed dpkg, left half installed: `name (how far)`. Absent where all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

impl Fact for Interrupted {
    type Value = Vec<String>;

    fn query(&self) -> Query {
        Query::new(INTERRUPTED.name, ["dpkg"], vec![Touch::Packages])
    }
}

/// What dpkg is to do with the package of that name: `install`, `hold`, `deinstall` or `purge`. Absent where dpkg has never
/// heard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection(String);

impl Selection {
    /// By its name, perhaps with `:architecture`.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl Fact for Selection {
    type Value = String;

    fn query(&self) -> Query {
        Query::new(SELECTION.name, [&self.0], vec![Touch::Packages])
    }
}

pub(super) const SELECTION: Kind = Kind {
    name: "selection",
    function: &PROBE_SELECTION,
    merged: true,
    words: package::name,
    parse: |_, text| match text {
        "install" | "hold" | "deinstall" | "purge" => json(text),
        other => Err(format!("a selection as {other:?}")),
    },
};

// as with --get-selections, what is neither installed nor selected is not there
static PROBE_SELECTION: Function = Function {
    name: "probe_selection",
    text: r#"
probe_selection() {
  ids=$1; shift
  if ! [ -s /var/lib/dpkg/status ]; then
    r="dpkg keeps no database here"
    for id in $ids; do answer "$id" 1; done
    return
  fi
  take dpkg-query -W --showformat='${Package}\t${Architecture}\t${db:Status-Want} ${db:Status-Status}\n' "$@"
  found=$r complaint=${err:-dpkg-query says nothing of it}
  for id in $ids; do
    r= known=
    IFS=$nl
    for l in $found; do
      n=${l%%"$tab"*} a=${l#*"$tab"}; a=${a%%"$tab"*}
      [ "$n" = "$1" ] || [ "$n:$a" = "$1" ] || continue
      known=1 l=${l##*"$tab"}
      case $l in "unknown not-installed") ;; *) r=${l% *}; break ;; esac
    done
    IFS=$ifs
    if [ -n "$r" ]; then answer "$id" 0
    elif [ -n "$known" ] || case $nl$complaint$nl in *"no packages found matching $1$nl"*) true ;; *) false ;; esac; then
      answer "$id" 44
    else r=$complaint; answer "$id" 1
    fi
    shift
  done
}
"#,
    needs: &[],
};

pub(super) const INSTALLED: Kind = Kind {
    name: "installed",
    function: &PROBE_INSTALLED,
    merged: true,
    words: package::name,
    parse: |_, text| {
        let state = package::read(text)?;
        // what was never unpacked may have no version
        json(InstalledPackage { version: state.version.unwrap_or_default(), whole: state.status == PackageStatus::Installed })
    },
};

pub(super) const AUTOMATIC: Kind =
    Kind { name: "automatic", function: &PROBE_AUTOMATIC, merged: true, words: package::name, parse: |_, _| json(true) };

pub(super) const INTERRUPTED: Kind = Kind {
    name: "interrupted",
    function: &PROBE_INTERRUPTED,
    merged: false,
    words: |args| match args {
        [manager] if manager == "dpkg" => Ok(Vec::new()),
        _ => Err("only dpkg's state is known".into()),
    },
    parse: |_, text| json(text.lines().collect::<Vec<_>>()),
};

static PROBE_INSTALLED: Function = Function {
    name: "probe_installed",
    text: r#"
probe_installed() {
  only=1
  probe_package "$@"
  only=
}
"#,
    needs: &[&package::PROBE],
};

static PROBE_AUTOMATIC: Function = Function {
    name: "probe_automatic",
    text: r#"
probe_automatic() {
  ids=$1; shift
  r= err=
  if [ -s /var/lib/apt/extended_states ]; then
    own_architecture
    take awk -v own="$own" '
      $1 == "Package:" { p = $2 }
      $1 == "Architecture:" { a = $2 }
      $1 == "Auto-Installed:" && $2 == 1 { if (own == "" || a == own || a == "all") print p; print p ":" a }' /var/lib/apt/extended_states
  fi
  marks=$nl$r$nl complaint=$err
  for id in $ids; do
    if [ -n "$complaint" ]; then r=$complaint; answer "$id" 1
    else
      case $marks in
      *"$nl$1$nl"*) r=auto; answer "$id" 0 ;;
      *) r=; answer "$id" 44 ;;
      esac
    fi
    shift
  done
}
"#,
    needs: &[&package::OWN_ARCHITECTURE],
};

static PROBE_INTERRUPTED: Function = Function {
    name: "probe_interrupted",
    text: r#"
probe_interrupted() {
  if ! [ -s /var/lib/dpkg/status ]; then r="dpkg keeps no database here"; answer "$1" 1; return; fi
  if ! take dpkg-query -W --showformat='${db:Status-Abbrev}${binary:Package}\n'; then r=$err; answer "$1" 1; return; fi
  half=
  IFS=$nl
  for l in $r; do
    case $l in
    ?H*) half="$half${l#???} (half-installed)$nl" ;;
    ?U*) half="$half${l#???} (unpacked)$nl" ;;
    ?F*) half="$half${l#???} (half-configured)$nl" ;;
    ??R*) half="$half${l#???} (to be reinstalled)$nl" ;;
    esac
  done
  IFS=$ifs
  if [ -z "$half" ] && take ls /var/lib/dpkg/updates && [ -n "$r" ]; then half="the database (an update of it was not finished)$nl"; fi
  r=${half%"$nl"}
  if [ -n "$r" ]; then answer "$1" 0; else answer "$1" 44; fi
}
"#,
    needs: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_whole_or_not() {
        let read = |text: &str| (INSTALLED.parse)(&["x".into()], text);
        assert_eq!(read("bash\tamd64\t5.2\tinstall ok installed\tdpkg").unwrap(), serde_json::json!({"version": "5.2", "whole": true}));
        assert_eq!(read("x\tall\t1\tinstall ok half-configured\tdpkg").unwrap()["whole"], false);
        assert!(read("").is_err());
    }
}
