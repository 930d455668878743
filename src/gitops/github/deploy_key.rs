//! The key with which Flux reads the repository: made here, reconciled on every run.
//!
//! Ours is known by its title, which names the cluster. Those of others are never touched.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Request};
use super::refused::{Refused, Right, Why};
use super::repository::Name;

/// As many keys as a page may have.
const PAGE: usize = 100;
/// PKCS#8 before the seed of an ed25519 key: RFC 8410, 7.
const PKCS8: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A new key.
#[derive(Debug)]
pub struct NewKey {
    /// PKCS#8 in PEM, as Flux's secret has it under `identity`.
    pub private: SecretString,
    /// A line of authorized_keys, without a comment.
    pub public: String,
}

/// There is no randomness to make a key of.
#[derive(Debug, thiserror::Error)]
#[error("no key can be made: the system gives no random bytes")]
pub struct NoKey;

/// Makes an ed25519 key.
///
/// # Errors
/// The system gives no random bytes.
pub fn generate() -> Result<NewKey, NoKey> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).map_err(|_| NoKey)?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NoKey)?;
    let der = STANDARD.encode([PKCS8.as_slice(), &seed].concat());
    let private = SecretString::from(format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n"));
    let mut blob = Vec::new();
    for field in [b"ssh-ed25519".as_slice(), pair.public_key().as_ref()] {
        blob.extend(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        blob.extend(field);
    }
    Ok(NewKey { private, public: format!("ssh-ed25519 {}", STANDARD.encode(blob)) })
}

/// A key of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeployKey {
    /// GitHub's number for it.
    pub id: u64,
    /// Its title.
    pub title: String,
    /// The key, without a comment.
    pub key: String,
    /// Whether it only reads.
    pub read_only: bool,
}

/// What became of our key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was there.
    Kept,
    /// It was missing.
    Added,
    /// Another one had its title, or it had other rights.
    Replaced,
}

/// Why our key is not there.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// GitHub did not do it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A key can be of one repository only.
    #[error("the key is another repository's already, or a person's")]
    Elsewhere,
}

impl KeyError {
    /// What to do, if something can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refused) => refused.hint(),
            Self::Elsewhere => Some("GitHub wants another key for each repository: make a new one".into()),
        }
    }
}

/// The type and the key; what comes behind is a comment.
pub(in super::super) fn same(one: &str, other: &str) -> bool {
    let key = |line: &str| line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    key(one) == key(other)
}

/// All keys of a repository.
///
/// # Errors
/// GitHub did not say: it tells them only to who may administer the repository.
pub async fn list(client: &Client, name: &Name) -> Result<Vec<DeployKey>, Refused> {
    let mut keys: Vec<DeployKey> = Vec::new();
    for page in 1.. {
        let route = format!("{}/keys?per_page={PAGE}&page={page}", name.route());
        let request = Request::get(format!("listing the deploy keys of {name}"), Right::Administration, route);
        let more: Vec<DeployKey> = client.call(request).await?.read()?;
        let count = more.len();
        keys.extend(more);
        if count < PAGE {
            break;
        }
    }
    Ok(keys)
}

/// Makes sure that a key is there, once, under its title and with its rights.
///
/// The new one comes before the old one goes: at no time is there none.
///
/// # Errors
/// GitHub did not do it, or somebody else has the key.
pub async fn reconcile(client: &Client, name: &Name, title: &str, public: &str, read_only: bool) -> Result<Outcome, KeyError> {
    let keys = list(client, name).await?;
    let mut outcome = Outcome::Kept;
    let mut stale: Vec<&DeployKey> = keys.iter().filter(|key| key.title == title && !same(&key.key, public)).collect();
    match keys.iter().find(|key| same(&key.key, public)) {
        Some(key) if key.read_only == read_only => {}
        Some(key) => {
            // the same key cannot be there twice, and its rights cannot be changed; whoever gave it its title, it is ours
            delete(client, name, key).await?;
            add(client, name, &key.title, public, read_only).await?;
            outcome = Outcome::Replaced;
        }
        None => {
            add(client, name, title, public, read_only).await?;
            outcome = if stale.is_empty() { Outcome::Added } else { Outcome::Replaced };
        }
    }
    for key in stale.drain(..) {
        delete(client, name, key).await?;
        outcome = Outcome::Replaced;
    }
    Ok(outcome)
}

async fn add(client: &Client, name: &Name, title: &str, public: &str, read_only: bool) -> Result<(), KeyError> {
    let body = json!({ "title": title, "key": public, "read_only": read_only });
    let request = Request::post(format!("adding the deploy key of {name}"), Right::Administration, format!("{}/keys", name.route()), body);
    match client.call(request).await {
        Ok(_) => Ok(()),
        Err(Refused { why: Why::Invalid { said }, .. }) if said.contains("already in use") => Err(KeyError::Elsewhere),
        Err(refused) => Err(refused.into()),
    }
}

async fn delete(client: &Client, name: &Name, key: &DeployKey) -> Result<(), Refused> {
    let route = format!("{}/keys/{}", name.route(), key.id);
    let request = Request::get(format!("deleting the deploy key `{}` of {name}", key.title), Right::Administration, route);
    // gone already is gone
    client.find(request.with(Method::DELETE)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn a_new_key_is_read_by_others() {
        let key = generate().unwrap();
        assert!(!format!("{key:?}").contains("BEGIN"));
        let read = russh::keys::decode_secret_key(key.private.expose_secret(), None).unwrap();
        let public = read.public_key().to_openssh().unwrap();
        assert!(same(&public, &key.public), "{public} {}", key.public);
        assert_ne!(generate().unwrap().public, key.public);
    }

    #[test]
    fn a_comment_is_not_the_key() {
        assert!(same("ssh-ed25519 AAAA me@there", "ssh-ed25519  AAAA"));
        assert!(!same("ssh-ed25519 AAAA", "ssh-ed25519 AAAB"));
        assert!(!same("ssh-rsa AAAA", "ssh-ed25519 AAAA"));
    }
}
