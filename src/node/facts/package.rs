//! An installed package: dpkg-query(1) or rpm(8), whichever keeps this machine's database.

use serde::{Deserialize, Serialize};

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The package of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package(String);

impl Package {
    /// By its name; with dpkg also `name:architecture`.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl Fact for Package {
    type Value = PackageState;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], vec![Touch::Packages])
    }
}

/// What the package database knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageState {
    /// Its name, without the architecture.
    pub name: String,
    /// The version that is unpacked; none where only its configuration is left.
    pub version: Option<String>,
    /// How far it is installed.
    pub status: PackageStatus,
    /// Whether upgrades leave it alone (dpkg's selection `hold`); rpm has no such state.
    pub held: Option<bool>,
    /// Its architecture.
    pub architecture: String,
    /// Who keeps the database.
    pub manager: PackageManager,
}

/// dpkg(1)'s states; an rpm package is installed or absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum PackageStatus {
    Installed,
    /// Removed, but its configuration is left.
    ConfigFiles,
    HalfInstalled,
    Unpacked,
    HalfConfigured,
    TriggersAwaited,
    TriggersPending,
}

/// A package database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageManager {
    /// Debian's.
    Dpkg,
    /// Fedora's and SUSE's.
    Rpm,
}

pub(super) const KIND: Kind = Kind { name: "package", function: &PROBE, merged: true, words: name, parse: |_, text| json(read(text)?) };

/// dpkg-query would take `*` for a pattern and rpm a path for a file.
pub(super) fn name(args: &[String]) -> Result<Vec<String>, String> {
    let fits = |name: &String| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "+-._:~^".contains(c))
    };
    match args {
        [name] if fits(name) => Ok(vec![name.clone()]),
        [name] => Err(format!("{name:?} is not a name of a package")),
        _ => Err("one name is wanted".into()),
    }
}

/// Sets `$own` to the machine's architecture, which a name alone means; to nothing where dpkg keeps no list of further ones. Asked
/// once in a script.
pub(super) static OWN_ARCHITECTURE: Function = Function {
    name: "own_architecture",
    text: r#"
own= own_known=
own_architecture() {
  [ -z "$own_known" ] || return 0
  own_known=1 own=
  ! [ -s /var/lib/dpkg/arch ] || { take dpkg --print-architecture && own=$r; }
}
"#,
    needs: &[],
};

// rpm says "not installed" even where it cannot open its database, but then it complains as well.
pub(super) static PROBE: Function = Function {
    name: "probe_package",
    text: r#"
only=
package_lines() {
  r= known=
  IFS=$nl
  for l in $2; do
    n=${l%%"$tab"*} a=${l#*"$tab"}; a=${a%%"$tab"*}
    # what is for all architectures is for each; a name alone means the machine's own; what was never there has none
    case $1 in
    "$n:$a") ;;
    "$n") case $own,$a in ,*|*,|*,all|"$a,$a") ;; *) continue ;; esac ;;
    "$n:"*) [ "$a" = all ] || continue ;;
    *) continue ;;
    esac
    known=1
    case $only:$l in
    *" not-installed$tab"*) ;;
    # where only what is there is asked for
    1:*" config-files$tab"*) ;;
    *) r="$r$l$nl" ;;
    esac
  done
  IFS=$ifs
  r=${r%"$nl"}
}
is_no_package() {
  case $manager in
  dpkg) case $nl$complaint$nl in *"${nl}dpkg-query: no packages found matching ${1%:*}$nl"*) return 0 ;; esac ;;
  rpm) case $complaint in "rpm ended with status "*) return 0 ;; esac ;;
  esac
  return 1
}
probe_package() {
  ids=$1; shift
  if [ -s /var/lib/dpkg/status ]; then
    manager=dpkg bare=
    # with an architecture it would not find what is for all of them
    for name do bare="$bare ${name%:*}"; done
    own_architecture
    take dpkg-query -W --showformat='${Package}\t${Architecture}\t${Version}\t${Status}\tdpkg\n' $bare
  elif command -v rpm >/dev/null; then
    manager=rpm
    take rpm -q --qf '%{NAME}\t%{ARCH}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\tinstalled\trpm\n' "$@"
  else
    manager=none r= err="neither dpkg nor rpm keeps a database here"
  fi
  found=$r complaint=${err:-$manager says nothing of it}
  for id in $ids; do
    package_lines "$1" "$found"
    if [ -n "$r" ]; then
      answer "$id" 0
    elif [ -n "$known" ] || is_no_package "$1"; then
      answer "$id" 44
    else
      r=$complaint; answer "$id" 1
    fi
    shift
  done
}
"#,
    needs: &[&OWN_ARCHITECTURE],
};

pub(super) fn read(text: &str) -> Result<PackageState, String> {
    let states = text.lines().map(read_line).collect::<Result<Vec<_>, _>>()?;
    // the same name in several architectures: what is installed counts
    let best = states.iter().position(|state| state.status == PackageStatus::Installed).unwrap_or(0);
    states.into_iter().nth(best).ok_or_else(|| "nothing".into())
}

