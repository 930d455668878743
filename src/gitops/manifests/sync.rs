//! gotk-sync.yaml and kustomization.yaml: from where Flux reads, and what lies in its folder.

use std::time::Duration;

use super::name::{is_label, is_subdomain};
use super::render::WARNING;
use super::scalar::{scalar, writable};

/// The file of Flux's own objects.
pub const COMPONENTS_FILE: &str = "gotk-components.yaml";
/// The file that says where Flux reads from.
pub const SYNC_FILE: &str = "gotk-sync.yaml";

/// From where Flux reads, and which folder of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// Where Flux lives; both objects are called so too.
    pub namespace: String,
    /// The repository.
    pub url: String,
    /// Its branch.
    pub branch: String,
    /// The secret to read it with.
    pub secret: String,
    /// The cluster's folder in it, in any notation: `clusters/home`, `./clusters/home`.
    pub path: String,
    /// How often it is looked at.
    pub interval: Duration,
    /// Who is asked for a token, if that is not a plain git server.
    pub provider: Option<String>,
    /// Whether submodules are fetched too.
    pub recurse_submodules: bool,
    /// The only folders that are fetched; all of them if none is named.
    pub sparse_checkout: Vec<String>,
}

/// What cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// No name for a namespace.
    #[error("`{0}` cannot be the namespace of Flux")]
    Namespace(String),
    /// No name of a secret.
    #[error("`{0}` cannot be the name of the secret for the repository")]
    Secret(String),
    /// It is empty, or has letters that a manifest cannot hold.
    #[error("the {what} `{}` cannot be written into a manifest", .value.escape_debug())]
    Value {
        /// Of what.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// A time that Flux does not take.
    #[error("Flux cannot look at a repository every {0:?}")]
    Interval(Duration),
}

impl SyncError {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Namespace(_) => "a namespace has up to 63 small letters, digits and dashes inside",
            Self::Secret(_) => "the name of a secret has small letters, digits, dashes and dots inside",
            Self::Value { .. } => "it must not be empty nor have line ends and other letters that cannot be seen",
            Self::Interval(_) => "take at least a second, in whole thousandths, e.g. 1m",
        }
    }
}

impl Sync {
    /// The Flux CLI's defaults for a repository.
    pub fn of(url: &str, path: &str) -> Self {
        Self {
            namespace: "flux-system".to_owned(),
            url: url.to_owned(),
            branch: "main".to_owned(),
            secret: "flux-system".to_owned(),
            path: path.to_owned(),
            interval: Duration::from_secs(60),
            provider: None,
            recurse_submodules: false,
            sparse_checkout: Vec::new(),
        }
    }
}

/// A folder as Flux writes it: from the root of the repository on, which it never leaves.
pub fn folder(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.trim().split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    format!("./{}", parts.join("/"))
}

/// Renders gotk-sync.yaml.
///
/// # Errors
/// Something of it cannot be written.
pub fn manifest(sync: &Sync) -> Result<String, SyncError> {
    let path = folder(&sync.path);
    if !is_label(&sync.namespace) {
        return Err(SyncError::Namespace(sync.namespace.clone()));
    }
    if !is_subdomain(&sync.secret) {
        return Err(SyncError::Secret(sync.secret.clone()));
    }
    let values = [("URL", &sync.url), ("branch", &sync.branch), ("path", &path)];
    let more = sync.provider.iter().map(|value| ("provider", value)).chain(sync.sparse_checkout.iter().map(|value| ("folder", value)));
    for (what, value) in values.into_iter().chain(more) {
        if value.is_empty() || !writable(value) {
            return Err(SyncError::Value { what, value: value.clone() });
        }
    }
    let interval = go_duration(sync.interval).ok_or(SyncError::Interval(sync.interval))?;

    let mut lines = vec![WARNING.to_owned()];
    lines.extend(head("source.toolkit.fluxcd.io/v1", "GitRepository", &sync.namespace));
    lines.push(line(2, "interval", &interval));
    lines.extend(sync.provider.iter().map(|provider| line(2, "provider", provider)));
    if sync.recurse_submodules {
        lines.push("  recurseSubmodules: true".into());
    }
    lines.extend(["  ref:".into(), line(4, "branch", &sync.branch), "  secretRef:".into(), line(4, "name", &sync.secret)]);
    if !sync.sparse_checkout.is_empty() {
        lines.push("  sparseCheckout:".into());
        lines.extend(sync.sparse_checkout.iter().map(|folder| format!("  - {}", scalar(folder, 4, 4))));
    }
    lines.push(line(2, "url", &sync.url));
    lines.extend(head("kustomize.toolkit.fluxcd.io/v1", "Kustomization", &sync.namespace));
    // fixed, as the Flux CLI has it
    lines.extend(["  interval: 10m0s".into(), line(2, "path", &path), "  prune: true".into(), "  sourceRef:".into()]);
    lines.extend(["    kind: GitRepository".into(), line(4, "name", &sync.namespace)]);
    Ok(lines.join("\n") + "\n")
}

