//! Pods that ask each other across the nodes, by their addresses, by name and through a Service: kubectl(1) on a control plane.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::facts::NETWORK_CHECKED;
use crate::node::kubectl::KUBE;
use crate::node::script::Function;
use crate::plan::Touch;

/// The namespace that is made for it, and removed after.
const NAMESPACE: &str = "homelabctl-network-check";
const PORT: u16 = 8080;

/// A pod on each of the nodes answers with its node's name; each asks all of them, the Service of all by its name in DNS, and the
/// Service by its address. What was made for it is removed, however it ends; if it ends well that is noted in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckNetwork {
    /// The nodes.
    pub nodes: Vec<String>,
    /// The pods' image: with sh, wget, and httpd or nc.
    pub image: String,
    /// The domain of services.
    pub domain: String,
    /// What is noted: hexadecimal digits.
    pub note: String,
    /// How long it is waited at most for the pods, and for each answer, in seconds.
    pub timeout: u32,
}

/// What a pod does: answers with the name of its node, which is its argument.
const ANSWERS: &str = r#"mkdir -p /tmp/www && cd /tmp/www && printf '%s' "$1" >node || exit 1
if command -v httpd >/dev/null; then exec httpd -f -p 8080 -h /tmp/www; fi
while :; do printf 'HTTP/1.0 200 OK\r\nContent-Length: %s\r\n\r\n%s' "${#1}" "$1" | nc -l -p 8080 >/dev/null; done"#;

/// What is run in each pod: how often it is tried, the Service's name and address, then `node=address` of each pod. Of an answer that
/// does not come a line is said.
const ASKS: &str = r#"tries=$1 name=$2 service=$3
shift 3
asked() {
  n=0
  while [ "$n" -lt "$tries" ]; do
    # not by wget's own -T: with that Debian's busybox crashes
    wget -q -O - "http://$1:8080/node" >/tmp/said 2>&1 &
    asking=$!
    { sleep 8; kill "$asking"; } >/dev/null 2>&1 &
    watching=$!
    wait "$asking"
    ended=$?
    kill "$watching" 2>/dev/null
    said=$(cat /tmp/said)
    [ "$ended" -eq 0 ] && [ -n "$said" ] && { [ -z "$2" ] || [ "$said" = "$2" ]; } && return 0
    n=$((n + 1))
    sleep 1
  done
  return 1
}
for pod; do
  asked "${pod#*=}" "${pod%%=*}" || echo "does not reach the pod on ${pod%%=*} (${pod#*=}): ${said:-no answer}"
done
asked "$service" '' || echo "does not reach the Service $service: ${said:-no answer}"
asked "$name" '' || echo "does not reach the Service by its name $name: ${said:-no answer}"
"#;