/// `name TAB architecture TAB version TAB want flag status TAB manager`
fn read_line(line: &str) -> Result<PackageState, String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, architecture, version, status, manager] = fields.as_slice() else { return Err(format!("a package as {line:?}")) };
    let manager = match *manager {
        "dpkg" => PackageManager::Dpkg,
        "rpm" => PackageManager::Rpm,
        other => return Err(format!("a manager as {other:?}")),
    };
    let (selection, status) = status.rsplit_once(' ').unwrap_or(("", status));
    let status = match status {
        "installed" => PackageStatus::Installed,
        "config-files" => PackageStatus::ConfigFiles,
        "half-installed" => PackageStatus::HalfInstalled,
        "unpacked" => PackageStatus::Unpacked,
        "half-configured" => PackageStatus::HalfConfigured,
        "triggers-awaited" => PackageStatus::TriggersAwaited,
        "triggers-pending" => PackageStatus::TriggersPending,
        other => return Err(format!("a status as {other:?}")),
    };
    // an rpm without an epoch has none to show
    let version = if manager == PackageManager::Rpm { version.strip_prefix("0:").unwrap_or(version) } else { version };
    Ok(PackageState {
        name: (*name).into(),
        version: (status != PackageStatus::ConfigFiles && !version.is_empty()).then(|| version.to_owned()),
        status,
        held: (manager == PackageManager::Dpkg).then(|| selection.starts_with("hold ")),
        architecture: (*architecture).into(),
        manager,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dpkgs_states_are_told_apart() {
        let bash = read("bash\tamd64\t5.2.15-2+b8\tinstall ok installed\tdpkg").unwrap();
        assert_eq!((bash.version.as_deref(), bash.status, bash.held), (Some("5.2.15-2+b8"), PackageStatus::Installed, Some(false)));
        let left = read("nfs-common\tamd64\t1:2.6.2-4\tdeinstall ok config-files\tdpkg").unwrap();
        assert_eq!((left.version, left.status), (None, PackageStatus::ConfigFiles));
        let held = read("kubelet\tamd64\t1.34.2-1.1\thold ok installed\tdpkg").unwrap();
        assert_eq!((held.held, held.architecture.as_str()), (Some(true), "amd64"));
        let broken = read("x\tall\t1\tinstall reinstreq half-installed\tdpkg").unwrap();
        assert_eq!((broken.status, broken.version.as_deref()), (PackageStatus::HalfInstalled, Some("1")));
    }

    #[test]
    fn the_installed_architecture_counts() {
        let lines = "libc6\ti386\t2.36\tdeinstall ok config-files\tdpkg\nlibc6\tamd64\t2.36-9\tinstall ok installed\tdpkg";
        assert_eq!(read(lines).unwrap().architecture, "amd64");
    }

    #[test]
    fn a_name_alone_means_the_machines_own_architecture() {
        static ASKED: Function = Function {
            name: "asked",
            text: "asked() {\n  own=$1 only=\n  package_lines \"$2\" \"$3\"\n  r=\"$known$r\"\n  answer 0 0\n}\n",
            needs: &[&PROBE],
        };
        let lines = "a\ti386\t1\tinstall ok installed\tdpkg\nb\tall\t1\tinstall ok installed\tdpkg\nc\t\t\tunknown ok not-installed\tdpkg";
        for shell in crate::node::testing::SHELLS {
            for (own, name, found) in [
                ("amd64", "a", ""),
                ("", "a", "1a"),
                ("i386", "a", "1a"),
                ("amd64", "a:i386", "1a"),
                ("amd64", "b", "1b"),
                ("amd64", "b:i386", "1b"),
                ("amd64", "c", "1"),
                ("", "c", "1"),
            ] {
                let mut script = crate::node::script::Script::new();
                script.call(&ASKED, [own, name, lines]).unwrap();
                let output = crate::node::testing::run(shell, "n1", &script.finish());
                let records = crate::node::record::Records::parse("n1", &output.stdout, &output.stderr);
                let said = crate::node::record::to_text(&records.get(0).unwrap().bytes().unwrap());
                assert_eq!(said.split('\t').next().unwrap(), found, "{own} {name} {shell:?}");
            }
        }
    }

    #[test]
    fn an_rpm_has_no_hold_and_no_zero_epoch() {
        let bash = read("bash\tx86_64\t0:5.2.26-3.fc40\tinstalled\trpm").unwrap();
        assert_eq!((bash.version.as_deref(), bash.held, bash.manager), (Some("5.2.26-3.fc40"), None, PackageManager::Rpm));
        assert_eq!(read("bind\tx86_64\t32:9.18\tinstalled\trpm").unwrap().version.as_deref(), Some("32:9.18"));
    }

    #[test]
    fn what_is_no_package_is_an_error() {
        for text in ["", "bash", "bash\tamd64\t5\tinstall ok dancing\tdpkg", "bash\tamd64\t5\tinstalled\tapk"] {
            assert!(read(text).is_err(), "{text:?}");
        }
        for bad in ["", "-x", "a*", "a b", "./x.rpm", "a/b"] {
            assert!(name(&[bad.into()]).is_err(), "{bad:?}");
        }
    }
}