/// A key with a string.
fn line(indent: usize, key: &str, value: &str) -> String {
    format!("{:indent$}{key}: {}", "", scalar(value, indent + key.len() + 2, indent + 2))
}

/// What an object begins with, to its `spec`.
fn head(api: &str, kind: &str, name: &str) -> [String; 7] {
    let (name, namespace) = (line(2, "name", name), line(2, "namespace", name));
    ["---".into(), format!("apiVersion: {api}"), format!("kind: {kind}"), "metadata:".into(), name, namespace, "spec:".into()]
}

/// Renders kustomization.yaml for a folder that has none yet: what lies in it, in the order of names.
///
/// # Errors
/// A name cannot be written.
pub fn resources(files: &[&str]) -> Result<String, SyncError> {
    let mut text = String::from("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n");
    for file in files {
        if file.is_empty() || !writable(file) {
            return Err(SyncError::Value { what: "file name", value: (*file).to_owned() });
        }
        text.push_str(&format!("- {}\n", scalar(file, 2, 2)));
    }
    Ok(text)
}

/// A time as Go writes it: `1m0s`, `1h0m0s`, `1.5s`. None if it is shorter than a second or has parts of thousandths.
fn go_duration(duration: Duration) -> Option<String> {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    if seconds == 0 || nanos % 1_000_000 != 0 {
        return None;
    }
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = match nanos / 1_000_000 {
        0 => String::new(),
        millis => format!(".{millis:03}").trim_end_matches('0').to_owned(),
    };
    Some(match (hours, minutes) {
        (0, 0) => format!("{rest}{fraction}s"),
        (0, _) => format!("{minutes}m{rest}{fraction}s"),
        _ => format!("{hours}h{minutes}m{rest}{fraction}s"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stays_in_the_repository() {
        for (path, is) in [
            ("./foo", "./foo"),
            ("foo", "./foo"),
            ("./foo/../bar", "./bar"),
            ("/foo/../../../bar", "./bar"),
            ("", "./"),
            (".", "./"),
            ("./..", "./"),
            (".foo", "./.foo"),
            ("clusters//a/", "./clusters/a"),
        ] {
            assert_eq!(folder(path), is, "{path}");
        }
    }

    #[test]
    fn times_as_go_has_them() {
        let go = |millis| go_duration(Duration::from_millis(millis));
        for (millis, is) in
            [(60_000, "1m0s"), (1500, "1.5s"), (3_600_000, "1h0m0s"), (3_661_020, "1h1m1.02s"), (30_000, "30s"), (86_400_000, "24h0m0s")]
        {
            assert_eq!(go(millis).as_deref(), Some(is));
        }
        assert_eq!((go(999), go_duration(Duration::from_nanos(1_000_000_001))), (None, None));
    }

    #[test]
    fn the_usual_files() {
        let text = manifest(&Sync::of("ssh://git@github.com/o/r", "clusters/x")).unwrap();
        let wanted = "# This manifest was generated by flux. DO NOT EDIT.
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: flux-system
  namespace: flux-system
spec:
  interval: 1m0s
  ref:
    branch: main
  secretRef:
    name: flux-system
  url: ssh://git@github.com/o/r
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: flux-system
  namespace: flux-system
spec:
  interval: 10m0s
  path: ./clusters/x
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
";
        assert_eq!(text, wanted);
        let wanted =
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- gotk-components.yaml\n- gotk-sync.yaml\n";
        assert_eq!(resources(&[COMPONENTS_FILE, SYNC_FILE]).unwrap(), wanted);
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        type Change = fn(&mut Sync);
        let cases: &[(Change, &str)] = &[
            (|sync| sync.namespace = "A".into(), "`A` cannot be the namespace"),
            (|sync| sync.secret = "a_b".into(), "`a_b` cannot be the name of the secret"),
            (|sync| sync.url = String::new(), "the URL `` cannot be written"),
            (|sync| sync.branch = "a\nb".into(), "the branch `a\\nb` cannot be written"),
            (|sync| sync.path = "a\u{7}".into(), "the path `./a\\u{7}` cannot be written"),
            (|sync| sync.sparse_checkout = vec![String::new()], "the folder `` cannot be written"),
            (|sync| sync.interval = Duration::ZERO, "Flux cannot look at a repository every 0ns"),
        ];
        for (change, why) in cases {
            let mut sync = Sync::of("https://github.com/o/r.git", "");
            change(&mut sync);
            let error = manifest(&sync).unwrap_err();
            assert!(error.to_string().starts_with(why) && !error.hint().is_empty(), "{error}");
        }
    }
}
