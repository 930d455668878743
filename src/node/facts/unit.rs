//! A unit of systemd: systemctl(1) `show`.

use serde::{Deserialize, Serialize};

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The system unit of that name, or one of the user's own service manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    name: String,
    user: bool,
}

impl Unit {
    /// By its name; without a suffix it is a service.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: whole_name(&name.into()), user: false }
    }

    /// The same of the user's own service manager (`systemctl --user`).
    pub fn of_user(name: impl Into<String>) -> Self {
        Self { user: true, ..Self::new(name) }
    }
}

/// A unit's name with its suffix: without one it is a service.
pub(crate) fn whole_name(name: &str) -> String {
    let has_suffix = name.rsplit_once('.').is_some_and(|(_, suffix)| SUFFIXES.contains(&suffix));
    if has_suffix { name.to_owned() } else { format!("{name}.service") }
}

/// What all that is known of units stands on.
pub(super) fn ground() -> Vec<Touch> {
    let files = ["/etc/systemd", "/run/systemd", "/usr/lib/systemd", "/lib/systemd", "/usr/local/lib/systemd", "/etc/init.d", "/etc/fstab"];
    [vec![Touch::Units], files.map(|path| Touch::Files(path.into())).into()].concat()
}

/// The same of a user's units.
pub(super) fn ground_of_user() -> Vec<Touch> {
    let files = ["/etc/systemd/user", "/run/systemd/user", "/usr/lib/systemd/user", "/usr/local/lib/systemd/user", "/root", "/home"];
    [vec![Touch::Units], files.map(|path| Touch::Files(path.into())).into()].concat()
}

const SUFFIXES: [&str; 11] = ["service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope"];

impl Fact for Unit {
    type Value = UnitState;

    fn query(&self) -> Query {
        if self.user { Query::new(OF_USER.name, [&self.name], ground_of_user()) } else { Query::new(KIND.name, [&self.name], ground()) }
    }
}

/// What systemd knows of a unit, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitState {
    /// Its name; an alias gives that of the unit behind it.
    pub name: String,
    /// Whether its file could be loaded: `loaded`, `masked`, `error`, `bad-setting`…
    pub load_state: String,
    /// Why not, in systemd's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_error: Option<String>,
    /// Whether it runs: `active`, `inactive`, `failed`, `activating`…
    pub active_state: String,
    /// The same in finer words that depend on its type: `running`, `exited`, `dead`, `mounted`…
    pub sub_state: String,
    /// Whether it starts at boot: `enabled`, `disabled`, `static`, `masked`, `generated`…; none for what has no file.
    pub unit_file_state: Option<String>,
    /// Its file.
    pub fragment_path: Option<String>,
    /// The files that amend it, as systemd lists them.
    pub drop_in_paths: Option<String>,
    /// Whether a file changed after systemd had read it.
    pub need_daemon_reload: bool,
    /// What it is, in its author's words.
    pub description: String,
}

pub(super) const KIND: Kind = Kind { name: "unit", function: &PROBE, merged: true, words: name, parse: |_, text| json(read(text)?) };

pub(super) const OF_USER: Kind =
    Kind { name: "user_unit", function: &PROBE_OF_USER, merged: false, words: name, parse: |_, text| json(read(text)?) };

/// systemctl would take `*` for a pattern.
pub(super) fn name(args: &[String]) -> Result<Vec<String>, String> {
    match args {
        [name] if name.chars().all(|c| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c)) => Ok(vec![name.clone()]),
        [name] => Err(format!("{name:?} is not a name of a unit")),
        _ => Err("one name is wanted".into()),
    }
}

// One block a unit, in the order of the names, an empty line between. A name that systemd refuses ends the whole call, so
// then each is asked alone.
static SHOW: Function = Function {
    name: "units_show",
    text: r#"
units_show() {
  take systemctl $whose show --no-pager -p Id,LoadState,LoadError,ActiveState,SubState,UnitFileState,FragmentPath,DropInPaths,NeedDaemonReload,Description -- "$@"
}
unit_answer() {
  case $nl$r$nl in
  *"${nl}LoadState=not-found$nl"*)
    case $nl$r$nl in *"${nl}ActiveState=inactive$nl"*) r=; answer "$1" 44; return ;; esac ;;
  esac
  answer "$1" 0
}
"#,
    needs: &[],
};

