//! What one place says of the settings: the flags, a file, the environment, the cluster.
//!
//! The fields are named as the Flux CLI's flags. [`FIELDS`] is made of the same lines, so that no place can forget one.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};

use crate::diagnostics::Place;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// True or false.
    Bool,
    /// Several texts.
    List,
    /// A text that must not be shown.
    Secret,
}

/// What a place says of a field.
#[derive(Debug, Clone)]
pub enum Value {
    /// A text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// Several texts.
    List(Vec<String>),
    /// A text that must not be shown.
    Secret(SecretString),
}

/// How a field of a Rust type holds a [`Value`].
trait Held: Sized {
    const KIND: Kind;
    fn value(&self) -> Value;
    fn of(value: Value) -> Option<Self>;
}

macro_rules! held {
    ($($type:ty: $kind:ident),*) => {$(
        impl Held for $type {
            const KIND: Kind = Kind::$kind;
            fn value(&self) -> Value {
                Value::$kind(self.clone())
            }
            fn of(value: Value) -> Option<Self> {
                match value {
                    Value::$kind(value) => Some(value),
                    _ => None,
                }
            }
        }
    )*};
}
held!(String: Text, bool: Bool, Vec<String>: List, SecretString: Secret);

/// Where in the settings' file a field may be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFile {
    /// Under its own key.
    Key,
    /// Below `cluster:`, under this key.
    Cluster(&'static str),
    /// Nowhere: the file is committed, and this is a secret.
    Secret,
    /// Nowhere: it is only found, never wanted.
    Never,
}

/// A field of a [`Layer`].
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name, as the flag and the key of the file have it: `token-auth`.
    pub key: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it is about.
    pub about: &'static str,
    /// Where the file may say it.
    pub in_file: InFile,
    /// What a layer says of it.
    pub get: fn(&Layer) -> Option<Value>,
    /// Has a layer say it; a value of another kind says nothing.
    pub set: fn(&mut Layer, Value),
}

