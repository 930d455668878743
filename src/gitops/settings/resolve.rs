//! Layers to settings: what holds, checked as a whole; all that is wrong with it is told at once.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::address::Address;
use super::check;
use super::duration::duration;
use super::layer::{Layer, Value};
use super::merge::{Merged, how_to_say};
use super::origin::{Origin, Whence};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::gitops::github::repository::Name;
use crate::gitops::manifests::sync::{self, SyncError};
use crate::gitops::manifests::{OptionError, Options, Sync, Wanted};

/// What is wanted of the bootstrap. Every value is checked, and all of them agree.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The user or the organisation.
    pub owner: String,
    /// The repository's name.
    pub repository: String,
    /// Whether the owner is a user.
    pub personal: bool,
    /// Whether a new repository is private.
    pub private: bool,
    /// Where GitHub is.
    pub hostname: String,
    /// Where its SSH is, if elsewhere.
    pub ssh_hostname: Option<String>,
    /// Whether Flux reads by the token.
    pub token_auth: bool,
    /// Whether the deploy key may write.
    pub read_write_key: bool,
    /// Certificates by which GitHub is trusted.
    pub ca_file: Option<PathBuf>,
    /// User and password of the images' registry.
    pub registry_creds: Option<Credentials>,
    /// The name of the secret for them.
    pub image_pull_secret: Option<String>,
    /// Who commits.
    pub author_name: String,
    /// Their address.
    pub author_email: Option<String>,
    /// The end of each commit's message.
    pub commit_message_appendix: Option<String>,
    /// The release's archive.
    pub manifests: Option<PathBuf>,
    /// How long is waited for.
    pub timeout: Duration,
    /// How the cluster is reached.
    pub kubeconfig: Option<PathBuf>,
    /// Its context.
    pub context: Option<String>,
    /// Which cluster this is for.
    pub cluster_uid: Option<String>,
    /// GitHub's token; whether there has to be one is for the caller to say.
    pub token: Option<SecretString>,
    /// What is rendered.
    pub options: Options,
    /// From where Flux reads.
    pub sync: Sync,
    pub(super) merged: Merged,
}

/// A user of a registry.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Their name.
    pub user: String,
    /// Their password.
    pub password: SecretString,
}

impl Settings {
    /// Where a field came from, by its name (`token-auth`); none if nothing says it.
    pub fn where_from(&self, key: &str) -> Option<&Whence> {
        self.merged.whence.get(key)
    }

    /// Whether a person asked for that field: by a flag, a file or a variable.
    pub fn is_wanted(&self, key: &str) -> bool {
        self.merged.is_wanted(key)
    }

    /// The cluster's folder as git has it: `clusters/home`; empty for the root.
    pub fn folder(&self) -> String {
        sync::folder(&self.sync.path).trim_start_matches("./").to_owned()
    }

    /// A file of the cluster's folder as git has it: `clusters/home/infrastructure.yaml`.
    pub fn file(&self, name: &str) -> String {
        let folder = self.folder();
        if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
    }
}

/// Resolves layers, the strongest first; the Flux CLI's defaults come last by themselves.
///
/// # Errors
/// All that is missing, wrong, or does not go together.
pub fn resolve(layers: &[(Origin, Layer)]) -> Result<Settings, Diagnostics> {
    let mut found = Finder { merged: Merged::of(layers), problems: Diagnostics::new() };
    let settings = found.settings();
    let Finder { merged, mut problems } = found;
    if problems.0.is_empty() && settings.is_none() {
        problems.push(Diagnostic::error("the settings cannot be put together"));
    }
    match settings {
        Some(settings) if !problems.has_errors() => Ok(Settings { merged, ..settings }),
        _ => Err(problems),
    }
}

struct Finder {
    merged: Merged,
    problems: Diagnostics,
}

impl Finder {
    fn wrong(&mut self, key: &str, message: impl AsRef<str>, hint: impl Into<String>) {
        let problem = self.merged.problem(key, message.as_ref()).hint(hint);
        self.problems.push(problem);
    }

    fn settings(&mut self) -> Option<Settings> {
        let layer = self.merged.layer.clone();
        let name = self.name(&layer);
        self.hosts(&layer);
        self.agree(&layer);
        let (interval, timeout) = (self.time("interval", layer.interval.as_deref()), self.time("timeout", layer.timeout.as_deref()));
        let registry_creds = self.credentials(&layer);
        let options = self.options(&layer);
        let sync = self.sync(&layer, name.as_ref(), interval);
        let (owner, repository) = name.map(|name| (name.owner().to_owned(), name.repository().to_owned()))?;
        Some(Settings {
            owner,
            repository,
            personal: layer.personal?,
            private: layer.private?,
            hostname: layer.hostname?,
            ssh_hostname: said(layer.ssh_hostname),
            token_auth: layer.token_auth?,
            read_write_key: layer.read_write_key?,
            ca_file: said(layer.ca_file).map(PathBuf::from),
            registry_creds,
            image_pull_secret: said(layer.image_pull_secret),
            author_name: layer.author_name?,
            author_email: said(layer.author_email),
            commit_message_appendix: said(layer.commit_message_appendix),
            manifests: said(layer.manifests).map(PathBuf::from),
            timeout: timeout?,
            kubeconfig: said(layer.kubeconfig).map(PathBuf::from),
            context: said(layer.context),
            cluster_uid: said(layer.cluster_uid),
            token: layer.token.filter(|token| !Value::Secret(token.clone()).is_empty()),
            options: options?,
            sync: sync?,
            merged: Merged::default(),
        })
    }

