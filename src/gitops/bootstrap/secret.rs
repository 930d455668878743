//! The secret with which Flux reads the repository: what is in it, and what shall be.
//!
//! Its keys are those of source-controller's GitRepository: <https://fluxcd.io/flux/components/source/gitrepositories/#secret-reference>.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::super::github::deploy_key::NewKey;

/// By what Flux logs in.
#[derive(Debug, Clone)]
pub enum Login {
    /// By a key of its own; the host is known by these lines of known_hosts.
    Ssh {
        /// The host, as known_hosts names it.
        host: String,
        /// Its lines.
        known_hosts: String,
    },
    /// By a token, over HTTPS.
    Token {
        /// The token.
        token: SecretString,
        /// The authority that signed the host's certificate, as PEM.
        authority: Option<String>,
    },
}

/// Why the secret stays as it is, and the run stops.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Its key cannot be read.
    #[error("the secret {0} has an `identity` that is no private key")]
    Identity(String),
    /// Its key wants a passphrase that is not there.
    #[error("the secret {0} has an `identity` that its `password` does not open")]
    Locked(String),
}

impl SecretError {
    /// What to do.
    pub fn hint(&self) -> String {
        let (Self::Identity(name) | Self::Locked(name)) = self;
        let (namespace, name) = name.split_once('/').unwrap_or(("", name));
        format!("`kubectl --namespace {namespace} delete secret {name}` lets the next run make a new key")
    }
}

/// What is to be done with the secret.
#[derive(Clone, Default)]
pub struct Decided {
    /// What shall be in it, without the key that is to be made; none where it stays as it is.
    data: Option<BTreeMap<String, Vec<u8>>>,
    /// The secret as it was read.
    before: Option<Value>,
    /// The public half of the key that it has, a line of authorized_keys.
    pub public: Option<String>,
    /// Whether a key is to be made.
    pub wants_key: bool,
    /// What changes, in words.
    pub changes: Vec<String>,
    /// Whether Flux logs in by something that we leave to whoever made it (a GitHub App, a bearer token).
    pub is_foreign: bool,
}

impl fmt::Debug for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decided").field("changes", &self.changes).field("wants_key", &self.wants_key).finish_non_exhaustive()
    }
}

impl Decided {
    /// Whether anything is written.
    pub fn is_change(&self) -> bool {
        self.data.is_some()
    }

    /// A new key takes the place of the one that is there, and that one's passphrase goes.
    pub(super) fn renew(&mut self) {
        let mut after = self.data.take().unwrap_or_else(|| self.before.as_ref().map(data).unwrap_or_default());
        after.remove("password");
        self.data = Some(after);
        (self.public, self.wants_key) = (None, true);
        self.changes.push("a new key (ed25519): the one in it is for the repository that was followed".into());
    }

    /// The secret as it shall be: with the key that was made, if one was wanted.
    pub fn object(&self, namespace: &str, name: &str, key: Option<&NewKey>) -> Option<Value> {
        let mut data = self.data.clone()?;
        if let Some(key) = key {
            data.insert("identity".into(), key.private.expose_secret().as_bytes().to_vec());
            data.insert("identity.pub".into(), format!("{}\n", key.public).into_bytes());
        }
        let data: BTreeMap<String, String> = data.into_iter().map(|(key, value)| (key, STANDARD.encode(value))).collect();
        let mut object = self.before.clone().unwrap_or_else(
            || json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": namespace }, "type": "Opaque" }),
        );
        let fields = object.as_object_mut()?;
        fields.insert("data".into(), json!(data));
        Some(object)
    }
}

