//! Objects of a manifest applied to the cluster, and their pods waited for: kubectl(1) on a control plane.

use serde::{Deserialize, Serialize};

use super::lease::{UNDER_LEASE, UnderLease};
use super::{Action, Call, FAIL, Invalid, check};
use crate::node::kubectl::{KUBE, UNREADY};
use crate::node::script::Function;
use crate::plan::Touch;

/// Applies the objects, server-side and as the manager `homelabctl`: what others have set beside it in the same objects stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyObjects {
    /// The manifest, YAML or JSON.
    pub manifest: String,
    /// What they are, in a few words for people.
    pub title: String,
    /// The lease under which they are applied.
    pub lease: UnderLease,
}

/// Waits until the pods of the manifest's DaemonSets and Deployments are up to date and ready, and the nodes that tell are ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitForObjects {
    /// The manifest.
    pub manifest: String,
    /// What they are, in a few words for people.
    pub title: String,
    /// How long it is waited at most, in seconds.
    pub timeout: u32,
}

/// A manifest, then the lease. What defines a kind, and a namespace, are there a moment after they were made; then it is tried again.
const APPLY: Function = Function {
    name: "s_apply_objects",
    needs: &[&FAIL, &KUBE, &UNDER_LEASE],
    text: r#"s_apply_manifest() (
  kube_begin || s_fail "$r"
  printf '%s\n' "$1" >"$kube_dir/objects"
  tried=1
  until kube_ask apply --server-side --field-manager homelabctl --force-conflicts -f "$kube_dir/objects" 9>&-; do
    case $tried$err in
    [1-5]*"no matches for kind"*|[1-5]*"(NotFound)"*) sleep 2; tried=$((tried + 1)) ;;
    *) kube_end; s_fail "$err" ;;
    esac
  done
  kube_end
  printf '%s\n' "$r"
)
s_apply_objects() (
  manifest=$1
  shift
  s_under_lease "$@" s_apply_manifest "$manifest"
)"#,
};

/// A manifest, seconds.
const WAIT: Function = Function {
    name: "s_wait_for_objects",
    needs: &[&FAIL, &KUBE, &UNREADY],
    text: r#"s_wait_for_objects() (
  kube_begin || s_fail "$r"
  printf '%s\n' "$1" >"$kube_dir/objects"
  begun=$(date +%s)
  while :; do
    if kube_unready "$kube_dir/objects" 9>&-; then waits=$r; else waits=$err; fi
    if [ -z "$waits" ] && kube_ask get nodes -o 'jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' 9>&-; then
      waits=$(printf '%s\n' "$r" | sed -n 's/ False$/ is not ready/p')
    elif [ -z "$waits" ]; then waits=$err
    fi
    if [ -z "$waits" ]; then kube_end; exit 0; fi
    [ $(($(date +%s) - begun)) -lt "$2" ] || break
    sleep 2
  done
  kube_ask get pods -A --field-selector status.phase!=Running -o wide 9>&-
  printf '%s\n' "$r" >&2
  kube_end
  s_fail "after $2 seconds: $waits"
)"#,
};

/// Pods start and stop for it, and on every node its network changes.
fn touches() -> Vec<Touch> {
    vec![
        Touch::Files("/etc/kubernetes".into()),
        Touch::Files("/etc/cni".into()),
        Touch::Files("/opt/cni".into()),
        Touch::Network,
        Touch::Ports,
        Touch::Sysctls,
        Touch::Modules,
        Touch::Mounts,
    ]
}

impl Action for ApplyObjects {
    fn call(&self) -> Call {
        Call::new(&APPLY, [self.manifest.clone()].into_iter().chain(self.lease.words()))
    }

    fn touches(&self) -> Vec<Touch> {
        touches()
    }

    fn describe(&self) -> String {
        format!("apply the objects of {}", self.title)
    }

    fn is_watched(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), Invalid> {
        self.lease.check()?;
        check::text("manifest", &self.manifest)
    }
}

impl Action for WaitForObjects {
    fn call(&self) -> Call {
        Call::new(&WAIT, [self.manifest.clone(), self.timeout.to_string()])
    }

    fn touches(&self) -> Vec<Touch> {
        touches()
    }

    fn describe(&self) -> String {
        format!("wait for the pods of {}", self.title)
    }

    fn is_watched(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), Invalid> {
        check::text("manifest", &self.manifest)
    }
}
