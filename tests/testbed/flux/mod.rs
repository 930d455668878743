//! Flux on a bed: its real controllers as processes beside a real kube-apiserver, what a kubelet would tell of them, and the real CLI.
//!
//! There is no kubelet and no kube-controller-manager: a Deployment makes no pods. In their place [`Flux`] looks at the API, from before
//! anything is installed until it is dropped: for each Deployment of a controller that it was told of it runs the program, with that
//! Deployment's own arguments, as its own service account, with an end when the Deployment has one; and it tells the status of each
//! Deployment and DaemonSet, whoever made it. So what a controller may do, and when, is as in a cluster; that its image could be pulled
//! is not, and a namespace that is deleted stays `Terminating`. At the start the cluster has one Node, which is Ready, CoreDNS and flannel.
//!
//! ```ignore
//! let bed = Bed::new()?;
//! bed.enter()?;                                              // 127.0.0.1 is the bed's from here on
//! let etcd = Etcd::start(&bed, 1)?;
//! let api = ApiServer::start(&bed, &etcd)?;
//! let hub = Hub::start();                                    // GitHub: its API is at hub.address
//! let ssh = Ssh::start(&bed, &hub)?;                         // and ssh://git@github.com/OWNER/REPOSITORY, for the controllers
//! let flux = Flux::start(&bed, &api, NEEDED)?;               // nothing is installed, nothing runs yet
//! // the run under test: homelabctl with KUBECONFIG=api.file("admin.conf"), from a command of this thread or of bed.command()
//! flux.wait_applied("main@sha1:…", Duration::from_secs(60))?;
//! println!("{}", flux.log("source-controller"));
//! ```
//!
//! For trouble: [`Flux::hold`] keeps a Deployment from getting ready, with a Pod that says why, `ssh.kill()` takes GitHub's SSH away, `hub.fault(…)` is for its API,
//! `hub.at(n, …)` and `api.gate()?.at(n, …)` are for who has to end after a request. `hub.log()` and `gate.log()` count.

mod cluster;
mod controller;
mod kubelet;
mod trouble;

use crate::testbed::Bed;
use crate::testbed::error::{Doing, Error, Result};
use crate::testbed::github::Https;
use crate::testbed::kubernetes::{ApiServer, Asker, program};
use crate::testbed::process::lossy;
use kubelet::{Kubelet, Shared};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fs, io};
pub use trouble::Trouble;

/// The controllers without which Flux follows no repository. The others get a status, and no process.
pub const NEEDED: &[&str] = &["source-controller", "kustomize-controller"];

/// All controllers of a bootstrap with defaults. Building them takes minutes: for `make e2e`.
pub const DEFAULT: &[&str] = &["source-controller", "kustomize-controller", "helm-controller", "notification-controller"];

/// The version whose controllers `programs.sh` builds.
pub const VERSION: &str = "v2.9.4";

