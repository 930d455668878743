//! kubeadm(8): it makes clusters, joins machines to them, and takes its files away again.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::etcd::EtcdAsked;
use super::{Action, Call, FAIL, Invalid, check};
use crate::node::facts::ETCDCTL;
use crate::node::script::Function;
use crate::plan::Touch;

/// Where files with tokens and keys are for as long as kubeadm reads them: memory, never a disk (root's alone, by their modes).
pub const MATERIAL: &str = "/run/homelabctl/kubeadm";

/// What a `kubeadm init` leaves until it has come to its end: without it nobody could tell what it did not get to from what somebody
/// left out.
pub const INIT_MARK: &str = "/etc/kubernetes/homelabctl-init";

/// What a reset leaves in etcd's `member` until all of it is gone: the authority of the cluster that the data is of, whose certificates
/// go before it.
pub const RESET_MARK: &str = "homelabctl-reset";

/// Puts a file with tokens or keys where kubeadm reads it, for root alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutMaterial {
    /// Its name in [`MATERIAL`].
    pub name: String,
    /// Its content.
    pub content: String,
}

/// Makes the folder in which the kubelet looks for static pods, unless it is there. kubeadm would make it, later than kube-vip needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticPodFolder;

/// The content is a secret.
impl fmt::Debug for PutMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PutMaterial({}, {} bytes)", self.name, self.content.len())
    }
}

/// Runs kubeadm. It holds no secret itself: tokens and keys are in the configuration, and what it prints of them is told to be left
/// out by `words`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kubeadm {
    /// Its words: `join`, `--config`…
    pub words: Vec<String>,
    /// A file below [`MATERIAL`] that goes away with its end, however it ends.
    pub material: Option<String>,
    /// How often that was tried: what was done before counts for nothing now, whatever came of it.
    pub attempt: u8,
    /// What it is for, in a few words.
    pub what: String,
}

/// Takes away what kubeadm has made on a machine, and nothing in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetNode {
    /// Where etcd's data is, if it goes too.
    pub etcd_data: Option<String>,
    /// The authority of the cluster that it is of: `sha256:` of its public key.
    pub authority: String,
    /// The machine's own etcd: while it answers for its cluster, its data stays.
    pub asked: EtcdAsked,
    /// As [`Kubeadm::attempt`].
    pub attempt: u8,
}

/// The directory, the file's name, its content, which is an argument of the shell's own printf only.
const PUT: Function = Function {
    name: "s_put_material",
    needs: &[],
    text: r#"s_put_material() (
  umask 077
  mkdir -p -- "$1" && chmod 0700 -- "$1" && printf %s "$3" >"$1/$2"
)"#,
};

const STATIC_POD_FOLDER: Function =
    Function { name: "s_static_pod_folder", needs: &[], text: "s_static_pod_folder() { mkdir -p -m 0700 -- /etc/kubernetes/manifests; }" };

