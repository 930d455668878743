//! kube-proxy's configuration in the cluster, and its pods made anew for it: kubectl(1) on a control plane.

use serde::{Deserialize, Serialize};

use super::lease::{UNDER_LEASE, UnderLease};
use super::{Action, Call, FAIL, Invalid, check};
use crate::node::kubectl::{ADMIN, FOR};
use crate::node::script::Function;
use crate::plan::Touch;

/// Writes kube-proxy's configuration, unless somebody else has written it since it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigureKubeProxy {
    /// The text.
    pub config: String,
    /// The version of the ConfigMap that it is made of.
    pub resource_version: String,
    /// The lease under which it is written.
    pub lease: UnderLease,
}

/// Has all pods of kube-proxy made anew, one after the other, and waits for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollOutKubeProxy {
    /// The digest of the configuration that they are made for: 64 hexadecimal digits.
    pub digest: String,
    /// How long it is waited at most, in seconds.
    pub timeout: u32,
    /// The lease under which they are made anew, and waited for.
    pub lease: UnderLease,
}

/// A patch in JSON, then the lease. A body may be large, so it goes by a file; it holds no secret.
const CONFIGURE: Function = Function {
    name: "s_configure_kube_proxy",
    needs: &[&FAIL, &ADMIN, &UNDER_LEASE],
    text: r#"s_write_kube_proxy() {
  printf %s "$1" | kube -n kube-system patch configmap kube-proxy --type merge --patch-file /dev/stdin
}
s_configure_kube_proxy() (
  command -v kubectl >/dev/null || s_fail "there is no kubectl"
  patch=$1
  shift
  s_under_lease "$@" s_write_kube_proxy "$patch"
)"#,
};

/// A patch in JSON, seconds, then the lease.
const ROLL_OUT: Function = Function {
    name: "s_roll_out_kube_proxy",
    needs: &[&FAIL, &FOR, &UNDER_LEASE],
    text: r#"s_make_kube_proxy_anew() (
  in_system() {
    kubectl_for 0 /etc/kubernetes/admin.conf -n kube-system "$@"
  }
  printf %s "$1" | in_system --request-timeout 30s patch daemonset kube-proxy --type merge --patch-file /dev/stdin || exit 1
  in_system rollout status daemonset/kube-proxy --timeout "$2s" && exit
  in_system --request-timeout 20s get pods -l k8s-app=kube-proxy -o wide >&2
  s_fail "the pods of kube-proxy are not ready after $2 seconds"
)
s_roll_out_kube_proxy() (
  command -v kubectl >/dev/null || s_fail "there is no kubectl"
  patch=$1 seconds=$2
  shift 2
  s_under_lease "$@" s_make_kube_proxy_anew "$patch" "$seconds"
)"#,
};

impl Action for ConfigureKubeProxy {
    fn call(&self) -> Call {
        let patch = serde_json::json!({"metadata": {"resourceVersion": self.resource_version}, "data": {"config.conf": self.config}});
        Call::new(&CONFIGURE, [patch.to_string()].into_iter().chain(self.lease.words()))
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Files("/etc/kubernetes".into())]
    }

    fn describe(&self) -> String {
        "write kube-proxy's configuration".into()
    }

    fn is_watched(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), Invalid> {
        self.lease.check()?;
        check::word("version of an object", &self.resource_version)
    }
}

impl Action for RollOutKubeProxy {
    fn call(&self) -> Call {
        let annotations = serde_json::json!({crate::node::facts::KUBE_PROXY_ANNOTATION: self.digest});
        let patch = serde_json::json!({"spec": {"template": {"metadata": {"annotations": annotations}}}});
        Call::new(&ROLL_OUT, [patch.to_string(), self.timeout.to_string()].into_iter().chain(self.lease.words()))
    }

    /// Packets go other ways then, and the kernel's parameters are kube-proxy's.
    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Files("/etc/kubernetes".into()), Touch::Network, Touch::Ports, Touch::Sysctls, Touch::Modules]
    }

    fn describe(&self) -> String {
        "make the pods of kube-proxy anew, and wait for them".into()
    }

    fn is_watched(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), Invalid> {
        self.lease.check()?;
        let is_digest = self.digest.len() == 64 && self.digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_digest { Ok(()) } else { check::refuse("digest", &self.digest, "is none") }
    }
}