    /// Owner and repository, which nobody can guess.
    fn name(&mut self, layer: &Layer) -> Option<Name> {
        let (owner, repository) = (said(layer.owner.clone()), said(layer.repository.clone()));
        let missing = [("owner", &owner), ("repository", &repository)].map(|(key, value)| value.is_none().then_some(key));
        for key in missing.into_iter().flatten() {
            let about = if key == "owner" { "whose repository it is" } else { "which repository it is" };
            self.problems.push(Diagnostic::error(format!("`{key}` is missing: {about}")).hint(how_to_say(key)));
        }
        if let Some((owner, name)) = repository.as_deref().and_then(|name| name.split_once('/')) {
            self.wrong(
                "repository",
                "it is the name alone, without its owner",
                format!("say `{owner}` as `owner` and `{name}` as `repository`"),
            );
            return None;
        }
        if let Some(name) = repository.as_deref().and_then(|name| name.strip_suffix(".git")) {
            self.wrong("repository", "it is the name alone, without `.git`", format!("write `{name}`"));
            return None;
        }
        // each by itself, so that both are told
        let letters = "GitHub's names have letters, digits, `-`, `_` and `.`";
        for (key, owner, name) in [("owner", owner.as_deref(), Some("x")), ("repository", Some("x"), repository.as_deref())] {
            if let (Some(owner), Some(name)) = (owner, name)
                && Name::new(owner, name).is_err()
            {
                let bad = if key == "owner" { owner } else { name };
                self.wrong(key, format!("`{}` is no name on GitHub", bad.escape_debug()), letters);
            }
        }
        Name::new(&owner?, &repository?).ok()
    }

    fn hosts(&mut self, layer: &Layer) {
        for (key, host) in [("hostname", layer.hostname.clone()), ("ssh-hostname", said(layer.ssh_hostname.clone()))] {
            if let Some(host) = host.filter(|host| !check::is_host(host)) {
                self.wrong(key, format!("`{}` is no host", host.escape_debug()), "write the name alone, perhaps with a port: `github.com`");
            }
        }
        if let Some(branch) = &layer.branch
            && let Some(why) = check::branch(branch)
        {
            self.wrong("branch", format!("`{}`: {why}", branch.escape_debug()), "write it as `git branch` shows it, e.g. main");
        }
        if let Some(path) = &layer.path
            && let Some(why) = check::path(path)
        {
            self.wrong(
                "path",
                format!("`{}`: {why}", path.escape_debug()),
                "write a folder from the repository's root on, e.g. clusters/home",
            );
        }
        if let Some(uid) = layer.cluster_uid.as_deref().filter(|uid| !uid.is_empty() && !check::is_uid(uid)) {
            let hint = "it is what `kubectl get namespace kube-system -o jsonpath={.metadata.uid}` prints";
            self.wrong("cluster-uid", format!("`{}` is no UID", uid.escape_debug()), hint);
        }
    }

    /// What does not go together.
    fn agree(&mut self, layer: &Layer) {
        let (folder, only) = (layer.path.as_deref().unwrap_or_default(), layer.sparse_checkout.as_deref().unwrap_or_default());
        if !only.is_empty() && !check::is_fetched(folder, only) {
            let message = format!("the cluster's folder {} is not among the folders that are fetched", sync::folder(folder));
            self.wrong("sparse-checkout", message, "add it: Flux would not find its own files");
        }
        if layer.read_write_key == Some(true) && layer.token_auth == Some(true) {
            let hint = "take one of both away: with `token-auth` there is no deploy key";
            self.wrong("read-write-key", "there is no deploy key that may write where Flux reads by the token", hint);
        }
        for (key, value) in [("author-name", &layer.author_name), ("author-email", &layer.author_email)] {
            let value = value.as_deref().unwrap_or_default();
            if value.chars().any(|c| c.is_control() || "<>".contains(c)) || (key == "author-name" && value.trim().is_empty()) {
                self.wrong(key, format!("`{}` cannot stand in a commit", value.escape_debug()), "write one line without `<` and `>`");
            }
        }
    }

    fn time(&mut self, key: &str, text: Option<&str>) -> Option<Duration> {
        let text = text?;
        let time = duration(text).filter(|time| !time.is_zero());
        if time.is_none() {
            self.wrong(key, format!("`{}` is no time", text.escape_debug()), "write numbers with their units: 1m0s, 10m, 1h30m");
        }
        time
    }

