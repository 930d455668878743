//! A Deployment that does not get ready, as a cluster shows it: a ReplicaSet, and a Pod that says why.

use super::cluster::now;
use crate::testbed::error::Result;
use crate::testbed::kubernetes::Asker;
use serde_json::{Value, json};

/// Why it does not get ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody says: there is no Pod.
    Unknown,
    /// Its image cannot be pulled.
    ImagePull,
    /// No Node has room for it.
    Pending,
    /// Its program ends again and again.
    CrashLoop,
}

impl Trouble {
    /// The status of its Pod.
    fn status(self, container: &str, image: &str) -> Option<Value> {
        let condition = |kind: &str, is: bool, reason: &str, message: &str| {
            let status = if is { "True" } else { "False" };
            json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": now()})
        };
        let waits = |phase: &str, reason: &str, message: String, ended: Value, restarts: u32| {
            let names = format!("containers with unready status: [{container}]");
            let conditions = [("PodScheduled", true), ("Initialized", true), ("ContainersReady", false), ("Ready", false)];
            let unready = |is: bool| if is { ("", "") } else { ("ContainersNotReady", names.as_str()) };
            let conditions = conditions.map(|(kind, is)| condition(kind, is, unready(is).0, unready(is).1));
            json!({"phase": phase, "conditions": conditions, "containerStatuses": [{
                "name": container, "image": image, "imageID": "", "ready": false, "started": false, "restartCount": restarts,
                "state": {"waiting": {"reason": reason, "message": message}}, "lastState": ended}]})
        };
        Some(match self {
            Trouble::Unknown => return None,
            Trouble::ImagePull => {
                let message =
                    format!("Back-off pulling image \"{image}\": ErrImagePull: failed to pull and unpack image \"{image}\": not found");
                waits("Pending", "ImagePullBackOff", message, json!({}), 0)
            }
            Trouble::Pending => {
                let message = "0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate, preemption: 0/1 nodes are \
                               available: 1 No preemption victims found for incoming pod.";
                json!({"phase": "Pending", "conditions": [condition("PodScheduled", false, "Unschedulable", message)]})
            }
            Trouble::CrashLoop => {
                let ended = json!({"terminated": {"exitCode": 1, "reason": "Error", "startedAt": now(), "finishedAt": now()}});
                let message = format!("back-off 40s restarting failed container={container}");
                waits("Running", "CrashLoopBackOff", message, ended, 3)
            }
        })
    }

    /// Makes the ReplicaSet and the Pod of a Deployment.
    pub fn show(self, asker: &Asker, deployment: &Value) -> Result<()> {
        let (namespace, name) = (&deployment["metadata"]["namespace"], deployment["metadata"]["name"].as_str().unwrap_or_default());
        let (replica_set, pod) = names(name);
        let mut template = deployment["spec"]["template"].clone();
        let container = template["spec"]["containers"][0].clone();
        let text = |field: &str| container[field].as_str().unwrap_or_default();
        let Some(status) = self.status(text("name"), text("image")) else { return Ok(()) };
        template["metadata"]["labels"]["pod-template-hash"] = HASH.into();
        // a quota whose use nobody counts lets no Pod of a priority in
        if let Some(spec) = template["spec"].as_object_mut() {
            spec.remove("priorityClassName");
            if self != Trouble::Pending {
                spec.insert("nodeName".into(), "cp1".into());
            }
        }
        let labels = template["metadata"]["labels"].clone();
        let owner = |kind: &str, of: &Value| {
            json!([{"apiVersion": "apps/v1", "kind": kind, "name": of["metadata"]["name"], "uid": of["metadata"]["uid"],
                "controller": true, "blockOwnerDeletion": true}])
        };
        let metadata =
            |name: &str, owners: Value| json!({"name": name, "namespace": namespace, "labels": labels, "ownerReferences": owners});
        let mut set_template = template.clone();
        if let Some(spec) = set_template["spec"].as_object_mut() {
            spec.remove("nodeName");
        }
        let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata(&replica_set, owner("Deployment", deployment)),
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": set_template}});
        let [sets, pods] = paths(namespace.as_str().unwrap_or_default());
        let (_, set) = asker.ask("POST", &sets, Some(&set))?;
        let made =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata(&pod, owner("ReplicaSet", &set)), "spec": template["spec"]});
        let (_, mut made) = asker.ask("POST", &pods, Some(&made))?;
        made["status"] = status;
        asker.ask("PUT", &format!("{pods}/{pod}/status"), Some(&made)).map(drop)
    }
}

/// Removes what [`Trouble::show`] made.
pub fn clear(asker: &Asker, namespace: &str, deployment: &str) -> Result<()> {
    let ((replica_set, pod), [sets, pods]) = (names(deployment), paths(namespace));
    asker.ask("DELETE", &format!("{sets}/{replica_set}"), None)?;
    // nobody else would end it
    asker.ask("DELETE", &format!("{pods}/{pod}"), Some(&json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})))?;
    Ok(())
}

const HASH: &str = "7d9f8b5c6d";

fn names(deployment: &str) -> (String, String) {
    (format!("{deployment}-{HASH}"), format!("{deployment}-{HASH}-x2k4q"))
}

fn paths(namespace: &str) -> [String; 2] {
    [format!("/apis/apps/v1/namespaces/{namespace}/replicasets"), format!("/api/v1/namespaces/{namespace}/pods")]
}
