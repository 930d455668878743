//! What is done to etcd's members, by its own etcdctl(1) on a control plane.

use serde::{Deserialize, Serialize};

use super::cluster::of_the_cluster;
use super::{Action, Call, FAIL, Invalid, check};
use crate::node::etcd_snapshot::{ROOM, SPARE};
use crate::node::facts::{ETCDCTL, KUBEADM_ETCD, KUBEADM_ETCD_CERTIFICATES};
use crate::node::script::Function;
use crate::plan::Touch;

/// Removes a member of etcd, after a snapshot. A voter that answers is left where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveMember {
    /// Its id.
    pub id: u64,
    /// Where etcd's data is on this machine: the snapshot is left beside it.
    pub data_dir: String,
    /// The machine's own etcd.
    pub asked: EtcdAsked,
}

/// Where etcd is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdAsked {
    /// As a URL.
    pub endpoint: String,
    /// A folder with `ca.crt`, `server.crt` and `server.key`.
    pub certificates: String,
}

impl Default for EtcdAsked {
    /// As kubeadm runs it.
    fn default() -> Self {
        Self { endpoint: KUBEADM_ETCD.to_owned(), certificates: KUBEADM_ETCD_CERTIFICATES.to_owned() }
    }
}

impl EtcdAsked {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        if !self.endpoint.starts_with("http") {
            return check::refuse("URL of etcd", &self.endpoint, "is none");
        }
        check::path(&self.certificates)
    }
}

// the snapshot is named by its path in the container, which is the machine's own
/// The id in hexadecimal, the folder of the data, the URL, the folder of the certificates, how many MiB are left free.
const REMOVE_MEMBER: Function = Function {
    name: "s_remove_member",
    needs: &[&FAIL, &ETCDCTL, &ROOM],
    text: r#"s_no_voter_answers() {
  once ask_etcd "$2" "$3" --command-timeout 10s member list || s_fail "etcd does not answer: $err"
  member=$(printf '%s\n' "$r" | grep "^$1, ") || s_fail "etcd has no member $1"
  clients=$(printf '%s\n' "$member" | sed -n 's/^.*, \(http[^ ]*\), false$/\1/p')
  if [ -n "$clients" ] && once ask_etcd "$clients" "$3" --command-timeout 10s endpoint health; then
    s_fail "the member $1 answers at $clients: it is not removed"
  fi
}
s_remove_member() (
  umask 077
  kept=$2/homelabctl-before-removal-$1.db
  find_etcdctl || s_fail "$err"
  s_no_voter_answers "$1" "$3" "$4"
  s_room_for_snapshot "$2" "$5"
  etcd_limit=900
  once ask_etcd "$3" "$4" --command-timeout 900s snapshot save "$kept" || s_fail "etcdctl snapshot save: $err"
  # a large one takes its time, and so does a machine that comes back
  s_no_voter_answers "$1" "$3" "$4"
  once ask_etcd "$3" "$4" --command-timeout 30s member remove "$1" || s_fail "etcdctl member remove: $err"
)"#,
};

impl Action for RemoveMember {
    fn call(&self) -> Call {
        let EtcdAsked { endpoint, certificates } = &self.asked;
        Call::new(&REMOVE_MEMBER, [&format!("{:x}", self.id), &self.data_dir, endpoint, certificates, SPARE])
    }

    fn touches(&self) -> Vec<Touch> {
        of_the_cluster()
    }

    fn describe(&self) -> String {
        format!("remove the etcd member {:x}, after a snapshot", self.id)
    }

    fn check(&self) -> Result<(), Invalid> {
        self.asked.check()?;
        check::path(&self.data_dir)
    }
}
