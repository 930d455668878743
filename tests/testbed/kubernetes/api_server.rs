//! A real kube-apiserver on loopback.

use super::authority::{Authority, Signed, new_key};
use super::http::{self, Client};
use super::{Etcd, Gate, program};
use crate::testbed::error::{Doing, Result};
use crate::testbed::{Bed, Service};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long it may take to be ready. On a quiet machine it takes four seconds.
const READY_WITHIN: Duration = Duration::from_secs(240);

/// Names that its certificate is for, as kubeadm's is.
const NAMES: &[&str] = &["localhost", "127.0.0.1", "10.77.0.1", "10.96.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];

/// The API of a cluster that has no machine and no controller. Dropping it kills it; what it stores is etcd's.
pub struct ApiServer<'bed> {
    bed: &'bed Bed,
    dir: PathBuf,
    port: u16,
    arguments: Vec<String>,
    program: PathBuf,
    authority: Authority,
    admin: Client,
    service: Option<Service>,
}

impl<'bed> ApiServer<'bed> {
    /// Starts it over an etcd; returns when it is ready. The calling thread must have [entered](Bed::enter) the bed.
    ///
    /// # Errors
    /// It does not start, or takes too long: with what it said.
    pub fn start(bed: &'bed Bed, etcd: &Etcd) -> Result<ApiServer<'bed>> {
        let program = program("kube-apiserver")?;
        // nobody else is in the bed's network, so the port stays free
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).doing(|| "no free port".into())?.port();
        let dir = bed.dir().join(format!("api-server-{port}"));
        fs::create_dir_all(&dir).doing(|| format!("cannot make {}", dir.display()))?;
        let authority = Authority::new("kubernetes")?;
        let (own, admin) = (authority.sign("kube-apiserver", &[], NAMES)?, authority.sign("kubernetes-admin", &["system:masters"], &[])?);
        let accounts = new_key()?;
        for (name, text) in [
            ("ca.crt", &authority.certificate),
            ("apiserver.crt", &own.certificate),
            ("apiserver.key", &own.key),
            ("sa.key", &accounts.serialize_pem()),
            ("sa.pub", &accounts.public_key_pem()),
            ("admin.crt", &admin.certificate),
            ("admin.key", &admin.key),
            ("admin.conf", &kubeconfig(port, &authority, &admin)),
        ] {
            fs::write(dir.join(name), text).doing(|| format!("cannot write {name}"))?;
        }
        let file = |name: &str| dir.join(name).display().to_string();
        let arguments = vec![
            format!("--etcd-servers={}", etcd.client_urls().join(",")),
            format!("--secure-port={port}"),
            "--bind-address=127.0.0.1".into(),
            "--advertise-address=127.0.0.1".into(),
            "--endpoint-reconciler-type=none".into(), // loopback may be nobody's endpoint
            format!("--client-ca-file={}", file("ca.crt")),
            format!("--tls-cert-file={}", file("apiserver.crt")),
            format!("--tls-private-key-file={}", file("apiserver.key")),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
            format!("--service-account-key-file={}", file("sa.pub")),
            format!("--service-account-signing-key-file={}", file("sa.key")),
            "--service-cluster-ip-range=10.96.0.0/12".into(),
            "--authorization-mode=Node,RBAC".into(),
            "--enable-admission-plugins=NodeRestriction".into(),
            "--enable-bootstrap-token-auth=true".into(),
            "--allow-privileged=true".into(),
        ];
        let client = Client::new(&authority.certificate, &admin).doing(|| "no client".into())?;
        let mut server = ApiServer { bed, dir, port, arguments, program, authority, admin: client, service: None };
        server.resume()?;
        Ok(server)
    }

    /// Its address, for who has entered the bed.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// One of its files: `ca.crt`, `admin.crt`, `admin.key`, `admin.conf` (a kubeconfig), `sa.key`, `log`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The authority that it trusts.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A kubeconfig for a user, member of groups.
    ///
    /// # Errors
    /// A name that no certificate can hold.
    pub fn kubeconfig(&self, user: &str, groups: &[&str]) -> Result<String> {
        Ok(kubeconfig(self.port, &self.authority, &self.authority.sign(user, groups, &[])?))
    }

    /// Asks it as `system:masters`, with a JSON body or without: the status, and the answer.
    ///
    /// # Errors
    /// It does not answer. What it refuses is a status.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, String)> {
        self.admin.ask(self.port, method, path, body).doing(|| format!("no answer to {method} {path}"))
    }

    /// Asks as this does, from any thread.
    pub fn asker(&self) -> Asker {
        Asker { port: self.port, authority: self.authority.certificate.clone(), admin: self.admin.clone() }
    }

    /// A way to it on which each request is seen. The calling thread must have [entered](Bed::enter) the bed.
    ///
    /// # Errors
    /// There is no port for it.
    pub fn gate(&self) -> Result<Gate> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).doing(|| "no free port".into())?.port();
        let own = self.authority.sign("gate", &[], &["localhost", "127.0.0.1"])?;
        let kubeconfig = self.file(&format!("gate-{port}.conf"));
        // without a user kubectl would ask for one
        let user = json!({"token": "anybody"});
        fs::write(&kubeconfig, of_user(port, &self.authority.certificate, &user)).doing(|| "cannot write a kubeconfig".into())?;
        Gate::start(port, http::server(&own).doing(|| "no TLS".into())?, self.admin.clone(), self.port, kubeconfig)
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.service = None;
    }

    /// Starts it again; returns when it is ready.
    ///
    /// # Errors
    /// It does not start, or takes too long: with what it said.
    pub fn resume(&mut self) -> Result<()> {
        let mut service = Service::start(self.bed, &self.program, &self.arguments, &self.file("log"))?;
        service.wait_until(READY_WITHIN, || Ok(self.ask("GET", "/readyz", None).is_ok_and(|answer| answer == (200, "ok".into()))))?;
        self.service = Some(service);
        Ok(())
    }
}

/// Who asks an API server, whether that runs or not.
#[derive(Clone)]
pub struct Asker {
    port: u16,
    authority: String,
    admin: Client,
}

impl Asker {
    /// As [`ApiServer::ask`]; an answer that is JSON.
    ///
    /// # Errors
    /// It does not answer, or not with JSON. What it refuses is a status.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        let (status, said) = self.admin.ask(self.port, method, path, body).doing(|| format!("no answer to {method} {path}"))?;
        Ok((status, serde_json::from_str(&said).doing(|| format!("no JSON: {said}"))?))
    }

    /// A kubeconfig for who has a token.
    pub fn kubeconfig(&self, token: &str) -> String {
        of_user(self.port, &self.authority, &json!({"token": token}))
    }
}

/// A kubeconfig with everything in it.
fn kubeconfig(port: u16, authority: &Authority, user: &Signed) -> String {
    let text = |pem: &str| STANDARD.encode(pem);
    let user = json!({"client-certificate-data": text(&user.certificate), "client-key-data": text(&user.key)});
    of_user(port, &authority.certificate, &user)
}

fn of_user(port: u16, authority: &str, user: &Value) -> String {
    let cluster = json!({"server": format!("https://127.0.0.1:{port}"), "certificate-authority-data": STANDARD.encode(authority)});
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": cluster}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "user"}}],
        "current-context": "testbed",
    })
    .to_string()
}
