//! etcd's members, as one of them has it: etcdctl(1) in etcd's container on a control plane, or the machine's own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::once::{ONCE, Section, sections};
use super::path::SHARE_OUT;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Where kubeadm has a machine's own etcd answer.
pub(in crate::node) const KUBEADM_ETCD: &str = "https://127.0.0.1:2379";
/// Where kubeadm puts its certificates: `ca.crt`, `server.crt`, `server.key`.
pub(in crate::node) const KUBEADM_ETCD_CERTIFICATES: &str = "/etc/kubernetes/pki/etcd";

/// etcd's members, asked of the machine's own one; it moves by itself. Absent: the machine has no certificates of an etcd. Unknown where
/// no majority answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdMembers {
    endpoint: String,
    folder: String,
}

impl EtcdMembers {
    /// As kubeadm runs it.
    pub fn new() -> Self {
        Self::at(KUBEADM_ETCD, KUBEADM_ETCD_CERTIFICATES)
    }

    /// At that URL, with `ca.crt`, `server.crt` and `server.key` of that folder.
    pub fn at(endpoint: impl Into<String>, folder: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), folder: folder.into() }
    }
}

impl Default for EtcdMembers {
    fn default() -> Self {
        Self::new()
    }
}

impl Fact for EtcdMembers {
    type Value = Vec<EtcdMember>;

    fn query(&self) -> Query {
        let stands_on = vec![Touch::Files("/etc/kubernetes".into()), Touch::Files(self.folder.clone()), Touch::Packages, Touch::Units];
        Query::new(KIND.name, [&self.endpoint, &self.folder], stands_on).moving()
    }
}

/// A member of etcd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdMember {
    /// Its id.
    pub id: u64,
    /// Its name: empty until it has started for the first time.
    pub name: String,
    /// Where the others reach it.
    pub peers: Vec<String>,
    /// Where it is asked; empty until it has started.
    pub clients: Vec<String>,
    /// Whether it only listens, and has no vote.
    pub is_learner: bool,
    /// Whether it answers: a voter only if it knows of a majority. None: that could not be asked.
    pub answers: Option<bool>,
    /// Who leads, as far as it knows.
    pub leader: Option<u64>,
    /// Its version, such as `3.6.5`.
    pub version: Option<String>,
    /// The size of its database, in bytes.
    pub size: Option<u64>,
}

pub(super) const KIND: Kind = Kind {
    name: "etcd_members",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [endpoint, folder] if endpoint.starts_with("http") && folder.starts_with('/') => Ok(args.to_vec()),
        _ => Err("a URL and a folder are wanted".into()),
    },
    parse: |_, text| json(read(text)?),
};

