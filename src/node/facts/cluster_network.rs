//! The nodes of a cluster, and whether pods on them were seen to reach each other: kubectl(1) on a control plane.

use serde::{Deserialize, Serialize};

use super::{Kind, json};
use crate::node::kubectl::KUBE;
use crate::node::script::Function;
use crate::plan::{Fact, Query};

/// The nodes, and what was noted in the cluster after pods on all of them had reached each other; to be asked on a control plane. It
/// moves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterNetwork;

impl Fact for ClusterNetwork {
    type Value = NetworkState;

    fn query(&self) -> Query {
        Query::new(KIND.name, ["cluster"], super::kube_proxy::grounds()).moving()
    }
}

/// What the cluster tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkState {
    /// Its nodes, by name.
    pub nodes: Vec<NetworkNode>,
    /// What was noted of the last check that ended well.
    pub checked: Option<String>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkNode {
    /// Its name.
    pub name: String,
    /// The object's own, which another node of the same name does not have.
    pub uid: String,
    /// The word of its condition Ready: `True`, `False`, `Unknown`.
    pub ready: String,
}

/// The annotation of the namespace kube-system that it is noted in.
pub const CHECKED: &str = "homelabctl.dev/network-checked";

pub(super) const KIND: Kind = Kind {
    name: "cluster_network",
    function: &PROBE,
    merged: false,
    words: |args| if args.len() == 1 { Ok(Vec::new()) } else { Err("one word is wanted".into()) },
    parse: |_, text| json(read(text)?),
};

static PROBE: Function = Function {
    name: "probe_cluster_network",
    text: r#"
probe_cluster_network() {
  id=$1
  kube_begin || { answer "$id" 1; return; }
  if kube_ask get namespace kube-system -o 'jsonpath={.metadata.annotations.homelabctl\.dev/network-checked}' && checked=$r &&
    kube_ask get nodes -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}'
  then
    r=$checked$nl$r
    kube_end
    answer "$id" 0
  else
    r=$err
    kube_end
    answer "$id" 1
  fi
}
"#,
    needs: &[&KUBE],
};

fn read(text: &str) -> Result<NetworkState, String> {
    let (checked, nodes) = text.split_once('\n').unwrap_or((text, ""));
    let mut state = NetworkState { nodes: Vec::new(), checked: Some(checked.to_owned()).filter(|text| !text.is_empty()) };
    for line in nodes.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ').map(str::to_owned);
        let (Some(name), Some(uid)) = (words.next(), words.next()) else { return Err(format!("a node as {line:?}")) };
        // a kubelet that never told anything has no condition
        state.nodes.push(NetworkNode {
            name,
            uid,
            ready: words.next().filter(|word| !word.is_empty()).unwrap_or_else(|| "Unknown".into()),
        });
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_and_what_was_noted() {
        let node = |name: &str, ready: &str| NetworkNode { name: name.into(), uid: "u".into(), ready: ready.into() };
        let state = read("abc\nm1 u True\nw1 u False\nw2 u \n").unwrap();
        assert_eq!(
            state,
            NetworkState { checked: Some("abc".into()), nodes: vec![node("m1", "True"), node("w1", "False"), node("w2", "Unknown")] }
        );
        assert_eq!(read("\n").unwrap(), NetworkState::default());
        assert!(read("\nx").is_err());
    }
}
