//! What is done to the cluster itself from one of its control planes: by kubectl(1), kubeadm(8) and etcd's own etcdctl(1).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::kubeadm::MATERIAL;
use super::{Action, Call, FAIL, Invalid, check};
use crate::node::facts::ONCE;
use crate::node::kubectl::{BY_KUBECTL, NOT_CONNECTED};
use crate::node::script::Function;
use crate::plan::Touch;

/// Mints a token that lives half an hour, and puts the control planes' certificates into the cluster if a configuration says with
/// which key. It prints the token, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MintJoin {
    /// What the token is known by.
    pub description: String,
    /// A file below [`MATERIAL`] with the certificates' key; it goes away.
    pub material: Option<String>,
}

/// Takes tokens back, and the certificates that were put into the cluster for control planes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeJoins {
    /// The tokens' ids: six characters each.
    pub tokens: Vec<String>,
}

/// Gives admin.conf its rights, as `kubeadm init` does: by super-admin.conf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantAdmin;

/// Approves a kubelet's request for its certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApproveRequest {
    /// Its name.
    pub name: String,
}

/// Deletes a Node, if it is still that one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteNode {
    /// Its name.
    pub name: String,
    /// Which of several Nodes of that name, as time goes.
    pub uid: String,
}

/// Gives a Node labels, annotations and taints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkNode {
    /// Its name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Taints, as `key=value:Effect`.
    pub taints: BTreeSet<String>,
    /// Taints that go away.
    pub no_taints: BTreeSet<String>,
}

/// kubectl as this control plane may use it.
const KUBECTL: Function = Function {
    name: "s_kubectl",
    needs: &[&FAIL, &AGAIN, &BY_KUBECTL],
    text: r#"s_kubectl() {
  command -v kubectl >/dev/null || s_fail "there is no kubectl"
  by_kubectl /etc/kubernetes/admin.conf "$@"
}"#,
};

/// `s_again COMMAND…` runs a command, and again for a minute while it reaches nobody: the endpoint's address may just be moving to another
/// control plane. What was not reached has done nothing; an answer, whatever it is, ends it.
pub(super) const AGAIN: Function = Function {
    name: "s_again",
    needs: &[&ONCE, &NOT_CONNECTED],
    text: r#"s_again() {
  s_began=$(date +%s)
  until once "$@"; do
    not_connected || break
    [ "$(($(date +%s) - s_began))" -lt 60 ] || break
    sleep 2
  done
  [ -z "$err" ] || printf '%s\n' "$err" >&2
  printf %s "$r"
  return "$st"
}"#,
};

/// A description, the file or nothing. Certificates that were uploaded before go first: they would leave the token that ends them.
const MINT: Function = Function {
    name: "s_mint_join",
    needs: &[&FAIL, &AGAIN, &REVOKE],
    text: r#"s_mint_join() (
  command -v kubeadm >/dev/null || s_fail "there is no kubeadm"
  if [ -n "$2" ]; then
    s_revoke_joins >&2 || exit 1
    status=0
    s_again kubeadm init phase upload-certs --upload-certs --skip-certificate-key-print --config "$2" >&2 || status=$?
    rm -f -- "$2"
    [ "$status" -eq 0 ] || exit "$status"
  fi
  s_again kubeadm --kubeconfig /etc/kubernetes/admin.conf token create --ttl 30m --description "$1"
)"#,
};

/// Ids. With the certificates goes the token that kubeadm makes beside them, so that they end with it (its phases/copycerts, createShortLivedBootstrapToken).
const REVOKE: Function = Function {
    name: "s_revoke_joins",
    needs: &[&KUBECTL, &AGAIN],
    text: r#"s_revoke_joins() (
  certificates=$(s_again s_kubectl -n kube-system get secret kubeadm-certs --ignore-not-found -o 'jsonpath={.metadata.ownerReferences[?(@.kind=="Secret")].name} {.metadata.name}') || exit 1
  tokens=
  for id in "$@"; do
    tokens="$tokens bootstrap-token-$id"
  done
  set -- $tokens $certificates
  [ $# -eq 0 ] || s_again s_kubectl -n kube-system delete secret "$@" --ignore-not-found
)"#,
};

