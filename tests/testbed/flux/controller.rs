//! One of Flux's controllers as a process.

use crate::testbed::bed::Inner;
use crate::testbed::error::{Doing, Error, Result};
use crate::testbed::github::Https;
use crate::testbed::kubernetes::{Asker, http};
use crate::testbed::service::Service;
use serde_json::{Value, json};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Arguments of a Deployment that make sense in its pod only.
const OF_THE_POD: &[&str] = &["--events-addr", "--storage-path", "--storage-adv-addr", "--storage-addr", "--enable-leader-election"];

/// What a process is started by; another one wants a new process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub namespace: String,
    pub name: String,
    pub service_account: String,
    /// Tokens end with it.
    pub service_account_uid: String,
    pub arguments: Vec<String>,
}

impl Wanted {
    /// By a Deployment. `None`: it has no service account yet, or is scaled to nothing.
    pub fn of(deployment: &Value, asker: &Asker) -> Option<Wanted> {
        let text = |pointer: &str| deployment.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        if deployment["spec"]["replicas"] == 0 {
            return None;
        }
        let (namespace, name) = (text("/metadata/namespace")?, text("/metadata/name")?);
        let service_account = text("/spec/template/spec/serviceAccountName")?;
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}");
        let (status, account) = asker.ask("GET", &path, None).ok()?;
        let service_account_uid = account["metadata"]["uid"].as_str().filter(|_| status == 200)?.to_owned();
        let arguments = deployment.pointer("/spec/template/spec/containers/0/args").and_then(Value::as_array);
        let is_ours = |argument: &&str| !OF_THE_POD.iter().any(|one| argument.starts_with(one));
        let arguments = arguments.into_iter().flatten().filter_map(Value::as_str).filter(is_ours).map(str::to_owned).collect();
        Some(Wanted { namespace, name, service_account, service_account_uid, arguments })
    }
}

/// A process that was started.
pub struct Controller {
    pub wanted: Wanted,
    pub begun: Instant,
    service: Service,
    health: u16,
}

impl Controller {
    /// Starts it in `dir`, where its log, home and storage are. `events`: where notification-controller listens, if there is one.
    pub fn start(inner: &Inner, asker: &Asker, program: &Path, wanted: Wanted, dir: &Path, events: Option<u16>) -> Result<Controller> {
        let home = dir.join("home");
        fs::create_dir_all(&home).doing(|| format!("cannot make {}", home.display()))?;
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}/token", wanted.namespace, wanted.service_account);
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}});
        let (status, answer) = asker.ask("POST", &path, Some(&request))?;
        let Some(token) = answer["status"]["token"].as_str() else {
            return Err(Error::Program { program: path, status: status.to_string(), output: answer.to_string() });
        };
        let kubeconfig = dir.join("kubeconfig");
        fs::write(&kubeconfig, asker.kubeconfig(token)).doing(|| "cannot write a kubeconfig".into())?;

        let health = free_port()?;
        let at = |flag: &str, port: u16| format!("--{flag}=127.0.0.1:{port}");
        let mut command = inner.command_with_its_end(program);
        command.args(&wanted.arguments).args([at("health-addr", health), at("metrics-addr", free_port()?)]);
        match (wanted.name.as_str(), events) {
            ("notification-controller", Some(port)) => command.args([at("events-addr", port), at("receiverAddr", free_port()?)]),
            ("notification-controller", None) => command.args([at("events-addr", free_port()?), at("receiverAddr", free_port()?)]),
            (_, Some(port)) => command.arg(format!("--events-addr=http://127.0.0.1:{port}/")),
            // an address where nothing listens costs fifteen seconds a reconciliation
            (_, None) => command.arg("--events-addr="),
        };
        if wanted.name == "source-controller" {
            let (storage, port) = (dir.join("storage"), free_port()?);
            fs::create_dir_all(&storage).doing(|| format!("cannot make {}", storage.display()))?;
            command.arg(format!("--storage-path={}", storage.display()));
            command.args([at("storage-addr", port), at("storage-adv-addr", port)]);
        }
        environment(&mut command, &kubeconfig, &home, &inner.dir().join(Https::AUTHORITY));
        command.env("RUNTIME_NAMESPACE", &wanted.namespace);
        let service = Service::of(command, program, &dir.join("log"))?;
        Ok(Controller { wanted, begun: Instant::now(), service, health })
    }

    pub fn has_ended(&mut self) -> bool {
        self.service.has_ended()
    }

    /// As its readiness probe asks.
    pub fn is_ready(&self) -> bool {
        http::get(self.health, "/readyz").is_ok_and(|(status, _)| status == 200)
    }
}

/// Gives a program an environment of its own: nothing of the person's who runs the tests, no proxies, no other authority.
pub fn environment(command: &mut Command, kubeconfig: &Path, home: &Path, authority: &Path) {
    command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("HOME", home).env("TMPDIR", home).env("KUBECONFIG", kubeconfig);
    command.env("SSL_CERT_FILE", authority).env("GIT_SSL_CAINFO", authority);
}

/// Nobody else is in the bed's network, so it stays free.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).doing(|| "no free port".into())?.port())
}
