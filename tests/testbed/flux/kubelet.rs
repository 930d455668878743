//! What stands for kubelet, scheduler and controller manager: it runs the controllers that Deployments want, and tells how all are.

use super::cluster::now;
use super::controller::{Controller, Wanted, free_port};
use super::trouble::{Trouble, clear};
use crate::testbed::bed::Inner;
use crate::testbed::kubernetes::Asker;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How often it looks.
const LOOKS_EVERY: Duration = Duration::from_millis(150);

/// How soon a program that ended is started again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What its owner and it tell each other.
#[derive(Default)]
pub struct Shared {
    pub is_over: AtomicBool,
    /// What may not get ready.
    pub held: Mutex<BTreeMap<String, Trouble>>,
    pub running: Mutex<Vec<String>>,
}

pub struct Kubelet {
    inner: Arc<Inner>,
    asker: Asker,
    dir: PathBuf,
    programs: Vec<(String, PathBuf)>,
    shared: Arc<Shared>,
    /// Where notification-controller listens.
    events: Option<u16>,
    controllers: BTreeMap<String, Controller>,
    /// The Pods that say so.
    shown: BTreeMap<String, Trouble>,
}

impl Kubelet {
    pub fn new(inner: Arc<Inner>, asker: Asker, dir: PathBuf, programs: Vec<(String, PathBuf)>, shared: Arc<Shared>) -> Kubelet {
        let notifies = programs.iter().any(|(name, _)| name == "notification-controller");
        let events = free_port().ok().filter(|_| notifies);
        Kubelet { inner, asker, dir, programs, shared, events, controllers: BTreeMap::new(), shown: BTreeMap::new() }
    }

    /// Until its owner says that it is over. What the API server does not answer is asked again.
    pub fn run(mut self) {
        while !self.shared.is_over.load(Ordering::Relaxed) {
            if let Ok((200, listed)) = self.asker.ask("GET", "/apis/apps/v1/deployments", None) {
                let deployments = listed["items"].as_array().cloned().unwrap_or_default();
                self.keep(&deployments);
                for deployment in deployments {
                    self.tell_deployment(deployment);
                }
            }
            if let Ok((200, listed)) = self.asker.ask("GET", "/apis/apps/v1/daemonsets", None) {
                for daemon_set in listed["items"].as_array().cloned().unwrap_or_default() {
                    self.tell_daemon_set(daemon_set);
                }
            }
            *self.shared.running.lock().unwrap() = self.controllers.keys().cloned().collect();
            thread::sleep(LOOKS_EVERY);
        }
    }

    fn held(&self, name: &str) -> Option<Trouble> {
        self.shared.held.lock().unwrap().get(name).copied()
    }

    /// Makes the Pod that says why a Deployment does not get ready, or removes it.
    fn show(&mut self, deployment: &Value) {
        let text = |name: &str| deployment["metadata"][name].as_str().unwrap_or_default();
        let (namespace, name) = (text("namespace"), text("name"));
        let (held, key) = (self.held(name), format!("{namespace}/{name}"));
        if self.shown.get(&key).copied() == held {
            return;
        }
        if self.shown.remove(&key).is_some() {
            let _ = clear(&self.asker, namespace, name);
        }
        if let Some(trouble) = held {
            let _ = trouble.show(&self.asker, deployment);
            self.shown.insert(key, trouble);
        }
    }

    /// Runs what is wanted, and nothing else.
    fn keep(&mut self, deployments: &[Value]) {
        for (name, program) in self.programs.clone() {
            let deployment = deployments.iter().find(|one| one["metadata"]["name"] == *name && part_of_flux(one));
            let wanted = deployment.filter(|_| self.held(&name).is_none()).and_then(|one| Wanted::of(one, &self.asker));
            match (wanted, self.controllers.get_mut(&name)) {
                (None, _) => drop(self.controllers.remove(&name)),
                (Some(wanted), Some(runs)) if runs.wanted == wanted => {
                    // as on a cluster: started again when it ends, but not at once
                    if runs.has_ended() && runs.begun.elapsed() > AGAIN_AFTER {
                        self.controllers.remove(&name);
                        self.launch(&name, &program, wanted);
                    }
                }
                (Some(wanted), _) => {
                    self.controllers.remove(&name);
                    self.launch(&name, &program, wanted);
                }
            }
        }
    }

