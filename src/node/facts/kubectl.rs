//! kubectl(1), as it is asked on a control plane.

use super::once::ONCE;
use crate::node::script::Function;

/// `by_kubectl KUBECONFIG WORDS…` is kubectl with what has to be said each time: no place of its own in root's home, nobody's habits,
/// no lock of ours, and an end. `ask_kubectl KUBECONFIG WORDS…` is the same by [`ONCE`].
///
/// It asks for an API's groups anew, five times, where that cannot be reached; so it is bounded as a whole too.
pub(in crate::node) static KUBECTL: Function = Function {
    name: "ask_kubectl",
    text: r#"
by_kubectl() {
  kubeconfig=$1
  shift
  KUBERC=off timeout 60 kubectl --kubeconfig "$kubeconfig" --cache-dir /run/homelabctl/kubectl --request-timeout 20s "$@" 9>&-
}
ask_kubectl() {
  once by_kubectl "$@"
  case $st in 124|143) err="kubectl had no answer within 60 s" ;; esac
  return "$st"
}
"#,
    needs: &[&ONCE],
};