/// Sets `whose` for the user's own service manager.
pub(super) static OF_USERS: Function = Function {
    name: "of_user",
    text: r#"
of_user() {
  whose=--user
  if [ -z "${XDG_RUNTIME_DIR-}" ]; then
    take id -u || return 1
    XDG_RUNTIME_DIR=/run/user/$r
    export XDG_RUNTIME_DIR
  fi
}
"#,
    needs: &[],
};

static PROBE_OF_USER: Function = Function {
    name: "probe_user_unit",
    text: r#"
probe_user_unit() {
  if of_user && units_show "$2"; then unit_answer "$1"; else r=$err; answer "$1" 1; fi
}
"#,
    needs: &[&SHOW, &OF_USERS],
};

static PROBE: Function = Function {
    name: "probe_unit",
    text: r#"
probe_unit() {
  whose= ids=$1; shift
  if ! [ -d /run/systemd/system ]; then
    r="systemd does not run here"
    for id in $ids; do answer "$id" 1; done
    return
  fi
  if [ $# -gt 1 ] && units_show "$@"; then
    blocks=$r n=1
    while :; do
      case $r in *"$nl$nl"*) n=$((n + 1)); r=${r#*"$nl$nl"} ;; *) break ;; esac
    done
    if [ $n = $# ]; then
      for id in $ids; do
        r=${blocks%%"$nl$nl"*}; blocks=${blocks#"$r"}; blocks=${blocks#"$nl$nl"}
        unit_answer "$id"
      done
      return
    fi
  fi
  for id in $ids; do
    if units_show "$1"; then unit_answer "$id"; else r=$err; answer "$id" 1; fi
    shift
  done
}
"#,
    needs: &[&SHOW],
};

fn read(text: &str) -> Result<UnitState, String> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
    let needed = |name: &str| field(name).ok_or_else(|| format!("no {name}"));
    let filled = |name: &str| field(name).filter(|value| !value.is_empty());
    Ok(UnitState {
        name: needed("Id")?,
        load_state: needed("LoadState")?,
        load_error: filled("LoadError"),
        active_state: needed("ActiveState")?,
        sub_state: needed("SubState")?,
        unit_file_state: filled("UnitFileState"),
        fragment_path: filled("FragmentPath"),
        drop_in_paths: filled("DropInPaths"),
        need_daemon_reload: needed("NeedDaemonReload")? == "yes",
        description: field("Description").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_read_from_its_properties() {
        let ssh = read(
            "Id=ssh.service\nDescription=OpenBSD Secure Shell = server\nLoadState=loaded\nActiveState=active\nFragmentPath=/lib/systemd/system/ssh.service\n\
             DropInPaths=\nSubState=running\nUnitFileState=enabled\nNeedDaemonReload=no",
        )
        .unwrap();
        assert_eq!(
            (ssh.name.as_str(), ssh.active_state.as_str(), ssh.unit_file_state.as_deref()),
            ("ssh.service", "active", Some("enabled"))
        );
        assert_eq!((ssh.drop_in_paths, ssh.description.as_str(), ssh.need_daemon_reload), (None, "OpenBSD Secure Shell = server", false));
        let masked = read("Id=x.service\nLoadState=masked\nActiveState=inactive\nFragmentPath=/dev/null\nSubState=dead\nUnitFileState=masked\nNeedDaemonReload=no").unwrap();
        assert_eq!((masked.load_state.as_str(), masked.unit_file_state.as_deref()), ("masked", Some("masked")));
        assert!(read("Id=x").is_err() && read("").is_err());
    }

    #[test]
    fn a_name_without_a_suffix_is_a_service() {
        let name = |name: &str| Unit::new(name).query().args[0].clone();
        assert_eq!((name("ssh"), name("a.b"), name("x.timer")), ("ssh.service".into(), "a.b.service".into(), "x.timer".into()));
        assert!(super::name(&["a*.service".into()]).is_err() && super::name(&["-.mount".into()]).is_ok());
        assert!(super::name(&[r"dev-disk-by\x2did.device".into()]).is_ok());
    }
}
