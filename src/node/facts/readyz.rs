//! Whether a machine's own API server says that it is ready.

use std::net::IpAddr;

use super::kubectl::KUBECTL;
use super::path::SHARE_OUT;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Whether the API server at an address says that it is ready; it moves by itself. Absent: it does not, or is not there, or the machine
/// has no admin.conf and so none of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readyz {
    server: String,
    folder: String,
}

impl Readyz {
    /// The one that a control plane of that address has, with the credentials of its admin.conf.
    pub fn new(address: IpAddr) -> Self {
        let server = std::net::SocketAddr::new(address, 6443);
        Self::at(format!("https://{server}"), "/etc/kubernetes")
    }

    /// The one at that URL, with the credentials of the admin.conf in that folder.
    pub fn at(server: impl Into<String>, folder: impl Into<String>) -> Self {
        Self { server: server.into(), folder: folder.into() }
    }
}

impl Fact for Readyz {
    type Value = bool;

    fn query(&self) -> Query {
        let stands_on = vec![Touch::Files(self.folder.clone()), Touch::Packages, Touch::Ports, Touch::Units];
        Query::new(KIND.name, [&self.server, &self.folder], stands_on).moving()
    }
}

pub(super) const KIND: Kind = Kind {
    name: "readyz",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [server, folder] if server.starts_with("https://") && folder.starts_with('/') => Ok(args.to_vec()),
        _ => Err("a URL and a folder are wanted".into()),
    },
    parse: |_, text| match text.trim() {
        "ok" => json(true),
        other => Err(format!("it says {other:?}")),
    },
};

// Nobody there is not ready. A server that is not ready says so with status 500, and lists why; one that knows another authority is none
// of ours.
static PROBE: Function = Function {
    name: "probe_readyz",
    text: r#"
probe_readyz() {
  id=$1
  take ls -d -- "$3/admin.conf" || { failed "$id"; return; }
  command -v kubectl >/dev/null || { r="there is no kubectl"; answer "$id" 1; return; }
  if ask_kubectl "$3/admin.conf" --server "$2" get --raw /readyz; then
    answer "$id" 0
    return
  fi
  case $err in
  *"readyz check failed"*|*"was refused"*|*"connection refused"*|*"no route to host"*) r=; answer "$id" 44 ;;
  *) r=$err; answer "$id" 1 ;;
  esac
}
"#,
    needs: &[&SHARE_OUT, &KUBECTL],
};
