//! A kernel parameter at run time.

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::facts::with_slashes;
use crate::node::script::Function;
use crate::plan::Touch;

/// Sets a kernel parameter until the next boot; what sets it at boot is a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetSysctl {
    /// Its name, as sysctl(8) takes it (`net.ipv4.ip_forward`, `net/ipv4/conf/eth0.100/rp_filter`).
    pub name: String,
    /// Its value.
    pub value: String,
}

/// path below /proc/sys, name, value. Not sysctl(8): procps is not everywhere.
const SET_SYSCTL: Function = Function {
    name: "s_set_sysctl",
    needs: &[&FAIL],
    text: r#"s_set_sysctl() (
  if [ ! -e "/proc/sys/$1" ]; then s_fail "there is no kernel parameter $2: is its module loaded?"; fi
  printf '%s\n' "$3" >"/proc/sys/$1"
)"#,
};

impl Action for SetSysctl {
    fn call(&self) -> Call {
        Call::new(&SET_SYSCTL, [&with_slashes(&self.name), &self.name, &self.value])
    }

    fn touches(&self) -> Vec<Touch> {
        if self.name.starts_with("net") { vec![Touch::Sysctls, Touch::Network] } else { vec![Touch::Sysctls] }
    }

    fn describe(&self) -> String {
        format!("set {} to {}", self.name, self.value)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::sysctl(&self.name)?;
        if self.value.contains(['\n', '\0']) { check::refuse("value", &self.value, "is more than a line") } else { Ok(()) }
    }
}

/// Sets all kernel parameters that a file names, as `sysctl -p` does.
///
/// Only a failure of `key` fails: what is wrong with other lines was wrong before, and is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadSysctls {
    /// The file.
    pub file: String,
    /// The parameter that it is done for; none if it was taken out of the file.
    pub key: Option<String>,
    /// Whether it does not matter if the kernel has no such parameter.
    pub ignore_missing: bool,
}

/// What [`LoadSysctls`] says before each line that could not be done.
pub(crate) const NOT_SET: &str = "not set: ";

/// file, path of the key below /proc/sys, `ignore` or nothing.
///
/// A dot separates and a slash stands for a dot, or the other way round, whichever comes first in a name. A value is written
/// in one piece: the kernel takes the first write for the whole.
const LOAD_SYSCTLS: Function = Function {
    name: "s_load_sysctls",
    needs: &[&FAIL],
    text: r#"s_load_sysctl() {
  case $1 in
    *[*?[]*)
      set +f
      for p in /proc/sys/$1; do
        set -f
        [ ! -f "$p" ] || s_load_sysctl "${p#/proc/sys/}" "$2"
      done
      set -f
      return
      ;;
  esac
  if [ ! -e "/proc/sys/$1" ]; then
    [ "$1" != "$own" ] || [ -n "$ignore" ] || failed="there is no kernel parameter $1: is its module loaded?"
    [ "$1" = "$own" ] || printf '%s\n' "not set: $1: there is none"
    return
  fi
  why=$({ printf '%s\n' "$2" >"/proc/sys/$1"; } 2>&1) && return
  if [ "$1" = "$own" ]; then failed="$1 cannot be set to $2: ${why##*: }"; else printf '%s\n' "not set: $1: ${why##*: }"; fi
}
s_load_sysctls() (
  own=$2 ignore=$3 failed=
  tab=$(printf '\t')
  while IFS= read -r l || [ -n "$l" ]; do
    l=${l#"${l%%[! $tab]*}"}
    case $l in
      '#'* | ';'*) continue ;;
      *=*) ;;
      *) continue ;;
    esac
    k=${l%%=*} v=${l#*=}
    k=${k%"${k##*[! $tab]}"} k=${k#-}
    v=${v#"${v%%[! $tab]*}"} v=${v%"${v##*[! $tab]}"}
    case ${k%%/*} in *.*) k=$(printf %s "$k" | tr ./ /.) ;; esac
    s_load_sysctl "$k" "$v"
  done <"$1" || exit 1
  [ -z "$failed" ] || s_fail "$failed"
)"#,
};

impl Action for LoadSysctls {
    fn call(&self) -> Call {
        let key = self.key.as_deref().map(with_slashes).unwrap_or_default();
        Call::new(&LOAD_SYSCTLS, [self.file.as_str(), &key, if self.ignore_missing { "ignore" } else { "" }])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Sysctls, Touch::Network]
    }

    fn describe(&self) -> String {
        format!("set the kernel parameters of {}", self.file)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.file)?;
        self.key.as_deref().map_or(Ok(()), check::sysctl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_separator_decides() {
        assert_eq!(with_slashes("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
        assert_eq!(with_slashes("net/ipv4/conf/eth0.100/rp_filter"), "net/ipv4/conf/eth0.100/rp_filter");
        assert_eq!(with_slashes("net.ipv4.conf.eth0/100.rp_filter"), "net/ipv4/conf/eth0.100/rp_filter");
    }
}