/// Nothing. It is the object that kubeadm makes (its phases/kubeconfig, EnsureAdminClusterRoleBinding).
const GRANT: Function = Function {
    name: "s_grant_admin",
    needs: &[&FAIL, &AGAIN, &BY_KUBECTL],
    text: r#"s_grant_admin() (
  [ -f /etc/kubernetes/super-admin.conf ] || s_fail "there is no /etc/kubernetes/super-admin.conf"
  s_again by_kubectl /etc/kubernetes/super-admin.conf \
    create clusterrolebinding kubeadm:cluster-admins --clusterrole=cluster-admin --group=kubeadm:cluster-admins
)"#,
};

/// A name.
const APPROVE: Function = Function {
    name: "s_approve_request",
    needs: &[&KUBECTL],
    text: r#"s_approve_request() (
  s_again s_kubectl certificate approve "$1"
)"#,
};

/// A path of the API, a body, the Node's name.
const DELETE: Function = Function {
    name: "s_delete_node",
    needs: &[&KUBECTL],
    text: r#"s_delete_object() { printf %s "$2" | s_kubectl delete --raw "$1" -f -; }
s_delete_node() (
  # in the time since it was decided, its kubelet may have come back
  ready=$(s_again s_kubectl get node "$3" --ignore-not-found -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}') || exit 1
  case $ready in True|False) s_fail "the kubelet of the Node $3 reports: it is not deleted" ;; esac
  s_again s_delete_object "$1" "$2"
)"#,
};

