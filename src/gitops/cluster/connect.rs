//! Which cluster: a context of the kubeconfigs, and a client for it.

use std::path::{Path, PathBuf};

use kube::client::{AuthError, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::super::Requests;

/// A cluster that can be asked. Nothing was asked yet.
#[derive(Clone)]
pub struct Connected {
    /// Who asks it.
    pub client: Client,
    /// The context's name.
    pub context: String,
    /// Where its API is.
    pub server: String,
}

/// Why no cluster can be asked.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no kubeconfig at all.
    #[error("there is no kubeconfig: {}", .0.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))]
    Missing(Vec<PathBuf>),
    /// One cannot be read.
    #[error("{} cannot be read", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// One is none; of its lines, which can have secrets in them, only the first wrong one's number is said.
    #[error("{} is no kubeconfig{}", .0.display(), .1.map(|line| format!(" (line {line})")).unwrap_or_default())]
    Parse(PathBuf, Option<usize>),
    /// Some do not go together.
    #[error("the kubeconfigs cannot be merged")]
    Merge(#[source] Box<KubeconfigError>),
    /// No context is named, and none is the current one.
    #[error("the kubeconfig has no current context")]
    NoContext(Vec<String>),
    /// There is no such context.
    #[error("there is no context `{0}` in the kubeconfig")]
    UnknownContext(String, Vec<String>),
    /// The context's cluster is behind a proxy; which one is not said, as a password can be in its address.
    #[error("the context `{0}` has a `proxy-url`, and a cluster is only asked directly")]
    Proxy(String),
    /// The context lacks something.
    #[error("the context `{0}` cannot be used")]
    Unusable(String, #[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ConnectError {
    /// What to do.
    pub fn hint(&self) -> Option<String> {
        let contexts = |names: &[String]| {
            if names.is_empty() { "it has no context at all".to_owned() } else { format!("it has: {}", names.join(", ")) }
        };
        match self {
            Self::Missing(_) => Some("`homelabctl cluster kubeconfig` writes one; or name one with --kubeconfig".into()),
            Self::NoContext(names) => Some(format!("name one with --context; {}", contexts(names))),
            Self::UnknownContext(_, names) => Some(contexts(names)),
            Self::Parse(..) => Some("`kubectl config view` says what is wrong with it".into()),
            Self::Proxy(_) => Some("run it where the API is reached without one, by a context without `proxy-url`".into()),
            _ => None,
        }
    }
}

/// Reads kubeconfigs, the first that says something wins, as in kubectl, and makes a client for a context of theirs.
///
/// Files that are not there are passed over, unless none is.
///
/// # Errors
/// There is none, one cannot be read, or the context is not there or lacks something.
pub async fn connect(files: &[PathBuf], context: Option<&str>, requests: &Requests) -> Result<Connected, ConnectError> {
    let kubeconfig = read(files)?;
    let names: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let current = context.map(str::to_owned).or_else(|| kubeconfig.current_context.clone()).filter(|name| !name.is_empty());
    let Some(context) = current else { return Err(ConnectError::NoContext(names)) };
    if !names.contains(&context) {
        return Err(ConnectError::UnknownContext(context, names));
    }
    let entry = kubeconfig.contexts.iter().find(|entry| entry.name == context).and_then(|entry| entry.context.as_ref());
    let cluster = entry.and_then(|entry| kubeconfig.clusters.iter().find(|cluster| cluster.name == entry.cluster));
    if cluster.and_then(|cluster| cluster.cluster.as_ref()).is_some_and(|cluster| cluster.proxy_url.is_some()) {
        return Err(ConnectError::Proxy(context));
    }
    let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
    let unusable = |error: Box<dyn std::error::Error + Send + Sync>| ConnectError::Unusable(context.clone(), error);
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| unusable(error.into()))?;
    // kube takes that of the environment, which is GitHub's
    config.proxy_url = None;
    let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    let builder = ClientBuilder::try_from(config).map_err(|error| unusable(reason(error)))?;
    Ok(Connected { client: builder.with_layer(requests).build(), context, server })
}

fn read(files: &[PathBuf]) -> Result<Kubeconfig, ConnectError> {
    let mut merged: Option<Kubeconfig> = None;
    for file in files {
        let Some(one) = one(file)? else { continue };
        merged = Some(match merged {
            None => one,
            Some(before) => before.merge(one).map_err(|error| ConnectError::Merge(Box::new(error)))?,
        });
    }
    merged.ok_or_else(|| ConnectError::Missing(files.to_vec()))
}

fn one(file: &Path) -> Result<Option<Kubeconfig>, ConnectError> {
    match std::fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ConnectError::Read(file.to_owned(), error)),
        Ok(_) => {}
    }
    match Kubeconfig::read_from(file) {
        Ok(kubeconfig) => Ok(Some(kubeconfig)),
        Err(KubeconfigError::ReadConfig(error, path)) => Err(ConnectError::Read(path, error)),
        Err(error) => Err(ConnectError::Parse(file.to_owned(), line(&error.to_string()))),
    }
}