    fn credentials(&mut self, layer: &Layer) -> Option<Credentials> {
        let creds = layer.registry_creds.as_ref().map(|creds| creds.expose_secret()).filter(|creds| !creds.is_empty())?;
        if said(layer.image_pull_secret.clone()).is_none() {
            let hint = format!("name the secret that they are written into: {}", how_to_say("image-pull-secret"));
            self.wrong("registry-creds", "`image-pull-secret` is missing", hint);
        }
        match creds.split_once(':') {
            Some((user, password)) if !user.is_empty() && !password.is_empty() && !password.contains(':') => {
                Some(Credentials { user: user.to_owned(), password: password.to_owned().into() })
            }
            _ => {
                self.wrong("registry-creds", "it is no user with a password", "write `user:password`, with exactly one colon");
                None
            }
        }
    }

    fn options(&mut self, layer: &Layer) -> Option<Options> {
        let wanted = Wanted {
            version: layer.version.clone()?,
            namespace: layer.namespace.clone()?,
            components: layer.components.clone()?,
            components_extra: layer.components_extra.clone()?,
            registry: layer.registry.clone()?,
            image_pull_secret: said(layer.image_pull_secret.clone()),
            watch_all_namespaces: layer.watch_all_namespaces?,
            network_policy: layer.network_policy?,
            log_level: layer.log_level.clone()?,
            cluster_domain: layer.cluster_domain.clone()?,
            toleration_keys: layer.toleration_keys.clone()?,
        };
        let extra = wanted.components_extra.clone();
        match Options::check(wanted) {
            Ok(options) => Some(options),
            Err(wrong) => {
                wrong.iter().for_each(|error| self.wrong(field(error, &extra), error.to_string(), error.hint()));
                None
            }
        }
    }

    /// From where Flux reads. An address that leads there already is kept as it is written.
    fn sync(&mut self, layer: &Layer, name: Option<&Name>, interval: Option<Duration>) -> Option<Sync> {
        let is_ssh = layer.token_auth == Some(false);
        let hostname = layer.hostname.clone()?;
        let host = if is_ssh { said(layer.ssh_hostname.clone()).unwrap_or(hostname) } else { hostname };
        // what else is wrong is found with any name
        let (owner, repository) = name.map_or(("x", "x"), |name| (name.owner(), name.repository()));
        let address = Address { is_ssh, host, owner: owner.to_owned(), repository: repository.to_owned() };
        let kept = layer.url.clone().filter(|url| Address::parse(url).is_some_and(|url| url.is_same(&address)));
        let provider = said(layer.provider.clone()).filter(|_| kept.is_some());
        if kept.is_none() {
            for (key, layer) in [("url", &mut self.merged.layer.url), ("provider", &mut self.merged.layer.provider)] {
                *layer = None;
                self.merged.whence.remove(key);
            }
            self.merged.layer.url = Some(address.write());
            self.merged.whence.insert("url", Whence { origin: Origin::Computed, key: "url", variable: None });
        }
        let sync = Sync {
            namespace: layer.namespace.clone()?,
            url: kept.unwrap_or_else(|| address.write()),
            branch: layer.branch.clone()?,
            secret: layer.secret_name.clone()?,
            path: sync::folder(layer.path.as_deref()?),
            // a wrong one was told
            interval: interval.unwrap_or(Duration::from_secs(60)),
            provider,
            recurse_submodules: layer.recurse_submodules?,
            sparse_checkout: layer.sparse_checkout.clone()?,
        };
        match sync::manifest(&sync) {
            Ok(_) => return Some(sync),
            // the options have told it
            Err(SyncError::Namespace(_)) => {}
            Err(error) => {
                let key = match &error {
                    SyncError::Namespace(_) => "namespace",
                    SyncError::Secret(_) => "secret-name",
                    SyncError::Interval(_) => "interval",
                    SyncError::Value { what: "branch", .. } => "branch",
                    SyncError::Value { what: "path", .. } => "path",
                    SyncError::Value { what: "folder", .. } => "sparse-checkout",
                    SyncError::Value { what: "provider", .. } => "provider",
                    SyncError::Value { .. } => "url",
                };
                // a branch and a path are looked at more closely before
                let problem = self.merged.problem(key, &error.to_string()).hint(error.hint());
                if !(matches!(key, "branch" | "path") && self.problems.has_errors()) {
                    self.problems.push(problem);
                }
            }
        }
        None
    }
}

/// The field that an error is about.
fn field(error: &OptionError, extra: &[String]) -> &'static str {
    match error {
        OptionError::Version(_) => "version",
        OptionError::Namespace(_) => "namespace",
        OptionError::UnknownComponent(name) if extra.contains(name) => "components-extra",
        OptionError::ComponentTwice(component) if extra.iter().any(|name| name == component.name()) => "components-extra",
        OptionError::UnknownComponent(_) | OptionError::ComponentTwice(_) | OptionError::MissingComponent(_) => "components",
        OptionError::Registry(_) => "registry",
        OptionError::ImagePullSecret(_) => "image-pull-secret",
        OptionError::LogLevel(_) => "log-level",
        OptionError::ClusterDomain(_) => "cluster-domain",
        OptionError::TolerationKey(_) => "toleration-keys",
    }
}

/// Nothing said is nothing: `--ca-file=` takes away what a weaker place says.
fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