// The list wants a majority; who does not answer the other two is told by their output, so their status says nothing more. An etcdctl of
// the machine gets none of the person's variables: it refuses those that it is told otherwise.
//
// crictl streams what etcdctl says: where it waits for the end (`-s`), it drops the output of what ends with another status than 0, as
// etcdctl does where one of many members is not well.
//
// `find_etcdctl` is called first; `ask_etcd URL FOLDER WORD…` then asks the one that has its certificates in that folder.
pub(in crate::node) static ETCDCTL: Function = Function {
    name: "find_etcdctl",
    text: r#"
by_etcdctl() {
  if [ -n "$etcd_container" ]; then
    timeout "$etcd_limit" crictl --config /dev/null --runtime-endpoint "$cri_socket" exec "$etcd_container" etcdctl "$@"
  else
    timeout "$etcd_limit" env -i PATH="$PATH" etcdctl "$@"
  fi
}
find_etcdctl() {
  etcd_limit=50 etcd_container= cri_socket=unix:///run/containerd/containerd.sock why="etcd's container does not run"
  if command -v crictl >/dev/null; then
    if once crictl --config /dev/null --runtime-endpoint "$cri_socket" --timeout 10s ps --label io.kubernetes.container.name=etcd --state Running -q; then
      etcd_container=${r%%"$nl"*}
    else
      why=$err
    fi
  fi
  [ -z "$etcd_container" ] || return 0
  command -v etcdctl >/dev/null && return 0
  err=$why
  return 1
}
ask_etcd() {
  etcd_at=$1 etcd_pki=$2
  shift 2
  by_etcdctl --endpoints "$etcd_at" --cacert "$etcd_pki/ca.crt" --cert "$etcd_pki/server.crt" --key "$etcd_pki/server.key" "$@"
}
"#,
    needs: &[&ONCE],
};
static PROBE: Function = Function {
    name: "probe_etcd_members",
    text: r#"
probe_etcd_members() {
  id=$1 endpoint=$2 folder=$3
  take ls -d -- "$folder/server.crt" || { failed "$id"; return; }
  find_etcdctl || { r=$err; answer "$id" 1; return; }
  all=
  for what in "member list" "endpoint status --cluster" "endpoint health --cluster"; do
    once ask_etcd "$endpoint" "$folder" --dial-timeout 3s --command-timeout 5s -w json $what
    what=${what#* }
    section "${what%% *}"
    [ "$what" != list ] || [ "$st" = 0 ] || break
  done
  r=$all
  answer "$id" 0
}
"#,
    needs: &[&SHARE_OUT, &ETCDCTL],
};

/// The members; what etcd says of a majority that is missing is the reason.
fn read(text: &str) -> Result<Vec<EtcdMember>, String> {
    let (_, sections) = sections(text);
    let list = sections.get("list").ok_or("no list of members")?;
    if !list.is_well {
        return Err(list.last_words());
    }
    let list = of_json(list).ok_or("its list of members is no JSON")?;
    let status = sections.get("status").and_then(of_json);
    let health = sections.get("health").and_then(of_json);
    let members = list.get("members").and_then(Value::as_array).ok_or("its list has no members")?;
    let members = members.iter().map(|member| read_member(member, status.as_ref(), health.as_ref()));
    members.collect::<Option<_>>().ok_or_else(|| "one of its members has no id".to_owned())
}

fn of_json(section: &Section<'_>) -> Option<Value> {
    // etcdctl says first whom it could not ask, in words or in JSON of its log, where both streams are one
    let is_answer = |value: &Value| value.is_array() || value.get("members").is_some();
    section.output.lines().find_map(|line| serde_json::from_str(line).ok().filter(is_answer))
}

fn read_member(member: &Value, status: Option<&Value>, health: Option<&Value>) -> Option<EtcdMember> {
    let texts = |name: &str| -> Vec<String> {
        member.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let id = member.get("ID")?.as_u64()?;
    let (clients, is_learner) = (texts("clientURLs"), member.get("isLearner").and_then(Value::as_bool).unwrap_or(false));
    let of_it = |list: Option<&Value>, key: &str| -> Option<Value> {
        let is_of_it = |one: &&Value| {
            one.get(key)
                .and_then(Value::as_str)
                .is_some_and(|url| clients.iter().any(|client| client.trim_end_matches('/') == url.trim_end_matches('/')))
        };
        list?.as_array()?.iter().find(is_of_it).cloned()
    };
    let own = of_it(status, "Endpoint").and_then(|own| own.get("Status").cloned());
    // what a learner may not be asked is what the health of a voter is told by
    let answers = match (is_learner, status, health) {
        (true, Some(_), _) => Some(own.is_some()),
        (false, _, Some(_)) => Some(of_it(health, "endpoint").is_some_and(|health| health.get("health").is_some_and(|is| is == true))),
        _ => None,
    };
    let number = |name: &str| own.as_ref()?.get(name)?.as_u64().filter(|number| *number != 0);
    Some(EtcdMember {
        id,
        name: member.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        peers: texts("peerURLs"),
        is_learner,
        answers,
        leader: number("leader"),
        version: own.as_ref().and_then(|own| own.get("version")?.as_str().map(str::to_owned)),
        size: number("dbSize"),
        clients,
    })
}

/// The members that a majority of those who answer has for the leader; none if they have none.
pub fn etcd_leader(members: &[EtcdMember]) -> Option<u64> {
    let mut votes: BTreeMap<u64, usize> = BTreeMap::new();
    let voters: Vec<&EtcdMember> = members.iter().filter(|member| !member.is_learner).collect();
    for leader in voters.iter().filter_map(|member| member.leader) {
        *votes.entry(leader).or_default() += 1;
    }
    votes.into_iter().find(|(_, count)| *count > voters.len() / 2).map(|(leader, _)| leader)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As etcdctl 3.6.5 says it.
    fn said(list: &str, status: &str, health: &str) -> String {
        let section = |name: &str, status: u8, text: &str| format!("\n@@ {name} {status}\n{text}\n@@ said\n");
        [section("list", 0, list), section("status", 1, status), section("health", 1, health)].concat()
    }

    const LIST: &str = r#"{"header":{"cluster_id":1,"member_id":2,"raft_term":2},"members":[{"ID":17237436991929493444,"name":"m0","peerURLs":["https://10.0.0.1:2380"],"clientURLs":["https://10.0.0.1:2379"]},{"ID":2,"name":"m1","peerURLs":["https://10.0.0.2:2380"],"clientURLs":["https://10.0.0.2:2379"]},{"ID":3,"peerURLs":["https://10.0.0.3:2380"],"isLearner":true}]}"#;

    #[test]
    fn who_does_not_answer_is_no_error() {
        let status = r#"[{"Endpoint":"https://10.0.0.1:2379","Status":{"header":{"member_id":17237436991929493444},"version":"3.6.5","dbSize":20480,"leader":17237436991929493444}}]"#;
        let health = r#"[{"endpoint":"https://10.0.0.1:2379","health":true,"took":"1ms"},{"endpoint":"https://10.0.0.2:2379","health":false,"error":"context deadline exceeded"}]"#;
        let members = read(&said(LIST, status, health)).unwrap();
        let answers: Vec<_> = members.iter().map(|member| (member.id, member.answers, member.is_learner)).collect();
        assert_eq!(answers, [(17_237_436_991_929_493_444, Some(true), false), (2, Some(false), false), (3, Some(false), true)]);
        assert_eq!((members[0].version.as_deref(), members[0].size), (Some("3.6.5"), Some(20480)));
        // one of two is no majority
        assert_eq!(etcd_leader(&members), None);
        assert_eq!(etcd_leader(&members[..1]), Some(17_237_436_991_929_493_444));
        // what could not be asked is not known
        let members = read(&said(LIST, "", "")).unwrap();
        assert!(members.iter().all(|member| member.answers.is_none()));
    }

    #[test]
    fn a_learner_that_runs_leaves_the_health_of_the_others_known() {
        let list = r#"{"header":{"cluster_id":1},"members":[{"ID":1,"name":"m1","peerURLs":["https://10.77.0.11:2380"],"clientURLs":["https://10.77.0.11:2379"]},{"ID":2,"name":"m2","peerURLs":["https://10.77.0.12:2380"],"clientURLs":["https://10.77.0.12:2379"],"isLearner":true}]}"#;
        let status = r#"[{"Endpoint":"https://10.77.0.11:2379","Status":{"header":{"member_id":1},"version":"3.6.5","dbSize":2265088,"leader":1}},{"Endpoint":"https://10.77.0.12:2379","Status":{"header":{"member_id":2},"version":"3.6.5","dbSize":2277376,"leader":1,"isLearner":true}}]"#;
        // as it came through crictl, which has one stream for both
        let health = r#"{"level":"warn","ts":"2026-11-27T07:37:41.568748Z","logger":"client","caller":"v3@v3.6.5/retry_interceptor.go:65","msg":"retrying of unary invoker failed","target":"etcd-endpoints://0x8862b860/10.77.0.12:2379","method":"/etcdserverpb.KV/Range","attempt":0,"error":"rpc error: code = FailedPrecondition desc = etcdserver: rpc not supported for learner"}
Error: unhealthy cluster
[{"endpoint":"https://10.77.0.11:2379","health":true,"took":"139.337472ms"},{"endpoint":"https://10.77.0.12:2379","health":false,"took":"193.030656ms","error":"etcdserver: rpc not supported for learner"}]"#;
        let members = read(&said(list, status, health)).unwrap();
        let answers: Vec<_> = members.iter().map(|member| (member.id, member.answers, member.is_learner)).collect();
        assert_eq!(answers, [(1, Some(true), false), (2, Some(true), true)]);
        // a log alone is no answer
        let members = read(&said(list, status, health.lines().next().unwrap())).unwrap();
        assert_eq!(members[0].answers, None);
    }

    #[test]
    fn without_a_majority_nothing_is_known() {
        let text = "\n@@ list 1\n\n@@ said\n{\"level\":\"warn\"}\nError: context deadline exceeded";
        assert_eq!(read(text), Err("Error: context deadline exceeded".to_owned()));
        assert!(read("").is_err() && read(&said("{}", "", "")).is_err() && read(&said("x", "", "")).is_err());
    }
}
