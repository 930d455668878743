//! Why Kubernetes did not do it: what was asked, what was said, and what goes on.

use std::error::Error;
use std::time::Duration;

use kube::client::AuthError;
use serde_json::Value;

/// A request that was not done, or nobody knows whether it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method} {path}: {why}")]
pub struct ApiError {
    /// The request's method.
    pub method: &'static str,
    /// The request's path, without what comes after a question mark.
    pub path: String,
    /// Why not.
    pub why: Why,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Kubernetes answered, and it is no.
    #[error("{said} ({status}{})", if .reason.is_empty() { String::new() } else { format!(", {reason}") })]
    Kubernetes {
        /// The status of HTTP.
        status: u16,
        /// Kubernetes' own word for it, as in `Forbidden`; empty where there is none.
        reason: String,
        /// Its message.
        said: String,
    },
    /// No answer in time.
    #[error("no answer after {} s", .after.as_secs_f32())]
    Slow {
        /// How long was waited.
        after: Duration,
    },
    /// There was no connection.
    #[error("the cluster's API is not reached: {said}")]
    Unreachable {
        /// What was seen.
        said: String,
    },
    /// The API's certificate, or ours, is not taken.
    #[error("there is no TLS with the cluster's API: {said}")]
    Tls {
        /// What was seen.
        said: String,
    },
    /// The kubeconfig's own way to log in did not work.
    #[error("the kubeconfig's way to log in does not work: {said}")]
    Login {
        /// What was seen; never what the program that logs in has printed.
        said: String,
    },
    /// An answer, or an object to be sent, that is not as Kubernetes describes it.
    #[error("not understood: {said}")]
    Answer {
        /// What is wrong with it.
        said: String,
    },
    /// The cluster has no such kind.
    #[error("no matches for kind `{kind}` in version `{version}`")]
    NoKind {
        /// The kind.
        kind: String,
        /// Its `apiVersion`.
        version: String,
    },
}

impl ApiError {
    /// What to do, if something can be done.
    pub fn hint(&self) -> Option<String> {
        Some(match &self.why {
            Why::Kubernetes { status: 401, .. } | Why::Login { .. } => {
                "log in again, or name another kubeconfig; `kubectl auth whoami` shows who you are to the cluster".into()
            }
            Why::Kubernetes { status: 403, .. } => format!("`kubectl auth can-i {}` asks the same", self.verb_and_resource()),
            Why::Kubernetes { status: 429 | 500.., .. } | Why::Slow { .. } => {
                "`kubectl get --raw '/readyz?verbose'` shows what the API is waiting for; then run the same command again".into()
            }
            Why::Unreachable { .. } => {
                "check the server in the kubeconfig: `kubectl config view --minify` shows it, `kubectl cluster-info` asks it".into()
            }
            Why::Tls { .. } => {
                "check certificate-authority-data and the server's name in the kubeconfig: `kubectl config view --minify`".into()
            }
            Why::NoKind { .. } => "its CustomResourceDefinition is missing; `kubectl api-resources` lists the kinds that there are".into(),
            Why::Kubernetes { .. } | Why::Answer { .. } => return None,
        })
    }

    /// Whether the object, or its kind, is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self.why, Why::Kubernetes { status: 404, .. } | Why::NoKind { .. })
    }

    /// Whether somebody else has written the object in the meantime, or made it.
    pub fn is_conflict(&self) -> bool {
        matches!(self.why, Why::Kubernetes { status: 409, .. })
    }

    /// Whether we may not.
    pub fn is_forbidden(&self) -> bool {
        matches!(self.why, Why::Kubernetes { status: 403, .. })
    }

    /// Whether the same request may be answered otherwise a moment later: an API server that starts, or is busy.
    pub fn is_passing(&self) -> bool {
        matches!(self.why, Why::Kubernetes { status: 429 | 500.., .. } | Why::Slow { .. } | Why::Unreachable { .. })
    }

    /// The request as `kubectl auth can-i` has it: `list pods -n flux-system`.
    fn verb_and_resource(&self) -> String {
        let parts: Vec<&str> = self.path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _, rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            _ => return format!("get {}", self.path),
        };
        let (namespace, resource, name) = match rest {
            ["namespaces", namespace, resource, name @ ..] if !matches!(*resource, "status" | "finalize") => {
                (Some(*namespace), *resource, name.first())
            }
            [resource, name @ ..] => (None, *resource, name.first()),
            [] => return format!("get {}", self.path),
        };
        let verb = match (self.method, name) {
            ("GET", None) => "list",
            ("GET", _) => "get",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("DELETE", _) => "delete",
            _ => "patch",
        };
        let dot = if group.is_empty() { "" } else { "." };
        format!("{verb} {resource}{dot}{group}{}", namespace.map(|namespace| format!(" -n {namespace}")).unwrap_or_default())
    }
}