/// A Node, a patch in JSON, how many taints, taints to set, taints to take away.
const MARK: Function = Function {
    name: "s_mark_node",
    needs: &[&KUBECTL],
    text: r#"s_patch_node() { printf %s "$2" | s_kubectl patch node "$1" --type merge --patch-file /dev/stdin; }
s_mark_node() (
  node=$1 patch=$2
  shift 2
  if [ -n "$patch" ]; then
    s_again s_patch_node "$node" "$patch" || exit 1
  fi
  [ $# -eq 0 ] || s_again s_kubectl taint node "$node" --overwrite "$@"
)"#,
};

/// What all of these may move: the cluster's objects, which are asked on control planes.
pub(super) fn of_the_cluster() -> Vec<Touch> {
    vec![Touch::Files("/etc/kubernetes".into()), Touch::Files(MATERIAL.into()), Touch::Units, Touch::Ports]
}

impl Action for MintJoin {
    fn call(&self) -> Call {
        Call::new(&MINT, [self.description.clone(), self.material.clone().unwrap_or_default()])
    }

    fn touches(&self) -> Vec<Touch> {
        of_the_cluster()
    }

    fn describe(&self) -> String {
        "mint a token to join with".into()
    }

    fn check(&self) -> Result<(), Invalid> {
        match &self.material {
            Some(path) if !path.starts_with(MATERIAL) => check::refuse("file of kubeadm's", path, "is not where such files are"),
            _ => Ok(()),
        }
    }
}

impl Action for RevokeJoins {
    fn call(&self) -> Call {
        Call::new(&REVOKE, self.tokens.iter().cloned())
    }

    fn touches(&self) -> Vec<Touch> {
        of_the_cluster()
    }

    fn describe(&self) -> String {
        "revoke tokens to join with".into()
    }

    fn check(&self) -> Result<(), Invalid> {
        self.tokens.iter().try_for_each(|id| check::word("token's id", id))
    }
}

impl Action for GrantAdmin {
    fn call(&self) -> Call {
        Call::new(&GRANT, Vec::<String>::new())
    }

    fn touches(&self) -> Vec<Touch> {
        of_the_cluster()
    }

    fn describe(&self) -> String {
        "give admin.conf its rights".into()
    }

    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

impl Action for ApproveRequest {
    fn call(&self) -> Call {
        Call::new(&APPROVE, [self.name.clone()])
    }

    fn touches(&self) -> Vec<Touch> {
        of_the_cluster()
    }

    fn describe(&self) -> String {
        format!("approve the certificate request {}", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::word("name of a request", &self.name)
    }
}

impl Action for DeleteNode {
    fn call(&self) -> Call {
        let body = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": self.uid}});
        Call::new(&DELETE, [format!("/api/v1/nodes/{}", self.name), body.to_string(), self.name.clone()])
    }

    fn touches(&self) -> Vec<Touch> {
        of_the_cluster()
    }

    fn describe(&self) -> String {
        format!("delete the Node {}", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::word("name of a Node", &self.name)?;
        check::word("Node's uid", &self.uid)
    }
}

impl Action for MarkNode {
    fn call(&self) -> Call {
        let mut metadata = serde_json::Map::new();
        for (name, values) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !values.is_empty() {
                metadata.insert(name.to_owned(), json!(values));
            }
        }
        let patch = if metadata.is_empty() { String::new() } else { json!({ "metadata": metadata }).to_string() };
        let gone = self.no_taints.iter().map(|taint| {
            let (key, effect) = taint.rsplit_once(':').unwrap_or((taint, ""));
            format!("{}:{effect}-", key.split('=').next().unwrap_or_default())
        });
        let words = [self.name.clone(), patch].into_iter().chain(self.taints.iter().cloned()).chain(gone);
        Call::new(&MARK, words)
    }

    fn touches(&self) -> Vec<Touch> {
        of_the_cluster()
    }

    fn describe(&self) -> String {
        format!("set labels, annotations and taints of the Node {}", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::word("name of a Node", &self.name)?;
        self.taints.iter().chain(&self.no_taints).try_for_each(|taint| check::word("taint", taint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};

    /// What a step calls, in a shell where kubectl says its words and its standard input.
    fn called(step: &dyn Action) -> Vec<String> {
        let call = step.call();
        let mut said = Vec::new();
        for shell in SHELLS {
            let mut script = Script::new();
            script.call(call.function, &call.words).unwrap();
            let fake = "kubectl() { shift 6; case $* in *'get secret'*) echo bootstrap-token-owners kubeadm-certs; return ;; esac
                printf '%s\\n' \"$*\"; case $* in *stdin*|*'-f -'*) cat; echo ;; esac; }\ntimeout() { shift; \"$@\"; }\n";
            let output = run(shell, "k1", &format!("{fake}{}", script.finish()));
            said.push(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        assert!(said.iter().all(|one| *one == said[0]), "{said:?}");
        said[0].lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_node_is_deleted_by_its_uid_only() {
        let said = called(&DeleteNode { name: "w1".into(), uid: "u-1".into() });
        assert_eq!(said[0], "delete --raw /api/v1/nodes/w1 -f -");
        let body: serde_json::Value = serde_json::from_str(&said[1]).unwrap();
        assert_eq!(body["preconditions"]["uid"], "u-1");
    }

    #[test]
    fn marks_are_one_patch_and_taints_by_their_effect() {
        let mark = MarkNode {
            name: "w1".into(),
            labels: BTreeMap::from([("a/b".into(), "c d".into())]),
            annotations: BTreeMap::from([("x".into(), "[{\"path\":\"/var\"}]".into())]),
            taints: BTreeSet::from(["k=v:NoSchedule".into()]),
            no_taints: BTreeSet::from(["node-role.kubernetes.io/control-plane:NoSchedule".into(), "o=p:NoExecute".into()]),
        };
        let said = called(&mark);
        assert_eq!(said[0], "patch node w1 --type merge --patch-file /dev/stdin");
        let patch: serde_json::Value = serde_json::from_str(&said[1]).unwrap();
        assert_eq!(patch, json!({"metadata": {"labels": {"a/b": "c d"}, "annotations": {"x": "[{\"path\":\"/var\"}]"}}}));
        assert_eq!(said[2], "taint node w1 --overwrite k=v:NoSchedule node-role.kubernetes.io/control-plane:NoSchedule- o:NoExecute-");
        let only = MarkNode { labels: BTreeMap::new(), annotations: BTreeMap::new(), ..mark };
        assert_eq!(called(&only).len(), 1);
    }

    #[test]
    fn tokens_are_taken_back_by_their_ids_and_the_certificates_with_them() {
        let said = called(&RevokeJoins { tokens: vec!["abcdef".into(), "uvwxyz".into()] });
        let names = "bootstrap-token-abcdef bootstrap-token-uvwxyz bootstrap-token-owners kubeadm-certs";
        assert_eq!(said, [format!("-n kube-system delete secret {names} --ignore-not-found")]);
    }

    #[test]
    fn what_could_be_taken_for_an_option_is_refused() {
        assert!(DeleteNode { name: "-w1".into(), uid: "u".into() }.check().is_err());
        assert!(ApproveRequest { name: String::new() }.check().is_err());
        assert!(RevokeJoins { tokens: vec!["--all".into()] }.check().is_err());
        let elsewhere = MintJoin { description: "x".into(), material: Some("/etc/kubernetes/x".into()) };
        assert!(elsewhere.check().is_err());
    }
}