    fn launch(&mut self, name: &str, program: &Path, wanted: Wanted) {
        // what does not start is tried again in the next round
        if let Ok(started) = Controller::start(&self.inner, &self.asker, program, wanted, &self.dir.join(name), self.events) {
            self.controllers.insert(name.to_owned(), started);
        }
    }

    fn tell_deployment(&mut self, mut deployment: Value) {
        let name = deployment["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let has_program = part_of_flux(&deployment) && self.programs.iter().any(|(known, _)| *known == name);
        self.show(&deployment);
        let is_ready = self.held(&name).is_none()
            && (!has_program || self.controllers.get_mut(&name).is_some_and(|runs| !runs.has_ended() && runs.is_ready()));
        let replicas = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
        let condition = |kind: &str, status: &str, reason: &str| {
            let now = now();
            json!({"type": kind, "status": status, "reason": reason, "message": "", "lastUpdateTime": now, "lastTransitionTime": now})
        };
        let mut status = json!({"observedGeneration": deployment["metadata"]["generation"], "conditions": []});
        if replicas > 0 {
            status["replicas"] = replicas.into();
            status["updatedReplicas"] = replicas.into();
        }
        if is_ready || replicas == 0 {
            if replicas > 0 {
                status["readyReplicas"] = replicas.into();
                status["availableReplicas"] = replicas.into();
            }
            status["conditions"] = json!([
                condition("Available", "True", "MinimumReplicasAvailable"),
                condition("Progressing", "True", "NewReplicaSetAvailable"),
            ]);
        } else {
            status["unavailableReplicas"] = replicas.into();
            status["conditions"] = json!([
                condition("Available", "False", "MinimumReplicasUnavailable"),
                condition("Progressing", "True", "ReplicaSetUpdated"),
            ]);
        }
        self.tell("Deployment", "deployments", &mut deployment, status);
    }

    fn tell_daemon_set(&mut self, mut daemon_set: Value) {
        let name = daemon_set["metadata"]["name"].as_str().unwrap_or_default();
        let ready = u64::from(self.held(name).is_none());
        let status = json!({"observedGeneration": daemon_set["metadata"]["generation"], "currentNumberScheduled": 1, "numberMisscheduled": 0,
            "desiredNumberScheduled": 1, "numberReady": ready, "updatedNumberScheduled": 1, "numberAvailable": ready,
            "numberUnavailable": 1 - ready});
        self.tell("DaemonSet", "daemonsets", &mut daemon_set, status);
    }

    /// Writes a status that is not there; another one's change in between has it told in the next round.
    fn tell(&self, kind: &str, plural: &str, object: &mut Value, status: Value) {
        if timeless(&object["status"]) == timeless(&status) {
            return;
        }
        let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
        let path = format!("/apis/apps/v1/namespaces/{}/{plural}/{}/status", text("namespace"), text("name"));
        object["apiVersion"] = "apps/v1".into();
        object["kind"] = kind.into();
        object["status"] = status;
        let _ = self.asker.ask("PUT", &path, Some(object));
    }
}

/// Other people's Deployments may be called the same.
fn part_of_flux(deployment: &Value) -> bool {
    deployment["metadata"]["labels"]["app.kubernetes.io/part-of"] == "flux"
}

/// A status without what the API server leaves out or what differs each time.
fn timeless(status: &Value) -> Value {
    let mut status = status.clone();
    for condition in status["conditions"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        condition.retain(|name, _| !["message", "lastUpdateTime", "lastTransitionTime"].contains(&name.as_str()));
    }
    if let Some(fields) = status.as_object_mut() {
        fields.retain(|_, value| *value != 0);
    }
    status
}