/// What stands for the machines of a cluster that Flux comes to. Dropping it ends the controllers.
pub struct Flux<'bed> {
    bed: &'bed Bed,
    kubeconfig: PathBuf,
    dir: PathBuf,
    asker: Asker,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl<'bed> Flux<'bed> {
    /// Makes the cluster's Node and what runs before Flux comes, and begins to look. The calling thread must have
    /// [entered](Bed::enter) the bed. `controllers` are names of programs of `programs.sh`, which are built if they are not there.
    ///
    /// # Errors
    /// A program cannot be built, or the API server does not take the Node.
    pub fn start(bed: &'bed Bed, api: &ApiServer<'bed>, controllers: &[&str]) -> Result<Flux<'bed>> {
        let asker = api.asker();
        let dir = api.file("flux");
        fs::create_dir_all(&dir).doing(|| format!("cannot make {}", dir.display()))?;
        let mut programs = Vec::new();
        for name in controllers {
            programs.push(((*name).to_owned(), program(name)?));
        }
        cluster::populate(&asker)?;
        let shared = Arc::new(Shared::default());
        let kubelet = Kubelet::new(bed.inner(), asker.clone(), dir.clone(), programs, shared.clone());
        // it stays in the network that this thread has entered
        let thread = Some(thread::spawn(move || kubelet.run()));
        Ok(Flux { bed, kubeconfig: api.file("admin.conf"), dir, asker, shared, thread })
    }

    /// From now on a Deployment, or a DaemonSet, does not get ready, for this reason; its program does not run.
    pub fn hold(&self, name: &str, trouble: Trouble) {
        self.shared.held.lock().unwrap().insert(name.to_owned(), trouble);
    }

    /// It may again.
    pub fn release(&self, name: &str) {
        self.shared.held.lock().unwrap().remove(name);
    }

    /// The controllers that run now.
    pub fn running(&self) -> Vec<String> {
        self.shared.running.lock().unwrap().clone()
    }

    /// What a controller has said.
    pub fn log(&self, controller: &str) -> String {
        fs::read(self.dir.join(controller).join("log")).map(|log| lossy(&log)).unwrap_or_default()
    }

    /// Waits until the Kustomization flux-system is Ready with this revision.
    ///
    /// # Errors
    /// The time is over: with what it and the GitRepository say, and the ends of the logs.
    pub fn wait_applied(&self, revision: &str, at_most: Duration) -> Result<Value> {
        self.wait("kustomize.toolkit.fluxcd.io/v1", "kustomizations", at_most, |object| {
            is_ready(object) && object["status"]["lastAppliedRevision"] == revision
        })
    }

    /// Waits until the GitRepository flux-system is not Ready, for this reason.
    ///
    /// # Errors
    /// As [`Flux::wait_applied`].
    pub fn wait_refused(&self, reason: &str, at_most: Duration) -> Result<Value> {
        self.wait("source.toolkit.fluxcd.io/v1", "gitrepositories", at_most, |object| {
            condition(object, "Ready").is_some_and(|ready| ready["status"] == "False" && ready["reason"] == reason)
        })
    }

    fn wait(&self, group: &str, kind: &str, at_most: Duration, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
        let path = format!("/apis/{group}/namespaces/flux-system/{kind}/flux-system");
        let deadline = Instant::now() + at_most;
        loop {
            let (_, object) = self.asker.ask("GET", &path, None)?;
            if is_so(&object) {
                return Ok(object);
            }
            if Instant::now() > deadline {
                let tail = |name: &str| {
                    let log = self.log(name);
                    let lines: Vec<&str> = log.lines().collect();
                    format!("{name}:\n{}", lines[lines.len().saturating_sub(15)..].join("\n"))
                };
                let output = format!("{}\n{}\n{}", object["status"], tail(NEEDED[0]), tail(NEEDED[1]));
                return Err(Error::Program { program: path, status: format!("not so after {at_most:?}"), output });
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// A program in all of the bed's namespaces, where github.com is the hub: for the Flux CLI, git and kubectl. It has the cluster's
    /// kubeconfig, a home of its own, and nothing else of the environment.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = self.bed.command_with_its_end(program);
        let home = self.dir.join("home");
        let _ = fs::create_dir_all(&home);
        controller::environment(&mut command, &self.kubeconfig, &home, &self.bed.dir().join(Https::AUTHORITY));
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Flux<'_> {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The real Flux CLI (`cli.sh`), built if it is not there: that takes minutes.
///
/// # Errors
/// It cannot be built.
pub fn cli() -> Result<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testbed/flux/cli.sh");
    Ok(PathBuf::from(said(script)?.lines().next().unwrap_or_default()))
}

/// The folder with the base files of the release (`bundle.sh`).
///
/// # Errors
/// They cannot be made.
pub fn bundle() -> Result<PathBuf> {
    said(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testbed/flux/bundle.sh")).map(PathBuf::from)
}

fn said(script: &str) -> Result<String> {
    let output = Command::new("sh").args([script, VERSION]).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.doing(|| format!("cannot run {script}"))?;
    if !output.status.success() {
        return Err(io::Error::other(output.status.to_string())).doing(|| format!("{script} failed"));
    }
    Ok(lossy(&output.stdout))
}

/// A condition of an object's status.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// Whether an object is Ready, as of its present generation.
pub fn is_ready(object: &Value) -> bool {
    object["metadata"]["generation"] == object["status"]["observedGeneration"]
        && condition(object, "Ready").is_some_and(|ready| ready["status"] == "True")
}
