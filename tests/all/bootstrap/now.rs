//! What is so in a lab: in the cluster, and at GitHub; and what a person, or somebody else, does to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::lab::{Lab, Said, said};
use crate::testbed::flux::is_ready;
use crate::testbed::github::endpoints::head;
use crate::testbed::github::git::git;
use crate::testbed::github::{Hub, TOKEN};
use crate::testbed::kubernetes::program;

pub const SOURCE: &str = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/flux-system";
pub const KUSTOMIZATION: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/flux-system";
pub const FOLDER: &str = "clusters/lab/flux-system";
/// How long anything may take. On a quiet machine it takes some seconds.
pub const AT_MOST: Duration = Duration::from_secs(120);

/// What the cluster follows, by what, and what is there of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    pub url: String,
    pub branch: String,
    pub head: String,
    /// How many commits the branch has.
    pub commits: usize,
    /// Deploy keys: the key, and whether it may only read.
    pub keys: Vec<(String, bool)>,
    pub secret: BTreeMap<String, String>,
    /// All repositories' branches with their heads.
    pub branches: Vec<String>,
}

impl Now {
    pub fn of(lab: &Lab<'_>) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let source = lab.object(SOURCE);
        let (url, branch) = (text(&source["spec"]["url"]), text(&source["spec"]["ref"]["branch"]));
        let name = url.split_once("github.com/").unwrap().1.trim_end_matches(".git");
        let dir = lab.hub.dir(name);
        let secret = lab.object("/api/v1/namespaces/flux-system/secrets/flux-system");
        let of =
            |(key, value): (&String, &Value)| (key.clone(), String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap());
        let mut secret: BTreeMap<String, String> = secret["data"].as_object().unwrap().iter().map(of).collect();
        if let Some(hosts) = secret.get_mut("known_hosts") {
            *hosts = sorted(hosts);
        }
        Self {
            head: head(&dir, &branch).unwrap(),
            commits: git(&dir, &["rev-list", "--count", &branch], b"").unwrap().parse().unwrap(),
            keys: keys(&lab.hub, name),
            secret,
            branches: branches(&lab.hub),
            url,
            branch,
        }
    }

    /// As the cluster is, which has to have read and applied the branch's head, by an answer to who asked last.
    pub fn followed(lab: &Lab<'_>) -> Self {
        let now = Self::of(lab);
        let revision = format!("{}@sha1:{}", now.branch, now.head);
        for (path, at) in [(SOURCE, "/status/artifact/revision"), (KUSTOMIZATION, "/status/lastAppliedRevision")] {
            let object = lab.object(path);
            assert!(is_ready(&object) && object.pointer(at) == Some(&revision.as_str().into()), "{revision}: {object:#}");
            let asked = &object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"];
            assert_eq!(*asked, object["status"]["lastHandledReconcileAt"], "{object:#}");
        }
        now
    }

    /// The names of what the secret holds.
    pub fn holds(&self) -> Vec<&str> {
        self.secret.keys().map(String::as_str).collect()
    }
}

/// Lines of known_hosts, whose order means nothing.
pub fn sorted(hosts: &str) -> String {
    let mut lines: Vec<&str> = hosts.lines().collect();
    lines.sort_unstable();
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// The deploy keys of a repository.
pub fn keys(hub: &Hub, name: &str) -> Vec<(String, bool)> {
    let of = |key: &Value| (key["key"].as_str().unwrap().to_owned(), key["read_only"] == true);
    hub.with(|state| state.repos[name].keys.iter().map(of).collect())
}

/// All repositories' branches with their heads.
pub fn branches(hub: &Hub) -> Vec<String> {
    let names: Vec<String> = hub.with(|state| state.repos.keys().cloned().collect());
    let of = |name: &String| format!("{name} {}", git(&hub.dir(name), &["for-each-ref"], b"").unwrap());
    names.iter().map(of).collect()
}

/// The files of a branch's last commit.
pub fn committed(dir: &Path, branch: &str) -> Vec<String> {
    let said = git(dir, &["diff-tree", "--no-commit-id", "--name-only", "-r", branch], b"").unwrap();
    said.lines().map(str::to_owned).collect()
}

impl Lab<'_> {
    /// As a person runs it a year later: with a token, and without anything that the cluster itself can say.
    ///
    /// Without `--ca-file`, too, which would put the bed's authority into the secret: the program finds it as the system's.
    pub fn again_by(&self, token: &str, arguments: &[&str]) -> Said {
        let mut command = self.program();
        command.env("GITHUB_TOKEN", token).env("NO_COLOR", "1");
        command.args(["bootstrap", "--yes", "--manifests"]).arg(crate::testbed::flux::bundle().unwrap());
        let told = said(command.args(arguments));
        println!("{arguments:?}: {}\n{}{}", told.code, told.out, told.err);
        told
    }

    /// As [`Self::again_by`], by the token that everybody has; it has to be done.
    pub fn again(&self, arguments: &[&str]) -> Said {
        let told = self.again_by(TOKEN, arguments);
        assert_eq!(told.code, 0, "{arguments:?}: {}{}", told.out, told.err);
        told
    }

    pub fn kubectl(&self, arguments: &[&str]) {
        let told = said(self.flux.command(&program("kubectl").unwrap()).args(["--namespace=flux-system"]).args(arguments));
        assert_eq!(told.code, 0, "{arguments:?}: {}{}", told.out, told.err);
    }

    pub fn patch(&self, object: &str, patch: &Value) {
        self.kubectl(&["patch", object, "--type=merge", "--patch", &patch.to_string()]);
    }

    /// Lets Flux read the repository now, and waits until it could not.
    pub fn refused_by_github(&self, at: &str) {
        self.patch("gitrepository/flux-system", &json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": at}}}));
        self.flux.wait_refused("GitOperationFailed", AT_MOST).unwrap();
    }
}