/// objects, namespace, name of the Service, seconds, note, annotation, what is run in a pod, its tries.
const CHECK: Function = Function {
    name: "s_check_network",
    needs: &[&FAIL, &KUBE],
    text: r#"s_check_network_gone() {
  kube --request-timeout 200s delete namespace "$@" --ignore-not-found >/dev/null 2>"$kube_dir/gone" </dev/null 9>&-
}
s_check_network() (
  objects=$1 space=$2 service=$3 patience=$4 note=$5 annotation=$6 asks=$7 tries=$8
  kube_begin || s_fail "$r"
  trap 'exit 1' HUP INT TERM
  # of a run that was cut
  s_check_network_gone "$space" --timeout 180s || { gone=$(cat "$kube_dir/gone"); kube_end; s_fail "the namespace $space of an earlier check does not go away: $gone"; }
  printf '%s\n' "$objects" >"$kube_dir/objects"
  tried=1
  until kube_ask apply --server-side --field-manager homelabctl -f "$kube_dir/objects" 9>&-; do
    case $tried$err in
    # a namespace has its service account a moment later
    [1-9]"Error"*|[1-2][0-9]"Error"*) case $err in *"service account"*) tried=$((tried + 1)); sleep 1; continue ;; esac ;;
    esac
    said=$err
    s_check_network_gone "$space" --wait=false; kube_end; s_fail "$said"
  done
  kube_ask -n kube-system --request-timeout 0 rollout status deployment/coredns --timeout "${patience}s" 9>&- ||
    { said="CoreDNS is not ready: $err"; s_check_network_gone "$space" --wait=false; kube_end; s_fail "$said"; }
  if ! kube_ask -n "$space" --request-timeout 0 wait --for=condition=Ready pods --all --timeout "${patience}s" 9>&-; then
    said=$err
    kube_ask -n "$space" get pods -o wide 9>&-
    said="the pods are not ready: $said$nl$r"
    kube_ask -n "$space" get events --field-selector type=Warning -o 'custom-columns=POD:.involvedObject.name,WHY:.message' --no-headers 9>&-
    said="$said$nl$r"
    s_check_network_gone "$space" --wait=false; kube_end; s_fail "$said"
  fi
  kube_ask -n "$space" get service/all -o 'jsonpath={.spec.clusterIP}' 9>&- && address=$r &&
    kube_ask -n "$space" get pods -o 'jsonpath={range .items[*]}{.metadata.name} {.spec.nodeName} {.status.podIP}{"\n"}{end}' 9>&- ||
    { said=$err; s_check_network_gone "$space" --wait=false; kube_end; s_fail "$said"; }
  pods=$r wrong=
  case $address in *:*) address="[$address]" ;; esac
  set --
  IFS=$nl
  for line in $pods; do
    IFS=$ifs
    ip=${line##* } node=${line#* }
    case $ip in *:*) ip="[$ip]" ;; esac
    set -- "$@" "${node%% *}=$ip"
  done
  IFS=$nl
  for line in $pods; do
    IFS=$ifs
    node=${line#* } node=${node%% *}
    if kube_ask -n "$space" --request-timeout 0 exec "${line%% *}" -- /bin/sh -c "$asks" sh "$tries" "$service" "$address" "$@" 9>&-; then
      [ -z "$r" ] || wrong="$wrong$(printf '%s\n' "$r" | sed "s/^/a pod on $node /")$nl"
    else wrong="${wrong}a pod on $node cannot be asked: $err$nl"
    fi
  done
  IFS=$ifs
  # that it goes is the controllers' work, and says nothing of the network: the next check waits for it
  s_check_network_gone "$space" --wait=false || wrong="${wrong}the namespace $space cannot be removed: $(cat "$kube_dir/gone")$nl"
  [ -z "$wrong" ] || { kube_end; s_fail "${wrong%"$nl"}"; }
  kube_ask annotate --overwrite namespace kube-system "$annotation=$note" 9>&- || { said=$err; kube_end; s_fail "$said"; }
  kube_end
)"#,
};

impl CheckNetwork {
    fn objects(&self) -> Value {
        let metadata = |name: &str| json!({"name": name, "namespace": NAMESPACE, "labels": {"app": "network-check"}});
        let mut items = vec![
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}),
            json!({
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": metadata("all"),
                "spec": {"selector": {"app": "network-check"}, "ports": [{"name": "http", "port": PORT, "targetPort": PORT, "protocol": "TCP"}]},
            }),
        ];
        for (index, node) in self.nodes.iter().enumerate() {
            items.push(json!({
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": metadata(&format!("on-{index}")),
                "spec": {
                    "nodeName": node,
                    "tolerations": [{"operator": "Exists"}],
                    "automountServiceAccountToken": false,
                    // the namespace's own may not be made yet
                    "serviceAccountName": "default",
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{
                        "name": "answers",
                        "image": self.image,
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["/bin/sh", "-c", ANSWERS, "sh", node],
                        "readinessProbe": {"httpGet": {"path": "/node", "port": PORT}, "periodSeconds": 2, "timeoutSeconds": 5},
                    }],
                },
            }));
        }
        json!({"apiVersion": "v1", "kind": "List", "items": items})
    }
}

impl Action for CheckNetwork {
    fn call(&self) -> Call {
        let service = format!("all.{NAMESPACE}.svc.{}", self.domain);
        // a name that is not there yet is remembered as such for some seconds
        let tries = (self.timeout / 10).clamp(3, 60).to_string();
        let words =
            [&self.objects().to_string(), NAMESPACE, &service, &self.timeout.to_string(), &self.note, NETWORK_CHECKED, ASKS, &tries];
        Call::new(&CHECK, words)
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Files("/etc/kubernetes".into()), Touch::Network, Touch::Mounts]
    }

    fn describe(&self) -> String {
        format!("have pods on {} nodes ask each other", self.nodes.len())
    }

    fn is_watched(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), Invalid> {
        check::text("image", &self.image)?;
        check::text("domain", &self.domain)?;
        let is_note = !self.note.is_empty() && self.note.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_note { Ok(()) } else { check::refuse("note", &self.note, "is none") }
    }
}
