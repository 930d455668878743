//! A kubeadm(8) that is at work on the machine, whoever started it.

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The unit in which a `kubeadm init`, `join` or `reset` runs; its process where it has none. It moves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KubeadmUnit;

impl Fact for KubeadmUnit {
    type Value = String;

    fn query(&self) -> Query {
        Query::new(KIND.name, ["node"], vec![Touch::Units]).moving()
    }
}

pub(super) const KIND: Kind = Kind {
    name: "kubeadm_unit",
    function: &PROBE,
    merged: false,
    words: |args| if args.len() == 1 { Ok(Vec::new()) } else { Err("one word is wanted".into()) },
    parse: |_, text| json(text),
};

// One fork for all processes; what ends meanwhile makes grep complain, and is none that runs.
static PROBE: Function = Function {
    name: "probe_kubeadm_unit",
    text: r#"
is_kubeadm_at_work() {
  case $1 in kubeadm|*/kubeadm) shift ;; *) return 1 ;; esac
  for word do
    case $word in
    -*) ;;
    init|join|reset) return 0 ;;
    *) return 1 ;;
    esac
  done
  return 1
}
probe_kubeadm_unit() {
  id=$1
  [ -r /proc/self/cmdline ] || { r="there is no /proc"; answer "$id" 1; return; }
  set +f
  r=$(exec grep -l -F -e kubeadm /proc/[0-9]*/cmdline 2>/dev/null)
  set -f
  for file in $r; do
    words=$(tr '\0' '\n' 2>/dev/null <"$file") || continue
    IFS=$nl
    set -- $words
    IFS=$ifs
    if [ $# -gt 1 ] && is_kubeadm_at_work "$@"; then
      file=${file%/cmdline} unit=
      [ ! -r "$file/cgroup" ] || unit=$(sed -n -e 's,.*/\([^/]*\.\(service\|scope\)\)$,\1,p' "$file/cgroup" 2>/dev/null)
      r=${unit%%"$nl"*}
      r=${r:-kubeadm, process ${file#/proc/}}
      answer "$id" 0
      return
    fi
  done
  r=
  answer "$id" 44
}
"#,
    needs: &[],
};

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::node::record::Records;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};
    use crate::plan::Reading;

    static TELL: Function =
        Function { name: "tell", text: r#"tell() { if is_kubeadm_at_work "$@"; then echo "$*"; fi; }"#, needs: &[&PROBE] };

    #[test]
    fn only_what_changes_a_machine_is_at_work() {
        let mut script = Script::new();
        let at_work = ["kubeadm init", "/usr/bin/kubeadm --v=5 join 10.0.0.1:6443", "kubeadm reset --force"];
        let not = ["kubeadm token create", "kubeadm", "kubeadm config join", "sh -c kubeadm init", "less kubeadm join", "mykubeadm init"];
        for words in at_work.iter().chain(&not) {
            script.call(&TELL, words.split(' ')).unwrap();
        }
        for shell in SHELLS {
            let output = run(shell, "n1", &script.finish());
            assert_eq!(String::from_utf8_lossy(&output.stdout).lines().collect::<Vec<_>>(), at_work, "{shell:?} {output:?}");
        }
    }

    #[test]
    fn one_that_runs_is_found() {
        let dir = tempfile::tempdir().unwrap();
        // a shell of that name that reads a script of that name
        std::os::unix::fs::symlink("/bin/sh", dir.path().join("kubeadm")).unwrap();
        std::fs::write(dir.path().join("join"), "sleep 60; :").unwrap();
        let mut child = Command::new(dir.path().join("kubeadm")).arg("join").current_dir(dir.path()).spawn().unwrap();
        for shell in SHELLS {
            let mut script = Script::new();
            let probes = script.probe(&[KubeadmUnit.query()]);
            let output = run(shell, "n1", &script.finish());
            let read = probes.observe(&Records::parse("n1", &output.stdout, &output.stderr)).remove(0).1.reading;
            // other tests may have one of their own
            assert!(matches!(&read, Reading::Present(_)), "{shell:?} {read:?}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
