//! Why a pod does not run: its conditions, its containers, the warnings of its namespace, its node.

use serde_json::Value;

use super::super::fields::{condition, each, number, text};
use super::tree::Tree;
use super::verdict::{dialled, looked_up};

/// Warnings that say why a pod does not start, the most telling first.
const TELLING: &[&str] =
    &["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedMapVolume", "InspectFailed", "Failed", "Unhealthy"];

/// What is known around a pod: the warnings of its namespace, and the nodes, as far as they were read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Around<'a> {
    pub(super) warnings: &'a [Value],
    pub(super) nodes: &'a [Value],
}

/// Why a pod does not run. One that is well, or that ended well, tells nothing of it and is not to be asked.
pub(super) fn judge(pod: &Value, around: Around<'_>) -> Tree {
    let (namespace, name, node) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"), text(pod, "/spec/nodeName"));
    let what = if node.is_empty() { format!("Pod {name}") } else { format!("Pod {name} on {node}") };
    let describe = format!("kubectl -n {namespace} describe pod {name}");
    let told = |said: String, next: String| Tree::leaf(what.clone(), said, Some(next));

    if let Some(scheduled) = condition(pod, "PodScheduled").filter(|scheduled| scheduled.status == "False") {
        let (said, next) = unscheduled(scheduled.message, namespace);
        return told(said, next);
    }
    // what a node that is gone said last is old news
    if let Some(leaf) = around.nodes.iter().find(|seen| text(seen, "/metadata/name") == node).and_then(node_not_ready) {
        return Tree { what, said: "its node is not ready".into(), children: vec![leaf], next: Some(describe) };
    }
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        return told("it is being deleted, and does not end".into(), describe);
    }
    if let Some((said, next)) = containers(pod).find_map(|container| container_trouble(container, pod, around.warnings)) {
        return told(said, next);
    }
    if let Some(warning) = telling(pod, around.warnings) {
        let (reason, message) = (text(warning, "/reason"), text(warning, "/message"));
        return told(format!("{reason}: {}", mount_words(message)), warned(reason, message, node).unwrap_or(describe));
    }
    match text(pod, "/status/phase") {
        "Failed" => {
            let (reason, message) = (text(pod, "/status/reason"), text(pod, "/status/message"));
            told(format!("it failed: {} {message}", if reason.is_empty() { "no reason given" } else { reason }).trim().to_owned(), describe)
        }
        "Running" => told("it runs, and is not ready".into(), format!("kubectl -n {namespace} logs {name}")),
        phase => told(format!("it is {}", if phase.is_empty() { "nowhere yet" } else { phase }), describe),
    }
}

/// Why the scheduler has no node for it.
fn unscheduled(message: &str, namespace: &str) -> (String, String) {
    let next = if message.contains("PersistentVolumeClaim") || message.contains("persistentvolumeclaim") {
        format!("kubectl -n {namespace} get persistentvolumeclaims")
    } else if message.contains("untolerated taint") || message.contains("unschedulable") {
        "kubectl get nodes -o custom-columns=NAME:.metadata.name,UNSCHEDULABLE:.spec.unschedulable,TAINTS:.spec.taints".into()
    } else {
        "kubectl describe nodes".into()
    };
    // what could be evicted does not matter to who waits
    let message = message.split(" preemption:").next().unwrap_or(message);
    (format!("no node takes it: {message}"), next)
}

/// The leaf of a node, if that is not ready.
pub(super) fn node_not_ready(node: &Value) -> Option<Tree> {
    let ready = condition(node, "Ready");
    if ready.is_some_and(|ready| ready.status == "True") {
        return None;
    }
    let name = text(node, "/metadata/name");
    let said = match ready {
        Some(ready) if ready.status == "Unknown" => format!("its kubelet does not answer: {}", ready.message),
        Some(ready) => ready.message.to_owned(),
        None => "its kubelet has never answered".into(),
    };
    Some(Tree::leaf(format!("Node {name}"), said, Some(format!("kubectl describe node {name}"))))
}

/// A container's status, with its name, init containers first: the others wait for them.
fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    each(pod, "/status/initContainerStatuses").chain(each(pod, "/status/containerStatuses"))
}