macro_rules! layer {
    ($($name:ident: $type:ty, $key:literal, $in_file:expr, $about:literal;)*) => {
        /// What one place says; nothing of what is none.
        #[derive(Debug, Clone, Default)]
        pub struct Layer {
            $(#[doc = $about] pub $name: Option<$type>,)*
            /// Where in a text each field was said, by its key.
            pub places: BTreeMap<&'static str, Place>,
            /// By which variable each field was said, by its key.
            pub variables: BTreeMap<&'static str, &'static str>,
        }

        /// All fields, in the order in which they are shown.
        pub const FIELDS: &[Field] = &[$(Field {
            key: $key,
            kind: <$type as Held>::KIND,
            about: $about,
            in_file: $in_file,
            get: |layer| layer.$name.as_ref().map(Held::value),
            set: |layer, value| layer.$name = Held::of(value),
        },)*];
    };
}

layer! {
    owner: String, "owner", InFile::Key, "the user or the organisation that owns the repository";
    repository: String, "repository", InFile::Key, "the name of the repository";
    personal: bool, "personal", InFile::Key, "whether the owner is a user, and no organisation";
    private: bool, "private", InFile::Key, "whether a repository that has to be created is private";
    branch: String, "branch", InFile::Key, "the branch that Flux follows";
    path: String, "path", InFile::Key, "the cluster's folder in the repository";
    interval: String, "interval", InFile::Key, "how often Flux looks at the repository";
    hostname: String, "hostname", InFile::Key, "where GitHub is";
    ssh_hostname: String, "ssh-hostname", InFile::Key, "where GitHub's SSH is, if not at the same name";
    token_auth: bool, "token-auth", InFile::Key, "whether Flux reads by the token, and not by a deploy key";
    read_write_key: bool, "read-write-key", InFile::Key, "whether the deploy key may write";
    secret_name: String, "secret-name", InFile::Key, "the secret that Flux reads the repository with";
    ca_file: String, "ca-file", InFile::Key, "certificates by which GitHub is trusted";
    recurse_submodules: bool, "recurse-submodules", InFile::Key, "whether submodules are fetched too";
    sparse_checkout: Vec<String>, "sparse-checkout", InFile::Key, "the only folders that are fetched";
    version: String, "version", InFile::Key, "the release of Flux";
    namespace: String, "namespace", InFile::Key, "where Flux lives in the cluster";
    components: Vec<String>, "components", InFile::Key, "Flux's controllers";
    components_extra: Vec<String>, "components-extra", InFile::Key, "controllers beside those";
    registry: String, "registry", InFile::Key, "where the controllers' images are";
    image_pull_secret: String, "image-pull-secret", InFile::Key, "a secret to pull the images with";
    registry_creds: SecretString, "registry-creds", InFile::Secret, "user and password that this secret is made of";
    watch_all_namespaces: bool, "watch-all-namespaces", InFile::Key, "whether Flux acts in all namespaces";
    network_policy: bool, "network-policy", InFile::Key, "whether network policies close Flux's namespace";
    log_level: String, "log-level", InFile::Key, "how much the controllers log";
    cluster_domain: String, "cluster-domain", InFile::Key, "the domain of the cluster's services";
    toleration_keys: Vec<String>, "toleration-keys", InFile::Key, "taints that the controllers bear";
    author_name: String, "author-name", InFile::Key, "who the commits are by";
    author_email: String, "author-email", InFile::Key, "the address of who they are by";
    commit_message_appendix: String, "commit-message-appendix", InFile::Key, "what stands at the end of each commit's message";
    manifests: String, "manifests", InFile::Key, "the release's manifests.tar.gz, to go on without internet";
    timeout: String, "timeout", InFile::Key, "how long is waited for";
    kubeconfig: String, "kubeconfig", InFile::Key, "how the cluster is reached";
    context: String, "context", InFile::Cluster("context"), "the kubeconfig's context";
    cluster_uid: String, "cluster-uid", InFile::Cluster("uid"), "the cluster that this is for: the UID of its namespace kube-system";
    token: SecretString, "token", InFile::Secret, "GitHub's token";
    url: String, "url", InFile::Never, "the address by which the cluster reads the repository today";
    provider: String, "provider", InFile::Never, "who the cluster asks for a token today";
}

impl Field {
    /// The field of that name.
    pub fn named(key: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.key == key)
    }

    /// How the settings' file says it: `token-auth`, `cluster.uid`; none if it cannot.
    pub fn file_key(&self) -> Option<String> {
        match self.in_file {
            InFile::Key => Some(self.key.to_owned()),
            InFile::Cluster(key) => Some(format!("cluster.{key}")),
            InFile::Secret | InFile::Never => None,
        }
    }
}

impl Value {
    /// As a person writes it; of a secret only that it is there.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Bool(truth) => truth.to_string(),
            Self::List(list) => list.join(","),
            Self::Secret(_) => REDACTED.to_owned(),
        }
    }

    /// Whether it says nothing: an empty secret or an empty text.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Secret(secret) => secret.expose_secret().is_empty(),
            Self::Bool(_) | Self::List(_) => false,
        }
    }
}

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_set_and_read_by_the_table() {
        for field in FIELDS {
            let mut layer = Layer::default();
            assert!((field.get)(&layer).is_none());
            let (value, shown) = match field.kind {
                Kind::Text => (Value::Text("a".into()), "a"),
                Kind::Bool => (Value::Bool(true), "true"),
                Kind::List => (Value::List(vec!["a".into(), "b".into()]), "a,b"),
                Kind::Secret => (Value::Secret("hunter2".to_owned().into()), "[redacted]"),
            };
            (field.set)(&mut layer, value);
            assert_eq!((field.get)(&layer).unwrap().shown(), shown, "{}", field.key);
            let said = FIELDS.iter().filter(|other| (other.get)(&layer).is_some()).count();
            assert_eq!(said, 1, "{}", field.key);
            assert!(!format!("{layer:?}").contains("hunter2"));
            let other = if field.kind == Kind::Bool { Value::Text("a".into()) } else { Value::Bool(true) };
            (field.set)(&mut layer, other);
            assert!((field.get)(&layer).is_none(), "{}", field.key);
        }
        let mut keys: Vec<_> = FIELDS.iter().map(|field| field.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), FIELDS.len());
    }
}