/// The number of a line in a parser's words, which go on with the line itself.
fn line(said: &str) -> Option<usize> {
    let (_, rest) = said.split_once("line ")?;
    rest.split(' ').next()?.parse().ok()
}

/// Why there is no client, without what a login's program printed: that can be the token.
fn reason(error: kube::Error) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        kube::Error::Auth(AuthError::AuthExecRun { out, .. }) => {
            format!("the program of its `exec` does not log in ({}); run it by hand", out.status).into()
        }
        kube::Error::Auth(AuthError::AuthExecParse(_)) => {
            "the program of its `exec` does not print an ExecCredential; run it by hand".into()
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "apiVersion: v1
kind: Config
current-context: lab
clusters: [{name: lab, cluster: {server: 'https://127.0.0.1:6443', insecure-skip-tls-verify: true}}]
users: [{name: me, user: {token: secret}}]
contexts: [{name: lab, context: {cluster: lab, user: me}}, {name: broken, context: {cluster: gone, user: me}}]
";

    async fn refused(files: &[PathBuf], context: Option<&str>) -> ConnectError {
        match connect(files, context, &Requests::default()).await {
            Ok(connected) => panic!("connected to {}", connected.server),
            Err(error) => error,
        }
    }

    #[tokio::test]
    async fn a_context_is_taken_or_the_others_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let (good, bad, gone) = (dir.path().join("good"), dir.path().join("bad"), dir.path().join("gone"));
        std::fs::write(&good, GOOD).unwrap();
        std::fs::write(&bad, "contexts: 7\n").unwrap();
        let connected = connect(&[gone.clone(), good.clone()], None, &Requests::default()).await.unwrap();
        assert_eq!((connected.context.as_str(), connected.server.as_str()), ("lab", "https://127.0.0.1:6443"));
        let error = refused(std::slice::from_ref(&good), Some("prod")).await;
        assert_eq!(
            (error.to_string(), error.hint()),
            ("there is no context `prod` in the kubeconfig".into(), Some("it has: lab, broken".into()))
        );
        let error = refused(std::slice::from_ref(&good), Some("broken")).await;
        assert_eq!(error.to_string(), "the context `broken` cannot be used");
        assert!(refused(&[gone], None).await.to_string().starts_with("there is no kubeconfig: "));
        assert!(refused(&[bad], None).await.to_string().ends_with("bad is no kubeconfig (line 1)"));
        std::fs::write(&good, GOOD.replace("server:", "proxy-url: 'http://me:word@127.0.0.1:9', server:")).unwrap();
        let error = refused(std::slice::from_ref(&good), None).await;
        assert!(matches!(&error, ConnectError::Proxy(name) if name == "lab") && !error.to_string().contains("word"), "{error}");
        std::fs::write(&good, GOOD.replace("current-context: lab", "current-context: ''")).unwrap();
        assert_eq!(refused(&[good], None).await.to_string(), "the kubeconfig has no current context");
    }
}