fn container_trouble(container: &Value, pod: &Value, warnings: &[Value]) -> Option<(String, String)> {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    let of = text(container, "/name");
    let (reason, message) = (text(container, "/state/waiting/reason"), text(container, "/state/waiting/message"));
    let logs = |previous: &str| format!("kubectl -n {namespace} logs {name} -c {of}{previous}");
    match reason {
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" | "ImageInspectError" | "RegistryUnavailable" => {
            // the kubelet says why only now and then, and its events say it always
            let pulling = warnings
                .iter()
                .rev()
                .find(|warning| is_about(warning, pod) && text(warning, "/message").starts_with("Failed to pull image"));
            let says_why = message.contains(": ") && (reason != "ImagePullBackOff" || message.contains("ErrImagePull"));
            let words = if says_why { message } else { pulling.map_or(message, |pulling| text(pulling, "/message")) };
            let image = text(container, "/image");
            Some((format!("image {image} is not pulled: {}", registry_words(words)), image_next(words, image, pod)))
        }
        "CrashLoopBackOff" => {
            let last = ended(container, "/lastState/terminated");
            let restarts = number(container, "/restartCount");
            Some((format!("container {of} {last}; restarts: {restarts}"), logs(" --previous")))
        }
        "CreateContainerConfigError" => {
            let missing = ["secret", "configmap"].iter().find_map(|kind| {
                let name = message.split_once(&format!("{kind} \""))?.1.split('"').next()?;
                Some(format!("kubectl -n {namespace} get {kind} {name}"))
            });
            let next = missing.unwrap_or_else(|| format!("kubectl -n {namespace} describe pod {name}"));
            Some((format!("container {of} is not made: {message}"), next))
        }
        "CreateContainerError" | "RunContainerError" | "PreStartHookError" | "PostStartHookError" => {
            Some((format!("container {of} does not start: {message}"), format!("kubectl -n {namespace} describe pod {name}")))
        }
        _ => {
            let failed = container.pointer("/state/terminated/exitCode").and_then(Value::as_i64).is_some_and(|code| code != 0);
            failed.then(|| (format!("container {of} {}", ended(container, "/state/terminated")), logs("")))
        }
    }
}

/// How a container ended. Its log is not read: nobody knows what it prints.
fn ended(container: &Value, at: &str) -> String {
    let Some(ended) = container.pointer(at) else { return "ends again and again".into() };
    let (code, reason, message) = (number(ended, "/exitCode"), text(ended, "/reason"), text(ended, "/message"));
    let reason = match reason {
        "OOMKilled" => " (OOMKilled: it needs more memory than its limit)".to_owned(),
        "" | "Error" | "Completed" => String::new(),
        reason => format!(" ({reason})"),
    };
    let message = if message.is_empty() { String::new() } else { format!(": {}", message.trim()) };
    format!("ended with exit code {code}{reason}{message}")
}

/// What the registry said, without what the runtime wraps around it.
fn registry_words(message: &str) -> &str {
    let resolving = message.rsplit_once("failed to resolve reference \"").and_then(|(_, rest)| rest.split_once("\": "));
    let last = ["failed to resolve image: ", "ErrImagePull: "].into_iter().find_map(|mark| message.rsplit_once(mark));
    resolving.or(last).map_or(message, |(_, rest)| rest)
}

fn image_next(words: &str, image: &str, pod: &Value) -> String {
    let (namespace, name, node) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"), text(pod, "/spec/nodeName"));
    let has = |words_of: &[&str]| words_of.iter().any(|word| words.contains(word));
    let registry = image.split('/').next().filter(|host| host.contains(['.', ':'])).unwrap_or("registry-1.docker.io");
    if let Some((host, _)) = looked_up(words) {
        // it is the node's resolver that is asked here, not the cluster's DNS
        format!("ssh {node} getent hosts {host}")
    } else if has(&["unauthorized", "authorization failed", "denied", "401 ", "403 ", "no basic auth"]) {
        match text(pod, "/metadata/labels/app.kubernetes.io~1part-of") {
            "flux" => "homelabctl bootstrap --image-pull-secret NAME".into(),
            _ => format!("kubectl -n {namespace} get pod {name} -o jsonpath='{{.spec.imagePullSecrets}}'"),
        }
    } else if dialled(words).is_some() || has(&["x509:", "tls: ", "deadline exceeded", "proxyconnect"]) {
        format!("ssh {node} curl -sSI https://{registry}/v2/")
    } else {
        format!("kubectl -n {namespace} describe pod {name}")
    }
}

