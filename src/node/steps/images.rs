//! Images for containerd, from an archive or a registry: ctr(8), crictl(1).

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Imports all images of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportImages {
    /// Where it is on the machine.
    pub path: String,
}

/// Pulls those images that are not there, as the kubelet would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullImages {
    /// Which.
    pub names: Vec<String>,
}

const IMPORT: Function = Function {
    name: "s_import_images",
    needs: &[&FAIL],
    text: r#"s_import_images() (
  command -v ctr >/dev/null || s_fail "there is no ctr"
  ctr -n k8s.io images import "$1" 9>&-
)"#,
};

/// Names. All are tried, and what did not come is told of each.
const PULL: Function = Function {
    name: "s_pull_images",
    needs: &[&FAIL],
    text: r#"s_pull_images() (
  command -v crictl >/dev/null || s_fail "there is no crictl"
  there=$(ctr -n k8s.io images ls -q 9>&-) || exit 1
  there="
$there
" missing=
  for image do
    case $there in *"
$image
"*) continue ;; esac
    crictl --config /dev/null --image-endpoint unix:///run/containerd/containerd.sock --runtime-endpoint unix:///run/containerd/containerd.sock \
      --timeout 900s pull "$image" 9>&- || missing="$missing $image"
  done
  [ -z "$missing" ] || s_fail "not pulled:$missing"
)"#,
};

fn touches() -> Vec<Touch> {
    vec![Touch::Files("/var/lib/containerd".into())]
}

impl Action for ImportImages {
    fn call(&self) -> Call {
        Call::new(&IMPORT, [&self.path])
    }

    fn touches(&self) -> Vec<Touch> {
        touches()
    }

    fn describe(&self) -> String {
        "import the images of the archive".into()
    }

    fn is_watched(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), Invalid> {
        check::text("path", &self.path)
    }
}

impl Action for PullImages {
    fn call(&self) -> Call {
        Call::new(&PULL, &self.names)
    }

    fn touches(&self) -> Vec<Touch> {
        touches()
    }

    fn describe(&self) -> String {
        format!("pull {} images", self.names.len())
    }

    fn is_watched(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), Invalid> {
        self.names.iter().try_for_each(|name| check::text("image", name))
    }
}
