//! What the kernel of the next boot knows of a module: the link to it, or the newest of /lib/modules.

use serde::{Deserialize, Serialize};

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// A kernel module as the kernel has it that boots next. Absent: it cannot be told which one that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextKernelModule(String);

impl NextKernelModule {
    /// By its name; dashes and underscores are the same.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into().replace('-', "_"))
    }
}

impl Fact for NextKernelModule {
    type Value = NextModule;

    fn query(&self) -> Query {
        let files = ["/lib/modules", "/usr/lib/modules", "/boot", "/vmlinuz"].map(|path| Touch::Files(path.into()));
        Query::new(KIND.name, [&self.0], files.into())
    }
}

/// A module of the next boot's kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextModule {
    /// The kernel's version.
    pub kernel: String,
    /// Whether it is the one that runs.
    pub runs: bool,
    /// Whether it has the module, built in or as a file.
    pub has: bool,
}

pub(super) const KIND: Kind =
    Kind { name: "next_kernel_module", function: &PROBE, merged: true, words: super::module::name, parse: |_, text| json(read(text)?) };

// Debian keeps a link to the kernel that its boot loaders start; others start the newest.
static PROBE: Function = Function {
    name: "probe_next_kernel_module",
    text: r#"
next_kernel() {
  next=
  for l in /vmlinuz /boot/vmlinuz; do
    if [ -L "$l" ] && take readlink "$l"; then
      next=${r##*/vmlinuz-}
      if [ -f "/lib/modules/$next/modules.dep" ]; then return; fi
      next=
    fi
  done
  set +f; set -- /lib/modules/*/modules.dep; set -f
  [ -f "$1" ] || return 0
  if [ $# -gt 1 ]; then
    r=$(printf '%s\n' "$@" | sort -V)
    next=${r##*"$nl"}
  else next=$1; fi
  next=${next%/modules.dep} next=${next##*/}
}
probe_next_kernel_module() {
  ids=$1; shift
  names=$*
  next_kernel "$@"
  if [ -z "$next" ] || ! take uname -r; then
    r=
    for id in $ids; do answer "$id" 44; done
    return
  fi
  running=$r
  set -- "/lib/modules/$next/modules.dep"
  ! [ -f "/lib/modules/$next/modules.builtin" ] || set -- "$@" "/lib/modules/$next/modules.builtin"
  if ! take awk -v names="$names" '
    BEGIN { n = split(names, name, " "); for (i = 1; i <= n; i++) wanted[name[i]] = 1 }
    {
      m = $1
      sub(/:$/, "", m); sub(/.*\//, "", m); sub(/\.ko.*/, "", m); gsub(/-/, "_", m)
      if (m in wanted) print m
    }' "$@"
  then
    r=$err
    for id in $ids; do answer "$id" 1; done
    return
  fi
  found=$nl$r$nl
  set -- $names
  for id in $ids; do
    case $found in *"$nl$1$nl"*) has=yes ;; *) has=no ;; esac
    r="$next $running $has"
    answer "$id" 0
    shift
  done
}
"#,
    needs: &[],
};

/// The next kernel, the one that runs, and whether it has the module.
fn read(text: &str) -> Result<NextModule, String> {
    match text.split(' ').collect::<Vec<_>>().as_slice() {
        [next, running, has @ ("yes" | "no")] => Ok(NextModule { kernel: (*next).into(), runs: next == running, has: *has == "yes" }),
        _ => Err(format!("a kernel as {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_kernel_is_told_from_the_one_that_runs() {
        let next = read("6.1.0-42-amd64 6.1.0-41-amd64 no").unwrap();
        assert_eq!((next.kernel.as_str(), next.runs, next.has), ("6.1.0-42-amd64", false, false));
        assert!(read("a a yes").unwrap().runs);
        assert!(read("").is_err() && read("a b maybe").is_err());
    }
}