impl Why {
    /// What an answer that is no success says.
    pub(super) fn of_answer(status: u16, body: &[u8]) -> Self {
        let object = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut said = text("message");
        if said.is_empty() {
            // a proxy, or a path that nobody serves: plain text, or a page
            said = String::from_utf8_lossy(body).lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("without a word").into();
        }
        Self::Kubernetes {
            status,
            reason: text("reason"),
            said: said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1000).collect(),
        }
    }

    /// Why there is no answer.
    pub(super) fn of_error(error: &kube::Error) -> Self {
        if let kube::Error::Auth(error) = error {
            return Self::Login { said: login(error) };
        }
        let said = chain(error);
        let lower = said.to_ascii_lowercase();
        if ["certificate", "tls", "handshake", "corrupt message"].iter().any(|word| lower.contains(word)) {
            Self::Tls { said }
        } else {
            Self::Unreachable { said }
        }
    }
}

/// What is wrong with a way to log in, without what its program has printed: that may be a token.
fn login(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { cmd, out } => {
            // the arguments may hold one too
            format!("`{}` ended with {}", cmd.split_whitespace().next().unwrap_or_default().trim_matches('"'), out.status)
        }
        AuthError::AuthExecStart(cause) => format!("its program does not start: {cause}"),
        AuthError::AuthExecParse(_) => "its program printed no ExecCredential".into(),
        AuthError::AuthExec(_) => "its program failed".into(),
        AuthError::ReadTokenFile(cause, path) => format!("reading the token in {}: {cause}", path.display()),
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "the token, or the password, has characters that none can have".into()
        }
        AuthError::ParseTokenKey(_) => "the token that was given is not where it should be".into(),
        other => other.to_string(),
    }
}

/// An error with its causes, each said once, without the names that kube gives to its layers.
fn chain(error: &dyn Error) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut at = error.source();
    while let Some(cause) = at {
        let text = cause.to_string();
        if let Some(last) = words.last_mut()
            && let Some(short) = last.strip_suffix(&text)
        {
            *last = short.trim_end_matches([':', ' ']).to_owned();
        }
        words.push(text);
        at = cause.source();
    }
    if words.is_empty() {
        words.push(error.to_string());
    }
    words.retain(|word| !word.is_empty());
    words.join(": ").replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(method: &'static str, path: &str, status: u16) -> ApiError {
        ApiError { method, path: path.into(), why: Why::Kubernetes { status, reason: "Forbidden".into(), said: "no".into() } }
    }

    #[test]
    fn what_is_forbidden_can_be_asked_with_kubectl() {
        let hint = |method, path| error(method, path, 403).hint().unwrap();
        assert_eq!(hint("GET", "/api/v1/namespaces/flux-system/pods"), "`kubectl auth can-i list pods -n flux-system` asks the same");
        assert_eq!(hint("GET", "/api/v1/namespaces/flux-system"), "`kubectl auth can-i get namespaces` asks the same");
        assert_eq!(
            hint("PATCH", "/apis/apps/v1/namespaces/a/deployments/b"),
            "`kubectl auth can-i patch deployments.apps -n a` asks the same"
        );
        let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        assert_eq!(hint("GET", crds), "`kubectl auth can-i list customresourcedefinitions.apiextensions.k8s.io` asks the same");
        assert_eq!(hint("GET", "/version"), "`kubectl auth can-i get /version` asks the same");
    }

    #[test]
    fn kubernetes_words_are_kept() {
        let body = br#"{"kind":"Status","message":"pods \"x\" not found","reason":"NotFound","code":404}"#;
        let why = Why::of_answer(404, body);
        assert_eq!(why.to_string(), "pods \"x\" not found (404, NotFound)");
        assert!(ApiError { method: "GET", path: "/x".into(), why }.is_absent());
        assert_eq!(Why::of_answer(502, b"\n <html>bad\x1b[2J gateway</html>").to_string(), "<html>bad [2J gateway</html> (502)");
        assert_eq!(Why::of_answer(503, b"").to_string(), "without a word (503)");
        assert!(error("GET", "/", 503).is_passing() && error("GET", "/", 429).is_passing() && !error("GET", "/", 409).is_passing());
        assert!(error("PUT", "/", 409).is_conflict() && error("PUT", "/", 403).is_forbidden());
    }

    #[test]
    fn what_a_program_that_logs_in_prints_stays_there() {
        use std::os::unix::process::ExitStatusExt as _;
        let out = std::process::Output {
            status: std::process::ExitStatus::from_raw(256),
            stdout: b"s3cret".to_vec(),
            stderr: b"s3cret".to_vec(),
        };
        let failed = kube::Error::Auth(AuthError::AuthExecRun { cmd: "get-token --secret s3cret".into(), out: Box::new(out) });
        let why = Why::of_error(&failed);
        assert_eq!(why.to_string(), "the kubeconfig's way to log in does not work: `get-token` ended with exit status: 1");
    }

    #[test]
    fn causes_are_said_once() {
        let io = |text: &str| std::io::Error::other(text.to_owned());
        let error = kube::Error::Service(Box::new(io("tcp connect error: Connection refused (os error 111)")));
        assert_eq!(
            Why::of_error(&error).to_string(),
            "the cluster's API is not reached: tcp connect error: Connection refused (os error 111)"
        );
        let error = kube::Error::Service(Box::new(io("invalid peer certificate: UnknownIssuer")));
        assert!(matches!(Why::of_error(&error), Why::Tls { .. }));
    }
}