fn is_about(warning: &Value, pod: &Value) -> bool {
    text(warning, "/involvedObject/kind") == "Pod" && text(warning, "/involvedObject/name") == text(pod, "/metadata/name")
}

/// The warning that says most of why a pod does not start; of several, the last one.
fn telling<'a>(pod: &Value, warnings: &'a [Value]) -> Option<&'a Value> {
    let about = || warnings.iter().rev().filter(|warning| is_about(warning, pod));
    TELLING.iter().find_map(|reason| about().find(|warning| text(warning, "/reason") == *reason))
}

/// A failed mount in the words of who failed: `mount failed: exit status 32 … Output: mount: …` says it after `Output:`.
fn mount_words(message: &str) -> &str {
    message.rsplit_once("Output: ").map_or(message, |(_, output)| output).trim()
}

/// What to do about a warning, where there is something better than to look at the pod.
fn warned(reason: &str, message: &str, node: &str) -> Option<String> {
    let lower = message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    match reason {
        // open-iscsi, nfs-common and the like are what the playbooks prepare a node with
        "FailedMount" | "FailedAttachVolume"
            if has(&["iscsi", "/sbin/mount.", "nfs-common", "mount.nfs", "cryptsetup", "unknown filesystem"]) =>
        {
            Some(format!("homelabctl provision --limit {node}"))
        }
        "FailedMount" if has(&["object \"", "configmap \"", "secret \""]) => None,
        "FailedCreatePodSandBox" if has(&["cni", "network", "plugin"]) => {
            Some(format!("kubectl -n kube-system get pods -o wide --field-selector spec.nodeName={node}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: Value) -> Value {
        json!({"kind": "Pod", "metadata": {"name": "p", "namespace": "n"}, "spec": {"nodeName": "w2"}, "status": status})
    }

    fn waiting(reason: &str, message: &str) -> Value {
        pod(json!({"phase": "Pending", "containerStatuses": [{"name": "manager", "image": "ghcr.io/fluxcd/source-controller:v1.9.4",
            "state": {"waiting": {"reason": reason, "message": message}}, "restartCount": 5}]}))
    }

    fn alone(pod: &Value) -> (String, String) {
        let tree = judge(pod, Around::default());
        (tree.said.clone(), tree.next().concat())
    }

    fn warning(reason: &str, message: &str) -> Value {
        json!({"reason": reason, "message": message, "involvedObject": {"kind": "Pod", "name": "p"}})
    }

    #[test]
    fn an_image_that_is_not_pulled() {
        let lookup = "Back-off pulling image \"ghcr.io/fluxcd/source-controller:v1.9.4\": ErrImagePull: failed to pull and unpack image \
                      \"ghcr.io/fluxcd/source-controller:v1.9.4\": failed to resolve reference \"ghcr.io/fluxcd/source-controller:v1.9.4\": \
                      failed to do request: Head \"https://ghcr.io/v2/fluxcd/source-controller/manifests/v1.9.4\": dial tcp: lookup ghcr.io on \
                      192.168.1.1:53: no such host";
        let (said, next) = alone(&waiting("ImagePullBackOff", lookup));
        assert!(said.starts_with("image ghcr.io/fluxcd/source-controller:v1.9.4 is not pulled: failed to do request: Head"), "{said}");
        assert_eq!(next, "ssh w2 getent hosts ghcr.io");
        let denied = "failed to pull and unpack image \"x\": failed to resolve reference \"x\": unexpected status: 403 Forbidden: denied";
        let (said, next) = alone(&waiting("ErrImagePull", denied));
        assert!(said.ends_with("is not pulled: unexpected status: 403 Forbidden: denied"));
        assert_eq!(next, "kubectl -n n get pod p -o jsonpath='{.spec.imagePullSecrets}'");
        let timeout = "failed to resolve reference \"x\": failed to do request: Head \"x\": dial tcp 140.82.121.33:443: i/o timeout";
        assert_eq!(alone(&waiting("ErrImagePull", timeout)).1, "ssh w2 curl -sSI https://ghcr.io/v2/");
        let absent = "failed to resolve reference \"x\": ghcr.io/fluxcd/source-controller:v1.9.4: not found";
        assert_eq!(alone(&waiting("ErrImagePull", absent)).1, "kubectl -n n describe pod p");
        // an older kubelet says why in its events only
        let seen = [warning("Failed", &format!("Failed to pull image \"x\": {timeout}"))];
        let around = Around { warnings: &seen, nodes: &[] };
        let tree = judge(&waiting("ImagePullBackOff", "Back-off pulling image \"x\""), around);
        assert!(tree.said.ends_with("dial tcp 140.82.121.33:443: i/o timeout"), "{}", tree.said);
    }

    #[test]
    fn a_container_that_ends() {
        let mut object = waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container");
        object["status"]["containerStatuses"][0]["lastState"] = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        let (said, next) = alone(&object);
        assert_eq!(said, "container manager ended with exit code 137 (OOMKilled: it needs more memory than its limit); restarts: 5");
        assert_eq!(next, "kubectl -n n logs p -c manager --previous");
        let (said, next) = alone(&waiting("CreateContainerConfigError", "secret \"sops-age\" not found"));
        assert_eq!(
            (said.as_str(), next.as_str()),
            ("container manager is not made: secret \"sops-age\" not found", "kubectl -n n get secret sops-age")
        );
        let init = pod(
            json!({"phase": "Pending", "initContainerStatuses": [{"name": "wait", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}),
        );
        assert_eq!(alone(&init).0, "container wait ended with exit code 1");
    }

    #[test]
    fn no_node_takes_it() {
        let unscheduled = |message: &str| {
            alone(&pod(json!({"phase": "Pending",
                "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]})))
        };
        let (said, next) = unscheduled(
            "0/3 nodes are available: 3 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }. preemption: 0/3 nodes are available",
        );
        assert_eq!(
            said,
            "no node takes it: 0/3 nodes are available: 3 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }."
        );
        assert!(next.contains("TAINTS"));
        assert_eq!(unscheduled("0/3 nodes are available: 3 Insufficient cpu.").1, "kubectl describe nodes");
        assert!(unscheduled("pod has unbound immediate PersistentVolumeClaims").1.ends_with("persistentvolumeclaims"));
    }

    #[test]
    fn a_mount_that_fails_is_told_by_the_events() {
        let creating = waiting("ContainerCreating", "");
        let seen = [warning("Unhealthy", "x"), warning("FailedMount", "iscsid is not running")];
        let tree = judge(&creating, Around { warnings: &seen, nodes: &[] });
        assert_eq!((tree.what.as_str(), tree.said.as_str()), ("Pod p on w2", "FailedMount: iscsid is not running"));
        assert_eq!(tree.next(), ["homelabctl provision --limit w2"]);
        let seen = [warning(
            "FailedMount",
            "MountVolume.SetUp failed for volume \"x\" : mount failed: exit status 32 Output: mount: bad option; \
                                            you might need a /sbin/mount.<type> helper program.",
        )];
        let tree = judge(&creating, Around { warnings: &seen, nodes: &[] });
        assert_eq!(tree.said, "FailedMount: mount: bad option; you might need a /sbin/mount.<type> helper program.");
        let seen = [warning("FailedMount", "MountVolume.SetUp failed for volume \"x\" : secret \"webhook-tls\" not found")];
        assert_eq!(judge(&creating, Around { warnings: &seen, nodes: &[] }).next(), ["kubectl -n n describe pod p"]);
        assert_eq!(alone(&creating).0, "it is Pending");
    }

    #[test]
    fn a_node_that_is_gone() {
        let nodes = [json!({"metadata": {"name": "w2"}, "status": {"conditions": [
            {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}]}})];
        let tree = judge(&waiting("ContainerCreating", ""), Around { warnings: &[], nodes: &nodes });
        assert_eq!(tree.children[0].said, "its kubelet does not answer: Kubelet stopped posting node status.");
        assert_eq!(tree.next(), ["kubectl describe node w2"]);
    }
}
