//! Images that containerd has for Kubernetes: ctr(8), and kubeadm(1) for those of a version.

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Which images of these are not there: those that kubeadm wants for a version of Kubernetes, and others. They go by themselves when
/// room is needed.
///
/// Unknown: containerd does not answer; there is no kubeadm, and a version is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingImages {
    version: String,
    names: Vec<String>,
}

impl MissingImages {
    /// Of those that kubeadm wants for that version (`v1.34.2`; none if it is empty), and of these.
    pub fn new(version: &str, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { version: version.into(), names: names.into_iter().map(Into::into).collect() }
    }
}

impl Fact for MissingImages {
    /// In the order in which they are asked for, kubeadm's first.
    type Value = Vec<String>;

    fn query(&self) -> Query {
        let args = std::iter::once(&self.version).chain(&self.names);
        Query::new(KIND.name, args, vec![Touch::Files("/var/lib/containerd".into()), Touch::Packages, Touch::Units]).moving()
    }
}

pub(super) const KIND: Kind = Kind {
    name: "missing_images",
    function: &PROBE,
    merged: false,
    words: |args| if args.is_empty() { Err("a version is wanted".into()) } else { Ok(args.to_vec()) },
    parse: |_, text| json(text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>()),
};

// ctr names each as it was pulled or imported, docker.io's with their host
static PROBE: Function = Function {
    name: "probe_missing_images",
    text: r#"
probe_missing_images() {
  id=$1 version=$2
  shift 2
  wanted=
  if [ -n "$version" ]; then
    command -v kubeadm >/dev/null || { r="there is no kubeadm"; answer "$id" 1; return; }
    take kubeadm config images list --kubernetes-version "$version" || { r=$err; answer "$id" 1; return; }
    wanted=$r
  fi
  for image do wanted=$wanted$nl$image; done
  command -v ctr >/dev/null || { r="there is no ctr to ask containerd by"; answer "$id" 1; return; }
  take timeout 60 ctr -n k8s.io images ls -q || { r=$err; answer "$id" 1; return; }
  there=$nl$r$nl missing=
  IFS=$nl
  for image in $wanted; do
    case $there in *"$nl$image$nl"*) ;; *) missing=$missing$image$nl ;; esac
  done
  IFS=$ifs
  r=${missing%"$nl"}
  answer "$id" 0
}
"#,
    needs: &[],
};
