//! A person's own kustomization.yaml, which may change Flux's objects: built by kubectl, as the person would. Nothing is merged here.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use super::super::github::commit::File;
use crate::yaml::objects;

/// How long a build may take: it reads files, and what a person may have named on the internet.
const WITHIN: Duration = Duration::from_secs(120);

/// Why there are no objects.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// There is no kubectl.
    #[error("kustomization.yaml has more in it than Flux's own two files, and kubectl, which builds it, is not here")]
    NoKubectl,
    /// It is not done.
    #[error("`kubectl kustomize` did not build the cluster's own kustomization.yaml: {0}")]
    Build(String),
    /// The files cannot be laid out.
    #[error("the cluster's files cannot be laid out for kubectl")]
    Files(#[source] io::Error),
    /// What it built is none.
    #[error("what `kubectl kustomize` built cannot be read: {0}")]
    Objects(String),
}

impl OverlayError {
    /// What to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoKubectl => Some("install kubectl, or apply it by hand: `kubectl apply --server-side --kustomize FOLDER`".into()),
            Self::Build(_) => Some("mend it in the repository; `kubectl kustomize FOLDER` in a clone says the same".into()),
            Self::Files(_) | Self::Objects(_) => None,
        }
    }
}

/// Builds a folder's kustomization from files that lie in it, by their paths in it.
///
/// # Errors
/// There is no kubectl, or it does not build.
pub async fn build(kubectl: &Path, scratch: &Path, files: &[File]) -> Result<Vec<Value>, OverlayError> {
    for file in files {
        let path = scratch.join(&file.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(OverlayError::Files)?;
        }
        std::fs::write(&path, &file.content).map_err(OverlayError::Files)?;
    }
    let mut command = Command::new(kubectl);
    command.arg("kustomize").arg(scratch).stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(WITHIN, command.output()).await {
        Err(_) => return Err(OverlayError::Build(format!("it takes longer than {WITHIN:?}"))),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => return Err(OverlayError::NoKubectl),
        Ok(Err(error)) => return Err(OverlayError::Build(error.to_string())),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        return Err(OverlayError::Build(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    objects::read("kustomization.yaml", &String::from_utf8_lossy(&output.stdout)).map_err(OverlayError::Objects)
}

/// Where kubectl is, in a list of folders like `PATH`.
pub fn kubectl(path: &std::ffi::OsStr) -> PathBuf {
    let found = std::env::split_paths(path).map(|folder| folder.join("kubectl")).find(|file| file.is_file());
    found.unwrap_or_else(|| PathBuf::from("/nonexistent/kubectl"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn stand_in(dir: &Path, script: &str) -> PathBuf {
        let path = dir.join("kubectl");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[tokio::test]
    async fn what_kubectl_says_is_what_counts() {
        let (dir, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let files = [File { path: "a/b.yaml".into(), content: b"apiVersion: v1\nkind: A\nmetadata: {name: a}\n".to_vec() }];
        let good = stand_in(dir.path(), "[ \"$1\" = kustomize ] && cat \"$2/a/b.yaml\"");
        assert_eq!(build(&good, scratch.path(), &files).await.unwrap()[0]["kind"], "A");
        assert_eq!(kubectl(dir.path().as_os_str()), good);
        let bad = stand_in(dir.path(), "echo 'no such patch' >&2; exit 1");
        let error = build(&bad, scratch.path(), &files).await.unwrap_err();
        assert!(error.to_string().ends_with(": no such patch"), "{error}");
        let none = build(&kubectl("/nowhere".as_ref()), scratch.path(), &files).await.unwrap_err();
        assert!(matches!(none, OverlayError::NoKubectl));
    }
}