/// What of the secret is not as it shall be.
///
/// # Errors
/// There is a key in it that cannot be read; it is not thrown away.
pub fn decide(existing: Option<&Value>, name: &str, login: &Login) -> Result<Decided, SecretError> {
    let before = existing.map(data).unwrap_or_default();
    let mut after = before.clone();
    let mut decided = Decided { before: existing.cloned(), ..Decided::default() };
    if before.keys().any(|key| key.starts_with("githubApp") || key == "bearerToken") {
        decided.is_foreign = true;
        return Ok(decided);
    }
    match login {
        Login::Ssh { host, known_hosts } => {
            // beside a key, `password` is its passphrase; without one it was a token
            if before.contains_key("identity") {
                decided.public = Some(public(&before, name)?);
            } else {
                decided.wants_key = true;
                decided.changes.push("a new key (ed25519)".into());
                drop_keys(&mut after, &mut decided.changes, &["username", "password", "ca.crt", "caFile"], "over HTTPS");
            }
            if let Some(public) = &decided.public
                && before.get("identity.pub").is_none_or(|line| !is_key(line, public))
            {
                after.insert("identity.pub".into(), format!("{public}\n").into_bytes());
                decided.changes.push("identity.pub is that of its identity".into());
            }
            let known = text(&before, "known_hosts");
            let (hosts, old, new) = hosts(&known, host, known_hosts);
            if hosts != known {
                after.insert("known_hosts".into(), hosts.into_bytes());
                decided.changes.push(format!("known_hosts: {old} of {new} of GitHub's host keys -> all {new}"));
            }
        }
        Login::Token { token, authority } => {
            let mut set = |key: &str, value: &[u8], said: &str| {
                if after.get(key).map(Vec::as_slice) != Some(value) {
                    after.insert(key.into(), value.to_vec());
                    decided.changes.push(said.to_owned());
                }
            };
            set("username", b"git", "the user's name");
            set("password", token.expose_secret().as_bytes(), "the token");
            if let Some(authority) = authority {
                set("ca.crt", authority.as_bytes(), "the authority's certificate");
            }
            drop_keys(&mut after, &mut decided.changes, &["identity", "identity.pub", "known_hosts"], "over SSH");
        }
    }
    if after != before || existing.is_none() {
        decided.data = Some(after);
    }
    Ok(decided)
}

/// What the other way to log in left behind.
fn drop_keys(after: &mut BTreeMap<String, Vec<u8>>, changes: &mut Vec<String>, keys: &[&str], how: &str) {
    let gone = keys.iter().filter(|key| after.remove(**key).is_some()).count();
    if gone > 0 {
        changes.push(format!("what was for logging in {how} goes"));
    }
}

/// What a secret holds.
pub fn data(secret: &Value) -> BTreeMap<String, Vec<u8>> {
    let of = |(key, value): (&String, &Value)| Some((key.clone(), STANDARD.decode(value.as_str()?).ok()?));
    secret.get("data").and_then(Value::as_object).into_iter().flatten().filter_map(of).collect()
}

fn text(data: &BTreeMap<String, Vec<u8>>, key: &str) -> String {
    data.get(key).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}

/// The public half of the key in a secret.
fn public(data: &BTreeMap<String, Vec<u8>>, name: &str) -> Result<String, SecretError> {
    let password = data.get("password").map(|value| String::from_utf8_lossy(value).into_owned());
    let identity = text(data, "identity");
    let key = match russh::keys::decode_secret_key(&identity, password.as_deref()) {
        Ok(key) => key,
        Err(russh::keys::Error::KeyIsEncrypted) => return Err(SecretError::Locked(name.into())),
        Err(_) if password.is_some() => return Err(SecretError::Locked(name.into())),
        Err(_) => return Err(SecretError::Identity(name.into())),
    };
    let mut public = key.public_key().clone();
    public.set_comment("");
    public.to_openssh().map(|line| line.trim().to_owned()).map_err(|_| SecretError::Identity(name.into()))
}

fn is_key(line: &[u8], public: &str) -> bool {
    let line = String::from_utf8_lossy(line);
    line.split_whitespace().take(2).eq(public.split_whitespace().take(2))
}

/// known_hosts with the lines of a host replaced; how many of the new ones were there, and how many there are.
///
/// Lines of other hosts stay; what is no line of a host (a comment) too.
fn hosts(known: &str, host: &str, lines: &str) -> (String, usize, usize) {
    let names = |line: &str| line.split_whitespace().next().is_some_and(|names| names.split(',').any(|name| name == host));
    let key = |line: &str| line.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ");
    let there: Vec<String> = known.lines().filter(|line| names(line)).map(key).collect();
    let wanted: Vec<String> = lines.lines().map(key).collect();
    let old = wanted.iter().filter(|key| there.contains(key)).count();
    // as it stands, if it says the same: the order means nothing
    if old == wanted.len() && there.len() == wanted.len() {
        return (known.to_owned(), old, wanted.len());
    }
    let mut after: String = known.lines().filter(|line| !names(line)).flat_map(|line| [line, "\n"]).collect();
    after.push_str(lines);
    (after, old, wanted.len())
}

#[cfg(test)]
mod tests;