// kubeadm writes a key, then what goes with it. One without the other it takes for a mistake of the user's, `sa.key` without `sa.pub`
// for both; an authority's certificate alone is an authority that somebody else has
/// What an `init` that was cut off left half written there goes away; nobody has made anything with it.
const HALVES: Function = Function {
    name: "s_drop_halves",
    needs: &[],
    text: r#"s_drop_halves() (
  set +f
  for key in "$1"/pki/*.key "$1"/pki/etcd/*.key; do
    [ -e "$key" ] || continue
    base=${key%.key}
    case $base in */sa) other=$base.pub ;; *) other=$base.crt ;; esac
    [ ! -e "$base.csr" ] || continue
    if [ ! -s "$other" ]; then
      rm -f -- "$key" "$other" || exit 1
    elif [ ! -s "$key" ]; then
      case $base in *ca) ;; *) rm -f -- "$key" "$other" || exit 1 ;; esac
    fi
  done
  for file in "$1"/*.conf; do
    if [ -e "$file" ] && [ ! -s "$file" ]; then rm -f -- "$file" || exit 1; fi
  done
)"#,
};

/// The file that goes away or nothing, the mark of an `init`, which attempt it is, kubeadm's words.
const KUBEADM: Function = Function {
    name: "s_kubeadm",
    needs: &[&FAIL, &HALVES],
    text: r#"s_kubeadm() (
  material=$1 mark=$2
  shift 3
  command -v kubeadm >/dev/null || s_fail "there is no kubeadm"
  case $1/${2-} in
  init/phase) ;;
  init/*)
    s_drop_halves "${mark%/*}" || s_fail "cannot remove what an earlier kubeadm init left half written"
    { mkdir -p -- "${mark%/*}" && : >"$mark"; } || s_fail "cannot write $mark"
    ;;
  esac
  status=0
  kubeadm "$@" 9>&- || status=$?
  [ -z "$material" ] || rm -f -- "$material"
  case $status/$1/${2-} in
  0/init/phase) ;;
  0/init/*) rm -f -- "$mark" ;;
  esac
  exit "$status"
)"#,
};

// kubeadm leaves a network's configuration where it is, and it leads nowhere once its pods are gone
/// etcd's data or nothing, the URL of etcd, the folder of its certificates, whose data it is, the names of two marks, which attempt it is.
const RESET: Function = Function {
    name: "s_reset_node",
    needs: &[&FAIL, &ETCDCTL],
    text: r#"s_reset_node() (
  command -v kubeadm >/dev/null || s_fail "there is no kubeadm"
  # a list of members needs a majority behind it: one that was removed is given none
  if [ -n "$1" ] && find_etcdctl && once ask_etcd "$2" "$3" --command-timeout 10s member list; then
    s_fail "etcd on this machine answers for its cluster: its data is no removed member's, and nothing was touched"
  fi
  if [ -n "$1" ] && [ -d "$1/member" ]; then
    # whoever finds the data without its certificates knows by it whose it was
    [ "$(cat -- "$1/member/$5" 2>/dev/null)" = "$4" ] || { printf '%s\n' "$4" >"$1/member/$5" && sync "$1/member/$5" "$1/member"; } ||
      s_fail "cannot mark $1/member"
  fi
  kubeadm reset --force --skip-phases remove-etcd-member 9>&- || exit 1
  if [ -n "$1" ] && [ -d "$1/member" ]; then
    # the mark last
    find "$1/member" -mindepth 1 -maxdepth 1 ! -name "$5" -exec rm -rf -- {} + || exit 1
    rm -rf -- "$1/member" || exit 1
  fi
  rm -f -- /etc/kubernetes/super-admin.conf /etc/kubernetes/admin.conf /etc/kubernetes/kubelet.conf /etc/kubernetes/bootstrap-kubelet.conf \
    /etc/kubernetes/controller-manager.conf /etc/kubernetes/scheduler.conf "$6" || exit 1
  rm -rf -- /etc/kubernetes/pki /etc/kubernetes/tmp
)"#,
};

impl Action for PutMaterial {
    fn call(&self) -> Call {
        Call::new(&PUT, [MATERIAL, &self.name, &self.content])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Files(MATERIAL.into())]
    }

    fn describe(&self) -> String {
        format!("put {MATERIAL}/{} into memory", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.name.contains('/') {
            return check::refuse("name of a file", &self.name, "has a slash in it");
        }
        check::word("name of a file", &self.name)
    }
}

impl Action for StaticPodFolder {
    fn call(&self) -> Call {
        Call::new(&STATIC_POD_FOLDER, [""; 0])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Files("/etc/kubernetes".into())]
    }

    fn describe(&self) -> String {
        "make the folder of static pods".into()
    }

    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

impl Action for Kubeadm {
    fn call(&self) -> Call {
        let material = self.material.clone().unwrap_or_default();
        Call::new(&KUBEADM, [material, INIT_MARK.to_owned(), self.attempt.to_string()].into_iter().chain(self.words.iter().cloned()))
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Everything]
    }

    fn describe(&self) -> String {
        self.what.clone()
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.words.is_empty() {
            return check::refuse("kubeadm command", "", "is empty");
        }
        match &self.material {
            Some(path) if !path.starts_with(MATERIAL) => check::refuse("file of kubeadm's", path, "is not where such files are"),
            Some(path) => check::path(path),
            None => Ok(()),
        }
    }

    fn is_long(&self) -> bool {
        true
    }
}

impl Action for ResetNode {
    fn call(&self) -> Call {
        let EtcdAsked { endpoint, certificates } = &self.asked;
        let data = self.etcd_data.as_deref().unwrap_or_default();
        Call::new(&RESET, [data, endpoint, certificates, &self.authority, RESET_MARK, INIT_MARK, &self.attempt.to_string()])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Everything]
    }

    fn describe(&self) -> String {
        "reset the node (kubeadm reset)".into()
    }

    fn check(&self) -> Result<(), Invalid> {
        self.asked.check()?;
        check::word("authority", &self.authority)?;
        match self.etcd_data.as_deref() {
            Some("/") => check::refuse("directory of etcd", "/", "is none"),
            Some(path) => check::path(path),
            None => Ok(()),
        }
    }

    fn is_long(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};

    #[test]
    fn halves_of_pairs_go_and_whole_ones_stay() {
        let kept = ["ca.crt", "ca.key", "etcd/ca.crt", "front-proxy-ca.crt", "apiserver.crt", "apiserver.key", "signed.csr", "signed.key"];
        let gone = ["sa.key", "etcd/server.key", "etcd/peer.key", "etcd/peer.crt", "front-proxy-client.crt", "front-proxy-client.key"];
        let empty = ["etcd/peer.crt", "front-proxy-client.key"];
        for shell in SHELLS {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir_all(dir.path().join("pki/etcd")).unwrap();
            for name in kept.iter().chain(&gone) {
                fs::write(dir.path().join("pki").join(name), if empty.contains(name) { "" } else { "PEM" }).unwrap();
            }
            fs::write(dir.path().join("admin.conf"), "whole").unwrap();
            fs::write(dir.path().join("kubelet.conf"), "").unwrap();
            let mut script = Script::new();
            script.call(&HALVES, [dir.path().to_str().unwrap()]).unwrap();
            let output = run(shell, "n1", &script.finish());
            let is_there = |name: &&&str| dir.path().join("pki").join(**name).exists();
            assert!(kept.iter().all(|name| is_there(&name)), "{shell:?} {output:?}");
            assert_eq!(gone.iter().filter(is_there).collect::<Vec<_>>(), [&""; 0], "{shell:?} {output:?}");
            assert!(dir.path().join("admin.conf").exists() && !dir.path().join("kubelet.conf").exists(), "{shell:?}");
        }
    }

    #[test]
    fn an_init_is_marked_until_it_has_come_to_its_end() {
        for shell in SHELLS {
            let dir = tempfile::tempdir().unwrap();
            let mark = dir.path().join("kubernetes/homelabctl-init");
            let is_left = |words: &[&str], status: u8| {
                let mut script = Script::new();
                let words: Vec<&str> = ["", mark.to_str().unwrap(), "1"].iter().chain(words).copied().collect();
                script.call(&KUBEADM, &words).unwrap();
                let output = run(
                    shell,
                    "n1",
                    &format!("kubeadm() {{ [ -f '{}' ] && echo marked; return {status}; }}\n{}", mark.display(), script.finish()),
                );
                (String::from_utf8_lossy(&output.stdout).contains("marked"), mark.exists())
            };
            assert_eq!(is_left(&["join", "--config", "x"], 0), (false, false), "{shell:?}");
            assert_eq!(is_left(&["init", "--config", "x"], 1), (true, true), "{shell:?}");
            assert_eq!(is_left(&["init", "phase", "addon"], 0), (true, true), "{shell:?}: others are still to come");
            assert_eq!(is_left(&["init", "--config", "x"], 0), (true, false), "{shell:?}");
        }
    }
}
