//! kubectl(1) on a control plane, as facts and steps call it.

use super::script::Function;

/// `kubectl_for SECONDS KUBECONFIG WORDS…` is kubectl with what has to be said each time: no place of its own in root's home, nobody's
/// habits, no lock of ours; and an end after so many seconds, if that is not 0.
pub(super) static FOR: Function = Function {
    name: "kubectl_for",
    text: r#"
kubectl_for() {
  seconds=$1 kubeconfig=$2
  shift 2
  KUBERC=off timeout "$seconds" kubectl --kubeconfig "$kubeconfig" --cache-dir /run/homelabctl/kubectl "$@" 9>&-
}
"#,
    needs: &[],
};

/// `by_kubectl KUBECONFIG WORDS…` is kubectl for a question or a small change.
///
/// It asks for an API's groups anew, five times, where that cannot be reached; so it is bounded as a whole too.
pub(super) static BY_KUBECTL: Function = Function {
    name: "by_kubectl",
    text: r#"
by_kubectl() {
  asked_by=$1
  shift
  kubectl_for 60 "$asked_by" --request-timeout 20s "$@"
}
"#,
    needs: &[&FOR],
};

/// `kube WORDS…` is kubectl with the administrator's kubeconfig of the machine, for what may take its time: each request has an end.
pub(super) static ADMIN: Function = Function {
    name: "kube",
    text: r#"
kube() {
  kubectl_for 0 /etc/kubernetes/admin.conf --request-timeout 30s "$@"
}
"#,
    needs: &[&FOR],
};

/// `not_connected`: whether what ended with the complaint `$err` came to nobody, so that it has done nothing. An API server's answer about
/// somebody whom it did not reach itself says from whom it is.
pub(super) static NOT_CONNECTED: Function = Function {
    name: "not_connected",
    text: r#"
not_connected() {
  case $err in
    *"from server"*) return 1 ;;
    *"dial tcp"* | *" was refused - did you specify"*) ;;
    *) return 1 ;;
  esac
}
"#,
    needs: &[],
};

/// `kube_begin` makes a folder for what is asked (1 with the reason in `$r` where it is no control plane), `kube_ask WORDS…` asks: its
/// answer goes to `$r`, its complaint to `$err`; `kube_end` removes the folder, and keeps `$r` and `$err`.
///
/// While nobody is reached it asks again, for 40 s: the endpoint's address moves with a control plane, and a leader of etcd is elected in
/// less. Everything that is asked so may be asked twice.
pub(super) static KUBE: Function = Function {
    name: "kube_begin",
    text: r#"
kube_begin() {
  command -v kubectl >/dev/null || { r="there is no kubectl"; return 1; }
  [ -f /etc/kubernetes/admin.conf ] || { r="there is no /etc/kubernetes/admin.conf: it is no control plane"; return 1; }
  kube_dir=$(mktemp -d /run/.homelabctl-kubectl-XXXXXX) || { r="no folder can be made in /run"; return 1; }
}
kube_ask() {
  kube "$@" >"$kube_dir/out" 2>"$kube_dir/err" </dev/null
  st=$?
  r=$(cat "$kube_dir/out") err=$(cat "$kube_dir/err")
  if kube_is_away; then
    sleep 2
    kube_ask "$@"
    return
  fi
  away_since=
  [ "$st" -eq 0 ] || err=${err:-kubectl ended with status $st}
  return "$st"
}
kube_is_away() {
  [ "$st" -ne 0 ] || return 1
  if ! not_connected; then
    # a question that was not answered in time may be asked twice
    case $err in
      *"from server"*) return 1 ;;
      *"Client.Timeout"* | *"TLS handshake timeout"*) ;;
      *) return 1 ;;
    esac
  fi
  away_since=${away_since:-$(date +%s)}
  [ "$(($(date +%s) - away_since))" -lt 40 ]
}
kube_end() {
  rm -rf -- "$kube_dir"
}
"#,
    needs: &[&ADMIN, &NOT_CONNECTED],
};

/// `kube_unready FILE`: the DaemonSets and Deployments of a manifest that are not rolled out, a line each in `$r`; status 1 with `$err`
/// if the API does not tell. Pods of nodes whose kubelet tells nothing any more are not waited for: nobody knows of them.
pub(super) static UNREADY: Function = Function {
    name: "kube_unready",
    text: r#"
kube_unready() {
  silent=0 unready=
  kube_ask get nodes -o 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' || return 1
  for word in $r; do
    [ "$word" != Unknown ] || silent=$((silent + 1))
  done
  if ! kube_ask get --ignore-not-found -f "$1" --no-headers -o 'custom-columns=K:.kind,S:.metadata.namespace,N:.metadata.name,G:.metadata.generation,O:.status.observedGeneration,DW:.status.desiredNumberScheduled,DU:.status.updatedNumberScheduled,DA:.status.numberAvailable,W:.spec.replicas,U:.status.updatedReplicas,A:.status.availableReplicas'; then
    case $err in *"no matches for kind"*|*"(NotFound)"*) ;; *) return 1 ;; esac
  fi
  IFS=$nl
  for line in $r; do
    IFS=$ifs
    set -- $line
    case $1 in
    DaemonSet) wanted=$6 updated=$7 available=$8 spare=$silent ;;
    Deployment) wanted=$9 updated=${10} available=${11} spare=0 ;;
    *) continue ;;
    esac
    for word in wanted updated available; do
      eval "case \$$word in *[!0-9]*|'') $word=0 ;; esac"
    done
    [ "$4" = "$5" ] && [ "$updated" -ge $((wanted - spare)) ] && [ "$available" -ge $((wanted - spare)) ] ||
      unready="$unready$1 $2/$3: $available of $wanted pods ready, $updated up to date$nl"
  done
  IFS=$ifs
  r=${unready%"$nl"}
}
"#,
    needs: &[&KUBE],
};
