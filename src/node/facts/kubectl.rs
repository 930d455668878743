//! kubectl(1), as it is asked for a fact.

use super::once::ONCE;
use crate::node::kubectl::BY_KUBECTL;
use crate::node::script::Function;

/// `ask_kubectl KUBECONFIG WORDS…` is [`BY_KUBECTL`] by [`ONCE`].
pub(in crate::node) static KUBECTL: Function = Function {
    name: "ask_kubectl",
    text: r#"
ask_kubectl() {
  once by_kubectl "$@"
  case $st in 124|143) err="kubectl had no answer within 60 s" ;; esac
  return "$st"
}
"#,
    needs: &[&BY_KUBECTL, &ONCE],
};
