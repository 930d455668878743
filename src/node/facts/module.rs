//! A kernel module: loaded, built in, or there to be loaded.

use serde::{Deserialize, Serialize};

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The kernel module of that name. Absent: the running kernel has none such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module(String);

impl Module {
    /// By its name; dashes and underscores are the same.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into().replace('-', "_"))
    }
}

impl Fact for Module {
    type Value = ModuleState;

    fn query(&self) -> Query {
        let files = ["/lib/modules", "/usr/lib/modules"].map(|path| Touch::Files(path.into()));
        Query::new(KIND.name, [&self.0], [vec![Touch::Modules], files.into()].concat())
    }
}

/// A kernel module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleState {
    /// Where it is.
    pub state: ModulePlace,
}

/// Where a kernel module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModulePlace {
    /// In the running kernel, as a module.
    Loaded,
    /// A part of the running kernel.
    BuiltIn,
    /// A file that modprobe would find.
    Available,
}

pub(super) const KIND: Kind = Kind { name: "module", function: &PROBE, merged: true, words: name, parse: |_, text| json(read(text)?) };

pub(super) fn name(args: &[String]) -> Result<Vec<String>, String> {
    match args {
        [name] if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => Ok(vec![name.clone()]),
        [name] => Err(format!("{name:?} is not a name of a kernel module")),
        _ => Err("one name is wanted".into()),
    }
}

// Not all that is built in shows in /sys/module, so what is not there is looked up in the kernel's own lists.
static PROBE: Function = Function {
    name: "probe_module",
    text: r#"
module_lists() {
  names=$*
  set --
  take uname -r || { known=; return; }
  lists=/lib/modules/$r
  ! [ -f "$lists/modules.builtin" ] || set -- "$lists/modules.builtin"
  if [ -f "$lists/modules.dep" ]; then set -- "$@" "$lists/modules.dep"; else known=; fi
  r= err="it is not loaded, and there is no $lists/modules.dep that says what could be"
  [ $# -gt 0 ] || return 0
  no_list=$err
  take awk -v names="$names" '
    BEGIN { n = split(names, name, " "); for (i = 1; i <= n; i++) wanted[name[i]] = 1 }
    {
      m = $1
      sub(/:$/, "", m); sub(/.*\//, "", m); sub(/\.ko.*/, "", m); gsub(/-/, "_", m)
      if (m in wanted) print m " " (FILENAME ~ /builtin$/ ? "built_in" : "available")
    }' "$@" || known=
  err=${err:-$no_list}
}
probe_module() {
  ids=$1; shift
  ask= known=1 listed= complaint=
  for m do [ -d "/sys/module/$m" ] || ask="$ask $m"; done
  if ! [ -d /sys/module ]; then known= complaint="there is no /sys/module"
  elif [ -n "$ask" ]; then
    module_lists $ask
    listed=$r complaint=$err
  fi
  for id in $ids; do
    if [ -e "/sys/module/$1/initstate" ]; then r=loaded; answer "$id" 0
    elif [ -d "/sys/module/$1" ]; then r=built_in; answer "$id" 0
    else
      case $nl$listed$nl in
      *"$nl$1 built_in$nl"*) r=built_in; answer "$id" 0 ;;
      *"$nl$1 available$nl"*) r=available; answer "$id" 0 ;;
      *) if [ -n "$known" ]; then r=; answer "$id" 44; else r=$complaint; answer "$id" 1; fi ;;
      esac
    fi
    shift
  done
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<ModuleState, String> {
    let state = match text {
        "loaded" => ModulePlace::Loaded,
        "built_in" => ModulePlace::BuiltIn,
        "available" => ModulePlace::Available,
        other => return Err(format!("a module as {other:?}")),
    };
    Ok(ModuleState { state })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_and_underscores_are_the_same() {
        assert_eq!(Module::new("br-netfilter").query(), Module::new("br_netfilter").query());
        assert!(name(&["../x".into()]).is_err() && name(&[String::new()]).is_err());
    }

    #[test]
    fn a_place_is_one_of_three() {
        assert_eq!(read("available").unwrap().state, ModulePlace::Available);
        assert_eq!(serde_json::to_string(&read("built_in").unwrap()).unwrap(), r#"{"state":"built_in"}"#);
        assert!(read("").is_err());
    }
}
